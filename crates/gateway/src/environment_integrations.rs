//! Environment integrations: what is installed in an environment, and what the environment changes of it.

use std::sync::Arc;

use integration::Integration;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{EnvironmentIntegrationPatch, NewEnvironmentIntegration, NewEvent, Secrets};
use utoipa::ToSchema;

use crate::events;
use crate::list::Parameters;
use crate::resolve::{SECRET_VARIABLES, overridden};
use crate::{Caller, Error, Gateway, ListOf};

/// The secret of an OAuth client, among credentials.
const CLIENT_SECRET: &str = "client_secret";

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
        let environment_id = caller.environment()?;
        caller.same_environment(new.environment_id.as_deref())?;
        let definition = self.find_definition(&new.integration_id)?;
        let (overrides, secrets) = checked_override(definition, new.overrides.unwrap_or_default())?;
        let row = self
            .0
            .parts
            .store
            .install_integration(
                &NewEnvironmentIntegration {
                    environment_id: environment_id.to_owned(),
                    integration: definition.name.clone(),
                    is_enabled: new.is_enabled.unwrap_or(true),
                    show_in_catalog: new.show_in_catalog.unwrap_or(true),
                    overrides,
                    secrets,
                },
                |row| told("environment_integration:created", definition, row),
            )
            .await?;
        self.view_installed(row)
    }

    /// What is installed. Query: `integration.name`, `environment_id`, `limit`, `next_cursor`.
    pub async fn environment_integrations(
        &self,
        caller: &Caller,
        query: &Map<String, Value>,
    ) -> Result<ListOf<EnvironmentIntegration>, Error> {
        let environment_id = caller.environment()?;
        let mut parameters = Parameters::new(query);
        caller.same_environment(parameters.text("environment_id")?)?;
        let integration = parameters.text("integration.name")?;
        let page = parameters.page_by_id()?;
        parameters.finish()?;
        let listed =
            self.0.parts.store.list_environment_integrations(environment_id, integration, &page).await?;
        let result = listed
            .items
            .into_iter()
            .map(|row| self.view_installed(row))
            .collect::<Result<Vec<_>, Error>>()?;
        Ok(ListOf { result, next_cursor: listed.next, limit: page.limit })
    }

    /// The installed integration of an id.
    pub async fn environment_integration(
        &self,
        caller: &Caller,
        id: &str,
    ) -> Result<EnvironmentIntegration, Error> {
        let environment_id = caller.environment()?;
        self.view_installed(self.0.parts.store.get_environment_integration(environment_id, id).await?)
    }

    /// Changes an installed integration. The override is checked first.
    pub async fn update_environment_integration(
        &self,
        caller: &Caller,
        id: &str,
        change: EnvironmentIntegrationChange,
    ) -> Result<EnvironmentIntegration, Error> {
        let environment_id = caller.environment()?;
        let store = &self.0.parts.store;
        let row = store.get_environment_integration(environment_id, id).await?;
        let definition = self.definition(&row.integration)?;
        let mut patch = EnvironmentIntegrationPatch {
            is_enabled: change.is_enabled,
            show_in_catalog: change.show_in_catalog,
            ..Default::default()
        };
        if let Some(overrides) = change.overrides {
            let (overrides, secrets) = checked_override(definition, overrides)?;
            patch.overrides = Some(overrides);
            // The override is replaced whole, and its secrets are part of it.
            patch.secrets = Some(secrets.unwrap_or_default());
        }
        let events = |row: &_| told("environment_integration:updated", definition, row);
        let row =
            store.update_environment_integration(environment_id, id, change.version, &patch, events).await?;
        self.0.at_hand.forget_installed(id).await;
        self.view_installed(row)
    }

    /// Removes an installed integration with all its accounts.
    pub async fn uninstall_integration(&self, caller: &Caller, id: &str) -> Result<(), Error> {
        let environment_id = caller.environment()?;
        let events = |accounts: &[String]| {
            let accounts = accounts.iter().flat_map(|account| events::of_deleted_account(account));
            accounts.chain([events::gone("environment_integration:deleted", id)]).collect()
        };
        self.0.parts.store.delete_environment_integration(environment_id, id, events).await?;
        self.0.at_hand.forget_installed(id).await;
        Ok(())
    }

    fn view_installed(&self, row: store::EnvironmentIntegration) -> Result<EnvironmentIntegration, Error> {
        Ok(EnvironmentIntegration::of(self.definition(&row.integration)?, row))
    }
}

impl EnvironmentIntegration {
    fn of(definition: &Integration, row: store::EnvironmentIntegration) -> Self {
        let integration = IntegrationSummary::of(definition);
        Self {
            id: row.id,
            environment_id: row.environment_id,
            integration_id: integration.id.clone(),
            integration,
            is_enabled: row.is_enabled,
            show_in_catalog: row.show_in_catalog,
            overrides: row.overrides,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// What to tell of an installed integration.
fn told(event: &'static str, definition: &Integration, row: &store::EnvironmentIntegration) -> Vec<NewEvent> {
    vec![events::shown(event, &EnvironmentIntegration::of(definition, row.clone()))]
}

/// Checks an override against the definition, and takes its secrets out of it: the secret variables, and the secret of a client of the
/// environment's own (facts, Truto 13.2), which requests find under the name `client_secret`.
fn checked_override(
    definition: &Arc<Integration>,
    mut overrides: Map<String, Value>,
) -> Result<(Map<String, Value>, Option<Secrets>), Error> {
    let mut secrets = match overrides.remove(SECRET_VARIABLES) {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(secrets)) => secrets,
        Some(_) => return Err(Error::bad_request(format!("{SECRET_VARIABLES} has to be an object"))),
    };
    let formats = overrides.get_mut("credentials").and_then(Value::as_object_mut);
    for format in formats.into_iter().flat_map(|formats| formats.values_mut()) {
        let client = format.get_mut("client").and_then(Value::as_object_mut);
        if let Some(secret) = client.and_then(|client| client.shift_remove("secret")) {
            secrets.insert(CLIENT_SECRET.to_owned(), secret);
        }
    }
    overridden(definition, &overrides)?;
    Ok((overrides, (!secrets.is_empty()).then(|| Secrets::from(secrets))))
}
