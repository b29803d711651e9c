//! Events: what happened, told with what it is about.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{App, Fault, FaultRule, Settings, Setup, TestDatabase, eventually, over_both_databases};

use crate::link::events;
use crate::support::{account, ours, says, unified, without_secrets, works};

over_both_databases!(what_happens_to_an_account_is_told);

async fn what_happens_to_an_account_is_told(database: &TestDatabase) {
    let app = App::start(database).await;
    let id = app.connect().await;
    let path = format!("/integrated-account/{id}");
    app.patch(&path, &json!({"context": {"note": "x", "password": "pa55w0rd"}})).await.ok();
    // What makes no difference is no event.
    app.patch(&path, &json!({"context": {"note": "x"}})).await.ok();
    let status = |status| Fault::Status { status, headers: [].into() };
    let faults = app.sandbox.faults();
    faults.add(FaultRule::new(status(403)).path("/v1/order"));
    for _ in 0..2 {
        app.get(&unified("orders", &id)).await.refused(403);
    }
    faults.clear();
    works(&app, &id).await;
    faults.add(FaultRule::new(status(401)));
    app.get(&unified("orders", &id)).await.refused(401);
    faults.clear();
    works(&app, &id).await;
    app.delete(&path).await.ok();
    app.delete(&path).await.refused(404);
    let expected =
        ["created", "active", "updated", "forbidden_error", "authentication_error", "reactivated", "deleted"];
    assert_eq!(events(&app, &id).await, expected);

    let answer = app.get(&format!("/event?integrated_account_id={id}")).await;
    without_secrets(&app, &answer.text);
    assert!(!answer.text.contains("pa55w0rd"));
    let told = answer.ok();
    let of = |name: &str| {
        let name = format!("integrated_account:{name}");
        told["result"].as_array().unwrap().iter().find(|event| event["event"] == name).unwrap()
    };
    let active = of("active");
    assert_eq!(
        (&active["environment_id"], &active["payload"]["id"]),
        (&json!(app.environment_id), &json!(id))
    );
    assert_eq!(
        (&active["payload"]["status"], &active["payload"]["tenant_id"]),
        (&json!("active"), &json!("acme"))
    );
    assert_eq!(active["payload"]["integration"]["name"], "commerce7");
    assert_eq!(of("created")["payload"]["status"], "connecting");
    assert_eq!(of("updated")["payload"]["context"]["note"], "x");
    assert_eq!(of("authentication_error")["payload"]["last_error"]["problem"]["code"], "credentials_refused");
    assert_eq!(of("forbidden_error")["payload"]["status"], "active");
    assert_eq!(of("deleted")["payload"], json!({"id": id}));

    let page = app.get("/event?limit=2").await.ok();
    assert_eq!(page["result"][0]["event"], "integrated_account:deleted");
    let next = page["next_cursor"].as_str().unwrap();
    let second = app.get(&format!("/event?limit=2&next_cursor={next}")).await.ok();
    assert_eq!(second["result"][0]["event"], "integrated_account:authentication_error");
    let some = app.get("/event?event=integrated_account:active&created_at[gte]=2020-01-01").await.ok();
    assert_eq!(some["result"].as_array().unwrap().len(), 1);
    says(&ours(&app, &app.get("/event?evnt=x").await, 400), &["did you mean \"event\""]);
    app.shutdown().await;
}

#[tokio::test]
async fn what_happens_to_settings_is_told() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let installed = account(&app, &id).await["environment_integration_id"].as_str().unwrap().to_owned();
    let path = format!("/environment-integration/{installed}");
    let change = json!({"override": {"base_url": app.sandbox.base_url(), "secret_environment_variables": {"x": "s3cr3t-x"}}});
    app.patch(&path, &change).await.ok();
    app.delete(&path).await.ok();
    let answer = app.get("/event").await;
    assert!(!answer.text.contains("s3cr3t-x"));
    let told = answer.ok();
    let names: Vec<&str> = told["result"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "api_token:created",
            "environment_integration:created",
            "integrated_account:created",
            "integrated_account:active",
            "environment_integration:updated",
            "integrated_account:deleted",
            "environment_integration:deleted",
        ]
    );
    let (_, other) = app.another_environment("other").await;
    let elsewhere: Value = app.get_as(&other, "/event").await.ok();
    assert_eq!(elsewhere["result"].as_array().unwrap().len(), 1, "its own token");
    app.shutdown().await;
}

#[tokio::test]
async fn accounts_that_never_became_active_are_swept_and_old_events_too() {
    let settings = Settings { never_active_retention: Duration::from_millis(1), ..Setup::default().settings };
    let database = TestDatabase::sqlite();
    let app = App::start(&database).await;
    let active = app.connect().await;
    let mut new = app.new_account().await;
    new["context"]["app_secret"] = "wrong-secret-1".into();
    let failed = app.post("/integrated-account", &new).await.ok()["id"].as_str().unwrap().to_owned();
    let node = app.another_node_with(&database, settings).await;
    eventually("the failed one is gone", || async {
        let listed = app.get("/integrated-account").await.ok();
        let ids: Vec<&Value> =
            listed["result"].as_array().unwrap().iter().map(|account| &account["id"]).collect();
        (ids == [&json!(active)]).then_some(())
    })
    .await;
    assert_eq!(events(&app, &failed).await, ["created", "post_install_error", "deleted"]);
    node.shutdown().await;
    let settings = Settings { event_retention: Duration::from_millis(1), ..Setup::default().settings };
    let node = app.another_node_with(&database, settings).await;
    eventually("old events are gone", || async {
        (app.get("/event").await.ok()["result"] == json!([])).then_some(())
    })
    .await;
    node.shutdown().await;
    works(&app, &active).await;
    app.shutdown().await;
}
