//! What can be wrong with a map, a query and a record.

use integration::DefinitionError;

/// A map is refused: where and why.
pub type MapError = DefinitionError;

/// A query that cannot be answered exactly, with what can.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct QueryError {
    /// The parameter.
    pub parameter: String,
    /// What is wrong with it.
    pub message: String,
    /// The parameters, operators or values that work.
    pub works: Vec<String>,
}

/// A record that does not fit its map. The rest of the API is not touched by it, and the caller can go around it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {id}: {}", self.reason())]
pub struct RecordError {
    /// The record's id, as far as it could be read.
    pub id: String,
    /// The unified field, dotted.
    pub field: String,
    /// The field to exclude to go around it; empty when that does not help.
    pub excludable: String,
    /// The provider's path; empty when an expression for the whole record failed.
    pub source_path: String,
    /// What the field needs.
    pub wanted: String,
    /// What was found, cut short.
    pub found: String,
}

impl RecordError {
    /// The expression that makes the whole record failed on it.
    pub(crate) fn of_expression(id: String, reason: String) -> Self {
        Self {
            id,
            field: "response_mapping".to_owned(),
            excludable: String::new(),
            source_path: String::new(),
            wanted: "a record".to_owned(),
            found: reason,
        }
    }

    fn reason(&self) -> String {
        let Self { field, excludable, source_path, wanted, found, .. } = self;
        let raw = "read the provider's record with truto_response_format=raw";
        match (source_path.as_str(), excludable.as_str()) {
            ("", _) => format!("{field}: {found}; {raw}"),
            (path, "") => format!("{field} needs {wanted}, and `{path}` holds {found}; {raw}"),
            (path, excludable) => format!(
                "{field} needs {wanted}, and `{path}` holds {found}; leave the field out with \
                 truto_exclude_fields[]={excludable} or {raw}"
            ),
        }
    }
}

/// An override is refused: which of its layers, where, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{}{reason}", path.join("."), if path.is_empty() { "" } else { ": " })]
pub struct LayerError {
    /// The number of the layer among those that were given, from 0.
    pub layer: usize,
    /// The keys down to the mistake, such as `fields`, `vineyard`.
    pub path: Vec<String>,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// A body that can't be written: all that is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub struct WriteError {
    /// What is wrong, field by field.
    pub failures: Vec<Failure>,
}

/// One thing that is wrong with a body.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Failure {
    /// The unified field, such as `emails[0].email`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
    /// The fields or values that work.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub works: Vec<String>,
}

impl Failure {
    /// A failure that says in words what would work.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), works: Vec::new() }
    }
}

impl WriteError {
    /// An error about one field.
    pub fn of(field: &str, message: &str) -> Self {
        Self { failures: vec![Failure::new(field, message)] }
    }

    fn sentence(&self) -> String {
        let told: Vec<String> =
            self.failures.iter().map(|failure| format!("{}: {}", failure.field, failure.message)).collect();
        told.join("; ")
    }
}
