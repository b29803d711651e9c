//! Records in the unified shape.

use testkit::{App, TestDatabase, over_both_databases};

over_both_databases!(a_list_is_walked_to_its_end_and_holds_every_record_once);

async fn a_list_is_walked_to_its_end_and_holds_every_record_once(database: &TestDatabase) {
    let app = App::start(database).await;
    let account = app.connect().await;
    for (resource, count) in [
        ("customers", app.tenant().counts.customers),
        ("orders", app.tenant().counts.orders),
        ("products", app.tenant().counts.products),
    ] {
        for limit in [7, 50, 250] {
            let mut ids = std::collections::BTreeSet::new();
            let mut cursor = String::new();
            loop {
                let path = format!(
                    "/unified/ecommerce/{resource}?integrated_account_id={account}&limit={limit}&next_cursor={cursor}"
                );
                let page = app.get(&path).await.ok();
                let records = page["result"].as_array().unwrap();
                assert_eq!(page["result_count"], records.len());
                for record in records {
                    assert!(ids.insert(record["id"].as_str().unwrap().to_owned()));
                }
                match page["next_cursor"].as_str() {
                    Some(next) => {
                        assert_eq!(records.len(), limit);
                        next.clone_into(&mut cursor);
                    }
                    None => break,
                }
            }
            assert_eq!(ids.len(), count, "{resource} by {limit}");
        }
    }
    app.shutdown().await;
}
