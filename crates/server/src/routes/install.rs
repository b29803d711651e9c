//! Endpoints for a platform's app store: it tells who installed and uninstalled the product's app.

use axum::extract::{FromRequestParts, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gateway::install::{InstallCredentials, InstallResult};
use gateway::link::LinkErrorType;
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use http::request::Parts;
use serde_json::{Map, Value};
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{AdminErrors, BodyErrors};
use crate::App;
use crate::body::Json;
use crate::caller::ApiCaller;
use crate::error::{ApiError, ErrorBody};
use crate::path::Path;
use crate::public_url::PublicUrl;

/// What the platform calls.
pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(install)).routes(routes!(uninstall))
}

/// What an operator calls.
pub(super) fn credentials() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create_credentials))
}

/// Errors of calls that a platform makes.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by utoipa's macros only")]
enum InstallErrors {
    /// The call names no account, or one that can't be.
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// The name or the password is not right.
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// The integration is switched off in its environment.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// The platform tells nothing of that.
    #[response(status = 404)]
    NotFound(ErrorBody),
    /// Too many wrong passwords from this address; `retry-after` says for how long.
    #[response(status = 429)]
    TooManyRequests(ErrorBody),
    /// A fault of the gateway.
    #[response(status = 500)]
    Internal(ErrorBody),
    /// The database can't be reached; try again.
    #[response(status = 503)]
    Unavailable(ErrorBody),
}

/// Makes the name and the password by which a platform's app store tells who installs the app, and says what to enter there. Those before
/// do not count any more. The environment needs the app's own credentials, for who installs is asked for nothing.
#[utoipa::path(post, path = "/environment-integration/{id}/install-credentials", operation_id = "create_install_credentials",
    tag = "integrations",
    params(("id" = String, Path, description = "The installed integration's id")),
    responses((status = 200, description = "What to enter, shown this once", body = InstallCredentials), AdminErrors, BodyErrors))]
async fn create_credentials(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    PublicUrl(public_url): PublicUrl,
    Path(id): Path<String>,
) -> Result<axum::Json<InstallCredentials>, ApiError> {
    Ok(axum::Json(app.gateway.create_install_credentials(&caller, &id, &public_url).await?))
}

/// A customer installed the app at the platform, or a newer version of it: the account is made, or connected again. Called by the
/// platform, with Basic authentication.
#[utoipa::path(post, path = "/integrations/{integration}/install", operation_id = "app_installed", tag = "link",
    security(("basic" = [])),
    params(("integration" = String, Path, description = "The integration's slug")),
    request_body(content = Object, description = "What the platform sends; the definition's `install` says how it is read"),
    responses((status = 200, description = "The account", body = InstallResult), InstallErrors, BodyErrors))]
async fn install(
    State(app): State<App>,
    Path(integration): Path<String>,
    Basic { username, password }: Basic,
    Json(body): Json<Map<String, Value>>,
) -> Result<axum::Json<InstallResult>, ApiError> {
    let installed = app.gateway.app_installed(&integration, &username, &password, body).await;
    installed.map(axum::Json).map_err(told)
}

/// A customer uninstalled the app at the platform: the account needs to be connected again, and is not deleted. Called by the platform,
/// with Basic authentication.
#[utoipa::path(post, path = "/integrations/{integration}/uninstall", operation_id = "app_uninstalled", tag = "link",
    security(("basic" = [])),
    params(("integration" = String, Path, description = "The integration's slug")),
    request_body(content = Object, description = "What the platform sends; the definition's `install` says how it is read"),
    responses((status = 200, description = "The accounts", body = InstallResult), InstallErrors, BodyErrors))]
async fn uninstall(
    State(app): State<App>,
    Path(integration): Path<String>,
    Basic { username, password }: Basic,
    Json(body): Json<Map<String, Value>>,
) -> Result<axum::Json<InstallResult>, ApiError> {
    let uninstalled = app.gateway.app_uninstalled(&integration, &username, &password, body).await;
    uninstalled.map(axum::Json).map_err(told)
}

fn told(error: gateway::Error) -> ApiError {
    match error {
        gateway::Error::Unauthenticated(message) => refused(message),
        error => error.into(),
    }
}

/// Who guesses passwords is slowed as who guesses tokens is.
fn refused(message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::UNAUTHORIZED, message)
        .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"decant\""))
        .with_error_type(Some(LinkErrorType::InvalidToken))
}

/// Basic authentication (RFC 7617).
struct Basic {
    username: String,
    password: String,
}

impl FromRequestParts<App> for Basic {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Self::Rejection> {
        let read = || {
            let (scheme, pair) = parts.headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
            let pair = STANDARD.decode(pair.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
            let (username, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
            Some(Self { username: username.to_owned(), password: password.to_owned() })
        };
        read().ok_or_else(|| {
            refused("the platform has to call with Basic authentication; POST /environment-integration/{id}/install-credentials makes it")
        })
    }
}
