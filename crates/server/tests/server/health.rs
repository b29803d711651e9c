//! What watches the gateway from outside.

use metrics_exporter_prometheus::PrometheusBuilder;
use reqwest::{Client, Method, StatusCode};
use serde_json::json;
use testkit::{Answer, App, Setup, TestDatabase, over_both_databases};

use crate::support::{says, unified};

over_both_databases!(readiness_is_the_databases);

async fn readiness_is_the_databases(database: &TestDatabase) {
    let app = App::start(database).await;
    let open = |path: &str| Answer::of(Client::new().get(format!("{}{path}", app.url)));
    assert_eq!(open("/healthz").await.ok(), json!({"status": "ok"}));
    assert_eq!(open("/readyz").await.ok(), json!({"status": "ok"}));
    app.store.close().await;
    let refused = open("/readyz").await;
    says(&refused.refused(503), &["database"]);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(open("/healthz").await.ok(), json!({"status": "ok"}));
    says(&app.get("/integrated-account").await.refused(503), &["database"]);
}

#[tokio::test]
async fn every_answer_has_an_id_and_the_pages_are_open() {
    let app = App::sqlite().await;
    let client = Client::new();
    let answer =
        Answer::of(client.get(format!("{}/healthz", app.url)).header("x-request-id", "mine-1")).await;
    assert_eq!(answer.header("x-request-id"), Some("mine-1"));
    let answer = Answer::of(client.get(format!("{}/nowhere", app.url)).header("x-request-id", "a b")).await;
    assert_eq!(answer.header("x-request-id").unwrap().len(), 36);

    let index = Answer::of(client.get(&app.url)).await;
    assert!(index.header("content-type").unwrap().starts_with("text/html") && index.text.contains("/docs"));
    let docs = Answer::of(client.get(format!("{}/docs", app.url))).await;
    assert!(docs.text.contains("swagger-ui"), "{}", docs.text);
    for file in ["swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"] {
        assert_eq!(
            Answer::of(client.get(format!("{}/docs/{file}", app.url))).await.status,
            StatusCode::OK,
            "{file}"
        );
    }
    Answer::of(client.get(format!("{}/docs/nothing.js", app.url))).await.refused(404);
    Answer::of(client.get(format!("{}/metrics", app.url))).await.refused(404);
    app.shutdown().await;

    let server = server::Options { docs: false, ..server::Options::default() };
    let app = App::sqlite_with(Setup { server, ..Setup::default() }).await;
    Answer::of(client.get(format!("{}/docs/", app.url))).await.refused(404);
    app.shutdown().await;
}

#[tokio::test]
async fn metrics_count_calls_by_route_and_never_by_what_callers_make_up() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let server = server::Options { metrics: Some(recorder.handle()), ..server::Options::default() };
    metrics::set_global_recorder(recorder).unwrap();
    let app = App::sqlite_with(Setup { server, ..Setup::default() }).await;
    let account = app.connect().await;
    app.get(&unified("orders", &account)).await.ok();
    app.get("/made-up-by-a-caller").await.refused(404);
    Answer::of(app.request(Method::from_bytes(b"MADEUP").unwrap(), "/log")).await.refused(405);
    let metrics = app.get("/metrics").await;
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain"));
    for line in [
        "decant_http_requests_total{method=\"GET\",route=\"/unified/{model}/{resource}\",status=\"200\"} 1",
        "decant_http_requests_total{method=\"GET\",route=\"unknown\",status=\"404\"} 1",
        "decant_http_requests_total{method=\"other\",route=\"/log\",status=\"405\"} 1",
        "decant_calls_total{request_type=\"unified\",status=\"2xx\"} 1",
        "decant_upstream_requests_total{integration=\"commerce7\",outcome=\"2xx\"} 3",
    ] {
        assert!(metrics.text.contains(line), "no {line} in {}", metrics.text);
    }
    assert!(!metrics.text.contains("made-up") && !metrics.text.contains("MADEUP"));
    assert!(!metrics.text.contains(&account));
    app.shutdown().await;
}
