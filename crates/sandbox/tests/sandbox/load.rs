//! Recorded bodies in a folder.

use std::path::Path;

use reqwest::StatusCode;
use sandbox::Options;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Served, answer, fixture, ids, rows, serve, small, text};

/// Writes a file below a folder, with the folders it needs.
fn write(folder: &TempDir, path: &str, body: &Value) {
    let path = folder.path().join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, body.to_string()).unwrap();
}

async fn load(folder: &TempDir) -> Served {
    serve(Options { load: Some(folder.path().to_owned()), ..small() }).await
}

fn order(id: u32, changes: Value) -> Value {
    let mut order = fixture("objects/order.json")[0].clone();
    order["id"] = json!(format!("00000000-0000-4000-8000-{id:012}"));
    for (name, value) in changes.as_object().unwrap() {
        order[name] = value.clone();
    }
    order
}

fn loaded(served: &Served) -> Vec<(String, usize)> {
    let mut objects = served.sandbox.loaded().unwrap().objects.clone();
    objects.sort();
    objects
}

/// Why a file gave nothing.
fn reason(served: &Served, file: &str) -> String {
    let skipped = &served.sandbox.loaded().unwrap().skipped;
    let found = skipped.iter().find(|skipped| skipped.path.ends_with(Path::new(file)));
    found.unwrap_or_else(|| panic!("{file} is not among {skipped:?}")).reason.clone()
}

#[tokio::test]
async fn an_object_an_array_or_a_list_answer_a_file() {
    let folder = TempDir::new().unwrap();
    write(&folder, "order/one.json", &order(1, json!({})));
    write(&folder, "order/two.json", &json!([order(2, json!({})), order(3, json!({}))]));
    write(&folder, "anything.json", &json!({"orders": [order(4, json!({}))], "total": 1}));
    write(&folder, "page.json", &json!({"orders": [order(5, json!({}))], "cursor": "x"}));
    write(&folder, "deep/er/order/six.json", &order(6, json!({})));
    write(&folder, "order.get.json", &order(7, json!({})));
    let served = load(&folder).await;
    assert_eq!(loaded(&served), [("orders".to_owned(), 7)]);
    assert_eq!(served.sandbox.loaded().unwrap().total(), 7);
    assert!(served.sandbox.loaded().unwrap().skipped.is_empty());
    assert_eq!(served.tenant().counts.orders, 127);
    for id in 1..=7 {
        let expected = order(id, json!({}));
        assert_eq!(served.ok(&format!("/order/{}", text(&expected, "id"))).await, expected);
    }
    // They come first by id, and the generated ones follow.
    let walked = served.orders().await;
    assert_eq!(walked.len(), 127);
    assert!(ids(&walked)[..7].iter().all(|id| id.starts_with("00000000-0000-4000-8000-")));
    assert_eq!(served.ok("/order").await["total"], 127);
}

#[tokio::test]
async fn loaded_objects_are_found_by_filters_and_text() {
    let folder = TempDir::new().unwrap();
    let changes =
        json!({"orderNumber": 987_654, "channel": "Marketplace", "updatedAt": "2031-01-01T00:00:00.000Z"});
    write(&folder, "order/one.json", &order(1, changes.clone()));
    let served = load(&folder).await;
    for query in
        ["q=98765", "channel=Marketplace", "updatedAt=gt:2030-12-31", "channel=Marketplace&cursor=start"]
    {
        let found = served.ok(&format!("/order?{query}")).await;
        assert_eq!(rows(&found, "orders"), [order(1, changes.clone())], "{query}");
    }
}

#[tokio::test]
async fn a_loaded_object_takes_the_place_of_one_with_its_id() {
    let id = text(&serve(small()).await.orders().await[5], "id").to_owned();
    let folder = TempDir::new().unwrap();
    write(&folder, "order/one.json", &order(1, json!({"id": id})));
    let served = load(&folder).await;
    assert_eq!(served.ok("/order").await["total"], 120);
    assert_eq!(served.ok(&format!("/order/{id}")).await, order(1, json!({"id": id})));
}

#[tokio::test]
async fn only_the_first_winery_holds_them() {
    let folder = TempDir::new().unwrap();
    write(&folder, "order/one.json", &order(1, json!({})));
    let options = Options { tenants: 2, load: Some(folder.path().to_owned()), ..small() };
    let served = serve(options).await;
    let path = format!("/order/{}", text(&order(1, json!({})), "id"));
    let mut statuses = Vec::new();
    for tenant in served.sandbox.tenants() {
        statuses.push(answer(served.request_of(tenant, reqwest::Method::GET, &path)).await.status);
    }
    assert_eq!(statuses, [StatusCode::OK, StatusCode::NOT_FOUND]);
}

#[tokio::test]
async fn a_delivery_gives_its_payload() {
    let folder = TempDir::new().unwrap();
    let delivery = |object: &str, payload: Value| json!({"object": object, "action": "Update", "payload": payload, "user": null, "tenantId": "a-winery"});
    write(&folder, "hooks/a.json", &delivery("Order", order(1, json!({}))));
    let membership = fixture("objects/club-membership.json")[0].clone();
    write(&folder, "hooks/b.json", &delivery("Club Membership", membership.clone()));
    write(&folder, "hooks/c.json", &delivery("Unheard Of", order(2, json!({}))));
    let served = load(&folder).await;
    assert_eq!(loaded(&served), [("clubMemberships".to_owned(), 1), ("orders".to_owned(), 1)]);
    let path = format!("/club-membership/{}", text(&membership, "id"));
    assert_eq!(served.ok(&path).await, membership);
    assert!(reason(&served, "hooks/c.json").contains("Unheard Of"));
}

/// Every recorded kind that can be told by its folder, and where it is read.
const BY_FOLDER: &[(&str, &str, &str)] = &[
    ("cart", "/cart", "carts"),
    ("club", "/club", "clubs"),
    ("club-membership", "/club-membership", "clubMemberships"),
    ("collection", "/collection", "collections"),
    ("coupon", "/coupon", "coupons"),
    ("customer", "/customer", "customers"),
    ("customer-address", "/customer-address", "customerAddresses"),
    ("department", "/department", "departments"),
    ("gift-card", "/gift-card", "giftCards"),
    ("inventory-location", "/inventory-location", "inventoryLocations"),
    ("loyalty-tier", "/loyalty-tier", "loyaltyTiers"),
    ("note", "/note", "notes"),
    ("order", "/order", "orders"),
    ("product", "/product", "products"),
    ("promotion", "/promotion", "promotions"),
    ("reservation", "/reservation", "reservations"),
    ("reservation-type", "/reservation-type", "reservationTypes"),
    ("shipping", "/shipping", "shippings"),
    ("tag", "/tag/customer", "tags"),
    ("tax", "/tax", "taxes"),
    ("vendor", "/vendor", "vendors"),
    ("web-hook", "/web-hook", "webHooks"),
    ("web-hook-log", "/web-hook-log", "webHookLogs"),
];

/// Checks that objects are read back as they were.
async fn assert_held(served: &Served, path: &str, envelope: &str, recorded: &[Value]) {
    let held = served.pages(path, envelope).await;
    for (at, object) in recorded.iter().enumerate() {
        // Two recordings of one object: the last counts.
        if recorded[at + 1..].iter().all(|later| later["id"] != object["id"]) {
            assert!(held.contains(object), "{path}: {object}");
        }
    }
}

/// The recorded objects of a kind.
fn recorded(kind: &str) -> Vec<Value> {
    fixture(&format!("objects/{kind}.json")).as_array().unwrap().clone()
}

#[tokio::test]
async fn a_folder_says_what_its_files_hold() {
    let folder = TempDir::new().unwrap();
    for (kind, ..) in BY_FOLDER {
        write(&folder, &format!("{kind}/recorded.json"), &fixture(&format!("objects/{kind}.json")));
    }
    let served = load(&folder).await;
    assert_eq!(served.sandbox.loaded().unwrap().skipped, []);
    for (kind, path, envelope) in BY_FOLDER {
        assert_held(&served, path, envelope, &recorded(kind)).await;
    }
}

#[tokio::test]
async fn a_folder_can_be_called_as_the_list_is() {
    let folder = TempDir::new().unwrap();
    for (kind, _, envelope) in BY_FOLDER {
        write(&folder, &format!("{envelope}/recorded.json"), &fixture(&format!("objects/{kind}.json")));
    }
    let served = load(&folder).await;
    assert_eq!(served.sandbox.loaded().unwrap().skipped, []);
    for (kind, path, envelope) in BY_FOLDER {
        assert_held(&served, path, envelope, &recorded(kind)).await;
    }
}

/// Kinds with too little to tell them by: a title and dates.
const SHAPELESS: &[&str] = &["department", "vendor"];
/// Rows that are a part of what was recorded.
const FRAGMENTS: &[(&str, usize)] = &[("order", 3), ("product", 1)];

#[tokio::test]
async fn where_no_folder_says_it_the_shape_does() {
    let folder = TempDir::new().unwrap();
    let mut shapeless = 0;
    let mut expected = Vec::new();
    for (number, (kind, path, envelope)) in BY_FOLDER.iter().enumerate() {
        let mut objects = Vec::new();
        for (row, object) in recorded(kind).into_iter().enumerate() {
            write(&folder, &format!("bodies/{number}-{row}.json"), &object);
            if SHAPELESS.contains(kind) || FRAGMENTS.contains(&(*kind, row)) {
                shapeless += 1;
            } else {
                objects.push(object);
            }
        }
        expected.push((path, envelope, objects));
    }
    let served = load(&folder).await;
    let skipped = &served.sandbox.loaded().unwrap().skipped;
    assert!(skipped.iter().all(|skipped| skipped.reason.contains("shape")), "{skipped:?}");
    assert_eq!(skipped.len(), shapeless, "{skipped:?}");
    for (path, envelope, objects) in expected {
        assert_held(&served, path, envelope, &objects).await;
    }
}

#[tokio::test]
async fn folders_above_the_one_that_is_loaded_say_nothing() {
    let folder = TempDir::new().unwrap();
    write(&folder, "note/bodies/one.json", &order(1, json!({})));
    let served = serve(Options { load: Some(folder.path().join("note/bodies")), ..small() }).await;
    assert_eq!(loaded(&served), [("orders".to_owned(), 1)]);
    // The one that is loaded does.
    let folder = TempDir::new().unwrap();
    write(&folder, "vendor/one.json", &fixture("objects/vendor.json")[0]);
    let served = serve(Options { load: Some(folder.path().join("vendor")), ..small() }).await;
    assert_eq!(loaded(&served), [("vendors".to_owned(), 1)]);
}

#[tokio::test]
async fn what_is_no_recorded_object_is_left_out_with_a_reason() {
    let folder = TempDir::new().unwrap();
    let object = order(1, json!({}));
    write(&folder, "order/post.request.json", &object);
    write(&folder, "order/error.json", &fixture("errors/404.not-found.json"));
    write(&folder, "order/fragment.json", &json!({"fulfillments": []}));
    write(&folder, "order/number.json", &order(2, json!({"id": 7})));
    write(&folder, "order/text.json", &json!("order"));
    write(&folder, "lists/unknown.json", &json!({"bottles": [object], "total": 1}));
    write(&folder, "lists/empty.json", &json!({"orders": [], "total": 0}));
    write(&folder, "lists/setting.json", &json!({"settings": [object]}));
    write(&folder, "setting/one.json", &object);
    write(&folder, "unknown/one.json", &json!({"id": object["id"], "title": "A Title"}));
    write(&folder, "notes.txt", &object);
    std::fs::write(folder.path().join("broken.json"), "{").unwrap();
    let served = load(&folder).await;
    assert_eq!(loaded(&served), []);
    for (file, expected) in [
        ("order/post.request.json", "request"),
        ("order/error.json", "error"),
        ("order/fragment.json", "fulfillments"),
        ("order/number.json", "UUID"),
        ("order/text.json", "id"),
        ("lists/unknown.json", "bottles"),
        ("lists/empty.json", "empty"),
        ("lists/setting.json", "settings"),
        ("setting/one.json", "settings"),
        ("unknown/one.json", "shape"),
        ("broken.json", "JSON"),
    ] {
        let reason = reason(&served, file);
        assert!(reason.contains(expected), "{file}: {reason}");
    }
    assert_eq!(served.sandbox.loaded().unwrap().skipped.len(), 11, "a text file is not even looked at");
    assert_eq!(rows(&served.ok("/setting").await, "settings").len(), 1);
}

#[tokio::test]
async fn a_folder_that_is_not_there_stops_the_start() {
    let folder = TempDir::new().unwrap();
    let options = Options { load: Some(folder.path().join("nowhere")), ..small() };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let error = sandbox::start(options, listener, |_| ()).await.unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

#[tokio::test]
async fn a_loaded_customer_stands_in_the_orders_that_name_it() {
    let id = text(&serve(small()).await.customers().await[0], "id").to_owned();
    let folder = TempDir::new().unwrap();
    let mut customer = fixture("objects/customer.json")[0].clone();
    customer["id"] = json!(id);
    write(&folder, "customer/one.json", &customer);
    let served = load(&folder).await;
    let orders = served.walk("/order", "orders", &[("customerId", &id)]).await;
    assert!(!orders.is_empty());
    assert!(orders.iter().all(|order| order["customer"]["emails"] == customer["emails"]));
}

#[tokio::test]
async fn a_recorded_object_is_written_as_any_other() {
    let folder = TempDir::new().unwrap();
    write(
        &folder,
        "order/one.json",
        &order(1, json!({"fulfillmentStatus": "Not Fulfilled", "fulfillments": []})),
    );
    let served = load(&folder).await;
    let path = "/order/00000000-0000-4000-8000-000000000001";
    let before = served.ok(path).await;
    let after = served.put(path, json!({"metaData": {"gift-wrap": true}})).await;
    for (field, value) in before.as_object().unwrap().iter().filter(|(field, _)| *field != "updatedAt") {
        let expected = if field == "metaData" { &json!({"gift-wrap": true}) } else { value };
        assert_eq!(&after[field], expected, "{field}");
    }
}
