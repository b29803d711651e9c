//! Connecting: the `post_install` and `validation` actions of an integration, and the status that comes of them.

use expression::Expression;
use integration::{Action, Integration, Refusal, Step, Unknown};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use store::{AccountPatch, AccountStatus, IntegratedAccount, StoreError};

use super::{Problem, advice};
use crate::events;
use crate::fetch::{Ask, Call, require_success};
use crate::log::Record;
use crate::resolve::Connected;
use crate::{Error, Gateway, time};

/// The actions, in order, with the status of an account whose action failed.
const ACTIONS: [(&str, AccountStatus); 2] =
    [("post_install", AccountStatus::PostInstallError), ("validation", AccountStatus::ValidationError)];

impl Gateway {
    /// Runs the actions of an account that is `connecting` and keeps what came of them. Goes on when the caller goes away: an account is not
    /// to stay `connecting`. `at` is told the name of each action when it begins.
    ///
    /// What is given has another [`attempt`](IntegratedAccount::attempt) when the account was connected anew meanwhile: then that is the
    /// one that counts.
    pub(crate) async fn connect(
        &self,
        account: IntegratedAccount,
        at: impl Fn(&'static str) + Send + Sync + 'static,
    ) -> Result<IntegratedAccount, Error> {
        let gateway = self.clone();
        let connecting = self.0.tasks.spawn(async move { gateway.run_actions(account, at).await });
        connecting.await.map_err(|error| Error::Internal(Box::new(error)))?
    }

    async fn run_actions(
        &self,
        mut account: IntegratedAccount,
        at: impl Fn(&'static str) + Send + Sync,
    ) -> Result<IntegratedAccount, Error> {
        let attempt = account.attempt;
        let mut last_action_result = None;
        for (name, failed) in ACTIONS {
            let connected = match self.connect_parts(account.clone()).await {
                Ok(connected) => connected,
                // Overrides that fitted when they were given, and not what they are merged with now.
                Err(failure) => {
                    let installed =
                        self.installed(&account.environment_id, &account.environment_integration_id).await?;
                    let last_error = self.last_error(installed.shown(), &account, name, &failure, None);
                    return self.keep_failure(&account, failed, last_error).await;
                }
            };
            let Some(action) = connected.integration.actions.get(name) else { continue };
            at(name);
            match self.run_action(&connected, name, action, None).await {
                Ok(done) => {
                    // Merged into what the context is by now: someone may have changed it meanwhile.
                    account = self
                        .keep_of_attempt(&account, |account| AccountPatch {
                            context: Some(done.merged_into(account.context.clone())),
                            ..AccountPatch::default()
                        })
                        .await?;
                    if account.attempt != attempt {
                        return Ok(account);
                    }
                    // What the platform answers is its customers' data and is not kept; what a definition makes of it is.
                    if let Some(Step::Transform(_)) = action.steps.last() {
                        last_action_result = done.result.or(last_action_result);
                    }
                }
                Err(failure) => {
                    let refusal = self.refusal(&connected, &failure).await;
                    let integration = &connected.integration;
                    let last_error = self.last_error(integration, &account, name, &failure, refusal);
                    return self.keep_failure(&account, failed, last_error).await;
                }
            }
        }
        let outcome = AccountPatch {
            status: Some(AccountStatus::Active),
            last_error: Some(None),
            last_forbidden_error: Some(None),
            last_action_result: Some(last_action_result),
            ..AccountPatch::default()
        };
        self.keep_of_attempt(&account, |_| outcome).await
    }

    async fn keep_failure(
        &self,
        account: &IntegratedAccount,
        status: AccountStatus,
        last_error: Value,
    ) -> Result<IntegratedAccount, Error> {
        let outcome = AccountPatch {
            status: Some(status),
            last_error: Some(Some(last_error)),
            ..AccountPatch::default()
        };
        self.keep_of_attempt(account, |_| outcome).await
    }

    /// Keeps what came of connecting, unless the account is connected anew by now.
    async fn keep_of_attempt(
        &self,
        account: &IntegratedAccount,
        decide: impl FnOnce(&IntegratedAccount) -> AccountPatch,
    ) -> Result<IntegratedAccount, Error> {
        self.keep(account, |now| match now.attempt == account.attempt {
            true => decide(now),
            false => AccountPatch::default(),
        })
        .await
    }

    async fn keep(
        &self,
        account: &IntegratedAccount,
        decide: impl FnOnce(&IntegratedAccount) -> AccountPatch,
    ) -> Result<IntegratedAccount, Error> {
        let installed = self.installed(&account.environment_id, &account.environment_integration_id).await?;
        let kept = self
            .0
            .parts
            .store
            .modify_integrated_account(
                &account.environment_id,
                &account.id,
                |account| Ok::<_, StoreError>(decide(account)),
                |before, after| events::of_changed_account(installed.shown(), before, after),
            )
            .await;
        self.0.at_hand.forget_account(&account.id).await;
        Ok(kept?)
    }

    /// Says of accounts that were being connected by a node that is gone that they are not; how many.
    pub(crate) async fn give_up_abandoned(&self, before: Timestamp) -> Result<usize, Error> {
        let abandoned = self.0.parts.store.abandoned_integrated_accounts(before).await?;
        for account in &abandoned {
            let last_error = json!({
                "message": "the gateway was stopped while it connected the account",
                "problem": Problem::Unexpected,
                "what_to_do": advice::on_abandoned(),
                "occurred_at": time::text(self.0.parts.clock.now()),
            });
            self.keep(account, |now| match now.attempt == account.attempt && now.status == account.status {
                true => AccountPatch {
                    status: Some(AccountStatus::PostInstallError),
                    last_error: Some(Some(last_error)),
                    ..AccountPatch::default()
                },
                false => AccountPatch::default(),
            })
            .await?;
        }
        Ok(abandoned.len())
    }

    /// Runs an action by its name, keeps what it learns of the account and gives what it gave.
    pub(crate) async fn act(
        &self,
        connected: &Connected,
        name: &str,
        record: &Record,
    ) -> Result<Value, Error> {
        let actions = &connected.integration.actions;
        let action = actions
            .get(name)
            .ok_or_else(|| unknown(Unknown::new("action", name, actions.keys().map(String::as_str))))?;
        let done = self.run_action(connected, name, action, Some(record)).await?;
        if !done.updates.is_empty() {
            self.keep(&connected.account, |account| AccountPatch {
                context: Some(done.merged_into(account.context.clone())),
                ..AccountPatch::default()
            })
            .await?;
        }
        Ok(done.result.unwrap_or_default())
    }

    /// Runs one action.
    pub(super) async fn run_action(
        &self,
        connected: &Connected,
        name: &str,
        action: &Action,
        record: Option<&Record>,
    ) -> Result<Done, Error> {
        let call = Call { gateway: self, connected, record, resource: "_", method: name };
        let mut done = Done::default();
        let mut previous = Value::Null;
        for step in &action.steps {
            match step {
                Step::Request { resource, method, query } => {
                    let resource = call.integration().resource(resource).map_err(unknown)?;
                    let method = resource.method(method).map_err(unknown)?;
                    let ask = Ask { resource, method, id: None, query, page: None };
                    let answer = require_success(call.ask(&ask, None).await?)?;
                    previous = serde_json::from_slice(&answer.bytes().await?).map_err(|error| {
                        Error::BadAnswer(format!("the platform's answer is not JSON: {error}"))
                    })?;
                }
                Step::UpdateContext(expression) => {
                    let context = done.merged_into(connected.account.context.clone());
                    if let Some(Value::Object(update)) = evaluate(expression, &previous, context)? {
                        done.updates.push(update);
                    }
                }
                Step::Transform(expression) => {
                    let context = done.merged_into(connected.account.context.clone());
                    previous = evaluate(expression, &previous, context)?.unwrap_or_default();
                }
            }
        }
        done.result = Some(previous).filter(|result| !result.is_null());
        Ok(done)
    }

    /// An account's `last_error`.
    fn last_error(
        &self,
        integration: &Integration,
        account: &IntegratedAccount,
        action: &str,
        error: &Error,
        refusal: Option<Refusal>,
    ) -> Value {
        let mut last_error = json!({
            "message": error.to_string(),
            "status": error.status(),
            "action": action,
            "problem": Problem::of_refusal(error, refusal),
            "what_to_do": advice::on_failed_action(integration, &account.authentication_method, error, refusal),
            "occurred_at": time::text(self.0.parts.clock.now()),
        });
        if let Some(remote) = error.remote() {
            last_error["truto_is_remote_error"] = true.into();
            last_error["raw_response"] = remote.raw_response.clone();
            last_error["truto_error_insight"] = remote.insight.clone();
        }
        last_error
    }
}

/// What an action did.
#[derive(Default)]
pub(super) struct Done {
    updates: Vec<Map<String, Value>>,
    result: Option<Value>,
}

impl Done {
    fn merged_into(&self, mut context: Map<String, Value>) -> Map<String, Value> {
        for update in &self.updates {
            super::context::merge(&mut context, update.clone());
        }
        context
    }
}

fn evaluate(
    expression: &Expression,
    previous: &Value,
    context: Map<String, Value>,
) -> Result<Option<Value>, Error> {
    expression.evaluate(previous, &[("previous", previous), ("context", &Value::Object(context))]).map_err(
        |error| {
            Error::BadAnswer(format!("the platform's answer does not fit the definition's action: {error}"))
        },
    )
}

fn unknown(unknown: Unknown) -> Error {
    Error::NotFound(unknown.to_string())
}
