//! Objects have all fields that recorded ones have, of the same types.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use sandbox::Options;
use serde_json::Value;

use crate::support::{Served, answer, fixture, ids, middling, rows, serve, text};

/// A recorded kind, and where its generated objects are read: list, key of the list.
const KINDS: &[(&str, &[(&str, &str)])] = &[
    ("app-sync", &[]),
    ("cart", &[("/cart", "carts")]),
    ("club", &[("/club", "clubs")]),
    ("club-membership", &[("/club-membership", "clubMemberships")]),
    ("collection", &[("/collection", "collections")]),
    ("coupon", &[("/coupon", "coupons")]),
    ("customer", &[("/customer", "customers")]),
    ("customer-address", &[("/customer-address", "customerAddresses")]),
    ("customer-credit-card", &[]),
    ("department", &[("/department", "departments")]),
    ("gift-card", &[("/gift-card", "giftCards")]),
    ("inventory", &[("/inventory", "inventories")]),
    ("inventory-location", &[("/inventory-location", "inventoryLocations")]),
    ("loyalty-tier", &[("/loyalty-tier", "loyaltyTiers")]),
    ("meta-data-config", &[("/meta-data-config/customer", "metaDataConfigs")]),
    ("note", &[("/note", "notes")]),
    ("order", &[("/order", "orders")]),
    ("product", &[("/product", "products")]),
    ("promotion", &[("/promotion", "promotions")]),
    ("reservation", &[("/reservation", "reservations")]),
    ("reservation-type", &[("/reservation-type", "reservationTypes")]),
    ("shipping", &[("/shipping", "shippings")]),
    ("tag", &[("/tag/customer", "tags"), ("/tag/order", "tags"), ("/tag/reservation", "tags")]),
    ("tax", &[("/tax", "taxes")]),
    ("vendor", &[("/vendor", "vendors")]),
    ("web-hook", &[("/web-hook", "webHooks")]),
    ("web-hook-log", &[("/web-hook-log", "webHookLogs")]),
    ("web-setting", &[]),
    ("wine-appellation", &[("/wine-appellation", "wineAppellations")]),
    ("wine-varietal", &[("/wine-varietal", "wineVarietals")]),
];

/// The fields that are known of each kind: kind, path.
const TABLES: &str = include_str!("../fixtures/fields.txt");

/// Known fields that the current shape does not have any more, or that are data: kind, path, why.
const EXEMPT: &[(&str, &str, &str)] = &[
    ("cart", ".email", "a guest's mail is in `guest` since 2024"),
    ("club", ".publishDate", "of 2019"),
    ("club-membership", ".club.publishDate", "of 2019"),
    ("club-membership", ".customer.acceptsMarketing", "of 2018"),
    ("club-membership", ".customer.facebookId", "of 2020"),
    ("collection", ".featureImage", "of 2018"),
    ("coupon", ".appliesToObjectIds[]", "no generated coupon is for some products only"),
    ("customer", ".facebookId", "of 2020"),
    ("customer", ".productJSON", "the name of `products` inside other objects"),
    ("order", ".allowPromotions", "of 2018"),
    ("order", ".fulfillments[].items[].sku", "written so, but read as `id`"),
    ("order", ".orderTags", "of 2022, now `tags`"),
    ("order", ".productTenantId", "of 2018"),
    ("order", ".refundOrderId", "of 2022, now `linkedOrders`"),
    ("order", ".refundOrderNumber", "of 2022, now `linkedOrders`"),
    ("product", ".collections[].publishDate", "of 2019"),
    ("product", ".tenantIds", "of 2019"),
    ("promotion", ".minimumCartAmount", "of 2018"),
    ("promotion", ".productDiscount", "of 2018"),
    ("promotion", ".productDiscountType", "of 2018"),
    ("promotion", ".shippingDiscount", "of 2018"),
    ("promotion", ".shippingDiscountType", "of 2018"),
];

/// Objects whose keys are data: all of them count as one field.
const MAPS: &[&str] = &["yearlyValue", "states", "compliance"];
/// Objects that are whatever somebody else put there.
const FOREIGN: &[&str] = &["metaData", "appData", "data", "payload"];

/// The types seen at every path of some objects.
type Paths = BTreeMap<String, BTreeSet<&'static str>>;

fn collect(value: &Value, path: &str, paths: &mut Paths) {
    let name = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    paths.entry(path.to_owned()).or_default().insert(name);
    let name = path.rsplit('.').next().unwrap_or_default();
    match value {
        Value::Object(_) if FOREIGN.contains(&name) => {}
        Value::Object(fields) => {
            let is_map = MAPS.contains(&name);
            for (name, value) in fields {
                let name = if is_map { "*" } else { name.as_str() };
                collect(value, &format!("{path}.{name}"), paths);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, &format!("{path}[]"), paths)),
        _ => {}
    }
}

fn paths(objects: &[Value]) -> Paths {
    let mut paths = Paths::new();
    objects.iter().for_each(|object| collect(object, "", &mut paths));
    paths
}

/// The generated objects of a kind.
async fn generated(served: &Served, kind: &str, lists: &[(&str, &str)]) -> Vec<Value> {
    match kind {
        "app-sync" => {
            let mut found = Vec::new();
            for id in ids(&served.orders().await) {
                let answer = served.ok(&format!("/app-syncs/{id}")).await;
                found.extend(rows(&answer, "appSyncs").iter().cloned());
            }
            found
        }
        "customer-credit-card" => {
            let mut found = Vec::new();
            for id in ids(&served.customers().await) {
                let answer = served.ok(&format!("/customer/{id}/credit-card")).await;
                found.extend(rows(&answer, "customerCreditCards").iter().cloned());
            }
            found
        }
        "web-setting" => {
            let request = served.bare(Method::GET, "/setting/for-web?version=V2");
            vec![answer(request.header("tenant", &served.tenant().name)).await.json()]
        }
        _ => {
            let mut found = Vec::new();
            for (path, envelope) in lists {
                found.extend(served.pages(path, envelope).await);
            }
            found
        }
    }
}

/// What objects of a kind must have: the fields of the tables, and those of recorded objects with their types.
fn required(kind: &str) -> Paths {
    let recorded = fixture(&format!("objects/{kind}.json"));
    let mut required = paths(recorded.as_array().unwrap());
    let of_kind = TABLES.lines().filter_map(|line| line.strip_prefix(kind)?.strip_prefix(' '));
    for field in of_kind {
        required.entry(format!(".{field}")).or_default();
    }
    required
}

/// What is wrong with a field, if anything is.
fn problem(generated: &Paths, path: &str, types: &BTreeSet<&'static str>) -> Option<String> {
    let Some(of_generated) = generated.get(path) else { return Some("is not generated".to_owned()) };
    let is_same = types.iter().all(|name| *name == "null")
        || of_generated.iter().all(|name| *name == "null" || types.contains(name));
    (!is_same).then(|| format!("is {of_generated:?}, recorded as {types:?}"))
}

#[tokio::test]
async fn generated_objects_have_every_known_field_of_the_recorded_type() {
    // As many customers as it takes for a member to have a cart.
    let served = serve(Options { customers: 400, ..middling() }).await;
    let mut problems = Vec::new();
    let mut needless: BTreeSet<_> = EXEMPT.iter().map(|(kind, path, _)| (*kind, *path)).collect();
    for (kind, lists) in KINDS {
        let objects = generated(&served, kind, lists).await;
        assert!(!objects.is_empty(), "{kind}");
        let generated = paths(&objects);
        for (path, types) in required(kind) {
            let Some(problem) = problem(&generated, &path, &types) else { continue };
            let exempt = EXEMPT.iter().find(|(of, root, _)| {
                let rest = path.strip_prefix(root);
                of == kind && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
            });
            match exempt {
                Some((of, root, _)) => drop(needless.remove(&(*of, *root))),
                None => problems.push(format!("{kind}{path} {problem}")),
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    assert!(needless.is_empty(), "exempt without need: {needless:?}");
}

#[tokio::test]
async fn objects_of_a_kind_have_the_same_keys() {
    // Fields that only some have: by type, by what qualifies, by what is noted.
    const OPTIONAL: &[&str] = &[
        "wine",
        "backPopulate",
        "yearlyValueToQualify",
        "lifetimeValueToQualify",
        "clubsToQualify",
        "customerId",
        "orderId",
    ];
    let served = serve(middling()).await;
    for (kind, lists) in KINDS {
        let objects = generated(&served, kind, lists).await;
        let keys = |object: &Value| -> BTreeSet<String> {
            let keys = object.as_object().unwrap().keys().cloned();
            keys.filter(|key| !OPTIONAL.contains(&key.as_str())).collect()
        };
        let first = keys(&objects[0]);
        for object in &objects {
            assert_eq!(keys(object), first, "{kind}");
        }
    }
}

#[tokio::test]
async fn ids_are_lower_case_uuids_and_none_occurs_twice() {
    let served = serve(middling()).await;
    let mut seen = BTreeSet::new();
    for (kind, lists) in KINDS.iter().filter(|(kind, _)| *kind != "web-setting") {
        for object in &generated(&served, kind, lists).await {
            let id = text(object, "id");
            assert_eq!(uuid::Uuid::parse_str(id).unwrap().to_string(), id, "{kind}");
            assert!(seen.insert(id.to_owned()), "{kind} {id} occurs twice");
        }
    }
}

#[tokio::test]
async fn ids_of_the_parts_of_orders_do_not_occur_twice() {
    let served = serve(middling()).await;
    let mut seen = BTreeSet::new();
    for order in &served.orders().await {
        for list in ["items", "tenders", "taxes", "shipping", "promotions", "coupons", "fulfillments"] {
            for id in ids(rows(order, list)) {
                assert!(seen.insert(id.to_owned()), "{list} {id} occurs twice");
            }
        }
        for item in rows(order, "items") {
            for part in item["bundleItems"].as_array().into_iter().flatten() {
                assert!(seen.insert(text(part, "id").to_owned()), "a bundle item occurs twice");
            }
        }
    }
}

#[tokio::test]
async fn the_web_settings_are_no_row_with_an_id() {
    let served = serve(middling()).await;
    let settings = generated(&served, "web-setting", &[]).await;
    assert!(settings[0].get("id").is_none(), "{}", settings[0]);
}
