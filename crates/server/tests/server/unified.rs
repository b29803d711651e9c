//! Records in the unified shape.

use serde_json::Value;
use testkit::{App, TestDatabase, over_both_databases};

use crate::support::{proxy, says, texts, unified};

over_both_databases!(
    a_list_is_walked_to_its_end_and_holds_every_record_once,
    a_record_is_what_the_list_holds_and_carries_the_platforms_own_bytes,
);

async fn a_list_is_walked_to_its_end_and_holds_every_record_once(database: &TestDatabase) {
    let app = App::start(database).await;
    let account = app.connect().await;
    for (resource, count) in [
        ("customers", app.tenant().counts.customers),
        ("orders", app.tenant().counts.orders),
        ("products", app.tenant().counts.products),
    ] {
        for limit in [7, 50, 250] {
            let mut ids = std::collections::BTreeSet::new();
            let mut cursor = String::new();
            loop {
                let path = format!("{}&limit={limit}&next_cursor={cursor}", unified(resource, &account));
                let page = app.get(&path).await.ok();
                let records = page["result"].as_array().unwrap();
                assert_eq!(page["result_count"], records.len());
                assert_eq!(page["prev_cursor"], Value::Null);
                for record in records {
                    assert!(ids.insert(record["id"].as_str().unwrap().to_owned()));
                }
                match page["next_cursor"].as_str() {
                    Some(next) => {
                        assert_eq!(records.len(), limit);
                        next.clone_into(&mut cursor);
                    }
                    None => break,
                }
            }
            assert_eq!(ids.len(), count, "{resource} by {limit}");
        }
    }
    app.shutdown().await;
}

async fn a_record_is_what_the_list_holds_and_carries_the_platforms_own_bytes(database: &TestDatabase) {
    let app = App::start(database).await;
    let account = app.connect().await;
    for (resource, own) in [("customers", "customer"), ("orders", "order"), ("products", "product")] {
        let listed = app.get(&format!("{}&limit=3", unified(resource, &account))).await.ok();
        for record in listed["result"].as_array().unwrap() {
            let id = record["id"].as_str().unwrap();
            let path = format!("{resource}/{id}");
            let got = app.get(&unified(&path, &account)).await;
            assert_eq!(got.header("content-type"), Some("application/json"));
            let whole = got.ok();
            for (name, value) in record.as_object().unwrap() {
                // A list does not hold what is read beside a single customer.
                if (resource, name.as_str()) != ("customers", "addresses") {
                    assert_eq!(whole[name], *value, "{resource}.{name}");
                }
            }
            let platforms = app.get(&proxy(&format!("{own}/{id}"), &account)).await;
            platforms.ok();
            assert!(got.text.contains(&platforms.text), "remote_data is not what the platform sent");
        }
        // A customer's addresses, of which a list tells one at most.
        assert_eq!(listed["is_partial_response"], resource == "customers");
    }
    app.shutdown().await;
}

#[tokio::test]
async fn a_limit_is_gathered_from_as_many_pages_as_it_takes_and_no_more() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    for (limit, pages, count) in
        [("", 1, 50), ("&limit=1", 1, 1), ("&limit=50", 1, 50), ("&limit=51", 2, 51), ("&limit=120", 3, 120)]
    {
        app.sandbox.requests().clear();
        let page = app.get(&format!("{}{limit}", unified("orders", &account))).await.ok();
        assert_eq!(page["result_count"], count, "{limit}");
        assert_eq!(app.sandbox.requests().total(), pages, "{limit}");
    }
    // A page may be followed by one of another size: the cursor says where, not how many.
    let first = app.get(&format!("{}&limit=30", unified("orders", &account))).await.ok();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = format!("{}&limit=250&next_cursor={cursor}", unified("orders", &account));
    let second = app.get(&second).await.ok();
    assert_eq!(second["result_count"], app.tenant().counts.orders - 30);
    assert_eq!(second["next_cursor"], Value::Null);
    let mut ids: Vec<String> = texts(first["result"].as_array().unwrap(), "id")
        .into_iter()
        .chain(texts(second["result"].as_array().unwrap(), "id"))
        .map(str::to_owned)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), app.tenant().counts.orders);
    // The same cursor gives the same page again.
    let again = format!("{}&limit=250&next_cursor={cursor}", unified("orders", &account));
    assert_eq!(app.get(&again).await.ok(), second);
    app.shutdown().await;
}

#[tokio::test]
async fn what_a_resource_can_not_do_is_not_found() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let nothing = serde_json::json!({});
    let create = app.post(&unified("clubs", &account), &nothing).await.refused(404);
    says(&create, &["create", "list", "get"]);
    app.patch(&unified("clubs/1", &account), &nothing).await.refused(404);
    app.patch(&unified("clubs", &account), &nothing).await.refused(404);
    app.delete(&unified("clubs/1", &account)).await.refused(404);
    app.delete(&unified("clubs", &account)).await.refused(404);
    let method = app.post(&unified("clubs/lst", &account), &nothing).await.refused(404);
    says(&method, &["lst", "did you mean \"list\""]);
    app.shutdown().await;
}
