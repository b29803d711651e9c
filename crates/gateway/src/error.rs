//! Why a call failed, by what the caller can do about it.

use std::time::Duration;

use http::HeaderMap;
use integration::RemoteError;
use serde_json::{Value, json};
use upstream::SendError;
use upstream::budget::Refused;

use crate::Outcome;
use crate::budget::{retry_after_seconds, whole_seconds};
use crate::link::LinkErrorType;

/// A failed call. Its text is a sentence for the caller; it never holds a secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The call itself is wrong.
    #[error("{message}")]
    BadRequest {
        /// What is wrong and what would be right.
        message: String,
        /// What is wrong with single fields: `{"failures": […]}`.
        details: Option<Value>,
    },
    /// No token, or one that is not (or no longer) known.
    #[error("{0}")]
    Unauthenticated(String),
    /// The token may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// There is no such thing, or it belongs to another environment.
    #[error("{0}")]
    NotFound(String),
    /// The thing is there and does not take this (a sandbox account, a write).
    #[error("{message}")]
    MethodNotAllowed {
        /// What is not taken, and why.
        message: String,
        /// The verbs that are, for `Allow`.
        allow: &'static str,
    },
    /// Something else stands in the way; read again and decide anew.
    #[error("{0}")]
    Conflict(String),
    /// An `Idempotency-Key` that names another request.
    #[error(
        "this Idempotency-Key was used for another request (verb, path, query or body differ); make a new key for each write, and \
         repeat a write with the very same request"
    )]
    OtherWrite,
    /// The request with the same `Idempotency-Key` does not end.
    #[error("the first request with this Idempotency-Key still runs; repeat it later to get its answer")]
    StillRunning,
    /// The answer that a repeat would get was too large to be kept.
    #[error(
        "the write of this Idempotency-Key was applied and answered {status}; its answer was too large to be kept for repeats: read \
         what was written instead"
    )]
    AnswerNotKept {
        /// The status that it answered.
        status: u16,
    },
    /// The node that did the write ended in the middle of it.
    #[error(
        "the gateway was stopped while it did the write of this Idempotency-Key, so whether it was applied is not known: look it up, \
         and write again with a new key if it was not"
    )]
    WriteLost,
    /// A write of a call that may only find out what an earlier one did.
    #[error(
        "an earlier call with this Idempotency-Key may have been applied, so the write is not sent again"
    )]
    NotSentAgain,
    /// A write that failed, and what became of it.
    #[error("{}", told(.error, *.outcome))]
    Write {
        /// Why.
        #[source]
        error: Box<Error>,
        /// What became of it.
        outcome: Outcome,
    },
    /// A step of connecting from a browser that can't be taken.
    #[error("{message}")]
    Link {
        /// What of it failed, as the browser's SDK tells it.
        error_type: LinkErrorType,
        /// What is wrong, for the person who connects.
        message: String,
    },
    /// The body is larger than is read into memory.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// How much is read.
        limit: usize,
    },
    /// The platform answered with an error.
    #[error("{}", .0.error.message)]
    Remote(Box<Remote>),
    /// The call's turn by the platform's limit did not come in time: nothing was sent.
    #[error(
        "the platform's limit is used up ({}): this call's turn would come in about {} seconds, later than it was to wait; nothing was \
         sent. Repeat it then, or let it wait longer with the header Decant-Max-Wait", .0.limit, whole_seconds(.0.retry_after)
    )]
    NoTurn(Refused),
    /// The platform is down, as the calls before this one found: nothing was sent.
    #[error("the platform does not answer; it is tried again in {} seconds, and until then nothing is sent", whole_seconds(*.retry_after))]
    Down {
        /// When it is tried again.
        retry_after: Duration,
    },
    /// The platform gave no whole answer.
    #[error(transparent)]
    NoAnswer(#[from] SendError),
    /// The platform's answer is not what its definition or its field map says.
    #[error("{0}")]
    BadAnswer(String),
    /// A record was written, and something that belongs to it was not.
    #[error("the record {id} was written, but {failed} was not: {source}")]
    Partial {
        /// The record.
        id: String,
        /// What was not written, and nothing after it.
        failed: String,
        /// Why.
        source: Box<Error>,
    },
    /// The database can't be reached now.
    #[error("the gateway's database is unavailable, try again")]
    Unavailable(#[source] store::StoreError),
    /// A fault of the gateway; the source is for the log.
    #[error("the gateway failed; its log says why")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An error answer of the platform.
#[derive(Debug)]
pub struct Remote {
    /// What it means.
    pub error: RemoteError,
    /// The answer's headers that may be passed on.
    pub headers: HeaderMap,
}

impl Error {
    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::BadRequest { message: message.into(), details: None }
    }

    /// The HTTP status to answer with (facts, Truto 5.2).
    pub fn status(&self) -> u16 {
        match self {
            Self::Link { error_type: LinkErrorType::InvalidToken, .. } => 401,
            Self::BadRequest { .. } | Self::Link { .. } => 400,
            Self::Unauthenticated(_) => 401,
            Self::Forbidden(_) => 403,
            Self::NotFound(_) => 404,
            Self::MethodNotAllowed { .. } => 405,
            Self::Conflict(_) | Self::StillRunning | Self::NotSentAgain | Self::AnswerNotKept { .. } => 409,
            Self::TooLarge { .. } => 413,
            Self::OtherWrite => 422,
            Self::NoTurn(_) => 429,
            // A redirect that is not followed, and a status that HTTP does not know, are no answers that a caller could use.
            Self::Remote(remote) if !(400..600).contains(&remote.error.status) => 502,
            Self::Remote(remote) => remote.error.status,
            Self::NoAnswer(SendError::Timeout { .. }) => 504,
            Self::NoAnswer(SendError::RequestBody) => 400,
            Self::NoAnswer(_) | Self::BadAnswer(_) => 502,
            Self::Partial { source, .. } => source.status(),
            Self::Unavailable(_) | Self::Down { .. } => 503,
            Self::Internal(_) | Self::WriteLost => 500,
            Self::Write { error, .. } => error.status(),
        }
    }

    /// The same error of a write, with what became of it.
    pub fn with_outcome(self, outcome: Outcome) -> Self {
        match self {
            Self::Write { error, .. } => Self::Write { error, outcome },
            error => Self::Write { error: Box::new(error), outcome },
        }
    }

    /// What became of the write that failed; `None` when nothing was sent, or nothing to be written.
    pub fn outcome(&self) -> Option<Outcome> {
        match self {
            Self::Write { outcome, .. } => Some(*outcome),
            Self::Partial { source, .. } if source.outcome() == Some(Outcome::Unknown) => {
                Some(Outcome::Unknown)
            }
            Self::Partial { .. } => Some(Outcome::Applied),
            Self::WriteLost | Self::NotSentAgain => Some(Outcome::Unknown),
            Self::AnswerNotKept { .. } => Some(Outcome::Applied),
            _ => None,
        }
    }

    /// The envelope's `error_type`.
    pub fn link_error_type(&self) -> Option<LinkErrorType> {
        match self {
            Self::Link { error_type, .. } => Some(*error_type),
            _ => None,
        }
    }

    /// The envelope's `details`.
    pub fn details(&self) -> Option<Value> {
        match self {
            Self::BadRequest { details, .. } => details.clone(),
            // The message is the platform's own.
            Self::Write { error, outcome } if error.remote().is_some() => {
                Some(json!({ "what_to_do": outcome.advice()? }))
            }
            Self::Write { error, .. } => error.details(),
            Self::Partial { id, failed, .. } => Some(json!({"written": {"id": id}, "failed": failed})),
            _ => None,
        }
    }

    /// The platform's error, for `truto_is_remote_error`, `raw_response` and `truto_error_insight`.
    pub fn remote(&self) -> Option<&RemoteError> {
        match self {
            Self::Remote(remote) => Some(&remote.error),
            Self::Write { error, .. } => error.remote(),
            Self::Partial { source, .. } => source.remote(),
            _ => None,
        }
    }

    /// Headers of the platform's error answer that are passed on.
    pub fn headers(&self) -> Option<&HeaderMap> {
        match self {
            Self::Remote(remote) => Some(&remote.headers),
            Self::Write { error, .. } => error.headers(),
            Self::Partial { source, .. } => source.headers(),
            _ => None,
        }
    }

    /// Seconds for `Retry-After`.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Unavailable(_) | Self::StillRunning => Some(1),
            Self::NoTurn(refused) => Some(retry_after_seconds(refused.retry_after)),
            Self::Down { retry_after } => Some(retry_after_seconds(*retry_after)),
            Self::Write { error, .. } => error.retry_after(),
            _ => self.remote()?.retry_after,
        }
    }
}

/// A failed write's message: a platform's own words stay as they are.
fn told(error: &Error, outcome: Outcome) -> String {
    match outcome.advice() {
        Some(advice) if error.remote().is_none() => format!("{error}; {advice}"),
        _ => error.to_string(),
    }
}

impl From<store::StoreError> for Error {
    fn from(error: store::StoreError) -> Self {
        use store::StoreError;
        match error {
            StoreError::NotFound { what: store::link_token::WHAT } => crate::link::invalid_token(),
            StoreError::NotFound { .. } => Self::NotFound(error.to_string()),
            StoreError::Stale { .. } => Self::Conflict(error.to_string()),
            StoreError::Conflict { .. } => Self::Conflict(error.to_string()),
            StoreError::BadCursor => Self::bad_request("next_cursor is not one that this list gave out"),
            StoreError::Unavailable(_) => Self::Unavailable(error),
            other => Self::Internal(Box::new(other)),
        }
    }
}
