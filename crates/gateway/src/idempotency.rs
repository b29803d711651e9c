//! A write happens once: the first call with an `Idempotency-Key` does it, every other gets its answer.
//!
//! [`Gateway::once`] goes around a whole call of the data plane, whichever it is. The key is claimed in the database before the call
//! begins and holds its answer when it ends, so that any node knows. A call that is begun is brought to its end even when its caller goes
//! away. What becomes of the key:
//!
//! * the call succeeds, or fails after something was or may have been applied: the answer is kept, and repeats get it;
//! * it fails and nothing was applied (refused here, or by the platform): the key is free, for a corrected try or a later one;
//! * whether something was applied is not known, by a timeout or because the node ended: repeats run the call again with writes barred,
//!   so that a use case which reads before it writes can find out; one that finds nothing out answers the same as before.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256, digest};
use bytes::Bytes;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use jiff::SignedDuration;
use store::{Claim, Holding, KeptAnswer, NewClaim, StoreError};
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::writes::Writes;
use crate::{Caller, CallerKind, Error, Gateway, Outcome};

/// The longest key, in bytes.
pub const MAX_KEY: usize = 255;
/// The largest body of an answer that is kept, in bytes.
pub const MAX_KEPT_BODY: usize = 4 << 20;

/// Between two looks at a write that another call does; doubled after each.
const FIRST_LOOK: Duration = Duration::from_millis(10);
const LONGEST_LOOK: Duration = Duration::from_millis(500);
/// How often an answer is tried to be kept, and how long after.
const TRIES: u32 = 4;
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Headers of an answer that are kept with it, beside those that begin with `content-`.
const KEPT_HEADERS: [HeaderName; 5] = [
    http::header::ETAG,
    http::header::LAST_MODIFIED,
    http::header::LINK,
    http::header::LOCATION,
    http::header::ALLOW,
];

/// A write and the key that its caller named it by.
#[derive(Debug, Clone)]
pub struct KeyedWrite {
    /// Who calls. The key is unique within the environment, or for an integrated account token within the account.
    pub caller: Caller,
    /// The key; see [`check_key`].
    pub key: String,
    /// What tells this write from others; see [`fingerprint`].
    pub fingerprint: String,
}

/// What a call answered, for its repeats.
#[derive(Debug)]
pub struct CallAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers; those that describe the answer are kept.
    pub headers: HeaderMap,
    /// The body; none when it is larger than [`MAX_KEPT_BODY`].
    pub body: Option<Bytes>,
    /// What its error says about the write.
    pub outcome: Option<Outcome>,
}

/// What a keyed call gives.
#[derive(Debug)]
pub enum Once<T> {
    /// It ran now.
    Done(T),
    /// It had run before.
    Replayed(Replay),
}

/// The answer of a call that had run before.
#[derive(Debug)]
pub struct Replay {
    /// The status.
    pub status: StatusCode,
    /// The headers that describe it.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// Checks a key: 1 to 255 visible ASCII characters. [`Error::BadRequest`] otherwise.
pub fn check_key(key: &[u8]) -> Result<&str, Error> {
    let fits = (1..=MAX_KEY).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    std::str::from_utf8(key).ok().filter(|_| fits).ok_or_else(|| {
        Error::bad_request(format!(
            "an Idempotency-Key has 1 to {MAX_KEY} visible ASCII characters, such as a UUID; make a new one for each write"
        ))
    })
}

/// What tells a write from others: verb, path and query as received (the account is in it, or in the key's scope), and the body.
pub fn fingerprint(verb: &Method, path: &str, query: Option<&str>, body: &[u8]) -> String {
    let mut context = Context::new(&SHA256);
    for part in [verb.as_str(), path, query.unwrap_or_default()] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    context.update(digest(&SHA256, body).as_ref());
    context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Gateway {
    /// Runs a call once for all requests with the same key. A repeat gets the first one's answer; one that comes while the first runs
    /// waits for it, up to [`Settings::write_wait`](crate::Settings::write_wait).
    ///
    /// [`Error::OtherWrite`] when the key names another request, [`Error::StillRunning`] when the wait was in vain,
    /// [`Error::AnswerNotKept`] when the first one's answer was too large, [`Error::WriteLost`] when nobody knows what became of
    /// it. A panic of the call goes on.
    pub async fn once<T, F>(
        &self,
        write: &KeyedWrite,
        run: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Once<T>, Error>
    where
        T: Send + 'static,
        F: Future<Output = (T, CallAnswer)> + Send + 'static,
    {
        let settings = &self.0.parts.settings;
        let owner = match &write.caller.kind {
            CallerKind::ApiToken { .. } => &write.caller.environment_id,
            CallerKind::AccountToken { account_id, .. } => account_id,
        };
        let new = NewClaim {
            environment_id: &write.caller.environment_id,
            owner,
            key: &write.key,
            fingerprint: &write.fingerprint,
            lease: signed(settings.write_lease),
            keep: signed(settings.write_retention),
        };
        let until = Instant::now() + settings.write_wait;
        let mut pause = FIRST_LOOK;
        loop {
            match self.0.parts.store.claim_idempotency_key(&new).await? {
                Claim::New(holding) => return Ok(Once::Done(self.write(holding, run).await)),
                Claim::Answered(answer) => return replay(answer).map(Once::Replayed),
                Claim::OtherWrite => return Err(Error::OtherWrite),
                Claim::Unknown { holding, answer } => return self.find_out(holding, answer, run).await,
                Claim::Running if Instant::now() + pause > until => return Err(Error::StillRunning),
                Claim::Running => tokio::time::sleep(pause).await,
            }
            pause = (pause * 2).min(LONGEST_LOOK);
        }
    }

    /// The first call: its answer is kept, or the key freed.
    async fn write<T, F>(&self, holding: Holding, run: impl FnOnce() -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = (T, CallAnswer)> + Send + 'static,
    {
        self.run_on(holding, Writes::new(false), run, |answer, writes| {
            let is_unknown = answer.outcome == Some(Outcome::Unknown);
            let used_up = answer.status.as_u16() < 400 || is_unknown || writes.are_open();
            if used_up { End::Keep { is_unknown } } else { End::Free }
        })
        .await
        .0
    }

    /// A repeat of a call of which nobody knows what it wrote: it runs with writes barred.
    async fn find_out<T, F>(
        &self,
        holding: Holding,
        before: Option<KeptAnswer>,
        run: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Once<T>, Error>
    where
        T: Send + 'static,
        F: Future<Output = (T, CallAnswer)> + Send + 'static,
    {
        let (given, end) = self
            .run_on(holding, Writes::new(true), run, |answer, _| {
                let found = answer.status.as_u16() < 400;
                if found { End::Keep { is_unknown: false } } else { End::Abandon }
            })
            .await;
        match (end, before) {
            (End::Abandon, Some(before)) => replay(before).map(Once::Replayed),
            (End::Abandon, None) => Err(Error::WriteLost),
            _ => Ok(Once::Done(given)),
        }
    }

    /// Runs a call to its end, whatever becomes of its caller, while its claim is renewed; then does with the claim what `decide` says.
    async fn run_on<T, F>(
        &self,
        holding: Holding,
        writes: Writes,
        run: impl FnOnce() -> F + Send + 'static,
        decide: impl FnOnce(&CallAnswer, &Writes) -> End + Send + 'static,
    ) -> (T, End)
    where
        T: Send + 'static,
        F: Future<Output = (T, CallAnswer)> + Send + 'static,
    {
        let gateway = self.clone();
        let running = async move {
            let call = AssertUnwindSafe(writes.during(async { run().await })).catch_unwind();
            let ended = tokio::select! {
                ended = call => ended,
                never = gateway.keep_claim(&holding) => match never {},
            };
            match ended {
                Ok((given, answer)) => {
                    let end = decide(&answer, &writes);
                    gateway.end_claim(&holding, end, Some(&answer)).await;
                    Ok((given, end))
                }
                Err(panic) => {
                    let end = if writes.are_open() { End::Abandon } else { End::Free };
                    gateway.end_claim(&holding, end, None).await;
                    Err(panic)
                }
            }
        };
        match self.0.tasks.spawn(running.in_current_span()).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // A task that is not aborted ends by itself or by a panic.
            Err(failure) => std::panic::resume_unwind(Box::new(failure)),
        }
    }

    /// Renews a claim for as long as it is asked to.
    async fn keep_claim(&self, holding: &Holding) -> std::convert::Infallible {
        let lease = self.0.parts.settings.write_lease;
        loop {
            tokio::time::sleep(lease / 3).await;
            if let Err(error) = self.0.parts.store.renew_claim(holding, signed(lease)).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the claim of a running write can't be renewed"
                );
            }
        }
    }

    /// Ends a claim. Where the database fails the lease ends by itself, and repeats are told that the outcome is not known.
    async fn end_claim(&self, holding: &Holding, end: End, answer: Option<&CallAnswer>) {
        let kept = answer.map(CallAnswer::kept);
        for attempt in 1..=TRIES {
            let ended = match (end, &kept) {
                (End::Keep { is_unknown }, Some(kept)) => {
                    self.0.parts.store.keep_answer(holding, kept, is_unknown).await
                }
                (End::Free, _) => self.0.parts.store.free_claim(holding).await,
                (End::Abandon | End::Keep { .. }, _) => self.0.parts.store.abandon_claim(holding).await,
            };
            match ended {
                Ok(()) => return,
                Err(StoreError::Unavailable(_)) if attempt < TRIES => {
                    tokio::time::sleep(RETRY_AFTER * attempt).await;
                }
                Err(error) => {
                    return tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "what became of a write can't be kept"
                    );
                }
            }
        }
    }
}

/// What becomes of a claim.
#[derive(Clone, Copy)]
enum End {
    /// Its answer is for its repeats.
    Keep { is_unknown: bool },
    /// Nothing was applied.
    Free,
    /// Nobody knows.
    Abandon,
}

impl CallAnswer {
    fn kept(&self) -> KeptAnswer {
        let headers = self.headers.iter().filter(|(name, _)| {
            let describes = name.as_str().starts_with("content-") && *name != http::header::CONTENT_LENGTH;
            describes || KEPT_HEADERS.contains(name)
        });
        KeptAnswer {
            status: self.status.as_u16(),
            headers: headers
                .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
                .collect(),
            body: self.body.as_ref().map(|body| body.to_vec()),
        }
    }
}

fn replay(kept: KeptAnswer) -> Result<Replay, Error> {
    let KeptAnswer { status, headers, body } = kept;
    let body = body.ok_or(Error::AnswerNotKept { status })?;
    let headers = headers.iter().filter_map(|(name, value)| {
        Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?))
    });
    // Written from a status, so it is one.
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        all.append(name, value);
    }
    Ok(Replay { status, headers: all, body: body.into() })
}

fn signed(duration: Duration) -> SignedDuration {
    SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Parts do not run into each other: what differs anywhere is another write.
        #[test]
        fn a_fingerprint_tells_every_part(
            one in ("[A-Z]{1,2}", "/[ab/?]{0,3}", "[ab&]{0,3}", "[ab]{0,3}"),
            other in ("[A-Z]{1,2}", "/[ab/?]{0,3}", "[ab&]{0,3}", "[ab]{0,3}"),
        ) {
            let print = |(verb, path, query, body): &(String, String, String, String)| {
                fingerprint(&verb.parse().unwrap(), path, Some(query), body.as_bytes())
            };
            prop_assert_eq!(print(&one), print(&one));
            prop_assert_eq!(print(&one) == print(&other), one == other);
        }
    }
}
