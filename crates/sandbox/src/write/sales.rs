//! What the winery itself sells, takes back and exchanges: no call of the API does, so it happens in a winery day (facts
//! 8.1, 8.4).

use serde_json::{Value, json};

use super::orders::{ORDER, link, next_number};
use super::{Change, Object, figures, into_object, inventory, is_true, number, rows, text as text_of};
use crate::http::errors::ApiError;
use crate::kind::Kind;

/// A line to sell.
#[derive(Clone, Debug)]
pub(crate) struct SaleLine {
    pub sku: String,
    pub quantity: i64,
}

/// What the winery is to sell.
#[derive(Clone, Debug)]
pub(crate) struct Sale {
    pub channel: &'static str,
    pub delivery: &'static str,
    /// The buyer; nobody known where absent.
    pub customer: Option<String>,
    pub lines: Vec<SaleLine>,
    /// The order that this one is exchanged for.
    pub previous: Option<String>,
}

/// Sells: prices by the catalogue, one tax of 7.75 percent on what is taxed, stock by the policy of each variant. Gives
/// the order's id, or why nothing was sold.
pub(crate) fn sell(change: &mut Change<'_>, sale: &Sale) -> Result<String, ApiError> {
    let is_carried_out = sale.delivery == "Carry Out";
    let role = if sale.delivery == "Ship" { "isWebShipLocation" } else { "isAPickupLocation" };
    let location = inventory::location_with(change, role);
    let customer = sale.customer.as_ref().and_then(|id| change.collections.value(Kind::Customer, id));
    let (mut items, mut sub_total, mut tax_total) = (Vec::new(), 0, 0);
    for line in &sale.lines {
        let (product, at) = inventory::find(change, &line.sku)?;
        let variant = rows(&product, "variants").nth(at).cloned().unwrap_or_default();
        let amount = number(&variant, "price") * line.quantity;
        let tax =
            if text_of(&variant, "taxType") == "Not Taxable" { 0 } else { (amount * 775 + 5_000) / 10_000 };
        sub_total += amount;
        tax_total += tax;
        let mut item = into_object(json!({
            "productTitle": product.get("title"),
            "type": product.get("type"),
            "productVariantTitle": variant.get("title"),
            "image": product.get("image"),
            "sku": line.sku,
            "costOfGood": number(&variant, "costOfGood"),
            "price": variant.get("price"),
            "originalPrice": variant.get("price"),
            "comparePrice": variant.get("comparePrice").filter(|price| !price.is_null()).or(variant.get("price")),
            "quantity": line.quantity,
            "tax": tax,
            "taxType": variant.get("taxType"),
            "weight": variant.get("weight"),
            "hasShipping": variant.get("hasShipping"),
            "vendor": product.get("vendor").and_then(|vendor| vendor.get("title")),
            "volumeInML": variant.get("volumeInML"),
            "alcoholPercentage": variant.get("alcoholPercentage"),
            "departmentCode": product.get("department").and_then(|department| department.get("code")),
        }));
        if is_true(&variant, "hasInventory") {
            item.insert("inventoryLocationId".to_owned(), json!(location));
        }
        items.push(item);
    }
    let total = sub_total + tax_total;
    let now = change.moment();
    let tender = json!({
        "tenderType": if sale.channel == "POS" { "Cash" } else { "Credit Card" },
        "chargeType": "Sale",
        "chargeStatus": "Success",
        "amountTendered": total,
        "paymentDate": now,
        "creditCardBrand": "Visa",
        "maskedCardNumber": "************4242",
        "creditCardExpiryMo": 12,
        "creditCardExpiryYr": 2029,
    });
    let tax = json!({"title": "Sales Tax", "countryCode": "US", "stateCode": null, "food": 7.75,
        "generalMerchandise": 7.75, "wine": 7.75, "price": tax_total, "originalPrice": tax_total});
    let contact = sale.customer.as_deref().and_then(|id| contact_of(change, id));
    let mut body = into_object(json!({
        "orderSubmittedDate": now,
        "orderPaidDate": now,
        "channel": sale.channel,
        "orderDeliveryMethod": sale.delivery,
        "taxSaleType": if is_carried_out { "Onsite" } else { "Offsite" },
        "subTotal": sub_total,
        "taxTotal": tax_total,
        "total": total,
        "tenders": if total == 0 { json!([]) } else { json!([tender]) },
        "taxes": if tax_total == 0 { json!([]) } else { json!([tax]) },
        "items": items,
    }));
    if customer.is_some() {
        body.insert("customerId".to_owned(), json!(sale.customer));
    }
    if let Some(contact) = contact {
        if sale.delivery == "Ship" {
            body.insert("shipTo".to_owned(), json!(contact));
        }
        body.insert("billTo".to_owned(), json!(contact));
    }
    if let Some(previous) = &sale.previous {
        body.insert("previousOrderId".to_owned(), json!(previous));
        body.insert("purchaseType".to_owned(), json!("Exchange"));
    }
    if sale.delivery != "Ship"
        && let Some(place) = location.as_ref().and_then(|id| place_of(change, id))
    {
        body.insert(if is_carried_out { "carryOut" } else { "pickupBy" }.to_owned(), json!(place));
    }
    let id = change.create(&ORDER, &[], body)?;
    if is_carried_out {
        let carried_out = json!({
            "type": "Picked Up",
            "fulfillmentDate": change.moment(),
            "packageCount": 1,
            "pickedUp": {"pickedUpBy": "Carry Out"},
        });
        super::fulfillments::create(change, &id, carried_out, true)?;
    }
    Ok(id)
}

fn only(object: &Object, fields: &[&str]) -> Object {
    let wanted = |(name, value): (&String, &Value)| {
        fields.contains(&name.as_str()).then(|| (name.clone(), value.clone()))
    };
    object.iter().filter_map(wanted).collect()
}

const OF_ADDRESS: &[&str] = &[
    "birthDate",
    "honorific",
    "firstName",
    "lastName",
    "company",
    "phone",
    "address",
    "address2",
    "city",
    "stateCode",
    "zipCode",
    "countryCode",
];

/// The default address of a customer, as an order has it.
fn contact_of(change: &Change<'_>, customer: &str) -> Option<Object> {
    let ids = change.collections.ids_with(Kind::CustomerAddress, "customerId", customer);
    let addresses =
        ids.iter().filter_map(|id| change.collections.value(Kind::CustomerAddress, &id.to_string()));
    addresses.max_by_key(|address| is_true(address, "isDefault")).map(|address| only(&address, OF_ADDRESS))
}

fn place_of(change: &Change<'_>, location: &str) -> Option<Object> {
    let found = change.collections.value(Kind::InventoryLocation, location)?;
    let mut place =
        only(&found, &["phone", "address", "address2", "city", "stateCode", "zipCode", "countryCode"]);
    place.insert("inventoryLocationId".to_owned(), location.into());
    Some(place)
}

/// Takes the first line of an order back, or all of it: a new order with negative amounts (facts 8.4). Gives its id.
pub(crate) fn refund(change: &mut Change<'_>, order: &str, is_whole: bool) -> Result<String, ApiError> {
    let original = change.collections.value(Kind::Order, order).ok_or_else(ApiError::not_found)?;
    if text_of(&original, "purchaseType") == "Refund" || text_of(&original, "paymentStatus") != "Paid" {
        return Err(ApiError::rule("Only a paid order can be refunded"));
    }
    let taken = rows(&original, "linkedOrders").any(|row| text_of(row, "purchaseType") == "Refund");
    if taken {
        return Err(ApiError::rule("The order was refunded before"));
    }
    let mut new = original.clone();
    let mut items: Vec<Value> = Vec::new();
    let (mut sub_total, mut tax_total) = (0, 0);
    for item in rows(&original, "items").take(if is_whole { usize::MAX } else { 1 }) {
        let mut item = item.clone();
        let quantity = -number(&item, "quantity");
        sub_total += number(&item, "price") * quantity;
        tax_total -= number(&item, "tax");
        let tax = -number(&item, "tax");
        for (field, value) in [
            ("id", json!(change.new_id())),
            ("purchaseType", json!("Refund")),
            ("quantity", json!(quantity)),
            ("quantityFulfilled", json!(0)),
            ("tax", json!(tax)),
        ] {
            item.insert(field.to_owned(), value);
        }
        items.push(Value::Object(item));
    }
    let total = sub_total + tax_total;
    let (id, now, next) = (change.new_id(), change.moment(), next_number(change));
    let tender = rows(&original, "tenders").next().map(|tender| {
        let mut tender = tender.clone();
        let original = tender.get("id").cloned().unwrap_or_default();
        for (field, value) in [
            ("id", json!(change.new_id())),
            ("originalOrderTenderId", original),
            ("chargeType", json!("Refund")),
            ("chargeStatus", json!("Success")),
            ("amountTendered", json!(total)),
            ("tip", json!(0)),
            ("paymentDate", json!(now)),
            ("createdAt", json!(now)),
            ("updatedAt", json!(now)),
        ] {
            tender.insert(field.to_owned(), value);
        }
        tender
    });
    // One row for all taxes, as they come back together.
    let taxes = rows(&original, "taxes").next().map(|tax| {
        let mut tax = tax.clone();
        for (field, value) in
            [("id", json!(change.new_id())), ("price", json!(tax_total)), ("originalPrice", json!(tax_total))]
        {
            tax.insert(field.to_owned(), value);
        }
        tax
    });
    for (field, value) in [
        ("id", json!(id)),
        ("cartId", json!(id)),
        ("orderNumber", json!(next)),
        ("orderSubmittedDate", json!(now)),
        ("orderPaidDate", json!(now)),
        ("orderFulfilledDate", Value::Null),
        ("purchaseType", json!("Refund")),
        ("previousOrderId", json!(order)),
        ("previousOrderNumber", original.get("orderNumber").cloned().unwrap_or_default()),
        ("linkedOrders", json!([])),
        ("fulfillmentStatus", json!("No Fulfillment Required")),
        ("shippingStatus", json!("Not Tracked")),
        ("complianceStatus", json!("No Compliance Required")),
        ("subTotal", json!(sub_total)),
        ("shipTotal", json!(0)),
        ("taxTotal", json!(tax_total)),
        ("tipTotal", json!(0)),
        ("discountTotal", json!(0)),
        ("total", json!(total)),
        ("totalAfterTip", json!(total)),
        ("loyaltyPointsEarned", json!(sub_total / 100)),
        ("club", Value::Null),
        ("shipping", json!([])),
        ("coupons", json!([])),
        ("promotions", json!([])),
        ("fulfillments", json!([])),
        ("tenders", json!(tender.into_iter().collect::<Vec<_>>())),
        ("taxes", json!(taxes.into_iter().collect::<Vec<_>>())),
        ("items", json!(items)),
        ("tags", json!([])),
        ("createdAt", json!(now)),
        ("updatedAt", json!(now)),
    ] {
        new.insert(field.to_owned(), value);
    }
    let id = id.to_string();
    change.save(Kind::Order, new.clone());
    link(change, &new);
    figures::refresh(change, text_of(&new, "customerId"));
    Ok(id)
}

/// Sells the first line of an order anew against it, as another order. Gives its id.
pub(crate) fn exchange(change: &mut Change<'_>, order: &str) -> Result<String, ApiError> {
    let original = change.collections.value(Kind::Order, order).ok_or_else(ApiError::not_found)?;
    let item = rows(&original, "items").next().ok_or_else(|| ApiError::rule("The order has no items"))?;
    let customer = original.get("customerId").and_then(Value::as_str).map(str::to_owned);
    let sale = Sale {
        channel: "Inbound",
        delivery: "Ship",
        customer,
        lines: vec![SaleLine { sku: text_of(item, "sku").to_owned(), quantity: 1 }],
        previous: Some(order.to_owned()),
    };
    sell(change, &sale)
}
