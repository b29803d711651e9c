//! Ids and paths of callers never lead out of the base URL.

use http::Method;
use integration::PlanError;
use proptest::prelude::*;

use crate::support::{Account, commerce7};

fn plan_get(id: &str) -> Result<String, PlanError> {
    let integration = commerce7();
    let method = integration.resource("order").unwrap().method("get").unwrap();
    integration.plan(method, &Account::new().inputs(Some(id)), None).map(|request| request.url.to_string())
}

fn plan_custom(path: &str, query: Option<&str>) -> Result<String, PlanError> {
    let account = Account::new();
    let request = commerce7().plan_custom(&Method::GET, path, query, &account.inputs(None))?;
    Ok(request.url.to_string())
}

#[test]
fn ids_that_could_lead_elsewhere_are_refused() {
    for (id, fault) in [
        ("..", "dots alone"),
        (".", "dots alone"),
        ("%2e%2e", "dots alone"),
        ("%2E.", "dots alone"),
        ("a/b", "slashes"),
        ("a\\b", "slashes"),
        ("%2f", "slashes"),
        ("..%2Fcustomer", "slashes"),
        ("%5c", "slashes"),
        ("a\r\nb", "control characters"),
        ("a%0d%0ab", "control characters"),
        ("a\0", "control characters"),
        ("%00", "control characters"),
    ] {
        let error = plan_get(id).unwrap_err();
        assert_eq!(error.to_string(), format!("{id:?} cannot stand in a path: it holds {fault}"));
    }
    assert_eq!(plan_get("").unwrap_err().to_string(), "an empty text cannot stand in a path");
}

#[test]
fn other_ids_are_encoded() {
    let base = "https://api.commerce7.com/v1/order/";
    for (id, encoded) in [
        ("a1-b2", "a1-b2"),
        ("a b?c#d", "a%20b%3Fc%23d"),
        ("50%", "50%25"),
        ("é", "%C3%A9"),
        ("@:;", "%40%3A%3B"),
    ] {
        assert_eq!(plan_get(id).unwrap(), format!("{base}{encoded}"));
    }
}

#[test]
fn a_missing_id_is_named() {
    let integration = commerce7();
    let method = integration.resource("order").unwrap().method("get").unwrap();
    let error = integration.plan(method, &Account::new().inputs(None), None).unwrap_err();
    assert_eq!(error.to_string(), r#""id" is needed for this call and was not given"#);
}

#[test]
fn custom_paths_that_could_lead_elsewhere_are_refused() {
    for (path, fault) in [
        ("../v2/order", "dots alone"),
        ("order/../../v2", "dots alone"),
        ("order/%2e%2e/customer", "dots alone"),
        ("order/.%2E", "dots alone"),
        ("./order", "dots alone"),
        ("order%2fx", "slashes"),
        ("order%2Fx", "slashes"),
        ("order\\..\\x", "slashes"),
        ("order%5cx", "slashes"),
        ("order\r\nhost: x", "control characters"),
        ("order%0d%0ahost:%20x", "control characters"),
        ("order\0", "control characters"),
        ("order%00", "control characters"),
    ] {
        let error = plan_custom(path, None).unwrap_err();
        assert_eq!(error.to_string(), format!("the path holds {fault}, which are not passed on"), "{path:?}");
    }
}

#[test]
fn custom_paths_stay_below_the_base() {
    for (path, query, url) in [
        ("order/a1", None, "https://api.commerce7.com/v1/order/a1"),
        ("/order", Some("a=%20b&c"), "https://api.commerce7.com/v1/order?a=%20b&c"),
        ("//evil.test/x", None, "https://api.commerce7.com/v1/evil.test/x"),
        ("https://evil.test/x", None, "https://api.commerce7.com/v1/https://evil.test/x"),
        ("@evil.test", Some(""), "https://api.commerce7.com/v1/@evil.test"),
        ("order?x#y", None, "https://api.commerce7.com/v1/order%3Fx%23y"),
        ("order", Some("a#b"), "https://api.commerce7.com/v1/order?a%23b"),
        ("", None, "https://api.commerce7.com/v1/"),
    ] {
        assert_eq!(plan_custom(path, query).unwrap(), url);
    }
}

proptest! {
    #[test]
    fn the_url_never_leaves_the_base(text in r"([a-z./\\%@:?#\r\n\t ]|%2e|%2f|%5C|\PC){0,20}") {
        for url in [plan_get(&text), plan_custom(&text, Some(&text))].into_iter().flatten() {
            prop_assert!(url.starts_with("https://api.commerce7.com/v1/"), "{url}");
            prop_assert!(!url.contains(['\r', '\n', '\0']), "{url}");
        }
    }
}
