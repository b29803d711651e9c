//! Link tokens: making them, and what a presented one opens.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::{LinkTarget, Secrets, StoreError, Token};
use utoipa::ToSchema;
use uuid::Uuid;

use super::{LinkSettings, invalid_token};
use crate::accounts::check_tenant;
use crate::{Caller, CallerKind, Error, Gateway};

/// How long a token may be used (facts, Truto 6).
const LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);
/// Where accounts are kept (facts, Truto 7.1).
const REGIONS: [&str; 4] = ["wnam", "enam", "apac", "eu"];

/// Whose account to connect, and how. Say `tenant_id` for a new account, or `integrated_account_id` to connect one again.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLinkToken {
    /// The product's own id for its customer: a new account.
    pub tenant_id: Option<String>,
    /// The account to connect again; it keeps its id.
    pub integrated_account_id: Option<String>,
    /// The platform's scopes to ask for, in place of the definition's.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Offer only integrations that have records of these unified models, such as `ecommerce`.
    #[serde(default)]
    pub environment_unified_model_id: Vec<String>,
    /// Goes into the account's context, over what the person fills in. What it has is not asked for.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub context: Map<String, Value>,
    /// Where to go afterwards, without a frame or a window of its own; of an allowed origin of the environment.
    pub redirect_uri: Option<String>,
    /// Keep the account's context, and change only what is new in it. Only with `integrated_account_id`.
    #[serde(default)]
    pub persist_previous_context: bool,
    /// Taken and not acted on: all calls leave from this gateway's own addresses.
    pub truto_static_gate_id: Option<String>,
    /// `wnam`, `enam`, `apac` or `eu`; kept as it is. Only with `tenant_id`.
    pub region: Option<String>,
    /// Whether writes are refused. Only with `tenant_id`.
    pub is_sandbox: Option<bool>,
}

/// A token that was just made. Its text is shown this once.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MadeLinkToken {
    /// The token.
    pub link_token: String,
    /// When it ends; it ends before when its account becomes active.
    #[serde(serialize_with = "crate::time::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// What of a new token is kept, in the open.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct TokenSettings {
    pub scopes: Vec<String>,
    pub environment_unified_model_id: Vec<String>,
    pub redirect_uri: Option<String>,
    pub persist_previous_context: bool,
    pub truto_static_gate_id: Option<String>,
    pub region: Option<String>,
    pub is_sandbox: bool,
}

/// What a valid token opens.
pub(super) struct Session {
    pub token: store::LinkToken,
    pub settings: TokenSettings,
    pub environment: LinkSettings,
    /// What goes into the account's context.
    pub context: Secrets,
}

impl Gateway {
    /// Makes a token to connect an account with.
    pub async fn create_link_token(
        &self,
        caller: &Caller,
        new: NewLinkToken,
    ) -> Result<MadeLinkToken, Error> {
        let environment = self.environment(caller).await?;
        let target = target(&new)?;
        for model in &new.environment_unified_model_id {
            self.0
                .parts
                .models
                .get(model)
                .map_err(|unknown| Error::bad_request(format!("environment_unified_model_id: {unknown}")))?;
        }
        if let Some(uri) = new.redirect_uri.as_ref().filter(|uri| !environment.link.allows(uri)) {
            return Err(Error::bad_request(format!(
                "redirect_uri: {uri:?} is of no origin that the environment allows; add it with PATCH /environment/{{id}}: \
                 link.allowed_origins"
            )));
        }
        let settings = TokenSettings {
            scopes: new.scopes,
            environment_unified_model_id: new.environment_unified_model_id,
            redirect_uri: new.redirect_uri,
            persist_previous_context: new.persist_previous_context,
            truto_static_gate_id: new.truto_static_gate_id,
            region: new.region,
            is_sandbox: new.is_sandbox.unwrap_or_default(),
        };
        let settings = match serde_json::to_value(settings) {
            Ok(Value::Object(settings)) => settings,
            _ => Map::new(),
        };
        let now = self.0.parts.clock.now();
        let token = Token::uuid().map_err(StoreError::from)?;
        let row = store::NewLinkToken {
            environment_id: environment.id,
            target,
            settings,
            context: Secrets::from(new.context),
            expires_at: now.checked_add(LIFETIME).map_err(|error| Error::Internal(Box::new(error)))?,
        };
        let kept = self.0.parts.store.create_link_token(&row, &token.hash()).await?;
        Ok(MadeLinkToken { link_token: token.expose().to_owned(), expires_at: kept.expires_at })
    }

    /// How the page of a token's environment looks and who may show it. Those of a used or ended token are told while it is kept, for its
    /// page has to say so. An error of [`super::LinkErrorType::InvalidToken`] when the token is unknown.
    pub async fn link_settings(&self, link_token: &str) -> Result<LinkSettings, Error> {
        let store = &self.0.parts.store;
        let found = store.find_link_token(&store::token::hash(link_token)).await?;
        let token = found.ok_or_else(invalid_token)?;
        Ok(LinkSettings::of(&store.get_environment(&token.environment_id).await?))
    }

    /// The same by an integrated account token, for the page of the form.
    pub async fn account_link_settings(&self, account_token: &str) -> Result<LinkSettings, Error> {
        let (caller, _) = self.account_caller(account_token).await?;
        Ok(LinkSettings::of(&self.0.parts.store.get_environment(&caller.environment_id).await?))
    }

    /// Who comes with an integrated account token in place of a link token, and the account's id.
    pub(super) async fn account_caller(&self, account_token: &str) -> Result<(Caller, Arc<str>), Error> {
        let caller = match self.authenticate(account_token).await {
            Err(Error::Unauthenticated(_)) => return Err(invalid_token()),
            caller => caller?,
        };
        match &caller.kind {
            CallerKind::AccountToken { account_id, .. } => {
                let account_id = Arc::clone(account_id);
                Ok((caller, account_id))
            }
            CallerKind::ApiToken { .. } => Err(invalid_token()),
        }
    }

    pub(super) async fn link_session(&self, link_token: &str) -> Result<Session, Error> {
        let store = &self.0.parts.store;
        let found = store.find_link_token(&store::token::hash(link_token)).await?;
        let is_valid = |token: &store::LinkToken| {
            let is_lost = token.is_reconnect && token.integrated_account_id.is_none();
            token.used_at.is_none() && token.expires_at > self.0.parts.clock.now() && !is_lost
        };
        let token = found.filter(is_valid).ok_or_else(invalid_token)?;
        let environment = store.get_environment(&token.environment_id).await?;
        let context = store.open_link_token_context(&token).await?;
        // Written by this program: what an older one left out has its default.
        let settings = serde_json::from_value(Value::Object(token.settings.clone())).unwrap_or_default();
        Ok(Session { settings, environment: LinkSettings::of(&environment), context, token })
    }
}

fn target(new: &NewLinkToken) -> Result<LinkTarget, Error> {
    let only_new = new.region.is_some() || new.is_sandbox.is_some();
    let target = match (&new.tenant_id, &new.integrated_account_id) {
        (Some(_), Some(_)) => Err(
            "tenant_id and integrated_account_id: give one of them, tenant_id for a new account or integrated_account_id to \
             connect one again",
        ),
        (None, None) => Err(
            "tenant_id is missing: say which of your customers the account belongs to, or give integrated_account_id to connect an \
             account again",
        ),
        (Some(_), None) if new.persist_previous_context => Err(
            "persist_previous_context: a new account has none; leave it out, or give integrated_account_id",
        ),
        (None, Some(_)) if only_new => {
            Err("region and is_sandbox are said when the account is made; leave them out")
        }
        (Some(tenant), None) => {
            check_tenant(tenant)?;
            Ok(LinkTarget::Tenant(tenant.clone()))
        }
        (None, Some(account)) => Ok(LinkTarget::Account(account.clone())),
    };
    if let Some(region) = new.region.as_ref().filter(|region| !REGIONS.contains(&region.as_str())) {
        let unknown = integration::Unknown::new("region", region, REGIONS);
        return Err(Error::bad_request(unknown.to_string()));
    }
    if new.truto_static_gate_id.as_ref().is_some_and(|id| Uuid::try_parse(id).is_err()) {
        return Err(Error::bad_request("truto_static_gate_id has to be a UUID"));
    }
    target.map_err(Error::bad_request)
}
