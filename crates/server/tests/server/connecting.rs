//! Connecting accounts: credentials, actions, statuses, and what comes of calls later.

use std::time::Duration;

use serde_json::{Value, json};
use store::{AccountPatch, AccountStatus};
use testkit::{
    App, Fault, FaultRule, Platform, Setup, TestClock, TestDatabase, eventually, over_both_databases,
};

use crate::support::{account, ours, point_at, proxy, remote, says, unified, without_secrets, works};

over_both_databases!(
    an_account_is_connected_and_its_credentials_are_never_shown,
    credentials_that_the_platform_refuses_are_told_and_can_be_mended,
    a_connection_that_fails_tells_what_to_do_and_is_tried_again,
    what_was_asked_with_former_credentials_says_nothing_of_the_new_ones,
);

async fn an_account_is_connected_and_its_credentials_are_never_shown(database: &TestDatabase) {
    let app = App::start(database).await;
    let mut new = app.new_account().await;
    // Blanks and capitals of a copied form are taken away; what else is known is kept.
    let name = app.tenant().name.to_uppercase();
    new["context"]["tenant"] = format!(" {name} ").into();
    new["context"]["note"] = "kept".into();
    new["context"]["environment_variables"] = json!({"x": 1});
    new["region"] = "eu".into();
    let created = app.post("/integrated-account", &new).await;
    without_secrets(&app, &created.text);
    let made = created.ok();
    let expected = json!({
        "tenant_id": "acme",
        "environment_id": app.environment_id,
        "status": "active",
        "is_sandbox": false,
        "authentication_method": "api_key",
        "region": "eu",
        "object_store_context_fields": [],
        "last_error": null,
        "last_forbidden_error": null,
        "unified_model_override": {},
        "integration_override": {},
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(made[field], *value, "{field}");
    }
    assert_eq!(made["integration"]["name"], "commerce7");
    assert_eq!(made["environment_integration"]["id"], made["environment_integration_id"]);
    let context = made["context"].as_object().unwrap();
    assert_eq!(context["tenant"], app.tenant().name);
    assert_eq!(context["note"], "kept");
    // What post_install read of the winery.
    assert_eq!(context["currency"], "USD");
    assert!(context["time_zone"].is_string());
    for hidden in ["app_secret", "environment_variables"] {
        assert!(!context.contains_key(hidden), "{hidden}");
    }
    let id = made["id"].as_str().unwrap();
    works(&app, id).await;
    // What the platform answered while connecting is its customers' data, and is not kept.
    assert_eq!(made["last_action_result"], Value::Null);
    let listed = app.get("/integrated-account").await;
    without_secrets(&app, &listed.text);
    assert_eq!(listed.ok()["result"][0], account(&app, id).await);
    app.shutdown().await;
}

async fn credentials_that_the_platform_refuses_are_told_and_can_be_mended(database: &TestDatabase) {
    let app = App::start(database).await;
    let mut new = app.new_account().await;
    let secret = new["context"]["app_secret"].take();
    new["context"]["app_secret"] = "wrong-secret-1".into();
    let made = app.post("/integrated-account", &new).await.ok();
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["status"], "post_install_error");
    let error = &made["last_error"];
    assert_eq!((&error["status"], &error["action"]), (&json!(401), &json!("post_install")));
    assert_eq!(error["message"], "Unauthenticated User");
    assert_eq!(error["truto_is_remote_error"], true);
    let fields = ["Tenant", "App ID", "App secret key"];
    says(error["what_to_do"].as_str().unwrap(), &fields);
    says(error["what_to_do"].as_str().unwrap(), &["PATCH /integrated-account/{id}/credentials"]);
    assert!(!made.to_string().contains("wrong-secret-1"));

    let again = app.post("/integrated-account/run-post-install-actions", &json!({"id": id})).await.ok();
    assert_eq!(again["status"], "post_install_error");
    let refresh = app.post("/integrated-account/refresh-credentials", &json!({"id": id})).await;
    remote(&app, &refresh, 401);

    // Reconnecting keeps the id; what is left out stays.
    let credentials = format!("/integrated-account/{id}/credentials");
    let mended = app.patch(&credentials, &json!({"context": {"app_secret": secret}})).await.ok();
    assert_eq!((&mended["id"], &mended["status"]), (&json!(id), &json!("active")));
    assert_eq!(mended["last_error"], Value::Null);
    assert_eq!(mended["context"]["tenant"], app.tenant().name);
    works(&app, id).await;
    assert_eq!(
        app.post("/integrated-account/refresh-credentials", &json!({"id": id})).await.ok(),
        json!({"success": true})
    );
    let again = app.post("/integrated-account/run-post-install-actions", &json!({"id": id})).await.ok();
    assert_eq!(again["status"], "active");

    // A validation that fails has a status of its own.
    app.sandbox
        .faults()
        .add(FaultRule::new(Fault::Status { status: 500, headers: [].into() }).path("/v1/customer"));
    let failed = app.post("/integrated-account/run-post-install-actions", &json!({"id": id})).await.ok();
    assert_eq!(failed["status"], "validation_error");
    assert_eq!(failed["last_error"]["action"], "validation");
    app.sandbox.faults().clear();
    // Calls are still taken: the platform is the one to say.
    works(&app, id).await;
    app.shutdown().await;
}

#[tokio::test]
async fn a_form_that_is_not_filled_in_is_refused_field_by_field() {
    let app = App::sqlite().await;
    let good = app.new_account().await;
    app.sandbox.requests().clear();
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = good.clone();
        change(&mut body);
        body
    };
    for (body, words) in [
        (
            with(&|body| body["context"] = json!({})),
            &["Tenant is required", "App ID is required", "App secret key is required"][..],
        ),
        (with(&|body| body["context"]["app_secret"] = "two words".into()), &["App secret key", "blanks"]),
        (
            with(&|body| body["context"]["tenant"] = "a.b/../c".into()),
            &["Tenant", "letters, digits and hyphens"],
        ),
        (with(&|body| body["context"]["tenant"] = "a\r\nx: y".into()), &["Tenant"]),
        (with(&|body| body["context"]["app_id"] = 7.into()), &["App ID has to be text"]),
        (with(&|body| body["tenant_id"] = " ".into()), &["tenant_id"]),
        (with(&|body| body["authentication_method"] = "oauth2".into()), &["oauth2", "api_key"]),
        (
            with(&|body| body["environment_integration_id"] = Value::Null),
            &["environment_integration_id is missing"],
        ),
        (with(&|body| body["colour"] = "red".into()), &["colour", "tenant_id"]),
        (with(&|body| body["integration"] = "comerce7".into()), &["comerce7", "environment_integration_id"]),
        (with(&|body| body["context"] = "x".into()), &["does not fit"]),
        (with(&|body| body["integration_override"] = json!({"colour": 1})), &["colour"]),
        (
            with(&|body| body["unified_model_override"] = json!({"ecommerce": 1})),
            &["unified_model_override.ecommerce"],
        ),
    ] {
        let answer = app.post("/integrated-account", &body).await;
        says(&ours(&app, &answer, 400), words);
        assert!(!answer.text.contains("two words"));
    }
    let unfilled = app.post("/integrated-account", &with(&|body| body["context"] = json!({}))).await.json();
    let fields: Vec<&Value> =
        unfilled["details"]["failures"].as_array().unwrap().iter().map(|failure| &failure["field"]).collect();
    assert_eq!(fields, ["tenant", "app_id", "app_secret"]);
    for (body, status) in [
        (with(&|body| body["environment_id"] = "another".into()), 403),
        (with(&|body| body["environment_integration_id"] = "another".into()), 404),
    ] {
        ours(&app, &app.post("/integrated-account", &body).await, status);
    }
    assert_eq!(app.sandbox.requests().total(), 0);
    assert_eq!(app.get("/integrated-account").await.ok()["result"], json!([]), "nothing was kept");
    // By the integration's name instead of the installed one's id.
    let mut named = good.clone();
    named["environment_integration_id"] = Value::Null;
    named["integration"] = "commerce7".into();
    assert_eq!(app.post("/integrated-account", &named).await.ok()["status"], "active");
    named["integration"] = "comerce7".into();
    says(&ours(&app, &app.post("/integrated-account", &named).await, 404), &["did you mean \"commerce7\""]);
    app.shutdown().await;
}

#[tokio::test]
async fn refused_credentials_show_in_the_account_until_a_call_goes_through() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let faults = app.sandbox.faults();
    faults.add(FaultRule::new(Fault::Status { status: 401, headers: [].into() }));
    let refused = app.get(&unified("orders", &id)).await;
    assert_eq!(remote(&app, &refused, 401), "Unauthenticated User");
    assert_eq!(refused.header("www-authenticate"), None, "it is not the caller's token that is wrong");
    let now = account(&app, &id).await;
    assert_eq!(now["status"], "needs_reauth");
    let error = &now["last_error"];
    assert_eq!(error["message"], "Unauthenticated User");
    assert_eq!(
        (&error["status"], &error["resource"], &error["method"]),
        (&json!(401), &json!("ecommerce/orders"), &json!("list"))
    );
    says(error["what_to_do"].as_str().unwrap(), &["App secret key", "/credentials"]);
    let capabilities = app.get(&format!("/integrated-account/{id}/capabilities")).await.ok();
    assert_eq!(capabilities["account"]["status"], "needs_reauth");
    let row = crate::support::logged(&app, "integrated_account_needs_reauth=true", |_| true).await;
    assert_eq!((&row["integrated_account_id"], &row["http_status_code"]), (&json!(id), &json!(401)));
    let listed = app.get("/integrated-account?status=needs_reauth").await.ok();
    assert_eq!(listed["result"][0]["id"], id);
    // Still refused, still the same.
    remote(&app, &app.get(&proxy("order", &id)).await, 401);
    assert_eq!(account(&app, &id).await["last_error"]["resource"], "ecommerce/orders");

    faults.clear();
    app.get(&proxy("customer", &id)).await.ok();
    let now = account(&app, &id).await;
    assert_eq!((&now["status"], &now["last_error"]), (&json!("active"), &Value::Null));
    app.shutdown().await;
}

#[tokio::test]
async fn a_missing_permission_leaves_the_status_and_is_noted_until_it_is_there() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let faults = app.sandbox.faults();
    faults.add(FaultRule::new(Fault::Status { status: 403, headers: [].into() }).path("/v1/order"));
    let refused = app.get(&unified("orders", &id)).await;
    remote(&app, &refused, 403);
    let insight = &refused.json()["truto_error_insight"]["forbidden_error"];
    assert_eq!(insight["value"]["missing_scopes"], json!(["Order"]));
    let now = account(&app, &id).await;
    assert_eq!((&now["status"], &now["last_error"]), (&json!("active"), &Value::Null));
    let noted = &now["last_forbidden_error"];
    assert_eq!((&noted["resource"], &noted["method"]), (&json!("ecommerce/orders"), &json!("list")));
    assert_eq!(noted["missing_scopes"], json!(["Order"]));
    assert!(noted["occurred_at"].is_string());
    says(noted["what_to_do"].as_str().unwrap(), &["\"Order\""]);
    // Another call that goes through says nothing about this one.
    app.get(&unified("customers", &id)).await.ok();
    assert!(account(&app, &id).await["last_forbidden_error"].is_object());
    faults.clear();
    app.get(&unified("orders", &id)).await.ok();
    assert_eq!(account(&app, &id).await["last_forbidden_error"], Value::Null);

    // Commerce7's own way of saying it is a 401 with other words.
    let platform = Platform::listen().await;
    point_at(&app, &id, &platform.base_url()).await;
    let body =
        r#"{"statusCode":401,"type":"unauthorized","message":"Unauthorized user for route","errors":[]}"#;
    let _heads = platform.always(format!(
        "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ));
    let refused = app.get(&unified("products", &id)).await;
    assert!(refused.json()["truto_error_insight"]["forbidden_error"].is_object(), "{}", refused.text);
    let now = account(&app, &id).await;
    assert_eq!(now["status"], "active");
    assert_eq!(now["last_forbidden_error"]["resource"], "ecommerce/products");
    app.shutdown().await;
}

async fn a_connection_that_fails_tells_what_to_do_and_is_tried_again(database: &TestDatabase) {
    let upstream = upstream::Config {
        first_byte_timeout: Duration::from_millis(100),
        idle_timeout: Duration::from_millis(100),
        ..upstream::Config::default()
    };
    let app = App::start_with(database, Setup { upstream, is_limited: false, ..Setup::default() }).await;
    let new = app.new_account().await;
    let faults = app.sandbox.faults();
    let status = |status| Fault::Status { status, headers: [].into() };
    let again = "POST /integrated-account/run-post-install-actions";
    for (path, fault, expected, code, words) in [
        ("/v1/setting", status(500), "post_install_error", 500, &["fault of its own", again][..]),
        ("/v1/setting", status(403), "post_install_error", 403, &["permission \"Setting\"", again]),
        ("/v1/setting", status(429), "post_install_error", 429, &["rate limit", again]),
        ("/v1/setting", Fault::Reset, "post_install_error", 502, &["reachable", again]),
        ("/v1/setting", Fault::Html { status: 200 }, "post_install_error", 502, &["base_url", again]),
        (
            "/v1/setting",
            Fault::Latency { milliseconds: 60_000 },
            "post_install_error",
            504,
            &["reachable", again],
        ),
        ("/v1/customer", status(403), "validation_error", 403, &["permission \"Customer\"", again]),
    ] {
        faults.add(FaultRule::new(fault).path(path));
        let made = app.post("/integrated-account", &new).await;
        without_secrets(&app, &made.text);
        let made = made.ok();
        assert_eq!(made["status"], expected, "{made}");
        let error = &made["last_error"];
        assert_eq!(error["status"], code, "{error}");
        assert!(error["message"].is_string() && error["occurred_at"].is_string(), "{error}");
        says(error["what_to_do"].as_str().unwrap(), words);
        faults.clear();
        let again =
            app.post("/integrated-account/run-post-install-actions", &json!({"id": made["id"]})).await.ok();
        assert_eq!((&again["status"], &again["last_error"]), (&json!("active"), &Value::Null));
        assert_eq!(again["context"]["currency"], "USD");
    }
    // Another winery's name with good keys.
    let mut elsewhere = new.clone();
    elsewhere["context"]["tenant"] = "nobodys-winery".into();
    let made = app.post("/integrated-account", &elsewhere).await.ok();
    assert_eq!((&made["status"], &made["last_error"]["status"]), (&json!("post_install_error"), &json!(401)));
    says(made["last_error"]["what_to_do"].as_str().unwrap(), &["Tenant"]);
    let credentials = format!("/integrated-account/{}/credentials", made["id"].as_str().unwrap());
    let mended = app.patch(&credentials, &json!({"context": {"tenant": app.tenant().name}})).await.ok();
    assert_eq!((&mended["status"], &mended["id"]), (&json!("active"), &made["id"]));
    app.shutdown().await;
}

#[tokio::test]
async fn an_account_whose_definition_was_taken_away_says_so_and_is_not_left_connecting() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let installed = app.get("/environment-integration").await.ok()["result"][0].clone();
    let path = format!("/environment-integration/{}", installed["id"].as_str().unwrap());
    let wine = json!({"description": "Wines.", "methods": {
        "list": {"path": "/product", "description": "Lists.", "response_path": "products"},
    }});
    let mut with_wine = installed["override"].clone();
    with_wine["resources"] = json!({"wine": wine});
    app.patch(&path, &json!({"override": with_wine})).await.ok();
    let maps =
        json!({"ecommerce": {"orders": {"methods": {"list": {"resource": "wine", "method": "list"}}}}});
    let account_path = format!("/integrated-account/{id}");
    app.patch(&account_path, &json!({"unified_model_override": maps})).await.ok();
    let definition = json!({"resources": {"wine": {"methods": {"list": {"path": "/product/reds"}}}}});
    app.patch(&account_path, &json!({"integration_override": definition})).await.ok();
    app.patch(&path, &json!({"override": installed["override"]})).await.ok();

    let listed = app.get("/integrated-account").await.ok()["result"][0].clone();
    assert_eq!(listed["override_errors"][0]["field"], "integration_override");
    let failed = app.post("/integrated-account/run-post-install-actions", &json!({"id": id})).await.ok();
    assert_eq!(failed["status"], "post_install_error");
    says(failed["last_error"]["message"].as_str().unwrap(), &["wine"]);
    says(failed["last_error"]["what_to_do"].as_str().unwrap(), &["PATCH /integrated-account/{id}"]);
    // A map that does not fit any more hinders nothing but its own resource.
    let change = json!({"integration_override": {}, "unified_model_override": {}});
    app.patch(&account_path, &change).await.ok();
    app.patch(&path, &json!({"override": with_wine})).await.ok();
    app.patch(&account_path, &json!({"unified_model_override": maps})).await.ok();
    app.patch(&path, &json!({"override": installed["override"]})).await.ok();
    let again = app.post("/integrated-account/run-post-install-actions", &json!({"id": id})).await.ok();
    assert_eq!(again["status"], "active");
    let told = &again["override_errors"][0];
    says(told["field"].as_str().unwrap(), &["unified_model_override.ecommerce.orders"]);
    says(told["message"].as_str().unwrap(), &["wine"]);
    app.patch(&account_path, &json!({"unified_model_override": {}})).await.ok();
    works(&app, &id).await;
    app.shutdown().await;
}

#[tokio::test]
async fn new_credentials_are_checked_as_the_first_ones_were() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let before = account(&app, &id).await;
    let path = format!("/integrated-account/{id}");
    // By the way of a mere change of the context as well.
    for way in [format!("{path}/credentials"), path.clone()] {
        for (context, field, words) in [
            (json!({"app_secret": null}), "app_secret", "App secret key is required"),
            (json!({"app_secret": " "}), "app_secret", "App secret key is required"),
            (json!({"app_secret": "two words"}), "app_secret", "blanks"),
            (json!({"tenant": "a\r\nx: y"}), "tenant", "letters, digits and hyphens"),
            (json!({"app_id": 7}), "app_id", "has to be text"),
        ] {
            let answer = app.patch(&way, &json!({"context": context})).await;
            says(&ours(&app, &answer, 400), &[words]);
            assert_eq!(answer.json()["details"]["failures"][0]["field"], field);
            assert!(!answer.text.contains("two words"));
        }
        let name = format!(" {} ", app.tenant().name.to_uppercase());
        let changed = app.patch(&way, &json!({"context": {"tenant": name}})).await.ok();
        assert_eq!(changed["context"], before["context"]);
    }
    for (body, words) in [
        (json!({}), &["context"][..]),
        (json!({"context": {}, "tenant_id": "x"}), &["tenant_id", "authentication_method"]),
        (json!({"context": {}, "authentication_method": "oauth2"}), &["oauth2", "api_key"]),
    ] {
        says(&ours(&app, &app.patch(&format!("{path}/credentials"), &body).await, 400), words);
    }
    ours(&app, &app.patch("/integrated-account/nobody/credentials", &json!({"context": {}})).await, 404);
    for call in ["refresh-credentials", "run-post-install-actions"] {
        ours(&app, &app.post(&format!("/integrated-account/{call}"), &json!({"id": "nobody"})).await, 404);
    }
    works(&app, &id).await;
    app.shutdown().await;
}

async fn what_was_asked_with_former_credentials_says_nothing_of_the_new_ones(database: &TestDatabase) {
    let app = App::start(database).await;
    let id = app.connect().await;
    let platform = Platform::listen().await;
    point_at(&app, &id, &platform.base_url()).await;
    let answer = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let refusal = answer("401 Unauthorized", r#"{"message":"Unauthenticated User"}"#);
    let orders = unified("orders", &id);
    let again = json!({"id": id});
    for connecting in [false, true] {
        // A call and a connection that wait for their answer while the account gets new credentials.
        let old = async {
            if connecting {
                app.post("/integrated-account/run-post-install-actions", &again).await
            } else {
                app.get(&orders).await
            }
        };
        let new = async {
            let mut waiting = platform.asked().await;
            let field = if connecting { "tenant" } else { "app_secret" };
            let credentials = json!({"context": {field: "another-one"}});
            let path = format!("/integrated-account/{id}/credentials");
            let change = app.patch(&path, &credentials);
            let serve = async {
                platform.asked().await.say(answer("200 OK", r#"{"settings":[{"currency":"USD"}]}"#)).await;
                platform.asked().await.say(answer("200 OK", r#"{"customers":[],"total":0}"#)).await;
            };
            let (changed, ()) = tokio::join!(change, serve);
            assert_eq!(changed.ok()["status"], "active");
            waiting.say(&refusal).await;
        };
        let (old, ()) = tokio::join!(old, new);
        if connecting {
            assert_eq!(old.ok()["status"], "active");
        } else {
            remote(&app, &old, 401);
        }
        let now = account(&app, &id).await;
        assert_eq!((&now["status"], &now["last_error"]), (&json!("active"), &Value::Null));
    }
    app.shutdown().await;
}

#[tokio::test]
async fn an_account_whose_node_was_stopped_while_it_connected_it_says_so() {
    let database = TestDatabase::sqlite();
    // The gateway sweeps by its own clock: what is being connected must not be old for it yet.
    let now = jiff::Timestamp::now();
    let clock = std::sync::Arc::new(TestClock::at(&now.to_string()));
    let setup = Setup { database_clock: clock.clone(), ..Setup::default() };
    let app = App::start_with(&database, setup).await;
    let id = app.connect().await;
    clock.set(&(now - jiff::SignedDuration::from_hours(2)).to_string());
    let patch = AccountPatch { status: Some(AccountStatus::Connecting), ..AccountPatch::default() };
    let connecting =
        app.store.update_integrated_account(&app.environment_id, &id, None, patch, |_, _| Vec::new());
    connecting.await.unwrap();
    // Whichever node sweeps next.
    let node = app.another_node(&database).await;
    let told = eventually("it is given up", || async {
        let now = account(&app, &id).await;
        (now["status"] == "post_install_error").then_some(now)
    })
    .await;
    let error = &told["last_error"];
    says(error["message"].as_str().unwrap(), &["stopped"]);
    says(error["what_to_do"].as_str().unwrap(), &["POST /integrated-account/run-post-install-actions"]);
    let again = app.post("/integrated-account/run-post-install-actions", &json!({"id": id})).await.ok();
    assert_eq!(again["status"], "active");
    node.shutdown().await;
    app.shutdown().await;
}
