//! The app's page within the platform's own admin, which the sandbox plays.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, AppVersion, eventually};

use super::looks::accessible;
use super::stage::{Stage, play};

/// Gives the environment the app's credentials, and the platform what it calls and shows.
async fn enter(stage: &Stage, admin: &str) {
    let tenant = stage.sandbox.tenants().first().unwrap();
    let installed = stage.program.get("/environment-integration", &stage.token).await.ok();
    let path = format!("/environment-integration/{}", installed["result"][0]["id"].as_str().unwrap());
    let change = json!({"override": {
        "base_url": stage.sandbox.base_url(),
        "environment_variables": {"app_id": tenant.app_id},
        "secret_environment_variables": {"app_secret": tenant.app_secret},
        "install": {"page": {"frame_ancestors": [admin]}},
    }});
    Answer::of(stage.program.request(Method::PATCH, &path, &stage.token).json(&change)).await.ok();
    let path = format!("{path}/install-credentials");
    let given = stage.program.request(Method::POST, &path, &stage.token).json(&Value::Null);
    let given = Answer::of(given).await.ok();
    let text = |name: &str| given[name].as_str().map(str::to_owned);
    let version = AppVersion {
        version: "2".into(),
        install_url: text("install_url"),
        uninstall_url: text("uninstall_url"),
        username: text("username"),
        password: text("password"),
        page_url: text("page_url"),
        ..AppVersion::default()
    };
    stage.sandbox.apps().enter(&tenant.app_id, version).unwrap();
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn who_installs_the_app_sees_in_their_admin_that_it_is_connected() {
    play(async |stage| {
        let admin = format!("http://{}", stage.sandbox.addr());
        enter(stage, &admin).await;
        let winery = stage.sandbox.tenants().last().unwrap();
        let shown = async || {
            stage.find("#app").await.enter_frame().await.unwrap();
            let heading = stage.find("h1").await.text().await.unwrap();
            stage.browser.enter_default_frame().await.unwrap();
            heading
        };
        stage
            .browser
            .goto(format!("{admin}/_sandbox/admin?tenant={}&theme=dark", winery.name))
            .await
            .unwrap();
        assert_eq!(shown().await, "Commerce7 is not connected to Cellar Pass yet");

        stage.click("#install").await;
        stage.find("#uninstall").await;
        eventually("connected", async || {
            stage.browser.refresh().await.unwrap();
            (shown().await == "Commerce7 is connected to Cellar Pass").then_some(())
        })
        .await;
        stage.picture("app-page").await;
        stage.find("#app").await.enter_frame().await.unwrap();
        accessible(stage, "the app's page").await;
        assert_eq!(stage.account().await["context"]["tenant"], winery.name);
    })
    .await;
}
