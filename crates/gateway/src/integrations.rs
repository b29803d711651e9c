//! Integrations: what accounts can be connected to.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

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

impl Gateway {
    /// All integrations. Query: `name`, `category`, `limit`, `next_cursor`.
    pub async fn integrations(
        &self,
        caller: &Caller,
        query: &Map<String, Value>,
    ) -> Result<ListOf<IntegrationRow>, Error> {
        let _ = (caller, query);
        todo!()
    }

    /// The integration of an id or a slug.
    pub async fn integration(&self, caller: &Caller, id_or_name: &str) -> Result<IntegrationRow, Error> {
        let _ = (caller, id_or_name);
        todo!()
    }
}
