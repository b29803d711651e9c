//! Stock moves by transactions, sales and fulfilments, and never below what its policy allows (facts 6.7).

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Served, number, rows, serve, small, text};

/// A wine that is tracked, its SKU, and the warehouse.
async fn tracked(served: &Served, policy: &str) -> (Value, String) {
    let sku = format!("STOCK-{policy}").replace(' ', "");
    let product = served
        .post(
            "/product",
            json!({
                "type": "Wine", "title": sku, "webStatus": "Available", "adminStatus": "Available",
                "variants": [{"title": "750ml", "sku": sku, "price": 2000, "hasInventory": true, "inventoryPolicy": policy, "taxType": "Wine"}],
            }),
        )
        .await;
    (product, sku)
}

async fn warehouse(served: &Served) -> Value {
    let locations = served.ok("/inventory-location").await;
    rows(&locations, "inventoryLocations").iter().find(|row| row["isWebShipLocation"] == true).unwrap()["id"]
        .clone()
}

/// For sale, reserved and allocated, as the product and the row of `/inventory` both have it.
async fn level(served: &Served, product: &Value, location: &Value) -> [i64; 3] {
    let counts = |row: &Value| {
        ["availableForSaleCount", "reserveCount", "allocatedCount"].map(|field| number(row, field))
    };
    let product = served.ok(&format!("/product/{}", text(product, "id"))).await;
    let variant = &product["variants"][0];
    let own = rows(variant, "inventory").iter().find(|row| row["inventoryLocationId"] == *location).unwrap();
    let listed = served.query("/inventory", &[("q", text(variant, "sku"))]).await.json();
    let listed =
        rows(&listed, "inventories").iter().find(|row| row["inventoryLocationId"] == *location).unwrap();
    assert_eq!(counts(own), counts(listed));
    assert_eq!(served.ok(&format!("/inventory/{}", text(listed, "id"))).await, *listed);
    counts(own)
}

#[tokio::test]
async fn transactions_set_and_move_levels() {
    let served = serve(small()).await;
    let (product, sku) = tracked(&served, "Dont Sell").await;
    let location = warehouse(&served).await;
    let transaction = |action: &str, counts: Value| {
        let mut body =
            json!({"action": action, "sku": sku, "inventoryLocationId": location, "notes": "count"});
        body.as_object_mut().unwrap().extend(counts.as_object().unwrap().clone());
        body
    };
    let path = "/inventory-transaction";
    let done = served
        .post(path, transaction("Reset", json!({"availableForSaleCount": 30, "reserveCount": 5})))
        .await;
    assert_eq!(done["transactionDetails"], format!("Manual Reset of {sku}"));
    assert_eq!((&done["availableForSaleCount"], &done["allocatedCount"]), (&json!(30), &json!(0)));
    assert_eq!(level(&served, &product, &location).await, [30, 5, 0]);
    served.post(path, transaction("Adjust", json!({"availableForSaleCount": -10}))).await;
    served.post(path, transaction("Adjust", json!({"reserveCount": 2}))).await;
    assert_eq!(level(&served, &product, &location).await, [20, 7, 0]);
    served.post(path, transaction("Reset", json!({"availableForSaleCount": 4}))).await;
    assert_eq!(level(&served, &product, &location).await, [4, 7, 0]);

    // Not below nothing, where what is not there is not sold.
    for (action, counts) in [
        ("Adjust", json!({"availableForSaleCount": -5})),
        ("Reset", json!({"availableForSaleCount": -1})),
        ("Adjust", json!({"reserveCount": -8})),
    ] {
        assert_eq!(
            served.refused(Method::POST, path, transaction(action, counts)).await,
            ["Not enough inventory available"]
        );
    }
    assert_eq!(level(&served, &product, &location).await, [4, 7, 0]);
    let (other, back_order) = tracked(&served, "Back Order").await;
    let below = json!({"action": "Adjust", "sku": back_order, "inventoryLocationId": location, "availableForSaleCount": -5});
    served.post(path, below).await;
    assert_eq!(level(&served, &other, &location).await, [-5, 0, 0]);

    let mut unknown = transaction("Reset", json!({"availableForSaleCount": 1}));
    unknown["sku"] = json!("NOBODY");
    assert_eq!(served.refused(Method::POST, path, unknown).await, ["SKU not found"]);
    assert_eq!(
        served.refused(Method::POST, path, json!({"action": "Move", "sku": sku})).await,
        ["inventoryLocationId: required", "action: must be equal to one of the allowed values"]
    );
    // A product does not count as changed by its stock.
    let read = served.ok(&format!("/product/{}", text(&product, "id"))).await;
    assert_eq!(read["updatedAt"], product["updatedAt"]);
}

#[tokio::test]
async fn tracking_is_switched_on() {
    let served = serve(small()).await;
    let location = warehouse(&served).await;
    let product = served.post("/product", json!({
        "type": "General Merchandise", "title": "Glass", "variants": [{"title": "Each", "sku": "GLASS", "price": 900}],
    })).await;
    let untracked = json!({"action": "Reset", "sku": "GLASS", "inventoryLocationId": location, "availableForSaleCount": 1});
    assert_eq!(
        served.refused(Method::POST, "/inventory-transaction", untracked).await,
        ["Inventory is not tracked for this SKU"]
    );
    let body = json!({"sku": "GLASS", "inventoryPolicy": "Back Order", "initialInventory": [{"inventoryLocationId": location, "availableForSale": 10}]});
    let row = served.post("/inventory", body.clone()).await;
    assert_eq!((&row["inventoryLocationId"], &row["availableForSaleCount"]), (&location, &json!(10)));
    assert_eq!(level(&served, &product, &location).await, [10, 0, 0]);
    let read = served.ok(&format!("/product/{}", text(&product, "id"))).await;
    assert_eq!(read["variants"][0]["inventoryPolicy"], "Back Order");
    assert_eq!(served.refused(Method::POST, "/inventory", body).await, ["Database unique constraint error"]);
    let row = format!("/inventory/{}", text(&row, "id"));
    assert_eq!(served.send(Method::DELETE, &row, &Value::Null).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn sales_allocate_and_fulfilments_take_away() {
    let served = serve(small()).await;
    let (product, sku) = tracked(&served, "Dont Sell").await;
    let location = warehouse(&served).await;
    let reset =
        json!({"action": "Reset", "sku": sku, "inventoryLocationId": location, "availableForSaleCount": 10});
    served.post("/inventory-transaction", reset).await;
    let order = |quantity: i64| {
        json!({
            "channel": "Web", "orderDeliveryMethod": "Ship", "orderSubmittedDate": "2026-11-02T10:00:00.000Z",
            "orderPaidDate": "2026-11-02T10:00:00.000Z", "subTotal": 2000 * quantity, "total": 2000 * quantity,
            "items": [{"productTitle": "W", "type": "Wine", "sku": sku, "price": 2000, "quantity": quantity, "inventoryLocationId": location}],
        })
    };
    assert_eq!(served.refused(Method::POST, "/order", order(11)).await, ["Not enough inventory available"]);
    let sold = served.post("/order", order(6)).await;
    assert_eq!(level(&served, &product, &location).await, [4, 0, 6]);
    let path = format!("/order/{}/fulfillment", text(&sold, "id"));
    let some = |quantity: i64| json!({"type": "Shipped", "fulfillmentDate": "2026-11-03T10:00:00.000Z", "packageCount": 1, "items": [{"sku": sku, "quantityFulfilled": quantity}]});
    let part = served.send(Method::POST, &path, &some(2)).await.json();
    assert_eq!(level(&served, &product, &location).await, [4, 0, 4]);
    let fulfillment = text(&part["fulfillments"][0], "id");
    served.send(Method::DELETE, &format!("{path}/{fulfillment}"), &Value::Null).await;
    assert_eq!(level(&served, &product, &location).await, [4, 0, 6]);
    served.send(Method::POST, &path, &some(6)).await;
    assert_eq!(level(&served, &product, &location).await, [4, 0, 0]);
    // An import that names no location leaves stock alone.
    let mut past = order(3);
    past["items"][0]["inventoryLocationId"] = Value::Null;
    served.post("/order", past).await;
    assert_eq!(level(&served, &product, &location).await, [4, 0, 0]);
}

#[tokio::test]
async fn two_at_the_same_time_do_not_sell_the_same_bottle() {
    let served = serve(small()).await;
    let (product, sku) = tracked(&served, "Dont Sell").await;
    let location = warehouse(&served).await;
    let reset =
        json!({"action": "Reset", "sku": sku, "inventoryLocationId": location, "availableForSaleCount": 25});
    served.post("/inventory-transaction", reset).await;
    let order = json!({
        "channel": "Web", "orderDeliveryMethod": "Ship", "orderSubmittedDate": "2026-11-02T10:00:00.000Z",
        "subTotal": 2000, "total": 2000,
        "items": [{"productTitle": "W", "type": "Wine", "sku": sku, "price": 2000, "quantity": 1, "inventoryLocationId": location}],
    });
    let sent = (0..40).map(|_| served.send(Method::POST, "/order", &order));
    let answers = futures_util::future::join_all(sent).await;
    let sold: Vec<Value> = answers
        .iter()
        .filter(|answer| answer.status == StatusCode::CREATED)
        .map(|answer| answer.json())
        .collect();
    assert_eq!(sold.len(), 25);
    assert_eq!(level(&served, &product, &location).await, [0, 0, 25]);
    // Each has a number, an id and a moment of its own.
    for field in ["orderNumber", "id", "updatedAt"] {
        let values: std::collections::BTreeSet<String> =
            sold.iter().map(|order| order[field].to_string()).collect();
        assert_eq!(values.len(), 25, "{field}");
    }
    assert_eq!(served.sandbox.writes().count("POST", "/order"), 25);
}
