//! What of an account's context is secret (facts, Truto 8.4): sealed when it comes in, left out when it goes out.

use integration::Integration;
use serde_json::{Map, Value};

/// Names of secrets at the root of a context, whatever the integration.
const PROTECTED: [&str; 7] =
    ["api_key", "api_token", "token", "password", "secret", "client_secret", "access_token"];
/// Names of secrets within `oauth.token`.
const PROTECTED_OAUTH: [&str; 3] = ["access_token", "refresh_token", "access_token_secret"];
/// Computed, and never kept with an account.
const VIRTUAL: &str = "environment_variables";

/// What came in for a context, taken apart.
pub(crate) struct Split {
    /// What may be shown.
    pub(crate) context: Map<String, Value>,
    /// What is sealed.
    pub(crate) secrets: Map<String, Value>,
}

impl Split {
    /// What a new account begins with: what is `null` is not there.
    pub(crate) fn of_new(self) -> Self {
        let (mut context, mut secrets) = (Map::new(), Map::new());
        merge(&mut context, self.context);
        merge(&mut secrets, self.secrets);
        Self { context, secrets }
    }
}

/// Takes what is secret out of `given`.
pub(crate) fn split(integration: &Integration, mut given: Map<String, Value>) -> Split {
    given.remove(VIRTUAL);
    let mut secrets = Map::new();
    for name in PROTECTED.into_iter().chain(integration.secret_fields()) {
        if let Some(value) = given.shift_remove(name) {
            secrets.insert(name.to_owned(), value);
        }
    }
    let of_oauth = |token| Value::Object(Map::from_iter([("token".to_owned(), token)]));
    match given.get_mut("oauth") {
        // What is taken away takes its secrets along.
        Some(Value::Null) => {
            secrets.insert("oauth".into(), Value::Null);
        }
        Some(Value::Object(oauth)) => match oauth.get_mut("token") {
            Some(Value::Null) => {
                secrets.insert("oauth".into(), of_oauth(Value::Null));
            }
            Some(Value::Object(token)) => {
                let mut sealed = Map::new();
                for name in PROTECTED_OAUTH {
                    if let Some(value) = token.shift_remove(name) {
                        sealed.insert(name.to_owned(), value);
                    }
                }
                if !sealed.is_empty() {
                    secrets.insert("oauth".into(), of_oauth(Value::Object(sealed)));
                }
            }
            _ => {}
        },
        _ => {}
    }
    Split { context: given, secrets }
}

/// Whether a field of a context says whose account it is: a secret, or a field of the form that connects accounts. One app's
/// credentials may open any of its customers' accounts, so that such a field decides whose data is read.
pub(crate) fn tells_whose(integration: &Integration, name: &str) -> bool {
    let forms = integration.credentials.values();
    name == "oauth"
        || PROTECTED.contains(&name)
        || forms.flat_map(|form| &form.fields).any(|field| field.name == name)
}

/// A context as it may be shown.
pub(crate) fn shown(integration: &Integration, context: Map<String, Value>) -> Map<String, Value> {
    split(integration, context).context
}

/// Merges a patch into a context: field by field at the root, `oauth` within; `null` removes.
pub(crate) fn merge(context: &mut Map<String, Value>, patch: Map<String, Value>) {
    for (name, value) in patch {
        match (context.get_mut(&name), value) {
            (_, Value::Null) => {
                context.shift_remove(&name);
            }
            (Some(Value::Object(old)), Value::Object(new)) if name == "oauth" => merge_deep(old, new),
            (_, value) => {
                context.insert(name, value);
            }
        }
    }
}

fn merge_deep(old: &mut Map<String, Value>, new: Map<String, Value>) {
    for (name, value) in new {
        match (old.get_mut(&name), value) {
            (_, Value::Null) => {
                old.shift_remove(&name);
            }
            (Some(Value::Object(old)), Value::Object(new)) => merge_deep(old, new),
            (_, value) => {
                old.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_patch_replaces_at_the_root_and_merges_oauth() {
        let mut context =
            map(json!({"a": {"x": 1}, "b": 2, "oauth": {"scope": ["read"], "token": {"expires_in": 1}}}));
        merge(&mut context, map(json!({"a": {"y": 2}, "b": null, "oauth": {"token": {"kind": "bearer"}}})));
        assert_eq!(
            Value::Object(context),
            json!({"a": {"y": 2}, "oauth": {"scope": ["read"], "token": {"expires_in": 1, "kind": "bearer"}}})
        );
    }
}
