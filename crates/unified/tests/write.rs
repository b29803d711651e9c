//! The way back: what callers send becomes the provider's, and comes back as it was sent.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use integration::Catalog;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::BoxedStrategy;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use unified::{Layer, LayerError, Maps, Models, Origin, ResourceMap, Sources, WriteError, WriteOptions};

fn maps() -> Maps {
    Maps::embedded(&Models::embedded().unwrap(), &Catalog::embedded().unwrap()).unwrap()
}

fn context() -> Value {
    json!({"currency": "USD", "weight_unit": "lb"})
}

fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}

fn plan(resource: &str, method: &str, body: Value) -> Result<unified::PlannedWrite, WriteError> {
    let maps = maps();
    let map = maps.get("commerce7", "ecommerce", resource).unwrap();
    map.plan_write(method, &object(body), &context())
}

fn planned(resource: &str, method: &str, body: Value) -> Value {
    Value::Object(plan(resource, method, body).unwrap().body().clone())
}

#[test]
fn a_customer_is_written_in_the_providers_words() {
    let body = planned(
        "customers",
        "create",
        json!({
            "first_name": "Ada",
            "email_marketing_status": "subscribed",
            "birth_date": "1980-05-17",
            "emails": [{"email": "second@example.com"}, {"email": "first@example.com", "is_primary": true}],
            "phones": [{"number": "+16045550101"}],
            "custom_fields": {"cellar": 3},
            "last_name": null,
            "remote_data": {"countryCode": "US", "metaData": {"more": true}},
        }),
    );
    assert_eq!(
        body,
        json!({
            "firstName": "Ada",
            "emailMarketingStatus": "Subscribed",
            "birthDate": "1980-05-17",
            "emails": [{"email": "first@example.com"}, {"email": "second@example.com"}],
            "phones": [{"phone": "+16045550101"}],
            "metaData": {"cellar": 3, "more": true},
            "countryCode": "US",
        })
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let error = plan(
        "products",
        "create",
        json!({
            "nam": "Rosé",
            "price": "12.00",
            "web_status": "availabel",
            "variants": [{"price": 12, "volume_ml": "a lot", "sku": 5}, "x"],
            "remote_data": [],
        }),
    )
    .unwrap_err();
    let told: Vec<String> =
        error.failures.iter().map(|failure| format!("{}: {}", failure.field, failure.message)).collect();
    let expected = [
        "remote_data: has to be an object of the provider's own fields",
        "name: is needed",
        r#"nam: unknown field "nam", did you mean "name"?"#,
        "price: can only be read: leave it out",
        r#"web_status: unknown value "availabel", did you mean "available"?"#,
        r#"variants[0].price: has to be an amount as text with no more than the currency's minor digits, such as "85.10""#,
        "variants[0].volume_ml: has to be a whole number",
        "variants[0].sku: has to be text",
        "variants[1]: has to be an object",
    ];
    assert_eq!(told, expected);
}

#[test]
fn money_is_exact_and_more_digits_than_the_currency_has_are_refused() {
    for (text, cents) in [("85.10", 8510), ("-0.05", -5), ("3", 300), ("0.1", 10), ("12.3000", 1230)] {
        let body = planned("products", "update", json!({"variants": [{"price": text}]}));
        assert_eq!(body["variants"][0]["price"], json!(cents), "{text}");
    }
    for text in ["12.345", "1e400", "", "12,00", "$3", "٣"] {
        assert!(plan("products", "update", json!({"variants": [{"price": text}]})).is_err(), "{text}");
    }
}

#[test]
fn what_the_provider_replaces_whole_is_completed_from_the_record() {
    let record = object(json!({
        "id": "p",
        "wine": {"type": "Red", "varietal": "Merlot", "vintage": 2020},
        "metaData": {"kept": "by the platform"},
        "variants": [
            {"id": "v1", "sku": "A", "title": "750ml", "price": 4500, "inventory": [{"availableForSaleCount": 3}]},
            {"id": "v2", "sku": "B", "title": "1.5L", "price": 9500, "inventory": null},
        ],
    }));
    let complete = |body: Value| {
        let mut planned = plan("products", "update", body).unwrap();
        assert!(planned.needs_record());
        planned.complete(&record).map(|()| Value::Object(planned.body().clone()))
    };
    let by_id = json!({"wine": {"vintage": 2021}, "variants": [{"id": "v2", "price": "99.00"}]});
    let expected = json!({
        "wine": {"type": "Red", "varietal": "Merlot", "vintage": 2021},
        "variants": [
            {"id": "v1", "sku": "A", "title": "750ml", "price": 4500},
            {"id": "v2", "sku": "B", "title": "1.5L", "price": 9900},
        ],
    });
    assert_eq!(complete(by_id).unwrap(), expected);
    // A SKU names a variant, too, and one that no variant has makes a new one.
    let by_sku = json!({"variants": [{"sku": "B", "price": "99.00"}, {"sku": "C", "name": "375ml"}]});
    let written = complete(by_sku).unwrap();
    assert_eq!(written["variants"][1], expected["variants"][1]);
    assert_eq!(written["variants"][2], json!({"sku": "C", "title": "375ml"}));

    let unknown = complete(json!({"variants": [{"id": "v9", "price": "1.00"}]})).unwrap_err();
    assert_eq!(unknown.failures[0].field, "variants[0].id");

    // The platform merges custom fields itself, so they need no fresh read.
    assert!(!plan("products", "update", json!({"name": "New"})).unwrap().needs_record());
    assert!(!plan("customers", "update", json!({"custom_fields": {"a": 1}})).unwrap().needs_record());
}

#[test]
fn null_takes_a_value_away_from_a_record_and_says_nothing_about_a_new_one() {
    assert_eq!(planned("customers", "update", json!({"birth_date": null})), json!({"birthDate": null}));
    let created =
        planned("customers", "create", json!({"birth_date": null, "emails": [{"email": "a@example.com"}]}));
    assert_eq!(created, json!({"emails": [{"email": "a@example.com"}]}));
}

fn overridden(map: &ResourceMap, layer: &Value) -> Result<ResourceMap, LayerError> {
    let catalog = Catalog::embedded().unwrap();
    map.overridden(catalog.get("commerce7").unwrap(), &[Layer::new(Origin::Account, layer)])
}

#[test]
fn a_line_without_a_way_back_is_refused_with_its_place() {
    let maps = maps();
    let map = maps.get("commerce7", "ecommerce", "customers").unwrap();
    let refused = |layer: Value| overridden(map, &layer).unwrap_err().to_string();
    let computed = refused(json!({"write": {"fields": {"name": true}}}));
    assert!(computed.contains("write.fields.name") && computed.contains("no way back"), "{computed}");
    let option = refused(json!({"write": {"fields": {"title": {"too": "honorific"}}}}));
    assert!(option.contains(r#"did you mean "to"?"#), "{option}");
    // A field that an override adds is written where it is read.
    let layer = json!({"fields": {"vineyard": {"from": "metaData.vineyard"}}, "write": {"fields": {"vineyard": true}}});
    let added = overridden(map, &layer).unwrap();
    let written = added.plan_write("update", &object(json!({"vineyard": "North"})), &context()).unwrap();
    assert_eq!(Value::Object(written.body().clone()), json!({"metaData": {"vineyard": "North"}}));
    // A field that an override takes away is not written either.
    let map = overridden(map, &json!({"fields": {"title": null}})).unwrap();
    assert!(map.plan_write("update", &object(json!({"title": "Dr"})), &context()).is_err());
}

/// Any value of a JSON Schema of a body.
fn value_of(schema: &Value) -> BoxedStrategy<Value> {
    if let Some(words) = schema["enum"].as_array() {
        return select(words.clone()).boxed();
    }
    match (schema["type"].as_str(), schema["format"].as_str(), schema["pattern"].as_str()) {
        (Some("object"), ..) if schema["properties"].is_object() => {
            let properties: Vec<(String, Value)> = schema["properties"]
                .as_object()
                .unwrap()
                .iter()
                .map(|(name, schema)| (name.clone(), schema.clone()))
                .collect();
            let count = properties.len();
            subsequence(properties, 1..=count)
                .prop_flat_map(|chosen| {
                    let fields: Vec<_> = chosen
                        .into_iter()
                        .map(|(name, schema)| value_of(&schema).prop_map(move |value| (name.clone(), value)))
                        .collect();
                    fields.prop_map(|fields| Value::Object(fields.into_iter().collect()))
                })
                .boxed()
        }
        (Some("object"), ..) => Just(json!({"code": "value"})).boxed(),
        (Some("array"), ..) => {
            proptest::collection::vec(value_of(&schema["items"]), 0..3).prop_map(Value::Array).boxed()
        }
        (Some("integer"), ..) => any::<i32>().prop_map(Value::from).boxed(),
        (Some("number"), ..) => (-9999_i32..9999).prop_map(|n| json!(f64::from(n) / 4.0)).boxed(),
        (Some("boolean"), ..) => any::<bool>().prop_map(Value::from).boxed(),
        (_, Some("date-time"), _) => (0_i64..4_000_000_000_000)
            .prop_map(|ms| Value::from(format!("{:.3}", jiff::Timestamp::from_millisecond(ms).unwrap())))
            .boxed(),
        (_, Some("date"), _) => (1900_i16..2026, 1_i8..=12, 1_i8..=28)
            .prop_map(|(year, month, day)| Value::from(jiff::civil::date(year, month, day).to_string()))
            .boxed(),
        (.., Some(_)) => any::<i32>()
            .prop_map(|cents| {
                let sign = if cents < 0 { "-" } else { "" };
                Value::from(format!("{sign}{}.{:02}", cents.unsigned_abs() / 100, cents.unsigned_abs() % 100))
            })
            .boxed(),
        (Some("string"), ..) => "[1-9][0-9]{0,5}".prop_map(Value::from).boxed(),
        _ => Just(json!({"any": ["JSON", 1, null]})).boxed(),
    }
}

/// Fields whose way there and way back differ: they go to the query, or are read from elsewhere.
const ONE_WAY: [&str; 3] = ["object_type", "payments", "notify_customer"];

/// Whether `read` has all that `sent` has.
fn holds(read: &Value, sent: &Value, at: &str) -> Result<(), String> {
    match (read, sent) {
        (Value::Object(read), Value::Object(sent)) => sent.iter().try_for_each(|(name, sent)| {
            let at = format!("{at}.{name}");
            match read.get(name) {
                Some(read) => holds(read, sent, &at),
                None => Err(format!("{at} is lost: {sent}")),
            }
        }),
        (Value::Array(read), Value::Array(sent)) if read.len() == sent.len() => {
            read.iter().zip(sent).try_for_each(|(read, sent)| holds(read, sent, &format!("{at}[]")))
        }
        (Value::Number(read), Value::Number(sent)) if read.as_f64() == sent.as_f64() => Ok(()),
        (read, sent) if read == sent => Ok(()),
        (read, sent) => Err(format!("{at}: sent {sent}, read {read}")),
    }
}

/// Writes a body, takes what was written for the provider's record, and reads it.
fn there_and_back(map: &ResourceMap, body: &Map<String, Value>) -> Result<Value, String> {
    let planned = map.plan_write("create", body, &context()).map_err(|error| error.to_string())?;
    let mut record = planned.body().clone();
    record.insert("id".into(), "x".into());
    // The platform files an app's data under the app.
    if let Some(data) = record.get_mut("appData") {
        *data = json!({"app": data});
    }
    let record: Box<RawValue> = serde_json::value::to_raw_value(&record).unwrap();
    // The records beside it come back with the load of their list.
    let items: Vec<_> = planned.records().iter().map(|record| &record.body).collect();
    let load = json!({"customerAddresses": items}).to_string();
    let sources = Sources { record: &record, loads: &[("addresses", &load)] };
    let mut text = Vec::new();
    let options = WriteOptions::default().without_remote_data();
    map.write(&sources, &context(), &options, None, &mut text).map_err(|error| error.to_string())?;
    Ok(serde_json::from_slice(&text).unwrap())
}

/// Leaves out what can't be sent without a platform, or is not read back as it was sent.
fn settled(map: &ResourceMap, mut body: Map<String, Value>) -> Map<String, Value> {
    for (name, value) in &mut body {
        for item in value.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
            item.shift_remove("is_primary");
            if name == "addresses" {
                item.shift_remove("id");
            }
        }
        if name == "addresses" {
            value.as_array_mut().unwrap().retain(|address| address != &json!({}));
        }
    }
    // What is named by its name is looked up, and read with the platform's.
    let mut found = body.clone();
    for (number, reference) in map.references("create", &body).iter().enumerate() {
        reference.put(&mut found, &format!("found-{number}"));
    }
    for field in ["club", "pickup_location"] {
        if let Some(Value::Object(reference)) = found.get_mut(field) {
            reference.shift_remove("name");
        }
    }
    if let Some(Value::Array(tags)) = found.get_mut("tags") {
        // A tag is listed once.
        let mut seen = BTreeSet::new();
        tags.retain(|tag| seen.insert(tag["id"].to_string()));
        tags.iter_mut().for_each(|tag| *tag = json!({"id": tag["id"]}));
    }
    found
}

#[test]
fn what_is_written_is_read_back_for_every_resource_that_takes_writes() {
    let maps = maps();
    let mut tried = Vec::new();
    for (_, resource, map) in maps.of("commerce7").filter(|(.., map)| map.takes_body("create")) {
        let mut schema = map.body_schema("create").unwrap();
        schema["properties"].as_object_mut().unwrap().shift_remove("remote_data");
        // What a new record needs is in every body.
        let required = schema["required"].clone();
        let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::with_cases(64)
        });
        let needed: Vec<_> = required
            .as_array()
            .into_iter()
            .flatten()
            .map(|name| {
                let name = name.as_str().unwrap().to_owned();
                let schema = schema["properties"][&name].clone();
                value_of(&schema)
                    .prop_filter("needed", |value| !value.as_array().is_some_and(Vec::is_empty))
                    .prop_map(move |value| (name.clone(), value))
            })
            .collect();
        let bodies = (value_of(&schema), needed).prop_map(|(mut body, needed)| {
            body.as_object_mut().unwrap().extend(needed);
            settled(map, object(body))
        });
        runner
            .run(&bodies, |mut body| {
                let read = there_and_back(map, &body).map_err(TestCaseError::fail)?;
                body.retain(|name, _| !ONE_WAY.contains(&name.as_str()));
                holds(&read, &Value::Object(body), resource).map_err(TestCaseError::fail)
            })
            .unwrap_or_else(|error| panic!("{resource}: {error}"));
        tried.push(resource);
    }
    assert!(
        tried.contains(&"customers") && tried.contains(&"products") && tried.contains(&"orders"),
        "{tried:?}"
    );
}
