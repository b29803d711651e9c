//! Stock: what is tracked, and the transactions that move it (facts 6.7). A level stands in two places, the row of
//! `/inventory` and the variant of its product; both are written together. Products do not count as updated by it.

use std::collections::HashSet;

use serde_json::{Value, json};
use uuid::Uuid;

use super::catalog::POLICIES;
use super::schema::{CREATED_AT, Field, UPDATED_AT, boolean, check, given, integer, list, of, text, word};
use super::{Change, Object, Resource, Written, into_object, is_true, number, rows, text as text_of};
use crate::http::errors::ApiError;
use crate::kind::Kind;

const LOCATION_FIELDS: &[Field] = &[
    given("id"),
    text("title").required(),
    text("address").required(),
    text("address2"),
    text("city").required(),
    text("stateCode"),
    text("zipCode").required(),
    text("countryCode").required(),
    text("phone"),
    boolean("isWebShipLocation"),
    boolean("isInboundShipLocation"),
    boolean("isClubShipLocation"),
    boolean("isAPickupLocation"),
    CREATED_AT,
    UPDATED_AT,
];

/// Neither changed nor deleted by the API (facts 5.4).
pub(super) static LOCATION: Resource =
    Resource::new(Kind::InventoryLocation, LOCATION_FIELDS).only(true, false, false);

const TRACK: &[Field] = &[
    given("id"),
    text("sku").required(),
    list(
        "initialInventory",
        // `availableForSale`, not `…Count`.
        &[
            of("inventoryLocationId", Kind::InventoryLocation).required(),
            integer("availableForSale").required(),
        ],
    ),
    word("inventoryPolicy", POLICIES),
];

/// `POST /inventory` switches tracking on for a SKU; answers the row of the first location it names.
pub(super) static INVENTORY: Resource = Resource::new(Kind::Inventory, TRACK)
    .only(true, false, false)
    .complete(|change, draft| {
        let sku = text_of(&draft.new, "sku").to_owned();
        let (mut product, at) = find(change, &sku)?;
        let locations = change.collections.ids(Kind::InventoryLocation);
        let policy = draft.new.get("inventoryPolicy").filter(|policy| !policy.is_null()).cloned();
        let Some(variant) = variant_mut(&mut product, at) else { return Err(unknown_sku()) };
        if is_true(variant, "hasInventory") {
            return Err(ApiError::not_unique());
        }
        variant.insert("hasInventory".to_owned(), json!(true));
        if let Some(policy) = policy {
            variant.insert("inventoryPolicy".to_owned(), policy);
        }
        let initial = |location: &Uuid| {
            let mut named = rows(&draft.new, "initialInventory");
            let row = named.find(|row| text_of(row, "inventoryLocationId") == location.to_string());
            row.map_or(0, |row| number(row, "availableForSale"))
        };
        let levels: Vec<Value> = locations
            .iter()
            .map(|location| {
                json!({
                    "inventoryLocationId": location,
                    "productVariantId": variant.get("id"),
                    "availableForSaleCount": initial(location),
                    "reserveCount": 0,
                    "allocatedCount": 0,
                })
            })
            .collect();
        variant.insert("inventory".to_owned(), json!(levels));
        let variant = variant.clone();
        let first = rows(&draft.new, "initialInventory")
            .next()
            .map(|row| text_of(row, "inventoryLocationId").to_owned());
        let first = first.or_else(|| locations.first().map(ToString::to_string)).unwrap_or_default();
        // The answer is a row that settling would make again.
        let row = rows_of(change, &product, &variant)
            .into_iter()
            .find(|row| text_of(row, "inventoryLocationId") == first);
        draft.old = Some(product);
        draft.new = row.ok_or_else(unknown_sku)?;
        Ok(())
    })
    .settle(|change, draft| {
        if let Some(product) = draft.old.clone() {
            change.save(Kind::Product, product.clone());
            of_product(change, &product);
        }
    });

const TRANSACTION: &[Field] = &[
    word("action", &["Reset", "Adjust"]).required(),
    text("sku").required(),
    text("notes"),
    integer("availableForSaleCount"),
    integer("reserveCount"),
    of("inventoryLocationId", Kind::InventoryLocation).required(),
];

/// `POST /inventory-transaction`: `Reset` sets the counts that are given, `Adjust` adds them. Neither takes what is for
/// sale below nothing where the variant's policy is not to sell what is not there.
pub(super) fn transact(change: &mut Change<'_>, body: Value) -> Result<Written, ApiError> {
    check(TRANSACTION, &body, true)?;
    let body = into_object(body);
    let location = text_of(&body, "inventoryLocationId");
    if !change.collections.contains(Kind::InventoryLocation, location) {
        return Err(ApiError::invalid_element("inventoryLocationId", "does not exist"));
    }
    let sku = text_of(&body, "sku");
    let (product, at) = find(change, sku)?;
    let variant = rows(&product, "variants").nth(at).cloned().unwrap_or_default();
    if !is_true(&variant, "hasInventory") {
        return Err(ApiError::rule("Inventory is not tracked for this SKU"));
    }
    let level = level(&variant, location);
    let action = text_of(&body, "action");
    let moved = |field: &str, before: i64| match body.get(field).and_then(Value::as_i64) {
        None => before,
        Some(count) if action == "Reset" => count,
        Some(count) => before.saturating_add(count),
    };
    let after = Level {
        available: moved("availableForSaleCount", level.available),
        reserved: moved("reserveCount", level.reserved),
        ..level
    };
    let falls_below = |before: i64, after: i64| after < 0 && after < before;
    if text_of(&variant, "inventoryPolicy") != "Back Order" && falls_below(level.available, after.available)
        || falls_below(level.reserved, after.reserved)
    {
        return Err(ApiError::rule("Not enough inventory available"));
    }
    let id = change.new_id().to_string();
    let details = format!("Manual {action} of {sku}");
    let transaction = json!({
        "inventoryLocationId": location,
        "sku": variant.get("sku"),
        "productVariantId": variant.get("id"),
        "transactionType": "Manual",
        "transactionDetails": details,
        "notes": body.get("notes"),
        "availableForSaleCount": after.available,
        "reserveCount": after.reserved,
        "allocatedCount": after.allocated,
        "id": id,
        "transactionDate": change.moment(),
        "updatedAt": change.moment(),
        "createdAt": change.moment(),
        "searchText": details,
    });
    set_level(change, product, at, location, after);
    Ok(Written { status: 201, body: Some(transaction.to_string().into_bytes()), id: Some(id) })
}

fn unknown_sku() -> ApiError {
    ApiError::rule("SKU not found")
}

/// The product that has a SKU, and the place of its variant.
pub(super) fn find(change: &Change<'_>, sku: &str) -> Result<(Object, usize), ApiError> {
    let holders = change.collections.ids_with(Kind::Product, "variants[].sku", sku);
    let found = holders.iter().find_map(|id| {
        let product = change.collections.value(Kind::Product, &id.to_string())?;
        let at = rows(&product, "variants").position(|variant| text_of(variant, "sku") == sku)?;
        Some((product, at))
    });
    found.ok_or_else(unknown_sku)
}

fn variant_mut(product: &mut Object, at: usize) -> Option<&mut Object> {
    product.get_mut("variants")?.as_array_mut()?.get_mut(at)?.as_object_mut()
}

/// Units of a variant at a location.
#[derive(Clone, Copy, Default)]
pub(super) struct Level {
    pub available: i64,
    pub reserved: i64,
    pub allocated: i64,
}

/// The level of a variant at a location; nothing where it is not tracked.
pub(super) fn level(variant: &Object, location: &str) -> Level {
    let row = rows(variant, "inventory").find(|row| text_of(row, "inventoryLocationId") == location);
    row.map_or_else(Level::default, |row| Level {
        available: number(row, "availableForSaleCount"),
        reserved: number(row, "reserveCount"),
        allocated: number(row, "allocatedCount"),
    })
}

/// Writes a level to the variant and to its row.
pub(super) fn set_level(
    change: &mut Change<'_>,
    mut product: Object,
    at: usize,
    location: &str,
    level: Level,
) {
    let counts = [
        ("availableForSaleCount", level.available),
        ("reserveCount", level.reserved),
        ("allocatedCount", level.allocated),
    ];
    let set = |row: &mut Object| {
        for (field, count) in counts {
            row.insert(field.to_owned(), count.into());
        }
    };
    let Some(variant) = variant_mut(&mut product, at) else { return };
    let (id, sku) = (text_of(variant, "id").to_owned(), text_of(variant, "sku").to_owned());
    let mut is_known = false;
    if let Some(levels) = variant.get_mut("inventory").and_then(Value::as_array_mut) {
        for row in levels.iter_mut().filter_map(Value::as_object_mut) {
            if text_of(row, "inventoryLocationId") == location {
                set(row);
                is_known = true;
            }
        }
        if !is_known {
            // A location that came after the variant.
            let mut row = Object::new();
            row.insert("inventoryLocationId".to_owned(), location.into());
            row.insert("productVariantId".to_owned(), id.clone().into());
            set(&mut row);
            levels.push(Value::Object(row));
        }
    }
    for row in change.collections.ids_with(Kind::Inventory, "sku", &sku) {
        if let Some(mut row) = change.collections.value(Kind::Inventory, &row.to_string())
            && text_of(&row, "inventoryLocationId") == location
            && text_of(&row, "productVariantId") == id
        {
            set(&mut row);
            change.keep(Kind::Inventory, row);
        }
    }
    if is_known {
        change.keep(Kind::Product, product);
    } else {
        change.keep(Kind::Product, product.clone());
        of_product(change, &product);
    }
}

/// Moves units of a SKU between for sale, allocated and gone, where it is tracked.
pub(super) fn shift(change: &mut Change<'_>, sku: &str, location: &str, available: i64, allocated: i64) {
    let Ok((product, at)) = find(change, sku) else { return };
    let Some(variant) = rows(&product, "variants").nth(at).filter(|variant| is_true(variant, "hasInventory"))
    else {
        return;
    };
    let before = level(variant, location);
    let after = Level {
        available: before.available + available,
        allocated: (before.allocated + allocated).max(0),
        ..before
    };
    set_level(change, product, at, location, after);
}

/// The rows of `/inventory` that a variant has; those that there are keep their ids.
fn rows_of(change: &mut Change<'_>, product: &Object, variant: &Object) -> Vec<Object> {
    let known: Vec<Object> = change
        .collections
        .ids_with(Kind::Inventory, "productId", text_of(product, "id"))
        .iter()
        .filter_map(|id| change.collections.value(Kind::Inventory, &id.to_string()))
        .collect();
    let mut made = Vec::new();
    for level in rows(variant, "inventory") {
        let location = text_of(level, "inventoryLocationId");
        let is_same = |row: &&Object| {
            row.get("productVariantId") == variant.get("id")
                && text_of(row, "inventoryLocationId") == location
        };
        let id = match known.iter().find(is_same) {
            Some(row) => text_of(row, "id").to_owned(),
            None => {
                // As for generated ones: from the two that it belongs to.
                let of = |text: &str| Uuid::parse_str(text).unwrap_or_default().as_u128();
                let variant = of(text_of(variant, "id"));
                Uuid::from_u128(variant ^ (of(location) & ((1 << 62) - 1))).to_string()
            }
        };
        let place = change.collections.value(Kind::InventoryLocation, location);
        let row = json!({
            "id": id,
            "inventoryLocationTitle": place.as_ref().and_then(|place| place.get("title")),
            "inventoryLocationId": location,
            "productVariantId": variant.get("id"),
            "productVariantTitle": variant.get("title"),
            "sku": variant.get("sku"),
            "upcCode": variant.get("upcCode"),
            "hasInventory": 1,
            "availableForSaleCount": level.get("availableForSaleCount"),
            "reserveCount": level.get("reserveCount"),
            "allocatedCount": level.get("allocatedCount"),
            "inventoryPolicy": variant.get("inventoryPolicy"),
            "productId": product.get("id"),
            "productTitle": product.get("title"),
        });
        made.push(into_object(row));
    }
    made
}

/// Brings the rows of a product's variants in line with the product.
pub(super) fn of_product(change: &mut Change<'_>, product: &Object) {
    let mut kept = HashSet::new();
    for variant in rows(product, "variants") {
        for row in rows_of(change, product, variant) {
            kept.insert(text_of(&row, "id").to_owned());
            change.keep(Kind::Inventory, row);
        }
    }
    forget(change, text_of(product, "id"), &kept);
}

/// Takes the rows of a product away, but for these.
pub(super) fn forget(change: &mut Change<'_>, product: &str, kept: &HashSet<String>) {
    for id in change.collections.ids_with(Kind::Inventory, "productId", product) {
        if !kept.contains(&id.to_string()) {
            change.collections.remove(Kind::Inventory, id);
        }
    }
}

/// The location whose role this is.
pub(super) fn location_with(change: &Change<'_>, role: &str) -> Option<String> {
    change
        .collections
        .values(Kind::InventoryLocation)
        .find(|location| is_true(location, role))
        .map(|location| text_of(&location, "id").to_owned())
}
