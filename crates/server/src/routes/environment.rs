//! Endpoints for reading environments. They are made by `decant environment create`.

use axum::Json;
use axum::extract::State;
use gateway::ListOf;
use gateway::environments::Environment;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AdminErrors;
use crate::App;
use crate::caller::ApiCaller;
use crate::error::ApiError;
use crate::path::Path;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get))
}

/// Lists the environments that the token opens: its own.
#[utoipa::path(get, path = "/environment", operation_id = "list_environments", tag = "environments",
    responses((status = 200, description = "The environment", body = ListOf<Environment>), AdminErrors))]
async fn list(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
) -> Result<Json<ListOf<Environment>>, ApiError> {
    let own = app.gateway.environment(&caller).await?;
    Ok(Json(ListOf { result: vec![own], next_cursor: None, limit: 1 }))
}

/// Gets the token's environment.
#[utoipa::path(get, path = "/environment/{id}", operation_id = "get_environment", tag = "environments",
    params(("id" = String, Path, description = "The environment's id")),
    responses((status = 200, description = "The environment", body = Environment), AdminErrors))]
async fn get(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<Json<Environment>, ApiError> {
    if id != caller.environment_id {
        return Err(ApiError::not_found("no such environment"));
    }
    Ok(Json(app.gateway.environment(&caller).await?))
}
