//! Writes through the unified API, against a winery that takes them.

use serde_json::{Value, json};
use testkit::{App, Fault, FaultRule, Setup, TestDatabase, over_both_databases, small_winery};

use crate::support::{proxy, remote, says, unified, walk};

/// How often the platform was asked to make something.
fn asked(app: &App, path: &str) -> u64 {
    let rows = app.sandbox.requests().list();
    rows.iter().filter(|row| row.method == "POST" && row.path == path).map(|row| row.count).sum()
}

over_both_databases!(a_record_is_created_changed_and_deleted_and_read_back_each_time);

async fn a_record_is_created_changed_and_deleted_and_read_back_each_time(database: &TestDatabase) {
    let app = App::start(database).await;
    let account = app.connect().await;
    let customers = unified("customers", &account);
    let made = app
        .post(
            &customers,
            &json!({
                "first_name": "Ada",
                "emails": [{"email": "ada@example.com"}],
                "tags": [{"name": "Trade"}],
                "addresses": [{"first_name": "Ada", "last_name": "Example", "street_1": "1 Vine St", "city": "Napa",
                               "state": "CA", "postal_code": "94558", "country": "US"}],
                "remote_data": {"countryCode": "US"},
            }),
        )
        .await
        .ok();
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["first_name"], "Ada");
    assert_eq!(made["emails"][0]["email"], "ada@example.com");
    assert_eq!(made["tags"][0]["name"], "Trade", "a tag that was not there is made");
    assert_eq!(made["addresses"][0]["city"], "Napa");
    assert_eq!(made["remote_data"]["countryCode"], "US");

    let one = unified(&format!("customers/{id}"), &account);
    app.sandbox.requests().clear();
    let address = made["addresses"][0]["id"].as_str().unwrap();
    let changed = app
        .patch(
            &one,
            &json!({
                "last_name": "Example",
                "custom_fields": {"cellar": "north"},
                "addresses": [{"id": address, "city": "Sonoma"}, {"street_1": "2 Vine St", "city": "Napa", "state": "CA",
                              "postal_code": "94558", "country": "US", "first_name": "A", "last_name": "E"}],
            }),
        )
        .await
        .ok();
    assert_eq!(changed["first_name"], "Ada", "what was not sent stays");
    assert_eq!(changed["last_name"], "Example");
    let cities: Vec<&Value> =
        changed["addresses"].as_array().unwrap().iter().map(|address| &address["city"]).collect();
    assert!(cities.contains(&&json!("Sonoma")) && cities.contains(&&json!("Napa")), "{cities:?}");
    assert_eq!(changed["custom_fields"]["cellar"], "north");
    // The same tag again is on it once, whether it is named or not.
    let tagged = app.patch(&one, &json!({"tags": [{"name": "trade"}]})).await.ok();
    assert_eq!(tagged["tags"], made["tags"]);
    assert_eq!(app.patch(&one, &json!({"tags": []})).await.ok()["tags"], json!([]));

    assert_eq!(app.delete(&one).await.ok(), json!({"id": id}));
    app.get(&one).await.refused(404);
    app.patch(&one, &json!({"first_name": "A"})).await.refused(404);
    app.shutdown().await;
}

#[tokio::test]
async fn a_variant_is_put_together_from_the_one_that_is_there() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let products = walk(&app, &unified("products", &account)).await;
    let old = products.iter().find(|product| product["variants"].as_array().unwrap().len() == 1).unwrap();
    let one = unified(&format!("products/{}", old["id"].as_str().unwrap()), &account);
    let variant = &old["variants"][0];
    let changed = app
        .patch(
            &one,
            &json!({"variants": [{"id": variant["id"], "price": "1234.50"}], "wine": {"vintage": 1999}}),
        )
        .await
        .ok();
    let mut expected = old.clone();
    expected["variants"][0]["price"] = json!("1234.50");
    for (name, value) in expected["variants"][0].as_object().unwrap() {
        assert_eq!(changed["variants"][0][name], *value, "{name}");
    }
    assert_eq!(changed["wine"]["vintage"], 1999);
    assert_eq!(changed["wine"]["varietal"], old["wine"]["varietal"]);
    assert_eq!(changed["custom_fields"], old["custom_fields"]);
    app.shutdown().await;
}

#[tokio::test]
async fn what_can_not_be_written_is_told_whole_and_nothing_is_sent() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    app.sandbox.requests().clear();
    let refused = app
        .post(&unified("customers", &account), &json!({"first_nam": "A", "name": "B", "birth_date": 5}))
        .await;
    let message = refused.refused(400);
    says(
        &message,
        &[
            r#"did you mean "first_name""#,
            "name: can only be read",
            "birth_date: has to be a date",
            "emails: is needed",
        ],
    );
    let failures = refused.json()["details"]["failures"].clone();
    assert_eq!(failures.as_array().unwrap().len(), 4, "{failures}");
    says(&app.post(&unified("customers", &account), &json!([1])).await.refused(400), &["object of fields"]);
    says(
        &app.post(&format!("{}&status=x", unified("customers", &account)), &json!({})).await.refused(400),
        &["status", "remote_query"],
    );
    app.post(&unified("clubs", &account), &json!({"name": "x"})).await.refused(404);
    assert_eq!(app.sandbox.requests().total(), 0);
    // What only the platform knows to be wrong is told in its words.
    let twice = json!({"emails": [{"email": "twice@example.com"}]});
    app.post(&unified("customers", &account), &twice).await.ok();
    remote(&app, &app.post(&unified("customers", &account), &twice).await, 422);
    app.shutdown().await;
}

#[tokio::test]
async fn a_write_without_an_answer_is_looked_up_where_it_can_be_recognised() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let lost = |verb: &str, path: &str| {
        app.sandbox.faults().add(FaultRule::new(Fault::Reset).method(verb).path(path).times(1).after());
    };
    let body = json!({"first_name": "Ada", "emails": [{"email": "lost@example.com"}]});
    lost("POST", "/v1/customer");
    let made = app.post(&unified("customers", &account), &body).await.ok();
    assert_eq!(made["emails"][0]["email"], "lost@example.com");
    assert_eq!(app.sandbox.writes().count("POST", "/customer"), 1);

    let one = unified(&format!("customers/{}", made["id"].as_str().unwrap()), &account);
    lost("PUT", "/v1/customer");
    assert_eq!(app.patch(&one, &json!({"last_name": "Found"})).await.ok()["last_name"], "Found");
    lost("DELETE", "/v1/customer");
    app.delete(&one).await.ok();

    // Nothing tells one note from another.
    lost("POST", "/v1/note");
    let note = app.post(&unified("notes", &account), &json!({"text": "Call back"})).await;
    note.refused(502);
    assert_eq!(note.json()["outcome"], "unknown");
    assert_eq!(app.sandbox.writes().count("POST", "/note"), 1);
    app.shutdown().await;
}

#[tokio::test]
async fn every_other_resource_that_takes_writes_takes_them() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let first = |resource: &'static str| {
        let path = format!("{}&limit=1", unified(resource, &account));
        let app = &app;
        async move { app.get(&path).await.ok()["result"][0].clone() }
    };
    let (customer, club, order) = (first("customers").await, first("clubs").await, first("orders").await);
    let customer_id = json!({"id": customer["id"]});

    // Notes.
    let note = app
        .post(&unified("notes", &account), &json!({"text": "Call back", "customer": customer_id}))
        .await
        .ok();
    assert_eq!((&note["text"], &note["customer"]["id"]), (&json!("Call back"), &customer["id"]));
    let path = unified(&format!("notes/{}", note["id"].as_str().unwrap()), &account);
    assert_eq!(app.patch(&path, &json!({"text": "Called"})).await.ok()["text"], "Called");
    app.delete(&path).await.ok();

    // Gift cards.
    let card = json!({"name": "Gift", "initial_amount": "250.00", "code": "ABCDEFGH12345"});
    let card = app.post(&unified("gift_cards", &account), &card).await.ok();
    assert_eq!((&card["initial_amount"], &card["balance"]), (&json!("250.00"), &json!("250.00")));
    let path = unified(&format!("gift_cards/{}", card["id"].as_str().unwrap()), &account);
    says(&app.patch(&path, &json!({"initial_amount": "1.00"})).await.refused(400), &["can't be changed"]);
    assert_eq!(app.patch(&path, &json!({"status": "cancelled"})).await.ok()["status"], "cancelled");

    // Tags, of a kind that is in the path at the platform.
    let tag =
        app.post(&unified("tags", &account), &json!({"name": "Press", "object_type": "order"})).await.ok();
    assert_eq!((&tag["name"], &tag["object_type"]), (&json!("Press"), &json!("order")));
    let path = unified(&format!("tags/{}", tag["id"].as_str().unwrap()), &account);
    assert_eq!(app.patch(&path, &json!({"name": "Media"})).await.ok()["name"], "Media");
    app.delete(&path).await.ok();
    app.get(&path).await.refused(404);

    // Memberships.
    let addressed =
        app.get(&unified(&format!("customers/{}", customer["id"].as_str().unwrap()), &account)).await.ok();
    let address = json!({"id": addressed["addresses"][0]["id"]});
    let wanted = json!({
        "customer": customer_id, "club": {"name": club["name"]}, "delivery_method": "ship",
        "billing_address": address, "shipping_address": address,
    });
    let member = app.post(&unified("memberships", &account), &wanted).await.ok();
    assert_eq!((&member["status"], &member["club"]["id"]), (&json!("active"), &club["id"]));
    let id = member["id"].as_str().unwrap();
    let path = unified(&format!("memberships/{id}"), &account);
    says(&app.patch(&path, &json!({"club": {"id": "x"}})).await.refused(400), &["can't be changed"]);
    let cancel = unified(&format!("memberships/{id}/cancel"), &account);
    says(&app.post(&cancel, &json!({})).await.refused(400), &["cancellation_reason: is needed"]);
    let cancelled = app.post(&cancel, &json!({"cancellation_reason": "Moving"})).await.ok();
    assert_eq!(cancelled["result"]["status"], "cancelled");
    assert_eq!(cancelled["result"]["cancellation_reason"], "Moving");

    // An order of the past.
    let imported = json!({
        "order_number": "990001", "submitted_at": "2020-01-02T03:04:05Z", "delivery_method": "ship",
        "sub_total": "12.50", "total_amount": "12.50", "payment_status": "paid", "customer": customer_id,
        "line_items": [{"name": "x"}],
    });
    says(
        &app.post(&unified("orders", &account), &imported).await.refused(400),
        &["line_items[0].name: can only be read"],
    );
    let mut imported = imported;
    imported["line_items"] = json!([{
        "product": {"name": "Merlot"}, "variant": {"name": "750ml"}, "sku": "MER", "type": "Wine", "quantity": 1, "unit_price": "12.50",
        "original_unit_price": "12.50", "tax": "0.00", "tax_type": "Wine", "volume_ml": 750,
    }]);
    let made = app.post(&unified("orders", &account), &imported).await.ok();
    assert_eq!((&made["order_number"], &made["total_amount"]), (&json!("990001"), &json!("12.50")));
    assert_eq!(made["line_items"][0]["unit_price"], "12.50");
    let path = unified(&format!("orders/{}", order["id"].as_str().unwrap()), &account);
    assert_eq!(app.patch(&path, &json!({"gift_message": "Cheers"})).await.ok()["gift_message"], "Cheers");
    app.shutdown().await;
}

#[tokio::test]
async fn a_tag_is_put_on_many_records_and_on_none_twice() {
    let app = App::sqlite_with(Setup { is_limited: false, ..Setup::default() }).await;
    let account = app.connect().await;
    let customers = walk(&app, &unified("customers", &account)).await;
    let mut ids: Vec<&str> = customers.iter().map(|customer| customer["id"].as_str().unwrap()).collect();
    let attach = unified("tags/attach", &account);
    let few = app.post(&attach, &json!({"tag": {"name": "Newsletter"}, "ids": &ids[..5]})).await.ok();
    assert_eq!(few["result"]["written"], 5, "{few}");
    ids.push("00000000-0000-0000-0000-000000000000");
    let all = app.post(&attach, &json!({"tag": {"name": "newsletter"}, "ids": ids})).await.ok();
    let result = &all["result"];
    assert_eq!(result["tag"], few["result"]["tag"], "the name found the tag that is there");
    assert_eq!(result["unchanged"], 5, "{result}");
    assert_eq!(result["written"], customers.len() - 5);
    assert_eq!(result["failed"], 1);
    assert_eq!(result["records"].as_array().unwrap().last().unwrap()["status"], "failed");
    for customer in walk(&app, &proxy("customer", &account)).await {
        let count = customer["tags"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|tag| tag["id"] == result["tag"]["id"])
            .count();
        assert_eq!(count, 1, "{}", customer["id"]);
    }
    let tag = &result["tag"];
    let detach = unified("tags/detach", &account);
    let off = app.post(&detach, &json!({"tag": tag, "ids": &ids[..3]})).await.ok();
    assert_eq!(off["result"]["written"], 3, "{off}");
    let again = app.post(&detach, &json!({"tag": tag, "ids": &ids[..3]})).await.ok();
    assert_eq!(again["result"]["unchanged"], 3, "{again}");
    says(&app.post(&attach, &json!({"tag": {}, "ids": ["x"]})).await.refused(400), &["its id or its name"]);
    says(&app.post(&attach, &json!({"tag": tag, "ids": []})).await.refused(400), &["from 1 to 1000"]);
    app.shutdown().await;
}

#[tokio::test]
async fn stock_is_set_by_sku_and_a_right_level_costs_no_write() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let levels = walk(&app, &unified("inventory_levels", &account)).await;
    let tracked: Vec<&Value> = levels.iter().filter(|level| level["is_tracked"] == true).collect();
    let (first, second) = (tracked[0], tracked[1]);
    let wanted = |level: &Value, available: i64| json!({"sku": level["sku"], "location": level["location"]["name"], "available": available});
    let available = |level: &Value| level["available"].as_i64().unwrap();
    let set = unified("inventory_levels/set", &account);
    app.sandbox.requests().clear();
    let lines = json!([
        wanted(first, available(first) + 7),
        wanted(second, available(second)),
        {"sku": "NO-SUCH-SKU", "location": first["location"]["id"], "available": 1},
        {"sku": first["sku"], "location": "Nowhere", "available": 1},
        wanted(first, 3),
    ]);
    let answer = app.post(&set, &json!({"lines": lines, "notes": "Count of today"})).await.ok();
    let result = &answer["result"];
    let statuses: Vec<&Value> =
        result["lines"].as_array().unwrap().iter().map(|line| &line["status"]).collect();
    assert_eq!(statuses, ["written", "unchanged", "failed", "failed", "failed"], "{result}");
    let code = |index: usize| result["lines"][index]["error"]["code"].clone();
    assert_eq!([code(2), code(3), code(4)], ["unknown_sku", "unknown_location", "named_twice"]);
    assert_eq!(asked(&app, "/inventory-transaction"), 1);
    let level = |id: &Value| {
        let path = unified(&format!("inventory_levels/{}", id.as_str().unwrap()), &account);
        let app = &app;
        async move { app.get(&path).await.ok()["available"].as_i64().unwrap() }
    };
    assert_eq!(level(&first["id"]).await, available(first) + 7);

    // A number that was counted against an older level keeps what was sold since.
    let adjust = unified("inventory_levels/adjust", &account);
    let sold = app.post(&adjust, &json!({"lines": [wanted(first, -2)]})).await.ok();
    assert_eq!(sold["result"]["lines"][0]["available"], available(first) + 5);
    let mut counted = wanted(first, 100);
    counted["expected"] = json!(available(first) + 7);
    app.post(&set, &json!({"lines": [counted]})).await.ok();
    assert_eq!(level(&first["id"]).await, 98);
    // Unless told otherwise.
    app.post(&set, &json!({"lines": [wanted(first, 100)], "overwrite": true})).await.ok();
    assert_eq!(level(&first["id"]).await, 100);
    says(&app.post(&set, &json!({"lines": []})).await.refused(400), &["from 1 to 1000"]);
    let mut wrong = wanted(first, 1);
    wrong["location"] = json!(5);
    let wrong = app.post(&set, &json!({"lines": [wanted(second, 1), wrong]})).await.refused(400);
    says(&wrong, &["lines[1].location", "a location's id or name"]);
    // What the platform refuses is told for its line.
    let refused = app.post(&adjust, &json!({"lines": [wanted(first, -1_000_000)]})).await.ok();
    let line = &refused["result"]["lines"][0];
    assert_eq!((&line["status"], &line["available"]), (&json!("failed"), &json!(100)), "{line}");
    assert_eq!(line["error"]["outcome"], "not_applied");
    app.shutdown().await;
}

#[tokio::test]
async fn setting_many_levels_costs_what_differs_and_the_pages_read() {
    let mut winery = small_winery();
    (winery.products, winery.orders, winery.customers, winery.rate_limit) = (340, 20, 10, 0);
    let database = TestDatabase::sqlite();
    let app = App::start_with(&database, Setup { winery, is_limited: false, ..Setup::default() }).await;
    let account = app.connect().await;
    let levels = walk(&app, &unified("inventory_levels", &account)).await;
    let counted: Vec<&Value> = levels.iter().filter(|level| level["is_tracked"] == true).take(1000).collect();
    let lines: Vec<Value> = counted
        .iter()
        .enumerate()
        .map(|(number, level)| {
            let more = i64::from(number % 10 == 0);
            let available = level["available"].as_i64().unwrap() + more;
            json!({"sku": level["sku"], "location": {"id": level["location"]["id"]}, "available": available})
        })
        .collect();
    assert_eq!(lines.len(), 1000);
    let differ = 100;
    app.sandbox.requests().clear();
    let answer = app.post(&unified("inventory_levels/set", &account), &json!({"lines": lines})).await.ok();
    let result = &answer["result"];
    assert_eq!(
        (&result["written"], &result["failed"]),
        (&json!(differ), &json!(0)),
        "{}",
        result["lines"][0]
    );
    assert_eq!(asked(&app, "/inventory-transaction"), differ);
    // Seven pages of products and one of locations; those of the products are not limited.
    let reads = app.sandbox.requests().total() - differ;
    assert!(reads <= 8, "{reads}");
    app.shutdown().await;
}

#[tokio::test]
async fn tracking_goes_back_and_asking_again_changes_nothing() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let orders = walk(&app, &unified("orders", &account)).await;
    let open: Vec<&Value> = orders
        .iter()
        .filter(|order| {
            order["fulfillment_status"] == "pending"
                && order["delivery_method"] == "ship"
                && order["purchase_type"] == "regular"
        })
        .collect();
    let order = open.iter().find(|order| order["line_items"].as_array().unwrap().len() > 1).unwrap();
    let order_id = order["id"].as_str().unwrap();
    let fulfillments = unified("fulfillments", &account);
    let part = json!({
        "order": {"id": order_id}, "type": "shipped", "carrier": "UPS", "tracking_numbers": ["1Z1", "1Z2"],
        "fulfilled_at": "2026-01-02T03:04:05Z",
        "line_items": [{"sku": order["line_items"][0]["sku"], "quantity": 1}],
    });
    let made = app.post(&fulfillments, &part).await.ok();
    assert_eq!(made["tracking_numbers"], json!(["1Z1", "1Z2"]));
    assert_eq!((&made["carrier"], &made["package_count"]), (&json!("UPS"), &json!(2)));
    assert_eq!(made["order"]["id"], order_id);
    let status = || async {
        app.get(&unified(&format!("orders/{order_id}"), &account)).await.ok()["fulfillment_status"].clone()
    };
    assert_eq!(status().await, "partial");
    // The same again is the same one.
    app.sandbox.requests().clear();
    assert_eq!(app.post(&fulfillments, &part).await.ok(), made);
    // Other tracking for the same goods takes its place.
    let mut other = part.clone();
    other["tracking_numbers"] = json!(["1Z9"]);
    let replaced = app.post(&fulfillments, &other).await.ok();
    assert_eq!(replaced["tracking_numbers"], json!(["1Z9"]));
    let listed = app.get(&format!("{fulfillments}&order_id={order_id}")).await.ok();
    assert_eq!(listed["result_count"], 1, "{listed}");
    let one = unified(&format!("fulfillments/{}", replaced["id"].as_str().unwrap()), &account);
    says(&app.delete(&one).await.refused(400), &["order_id"]);
    app.delete(&format!("{one}&order_id={order_id}")).await.ok();
    assert_eq!(status().await, "pending");

    // All of it, twice.
    let whole =
        json!({"order": {"id": order_id}, "type": "shipped", "carrier": "FedEx", "tracking_numbers": ["7"]});
    let sent = app.post(&fulfillments, &whole).await.ok();
    assert_eq!(status().await, "delivered");
    assert_eq!(app.post(&fulfillments, &whole).await.ok(), sent);
    says(
        &app.post(&fulfillments, &json!({"order": {"id": order_id}, "type": "shiped"})).await.refused(400),
        &[r#"did you mean "shipped"?"#],
    );
    let unknown = json!({"order": {"id": order_id}, "type": "shipped", "line_items": [{"sku": "NOT-THERE"}]});
    says(&app.post(&fulfillments, &unknown).await.refused(400), &["line_items[0].sku", "NOT-THERE"]);
    app.shutdown().await;
}

#[tokio::test]
async fn a_vintage_is_rolled_over_and_both_say_so() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let products = walk(&app, &unified("products", &account)).await;
    let old = products.iter().find(|product| product["wine"]["vintage"].is_i64()).unwrap();
    let id = old["id"].as_str().unwrap();
    let vintage = old["wine"]["vintage"].as_i64().unwrap() + 1;
    let path = unified(&format!("products/{id}/rollover"), &account);
    app.sandbox.requests().clear();
    let shown = app.post(&path, &json!({"vintage": vintage, "dry_run": true})).await.ok();
    assert_eq!(shown["result"]["dry_run"], true);
    assert_eq!(asked(&app, "/product"), 0);
    let done = app.post(&path, &json!({"vintage": vintage, "retire": true})).await.ok();
    let (new, previous) = (&done["result"]["product"], &done["result"]["previous"]);
    assert_eq!(done["result"]["changes"], shown["result"]["changes"]);
    assert_eq!(new["wine"]["vintage"], vintage);
    assert_ne!(new["variants"][0]["sku"], old["variants"][0]["sku"]);
    for field in [
        "price",
        "volume_ml",
        "tax_type",
        "weight",
        "has_shipping",
        "has_inventory",
        "inventory_policy",
        "cost",
    ] {
        assert_eq!(new["variants"][0][field], old["variants"][0][field], "{field}");
    }
    let ids = |product: &Value| -> Vec<Value> {
        product["categories"].as_array().unwrap().iter().map(|category| category["id"].clone()).collect()
    };
    assert_eq!(ids(new), ids(old));
    assert_eq!(new["department"]["id"], old["department"]["id"]);
    assert_eq!(new["previous_vintage"]["id"], id);
    assert_eq!(previous["next_vintage"]["id"], new["id"]);
    assert_eq!(previous["web_status"], "retired");
    let again = app.post(&path, &json!({"vintage": vintage + 1})).await.refused(409);
    says(&again, &["rolled over already"]);
    app.shutdown().await;
}

#[tokio::test]
async fn an_order_says_whether_it_may_ship_and_if_not_why() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let orders = walk(&app, &unified("orders", &account)).await;
    // As many as the platform answers in a minute.
    let orders = &orders[..80];
    let mut may = 0;
    for order in orders {
        let path = unified(&format!("orders/{}/compliance_check", order["id"].as_str().unwrap()), &account);
        let result = app.post(&path, &json!({"ship_on": "2026-12-01"})).await.ok()["result"].clone();
        let reasons = result["reasons"].as_array().unwrap();
        assert_eq!(result["may_ship"] == true, reasons.is_empty(), "{result}");
        let quarantined = reasons.iter().any(|reason| reason["code"] == "quarantined");
        assert_eq!(quarantined, order["compliance_status"] == "quarantined");
        may += usize::from(reasons.is_empty());
    }
    assert!(may < orders.len());
    let path = unified(&format!("orders/{}/compliance_check", orders[0]["id"].as_str().unwrap()), &account);
    says(&app.post(&path, &json!({"shipon": "x"})).await.refused(400), &["ship_on"]);
    says(
        &app.post(&unified("orders/compliance_check", &account), &json!({})).await.refused(400),
        &["orders/{id}/compliance_check"],
    );
    app.shutdown().await;
}
