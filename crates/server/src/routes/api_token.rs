//! Endpoints for API tokens. They are made by `decant token create`, which shows their text once.

use axum::Json;
use axum::extract::State;
use gateway::ListOf;
use gateway::api_tokens::ApiToken;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{AdminErrors, Deleted};
use crate::App;
use crate::caller::ApiCaller;
use crate::error::ApiError;
use crate::parameters::Paging;
use crate::path::Path;
use crate::query::Query;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(delete))
}

/// Lists the environment's tokens, without their text.
#[utoipa::path(get, path = "/api-token", operation_id = "list_api_tokens", tag = "tokens",
    params(
        ("name" = Option<String>, Query, description = "Only tokens of this name"),
        ("environment_id" = Option<String>, Query, description = "The caller's own environment"),
        Paging,
    ),
    responses((status = 200, description = "The tokens, oldest first", body = ListOf<ApiToken>), AdminErrors))]
async fn list(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Query(query): Query,
) -> Result<Json<ListOf<ApiToken>>, ApiError> {
    Ok(Json(app.gateway.api_tokens(&caller, &query).await?))
}

/// Deletes a token. Calls with it are refused from now on.
#[utoipa::path(delete, path = "/api-token/{id}", operation_id = "delete_api_token", tag = "tokens",
    params(("id" = String, Path, description = "The token's id")),
    responses((status = 200, description = "It is deleted", body = Deleted), AdminErrors))]
async fn delete(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<Json<Deleted>, ApiError> {
    app.gateway.delete_api_token(&caller.environment_id, &id).await?;
    Ok(Json(Deleted { id }))
}
