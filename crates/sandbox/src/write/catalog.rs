//! Products with their variants, collections, departments and vendors (facts 6.6, 6.11, 6.12, 9).

use std::collections::HashSet;

use serde_json::{Value, json};

use super::schema::{
    APP_DATA, CREATED_AT, Default, Field, META_DATA, Shape, UPDATED_AT, boolean, count, given, html, id,
    integer, list, object, of, references, shaped, text, word,
};
use super::{Change, Draft, Object, Resource, inventory, is_true, rows, slug, spread, text as text_of};
use crate::http::errors::{ApiError, FieldError};
use crate::kind::Kind;

const WEB_STATUSES: &[&str] = &["Available", "Not Available", "Retired"];
const ADMIN_STATUSES: &[&str] = &["Available", "Not Available", "Hidden"];
pub(super) const PRODUCT_TYPES: &[&str] = &[
    "General Merchandise",
    "Tasting",
    "Wine",
    "Cannabis",
    "Bundle",
    "Reservation",
    "Event Ticket",
    "Gift Card",
    "Collateral",
    "Rebate",
];
pub(super) const TAX_TYPES: &[&str] =
    &["Food", "General Merchandise", "Wine", "Not Taxable", "Cannabis", "Prepared Food", "Books"];
pub(super) const POLICIES: &[&str] = &["Back Order", "Dont Sell"];

pub(super) const SEO: &[Field] = &[text("title"), text("description")];

const IMAGES: &[Field] = &[
    id("id"),
    text("src").required(),
    count("sortOrder").or(Default::Number(0)),
    shaped("original", Shape::Any).or(Default::Absent),
    shaped("formats", Shape::Any).or(Default::Absent),
];

const BUNDLE_ITEMS: &[Field] = &[
    id("id"),
    of("productId", Kind::Product).required(),
    id("productVariantId").required(),
    count("quantity").required(),
    given("productTitle"),
    given("productVariantTitle"),
    given("sku"),
    given("image"),
    given("price"),
];

/// In the order that answers have them; nothing of a variant that there is is required, and what is left out of it
/// becomes null (facts 1).
const VARIANTS: &[Field] = &[
    id("id"),
    text("title").required(),
    text("sku").required(),
    text("upcCode"),
    count("volumeInML"),
    shaped("alcoholPercentage", Shape::Number),
    count("costOfGood").or(Default::Number(0)),
    count("price").required(),
    count("comparePrice"),
    count("bottleDeposit").or(Default::Number(0)),
    integer("sortOrder").or(Default::Number(0)),
    boolean("hasInventory"),
    word("inventoryPolicy", POLICIES).or(Default::Text("Dont Sell")),
    boolean("hasShipping").or(Default::True),
    count("maxQuantityPerCart"),
    word("taxType", TAX_TYPES).or(Default::Text("General Merchandise")),
    shaped("weight", Shape::Number).or(Default::Number(0)),
    given("inventory"),
];

const WINE: &[Field] = &[
    word("type", &["Red", "White", "Rose", "Dessert", "Sparkling", "Champagne", "Ice"]),
    text("varietal"),
    text("countryCode"),
    text("region"),
    text("appellation"),
    count("vintage"),
];

pub(super) const SECURITY: &[Field] = &[
    // `Group` is what the docs print; Commerce7 has `Tag` (facts 16).
    word("availableTo", &["Public", "Allocation", "Club", "Tag", "Loyalty Tier"])
        .required()
        .or(Default::Text("Public")),
    text("displayOption").or(Default::Absent),
    shaped("availableToObjectIds", Shape::Texts).or(Default::Absent),
];

const REGIONS: &[Field] = &[
    boolean("isOverride"),
    shaped("operatingStateCodes", Shape::Texts),
    shaped("operatingCountryCodes", Shape::Texts),
];

const FIELDS: &[Field] = &[
    given("id"),
    text("title").required(),
    text("subTitle"),
    text("image"),
    word("type", PRODUCT_TYPES).required(),
    of("departmentId", Kind::Department),
    of("vendorId", Kind::Vendor),
    text("teaser"),
    html("content"),
    word("webStatus", WEB_STATUSES).or(Default::Text("Not Available")),
    word("adminStatus", ADMIN_STATUSES).or(Default::Text("Available")),
    text("slug"),
    META_DATA,
    id("productTemplateId"),
    APP_DATA,
    given("appSync"),
    CREATED_AT,
    UPDATED_AT,
    given("department"),
    given("vendor"),
    list("images", IMAGES),
    list("bundleItems", BUNDLE_ITEMS),
    list("variants", VARIANTS).required(),
    references("collections", Kind::Collection),
    object("seo", SEO),
    object("security", SECURITY),
    object("overrideOperatingRegions", REGIONS),
    object("wine", WINE).or(Default::Absent),
];

pub(super) static PRODUCT: Resource = Resource::new(Kind::Product, FIELDS)
    .complete(complete_product)
    .settle(settle_product)
    .removed(|change, gone| inventory::forget(change, text_of(gone, "id"), &HashSet::new()));

fn complete_product(change: &mut Change<'_>, draft: &mut Draft) -> Result<(), ApiError> {
    let title = text_of(&draft.new, "title").to_owned();
    draft.set_default("slug", slug(&title));
    if change.is_taken(Kind::Product, "slug", text_of(&draft.new, "slug"), draft.id()) {
        return Err(ApiError::not_unique());
    }
    let skus: Vec<&str> =
        rows(&draft.new, "variants").map(|row| text_of(row, "sku")).filter(|sku| !sku.is_empty()).collect();
    if draft.body.contains_key("variants") {
        if rows(&draft.new, "variants").next().is_none() {
            return Err(ApiError::invalid_element("variants", "must NOT have fewer than 1 items"));
        }
        let repeated = |at: usize, sku: &str| {
            skus.iter().take(at).any(|earlier| *earlier == sku)
                || change.is_taken(Kind::Product, "variants[].sku", sku, draft.id())
        };
        if skus.iter().enumerate().any(|(at, sku)| repeated(at, sku)) {
            return Err(ApiError::rule("SKU is not unique"));
        }
    }
    if let Some(parts) = bundle_items(change, draft)? {
        draft.set("bundleItems", parts);
    }
    let embedded = |kind, field: &str| {
        let id = draft.new.get(field).and_then(Value::as_str)?;
        change.find(kind, id).map(Value::Object)
    };
    let department = embedded(Kind::Department, "departmentId");
    let vendor = embedded(Kind::Vendor, "vendorId");
    draft.set("department", department);
    draft.set("vendor", vendor);
    let image = rows(&draft.new, "images").next().and_then(|image| image.get("src")).cloned();
    if draft.is_new() {
        draft.set_default("image", image);
    }
    if draft.is_new() && draft.new.get("seo").is_some_and(|seo| seo.get("title").is_none_or(Value::is_null)) {
        draft.set("seo", json!({"title": title, "description": null}));
    }
    // Every variant that is tracked has a row for each location, the others none.
    let locations = change.collections.ids(Kind::InventoryLocation);
    if let Some(variants) = draft.new.get_mut("variants").and_then(Value::as_array_mut) {
        for variant in variants.iter_mut().filter_map(Value::as_object_mut) {
            let inventory = match variant.get("inventory") {
                _ if !is_true(variant, "hasInventory") => Value::Null,
                Some(Value::Array(rows)) => json!(rows),
                _ => locations
                    .iter()
                    .map(|location| {
                        json!({
                            "inventoryLocationId": location,
                            "productVariantId": variant.get("id"),
                            "availableForSaleCount": 0,
                            "reserveCount": 0,
                            "allocatedCount": 0,
                        })
                    })
                    .collect(),
            };
            variant.insert("inventory".to_owned(), inventory);
        }
    }
    Ok(())
}

/// The parts of a bundle with what they show of their products.
fn bundle_items(change: &Change<'_>, draft: &Draft) -> Result<Option<Vec<Value>>, ApiError> {
    if !draft.body.contains_key("bundleItems") {
        return Ok(None);
    }
    let mut parts = Vec::new();
    let mut errors = Vec::new();
    for (at, row) in rows(&draft.new, "bundleItems").enumerate() {
        let product = change.collections.value(Kind::Product, text_of(row, "productId"));
        let wanted = row.get("productVariantId");
        let variant = product
            .as_ref()
            .and_then(|product| rows(product, "variants").find(|row| row.get("id") == wanted));
        let (Some(product), Some(variant)) = (&product, variant) else {
            errors.push(FieldError::new(&format!("bundleItems[{at}].productVariantId"), "does not exist"));
            continue;
        };
        let mut part = row.clone();
        for (field, value) in [
            ("productTitle", product.get("title")),
            ("productVariantTitle", variant.get("title")),
            ("sku", variant.get("sku")),
            ("image", product.get("image")),
            ("price", variant.get("price")),
        ] {
            part.insert(field.to_owned(), value.cloned().unwrap_or_default());
        }
        parts.push(Value::Object(part));
    }
    if errors.is_empty() { Ok(Some(parts)) } else { Err(ApiError::invalid_elements(errors)) }
}

fn settle_product(change: &mut Change<'_>, draft: &Draft) {
    if draft.is_new() || draft.changes("variants") || draft.changes("title") {
        inventory::of_product(change, &draft.new);
    }
}

const COLLECTION_FIELDS: &[Field] = &[
    given("id"),
    text("title").required(),
    word("type", &["Manual", "Dynamic"]).or(Default::Text("Manual")),
    html("content"),
    word("webStatus", WEB_STATUSES).or(Default::Text("Not Available")),
    word("adminStatus", ADMIN_STATUSES).or(Default::Text("Available")),
    text("slug"),
    id("productTemplateId"),
    given("productCount"),
    word("appliesToCondition", &["One or more conditions", "All conditions"]),
    boolean("onlyShowProductsWithInventory"),
    META_DATA,
    CREATED_AT,
    UPDATED_AT,
    object("seo", SEO),
];

/// A deletion is answered with the collection, as the docs say.
pub(super) static COLLECTION: Resource = Resource::new(Kind::Collection, COLLECTION_FIELDS)
    .complete(|change, draft| {
        let slug = slug(text_of(&draft.new, "title"));
        draft.set_default("slug", slug);
        if change.is_taken(Kind::Collection, "slug", text_of(&draft.new, "slug"), draft.id()) {
            return Err(ApiError::not_unique());
        }
        Ok(())
    })
    .settle(|change, draft| copies(change, IN_COLLECTIONS, &draft.new, false))
    .removed(|change, gone| copies(change, IN_COLLECTIONS, gone, true))
    .answers_deleted();

const IN_COLLECTIONS: (Kind, &str, &str) = (Kind::Product, "collections[].id", "collections");
const IN_DEPARTMENT: (Kind, &str, &str) = (Kind::Product, "departmentId", "department");
const OF_VENDOR: (Kind, &str, &str) = (Kind::Product, "vendorId", "vendor");

/// Products hold their collections, department and vendor as these are.
fn copies(change: &mut Change<'_>, place: (Kind, &str, &str), object: &Object, is_gone: bool) {
    let kind = match place.2 {
        "collections" => Kind::Collection,
        "department" => Kind::Department,
        _ => Kind::Vendor,
    };
    let id = text_of(object, "id");
    let copy = change.find(kind, id).filter(|_| !is_gone);
    let holders = if is_gone { change.collections.ids_with(place.0, place.1, id) } else { Vec::new() };
    spread(change, place, id, copy.as_ref());
    for holder in holders {
        // What named it by its id names nothing now.
        if let Some(mut product) = change.collections.value(place.0, &holder.to_string())
            && product.contains_key(place.1)
        {
            product.insert(place.1.to_owned(), Value::Null);
            change.keep(place.0, product);
        }
    }
}

pub(super) static DEPARTMENT: Resource = Resource::new(
    Kind::Department,
    &[given("id"), text("title").required(), text("code").required(), CREATED_AT, UPDATED_AT],
)
.settle(|change, draft| copies(change, IN_DEPARTMENT, &draft.new, false))
.removed(|change, gone| copies(change, IN_DEPARTMENT, gone, true));

/// A deletion is answered with the vendor, as the docs say.
pub(super) static VENDOR: Resource =
    Resource::new(Kind::Vendor, &[given("id"), text("title").required(), CREATED_AT, UPDATED_AT])
        .settle(|change, draft| copies(change, OF_VENDOR, &draft.new, false))
        .removed(|change, gone| copies(change, OF_VENDOR, gone, true))
        .answers_deleted();
