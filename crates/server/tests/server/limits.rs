//! The API's own limits: what is counted, what a refusal costs, and when calls are taken again.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::SignedDuration;
use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::{Client, Method};
use serde_json::json;
use server::{Options, Rate};
use store::{Claim, NewClaim};
use testkit::{Answer, App, Setup, TestDatabase, eventually, over_both_databases};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{ours, proxy, says, unified, works};

over_both_databases!(a_refused_write_claims_no_key_and_its_body_is_not_read);

/// So many calls in an hour: no test lasts until there are more.
fn an_hours(calls: u32) -> Option<Rate> {
    Some(Rate::new(NonZeroU32::new(calls).unwrap(), Duration::from_secs(3_600)).unwrap())
}

fn limited(server: Options) -> Setup {
    Setup { server, ..Setup::default() }
}

/// Checks a refusal; gives the seconds that it tells to wait.
#[track_caller]
fn refused(app: &App, answer: &Answer, limit: &str) -> u64 {
    let message = ours(app, answer, 429);
    says(&message, &["used up", "Retry-After", limit]);
    let body = answer.json();
    assert_eq!(body["details"]["limit"], limit, "{body}");
    assert_eq!(body.get("outcome"), None, "nothing was sent: {body}");
    let wait = answer.header("retry-after").unwrap().parse().unwrap();
    says(&message, &[&format!("in {wait} s,")]);
    wait
}

#[tokio::test]
async fn nothing_is_limited_unless_it_is_set() {
    let app = App::sqlite().await;
    for _ in 0..600 {
        app.get("/environment").await.ok();
    }
    app.shutdown().await;
}

#[tokio::test]
async fn a_burst_is_refused_and_who_waits_as_told_is_taken() {
    let rate = Rate::new(NonZeroU32::new(2).unwrap(), Duration::from_secs(4)).unwrap();
    let app = App::sqlite_with(limited(Options { token_limit: Some(rate), ..Options::default() })).await;
    let wait = eventually("more calls than the limit in its time", || async {
        let answer = app.get("/environment").await;
        (answer.status != 200).then(|| refused(&app, &answer, "token"))
    })
    .await;
    assert!((1..=2).contains(&wait), "{wait}");
    // The time that is told is what is proven: it is waited for as a caller does.
    tokio::time::sleep(Duration::from_secs(wait)).await;
    app.get("/environment").await.ok();
    app.shutdown().await;
}

#[tokio::test]
async fn each_token_has_a_limit_of_its_own_on_every_route_that_asks_for_one() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let options =
        Options { token_limit: an_hours(2), metrics: Some(recorder.handle()), ..Options::default() };
    // All of the app runs on this thread.
    let _recording = metrics::set_default_local_recorder(&recorder);
    let app = App::sqlite_with(limited(options)).await;
    let account = app.connect().await;
    // Connecting took both.
    for path in ["/environment", "/log", "/integrated-account", &proxy("order", &account)] {
        refused(&app, &app.get(path).await, "token");
    }
    let other = app.another_token(&app.environment_id, None).await;
    app.get_as(&other, &unified("orders", &account)).await.ok();
    let made = Answer::of(
        app.request_as(&other, Method::POST, "/integrated-account/token")
            .json(&json!({"integrated_account_id": account})),
    )
    .await
    .ok();
    refused(&app, &app.get_as(&other, "/environment").await, "token");
    // An account token counts for itself, whatever it is let into.
    let of_account = made["token"].as_str().unwrap();
    app.get_as(of_account, &proxy("order", &account)).await.ok();
    app.get_as(of_account, "/environment").await.refused(403);
    refused(&app, &app.get_as(of_account, "/integrated-account/me").await, "token");

    // Who has no token has no limit, and is told what a token is.
    for path in ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs/"] {
        assert_eq!(app.get(path).await.status, 200, "{path}");
    }
    app.get("/nowhere").await.refused(404);
    Answer::of(app.request(Method::PUT, "/log")).await.refused(405);
    for _ in 0..3 {
        let stranger = Client::new().get(format!("{}/environment", app.url)).bearer_auth("unknown");
        says(&Answer::of(stranger).await.refused(401), &["not known"]);
    }
    let metrics = app.get("/metrics").await.text;
    says(&metrics, &["decant_rate_limited_total{limit=\"token\"} 6"]);
    app.shutdown().await;
}

#[tokio::test]
async fn an_account_has_one_limit_over_all_tokens_and_all_ways_to_call_it() {
    let app = App::sqlite_with(limited(Options { account_limit: an_hours(4), ..Options::default() })).await;
    let (account, other) = (app.connect().await, app.connect().await);
    let token = app.post("/integrated-account/token", &json!({"integrated_account_id": account})).await.ok();
    let of_account = token["token"].as_str().unwrap();
    let batch = |account: &str| json!({"integrated_account_id": account, "resources": [{"resource": "order", "method": "list"}]});

    app.get(&unified("orders", &account)).await.ok();
    app.get_as(of_account, "/proxy/order").await.ok();
    app.get(&format!("/custom/order?limit=1&integrated_account_id={account}")).await.ok();
    // A batch is one call, whatever it makes of it.
    app.post("/batch-request", &batch(&account)).await.ok();

    for path in [
        unified("customers", &account),
        proxy("tag", &account),
        format!("/custom/tag?integrated_account_id=x&integrated%5Faccount_id={account}"),
        format!("/unified/ecommerce/orders/meta/list?integrated_account_id={account}"),
    ] {
        refused(&app, &app.get(&path).await, "account");
    }
    refused(&app, &app.get_as(of_account, "/custom/tag").await, "account");
    refused(&app, &app.post("/batch-request", &batch(&account)).await, "account");
    // What is kept here is not the account's platform, and another account is another one.
    app.get(&format!("/integrated-account/{account}")).await.ok();
    works(&app, &other).await;
    app.post("/batch-request", &batch(&other)).await.ok();
    app.shutdown().await;
}

#[tokio::test]
async fn an_account_that_can_not_be_called_is_not_counted() {
    let app = App::sqlite_with(limited(Options { account_limit: an_hours(1), ..Options::default() })).await;
    let account = app.connect().await;
    let (_, stranger) = app.another_environment("other").await;
    for _ in 0..3 {
        ours(&app, &app.get(&unified("orders", "nobody")).await, 404);
        app.get_as(&stranger, &unified("orders", &account)).await.refused(404);
        ours(&app, &app.get("/unified/ecommerce/orders").await, 400);
        let batch = json!({"integrated_account_id": "nobody", "resources": []});
        assert!(app.post("/batch-request", &batch).await.status.is_client_error());
        app.post("/batch-request", &json!([])).await.refused(400);
        let text = app.request(Method::POST, "/batch-request").header("content-type", "text/plain");
        Answer::of(text.body("{}")).await.refused(415);
    }
    works(&app, &account).await;
    refused(&app, &app.get(&unified("orders", &account)).await, "account");
    app.shutdown().await;
}

async fn a_refused_write_claims_no_key_and_its_body_is_not_read(database: &TestDatabase) {
    let options = Options { token_limit: an_hours(2), account_limit: an_hours(1), ..Options::default() };
    let app = App::start_with(database, limited(options)).await;
    let account = app.connect().await;
    let other = app.another_token(&app.environment_id, None).await;
    app.get_as(&other, &proxy("order", &account)).await.ok();
    app.sandbox.requests().clear();
    for (token, limit) in [(&app.token, "token"), (&other, "account")] {
        let mut stream = TcpStream::connect(app.url.strip_prefix("http://").unwrap()).await.unwrap();
        // No byte of the body follows: an answer that waits for it never comes.
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nidempotency-key: once\r\n\
             content-type: application/json\r\ncontent-length: 100\r\n\r\n",
            proxy("tag", &account)
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = vec![0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(answer, b"HTTP/1.1 429", "{limit}");
    }
    assert_eq!(app.sandbox.requests().total(), 0);

    let claim = NewClaim {
        environment_id: &app.environment_id,
        owner: &app.environment_id,
        key: "once",
        fingerprint: "of another write",
        lease: SignedDuration::from_secs(30),
        keep: SignedDuration::from_secs(60),
    };
    let claim = app.store.claim_idempotency_key(&claim).await.unwrap();
    assert!(matches!(claim, Claim::New(_)), "{claim:?}");
    app.shutdown().await;
}
