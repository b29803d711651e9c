//! Any path of the platform: any verb, streamed both ways.

use reqwest::{Client, Method, redirect};
use serde_json::json;
use testkit::{Answer, App, Platform, TestDatabase, over_both_databases};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::raw;
use crate::support::{logged, ours, point_at, remote, says, without_secrets};

over_both_databases!(json_comes_in_an_envelope_and_anything_else_as_it_is);

fn custom(path: &str, account: &str) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("/custom/{path}{joint}integrated_account_id={account}")
}

async fn json_comes_in_an_envelope_and_anything_else_as_it_is(database: &TestDatabase) {
    let app = App::start(database).await;
    let account = app.connect().await;
    let tenant = app.tenant();
    let direct = |path: &str| {
        reqwest::Client::new()
            .get(format!("{}/{path}", app.sandbox.base_url()))
            .basic_auth(&tenant.app_id, Some(&tenant.app_secret))
            .header("tenant", &tenant.name)
    };
    let own = Answer::of(direct("order?limit=3&channel=Club")).await;
    let answer = app.get(&custom("order?limit=3&channel=Club", &account)).await;
    assert_eq!(answer.ok(), json!({"result": own.json(), "next_cursor": null, "prev_cursor": null}));
    assert!(answer.text.contains(&own.text), "the platform's own text");
    assert_eq!(answer.header("content-length").unwrap(), answer.text.len().to_string());
    for format in ["raw", "stream"] {
        let path = custom(&format!("order?truto_response_format={format}&limit=3&channel=Club"), &account);
        let answer = app.get(&path).await;
        assert_eq!(answer.text, own.text);
        assert_eq!(answer.header("content-type"), own.header("content-type"));
    }
    let head = Answer::of(app.request(Method::HEAD, &custom("order", &account))).await;
    assert_eq!(head.text, "");

    let missing = app.get(&custom("nowhere", &account)).await;
    says(&remote(&app, &missing, 404), &["doc not found"]);
    let wrong = app.get(&custom("order?page=1&cursor=start", &account)).await;
    says(&remote(&app, &wrong, 422), &["Can not use both page and cursor"]);
    let unknown = app.get(&custom("order?truto_key_by=id", &account)).await;
    says(&ours(&app, &unknown, 400), &["truto_key_by"]);

    let row = logged(&app, "request_type=proxy&http_status_code=404", |_| true).await;
    assert_eq!((&row["resource"], &row["method"]), (&json!("nowhere"), &json!("custom")));
    app.shutdown().await;
}

#[tokio::test]
async fn every_verb_goes_through_with_its_query_and_body() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let platform = Platform::listen().await;
    point_at(&app, &account, &platform.base_url()).await;
    for verb in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT"] {
        let method: Method = verb.parse().unwrap();
        let path = format!("/custom/a%20b/%C3%A9?x=%2F+1&x[]=2&integrated_account_id={account}&y");
        let request = app.request(method, &path).header("content-type", "text/plain").body("wörter");
        let call = tokio::spawn(Answer::of(request));
        let mut asked = platform.asked().await;
        assert_eq!(
            asked.head.lines().next().unwrap(),
            format!("{verb} /v1/a%20b/%C3%A9?x=%2F+1&x[]=2&y HTTP/1.1")
        );
        assert_eq!(asked.header("content-type"), Some("text/plain"));
        asked.body_holds("wörter").await;
        asked.say("HTTP/1.1 207 Multi-Status\r\ncontent-type: text/plain\r\ncontent-length: 5\r\nconnection: close\r\n\r\n<ok/>").await;
        let answer = call.await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (207, "<ok/>"), "{verb}");
    }
    app.shutdown().await;
}

#[tokio::test]
async fn headers_that_belong_to_one_connection_end_there_both_ways() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let tenant = app.tenant().name.clone();
    let platform = Platform::listen().await;
    point_at(&app, &account, &platform.base_url()).await;
    let request = app
        .request(Method::POST, &custom("order", &account))
        .header("connection", "keep-alive, x-one-hop")
        .header("x-one-hop", "1")
        .header("keep-alive", "timeout=5")
        .header("te", "trailers")
        .header("decant-max-wait", "5")
        .header("upgrade", "websocket")
        .header("proxy-authorization", "Basic abc")
        .header("cookie", "session=1")
        .header("x-forwarded-for", "10.0.0.1")
        .header("tenant", "another-winery")
        .header("idempotency-key", "k-1")
        .header("x-many", "1")
        .header("x-many", "2")
        .body("{}");
    let call = tokio::spawn(Answer::of(request));
    let mut asked = platform.asked().await;
    let names = [
        "x-one-hop",
        "keep-alive",
        "te",
        "upgrade",
        "proxy-authorization",
        "cookie",
        "x-forwarded-for",
        "decant-max-wait",
    ];
    for name in names {
        assert_eq!(asked.header(name), None, "{}", asked.head);
    }
    assert!(!asked.head.contains(&app.token), "{}", asked.head);
    assert!(asked.header("authorization").unwrap().starts_with("Basic "));
    assert_eq!(asked.header("tenant"), Some(tenant.as_str()), "the account's own");
    assert_eq!(asked.header("idempotency-key"), Some("k-1"));
    assert_eq!(asked.head.matches("x-many").count(), 2);
    assert_eq!(asked.head.to_lowercase().matches("\r\nhost:").count(), 1);

    asked
        .say(
            "HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\ncontent-length: 3\r\netag: \"v1\"\r\nlink: <next>\r\n\
             x-many: 1\r\nx-many: 2\r\nratelimit-remaining: 9\r\nconnection: close, x-one-hop\r\nx-one-hop: 1\r\n\
             keep-alive: timeout=5\r\nproxy-authenticate: Basic\r\nset-cookie: s=1\r\n\r\na,b",
        )
        .await;
    let answer = call.await.unwrap();
    assert_eq!(answer.text, "a,b");
    for (name, value) in [
        ("content-type", "text/csv"),
        ("content-length", "3"),
        ("etag", "\"v1\""),
        ("link", "<next>"),
        ("ratelimit-remaining", "9"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    let many: Vec<_> = answer.headers.get_all("x-many").iter().collect();
    assert_eq!(many, ["1", "2"]);
    for name in ["x-one-hop", "keep-alive", "proxy-authenticate", "set-cookie"] {
        assert_eq!(answer.header(name), None, "{name}");
    }
    app.shutdown().await;
}

#[tokio::test]
async fn bodies_are_streamed_part_by_part_both_ways() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let platform = Platform::listen().await;
    point_at(&app, &account, &platform.base_url()).await;
    let mut caller = raw::connect(&app).await;
    let head = format!(
        "PUT {} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\
         content-type: application/json\r\nconnection: close\r\n\r\n",
        custom("upload", &account),
        app.token
    );
    caller.write_all(head.as_bytes()).await.unwrap();
    caller.write_all(b"7\r\n[\"one\",\r\n").await.unwrap();
    let mut asked = platform.asked().await;
    // The first part is there before the caller has sent the last.
    asked.body_holds("[\"one\",").await;
    // And the answer begins before the request has ended.
    asked
        .say("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n")
        .await;
    asked.say("8\r\n{\"first\"\r\n").await;
    read_until(&mut caller, "{\"result\":", "{\"first\"").await;
    caller.write_all(b"6\r\n\"two\"]\r\n0\r\n\r\n").await.unwrap();
    asked.body_holds("\"two\"]").await;
    asked.say("6\r\n:true}\r\n0\r\n\r\n").await;
    read_until(&mut caller, ":true}", ",\"next_cursor\":null,\"prev_cursor\":null}").await;
    app.shutdown().await;
}

/// Reads until both texts were there, in this order.
async fn read_until(stream: &mut tokio::net::TcpStream, first: &str, then: &str) {
    let mut text = String::new();
    loop {
        if text.find(first).is_some_and(|at| text[at..].contains(then)) {
            return;
        }
        let mut part = vec![0; 4096];
        let length = stream.read(&mut part).await.unwrap();
        assert!(length > 0, "the answer ended: {text}");
        text.push_str(std::str::from_utf8(&part[..length]).unwrap());
    }
}

#[tokio::test]
async fn a_body_of_twenty_megabytes_goes_through() {
    const SIZE: usize = 20 << 20;
    let app = App::sqlite().await;
    let account = app.connect().await;
    let platform = Platform::listen().await;
    point_at(&app, &account, &platform.base_url()).await;
    let request = app.request(Method::POST, &custom("file", &account)).body(vec![b'x'; SIZE]);
    let call = tokio::spawn(Answer::of(request));
    let mut asked = platform.asked().await;
    assert_eq!(asked.header("content-length"), Some(SIZE.to_string().as_str()));
    assert_eq!(asked.body_of(SIZE).await.len(), SIZE);
    asked.say(format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\nconnection: close\r\n\r\n")).await;
    let back = tokio::spawn(async move {
        for _ in 0..20 {
            asked.say(vec![b'y'; SIZE / 20]).await;
        }
    });
    let answer = call.await.unwrap();
    back.await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.text.len()), (200, SIZE));
    app.shutdown().await;
}

#[tokio::test]
async fn json_is_enveloped_whatever_encodings_the_caller_takes() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let platform = Platform::listen().await;
    point_at(&app, &account, &platform.base_url()).await;
    let ask = |path: &str| {
        let request = app.request(Method::GET, &custom(path, &account)).header("accept-encoding", "gzip, br");
        tokio::spawn(Answer::of(request))
    };
    // The envelope is written around plain text, so plain text is what is asked for.
    let call = ask("order");
    let mut asked = platform.asked().await;
    assert_eq!(asked.header("accept-encoding"), None);
    let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/vnd.api+json; charset=utf-8\r\ncontent-length: 2\r\n\
                  etag: \"1\"\r\nconnection: close\r\n\r\n[]";
    asked.say(answer).await;
    let got = call.await.unwrap();
    assert_eq!(got.ok(), json!({"result": [], "next_cursor": null, "prev_cursor": null}));
    assert_eq!(got.header("etag"), None, "it named other bytes");
    // Passed on as it is, the encoding is between the two.
    let call = ask("order?truto_response_format=raw");
    let mut asked = platform.asked().await;
    assert_eq!(asked.header("accept-encoding"), Some("gzip, br"));
    asked.say(answer).await;
    let got = call.await.unwrap();
    assert_eq!((got.text.as_str(), got.header("etag")), ("[]", Some("\"1\"")));
    // No body, no envelope.
    let call = ask("order");
    platform.asked().await.say("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
    let got = call.await.unwrap();
    assert_eq!((got.status.as_u16(), got.text.as_str()), (204, ""));
    app.shutdown().await;
}

#[tokio::test]
async fn what_a_platform_repeats_of_its_request_holds_no_secret() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let platform = Platform::listen().await;
    point_at(&app, &account, &platform.base_url()).await;
    let call = tokio::spawn(Answer::of(app.request(Method::GET, &custom("order", &account))));
    let mut asked = platform.asked().await;
    let basic = asked.header("authorization").unwrap().to_owned();
    let secret = app.tenant().app_secret.clone();
    let body = json!({"message": format!("bad header {basic}"), "seen": {"authorization": basic, "password": [secret]}});
    let body = body.to_string();
    let length = body.len();
    asked
        .say(format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
             x-debug: {basic}\r\nconnection: close\r\n\r\n{body}"
        ))
        .await;
    let answer = call.await.unwrap();
    says(&remote(&app, &answer, 400), &["bad header"]);
    without_secrets(&app, &format!("{:?}", answer.headers));
    let row = logged(&app, "http_status_code=400", |_| true).await;
    without_secrets(&app, &row.to_string());

    // Nor a part of one, where a long message is cut short.
    let call = tokio::spawn(Answer::of(app.request(Method::GET, &custom("order", &account))));
    let body = json!({"message": format!("{}{secret}", "x".repeat(480))}).to_string();
    let length = body.len();
    platform
        .asked()
        .await
        .say(format!(
            "HTTP/1.1 400 Bad Request\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        ))
        .await;
    let answer = call.await.unwrap();
    says(&remote(&app, &answer, 400), &["xxx***"]);
    assert!(!answer.text.contains(&secret[..8]), "{}", answer.text);
    app.shutdown().await;
}

#[tokio::test]
async fn a_verb_that_would_show_the_credentials_or_leave_http_is_not_passed_on() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    app.sandbox.requests().clear();
    for verb in ["TRACE", "CONNECT"] {
        let answer = raw::send(&app, verb, &custom("order", &account), "").await;
        says(&answer.refused(405), &[verb, "not passed on"]);
        says(&answer.head, &["allow: GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE"]);
    }
    assert_eq!(app.sandbox.requests().total(), 0, "nothing was sent");
    let row = logged(&app, "http_status_code=405", |_| true).await;
    assert_eq!(row["method"], "custom");
    app.shutdown().await;
}

#[tokio::test]
async fn an_answer_without_a_body_or_of_bytes_is_passed_on_as_it_is() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let platform = Platform::listen().await;
    point_at(&app, &account, &platform.base_url()).await;
    // A client that follows nothing and unpacks nothing.
    let plain = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
    let ask = |verb: Method| {
        plain
            .request(verb, format!("{}{}", app.url, custom("label", &account)))
            .bearer_auth(&app.token)
            .send()
    };
    let bytes: Vec<u8> = (0..=u8::MAX).collect();
    for (verb, head, body, status, header) in [
        // A redirect is the caller's to follow: it never leads the account's credentials elsewhere.
        (
            Method::GET,
            "302 Found\r\nlocation: http://127.0.0.1:9/x\r\ncontent-length: 0",
            &[][..],
            302,
            ("location", "http://127.0.0.1:9/x"),
        ),
        (
            Method::GET,
            "304 Not Modified\r\ncontent-type: application/json\r\netag: \"1\"",
            &[],
            304,
            ("etag", "\"1\""),
        ),
        (
            Method::GET,
            "200 OK\r\ncontent-type: application/json\r\ncontent-length: 0",
            &[],
            200,
            ("content-length", "0"),
        ),
        (
            Method::HEAD,
            "200 OK\r\ncontent-type: application/json\r\ncontent-length: 1234",
            &[],
            200,
            ("content-length", "1234"),
        ),
        (
            Method::GET,
            "200 OK\r\ncontent-type: image/png\r\ncontent-length: 256",
            &bytes,
            200,
            ("content-type", "image/png"),
        ),
        // A part of a document is none, and packed text can't be written around.
        (
            Method::GET,
            "206 Partial Content\r\ncontent-type: application/json\r\ncontent-range: bytes 0-255/999\r\ncontent-length: 256",
            &bytes,
            206,
            ("content-range", "bytes 0-255/999"),
        ),
        (
            Method::GET,
            "200 OK\r\ncontent-type: application/json\r\ncontent-encoding: zstd\r\ncontent-length: 256",
            &bytes,
            200,
            ("content-encoding", "zstd"),
        ),
    ] {
        let call = tokio::spawn(ask(verb));
        let mut asked = platform.asked().await;
        asked.say(format!("HTTP/1.1 {head}\r\nconnection: close\r\n\r\n")).await;
        asked.say(body).await;
        let answer = call.await.unwrap().unwrap();
        assert_eq!(answer.status(), status, "{head}");
        assert_eq!(answer.headers()[header.0], header.1, "{head}");
        assert_eq!(answer.bytes().await.unwrap(), body, "{head}");
    }
    app.shutdown().await;
}
