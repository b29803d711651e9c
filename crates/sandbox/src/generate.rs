//! Wineries made from a seed. Every object draws from chances of its own, so that asking for more of one kind leaves
//! the others as they were (a customer's figures follow its orders, of course).

mod customers;
mod dice;
mod discounts;
mod house;
mod memberships;
mod orders;
mod parallel;
pub(crate) mod people;
mod platform;
mod products;
mod settings;
mod source;
mod storefront;
mod tax;
mod visits;

use std::collections::HashMap;

use serde_json::{Value, json};

pub(crate) use dice::{DAY, Dice, MINUTE, timestamp};
pub(crate) use house::account_user;
pub(crate) use source::Source;

use self::discounts::{COUPONS, PROMOTIONS};
use self::house::{COLLECTIONS, DEPARTMENTS, House, VENDORS};
use self::orders::{Book, Order, Stock, by_date, histories, plan};
use crate::kind::Kind;
use crate::store::{Collections, Embedding, Record, Wineries, Winery};
use crate::{Options, Progress};

/// How many objects are made between two reports of progress.
const REPORT_EVERY: u64 = 500;

/// Makes the wineries that the options ask for: at least one.
pub(crate) fn wineries(options: &Options, progress: &dyn Fn(Progress)) -> Wineries {
    let tenants = options.tenants.max(1);
    let each = u64::from(options.customers) + u64::from(options.products) + 2 * u64::from(options.orders);
    let mut reporter =
        Reporter { progress, tenant: String::new(), done: 0, total: each * u64::from(tenants) };
    let mut make = |tenant| {
        let source = Source { seed: options.seed, tenant, now: options.now.as_millisecond() };
        let house = House::new(source);
        house.name.clone_into(&mut reporter.tenant);
        let winery = Winery::new(house.tenant(options.apps), source);
        fill(&mut winery.write(), &house, options, &mut reporter);
        winery
    };
    let first = make(0);
    let others = (1..tenants).map(make).collect();
    reporter.report();
    Wineries::new(first, others)
}

struct Reporter<'a> {
    progress: &'a dyn Fn(Progress),
    tenant: String,
    done: u64,
    total: u64,
}

impl Reporter<'_> {
    fn made(&mut self) {
        self.done += 1;
        if self.done.is_multiple_of(REPORT_EVERY) {
            self.report();
        }
    }

    fn report(&self) {
        (self.progress)(Progress { tenant: self.tenant.clone(), done: self.done, total: self.total });
    }
}

/// Makes everything a winery has.
fn fill(collections: &mut Collections, house: &House, options: &Options, reporter: &mut Reporter<'_>) {
    let count = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let products = products::products(house, count(options.products));
    let listed = products.get(..count(options.products)).unwrap_or(&products);
    let customers = customers::customers(house, count(options.customers));
    let memberships = memberships::memberships(house, &customers);
    let book = Book { house, products: &products, customers: &customers, memberships: &memberships };
    let orders = plan(&book, count(options.orders), || reporter.made());
    let dates = by_date(&orders);
    let stock = Stock::new(&book, &orders);

    let mut put = |kind, objects: &mut dyn Iterator<Item = Value>| {
        collections.extend(kind, objects, Embedding::Spliced);
    };
    settings(&mut put, house);
    put(
        Kind::Product,
        &mut listed.iter().map(|product| {
            reporter.made();
            product.object(house, &products, &stock)
        }),
    );
    put(Kind::Inventory, &mut listed.iter().flat_map(|product| product.inventory(house, &stock)));
    put(
        Kind::ClubPackage,
        &mut house.packages.iter().map(|package| memberships::package_object(house, package, listed)),
    );
    discounts(&mut put, house, &orders);

    let mut histories = histories(&book, &orders, &dates);
    for (customer, history) in customers.iter().zip(&mut histories) {
        history.cart = platform::cart_of(house, customer).filter(|_| !listed.is_empty());
    }
    put(
        Kind::Customer,
        &mut customers.iter().zip(&histories).map(|(customer, history)| {
            reporter.made();
            customer.object(house, &memberships, history)
        }),
    );
    drop(histories);
    put(Kind::CustomerAddress, &mut customers.iter().flat_map(customers::Customer::address_objects));
    put(Kind::CustomerCreditCard, &mut customers.iter().flat_map(customers::Customer::card_objects));
    put(Kind::Reservation, &mut visits::reservations(house, &customers, &orders));
    put(Kind::Cart, &mut platform::carts(Book { products: listed, ..book }));
    put(Kind::Note, &mut platform::notes(house, &customers, &orders));

    let mut shipments: HashMap<usize, Vec<&Order>> = HashMap::new();
    for order in dates.iter().filter_map(|slot| orders.get(*slot)) {
        if let Some(club) = order.club {
            shipments.entry(club.membership).or_default().push(order);
        }
    }
    put(
        Kind::ClubMembership,
        &mut memberships.iter().filter_map(|membership| {
            let of_membership = shipments.get(&membership.index).map(Vec::as_slice).unwrap_or_default();
            Some(membership.object(house, customers.get(membership.customer)?, of_membership))
        }),
    );
    put(Kind::Shipment, &mut orders.iter().filter_map(|order| order.shipment(house, &memberships)));
    put(Kind::GiftCard, &mut platform::gift_cards(book, &orders));
    put(Kind::LoyaltyTransaction, &mut platform::loyalty_transactions(book, &orders));
    put(Kind::AppSync, &mut platform::app_syncs(house, &orders));
    let records = orders.chunks(parallel::ROUND).flat_map(|round| {
        let records = parallel::map(round, |order| {
            Record::new(Kind::Order, order.object(&book, &orders), Embedding::Spliced)
        });
        round.iter().for_each(|_| reporter.made());
        records.into_iter().flatten()
    });
    collections.extend_with(Kind::Order, records);
    let latest = dates.iter().rev().take(12).filter_map(|slot| {
        let order = orders.get(*slot)?;
        let text = collections.get(Kind::Order, &order.id.to_string(), None)?;
        Some((order.submitted, serde_json::from_slice(&text).ok()?))
    });
    let latest: Vec<(i64, Value)> = latest.collect();
    collections.extend(Kind::WebHookLog, platform::web_hook_logs(house, &latest), Embedding::Spliced);
}

/// What every winery has, whatever it sells.
fn settings(put: &mut dyn FnMut(Kind, &mut dyn Iterator<Item = Value>), house: &House) {
    put(Kind::Setting, &mut std::iter::once(house.setting()));
    put(Kind::WebSetting, &mut std::iter::once(house.web_setting()));
    put(Kind::WineAppellation, &mut settings::appellations());
    put(Kind::WineVarietal, &mut settings::varietals());
    put(Kind::InventoryLocation, &mut house.locations.iter().map(|at| visits::location_object(house, at)));
    put(Kind::Department, &mut (0..DEPARTMENTS.len()).map(|at| products::department(house, at)));
    put(Kind::Vendor, &mut (0..VENDORS.len()).map(|at| products::vendor(house, at)));
    put(Kind::Collection, &mut (0..COLLECTIONS.len()).map(|at| products::collection(house, at)));
    put(Kind::Club, &mut house.clubs.iter().map(|club| memberships::club_object(house, club)));
    put(Kind::LoyaltyTier, &mut house.tiers());
    put(Kind::Tag, &mut house.tags());
    put(Kind::Group, &mut house.groups());
    put(Kind::MetaDataConfig, &mut house.meta_data_configs());
    put(Kind::Shipping, &mut house.shippings());
    put(Kind::Tax, &mut house.taxes());
    put(Kind::ReservationType, &mut visits::experiences(house));
    put(Kind::WebHook, &mut platform::web_hooks(house));
}

/// Coupons, promotions and their set, with how often orders used them.
fn discounts(put: &mut dyn FnMut(Kind, &mut dyn Iterator<Item = Value>), house: &House, orders: &[Order]) {
    let used = |index: usize| {
        let applied = orders.iter().flat_map(|order| order.promotions.iter().chain(&order.coupons));
        applied.filter(|applied| applied.discount.index == index).count()
    };
    put(Kind::Promotion, &mut PROMOTIONS.iter().map(|discount| discount.object(house, used(discount.index))));
    put(Kind::Coupon, &mut COUPONS.iter().map(|discount| discount.object(house, used(discount.index))));
    put(
        Kind::PromotionSet,
        &mut std::iter::once(json!({
            "id": house.source.id("promotion set", 0),
            "title": "All promotions",
            "createdAt": house.opened(),
            "updatedAt": house.opened(),
        })),
    );
}
