//! Integrated accounts.

use std::sync::Arc;

use serde_json::{Value, json};
use store::{
    AccountFilter, AccountPatch, AccountStatus, Page, StoreError, TimeRange, over_both_databases,
    testing::{TestClock, TestDatabase},
};

use crate::samples::{
    account, environment, installed, map, new_account, no_events, no_events_of_a_change, secrets, time,
};

over_both_databases!(
    an_account_is_read_back_as_it_was_made,
    an_account_needs_an_installed_integration_of_its_environment,
    a_patch_keeps_what_it_leaves_out_and_clears_what_it_nulls,
    a_patch_without_a_difference_writes_nothing,
    a_stale_version_is_refused,
    a_refused_decision_changes_nothing,
    writers_at_once_lose_no_update,
    another_environments_account_is_not_found,
    filters_hold_together,
    lists_are_paged,
    secrets_are_replaced_whole,
);

async fn an_account_is_read_back_as_it_was_made(database: &TestDatabase) {
    let clock = TestClock::at("2026-03-01T12:00:00.123456Z");
    let store = database.open_with_clock(Arc::new(clock)).await;
    let made = account(&store).await;
    // What is finer than the API shows is not kept: by the time that was shown the row is found.
    assert_eq!(made.created_at, time("2026-03-01T12:00:00.123Z"));
    assert_eq!((made.integration.as_str(), made.version), ("winery", 1));
    assert_eq!(made.context, map(json!({"tenant": "vineyard"})));
    assert_eq!(made.last_error, None);
    assert_eq!(store.get_integrated_account(&made.environment_id, &made.id).await.unwrap(), made);
    let opened = store.open_account_secrets(&made).await.unwrap();
    assert_eq!(opened.get("app_secret"), Some(&Value::from("s3cr3t")));
    assert_eq!(opened.expose()["oauth"]["token"]["access_token"], "t0k3n");
    assert!(!format!("{made:?} {opened:?}").contains("s3cr3t"));
}

async fn an_account_needs_an_installed_integration_of_its_environment(database: &TestDatabase) {
    let store = database.open().await;
    let installed = installed(&store, &environment(&store).await, "winery").await;
    let mut new = new_account(&installed, "acme");
    new.environment_id = store.create_environment("staging").await.unwrap().id;
    let error = store.create_integrated_account(&new, no_events).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { what: "environment integration" }), "{error:?}");
}

async fn a_patch_keeps_what_it_leaves_out_and_clears_what_it_nulls(database: &TestDatabase) {
    let clock = TestClock::at("2026-03-01T12:00:00Z");
    let store = database.open_with_clock(Arc::new(clock.clone())).await;
    let made = account(&store).await;
    clock.set("2026-03-01T12:00:01Z");
    let patch = AccountPatch {
        status: Some(AccountStatus::NeedsReauth),
        last_error: Some(Some(json!({"status": 401}))),
        ..Default::default()
    };
    let failed = store
        .update_integrated_account(&made.environment_id, &made.id, Some(1), patch, no_events_of_a_change)
        .await
        .unwrap();
    assert_eq!(failed.updated_at, time("2026-03-01T12:00:01Z"));
    assert_eq!(failed.version, 2);
    let expected = store::IntegratedAccount {
        status: AccountStatus::NeedsReauth,
        last_error: Some(json!({"status": 401})),
        version: 2,
        updated_at: failed.updated_at,
        ..made
    };
    assert_eq!(failed, expected);
    let patch =
        AccountPatch { status: Some(AccountStatus::Active), last_error: Some(None), ..Default::default() };
    let active = store
        .update_integrated_account(&failed.environment_id, &failed.id, None, patch, no_events_of_a_change)
        .await
        .unwrap();
    assert_eq!((active.last_error.clone(), active.version), (None, 3));
    assert_eq!(store.get_integrated_account(&active.environment_id, &active.id).await.unwrap(), active);
    assert_eq!(store.open_account_secrets(&active).await.unwrap().get("app_secret"), Some(&json!("s3cr3t")));
}

async fn a_patch_without_a_difference_writes_nothing(database: &TestDatabase) {
    let store = database.open().await;
    let made = account(&store).await;
    let head = store.change_head().await.unwrap();
    let patch = AccountPatch { context: Some(made.context.clone()), ..Default::default() };
    let same = store
        .update_integrated_account(&made.environment_id, &made.id, None, patch, no_events_of_a_change)
        .await
        .unwrap();
    assert_eq!(same, made);
    assert_eq!(store.get_integrated_account(&made.environment_id, &made.id).await.unwrap(), made);
    assert_eq!(store.change_head().await.unwrap(), head);
}

async fn a_stale_version_is_refused(database: &TestDatabase) {
    let store = database.open().await;
    let made = account(&store).await;
    let patch = |tenant: &str| AccountPatch { tenant_id: Some(tenant.to_owned()), ..Default::default() };
    store
        .update_integrated_account(
            &made.environment_id,
            &made.id,
            Some(1),
            patch("first"),
            no_events_of_a_change,
        )
        .await
        .unwrap();
    let error = store
        .update_integrated_account(
            &made.environment_id,
            &made.id,
            Some(1),
            patch("second"),
            no_events_of_a_change,
        )
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Stale { expected: 1, found: 2, .. }), "{error:?}");
    let now = store.get_integrated_account(&made.environment_id, &made.id).await.unwrap();
    assert_eq!(now.tenant_id, "first");
}

async fn a_refused_decision_changes_nothing(database: &TestDatabase) {
    let store = database.open().await;
    let made = account(&store).await;
    let refused = store
        .modify_integrated_account(
            &made.environment_id,
            &made.id,
            |_| Err(StoreError::BadCursor),
            no_events_of_a_change,
        )
        .await;
    assert!(refused.is_err());
    assert_eq!(store.get_integrated_account(&made.environment_id, &made.id).await.unwrap(), made);
    // The write connection is free again.
    store.create_environment("after").await.unwrap();
}

/// Two nodes, many tasks: each adds one key to the context it finds.
async fn writers_at_once_lose_no_update(database: &TestDatabase) {
    let nodes = [database.open().await, database.open().await];
    let made = account(&nodes[0]).await;
    let mut tasks = tokio::task::JoinSet::new();
    for index in 0..40 {
        let (node, made) = (nodes[index % 2].clone(), made.clone());
        tasks.spawn(async move {
            node.modify_integrated_account(
                &made.environment_id,
                &made.id,
                |account| {
                    let mut context = account.context.clone();
                    context.insert(format!("key{index}"), json!(index));
                    Ok::<_, StoreError>(AccountPatch { context: Some(context), ..Default::default() })
                },
                no_events_of_a_change,
            )
            .await
            .unwrap();
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let now = nodes[1].get_integrated_account(&made.environment_id, &made.id).await.unwrap();
    assert_eq!((now.context.len(), now.version), (41, 41));
}

async fn another_environments_account_is_not_found(database: &TestDatabase) {
    let store = database.open().await;
    let made = account(&store).await;
    let other = store.create_environment("staging").await.unwrap();
    let patch = AccountPatch { is_sandbox: Some(true), ..Default::default() };
    for error in [
        store.get_integrated_account(&other.id, &made.id).await.unwrap_err(),
        store
            .update_integrated_account(&other.id, &made.id, None, patch, no_events_of_a_change)
            .await
            .unwrap_err(),
        store.delete_integrated_account(&other.id, &made.id, Vec::new()).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::NotFound { what: "integrated account" }), "{error:?}");
    }
    assert_eq!(store.get_integrated_account(&made.environment_id, &made.id).await.unwrap(), made);
}

async fn filters_hold_together(database: &TestDatabase) {
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let store = database.open_with_clock(Arc::new(clock.clone())).await;
    let environment = environment(&store).await;
    let winery = installed(&store, &environment, "winery").await;
    let shop = installed(&store, &environment, "shop").await;
    for (day, installed, tenant, status, is_sandbox) in [
        (1, &winery, "acme", AccountStatus::Active, false),
        (2, &winery, "acme", AccountStatus::NeedsReauth, true),
        (3, &shop, "acme", AccountStatus::Active, false),
        (4, &winery, "other", AccountStatus::Active, false),
    ] {
        clock.set(&format!("2026-01-0{day}T00:00:00Z"));
        let new = store::NewIntegratedAccount { status, is_sandbox, ..new_account(installed, tenant) };
        store.create_integrated_account(&new, no_events).await.unwrap();
    }
    let days = async |filter: AccountFilter| {
        let listed =
            store.list_integrated_accounts(&environment.id, &filter, &Page::first(10)).await.unwrap();
        listed
            .items
            .iter()
            .map(|account| account.created_at.to_string()[8..10].to_owned())
            .collect::<Vec<_>>()
    };
    let none = AccountFilter::default;
    assert_eq!(days(none()).await, ["01", "02", "03", "04"]);
    assert_eq!(days(AccountFilter { tenant_id: Some("acme".into()), ..none() }).await, ["01", "02", "03"]);
    assert_eq!(days(AccountFilter { integration: Some("shop".into()), ..none() }).await, ["03"]);
    let filter = AccountFilter { environment_integration_id: Some(winery.id.clone()), ..none() };
    assert_eq!(days(filter).await, ["01", "02", "04"]);
    let filter = AccountFilter { status: Some(AccountStatus::NeedsReauth), is_sandbox: Some(true), ..none() };
    assert_eq!(days(filter).await, ["02"]);
    let filter = AccountFilter { is_sandbox: Some(false), tenant_id: Some("acme".into()), ..none() };
    assert_eq!(days(filter).await, ["01", "03"]);
    let bounds = |range: TimeRange| AccountFilter { created_at: range, ..none() };
    let (second, fourth) = (Some(time("2026-01-02T00:00:00Z")), Some(time("2026-01-04T00:00:00Z")));
    let range = TimeRange { gt: second, lt: fourth, ..Default::default() };
    assert_eq!(days(bounds(range)).await, ["03"]);
    let range = TimeRange { gte: second, lte: fourth, ..Default::default() };
    assert_eq!(days(bounds(range)).await, ["02", "03", "04"]);
    assert_eq!(days(bounds(TimeRange { eq: second, ..Default::default() })).await, ["02"]);
    let filter = AccountFilter { updated_at: TimeRange { gt: fourth, ..Default::default() }, ..none() };
    assert_eq!(days(filter).await, [""; 0]);
    let filter = AccountFilter { tenant_id: Some("x' OR '1'='1".into()), ..none() };
    assert_eq!(days(filter).await, [""; 0]);
}

/// Also with a clock that stands still.
async fn lists_are_paged(database: &TestDatabase) {
    let store = database.open_with_clock(Arc::new(TestClock::at("2026-01-01T00:00:00Z"))).await;
    let environment = environment(&store).await;
    let installed = installed(&store, &environment, "winery").await;
    let mut expected = Vec::new();
    for index in 0..7 {
        let new = new_account(&installed, &index.to_string());
        expected.push(store.create_integrated_account(&new, no_events).await.unwrap().id);
    }
    let filter = AccountFilter { integration: Some("winery".into()), ..Default::default() };
    let mut page = Page::first(3);
    let mut ids = Vec::new();
    loop {
        let listed = store.list_integrated_accounts(&environment.id, &filter, &page).await.unwrap();
        ids.extend(listed.items.into_iter().map(|account| account.id));
        page.after = listed.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(ids, expected);
}

async fn secrets_are_replaced_whole(database: &TestDatabase) {
    let store = database.open().await;
    let made = account(&store).await;
    let patch = AccountPatch { secrets: Some(secrets(json!({"app_secret": "new"}))), ..Default::default() };
    let updated = store
        .update_integrated_account(&made.environment_id, &made.id, None, patch, no_events_of_a_change)
        .await
        .unwrap();
    assert_eq!(updated.version, 2);
    assert_eq!(
        store.open_account_secrets(&updated).await.unwrap().expose(),
        &map(json!({"app_secret": "new"}))
    );
}
