//! Draws up the orders of a winery, one after the other, each from chances of its own.
//!
//! An order takes nothing from later ones, so asking for more orders leaves the earlier ones as they are (but for
//! their numbers, which go by date).

use std::collections::{BTreeMap, HashSet};

use super::price::{price, tax, tax_with};
use super::{Book, Channel, ClubShipment, Delivery, Freight, Fulfilment, Line, Order, Payment, Purchase};
use crate::generate::Dice;
use crate::generate::dice::{DAY, MINUTE};
use crate::generate::products::ProductType;

/// Draws up `count` orders; in the order of their slots.
pub(crate) fn plan(book: &Book<'_>, count: usize, mut made: impl FnMut()) -> Vec<Order> {
    let mut planner = Planner {
        book: *book,
        by_type: BTreeMap::new(),
        orders: Vec::with_capacity(count),
        returned: Vec::with_capacity(count),
        sent: HashSet::new(),
    };
    for (at, product) in book.products.iter().enumerate() {
        planner.by_type.entry(product.product_type).or_default().push(at);
    }
    for slot in 0..count {
        let order = planner.order(slot);
        planner.orders.push(order);
        planner.returned.push(0);
        made();
    }
    number(&mut planner.orders);
    planner.orders
}

/// The slots by date.
pub(crate) fn by_date(orders: &[Order]) -> Vec<usize> {
    let mut slots: Vec<usize> = (0..orders.len()).collect();
    slots.sort_by_key(|slot| orders.get(*slot).map(|order| (order.submitted, *slot)));
    slots
}

/// Numbers the orders by date; the first of a new tenant is 1001.
fn number(orders: &mut [Order]) {
    for (at, slot) in by_date(orders).into_iter().enumerate() {
        if let Some(order) = orders.get_mut(slot) {
            order.number = 1_001 + i64::try_from(at).unwrap_or_default();
        }
    }
}

struct Planner<'a> {
    book: Book<'a>,
    /// Places in the list of products.
    by_type: BTreeMap<ProductType, Vec<usize>>,
    orders: Vec<Order>,
    /// By slot: the lines that came back, as bits.
    returned: Vec<u64>,
    /// Memberships and the shipment they had.
    sent: HashSet<(usize, i64)>,
}

impl Planner<'_> {
    fn order(&mut self, slot: usize) -> Order {
        let source = self.book.house.source;
        let mut dice = source.dice("order", slot);
        let roll = dice.below(100);
        let mut order = match roll {
            0..=5 => self.refund(&mut dice),
            6 => self.exchange(slot, &mut dice),
            7..=26 => self.club(&mut dice),
            _ => None,
        }
        .unwrap_or_else(|| self.sale(roll, &mut dice));
        order.slot = slot;
        order.id = source.id("order", slot);
        if let Some(previous) = order.previous.and_then(|previous| self.orders.get_mut(previous)) {
            previous.linked.push(slot);
        }
        order
    }

    /// An ordinary sale; what kind goes by the roll.
    fn sale(&self, roll: u32, dice: &mut Dice) -> Order {
        let book = &self.book;
        let customer = (!book.customers.is_empty()).then(|| dice.skewed(book.customers.len()));
        let since =
            customer.and_then(|at| book.customers.get(at)).map_or(book.house.source.start(), |of| of.created);
        let (channel, delivery) = match roll {
            // Without customers only the till sells.
            _ if customer.is_none() => (Channel::Pos, Delivery::CarryOut),
            0..=26 | 52..=79 | 93..=94 => (Channel::Web, Delivery::Ship),
            27..=51 | 95..=99 => (Channel::Pos, Delivery::CarryOut),
            80..=87 => (Channel::Web, Delivery::Pickup),
            _ => (Channel::Inbound, Delivery::Ship),
        };
        let mut order = Order { customer, channel, delivery, ..Order::default() };
        order.submitted = dice.between(since, book.house.source.now - MINUTE);
        let wanted: &[ProductType] = match roll {
            93..=94 => &[ProductType::GiftCard],
            95..=99 => &[ProductType::Tasting],
            27..=51 => {
                &[ProductType::Wine, ProductType::Wine, ProductType::GeneralMerchandise, ProductType::Tasting]
            }
            _ => &[
                ProductType::Wine,
                ProductType::Wine,
                ProductType::Wine,
                ProductType::Bundle,
                ProductType::GeneralMerchandise,
            ],
        };
        let is_single = (93..=99).contains(&roll);
        let lines = if is_single { 1 } else { dice.weighted(&[(4, 1), (4, 2), (2, 3), (1, 4)]) };
        for number in 0..lines {
            // A shipment always has a wine to ship.
            let product_type = if number == 0 && !is_single { ProductType::Wine } else { dice.pick(wanted) };
            order.lines.extend(self.line(
                product_type,
                dice.weighted(&[(5, 1), (3, 2), (1, 3), (1, 6), (1, 12)]),
                dice,
            ));
        }
        order.is_reservation = (95..=99).contains(&roll) && customer.is_some();
        price(book, &mut order, dice);
        self.settle(&mut order, dice);
        order
    }

    /// A line of some product of a type; of a wine where there is none.
    fn line(&self, product_type: ProductType, quantity: i64, dice: &mut Dice) -> Option<Line> {
        let choices = self.by_type.get(&product_type).or_else(|| self.by_type.get(&ProductType::Wine))?;
        let product = *choices.get(dice.skewed(choices.len()))?;
        let sold = self.book.products.get(product)?;
        let variant = dice.skewed(sold.variants.len());
        let original = sold.variants.get(variant)?.price;
        Some(Line { product, variant, quantity, original, price: original, tax: 0 })
    }

    /// A shipment of a club to one of its members who did not have it yet.
    fn club(&mut self, dice: &mut Dice) -> Option<Order> {
        let book = &self.book;
        let membership = book.memberships.get(dice.index(book.memberships.len()))?;
        let until = membership.cancel.unwrap_or(book.house.source.now).min(book.house.source.now) - DAY;
        let club = membership.club(book.house)?;
        let (key, package, at) = if club.is_subscription {
            let rhythm = membership.frequency * 30 * DAY;
            let first = membership.signup + 2 * DAY;
            let number = dice.between(0, ((until - first) / rhythm).max(0));
            (number, None, first + number * rhythm)
        } else {
            let of_club = book.house.packages.iter().enumerate().filter(|(_, package)| {
                package.club == membership.club && (membership.signup..until).contains(&package.process_date)
            });
            let of_club: Vec<_> = of_club.collect();
            let (at, package) = of_club.get(dice.index(of_club.len())).copied()?;
            (i64::try_from(at).ok()?, Some(at), package.process_date + dice.between(0, 90) * MINUTE)
        };
        if at > until || !self.sent.insert((membership.index, key)) {
            return None;
        }
        let book = &self.book;
        let mut order = Order {
            customer: Some(membership.customer),
            channel: Channel::Club,
            delivery: if membership.is_pickup { Delivery::Pickup } else { Delivery::Ship },
            submitted: at,
            club: Some(ClubShipment { membership: membership.index, package }),
            ..Order::default()
        };
        for _ in 0..dice.pick(&[3, 4, 6]) {
            order.lines.extend(self.line(ProductType::Wine, dice.pick(&[1, 1, 2]), dice));
        }
        price(book, &mut order, dice);
        self.settle(&mut order, dice);
        Some(order)
    }

    /// An earlier sale of which something can come back.
    fn returnable(&self, dice: &mut Dice) -> Option<usize> {
        let latest = self.book.house.source.now - 3 * DAY;
        (0..8).map(|_| dice.index(self.orders.len())).find(|slot| {
            self.orders.get(*slot).is_some_and(|order| {
                order.purchase == Purchase::Regular
                    && order.payment == Payment::Paid
                    && order.fulfilment != Fulfilment::NotRequired
                    && order.submitted <= latest
                    && order.taxes.iter().all(|row| row.price == row.original)
                    && !self.open_lines(*slot).is_empty()
            })
        })
    }

    /// The lines of a sale that did not come back yet.
    fn open_lines(&self, slot: usize) -> Vec<usize> {
        let returned = self.returned.get(slot).copied().unwrap_or_default();
        let count = self.orders.get(slot).map_or(0, |order| order.lines.len());
        (0..count).filter(|line| returned >> line & 1 == 0).collect()
    }

    /// An order that takes back (part of) an earlier one; dated after it.
    fn back(&self, slot: usize, purchase: Purchase, dice: &mut Dice) -> Option<Order> {
        let sale = self.orders.get(slot)?;
        let submitted =
            dice.between(sale.submitted + DAY, (sale.submitted + 45 * DAY).min(self.book.house.source.now));
        Some(Order {
            customer: sale.customer,
            channel: if purchase == Purchase::Refund { sale.channel } else { Channel::Inbound },
            delivery: sale.delivery,
            purchase,
            submitted,
            compliance: "No Compliance Required",
            shipping_status: "Not Tracked",
            fulfilment: Fulfilment::NotRequired,
            previous: Some(slot),
            ..Order::default()
        })
    }

    /// All of a sale, or one line of it, comes back (facts 8.4).
    fn refund(&mut self, dice: &mut Dice) -> Option<Order> {
        let slot = self.returnable(dice)?;
        let mut order = self.back(slot, Purchase::Refund, dice)?;
        let sale = self.orders.get(slot)?;
        let open = self.open_lines(slot);
        let is_whole = open.len() == sale.lines.len() && dice.percent(40);
        let back = if is_whole { open } else { open.into_iter().take(1).collect() };
        for at in &back {
            let line = sale.lines.get(*at)?;
            order.lines.push(Line { quantity: -line.quantity, ..line.clone() });
        }
        if is_whole {
            order.freight = sale.freight.map(|freight| Freight {
                price: -freight.price,
                original: -freight.original,
                tax: 0,
            });
        }
        let taxes: Vec<_> = sale.taxes.iter().map(|row| row.tax).collect();
        tax_with(&self.book, &mut order, &taxes);
        self.take_back(slot, &back);
        Some(order)
    }

    /// One unit comes back for one of another product.
    fn exchange(&mut self, slot_of_order: usize, dice: &mut Dice) -> Option<Order> {
        let slot = self.returnable(dice)?;
        let mut order = self.back(slot, Purchase::Exchange, dice)?;
        let at = self.open_lines(slot).first().copied()?;
        let line = self.orders.get(slot)?.lines.get(at)?;
        order.lines.push(Line { quantity: -1, ..line.clone() });
        order.lines.extend(self.line(ProductType::Wine, 1, dice));
        tax(&self.book, &mut order);
        self.take_back(slot, &[at]);
        order.fulfilment = Fulfilment::Full;
        order.fulfilled = Some((order.submitted + DAY).min(self.book.house.source.now));
        order.compliance = if slot_of_order.is_multiple_of(2) { "Forced" } else { "No Compliance Required" };
        Some(order)
    }

    fn take_back(&mut self, slot: usize, lines: &[usize]) {
        if let Some(returned) = self.returned.get_mut(slot) {
            *returned |= lines.iter().fold(0, |bits, line| bits | 1 << line);
        }
    }

    /// Payment, compliance, fulfilment and parcel tracking of a sale (facts 8.2), by its age.
    fn settle(&self, order: &mut Order, dice: &mut Dice) {
        let now = self.book.house.source.now;
        let age = now - order.submitted;
        let is_shippable = order
            .lines
            .iter()
            .any(|line| self.book.sold(line).is_some_and(|(_, variant)| variant.has_shipping));
        order.shipping_status = "Not Tracked";
        order.compliance = "No Compliance Required";
        if order.channel == Channel::Pos {
            order.fulfilment = Fulfilment::Full;
            order.fulfilled = Some(order.submitted);
            return;
        }
        if !is_shippable {
            order.fulfilment = Fulfilment::NotRequired;
            order.fulfilled = Some(order.submitted);
            return;
        }
        order.payment = match dice.below(100) {
            0..=1 => Payment::Cancelled,
            2..=9 if age < 4 * DAY => Payment::Authorized,
            _ => Payment::Paid,
        };
        if order.delivery == Delivery::Ship {
            order.compliance = self.compliance(order, age, dice);
        }
        let is_held = matches!(order.compliance, "Quarantined" | "Void") || order.payment != Payment::Paid;
        let takes = dice.between(DAY / 2, 9 * DAY);
        // Parcels are sent; what is to be picked up sometimes waits for ever.
        let is_left = dice.percent(if order.delivery == Delivery::Pickup { 6 } else { 1 });
        if is_held || age < takes || is_left {
            return;
        }
        order.fulfilment =
            if order.lines.len() > 1 && dice.percent(3) { Fulfilment::Partial } else { Fulfilment::Full };
        if order.fulfilment == Fulfilment::Full {
            order.fulfilled = Some(order.submitted + takes);
        }
        if order.delivery == Delivery::Ship && dice.percent(90) {
            order.shipping_status = match now - order.submitted - takes {
                ..DAY => "Pending",
                DAY..518_400_000 => "In Transit",
                _ => "Delivered",
            };
        }
    }

    fn compliance(&self, order: &Order, age: i64, dice: &mut Dice) -> &'static str {
        match (order.payment, self.book.house.country) {
            (Payment::Cancelled, "US") => "Void",
            (_, "US") if age < DAY => "Not Checked",
            (_, "US") => {
                dice.weighted(&[(90, "Compliant"), (5, "Forced"), (3, "Quarantined"), (2, "Not Checked")])
            }
            _ => "No Compliance Required",
        }
    }
}
