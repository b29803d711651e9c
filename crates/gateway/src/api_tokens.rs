//! API tokens: a caller's right to one environment. Made by the operator, by the command line.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use store::{Store, StoreError, Token};
use utoipa::ToSchema;

use crate::events;
use crate::list::Parameters;
use crate::{Caller, Error, Gateway, ListOf};

/// A token, without its text.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ApiToken {
    /// Id.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// The environment it opens.
    pub environment_id: String,
    /// Who made it, if known.
    pub created_by: Option<String>,
    /// When it ends; never when `null`.
    #[serde(serialize_with = "crate::time::serialize_option")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub expires_at: Option<Timestamp>,
    /// When it was made.
    #[serde(serialize_with = "crate::time::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(serialize_with = "crate::time::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// What API tokens begin with, for people and scanners.
const PREFIX: &str = "decant_api";

impl ApiToken {
    fn of(row: store::ApiToken) -> Self {
        Self {
            id: row.id,
            name: row.name,
            environment_id: row.environment_id,
            created_by: row.created_by,
            expires_at: row.expires_at,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// Makes a token for an environment. Its text is shown this once: only a digest is kept.
pub async fn create(
    store: &Store,
    environment_id: &str,
    name: &str,
    expires_at: Option<Timestamp>,
) -> Result<Token, Error> {
    let token = Token::generate(PREFIX).map_err(StoreError::from)?;
    let events = |row: &store::ApiToken| vec![events::shown("api_token:created", &ApiToken::of(row.clone()))];
    store.create_api_token(environment_id, name, expires_at, &token.hash(), events).await?;
    Ok(token)
}

/// Deletes a token; nodes learn of it within [`Settings::change_interval`](crate::Settings::change_interval).
pub async fn delete(store: &Store, environment_id: &str, id: &str) -> Result<(), Error> {
    let events = vec![events::gone("api_token:deleted", id)];
    Ok(store.delete_api_token(environment_id, id, events).await?)
}

impl Gateway {
    /// The caller's environment's tokens. Query: `name`, `environment_id`, `limit`, `next_cursor`.
    pub async fn api_tokens(
        &self,
        caller: &Caller,
        query: &Map<String, Value>,
    ) -> Result<ListOf<ApiToken>, Error> {
        let environment_id = caller.environment()?;
        let mut parameters = Parameters::new(query);
        caller.same_environment(parameters.text("environment_id")?)?;
        let name = parameters.text("name")?;
        let page = parameters.page_by_id()?;
        parameters.finish()?;
        let listed = self.0.parts.store.list_api_tokens(environment_id, name, &page).await?;
        Ok(ListOf::of(listed, page.limit, ApiToken::of))
    }

    /// Deletes a token; calls with it are refused from now on, on other nodes within
    /// [`Settings::change_interval`](crate::Settings::change_interval).
    pub async fn delete_api_token(&self, environment_id: &str, id: &str) -> Result<(), Error> {
        delete(&self.0.parts.store, environment_id, id).await?;
        // Only the store knows the digest by which it is at hand; deleting is rare.
        self.0.callers.forget_all().await;
        Ok(())
    }
}
