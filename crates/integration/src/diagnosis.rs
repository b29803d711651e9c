//! Why a platform refuses an account's credentials: platforms answer all reasons alike, so the definition says how they are told apart.

use serde::Deserialize;

use crate::compiled::{Mistake, Resource};
use crate::near::Unknown;

/// How refused credentials are told apart, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiagnosisDefinition {
    pub known_account: KnownAccount,
    #[serde(default)]
    pub shared_credentials: Vec<String>,
}

/// A method that needs no credentials.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KnownAccount {
    pub resource: String,
    pub method: String,
}

/// How refused credentials are told apart.
#[derive(Debug, Clone)]
pub struct Diagnosis {
    /// Resource and method of a read without credentials that the platform answers for the accounts that it has, and for no others.
    pub known_account: (String, String),
    /// The credentials that are the product's own: where they open another account, they are right. Without any, each account has its own.
    pub shared_credentials: Vec<String>,
}

/// Why credentials are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The platform has no such account.
    UnknownAccount,
    /// The credentials are right, so the account has not let the product in.
    AppNotInstalled,
    /// They are wrong; or nothing tells that they are not.
    CredentialsRefused,
}

impl Diagnosis {
    pub(crate) fn compile<'a>(
        definition: &DiagnosisDefinition,
        resource: impl Fn(&str) -> Result<&'a Resource, Unknown>,
        fields: &[&str],
    ) -> Result<Self, Mistake> {
        let KnownAccount { resource: name, method } = &definition.known_account;
        let at = ["diagnosis", "known_account"];
        let mistake = |unknown: Unknown| Mistake::at(&at, unknown.to_string());
        let found = resource(name).and_then(|resource| resource.method(method)).map_err(mistake)?;
        if !found.no_auth || found.verb != http::Method::GET || found.needs_id() {
            return Err(Mistake::at(&at, "it has to be a GET with `no_auth: true` that needs no id"));
        }
        for field in &definition.shared_credentials {
            if !fields.contains(&field.as_str()) {
                let unknown = Unknown::new("field", field, fields.iter().copied());
                return Err(Mistake::at(&["diagnosis", "shared_credentials"], unknown.to_string()));
            }
        }
        Ok(Self {
            known_account: (name.clone(), method.clone()),
            shared_credentials: definition.shared_credentials.clone(),
        })
    }

    /// Why credentials are refused: `is_known` is what came of [`Diagnosis::known_account`], `None` when it gave no answer; `open_others`
    /// whether the [`Diagnosis::shared_credentials`] open another account.
    pub fn refusal(&self, is_known: Option<bool>, open_others: bool) -> Refusal {
        match is_known {
            Some(false) => Refusal::UnknownAccount,
            Some(true) if open_others => Refusal::AppNotInstalled,
            _ => Refusal::CredentialsRefused,
        }
    }
}
