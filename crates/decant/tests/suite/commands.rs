//! The operator's commands.

use testkit::{TestDatabase, over_both_databases};

use crate::program::{Installation, complaint, decant, stdout};

over_both_databases!(environments_and_tokens_are_made_listed_and_deleted, the_doctor_tells_what_is_next);

async fn environments_and_tokens_are_made_listed_and_deleted(database: &TestDatabase) {
    let installation = Installation::over(database);
    let run = |arguments: &[&str]| stdout(&mut installation.decant(arguments));
    let refused = |arguments: &[&str]| complaint(&mut installation.decant(arguments));

    assert!(refused(&["token", "create"]).contains("`decant environment create production`"));
    let id = run(&["environment", "create", "production"]);
    assert!(refused(&["environment", "create", "production"]).contains("already"));
    assert!(refused(&["environment", "create", " "]).contains("needs a name"));
    assert!(run(&["environment", "list"]).contains(id.trim()));

    let update = |more: &[&'static str]| [&["environment", "update", "production"], more].concat();
    run(&update(&[
        "--allow-origin",
        "https://app.example.com,http://localhost:5173",
        "--brand-name",
        "Cellar",
    ]));
    let link: serde_json::Value = serde_json::from_str(&run(&update(&["--brand-color", "#7b1e3a"]))).unwrap();
    assert_eq!(
        link,
        serde_json::json!({
            "allowed_origins": ["https://app.example.com", "http://localhost:5173"],
            "brand": {"name": "Cellar", "color": "#7b1e3a"},
        })
    );
    assert!(refused(&update(&["--allow-origin", "http://app.example.com"])).contains("write it as"));

    let token = run(&["token", "create", "--name", "erp", "--expires-in", "90d"]);
    assert!(token.trim().starts_with("decant_api_"), "{token}");
    assert_eq!(token.lines().count(), 1, "standard output is the token alone");
    assert!(refused(&["token", "create", "--expires-in", "-1d"]).contains("90d"));
    let list = run(&["token", "list"]);
    assert!(list.contains("erp") && !list.contains(token.trim()), "{list}");

    let program = installation.serve();
    program.get("/environment", token.trim()).await.ok();
    let row = list.lines().find(|line| line.contains("erp")).unwrap();
    run(&["token", "delete", row.split_whitespace().next().unwrap()]);
    // The node has the token at hand and learns of the deletion by itself.
    while program.get("/environment", token.trim()).await.status != 401 {
        tokio::task::yield_now().await;
    }
    assert!(refused(&["token", "delete", "no-such-token"]).contains("no such API token"));
}

async fn the_doctor_tells_what_is_next(database: &TestDatabase) {
    let installation = Installation::over(database);
    insta::assert_snapshot!("doctor_before", stdout(&mut installation.decant(&["doctor"])));
    installation.token();
    insta::assert_snapshot!("doctor_after", stdout(&mut installation.decant(&["doctor"])));
    let open = installation.decant(&["doctor", "--allow-network", "0.0.0.0/0"]).output().unwrap();
    assert_eq!(open.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&open.stdout).contains("name the networks that are needed"));
    let untrusted = installation.decant(&["doctor", "--platform-ca-file", "gone.pem"]).output().unwrap();
    assert_eq!(untrusted.status.code(), Some(1));
    let said = String::from_utf8_lossy(&untrusted.stdout).into_owned();
    assert!(said.contains("WRONG  the certificates in gone.pem") && said.contains("PEM"), "{said}");
}

#[test]
fn the_description_is_printed_for_generators() {
    let folder = tempfile::tempdir().unwrap();
    let document: serde_json::Value =
        serde_json::from_str(&stdout(&mut decant(folder.path(), ["openapi"]))).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/unified/ecommerce/orders"]["get"].is_object());
}

#[test]
fn a_misspelt_command_or_option_is_answered_with_the_nearest() {
    let folder = tempfile::tempdir().unwrap();
    for (arguments, hint) in [(&["serv"][..], "'serve'"), (&["serve", "--lisen", "x"], "'--listen'")] {
        let output = decant(folder.path(), arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(hint), "{said}");
    }
    let said = complaint(&mut decant(folder.path(), ["serve", "--log", "loud,,="]));
    assert!(said.contains("try `info`"), "{said}");
}
