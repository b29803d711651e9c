//! Gift cards and what is spent of them (facts 6.13).

use serde_json::{Value, json};

use super::schema::{
    Access, CREATED_AT, Default, Field, Shape, UPDATED_AT, check, count, given, integer, moment, of, shaped,
    text, word,
};
use super::{Change, Resource, Written, into_object, number, text as text_of};
use crate::http::errors::ApiError;
use crate::kind::Kind;

const FIELDS: &[Field] = &[
    given("id"),
    text("title").required(),
    word("type", &["Virtual", "Physical"]).required().only(Access::Create),
    word("status", &["Active", "Cancelled"]).or(Default::Text("Active")),
    given("giftCardNumber"),
    text("code").only(Access::Create),
    count("initialAmount").required().only(Access::Create),
    given("currentBalance"),
    moment("expiryDate"),
    shaped("recipientEmail", Shape::Email).only(Access::Create),
    text("fromName").only(Access::Create),
    text("giftMessage").only(Access::Create),
    text("notes"),
    given("productId"),
    given("purchasedOnOrderId"),
    given("purchasedOnOrderNumber"),
    of("customerId", Kind::Customer),
    CREATED_AT,
    UPDATED_AT,
    given("customer"),
];

pub(super) static GIFT_CARD: Resource = Resource::new(Kind::GiftCard, FIELDS).complete(|change, draft| {
    if draft.is_new() {
        let code = change.dice().code(16);
        draft.set_default("code", code);
        if change.is_taken(Kind::GiftCard, "code", text_of(&draft.new, "code"), draft.id()) {
            return Err(ApiError::not_unique());
        }
        draft.set("giftCardNumber", change.next_number(Kind::GiftCard, "giftCardNumber"));
        draft.set("currentBalance", number(&draft.new, "initialAmount"));
    }
    Ok(())
});

const TRANSACTION: &[Field] = &[integer("amount").required(), of("giftCardId", Kind::GiftCard).required()];

/// `POST /gift-card-transaction`: the amount is signed; no card goes below nothing. What it answers is not known.
pub(super) fn transact(change: &mut Change<'_>, body: Value) -> Result<Written, ApiError> {
    check(TRANSACTION, &body, true)?;
    let body = into_object(body);
    let card = text_of(&body, "giftCardId");
    let mut card = change.collections.value(Kind::GiftCard, card).ok_or_else(ApiError::not_found)?;
    let amount = number(&body, "amount");
    let balance = number(&card, "currentBalance").saturating_add(amount);
    if balance < 0 {
        return Err(ApiError::rule("Not enough balance on the gift card"));
    }
    card.insert("currentBalance".to_owned(), balance.into());
    let id = change.new_id().to_string();
    let moment = change.moment();
    let transaction = json!({
        "id": id,
        "giftCardId": card.get("id"),
        "amount": amount,
        "transactionDate": moment,
        "createdAt": moment,
        "updatedAt": moment,
    });
    change.save(Kind::GiftCard, card);
    Ok(Written { status: 201, body: Some(transaction.to_string().into_bytes()), id: Some(id) })
}
