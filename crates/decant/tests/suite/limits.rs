//! The API's own limits, as an operator sets them.

use testkit::TestDatabase;

use crate::program::{Installation, Program, decant, sandbox};

#[tokio::test]
async fn both_limits_are_set_by_option_or_variable() {
    let database = TestDatabase::sqlite();
    let installation = Installation::over(&database);
    let (token, sandbox) = (installation.token(), sandbox().await);
    let serve = ["serve", "--allow-network", "127.0.0.0/8", "--account-limit", "1/1h"];
    let program = Program::start(installation.decant(&serve).env("DECANT_TOKEN_LIMIT", "5/1h"));
    let account = program.connect(&token, &sandbox).await;
    let orders = format!("/unified/ecommerce/orders?integrated_account_id={account}&limit=1");
    program.get(&orders, &token).await.ok();
    let refused = program.get(&orders, &token).await.refused(429);
    assert!(refused.contains("integrated account") && refused.contains("1 calls in 3600 s"), "{refused}");
    program.get("/environment", &token).await.ok();
    let refused = program.get("/environment", &token).await.refused(429);
    assert!(refused.contains("this token") && refused.contains("5 calls in 3600 s"), "{refused}");
}

#[test]
fn a_limit_that_can_not_be_meant_is_refused_with_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    for (limit, said) in [
        ("500", "write it as 500/10s"),
        ("0/10s", "leave it out for no limit"),
        ("many/10s", "\"many\" is no number of calls"),
        ("500/ten", "write it as 60s, 12h or 31d"),
        ("500/0s", "longer than nothing"),
        ("500/2d", "longer than a day"),
    ] {
        for option in ["--token-limit", "--account-limit"] {
            let output = decant(folder.path(), ["serve", option, limit]).output().unwrap();
            assert_eq!(output.status.code(), Some(2), "{limit}");
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(complaint.contains(option) && complaint.contains(said), "{complaint}");
        }
    }
}
