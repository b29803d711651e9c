//! The app's page within the platform's own pages: who looks at it is asked of the platform, and how the connection stands is shown.

use std::sync::Arc;
use std::time::Duration;

use integration::install::AppPage as Declared;
use serde_json::{Map, Value};
use store::{AccountStatus, IntegratedAccount};

use crate::accounts::Problem;
use crate::fetch::plan_error;
use crate::link::LinkSettings;
use crate::resolve::Installed;
use crate::{Error, Gateway};

/// The platform has so long to say who looks at the page: a person waits.
const ANSWER: Duration = Duration::from_secs(10);

/// The page, before it is known who looks at it.
pub struct AppPage {
    installed: Arc<Installed>,
    declared: Declared,
    /// What a person calls the platform.
    pub platform: String,
    /// Whose pages may show it in a frame.
    pub frame_ancestors: Vec<String>,
    /// The product's looks and language.
    pub settings: LinkSettings,
    /// The query parameter that says `dark` or `light`.
    pub theme: Option<String>,
}

/// How a connection stands.
#[derive(Debug, Clone, PartialEq)]
pub enum AppState {
    /// All is well.
    Active,
    /// It is being connected.
    Connecting,
    /// There is none.
    Missing,
    /// It does not work; why, where it is known.
    Broken(Option<Problem>),
    /// Who looks at the page has no access to the account, by the platform's word.
    Stranger,
    /// The platform does not say who looks at the page.
    Unavailable,
}

impl Gateway {
    /// The page of an installed integration.
    pub async fn app_page(&self, integration: &str, id: &str) -> Result<AppPage, Error> {
        let none = || Error::NotFound("there is no such page".into());
        let store = &self.0.parts.store;
        let environment_id = store.environment_of_integration(id).await?.ok_or_else(none)?;
        let installed = self.installed(&environment_id, id).await?;
        if installed.row.integration != integration || !installed.row.is_enabled {
            return Err(none());
        }
        let definition = Arc::clone(installed.integration()?);
        let declared =
            definition.install.as_ref().and_then(|install| install.page.clone()).ok_or_else(none)?;
        let environment = store.get_environment(&environment_id).await?;
        Ok(AppPage {
            installed,
            platform: definition.label.clone(),
            frame_ancestors: declared.frame_ancestors.clone(),
            settings: LinkSettings::of(&environment),
            theme: declared.theme.clone(),
            declared,
        })
    }

    /// How the connection of the account stands that the page is opened for, told to none but a user of the platform with access to it.
    /// `parameter` gives the page's query.
    pub async fn app_state(
        &self,
        page: &AppPage,
        parameter: impl Fn(&str) -> String,
    ) -> Result<AppState, Error> {
        let (name, token) = (parameter(&page.declared.account), parameter(&page.declared.token));
        if token.is_empty() {
            return Ok(AppState::Stranger);
        }
        let integration = page.installed.integration()?;
        let Some(install) = &integration.install else { return Ok(AppState::Missing) };
        let Ok(name) = crate::install::name(&page.installed, install, &name) else {
            return Ok(AppState::Stranger);
        };
        let mut context = Map::from_iter([(install.context.clone(), name.clone())]);
        page.installed.provide(integration, &mut context);
        let (resource, method) = &page.declared.user;
        let method = integration.resource(resource).and_then(|resource| resource.method(method));
        let method = method.map_err(|unknown| Error::NotFound(unknown.to_string()))?;
        let header = &page.declared.token_header;
        let request = match integration.plan_with_token(method, &Value::Object(context), header, &token) {
            // What can't stand in a header is no token.
            Err(integration::PlanError::BadHeader(_)) => return Ok(AppState::Stranger),
            planned => planned.map_err(plan_error)?,
        };
        // One call for one look: too few to take turns for.
        let asked = tokio::time::timeout(ANSWER, self.0.parts.upstream.send(request, None)).await;
        match asked {
            Ok(Ok(answer)) if answer.status.is_success() => {}
            Ok(Ok(answer)) if answer.status.is_client_error() && answer.status.as_u16() != 429 => {
                return Ok(AppState::Stranger);
            }
            _ => return Ok(AppState::Unavailable),
        }
        let accounts = self.accounts_named(&page.installed, &install.context, &name).await?;
        // Of several, the one that works.
        let works = |account: &&IntegratedAccount| account.status == AccountStatus::Active;
        let Some(account) = accounts.iter().find(works).or(accounts.last()) else {
            return Ok(AppState::Missing);
        };
        Ok(match account.status {
            AccountStatus::Active => AppState::Active,
            AccountStatus::Connecting => AppState::Connecting,
            _ => {
                let problem = account.last_error.as_ref().map(|error| error["problem"].clone());
                AppState::Broken(problem.and_then(|problem| serde_json::from_value(problem).ok()))
            }
        })
    }
}
