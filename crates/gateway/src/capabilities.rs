//! What an integration or an account can do (facts, Truto 15.1).

use serde_json::{Map, Value};

use crate::{Caller, Error, Gateway};

impl Gateway {
    /// What an integration, by id or slug, can do. Query: `type` (proxy, unified, all), `methods`, `resource`, `has_description`.
    pub async fn integration_capabilities(
        &self,
        caller: &Caller,
        id_or_name: &str,
        query: &Map<String, Value>,
    ) -> Result<Value, Error> {
        let _ = (caller, id_or_name, query);
        todo!()
    }

    /// What an account can do, with its overrides; the query as above.
    pub async fn account_capabilities(
        &self,
        caller: &Caller,
        id: &str,
        query: &Map<String, Value>,
    ) -> Result<Value, Error> {
        let _ = (caller, id, query);
        todo!()
    }
}
