//! Events: written with their cause, or not at all.

use std::sync::Arc;

use serde_json::json;
use store::{
    AccountPatch, AccountStatus, Event, EventFilter, IntegratedAccount, NewEvent, Page, Store, StoreError,
    TimeRange, over_both_databases,
    testing::{TestClock, TestDatabase},
};

use crate::samples::{account, environment, installed, new_account, no_events, time};

over_both_databases!(
    an_event_is_written_with_its_cause_and_outlives_its_account,
    events_are_listed_newest_first,
    accounts_that_never_became_active_are_swept,
);

fn told(event: &'static str, account: &str) -> NewEvent {
    NewEvent { event, integrated_account_id: Some(account.to_owned()), payload: json!({"id": account}) }
}

async fn all(store: &Store, environment: &str, filter: EventFilter) -> Vec<Event> {
    store.list_events(environment, &filter, &Page::first(50)).await.unwrap().items
}

fn names(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.event.as_str()).collect()
}

async fn an_event_is_written_with_its_cause_and_outlives_its_account(database: &TestDatabase) {
    let store = database.open().await;
    let account = account(&store).await;
    let (environment, id) = (&account.environment_id, &account.id);
    let patch = |text: &str| AccountPatch { tenant_id: Some(text.to_owned()), ..AccountPatch::default() };
    store
        .update_integrated_account(environment, id, None, patch("b"), |before, after| {
            assert_eq!((before.tenant_id.as_str(), after.tenant_id.as_str()), ("acme", "b"));
            vec![told("integrated_account:updated", id)]
        })
        .await
        .unwrap();
    // Nothing may be told as well; what is refused tells nothing.
    let told_of = |event| {
        move |before: &IntegratedAccount, after: &IntegratedAccount| {
            assert_eq!(before, after);
            vec![told(event, &after.id)]
        }
    };
    let same = told_of("integrated_account:post_connect_form_submitted");
    let same = store.update_integrated_account(environment, id, None, patch("b"), same).await.unwrap();
    assert_eq!(store.get_integrated_account(environment, id).await.unwrap(), same);
    assert_eq!(same.version, 2);
    let never = |_: &_, _: &_| -> Vec<NewEvent> { panic!("it was refused") };
    store.update_integrated_account(environment, id, Some(1), patch("c"), never).await.unwrap_err();
    let bad = AccountPatch { link_token_id: Some("none".into()), ..patch("c") };
    let refused = store
        .update_integrated_account(environment, id, None, bad, |_, _| {
            vec![told("integrated_account:updated", id)]
        })
        .await;
    assert!(matches!(refused, Err(StoreError::NotFound { what: "link token" })));
    store
        .delete_integrated_account(environment, id, vec![told("integrated_account:deleted", id)])
        .await
        .unwrap();
    store
        .delete_integrated_account(environment, id, vec![told("integrated_account:deleted", id)])
        .await
        .unwrap_err();
    let events = all(&store, environment, EventFilter::default()).await;
    assert_eq!(
        names(&events),
        [
            "integrated_account:deleted",
            "integrated_account:post_connect_form_submitted",
            "integrated_account:updated",
        ]
    );
    assert_eq!(events[0].integrated_account_id.as_ref(), Some(id));
    assert_eq!(events[0].payload, json!({"id": id}));
}

async fn events_are_listed_newest_first(database: &TestDatabase) {
    let clock = Arc::new(TestClock::at("2026-01-01T00:00:00Z"));
    let store = database.open_with_clock(clock.clone()).await;
    let environment = environment(&store).await;
    let installed = installed(&store, &environment, "winery").await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        let new = new_account(&installed, "acme");
        let made = store.create_integrated_account(&new, |account| {
            vec![
                told("integrated_account:created", &account.id),
                told("integrated_account:active", &account.id),
            ]
        });
        ids.push(made.await.unwrap().id);
        clock.advance(jiff::SignedDuration::from_secs(60));
    }
    let mut seen = Vec::new();
    let mut page = Page::first(4);
    loop {
        let listed = store.list_events(&environment.id, &EventFilter::default(), &page).await.unwrap();
        seen.extend(listed.items);
        match listed.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    let (active, created) = ("integrated_account:active", "integrated_account:created");
    assert_eq!(names(&seen), [active, created, active, created, active, created]);
    assert_eq!(seen[0].integrated_account_id.as_ref(), Some(&ids[2]));
    let of = |filter| all(&store, &environment.id, filter);
    let one = of(EventFilter { integrated_account_id: Some(ids[1].clone()), ..Default::default() }).await;
    assert_eq!(one.len(), 2);
    let some = of(EventFilter { event: Some(created.into()), ..Default::default() }).await;
    assert_eq!(some.len(), 3);
    let since = TimeRange { gte: Some(time("2026-01-01T00:01:00Z")), ..Default::default() };
    assert_eq!(of(EventFilter { created_at: since, ..Default::default() }).await.len(), 4);
    assert!(all(&store, "another", EventFilter::default()).await.is_empty());
    assert_eq!(store.delete_events(time("2026-01-01T00:01:00Z")).await.unwrap(), 2);
    assert_eq!(of(EventFilter::default()).await.len(), 4);
}

async fn accounts_that_never_became_active_are_swept(database: &TestDatabase) {
    let clock = Arc::new(TestClock::at("2026-01-01T00:00:00Z"));
    let store = database.open_with_clock(clock.clone()).await;
    let environment = environment(&store).await;
    let installed = installed(&store, &environment, "winery").await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(
            store.create_integrated_account(&new_account(&installed, "acme"), no_events).await.unwrap(),
        );
    }
    for status in [AccountStatus::Active, AccountStatus::ValidationError] {
        let patch = AccountPatch { status: Some(status), ..AccountPatch::default() };
        let none = |_: &_, _: &_| Vec::new();
        store.update_integrated_account(&environment.id, &made[0].id, None, patch, none).await.unwrap();
    }
    clock.advance(jiff::SignedDuration::from_hours(1));
    // Tried again lately.
    let patch = AccountPatch { status: Some(AccountStatus::PostInstallError), ..AccountPatch::default() };
    let none = |_: &_, _: &_| Vec::new();
    store.update_integrated_account(&environment.id, &made[1].id, None, patch, none).await.unwrap();
    let swept = store
        .sweep_integrated_accounts(time("2026-01-01T00:30:00Z"), |id| {
            vec![told("integrated_account:deleted", id)]
        })
        .await
        .unwrap();
    assert_eq!(swept, 1);
    let left = store
        .list_integrated_accounts(&environment.id, &store::AccountFilter::default(), &Page::first(9))
        .await
        .unwrap();
    assert_eq!(left.items.iter().map(|account| &account.id).collect::<Vec<_>>(), [&made[0].id, &made[1].id]);
    let events = all(&store, &environment.id, EventFilter::default()).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].integrated_account_id.as_ref(), Some(&made[2].id));
}
