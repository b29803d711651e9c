//! From a call to the account it is about, with the integration as environment and account changed it. Kept at hand: the hot
//! path asks the database nothing.

use std::sync::Arc;

use integration::{Credentials, Integration};
use moka::future::Cache;
use serde_json::{Map, Value};
use store::{EnvironmentIntegration, IntegratedAccount};

use crate::gateway::AT_HAND;
use crate::maps::Overridden;
use crate::{Caller, Error, Gateway};

/// So many accounts are kept at hand.
const ACCOUNTS: u64 = 20_000;
/// So many installed integrations are kept at hand.
const INSTALLED: u64 = 2_000;
/// Keys of an override that are values for requests and no part of the definition.
pub(crate) const SECRET_VARIABLES: &str = "secret_environment_variables";

/// An installed integration, ready for use.
pub(crate) struct Installed {
    pub(crate) row: EnvironmentIntegration,
    pub(crate) integration: Arc<Integration>,
}

/// An account, ready for calls.
pub(crate) struct Connected {
    pub(crate) account: IntegratedAccount,
    pub(crate) installed: Arc<Installed>,
    /// The definition with the overrides of environment and account.
    pub(crate) integration: Arc<Integration>,
    /// The field maps that the account changes.
    pub(crate) maps: Overridden,
    /// The account's context as templates and expressions see it, `environment_variables` included.
    pub(crate) context: Value,
}

/// What is kept at hand.
pub(crate) struct AtHand {
    accounts: Cache<String, Arc<Connected>>,
    installed: Cache<String, Arc<Installed>>,
}

impl AtHand {
    pub(crate) fn new() -> Self {
        Self {
            accounts: Cache::builder()
                .max_capacity(ACCOUNTS)
                .time_to_live(AT_HAND)
                .support_invalidation_closures()
                .build(),
            installed: Cache::builder().max_capacity(INSTALLED).time_to_live(AT_HAND).build(),
        }
    }

    pub(crate) async fn forget_account(&self, id: &str) {
        self.accounts.invalidate(id).await;
    }

    /// Forgets an installed integration and all accounts through it.
    pub(crate) async fn forget_installed(&self, id: &str) {
        self.installed.invalidate(id).await;
        let id = id.to_owned();
        // Refused only by a cache that was built without support for it.
        let _ = self.accounts.invalidate_entries_if(move |_, connected| connected.installed.row.id == id);
    }

    pub(crate) fn forget_all(&self) {
        self.accounts.invalidate_all();
        self.installed.invalidate_all();
    }
}

impl Gateway {
    /// The account that a call of the data plane is about, ready for it.
    ///
    /// Every status takes calls: the platform is the one to say whether credentials work, and an account that was refused becomes
    /// active again by a call that goes through (facts, Truto 8.3).
    pub(crate) async fn connected(
        &self,
        caller: &Caller,
        asked: Option<&str>,
    ) -> Result<Arc<Connected>, Error> {
        let id = caller.account(asked)?;
        let connected = self.load_connected(&caller.environment_id, id).await?;
        if !connected.installed.row.is_enabled {
            let name = &connected.integration.name;
            return Err(Error::Forbidden(format!(
                "the integration {name:?} is switched off in this environment"
            )));
        }
        Ok(connected)
    }

    pub(crate) async fn load_connected(
        &self,
        environment_id: &str,
        id: &str,
    ) -> Result<Arc<Connected>, Error> {
        let at_hand = &self.0.at_hand;
        let connected = match at_hand.accounts.get(id).await {
            Some(found) => found,
            None => {
                let account = self.0.parts.store.get_integrated_account(environment_id, id).await?;
                let connected = Arc::new(self.connect_parts(account).await?);
                at_hand.accounts.insert(id.to_owned(), Arc::clone(&connected)).await;
                connected
            }
        };
        if connected.account.environment_id != environment_id {
            return Err(Error::NotFound("no such integrated account".into()));
        }
        Ok(connected)
    }

    /// Puts an account's parts together, past what is at hand of the account itself.
    pub(crate) async fn connect_parts(&self, account: IntegratedAccount) -> Result<Connected, Error> {
        let installed = self.installed(&account.environment_id, &account.environment_integration_id).await?;
        let integration = overridden(&installed.integration, &account.integration_override)?;
        let mut context = account.context.clone();
        if let Some(variables) = integration.config().get("environment_variables") {
            context.insert("environment_variables".into(), variables.clone());
        }
        let maps = self.compile_overrides(&integration, &account.unified_model_override)?;
        Ok(Connected { context: Value::Object(context), maps, account, installed, integration })
    }

    pub(crate) async fn installed(&self, environment_id: &str, id: &str) -> Result<Arc<Installed>, Error> {
        let at_hand = &self.0.at_hand;
        let installed = match at_hand.installed.get(id).await {
            Some(found) => found,
            None => {
                let row = self.0.parts.store.get_environment_integration(environment_id, id).await?;
                let integration = overridden(self.definition(&row.integration)?, &row.overrides)?;
                let installed = Arc::new(Installed { row, integration });
                at_hand.installed.insert(id.to_owned(), Arc::clone(&installed)).await;
                installed
            }
        };
        if installed.row.environment_id != environment_id {
            return Err(Error::NotFound("no such environment integration".into()));
        }
        Ok(installed)
    }

    /// The definition of the catalogue. Missing only when it was taken out of the folder after accounts were connected.
    pub(crate) fn definition(&self, name: &str) -> Result<&Arc<Integration>, Error> {
        self.0.parts.catalog.get(name).ok_or_else(|| {
            Error::NotFound(format!("the integration {name:?} is no longer among this gateway's definitions"))
        })
    }

    /// Opens an account's credentials, to build one request with. Secret variables of the environment stand in for fields that the
    /// account has not.
    pub(crate) async fn open_credentials(&self, connected: &Connected) -> Result<Credentials, Error> {
        let store = &self.0.parts.store;
        let account = store.open_account_secrets(&connected.account).await?;
        if connected.installed.row.secrets.is_none() {
            return Ok(Credentials::new(account.expose().clone()));
        }
        let environment = store.open_environment_integration_secrets(&connected.installed.row).await?;
        let mut all = environment.expose().clone();
        all.extend(account.expose().clone());
        Ok(Credentials::new(all))
    }
}

/// A definition with an override merged in; the same one when there is none.
pub(crate) fn overridden(
    integration: &Arc<Integration>,
    overrides: &Map<String, Value>,
) -> Result<Arc<Integration>, Error> {
    if overrides.keys().all(|key| key == SECRET_VARIABLES) {
        return Ok(Arc::clone(integration));
    }
    let mut overrides = overrides.clone();
    overrides.remove(SECRET_VARIABLES);
    let merged = integration
        .overridden(&[&Value::Object(overrides)])
        .map_err(|error| Error::bad_request(error.to_string()))?;
    Ok(Arc::new(merged))
}
