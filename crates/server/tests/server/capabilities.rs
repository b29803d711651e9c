//! What an integration or an account can do.

use serde_json::{Value, json};
use testkit::{Answer, App};

use crate::support::{ours, says};

/// The named parts of each item.
fn all<'a>(items: &'a Value, field: &str) -> Vec<&'a str> {
    items.as_array().unwrap().iter().map(|item| item[field].as_str().unwrap()).collect()
}

#[tokio::test]
async fn capabilities_tell_what_works_and_what_they_tell_works() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let told = app.get(&format!("/integrated-account/{id}/capabilities")).await.ok();
    assert_eq!(told["integration"]["name"], "commerce7");
    assert_eq!(told["environment_id"], app.environment_id);
    assert_eq!(
        told["account"],
        json!({
            "id": id, "status": "active", "authentication_method": "api_key", "is_blocked": false, "is_read_only": false,
        })
    );
    assert_eq!(told["idempotency"], json!({"header": "Idempotency-Key", "kept_for_seconds": 86_400}));
    assert_eq!(told["auth"]["formats"], json!(["api_key"]));
    assert_eq!(all(&told["auth"]["fields"], "name"), ["tenant", "app_id", "app_secret"]);
    assert_eq!(told["unified"].as_array().unwrap().len(), 12);
    for found in told["unified"].as_array().unwrap() {
        let resource = found["resource"].as_str().unwrap();
        // What is told is documented, with its body where it takes one.
        for method in found["methods"].as_array().unwrap() {
            let method = method.as_str().unwrap();
            let meta = app.get(&format!("/unified/ecommerce/{resource}/commerce7/meta/{method}")).await.ok();
            let takes_body = meta.get("request_body_schema").is_some();
            match method {
                "create" | "update" => assert!(takes_body, "{resource}/{method}"),
                "list" | "get" | "delete" => assert!(!takes_body, "{resource}/{method}"),
                _ => {}
            }
        }
        assert_eq!((&found["model"], &found["env_overridden"]), (&json!("ecommerce"), &json!(false)));
        assert_eq!(app.get(found["docs_url"].as_str().unwrap()).await.status, 200);
        // They are parts of an order: their own test names one.
        if resource == "fulfillments" {
            continue;
        }
        let called =
            app.get(&format!("/unified/ecommerce/{resource}?integrated_account_id={id}&limit=1")).await;
        let record = called.ok()["result"][0]["id"].clone();
        let record = record.as_str().unwrap();
        let single =
            app.get(&format!("/unified/ecommerce/{resource}/{record}?integrated_account_id={id}")).await;
        assert_eq!(single.ok()["id"], record);
    }
    // Every list that is told and that needs nothing more is one that answers.
    for resource in told["proxy"].as_array().unwrap() {
        let name = resource["resource"].as_str().unwrap();
        for method in resource["methods"].as_array().unwrap() {
            let path = method["path"].as_str().unwrap();
            if method["method"] != "list" || path.contains("{{") {
                continue;
            }
            let answer = app.get(&format!("/proxy/{name}?integrated_account_id={id}&limit=1")).await;
            let known = answer.status == 200 || answer.text.contains("truto_is_remote_error");
            assert!(known, "{name}: {}", answer.text);
        }
    }
    let order = told["proxy"].as_array().unwrap().iter().find(|found| found["resource"] == "order").unwrap();
    let list = order["methods"].as_array().unwrap().iter().find(|method| method["method"] == "list").unwrap();
    assert_eq!((&list["method"], &list["name"]), (&json!("list"), &json!("list_all_commerce7_order")));
    assert_eq!(list["has_query_schema"], true);
    let readiness = &told["ai_readiness"];
    assert!(readiness["proxy_methods"].as_u64() >= readiness["proxy_methods_with_descriptions"].as_u64());

    // The integration's are the same without an account.
    let mut general = app.get("/integration/commerce7/capabilities").await.ok();
    general["account"] = told["account"].clone();
    assert_eq!(general, told);
    app.shutdown().await;
}

#[tokio::test]
async fn capabilities_are_narrowed_down() {
    let app = App::sqlite().await;
    let path = |query: &str| format!("/integration/commerce7/capabilities?{query}");
    let proxy = app.get(&path("type=proxy")).await.ok();
    assert!(proxy["proxy"].is_array() && proxy.get("unified").is_none());
    let unified = app.get(&path("type=unified")).await.ok();
    assert!(unified["unified"].is_array() && unified.get("proxy").is_none());
    let one = app.get(&path("resource=order&methods=get,fulfill")).await.ok();
    assert_eq!(all(&one["proxy"], "resource"), ["order"]);
    assert_eq!(all(&one["proxy"][0]["methods"], "method"), ["fulfill", "get"]);
    assert_eq!(one["unified"], json!([]));
    let listed = app.get(&path("methods[]=list&resource=orders")).await.ok();
    assert_eq!(listed["unified"][0]["methods"], json!(["list"]));
    app.get(&path("has_description=false")).await.ok();
    for (query, words) in [
        ("type=proxi", &["type", "did you mean \"proxy\""][..]),
        ("has_description=maybe", &["has_description", "true or false"]),
        ("resorce=x", &["did you mean \"resource\""]),
    ] {
        says(&ours(&app, &app.get(&path(query)).await, 400), words);
    }
    ours(&app, &app.get("/integration/nothing/capabilities").await, 404);
    ours(&app, &app.get("/integrated-account/nobody/capabilities").await, 404);
    let nobody = Answer::of(reqwest::Client::new().get(format!("{}{}", app.url, path("")))).await;
    ours(&app, &nobody, 401);
    app.shutdown().await;
}

#[tokio::test]
async fn an_accounts_capabilities_are_those_of_its_own_definition() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let wine = json!({"description": "Wines.", "methods": {
        "list": {"path": "/product", "description": "Lists.", "response_path": "products"},
        "get": {"path": "/product/{{id}}", "description": ""},
    }});
    let change = json!({
        "integration_override": {"resources": {"club-wine": wine, "order": {"methods": {"fulfill": null}}}},
        "unified_model_override": {"ecommerce": {"products": {"methods": {"get": null}}}},
    });
    app.patch(&format!("/integrated-account/{id}"), &change).await.ok();
    let path = format!("/integrated-account/{id}/capabilities");
    let told = app.get(&path).await.ok();
    let find = |part: &str, name: &str| {
        told[part].as_array().unwrap().iter().find(|found| found["resource"] == name).cloned().unwrap()
    };
    let wines = find("proxy", "club-wine");
    assert_eq!(
        all(&wines["methods"], "name"),
        ["list_all_commerce7_club_wine"],
        "an undescribed method is left out"
    );
    assert!(!all(&find("proxy", "order")["methods"], "method").contains(&"fulfill"));
    let methods = find("unified", "products")["methods"].clone();
    assert_eq!(methods, json!(["create", "delete", "list", "rollover", "update"]));
    assert_eq!(find("unified", "products")["account_overridden"], true);
    let undescribed =
        app.get(&format!("{path}?type=proxy&resource=club-wine&has_description=false")).await.ok();
    assert_eq!(
        all(&undescribed["proxy"][0]["methods"], "name"),
        ["get_single_commerce7_club_wine_by_id", "list_all_commerce7_club_wine"]
    );
    let wines = app.get(&format!("/proxy/club-wine?integrated_account_id={id}")).await.ok();
    assert_eq!(wines["result_count"], 12);
    let single = app.get(&format!("/unified/ecommerce/products/x?integrated_account_id={id}")).await;
    says(&ours(&app, &single, 404), &["get", "list"]);
    // The integration's own are as before.
    let general = app.get("/integration/commerce7/capabilities?resource=club-wine").await.ok();
    assert_eq!((&general["proxy"], &general["unified"]), (&json!([]), &json!([])));
    assert_eq!(general.get("account"), None);
    app.shutdown().await;
}
