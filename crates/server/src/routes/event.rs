//! The endpoint for events: what happened to accounts and settings.

use axum::Json;
use axum::extract::State;
use gateway::ListOf;
use gateway::events::Event;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AdminErrors;
use crate::App;
use crate::caller::ApiCaller;
use crate::error::ApiError;
use crate::parameters::Paging;
use crate::query::Query;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which events to answer.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by utoipa's macros only")]
struct EventFilters {
    /// Only events of this name, such as `integrated_account:active`.
    event: Option<String>,
    /// Only events about this account.
    integrated_account_id: Option<String>,
    /// When they happened: `created_at[gt]`, `[gte]`, `[lt]`, `[lte]`.
    #[param(style = DeepObject, explode, value_type = Option<Object>)]
    created_at: Option<()>,
}

/// Lists what happened, newest first.
#[utoipa::path(get, path = "/event", operation_id = "list_events", tag = "events",
    params(EventFilters, Paging),
    responses((status = 200, description = "The events", body = ListOf<Event>), AdminErrors))]
async fn list(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Query(query): Query,
) -> Result<Json<ListOf<Event>>, ApiError> {
    Ok(Json(app.gateway.events(&caller, &query).await?))
}
