//! A platform that asks the person itself whether they agree (OAuth 2): from a frame in a window of its own, else in the same one.

use reqwest::Method;
use serde_json::json;
use testkit::{Answer, AuthorizationServer, CLIENT};

use super::connect::{begin, told};
use super::stage::{Second, Setting, Stage, play_in};

const SETTING: Setting = Setting { language: None, second: Some(Second::Orchard), has_form: false };

/// Installs the platform, with the product's own client.
async fn install(stage: &Stage, server: &AuthorizationServer) {
    let credentials =
        json!({"auth": {"tokenHost": server.url}, "client": {"id": CLIENT.0, "secret": CLIENT.1}});
    let install = json!({
        "integration_id": "orchard",
        "override": {"base_url": format!("{}/v1", server.url), "credentials": {"oauth2": credentials}},
    });
    let installed =
        stage.program.request(Method::POST, "/environment-integration", &stage.token).json(&install);
    Answer::of(installed).await.ok();
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn who_agrees_at_the_platform_is_connected() {
    play_in(SETTING, async |stage| {
        let server = AuthorizationServer::listen().await;
        install(stage, &server).await;
        let options = json!({"integration": "orchard", "authFormat": "oauth2"});
        begin(stage, &stage.new_token().await, options.clone()).await;
        stage.enter_frame().await;
        stage.says("button[type=submit]", "Continue to Orchard").await;
        stage.submit().await;
        stage.says("h1", "Sign in to Orchard").await;
        stage.picture("sign-in").await;
        stage.click(".primary").await;
        stage.browser.enter_default_frame().await.unwrap();
        let result = told(stage, "fulfilled").await;
        let account = stage.account().await;
        assert_eq!(result["integrated_account_id"], account["id"]);
        assert_eq!(account["status"], "active");

        let again = json!({"integrated_account_id": account["id"], "redirect_uri": stage.product.url});
        for (mode, kind) in [("iframe", "fulfilled"), ("sameWindow", "redirected")] {
            let mut options = options.clone();
            options[mode] = (mode == "sameWindow").into();
            begin(stage, &stage.link_token(again.clone()).await, options).await;
            if mode == "iframe" {
                stage.enter_popup().await;
            }
            stage.submit().await;
            if mode == "iframe" {
                stage.leave_popup().await;
            }
            assert_eq!(told(stage, kind).await["integrated_account_id"], account["id"], "{mode}");
        }
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn who_says_no_is_told_so_and_may_try_again() {
    play_in(SETTING, async |stage| {
        let server = AuthorizationServer::listen().await;
        install(stage, &server).await;
        server.deny();
        let options = json!({"integration": "orchard", "authFormat": "oauth2", "iframe": false});
        begin(stage, &stage.new_token().await, options).await;
        stage.enter_popup().await;
        stage.submit().await;
        stage.says("[role=alert]", "Access was not agreed to").await;
        stage.picture("access-denied").await;
        stage.says("button[type=submit]", "Try again").await;
        stage.close().await;
        stage.leave_popup().await;
        let refused = told(stage, "rejected").await;
        assert_eq!(refused["error_type"], "connection_error");
        assert_eq!(refused["problem"]["code"], "access_denied");
    })
    .await;
}
