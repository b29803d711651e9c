//! What a customer's orders and memberships add up to (facts 6.3, 8.2): counted anew whenever one of them changes, by the
//! same rules as for generated customers.

use serde_json::{Map, Value, json};

use super::{Change, Object, number, rows, text};
use crate::generate::DAY;
use crate::http::filters::moment;
use crate::kind::Kind;

/// Purchases that a customer's history names.
const HISTORY_LENGTH: usize = 12;

/// Counts a customer's figures anew and moves its `updatedAt`; nothing happens where there is no such customer.
pub(super) fn refresh(change: &mut Change<'_>, customer: &str) {
    let Some(mut object) = change.collections.value(Kind::Customer, customer) else { return };
    let mut orders = of_customer(change, Kind::Order, customer);
    orders.sort_by(|one, other| {
        text(one, "orderSubmittedDate")
            .cmp(text(other, "orderSubmittedDate"))
            .then(number(one, "orderNumber").cmp(&number(other, "orderNumber")))
    });
    orders.retain(|order| text(order, "paymentStatus") != "Cancelled");
    let memberships = memberships(change, customer);
    let manual: i64 = of_customer(change, Kind::LoyaltyTransaction, customer)
        .iter()
        .filter(|transaction| text(transaction, "transactionType") == "Manual")
        .map(|transaction| number(transaction, "amount"))
        .sum();
    let earned: i64 = orders.iter().map(|order| number(order, "loyaltyPointsEarned")).sum();
    if let Some(Value::Object(loyalty)) = object.get_mut("loyalty") {
        loyalty.insert("points".to_owned(), json!((earned + manual).max(0)));
    }
    let mut figures = match object.get("orderInformation") {
        Some(Value::Object(figures)) => figures.clone(),
        _ => Object::new(),
    };
    of_orders(&mut figures, &orders);
    of_memberships(change, &mut figures, &memberships);
    let clubs: Vec<Value> = memberships.iter().map(|membership| club_of(change, membership)).collect();
    let products = bought(change, &orders);
    let notifications = notifications(change, &object, &orders);
    let activity = change.moment();
    for (field, value) in [
        ("orderInformation", json!(figures)),
        ("clubs", json!(clubs)),
        ("products", json!(products)),
        ("notifications", json!(notifications)),
        ("lastActivityDate", json!(activity)),
    ] {
        object.insert(field.to_owned(), value);
    }
    change.save(Kind::Customer, object);
}

fn of_customer(change: &Change<'_>, kind: Kind, customer: &str) -> Vec<Object> {
    let ids = change.collections.ids_with(kind, "customerId", customer);
    ids.iter().filter_map(|id| change.collections.value(kind, &id.to_string())).collect()
}

/// By sign-up, the first first.
fn memberships(change: &Change<'_>, customer: &str) -> Vec<Object> {
    let mut memberships = of_customer(change, Kind::ClubMembership, customer);
    memberships.sort_by(|one, other| text(one, "signupDate").cmp(text(other, "signupDate")));
    memberships
}

fn of_orders(figures: &mut Object, orders: &[Object]) {
    let seed = number(figures, "lifetimeValueSeedAmount");
    let is_bought = |order: &&Object| text(order, "purchaseType") != "Refund";
    let lifetime: i64 = orders.iter().map(|order| number(order, "total")).sum();
    let profit: i64 = orders
        .iter()
        .map(|order| {
            let cost = |item: &Object| number(item, "costOfGood") * number(item, "quantity");
            number(order, "subTotal") - rows(order, "items").map(cost).sum::<i64>()
        })
        .sum();
    let mut yearly: std::collections::BTreeMap<&str, i64> = std::collections::BTreeMap::new();
    for order in orders {
        let year = text(order, "orderSubmittedDate").get(..4).unwrap_or_default();
        *yearly.entry(year).or_default() += number(order, "total");
    }
    let yearly: Map<String, Value> =
        yearly.into_iter().map(|(year, value)| (year.to_owned(), value.into())).collect();
    let last = orders.iter().rfind(is_bought);
    for (field, value) in [
        ("lastOrderId", last.and_then(|order| order.get("id")).cloned().unwrap_or_default()),
        (
            "lastOrderDate",
            last.and_then(|order| order.get("orderSubmittedDate")).cloned().unwrap_or_default(),
        ),
        ("orderCount", json!(orders.iter().filter(is_bought).count())),
        ("lifetimeValue", json!(lifetime + seed)),
        ("yearlyValue", Value::Object(yearly)),
        ("grossProfit", json!(profit)),
    ] {
        figures.insert(field.to_owned(), value);
    }
    if let (Some(first), true) =
        (orders.first(), figures.get("acquisitionChannel").is_none_or(Value::is_null))
    {
        figures.insert("acquisitionChannel".to_owned(), first.get("channel").cloned().unwrap_or_default());
    }
}

fn of_memberships(change: &Change<'_>, figures: &mut Object, memberships: &[Object]) {
    let date = |membership: &Object, field: &str| moment(text(membership, field));
    let days = |membership: &Object| {
        let end = date(membership, "cancelDate").unwrap_or(change.now);
        date(membership, "signupDate").map_or(0, |signup| ((end - signup) / DAY).max(0))
    };
    let current = memberships.iter().find(|membership| text(membership, "status") != "Cancelled");
    let club =
        current.and_then(|membership| change.collections.value(Kind::Club, text(membership, "clubId")));
    let title = club.and_then(|club| club.get("title").cloned());
    for (field, value) in [
        ("currentClubTitle", title.unwrap_or_default()),
        ("daysInCurrentClub", json!(current.map(days))),
        ("daysInClub", json!(memberships.iter().map(days).sum::<i64>())),
        (
            "isActiveClubMember",
            json!(memberships.iter().any(|membership| text(membership, "status") == "Active")),
        ),
    ] {
        figures.insert(field.to_owned(), value);
    }
}

/// A membership as a customer's `clubs[]` names it.
fn club_of(change: &Change<'_>, membership: &Object) -> Value {
    let club = change.collections.value(Kind::Club, text(membership, "clubId"));
    let frequency = membership.get("subscription").and_then(|subscription| subscription.get("frequency"));
    let frequency = frequency.and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()));
    json!({
        "clubId": membership.get("clubId"),
        "clubTitle": club.as_ref().and_then(|club| club.get("title")),
        "cancelDate": membership.get("cancelDate"),
        "signupDate": membership.get("signupDate"),
        "clubMembershipId": membership.get("id"),
        "frequency": frequency,
    })
}

/// The latest purchases, newest first.
fn bought(change: &Change<'_>, orders: &[Object]) -> Vec<Value> {
    let items = orders.iter().rev().flat_map(|order| rows(order, "items").map(move |item| (order, item)));
    let rows = items.take(HISTORY_LENGTH).map(|(order, item)| {
        let wine = item.get("productId").and_then(Value::as_str);
        let wine = wine.and_then(|id| change.collections.value(Kind::Product, id));
        json!({
            "product": {
                "sku": item.get("sku"),
                "image": item.get("image"),
                "price": item.get("price"),
                "title": item.get("productTitle"),
                "quantity": item.get("quantity"),
                "productId": item.get("productId"),
                "wineProperties": wine.as_ref().and_then(|product| product.get("wine")),
            },
            "purchaseDate": order.get("orderSubmittedDate"),
        })
    });
    rows.collect()
}

const PICKUP: &str = "Order To Be Picked Up";

/// Orders that wait to be picked up, and whatever else there was.
fn notifications(change: &mut Change<'_>, customer: &Object, orders: &[Object]) -> Vec<Value> {
    let known: Vec<Object> = rows(customer, "notifications").cloned().collect();
    let (waiting, mut kept): (Vec<_>, Vec<_>) =
        known.into_iter().partition(|row| text(row, "type") == PICKUP);
    for order in orders {
        let is_waiting = text(order, "orderDeliveryMethod") == "Pickup"
            && text(order, "fulfillmentStatus") == "Not Fulfilled";
        if !is_waiting {
            continue;
        }
        let same = waiting.iter().find(|row| row.get("objectId") == order.get("id"));
        kept.push(same.cloned().unwrap_or_else(|| {
            let row = json!({
                "id": change.new_id(),
                "data": null,
                "type": PICKUP,
                "content": format!("Order #{} is awaiting pickup.", number(order, "orderNumber")),
                "objectId": order.get("id"),
            });
            super::into_object(row)
        }));
    }
    kept.into_iter().map(Value::Object).collect()
}
