//! The form after connecting (RapidForm; facts, Truto 7.4): its options are read of the account's own records, what is filled in goes into
//! the account's context.

use std::sync::Arc;

use integration::{Choice, Credentials, Form, FormField, FormFieldType};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{AccountPatch, AccountStatus};
use utoipa::ToSchema;

use super::{LinkErrorType, LinkSettings};
use crate::accounts::{context, failures, merged_secrets};
use crate::events;
use crate::options::MAX_LIMIT;
use crate::resolve::Connected;
use crate::{Caller, Error, Gateway, Payload, ProxyCall, Records, Reply, UnifiedCall};

/// Records read for one field at most.
const MOST_RECORDS: usize = 5_000;
/// What the event is called that is told beside the change of the account.
const SUBMITTED: &str = "integrated_account:post_connect_form_submitted";

/// What a page comes with to show the form.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FormStartRequest {
    /// An integrated account token.
    pub integrated_account_session_token: String,
    /// The integration's slug, to be refused when the account is another's.
    pub integration: Option<String>,
    /// Goes into the account's context with what is filled in; the form's queries and expressions see it before.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub additional_context: Map<String, Value>,
    /// The reader's language, such as `fr`; English where the definition does not speak it.
    #[serde(default)]
    pub language: String,
}

/// What a page asks when a field changed that others depend on.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FormOptionsRequest {
    /// An integrated account token.
    pub integrated_account_session_token: String,
    /// The field whose options are wanted.
    pub field: String,
    /// What is filled in so far.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub values: Map<String, Value>,
    /// As at the start.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub additional_context: Map<String, Value>,
    /// As at the start.
    #[serde(default)]
    pub language: String,
}

/// What a person filled in.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FormSubmitRequest {
    /// An integrated account token.
    pub integrated_account_session_token: String,
    /// The fields by name.
    #[schema(value_type = Object)]
    pub values: Map<String, Value>,
    /// As at the start.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub additional_context: Map<String, Value>,
}

/// A form, ready to be shown.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FormStart {
    /// How the page looks and who may show it.
    pub environment: LinkSettings,
    /// The integration's slug.
    pub integration: String,
    /// Its name, for people.
    pub label: String,
    /// The account.
    pub integrated_account_id: String,
    /// The fields, in order.
    pub fields: Vec<ShownField>,
}

/// A field of a form.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ShownField {
    /// The key in the account's context.
    pub name: String,
    /// `single_select`, `multi_select`, `text`, `password`, `checkbox` or `hidden`.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub kind: FormFieldType,
    /// What a person reads.
    pub label: String,
    /// Shown below the field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help_text: Option<String>,
    /// Shown in the empty field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placeholder: Option<String>,
    /// Whether the form can't be without it.
    pub required: bool,
    /// The fields without whose values it has no options.
    pub depends_on: Vec<String>,
    /// The value that there is; never of a `password`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub value: Option<Value>,
    /// Shown while there is nothing to choose from for want of those values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_text: Option<String>,
    /// What can be chosen; empty where a field that it depends on has no value yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Vec<Object>>)]
    pub options: Option<Vec<Choice>>,
}

/// What can be chosen now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FormOptions {
    /// The options.
    #[schema(value_type = Vec<Object>)]
    pub options: Vec<Choice>,
}

/// What came of a form.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct FormSubmitted {
    /// Always `success`: a failure is an error.
    pub result: &'static str,
    /// The integration's slug.
    pub integration: String,
    /// The account.
    pub integrated_account_id: String,
}

/// An account whose form is open.
struct Open {
    caller: Caller,
    connected: Arc<Connected>,
    /// What the page brings along for the account's context.
    additional: Map<String, Value>,
    /// The account's context with it.
    context: Value,
}

impl Gateway {
    /// The form of an account, with its options.
    pub async fn form_start(&self, request: FormStartRequest) -> Result<FormStart, Error> {
        let open =
            self.open_form(&request.integrated_account_session_token, request.additional_context).await?;
        let Open { connected, context, .. } = &open;
        let integration = &connected.integration;
        if request.integration.as_ref().is_some_and(|asked| *asked != integration.name) {
            return Err(refused(format!("the account is one of {}", integration.label)));
        }
        let secrets = self.0.parts.store.open_account_secrets(&connected.account).await?;
        let said = |text: &str| integration.text(&request.language, text).to_owned();
        let mut values = Map::new();
        let mut fields = Vec::new();
        for field in &open.form()?.fields {
            let kept = context.get(&field.name).or(field.default.as_ref()).cloned();
            let value = kept.filter(|_| field.kind != FormFieldType::Password);
            if let Some(value) = &value {
                values.insert(field.name.clone(), value.clone());
            }
            fields.push(ShownField {
                name: field.name.clone(),
                kind: field.kind,
                label: said(&field.label),
                help_text: field.help_text.as_deref().map(said),
                placeholder: field.placeholder.as_deref().map(said),
                // A secret that is there may stay.
                required: field.required && secrets.get(&field.name).is_none(),
                depends_on: field.depends_on.clone(),
                value,
                disabled_text: field.disabled_text.as_deref().map(said),
                options: match field.kind {
                    FormFieldType::SingleSelect | FormFieldType::MultiSelect => {
                        Some(self.choices(&open, field, &values, &request.language).await?)
                    }
                    _ => None,
                },
            });
        }
        let environment = self.0.parts.store.get_environment(&open.caller.environment_id).await?;
        Ok(FormStart {
            environment: LinkSettings::of(&environment),
            integration: integration.name.clone(),
            label: said(&integration.label),
            integrated_account_id: connected.account.id.clone(),
            fields,
        })
    }

    /// The options of a field that depends on others.
    pub async fn form_options(&self, request: FormOptionsRequest) -> Result<FormOptions, Error> {
        let open =
            self.open_form(&request.integrated_account_session_token, request.additional_context).await?;
        let field = open
            .form()?
            .field(&request.field)
            .ok_or_else(|| refused(format!("{:?} is no field of this form", request.field)))?;
        let options = self.choices(&open, field, &request.values, &request.language).await?;
        Ok(FormOptions { options })
    }

    /// Keeps what was filled in with the account: merged into its context at the root, secret fields sealed.
    pub async fn form_submit(&self, request: FormSubmitRequest) -> Result<FormSubmitted, Error> {
        let open =
            self.open_form(&request.integrated_account_session_token, request.additional_context).await?;
        let (connected, store) = (Arc::clone(&open.connected), &self.0.parts.store);
        let account = &connected.account;
        let kept = store.open_account_secrets(account).await?;
        let filled = open
            .form()?
            .check(&request.values, &open.context, |name| kept.get(name).is_some())
            .map_err(|problems| failures(&problems))?;
        let mut split = context::split(&connected.integration, open.additional);
        context::merge(&mut split.context, filled.context);
        context::merge(&mut split.secrets, secrets_of(&filled.secrets));
        self.change_telling(
            &account.environment_id,
            &account.id,
            None,
            |account, kept| {
                let mut merged = account.context.clone();
                context::merge(&mut merged, split.context.clone());
                AccountPatch {
                    context: Some(merged),
                    secrets: merged_secrets(kept, &split.secrets),
                    ..AccountPatch::default()
                }
            },
            |integration, before, after| {
                let mut told = events::of_changed_account(integration, before, after);
                told.push(events::about(integration, after, SUBMITTED));
                told
            },
        )
        .await?;
        Ok(FormSubmitted {
            result: "success",
            integration: account.integration.clone(),
            integrated_account_id: account.id.clone(),
        })
    }

    async fn open_form(&self, account_token: &str, additional: Map<String, Value>) -> Result<Open, Error> {
        let (caller, account_id) = self.account_caller(account_token).await?;
        let connected = self.load_connected(&caller.environment_id, &account_id).await?;
        if connected.account.status != AccountStatus::Active {
            return Err(refused(
                "Integrated account is not in the active state. Please reauth the integrated account.",
            ));
        }
        // As an account token may change no such field by itself.
        if let Some(name) = additional.keys().find(|name| context::tells_whose(&connected.integration, name))
        {
            return Err(refused(format!("additional_context: {name:?} tells whose account it is")));
        }
        let mut context = connected.context.clone();
        if let Value::Object(fields) = &mut context {
            fields.extend(additional.clone());
        }
        Ok(Open { caller, connected, additional, context })
    }

    /// What can be chosen in a field, by what is filled in before it.
    async fn choices(
        &self,
        open: &Open,
        field: &FormField,
        values: &Map<String, Value>,
        language: &str,
    ) -> Result<Vec<Choice>, Error> {
        if let Some(fixed) = field.fixed_choices() {
            let said = |text: &str| open.connected.integration.text(language, text).to_owned();
            let translate = |choice: &Choice| Choice {
                value: choice.value.clone(),
                label: said(&choice.label),
                sub_text: choice.sub_text.as_deref().map(said),
            };
            return Ok(fixed.iter().map(translate).collect());
        }
        let has_value = |name: &String| {
            values.get(name).is_some_and(|value| {
                !value.is_null()
                    && value.as_str() != Some("")
                    && value.as_array().is_none_or(|items| !items.is_empty())
            })
        };
        let Some(source) = &field.data_source else { return Ok(Vec::new()) };
        if !field.depends_on.iter().all(has_value) {
            return Ok(Vec::new());
        }
        let query = source.query(&open.context, values);
        let mut records = Vec::new();
        let mut next_cursor = None;
        loop {
            let mut query = query.clone();
            query.insert("limit".into(), MAX_LIMIT.to_string().into());
            if let Some(cursor) = next_cursor {
                query.insert("next_cursor".into(), Value::String(cursor));
            }
            let caller = open.caller.clone();
            let (resource, method) = (&source.resource, source.method.clone());
            let reply = if source.is_unified {
                let (model, resource) = resource.split_once('/').unwrap_or((resource, ""));
                let (model, resource) = (model.to_owned(), resource.to_owned());
                self.unified(UnifiedCall {
                    caller,
                    model,
                    resource,
                    method,
                    id: None,
                    query,
                    payload: Payload::default(),
                })
                .await
            } else {
                self.proxy(ProxyCall {
                    caller,
                    resource: resource.clone(),
                    method,
                    id: None,
                    query,
                    payload: Payload::default(),
                })
                .await
            };
            let page = match reply.map_err(|error| unreadable(&error))? {
                Reply::Records(page) => page,
                Reply::Answer(_) => return Err(unreadable(&"the answer is no list")),
            };
            let Records { result, next_cursor: next, .. } = page;
            let page: Vec<Value> = serde_json::from_slice(&result).map_err(|error| unreadable(&error))?;
            records.extend(page);
            next_cursor = next;
            if next_cursor.is_none() || records.len() >= MOST_RECORDS {
                break;
            }
        }
        field.choices(&records).map_err(|error| unreadable(&error))
    }
}

impl Open {
    fn form(&self) -> Result<&Form, Error> {
        self.connected.integration.form.as_ref().ok_or_else(|| refused("RapidForm is not setup."))
    }
}

fn secrets_of(secrets: &Credentials) -> Map<String, Value> {
    secrets.expose().as_object().cloned().unwrap_or_default()
}

fn refused(message: impl Into<String>) -> Error {
    Error::Link { error_type: LinkErrorType::RapidFormError, message: message.into() }
}

fn unreadable(reason: &dyn std::fmt::Display) -> Error {
    refused(format!("There was an error fetching the resources for the fields in the RapidForm: {reason}"))
}
