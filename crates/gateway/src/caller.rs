//! Who is calling: API tokens and integrated account tokens.

use std::sync::Arc;

use jiff::Timestamp;
use store::TokenHash;

use crate::at_hand::AtHand;
use crate::{Error, Gateway};

/// A caller whose token was checked. Its texts are shared: each call has a copy, and so has the row that it leaves in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The environment all of its calls are about.
    pub environment_id: Arc<str>,
    /// What kind of token it has.
    pub kind: CallerKind,
}

/// What a caller's token opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallerKind {
    /// The whole environment.
    ApiToken {
        /// The token's id.
        id: Arc<str>,
    },
    /// One account's data, and that account's own record as `me`.
    AccountToken {
        /// The token's id.
        id: Arc<str>,
        /// The account.
        account_id: Arc<str>,
    },
}

impl Caller {
    /// The id of its token.
    pub fn token_id(&self) -> &Arc<str> {
        match &self.kind {
            CallerKind::ApiToken { id } | CallerKind::AccountToken { id, .. } => id,
        }
    }

    /// The environment, for what an account token may not do.
    pub(crate) fn environment(&self) -> Result<&str, Error> {
        match self.kind {
            CallerKind::ApiToken { .. } => Ok(&self.environment_id),
            CallerKind::AccountToken { .. } => Err(Error::Forbidden(
                "an integrated account token opens /unified, /proxy, /custom and /integrated-account/me only"
                    .into(),
            )),
        }
    }

    /// Refuses what names another environment than the token's.
    pub(crate) fn same_environment(&self, asked: Option<&str>) -> Result<(), Error> {
        match asked {
            Some(asked) if *asked != *self.environment_id => {
                Err(Error::Forbidden("the token is for another environment".into()))
            }
            _ => Ok(()),
        }
    }

    /// The account that a call of the data plane is about.
    pub(crate) fn account<'a>(&'a self, asked: Option<&'a str>) -> Result<&'a str, Error> {
        match (&self.kind, asked) {
            (CallerKind::ApiToken { .. }, Some(asked)) => Ok(asked),
            (CallerKind::ApiToken { .. }, None) => Err(Error::bad_request(
                "integrated_account_id is missing: say which account the call is about",
            )),
            (CallerKind::AccountToken { account_id, .. }, Some(asked)) if *asked != **account_id => {
                Err(Error::Forbidden("this integrated account token is for another account".into()))
            }
            (CallerKind::AccountToken { account_id, .. }, _) => Ok(account_id),
        }
    }
}

/// Callers at hand, by their token's digest, with the end of their token.
pub(crate) type Callers = AtHand<(Caller, Option<Timestamp>)>;

/// So many tokens are kept at hand.
const TOKENS: u64 = 10_000;

pub(crate) fn callers() -> Callers {
    AtHand::new(TOKENS)
}

impl Gateway {
    /// Checks a bearer token. [`Error::Unauthenticated`] when it is unknown or has ended.
    pub async fn authenticate(&self, bearer: &str) -> Result<Caller, Error> {
        let hash = store::token::hash(bearer);
        let read = || async { self.find_caller(&hash).await?.ok_or_else(unknown) };
        let (caller, ends) = self.0.callers.get_or_read(hash.as_str(), read).await?;
        if ends.is_some_and(|ends| ends <= self.0.parts.clock.now()) {
            return Err(Error::Unauthenticated("the token has ended; make a new one".into()));
        }
        Ok(caller)
    }

    async fn find_caller(&self, hash: &TokenHash) -> Result<Option<(Caller, Option<Timestamp>)>, Error> {
        let store = &self.0.parts.store;
        if let Some(token) = store.find_api_token(hash).await? {
            let kind = CallerKind::ApiToken { id: token.id.into() };
            let environment_id = token.environment_id.into();
            return Ok(Some((Caller { environment_id, kind }, token.expires_at)));
        }
        Ok(store.find_account_token(hash).await?.map(|token| {
            let (id, account_id) = (token.id.into(), token.integrated_account_id.into());
            let caller = Caller {
                environment_id: token.environment_id.into(),
                kind: CallerKind::AccountToken { id, account_id },
            };
            (caller, Some(token.expires_at))
        }))
    }
}

fn unknown() -> Error {
    Error::Unauthenticated(
        "the token is not known; send a valid one as `Authorization: Bearer <token>`".into(),
    )
}
