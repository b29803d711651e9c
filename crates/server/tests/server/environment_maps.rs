//! What an environment changes in the maps of all its accounts.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, App, TestDatabase, over_both_databases};

use crate::support::{ours, says, unified, works};

const ROUTE: &str = "/environment-unified-model-resource-method";

over_both_databases!(an_environment_changes_single_fields_for_all_accounts);

/// An override of the orders of the sandbox's platform.
fn orders(config: Value) -> Value {
    json!({"unified_model": "ecommerce", "resource_name": "orders", "integration_name": "commerce7", "config": config})
}

async fn put(app: &App, path: &str, body: &Value) -> Answer {
    Answer::of(app.request(Method::PUT, path).json(body)).await
}

async fn first(app: &App, resource: &str, account: &str) -> Value {
    app.get(&format!("{}&limit=1", unified(resource, account))).await.ok()["result"][0].clone()
}

async fn an_environment_changes_single_fields_for_all_accounts(database: &TestDatabase) {
    let app = App::start(database).await;
    let (one, other) = (app.connect().await, app.connect().await);
    let plain = first(&app, "orders", &one).await;
    let config = json!({"fields": {
        "order_number": {"join": ["channel", "orderNumber"], "with": "-"}, "sold_by": {"from": "channel"}, "gifts": "giftMessage",
    }});
    let made = app.post(ROUTE, &orders(config.clone())).await.ok();
    assert_eq!((&made["method_name"], &made["version"], &made["config"]), (&Value::Null, &json!(1), &config));
    let path = format!("{ROUTE}/{}", made["id"].as_str().unwrap());
    assert_eq!(app.get(&path).await.ok(), made);
    let number =
        format!("{}-{}", plain["channel_raw"].as_str().unwrap(), plain["order_number"].as_str().unwrap());
    for account in [&one, &other] {
        let mapped = first(&app, "orders", account).await;
        assert_eq!((&mapped["order_number"], &mapped["sold_by"]), (&json!(number), &plain["channel_raw"]));
        assert_eq!(mapped["status"], plain["status"], "every other field stays");
    }
    // The account's own lines stand above the environment's.
    let own = json!({"unified_model_override": {"ecommerce": {"orders": {"fields": {"sold_by": null, "order_number": "id"}}}}});
    app.patch(&format!("/integrated-account/{one}"), &own).await.ok();
    let mapped = first(&app, "orders", &one).await;
    assert_eq!((&mapped["order_number"], mapped.get("sold_by")), (&plain["id"], None));
    assert_eq!(first(&app, "orders", &other).await["order_number"], number);

    // Who each line is from.
    let meta =
        app.get(&format!("/unified/ecommerce/orders/meta/list?integrated_account_id={one}")).await.ok();
    let origins = &meta["origins"]["fields"];
    assert_eq!(
        (&origins["order_number"], &origins["gifts"], &origins["status"], origins.get("sold_by")),
        (&json!("account"), &json!("environment"), &json!("integration"), None)
    );
    let meta = app.get("/unified/ecommerce/orders/commerce7/meta/list").await.ok();
    assert_eq!(
        (&meta["origins"]["fields"]["order_number"], &meta["response_mapping"]["gifts"]),
        (&json!("environment"), &json!("giftMessage"))
    );
    let meta = app.get("/unified/meta/ecommerce/commerce7").await.ok();
    assert_eq!(meta["resources"]["orders"]["methods"]["get"]["origins"]["fields"]["gifts"], "environment");
    for (path, account_overridden) in [
        (format!("/integrated-account/{one}/capabilities?type=unified"), true),
        (format!("/integrated-account/{other}/capabilities?type=unified"), false),
        ("/integration/commerce7/capabilities?type=unified".to_owned(), false),
    ] {
        for resource in app.get(&path).await.ok()["unified"].as_array().unwrap() {
            let is_orders = resource["resource"] == "orders";
            assert_eq!(resource["env_overridden"], is_orders, "{path}");
            assert_eq!(resource["account_overridden"], is_orders && account_overridden, "{path}");
        }
    }

    // Merged in: a line takes the place of its own name, and `null` takes it out of the override.
    let change = json!({"config": {"fields": {"sold_by": {"value": "us"}, "order_number": null}}});
    let changed = app.patch(&path, &change).await.ok();
    assert_eq!(changed["config"], json!({"fields": {"sold_by": {"value": "us"}, "gifts": "giftMessage"}}));
    let mapped = first(&app, "orders", &other).await;
    assert_eq!((&mapped["order_number"], &mapped["sold_by"]), (&plain["order_number"], &json!("us")));
    let stale = json!({"config": {}, "version": 1});
    says(&ours(&app, &app.patch(&path, &stale).await, 409), &["changed by someone else"]);
    // Put in its place: a `null` line takes the integration's field away.
    let gone = json!({"config": {"fields": {"channel_raw": null}}, "version": 2});
    put(&app, &path, &gone).await.ok();
    assert_eq!(first(&app, "orders", &other).await.get("channel_raw"), None);

    // A mistake is refused with its place, and changes nothing.
    for (config, field, words) in [
        (json!({"fields": {"x": {"form": "total"}}}), "config.fields.x", "did you mean \"from\""),
        (json!({"fields": {"chanel": null}}), "config.fields.chanel", "did you mean \"channel\""),
        (json!({"fields": {"x": "a..b"}}), "config.fields.x", "is no path"),
        (json!({"fields": {"customer": {"object": {"nme": "x"}}}}), "config.fields.customer", "nme"),
        (json!({"felds": {}}), "config.felds", "did you mean \"fields\""),
        (json!({"response_mapping": "response.{"}), "config.response_mapping", "not a JSONata expression"),
        (
            json!({"write": {"fields": {"notes": {"too": "x"}}}}),
            "config.write.fields.notes",
            "did you mean \"to\"",
        ),
        (
            json!({"methods": {"list": {"resource": "ordr", "method": "list"}}}),
            "config.methods",
            "did you mean \"order\"",
        ),
        (json!({"filters": {"chanel": {"param": "x"}}}), "config.filters.chanel", "did you mean \"channel\""),
    ] {
        let answer = put(&app, &path, &json!({ "config": config })).await;
        says(&ours(&app, &answer, 400), &[field, words]);
        let failure = &answer.json()["details"]["failures"][0];
        assert_eq!(failure["field"], field, "{failure}");
        assert!(failure["message"].as_str().unwrap().contains(words), "{failure}");
    }
    assert_eq!(app.get(&path).await.ok()["config"], gone["config"]);

    // What names nothing.
    let named = |key: &str, value: &str| {
        let mut body = orders(json!({}));
        body[key] = value.into();
        body
    };
    for (body, status, words) in [
        (orders(json!({})), 409, &["PATCH", ROUTE][..]),
        (named("resource_name", "ordrs"), 404, &["did you mean \"orders\""]),
        (named("unified_model", "ecomerce"), 404, &["did you mean \"ecommerce\""]),
        (named("integration_name", "comerce7"), 404, &["did you mean \"commerce7\""]),
        (named("method_name", "lst"), 400, &["config", "did you mean \"list\""]),
        (named("environment_id", "another"), 403, &["another environment"]),
        (named("resource", "orders"), 400, &["resource"]),
    ] {
        says(&ours(&app, &app.post(ROUTE, &body).await, status), words);
    }
    let customers = app.post(ROUTE, &named("resource_name", "customers")).await.ok();
    for (query, expected) in [
        ("", 2),
        ("?resource_name=customers", 1),
        ("?integration_name=another", 0),
        ("?method_name=list", 0),
        ("?method_name=", 2),
        ("?unified_model=ecommerce&limit=1", 1),
    ] {
        let listed = app.get(&format!("{ROUTE}{query}")).await.ok();
        assert_eq!(listed["result"].as_array().unwrap().len(), expected, "{query}");
    }
    says(&ours(&app, &app.get(&format!("{ROUTE}?resource=orders")).await, 400), &["resource_name"]);
    app.delete(&format!("{ROUTE}/{}", customers["id"].as_str().unwrap())).await.ok();
    assert_eq!(app.delete(&path).await.ok(), json!({"id": made["id"]}));
    ours(&app, &app.get(&path).await, 404);
    assert_eq!(first(&app, "orders", &other).await, plain);
    app.shutdown().await;
}

#[tokio::test]
async fn another_environment_sees_and_feels_nothing_of_it() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let made = app.post(ROUTE, &orders(json!({"fields": {"sold_by": "channel"}}))).await.ok();
    let path = format!("{ROUTE}/{}", made["id"].as_str().unwrap());
    let (_, token) = app.another_environment("another").await;
    assert_eq!(app.get_as(&token, &path).await.status, 404);
    assert_eq!(app.get_as(&token, ROUTE).await.ok()["result"], json!([]));
    let meta = app.get_as(&token, "/unified/ecommerce/orders/commerce7/meta/list").await.ok();
    assert_eq!(meta["origins"]["fields"].get("sold_by"), None);
    let ends = Timestamp::now() + SignedDuration::from_hours(1);
    let own = app.another_account_token(&account, ends).await;
    assert_eq!(app.get_as(&own, ROUTE).await.status, 403);
    app.shutdown().await;
}

#[tokio::test]
async fn truto_mappings_work_for_environment_account_and_one_method() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let plain = first(&app, "orders", &id).await;
    let mapping = "response.{\"id\": id, \"name\": \"#\" & orderNumber, \"asked\": $$.rawQuery.limit, \"lines\": [items.{\"sku\": sku}]}";
    let made = app.post(ROUTE, &orders(json!({ "response_mapping": mapping }))).await.ok();
    let mapped = first(&app, "orders", &id).await;
    let lines: Vec<Value> = plain["remote_data"]["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| json!({"sku": item["sku"]}))
        .collect();
    let name = format!("#{}", plain["order_number"].as_str().unwrap());
    let expected = json!({"id": plain["id"], "name": name, "asked": "1", "lines": lines, "remote_data": plain["remote_data"]});
    assert_eq!(mapped, expected);
    let order = format!("orders/{}", plain["id"].as_str().unwrap());
    let single = app
        .get(&format!("{}&truto_exclude_fields[]=lines&truto_ignore_remote_data=true", unified(&order, &id)))
        .await
        .ok();
    assert_eq!(single, json!({"id": plain["id"], "name": name}));
    // Filters that can't be exact are neither offered nor taken.
    let filtered = app.get(&format!("{}&updated_at[gt]=2020-01-01T00:00:00Z", unified("orders", &id))).await;
    says(&ours(&app, &filtered, 400), &["updated_at can't be answered exactly", "response_mapping"]);
    let meta = app.get(&format!("/unified/ecommerce/orders/meta/list?integrated_account_id={id}")).await.ok();
    assert_eq!(
        (&meta["response_mapping"], &meta["origins"]["response_mapping"]),
        (&json!(mapping), &json!("environment"))
    );
    assert_eq!(meta["query_schema"]["properties"].get("updated_at"), None);

    // One method of one account, as Truto writes it; the others have the environment's.
    let own = json!({"unified_model_override": {"ecommerce": {"orders": {"get": {"response_mapping": "response.{\"id\": id, \"own\": true}"}}}}});
    app.patch(&format!("/integrated-account/{id}"), &own).await.ok();
    assert_eq!(app.get(&unified(&order, &id)).await.ok()["own"], true);
    assert_eq!(first(&app, "orders", &id).await, expected);
    for (bad, field) in [
        (
            json!({"get": {"response_mapping": "response.{"}}),
            "unified_model_override.ecommerce.orders.get.response_mapping",
        ),
        (json!({"response_mapping": ["x"]}), "unified_model_override.ecommerce.orders.response_mapping"),
        (json!({"get": {"query_mapping": "x"}}), "unified_model_override.ecommerce.orders.get.query_mapping"),
    ] {
        let change = json!({"unified_model_override": {"ecommerce": {"orders": bad}}});
        let answer = app.patch(&format!("/integrated-account/{id}"), &change).await;
        says(&ours(&app, &answer, 400), &[field]);
        assert_eq!(answer.json()["details"]["failures"][0]["field"], field);
    }

    // An expression that fails on a record says so; raw goes around it.
    let path = format!("{ROUTE}/{}", made["id"].as_str().unwrap());
    let broken = json!({"config": {"response_mapping": "$number(response.channel)"}});
    app.patch(&path, &broken).await.ok();
    says(
        &ours(&app, &app.get(&unified("orders", &id)).await, 502),
        &["response_mapping", "the expression failed", "raw"],
    );
    let raw = app.get(&format!("{}&limit=1&truto_response_format=raw", unified("orders", &id))).await.ok();
    assert_eq!(raw["result"][0]["id"], plain["id"]);

    // For one method alone, and back to the integration's map.
    app.delete(&path).await.ok();
    app.patch(&format!("/integrated-account/{id}"), &json!({"unified_model_override": {}})).await.ok();
    let mut list = orders(json!({"fields": {"sold_by": "channel"}}));
    list["method_name"] = "list".into();
    app.post(ROUTE, &list).await.ok();
    let listed = first(&app, "orders", &id).await;
    assert_eq!(listed["sold_by"], plain["channel_raw"]);
    assert_eq!(app.get(&unified(&order, &id)).await.ok().get("sold_by"), None);
    let mut write = orders(json!({"write": {"fields": {"first_name": null}}}));
    (write["resource_name"], write["method_name"]) = ("customers".into(), "create".into());
    app.post(ROUTE, &write).await.ok();
    let customers = unified("customers", &id);
    let body = json!({"first_name": "Ada", "emails": [{"email": "ada@example.com"}]});
    says(&ours(&app, &app.post(&customers, &body).await, 400), &["first_name"]);
    app.shutdown().await;
}

#[tokio::test]
async fn an_override_that_fits_no_more_is_told_and_breaks_nothing_else() {
    let app = App::sqlite().await;
    let (one, other) = (app.connect().await, app.connect().await);
    // The account's line stands on one that the environment then takes away, as an upgrade may.
    let added = orders(json!({"fields": {"sold_by": "channel"}}));
    let made = app.post(ROUTE, &added).await.ok();
    let path = format!("/integrated-account/{one}");
    let own = json!({"unified_model_override": {"ecommerce": {"orders": {"fields": {"sold_by": null}}}}});
    assert_eq!(app.patch(&path, &own).await.ok()["override_errors"], json!([]));
    app.delete(&format!("{ROUTE}/{}", made["id"].as_str().unwrap())).await.ok();

    let listed = app.get("/integrated-account").await.ok();
    let errors = |id: &str| {
        let accounts = listed["result"].as_array().unwrap();
        accounts.iter().find(|account| account["id"] == id).unwrap()["override_errors"].clone()
    };
    assert_eq!(errors(&other), json!([]));
    let told = errors(&one);
    assert_eq!(told[0]["field"], "unified_model_override.ecommerce.orders.fields.sold_by");
    let refused = app.get(&unified("orders", &one)).await;
    says(
        &ours(&app, &refused, 400),
        &["unified_model_override.ecommerce.orders.fields.sold_by", "unknown field"],
    );
    assert_eq!(refused.json()["details"]["failures"], told);
    app.get(&unified("customers", &one)).await.ok();
    works(&app, &other).await;
    let capabilities = app.get(&format!("/integrated-account/{one}/capabilities?type=unified")).await.ok();
    assert!(!capabilities["unified"].as_array().unwrap().iter().any(|found| found["resource"] == "orders"));
    app.patch(&path, &json!({"unified_model_override": {}})).await.ok();
    works(&app, &one).await;
    app.shutdown().await;
}
