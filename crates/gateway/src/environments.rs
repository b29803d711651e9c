//! Environments: separate sets of accounts and tokens. Made by the operator, by the command line.

use jiff::Timestamp;
use serde::Serialize;
use store::{Page, StoreError};
use utoipa::ToSchema;

use crate::{Error, Gateway, ListOf};

/// A separate set of accounts, installed integrations and tokens.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Environment {
    /// Id.
    pub id: String,
    /// Name, unique.
    pub name: String,
    /// When it was made.
    #[serde(serialize_with = "crate::time::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(serialize_with = "crate::time::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl Environment {
    fn of(row: store::Environment) -> Self {
        Self { id: row.id, name: row.name, created_at: row.created_at, updated_at: row.updated_at }
    }
}

impl Gateway {
    /// Makes an environment. [`Error::Conflict`] when the name is taken.
    pub async fn create_environment(&self, name: &str) -> Result<Environment, Error> {
        let name = name.trim();
        if name.is_empty() {
            return Err(Error::bad_request("an environment needs a name"));
        }
        match self.0.parts.store.create_environment(name).await {
            Err(StoreError::Conflict { .. }) => {
                Err(Error::Conflict(format!("there is an environment named {name:?} already")))
            }
            made => Ok(Environment::of(made?)),
        }
    }

    /// The environment of an id or a name.
    pub async fn environment(&self, id_or_name: &str) -> Result<Environment, Error> {
        let store = &self.0.parts.store;
        match store.get_environment(id_or_name).await {
            Err(StoreError::NotFound { .. }) => {}
            found => return Ok(Environment::of(found?)),
        }
        let found = store.find_environment(id_or_name).await?;
        found.map(Environment::of).ok_or_else(|| Error::NotFound(format!("no environment {id_or_name:?}")))
    }

    /// All environments, oldest first.
    pub async fn environments(
        &self,
        limit: u32,
        after: Option<String>,
    ) -> Result<ListOf<Environment>, Error> {
        let listed = self.0.parts.store.list_environments(&Page { limit, after }).await?;
        Ok(ListOf::of(listed, limit, Environment::of))
    }
}
