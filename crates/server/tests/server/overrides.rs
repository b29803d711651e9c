//! What an account changes of its maps and its definition.

use serde_json::json;
use testkit::{App, TestDatabase, over_both_databases};

use crate::support::{ours, proxy, says, unified, works};

over_both_databases!(an_account_changes_single_fields_and_a_mistake_is_refused_with_its_place);

#[tokio::test]
async fn a_field_is_taken_away_and_the_api_is_described_as_before() {
    let app = App::sqlite().await;
    let document = app.get("/openapi.json").await.ok();
    let mut new = app.new_account().await;
    // Given with the account, and of the kinds that a line can have.
    new["unified_model_override"] = json!({"ecommerce": {
        "orders": {"filters": {"channel": null}, "fields": {"channel": null, "item_count": {"jsonata": "$count(items)"}}},
        "customers": {"fields": {"name": {"jsonata": "$uppercase(lastName)"}}},
    }});
    let made = app.post("/integrated-account", &new).await.ok();
    assert_eq!(made["unified_model_override"], new["unified_model_override"]);
    let id = made["id"].as_str().unwrap();
    let orders = app.get(&format!("{}&limit=5", unified("orders", id))).await.ok();
    for order in orders["result"].as_array().unwrap() {
        assert_eq!(order.get("channel"), None);
        assert_eq!(order["item_count"], order["remote_data"]["items"].as_array().unwrap().len());
        let single = app.get(&unified(&format!("orders/{}", order["id"].as_str().unwrap()), id)).await.ok();
        assert_eq!(single, *order);
    }
    let customers = app.get(&format!("{}&limit=1", unified("customers", id))).await.ok();
    let customer = &customers["result"][0];
    assert_eq!(customer["name"], customer["remote_data"]["lastName"].as_str().unwrap().to_uppercase());
    let meta = app.get(&format!("/unified/ecommerce/orders/meta/list?integrated_account_id={id}")).await.ok();
    assert_eq!(meta["response_mapping"].get("channel"), None);
    assert_eq!(meta["query_schema"]["properties"].get("channel"), None);
    let filtered = app.get(&format!("{}&channel=web", unified("orders", id))).await;
    says(&ours(&app, &filtered, 400), &["channel"]);
    assert_eq!(app.get("/openapi.json").await.ok(), document);

    let half = json!({"unified_model_override": {"ecommerce": {"orders": {"fields": {"channel": null}}}}});
    let half = app.patch(&format!("/integrated-account/{id}"), &half).await;
    says(&ours(&app, &half, 400), &["ecommerce.orders.filters.channel: ", "\"channel\": null"]);

    // A mistake in a new account's override keeps nothing of the account.
    new["unified_model_override"] = json!({"ecommerce": {"orders": {"fields": {"chanel": null}}}});
    let refused = app.post("/integrated-account", &new).await;
    says(
        &ours(&app, &refused, 400),
        &["unified_model_override.ecommerce.orders.fields.chanel", "did you mean \"channel\""],
    );
    assert_eq!(app.get("/integrated-account").await.ok()["result"].as_array().unwrap().len(), 1);
    app.shutdown().await;
}

async fn an_account_changes_single_fields_and_a_mistake_is_refused_with_its_place(database: &TestDatabase) {
    let app = App::start(database).await;
    let (one, other) = (app.connect().await, app.connect().await);
    let path = format!("/integrated-account/{one}");
    let plain = app.get(&format!("{}&limit=1", unified("orders", &one))).await.ok()["result"][0].clone();
    // A field that is read from elsewhere, and one that the model does not have.
    let fields = json!({"ecommerce": {"orders": {"fields": {
        "order_number": {"join": ["channel", "orderNumber"], "with": "-"},
        "sold_by": "channel",
    }}}});
    let changed = app.patch(&path, &json!({"unified_model_override": fields})).await.ok();
    assert_eq!(changed["unified_model_override"], fields);
    let own = &plain["remote_data"];
    let expected = format!("{}-{}", own["channel"].as_str().unwrap(), own["orderNumber"]);
    let mapped = app.get(&format!("{}&limit=1", unified("orders", &one))).await.ok()["result"][0].clone();
    assert_eq!(mapped["order_number"], expected);
    let mut rest = mapped.clone();
    rest["order_number"] = plain["order_number"].clone();
    assert_eq!(rest.as_object_mut().unwrap().shift_remove("sold_by").unwrap(), own["channel"]);
    assert_eq!(rest, plain, "every other field stays");
    let id = plain["id"].as_str().unwrap();
    let single = app.get(&unified(&format!("orders/{id}"), &one)).await.ok();
    assert_eq!(single["order_number"], expected);
    // The other account is as it was.
    let others = app.get(&format!("{}&limit=1", unified("orders", &other))).await.ok();
    assert_eq!(others["result"][0], plain);
    let meta =
        app.get(&format!("/unified/ecommerce/orders/meta/list?integrated_account_id={one}")).await.ok();
    assert_eq!(meta["overridden_fields"], json!(["order_number", "sold_by"]));
    let capabilities = app.get(&format!("/integrated-account/{one}/capabilities?type=unified")).await.ok();
    for resource in capabilities["unified"].as_array().unwrap() {
        assert_eq!(resource["account_overridden"], resource["resource"] == "orders");
    }

    for (mistake, words) in [
        (json!({"ecomerce": {}}), &["unified_model_override.ecomerce"][..]),
        (json!({"ecommerce": []}), &["unified_model_override.ecommerce"]),
        (json!({"ecommerce": {"orders": 5}}), &["unified_model_override.ecommerce.orders: ", "object"]),
        (json!({"ecommerce": {"orders": {"fields": 5}}}), &["ecommerce.orders.fields", "object"]),
        (json!({"ecommerce": {"orders": {"fields": ["a"]}}}), &["ecommerce.orders.fields", "object"]),
        (json!({"ecommerce": {"orders": {"fields": {"status": 5}}}}), &["ecommerce.orders.fields.status"]),
        (
            json!({"ecommerce": {"orders": {"fields": {"nothing": null}}}}),
            &["ecommerce.orders.fields.nothing"],
        ),
        (json!({"ecommerce": {"orders": {"methods": {"list": 5}}}}), &["ecommerce.orders.methods.list: "]),
        (json!({"ecommerce": {"orders": {"methods": 5}}}), &["ecommerce.orders.methods: "]),
        (
            json!({"ecommerce": {"ordrs": {}}}),
            &["unified_model_override.ecommerce.ordrs", "did you mean \"orders\""],
        ),
        (json!({"ecommerce": {"orders": {"felds": {}}}}), &["ecommerce.orders", "felds"]),
        (
            json!({"ecommerce": {"orders": {"fields": {"status": {"form": "x"}}}}}),
            &["ecommerce.orders", "fields.status"],
        ),
        (
            json!({"ecommerce": {"orders": {"fields": {"status": "a..b"}}}}),
            &["ecommerce.orders", "fields.status", "a..b"],
        ),
        (
            json!({"ecommerce": {"orders": {"fields": {"customer": {"object": {"nme": "x"}}}}}}),
            &["ecommerce.orders", "nme"],
        ),
        (
            json!({"ecommerce": {"orders": {"methods": {"list": {"resource": "ordr", "method": "list"}}}}}),
            &["ecommerce.orders", "ordr"],
        ),
    ] {
        let answer = app.patch(&path, &json!({"unified_model_override": mistake})).await;
        let message = ours(&app, &answer, 400);
        says(&message, words);
        assert!(!message.contains(": :"), "{message}");
    }
    let kept = app.get(&format!("{}&limit=1", unified("orders", &one))).await.ok();
    assert_eq!(kept["result"][0]["order_number"], expected, "a refused change changes nothing");

    // Maps that need what an account adds to the definition hold it fast.
    let wine = json!({"methods": {"list": {"path": "/product", "description": "Lists.", "response_path": "products"}}, "description": "Wines."});
    let both = json!({
        "integration_override": {"resources": {"wine": wine}},
        "unified_model_override": {"ecommerce": {"orders": {"methods": {"list": {"resource": "wine", "method": "list"}}}}},
    });
    app.patch(&path, &both).await.ok();
    let removed = app.patch(&path, &json!({"integration_override": {}})).await;
    says(&ours(&app, &removed, 400), &["unified_model_override.ecommerce.orders", "wine"]);
    app.patch(&path, &json!({"integration_override": {}, "unified_model_override": {}})).await.ok();

    // The definition, for one account.
    let change = json!({"integration_override": {"resources": {"order": {"methods": {"list": {"response_path": "nothing"}}}}}});
    app.patch(&path, &change).await.ok();
    says(&ours(&app, &app.get(&proxy("order", &one)).await, 502), &["nothing"]);
    works(&app, &other).await;
    let back =
        app.patch(&path, &json!({"integration_override": {}, "unified_model_override": {}})).await.ok();
    assert_eq!(back["integration_override"], json!({}));
    let again = app.get(&format!("{}&limit=1", unified("orders", &one))).await.ok();
    assert_eq!(again["result"][0], plain);
    app.shutdown().await;
}

#[tokio::test]
async fn an_account_keeps_no_secret_in_its_override() {
    let app = App::sqlite().await;
    let mut new = app.new_account().await;
    let sealed = json!({"secret_environment_variables": {"key": "s3cret-variable"}});
    let id = app.connect().await;
    new["integration_override"] = sealed.clone();
    let change = json!({"integration_override": sealed});
    for answer in [
        app.post("/integrated-account", &new).await,
        app.patch(&format!("/integrated-account/{id}"), &change).await,
    ] {
        says(
            &ours(&app, &answer, 400),
            &["integration_override.secret_environment_variables", "/environment-integration", "context"],
        );
        assert!(!answer.text.contains("s3cret"), "{}", answer.text);
    }
    app.shutdown().await;
}

#[tokio::test]
async fn what_an_account_takes_away_is_neither_told_nor_called() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let change = json!({"integration_override": {"resources": {
        "product": null,
        "order": {"methods": {"get": null}},
    }}});
    app.patch(&format!("/integrated-account/{id}"), &change).await.ok();
    let told = app.get(&format!("/integrated-account/{id}/capabilities")).await.ok();
    let unified_part = told["unified"].as_array().unwrap();
    let methods = |name: &str| {
        unified_part.iter().find(|found| found["resource"] == name).map(|found| found["methods"].clone())
    };
    assert_eq!(methods("products"), None);
    assert_eq!(methods("orders"), Some(json!(["create", "list", "update"])));
    assert_eq!(methods("notes"), Some(json!(["create", "delete", "get", "list", "update"])));
    assert!(!told["proxy"].as_array().unwrap().iter().any(|found| found["resource"] == "product"));
    for (path, words) in [
        (unified("products", &id), &["product"][..]),
        (unified("products/x", &id), &["product"]),
        (unified("orders/x", &id), &["get"]),
        (proxy("product", &id), &["product"]),
    ] {
        says(&ours(&app, &app.get(&path).await, 404), words);
    }
    works(&app, &id).await;
    app.shutdown().await;
}
