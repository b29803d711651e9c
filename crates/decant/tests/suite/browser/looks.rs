//! How the pages look and whom they shut out: phone width, dark and light, the product's colours, and what axe-core finds.

use serde_json::{Value, json};

use super::product::npm;
use super::stage::{Screen, play};

/// Nothing serious may be found (axe-core's own words: `serious`, `critical`).
pub async fn accessible(screen: &Screen, view: &str) {
    let script = format!(
        "{}; const done = arguments[arguments.length - 1]; \
         axe.run(document, {{resultTypes: ['violations']}}).then(({{violations}}) => done(violations), error => done(String(error)));",
        npm("axe-core", "axe.min.js")
    );
    let found = screen.browser.execute_async(script, vec![]).await.unwrap().json().clone();
    let found = found.as_array().unwrap_or_else(|| panic!("{view}: {found}"));
    let serious: Vec<&Value> = found
        .iter()
        .filter(|one| ["serious", "critical"].contains(&one["impact"].as_str().unwrap_or_default()))
        .collect();
    assert!(serious.is_empty(), "{view}: {serious:#?}");
}

/// Shows the page as a device and its owner's taste have it.
async fn device(screen: &Screen, width: u32, scheme: &str) {
    let tools = screen.browser.cdp();
    let metrics = json!({"width": width, "height": 780, "deviceScaleFactor": 2, "mobile": width < 500});
    tools.send_raw("Emulation.setDeviceMetricsOverride", metrics).await.unwrap();
    let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
    tools.send_raw("Emulation.setEmulatedMedia", media).await.unwrap();
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn every_view_is_readable_by_all_at_every_width_dark_and_light() {
    play(async |stage| {
        let yellow = json!({"name": "Sunny Side", "color": "#ffd400"});
        let dark = json!({"name": "Cellar Pass", "color": "#1b1b3a"});
        for (width, scheme, brand) in [(760, "light", &yellow), (375, "dark", &dark), (320, "light", &dark)] {
            stage.brand(brand, &[&stage.product.url]).await;
            device(stage, width, scheme).await;
            let token = stage.new_token().await;
            stage
                .browser
                .goto(format!("{}/connect-account?link_token={token}", stage.program.url))
                .await
                .unwrap();
            stage.says("h1", "Connect Commerce7").await;
            let view = format!("{width}-{scheme}");
            accessible(stage, &format!("form {view}")).await;
            stage.picture(&format!("form-{view}")).await;
            let wide = stage.run("return document.documentElement.scrollWidth - innerWidth").await;
            assert!(wide.as_f64().unwrap() <= 0.0, "{view}: it has to be scrolled sideways");

            stage.fill_in_winery().await;
            stage.fill("app_secret", "wrong").await;
            stage.submit().await;
            stage.says("[role=alert]", "Commerce7").await;
            accessible(stage, &format!("failure {view}")).await;
            stage.picture(&format!("failure-{view}")).await;
        }
        stage.fill_in_winery().await;
        stage.submit().await;
        stage.says("h1", "Commerce7 is connected").await;
        accessible(stage, "success").await;
        stage.picture("success-320-light").await;
    })
    .await;
}
