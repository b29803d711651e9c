//! What is installed in an environment, and what the environment changes of it.

use serde_json::{Value, json};
use testkit::{App, Platform, TestDatabase, over_both_databases};

use crate::support::{ours, proxy, says, unified, without_secrets, works};

over_both_databases!(
    an_integration_is_installed_changed_and_removed,
    an_override_is_replaced_whole_and_a_mistake_is_refused_with_its_place,
    secret_variables_are_used_and_never_shown,
);

async fn an_integration_is_installed_changed_and_removed(database: &TestDatabase) {
    let app = App::start(database).await;
    let install = json!({"integration_id": "commerce7", "show_in_catalog": false});
    let made = app.post("/environment-integration", &install).await.ok();
    assert_eq!(made["integration"]["name"], "commerce7");
    assert_eq!(made["integration_id"], made["integration"]["id"]);
    assert_eq!((&made["is_enabled"], &made["show_in_catalog"]), (&json!(true), &json!(false)));
    assert_eq!(made["override"], json!({}));
    // Again gives what is there; the id does as well as the name.
    let again = json!({"integration_id": made["integration_id"], "override": {"base_url": "https://x.test"}});
    assert_eq!(app.post("/environment-integration", &again).await.ok(), made);
    let sealed =
        json!({"integration_id": "commerce7", "override": {"secret_environment_variables": {"a": "s3cret"}}});
    assert_eq!(app.post("/environment-integration", &sealed).await.ok(), made, "nor are its secrets changed");
    let path = format!("/environment-integration/{}", made["id"].as_str().unwrap());
    assert_eq!(app.get(&path).await.ok(), made);
    for (query, expected) in [("", 1), ("?integration.name=commerce7", 1), ("?integration[name]=other", 0)] {
        let listed = app.get(&format!("/environment-integration{query}")).await.ok();
        assert_eq!(listed["result"].as_array().unwrap().len(), expected, "{query}");
    }
    says(&ours(&app, &app.get("/environment-integration?name=x").await, 400), &["name", "integration.name"]);
    for (body, status, words) in [
        (json!({"integration_id": "comerce7"}), 404, &["comerce7", "did you mean \"commerce7\""][..]),
        (json!({}), 400, &["integration_id"]),
        (json!({"integration_id": "commerce7", "enabled": true}), 400, &["enabled", "is_enabled"]),
        (json!({"integration_id": "commerce7", "environment_id": "another"}), 403, &["another environment"]),
        (json!({"integration_id": "a\u{0}b"}), 400, &["NUL"]),
    ] {
        let answer = app.post("/environment-integration", &body).await;
        says(&ours(&app, &answer, status), words);
    }

    let url = app.sandbox.base_url();
    app.patch(&path, &json!({"override": {"base_url": url}})).await.ok();
    let account = app.connect().await;
    works(&app, &account).await;
    // Switched off, its accounts take no calls; what manages them goes on.
    let off = app.patch(&path, &json!({"is_enabled": false})).await.ok();
    assert_eq!(off["override"]["base_url"], url, "what is left out stays");
    for path in [
        unified("orders", &account),
        proxy("order", &account),
        format!("/custom/order?integrated_account_id={account}"),
    ] {
        says(&ours(&app, &app.get(&path).await, 403), &["commerce7", "switched off"]);
    }
    app.get(&format!("/integrated-account/{account}")).await.ok();
    let on = app.patch(&path, &json!({"is_enabled": true})).await.ok();
    works(&app, &account).await;
    let stale = app.patch(&path, &json!({"is_enabled": false, "version": 1})).await;
    says(&ours(&app, &stale, 409), &["changed by someone else"]);
    app.patch(&path, &json!({"show_in_catalog": true, "version": on["version"]})).await.ok();

    assert_eq!(app.delete(&path).await.ok(), json!({"id": made["id"]}));
    ours(&app, &app.get(&path).await, 404);
    ours(&app, &app.get(&unified("orders", &account)).await, 404);
    assert_eq!(app.get("/integrated-account").await.ok()["result"], json!([]));
    app.shutdown().await;
}

async fn an_override_is_replaced_whole_and_a_mistake_is_refused_with_its_place(database: &TestDatabase) {
    let app = App::start(database).await;
    let account = app.connect().await;
    let installed = app.get("/environment-integration").await.ok()["result"][0].clone();
    let path = format!("/environment-integration/{}", installed["id"].as_str().unwrap());
    let url = app.sandbox.base_url();
    let with_resource = json!({"base_url": url, "resources": {"wine": {
        "description": "Products by another name.",
        "methods": {"list": {"path": "/product", "description": "Lists.", "response_path": "products", "pagination": ["cursor"]}},
    }}});
    app.patch(&path, &json!({"override": with_resource})).await.ok();
    let wines = app.get(&format!("{}&limit=3", proxy("wine", &account))).await.ok();
    assert_eq!(wines["result_count"], 3);
    works(&app, &account).await;
    for (mistake, words) in [
        (json!({"colour": "red"}), &["colour"][..]),
        (json!({"base_url": "ftp://x.test"}), &["base_url"]),
        (
            json!({"resources": {"order": {"methods": {"list": {"pagination": ["pge"]}}}}}),
            &["resources.order.methods.list.pagination", "did you mean \"page\""],
        ),
        (
            json!({"resources": {"order": {"methods": {"list": {"path": "order"}}}}}),
            &["resources.order.methods.list", "path"],
        ),
        (json!({"authorization": {"format": "magic"}}), &["magic", "basic"]),
        (json!({"secret_environment_variables": []}), &["secret_environment_variables"]),
    ] {
        let answer = app.patch(&path, &json!({"override": mistake})).await;
        says(&ours(&app, &answer, 400), words);
    }
    assert_eq!(app.get(&path).await.ok()["override"], with_resource, "a refused change changes nothing");
    let mut whole = json!({"base_url": url, "environment_variables": {"stage": "one"}});
    whole["secret_environment_variables"] = json!({"app_secret": "secret-of-the-environment"});
    let changed = app.patch(&path, &json!({"override": whole})).await;
    assert!(!changed.text.contains("secret-of-the-environment"), "{}", changed.text);
    without_secrets(&app, &changed.text);
    assert_eq!(changed.ok()["override"]["environment_variables"], json!({"stage": "one"}));
    says(&ours(&app, &app.get(&proxy("wine", &account)).await, 404), &["wine"]);
    // An account's own secret wins over the environment's.
    works(&app, &account).await;
    let gone = app.patch(&path, &json!({"override": {"base_url": url}})).await.ok();
    assert_eq!(gone["override"].get("environment_variables"), None::<&Value>);
    app.shutdown().await;
}

async fn secret_variables_are_used_and_never_shown(database: &TestDatabase) {
    let app = App::start(database).await;
    let url = app.sandbox.base_url();
    // One header made of the environment's secret, which the account does not have.
    let change = json!({
        "base_url": url,
        "headers": {"x-stage": "{{credentials.stage_key}}", "x-name": "{{context.environment_variables.stage}}"},
        "environment_variables": {"stage": "one"},
        "secret_environment_variables": {"stage_key": "s3cret-of-the-stage"},
    });
    let install = json!({"integration_id": "commerce7", "override": change});
    let made = app.post("/environment-integration", &install).await;
    assert!(!made.text.contains("s3cret"), "{}", made.text);
    let made = made.ok();
    assert_eq!(made["version"], 1);
    let account = app.connect().await;
    works(&app, &account).await;
    let platform = Platform::listen().await;
    let path = format!("/environment-integration/{}", made["id"].as_str().unwrap());
    let mut elsewhere = change.clone();
    elsewhere["base_url"] = platform.base_url().into();
    app.patch(&path, &json!({"override": elsewhere})).await.ok();
    let heads = platform.always("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}");
    app.get(&format!("/custom/order?integrated_account_id={account}")).await.ok();
    let head = heads.lock().unwrap()[0].to_lowercase();
    says(&head, &["x-stage: s3cret-of-the-stage", "x-name: one"]);
    for path in [&path, "/environment-integration", &format!("/integrated-account/{account}")] {
        let answer = app.get(path).await;
        assert!(!answer.text.contains("s3cret"), "{}", answer.text);
        answer.ok();
    }
    // Replaced whole, the override takes its secrets along.
    app.patch(
        &path,
        &json!({"override": {"base_url": url, "headers": {"x-stage": "{{credentials.stage_key}}"}}}),
    )
    .await
    .ok();
    says(&ours(&app, &app.get(&proxy("order", &account)).await, 409), &["stage_key"]);
    app.shutdown().await;
}
