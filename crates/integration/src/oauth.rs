//! OAuth 2: what is asked of an authorization server, and what its answers mean (RFC 6749 and 7636; facts, Truto 13.2).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use expression::{Scope, TextTemplate};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::Url;
use url::form_urlencoded::{Serializer, byte_serialize};

use crate::compiled::{Mistake, template};
use crate::definition::CredentialFormat;
use crate::error::PlanError;
use crate::plan::{self, Request};
use crate::rate_limit::Count;

/// The format whose accounts are opened by a person who says yes on the platform.
pub const OAUTH2: &str = "oauth2";
/// The format whose accounts have a client of their own.
pub const OAUTH2_CLIENT_CREDENTIALS: &str = "oauth2_client_credentials";

/// The product's own credentials with the platform.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ClientDefinition {
    /// The client's id.
    pub id: String,
    /// Its secret; never in an answer.
    #[serde(default, skip_serializing)]
    pub secret: Option<String>,
}

/// Where the authorization server is; hosts and paths may hold `{{context.<name>}}`.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct AuthDefinition {
    /// Such as `https://auth.example.com`.
    pub token_host: String,
    /// Such as `/oauth/token`.
    pub token_path: String,
    /// The token's host when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorize_host: Option<String>,
    /// Where people say yes; for `oauth2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorize_path: Option<String>,
    /// The token's path when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_path: Option<String>,
    /// How the client says who it is.
    #[serde(default)]
    pub authorization_method: AuthorizationMethod,
}

/// How a client says who it is (RFC 6749, 2.3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorizationMethod {
    /// Basic authentication.
    #[default]
    Header,
    /// `client_id` and `client_secret` in the form.
    Body,
}

/// How tokens are got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grant {
    /// A code that a person brings back; renewed with a refresh token, where there is one.
    AuthorizationCode,
    /// The client's own right; got anew.
    ClientCredentials,
}

/// How one format's tokens are got and renewed.
#[derive(Debug, Clone)]
pub struct Oauth {
    /// The way to a token.
    pub grant: Grant,
    /// The client that the definition has; an account or an environment may have another.
    pub client: Option<ClientDefinition>,
    /// The scopes that are asked for unless others are wanted.
    pub scope: Vec<String>,
    /// Whether the code is bound to a proof (RFC 7636).
    pub pkce: bool,
    authorize: Option<TextTemplate>,
    token: TextTemplate,
    refresh: TextTemplate,
    method: AuthorizationMethod,
    params: BTreeMap<String, String>,
    token_params: BTreeMap<String, String>,
    refresh_params: BTreeMap<String, String>,
}

/// Who asks.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its secret, where it has one.
    pub secret: Option<&'a str>,
}

/// What a person is sent to the platform with.
pub struct Authorize<'a> {
    /// The client's id.
    pub client_id: &'a str,
    /// Where the platform sends the person back to.
    pub redirect_uri: &'a str,
    /// The scopes to ask for.
    pub scope: &'a [String],
    /// What comes back with the person, and nobody can guess.
    pub state: &'a str,
    /// SHA-256 of the proof, in base64url; sent when [`Oauth::pkce`].
    pub challenge: &'a str,
}

/// An answer with a token. Secret.
pub struct Token {
    /// Opens the account.
    pub access_token: String,
    /// Renews it; where the answer has none, the one before goes on.
    pub refresh_token: Option<String>,
    /// Seconds that it is good for.
    pub expires_in: Option<u64>,
    /// What the answer has beside, without secrets: `token_type`, and whatever the platform adds.
    pub rest: Map<String, Value>,
}

/// A token that is not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TokenRefusal {
    /// The platform's status.
    pub status: u16,
    /// The code of RFC 6749, 5.2, where there is one.
    pub code: Option<String>,
    /// The platform's words, or ours.
    pub message: String,
}

impl TokenRefusal {
    /// Whether the account has to be connected again: the grant itself is not good any more. A client that is refused is the
    /// product's to mend, and anything else may pass.
    pub fn is_final(&self) -> bool {
        self.code.as_deref() == Some("invalid_grant")
    }
}

impl Oauth {
    pub(crate) fn compile(name: &str, format: &CredentialFormat) -> Result<Option<Self>, Mistake> {
        let at = |key: &'static str| ["credentials", name, key];
        let grant = match name {
            OAUTH2 => Grant::AuthorizationCode,
            OAUTH2_CLIENT_CREDENTIALS => Grant::ClientCredentials,
            _ if format.auth.is_some() => {
                let reason = format!("only {OAUTH2} and {OAUTH2_CLIENT_CREDENTIALS} have an `auth`");
                return Err(Mistake::at(&at("auth"), reason));
            }
            _ => return Ok(None),
        };
        let Some(auth) = &format.auth else {
            return Err(Mistake::at(&["credentials", name], "it needs an `auth`: tokenHost and tokenPath"));
        };
        let url = |host: &str, path: &str| template(&at("auth"), &format!("{host}{path}"), &["context"]);
        let authorize = match (&auth.authorize_path, grant) {
            (Some(path), _) => Some(url(auth.authorize_host.as_ref().unwrap_or(&auth.token_host), path)?),
            (None, Grant::AuthorizationCode) => {
                return Err(Mistake::at(&at("auth"), "it needs an `authorizePath`: where people say yes"));
            }
            (None, Grant::ClientCredentials) => None,
        };
        Ok(Some(Self {
            grant,
            client: format.client.clone(),
            scope: format.scope.clone(),
            pkce: format.pkce,
            authorize,
            token: url(&auth.token_host, &auth.token_path)?,
            refresh: url(&auth.token_host, auth.refresh_path.as_ref().unwrap_or(&auth.token_path))?,
            method: auth.authorization_method,
            params: format.params.clone(),
            token_params: format.token_params.clone(),
            refresh_params: format.refresh_params.clone(),
        }))
    }

    /// Where a person is sent to say yes. The definition's own parameters never take the place of these.
    pub fn authorize_url(&self, context: &Value, authorize: &Authorize<'_>) -> Result<Url, PlanError> {
        let template = self.authorize.as_ref().ok_or_else(|| {
            PlanError::BadPath("accounts of this kind are not opened by a person who says yes".into())
        })?;
        let mut url = url(template, context)?;
        let scope = authorize.scope.join(" ");
        let mut own = vec![
            ("response_type", "code"),
            ("client_id", authorize.client_id),
            ("redirect_uri", authorize.redirect_uri),
            ("state", authorize.state),
        ];
        if !scope.is_empty() {
            own.push(("scope", &scope));
        }
        if self.pkce {
            own.extend([("code_challenge", authorize.challenge), ("code_challenge_method", "S256")]);
        }
        let further = self.params.iter().filter(|(name, _)| own.iter().all(|(own, _)| own != name));
        url.query_pairs_mut().extend_pairs(&own).extend_pairs(further);
        Ok(url)
    }

    /// Asks for a token for the code that a person brought back.
    pub fn exchange(
        &self,
        context: &Value,
        client: Client<'_>,
        code: &str,
        redirect_uri: &str,
        verifier: &str,
    ) -> Result<Request, PlanError> {
        let mut form =
            vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirect_uri)];
        if self.pkce {
            form.push(("code_verifier", verifier));
        }
        self.request(&self.token, context, client, &form, &self.token_params)
    }

    /// Asks for a new token for a refresh token.
    pub fn refresh(&self, context: &Value, client: Client<'_>, token: &str) -> Result<Request, PlanError> {
        let form = [("grant_type", "refresh_token"), ("refresh_token", token)];
        self.request(&self.refresh, context, client, &form, &self.refresh_params)
    }

    /// Asks for a token by the client's own right.
    pub fn client_credentials(
        &self,
        context: &Value,
        client: Client<'_>,
        scope: &[String],
    ) -> Result<Request, PlanError> {
        let scope = scope.join(" ");
        let mut form = vec![("grant_type", "client_credentials")];
        if !scope.is_empty() {
            form.push(("scope", &scope));
        }
        self.request(&self.token, context, client, &form, &self.token_params)
    }

    fn request(
        &self,
        template: &TextTemplate,
        context: &Value,
        client: Client<'_>,
        form: &[(&str, &str)],
        further: &BTreeMap<String, String>,
    ) -> Result<Request, PlanError> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let mut body = Serializer::new(String::new());
        body.extend_pairs(form);
        body.extend_pairs(further.iter().filter(|(name, _)| form.iter().all(|(own, _)| own != name)));
        match (self.method, client.secret) {
            (AuthorizationMethod::Header, Some(secret)) => {
                let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = STANDARD.encode(format!("{}:{}", encoded(client.id), encoded(secret)));
                let mut value = plan::header_value(&AUTHORIZATION, format!("Basic {pair}"))?;
                value.set_sensitive(true);
                headers.insert(AUTHORIZATION, value);
            }
            // A client without a secret names itself in the form.
            (_, secret) => {
                body.append_pair("client_id", client.id);
                body.extend_pairs(secret.map(|secret| ("client_secret", secret)));
            }
        }
        Ok(Request {
            verb: http::Method::POST,
            url: url(template, context)?,
            headers,
            body: Some(Bytes::from(body.finish())),
            count: Count::Free,
        })
    }
}

fn url(template: &TextTemplate, context: &Value) -> Result<Url, PlanError> {
    let scope = Scope::new().with("context", context);
    let mut text = String::with_capacity(64);
    template.fill(&scope, &mut text, plan::encode_segment, plan::account_lacks)?;
    Url::parse(&text).map_err(|error| {
        PlanError::BadPath(format!("the authorization server's address {text:?} is no URL: {error}"))
    })
}

/// Reads the answer of an authorization server. A token that is not given may come with any status.
pub fn read_token(status: u16, body: &[u8]) -> Result<Token, TokenRefusal> {
    let mut fields: Map<String, Value> = serde_json::from_slice(body).unwrap_or_default();
    let text = |value: Option<Value>| match value {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        _ => None,
    };
    let code = text(fields.get("error").cloned());
    match text(fields.shift_remove("access_token")) {
        Some(access_token) if (200..300).contains(&status) && code.is_none() => Ok(Token {
            access_token,
            refresh_token: text(fields.shift_remove("refresh_token")),
            expires_in: fields.shift_remove("expires_in").as_ref().and_then(seconds),
            rest: {
                fields.retain(|name, value| {
                    !SECRET_LIKE.iter().any(|word| name.contains(word)) && is_plain(value)
                });
                fields
            },
        }),
        _ => {
            let message = text(fields.shift_remove("error_description"))
                .or_else(|| code.clone())
                .unwrap_or_else(|| format!("the authorization server answered {status} without a token"));
            let message = message.chars().take(MESSAGE_LIMIT).collect();
            Err(TokenRefusal { status, code, message })
        }
    }
}

/// The longest message that is taken from an answer, in characters.
const MESSAGE_LIMIT: usize = 500;
/// Names of what platforms put beside a token that may open something as well.
const SECRET_LIKE: [&str; 4] = ["secret", "id_token", "password", "_key"];

fn is_plain(value: &Value) -> bool {
    !matches!(value, Value::Object(_) | Value::Array(_))
}

/// Some servers write the number as text.
fn seconds(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => {
            number.as_u64().or_else(|| number.as_f64().map(|seconds| seconds.max(0.0) as u64))
        }
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}
