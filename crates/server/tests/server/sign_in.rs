//! Connecting by a link token where the platform asks the person itself (OAuth 2 with a code).

use reqwest::Client;
use reqwest::redirect::Policy;
use serde_json::{Value, json};
use testkit::{Answer, App, AuthorizationServer};

use crate::oauth::{install, setup};

/// What a person brings back from the platform: the query of the address that they are sent to.
async fn agree(app: &App, url: &str) -> Value {
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let answer = client.get(url).send().await.unwrap();
    let back = answer.headers()["location"].to_str().unwrap().to_owned();
    let (address, query) = back.split_once('?').unwrap();
    assert_eq!(address, format!("{}/connect-account/callback", app.url));
    // The page is there and holds no more than was brought.
    let page = Answer::of(client.get(&back)).await;
    assert_eq!(page.status, 200);
    assert!(page.header("content-security-policy").unwrap().contains("frame-ancestors 'self'"));
    assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    Value::Object(pairs.map(|(name, value)| (name.to_owned(), value.into())).collect())
}

async fn link_token(app: &App, body: Value) -> String {
    app.post("/link-token", &body).await.ok()["link_token"].as_str().unwrap().to_owned()
}

/// The lines of a call of the connecting page.
async fn lines(app: &App, path: &str, body: &Value) -> Vec<Value> {
    let request = Client::new().post(format!("{}/connect-account{path}", app.url)).json(body);
    let answer = Answer::of(request).await;
    answer.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

async fn sent(app: &App, token: &str) -> String {
    let body = json!({
        "link_token": token, "integration": "orchard", "authentication_method": "oauth2", "values": {},
    });
    let told = lines(app, "/connect", &body).await;
    let [line] = told.as_slice() else { panic!("where to go, and nothing after: {told:?}") };
    assert_eq!(line["step"], "redirect", "{line}");
    line["url"].as_str().unwrap().to_owned()
}

async fn back(app: &App, token: &str, mut brought: Value) -> Vec<Value> {
    brought["link_token"] = token.into();
    lines(app, "/callback", &brought).await
}

async fn start() -> (App, AuthorizationServer) {
    let (app, server) = (App::sqlite_with(setup()).await, AuthorizationServer::listen().await);
    install(&app, &server).await;
    (app, server)
}

#[tokio::test]
async fn who_agrees_is_connected_and_connected_again() {
    let (app, server) = start().await;
    let token = link_token(&app, json!({"tenant_id": "acme"})).await;
    let url = sent(&app, &token).await;
    assert!(url.contains("scope=orders+customers") && url.contains("code_challenge_method=S256"), "{url}");
    let brought = agree(&app, &url).await;
    let told = back(&app, &token, brought.clone()).await;
    let steps: Vec<&Value> = told.iter().map(|line| &line["step"]).collect();
    assert_eq!(steps[..2], [&json!("created"), &json!("post_install")], "{told:?}");
    let last = told.last().unwrap();
    assert_eq!((&last["result"], &last["integration"]), (&json!("success"), &json!("orchard")), "{last}");
    let id = last["integrated_account_id"].as_str().unwrap().to_owned();
    let account = app.get(&format!("/integrated-account/{id}")).await.ok();
    assert_eq!((&account["status"], &account["tenant_id"]), (&json!("active"), &json!("acme")));
    assert_eq!(account["context"]["oauth"]["scope"], json!(["orders", "customers"]));
    assert_eq!(account["context"]["currency"], "USD");
    assert!(!account.to_string().contains("access-token"), "{account}");
    // Neither the token nor what was brought is good a second time.
    assert_eq!(back(&app, &token, brought).await[0]["error_type"], "invalid_token");

    server.forget_refresh_tokens();
    server.forget_access_tokens();
    let again = json!({"integrated_account_id": id, "scopes": ["orders"]});
    let token = link_token(&app, again).await;
    let url = sent(&app, &token).await;
    assert!(url.contains("scope=orders&"), "{url}");
    let told = back(&app, &token, agree(&app, &url).await).await;
    assert_eq!(told.last().unwrap()["integrated_account_id"], id.as_str(), "{told:?}");
    app.get(&format!("/proxy/me/me?integrated_account_id={id}")).await.ok();
}

#[tokio::test]
async fn what_is_brought_counts_with_the_token_that_it_began_with_and_once() {
    let (app, server) = start().await;
    let (own, other) = (json!({"tenant_id": "acme"}), json!({"tenant_id": "attacker"}));
    let (own, other) = (link_token(&app, own).await, link_token(&app, other).await);
    // Someone is made to open an address that another's page made: with their own page's token it connects nothing.
    let brought = agree(&app, &sent(&app, &other).await).await;
    let told = back(&app, &own, brought.clone()).await;
    assert_eq!((told.len(), &told[0]["error_type"]), (1, &json!("connection_error")), "{told:?}");
    // And then it is used up.
    assert_eq!(back(&app, &other, brought).await[0]["result"], "error");
    let mut wrong = agree(&app, &sent(&app, &own).await).await;
    wrong["code"] = "another".into();
    let told = back(&app, &own, wrong).await;
    assert!(told[0]["error"].as_str().unwrap().contains("invalid_grant"), "{told:?}");
    assert_eq!(app.get("/integrated-account").await.ok()["result"], json!([]));

    // The same page tries again, and this time it goes well.
    server.deny();
    let told = back(&app, &own, agree(&app, &sent(&app, &own).await).await).await;
    assert_eq!(told[0]["problem"], json!({"code": "access_denied"}), "{told:?}");
}
