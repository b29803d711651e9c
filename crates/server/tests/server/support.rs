//! What the modules share: walking lists, waiting for log rows, looking for secrets.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Answer, App, eventually};

/// `/unified/ecommerce/<resource>` for an account; parameters are appended with `&`.
pub fn unified(resource: &str, account: &str) -> String {
    format!("/unified/ecommerce/{resource}?integrated_account_id={account}")
}

/// `/proxy/<resource>` likewise.
pub fn proxy(resource: &str, account: &str) -> String {
    format!("/proxy/{resource}?integrated_account_id={account}")
}

/// All records of a list, page by page.
pub async fn walk(app: &App, path: &str) -> Vec<Value> {
    let mut records = Vec::new();
    let mut cursor = String::new();
    loop {
        let mut page = app.get(&format!("{path}&next_cursor={cursor}")).await.ok();
        match page["result"].take() {
            Value::Array(items) => records.extend(items),
            other => panic!("no list: {other}"),
        }
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => return records,
        }
    }
}

/// A field of each record, as text.
pub fn texts<'a>(records: &'a [Value], field: &str) -> Vec<&'a str> {
    records.iter().map(|record| record[field].as_str().unwrap()).collect()
}

/// A read that does not wait for a turn by the platform's limit.
pub async fn impatient(app: &App, path: &str) -> Answer {
    Answer::of(app.request(Method::GET, path).header("Decant-Max-Wait", "0")).await
}

/// Points an account at another platform.
pub async fn point_at(app: &App, account: &str, base_url: &str) {
    let change = json!({"integration_override": {"base_url": base_url}});
    app.patch(&format!("/integrated-account/{account}"), &change).await.ok();
}

/// The account's record.
pub async fn account(app: &App, id: &str) -> Value {
    app.get(&format!("/integrated-account/{id}")).await.ok()
}

/// The newest log row that fits the filter and the check, once it is written.
pub async fn logged(app: &App, filter: &str, fits: impl Fn(&Value) -> bool) -> Value {
    eventually(&format!("a log row with {filter}"), || async {
        let rows = app.get(&format!("/log?{filter}")).await.ok();
        rows["result"].as_array().unwrap().iter().find(|row| fits(row)).cloned()
    })
    .await
}

/// Checks that a text holds none of the secrets that the test's calls went by.
#[track_caller]
pub fn without_secrets(app: &App, text: &str) {
    let tenant = app.tenant();
    let basic = STANDARD.encode(format!("{}:{}", tenant.app_id, tenant.app_secret));
    for secret in [app.token.as_str(), &tenant.app_secret, &basic] {
        assert!(!text.contains(secret), "{secret} stands in {text}");
    }
}

/// Checks an error of the platform; gives its message.
#[track_caller]
pub fn remote(app: &App, answer: &Answer, status: u16) -> String {
    let message = answer.refused(status);
    let body = answer.json();
    assert_eq!(body["truto_is_remote_error"], true, "{body}");
    assert!(!body["raw_response"].is_null(), "{body}");
    assert!(body["truto_error_insight"].is_object(), "{body}");
    without_secrets(app, &answer.text);
    message
}

/// Checks an error of the gateway; gives its message.
#[track_caller]
pub fn ours(app: &App, answer: &Answer, status: u16) -> String {
    let message = answer.refused(status);
    assert!(answer.json().get("truto_is_remote_error").is_none(), "{}", answer.text);
    without_secrets(app, &answer.text);
    message
}

/// Checks that a message says all of these.
#[track_caller]
pub fn says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{word:?} is not said by: {message}");
    }
}

/// Checks that reading works.
pub async fn works(app: &App, account: &str) {
    let page = app.get(&format!("{}&limit=1", unified("orders", account))).await.ok();
    assert_eq!(page["result_count"], 1);
}
