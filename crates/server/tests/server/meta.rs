//! Documentation of the unified models.

use serde_json::json;
use testkit::App;

use crate::support::{ours, says};

#[tokio::test]
async fn a_model_is_documented_for_machines_and_people() {
    let app = App::sqlite().await;
    let path = "/unified/meta/ecommerce/commerce7";
    let document = app.get(path).await;
    assert_eq!(document.header("content-type"), Some("application/json"));
    let document = document.ok();
    assert_eq!(document, app.get(&format!("{path}?format=json")).await.ok());
    assert_eq!((&document["model"], &document["integration"]), (&json!("ecommerce"), &json!("commerce7")));
    let resources = document["resources"].as_object().unwrap();
    assert_eq!(resources.len(), 12);
    for (resource, told) in resources {
        let methods = told["methods"].as_object().unwrap();
        for method in ["list", "get"] {
            // The same as that method's own page.
            let own = app.get(&format!("/unified/ecommerce/{resource}/commerce7/meta/{method}")).await.ok();
            assert_eq!(methods[method], own, "{resource}.{method}");
        }
    }
    let markdown = app.get(&format!("{path}?format=md")).await;
    assert_eq!(markdown.header("content-type"), Some("text/markdown; charset=utf-8"));
    assert!(markdown.text.starts_with("# ") && markdown.text.contains("total_amount"));
    let page = app.get(&format!("{path}?format=html")).await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text.starts_with("<!doctype html>") && page.text.contains("<table>"));
    assert!(!page.text.contains("<script"));

    for (wrong, status, words) in [
        ("/unified/meta/ecommerce/commerce7?format=pdf", 400, &["format", "pdf", "md"][..]),
        ("/unified/meta/ecommerce/commerce7?fromat=md", 400, &["did you mean \"format\""]),
        ("/unified/meta/ecomerce/commerce7", 404, &["did you mean \"ecommerce\""]),
        ("/unified/meta/ecommerce/comerce7", 404, &["did you mean \"commerce7\""]),
        ("/unified/ecommerce/ordrs/commerce7/meta/list", 404, &["did you mean \"orders\""]),
        ("/unified/ecommerce/orders/commerce7/meta/lst", 404, &["did you mean \"list\""]),
        ("/unified/ecommerce/orders/meta/lst", 404, &["did you mean \"list\""]),
        (
            "/unified/ecommerce/orders/meta/list?integrated_account_id=nobody",
            404,
            &["no such integrated account"],
        ),
    ] {
        says(&ours(&app, &app.get(wrong).await, status), words);
    }
    app.shutdown().await;
}

#[tokio::test]
async fn a_method_is_documented_for_any_platform_an_integration_and_an_account() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let general = app.get("/unified/ecommerce/orders/meta/list").await.ok();
    assert_eq!((&general["resource"], &general["method"]), (&json!("orders"), &json!("list")));
    assert_eq!(general["default_query"], json!({"limit": 50}));
    assert!(general["schema"]["properties"]["total_amount"].is_object());
    assert!(general.get("response_mapping").is_none());
    let own = app.get("/unified/ecommerce/orders/commerce7/meta/list").await.ok();
    assert_eq!(own["integration"], "commerce7");
    assert_eq!(own["response_mapping"]["order_number"], "orderNumber");
    assert!(own["documentation_link"].is_string());
    assert_eq!(own["overridden_fields"], json!([]));
    assert_eq!(own["response_schema"]["properties"]["result"]["items"], own["schema"]);
    let query = own["query_schema"]["properties"].as_object().unwrap();
    assert_eq!((&query["limit"]["minimum"], &query["limit"]["maximum"]), (&json!(1), &json!(250)));
    let accounts =
        app.get(&format!("/unified/ecommerce/orders/meta/list?integrated_account_id={id}")).await.ok();
    assert_eq!(accounts, own);
    // With both, the account's map is shown, and it has to be one of that integration.
    let fields =
        json!({"unified_model_override": {"ecommerce": {"orders": {"fields": {"sold_by": "channel"}}}}});
    app.patch(&format!("/integrated-account/{id}"), &fields).await.ok();
    for path in ["/unified/ecommerce/orders/meta/list", "/unified/ecommerce/orders/commerce7/meta/list"] {
        let merged = app.get(&format!("{path}?integrated_account_id={id}")).await.ok();
        assert_eq!(merged["overridden_fields"], json!(["sold_by"]), "{path}");
        assert_eq!(merged["response_mapping"]["sold_by"], "channel");
        assert_eq!(merged["response_mapping"]["order_number"], "orderNumber");
        ours(&app, &app.get(&format!("{path}?integrated_account_id=nobody")).await, 404);
    }
    assert_eq!(app.get("/unified/ecommerce/orders/commerce7/meta/list").await.ok(), own);
    // Every filter that the page names is one that is taken.
    for name in query.keys().filter(|name| !["limit", "next_cursor"].contains(&name.as_str())) {
        let value = if name.ends_with("_at") { "2026-01-01T00:00:00Z" } else { "" };
        let answer = app
            .get(&format!("/unified/ecommerce/orders?integrated_account_id={id}&limit=1&{name}={value}"))
            .await;
        assert!(!answer.text.contains("unknown filter"), "{name}: {}", answer.text);
    }
    app.shutdown().await;
}
