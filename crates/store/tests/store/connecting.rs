//! What connecting an account leaves behind until it is done: people who were sent to a platform, passwords for installs.

use std::sync::Arc;

use serde_json::json;
use store::{
    StoreError, Token, over_both_databases,
    testing::{TestClock, TestDatabase},
};

use crate::samples::{environment, installed, no_events, secrets, time};

over_both_databases!(
    who_comes_back_is_taken_once_and_in_time,
    a_password_for_installs_is_known_by_its_digest,
);

async fn who_comes_back_is_taken_once_and_in_time(database: &TestDatabase) {
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let store = database.open_with_clock(Arc::new(clock.clone())).await;
    let environment = environment(&store).await;
    let kept = secrets(json!({"verifier": "v3r1f13r"}));
    let ends = time("2026-01-01T00:10:00Z");
    let (token, late) = (Token::generate("state").unwrap(), Token::generate("state").unwrap());
    for token in [&token, &late] {
        store.create_oauth_state(&environment.id, &token.hash(), &kept, ends).await.unwrap();
    }
    let taken = store.take_oauth_state(&token.hash()).await.unwrap().unwrap();
    assert_eq!((taken.environment_id, taken.secrets), (environment.id, kept));
    assert!(store.take_oauth_state(&token.hash()).await.unwrap().is_none(), "twice");
    clock.set("2026-01-01T00:10:00Z");
    assert!(store.take_oauth_state(&late.hash()).await.unwrap().is_none(), "too late");
}

async fn a_password_for_installs_is_known_by_its_digest(database: &TestDatabase) {
    let store = database.open().await;
    let environment = environment(&store).await;
    let installed = installed(&store, &environment, "commerce7").await;
    let (first, second) = (Token::generate("install").unwrap(), Token::generate("install").unwrap());
    let found = async |token: &Token| {
        store.find_by_install_credential(&installed.id, &token.hash()).await.unwrap().map(|row| row.id)
    };
    assert_eq!(found(&first).await, None);
    store.set_install_credential(&environment.id, &installed.id, &first.hash()).await.unwrap();
    assert_eq!(found(&first).await.as_ref(), Some(&installed.id));
    store.set_install_credential(&environment.id, &installed.id, &second.hash()).await.unwrap();
    assert_eq!((found(&first).await, found(&second).await), (None, Some(installed.id.clone())));
    let foreign = store.set_install_credential("another", &installed.id, &first.hash()).await;
    assert!(matches!(foreign, Err(StoreError::NotFound { .. })), "{foreign:?}");
    store.delete_environment_integration(&environment.id, &installed.id, no_events).await.unwrap();
    assert_eq!(found(&second).await, None);
}
