//! Endpoints for environment integrations: what is installed in an environment, and what it changes of a definition.

use axum::extract::State;
use gateway::ListOf;
use gateway::environment_integrations::{
    EnvironmentIntegration, EnvironmentIntegrationChange, InstallIntegration,
};
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
    OpenApiRouter::new().routes(routes!(list, install)).routes(routes!(get, update, uninstall))
}

/// Lists what is installed.
#[utoipa::path(get, path = "/environment-integration", operation_id = "list_environment_integrations",
    tag = "integrations",
    params(("integration.name" = Option<String>, Query, description = "Only this integration, by its slug"), Paging),
    responses(
        (status = 200, description = "What is installed", body = ListOf<EnvironmentIntegration>),
        AdminErrors,
    ))]
async fn list(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Query(query): Query,
) -> Result<axum::Json<ListOf<EnvironmentIntegration>>, ApiError> {
    Ok(axum::Json(app.gateway.environment_integrations(&caller, &query).await?))
}

/// Installs an integration. Doing it again gives what is there.
#[utoipa::path(post, path = "/environment-integration", operation_id = "install_integration", tag = "integrations",
    request_body = InstallIntegration,
    responses(
        (status = 200, description = "What is installed now", body = EnvironmentIntegration),
        AdminErrors,
        BodyErrors,
    ))]
async fn install(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Json(new): Json<InstallIntegration>,
) -> Result<axum::Json<EnvironmentIntegration>, ApiError> {
    Ok(axum::Json(app.gateway.install_integration(&caller, new).await?))
}

/// Gets an installed integration.
#[utoipa::path(get, path = "/environment-integration/{id}", operation_id = "get_environment_integration",
    tag = "integrations",
    params(("id" = String, Path, description = "The installed integration's id")),
    responses((status = 200, description = "What is installed", body = EnvironmentIntegration), AdminErrors))]
async fn get(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<axum::Json<EnvironmentIntegration>, ApiError> {
    Ok(axum::Json(app.gateway.environment_integration(&caller, &id).await?))
}

/// Changes an installed integration. An `override` takes the place of the whole one there is and is checked first.
#[utoipa::path(patch, path = "/environment-integration/{id}", operation_id = "update_environment_integration",
    tag = "integrations",
    params(("id" = String, Path, description = "The installed integration's id")),
    request_body = EnvironmentIntegrationChange,
    responses(
        (status = 200, description = "What is installed now", body = EnvironmentIntegration),
        AdminErrors,
        BodyErrors,
    ))]
async fn update(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    Json(change): Json<EnvironmentIntegrationChange>,
) -> Result<axum::Json<EnvironmentIntegration>, ApiError> {
    Ok(axum::Json(app.gateway.update_environment_integration(&caller, &id, change).await?))
}

/// Removes an installed integration with all its accounts.
#[utoipa::path(delete, path = "/environment-integration/{id}", operation_id = "uninstall_integration",
    tag = "integrations",
    params(("id" = String, Path, description = "The installed integration's id")),
    responses((status = 200, description = "It is removed", body = Deleted), AdminErrors))]
async fn uninstall(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<axum::Json<Deleted>, ApiError> {
    app.gateway.uninstall_integration(&caller, &id).await?;
    Ok(axum::Json(Deleted { id }))
}
