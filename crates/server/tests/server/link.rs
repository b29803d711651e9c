//! Connecting from a browser: link tokens, what is offered, and connecting step by step.

use reqwest::{Client, Method};
use serde_json::{Value, json};
use testkit::{Answer, App, Fault, FaultRule, Platform, TestDatabase, eventually, over_both_databases};

use crate::support::{account, ours, says, without_secrets, works};

over_both_databases!(
    an_account_is_connected_by_a_link_token_once,
    a_failed_try_is_mended_with_the_same_token,
    an_account_that_is_connected_again_keeps_its_id,
    of_two_tabs_one_connects,
);

/// A link token.
pub async fn link_token(app: &App, body: &Value) -> String {
    let made = app.post("/link-token", body).await.ok();
    assert!(made["expires_at"].is_string(), "{made}");
    made["link_token"].as_str().unwrap().to_owned()
}

/// As the page calls: without any token but the link token.
pub async fn page(app: &App, path: &str, body: &Value) -> Answer {
    Answer::of(Client::new().post(format!("{}/connect-account/{path}", app.url)).json(body)).await
}

/// What the first winery's manager fills in.
pub fn values(app: &App) -> Value {
    let tenant = app.tenant();
    json!({"tenant": tenant.name, "app_id": tenant.app_id, "app_secret": tenant.app_secret})
}

/// Connects; gives the lines of the answer.
pub async fn connect(app: &App, token: &str, values: &Value) -> Vec<Value> {
    let body = json!({
        "link_token": token, "integration": "commerce7", "authentication_method": "api_key", "values": values,
    });
    let answer = page(app, "connect", &body).await;
    assert_eq!(answer.header("content-type"), Some("application/x-ndjson"), "{}", answer.text);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    without_secrets(app, &answer.text);
    answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn steps(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["step"].as_str()).collect()
}

/// The names of an account's events, oldest first.
pub async fn events(app: &App, account: &str) -> Vec<String> {
    let told = app.get(&format!("/event?integrated_account_id={account}")).await.ok();
    let names = told["result"].as_array().unwrap().iter().rev();
    names
        .map(|event| event["event"].as_str().unwrap().trim_start_matches("integrated_account:").to_owned())
        .collect()
}

async fn an_account_is_connected_by_a_link_token_once(database: &TestDatabase) {
    let app = App::start(database).await;
    app.new_account().await;
    let token = link_token(
        &app,
        &json!({
            "tenant_id": "acme", "region": "eu", "is_sandbox": true,
            "context": {"note": "from the product", "tenant": app.tenant().name, "api_key": "k3y-of-the-product"},
        }),
    )
    .await;
    assert_eq!(token.len(), 36);

    let start = page(&app, "start", &json!({"link_token": token})).await;
    assert_eq!(start.header("cache-control"), Some("no-store"));
    assert!(!start.text.contains("k3y-of-the-product"));
    let start = start.ok();
    assert_eq!((&start["reconnect"], &start["has_form"]), (&json!(false), &json!({"commerce7": false})));
    assert_eq!(start.get("account"), None);
    let integration = &start["integrations"][0];
    assert_eq!((&integration["name"], &integration["label"]), (&json!("commerce7"), &json!("Commerce7")));
    let format = &integration["formats"][0];
    assert_eq!(format["name"], "api_key");
    says(format["permissions_text"].as_str().unwrap(), &["reads and writes"]);
    // What the product says itself is not asked for.
    let names: Vec<&Value> =
        format["fields"].as_array().unwrap().iter().map(|field| &field["name"]).collect();
    assert_eq!(names, ["app_id", "app_secret"]);
    assert_eq!(format["fields"][1]["type"], "password");

    let mut filled = values(&app);
    let strange = connect(&app, &token, &filled).await;
    assert_eq!(strange[0]["problem"]["code"], "invalid_fields");
    assert_eq!(strange[0]["problem"]["fields"][0]["field"], "tenant");
    filled.as_object_mut().unwrap().remove("tenant");
    let lines = connect(&app, &token, &filled).await;
    assert_eq!(steps(&lines), ["created", "post_install", "validation"]);
    let id = lines[0]["integrated_account_id"].as_str().unwrap();
    let result = lines.last().unwrap();
    for (field, value) in [("result", "success"), ("integration", "commerce7"), ("integrated_account_id", id)]
    {
        assert_eq!(result[field], value);
    }
    let made = account(&app, id).await;
    for (field, value) in [("tenant_id", json!("acme")), ("status", json!("active")), ("region", json!("eu"))]
    {
        assert_eq!(made[field], value, "{field}");
    }
    assert_eq!(made["is_sandbox"], true);
    assert_eq!(made["context"]["note"], "from the product");
    assert_eq!(made["context"]["currency"], "USD");
    assert!(!made.to_string().contains("k3y-of-the-product"));
    works(&app, id).await;
    assert_eq!(events(&app, id).await, ["created", "active"]);

    // Used up.
    let refused = page(&app, "start", &json!({"link_token": token})).await;
    says(&ours(&app, &refused, 401), &["used before"]);
    assert_eq!(refused.json()["error_type"], "invalid_token");
    let refused = connect(&app, &token, &filled).await;
    assert_eq!(
        (&refused[0]["result"], &refused[0]["error_type"]),
        (&json!("error"), &json!("invalid_token"))
    );
    app.shutdown().await;
}

async fn a_failed_try_is_mended_with_the_same_token(database: &TestDatabase) {
    let app = App::start(database).await;
    app.new_account().await;
    let token = link_token(&app, &json!({"tenant_id": "acme"})).await;
    let mut filled = values(&app);

    // Nothing is kept of what does not fit the form.
    filled["tenant"] = "https://www.example.com/".into();
    let lines = connect(&app, &token, &filled).await;
    assert_eq!(lines[0]["error_type"], "connection_error");
    assert_eq!(lines[0]["problem"]["fields"][0]["field"], "tenant");
    assert_eq!(app.get("/integrated-account").await.ok()["result"], json!([]));
    let told = app.get("/event?event=link_token:connection_error").await.ok();
    let payload = &told["result"][0]["payload"];
    assert_eq!((&payload["tenant_id"], &payload["problem"]), (&json!("acme"), &lines[0]["problem"]));

    // As pasted from the address bar.
    filled["tenant"] = format!("https://{}.admin.platform.commerce7.com/x", app.tenant().name).into();
    filled["app_secret"] = "wrong-secret-1".into();
    let lines = connect(&app, &token, &filled).await;
    assert_eq!(steps(&lines), ["created", "post_install"]);
    let failed = lines.last().unwrap();
    assert_eq!(failed["error_type"], "post_install_error");
    assert_eq!(failed["problem"], json!({"code": "credentials_refused"}));
    assert_eq!(failed["error"], "Unauthenticated User");
    let id = failed["integrated_account_id"].as_str().unwrap().to_owned();
    let start = page(&app, "start", &json!({"link_token": token})).await;
    assert!(!start.text.contains("wrong-secret-1"));
    let start = start.ok();
    assert_eq!(
        (&start["account"]["id"], &start["account"]["status"]),
        (&json!(id), &json!("post_install_error"))
    );
    let tried = json!({"tenant": app.tenant().name, "app_id": app.tenant().app_id});
    assert_eq!(start["account"]["context"], tried, "what was typed and is no secret");

    let faults = app.sandbox.faults();
    let status = |status| Fault::Status { status, headers: [].into() };
    filled["app_secret"] = app.tenant().app_secret.clone().into();
    for (fault, error_type, problem) in [
        (status(500), "validation_error", json!({"code": "platform_unavailable"})),
        (status(403), "validation_error", json!({"code": "missing_permission", "permission": "Customer"})),
        (Fault::Reset, "validation_error", json!({"code": "platform_unavailable"})),
        (Fault::Html { status: 200 }, "validation_error", json!({"code": "unexpected"})),
    ] {
        faults.clear();
        faults.add(FaultRule::new(fault).path("/v1/customer"));
        let lines = connect(&app, &token, &filled).await;
        let failed = lines.last().unwrap();
        assert_eq!((&failed["error_type"], &failed["problem"]), (&json!(error_type), &problem));
        assert_eq!(failed["integrated_account_id"], id);
        assert_eq!(account(&app, &id).await["last_error"]["problem"], problem);
    }
    faults.clear();
    let lines = connect(&app, &token, &filled).await;
    assert_eq!(lines.last().unwrap()["result"], "success");
    assert_eq!(lines.last().unwrap()["integrated_account_id"], id);
    works(&app, &id).await;
    let told = events(&app, &id).await;
    assert_eq!(told[..3], ["created", "post_install_error", "updated"]);
    assert_eq!(told[told.len() - 3..], ["validation_error", "updated", "active"]);
    assert_eq!(app.get("/integrated-account").await.ok()["result"].as_array().unwrap().len(), 1);
    app.shutdown().await;
}

async fn an_account_that_is_connected_again_keeps_its_id(database: &TestDatabase) {
    let app = App::start(database).await;
    let id = app.connect().await;
    let path = format!("/integrated-account/{id}");
    app.patch(&path, &json!({"context": {"note": "old", "password": "0ld-passw0rd"}})).await.ok();
    app.sandbox.faults().add(FaultRule::new(Fault::Status { status: 401, headers: [].into() }));
    app.get(&format!("/unified/ecommerce/orders?integrated_account_id={id}")).await.refused(401);
    app.sandbox.faults().clear();

    // Kept as the base; the secret may stay as it is; what the product says goes over it all.
    let token = link_token(
        &app,
        &json!({
            "integrated_account_id": id, "persist_previous_context": true, "context": {"seen_by": "product"},
        }),
    )
    .await;
    let start = page(&app, "start", &json!({"link_token": token})).await;
    assert!(!start.text.contains("0ld-passw0rd"));
    without_secrets(&app, &start.text);
    let start = start.ok();
    assert_eq!(start["reconnect"], true);
    let expected = json!({"tenant": app.tenant().name, "app_id": app.tenant().app_id});
    assert_eq!(
        start["account"],
        json!({
            "id": id, "status": "needs_reauth", "integration": "commerce7", "context": expected,
        })
    );
    let secret = &start["integrations"][0]["formats"][0]["fields"][2];
    assert_eq!((&secret["name"], &secret["required"]), (&json!("app_secret"), &json!(false)));
    let mut filled = values(&app);
    filled["app_secret"] = "".into();
    let lines = connect(&app, &token, &filled).await;
    assert_eq!(lines.last().unwrap()["result"], "success", "{lines:?}");
    let now = account(&app, &id).await;
    assert_eq!((&now["status"], &now["context"]["note"]), (&json!("active"), &json!("old")));
    assert_eq!(now["context"]["seen_by"], "product");
    works(&app, &id).await;
    assert_eq!(
        events(&app, &id).await,
        ["created", "active", "updated", "authentication_error", "updated", "active"]
    );

    // Without that, the former context is dropped, secrets included.
    let token = link_token(&app, &json!({"integrated_account_id": id})).await;
    let lines = connect(&app, &token, &filled).await;
    assert_eq!(lines[0]["problem"]["fields"][0]["field"], "app_secret");
    let lines = connect(&app, &token, &values(&app)).await;
    assert_eq!(lines.last().unwrap()["integrated_account_id"], id);
    let now = account(&app, &id).await;
    for gone in ["note", "seen_by"] {
        assert_eq!(now["context"].get(gone), None);
    }
    assert_eq!(now["context"]["currency"], "USD");
    let kept = app.store.get_integrated_account(&app.environment_id, &id).await.unwrap();
    let names: Vec<String> =
        app.store.open_account_secrets(&kept).await.unwrap().names().map(str::to_owned).collect();
    assert_eq!(names, ["app_secret"]);

    // A token of an account that is gone opens nothing.
    let token = link_token(&app, &json!({"integrated_account_id": id})).await;
    app.delete(&path).await.ok();
    page(&app, "start", &json!({"link_token": token})).await.refused(401);
    app.shutdown().await;
}

async fn of_two_tabs_one_connects(database: &TestDatabase) {
    let app = App::start(database).await;
    let platform = Platform::listen().await;
    let override_ = json!({"base_url": platform.base_url()});
    let install = json!({"integration_id": "commerce7", "override": override_});
    app.post("/environment-integration", &install).await.ok();
    let token = link_token(&app, &json!({"tenant_id": "acme"})).await;
    let answer = |body: &str| {
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let (first, second) = (values(&app), json!({"tenant": "second", "app_id": "a", "app_secret": "b"}));
    let one = connect(&app, &token, &first);
    let other = async {
        // While the first waits for the platform, another tab begins anew and gets its answers first.
        let mut waiting = platform.asked().await;
        let serve = async {
            platform.asked().await.say(answer(r#"{"settings":[{"currency":"EUR"}]}"#)).await;
            platform.asked().await.say(answer(r#"{"customers":[],"total":0}"#)).await;
        };
        let (lines, ()) = tokio::join!(connect(&app, &token, &second), serve);
        waiting.say(answer(r#"{"settings":[{"currency":"USD"}]}"#)).await;
        lines
    };
    let (one, other) = tokio::join!(one, other);
    assert_eq!(other.last().unwrap()["result"], "success", "{other:?}");
    assert_eq!(one.last().unwrap()["error_type"], "invalid_token", "{one:?}");
    let id = other.last().unwrap()["integrated_account_id"].as_str().unwrap();
    let now = account(&app, id).await;
    assert_eq!((&now["context"]["tenant"], &now["context"]["currency"]), (&json!("second"), &json!("EUR")));
    assert_eq!(app.get("/integrated-account").await.ok()["result"].as_array().unwrap().len(), 1);
    app.shutdown().await;
}

#[tokio::test]
async fn connecting_goes_on_when_the_browser_goes_away() {
    let app = App::sqlite().await;
    app.new_account().await;
    let token = link_token(&app, &json!({"tenant_id": "acme"})).await;
    app.sandbox.faults().add(FaultRule::new(Fault::Latency { milliseconds: 200 }).path("/v1/setting"));
    let body = json!({"link_token": token, "integration": "commerce7", "values": values(&app)});
    let request = Client::new().post(format!("{}/connect-account/connect", app.url)).json(&body);
    let mut answer = request.send().await.unwrap();
    // The first step is told before the last one is done.
    let first = answer.chunk().await.unwrap().unwrap();
    assert!(first.starts_with(b"{\"step\":\"created\""));
    drop(answer);
    eventually("the account is active", || async {
        let listed = app.get("/integrated-account").await.ok();
        (listed["result"][0]["status"] == "active").then_some(())
    })
    .await;
    app.shutdown().await;
}

#[tokio::test]
async fn a_link_token_is_made_for_one_thing_and_ends() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let none = "00000000-0000-0000-0000-000000000000";
    for (body, words) in [
        (json!({}), &["tenant_id is missing"][..]),
        (json!({"tenant_id": " "}), &["tenant_id is missing"]),
        (json!({"tenant_id": "a", "integrated_account_id": id}), &["give one of them"]),
        (json!({"tenant_id": "a", "persist_previous_context": true}), &["persist_previous_context"]),
        (json!({"integrated_account_id": id, "region": "eu"}), &["region", "when the account is made"]),
        (json!({"tenant_id": "a", "region": "mars"}), &["mars", "wnam"]),
        (json!({"tenant_id": "a", "colour": 1}), &["colour"]),
        (json!({"tenant_id": "a", "environment_unified_model_id": ["ecomerce"]}), &["ecommerce"]),
        (json!({"tenant_id": "a", "redirect_uri": "https://evil.example/"}), &["allowed_origins"]),
        (json!({"tenant_id": "a", "redirect_uri": "javascript:alert(1)"}), &["allowed_origins"]),
        (json!({"tenant_id": "a", "truto_static_gate_id": "x"}), &["UUID"]),
    ] {
        says(&ours(&app, &app.post("/link-token", &body).await, 400), words);
    }
    ours(&app, &app.post("/link-token", &json!({"integrated_account_id": none})).await, 404);
    let (_, other) = app.another_environment("other").await;
    let foreign =
        app.request_as(&other, Method::POST, "/link-token").json(&json!({"integrated_account_id": id}));
    ours(&app, &Answer::of(foreign).await, 404);

    for unknown in [none, "", "x", &"x".repeat(10_000)] {
        let refused = page(&app, "start", &json!({"link_token": unknown})).await;
        says(&ours(&app, &refused, 401), &["used before or has ended"]);
        assert_eq!(refused.header("www-authenticate"), None);
    }
    app.shutdown().await;
}

#[tokio::test]
async fn a_failed_try_that_was_mended_otherwise_is_left_alone() {
    let app = App::sqlite().await;
    app.new_account().await;
    let token = link_token(&app, &json!({"tenant_id": "acme"})).await;
    let mut filled = values(&app);
    filled["app_secret"] = "wrong-secret-1".into();
    let lines = connect(&app, &token, &filled).await;
    let id = lines[0]["integrated_account_id"].as_str().unwrap();
    let credentials = json!({"context": {"app_secret": app.tenant().app_secret}});
    app.patch(&format!("/integrated-account/{id}/credentials"), &credentials).await.ok();
    page(&app, "start", &json!({"link_token": token})).await.refused(401);
    let lines = connect(&app, &token, &filled).await;
    assert_eq!(lines[0]["error_type"], "invalid_token");
    works(&app, id).await;
    app.shutdown().await;
}

#[tokio::test]
async fn what_is_offered_is_what_the_environment_and_the_token_say() {
    let app = App::sqlite().await;
    let token =
        link_token(&app, &json!({"tenant_id": "acme", "environment_unified_model_id": ["ecommerce"]})).await;
    let start = |more: Value| {
        let mut body = json!({"link_token": token});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let app = &app;
        async move { page(app, "start", &body).await }
    };
    let refused = start(json!({})).await;
    assert_eq!(
        (refused.refused(400).as_str(), &refused.json()["error_type"]),
        ("there is nothing to connect here", &json!("invalid_integration"))
    );
    let installed = app.new_account().await["environment_integration_id"].clone();
    let path = format!("/environment-integration/{}", installed.as_str().unwrap());
    for (more, offered) in [
        (json!({}), true),
        (json!({"integration": "commerce7"}), true),
        (json!({"integration": "shopify"}), false),
        (json!({"integrations": ["shopify", "commerce7"]}), true),
        (json!({"integrations": ["shopify"]}), false),
        (json!({"auth_format": "api_key"}), true),
        // What no integration has is no reason to offer none.
        (json!({"auth_format": "oauth2"}), true),
    ] {
        let answer = start(more.clone()).await;
        assert_eq!(answer.status.is_success(), offered, "{more}: {}", answer.text);
    }
    for hidden in [json!({"show_in_catalog": false}), json!({"is_enabled": false, "show_in_catalog": true})] {
        app.patch(&path, &hidden).await.ok();
        start(json!({})).await.refused(400);
        let lines = connect(&app, &token, &values(&app)).await;
        assert_eq!(lines[0]["error_type"], "invalid_integration");
    }
    app.patch(&path, &json!({"is_enabled": true})).await.ok();

    // One app for all accounts: the person is asked for the tenant alone, and the app's secret is taken at each call.
    let tenant = app.tenant().clone();
    let with_app = |secret: &str| {
        json!({"override": {
            "base_url": app.sandbox.base_url(),
            "environment_variables": {"app_id": tenant.app_id},
            "secret_environment_variables": {"app_secret": secret},
        }})
    };
    app.patch(&path, &with_app(&tenant.app_secret)).await.ok();
    let answer = start(json!({})).await;
    without_secrets(&app, &answer.text);
    let fields = answer.ok()["integrations"][0]["formats"][0]["fields"].clone();
    assert_eq!(fields.as_array().unwrap().len(), 1);
    assert_eq!(fields[0]["name"], "tenant");
    let strange = connect(&app, &token, &values(&app)).await;
    assert_eq!(strange[0]["problem"]["fields"][0]["field"], "app_id", "of another app");
    let lines = connect(&app, &token, &json!({"tenant": tenant.name})).await;
    let id = lines.last().unwrap()["integrated_account_id"].as_str().unwrap();
    works(&app, id).await;
    assert_eq!(account(&app, id).await["context"].get("app_id"), None);
    app.patch(&path, &with_app("rotated")).await.ok();
    app.get(&format!("/unified/ecommerce/orders?integrated_account_id={id}")).await.refused(401);
    app.patch(&path, &with_app(&tenant.app_secret)).await.ok();
    works(&app, id).await;
    assert_eq!(events(&app, id).await, ["created", "active", "authentication_error", "reactivated"]);
    app.shutdown().await;
}

#[tokio::test]
async fn an_environment_says_where_its_accounts_are_connected() {
    let app = App::sqlite().await;
    app.new_account().await;
    let path = format!("/environment/{}", app.environment_id);
    assert_eq!(app.get(&path).await.ok()["link"], json!({"allowed_origins": [], "brand": {}}));
    for (link, words) in [
        (json!({"allowed_origins": ["https://app.example.com/path"]}), "without a path"),
        (json!({"allowed_origins": ["http://app.example.com"]}), "https://app.example.com"),
        (json!({"allowed_origins": ["*"]}), "no origin"),
        (json!({"brand": {"color": "red"}}), "#7b1e3a"),
        (json!({"brand": {"color": "#7b1e3a;x"}}), "#7b1e3a"),
        (json!({"brand": {"logo_url": "http://example.com/logo.svg"}}), "https://"),
        (json!({"brand": {"logo_url": "javascript:alert(1)"}}), "https://"),
        (json!({"brand": {"name": "x".repeat(101)}}), "100 characters"),
        (json!({"default_language": "klingon"}), "two letters"),
        (json!({"colour": 1}), "colour"),
    ] {
        says(&ours(&app, &app.patch(&path, &json!({"link": link})).await, 400), &[words]);
    }
    let link = json!({
        "allowed_origins": ["https://APP.example.com/", "http://localhost:5173"],
        "brand": {"name": "Cellar", "color": "#7b1e3a", "logo_url": "https://app.example.com/logo.svg"},
        "default_language": "fr",
    });
    let mut kept = link.clone();
    kept["allowed_origins"][0] = "https://app.example.com".into();
    assert_eq!(app.patch(&path, &json!({"link": link})).await.ok()["link"], kept);
    assert_eq!(app.get("/environment").await.ok()["result"][0]["link"], kept);
    let back = "https://app.example.com/connected?x=1";
    let token = link_token(&app, &json!({"tenant_id": "acme", "redirect_uri": back})).await;
    let start = page(&app, "start", &json!({"link_token": token})).await.ok();
    assert_eq!((&start["environment"], &start["redirect_uri"]), (&kept, &json!(back)));
    // What is not allowed any more is not gone to any more.
    app.patch(&path, &json!({"link": {"allowed_origins": []}})).await.ok();
    let start = page(&app, "start", &json!({"link_token": token})).await.ok();
    assert_eq!(start.get("redirect_uri"), None);
    let (other, _) = app.another_environment("other").await;
    ours(&app, &app.patch(&format!("/environment/{other}"), &json!({"link": {}})).await, 404);
    app.shutdown().await;
}

#[tokio::test]
async fn another_site_can_not_call_and_who_guesses_waits() {
    let app = App::sqlite().await;
    app.new_account().await;
    let token = link_token(&app, &json!({"tenant_id": "acme"})).await;
    let start = |token: &str, site: &str| {
        let request = Client::new().post(format!("{}/connect-account/start", app.url));
        Answer::of(request.header("sec-fetch-site", site).json(&json!({"link_token": token})))
    };
    for site in ["cross-site", "same-site"] {
        says(&start(&token, site).await.refused(403), &["own pages"]);
    }
    start(&token, "same-origin").await.ok();
    for _ in 0..30 {
        assert_eq!(start("guess", "same-origin").await.status, 401);
    }
    let slowed = start("guess", "same-origin").await;
    slowed.refused(429);
    assert!(
        slowed
            .header("retry-after")
            .is_some_and(|seconds| seconds.parse::<u8>().is_ok_and(|wait| wait <= 61))
    );
    // Behind a proxy of one's own, others are not held up.
    let request = Client::new().post(format!("{}/connect-account/start", app.url));
    Answer::of(request.header("x-forwarded-for", "203.0.113.7").json(&json!({"link_token": token})))
        .await
        .ok();
    app.shutdown().await;
}
