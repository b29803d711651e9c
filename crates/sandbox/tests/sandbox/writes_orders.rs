//! Orders: imports, fulfilments, refunds and exchanges, and what they make of their customers (facts 8).

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::aggregates::assert_figures;
use crate::support::{Served, number, rows, serve, small, text};

fn import(total: i64) -> Value {
    json!({
        "channel": "Web", "posProfileId": null, "customerId": null, "externalOrderVendor": "Elsewhere", "email": null,
        "orderDeliveryMethod": "Ship", "taxSaleType": "Offsite", "subTotal": total - 163, "bottleDepositTotal": 0,
        "total": total, "shipTotal": 0, "taxTotal": 163, "paymentStatus": "Paid", "giftMessage": null,
        "orderSubmittedDate": "2018-01-22T21:58:07.401Z", "orderPaidDate": "2018-02-22T15:32:01.301Z", "coupons": [],
        "shipping": [{"title": "DHL", "code": "ground", "service": "DHL", "shippingServiceId": "00000000-0000-0000-0000-000000000000", "price": 0, "originalPrice": 0, "tax": 0}],
        "shipTo": {"birthDate": "1950-10-12", "firstName": "Robin", "lastName": "Marlowe", "phone": "+16045550104", "address": "3425 Example Ave", "city": "Napa", "stateCode": "CA", "zipCode": "94558", "countryCode": "US"},
        "pickupBy": null, "carryOut": null,
        "tenders": [{"refundId": null, "previousTenderId": null, "tenderType": "Credit Card", "chargeType": "Sale", "chargeStatus": "Success", "amountTendered": total, "errorCode": "", "paymentDate": "2018-02-22T15:32:01.301Z", "creditCardBrand": "MasterCard", "maskedCardNumber": "************5454", "creditCardExpiryMo": 2, "creditCardExpiryYr": 2031, "creditCardHolderName": "Robin Marlowe"}],
        "items": [
            {"productTitle": "Old Red", "type": "Wine", "inventoryLocationId": null, "productVariantTitle": "750ml", "sku": "OLD-RED", "costOfGood": 300, "price": 1250, "originalPrice": 2500, "comparePrice": 2900, "quantity": 2, "tax": 63, "taxType": "Wine", "weight": 3, "hasShipping": true, "vendor": "Elsewhere", "volumeInML": 750, "departmentCode": "Wine", "allocationId": null, "bundleItems": null},
            {"productTitle": "Old White", "type": "Wine", "sku": "OLD-WHITE", "price": 1000, "quantity": 1},
        ],
        "taxes": [{"vendor": "Local", "title": "Tax", "countryCode": "US", "stateCode": "CA", "freight": 5, "food": 5, "generalMerchandise": 5, "cannabis": 0, "wine": 5, "price": 163, "isIncludedInPrice": false}],
    })
}

async fn customer(served: &Served) -> Value {
    served.post("/customer", json!({"firstName": "Ada", "emails": [{"email": "ada@example.com"}]})).await
}

#[tokio::test]
async fn an_import_is_an_order_of_its_customer() {
    let served = serve(small()).await;
    let ada = customer(&served).await;
    let mut body = import(3_413);
    body["email"] = json!("ada@example.com");
    body["fulfillmentStatus"] = json!("Fulfilled");
    let order = served.post("/order?isSendTransactionEmail=false", body.clone()).await;
    assert_eq!(served.ok(&format!("/order/{}", text(&order, "id"))).await, order);
    assert_eq!((&order["customerId"], &order["customer"]["firstName"]), (&ada["id"], &json!("Ada")));
    assert_eq!(order["cartId"], order["id"]);
    assert_eq!(order["orderFulfilledDate"], order["orderPaidDate"], "falls back (facts 8.5)");
    assert_eq!(order["items"][0]["quantityFulfilled"], 2);
    assert_eq!(order["tenders"][0]["creditCard"]["cardBrand"], "MasterCard");
    assert_eq!(order["tenders"][0]["chargeType"], "Sale");
    let other = served.ok("/order?page=3&limit=5").await["orders"][0].clone();
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&order), fields(&other));
    assert_eq!(fields(&order["tenders"][0]), fields(&other["tenders"][0]));
    assert_eq!(fields(&order["items"][0]), fields(&other["items"][0]));

    let figures = served.ok(&format!("/customer/{}", text(&ada, "id"))).await;
    assert_eq!(figures["orderInformation"]["lastOrderId"], order["id"]);
    assert_eq!(figures["orderInformation"]["yearlyValue"], json!({"2018": 3_413}));
    assert_eq!(figures["orderInformation"]["acquisitionChannel"], "Web");
    assert_eq!(figures["products"][0]["product"]["sku"], "OLD-RED");
    assert!(text(&figures, "updatedAt") >= text(&order, "updatedAt"));

    // Numbers are unique, and go on from the greatest or from what was set.
    let greatest = number(&order, "orderNumber");
    body["orderNumber"] = json!(greatest.to_string());
    assert_eq!(
        served.refused(Method::POST, "/order", body.clone()).await,
        ["Database unique constraint error"]
    );
    body.as_object_mut().unwrap().remove("orderNumber");
    assert_eq!(served.post("/order", body.clone()).await["orderNumber"], greatest + 1);
    served.put("/order-number", json!({"orderNumber": 30_000})).await;
    assert_eq!(served.post("/order", body.clone()).await["orderNumber"], 30_000);
    assert_eq!(served.post("/order", body.clone()).await["orderNumber"], 30_001);
    let back = served.refused(Method::PUT, "/order-number", json!({"orderNumber": 5})).await;
    assert!(back[0].contains("greater"), "{back:?}");
    assert_figures(&served).await;

    // An update says nothing of money and goods; it can name another customer.
    let path = format!("/order/{}", text(&order, "id"));
    let changed = served
        .put(&path, json!({"appData": {"ref": "A1"}, "metaData": {"gift-wrap": true}, "customerId": null}))
        .await;
    assert_eq!((&changed["customer"], &changed["total"]), (&Value::Null, &json!(3_413)));
    assert_figures(&served).await;
}

#[tokio::test]
async fn an_upsert_replaces_by_number() {
    let served = serve(small()).await;
    let ada = customer(&served).await;
    let mut body = import(3_413);
    assert_eq!(
        served.refused(Method::PUT, "/order/upsert", body.clone()).await,
        ["orderNumber: required", "externalOrderNumber: required"]
    );
    body["customerId"] = ada["id"].clone();
    body["orderNumber"] = json!("123456");
    body["externalOrderNumber"] = json!("123456");
    let first = served.put("/order/upsert", body.clone()).await;
    assert_eq!(first["orderNumber"], 123_456);
    body["total"] = json!(5_000);
    let second = served.put("/order/upsert", body.clone()).await;
    assert_ne!(first["id"], second["id"]);
    assert_eq!(served.get(&format!("/order/{}", text(&first, "id"))).await.status, StatusCode::NOT_FOUND);
    assert_eq!(served.query("/order", &[("q", "123456")]).await.json()["total"], 1);
    let figures = served.ok(&format!("/customer/{}", text(&ada, "id"))).await["orderInformation"].clone();
    assert_eq!((&figures["orderCount"], &figures["lifetimeValue"]), (&json!(1), &json!(5_000)));
    // One that is refused leaves what was there.
    body["customerId"] = json!("00000000-0000-0000-0000-000000000000");
    assert_eq!(served.refused(Method::PUT, "/order/upsert", body).await, ["customerId: does not exist"]);
    assert_eq!(served.ok(&format!("/order/{}", text(&second, "id"))).await["total"], 5_000);
    assert_figures(&served).await;
}

#[tokio::test]
async fn fulfilments_take_both_forms_and_can_be_taken_back() {
    let served = serve(small()).await;
    let order = served.post("/order", import(3_413)).await;
    let path = format!("/order/{}/fulfillment", text(&order, "id"));
    let date = "2026-11-03T10:59:32.000Z";
    let body = |items: Value| {
        json!({
            "sendTransactionEmail": false, "type": "Shipped", "fulfillmentDate": date, "packageCount": 1, "items": items,
            "shipped": {"trackingNumbers": ["1Z525R5EA803600000", "1Z525R5EA803600001"], "carrier": "UPS"},
        })
    };
    let send = async |method: Method, path: &str, body: Value| {
        let answer = served.send(method, path, &body).await;
        // 200 with the order, for both (facts 16).
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        answer.json()
    };
    // As the docs name items, and as orders do.
    let part = send(Method::POST, &path, body(json!([{"sku": "OLD-RED", "quantityFulfilled": 1}]))).await;
    assert_eq!(
        (&part["fulfillmentStatus"], &part["orderFulfilledDate"]),
        (&json!("Partially Fulfilled"), &Value::Null)
    );
    let item = |at: usize| order["items"][at]["id"].clone();
    assert_eq!(part["fulfillments"][0]["items"], json!([{"id": item(0), "quantityFulfilled": 1}]));
    assert_eq!(part["fulfillments"][0]["shipped"]["trackingNumbers"][1], "1Z525R5EA803600001");
    assert_eq!(
        (&part["shippingStatus"], &part["items"][0]["quantityFulfilled"]),
        (&json!("Pending"), &json!(1))
    );
    let rest = json!([{"id": item(0), "quantityFulfilled": 1}, {"id": item(1), "quantityFulfilled": 1}]);
    let whole = send(Method::POST, &path, body(rest)).await;
    assert_eq!(
        (&whole["fulfillmentStatus"], &whole["orderFulfilledDate"]),
        (&json!("Fulfilled"), &json!(date))
    );
    assert!(text(&whole, "updatedAt") > text(&part, "updatedAt"));

    let first = format!("{path}/{}", text(&whole["fulfillments"][0], "id"));
    let back = send(Method::DELETE, &first, Value::Null).await;
    assert_eq!(
        (&back["fulfillmentStatus"], &back["orderFulfilledDate"]),
        (&json!("Partially Fulfilled"), &Value::Null)
    );
    assert_eq!(rows(&back, "fulfillments").len(), 1);
    assert_eq!(served.refused(Method::DELETE, &first, Value::Null).await, ["Fulfillment not found"]);
    let second = format!("{path}/{}", text(&whole["fulfillments"][1], "id"));
    let open = send(Method::DELETE, &second, Value::Null).await;
    assert_eq!(
        (&open["fulfillmentStatus"], &open["shippingStatus"]),
        (&json!("Not Fulfilled"), &json!("Not Tracked"))
    );
    assert_eq!(rows(&open, "items").iter().map(|item| number(item, "quantityFulfilled")).sum::<i64>(), 0);

    for (items, expected) in [
        (json!([{"sku": "NOBODY", "quantityFulfilled": 1}]), "items[0].sku: does not exist"),
        (json!([{"id": order["id"], "quantityFulfilled": 1}]), "items[0].id: does not exist"),
        (json!([{"sku": "OLD-RED"}]), "items[0].quantityFulfilled: required"),
        (json!([{"sku": "OLD-RED", "quantityFulfilled": 3}]), "Can not fulfill more than was ordered"),
        (json!([]), "items: must NOT have fewer than 1 items"),
    ] {
        assert_eq!(served.refused(Method::POST, &path, body(items)).await, [expected]);
    }
    let all = format!("{path}/all");
    assert_eq!(
        served.refused(Method::POST, &all, body(json!([]))).await,
        ["items: invalid additional property"]
    );
    let picked_up = json!({"type": "Picked Up", "fulfillmentDate": date, "packageCount": 1, "pickedUp": {"pickedUpBy": "Robin"}});
    let done = send(Method::POST, &all, picked_up).await;
    assert_eq!(done["fulfillments"][0]["pickedUp"], json!({"pickedUpBy": "Robin"}));
    let nobody = "/order/00000000-0000-0000-0000-000000000000/fulfillment/all";
    assert_eq!(served.send(Method::POST, nobody, &json!({})).await.status, StatusCode::NOT_FOUND);

    let virtual_goods = served.post("/order", import(1_000)).await;
    let all = format!("/order/{}/fulfillment/all", text(&virtual_goods, "id"));
    let none = json!({"type": "No Fulfillment Required", "sendTransactionEmail": false, "fulfillmentDate": date, "packageCount": 1});
    assert_eq!(send(Method::POST, &all, none).await["fulfillmentStatus"], "No Fulfillment Required");
}

#[tokio::test]
async fn refunds_and_exchanges_are_orders_of_their_own() {
    let served = serve(small()).await;
    let ada = customer(&served).await;
    let mut body = import(3_413);
    body["customerId"] = ada["id"].clone();
    let original = served.post("/order", body).await;
    let path = format!("/order/{}", text(&original, "id"));
    let happened = served.happen(json!({"event": "refund", "id": original["id"]})).await;
    let refund = served.ok(&format!("/order/{}", text(&happened, "id"))).await;
    assert_eq!(refund["purchaseType"], "Refund");
    assert_eq!(
        (&refund["previousOrderId"], &refund["previousOrderNumber"]),
        (&original["id"], &original["orderNumber"])
    );
    assert!(number(&refund, "total") < 0);
    assert_eq!(number(&refund, "total"), number(&refund, "subTotal") + number(&refund, "taxTotal"));
    assert!(rows(&refund, "items").iter().all(|item| number(item, "quantity") < 0));
    let tender = &refund["tenders"][0];
    assert_eq!((&tender["chargeType"], &tender["amountTendered"]), (&json!("Refund"), &refund["total"]));
    // The original keeps everything, and is linked (facts 8.4, 16).
    let after = served.ok(&path).await;
    assert_eq!(
        after["linkedOrders"],
        json!([{"orderId": refund["id"], "orderNumber": refund["orderNumber"], "purchaseType": "Refund"}])
    );
    for field in ["total", "paymentStatus", "tenders", "items", "subTotal"] {
        assert_eq!(after[field], original[field], "{field}");
    }
    assert!(after.get("refundOrderId").is_none());
    assert!(text(&after, "updatedAt") > text(&original, "updatedAt"));
    let figures = served.ok(&format!("/customer/{}", text(&ada, "id"))).await["orderInformation"].clone();
    assert_eq!(number(&figures, "lifetimeValue"), 3_413 + number(&refund, "total"));
    assert_eq!(figures["orderCount"], 1);
    let again =
        served.control(Method::POST, "events", &json!({"event": "refund", "id": original["id"]})).await;
    assert_eq!(again.status, StatusCode::CONFLICT);

    // An exchange sells anew what the catalogue has.
    let sold = served.happen(json!({"event": "web_sale"})).await;
    let exchanged = served.happen(json!({"event": "exchange", "id": sold["id"]})).await;
    let exchange = served.ok(&format!("/order/{}", text(&exchanged, "id"))).await;
    assert_eq!((&exchange["purchaseType"], &exchange["channel"]), (&json!("Exchange"), &json!("Inbound")));
    assert_eq!(exchange["previousOrderId"], sold["id"]);
    let original = served.ok(&format!("/order/{}", text(&sold, "id"))).await;
    assert_eq!(original["linkedOrders"][0]["purchaseType"], "Exchange");
    assert_figures(&served).await;
}
