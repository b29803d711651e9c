//! `decant serve`: its start, its end, and what survives both.

use std::io::Write as _;

use reqwest::Method;
use serde_json::Value;
use testkit::{Fault, FaultRule, TestDatabase, over_both_databases};

use crate::program::{Installation, Program, complaint, decant, sandbox, stdout};

over_both_databases!(
    what_was_connected_survives_a_kill,
    keys_are_rotated_while_it_serves,
    a_wrong_master_key_is_refused_at_start,
    an_orderly_end_lets_running_calls_finish_and_writes_the_log,
);

fn orders(account: &str) -> String {
    format!("/unified/ecommerce/orders?integrated_account_id={account}&limit=3")
}

async fn what_was_connected_survives_a_kill(database: &TestDatabase) {
    let installation = Installation::over(database);
    let (token, sandbox) = (installation.token(), sandbox().await);
    let program = installation.serve();
    let account = program.connect(&token, &sandbox).await;
    let before = program.get(&orders(&account), &token).await.ok();
    program.kill();

    let program = installation.serve();
    assert_eq!(program.get(&orders(&account), &token).await.ok(), before);
}

async fn keys_are_rotated_while_it_serves(database: &TestDatabase) {
    let installation = Installation::over(database);
    let (token, sandbox) = (installation.token(), sandbox().await);
    let program = installation.serve();
    let account = program.connect(&token, &sandbox).await;

    // Two keys: the new one first, the one that wraps what is there after it.
    let new = "next:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let keys = format!("{new},{}", database.master_key());
    let rotated = stdout(installation.decant(&["key", "rotate"]).env("DECANT_MASTER_KEY", &keys));
    assert!(rotated.contains("master key next wraps"), "{rotated}");
    program.get(&orders(&account), &token).await.ok();
    let second = program.connect(&token, &sandbox).await;
    program.kill();

    let program = Program::start(
        installation.decant(&["serve", "--allow-network", "127.0.0.0/8"]).env("DECANT_MASTER_KEY", new),
    );
    for account in [account, second] {
        program.get(&orders(&account), &token).await.ok();
    }
}

async fn a_wrong_master_key_is_refused_at_start(database: &TestDatabase) {
    let installation = Installation::over(database);
    installation.token();
    let other = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let refused =
        complaint(installation.decant(&["serve", "--listen", "127.0.0.1:0"]).env("DECANT_MASTER_KEY", other));
    assert!(refused.contains("master key"), "{refused}");
    assert!(!refused.contains(other), "{refused}");
}

async fn an_orderly_end_lets_running_calls_finish_and_writes_the_log(database: &TestDatabase) {
    let installation = Installation::over(database);
    let (token, sandbox) = (installation.token(), sandbox().await);
    let program = installation.serve();
    let account = program.connect(&token, &sandbox).await;

    sandbox.requests().clear();
    sandbox.faults().add(FaultRule::new(Fault::Latency { milliseconds: 500 }).path("/v1/order"));
    let call = tokio::spawn(program.request(Method::GET, &orders(&account), &token).send());
    while sandbox.requests().list().is_empty() {
        tokio::task::yield_now().await;
    }
    program.signal("TERM");
    let answer = call.await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    let answer: Value = answer.json().await.unwrap();
    assert_eq!(answer["result_count"], 3);
    let (status, log) = program.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    for secret in [&token, &sandbox.tenants()[0].app_secret] {
        assert!(!log.contains(secret.as_str()), "{log}");
    }

    let program = installation.serve();
    let rows = program.get("/log?resource=ecommerce/orders", &token).await.ok();
    assert_eq!(rows["result"][0]["result_count"], 3, "{rows}");
}

#[test]
fn a_first_start_makes_the_database_and_a_key_that_only_its_owner_reads() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut decant(folder.path(), ["serve"]));
    program.signal("INT");
    let (status, log) = program.ended();
    assert_eq!(status.code(), Some(0), "{log}");
    let mode = |name: &str| folder.path().join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("decant.key"), 0o600);
    assert!(folder.path().join("decant.db").is_file());

    // Without its key the database is of no use, and the program says so and makes no other.
    std::fs::remove_file(folder.path().join("decant.key")).unwrap();
    let refused = complaint(&mut decant(folder.path(), ["serve", "--listen", "127.0.0.1:0"]));
    assert!(refused.contains("master key"), "{refused}");
    assert!(!folder.path().join("decant.key").exists());
}

#[tokio::test]
async fn times_are_counted_so_that_nodes_can_be_added_up() {
    let folder = tempfile::tempdir().unwrap();
    let program = Program::start(&mut decant(folder.path(), ["serve"]));
    program.get("/healthz", "").await;
    let metrics = program.get("/metrics", "").await.text;
    for bound in ["0.001", "60", "+Inf"] {
        let line = "decant_http_request_duration_seconds_bucket{method=\"GET\",route=\"/healthz\",le=";
        assert!(metrics.contains(&format!("{line}\"{bound}\"}} ")), "{metrics}");
    }
}

#[test]
fn an_address_in_use_is_told_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = complaint(&mut decant(folder.path(), ["serve", "--listen", &address]));
    assert!(refused.contains(&address) && refused.contains("--listen"), "{refused}");
}

#[test]
fn a_database_that_can_not_be_reached_is_told_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let stranger = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("postgres://decant:hunter2@{}/decant", stranger.local_addr().unwrap());
    std::thread::spawn(move || {
        while let Ok((mut client, _)) = stranger.accept() {
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let serve =
        |url: &str| decant(folder.path(), ["serve", "--listen", "127.0.0.1:0", "--database-url", url]);
    let refused = complaint(&mut serve(&url));
    assert!(refused.contains("database"), "{refused}");
    assert!(!refused.contains("hunter2"), "{refused}");
    let refused = complaint(&mut serve("mysql://x"));
    assert!(refused.contains("postgres://") && refused.contains("sqlite:"), "{refused}");
}
