//! Secrets in the open: a set of named values that is wiped when it goes.

use serde_json::{Map, Value};
use zeroize::{Zeroize as _, Zeroizing};

use crate::VaultError;

/// Named secret values, as JSON: a password is a text, an OAuth token an object. Wiped from memory when dropped; shown
/// nowhere.
#[derive(Clone, Default, PartialEq)]
pub struct Secrets(Map<String, Value>);

impl Secrets {
    /// One value.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// All values; take care where they go.
    pub fn expose(&self) -> &Map<String, Value> {
        &self.0
    }

    /// All values, to be wiped by who takes them.
    pub fn into_values(mut self) -> Map<String, Value> {
        std::mem::take(&mut self.0)
    }

    /// The names, which are no secret.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn to_text(&self) -> Zeroizing<Vec<u8>> {
        // Room for what is usual, so that no copy stays behind when the text grows; and for the seal.
        let mut text = Zeroizing::new(Vec::with_capacity(16 * 1024));
        // A map of JSON values is always writable, and so is a vector.
        let _ = serde_json::to_writer(&mut *text, &self.0);
        text
    }

    pub(super) fn from_text(text: &[u8]) -> Result<Self, VaultError> {
        // The reason is not kept: it may quote the text.
        serde_json::from_slice(text).map(Self).map_err(|_| VaultError::NotSecrets)
    }
}

impl From<Map<String, Value>> for Secrets {
    fn from(values: Map<String, Value>) -> Self {
        Self(values)
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.0.values_mut().for_each(wipe);
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(values) => values.iter_mut().for_each(wipe),
        Value::Object(values) => values.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
