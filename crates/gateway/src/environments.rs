//! Environments: separate sets of accounts and tokens. Made by the operator, by the command line.

use jiff::Timestamp;
use serde::Serialize;
use store::{Store, StoreError};
use utoipa::ToSchema;

use crate::{Caller, Error, Gateway};

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

/// Makes an environment. [`Error::Conflict`] when the name is taken.
pub async fn create(store: &Store, name: &str) -> Result<Environment, Error> {
    let name = name.trim();
    if name.is_empty() {
        return Err(Error::bad_request("an environment needs a name"));
    }
    match store.create_environment(name).await {
        Err(StoreError::Conflict { .. }) => {
            Err(Error::Conflict(format!("there is an environment named {name:?} already")))
        }
        made => Ok(Environment::of(made?)),
    }
}

/// The environment of a name or an id.
pub async fn find(store: &Store, name_or_id: &str) -> Result<Environment, Error> {
    if let Some(found) = store.find_environment(name_or_id).await? {
        return Ok(Environment::of(found));
    }
    match store.get_environment(name_or_id).await {
        Err(StoreError::NotFound { .. }) => {
            Err(Error::NotFound(format!("there is no environment {name_or_id:?}")))
        }
        found => Ok(Environment::of(found?)),
    }
}

impl Gateway {
    /// The environment that a token opens.
    pub async fn environment(&self, caller: &Caller) -> Result<Environment, Error> {
        let environment_id = caller.environment()?;
        Ok(Environment::of(self.0.parts.store.get_environment(environment_id).await?))
    }
}
