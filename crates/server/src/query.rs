//! Query strings in the bracket notation of npm's `qs`: `created_at[gt]=…`, `ids[]=1`, `ids[0]=1`, `items[][sku]=…`.
//!
//! Own code because `serde_qs` (1.x) refuses arrays of objects without indices (`items[][sku]=…`), which callers of
//! this API send, and takes a value and an object under one name for one thing.
//!
//! What is read:
//! * names and values are percent-decoded, `+` is a space; a `%` without two hex digits stands for itself;
//! * every value is a string;
//! * an object whose names are all indices (0 to 999) is an array in the order of the indices, gaps closed up;
//! * a name given twice is an array;
//! * `items[][sku]=…` goes on with the last object of the array until a name would repeat, which starts the next one;
//! * a name whose brackets do not pair up is taken as it stands.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use http::request::Parts;
use percent_encoding::percent_decode;
use serde_json::{Map, Value};

use crate::error::ApiError;

/// The most `name=value` pairs of one query string.
pub const MAX_PAIRS: usize = 1000;
/// The most brackets of one name.
pub const MAX_DEPTH: usize = 8;
/// Indices from here on are names.
const MAX_INDEX: usize = 1000;

/// A query string that can't be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum QueryError {
    /// Too many pairs.
    #[error("the query string has more than {MAX_PAIRS} parameters")]
    TooMany,
    /// Too many brackets in a name.
    #[error("the query parameter {0:?} is nested deeper than {MAX_DEPTH} levels")]
    TooDeep(String),
    /// A name is given as a value and as an object.
    #[error("the query parameter {0:?} is given both as a value and as an object")]
    Mixed(String),
    /// A name or value is not UTF-8 once decoded.
    #[error("the query string is not UTF-8 once its percent-encoding is undone")]
    NotUtf8,
}

/// The query string of a request, parsed.
#[derive(Debug)]
pub struct Query(pub Map<String, Value>);

impl<S: Sync> FromRequestParts<S> for Query {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(parse(parts.uri.query().unwrap_or_default())?))
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        Self::bad_request(error.to_string())
    }
}

/// Reads a query string, without its `?`.
pub fn parse(query: &str) -> Result<Map<String, Value>, QueryError> {
    let mut root = Map::new();
    for (position, pair) in query.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        if position == MAX_PAIRS {
            return Err(QueryError::TooMany);
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name)?;
        let (first, rest) = segments(&name);
        if rest.len() > MAX_DEPTH {
            return Err(QueryError::TooDeep(name.into_owned()));
        }
        let value = Value::String(decode(value)?.into_owned());
        insert(&mut root, first, &rest, value).map_err(|Clash| QueryError::Mixed(first.to_owned()))?;
    }
    for value in root.values_mut() {
        close(value);
    }
    Ok(root)
}

/// The query string without the parameter `name`; the rest as it was sent.
pub fn without(query: &str, name: &str) -> String {
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| {
            let given = pair.split_once('=').map_or(*pair, |(given, _)| given);
            decode(given).is_ok_and(|given| given != name)
        })
        .collect();
    kept.join("&")
}

/// The value of a parameter without brackets, as it was given last; an empty one counts as none.
pub fn last_value(query: &str, name: &str) -> Option<String> {
    let value = query.rsplit('&').find_map(|pair| {
        let (given, value) = pair.split_once('=').unwrap_or((pair, ""));
        decode(given).is_ok_and(|given| given == name).then_some(value)
    })?;
    let value = decode(value).ok()?;
    (!value.is_empty()).then(|| value.into_owned())
}

fn decode(text: &str) -> Result<Cow<'_, str>, QueryError> {
    if !text.contains(['%', '+']) {
        return Ok(Cow::Borrowed(text));
    }
    let spaced = text.replace('+', " ");
    let decoded = percent_decode(spaced.as_bytes()).decode_utf8().map_err(|_| QueryError::NotUtf8)?;
    Ok(Cow::Owned(decoded.into_owned()))
}

/// Splits `a[b][]` into `a` and `["b", ""]`. Brackets that don't pair up belong to the name.
fn segments(name: &str) -> (&str, Vec<&str>) {
    let whole = (name, Vec::new());
    let Some((first, mut rest)) = name.split_once('[').filter(|(first, _)| !first.is_empty()) else {
        return whole;
    };
    let mut segments = Vec::new();
    loop {
        let Some((segment, after)) = rest.split_once(']') else { return whole };
        segments.push(segment);
        if after.is_empty() {
            return (first, segments);
        }
        let Some(next) = after.strip_prefix('[') else { return whole };
        rest = next;
    }
}

/// A value stands where an object would have to, or the other way round.
struct Clash;

/// Puts a value where its path says. Until [`close`], an array is an object with its indices as names.
fn insert(object: &mut Map<String, Value>, name: &str, rest: &[&str], value: Value) -> Result<(), Clash> {
    let Some((next, deeper)) = rest.split_first() else {
        match object.get_mut(name) {
            None => {
                object.insert(name.to_owned(), value);
            }
            Some(there) => push(there, value)?,
        }
        return Ok(());
    };
    let child = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
    if next.is_empty() && deeper.is_empty() {
        return push(child, value);
    }
    let Value::Object(child) = child else { return Err(Clash) };
    let index;
    let next = if next.is_empty() {
        index = index_for(child, deeper);
        &index
    } else {
        *next
    };
    insert(child, next, deeper, value)
}

/// Adds an item to an array; a lone value becomes the array's first item.
fn push(there: &mut Value, value: Value) -> Result<(), Clash> {
    if there.is_string() {
        let first = there.take();
        *there = Value::Object(Map::from_iter([("0".to_owned(), first)]));
    }
    match there {
        Value::Object(items) if items.keys().all(|name| index(name).is_some()) => {
            items.insert(free_index(items), value);
            Ok(())
        }
        _ => Err(Clash),
    }
}

/// Which item of an array a path through `[]` means: the last one, unless it already has a value there.
fn index_for(items: &Map<String, Value>, path: &[&str]) -> String {
    match items.iter().next_back() {
        Some((last, item)) if item.is_object() && !is_taken(item, path) => last.clone(),
        _ => free_index(items),
    }
}

fn is_taken(item: &Value, path: &[&str]) -> bool {
    let mut item = item;
    for segment in path {
        match item.get(segment) {
            Some(deeper) if !segment.is_empty() => item = deeper,
            _ => return false,
        }
    }
    true
}

fn free_index(items: &Map<String, Value>) -> String {
    let mut free = items.len();
    while items.contains_key(&free.to_string()) {
        free += 1;
    }
    free.to_string()
}

/// The index that a name is, if it is one: digits without leading zeros, below [`MAX_INDEX`].
fn index(name: &str) -> Option<usize> {
    let index: usize = name.parse().ok()?;
    (index < MAX_INDEX && index.to_string() == name).then_some(index)
}

/// Turns objects named by indices into arrays.
fn close(value: &mut Value) {
    let Value::Object(object) = value else { return };
    for value in object.values_mut() {
        close(value);
    }
    let indices: Option<Vec<usize>> = object.keys().map(|name| index(name)).collect();
    if let Some(indices) = indices {
        let mut items: Vec<(usize, Value)> =
            indices.into_iter().zip(std::mem::take(object).into_iter().map(|(_, value)| value)).collect();
        items.sort_by_key(|(index, _)| *index);
        *value = Value::Array(items.into_iter().map(|(_, value)| value).collect());
    }
}

#[cfg(test)]
mod tests;
