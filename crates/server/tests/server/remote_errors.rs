//! What a platform does wrong, or refuses: told as it is, logged, and over when it is over.

use std::fs;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{
    Answer, App, Fault, FaultRule, Platform, Setup, TestDatabase, over_both_databases, small_winery,
};

use crate::support::{
    account, impatient, logged, ours, point_at, proxy, remote, says, texts, unified, without_secrets, works,
};

over_both_databases!(
    an_error_of_the_platform_keeps_its_status_and_words,
    an_answer_that_does_not_come_is_told
);

/// The three ways to ask for orders.
fn ways(id: &str) -> [String; 3] {
    [unified("orders", id), proxy("order", id), format!("/custom/order?integrated_account_id={id}")]
}

async fn an_error_of_the_platform_keeps_its_status_and_words(database: &TestDatabase) {
    let app = App::start(database).await;
    let id = app.connect().await;
    for (code, message) in [
        (400, "something went wrong"),
        (404, "doc not found"),
        (409, "something went wrong"),
        (422, "something went wrong"),
        (500, "something went wrong"),
        (429, "Too many requests"),
    ] {
        let headers = [("retry-after", "17"), ("x-platform", "own"), ("set-cookie", "a=b")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        app.sandbox.faults().add(FaultRule::new(Fault::Status { status: code, headers }));
        for path in ways(&id) {
            let answer = impatient(&app, &path).await;
            says(&remote(&app, &answer, code), &[message]);
            assert_eq!(answer.json()["raw_response"]["statusCode"], code);
            assert_eq!(answer.header("content-type"), Some("application/json"));
            assert_eq!((answer.header("x-platform"), answer.header("set-cookie")), (Some("own"), None));
            assert_eq!(answer.header("retry-after"), Some("17"));
            let insight = answer.json()["truto_error_insight"].clone();
            let kind = if code == 429 { "rate_limit_error" } else { "remote_error" };
            assert!(insight[kind]["description"].is_string(), "{insight}");
        }
        app.sandbox.faults().clear();
        let row = logged(&app, &format!("http_status_code={code}"), |_| true).await;
        says(row["message"].as_str().unwrap(), &[message]);
        without_secrets(&app, &row.to_string());
        works(&app, &id).await;
    }
    // One that says it is down is left alone for as long as it says.
    let header = [("retry-after".to_owned(), "17".to_owned())].into();
    app.sandbox.faults().add(FaultRule::new(Fault::Status { status: 503, headers: header }));
    let answer = impatient(&app, &ways(&id)[0]).await;
    says(&remote(&app, &answer, 503), &["something went wrong"]);
    assert_eq!(answer.header("retry-after"), Some("17"));
    says(&ours(&app, &impatient(&app, &ways(&id)[0]).await, 503), &["does not answer"]);
    app.sandbox.faults().clear();
    // None of these says anything about the account.
    let now = account(&app, &id).await;
    assert_eq!(
        (&now["status"], &now["last_error"], &now["last_forbidden_error"]),
        (&json!("active"), &Value::Null, &Value::Null)
    );
    app.shutdown().await;
}

async fn an_answer_that_does_not_come_is_told(database: &TestDatabase) {
    let short = Duration::from_millis(100);
    let upstream =
        upstream::Config { first_byte_timeout: short, idle_timeout: short, ..upstream::Config::default() };
    let app = App::start_with(database, Setup { upstream, ..Setup::default() }).await;
    let id = app.connect().await;
    for (fault, code, words) in [
        (Fault::Latency { milliseconds: 60_000 }, 504, &["did not answer within 0.1 seconds"][..]),
        (Fault::Reset, 502, &["broke the connection off"]),
    ] {
        app.sandbox.faults().add(FaultRule::new(fault).path("/v1/order"));
        for path in ways(&id) {
            says(&ours(&app, &app.get(&path).await, code), words);
        }
        let row = logged(&app, &format!("http_status_code={code}"), |_| true).await;
        assert_eq!(row["http_method"], "GET");
        app.sandbox.faults().clear();
        works(&app, &id).await;
    }
    // A read whose connection broke before any answer is asked once more; the caller does not notice.
    app.sandbox.faults().add(FaultRule::new(Fault::Reset).path("/v1/order").times(1));
    works(&app, &id).await;
    assert_eq!(app.sandbox.faults().list()[0].fired, 1);
    app.sandbox.faults().clear();

    // Cut off in the middle.
    app.sandbox.faults().add(FaultRule::new(Fault::Cut).path("/v1/order"));
    for path in &ways(&id)[..2] {
        says(&ours(&app, &app.get(path).await, 502), &["ended too early"]);
    }
    // A streamed answer has begun by then: its caller sees that it ends too early.
    let mut cut = app.request(Method::GET, &ways(&id)[2]).send().await.unwrap();
    assert_eq!(cut.status(), 200);
    let broken = loop {
        match cut.chunk().await {
            Ok(Some(_)) => {}
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken, "a cut answer must not look whole");
    app.sandbox.faults().clear();
    // Stopping in the middle.
    let platform = Platform::listen().await;
    point_at(&app, &id, &platform.base_url()).await;
    let call = tokio::spawn(Answer::of(app.request(Method::GET, &ways(&id)[0])));
    let mut asked = platform.asked().await;
    asked
        .say("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"orders\":[")
        .await;
    says(&ours(&app, &call.await.unwrap(), 504), &["did not go on with its answer"]);
    // Nobody there.
    let nobody = Platform::listen().await.base_url();
    point_at(&app, &id, &nobody).await;
    says(&ours(&app, &app.get(&ways(&id)[0]).await, 502), &["no connection to 127.0.0.1"]);
    // No HTTP.
    let platform = Platform::listen().await;
    point_at(&app, &id, &platform.base_url()).await;
    let _heads = platform.always("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    ours(&app, &app.get(&ways(&id)[0]).await, 502);
    point_at(&app, &id, &app.sandbox.base_url()).await;
    works(&app, &id).await;
    app.shutdown().await;
}

#[tokio::test]
async fn a_page_of_html_is_no_list() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    app.sandbox.faults().add(FaultRule::new(Fault::Html { status: 200 }).path("/v1/order"));
    for path in [unified("orders", &id), proxy("order", &id), unified("orders/1", &id)] {
        says(&ours(&app, &app.get(&path).await, 502), &["the platform's answer", "not JSON"]);
    }
    // What is passed on is passed on.
    let passed = app.get(&format!("/custom/order?integrated_account_id={id}")).await;
    assert_eq!((passed.status.as_u16(), passed.header("content-type")), (200, Some("text/html")));
    app.sandbox.faults().clear();
    app.sandbox.faults().add(FaultRule::new(Fault::Html { status: 502 }).path("/v1/order"));
    for path in ways(&id) {
        let answer = app.get(&path).await;
        says(&remote(&app, &answer, 502), &["502"]);
        says(answer.json()["raw_response"].as_str().unwrap(), &["<html>"]);
    }
    app.sandbox.faults().clear();
    works(&app, &id).await;
    app.shutdown().await;
}

#[tokio::test]
async fn an_answer_of_another_shape_is_told() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    for (body, list, single) in [
        ("{\"things\":[]}", "orders", "has no id"),
        ("[]", "orders", "has no id"),
        ("null", "orders", "has no id"),
        ("\"x\"", "orders", "has no id"),
        ("7", "orders", "has no id"),
        ("{\"orders\":{}}", "orders", "has no id"),
        ("{\"orders\":null}", "orders", "has no id"),
        ("{\"orders\":[1]}", "has no id", "has no id"),
        ("{\"orders\":[{}]}", "has no id", "has no id"),
        ("", "not JSON", "not JSON"),
        ("{\"orders\":[]", "not JSON", "not JSON"),
    ] {
        let platform = Platform::listen().await;
        point_at(&app, &id, &platform.base_url()).await;
        let _heads = platform.always(format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        ));
        let answer = app.get(&unified("orders", &id)).await;
        assert_eq!(answer.status, 502, "list of {body}: {}", answer.text);
        says(&ours(&app, &answer, 502), &[list]);
        let answer = app.get(&unified("orders/1", &id)).await;
        assert_eq!(answer.status, 502, "get of {body}: {}", answer.text);
        says(&ours(&app, &answer, 502), &[single]);
    }
    // Bytes that are no text, and a cursor that leads nowhere.
    for (body, words) in [
        (&b"{\"orders\":[{\"id\":\"\xff\"}]}"[..], "UTF-8"),
        (b"{\"orders\":[{\"id\":\"1\"}],\"cursor\":\"same\"}", "leads back to the same page"),
    ] {
        let platform = Platform::listen().await;
        point_at(&app, &id, &platform.base_url()).await;
        let mut answer =
            format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len())
                .into_bytes();
        answer.extend_from_slice(body);
        let _heads = platform.always(answer);
        says(&ours(&app, &app.get(&unified("orders", &id)).await, 502), &[words]);
    }
    point_at(&app, &id, &app.sandbox.base_url()).await;
    works(&app, &id).await;
    app.shutdown().await;
}

#[tokio::test]
async fn a_record_that_does_not_fit_its_map_is_named_and_its_neighbours_are_readable() {
    let folder = tempfile::tempdir().unwrap();
    let orders = folder.path().join("order");
    fs::create_dir(&orders).unwrap();
    let order = json!({
        "id": "ffffffff-0000-4000-8000-000000000001",
        "orderNumber": 999_001,
        "total": "a lot",
        "channel": "Web",
        "orderSubmittedDate": "2026-01-01T00:00:00.000Z",
        "items": [],
        "createdAt": "2026-01-01T00:00:00.000Z",
        "updatedAt": "2026-01-01T00:00:00.000Z",
    });
    fs::write(orders.join("odd.json"), order.to_string()).unwrap();
    let winery = testkit::Winery { load: Some(folder.path().to_owned()), ..small_winery() };
    let app = App::sqlite_with(Setup { winery, ..Setup::default() }).await;
    assert_eq!(app.sandbox.loaded().unwrap().total(), 1);
    let id = app.connect().await;
    let odd = order["id"].as_str().unwrap();
    let words = ["total_amount", "a lot", odd];
    let single = app.get(&unified(&format!("orders/{odd}"), &id)).await;
    says(&ours(&app, &single, 502), &words);
    let list = app.get(&format!("{}&limit=250", unified("orders", &id))).await;
    says(&ours(&app, &list, 502), &words);
    let row = logged(&app, "http_status_code=502&method=get", |_| true).await;
    says(row["message"].as_str().unwrap(), &words);
    says(&list.refused(502), &["truto_exclude_fields[]=total_amount", "truto_response_format=raw"]);
    // Raw, without the field, by the proxy, and by any other record it is readable.
    for around in ["truto_exclude_fields[]=total_amount", "truto_response_format=raw"] {
        let page = app.get(&format!("{}&limit=250&{around}", unified("orders", &id))).await.ok();
        assert!(texts(page["result"].as_array().unwrap(), "id").contains(&odd), "{around}");
    }
    app.get(&unified("customers", &id)).await.ok();
    let raw =
        app.get(&format!("{}&truto_response_format=raw", unified(&format!("orders/{odd}"), &id))).await.ok();
    assert_eq!(raw["total"], "a lot");
    let path = format!("{}&truto_exclude_fields=total_amount", unified(&format!("orders/{odd}"), &id));
    assert_eq!(app.get(&path).await.ok()["channel"], "web");
    let all = app.get(&format!("{}&limit=250", proxy("order", &id))).await.ok();
    assert!(texts(all["result"].as_array().unwrap(), "id").contains(&odd));
    works(&app, &id).await;
    app.shutdown().await;
}

#[tokio::test]
async fn a_refusal_of_the_platforms_limit_is_told_to_who_does_not_wait() {
    let header = "Retry-After: {seconds}".to_owned();
    let winery = testkit::Winery { rate_limit: 5, rate_limit_header: vec![header], ..small_winery() };
    let app = App::sqlite_with(Setup { winery, ..Setup::default() }).await;
    let id = app.connect().await;
    let refused = testkit::eventually("refused", || async {
        let answer = impatient(&app, &format!("{}&page=1", proxy("order", &id))).await;
        (answer.status == 429).then_some(answer)
    })
    .await;
    says(&remote(&app, &refused, 429), &["Too many requests"]);
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(refused.json()["truto_error_insight"]["rate_limit_error"].is_object());
    // Walks are by cursor, which the platform does not limit.
    works(&app, &id).await;
    app.shutdown().await;
}

#[tokio::test]
async fn the_fields_that_a_platform_misses_are_named() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let body = json!({
        "statusCode": 422,
        "type": "validationError",
        "message": "One or more elements is missing or invalid",
        "errors": [
            {"field": "title", "message": "required"},
            {"field": "variants.0.sku", "message": "required"},
            {"field": "type", "message": "must be one of Wine, Bundle"},
        ],
    });
    let platform = Platform::listen().await;
    point_at(&app, &id, &platform.base_url()).await;
    let text = body.to_string();
    let _heads = platform.always(format!(
        "HTTP/1.1 422 Unprocessable Entity\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{text}",
        text.len()
    ));
    let custom = format!("/custom/product?integrated_account_id={id}");
    for path in [proxy("product", &id), custom] {
        let answer = app.post(&path, &json!({"type": "x"})).await;
        says(&remote(&app, &answer, 422), &["One or more elements is missing or invalid"]);
        let answer = answer.json();
        assert_eq!(answer["raw_response"], body);
        let missing = &answer["truto_error_insight"]["missing_required_body_fields"];
        assert_eq!(missing["value"], json!(["title", "variants.0.sku"]), "{missing}");
        assert!(missing["description"].is_string());
    }
    app.shutdown().await;
}

#[tokio::test]
async fn an_answer_that_http_does_not_allow_is_the_platforms_fault() {
    let upstream = upstream::Config { max_buffered_body: 100_000, ..upstream::Config::default() };
    let app = App::sqlite_with(Setup { upstream, ..Setup::default() }).await;
    let id = app.connect().await;
    let large = format!("200 OK\r\ncontent-length: 100001\r\n\r\n{}", " ".repeat(100_001));
    for (answer, words) in [
        // Nobody asked for another protocol: a caller who is told so would wait for ever.
        ("101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", "101"),
        ("200 OK\r\nx: \u{1}\r\ncontent-length: 2\r\n\r\n[]", "could not be read"),
        ("200 OK\r\ncontent-length: -1\r\n\r\n[]", "could not be read"),
        ("200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n[]\r\n0\r\n\r\n", ""),
        ("600 Odd\r\ncontent-length: 3\r\n\r\nodd", "600"),
        ("999 Odd\r\ncontent-length: 3\r\n\r\nodd", "999"),
    ] {
        let platform = Platform::listen().await;
        point_at(&app, &id, &platform.base_url()).await;
        let _heads = platform.always(format!("HTTP/1.1 {answer}"));
        for path in ways(&id) {
            if words.is_empty() && path.starts_with("/custom") {
                continue;
            }
            says(&app.get(&path).await.refused(502), &[words]);
        }
    }
    let platform = Platform::listen().await;
    point_at(&app, &id, &platform.base_url()).await;
    let _heads = platform.always(format!("HTTP/1.1 {large}"));
    for path in &ways(&id)[..2] {
        says(&ours(&app, &app.get(path).await, 502), &["larger than 100000 bytes"]);
    }
    assert_eq!(app.get(&ways(&id)[2]).await.text.len(), 100_001, "what is streamed has no limit");
    app.shutdown().await;
}
