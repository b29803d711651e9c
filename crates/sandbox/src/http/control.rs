//! The sandbox's own controls, for tests in another process.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::routing::{delete, get};
use axum::{Json, Router};
use http::StatusCode;
use serde_json::{Value, json};

use super::faults::{FaultRule, InstalledFault};
use super::requests::RequestCount;
use super::serve::App;
use crate::Tenant;

/// The routes below `/_sandbox`.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/_sandbox/tenants", get(tenants))
        .route("/_sandbox/requests", get(requests).delete(clear_requests))
        .route("/_sandbox/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/_sandbox/faults/{id}", delete(remove_fault))
}

async fn tenants(State(app): State<App>) -> Json<Vec<Tenant>> {
    Json(app.wineries.tenants())
}

async fn requests(State(app): State<App>) -> Json<Vec<RequestCount>> {
    Json(app.requests.list())
}

async fn clear_requests(State(app): State<App>) -> StatusCode {
    app.requests.clear();
    StatusCode::NO_CONTENT
}

async fn faults(State(app): State<App>) -> Json<Vec<InstalledFault>> {
    Json(app.faults.list())
}

async fn add_fault(
    State(app): State<App>,
    rule: Result<Json<FaultRule>, JsonRejection>,
) -> (StatusCode, Json<Value>) {
    match rule {
        Ok(Json(rule)) => (StatusCode::CREATED, Json(json!({"id": app.faults.add(rule)}))),
        Err(rejection) => (rejection.status(), Json(json!({"message": rejection.body_text()}))),
    }
}

async fn clear_faults(State(app): State<App>) -> StatusCode {
    app.faults.clear();
    StatusCode::NO_CONTENT
}

async fn remove_fault(State(app): State<App>, Path(id): Path<u64>) -> StatusCode {
    if app.faults.remove(id) { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}
