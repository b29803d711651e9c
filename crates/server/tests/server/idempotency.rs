//! A write happens once: the same key gives the same answer, on every node, and what nobody knows is said so and not done again.

use std::sync::Arc;
use std::time::Duration;

use gateway::idempotency::fingerprint;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use store::{Claim, NewClaim};
use testkit::{Answer, App, Asked, Platform, Settings, Setup, TestClock, TestDatabase, over_both_databases};
use tokio::task::JoinHandle;

use crate::support::{logged, ours, point_at, proxy, remote, says, without_secrets};

over_both_databases!(
    every_node_gives_a_repeat_the_first_ones_answer,
    what_was_not_applied_leaves_its_key_free,
    what_may_have_been_applied_is_never_sent_again,
    a_node_that_ended_in_the_middle_leaves_a_write_to_be_found_out,
);

/// The ways to write one thing.
fn ways(account: &str) -> [String; 2] {
    [proxy("note", account), custom("note", account)]
}

fn custom(path: &str, account: &str) -> String {
    format!("/custom/{path}?integrated_account_id={account}&truto_response_format=raw")
}

fn keyed(app: &App, url: &str, path: &str, key: &str, body: &Value) -> RequestBuilder {
    let request = Client::new().post(format!("{url}{path}")).bearer_auth(&app.token);
    request.header("idempotency-key", key).json(body)
}

fn start(request: RequestBuilder) -> JoinHandle<Answer> {
    tokio::spawn(Answer::of(request))
}

async fn created(asked: &mut Asked, body: &str) {
    let length = body.len();
    asked
        .say(format!(
            "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nlocation: /note/1\r\n\
             connection: close\r\n\r\n{body}"
        ))
        .await;
}

async fn refuse(asked: &mut Asked, status: &str) {
    let answer =
        format!("HTTP/1.1 {status}\r\nretry-after: 7\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    asked.say(answer).await;
}

fn is_replayed(answer: &Answer) -> bool {
    answer.header("idempotency-replayed") == Some("true")
}

/// An app whose account is at a platform that the test speaks for.
async fn app_at_platform(database: &TestDatabase, setup: Setup) -> (App, String, Platform) {
    let app = App::start_with(database, Setup { is_limited: false, ..setup }).await;
    let account = app.connect().await;
    let platform = Platform::listen().await;
    point_at(&app, &account, &platform.base_url()).await;
    (app, account, platform)
}

/// Checks that the platform was not asked by what came before: the next request that it gets is this one.
async fn is_next(app: &App, platform: &Platform, account: &str) {
    let call = start(app.request(Method::POST, &custom("next", account)));
    let mut asked = platform.asked().await;
    assert!(asked.head.starts_with("POST /v1/next"), "{}", asked.head);
    created(&mut asked, "{}").await;
    call.await.unwrap().ok();
}

async fn every_node_gives_a_repeat_the_first_ones_answer(database: &TestDatabase) {
    let (app, account, platform) = app_at_platform(database, Setup::default()).await;
    let node = app.another_node(database).await;
    let hurried =
        app.another_node_with(database, Settings { write_wait: Duration::ZERO, ..Settings::default() }).await;
    let body = json!({"title": "VIP"});
    for (index, path) in ways(&account).iter().enumerate() {
        let key = format!("key-{index}");
        let ask = |url: &str| keyed(&app, url, path, &key, &body);
        let first = start(ask(&app.url));
        let mut asked = platform.asked().await;
        asked.body_holds("VIP").await;
        // While it runs: one does not wait, others do; and the key is taken.
        let refused = Answer::of(ask(&hurried.url)).await;
        says(&ours(&app, &refused, 409), &["still runs"]);
        assert_eq!(refused.header("retry-after"), Some("1"));
        let other = Answer::of(keyed(&app, &node.url, path, &key, &json!({"title": "vip"}))).await;
        says(&ours(&app, &other, 422), &["another request", "new key"]);
        let waiting: Vec<_> = [&app.url, &node.url, &app.url, &node.url].map(|url| start(ask(url))).into();
        created(&mut asked, "{\"id\":\"1\"}").await;
        let first = first.await.unwrap();
        assert_eq!((first.status.as_u16(), first.text.as_str()), (201, "{\"id\":\"1\"}"));
        assert!(!is_replayed(&first));
        let mut repeats = vec![Answer::of(ask(&hurried.url)).await];
        for waiting in waiting {
            repeats.push(waiting.await.unwrap());
        }
        for repeat in repeats {
            assert_eq!((repeat.status.as_u16(), &repeat.text), (201, &first.text));
            assert!(is_replayed(&repeat));
            for header in ["content-type", "content-length", "location"] {
                assert_eq!(repeat.header(header), first.header(header), "{header}");
            }
        }
        // What else differs is another write.
        for (verb, target) in [
            (Method::PATCH, path.clone()),
            (Method::POST, format!("{path}&x=1")),
            (Method::POST, path.replace("/note", "/club")),
        ] {
            let request = app.request(verb, &target).header("idempotency-key", &key).json(&body);
            says(&ours(&app, &Answer::of(request).await, 422), &["Idempotency-Key"]);
        }
        is_next(&app, &platform, &account).await;
    }

    // Keys are the token's own: of the environment, or of one account.
    let token = app.post("/integrated-account/token", &json!({"integrated_account_id": account})).await.ok();
    let request = app.request_as(token["token"].as_str().unwrap(), Method::POST, &ways(&account)[0]);
    let call = start(request.header("idempotency-key", "key-0").json(&body));
    created(&mut platform.asked().await, "{\"id\":\"2\"}").await;
    assert_eq!(call.await.unwrap().ok()["id"], "2");
    node.shutdown().await;
    hurried.shutdown().await;
    app.shutdown().await;
}

async fn what_was_not_applied_leaves_its_key_free(database: &TestDatabase) {
    let (app, account, platform) = app_at_platform(database, Setup::default()).await;
    let [by_proxy, by_path] = ways(&account);
    for path in [&by_proxy, &by_path] {
        let ask = |body: &Value| start(keyed(&app, &app.url, path, "k", body));
        // Refused by the platform, which proves that nothing was applied.
        for (status, line) in [(422, "422 Unprocessable Entity"), (429, "429 Too Many Requests")] {
            let call = ask(&json!({"title": status}));
            refuse(&mut platform.asked().await, line).await;
            let answer = call.await.unwrap();
            remote(&app, &answer, status);
            assert_eq!(answer.json()["outcome"], "not_applied");
            assert_eq!(answer.header("retry-after"), Some("7"));
        }
        // Refused by the gateway: nothing was sent, so there is nothing to tell about.
        let lost = keyed(&app, &app.url, &path.replace(&account, "nobody"), "k", &json!({}));
        let answer = Answer::of(lost).await;
        ours(&app, &answer, 404);
        assert!(answer.json().get("outcome").is_none());
        // Nobody to be sent to.
        let nobody = Platform::listen().await.base_url();
        point_at(&app, &account, &nobody).await;
        let answer = ask(&json!({})).await.unwrap();
        says(&ours(&app, &answer, 502), &["no connection"]);
        assert_eq!(answer.json()["outcome"], "not_applied");
        point_at(&app, &account, &platform.base_url()).await;
        // A sandbox account is not written to; the same key may be used once it is none.
        let sandbox = format!("/integrated-account/{account}");
        app.patch(&sandbox, &json!({"is_sandbox": true})).await.ok();
        says(&ours(&app, &ask(&json!({})).await.unwrap(), 405), &["sandbox account"]);
        app.patch(&sandbox, &json!({"is_sandbox": false})).await.ok();

        let call = ask(&json!({"title": "right"}));
        let mut asked = platform.asked().await;
        asked.body_holds("right").await;
        created(&mut asked, "{\"id\":\"1\"}").await;
        assert!(!is_replayed(&call.await.unwrap()));
        let answer = ask(&json!({"title": "right"})).await.unwrap();
        assert!(is_replayed(&answer), "{}", answer.text);
        app.store.sweep_idempotency_keys(jiff::Timestamp::MAX).await.unwrap();
    }
    let invalid = app.request(Method::POST, &by_proxy).header("idempotency-key", "k").body("no json");
    ours(&app, &Answer::of(invalid).await, 400);
    let call = start(keyed(&app, &app.url, &by_proxy, "k", &json!({})));
    created(&mut platform.asked().await, "{}").await;
    call.await.unwrap().ok();
    app.shutdown().await;
}

/// How a platform fails a write after it has read it.
#[derive(Debug, Clone, Copy)]
enum Failure {
    Silence,
    Cut,
    HalfAnAnswer,
    Status(&'static str),
}

async fn what_may_have_been_applied_is_never_sent_again(database: &TestDatabase) {
    let short = Duration::from_millis(200);
    let upstream =
        upstream::Config { first_byte_timeout: short, idle_timeout: short, ..upstream::Config::default() };
    let (app, account, platform) = app_at_platform(database, Setup { upstream, ..Setup::default() }).await;
    let body = json!({"title": "VIP"});
    let mut failures = 1..;
    for path in ways(&account) {
        for (failure, status) in [
            (Failure::Silence, 504),
            (Failure::Cut, 502),
            (Failure::HalfAnAnswer, 502),
            (Failure::Status("500 Internal Server Error"), 500),
            (Failure::Status("503 Service Unavailable"), 503),
            (Failure::Status("408 Request Timeout"), 408),
        ] {
            let fail = async |platform: &Platform| {
                let mut asked = platform.asked().await;
                asked.body_holds("VIP").await;
                match failure {
                    Failure::Silence => return Some(asked),
                    Failure::Cut => {}
                    Failure::HalfAnAnswer => {
                        asked.say("HTTP/1.1 201 Created\r\ncontent-length: 9\r\n\r\n{\"id\"").await;
                    }
                    Failure::Status(line) => refuse(&mut asked, line).await,
                }
                None
            };
            let key = format!("{status}-{}-{}", path.len(), failures.next().unwrap());
            let call = start(keyed(&app, &app.url, &path, &key, &body));
            let _held = fail(&platform).await;
            let answer = call.await.unwrap();
            answer.refused(status);
            let told = answer.json();
            assert_eq!(told["outcome"], "unknown", "{failure:?}: {told}");
            let advice = ["look it up before you write again"];
            if matches!(failure, Failure::Status(_)) {
                remote(&app, &answer, status);
                says(told["details"]["what_to_do"].as_str().unwrap(), &advice);
            } else {
                says(&ours(&app, &answer, status), &advice);
            }
            let repeat = Answer::of(keyed(&app, &app.url, &path, &key, &body)).await;
            assert_eq!((repeat.status, &repeat.text), (answer.status, &answer.text), "{failure:?}");
            assert!(is_replayed(&repeat));
            is_next(&app, &platform, &account).await;

            // Without a key it is said as well, but where the answer has begun to be passed on.
            if !matches!(failure, Failure::HalfAnAnswer) {
                let call = start(app.request(Method::POST, &path).json(&body));
                let _held = fail(&platform).await;
                assert_eq!(call.await.unwrap().json()["outcome"], "unknown", "{failure:?}");
            }
        }
        // A read that fails has nothing to tell.
        let call = start(app.request(Method::GET, &path));
        refuse(&mut platform.asked().await, "500 Internal Server Error").await;
        assert!(call.await.unwrap().json().get("outcome").is_none());
    }
    let row = logged(&app, "http_status_code=504", |_| true).await;
    says(row["message"].as_str().unwrap(), &["did not answer", "not known"]);

    // A redirect is not followed, wherever the write went.
    let call = start(keyed(&app, &app.url, &ways(&account)[0], "redirect", &body));
    refuse(&mut platform.asked().await, "303 See Other").await;
    let answer = call.await.unwrap();
    says(&ours(&app, &answer, 502), &["redirect", "look it up"]);
    assert_eq!(answer.json()["outcome"], "unknown");

    // Of a deletion that met no answer it is plain by a look.
    for (seen, outcome) in [("404 Not Found", None), ("200 OK", Some("unknown")), ("500 Oh", Some("unknown"))]
    {
        let call = start(app.request(Method::DELETE, &proxy("note/7", &account)));
        let asked = platform.asked().await;
        assert!(asked.head.starts_with("DELETE /v1/note/7 "), "{}", asked.head);
        drop(asked);
        let mut asked = platform.asked().await;
        assert!(asked.head.starts_with("GET /v1/note/7 "), "{}", asked.head);
        refuse(&mut asked, seen).await;
        let answer = call.await.unwrap();
        match outcome {
            None => assert_eq!(answer.ok(), json!({"id": "7"})),
            Some(outcome) => assert_eq!(answer.json()["outcome"], outcome, "{seen}"),
        }
    }
    app.shutdown().await;
}

async fn a_node_that_ended_in_the_middle_leaves_a_write_to_be_found_out(database: &TestDatabase) {
    // The gateway sweeps by its own clock: what is connecting must not be old for it.
    let clock = TestClock::at(&Timestamp::now().to_string());
    let settings = Settings { write_wait: Duration::ZERO, ..Settings::default() };
    let setup = Setup { database_clock: Arc::new(clock.clone()), settings, ..Setup::default() };
    let (app, account, platform) = app_at_platform(database, setup).await;
    let body = json!({"title": "VIP"});
    let claim = async |verb: Method, path: &str, key: &str, body: &str| {
        // What a node that is killed leaves behind.
        let (path, query) = path.split_once('?').unwrap();
        let new = NewClaim {
            environment_id: &app.environment_id,
            owner: &app.environment_id,
            key,
            fingerprint: &fingerprint(&verb, path, Some(query), body.as_bytes()),
            lease: SignedDuration::from_secs(30),
            keep: SignedDuration::from_hours(24),
        };
        let claim = app.store.claim_idempotency_key(&new).await.unwrap();
        assert!(matches!(claim, Claim::New(_)), "{claim:?}");
    };
    for path in ways(&account) {
        let key = format!("killed-{}", path.len());
        claim(Method::POST, &path, &key, &body.to_string()).await;
        let ask = || Answer::of(keyed(&app, &app.url, &path, &key, &body));
        says(&ours(&app, &ask().await, 409), &["still runs"]);
        clock.advance(SignedDuration::from_secs(31));
        for _ in 0..2 {
            let answer = ask().await;
            says(&ours(&app, &answer, 500), &["stopped while it did the write", "look it up", "new key"]);
            assert_eq!(answer.json()["outcome"], "unknown");
        }
        is_next(&app, &platform, &account).await;
    }

    // A use case that can look finds out, without writing.
    let path = proxy("note/7", &account);
    claim(Method::DELETE, &path, "deleted", "").await;
    clock.advance(SignedDuration::from_secs(31));
    let delete = || app.request(Method::DELETE, &path).header("idempotency-key", "deleted");
    for (seen, status) in [("200 OK", 500), ("404 Not Found", 200)] {
        let call = start(delete());
        let mut asked = platform.asked().await;
        assert!(asked.head.starts_with("GET /v1/note/7 "), "{}", asked.head);
        refuse(&mut asked, seen).await;
        assert_eq!(call.await.unwrap().status.as_u16(), status);
    }
    let again = Answer::of(delete()).await;
    assert_eq!(again.ok(), json!({"id": "7"}));
    assert!(is_replayed(&again));

    // After a day the key is new.
    clock.advance(SignedDuration::from_hours(24));
    let call = start(keyed(&app, &app.url, &proxy("note", &account), "deleted", &body));
    created(&mut platform.asked().await, "{}").await;
    assert!(!is_replayed(&call.await.unwrap()));
    app.shutdown().await;
}

#[tokio::test]
async fn keys_that_have_ended_are_swept() {
    let database = TestDatabase::sqlite();
    let now = jiff::Timestamp::now();
    let clock = Arc::new(TestClock::at(&now.to_string()));
    let setup = Setup { database_clock: clock.clone(), ..Setup::default() };
    let (app, account, platform) = app_at_platform(&database, setup).await;
    // The gateway sweeps by its own clock: what is written from here on is so old for it that keys have ended.
    clock.set(&(now - SignedDuration::from_hours(48)).to_string());
    let ask = |body: Value| start(keyed(&app, &app.url, &proxy("note", &account), "k", &body));
    let call = ask(json!({}));
    created(&mut platform.asked().await, "{}").await;
    call.await.unwrap().ok();
    ask(json!({"title": "another"})).await.unwrap().refused(422);
    let node = app.another_node(&database).await;
    let sweeping = tokio::spawn(async move {
        platform.always("HTTP/1.1 201 Created\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
    });
    testkit::eventually("swept", || async {
        (ask(json!({"title": "another"})).await.unwrap().status == 201).then_some(())
    })
    .await;
    assert_eq!(sweeping.await.unwrap().lock().unwrap().len(), 1);
    node.shutdown().await;
    app.shutdown().await;
}

#[tokio::test]
async fn a_write_that_has_begun_is_brought_to_its_end_when_its_caller_goes_away() {
    let (app, account, platform) = app_at_platform(&TestDatabase::sqlite(), Setup::default()).await;
    for path in ways(&account) {
        let key = format!("gone-{}", path.len());
        let ask = || keyed(&app, &app.url, &path, &key, &json!({"title": "VIP"}));
        let call = start(ask());
        let mut asked = platform.asked().await;
        asked.body_holds("VIP").await;
        call.abort();
        assert!(call.await.is_err());
        let waiting = start(ask());
        created(&mut asked, "{\"id\":\"1\"}").await;
        let answer = waiting.await.unwrap();
        assert_eq!(answer.ok()["id"], "1");
        assert!(is_replayed(&answer));
    }
    app.shutdown().await;
}

#[tokio::test]
async fn a_key_is_one_word_of_visible_ascii_and_reads_have_none() {
    let (app, account, platform) = app_at_platform(&TestDatabase::sqlite(), Setup::default()).await;
    let long = "k".repeat(256);
    for path in ways(&account) {
        for key in [&b""[..], b"a b", b"\t", b"\xc3\xa9", long.as_bytes()] {
            let value = reqwest::header::HeaderValue::from_bytes(key).unwrap();
            let request = app.request(Method::POST, &path).header("idempotency-key", value).json(&json!({}));
            says(&ours(&app, &Answer::of(request).await, 400), &["1 to 255 visible ASCII"]);
        }
        let twice = keyed(&app, &app.url, &path, "a", &json!({})).header("idempotency-key", "b");
        says(&ours(&app, &Answer::of(twice).await, 400), &["one Idempotency-Key"]);
        let nobody = Client::new().post(format!("{}{path}", app.url)).header("idempotency-key", "a b");
        assert_eq!(Answer::of(nobody).await.status, 401);
        // A read takes any, and is never answered from what was kept.
        for id in 0..2 {
            let call = start(app.request(Method::GET, &path).header("idempotency-key", "a b"));
            let body = json!({"notes": [{"id": id}]}).to_string();
            created(&mut platform.asked().await, &body).await;
            let answer = call.await.unwrap();
            assert!(answer.ok().to_string().contains(&id.to_string()) && !is_replayed(&answer));
        }
        let longest = format!("\"{}~", "k".repeat(252 + path.len() % 2));
        let call = start(keyed(&app, &app.url, &path, &longest, &json!({})));
        created(&mut platform.asked().await, "{}").await;
        call.await.unwrap().ok();
        assert!(is_replayed(&Answer::of(keyed(&app, &app.url, &path, &longest, &json!({}))).await));
    }
    app.shutdown().await;
}

#[tokio::test]
async fn bodies_are_kept_within_bounds_and_secrets_not_at_all() {
    let (app, account, platform) = app_at_platform(&TestDatabase::sqlite(), Setup::default()).await;
    let path = custom("file", &account);
    let send = |key: &str, body: Vec<u8>| {
        let request = app.request(Method::PUT, &path).header("idempotency-key", key.to_owned());
        start(request.header("content-type", "application/octet-stream").body(body))
    };
    let answer = send("large", vec![b'x'; (10 << 20) + 1]).await.unwrap();
    says(&ours(&app, &answer, 413), &["10485760 bytes"]);

    // Bytes that are no text, both ways.
    let bytes: Vec<u8> = (0..=u8::MAX).collect();
    let call = send("bytes", bytes.clone());
    let mut asked = platform.asked().await;
    assert_eq!(asked.header("content-length"), Some("256"));
    assert_eq!(asked.body_of(256).await, bytes);
    asked.say("HTTP/1.1 200 OK\r\ncontent-type: image/png\r\ncontent-length: 3\r\nset-cookie: s=1\r\nconnection: close\r\n\r\n").await;
    asked.say(b"\xff\0\xfe").await;
    let first = call.await.unwrap();
    let repeat = send("bytes", bytes).await.unwrap();
    assert!(is_replayed(&repeat));
    assert_eq!(
        (repeat.text.as_str(), repeat.header("content-type")),
        (first.text.as_str(), Some("image/png"))
    );

    // An answer that is too large to be kept is given whole, once.
    const SIZE: usize = (4 << 20) + 1;
    let call = send("long-answer", Vec::new());
    let mut asked = platform.asked().await;
    asked.say(format!("HTTP/1.1 200 OK\r\ncontent-length: {SIZE}\r\nconnection: close\r\n\r\n")).await;
    let said = tokio::spawn(async move { asked.say(vec![b'y'; SIZE]).await });
    assert_eq!(call.await.unwrap().text.len(), SIZE);
    said.await.unwrap();
    let repeat = send("long-answer", Vec::new()).await.unwrap();
    says(&ours(&app, &repeat, 409), &["was applied and answered 200", "too large", "read"]);
    assert_eq!(repeat.json()["outcome"], "applied");
    without_secrets(&app, &format!("{repeat:?}"));
    app.shutdown().await;
}
