//! Environments and what is installed in them.

use serde_json::json;
use store::{
    EnvironmentIntegrationPatch, NewEnvironmentIntegration, Page, StoreError, over_both_databases,
    testing::TestDatabase,
};

use crate::samples::{account, environment, installed, map, no_events, secrets};

over_both_databases!(
    a_name_is_taken_once,
    environments_are_found_by_id_and_name,
    lists_are_paged,
    installing_again_changes_nothing,
    an_override_is_replaced_whole_and_the_version_raised,
    a_stale_version_is_refused,
    another_environments_row_is_not_found,
    override_secrets_are_sealed,
    deleting_takes_the_accounts_along,
);

async fn a_name_is_taken_once(database: &TestDatabase) {
    let store = database.open().await;
    environment(&store).await;
    let error = store.create_environment("production").await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Conflict { constraint } if constraint == "environment_name"),
        "{error:?}"
    );
}

async fn environments_are_found_by_id_and_name(database: &TestDatabase) {
    let store = database.open().await;
    let made = environment(&store).await;
    assert_eq!(store.get_environment(&made.id).await.unwrap(), made);
    assert_eq!(store.find_environment("production").await.unwrap(), Some(made));
    assert_eq!(store.find_environment("Production").await.unwrap(), None);
    let error = store.get_environment("other").await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { what: "environment" }), "{error:?}");
}

async fn lists_are_paged(database: &TestDatabase) {
    let store = database.open().await;
    for name in ["a", "b", "c", "d", "e"] {
        store.create_environment(name).await.unwrap();
    }
    let mut page = Page::first(2);
    let mut names = Vec::new();
    loop {
        let listed = store.list_environments(&page).await.unwrap();
        names.push(listed.items.into_iter().map(|environment| environment.name).collect::<String>());
        page.after = listed.next;
        if page.after.is_none() {
            break;
        }
    }
    assert_eq!(names, ["ab", "cd", "e"]);
}

async fn installing_again_changes_nothing(database: &TestDatabase) {
    let store = database.open().await;
    let environment = environment(&store).await;
    let first = installed(&store, &environment, "winery").await;
    let again = store
        .install_integration(
            &NewEnvironmentIntegration {
                environment_id: environment.id.clone(),
                integration: "winery".to_owned(),
                is_enabled: false,
                show_in_catalog: false,
                overrides: map(json!({"base_url": "https://elsewhere.example"})),
                secrets: Some(secrets(json!({"key": "another"}))),
            },
            no_events,
        )
        .await
        .unwrap();
    assert_eq!(again, first);
    let listed =
        store.list_environment_integrations(&environment.id, Some("winery"), &Page::first(10)).await.unwrap();
    assert_eq!(listed.items, [first]);
}

async fn an_override_is_replaced_whole_and_the_version_raised(database: &TestDatabase) {
    let store = database.open().await;
    let environment = environment(&store).await;
    let row = installed(&store, &environment, "winery").await;
    for (version, overrides) in [(2, json!({"pagination": {"limit": 50}})), (3, json!({"headers": {}}))] {
        let patch =
            EnvironmentIntegrationPatch { overrides: Some(map(overrides.clone())), ..Default::default() };
        let updated = store
            .update_environment_integration(&environment.id, &row.id, None, &patch, no_events)
            .await
            .unwrap();
        assert_eq!(updated.version, version);
        assert_eq!(updated.overrides, map(overrides));
        assert!(updated.is_enabled, "what the patch leaves out is kept");
        assert_eq!(store.get_environment_integration(&environment.id, &row.id).await.unwrap(), updated);
    }
}

async fn a_stale_version_is_refused(database: &TestDatabase) {
    let store = database.open().await;
    let environment = environment(&store).await;
    let row = installed(&store, &environment, "winery").await;
    let patch = EnvironmentIntegrationPatch { is_enabled: Some(false), ..Default::default() };
    let error = store
        .update_environment_integration(&environment.id, &row.id, Some(7), &patch, no_events)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Stale { expected: 7, found: 1, .. }), "{error:?}");
    assert_eq!(store.get_environment_integration(&environment.id, &row.id).await.unwrap(), row);
}

async fn another_environments_row_is_not_found(database: &TestDatabase) {
    let store = database.open().await;
    let row = installed(&store, &environment(&store).await, "winery").await;
    let other = store.create_environment("staging").await.unwrap();
    let patch = EnvironmentIntegrationPatch::default();
    for error in [
        store.get_environment_integration(&other.id, &row.id).await.unwrap_err(),
        store.update_environment_integration(&other.id, &row.id, None, &patch, no_events).await.unwrap_err(),
        store.delete_environment_integration(&other.id, &row.id, no_events).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::NotFound { what: "environment integration" }), "{error:?}");
    }
    assert_eq!(store.get_environment_integration(&row.environment_id, &row.id).await.unwrap(), row);
}

async fn override_secrets_are_sealed(database: &TestDatabase) {
    let store = database.open().await;
    let environment = environment(&store).await;
    let row = installed(&store, &environment, "winery").await;
    assert!(store.open_environment_integration_secrets(&row).await.unwrap().is_empty());
    let given = secrets(json!({"app_secret": "hush"}));
    let patch = EnvironmentIntegrationPatch { secrets: Some(given.clone()), ..Default::default() };
    let row = store
        .update_environment_integration(&environment.id, &row.id, Some(1), &patch, no_events)
        .await
        .unwrap();
    assert!(!format!("{row:?}").contains("hush"));
    assert_eq!(store.open_environment_integration_secrets(&row).await.unwrap(), given);
}

async fn deleting_takes_the_accounts_along(database: &TestDatabase) {
    let store = database.open().await;
    let account = account(&store).await;
    let (environment, installed) = (&account.environment_id, &account.environment_integration_id);
    store.delete_environment_integration(environment, installed, no_events).await.unwrap();
    let error = store.get_integrated_account(environment, &account.id).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { what: "integrated account" }), "{error:?}");
}
