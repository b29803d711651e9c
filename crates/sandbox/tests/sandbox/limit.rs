//! The rate limit, by a clock that stands still until it is moved.

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use sandbox::{Clock, ManualClock, Options, RequestStyle};

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
