//! Link: a product's customer connects an account from a browser, by a token that the product made (facts, Truto 7).
//!
//! | step | module |
//! |---|---|
//! | the product makes a token | [`tokens`](self) |
//! | the page shows what there is to connect, and what is asked for | [`offer`](self) |
//! | what was filled in is kept, and the account connected | [`connect`](self) |
//! | a form asks what of the account's records to use | [`form`](self) |
//! | where the platform asks the person itself, they are sent there and come back | [`sign_in`](self) |
//! | where all this may be shown, and how it looks | [`settings`](self) |
//!
//! The page's requests carry the token in their body and nothing else that says who asks: what another site makes a browser send means
//! nothing here. Nobody but the token's holder learns anything of the environment.

mod connect;
mod form;
mod offer;
mod settings;
mod sign_in;
mod tokens;

use serde::Serialize;
use utoipa::ToSchema;

pub use self::connect::{LinkConnectRequest, LinkLine, LinkResult, LinkStep};
pub use self::form::{
    FormOptions, FormOptionsRequest, FormStart, FormStartRequest, FormSubmitRequest, FormSubmitted,
    ShownField,
};
pub use self::offer::{LinkStart, LinkStartRequest, OfferedAccount, OfferedFormat, OfferedIntegration};
pub use self::settings::{Brand, LinkSettings};
pub use self::sign_in::LinkCallbackRequest;
pub use self::tokens::{MadeLinkToken, NewLinkToken};
use crate::Error;

/// What of connecting failed, as the browser's SDK tells it (facts, Truto 7.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkErrorType {
    /// The token is unknown, used or has ended.
    InvalidToken,
    /// What was asked for is not offered.
    InvalidIntegration,
    /// There is no account yet.
    ConnectionError,
    /// What the account needs could not be read.
    PostInstallError,
    /// The credentials do not work.
    ValidationError,
    /// The form after connecting failed.
    RapidFormError,
}

/// A token that opens nothing, whatever the reason: what does is not told to who guesses.
pub(crate) fn invalid_token() -> Error {
    Error::Link {
        error_type: LinkErrorType::InvalidToken,
        message: "this link was used before or has ended; ask for a new one".into(),
    }
}
