//! Orders that come in by the API: historical imports, which never charge (facts 8.5).

use serde_json::{Value, json};

use super::catalog::{PRODUCT_TYPES, TAX_TYPES};
use super::schema::{
    APP_DATA, Access, CREATED_AT, Default, Field, META_DATA, Shape, UPDATED_AT, boolean, check,
    check_requiring, command, count, date, given, id, integer, list, moment, object, of, references, shaped,
    text, word,
};
use super::{
    Change, Draft, Object, Resource, Written, figures, into_object, inventory, is_true, number, rows,
    text as text_of,
};
use crate::http::errors::ApiError;
use crate::kind::Kind;

const CHANNELS: &[&str] = &["Inbound", "Web", "POS", "Club"];
const DELIVERY: &[&str] = &["Pickup", "Carry Out", "Ship"];
const PURCHASES: &[&str] = &["Regular", "Refund", "Exchange", "Pickup To Ship", "Corporate Order"];
const COMPLIANCE: &[&str] =
    &["Compliant", "Forced", "Not Checked", "No Compliance Required", "Quarantined", "Void"];
const FULFILMENT: &[&str] = &["Fulfilled", "Not Fulfilled", "Partially Fulfilled", "No Fulfillment Required"];
const TENDER_TYPES: &[&str] = &[
    "Credit Card",
    "Cash",
    "COD",
    "External",
    "Debit",
    "Gift Card",
    "Other",
    "Alipay",
    "WeChat Pay",
    "Loyalty Points",
];

/// The greatest number an order can have (facts 6.1).
const GREATEST_NUMBER: i64 = 2_147_483_647;

const SHIPPING: &[Field] = &[
    given("id"),
    text("vendor").or(Default::Text("Local")),
    text("title").required(),
    text("code"),
    text("carrier"),
    text("service"),
    id("shippingServiceId"),
    integer("price").required(),
    integer("originalPrice").or(Default::Number(0)),
    boolean("isPriceOverride"),
    given("processorResponse"),
    integer("tax").or(Default::Number(0)),
    boolean("isQualifiesForPrime"),
];

const COUPONS: &[Field] = &[
    given("id"),
    text("title"),
    given("inUse").or(Default::True),
    integer("productValue").or(Default::Number(0)),
    integer("shippingValue").or(Default::Number(0)),
    integer("totalValue").or(Default::Number(0)),
    given("usageLimitType").or(Default::Text("Unlimited")),
    given("quantityUsed").or(Default::Number(1)),
    id("couponId"),
    text("code").required(),
];

const CONTACT: &[Field] = &[
    given("id"),
    given("customerAddressId"),
    date("birthDate"),
    text("honorific"),
    text("firstName"),
    text("lastName"),
    text("company"),
    text("phone"),
    text("address"),
    text("address2"),
    text("city"),
    text("stateCode"),
    text("zipCode"),
    text("countryCode"),
];

const PLACE: &[Field] = &[
    given("id"),
    of("inventoryLocationId", Kind::InventoryLocation),
    given("customerAddressId"),
    date("birthDate"),
    text("honorific"),
    text("firstName"),
    text("lastName"),
    text("company"),
    text("phone"),
    text("address"),
    text("address2"),
    text("city"),
    text("stateCode"),
    text("zipCode"),
    text("countryCode"),
];

/// Flat card fields, as the body has them; answers have them in `creditCard`.
const TENDERS: &[Field] = &[
    given("id"),
    id("refundId"),
    id("previousTenderId"),
    word("tenderType", TENDER_TYPES).required(),
    word("chargeType", &["Sale", "PreAuth", "Cancel", "Refund", "Capture"]).required(),
    word("chargeStatus", &["Pending", "Failed", "Success", "Waiting", "Cancelled"]).required(),
    integer("amountTendered").required(),
    integer("tip").or(Default::Number(0)),
    text("errorCode").or(Default::Text("")),
    moment("paymentDate"),
    text("otherPaymentMethod"),
    text("creditCardBrand"),
    text("maskedCardNumber"),
    count("creditCardExpiryMo"),
    count("creditCardExpiryYr"),
    text("creditCardHolderName"),
];

const TAXES: &[Field] = &[
    given("id"),
    text("vendor").or(Default::Text("Local")),
    text("title").required(),
    text("countryCode"),
    text("stateCode"),
    shaped("freight", Shape::Number).or(Default::Number(0)),
    shaped("food", Shape::Number).or(Default::Number(0)),
    shaped("generalMerchandise", Shape::Number).or(Default::Number(0)),
    shaped("cannabis", Shape::Number).or(Default::Number(0)),
    shaped("wine", Shape::Number).or(Default::Number(0)),
    integer("price").required(),
    integer("originalPrice"),
    boolean("isPriceOverride"),
    boolean("isIncludedInPrice"),
    boolean("isFlatRate"),
    boolean("isNonTaxable"),
    integer("sortOrder").or(Default::Number(0)),
];

const ITEMS: &[Field] = &[
    given("id"),
    word("purchaseType", PURCHASES),
    text("productTitle").required(),
    given("productSlug"),
    word("type", PRODUCT_TYPES).required(),
    of("inventoryLocationId", Kind::InventoryLocation),
    given("productId"),
    text("productVariantTitle"),
    given("productVariantId"),
    text("image"),
    text("sku").required(),
    integer("costOfGood").or(Default::Number(0)),
    integer("price").required(),
    integer("originalPrice"),
    integer("comparePrice"),
    integer("bottleDeposit").or(Default::Number(0)),
    integer("quantity").required(),
    count("quantityFulfilled").or(Default::Number(0)),
    given("quantitySentToPrep").or(Default::Number(0)),
    boolean("isPriceOverride"),
    integer("tax").or(Default::Number(0)),
    word("taxType", TAX_TYPES),
    shaped("weight", Shape::Number),
    boolean("hasShipping").or(Default::True),
    text("vendor"),
    count("volumeInML"),
    shaped("alcoholPercentage", Shape::Number),
    text("departmentCode"),
    id("allocationId"),
    given("departmentId"),
    given("collectionIds"),
    shaped("bundleItems", Shape::Any),
    given("itemData"),
    given("modifiers"),
    given("notes"),
];

const ASSOCIATE: &[Field] = &[id("accountId"), text("name")];

const FIELDS: &[Field] = &[
    given("id"),
    moment("orderSubmittedDate").required().only(Access::Create),
    moment("orderPaidDate").only(Access::Create),
    moment("orderFulfilledDate").only(Access::Create),
    shaped("orderNumber", Shape::NumberOrText).only(Access::Create),
    given("orderSource").or(Default::Text("Internal")),
    text("externalOrderNumber"),
    text("externalOrderVendor"),
    given("customerType"),
    word("purchaseType", PURCHASES).only(Access::Create).or(Default::Text("Regular")),
    of("previousOrderId", Kind::Order).only(Access::Create),
    given("previousOrderNumber"),
    given("linkedOrders").or(Default::Empty),
    word("paymentStatus", &["Paid", "Authorized", "Cancelled"])
        .only(Access::Create)
        .or(Default::Text("Paid")),
    word("complianceStatus", COMPLIANCE).or(Default::Text("Not Checked")),
    given("fraudCheckStatus").or(Default::Text("Not Checked")),
    word("fulfillmentStatus", FULFILMENT).only(Access::Create).or(Default::Text("Not Fulfilled")),
    word("shippingStatus", &["Not Tracked", "Pending", "In Transit", "Delivered"])
        .or(Default::Text("Not Tracked")),
    given("cartId"),
    word("channel", CHANNELS).required().only(Access::Create),
    id("posProfileId").only(Access::Create),
    of("customerId", Kind::Customer),
    word("orderDeliveryMethod", DELIVERY).required().only(Access::Create),
    text("shippingInstructions"),
    word("taxSaleType", &["Offsite", "Onsite"]).only(Access::Create).or(Default::Text("Offsite")),
    integer("subTotal").required().only(Access::Create),
    integer("shipTotal").only(Access::Create).or(Default::Number(0)),
    integer("taxTotal").only(Access::Create).or(Default::Number(0)),
    integer("dutyTotal").only(Access::Create).or(Default::Number(0)),
    integer("bottleDepositTotal").only(Access::Create).or(Default::Number(0)),
    integer("tipTotal").only(Access::Create).or(Default::Number(0)),
    given("discountTotal").or(Default::Number(0)),
    integer("total").required().only(Access::Create),
    given("totalAfterTip"),
    text("giftMessage"),
    META_DATA,
    APP_DATA,
    given("appSync"),
    list("flags", &[id("id"), text("content").required()]),
    boolean("isNonTaxable").only(Access::Create),
    boolean("isNoDuty").only(Access::Create),
    given("loyaltyPointsEarned").or(Default::Number(0)),
    CREATED_AT,
    UPDATED_AT,
    given("additionalData"),
    given("customer"),
    given("club"),
    given("reservation"),
    list("shipping", SHIPPING).only(Access::Create),
    list("coupons", COUPONS).only(Access::Create),
    object("shipTo", CONTACT).only(Access::Create).or(Default::Null),
    object("billTo", CONTACT).only(Access::Create).or(Default::Null),
    object("pickupBy", PLACE).only(Access::Create).or(Default::Null),
    given("carrierPickupLocation"),
    object("carryOut", PLACE).only(Access::Create).or(Default::Null),
    given("promotions").or(Default::Empty),
    list("tenders", TENDERS).only(Access::Create),
    given("fulfillments").or(Default::Empty),
    list("taxes", TAXES).only(Access::Create),
    given("duties").or(Default::Empty),
    given("posProfile"),
    list("items", ITEMS).required().only(Access::Create),
    object("selectedShippingOptions", &[id("shippingServiceId"), moment("requestedShipDate")])
        .only(Access::Create),
    given("connectionInformation"),
    given("fraud"),
    object("salesAssociate", ASSOCIATE),
    references("tags", Kind::Tag),
    // Finds the customer of an import that names none.
    Field { access: Access::Command, ..shaped("email", Shape::Email) },
    command("isSendTransactionEmail"),
];

/// An order is not deleted; once there, only what says nothing of money or goods changes (facts 8.2).
pub(super) static ORDER: Resource =
    Resource::new(Kind::Order, FIELDS).only(true, true, false).complete(complete_order).settle(settle_order);

fn complete_order(change: &mut Change<'_>, draft: &mut Draft) -> Result<(), ApiError> {
    super::tags::check_tags(draft, "Order")?;
    if !draft.is_new() {
        return Ok(());
    }
    if rows(&draft.new, "items").next().is_none() {
        return Err(ApiError::invalid_element("items", "must NOT have fewer than 1 items"));
    }
    match draft.new.get("orderNumber").and_then(Value::as_i64) {
        Some(given) if !(1..=GREATEST_NUMBER).contains(&given) => {
            return Err(ApiError::invalid_element("orderNumber", "must be <= 2147483647"));
        }
        Some(given) if !change.collections.ids_with_number(Kind::Order, "orderNumber", given).is_empty() => {
            return Err(ApiError::not_unique());
        }
        _ => {}
    }
    refuse_overselling(change, &draft.new)?;
    if draft.new.get("orderNumber").is_none_or(Value::is_null) {
        let next = next_number(change);
        draft.set("orderNumber", next);
    }
    if draft.new.get("customerId").is_none_or(Value::is_null)
        && let Some(email) = draft.body.get("email").and_then(Value::as_str)
    {
        let found = change.collections.ids_with(Kind::Customer, "emails[].email", email);
        draft.set("customerId", found.first().map(ToString::to_string));
    }
    let id = draft.id().to_owned();
    draft.set("cartId", id);
    draft.set("totalAfterTip", number(&draft.new, "total") + number(&draft.new, "tipTotal"));
    if text_of(&draft.new, "paymentStatus") != "Cancelled" {
        draft.set("loyaltyPointsEarned", number(&draft.new, "subTotal") / 100);
    }
    if let Some(previous) = change.collections.value(Kind::Order, text_of(&draft.new, "previousOrderId")) {
        draft.set("previousOrderNumber", previous.get("orderNumber").cloned());
    }
    let is_fulfilled = text_of(&draft.new, "fulfillmentStatus") == "Fulfilled";
    if is_fulfilled {
        let paid = draft.new.get("orderPaidDate").cloned();
        draft.set_default("orderFulfilledDate", paid);
    }
    let moment = change.moment();
    let purchase = draft.new.get("purchaseType").cloned().unwrap_or_default();
    if let Some(Value::Array(items)) = draft.new.get_mut("items") {
        for item in items.iter_mut().filter_map(Value::as_object_mut) {
            name_product(change, item);
            if item.get("purchaseType").is_none_or(Value::is_null) {
                item.insert("purchaseType".to_owned(), purchase.clone());
            }
            if is_fulfilled && number(item, "quantityFulfilled") == 0 {
                item.insert("quantityFulfilled".to_owned(), number(item, "quantity").max(0).into());
            }
        }
    }
    if let Some(Value::Array(tenders)) = draft.new.get_mut("tenders") {
        for tender in tenders.iter_mut() {
            *tender = nested_card(tender, &moment);
        }
    }
    draft.set("connectionInformation", json!({"customerIpAddress": null, "userAgent": null}));
    draft.set("fraud", json!({"isFraudulent": false, "comment": null}));
    Ok(())
}

/// The ids of what an item sells, where the catalogue has its SKU.
fn name_product(change: &Change<'_>, item: &mut Object) {
    let Ok((product, at)) = inventory::find(change, text_of(item, "sku")) else { return };
    let variant = rows(&product, "variants").nth(at);
    let collections: Vec<&str> = rows(&product, "collections").map(|row| text_of(row, "id")).collect();
    let collections = (!collections.is_empty()).then(|| collections.join(","));
    for (field, value) in [
        ("productSlug", product.get("slug").cloned()),
        ("productId", product.get("id").cloned()),
        ("productVariantId", variant.and_then(|variant| variant.get("id")).cloned()),
        ("departmentId", product.get("departmentId").cloned()),
        ("collectionIds", Some(json!(collections))),
    ] {
        item.insert(field.to_owned(), value.unwrap_or_default());
    }
}

/// A tender as answers have it.
fn nested_card(tender: &Value, moment: &str) -> Value {
    let of = |field: &str| tender.get(field).cloned().unwrap_or_default();
    let card = (of("tenderType") == "Credit Card").then(|| {
        json!({
            "gateway": "No Gateway",
            "cardBrand": of("creditCardBrand"),
            "maskedCardNumber": of("maskedCardNumber"),
            "bin": null,
            "expiryMo": of("creditCardExpiryMo"),
            "expiryYr": of("creditCardExpiryYr"),
            "cardHolderName": of("creditCardHolderName"),
            "oneTimeToken": null,
            "tokenOnFile": null,
            "processorResponse": null,
            "authorizationId": null,
            "customerCreditCardId": null,
        })
    });
    json!({
        "id": of("id"),
        "originalOrderTenderId": null,
        "previousTenderId": of("previousTenderId"),
        "refundId": of("refundId"),
        "tenderType": of("tenderType"),
        "chargeType": of("chargeType"),
        "chargeStatus": of("chargeStatus"),
        "amountTendered": of("amountTendered"),
        "tip": of("tip"),
        "errorCode": of("errorCode"),
        "paymentDate": of("paymentDate"),
        "otherPaymentMethod": of("otherPaymentMethod"),
        "createdAt": moment,
        "updatedAt": moment,
        "creditCard": card,
        "giftCard": {"id": null, "maskedCode": null, "transactionId": null},
        "loyalty": {"points": 0, "transactionId": null},
    })
}

/// The number that the next order gets.
pub(super) fn next_number(change: &mut Change<'_>) -> i64 {
    let next = change.next_number(Kind::Order, "orderNumber");
    let set = change.collections.register.next_order_number.take();
    set.map_or(next, |set| set.max(next))
}

/// Units of an item that are sold and not handed over.
fn open_units(item: &Object) -> i64 {
    (number(item, "quantity") - number(item, "quantityFulfilled")).max(0)
}

/// An item that names a location takes its units from there, and may not take what is not there (facts 6.7).
fn refuse_overselling(change: &Change<'_>, order: &Object) -> Result<(), ApiError> {
    if is_without_goods(order) {
        return Ok(());
    }
    for item in rows(order, "items") {
        let location = text_of(item, "inventoryLocationId");
        let Ok((product, at)) = inventory::find(change, text_of(item, "sku")) else { continue };
        let Some(variant) = rows(&product, "variants").nth(at) else { continue };
        let is_limited =
            is_true(variant, "hasInventory") && text_of(variant, "inventoryPolicy") != "Back Order";
        if !location.is_empty()
            && is_limited
            && open_units(item) > inventory::level(variant, location).available.max(0)
        {
            return Err(ApiError::rule("Not enough inventory available"));
        }
    }
    Ok(())
}

fn is_without_goods(order: &Object) -> bool {
    text_of(order, "paymentStatus") == "Cancelled"
        || text_of(order, "fulfillmentStatus") == "No Fulfillment Required"
        || text_of(order, "purchaseType") == "Refund"
}

/// Moves what is sold and not handed over from what is for sale, or back.
fn allocate(change: &mut Change<'_>, order: &Object, sign: i64) {
    if is_without_goods(order) {
        return;
    }
    for item in rows(order, "items") {
        let (open, location) = (open_units(item), text_of(item, "inventoryLocationId"));
        if open > 0 && !location.is_empty() {
            inventory::shift(change, text_of(item, "sku"), location, -open * sign, open * sign);
        }
    }
}

fn settle_order(change: &mut Change<'_>, draft: &Draft) {
    if draft.is_new() {
        allocate(change, &draft.new, 1);
        link(change, &draft.new);
    }
    for order in draft.old.iter().chain([&draft.new]) {
        figures::refresh(change, text_of(order, "customerId"));
    }
}

/// The original gains a link to the order that takes it back, and changes in nothing else (facts 8.4).
pub(super) fn link(change: &mut Change<'_>, order: &Object) {
    let Some(mut previous) = change.collections.value(Kind::Order, text_of(order, "previousOrderId")) else {
        return;
    };
    let mut linked = previous.get("linkedOrders").and_then(Value::as_array).cloned().unwrap_or_default();
    linked.push(json!({
        "orderId": order.get("id"),
        "orderNumber": order.get("orderNumber"),
        "purchaseType": order.get("purchaseType"),
    }));
    previous.insert("linkedOrders".to_owned(), json!(linked));
    change.save(Kind::Order, previous);
}

/// `PUT /order/upsert`: deletes the order with this number, if there is one, and posts this one.
pub(super) fn upsert(change: &mut Change<'_>, body: Value) -> Result<Written, ApiError> {
    check_requiring(FIELDS, &["orderNumber", "externalOrderNumber"], &body, true)?;
    let body = into_object(body);
    let wanted = body.get("orderNumber");
    let wanted = wanted.and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()));
    let old = wanted.and_then(|number| {
        change.collections.ids_with_number(Kind::Order, "orderNumber", number).first().copied()
    });
    let old = old.and_then(|id| change.collections.value(Kind::Order, &id.to_string()));
    if let Some(old) = &old {
        allocate(change, old, -1);
        change.discard(Kind::Order, text_of(old, "id"));
    }
    match change.create(&ORDER, &[], body) {
        Ok(id) => {
            if let Some(old) = &old {
                figures::refresh(change, text_of(old, "customerId"));
            }
            Ok(change.answer(200, Kind::Order, &id))
        }
        Err(error) => {
            // As it was: a write that fails has no effect.
            if let Some(old) = old {
                if let Ok(id) = uuid::Uuid::parse_str(text_of(&old, "id")) {
                    change.collections.remove(Kind::Trash, id);
                }
                change.keep(Kind::Order, old.clone());
                allocate(change, &old, 1);
            }
            Err(error)
        }
    }
}

const NEXT_NUMBER: &[Field] = &[count("orderNumber").required()];

/// `PUT /order-number`: the number that the next order gets. What it answers is not known but for its name.
pub(super) fn set_next_number(change: &mut Change<'_>, body: &Value) -> Result<Written, ApiError> {
    check(NEXT_NUMBER, body, true)?;
    let wanted = body.get("orderNumber").and_then(Value::as_i64).unwrap_or_default();
    if wanted < change.next_number(Kind::Order, "orderNumber") || wanted > GREATEST_NUMBER {
        return Err(ApiError::rule("The order number must be greater than that of any order"));
    }
    change.collections.register.next_order_number = Some(wanted);
    let answer = json!({"orderNumber": wanted, "updatedAt": change.moment()});
    Ok(Written { status: 200, body: Some(answer.to_string().into_bytes()), id: None })
}
