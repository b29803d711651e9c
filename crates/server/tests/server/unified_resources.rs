//! What there is beside customers, orders and products: stock, places, clubs, tags and what else a shop keeps.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::{App, Platform, Setup, small_winery};

use crate::support::{ours, point_at, proxy, remote, says, texts, unified, walk};
use crate::unified_filters::Check;

/// The unified resource and the platform's own.
const RESOURCES: [(&str, &str); 7] = [
    ("inventory_levels", "inventory"),
    ("locations", "inventory-location"),
    ("clubs", "club"),
    ("memberships", "club-membership"),
    ("reservations", "reservation"),
    ("gift_cards", "gift-card"),
    ("notes", "note"),
];
/// An id that nothing has.
const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

/// A winery that does not count requests: most of these lists are read by page.
async fn start() -> (App, String) {
    let winery = testkit::Winery { rate_limit: 0, ..small_winery() };
    let app = App::sqlite_with(Setup { winery, ..Setup::default() }).await;
    let account = app.connect().await;
    (app, account)
}

/// Walks a list by small pages, and gets the first and the last of it. Gives all records.
async fn listed_and_got(app: &App, account: &str, resource: &str) -> Vec<Value> {
    let whole = walk(app, &format!("{}&limit=250", unified(resource, account))).await;
    assert!(!whole.is_empty(), "{resource}: there are none");
    let ids: BTreeSet<&str> = texts(&whole, "id").into_iter().collect();
    assert_eq!(ids.len(), whole.len(), "{resource}: each once");
    // Small enough to need a cursor, large enough to be done soon.
    let size = whole.len().div_ceil(3);
    let by_page = walk(app, &format!("{}&limit={size}", unified(resource, account))).await;
    assert_eq!(by_page, whole, "{resource} by {size}");
    for record in [whole.first(), whole.last()].into_iter().flatten() {
        let path = format!("{resource}/{}", record["id"].as_str().unwrap());
        let single = app.get(&unified(&path, account)).await.ok();
        assert_eq!(single["id"], record["id"]);
        for (name, value) in record.as_object().unwrap().iter().filter(|(name, _)| *name != "remote_data") {
            assert_eq!(single[name], *value, "{resource}.{name}");
        }
    }
    let unknown = app.get(&unified(&format!("{resource}/{NOBODY}"), account)).await;
    remote(app, &unknown, 404);
    whole
}

#[tokio::test]
async fn every_resource_is_listed_got_and_told_of() {
    let (app, account) = start().await;
    for (resource, own) in RESOURCES {
        let whole = listed_and_got(&app, &account, resource).await;
        let theirs = walk(&app, &format!("{}&limit=50", proxy(own, &account))).await;
        let sorted = |records: &[Value]| {
            texts(records, "id").into_iter().map(str::to_owned).collect::<BTreeSet<String>>()
        };
        assert_eq!(sorted(&whole), sorted(&theirs), "{resource}: none is missing");
        for record in &whole {
            let remote_data = theirs.iter().find(|theirs| theirs["id"] == record["id"]);
            assert_eq!(Some(&record["remote_data"]), remote_data, "{resource}");
        }
    }
    // What is told of them is what they do.
    let told = app.get(&format!("/integrated-account/{account}/capabilities?type=unified")).await.ok();
    let told = texts(told["unified"].as_array().unwrap(), "resource");
    let document = app.get("/openapi.json").await.ok();
    for (resource, needs) in RESOURCES
        .map(|(resource, _)| (resource, None))
        .into_iter()
        .chain([("tags", None), ("fulfillments", Some("order_id"))])
    {
        assert!(told.contains(&resource), "{resource}");
        assert!(document["paths"][format!("/unified/ecommerce/{resource}")]["get"].is_object(), "{resource}");
        for method in ["list", "get"] {
            let path = format!("/unified/ecommerce/{resource}/commerce7/meta/{method}");
            let query = app.get(&path).await.ok()["query_schema"].take();
            assert_eq!(query["required"][0].as_str(), needs, "{path}");
        }
    }
    let takes = |path: &str, name: &str| {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        parameters.iter().any(|parameter| parameter["name"] == name && parameter["in"] == "query")
    };
    for path in ["/unified/ecommerce/fulfillments", "/unified/ecommerce/fulfillments/{id}"] {
        assert!(takes(path, "order_id"), "{path}");
    }
    assert!(takes("/unified/ecommerce/tags/{id}", "object_type"));
    assert!(!takes("/unified/ecommerce/tags/{id}", "type") && takes("/unified/ecommerce/tags", "type"));
    app.shutdown().await;
}

#[tokio::test]
async fn filters_of_every_resource_are_exact() {
    let (app, account) = start().await;
    let of = |resource| Check::of(&app, resource, &account);

    let levels = of("inventory_levels").await;
    let level = &levels.all[levels.all.len() / 2];
    let sku = level["sku"].as_str().unwrap();
    levels.some(&format!("sku={}", sku.to_lowercase()), |level| level["sku"] == sku).await;
    for name in ["location", "product", "variant"] {
        let id = level[name]["id"].as_str().unwrap();
        levels.some(&format!("{name}_id={id}"), |level| level[name]["id"] == id).await;
    }
    let location = level["location"]["id"].as_str().unwrap();
    let query = format!("sku[in]={sku},none&location_id={location}");
    assert_eq!(levels.exact(&query, |found| found["id"] == level["id"]).await, 1);

    let locations = of("locations").await;
    for role in ["web", "inbound", "club", "pickup"] {
        let has = |location: &Value| location["roles"].as_array().unwrap().contains(&json!(role));
        locations.some(&format!("role={role}"), has).await;
    }

    let clubs = of("clubs").await;
    for kind in ["traditional", "subscription"] {
        clubs.some(&format!("type={kind}"), |club| club["type"] == kind).await;
    }
    let name = clubs.all[0]["name"].as_str().unwrap();
    clubs.some(&format!("name={}", name.replace(' ', "%20")), |club| club["name"] == name).await;

    let memberships = of("memberships").await;
    memberships.words("status", &["active", "on_hold", "cancelled"]).await;
    memberships.words("delivery_method", &["ship", "pickup"]).await;
    for field in ["created_at", "updated_at", "joined_at", "cancelled_at"] {
        memberships.times(field).await;
    }
    for name in ["customer", "club"] {
        let id = memberships.all[0][name]["id"].as_str().unwrap();
        memberships.some(&format!("{name}_id={id}"), |membership| membership[name]["id"] == id).await;
    }

    let reservations = of("reservations").await;
    reservations
        .words("status", &["closed_out", "checked_in", "reserved", "cancelled", "no_show", "hold"])
        .await;
    reservations.words("payment_status", &["paid", "pending", "declined"]).await;
    reservations.words("channel", &["web", "inbound"]).await;
    for field in ["created_at", "updated_at", "starts_at"] {
        reservations.times(field).await;
    }
    for name in ["customer", "experience"] {
        let id = reservations.all[0][name]["id"].as_str().unwrap();
        reservations.some(&format!("{name}_id={id}"), |reservation| reservation[name]["id"] == id).await;
    }

    let cards = of("gift_cards").await;
    cards.times("created_at").await;
    let (code, number) = (cards.all[0]["code"].as_str().unwrap(), cards.all[0]["number"].as_str().unwrap());
    assert_eq!(cards.exact(&format!("code={}", code.to_lowercase()), |card| card["code"] == code).await, 1);
    assert_eq!(cards.exact(&format!("number={number}"), |card| card["number"] == number).await, 1);
    for kind in ["virtual", "physical"] {
        cards.exact(&format!("type={kind}"), |card| card["type"] == kind).await;
    }

    let notes = of("notes").await;
    notes.times("noted_at").await;
    for name in ["customer", "order"] {
        let id = notes.all.iter().find_map(|note| note[name]["id"].as_str()).unwrap();
        notes.some(&format!("{name}_id={id}"), |note| note[name]["id"] == id).await;
    }
    app.shutdown().await;
}

#[tokio::test]
async fn tags_of_every_kind_are_one_list() {
    let (app, account) = start().await;
    let whole = listed_and_got(&app, &account, "tags").await;
    let mut theirs = 0;
    for own in ["customer", "order", "club-membership", "reservation"] {
        theirs += walk(&app, &format!("{}&limit=50&objectType={own}", proxy("tag", &account))).await.len();
    }
    assert_eq!(whole.len(), theirs);
    // One by one, over the borders between the kinds.
    assert_eq!(walk(&app, &format!("{}&limit=1", unified("tags", &account))).await, whole);

    let tags = Check::of(&app, "tags", &account).await;
    for kind in ["customer", "order", "membership", "reservation"] {
        app.sandbox.requests().clear();
        tags.some(&format!("object_type={kind}"), |tag| tag["object_type"] == kind).await;
        assert_eq!(app.sandbox.requests().total(), 1, "{kind} is asked for alone");
    }
    tags.some("type=dynamic", |tag| tag["type"] == "dynamic").await;
    let name = whole[0]["name"].as_str().unwrap();
    tags.some(&format!("name={}", name.replace(' ', "%20").to_lowercase()), |tag| tag["name"] == name).await;

    // With its kind a tag is found at once, and by another kind it is not found.
    let tag = whole.iter().find(|tag| tag["object_type"] == "reservation").unwrap();
    let path = unified(&format!("tags/{}", tag["id"].as_str().unwrap()), &account);
    for (query, requests) in
        [("&object_type=reservation", 1), ("", 4), ("&remote_query[objectType]=reservation", 1)]
    {
        app.sandbox.requests().clear();
        assert_eq!(app.get(&format!("{path}{query}")).await.ok()["id"], tag["id"], "{query}");
        assert_eq!(app.sandbox.requests().total(), requests, "{query}");
    }
    let raw = app.get(&format!("{path}&truto_response_format=raw")).await.ok();
    assert_eq!(raw, tag["remote_data"]);
    remote(&app, &app.get(&format!("{path}&object_type=order")).await, 404);
    says(&ours(&app, &app.get(&format!("{path}&object_type=oder")).await, 400), &["did you mean \"order\""]);
    says(&ours(&app, &app.get(&format!("{path}&type=manual")).await, 400), &["remote_query[type]"]);
    app.shutdown().await;
}

#[tokio::test]
async fn fulfillments_are_read_from_their_order() {
    let (app, account) = start().await;
    let orders = walk(&app, &format!("{}&limit=250", unified("orders", &account))).await;
    let of_order = |order: &Value| order["fulfillments"].as_array().unwrap().len();
    let sent = orders.iter().find(|order| of_order(order) > 0).unwrap();
    let waiting = orders.iter().find(|order| of_order(order) == 0).unwrap();
    let list = |order: &Value| {
        format!("{}&order_id={}", unified("fulfillments", &account), order["id"].as_str().unwrap())
    };
    let listed = app.get(&list(sent)).await.ok();
    assert_eq!(listed["result"].as_array().unwrap().len(), of_order(sent));
    let first = &listed["result"][0];
    assert_eq!(first["order"], json!({"id": sent["id"], "order_number": sent["order_number"]}));
    for (name, value) in sent["fulfillments"][0].as_object().unwrap() {
        assert_eq!(first[name], *value, "{name}");
    }
    assert_eq!(first["remote_data"], sent["remote_data"]["fulfillments"][0]);
    assert_eq!(app.get(&list(waiting)).await.ok()["result"], json!([]));

    let id = first["id"].as_str().unwrap();
    let single = |order: &Value, id: &str| {
        format!(
            "{}&order_id={}",
            unified(&format!("fulfillments/{id}"), &account),
            order["id"].as_str().unwrap()
        )
    };
    assert_eq!(app.get(&single(sent, id)).await.ok(), *first);
    let raw = app.get(&format!("{}&truto_response_format=raw", single(sent, id))).await.ok();
    assert_eq!(raw, first["remote_data"]);
    says(&ours(&app, &app.get(&single(waiting, id)).await, 404), &["fulfillments", id]);
    ours(&app, &app.get(&single(sent, NOBODY)).await, 404);
    remote(&app, &app.get(&single(&json!({"id": NOBODY}), id)).await, 404);
    remote(&app, &app.get(&list(&json!({"id": NOBODY}))).await, 404);

    app.sandbox.requests().clear();
    for (path, words) in [
        (unified("fulfillments", &account), &["order_id is needed", "order"][..]),
        (unified(&format!("fulfillments/{id}"), &account), &["order_id is needed"]),
        (format!("{}&order_id=", unified("fulfillments", &account)), &["order_id", "a value is needed"]),
        (format!("{}&carrier=UPS", list(sent)), &["carrier", "order_id"]),
        (format!("{}&type=shipped", single(sent, id)), &["remote_query[type]"]),
        (format!("{}&truto_response_format=stream", list(sent)), &["stream", "use raw"]),
    ] {
        says(&ours(&app, &app.get(&path).await, 400), words);
    }
    assert_eq!(app.sandbox.requests().total(), 0, "what is refused reaches nobody");

    // An order with more of them than a page.
    let item = |number: u8| json!({"id": format!("f{number}"), "type": if number == 3 { "Picked Up" } else { "Shipped" }});
    let order = json!({"id": "o1", "orderNumber": 7, "fulfillments": [item(1), item(2), item(3), item(4)]});
    let body = order.to_string();
    let platform = Platform::listen().await;
    point_at(&app, &account, &platform.base_url()).await;
    platform.always(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ));
    let list = format!("{}&order_id=o1", unified("fulfillments", &account));
    for limit in [1, 3, 4] {
        assert_eq!(
            texts(&walk(&app, &format!("{list}&limit={limit}")).await, "id"),
            ["f1", "f2", "f3", "f4"]
        );
    }
    let shipped = walk(&app, &format!("{list}&type=shipped&limit=2")).await;
    assert_eq!(texts(&shipped, "id"), ["f1", "f2", "f4"]);
    let by_id = app.get(&format!("{list}&truto_key_by=id&truto_ignore_remote_data=true")).await.ok();
    assert_eq!(by_id["result"]["f3"]["type"], "picked_up");
    // What answers to another id is not the order that was meant.
    let other = app.get(&format!("{}&order_id=o2", unified("fulfillments", &account))).await.ok();
    assert_eq!(other["result"], json!([]));
    app.shutdown().await;
}
