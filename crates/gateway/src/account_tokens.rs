//! Integrated account tokens: a right to one account for fifteen minutes, for a browser.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use store::{StoreError, Token};
use utoipa::ToSchema;

use crate::{Caller, Error, Gateway};

/// How long a token opens its account.
const LIFETIME: SignedDuration = SignedDuration::from_mins(15);
/// What the tokens begin with, for people and scanners.
const PREFIX: &str = "decant_account";

/// A token that was just made. Its text is shown this once.
#[derive(Clone, Serialize, ToSchema)]
pub struct MadeAccountToken {
    /// The token.
    pub integrated_account_token: String,
    /// The same, under the other name that is in use.
    pub token: String,
    /// When it ends.
    #[serde(serialize_with = "crate::time::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

impl Gateway {
    /// Makes a token for an account.
    pub async fn create_account_token(
        &self,
        caller: &Caller,
        account_id: &str,
    ) -> Result<MadeAccountToken, Error> {
        self.new_account_token(caller.environment()?, account_id).await
    }

    pub(crate) async fn new_account_token(
        &self,
        environment_id: &str,
        account_id: &str,
    ) -> Result<MadeAccountToken, Error> {
        let token = Token::generate(PREFIX).map_err(StoreError::from)?;
        let expires_at = self
            .0
            .parts
            .clock
            .now()
            .checked_add(LIFETIME)
            .map_err(|error| Error::Internal(Box::new(error)))?;
        let row = self
            .0
            .parts
            .store
            .create_account_token(environment_id, account_id, expires_at, &token.hash())
            .await?;
        Ok(MadeAccountToken {
            integrated_account_token: token.expose().to_owned(),
            token: token.expose().to_owned(),
            expires_at: row.expires_at,
        })
    }
}
