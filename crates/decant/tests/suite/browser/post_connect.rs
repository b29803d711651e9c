//! The form after a connection: what of the account's own data is to be used.

use serde_json::{Value, json};
use testkit::Answer;

use super::connect::{begin, told};
use super::looks::accessible;
use super::stage::{Screen, Setting, Stage, play_in};

/// Ticks, or unticks, the choice of a field that reads like this; whether it is ticked then.
async fn tick(screen: &Screen, field: &str, label: &str) -> bool {
    let script = format!(
        "const choice = [...document.querySelectorAll('#field-{field} label')].find(one => one.textContent.includes('{label}'));
         choice.click(); return choice.querySelector('input').checked"
    );
    screen.run(&script).await.as_bool().unwrap()
}

/// Opens the form by itself, as a product does.
async fn open_form(stage: &Stage, account: &Value, options: Value) {
    let body = json!({"integrated_account_id": account["id"]});
    let made = stage.program.request(reqwest::Method::POST, "/integrated-account/token", &stage.token);
    let token =
        Answer::of(made.json(&body)).await.ok()["integrated_account_token"].as_str().unwrap().to_owned();
    stage.browser.goto(stage.product.calling("decant", "rapidForm", &token, &options)).await.unwrap();
    stage.find("body[data-ready]").await;
    stage.click("#go").await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn what_is_chosen_is_kept_with_the_account_and_can_be_changed() {
    play_in(Setting { has_form: true, ..Setting::default() }, async |stage| {
        begin(stage, &stage.new_token().await, json!({})).await;
        stage.enter_frame().await;
        stage.fill_in_winery().await;
        stage.submit().await;
        stage.says("h1", "One more thing").await;
        stage.says("#field-sync_locations", "Downtown Tasting Room").await;
        accessible(stage, "form after connecting").await;
        assert!(tick(stage, "sync_channels", "Web shop").await);
        assert!(tick(stage, "sync_locations", "Downtown Tasting Room").await);
        stage.picture("post-connect").await;
        stage.submit().await;
        stage.says_before_it_goes("h1", "Commerce7 is connected").await;
        stage.browser.enter_default_frame().await.unwrap();
        let result = told(stage, "fulfilled").await;
        let account = stage.account().await;
        assert_eq!(result["integrated_account_id"], account["id"]);
        assert_eq!(account["context"]["sync_channels"], json!(["web"]), "{account}");

        // Later, by itself: what was chosen is there; the product keeps some of it.
        let guards = json!({
            "preventDeselect": {"sync_channels": {"message": "The web shop is part of your plan."}},
            "disabledFields": {"sync_locations": {"message": "Ask us to change these."}},
        });
        open_form(stage, &account, guards).await;
        stage.enter_frame().await;
        stage.says("h1", "One more thing").await;
        assert!(tick(stage, "sync_channels", "Web shop").await, "it can't be taken away");
        stage.says("#field-sync_channels-note", "The web shop is part of your plan.").await;
        assert!(tick(stage, "sync_channels", "Point of sale").await);
        stage.says("#field-sync_locations-note", "Ask us to change these.").await;
        let is_locked = stage.run("return document.querySelector('#field-sync_locations').disabled").await;
        assert_eq!(is_locked, true);
        stage.picture("post-connect-guarded").await;
        stage.submit().await;
        stage.says_before_it_goes("h1", "Saved").await;
        stage.browser.enter_default_frame().await.unwrap();
        assert_eq!(told(stage, "fulfilled").await["integrated_account_id"], account["id"]);
        let changed = stage.account().await;
        assert_eq!(changed["context"]["sync_channels"], json!(["web", "pos"]));
        assert_eq!(changed["context"]["sync_locations"], account["context"]["sync_locations"]);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn who_leaves_it_is_connected_all_the_same() {
    play_in(Setting { language: Some("fr"), has_form: true, ..Setting::default() }, async |stage| {
        begin(stage, &stage.new_token().await, json!({"iframe": false})).await;
        stage.enter_popup().await;
        stage.fill_in_winery().await;
        stage.submit().await;
        stage.says("h1", "Encore une chose").await;
        stage.says("#field-sync_channels", "Canaux de vente").await;
        stage.click("[aria-label=Fermer]").await;
        stage.leave_popup().await;
        let account = stage.account().await;
        assert_eq!(told(stage, "fulfilled").await["integrated_account_id"], account["id"]);

        // The product may leave it out.
        let again = stage.link_token(json!({"integrated_account_id": account["id"]})).await;
        begin(stage, &again, json!({"skipRapidForm": true})).await;
        stage.enter_frame().await;
        stage.fill_in_winery().await;
        stage.submit().await;
        stage.browser.enter_default_frame().await.unwrap();
        told(stage, "fulfilled").await;

        // A form by itself that is left changes nothing.
        open_form(stage, &account, json!({"language": "en"})).await;
        stage.enter_frame().await;
        stage.says("h1", "One more thing").await;
        stage.close().await;
        stage.browser.enter_default_frame().await.unwrap();
        assert_eq!(told(stage, "rejected").await, "closed");
    })
    .await;
}
