//! Tags, and what they are attached to (facts 6.17).

use serde_json::{Value, json};

use super::schema::{
    CREATED_AT, Default, Field, Shape, UPDATED_AT, check, given, id, list, shaped, text, word,
};
use super::{Change, Draft, Object, Resource, Written, into_object, rows, spread, text as text_of};
use crate::http::errors::ApiError;
use crate::kind::Kind;

const TYPES: &[&str] = &["Manual", "Dynamic"];

const CONDITIONS: &[Field] = &[
    id("id"),
    text("appliesTo").required(),
    word("condition", &["is equal to", "is greater than", "is less than"]).required(),
    shaped("value", Shape::Any).required(),
];

const FIELDS: &[Field] = &[
    given("id"),
    text("title").required(),
    given("objectType"),
    word("type", TYPES).required(),
    word("appliesToCondition", &["All conditions", "One or more conditions"]),
    CREATED_AT,
    UPDATED_AT,
    list("conditions", CONDITIONS),
];

pub(super) static TAG: Resource = Resource::new(Kind::Tag, FIELDS)
    .settle(|change, draft| copies(change, &draft.new, false))
    .removed(|change, gone| copies(change, gone, true));

/// What can be tagged: the word of the path, the kind, and the tag's `objectType`.
const TAGGED: &[(&str, Kind, &str)] = &[
    ("customer", Kind::Customer, "Customer"),
    ("order", Kind::Order, "Order"),
    ("club-membership", Kind::ClubMembership, "ClubMembership"),
    ("reservation", Kind::Reservation, "Reservation"),
];

/// Keeps the tag in tagged objects as it is.
fn copies(change: &mut Change<'_>, tag: &Object, is_gone: bool) {
    let id = text_of(tag, "id").to_owned();
    let copy = change.find(Kind::Tag, &id).filter(|_| !is_gone);
    for (_, kind, object_type) in TAGGED {
        if *object_type != text_of(tag, "objectType") {
            continue;
        }
        let holders = change.collections.ids_with(*kind, "tags[].id", &id);
        spread(change, (*kind, "tags[].id", "tags"), &id, copy.as_ref());
        if *kind == Kind::Customer {
            for customer in holders {
                if let Some(object) = change.collections.value(*kind, &customer.to_string()) {
                    keep_mirrored(change, object);
                }
            }
        }
    }
}

/// A customer's `groups` are its tags under their old name.
fn keep_mirrored(change: &mut Change<'_>, mut customer: Object) {
    let tags = customer.get("tags").cloned().unwrap_or(json!([]));
    customer.insert("groups".to_owned(), tags);
    change.keep(Kind::Customer, customer);
}

const ATTACH: &[Field] = &[id("objectId").required(), id("tagId").required()];

/// The kind that a word of the path means, with the tag and the object if both are there and belong together.
fn relation(
    change: &Change<'_>,
    word: &str,
    tag: &str,
    object: &str,
) -> Result<(Kind, Object, Object), ApiError> {
    let (_, kind, object_type) =
        TAGGED.iter().find(|(path, ..)| *path == word).ok_or_else(ApiError::not_found)?;
    let tag = change.find(Kind::Tag, tag).filter(|tag| text_of(tag, "objectType") == *object_type);
    let object = change.collections.value(*kind, object);
    tag.zip(object).map(|(tag, object)| (*kind, tag, object)).ok_or_else(ApiError::not_found)
}

/// `POST /tag-x-object/{objectType}`: attaching twice lists the tag twice.
pub(super) fn attach(change: &mut Change<'_>, word: &str, body: Value) -> Result<Written, ApiError> {
    check(ATTACH, &body, true)?;
    let body = into_object(body);
    let (kind, tag, object) = relation(change, word, text_of(&body, "tagId"), text_of(&body, "objectId"))?;
    let id = change.new_id().to_string();
    let relation = json!({
        "objectId": object.get("id"),
        "tagId": tag.get("id"),
        "id": id,
        "tagType": tag.get("type"),
        "updatedAt": change.moment(),
        "createdAt": change.moment(),
    });
    let mut tags = object.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
    tags.push(Value::Object(tag));
    retag(change, kind, object, tags);
    Ok(Written { status: 201, body: Some(relation.to_string().into_bytes()), id: Some(id) })
}

/// `DELETE /tag-x-object/{objectType}/{tagId}/{objectId}`: takes every copy away.
pub(super) fn detach(
    change: &mut Change<'_>,
    word: &str,
    tag: &str,
    object: &str,
) -> Result<Written, ApiError> {
    let (kind, _, found) = relation(change, word, tag, object)?;
    let mut tags = found.get("tags").and_then(Value::as_array).cloned().unwrap_or_default();
    let before = tags.len();
    tags.retain(|row| row.get("id").and_then(Value::as_str) != Some(tag));
    if tags.len() == before {
        // What Commerce7 answers where nothing is attached is not known.
        return Err(ApiError::not_found());
    }
    retag(change, kind, found, tags);
    Ok(Written { status: 204, body: None, id: Some(object.to_owned()) })
}

fn retag(change: &mut Change<'_>, kind: Kind, mut object: Object, tags: Vec<Value>) {
    if kind == Kind::Customer {
        object.insert("groups".to_owned(), json!(tags));
    }
    object.insert("tags".to_owned(), json!(tags));
    change.save(kind, object);
}

const GROUP_FIELDS: &[Field] = &[
    given("id"),
    text("title").required(),
    word("type", TYPES).or(Default::Text("Manual")),
    CREATED_AT,
    UPDATED_AT,
];

/// What customer tags once were (facts 6.23).
pub(super) static GROUP: Resource = Resource::new(Kind::Group, GROUP_FIELDS);

/// The tags of a draft, all of which must be for this kind of object.
pub(super) fn check_tags(draft: &Draft, object_type: &str) -> Result<(), ApiError> {
    let wrong = rows(&draft.new, "tags").position(|tag| text_of(tag, "objectType") != object_type);
    match wrong {
        Some(at) => Err(ApiError::invalid_element(&format!("tags[{at}].id"), "does not exist")),
        None => Ok(()),
    }
}
