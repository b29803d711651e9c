//! Endpoints for integrations: what accounts can be connected to.

use axum::Json;
use axum::extract::State;
use gateway::ListOf;
use gateway::integrations::IntegrationRow;
use serde_json::Value;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AdminErrors;
use crate::App;
use crate::caller::ApiCaller;
use crate::error::ApiError;
use crate::parameters::{Capabilities, Paging};
use crate::path::Path;
use crate::query::Query;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(capabilities))
}

/// Lists all integrations.
#[utoipa::path(get, path = "/integration", operation_id = "list_integrations", tag = "integrations",
    params(
        ("name" = Option<String>, Query, description = "Only the integration of this slug"),
        ("category" = Option<String>, Query, description = "Only integrations of this category"),
        Paging,
    ),
    responses((status = 200, description = "The integrations", body = ListOf<IntegrationRow>), AdminErrors))]
async fn list(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Query(query): Query,
) -> Result<Json<ListOf<IntegrationRow>>, ApiError> {
    Ok(Json(app.gateway.integrations(&caller, &query)?))
}

/// Gets an integration with its definition.
#[utoipa::path(get, path = "/integration/{id}", operation_id = "get_integration", tag = "integrations",
    params(("id" = String, Path, description = "The integration's id or slug")),
    responses((status = 200, description = "The integration", body = IntegrationRow), AdminErrors))]
async fn get(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<Json<IntegrationRow>, ApiError> {
    Ok(Json(app.gateway.integration(&caller, &id)?))
}

/// Tells what an integration can do: its proxy and unified methods, and what connecting needs.
#[utoipa::path(get, path = "/integration/{id}/capabilities", operation_id = "get_integration_capabilities",
    tag = "integrations",
    params(("id" = String, Path, description = "The integration's id or slug"), Capabilities),
    responses((status = 200, description = "What it can do", body = Object), AdminErrors))]
async fn capabilities(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    Query(query): Query,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(app.gateway.integration_capabilities(&caller, &id, &query).await?))
}
