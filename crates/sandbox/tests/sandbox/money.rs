//! Amounts that add up (facts 8.1) and refunds (facts 8.4), over every order of wineries in both countries.

use std::collections::BTreeMap;

use sandbox::Options;
use serde_json::{Value, json};

use crate::support::{Served, answer, by_id, middling, number, rows, serve, sum, text};

/// The orders of every winery of a sandbox, the fourth of which stands in Canada.
async fn orders_of_all(served: &Served) -> Vec<Vec<Value>> {
    let mut all = Vec::new();
    for tenant in served.sandbox.tenants() {
        let mut orders = Vec::new();
        let mut cursor = json!("start");
        while let Some(next) = cursor.as_str() {
            let path = format!("/order?cursor={next}");
            let page = answer(served.request_of(tenant, reqwest::Method::GET, &path)).await.json();
            orders.extend(rows(&page, "orders").iter().cloned());
            cursor = page["cursor"].clone();
        }
        all.push(orders);
    }
    all
}

async fn wineries() -> Served {
    serve(Options { tenants: 4, ..middling() }).await
}

/// The half-up share of an amount, computed in thousandths of a percent; of a negative one, its mirror image.
fn percent(amount: i64, rate: &Value) -> i64 {
    let thousandths = (rate.as_f64().unwrap() * 1_000.0).round() as i128;
    let exact = i128::from(amount.abs()) * thousandths;
    let cents = exact / 100_000 + i128::from(exact % 100_000 >= 50_000);
    i64::try_from(cents).unwrap() * amount.signum()
}

/// What one tax takes of one line.
fn tax_on(tax: &Value, item: &Value) -> i64 {
    let column = match text(item, "taxType") {
        "Wine" => "wine",
        "Food" => "food",
        "General Merchandise" => "generalMerchandise",
        "Not Taxable" => return 0,
        other => panic!("no tax is known for {other}"),
    };
    if tax["isFlatRate"] == true {
        let is_small = item["volumeInML"].as_i64().is_some_and(|volume| volume < 710);
        let is_meant = column == "wine" && text(tax, "title").contains("under") == is_small;
        return if is_meant { number(tax, column) * number(item, "quantity") } else { 0 };
    }
    percent(number(item, "price") * number(item, "quantity"), &tax[column])
}

#[tokio::test]
async fn totals_are_the_sums_of_their_parts() {
    let served = wineries().await;
    for order in orders_of_all(&served).await.iter().flatten() {
        let items = rows(order, "items");
        assert!(!items.is_empty());
        let goods: i64 = items.iter().map(|item| number(item, "price") * number(item, "quantity")).sum();
        assert_eq!(number(order, "subTotal"), goods);
        assert_eq!(number(order, "shipTotal"), sum(rows(order, "shipping"), "price"));
        assert_eq!(number(order, "taxTotal"), sum(rows(order, "taxes"), "price"));
        let parts = ["subTotal", "shipTotal", "taxTotal", "dutyTotal", "bottleDepositTotal"];
        assert_eq!(number(order, "total"), parts.iter().map(|part| number(order, part)).sum::<i64>());
        assert_eq!(number(order, "totalAfterTip"), number(order, "total") + number(order, "tipTotal"));
        assert_eq!(sum(rows(order, "tenders"), "amountTendered"), number(order, "total"));
        assert_eq!(sum(rows(order, "tenders"), "tip"), number(order, "tipTotal"));
    }
}

#[tokio::test]
async fn taxes_are_rounded_half_up_for_each_line_and_tax() {
    let served = wineries().await;
    let mut overridden = 0;
    let mut flat = 0;
    let mut several = 0;
    for order in orders_of_all(&served).await.iter().flatten() {
        let taxes = rows(order, "taxes");
        several += usize::from(taxes.len() > 1);
        for item in rows(order, "items") {
            let of_line: i64 = taxes.iter().map(|tax| tax_on(tax, item)).sum();
            assert_eq!(number(item, "tax"), of_line, "{item} {taxes:?}");
        }
        for freight in rows(order, "shipping") {
            let rated = taxes.iter().filter(|tax| tax["isFlatRate"] == false);
            let of_freight: i64 = rated.map(|tax| percent(number(freight, "price"), &tax["freight"])).sum();
            assert_eq!(number(freight, "tax"), of_freight);
        }
        for tax in taxes {
            let of_lines: i64 = rows(order, "items").iter().map(|item| tax_on(tax, item)).sum();
            let is_flat = tax["isFlatRate"] == true;
            let freight = rows(order, "shipping").iter().filter(|_| !is_flat);
            let of_freight: i64 = freight.map(|row| percent(number(row, "price"), &tax["freight"])).sum();
            assert_eq!(number(tax, "originalPrice"), of_lines + of_freight, "{tax}");
            assert_eq!(tax["isPriceOverride"], tax["price"] != tax["originalPrice"]);
            overridden += usize::from(tax["isPriceOverride"] == true);
            flat += usize::from(is_flat);
        }
        let of_parts = sum(rows(order, "items"), "tax") + sum(rows(order, "shipping"), "tax");
        assert_eq!(of_parts, sum(taxes, "originalPrice"));
    }
    assert!(overridden > 0 && flat > 0 && several > 0, "{overridden} {flat} {several}");
}

#[tokio::test]
async fn discounts_are_what_the_prices_are_lower_by() {
    let served = wineries().await;
    let mut coupons = 0;
    for order in orders_of_all(&served).await.iter().flatten() {
        let applied: Vec<Value> =
            rows(order, "promotions").iter().chain(rows(order, "coupons")).cloned().collect();
        for row in &applied {
            assert_eq!(number(row, "totalValue"), number(row, "productValue") + number(row, "shippingValue"));
            assert!(number(row, "totalValue") > 0);
        }
        assert_eq!(number(order, "discountTotal"), sum(&applied, "totalValue"));
        coupons += rows(order, "coupons").len();
        if !order["previousOrderId"].is_null() {
            continue;
        }
        let off =
            |item: &Value| (number(item, "originalPrice") - number(item, "price")) * number(item, "quantity");
        assert_eq!(rows(order, "items").iter().map(off).sum::<i64>(), sum(&applied, "productValue"));
        let shipping = rows(order, "shipping");
        assert_eq!(sum(shipping, "originalPrice") - sum(shipping, "price"), sum(&applied, "shippingValue"));
    }
    assert!(coupons > 0);
}

#[tokio::test]
async fn coupons_and_promotions_count_their_use() {
    let served = serve(middling()).await;
    let orders = served.orders().await;
    for (path, envelope, field, id) in [
        ("/coupon", "coupons", "coupons", "couponId"),
        ("/promotion", "promotions", "promotions", "promotionId"),
    ] {
        for discount in &served.pages(path, envelope).await {
            let used = orders.iter().flat_map(|order| rows(order, field));
            let used = used.filter(|row| row[id] == discount["id"]);
            assert_eq!(number(discount, "usageCount"), used.count() as i64, "{discount}");
            assert!(number(discount, "usageCount") > 0, "{discount}");
        }
    }
}

#[tokio::test]
async fn the_parts_of_a_bundle_share_its_price_and_tax() {
    let served = wineries().await;
    let mut bundles = 0;
    for order in orders_of_all(&served).await.iter().flatten() {
        for item in rows(order, "items") {
            let Some(parts) = item["bundleItems"].as_array() else { continue };
            bundles += 1;
            let of = |field: &str| -> f64 {
                let share = |part: &Value| part[field].as_f64().unwrap() * part["quantity"].as_f64().unwrap();
                parts.iter().map(share).sum()
            };
            let near = |sum: f64, whole: i64| (sum - whole as f64).abs() < 0.01;
            assert!(near(of("price"), number(item, "price")), "{item}");
            assert!(near(of("originalPrice"), number(item, "originalPrice")), "{item}");
            let tax: f64 = parts.iter().map(|part| part["tax"].as_f64().unwrap()).sum();
            assert!(near(tax, number(item, "tax")), "{item}");
        }
    }
    assert!(bundles > 0);
}

#[tokio::test]
async fn a_refund_is_an_order_of_its_own_and_negative() {
    let served = wineries().await;
    let mut refunds = 0;
    let mut whole = 0;
    for orders in orders_of_all(&served).await {
        let known = by_id(&orders);
        for refund in orders.iter().filter(|order| order["purchaseType"] == "Refund") {
            refunds += 1;
            let sale = known[text(refund, "previousOrderId")];
            assert_eq!(refund["previousOrderNumber"], sale["orderNumber"]);
            assert_eq!(refund["customerId"], sale["customerId"]);
            assert_eq!(sale["purchaseType"], "Regular");
            assert_eq!(sale["paymentStatus"], "Paid");
            assert!(text(refund, "orderSubmittedDate") > text(sale, "orderSubmittedDate"));
            assert!(number(refund, "orderNumber") > number(sale, "orderNumber"));
            assert!(number(refund, "subTotal") < 0 && number(refund, "total") < 0);
            assert!(number(refund, "taxTotal") <= 0 && number(refund, "shipTotal") <= 0);
            assert!(rows(refund, "items").iter().all(|item| number(item, "quantity") < 0));
            assert!(rows(refund, "items").iter().all(|item| number(item, "tax") <= 0));
            let [tender] = rows(refund, "tenders") else { panic!("one tender: {refund}") };
            assert_eq!((text(tender, "chargeType"), text(tender, "chargeStatus")), ("Refund", "Success"));
            assert_eq!(tender["amountTendered"], refund["total"]);
            assert_eq!(tender["originalOrderTenderId"], sale["tenders"][0]["id"]);
            let link = json!({
                "orderId": refund["id"],
                "orderNumber": refund["orderNumber"],
                "purchaseType": "Refund",
            });
            assert!(rows(sale, "linkedOrders").contains(&link), "{sale}");
            if rows(refund, "items").len() == rows(sale, "items").len() {
                whole += 1;
                assert_eq!(refund["subTotal"].as_i64(), sale["subTotal"].as_i64().map(|cents| -cents));
            }
        }
    }
    assert!(refunds > 20 && whole > 0, "{refunds} {whole}");
}

#[tokio::test]
async fn orders_are_linked_both_ways_and_no_more_comes_back_than_was_sold() {
    let served = wineries().await;
    let mut partly_refunded_twice = 0;
    for orders in orders_of_all(&served).await {
        let known = by_id(&orders);
        for sale in &orders {
            let links = rows(sale, "linkedOrders");
            let mut left: BTreeMap<&str, i64> = BTreeMap::new();
            for item in rows(sale, "items") {
                *left.entry(text(item, "productVariantId")).or_default() += number(item, "quantity");
            }
            let mut refunded = 0;
            for link in links {
                let linked = known[text(link, "orderId")];
                assert_eq!(link["orderNumber"], linked["orderNumber"]);
                assert_eq!(link["purchaseType"], linked["purchaseType"]);
                assert_eq!(linked["previousOrderId"], sale["id"]);
                assert_ne!(linked["purchaseType"], "Regular");
                assert!(text(sale, "updatedAt") >= text(linked, "orderSubmittedDate"));
                for item in rows(linked, "items").iter().filter(|item| number(item, "quantity") < 0) {
                    *left.get_mut(text(item, "productVariantId")).unwrap() += number(item, "quantity");
                }
                if linked["purchaseType"] == "Refund" {
                    refunded -= number(linked, "total");
                }
            }
            assert!(left.values().all(|quantity| *quantity >= 0) || sale["purchaseType"] != "Regular");
            if !links.is_empty() {
                assert!(refunded <= number(sale, "total"), "{sale}");
            }
            partly_refunded_twice += usize::from(links.len() > 1);
        }
        for order in orders.iter().filter(|order| !order["previousOrderId"].is_null()) {
            let sale = known[text(order, "previousOrderId")];
            assert!(rows(sale, "linkedOrders").iter().any(|link| link["orderId"] == order["id"]));
        }
    }
    assert!(partly_refunded_twice > 0);
}

#[tokio::test]
async fn only_refunds_and_exchanges_take_anything_back() {
    let served = wineries().await;
    let mut exchanges = 0;
    for order in orders_of_all(&served).await.iter().flatten() {
        let quantities: Vec<i64> = rows(order, "items").iter().map(|item| number(item, "quantity")).collect();
        match text(order, "purchaseType") {
            "Regular" => {
                assert!(quantities.iter().all(|quantity| *quantity > 0));
                assert!(order["previousOrderId"].is_null() && order["previousOrderNumber"].is_null());
                assert!(number(order, "total") >= 0);
            }
            "Exchange" => {
                exchanges += 1;
                assert!(quantities.iter().any(|quantity| *quantity < 0));
                assert!(quantities.iter().any(|quantity| *quantity > 0));
                assert_eq!(order["channel"], "Inbound");
            }
            other => assert_eq!(other, "Refund"),
        }
    }
    assert!(exchanges > 0);
}
