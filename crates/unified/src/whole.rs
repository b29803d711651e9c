//! A record that one JSONata expression makes whole, as Truto's `response_mapping` does (facts, Truto 12.2).

use std::collections::BTreeSet;

use expression::Expression;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::op::Excluded;

/// The expression, and what is laid over its result.
#[derive(Debug, Clone)]
pub(crate) struct Whole {
    pub expression: Expression,
    /// Fields whose own line stands above the expression.
    pub over: BTreeSet<String>,
    /// Fields that are taken away above the expression.
    pub removed: BTreeSet<String>,
}

/// What the expression sees beside the record: the call that it is read by.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The caller's filters.
    pub query: Map<String, Value>,
    /// The caller's whole query.
    pub raw_query: Map<String, Value>,
    /// The caller's body; `null` when a record is only read.
    pub body: Value,
}

impl Whole {
    /// The fields that the expression gives; what is wrong with it otherwise.
    pub fn evaluate(
        &self,
        record: &RawValue,
        context: &Value,
        request: Option<&Request>,
    ) -> Result<Map<String, Value>, String> {
        let response: Value = serde_json::from_str(record.get()).map_err(|error| error.to_string())?;
        let nothing = Request::default();
        let Request { query, raw_query, body } = request.unwrap_or(&nothing);
        // The names are both fields of the input and variables: mappings are written either way.
        let scope = json!({
            "response": response, "query": query, "rawQuery": raw_query, "context": context, "headers": {}, "body": body,
        });
        let names = ["response", "query", "rawQuery", "context", "headers", "body"];
        let source = self.expression.source();
        let bindings: Vec<(&str, &Value)> = names
            .into_iter()
            .filter(|name| source.contains(&format!("${name}")))
            .map(|name| (name, &scope[name]))
            .collect();
        match self.expression.evaluate(&scope, &bindings).map_err(|error| error.to_string())? {
            Some(Value::Object(mut fields)) => {
                fields.shift_remove("remote_data");
                fields.retain(|name, _| !self.removed.contains(name));
                Ok(fields)
            }
            other => {
                let shown: String = other.map_or("nothing".into(), |other| other.to_string());
                let shown: String = shown.chars().take(60).collect();
                Err(format!("it gives {shown}, and a record is an object"))
            }
        }
    }
}

/// Takes what is not wanted out of an object, and out of the items of its lists.
pub(crate) fn prune(fields: &mut Map<String, Value>, excluded: &Excluded) {
    for (name, inner) in &excluded.0 {
        if inner.0.is_empty() {
            fields.shift_remove(name);
        } else if let Some(value) = fields.get_mut(name) {
            prune_value(value, inner);
        }
    }
}

fn prune_value(value: &mut Value, excluded: &Excluded) {
    match value {
        Value::Object(fields) => prune(fields, excluded),
        Value::Array(items) => items.iter_mut().for_each(|item| prune_value(item, excluded)),
        _ => {}
    }
}
