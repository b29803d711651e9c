//! What an environment changes in its maps.

use serde_json::json;
use store::{
    Change, ChangeKind, MapOverrideFilter, MapTarget, Page, StoreError, over_both_databases,
    testing::TestDatabase,
};

use crate::samples::{environment, map};

over_both_databases!(an_override_is_kept_changed_noticed_and_deleted);

fn target(resource: &str, method: Option<&str>) -> MapTarget {
    MapTarget {
        integration: "commerce7".into(),
        model: "ecommerce".into(),
        resource: resource.into(),
        method: method.map(str::to_owned),
    }
}

async fn an_override_is_kept_changed_noticed_and_deleted(database: &TestDatabase) {
    let store = database.open().await;
    let id = environment(&store).await.id;
    let start = store.change_head().await.unwrap();
    let config = map(json!({"fields": {"vineyard": "metaData.vineyard", "tags": null}}));
    let list = store.create_map_override(&id, &target("orders", Some("list")), &config).await.unwrap();
    let all = store.create_map_override(&id, &target("orders", None), &config).await.unwrap();
    let other = store.create_map_override(&id, &target("customers", None), &config).await.unwrap();
    assert_eq!((all.version, &all.config, &all.target), (1, &config, &target("orders", None)));
    let again = store.create_map_override(&id, &target("orders", None), &config).await.unwrap_err();
    let index = "map_override_environment_id_integration_model_resource_method";
    assert!(matches!(&again, StoreError::Conflict { constraint } if constraint == index), "{again:?}");
    let nowhere = store.create_map_override("nowhere", &target("orders", None), &config).await.unwrap_err();
    assert!(matches!(nowhere, StoreError::NotFound { what: "environment" }), "{nowhere:?}");

    // What is for all methods comes before what is for one.
    let of = store.map_overrides_of(&id, "commerce7").await.unwrap();
    assert_eq!(of, [other.clone(), all.clone(), list.clone()]);
    assert_eq!(store.map_overrides_of(&id, "another").await.unwrap(), []);
    let filter = MapOverrideFilter { resource: Some("orders".into()), ..MapOverrideFilter::default() };
    let first = store.list_map_overrides(&id, &filter, &Page::first(1)).await.unwrap();
    assert_eq!(first.items, std::slice::from_ref(&list));
    let next = Page { after: first.next, ..Page::first(1) };
    let second = store.list_map_overrides(&id, &filter, &next).await.unwrap();
    assert_eq!((second.items.as_slice(), second.next), (&[all.clone()][..], None));
    let filter = MapOverrideFilter { method: Some(String::new()), ..filter };
    let second = store.list_map_overrides(&id, &filter, &next).await.unwrap();
    assert_eq!(second.items, std::slice::from_ref(&all));

    let config = map(json!({"response_mapping": "response"}));
    let updated = store.update_map_override(&id, &all.id, 1, &config).await.unwrap();
    assert_eq!((updated.version, &updated.config), (2, &config));
    assert_eq!(store.get_map_override(&id, &all.id).await.unwrap(), updated);
    let stale = store.update_map_override(&id, &all.id, 1, &config).await.unwrap_err();
    assert!(matches!(stale, StoreError::Stale { expected: 1, found: 2, .. }), "{stale:?}");
    for error in [
        store.get_map_override("another", &all.id).await.unwrap_err(),
        store.update_map_override("another", &all.id, 2, &config).await.unwrap_err(),
        store.delete_map_override("another", &all.id).await.unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::NotFound { .. }), "{error:?}");
    }
    store.delete_map_override(&id, &all.id).await.unwrap();
    assert!(store.get_map_override(&id, &all.id).await.is_err());

    let seen = store.changes_since(start).await.unwrap().changed.unwrap();
    let change = Change { kind: ChangeKind::MapOverride, key: id };
    assert_eq!(seen, vec![change; 5], "three made, one changed, one deleted");
}
