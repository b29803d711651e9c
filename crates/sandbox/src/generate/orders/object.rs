//! An order as `GET /order/{id}` answers (facts 6.1): the shape of 2024, with the fields that came since.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Applied, Book, Channel, Delivery, Fulfilment, Line, Order, Payment, Purchase, TaxRow};
use crate::generate::Dice;
use crate::generate::customers::{Address, Customer};
use crate::generate::dice::{DAY, MINUTE, timestamp};
use crate::generate::discounts::CLUB_DISCOUNT;
use crate::generate::house::{DEPARTMENTS, GIFT_TAG, House, RUSH_TAG, TASTING_ROOM, VENDORS, WAREHOUSE};
use crate::generate::people::{ip_address, user_agent};
use crate::generate::products::tenths;
use crate::generate::tax::share;

impl Order {
    /// The whole order; the customer is spliced in when it is read.
    pub fn object(&self, book: &Book<'_>, orders: &[Order]) -> Value {
        let house = book.house;
        let source = &house.source;
        let mut dice = source.dice("order text", self.slot);
        let customer = self.customer.and_then(|at| book.customers.get(at));
        let is_member =
            self.club.is_some() || self.promotions.iter().any(|applied| applied.discount == &CLUB_DISCOUNT);
        let previous = self.previous.and_then(|slot| orders.get(slot));
        // The cart was begun a little earlier, but not before its customer was there.
        let since = customer.map_or(source.start(), |customer| customer.created);
        let created = (self.submitted - dice.between(1, 40) * MINUTE / 4).max(since);
        let is_gift = self.channel == Channel::Web && self.purchase == Purchase::Regular && dice.percent(6);
        let mut tags = Vec::new();
        if is_gift {
            tags.push(house.tag(GIFT_TAG));
        }
        if dice.percent(3) {
            tags.push(house.tag(RUSH_TAG));
        }
        let total = self.total();
        let discounts = self.promotions.iter().chain(&self.coupons);
        let discount_total: i64 =
            discounts.map(|applied| applied.product_value + applied.shipping_value).sum();
        let is_pos = self.channel == Channel::Pos;
        json!({
            "id": self.id,
            "orderSubmittedDate": timestamp(self.submitted),
            "orderPaidDate": (self.payment != Payment::Authorized).then(|| timestamp(self.submitted)),
            "orderFulfilledDate": self.fulfilled.map(timestamp),
            "orderNumber": self.number,
            "orderSource": "Internal",
            "externalOrderNumber": null,
            "externalOrderVendor": null,
            "customerType": is_member.then_some("Club Member"),
            "purchaseType": self.purchase.word(),
            "previousOrderId": previous.map(|order| order.id),
            "previousOrderNumber": previous.map(|order| order.number),
            "linkedOrders": self.linked.iter().filter_map(|slot| orders.get(*slot)).map(|order| json!({
                "orderId": order.id,
                "orderNumber": order.number,
                "purchaseType": order.purchase.word(),
            })).collect::<Vec<_>>(),
            "paymentStatus": match self.payment {
                Payment::Paid => "Paid",
                Payment::Authorized => "Authorized",
                Payment::Cancelled => "Cancelled",
            },
            "complianceStatus": self.compliance,
            "fraudCheckStatus": "Not Checked",
            "fulfillmentStatus": match self.fulfilment {
                Fulfilment::None => "Not Fulfilled",
                Fulfilment::Partial => "Partially Fulfilled",
                Fulfilment::Full => "Fulfilled",
                Fulfilment::NotRequired => "No Fulfillment Required",
            },
            "shippingStatus": self.shipping_status,
            "cartId": self.id,
            "channel": match self.channel {
                Channel::Web => "Web",
                Channel::Pos => "POS",
                Channel::Club => "Club",
                Channel::Inbound => "Inbound",
            },
            "posProfileId": is_pos.then(|| source.id("pos profile", 0)),
            "customerId": customer.map(|customer| customer.id),
            "orderDeliveryMethod": match self.delivery {
                Delivery::Ship => "Ship",
                Delivery::Pickup => "Pickup",
                Delivery::CarryOut => "Carry Out",
            },
            "shippingInstructions":
                (self.delivery == Delivery::Ship && dice.percent(5)).then_some("Leave with the neighbour"),
            "taxSaleType": if self.delivery == Delivery::CarryOut { "Onsite" } else { "Offsite" },
            "subTotal": self.sub_total,
            "shipTotal": self.ship_total,
            "taxTotal": self.tax_total,
            "dutyTotal": 0,
            "bottleDepositTotal": 0,
            "tipTotal": self.tip,
            "discountTotal": discount_total,
            "total": total,
            "totalAfterTip": total + self.tip,
            "giftMessage": is_gift.then_some("Happy birthday! Drink it with someone you like."),
            "metaData": if dice.percent(8) { json!({"gift-wrap": is_gift}) } else { Value::Null },
            "appData": null,
            "appSync": null,
            "flags": if dice.percent(2) {
                json!([{"id": source.id("order flag", self.slot), "content": "Call before delivery"}])
            } else {
                json!([])
            },
            "isNonTaxable": false,
            "isNoDuty": false,
            "loyaltyPointsEarned": self.points(),
            "createdAt": timestamp(created),
            "updatedAt": timestamp(self.updated(orders)),
            "additionalData": null,
            "customer": null,
            "club": self.club_object(book),
            "reservation": null,
            "shipping": self.shipping(house),
            "coupons": self.applied(house, &self.coupons),
            "shipTo": customer.filter(|_| self.delivery == Delivery::Ship)
                .and_then(|customer| Some(self.contact(house, "ship to", customer, customer.address()?))),
            "billTo": customer.and_then(|customer| Some(self.contact(house, "bill to", customer, customer.address()?))),
            "pickupBy": (self.delivery == Delivery::Pickup).then(|| self.at_location(house, customer)),
            "carrierPickupLocation": null,
            "carryOut": (self.delivery == Delivery::CarryOut).then(|| self.at_location(house, None)),
            "promotions": self.applied(house, &self.promotions),
            "tenders": self.tenders(house, customer, created, &mut dice),
            "fulfillments": self.fulfillments(house, &mut dice),
            "taxes": self.taxes.iter().enumerate().map(|(at, row)| self.tax_object(house, at, row)).collect::<Vec<_>>(),
            "duties": [],
            "posProfile": is_pos.then(|| pos_profile(house)),
            "items": self.lines.iter().enumerate()
                .filter_map(|(at, line)| self.item(book, at, line)).collect::<Vec<_>>(),
            "selectedShippingOptions": {
                "shippingServiceId": self.freight.map(|_| shipping_service(house)),
                "requestedShipDate": (self.freight.is_some() && dice.percent(10)).then(|| {
                    let day = self.submitted + 7 * DAY;
                    timestamp(day - day % DAY)
                }),
            },
            "connectionInformation": {
                "customerIpAddress": ip_address(&mut dice),
                "userAgent": user_agent(&mut dice),
            },
            "fraud": {"isFraudulent": false, "comment": null},
            "salesAssociate": (self.channel != Channel::Web).then(|| house.sales_associate(dice.index(3)))
                .unwrap_or(json!({"accountId": null, "name": null})),
            "tags": tags,
        })
    }

    fn part(&self, house: &House, name: &str, number: usize) -> Uuid {
        house.source.id(name, self.slot * 16 + number)
    }

    fn club_object(&self, book: &Book<'_>) -> Option<Value> {
        let shipment = self.club?;
        let club = book.memberships.get(shipment.membership)?.club(book.house)?;
        let package = shipment.package.and_then(|at| book.house.packages.get(at));
        Some(json!({
            "id": self.part(book.house, "order club", 0),
            "clubId": club.id,
            "clubTitle": club.title,
            "clubPackageId": package.map(|package| package.id),
            "clubPackageTitle": package.map(|package| package.title.as_str()),
            "shipmentBuildStatus": "Completed",
        }))
    }

    fn shipping(&self, house: &House) -> Vec<Value> {
        let row = self.freight.map(|freight| {
            json!({
                "id": self.part(house, "order shipping", 0),
                "vendor": "Local",
                "title": "Ground",
                "code": "FEX",
                "carrier": "FedEx",
                "service": "Ground",
                "shippingServiceId": shipping_service(house),
                "price": freight.price,
                "originalPrice": freight.original,
                "isPriceOverride": false,
                "processorResponse": null,
                "tax": freight.tax,
                "isQualifiesForPrime": false,
            })
        });
        row.into_iter().collect()
    }

    fn applied(&self, house: &House, applied: &[Applied]) -> Vec<Value> {
        let rows = applied.iter().enumerate().map(|(at, applied)| {
            let discount = applied.discount;
            let mut row = json!({
                "id": self.part(house, "applied discount", at + if discount.code.is_some() { 8 } else { 0 }),
                "title": discount.title,
                "inUse": true,
                "productValue": applied.product_value,
                "shippingValue": applied.shipping_value,
                "totalValue": applied.product_value + applied.shipping_value,
                "usageLimitType": "Unlimited",
                "quantityUsed": 1,
            });
            let id = house.source.id(discount.kind(), discount.index);
            match discount.code {
                Some(code) => {
                    row["couponId"] = json!(id);
                    row["code"] = json!(code);
                }
                None => row["promotionId"] = json!(id),
            }
            row
        });
        rows.collect()
    }

    fn contact(&self, house: &House, name: &str, customer: &Customer, address: &Address) -> Value {
        json!({
            "id": self.part(house, name, 0),
            "customerAddressId": address.id,
            "birthDate": customer.birth_date,
            "honorific": customer.honorific,
            "firstName": customer.first_name,
            "lastName": customer.last_name,
            "company": address.company,
            "phone": address.phone,
            "address": address.street,
            "address2": address.street_2,
            "city": address.place.city,
            "stateCode": address.place.state,
            "zipCode": address.place.postal_code,
            "countryCode": address.place.country,
        })
    }

    /// Where goods are handed over: the tasting room, to whoever picks them up.
    fn at_location(&self, house: &House, customer: Option<&Customer>) -> Option<Value> {
        let location = house.location(TASTING_ROOM)?;
        Some(json!({
            "id": self.part(house, "hand over", 0),
            "inventoryLocationId": location.id,
            "customerAddressId": null,
            "birthDate": customer.and_then(|customer| customer.birth_date.as_deref()),
            "honorific": customer.and_then(|customer| customer.honorific),
            "firstName": customer.map(|customer| customer.first_name),
            "lastName": customer.map(|customer| customer.last_name),
            "company": null,
            "phone": location.phone,
            "address": location.address,
            "address2": if customer.is_some() { Value::Null } else { json!("") },
            "city": house.place.city,
            "stateCode": house.place.state,
            "zipCode": house.place.postal_code,
            "countryCode": house.place.country,
        }))
    }

    fn tenders(
        &self,
        house: &House,
        customer: Option<&Customer>,
        created: i64,
        dice: &mut Dice,
    ) -> Vec<Value> {
        let total = self.total();
        if total == 0 && self.tip == 0 {
            return Vec::new();
        }
        let card = customer.and_then(|customer| customer.cards.first());
        let is_cash = self.channel == Channel::Pos && (card.is_none() || dice.percent(15));
        let tender_type = match card {
            _ if is_cash => "Cash",
            None if self.channel == Channel::Inbound => "External",
            _ => "Credit Card",
        };
        let (charge_type, charge_status) = match (self.payment, total < 0) {
            (Payment::Cancelled, _) => ("Cancel", "Cancelled"),
            (Payment::Authorized, _) => ("PreAuth", "Success"),
            (Payment::Paid, true) => ("Refund", "Success"),
            (Payment::Paid, false) => ("Sale", "Success"),
        };
        let (brand, last_four) = card.map_or(("Visa", "4242"), |card| (card.brand, card.last_four));
        let token = self.part(house, "card token", 0);
        let credit_card = (tender_type == "Credit Card").then(|| {
            json!({
                "gateway": "Stripe",
                "cardBrand": brand,
                "maskedCardNumber": format!("************{last_four}"),
                "bin": null,
                "expiryMo": card.map_or(12, |card| card.expiry_month),
                "expiryYr": card.map_or(2029, |card| card.expiry_year),
                "cardHolderName": card.map(|card| card.holder.as_str()),
                "oneTimeToken": null,
                "tokenOnFile": card.map_or(token, |card| card.id),
                // JSON as text, as the gateway gave it.
                "processorResponse": format!("{{\"id\":\"pi_{}\",\"object\":\"payment_intent\"}}", token.simple()),
                "authorizationId": format!("ch_{}", token.simple()),
                "customerCreditCardId": card.map(|card| card.id),
            })
        });
        let original = self.previous.map(|slot| house.source.id("tender", slot * 16));
        vec![json!({
            "id": self.part(house, "tender", 0),
            "originalOrderTenderId": original.filter(|_| total < 0),
            "previousTenderId": null,
            "refundId": null,
            "tenderType": tender_type,
            "chargeType": charge_type,
            "chargeStatus": charge_status,
            "amountTendered": total,
            "tip": self.tip,
            "errorCode": "",
            "paymentDate": timestamp(self.submitted),
            "otherPaymentMethod": null,
            "createdAt": timestamp(created),
            "updatedAt": timestamp(self.submitted),
            "creditCard": credit_card,
            "giftCard": {"id": null, "maskedCode": null, "transactionId": null},
            "loyalty": {"points": 0, "transactionId": null},
        })]
    }

    fn fulfillments(&self, house: &House, dice: &mut Dice) -> Vec<Value> {
        let items = self.lines.iter().enumerate().filter_map(|(at, line)| {
            let quantity = self.quantity_fulfilled(at, line);
            (quantity > 0).then(|| json!({"id": self.part(house, "item", at), "quantityFulfilled": quantity}))
        });
        let items: Vec<Value> = items.collect();
        if items.is_empty() {
            return Vec::new();
        }
        let (fulfillment_type, location) = match self.delivery {
            Delivery::Ship => ("Shipped", WAREHOUSE),
            Delivery::Pickup | Delivery::CarryOut => ("Picked Up", TASTING_ROOM),
        };
        let mut row = json!({
            "id": self.part(house, "fulfillment", 0),
            "inventoryLocationId": house.location(location).map(|location| location.id),
            "type": fulfillment_type,
            "fulfillmentDate": timestamp(self.fulfilled.unwrap_or((self.submitted + DAY).min(house.source.now))),
            "packageCount": 1,
            "items": items,
        });
        match self.delivery {
            Delivery::Ship => {
                let carrier = dice.weighted(&[(5, "FedEx"), (4, "UPS"), (1, "GSO")]);
                let parcels = dice.weighted(&[(9, 1), (1, 2)]);
                let numbers = (0..parcels).map(|_| format!("1Z{}", dice.code(16)));
                row["packageCount"] = json!(parcels);
                row["shipped"] = json!({"trackingNumbers": numbers.collect::<Vec<_>>(), "carrier": carrier});
            }
            Delivery::Pickup => row["pickedUp"] = json!({"pickedUpBy": "Customer"}),
            Delivery::CarryOut => row["pickedUp"] = json!({"pickedUpBy": "Carry Out"}),
        }
        vec![row]
    }

    fn tax_object(&self, house: &House, at: usize, row: &TaxRow) -> Value {
        let tax = row.tax;
        // Percent with up to three decimals; cents where the rate is flat.
        let rate = |rate: i64| match rate {
            rate if tax.is_flat() => json!(rate),
            rate if rate % 1_000 == 0 => json!(rate / 1_000),
            rate => json!(rate as f64 / 1_000.0),
        };
        json!({
            "id": self.part(house, "order tax", at),
            "vendor": "Local",
            "title": tax.title,
            "countryCode": tax.country,
            "stateCode": tax.state,
            "freight": rate(tax.freight),
            "food": rate(tax.food),
            "generalMerchandise": rate(tax.general),
            "cannabis": 0,
            "wine": rate(tax.wine),
            "price": row.price,
            "originalPrice": row.original,
            "isPriceOverride": row.price != row.original,
            "isIncludedInPrice": false,
            "isFlatRate": tax.is_flat(),
            "isNonTaxable": false,
            "sortOrder": 0,
        })
    }

    fn item(&self, book: &Book<'_>, at: usize, line: &Line) -> Option<Value> {
        let (product, variant) = book.sold(line)?;
        let house = book.house;
        let source = &house.source;
        let location = if self.delivery == Delivery::Ship { WAREHOUSE } else { TASTING_ROOM };
        let collections: Vec<String> =
            product.collections.iter().map(|at| source.id("collection", *at).to_string()).collect();
        Some(json!({
            "id": self.part(house, "item", at),
            "purchaseType": self.purchase.word(),
            "productTitle": product.title,
            "productSlug": product.slug,
            "type": product.product_type.word(),
            "inventoryLocationId":
                house.location(location).filter(|_| variant.has_inventory).map(|location| location.id),
            "productId": product.id,
            "productVariantTitle": variant.title,
            "productVariantId": variant.id,
            "image": product.image,
            "sku": variant.sku,
            "costOfGood": variant.cost,
            "price": line.price,
            "originalPrice": line.original,
            "comparePrice": variant.compare_price.unwrap_or(variant.price),
            "bottleDeposit": 0,
            "quantity": line.quantity,
            "quantityFulfilled": self.quantity_fulfilled(at, line),
            "quantitySentToPrep": 0,
            "isPriceOverride": false,
            "tax": line.tax,
            "taxType": variant.tax_type.word(),
            "weight": tenths(variant.weight),
            "hasShipping": variant.has_shipping,
            "vendor": product.vendor.and_then(|at| VENDORS.get(at)),
            "volumeInML": variant.volume,
            "alcoholPercentage": variant.alcohol.map(tenths),
            "departmentCode": DEPARTMENTS.get(product.department).map(|(_, code)| code),
            "allocationId": null,
            "departmentId": source.id("department", product.department),
            "collectionIds": (!collections.is_empty()).then(|| collections.join(",")),
            "bundleItems": (!product.bundle.is_empty()).then(|| self.bundle(book, at, line)),
            "itemData": null,
            "modifiers": null,
            "notes": null,
        }))
    }

    /// The parts of a bundle: its price and tax, shared by the parts' own prices, are fractions of a cent.
    fn bundle(&self, book: &Book<'_>, at: usize, line: &Line) -> Vec<Value> {
        let bundle =
            book.products.get(line.product).map(|product| product.bundle.as_slice()).unwrap_or_default();
        let parts: Vec<_> = bundle
            .iter()
            .filter_map(|part| {
                let product = book.products.get(part.product)?;
                Some((part, product, product.variants.first()?))
            })
            .collect();
        let sum: i64 = parts.iter().map(|(part, _, variant)| variant.price * part.quantity).sum();
        let fraction = |amount: i64, price: i64| match share(amount * 10_000, price, sum.max(1)) {
            whole if whole % 10_000 == 0 => json!(whole / 10_000),
            parts => json!(parts as f64 / 10_000.0),
        };
        let rows = parts.iter().enumerate().map(|(number, (part, product, variant))| {
            json!({
                "id": self.part(book.house, "bundle item", (at % 4) * 4 + number % 4),
                "type": product.product_type.word(),
                "productId": product.id,
                "productTitle": product.title,
                "productSlug": product.slug,
                "productVariantId": variant.id,
                "productVariantTitle": variant.title,
                "image": product.image,
                "sku": variant.sku,
                "quantity": part.quantity,
                "price": fraction(line.price, variant.price),
                "originalPrice": fraction(line.original, variant.price),
                "comparePrice": variant.compare_price.unwrap_or(variant.price),
                "costOfGood": variant.cost,
                "tax": fraction(line.tax, variant.price * part.quantity),
                "taxType": variant.tax_type.word(),
                "bottleDeposit": 0,
                "weight": tenths(variant.weight),
                "volumeInML": variant.volume,
                "hasInventory": variant.has_inventory,
                "hasShipping": variant.has_shipping,
                "inventoryLocationId": null,
                "isPriceOverride": false,
                "vendor": null,
                "departmentCode": DEPARTMENTS.get(product.department).map(|(_, code)| code),
                "departmentId": book.house.source.id("department", product.department),
                "allocationId": null,
            })
        });
        rows.collect()
    }
}

impl Purchase {
    fn word(self) -> &'static str {
        match self {
            Self::Regular => "Regular",
            Self::Refund => "Refund",
            Self::Exchange => "Exchange",
        }
    }
}

/// The service that all parcels go by.
fn shipping_service(house: &House) -> Uuid {
    house.source.id("shipping service", 0)
}

/// The till of the tasting room (facts 6.24).
fn pos_profile(house: &House) -> Value {
    let location = |at| house.location(at).map(|location| location.id);
    json!({
        "id": house.source.id("pos profile", 0),
        "title": "Tasting Room",
        "isDefault": true,
        "carryOutInventoryLocationId": location(TASTING_ROOM),
        "pickupInventoryLocationId": location(TASTING_ROOM),
        "shipInventoryLocationId": location(WAREHOUSE),
        "hasTips": true,
        "tipType": "Percentages",
        "tipAmounts": [200, 500, 1_000],
        "tipPercentages": [15, 18, 20],
        "isTipOnDevice": false,
        "allowPinsForSwitchingUsers": false,
        "forceLoginAfterOrder": false,
        "forceLoginBeforeCheckout": false,
        "forceMoreInfo": false,
        "forceSendItemsToPrep": false,
        "color": "No Color",
        "isSendToPrepPrinter": true,
        "isAssignTable": true,
        "printReceiptFormat": "Default Receipt",
        "createdAt": house.opened(),
        "updatedAt": house.opened(),
    })
}
