//! What is sealed, and for which place.

/// A sealed value as it stands in a column: `v1.<data key id>.<base64url of nonce, ciphertext and tag>`.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(String);

impl Sealed {
    pub(crate) fn from_column(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn into_column(self) -> String {
        self.0
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Sealed(…)")
    }
}

/// The place a value is sealed for: it opens nowhere else.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    table: &'static str,
    id: &'a str,
}

impl<'a> Place<'a> {
    /// The credentials of an account.
    pub(crate) fn integrated_account(id: &'a str) -> Self {
        Self { table: "integrated_account", id }
    }

    /// The secret values of an installed integration.
    pub(crate) fn environment_integration(id: &'a str) -> Self {
        Self { table: "environment_integration", id }
    }

    /// The answer of a write that was named by a key.
    pub(crate) fn idempotency_key(id: &'a str) -> Self {
        Self { table: "idempotency_key", id }
    }

    /// What a link token's account gets into its context.
    pub(crate) fn link_token(id: &'a str) -> Self {
        Self { table: "link_token", id }
    }

    /// What an attempt to connect goes on with.
    pub(crate) fn oauth_state(id: &'a str) -> Self {
        Self { table: "oauth_state", id }
    }

    /// A wrapped data key.
    pub(super) fn data_key(id: &'a str) -> Self {
        Self { table: "data_key", id }
    }

    /// The place as the cipher's associated data.
    pub(super) fn associated_data(self) -> String {
        format!("{}/{}", self.table, self.id)
    }
}
