//! Each failure of a real winery has its own plain words, and can be mended where it is told.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testkit::{Fault, FaultRule};

use super::connect::{begin, told};
use super::stage::{Stage, play};

/// Fills in the form with one thing wrong.
async fn fill_in(stage: &Stage, tenant: &str, secret: &str) {
    stage.fill_in_winery().await;
    stage.fill("tenant", tenant).await;
    stage.fill("app_secret", secret).await;
    stage.submit().await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn mistakes_are_told_and_mended_with_the_same_token() {
    play(async |stage| {
        let [winery, without_app] = stage.sandbox.tenants() else { panic!("two wineries") };
        begin(stage, &stage.new_token().await, json!({})).await;
        stage.enter_frame().await;

        stage.submit().await;
        stage.says("#field-tenant-error", "Please fill this in.").await;
        assert_eq!(stage.run("return document.activeElement.id").await, "field-tenant");
        stage.fill("tenant", "no such/name").await;
        stage.submit().await;
        stage.says("#field-tenant-error", "Only letters, digits and hyphens.").await;

        fill_in(stage, "silver-oak-hil", &winery.app_secret).await;
        stage.says("[role=alert]", "Commerce7 does not know “silver-oak-hil”").await;
        stage.says("#field-tenant-error", "Check the spelling").await;
        stage.picture("unknown-account").await;

        fill_in(stage, &winery.name, "wrong").await;
        stage.says("[role=alert]", "Commerce7 does not accept the key").await;
        assert_eq!(stage.run("return document.activeElement.className").await, "alert");
        stage.picture("credentials-refused").await;

        fill_in(stage, &winery.name, &winery.app_secret).await;
        stage.says_before_it_goes("h1", "Commerce7 is connected").await;
        stage.browser.enter_default_frame().await.unwrap();
        told(stage, "fulfilled").await;
        assert_eq!(stage.account().await["status"], "active", "all of it was one account");

        // The app's secret is known to be right by now: what another winery lacks is the app.
        begin(stage, &stage.new_token().await, json!({})).await;
        stage.enter_frame().await;
        fill_in(stage, &without_app.name, &without_app.app_secret).await;
        stage.says("[role=alert]", "The app is not installed yet").await;
        stage.picture("app-not-installed").await;
        let apps = stage.sandbox.apps();
        apps.install(&without_app.name, &without_app.app_id, Default::default()).await.unwrap();
        stage.submit().await;
        stage.says_before_it_goes("h1", "Commerce7 is connected").await;
        stage.browser.enter_default_frame().await.unwrap();
        told(stage, "fulfilled").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn what_the_platform_refuses_is_told_by_its_name() {
    play(async |stage| {
        begin(stage, &stage.new_token().await, json!({})).await;
        stage.enter_frame().await;
        narrow(stage, "none").await;
        stage.fill_in_winery().await;
        stage.submit().await;
        stage.says("[role=alert]", "A permission is missing").await;
        stage.says("[role=alert]", "Customer").await;
        stage.picture("missing-permission").await;
        narrow(stage, "full").await;

        for (status, says) in [(503, "Commerce7 does not answer"), (429, "Commerce7 asks for a pause")] {
            stage.sandbox.faults().clear();
            let fault = Fault::Status { status, headers: BTreeMap::new() };
            stage.sandbox.faults().add(FaultRule::new(fault));
            stage.submit().await;
            stage.says("[role=alert]", says).await;
            stage.picture(&format!("status-{status}")).await;
        }

        // Left now, the product is told of the last failure.
        stage.close().await;
        stage.browser.enter_default_frame().await.unwrap();
        let refused = told(stage, "rejected").await;
        assert_eq!(refused["error_type"], "post_install_error");
        assert_eq!(refused["problem"]["code"], "rate_limited");
        assert_eq!(refused["integrated_account_id"], stage.account().await["id"]);
    })
    .await;
}

/// What the winery's app may do with customers from now on.
async fn narrow(stage: &Stage, level: &str) {
    let tenant = stage.sandbox.tenants().first().unwrap();
    let base = stage.sandbox.base_url();
    let base = base.strip_suffix("/v1").unwrap();
    let client = reqwest::Client::new();
    let version = json!({"version": level, "permissions": {"Customer": level}});
    let put = client.put(format!("{base}/_sandbox/apps/{}", tenant.app_id)).json(&version);
    put.send().await.unwrap().error_for_status().unwrap();
    let install: Value = json!({"tenant": tenant.name});
    let post = client.post(format!("{base}/_sandbox/install")).json(&install);
    post.send().await.unwrap().error_for_status().unwrap();
}
