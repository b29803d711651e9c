//! Why an account could not be connected, by what the person who connects it can do about it.

use integration::{FieldProblem, Refusal, RemoteErrorKind};
use serde::{Deserialize, Serialize};
use upstream::SendError;
use utoipa::ToSchema;

use crate::Error;

/// What stands in the way of connecting. `code` is what texts in people's languages are kept under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Problem {
    /// Something is not filled in as it has to be.
    InvalidFields {
        /// What is wrong, field by field.
        #[schema(value_type = Vec<Object>)]
        fields: Vec<FieldProblem>,
    },
    /// The platform knows no such account of its own.
    UnknownAccount,
    /// The account of the platform has not installed the app.
    AppNotInstalled,
    /// The platform does not take the credentials.
    CredentialsRefused,
    /// The person did not agree at the platform.
    AccessDenied,
    /// The credentials are good and lack a permission.
    MissingPermission {
        /// The platform's name of it, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        permission: Option<String>,
    },
    /// The platform is down, can't be reached or does not answer in time.
    PlatformUnavailable,
    /// The platform takes no more calls for the moment.
    RateLimited,
    /// Anything else; the message says what.
    Unexpected,
}

impl Problem {
    /// The same, with what was found out about refused credentials.
    pub(super) fn of_refusal(error: &Error, refusal: Option<Refusal>) -> Self {
        match refusal {
            Some(Refusal::UnknownAccount) => Self::UnknownAccount,
            Some(Refusal::AppNotInstalled) => Self::AppNotInstalled,
            Some(Refusal::CredentialsRefused) | None => Self::of(error),
        }
    }

    /// What an error means to who connects.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::BadRequest { details: Some(details), .. } => {
                match serde_json::from_value(details["failures"].clone()) {
                    Ok(fields) => Self::InvalidFields { fields },
                    Err(_) => Self::Unexpected,
                }
            }
            Error::Remote(remote) => match remote.error.kind {
                RemoteErrorKind::Unauthorized => Self::CredentialsRefused,
                RemoteErrorKind::Forbidden => {
                    let missing = remote.error.insight.pointer("/forbidden_error/value/missing_scopes/0");
                    let permission = missing.and_then(serde_json::Value::as_str).map(str::to_owned);
                    Self::MissingPermission { permission }
                }
                RemoteErrorKind::RateLimited => Self::RateLimited,
                RemoteErrorKind::Unavailable => Self::PlatformUnavailable,
                _ => Self::Unexpected,
            },
            Error::NoTurn(_) => Self::RateLimited,
            Error::NoAnswer(SendError::AddressRefused { .. } | SendError::BadUrl) => Self::Unexpected,
            Error::Down { .. } | Error::NoAnswer(_) | Error::Unavailable(_) => Self::PlatformUnavailable,
            _ => Self::Unexpected,
        }
    }
}
