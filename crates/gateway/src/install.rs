//! The platform's app store: a customer installs the product's app there, and is connected by that.
//!
//! The platform calls with a name and a password that belong to one installed integration, so that it needs to know nothing else of this
//! gateway. What it tells may come twice, or again for a newer version: an account is made once for each of the platform's accounts, and
//! connected again after that.

use std::sync::Arc;
use std::time::Duration;

use integration::install::{Install, Told};
use integration::oauth::Grant;
use jiff::SignedDuration;
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    AccountPatch, AccountStatus, IntegratedAccount, Lease, NewIntegratedAccount, Secrets, StoreError, Token,
};
use tokio::time::Instant;
use utoipa::ToSchema;

use crate::accounts::context::Split;
use crate::accounts::{Problem, filled_in};
use crate::resolve::Installed;
use crate::{Caller, Error, Gateway, time};

/// What the passwords begin with, for people and scanners.
const PREFIX: &str = "decant_install";
/// Calls about the same account of the platform wait for each other so long.
const TURN: SignedDuration = SignedDuration::from_secs(30);
const LOOK: Duration = Duration::from_millis(50);
/// When a connection that fails is tried again. Whether a platform lets an app in before or after its call is answered is not known, so
/// that the first try may come too early.
const PAUSES: [Duration; 3] = [Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];

/// What is entered at the platform, so that it tells who installs the app. The password is shown this once.
#[derive(Clone, Serialize, ToSchema)]
pub struct InstallCredentials {
    /// For Basic authentication: the installed integration's id.
    pub username: String,
    /// The same.
    pub password: String,
    /// What is called when the app is installed.
    pub install_url: String,
    /// What is called when it is uninstalled.
    pub uninstall_url: String,
    /// The app's page within the platform's own, where the platform has such.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub page_url: Option<String>,
}

/// What a call of the platform came to.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct InstallResult {
    /// The accounts, by their ids.
    pub integrated_account_ids: Vec<String>,
}

impl Gateway {
    /// Makes the name and the password by which the platform tells who installs the app; those before do not count any more. `public_url`
    /// is where the platform reaches this gateway.
    pub async fn create_install_credentials(
        &self,
        caller: &Caller,
        id: &str,
        public_url: &str,
    ) -> Result<InstallCredentials, Error> {
        let environment_id = caller.environment()?;
        let installed = self.installed(environment_id, id).await?;
        let name = &installed.row.integration;
        let install = installs(&installed)?;
        let method = method(&installed, install)?;
        // Nobody is there to be asked for more.
        let form = installed.integration()?.credentials.get(&method);
        let lacks: Vec<&str> = form
            .into_iter()
            .flat_map(|form| &form.fields)
            .filter(|field| field.required && field.default.is_none() && field.name != install.context)
            .map(|field| field.name.as_str())
            .filter(|name| !installed.provided().iter().any(|provided| provided == name))
            .collect();
        if !lacks.is_empty() {
            return Err(Error::Conflict(format!(
                "who installs the app is asked for nothing, so the environment has to have {} for all accounts: give them as \
                 override.environment_variables, or secret_environment_variables, with PATCH /environment-integration/{{id}}",
                lacks.join(", ")
            )));
        }
        let token = Token::generate(PREFIX).map_err(StoreError::from)?;
        self.0.parts.store.set_install_credential(environment_id, id, &token.hash()).await?;
        let base = format!("{public_url}/integrations/{name}");
        Ok(InstallCredentials {
            username: id.to_owned(),
            password: token.expose().to_owned(),
            install_url: format!("{base}/install"),
            uninstall_url: format!("{base}/uninstall"),
            page_url: install.page.is_some().then(|| format!("{base}/page/{id}")),
        })
    }

    /// A customer installed the app: its account is made, or connected again. Connecting goes on after the answer.
    pub async fn app_installed(
        &self,
        integration: &str,
        username: &str,
        password: &str,
        body: Map<String, Value>,
    ) -> Result<InstallResult, Error> {
        let installed = self.told_by(integration, username, password).await?;
        if !installed.row.is_enabled {
            return Err(Error::Forbidden(format!(
                "the integration {integration:?} is switched off in this environment"
            )));
        }
        let (install, told) = read(&installed, body)?;
        let given = given(&installed, install, &told.account)?;
        let lease = self.turn(&installed, &told.account).await?;
        let connected = self.connect_installed(&installed, install, given, &told).await;
        self.0.parts.store.give_back_lease(lease).await?;
        let accounts = connected?;
        let integrated_account_ids = accounts.iter().map(|account| account.id.clone()).collect();
        for account in accounts {
            let gateway = self.clone();
            self.0.tasks.spawn(async move { gateway.connect_with_patience(account).await });
        }
        Ok(InstallResult { integrated_account_ids })
    }

    /// A customer uninstalled the app. The accounts stay, for what the product knows of them and so that installing again brings the same
    /// ones back; they need to be connected.
    pub async fn app_uninstalled(
        &self,
        integration: &str,
        username: &str,
        password: &str,
        body: Map<String, Value>,
    ) -> Result<InstallResult, Error> {
        let installed = self.told_by(integration, username, password).await?;
        let (install, told) = read(&installed, body)?;
        let name = name(&installed, install, &told.account)?;
        let lease = self.turn(&installed, &told.account).await?;
        let last_error = json!({
            "message": "the app was uninstalled on the platform",
            "action": "uninstall",
            "problem": Problem::AppNotInstalled,
            "what_to_do": "Have the customer install the app on the platform again, which connects the account by itself",
            "occurred_at": time::text(self.0.parts.clock.now()),
        });
        let retiring = async {
            let mut integrated_account_ids = Vec::new();
            for account in self.accounts_named(&installed, &install.context, &name).await? {
                self.change(&account.environment_id, &account.id, None, |_, _| AccountPatch {
                    status: Some(AccountStatus::NeedsReauth),
                    last_error: Some(Some(last_error.clone())),
                    ..AccountPatch::default()
                })
                .await?;
                integrated_account_ids.push(account.id);
            }
            Ok(InstallResult { integrated_account_ids })
        };
        let retired = retiring.await;
        self.0.parts.store.give_back_lease(lease).await?;
        retired
    }

    /// The installed integration of a name and a password. What is wrong of them is not told.
    async fn told_by(
        &self,
        integration: &str,
        username: &str,
        password: &str,
    ) -> Result<Arc<Installed>, Error> {
        let hash = store::token::hash(password);
        let found = self.0.parts.store.find_by_install_credential(username, &hash).await?;
        match found.filter(|row| row.integration == integration) {
            Some(row) => self.installed(&row.environment_id, &row.id).await,
            None => Err(Error::Unauthenticated(
                "the name or the password is not right; make new ones with POST \
                 /environment-integration/{id}/install-credentials, and enter them at the platform"
                    .into(),
            )),
        }
    }

    /// Waits until nobody else is at work on the same account of the platform.
    async fn turn(&self, installed: &Installed, account: &str) -> Result<Lease, Error> {
        let name = format!("install/{}/{}", installed.row.id, store::token::hash(account).as_str());
        let until = Instant::now() + TURN.unsigned_abs();
        loop {
            if let Some(lease) = self.0.parts.store.take_lease(&name, TURN).await? {
                return Ok(lease);
            }
            if Instant::now() >= until {
                return Err(Error::Conflict("the same account is being installed; try again".into()));
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The accounts of this name on the platform.
    pub(crate) async fn accounts_named(
        &self,
        installed: &Installed,
        field: &str,
        name: &Value,
    ) -> Result<Vec<IntegratedAccount>, Error> {
        let name = name.as_str().unwrap_or_default();
        Ok(self.0.parts.store.find_integrated_accounts_by_context(&installed.row.id, field, name).await?)
    }

    async fn connect_installed(
        &self,
        installed: &Installed,
        install: &Install,
        given: Split,
        told: &Told,
    ) -> Result<Vec<IntegratedAccount>, Error> {
        let name = given.context.get(&install.context).cloned().unwrap_or_default();
        let known = self.accounts_named(installed, &install.context, &name).await?;
        if known.is_empty() {
            let mut context = given.context;
            context.insert(install.settings.clone(), Value::Object(told.settings.clone()));
            let new = NewIntegratedAccount {
                environment_id: installed.row.environment_id.clone(),
                environment_integration_id: installed.row.id.clone(),
                // The product may give it another: here nothing else is known of its customer.
                tenant_id: name.as_str().unwrap_or_default().to_owned(),
                authentication_method: method(installed, install)?,
                region: None,
                status: AccountStatus::Connecting,
                is_sandbox: false,
                context,
                secrets: Secrets::from(given.secrets),
                unified_model_override: Map::new(),
                integration_override: Map::new(),
                link_token_id: None,
            };
            return Ok(vec![self.keep_new_account(&new, installed).await?]);
        }
        let mut accounts = Vec::with_capacity(known.len());
        for account in known {
            let changed = self.change(&account.environment_id, &account.id, None, |account, _| {
                let mut context = account.context.clone();
                context.insert(install.settings.clone(), Value::Object(told.settings.clone()));
                AccountPatch {
                    status: Some(AccountStatus::Connecting),
                    context: Some(context),
                    ..AccountPatch::default()
                }
            });
            accounts.push(changed.await?);
        }
        Ok(accounts)
    }

    /// Connects an account whose platform may not have let the app in yet.
    async fn connect_with_patience(&self, mut account: IntegratedAccount) {
        let mut pauses = PAUSES.iter();
        loop {
            let attempt = account.attempt;
            account = match self.connect(account, |_| ()).await {
                Ok(account) => account,
                Err(error) => {
                    tracing::warn!(%error, "an installed app's account could not be connected");
                    return;
                }
            };
            let has_failed = account.status != AccountStatus::Active && account.attempt == attempt;
            let Some(pause) = pauses.next().filter(|_| has_failed) else { return };
            tokio::time::sleep(*pause).await;
            let again = self.change(&account.environment_id, &account.id, None, |now, _| AccountPatch {
                // Who connected it meanwhile, or uninstalled the app, goes first.
                status: (now.attempt == attempt && now.status == account.status)
                    .then_some(AccountStatus::Connecting),
                ..AccountPatch::default()
            });
            account = match again.await {
                Ok(now) if now.status == AccountStatus::Connecting => now,
                _ => return,
            };
        }
    }
}

/// What the platform's app store tells, where it has one.
fn installs(installed: &Installed) -> Result<&Install, Error> {
    installed.integration()?.install.as_ref().ok_or_else(|| {
        let name = &installed.row.integration;
        Error::NotFound(format!(
            "the definition of {name:?} has no `install`: its platform tells nothing of that"
        ))
    })
}

/// The way to authenticate of accounts that were installed: the first that the account's own name is a field of, and that needs nobody to
/// say yes.
fn method(installed: &Installed, install: &Install) -> Result<String, Error> {
    let integration = installed.integration()?;
    let fits = |(name, form): &(&String, &integration::CredentialFormat)| {
        let needs_person =
            integration.oauth(name).is_some_and(|oauth| oauth.grant == Grant::AuthorizationCode);
        !needs_person && form.fields.iter().any(|field| field.name == install.context)
    };
    let found = integration.credentials.iter().find(fits).map(|(name, _)| name.clone());
    found.ok_or_else(|| Error::NotFound("accounts of this platform need a person to be connected".into()))
}

fn read(installed: &Installed, body: Map<String, Value>) -> Result<(&Install, Told), Error> {
    let install = installs(installed)?;
    let told = install.read(body).ok_or_else(|| {
        Error::bad_request(format!("{:?} is missing: the account's own name", install.account))
    })?;
    Ok((install, told))
}

/// The account's own name, checked and tidied as in the form, and what else an account begins with.
fn given(installed: &Installed, install: &Install, name: &str) -> Result<Split, Error> {
    let method = method(installed, install)?;
    let context = Map::from_iter([(install.context.clone(), Value::from(name))]);
    Ok(filled_in(installed.integration()?, &method, context, false, installed.provided())?.of_new())
}

/// The account's own name, checked and tidied.
pub(crate) fn name(installed: &Installed, install: &Install, name: &str) -> Result<Value, Error> {
    Ok(given(installed, install, name)?.context.get(&install.context).cloned().unwrap_or_default())
}
