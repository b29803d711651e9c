//! Connecting an account whose platform asks the person itself whether they agree (OAuth 2 with a code, RFC 6749 4.1 and 7636).
//!
//! What comes back from the platform is taken only together with the link token of the page that sent the person there: who is made to open
//! another's address connects nothing by that. It is taken once, and for ten minutes.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use integration::oauth::{Authorize, Grant};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use store::{Secrets, StoreError, Token};
use tokio::sync::mpsc::UnboundedReceiver;
use utoipa::ToSchema;

use super::LinkErrorType;
use super::connect::{Given, LinkLine, LinkResult, LinkStep, Prepared};
use super::tokens::Session;
use crate::accounts::{Problem, filled_in};
use crate::fetch::plan_error;
use crate::oauth::{client_of, token_parts, without_secrets};
use crate::{Error, Gateway};

/// How long a person may take at the platform.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// So much of what a platform says is repeated, in characters.
const SAID: usize = 200;
/// What states and proofs begin with.
const STATE: &str = "decant_state";
const PROOF: &str = "decant_proof";

/// What a person came back from the platform with.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkCallbackRequest {
    /// The link token of the page that sent them.
    pub link_token: String,
    /// What they were sent with.
    pub state: String,
    /// The platform's word that they agree.
    pub code: Option<String>,
    /// Why there is none.
    pub error: Option<String>,
    /// The same in words.
    pub error_description: Option<String>,
}

/// What an attempt goes on with once the person is back. Sealed while they are away.
#[derive(Serialize, Deserialize)]
struct Attempt {
    link_token_id: String,
    integration: String,
    method: String,
    values: Map<String, Value>,
    scope: Vec<String>,
    verifier: String,
    redirect_uri: String,
}

impl Gateway {
    /// Where to send the person; what is filled in is kept until they come back. `None` where the account is connected by what is filled
    /// in alone.
    pub(super) async fn sign_in(
        &self,
        session: &Session,
        prepared: &Prepared,
        given: &Given,
        public_url: &str,
    ) -> Result<Option<LinkStep>, Error> {
        let Prepared { installed, integration, .. } = prepared;
        let oauth = integration.oauth(&given.method);
        let Some(oauth) = oauth.filter(|oauth| oauth.grant == Grant::AuthorizationCode) else {
            return Ok(None);
        };
        // Whoever brings a token along needs not be asked.
        if given.context.get("oauth").is_some_and(|oauth| oauth["token"]["access_token"].is_string()) {
            return Ok(None);
        }
        let (context, secrets) = self.asking(prepared, given).await?;
        let client = client_of(oauth, context["client_id"].as_str(), &secrets)?;
        let (state, verifier) = (generate(STATE)?, generate(PROOF)?);
        let asked = &session.settings.scopes;
        let attempt = Attempt {
            link_token_id: session.token.id.clone(),
            integration: installed.row.integration.clone(),
            method: given.method.clone(),
            values: given.values.clone(),
            scope: if asked.is_empty() { oauth.scope.clone() } else { asked.clone() },
            verifier: verifier.expose().to_owned(),
            redirect_uri: format!("{public_url}/connect-account/callback"),
        };
        let authorize = Authorize {
            client_id: client.id,
            redirect_uri: &attempt.redirect_uri,
            scope: &attempt.scope,
            state: state.expose(),
            challenge: &URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.expose().as_bytes())),
        };
        let url = oauth.authorize_url(&context, &authorize).map_err(plan_error)?.into();
        let now = self.0.parts.clock.now();
        let ends = now.checked_add(LIFETIME).map_err(|error| Error::Internal(Box::new(error)))?;
        let kept = match serde_json::to_value(&attempt) {
            Ok(Value::Object(kept)) => Secrets::from(kept),
            _ => Secrets::default(),
        };
        let environment_id = &session.token.environment_id;
        self.0.parts.store.create_oauth_state(environment_id, &state.hash(), &kept, ends).await?;
        Ok(Some(LinkStep::Redirect { url }))
    }

    /// What an authorization server is asked with, before there is an account: its context to be, and the environment's secrets.
    async fn asking(&self, prepared: &Prepared, given: &Given) -> Result<(Value, Value), Error> {
        let Prepared { installed, integration, .. } = prepared;
        let split =
            filled_in(integration, &given.method, given.context.clone(), false, installed.provided())?;
        let mut context = split.context;
        installed.provide(integration, &mut context);
        let secrets = self.0.parts.store.open_environment_integration_secrets(&installed.row).await?;
        Ok((Value::Object(context), Value::Object(secrets.expose().clone())))
    }

    /// Goes on connecting with what the person came back with. The lines are those of [`Gateway::link_connect`].
    pub async fn link_callback(
        &self,
        request: LinkCallbackRequest,
    ) -> Result<UnboundedReceiver<LinkLine>, Error> {
        let session = self.link_session(&request.link_token).await?;
        let found = self.0.parts.store.take_oauth_state(&store::token::hash(&request.state)).await?;
        let attempt = found
            .filter(|found| found.environment_id == session.token.environment_id)
            .and_then(|found| {
                serde_json::from_value::<Attempt>(Value::Object(found.secrets.expose().clone())).ok()
            })
            .filter(|attempt| attempt.link_token_id == session.token.id)
            .ok_or_else(|| {
                failed("this way back was used before, took too long, or began elsewhere; begin again")
            })?;
        let (link_token, name) = (session.token.clone(), attempt.integration.clone());
        let is_denied = request.code.is_none() && request.error.as_deref() == Some("access_denied");
        Ok(self.telling(link_token, name, move |gateway, lines| async move {
            if is_denied {
                return Ok(Some(LinkResult::Error {
                    error: "access was not agreed to".into(),
                    error_type: LinkErrorType::ConnectionError,
                    integration: attempt.integration,
                    integrated_account_id: None,
                    problem: Some(Problem::AccessDenied),
                }));
            }
            let token = gateway.exchanged(&session, &request, &attempt).await?;
            let prepared = gateway.prepared(&session, &attempt.integration).await?;
            let mut given = prepared.given(&session, &attempt.values, Some(attempt.method))?;
            given.context.extend(token);
            gateway.connect_given(&session, prepared, given, &lines).await.map(Some)
        }))
    }

    /// The token for the code, as a part of the account's context.
    async fn exchanged(
        &self,
        session: &Session,
        request: &LinkCallbackRequest,
        attempt: &Attempt,
    ) -> Result<Map<String, Value>, Error> {
        let Some(code) = &request.code else {
            let said = request.error_description.as_ref().or(request.error.as_ref());
            let said = said.map_or("it did not say why", String::as_str);
            let said: String = said.chars().take(SAID).collect();
            return Err(failed(&format!("the platform gave no access: {said}")));
        };
        let prepared = self.prepared(session, &attempt.integration).await?;
        let given = prepared.given(session, &attempt.values, Some(attempt.method.clone()))?;
        let oauth = prepared.integration.oauth(&given.method).ok_or_else(|| failed("begin again"))?;
        let (context, secrets) = self.asking(&prepared, &given).await?;
        let client = client_of(oauth, context["client_id"].as_str(), &secrets)?;
        let request = oauth
            .exchange(&context, client, code, &attempt.redirect_uri, &attempt.verifier)
            .map_err(plan_error)?;
        let token = self.ask_token(request).await?.map_err(|refusal| {
            let sent = json!([secrets, code, attempt.verifier]);
            let refusal = without_secrets(refusal, &sent);
            failed(&format!("the platform's authorization server gives no token: {refusal}"))
        })?;
        let parts = token_parts(&token, self.0.parts.clock.now());
        let mut whole = parts.context;
        crate::accounts::merge_context(&mut whole, parts.secrets);
        if let Some(oauth) = whole.get_mut("oauth").and_then(Value::as_object_mut) {
            // What is granted is what was asked for, where the platform does not say (RFC 6749, 5.1).
            oauth.entry("scope").or_insert_with(|| attempt.scope.clone().into());
        }
        Ok(whole)
    }
}

fn generate(prefix: &str) -> Result<Token, Error> {
    Ok(Token::generate(prefix).map_err(StoreError::from)?)
}

fn failed(message: &str) -> Error {
    Error::Link { error_type: LinkErrorType::ConnectionError, message: message.to_owned() }
}
