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
#[error(
    "record {id}: {field} needs {wanted}, and `{source_path}` holds {found}; leave the field out with \
     truto_exclude_fields[]={excludable} or read the provider's record with truto_response_format=raw"
)]
pub struct RecordError {
    /// The record's id, as far as it could be read.
    pub id: String,
    /// The unified field, dotted.
    pub field: String,
    /// The field to exclude to go around it.
    pub excludable: String,
    /// The provider's path.
    pub source_path: String,
    /// What the field needs.
    pub wanted: String,
    /// What was found, cut short.
    pub found: String,
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

impl WriteError {
    /// An error about one field.
    pub fn of(field: &str, message: &str) -> Self {
        Self { failures: vec![Failure { field: field.into(), message: message.into(), works: Vec::new() }] }
    }

    fn sentence(&self) -> String {
        let told: Vec<String> =
            self.failures.iter().map(|failure| format!("{}: {}", failure.field, failure.message)).collect();
        told.join("; ")
    }
}
