//! How a call wants to wait for its turn by the platform's limit, and what its answer says of that limit.
//!
//! `ratelimit-*` are written as Truto does (facts 5.4): the limit with its window, how many are left, and the seconds until there are more.

use std::time::Duration;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gateway::budget::{LONGEST_WAIT, Terms, Waited, whole_seconds};
use http::{HeaderMap, HeaderName, HeaderValue};
use upstream::budget::Lane;

use crate::error::ApiError;

/// Seconds to wait at most.
pub(crate) const MAX_WAIT: HeaderName = HeaderName::from_static("decant-max-wait");
/// Which lane to wait in.
pub(crate) const LANE: HeaderName = HeaderName::from_static("decant-lane");
/// Seconds that were waited.
pub(crate) const WAITED: HeaderName = HeaderName::from_static("decant-waited");
pub(crate) const LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
pub(crate) const REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
pub(crate) const RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// Runs a call on the terms that its headers say.
pub(crate) async fn run(request: Request, next: Next) -> Response {
    let terms = match terms(request.headers()) {
        Ok(terms) => terms,
        Err(error) => return error.into_response(),
    };
    let mut response = terms.during(next.run(request)).await;
    write(response.headers_mut(), &terms.outcome());
    response
}

fn terms(headers: &HeaderMap) -> Result<Terms, ApiError> {
    let max_wait = headers.get(MAX_WAIT).map(max_wait).transpose()?;
    let lane = headers.get(LANE).map(lane).transpose()?;
    Ok(Terms::new(lane, max_wait))
}

fn max_wait(value: &HeaderValue) -> Result<Duration, ApiError> {
    let longest = LONGEST_WAIT.as_secs_f64();
    let seconds = value.to_str().ok().and_then(|text| text.trim().parse::<f64>().ok());
    match seconds.filter(|seconds| (0.0..=longest).contains(seconds)) {
        Some(seconds) => Ok(Duration::from_secs_f64(seconds)),
        None => Err(ApiError::bad_request(format!(
            "Decant-Max-Wait takes seconds from 0 (don't wait) to {longest}, such as 30"
        ))),
    }
}

fn lane(value: &HeaderValue) -> Result<Lane, ApiError> {
    match value.to_str().unwrap_or_default().trim() {
        "interactive" => Ok(Lane::Interactive),
        "background" => Ok(Lane::Background),
        _ => Err(ApiError::bad_request(
            "Decant-Lane takes `interactive` (someone waits for the answer) or `background` (bulk work, which goes behind)",
        )),
    }
}

fn write(headers: &mut HeaderMap, outcome: &Waited) {
    let Some(limit) = &outcome.limit else { return };
    headers.insert(WAITED, text(&format!("{:.3}", outcome.waited.as_secs_f64())));
    // What the platform itself says of its limit is passed on.
    if [LIMIT, REMAINING, RESET].iter().any(|name| headers.contains_key(name)) {
        return;
    }
    headers.insert(LIMIT, text(&format!("{};w={}", limit.amount, whole_seconds(limit.window))));
    headers.insert(REMAINING, limit.remaining().into());
    headers.insert(RESET, limit.next.map_or(0, whole_seconds).into());
}

fn text(text: &str) -> HeaderValue {
    // Digits and separators.
    HeaderValue::from_str(text).unwrap_or_else(|_| HeaderValue::from_static("0"))
}
