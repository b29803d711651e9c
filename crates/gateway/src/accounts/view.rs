//! An account as the API shows and takes it (facts, Truto 8.2).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::environment_integrations::IntegrationSummary;
use crate::maps::OverrideError;

/// A connected account. Credentials are never part of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Account {
    /// Id.
    pub id: String,
    /// The product's own id for its customer; not unique.
    pub tenant_id: String,
    /// The environment.
    pub environment_id: String,
    /// The installed integration it connects through.
    pub environment_integration_id: String,
    /// `connecting`, `active`, `post_install_error`, `validation_error` or `needs_reauth`.
    pub status: &'static str,
    /// Whether writes are refused.
    pub is_sandbox: bool,
    /// Which of the definition's credential formats it uses.
    pub authentication_method: String,
    /// Where it is kept, if that was said.
    pub region: Option<String>,
    /// What is known of the account, without its secrets.
    #[schema(value_type = Object)]
    pub context: Map<String, Value>,
    /// Context fields kept elsewhere: none.
    pub object_store_context_fields: Vec<String>,
    /// The error that the status is about; its `what_to_do` tells how to mend it.
    #[schema(value_type = Option<Object>)]
    pub last_error: Option<Value>,
    /// The last call that lacked a permission, until it goes through.
    #[schema(value_type = Option<Object>)]
    pub last_forbidden_error: Option<Value>,
    /// What the last action gave.
    #[schema(value_type = Option<Object>)]
    pub last_action_result: Option<Value>,
    /// What this account changes in the field maps.
    #[schema(value_type = Object)]
    pub unified_model_override: Map<String, Value>,
    /// What this account changes in the integration's definition.
    #[schema(value_type = Object)]
    pub integration_override: Map<String, Value>,
    /// Overrides that do not fit any more, after a change of what they are laid over. Calls that go by them are refused.
    pub override_errors: Vec<OverrideError>,
    /// The integration.
    pub integration: IntegrationSummary,
    /// The installed integration.
    pub environment_integration: EnvironmentIntegrationId,
    /// Raised by each change.
    pub version: i64,
    /// When it was made.
    #[serde(serialize_with = "crate::time::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it last changed.
    #[serde(serialize_with = "crate::time::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// The id of an installed integration.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct EnvironmentIntegrationId {
    /// Id.
    pub id: String,
}

/// An account to connect. `context` holds the fields of the integration's credential form by name, and whatever else is to be
/// kept with the account.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// The product's own id for its customer.
    pub tenant_id: String,
    /// The installed integration; or say `integration`.
    pub environment_integration_id: Option<String>,
    /// The integration's id or slug, when it is installed in this environment.
    pub integration: Option<String>,
    /// Which of the definition's credential formats; the only one when left out.
    pub authentication_method: Option<String>,
    /// `wnam`, `enam`, `apac` or `eu`; kept as it is.
    pub region: Option<String>,
    /// Whether writes are refused.
    #[serde(default)]
    pub is_sandbox: bool,
    /// Credentials and context.
    #[schema(value_type = Object)]
    pub context: Map<String, Value>,
    /// What this account changes in the field maps.
    #[schema(value_type = Option<Object>)]
    pub unified_model_override: Option<Map<String, Value>>,
    /// What this account changes in the integration's definition.
    #[schema(value_type = Option<Object>)]
    pub integration_override: Option<Map<String, Value>>,
    /// The caller's own environment; anything else is refused.
    pub environment_id: Option<String>,
}

/// What to change of an account; what is left out stays.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountChange {
    /// The product's own id for its customer.
    pub tenant_id: Option<String>,
    /// Whether writes are refused.
    pub is_sandbox: Option<bool>,
    /// Merged into the context, field by field at its root; `null` removes a field. Secret fields given here are sealed.
    #[schema(value_type = Option<Object>)]
    pub context: Option<Map<String, Value>>,
    /// The whole new override of field maps.
    #[schema(value_type = Option<Object>)]
    pub unified_model_override: Option<Map<String, Value>>,
    /// The whole new override of the definition.
    #[schema(value_type = Option<Object>)]
    pub integration_override: Option<Map<String, Value>>,
    /// The version that was read, to be refused when it is another by now.
    pub version: Option<i64>,
}

/// New credentials.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialsChange {
    /// Which of the definition's credential formats; the present one when left out.
    pub authentication_method: Option<String>,
    /// The fields of the credential form by name; those left out stay.
    #[schema(value_type = Object)]
    pub context: Map<String, Value>,
}
