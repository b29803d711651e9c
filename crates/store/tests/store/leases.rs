//! Leases: one holder at a time, over all nodes.

use std::sync::Arc;

use jiff::SignedDuration;
use store::{
    over_both_databases,
    testing::{TestClock, TestDatabase},
};

use crate::samples::time;

over_both_databases!(a_lease_has_one_holder_until_it_is_given_back_or_ends);

const LASTS: SignedDuration = SignedDuration::from_secs(30);

async fn a_lease_has_one_holder_until_it_is_given_back_or_ends(database: &TestDatabase) {
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let one = database.open_with_clock(Arc::new(clock.clone())).await;
    let other = database.open_with_clock(Arc::new(clock.clone())).await;
    let held = one.take_lease("a", LASTS).await.unwrap().unwrap();
    assert!(other.take_lease("a", LASTS).await.unwrap().is_none());
    assert!(one.take_lease("a", LASTS).await.unwrap().is_none(), "not the same node either");
    assert!(other.take_lease("b", LASTS).await.unwrap().is_some());
    one.give_back_lease(held).await.unwrap();
    let held = other.take_lease("a", LASTS).await.unwrap().unwrap();

    // Of several that find it ended, one gets it; who had it takes it from nobody.
    clock.advance(LASTS);
    let (first, second) = tokio::join!(one.take_lease("a", LASTS), other.take_lease("a", LASTS));
    let taken = [first.unwrap(), second.unwrap()];
    assert_eq!(taken.iter().flatten().count(), 1);
    other.give_back_lease(held).await.unwrap();
    assert!(one.take_lease("a", LASTS).await.unwrap().is_none());

    assert_eq!(one.sweep_oauth_states(time("2026-01-01T00:00:01Z")).await.unwrap(), 0);
    assert_eq!(one.sweep_oauth_states(time("2026-01-02T00:00:00Z")).await.unwrap(), 2);
}
