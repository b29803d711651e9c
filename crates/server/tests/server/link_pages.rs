//! What a browser loads to connect an account: the pages' shells with what keeps them safe, and the SDK.

use reqwest::Client;
use reqwest::header::{ACCEPT_LANGUAGE, IF_NONE_MATCH};
use serde_json::{Value, json};
use testkit::{Answer, App};

use crate::link::{connect, link_token, page as ask, values};

/// As a browser that is on its way to a page.
async fn open(app: &App, path: &str, language: &str) -> Answer {
    let request = Client::new().get(format!("{}{path}", app.url)).header(ACCEPT_LANGUAGE, language);
    Answer::of(request).await
}

/// What the page's scripts read out of it.
fn data(answer: &Answer) -> Value {
    let (_, data) = answer.text.split_once(r#"<script type="application/json" id="data">"#).unwrap();
    serde_json::from_str(data.split_once("</script>").unwrap().0).unwrap()
}

/// Who may frame a page.
fn ancestors(answer: &Answer) -> &str {
    let policy = answer.header("content-security-policy").unwrap();
    policy.split("; ").find_map(|part| part.strip_prefix("frame-ancestors ")).unwrap()
}

async fn allow(app: &App, link: &Value) {
    app.patch(&format!("/environment/{}", app.environment_id), &json!({"link": link})).await.ok();
}

#[tokio::test]
async fn a_page_opens_to_the_environment_s_origins_and_says_nothing_of_the_token() {
    let app = App::sqlite().await;
    app.new_account().await;
    allow(&app, &json!({"allowed_origins": ["https://app.example", "https://other.example:8443"]})).await;
    let token = link_token(&app, &json!({"tenant_id": "acme"})).await;
    let path = format!("/connect-account?link_token={token}");
    let page = open(&app, &path, "de, fr;q=0.7").await;
    assert_eq!(page.status, 200);
    assert_eq!(ancestors(&page), "'self' https://app.example https://other.example:8443");
    assert_eq!(data(&page)["allowed_origins"], json!(["https://app.example", "https://other.example:8443"]));
    assert!(!page.text.contains(&token), "{}", page.text);
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    let headers = ["cache-control", "referrer-policy", "x-content-type-options", "set-cookie"];
    assert_eq!(
        headers.map(|name| page.header(name)),
        [Some("no-store"), Some("no-referrer"), Some("nosniff"), None]
    );

    // Its page has to say within the frame that it is used up.
    let lines = connect(&app, &token, &values(&app)).await;
    assert_eq!(lines.last().unwrap()["result"], "success", "{lines:?}");
    assert_eq!(
        ancestors(&open(&app, &path, "en").await),
        "'self' https://app.example https://other.example:8443"
    );

    for unknown in
        ["/connect-account", "/connect-account?link_token=guessed", "/connect-account?link_token[]=a"]
    {
        let page = open(&app, unknown, "en").await;
        assert_eq!((page.status.as_u16(), ancestors(&page)), (200, "'self'"), "{unknown}");
        assert_eq!(data(&page)["allowed_origins"], json!([]));
    }
}

#[tokio::test]
async fn the_form_s_page_opens_by_an_account_s_token_only() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    allow(&app, &json!({"allowed_origins": ["https://app.example"], "default_language": "fr"})).await;
    let made = app.post("/integrated-account/token", &json!({"integrated_account_id": account})).await.ok();
    let path = "/connect-account/post-connect?integrated_account_session_token=";
    let token = made["integrated_account_token"].as_str().unwrap();
    let page = open(&app, &format!("{path}{token}"), "de").await;
    assert_eq!(ancestors(&page), "'self' https://app.example");
    assert!(page.text.contains(r#"<html lang="fr" data-page="post-connect">"#), "{}", page.text);
    let page = open(&app, &format!("{path}{}", app.token), "de").await;
    assert_eq!(ancestors(&page), "'self'", "an API token has no business in an address");
}

#[tokio::test]
async fn who_guesses_at_pages_has_to_wait() {
    let app = App::sqlite().await;
    for _ in 0..30 {
        // A reload is no guess.
        assert_eq!(open(&app, "/connect-account", "en").await.status, 200);
        assert_eq!(open(&app, "/connect-account?link_token=guessed", "en").await.status, 200);
    }
    open(&app, "/connect-account/post-connect?integrated_account_session_token=a", "en").await.refused(429);
    assert_eq!(open(&app, "/link/v1.js", "en").await.status, 200);
}

#[tokio::test]
async fn pages_and_forms_speak_the_reader_s_language() {
    let app = App::sqlite().await;
    app.new_account().await;
    let french = open(&app, "/connect-account", "fr-CA, en;q=0.5").await;
    assert!(french.text.contains(r#"<html lang="fr""#) && french.text.contains("<title>Connexion</title>"));
    let english = open(&app, "/connect-account?language=en", "fr").await;
    assert!(english.text.contains(r#"<html lang="en""#));
    assert_eq!(data(&english)["texts"]["done"], "Done");

    let token = link_token(&app, &json!({"tenant_id": "acme"})).await;
    let offered = ask(&app, "start", &json!({"link_token": token, "language": "fr"})).await.ok();
    let field = &offered["integrations"][0]["formats"][0]["fields"][2];
    assert_eq!(
        (&field["name"], &field["label"]),
        (&"app_secret".into(), &"Clé secrète de l’application".into())
    );
}

#[tokio::test]
async fn files_are_sent_when_they_changed_and_the_sdk_to_everyone() {
    let app = App::sqlite().await;
    let get = async |path: &str| open(&app, path, "en").await;
    let sdk = get("/link/v1.js").await;
    assert!(sdk.text.contains("export default function authenticate"), "{}", sdk.text);
    let headers = ["content-type", "access-control-allow-origin"];
    assert_eq!(headers.map(|name| sdk.header(name)), [Some("text/javascript; charset=utf-8"), Some("*")]);
    assert_eq!(get("/link/v1.d.ts").await.header("access-control-allow-origin"), Some("*"));

    let again = Client::new().get(format!("{}/link/v1.js", app.url));
    let again = Answer::of(again.header(IF_NONE_MATCH, sdk.header("etag").unwrap())).await;
    assert_eq!((again.status.as_u16(), again.text.as_str()), (304, ""));

    let shell = get("/connect-account").await.text;
    let files = shell.split("\"/link/pages/").skip(1).map(|rest| rest.split('"').next().unwrap());
    let files: Vec<&str> = files.collect();
    assert!(files.len() > 10, "{shell}");
    for file in files {
        let answer = get(&format!("/link/pages/{file}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("access-control-allow-origin")),
            (200, None),
            "{file}"
        );
    }
    for missing in ["link.html", "nothing.js", "..%2flink%2fdecant-link.js"] {
        get(&format!("/link/pages/{missing}")).await.refused(404);
    }
    // Only a demo has one.
    get("/playground").await.refused(404);
}
