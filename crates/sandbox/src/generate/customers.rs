//! Customers with their addresses, cards and tags.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::dice::{DAY, date, timestamp};
use super::house::{CALIFORNIA_TAG, House, MANUAL_CUSTOMER_TAGS, TIERS};
use super::memberships::{Membership, Status};
use super::orders::History;
use super::people::{Place, ip_address, name, phone, place, street};

#[derive(Debug)]
pub(crate) struct Customer {
    pub id: Uuid,
    pub index: usize,
    pub honorific: Option<&'static str>,
    pub first_name: &'static str,
    pub last_name: &'static str,
    pub birth_date: Option<String>,
    pub place: Place,
    /// The first is the default.
    pub addresses: Vec<Address>,
    /// The first is the default.
    pub cards: Vec<Card>,
    pub created: i64,
    emails: Vec<String>,
    phones: Vec<String>,
    marketing: Option<&'static str>,
    /// Places in the list of tags; one can stand there twice, as Commerce7 lets it be attached twice.
    tags: Vec<usize>,
    has_account: bool,
    acquisition_channel: Option<&'static str>,
    seed_amount: i64,
}

#[derive(Debug)]
pub(crate) struct Address {
    pub id: Uuid,
    pub company: Option<&'static str>,
    pub phone: String,
    pub street: String,
    pub street_2: Option<&'static str>,
    pub place: Place,
}

#[derive(Debug)]
pub(crate) struct Card {
    pub id: Uuid,
    pub brand: &'static str,
    pub last_four: &'static str,
    pub expiry_month: i64,
    pub expiry_year: i64,
    pub holder: String,
}

/// The customers of a winery.
pub(crate) fn customers(house: &House, count: usize) -> Vec<Customer> {
    (0..count).map(|index| customer(house, index)).collect()
}

fn customer(house: &House, index: usize) -> Customer {
    let source = &house.source;
    let mut dice = source.dice("customer", index);
    let (first_name, last_name) = name(&mut dice);
    let home = place(&mut dice, house.country);
    // More old ones than new ones: what they buy from then on grows from year to year.
    let share = dice.between(0, 999).min(dice.between(0, 999));
    let created = source.start() + (source.now - source.start()) / 1_000 * share + dice.between(0, DAY / 2);
    let address = |dice: &mut super::Dice, number: usize| Address {
        id: source.id("customer address", index * 4 + number),
        company: dice.weighted(&[(9, None), (1, Some("Thistle & Finch LLC"))]),
        phone: phone(dice, home),
        street: street(dice),
        street_2: dice.weighted(&[(7, None), (2, Some("Unit 4")), (1, Some("Suite 210"))]),
        place: if number == 0 { home } else { place(dice, house.country) },
    };
    let addresses = (0..=usize::from(dice.percent(30))).map(|number| address(&mut dice, number)).collect();
    let cards = dice.percent(80).then(|| Card {
        id: source.id("customer credit card", index),
        brand: dice.weighted(&[(5, "Visa"), (3, "MasterCard"), (2, "American Express")]),
        last_four: dice.pick(&["1111", "4242", "5454", "8431", "0005"]),
        expiry_month: dice.between(1, 12),
        expiry_year: dice.between(2026, 2031),
        holder: format!("{first_name} {last_name}"),
    });
    let email = format!("{first_name}.{last_name}.{index}@example.com").to_lowercase();
    let mut emails = vec![email];
    if dice.percent(8) {
        emails.push(format!("{last_name}{index}@work.example.com").to_lowercase());
    }
    let mut tags = Vec::new();
    if home.state == "CA" {
        tags.push(CALIFORNIA_TAG);
    }
    if dice.percent(20) {
        let tag = dice.index(MANUAL_CUSTOMER_TAGS);
        tags.push(tag);
        if dice.percent(15) || index == 0 {
            tags.push(tag);
        }
    }
    Customer {
        id: source.id("customer", index),
        index,
        honorific: dice.weighted(&[(6, None), (2, Some("Ms")), (2, Some("Mr")), (1, Some("Dr"))]),
        first_name,
        last_name,
        birth_date: dice.percent(60).then(|| date(source.now - dice.between(22 * 366, 80 * 365) * DAY)),
        place: home,
        addresses,
        cards: cards.into_iter().collect(),
        created,
        phones: (0..dice.weighted(&[(1, 0), (8, 1), (1, 2)])).map(|_| phone(&mut dice, home)).collect(),
        emails,
        marketing: dice.weighted(&[(5, Some("Subscribed")), (2, Some("Unsubscribed")), (2, None)]),
        tags,
        has_account: dice.percent(40),
        acquisition_channel: dice.weighted(&[
            (5, Some("Web")),
            (3, Some("POS")),
            (1, Some("Inbound")),
            (1, None),
        ]),
        seed_amount: if dice.percent(10) { dice.between(10, 900) * 100 } else { 0 },
    }
}

impl Customer {
    /// The address parcels go to.
    pub fn address(&self) -> Option<&Address> {
        self.addresses.first()
    }

    /// As `GET /customer/{id}` answers (facts 6.3).
    pub fn object(&self, house: &House, memberships: &[Membership], history: &History) -> Value {
        let source = &house.source;
        let mut dice = source.dice("customer text", self.index);
        let last_activity = history.last_activity.unwrap_or(self.created).max(self.created);
        let mut tags: Vec<Value> = self.tags.iter().map(|tag| house.tag(*tag)).collect();
        if dice.percent(3) {
            tags.reverse();
        }
        json!({
            "id": self.id,
            "avatar": dice.weighted(&[(4, None), (1, Some("https://images.example.com/avatars/grape.png"))]),
            "honorific": self.honorific,
            "firstName": self.first_name,
            "lastName": self.last_name,
            "birthDate": self.birth_date,
            "city": self.place.city,
            "stateCode": self.place.state,
            "zipCode": self.place.postal_code,
            "countryCode": self.place.country,
            "emailMarketingStatus": self.marketing,
            "lastActivityDate": timestamp(last_activity),
            "metaData": self.meta_data(&mut dice),
            "appData": if dice.percent(10) { json!({"cellar-club-insights": {"segment": "Casual Buyer"}}) } else { Value::Null },
            "appSync": null,
            "flags": dice.percent(5).then(|| json!([{
                "id": source.id("customer flag", self.index),
                "content": "Prefers to be called in the afternoon",
            }])).unwrap_or(json!([])),
            "notifications": history.pickups.iter().map(|(order, number)| json!({
                "id": source.id("notification", usize::try_from(*number).unwrap_or_default()),
                "data": null,
                "type": "Order To Be Picked Up",
                "content": format!("Order #{number} is awaiting pickup."),
                "objectId": order,
            })).collect::<Vec<_>>(),
            "createdAt": timestamp(self.created),
            "updatedAt": timestamp(last_activity),
            "orderInformation": self.order_information(house, memberships, history, &mut dice),
            "loyalty": self.loyalty(house, memberships, history),
            "emails": self.emails.iter().enumerate().map(|(number, email)| json!({
                "id": source.id("email", self.index * 4 + number),
                "email": email,
                "status": if self.index % 37 == 36 { "Bounced" } else { "Ok" },
            })).collect::<Vec<_>>(),
            "phones": self.phones.iter().enumerate().map(|(number, phone)| json!({
                "id": source.id("phone", self.index * 4 + number),
                "phone": phone,
            })).collect::<Vec<_>>(),
            "tags": tags,
            "groups": tags,
            "clubs": self.memberships(memberships).map(|membership| membership.of_customer(house)).collect::<Vec<_>>(),
            "products": history.products,
            "hasAccount": self.has_account,
            "loginActivity": {
                "lastLoginAt": self.has_account.then(|| timestamp(last_activity)),
                "loginIP": self.has_account.then(|| ip_address(&mut dice)),
                "lastLogoutAt": self.has_account.then(|| timestamp(last_activity)),
            },
        })
    }

    /// The customer's own of all memberships, which are in the order of customers.
    fn memberships<'a>(&self, memberships: &'a [Membership]) -> impl Iterator<Item = &'a Membership> {
        let first = memberships.partition_point(|membership| membership.customer < self.index);
        memberships.iter().skip(first).take_while(|membership| membership.customer == self.index)
    }

    fn meta_data(&self, dice: &mut super::Dice) -> Value {
        match dice.below(3) {
            0 => Value::Null,
            1 => json!({"favourite-varietal": "Pinot Noir", "has-visited-the-winery": false}),
            _ => {
                json!({"favourite-varietal": null, "has-visited-the-winery": true, "vip-code": self.index + 10_000})
            }
        }
    }

    fn order_information(
        &self,
        house: &House,
        memberships: &[Membership],
        history: &History,
        dice: &mut super::Dice,
    ) -> Value {
        let current = self.memberships(memberships).find(|membership| membership.status != Status::Cancelled);
        let days = |membership: &Membership| (house.source.now - membership.signup) / DAY;
        let days_in_club: i64 = self
            .memberships(memberships)
            .map(|membership| (membership.cancel.unwrap_or(house.source.now) - membership.signup) / DAY)
            .sum();
        let yearly: Map<String, Value> =
            history.yearly.iter().map(|(year, value)| (year.to_string(), Value::from(*value))).collect();
        json!({
            "currentWebCartId": history.cart,
            "lastOrderId": history.last.map(|(id, _)| id),
            "lastOrderDate": history.last.map(|(_, at)| timestamp(at)),
            "orderCount": history.order_count,
            "lifetimeValue": history.lifetime + self.seed_amount,
            "lifetimeValueSeedAmount": self.seed_amount,
            "yearlyValue": yearly,
            "rank": dice.between(1, 100),
            "rankTrend": dice.weighted(&[(3, None), (1, Some("Up")), (1, Some("Down"))]),
            "grossProfit": history.gross_profit,
            "acquisitionChannel": self.acquisition_channel,
            "currentClubTitle": current.and_then(|membership| membership.club(house)).map(|club| club.title),
            "daysInCurrentClub": current.map(days),
            "daysInClub": days_in_club,
            "isActiveClubMember": current.is_some_and(|membership| membership.status == Status::Active),
        })
    }

    fn loyalty(&self, house: &House, memberships: &[Membership], history: &History) -> Value {
        let year = date(house.source.now).get(..4).and_then(|year| year.parse().ok()).unwrap_or_default();
        let is_gold = history.yearly.get(&year).is_some_and(|value| *value >= 100_000);
        let is_member = self.memberships(memberships).any(|membership| membership.status == Status::Active);
        let tier = if is_gold {
            0
        } else if is_member {
            1
        } else {
            2
        };
        json!({
            "tier": TIERS.get(tier).map(|(title, ..)| title),
            "loyaltyTierId": house.source.id("loyalty tier", tier),
            "points": history.points.max(0),
        })
    }

    /// The rows of `/customer/{id}/address` (facts 6.4).
    pub fn address_objects(&self) -> impl Iterator<Item = Value> {
        self.addresses.iter().enumerate().map(|(number, address)| {
            json!({
                "id": address.id,
                "customerId": self.id,
                "birthDate": self.birth_date,
                "honorific": self.honorific,
                "firstName": self.first_name,
                "lastName": self.last_name,
                "company": address.company,
                "phone": address.phone,
                "address": address.street,
                "address2": address.street_2,
                "city": address.place.city,
                "stateCode": address.place.state,
                "zipCode": address.place.postal_code,
                "countryCode": address.place.country,
                "isDefault": number == 0,
                "metaData": null,
                "appData": null,
                "appSync": null,
                "createdAt": timestamp(self.created),
                "updatedAt": timestamp(self.created),
            })
        })
    }

    /// The rows of `/customer/{id}/credit-card` (facts 6.5).
    pub fn card_objects(&self) -> impl Iterator<Item = Value> {
        self.cards.iter().enumerate().map(|(number, card)| {
            json!({
                "id": card.id,
                "cardBrand": card.brand,
                "gateway": "Stripe",
                "maskedCardNumber": format!("************{}", card.last_four),
                "bin": null,
                "expiryMo": card.expiry_month,
                "expiryYr": card.expiry_year,
                "cardHolderName": card.holder,
                "tokenOnFile": card.id,
                "customerId": self.id,
                "isDefault": number == 0,
                "lastCCAUUpdatedDate": null,
                "createdAt": timestamp(self.created),
                "updatedAt": timestamp(self.created),
            })
        })
    }
}
