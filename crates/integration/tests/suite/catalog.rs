//! The embedded integrations load, and every declared method can be planned.

use std::collections::BTreeSet;

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

#[test]
fn what_people_read_while_they_connect_is_said_in_french_too() {
    for integration in Catalog::embedded().unwrap().iter() {
        let mut said: BTreeSet<&str> = BTreeSet::from([integration.description.as_str()]);
        for format in integration.credentials.values() {
            said.extend(format.permissions_text.as_deref());
            for field in &format.fields {
                said.insert(&field.label);
                said.extend(field.help_text.as_deref());
            }
        }
        // Also of a form that is not switched on.
        let forms = integration
            .overridden(&[&json!({"actions": {"post_connect_user_form": {"is_enabled": true}}})])
            .unwrap();
        for field in forms.form.iter().flat_map(|form| &form.fields) {
            said.insert(&field.label);
            said.extend(field.help_text.as_deref());
            for choice in field.fixed_choices().into_iter().flatten() {
                said.insert(&choice.label);
                said.extend(choice.sub_text.as_deref());
            }
        }
        for text in &said {
            assert_ne!(integration.text("fr", text), *text);
            assert_eq!(integration.text("tlh", text), *text);
        }
        let translated = integration.config()["texts"]["fr"].as_object().unwrap();
        let gone: Vec<_> = translated.keys().filter(|text| !said.contains(text.as_str())).collect();
        assert!(gone.is_empty(), "the definition does not say this any more: {gone:?}");
    }
}
