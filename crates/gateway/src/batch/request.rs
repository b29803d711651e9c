//! A batch request as it comes.

use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Calls of one account, some of them made of the records of others.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BatchRequest {
    /// The account.
    pub integrated_account_id: String,
    /// Values for `{{args.…}}`.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub args: Map<String, Value>,
    /// The nodes, in any order. 50 at most.
    pub resources: Vec<Node>,
}

/// A call, or a calculation over the records of calls.
///
/// `id`, `query` and `body` take placeholders: `{{args.x}}`, and `{{resources.ecommerce.orders.customer.id}}` for a field of the record
/// of a node that this one depends on, by the node's resource or its name.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct Node {
    /// `request` (the default), `transform` or `spool`.
    #[serde(default, rename = "type")]
    #[schema(pattern = "^(request|transform|spool)$")]
    pub kind: Option<String>,
    /// The node's name: what others depend on, and the key of its records in the answer. The resource when not given.
    #[serde(default)]
    pub name: Option<String>,
    /// `ecommerce/orders` for a unified resource, `order` for one of the platform's own.
    #[serde(default)]
    pub resource: Option<String>,
    /// `list`, `get`, `create`, `update`, `delete` or a method of the resource's own.
    #[serde(default)]
    pub method: Option<String>,
    /// The record that it is about.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub id: Option<Value>,
    /// The query: an object with placeholders, or a JSONata expression over `resources` and `args`.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub query: Option<Value>,
    /// The body of a write, likewise.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub body: Option<Value>,
    /// The nodes whose records it is made of: it runs once for each of them; of several, for each combination that belongs together.
    #[serde(default)]
    pub depends_on: Option<Names>,
    /// A list, such as `resources.ecommerce.orders.line_items` or `args.skus`: it runs once for each item, and the same path in a
    /// placeholder is that item.
    #[serde(default)]
    pub loop_on: Option<String>,
    /// Whether its records are given back. When no node says `true`, those of all that do not say `false` are.
    #[serde(default)]
    pub persist: Option<bool>,
    /// Calls it again for records that it gave.
    #[serde(default)]
    pub recurse: Option<Recurse>,
    /// `unified` (the default), `normalized` (the same) or `raw`.
    #[serde(default)]
    #[schema(pattern = "^(unified|normalized|raw)$")]
    pub response_format: Option<String>,
    /// What a transform computes.
    #[serde(default)]
    pub config: Option<TransformConfig>,
    /// What is none of these, to be refused by name.
    #[serde(flatten)]
    #[schema(ignore)]
    pub unknown: Map<String, Value>,
}

/// One name, or several.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Names {
    /// One.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Names {
    pub(super) fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
        .iter()
        .map(String::as_str)
    }
}

/// For which records a node is called again, and how.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recurse {
    /// `{{resources.ecommerce.orders.has_more:bool}}`, or a JSONata expression, over the record that came. Always when not given.
    #[serde(default, rename = "if")]
    pub condition: Option<String>,
    /// What is asked instead.
    pub config: RecurseConfig,
}

/// What a repeated call asks.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecurseConfig {
    /// In place of the node's `id`.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub id: Option<Value>,
    /// Merged over the node's `query`.
    #[serde(default)]
    #[schema(value_type = Option<Value>)]
    pub query: Option<Value>,
}

/// What a transform computes.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TransformConfig {
    /// JSONata over `{args, resources}`, where `resources` holds all records of the nodes before it as lists. Each item of a list that it
    /// gives is a record; nothing or `null` is none.
    pub expression: String,
}
