//! Endpoints for what an environment changes in the maps of unified resources.

use axum::extract::State;
use gateway::ListOf;
use gateway::environment_maps::{EnvironmentMap, EnvironmentMapChange, NewEnvironmentMap, Way};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{AdminErrors, BodyErrors, Deleted};
use crate::App;
use crate::body::Json;
use crate::caller::ApiCaller;
use crate::error::ApiError;
use crate::parameters::Paging;
use crate::path::Path;
use crate::query::Query;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(get, update, replace, delete))
}

/// Lists what the environment overrides in its maps.
#[utoipa::path(get, path = "/environment-unified-model-resource-method", operation_id = "list_environment_maps",
    tag = "integrations",
    params(
        ("unified_model" = Option<String>, Query, description = "Only this model"),
        ("resource_name" = Option<String>, Query, description = "Only this resource"),
        ("integration_name" = Option<String>, Query, description = "Only this integration, by its slug"),
        ("method_name" = Option<String>, Query, description = "Only what is for this method alone"),
        Paging,
    ),
    responses((status = 200, description = "The overrides", body = ListOf<EnvironmentMap>), AdminErrors))]
async fn list(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Query(query): Query,
) -> Result<axum::Json<ListOf<EnvironmentMap>>, ApiError> {
    Ok(axum::Json(app.gateway.environment_map_overrides(&caller, &query).await?))
}

/// Overrides the map of a unified resource for all accounts of the environment. Checked first; `details` has the place of a mistake.
#[utoipa::path(post, path = "/environment-unified-model-resource-method", operation_id = "create_environment_map",
    tag = "integrations",
    request_body = NewEnvironmentMap,
    responses((status = 200, description = "The override", body = EnvironmentMap), AdminErrors, BodyErrors))]
async fn create(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Json(new): Json<NewEnvironmentMap>,
) -> Result<axum::Json<EnvironmentMap>, ApiError> {
    Ok(axum::Json(app.gateway.create_environment_map(&caller, new).await?))
}

/// Gets an override.
#[utoipa::path(get, path = "/environment-unified-model-resource-method/{id}", operation_id = "get_environment_map",
    tag = "integrations",
    params(("id" = String, Path, description = "The override's id")),
    responses((status = 200, description = "The override", body = EnvironmentMap), AdminErrors))]
async fn get(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<axum::Json<EnvironmentMap>, ApiError> {
    Ok(axum::Json(app.gateway.environment_map_override(&caller, &id).await?))
}

/// Merges lines into an override: a line takes the place of the one of its name, `null` takes it out of the override.
#[utoipa::path(patch, path = "/environment-unified-model-resource-method/{id}", operation_id = "update_environment_map",
    tag = "integrations",
    params(("id" = String, Path, description = "The override's id")),
    request_body = EnvironmentMapChange,
    responses((status = 200, description = "The override now", body = EnvironmentMap), AdminErrors, BodyErrors))]
async fn update(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    Json(change): Json<EnvironmentMapChange>,
) -> Result<axum::Json<EnvironmentMap>, ApiError> {
    Ok(axum::Json(app.gateway.update_environment_map(&caller, &id, Way::Merge, change).await?))
}

/// Gives an override other lines in place of all it has.
#[utoipa::path(put, path = "/environment-unified-model-resource-method/{id}", operation_id = "replace_environment_map",
    tag = "integrations",
    params(("id" = String, Path, description = "The override's id")),
    request_body = EnvironmentMapChange,
    responses((status = 200, description = "The override now", body = EnvironmentMap), AdminErrors, BodyErrors))]
async fn replace(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    Json(change): Json<EnvironmentMapChange>,
) -> Result<axum::Json<EnvironmentMap>, ApiError> {
    Ok(axum::Json(app.gateway.update_environment_map(&caller, &id, Way::Replace, change).await?))
}

/// Deletes an override: the accounts have the integration's own lines again.
#[utoipa::path(delete, path = "/environment-unified-model-resource-method/{id}", operation_id = "delete_environment_map",
    tag = "integrations",
    params(("id" = String, Path, description = "The override's id")),
    responses((status = 200, description = "It is deleted", body = Deleted), AdminErrors))]
async fn delete(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<axum::Json<Deleted>, ApiError> {
    app.gateway.delete_environment_map(&caller, &id).await?;
    Ok(axum::Json(Deleted { id }))
}
