//! Log rows.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use store::{
    LogFilter, NewLogEntry, Page, StoreError, TimeRange, over_both_databases, testing::TestDatabase,
};

use crate::samples::time;

over_both_databases!(
    a_row_is_read_back_as_it_was_added,
    rows_come_newest_first_in_pages_without_gaps,
    filters_hold_together,
    old_rows_are_deleted,
    a_foreign_cursor_is_refused,
);

fn entry(created_at: Timestamp) -> NewLogEntry {
    NewLogEntry {
        created_at,
        log_type: "unified_proxy_api".into(),
        environment_id: "environment".into(),
        ..Default::default()
    }
}

fn minute(minute: i64) -> Timestamp {
    time("2026-01-01T00:00:00Z") + SignedDuration::from_mins(minute)
}

async fn a_row_is_read_back_as_it_was_added(database: &TestDatabase) {
    let store = database.open().await;
    let full = NewLogEntry {
        integrated_account_id: Some("account".into()),
        tenant_id: Some("acme".into()),
        integration: Some("winery".into()),
        request_type: Some("unified".into()),
        resource: Some("orders".into()),
        method: Some("list".into()),
        http_method: Some("GET".into()),
        http_url: Some("https://api.example/order".into()),
        http_status_code: Some(503),
        http_status_category: Some("5xx".into()),
        duration: Some(120),
        fetch_duration: Some(110),
        result_count: Some(50),
        integrated_account_needs_reauth: true,
        logs: vec![json!({"page": 1}), json!("done")],
        message: Some("Süßwein 'quoted' \u{1f377}".into()),
        ..entry(time("2026-01-01T00:00:00.001Z"))
    };
    let bare = entry(minute(1));
    store.insert_logs(&[full.clone(), bare.clone()]).await.unwrap();
    let listed = store.list_logs("environment", &LogFilter::default(), &Page::first(10)).await.unwrap();
    assert_eq!(listed.items.into_iter().map(|row| row.entry).collect::<Vec<_>>(), [bare, full]);
    let other = store.list_logs("other", &LogFilter::default(), &Page::first(10)).await.unwrap();
    assert_eq!(other.items, []);
}

/// More rows than one statement takes, several at the same microsecond.
async fn rows_come_newest_first_in_pages_without_gaps(database: &TestDatabase) {
    let store = database.open().await;
    let entries: Vec<_> = (0..203).map(|index| entry(minute(index / 10))).collect();
    store.insert_logs(&entries).await.unwrap();
    let mut page = Page::first(40);
    let mut rows = Vec::new();
    loop {
        let listed = store.list_logs("environment", &LogFilter::default(), &page).await.unwrap();
        rows.extend(listed.items);
        page.after = listed.next;
        if page.after.is_none() {
            break;
        }
    }
    assert!(rows.is_sorted_by(|one, next| one.entry.created_at >= next.entry.created_at));
    assert_eq!(rows.iter().map(|row| &row.id).collect::<HashSet<_>>().len(), 203);
}

fn text<T: From<&'static str>>(value: &'static str) -> Option<T> {
    Some(value.into())
}

async fn filters_hold_together(database: &TestDatabase) {
    let store = database.open().await;
    let entries = [
        NewLogEntry {
            resource: text("orders"),
            http_status_code: Some(200),
            http_status_category: text("2xx"),
            ..entry(minute(1))
        },
        NewLogEntry {
            resource: text("orders"),
            http_status_code: Some(404),
            http_status_category: text("4xx"),
            method: text("get"),
            ..entry(minute(2))
        },
        NewLogEntry {
            integrated_account_id: text("account"),
            tenant_id: text("acme"),
            integration: text("winery"),
            request_type: text("proxy"),
            http_method: text("POST"),
            integrated_account_needs_reauth: true,
            ..entry(minute(3))
        },
        NewLogEntry { log_type: "webhook".into(), ..entry(minute(4)) },
    ];
    store.insert_logs(&entries).await.unwrap();
    let none = LogFilter::default;
    let range = |range: TimeRange| LogFilter { created_at: range, ..none() };
    for (filter, minutes) in [
        (none(), vec![4, 3, 2, 1]),
        (LogFilter { log_type: text("webhook"), ..none() }, vec![4]),
        (LogFilter { resource: text("orders"), ..none() }, vec![2, 1]),
        (LogFilter { resource: text("orders"), http_status_category: text("4xx"), ..none() }, vec![2]),
        (LogFilter { http_status_code: Some(200), ..none() }, vec![1]),
        (LogFilter { method: text("get"), ..none() }, vec![2]),
        (LogFilter { integrated_account_id: text("account"), ..none() }, vec![3]),
        (LogFilter { tenant_id: text("acme"), integration: text("winery"), ..none() }, vec![3]),
        (LogFilter { request_type: text("proxy"), http_method: text("POST"), ..none() }, vec![3]),
        (LogFilter { integrated_account_needs_reauth: Some(false), ..none() }, vec![4, 2, 1]),
        (range(TimeRange { gt: Some(minute(1)), lt: Some(minute(4)), ..Default::default() }), vec![3, 2]),
    ] {
        let listed = store.list_logs("environment", &filter, &Page::first(10)).await.unwrap();
        let expected: Vec<_> = minutes.into_iter().map(minute).collect();
        assert_eq!(
            listed.items.iter().map(|row| row.entry.created_at).collect::<Vec<_>>(),
            expected,
            "{filter:?}"
        );
    }
}

async fn old_rows_are_deleted(database: &TestDatabase) {
    let store = database.open().await;
    let entries: Vec<_> = (0..6_000).map(|index| entry(minute(index))).collect();
    store.insert_logs(&entries).await.unwrap();
    assert_eq!(store.delete_logs(minute(5_990)).await.unwrap(), 5_990);
    let left = store.list_logs("environment", &LogFilter::default(), &Page::first(100)).await.unwrap();
    assert_eq!(left.items.len(), 10);
    assert_eq!(store.delete_logs(minute(5_990)).await.unwrap(), 0);
}

async fn a_foreign_cursor_is_refused(database: &TestDatabase) {
    let store = database.open().await;
    for cursor in ["", "x", "12", "x_y", "9999999999999999999999_a"] {
        let page = Page { limit: 1, after: Some(cursor.to_owned()) };
        let error = store.list_logs("environment", &LogFilter::default(), &page).await.unwrap_err();
        assert!(matches!(error, StoreError::BadCursor), "{cursor:?} {error:?}");
    }
}
