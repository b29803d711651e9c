//! A winery day: events on demand, by themselves, and the same ones by seed.

use jiff::SignedDuration;
use reqwest::Method;
use sandbox::{Clock, DEFAULT_NOW, Options};
use serde_json::{Value, json};

use crate::aggregates::assert_figures;
use crate::support::{Served, number, rows, serve, serve_with_clock, small, text};

const EVENTS: &[&str] = &[
    "web_sale",
    "pos_sale",
    "registration",
    "sign_up",
    "cancellation",
    "refund",
    "exchange",
    "fulfillment",
    "delivery",
];

/// Lets everything happen a few times; what came of it. Not everything can: that is said with 409.
async fn a_day(served: &Served) -> Vec<String> {
    let mut happened = Vec::new();
    for _ in 0..6 {
        for event in EVENTS {
            happened.push(served.control(Method::POST, "events", &json!({"event": event})).await.text);
        }
    }
    happened
}

#[tokio::test]
async fn what_happens_leaves_a_winery_that_adds_up() {
    let served = serve(small()).await;
    let before = served.orders().await.len();
    let happened = a_day(&served).await;
    for event in EVENTS {
        let count =
            happened.iter().filter(|text| text.starts_with(&format!("{{\"event\":\"{event}\""))).count();
        assert!(count > 0, "{event}: {happened:?}");
    }
    assert_figures(&served).await;
    let orders = served.orders().await;
    assert!(orders.len() > before + 6);
    for order in &orders {
        let items: i64 =
            rows(order, "items").iter().map(|item| number(item, "price") * number(item, "quantity")).sum();
        assert_eq!(number(order, "subTotal"), items);
        let taxes: i64 = rows(order, "taxes").iter().map(|tax| number(tax, "price")).sum();
        assert_eq!(number(order, "taxTotal"), taxes);
        assert_eq!(
            number(order, "total"),
            number(order, "subTotal") + number(order, "shipTotal") + number(order, "taxTotal")
        );
        let paid: i64 = rows(order, "tenders").iter().map(|tender| number(tender, "amountTendered")).sum();
        assert_eq!(paid, number(order, "total"));
        if order["orderDeliveryMethod"] == "Carry Out" && order["purchaseType"] == "Regular" {
            assert_ne!(order["fulfillmentStatus"], "Not Fulfilled", "{order}");
        }
    }
    // Nothing was sold that was not there.
    for product in served.walk("/product", "products", &[]).await {
        for variant in
            rows(&product, "variants").iter().filter(|variant| variant["inventoryPolicy"] == "Dont Sell")
        {
            for level in variant["inventory"].as_array().into_iter().flatten() {
                assert!(number(level, "availableForSaleCount") >= 0, "{variant}");
            }
        }
    }
    assert!(served.sandbox.writes().list().is_empty(), "the journal is of requests");
}

#[tokio::test]
async fn the_same_seed_and_clock_give_the_same_day() {
    let start = DEFAULT_NOW.parse().unwrap();
    let mut days = Vec::new();
    for seed in [7, 7, 8] {
        let (clock, hand) = Clock::manual(start);
        let served = serve_with_clock(Options { seed, ..small() }, clock).await;
        let mut told = a_day(&served).await;
        hand.advance(SignedDuration::from_hours(2));
        told.push(served.post("/note", json!({"content": "closing"})).await.to_string());
        for (path, envelope) in
            [("/order", "orders"), ("/customer", "customers"), ("/club-membership", "clubMemberships")]
        {
            told.push(json!(served.walk(path, envelope, &[]).await).to_string());
        }
        days.push(told);
    }
    assert_eq!(days[0], days[1]);
    assert_ne!(days[0], days[2]);
}

#[tokio::test]
async fn a_live_winery_goes_on_by_itself() {
    let served = serve(Options { live: 6_000, tenants: 2, ..small() }).await;
    let before = served.tenant().counts.orders as u64;
    // Each winery of its own, beside requests.
    for tenant in served.sandbox.tenants() {
        loop {
            let request = served.request_of(tenant, Method::GET, "/order?limit=1");
            let page: Value = request.send().await.unwrap().json().await.unwrap();
            if page["total"].as_u64().unwrap() > before + 4 {
                let newest = text(&page["orders"][0], "createdAt");
                assert!(newest >= DEFAULT_NOW, "{newest}");
                break;
            }
            tokio::task::yield_now().await;
        }
    }
    served.sandbox.shutdown().await;
}

#[tokio::test]
async fn an_event_that_cannot_happen_says_why() {
    let served = serve(Options { customers: 0, orders: 0, products: 0, ..small() }).await;
    for (event, expected) in [
        (json!({"event": "web_sale"}), 409),
        (json!({"event": "refund"}), 409),
        (json!({"event": "flood"}), 422),
        (json!({"event": "refund", "tenant": "nobody"}), 404),
        (json!({"evnt": "refund"}), 422),
    ] {
        let answer = served.control(Method::POST, "events", &event).await;
        assert_eq!(answer.status.as_u16(), expected, "{event}: {}", answer.text);
        assert!(answer.json()["message"].is_string());
    }
    served.happen(json!({"event": "registration"})).await;
}
