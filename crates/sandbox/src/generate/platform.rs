//! What comes along with sales: carts, gift cards, notes, loyalty transactions, app syncs, web-hooks and their log.

use serde_json::{Value, json};
use uuid::Uuid;

use super::customers::Customer;
use super::dice::{DAY, MINUTE, timestamp};
use super::discounts::{Amount, CLUB_DISCOUNT};
use super::house::{House, STAFF, TASTING_ROOM};
use super::orders::{Book, Order};
use super::people::{ip_address, user_agent};
use super::products::{ProductType, tenths};
use super::tax::{share, taxes_of};

/// The customers who left something in a cart on the web.
pub(crate) fn cart_of(house: &House, customer: &Customer) -> Option<Uuid> {
    (customer.index % 20 == 3).then(|| house.source.id("cart", customer.index))
}

/// Carts (facts 6.2): of customers on the web, and tabs of guests at the till.
pub(crate) fn carts<'a>(book: Book<'a>) -> impl Iterator<Item = Value> + 'a {
    let on_web = book.customers.iter().filter(move |customer| cart_of(book.house, customer).is_some());
    let tabs = if book.products.is_empty() { 0 } else { 2 };
    let on_web = on_web.map(|customer| (customer.index, Some(customer)));
    on_web
        .chain((0..tabs).map(|tab| (TABS + tab, None)))
        .filter_map(move |(number, customer)| cart(&book, number, customer))
}

/// Where the numbers of carts at the till begin: after those of all customers there may be.
const TABS: usize = 1 << 40;

fn cart(book: &Book<'_>, number: usize, customer: Option<&Customer>) -> Option<Value> {
    let house = book.house;
    let source = &house.source;
    let mut dice = source.dice("cart", number);
    let wines: Vec<_> =
        book.products.iter().filter(|product| product.product_type == ProductType::Wine).collect();
    let product = *wines.get(dice.index(wines.len()))?;
    let variant = product.variants.first()?;
    let quantity = dice.between(1, 3);
    let is_web = customer.is_some();
    let created = source.now - dice.between(1, 20 * 24 * 60) * MINUTE;
    let is_member = customer.is_some_and(|customer| book.is_member(customer.index, created));
    let off = match CLUB_DISCOUNT.amount {
        Amount::Percentage(hundredths) if is_member => share(variant.price, hundredths, 10_000),
        _ => 0,
    };
    let price = variant.price - off;
    let sub_total = price * quantity;
    let promotion = is_member.then(|| {
        json!({
            "id": source.id("cart promotion", number),
            "promotionId": source.id(CLUB_DISCOUNT.kind(), CLUB_DISCOUNT.index),
            "title": CLUB_DISCOUNT.title,
            "inUse": true,
            "productValue": off * quantity,
            "shippingValue": 0,
            "totalValue": off * quantity,
        })
    });
    let taxes: Vec<Value> = taxes_of(house.place.country, house.place.state, created)
        .into_iter()
        .filter(|tax| !tax.is_flat())
        .enumerate()
        .map(|(at, tax)| {
            json!({
                "id": source.id("cart tax", number.wrapping_mul(4) + at),
                "vendor": "Local",
                "title": tax.title,
                "countryCode": tax.country,
                "stateCode": tax.state,
                "zipCode": house.place.postal_code,
                "freight": tax.freight as f64 / 1_000.0,
                "food": tax.food as f64 / 1_000.0,
                "generalMerchandise": tax.general as f64 / 1_000.0,
                "cannabis": 0,
                "wine": tax.wine as f64 / 1_000.0,
                "price": share(sub_total, tax.wine, 100_000),
                "isIncludedInPrice": false,
                "isNonTaxable": false,
                "sortOrder": 0,
            })
        })
        .collect();
    let tax_total: i64 = taxes.iter().filter_map(|tax| tax.get("price").and_then(Value::as_i64)).sum();
    let (first, last, _) = STAFF.get(2).copied().unwrap_or_default();
    let guest = |name: &str| json!({"name": name, "userId": source.id("staff", 2), "initials": "G1"});
    let location = house.location(TASTING_ROOM);
    Some(json!({
        "id": source.id("cart", number),
        "orderId": null,
        "previousOrderId": null,
        "orderNumber": null,
        "previousOrderNumber": null,
        "purchaseType": "Regular",
        "status": "Pending",
        "channel": if is_web { "Web" } else { "POS" },
        "posProfileId": (!is_web).then(|| source.id("pos profile", 0)),
        "customerId": customer.map(|customer| customer.id),
        "guest": (!is_web).then(|| json!({
            "email": "guest@example.com", "firstName": null, "lastName": null, "phone": null,
        })),
        "isSubscribe": false,
        "orderDeliveryMethod": if is_web { "Ship" } else { "Carry Out" },
        "shippingInstructions": null,
        "taxSaleType": if is_web { "Offsite" } else { "Onsite" },
        "subTotal": sub_total,
        "shipTotal": 0,
        "taxTotal": tax_total,
        "dutyTotal": 0,
        "bottleDepositTotal": 0,
        "tipTotal": 0,
        "total": sub_total + tax_total,
        "totalAfterTip": sub_total + tax_total,
        "giftMessage": null,
        "metaData": null,
        "appData": null,
        "errors": [],
        "pos": (!is_web).then(|| guest("Guest 1")),
        "isNonTaxable": false,
        "isNoDuty": false,
        "createdAt": timestamp(created),
        "updatedAt": timestamp(created + MINUTE),
        "customer": null,
        "additionalData": null,
        "club": null,
        "reservation": null,
        "shipping": [],
        "coupons": [],
        "shipTo": null,
        "billTo": null,
        "pickupBy": null,
        "carryOut": location.filter(|_| !is_web).map(|location| json!({
            "id": source.id("cart carry out", number),
            "inventoryLocationId": location.id,
            "customerAddressId": null,
            "birthDate": null,
            "honorific": null,
            "firstName": null,
            "lastName": null,
            "company": null,
            "phone": location.phone,
            "address": location.address,
            "address2": null,
            "city": house.place.city,
            "stateCode": house.place.state,
            "zipCode": house.place.postal_code,
            "countryCode": house.place.country,
        })),
        "carrierPickupLocation": null,
        "promotions": promotion.into_iter().collect::<Vec<_>>(),
        "tenders": [],
        "taxes": taxes,
        "duties": [],
        "items": [{
            "id": source.id("cart item", number),
            "purchaseType": "Regular",
            "productTitle": product.title,
            "type": product.product_type.word(),
            "inventoryLocationId": null,
            "productId": product.id,
            "productVariantTitle": variant.title,
            "productVariantId": variant.id,
            "image": product.image,
            "sku": variant.sku,
            "price": price,
            "originalPrice": variant.price,
            "comparePrice": variant.compare_price.unwrap_or(variant.price),
            "bottleDeposit": 0,
            "quantity": quantity,
            "isPriceOverride": false,
            "isOverrideOperatingRegions": false,
            "tax": tax_total,
            "taxType": variant.tax_type.word(),
            "weight": tenths(variant.weight),
            "hasShipping": variant.has_shipping,
            "vendor": null,
            "volumeInML": variant.volume,
            "departmentCode": "Wine",
            "allocationId": null,
            "departmentId": source.id("department", product.department),
            "collectionIds": product.collections.iter().map(|at| source.id("collection", *at).to_string())
                .collect::<Vec<_>>().join(","),
            "bundleItems": null,
            "itemData": null,
        }],
        "selectedShippingOptions": {"shippingServiceId": null},
        "shippingTaxEstimate": {"stateCode": null, "countryCode": null, "zipCode": null},
        "connectionInformation": {
            "customerIpAddress": ip_address(&mut dice),
            "userAgent": user_agent(&mut dice),
        },
        "salesAssociate": {
            "accountId": (!is_web).then(|| source.id("staff", 2)),
            "name": (!is_web).then(|| format!("{first} {last}")),
        },
    }))
}

/// Gift cards (facts 6.13): one for each that was bought, and a few handed out.
pub(crate) fn gift_cards<'a>(book: Book<'a>, orders: &'a [Order]) -> impl Iterator<Item = Value> + 'a {
    let bought = orders.iter().filter(move |order| {
        let first = order.lines.first().and_then(|line| book.sold(line));
        order.previous.is_none()
            && first.is_some_and(|(product, _)| product.product_type == ProductType::GiftCard)
    });
    let bought = bought.enumerate().map(move |(at, order)| gift_card(&book, 1_001 + at, Some(order)));
    // The printed ones have numbers of their own, whatever was bought.
    let printed = (0..3).map(move |at| gift_card(&book, 501 + at, None));
    printed.chain(bought)
}

/// Where the numbers of printed gift cards begin: after those of all orders there may be.
const PRINTED: usize = 1 << 40;

fn gift_card(book: &Book<'_>, number: usize, order: Option<&Order>) -> Value {
    let house = book.house;
    let source = &house.source;
    let index = order.map_or(PRINTED + number, |order| order.slot);
    let mut dice = source.dice("gift card", index);
    let sold = order.and_then(|order| order.lines.first()).and_then(|line| book.sold(line));
    let buyer = order.and_then(|order| order.customer).and_then(|at| book.customers.get(at));
    let amount = sold.map_or(2_500, |(_, variant)| variant.price);
    let used = if dice.percent(40) { dice.between(1, amount / 100) * 100 } else { 0 };
    let created = order.map_or(source.start(), |order| order.submitted);
    json!({
        "id": source.id("gift card", index),
        "title": sold.map_or("Printed Gift Card", |(product, _)| product.title.as_str()),
        "type": if order.is_some() { "Virtual" } else { "Physical" },
        "status": if dice.percent(4) { "Cancelled" } else { "Active" },
        "giftCardNumber": number,
        "code": dice.code(16),
        "initialAmount": amount,
        "currentBalance": amount - used,
        "expiryDate": dice.percent(20).then(|| timestamp(created + 5 * 365 * DAY)),
        "recipientEmail": order.map(|order| format!("recipient{}@example.com", order.slot)),
        "fromName": buyer.map(|customer| format!("{} {}", customer.first_name, customer.last_name)),
        "giftMessage": order.map(|_| "Have a glass on me!"),
        "notes": "",
        "productId": sold.map(|(product, _)| product.id),
        "purchasedOnOrderId": order.map(|order| order.id),
        "purchasedOnOrderNumber": order.map(|order| order.number),
        "customerId": null,
        "createdAt": timestamp(created),
        "updatedAt": timestamp(created),
        "customer": null,
    })
}

/// Notes (facts 6.16): of every seventh customer, and of every fiftieth order.
pub(crate) fn notes<'a>(
    house: &'a House,
    customers: &'a [Customer],
    orders: &'a [Order],
) -> impl Iterator<Item = Value> + 'a {
    let note = move |name: &str, index: usize, content: &str, field: &str, of: Uuid, at: i64| {
        let mut note = json!({
            "id": house.source.id(name, index),
            "type": "Note",
            "noteDate": timestamp(at),
            "content": content,
        });
        note[field] = json!(of);
        note["createdAt"] = json!(timestamp(at));
        note["updatedAt"] = json!(timestamp(at));
        note
    };
    let of_customers = customers.iter().filter(|customer| customer.index % 7 == 2).map(move |customer| {
        let content = "Asked about the library wines; likes to be told of new releases.";
        note("customer note", customer.index, content, "customerId", customer.id, customer.created)
    });
    let of_orders = orders.iter().filter(|order| order.slot % 50 == 4).map(move |order| {
        note(
            "order note",
            order.slot,
            "Hold for the weather until Monday.",
            "orderId",
            order.id,
            order.submitted,
        )
    });
    of_customers.chain(of_orders)
}

/// Loyalty transactions (facts 6.22): one for each order that earned or took back points.
pub(crate) fn loyalty_transactions<'a>(
    book: Book<'a>,
    orders: &'a [Order],
) -> impl Iterator<Item = Value> + 'a {
    orders.iter().filter(|order| order.slot % 10 == 0).filter_map(move |order| {
        let customer = book.customers.get(order.customer?)?;
        Some(json!({
            "id": book.house.source.id("loyalty transaction", order.slot),
            "customerId": customer.id,
            "transactionDate": timestamp(order.submitted),
            "transactionType": "Order",
            "orderId": order.id,
            "orderNumber": order.number,
            "transactionDetails": format!("Order #{}", order.number),
            "notes": null,
            "amount": order.sub_total / 100,
            "amountRedeemed": null,
            "createdAt": timestamp(order.submitted),
            "updatedAt": timestamp(order.submitted),
            "customer": null,
        }))
    })
}

/// The state of a few orders in another app (facts 2.5).
pub(crate) fn app_syncs<'a>(house: &'a House, orders: &'a [Order]) -> impl Iterator<Item = Value> + 'a {
    orders.iter().filter(|order| order.slot % 100 == 1).map(|order| {
        let source = &house.source;
        let has_failed = order.slot % 300 == 1;
        let attempt = source.id("app sync attempt", order.slot);
        let issue = json!({
            "id": source.id("app sync issue", order.slot),
            "appSyncAttemptId": attempt,
            "issue": "{\"error\":\"The address could not be found.\"}",
        });
        let status = if has_failed { "Error" } else { "Success" };
        json!({
            "id": source.id("app sync", order.slot),
            "appId": "north-wharf-fulfillment",
            "objectType": "Order",
            "objectId": order.id,
            "status": status,
            "lastActivityDate": timestamp(order.submitted + MINUTE),
            "createdAt": timestamp(order.submitted),
            "updatedAt": timestamp(order.submitted + MINUTE),
            "actions": [{
                "id": source.id("app sync action", order.slot),
                "httpType": "Get",
                "url": "https://fulfillment.example.com/orders",
                "label": "Resolve",
            }],
            "attempts": [{
                "id": attempt,
                "status": status,
                "activityDate": timestamp(order.submitted + MINUTE),
                "issues": if has_failed { vec![issue] } else { Vec::new() },
            }],
        })
    })
}

/// The registered web-hooks (facts 7.1).
pub(crate) fn web_hooks(house: &House) -> impl Iterator<Item = Value> {
    const HOOKS: [(&str, &str); 3] = [("Order", "Create"), ("Order", "Update"), ("Customer", "Update")];
    HOOKS.into_iter().enumerate().map(|(at, (object, action))| {
        json!({
            "id": house.source.id("web hook", at),
            "object": object,
            "action": action,
            "url": "https://hooks.example.com/commerce7",
            "createdAt": house.opened(),
            "updatedAt": house.opened(),
        })
    })
}

/// The log of deliveries (facts 2.5): the latest orders, some of which nobody took.
pub(crate) fn web_hook_logs(house: &House, latest: &[(i64, Value)]) -> Vec<Value> {
    let rows = latest.iter().enumerate().map(|(at, (submitted, payload))| {
        let is_success = at % 4 != 3;
        let error = json!({
            "data": {"message": "Missing Authentication Token"},
            "status": 403,
            "message": "Request failed with status code 403",
        });
        json!({
            "id": house.source.id("web hook log", at),
            "url": "https://hooks.example.com/commerce7",
            "object": "Order",
            "action": if at % 2 == 0 { "Create" } else { "Update" },
            "payload": payload,
            "user": (at % 3 == 0).then_some("avery.stonefield@example.com"),
            "isSuccess": is_success,
            "error": (!is_success).then_some(error),
            "createdAt": timestamp(*submitted),
            "updatedAt": timestamp(*submitted),
        })
    });
    rows.collect()
}
