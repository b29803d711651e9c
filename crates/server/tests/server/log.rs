//! The log of calls.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use testkit::{App, Platform, TestDatabase, over_both_databases};
use tokio::io::AsyncWriteExt as _;

use crate::raw;
use crate::support::{logged, ours, point_at, proxy, says, unified, without_secrets};

over_both_databases!(every_call_of_the_data_plane_leaves_a_row, rows_are_filtered_and_paged);

async fn every_call_of_the_data_plane_leaves_a_row(database: &TestDatabase) {
    let app = App::start(database).await;
    let id = app.connect().await;
    app.get(&format!("{}&limit=120", unified("orders", &id))).await.ok();
    let row = logged(&app, "resource=ecommerce/orders", |_| true).await;
    let expected = json!({
        "environment_id": app.environment_id,
        "integrated_account_id": id,
        "tenant_id": "acme",
        "integration": "commerce7",
        "request_type": "unified",
        "method": "list",
        "http_method": "GET",
        "http_status_code": 200,
        "http_status_category": "2xx",
        "result_count": 120,
        "integrated_account_needs_reauth": false,
        "logs": [],
        "message": null,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(row[field], *value, "{field}");
    }
    assert!(row["http_url"].as_str().unwrap().starts_with(&format!("{}/order?", app.sandbox.base_url())));
    assert!(row["duration"].is_u64() && row["fetch_duration"].is_u64() && row["timestamp"].is_string());
    without_secrets(&app, &row.to_string());

    // What may be secret in a query is not kept.
    app.get(&format!("{}&access_token=s3cret-word&page=1", proxy("order", &id))).await;
    let row = logged(&app, "request_type=proxy&resource=order", |_| true).await;
    assert!(!row.to_string().contains("s3cret-word"), "{row}");
    assert_eq!((&row["http_status_code"], &row["http_status_category"]), (&json!(422), &json!("4xx")));
    app.get(&format!("/custom/customer?integrated_account_id={id}&limit=1")).await.ok();
    let row = logged(&app, "request_type=proxy&method=custom", |_| true).await;
    assert_eq!((&row["resource"], &row["result_count"]), (&json!("customer"), &Value::Null));
    // Refusals of ours leave one too, also where there is no such account.
    app.get(&unified("orders", "nobody")).await.refused(404);
    let row = logged(&app, "http_status_code=404&request_type=unified", |_| true).await;
    assert_eq!((&row["integrated_account_id"], &row["http_url"]), (&Value::Null, &Value::Null));
    says(row["message"].as_str().unwrap(), &["no such integrated account"]);
    // And calls that manage accounts leave none.
    let rows = app.get("/log").await.ok();
    assert_eq!(rows["result"].as_array().unwrap().len(), 4);
    app.shutdown().await;
}

#[tokio::test]
async fn a_caller_who_goes_away_leaves_a_row_too() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let platform = Platform::listen().await;
    point_at(&app, &id, &platform.base_url()).await;
    let mut caller = raw::connect(&app).await;
    let target = unified("orders", &id);
    let head = format!("GET {target} HTTP/1.1\r\nhost: g\r\nauthorization: Bearer {}\r\n\r\n", app.token);
    caller.write_all(head.as_bytes()).await.unwrap();
    let asked = platform.asked().await;
    drop(caller);
    let row = logged(&app, "http_status_code=499", |_| true).await;
    says(row["message"].as_str().unwrap(), &["went away"]);
    assert_eq!(row["integrated_account_id"], id);
    drop(asked);
    app.shutdown().await;
}

async fn rows_are_filtered_and_paged(database: &TestDatabase) {
    let app = App::start(database).await;
    let id = app.connect().await;
    for _ in 0..3 {
        app.get(&format!("{}&limit=1", unified("orders", &id))).await.ok();
        app.get(&proxy("customer", &id)).await.ok();
    }
    app.get(&proxy("nothing", &id)).await.refused(404);
    testkit::eventually("all rows", || async {
        let rows = app.get("/log").await.ok();
        (rows["result"].as_array().unwrap().len() == 7).then_some(())
    })
    .await;
    let now = Timestamp::now();
    let (before, after) = (now - SignedDuration::from_hours(1), now + SignedDuration::from_hours(1));
    let long_ago = now - SignedDuration::from_hours(24 * 40);
    for (query, expected) in [
        ("log_type=unified_proxy_api".to_owned(), 7),
        ("log_type=webhook".to_owned(), 0),
        ("request_type=unified".to_owned(), 3),
        ("log_type_filter[request_type]=proxy".to_owned(), 4),
        ("log_type_filter[resource]=customer&log_type_filter[method]=list".to_owned(), 3),
        (format!("integrated_account_id={id}"), 7),
        ("tenant_id=acme&integration=commerce7".to_owned(), 7),
        ("tenant_id=other".to_owned(), 0),
        ("http_status_code=404".to_owned(), 1),
        ("http_status_category=2xx".to_owned(), 6),
        ("http_method=GET".to_owned(), 6),
        ("integrated_account_needs_reauth=true".to_owned(), 0),
        (format!("created_at[gt]={before}&created_at[lt]={after}"), 7),
        (format!("created_at[gte]={after}"), 0),
    ] {
        let rows = app.get(&format!("/log?{query}")).await.ok();
        assert_eq!(rows["result"].as_array().unwrap().len(), expected, "{query}");
    }
    let mut walked: Vec<Value> = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.get(&format!("/log?limit=3&next_cursor={cursor}")).await.ok();
        walked.extend(page["result"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(Value::Array(walked.clone()), app.get("/log").await.ok()["result"]);
    assert!(walked.windows(2).all(|pair| pair[0]["timestamp"].as_str() >= pair[1]["timestamp"].as_str()));
    for (query, words) in [
        ("log_type=webhok".to_owned(), &["log_type", "did you mean \"webhook\""][..]),
        ("colour=red".to_owned(), &["colour", "request_type"]),
        ("log_type_filter[colour]=red".to_owned(), &["colour"]),
        ("log_type_filter=customer".to_owned(), &["log_type_filter[resource]"]),
        ("resource=order&log_type_filter[resource]=customer".to_owned(), &["resource", "twice"]),
        ("http_status_code=ok".to_owned(), &["http_status_code", "whole number"]),
        ("limit=101".to_owned(), &["limit", "1 to 100"]),
        ("limit=0".to_owned(), &["limit"]),
        (format!("created_at[gt]={long_ago}&created_at[lt]={now}"), &["created_at", "month"]),
    ] {
        says(&ours(&app, &app.get(&format!("/log?{query}")).await, 400), words);
    }
    app.shutdown().await;
}
