//! What the pages must not do: be framed by others, run what is not theirs, give away the token.

use serde_json::json;
use testkit::{Fault, FaultRule};

use super::connect::{begin, told};
use super::stage::play;

const SCRIPT: &str = "<img src=x onerror=window.broken=1>";

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn another_origin_can_not_show_the_page() {
    play(async |stage| {
        let token = stage.new_token().await;
        stage.allow(&["https://app.example"]).await;
        begin(stage, &token, json!({})).await;
        let refused = told(stage, "rejected").await;
        assert!(refused["message"].as_str().unwrap().contains(&stage.product.url), "{refused}");
        let complaints = stage.complaints().await.join("\n");
        assert!(complaints.contains("frame-ancestors"), "{complaints}");

        // In a popup nothing is told to it either.
        begin(stage, &token, json!({"iframe": false})).await;
        stage.enter_popup().await;
        stage.fill_in_winery().await;
        stage.submit().await;
        stage.leave_popup().await;
        assert_eq!(told(stage, "rejected").await, "closed");
        assert_eq!(stage.account().await["status"], "active");
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn names_and_the_platform_s_words_are_text() {
    play(async |stage| {
        stage.brand(&json!({"name": SCRIPT, "color": "#0b6e4f"}), &[&stage.product.url]).await;
        let token = stage.link_token(json!({"tenant_id": SCRIPT})).await;
        begin(stage, &token, json!({})).await;
        stage.enter_frame().await;
        stage.sandbox.faults().add(FaultRule::new(Fault::Html { status: 418 }));
        stage.fill_in_winery().await;
        stage.submit().await;
        stage.says("[role=alert]", "tell <img src=x").await;
        assert_eq!(
            stage.run("return [window.broken ?? null, document.querySelectorAll('img').length]").await,
            json!([null, 0])
        );
        stage.browser.enter_default_frame().await.unwrap();
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn the_token_stays_where_it_is() {
    play(async |stage| {
        let token = stage.new_token().await;
        stage.browser.goto(format!("{}/connect-account?link_token={token}", stage.program.url)).await.unwrap();
        stage.says("h1", "Connect Commerce7").await;
        assert_eq!(stage.run("return [location.href.includes('link_token'), document.cookie, document.documentElement.outerHTML.includes(arguments[0])]").await, json!([false, "", false]));
    })
    .await;
}
