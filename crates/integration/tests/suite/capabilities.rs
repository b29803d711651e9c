//! The shape of what an integration says of itself (facts, Truto 15.1).

use integration::CapabilityFilter;
use serde_json::{Value, json};

use crate::support::commerce7;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn methods_are_told_with_their_tool_names() {
    let filter = CapabilityFilter {
        methods: vec!["list".into(), "get".into()],
        resource: Some("order".into()),
        ..CapabilityFilter::default()
    };
    let found = commerce7().proxy_capabilities(&filter);
    assert_eq!(found.len(), 1);
    assert_eq!(keys(&found[0]), ["resource", "description", "methods"]);
    let methods = found[0]["methods"].as_array().unwrap();
    let names: Vec<_> = methods.iter().map(|method| method["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["get_single_commerce7_order_by_id", "list_all_commerce7_order"]);
    let list = &methods[1];
    for key in ["has_description", "has_query_schema", "has_body_schema", "has_response_schema"] {
        assert!(list[key].is_boolean(), "{key}");
    }
    assert_eq!(list["method"], "list");
    assert_eq!(list["verb"], "GET");
    assert_eq!(list["path"], "/order");
    assert_eq!(list["has_query_schema"], true);
    assert_eq!(list["api_documentation_url"], "https://developer.commerce7.com/docs/orders");
}

#[test]
fn filters_leave_nothing_half_empty() {
    let integration = commerce7();
    assert_eq!(
        integration.proxy_capabilities(&CapabilityFilter::default()).len(),
        integration.resources.len()
    );
    let none = CapabilityFilter { methods: vec!["no_such".into()], ..CapabilityFilter::default() };
    assert!(integration.proxy_capabilities(&none).is_empty());
}

#[test]
fn authentication_is_told_without_values() {
    let auth = commerce7().auth_capabilities();
    assert_eq!(keys(&auth), ["formats", "fields", "documentation_link"]);
    assert_eq!(auth["formats"], json!(["api_key"]));
    assert_eq!(auth["documentation_link"], "https://developer.commerce7.com/docs/create-an-app");
    let secret = &auth["fields"][2];
    assert_eq!(
        (&secret["name"], &secret["type"], &secret["required"]),
        (&json!("app_secret"), &json!("password"), &json!(true))
    );
    // Without a page on the app's keys, the platform's documentation is the next best.
    let layer = json!({"credentials": {"api_key": {"documentation_link": null}}});
    let auth = commerce7().overridden(&[&layer]).unwrap().auth_capabilities();
    assert_eq!(auth["documentation_link"], "https://developer.commerce7.com/docs/commerce7-apis");
}

#[test]
fn every_method_says_what_it_does() {
    let readiness = commerce7().ai_readiness();
    assert_eq!(keys(&readiness), ["proxy_methods", "proxy_methods_with_descriptions", "ai_ready_score"]);
    assert_eq!(readiness["ai_ready_score"], 1.0);
}
