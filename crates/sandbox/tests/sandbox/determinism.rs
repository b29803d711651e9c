//! The same options give the same bytes; other seeds and other wineries give others.

use std::sync::{Arc, Mutex};

use reqwest::Method;
use sandbox::{Options, Tenant};
use serde_json::Value;
use tokio::net::TcpListener;

use crate::support::{CURSOR_LISTS, LISTS, Served, answer, by_id, ids, serve, small, text};

/// Everything a winery answers, as text.
async fn dump(served: &Served, tenant: &Tenant) -> Vec<String> {
    let mut texts = Vec::new();
    for path in LISTS {
        texts.push(answer(served.request_of(tenant, Method::GET, path)).await.text);
    }
    for (path, _) in CURSOR_LISTS {
        let mut cursor = "start".to_owned();
        loop {
            let request = served.request_of(tenant, Method::GET, &format!("{path}?cursor={cursor}"));
            let text = answer(request).await.text;
            let next = serde_json::from_str::<Value>(&text).unwrap()["cursor"].as_str().map(str::to_owned);
            texts.push(text);
            match next {
                Some(next) => cursor = next,
                None => break,
            }
        }
    }
    texts
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes() {
    let options = Options { tenants: 2, ..small() };
    let (one, other) = (serve(options.clone()).await, serve(options).await);
    for (of_one, of_other) in one.sandbox.tenants().iter().zip(other.sandbox.tenants()) {
        assert_eq!(of_one.app_secret, of_other.app_secret);
        assert_eq!(of_one.account_token, of_other.account_token);
        assert_eq!(dump(&one, of_one).await, dump(&other, of_other).await);
    }
}

/// Lists that are the same everywhere: Commerce7's own, and those without an object.
const ALIKE: &[&str] = &["/wine-appellation", "/wine-varietal", "/trash", "/app-syncs/x"];

#[tokio::test]
async fn another_seed_and_another_winery_give_others() {
    let served = serve(Options { tenants: 2, ..small() }).await;
    let other = serve(Options { seed: 8, ..small() }).await;
    let [first, second] = served.sandbox.tenants() else { panic!("two wineries") };
    assert_ne!(first.app_secret, other.tenant().app_secret);
    for path in LISTS {
        let of_first = answer(served.request_of(first, Method::GET, path)).await.text;
        let of_second = answer(served.request_of(second, Method::GET, path)).await.text;
        let of_other = other.get(path).await.text;
        let is_alike = ALIKE.contains(path);
        assert_eq!(of_first == of_second, is_alike, "{path}: two wineries");
        assert_eq!(of_first == of_other, is_alike, "{path}: two seeds");
    }
}

#[tokio::test]
async fn a_winery_does_not_depend_on_how_many_others_there_are() {
    let (alone, three) = (serve(small()).await, serve(Options { tenants: 3, ..small() }).await);
    assert_eq!(dump(&alone, alone.tenant()).await, dump(&three, three.tenant()).await);
}

#[tokio::test]
async fn more_orders_leave_the_earlier_ones_as_they_were() {
    let (few, many) = (serve(small()).await, serve(Options { orders: 240, ..small() }).await);
    let (few_orders, many_orders) = (few.orders().await, many.orders().await);
    let known = by_id(&many_orders);
    for order in &few_orders {
        let later = known[text(order, "id")];
        for field in ["orderSubmittedDate", "customerId", "items", "taxes", "total", "shipTo", "channel"] {
            assert_eq!(order[field], later[field], "{field}");
        }
    }
    let ids_of = async |served: &Served| {
        ids(&served.customers().await).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(ids_of(&few).await, ids_of(&many).await);
}

#[tokio::test]
async fn the_counts_are_what_was_asked_for() {
    for (customers, orders, products) in
        [(0, 0, 0), (0, 30, 5), (5, 0, 20), (3, 50, 0), (40, 120, 12), (1, 1, 1)]
    {
        let served = serve(Options { customers, orders, products, ..small() }).await;
        let counts = served.tenant().counts;
        assert_eq!(counts.customers, customers as usize);
        assert_eq!(counts.orders, orders as usize);
        assert_eq!(counts.products, products as usize);
        for (path, expected) in [("/customer", customers), ("/order", orders), ("/product", products)] {
            assert_eq!(served.ok(path).await["total"], expected, "{path}");
        }
    }
}

#[tokio::test]
async fn progress_reaches_what_was_announced() {
    let seen: Arc<Mutex<Vec<(u64, u64)>>> = Arc::default();
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let options = Options { tenants: 2, customers: 300, orders: 600, products: 20, ..small() };
    let reported = Arc::clone(&seen);
    let sandbox = sandbox::start(options, listener, move |progress| {
        reported.lock().unwrap().push((progress.done, progress.total));
    });
    let sandbox = sandbox.await.unwrap();
    let seen = seen.lock().unwrap().clone();
    assert!(seen.len() > 2);
    assert!(seen.is_sorted());
    let (done, total) = seen.last().unwrap();
    assert_eq!(done, total);
    sandbox.shutdown().await;
}
