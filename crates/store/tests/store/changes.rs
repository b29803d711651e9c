//! How nodes learn of each other's changes.

use serde_json::json;
use store::{
    AccountPatch, AccountStatus, Change, ChangeKind, EnvironmentIntegrationPatch, StoreError, Token,
    over_both_databases, testing::TestDatabase,
};

use crate::samples::{account, map, no_events, no_events_of_a_change};

over_both_databases!(
    each_change_is_seen_once_by_another_node,
    a_reader_misses_nothing_while_others_write,
    whoever_is_too_far_behind_forgets_everything,
);

async fn each_change_is_seen_once_by_another_node(database: &TestDatabase) {
    let (here, there) = (database.open().await, database.open().await);
    let account = account(&here).await;
    let hash = Token::generate("decant_api").unwrap().hash();
    let token = here.create_api_token(&account.environment_id, "ci", None, &hash, no_events).await.unwrap();

    let start = there.change_head().await.unwrap();
    let patch = AccountPatch { status: Some(AccountStatus::Active), ..Default::default() };
    here.update_integrated_account(&account.environment_id, &account.id, None, patch, no_events_of_a_change)
        .await
        .unwrap();
    here.delete_api_token(&account.environment_id, &token.id, Vec::new()).await.unwrap();
    let patch = EnvironmentIntegrationPatch { overrides: Some(map(json!({"a": 1}))), ..Default::default() };
    let installed = &account.environment_integration_id;
    here.update_environment_integration(&account.environment_id, installed, None, &patch, no_events)
        .await
        .unwrap();
    here.delete_environment_integration(&account.environment_id, installed, no_events).await.unwrap();

    let seen = there.changes_since(start).await.unwrap();
    let change = |kind, key: &str| Change { kind, key: key.to_owned() };
    let expected = [
        change(ChangeKind::IntegratedAccount, &account.id),
        change(ChangeKind::ApiToken, hash.as_str()),
        change(ChangeKind::EnvironmentIntegration, installed),
        change(ChangeKind::IntegratedAccount, &account.id),
        change(ChangeKind::EnvironmentIntegration, installed),
    ];
    assert_eq!(seen.changed.as_deref(), Some(&expected[..]));
    let again = there.changes_since(seen.head).await.unwrap();
    assert_eq!((again.head, again.changed), (seen.head, Some(Vec::new())));
}

async fn a_reader_misses_nothing_while_others_write(database: &TestDatabase) {
    let writers = [database.open().await, database.open().await];
    let reader = database.open().await;
    let made = account(&writers[0]).await;
    let start = reader.change_head().await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..30 {
        let (node, made) = (writers[index % 2].clone(), made.clone());
        tasks.spawn(async move {
            let patch = AccountPatch { tenant_id: Some(index.to_string()), ..Default::default() };
            node.update_integrated_account(
                &made.environment_id,
                &made.id,
                None,
                patch,
                no_events_of_a_change,
            )
            .await
            .unwrap();
        });
    }
    let (mut head, mut seen) = (start, 0);
    while seen < 30 {
        let changes = reader.changes_since(head).await.unwrap();
        seen += changes.changed.expect("nothing is missing").len();
        head = changes.head;
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!((head, seen), (start + 30, 30));
}

async fn whoever_is_too_far_behind_forgets_everything(database: &TestDatabase) {
    let store = database.open().await;
    let made = account(&store).await;
    let head = store.change_head().await.unwrap();
    store
        .modify_integrated_account(
            &made.environment_id,
            &made.id,
            |_| {
                let patch = AccountPatch { is_sandbox: Some(true), ..Default::default() };
                Ok::<_, StoreError>(patch)
            },
            no_events_of_a_change,
        )
        .await
        .unwrap();
    let behind = store.changes_since(head - 20_000).await.unwrap();
    assert_eq!((behind.head, behind.changed), (head + 1, None));
}
