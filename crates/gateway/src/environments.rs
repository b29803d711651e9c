//! Environments: separate sets of accounts and tokens. Made by the operator, by the command line.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use store::{Store, StoreError};
use utoipa::ToSchema;

use crate::link::LinkSettings;
use crate::{Caller, Error, Gateway};

/// A separate set of accounts, installed integrations and tokens.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Environment {
    /// Id.
    pub id: String,
    /// Name, unique.
    pub name: String,
    /// Where its accounts may be connected from, and how that looks.
    pub link: LinkSettings,
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
        Self {
            link: LinkSettings::of(&row),
            id: row.id,
            name: row.name,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// What to change of an environment; what is left out stays.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentChange {
    /// The whole new settings of connecting from a browser.
    pub link: Option<LinkSettings>,
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

/// Changes an environment by its id.
pub async fn update(store: &Store, id: &str, change: EnvironmentChange) -> Result<Environment, Error> {
    let Some(link) = change.link else { return Ok(Environment::of(store.get_environment(id).await?)) };
    Ok(Environment::of(store.update_environment(id, &link.checked()?.to_map()).await?))
}

impl Gateway {
    /// The environment that a token opens.
    pub async fn environment(&self, caller: &Caller) -> Result<Environment, Error> {
        let environment_id = caller.environment()?;
        Ok(Environment::of(self.0.parts.store.get_environment(environment_id).await?))
    }

    /// Changes the environment that a token opens.
    pub async fn update_environment(
        &self,
        caller: &Caller,
        change: EnvironmentChange,
    ) -> Result<Environment, Error> {
        update(&self.0.parts.store, caller.environment()?, change).await
    }
}
