//! Records of platforms' limits.

use serde_json::{Value, json};
use store::{BudgetRecord, Change, ChangeKind, over_both_databases, testing::TestDatabase};

over_both_databases!(
    a_record_is_written_over_the_version_that_was_read,
    fields_are_put_in_beside_what_others_wrote,
    a_node_that_asks_is_heard,
);

async fn a_record_is_written_over_the_version_that_was_read(database: &TestDatabase) {
    let store = database.open().await;
    assert_eq!(store.read_budget("a").await.unwrap(), None);
    assert!(store.write_budget("a", 0, r#"{"0":1}"#).await.unwrap());
    assert!(!store.write_budget("a", 0, r#"{"0":2}"#).await.unwrap());
    assert!(store.write_budget("a", 1, r#"{"0":3}"#).await.unwrap());
    assert!(!store.write_budget("a", 1, r#"{"0":4}"#).await.unwrap());
    let BudgetRecord { version, state } = store.read_budget("a").await.unwrap().unwrap();
    assert_eq!((version, serde_json::from_str::<Value>(&state).unwrap()), (2, json!({"0": 3})));
    let later = "9999-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(store.sweep_budgets(later).await.unwrap(), 1);
    assert_eq!(store.read_budget("a").await.unwrap(), None);
}

async fn fields_are_put_in_beside_what_others_wrote(database: &TestDatabase) {
    let store = database.open().await;
    let (word, next) =
        (json!({"@me": {"until": 5, "lacks": 0}}), json!({"@me": {"until": 9, "lacks": 0}, "1": {"t": 7}}));
    assert_eq!(store.merge_budget("a", &word, &next).await.unwrap(), None);
    let state = r#"{"0":{"t":1},"1":{"t":1},"@me":{"until":5,"lacks":0},"lowered":null}"#;
    assert!(store.write_budget("a", 0, state).await.unwrap());
    let merged = store.merge_budget("a", &word, &next).await.unwrap().unwrap();
    let state: Value = serde_json::from_str(&merged.state).unwrap();
    assert_eq!((merged.version, &state["@me"], &state["1"]), (2, &next["@me"], &next["1"]));
    assert_eq!(state["0"], json!({"t": 1}));
    assert_eq!(store.merge_budget("a", &word, &next).await.unwrap(), None, "its word is another by now");
}

async fn a_node_that_asks_is_heard(database: &TestDatabase) {
    let store = database.open().await;
    let head = store.change_head().await.unwrap();
    store.ask_for_budget("a").await.unwrap();
    let changes = store.changes_since(head).await.unwrap();
    assert_eq!(changes.changed.unwrap(), [Change { kind: ChangeKind::Budget, key: "a".into() }]);
}
