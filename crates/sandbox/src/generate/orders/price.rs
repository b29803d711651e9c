//! What an order costs (facts 8.1): discounts, freight, taxes a line, totals.

use super::{Applied, Book, Channel, Delivery, Freight, Line, Order, Purchase, TaxRow};
use crate::generate::Dice;
use crate::generate::dice::DAY;
use crate::generate::discounts::{Amount, CLUB_DISCOUNT, COUPONS, Discount, FREE_SHIPPING, HARVEST_SALE};
use crate::generate::products::ProductType;
use crate::generate::tax::{share, taxes_of};

/// Tenths of a weight unit that one rate of freight carries.
const PARCEL: i64 = 360;
/// Cents of one rate of freight.
const RATE: i64 = 1_500;

/// Prices a new sale: discounts, then freight, then taxes.
pub(super) fn price(book: &Book<'_>, order: &mut Order, dice: &mut Dice) {
    discount_goods(book, order);
    if order.delivery == Delivery::Ship {
        send(book, order);
    }
    if order.channel == Channel::Web && dice.percent(8) {
        let coupon = COUPONS.get(dice.index(COUPONS.len()));
        if let Some(coupon) = coupon {
            redeem(book, order, coupon);
        }
    }
    tax(book, order);
    if order.channel == Channel::Pos && dice.percent(40) {
        order.tip = share(order.sub_total, dice.between(10, 20), 100);
    }
    if order.channel == Channel::Inbound && dice.percent(6) {
        override_tax(order);
    }
}

/// Members have their discount; everybody else the sale, while it lasts.
fn discount_goods(book: &Book<'_>, order: &mut Order) {
    let is_member = order.customer.is_some_and(|customer| book.is_member(customer, order.submitted));
    let ago = |days: i64| book.house.source.now - days * DAY;
    let is_on_sale =
        HARVEST_SALE.days.is_some_and(|(from, to)| (ago(from)..ago(to)).contains(&order.submitted));
    let discount = match (is_member, is_on_sale) {
        (true, _) => &CLUB_DISCOUNT,
        (false, true) => &HARVEST_SALE,
        (false, false) => return,
    };
    if let Amount::Percentage(hundredths) = discount.amount {
        let value = take_off(book, order, hundredths);
        if value > 0 {
            order.promotions.push(Applied { discount, product_value: value, shipping_value: 0 });
        }
    }
}

/// Takes a percentage off every unit of wine; gives the cents taken off.
fn take_off(book: &Book<'_>, order: &mut Order, hundredths: i64) -> i64 {
    let mut value = 0;
    for line in &mut order.lines {
        if is_wine(book, line) {
            let off = share(line.price, hundredths, 10_000);
            line.price -= off;
            value += off * line.quantity;
        }
    }
    value
}

fn is_wine(book: &Book<'_>, line: &Line) -> bool {
    let product_type = book.sold(line).map(|(product, _)| product.product_type);
    matches!(product_type, Some(ProductType::Wine | ProductType::Bundle))
}

fn goods(order: &Order) -> i64 {
    order.lines.iter().map(|line| line.price * line.quantity).sum()
}

/// Freight by weight; free for large orders and club shipments.
fn send(book: &Book<'_>, order: &mut Order) {
    let weight: i64 =
        order.lines.iter().filter_map(|line| Some(book.sold(line)?.1.weight * line.quantity)).sum();
    let original = RATE * (1 + weight / PARCEL);
    let is_free = order.channel == Channel::Club
        || FREE_SHIPPING.minimum.is_some_and(|minimum| goods(order) >= minimum);
    order.freight = Some(Freight { price: if is_free { 0 } else { original }, original, tax: 0 });
    if is_free {
        order.promotions.push(Applied {
            discount: &FREE_SHIPPING,
            product_value: 0,
            shipping_value: original,
        });
    }
}

/// Uses a coupon, where the order meets its terms.
fn redeem(book: &Book<'_>, order: &mut Order, coupon: &'static Discount) {
    if coupon.minimum.is_some_and(|minimum| goods(order) < minimum) {
        return;
    }
    let (mut product_value, mut shipping_value) = (0, 0);
    match coupon.amount {
        Amount::Percentage(hundredths) => product_value = take_off(book, order, hundredths),
        Amount::Dollars(cents) => {
            // Unit prices are whole cents: it goes to a line whose units share it evenly.
            let fits = |line: &&mut Line| cents % line.quantity == 0 && line.price > cents / line.quantity;
            if let Some(line) = order.lines.iter_mut().find(fits) {
                line.price -= cents / line.quantity;
                product_value = cents;
            }
        }
        Amount::Freight(_) => {
            if let Some(freight) = &mut order.freight {
                shipping_value = freight.price;
                freight.price = 0;
            }
        }
    }
    if product_value + shipping_value > 0 {
        order.coupons.push(Applied { discount: coupon, product_value, shipping_value });
    }
}

/// The country and state whose taxes apply.
fn destination(book: &Book<'_>, order: &Order) -> (&'static str, &'static str) {
    let address =
        order.customer.and_then(|at| book.customers.get(at)).and_then(|customer| customer.address());
    let place = address
        .filter(|_| order.delivery == Delivery::Ship)
        .map_or(book.house.place, |address| address.place);
    (place.country, place.state)
}

/// Taxes every line and the freight, and adds everything up.
pub(super) fn tax(book: &Book<'_>, order: &mut Order) {
    let (country, state) = destination(book, order);
    // Refunds are taxed as their sale was.
    let taxes = taxes_of(country, state, order.submitted);
    tax_with(book, order, &taxes);
}

/// As [`tax`], with given taxes.
pub(super) fn tax_with(book: &Book<'_>, order: &mut Order, taxes: &[&'static crate::generate::tax::Tax]) {
    order.taxes = taxes.iter().map(|tax| TaxRow { tax, price: 0, original: 0 }).collect();
    // A bottle fee on no bottle is not listed; one that is given back for as much as is taken is.
    let mut is_listed: Vec<bool> = taxes.iter().map(|tax| !tax.is_flat()).collect();
    for line in &mut order.lines {
        line.tax = 0;
        let Some((_, variant)) = book.sold(line) else { continue };
        for (row, is_listed) in order.taxes.iter_mut().zip(&mut is_listed) {
            let amount =
                row.tax.on_line(variant.tax_type, line.price * line.quantity, line.quantity, variant.volume);
            line.tax += amount;
            row.price += amount;
            *is_listed |= amount != 0;
        }
    }
    if let Some(freight) = &mut order.freight {
        freight.tax = 0;
        for row in &mut order.taxes {
            let amount = row.tax.on_freight(freight.price);
            freight.tax += amount;
            row.price += amount;
        }
    }
    let mut is_listed = is_listed.into_iter();
    order.taxes.retain(|_| is_listed.next().unwrap_or_default());
    for row in &mut order.taxes {
        row.original = row.price;
    }
    add_up(order);
}

/// Somebody lowers a tax by hand: from then on only the tax rows add up to the total, not the lines.
fn override_tax(order: &mut Order) {
    debug_assert_eq!(order.purchase, Purchase::Regular, "refunds repeat the taxes of their sale");
    if let Some(row) = order.taxes.iter_mut().find(|row| row.price > 200) {
        row.price -= row.price / 3;
        add_up(order);
    }
}

fn add_up(order: &mut Order) {
    order.sub_total = goods(order);
    order.ship_total = order.freight.map_or(0, |freight| freight.price);
    order.tax_total = order.taxes.iter().map(|row| row.price).sum();
}
