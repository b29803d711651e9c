//! API tokens and account tokens.

use std::{collections::HashSet, sync::Arc};

use store::{
    Page, StoreError, Token, over_both_databases,
    testing::{TestClock, TestDatabase},
    token,
};

use crate::samples::{account, environment, no_events, time};

over_both_databases!(
    an_api_token_is_found_by_its_digest_until_it_is_deleted,
    api_tokens_are_listed_by_name,
    a_digest_is_kept_once,
    a_token_needs_its_environment,
    an_account_token_ends_with_its_account,
    ended_account_tokens_are_swept,
);

#[test]
fn tokens_differ_and_tell_nothing_in_debug() {
    let tokens: Vec<_> = (0..100).map(|_| Token::generate("decant_api").unwrap()).collect();
    let texts: HashSet<_> = tokens.iter().map(Token::expose).collect();
    assert_eq!(texts.len(), tokens.len());
    for token in &tokens {
        assert_eq!(token.expose().len(), "decant_api_".len() + 43);
        assert_eq!(token::hash(token.expose()), token.hash());
        assert!(!format!("{token:?}").contains(token.expose()));
        assert!(!token.hash().as_str().contains(token.expose()));
    }
}

#[test]
fn the_digest_is_sha_256() {
    // The test vector of FIPS 180-2, appendix B.1.
    assert_eq!(
        token::hash("abc").as_str(),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}

async fn an_api_token_is_found_by_its_digest_until_it_is_deleted(database: &TestDatabase) {
    let store = database.open().await;
    let environment = environment(&store).await;
    let hash = Token::generate("decant_api").unwrap().hash();
    let expires_at = Some(time("2027-01-01T00:00:00.000001Z"));
    let made = store.create_api_token(&environment.id, "ci", expires_at, &hash, no_events).await.unwrap();
    assert_eq!(made.expires_at, expires_at);
    assert_eq!(store.find_api_token(&hash).await.unwrap(), Some(made.clone()));

    let other = store.create_environment("staging").await.unwrap();
    assert!(store.delete_api_token(&other.id, &made.id, Vec::new()).await.is_err());
    store.delete_api_token(&environment.id, &made.id, Vec::new()).await.unwrap();
    assert_eq!(store.find_api_token(&hash).await.unwrap(), None);
}

async fn api_tokens_are_listed_by_name(database: &TestDatabase) {
    let store = database.open().await;
    let environment = environment(&store).await;
    for name in ["ci", "shop", "ci"] {
        let hash = Token::generate("decant_api").unwrap().hash();
        store.create_api_token(&environment.id, name, None, &hash, no_events).await.unwrap();
    }
    let all = store.list_api_tokens(&environment.id, None, &Page::first(10)).await.unwrap();
    assert_eq!(all.items.iter().map(|token| token.name.as_str()).collect::<Vec<_>>(), ["ci", "shop", "ci"]);
    let named = store.list_api_tokens(&environment.id, Some("ci"), &Page::first(1)).await.unwrap();
    assert_eq!(named.items, all.items[..1]);
    let page = Page { limit: 1, after: named.next };
    let named = store.list_api_tokens(&environment.id, Some("ci"), &page).await.unwrap();
    assert_eq!(named.items, all.items[2..]);
    assert_eq!(named.next, None);
}

async fn a_digest_is_kept_once(database: &TestDatabase) {
    let store = database.open().await;
    let environment = environment(&store).await;
    let hash = Token::generate("decant_api").unwrap().hash();
    store.create_api_token(&environment.id, "ci", None, &hash, no_events).await.unwrap();
    let error = store.create_api_token(&environment.id, "again", None, &hash, no_events).await.unwrap_err();
    assert!(
        matches!(&error, StoreError::Conflict { constraint } if constraint == "api_token_hash"),
        "{error:?}"
    );
    assert!(!format!("{error:?}").contains(hash.as_str()));
}

async fn a_token_needs_its_environment(database: &TestDatabase) {
    let store = database.open().await;
    let hash = Token::generate("decant_api").unwrap().hash();
    let error = store.create_api_token("none", "ci", None, &hash, no_events).await.unwrap_err();
    assert!(matches!(error, StoreError::NotFound { what: "environment" }), "{error:?}");
    let account = account(&store).await;
    let other = store.create_environment("staging").await.unwrap();
    let error = store
        .create_account_token(&other.id, &account.id, time("2027-01-01T00:00:00Z"), &hash)
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::NotFound { what: "integrated account" }), "{error:?}");
}

async fn an_account_token_ends_with_its_account(database: &TestDatabase) {
    let store = database.open().await;
    let account = account(&store).await;
    let hash = Token::generate("decant_account").unwrap().hash();
    let made = store
        .create_account_token(&account.environment_id, &account.id, time("2027-01-01T00:00:00Z"), &hash)
        .await
        .unwrap();
    assert_eq!(store.find_account_token(&hash).await.unwrap(), Some(made));
    store.delete_integrated_account(&account.environment_id, &account.id, Vec::new()).await.unwrap();
    assert_eq!(store.find_account_token(&hash).await.unwrap(), None);
}

async fn ended_account_tokens_are_swept(database: &TestDatabase) {
    let store = database.open_with_clock(Arc::new(TestClock::at("2026-01-01T00:00:00Z"))).await;
    let account = account(&store).await;
    let mut hashes = Vec::new();
    for end in ["2026-01-01T00:14:59Z", "2026-01-01T00:15:00Z"] {
        let hash = Token::generate("decant_account").unwrap().hash();
        store.create_account_token(&account.environment_id, &account.id, time(end), &hash).await.unwrap();
        hashes.push(hash);
    }
    assert_eq!(store.sweep_account_tokens(time("2026-01-01T00:15:00Z")).await.unwrap(), 1);
    assert_eq!(store.find_account_token(&hashes[0]).await.unwrap(), None);
    assert!(store.find_account_token(&hashes[1]).await.unwrap().is_some());
}
