//! What can go wrong on the way out, in words that hold no header, query or secret.

use std::error::Error as _;
use std::fmt;
use std::io::ErrorKind;

use crate::resolver::{Refused, Unresolved};

/// The client cannot be built, for instance because no trusted root certificates are found.
#[derive(Debug, thiserror::Error)]
#[error("The outbound HTTP client cannot be built: {0}.")]
pub struct BuildError(String);

impl BuildError {
    pub(crate) fn new(error: &reqwest::Error) -> Self {
        Self(innermost(error))
    }
}

/// What was being waited for when time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The connection: name resolution, TCP, TLS.
    Connect,
    /// The head of the answer.
    FirstByte,
    /// The next chunk of the answer's body.
    Idle,
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Connect => "did not accept a connection in time",
            Self::FirstByte => "did not begin to answer in time",
            Self::Idle => "stopped sending its answer midway",
        })
    }
}

/// Why there is no answer, or not the whole of it. Each `host` is the URL's host as written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The host has no address that the outbound address policy permits.
    #[error(
        "Requests to {host} are refused: its address is not a public one and is not on the allowed list."
    )]
    AddressRefused {
        /// The host.
        host: String,
    },
    /// The host's name has no address.
    #[error("The name {host} could not be resolved to an address.")]
    Resolve {
        /// The host.
        host: String,
    },
    /// No connection, or no trusted TLS session.
    #[error("No connection to {host} could be made: {reason}.")]
    Connect {
        /// The host.
        host: String,
        /// The cause, such as "connection refused".
        reason: String,
    },
    /// A time limit ran out.
    #[error("{host} {phase}.")]
    Timeout {
        /// The host.
        host: String,
        /// What was being waited for.
        phase: Phase,
    },
    /// The connection broke.
    #[error("{host} closed the connection before it had answered.")]
    Reset {
        /// The host.
        host: String,
    },
    /// The answer's body ended before its announced end.
    #[error("{host} sent an answer that ends too early.")]
    Truncated {
        /// The host.
        host: String,
    },
    /// The answer's body is longer than may be kept in memory.
    #[error("{host} sent an answer of more than {limit} bytes.")]
    TooLarge {
        /// The host.
        host: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The caller's own body broke off while it was passed on.
    #[error("The request's body ended early, so the request to {host} was given up.")]
    RequestBody {
        /// The host.
        host: String,
    },
    /// Anything else.
    #[error("{0}.")]
    Other(String),
}

impl SendError {
    /// Whether the request may have reached the platform. If not, sending it again cannot do it twice.
    pub fn was_sent(&self) -> bool {
        !matches!(
            self,
            Self::AddressRefused { .. }
                | Self::Resolve { .. }
                | Self::Connect { .. }
                | Self::Timeout { phase: Phase::Connect, .. }
        )
    }

    /// A short word for metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::AddressRefused { .. } => "address_refused",
            Self::Resolve { .. } => "resolve",
            Self::Connect { .. } => "connect",
            Self::Timeout { phase: Phase::Connect, .. } => "timeout_connect",
            Self::Timeout { phase: Phase::FirstByte, .. } => "timeout_first_byte",
            Self::Timeout { phase: Phase::Idle, .. } => "timeout_idle",
            Self::Reset { .. } => "reset",
            Self::Truncated { .. } => "truncated",
            Self::TooLarge { .. } => "too_large",
            Self::RequestBody { .. } => "request_body",
            Self::Other(_) => "other",
        }
    }

    /// Reads the client's error. reqwest's own text is not used: it may hold the URL.
    pub(crate) fn of(error: &reqwest::Error, host: &str) -> Self {
        let host = host.to_owned();
        if found::<Refused>(error).is_some() {
            return Self::AddressRefused { host };
        }
        if found::<Unresolved>(error).is_some() {
            return Self::Resolve { host };
        }
        if error.is_connect() {
            return if error.is_timeout() {
                Self::Timeout { host, phase: Phase::Connect }
            } else {
                Self::Connect { host, reason: innermost(error) }
            };
        }
        if let Some(error) = found::<std::io::Error>(error) {
            match error.kind() {
                ErrorKind::UnexpectedEof => return Self::Truncated { host },
                ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => {
                    return Self::Reset { host };
                }
                _ => {}
            }
        }
        // A body of HTTP/2 that is reset also ends up here.
        if found::<hyper::Error>(error)
            .is_some_and(|error| error.is_incomplete_message() || error.is_closed() || error.is_canceled())
        {
            return Self::Reset { host };
        }
        Self::Other(format!("The request to {host} failed: {}", innermost(error)))
    }
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(error.source(), |error: &&(dyn std::error::Error + 'static)| (*error).source())
}

/// The first error of type `E` in the chain of causes.
fn found<E: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    causes(error).find_map(|error| error.downcast_ref())
}

/// The words of the last cause, which knows nothing of the request.
fn innermost(error: &reqwest::Error) -> String {
    match causes(error).last() {
        Some(cause) => cause.to_string().trim_end_matches('.').to_owned(),
        None => "the request could not be built".to_owned(),
    }
}
