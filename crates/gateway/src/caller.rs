//! Who is calling: API tokens and integrated account tokens.

use crate::{Error, Gateway};

/// A caller whose token was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The environment all of its calls are about.
    pub environment_id: String,
    /// What kind of token it has.
    pub kind: CallerKind,
}

/// What a caller's token opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerKind {
    /// The whole environment.
    ApiToken {
        /// The token's id.
        id: String,
    },
    /// One account's data, and that account's own record as `me`.
    AccountToken {
        /// The account.
        account_id: String,
    },
}

impl Gateway {
    /// Checks a bearer token. [`Error::Unauthenticated`] when it is unknown or has ended.
    pub async fn authenticate(&self, bearer: &str) -> Result<Caller, Error> {
        let _ = bearer;
        todo!()
    }
}
