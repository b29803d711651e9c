//! What a body may hold: tables of fields, the errors of a body that does not fit (facts 4.2), and the object that a
//! fitting one makes (facts 1: a root field is replaced whole, what is left out of it becomes null).

use serde_json::{Map, Value};
use uuid::Uuid;

use super::Change;
use crate::http::errors::{ApiError, FieldError};
use crate::kind::Kind;

/// One field of an object, in the order of answers.
#[derive(Debug)]
pub(crate) struct Field {
    pub name: &'static str,
    pub shape: Shape,
    pub access: Access,
    /// Whether a new object must have it; a required field is never null.
    pub required: bool,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it has in a new object that was given none.
    pub default: Default,
}

/// Who sets a field, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// The caller, at any time.
    Write,
    /// The caller, in a new object only.
    Create,
    /// Nobody from outside: sent, it is an additional property.
    Read,
    /// The caller; it is obeyed and not kept.
    Command,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Shape {
    /// Text without markup.
    Text,
    /// Text of any kind.
    Html,
    /// One of these words.
    Word(&'static [&'static str]),
    Email,
    /// An `https` address.
    Https,
    /// `YYYY-MM-DD`.
    Date,
    /// A moment with an offset; kept as UTC with milliseconds.
    Moment,
    /// As [`Shape::Moment`], kept at the start of its minute (facts 12).
    Minute,
    Boolean,
    Integer,
    /// A whole number that is not negative.
    Count,
    Number,
    /// A whole number, as a number or as text; kept as a number.
    NumberOrText,
    /// As [`Shape::NumberOrText`], kept as text.
    TextOrNumber,
    /// A UUID.
    Id,
    /// The id of an object that exists.
    Of(Kind),
    /// `[{id}]` of objects that exist, kept as the objects are; by their id only where `whole` is false.
    References {
        kind: Kind,
        whole: bool,
    },
    /// A list of texts.
    Texts,
    /// Fields of any name: custom fields.
    Free,
    /// What an app keeps with the object (facts 2.5), under its id.
    AppData,
    /// An object.
    Object(&'static [Field]),
    /// A list of objects; those with an `id` get one.
    List(&'static [Field]),
    /// Anything.
    Any,
}

/// What a field has where nothing was given.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Default {
    /// The field is not there.
    Absent,
    Null,
    /// `[]`
    Empty,
    False,
    True,
    Number(i64),
    Text(&'static str),
    /// `["…"]`
    Texts(&'static [&'static str]),
    /// An object with the defaults of its fields.
    Members,
    /// The moment of the write.
    Now,
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, access: Access::Write, required: false, nullable: true, default: Default::Null }
}

pub(super) const fn text(name: &'static str) -> Field {
    field(name, Shape::Text)
}

pub(super) const fn html(name: &'static str) -> Field {
    field(name, Shape::Html)
}

pub(super) const fn word(name: &'static str, allowed: &'static [&'static str]) -> Field {
    field(name, Shape::Word(allowed))
}

pub(super) const fn moment(name: &'static str) -> Field {
    field(name, Shape::Moment)
}

pub(super) const fn date(name: &'static str) -> Field {
    field(name, Shape::Date)
}

pub(super) const fn integer(name: &'static str) -> Field {
    field(name, Shape::Integer)
}

pub(super) const fn count(name: &'static str) -> Field {
    field(name, Shape::Count)
}

pub(super) const fn boolean(name: &'static str) -> Field {
    field(name, Shape::Boolean).or(Default::False)
}

pub(super) const fn id(name: &'static str) -> Field {
    field(name, Shape::Id)
}

pub(super) const fn of(name: &'static str, kind: Kind) -> Field {
    field(name, Shape::Of(kind))
}

pub(super) const fn object(name: &'static str, fields: &'static [Field]) -> Field {
    field(name, Shape::Object(fields)).or(Default::Members)
}

pub(super) const fn list(name: &'static str, fields: &'static [Field]) -> Field {
    Field { nullable: false, ..field(name, Shape::List(fields)) }.or(Default::Empty)
}

pub(super) const fn references(name: &'static str, kind: Kind) -> Field {
    Field { nullable: false, ..field(name, Shape::References { kind, whole: true }) }.or(Default::Empty)
}

pub(super) const fn shaped(name: &'static str, shape: Shape) -> Field {
    field(name, shape)
}

/// A field that only the platform sets.
pub(super) const fn given(name: &'static str) -> Field {
    Field { access: Access::Read, ..field(name, Shape::Any) }
}

/// A field that says how to write, and is not kept: whether a mail goes out.
pub(super) const fn command(name: &'static str) -> Field {
    Field { access: Access::Command, ..field(name, Shape::Boolean) }
}

/// The custom fields of an object.
pub(super) const META_DATA: Field = field("metaData", Shape::Free);
/// What apps keep with it.
pub(super) const APP_DATA: Field = field("appData", Shape::AppData);
pub(super) const CREATED_AT: Field = Field { ..given("createdAt") }.or(Default::Now);
pub(super) const UPDATED_AT: Field = Field { ..given("updatedAt") }.or(Default::Now);

impl Field {
    pub const fn required(mut self) -> Self {
        self.required = true;
        self.nullable = false;
        self
    }

    pub const fn or(mut self, default: Default) -> Self {
        self.default = default;
        self
    }

    pub const fn only(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    fn takes(&self, is_new: bool) -> bool {
        match self.access {
            Access::Write | Access::Command => true,
            Access::Create => is_new,
            Access::Read => false,
        }
    }
}

/// Every error of a body at once: what is missing, then what is too much, then what is wrong, as Ajv finds them.
pub(crate) fn check(fields: &'static [Field], body: &Value, is_new: bool) -> Result<(), ApiError> {
    check_requiring(fields, &[], body, is_new)
}

/// As [`check`], with fields that this call requires beside those of the table.
pub(crate) fn check_requiring(
    fields: &'static [Field],
    required: &[&str],
    body: &Value,
    is_new: bool,
) -> Result<(), ApiError> {
    let mut errors = Vec::new();
    if let Some(given) = body.as_object() {
        let missing = required.iter().filter(|name| !given.contains_key(**name));
        errors.extend(missing.map(|name| FieldError::new(name, "required")));
    }
    check_object(fields, body, is_new, "", &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(ApiError::invalid_elements(errors)) }
}

fn check_object(
    fields: &'static [Field],
    body: &Value,
    is_new: bool,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let Some(given) = body.as_object() else {
        errors.push(FieldError::new(path, "must be a object"));
        return;
    };
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    for field in fields.iter().filter(|field| field.required && field.takes(is_new) && is_new) {
        if !given.contains_key(field.name) {
            errors.push(FieldError::new(&below(field.name), "required"));
        }
    }
    let known = |name: &str| fields.iter().any(|field| field.name == name && field.takes(is_new));
    for name in given.keys().filter(|name| !known(name)) {
        errors.push(FieldError::new(&below(name), "invalid additional property"));
    }
    for field in fields.iter().filter(|field| field.takes(is_new)) {
        let Some(value) = given.get(field.name) else { continue };
        if !(value.is_null() && field.nullable) {
            check_value(field.shape, value, is_new, &below(field.name), errors);
        }
    }
}

fn check_value(shape: Shape, value: &Value, is_new: bool, path: &str, errors: &mut Vec<FieldError>) {
    let mut wrong = |message: &'static str| errors.push(FieldError::new(path, message));
    match shape {
        Shape::Any => {}
        Shape::Object(fields) => check_object(fields, value, is_new, path, errors),
        Shape::Free | Shape::AppData => {
            if !value.is_object() {
                wrong("must be a object");
            }
        }
        Shape::List(fields) => {
            let Some(rows) = value.as_array() else { return wrong("must be a array") };
            for (at, row) in rows.iter().enumerate() {
                // A row that names itself is one that there is: nothing of it is required (facts 1).
                let is_new = is_new || row.get("id").is_none_or(Value::is_null);
                check_object(fields, row, is_new, &format!("{path}[{at}]"), errors);
            }
        }
        Shape::References { .. } => {
            let Some(rows) = value.as_array() else { return wrong("must be a array") };
            for (at, row) in rows.iter().enumerate() {
                check_object(REFERENCE, row, true, &format!("{path}[{at}]"), errors);
            }
        }
        Shape::Texts => {
            let Some(rows) = value.as_array() else { return wrong("must be a array") };
            for (at, row) in rows.iter().enumerate() {
                if !row.is_string() {
                    errors.push(FieldError::new(&format!("{path}[{at}]"), "must be a string"));
                }
            }
        }
        Shape::Boolean => {
            if !value.is_boolean() {
                wrong("must be a boolean");
            }
        }
        Shape::Integer | Shape::Count => match value.as_i64() {
            None => wrong("must be a integer"),
            Some(..0) if matches!(shape, Shape::Count) => wrong("must be >= 0"),
            Some(_) => {}
        },
        Shape::Number => {
            if !value.is_number() {
                wrong("must be a number");
            }
        }
        Shape::NumberOrText | Shape::TextOrNumber => {
            if whole_number(value).is_none() {
                wrong("must be a integer");
            }
        }
        _ => match value.as_str() {
            None => wrong("must be a string"),
            Some(text) => {
                if let Some(message) = text_error(shape, text) {
                    wrong(message);
                }
            }
        },
    }
}

const REFERENCE: &[Field] = &[id("id").required()];

fn text_error(shape: Shape, text: &str) -> Option<&'static str> {
    match shape {
        Shape::Text if has_tag(text) => Some("contains invalid string"),
        Shape::Word(allowed) if !allowed.contains(&text) => {
            Some("must be equal to one of the allowed values")
        }
        Shape::Email if !is_email(text) => Some("must match format \"email\""),
        Shape::Https if !text.starts_with("https://") => Some("must be https"),
        Shape::Date if text.len() != 10 || text.parse::<jiff::civil::Date>().is_err() => {
            Some("must match format \"date\"")
        }
        Shape::Moment | Shape::Minute if crate::http::filters::moment(text).is_none() => {
            Some("must match format \"date-time\"")
        }
        Shape::Id | Shape::Of(_) if Uuid::parse_str(text).is_err() => Some("must match format \"uuid\""),
        _ => None,
    }
}

/// Whether there is a tag of HTML in a text.
fn has_tag(text: &str) -> bool {
    text.match_indices('<').any(|(at, _)| {
        let rest = text.get(at + 1..).unwrap_or_default();
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        rest.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '!') && rest.contains('>')
    })
}

fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && !text.contains(char::is_whitespace)
    })
}

fn whole_number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

/// Makes a new object of a body that fits; `fields` say its order.
pub(crate) fn create(
    change: &mut Change<'_>,
    fields: &'static [Field],
    body: &Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let mut errors = Vec::new();
    let made = members(change, fields, body, None, true, "", &mut errors);
    if errors.is_empty() { Ok(made) } else { Err(ApiError::invalid_elements(errors)) }
}

/// Puts a body that fits into an object that there is.
pub(crate) fn update(
    change: &mut Change<'_>,
    fields: &'static [Field],
    old: &Map<String, Value>,
    body: &Map<String, Value>,
) -> Result<Map<String, Value>, ApiError> {
    let mut errors = Vec::new();
    let mut made = old.clone();
    for field in fields.iter().filter(|field| field.takes(false) && field.access != Access::Command) {
        let Some(value) = body.get(field.name) else { continue };
        let before = old.get(field.name);
        let value = complete(change, field.shape, value, before, false, field.name, &mut errors);
        made.insert(field.name.to_owned(), value);
    }
    if errors.is_empty() { Ok(made) } else { Err(ApiError::invalid_elements(errors)) }
}

/// The members of an object: those given, and those left out.
fn members(
    change: &mut Change<'_>,
    fields: &'static [Field],
    body: &Map<String, Value>,
    old: Option<&Map<String, Value>>,
    is_new: bool,
    path: &str,
    errors: &mut Vec<FieldError>,
) -> Map<String, Value> {
    let mut made = Map::new();
    for field in fields.iter().filter(|field| field.access != Access::Command) {
        let below = if path.is_empty() { field.name.to_owned() } else { format!("{path}.{}", field.name) };
        let before = old.and_then(|old| old.get(field.name));
        let value = match (body.get(field.name).filter(|_| field.takes(is_new)), before) {
            (Some(value), _) => complete(change, field.shape, value, before, is_new, &below, errors),
            // What only the platform sets stays as it is.
            (None, Some(before)) if !field.takes(false) || field.name == "id" => before.clone(),
            (None, None) if field.name == "id" => Value::String(change.new_id().to_string()),
            (None, _) if is_new => match default(change, field) {
                Some(value) => value,
                None => continue,
            },
            (None, _) => match field.default {
                Default::Absent => continue,
                _ => Value::Null,
            },
        };
        made.insert(field.name.to_owned(), value);
    }
    made
}

fn default(change: &mut Change<'_>, field: &Field) -> Option<Value> {
    Some(match field.default {
        Default::Absent => return None,
        Default::Null => Value::Null,
        Default::Empty => Value::Array(Vec::new()),
        Default::False => Value::Bool(false),
        Default::True => Value::Bool(true),
        Default::Number(number) => number.into(),
        Default::Text(text) => text.into(),
        Default::Texts(texts) => texts.iter().copied().collect(),
        Default::Now => change.moment().into(),
        Default::Members => match field.shape {
            Shape::Object(fields) => {
                Value::Object(members(change, fields, &Map::new(), None, true, "", &mut Vec::new()))
            }
            _ => Value::Null,
        },
    })
}

/// A value as it is kept.
fn complete(
    change: &mut Change<'_>,
    shape: Shape,
    value: &Value,
    old: Option<&Value>,
    is_new: bool,
    path: &str,
    errors: &mut Vec<FieldError>,
) -> Value {
    let none = Map::new();
    match (shape, value) {
        (Shape::AppData, _) => change.app_data(old, value),
        (_, Value::Null) => Value::Null,
        (Shape::Object(fields), Value::Object(body)) => {
            let old = old.and_then(Value::as_object);
            // An object that was null is a new one.
            Value::Object(members(change, fields, body, old, is_new || old.is_none(), path, errors))
        }
        (Shape::List(fields), Value::Array(rows)) => {
            let before = old.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let made = rows.iter().enumerate().map(|(at, row)| {
                let body = row.as_object().unwrap_or(&none);
                let path = format!("{path}[{at}]");
                let named = body.get("id").filter(|id| !id.is_null());
                let known = named.and_then(|id| before.iter().find(|row| row.get("id") == Some(id)));
                if named.is_some() && known.is_none() {
                    errors.push(FieldError::new(&format!("{path}.id"), "does not exist"));
                }
                let known = known.and_then(Value::as_object);
                let unnamed;
                let body = match body.get("id") {
                    Some(Value::Null) => {
                        unnamed = body.iter().filter(|(name, _)| *name != "id");
                        &unnamed.map(|(name, value)| (name.clone(), value.clone())).collect()
                    }
                    _ => body,
                };
                Value::Object(members(change, fields, body, known, known.is_none(), &path, errors))
            });
            Value::Array(made.collect())
        }
        (Shape::References { kind, whole }, Value::Array(rows)) => {
            let made = rows.iter().enumerate().filter_map(|(at, row)| {
                let id = row.get("id").and_then(Value::as_str).unwrap_or_default();
                let found = change.find(kind, id);
                if found.is_none() {
                    errors.push(FieldError::new(&format!("{path}[{at}].id"), "does not exist"));
                }
                let found = Value::Object(found?);
                Some(if whole { found } else { serde_json::json!({"id": found.get("id")}) })
            });
            Value::Array(made.collect())
        }
        (Shape::Of(kind), Value::String(id)) => {
            if !change.collections.contains(kind, id) {
                errors.push(FieldError::new(path, "does not exist"));
            }
            value.clone()
        }
        (Shape::Moment | Shape::Minute, Value::String(text)) => {
            let at = crate::http::filters::moment(text).unwrap_or_default();
            let at = if matches!(shape, Shape::Minute) { at - at.rem_euclid(60_000) } else { at };
            crate::generate::timestamp(at).into()
        }
        (Shape::NumberOrText, value) => whole_number(value).into(),
        (Shape::TextOrNumber, value) => whole_number(value).map(|number| number.to_string()).into(),
        (_, value) => value.clone(),
    }
}
