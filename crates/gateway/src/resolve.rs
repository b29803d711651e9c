//! From a call to the account it is about, with the integration as environment and account changed it. Kept at hand: the hot
//! path asks the database nothing.

use std::sync::Arc;

use integration::{Credentials, FieldType, Integration};
use serde_json::{Map, Value};
use store::{EnvironmentIntegration, IntegratedAccount, MapOverride};
use url::Url;

use crate::at_hand::AtHand;
use crate::budget::Limits;
use crate::log::Logged;
use crate::maps::{Overridden, OverrideError};
use crate::{Caller, Error, Gateway};

/// So many accounts are kept at hand.
const ACCOUNTS: u64 = 20_000;
/// So many installed integrations are kept at hand.
const INSTALLED: u64 = 2_000;
/// The key of an environment's override whose values are sealed: no part of the definition.
pub(crate) const SECRET_VARIABLES: &str = "secret_environment_variables";

/// The key of a definition's variables that are no secret.
const VARIABLES: &str = "environment_variables";

/// An installed integration, ready for use.
pub(crate) struct Installed {
    pub(crate) row: EnvironmentIntegration,
    /// The definition without the environment's override.
    definition: Arc<Integration>,
    /// The definition with it; or why it does not fit any more.
    integration: Result<Arc<Integration>, OverrideError>,
    /// What the environment changes in the field maps.
    pub(crate) map_overrides: Vec<MapOverride>,
    /// Those maps.
    pub(crate) maps: Overridden,
    /// The credential fields that the environment has for all accounts.
    provided: Vec<String>,
}

impl Installed {
    /// The credential fields that the environment has for all accounts, by name (facts, Truto 13.2: its own app): variables of its
    /// override, secret or not. An account's own value goes first.
    pub(crate) fn provided(&self) -> &[String] {
        &self.provided
    }

    /// Puts what the environment has for all accounts into an account's context, as templates and expressions see it.
    pub(crate) fn provide(&self, integration: &Integration, context: &mut Map<String, Value>) {
        let Some(variables) = integration.config().get(VARIABLES) else { return };
        for name in self.provided() {
            if let (false, Some(value)) = (context.contains_key(name), variables.get(name)) {
                context.insert(name.clone(), value.clone());
            }
        }
        context.insert(VARIABLES.into(), variables.clone());
    }

    /// The definition with the environment's override.
    pub(crate) fn integration(&self) -> Result<&Arc<Integration>, Error> {
        self.integration.as_ref().map_err(|error| error.clone().into())
    }

    /// The same for showing what there is: without the override when that does not fit any more.
    pub(crate) fn shown(&self) -> &Arc<Integration> {
        self.integration.as_ref().unwrap_or(&self.definition)
    }

    /// What the environment overrides and does not fit.
    pub(crate) fn errors(&self) -> impl Iterator<Item = &OverrideError> {
        self.integration
            .as_ref()
            .err()
            .into_iter()
            .chain(self.maps.values().filter_map(|map| map.as_ref().err()))
    }
}

/// An account, ready for calls.
pub(crate) struct Connected {
    pub(crate) account: IntegratedAccount,
    pub(crate) installed: Arc<Installed>,
    /// The definition with the overrides of environment and account.
    pub(crate) integration: Arc<Integration>,
    /// The field maps that the account changes; those that the environment alone changes are with what is installed.
    pub(crate) maps: Overridden,
    /// The account's context as templates and expressions see it, `environment_variables` included.
    pub(crate) context: Value,
    /// What stands between its calls and the platform.
    pub(crate) limits: Limits,
    /// What its calls leave of it in the log.
    pub(crate) logged: Logged,
}

/// The accounts at hand, and what they are connected through.
pub(crate) struct Resolved {
    accounts: AtHand<Arc<Connected>>,
    installed: AtHand<Arc<Installed>>,
}

impl Resolved {
    pub(crate) fn new() -> Self {
        Self { accounts: AtHand::new(ACCOUNTS), installed: AtHand::new(INSTALLED) }
    }

    pub(crate) async fn forget_account(&self, id: &str) {
        self.accounts.forget(id).await;
    }

    /// Forgets an installed integration and all accounts through it. The accounts last: one that is put together meanwhile may
    /// have what was installed before.
    pub(crate) async fn forget_installed(&self, id: &str) {
        self.installed.forget(id).await;
        let id = id.to_owned();
        self.accounts.forget_where(move |connected| connected.installed.row.id == id).await;
    }

    /// Forgets what is installed in an environment and all its accounts, as [`Resolved::forget_installed`] does.
    pub(crate) async fn forget_environment(&self, id: &str) {
        let of = id.to_owned();
        self.installed.forget_where(move |installed| installed.row.environment_id == of).await;
        let of = id.to_owned();
        self.accounts.forget_where(move |connected| connected.account.environment_id == of).await;
    }

    pub(crate) async fn forget_all(&self) {
        self.installed.forget_all().await;
        self.accounts.forget_all().await;
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

    /// The id of the account that a call of the data plane is about, where the caller may call it.
    pub async fn called_account(&self, caller: &Caller, asked: Option<&str>) -> Result<Arc<str>, Error> {
        Ok(Arc::clone(&self.connected(caller, asked).await?.logged.id))
    }

    pub(crate) async fn load_connected(
        &self,
        environment_id: &str,
        id: &str,
    ) -> Result<Arc<Connected>, Error> {
        let read = || async {
            let account = self.0.parts.store.get_integrated_account(environment_id, id).await?;
            Ok::<_, Error>(Arc::new(self.connect_parts(account).await?))
        };
        let connected = self.0.at_hand.accounts.get_or_read(id, read).await?;
        if connected.account.environment_id != environment_id {
            return Err(Error::NotFound("no such integrated account".into()));
        }
        Ok(connected)
    }

    /// Puts an account's parts together, past what is at hand of the account itself.
    pub(crate) async fn connect_parts(&self, account: IntegratedAccount) -> Result<Connected, Error> {
        let installed = self.installed(&account.environment_id, &account.environment_integration_id).await?;
        let integration = overridden(installed.integration()?, &account.integration_override)?;
        let mut context = account.context.clone();
        installed.provide(&integration, &mut context);
        let (maps, _) = self.account_maps(&integration, &installed, &account.unified_model_override);
        let context = Value::Object(context);
        let limits = Limits::of(&self.0.budgets, &integration, &account.id, &context);
        let logged = Logged::of(&account);
        Ok(Connected { context, maps, account, installed, integration, limits, logged })
    }

    pub(crate) async fn installed(&self, environment_id: &str, id: &str) -> Result<Arc<Installed>, Error> {
        let read = || async {
            let row = self.0.parts.store.get_environment_integration(environment_id, id).await?;
            let map_overrides =
                self.0.parts.store.map_overrides_of(&row.environment_id, &row.integration).await?;
            let definition = Arc::clone(self.definition(&row.integration)?);
            // An override may not fit any more after an upgrade: what is installed can be shown and mended all the same.
            let integration = overridden(&definition, &row.overrides).map_err(|error| {
                OverrideError::new(&format!("/environment-integration/{id} override"), error.to_string())
            });
            let shown = integration.as_ref().unwrap_or(&definition);
            let maps = self.environment_maps(shown, &map_overrides);
            let secrets = self.0.parts.store.open_environment_integration_secrets(&row).await?;
            let provided = shown
                .credentials
                .values()
                .flat_map(|form| &form.fields)
                .filter(|field| match field.kind {
                    FieldType::Password => secrets.get(&field.name).is_some(),
                    FieldType::Text => shown.config()[VARIABLES].get(&field.name).is_some(),
                })
                .map(|field| field.name.clone())
                .collect();
            Ok::<_, Error>(Arc::new(Installed {
                row,
                definition,
                integration,
                map_overrides,
                maps,
                provided,
            }))
        };
        let installed = self.0.at_hand.installed.get_or_read(id, read).await?;
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

    /// Opens an account's credentials, to build one request with. A token that ends is renewed first.
    pub(crate) async fn open_credentials(&self, connected: &Connected) -> Result<Credentials, Error> {
        if !self.has_good_token(connected)
            && let Some(renewed) = Box::pin(self.with_good_token(connected)).await?
        {
            return self.stored_credentials(&renewed).await;
        }
        self.stored_credentials(connected).await
    }

    /// Opens what is kept of an account's credentials. Secret variables of the environment stand in for fields that the account has not.
    pub(crate) async fn stored_credentials(&self, connected: &Connected) -> Result<Credentials, Error> {
        let store = &self.0.parts.store;
        let account = store.open_account_secrets(&connected.account).await?;
        if connected.installed.row.secrets.is_none() {
            return Ok(Credentials::new(account.into_values()));
        }
        let environment = store.open_environment_integration_secrets(&connected.installed.row).await?;
        let mut all = environment.into_values();
        all.extend(account.into_values());
        Ok(Credentials::new(all))
    }
}

/// A definition with an override merged in; the same one when there is none.
pub(crate) fn overridden(
    integration: &Arc<Integration>,
    overrides: &Map<String, Value>,
) -> Result<Arc<Integration>, Error> {
    if overrides.is_empty() {
        return Ok(Arc::clone(integration));
    }
    let merged = integration
        .overridden(&[&Value::Object(overrides.clone())])
        .map_err(|error| Error::bad_request(error.to_string()))?;
    check_base_url(merged.config()["base_url"].as_str().unwrap_or_default())?;
    Ok(Arc::new(merged))
}

/// Refuses what can't be called. Where a base URL holds placeholders, only its beginning is known.
fn check_base_url(base_url: &str) -> Result<(), Error> {
    if base_url.starts_with("{{") {
        return Ok(());
    }
    let begins_well = ["http://", "https://"].iter().any(|scheme| base_url.starts_with(scheme));
    if begins_well && (base_url.contains("{{") || Url::parse(base_url).is_ok()) {
        return Ok(());
    }
    Err(Error::bad_request(format!(
        "base_url: {base_url:?} is no address of a platform; write it as https://api.example.com/v1"
    )))
}
