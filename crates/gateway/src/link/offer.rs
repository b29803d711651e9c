//! What a person who connects is offered: the integrations, and what each asks for.

use std::collections::BTreeMap;
use std::sync::Arc;

use integration::{CredentialField, CredentialFormat, FieldType, Integration};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{IntegratedAccount, Page};
use utoipa::ToSchema;

use super::tokens::Session;
use super::{LinkErrorType, LinkSettings, invalid_token};
use crate::resolve::{Installed, overridden};
use crate::{Error, Gateway};

/// Installed integrations read at once.
const PAGE: u32 = 500;

/// What a browser comes with.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkStartRequest {
    /// The link token.
    pub link_token: String,
    /// Offer only this integration, by its slug.
    pub integration: Option<String>,
    /// Offer only these.
    #[serde(default)]
    pub integrations: Vec<String>,
    /// Offer only this way to authenticate, such as `api_key`, where an integration has it.
    pub auth_format: Option<String>,
    /// The reader's language, such as `fr`, for what the definitions say in it; English where they don't.
    #[serde(default)]
    pub language: String,
}

/// What a person may connect, and how that looks.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LinkStart {
    /// How the page looks and who may show it.
    pub environment: LinkSettings,
    /// Whether an account is connected again.
    pub reconnect: bool,
    /// What there is to choose from.
    pub integrations: Vec<OfferedIntegration>,
    /// The account that is connected again, or that a former try made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<OfferedAccount>,
    /// Where to go afterwards, without a frame or a window of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub redirect_uri: Option<String>,
    /// Whether a form follows once an account is connected, by integration.
    pub has_form: BTreeMap<String, bool>,
}

/// An integration that can be connected.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OfferedIntegration {
    /// The slug.
    pub name: String,
    /// What a person reads.
    pub label: String,
    /// What it is.
    pub description: String,
    /// The ways to authenticate.
    pub formats: Vec<OfferedFormat>,
}

/// A way to authenticate.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OfferedFormat {
    /// Its name: `api_key`, `oauth2`, ….
    pub name: String,
    /// What to ask for, in order.
    #[schema(value_type = Vec<Object>)]
    pub fields: Vec<CredentialField>,
    /// Where a person reads how to get it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documentation_link: Option<String>,
    /// What the platform will allow this product to do, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permissions_text: Option<String>,
    /// The platform's scopes that are asked for.
    pub scopes: Vec<String>,
}

impl OfferedFormat {
    /// Puts what a person reads into what `said` says for it.
    fn translate(&mut self, said: impl Fn(&str) -> String) {
        let translate = |text: &mut Option<String>| {
            if let Some(text) = text {
                *text = said(text);
            }
        };
        translate(&mut self.permissions_text);
        for field in &mut self.fields {
            field.label = said(&field.label);
            translate(&mut field.placeholder);
            translate(&mut field.help_text);
        }
    }
}

/// The account of a token.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OfferedAccount {
    /// Id.
    pub id: String,
    /// `connecting`, `active`, `post_install_error`, `validation_error` or `needs_reauth`.
    pub status: &'static str,
    /// Its integration's slug.
    pub integration: String,
    /// What it was connected with and is no secret, by the form's fields.
    #[schema(value_type = Object)]
    pub context: Map<String, Value>,
}

impl Gateway {
    /// What a token's holder may connect. [`LinkErrorType::InvalidIntegration`] when what is asked for is not offered.
    pub async fn link_start(&self, request: &LinkStartRequest) -> Result<LinkStart, Error> {
        let session = self.link_session(&request.link_token).await?;
        let account = self.account_of(&session).await?;
        let mut integrations = Vec::new();
        let mut has_form = BTreeMap::new();
        for installed in self.offered(&session, account.as_ref()).await? {
            let name = &installed.row.integration;
            let is_asked_for = request.integration.as_ref().is_none_or(|asked| asked == name)
                && (request.integrations.is_empty() || request.integrations.contains(name));
            if !is_asked_for {
                continue;
            }
            let integration = integration_for(&installed, account.as_ref())?;
            let said = |text: &str| integration.text(&request.language, text).to_owned();
            let mut formats = formats(&session, &installed, &integration, request.auth_format.as_deref());
            for format in &mut formats {
                format.translate(said);
            }
            if formats.is_empty() {
                continue;
            }
            has_form.insert(name.clone(), integration.form.is_some());
            integrations.push(OfferedIntegration {
                name: name.clone(),
                label: said(&integration.label),
                description: said(&integration.description),
                formats,
            });
        }
        if integrations.is_empty() {
            return Err(not_offered(request.integration.as_deref()));
        }
        let Session { token, settings, environment, .. } = session;
        // The list of origins may have changed since the token was made.
        let redirect_uri = settings.redirect_uri.filter(|uri| environment.allows(uri));
        let account = match account {
            Some(account) => Some(self.offered_account(account).await?),
            None => None,
        };
        Ok(LinkStart {
            reconnect: token.is_reconnect,
            environment,
            integrations,
            account,
            redirect_uri,
            has_form,
        })
    }

    /// The account that a token connects again, or that its first try made.
    pub(super) async fn account_of(&self, session: &Session) -> Result<Option<IntegratedAccount>, Error> {
        let token = &session.token;
        match &token.integrated_account_id {
            Some(id) => {
                let account = self.0.parts.store.get_integrated_account(&token.environment_id, id).await?;
                // Connected meanwhile by another way: there is nothing left to mend.
                if account.activated_at.is_some() && !token.is_reconnect {
                    return Err(invalid_token());
                }
                Ok(Some(account))
            }
            None => Ok(None),
        }
    }

    /// What is installed and offered to a token's holder.
    pub(super) async fn offered(
        &self,
        session: &Session,
        account: Option<&IntegratedAccount>,
    ) -> Result<Vec<Arc<Installed>>, Error> {
        let environment_id = &session.token.environment_id;
        if let Some(account) = account.filter(|_| session.token.is_reconnect) {
            let installed = self.installed(environment_id, &account.environment_integration_id).await?;
            return Ok(if installed.row.is_enabled { vec![installed] } else { Vec::new() });
        }
        let rows = self
            .0
            .parts
            .store
            .list_environment_integrations(environment_id, None, &Page::first(PAGE))
            .await?
            .items;
        let mut offered = Vec::new();
        for row in rows.iter().filter(|row| row.is_enabled && row.show_in_catalog) {
            let wanted = &session.settings.environment_unified_model_id;
            let maps = &self.0.parts.maps;
            let has = |model: &String| maps.of(&row.integration).any(|(mapped, _, _)| mapped == model);
            if wanted.iter().all(has) {
                let installed = self.installed(environment_id, &row.id).await?;
                // What the operator has to mend first can't be connected.
                if installed.integration().is_ok() {
                    offered.push(installed);
                }
            }
        }
        Ok(offered)
    }

    async fn offered_account(&self, account: IntegratedAccount) -> Result<OfferedAccount, Error> {
        let installed = self.installed(&account.environment_id, &account.environment_integration_id).await?;
        let mut context = account.context;
        let form = installed.shown().credentials.get(&account.authentication_method);
        let fields = form.map(|form| form.fields.as_slice()).unwrap_or_default();
        context.retain(|name, _| {
            fields.iter().any(|field| field.name == *name && field.kind != FieldType::Password)
        });
        Ok(OfferedAccount {
            id: account.id,
            status: account.status.as_str(),
            integration: account.integration,
            context,
        })
    }
}

/// What is installed, as the account that is connected again changes it.
pub(super) fn integration_for(
    installed: &Installed,
    account: Option<&IntegratedAccount>,
) -> Result<Arc<Integration>, Error> {
    match account.filter(|account| account.environment_integration_id == installed.row.id) {
        Some(account) => overridden(installed.integration()?, &account.integration_override),
        None => Ok(Arc::clone(installed.integration()?)),
    }
}

/// The fields of a form that the person is asked for: all that neither the environment nor the token has.
pub(super) fn asked_fields<'a>(
    session: &'a Session,
    installed: &'a Installed,
    form: &'a CredentialFormat,
) -> impl Iterator<Item = &'a CredentialField> {
    form.fields.iter().filter(|field| {
        !installed.provided().contains(&field.name) && session.context.get(&field.name).is_none()
    })
}

fn formats(
    session: &Session,
    installed: &Installed,
    integration: &Integration,
    auth_format: Option<&str>,
) -> Vec<OfferedFormat> {
    let asked = auth_format.filter(|format| integration.credentials.contains_key(*format));
    integration
        .credentials
        .iter()
        .filter(|(name, _)| asked.is_none_or(|asked| asked == name.as_str()))
        .map(|(name, form)| OfferedFormat {
            name: name.clone(),
            fields: asked_fields(session, installed, form)
                .cloned()
                .map(|field| {
                    // What is kept may stay as it is.
                    let is_kept =
                        session.settings.persist_previous_context && field.kind == FieldType::Password;
                    CredentialField { required: field.required && !is_kept, ..field }
                })
                .collect(),
            documentation_link: form.documentation_link.clone(),
            permissions_text: form.permissions_text.clone(),
            scopes: session.settings.scopes.clone(),
        })
        .collect()
}

pub(super) fn not_offered(integration: Option<&str>) -> Error {
    let message = match integration {
        Some(name) => format!("{name:?} can't be connected here"),
        None => "there is nothing to connect here".to_owned(),
    };
    Error::Link { error_type: LinkErrorType::InvalidIntegration, message }
}
