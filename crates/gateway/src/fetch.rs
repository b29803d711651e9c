//! One request to the platform: planned, sent, its answer understood, the account's state kept true.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method as Verb, StatusCode};
use http_body::Body as _;
use integration::{
    Count, Credentials, Inputs, Integration, Method, PageRequest, PlanError, RemoteError, RemoteErrorKind,
    Request, Resource, Style, Told,
};
use serde_json::{Map, Value};
use tokio::time::{Instant, timeout_at};
use upstream::budget::{Asker, Permit};
use upstream::circuit::{Open, Trial, is_down};
use upstream::{Body, Response, SendError};

use crate::budget::Terms;
use crate::error::Remote;
use crate::log::Record;
use crate::outcome::after_sending;
use crate::resolve::Connected;
use crate::shared_reads::{Lead, Part, Shared};
use crate::writes::Writes;
use crate::{Error, Gateway, Outcome, metrics};

/// How much of an error answer is read.
const ERROR_BODY: usize = 1024 * 1024;
/// Secrets shorter than this are not looked for in the platform's words: they would blot out ordinary text.
pub(crate) const SECRET_LENGTH: usize = 6;

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
        // What others read now may be from before the write; what they read while it is on its way as well.
        self.connected.limits.reads.end();
        let answer = Box::pin(self.exchange(request, stream, resource, credentials)).await;
        self.connected.limits.reads.end();
        answer.map_err(|error| {
            let outcome = Outcome::of(&error);
            if outcome == Outcome::NotApplied {
                self.writes().was_not_applied();
            }
            match error {
                // Nothing was sent.
                Error::NoTurn(_) | Error::Down { .. } => error,
                error => error.with_outcome(outcome),
            }
        })
    }

    /// Sends a request and makes sense of its answer. One whose token is refused is sent once more with another, where one is to be had:
    /// what is not authorized was not done.
    async fn exchange(
        &self,
        mut request: Request,
        mut stream: Option<Body>,
        resource: Option<&Resource>,
        credentials: &Credentials,
    ) -> Result<Response, Error> {
        let mut sensitive = sensitive_values(&request.headers);
        let mut secrets = Vec::new();
        let has_token = self.integration().oauth(&self.connected.account.authentication_method).is_some();
        let mut renewed: Option<Arc<Connected>> = None;
        loop {
            let again = match renewed {
                None if has_token => again(&request, stream.as_ref()),
                _ => None,
            };
            let answer = self.answer(request, stream).await?;
            let connected = renewed.as_deref().unwrap_or(self.connected);
            if answer.status.is_informational() {
                return Err(Error::BadAnswer(format!(
                    "the platform answered {}, a change of protocol that nobody asked for",
                    answer.status.as_u16()
                )));
            }
            if answer.status.as_u16() < 400 {
                self.gateway.went_through(connected, self.resource, self.method).await;
                return Ok(answer);
            }
            let status = answer.status.as_u16();
            let Answered { mut headers, body, told, .. } = self.read_error(answer).await;
            secrets.extend(sensitive.drain(..).filter_map(|value| sensitive_text(&value)));
            collect_texts(credentials.expose(), &mut secrets);
            secrets.retain(|secret| secret.len() >= SECRET_LENGTH);
            // Here as well, before long texts are cut short: a part of a secret is not found afterwards.
            let body = without_secrets(body, &secrets);
            let mut error = self.integration().recognise(resource, status, &told, &body);
            let is_refused = error.kind == RemoteErrorKind::Unauthorized;
            if let Some((mut next, body)) = again.filter(|_| is_refused)
                && let Some(other) = Box::pin(self.gateway.with_other_token(connected, credentials)).await
            {
                let credentials = self.gateway.stored_credentials(&other).await?;
                self.integration().authorize(&mut next, &other.context, &credentials).map_err(plan_error)?;
                sensitive = sensitive_values(&next.headers);
                collect_texts(credentials.expose(), &mut secrets);
                (request, stream, renewed) = (next, body, Some(other));
                continue;
            }
            hide_secrets(&mut error, &mut headers, &secrets);
            if let Some(record) = self.record
                && is_refused
            {
                record.needs_reauth();
            }
            Box::pin(self.gateway.was_refused(connected, self.resource, self.method, &error)).await;
            keep_answer_headers(&mut headers);
            for name in [header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING, header::ETAG]
            {
                headers.remove(name);
            }
            return Err(Error::Remote(Box::new(Remote { error, headers })));
        }
    }

    /// The platform's answer to a request that had its turn. The same read, asked by many at once, is sent once.
    async fn answer(&self, request: Request, stream: Option<Body>) -> Result<Response, Error> {
        let limits = &self.connected.limits;
        self.terms().about(limits);
        let is_shareable = request.verb == Verb::GET && limits.are_declared();
        if !is_shareable || stream.as_ref().is_some_and(|body| !body.is_end_stream()) {
            return self.in_turn(request, stream, None).await;
        }
        let began = Instant::now();
        loop {
            let lead = match limits.reads.join(&request) {
                Part::Lead(lead) => lead,
                Part::Follow(shared) => match timeout_at(self.terms().deadline(), shared).await {
                    Ok(Ok(Shared { status, headers, body })) => {
                        upstream::metrics::shared_read();
                        if let Some(record) = self.record {
                            record.sent(&request.verb, &request.url, began.elapsed());
                        }
                        return Ok(Response::whole(status, headers, body));
                    }
                    // Nothing came of the other's.
                    Ok(Err(_)) => continue,
                    Err(_) => return self.in_turn(request, None, None).await,
                },
            };
            let answer = self.in_turn(request, None, Some(&lead)).await?;
            let followers = lead.answered();
            if followers.is_empty() {
                return Ok(answer);
            }
            let (status, headers) = (answer.status, answer.headers.clone());
            let body = answer.bytes().await?;
            let shared = Shared { status, headers: headers.clone(), body: body.clone() };
            for follower in followers {
                // Who left does not need it.
                let _ = follower.send(shared.clone());
            }
            return Ok(Response::whole(status, headers, body));
        }
    }

    /// Sends a request once its turn has come, and once more where the platform finds that there were too many: then it has not done
    /// anything. An answer that may go on to the caller is given with its body as it comes.
    async fn in_turn(
        &self,
        mut request: Request,
        mut stream: Option<Body>,
        lead: Option<&Lead>,
    ) -> Result<Response, Error> {
        let limits = &self.connected.limits;
        let terms = self.terms();
        let mut asker = terms.asker(&self.caller(), request.verb.is_safe(), request.count, limits);
        let mut refused = None;
        loop {
            let (trial, permits) = match (self.turn(request.count, &asker).await, refused.take()) {
                // The platform's own refusal tells more than that there was no time for another try.
                (Err(Error::NoTurn(_)), Some(refused)) => return Ok(refused),
                (turn, _) => turn?,
            };
            // A streamed body is gone with the first try.
            let again = if limits.are_declared() { again(&request, stream.as_ref()) } else { None };
            if let Some(lead) = lead {
                lead.sent();
            }
            let answer = self.send_now(request, stream.take()).await;
            let answer = match answer {
                Ok(answer) => answer,
                Err(error) => {
                    if error.is_the_platforms() {
                        trial.failed(None);
                    }
                    if !error.may_have_arrived() {
                        permits.into_iter().for_each(Permit::give_back);
                    }
                    return Err(error.into());
                }
            };
            let status = answer.status.as_u16();
            if status < 400 {
                trial.answered();
                if let Some(left) = self.told(&answer.headers, status, None).remaining {
                    limits.told_remaining(left);
                }
                return Ok(answer);
            }
            let Answered { headers, body, told, status } = self.read_error(answer).await;
            match is_down(status.as_u16()) {
                true => trial.failed(told.retry_after.map(Duration::from_secs_f64)),
                false => trial.answered(),
            }
            if !told.is_refusal {
                return Ok(Response::whole(status, headers, body));
            }
            upstream::metrics::too_many(&self.integration().name);
            // Of several limits the narrowest, which comes first, is the likelier one.
            let mut permits = permits.into_iter();
            permits.next().into_iter().for_each(|permit| permit.was_refused(&told));
            permits.for_each(Permit::give_back);
            let answer = Response::whole(status, headers, body);
            match again {
                Some((again, body)) if Instant::now() < terms.deadline() => (request, stream) = (again, body),
                _ => return Ok(answer),
            }
            refused = Some(answer);
            // One that was not counted here is by the platform.
            if request.count == Count::Free {
                request.count = Count::Counted { page: None, is_list: true };
            }
            asker.is_first = true;
        }
    }

    /// Waits until a request may be sent.
    async fn turn(&self, count: Count, asker: &Asker) -> Result<(Trial<'_>, Vec<Permit>), Error> {
        let limits = &self.connected.limits;
        let down = |open: Open| {
            upstream::metrics::circuit_refused(&self.integration().name);
            Error::Down { retry_after: open.retry_after }
        };
        // While it is down, no one waits for a turn that would come to nothing.
        if let Some(open) = limits.circuit.open().filter(|open| !open.retry_after.is_zero()) {
            return Err(down(open));
        }
        let (permits, waited) = limits.turn(count, asker).await;
        self.waited(waited, "rate_limit");
        let permits = permits?;
        let (trial, waited) = limits.circuit.pass(asker.deadline).await;
        self.waited(waited, "platform_down");
        match trial {
            Ok(trial) => Ok((trial, permits)),
            Err(open) => {
                permits.into_iter().for_each(Permit::give_back);
                Err(down(open))
            }
        }
    }

    async fn send_now(&self, request: Request, stream: Option<Body>) -> Result<Response, SendError> {
        let (verb, url) = (request.verb.clone(), request.url.clone());
        let started = Instant::now();
        let sent = self.gateway.0.parts.upstream.send(request, stream).await;
        let took = started.elapsed();
        let outcome = sent.as_ref().map_or("none", |answer| metrics::category(answer.status.as_u16()));
        metrics::sent(&self.integration().name, outcome, took);
        if let Some(record) = self.record {
            record.sent(&verb, &url, took);
        }
        sent
    }

    /// Reads an error answer, and what it tells of the limit. A body that can't be read whole does not hide the status.
    async fn read_error(&self, answer: Response) -> Answered {
        let Response { status, headers, body, .. } = answer;
        let body = body.bytes(ERROR_BODY).await.unwrap_or_default();
        let told = self.told(&headers, status.as_u16(), Some(&body));
        Answered { status, headers, body, told }
    }

    fn told(&self, headers: &HeaderMap, status: u16, body: Option<&[u8]>) -> Told {
        let now = self.gateway.0.parts.clock.now().as_duration().as_secs_f64();
        self.integration().told(now, status, headers, body)
    }

    /// How the call wants to wait. What connects an account is waited for by a person.
    fn terms(&self) -> Cow<'_, Terms> {
        self.record.map_or_else(|| Cow::Owned(Terms::current()), |record| Cow::Borrowed(record.terms()))
    }

    fn caller(&self) -> Arc<str> {
        self.record.map_or_else(|| "gateway".into(), |record| Arc::clone(record.caller()))
    }

    fn waited(&self, wait: Duration, reason: &str) {
        if let Some(record) = self.record {
            record.waited(wait, reason);
        }
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

/// A request with its body once more, where that is all there.
fn again(request: &Request, body: Option<&Body>) -> Option<(Request, Option<Body>)> {
    let body = match body {
        Some(body) => Some(body.again()?),
        None => None,
    };
    Some((request.clone(), body))
}

/// An error answer, read.
struct Answered {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    told: Told,
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

/// What authenticates a request.
fn sensitive_values(headers: &HeaderMap) -> Vec<HeaderValue> {
    headers.values().filter(|value| value.is_sensitive()).cloned().collect()
}

/// Of `Basic abc` the `abc`.
fn sensitive_text(value: &HeaderValue) -> Option<String> {
    let text = value.to_str().ok()?;
    Some(text.rsplit(' ').next().unwrap_or(text).to_owned())
}

pub(crate) fn collect_texts(value: &Value, texts: &mut Vec<String>) {
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
