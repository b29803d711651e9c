//! Apps: what stands of them in the developer center, and which winery has installed which of them (facts 1.1, 2.1 to 2.3).

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Tenant;
use crate::http::permissions::{Level, Permissions};

/// How long an app has to answer a callback.
const CALLBACK: Duration = Duration::from_secs(30);
/// The version that every app begins with.
const FIRST_VERSION: &str = "1";

/// An app as it is entered in the developer center. What a winery has installed stays as it is until it installs the app again.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AppVersion {
    /// The version's name.
    pub version: String,
    /// What it may do with each kind of object; everything it is not told may be done.
    pub permissions: BTreeMap<String, Level>,
    /// Called when a winery installs it.
    pub install_url: Option<String>,
    /// Called when a winery uninstalls it.
    pub uninstall_url: Option<String>,
    /// For Basic authentication of both, where there is one.
    pub username: Option<String>,
    /// As the username.
    pub password: Option<String>,
    /// Its page within the admin.
    pub page_url: Option<String>,
}

impl std::fmt::Debug for AppVersion {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("AppVersion")
            .field("version", &self.version)
            .field("permissions", &self.permissions)
            .finish_non_exhaustive()
    }
}

/// One app with its installations.
#[derive(Clone, Debug, Serialize)]
pub struct App {
    /// User name of its Basic authentication towards Commerce7.
    pub app_id: String,
    /// What stands in the developer center.
    #[serde(flatten)]
    pub version: AppVersion,
    /// The wineries that have installed it, with the version that each has.
    pub installed: BTreeMap<String, String>,
}

/// What an app answered to a callback.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Called {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
}

/// Why something could not be done with an app.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No such winery.
    #[error("there is no winery {0:?}")]
    NoTenant(String),
    /// No such app.
    #[error("there is no app {0:?}")]
    NoApp(String),
    /// A permission that Commerce7 does not have.
    #[error("there is no permission {0:?}; it is a name such as Customer or \"Club Membership\"")]
    NoPermission(String),
    /// The app gave no answer.
    #[error("the app could not be called: {0}")]
    NoAnswer(#[from] reqwest::Error),
}

/// The apps and their installations.
#[derive(Clone, Debug)]
pub struct Apps(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    tenants: Vec<Tenant>,
    client: reqwest::Client,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    versions: BTreeMap<String, (AppVersion, Permissions)>,
    /// By winery and app.
    installed: HashMap<(String, String), (String, Permissions)>,
}

impl Apps {
    /// All apps of the wineries, in a version with these permissions, installed by all wineries but the last `uninstalled`.
    pub(crate) fn new(tenants: Vec<Tenant>, permissions: &Permissions, uninstalled: u32) -> Self {
        let ids: Vec<String> =
            tenants.first().into_iter().flat_map(Tenant::apps).map(|(id, _)| id.to_owned()).collect();
        let first = AppVersion {
            version: FIRST_VERSION.to_owned(),
            permissions: permissions.named(),
            ..AppVersion::default()
        };
        let versions = ids
            .iter()
            .map(|id| (id.clone(), (first.clone(), permissions.clone())))
            .collect::<BTreeMap<_, _>>();
        let with = tenants.len().saturating_sub(usize::try_from(uninstalled).unwrap_or(usize::MAX));
        let installed = tenants.iter().take(with).flat_map(|tenant| {
            let of_tenant = |id: &String| {
                ((tenant.name.clone(), id.clone()), (FIRST_VERSION.to_owned(), permissions.clone()))
            };
            ids.iter().map(of_tenant).collect::<Vec<_>>()
        });
        let state = State { installed: installed.collect(), versions };
        Self(Arc::new(Inner { tenants, client: reqwest::Client::new(), state: Mutex::new(state) }))
    }

    /// All apps.
    pub fn list(&self) -> Vec<App> {
        let state = self.state();
        let app = |(app_id, (version, _)): (&String, &(AppVersion, Permissions))| App {
            app_id: app_id.clone(),
            version: version.clone(),
            installed: state
                .installed
                .iter()
                .filter(|((_, installed), _)| installed == app_id)
                .map(|((tenant, _), (version, _))| (tenant.clone(), version.clone()))
                .collect(),
        };
        state.versions.iter().map(app).collect()
    }

    /// Enters a version in the developer center, in place of the one there is. Wineries that have the app keep what they installed.
    pub fn enter(&self, app: &str, version: AppVersion) -> Result<(), AppError> {
        let permissions = Permissions::of(&version.permissions)
            .map_err(|unknown| AppError::NoPermission(unknown.to_owned()))?;
        match self.state().versions.get_mut(app) {
            Some(known) => *known = (version, permissions),
            None => return Err(AppError::NoApp(app.to_owned())),
        }
        Ok(())
    }

    /// Lets a winery install an app, or a newer version of it, and calls its install URL with what the winery filled into the
    /// app's client settings. `None` where it has no such URL.
    ///
    /// What Commerce7 does with an answer that is no success is not known: here the app is installed all the same. Nor is known
    /// that it calls again for a newer version; an app that can't bear it would not be a good one.
    pub async fn install(
        &self,
        tenant: &str,
        app: &str,
        settings: Map<String, Value>,
    ) -> Result<Option<Called>, AppError> {
        let tenant = self.tenant(tenant)?;
        let version = {
            let mut state = self.state();
            let (version, permissions) =
                state.versions.get(app).cloned().ok_or_else(|| AppError::NoApp(app.to_owned()))?;
            let key = (tenant.name.clone(), app.to_owned());
            state.installed.insert(key, (version.version.clone(), permissions));
            version
        };
        let mut body = callback_body(tenant);
        body.extend(settings);
        self.call(version.install_url.as_deref(), &version, &body).await
    }

    /// Lets a winery uninstall an app: its credentials are refused from now on. Then calls the app's uninstall URL.
    pub async fn uninstall(&self, tenant: &str, app: &str) -> Result<Option<Called>, AppError> {
        let tenant = self.tenant(tenant)?;
        let version = {
            let mut state = self.state();
            let version = state.versions.get(app).map(|(version, _)| version.clone());
            state.installed.remove(&(tenant.name.clone(), app.to_owned()));
            version.ok_or_else(|| AppError::NoApp(app.to_owned()))?
        };
        self.call(version.uninstall_url.as_deref(), &version, &callback_body(tenant)).await
    }

    /// What an app may do in a winery; `None` where it is not installed.
    pub(crate) fn permissions(&self, tenant: &str, app: &str) -> Option<Permissions> {
        let key = (tenant.to_owned(), app.to_owned());
        self.state().installed.get(&key).map(|(_, permissions)| permissions.clone())
    }

    fn tenant(&self, name: &str) -> Result<&Tenant, AppError> {
        let tenant = self.0.tenants.iter().find(|tenant| tenant.name == name);
        tenant.ok_or_else(|| AppError::NoTenant(name.to_owned()))
    }

    async fn call(
        &self,
        url: Option<&str>,
        version: &AppVersion,
        body: &Map<String, Value>,
    ) -> Result<Option<Called>, AppError> {
        let Some(url) = url else { return Ok(None) };
        let mut request = self.0.client.post(url).timeout(CALLBACK).json(body);
        if let Some(username) = &version.username {
            request = request.basic_auth(username, version.password.as_ref());
        }
        let answer = request.send().await?;
        Ok(Some(Called { status: answer.status().as_u16(), body: answer.text().await? }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who did it: the winery and the person, at the root.
fn callback_body(tenant: &Tenant) -> Map<String, Value> {
    let mut user = crate::generate::account_user(tenant);
    if let Some(user) = user.as_object_mut() {
        user.shift_remove("role");
    }
    let body = json!({"tenantId": tenant.name, "user": user});
    body.as_object().cloned().unwrap_or_default()
}
