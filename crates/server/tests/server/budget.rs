//! A platform's limit: calls wait for their turn, and nothing is sent that would be refused.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{
    Answer, App, Fault, FaultRule, Setup, TestDatabase, Winery, eventually, over_both_databases, small_winery,
};

use crate::support::{impatient, logged, proxy, says, texts, unified};

over_both_databases!(
    answers_tell_how_the_limit_stands,
    nodes_share_a_limit,
    what_a_node_used_counts_after_its_end,
);

/// Gives an account a limit of its own, of which nothing is used yet.
async fn limit(app: &App, account: &str, amount: u32, seconds: u32) {
    let limits = json!([{"name": "requests", "amount": amount, "window_seconds": seconds}]);
    let change = json!({"integration_override": {"rate_limit": {"limits": limits}}});
    app.patch(&format!("/integrated-account/{account}"), &change).await.ok();
}

/// Connects an account with a limit of its own, which counts what it takes to connect it.
async fn connect_with(app: &App, amount: u32, seconds: u32) -> String {
    let new = app.new_account().await;
    let limits = json!([{"name": "requests", "amount": amount, "window_seconds": seconds}]);
    let change = json!({"override": {"base_url": app.sandbox.base_url(), "rate_limit": {"limits": limits}}});
    let installed = new["environment_integration_id"].as_str().unwrap();
    app.patch(&format!("/environment-integration/{installed}"), &change).await.ok();
    let account = app.post("/integrated-account", &new).await.ok();
    assert_eq!(account["status"], "active", "{account}");
    account["id"].as_str().unwrap().to_owned()
}

/// A sandbox with a limit of its own.
async fn strict(amount: u32, seconds: u64) -> App {
    let winery = Winery {
        rate_limit: amount,
        limit_window: std::time::Duration::from_secs(seconds),
        ..small_winery()
    };
    App::sqlite_with(Setup { winery, ..Setup::default() }).await
}

/// The ids of orders.
async fn orders(app: &App, account: &str) -> Vec<String> {
    let list = app.get(&format!("{}&limit=60", unified("orders", account))).await.ok();
    texts(list["result"].as_array().unwrap(), "id").into_iter().map(str::to_owned).collect()
}

fn order(account: &str, id: &str) -> String {
    format!("/proxy/order/{id}?integrated_account_id={account}")
}

fn header<'a>(answer: &'a Answer, name: &str) -> &'a str {
    answer.header(name).unwrap_or_else(|| panic!("no {name}: {answer:?}"))
}

async fn budget(app: &App, account: &str) -> Value {
    app.get(&format!("/integrated-account/{account}/budget")).await.ok()
}

async fn answers_tell_how_the_limit_stands(database: &TestDatabase) {
    let app = App::start(database).await;
    let id = app.connect().await;
    // Two were used to connect it. A list by cursor uses none.
    let list = app.get(&unified("orders", &id)).await;
    assert_eq!((header(&list, "ratelimit-limit"), header(&list, "ratelimit-remaining")), ("100;w=60", "98"));
    let one = app.get(&order(&id, &orders(&app, &id).await[0])).await;
    assert_eq!((header(&one, "ratelimit-remaining"), header(&one, "decant-waited")), ("97", "0.000"));
    assert!((1..=61).contains(&header(&one, "ratelimit-reset").parse::<u32>().unwrap()));
    // An error of the platform has them as well; a call of no account has not.
    assert_eq!(header(&app.get(&order(&id, "nothing")).await, "ratelimit-remaining"), "96");
    assert!(!app.get(&unified("orders", "nobody")).await.headers.contains_key("ratelimit-limit"));

    let stands = budget(&app, &id).await;
    let expected = json!({"name": "requests", "limit": 100, "window_seconds": 60, "allowance": 100, "used": 4, "remaining": 96});
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(stands["limits"][0][field], *value, "{field} of {stands}");
    }
    assert_eq!(stands["limits"][1]["name"], "deep_pages");
    assert_eq!(stands["circuit"], json!({"state": "closed", "retry_after_seconds": null}));
    app.get("/integrated-account/nobody/budget").await.refused(404);
    app.shutdown().await;
}

async fn nodes_share_a_limit(database: &TestDatabase) {
    let app = App::start(database).await;
    let other = app.another_node(database).await;
    let id = app.connect().await;
    let ids = orders(&app, &id).await;
    limit(&app, &id, 8, 60).await;
    app.sandbox.requests().clear();
    let mut taken = 0;
    // A node that has none left asks the other for some of its own.
    for (index, order_id) in ids.iter().enumerate() {
        let url = if index % 2 == 0 { &app.url } else { &other.url };
        let request = reqwest::Client::new().get(format!("{url}{}", order(&id, order_id)));
        let answer = Answer::of(request.bearer_auth(&app.token).header("Decant-Max-Wait", "3")).await;
        taken += usize::from(answer.status == 200);
        if answer.status != 200 {
            answer.refused(429);
            break;
        }
    }
    assert_eq!(taken, 8);
    assert_eq!((app.sandbox.requests().total(), app.sandbox.requests().throttled()), (8, 0));
    other.shutdown().await;
    app.shutdown().await;
}

async fn what_a_node_used_counts_after_its_end(database: &TestDatabase) {
    let app = App::start(database).await;
    let id = app.connect().await;
    let ids = orders(&app, &id).await;
    limit(&app, &id, 4, 60).await;
    for order_id in &ids[..4] {
        impatient(&app, &order(&id, order_id)).await.ok();
    }
    // The first node says no more, as one that was killed.
    let next = app.another_node(database).await;
    let request = reqwest::Client::new().get(format!("{}{}", next.url, order(&id, &ids[5])));
    let answer = Answer::of(request.bearer_auth(&app.token).header("Decant-Max-Wait", "0")).await;
    answer.refused(429);
    next.shutdown().await;
    app.shutdown().await;
}

#[tokio::test]
async fn who_does_not_want_to_wait_is_told_when_to_come_back_and_nothing_is_sent() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let ids = orders(&app, &id).await;
    limit(&app, &id, 3, 60).await;
    for order_id in &ids[..3] {
        impatient(&app, &order(&id, order_id)).await.ok();
    }
    app.sandbox.requests().clear();
    let refused = impatient(&app, &order(&id, &ids[3])).await;
    says(&refused.refused(429), &["requests", "Decant-Max-Wait", "nothing was sent"]);
    assert_eq!(refused.json()["truto_is_remote_error"], Value::Null);
    assert!((1..=61).contains(&header(&refused, "retry-after").parse::<u32>().unwrap()));
    assert_eq!(header(&refused, "ratelimit-remaining"), "0");
    // A write as well: its key is free, and its outcome plain.
    let change = app.request(Method::PATCH, &format!("/proxy/customer/x?integrated_account_id={id}"));
    let change = change
        .header("Decant-Max-Wait", "0")
        .header("Idempotency-Key", "one")
        .json(&json!({"firstName": "Ada"}));
    let refused = Answer::of(change).await;
    refused.refused(429);
    assert_eq!(refused.json()["outcome"], Value::Null);
    // One whose turn is certain to come too late is told at once.
    let soon = app.request(Method::GET, &order(&id, &ids[4])).header("Decant-Max-Wait", "20");
    assert_eq!(header(&Answer::of(soon).await, "decant-waited").split('.').next(), Some("0"));
    assert_eq!(app.sandbox.requests().total(), 0);
    let row = logged(&app, "http_status_code=429", |_| true).await;
    assert_eq!(row["http_url"], Value::Null);
    app.shutdown().await;
}

#[tokio::test]
async fn calls_wait_for_their_turn_and_the_platform_refuses_none() {
    let app = strict(4, 1).await;
    let id = connect_with(&app, 4, 1).await;
    let ids = orders(&app, &id).await;
    app.sandbox.requests().clear();
    let calls = ids[..14].iter().map(|order_id| async { app.get(&order(&id, order_id)).await.ok() });
    join_all(calls).await;
    assert_eq!((app.sandbox.requests().total(), app.sandbox.requests().throttled()), (14, 0));
    let row = logged(&app, "resource=order", |row| row["wait_duration"].as_i64() > Some(100)).await;
    assert_eq!(row["wait_reason"], "rate_limit");
    app.shutdown().await;
}

#[tokio::test]
async fn the_same_read_asked_by_many_at_once_is_sent_once() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let ids = orders(&app, &id).await;
    limit(&app, &id, 2, 5).await;
    for order_id in &ids[..2] {
        app.get(&order(&id, order_id)).await.ok();
    }
    app.sandbox.requests().clear();
    let calls = (0..20).map(|_| async { app.get(&order(&id, &ids[3])).await.ok() });
    let answers = join_all(calls).await;
    assert!(answers.iter().all(|answer| answer["id"] == ids[3].as_str()));
    assert_eq!(app.sandbox.requests().total(), 1);
    app.shutdown().await;
}

#[tokio::test]
async fn a_second_app_is_learned_of_by_a_refusal_that_comes_early() {
    // The platform takes half of what is declared.
    let app = strict(10, 2).await;
    let id = app.connect().await;
    let ids = orders(&app, &id).await;
    limit(&app, &id, 20, 2).await;
    let calls = ids[..40].iter().map(|order_id| async { app.get(&order(&id, order_id)).await.ok() });
    join_all(calls).await;
    let allowance = budget(&app, &id).await["limits"][0]["allowance"].as_u64().unwrap();
    assert!((8..20).contains(&allowance), "{allowance}");
    assert!(app.sandbox.requests().throttled() > 0);
    app.shutdown().await;
}

#[tokio::test]
async fn accounts_of_one_tenant_share_its_limit() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let mut same = app.new_account().await;
    same["tenant_id"] = "another customer of ours".into();
    let other = app.post("/integrated-account", &same).await.ok();
    let other = other["id"].as_str().unwrap();
    app.get(&order(&id, "nothing")).await;
    assert_eq!(header(&app.get(&order(other, "nothing")).await, "ratelimit-remaining"), "94");
    app.shutdown().await;
}

#[tokio::test]
async fn deep_pages_have_a_limit_of_their_own() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    impatient(&app, &format!("{}&page=101&limit=1", proxy("order", &id))).await.ok();
    let refused = impatient(&app, &format!("{}&page=102&limit=1", proxy("order", &id))).await;
    says(&refused.refused(429), &["deep_pages"]);
    impatient(&app, &format!("{}&page=100&limit=1", proxy("order", &id))).await.ok();
    impatient(&app, &format!("{}&cursor=start&limit=1", proxy("order", &id))).await.ok();
    let custom =
        impatient(&app, &format!("/custom/order?integrated_account_id={id}&cursor=start&limit=1")).await;
    assert_eq!(header(&custom, "ratelimit-remaining"), "96");
    app.shutdown().await;
}

#[tokio::test]
async fn a_platform_that_is_down_is_left_alone_and_callers_are_told_at_once() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    app.sandbox.faults().add(FaultRule::new(Fault::Status { status: 503, headers: Default::default() }));
    let down = eventually("the circuit opens", || async {
        let answer = app.get(&order(&id, "nothing")).await;
        assert_eq!(answer.status, 503);
        (answer.json()["truto_is_remote_error"] != true).then_some(answer)
    })
    .await;
    says(&down.refused(503), &["does not answer", "tried again"]);
    assert!(header(&down, "retry-after").parse::<u32>().unwrap() >= 1);
    assert_eq!(budget(&app, &id).await["circuit"]["state"], "open");
    app.sandbox.faults().clear();
    eventually("the circuit closes", || async {
        (app.get(&order(&id, "nothing")).await.status == 404).then_some(())
    })
    .await;
    assert_eq!(budget(&app, &id).await["circuit"]["state"], "closed");
    app.shutdown().await;
}

#[tokio::test]
async fn headers_that_make_no_sense_are_refused() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    for (name, value, words) in [
        ("Decant-Max-Wait", "soon", "Decant-Max-Wait"),
        ("Decant-Max-Wait", "-1", "from 0"),
        ("Decant-Max-Wait", "100000", "600"),
        ("Decant-Lane", "fast", "background"),
    ] {
        let answer = Answer::of(app.request(Method::GET, &unified("orders", &id)).header(name, value)).await;
        says(&answer.refused(400), &[words]);
    }
    let background = app.request(Method::GET, &unified("orders", &id)).header("Decant-Lane", "background");
    Answer::of(background).await.ok();
    app.shutdown().await;
}
