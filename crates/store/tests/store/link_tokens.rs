//! Link tokens: tried with until their account is active, then used up.

use std::sync::Arc;

use serde_json::json;
use store::{
    AccountPatch, AccountStatus, LinkTarget, LinkToken, NewIntegratedAccount, NewLinkToken, Store,
    StoreError, Token, TokenHash, over_both_databases,
    testing::{TestClock, TestDatabase},
};

use crate::samples::{
    account, environment, installed, map, new_account, no_events, no_events_of_a_change, secrets, time,
};

over_both_databases!(
    a_link_token_is_found_by_its_digest_and_its_context_is_sealed,
    a_link_token_may_be_tried_with_until_its_account_is_active,
    of_two_who_use_a_link_token_at_once_one_wins,
    an_active_account_uses_up_no_token_that_another_way_made_it_so,
    ended_link_tokens_are_swept,
);

async fn token(store: &Store, environment: &str, target: LinkTarget) -> (LinkToken, TokenHash) {
    let text = Token::uuid().unwrap();
    let new = NewLinkToken {
        environment_id: environment.to_owned(),
        target,
        settings: map(json!({"scopes": ["read"]})),
        context: secrets(json!({"api_key": "t0p-s3cret"})),
        expires_at: time("2026-01-08T00:00:00Z"),
    };
    (store.create_link_token(&new, &text.hash()).await.unwrap(), text.hash())
}

async fn open(database: &TestDatabase) -> Store {
    database.open_with_clock(Arc::new(TestClock::at("2026-01-01T00:00:00Z"))).await
}

fn status(status: AccountStatus) -> AccountPatch {
    AccountPatch { status: Some(status), ..AccountPatch::default() }
}

#[test]
fn a_link_token_has_the_form_of_a_uuid() {
    let token = Token::uuid().unwrap();
    let parts: Vec<usize> = token.expose().split('-').map(str::len).collect();
    assert_eq!(parts, [8, 4, 4, 4, 12]);
    assert_eq!(&token.expose()[14..15], "4");
    assert_ne!(token.expose(), Token::uuid().unwrap().expose());
}

async fn a_link_token_is_found_by_its_digest_and_its_context_is_sealed(database: &TestDatabase) {
    let store = open(database).await;
    let environment = environment(&store).await;
    let (made, hash) = token(&store, &environment.id, LinkTarget::Tenant("acme".into())).await;
    assert_eq!((made.tenant_id.as_str(), made.is_reconnect, made.used_at), ("acme", false, None));
    assert_eq!(made.integrated_account_id, None);
    assert_eq!(store.find_link_token(&hash).await.unwrap(), Some(made.clone()));
    assert_eq!(
        store.open_link_token_context(&made).await.unwrap(),
        secrets(json!({"api_key": "t0p-s3cret"}))
    );
    let kept =
        crate::samples::texts(database, "SELECT coalesce(secrets, '') || settings || hash FROM link_token")
            .await;
    assert!(!kept[0].contains("t0p-s3cret"));

    let other = store.create_environment("staging").await.unwrap();
    let account = store
        .create_integrated_account(
            &new_account(&installed(&store, &environment, "winery").await, "acme"),
            no_events,
        )
        .await
        .unwrap();
    let (again, _) = token(&store, &environment.id, LinkTarget::Account(account.id.clone())).await;
    assert_eq!((again.is_reconnect, again.tenant_id.as_str()), (true, "acme"));
    assert_eq!(again.integrated_account_id, Some(account.id.clone()));
    let new = NewLinkToken {
        environment_id: other.id,
        target: LinkTarget::Account(account.id),
        settings: map(json!({})),
        context: secrets(json!({})),
        expires_at: time("2026-01-08T00:00:00Z"),
    };
    let error = store.create_link_token(&new, &Token::uuid().unwrap().hash()).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { what: "integrated account" }), "{error:?}");
}

/// The first try of a token.
async fn try_new(store: &Store, link_token: &LinkToken) -> Result<store::IntegratedAccount, StoreError> {
    let environment = store.get_environment(&link_token.environment_id).await.unwrap();
    let installed = installed(store, &environment, "winery").await;
    let new = NewIntegratedAccount {
        link_token_id: Some(link_token.id.clone()),
        ..new_account(&installed, "acme")
    };
    store.create_integrated_account(&new, no_events).await
}

async fn change(
    store: &Store,
    account: &store::IntegratedAccount,
    patch: AccountPatch,
) -> Result<store::IntegratedAccount, StoreError> {
    let (environment, id) = (&account.environment_id, &account.id);
    store.update_integrated_account(environment, id, None, patch, no_events_of_a_change).await
}

fn again(link_token: &LinkToken) -> AccountPatch {
    AccountPatch { link_token_id: Some(link_token.id.clone()), ..status(AccountStatus::Connecting) }
}

async fn a_link_token_may_be_tried_with_until_its_account_is_active(database: &TestDatabase) {
    let store = open(database).await;
    let environment = environment(&store).await;
    let (made, hash) = token(&store, &environment.id, LinkTarget::Tenant("acme".into())).await;
    let account = try_new(&store, &made).await.unwrap();
    assert_eq!((account.attempt, account.activated_at), (1, None));
    let tried = store.find_link_token(&hash).await.unwrap().unwrap();
    assert_eq!((tried.integrated_account_id.as_ref(), tried.used_at), (Some(&account.id), None));
    change(&store, &account, status(AccountStatus::ValidationError)).await.unwrap();

    // Not for another account; for the same one, as often as needed.
    assert!(matches!(try_new(&store, &made).await, Err(StoreError::NotFound { what: "link token" })));
    let account = change(&store, &account, again(&made)).await.unwrap();
    assert_eq!(account.attempt, 2);
    let account = change(&store, &account, status(AccountStatus::Active)).await.unwrap();
    assert!(account.activated_at.is_some());
    assert!(store.find_link_token(&hash).await.unwrap().unwrap().used_at.is_some());
    let error = change(&store, &account, again(&made)).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { what: "link token" }), "{error:?}");
    let now = store.get_integrated_account(&environment.id, &account.id).await.unwrap();
    assert_eq!((now.status, now.attempt), (AccountStatus::Active, 2), "a refused try changes nothing");
}

async fn of_two_who_use_a_link_token_at_once_one_wins(database: &TestDatabase) {
    let store = open(database).await;
    let environment = environment(&store).await;
    installed(&store, &environment, "winery").await;
    let (made, _) = token(&store, &environment.id, LinkTarget::Tenant("acme".into())).await;
    let (one, other) = tokio::join!(try_new(&store, &made), try_new(&store, &made));
    assert_eq!([one.is_ok(), other.is_ok()].iter().filter(|won| **won).count(), 1);
    let all = store
        .list_integrated_accounts(&environment.id, &store::AccountFilter::default(), &store::Page::first(9))
        .await
        .unwrap();
    assert_eq!(all.items.len(), 1);
}

async fn an_active_account_uses_up_no_token_that_another_way_made_it_so(database: &TestDatabase) {
    let store = open(database).await;
    let account = account(&store).await;
    let (again, hash) = token(&store, &account.environment_id, LinkTarget::Account(account.id.clone())).await;
    change(&store, &account, status(AccountStatus::Active)).await.unwrap();
    let kept = store.find_link_token(&hash).await.unwrap().unwrap();
    assert_eq!((kept.id, kept.used_at), (again.id, None));
}

async fn ended_link_tokens_are_swept(database: &TestDatabase) {
    let store = open(database).await;
    let environment = environment(&store).await;
    let (_, hash) = token(&store, &environment.id, LinkTarget::Tenant("acme".into())).await;
    assert_eq!(store.sweep_link_tokens(time("2026-01-08T00:00:00Z")).await.unwrap(), 0);
    assert_eq!(store.sweep_link_tokens(time("2026-01-08T00:00:01Z")).await.unwrap(), 1);
    assert_eq!(store.find_link_token(&hash).await.unwrap(), None);
}
