//! Connecting an account with what a person filled in, step by step.

use std::sync::Arc;

use integration::{FieldProblem, Integration};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{AccountPatch, AccountStatus, IntegratedAccount, NewEvent, NewIntegratedAccount, Secrets};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use utoipa::ToSchema;

use super::offer::{asked_fields, integration_for, not_offered};
use super::tokens::Session;
use super::{LinkErrorType, invalid_token};
use crate::accounts::context::{self, Split};
use crate::accounts::{Problem, authentication_method, failures, filled_in, merged_secrets};
use crate::resolve::Installed;
use crate::{Error, Gateway};

/// So many fields that were not asked for are named.
const STRANGE: usize = 5;
/// The longest such name that is repeated, in characters.
const STRANGE_LENGTH: usize = 60;

/// What a person filled in.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkConnectRequest {
    /// The link token.
    pub link_token: String,
    /// The integration's slug.
    pub integration: String,
    /// The way to authenticate; the only one when left out.
    pub authentication_method: Option<String>,
    /// The form's fields by name.
    #[schema(value_type = Object)]
    pub values: Map<String, Value>,
}

/// A line of the answer: a step that begins, or at last what came of it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(untagged)]
pub enum LinkLine {
    /// A step.
    Step(LinkStep),
    /// The last line.
    Result(LinkResult),
}

/// A step of connecting.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum LinkStep {
    /// What was filled in is kept with the account.
    Created {
        /// The account.
        integrated_account_id: String,
    },
    /// What the account's context needs is read.
    PostInstall,
    /// The credentials are tried.
    Validation,
    /// The person has to agree at the platform, and comes back from there. Nothing follows.
    Redirect {
        /// Where to send them.
        url: String,
    },
}

/// What came of connecting.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum LinkResult {
    /// The account is connected.
    Success {
        /// Its integration's slug.
        integration: String,
        /// The account.
        integrated_account_id: String,
        /// Whether a form follows.
        post_connect_form: bool,
        /// What opens that form.
        #[serde(skip_serializing_if = "Option::is_none")]
        integrated_account_token: Option<String>,
    },
    /// It is not.
    Error {
        /// What is wrong.
        error: String,
        /// What of connecting failed.
        error_type: LinkErrorType,
        /// The integration's slug.
        integration: String,
        /// The account, where there is one by now.
        #[serde(skip_serializing_if = "Option::is_none")]
        integrated_account_id: Option<String>,
        /// What the person can do about it.
        #[serde(skip_serializing_if = "Option::is_none")]
        problem: Option<Problem>,
    },
}

impl LinkResult {
    /// What an error means to who connects.
    pub fn failed(integration: &str, error: &Error) -> Self {
        let (error_type, problem) = match error {
            Error::Link { error_type, .. } => (*error_type, None),
            error => (LinkErrorType::ConnectionError, Some(Problem::of(error))),
        };
        Self::Error {
            error: error.to_string(),
            error_type,
            integration: integration.to_owned(),
            integrated_account_id: None,
            problem,
        }
    }
}

impl Gateway {
    /// Connects a token's account with what was filled in. The lines come as things happen, the last one is a result, or where to send the
    /// person; the work goes on when nobody reads them. An error when the token is not valid. `public_url` is where a person comes back to.
    pub async fn link_connect(
        &self,
        request: LinkConnectRequest,
        public_url: String,
    ) -> Result<UnboundedReceiver<LinkLine>, Error> {
        let session = self.link_session(&request.link_token).await?;
        let (token, name) = (session.token.clone(), request.integration.clone());
        Ok(self.telling(token, name, move |gateway, lines| async move {
            let prepared = gateway.prepared(&session, &request.integration).await?;
            let given = prepared.given(&session, &request.values, request.authentication_method)?;
            match gateway.sign_in(&session, &prepared, &given, &public_url).await? {
                Some(redirect) => {
                    let _ = lines.send(LinkLine::Step(redirect));
                    Ok(None)
                }
                None => gateway.connect_given(&session, prepared, given, &lines).await.map(Some),
            }
        }))
    }

    /// Tells of a try that left no account which could tell it.
    async fn tell_failed(&self, token: &store::LinkToken, result: &LinkResult) {
        let LinkResult::Error {
            error, error_type: LinkErrorType::ConnectionError, integration, problem, ..
        } = result
        else {
            return;
        };
        let payload = json!({
            "tenant_id": token.tenant_id,
            "integrated_account_id": token.integrated_account_id,
            "integration": integration,
            "error": error,
            "problem": problem,
        });
        let event = NewEvent {
            event: "link_token:connection_error",
            integrated_account_id: token.integrated_account_id.clone(),
            payload,
        };
        if let Err(error) = self.0.parts.store.create_event(&token.environment_id, event).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "an event could not be kept");
        }
    }

    /// Does the work of connecting, whatever becomes of who listens; what it gives is the last line.
    pub(super) fn telling<F>(
        &self,
        token: store::LinkToken,
        integration: String,
        work: impl FnOnce(Self, UnboundedSender<LinkLine>) -> F,
    ) -> UnboundedReceiver<LinkLine>
    where
        F: Future<Output = Result<Option<LinkResult>, Error>> + Send + 'static,
    {
        let (lines, receiver) = unbounded_channel();
        let gateway = self.clone();
        let work = work(self.clone(), lines.clone());
        self.0.tasks.spawn(async move {
            let result = work.await.unwrap_or_else(|error| {
                tracing::info!(%error, "an account could not be connected by a link token");
                Some(LinkResult::failed(&integration, &error))
            });
            let Some(result) = result else { return };
            gateway.tell_failed(&token, &result).await;
            // Nobody may be listening any more.
            let _ = lines.send(LinkLine::Result(result));
        });
        receiver
    }

    /// What a token's account is connected through.
    pub(super) async fn prepared(&self, session: &Session, integration: &str) -> Result<Prepared, Error> {
        let former = self.account_of(session).await?;
        let offered = self.offered(session, former.as_ref()).await?;
        let installed = offered
            .into_iter()
            .find(|installed| installed.row.integration == integration)
            .ok_or_else(|| not_offered(Some(integration)))?;
        let integration = integration_for(&installed, former.as_ref())?;
        Ok(Prepared { former, installed, integration })
    }

    /// Connects with all that is needed.
    pub(super) async fn connect_given(
        &self,
        session: &Session,
        prepared: Prepared,
        given: Given,
        lines: &UnboundedSender<LinkLine>,
    ) -> Result<LinkResult, Error> {
        let Prepared { former, installed, integration } = prepared;
        let account = match former {
            Some(former) if former.environment_integration_id == installed.row.id => {
                self.connect_again(session, &installed, &integration, &former, given).await?
            }
            former => {
                // The first try was with another integration, and made nothing that was ever used.
                if let Some(former) = former {
                    self.forget_account(&former.environment_id, &former.id).await?;
                }
                self.connect_new(session, &installed, &integration, given).await?
            }
        };
        let created = LinkStep::Created { integrated_account_id: account.id.clone() };
        let _ = lines.send(LinkLine::Step(created));
        let attempt = account.attempt;
        let steps = lines.clone();
        let account = self
            .connect(account, move |action| {
                let step = if action == "validation" { LinkStep::Validation } else { LinkStep::PostInstall };
                let _ = steps.send(LinkLine::Step(step));
            })
            .await?;
        // Someone else began anew with the same token: that is the one that counts.
        if account.attempt != attempt {
            return Err(invalid_token());
        }
        self.result(&integration, account).await
    }

    async fn connect_new(
        &self,
        session: &Session,
        installed: &Installed,
        integration: &Integration,
        given: Given,
    ) -> Result<IntegratedAccount, Error> {
        let split = filled_in(integration, &given.method, given.context, false, installed.provided())?;
        let Split { context, secrets } = split.of_new();
        let new = NewIntegratedAccount {
            environment_id: session.token.environment_id.clone(),
            environment_integration_id: installed.row.id.clone(),
            tenant_id: session.token.tenant_id.clone(),
            authentication_method: given.method,
            region: session.settings.region.clone(),
            status: AccountStatus::Connecting,
            is_sandbox: session.settings.is_sandbox,
            context,
            secrets: Secrets::from(secrets),
            unified_model_override: Map::new(),
            integration_override: Map::new(),
            link_token_id: Some(session.token.id.clone()),
        };
        self.keep_new_account(&new, installed).await
    }

    /// Facts, Truto 8.4: the former context is the base where the token says so, and is dropped otherwise.
    async fn connect_again(
        &self,
        session: &Session,
        installed: &Installed,
        integration: &Integration,
        former: &IntegratedAccount,
        given: Given,
    ) -> Result<IntegratedAccount, Error> {
        let persist = session.settings.persist_previous_context;
        // With another method, fields that are left out have nothing to stay as.
        let partial = persist && given.method == former.authentication_method;
        let Split { context, secrets } =
            filled_in(integration, &given.method, given.context, partial, installed.provided())?;
        self.change(&former.environment_id, &former.id, None, |account, kept| {
            let (mut merged, mut all) = (Map::new(), Map::new());
            if persist {
                merged.clone_from(&account.context);
                all.clone_from(kept);
            }
            context::merge(&mut merged, context.clone());
            let secrets = merged_secrets(&all, &secrets).or((!persist).then(Secrets::default));
            AccountPatch {
                authentication_method: Some(given.method.clone()),
                status: Some(AccountStatus::Connecting),
                context: Some(merged),
                secrets,
                link_token_id: Some(session.token.id.clone()),
                ..AccountPatch::default()
            }
        })
        .await
    }

    async fn result(
        &self,
        integration: &Arc<Integration>,
        account: IntegratedAccount,
    ) -> Result<LinkResult, Error> {
        let error_type = match account.status {
            AccountStatus::PostInstallError => LinkErrorType::PostInstallError,
            AccountStatus::ValidationError => LinkErrorType::ValidationError,
            _ => {
                let post_connect_form = integration.form.is_some();
                let integrated_account_token = match post_connect_form {
                    true => Some(self.new_account_token(&account.environment_id, &account.id).await?),
                    false => None,
                };
                return Ok(LinkResult::Success {
                    integration: account.integration,
                    integrated_account_id: account.id,
                    post_connect_form,
                    integrated_account_token: integrated_account_token
                        .map(|made| made.integrated_account_token),
                });
            }
        };
        let last_error = account.last_error.unwrap_or_default();
        Ok(LinkResult::Error {
            error: last_error["message"].as_str().unwrap_or_default().to_owned(),
            error_type,
            integration: account.integration,
            integrated_account_id: Some(account.id),
            problem: serde_json::from_value(last_error["problem"].clone()).ok(),
        })
    }
}

/// What an account is connected with.
pub(super) struct Given {
    pub(super) method: String,
    /// What was filled in.
    pub(super) values: Map<String, Value>,
    /// The same, with what the token brings over it.
    pub(super) context: Map<String, Value>,
}

/// What an account is connected through.
pub(super) struct Prepared {
    /// The account that is connected again, or that an earlier try made.
    pub(super) former: Option<IntegratedAccount>,
    pub(super) installed: Arc<Installed>,
    pub(super) integration: Arc<Integration>,
}

impl Prepared {
    /// What was filled in, checked: a person may fill in what was asked and nothing else.
    pub(super) fn given(
        &self,
        session: &Session,
        values: &Map<String, Value>,
        method: Option<String>,
    ) -> Result<Given, Error> {
        let method = authentication_method(&self.integration, method)?;
        let Some(form) = self.integration.credentials.get(&method) else {
            return Err(not_offered(Some(&self.installed.row.integration)));
        };
        let is_asked =
            |name: &str| asked_fields(session, &self.installed, form).any(|field| field.name == name);
        let strange: Vec<FieldProblem> = values
            .keys()
            .filter(|name| !is_asked(name))
            // No more than a person would read: it is told and kept.
            .take(STRANGE)
            .map(|name| name.chars().take(STRANGE_LENGTH).collect::<String>())
            .map(|name| FieldProblem { field: name.clone(), message: format!("{name:?} is not asked for") })
            .collect();
        if !strange.is_empty() {
            return Err(failures(&strange));
        }
        let mut context = values.clone();
        if session.settings.persist_previous_context {
            // What is left empty stays.
            context.retain(|_, value| value.as_str() != Some(""));
        }
        context::merge(&mut context, session.context.expose().clone());
        Ok(Given { method, values: values.clone(), context })
    }
}
