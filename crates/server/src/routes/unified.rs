//! Endpoints for records in the unified shape, and for what that shape is.

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use gateway::{Caller, UnifiedCall};
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::proxy::Records;
use super::{AdminErrors, BodyErrors, CallErrors};
use crate::App;
use crate::body::payload;
use crate::caller::{AnyCaller, ApiCaller};
use crate::error::ApiError;
use crate::parameters::{Keyed, Listing, Reading, WhichAccount};
use crate::path::Path;
use crate::query::Query;
use crate::reply;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create, update_without_id, delete_without_id))
        .routes(routes!(get, method, update, delete))
        .routes(routes!(record_method))
        .routes(routes!(model_meta))
        .routes(routes!(method_meta))
        .routes(routes!(integration_method_meta))
}

/// A unified resource, as a path names it.
type Named = (String, String);

/// Reads the body, if the call has one, and does it.
async fn call(
    app: &App,
    caller: Caller,
    ((model, resource), method, id): (Named, &str, Option<String>),
    query: Map<String, Value>,
    request: Request,
) -> Result<Response, ApiError> {
    let payload = payload(request, app.body_limit).await?;
    let call = UnifiedCall { caller, model, resource, method: method.to_owned(), id, query, payload };
    Ok(reply::write(app.gateway.unified(call).await?))
}

/// Lists records of any unified resource. The paths of each model's resources tell their filters and fields.
#[utoipa::path(get, path = "/unified/{model}/{resource}", operation_id = "unified_list", tag = "unified",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("model" = String, Path, description = "The unified model", example = "ecommerce"),
        ("resource" = String, Path, description = "Its resource", example = "orders"),
        WhichAccount, Reading, Listing, Keyed,
    ),
    responses((status = 200, description = "The records", body = Records), CallErrors))]
async fn list(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path(named): Path<Named>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, caller, (named, "list", None), query, request).await
}

/// Gets a record of any unified resource.
#[utoipa::path(get, path = "/unified/{model}/{resource}/{id}", operation_id = "unified_get", tag = "unified",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("model" = String, Path, description = "The unified model", example = "ecommerce"),
        ("resource" = String, Path, description = "Its resource", example = "orders"),
        ("id" = String, Path, description = "The record's id"),
        WhichAccount, Reading,
    ),
    responses((status = 200, description = "The record", body = Object), CallErrors))]
async fn get(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path((model, resource, id)): Path<(String, String, String)>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, caller, ((model, resource), "get", Some(id)), query, request).await
}

/// Creates a record, where the model's resource and the integration can.
#[utoipa::path(post, path = "/unified/{model}/{resource}", operation_id = "unified_create", tag = "unified",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("model" = String, Path, description = "The unified model", example = "ecommerce"),
        ("resource" = String, Path, description = "Its resource", example = "orders"),
        WhichAccount,
    ),
    request_body = Object,
    responses((status = 200, description = "The record", body = Object), CallErrors, BodyErrors))]
async fn create(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path(named): Path<Named>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, caller, (named, "create", None), query, request).await
}

/// Changes a record, where the model's resource and the integration can.
#[utoipa::path(patch, path = "/unified/{model}/{resource}/{id}", operation_id = "unified_update", tag = "unified",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("model" = String, Path, description = "The unified model", example = "ecommerce"),
        ("resource" = String, Path, description = "Its resource", example = "orders"),
        ("id" = String, Path, description = "The record's id"),
        WhichAccount,
    ),
    request_body = Object,
    responses((status = 200, description = "The record", body = Object), CallErrors, BodyErrors))]
async fn update(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path((model, resource, id)): Path<(String, String, String)>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, caller, ((model, resource), "update", Some(id)), query, request).await
}

/// Changes a record of a resource whose platform takes the id in the body.
#[utoipa::path(patch, path = "/unified/{model}/{resource}", operation_id = "unified_update_without_id", tag = "unified",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("model" = String, Path, description = "The unified model", example = "ecommerce"),
        ("resource" = String, Path, description = "Its resource", example = "orders"),
        WhichAccount,
    ),
    request_body = Object,
    responses((status = 200, description = "The record", body = Object), CallErrors, BodyErrors))]
async fn update_without_id(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path(named): Path<Named>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, caller, (named, "update", None), query, request).await
}

/// Deletes a record, where the model's resource and the integration can.
#[utoipa::path(delete, path = "/unified/{model}/{resource}/{id}", operation_id = "unified_delete", tag = "unified",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("model" = String, Path, description = "The unified model", example = "ecommerce"),
        ("resource" = String, Path, description = "Its resource", example = "orders"),
        ("id" = String, Path, description = "The record's id"),
        WhichAccount,
    ),
    responses((status = 200, description = "It is deleted", body = super::Deleted), CallErrors, BodyErrors))]
async fn delete(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path((model, resource, id)): Path<(String, String, String)>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, caller, ((model, resource), "delete", Some(id)), query, request).await
}

/// Deletes a record of a resource whose platform takes the id in the query or the body.
#[utoipa::path(delete, path = "/unified/{model}/{resource}", operation_id = "unified_delete_without_id", tag = "unified",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("model" = String, Path, description = "The unified model", example = "ecommerce"),
        ("resource" = String, Path, description = "Its resource", example = "orders"),
        WhichAccount,
    ),
    responses((status = 200, description = "It is deleted", body = super::Deleted), CallErrors, BodyErrors))]
async fn delete_without_id(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path(named): Path<Named>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, caller, (named, "delete", None), query, request).await
}

/// Calls a method of the resource's own.
#[utoipa::path(post, path = "/unified/{model}/{resource}/{id}", operation_id = "unified_method", tag = "unified",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("model" = String, Path, description = "The unified model", example = "ecommerce"),
        ("resource" = String, Path, description = "Its resource", example = "orders"),
        ("id" = String, Path, description = "The method"),
        WhichAccount,
    ),
    request_body = Option<Object>,
    responses((status = 200, description = "`{result}`", body = Object), CallErrors, BodyErrors))]
async fn method(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path((model, resource, method)): Path<(String, String, String)>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, caller, ((model, resource), &method, None), query, request).await
}

/// Calls a method of the resource's own on one record.
#[utoipa::path(post, path = "/unified/{model}/{resource}/{id}/{method}", operation_id = "unified_record_method", tag = "unified",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("model" = String, Path, description = "The unified model", example = "ecommerce"),
        ("resource" = String, Path, description = "Its resource", example = "memberships"),
        ("id" = String, Path, description = "The record's id"),
        ("method" = String, Path, description = "The method", example = "cancel"),
        WhichAccount,
    ),
    request_body = Option<Object>,
    responses((status = 200, description = "`{result}`", body = Object), CallErrors, BodyErrors))]
async fn record_method(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path((model, resource, id, method)): Path<(String, String, String, String)>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, caller, ((model, resource), &method, Some(id)), query, request).await
}

/// Documents all resources of a model for one integration: fields, sources, filters.
#[utoipa::path(get, path = "/unified/meta/{model}/{integration}", operation_id = "unified_model_meta", tag = "unified",
    params(
        ("model" = String, Path, description = "The unified model", example = "ecommerce"),
        ("integration" = String, Path, description = "The integration's slug"),
        ("format" = Option<String>, Query, description = "`json` (the default), `md` or `html`"),
    ),
    responses(
        (status = 200, description = "The documentation", content(
            (Object = "application/json"), (String = "text/markdown"), (String = "text/html"),
        )),
        AdminErrors,
    ))]
async fn model_meta(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path((model, integration)): Path<(String, String)>,
    Query(query): Query,
) -> Result<Response, ApiError> {
    let document = app.gateway.unified_meta(&caller, &model, &integration, &query).await?;
    Ok(([(CONTENT_TYPE, document.content_type)], document.text).into_response())
}

/// Documents one method of a unified resource for one account, its overrides included.
#[utoipa::path(get, path = "/unified/{model}/{resource}/meta/{method}", operation_id = "unified_method_meta", tag = "unified",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("model" = String, Path, description = "The unified model", example = "ecommerce"),
        ("resource" = String, Path, description = "Its resource", example = "orders"),
        ("method" = String, Path, description = "The method", example = "list"),
        ("integrated_account_id" = Option<String>, Query, description = "Shows it with this account's overrides"),
    ),
    responses((status = 200, description = "The documentation", body = Object), AdminErrors))]
async fn method_meta(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path((model, resource, method)): Path<(String, String, String)>,
    Query(query): Query,
) -> Result<Json<Value>, ApiError> {
    let meta = app.gateway.unified_method_meta(&caller, &model, &resource, None, &method, &query).await?;
    Ok(Json(meta))
}

/// Documents one method of a unified resource for one integration.
#[utoipa::path(get, path = "/unified/{model}/{resource}/{integration}/meta/{method}",
    operation_id = "unified_integration_method_meta", tag = "unified",
    params(
        ("model" = String, Path, description = "The unified model", example = "ecommerce"),
        ("resource" = String, Path, description = "Its resource", example = "orders"),
        ("integration" = String, Path, description = "The integration's slug"),
        ("method" = String, Path, description = "The method", example = "list"),
        ("integrated_account_id" = Option<String>, Query, description = "Shows it with this account's overrides"),
    ),
    responses((status = 200, description = "The documentation", body = Object), AdminErrors))]
async fn integration_method_meta(
    State(app): State<App>,
    ApiCaller(caller): ApiCaller,
    Path((model, resource, integration, method)): Path<(String, String, String, String)>,
    Query(query): Query,
) -> Result<Json<Value>, ApiError> {
    let meta = app
        .gateway
        .unified_method_meta(&caller, &model, &resource, Some(&integration), &method, &query)
        .await?;
    Ok(Json(meta))
}
