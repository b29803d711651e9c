//! Definitions with an operator's or an account's changes.

use serde_json::{Value, json};

use crate::support::{Account, commerce7};

fn planned(layers: &[&Value]) -> integration::Request {
    let integration = commerce7().overridden(layers).unwrap();
    let method = integration.resource("order").unwrap().method("get").unwrap();
    integration.plan(method, &Account::new().inputs(Some("a1")), None).unwrap()
}

fn refused(layer: Value) -> String {
    commerce7().overridden(&[&layer]).unwrap_err().to_string()
}

#[test]
fn the_base_url_is_replaced() {
    let layer = json!({"base_url": "http://localhost:4010/v1/"});
    assert_eq!(planned(&[&layer]).url.as_str(), "http://localhost:4010/v1/order/a1");
}

#[test]
fn headers_are_added_and_removed_and_the_later_layer_wins() {
    let first = json!({"headers": {"x-a": "1", "x-b": "{{context.app_id}}"}});
    let second = json!({"headers": {"x-a": "2", "tenant": null}});
    let headers = planned(&[&first, &second]).headers;
    assert_eq!(headers["x-a"], "2");
    assert_eq!(headers["x-b"], "app");
    assert!(!headers.contains_key("tenant"));
    assert!(headers["authorization"].is_sensitive());
}

#[test]
fn variables_of_the_operator_stand_in_the_context_and_cannot_be_set_by_an_account() {
    let layer = json!({
        "environment_variables": {"region": "eu"},
        "headers": {"x-region": "{{context.environment_variables.region}}"},
    });
    let integration = commerce7().overridden(&[&layer]).unwrap();
    let method = integration.resource("order").unwrap().method("get").unwrap();
    let mut account = Account::new();
    account.context["environment_variables"] = json!({"region": "us"});
    let request = integration.plan(method, &account.inputs(Some("a1")), None).unwrap();
    assert_eq!(request.headers["x-region"], "eu");
    assert_eq!(request.headers["tenant"], "silver-oak-hill");
}

#[test]
fn resources_and_methods_are_added_and_removed() {
    let layer = json!({"resources": {
        "trash": null,
        "order": {"methods": {
            "upsert": null,
            "refund": {"verb": "post", "path": "/order/{{id}}/refund", "description": "Refunds."},
        }},
    }});
    let integration = commerce7().overridden(&[&layer]).unwrap();
    assert!(integration.resource("trash").is_err());
    let order = integration.resource("order").unwrap();
    assert!(order.method("refund").is_ok() && order.method("list").is_ok());
    assert!(commerce7().resource("trash").is_ok());
}

#[test]
fn mistakes_are_named() {
    assert_eq!(
        refused(json!({"resources": {"order": {"methods": {"list": {"pagination": ["cursr"]}}}}})),
        r#"override: resources.order.methods.list.pagination: unknown paging style "cursr", did you mean "cursor"?"#
    );
    assert_eq!(refused(json!({"name": null})), r#"override: the key "name" is missing in this mapping"#);
    assert_eq!(
        refused(json!({"resources": {"order": {"descripton": "x"}}})),
        r#"override: resources.order.descripton: unknown key "descripton", did you mean "description"?"#
    );
    assert_eq!(
        refused(json!({"resources": {"order": {"methods": {"list": {"pagination": [5]}}}}})),
        "override: resources.order.methods.list.pagination.0: invalid type: integer `5`, expected a string"
    );
    assert_eq!(
        refused(json!({"resources": {"wine": {"methods": {}}}})),
        r#"override: resources.wine: the key "description" is missing in this mapping"#
    );
    assert_eq!(
        refused(json!({"base_url": "https://{{credentials.app_secret}}.test"})),
        "override: base_url: {{credentials.app_secret}} is not known here; use context.<name>"
    );
}
