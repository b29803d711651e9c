//! Why a call failed, by what the caller can do about it.

use http::HeaderMap;
use integration::RemoteError;
use serde_json::Value;
use upstream::SendError;

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
    /// The body is larger than is read into memory.
    #[error("the body is larger than {limit} bytes")]
    TooLarge {
        /// How much is read.
        limit: usize,
    },
    /// The platform answered with an error.
    #[error("{}", .0.error.message)]
    Remote(Box<Remote>),
    /// The platform gave no whole answer.
    #[error(transparent)]
    NoAnswer(#[from] SendError),
    /// The platform's answer is not what its definition or its field map says.
    #[error("{0}")]
    BadAnswer(String),
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
            Self::BadRequest { .. } => 400,
            Self::Unauthenticated(_) => 401,
            Self::Forbidden(_) => 403,
            Self::NotFound(_) => 404,
            Self::MethodNotAllowed { .. } => 405,
            Self::Conflict(_) => 409,
            Self::TooLarge { .. } => 413,
            // A redirect that is not followed, and a status that HTTP does not know, are no answers that a caller could use.
            Self::Remote(remote) if !(400..600).contains(&remote.error.status) => 502,
            Self::Remote(remote) => remote.error.status,
            Self::NoAnswer(SendError::Timeout { .. }) => 504,
            Self::NoAnswer(SendError::RequestBody) => 400,
            Self::NoAnswer(_) | Self::BadAnswer(_) => 502,
            Self::Unavailable(_) => 503,
            Self::Internal(_) => 500,
        }
    }

    /// The envelope's `details`.
    pub fn details(&self) -> Option<&Value> {
        match self {
            Self::BadRequest { details, .. } => details.as_ref(),
            _ => None,
        }
    }

    /// The platform's error, for `truto_is_remote_error`, `raw_response` and `truto_error_insight`.
    pub fn remote(&self) -> Option<&RemoteError> {
        match self {
            Self::Remote(remote) => Some(&remote.error),
            _ => None,
        }
    }

    /// Headers of the platform's error answer that are passed on.
    pub fn headers(&self) -> Option<&HeaderMap> {
        match self {
            Self::Remote(remote) => Some(&remote.headers),
            _ => None,
        }
    }

    /// Seconds for `Retry-After`.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Unavailable(_) => Some(1),
            _ => self.remote()?.retry_after,
        }
    }
}

impl From<store::StoreError> for Error {
    fn from(error: store::StoreError) -> Self {
        use store::StoreError;
        match error {
            StoreError::NotFound { .. } => Self::NotFound(error.to_string()),
            StoreError::Stale { .. } => Self::Conflict(error.to_string()),
            StoreError::Conflict { .. } => Self::Conflict(error.to_string()),
            StoreError::BadCursor => Self::bad_request("next_cursor is not one that this list gave out"),
            StoreError::Unavailable(_) => Self::Unavailable(error),
            other => Self::Internal(Box::new(other)),
        }
    }
}
