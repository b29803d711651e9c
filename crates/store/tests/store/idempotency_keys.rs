//! Keys of writes: claimed once, kept with their answer, and what becomes of a claim whose holder is gone.

use std::sync::Arc;

use jiff::SignedDuration;
use store::{
    Claim, Holding, KeptAnswer, NewClaim, Store, over_both_databases,
    testing::{TestClock, TestDatabase},
};

use crate::samples::{environment, texts, time};

over_both_databases!(
    of_many_callers_one_claims_and_all_get_its_answer,
    a_claim_whose_holder_is_gone_is_for_finding_out_only,
    what_is_known_wins_over_what_is_not,
    keys_end_and_are_swept,
);

const LEASE: SignedDuration = SignedDuration::from_secs(30);
const DAY: SignedDuration = SignedDuration::from_hours(24);

fn claim<'a>(environment_id: &'a str, key: &'a str, fingerprint: &'a str) -> NewClaim<'a> {
    NewClaim { environment_id, owner: environment_id, key, fingerprint, lease: LEASE, keep: DAY }
}

fn answer(status: u16, body: Option<&[u8]>) -> KeptAnswer {
    let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
    KeptAnswer { status, headers, body: body.map(<[u8]>::to_owned) }
}

async fn won(store: &Store, new: &NewClaim<'_>) -> Holding {
    match store.claim_idempotency_key(new).await.unwrap() {
        Claim::New(holding) => holding,
        other => panic!("not new: {other:?}"),
    }
}

async fn to_find_out(store: &Store, new: &NewClaim<'_>) -> (Holding, Option<KeptAnswer>) {
    match store.claim_idempotency_key(new).await.unwrap() {
        Claim::Unknown { holding, answer } => (holding, answer),
        other => panic!("not to be found out: {other:?}"),
    }
}

async fn of_many_callers_one_claims_and_all_get_its_answer(database: &TestDatabase) {
    let nodes = [database.open().await, database.open().await];
    let environment = environment(&nodes[0]).await;
    let mut callers = Vec::new();
    for caller in 0..16 {
        let (node, id) = (nodes[caller % 2].clone(), environment.id.clone());
        callers.push(tokio::spawn(async move {
            node.claim_idempotency_key(&claim(&id, "k", "a write")).await.unwrap()
        }));
    }
    let mut winners = Vec::new();
    for caller in callers {
        match caller.await.unwrap() {
            Claim::New(holding) => winners.push(holding),
            other => assert_eq!(other, Claim::Running),
        }
    }
    let [holding] = &winners[..] else { panic!("{} claims", winners.len()) };
    let [one, other] = nodes;

    // Another write, another owner, another key.
    let another = claim(&environment.id, "k", "another write");
    assert_eq!(other.claim_idempotency_key(&another).await.unwrap(), Claim::OtherWrite);
    let elsewhere = NewClaim { owner: "an account", ..claim(&environment.id, "k", "another write") };
    won(&other, &elsewhere).await;
    won(&other, &claim(&environment.id, "K", "another write")).await;

    let kept = answer(201, Some("Süßwein".as_bytes()));
    one.keep_answer(holding, &kept, false).await.unwrap();
    let again = other.claim_idempotency_key(&claim(&environment.id, "k", "a write")).await.unwrap();
    assert_eq!(again, Claim::Answered(kept));
    let row = texts(database, "SELECT answer FROM idempotency_key WHERE answer IS NOT NULL").await;
    assert!(row[0].starts_with("v1.") && !row[0].contains("wein"), "sealed: {row:?}");

    // Bytes, and what was too large.
    for (key, body) in [("bytes", Some(&b"\xff\0"[..])), ("none", None), ("empty", Some(b""))] {
        let new = claim(&environment.id, key, "a write");
        let holding = won(&one, &new).await;
        one.keep_answer(&holding, &answer(200, body), false).await.unwrap();
        assert_eq!(other.claim_idempotency_key(&new).await.unwrap(), Claim::Answered(answer(200, body)));
    }

    // Freed, it is anybody's.
    let new = claim(&environment.id, "free", "a write");
    let holding = won(&one, &new).await;
    one.free_claim(&holding).await.unwrap();
    won(&other, &claim(&environment.id, "free", "another write")).await;
}

async fn a_claim_whose_holder_is_gone_is_for_finding_out_only(database: &TestDatabase) {
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let store = database.open_with_clock(Arc::new(clock.clone())).await;
    let environment = environment(&store).await;
    let new = claim(&environment.id, "k", "a write");
    let holding = won(&store, &new).await;
    clock.advance(SignedDuration::from_secs(29));
    assert!(store.renew_claim(&holding, LEASE).await.unwrap());
    clock.advance(SignedDuration::from_secs(29));
    assert_eq!(store.claim_idempotency_key(&new).await.unwrap(), Claim::Running, "it was renewed");
    clock.advance(SignedDuration::from_secs(1));
    let (finder, known) = to_find_out(&store, &new).await;
    assert_eq!(known, None);
    // One finds out at a time, and the former holder's lease is over.
    assert_eq!(store.claim_idempotency_key(&new).await.unwrap(), Claim::Running);
    assert!(!store.renew_claim(&holding, LEASE).await.unwrap());
    store.abandon_claim(&finder).await.unwrap();
    let (finder, _) = to_find_out(&store, &new).await;
    // A finder that is gone as well leaves it as it was.
    clock.advance(SignedDuration::from_secs(31));
    let (second, _) = to_find_out(&store, &new).await;
    store.abandon_claim(&finder).await.unwrap();
    assert_eq!(store.claim_idempotency_key(&new).await.unwrap(), Claim::Running, "the second's claim");
    store.keep_answer(&second, &answer(200, None), false).await.unwrap();
    assert_eq!(store.claim_idempotency_key(&new).await.unwrap(), Claim::Answered(answer(200, None)));
}

async fn what_is_known_wins_over_what_is_not(database: &TestDatabase) {
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let store = database.open_with_clock(Arc::new(clock.clone())).await;
    let environment = environment(&store).await;
    // A holder that was only slow has its say; who looked meanwhile does not undo it.
    let new = claim(&environment.id, "slow", "a write");
    let slow = won(&store, &new).await;
    clock.advance(SignedDuration::from_secs(31));
    let (finder, _) = to_find_out(&store, &new).await;
    store.keep_answer(&slow, &answer(201, None), false).await.unwrap();
    store.abandon_claim(&finder).await.unwrap();
    store.keep_answer(&finder, &answer(504, None), true).await.unwrap();
    store.free_claim(&slow).await.unwrap();
    assert_eq!(store.claim_idempotency_key(&new).await.unwrap(), Claim::Answered(answer(201, None)));

    // An answer that says that nobody knows is there for who finds out, and goes when it is found out.
    let new = claim(&environment.id, "timeout", "a write");
    let holding = won(&store, &new).await;
    store.keep_answer(&holding, &answer(504, Some(b"unknown")), true).await.unwrap();
    let (finder, known) = to_find_out(&store, &new).await;
    assert_eq!(known, Some(answer(504, Some(b"unknown"))));
    assert_eq!(store.claim_idempotency_key(&new).await.unwrap(), Claim::Running);
    store.keep_answer(&finder, &answer(200, Some(b"found")), false).await.unwrap();
    assert_eq!(
        store.claim_idempotency_key(&new).await.unwrap(),
        Claim::Answered(answer(200, Some(b"found")))
    );
}

async fn keys_end_and_are_swept(database: &TestDatabase) {
    let clock = TestClock::at("2026-01-01T00:00:00Z");
    let store = database.open_with_clock(Arc::new(clock.clone())).await;
    let environment = environment(&store).await;
    for key in ["a", "b"] {
        let holding = won(&store, &claim(&environment.id, key, "a write")).await;
        store.keep_answer(&holding, &answer(200, None), false).await.unwrap();
    }
    clock.set("2026-01-01T23:59:59Z");
    let holding = won(&store, &claim(&environment.id, "late", "a write")).await;
    store.keep_answer(&holding, &answer(200, None), false).await.unwrap();
    let kept = claim(&environment.id, "a", "a write");
    assert!(matches!(store.claim_idempotency_key(&kept).await.unwrap(), Claim::Answered(_)));
    clock.set("2026-01-02T00:00:00Z");
    // Over, swept or not.
    won(&store, &claim(&environment.id, "a", "another write")).await;
    clock.set("2026-01-02T00:00:01Z");
    assert_eq!(store.sweep_idempotency_keys(time("2026-01-02T00:00:01Z")).await.unwrap(), 1);
    let left = texts(database, "SELECT name FROM idempotency_key ORDER BY name").await;
    assert_eq!(left, ["a", "late"]);
}
