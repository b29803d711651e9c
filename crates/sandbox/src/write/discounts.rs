//! Coupons and promotions as Commerce7 takes them today (facts 12): the fields of 2018, which the docs still print, are
//! additional properties.

use serde_json::{Value, json};

use super::schema::{
    CREATED_AT, Default, Field, Shape, UPDATED_AT, check, count, given, id, references, shaped, text, word,
};
use super::{Change, Draft, Object, Resource, Written, into_object, text as text_of};
use crate::http::errors::ApiError;
use crate::kind::Kind;

const APPLIES_TO: &[&str] = &["Store", "Product", "Collection", "Department", "None"];

/// The fields of both, in the order of answers; `$first` are those before `title`.
macro_rules! discount {
    ($($first:expr),*) => {
        &[
            given("id"),
            $($first,)*
            text("title").required(),
            text("actionMessage"),
            word("type", &["Product", "Shipping"]).required(),
            word("discountType", &["Percentage Off", "Dollar Off"]).required(),
            count("discount").required(),
            word("dollarOffDiscountApplies", &["Once Per Order", "Each Item", "All Items"])
                .or(Default::Text("Once Per Order")),
            word("status", &["Enabled", "Disabled"]).or(Default::Text("Enabled")),
            word("usageLimitType", &["Unlimited", "Per Store", "Per Customer"]).or(Default::Text("Unlimited")),
            count("usageLimit"),
            word("appliesTo", APPLIES_TO).or(Default::Text("Store")),
            shaped("appliesToObjectIds", Shape::Texts),
            word("excludes", APPLIES_TO),
            shaped("excludeObjectIds", Shape::Texts),
            word("cartRequirementType", &["None", "Minimum Purchase Amount", "Minimum Quantity"])
                .or(Default::Text("None")),
            count("cartRequirement"),
            count("cartRequirementMaximum"),
            word("cartRequirementCountType", &["All Items", "Only Items In Discount"])
                .or(Default::Text("All Items")),
            text("cartContainsType").or(Default::Text("Anything")),
            shaped("cartContainsObjectIds", Shape::Texts),
            text("availableTo").or(Default::Text("Everyone")),
            shaped("availableToObjectIds", Shape::Texts),
            shaped("clubFrequencies", Shape::Any).or(Default::Empty),
            shaped("channels", Shape::Texts).or(Default::Texts(&["All"])),
            sets(),
            given("usageCount").or(Default::Number(0)),
            shaped("startDate", Shape::Minute),
            shaped("endDate", Shape::Minute),
            CREATED_AT,
            UPDATED_AT,
        ]
    };
}

/// Kept as `[{id}]`.
const fn sets() -> Field {
    Field {
        shape: Shape::References { kind: Kind::PromotionSet, whole: false },
        ..references("promotionSets", Kind::PromotionSet)
    }
}

const COUPON_FIELDS: &[Field] = discount!(text("code").required());
const PROMOTION_FIELDS: &[Field] = discount!();

pub(super) static COUPON: Resource = Resource::new(Kind::Coupon, COUPON_FIELDS).complete(|change, draft| {
    // Whatever the case (facts 12).
    if change.is_taken(Kind::Coupon, "code", text_of(&draft.new, "code"), draft.id()) {
        return Err(ApiError::not_unique());
    }
    complete_discount(change, draft)
});

pub(super) static PROMOTION: Resource =
    Resource::new(Kind::Promotion, PROMOTION_FIELDS).complete(complete_discount);

fn complete_discount(change: &mut Change<'_>, draft: &mut Draft) -> Result<(), ApiError> {
    let minute = crate::generate::timestamp(change.now - change.now.rem_euclid(60_000));
    draft.set_default("startDate", minute);
    Ok(())
}

const SET_FIELDS: &[Field] = &[given("id"), text("title").required(), CREATED_AT, UPDATED_AT];

pub(super) static PROMOTION_SET: Resource =
    Resource::new(Kind::PromotionSet, SET_FIELDS).removed(|change, gone| {
        let place = (Kind::Promotion, "promotionSets[].id", "promotionSets");
        super::spread(change, place, text_of(gone, "id"), None);
    });

const PLACE: &[Field] = &[id("promotionId").required(), id("promotionSetId").required()];

/// `POST` and `DELETE /promotion-set-x-promotion`. What they answer is not known; here as tags do.
pub(super) fn place(change: &mut Change<'_>, body: Value, is_in: bool) -> Result<Written, ApiError> {
    check(PLACE, &body, true)?;
    let body: Object = into_object(body);
    let (promotion, set) = (text_of(&body, "promotionId"), text_of(&body, "promotionSetId"));
    let found = change.collections.value(Kind::Promotion, promotion);
    let mut object = found
        .filter(|_| change.collections.contains(Kind::PromotionSet, set))
        .ok_or_else(ApiError::not_found)?;
    let mut sets = object.get("promotionSets").and_then(Value::as_array).cloned().unwrap_or_default();
    let before = sets.len();
    sets.retain(|row| row.get("id").and_then(Value::as_str) != Some(set));
    if !is_in && sets.len() == before {
        return Err(ApiError::not_found());
    }
    if is_in {
        sets.push(json!({"id": set}));
    }
    object.insert("promotionSets".to_owned(), json!(sets));
    change.save(Kind::Promotion, object);
    if !is_in {
        return Ok(Written { status: 204, body: None, id: Some(promotion.to_owned()) });
    }
    let id = change.new_id().to_string();
    let moment = change.moment();
    let relation = json!({
        "promotionId": promotion,
        "promotionSetId": set,
        "id": id,
        "updatedAt": moment,
        "createdAt": moment,
    });
    Ok(Written { status: 201, body: Some(relation.to_string().into_bytes()), id: Some(id) })
}
