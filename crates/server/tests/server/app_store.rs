//! The platform's app store: installing the app there connects an account, uninstalling retires it. The sandbox is the platform.

use reqwest::Method;
use serde_json::{Map, Value, json};
use testkit::{
    Answer, App, AppVersion, Called, Fault, FaultRule, Setup, TestDatabase, Winery, eventually,
    over_both_databases, small_winery,
};

use crate::support::{account, works};

over_both_databases!(installing_connects_and_uninstalling_retires_the_same_account);

/// The gateway and two wineries without the app, whose own credentials the environment has; what is entered in the developer center.
async fn start(database: Option<&TestDatabase>) -> (App, Value) {
    let winery =
        Winery { tenants: 2, uninstalled: 2, customers: 5, orders: 5, products: 5, ..small_winery() };
    let setup = Setup { winery, ..Setup::default() };
    let app = match database {
        Some(database) => App::start_with(database, setup).await,
        None => App::sqlite_with(setup).await,
    };
    let tenant = app.tenant();
    let overrides = json!({
        "base_url": app.sandbox.base_url(),
        "environment_variables": {"app_id": tenant.app_id},
        "secret_environment_variables": {"app_secret": tenant.app_secret},
    });
    let installed = json!({"integration_id": "commerce7", "override": overrides});
    let installed = app.post("/environment-integration", &installed).await.ok();
    let path = format!("/environment-integration/{}/install-credentials", installed["id"].as_str().unwrap());
    let entered = app.post(&path, &Value::Null).await.ok();
    enter(&app, &entered);
    (app, entered)
}

fn enter(app: &App, entered: &Value) {
    let text = |name: &str| entered[name].as_str().map(str::to_owned);
    let version = AppVersion {
        version: "1".into(),
        install_url: text("install_url"),
        uninstall_url: text("uninstall_url"),
        username: text("username"),
        password: text("password"),
        page_url: text("page_url"),
        ..AppVersion::default()
    };
    app.sandbox.apps().enter(&app.tenant().app_id, version).unwrap();
}

async fn install(app: &App, tenant: &str, settings: Value) -> Called {
    let settings: Map<String, Value> = settings.as_object().unwrap().clone();
    app.sandbox.apps().install(tenant, &app.tenant().app_id, settings).await.unwrap().unwrap()
}

fn ids(called: &Called) -> Vec<String> {
    assert_eq!(called.status, 200, "{}", called.body);
    let body: Value = serde_json::from_str(&called.body).unwrap();
    serde_json::from_value(body["integrated_account_ids"].clone()).unwrap()
}

/// Waits for an account to be active.
async fn active(app: &App, id: &str) -> Value {
    eventually("active", async || {
        Some(account(app, id).await).filter(|account| account["status"] == "active")
    })
    .await
}

async fn events(app: &App, id: &str) -> Vec<String> {
    let path = format!("/event?integrated_account_id={id}");
    let listed = app.get(&path).await.ok();
    let mut events: Vec<String> = listed["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["event"].as_str().unwrap().into())
        .collect();
    events.reverse();
    events
}

async fn installing_connects_and_uninstalling_retires_the_same_account(database: &TestDatabase) {
    let (app, _) = start(Some(database)).await;
    let [first, second] = app.sandbox.tenants() else { panic!("two wineries") };
    let made = ids(&install(&app, &first.name, json!({"channel": "web", "oauth": {"token": 1}})).await);
    let [id] = made.as_slice() else { panic!("one account: {made:?}") };
    let shown = active(&app, id).await;
    assert_eq!((&shown["tenant_id"], &shown["context"]["tenant"]), (&json!(first.name), &json!(first.name)));
    // What a customer fills in on installing is kept apart from what authenticates; who did it is not kept.
    assert_eq!(shown["context"]["client_settings"], json!({"channel": "web", "oauth": {"token": 1}}));
    assert_eq!(shown["context"].get("user"), None);
    assert_eq!(shown["context"]["currency"], "USD");
    works(&app, id).await;
    assert_eq!(events(&app, id).await, ["integrated_account:created", "integrated_account:active"]);

    // A newer version, or the same call once more: the same account, also when they come at once.
    let (one, other) = tokio::join!(
        install(&app, &first.name, json!({"channel": "pos"})),
        install(&app, &first.name, json!({"channel": "pos"}))
    );
    assert_eq!((ids(&one), ids(&other)), (made.clone(), made.clone()));
    let shown = active(&app, id).await;
    assert_eq!(shown["context"]["client_settings"], json!({"channel": "pos"}));
    let (one, other) =
        tokio::join!(install(&app, &second.name, json!({})), install(&app, &second.name, json!({})));
    assert_eq!(ids(&one), ids(&other), "a new one is made once");
    let listed = app.get("/integrated-account").await.ok();
    assert_eq!(listed["result"].as_array().unwrap().len(), 2);
    active(&app, &ids(&one)[0]).await;

    app.patch(&format!("/integrated-account/{id}"), &json!({"tenant_id": "customer-7"})).await.ok();
    let called = app.sandbox.apps().uninstall(&first.name, &first.app_id).await.unwrap().unwrap();
    assert_eq!(ids(&called), made);
    let shown = account(&app, id).await;
    assert_eq!(shown["status"], "needs_reauth");
    assert_eq!(shown["last_error"]["problem"], json!({"code": "app_not_installed"}));
    assert_eq!(events(&app, id).await.last().unwrap(), "integrated_account:authentication_error");
    let again = ids(&install(&app, &first.name, json!({})).await);
    assert_eq!(again, made, "it is the same one again");
    assert_eq!(active(&app, id).await["tenant_id"], "customer-7");
    works(&app, id).await;
}

#[tokio::test]
async fn only_who_knows_the_password_tells_of_installs() {
    let (app, entered) = start(None).await;
    let text = |name: &str| entered[name].as_str().unwrap().to_owned();
    let (username, password) = (text("username"), text("password"));
    let url = text("install_url");
    assert_eq!(url, format!("{}/integrations/commerce7/install", app.url));
    let client = reqwest::Client::new();
    let body = json!({"tenantId": app.tenant().name, "user": {"id": "x"}});
    let call = |url: &str| client.post(url).json(&body);
    let elsewhere = url.replace("commerce7", "another");
    for (what, request) in [
        ("without any", call(&url)),
        ("with a bearer token", call(&url).bearer_auth(&app.token)),
        ("another password", call(&url).basic_auth(&username, Some("another"))),
        ("another name", call(&url).basic_auth("another", Some(&password))),
        ("another integration", call(&elsewhere).basic_auth(&username, Some(&password))),
    ] {
        let answer = Answer::of(request).await;
        answer.refused(401);
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic"), "{what}");
    }
    assert_eq!(app.get("/integrated-account").await.ok()["result"], json!([]));

    let right = |body: Value| client.post(&url).basic_auth(&username, Some(&password)).json(&body);
    for (body, words) in [
        (json!({}), "tenantId"),
        (json!({"tenantId": ""}), "tenantId"),
        (json!({"tenantId": 7}), "tenantId"),
        (json!({"tenantId": "../../evil"}), "letters, digits and hyphens"),
    ] {
        let message = Answer::of(right(body.clone())).await.refused(400);
        assert!(message.contains(words), "{body}: {message}");
    }
    let gone = json!({"tenantId": "never-seen"});
    let uninstall = client.post(text("uninstall_url")).basic_auth(&username, Some(&password)).json(&gone);
    assert_eq!(Answer::of(uninstall).await.ok(), json!({"integrated_account_ids": []}));

    // New ones end those before.
    let path = format!("/environment-integration/{username}/install-credentials");
    app.post(&path, &Value::Null).await.ok();
    Answer::of(right(body.clone())).await.refused(401);
    let (_, foreign) = app.another_environment("another").await;
    let foreign = Answer::of(app.request_as(&foreign, Method::POST, &path)).await;
    foreign.refused(404);
}

#[tokio::test]
async fn without_the_environments_own_app_nobody_is_told_to_install() {
    let app = App::sqlite().await;
    let id = app.new_account().await["environment_integration_id"].as_str().unwrap().to_owned();
    let message = app.post(&format!("/environment-integration/{id}/install-credentials"), &Value::Null).await;
    let message = message.refused(409);
    assert!(message.contains("app_id, app_secret") && message.contains("environment_variables"), "{message}");
}

#[tokio::test]
async fn a_platform_that_lets_the_app_in_late_is_waited_for() {
    let (app, _) = start(None).await;
    let late = Fault::Status { status: 401, headers: [].into() };
    app.sandbox.faults().add(FaultRule::new(late).path("/v1/setting").times(1));
    let called = install(&app, &app.tenant().name.clone(), json!({})).await;
    let id = ids(&called).remove(0);
    active(&app, &id).await;
    let told = events(&app, &id).await;
    assert_eq!(
        told[..2],
        ["integrated_account:created", "integrated_account:post_install_error"],
        "{told:?}"
    );
    assert_eq!(told.last().unwrap(), "integrated_account:active");
}

/// Opens the app's page as the platform's admin does.
async fn page(entered: &Value, query: &str, language: &str) -> Answer {
    let url = format!("{}?{query}", entered["page_url"].as_str().unwrap());
    Answer::of(reqwest::Client::new().get(url).header("accept-language", language)).await
}

#[tokio::test]
async fn the_app_s_page_shows_the_platform_s_user_how_the_connection_stands() {
    let (app, entered) = start(None).await;
    let [first, second] = app.sandbox.tenants() else { panic!("two wineries") };
    let brand = json!({"link": {"brand": {"name": "Cellar <b>Books</b>"}}});
    app.patch(&format!("/environment/{}", app.environment_id), &brand).await.ok();
    let query = |tenant: &str, token: &str| format!("tenantId={tenant}&account={token}&adminUITheme=dark");
    let own = query(&first.name, &first.account_token);

    let shown = page(&entered, &own, "en").await;
    assert_eq!(shown.status, 200);
    assert!(
        shown.text.contains("is not connected to Cellar &#60;b&#62;Books&#60;/b&#62; yet"),
        "{}",
        shown.text
    );
    assert!(shown.text.contains("data-theme=\"dark\""), "{}", shown.text);
    let policy = shown.header("content-security-policy").unwrap();
    assert!(policy.ends_with("frame-ancestors https://*.admin.platform.commerce7.com"), "{policy}");
    assert!(
        policy.starts_with("default-src 'none'") && !policy.contains("script") && !policy.contains("unsafe")
    );
    assert_eq!(
        (shown.header("referrer-policy"), shown.header("cache-control")),
        (Some("no-referrer"), Some("no-store"))
    );
    assert!(!shown.text.contains(&first.account_token));

    let id = ids(&install(&app, &first.name, json!({})).await).remove(0);
    active(&app, &id).await;
    assert!(page(&entered, &own, "en").await.text.contains("Commerce7 is connected to"));
    assert!(page(&entered, &own, "fr-CA").await.text.contains("Commerce7 est connecté à"));
    app.sandbox.apps().uninstall(&first.name, &first.app_id).await.unwrap();
    let shown = page(&entered, &own, "en").await;
    assert!(
        shown.text.contains("needs attention") && shown.text.contains("install the app"),
        "{}",
        shown.text
    );

    // Nobody else is told: not who has no token, not a user of another winery.
    for (what, query) in [
        ("no token", format!("tenantId={}", first.name)),
        ("another winery's", query(&first.name, &second.account_token)),
        ("made up", query(&first.name, "a.b.c")),
        ("no header", query(&first.name, "a%0Ab")),
        ("no tenant", query("..%2F", &first.account_token)),
    ] {
        let shown = page(&entered, &query, "en").await;
        assert_eq!(shown.status, 200, "{what}");
        assert!(shown.text.contains("could not tell who you are"), "{what}: {}", shown.text);
    }
    let down = Fault::Status { status: 503, headers: [].into() };
    app.sandbox.faults().add(FaultRule::new(down).path("/v1/account/user").times(1));
    assert!(page(&entered, &own, "en").await.text.contains("does not answer"));
    for wrong in ["commerce7/page/nobody", "another/page/nobody"] {
        app.get(&format!("/integrations/{wrong}")).await.refused(404);
    }
    assert_eq!(account(&app, &id).await["status"], "needs_reauth", "looking changes nothing");
}
