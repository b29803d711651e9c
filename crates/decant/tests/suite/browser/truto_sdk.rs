//! npm's `@truto/truto-link-sdk`, as published, with `baseUrl` set to the gateway.

use serde_json::{Value, json};

use super::connect::told;
use super::stage::{Stage, play};

async fn begin(stage: &Stage, token: &str, options: Value) {
    let mut options = options;
    options["baseUrl"] = stage.program.url.clone().into();
    stage.browser.goto(stage.product.calling("truto", "default", token, &options)).await.unwrap();
    stage.find("body[data-ready]").await;
    stage.click("#go").await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn it_connects_in_a_popup_and_in_the_same_window() {
    play(async |stage| {
        let token = stage.new_token().await;
        begin(stage, &token, json!({"iframe": false})).await;
        stage.enter_popup().await;
        stage.says("h1", "Connect Commerce7").await;
        stage.close().await;
        stage.leave_popup().await;
        assert_eq!(told(stage, "rejected").await, "closed");

        begin(stage, &token, json!({"iframe": false})).await;
        stage.enter_popup().await;
        stage.fill_in_winery().await;
        stage.submit().await;
        stage.leave_popup().await;
        let result = told(stage, "fulfilled").await;
        let account = stage.account().await;
        assert_eq!((&result["result"], &result["integration"]), (&"success".into(), &"commerce7".into()));
        assert_eq!(result["integrated_account_id"], account["id"]);

        begin(stage, &token, json!({"iframe": false})).await;
        stage.leave_popup().await;
        assert_eq!(told(stage, "rejected").await["error_type"], "invalid_token");

        let back = stage
            .link_token(json!({"integrated_account_id": account["id"], "redirect_uri": stage.product.url}))
            .await;
        begin(stage, &back, json!({"sameWindow": true})).await;
        stage.fill_in_winery().await;
        stage.submit().await;
        let result = told(stage, "redirected").await;
        assert_eq!(result["integrated_account_id"], account["id"]);
    })
    .await;
}
