//! The platform's own resources, by their own names.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, App, Fault, FaultRule, Platform, TestDatabase, over_both_databases};

use crate::support::{account, logged, ours, point_at, proxy, remote, says, texts, walk};

over_both_databases!(a_list_is_walked_and_a_record_is_the_platforms_own_answer);

async fn a_list_is_walked_and_a_record_is_the_platforms_own_answer(database: &TestDatabase) {
    let app = App::start(database).await;
    let account = app.connect().await;
    for (resource, count) in [
        ("customer", app.tenant().counts.customers),
        ("order", app.tenant().counts.orders),
        ("product", app.tenant().counts.products),
    ] {
        for limit in ["", "&limit=7", "&limit=250"] {
            let all = walk(&app, &format!("{}{limit}", proxy(resource, &account))).await;
            let mut ids = texts(&all, "id");
            ids.sort_unstable();
            ids.dedup();
            assert_eq!(ids.len(), count, "{resource}{limit}");
        }
    }
    let page = app.get(&proxy("order", &account)).await.ok();
    assert_eq!((&page["result_count"], &page["prev_cursor"]), (&json!(50), &Value::Null));
    assert_eq!(page["is_partial_response"], false);
    let first = &page["result"][0];
    let got = app.get(&proxy(&format!("order/{}", first["id"].as_str().unwrap()), &account)).await;
    assert_eq!(got.ok(), *first);
    let tenant = app.tenant();
    let platforms = reqwest::Client::new()
        .get(format!("{}/order/{}", app.sandbox.base_url(), first["id"].as_str().unwrap()))
        .basic_auth(&tenant.app_id, Some(&tenant.app_secret))
        .header("tenant", &tenant.name);
    assert_eq!(Answer::of(platforms).await.text, got.text);
    // A resource without a list of its own kind, and lists below a record.
    assert!(app.get(&proxy("setting", &account)).await.ok()["result"].is_array());
    let customer = page["result"].as_array().unwrap().iter().find_map(|order| order["customerId"].as_str());
    let addresses = proxy("customer-address/list_of_customer", &account);
    let theirs = app.post(&format!("{addresses}&customerId={}", customer.unwrap()), &json!({})).await.ok();
    assert_eq!(theirs["result"][0]["customerId"], customer.unwrap());
    says(&ours(&app, &app.post(&addresses, &json!({})).await, 400), &["customerId"]);
    app.shutdown().await;
}

#[tokio::test]
async fn the_callers_own_parameters_reach_the_platform() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let all = walk(&app, &proxy("order", &account)).await;
    // A caller who pages himself gets that page, and no cursor of ours.
    for (page, from) in [(1, 0), (2, 50), (3, 100)] {
        let got = app.get(&format!("{}&page={page}", proxy("order", &account))).await.ok();
        assert_eq!(got["next_cursor"], Value::Null);
        let mut theirs = texts(got["result"].as_array().unwrap(), "id");
        assert_eq!(theirs.len(), (all.len() - from).min(50), "page {page}");
        theirs.retain(|id| !texts(&all, "id").contains(id));
        assert!(theirs.is_empty());
    }
    let short = app.get(&format!("{}&page=2&limit=10", proxy("order", &account))).await.ok();
    assert_eq!(short["result_count"], 10);
    let theirs = app.get(&format!("{}&cursor=start&limit=4", proxy("order", &account))).await.ok();
    assert_eq!(texts(theirs["result"].as_array().unwrap(), "id"), texts(&all[..4], "id"));

    let clubs = walk(&app, &format!("{}&channel=Club", proxy("order", &account))).await;
    let expected: Vec<&Value> = all.iter().filter(|order| order["channel"] == "Club").collect();
    assert_eq!(clubs.iter().collect::<Vec<_>>(), expected);
    let theirs = walk(&app, &format!("{}&remote_query[channel]=Club", proxy("order", &account))).await;
    assert_eq!(theirs, clubs);
    let unknown = app.get(&format!("{}&colour=red", proxy("order", &account))).await;
    says(&remote(&app, &unknown, 422), &["Invalid query param: colour"]);

    let whole =
        app.get(&format!("{}&truto_response_format=stream&limit=3", proxy("order", &account))).await.ok();
    assert_eq!(whole["orders"].as_array().unwrap().len(), 3);
    assert!(whole.get("result").is_none());
    let keyed = app.get(&format!("{}&truto_key_by=id", proxy("order", &account))).await;
    says(&ours(&app, &keyed, 400), &["truto_key_by", "unified"]);
    app.shutdown().await;
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    for (verb, path, words) in [
        (Method::GET, "ordr", &["resource", "ordr", "did you mean \"order\""][..]),
        (Method::GET, "Order", &["Order", "did you mean \"order\""]),
        (Method::DELETE, "order/1", &["method", "delete"]),
        (Method::POST, "order/fulfil", &["fulfil", "did you mean \"fulfill\""]),
        (Method::POST, "_/valdation", &["action", "valdation", "did you mean \"validation\""]),
    ] {
        let answer = Answer::of(app.request(verb, &proxy(path, &account))).await;
        says(&ours(&app, &answer, 404), words);
    }
    app.shutdown().await;
}

#[tokio::test]
async fn writes_are_sent_as_they_are_and_the_platform_decides() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let platform = Platform::listen().await;
    point_at(&app, &account, &platform.base_url()).await;
    let body = json!({"title": "Rosé", "price": 1200});
    let path = |rest: &str| proxy(rest, &account);
    for (verb, ours, theirs, answered) in [
        (Method::POST, "product", "POST /v1/product ", "{\"id\":\"1\",  \"title\":\"Rosé\"}"),
        (Method::PATCH, "product/1", "PUT /v1/product/1 ", "{\"id\":\"1\"}"),
        // A custom method of a record takes the id as a parameter: its path has no room for it.
        (Method::POST, "order/fulfill?id=o-1", "POST /v1/order/o-1/fulfillment ", "{\"id\":\"o-1\"}"),
    ] {
        let (resource, own) = ours.split_once('?').unwrap_or((ours, ""));
        let request = app.request(verb, &format!("{}&{own}", path(resource))).json(&body);
        let call = tokio::spawn(Answer::of(request));
        let mut asked = platform.asked().await;
        assert!(asked.head.starts_with(theirs), "{}", asked.head);
        assert_eq!(asked.header("content-type"), Some("application/json"));
        asked.body_holds(&body.to_string()).await;
        let length = answered.len();
        asked
            .say(format!(
                "HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
                 connection: close\r\n\r\n{answered}"
            ))
            .await;
        let answer = call.await.unwrap();
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (201, answered));
    }
    let call = tokio::spawn(Answer::of(app.request(Method::DELETE, &path("product/p-9"))));
    let mut asked = platform.asked().await;
    assert!(asked.head.starts_with("DELETE /v1/product/p-9 "), "{}", asked.head);
    asked.say("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
    assert_eq!(call.await.unwrap().ok(), json!({"id": "p-9"}));

    // Numbers that no computer's number holds stay as they were written.
    let exact = "{ \"price\": 12345678901234567890.10, \"weight\": 1.50 }";
    let request = app.request(Method::POST, &path("product")).header("content-type", "application/json");
    let call = tokio::spawn(Answer::of(request.body(exact)));
    let mut asked = platform.asked().await;
    assert_eq!(asked.header("content-length"), Some(exact.len().to_string().as_str()));
    asked.body_holds(exact).await;
    asked.say("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n").await;
    assert_eq!(call.await.unwrap().status, 204);

    // What is no JSON goes through as it is where that is said.
    let request = app
        .request(Method::POST, &format!("{}&truto_body_passthrough=true", path("product")))
        .header("content-type", "text/csv")
        .body("a,b");
    let call = tokio::spawn(Answer::of(request));
    let mut asked = platform.asked().await;
    assert_eq!(asked.header("content-type"), Some("text/csv"));
    asked.body_holds("a,b").await;
    asked.say("HTTP/1.1 202 Accepted\r\ncontent-type: text/plain\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await;
    let answer = call.await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, "ok"));

    let missing = app.post(&path("order/fulfill"), &body).await;
    says(&ours(&app, &missing, 400), &["\"id\""]);
    let row = logged(&app, "resource=order&http_status_code=400", |_| true).await;
    assert_eq!(row["method"], "fulfill");
    app.shutdown().await;
}

#[tokio::test]
async fn a_sandbox_account_is_read_and_never_written_to() {
    let app = App::sqlite().await;
    let mut new = app.new_account().await;
    new["is_sandbox"] = true.into();
    let id = app.post("/integrated-account", &new).await.ok()["id"].as_str().unwrap().to_owned();
    assert_eq!(account(&app, &id).await["status"], "active");
    app.get(&proxy("order", &id)).await.ok();
    app.get(&format!("/custom/order?integrated_account_id={id}")).await.ok();
    app.sandbox.requests().clear();
    for (verb, path) in [
        (Method::POST, proxy("order", &id)),
        (Method::PATCH, proxy("order/1", &id)),
        (Method::DELETE, proxy("product/1", &id)),
        (Method::POST, format!("{}&id=1", proxy("order/fulfill_all", &id))),
        (Method::POST, format!("/custom/order?integrated_account_id={id}")),
        (Method::DELETE, format!("/custom/order/1?integrated_account_id={id}")),
    ] {
        let answer = Answer::of(app.request(verb.clone(), &path).json(&json!({}))).await;
        says(&ours(&app, &answer, 405), &["sandbox account"]);
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
        logged(&app, "http_status_code=405", |row| row["message"].as_str().unwrap().contains("sandbox"))
            .await;
    }
    assert_eq!(app.sandbox.requests().total(), 0, "nothing was sent");
    let told = app.get(&format!("/integrated-account/{id}/capabilities?resource=order")).await.ok();
    assert_eq!(told["account"]["is_read_only"], true);
    app.shutdown().await;
}

#[tokio::test]
async fn an_action_is_run_by_its_name() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let before = account(&app, &id).await;
    app.patch(&format!("/integrated-account/{id}"), &json!({"context": {"currency": "XXX"}})).await.ok();
    let answer = app.post(&proxy("_/post_install", &id), &json!({})).await.ok();
    assert!(answer["result"]["settings"].is_array(), "{answer}");
    assert_eq!(account(&app, &id).await["context"]["currency"], before["context"]["currency"]);
    app.sandbox.faults().add(FaultRule::new(Fault::Status { status: 500, headers: [].into() }).times(1));
    let failed = app.post(&proxy("_/validation", &id), &json!({})).await;
    remote(&app, &failed, 500);
    let row = logged(&app, "resource=_&method=validation", |_| true).await;
    assert_eq!(row["http_status_code"], 500);
    app.shutdown().await;
}

#[tokio::test]
async fn an_id_of_any_letters_stays_one_segment() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let platform = Platform::listen().await;
    point_at(&app, &id, &platform.base_url()).await;
    for (ours, theirs) in [
        ("a%20b", "a%20b"),
        ("a?b", "a"),
        ("a%3Fb%23c", "a%3Fb%23c"),
        ("a+b", "a%2Bb"),
        ("a;b=c,d", "a%3Bb%3Dc%2Cd"),
        ("%F0%9F%8D%B7", "%F0%9F%8D%B7"),
        ("100%25", "100%25"),
        ("...", "..."),
        ("~a-b_c.d", "~a-b_c.d"),
        ("{{id}}", "%7B%7Bid%7D%7D"),
        ("'%22%3C%3E", "%27%22%3C%3E"),
    ] {
        let joint = if ours.contains('?') { '&' } else { '?' };
        let path = format!("/proxy/order/{ours}{joint}integrated_account_id={id}");
        let call = tokio::spawn(Answer::of(app.request(Method::GET, &path)));
        let mut asked = platform.asked().await;
        let target = asked.head.split(' ').nth(1).unwrap().split('?').next().unwrap().to_owned();
        assert_eq!(target, format!("/v1/order/{theirs}"), "{ours}");
        asked.say("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}").await;
        assert_eq!(call.await.unwrap().text, "{}");
    }
    // No text in UTF-8 is no id.
    let answer = app.get(&format!("/proxy/order/%ff?integrated_account_id={id}")).await;
    says(&ours(&app, &answer, 400), &["UTF-8"]);
    app.shutdown().await;
}
