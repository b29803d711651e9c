//! A list's filters: what the platform does, and what is checked on each record.

use serde_json::{Map, Value};

/// A list's filters, planned.
#[derive(Debug, Clone)]
pub struct PlannedQuery {
    /// What the platform is asked. It may give more than was asked for, never less.
    pub upstream: Map<String, Value>,
    /// What is checked on each record, so that the answer is exact; `None` when every record counts.
    pub filter: Option<Filter>,
}

/// Checks on the unified fields of a record.
#[derive(Debug, Clone)]
pub struct Filter {}
