//! Integrated account tokens: short-lived rights to one account.

use jiff::Timestamp;

use crate::{
    Store, StoreError, TokenHash,
    database::{Query, Row},
};

/// A token for one account. Its text is shown once; only the digest is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountToken {
    /// Id.
    pub id: String,
    /// The account it opens.
    pub integrated_account_id: String,
    /// The account's environment.
    pub environment_id: String,
    /// When it ends. The store gives out ended tokens: the caller of [`Store::find_account_token`] compares.
    pub expires_at: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

impl AccountToken {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            integrated_account_id: row.get("integrated_account_id")?,
            environment_id: row.get("environment_id")?,
            expires_at: row.time("expires_at")?,
            created_at: row.time("created_at")?,
        })
    }
}

impl Store {
    /// Keeps the digest of a new token. [`StoreError::NotFound`] when the environment has no such account.
    pub async fn create_account_token(
        &self,
        environment_id: &str,
        integrated_account_id: &str,
        expires_at: Timestamp,
        hash: &TokenHash,
    ) -> Result<AccountToken, StoreError> {
        let now = self.now();
        let token = AccountToken {
            id: self.new_id(now),
            integrated_account_id: integrated_account_id.to_owned(),
            environment_id: environment_id.to_owned(),
            expires_at: crate::store::whole_milliseconds(expires_at),
            created_at: now,
        };
        let mut transaction = self.database().begin().await?;
        let query = Query::new(
            "INSERT INTO integrated_account_token (id, integrated_account_id, hash, expires_at, created_at) \
             SELECT $1, a.id, $4, $5, $6 FROM integrated_account a WHERE a.environment_id = $2 AND a.id = $3",
        )
        .bind(&token.id)
        .bind(environment_id)
        .bind(integrated_account_id)
        .bind(hash.as_str())
        .bind(expires_at)
        .bind(now);
        if transaction.execute(query).await? == 0 {
            return Err(StoreError::NotFound { what: "integrated account" });
        }
        transaction.commit().await?;
        Ok(token)
    }

    /// The token of a digest, if there is one; ended ones too until they are swept.
    pub async fn find_account_token(&self, hash: &TokenHash) -> Result<Option<AccountToken>, StoreError> {
        let query = Query::new(
            "SELECT t.id, t.integrated_account_id, a.environment_id, t.expires_at, t.created_at \
             FROM integrated_account_token t JOIN integrated_account a ON a.id = t.integrated_account_id \
             WHERE t.hash = $1",
        )
        .bind(hash.as_str());
        self.database().fetch_optional(query).await?.as_ref().map(AccountToken::read).transpose()
    }

    /// Deletes the tokens that ended before `before`; how many.
    pub async fn sweep_account_tokens(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.database().begin().await?;
        let query = Query::new("DELETE FROM integrated_account_token WHERE expires_at < $1").bind(before);
        let swept = transaction.execute(query).await?;
        transaction.commit().await?;
        Ok(swept)
    }
}
