//! Unified models: what a caller sees, whichever platform is connected.

use std::collections::BTreeMap;
use std::path::Path;

use integration::Unknown;
use serde_json::{Map, Value};

use crate::MapError;

/// All models: read from the binary or from a folder, checked before anything is served.
#[derive(Debug, Clone, Default)]
pub struct Models {
    models: BTreeMap<String, Model>,
}

/// A unified model, such as `ecommerce`.
#[derive(Debug, Clone)]
pub struct Model {
    /// The name in `/unified/{model}`.
    pub name: String,
    /// What a person reads.
    pub label: String,
    /// What it is for.
    pub description: String,
    /// Its resources, by name.
    pub resources: BTreeMap<String, std::sync::Arc<ModelResource>>,
}

/// A resource of a model, such as `orders`.
#[derive(Debug, Clone)]
pub struct ModelResource {
    /// The name in `/unified/{model}/{resource}`.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Methods that the model knows of: `list`, `get`, …
    pub methods: Vec<String>,
    /// Its fields, in the order in which they are written.
    pub fields: Fields,
    /// Filters of its list, by name.
    pub filters: BTreeMap<String, ModelFilter>,
}

/// Fields by name, in order.
pub type Fields = Vec<Field>;

/// One field of a resource or of an object in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it holds; of a list, what each item holds.
    pub kind: FieldType,
    /// Whether it is a list of that.
    pub is_list: bool,
    /// The values it has, when they are few. A value of the platform that has no counterpart passes through as it is.
    pub values: Vec<String>,
    /// Whether every record has it.
    pub required: bool,
    /// What it means.
    pub description: String,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldType {
    /// Text.
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An exact decimal, as text, with at least the currency's minor digits.
    Money,
    /// RFC 3339 in UTC with milliseconds.
    Datetime,
    /// `YYYY-MM-DD`.
    Date,
    /// An object with these fields.
    Object(Fields),
    /// An object whose keys are the account's own.
    Free,
}

/// A filter of a list.
#[derive(Debug, Clone)]
pub struct ModelFilter {
    /// Its name in the query.
    pub name: String,
    /// The field it is about, as a dotted path; `None` for a search whose meaning is the platform's.
    pub field: Option<String>,
    /// Comparisons it takes.
    pub operators: Vec<Operator>,
    /// Whether upper and lower case are the same.
    pub ignores_case: bool,
    /// A value that means "no matter which".
    pub any: Option<String>,
    /// What it does.
    pub description: String,
}

/// A comparison, as `field[operator]=value`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operator {
    /// Equal; also a bare value.
    Eq,
    /// One of a comma list.
    In,
    /// Greater, or later.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less, or earlier.
    Lt,
    /// Less or equal.
    Lte,
}

impl Models {
    /// The models inside the binary.
    pub fn embedded() -> Result<Self, MapError> {
        todo!()
    }

    /// The models of a folder: a folder each, with `model.yaml` and a file a resource.
    pub fn read(_folder: &Path) -> Result<Self, MapError> {
        todo!()
    }

    /// Finds a model by name.
    pub fn get(&self, name: &str) -> Option<&Model> {
        self.models.get(name)
    }

    /// All models, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.models.values()
    }
}

impl Model {
    /// Finds a resource by name.
    pub fn resource(&self, name: &str) -> Result<&std::sync::Arc<ModelResource>, Unknown> {
        self.resources
            .get(name)
            .ok_or_else(|| Unknown::new("resource", name, self.resources.keys().map(String::as_str)))
    }
}

impl ModelResource {
    /// The JSON Schema of a record. Fields without a value are left out, so nothing is nullable.
    pub fn json_schema(&self) -> Value {
        todo!()
    }

    /// The query parameters of its list that filter, each `name` with the JSON Schema of its value (OpenAPI: `style: deepObject`
    /// for those with operators).
    pub fn query_schema(&self) -> Map<String, Value> {
        todo!()
    }
}
