//! Unified models and maps through their public face, over recorded bodies.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use integration::Catalog;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use unified::{Layer, LayerError, Maps, Models, Origin, Request, ResourceMap, Sources, WriteOptions};

static MAPS: LazyLock<Maps> =
    LazyLock::new(|| Maps::embedded(&Models::embedded().unwrap(), &Catalog::embedded().unwrap()).unwrap());

fn map(resource: &str) -> &'static ResourceMap {
    MAPS.get("commerce7", "ecommerce", resource).unwrap()
}

/// The map of a resource as an account overrides it.
fn overridden(resource: &str, layer: &Value) -> Result<ResourceMap, LayerError> {
    let catalog = Catalog::embedded().unwrap();
    map(resource).overridden(catalog.get("commerce7").unwrap(), &[Layer::new(Origin::Account, layer)])
}

fn fixture(path: &str) -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path);
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

fn context() -> Value {
    json!({"currency": "USD", "weight_unit": "Lbs"})
}

/// Maps one record, without `remote_data`.
fn unify(resource: &str, record: &Value) -> Value {
    unify_with(resource, record, &[])
}

fn unify_with(resource: &str, record: &Value, loads: &[(&str, &str)]) -> Value {
    let raw = RawValue::from_string(record.to_string()).unwrap();
    let options = WriteOptions::default().without_remote_data();
    let mut out = Vec::new();
    map(resource).write(&Sources { record: &raw, loads }, &context(), &options, None, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

/// The records of every recorded body of one kind, with the body's name.
fn records(kind: &str, list: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(kind);
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut records = Vec::new();
    for file in files {
        let body: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
        let name = file.file_stem().unwrap().to_str().unwrap();
        let found = records_in(kind, list, body);
        let is_list = found.len() > 1;
        records.extend(found.into_iter().enumerate().map(|(number, record)| {
            (if is_list { format!("{name}-{number}") } else { name.to_owned() }, record)
        }));
    }
    records
}

/// The records of a body: a list's, a delivery's, those inside other records, or the body itself.
fn records_in(kind: &str, list: &str, mut body: Value) -> Vec<Value> {
    if let Some(Value::Array(records)) = body.get_mut(list) {
        return std::mem::take(records);
    }
    if let Some(payload) = body.get("payload") {
        return vec![payload.get(kind).unwrap_or(payload).clone()];
    }
    if let Some(record) = body.get(kind) {
        return vec![record.clone()];
    }
    let lists = body.as_object().unwrap().values().filter_map(Value::as_array).flatten();
    let inside: Vec<Value> = lists.filter_map(|item| item.get(kind)).cloned().collect();
    if inside.is_empty() { vec![body] } else { inside }
}

/// The folder of recorded bodies, the key of lists, the unified resource.
const KINDS: [(&str, &str, &str); 12] = [
    ("customer", "customers", "customers"),
    ("order", "orders", "orders"),
    ("product", "products", "products"),
    ("club", "clubs", "clubs"),
    ("club-membership", "clubMemberships", "memberships"),
    ("fulfillment", "fulfillments", "fulfillments"),
    ("gift-card", "giftCards", "gift_cards"),
    ("inventory", "inventories", "inventory_levels"),
    ("inventory-location", "inventoryLocations", "locations"),
    ("note", "notes", "notes"),
    ("reservation", "reservations", "reservations"),
    ("tag", "tags", "tags"),
];

#[test]
fn every_recorded_body_maps_as_the_snapshot_says() {
    for (kind, list, resource) in KINDS {
        for (name, record) in records(kind, list) {
            insta::assert_json_snapshot!(format!("{kind}-{name}"), unify(resource, &record));
        }
    }
}

#[test]
fn a_customer_with_its_addresses_maps_as_the_snapshot_says() {
    let addresses = fixture("customer-address/list-of-one-customer.response.json").to_string();
    let customer = fixture("customer/customer.object.json");
    insta::assert_json_snapshot!(unify_with("customers", &customer, &[("addresses", &addresses)]));
}

#[test]
fn every_field_of_the_recorded_bodies_is_mapped_or_left_out_with_a_reason() {
    let mut forgotten = BTreeSet::new();
    for (kind, list, resource) in KINDS {
        let map = map(resource);
        let known: Vec<String> = map.source_paths();
        for (_, record) in records(kind, list) {
            let mut paths = BTreeSet::new();
            leaves(&record, "", &mut paths);
            for path in paths {
                let covers = |known: &str| {
                    path == known
                        || path.strip_prefix(known).is_some_and(|rest| rest.starts_with(['.', '[']))
                        // A list or an object that was empty or null in this body.
                        || known.strip_prefix(&path).is_some_and(|rest| rest.starts_with(['.', '[']))
                };
                // `variants[0].sku` reads every variant's.
                let covered =
                    known.iter().any(|known| covers(known)) || map.left_out().keys().any(|key| covers(key));
                if !covered {
                    forgotten.insert(format!("{resource}: {path}"));
                }
            }
        }
    }
    assert!(forgotten.is_empty(), "neither mapped nor left out: {forgotten:#?}");
}

#[test]
fn every_list_and_record_is_mapped_for_every_resource_of_the_model() {
    let models = Models::embedded().unwrap();
    for (name, resource) in &models.get("ecommerce").unwrap().resources {
        let map = map(name);
        for method in &resource.methods {
            assert!(map.method(method).is_ok(), "{name} has no {method}");
        }
        // A word that is translated has the provider's own beside it.
        for (field, spec) in map.definition()["fields"].as_object().unwrap() {
            if spec.get("words").is_some() {
                let raw = map.definition()["fields"].get(format!("{field}_raw"));
                assert_eq!(raw, spec.get("from"), "{name}.{field}_raw");
            }
        }
    }
}

#[test]
fn an_item_knows_the_record_that_holds_it() {
    let order = fixture("order/order.object.json");
    let text = order.to_string();
    let items = map("fulfillments").method("get").unwrap().items.as_ref().unwrap();
    let read = items.read(&text).unwrap().unwrap();
    assert_eq!(read.len(), order["fulfillments"].as_array().unwrap().len());
    for (record, of_order) in read.iter().zip(unify("orders", &order)["fulfillments"].as_array().unwrap()) {
        let loads = [("order", text.as_str())];
        let mut item = unify_with("fulfillments", &serde_json::from_str(record.get()).unwrap(), &loads);
        assert_eq!(item["order"]["id"], order["id"]);
        assert_eq!(item["order"]["order_number"], order["orderNumber"].to_string());
        assert!(item["type_raw"].is_string());
        let fields = item.as_object_mut().unwrap();
        fields.retain(|name, _| !["order", "type_raw"].contains(&name.as_str()));
        assert_eq!(item, *of_order, "the order's own list says the same");
    }
    assert!(items.read(r#"{"id": "o", "fulfillments": null}"#).unwrap().unwrap().is_empty());
    assert!(items.read(r#"{"id": "o"}"#).unwrap().is_none());
    assert!(items.read("[]").is_err());
}

#[test]
fn what_names_a_record_is_taken_by_get_and_nothing_else() {
    let query = |query: Value| query.as_object().unwrap().clone();
    let items = map("fulfillments").method("list").unwrap().items.as_ref().unwrap();
    assert_eq!(items.holder(&query(json!({"order_id": "o"}))).unwrap(), "o");
    assert_eq!(items.holder(&query(json!({"order_id": {"eq": "o"}}))).unwrap(), "o");
    for missing in [json!({}), json!({"order_id": ""}), json!({"order_id": {"in": "o"}})] {
        let error = items.holder(&query(missing)).unwrap_err().to_string();
        assert!(error.starts_with("order_id is needed"), "{error}");
    }
    let tags = map("tags").plan_get(&query(json!({"object_type": "membership"}))).unwrap();
    assert_eq!(Value::Object(tags.upstream), json!({"objectType": "club-membership"}));
    let refused = map("tags").plan_get(&query(json!({"name": "VIP"}))).unwrap_err();
    assert_eq!(refused.works, ["object_type"]);
    let refused = map("orders").plan_get(&query(json!({"status": "active"}))).unwrap_err();
    assert!(refused.to_string().contains("remote_query[status]"), "{refused}");
    let names = |method| map("fulfillments").query_filters(method).map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!((names("list"), names("get")), (vec!["order_id", "type"], vec!["order_id"]));
    assert_eq!(map("fulfillments").required_filter("get"), Some("order_id"));
}

#[test]
fn every_field_of_the_recorded_addresses_is_mapped_or_left_out_with_a_reason() {
    let map = map("customers");
    let mapped = map.definition()["fields"]["addresses"].to_string();
    let mut forgotten = BTreeSet::new();
    for (_, address) in records("customer-address", "customerAddresses") {
        for field in address.as_object().unwrap().keys() {
            let left_out = format!("@addresses.customerAddresses[].{field}");
            if !mapped.contains(&format!("\"{field}\"")) && !map.left_out().contains_key(&left_out) {
                forgotten.insert(field.clone());
            }
        }
    }
    assert!(forgotten.is_empty(), "neither mapped nor left out: {forgotten:#?}");
}

fn leaves(value: &Value, path: &str, paths: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, inner) in fields {
                let dot = if path.is_empty() { "" } else { "." };
                leaves(inner, &format!("{path}{dot}{key}"), paths);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                leaves(item, &format!("{path}[]"), paths);
            }
        }
        _ => {
            paths.insert(path.to_owned());
        }
    }
}

#[test]
fn the_published_coverage_list_is_that_of_the_maps() {
    let page =
        unified::coverage("Commerce7", MAPS.of("commerce7").map(|(model, name, map)| (model, name, &**map)));
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/coverage-commerce7.md");
    if std::env::var_os("DECANT_UPDATE_DOCS").is_some() {
        std::fs::write(&file, &page).unwrap();
    }
    let published = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        published == page,
        "docs/coverage-commerce7.md is stale: run this test with DECANT_UPDATE_DOCS=1"
    );
}

#[test]
fn a_tag_that_was_attached_twice_is_listed_once() {
    let tag = json!({"id": "t1", "title": "VIP"});
    let customer = unify("customers", &json!({"id": "c1", "tags": [tag.clone(), tag]}));
    assert_eq!(customer["tags"], json!([{"id": "t1", "name": "VIP"}]));
}

#[test]
fn parts_of_a_cent_stay_exact() {
    let order = json!({"id": "o", "items": [{"id": "i", "bundleItems": [{"price": 1233.33}]}]});
    assert_eq!(unify("orders", &order)["line_items"][0]["bundle_items"][0]["unit_price"], "12.3333");
}

#[test]
fn a_card_shows_its_last_digits_and_its_month() {
    let card = |card: Value| {
        let order = unify("orders", &json!({"id": "o", "tenders": [{"creditCard": card}]}));
        order["payments"][0].get("card").cloned()
    };
    assert_eq!(
        card(json!({"maskedCardNumber": "************0042", "expiryMo": 2, "expiryYr": 2027})),
        Some(json!({"last_four": "0042", "expiry": "2027-02"}))
    );
    assert_eq!(card(json!({"maskedCardNumber": "", "expiryMo": null})), None);
}

#[test]
fn a_line_costs_its_price_times_its_quantity() {
    let total = |item: Value| {
        unify("orders", &json!({"id": "o", "items": [item]}))["line_items"][0].get("total").cloned()
    };
    assert_eq!(total(json!({"price": 4675, "quantity": 2})), Some(json!("93.50")));
    assert_eq!(total(json!({"price": 5, "quantity": -1})), Some(json!("-0.05")));
    assert_eq!(total(json!({"price": 5})), None);
}

#[test]
fn what_is_taken_off_counts_coupons_and_promotions_in_use() {
    let total = |order: Value| unify("orders", &order).get("total_discount").cloned();
    let used = json!({"inUse": true, "totalValue": 500});
    let other = json!({"inUse": false, "totalValue": 70});
    assert_eq!(
        total(json!({"id": "o", "coupons": [used, other], "promotions": [{"totalValue": 1}]})),
        Some(json!("5.01"))
    );
    assert_eq!(total(json!({"id": "o", "coupons": [used], "discountTotal": 400})), Some(json!("4.00")));
    assert_eq!(total(json!({"id": "o", "coupons": []})), Some(json!("0.00")));
    assert_eq!(total(json!({"id": "o"})), None);
}

#[test]
fn lists_of_an_object_are_there_when_the_object_is() {
    let customer = |order: Value| unify("orders", &order).get("customer").cloned();
    assert_eq!(
        customer(json!({"id": "o", "customerId": "c"})),
        Some(json!({"id": "c", "emails": [], "phones": []}))
    );
    assert_eq!(customer(json!({"id": "o", "customerId": null})), None);
}

#[test]
fn a_customers_company_is_that_of_the_default_address() {
    let addresses = json!({"customerAddresses": [
        {"id": "a", "company": "Old", "isDefault": false},
        {"id": "b", "company": "New", "isDefault": true},
    ]});
    let customer = unify_with("customers", &json!({"id": "c"}), &[("addresses", &addresses.to_string())]);
    assert_eq!(customer["company_name"], "New");
}

#[test]
fn a_record_that_does_not_fit_says_which_field_and_how_to_go_around_it() {
    let raw = RawValue::from_string(json!({"id": "o1", "total": "lots", "items": []}).to_string()).unwrap();
    let sources = Sources { record: &raw, loads: &[] };
    let mut out = b"kept".to_vec();
    let error =
        map("orders").write(&sources, &context(), &WriteOptions::default(), None, &mut out).unwrap_err();
    assert_eq!(
        error.to_string(),
        "record o1: total_amount needs an amount in minor units, such as 8510, and `total` holds \"lots\"; leave the \
         field out with truto_exclude_fields[]=total_amount or read the provider's record with truto_response_format=raw"
    );
    assert_eq!(out, b"kept", "nothing is left of a record that failed");
    let options = WriteOptions::default().excluding(["total_amount"]);
    map("orders").write(&sources, &context(), &options, None, &mut out).unwrap();
}

#[test]
fn remote_data_is_the_providers_own_text() {
    let text = r#"{"id":"o1",  "odd": 1.000, "z":[ ]}"#;
    let raw = RawValue::from_string(text.to_owned()).unwrap();
    let mut out = Vec::new();
    let sources = Sources { record: &raw, loads: &[] };
    map("orders").write(&sources, &context(), &WriteOptions::default(), None, &mut out).unwrap();
    assert!(String::from_utf8(out).unwrap().ends_with(&format!(r#""remote_data":{text}}}"#)));
}

#[test]
fn excluded_fields_are_left_out_at_any_depth() {
    let raw = RawValue::from_string(fixture("order/order.object.json").to_string()).unwrap();
    let options = WriteOptions::default().excluding(["customer", "line_items.sku", "remote_data"]);
    let mut out = Vec::new();
    let sources = Sources { record: &raw, loads: &[] };
    map("orders").write(&sources, &context(), &options, None, &mut out).unwrap();
    let order: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(order.get("customer"), None);
    assert_eq!(order.get("remote_data"), None);
    assert_eq!(order["line_items"][0].get("sku"), None);
    assert!(order["line_items"][0].get("id").is_some());
}

fn plan(resource: &str, query: Value) -> Result<unified::PlannedQuery, unified::QueryError> {
    map(resource).plan_query(query.as_object().unwrap())
}

fn upstream(resource: &str, query: Value) -> Map<String, Value> {
    plan(resource, query).unwrap().upstream
}

#[test]
fn filters_are_pushed_down_as_far_as_the_provider_can() {
    let pushed = |query| Value::Object(upstream("orders", query));
    assert_eq!(
        pushed(json!({"updated_at": {"gte": "2026-01-01"}})),
        json!({"updatedAt": "gte:2026-01-01T00:00:00.000Z"})
    );
    assert_eq!(
        pushed(json!({"updated_at": {"gt": "2026-01-01T00:00:00Z", "lt": "2026-02-01T00:00:00Z"}})),
        json!({"updatedAt": "btw:2026-01-01T00:00:00.000Z|2026-02-01T00:00:00.000Z"})
    );
    assert_eq!(
        pushed(json!({"created_at": {"gt": "2026-01-01T00:00:00Z"}})),
        json!({"updatedAt": "gte:2026-01-01T00:00:00.000Z"})
    );
    assert_eq!(pushed(json!({"created_at": {"lt": "2026-01-01T00:00:00Z"}})), json!({}));
    assert_eq!(
        pushed(
            json!({"created_at": {"gte": "2026-03-01T00:00:00Z"}, "updated_at": {"gte": "2026-01-01T00:00:00Z"}})
        ),
        json!({"updatedAt": "gte:2026-03-01T00:00:00.000Z"})
    );
    assert_eq!(
        pushed(json!({"channel": "web", "fulfillment_status": "pending"})),
        json!({"channel": "Web", "fulfillmentStatus": "Not Fulfilled"})
    );
    assert_eq!(pushed(json!({"channel": {"in": "web,pos"}})), json!({}));
}

#[test]
fn only_operators_that_the_provider_documents_are_pushed_down() {
    let both = json!({"updated_at": {"gt": "2026-01-01T00:00:00Z", "lt": "2026-02-01T00:00:00Z"}});
    for resource in ["customers", "products"] {
        assert_eq!(
            Value::Object(upstream(resource, both.clone())),
            json!({"updatedAt": "gte:2026-01-01T00:00:00.000Z"})
        );
    }
    assert_eq!(
        Value::Object(upstream("customers", json!({"email": "Ada@example.com"}))),
        json!({"q": "Ada@example.com"})
    );
    assert_eq!(Value::Object(upstream("products", json!({"name": "Rosé & Co"}))), json!({}));
}

#[test]
fn a_search_is_not_lost_to_a_filter_that_the_gateway_checks_itself() {
    for query in [json!({"q": "ada", "email": "a@b.test"}), json!({"email": "a@b.test", "q": "ada"})] {
        let planned = plan("customers", query).unwrap();
        assert_eq!(Value::Object(planned.upstream), json!({"q": "ada"}));
        assert!(planned.filter.is_some());
    }
}

#[test]
fn the_gateway_checks_what_the_provider_cannot() {
    let query =
        plan("orders", json!({"created_at": {"gte": "2026-01-01T00:00:00Z"}, "status": "active"})).unwrap();
    let kept = |record: Value| {
        let raw = RawValue::from_string(record.to_string()).unwrap();
        let sources = Sources { record: &raw, loads: &[] };
        let mut out = Vec::new();
        let filter = query.filter.as_ref();
        map("orders").write(&sources, &context(), &WriteOptions::default(), filter, &mut out).unwrap().kept
    };
    assert!(kept(json!({"id": "a", "createdAt": "2026-01-01T00:00:00.000Z", "paymentStatus": "Paid"})));
    assert!(!kept(json!({"id": "a", "createdAt": "2025-12-31T23:59:59.999Z", "paymentStatus": "Paid"})));
    assert!(!kept(json!({"id": "a", "createdAt": "2026-01-01T00:00:00.000Z", "paymentStatus": "Cancelled"})));
    assert!(!kept(json!({"id": "a", "paymentStatus": "Paid"})));
}

#[test]
fn what_no_one_can_filter_by_is_refused_with_what_works() {
    let error = |query| plan("orders", query).unwrap_err().to_string();
    assert!(
        error(json!({"chanel": "web"})).starts_with("unknown filter \"chanel\", did you mean \"channel\"?")
    );
    assert!(error(json!({"sort_by": {"created_at": "desc"}})).starts_with("this platform cannot sort;"));
    assert!(error(json!({"channel": "Internet"})).contains("nown are web, pos, club, inbound"));
    assert!(error(json!({"created_at": {"around": "2026"}})).contains("nown are eq, gt, gte, lt, lte"));
    assert!(error(json!({"created_at": "soon"})).contains("is no date and time"));
    let company = plan("customers", json!({"company_name": "Acme"})).unwrap_err();
    assert!(
        company.works.contains(&"email".to_owned()) && !company.works.contains(&"company_name".to_owned())
    );
}

#[test]
fn an_override_adds_replaces_and_removes_single_fields() {
    let layer =
        json!({"fields": {"vineyard": {"from": "metaData.vineyard"}, "name": "lastName", "flags": null}});
    let merged = overridden("customers", &layer).unwrap();
    let record = json!({"id": "c", "firstName": "Ada", "lastName": "Lo", "metaData": {"vineyard": "North"}, "flags": []});
    let raw = RawValue::from_string(record.to_string()).unwrap();
    let mut out = Vec::new();
    let options = WriteOptions::default().without_remote_data();
    merged.write(&Sources { record: &raw, loads: &[] }, &context(), &options, None, &mut out).unwrap();
    let customer: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(customer["vineyard"], "North");
    assert_eq!(customer["name"], "Lo");
    assert_eq!(customer["first_name"], "Ada");
    assert_eq!(customer.get("flags"), None);
}

#[test]
fn the_documented_operators_and_filters_compile() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/integrations.md");
    let page = std::fs::read_to_string(file).unwrap();
    let blocks: Vec<&str> =
        page.split("\n```yaml\n").skip(1).map(|rest| rest.split("\n```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 8);
    for block in blocks {
        let layer: Value = integration::source::parse("docs/integrations.md", block).unwrap();
        let resource = match block {
            block if block.contains("items: {") => "fulfillments",
            block if block.contains("across: {") => "tags",
            block if block.contains("q: {") => "customers",
            block if block.contains("cancel:") => "memberships",
            block if block.contains("create_only:") => "products",
            _ => "orders",
        };
        overridden(resource, &layer).unwrap();
    }
}

#[test]
fn mistakes_in_a_map_are_named() {
    let mistake =
        |line: Value| overridden("orders", &json!({"fields": {"x": line}})).unwrap_err().to_string();
    assert_eq!(
        mistake(json!({"form": "total"})),
        "fields.x: unknown operator \"form\", did you mean \"from\"?"
    );
    assert!(mistake(json!("a..b")).contains("is no path: a name is missing"));
    assert!(mistake(json!({"jsonata": "{"})).contains("not a JSONata expression"));
    assert!(mistake(json!({"sum": "items[]"})).contains("`sum` needs `of`"));
    assert!(mistake(json!({"from": "total", "last": "four"})).contains("a number of characters is needed"));
    assert!(mistake(json!({"times": "total"})).contains("a list of paths is needed"));
    let items = json!({"methods": {"list": {"items": {"list": "items", "of": "status", "as": "order"}}}});
    let error = overridden("orders", &items).unwrap_err().to_string();
    assert!(error.contains("methods.list.items.of: \"status\" has to be a filter"), "{error}");
}

#[test]
fn a_mistake_in_a_file_is_refused_with_its_place() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("maps-with-mistakes");
    let file = folder.join("commerce7/unified/ecommerce/orders.yaml");
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    let refused = |text: &str| {
        std::fs::write(&file, text).unwrap();
        let (models, catalog) = (Models::embedded().unwrap(), Catalog::embedded().unwrap());
        Maps::read(&folder, &models, &catalog).unwrap_err().to_string()
    };
    let methods = "methods: { list: { resource: order, method: list } }\n";
    let place = "commerce7/unified/ecommerce/orders.yaml:4:3: ";
    let map = |line: &str| format!("{methods}fields:\n  id: id\n  {line}\n");
    assert_eq!(
        refused(&map("totl_tax: taxTotal")),
        format!("{place}fields.totl_tax: unknown field \"totl_tax\", did you mean \"total_tax\"?")
    );
    assert_eq!(
        refused(&map("total_tax: { form: taxTotal }")),
        format!("{place}fields.total_tax: unknown operator \"form\", did you mean \"from\"?")
    );
    let call = refused("methods: { list: { resource: ordr, method: list } }\nfields: { id: id }\n");
    assert!(call.starts_with("commerce7/unified/ecommerce/orders.yaml:1:1: "), "{call}");
    assert!(call.contains("did you mean \"order\"?"), "{call}");
}

#[test]
fn an_expression_is_used_where_a_path_is_not_enough() {
    let layer = json!({"fields": {"bottles": {"jsonata": "$sum(items.quantity)"}}});
    let merged = overridden("orders", &layer).unwrap();
    let raw =
        RawValue::from_string(r#"{"id":"o","items":[{"quantity":2},{"quantity":3}]}"#.to_owned()).unwrap();
    let mut out = Vec::new();
    merged
        .write(&Sources { record: &raw, loads: &[] }, &context(), &WriteOptions::default(), None, &mut out)
        .unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&out).unwrap()["bottles"], 5);
}

/// One record of an overridden map, with `remote_data`.
fn written(map: &ResourceMap, record: &Value, options: &WriteOptions) -> Result<Value, String> {
    let raw = RawValue::from_string(record.to_string()).unwrap();
    let mut out = Vec::new();
    match map.write(&Sources { record: &raw, loads: &[] }, &context(), options, None, &mut out) {
        Ok(_) => Ok(serde_json::from_slice(&out).unwrap()),
        Err(error) => {
            assert!(out.is_empty());
            Err(error.to_string())
        }
    }
}

#[test]
fn a_whole_expression_makes_the_record_and_lines_above_it_are_laid_over() {
    let catalog = Catalog::embedded().unwrap();
    let integration = catalog.get("commerce7").unwrap();
    let mapping = "response.{ \"id\": $string(id), \"order_number\": \"#\" & orderNumber, \"by\": $query.who, \
                   \"which\": $$.context.currency, \"sent\": $rawQuery.limit, \"list\": [{\"a\": 1, \"b\": 2}], \"gone\": 1 }";
    let environment = json!({"response_mapping": mapping});
    let account = json!({"fields": {"bottles": {"jsonata": "$sum(items.quantity)"}, "gone": null}});
    let layers = [Layer::new(Origin::Environment, &environment), Layer::new(Origin::Account, &account)];
    let map = map("orders").overridden(integration, &layers).unwrap();
    let record = json!({"id": "o", "orderNumber": 7, "items": [{"quantity": 2}, {"quantity": 3}]});
    let request = Request {
        query: json!({"who": "me"}).as_object().unwrap().clone(),
        raw_query: json!({"limit": "5"}).as_object().unwrap().clone(),
        body: Value::Null,
    };
    let options = WriteOptions::default().asked_by(std::sync::Arc::new(request));
    let expected = json!({
        "id": "o", "order_number": "#7", "by": "me", "which": "USD", "sent": "5", "list": [{"a": 1, "b": 2}], "bottles": 5,
        "remote_data": record,
    });
    assert_eq!(written(&map, &record, &options).unwrap(), expected);
    let less = written(&map, &record, &options.clone().excluding(["list.b", "bottles", "by", "remote_data"]));
    assert_eq!(
        less.unwrap(),
        json!({"id": "o", "order_number": "#7", "which": "USD", "sent": "5", "list": [{"a": 1}]})
    );
    let origins = map.origins();
    assert_eq!(
        (&origins["response_mapping"], &origins["fields"]["bottles"]),
        (&json!("environment"), &json!("account"))
    );
    assert_eq!(origins["fields"]["status"], "integration");
    // The integration's lines say how a body is written all the same.
    let customers = json!({"response_mapping": "response.{\"id\": id}"});
    let written_map = overridden("customers", &customers).unwrap();
    let body = json!({"first_name": "Ada"}).as_object().unwrap().clone();
    let planned = written_map.plan_write("update", &body, &context()).unwrap();
    assert_eq!(Value::Object(planned.body().clone()), json!({"firstName": "Ada"}));
}

#[test]
fn an_expression_that_fails_is_told_and_goes_around() {
    let record = json!({"id": "o", "items": []});
    for (mapping, words) in [
        ("5", "it gives 5, and a record is an object"),
        ("response.nothing", "it gives nothing"),
        ("$number('x')", "the expression failed"),
        ("($f := function($n) { 1 + $f($n) }; $f(1))", "the expression failed"),
    ] {
        let map = overridden("orders", &json!({ "response_mapping": mapping })).unwrap();
        let error = written(&map, &record, &WriteOptions::default()).unwrap_err();
        assert!(error.starts_with("record o: response_mapping: ") && error.contains(words), "{error}");
        assert!(error.ends_with("read the provider's record with truto_response_format=raw"), "{error}");
        let raw = WriteOptions::default().raw().keyed_by("id");
        assert_eq!(written(&map, &record, &raw).unwrap(), record);
    }
    for (layer, words) in [
        (json!({"response_mapping": "response.{"}), "response_mapping: not a JSONata expression"),
        (json!({"response_mapping": {"id": "id"}}), "response_mapping: has to be the text"),
    ] {
        let error = overridden("orders", &layer).unwrap_err();
        assert!(error.to_string().starts_with(words), "{error}");
        assert_eq!(error.path, ["response_mapping"]);
    }
}

#[test]
fn filters_stay_exact_under_overrides() {
    let query = |text: Value| text.as_object().unwrap().clone();
    let updated = || query(json!({"updated_at": {"gt": "2026-01-01T00:00:00Z"}}));
    let pushed = map("orders").plan_query(&updated()).unwrap();
    assert!(pushed.upstream.contains_key("updatedAt"), "{pushed:?}");
    // A line that is read from elsewhere can't be asked of the provider by the old parameter.
    let own = overridden("orders", &json!({"fields": {"updated_at": "createdAt"}})).unwrap();
    let checked = own.plan_query(&updated()).unwrap();
    assert!(checked.upstream.is_empty() && checked.filter.is_some(), "{checked:?}");
    // What an expression gives is not known: refused, until the override says how.
    let whole = json!({"response_mapping": "response.{\"id\": id, \"updated_at\": updatedAt}"});
    let refused = overridden("orders", &whole).unwrap().plan_query(&updated()).unwrap_err();
    assert!(refused.message.contains("updated_at can't be answered exactly"), "{refused}");
    assert!(!refused.works.contains(&"updated_at".to_owned()));
    let mut said = whole.clone();
    said["filters"] = json!({"updated_at": {"field": "updated_at", "param": "updatedAt"}});
    assert_eq!(
        overridden("orders", &said).unwrap().plan_query(&updated()).unwrap().upstream,
        pushed.upstream
    );
    let mut line = whole;
    line["fields"] = json!({"updated_at": "updatedAt"});
    let checked = overridden("orders", &line).unwrap().plan_query(&updated()).unwrap();
    assert!(checked.upstream.is_empty() && checked.filter.is_some(), "{checked:?}");
    // The record that holds the items is found by the call itself.
    let items = json!({"response_mapping": "response.{\"id\": id}"});
    let items = overridden("fulfillments", &items).unwrap();
    assert!(items.plan_query(&query(json!({"order_id": "o"}))).unwrap().filter.is_none());
}

#[test]
fn a_layer_for_one_method_is_that_methods_alone() {
    let catalog = Catalog::embedded().unwrap();
    let integration = catalog.get("commerce7").unwrap();
    let list = json!({"fields": {"order_number": "channel"}});
    let layers = [Layer::new(Origin::Environment, &list).of("list")];
    let map = map("orders").overridden(integration, &layers).unwrap();
    let record = json!({"id": "o", "orderNumber": 7, "channel": "Web"});
    let number = |method: &str| {
        written(map.of(method), &record, &WriteOptions::default()).unwrap()["order_number"].clone()
    };
    assert_eq!((number("list"), number("get")), (json!("Web"), json!("7")));
    let gone = json!({"methods": {"list": null}});
    let layers = [Layer::new(Origin::Environment, &gone).of("list")];
    let gone =
        MAPS.get("commerce7", "ecommerce", "orders").unwrap().overridden(integration, &layers).unwrap();
    assert!(gone.method("list").is_err() && gone.method("get").is_ok());
    // The layer that is to blame is told.
    let (good, bad) = (json!({"fields": {"x": "a"}}), json!({"fields": {"x": {"form": "a"}}}));
    let layers = [Layer::new(Origin::Environment, &good), Layer::new(Origin::Account, &bad).of("get")];
    let error =
        MAPS.get("commerce7", "ecommerce", "orders").unwrap().overridden(integration, &layers).unwrap_err();
    assert_eq!((error.layer, error.path.join(".")), (1, "fields.x".to_owned()));
    let layers = [Layer::new(Origin::Account, &good).of("lst")];
    let error =
        MAPS.get("commerce7", "ecommerce", "orders").unwrap().overridden(integration, &layers).unwrap_err();
    assert!(error.reason.contains("did you mean \"list\""), "{error}");
}
