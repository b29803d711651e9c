//! Why a request got no whole answer, in words for a person.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A request that got no whole answer. Messages name the host at most: never the path, headers or a body.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The host's address is not one that may be reached.
    #[error(
        "{host} is not an address of the public internet, and this gateway's operator has not allowed it"
    )]
    AddressRefused {
        /// The host as asked for.
        host: String,
    },
    /// The address is not one of HTTP.
    #[error("the address of the platform is not a valid http or https URL")]
    BadUrl,
    /// No connection could be made.
    #[error("no connection to {host}: {reason}")]
    Connect {
        /// The host as asked for.
        host: String,
        /// The system's or TLS's own words.
        reason: String,
    },
    /// The platform took too long.
    #[error("the platform {phase} within {} seconds", limit.as_secs_f32())]
    Timeout {
        /// What was waited for.
        phase: Phase,
        /// How long.
        limit: Duration,
    },
    /// The platform closed or reset the connection.
    #[error("the platform broke the connection off")]
    Reset,
    /// The platform hung up, or sent the request back, before it looked at it.
    #[error("the platform closed the connection before it took the request up; send it again")]
    Unprocessed,
    /// The answer ended before its announced end.
    #[error("the platform's answer ended too early")]
    Truncated,
    /// The answer is larger than what is read into memory.
    #[error("the platform's answer is larger than {limit} bytes")]
    TooLarge {
        /// How much would have been read.
        limit: usize,
    },
    /// The caller's own body ended before its end.
    #[error("the request's body broke off")]
    RequestBody,
    /// The answer is not HTTP, or another fault of the protocol.
    #[error("the platform's answer could not be read: {0}")]
    Protocol(String),
}

/// What a time limit is set for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Name, connection and TLS.
    Connect,
    /// From the end of the request to the first byte of the answer.
    FirstByte,
    /// Between two parts of the answer.
    Idle,
}

impl fmt::Display for Phase {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Connect => "was not connected to",
            Self::FirstByte => "did not answer",
            Self::Idle => "did not go on with its answer",
        })
    }
}

/// The way out can't be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// TLS can't be had with what the system trusts.
    #[error("the system's certificates can't be used for TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// The file of further certificates is of no use.
    #[error(
        "the certificates in {} can't be used ({reason}): the file has to hold the authorities' certificates in PEM, each between \
         -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----", file.display()
    )]
    CaFile {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

impl SetupError {
    pub(crate) fn ca_file(file: &Path, reason: impl fmt::Display) -> Self {
        Self::CaFile { file: file.to_owned(), reason: reason.to_string() }
    }
}

/// What the connector itself refuses. It travels as the source of hyper's error.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    #[error("the address may not be reached")]
    AddressRefused,
    #[error("timed out")]
    Timeout,
}

impl SendError {
    /// Whether the platform may have looked at the request, or a part of it. False only where no connection was made, or the platform
    /// or the connection itself says that it did not: a write that failed so was certainly not applied.
    pub fn may_have_arrived(&self) -> bool {
        !matches!(
            self,
            Self::AddressRefused { .. }
                | Self::BadUrl
                | Self::Connect { .. }
                | Self::Unprocessed
                | Self::Timeout { phase: Phase::Connect, .. }
        )
    }

    /// Whether it says that the platform is down, and nothing of the request or of who sent it.
    pub fn is_the_platforms(&self) -> bool {
        matches!(
            self,
            Self::Connect { .. }
                | Self::Timeout { .. }
                | Self::Reset
                | Self::Unprocessed
                | Self::Truncated
                | Self::Protocol(_)
        )
    }

    /// Makes sense of hyper's error before there is an answer.
    pub(crate) fn sending(error: &hyper_util::client::legacy::Error, host: &str, connect: Duration) -> Self {
        match find::<ConnectError>(error) {
            Some(ConnectError::AddressRefused) => return Self::AddressRefused { host: host.to_owned() },
            Some(ConnectError::Timeout) => return Self::Timeout { phase: Phase::Connect, limit: connect },
            None => {}
        }
        if error.is_connect() {
            return Self::Connect { host: host.to_owned(), reason: innermost(error) };
        }
        if is_unprocessed(error) {
            return Self::Unprocessed;
        }
        match Self::talking(error) {
            // Nothing of an answer came: the platform hung up.
            Self::Truncated => Self::Reset,
            other => other,
        }
    }

    /// Makes sense of an error once connected.
    pub(crate) fn talking(error: &(dyn StdError + 'static)) -> Self {
        if let Some(error) = find::<Self>(error) {
            return error.clone();
        }
        let http2 = find::<h2::Error>(error);
        if http2.is_some_and(h2::Error::is_remote) {
            return Self::Reset;
        }
        if http2.is_some_and(|error| error.is_reset() && !error.is_library()) {
            // The only stream that is reset from here while its answer is waited for.
            return Self::RequestBody;
        }
        if let Some(error) = find::<hyper::Error>(error) {
            if error.is_incomplete_message() {
                return Self::Truncated;
            }
            // A time limit of hyper's own is that of a connection which answers nothing any more.
            if error.is_body_write_aborted() || error.is_timeout() || is_gone(error) {
                return Self::Reset;
            }
        }
        let io = find::<io::Error>(error).or_else(|| http2.and_then(h2::Error::get_io));
        match io.map(io::Error::kind) {
            Some(io::ErrorKind::UnexpectedEof) => Self::Truncated,
            Some(
                io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe,
            ) => Self::Reset,
            _ => Self::Protocol(innermost(error)),
        }
    }
}

/// Whether the platform has certainly not looked at the request (RFC 9113, 6.8 and 8.7).
fn is_unprocessed(error: &(dyn StdError + 'static)) -> bool {
    if find::<hyper::Error>(error).is_some_and(|error| error.is_canceled() || error.is_closed()) {
        // Its turn on the connection never came.
        return true;
    }
    // A GOAWAY fails the requests only that it names as not looked at.
    find::<h2::Error>(error).is_some_and(|error| {
        error.is_remote() && (error.is_go_away() || error.reason() == Some(h2::Reason::REFUSED_STREAM))
    })
}

/// Whether the connection ended over a request that was just beginning. hyper has no better way to ask.
fn is_gone(error: &hyper::Error) -> bool {
    error.is_user() && error.to_string() == "dispatch task is gone"
}

/// The first error of a type in the chain of sources.
fn find<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// The words of the innermost source: the outer ones only say what was being done.
fn innermost(error: &(dyn StdError + 'static)) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
