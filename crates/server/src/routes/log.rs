//! The endpoint for the log of calls.

use axum::Json;
use axum::extract::State;
use gateway::ListOf;
use gateway::log::LogRow;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::AdminErrors;
use crate::App;
use crate::caller::ApiCaller;
use crate::error::ApiError;
use crate::query::Query;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Which rows to answer.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by utoipa's macros only")]
struct LogParameters {
    /// The kind of log: `unified_proxy_api`.
    log_type: Option<String>,
    /// When the call was made: `created_at[gt]`, `[gte]`, `[lt]`, `[lte]`; a month at most.
    #[param(style = DeepObject, explode, value_type = Option<Object>)]
    created_at: Option<()>,
    /// Only rows with these values: `log_type_filter[resource]=orders`. Names: `integrated_account_id`, `tenant_id`,
    /// `integration`, `request_type`, `resource`, `method`, `http_method`, `http_status_code`, `http_status_category`,
    /// `integrated_account_needs_reauth`. The same names work at the root.
    #[param(style = DeepObject, explode, value_type = Option<Object>)]
    log_type_filter: Option<()>,
    /// The most rows of a page.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    next_cursor: Option<String>,
}

/// Lists the calls of the data plane, newest first. Bodies are never kept.
#[utoipa::path(get, path = "/log", operation_id = "list_logs", tag = "logs",
    params(LogParameters),
    responses((status = 200, description = "The calls", body = ListOf<LogRow>), AdminErrors))]
async fn list(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Query(query): Query,
) -> Result<Json<ListOf<LogRow>>, ApiError> {
    Ok(Json(app.gateway.logs(&caller, &query).await?))
}
