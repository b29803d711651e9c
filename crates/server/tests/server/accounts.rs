//! Accounts' records: reading, changing, deleting them.

use serde_json::{Value, json};
use testkit::{Answer, App, TestDatabase, over_both_databases};

use crate::support::{account, ours, says, unified, works};

over_both_databases!(
    accounts_are_listed_page_by_page_and_by_what_they_are,
    a_change_merges_the_context_and_nothing_else,
    changes_at_the_same_time_are_all_kept,
    what_is_deleted_is_gone,
);

async fn accounts_are_listed_page_by_page_and_by_what_they_are(database: &TestDatabase) {
    let app = App::start(database).await;
    let mut new = app.new_account().await;
    for (tenant, is_sandbox) in [("acme", false), ("acme", true), ("bodega", false)] {
        new["tenant_id"] = tenant.into();
        new["is_sandbox"] = is_sandbox.into();
        app.post("/integrated-account", &new).await.ok();
    }
    let all = app.get("/integrated-account").await.ok();
    assert_eq!((&all["limit"], &all["next_cursor"]), (&json!(100), &Value::Null));
    let all = all["result"].as_array().unwrap().clone();
    let mut walked = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = app.get(&format!("/integrated-account?limit=2&next_cursor={cursor}")).await.ok();
        assert_eq!(page["limit"], 2);
        walked.extend(page["result"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next_cursor"].as_str() else { break };
        next.clone_into(&mut cursor);
    }
    assert_eq!(walked, all);
    let installed = all[0]["environment_integration_id"].as_str().unwrap();
    let second = all[1]["created_at"].as_str().unwrap();
    for (query, expected) in [
        ("tenant_id=acme".to_owned(), 2),
        ("tenant_id=acme&is_sandbox=true".to_owned(), 1),
        ("is_sandbox=false".to_owned(), 2),
        ("status=active".to_owned(), 3),
        ("status=connecting".to_owned(), 0),
        ("integration.name=commerce7".to_owned(), 3),
        ("integration[name]=commerce7".to_owned(), 3),
        ("integration.name=other".to_owned(), 0),
        (format!("environment_id={}", app.environment_id), 3),
        (format!("environment_integration_id={installed}"), 3),
        ("created_at[gt]=2020-01-01&created_at[lt]=2021-01-01".to_owned(), 0),
        ("created_at[gte]=2020-01-01T00:00:00Z".to_owned(), 3),
        ("tenant_id=a%00b".to_owned(), 0),
        (format!("updated_at[lt]={second}&tenant_id=bodega"), 0),
        (format!("created_at[gt]={second}"), 1),
        (format!("created_at[gte]={second}"), 2),
        (format!("created_at[lt]={second}"), 1),
        (format!("created_at[lte]={second}"), 2),
        (format!("created_at={second}"), 1),
        (format!("created_at[eq]={second}"), 1),
    ] {
        let answer = app.get(&format!("/integrated-account?{query}")).await;
        if query.contains("%00") {
            ours(&app, &answer, 400);
            continue;
        }
        assert_eq!(answer.ok()["result"].as_array().unwrap().len(), expected, "{query}");
    }
    for (query, words) in [
        ("tenant=acme", &["tenant", "did you mean \"tenant_id\""][..]),
        ("status=actve", &["status", "active"]),
        ("is_sandbox=perhaps", &["is_sandbox", "true or false"]),
        ("limit=0", &["limit", "1 to 5000"]),
        ("limit=5001", &["limit", "1 to 5000"]),
        ("limit=ten", &["limit", "1 to 5000"]),
        ("next_cursor=rubbish", &["next_cursor"]),
        ("created_at[before]=2026-01-01", &["created_at", "before"]),
        ("created_at[gt]=soon", &["created_at", "2026-01-31"]),
        ("tenant_id[]=a&tenant_id[]=b", &["tenant_id", "one value"]),
        ("integration=commerce7", &["integration", "integration.name"]),
        ("integration[nme]=commerce7", &["integration.nme", "did you mean \"integration.name\""]),
    ] {
        let answer = app.get(&format!("/integrated-account?{query}")).await;
        says(&ours(&app, &answer, 400), words);
    }
    ours(&app, &app.get("/integrated-account?environment_id=another").await, 403);
    app.shutdown().await;
}

async fn a_change_merges_the_context_and_nothing_else(database: &TestDatabase) {
    let app = App::start(database).await;
    let id = app.connect().await;
    let path = format!("/integrated-account/{id}");
    let first = json!({"context": {
        "site": {"name": "Napa", "open": true},
        "note": "x",
        "environment_variables": {"x": 1},
        "api_key": "protected-1",
        "oauth": {"scope": ["read"], "token": {"access_token": "protected-2", "refresh_token": "protected-3", "expires_in": 10}},
    }});
    let changed = app.patch(&path, &first).await;
    assert!(!changed.text.contains("protected-"), "{}", changed.text);
    let changed = changed.ok();
    assert_eq!(changed["context"]["site"], json!({"name": "Napa", "open": true}));
    assert_eq!(changed["context"]["oauth"], json!({"scope": ["read"], "token": {"expires_in": 10}}));
    assert_eq!(changed["context"].get("environment_variables"), None);
    assert_eq!(changed["context"]["tenant"], app.tenant().name, "what is left out stays");

    // Nested objects are replaced, but for oauth; null takes away; secrets survive a change that omits them.
    let second =
        json!({"context": {"site": {"open": false}, "note": null, "oauth": {"token": {"expires_in": 20}}}});
    let changed = app.patch(&path, &second).await.ok();
    assert_eq!(changed["context"]["site"], json!({"open": false}));
    assert_eq!(changed["context"].get("note"), None);
    assert_eq!(changed["context"]["oauth"], json!({"scope": ["read"], "token": {"expires_in": 20}}));
    assert_eq!(changed["status"], "active");
    works(&app, &id).await;
    let kept = app.store.get_integrated_account(&app.environment_id, &id).await.unwrap();
    let secrets = app.store.open_account_secrets(&kept).await.unwrap();
    let secrets = Value::Object(secrets.expose().clone());
    assert_eq!(secrets["api_key"], "protected-1");
    assert_eq!(
        secrets["oauth"]["token"],
        json!({"access_token": "protected-2", "refresh_token": "protected-3"})
    );
    assert_eq!(secrets["app_secret"], app.tenant().app_secret);

    // Within oauth `null` takes away too, and what goes takes its secrets along.
    let third =
        json!({"context": {"oauth": {"scope": null, "token": {"access_token": null}}, "api_key": null}});
    let changed = app.patch(&path, &third).await.ok();
    assert_eq!(changed["context"]["oauth"], json!({"token": {"expires_in": 20}}));
    let kept = app.store.get_integrated_account(&app.environment_id, &id).await.unwrap();
    let secrets = Value::Object(app.store.open_account_secrets(&kept).await.unwrap().expose().clone());
    assert_eq!(secrets["oauth"], json!({"token": {"refresh_token": "protected-3"}}));
    assert_eq!(secrets.get("api_key"), None);
    let changed = app.patch(&path, &json!({"context": {"oauth": null}})).await.ok();
    assert_eq!(changed["context"].get("oauth"), None);
    let kept = app.store.get_integrated_account(&app.environment_id, &id).await.unwrap();
    let secrets = Value::Object(app.store.open_account_secrets(&kept).await.unwrap().expose().clone());
    assert_eq!(secrets, json!({"app_secret": app.tenant().app_secret}));

    let changed = app.patch(&path, &json!({"tenant_id": "bodega", "is_sandbox": true})).await.ok();
    assert_eq!((&changed["tenant_id"], &changed["is_sandbox"]), (&json!("bodega"), &json!(true)));
    let version = changed["version"].as_i64().unwrap();
    let stale = app.patch(&path, &json!({"tenant_id": "c", "version": version - 1})).await;
    says(&ours(&app, &stale, 409), &["changed by someone else"]);
    app.patch(&path, &json!({"tenant_id": "c", "version": version})).await.ok();
    for (body, words) in [
        (json!({"tenant": "x"}), &["tenant", "tenant_id"][..]),
        (json!({"status": "active"}), &["status"]),
        (json!({"tenant_id": " "}), &["tenant_id"]),
        (json!({"tenant_id": "a\u{0}b"}), &["NUL"]),
        (json!({"context": []}), &["does not fit"]),
        (json!({"integration_override": {"colour": 5}}), &["colour"]),
    ] {
        says(&ours(&app, &app.patch(&path, &body).await, 400), words);
    }
    assert_eq!(account(&app, &id).await["tenant_id"], "c");
    app.shutdown().await;
}

async fn changes_at_the_same_time_are_all_kept(database: &TestDatabase) {
    let app = App::start(database).await;
    let id = app.connect().await;
    let path = format!("/integrated-account/{id}");
    let changes = (0..12).map(|number| {
        let (path, app) = (&path, &app);
        // Secrets among them, which are opened and sealed anew.
        let name = if number % 4 == 0 { "api_key".to_owned() } else { format!("note_{number}") };
        async move { app.patch(path, &json!({"context": {name: format!("value {number}")}})).await.ok() }
    });
    futures_util::future::join_all(changes).await;
    let context = account(&app, &id).await["context"].clone();
    for number in (0..12).filter(|number| number % 4 != 0) {
        assert_eq!(context[format!("note_{number}")], format!("value {number}"));
    }
    // Of those who name a version, one is first.
    let version = account(&app, &id).await["version"].clone();
    let changes = ["one", "two", "three"].map(|tenant| {
        let (path, app, version) = (&path, &app, &version);
        async move { app.patch(path, &json!({"tenant_id": tenant, "version": version})).await.status }
    });
    let mut statuses = futures_util::future::join_all(changes).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409]);
    works(&app, &id).await;
    app.shutdown().await;
}

async fn what_is_deleted_is_gone(database: &TestDatabase) {
    let app = App::start(database).await;
    let id = app.connect().await;
    works(&app, &id).await;
    let token = app.post("/integrated-account/token", &json!({"integrated_account_id": id})).await.ok();
    let token = token["integrated_account_token"].as_str().unwrap().to_owned();
    app.get_as(&token, &unified("orders", &id)).await.ok();
    assert_eq!(app.delete(&format!("/integrated-account/{id}")).await.ok(), json!({"id": id}));
    says(&ours(&app, &app.get(&unified("orders", &id)).await, 404), &["no such integrated account"]);
    ours(&app, &app.get(&format!("/integrated-account/{id}")).await, 404);
    ours(&app, &app.delete(&format!("/integrated-account/{id}")).await, 404);
    for path in ["/integrated-account/me", "/unified/ecommerce/orders"] {
        says(&ours(&app, &app.get_as(&token, path).await, 404), &["no such integrated account"]);
    }

    let (one, two) = (app.connect().await, app.connect().await);
    let gone = app.post("/integrated-account/bulk-delete", &json!({"ids": [one, "never-there", two]})).await;
    assert_eq!(gone.ok(), json!({"success": true}));
    assert_eq!(app.get("/integrated-account").await.ok()["result"], json!([]));
    // Someone else's are not touched.
    let three = app.connect().await;
    let (_, stranger) = app.another_environment("other").await;
    let request = app.request_as(&stranger, reqwest::Method::POST, "/integrated-account/bulk-delete");
    Answer::of(request.json(&json!({"ids": [three]}))).await.ok();
    works(&app, &three).await;
    app.shutdown().await;
}
