//! The sandbox's own controls, for tests in another process.

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Path, Request, State};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use http::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::decisions::LimitRecord;
use super::faults::{FaultRule, InstalledFault};
use super::requests::RequestCount;
use super::serve::App;
use super::writes::AppliedWrite;
use crate::Tenant;
use crate::apps::{self, AppError, AppVersion, Called};
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
        .route("/_sandbox/apps", get(list_apps))
        .route("/_sandbox/apps/{id}", put(enter_app))
        .route("/_sandbox/install", post(install))
        .route("/_sandbox/uninstall", post(uninstall))
}

/// A JSON body; what is wrong with it is told as all else is.
struct Asked<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Asked<T> {
    type Rejection = (StatusCode, Json<Value>);

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let told =
            |rejection: JsonRejection| (rejection.status(), Json(json!({"message": rejection.body_text()})));
        Json::from_request(request, state).await.map(|Json(asked)| Self(asked)).map_err(told)
    }
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

async fn event(State(app): State<App>, Asked(request): Asked<EventRequest>) -> (StatusCode, Json<Value>) {
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

async fn add_fault(State(app): State<App>, Asked(rule): Asked<FaultRule>) -> (StatusCode, Json<Value>) {
    (StatusCode::CREATED, Json(json!({"id": app.faults.add(rule)})))
}

async fn clear_faults(State(app): State<App>) -> StatusCode {
    app.faults.clear();
    StatusCode::NO_CONTENT
}

async fn remove_fault(State(app): State<App>, Path(id): Path<u64>) -> StatusCode {
    if app.faults.remove(id) { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

async fn list_apps(State(app): State<App>) -> Json<Vec<apps::App>> {
    Json(app.apps.list())
}

async fn enter_app(
    State(app): State<App>,
    Path(id): Path<String>,
    Asked(version): Asked<AppVersion>,
) -> (StatusCode, Json<Value>) {
    match app.apps.enter(&id, version) {
        Ok(()) => (StatusCode::OK, Json(json!({"app_id": id}))),
        Err(error) => not_done(&error),
    }
}

/// Which winery installs or uninstalls which app.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InstallRequest {
    /// The winery; the first one where absent.
    tenant: Option<String>,
    /// The app; the first one where absent.
    app: Option<String>,
    /// What the winery fills into the app's client settings.
    #[serde(default)]
    settings: Map<String, Value>,
}

impl InstallRequest {
    /// Names of winery and app.
    fn named(&self, app: &App) -> (String, String) {
        let first = app.wineries.first().credentials();
        let tenant = self.tenant.clone().unwrap_or_else(|| first.name.clone());
        (tenant, self.app.clone().unwrap_or_else(|| first.app_id.clone()))
    }
}

async fn install(State(app): State<App>, Asked(request): Asked<InstallRequest>) -> (StatusCode, Json<Value>) {
    let (tenant, id) = request.named(&app);
    called(app.apps.install(&tenant, &id, request.settings).await)
}

async fn uninstall(
    State(app): State<App>,
    Asked(request): Asked<InstallRequest>,
) -> (StatusCode, Json<Value>) {
    let (tenant, id) = request.named(&app);
    called(app.apps.uninstall(&tenant, &id).await)
}

/// What the app answered, or that it was not called.
fn called(result: Result<Option<Called>, AppError>) -> (StatusCode, Json<Value>) {
    match result {
        Ok(called) => (StatusCode::OK, Json(json!({"called": called}))),
        Err(error) => not_done(&error),
    }
}

fn not_done(error: &AppError) -> (StatusCode, Json<Value>) {
    let status = match error {
        AppError::NoTenant(_) | AppError::NoApp(_) => StatusCode::NOT_FOUND,
        AppError::NoPermission(_) => StatusCode::UNPROCESSABLE_ENTITY,
        AppError::NoAnswer(_) => StatusCode::BAD_GATEWAY,
    };
    (status, Json(json!({"message": error.to_string()})))
}
