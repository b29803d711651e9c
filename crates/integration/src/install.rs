//! What a platform's app store tells when a customer installs or uninstalls the product's app there, and the app's page within the
//! platform's own pages.

use http::header::HeaderName;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::compiled::{Mistake, Resource};
use crate::near::Unknown;

/// What the platform tells, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InstallDefinition {
    pub account: String,
    pub context: String,
    pub settings: String,
    #[serde(default)]
    pub without: Vec<String>,
    #[serde(default)]
    pub page: Option<PageDefinition>,
}

/// The app's page, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageDefinition {
    pub account: String,
    pub token: String,
    #[serde(default)]
    pub theme: Option<String>,
    pub user: UserDefinition,
    pub frame_ancestors: Vec<String>,
}

/// How the page's user is asked for, as it is written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserDefinition {
    pub resource: String,
    pub method: String,
    pub header: String,
}

/// What the platform tells of an account that installed the app.
#[derive(Debug, Clone)]
pub struct Install {
    /// The key of what it sends that names the account.
    pub account: String,
    /// The field of the credential form that this name fills.
    pub context: String,
    /// The key of the account's context that gets what the customer filled in on installing.
    pub settings: String,
    /// Keys of what it sends that are not kept.
    pub without: Vec<String>,
    /// The app's page.
    pub page: Option<AppPage>,
}

/// The app's page within the platform's own.
#[derive(Debug, Clone)]
pub struct AppPage {
    /// The query parameter that names the account.
    pub account: String,
    /// The query parameter with the token of the platform's user.
    pub token: String,
    /// The query parameter that says `dark` or `light`.
    pub theme: Option<String>,
    /// Resource and method that tell who a token is of, and refuse one that has no access to the account.
    pub user: (String, String),
    /// The header that the token goes into, as it is.
    pub token_header: HeaderName,
    /// Whose pages may show it in a frame: sources as Content-Security-Policy has them.
    pub frame_ancestors: Vec<String>,
}

/// What a call told.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The account's own name.
    pub account: String,
    /// What the customer filled in on installing.
    pub settings: Map<String, Value>,
}

impl Install {
    pub(crate) fn compile<'a>(
        definition: &InstallDefinition,
        resource: impl Fn(&str) -> Result<&'a Resource, Unknown>,
        fields: &[&str],
    ) -> Result<Self, Mistake> {
        if !fields.contains(&definition.context.as_str()) {
            let unknown = Unknown::new("field", &definition.context, fields.iter().copied());
            return Err(Mistake::at(&["install", "context"], unknown.to_string()));
        }
        let page = definition.page.as_ref().map(|page| {
            let at = ["install", "page", "user"];
            let found = resource(&page.user.resource).and_then(|resource| resource.method(&page.user.method));
            let found = found.map_err(|unknown| Mistake::at(&at, unknown.to_string()))?;
            if !found.no_auth || found.verb != http::Method::GET || found.needs_id() {
                return Err(Mistake::at(&at, "it has to be a GET with `no_auth: true` that needs no id"));
            }
            let token_header = HeaderName::from_bytes(page.user.header.as_bytes())
                .map_err(|_| Mistake::at(&at, format!("{:?} is no header name", page.user.header)))?;
            for source in &page.frame_ancestors {
                // It becomes part of a header's list.
                if source.contains([';', ',', ' ']) || !source.is_ascii() {
                    let at = ["install", "page", "frame_ancestors"];
                    return Err(Mistake::at(
                        &at,
                        format!("{source:?} is no source, such as https://*.example.com"),
                    ));
                }
            }
            Ok(AppPage {
                account: page.account.clone(),
                token: page.token.clone(),
                theme: page.theme.clone(),
                user: (page.user.resource.clone(), page.user.method.clone()),
                token_header,
                frame_ancestors: page.frame_ancestors.clone(),
            })
        });
        Ok(Self {
            account: definition.account.clone(),
            context: definition.context.clone(),
            settings: definition.settings.clone(),
            without: definition.without.clone(),
            page: page.transpose()?,
        })
    }

    /// Reads what the platform sent; `None` when it names no account.
    pub fn read(&self, mut body: Map<String, Value>) -> Option<Told> {
        let account = body.shift_remove(&self.account)?;
        let account = account.as_str().map(str::trim).filter(|name| !name.is_empty())?.to_owned();
        body.retain(|name, _| !self.without.contains(name));
        Some(Told { account, settings: body })
    }
}
