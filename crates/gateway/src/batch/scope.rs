//! What placeholders and expressions of a node see: `args`, and the records of the nodes before it.

use expression::{Expression, Scope, Template};
use serde_json::{Map, Value, json};

use crate::Error;

/// Where a node's records stand below `resources`: under its resource, and under its name.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub name: String,
    /// `["ecommerce", "orders"]`, `["order"]`; nothing for what is no call.
    pub resource: Vec<String>,
}

impl Key {
    /// What is left of a path below `resources` when it leads to this node by name or by resource.
    pub(super) fn rest<'p>(&self, steps: &'p [String]) -> Option<&'p [String]> {
        if steps.first() == Some(&self.name) {
            return Some(&steps[1..]);
        }
        if self.resource.is_empty() { None } else { steps.strip_prefix(self.resource.as_slice()) }
    }
}

/// Puts nodes' values together as `resources`.
pub(super) fn resources(nodes: Vec<(&Key, Value)>) -> Value {
    let mut resources = Map::new();
    for (key, value) in &nodes {
        put_by_resource(&mut resources, key, value.clone());
    }
    // A name says which node is meant where several have the same resource.
    resources.extend(nodes.into_iter().map(|(key, value)| (key.name.clone(), value)));
    Value::Object(resources)
}

fn put_by_resource(resources: &mut Map<String, Value>, key: &Key, value: Value) {
    match key.resource.as_slice() {
        [model, resource] => {
            if let Value::Object(model) = resources.entry(model.clone()).or_insert_with(|| json!({})) {
                model.insert(resource.clone(), value);
            }
        }
        [resource] => {
            resources.insert(resource.clone(), value);
        }
        _ => {}
    }
}

/// What one call sees.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub args: Value,
    pub resources: Value,
}

impl Seen {
    pub(super) fn scope(&self) -> Scope<'_> {
        Scope::new().with("args", &self.args).with("resources", &self.resources)
    }

    /// The same, with the record of one more node.
    pub(super) fn with(&self, key: &Key, record: Value) -> Self {
        let mut seen = self.clone();
        if let Value::Object(resources) = &mut seen.resources {
            put_by_resource(resources, key, record.clone());
            resources.insert(key.name.clone(), record);
        }
        seen
    }

    fn evaluate(&self, expression: &Expression) -> Result<Option<Value>, Error> {
        let input = json!({"args": self.args, "resources": self.resources});
        expression.evaluate(&input, &[]).map_err(|error| Error::bad_request(error.to_string()))
    }
}

/// A part of a call: a value with placeholders, or an expression.
#[derive(Debug, Clone)]
pub(super) enum Part {
    Template(Template),
    Expression(Expression),
}

impl Part {
    /// Fills it. A placeholder for what is not there is an error: sent as it was written, it would name something else.
    pub(super) fn fill(&self, what: &str, seen: &Seen) -> Result<Option<Value>, Error> {
        match self {
            Self::Expression(expression) => {
                seen.evaluate(expression).map_err(|error| Error::bad_request(format!("{what}: {error}")))
            }
            Self::Template(template) => {
                let scope = seen.scope();
                if let Some(missing) = template.missing(&scope).first() {
                    return Err(Error::bad_request(format!(
                        "{what}: {{{{{0}}}}} is not there in this record; {{{{{0}?:x}}}} says what stands in for it",
                        missing.written()
                    )));
                }
                template.render(&scope).map_err(|error| Error::bad_request(format!("{what}: {error}")))
            }
        }
    }

    /// Whether it holds: what is missing, empty, zero or `false` does not.
    pub(super) fn holds(&self, what: &str, seen: &Seen) -> Result<bool, Error> {
        let value = match self {
            Self::Expression(_) => self.fill(what, seen)?,
            Self::Template(template) if !template.missing(&seen.scope()).is_empty() => None,
            Self::Template(_) => self.fill(what, seen)?,
        };
        Ok(match value {
            None | Some(Value::Null) => false,
            Some(Value::Bool(holds)) => holds,
            Some(Value::Number(number)) => number.as_f64() != Some(0.0),
            Some(Value::String(text)) => !matches!(text.as_str(), "" | "false" | "0"),
            Some(Value::Array(items)) => !items.is_empty(),
            Some(Value::Object(fields)) => !fields.is_empty(),
        })
    }
}

/// The value at a path.
pub(super) fn at<'v>(value: &'v Value, steps: &[String]) -> Option<&'v Value> {
    steps.iter().try_fold(value, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        value => value.get(step),
    })
}

/// Puts another value at a path that is there.
pub(super) fn replace(value: &mut Value, steps: &[String], new: Value) {
    let place = steps.iter().try_fold(value, |value, step| match value {
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        value => value.get_mut(step),
    });
    if let Some(place) = place {
        *place = new;
    }
}
