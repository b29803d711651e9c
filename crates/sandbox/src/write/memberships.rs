//! Club memberships, clubs and their packages (facts 6.8 to 6.10). A membership's status follows from its dates: cancelled
//! once its `cancelDate` is there, on hold while a hold runs, active otherwise.

use serde_json::{Value, json};

use super::catalog::SEO;
use super::schema::{
    APP_DATA, Access, CREATED_AT, Default, Field, META_DATA, Shape, UPDATED_AT, boolean, command, given,
    html, id, list, moment, object, of, references, shaped, text, word,
};
use super::{Change, Draft, Object, Resource, figures, rows, slug, text as text_of};
use crate::generate::{DAY, timestamp};
use crate::http::errors::ApiError;
use crate::http::filters;
use crate::kind::Kind;

const CANCELLATIONS: &[&str] = &[
    "Too much wine",
    "Financial reasons",
    "Health reasons",
    "Pregnant",
    "Moving",
    "Switching to another club",
    "Other",
];

/// The members of a hold are not documented but for its reason.
const HOLDS: &[Field] = &[
    id("id"),
    moment("startDate"),
    moment("endDate"),
    word("holdReason", &["Too much wine", "Financial reasons", "Health reasons", "Away from home", "Other"]),
];

const SUBSCRIPTION: &[Field] = &[shaped("frequency", Shape::TextOrNumber), moment("nextProcessDate")];

const FIELDS: &[Field] = &[
    given("id"),
    given("status").or(Default::Text("Active")),
    of("customerId", Kind::Customer).required().only(Access::Create),
    of("clubId", Kind::Club).required(),
    of("billToCustomerAddressId", Kind::CustomerAddress),
    word("orderDeliveryMethod", &["Ship", "Pickup"]).required(),
    of("shipToCustomerAddressId", Kind::CustomerAddress),
    of("pickupInventoryLocationId", Kind::InventoryLocation),
    of("customerCreditCardId", Kind::CustomerCreditCard),
    moment("signupDate").required(),
    moment("cancelDate"),
    word("cancellationReason", CANCELLATIONS),
    given("lastProcessedDate"),
    given("currentNumberOfShipments").or(Default::Number(0)),
    object("subscription", SUBSCRIPTION).or(Default::Null),
    META_DATA,
    APP_DATA,
    given("appSync"),
    object("salesAssociate", &[id("accountId"), text("name")]).or(Default::Null),
    references("tags", Kind::Tag),
    CREATED_AT,
    UPDATED_AT,
    given("customer"),
    given("club"),
    list("onHolds", HOLDS),
    command("isSendEmailConfirmation"),
    command("isSendTransactionEmail"),
];

pub(super) static MEMBERSHIP: Resource = Resource::new(Kind::ClubMembership, FIELDS)
    .complete(complete_membership)
    .settle(|change, draft| figures::refresh(change, text_of(&draft.new, "customerId")))
    .removed(|change, gone| figures::refresh(change, text_of(gone, "customerId")));

fn complete_membership(change: &mut Change<'_>, draft: &mut Draft) -> Result<(), ApiError> {
    super::tags::check_tags(draft, "ClubMembership")?;
    let club = change.collections.value(Kind::Club, text_of(&draft.new, "clubId")).unwrap_or_default();
    // As the membership is kept: with its club's title, for `q`.
    draft.set("club", json!({"title": club.get("title")}));
    draft.set("customer", Value::Null);
    let is_subscription = text_of(&club, "type") == "Subscription";
    if !is_subscription {
        draft.set("subscription", Value::Null);
    } else if draft.new.get("subscription").is_none_or(Value::is_null) {
        // The first shipment goes out two days after signing up (facts 6.26).
        let signup = filters::moment(text_of(&draft.new, "signupDate")).unwrap_or(change.now);
        draft.set("subscription", json!({"frequency": "1", "nextProcessDate": timestamp(signup + 2 * DAY)}));
    }
    for field in ["billToCustomerAddressId", "shipToCustomerAddressId", "customerCreditCardId"] {
        let kind = if field.ends_with("CardId") { Kind::CustomerCreditCard } else { Kind::CustomerAddress };
        if let Some(object) = change.collections.value(kind, text_of(&draft.new, field))
            && object.get("customerId") != draft.new.get("customerId")
        {
            return Err(ApiError::invalid_element(field, "does not exist"));
        }
    }
    if text_of(&draft.new, "cancelDate").is_empty() {
        draft.set("cancellationReason", Value::Null);
    }
    let status = status(&draft.new, change.now);
    draft.set("status", status);
    Ok(())
}

fn status(membership: &Object, now: i64) -> &'static str {
    let date = |object: &Object, field: &str| filters::moment(text_of(object, field));
    let runs = |hold: &Object| {
        date(hold, "startDate").is_none_or(|start| start <= now)
            && date(hold, "endDate").is_none_or(|end| end > now)
    };
    if date(membership, "cancelDate").is_some() {
        "Cancelled"
    } else if rows(membership, "onHolds").any(runs) {
        "On Hold"
    } else {
        "Active"
    }
}

const STATUSES: &[&str] = &["Available", "Not Available"];

const CLUB_FIELDS: &[Field] = &[
    given("id"),
    text("title").required(),
    word("type", &["Traditional", "Subscription"]).required(),
    text("image"),
    html("content"),
    html("emailInstructions"),
    // The older form of the statuses (facts 6.8).
    moment("publishDate").or(Default::Absent),
    word("webStatus", STATUSES).or(Default::Text("Not Available")),
    word("adminStatus", STATUSES).or(Default::Text("Available")),
    text("slug"),
    boolean("allowCustomersToCancel"),
    CREATED_AT,
    UPDATED_AT,
    object("seo", SEO),
];

pub(super) static CLUB: Resource = Resource::new(Kind::Club, CLUB_FIELDS).complete(|_, draft| {
    let slug = slug(text_of(&draft.new, "title"));
    draft.set_default("slug", slug);
    Ok(())
});

const PACKAGE_FIELDS: &[Field] = &[
    // Made in the admin; the API changes these two (facts 5.5).
    word("status", &["Draft", "Planning", "Active", "Archived"]),
    object(
        "email",
        &[moment("twoWeekSendDate"), moment("twoDaySendDate"), boolean("isSendCreditCardDecline")],
    ),
];

pub(super) static PACKAGE: Resource =
    Resource::new(Kind::ClubPackage, PACKAGE_FIELDS).only(false, true, false);
