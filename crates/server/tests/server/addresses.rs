//! Outbound addresses: what a definition or an override may not reach.

use serde_json::json;
use testkit::{App, Platform, Setup, TestDatabase, over_both_databases};

use crate::support::{logged, ours, point_at, proxy, says, unified, works};

over_both_databases!(an_inner_address_is_never_reached);

async fn an_inner_address_is_never_reached(database: &TestDatabase) {
    let app = App::start_with(database, Setup { allow_sandbox: false, ..Setup::default() }).await;
    // Already connecting meets the policy: the sandbox is an inner address like any other.
    let new = app.new_account().await;
    let made = app.post("/integrated-account", &new).await.ok();
    let id = made["id"].as_str().unwrap();
    assert_eq!(made["status"], "post_install_error");
    let message = made["last_error"]["message"].as_str().unwrap();
    says(message, &["127.0.0.1", "operator has not allowed it"]);

    let port = app.sandbox.addr().port();
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0.0.0.0",
        "localhost",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "10.0.0.1",
        "172.16.3.4",
        "192.168.1.1",
        "[fd00::1]",
        "[fe80::1]",
    ] {
        point_at(&app, id, &format!("http://{host}:{port}/v1")).await;
        for path in
            [unified("orders", id), proxy("order", id), format!("/custom/order?integrated_account_id={id}")]
        {
            let answer = app.get(&path).await;
            says(&ours(&app, &answer, 502), &["operator has not allowed it"]);
        }
    }
    assert_eq!(app.sandbox.requests().total(), 0, "nothing got through");
    let row = logged(&app, "http_status_code=502", |_| true).await;
    says(row["message"].as_str().unwrap(), &["operator has not allowed it"]);
    for url in ["ftp://127.0.0.1/v1", "file:///etc/passwd", "//x", "http://", "javascript:1"] {
        let change = json!({"integration_override": {"base_url": url}});
        let answer = app.patch(&format!("/integrated-account/{id}"), &change).await;
        says(&ours(&app, &answer, 400), &["base"]);
    }
    app.shutdown().await;
}

#[tokio::test]
async fn an_allowed_network_is_reached_at_any_port_and_no_other_is() {
    let app = App::sqlite().await;
    let id = app.connect().await;
    let platform = Platform::listen().await;
    point_at(&app, &id, &platform.base_url()).await;
    let body = r#"{"orders":[]}"#;
    let heads = platform.always(format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(app.get(&unified("orders", &id)).await.ok()["result"], json!([]));
    assert_eq!(heads.lock().unwrap().len(), 1);
    for host in ["10.0.0.1", "[::1]", "169.254.169.254"] {
        point_at(&app, &id, &format!("http://{host}/v1")).await;
        says(&ours(&app, &app.get(&unified("orders", &id)).await, 502), &["operator has not allowed it"]);
    }
    // A redirect does not lead anywhere: it is not followed.
    let platform = Platform::listen().await;
    point_at(&app, &id, &platform.base_url()).await;
    let heads = platform.always(
        "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    );
    says(&ours(&app, &app.get(&unified("orders", &id)).await, 502), &["redirect", "302"]);
    assert_eq!(heads.lock().unwrap().len(), 1);
    point_at(&app, &id, &app.sandbox.base_url()).await;
    works(&app, &id).await;
    app.shutdown().await;
}
