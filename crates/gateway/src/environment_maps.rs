//! What an environment changes in the maps of all its accounts (facts, Truto 12.3).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{MapOverride, MapOverrideFilter, MapTarget, Page, StoreError};
use unified::merge_lines;
use utoipa::ToSchema;

use crate::list::Parameters;
use crate::maps::{OverrideError, Part};
use crate::resolve::Installed;
use crate::{Caller, Error, Gateway, ListOf};

/// Where they are managed.
pub(crate) const ROUTE: &str = "/environment-unified-model-resource-method";
/// How often a change is tried anew when someone else changed the row in between.
const TRIES: u32 = 10;

/// What an environment changes in the map of a unified resource.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EnvironmentMap {
    /// Id.
    pub id: String,
    /// The environment.
    pub environment_id: String,
    /// The unified model, such as `ecommerce`.
    pub unified_model: String,
    /// Its resource, such as `orders`.
    pub resource_name: String,
    /// The integration's slug.
    pub integration_name: String,
    /// The only method that it is for; `null`: all of them.
    pub method_name: Option<String>,
    /// The lines, as in the integration's own map; or `response_mapping`, a JSONata expression.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// Raised by each change.
    pub version: i64,
    /// When it was made.
    #[serde(serialize_with = "crate::time::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(serialize_with = "crate::time::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

impl From<MapOverride> for EnvironmentMap {
    fn from(row: MapOverride) -> Self {
        Self {
            id: row.id,
            environment_id: row.environment_id,
            unified_model: row.target.model,
            resource_name: row.target.resource,
            integration_name: row.target.integration,
            method_name: row.target.method,
            config: row.config,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// What to override.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewEnvironmentMap {
    /// The unified model, such as `ecommerce`.
    pub unified_model: String,
    /// Its resource, such as `orders`.
    pub resource_name: String,
    /// The integration's id or slug.
    pub integration_name: String,
    /// The only method that it is for; left out: all of them.
    pub method_name: Option<String>,
    /// The lines: a line adds a field or replaces the one of its name, `null` takes one away. Or `response_mapping`.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// The caller's own environment; anything else is refused.
    pub environment_id: Option<String>,
}

/// What to change.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentMapChange {
    /// Lines to lay over the present ones, or in their place.
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// The version that was read, to be refused when it is another by now.
    pub version: Option<i64>,
}

/// What a change does with the present lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Merged in: a line replaces the one of its name, `null` takes it out of the override.
    Merge,
    /// Put in their place.
    Replace,
}

impl Gateway {
    /// Keeps a new override. [`Error::BadRequest`] tells the place of a mistake, [`Error::Conflict`] that there is one already.
    pub async fn create_environment_map(
        &self,
        caller: &Caller,
        new: NewEnvironmentMap,
    ) -> Result<EnvironmentMap, Error> {
        let environment_id = caller.environment()?;
        caller.same_environment(new.environment_id.as_deref())?;
        let target = MapTarget {
            integration: self.find_definition(&new.integration_name)?.name.clone(),
            model: new.unified_model,
            resource: new.resource_name,
            method: new.method_name.filter(|method| !method.is_empty()),
        };
        self.base_map(&target.integration, &target.model, &target.resource)?;
        self.check_environment_map(environment_id, &target, &new.config).await?;
        let made = self.0.parts.store.create_map_override(environment_id, &target, &new.config).await;
        let made = made.map_err(|error| match error {
            StoreError::Conflict { .. } => Error::Conflict(format!(
                "the environment overrides this map already: change that one with PATCH {ROUTE}/{{id}}"
            )),
            other => other.into(),
        })?;
        self.0.at_hand.forget_environment(environment_id).await;
        Ok(made.into())
    }

    /// The environment's overrides. Query: `unified_model`, `resource_name`, `integration_name`, `method_name`, `environment_id`,
    /// `limit`, `next_cursor`.
    pub async fn environment_map_overrides(
        &self,
        caller: &Caller,
        query: &Map<String, Value>,
    ) -> Result<ListOf<EnvironmentMap>, Error> {
        let environment_id = caller.environment()?;
        let mut parameters = Parameters::new(query);
        caller.same_environment(parameters.text("environment_id")?)?;
        let filter = MapOverrideFilter {
            integration: parameters.owned("integration_name")?,
            model: parameters.owned("unified_model")?,
            resource: parameters.owned("resource_name")?,
            method: parameters.owned("method_name")?,
        };
        let page = parameters.page_by_id()?;
        parameters.finish()?;
        let listed = self.0.parts.store.list_map_overrides(environment_id, &filter, &page).await?;
        Ok(ListOf::of(listed, page.limit, EnvironmentMap::from))
    }

    /// The override of an id.
    pub async fn environment_map_override(&self, caller: &Caller, id: &str) -> Result<EnvironmentMap, Error> {
        Ok(self.0.parts.store.get_map_override(caller.environment()?, id).await?.into())
    }

    /// Changes an override; the whole of it is checked first.
    pub async fn update_environment_map(
        &self,
        caller: &Caller,
        id: &str,
        way: Way,
        change: EnvironmentMapChange,
    ) -> Result<EnvironmentMap, Error> {
        let environment_id = caller.environment()?;
        let store = &self.0.parts.store;
        let given = Value::Object(change.config);
        for attempt in 1.. {
            let row = store.get_map_override(environment_id, id).await?;
            let config = match way {
                Way::Merge => {
                    let mut config = Value::Object(row.config);
                    merge_lines(&mut config, &given);
                    config
                }
                Way::Replace => given.clone(),
            };
            let Value::Object(config) = config else { break };
            self.check_environment_map(environment_id, &row.target, &config).await?;
            let version = change.version.unwrap_or(row.version);
            match store.update_map_override(environment_id, id, version, &config).await {
                Err(StoreError::Stale { .. }) if change.version.is_none() && attempt < TRIES => {}
                updated => {
                    let updated = updated?;
                    self.0.at_hand.forget_environment(environment_id).await;
                    return Ok(updated.into());
                }
            }
        }
        Err(Error::Conflict("the override is being changed by others; try again".into()))
    }

    /// Deletes an override: the accounts have the integration's lines again.
    pub async fn delete_environment_map(&self, caller: &Caller, id: &str) -> Result<(), Error> {
        let environment_id = caller.environment()?;
        self.0.parts.store.delete_map_override(environment_id, id).await?;
        self.0.at_hand.forget_environment(environment_id).await;
        Ok(())
    }

    /// Refuses lines that don't fit: the integration's map, the environment's other overrides of it, and these in their place.
    async fn check_environment_map(
        &self,
        environment_id: &str,
        target: &MapTarget,
        config: &Map<String, Value>,
    ) -> Result<(), Error> {
        let store = &self.0.parts.store;
        let mut rows = store.map_overrides_of(environment_id, &target.integration).await?;
        rows.retain(|row| {
            let MapTarget { model, resource, method, .. } = &row.target;
            (model, resource) == (&target.model, &target.resource) && *method != target.method
        });
        // Those for all methods stand below those for one.
        let (below, above): (Vec<_>, Vec<_>) =
            rows.iter().partition(|row| target.method.is_some() && row.target.method.is_none());
        let now = self.0.parts.clock.now();
        let new = MapOverride {
            id: String::new(),
            environment_id: environment_id.to_owned(),
            target: target.clone(),
            config: config.clone(),
            version: 0,
            created_at: now,
            updated_at: now,
        };
        let all: Vec<&MapOverride> = below.into_iter().chain([&new]).chain(above.iter().copied()).collect();
        let lines: Vec<Value> = all.iter().map(|row| Value::Object(row.config.clone())).collect();
        let parts: Vec<Part<'_>> = all
            .iter()
            .zip(&lines)
            .map(|(row, lines)| {
                let place = match row.id.as_str() {
                    "" => "config".to_owned(),
                    id => format!("{ROUTE}/{id} config"),
                };
                Part::of_row(row, lines, place)
            })
            .collect();
        let installed = self.installed_of(environment_id, &target.integration).await?;
        let definition = self.definition(&target.integration)?;
        let integration = installed.as_ref().map_or(definition, |installed| installed.shown());
        let checked = self.lay_over(integration, (&target.model, &target.resource), &parts);
        checked.map(drop).map_err(|error: OverrideError| error.into())
    }

    /// What is installed of an integration.
    pub(crate) async fn installed_of(
        &self,
        environment_id: &str,
        integration: &str,
    ) -> Result<Option<std::sync::Arc<Installed>>, Error> {
        let store = &self.0.parts.store;
        let page = Page::first(1);
        let found = store.list_environment_integrations(environment_id, Some(integration), &page).await?;
        match found.items.first() {
            Some(row) => Ok(Some(self.installed(environment_id, &row.id).await?)),
            None => Ok(None),
        }
    }
}
