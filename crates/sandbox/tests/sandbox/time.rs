//! Dates: three years before now, and in an order that makes sense.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use sandbox::{DEFAULT_NOW, Options};
use serde_json::Value;

use crate::support::{CURSOR_LISTS, middling, rows, serve, small, text};

fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str().map(|text| text.parse().unwrap())
}

/// What may lie ahead: visits, ends, renewals.
const AHEAD: &[&str] = &[
    "reservationDate",
    "reservationCloseOutDate",
    "nextProcessDate",
    "endDate",
    "expiryDate",
    "requestedShipDate",
];
/// What is of the winery itself, which opened before its first customer, or set up with it.
const SETTLED: &[&str] = &[
    "startDate",
    "department",
    "collections",
    "reservationType",
    "tags",
    "groups",
    "posProfile",
    "club",
    "reservationTypeOption",
    "location",
    "table",
    "inventoryLocation",
];

/// All moments in an object, with the names of the fields that have them.
fn moments(value: &Value, name: &str, found: &mut Vec<(String, Timestamp)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields.iter().filter(|(name, _)| !SETTLED.contains(&name.as_str())) {
                moments(value, name, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| moments(value, name, found)),
        Value::String(text) if text.len() == 24 && text.ends_with('Z') => {
            if let Ok(moment) = text.parse() {
                found.push((name.to_owned(), moment));
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn everything_happened_in_the_three_years_before_now() {
    for now in [DEFAULT_NOW, "2024-02-29T23:59:59Z"] {
        let served = serve(Options { now: now.parse().unwrap(), ..middling() }).await;
        let now: Timestamp = now.parse().unwrap();
        let start = now - SignedDuration::from_hours(3 * 365 * 24);
        for (path, envelope) in CURSOR_LISTS.iter().filter(|(path, _)| *path != "/product") {
            for row in &served.walk(path, envelope, &[]).await {
                let mut found = Vec::new();
                moments(row, "", &mut found);
                assert!(!found.is_empty());
                for (name, at) in found {
                    assert!(at >= start, "{path} {name} {at} is too early: {row}");
                    assert!(
                        at <= now || AHEAD.contains(&name.as_str()),
                        "{path} {name} {at} is too late: {row}"
                    );
                }
            }
        }
    }
}

#[tokio::test]
async fn sales_are_spread_over_all_three_years() {
    let served = serve(middling()).await;
    let now: Timestamp = DEFAULT_NOW.parse().unwrap();
    let mut years: BTreeMap<i64, usize> = BTreeMap::new();
    for order in &served.orders().await {
        let age = now.duration_since(moment(&order["orderSubmittedDate"]).unwrap());
        *years.entry(age.as_hours() / (365 * 24)).or_default() += 1;
    }
    assert_eq!(years.keys().copied().collect::<Vec<_>>(), [0, 1, 2]);
    assert!(years.values().all(|count| *count > 50), "{years:?}");
}

#[tokio::test]
async fn nothing_happens_before_its_beginning() {
    let served = serve(middling()).await;
    for (path, envelope) in CURSOR_LISTS {
        for row in &served.walk(path, envelope, &[]).await {
            assert!(moment(&row["createdAt"]) <= moment(&row["updatedAt"]), "{path} {row}");
            let customer = &row["customer"];
            if !customer.is_null() {
                assert!(moment(&customer["createdAt"]) <= moment(&row["createdAt"]), "{path} {row}");
            }
        }
    }
    for order in &served.orders().await {
        let submitted = moment(&order["orderSubmittedDate"]);
        assert!(moment(&order["createdAt"]) <= submitted);
        assert!(order["orderFulfilledDate"].is_null() || moment(&order["orderFulfilledDate"]) >= submitted);
        assert!(order["orderPaidDate"].is_null() == (order["paymentStatus"] == "Authorized"));
        for row in rows(order, "fulfillments") {
            assert!(moment(&row["fulfillmentDate"]) >= submitted);
        }
    }
    for membership in &served.walk("/club-membership", "clubMemberships", &[]).await {
        let signup = moment(&membership["signupDate"]);
        assert!(membership["cancelDate"].is_null() || moment(&membership["cancelDate"]) >= signup);
        for hold in rows(membership, "onHolds") {
            assert!(moment(&hold["startDate"]) >= signup, "{membership}");
        }
    }
}

#[tokio::test]
async fn another_now_moves_everything_with_it() {
    let ids = async |now: &str| {
        let served = serve(Options { now: now.parse().unwrap(), ..small() }).await;
        let orders = served.orders().await;
        let latest = orders.iter().map(|order| text(order, "updatedAt").to_owned()).max().unwrap();
        (orders.iter().map(|order| text(order, "id").to_owned()).collect::<Vec<_>>(), latest)
    };
    let (early, latest_early) = ids("2020-01-01T00:00:00Z").await;
    let (late, latest_late) = ids("2026-01-01T00:00:00Z").await;
    assert_eq!(early, late, "ids do not go by the time");
    assert!(latest_early.as_str() < "2020-01-01T00:00:00.001Z" && latest_late.starts_with("2025"));
}
