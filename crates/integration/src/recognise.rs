//! Errors of a platform, told apart by what the definition says of them.

use serde_json::{Map, Value, json};

use crate::compiled::Resource;
use crate::definition::Errors;
use crate::rate_limit::Told;

/// An error answer of the platform.
#[derive(Debug, Clone)]
pub struct RemoteError {
    /// The platform's status.
    pub status: u16,
    /// What it means.
    pub kind: RemoteErrorKind,
    /// The platform's words, or ours where it has none.
    pub message: String,
    /// The body: JSON, or text that is none.
    pub raw_response: Value,
    /// `truto_error_insight` (facts, Truto 5.1).
    pub insight: Value,
    /// Seconds to wait, where the platform says so.
    pub retry_after: Option<u64>,
}

/// What an error of a platform means to a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteErrorKind {
    /// The credentials are not taken.
    Unauthorized,
    /// The credentials are good and lack a permission.
    Forbidden,
    /// There is no such record.
    NotFound,
    /// The platform refuses the content.
    Validation,
    /// The record's state does not allow it.
    Conflict,
    /// Too many calls.
    RateLimited,
    /// The platform is down.
    Unavailable,
    /// Anything else.
    Other,
}

/// The longest body that is repeated to the caller, in bytes.
const RAW_LIMIT: usize = 64 * 1024;
/// The longest message that is taken from a body, in characters.
const MESSAGE_LIMIT: usize = 500;
/// Where platforms put their words (facts, Truto 5.1).
const MESSAGE_KEYS: [&str; 9] = [
    "message",
    "msg",
    "errorMessage",
    "error_description",
    "description",
    "detail",
    "summary",
    "title",
    "error",
];

/// Reads an error answer.
pub(crate) fn recognise(
    errors: &Errors,
    resource: Option<&Resource>,
    status: u16,
    told: &Told,
    body: &[u8],
) -> RemoteError {
    let raw_response = raw(body);
    let message = errors
        .message
        .as_deref()
        .and_then(|key| raw_response.get(key))
        .and_then(Value::as_str)
        .filter(|message| !message.trim().is_empty())
        .map(str::to_owned)
        .or_else(|| find_message(&raw_response, 0))
        .map(|message| message.chars().take(MESSAGE_LIMIT).collect())
        .unwrap_or_else(|| format!("the platform answered {status} without a message"));
    let kind = kind(errors, told, status, &message);
    let missing = missing_fields(errors, &raw_response);
    let insight = insight(kind, &message, &missing, resource);
    let retry_after = told.retry_after.map(|seconds| seconds.ceil() as u64);
    RemoteError { status, kind, message, raw_response, insight, retry_after }
}

fn kind(errors: &Errors, told: &Told, status: u16, message: &str) -> RemoteErrorKind {
    let message = message.to_lowercase();
    if errors
        .forbidden
        .iter()
        .any(|sign| sign.status == status && message.contains(&sign.message.to_lowercase()))
    {
        return RemoteErrorKind::Forbidden;
    }
    if told.is_refusal {
        return RemoteErrorKind::RateLimited;
    }
    match status {
        401 => RemoteErrorKind::Unauthorized,
        403 => RemoteErrorKind::Forbidden,
        404 | 410 => RemoteErrorKind::NotFound,
        400 | 422 => RemoteErrorKind::Validation,
        409 => RemoteErrorKind::Conflict,
        500..=599 => RemoteErrorKind::Unavailable,
        _ => RemoteErrorKind::Other,
    }
}

fn raw(body: &[u8]) -> Value {
    if body.len() <= RAW_LIMIT
        && let Ok(value) = serde_json::from_slice(body)
    {
        return value;
    }
    Value::String(String::from_utf8_lossy(&body[..body.len().min(RAW_LIMIT)]).into_owned())
}

/// The first message in a body of unknown shape, no deeper than platforms put it.
fn find_message(value: &Value, depth: usize) -> Option<String> {
    if depth > 3 {
        return None;
    }
    match value {
        Value::Object(fields) => MESSAGE_KEYS
            .iter()
            .filter_map(|key| fields.get(*key))
            .find_map(|found| match found {
                Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
                Value::String(_) => None,
                deeper => find_message(deeper, depth + 1),
            })
            .or_else(|| fields.get("errors").and_then(|errors| find_message(errors, depth + 1))),
        Value::Array(items) => items.iter().find_map(|item| match item {
            Value::String(text) => Some(text.clone()),
            deeper => find_message(deeper, depth + 1),
        }),
        _ => None,
    }
}

fn missing_fields(errors: &Errors, raw: &Value) -> Vec<String> {
    let Some(problems) = &errors.problems else { return Vec::new() };
    let Some(list) = raw.get(&problems.list).and_then(Value::as_array) else { return Vec::new() };
    list.iter()
        .filter(|problem| problem.get(&problems.message).and_then(Value::as_str) == Some(&problems.required))
        .filter_map(|problem| problem.get(&problems.field)?.as_str().map(str::to_owned))
        .collect()
}

fn insight(kind: RemoteErrorKind, message: &str, missing: &[String], resource: Option<&Resource>) -> Value {
    let mut insight = Map::new();
    match kind {
        RemoteErrorKind::RateLimited => {
            insight.insert(
                "rate_limit_error".into(),
                json!({"description": "The platform's rate limit is used up."}),
            );
        }
        RemoteErrorKind::Forbidden => {
            let permission = resource.and_then(|resource| resource.permission.clone());
            let scopes: Vec<String> = permission.into_iter().collect();
            insight.insert(
                "forbidden_error".into(),
                json!({"description": "The connected app lacks a permission.", "value": {"missing_scopes": scopes}}),
            );
        }
        _ => {
            insight.insert("remote_error".into(), json!({"description": message}));
        }
    }
    if !missing.is_empty() {
        insight.insert(
            "missing_required_body_fields".into(),
            json!({"description": "The platform needs these fields.", "value": missing}),
        );
    }
    Value::Object(insight)
}
