//! People who were sent to a platform to say yes, until they come back.

use jiff::Timestamp;

use crate::{Sealed, Secrets, Store, StoreError, TokenHash, database::Query, vault::Place};

/// Who came back.
#[derive(Debug)]
pub struct OauthState {
    /// The environment that they connect an account of.
    pub environment_id: String,
    /// What the attempt goes on with.
    pub secrets: Secrets,
}

impl Store {
    /// Keeps what an attempt goes on with, by the digest of what will come back with the person. It is sealed.
    pub async fn create_oauth_state(
        &self,
        environment_id: &str,
        hash: &TokenHash,
        secrets: &Secrets,
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let now = self.now();
        let id = self.new_id(now);
        let sealed = self.vault().seal(Place::oauth_state(&id), secrets)?;
        let query = Query::new(
            "INSERT INTO oauth_state (id, environment_id, hash, secrets, expires_at, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
        );
        let query = query.bind(&id).bind(environment_id).bind(hash.as_str()).bind(sealed.into_column());
        self.database().execute(query.bind(expires_at).bind(now)).await.map(drop)
    }

    /// Takes what was kept: once, and not when it has ended.
    pub async fn take_oauth_state(&self, hash: &TokenHash) -> Result<Option<OauthState>, StoreError> {
        let query = Query::new(
            "DELETE FROM oauth_state WHERE hash = $1 RETURNING id, environment_id, secrets, expires_at",
        );
        let Some(row) = self.database().change_optional(query.bind(hash.as_str())).await? else {
            return Ok(None);
        };
        if row.time("expires_at")? <= self.now() {
            return Ok(None);
        }
        let id: String = row.get("id")?;
        let sealed = Sealed::from_column(row.get("secrets")?);
        let secrets = self.vault().open(Place::oauth_state(&id), &sealed).await?;
        Ok(Some(OauthState { environment_id: row.get("environment_id")?, secrets }))
    }

    /// Deletes those that ended before `before`, and ended leases with them; how many.
    pub async fn sweep_oauth_states(&self, before: Timestamp) -> Result<u64, StoreError> {
        let mut transaction = self.database().begin().await?;
        let states = Query::new("DELETE FROM oauth_state WHERE expires_at < $1").bind(before);
        let leases = Query::new("DELETE FROM lease WHERE expires_at < $1").bind(before);
        let swept = transaction.execute(states).await? + transaction.execute(leases).await?;
        transaction.commit().await?;
        Ok(swept)
    }
}
