//! The mapping as an able engineer would write it by hand for this one platform: typed structs on both sides, text
//! borrowed where it can be.

mod input;
mod output;

use std::collections::BTreeMap;

use output::{Cents, Month, Pair, PartsOfCents, Shown};

/// Maps one order, from text to text.
pub fn map(text: &str, currency: &str, out: &mut Vec<u8>) -> serde_json::Result<()> {
    let order: input::Order<'_> = serde_json::from_str(text)?;
    serde_json::to_writer(out, &unified(&order, currency))
}

fn unified<'a>(order: &'a input::Order<'a>, currency: &'a str) -> output::Order<'a> {
    let payment = text(&order.payment_status);
    let fulfillment = text(&order.fulfillment_status);
    output::Order {
        id: Some(&order.id.0),
        order_number: order.order_number.map(Shown),
        currency: Some(currency),
        discounts: in_use(&order.coupons)
            .map(|coupon| (text(&coupon.code), coupon))
            .chain(in_use(&order.promotions).map(|promotion| (None, promotion)))
            .map(|(code, reduction)| output::Discount {
                code,
                name: text(&reduction.title),
                amount: money(reduction.total_value),
            })
            .collect(),
        sub_total: money(order.sub_total),
        shipping_cost: money(order.ship_total),
        total_tax: money(order.tax_total),
        total_discount: money(order.discount_total.or_else(|| discount(order))),
        total_amount: money(order.total),
        total_tip: money(order.tip_total),
        total_duty: money(order.duty_total),
        total_bottle_deposit: money(order.bottle_deposit_total),
        total_amount_with_tip: money(order.total_after_tip),
        status: Some(match (payment, fulfillment) {
            (Some("Cancelled"), _) => "cancelled",
            (Some("Paid"), Some("Fulfilled" | "No Fulfillment Required")) => "completed",
            _ => "active",
        }),
        payment_status: payment.map(|word| match word {
            "Paid" => "paid",
            "Authorized" => "authorized",
            "Cancelled" => "cancelled",
            other => other,
        }),
        payment_status_raw: payment,
        fulfillment_status: fulfillment.map(|word| match word {
            "Not Fulfilled" => "pending",
            "Partially Fulfilled" => "partial",
            "Fulfilled" => "delivered",
            other => other,
        }),
        fulfillment_status_raw: fulfillment,
        payment_method: payment_method(order),
        customer: Some(customer(order)),
        billing_address: order.bill_to.as_ref().map(address),
        shipping_address: order.ship_to.as_ref().map(address),
        created_at: text(&order.created_at),
        updated_at: text(&order.updated_at),
        submitted_at: text(&order.order_submitted_date),
        paid_at: text(&order.order_paid_date),
        fulfilled_at: text(&order.order_fulfilled_date),
        channel: text(&order.channel).map(|word| match word {
            "Web" => "web",
            "POS" => "pos",
            "Club" => "club",
            "Inbound" => "inbound",
            other => other,
        }),
        channel_raw: text(&order.channel),
        delivery_method: text(&order.order_delivery_method).map(|word| match word {
            "Ship" => "ship",
            "Pickup" => "pickup",
            "Carry Out" => "carry_out",
            other => other,
        }),
        delivery_method_raw: text(&order.order_delivery_method),
        purchase_type: purchase_type(&order.purchase_type),
        purchase_type_raw: text(&order.purchase_type),
        compliance_status: text(&order.compliance_status).map(|word| match word {
            "Compliant" => "compliant",
            "Forced" => "forced",
            "Not Checked" => "not_checked",
            "No Compliance Required" | "No Compliance" => "not_required",
            "Quarantined" => "quarantined",
            "Void" => "void",
            other => other,
        }),
        compliance_status_raw: text(&order.compliance_status),
        shipping_status: text(&order.shipping_status).map(|word| match word {
            "Not Tracked" => "not_tracked",
            "Pending" => "pending",
            "In Transit" => "in_transit",
            "Delivered" => "delivered",
            other => other,
        }),
        shipping_status_raw: text(&order.shipping_status),
        shipping_methods: list(&order.shipping, |shipping| output::ShippingMethod {
            id: text(&shipping.shipping_service_id),
            name: text(&shipping.title),
            code: text(&shipping.code),
            carrier: text(&shipping.carrier),
            service: text(&shipping.service),
            price: money(shipping.price),
            original_price: money(shipping.original_price),
            tax: money(shipping.tax),
        }),
        shipping_instructions: text(&order.shipping_instructions),
        requested_ship_at: order
            .selected_shipping_options
            .as_ref()
            .and_then(|options| text(&options.requested_ship_date)),
        line_items: list(&order.items, line_item),
        total_volume_ml: order
            .items
            .as_ref()
            .map(|items| items.iter().filter_map(|item| Some(item.volume_in_ml? * item.quantity?)).sum()),
        volumes_ml: volumes(order),
        payments: list(&order.tenders, payment_of),
        taxes: list(&order.taxes, tax),
        fulfillments: list(&order.fulfillments, fulfillment_of),
        refunds: refunds(order),
        previous_order: order.previous_order_id.as_ref().map(|id| output::LinkedOrder {
            id: Some(&id.0),
            order_number: order.previous_order_number.map(Shown),
            r#type: None,
        }),
        pickup: order.pickup_by.as_ref().or(order.carry_out.as_ref()).map(pickup),
        club: order.club.as_ref().map(|club| output::Club {
            id: text(&club.club_id),
            name: text(&club.club_title),
            package: named(text(&club.club_package_id), text(&club.club_package_title)),
        }),
        tags: list(if order.tags.is_some() { &order.tags } else { &order.order_tags }, |tag| output::Named {
            id: text(&tag.id),
            name: text(&tag.title),
        }),
        flags: list(&order.flags, |flag| output::Flag { id: text(&flag.id), text: text(&flag.content) }),
        gift_message: text(&order.gift_message),
        is_tax_exempt: order.is_non_taxable,
        loyalty_points_earned: order.loyalty_points_earned,
        customer_type: text(&order.customer_type),
        sales_associate: order
            .sales_associate
            .as_ref()
            .and_then(|associate| named(text(&associate.account_id), text(&associate.name))),
        pos_profile: {
            let profile = order.pos_profile.as_ref();
            named(
                text(&order.pos_profile_id).or_else(|| profile.and_then(|profile| text(&profile.id))),
                profile.and_then(|profile| text(&profile.title)),
            )
        },
        source: text(&order.external_order_vendor).or_else(|| text(&order.order_source)),
        external_order_number: text(&order.external_order_number),
        custom_fields: order.meta_data,
    }
}

fn customer<'a>(order: &'a input::Order<'a>) -> output::Customer<'a> {
    let customer = order.customer.as_ref();
    let first_name = customer.and_then(|customer| text(&customer.first_name));
    let last_name = customer.and_then(|customer| text(&customer.last_name));
    output::Customer {
        id: text(&order.customer_id).or_else(|| customer.and_then(|customer| text(&customer.id))),
        first_name,
        last_name,
        name: joined(first_name, " ", last_name),
        company_name: order.bill_to.as_ref().and_then(|address| text(&address.company)),
        emails: customer
            .and_then(|customer| customer.emails.as_ref())
            .into_iter()
            .flatten()
            .enumerate()
            .map(|(index, email)| output::Email { email: text(&email.email), is_primary: Some(index == 0) })
            .collect(),
        phones: customer
            .map(|customer| list(&customer.phones, |phone| output::Phone { number: text(&phone.phone) }))
            .unwrap_or_default(),
    }
}

fn address<'a>(address: &'a input::Address<'a>) -> output::Address<'a> {
    let (first_name, last_name) = (text(&address.first_name), text(&address.last_name));
    output::Address {
        id: text(&address.customer_address_id),
        name: joined(first_name, " ", last_name),
        first_name,
        last_name,
        company_name: text(&address.company),
        street_1: text(&address.address),
        street_2: text(&address.address2),
        city: text(&address.city),
        state: text(&address.state_code),
        postal_code: text(&address.zip_code),
        country: text(&address.country_code),
        phone: text(&address.phone),
        birth_date: day(&address.birth_date),
    }
}

fn pickup<'a>(from: &'a input::Address<'a>) -> output::Pickup<'a> {
    output::Pickup {
        name: joined(text(&from.first_name), " ", text(&from.last_name)),
        location: named(text(&from.inventory_location_id), None),
        address: Some(output::PickupAddress {
            id: text(&from.customer_address_id),
            company_name: text(&from.company),
            street_1: text(&from.address),
            street_2: text(&from.address2),
            city: text(&from.city),
            state: text(&from.state_code),
            postal_code: text(&from.zip_code),
            country: text(&from.country_code),
            phone: text(&from.phone),
            birth_date: day(&from.birth_date),
        }),
    }
}

fn line_item<'a>(item: &'a input::Item<'a>) -> output::LineItem<'a> {
    let (title, variant) = (text(&item.product_title), text(&item.product_variant_title));
    let (department_id, department_code) = (text(&item.department_id), text(&item.department_code));
    output::LineItem {
        id: text(&item.id),
        product: Some(output::Product {
            id: text(&item.product_id),
            name: title,
            r#type: text(&item.kind),
            slug: text(&item.product_slug),
            image_url: text(&item.image),
        }),
        variant: named(text(&item.product_variant_id), variant),
        sku: text(&item.sku),
        name: joined(title, " ", variant),
        r#type: text(&item.kind),
        purchase_type: purchase_type(&item.purchase_type),
        quantity: item.quantity,
        quantity_fulfilled: item.quantity_fulfilled,
        unit_price: money(item.price),
        original_unit_price: money(item.original_price),
        compare_price: money(item.compare_price),
        unit_cost: money(item.cost_of_good),
        bottle_deposit: money(item.bottle_deposit),
        tax: money(item.tax),
        total: money(item.price.zip(item.quantity).map(|(price, quantity)| price * quantity)),
        tax_type: text(&item.tax_type),
        is_price_overridden: item.is_price_override,
        volume_ml: item.volume_in_ml,
        weight: item.weight,
        requires_shipping: item.has_shipping,
        location: named(text(&item.inventory_location_id), None),
        department: department_id
            .or(department_code)
            .map(|_| output::Department { id: department_id, code: department_code }),
        vendor_name: text(&item.vendor),
        allocation: named(text(&item.allocation_id), None),
        notes: text(&item.notes),
        bundle_items: list(&item.bundle_items, |part| output::BundleItem {
            id: text(&part.id),
            product: named(text(&part.product_id), text(&part.product_title)),
            variant: named(text(&part.product_variant_id), text(&part.product_variant_title)),
            sku: text(&part.sku),
            quantity: part.quantity,
            unit_price: part.price.map(PartsOfCents).map(Shown),
            original_unit_price: part.original_price.map(PartsOfCents).map(Shown),
            tax: part.tax.map(PartsOfCents).map(Shown),
        }),
    }
}

fn payment_of<'a>(tender: &'a input::Tender<'a>) -> output::Payment<'a> {
    output::Payment {
        id: text(&tender.id),
        r#type: text(&tender.tender_type),
        charge_type: text(&tender.charge_type),
        status: text(&tender.charge_status),
        amount: money(tender.amount_tendered),
        tip: money(tender.tip),
        paid_at: text(&tender.payment_date),
        created_at: text(&tender.created_at),
        updated_at: text(&tender.updated_at),
        error_code: text(&tender.error_code),
        other_method: text(&tender.other_payment_method),
        card: tender.credit_card.as_ref().map(|card| output::Card {
            brand: text(&card.card_brand),
            last_four: text(&card.masked_card_number)
                .map(|number| number.char_indices().rev().nth(3).map_or(number, |(at, _)| &number[at..])),
            expiry: card.expiry_yr.zip(card.expiry_mo).map(|(year, month)| Shown(Month { year, month })),
            holder_name: text(&card.card_holder_name),
        }),
        gift_card: tender.gift_card.as_ref().and_then(|card| {
            let (id, masked_code) = (text(&card.id), text(&card.masked_code));
            id.or(masked_code).map(|_| output::GiftCard { id, masked_code })
        }),
        loyalty_points: tender.loyalty.as_ref().and_then(|loyalty| loyalty.points),
    }
}

fn tax<'a>(tax: &'a input::Tax<'a>) -> output::Tax<'a> {
    output::Tax {
        id: text(&tax.id),
        name: text(&tax.title),
        vendor: text(&tax.vendor),
        amount: money(tax.price),
        original_amount: money(tax.original_price),
        country: text(&tax.country_code),
        state: text(&tax.state_code),
        postal_code: text(&tax.zip_code),
        is_included_in_price: tax.is_included_in_price,
        is_flat_rate: tax.is_flat_rate,
        rates: Some(output::Rates {
            wine: tax.wine,
            food: tax.food,
            general_merchandise: tax.general_merchandise,
            freight: tax.freight,
            cannabis: tax.cannabis,
        }),
    }
}

fn fulfillment_of<'a>(fulfillment: &'a input::Fulfillment<'a>) -> output::Fulfillment<'a> {
    let shipped = fulfillment.shipped.as_ref();
    output::Fulfillment {
        id: text(&fulfillment.id),
        r#type: text(&fulfillment.kind).map(|word| match word {
            "Shipped" => "shipped",
            "Picked Up" => "picked_up",
            "No Fulfillment Required" => "not_required",
            other => other,
        }),
        fulfilled_at: text(&fulfillment.fulfillment_date),
        package_count: fulfillment.package_count,
        location: named(text(&fulfillment.inventory_location_id), None),
        carrier: shipped.and_then(|shipped| text(&shipped.carrier)),
        tracking_numbers: shipped
            .and_then(|shipped| shipped.tracking_numbers.as_ref())
            .into_iter()
            .flatten()
            .map(|number| &*number.0)
            .collect(),
        picked_up_by: fulfillment.picked_up.as_ref().and_then(|picked_up| text(&picked_up.picked_up_by)),
        line_items: list(&fulfillment.items, |item| output::FulfilledItem {
            id: text(&item.id),
            sku: text(&item.sku),
            quantity: item.quantity_fulfilled,
        }),
    }
}

fn refunds<'a>(order: &'a input::Order<'a>) -> Vec<output::LinkedOrder<'a>> {
    let mut refunds = list(&order.linked_orders, |linked| output::LinkedOrder {
        id: text(&linked.order_id),
        order_number: linked.order_number.map(Shown),
        r#type: text(&linked.purchase_type).map(|word| match word {
            "Refund" => "refund",
            "Exchange" => "exchange",
            "Corporate Order" => "corporate",
            "Pickup To Ship" => "pickup_to_ship",
            other => other,
        }),
    });
    if let Some(id) = text(&order.refund_order_id) {
        let order_number = order.refund_order_number.map(Shown);
        refunds.push(output::LinkedOrder { id: Some(id), order_number, r#type: None });
    }
    refunds
}

/// Each way of payment once.
fn payment_method(order: &input::Order<'_>) -> Option<String> {
    let mut methods: Vec<&str> = Vec::new();
    for method in order.tenders.iter().flatten().filter_map(|tender| text(&tender.tender_type)) {
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    (!methods.is_empty()).then(|| methods.join(", "))
}

/// What coupons and promotions take off, where the order does not say.
fn discount(order: &input::Order<'_>) -> Option<i64> {
    order.coupons.as_ref().or(order.promotions.as_ref())?;
    Some(
        in_use(&order.coupons)
            .chain(in_use(&order.promotions))
            .filter_map(|reduction| reduction.total_value)
            .sum(),
    )
}

fn in_use<'a>(
    reductions: &'a Option<Vec<input::Reduction<'a>>>,
) -> impl Iterator<Item = &'a input::Reduction<'a>> {
    reductions.iter().flatten().filter(|reduction| reduction.in_use != Some(false))
}

fn purchase_type<'a>(word: &'a Option<input::Text<'a>>) -> Option<&'a str> {
    text(word).map(|word| match word {
        "Regular" => "regular",
        "Refund" => "refund",
        "Exchange" => "exchange",
        "Corporate Order" => "corporate",
        "Pickup To Ship" => "pickup_to_ship",
        other => other,
    })
}

/// Empty text is no value.
/// The volume of the goods by type of product.
fn volumes<'a>(order: &'a input::Order<'a>) -> Option<BTreeMap<&'a str, i64>> {
    let mut volumes = BTreeMap::new();
    for item in order.items.as_ref()? {
        let (Some(kind), Some(volume), Some(quantity)) = (text(&item.kind), item.volume_in_ml, item.quantity)
        else {
            continue;
        };
        *volumes.entry(kind).or_insert(0) += volume * quantity;
    }
    volumes.retain(|_, volume| *volume != 0);
    Some(volumes).filter(|volumes| !volumes.is_empty())
}

fn text<'a>(text: &'a Option<input::Text<'a>>) -> Option<&'a str> {
    text.as_ref().map(|text| &*text.0).filter(|text| !text.is_empty())
}

fn day<'a>(time: &'a Option<input::Text<'a>>) -> Option<&'a str> {
    text(time).map(|time| time.get(..10).unwrap_or(time))
}

fn money(cents: Option<i64>) -> Option<Shown<Cents>> {
    cents.map(Cents).map(Shown)
}

fn joined<'a>(first: Option<&'a str>, between: &'a str, second: Option<&'a str>) -> Option<Shown<Pair<'a>>> {
    first.or(second)?;
    Some(Shown(Pair { first: first.unwrap_or_default(), between, second: second.unwrap_or_default() }))
}

fn named<'a>(id: Option<&'a str>, name: Option<&'a str>) -> Option<output::Named<'a>> {
    id.or(name).map(|_| output::Named { id, name })
}

fn list<'a, T, U>(items: &'a Option<Vec<T>>, map: impl Fn(&'a T) -> U) -> Vec<U> {
    items.iter().flatten().map(map).collect()
}
