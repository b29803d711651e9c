//! Endpoints for environments. They are made by `decant environment create`.

use axum::extract::State;
use gateway::ListOf;
use gateway::environments::{Environment, EnvironmentChange};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{AdminErrors, BodyErrors};
use crate::App;
use crate::body::Json;
use crate::caller::ApiCaller;
use crate::error::ApiError;
use crate::path::Path;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get, update))
}

/// Lists the environments that the token opens: its own.
#[utoipa::path(get, path = "/environment", operation_id = "list_environments", tag = "environments",
    responses((status = 200, description = "The environment", body = ListOf<Environment>), AdminErrors))]
async fn list(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
) -> Result<axum::Json<ListOf<Environment>>, ApiError> {
    let own = app.gateway.environment(&caller).await?;
    Ok(axum::Json(ListOf { result: vec![own], next_cursor: None, limit: 1 }))
}

/// Gets the token's environment.
#[utoipa::path(get, path = "/environment/{id}", operation_id = "get_environment", tag = "environments",
    params(("id" = String, Path, description = "The environment's id")),
    responses((status = 200, description = "The environment", body = Environment), AdminErrors))]
async fn get(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<axum::Json<Environment>, ApiError> {
    if *id != *caller.environment_id {
        return Err(ApiError::not_found("no such environment"));
    }
    Ok(axum::Json(app.gateway.environment(&caller).await?))
}

/// Changes the token's environment: where its accounts may be connected from, and how that looks.
#[utoipa::path(patch, path = "/environment/{id}", operation_id = "update_environment", tag = "environments",
    params(("id" = String, Path, description = "The environment's id")),
    request_body = EnvironmentChange,
    responses((status = 200, description = "The environment", body = Environment), AdminErrors, BodyErrors))]
async fn update(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    Json(change): Json<EnvironmentChange>,
) -> Result<axum::Json<Environment>, ApiError> {
    if *id != *caller.environment_id {
        return Err(ApiError::not_found("no such environment"));
    }
    Ok(axum::Json(app.gateway.update_environment(&caller, change).await?))
}
