//! OAuth 2: tokens that are brought along, got by a client's own right, renewed ahead of their end and when they are refused.

use std::path::Path;

use serde_json::{Value, json};
use testkit::{App, AuthorizationServer, CLIENT, Setup, TestDatabase, eventually, over_both_databases};

over_both_databases!(a_token_is_renewed_once_whoever_needs_it, a_token_that_ages_is_renewed_beside_calls);

/// The gateway with the definitions of `definitions/`.
pub fn setup() -> Setup {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server/definitions");
    Setup {
        integrations: Some(folder),
        winery: testkit::Winery { customers: 0, orders: 0, products: 0, ..testkit::small_winery() },
        ..Setup::default()
    }
}

/// Installs the test's platform, with the client of the environment's own.
pub async fn install(app: &App, server: &AuthorizationServer) -> Value {
    let auth = json!({"tokenHost": server.url});
    let overrides = json!({
        "base_url": format!("{}/v1", server.url),
        "credentials": {
            "oauth2": {"auth": auth, "client": {"id": CLIENT.0, "secret": CLIENT.1}},
            "oauth2_client_credentials": {"auth": auth},
        },
    });
    app.post("/environment-integration", &json!({"integration_id": "orchard", "override": overrides}))
        .await
        .ok()
}

async fn connect(app: &App, context: Value, method: &str) -> Value {
    let account = json!({
        "tenant_id": "acme", "integration": "orchard", "authentication_method": method, "context": context,
    });
    app.post("/integrated-account", &account).await.ok()
}

/// Connects with a token that the server gave before, which says how long it is good for.
async fn import(app: &App, server: &AuthorizationServer, expires_in: Option<i64>) -> String {
    let given = server.give();
    let token = json!({
        "access_token": given.access_token, "refresh_token": given.refresh_token, "expires_in": expires_in,
    });
    let account = connect(app, json!({"oauth": {"token": token}}), "oauth2").await;
    assert_eq!(account["status"], "active", "{account}");
    account["id"].as_str().unwrap().to_owned()
}

fn me(account: &str) -> String {
    format!("/proxy/me/me?integrated_account_id={account}")
}

async fn account(app: &App, id: &str) -> Value {
    app.get(&format!("/integrated-account/{id}")).await.ok()
}

/// Moves the end of an account's token, so many seconds from now.
async fn ends_in(app: &App, id: &str, seconds: i64) {
    let ends = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    let context = json!({"oauth": {"token": {"expires_at": format!("{ends:.3}")}}});
    app.patch(&format!("/integrated-account/{id}"), &json!({ "context": context })).await.ok();
}

async fn a_token_is_renewed_once_whoever_needs_it(database: &TestDatabase) {
    let (app, server) = (App::start_with(database, setup()).await, AuthorizationServer::listen().await);
    install(&app, &server).await;
    let id = import(&app, &server, Some(3600)).await;
    let node = app.another_node(database).await;
    assert_eq!(app.get(&me(&id)).await.ok()["currency"], "USD");
    assert!(server.asked().is_empty(), "a good token is not renewed");

    // Ended: everyone needs the new one, and it is asked for once over all nodes.
    ends_in(&app, &id, -1).await;
    server.hold(true);
    let path = me(&id);
    let call = |url: &str| {
        let request = reqwest::Client::new().get(format!("{url}{path}")).bearer_auth(&app.token);
        tokio::spawn(async move { request.send().await.unwrap().status().as_u16() })
    };
    let calls: Vec<_> =
        (0..8).map(|number| call(if number % 2 == 0 { &app.url } else { &node.url })).collect();
    eventually("asked for a token", async || server.asked().pop()).await;
    server.hold(false);
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(server.asked(), ["refresh_token"]);

    // Refused: the same, by the token that was refused.
    server.forget_access_tokens();
    let calls: Vec<_> =
        (0..8).map(|number| call(if number % 2 == 0 { &app.url } else { &node.url })).collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), 200);
    }
    assert_eq!(server.asked(), ["refresh_token", "refresh_token"]);
    let shown = account(&app, &id).await;
    assert_eq!(shown["status"], "active");
    assert!(
        !shown.to_string().contains("access-token") && !shown.to_string().contains("refresh-token"),
        "{shown}"
    );
    node.shutdown().await;
}

async fn a_token_that_ages_is_renewed_beside_calls(database: &TestDatabase) {
    let (app, server) = (App::start_with(database, setup()).await, AuthorizationServer::listen().await);
    install(&app, &server).await;
    let id = import(&app, &server, Some(3600)).await;
    ends_in(&app, &id, 60).await;
    server.hold(true);
    let request = app.request(reqwest::Method::GET, &me(&id));
    let renewing = tokio::spawn(async move { request.send().await.unwrap().status().as_u16() });
    eventually("asked for a token", async || server.asked().pop()).await;
    // The token there is still good: nobody else waits.
    app.get(&me(&id)).await.ok();
    app.get(&me(&id)).await.ok();
    server.hold(false);
    assert_eq!(renewing.await.unwrap(), 200);
    assert_eq!(server.asked(), ["refresh_token"]);

    // One that can't be renewed now and is good still does no harm.
    ends_in(&app, &id, 60).await;
    server.fail(Some((503, json!({"error": "temporarily_unavailable"}))));
    app.get(&me(&id)).await.ok();
    // One that has ended does.
    ends_in(&app, &id, -1).await;
    let message = app.get(&me(&id)).await.refused(502);
    assert!(message.contains("temporarily_unavailable"), "{message}");
    assert_eq!(account(&app, &id).await["status"], "active", "it may pass");
    server.fail(None);
    app.get(&me(&id)).await.ok();
}

#[tokio::test]
async fn an_account_whose_access_was_taken_back_needs_to_be_connected_again() {
    let (app, server) = (App::sqlite_with(setup()).await, AuthorizationServer::listen().await);
    install(&app, &server).await;
    let id = import(&app, &server, Some(3600)).await;
    server.forget_access_tokens();
    server.forget_refresh_tokens();
    let path = me(&id);
    let (one, other, third) = tokio::join!(app.get(&path), app.get(&path), app.get(&path));
    for answer in [one, other, third] {
        answer.refused(401);
    }
    let shown = account(&app, &id).await;
    assert_eq!(shown["status"], "needs_reauth");
    assert_eq!(shown["last_error"]["method"], "refresh_token", "{shown}");
    assert!(shown["last_error"]["what_to_do"].as_str().unwrap().contains("/link-token"), "{shown}");
    // The authorization server is not asked again and again for what it does not give.
    app.get(&me(&id)).await.refused(401);
    app.get(&me(&id)).await.refused(401);
    assert_eq!(server.asked().len(), 1);
    app.post("/integrated-account/refresh-credentials", &json!({ "id": id })).await.refused(401);
    assert_eq!(server.asked().len(), 2, "by hand it is");

    let given = server.give();
    let token = json!({"access_token": given.access_token, "refresh_token": given.refresh_token});
    let path = format!("/integrated-account/{id}/credentials");
    app.patch(&path, &json!({"context": {"oauth": {"token": token}}})).await.ok();
    assert_eq!(account(&app, &id).await["status"], "active");
    app.get(&me(&id)).await.ok();
}

#[tokio::test]
async fn a_token_is_renewed_by_hand_and_its_refresh_token_is_used_once() {
    let (app, server) = (App::sqlite_with(setup()).await, AuthorizationServer::listen().await);
    install(&app, &server).await;
    let id = import(&app, &server, None).await;
    for renewals in 1..=3 {
        app.post("/integrated-account/refresh-credentials", &json!({ "id": id })).await.ok();
        assert_eq!(server.asked().len(), renewals);
    }
    app.get(&me(&id)).await.ok();
    // A write whose token is refused was not done, so it is sent once more with another.
    server.forget_access_tokens();
    let touched = app.post(&format!("/proxy/me/touch?integrated_account_id={id}"), &json!({"a": 1})).await;
    assert_eq!(touched.ok()["currency"], "USD");
    assert_eq!(server.asked().len(), 4);
}

#[tokio::test]
async fn a_client_of_its_own_gets_tokens_by_its_own_right() {
    let (app, server) = (App::sqlite_with(setup()).await, AuthorizationServer::listen().await);
    install(&app, &server).await;
    let method = "oauth2_client_credentials";
    let wrong = connect(&app, json!({"client_id": CLIENT.0, "client_secret": "wrong-secret"}), method).await;
    assert_eq!(wrong["status"], "post_install_error", "{wrong}");
    assert_eq!(wrong["last_error"]["status"], 401, "{wrong}");

    let right = connect(&app, json!({"client_id": CLIENT.0, "client_secret": CLIENT.1}), method).await;
    assert_eq!(
        (&right["status"], &right["context"]["currency"]),
        (&json!("active"), &json!("USD")),
        "{right}"
    );
    let id = right["id"].as_str().unwrap();
    assert_eq!(server.asked(), ["client_credentials"; 2]);
    ends_in(&app, id, -1).await;
    app.get(&me(id)).await.ok();
    server.forget_access_tokens();
    app.get(&me(id)).await.ok();
    assert_eq!(server.asked(), ["client_credentials"; 4]);
    assert!(!account(&app, id).await.to_string().contains(CLIENT.1));
}

#[tokio::test]
async fn a_clients_secret_is_never_shown() {
    let (app, server) = (App::sqlite_with(setup()).await, AuthorizationServer::listen().await);
    let installed = install(&app, &server).await;
    let id = installed["id"].as_str().unwrap();
    for path in [format!("/environment-integration/{id}"), "/integration/orchard".to_owned()] {
        let shown = app.get(&path).await.ok();
        assert!(!shown.to_string().contains(CLIENT.1), "{shown}");
    }
    assert_eq!(installed["override"]["credentials"]["oauth2"]["client"], json!({"id": CLIENT.0}));
    let without = json!({"tenant_id": "acme", "integration": "orchard", "authentication_method": "oauth2", "context": {}});
    let message = app.post("/integrated-account", &without).await.refused(400);
    assert!(message.contains("access_token") && message.contains("/link-token"), "{message}");
}
