//! Integrated account tokens: a right to one account for fifteen minutes, for a browser.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{Caller, Error, Gateway};

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
        let _ = (caller, account_id);
        todo!()
    }
}
