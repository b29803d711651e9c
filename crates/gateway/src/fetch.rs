//! One request to the platform: planned, sent, its answer understood, the account's state kept true.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method as Verb};
use integration::{
    Credentials, Inputs, Integration, Method, PageRequest, PlanError, RemoteError, Request, Resource, Style,
};
use serde_json::{Map, Value};
use upstream::{Body, Response};

use crate::error::Remote;
use crate::log::Record;
use crate::outcome::after_sending;
use crate::resolve::Connected;
use crate::writes::Writes;
use crate::{Error, Gateway, Outcome, metrics};

/// How much of an error answer is read.
const ERROR_BODY: usize = 1024 * 1024;
/// Secrets shorter than this are not looked for in the platform's words: they would blot out ordinary text.
const SECRET_LENGTH: usize = 6;

/// A call of an account's method, from which its requests are made.
pub(crate) struct Call<'a> {
    pub(crate) gateway: &'a Gateway,
    pub(crate) connected: &'a Connected,
    pub(crate) record: Option<&'a Record>,
    /// As the caller named them; for the account's last errors.
    pub(crate) resource: &'a str,
    pub(crate) method: &'a str,
}

/// What one request asks for.
pub(crate) struct Ask<'a> {
    pub(crate) resource: &'a Resource,
    pub(crate) method: &'a Method,
    pub(crate) id: Option<&'a str>,
    pub(crate) query: &'a Map<String, Value>,
    pub(crate) page: Option<(&'a Style, &'a PageRequest)>,
}

impl Call<'_> {
    /// Sends a request of a declared method, with a body where there is one. An error of the platform is [`Error::Remote`].
    pub(crate) async fn ask(
        &self,
        ask: &Ask<'_>,
        stream: Option<(Body, Option<HeaderValue>)>,
    ) -> Result<Response, Error> {
        let credentials = self.gateway.open_credentials(self.connected).await?;
        let inputs = Inputs {
            id: ask.id,
            query: ask.query,
            body: None,
            context: &self.connected.context,
            credentials: &credentials,
        };
        let mut request = self.integration().plan(ask.method, &inputs, ask.page).map_err(plan_error)?;
        let stream = stream.map(|(body, content_type)| {
            if let Some(content_type) = content_type {
                request.headers.insert(header::CONTENT_TYPE, content_type);
            }
            body
        });
        self.send(request, stream, Some(ask.resource), &credentials).await
    }

    /// As [`Call::ask`], with the answer read into memory as text.
    pub(crate) async fn ask_text(&self, ask: &Ask<'_>) -> Result<Text, Error> {
        let answer = self.ask(ask, None).await?;
        let read = async { Text::of(require_success(answer)?.bytes().await?) };
        read.await.map_err(|error| after_sending(&ask.method.verb, error))
    }

    /// Sends any request; a status of 400 or more is [`Error::Remote`].
    ///
    /// Every write passes here: a sandbox account is refused, and an error says what became of it. The exchange is boxed: it is large, and
    /// part of every call's future.
    pub(crate) async fn send(
        &self,
        request: Request,
        stream: Option<Body>,
        resource: Option<&Resource>,
        credentials: &Credentials,
    ) -> Result<Response, Error> {
        if request.verb.is_safe() {
            return Box::pin(self.exchange(request, stream, resource, credentials)).await;
        }
        self.refuse_sandbox_write(&request.verb)?;
        self.writes().begin()?;
        let answer = Box::pin(self.exchange(request, stream, resource, credentials)).await;
        answer.map_err(|error| {
            let outcome = Outcome::of(&error);
            if outcome == Outcome::NotApplied {
                self.writes().was_not_applied();
            }
            error.with_outcome(outcome)
        })
    }

    /// Sends a request and makes sense of its answer.
    async fn exchange(
        &self,
        request: Request,
        stream: Option<Body>,
        resource: Option<&Resource>,
        credentials: &Credentials,
    ) -> Result<Response, Error> {
        let (verb, url) = (request.verb.clone(), request.url.clone());
        let mut secrets = sensitive_texts(&request.headers);
        let started = Instant::now();
        let sent = self.gateway.0.parts.upstream.send(request, stream).await;
        let took = started.elapsed();
        let outcome = sent.as_ref().map_or("none", |answer| metrics::category(answer.status.as_u16()));
        metrics::sent(&self.integration().name, outcome, took);
        if let Some(record) = self.record {
            record.sent(&verb, &url, took);
        }
        let answer = sent?;
        if answer.status.is_informational() {
            return Err(Error::BadAnswer(format!(
                "the platform answered {}, a change of protocol that nobody asked for",
                answer.status.as_u16()
            )));
        }
        if answer.status.as_u16() < 400 {
            self.gateway.went_through(self.connected, self.resource, self.method).await;
            return Ok(answer);
        }
        let mut headers = answer.headers.clone();
        // An error body that can't be read whole does not hide the status.
        let body = answer.body.bytes(ERROR_BODY).await.unwrap_or_default();
        let status = answer.status.as_u16();
        collect_texts(credentials.expose(), &mut secrets);
        secrets.retain(|secret| secret.len() >= SECRET_LENGTH);
        // Here as well, before long texts are cut short: a part of a secret is not found afterwards.
        let body = without_secrets(body, &secrets);
        let mut error = self.integration().recognise(resource, status, &headers, &body);
        hide_secrets(&mut error, &mut headers, &secrets);
        if let Some(record) = self.record
            && error.kind == integration::RemoteErrorKind::Unauthorized
        {
            record.needs_reauth();
        }
        Box::pin(self.gateway.was_refused(self.connected, self.resource, self.method, &error)).await;
        keep_answer_headers(&mut headers);
        for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG] {
            headers.remove(name);
        }
        Err(Error::Remote(Box::new(Remote { error, headers })))
    }

    pub(crate) fn integration(&self) -> &Arc<Integration> {
        &self.connected.integration
    }

    /// What the call has sent of writes. What connects an account is no call of the data plane, and counts nowhere.
    pub(crate) fn writes(&self) -> Cow<'_, Writes> {
        self.record.map_or_else(|| Cow::Owned(Writes::default()), |record| Cow::Borrowed(record.writes()))
    }

    /// Refuses what would change a sandbox account (facts, Truto 3): `405`.
    pub(crate) fn refuse_sandbox_write(&self, verb: &Verb) -> Result<(), Error> {
        if self.connected.account.is_sandbox && !verb.is_safe() {
            return Err(Error::MethodNotAllowed {
                message: "this is a sandbox account: it can be read, not written to".into(),
                allow: "GET, HEAD",
            });
        }
        Ok(())
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.as_str().to_owned()
    }
}

/// An answer that is text.
pub(crate) struct Text(Bytes);

impl Text {
    pub(crate) fn of(bytes: Bytes) -> Result<Self, Error> {
        match std::str::from_utf8(&bytes) {
            Ok(_) => Ok(Self(bytes)),
            Err(_) => Err(Error::BadAnswer("the platform's answer is not text in UTF-8".into())),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        // Checked when it was made; the check is a fraction of what reading JSON takes.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Requires success: what is neither success nor an error is a redirect, which is not followed.
pub(crate) fn require_success(answer: Response) -> Result<Response, Error> {
    if answer.status.is_success() {
        return Ok(answer);
    }
    let status = answer.status.as_u16();
    Err(Error::BadAnswer(format!(
        "the platform answered {status}, a redirect, which this gateway does not follow"
    )))
}

/// A call that can't be planned is the caller's to change, or the account's to be connected again.
pub(crate) fn plan_error(error: PlanError) -> Error {
    match error {
        PlanError::AccountLacks(_) => Error::Conflict(error.to_string()),
        _ => Error::bad_request(error.to_string()),
    }
}

/// Headers that speak of the platform's origin or of its session with the gateway, not of the answer.
const ORIGINS_OWN: [HeaderName; 14] = [
    header::SET_COOKIE,
    header::STRICT_TRANSPORT_SECURITY,
    header::ALT_SVC,
    header::SERVER,
    header::WWW_AUTHENTICATE,
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
    HeaderName::from_static("clear-site-data"),
    HeaderName::from_static("nel"),
    HeaderName::from_static("report-to"),
];

/// Keeps the headers that belong to the answer itself.
pub(crate) fn keep_answer_headers(headers: &mut HeaderMap) {
    for name in &ORIGINS_OWN {
        headers.remove(name);
    }
}

/// A body without what stands in it of the secrets, as they are written.
fn without_secrets(body: Bytes, secrets: &[String]) -> Bytes {
    let text = String::from_utf8_lossy(&body);
    let found: Vec<&String> = secrets.iter().filter(|secret| text.contains(secret.as_str())).collect();
    if found.is_empty() {
        return body;
    }
    found.into_iter().fold(text.into_owned(), |text, secret| text.replace(secret.as_str(), "***")).into()
}

/// Blots out the account's secrets where the platform repeats them, also in the form in which they were sent.
fn hide_secrets(error: &mut RemoteError, headers: &mut HeaderMap, secrets: &[String]) {
    for secret in secrets {
        if error.message.contains(secret.as_str()) {
            error.message = error.message.replace(secret.as_str(), "***");
        }
        blot_out(&mut error.raw_response, secret);
        blot_out(&mut error.insight, secret);
    }
    for value in headers.values_mut() {
        let text = String::from_utf8_lossy(value.as_bytes());
        if secrets.iter().any(|secret| text.contains(secret.as_str())) {
            *value = HeaderValue::from_static("***");
        }
    }
}

/// What authenticates a request: of `Basic abc` the `abc`.
fn sensitive_texts(headers: &HeaderMap) -> Vec<String> {
    let sensitive = headers.values().filter(|value| value.is_sensitive());
    let texts = sensitive.filter_map(|value| value.to_str().ok());
    texts.map(|text| text.rsplit(' ').next().unwrap_or(text).to_owned()).collect()
}

fn collect_texts(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => texts.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| collect_texts(field, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn blot_out(value: &mut Value, secret: &str) {
    match value {
        Value::String(text) if text.contains(secret) => *text = text.replace(secret, "***"),
        Value::Array(items) => items.iter_mut().for_each(|item| blot_out(item, secret)),
        Value::Object(fields) => fields.values_mut().for_each(|field| blot_out(field, secret)),
        _ => {}
    }
}
