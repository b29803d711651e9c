//! Environments: separate sets of accounts and tokens. Made by the operator, by the command line.

use jiff::Timestamp;
use serde::Serialize;
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

impl Gateway {
    /// Makes an environment. [`Error::Conflict`] when the name is taken.
    pub async fn create_environment(&self, name: &str) -> Result<Environment, Error> {
        let _ = name;
        todo!()
    }

    /// The environment of an id or a name.
    pub async fn environment(&self, id_or_name: &str) -> Result<Environment, Error> {
        let _ = id_or_name;
        todo!()
    }

    /// All environments, oldest first.
    pub async fn environments(
        &self,
        limit: u32,
        after: Option<String>,
    ) -> Result<ListOf<Environment>, Error> {
        let _ = (limit, after);
        todo!()
    }
}
