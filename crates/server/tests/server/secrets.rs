//! Nothing that authenticates is ever shown: not in an answer, not in the log of calls, not in the program's own log.

use std::io;
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::json;
use testkit::{Answer, App, Fault, FaultRule};
use tracing_subscriber::fmt::MakeWriter;

use crate::link;
use crate::support::{ours, proxy, unified, without_secrets};

/// Everything that the program says.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl io::Write for Said {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Said {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn no_log_and_no_answer_holds_a_secret() {
    let said = Said::default();
    let log = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
    log.with_ansi(false).with_writer(said.clone()).init();
    let app = App::sqlite().await;
    let id = app.connect().await;
    let mut answers = Vec::new();
    let faults = [
        None,
        Some(Fault::Status { status: 401, headers: [].into() }),
        Some(Fault::Status { status: 403, headers: [].into() }),
        Some(Fault::Status { status: 500, headers: [].into() }),
        Some(Fault::Html { status: 200 }),
        Some(Fault::Cut),
        Some(Fault::Reset),
    ];
    for fault in faults {
        let cut = fault == Some(Fault::Cut);
        if let Some(fault) = fault {
            app.sandbox.faults().add(FaultRule::new(fault));
        }
        answers.push(app.get(&unified("orders", &id)).await);
        answers.push(app.get(&unified("customers/1", &id)).await);
        answers.push(app.get(&proxy("order", &id)).await);
        answers.push(app.post(&proxy("order", &id), &json!({"a": 1})).await);
        answers.push(app.post("/integrated-account/refresh-credentials", &json!({"id": id})).await);
        if !cut {
            answers.push(app.get(&format!("/custom/order?integrated_account_id={id}")).await);
        }
        app.sandbox.faults().clear();
    }
    let secret = app.tenant().app_secret.clone();
    for body in [
        json!({"tenant_id": "x", "context": {"app_secret": secret, "tenant": 1}}),
        json!({"tenant_id": "x", "environment_integration_id": "x", "context": {"app_secret": secret}, "app_secret": secret}),
        json!({"context": {"app_secret": [secret]}}),
    ] {
        answers.push(app.post("/integrated-account", &body).await);
        answers.push(app.patch(&format!("/integrated-account/{id}/credentials"), &body).await);
    }
    let broken = format!("{{\"app_secret\":\"{secret}\",}}");
    let request = app.request(Method::POST, "/integrated-account").header("content-type", "application/json");
    let broken = Answer::of(request.body(broken)).await;
    ours(&app, &broken, 400);
    answers.push(broken);
    // From a browser as well: neither the tokens nor what is filled in.
    let link_token =
        link::link_token(&app, &json!({"tenant_id": "x", "context": {"password": "of-the-product"}})).await;
    let page = format!("/connect-account?link_token={link_token}&language=en");
    answers.push(Answer::of(reqwest::Client::new().get(format!("{}{page}", app.url))).await);
    let mut values = link::values(&app);
    values["app_secret"] = "wrong-secret-1".into();
    let body = |values: &serde_json::Value| json!({"link_token": link_token, "integration": "commerce7", "values": values});
    answers.push(link::page(&app, "start", &json!({"link_token": link_token})).await);
    answers.push(link::page(&app, "connect", &body(&values)).await);
    answers.push(link::page(&app, "connect", &body(&json!({"app_secret": [secret]}))).await);
    answers.push(link::page(&app, "connect", &body(&link::values(&app))).await);
    let made = app.post("/integrated-account/token", &json!({"integrated_account_id": id})).await.ok();
    let account_token = made["integrated_account_token"].as_str().unwrap().to_owned();
    let page = format!("/connect-account/post-connect?integrated_account_session_token={account_token}");
    answers.push(Answer::of(reqwest::Client::new().get(format!("{}{page}", app.url))).await);
    let opens = json!({"integrated_account_session_token": account_token});
    answers.push(link::page(&app, "post-connect/start", &opens).await);
    for path in [
        "/event",
        "/integrated-account",
        "/api-token",
        "/environment",
        "/environment-integration",
        "/openapi.json",
        "/log",
    ] {
        answers.push(app.get(path).await);
    }
    answers.push(app.get(&format!("/integrated-account/{id}/capabilities")).await);
    let rows = testkit::eventually("logged", || async {
        let rows = app.get("/log").await;
        (rows.json()["result"].as_array().unwrap().len() > 30).then_some(rows)
    })
    .await;
    answers.push(rows);
    let of_link = [link_token.as_str(), &account_token, "wrong-secret-1", "of-the-product"];
    let without_any = |text: &str| {
        without_secrets(&app, text);
        for secret in of_link {
            assert!(!text.contains(secret), "{secret} stands in {text}");
        }
    };
    for answer in &answers {
        without_any(&answer.text);
        without_any(&format!("{:?}", answer.headers));
    }
    let said = String::from_utf8_lossy(&said.0.lock().unwrap()).into_owned();
    assert!(said.contains("answered"), "the log was looked at");
    let ours: Vec<&str> =
        said.lines().filter(|line| !line.contains(" reqwest::") && !line.contains(" sandbox::")).collect();
    without_any(&ours.join("\n"));
    app.shutdown().await;
}
