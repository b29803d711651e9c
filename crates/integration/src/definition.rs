//! The definition of an integration as it is written: one to one with the YAML files.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnosis::DiagnosisDefinition;
use crate::form::Choice;
use crate::install::InstallDefinition;
use crate::oauth::{AuthDefinition, ClientDefinition};

/// The whole definition: `integration.yaml` with the resources of `resources/*.yaml` put in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Definition {
    pub name: String,
    pub label: String,
    pub category: String,
    #[serde(default)]
    pub description: String,
    #[serde(default)]
    pub documentation_link: Option<String>,
    pub base_url: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub query_array_format: ArrayFormat,
    pub credentials: BTreeMap<String, CredentialFormat>,
    pub authorization: Authorization,
    #[serde(default)]
    pub pagination: BTreeMap<String, Pagination>,
    #[serde(default)]
    pub rate_limit: Option<RateLimitDefinition>,
    #[serde(default)]
    pub errors: Errors,
    #[serde(default)]
    pub resources: BTreeMap<String, ResourceDefinition>,
    #[serde(default)]
    pub actions: BTreeMap<String, ActionDefinition>,
    #[serde(default)]
    pub diagnosis: Option<DiagnosisDefinition>,
    #[serde(default)]
    pub install: Option<InstallDefinition>,
    /// Values of the operator, as `{{context.environment_variables.x}}` (set by an override).
    #[serde(default)]
    pub environment_variables: serde_json::Map<String, Value>,
    /// What people read, in other languages: by language, then by the definition's own words. `texts/fr.yaml` is `fr`.
    #[serde(default)]
    pub texts: BTreeMap<String, BTreeMap<String, String>>,
}

/// How arrays are written in a query string.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ArrayFormat {
    /// `a=1,2`
    Comma,
    /// `a[]=1&a[]=2`
    Brackets,
    /// `a[0]=1&a[1]=2`
    Indices,
    /// `a=1&a=2`
    #[default]
    Repeat,
}

/// One way to authenticate: what a person is asked for.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialFormat {
    /// The fields of the form, in order.
    #[serde(default)]
    pub fields: Vec<CredentialField>,
    /// Where a person reads how to get them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation_link: Option<String>,
    /// What the platform will allow this product to do, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_text: Option<String>,
    /// Where tokens come from; `oauth2` and `oauth2_client_credentials` have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthDefinition>,
    /// The product's own client, for all accounts; an environment gives its own by an override.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<ClientDefinition>,
    /// The scopes to ask for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
    /// Further parameters of the address where people say yes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// Further parameters of asking for a token.
    #[serde(default, rename = "tokenParams", skip_serializing_if = "BTreeMap::is_empty")]
    pub token_params: BTreeMap<String, String>,
    /// Further parameters of renewing one.
    #[serde(default, rename = "refreshParams", skip_serializing_if = "BTreeMap::is_empty")]
    pub refresh_params: BTreeMap<String, String>,
    /// Whether codes are bound to a proof (RFC 7636), which any server may ignore.
    #[serde(default = "yes", rename = "PKCE")]
    pub pkce: bool,
}

/// One field of a credential form.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialField {
    /// The key in the account's context.
    pub name: String,
    /// What a person reads.
    pub label: String,
    /// `password` fields are secret: sealed, and never in an answer.
    #[serde(rename = "type", default)]
    pub kind: FieldType,
    /// Whether the account cannot be without it.
    #[serde(default = "yes")]
    pub required: bool,
    /// Taken when the field is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// Shown in the empty field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// Shown below the field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help_text: Option<String>,
    /// The characters it may hold, as one of a few named sets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FieldFormat>,
    /// Applied before the value is checked and kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transform: Option<FieldTransform>,
    /// The end of host names such as `acme.admin.example.com`. Who pastes such a name, or an address with it, means its beginning:
    /// `acme`. Applied before the transform.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_suffix: Option<String>,
}

/// How a field is shown and kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Plain text.
    #[default]
    Text,
    /// Secret text.
    Password,
}

/// What a field's text has to look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldFormat {
    /// Letters, digits and hyphens: the first label of a host name.
    Subdomain,
    /// Printable text without blanks.
    Token,
}

/// How a field's text is tidied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FieldTransform {
    /// `ACME` becomes `acme`.
    Lowercase,
}

fn yes() -> bool {
    true
}

/// How a request shows who it is.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "format", content = "config", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Authorization {
    /// RFC 7617.
    Basic { username: String, password: String },
    /// RFC 6750.
    Bearer { token: String },
    /// A header of the platform's own.
    Header { header_name: String, header_value: String },
}

/// One way in which a platform pages its lists.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "format", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Pagination {
    /// The answer holds the cursor of the next page, and none on the last.
    Cursor {
        param: String,
        /// What the first request sends; nothing when absent.
        #[serde(default)]
        first: Option<String>,
        /// The key of the answer that holds the next cursor.
        path: String,
        limit_param: String,
        max_limit: u32,
        /// Whether these calls count against the platform's limit.
        #[serde(default = "yes")]
        limited: bool,
    },
    /// Pages by number, from 1.
    Page {
        param: String,
        limit_param: String,
        max_limit: u32,
        /// The key of the answer that holds the number of all records.
        #[serde(default)]
        total_path: Option<String>,
        #[serde(default = "yes")]
        limited: bool,
    },
}

/// What the platform allows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RateLimitDefinition {
    /// Whose limit it is: a template over the account's context. Accounts for which it gives the same text share the limit.
    #[serde(default)]
    pub shared_by: String,
    pub limits: Vec<LimitDefinition>,
    /// Statuses that mean the limit was exceeded.
    #[serde(default = "too_many")]
    pub statuses: Vec<u16>,
    /// JSONata over `headers`, `status` and an error's `body`; in place of `statuses`.
    #[serde(default)]
    pub is_rate_limited: Option<String>,
    /// Seconds to wait; `Retry-After` where it gives nothing.
    #[serde(default)]
    pub retry_after_header_expression: Option<String>,
    /// When the window ends, in seconds since 1970.
    #[serde(default)]
    pub rate_limit_header_expression: Option<String>,
    /// How many calls are left.
    #[serde(default)]
    pub remaining_header_expression: Option<String>,
}

/// One limit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitDefinition {
    pub name: String,
    /// Calls in a window.
    pub amount: u32,
    pub window_seconds: u32,
    /// Only pages beyond this number count.
    #[serde(default)]
    pub beyond_page: Option<u64>,
}

fn too_many() -> Vec<u16> {
    vec![429]
}

/// How an error answer is read.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Errors {
    /// The key of the message, before the usual ones are tried.
    #[serde(default)]
    pub message: Option<String>,
    /// A list of problems with single fields.
    #[serde(default)]
    pub problems: Option<Problems>,
    /// Answers that mean a missing permission although the status says otherwise.
    #[serde(default)]
    pub forbidden: Vec<Sign>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Problems {
    pub list: String,
    pub field: String,
    pub message: String,
    /// The message that means a required field is missing.
    pub required: String,
}

/// How an answer is known.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sign {
    pub status: u16,
    /// In the message, whatever its case.
    pub message: String,
}

/// One resource of the platform.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResourceDefinition {
    pub description: String,
    /// The platform's permission that its calls need, where it has such.
    #[serde(default)]
    pub permission: Option<String>,
    #[serde(default)]
    pub documentation_link: Option<String>,
    pub methods: BTreeMap<String, MethodDefinition>,
}

/// One method of a resource.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MethodDefinition {
    pub path: String,
    pub description: String,
    /// Needed for custom methods; list and get are GET, create POST, update PUT, delete DELETE.
    #[serde(default)]
    pub verb: Option<Verb>,
    /// The key of the answer that holds the records of a list; the answer itself when absent.
    #[serde(default)]
    pub response_path: Option<String>,
    /// Names of the integration's `pagination`, the preferred first.
    #[serde(default)]
    pub pagination: Vec<String>,
    #[serde(default)]
    pub query: BTreeMap<String, Parameter>,
    /// How sure it is that the platform works so; left out where its documentation says it.
    #[serde(default)]
    pub certainty: Option<String>,
    /// Sent without credentials (public endpoints).
    #[serde(default)]
    pub no_auth: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// A query parameter that a method takes.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// `string`, `integer`, `boolean`, `datetime`, `uuid`.
    #[serde(rename = "type", default = "string")]
    pub kind: String,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// The platform's own operators, such as `gte`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub operators: Vec<String>,
    /// The values it takes, when they are few.
    #[serde(default, rename = "enum", skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
    /// Whether a call without it fails.
    #[serde(default)]
    pub required: bool,
}

fn string() -> String {
    "string".to_owned()
}

/// A named sequence of steps.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionDefinition {
    #[serde(default)]
    pub description: String,
    /// Whether it is done; what is off is ready for an override to switch it on.
    #[serde(default = "yes")]
    pub is_enabled: bool,
    pub steps: Vec<StepDefinition>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", content = "config", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum StepDefinition {
    /// A call of the integration's own resources; its answer is the next step's `$previous`.
    Request {
        resource: String,
        method: String,
        #[serde(default)]
        query: serde_json::Map<String, Value>,
    },
    /// A JSONata expression whose result is merged into the account's context.
    UpdateContext { expression: String },
    /// A JSONata expression whose result is the next step's `$previous`.
    Transform { expression: String },
    /// What a person fills in once the account is connected: the one step of `post_connect_user_form`.
    Form(FormDefinition),
}

/// A form.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormDefinition {
    pub fields: Vec<FormFieldDefinition>,
    /// JSONata over what was filled in, secrets left out, with `$context`: a list of `{field, message}`, or nothing.
    #[serde(default)]
    pub validation_expression: Option<String>,
    /// JSONata over the same: the object that is kept in its place.
    #[serde(default)]
    pub transform_expression: Option<String>,
}

/// One field of a form.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FormFieldDefinition {
    pub name: String,
    #[serde(rename = "type", default)]
    pub kind: FormFieldType,
    pub label: String,
    #[serde(default)]
    pub help_text: Option<String>,
    #[serde(default)]
    pub placeholder: Option<String>,
    #[serde(default)]
    pub required: bool,
    /// The value before there is one.
    #[serde(default)]
    pub default: Option<Value>,
    /// Fields before this one, without whose values it has no options.
    #[serde(default)]
    pub depends_on: Vec<String>,
    #[serde(default)]
    pub data_source: Option<DataSourceDefinition>,
    #[serde(default)]
    pub options: Option<OptionsDefinition>,
    /// Shown while it has no options for want of the values that it depends on.
    #[serde(default)]
    pub disabled_text: Option<String>,
}

/// How a field of a form is shown and kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FormFieldType {
    /// One of its options.
    SingleSelect,
    /// Any of its options.
    MultiSelect,
    /// Plain text.
    #[default]
    Text,
    /// Secret text: sealed, and never in an answer.
    Password,
    /// Yes or no.
    Checkbox,
    /// Not shown; its default, or what the page says.
    Hidden,
}

/// Records of the account that become options.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DataSourceDefinition {
    #[serde(rename = "type")]
    pub kind: DataSourceType,
    /// `model/resource` of a unified one.
    pub resource: String,
    #[serde(default = "list")]
    pub method: String,
    /// With the fields of the account's context and those filled in so far, as `{{name}}`.
    #[serde(default)]
    pub query: serde_json::Map<String, Value>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DataSourceType {
    Unified,
    Proxy,
}

impl DataSourceDefinition {
    pub(crate) fn is_unified(&self) -> bool {
        self.kind == DataSourceType::Unified
    }
}

fn list() -> String {
    "list".to_owned()
}

/// What can be chosen.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(crate) enum OptionsDefinition {
    /// Always the same.
    Fixed(Vec<Choice>),
    /// One for each record of the `data_source`: JSONata over it.
    OfRecords {
        value: String,
        label: String,
        #[serde(rename = "subText", default)]
        sub_text: Option<String>,
    },
}
