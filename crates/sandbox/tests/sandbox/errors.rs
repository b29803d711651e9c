//! Error bodies: the recorded ones byte for byte, the others as the reference forms them.

use reqwest::{Method, StatusCode, header};

use crate::support::{LISTS, Served, answer, fixture, serve, small};

/// A body without a list of fields.
fn validation(message: &str) -> String {
    format!(r#"{{"statusCode":422,"type":"validationError","message":"{message}"}}"#)
}

async fn assert_invalid(served: &Served, path: &str, message: &str) {
    let answer = served.get(path).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {}", answer.text);
    assert_eq!(answer.text, validation(message), "{path}");
}

#[tokio::test]
async fn what_is_not_there_is_answered_as_recorded() {
    let served = serve(small()).await;
    let recorded = fixture("errors/404.not-found.json").to_string();
    let nil = "00000000-0000-0000-0000-000000000000";
    let mut paths = vec![
        "/nowhere".to_owned(),
        "/order/x".to_owned(),
        "/order/cursor".to_owned(),
        "/tag/wine".to_owned(),
        "/meta-data-config/wine".to_owned(),
        "/customer/x/y/z".to_owned(),
        format!("/club-membership/{nil}/shipment"),
        format!("/tag/customer/{nil}"),
    ];
    for path in ["order", "club-membership", "club-package", "customer", "product", "cart", "setting"] {
        paths.push(format!("/{path}/{nil}"));
    }
    for path in paths {
        let answer = served.get(&path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(answer.text, recorded, "{path}");
    }
}

#[tokio::test]
async fn an_unknown_key_is_refused_everywhere() {
    let served = serve(small()).await;
    for path in LISTS {
        assert_eq!(served.get(path).await.status, StatusCode::OK, "{path}");
        assert_invalid(&served, &format!("{path}?colour=red"), "Invalid query param: colour").await;
        assert_invalid(&served, &format!("{path}?Page=1"), "Invalid query param: Page").await;
        assert_invalid(&served, &format!("{path}?sort=id&page=1"), "Invalid query param: sort").await;
    }
}

#[tokio::test]
async fn a_filter_of_another_endpoint_is_unknown() {
    let served = serve(small()).await;
    for (path, key) in [
        ("/customer", "channel"),
        ("/order", "createdAt"),
        ("/product", "createdAt"),
        ("/customer-address", "searchText"),
        ("/cart", "customerId"),
        ("/trash", "updatedAt"),
    ] {
        assert_invalid(&served, &format!("{path}?{key}=x"), &format!("Invalid query param: {key}")).await;
    }
}

#[tokio::test]
async fn a_key_given_twice_or_with_brackets_is_refused() {
    let served = serve(small()).await;
    for (query, key) in [
        ("page=1&page=1", "page"),
        ("q=a&q=b", "q"),
        ("channel=Web&channel=POS", "channel"),
        ("cursor=start&cursor=start", "cursor"),
        ("channel[]=Web", "channel"),
        ("updatedAt[gt]=2024-01-01", "updatedAt"),
        ("updatedAt%5Bgt%5D=2024-01-01", "updatedAt"),
        ("page[0]=1", "page"),
    ] {
        assert_invalid(&served, &format!("/order?{query}"), &format!("Invalid query param: {key}")).await;
    }
}

#[tokio::test]
async fn an_operator_that_a_field_does_not_take_is_refused() {
    let served = serve(small()).await;
    for (query, operator) in [
        ("/order?updatedAt=like:2024", "like"),
        ("/order?updatedAt=in:2024-01-01", "in"),
        ("/order?updatedAt=GT:2024-01-01", "GT"),
        ("/order?updatedAt=:2024-01-01", ""),
        ("/order?id=nin:a", "nin"),
        ("/order?tagId=ne:a", "ne"),
        ("/customer?lifetimeValue=btw:1|2", "btw"),
        ("/customer?createdAt=btw:2024-01-01|2025-01-01", "btw"),
        ("/product?updatedAt=btw:2024-01-01|2025-01-01", "btw"),
        ("/reservation?reservationTypeId=gt:a", "gt"),
        // Whatever stands before the first colon is read as an operator.
        ("/order?updatedAt=2026-07-12T18:00:00.000Z", "2026-07-12T18"),
    ] {
        assert_invalid(&served, query, &format!("Invalid operator {operator}")).await;
    }
}

#[tokio::test]
async fn a_value_that_cannot_be_read_is_refused() {
    let served = serve(small()).await;
    for (path, key) in [
        ("/order?updatedAt=soon", "updatedAt"),
        ("/order?updatedAt=gt:", "updatedAt"),
        ("/order?orderPaidDate=btw:2024-01-01|never", "orderPaidDate"),
        ("/customer?orderCount=gt:many", "orderCount"),
    ] {
        assert_invalid(&served, path, &format!("Invalid query param: {key}")).await;
    }
}

#[tokio::test]
async fn keys_that_every_list_takes() {
    let served = serve(small()).await;
    for path in LISTS {
        let answer = served.get(&format!("{path}?q=&limit=1&populate=customer")).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn answers_are_json() {
    let served = serve(small()).await;
    for path in ["/order", "/order/x", "/order?x=y", "/setting"] {
        let answer = served.get(path).await;
        let content_type = answer.headers[header::CONTENT_TYPE].to_str().unwrap().to_owned();
        assert!(content_type.starts_with("application/json"), "{path}: {content_type}");
    }
}

#[tokio::test]
async fn a_write_that_is_not_taken_says_so_and_changes_nothing() {
    let served = serve(small()).await;
    let order = served.ok("/order?limit=1").await["orders"][0]["id"].as_str().unwrap().to_owned();
    let before = served.get("/order?cursor=start").await.text;
    for (method, path, expected) in [
        (Method::POST, "/customer/subscribe".to_owned(), 501),
        (Method::POST, "/cart".to_owned(), 501),
        (Method::DELETE, format!("/order/{order}"), 404),
        (Method::PATCH, format!("/order/{order}"), 404),
        (Method::POST, "/club-package".to_owned(), 404),
        (Method::POST, "/wine-varietal".to_owned(), 404),
        (Method::PUT, "/order/00000000-0000-0000-0000-000000000000".to_owned(), 404),
        (Method::POST, "/nowhere".to_owned(), 404),
    ] {
        let answer = answer(served.request(method.clone(), &path).body("{}")).await;
        assert_eq!(answer.status.as_u16(), expected, "{method} {path}: {}", answer.text);
        assert_eq!(answer.json()["statusCode"], expected);
    }
    let no_json = answer(served.request(Method::POST, "/customer").body("{\"firstName\":")).await;
    assert_eq!(no_json.status, StatusCode::BAD_REQUEST);
    assert_eq!(served.get("/order?cursor=start").await.text, before);
    assert!(served.sandbox.writes().list().is_empty());
    let read_of_a_write = served.get("/order-number").await;
    assert_eq!(read_of_a_write.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_head_is_a_read_without_a_body() {
    let served = serve(small()).await;
    let found = answer(served.request(Method::HEAD, "/order")).await;
    assert_eq!((found.status, found.text.as_str()), (StatusCode::OK, ""));
    let refused = answer(served.bare(Method::HEAD, "/order")).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}
