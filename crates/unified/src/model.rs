//! Unified models: what callers see, whichever platform is connected.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};
use integration::source::{self, Files};
use integration::{DefinitionError, Unknown};
use serde::de::value::MapAccessDeserializer;
use serde::de::{IntoDeserializer as _, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../models");

/// All unified models, by name.
#[derive(Debug, Clone, Default)]
pub struct Models {
    models: BTreeMap<String, Model>,
}

/// A unified model, such as `ecommerce`.
#[derive(Debug, Clone)]
pub struct Model {
    /// The segment in the URL.
    pub name: String,
    /// What a person reads.
    pub label: String,
    /// What it covers.
    pub description: String,
    /// Its resources, by name.
    pub resources: BTreeMap<String, ModelResource>,
}

/// A resource of a unified model, such as `orders`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelResource {
    /// The segment in the URL.
    pub name: String,
    /// What one record is.
    pub description: String,
    /// The methods that callers can expect: `list`, `get`, …; an integration may have fewer.
    pub methods: Vec<String>,
    /// Its fields, in the order in which they are written.
    #[serde(deserialize_with = "ordered")]
    pub fields: Vec<(String, Field)>,
    /// What lists can be filtered by.
    #[serde(default)]
    pub filters: BTreeMap<String, FilterType>,
}

/// One field of a record.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// The type of its value.
    #[serde(rename = "type", default)]
    pub kind: FieldType,
    /// What it says.
    #[serde(default)]
    pub description: String,
    /// Whether every record has it.
    #[serde(default)]
    pub required: bool,
    /// The values it usually has; others are the provider's own word.
    #[serde(default, rename = "enum")]
    pub values: Vec<String>,
    /// The fields of an object, or of each object of an array.
    #[serde(default, deserialize_with = "ordered")]
    pub fields: Vec<(String, Field)>,
    /// The type of each item of an array without fields.
    #[serde(default)]
    pub of: FieldType,
}

/// The type of a field. On the wire money, dates and times are strings.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Text.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// True or false.
    Boolean,
    /// An exact amount with the currency's minor digits, as text: `"85.10"`.
    Money,
    /// RFC 3339 in UTC with milliseconds.
    Datetime,
    /// `YYYY-MM-DD`.
    Date,
    /// An object with fields.
    Object,
    /// A list.
    Array,
    /// Any JSON value, as the provider wrote it.
    Json,
}

/// What a filter takes.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FilterType {
    /// The type of its value.
    #[serde(rename = "type", default)]
    pub kind: FieldType,
    /// What it does.
    pub description: String,
    /// The operators it takes; a bare value is `eq`.
    #[serde(default = "only_equal")]
    pub operators: Vec<String>,
    /// The values it takes, when they are few.
    #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Whether `get` takes it, too, for records that are found by more than their id.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub with_get: bool,
}

fn only_equal() -> Vec<String> {
    vec!["eq".to_owned()]
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ModelFile {
    name: String,
    label: String,
    description: String,
}

impl Models {
    /// The models inside the binary.
    pub fn embedded() -> Result<Self, DefinitionError> {
        Self::from_files(&source::embedded(&EMBEDDED))
    }

    /// The models of a folder: a folder each, with `model.yaml` and a file a resource.
    pub fn read(folder: &Path) -> Result<Self, DefinitionError> {
        Self::from_files(&source::read(folder)?)
    }

    /// Finds a model by name.
    pub fn get(&self, name: &str) -> Result<&Model, Unknown> {
        self.models
            .get(name)
            .ok_or_else(|| Unknown::new("model", name, self.models.keys().map(String::as_str)))
    }

    /// All models.
    pub fn iter(&self) -> impl Iterator<Item = &Model> {
        self.models.values()
    }

    fn from_files(files: &Files) -> Result<Self, DefinitionError> {
        let mut models = BTreeMap::new();
        for (file, text) in files {
            let Some(folder) = file.strip_suffix("/model.yaml") else { continue };
            let head: ModelFile = source::parse(file, text)?;
            let mut resources = BTreeMap::new();
            let prefix = format!("{folder}/");
            for (path, text) in files.iter().filter(|(path, _)| path.starts_with(&prefix) && *path != file) {
                let resource: ModelResource = source::parse(path, text)?;
                resources.insert(resource.name.clone(), resource);
            }
            models.insert(
                head.name.clone(),
                Model { name: head.name, label: head.label, description: head.description, resources },
            );
        }
        Ok(Self { models })
    }
}

impl Model {
    /// Finds a resource by name.
    pub fn resource(&self, name: &str) -> Result<&ModelResource, Unknown> {
        self.resources
            .get(name)
            .ok_or_else(|| Unknown::new("resource", name, self.resources.keys().map(String::as_str)))
    }
}

impl ModelResource {
    /// The field of that name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|(field, _)| field == name).map(|(_, field)| field)
    }

    /// The JSON Schema (2020-12) of a record.
    pub fn json_schema(&self) -> Value {
        let mut schema = object_schema(&self.fields);
        schema["description"] = json!(self.description);
        schema["properties"]["remote_data"] = json!({
            "type": "object",
            "description": "The provider's own record, untouched; left out with truto_ignore_remote_data=true.",
        });
        schema
    }
}

impl Field {
    /// The JSON Schema of the field's value.
    pub fn json_schema(&self) -> Value {
        let mut schema = match self.kind {
            FieldType::Object if !self.fields.is_empty() => object_schema(&self.fields),
            FieldType::Array if self.fields.is_empty() => {
                json!({"type": "array", "items": self.of.json_schema()})
            }
            FieldType::Array => json!({"type": "array", "items": object_schema(&self.fields)}),
            kind => kind.json_schema(),
        };
        if !self.description.is_empty() {
            schema["description"] = json!(self.description);
        }
        if !self.values.is_empty() {
            // Not closed: a value without a mapping passes through as the provider wrote it.
            schema["examples"] = json!(self.values);
        }
        schema
    }
}

impl FilterType {
    /// The JSON Schema of the parameter: a bare value means `eq`, any other comparison is a name in brackets.
    pub fn json_schema(&self) -> Value {
        let mut value = self.kind.json_schema();
        if !self.values.is_empty() {
            value["enum"] = json!(self.values);
        }
        if !self.has_operators() {
            return value;
        }
        let compared = |operator: &String| {
            // A list of values is written with commas, which no enumeration of single values would allow.
            let of = if operator == "in" { json!({"type": "string"}) } else { value.clone() };
            (operator.clone(), of)
        };
        let comparisons: Map<String, Value> = self.operators.iter().map(compared).collect();
        json!({"oneOf": [value, {"type": "object", "properties": comparisons, "additionalProperties": false}]})
    }

    /// Whether a method takes it.
    pub fn works_with(&self, method: &str) -> bool {
        method == "list" || (method == "get" && self.with_get)
    }

    /// Whether it takes another comparison than `eq`.
    pub fn has_operators(&self) -> bool {
        self.operators.iter().any(|operator| operator != "eq")
    }
}

impl FieldType {
    /// The JSON Schema of a value of this type.
    pub fn json_schema(self) -> Value {
        match self {
            Self::String => json!({"type": "string"}),
            Self::Integer => json!({"type": "integer"}),
            Self::Number => json!({"type": "number"}),
            Self::Boolean => json!({"type": "boolean"}),
            Self::Money => {
                json!({"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$", "examples": ["85.10"]})
            }
            Self::Datetime => json!({"type": "string", "format": "date-time"}),
            Self::Date => json!({"type": "string", "format": "date"}),
            Self::Object => json!({"type": "object"}),
            Self::Array => json!({"type": "array"}),
            Self::Json => json!({}),
        }
    }

    /// The type's name in models and documentation.
    pub fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
            Self::Money => "money",
            Self::Datetime => "datetime",
            Self::Date => "date",
            Self::Object => "object",
            Self::Array => "array",
            Self::Json => "json",
        }
    }
}

fn object_schema(fields: &[(String, Field)]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|(name, field)| (name.clone(), field.json_schema())).collect();
    let required: Vec<&String> =
        fields.iter().filter(|(_, field)| field.required).map(|(name, _)| name).collect();
    let mut schema = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// Keeps the order in which a file names the fields.
fn ordered<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Field)>, D::Error> {
    struct Fields;

    impl<'de> Visitor<'de> for Fields {
        type Value = Vec<(String, Field)>;

        fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.write_str("fields by name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut fields = Vec::new();
            while let Some((name, Short(field))) = map.next_entry()? {
                fields.push((name, field));
            }
            Ok(fields)
        }
    }

    deserializer.deserialize_map(Fields)
}

/// A field as a file has it: a mapping, or its type alone (`id: string`).
struct Short(Field);

impl<'de> Deserialize<'de> for Short {
    // Not serde's `untagged`: a mistake would be told without its reason.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = Short;

            fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                out.write_str("a field's type, or a mapping with `type`, `description`, …")
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Short, E> {
                let kind = FieldType::deserialize(word.into_deserializer())?;
                Ok(Short(Field { kind, ..Field::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Short, A::Error> {
                Field::deserialize(MapAccessDeserializer::new(map)).map(Short)
            }
        }

        deserializer.deserialize_any(Either)
    }
}
