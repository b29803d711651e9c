//! The endpoint for any path of a platform: any verb, bodies streamed both ways.

use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::any;
use gateway::CustomCall;
use upstream::Body;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

use super::{BodyErrors, CallErrors};
use crate::App;
use crate::caller::AnyCaller;
use crate::error::ApiError;
use crate::parameters::{CustomFormat, WhichAccount};
use crate::reply;

/// Below this path everything is the platform's.
const PREFIX: &str = "/custom/";

/// The document's paths have no wildcards, so this route is described and registered apart.
#[derive(OpenApi)]
#[openapi(paths(custom))]
struct Description;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::with_openapi(Description::openapi()).route("/custom/{*path}", any(custom))
}

/// Calls any path below the platform's base URL with the account's credentials. The query, the headers and the body are
/// passed on as they are, without `integrated_account_id` and the caller's token; so are the answer's.
#[utoipa::path(method(get, post, put, patch, delete, head, options), path = "/custom/{path}",
    operation_id = "custom", tag = "custom",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("path" = String, Path, description = "The path below the platform's base URL; it may hold slashes"),
        WhichAccount, CustomFormat,
    ),
    responses(
        (status = 200, description = "The platform's answer; its status and headers are kept", content_type = "*/*"),
        CallErrors, BodyErrors,
    ))]
async fn custom(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path();
    let call = CustomCall {
        caller,
        verb: parts.method,
        path: path.strip_prefix(PREFIX).unwrap_or(path).to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body: Body::wrap(body),
    };
    Ok(reply::pass_on(app.gateway.custom(call).await?))
}
