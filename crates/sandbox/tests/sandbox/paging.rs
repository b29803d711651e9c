//! Both page styles, over every endpoint.

use reqwest::StatusCode;
use sandbox::Options;
use serde_json::Value;

use crate::support::{CURSOR_LISTS, Served, fixture, ids, middling, rows, serve, small, text};

/// The ids that a cursor walk with a limit sees, page by page.
async fn walk_by(served: &Served, path: &str, envelope: &str, limit: usize) -> Vec<Vec<String>> {
    let mut pages: Vec<Vec<String>> = Vec::new();
    let mut cursor = "start".to_owned();
    loop {
        let limit = limit.to_string();
        let page = served.query(path, &[("cursor", &cursor), ("limit", &limit)]).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        let page = page.json();
        assert!(page.get("total").is_none(), "{path}");
        let page_ids: Vec<String> = ids(rows(&page, envelope)).into_iter().map(str::to_owned).collect();
        if let Some(last) = pages.last_mut() {
            assert_eq!(page_ids.first(), Some(&cursor), "{path}: the cursor is the next page's first row");
            assert!(!last.contains(&cursor), "{path}");
        }
        pages.push(page_ids);
        match page.get("cursor") {
            Some(next) => cursor = next.as_str().unwrap().to_owned(),
            None => return pages,
        }
    }
}

#[tokio::test]
async fn a_walk_by_cursor_sees_every_row_once_in_the_order_of_ids() {
    let served = serve(small()).await;
    for (path, envelope) in CURSOR_LISTS {
        let pages = walk_by(&served, path, envelope, 7).await;
        let (last, full) = pages.split_last().unwrap();
        assert!(full.iter().all(|page| page.len() == 7), "{path}: only the last page can be short");
        assert!(last.len() <= 7);
        let walked: Vec<String> = pages.concat();
        assert!(walked.is_sorted_by(|one, next| one < next), "{path}: in order, none twice");
        let mut by_page: Vec<String> =
            ids(&served.pages(path, envelope).await).into_iter().map(str::to_owned).collect();
        by_page.sort();
        assert_eq!(walked, by_page, "{path}");
        assert_eq!(walked.is_empty(), *path == "/trash", "{path}: only the trash is empty");
    }
}

#[tokio::test]
async fn a_last_page_that_is_just_full_has_no_cursor() {
    let served = serve(small()).await;
    let pages = walk_by(&served, "/customer", "customers", 20).await;
    assert_eq!(pages.iter().map(Vec::len).collect::<Vec<_>>(), [20, 20]);
    let pages = walk_by(&served, "/customer", "customers", 40).await;
    assert_eq!(pages.len(), 1);
}

#[tokio::test]
async fn an_empty_winery_answers_an_empty_list_without_cursor() {
    let served = serve(Options { customers: 0, orders: 0, products: 0, ..small() }).await;
    for (path, envelope) in CURSOR_LISTS {
        let text = served.get(&format!("{path}?cursor=start")).await.text;
        assert_eq!(text, format!(r#"{{"{envelope}":[]}}"#));
        let text = served.get(path).await.text;
        assert_eq!(text, format!(r#"{{"{envelope}":[],"total":0}}"#));
    }
}

#[tokio::test]
async fn a_cursor_need_not_be_the_id_of_a_row() {
    let served = serve(small()).await;
    let all = served.orders().await;
    let after = |cursor: String| async move {
        let page = served_ids(&served.ok(&format!("/order?limit=1&cursor={cursor}")).await);
        page.first().cloned()
    };
    // One more than the first id: the second row is the first at or behind it.
    let first = text(&all[0], "id");
    let bumped = format!("{}{}", &first[..first.len() - 1], if first.ends_with('f') { "f0" } else { "f" });
    assert_eq!(after(bumped).await.as_deref(), Some(text(&all[1], "id")));
}

fn served_ids(page: &Value) -> Vec<String> {
    ids(rows(page, "orders")).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_cursor_behind_the_last_row_gives_nothing() {
    let served = serve(small()).await;
    let text = served.get("/order?cursor=ffffffff-ffff-4fff-bfff-ffffffffffff").await.text;
    assert_eq!(text, r#"{"orders":[]}"#);
    assert_eq!(served.get("/order?cursor=zzz").await.text, r#"{"orders":[]}"#);
}

#[tokio::test]
async fn pages_hold_fifty_rows_and_count_all() {
    let served = serve(small()).await;
    for (query, rows_of_page) in [
        ("", 50),
        ("page=1", 50),
        ("page=2", 50),
        ("page=3", 20),
        ("page=4", 0),
        ("page=101", 0),
        ("page=1000000000000", 0),
        ("page=99999999999999999999", 0),
        // Limits out of range and those that are no numbers become 50.
        ("limit=0", 50),
        ("limit=51", 50),
        ("limit=100", 50),
        ("limit=-1", 50),
        ("limit=many", 50),
        ("limit=", 50),
        ("limit=1", 1),
        ("limit=49", 49),
        // Rounded, as a float.
        ("limit=10.4", 10),
        ("limit=10.5", 11),
        ("limit=50.4", 50),
        ("limit=0.4", 50),
        ("limit=0.5", 1),
        ("limit=7rows", 7),
        ("limit=1e1", 10),
        ("limit=7&page=18", 1),
        ("limit=7&page=19", 0),
    ] {
        let body = served.ok(&format!("/order?{query}")).await;
        assert_eq!(rows(&body, "orders").len(), rows_of_page, "{query}");
        assert_eq!(body["total"], 120, "{query}");
        assert!(body.get("cursor").is_none(), "{query}");
    }
}

#[tokio::test]
async fn the_number_of_a_page_is_rounded_too() {
    let served = serve(small()).await;
    let page = async |query: &str| served_ids(&served.ok(&format!("/order?limit=7&{query}")).await);
    let (first, second) = (page("page=1").await, page("page=2").await);
    assert_ne!(first, second);
    for query in ["", "page=0", "page=", "page=0.4", "page=one", "page=1.4"] {
        assert_eq!(page(query).await, first, "{query}");
    }
    for query in ["page=1.5", "page=2.49", "page=2nd"] {
        assert_eq!(page(query).await, second, "{query}");
    }
}

#[tokio::test]
async fn pages_do_not_overlap_and_leave_nothing_out() {
    let served = serve(middling()).await;
    for (path, envelope) in [("/order", "orders"), ("/customer", "customers"), ("/gift-card", "giftCards")] {
        let all = served.pages(path, envelope).await;
        let mut seen = ids(&all);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), all.len(), "{path}");
        assert_eq!(served.ok(path).await["total"], all.len(), "{path}");
    }
}

#[tokio::test]
async fn pages_beyond_a_hundred_go_on() {
    let served = serve(small()).await;
    let all = served.pages("/order", "orders").await;
    let page = served.ok("/order?limit=1&page=101").await;
    assert_eq!(ids(rows(&page, "orders")), [text(&all[100], "id")]);
}

#[tokio::test]
async fn page_and_cursor_together_are_refused_as_recorded() {
    let served = serve(small()).await;
    let recorded = fixture("errors/422.page-and-cursor.json").to_string();
    for (path, _) in CURSOR_LISTS {
        for query in ["page=1&cursor=start", "cursor=start&page=2", "cursor=x&page=x"] {
            let answer = served.get(&format!("{path}?{query}")).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}?{query}");
            assert_eq!(answer.text, recorded);
        }
    }
    assert_eq!(served.get("/order?page=&cursor=start").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_reference_lists_come_whole() {
    let served = serve(small()).await;
    for (path, envelope, count) in
        [("/wine-appellation", "wineAppellations", 1_235), ("/wine-varietal", "wineVarietals", 79)]
    {
        let body = served.ok(&format!("{path}?page=1&limit=10")).await;
        assert_eq!(rows(&body, envelope).len(), count);
        assert_eq!(body["total"], count);
    }
    let settings = served.ok("/setting").await;
    assert_eq!(rows(&settings, "settings").len(), 1);
    assert_eq!(settings.as_object().unwrap().len(), 1, "settings have no total");
}

#[tokio::test]
async fn one_object_is_the_row_of_its_list() {
    let served = serve(small()).await;
    for (path, envelope) in
        CURSOR_LISTS.iter().filter(|(path, _)| !["/trash", "/customer-address"].contains(path))
    {
        let list = served.walk(path, envelope, &[]).await;
        for row in list.iter().step_by(7) {
            assert_eq!(&served.ok(&format!("{path}/{}", text(row, "id"))).await, row, "{path}");
        }
    }
}

#[tokio::test]
async fn rows_below_a_customer_are_the_customers_own() {
    let served = serve(small()).await;
    let all = served.walk("/customer-address", "customerAddresses", &[]).await;
    let mut seen = 0;
    for customer in &served.customers().await {
        let id = text(customer, "id");
        let own = served.ok(&format!("/customer/{id}/address")).await;
        seen += rows(&own, "customerAddresses").len();
        for address in rows(&own, "customerAddresses") {
            assert_eq!(text(address, "customerId"), id);
            assert!(all.contains(address));
            let path = format!("/customer/{id}/address/{}", text(address, "id"));
            assert_eq!(&served.ok(&path).await, address);
        }
        let cards = served.ok(&format!("/customer/{id}/credit-card")).await;
        assert!(rows(&cards, "customerCreditCards").iter().all(|card| text(card, "customerId") == id));
    }
    assert_eq!(seen, all.len());
    let nobody = "/customer/00000000-0000-0000-0000-000000000000/address";
    assert_eq!(served.get(nobody).await.status, StatusCode::NOT_FOUND);
}
