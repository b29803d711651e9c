//! What can be wrong with a definition and with a call that is to be planned.

use expression::TemplateError;

/// A definition is refused: where and why.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{}{}: {reason}", file, position.map_or_else(String::new, |(line, column)| format!(":{line}:{column}")))]
pub struct DefinitionError {
    /// The file, relative to the folder of integrations; or what an override belongs to.
    pub file: String,
    /// Line and column, from 1, where known.
    pub position: Option<(u64, u64)>,
    /// What is wrong and what would be right.
    pub reason: String,
}

impl DefinitionError {
    pub(crate) fn new(file: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { file: file.into(), position: None, reason: reason.into() }
    }
}

/// A call that cannot be turned into a request.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// A part of the path is unsafe or not of this platform.
    #[error("{0}")]
    BadPath(String),
    /// The call lacks a value that its path or its headers need.
    #[error("{0:?} is needed for this call and was not given")]
    Missing(String),
    /// The account's context or credentials lack a value: it has to be connected again.
    #[error("the account has no {0:?}; connect it again with this field filled in")]
    AccountLacks(String),
    /// A header value with a line break or another control character.
    #[error("the value for header {0:?} holds characters that a header may not hold")]
    BadHeader(String),
    /// The body's template failed.
    #[error(transparent)]
    Template(#[from] TemplateError),
}
