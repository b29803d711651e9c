//! Environment integrations: what is installed in an environment, and what the environment changes of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{Caller, Error, Gateway, ListOf};

/// An installed integration.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EnvironmentIntegration {
    /// Id.
    pub id: String,
    /// The environment.
    pub environment_id: String,
    /// The integration's id.
    pub integration_id: String,
    /// The integration.
    pub integration: IntegrationSummary,
    /// Whether its accounts may be used.
    pub is_enabled: bool,
    /// Whether people who connect an account are offered it.
    pub show_in_catalog: bool,
    /// What the environment changes in the definition.
    #[serde(rename = "override")]
    #[schema(value_type = Object)]
    pub overrides: Map<String, Value>,
    /// Raised by each change.
    pub version: i64,
    /// When it was installed.
    #[serde(serialize_with = "crate::time::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(serialize_with = "crate::time::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// An integration in short.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IntegrationSummary {
    /// Id.
    pub id: String,
    /// The slug.
    pub name: String,
    /// What a person reads.
    pub label: String,
    /// The category of its unified models.
    pub category: String,
}

/// What to install.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InstallIntegration {
    /// The integration's id or slug.
    pub integration_id: String,
    /// Whether its accounts may be used; `true` when left out.
    pub is_enabled: Option<bool>,
    /// Whether people who connect an account are offered it; `true` when left out.
    pub show_in_catalog: Option<bool>,
    /// What the environment changes in the definition.
    #[serde(rename = "override")]
    #[schema(value_type = Option<Object>)]
    pub overrides: Option<Map<String, Value>>,
    /// The caller's own environment; anything else is refused.
    pub environment_id: Option<String>,
}

/// What to change; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentIntegrationChange {
    /// Whether its accounts may be used.
    pub is_enabled: Option<bool>,
    /// Whether people who connect an account are offered it.
    pub show_in_catalog: Option<bool>,
    /// The whole new override; it takes the place of the one there is.
    #[serde(rename = "override")]
    #[schema(value_type = Option<Object>)]
    pub overrides: Option<Map<String, Value>>,
    /// The version that was read, to be refused when it is another by now.
    pub version: Option<i64>,
}

impl Gateway {
    /// Installs an integration; doing it again gives what is there.
    pub async fn install_integration(
        &self,
        caller: &Caller,
        new: InstallIntegration,
    ) -> Result<EnvironmentIntegration, Error> {
        let _ = (caller, new);
        todo!()
    }

    /// What is installed. Query: `integration.name`, `limit`, `next_cursor`.
    pub async fn environment_integrations(
        &self,
        caller: &Caller,
        query: &Map<String, Value>,
    ) -> Result<ListOf<EnvironmentIntegration>, Error> {
        let _ = (caller, query);
        todo!()
    }

    /// The installed integration of an id.
    pub async fn environment_integration(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<EnvironmentIntegration, Error> {
        let _ = (caller, id);
        todo!()
    }

    /// Changes an installed integration. The override is checked first.
    pub async fn update_environment_integration(
        &self,
        caller: &Caller,
        id: &str,
        change: EnvironmentIntegrationChange,
    ) -> Result<EnvironmentIntegration, Error> {
        let _ = (caller, id, change);
        todo!()
    }

    /// Removes an installed integration with all its accounts.
    pub async fn uninstall_integration(&self, caller: &Caller, id: &str) -> Result<(), Error> {
        let _ = (caller, id);
        todo!()
    }
}
