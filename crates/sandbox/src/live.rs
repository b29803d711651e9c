//! A winery day that goes on by itself: orders at a steady rate, and between them sign-ups, cancellations, refunds, exchanges,
//! fulfilments and deliveries of stock. What happens is drawn from the seed, event by event.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::clock::WineryTime;
use crate::generate::{DAY, Dice, people, timestamp};
use crate::http::errors::ApiError;
use crate::http::route::Route;
use crate::kind::Kind;
use crate::store::{Wineries, Winery};
use crate::write::{self, Change, Sale, SaleLine};

/// What can happen in a winery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// An order on the web, to be shipped or picked up.
    #[default]
    WebSale,
    /// A sale at the till, carried out at once.
    PosSale,
    /// Somebody new registers, with an address.
    Registration,
    /// A customer joins a club.
    SignUp,
    /// A member leaves a club.
    Cancellation,
    /// An order is taken back, wholly or in its first line.
    Refund,
    /// The first line of an order is exchanged.
    Exchange,
    /// An open order is handed over.
    Fulfillment,
    /// Stock of one SKU comes in.
    Delivery,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Happened {
    /// What it was.
    pub event: Event,
    /// The winery.
    pub tenant: String,
    /// The order, customer, membership or inventory transaction that came of it or was changed by it.
    pub id: String,
}

/// The events of all wineries, by number; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Day {
    seed: u64,
    happened: Arc<AtomicU64>,
}

/// Events beside orders, with how many of a hundred orders one comes with.
const BESIDE: &[(u32, Event)] = &[
    (50, Event::Fulfillment),
    (12, Event::Registration),
    (8, Event::SignUp),
    (4, Event::Cancellation),
    (5, Event::Refund),
    (2, Event::Exchange),
    (10, Event::Delivery),
];

const SALES: &[(u32, Event)] = &[(55, Event::WebSale), (45, Event::PosSale)];

/// The running day; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Lets `per_minute` orders a minute happen in each winery, with what belongs to them, until it is dropped.
pub(crate) fn start(wineries: Arc<Wineries>, day: Day, time: WineryTime, per_minute: u32) -> Running {
    let pause = Duration::from_secs(60) / per_minute.max(1);
    Running(tokio::spawn(async move {
        let mut ticks = tokio::time::interval(pause);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            for winery in wineries.iter() {
                day.tick(winery, &time);
            }
        }
    }))
}

impl Day {
    pub fn new(seed: u64) -> Self {
        Self { seed, happened: Arc::default() }
    }

    /// One order and what comes with it. What cannot happen (nothing to sell, nobody to cancel) does not.
    fn tick(&self, winery: &Winery, time: &WineryTime) {
        let mut dice = self.dice();
        let beside = BESIDE.iter().filter(|(percent, _)| dice.percent(*percent)).map(|(_, event)| *event);
        let events: Vec<Event> = beside.collect();
        for event in std::iter::once(dice.weighted(SALES)).chain(events) {
            if let Err(reason) = self.happen(winery, time.now(), Some(event), None) {
                tracing::debug!(?event, reason, "nothing happened");
            }
        }
    }

    fn dice(&self) -> Dice {
        Dice::new(self.seed, 0, "live", self.happened.fetch_add(1, Ordering::SeqCst))
    }

    /// Lets an event happen, to the object named where it is about one. Drawn where absent. The error says why nothing did.
    pub fn happen(
        &self,
        winery: &Winery,
        now: i64,
        event: Option<Event>,
        id: Option<&str>,
    ) -> Result<Happened, String> {
        let mut dice = self.dice();
        let event = event.unwrap_or_else(|| dice.weighted(SALES));
        let credentials = winery.credentials();
        let mut collections = winery.write();
        let change = Change::begin(&mut collections, now, &credentials.app_id);
        let mut happening = Happening { change, dice };
        let id = happening.happen(event, id).map_err(|error| format!("{event:?} did not happen: {error}"))?;
        Ok(Happened { event, tenant: credentials.name.clone(), id })
    }
}

struct Happening<'a> {
    change: Change<'a>,
    dice: Dice,
}

/// Why nothing happened.
#[derive(Debug, thiserror::Error)]
enum Nothing {
    #[error("there is nothing it could happen to")]
    NoObject,
    #[error("{}", .0.message())]
    Refused(ApiError),
}

impl From<ApiError> for Nothing {
    fn from(error: ApiError) -> Self {
        Self::Refused(error)
    }
}

impl Happening<'_> {
    fn happen(&mut self, event: Event, id: Option<&str>) -> Result<String, Nothing> {
        match event {
            Event::WebSale => self.sell(false),
            Event::PosSale => self.sell(true),
            Event::Registration => self.register(),
            Event::SignUp => self.sign_up(id),
            Event::Cancellation => self.cancel(id),
            Event::Refund => {
                let is_whole = self.dice.percent(50);
                let order = self.order(id, |order| {
                    order.get("purchaseType") == Some(&json!("Regular"))
                        && order.get("paymentStatus") == Some(&json!("Paid"))
                        && order.get("linkedOrders").and_then(Value::as_array).is_none_or(Vec::is_empty)
                })?;
                Ok(write::refund(&mut self.change, &order, is_whole)?)
            }
            Event::Exchange => {
                let order = self.order(id, |order| order.get("purchaseType") == Some(&json!("Regular")))?;
                Ok(write::exchange(&mut self.change, &order)?)
            }
            Event::Fulfillment => self.fulfil(id),
            Event::Delivery => self.deliver(),
        }
    }

    /// A write by the API's own way; the object's id.
    fn write(&mut self, method: Method, path: &str, body: &Value) -> Result<String, Nothing> {
        let body = body.to_string();
        let written = write::perform(&mut self.change, &method, &Route::find(path), body.as_bytes())?;
        Ok(written.id.unwrap_or_default())
    }

    /// One of the objects of a kind.
    fn pick(&mut self, kind: Kind) -> Result<Map<String, Value>, Nothing> {
        let ids = self.change.collections.ids(kind);
        let id = ids.get(self.dice.index(ids.len())).ok_or(Nothing::NoObject)?;
        self.change.collections.value(kind, &id.to_string()).ok_or(Nothing::NoObject)
    }

    /// One of the objects of a kind that is fit, if one of a few is.
    fn pick_fit(
        &mut self,
        kind: Kind,
        is_fit: impl Fn(&Map<String, Value>) -> bool,
    ) -> Result<Map<String, Value>, Nothing> {
        for _ in 0..40 {
            let found = self.pick(kind)?;
            if is_fit(&found) {
                return Ok(found);
            }
        }
        Err(Nothing::NoObject)
    }

    fn order(
        &mut self,
        id: Option<&str>,
        is_fit: impl Fn(&Map<String, Value>) -> bool,
    ) -> Result<String, Nothing> {
        match id {
            Some(id) => Ok(id.to_owned()),
            None => self.pick_fit(Kind::Order, is_fit).map(|order| id_of(&order)),
        }
    }

    fn sell(&mut self, is_pos: bool) -> Result<String, Nothing> {
        let is_known = !is_pos || self.dice.percent(60);
        let customer = if is_known { Some(id_of(&self.pick(Kind::Customer)?)) } else { None };
        let mut lines: Vec<SaleLine> = Vec::new();
        for _ in 0..self.dice.between(1, 3) {
            let product = self.pick_fit(Kind::Product, |product| {
                product.get("adminStatus") == Some(&json!("Available"))
                    && product.get("type") != Some(&json!("Bundle"))
            })?;
            let variants = product.get("variants").and_then(Value::as_array).cloned().unwrap_or_default();
            let sku = variants
                .get(self.dice.index(variants.len()))
                .and_then(|variant| variant.get("sku")?.as_str());
            if let Some(sku) = sku
                && !lines.iter().any(|line| line.sku == sku)
            {
                lines.push(SaleLine { sku: sku.to_owned(), quantity: self.dice.between(1, 6) });
            }
        }
        let (channel, delivery) = match (is_pos, self.dice.percent(85)) {
            (true, _) => ("POS", "Carry Out"),
            (false, true) => ("Web", "Ship"),
            (false, false) => ("Web", "Pickup"),
        };
        Ok(write::sell(&mut self.change, &Sale { channel, delivery, customer, lines, previous: None })?)
    }

    fn register(&mut self) -> Result<String, Nothing> {
        let (first, last) = people::name(&mut self.dice);
        let place = people::place(&mut self.dice, "US");
        let body = json!({
            "firstName": first,
            "lastName": last,
            "address": people::street(&mut self.dice),
            "city": place.city,
            "stateCode": place.state,
            "zipCode": place.postal_code,
            "countryCode": place.country,
            "emailMarketingStatus": "Subscribed",
            "birthDate": format!("{}-06-15", self.dice.between(1945, 2000)),
            "emails": [{"email": format!("{first}.{last}.{}@example.com", self.dice.code(8)).to_lowercase()}],
            "phones": [{"phone": people::phone(&mut self.dice, place)}],
            "orderInformation": {"acquisitionChannel": "Web"},
        });
        self.write(Method::POST, "/customer-address", &body)
    }

    fn sign_up(&mut self, customer: Option<&str>) -> Result<String, Nothing> {
        let customer = match customer {
            Some(id) => id.to_owned(),
            None => id_of(&self.pick(Kind::Customer)?),
        };
        let club = id_of(&self.pick(Kind::Club)?);
        let address = self.change.collections.ids_with(Kind::CustomerAddress, "customerId", &customer);
        let card = self.change.collections.ids_with(Kind::CustomerCreditCard, "customerId", &customer);
        let body = json!({
            "customerId": customer,
            "clubId": club,
            "orderDeliveryMethod": "Ship",
            "billToCustomerAddressId": address.first(),
            "shipToCustomerAddressId": address.first(),
            "customerCreditCardId": card.first(),
            "signupDate": timestamp(self.change.now),
        });
        self.write(Method::POST, "/club-membership", &body)
    }

    fn cancel(&mut self, membership: Option<&str>) -> Result<String, Nothing> {
        let membership = match membership {
            Some(id) => id.to_owned(),
            None => id_of(&self.pick_fit(Kind::ClubMembership, |membership| {
                membership.get("status") != Some(&json!("Cancelled"))
            })?),
        };
        let reason = self.dice.pick(&["Too much wine", "Financial reasons", "Moving", "Other"]);
        let body = json!({"cancelDate": timestamp(self.change.now), "cancellationReason": reason});
        self.write(Method::PUT, &format!("/club-membership/{membership}"), &body)
    }

    fn fulfil(&mut self, order: Option<&str>) -> Result<String, Nothing> {
        let order = match order {
            Some(id) => self.change.collections.value(Kind::Order, id).ok_or(Nothing::NoObject)?,
            None => self.pick_fit(Kind::Order, |order| {
                let status = order.get("fulfillmentStatus").and_then(Value::as_str);
                matches!(status, Some("Not Fulfilled" | "Partially Fulfilled"))
            })?,
        };
        let mut body = json!({"fulfillmentDate": timestamp(self.change.now), "packageCount": 1});
        if order.get("orderDeliveryMethod") == Some(&json!("Ship")) {
            body["type"] = json!("Shipped");
            body["shipped"] =
                json!({"carrier": "UPS", "trackingNumbers": [format!("1Z{}", self.dice.code(16))]});
        } else {
            body["type"] = json!("Picked Up");
            body["pickedUp"] = json!({"pickedUpBy": "Customer"});
        }
        self.write(Method::POST, &format!("/order/{}/fulfillment/all", id_of(&order)), &body)
    }

    fn deliver(&mut self) -> Result<String, Nothing> {
        let row = self.pick(Kind::Inventory)?;
        let body = json!({
            "action": "Adjust",
            "sku": row.get("sku"),
            "inventoryLocationId": row.get("inventoryLocationId"),
            "availableForSaleCount": self.dice.between(2, 40) * 6,
            "notes": format!("Delivery of {}", timestamp(self.change.now - self.change.now % DAY)),
        });
        self.write(Method::POST, "/inventory-transaction", &body)
    }
}

fn id_of(object: &Map<String, Value>) -> String {
    object.get("id").and_then(Value::as_str).unwrap_or_default().to_owned()
}
