//! Club memberships, the clubs and packages they belong to, and shipments.

use serde_json::{Value, json};
use uuid::Uuid;

use super::customers::Customer;
use super::dice::{DAY, timestamp};
use super::house::{Club, FOUNDING_TAG, House, Package, TASTING_ROOM};
use super::orders::Order;
use super::products::{Product, ProductType};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    #[default]
    Active,
    OnHold,
    Cancelled,
}

#[derive(Debug)]
pub(crate) struct Membership {
    pub id: Uuid,
    pub index: usize,
    /// Place in the list of customers.
    pub customer: usize,
    /// Place in the list of clubs.
    pub club: usize,
    pub status: Status,
    pub signup: i64,
    pub cancel: Option<i64>,
    pub is_pickup: bool,
    /// Months between two shipments of a subscription.
    pub frequency: i64,
}

/// About one customer in three is or was a member; some came back after cancelling.
pub(crate) fn memberships(house: &House, customers: &[Customer]) -> Vec<Membership> {
    let source = &house.source;
    let mut memberships = Vec::new();
    for customer in customers {
        let mut dice = source.dice("membership", customer.index);
        if !dice.percent(36) {
            continue;
        }
        let club = dice.weighted(&[(4, 0), (3, 1), (2, 2), (2, 3)]);
        let signup = dice.between(customer.created, source.now - DAY);
        let mut membership = Membership {
            id: source.id("membership", customer.index * 2),
            index: memberships.len(),
            customer: customer.index,
            club,
            status: dice.weighted(&[(7, Status::Active), (1, Status::OnHold), (3, Status::Cancelled)]),
            signup,
            cancel: None,
            is_pickup: dice.percent(25),
            frequency: dice.pick(&[1, 2, 3]),
        };
        let comes_back = membership.status == Status::Cancelled && dice.percent(20);
        if membership.status == Status::Cancelled {
            membership.cancel = Some(dice.between(signup, source.now));
        }
        let again = membership.cancel.filter(|_| comes_back);
        memberships.push(membership);
        if let Some(cancel) = again {
            memberships.push(Membership {
                id: source.id("membership", customer.index * 2 + 1),
                index: memberships.len(),
                customer: customer.index,
                club: dice.index(house.clubs.len()),
                status: Status::Active,
                signup: dice.between(cancel, source.now),
                cancel: None,
                is_pickup: dice.percent(25),
                frequency: dice.pick(&[1, 2, 3]),
            });
        }
    }
    memberships
}

impl Membership {
    pub fn club<'a>(&self, house: &'a House) -> Option<&'a Club> {
        house.clubs.get(self.club)
    }

    /// Whether the member has the club's benefits at a moment.
    pub fn is_active_at(&self, at: i64) -> bool {
        self.signup <= at && self.cancel.is_none_or(|cancel| at < cancel)
    }

    fn status_word(&self) -> &'static str {
        match self.status {
            Status::Active => "Active",
            Status::OnHold => "On Hold",
            Status::Cancelled => "Cancelled",
        }
    }

    /// As a customer's `clubs[]` names it.
    pub fn of_customer(&self, house: &House) -> Value {
        let club = self.club(house);
        json!({
            "clubId": club.map(|club| club.id),
            "clubTitle": club.map(|club| club.title),
            "cancelDate": self.cancel.map(timestamp),
            "signupDate": timestamp(self.signup),
            "clubMembershipId": self.id,
            "frequency": club.filter(|club| club.is_subscription).map(|_| self.frequency),
        })
    }

    /// As `GET /club-membership/{id}` answers (facts 6.9); `shipments` are its orders, oldest first.
    pub fn object(&self, house: &House, customer: &Customer, shipments: &[&Order]) -> Value {
        let mut dice = house.source.dice("membership text", self.index);
        let reasons = [
            "Too much wine",
            "Financial reasons",
            "Health reasons",
            "Moving",
            "Switching to another club",
            "Other",
        ];
        let address = customer.address().map(|address| address.id);
        let club = self.club(house);
        let changed = self.cancel.unwrap_or(self.signup);
        let last = shipments.last().map(|order| order.submitted);
        json!({
            "id": self.id,
            "status": self.status_word(),
            "customerId": customer.id,
            "clubId": club.map(|club| club.id),
            "billToCustomerAddressId": address,
            "orderDeliveryMethod": if self.is_pickup { "Pickup" } else { "Ship" },
            "shipToCustomerAddressId": address.filter(|_| !self.is_pickup),
            "pickupInventoryLocationId":
                house.location(TASTING_ROOM).filter(|_| self.is_pickup).map(|location| location.id),
            "customerCreditCardId": customer.cards.first().map(|card| card.id),
            "signupDate": timestamp(self.signup),
            "cancelDate": self.cancel.map(timestamp),
            "cancellationReason": self.cancel.map(|_| dice.pick(&reasons)),
            "lastProcessedDate": last.map(timestamp),
            "currentNumberOfShipments": shipments.len(),
            "subscription": club.filter(|club| club.is_subscription).map(|_| json!({
                "frequency": self.frequency.to_string(),
                "nextProcessDate":
                    timestamp(last.unwrap_or(self.signup + 2 * DAY) + self.frequency * 30 * DAY),
            })),
            "metaData": null,
            "appData": null,
            "appSync": null,
            "salesAssociate": dice.percent(30).then(|| house.sales_associate(1)),
            "tags": if dice.percent(10) { vec![house.tag(FOUNDING_TAG)] } else { Vec::new() },
            "createdAt": timestamp(self.signup),
            "updatedAt": timestamp(last.unwrap_or(changed).max(changed)),
            "customer": null,
            // Spliced in when read; the title is for `q`.
            "club": {"title": club.map(|club| club.title)},
            "onHolds": (self.status == Status::OnHold).then(|| json!([{
                "id": house.source.id("on hold", self.index),
                "startDate": timestamp((house.source.now - dice.between(1, 60) * DAY).max(self.signup)),
                "endDate": null,
                "holdReason": dice.pick(&["Too much wine", "Away from home", "Financial reasons"]),
            }])).unwrap_or(json!([])),
        })
    }
}

impl Order {
    /// The row of `/club-membership/{id}/shipment` of a club order (facts 6.10); `None` for other orders.
    pub fn shipment(&self, house: &House, memberships: &[Membership]) -> Option<Value> {
        let club = self.club?;
        let membership = memberships.get(club.membership)?;
        let package = club.package.and_then(|at| house.packages.get(at));
        Some(json!({
            "id": house.source.id("shipment", self.slot),
            "clubMembershipId": membership.id,
            "clubPackageId": package.map(|package| package.id),
            "clubPackageTitle": package.map(|package| package.title.as_str()),
            "status": "Processed",
            "processDate": timestamp(self.submitted),
            "orderId": self.id,
            "createdAt": timestamp(self.submitted),
            "updatedAt": timestamp(self.submitted),
        }))
    }
}

/// A club (facts 6.8).
pub(crate) fn club_object(house: &House, club: &Club) -> Value {
    json!({
        "id": club.id,
        "title": club.title,
        "type": if club.is_subscription { "Subscription" } else { "Traditional" },
        "image": null,
        "content": club.content,
        "emailInstructions": null,
        "webStatus": "Available",
        "adminStatus": "Available",
        "slug": club.slug,
        "allowCustomersToCancel": club.is_subscription,
        "createdAt": house.opened(),
        "updatedAt": house.opened(),
        "seo": {"title": club.title, "description": null},
    })
}

/// A club package (facts 6.10): past ones are archived, the next one is a draft.
pub(crate) fn package_object(house: &House, package: &Package, products: &[Product]) -> Value {
    let now = house.source.now;
    let status = if package.process_date > now {
        "Draft"
    } else if package.process_date > now - 91 * DAY {
        "Active"
    } else {
        "Archived"
    };
    let wines = products.iter().filter(|product| product.product_type == ProductType::Wine).take(4);
    let club = house.clubs.get(package.club);
    json!({
        "id": package.id,
        "clubId": club.map(|club| club.id),
        "title": package.title,
        "status": status,
        "autoProcessStatus": if status == "Draft" { "Not Scheduled" } else { "Completed" },
        "processDate": timestamp(package.process_date),
        "club": club.map(|club| club_object(house, club)),
        "items": wines.map(|product| json!({
            "id": Uuid::from_u128(package.id.as_u128() ^ (product.id.as_u128() & ((1 << 62) - 1))),
            "productId": product.id,
            "productTitle": product.title,
            "productVariantId": product.variants.first().map(|variant| variant.id),
            "sku": product.variants.first().map(|variant| variant.sku.as_str()),
            "defaultQuantity": 1,
            "maxQuantity": null,
        })).collect::<Vec<_>>(),
        "email": {
            "twoWeekSendDate": timestamp(package.process_date - 14 * DAY),
            "twoDaySendDate": timestamp(package.process_date - 2 * DAY),
            "isSendCreditCardDecline": true,
        },
        "createdAt": timestamp(package.process_date - 45 * DAY),
        "updatedAt": timestamp(package.process_date.min(now)),
    })
}
