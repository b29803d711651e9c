//! Documentation of the unified models, as machines and people read it (facts, Truto 3.2).

use serde_json::{Map, Value};

use crate::{Caller, Error, Gateway};

/// A document in the form that was asked for.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its content type.
    pub content_type: &'static str,
    /// Its text.
    pub text: String,
}

impl Gateway {
    /// All resources of a model for an integration. Query: `format` (json, md, html).
    pub async fn unified_meta(
        &self,
        caller: &Caller,
        model: &str,
        integration: &str,
        query: &Map<String, Value>,
    ) -> Result<Document, Error> {
        let _ = (caller, model, integration, query);
        todo!()
    }

    /// One method of a unified resource. Without `integration`, that of the account in the query's `integrated_account_id`, with its
    /// overrides.
    pub async fn unified_method_meta(
        &self,
        caller: &Caller,
        model: &str,
        resource: &str,
        integration: Option<&str>,
        method: &str,
        query: &Map<String, Value>,
    ) -> Result<Value, Error> {
        let _ = (caller, model, resource, integration, method, query);
        todo!()
    }
}
