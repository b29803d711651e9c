//! What watches the gateway from outside: whether it lives, whether it can serve, its metrics.

use axum::extract::State;
use axum::response::{Html, IntoResponse};
use http::header::CONTENT_TYPE;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::App;
use crate::error::{ApiError, ErrorBody};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(index))
        .routes(routes!(healthz))
        .routes(routes!(readyz))
        .routes(routes!(metrics))
}

/// How the gateway is.
#[derive(Serialize, ToSchema)]
struct Health {
    /// Always `ok`: anything else is an error.
    status: &'static str,
}

const OK: axum::Json<Health> = axum::Json(Health { status: "ok" });

/// A page that points to the documentation.
#[utoipa::path(get, path = "/", tag = "operation", security(()),
    responses((status = 200, description = "The page", content_type = "text/html", body = String)))]
async fn index() -> Html<&'static str> {
    Html(include_str!("index.html"))
}

/// Whether the program runs.
#[utoipa::path(get, path = "/healthz", tag = "operation", security(()),
    responses((status = 200, description = "It runs", body = Health)))]
async fn healthz() -> axum::Json<Health> {
    OK
}

/// Whether calls can be served: whether the database answers.
#[utoipa::path(get, path = "/readyz", tag = "operation", security(()),
    responses(
        (status = 200, description = "They can", body = Health),
        (status = 503, description = "The database does not answer", body = ErrorBody),
    ))]
async fn readyz(State(app): State<App>) -> Result<axum::Json<Health>, ApiError> {
    app.gateway.ready().await?;
    Ok(OK)
}

/// Metrics in Prometheus' text format.
#[utoipa::path(get, path = "/metrics", tag = "operation", security(()),
    responses(
        (status = 200, description = "The metrics", content_type = "text/plain", body = String),
        (status = 404, description = "Metrics are switched off", body = ErrorBody),
    ))]
async fn metrics(State(app): State<App>) -> Result<impl IntoResponse, ApiError> {
    let handle = app.metrics.as_ref().ok_or_else(|| ApiError::not_found("metrics are switched off"))?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render()))
}
