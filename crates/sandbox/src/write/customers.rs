//! Customers, their addresses and their cards on file (facts 6.3 to 6.5).

use serde_json::{Value, json};

use super::schema::{
    APP_DATA, Access, CREATED_AT, Default, Field, META_DATA, Shape, UPDATED_AT, boolean, check, count, date,
    given, id, list, object, references, shaped, text, word,
};
use super::{Change, Draft, Object, Resource, Written, into_object, is_true, rows, text as text_of};
use crate::http::errors::ApiError;
use crate::kind::Kind;

const HONORIFICS: &[&str] = &["Mr", "Ms", "Dr"];
const MARKETING: &[&str] = &["Subscribed", "Unsubscribed"];

const FLAGS: &[Field] = &[id("id"), text("content").required()];
const EMAILS: &[Field] =
    &[id("id"), shaped("email", Shape::Email).required(), given("status").or(Default::Text("Ok"))];
const PHONES: &[Field] = &[id("id"), text("phone").required()];

/// Read only but for these two, in a new customer (facts 10).
const ORDER_INFORMATION: &[Field] = &[
    given("currentWebCartId"),
    given("lastOrderId"),
    given("lastOrderDate"),
    given("orderCount").or(Default::Number(0)),
    given("lifetimeValue").or(Default::Number(0)),
    count("lifetimeValueSeedAmount").only(Access::Create).or(Default::Number(0)),
    given("yearlyValue"),
    given("rank"),
    given("rankTrend"),
    given("grossProfit").or(Default::Number(0)),
    word("acquisitionChannel", &["Web", "POS", "Inbound", "Club"]).only(Access::Create),
    given("currentClubTitle"),
    given("daysInCurrentClub"),
    given("daysInClub").or(Default::Number(0)),
    given("isActiveClubMember").or(Default::False),
];

const FIELDS: &[Field] = &[
    given("id"),
    given("avatar"),
    word("honorific", HONORIFICS),
    text("firstName"),
    text("lastName"),
    date("birthDate"),
    text("city"),
    text("stateCode"),
    text("zipCode"),
    text("countryCode"),
    word("emailMarketingStatus", MARKETING),
    given("lastActivityDate").or(Default::Now),
    META_DATA,
    APP_DATA,
    given("appSync"),
    list("flags", FLAGS),
    given("notifications").or(Default::Empty),
    CREATED_AT,
    UPDATED_AT,
    object("orderInformation", ORDER_INFORMATION).only(Access::Create),
    given("loyalty"),
    list("emails", EMAILS).required(),
    list("phones", PHONES),
    references("tags", Kind::Tag),
    given("groups").or(Default::Empty),
    given("clubs").or(Default::Empty),
    given("products").or(Default::Empty),
    given("hasAccount").or(Default::False),
    given("loginActivity"),
];

pub(super) static CUSTOMER: Resource =
    Resource::new(Kind::Customer, FIELDS).complete(complete_customer).removed(customer_removed);

fn complete_customer(change: &mut Change<'_>, draft: &mut Draft) -> Result<(), ApiError> {
    // Custom fields are merged: what is not sent stays (facts 1).
    let old = draft.old.as_ref().and_then(|old| old.get("metaData")).and_then(Value::as_object);
    if let (Some(old), Some(sent)) = (old, draft.body.get("metaData").and_then(Value::as_object)) {
        let mut merged = old.clone();
        merged.extend(sent.clone());
        draft.set("metaData", merged);
    }
    let emails: Vec<&str> = rows(&draft.new, "emails").map(|row| text_of(row, "email")).collect();
    if emails.is_empty() {
        return Err(ApiError::invalid_element("emails", "must NOT have fewer than 1 items"));
    }
    let repeated = |at: usize, email: &str| {
        emails.iter().take(at).any(|earlier| earlier.eq_ignore_ascii_case(email))
            || change.is_taken(Kind::Customer, "emails[].email", email, draft.id())
    };
    if draft.body.contains_key("emails") && emails.iter().enumerate().any(|(at, email)| repeated(at, email)) {
        return Err(ApiError::not_unique());
    }
    // A phone is read by the country that comes with it (facts 6.3).
    let has_phone = draft.body.get("phones").and_then(Value::as_array).is_some_and(|rows| !rows.is_empty());
    if has_phone && text_of(&draft.new, "countryCode").is_empty() {
        return Err(ApiError::invalid_element("countryCode", "required"));
    }
    super::tags::check_tags(draft, "Customer")?;
    let tags = draft.new.get("tags").cloned().unwrap_or(json!([]));
    draft.set("groups", tags);
    if draft.is_new() {
        let base = change.collections.values(Kind::LoyaltyTier).find(|tier| is_true(tier, "isBaseTier"));
        if let Some(tier) = base {
            let loyalty = json!({"tier": tier.get("title"), "loyaltyTierId": tier.get("id"), "points": 0});
            draft.set("loyalty", loyalty);
        }
        draft.set("loginActivity", json!({"lastLoginAt": null, "loginIP": null, "lastLogoutAt": null}));
        if let Some(Value::Object(figures)) = draft.new.get_mut("orderInformation") {
            let seed = figures.get("lifetimeValueSeedAmount").cloned().unwrap_or(json!(0));
            figures.insert("lifetimeValue".to_owned(), seed);
            figures.insert("yearlyValue".to_owned(), json!({}));
        }
    }
    Ok(())
}

/// Orders stay, without their customer; what is the customer's alone goes.
fn customer_removed(change: &mut Change<'_>, customer: &Object) {
    for kind in [Kind::CustomerAddress, Kind::CustomerCreditCard, Kind::ClubMembership, Kind::Note] {
        for id in change.collections.ids_with(kind, "customerId", text_of(customer, "id")) {
            change.discard(kind, &id.to_string());
        }
    }
}

const ADDRESS_FIELDS: &[Field] = &[
    given("id"),
    given("customerId"),
    date("birthDate"),
    word("honorific", HONORIFICS),
    text("firstName").required(),
    text("lastName").required(),
    text("company"),
    text("phone"),
    text("address").required(),
    text("address2"),
    text("city").required(),
    text("stateCode"),
    text("zipCode").required(),
    text("countryCode").required(),
    boolean("isDefault"),
    META_DATA,
    APP_DATA,
    given("appSync"),
    CREATED_AT,
    UPDATED_AT,
];

pub(super) static ADDRESS: Resource = Resource::new(Kind::CustomerAddress, ADDRESS_FIELDS)
    .complete(|change, draft| complete_of_customer(change, draft, Kind::CustomerAddress))
    .settle(|change, draft| settle_default(change, draft, Kind::CustomerAddress))
    .removed(|change, gone| default_removed(change, gone, Kind::CustomerAddress));

const CARD_FIELDS: &[Field] = &[
    given("id"),
    word(
        "cardBrand",
        &[
            "Visa",
            "American Express",
            "MasterCard",
            "Discover",
            "JCB",
            "Diners Club",
            "UnionPay",
            "Maestro",
            "Unknown",
        ],
    )
    .required(),
    word(
        "gateway",
        &[
            "No Gateway",
            "Commerce7Payments",
            "Stripe",
            "PayGate",
            "USAePay",
            "CardConnect",
            "Payment Express",
            "Poynt",
        ],
    )
    .required(),
    text("maskedCardNumber").required(),
    given("bin"),
    count("expiryMo").required(),
    count("expiryYr").required(),
    text("cardHolderName"),
    text("tokenOnFile").required(),
    given("customerId"),
    boolean("isDefault"),
    given("lastCCAUUpdatedDate"),
    CREATED_AT,
    UPDATED_AT,
];

pub(super) static CARD: Resource = Resource::new(Kind::CustomerCreditCard, CARD_FIELDS)
    .complete(|change, draft| complete_of_customer(change, draft, Kind::CustomerCreditCard))
    .settle(|change, draft| settle_default(change, draft, Kind::CustomerCreditCard))
    .removed(|change, gone| default_removed(change, gone, Kind::CustomerCreditCard));

fn siblings(change: &Change<'_>, kind: Kind, object: &Object) -> Vec<Object> {
    let ids = change.collections.ids_with(kind, "customerId", text_of(object, "customerId"));
    let own = text_of(object, "id");
    ids.iter()
        .map(ToString::to_string)
        .filter(|id| id != own)
        .filter_map(|id| change.collections.value(kind, &id))
        .collect()
}

/// The first one is the default (facts 6.4), and there is always one.
fn complete_of_customer(change: &mut Change<'_>, draft: &mut Draft, kind: Kind) -> Result<(), ApiError> {
    let others = siblings(change, kind, &draft.new);
    if !others.iter().any(|other| is_true(other, "isDefault")) {
        draft.set("isDefault", true);
    }
    Ok(())
}

fn settle_default(change: &mut Change<'_>, draft: &Draft, kind: Kind) {
    if is_true(&draft.new, "isDefault") {
        for mut other in siblings(change, kind, &draft.new) {
            if is_true(&other, "isDefault") {
                other.insert("isDefault".to_owned(), json!(false));
                change.save(kind, other);
            }
        }
    }
}

fn default_removed(change: &mut Change<'_>, gone: &Object, kind: Kind) {
    if is_true(gone, "isDefault") {
        let oldest = siblings(change, kind, gone)
            .into_iter()
            .min_by_key(|other| (text_of(other, "createdAt").to_owned(), text_of(other, "id").to_owned()));
        if let Some(mut oldest) = oldest {
            oldest.insert("isDefault".to_owned(), json!(true));
            change.save(kind, oldest);
        }
    }
}

/// `POST /customer-address`: the customer's fields and those of a first address in one flat body.
const WITH_ADDRESS: &[Field] = &[
    word("honorific", HONORIFICS),
    text("firstName").required(),
    text("lastName").required(),
    text("company"),
    text("address").required(),
    text("address2"),
    text("city").required(),
    text("stateCode"),
    text("zipCode").required(),
    text("countryCode").required(),
    text("phone"),
    word("emailMarketingStatus", MARKETING),
    date("birthDate"),
    META_DATA,
    APP_DATA,
    list("flags", FLAGS),
    list("emails", EMAILS).required(),
    list("phones", PHONES),
    references("tags", Kind::Tag),
    object("orderInformation", ORDER_INFORMATION),
];

/// Creates a customer and its default address (facts 5.1); answers the customer.
pub(super) fn create_with_address(change: &mut Change<'_>, body: Value) -> Result<Written, ApiError> {
    check(WITH_ADDRESS, &body, true)?;
    let body = into_object(body);
    let of = |fields: &[Field], leave: &[&str]| -> Object {
        let wanted = |name: &str| fields.iter().any(|field| field.name == name) && !leave.contains(&name);
        body.iter()
            .filter(|(name, _)| wanted(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    };
    let customer = change.create(&CUSTOMER, &[], of(FIELDS, &[]))?;
    let mut address = of(ADDRESS_FIELDS, &["metaData", "appData"]);
    if address.get("phone").is_none_or(Value::is_null) {
        let phone = rows(&body, "phones").next().and_then(|row| row.get("phone")).cloned();
        address.insert("phone".to_owned(), phone.unwrap_or_default());
    }
    change.create(&ADDRESS, &[("customerId", json!(customer))], address)?;
    Ok(change.answer(201, Kind::Customer, &customer))
}
