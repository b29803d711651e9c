//! The endpoint that makes link tokens: the right to connect one account from a browser.

use axum::extract::State;
use gateway::link::{MadeLinkToken, NewLinkToken};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{AdminErrors, BodyErrors};
use crate::App;
use crate::body::Json;
use crate::caller::ApiCaller;
use crate::error::ApiError;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(create))
}

/// Makes a token to connect one account with, from a browser: for a new account of a tenant, or for an account that is connected again.
/// It holds for a week, and until its account is active.
#[utoipa::path(post, path = "/link-token", operation_id = "create_link_token", tag = "tokens",
    request_body = NewLinkToken,
    responses((status = 200, description = "The token, shown this once", body = MadeLinkToken), AdminErrors, BodyErrors))]
async fn create(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Json(new): Json<NewLinkToken>,
) -> Result<axum::Json<MadeLinkToken>, ApiError> {
    Ok(axum::Json(app.gateway.create_link_token(&caller, new).await?))
}
