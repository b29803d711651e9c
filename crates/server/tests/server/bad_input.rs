//! Calls that are wrong: the right status, one clear message, and everything else goes on.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::json;
use testkit::{Answer, App, Platform, TestDatabase, over_both_databases};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::raw;
use crate::support::{logged, ours, point_at, proxy, says, unified, without_secrets, works};

over_both_databases!(
    an_account_that_is_not_named_or_not_there_is_told,
    a_cursor_holds_for_what_it_was_given_out_for,
    what_no_database_takes_is_refused_before_it,
);

async fn an_account_that_is_not_named_or_not_there_is_told(database: &TestDatabase) {
    let app = App::start(database).await;
    let account = app.connect().await;
    for path in [
        "/unified/ecommerce/orders",
        "/unified/ecommerce/orders/1",
        "/proxy/order",
        "/proxy/order/1",
        "/custom/order",
    ] {
        for none in ["", "?integrated_account_id=", "?integrated_account_id"] {
            says(
                &ours(&app, &app.get(&format!("{path}{none}")).await, 400),
                &["integrated_account_id is missing"],
            );
        }
        let long = "x".repeat(5_000);
        for unknown in ["nobody", "00000000-0000-0000-0000-000000000000", "%27%3B--", &long] {
            let answer = app.get(&format!("{path}?integrated_account_id={unknown}")).await;
            says(&ours(&app, &answer, 404), &["no such integrated account"]);
        }
        if !path.starts_with("/custom") {
            let answer =
                app.get(&format!("{path}?integrated_account_id[]={account}&integrated_account_id[]=x")).await;
            says(&ours(&app, &answer, 400), &["integrated_account_id takes one value"]);
        }
    }
    let row = logged(&app, "http_status_code=404", |row| row["request_type"] == "unified").await;
    assert_eq!(row["message"], "no such integrated account");
    works(&app, &account).await;
    app.shutdown().await;
}

async fn a_cursor_holds_for_what_it_was_given_out_for(database: &TestDatabase) {
    let app = App::start(database).await;
    let (one, other) = (app.connect().await, app.connect().await);
    let list = format!("{}&limit=10&channel=web", unified("orders", &one));
    let page = app.get(&list).await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    assert!(cursor.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter)), "{cursor}");
    app.get(&format!("{list}&next_cursor={cursor}")).await.ok();
    // What changes nothing about which records there are may change.
    app.get(&format!("{list}&next_cursor={cursor}&truto_ignore_remote_data=true")).await.ok();
    for (path, words) in [
        (format!("{list}&next_cursor=x"), &["next_cursor is malformed"][..]),
        (format!("{list}&next_cursor={}", &cursor[1..]), &["next_cursor is malformed"]),
        (format!("{list}&next_cursor=%F0%9F%8D%B7"), &["next_cursor is malformed"]),
        (format!("{list}&next_cursor[]={cursor}"), &["next_cursor"]),
        (format!("{}&channel=web&next_cursor={cursor}", unified("orders", &other)), &["another account"]),
        (
            format!("{}&next_cursor={cursor}", unified("customers", &one)),
            &["another resource or other filters"],
        ),
        (format!("{}&next_cursor={cursor}", unified("orders", &one)), &["other filters"]),
        (format!("{}&channel=pos&next_cursor={cursor}", unified("orders", &one)), &["other filters"]),
        (format!("{list}&status=active&next_cursor={cursor}"), &["other filters"]),
        (format!("{list}&remote_query[q]=1&next_cursor={cursor}"), &["other filters"]),
        (format!("{}&next_cursor={cursor}", proxy("order", &one)), &["another resource"]),
    ] {
        says(&ours(&app, &app.get(&path).await, 400), words);
    }
    logged(&app, "http_status_code=400", |row| row["message"].as_str().unwrap().contains("malformed")).await;
    works(&app, &one).await;
    app.shutdown().await;
}

async fn what_no_database_takes_is_refused_before_it(database: &TestDatabase) {
    let app = App::start(database).await;
    let account = app.connect().await;
    for path in [
        "/unified/ecommerce/orders?integrated_account_id=a%00b".to_owned(),
        unified("orders/a%00b", &account),
        unified("a%00b", &account),
        proxy("a%00b", &account),
        format!("/custom/a%00b?integrated_account_id={account}"),
        "/custom/a?integrated_account_id=%00".to_owned(),
        "/integrated-account/a%00b".to_owned(),
        "/integrated-account?tenant_id=a%00b".to_owned(),
        "/log?resource=%00".to_owned(),
        "/api-token?name=%00".to_owned(),
        "/environment-integration/%00".to_owned(),
    ] {
        says(&ours(&app, &app.get(&path).await, 400), &["NUL"]);
    }
    for path in [
        "/integrated-account/token",
        "/integrated-account/bulk-delete",
        "/integrated-account/refresh-credentials",
    ] {
        let body = json!({"integrated_account_id": "a\u{0}", "id": "a\u{0}", "ids": ["a\u{0}"]});
        says(&ours(&app, &app.post(path, &body).await, 400), &["NUL"]);
    }
    // A platform that says it does not keep its row from being written, nor those beside it.
    let platform = Platform::listen().await;
    point_at(&app, &account, &platform.base_url()).await;
    let body = r#"{"message":"a\u0000b"}"#;
    let _heads = platform.always(format!(
        "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(app.get(&unified("orders", &account)).await.refused(401), "a\u{0}b");
    let row = logged(&app, "http_status_code=401", |_| true).await;
    assert_eq!(row["message"], "ab");
    assert_eq!(crate::support::account(&app, &account).await["status"], "needs_reauth");
    app.shutdown().await;
}

#[tokio::test]
async fn limits_and_parameters_that_can_not_be_meant_are_refused() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    for (query, words) in [
        ("limit=0", &["limit", "1 to 250"][..]),
        ("limit=251", &["limit", "1 to 250"]),
        ("limit=-1", &["limit", "1 to 250"]),
        ("limit=abc", &["limit", "1 to 250"]),
        ("limit=1.5", &["limit", "1 to 250"]),
        ("limit=99999999999999999999", &["limit", "1 to 250"]),
        ("limit[]=1&limit[]=2", &["limit", "one value"]),
        ("truto_respons_format=raw", &["truto_respons_format", "did you mean \"truto_response_format\""]),
        ("truto_super_query=apac", &["truto_super_query", "keeps no copy"]),
        ("truto_ignore_remote_data=perhaps", &["truto_ignore_remote_data", "true or false"]),
        ("a[b]=1&a=2", &["\"a\"", "both"]),
        ("a=%FF", &["UTF-8"]),
        ("a[b][c][d][e][f][g][h][i][j]=1", &["nested"]),
    ] {
        for list in [unified("orders", &account), proxy("order", &account)] {
            app.sandbox.requests().clear();
            says(&ours(&app, &app.get(&format!("{list}&{query}")).await, 400), words);
            assert_eq!(app.sandbox.requests().total(), 0, "{query}");
        }
    }
    let many = "&a=1".repeat(1_001);
    says(
        &ours(&app, &app.get(&format!("{}{many}", unified("orders", &account))).await, 400),
        &["more than 1000"],
    );
    works(&app, &account).await;
    app.shutdown().await;
}

#[tokio::test]
async fn names_that_are_not_known_are_answered_with_the_nearest() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let which = format!("?integrated_account_id={account}");
    for (path, words) in [
        (format!("/unified/ecomerce/orders{which}"), &["ecomerce", "did you mean \"ecommerce\""][..]),
        (format!("/unified/ecommerce/order{which}"), &["\"order\"", "did you mean \"orders\""]),
        (format!("/unified/ecommerce/zzz{which}"), &["zzz", "customers", "orders", "products"]),
        (format!("/unified/ecommerce/orders/nobody{which}"), &["doc not found"]),
        (format!("/proxy/custmer{which}"), &["custmer", "did you mean \"customer\""]),
        (format!("/unifed/ecommerce/orders{which}"), &["/unifed", "did you mean \"/unified\""]),
        ("/readyzz".to_owned(), &["did you mean \"/readyz\""]),
        ("/unified".to_owned(), &["nothing at /unified", "/openapi.json"]),
        ("/integrated-account/1/2/3".to_owned(), &["nothing at", "/openapi.json"]),
        ("/".repeat(40), &["unknown path"]),
    ] {
        let answer = app.get(&path).await;
        says(&answer.refused(404), words);
        without_secrets(&app, &answer.text);
    }
    for (verb, path, takes) in [
        (Method::PUT, "/unified/ecommerce/orders", "GET"),
        (Method::POST, "/log", "GET"),
        (Method::DELETE, "/integrated-account", "POST"),
        (Method::GET, "/integrated-account/token", "POST"),
    ] {
        let answer = Answer::of(app.request(verb, path)).await;
        says(&ours(&app, &answer, 405), &[path, "allow"]);
        assert!(answer.header("allow").unwrap().contains(takes), "{:?}", answer.headers);
    }
    app.shutdown().await;
}

#[tokio::test]
async fn a_body_that_is_no_json_is_refused() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let create = proxy("order", &account);
    for path in ["/integrated-account", "/environment-integration", "/integrated-account/token", &create] {
        for body in ["{", "no json", "\u{feff}{}", "{'a':1}"] {
            let request =
                app.request(Method::POST, path).header("content-type", "application/json").body(body);
            says(&ours(&app, &Answer::of(request).await, 400), &["the body is not JSON"]);
        }
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let request = app.request(Method::POST, path).header("content-type", "application/json").body(deep);
        ours(&app, &Answer::of(request).await, 400);
    }
    for path in ["/integrated-account", "/integrated-account/token"] {
        let none = Answer::of(app.request(Method::POST, path)).await;
        says(&ours(&app, &none, 400), &["needs a JSON body"]);
        let form = app
            .request(Method::POST, path)
            .header("content-type", "application/x-www-form-urlencoded")
            .body("a=1");
        says(&ours(&app, &Answer::of(form).await, 415), &["application/json"]);
    }
    logged(&app, "http_status_code=400&resource=order", |row| row["method"] == "create").await;
    works(&app, &account).await;
    app.shutdown().await;
}

#[tokio::test]
async fn a_body_of_twenty_megabytes_is_refused_and_its_sender_sees_why() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let large = vec![b' '; 20 << 20];
    for path in ["/integrated-account".to_owned(), proxy("order", &account), unified("orders", &account)] {
        let request =
            app.request(Method::POST, &path).header("content-type", "application/json").body(large.clone());
        says(&ours(&app, &Answer::of(request).await, 413), &["larger than", "bytes"]);
    }
    // One that is announced is refused before a byte of it has come, also to who asks first.
    for expect in ["", "expect: 100-continue\r\n"] {
        let headers = format!("content-type: application/json\r\ncontent-length: 20971520\r\n{expect}");
        let refused = raw::send(&app, "POST", &proxy("order", &account), &headers).await;
        says(&refused.refused(413), &["larger than"]);
    }
    // One that does not announce its size.
    let mut stream = raw::connect(&app).await;
    let head = format!(
        "POST /integrated-account HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        app.token
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("100000\r\n{}\r\n", " ".repeat(1 << 20));
    for _ in 0..20 {
        stream.write_all(chunk.as_bytes()).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    says(&raw::read(stream).await.refused(413), &["larger than"]);
    assert_eq!(app.sandbox.requests().list().iter().filter(|row| row.method == "POST").count(), 0);
    works(&app, &account).await;
    app.shutdown().await;
}

#[tokio::test]
async fn paths_that_lead_elsewhere_are_refused() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    app.sandbox.requests().clear();
    for path in [
        "/custom/../admin",
        "/custom/order/../../admin",
        "/custom/%2e%2e/admin",
        "/custom/.%2E/admin",
        "/custom/a%2fb",
        "/custom/a%5cb",
        "/custom/a%0d%0ax:%20y",
        "/custom/a%0ab",
        "/custom/./order",
        "/proxy/order/..",
        "/proxy/order/%2e%2e",
        "/proxy/order/..%2fcustomer",
        "/proxy/order/a%0d%0ab",
        "/unified/ecommerce/orders/..",
        "/unified/ecommerce/orders/%2e%2e%2fcustomer",
        "/unified/ecommerce/orders/a%2Fb",
        "/unified/ecommerce/orders/a%0d%0ab",
    ] {
        let answer = raw::send(&app, "GET", &format!("{path}?integrated_account_id={account}"), "").await;
        let refused = answer.refused(400);
        assert!(
            ["dots alone", "slashes", "control characters"].iter().any(|fault| refused.contains(fault)),
            "{path}: {refused}"
        );
        without_secrets(&app, &answer.body);
    }
    assert_eq!(app.sandbox.requests().total(), 0, "nothing was sent");
    // What only looks like it is a record that is not there.
    for path in ["/proxy/order/a..b", "/unified/ecommerce/orders/%25", "/custom/order/a%20b"] {
        raw::send(&app, "GET", &format!("{path}?integrated_account_id={account}"), "").await.refused(404);
    }
    // Line breaks in values stay values.
    for query in ["customer_id=a%0d%0aX-Y:%20z", "order_number=%0a"] {
        let page = app.get(&format!("{}&{query}", unified("orders", &account))).await;
        assert_ne!(page.status.as_u16() / 100, 5, "{}", page.text);
    }
    let broken = raw::send(&app, "GET", "/log", "x-a: b\rc\r\n").await;
    assert_eq!(broken.status, 400, "{}", broken.head);
    works(&app, &account).await;
    app.shutdown().await;
}

#[tokio::test]
async fn a_head_that_is_slow_broken_or_huge_ends_and_others_are_served() {
    let database = TestDatabase::sqlite();
    let app = App::start(&database).await;
    let node = app.another_node(&database).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = server::router(node.gateway.clone(), server::Options::default());
    // A single connection at a time: whoever kept it would keep all others out.
    let limits = server::Limits {
        connections: 1,
        head_timeout: Duration::from_millis(50),
        ..server::Limits::default()
    };
    let served = tokio::spawn(async move {
        server::serve(listener, router, limits, &server::Workers::default(), std::future::pending()).await;
    });
    let huge = format!("GET /healthz HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(1 << 20));
    let many = format!("GET /healthz HTTP/1.1\r\n{}\r\n", "x: y\r\n".repeat(1_000));
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(100_000));
    for (head, status) in [
        ("", None),
        ("GET /healthz HT", None),
        ("GET /healthz HTTP/1.1\r\nhost: gateway\r\n", None),
        ("no http at all\r\n\r\n", Some(400)),
        ("GET /healthz HTTP/1.1\r\nx y: z\r\n\r\n", Some(400)),
        ("GET /healthz HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", Some(400)),
        (&huge, Some(431)),
        (&many, Some(431)),
        (&long, Some(414)),
    ] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The other side may have had enough before the end.
        let _ = stream.write_all(head.as_bytes()).await;
        let mut answer = Vec::new();
        // A reset is an end as well.
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8_lossy(&answer);
        let given = answer.split(' ').nth(1).and_then(|code| code.parse::<u16>().ok());
        let start = head.get(..40).unwrap_or(head);
        assert!(given == status || (given.is_none() && head.len() > 100_000), "{start:?}: {answer}");
        drop(stream);
        let healthy = Answer::of(Client::new().get(format!("http://{address}/healthz"))).await;
        assert_eq!(healthy.ok(), json!({"status": "ok"}), "after {start:?}");
    }
    served.abort();
    node.shutdown().await;
    app.shutdown().await;
}
