//! Writes as Commerce7 carries them out (facts 1, 4.2, 5): a [`Resource`] for each kind of object says which fields it takes
//! and what follows from a change; the paths that are no plain object have a function each.
//!
//! A write holds the winery's lock from its first look to its last change, and changes nothing before everything that
//! can fail has passed: it is carried out wholly or not at all.

mod catalog;
mod customers;
mod discounts;
mod figures;
mod fulfillments;
mod gift_cards;
mod inventory;
mod loyalty;
mod memberships;
mod orders;
mod platform;
mod reservations;
mod sales;
mod schema;
mod tags;

use http::Method;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::endpoints::{Endpoint, Parent, schema as columns};
use crate::generate::{Dice, timestamp};
use crate::http::errors::ApiError;
use crate::http::filters::Condition;
use crate::http::route::Route;
use crate::kind::Kind;
use crate::store::Collections;

pub(crate) use sales::{Sale, SaleLine, exchange, refund, sell};
use schema::Field;

/// An object's fields.
type Object = Map<String, Value>;

/// One write under way.
pub(crate) struct Change<'a> {
    /// The winery's objects.
    pub collections: &'a mut Collections,
    /// The moment of the write; milliseconds since 1970.
    pub now: i64,
    /// The app that writes.
    pub app_id: &'a str,
}

/// What is answered to a write that was carried out.
#[derive(Debug)]
pub(crate) struct Written {
    pub status: u16,
    pub body: Option<Vec<u8>>,
    /// The object written or deleted.
    pub id: Option<String>,
}

impl<'a> Change<'a> {
    /// Begins a write at `clock`, or a millisecond after the last one: no two happen at the same moment.
    pub fn begin(collections: &'a mut Collections, clock: i64, app_id: &'a str) -> Self {
        let now = clock.max(collections.register.last + 1);
        collections.register.last = now;
        Self { collections, now, app_id }
    }

    /// Chances of its own, the same in every run that writes the same.
    fn dice(&mut self) -> Dice {
        let register = &mut self.collections.register;
        register.ids += 1;
        Dice::new(register.seed, register.tenant, "written", register.ids)
    }

    fn new_id(&mut self) -> Uuid {
        self.dice().uuid()
    }

    /// The moment of the write, as text.
    fn moment(&self) -> String {
        timestamp(self.now)
    }

    /// An object as it stands in another one.
    fn find(&self, kind: Kind, id: &str) -> Option<Object> {
        let mut found = self.collections.value(kind, id)?;
        if kind == Kind::Tag {
            found.shift_remove("conditions");
            found.shift_remove("backPopulate");
        }
        Some(found)
    }

    /// Puts an object into its place; `updatedAt` moves.
    fn save(&mut self, kind: Kind, mut object: Object) {
        if let Some(updated) = object.get_mut("updatedAt") {
            *updated = timestamp(self.now).into();
        }
        self.keep(kind, object);
    }

    /// As [`Change::save`], without a new `updatedAt`.
    fn keep(&mut self, kind: Kind, mut object: Object) {
        if kind == Kind::ClubMembership && object.get("club").is_none_or(Value::is_null) {
            // The club is spliced in when read; its title is for `q`.
            let club = self.collections.value(Kind::Club, text(&object, "clubId"));
            object.insert(
                "club".to_owned(),
                json!({"title": club.as_ref().and_then(|club| club.get("title"))}),
            );
        }
        self.collections.put(kind, object);
    }

    /// Takes an object out and lays it into the trash. What the trash's rows look like is not known (facts 14): here
    /// they are the object under `payload`, as web-hooks have it.
    fn discard(&mut self, kind: Kind, id: &str) -> Option<Object> {
        let object = self.collections.remove(kind, Uuid::parse_str(id).ok()?)?;
        let row = json!({
            "id": id,
            "object": spaced(kind),
            "objectId": id,
            "payload": object,
            "createdAt": self.moment(),
            "updatedAt": self.moment(),
        });
        if let Value::Object(row) = row {
            self.collections.put(Kind::Trash, row);
        }
        Some(object)
    }

    /// Puts what the app sent under its id, beside what other apps keep (facts 2.5).
    fn app_data(&self, old: Option<&Value>, sent: &Value) -> Value {
        let mut all = old.and_then(Value::as_object).cloned().unwrap_or_default();
        if sent.is_null() {
            all.shift_remove(self.app_id);
        } else {
            all.insert(self.app_id.to_owned(), sent.clone());
        }
        if all.is_empty() { Value::Null } else { Value::Object(all) }
    }

    /// The number after the greatest there is.
    fn next_number(&self, kind: Kind, field: &str) -> i64 {
        self.collections.greatest(kind, field).unwrap_or(1_000) + 1
    }

    /// Whether another object than `id` has this text in a column.
    fn is_taken(&self, kind: Kind, field: &str, text: &str, id: &str) -> bool {
        let found = self.collections.ids_with(kind, field, text);
        found.iter().any(|other| other.to_string() != id)
    }

    /// The answer with an object as it is read.
    fn answer(&self, status: u16, kind: Kind, id: &str) -> Written {
        Written { status, body: self.collections.get(kind, id, None), id: Some(id.to_owned()) }
    }

    /// Puts an object in, through all rules of its kind but the schema.
    fn create(
        &mut self,
        resource: &'static Resource,
        fixed: &[(&str, Value)],
        body: Object,
    ) -> Result<String, ApiError> {
        let mut new = schema::create(self, resource.fields, &body)?;
        for (name, value) in fixed {
            new.insert((*name).to_owned(), value.clone());
        }
        let mut draft = Draft { old: None, new, body };
        (resource.complete)(self, &mut draft)?;
        Ok(self.settle(resource, draft))
    }

    /// Changes an object, through all rules of its kind but the schema.
    fn update(&mut self, resource: &'static Resource, old: Object, body: Object) -> Result<String, ApiError> {
        let new = schema::update(self, resource.fields, &old, &body)?;
        let mut draft = Draft { old: Some(old), new, body };
        (resource.complete)(self, &mut draft)?;
        Ok(self.settle(resource, draft))
    }

    fn settle(&mut self, resource: &'static Resource, draft: Draft) -> String {
        let id = text(&draft.new, "id").to_owned();
        self.save(resource.kind, draft.new.clone());
        (resource.settle)(self, &draft);
        id
    }
}

/// An object before and after a write.
pub(crate) struct Draft {
    pub old: Option<Object>,
    pub new: Object,
    pub body: Object,
}

impl Draft {
    fn is_new(&self) -> bool {
        self.old.is_none()
    }

    fn id(&self) -> &str {
        text(&self.new, "id")
    }

    /// Whether the field has another value than before.
    fn changes(&self, field: &str) -> bool {
        self.old.as_ref().and_then(|old| old.get(field)) != self.new.get(field)
    }

    fn set(&mut self, field: &str, value: impl Into<Value>) {
        self.new.insert(field.to_owned(), value.into());
    }

    /// Sets what is null so far.
    fn set_default(&mut self, field: &str, value: impl Into<Value>) {
        if self.new.get(field).is_none_or(Value::is_null) {
            self.set(field, value);
        }
    }
}

/// How objects of one kind are written.
pub(crate) struct Resource {
    kind: Kind,
    /// What a body may hold, in the order of answers.
    fields: &'static [Field],
    can_create: bool,
    can_update: bool,
    can_delete: bool,
    /// Whether a deletion is answered with 200 and the object (facts 1).
    answers_deleted: bool,
    /// Checks a draft and fills in what the platform sets. Changes no other object.
    complete: fn(&mut Change<'_>, &mut Draft) -> Result<(), ApiError>,
    /// What else changes once the object is in its place.
    settle: fn(&mut Change<'_>, &Draft),
    /// What else changes once the object is gone.
    removed: fn(&mut Change<'_>, &Object),
}

impl Resource {
    const fn new(kind: Kind, fields: &'static [Field]) -> Self {
        Self {
            kind,
            fields,
            can_create: true,
            can_update: true,
            can_delete: true,
            answers_deleted: false,
            complete: |_, _| Ok(()),
            settle: |_, _| (),
            removed: |_, _| (),
        }
    }

    const fn complete(mut self, complete: fn(&mut Change<'_>, &mut Draft) -> Result<(), ApiError>) -> Self {
        self.complete = complete;
        self
    }

    const fn settle(mut self, settle: fn(&mut Change<'_>, &Draft)) -> Self {
        self.settle = settle;
        self
    }

    const fn removed(mut self, removed: fn(&mut Change<'_>, &Object)) -> Self {
        self.removed = removed;
        self
    }

    const fn answers_deleted(mut self) -> Self {
        self.answers_deleted = true;
        self
    }

    /// Only these of creating, updating and deleting.
    const fn only(mut self, create: bool, update: bool, delete: bool) -> Self {
        self.can_create = create;
        self.can_update = update;
        self.can_delete = delete;
        self
    }
}

/// Every kind that is written by plain `POST`, `PUT` and `DELETE`.
static RESOURCES: &[&Resource] = &[
    &customers::CUSTOMER,
    &customers::ADDRESS,
    &customers::CARD,
    &tags::TAG,
    &tags::GROUP,
    &memberships::MEMBERSHIP,
    &memberships::CLUB,
    &memberships::PACKAGE,
    &reservations::RESERVATION,
    &reservations::EXPERIENCE,
    &catalog::PRODUCT,
    &catalog::COLLECTION,
    &catalog::DEPARTMENT,
    &catalog::VENDOR,
    &inventory::INVENTORY,
    &inventory::LOCATION,
    &orders::ORDER,
    &discounts::COUPON,
    &discounts::PROMOTION,
    &discounts::PROMOTION_SET,
    &gift_cards::GIFT_CARD,
    &loyalty::TIER,
    &loyalty::TRANSACTION,
    &platform::NOTE,
    &platform::META_DATA_CONFIG,
    &platform::SHIPPING,
    &platform::TAX,
    &platform::WEB_HOOK,
];

fn resource(kind: Kind) -> Option<&'static Resource> {
    RESOURCES.iter().find(|resource| resource.kind == kind).copied()
}

/// Carries out a request that is no read.
pub(crate) fn perform(
    change: &mut Change<'_>,
    method: &Method,
    route: &Route<'_>,
    body: &[u8],
) -> Result<Written, ApiError> {
    let body = match body {
        // As Express reads a request without a body.
        [] => json!({}),
        body => serde_json::from_slice(body).map_err(|_| ApiError::no_json())?,
    };
    match (method, route) {
        (&Method::POST, Route::List { endpoint, .. }) if endpoint.path == "/customer-address" => {
            customers::create_with_address(change, body)
        }
        (&Method::POST, Route::List { endpoint, parent }) => create(change, endpoint, *parent, body),
        (&Method::PUT, Route::Item { endpoint, parent, id, .. }) => {
            let (resource, old) = existing(change, endpoint, *parent, id, |resource| resource.can_update)?;
            schema::check(resource.fields, &body, false)?;
            let id = change.update(resource, old, into_object(body))?;
            Ok(change.answer(200, resource.kind, &id))
        }
        (&Method::DELETE, Route::Item { endpoint, parent, id, .. }) => {
            let (resource, _) = existing(change, endpoint, *parent, id, |resource| resource.can_delete)?;
            delete(change, resource, id)
        }
        (method, Route::WriteOnly { path, values }) => special(change, method, path, values, body),
        _ => Err(ApiError::not_found()),
    }
}

fn special(
    change: &mut Change<'_>,
    method: &Method,
    path: &str,
    values: &[&str],
    body: Value,
) -> Result<Written, ApiError> {
    match (method.as_str(), path, values) {
        ("PUT", "/order/upsert", _) => orders::upsert(change, body),
        ("PUT", "/order-number", _) => orders::set_next_number(change, &body),
        ("POST", "/order/{id}/fulfillment", [order]) => fulfillments::create(change, order, body, false),
        ("POST", "/order/{id}/fulfillment/all", [order]) => fulfillments::create(change, order, body, true),
        ("DELETE", "/order/{id}/fulfillment/{fulfillmentId}", [order, id]) => {
            fulfillments::delete(change, order, id)
        }
        ("POST", "/inventory-transaction", _) => inventory::transact(change, body),
        ("POST", "/tag-x-object/{objectType}", [word]) => tags::attach(change, word, body),
        ("DELETE", "/tag-x-object/{objectType}/{tagId}/{objectId}", [word, tag, object]) => {
            tags::detach(change, word, tag, object)
        }
        ("POST" | "DELETE", "/promotion-set-x-promotion", _) => {
            discounts::place(change, body, method == Method::POST)
        }
        ("POST", "/gift-card-transaction", _) => gift_cards::transact(change, body),
        ("PUT", "/reservation/{id}/check-in", [id]) => reservations::check_in(change, id, body),
        ("PUT", "/reservation/{id}/close-out", [id]) => reservations::close_out(change, id, body),
        ("POST", "/app-sync", _) => platform::sync(change, body),
        ("POST", "/customer/subscribe", _) => Err(ApiError::write_not_taken(method, path)),
        _ => Err(ApiError::not_found()),
    }
}

fn create(
    change: &mut Change<'_>,
    endpoint: &'static Endpoint,
    parent: Option<&str>,
    body: Value,
) -> Result<Written, ApiError> {
    let resource = writable(endpoint, &Method::POST, |resource| resource.can_create)?;
    let fixed = match (endpoint.parent, parent) {
        (Some(parent), Some(segment)) => {
            let value = parent_value(change, parent, segment)?;
            Some((parent.field(), Value::from(value)))
        }
        _ => None,
    };
    schema::check(resource.fields, &body, true)?;
    let id = change.create(resource, fixed.as_slice(), into_object(body))?;
    Ok(change.answer(201, resource.kind, &id))
}

fn delete(change: &mut Change<'_>, resource: &'static Resource, id: &str) -> Result<Written, ApiError> {
    let answer = change.collections.get(resource.kind, id, None);
    let gone = change.discard(resource.kind, id).ok_or_else(ApiError::not_found)?;
    (resource.removed)(change, &gone);
    let id = Some(id.to_owned());
    Ok(if resource.answers_deleted {
        Written { status: 200, body: answer, id }
    } else {
        Written { status: 204, body: None, id }
    })
}

/// The resource of an endpoint, if it takes such a write; 501 where the sandbox has none, 404 where Commerce7 has none.
fn writable(
    endpoint: &Endpoint,
    method: &Method,
    can: fn(&Resource) -> bool,
) -> Result<&'static Resource, ApiError> {
    let unknown = || match endpoint.kind {
        Kind::Cart | Kind::Setting => ApiError::write_not_taken(method, endpoint.path),
        _ => ApiError::not_found(),
    };
    resource(endpoint.kind).filter(|resource| can(resource)).ok_or_else(unknown)
}

/// The object that an item path names, as it is before the write.
fn existing(
    change: &Change<'_>,
    endpoint: &'static Endpoint,
    parent: Option<&str>,
    id: &str,
    can: fn(&Resource) -> bool,
) -> Result<(&'static Resource, Object), ApiError> {
    let resource = writable(endpoint, &Method::PUT, can)?;
    let condition = match (endpoint.parent, parent) {
        (Some(parent), Some(segment)) => {
            let value = parent_value(change, parent, segment)?;
            Condition::equal(columns(endpoint.kind), parent.field(), &value)
        }
        _ => None,
    };
    let is_there = change.collections.get(endpoint.kind, id, condition.as_ref()).is_some();
    let old = change.collections.value(endpoint.kind, id).filter(|_| is_there);
    Ok((resource, old.ok_or_else(ApiError::not_found)?))
}

/// The value that the placeholder of a nested path stands for.
fn parent_value(change: &Change<'_>, parent: Parent, segment: &str) -> Result<String, ApiError> {
    let value = parent.value(segment).ok_or_else(ApiError::not_found)?;
    match parent {
        Parent::Object { kind, .. } if !change.collections.contains(kind, value) => {
            Err(ApiError::not_found())
        }
        _ => Ok(value.to_owned()),
    }
}

/// Changes the copies of an object that stand in other ones: `column` finds those, `field` holds the copy or the list
/// of copies. `None` takes it out.
fn spread(
    change: &mut Change<'_>,
    (kind, column, field): (Kind, &str, &str),
    id: &str,
    copy: Option<&Object>,
) {
    for holder in change.collections.ids_with(kind, column, id) {
        let Some(mut object) = change.collections.value(kind, &holder.to_string()) else { continue };
        match object.get_mut(field) {
            Some(Value::Array(rows)) => match copy {
                None => rows.retain(|row| row.get("id").and_then(Value::as_str) != Some(id)),
                Some(copy) => {
                    for row in rows.iter_mut().filter(|row| row.get("id").and_then(Value::as_str) == Some(id))
                    {
                        *row = Value::Object(copy.clone());
                    }
                }
            },
            Some(value) => *value = copy.map_or(Value::Null, |copy| Value::Object(copy.clone())),
            None => continue,
        }
        // The holder itself did not change: its `updatedAt` stays, but when it lost something.
        match copy {
            Some(_) => change.keep(kind, object),
            None => change.save(kind, object),
        }
    }
}

fn into_object(value: Value) -> Object {
    match value {
        Value::Object(object) => object,
        _ => Object::new(),
    }
}

fn text<'a>(object: &'a Object, field: &str) -> &'a str {
    object.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn number(object: &Object, field: &str) -> i64 {
    object.get(field).and_then(Value::as_i64).unwrap_or_default()
}

fn is_true(object: &Object, field: &str) -> bool {
    object.get(field).and_then(Value::as_bool).unwrap_or_default()
}

/// The objects of a list.
fn rows<'a>(object: &'a Object, field: &str) -> impl Iterator<Item = &'a Object> {
    object.get(field).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

/// A text as it stands in a path or a slug: lower case, words joined by `-`.
fn slug(title: &str) -> String {
    let words = title.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

/// `Club Membership` of [`Kind::ClubMembership`], as web-hooks name objects.
fn spaced(kind: Kind) -> String {
    let mut words = String::new();
    for letter in format!("{kind:?}").chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter);
    }
    words
}
