//! Endpoints for integrated accounts: connecting them, reading and changing them, their tokens.

use axum::extract::State;
use gateway::ListOf;
use gateway::account_tokens::MadeAccountToken;
use gateway::accounts::{Account, AccountChange, CredentialsChange, NewAccount};
use gateway::budget::BudgetView;
use gateway::tools::Tool;
use serde::Deserialize;
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{AdminErrors, BodyErrors, ById, Deleted, Success};
use crate::App;
use crate::body::Json;
use crate::caller::{AnyCaller, ApiCaller};
use crate::error::ApiError;
use crate::parameters::{Capabilities, Paging, Tools};
use crate::path::Path;
use crate::query::Query;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(me, update_me))
        .routes(routes!(create_token))
        .routes(routes!(refresh_credentials))
        .routes(routes!(run_post_install_actions))
        .routes(routes!(bulk_delete))
        .routes(routes!(get, update, delete))
        .routes(routes!(update_credentials))
        .routes(routes!(capabilities))
        .routes(routes!(tools))
        .routes(routes!(budget))
}

/// Which accounts to answer.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "read by utoipa's macros only")]
struct AccountFilters {
    /// Only accounts of this tenant.
    tenant_id: Option<String>,
    /// The caller's own environment.
    environment_id: Option<String>,
    /// Only accounts that refuse (`true`) or take (`false`) writes.
    is_sandbox: Option<bool>,
    /// Only accounts of this integration, by its slug. `integration[name]` is the same.
    #[param(rename = "integration.name")]
    integration_name: Option<String>,
    /// Only accounts of this installed integration.
    environment_integration_id: Option<String>,
    /// Only accounts with this status.
    #[param(inline, pattern = "^(connecting|active|post_install_error|validation_error|needs_reauth)$")]
    status: Option<String>,
    /// When they were connected: `created_at[gt]`, `[gte]`, `[lt]`, `[lte]`.
    #[param(style = DeepObject, explode, value_type = Option<Object>)]
    created_at: Option<()>,
    /// When they last changed, likewise.
    #[param(style = DeepObject, explode, value_type = Option<Object>)]
    updated_at: Option<()>,
}

/// Whom to make a token for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccountToken {
    /// The account.
    integrated_account_id: String,
}

/// Which accounts to delete.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BulkDelete {
    /// Their ids. Accounts that are not there count as deleted.
    ids: Vec<String>,
}

/// Lists the environment's accounts.
#[utoipa::path(get, path = "/integrated-account", operation_id = "list_integrated_accounts", tag = "integrated accounts",
    params(AccountFilters, Paging),
    responses((status = 200, description = "The accounts", body = ListOf<Account>), AdminErrors))]
async fn list(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Query(query): Query,
) -> Result<axum::Json<ListOf<Account>>, ApiError> {
    Ok(axum::Json(app.gateway.accounts(&caller, &query).await?))
}

/// Connects an account with given credentials. They are checked and sealed; then the integration's `post_install` and
/// `validation` actions run, and the account is answered with the status that came of them.
#[utoipa::path(post, path = "/integrated-account", operation_id = "create_integrated_account", tag = "integrated accounts",
    request_body = NewAccount,
    responses((status = 200, description = "The account; see its `status`", body = Account), AdminErrors, BodyErrors))]
async fn create(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Json(new): Json<NewAccount>,
) -> Result<axum::Json<Account>, ApiError> {
    Ok(axum::Json(app.gateway.create_account(&caller, new).await?))
}

/// Gets an account. Its credentials are never part of it.
#[utoipa::path(get, path = "/integrated-account/{id}", operation_id = "get_integrated_account", tag = "integrated accounts",
    params(("id" = String, Path, description = "The account's id")),
    responses((status = 200, description = "The account", body = Account), AdminErrors))]
async fn get(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<axum::Json<Account>, ApiError> {
    Ok(axum::Json(app.gateway.account(&caller, &id).await?))
}

/// Changes an account. `context` is merged at its root; overrides are checked first.
#[utoipa::path(patch, path = "/integrated-account/{id}", operation_id = "update_integrated_account",
    tag = "integrated accounts",
    params(("id" = String, Path, description = "The account's id")),
    request_body = AccountChange,
    responses((status = 200, description = "The account", body = Account), AdminErrors, BodyErrors))]
async fn update(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    Json(change): Json<AccountChange>,
) -> Result<axum::Json<Account>, ApiError> {
    Ok(axum::Json(app.gateway.update_account(&caller, &id, change).await?))
}

/// Deletes an account with its credentials and tokens.
#[utoipa::path(delete, path = "/integrated-account/{id}", operation_id = "delete_integrated_account",
    tag = "integrated accounts",
    params(("id" = String, Path, description = "The account's id")),
    responses((status = 200, description = "It is deleted", body = Deleted), AdminErrors))]
async fn delete(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<axum::Json<Deleted>, ApiError> {
    app.gateway.delete_account(&caller, &id).await?;
    Ok(axum::Json(Deleted { id }))
}

/// Gets the account of the integrated account token that calls.
#[utoipa::path(get, path = "/integrated-account/me", operation_id = "get_own_integrated_account",
    tag = "integrated accounts", security(("integrated_account_token" = [])),
    responses((status = 200, description = "The account", body = Account), AdminErrors))]
async fn me(State(app): State<App>, AnyCaller(caller): AnyCaller) -> Result<axum::Json<Account>, ApiError> {
    Ok(axum::Json(app.gateway.account(&caller, "me").await?))
}

/// Changes the account of the integrated account token that calls.
#[utoipa::path(patch, path = "/integrated-account/me", operation_id = "update_own_integrated_account",
    tag = "integrated accounts", security(("integrated_account_token" = [])),
    request_body = AccountChange,
    responses((status = 200, description = "The account", body = Account), AdminErrors, BodyErrors))]
async fn update_me(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Json(change): Json<AccountChange>,
) -> Result<axum::Json<Account>, ApiError> {
    Ok(axum::Json(app.gateway.update_account(&caller, "me", change).await?))
}

/// Gives an account new credentials and connects it again, as creating it does.
#[utoipa::path(patch, path = "/integrated-account/{id}/credentials", operation_id = "update_integrated_account_credentials",
    tag = "integrated accounts",
    params(("id" = String, Path, description = "The account's id")),
    request_body = CredentialsChange,
    responses((status = 200, description = "The account; see its `status`", body = Account), AdminErrors, BodyErrors))]
async fn update_credentials(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    Json(change): Json<CredentialsChange>,
) -> Result<axum::Json<Account>, ApiError> {
    Ok(axum::Json(app.gateway.update_credentials(&caller, &id, change).await?))
}

/// Makes a token for one account, for fifteen minutes: safe to give to a browser.
#[utoipa::path(post, path = "/integrated-account/token", operation_id = "create_integrated_account_token", tag = "tokens",
    request_body = NewAccountToken,
    responses((status = 200, description = "The token, shown this once", body = MadeAccountToken), AdminErrors, BodyErrors))]
async fn create_token(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Json(new): Json<NewAccountToken>,
) -> Result<axum::Json<MadeAccountToken>, ApiError> {
    Ok(axum::Json(app.gateway.create_account_token(&caller, &new.integrated_account_id).await?))
}

/// Renews what the platform issues for a time. Static keys have nothing to renew: the platform is asked whether it still
/// takes them, and its refusal is the error.
#[utoipa::path(post, path = "/integrated-account/refresh-credentials", operation_id = "refresh_integrated_account_credentials",
    tag = "integrated accounts",
    request_body = ById,
    responses((status = 200, description = "The credentials are good", body = Success), AdminErrors, BodyErrors))]
async fn refresh_credentials(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Json(ById { id }): Json<ById>,
) -> Result<axum::Json<Success>, ApiError> {
    app.gateway.refresh_credentials(&caller, &id).await?;
    Ok(axum::Json(Success { success: true }))
}

/// Runs an account's `post_install` and `validation` actions again.
#[utoipa::path(post, path = "/integrated-account/run-post-install-actions", operation_id = "run_post_install_actions",
    tag = "integrated accounts",
    request_body = ById,
    responses((status = 200, description = "The account; see its `status`", body = Account), AdminErrors, BodyErrors))]
async fn run_post_install_actions(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Json(ById { id }): Json<ById>,
) -> Result<axum::Json<Account>, ApiError> {
    Ok(axum::Json(app.gateway.run_post_install_actions(&caller, &id).await?))
}

/// Deletes several accounts.
#[utoipa::path(post, path = "/integrated-account/bulk-delete", operation_id = "delete_integrated_accounts",
    tag = "integrated accounts",
    request_body = BulkDelete,
    responses((status = 200, description = "They are deleted", body = Success), AdminErrors, BodyErrors))]
async fn bulk_delete(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Json(BulkDelete { ids }): Json<BulkDelete>,
) -> Result<axum::Json<Success>, ApiError> {
    app.gateway.delete_accounts(&caller, &ids).await?;
    Ok(axum::Json(Success { success: true }))
}

/// Tells what an account can do, with its overrides.
#[utoipa::path(get, path = "/integrated-account/{id}/capabilities", operation_id = "get_integrated_account_capabilities",
    tag = "integrated accounts",
    params(("id" = String, Path, description = "The account's id"), Capabilities),
    responses((status = 200, description = "What it can do", body = Object), AdminErrors))]
async fn capabilities(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    Query(query): Query,
) -> Result<axum::Json<Value>, ApiError> {
    Ok(axum::Json(app.gateway.account_capabilities(&caller, &id, &query).await?))
}

/// What can be called on an account, described for programs that choose by themselves: unified resources, and what is described of the
/// platform's own.
#[utoipa::path(get, path = "/integrated-account/{id}/tools", operation_id = "get_integrated_account_tools", tag = "integrated accounts",
    params(("id" = String, Path, description = "The account's id"), Tools),
    responses((status = 200, description = "The tools", body = Vec<Tool>), AdminErrors))]
async fn tools(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
    Query(query): Query,
) -> Result<axum::Json<Vec<Tool>>, ApiError> {
    Ok(axum::Json(app.gateway.tools(&caller, &id, &query).await?))
}

/// Tells how the platform's limits stand for an account, over all nodes: what is left, what waits, and whether the platform is down.
#[utoipa::path(get, path = "/integrated-account/{id}/budget", operation_id = "integrated_account_budget",
    tag = "integrated accounts",
    params(("id" = String, Path, description = "The account's id")),
    responses((status = 200, description = "The limits", body = BudgetView), AdminErrors))]
async fn budget(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path(id): Path<String>,
) -> Result<axum::Json<BudgetView>, ApiError> {
    Ok(axum::Json(app.gateway.budget(&caller, &id).await?))
}
