//! What objects say of each other: customers of their orders, memberships of their clubs, lines of their products.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::{Served, by_id, ids, middling, number, rows, serve, sum, text};

fn of_customer<'a>(rows: &'a [Value], customer: &Value) -> Vec<&'a Value> {
    rows.iter().filter(|row| row["customerId"] == customer["id"]).collect()
}

#[tokio::test]
async fn a_customers_figures_are_those_of_its_orders() {
    let served = serve(middling()).await;
    assert!(assert_figures(&served).await > 0, "some customers never bought");
}

/// Checks the figures of every customer; gives how many never bought.
pub async fn assert_figures(served: &Served) -> usize {
    let orders = served.orders().await;
    let mut without = 0;
    for customer in &served.customers().await {
        let mut own = of_customer(&orders, customer);
        own.retain(|order| order["paymentStatus"] != "Cancelled");
        own.sort_by_key(|order| (text(order, "orderSubmittedDate"), number(order, "orderNumber")));
        let figures = &customer["orderInformation"];
        let bought: Vec<_> = own.iter().filter(|order| order["purchaseType"] != "Refund").collect();
        assert_eq!(number(figures, "orderCount"), bought.len() as i64);
        let total: i64 = own.iter().map(|order| number(order, "total")).sum();
        assert_eq!(number(figures, "lifetimeValue"), total + number(figures, "lifetimeValueSeedAmount"));
        let mut yearly: BTreeMap<String, i64> = BTreeMap::new();
        for order in &own {
            *yearly.entry(text(order, "orderSubmittedDate")[..4].to_owned()).or_default() +=
                number(order, "total");
        }
        assert_eq!(figures["yearlyValue"], json!(yearly));
        let last = bought.last();
        assert_eq!(figures["lastOrderId"], last.map_or(Value::Null, |order| order["id"].clone()));
        let date = last.map_or(Value::Null, |order| order["orderSubmittedDate"].clone());
        assert_eq!(figures["lastOrderDate"], date);
        let profit = |order: &&Value| {
            let cost = |item: &Value| number(item, "costOfGood") * number(item, "quantity");
            number(order, "subTotal") - rows(order, "items").iter().map(cost).sum::<i64>()
        };
        assert_eq!(number(figures, "grossProfit"), own.iter().map(profit).sum::<i64>());
        let points: i64 = own.iter().map(|order| number(order, "loyaltyPointsEarned")).sum();
        assert_eq!(number(&customer["loyalty"], "points"), points.max(0));
        assert!(own.iter().all(|order| text(order, "updatedAt") <= text(customer, "lastActivityDate")));
        assert_history(customer, &own);
        without += usize::from(own.is_empty());
    }
    without
}

/// The latest purchases, newest first.
fn assert_history(customer: &Value, own: &[&Value]) {
    let history = rows(customer, "products");
    let lines: usize = own.iter().map(|order| rows(order, "items").len()).sum();
    assert_eq!(history.len(), lines.min(12));
    assert!(history.is_sorted_by(|one, next| text(one, "purchaseDate") >= text(next, "purchaseDate")));
    if let (Some(first), Some(latest)) = (history.first(), own.last()) {
        assert_eq!(first["purchaseDate"], latest["orderSubmittedDate"]);
        assert_eq!(first["product"]["sku"], latest["items"][0]["sku"]);
    }
}

#[tokio::test]
async fn an_order_holds_its_customer_as_it_is_but_for_the_tags() {
    let served = serve(middling()).await;
    let customers = served.customers().await;
    let known = by_id(&customers);
    let orders = served.orders().await;
    for order in orders.iter().step_by(11).filter(|order| !order["customerId"].is_null()) {
        let mut customer = known[text(order, "customerId")].clone();
        let fields = customer.as_object_mut().unwrap();
        fields.remove("tags");
        fields.remove("groups");
        let products = fields.remove("products").unwrap();
        fields.insert("productJSON".to_owned(), products);
        assert_eq!(order["customer"], customer);
        if let Some(contact) = order["billTo"].as_object() {
            assert_eq!(contact["lastName"], customer["lastName"]);
        }
    }
    for path in ["cart", "reservation", "club-membership"] {
        let envelope = match path {
            "cart" => "carts",
            "reservation" => "reservations",
            _ => "clubMemberships",
        };
        for row in &served.walk(&format!("/{path}"), envelope, &[]).await {
            assert_eq!(row["customer"]["id"], row["customerId"], "{path}");
        }
    }
}

#[tokio::test]
async fn memberships_clubs_and_customers_agree() {
    let served = serve(middling()).await;
    let clubs = served.pages("/club", "clubs").await;
    let clubs = by_id(&clubs);
    let memberships = served.walk("/club-membership", "clubMemberships", &[]).await;
    let by_membership = by_id(&memberships);
    let mut of_all = 0;
    let mut returned = 0;
    for customer in &served.customers().await {
        let own = of_customer(&memberships, customer);
        let named = rows(customer, "clubs");
        assert_eq!(named.len(), own.len());
        of_all += named.len();
        returned += usize::from(named.len() > 1);
        for row in named {
            let membership = by_membership[text(row, "clubMembershipId")];
            for field in ["clubId", "cancelDate", "signupDate"] {
                assert_eq!(row[field], membership[field]);
            }
            assert_eq!(row["clubTitle"], clubs[text(row, "clubId")]["title"]);
        }
        let figures = &customer["orderInformation"];
        let is_active = own.iter().any(|membership| membership["status"] == "Active");
        assert_eq!(figures["isActiveClubMember"], is_active);
        let is_current = own.iter().any(|membership| membership["status"] != "Cancelled");
        assert_eq!(!figures["currentClubTitle"].is_null(), is_current);
        assert_eq!(!figures["daysInCurrentClub"].is_null(), is_current);
    }
    assert_eq!(of_all, memberships.len());
    assert!(returned > 0, "some came back after cancelling");
    let mut statuses = BTreeSet::new();
    for membership in &memberships {
        assert_eq!(&membership["club"], clubs[text(membership, "clubId")]);
        let status = text(membership, "status");
        statuses.insert(status);
        assert_eq!(membership["cancelDate"].is_null(), status != "Cancelled");
        assert_eq!(membership["cancellationReason"].is_null(), status != "Cancelled");
        assert_eq!(rows(membership, "onHolds").is_empty(), status != "On Hold");
        assert_eq!(membership["subscription"].is_null(), membership["club"]["type"] == "Traditional");
        let is_pickup = membership["orderDeliveryMethod"] == "Pickup";
        assert_eq!(membership["shipToCustomerAddressId"].is_null(), is_pickup);
        assert_eq!(membership["pickupInventoryLocationId"].is_null(), !is_pickup);
    }
    assert_eq!(statuses, BTreeSet::from(["Active", "Cancelled", "On Hold"]));
}

#[tokio::test]
async fn club_orders_are_shipments_of_memberships() {
    let served = serve(middling()).await;
    let orders = served.orders().await;
    let known = by_id(&orders);
    let packages = served.pages("/club-package", "clubPackages").await;
    let packages = by_id(&packages);
    let mut shipped = 0;
    for membership in &served.walk("/club-membership", "clubMemberships", &[]).await {
        let answer = served.ok(&format!("/club-membership/{}/shipment", text(membership, "id"))).await;
        let shipments = rows(&answer, "shipments");
        assert_eq!(number(membership, "currentNumberOfShipments"), shipments.len() as i64);
        let last = shipments.iter().map(|shipment| text(shipment, "processDate")).max();
        assert_eq!(membership["lastProcessedDate"].as_str(), last);
        for shipment in shipments {
            shipped += 1;
            let order = known[text(shipment, "orderId")];
            assert_eq!(order["channel"], "Club");
            assert_eq!(order["customerId"], membership["customerId"]);
            assert_eq!(order["club"]["clubId"], membership["clubId"]);
            assert_eq!(order["club"]["clubPackageId"], shipment["clubPackageId"]);
            assert!(text(order, "orderSubmittedDate") >= text(membership, "signupDate"));
            if let Some(cancelled) = membership["cancelDate"].as_str() {
                assert!(text(order, "orderSubmittedDate") <= cancelled);
            }
            if let Some(package) = shipment["clubPackageId"].as_str() {
                assert_eq!(packages[package]["clubId"], membership["clubId"]);
                assert_eq!(packages[package]["title"], shipment["clubPackageTitle"]);
            }
        }
    }
    let of_clubs = orders.iter().filter(|order| !order["club"].is_null()).count();
    assert!(of_clubs > 50);
    assert_eq!(shipped, of_clubs);
    for order in &orders {
        // Refunds of club orders keep the channel, without the club.
        let is_club = order["channel"] == "Club" && order["purchaseType"] == "Regular";
        assert_eq!(!order["club"].is_null(), is_club);
    }
}

#[tokio::test]
async fn lines_name_products_that_there_are() {
    let served = serve(middling()).await;
    let products = served.walk("/product", "products", &[]).await;
    let products = by_id(&products);
    for order in &served.orders().await {
        for item in rows(order, "items") {
            let product = products[text(item, "productId")];
            assert_eq!(item["productTitle"], product["title"]);
            assert_eq!(item["type"], product["type"]);
            assert_eq!(item["departmentId"], product["departmentId"]);
            let of = |variant: &&Value| variant["id"] == item["productVariantId"];
            let variant = rows(product, "variants").iter().find(of).unwrap();
            for field in ["sku", "taxType", "weight", "hasShipping", "volumeInML", "costOfGood"] {
                assert_eq!(item[field], variant[field], "{field}");
            }
            assert_eq!(item["originalPrice"], variant["price"]);
            let collections: Vec<&str> = ids(rows(product, "collections"));
            assert_eq!(item["collectionIds"], collections.join(","));
        }
    }
}

#[tokio::test]
async fn what_is_fulfilled_is_listed_with_the_order() {
    let served = serve(middling()).await;
    let orders = served.orders().await;
    let mut statuses = BTreeSet::new();
    for order in &orders {
        let mut handed_over: BTreeMap<&str, i64> = BTreeMap::new();
        for fulfillment in rows(order, "fulfillments") {
            let kind = text(fulfillment, "type");
            assert_eq!(fulfillment.get("shipped").is_some(), kind == "Shipped");
            assert_eq!(fulfillment.get("pickedUp").is_some(), kind == "Picked Up");
            for item in rows(fulfillment, "items") {
                *handed_over.entry(text(item, "id")).or_default() += number(item, "quantityFulfilled");
            }
        }
        for item in rows(order, "items") {
            let quantity = handed_over.remove(text(item, "id")).unwrap_or_default();
            assert_eq!(quantity, number(item, "quantityFulfilled"));
        }
        assert!(handed_over.is_empty());
        let status = text(order, "fulfillmentStatus");
        statuses.insert(status);
        let sold: i64 = rows(order, "items").iter().map(|item| number(item, "quantity").max(0)).sum();
        let done = sum(rows(order, "items"), "quantityFulfilled");
        match status {
            "Fulfilled" => assert_eq!(done, sold),
            "Partially Fulfilled" => assert!(0 < done && done < sold),
            _ => assert_eq!(done, 0),
        }
        if status == "Fulfilled" {
            assert!(!order["orderFulfilledDate"].is_null());
        }
        assert_delivery(order);
    }
    let all =
        BTreeSet::from(["Fulfilled", "No Fulfillment Required", "Not Fulfilled", "Partially Fulfilled"]);
    assert_eq!(statuses, all);
}

/// Who gets it, where, by the way of delivery.
fn assert_delivery(order: &Value) {
    let method = text(order, "orderDeliveryMethod");
    assert_eq!(!order["shipTo"].is_null(), method == "Ship", "{order}");
    assert_eq!(!order["pickupBy"].is_null(), method == "Pickup");
    assert_eq!(!order["carryOut"].is_null(), method == "Carry Out");
    let is_pos = order["channel"] == "POS";
    assert_eq!(!order["posProfile"].is_null(), is_pos);
    assert_eq!(order["posProfile"]["id"], order["posProfileId"]);
    assert_eq!(order["cartId"], order["id"]);
    assert_eq!(order["taxSaleType"] == "Onsite", method == "Carry Out");
}

/// The ids that rows of a list have.
async fn known(served: &Served, path: &str, envelope: &str) -> BTreeSet<String> {
    ids(&served.pages(path, envelope).await).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn every_reference_leads_somewhere() {
    let served = serve(middling()).await;
    let customers = known(&served, "/customer", "customers").await;
    let orders = known(&served, "/order", "orders").await;
    let carts = known(&served, "/cart", "carts").await;
    let addresses = known(&served, "/customer-address", "customerAddresses").await;
    let check = |ids: &BTreeSet<String>, id: &Value| {
        assert!(id.as_str().is_none_or(|id| ids.contains(id)), "{id} leads nowhere");
    };
    let order_tags = known(&served, "/tag/order", "tags").await;
    for order in &served.orders().await {
        check(&customers, &order["customerId"]);
        check(&addresses, &order["shipTo"]["customerAddressId"]);
        check(&addresses, &order["billTo"]["customerAddressId"]);
        rows(order, "tags").iter().for_each(|tag| check(&order_tags, &tag["id"]));
    }
    let customer_tags = known(&served, "/tag/customer", "tags").await;
    let tiers = known(&served, "/loyalty-tier", "loyaltyTiers").await;
    for customer in &served.customers().await {
        check(&carts, &customer["orderInformation"]["currentWebCartId"]);
        check(&tiers, &customer["loyalty"]["loyaltyTierId"]);
        rows(customer, "tags").iter().for_each(|tag| check(&customer_tags, &tag["id"]));
        assert_eq!(customer["tags"], customer["groups"]);
        rows(customer, "notifications").iter().for_each(|row| check(&orders, &row["objectId"]));
    }
    for note in &served.walk("/note", "notes", &[]).await {
        check(&customers, &note["customerId"]);
        check(&orders, &note["orderId"]);
    }
    let experiences = known(&served, "/reservation-type", "reservationTypes").await;
    let reservation_tags = known(&served, "/tag/reservation", "tags").await;
    for reservation in &served.walk("/reservation", "reservations", &[]).await {
        check(&customers, &reservation["customerId"]);
        check(&orders, &reservation["orderId"]);
        check(&experiences, &reservation["reservationTypeId"]);
        rows(reservation, "tags").iter().for_each(|tag| check(&reservation_tags, &tag["id"]));
    }
    for card in &served.pages("/gift-card", "giftCards").await {
        check(&orders, &card["purchasedOnOrderId"]);
        assert!((0..=number(card, "initialAmount")).contains(&number(card, "currentBalance")));
    }
    let locations = known(&served, "/inventory-location", "inventoryLocations").await;
    for row in &served.pages("/inventory", "inventories").await {
        check(&locations, &row["inventoryLocationId"]);
    }
}

#[tokio::test]
async fn a_variants_stock_is_the_same_in_both_lists() {
    let served = serve(middling()).await;
    let rows_of_inventory = served.pages("/inventory", "inventories").await;
    let level = |row: &Value| {
        ["availableForSaleCount", "reserveCount", "allocatedCount"].map(|field| number(row, field))
    };
    let listed: BTreeMap<(&str, &str), [i64; 3]> = rows_of_inventory
        .iter()
        .map(|row| ((text(row, "productVariantId"), text(row, "inventoryLocationId")), level(row)))
        .collect();
    let products = served.walk("/product", "products", &[]).await;
    let mut seen = 0;
    for variant in products.iter().flat_map(|product| rows(product, "variants")) {
        assert_eq!(variant["inventory"].is_null(), variant["hasInventory"] == false);
        for row in variant["inventory"].as_array().into_iter().flatten() {
            let key = (text(row, "productVariantId"), text(row, "inventoryLocationId"));
            assert_eq!(listed[&key], level(row));
            seen += 1;
        }
    }
    assert_eq!(seen, listed.len());
}

#[tokio::test]
async fn order_numbers_go_by_date_from_1001_on() {
    let served = serve(middling()).await;
    let mut orders = served.orders().await;
    orders.sort_by_key(|order| number(order, "orderNumber"));
    let numbers: Vec<i64> = orders.iter().map(|order| number(order, "orderNumber")).collect();
    assert_eq!(numbers, (1_001..1_001 + orders.len() as i64).collect::<Vec<_>>());
    assert!(orders.is_sorted_by_key(|order| text(order, "orderSubmittedDate").to_owned()));
}
