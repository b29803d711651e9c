//! What programs that choose by themselves are told of an account.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::App;

use crate::support::{ours, says, unified};

fn find<'a>(tools: &'a [Value], name: &str) -> &'a Value {
    tools.iter().find(|tool| tool["name"] == name).unwrap_or_else(|| panic!("no tool {name}"))
}

/// Checks that a schema stands for itself.
fn is_whole(schema: &Value, at: &str) {
    match schema {
        Value::Object(fields) => {
            assert!(!fields.contains_key("$ref"), "{at} refers to elsewhere: {schema}");
            fields.iter().for_each(|(name, field)| is_whole(field, &format!("{at}.{name}")));
        }
        Value::Array(items) => items.iter().for_each(|item| is_whole(item, at)),
        _ => {}
    }
}

#[tokio::test]
async fn every_method_is_a_tool_with_its_true_schemas() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let path = format!("/integrated-account/{account}/tools");
    let tools = app.get(&path).await.ok();
    let tools = tools.as_array().unwrap();
    let keys =
        ["resource", "method", "name", "description", "query_schema", "body_schema", "required", "tags"];
    let mut names = BTreeSet::new();
    for tool in tools {
        let name = tool["name"].as_str().unwrap();
        assert!(names.insert(name), "{name} is there twice");
        assert!(
            name.len() <= 64 && name.chars().all(|sign| sign.is_ascii_alphanumeric() || sign == '_'),
            "{name}"
        );
        assert_eq!(tool.as_object().unwrap().keys().map(String::as_str).collect::<Vec<_>>(), keys);
        assert!(!tool["description"].as_str().unwrap().is_empty(), "{name}");
        let schemas = [&tool["query_schema"], &tool["body_schema"]];
        for schema in schemas.into_iter().filter(|schema| !schema.is_null()) {
            assert_eq!(schema["type"], "object", "{name}");
            is_whole(schema, name);
        }
        for required in tool["required"].as_array().unwrap() {
            let is_told =
                schemas.iter().any(|schema| schema["properties"].get(required.as_str().unwrap()).is_some());
            assert!(is_told, "{name}: {required}");
        }
    }
    // As many as can be called, and under the names that the capabilities tell.
    let capabilities = app.get(&format!("/integrated-account/{account}/capabilities")).await.ok();
    let methods = |part: &str| -> Vec<Value> {
        let resources = capabilities[part].as_array().unwrap().iter();
        resources.flat_map(|resource| resource["methods"].as_array().unwrap().clone()).collect()
    };
    for method in methods("proxy") {
        assert_eq!(find(tools, method["name"].as_str().unwrap())["method"], method["method"]);
    }
    assert_eq!(tools.len(), methods("proxy").len() + methods("unified").len());

    let list = find(tools, "list_all_commerce7_ecommerce_orders");
    assert_eq!((&list["resource"], &list["method"]), (&json!("ecommerce/orders"), &json!("list")));
    assert_eq!(list["tags"], json!(["unified", "ecommerce", "orders"]));
    assert_eq!((&list["body_schema"], &list["required"]), (&Value::Null, &json!([])));
    let meta = app.get("/unified/ecommerce/orders/commerce7/meta/list").await.ok();
    assert_eq!(list["query_schema"], meta["query_schema"]);
    let get = find(tools, "get_single_commerce7_ecommerce_fulfillment_by_id");
    assert_eq!(get["required"], json!(["id", "order_id"]));
    let create = find(tools, "create_a_commerce7_ecommerce_customer");
    let meta = app.get("/unified/ecommerce/customers/commerce7/meta/create").await.ok();
    assert_eq!(create["body_schema"], meta["request_body_schema"]);
    assert_eq!(create["required"], create["body_schema"]["required"]);
    assert_eq!(find(tools, "update_a_commerce7_ecommerce_customer_by_id")["required"], json!(["id"]));
    let own = find(tools, "commerce7_order_delete_fulfillment");
    assert_eq!((&own["required"], &own["body_schema"]), (&json!(["id", "fulfillmentId"]), &Value::Null));
    let own = find(tools, "list_all_commerce7_order");
    assert!(own["query_schema"]["properties"]["limit"].is_object());
    says(
        own["query_schema"]["properties"]["updatedAt"]["description"].as_str().unwrap(),
        &["gt, gte, lt, lte, btw"],
    );

    for (query, count) in [
        ("methods=read&tags=orders", 2),
        ("methods=write&tags=orders", 2),
        ("methods=compliance_check,get&tags[]=orders&tags[]=order", 3),
        ("methods=nothing", 0),
        ("tags=proxy", methods("proxy").len()),
    ] {
        assert_eq!(
            app.get(&format!("{path}?{query}")).await.ok().as_array().unwrap().len(),
            count,
            "{query}"
        );
    }
    says(&ours(&app, &app.get(&format!("{path}?method=read")).await, 400), &["did you mean \"methods\""]);
    ours(&app, &app.get("/integrated-account/nobody/tools").await, 404);

    // They are the account's own.
    let change = json!({
        "integration_override": {"resources": {"order": {"methods": {"list": {"description": ""}, "upsert": null}}}},
        "unified_model_override": {"ecommerce": {"products": {"methods": {"get": null}}}},
    });
    app.patch(&format!("/integrated-account/{account}"), &change).await.ok();
    let fewer = app.get(&path).await.ok();
    assert_eq!(fewer.as_array().unwrap().len(), tools.len() - 3);
    app.shutdown().await;
}

/// What a body of a method that is put together here needs, and one more than it takes.
#[tokio::test]
async fn the_body_of_a_composed_method_is_its_own() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    for (method, properties, required) in [
        ("inventory_levels/set", &["lines", "notes", "overwrite"][..], json!(["lines"])),
        ("inventory_levels/adjust", &["lines", "notes"], json!(["lines"])),
        ("tags/attach", &["ids", "object_type", "tag"], json!(["tag", "ids"])),
        ("tags/detach", &["ids", "object_type", "tag"], json!(["tag", "ids"])),
        ("products/rollover", &["dry_run", "retire", "sku", "slug", "title", "vintage"], json!(["vintage"])),
        ("orders/compliance_check", &["maximum_volume_ml", "minimum_age", "ship_on"], Value::Null),
        (
            "fulfillments/create",
            &[
                "carrier",
                "fulfilled_at",
                "line_items",
                "notify_customer",
                "order",
                "package_count",
                "picked_up_by",
                "remote_data",
                "tracking_numbers",
                "type",
            ],
            json!(["order", "type"]),
        ),
    ] {
        let (resource, method) = method.split_once('/').unwrap();
        let schema = app.get(&format!("/unified/ecommerce/{resource}/commerce7/meta/{method}")).await.ok()
            ["request_body_schema"]
            .clone();
        is_whole(&schema, method);
        let told: BTreeSet<&str> =
            schema["properties"].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(told, properties.iter().copied().collect(), "{resource}/{method}: {schema}");
        assert_eq!(schema["required"], required, "{resource}/{method}");
        // What is not told is not taken.
        let target = match method {
            "rollover" | "compliance_check" => {
                format!("{resource}/00000000-0000-0000-0000-000000000000/{method}")
            }
            "create" => resource.to_owned(),
            _ => format!("{resource}/{method}"),
        };
        if method != "create" {
            assert_eq!(schema["additionalProperties"], false, "{resource}/{method}");
            let answer = app.post(&unified(&target, &account), &json!({"unheard_of": 1})).await;
            says(&ours(&app, &answer, 400), &["unheard_of"]);
        }
    }
    let schema = |path: &'static str| {
        let app = &app;
        async move { app.get(&format!("/unified/ecommerce/{path}")).await.ok()["request_body_schema"].clone() }
    };
    let set = schema("inventory_levels/commerce7/meta/set").await;
    let line = &set["properties"]["lines"]["items"];
    assert_eq!(line["required"], json!(["sku", "location", "available"]));
    assert!(line["properties"]["expected"].is_object());
    assert_eq!(line["properties"]["location"]["oneOf"].as_array().map(Vec::len), Some(2), "{line}");
    let adjust = schema("inventory_levels/commerce7/meta/adjust").await;
    assert!(adjust["properties"]["lines"]["items"]["properties"].get("expected").is_none());
    let expected = json!({"lines": [{"sku": "x", "location": "y", "available": 1, "expected": 2}]});
    let refused = app.post(&unified("inventory_levels/adjust", &account), &expected).await;
    says(&ours(&app, &refused, 400), &["are for set"]);
    let create = schema("fulfillments/commerce7/meta/create").await;
    assert_eq!(create["properties"]["order"]["required"], json!(["id"]));
    assert!(create["properties"]["line_items"].to_string().contains("\"sku\""));
    // Deleting takes no body, and needs the order.
    let delete = app.get("/unified/ecommerce/fulfillments/commerce7/meta/delete").await.ok();
    assert_eq!(delete.get("request_body_schema"), None);
    assert_eq!(delete["query_schema"]["required"], json!(["order_id"]));
    app.shutdown().await;
}
