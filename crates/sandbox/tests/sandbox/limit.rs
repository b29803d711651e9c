//! The rate limit, by a clock that stands still until it is moved.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use sandbox::{AppDecisions, Clock, ManualClock, Options, RequestStyle};
use serde_json::{Value, json};

use crate::support::{CURSOR_LISTS, Served, answer, serve, serve_with_clock, small};

async fn limited(options: Options) -> (Served, ManualClock) {
    let start: Timestamp = "2026-11-02T20:00:00Z".parse().unwrap();
    let (clock, hand) = Clock::manual(start);
    (serve_with_clock(Options { rate_limit: 100, ..options }, clock).await, hand)
}

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

async fn status(served: &Served, path: &str) -> u16 {
    served.get(path).await.status.as_u16()
}

/// Asks `count` times and gives how many were answered with 200.
async fn taken(served: &Served, path: &str, count: usize) -> usize {
    let mut taken = 0;
    for _ in 0..count {
        taken += usize::from(status(served, path).await == 200);
    }
    taken
}

#[tokio::test]
async fn a_hundred_requests_a_minute_and_then_429() {
    let (served, hand) = limited(small()).await;
    assert_eq!(taken(&served, "/order?limit=1", 100).await, 100);
    let refused = served.get("/order?limit=1").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    let body = refused.json();
    assert_eq!(body["statusCode"], 429);
    assert!(refused.headers.get("retry-after").is_none(), "none is known of Commerce7's");

    hand.advance(SignedDuration::from_millis(59_999));
    assert_eq!(status(&served, "/order?limit=1").await, 429);
    hand.advance(SignedDuration::from_millis(1));
    assert_eq!(taken(&served, "/order?limit=1", 101).await, 100);
    assert_eq!(served.sandbox.requests().throttled(), 3);
}

#[tokio::test]
async fn the_window_slides_and_refusals_do_not_count() {
    let (served, hand) = limited(small()).await;
    assert_eq!(taken(&served, "/club", 60).await, 60);
    hand.advance(seconds(40));
    assert_eq!(taken(&served, "/club", 60).await, 40);
    // The first sixty leave the window; the forty stay, the refused twenty never were in it.
    hand.advance(seconds(20));
    assert_eq!(taken(&served, "/club", 70).await, 60);
    hand.advance(seconds(40));
    assert_eq!(taken(&served, "/club", 50).await, 40);
}

#[tokio::test]
async fn cursor_requests_are_neither_counted_nor_refused() {
    let (served, _hand) = limited(small()).await;
    for (path, _) in CURSOR_LISTS {
        assert_eq!(taken(&served, &format!("{path}?cursor=start"), 20).await, 20, "{path}");
    }
    assert_eq!(taken(&served, "/order", 100).await, 100);
    assert_eq!(status(&served, "/order").await, 429);
    assert_eq!(status(&served, "/order?cursor=start&channel=Web").await, 200);
}

#[tokio::test]
async fn a_cursor_does_not_help_where_there_is_none() {
    let (served, _hand) = limited(small()).await;
    assert_eq!(taken(&served, "/club?cursor=start", 101).await, 100);
    assert_eq!(status(&served, "/wine-varietal?cursor=start").await, 429);
}

#[tokio::test]
async fn single_objects_and_wrong_questions_count_as_well() {
    let (served, _hand) = limited(small()).await;
    let order = served.ok("/order?cursor=start&limit=1").await["orders"][0]["id"].clone();
    let order = format!("/order/{}", order.as_str().unwrap());
    assert_eq!(taken(&served, &order, 97).await, 97);
    assert_eq!(status(&served, "/order/x").await, 404);
    assert_eq!(status(&served, "/order?x=y").await, 422);
    let write = answer(served.request(Method::POST, "/customer")).await;
    assert_eq!(write.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(status(&served, &order).await, 429);
    let write = answer(served.request(Method::POST, "/customer")).await;
    assert_eq!(write.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn each_winery_has_a_limit_of_its_own_and_strangers_use_up_none() {
    let (served, _hand) = limited(Options { tenants: 2, ..small() }).await;
    for _ in 0..150 {
        let stranger = served.bare(Method::GET, "/order").header("tenant", &served.tenant().name);
        assert_eq!(answer(stranger).await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(taken(&served, "/club", 101).await, 100);
    let other = &served.sandbox.tenants()[1];
    let request = served.request_of(other, Method::GET, "/club");
    assert_eq!(answer(request).await.status, StatusCode::OK);
}

#[tokio::test]
async fn beyond_page_one_hundred_one_a_minute() {
    let (served, hand) = limited(small()).await;
    assert_eq!(status(&served, "/order?limit=1&page=100").await, 200);
    assert_eq!(status(&served, "/order?limit=1&page=100").await, 200);
    assert_eq!(status(&served, "/order?limit=1&page=101").await, 200);
    assert_eq!(status(&served, "/order?limit=1&page=102").await, 429);
    assert_eq!(status(&served, "/customer?limit=1&page=102").await, 429);
    assert_eq!(status(&served, "/order?limit=1&page=100").await, 200, "earlier pages go on");
    hand.advance(seconds(59));
    assert_eq!(status(&served, "/order?limit=1&page=102").await, 429);
    hand.advance(seconds(1));
    assert_eq!(status(&served, "/order?limit=1&page=102").await, 200);
    assert_eq!(status(&served, "/order?limit=1&page=103").await, 429);
}

#[tokio::test]
async fn body_and_headers_of_a_429_are_as_configured() {
    let options = Options {
        rate_limit_body: r#"{"wait":{seconds}}"#.to_owned(),
        rate_limit_header: vec!["Retry-After: {seconds}".to_owned(), "X-Limit: 100".to_owned()],
        ..small()
    };
    let (served, hand) = limited(options).await;
    assert_eq!(taken(&served, "/club", 100).await, 100);
    hand.advance(SignedDuration::from_millis(30_500));
    let refused = served.get("/club").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.text, r#"{"wait":30}"#);
    assert_eq!(refused.headers["retry-after"], "30");
    assert_eq!(refused.headers["x-limit"], "100");
}

#[tokio::test]
async fn a_shorter_window_is_a_minute_that_passes_faster() {
    let options = Options {
        limit_window: Duration::from_secs(6),
        rate_limit_header: vec!["Retry-After: {seconds}".to_owned()],
        ..small()
    };
    let (served, hand) = limited(options).await;
    assert_eq!(status(&served, "/order?limit=1&page=101").await, 200);
    assert_eq!(taken(&served, "/club", 100).await, 99);
    hand.advance(SignedDuration::from_millis(1_001));
    assert_eq!(served.get("/club").await.headers["retry-after"], "5");
    hand.advance(SignedDuration::from_millis(4_998));
    assert_eq!(status(&served, "/club").await, 429);
    hand.advance(SignedDuration::from_millis(1));
    assert_eq!(status(&served, "/order?limit=1&page=102").await, 200);
    assert_eq!(status(&served, "/order?limit=1&page=103").await, 429);
    assert_eq!(taken(&served, "/club", 100).await, 99);
}

#[tokio::test]
async fn all_apps_of_a_winery_share_its_limit() {
    let (served, hand) = limited(Options { apps: 2, tenants: 2, ..small() }).await;
    assert_eq!(taken(&served, "/club", 60).await, 60);
    hand.advance(seconds(10));
    assert_eq!(taken_by_second(&served, 50).await, 40);
    assert_eq!(taken(&served, "/club", 1).await, 0);
    let cursor = answer(by_second(&served, "/order?cursor=start")).await;
    assert_eq!(cursor.status, StatusCode::OK, "what is free is free for every app");

    let tenant = served.tenant();
    let record = served.sandbox.requests().limit();
    assert_eq!((record.amount, record.window_ms, record.now_ms), (100, 60_000, 10_000));
    let row = |app: &str, accepted: (u64, i64), throttled: u64| AppDecisions {
        tenant: tenant.name.clone(),
        app: Some(app.to_owned()),
        accepted: accepted.0,
        throttled,
        accepted_at: vec![accepted.1; accepted.0 as usize],
        throttled_at: vec![10_000; throttled as usize],
    };
    let rows = [row(&tenant.app_id, (60, 0), 1), row(&tenant.other_apps[0].app_id, (40, 10_000), 10)];
    assert_eq!(record.apps, rows);
    let counts = served.sandbox.requests().list();
    let of = |app: &str| -> Vec<(u64, u64)> {
        let rows = counts.iter().filter(|row| row.app.as_deref() == Some(app));
        rows.map(|row| (row.count, row.throttled)).collect()
    };
    assert_eq!(of(&tenant.app_id), [(61, 1)]);
    assert_eq!(of(&tenant.other_apps[0].app_id), [(50, 10), (1, 0)]);
}

fn by_second(served: &Served, path: &str) -> reqwest::RequestBuilder {
    let tenant = served.tenant();
    let [app] = tenant.other_apps.as_slice() else { panic!("two apps") };
    let request = served.bare(Method::GET, path).header("tenant", &tenant.name);
    request.basic_auth(&app.app_id, Some(&app.app_secret))
}

/// Asks `count` times as the second app and gives how many were answered with 200.
async fn taken_by_second(served: &Served, count: usize) -> usize {
    let mut taken = 0;
    for _ in 0..count {
        taken += usize::from(answer(by_second(served, "/club")).await.status == StatusCode::OK);
    }
    taken
}

#[tokio::test]
async fn the_record_can_be_read_from_another_process_and_goes_with_the_counts() {
    let (served, hand) = limited(small()).await;
    let tenant = served.tenant();
    let public = || served.bare(Method::GET, "/setting/for-web").header("tenant", &tenant.name);
    answer(public()).await;
    hand.advance(seconds(1));
    taken(&served, "/club", 100).await;
    taken(&served, "/order?cursor=start", 1).await;
    answer(served.bare(Method::GET, "/club").header("tenant", &tenant.name)).await;
    let record = served.control(Method::GET, "limit", &Value::Null).await.json();
    let row = |app: Option<&str>, accepted_at: Vec<i64>, throttled_at: Vec<i64>| {
        json!({
            "tenant": tenant.name,
            "app": app,
            "accepted": accepted_at.len(),
            "throttled": throttled_at.len(),
            "accepted_at": accepted_at,
            "throttled_at": throttled_at,
        })
    };
    let apps = [row(None, vec![0], vec![]), row(Some(&tenant.app_id), vec![1_000; 99], vec![1_000])];
    assert_eq!(record, json!({"amount": 100, "window_ms": 60_000, "now_ms": 1_000, "apps": apps}));
    served.control(Method::DELETE, "requests", &Value::Null).await;
    assert!(served.sandbox.requests().limit().apps.is_empty());
    assert_eq!(status(&served, "/club").await, 429, "the limit itself forgets nothing");
}

#[tokio::test]
async fn a_header_that_is_none_stops_the_start() {
    let options = Options { rate_limit_header: vec!["no header".to_owned()], ..small() };
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let error = sandbox::start(options, listener, |_| ()).await.unwrap_err();
    assert!(error.to_string().contains("no header"), "{error}");
}

#[tokio::test]
async fn zero_turns_it_off() {
    let served = serve(small()).await;
    assert_eq!(taken(&served, "/club?limit=1&page=101", 150).await, 150);
    let record = served.sandbox.requests().limit();
    assert_eq!((record.amount, record.apps.len()), (0, 0));
}

#[tokio::test]
async fn what_was_asked_is_counted_by_style() {
    let (served, _hand) = limited(small()).await;
    taken(&served, "/order?limit=1", 2).await;
    taken(&served, "/order?cursor=start", 3).await;
    taken(&served, "/order/x", 4).await;
    taken(&served, "/nowhere", 5).await;
    answer(served.bare(Method::GET, "/order")).await;
    answer(served.request(Method::POST, "/order")).await;
    let count = |path: &str, style| {
        let rows = served.sandbox.requests().list();
        rows.iter().find(|row| row.path == path && row.style == style).map_or(0, |row| row.count)
    };
    assert_eq!(count("/order", RequestStyle::Page), 2);
    assert_eq!(count("/order", RequestStyle::Cursor), 3);
    assert_eq!(count("/order/{id}", RequestStyle::Read), 4);
    assert_eq!(count("?", RequestStyle::Refused), 5);
    assert_eq!(count("/order", RequestStyle::Refused), 1);
    assert_eq!(count("/order", RequestStyle::Write), 1);
    assert_eq!(served.sandbox.requests().total(), 16);
    served.sandbox.requests().clear();
    assert_eq!(served.sandbox.requests().total(), 0);
}
