//! Nothing that authenticates is ever shown: not in an answer, not in the log of calls, not in the program's own log.

use std::io;
use std::sync::{Arc, Mutex};

use reqwest::Method;
use serde_json::json;
use testkit::{Answer, App, Fault, FaultRule};
use tracing_subscriber::fmt::MakeWriter;

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
    for path in [
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
    for answer in &answers {
        without_secrets(&app, &answer.text);
        without_secrets(&app, &format!("{:?}", answer.headers));
    }
    let said = String::from_utf8_lossy(&said.0.lock().unwrap()).into_owned();
    assert!(said.contains("answered"), "the log was looked at");
    let ours: Vec<&str> =
        said.lines().filter(|line| !line.contains(" reqwest::") && !line.contains(" sandbox::")).collect();
    without_secrets(&app, &ours.join("\n"));
    app.shutdown().await;
}
