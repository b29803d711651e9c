//! Notes, custom fields, shipping zones, taxes, web-hooks and app syncs (facts 2.5, 6.16 to 6.20, 7.1).

use serde_json::{Value, json};

use super::schema::{
    Access, CREATED_AT, Default, Field, Shape, UPDATED_AT, boolean, check, count, given, html, id, integer,
    list, moment, object, of, shaped, text, word,
};
use super::{Change, Resource, Written, into_object, rows, text as text_of};
use crate::http::errors::ApiError;
use crate::kind::Kind;

const NOTE_FIELDS: &[Field] = &[
    given("id"),
    word("type", &["Note"]).or(Default::Text("Note")),
    moment("noteDate").or(Default::Now),
    html("content").required(),
    of("customerId", Kind::Customer).or(Default::Absent),
    of("orderId", Kind::Order).or(Default::Absent),
    of("clubMembershipId", Kind::ClubMembership).or(Default::Absent),
    CREATED_AT,
    UPDATED_AT,
];

pub(super) static NOTE: Resource = Resource::new(Kind::Note, NOTE_FIELDS);

const META_DATA_FIELDS: &[Field] = &[
    given("id"),
    text("title").required(),
    given("objectType"),
    // Set once (facts 6.18).
    text("code").required().only(Access::Create),
    word(
        "dataType",
        &[
            "Number",
            "String",
            "Date Picker",
            "Yes / No",
            "True / False",
            "Radio",
            "Checkbox",
            "Select",
            "HTML",
            "Integer",
            "TextArea",
        ],
    )
    .required(),
    boolean("isRequired"),
    shaped("options", Shape::Texts).or(Default::Empty),
    integer("sortOrder").or(Default::Number(0)),
    CREATED_AT,
    UPDATED_AT,
];

pub(super) static META_DATA_CONFIG: Resource = Resource::new(Kind::MetaDataConfig, META_DATA_FIELDS)
    .complete(|change, draft| {
        let same = change.collections.ids_with(Kind::MetaDataConfig, "code", text_of(&draft.new, "code"));
        let is_taken = same.iter().filter(|id| id.to_string() != draft.id()).any(|id| {
            let other = change.collections.value(Kind::MetaDataConfig, &id.to_string());
            other.is_some_and(|other| other.get("objectType") == draft.new.get("objectType"))
        });
        if is_taken { Err(ApiError::not_unique()) } else { Ok(()) }
    });

const RATES: &[Field] = &[
    id("id"),
    shaped("toWeight", Shape::Number).required(),
    shaped("price", Shape::Number).required(),
    text("weightUnits").or(Default::Text("Lbs")),
];

const TOP_RATE: &[Field] = &[
    id("id"),
    boolean("isWrapShipping"),
    count("forEveryXWeight"),
    text("weightUnits"),
    shaped("price", Shape::Number),
];

const SERVICES: &[Field] = &[
    id("id"),
    text("title").required(),
    text("code").required(),
    text("carrier"),
    boolean("isActive"),
    boolean("isDefault"),
    integer("sortOrder").or(Default::Number(0)),
    list("rates", RATES),
    object("topRate", TOP_RATE),
];

const SHIPPING_FIELDS: &[Field] = &[
    given("id"),
    text("title").required(),
    CREATED_AT,
    UPDATED_AT,
    list("regions", &[id("id"), text("countryCode").required(), text("stateCode")]),
    list("services", SERVICES),
];

/// That a deletion of these two is answered with an object beside a 204, as the docs say, cannot be: it has no body.
pub(super) static SHIPPING: Resource = Resource::new(Kind::Shipping, SHIPPING_FIELDS);

const TAX_FIELDS: &[Field] = &[
    given("id"),
    text("title").required(),
    text("countryCode").required(),
    text("stateCode"),
    shaped("freight", Shape::Number).or(Default::Number(0)),
    shaped("food", Shape::Number).or(Default::Number(0)),
    shaped("generalMerchandise", Shape::Number).or(Default::Number(0)),
    shaped("wine", Shape::Number).or(Default::Number(0)),
    word("taxCalculation", &["Added", "Instead Of"]).or(Default::Text("Added")),
    CREATED_AT,
    UPDATED_AT,
];

pub(super) static TAX: Resource = Resource::new(Kind::Tax, TAX_FIELDS);

const WEB_HOOK_FIELDS: &[Field] = &[
    given("id"),
    word(
        "object",
        &[
            "Allocation",
            "Cart",
            "Club",
            "Club Package",
            "Club Membership",
            "Collection",
            "Customer",
            "Customer Address",
            "Customer Credit Card",
            "Coupon",
            "Group",
            "Product",
            "Promotion",
            "Order",
            "Reservation",
            "Tag",
            "Transaction Email",
        ],
    )
    .required(),
    word("action", &["Create", "Update", "Bulk Update", "Delete", "Send"]).required(),
    shaped("url", Shape::Https).required(),
    CREATED_AT,
    UPDATED_AT,
];

/// Kept; a second one with the same object, action and address as well (facts 7.1). Nothing is delivered.
pub(super) static WEB_HOOK: Resource = Resource::new(Kind::WebHook, WEB_HOOK_FIELDS);

/// The objects that an app can say its state of, by the words of the call.
const SYNCED: &[(&str, Kind)] = &[
    ("Order", Kind::Order),
    ("Customer", Kind::Customer),
    ("Customer Address", Kind::CustomerAddress),
    ("Club Membership", Kind::ClubMembership),
    ("Product", Kind::Product),
    ("Reservation", Kind::Reservation),
];

const SYNC: &[Field] = &[
    word(
        "objectType",
        &["Order", "Customer", "Customer Address", "Club Membership", "Product", "Reservation"],
    )
    .required(),
    id("objectId").required(),
    word("status", &["Error", "Success"]).required(),
    shaped("issues", Shape::Texts),
    list(
        "actions",
        &[word("httpType", &["Get"]).required(), text("url").required(), text("label").required()],
    ),
];

/// `POST /app-sync`: one row for each app and object, with an attempt for each call.
pub(super) fn sync(change: &mut Change<'_>, body: Value) -> Result<Written, ApiError> {
    check(SYNC, &body, true)?;
    let body = into_object(body);
    let object = text_of(&body, "objectId");
    let kind = SYNCED.iter().find(|(word, _)| *word == text_of(&body, "objectType")).map(|(_, kind)| *kind);
    if !kind.is_some_and(|kind| change.collections.contains(kind, object)) {
        return Err(ApiError::not_found());
    }
    let known = change.collections.ids_with(Kind::AppSync, "objectId", object);
    let mut known = known.iter().filter_map(|id| change.collections.value(Kind::AppSync, &id.to_string()));
    let known = known.find(|row| text_of(row, "appId") == change.app_id);
    let (moment, attempt) = (change.moment(), change.new_id());
    let issues: Vec<Value> = body
        .get("issues")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|issue| json!({"id": change.new_id(), "appSyncAttemptId": attempt, "issue": issue}))
        .collect();
    let actions: Vec<Value> = rows(&body, "actions")
        .map(|action| {
            let mut action = action.clone();
            action.shift_insert(0, "id".to_owned(), json!(change.new_id()));
            Value::Object(action)
        })
        .collect();
    let mut row = known.unwrap_or_else(|| {
        into_object(json!({
            "id": change.new_id(),
            "appId": change.app_id,
            "objectType": body.get("objectType"),
            "objectId": object,
            "status": null,
            "lastActivityDate": null,
            "createdAt": moment,
            "updatedAt": moment,
            "actions": [],
            "attempts": [],
        }))
    });
    let mut attempts = row.get("attempts").and_then(Value::as_array).cloned().unwrap_or_default();
    attempts.push(json!({
        "id": attempt,
        "status": body.get("status"),
        "activityDate": moment,
        "issues": issues,
    }));
    row.insert("status".to_owned(), body.get("status").cloned().unwrap_or_default());
    row.insert("lastActivityDate".to_owned(), moment.into());
    row.insert("actions".to_owned(), json!(actions));
    row.insert("attempts".to_owned(), json!(attempts));
    let id = text_of(&row, "id").to_owned();
    change.save(Kind::AppSync, row);
    Ok(change.answer(201, Kind::AppSync, &id))
}
