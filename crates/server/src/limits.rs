//! How often one token and one account may call: the API's own limits (facts, Truto 5.3), which nobody has unless an operator sets them.
//!
//! Both are layers. A call that is refused has cost next to nothing: its body is not read and its `Idempotency-Key` not claimed. What is
//! counted is a bucket: it holds as many calls as the limit names, and fills again evenly over the limit's span. Each node counts for itself.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use gateway::budget::retry_after_seconds;
use governor::clock::Clock as _;
use governor::{DefaultKeyedRateLimiter, Quota};
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde_json::json;

use crate::App;
use crate::body::{self, is_json};
use crate::caller::AnyCaller;
use crate::error::ApiError;
use crate::query;
use crate::routes::BATCH;

/// Counts refused calls, by `limit`: `token` or `account`.
const REFUSED: &str = "decant_rate_limited_total";
/// Between two looks for who has not called for a while.
const SWEEP: Duration = Duration::from_secs(1);
const LONGEST_SPAN: Duration = Duration::from_secs(24 * 60 * 60);
const ACCOUNT_ID: &str = "integrated_account_id";

/// So many calls within a span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    calls: NonZeroU32,
    span: Duration,
    quota: Quota,
}

/// A rate that can't be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// The span is empty, or too short for its calls.
    #[error("the span is too short for so many calls; write it as 500/10s")]
    TooShort,
    /// The span is longer than a day.
    #[error("the span is longer than a day; write it as 500/10s")]
    TooLong,
}

impl Rate {
    /// So many calls within `span`, which is a day at most.
    pub fn new(calls: NonZeroU32, span: Duration) -> Result<Self, RateError> {
        if span > LONGEST_SPAN {
            return Err(RateError::TooLong);
        }
        let quota = Quota::with_period(span / calls.get()).ok_or(RateError::TooShort)?.allow_burst(calls);
        Ok(Self { calls, span, quota })
    }
}

/// Whose calls a limiter counts.
#[derive(Clone, Copy)]
enum Whose {
    Token,
    Account,
}

impl Whose {
    fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Account => "account",
        }
    }

    fn refusal(self, Rate { calls, span, .. }: Rate, wait: u64) -> String {
        let used_up = match self {
            Self::Token => "this token has used up its limit",
            Self::Account => "the limit of this integrated account, which all tokens share, is used up",
        };
        format!(
            "{used_up} of {calls} calls in {} s: call again in {wait} s, as Retry-After says, and less often from then on; \
             /batch-request makes many calls in one",
            span.as_secs_f32()
        )
    }
}

/// Counts calls by a key.
pub(crate) struct Limiter {
    whose: Whose,
    rate: Rate,
    counts: DefaultKeyedRateLimiter<Arc<str>>,
    swept: Mutex<Instant>,
}

impl Limiter {
    /// Counts the calls of each token.
    pub(crate) fn by_token(rate: Rate) -> Arc<Self> {
        Arc::new(Self::new(Whose::Token, rate))
    }

    /// Counts the calls of each account.
    pub(crate) fn by_account(rate: Rate) -> Arc<Self> {
        Arc::new(Self::new(Whose::Account, rate))
    }

    fn new(whose: Whose, rate: Rate) -> Self {
        let counts = DefaultKeyedRateLimiter::keyed(rate.quota);
        Self { whose, rate, counts, swept: Mutex::new(Instant::now()) }
    }

    /// Counts a call, or refuses it. Keys are of what is there and may be called: only so is their number bounded.
    fn count(&self, key: &Arc<str>) -> Result<(), ApiError> {
        self.sweep();
        let Err(until) = self.counts.check_key(key) else { return Ok(()) };
        let wait = retry_after_seconds(until.wait_time_from(self.counts.clock().now()));
        let Self { whose, rate, .. } = *self;
        metrics::counter!(REFUSED, "limit" => whose.name()).increment(1);
        let details =
            json!({"limit": whose.name(), "calls": rate.calls.get(), "seconds": rate.span.as_secs_f32()});
        Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, whose.refusal(rate, wait))
            .with_details(Some(details))
            .with_retry_after(Some(wait)))
    }

    /// Forgets the keys whose bucket is full again.
    fn sweep(&self) {
        // Who finds it taken leaves the sweep to the one who has it.
        let Ok(mut swept) = self.swept.try_lock() else { return };
        if swept.elapsed() >= SWEEP {
            *swept = Instant::now();
            self.counts.retain_recent();
            self.counts.shrink_to_fit();
        }
    }
}

/// Around every route that asks for a token: counts the calls of each.
pub(crate) async fn of_tokens(
    State((app, limiter)): State<(App, Arc<Limiter>)>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let AnyCaller(caller) = AnyCaller::from_request_parts(&mut parts, &app).await?;
    limiter.count(caller.token_id())?;
    parts.extensions.insert(caller);
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// Around every route that goes to a platform: counts the calls of each account. A call of an account that is not there, or not the
/// caller's, is left for its route to refuse.
pub(crate) async fn of_accounts(
    State((app, limiter)): State<(App, Arc<Limiter>)>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let (mut parts, mut body) = request.into_parts();
    let AnyCaller(caller) = AnyCaller::from_request_parts(&mut parts, &app).await?;
    let asked = if parts.uri.path() == BATCH {
        let asked;
        (asked, body) = account_of_batch(&parts, body, app.body_limit).await?;
        asked
    } else {
        query::last_value(parts.uri.query().unwrap_or_default(), ACCOUNT_ID)
    };
    if let Ok(account_id) = app.gateway.called_account(&caller, asked.as_deref()).await {
        limiter.count(&account_id)?;
    }
    parts.extensions.insert(caller);
    Ok(next.run(Request::from_parts(parts, body)).await)
}

/// A batch names its account in its body, which has to be read for it.
async fn account_of_batch(
    parts: &Parts,
    body: Body,
    limit: usize,
) -> Result<(Option<String>, Body), ApiError> {
    #[derive(Deserialize)]
    struct About {
        integrated_account_id: String,
    }

    if !is_json(&parts.headers) {
        return Ok((None, body));
    }
    let bytes = body::read(body, limit).await?;
    let about = serde_json::from_slice(&bytes).map(|About { integrated_account_id }| integrated_account_id);
    Ok((about.ok(), Body::from(bytes)))
}

#[cfg(test)]
mod tests {
    use testkit::eventually;

    use super::*;

    fn rate(calls: u32, span: Duration) -> Result<Rate, RateError> {
        Rate::new(NonZeroU32::new(calls).unwrap(), span)
    }

    #[test]
    fn a_rate_has_a_span_that_can_be_counted() {
        assert!(rate(500, Duration::from_secs(10)).is_ok());
        assert!(rate(u32::MAX, LONGEST_SPAN).is_ok());
        assert_eq!(rate(1, Duration::ZERO), Err(RateError::TooShort));
        assert_eq!(rate(u32::MAX, Duration::from_secs(1)), Err(RateError::TooShort));
        assert_eq!(rate(1, LONGEST_SPAN * 2), Err(RateError::TooLong));
    }

    #[tokio::test]
    async fn who_has_not_called_for_a_while_takes_no_memory() {
        let limiter = Limiter::by_token(rate(5, Duration::from_millis(10)).unwrap());
        for token in 0..1_000 {
            limiter.count(&format!("token {token}").into()).unwrap();
        }
        assert!(limiter.counts.len() > 1);
        eventually("only the token that calls", || async {
            let _ = limiter.count(&"the last".into());
            (limiter.counts.len() == 1).then_some(())
        })
        .await;
    }
}
