//! The way of one request: fault, tenant, credentials, endpoint, rate limit, answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Query as QueryString, State};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use http_body_util::BodyExt as _;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::auth::{self, Caller};
use super::connection::{BreakableListener, Breaker};
use super::errors::{ApiError, json};
use super::faults::{Asked, Fault, FaultStage, Faults};
use super::filters::Condition;
use super::limit::{LAST_QUICK_PAGE, RateLimit, Verdict};
use super::paging::{Query, Window};
use super::requests::{Key, RequestStyle, Requests};
use super::route::Route;
use super::writes::{AppliedWrite, Writes};
use super::{admin, control};
use crate::apps::Apps;
use crate::clock::WineryTime;
use crate::endpoints::{Endpoint, Parent, schema};
use crate::kind::Kind;
use crate::live::Day;
use crate::store::{Collections, Wineries};
use crate::write::{self, Change, Written};

/// What every request has at hand.
#[derive(Clone)]
pub(crate) struct App(Arc<AppParts>);

impl std::ops::Deref for App {
    type Target = AppParts;

    fn deref(&self) -> &AppParts {
        &self.0
    }
}

/// What an [`App`] is made of.
pub(crate) struct AppParts {
    pub wineries: Arc<Wineries>,
    pub faults: Faults,
    pub requests: Requests,
    pub writes: Writes,
    pub limit: RateLimit,
    pub apps: Apps,
    pub time: WineryTime,
    pub day: Day,
}

impl App {
    pub fn new(parts: AppParts) -> Self {
        Self(Arc::new(parts))
    }
}

/// Serves until `stopped` resolves, which it also does when its sender is dropped.
pub(crate) async fn serve(app: App, listener: TcpListener, stopped: oneshot::Receiver<()>) {
    let router =
        Router::new().merge(control::router()).merge(admin::router()).fallback(handle).with_state(app);
    let service = router.into_make_service_with_connect_info::<Breaker>();
    let stopped = async {
        let _ = stopped.await;
    };
    if let Err(error) =
        axum::serve(BreakableListener(listener), service).with_graceful_shutdown(stopped).await
    {
        tracing::error!(%error, "the sandbox stopped serving");
    }
}

async fn handle(
    State(app): State<App>,
    ConnectInfo(breaker): ConnectInfo<Breaker>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Response {
    // Taken in whole, so that the connection can go on after any answer.
    let Ok(body) = body.collect().await else { return StatusCode::BAD_REQUEST.into_response() };
    let asked = Request { method: &method, uri: &uri, headers: &headers, body: &body.to_bytes() };
    let tenant = headers.get("tenant").and_then(|value| value.to_str().ok());
    let struck = app.faults.strike(&Asked { path: uri.path(), method: method.as_str(), tenant });
    if struck.latency > 0 {
        tokio::time::sleep(Duration::from_millis(struck.latency)).await;
    }
    let is_hidden = struck.late > 0 || struck.fault.is_some();
    let response = match struck.fault {
        None => answer(&app, &asked, is_hidden),
        // A cut answer is a true one up to the cut.
        Some((Fault::Cut, _)) => cut(answer(&app, &asked, is_hidden), &breaker).await,
        Some((fault, stage)) => {
            if stage == FaultStage::After {
                answer(&app, &asked, is_hidden);
            } else {
                count_faulted(&app, &asked);
            }
            fail(&app, &fault, &breaker)
        }
    };
    if struck.late > 0 {
        tokio::time::sleep(Duration::from_millis(struck.late)).await;
    }
    response
}

/// What is asked.
struct Request<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    body: &'a [u8],
}

/// The answer of a fault.
fn fail(app: &App, fault: &Fault, breaker: &Breaker) -> Response {
    match fault {
        Fault::Reset => {
            breaker.reset();
            StatusCode::OK.into_response()
        }
        Fault::Html { status } => {
            let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_GATEWAY);
            let page =
                format!("<html><head><title>{status}</title></head><body><h1>{status}</h1></body></html>");
            (status, [(header::CONTENT_TYPE, "text/html")], page).into_response()
        }
        Fault::Status { status, headers } => {
            let mut response = if *status == 429 {
                throttled(app, app.limit.window_ms)
            } else {
                let body = serde_json::to_vec(&ApiError::of_status(*status)).unwrap_or_default();
                json(StatusCode::from_u16(*status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body)
            };
            for (name, value) in headers {
                if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
                    response.headers_mut().insert(name, value);
                }
            }
            response
        }
        Fault::Latency { .. } | Fault::Cut => ApiError::of_status(500).into_response(),
    }
}

/// The same head, half of the body, and then the end of the connection; without a body there is nothing to break off
/// but the connection.
async fn cut(response: Response, breaker: &Breaker) -> Response {
    let (mut head, body) = response.into_parts();
    let body = body.collect().await.map(|collected| collected.to_bytes()).unwrap_or_default();
    if body.is_empty() {
        breaker.reset();
    }
    head.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    let half = body.slice(..body.len() / 2);
    let parts = stream::unfold(Some(half), |half| async move {
        match half {
            Some(half) if !half.is_empty() => Some((Ok::<Bytes, std::io::Error>(half), Some(Bytes::new()))),
            Some(_) => {
                // Lets the first half out before the error ends everything.
                tokio::task::yield_now().await;
                Some((Err(std::io::ErrorKind::ConnectionAborted.into()), None))
            }
            None => None,
        }
    });
    Response::from_parts(head, Body::from_stream(parts))
}

/// A 429 of the rate limit.
fn throttled(app: &App, wait_ms: i64) -> Response {
    let mut response = json(StatusCode::TOO_MANY_REQUESTS, app.limit.refusal.body(wait_ms));
    response.headers_mut().extend(app.limit.refusal.headers(wait_ms));
    response
}

/// Counts a request that a fault struck before it had any effect.
fn count_faulted(app: &App, asked: &Request<'_>) {
    let path = Route::find(asked.uri.path().strip_prefix("/v1").unwrap_or("?")).pattern();
    let caller = Caller::of(&app.wineries, asked.headers);
    app.requests.count(key(caller, path, asked.method, RequestStyle::Faulted), false);
}

fn key(caller: Option<Caller<'_>>, path: &'static str, method: &Method, style: RequestStyle) -> Key {
    let tenant = caller.map(|caller| caller.tenant);
    let app = caller.and_then(|caller| caller.app);
    Key { tenant, app, path, method: method.clone(), style }
}

/// Answers a request and counts it; `is_hidden` says that the client will not see the answer.
fn answer(app: &App, asked: &Request<'_>, is_hidden: bool) -> Response {
    let Some(path) = asked.uri.path().strip_prefix("/v1") else {
        return ApiError::not_found().into_response();
    };
    let route = Route::find(path);
    let caller = Caller::of(&app.wineries, asked.headers);
    let (style, outcome) = decide(app, &route, caller, asked, is_hidden);
    let key = key(caller, route.pattern(), asked.method, style);
    app.requests.count(key, matches!(outcome, Outcome::Throttled(_)));
    match outcome {
        Outcome::Found(body) => json(StatusCode::OK, body),
        Outcome::Written(written) => {
            let status = StatusCode::from_u16(written.status).unwrap_or(StatusCode::OK);
            match written.body {
                Some(body) => json(status, body),
                None => status.into_response(),
            }
        }
        Outcome::Failed(error) => error.into_response(),
        Outcome::Throttled(wait_ms) => throttled(app, wait_ms),
    }
}

enum Outcome {
    Found(Vec<u8>),
    Written(Written),
    Failed(ApiError),
    /// Milliseconds until a request would be taken.
    Throttled(i64),
}

impl From<Result<Vec<u8>, ApiError>> for Outcome {
    fn from(result: Result<Vec<u8>, ApiError>) -> Self {
        result.map_or_else(Self::Failed, Self::Found)
    }
}

fn decide(
    app: &App,
    route: &Route<'_>,
    caller: Option<Caller<'_>>,
    asked: &Request<'_>,
    is_hidden: bool,
) -> (RequestStyle, Outcome) {
    let Request { method, uri, headers, .. } = *asked;
    // The body of a HEAD is left out where it is sent.
    let is_read = matches!(*method, Method::GET | Method::HEAD);
    if matches!(route, Route::AccountUser) && is_read {
        return (RequestStyle::Read, auth::account_user(caller.map(|caller| caller.winery), headers).into());
    }
    let is_public = matches!(route, Route::WebSetting) && is_read;
    let Some(caller) = caller.filter(|caller| is_public || caller.app.is_some()) else {
        return (RequestStyle::Refused, Outcome::Failed(ApiError::unauthenticated()));
    };
    let winery = caller.winery;
    if let Some(id) = caller.app_id() {
        // How Commerce7 answers an app that a winery has not installed is not known. Here as it answers a wrong secret: a client
        // that gets along with that gets along with anything that tells more.
        let Some(permissions) = app.apps.permissions(&winery.credentials().name, id) else {
            return (RequestStyle::Refused, Outcome::Failed(ApiError::unauthenticated()));
        };
        if !permissions.allow(route, is_read) {
            return (RequestStyle::Refused, Outcome::Failed(ApiError::unauthorized_route()));
        }
    }
    let now = app.time.clock();
    let parameters =
        QueryString::<Vec<(String, String)>>::try_from_uri(uri).map(|query| query.0).unwrap_or_default();
    // The query is read before the limit is asked, for a cursor request is not limited; a wrong query counts as a page.
    let query = match route {
        Route::List { endpoint, .. } if is_read => Some(Query::read(endpoint, &parameters, now)),
        _ => None,
    };
    let (style, deep_page) = match (&query, route) {
        (_, Route::Unknown) => (RequestStyle::Refused, false),
        (_, _) if !is_read => (RequestStyle::Write, false),
        (Some(Ok(Query { window: Window::Cursor { .. }, .. })), _) => (RequestStyle::Cursor, false),
        (Some(Ok(Query { window: Window::Page { page, .. }, .. })), _) => {
            (RequestStyle::Page, *page > LAST_QUICK_PAGE)
        }
        (Some(_), _) => (RequestStyle::Page, false),
        (None, _) => (RequestStyle::Read, false),
    };
    if style != RequestStyle::Cursor {
        let verdict = app.limit.take(&winery.window, now, deep_page);
        app.requests.judged(caller.tenant, caller.app, verdict);
        if let Verdict::Throttled { wait_ms, .. } = verdict {
            return (style, Outcome::Throttled(wait_ms));
        }
    }
    if !is_read {
        let outcome = match route {
            Route::Unknown => Err(ApiError::not_found()),
            route => write(app, caller, route, asked, is_hidden),
        };
        return (style, outcome.map_or_else(Outcome::Failed, Outcome::Written));
    }
    let outcome = match (route, query) {
        (Route::Unknown, _) => Err(ApiError::not_found()),
        (Route::Root, _) => Ok(b"{}".to_vec()),
        (Route::WebSetting, _) => winery.read().single(Kind::WebSetting).ok_or_else(ApiError::not_found),
        (Route::List { endpoint, parent }, Some(query)) => {
            query.and_then(|query| list(&winery.read(), endpoint, *parent, query))
        }
        (Route::Item { endpoint, parent, id, .. }, _) => item(&winery.read(), endpoint, *parent, id),
        (Route::AccountUser | Route::List { .. } | Route::WriteOnly { .. }, _) => Err(ApiError::not_found()),
    };
    (style, outcome.into())
}

/// Carries out a write and notes it down.
fn write(
    app: &App,
    caller: Caller<'_>,
    route: &Route<'_>,
    asked: &Request<'_>,
    is_hidden: bool,
) -> Result<Written, ApiError> {
    let Some(app_id) = caller.app_id() else { return Err(ApiError::unauthenticated()) };
    let winery = caller.winery;
    let written = {
        let mut collections = winery.write();
        let mut change = Change::begin(&mut collections, app.time.now(), app_id);
        write::perform(&mut change, asked.method, route, asked.body)?
    };
    app.writes.add(AppliedWrite {
        number: 0,
        tenant: winery.credentials().name.clone(),
        method: asked.method.to_string(),
        path: asked.uri.path().trim_start_matches("/v1").to_owned(),
        pattern: route.pattern().to_owned(),
        id: written.id.clone(),
        body: serde_json::from_slice(asked.body).unwrap_or_default(),
        status: written.status,
        is_hidden,
    });
    Ok(written)
}

/// The condition that the placeholder of a nested path stands for.
fn parent_condition(
    collections: &Collections,
    endpoint: &Endpoint,
    segment: Option<&str>,
) -> Result<Option<Condition>, ApiError> {
    let (Some(parent), Some(segment)) = (endpoint.parent, segment) else { return Ok(None) };
    let value = parent.value(segment).ok_or_else(ApiError::not_found)?;
    if let Parent::Object { kind, .. } = parent
        && !collections.contains(kind, value)
    {
        return Err(ApiError::not_found());
    }
    Ok(Condition::equal(schema(endpoint.kind), parent.field(), value))
}

fn list(
    collections: &Collections,
    endpoint: &Endpoint,
    parent: Option<&str>,
    mut query: Query,
) -> Result<Vec<u8>, ApiError> {
    query.conditions.extend(parent_condition(collections, endpoint, parent)?);
    Ok(collections.list(endpoint.kind, endpoint.envelope, &query))
}

fn item(
    collections: &Collections,
    endpoint: &Endpoint,
    parent: Option<&str>,
    id: &str,
) -> Result<Vec<u8>, ApiError> {
    let condition = parent_condition(collections, endpoint, parent)?;
    collections.get(endpoint.kind, id, condition.as_ref()).ok_or_else(ApiError::not_found)
}
