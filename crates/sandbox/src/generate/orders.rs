//! Orders: first drawn up one by one ([`mod@plan`]), priced ([`price`]), then, numbered by date, written out ([`object`]).

mod object;
mod plan;
mod price;

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;
use uuid::Uuid;

use super::customers::Customer;
use super::dice::{date, timestamp};
use super::discounts::Discount;
use super::house::{House, TASTING_ROOM, WAREHOUSE};
use super::memberships::Membership;
use super::products::{Product, Variant};
use super::tax::Tax;

pub(crate) use plan::{by_date, plan};

/// What orders are made from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Book<'a> {
    pub house: &'a House,
    pub products: &'a [Product],
    pub customers: &'a [Customer],
    pub memberships: &'a [Membership],
}

impl Book<'_> {
    /// What a line sells.
    pub fn sold(&self, line: &Line) -> Option<(&Product, &Variant)> {
        let product = self.products.get(line.product)?;
        Some((product, product.variants.get(line.variant)?))
    }

    /// Whether a customer has a club's benefits at a moment; the memberships are in the order of customers.
    pub fn is_member(&self, customer: usize, at: i64) -> bool {
        let first = self.memberships.partition_point(|membership| membership.customer < customer);
        let own = self.memberships.iter().skip(first);
        let mut own = own.take_while(|membership| membership.customer == customer);
        own.any(|membership| membership.is_active_at(at))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Channel {
    #[default]
    Web,
    Pos,
    Club,
    Inbound,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Delivery {
    #[default]
    Ship,
    Pickup,
    CarryOut,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Purchase {
    #[default]
    Regular,
    Refund,
    Exchange,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Payment {
    #[default]
    Paid,
    Authorized,
    Cancelled,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fulfilment {
    #[default]
    None,
    /// The first line only.
    Partial,
    Full,
    /// There is nothing to hand over.
    NotRequired,
}

/// A line of an order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Line {
    /// Place in the list of products.
    pub product: usize,
    /// Place in its variants.
    pub variant: usize,
    /// Negative where goods come back.
    pub quantity: i64,
    /// Cents a unit before discounts.
    pub original: i64,
    /// Cents a unit charged.
    pub price: i64,
    /// Cents on the whole line.
    pub tax: i64,
}

/// What sending costs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Freight {
    pub price: i64,
    pub original: i64,
    pub tax: i64,
}

/// One tax of an order.
#[derive(Clone, Debug)]
pub(crate) struct TaxRow {
    pub tax: &'static Tax,
    pub price: i64,
    /// What it was before somebody changed it by hand.
    pub original: i64,
}

/// A promotion or coupon in use.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Applied {
    pub discount: &'static Discount,
    pub product_value: i64,
    pub shipping_value: i64,
}

/// What makes a club order one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ClubShipment {
    pub membership: usize,
    pub package: Option<usize>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    /// The number it was drawn up under.
    pub slot: usize,
    pub id: Uuid,
    /// By date, from 1001 on.
    pub number: i64,
    pub customer: Option<usize>,
    pub channel: Channel,
    pub delivery: Delivery,
    pub purchase: Purchase,
    pub payment: Payment,
    pub fulfilment: Fulfilment,
    pub fulfilled: Option<i64>,
    pub compliance: &'static str,
    pub shipping_status: &'static str,
    pub submitted: i64,
    pub lines: Vec<Line>,
    pub freight: Option<Freight>,
    pub taxes: Vec<TaxRow>,
    pub promotions: Vec<Applied>,
    pub coupons: Vec<Applied>,
    pub tip: i64,
    pub club: Option<ClubShipment>,
    /// The slot of the order that this one takes back.
    pub previous: Option<usize>,
    /// The slots of the orders that take this one back.
    pub linked: Vec<usize>,
    /// A visit that was booked.
    pub is_reservation: bool,
    pub sub_total: i64,
    pub ship_total: i64,
    pub tax_total: i64,
}

impl Order {
    /// Cents, without the tip.
    pub fn total(&self) -> i64 {
        self.sub_total + self.ship_total + self.tax_total
    }

    /// Points of the loyalty programme: one for each whole unit of currency.
    fn points(&self) -> i64 {
        if self.payment == Payment::Cancelled { 0 } else { self.sub_total / 100 }
    }

    /// How much of a line was handed over.
    fn quantity_fulfilled(&self, at: usize, line: &Line) -> i64 {
        match self.fulfilment {
            Fulfilment::Full => line.quantity.max(0),
            Fulfilment::Partial if at == 0 => line.quantity.max(0),
            _ => 0,
        }
    }

    /// The last moment anything happened to it.
    fn updated(&self, orders: &[Order]) -> i64 {
        let linked =
            self.linked.iter().filter_map(|slot| orders.get(*slot)).map(|order| order.submitted).max();
        self.fulfilled.unwrap_or(self.submitted).max(self.submitted).max(linked.unwrap_or(self.submitted))
    }
}

/// What a customer's orders add up to.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    pub order_count: i64,
    pub lifetime: i64,
    pub yearly: BTreeMap<i32, i64>,
    pub gross_profit: i64,
    pub points: i64,
    pub last: Option<(Uuid, i64)>,
    pub last_activity: Option<i64>,
    /// The latest purchases, newest first.
    pub products: Vec<Value>,
    /// Orders that wait to be picked up.
    pub pickups: Vec<(Uuid, i64)>,
    pub cart: Option<Uuid>,
}

/// Purchases that a customer's history names.
const HISTORY_LENGTH: usize = 12;

/// The history of every customer: cancelled orders count for nothing, refunds and exchanges for what they are.
pub(crate) fn histories(book: &Book<'_>, orders: &[Order], by_date: &[usize]) -> Vec<History> {
    let mut histories = vec![History::default(); book.customers.len()];
    for order in by_date.iter().filter_map(|slot| orders.get(*slot)) {
        let Some(history) = order.customer.and_then(|at| histories.get_mut(at)) else { continue };
        history.last_activity = history.last_activity.max(Some(order.updated(orders)));
        if order.payment == Payment::Cancelled {
            continue;
        }
        let year = date(order.submitted).get(..4).and_then(|year| year.parse().ok()).unwrap_or_default();
        history.lifetime += order.total();
        *history.yearly.entry(year).or_default() += order.total();
        history.points += order.points();
        let cost =
            order.lines.iter().filter_map(|line| Some(book.sold(line)?.1.cost * line.quantity)).sum::<i64>();
        history.gross_profit += order.sub_total - cost;
        if order.purchase != Purchase::Refund {
            history.order_count += 1;
            history.last = Some((order.id, order.submitted));
        }
        if order.delivery == Delivery::Pickup && order.fulfilment == Fulfilment::None {
            history.pickups.push((order.id, order.number));
        }
    }
    products_bought(book, orders, by_date, &mut histories);
    histories
}

/// Fills in [`History::products`].
fn products_bought(book: &Book<'_>, orders: &[Order], by_date: &[usize], histories: &mut [History]) {
    for order in by_date.iter().rev().filter_map(|slot| orders.get(*slot)) {
        let Some(history) = order.customer.and_then(|at| histories.get_mut(at)) else { continue };
        if order.payment == Payment::Cancelled {
            continue;
        }
        for line in order.lines.iter().take(HISTORY_LENGTH.saturating_sub(history.products.len())) {
            let Some((product, variant)) = book.sold(line) else { continue };
            history.products.push(serde_json::json!({
                "product": {
                    "sku": variant.sku,
                    "image": product.image,
                    "price": line.price,
                    "title": product.title,
                    "quantity": line.quantity,
                    "productId": product.id,
                    "wineProperties": product.wine.as_ref().map(super::products::Wine::object),
                },
                "purchaseDate": timestamp(order.submitted),
            }));
        }
    }
}

/// What is left of every variant at every location.
#[derive(Debug)]
pub(crate) struct Stock(HashMap<(Uuid, usize), i64>);

/// Units of a variant at a location.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub available: i64,
    pub reserved: i64,
    /// Sold and not handed over yet.
    pub allocated: i64,
}

impl Stock {
    /// Counts what is sold and not handed over.
    pub fn new(book: &Book<'_>, orders: &[Order]) -> Self {
        let mut allocated = HashMap::new();
        for order in orders.iter().filter(|order| order.payment != Payment::Cancelled) {
            let location = if order.delivery == Delivery::Ship { WAREHOUSE } else { TASTING_ROOM };
            for (at, line) in order.lines.iter().enumerate() {
                let open = line.quantity.max(0) - order.quantity_fulfilled(at, line);
                if let (1.., Some((_, variant))) = (open, book.sold(line))
                    && order.fulfilment != Fulfilment::NotRequired
                {
                    *allocated.entry((variant.id, location)).or_default() += open;
                }
            }
        }
        Self(allocated)
    }

    /// The level of one variant at one location.
    pub fn level(&self, house: &House, variant: Uuid, location: usize) -> Level {
        let (high, low) = variant.as_u64_pair();
        let mut dice =
            super::Dice::new(house.source.seed ^ high, house.source.tenant, "stock", low ^ location as u64);
        Level {
            available: if dice.percent(6) { 0 } else { dice.between(1, 900) },
            reserved: if dice.percent(10) { dice.between(1, 48) } else { 0 },
            allocated: self.0.get(&(variant, location)).copied().unwrap_or_default(),
        }
    }
}
