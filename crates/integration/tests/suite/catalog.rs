//! The embedded integrations load, and every declared method can be planned.

use integration::{Catalog, Credentials, Inputs, PageRequest};
use serde_json::{Map, Value, json};

#[test]
fn every_declared_method_can_be_planned() {
    let catalog = Catalog::embedded().unwrap();
    for integration in catalog.iter() {
        let context = json!({"tenant": "silver-oak-hill", "app_id": "app"});
        let secrets = json!({"app_secret": "secret"}).as_object().unwrap().clone();
        let credentials = Credentials::new(secrets);
        for resource in integration.resources.values() {
            for method in resource.methods.values() {
                let query: Map<String, Value> =
                    method.path_parameters().map(|name| (name, json!("customer"))).collect();
                let inputs = Inputs {
                    id: Some("a1"),
                    query: &query,
                    body: None,
                    context: &context,
                    credentials: &credentials,
                };
                let first = PageRequest::default();
                let page = method.style(&query).map(|style| (style, &first));
                let request = integration.plan(method, &inputs, page).unwrap();
                assert!(!request.url.as_str().contains("{{"), "{}", request.url);
                assert!(!request.url.as_str().contains("%7B"), "{}", request.url);
            }
        }
    }
}
