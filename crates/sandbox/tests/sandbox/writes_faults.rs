//! Faults that strike a write before it has any effect or after it was carried out: the client sees the same.

use std::time::Duration;

use reqwest::Method;
use sandbox::{Fault, FaultRule, FaultStage, Options};
use serde_json::{Value, json};

use crate::support::{Served, serve, small, text};

fn status(status: u16) -> Fault {
    Fault::Status { status, headers: Default::default() }
}

/// What a client sees of a write: a status with a body, a body that breaks off, or nothing.
async fn seen(served: &Served, content: &str) -> String {
    let request = served.request(Method::POST, "/note").json(&json!({"content": content}));
    match request.send().await {
        Err(_) => "nothing".to_owned(),
        Ok(response) => {
            let status = response.status();
            match response.text().await {
                Ok(_) if status.is_success() => format!("{status}"),
                Ok(text) => format!("{status} {text}"),
                Err(_) => format!("{status} and half a body"),
            }
        }
    }
}

async fn notes_with(served: &Served, content: &str) -> usize {
    served.query("/note", &[("q", content)]).await.json()["notes"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_client_cannot_tell_before_from_after() {
    let served = serve(small()).await;
    let faults = served.sandbox.faults();
    for (number, fault) in
        [Fault::Reset, status(500), status(503), Fault::Html { status: 502 }].into_iter().enumerate()
    {
        let mut what = Vec::new();
        for (stage, expected) in [(FaultStage::Before, 0), (FaultStage::After, 1)] {
            let content = format!("fault{number}{}", expected);
            faults.add(FaultRule {
                stage,
                ..FaultRule::new(fault.clone()).times(1).method("POST").path("/v1/note")
            });
            what.push(seen(&served, &content).await);
            assert_eq!(notes_with(&served, &content).await, expected, "{fault:?} {stage:?}");
            let told: Vec<_> = served
                .sandbox
                .writes()
                .list()
                .into_iter()
                .filter(|row| row.body["content"] == content.as_str())
                .collect();
            assert_eq!(told.len(), expected);
            assert!(told.iter().all(|row| row.is_hidden && row.status == 201));
        }
        assert_eq!(what[0], what[1], "{fault:?}");
    }
    // A cut answer is one to a write that was carried out.
    faults.add(FaultRule::new(Fault::Cut).times(1));
    assert_eq!(seen(&served, "cut").await, "201 Created and half a body");
    assert_eq!(notes_with(&served, "cut").await, 1);
    // Where there is no body to break off, the connection does.
    let cut = served.query("/note", &[("q", "cut")]).await.json();
    let path = format!("/note/{}", text(&cut["notes"][0], "id"));
    faults.add(FaultRule::new(Fault::Cut).times(1).method("DELETE"));
    assert!(served.request(Method::DELETE, &path).send().await.is_err());
    assert_eq!(notes_with(&served, "cut").await, 0);
    assert_eq!(seen(&served, "whole").await, "201 Created");
    assert!(!served.sandbox.writes().list().last().unwrap().is_hidden);
}

#[tokio::test]
async fn a_client_that_gives_up_has_written_or_not() {
    let served = serve(small()).await;
    let faults = served.sandbox.faults();
    for (stage, expected) in [(FaultStage::Before, 0), (FaultStage::After, 1)] {
        let late =
            FaultRule { stage, ..FaultRule::new(Fault::Latency { milliseconds: 3_600_000 }).method("POST") };
        let rule = faults.add(late);
        let content = format!("late{expected}");
        let request = served.request(Method::POST, "/note").json(&json!({"content": content}));
        let error = request.timeout(Duration::from_millis(300)).send().await.unwrap_err();
        assert!(error.is_timeout());
        assert!(faults.remove(rule));
        assert_eq!(notes_with(&served, &content).await, expected, "{stage:?}");
    }
}

#[tokio::test]
async fn writes_are_counted_as_they_were_carried_out() {
    let served = serve(Options { tenants: 2, ..small() }).await;
    // Some go wrong before and some after: each is carried out once or not at all, and the journal says which.
    served.sandbox.faults().add(FaultRule::new(Fault::Reset).rate(0.2).method("POST"));
    served.sandbox.faults().add(FaultRule::new(status(500)).rate(0.2).method("POST").after());
    let mut told = 0;
    for number in 0..60 {
        told += usize::from(seen(&served, &format!("write{number:02}")).await == "201 Created");
    }
    served.sandbox.faults().clear();
    let writes = served.sandbox.writes();
    let applied = writes.count("POST", "/note");
    assert!(told < applied && applied < 60, "{told} told of {applied} applied");
    assert_eq!(served.query("/note", &[("q", "write")]).await.json()["total"], applied);
    let hidden = writes.list().iter().filter(|row| row.is_hidden).count();
    assert_eq!(applied - hidden, told);

    let note = served.post("/note", json!({"content": "kept"})).await;
    served.refused(Method::POST, "/note", json!({})).await;
    served.delete(&format!("/note/{}", text(&note, "id"))).await;
    let listed = served.control(Method::GET, "writes", &Value::Null).await.json();
    let [.., made, gone] = &listed.as_array().unwrap()[..] else { panic!("two at least") };
    assert_eq!(made["tenant"], served.tenant().name.as_str());
    assert_eq!(
        (&made["method"], &made["path"], &made["status"]),
        (&json!("POST"), &json!("/note"), &json!(201))
    );
    assert_eq!(
        (&gone["method"], &gone["pattern"], &gone["status"]),
        (&json!("DELETE"), &json!("/note/{id}"), &json!(204))
    );
    assert_eq!((&made["id"], &gone["id"]), (&note["id"], &note["id"]));
    assert_eq!(gone["path"], format!("/note/{}", text(&note, "id")));
    let cleared = served.control(Method::DELETE, "writes", &Value::Null).await;
    assert_eq!(cleared.status.as_u16(), 204);
    assert!(writes.list().is_empty());
}
