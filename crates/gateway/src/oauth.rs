//! OAuth 2 tokens: kept with their accounts, renewed before they end and when the platform refuses them.
//!
//! One node renews at a time: a lease says which, and the others go on with the token there is, or wait for the new one where it has ended.
//! A platform may give a new refresh token with each access token and take the old one for used, so a renewal runs to its end whatever
//! becomes of the call that began it, and its token is written over the very one that was used.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use http::HeaderMap;
use integration::oauth::{Client, Grant, Oauth, Token, TokenRefusal, read_token};
use integration::{Credentials, RemoteError, RemoteErrorKind, Request};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use store::{AccountPatch, AccountStatus, IntegratedAccount, Lease};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};
use tokio::time::Instant;

use crate::error::Remote;
use crate::fetch::{SECRET_LENGTH, collect_texts, plan_error};
use crate::resolve::Connected;
use crate::{Error, Gateway, events, time};

/// A token is renewed so long before it ends, or half of its life where that is shorter. Truto's own lead is not known.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);
/// A node that renews has so long; the others then take it for dead.
const LEASE: SignedDuration = SignedDuration::from_secs(30);
/// The authorization server has so long to answer, which leaves time to write what it says.
const ANSWER: Duration = Duration::from_secs(20);
/// How large an answer may be, in bytes.
const ANSWER_BODY: usize = 256 * 1024;
/// How often it is looked whether another node is done.
const LOOK: Duration = Duration::from_millis(100);
/// A new token is written so often until it is given up.
const WRITES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How a token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    Fresh,
    /// Good, but not for long.
    Ageing,
    Ended,
}

/// Accounts whose tokens are renewed by this node, each one at a time.
#[derive(Default)]
pub(crate) struct Renewals(Mutex<HashMap<String, Weak<AsyncMutex<()>>>>);

impl Renewals {
    fn of(&self, account_id: &str) -> Arc<AsyncMutex<()>> {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|_, renewal| renewal.strong_count() > 0);
        if let Some(renewal) = running.get(account_id).and_then(Weak::upgrade) {
            return renewal;
        }
        let renewal = Arc::new(AsyncMutex::new(()));
        running.insert(account_id.to_owned(), Arc::downgrade(&renewal));
        renewal
    }
}

impl Gateway {
    /// Whether the account needs no other token: it has none, or one that is good and not about to end.
    pub(crate) fn has_good_token(&self, connected: &Connected) -> bool {
        oauth(connected)
            .is_none_or(|oauth| age(&connected.account, oauth, self.0.parts.clock.now()) == Age::Fresh)
    }

    /// The account with a good token, where there is one to be had; otherwise the platform is to say so.
    pub(crate) async fn with_good_token(
        &self,
        connected: &Connected,
    ) -> Result<Option<Arc<Connected>>, Error> {
        let Some(oauth) = oauth(connected) else { return Ok(None) };
        let now = self.0.parts.clock.now();
        let account = &connected.account;
        let latest = self.load_connected(&account.environment_id, &account.id).await?;
        match age(&latest.account, oauth, now) {
            Age::Fresh => Ok(Some(latest)),
            // Told already: only connecting it again helps, or renewing it by hand.
            _ if latest.account.status == AccountStatus::NeedsReauth => Ok(Some(latest)),
            Age::Ageing => match self.renew(&latest, None, false).await {
                Ok(renewed) => Ok(Some(renewed.unwrap_or(latest))),
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(
                        account = latest.account.id,
                        error,
                        "a token was not renewed ahead of its end"
                    );
                    Ok(Some(latest))
                }
            },
            Age::Ended => Ok(Some(self.renew(&latest, None, true).await?.unwrap_or(latest))),
        }
    }

    /// The account with another token than the one that the platform has just refused; `None` where there is none to be had.
    pub(crate) async fn with_other_token(
        &self,
        connected: &Connected,
        refused: &Credentials,
    ) -> Option<Arc<Connected>> {
        oauth(connected)?;
        if connected.account.status == AccountStatus::NeedsReauth {
            return None;
        }
        let refused = access_token(refused.expose().get("oauth")).unwrap_or_default().to_owned();
        match self.renew(connected, Some(refused), true).await {
            Ok(renewed) => renewed,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(account = connected.account.id, error, "a refused token was not renewed");
                None
            }
        }
    }

    /// Renews a token whatever its age.
    pub(crate) async fn renew_now(&self, connected: &Connected) -> Result<Option<Arc<Connected>>, Error> {
        let secrets = self.0.parts.store.open_account_secrets(&connected.account).await?;
        let token = access_token(secrets.get("oauth")).unwrap_or_default();
        self.renew(connected, Some(token.to_owned()), true).await
    }

    /// Renews a token, unless others do or have done. `replace` is the one that is no good, whatever its age. With `wait`, others are waited
    /// for, since without a new token nothing goes on. `None` where the account has nothing to renew with, or others renew.
    async fn renew(
        &self,
        connected: &Connected,
        replace: Option<String>,
        wait: bool,
    ) -> Result<Option<Arc<Connected>>, Error> {
        let (environment_id, id) = (&connected.account.environment_id, &connected.account.id);
        let mine = self.0.renewals.of(id);
        let guard = match wait {
            true => mine.lock_owned().await,
            false => match mine.try_lock_owned() {
                Ok(guard) => guard,
                Err(_) => return Ok(None),
            },
        };
        let until = Instant::now() + LEASE.unsigned_abs();
        let lease = loop {
            if let Some(renewed) = self.renewed(environment_id, id, replace.as_deref()).await? {
                return Ok(Some(renewed));
            }
            match self.0.parts.store.take_lease(&format!("oauth/{id}"), LEASE).await? {
                Some(lease) => break lease,
                None if !wait => return Ok(None),
                None if Instant::now() >= until => return Err(Error::Down { retry_after: LOOK }),
                None => tokio::time::sleep(LOOK).await,
            }
        };
        let (gateway, seen) = (self.clone(), connected.account.clone());
        let renewing = async move { gateway.renew_as_holder(&seen, replace, lease, guard).await };
        self.0.tasks.spawn(renewing).await.map_err(|error| Error::Internal(Box::new(error)))?
    }

    /// The account, when it has another token by now than the one that is to be replaced.
    async fn renewed(
        &self,
        environment_id: &str,
        id: &str,
        replace: Option<&str>,
    ) -> Result<Option<Arc<Connected>>, Error> {
        let account = self.0.parts.store.get_integrated_account(environment_id, id).await?;
        let secrets = self.0.parts.store.open_account_secrets(&account).await?;
        let connected = self.connect_parts(account).await?;
        let Some(oauth) = oauth(&connected) else { return Ok(None) };
        let token = access_token(secrets.get("oauth"));
        let is_other = match replace {
            Some(replace) => token.is_some_and(|token| token != replace),
            None => age(&connected.account, oauth, self.0.parts.clock.now()) == Age::Fresh,
        };
        if !is_other {
            return Ok(None);
        }
        self.0.at_hand.forget_account(id).await;
        Ok(Some(Arc::new(connected)))
    }

    async fn renew_as_holder(
        &self,
        seen: &IntegratedAccount,
        replace: Option<String>,
        lease: Lease,
        _guard: OwnedMutexGuard<()>,
    ) -> Result<Option<Arc<Connected>>, Error> {
        let result = self.renew_alone(seen, replace.as_deref()).await;
        // One that can't be given back ends by itself.
        if let Err(error) = self.0.parts.store.give_back_lease(lease).await {
            let error = &error as &dyn std::error::Error;
            tracing::warn!(account = seen.id, error, "a lease was not given back");
        }
        result
    }

    async fn renew_alone(
        &self,
        seen: &IntegratedAccount,
        replace: Option<&str>,
    ) -> Result<Option<Arc<Connected>>, Error> {
        let (environment_id, id) = (&seen.environment_id, &seen.id);
        // Another node may have been done between the last look and the lease.
        if let Some(renewed) = self.renewed(environment_id, id, replace).await? {
            return Ok(Some(renewed));
        }
        let account = self.0.parts.store.get_integrated_account(environment_id, id).await?;
        // Or have been told that there is none to be had, which is asked once.
        if account.status == AccountStatus::NeedsReauth && seen.status != account.status {
            return Ok(None);
        }
        let connected = self.connect_parts(account).await?;
        let Some(oauth) = oauth(&connected) else { return Ok(None) };
        let credentials = self.stored_credentials(&connected).await?;
        let secrets = credentials.expose();
        let client = client(oauth, &connected.account, secrets)?;
        let context = &connected.context;
        let used = secrets["oauth"]["token"]["refresh_token"].as_str();
        let request = match (oauth.grant, used) {
            (Grant::ClientCredentials, _) => {
                oauth.client_credentials(context, client, &scope(&connected.account, oauth))
            }
            (Grant::AuthorizationCode, Some(token)) => oauth.refresh(context, client, token),
            (Grant::AuthorizationCode, None) => return Ok(None),
        };
        match self.ask_token(request.map_err(plan_error)?).await? {
            Ok(token) => {
                self.keep_token(&connected, secrets, &token).await?;
                tracing::info!(account = id, "an account's token was renewed");
                self.load_connected(environment_id, id).await.map(Some)
            }
            Err(refusal) => {
                let refusal = without_secrets(refusal, secrets);
                Err(self.was_not_renewed(&connected, oauth, &refusal).await)
            }
        }
    }

    /// Asks an authorization server for a token.
    pub(crate) async fn ask_token(&self, request: Request) -> Result<Result<Token, TokenRefusal>, Error> {
        let asked = async {
            let answer = self.0.parts.upstream.send(request, None).await?;
            let status = answer.status.as_u16();
            Ok::<_, Error>((status, answer.body.bytes(ANSWER_BODY).await?))
        };
        let (status, body) = tokio::time::timeout(ANSWER, asked).await.map_err(|_| {
            Error::BadAnswer(format!(
                "the platform's authorization server gave no token within {} seconds",
                ANSWER.as_secs()
            ))
        })??;
        Ok(read_token(status, &body))
    }

    /// Writes a new token over the one that was used. It is the only way into the account, so that a database that does not answer is
    /// asked again. Where someone connected the account meanwhile, theirs stays.
    async fn keep_token(
        &self,
        connected: &Connected,
        used: &Value,
        token: &Token,
    ) -> Result<IntegratedAccount, Error> {
        let (environment_id, id) = (&connected.account.environment_id, &connected.account.id);
        let parts = token_parts(token, self.0.parts.clock.now());
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let decide = |account: &IntegratedAccount, kept: &Map<String, Value>| {
                if kept.get("oauth").unwrap_or(&Value::Null) != &used["oauth"] {
                    return AccountPatch::default();
                }
                let mut patch = parts.patch(account, kept);
                if account.status == AccountStatus::NeedsReauth {
                    patch.status = Some(AccountStatus::Active);
                    patch.last_error = Some(None);
                }
                patch
            };
            let kept = self.change_telling(environment_id, id, None, decide, events::of_renewed_token).await;
            match kept {
                Err(Error::Unavailable(_) | Error::Conflict(_)) if attempt < WRITES => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                kept => return kept,
            }
        }
        Err(Error::Conflict("the account is being changed by others; try again".into()))
    }

    /// Notes that a token can't be renewed. What may pass changes nothing.
    async fn was_not_renewed(&self, connected: &Connected, oauth: &Oauth, refusal: &TokenRefusal) -> Error {
        let account = &connected.account;
        let is_own_client = oauth.grant == Grant::ClientCredentials && own_client(account).is_some();
        let is_refused = refusal.code.as_deref() == Some("invalid_client") || refusal.status == 401;
        let is_final = refusal.is_final() || (is_own_client && is_refused);
        if !is_final {
            return Error::BadAnswer(format!(
                "the platform's authorization server gives no token: {}{}",
                refusal.message,
                if is_refused { "; check the client's id and secret" } else { "" }
            ));
        }
        let error = RemoteError {
            status: 401,
            kind: RemoteErrorKind::Unauthorized,
            message: refusal.message.clone(),
            raw_response: json!({"error": refusal.code, "error_description": refusal.message}),
            insight: json!({"remote_error": {"description": refusal.message}}),
            retry_after: None,
        };
        self.was_refused(connected, "_", "refresh_token", &error).await;
        Error::Remote(Box::new(Remote { error, headers: HeaderMap::new() }))
    }
}

/// A refusal without what it repeats of what it was asked with.
pub(crate) fn without_secrets(mut refusal: TokenRefusal, secrets: &Value) -> TokenRefusal {
    let mut texts = Vec::new();
    collect_texts(secrets, &mut texts);
    for text in texts.iter().filter(|text| text.len() >= SECRET_LENGTH) {
        refusal.message = refusal.message.replace(text.as_str(), "***");
    }
    refusal
}

/// How the account's tokens are got; `None` where it has none.
fn oauth(connected: &Connected) -> Option<&Oauth> {
    connected.integration.oauth(&connected.account.authentication_method)
}

fn age(account: &IntegratedAccount, oauth: &Oauth, now: Timestamp) -> Age {
    let token = account.context.get("oauth").and_then(|oauth| oauth.get("token"));
    let Some(token) = token else {
        // One that was brought along without a word of its end is taken to be good.
        return match oauth.grant {
            Grant::AuthorizationCode => Age::Fresh,
            Grant::ClientCredentials => Age::Ended,
        };
    };
    let Some(ends) = token["expires_at"].as_str().and_then(|ends| ends.parse::<Timestamp>().ok()) else {
        return Age::Fresh;
    };
    let half =
        token["expires_in"].as_i64().map_or(AHEAD, |seconds| SignedDuration::from_secs(seconds.max(0)) / 2);
    if ends <= now {
        Age::Ended
    } else if ends.duration_since(now) <= AHEAD.min(half) {
        Age::Ageing
    } else {
        Age::Fresh
    }
}

/// The scopes of an account: those that its link asked for, or the definition's.
fn scope(account: &IntegratedAccount, oauth: &Oauth) -> Vec<String> {
    let own = account.context.get("oauth").and_then(|oauth| oauth["scope"].as_array());
    match own {
        Some(own) => own.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        None => oauth.scope.clone(),
    }
}

fn own_client(account: &IntegratedAccount) -> Option<&str> {
    account.context.get("client_id").and_then(Value::as_str)
}

/// Who asks for the account's tokens: its own client, the environment's, or the definition's.
pub(crate) fn client<'a>(
    oauth: &'a Oauth,
    account: &'a IntegratedAccount,
    secrets: &'a Value,
) -> Result<Client<'a>, Error> {
    client_of(oauth, own_client(account), secrets)
}

/// As [`client`], before there is an account.
pub(crate) fn client_of<'a>(
    oauth: &'a Oauth,
    own: Option<&'a str>,
    secrets: &'a Value,
) -> Result<Client<'a>, Error> {
    let defined = oauth.client.as_ref();
    let id = own.or(defined.map(|client| client.id.as_str())).ok_or_else(|| {
        Error::Conflict(
            "the integration has no client of yours: give `override.credentials.<format>.client` with PATCH \
             /environment-integration/{id}"
                .into(),
        )
    })?;
    let secret = secrets["client_secret"].as_str();
    Ok(Client { id, secret: secret.or(defined.and_then(|client| client.secret.as_deref())) })
}

/// The access token of what `oauth` holds among an account's secrets.
fn access_token(oauth: Option<&Value>) -> Option<&str> {
    oauth?["token"]["access_token"].as_str()
}

/// A token as it is kept: what may be shown, and what is sealed (facts, Truto 8.4).
pub(crate) struct TokenParts {
    /// Goes into the account's context.
    pub(crate) context: Map<String, Value>,
    /// Goes into its secrets.
    pub(crate) secrets: Map<String, Value>,
}

/// Takes a token apart.
pub(crate) fn token_parts(token: &Token, now: Timestamp) -> TokenParts {
    let mut shown = token.rest.clone();
    let granted = shown.shift_remove("scope");
    shown.insert("issued_at".into(), time::text(now).into());
    let ends = token.expires_in.map(|seconds| (seconds, ends(now, seconds)));
    shown.insert("expires_in".into(), ends.as_ref().map(|(seconds, _)| *seconds).into());
    shown.insert("expires_at".into(), ends.map(|(_, ends)| ends).into());
    let mut oauth = Map::from_iter([("token".to_owned(), Value::Object(shown))]);
    if let Some(granted) = granted.as_ref().and_then(Value::as_str) {
        let granted: Vec<&str> = granted.split([' ', ',']).filter(|scope| !scope.is_empty()).collect();
        oauth.insert("scope".into(), granted.into());
    }
    let mut sealed = Map::from_iter([("access_token".to_owned(), Value::from(token.access_token.as_str()))]);
    if let Some(refresh) = &token.refresh_token {
        sealed.insert("refresh_token".into(), refresh.as_str().into());
    }
    TokenParts {
        context: Map::from_iter([("oauth".to_owned(), Value::Object(oauth))]),
        secrets: Map::from_iter([("oauth".to_owned(), json!({ "token": sealed }))]),
    }
}

impl TokenParts {
    fn patch(&self, account: &IntegratedAccount, kept: &Map<String, Value>) -> AccountPatch {
        let (mut context, mut secrets) = (account.context.clone(), kept.clone());
        crate::accounts::merge_context(&mut context, self.context.clone());
        crate::accounts::merge_context(&mut secrets, self.secrets.clone());
        AccountPatch { context: Some(context), secrets: Some(secrets.into()), ..AccountPatch::default() }
    }
}

/// Says when a token ends that someone brought along with how long it is good for, counted from now.
pub(crate) fn note_end(
    oauth: Option<&Oauth>,
    context: &mut Map<String, Value>,
    secrets: &Map<String, Value>,
    now: Timestamp,
) {
    let is_new = oauth.is_some()
        && secrets.get("oauth").is_some_and(|oauth| oauth["token"]["access_token"].is_string());
    let token = context.get_mut("oauth").and_then(|oauth| oauth.get_mut("token"));
    let Some(token) = token.and_then(Value::as_object_mut).filter(|_| is_new) else { return };
    if !token.contains_key("expires_at") {
        // The end of the token before is none of this one's.
        let seconds = token.get("expires_in").and_then(Value::as_u64);
        token.insert("expires_at".into(), seconds.map(|seconds| ends(now, seconds)).into());
    }
}

fn ends(now: Timestamp, seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    time::text(now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(Timestamp::MAX))
}
