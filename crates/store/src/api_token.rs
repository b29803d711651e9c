//! API tokens: a caller's right to one environment.

use jiff::Timestamp;

use crate::{
    ChangeKind, Listed, NewEvent, Page, Store, StoreError, TokenHash,
    database::{Query, Row},
};

const COLUMNS: &str =
    "SELECT id, environment_id, name, created_by, expires_at, created_at, updated_at FROM api_token";

/// A token for a whole environment. Its text is shown once, when it is made; only the digest is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Id.
    pub id: String,
    /// The environment it opens.
    pub environment_id: String,
    /// What its owner calls it.
    pub name: String,
    /// Who made it, if known.
    pub created_by: Option<String>,
    /// When it ends; `None` = never. The store gives out ended tokens: the caller of [`Store::find_api_token`] compares.
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl ApiToken {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            environment_id: row.get("environment_id")?,
            name: row.get("name")?,
            created_by: row.get("created_by")?,
            expires_at: row.time_or_null("expires_at")?,
            created_at: row.time("created_at")?,
            updated_at: row.time("updated_at")?,
        })
    }
}

impl Store {
    /// Keeps the digest of a new token. [`StoreError::NotFound`] when there is no such environment. `events` says what to tell of it.
    pub async fn create_api_token(
        &self,
        environment_id: &str,
        name: &str,
        expires_at: Option<Timestamp>,
        hash: &TokenHash,
        events: impl FnOnce(&ApiToken) -> Vec<NewEvent>,
    ) -> Result<ApiToken, StoreError> {
        let now = self.now();
        let id = self.new_id(now);
        let mut transaction = self.database().begin().await?;
        let query = Query::new(
            "INSERT INTO api_token (id, environment_id, name, hash, expires_at, created_at, updated_at) \
             SELECT $1, environment.id, $3, $4, $5, $6, $6 FROM environment WHERE environment.id = $2 \
             RETURNING id, environment_id, name, created_by, expires_at, created_at, updated_at",
        )
        .bind(&id)
        .bind(environment_id)
        .bind(name)
        .bind(hash.as_str())
        .bind(expires_at)
        .bind(now);
        let row = transaction.fetch_optional(query).await?;
        let token = ApiToken::read(&row.ok_or(StoreError::NotFound { what: "environment" })?)?;
        self.note_events(&mut transaction, environment_id, events(&token)).await?;
        transaction.commit().await?;
        Ok(token)
    }

    /// An environment's tokens, oldest first; with a name, only those of that name.
    pub async fn list_api_tokens(
        &self,
        environment_id: &str,
        name: Option<&str>,
        page: &Page,
    ) -> Result<Listed<ApiToken>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE environment_id = ").push_bind(environment_id);
        if let Some(name) = name {
            query.push(" AND name = ").push_bind(name);
        }
        page.push_to(&mut query, " AND id > ", " ORDER BY id");
        let rows = self.database().fetch_all(query).await?;
        let items = rows.iter().map(ApiToken::read).collect::<Result<Vec<_>, _>>()?;
        Ok(Listed::cut(items, page.limit, |token| token.id.clone()))
    }

    /// The token of a digest, if there is one; ended ones too.
    pub async fn find_api_token(&self, hash: &TokenHash) -> Result<Option<ApiToken>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE hash = ").push_bind(hash.as_str());
        self.database().fetch_optional(query).await?.as_ref().map(ApiToken::read).transpose()
    }

    /// Deletes a token. The change is noted under its digest, by which nodes have it at hand. `events` is what to
    /// tell of it.
    pub async fn delete_api_token(
        &self,
        environment_id: &str,
        id: &str,
        events: Vec<NewEvent>,
    ) -> Result<(), StoreError> {
        let mut transaction = self.database().begin().await?;
        let query = Query::new("DELETE FROM api_token WHERE environment_id = $1 AND id = $2 RETURNING hash")
            .bind(environment_id)
            .bind(id);
        let row = transaction.fetch_optional(query).await?;
        let hash: String = row.ok_or(StoreError::NotFound { what: "API token" })?.get("hash")?;
        self.note_events(&mut transaction, environment_id, events).await?;
        transaction.note_change(ChangeKind::ApiToken, &hash).await?;
        transaction.commit().await
    }
}
