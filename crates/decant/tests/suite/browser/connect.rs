//! Connecting: in a frame, a popup and the same window; again; closed by the person; in two languages.

use reqwest::Method;
use serde_json::{Value, json};
use testkit::Answer;

use super::looks::accessible;
use super::stage::{Screen, Second, Setting, Stage, play, play_in};

/// What the product's page was told.
pub async fn told(screen: &Screen, kind: &str) -> Value {
    screen.says("#outcome", "{").await;
    let outcome: Value = serde_json::from_str(&screen.find("#outcome").await.text().await.unwrap()).unwrap();
    assert!(outcome.get(kind).is_some(), "{outcome}");
    outcome[kind].clone()
}

/// Opens the page as a product does.
pub async fn begin(stage: &Stage, token: &str, options: Value) {
    stage.browser.goto(stage.product.calling("decant", "authenticate", token, &options)).await.unwrap();
    stage.find("body[data-ready]").await;
    stage.click("#go").await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn a_winery_connects_in_a_frame() {
    play(async |stage| {
        begin(stage, &stage.new_token().await, json!({})).await;
        stage.enter_frame().await;
        stage.says("h1", "Connect Commerce7").await;
        stage.picture("connect-frame").await;
        stage.fill_in_winery().await;
        stage.submit().await;
        if stage.says_before_it_goes("h1", "Commerce7 is connected").await {
            stage.picture("connected-frame").await;
        }
        stage.browser.enter_default_frame().await.unwrap();

        let result = told(stage, "fulfilled").await;
        let account = stage.account().await;
        assert_eq!(
            result,
            json!({"is_truto": true, "result": "success", "integration": "commerce7", "integrated_account_id": account["id"]})
        );
        assert_eq!((&account["status"], &account["tenant_id"]), (&"active".into(), &"acme".into()));
        assert_eq!(stage.complaints().await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn a_winery_connects_in_a_popup() {
    play(async |stage| {
        begin(stage, &stage.new_token().await, json!({"iframe": false})).await;
        stage.enter_popup().await;
        stage.fill_in_winery().await;
        stage.submit().await;
        stage.says_before_it_goes("h1", "Commerce7 is connected").await;
        stage.leave_popup().await;
        let result = told(stage, "fulfilled").await;
        let account = stage.account().await;
        assert_eq!(result["integrated_account_id"], account["id"]);

        // A product's own window that another one opened is no popup of ours.
        let back = json!({"integrated_account_id": account["id"], "redirect_uri": stage.product.url});
        let again = stage.link_token(back).await;
        let page = stage.product.calling("decant", "authenticate", &again, &json!({"sameWindow": true}));
        stage.run(&format!("window.open({})", Value::from(page))).await;
        stage.enter_popup().await;
        stage.find("body[data-ready]").await;
        stage.click("#go").await;
        stage.fill_in_winery().await;
        stage.submit().await;
        assert_eq!(told(stage, "redirected").await["integrated_account_id"], account["id"]);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn a_winery_connects_in_the_same_window_and_again_later() {
    play(async |stage| {
        let back = format!("{}/?from=link", stage.product.url);
        let token = stage.link_token(json!({"tenant_id": "acme", "redirect_uri": back})).await;
        begin(stage, &token, json!({"sameWindow": true})).await;
        stage.says("h1", "Connect Commerce7").await;
        let address = stage.browser.current_url().await.unwrap();
        assert_eq!(
            (address.path(), address.query()),
            ("/connect-account", None),
            "the token is out of sight"
        );
        // A reload goes on where it was.
        stage.browser.refresh().await.unwrap();
        stage.fill_in_winery().await;
        stage.submit().await;
        let result = told(stage, "redirected").await;
        let account = stage.account().await;
        assert_eq!((&result["from"], &result["result"]), (&"link".into(), &"success".into()));
        assert_eq!(result["integrated_account_id"], account["id"]);

        // The token is used up.
        begin(stage, &token, json!({})).await;
        let refused = told(stage, "rejected").await;
        assert_eq!(
            (&refused["error_type"], &refused["name"]),
            (&"invalid_token".into(), &"LinkError".into())
        );

        // Again, with what is no secret filled in.
        let again = stage.link_token(json!({"integrated_account_id": account["id"]})).await;
        begin(stage, &again, json!({})).await;
        stage.enter_frame().await;
        stage.says("h1", "Connect Commerce7 again").await;
        let tenant = stage.sandbox.tenants().first().unwrap();
        assert_eq!(stage.find("#field-tenant").await.value().await.unwrap().unwrap(), tenant.name);
        assert_eq!(stage.find("#field-app_secret").await.value().await.unwrap().unwrap(), "");
        stage.fill("app_secret", &tenant.app_secret).await;
        stage.submit().await;
        stage.says_before_it_goes("h1", "connected again").await;
        stage.browser.enter_default_frame().await.unwrap();
        assert_eq!(told(stage, "fulfilled").await["integrated_account_id"], account["id"]);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn a_pasted_address_is_enough_and_the_keyboard_too() {
    play(async |stage| {
        begin(stage, &stage.new_token().await, json!({})).await;
        stage.enter_frame().await;
        let tenant = stage.sandbox.tenants().first().unwrap().clone();
        let address =
            format!("https://{}.admin.platform.commerce7.com/customers?page=2", tenant.name.to_uppercase());
        stage.find("#field-tenant").await.send_keys(address + "\t").await.unwrap();
        stage.says("#field-tenant-note", &format!("Taken from the address: {}", tenant.name)).await;
        let active = async || stage.browser.active_element().await.unwrap();
        active().await.send_keys(tenant.app_id + "\t").await.unwrap();
        active().await.send_keys(tenant.app_secret + "\n").await.unwrap();
        stage.says_before_it_goes("h1", "Commerce7 is connected").await;
        stage.browser.enter_default_frame().await.unwrap();
        told(stage, "fulfilled").await;
        assert_eq!(stage.account().await["context"]["tenant"], tenant.name);
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn who_changes_their_mind_closes_it() {
    play(async |stage| {
        let token = stage.new_token().await;
        for escape in [false, true] {
            begin(stage, &token, json!({})).await;
            stage.enter_frame().await;
            stage.says("h1", "Connect Commerce7").await;
            if escape {
                stage.escape().await;
            } else {
                stage.close().await;
            }
            stage.browser.enter_default_frame().await.unwrap();
            assert_eq!(told(stage, "rejected").await, "closed");
            // The focus is back where it came from.
            assert_eq!(stage.run("return document.activeElement.id").await, "go");
        }
        begin(stage, &token, json!({"iframe": false})).await;
        stage.enter_popup().await;
        stage.says("h1", "Connect Commerce7").await;
        stage.browser.close_window().await.unwrap();
        stage.leave_popup().await;
        assert_eq!(told(stage, "rejected").await, "closed");

        // The product itself may take it away.
        let abort = format!(
            "const done = arguments[0];
             import('{}/link/v1.js').then(async ({{ authenticate }}) => {{
               const controller = new AbortController();
               const link = authenticate('{token}', {{ signal: controller.signal }});
               controller.abort('enough');
               done([await link.catch((reason) => reason), document.querySelector('dialog')]);
             }});",
            stage.program.url
        );
        let aborted = stage.browser.execute_async(abort, vec![]).await.unwrap().json().clone();
        assert_eq!(aborted, json!(["enough", null]));
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn it_speaks_french_to_who_does() {
    play_in(Setting { language: Some("fr-CA"), ..Setting::default() }, async |stage| {
        begin(stage, &stage.new_token().await, json!({})).await;
        stage.enter_frame().await;
        stage.says("h1", "Connecter Commerce7").await;
        assert_eq!(stage.run("return document.documentElement.lang").await, "fr");
        stage.submit().await;
        stage.says("#field-tenant-error", "Veuillez remplir ce champ.").await;
        stage.picture("french").await;
        stage.fill_in_winery().await;
        stage.fill("app_secret", "wrong").await;
        stage.submit().await;
        stage.says("[role=alert]", "Commerce7 n’accepte pas la clé").await;
        stage.fill_in_winery().await;
        stage.submit().await;
        stage.says_before_it_goes("h1", "Commerce7 est connecté").await;
        stage.browser.enter_default_frame().await.unwrap();
        told(stage, "fulfilled").await;

        begin(stage, &stage.new_token().await, json!({"language": "en"})).await;
        stage.enter_frame().await;
        stage.says("h1", "Connect Commerce7").await;
    })
    .await;
}

#[tokio::test]
#[ignore = "needs a browser: cargo xtask test"]
async fn of_several_platforms_one_is_chosen() {
    play_in(Setting { second: Some(Second::Double), ..Setting::default() }, async |stage| {
        let install =
            json!({"integration_id": "cellar-shop", "override": {"base_url": stage.sandbox.base_url()}});
        let installed =
            stage.program.request(Method::POST, "/environment-integration", &stage.token).json(&install);
        Answer::of(installed).await.ok();
        let token = stage.new_token().await;
        begin(stage, &token, json!({})).await;
        stage.enter_frame().await;
        stage.says("h1", "What would you like to connect?").await;
        stage.says(".rows", "Commerce7").await;
        accessible(stage, "choice").await;
        stage.picture("choose").await;
        stage.click(".rows li:first-child button").await;
        stage.says("h1", "Connect Cellar Shop").await;
        stage.click("[aria-label=Back]").await;
        stage.says("h1", "What would you like to connect?").await;
        stage.close().await;
        stage.browser.enter_default_frame().await.unwrap();
        assert_eq!(told(stage, "rejected").await, "closed");

        // The product may choose, and leave no way back.
        begin(stage, &token, json!({"integrations": ["commerce7"], "noBack": true})).await;
        stage.enter_frame().await;
        stage.says("h1", "Connect Commerce7").await;
        assert_eq!(stage.run("return document.querySelector('[aria-label=Back]')").await, Value::Null);
        begin(stage, &token, json!({"integration": "nothing-of-ours"})).await;
        assert_eq!(told(stage, "rejected").await["error_type"], "invalid_integration");
    })
    .await;
}
