//! The sandbox's own controls, for tests in another process.

use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::decisions::LimitRecord;
use super::faults::{FaultRule, InstalledFault};
use super::requests::RequestCount;
use super::serve::App;
use super::writes::AppliedWrite;
use crate::Tenant;
use crate::live::Event;

/// The routes below `/_sandbox`.
pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/_sandbox/tenants", get(tenants))
        .route("/_sandbox/requests", get(requests).delete(clear_requests))
        .route("/_sandbox/limit", get(limit))
        .route("/_sandbox/writes", get(writes).delete(clear_writes))
        .route("/_sandbox/events", post(event))
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

async fn limit(State(app): State<App>) -> Json<LimitRecord> {
    Json(app.requests.limit())
}

async fn writes(State(app): State<App>) -> Json<Vec<AppliedWrite>> {
    Json(app.writes.list())
}

async fn clear_writes(State(app): State<App>) -> StatusCode {
    app.writes.clear();
    StatusCode::NO_CONTENT
}

/// Which event is to happen.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventRequest {
    /// The winery; the first one where absent.
    tenant: Option<String>,
    /// What happens; drawn where absent.
    event: Option<Event>,
    /// The order that is refunded, exchanged or fulfilled, or the membership that is cancelled; drawn where absent.
    id: Option<String>,
}

async fn event(
    State(app): State<App>,
    request: Result<Json<EventRequest>, JsonRejection>,
) -> (StatusCode, Json<Value>) {
    let Json(request) = match request {
        Ok(request) => request,
        Err(rejection) => return (rejection.status(), Json(json!({"message": rejection.body_text()}))),
    };
    let winery = match &request.tenant {
        Some(name) => app.wineries.find(name).map(|(_, winery)| winery),
        None => Some(app.wineries.first()),
    };
    let Some(winery) = winery else {
        return (StatusCode::NOT_FOUND, Json(json!({"message": "there is no such winery"})));
    };
    match app.day.happen(winery, app.time.now(), request.event, request.id.as_deref()) {
        Ok(happened) => (StatusCode::CREATED, Json(json!(happened))),
        Err(error) => (StatusCode::CONFLICT, Json(json!({"message": error}))),
    }
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
