//! Records of platforms' limits.

use serde_json::{Value, json};
use store::{BudgetMerge, BudgetRecord, BudgetWrite, Store, over_both_databases, testing::TestDatabase};

over_both_databases!(
    a_record_is_written_over_the_version_that_was_read,
    fields_are_put_in_beside_what_others_wrote,
    nodes_that_write_many_at_once_wait_for_each_other,
);

fn write(name: &str, over: i64, state: &Value) -> BudgetWrite {
    BudgetWrite { name: name.into(), over, state: state.clone() }
}

fn merge(name: &str, expected: &Value, fields: &Value) -> BudgetMerge {
    BudgetMerge { name: name.into(), expected: expected.clone(), fields: fields.clone() }
}

/// What is kept of these, by name.
async fn kept(store: &Store, names: &[&str]) -> Vec<(String, i64, Value)> {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let of = |BudgetRecord { name, version, state }| (name, version, serde_json::from_str(&state).unwrap());
    let mut kept: Vec<_> = store.read_budgets(&names).await.unwrap().into_iter().map(of).collect();
    kept.sort_by_key(|(name, ..)| name.clone());
    kept
}

async fn a_record_is_written_over_the_version_that_was_read(database: &TestDatabase) {
    let store = database.open().await;
    let state = |number: i64| json!({"0": number});
    assert_eq!(kept(&store, &["a", "b"]).await, []);
    let written = store.write_budgets(&[write("b", 0, &state(1)), write("a", 0, &state(1))]).await.unwrap();
    assert_eq!(written.len(), 2);
    let again = [write("a", 0, &state(2)), write("b", 1, &state(3)), write("c", 0, &state(4))];
    let mut written = store.write_budgets(&again).await.unwrap();
    written.sort_unstable();
    assert_eq!(written, ["b", "c"], "a was written before");
    assert_eq!(store.write_budgets(&[write("b", 1, &state(5))]).await.unwrap(), [""; 0]);
    let now = [("a".into(), 1, state(1)), ("b".into(), 2, state(3)), ("c".into(), 1, state(4))];
    assert_eq!(kept(&store, &["a", "b", "c", "d"]).await, now);
    let later = "9999-01-01T00:00:00Z".parse().unwrap();
    assert_eq!(store.sweep_budgets(later).await.unwrap(), 3);
    assert_eq!(kept(&store, &["a", "b", "c"]).await, []);
}

async fn fields_are_put_in_beside_what_others_wrote(database: &TestDatabase) {
    let store = database.open().await;
    let (word, next) =
        (json!({"@me": {"until": 5, "lacks": 0}}), json!({"@me": {"until": 9, "lacks": 0}, "1": {"t": 7}}));
    assert_eq!(store.merge_budgets(&[merge("a", &word, &next)]).await.unwrap(), []);
    let state = json!({"0": {"t": 1}, "1": {"t": 1}, "@me": {"until": 5, "lacks": 0}, "lowered": null});
    let written = store.write_budgets(&[write("a", 0, &state), write("b", 0, &state)]).await.unwrap();
    assert_eq!(written.len(), 2);
    let merged = store.merge_budgets(&[merge("b", &next, &word), merge("a", &word, &next)]).await.unwrap();
    let [BudgetRecord { name, version, state }] = &merged[..] else { panic!("{merged:?}") };
    let state: Value = serde_json::from_str(state).unwrap();
    assert_eq!((name.as_str(), *version, &state["@me"], &state["1"]), ("a", 2, &next["@me"], &next["1"]));
    assert_eq!(state["0"], json!({"t": 1}));
    assert_eq!(
        store.merge_budgets(&[merge("a", &word, &next)]).await.unwrap(),
        [],
        "its word is another now"
    );
}

async fn nodes_that_write_many_at_once_wait_for_each_other(database: &TestDatabase) {
    let store = database.open().await;
    let names: Vec<String> = (0..20).map(|number| format!("limit-{number}")).collect();
    let first: Vec<_> = names.iter().map(|name| write(name, 0, &json!({}))).collect();
    store.write_budgets(&first).await.unwrap();
    let rounds = 40;
    let node = |node: &'static str, is_backwards: bool| {
        let (store, mut names) = (store.clone(), names.clone());
        if is_backwards {
            names.reverse();
        }
        async move {
            for round in 0..rounds {
                let fields = json!({ node: round });
                let merges: Vec<_> = names.iter().map(|name| merge(name, &json!({}), &fields)).collect();
                let merged = store.merge_budgets(&merges).await.unwrap();
                assert_eq!(merged.len(), names.len());
                // Others may have written since, and then it is not.
                let again = merged.into_iter().map(|BudgetRecord { name, version, state }| {
                    write(&name, version, &serde_json::from_str(&state).unwrap())
                });
                store.write_budgets(&again.collect::<Vec<_>>()).await.unwrap();
            }
        }
    };
    let nodes = [("@one", false), ("@two", true), ("@three", false)]
        .map(|(name, is_backwards)| tokio::spawn(node(name, is_backwards)));
    for node in nodes {
        node.await.unwrap();
    }
    let last = json!({"@one": rounds - 1, "@two": rounds - 1, "@three": rounds - 1});
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert!(kept(&store, &names).await.into_iter().all(|(_, _, state)| state == last));
}
