//! What can be wrong with a model or a map, with a query, and with a record.

use integration::Unknown;

/// A model or a map is refused: where and why.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error(
    "{file}{}: {}{reason}",
    position.map_or_else(String::new, |(line, column)| format!(":{line}:{column}")),
    if path.is_empty() { String::new() } else { format!("{path}: ") }
)]
pub struct MapError {
    /// The file, relative to its folder; or what an override belongs to.
    pub file: String,
    /// Line and column, from 1, where known.
    pub position: Option<(u64, u64)>,
    /// The keys that lead to the mistake, such as `fields.line_items.object.sku`.
    pub path: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// A list's query cannot be answered as it was asked. The message says what works.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum QueryError {
    /// A parameter that is no filter here.
    #[error(
        "unknown filter {:?}{}; filters that work here are {}",
        unknown.name,
        unknown.near.as_ref().map_or_else(String::new, |near| format!(", did you mean {near:?}?")),
        unknown.known.join(", ")
    )]
    UnknownFilter {
        /// The name, the nearest one and all that work.
        unknown: Unknown,
    },
    /// A comparison that this filter does not take.
    #[error("the filter {filter:?} has no operator {operator:?}; it takes {}", known.join(", "))]
    Operator {
        /// The filter's name.
        filter: String,
        /// The operator that was given.
        operator: String,
        /// Operators that work.
        known: Vec<String>,
    },
    /// A value that the filter's field can never have.
    #[error("the filter {filter:?} cannot be {found:?}; it takes {expected}")]
    Value {
        /// The filter's name.
        filter: String,
        /// What was given.
        found: String,
        /// What works: a type, or the values.
        expected: String,
    },
    /// An order that the platform cannot list in.
    #[error("records cannot be sorted by {field:?} here; {}", if known.is_empty() { "sort_by is not available".to_owned() } else { format!("sort_by takes {}", known.join(", ")) })]
    Sort {
        /// What was asked for.
        field: String,
        /// Fields that work.
        known: Vec<String>,
    },
    /// A method or a field that the map has not.
    #[error(transparent)]
    Unknown(#[from] Unknown),
}

/// A record that does not fit its map.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error(
    "the field {field:?}{} cannot be read: {from:?} should be {expected}, found {found}. \
     Leave the field out with truto_exclude_fields, or read the record as it is with truto_response_format=raw",
    record.as_ref().map_or_else(String::new, |id| format!(" of record {id:?}"))
)]
pub struct RecordError {
    /// The record's id, where it could be read.
    pub record: Option<String>,
    /// The unified field.
    pub field: String,
    /// The path in the platform's record.
    pub from: String,
    /// What the map expects there.
    pub expected: String,
    /// What is there, shortened.
    pub found: String,
}
