//! A resource's map: where records come from and how each field is read.

use std::collections::BTreeMap;
use std::sync::Arc;

use integration::{Integration, Unknown};
use serde_json::{Map, Value};

use crate::{Filter, MapError, ModelResource, PlannedQuery, QueryError, WriteOptions, Writer};

/// How a platform's records become one resource of a model, compiled.
#[derive(Debug, Clone)]
pub struct ResourceMap {
    /// The resource that it maps to.
    pub model: Arc<ModelResource>,
    /// The unified methods that work, by name.
    pub methods: BTreeMap<String, MethodMap>,
}

/// Where a unified method's records come from.
#[derive(Debug, Clone)]
pub struct MethodMap {
    /// The platform's resource.
    pub resource: String,
    /// Its method.
    pub method: String,
    /// What is fetched beside the record.
    pub loads: Vec<Load>,
}

/// A further call whose answer the map reads beside the record.
#[derive(Debug, Clone)]
pub struct Load {
    /// The name that the map's paths know it by, as `$name`.
    pub name: String,
    /// The platform's resource.
    pub resource: String,
    /// Its method.
    pub method: String,
}

impl Load {
    /// The call's query for a record.
    pub fn query(&self, _id: &str, _context: &Value) -> Map<String, Value> {
        todo!()
    }
}

impl ResourceMap {
    /// Compiles a map for `model` from `layers`, the integration's own first; each later one changes single fields, `null`
    /// removing one.
    pub fn compile(
        _model: &Arc<ModelResource>,
        _integration: &Arc<Integration>,
        _layers: &[&Value],
    ) -> Result<Self, MapError> {
        todo!()
    }

    /// The same map with further layers over it.
    pub fn overridden(&self, _layers: &[&Value]) -> Result<Self, MapError> {
        todo!()
    }

    /// Finds a unified method.
    pub fn method(&self, name: &str) -> Result<&MethodMap, Unknown> {
        self.methods
            .get(name)
            .ok_or_else(|| Unknown::new("method", name, self.methods.keys().map(String::as_str)))
    }

    /// Turns a list's filters into the platform's query and what is left to check on each record. `query` holds filters (and
    /// `sort_by`) only: whoever calls has taken out paging, `truto_…` and `remote_query`.
    pub fn plan_query(&self, _query: &Map<String, Value>) -> Result<PlannedQuery, QueryError> {
        todo!()
    }

    /// Prepares writing the records of one call. `context` is the account's.
    pub fn writer(
        &self,
        _context: &Value,
        _options: &WriteOptions,
        _filter: Option<Filter>,
    ) -> Result<Writer<'_>, QueryError> {
        todo!()
    }

    /// What is mapped from where, for people and machines: methods, fields, filters and what is left out.
    pub fn describe(&self) -> Value {
        todo!()
    }
}
