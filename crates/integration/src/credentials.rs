//! What a person fills in to connect an account, and what of it is secret.

use std::fmt;

use serde_json::{Map, Value};
use url::Url;
use zeroize::Zeroize;

use crate::definition::{CredentialField, CredentialFormat, FieldFormat, FieldTransform, FieldType};

/// An account's secrets, opened. Never printed; wiped when dropped.
#[derive(Clone, Default)]
pub struct Credentials(Value);

impl Credentials {
    /// Takes opened secrets by field name.
    pub fn new(secrets: Map<String, Value>) -> Self {
        Self(Value::Object(secrets))
    }

    /// The secrets, for the templates of a request and for sealing.
    pub fn expose(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Credentials(***)")
    }
}

impl Drop for Credentials {
    fn drop(&mut self) {
        if let Value::Object(fields) = &mut self.0 {
            for value in fields.values_mut() {
                if let Value::String(text) = value {
                    text.zeroize();
                }
            }
        }
    }
}

/// Credentials that fit their form, split into what may be shown and what is sealed.
#[derive(Debug)]
pub struct CheckedCredentials {
    /// The fields that are not secret: part of the account's context.
    pub context: Map<String, Value>,
    /// The secret fields.
    pub secrets: Credentials,
}

/// What is wrong with one field; never holds what was filled in.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct FieldProblem {
    /// The field's name.
    pub field: String,
    /// What to do, in the form's own words.
    pub message: String,
}

impl CredentialFormat {
    /// Checks what was given against the form. `partial` allows required fields to be absent (an update); so does their being among those
    /// that are `provided` by the environment.
    pub(crate) fn check(
        &self,
        given: &Map<String, Value>,
        partial: bool,
        provided: &[String],
    ) -> Result<CheckedCredentials, Vec<FieldProblem>> {
        let mut context = Map::new();
        let mut secrets = Map::new();
        let mut problems = Vec::new();
        for field in &self.fields {
            let problem = |message: String| FieldProblem { field: field.name.clone(), message };
            let text = match given.get(&field.name) {
                Some(Value::String(text)) => Some(text.trim().to_owned()),
                None if partial => None,
                None | Some(Value::Null) => field.default.clone(),
                Some(_) => {
                    problems.push(problem(format!("{} has to be text", field.label)));
                    continue;
                }
            };
            let Some(text) = text.filter(|text| !text.is_empty()) else {
                let left_as_it_is =
                    !given.contains_key(&field.name) && (partial || provided.contains(&field.name));
                if field.required && !left_as_it_is {
                    problems.push(problem(format!("{} is required", field.label)));
                }
                continue;
            };
            let text = field.tidy(text);
            if let Some(message) = field.format.and_then(|format| format.complaint(&text)) {
                problems.push(problem(format!("{} {message}", field.label)));
                continue;
            }
            match field.kind {
                FieldType::Password => secrets.insert(field.name.clone(), Value::String(text)),
                FieldType::Text => context.insert(field.name.clone(), Value::String(text)),
            };
        }
        if problems.is_empty() {
            Ok(CheckedCredentials { context, secrets: Credentials::new(secrets) })
        } else {
            Err(problems)
        }
    }
}

impl CredentialField {
    /// What a person means by what they filled in.
    fn tidy(&self, text: String) -> String {
        let text = self.host_suffix.as_deref().and_then(|suffix| label_before(suffix, &text)).unwrap_or(text);
        match self.transform {
            Some(FieldTransform::Lowercase) => text.to_lowercase(),
            None => text,
        }
    }
}

/// The one label of a host name before `suffix`, where `text` is such a name or the address of a page there.
fn label_before(suffix: &str, text: &str) -> Option<String> {
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url = Url::parse(&with_scheme).ok()?;
    let label = url.host_str()?.strip_suffix(suffix)?.strip_suffix('.')?;
    (!label.is_empty() && !label.contains('.')).then(|| label.to_owned())
}

impl FieldFormat {
    fn complaint(self, text: &str) -> Option<&'static str> {
        let fits = match self {
            Self::Subdomain => {
                text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
                    && !text.starts_with('-')
                    && text.len() <= 63
            }
            Self::Token => text.chars().all(|letter| letter.is_ascii_graphic()),
        };
        if fits {
            return None;
        }
        Some(match self {
            Self::Subdomain => "may hold letters, digits and hyphens only",
            Self::Token => "may not hold blanks or special characters",
        })
    }
}
