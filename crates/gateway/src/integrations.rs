//! Integrations: what accounts can be connected to.

use std::sync::Arc;

use aws_lc_rs::digest;
use integration::{Integration, Unknown};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::environment_integrations::IntegrationSummary;
use crate::list::{DEFAULT_LIMIT, MAX_LIMIT, Parameters};
use crate::{Caller, Error, Gateway, ListOf};

/// An integration of the catalogue.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct IntegrationRow {
    /// Id, made from the name: the same in every installation.
    pub id: String,
    /// The slug.
    pub name: String,
    /// What a person reads.
    pub label: String,
    /// The category of its unified models.
    pub category: String,
    /// What it is.
    pub description: String,
    /// Whether it is still being tried out.
    pub is_beta: bool,
    /// Who may use it: always `allow`.
    pub sharing: &'static str,
    /// The definition.
    #[schema(value_type = Object)]
    pub config: Value,
}

impl IntegrationRow {
    fn of(integration: &Integration) -> Self {
        Self {
            id: integration_id(&integration.name),
            name: integration.name.clone(),
            label: integration.label.clone(),
            category: integration.category.clone(),
            description: integration.description.clone(),
            is_beta: false,
            sharing: "allow",
            config: shown(integration.config()),
        }
    }
}

/// A definition without the secrets of its clients.
fn shown(config: &Value) -> Value {
    let mut config = config.clone();
    let formats = config.get_mut("credentials").and_then(Value::as_object_mut);
    for format in formats.into_iter().flat_map(|formats| formats.values_mut()) {
        if let Some(client) = format.get_mut("client").and_then(Value::as_object_mut) {
            client.shift_remove("secret");
        }
    }
    config
}

impl IntegrationSummary {
    pub(crate) fn of(integration: &Integration) -> Self {
        Self {
            id: integration_id(&integration.name),
            name: integration.name.clone(),
            label: integration.label.clone(),
            category: integration.category.clone(),
        }
    }
}

/// An integration's id: a version 8 UUID of its name's digest.
pub(crate) fn integration_id(name: &str) -> String {
    let digest = digest::digest(&digest::SHA256, format!("decant integration {name}").as_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest.as_ref()[..16]);
    uuid::Builder::from_custom_bytes(bytes).into_uuid().to_string()
}

impl Gateway {
    /// All integrations. Query: `name`, `category`, `limit`, `next_cursor`.
    pub fn integrations(
        &self,
        caller: &Caller,
        query: &Map<String, Value>,
    ) -> Result<ListOf<IntegrationRow>, Error> {
        caller.environment()?;
        let mut parameters = Parameters::new(query);
        let name = parameters.text("name")?;
        let category = parameters.text("category")?;
        let page = parameters.page(DEFAULT_LIMIT, MAX_LIMIT)?;
        parameters.finish()?;
        let mut wanted: Vec<&Arc<Integration>> = self
            .0
            .parts
            .catalog
            .iter()
            .filter(|integration| name.is_none_or(|name| integration.name == name))
            .filter(|integration| category.is_none_or(|category| integration.category == category))
            .filter(|integration| page.after.as_ref().is_none_or(|after| integration.name > *after))
            .collect();
        let limit = page.limit as usize;
        let next_cursor = (wanted.len() > limit).then(|| wanted[limit - 1].name.clone());
        wanted.truncate(limit);
        let result = wanted.into_iter().map(|integration| IntegrationRow::of(integration)).collect();
        Ok(ListOf { result, next_cursor, limit: page.limit })
    }

    /// The integration of an id or a slug.
    pub fn integration(&self, caller: &Caller, id_or_name: &str) -> Result<IntegrationRow, Error> {
        caller.environment()?;
        Ok(IntegrationRow::of(self.find_definition(id_or_name)?))
    }

    /// The definition of an id or a slug.
    pub(crate) fn find_definition(&self, id_or_name: &str) -> Result<&Arc<Integration>, Error> {
        let catalog = &self.0.parts.catalog;
        let by_id = || catalog.iter().find(|integration| integration_id(&integration.name) == id_or_name);
        catalog.get(id_or_name).or_else(by_id).ok_or_else(|| {
            let known = catalog.iter().map(|integration| integration.name.as_str());
            Error::NotFound(Unknown::new("integration", id_or_name, known).to_string())
        })
    }
}
