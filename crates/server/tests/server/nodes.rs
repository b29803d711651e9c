//! Several gateways over one database.

use reqwest::{Client, Method};
use serde_json::json;
use testkit::{Answer, App, Node, TestDatabase, eventually, over_both_databases};

use crate::support::unified;

over_both_databases!(what_one_node_changes_the_others_learn);

async fn read(node: &Node, token: &str, path: &str) -> Answer {
    Answer::of(Client::new().request(Method::GET, format!("{}{path}", node.url)).bearer_auth(token)).await
}

async fn what_one_node_changes_the_others_learn(database: &TestDatabase) {
    let app = App::start(database).await;
    let node = app.another_node(database).await;
    let account = app.connect().await;
    let orders = format!("{}&limit=1", unified("orders", &account));
    let doomed = app.another_token(&app.environment_id, None).await;
    // At hand on both.
    app.get_as(&doomed, &orders).await.ok();
    read(&node, &doomed, &orders).await.ok();
    let installed =
        app.get("/environment-integration").await.ok()["result"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/environment-integration/{installed}");

    app.patch(&path, &json!({"is_enabled": false})).await.ok();
    eventually("switched off", || async {
        (read(&node, &app.token, &orders).await.status == 403).then_some(())
    })
    .await;
    app.patch(&path, &json!({"is_enabled": true})).await.ok();
    eventually("switched on", || async {
        (read(&node, &app.token, &orders).await.status == 200).then_some(())
    })
    .await;

    let renamed =
        json!({"unified_model_override": {"ecommerce": {"orders": {"fields": {"order_number": "channel"}}}}});
    app.patch(&format!("/integrated-account/{account}"), &renamed).await.ok();
    eventually("mapped anew", || async {
        let page = read(&node, &app.token, &orders).await.ok();
        let order = &page["result"][0];
        (order["channel_raw"].is_string() && order["order_number"] == order["channel_raw"]).then_some(())
    })
    .await;

    // The same for all accounts of the environment.
    let route = "/environment-unified-model-resource-method";
    let config = json!({"unified_model": "ecommerce", "resource_name": "orders", "integration_name": "commerce7",
        "config": {"fields": {"sold_by": "channel"}}});
    let made = app.post(route, &config).await.ok();
    let sold_by =
        || async { read(&node, &app.token, &orders).await.ok()["result"][0].get("sold_by").cloned() };
    eventually("overridden", sold_by).await;
    app.delete(&format!("{route}/{}", made["id"].as_str().unwrap())).await.ok();
    eventually("as before", || async { sold_by().await.is_none().then_some(()) }).await;

    let token = app.get("/api-token?name=another").await.ok()["result"][0]["id"].as_str().unwrap().to_owned();
    app.delete(&format!("/api-token/{token}")).await.ok();
    eventually("refused", || async { (read(&node, &doomed, &orders).await.status == 401).then_some(()) })
        .await;
    app.delete(&format!("/integrated-account/{account}")).await.ok();
    eventually("gone", || async { (read(&node, &app.token, &orders).await.status == 404).then_some(()) })
        .await;

    // What is uninstalled is gone with its accounts, and what is installed anew is not taken for it.
    let account = app.connect().await;
    let orders = format!("{}&limit=1", unified("orders", &account));
    read(&node, &app.token, &orders).await.ok();
    app.delete(&path).await.ok();
    eventually("uninstalled", || async {
        (read(&node, &app.token, &orders).await.status == 404).then_some(())
    })
    .await;
    let account = app.connect().await;
    read(&node, &app.token, &format!("{}&limit=1", unified("orders", &account))).await.ok();
    // A credential that one node was given is what the other sends.
    let credentials = format!("/integrated-account/{account}/credentials");
    let wrong = app.patch(&credentials, &json!({"context": {"app_secret": "wrong-secret"}})).await.ok();
    assert_eq!(wrong["status"], "post_install_error");
    let orders = format!("{}&limit=1", unified("orders", &account));
    eventually("refused by the platform", || async {
        (read(&node, &app.token, &orders).await.status == 401).then_some(())
    })
    .await;
    node.shutdown().await;
    app.shutdown().await;
}
