//! The parameters of unified calls: formats, fields, keys, what is meant for the platform, notations.

use serde_json::Value;
use testkit::App;

use crate::support::{ours, proxy, remote, says, texts, unified, walk};

#[tokio::test]
async fn a_format_gives_the_platforms_records_or_its_whole_answer() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let orders = |rest: &str| format!("{}&limit=60{rest}", unified("orders", &account));
    let plain = app.get(&orders("")).await.ok();
    for same in ["unified", "normalized"] {
        assert_eq!(app.get(&orders(&format!("&truto_response_format={same}"))).await.ok(), plain);
    }

    let raw = app.get(&orders("&truto_response_format=raw")).await.ok();
    let own = app.get(&format!("{}&limit=60", proxy("order", &account))).await.ok();
    assert_eq!(raw["result"], own["result"]);
    assert_eq!(raw["result_count"], 60);
    // A raw list goes on, and filters stay exact.
    let paid = app.get(&orders("&truto_response_format=raw&channel=club")).await.ok();
    let expected = app.get(&orders("&channel=club")).await.ok();
    assert_eq!(
        texts(paid["result"].as_array().unwrap(), "id"),
        texts(expected["result"].as_array().unwrap(), "id")
    );
    assert_eq!(paid["result"][0]["channel"], "Club");

    let streamed = app.get(&format!("{}&truto_response_format=stream", unified("orders", &account))).await;
    assert_eq!(streamed.ok()["orders"].as_array().unwrap().len(), 50);
    assert_eq!(
        app.get(&orders("&truto_response_format=stream&limit=3")).await.refused(400),
        "limit takes one value"
    );
    let short = format!("{}&limit=3&truto_response_format=stream", unified("orders", &account));
    assert_eq!(app.get(&short).await.ok()["orders"].as_array().unwrap().len(), 3);
    for (unfit, words) in [
        ("&status=active", &["stream", "status"][..]),
        ("&truto_key_by=id", &["stream", "truto_key_by"]),
        ("&next_cursor=abc", &["stream", "next_cursor"]),
    ] {
        let refused = app.get(&orders(&format!("&truto_response_format=stream{unfit}"))).await;
        says(&ours(&app, &refused, 400), words);
    }

    let id = plain["result"][0]["id"].as_str().unwrap();
    let own = app.get(&proxy(&format!("order/{id}"), &account)).await;
    for format in ["raw", "stream"] {
        let path = format!("{}&truto_response_format={format}", unified(&format!("orders/{id}"), &account));
        assert_eq!(app.get(&path).await.text, own.text, "{format}");
    }
    let unknown = app.get(&orders("&truto_response_format=normalised")).await;
    says(&ours(&app, &unknown, 400), &["truto_response_format", "normalised", "did you mean \"normalized\""]);
    app.shutdown().await;
}

#[tokio::test]
async fn fields_are_left_out_in_lists_and_in_records() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let plain = app.get(&format!("{}&limit=5", unified("orders", &account))).await.ok();
    let id = plain["result"][0]["id"].as_str().unwrap();
    let list = format!("{}&limit=5", unified("orders", &account));
    let single = unified(&format!("orders/{id}"), &account);
    assert!(plain["result"][0]["remote_data"].is_object());

    let without_remote = |mut record: Value| {
        record.as_object_mut().unwrap().shift_remove("remote_data").unwrap();
        record
    };
    let listed = app.get(&format!("{list}&truto_ignore_remote_data=true")).await.ok();
    let expected: Vec<Value> =
        plain["result"].as_array().unwrap().iter().cloned().map(without_remote).collect();
    assert_eq!(listed["result"], Value::Array(expected.clone()));
    assert_eq!(app.get(&format!("{single}&truto_ignore_remote_data=1")).await.ok(), expected[0]);
    let kept = app.get(&format!("{single}&truto_ignore_remote_data=false")).await.ok();
    assert!(kept["remote_data"].is_object());

    for notation in [
        "truto_exclude_fields[]=remote_data&truto_exclude_fields[]=status&truto_exclude_fields[]=customer.emails",
        "truto_exclude_fields[0]=remote_data&truto_exclude_fields[1]=status&truto_exclude_fields[2]=customer.emails",
        "truto_exclude_fields%5B%5D=remote_data&truto_exclude_fields%5B%5D=status,customer.emails",
        "truto_exclude_fields=remote_data,status,%20customer.emails",
        "truto_exclude_fields=remote_data&truto_exclude_fields=status&truto_exclude_fields=customer.emails",
    ] {
        let mut expected = expected[0].clone();
        expected.as_object_mut().unwrap().shift_remove("status").unwrap();
        if let Some(customer) = expected["customer"].as_object_mut() {
            customer.shift_remove("emails");
        }
        let page = app.get(&format!("{list}&{notation}")).await.ok();
        assert_eq!(page["result"][0], expected, "{notation}");
        assert_eq!(app.get(&format!("{single}&{notation}")).await.ok(), expected, "{notation}");
    }
    // A field of the items of a list.
    let page = app.get(&format!("{list}&truto_exclude_fields=line_items.product")).await.ok();
    let items = |record: &Value| record["line_items"].as_array().unwrap().clone();
    let with = plain["result"].as_array().unwrap().iter().flat_map(items);
    assert!(with.clone().count() > 0 && with.clone().all(|item| item["product"].is_object()));
    assert!(page["result"].as_array().unwrap().iter().flat_map(items).all(|item| item["product"].is_null()));
    // Leaving a field out does not keep it from being filtered by.
    let page = app.get(&format!("{list}&truto_exclude_fields=channel&channel=club")).await.ok();
    assert!(page["result_count"].as_u64().unwrap() > 0);
    for record in page["result"].as_array().unwrap() {
        assert_eq!((&record["channel"], &record["channel_raw"]), (&Value::Null, &"Club".into()));
    }
    app.shutdown().await;
}

#[tokio::test]
async fn a_list_becomes_an_object_by_a_field_that_tells_records_apart() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let list = format!("{}&limit=60", unified("customers", &account));
    let plain = app.get(&list).await.ok();
    let keyed = app.get(&format!("{list}&truto_key_by=id")).await.ok();
    assert_eq!(keyed["result_count"], plain["result_count"]);
    let by_id = keyed["result"].as_object().unwrap();
    let records = plain["result"].as_array().unwrap();
    assert_eq!(by_id.len(), records.len());
    for record in records {
        assert_eq!(by_id[record["id"].as_str().unwrap()], *record);
    }
    // The key need not be in the answer.
    let bare = app.get(&format!("{list}&truto_key_by=id&truto_exclude_fields=id,remote_data")).await.ok();
    let first = records[0]["id"].as_str().unwrap();
    assert_eq!(bare["result"][first]["id"], Value::Null);
    assert_eq!(bare["result"][first]["name"], records[0]["name"]);
    // An empty list is an empty object.
    let none = app.get(&format!("{list}&truto_key_by=id&email=nobody@nowhere.test")).await.ok();
    assert_eq!(none["result"], serde_json::json!({}));

    for (field, words) in [
        ("status", &["truto_key_by=status", "two records", "such as id"][..]),
        ("company_name", &["truto_key_by=company_name", "no company_name"]),
        ("nmae", &["truto_key_by", "nmae"]),
    ] {
        let refused = app.get(&format!("{list}&truto_key_by={field}")).await;
        says(&ours(&app, &refused, 400), words);
    }
    app.shutdown().await;
}

#[tokio::test]
async fn a_limit_may_be_left_aside_and_the_platform_asked_directly() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let page =
        app.get(&format!("{}&limit=2&truto_ignore_limit=true", unified("orders", &account))).await.ok();
    assert_eq!(page["result_count"], app.tenant().counts.orders);
    assert_eq!(page["next_cursor"], Value::Null);

    let all = walk(&app, &format!("{}&limit=250", unified("orders", &account))).await;
    let customer = all.iter().find_map(|order| order["customer"]["id"].as_str()).unwrap();
    for notation in ["remote_query[customerId]=", "remote_query%5BcustomerId%5D="] {
        let theirs = walk(&app, &format!("{}&{notation}{customer}", unified("orders", &account))).await;
        let expected: Vec<&Value> = all.iter().filter(|order| order["customer"]["id"] == customer).collect();
        assert!(!expected.is_empty());
        assert_eq!(theirs.iter().collect::<Vec<_>>(), expected);
    }
    // What the platform does not know, it refuses itself.
    let unknown = app.get(&format!("{}&remote_query[colour]=red", unified("orders", &account))).await;
    says(&remote(&app, &unknown, 422), &["Invalid query param: colour"]);
    let single = unified(&format!("orders/{}", all[0]["id"].as_str().unwrap()), &account);
    app.get(&format!("{single}&remote_query[colour]=red")).await.ok();
    let plain = app.get(&format!("{}&remote_query=red", unified("orders", &account))).await;
    says(&ours(&app, &plain, 400), &["remote_query[name]=value"]);
    app.shutdown().await;
}

#[tokio::test]
async fn every_notation_of_qs_says_the_same() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let list = format!("{}&limit=250&truto_exclude_fields=remote_data", unified("orders", &account));
    let all = app.get(&list).await.ok();
    let some = |wanted: &[&str]| -> Vec<Value> {
        all["result"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|order| wanted.iter().any(|channel| order["channel"] == *channel))
            .cloned()
            .collect()
    };
    let expected = Value::Array(some(&["web", "club"]));
    for notation in [
        "channel[in]=web,club",
        "channel%5Bin%5D=web%2Cclub",
        "channel[in][]=web&channel[in][]=club",
        "channel[in][0]=web&channel[in][1]=club",
        "channel[]=web&channel[]=club",
        "channel[0]=web&channel[1]=club",
        "channel=web&channel=club",
    ] {
        assert_eq!(app.get(&format!("{list}&{notation}")).await.ok()["result"], expected, "{notation}");
    }
    for notation in ["channel=web", "channel[eq]=web", "channel%5Beq%5D=web"] {
        let page = app.get(&format!("{list}&{notation}")).await.ok();
        assert_eq!(page["result"], Value::Array(some(&["web"])), "{notation}");
    }
    app.shutdown().await;
}
