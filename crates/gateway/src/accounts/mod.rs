//! Integrated accounts: connecting them, reading and changing their records.

pub(crate) mod advice;
mod connect;
pub(crate) mod context;
mod diagnosis;
mod problem;
mod view;

use std::str::FromStr as _;
use std::sync::Arc;

use integration::oauth::Grant;
use integration::{FieldProblem, Integration};
use serde_json::{Map, Value, json};
use store::{
    AccountFilter, AccountPatch, AccountStatus, IntegratedAccount, NewEvent, NewIntegratedAccount, Secrets,
    StoreError,
};

use self::context::Split;
pub(crate) use self::context::merge as merge_context;
pub use self::problem::Problem;
pub use self::view::{Account, AccountChange, CredentialsChange, EnvironmentIntegrationId, NewAccount};
use crate::environment_integrations::IntegrationSummary;
use crate::events;
use crate::integrations::integration_id;
use crate::list::Parameters;
use crate::maps::OverrideError;
use crate::resolve::{Installed, SECRET_VARIABLES, overridden};
use crate::{Caller, CallerKind, Error, Gateway, ListOf, oauth};

/// The account of an account token, instead of an id.
const ME: &str = "me";
/// How often a change is tried anew when someone else changed the account's secrets in between.
const TRIES: u32 = 10;

impl Gateway {
    /// Connects an account with given credentials: checks them against the definition's form, keeps them sealed, runs the
    /// `post_install` and `validation` actions and gives the account with the status that came of it. It ends `active`,
    /// `post_install_error` or `validation_error`, with `last_error` saying why.
    pub async fn create_account(&self, caller: &Caller, new: NewAccount) -> Result<Account, Error> {
        let environment_id = caller.environment()?;
        caller.same_environment(new.environment_id.as_deref())?;
        check_tenant(&new.tenant_id)?;
        let installed = self.wanted_installed(environment_id, &new).await?;
        let integration_override = new.integration_override.unwrap_or_default();
        without_secret_variables(&integration_override)?;
        let unified_model_override = new.unified_model_override.unwrap_or_default();
        let integration = overridden(installed.integration()?, &integration_override)?;
        self.check_account_maps(&integration, &installed, &unified_model_override)?;
        let authentication_method = authentication_method(&integration, new.authentication_method)?;
        let mut given =
            filled_in(&integration, &authentication_method, new.context, false, installed.provided())?;
        with_token(&integration, &authentication_method, &given.secrets)?;
        oauth::note_end(
            integration.oauth(&authentication_method),
            &mut given.context,
            &given.secrets,
            self.0.parts.clock.now(),
        );
        let Split { context, secrets } = given.of_new();
        let row = NewIntegratedAccount {
            environment_id: environment_id.to_owned(),
            environment_integration_id: installed.row.id.clone(),
            tenant_id: new.tenant_id,
            authentication_method,
            region: new.region,
            status: AccountStatus::Connecting,
            is_sandbox: new.is_sandbox,
            context,
            secrets: Secrets::from(secrets),
            unified_model_override,
            integration_override,
            link_token_id: None,
        };
        let account = self.keep_new_account(&row, &installed).await?;
        self.view(self.connect(account, |_| ()).await?).await
    }

    /// Keeps a new account.
    pub(crate) async fn keep_new_account(
        &self,
        new: &NewIntegratedAccount,
        installed: &Installed,
    ) -> Result<IntegratedAccount, Error> {
        let events = |account: &IntegratedAccount| events::of_new_account(installed.shown(), account);
        Ok(self.0.parts.store.create_integrated_account(new, events).await?)
    }

    /// The environment's accounts. Query: `tenant_id`, `environment_id`, `is_sandbox`, `integration.name` (or
    /// `integration[name]`), `environment_integration_id`, `status`, `created_at`, `updated_at`, `limit`, `next_cursor`.
    pub async fn accounts(
        &self,
        caller: &Caller,
        query: &Map<String, Value>,
    ) -> Result<ListOf<Account>, Error> {
        let environment_id = caller.environment()?;
        let mut parameters = Parameters::new(query);
        caller.same_environment(parameters.text("environment_id")?)?;
        let status = parameters.text("status")?.map(AccountStatus::from_str).transpose();
        let filter = AccountFilter {
            tenant_id: parameters.owned("tenant_id")?,
            integration: parameters.owned("integration.name")?,
            environment_integration_id: parameters.owned("environment_integration_id")?,
            status: status.map_err(|unknown| Error::bad_request(unknown.to_string()))?,
            is_sandbox: parameters.flag("is_sandbox")?,
            created_at: parameters.time_range("created_at")?,
            updated_at: parameters.time_range("updated_at")?,
        };
        let page = parameters.page_by_id()?;
        parameters.finish()?;
        let listed = self.0.parts.store.list_integrated_accounts(environment_id, &filter, &page).await?;
        let mut result = Vec::with_capacity(listed.items.len());
        for account in listed.items {
            result.push(self.view(account).await?);
        }
        Ok(ListOf { result, next_cursor: listed.next, limit: page.limit })
    }

    /// The account of an id; `me` is the account of an account token.
    pub async fn account(&self, caller: &Caller, id: &str) -> Result<Account, Error> {
        let id = own_or_named(caller, id)?;
        self.view(self.0.parts.store.get_integrated_account(&caller.environment_id, id).await?).await
    }

    /// Changes an account: `context` is merged at its root (facts, Truto 8.4), overrides are checked before they are kept. An
    /// account token may change nothing but the context, and of that nothing that authenticates.
    pub async fn update_account(
        &self,
        caller: &Caller,
        id: &str,
        change: AccountChange,
    ) -> Result<Account, Error> {
        let id = own_or_named(caller, id)?;
        let only_context = change.tenant_id.is_none()
            && change.is_sandbox.is_none()
            && change.unified_model_override.is_none()
            && change.integration_override.is_none();
        if !only_context {
            caller.environment()?;
        }
        if let Some(tenant_id) = &change.tenant_id {
            check_tenant(tenant_id)?;
        }
        let environment_id = &caller.environment_id;
        let account = self.0.parts.store.get_integrated_account(environment_id, id).await?;
        let installed = self.installed(environment_id, &account.environment_integration_id).await?;
        let overrides = change.integration_override.as_ref().unwrap_or(&account.integration_override);
        without_secret_variables(overrides)?;
        let integration = overridden(installed.integration()?, overrides)?;
        // Kept maps have to fit a new definition as new maps do.
        let maps = change.unified_model_override.as_ref().unwrap_or(&account.unified_model_override);
        if change.unified_model_override.is_some() || change.integration_override.is_some() {
            self.check_account_maps(&integration, &installed, maps)?;
        }
        let given = change.context.unwrap_or_default();
        if let CallerKind::AccountToken { .. } = caller.kind
            && let Some(name) = given.keys().find(|name| context::tells_whose(&integration, name))
        {
            return Err(Error::Forbidden(format!(
                "an integrated account token may not change {name:?}, which tells whose account it is: use PATCH \
                 /integrated-account/{{id}}/credentials with an API token"
            )));
        }
        // What the form asks for is checked here as it is there.
        let by_form = given.keys().any(|name| context::tells_whose(&integration, name));
        let Split { mut context, secrets } = if by_form {
            filled_in(&integration, &account.authentication_method, given, true, installed.provided())?
        } else {
            context::split(&integration, given)
        };
        let oauth = integration.oauth(&account.authentication_method);
        oauth::note_end(oauth, &mut context, &secrets, self.0.parts.clock.now());
        let account = self
            .change(environment_id, id, change.version, |account, kept| {
                let mut merged = account.context.clone();
                context::merge(&mut merged, context.clone());
                AccountPatch {
                    tenant_id: change.tenant_id.clone(),
                    is_sandbox: change.is_sandbox,
                    context: Some(merged),
                    secrets: merged_secrets(kept, &secrets),
                    unified_model_override: change.unified_model_override.clone(),
                    integration_override: change.integration_override.clone(),
                    ..AccountPatch::default()
                }
            })
            .await?;
        self.view(account).await
    }

    /// Gives an account new credentials and connects it again, as [`Gateway::create_account`] does.
    pub async fn update_credentials(
        &self,
        caller: &Caller,
        id: &str,
        change: CredentialsChange,
    ) -> Result<Account, Error> {
        let environment_id = caller.environment()?;
        let account = self.0.parts.store.get_integrated_account(environment_id, id).await?;
        let installed = self.installed(environment_id, &account.environment_integration_id).await?;
        let integration = overridden(installed.integration()?, &account.integration_override)?;
        let method = change.authentication_method.unwrap_or_else(|| account.authentication_method.clone());
        // With another method, fields that are left out have nothing to stay as.
        let partial = method == account.authentication_method;
        let Split { mut context, secrets } =
            filled_in(&integration, &method, change.context, partial, installed.provided())?;
        if !partial {
            with_token(&integration, &method, &secrets)?;
        }
        oauth::note_end(integration.oauth(&method), &mut context, &secrets, self.0.parts.clock.now());
        let account = self
            .change(environment_id, id, None, |account, kept| {
                let mut merged = account.context.clone();
                context::merge(&mut merged, context.clone());
                AccountPatch {
                    authentication_method: Some(method.clone()),
                    status: Some(AccountStatus::Connecting),
                    context: Some(merged),
                    secrets: merged_secrets(kept, &secrets),
                    ..AccountPatch::default()
                }
            })
            .await?;
        self.view(self.connect(account, |_| ()).await?).await
    }

    /// Runs `post_install` and `validation` again.
    pub async fn run_post_install_actions(&self, caller: &Caller, id: &str) -> Result<Account, Error> {
        let environment_id = caller.environment()?;
        let account = self
            .change(environment_id, id, None, |_, _| AccountPatch {
                status: Some(AccountStatus::Connecting),
                ..AccountPatch::default()
            })
            .await?;
        self.view(self.connect(account, |_| ()).await?).await
    }

    /// Renews what the platform issues for a time, whatever its age. Static keys have nothing to renew: the account's `validation` is run instead, and
    /// [`Error::Remote`] tells when the platform refuses them.
    pub async fn refresh_credentials(&self, caller: &Caller, id: &str) -> Result<(), Error> {
        let environment_id = caller.environment()?;
        let connected = self.load_connected(environment_id, id).await?;
        if self.renew_now(&connected).await?.is_some() {
            return Ok(());
        }
        if let Some(action) = connected.integration.actions.get("validation") {
            self.run_action(&connected, "validation", action, None).await?;
        }
        Ok(())
    }

    /// Deletes an account with its credentials and tokens.
    pub async fn delete_account(&self, caller: &Caller, id: &str) -> Result<(), Error> {
        let environment_id = caller.environment()?;
        self.forget_account(environment_id, id).await
    }

    pub(crate) async fn forget_account(&self, environment_id: &str, id: &str) -> Result<(), Error> {
        let events = events::of_deleted_account(id);
        self.0.parts.store.delete_integrated_account(environment_id, id, events).await?;
        self.0.at_hand.forget_account(id).await;
        Ok(())
    }

    /// Deletes several accounts; those that are not there count as deleted.
    pub async fn delete_accounts(&self, caller: &Caller, ids: &[String]) -> Result<(), Error> {
        caller.environment()?;
        for id in ids {
            match self.delete_account(caller, id).await {
                Err(Error::NotFound(_)) => {}
                deleted => deleted?,
            }
        }
        Ok(())
    }

    /// The installed integration that a new account names: by its own id, or by the integration's.
    async fn wanted_installed(
        &self,
        environment_id: &str,
        new: &NewAccount,
    ) -> Result<Arc<Installed>, Error> {
        if let Some(id) = &new.environment_integration_id {
            let installed = self.installed(environment_id, id).await?;
            let name = &installed.row.integration;
            let named =
                new.integration.as_ref().filter(|named| *named != name && **named != integration_id(name));
            return match named {
                None => Ok(installed),
                Some(named) => Err(Error::bad_request(format!(
                    "environment_integration_id is one of {name:?}, not of {named:?}: leave one of them out"
                ))),
            };
        }
        let Some(integration) = &new.integration else {
            return Err(Error::bad_request(
                "environment_integration_id is missing: say which installed integration to connect through",
            ));
        };
        let name = &self.find_definition(integration)?.name;
        match self.installed_of(environment_id, name).await? {
            Some(installed) => Ok(installed),
            None => Err(Error::NotFound(format!(
                "the integration {name:?} is not installed in this environment: POST /environment-integration first"
            ))),
        }
    }

    /// Changes an account by what it is now, its opened secrets included; tried anew when someone else changed those meanwhile.
    pub(crate) async fn change(
        &self,
        environment_id: &str,
        id: &str,
        version: Option<i64>,
        decide: impl Fn(&IntegratedAccount, &Map<String, Value>) -> AccountPatch,
    ) -> Result<IntegratedAccount, Error> {
        self.change_telling(environment_id, id, version, decide, events::of_changed_account).await
    }

    /// As [`Gateway::change`], with what to tell of it.
    pub(crate) async fn change_telling(
        &self,
        environment_id: &str,
        id: &str,
        version: Option<i64>,
        decide: impl Fn(&IntegratedAccount, &Map<String, Value>) -> AccountPatch,
        tell: impl Fn(&Integration, &IntegratedAccount, &IntegratedAccount) -> Vec<NewEvent>,
    ) -> Result<IntegratedAccount, Error> {
        let store = &self.0.parts.store;
        for attempt in 1.. {
            let seen = store.get_integrated_account(environment_id, id).await?;
            let secrets = store.open_account_secrets(&seen).await?;
            let installed = self.installed(environment_id, &seen.environment_integration_id).await?;
            let decided = |account: &IntegratedAccount| {
                let same_secrets = account.secrets == seen.secrets;
                match version {
                    None if same_secrets => Ok(decide(account, secrets.expose())),
                    Some(expected) if same_secrets && expected == account.version => {
                        Ok(decide(account, secrets.expose()))
                    }
                    _ => Err(StoreError::Stale {
                        what: "integrated account",
                        expected: version.unwrap_or(seen.version),
                        found: account.version,
                    }),
                }
            };
            let events = |before: &IntegratedAccount, after: &IntegratedAccount| {
                tell(installed.shown(), before, after)
            };
            match store.modify_integrated_account(environment_id, id, decided, events).await {
                Err(StoreError::Stale { .. }) if version.is_none() && attempt < TRIES => {}
                changed => {
                    self.0.at_hand.forget_account(id).await;
                    return Ok(changed?);
                }
            }
        }
        Err(Error::Conflict("the account is being changed by others; try again".into()))
    }

    async fn view(&self, account: IntegratedAccount) -> Result<Account, Error> {
        let installed = self.installed(&account.environment_id, &account.environment_integration_id).await?;
        let mut account = Account::of(account, installed.shown());
        account.override_errors = self.override_errors(&account, &installed);
        Ok(account)
    }

    /// The overrides that an account's calls go by and that do not fit any more.
    fn override_errors(&self, account: &Account, installed: &Installed) -> Vec<OverrideError> {
        let mut errors: Vec<OverrideError> = installed.errors().cloned().collect();
        match overridden(installed.shown(), &account.integration_override) {
            Ok(integration) => {
                let overrides = &account.unified_model_override;
                let (_, own) = self.account_maps(&integration, installed, overrides);
                errors
                    .extend(own.into_iter().filter(|error| !installed.errors().any(|known| known == error)));
            }
            Err(error) => errors.push(OverrideError::new("integration_override", error.to_string())),
        }
        errors
    }
}

impl Account {
    pub(crate) fn of(row: IntegratedAccount, integration: &Integration) -> Self {
        Self {
            context: context::shown(integration, row.context),
            integration: IntegrationSummary::of(integration),
            environment_integration: EnvironmentIntegrationId { id: row.environment_integration_id.clone() },
            id: row.id,
            tenant_id: row.tenant_id,
            environment_id: row.environment_id,
            environment_integration_id: row.environment_integration_id,
            status: row.status.as_str(),
            is_sandbox: row.is_sandbox,
            authentication_method: row.authentication_method,
            region: row.region,
            object_store_context_fields: Vec::new(),
            last_error: row.last_error,
            last_forbidden_error: row.last_forbidden_error,
            last_action_result: row.last_action_result,
            unified_model_override: row.unified_model_override,
            integration_override: row.integration_override,
            override_errors: Vec::new(),
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// The id of the account that is meant. An account token reaches its own only.
fn own_or_named<'a>(caller: &'a Caller, id: &'a str) -> Result<&'a str, Error> {
    match &caller.kind {
        CallerKind::AccountToken { account_id, .. } if id == ME => Ok(account_id),
        CallerKind::AccountToken { .. } => caller.environment().map(|_| id),
        CallerKind::ApiToken { .. } if id == ME => Err(Error::bad_request(
            "`me` is the account of an integrated account token; name the account by its id",
        )),
        CallerKind::ApiToken { .. } => Ok(id),
    }
}

/// Whether an account has the credentials that it had when it was read; those that are not secret are in its context.
pub(crate) fn has_same_credentials(now: &IntegratedAccount, then: &IntegratedAccount) -> bool {
    now.secrets == then.secrets && now.context == then.context
}

pub(crate) fn check_tenant(tenant_id: &str) -> Result<(), Error> {
    if tenant_id.trim().is_empty() {
        return Err(Error::bad_request(
            "tenant_id is missing: say which of your customers the account belongs to",
        ));
    }
    Ok(())
}

/// Refuses secrets where an account does not seal them.
fn without_secret_variables(integration_override: &Map<String, Value>) -> Result<(), Error> {
    if !integration_override.contains_key(SECRET_VARIABLES) {
        return Ok(());
    }
    Err(Error::bad_request(format!(
        "integration_override.{SECRET_VARIABLES}: an account keeps its secrets in its context; give those of all accounts with \
         PATCH /environment-integration/{{id}}"
    )))
}

/// The credential format to use; the only one there is when none is named.
pub(crate) fn authentication_method(
    integration: &Integration,
    asked: Option<String>,
) -> Result<String, Error> {
    if let Some(asked) = asked {
        return Ok(asked);
    }
    let mut formats = integration.credentials.keys();
    match (formats.next(), formats.next()) {
        (Some(only), None) => Ok(only.clone()),
        _ => {
            let known: Vec<&str> = integration.credentials.keys().map(String::as_str).collect();
            Err(Error::bad_request(format!("authentication_method is missing: one of {}", known.join(", "))))
        }
    }
}

/// Refuses an account that a person has to open, and that comes without a token.
fn with_token(integration: &Integration, method: &str, secrets: &Map<String, Value>) -> Result<(), Error> {
    let is_opened_by_token =
        integration.oauth(method).is_some_and(|oauth| oauth.grant == Grant::AuthorizationCode);
    let token = secrets.get("oauth").map(|oauth| &oauth["token"]);
    if is_opened_by_token && !token.is_some_and(|token| token["access_token"].is_string()) {
        return Err(Error::bad_request(
            "context.oauth.token.access_token is missing: bring one along, or have the customer connect with POST /link-token",
        ));
    }
    Ok(())
}

/// Checks the fields of the form, and splits everything into context and secrets. `provided` are the fields that the environment has.
pub(crate) fn filled_in(
    integration: &Integration,
    method: &str,
    given: Map<String, Value>,
    partial: bool,
    provided: &[String],
) -> Result<Split, Error> {
    let checked = integration
        .check_credentials(method, &given, partial, provided)
        .map_err(|problems| failures(&problems))?;
    let mut split = context::split(integration, given);
    split.context.extend(checked.context);
    if let Value::Object(checked) = checked.secrets.expose() {
        split.secrets.extend(checked.clone());
    }
    Ok(split)
}

pub(crate) fn failures(problems: &[FieldProblem]) -> Error {
    let message = problems.iter().map(|problem| problem.message.as_str()).collect::<Vec<_>>().join("; ");
    Error::BadRequest { message, details: Some(json!({"failures": problems})) }
}

/// The whole new secrets, when any of them are new.
pub(crate) fn merged_secrets(kept: &Map<String, Value>, new: &Map<String, Value>) -> Option<Secrets> {
    (!new.is_empty()).then(|| {
        let mut all = kept.clone();
        context::merge(&mut all, new.clone());
        Secrets::from(all)
    })
}
