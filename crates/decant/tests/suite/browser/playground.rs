//! The demo's playground.

use serde_json::{Value, json};

use super::looks::accessible;
use super::stage::{Screen, look};
use crate::demo::Demo;

/// What came of it, once it says so.
async fn outcome(screen: &Screen) -> Value {
    screen.says("#outcome", "{").await;
    serde_json::from_str(&screen.find("#outcome").await.text().await.unwrap()).unwrap()
}

/// Types what the page shows of its first winery.
async fn fill_in(screen: &Screen, shown: &[String]) {
    for (field, value) in ["tenant", "app_id", "app_secret"].into_iter().zip(shown) {
        screen.fill(field, value).await;
    }
    screen.submit().await;
    screen.says("h1", "One more thing").await;
    screen.submit().await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn a_developer_tries_it_out() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path(), &["--orders", "5", "--customers", "5", "--products", "2"]);
    let start = demo.printed.lines().find_map(|line| line.strip_prefix("# ")?.strip_suffix("/playground"));
    let url = format!("{}/playground", start.unwrap());
    look(None, async |screen| {
        screen.browser.goto(&url).await.unwrap();
        screen.says("#log", "integrated_account:active").await;
        accessible(screen, "playground").await;
        let shown = screen.run("return [...document.querySelectorAll('dd button')].map(one => one.textContent)").await;
        let shown: Vec<String> = serde_json::from_value(shown).unwrap();

        screen.click("#connect").await;
        screen.enter_frame().await;
        fill_in(screen, &shown).await;
        screen.browser.enter_default_frame().await.unwrap();
        let account = outcome(screen).await["integrated_account_id"].clone();
        screen.picture("playground").await;

        screen.says("#log", "integrated_account:post_connect_form_submitted").await;

        // The same account again, in this window.
        screen.click("[value=sameWindow]").await;
        screen.run(&format!("const select = document.querySelector('[name=account]'); select.value = {account}; select.dispatchEvent(new Event('change', {{bubbles: true}}))")).await;
        screen.says("#code", "sameWindow").await;
        screen.click("#connect").await;
        screen.says("h1", "Connect Commerce7 again").await;
        fill_in(screen, &shown).await;
        let result = outcome(screen).await;
        assert_eq!((&result["result"], &result["integrated_account_id"]), (&json!("success"), &account));
        assert_eq!(screen.complaints().await, Vec::<String>::new());
    })
    .await;
    demo.interrupt();
}
