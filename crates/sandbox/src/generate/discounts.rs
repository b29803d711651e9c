//! Promotions and coupons, with the schema that Commerce7 takes since 2026 (facts 12).

use serde_json::{Value, json};

use super::dice::{DAY, timestamp};
use super::house::House;

/// A promotion or a coupon.
#[derive(Debug, PartialEq)]
pub(crate) struct Discount {
    /// Place among all, for its id.
    pub index: usize,
    pub title: &'static str,
    /// A coupon's code; promotions have none.
    pub code: Option<&'static str>,
    pub amount: Amount,
    /// Cents that the goods must come to.
    pub minimum: Option<i64>,
    available_to: &'static str,
    action_message: Option<&'static str>,
    usage_limit: Option<i64>,
    /// Days before now on which it begins and ends; for ever where absent.
    pub days: Option<(i64, i64)>,
}

/// What a discount takes off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Amount {
    /// Hundredths of a percent of the goods.
    Percentage(i64),
    /// Cents, once an order.
    Dollars(i64),
    /// Hundredths of a percent of the freight.
    Freight(i64),
}

/// For members, on wine.
pub(crate) static CLUB_DISCOUNT: Discount = Discount {
    index: 0,
    title: "Club Discount",
    code: None,
    amount: Amount::Percentage(1_500),
    minimum: None,
    available_to: "Club",
    action_message: Some("Members save 15 %"),
    usage_limit: None,
    days: None,
};

/// For all who buy enough.
pub(crate) static FREE_SHIPPING: Discount = Discount {
    index: 1,
    title: "Free Shipping",
    code: None,
    amount: Amount::Freight(10_000),
    minimum: Some(15_000),
    available_to: "Everyone",
    action_message: None,
    usage_limit: None,
    days: None,
};

/// For all, for a month.
pub(crate) static HARVEST_SALE: Discount = Discount {
    index: 2,
    title: "Harvest Sale",
    code: None,
    amount: Amount::Percentage(1_000),
    minimum: None,
    available_to: "Everyone",
    action_message: Some("10 % off while we press"),
    usage_limit: None,
    days: Some((60, 30)),
};

/// The promotions, by index.
pub(crate) static PROMOTIONS: [&Discount; 3] = [&CLUB_DISCOUNT, &FREE_SHIPPING, &HARVEST_SALE];

/// The coupons; their indexes go on after those of the promotions.
pub(crate) static COUPONS: [Discount; 3] = [
    Discount {
        index: 3,
        title: "$6 Welcome",
        code: Some("WELCOME6"),
        amount: Amount::Dollars(600),
        minimum: None,
        available_to: "Everyone",
        action_message: None,
        usage_limit: None,
        days: None,
    },
    Discount {
        index: 4,
        title: "Friends of the Cellar",
        code: Some("CELLAR125"),
        amount: Amount::Percentage(1_250),
        minimum: Some(5_000),
        available_to: "Everyone",
        action_message: None,
        usage_limit: Some(1_000),
        days: None,
    },
    Discount {
        index: 5,
        title: "Ship on us",
        code: Some("SHIPFREE"),
        amount: Amount::Freight(10_000),
        minimum: None,
        available_to: "Everyone",
        action_message: None,
        usage_limit: None,
        days: None,
    },
];

impl Discount {
    /// The name its id is drawn under.
    pub fn kind(&self) -> &'static str {
        if self.code.is_some() { "coupon" } else { "promotion" }
    }

    /// As `GET /coupon/{id}` and `GET /promotion/{id}` answer.
    pub fn object(&self, house: &House, usage_count: usize) -> Value {
        let source = &house.source;
        let begins = self.days.map_or(source.opening(), |(from, _)| source.now - from * DAY);
        let ends = self.days.map(|(_, to)| source.now - to * DAY);
        let (product_type, discount_type, discount) = match self.amount {
            Amount::Percentage(hundredths) => ("Product", "Percentage Off", hundredths),
            Amount::Dollars(cents) => ("Product", "Dollar Off", cents),
            Amount::Freight(hundredths) => ("Shipping", "Percentage Off", hundredths),
        };
        let clubs: Vec<_> = house.clubs.iter().map(|club| club.id).collect();
        let mut object = json!({
            "id": source.id(self.kind(), self.index),
            "code": self.code,
            "title": self.title,
            "actionMessage": self.action_message,
            "type": product_type,
            "discountType": discount_type,
            "discount": discount,
            "dollarOffDiscountApplies": "Once Per Order",
            "status": "Enabled",
            "usageLimitType": if self.usage_limit.is_some() { "Per Store" } else { "Unlimited" },
            "usageLimit": self.usage_limit,
            "appliesTo": "Store",
            "appliesToObjectIds": null,
            "excludes": null,
            "excludeObjectIds": null,
            "cartRequirementType": if self.minimum.is_some() { "Minimum Purchase Amount" } else { "None" },
            "cartRequirement": self.minimum,
            "cartRequirementMaximum": null,
            "cartRequirementCountType": "All Items",
            "cartContainsType": "Anything",
            "cartContainsObjectIds": null,
            "availableTo": self.available_to,
            "availableToObjectIds": (self.available_to == "Club").then_some(clubs),
            "clubFrequencies": [],
            "channels": ["All"],
            "promotionSets": if self.code.is_none() { json!([{"id": source.id("promotion set", 0)}]) } else { json!([]) },
            "usageCount": usage_count,
            // Aligned to the minute, as Commerce7 keeps them.
            "startDate": timestamp(begins - begins % 60_000),
            "endDate": ends.map(|ends| timestamp(ends - ends % 60_000)),
            "createdAt": timestamp(begins),
            "updatedAt": timestamp(begins),
        });
        if let (None, Some(fields)) = (self.code, object.as_object_mut()) {
            fields.shift_remove("code");
        }
        object
    }
}
