//! The routes, one file for each group.

mod api_token;
pub(crate) mod app_page;
mod batch;
mod connect_account;
mod custom;
pub(crate) mod docs;
mod environment;
mod environment_integration;
mod environment_map;
mod event;
mod health;
mod install;
mod integrated_account;
mod integration;
pub(crate) mod link_page;
mod link_token;
mod log;
pub(crate) mod playground;
mod proxy;
mod unified;

pub(crate) use self::batch::PATH as BATCH;
use ::integration::Unknown;
use axum::response::IntoResponse;
use http::{Method, StatusCode, Uri};
use serde::{Deserialize, Serialize};
use utoipa::{IntoResponses, OpenApi, ToSchema};
use utoipa_axum::router::OpenApiRouter;

use crate::App;
use crate::error::{ApiError, ErrorBody};
use crate::openapi::Base;

/// The first segments of all paths, for "did you mean".
const GROUPS: [&str; 21] = [
    "unified",
    "proxy",
    "custom",
    "batch-request",
    "integrated-account",
    "environment-integration",
    "environment-unified-model-resource-method",
    "integration",
    "integrations",
    "environment",
    "api-token",
    "link-token",
    "connect-account",
    "event",
    "log",
    "link",
    "openapi.json",
    "docs",
    "healthz",
    "readyz",
    "metrics",
];

/// All groups.
pub(crate) fn all() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Base::openapi()).merge(data()).merge(admin()).merge(link()).merge(operation())
}

/// What goes to platforms: every write of these takes an `Idempotency-Key`.
pub(crate) fn data() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(unified::routes())
        .merge(proxy::routes())
        .merge(custom::routes())
        .merge(batch::routes())
}

/// What is kept here.
pub(crate) fn admin() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(integrated_account::routes())
        .merge(environment_integration::routes())
        .merge(install::credentials())
        .merge(environment_map::routes())
        .merge(integration::routes())
        .merge(environment::routes())
        .merge(api_token::routes())
        .merge(link_token::routes())
        .merge(event::routes())
        .merge(log::routes())
}

/// What a link token opens, in a browser: no bearer token is asked for.
pub(crate) fn link() -> OpenApiRouter<App> {
    connect_account::routes().merge(install::routes())
}

/// What is for who runs the gateway, and asks for no token.
pub(crate) fn operation() -> OpenApiRouter<App> {
    health::routes()
}

/// Answers a path that is none of ours.
pub(crate) async fn unknown(uri: Uri) -> ApiError {
    let group = uri.path().split('/').nth(1).unwrap_or_default();
    if GROUPS.contains(&group) {
        return ApiError::not_found(format!(
            "there is nothing at {}; /openapi.json lists all paths",
            uri.path()
        ));
    }
    let known = GROUPS.map(|known| format!("/{known}"));
    ApiError::not_found(
        Unknown::new("path", &format!("/{group}"), known.iter().map(String::as_str)).to_string(),
    )
}

/// Answers a method that a path does not take; axum adds `Allow`.
pub(crate) async fn method_not_allowed(method: Method, uri: Uri) -> impl IntoResponse {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        format!("{} does not take {method}; the header `allow` lists what it takes", uri.path()),
    )
}

/// What a deletion answers.
#[derive(Serialize, ToSchema)]
struct Deleted {
    /// What was deleted.
    id: String,
}

/// Names one thing.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ById {
    /// Its id.
    id: String,
}

/// What an action without a result answers.
#[derive(Serialize, ToSchema)]
struct Success {
    /// Always `true`: a failure is an error.
    success: bool,
}

/// Errors of the admin API.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by utoipa's macros only")]
enum AdminErrors {
    /// The call is wrong: a parameter or the body.
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// No token, or one that is not valid.
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// The token does not open this route.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// There is no such thing in this environment.
    #[response(status = 404)]
    NotFound(ErrorBody),
    /// This gateway's limit for the token is used up, or the platform's; `retry-after` says for how long.
    #[response(status = 429)]
    TooManyRequests(ErrorBody),
    /// A fault of the gateway.
    #[response(status = 500)]
    Internal(ErrorBody),
    /// The database can't be reached; try again.
    #[response(status = 503)]
    Unavailable(ErrorBody),
}

/// More errors of calls with a JSON body.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by utoipa's macros only")]
enum BodyErrors {
    /// The body took too long to arrive.
    #[response(status = 408)]
    Timeout(ErrorBody),
    /// Something else stands in the way, such as a newer version, or a write with the same `Idempotency-Key` that still runs.
    #[response(status = 409)]
    Conflict(ErrorBody),
    /// The body is too large.
    #[response(status = 413)]
    TooLarge(ErrorBody),
    /// The body is not JSON by its content type.
    #[response(status = 415)]
    NotJson(ErrorBody),
}

/// Errors of calls that go to a platform. An error of the platform keeps its status and has `truto_is_remote_error`.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by utoipa's macros only")]
enum CallErrors {
    /// The call is wrong: a parameter, a filter, a cursor, the body.
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// No valid token; or, with `truto_is_remote_error`, the platform does not take the account's credentials.
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// The token may not; or, with `truto_is_remote_error`, the account lacks a permission.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// No such account, resource, method or record.
    #[response(status = 404)]
    NotFound(ErrorBody),
    /// The resource has no such method, or the account is read-only.
    #[response(status = 405)]
    MethodNotAllowed(ErrorBody),
    /// The platform refuses the content; or, without `truto_is_remote_error`, the `Idempotency-Key` names another request.
    #[response(status = 422)]
    Unprocessable(ErrorBody),
    /// The platform's rate limit is used up, or this gateway's for the token or the account (`details.limit`); `retry-after` says for
    /// how long.
    #[response(status = 429)]
    TooManyRequests(ErrorBody),
    /// A fault of the gateway, or with `truto_is_remote_error` of the platform.
    #[response(status = 500)]
    Internal(ErrorBody),
    /// The platform gave no answer, or one that can't be read.
    #[response(status = 502)]
    BadGateway(ErrorBody),
    /// The database can't be reached; try again.
    #[response(status = 503)]
    Unavailable(ErrorBody),
    /// The platform took too long.
    #[response(status = 504)]
    GatewayTimeout(ErrorBody),
    /// Any other error of the platform, with its status.
    #[response(status = "default")]
    Other(ErrorBody),
}
