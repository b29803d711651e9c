//! API tokens: a caller's right to one environment. Made by the operator, by the command line.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

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

/// A token that was just made.
#[derive(Debug, Clone)]
pub struct MadeApiToken {
    /// The token's text, shown this once.
    pub token: store::Token,
    /// What is kept of it.
    pub api_token: ApiToken,
}

impl Gateway {
    /// Makes a token for an environment.
    pub async fn create_api_token(
        &self,
        environment_id: &str,
        name: &str,
        expires_at: Option<Timestamp>,
    ) -> Result<MadeApiToken, Error> {
        let _ = (environment_id, name, expires_at);
        todo!()
    }

    /// The caller's environment's tokens. Query: `name`, `environment_id`, `limit`, `next_cursor`.
    pub async fn api_tokens(
        &self,
        caller: &Caller,
        query: &Map<String, Value>,
    ) -> Result<ListOf<ApiToken>, Error> {
        let _ = (caller, query);
        todo!()
    }

    /// Deletes a token; calls with it are refused from now on.
    pub async fn delete_api_token(&self, environment_id: &str, id: &str) -> Result<(), Error> {
        let _ = (environment_id, id);
        todo!()
    }
}
