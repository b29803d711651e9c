//! Answers of the data plane: the envelope around records (facts, Truto 3.3), and answers passed on as they are.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use gateway::idempotency::Replay;
use gateway::{Answer, Error, Records, Reply};
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::error::ApiError;

/// The header of an answer that was given before to the same write.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Writes what a unified or proxy call gave.
pub(crate) fn write(reply: Reply) -> Response {
    match reply {
        Reply::Records(records) => list(records),
        Reply::Answer(answer) => pass_on(answer),
    }
}

/// `{result, next_cursor, prev_cursor, result_count, is_partial_response}` around the records' own text.
fn list(records: Records) -> Response {
    let Records { result: mut text, result_count, next_cursor, prev_cursor, is_partial, headers } = records;
    // Moving megabytes within their memory is faster than filling as much of new memory.
    text.splice(..0, *b"{\"result\":");
    text.extend_from_slice(b",\"next_cursor\":");
    push_text(&mut text, next_cursor);
    text.extend_from_slice(b",\"prev_cursor\":");
    push_text(&mut text, prev_cursor);
    text.extend_from_slice(
        format!(",\"result_count\":{result_count},\"is_partial_response\":{is_partial}}}").as_bytes(),
    );
    let mut response = (StatusCode::OK, text).into_response();
    response.headers_mut().extend(headers);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn push_text(out: &mut Vec<u8>, text: Option<String>) {
    match text {
        Some(text) => out.extend_from_slice(serde_json::Value::String(text).to_string().as_bytes()),
        None => out.extend_from_slice(b"null"),
    }
}

/// Gives an answer as it is.
pub(crate) fn pass_on(answer: Answer) -> Response {
    let mut response = Response::new(Body::new(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// Gives the answer of a write that was done before, and says so.
pub(crate) fn replay(replay: Replay) -> Response {
    let Replay { status, headers, body } = replay;
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<&Error> for ApiError {
    fn from(error: &Error) -> Self {
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_GATEWAY);
        if status.is_server_error() && error.remote().is_none() {
            tracing::error!(error = %Chain(error), "a call failed");
        }
        let answer = match error {
            Error::Unauthenticated(message) => Self::unauthorized(message.clone()),
            Error::MethodNotAllowed { message, allow } => {
                Self::new(status, message.clone()).with_header(ALLOW, HeaderValue::from_static(allow))
            }
            _ => Self::new(status, error.to_string()),
        };
        let answer = answer
            .with_details(error.details())
            .with_error_type(error.link_error_type())
            .with_outcome(error.outcome())
            .with_headers(error.headers().unwrap_or(&HeaderMap::new()))
            .with_retry_after(error.retry_after());
        match error.remote() {
            Some(remote) => answer.from_remote(remote.raw_response.clone(), remote.insight.clone()),
            None => answer,
        }
    }
}

/// An error with its sources, for the log.
struct Chain<'a>(&'a dyn std::error::Error);

impl std::fmt::Display for Chain<'_> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(out, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}
