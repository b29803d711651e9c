//! Fulfilment of orders (facts 8.3): both calls answer 200 with the whole order.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::schema::{
    Field, Shape, check, check_requiring, command, count, id, list, moment, object, shaped, text, word,
};
use super::{Change, Object, Written, figures, into_object, inventory, number, rows, text as text_of};
use crate::generate::timestamp;
use crate::http::errors::{ApiError, FieldError};
use crate::http::filters;
use crate::kind::Kind;

const NOT_REQUIRED: &str = "No Fulfillment Required";

/// Carriers whose parcels are followed.
const TRACKED: &[&str] = &["UPS", "FedEx", "GSO", "ATS Healthcare", "Australia Post"];

macro_rules! fields {
    ($($more:expr),*) => {
        &[
            word("type", &["Shipped", "Picked Up", NOT_REQUIRED]).required(),
            moment("fulfillmentDate").required(),
            count("packageCount").required(),
            command("sendTransactionEmail"),
            object("shipped", &[shaped("trackingNumbers", Shape::Texts), text("carrier")]),
            object("pickedUp", &[text("pickedUpBy")]),
            $($more),*
        ]
    };
}

const OF_ALL: &[Field] = fields!();

/// Items are named by SKU, as the docs have it, or by their id, as orders have it (facts 16).
const OF_SOME: &[Field] = fields!(list("items", &[id("id"), text("sku"), count("quantityFulfilled")]));

/// `POST /order/{id}/fulfillment`, and `…/all` where `is_all`.
pub(super) fn create(
    change: &mut Change<'_>,
    order: &str,
    body: Value,
    is_all: bool,
) -> Result<Written, ApiError> {
    let mut order = change.collections.value(Kind::Order, order).ok_or_else(ApiError::not_found)?;
    if is_all {
        check(OF_ALL, &body, true)?;
    } else {
        let items_are_needed = body.get("type").and_then(Value::as_str) != Some(NOT_REQUIRED);
        check_requiring(OF_SOME, if items_are_needed { &["items"] } else { &[] }, &body, true)?;
    }
    let body = into_object(body);
    if text_of(&order, "fulfillmentStatus") == "Fulfilled" {
        return Err(ApiError::rule("Can not fulfill an order that is marked Fulfilled"));
    }
    let kind = text_of(&body, "type");
    let is_required = kind != NOT_REQUIRED;
    let taken = match (is_required, is_all) {
        (false, _) => Vec::new(),
        (true, true) => open(&order),
        (true, false) => wanted(&order, &body)?,
    };
    let date = filters::moment(text_of(&body, "fulfillmentDate")).unwrap_or(change.now);
    let date = timestamp(date);
    let location =
        taken.iter().find_map(|(item, _)| item_of(&order, item)?.get("inventoryLocationId").cloned());
    let mut row = into_object(json!({
        "id": change.new_id(),
        "inventoryLocationId": location,
        "type": kind,
        "fulfillmentDate": date,
        "packageCount": body.get("packageCount"),
        "items": taken.iter().map(|(item, quantity)| json!({"id": item, "quantityFulfilled": quantity})).collect::<Vec<_>>(),
    }));
    match kind {
        "Shipped" => {
            let shipped = body.get("shipped").and_then(Value::as_object).cloned().unwrap_or_default();
            let numbers = shipped.get("trackingNumbers").filter(|numbers| !numbers.is_null()).cloned();
            let carrier = text_of(&shipped, "carrier").to_owned();
            let numbers = numbers.unwrap_or(json!([]));
            if TRACKED.contains(&carrier.as_str())
                && numbers.as_array().is_some_and(|numbers| !numbers.is_empty())
            {
                order.insert("shippingStatus".to_owned(), json!("Pending"));
            }
            let shipped = json!({"trackingNumbers": numbers, "carrier": shipped.get("carrier")});
            row.insert("shipped".to_owned(), shipped);
        }
        "Picked Up" => {
            let by = body.get("pickedUp").and_then(|picked_up| picked_up.get("pickedUpBy"));
            row.insert("pickedUp".to_owned(), json!({"pickedUpBy": by}));
        }
        _ => {}
    }
    let mut fulfillments = order.get("fulfillments").and_then(Value::as_array).cloned().unwrap_or_default();
    fulfillments.push(Value::Object(row));
    order.insert("fulfillments".to_owned(), json!(fulfillments));
    hand_over(change, &mut order, &taken, 1);
    let status = if is_required { status(&order) } else { NOT_REQUIRED };
    order.insert("fulfillmentStatus".to_owned(), status.into());
    if matches!(status, "Fulfilled" | NOT_REQUIRED) {
        order.insert("orderFulfilledDate".to_owned(), date.into());
    }
    Ok(put(change, order))
}

/// `DELETE /order/{id}/fulfillment/{fulfillmentId}`.
pub(super) fn delete(change: &mut Change<'_>, order: &str, id: &str) -> Result<Written, ApiError> {
    let mut order = change.collections.value(Kind::Order, order).ok_or_else(ApiError::not_found)?;
    let mut fulfillments = order.get("fulfillments").and_then(Value::as_array).cloned().unwrap_or_default();
    let at = fulfillments.iter().position(|row| row.get("id").and_then(Value::as_str) == Some(id));
    let at = at.ok_or_else(|| ApiError::processing("Fulfillment not found"))?;
    let gone = into_object(fulfillments.remove(at));
    let given: Vec<(String, i64)> = rows(&gone, "items")
        .map(|row| (text_of(row, "id").to_owned(), number(row, "quantityFulfilled")))
        .collect();
    order.insert("fulfillments".to_owned(), json!(fulfillments));
    hand_over(change, &mut order, &given, -1);
    let status = status(&order);
    order.insert("fulfillmentStatus".to_owned(), status.into());
    order.insert("orderFulfilledDate".to_owned(), Value::Null);
    let is_shipped = rows(&order, "fulfillments").any(|row| text_of(row, "type") == "Shipped");
    if !is_shipped {
        order.insert("shippingStatus".to_owned(), json!("Not Tracked"));
    }
    Ok(put(change, order))
}

fn put(change: &mut Change<'_>, order: Object) -> Written {
    let id = text_of(&order, "id").to_owned();
    let customer = text_of(&order, "customerId").to_owned();
    change.save(Kind::Order, order);
    figures::refresh(change, &customer);
    change.answer(200, Kind::Order, &id)
}

fn item_of<'a>(order: &'a Object, id: &str) -> Option<&'a Object> {
    rows(order, "items").find(|item| text_of(item, "id") == id)
}

fn open_units(item: &Object) -> i64 {
    (number(item, "quantity") - number(item, "quantityFulfilled")).max(0)
}

/// Every item with what is open of it.
fn open(order: &Object) -> Vec<(String, i64)> {
    let open = rows(order, "items").map(|item| (text_of(item, "id").to_owned(), open_units(item)));
    open.filter(|(_, quantity)| *quantity > 0).collect()
}

/// The items that a body names, each no further than it is open.
fn wanted(order: &Object, body: &Object) -> Result<Vec<(String, i64)>, ApiError> {
    let mut left: HashMap<&str, i64> =
        rows(order, "items").map(|item| (text_of(item, "id"), open_units(item))).collect();
    let mut taken: Vec<(String, i64)> = Vec::new();
    let mut errors = Vec::new();
    for (at, row) in rows(body, "items").enumerate() {
        let (id, sku) = (text_of(row, "id"), text_of(row, "sku"));
        let path = |field: &str| format!("items[{at}].{field}");
        let Some(mut quantity) = row.get("quantityFulfilled").and_then(Value::as_i64) else {
            errors.push(FieldError::new(&path("quantityFulfilled"), "required"));
            continue;
        };
        let is_meant = |item: &&Object| {
            if id.is_empty() { text_of(item, "sku") == sku } else { text_of(item, "id") == id }
        };
        if !rows(order, "items").any(|item| is_meant(&item)) {
            errors.push(FieldError::new(&path(if id.is_empty() { "sku" } else { "id" }), "does not exist"));
            continue;
        }
        // One SKU can stand in several items.
        for item in rows(order, "items").filter(is_meant) {
            let open = left.entry(text_of(item, "id")).or_default();
            let share = quantity.min(*open);
            if share > 0 {
                *open -= share;
                quantity -= share;
                taken.push((text_of(item, "id").to_owned(), share));
            }
        }
        if quantity > 0 {
            return Err(ApiError::rule("Can not fulfill more than was ordered"));
        }
    }
    if !errors.is_empty() {
        return Err(ApiError::invalid_elements(errors));
    }
    if taken.is_empty() {
        return Err(ApiError::invalid_element("items", "must NOT have fewer than 1 items"));
    }
    Ok(taken)
}

/// Counts units as handed over and takes them from what is allocated; the other way round for -1.
fn hand_over(change: &mut Change<'_>, order: &mut Object, taken: &[(String, i64)], sign: i64) {
    let mut moved = Vec::new();
    if let Some(Value::Array(items)) = order.get_mut("items") {
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            let quantity: i64 = taken
                .iter()
                .filter(|(id, _)| id == text_of(item, "id"))
                .map(|(_, quantity)| quantity * sign)
                .sum();
            let fulfilled = (number(item, "quantityFulfilled") + quantity).max(0);
            item.insert("quantityFulfilled".to_owned(), fulfilled.into());
            let location = text_of(item, "inventoryLocationId");
            if quantity != 0 && !location.is_empty() {
                moved.push((text_of(item, "sku").to_owned(), location.to_owned(), quantity));
            }
        }
    }
    for (sku, location, quantity) in moved {
        inventory::shift(change, &sku, &location, 0, -quantity);
    }
}

/// By what is handed over of the items.
fn status(order: &Object) -> &'static str {
    let is_open = rows(order, "items").any(|item| open_units(item) > 0);
    let is_begun = rows(order, "items").any(|item| number(item, "quantityFulfilled") > 0);
    match (is_open, is_begun) {
        (false, _) => "Fulfilled",
        (true, true) => "Partially Fulfilled",
        (true, false) => "Not Fulfilled",
    }
}
