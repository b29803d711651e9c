//! The embedded integration, and an account of it.

use std::sync::{Arc, LazyLock};

use integration::{Catalog, Credentials, Inputs, Integration};
use serde_json::{Map, Value, json};

static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::embedded().unwrap());

pub fn commerce7() -> Arc<Integration> {
    Arc::clone(CATALOG.get("commerce7").unwrap())
}

/// What an account brings to each call.
pub struct Account {
    pub context: Value,
    pub credentials: Credentials,
    pub query: Map<String, Value>,
}

impl Account {
    pub fn new() -> Self {
        Self {
            context: json!({"tenant": "silver-oak-hill", "app_id": "app"}),
            credentials: Credentials::new(object(json!({"app_secret": "secret"}))),
            query: Map::new(),
        }
    }

    pub fn inputs<'a>(&'a self, id: Option<&'a str>) -> Inputs<'a> {
        Inputs { id, query: &self.query, body: None, context: &self.context, credentials: &self.credentials }
    }
}

pub fn object(value: Value) -> Map<String, Value> {
    value.as_object().unwrap().clone()
}
