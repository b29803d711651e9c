//! Loyalty tiers and points given by hand (facts 6.22).

use serde_json::Value;

use super::schema::{
    CREATED_AT, Default, Field, Shape, UPDATED_AT, count, given, integer, of, references, shaped, text, word,
};
use super::{Resource, figures, text as text_of};
use crate::kind::Kind;

const TIER_FIELDS: &[Field] = &[
    given("id"),
    text("title").required(),
    given("isBaseTier").or(Default::False),
    word("qualificationType", &["Lifetime Value", "Yearly Value", "Club"]).required(),
    count("lifetimeValueToQualify").or(Default::Absent),
    count("yearlyValueToQualify").or(Default::Absent),
    shaped("earnRate", Shape::Number).required(),
    integer("sortOrder").or(Default::Number(0)),
    CREATED_AT,
    UPDATED_AT,
    references("clubsToQualify", Kind::Club).or(Default::Absent),
];

pub(super) static TIER: Resource = Resource::new(Kind::LoyaltyTier, TIER_FIELDS);

const TRANSACTION_FIELDS: &[Field] = &[
    given("id"),
    of("customerId", Kind::Customer).required(),
    given("transactionDate").or(Default::Now),
    given("transactionType").or(Default::Text("Manual")),
    given("orderId"),
    given("orderNumber"),
    given("transactionDetails"),
    text("notes"),
    integer("amount").required(),
    given("amountRedeemed"),
    CREATED_AT,
    UPDATED_AT,
    given("customer"),
];

pub(super) static TRANSACTION: Resource = Resource::new(Kind::LoyaltyTransaction, TRANSACTION_FIELDS)
    .only(true, false, false)
    .complete(|_, draft| {
        let notes = draft.new.get("notes").and_then(Value::as_str).unwrap_or("Manual").to_owned();
        draft.set("transactionDetails", notes);
        Ok(())
    })
    .settle(|change, draft| figures::refresh(change, text_of(&draft.new, "customerId")));
