//! Endpoints for the platform's own resources, by their own names.

use axum::extract::{Request, State};
use axum::response::Response;
use gateway::{Caller, ProxyCall};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, Schema, SchemaType,
};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{BodyErrors, CallErrors};
use crate::App;
use crate::body::payload;
use crate::caller::AnyCaller;
use crate::error::ApiError;
use crate::parameters::{Listing, OwnReading, WhichAccount, Writing};
use crate::path::Path;
use crate::query::Query;
use crate::reply;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create, update_without_id, delete_without_id))
        .routes(routes!(get, method, update, delete))
        .routes(routes!(action))
}

/// A page of the platform's records.
#[derive(ToSchema)]
#[expect(dead_code, reason = "read by utoipa's macros only")]
pub(crate) struct Records {
    #[schema(schema_with = result)]
    result: (),
    /// Pass it back as the query parameter of that name; `null` ends.
    next_cursor: Option<String>,
    /// Always `null`: the platforms' cursors only go on.
    prev_cursor: Option<String>,
    /// How many records there are in `result`.
    result_count: u64,
    /// Whether `result` lacks something that belongs to it.
    is_partial_response: bool,
}

/// An array, or an object of the same.
fn result() -> Schema {
    let array = ArrayBuilder::new().items(Object::with_type(SchemaType::AnyValue));
    let object = ObjectBuilder::new().additional_properties(Some(AdditionalProperties::FreeForm(true)));
    OneOfBuilder::new()
        .description(Some("The records; on unified lists with `truto_key_by` an object of them."))
        .item(array)
        .item(object)
        .into()
}

/// Reads the body, if the call has one, and does it.
async fn call(
    app: &App,
    (caller, resource, method): (Caller, String, &str),
    id: Option<String>,
    query: Map<String, Value>,
    request: Request,
) -> Result<Response, ApiError> {
    let payload = payload(request, app.body_limit).await?;
    let call = ProxyCall { caller, resource, method: method.to_owned(), id, query, payload };
    Ok(reply::write(app.gateway.proxy(call).await?))
}

/// Lists records of a resource. All other parameters are the platform's own and are passed on.
#[utoipa::path(get, path = "/proxy/{resource}", operation_id = "proxy_list", tag = "proxy",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(("resource" = String, Path, description = "The resource, see the account's capabilities"), WhichAccount, OwnReading, Listing),
    responses((status = 200, description = "The records", body = Records), CallErrors))]
async fn list(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path(resource): Path<String>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, (caller, resource, "list"), None, query, request).await
}

/// Gets a record as the platform has it.
#[utoipa::path(get, path = "/proxy/{resource}/{id}", operation_id = "proxy_get", tag = "proxy",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("resource" = String, Path, description = "The resource, see the account's capabilities"),
        ("id" = String, Path, description = "The record's id"),
        WhichAccount, OwnReading,
    ),
    responses((status = 200, description = "The platform's answer", body = Value), CallErrors))]
async fn get(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path((resource, id)): Path<(String, String)>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, (caller, resource, "get"), Some(id), query, request).await
}

/// Creates a record from a body in the platform's own shape.
#[utoipa::path(post, path = "/proxy/{resource}", operation_id = "proxy_create", tag = "proxy",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(("resource" = String, Path, description = "The resource, see the account's capabilities"), WhichAccount, Writing),
    request_body = Value,
    responses((status = 200, description = "The platform's answer; its status is kept", body = Value), CallErrors, BodyErrors))]
async fn create(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path(resource): Path<String>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, (caller, resource, "create"), None, query, request).await
}

/// Changes a record; the body is in the platform's own shape.
#[utoipa::path(patch, path = "/proxy/{resource}/{id}", operation_id = "proxy_update", tag = "proxy",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("resource" = String, Path, description = "The resource, see the account's capabilities"),
        ("id" = String, Path, description = "The record's id"),
        WhichAccount, Writing,
    ),
    request_body = Value,
    responses((status = 200, description = "The platform's answer; its status is kept", body = Value), CallErrors, BodyErrors))]
async fn update(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path((resource, id)): Path<(String, String)>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, (caller, resource, "update"), Some(id), query, request).await
}

/// Changes a record of a resource that takes the id in the body, or has none.
#[utoipa::path(patch, path = "/proxy/{resource}", operation_id = "proxy_update_without_id", tag = "proxy",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(("resource" = String, Path, description = "The resource, see the account's capabilities"), WhichAccount, Writing),
    request_body = Value,
    responses((status = 200, description = "The platform's answer; its status is kept", body = Value), CallErrors, BodyErrors))]
async fn update_without_id(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path(resource): Path<String>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, (caller, resource, "update"), None, query, request).await
}

/// Deletes a record.
#[utoipa::path(delete, path = "/proxy/{resource}/{id}", operation_id = "proxy_delete", tag = "proxy",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("resource" = String, Path, description = "The resource, see the account's capabilities"),
        ("id" = String, Path, description = "The record's id"),
        WhichAccount,
    ),
    responses((status = 200, description = "The platform's answer; its status is kept", body = Value), CallErrors, BodyErrors))]
async fn delete(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path((resource, id)): Path<(String, String)>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, (caller, resource, "delete"), Some(id), query, request).await
}

/// Deletes a record of a resource that takes the id in the query or the body.
#[utoipa::path(delete, path = "/proxy/{resource}", operation_id = "proxy_delete_without_id", tag = "proxy",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(("resource" = String, Path, description = "The resource, see the account's capabilities"), WhichAccount),
    responses((status = 200, description = "The platform's answer; its status is kept", body = Value), CallErrors, BodyErrors))]
async fn delete_without_id(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path(resource): Path<String>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, (caller, resource, "delete"), None, query, request).await
}

/// Calls a method of the resource's own. A method of one record takes the record's id as the query parameter `id`.
#[utoipa::path(post, path = "/proxy/{resource}/{id}", operation_id = "proxy_method", tag = "proxy",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(
        ("resource" = String, Path, description = "The resource, see the account's capabilities"),
        ("id" = String, Path, description = "The method"),
        WhichAccount, Writing,
    ),
    request_body = Option<Value>,
    responses((status = 200, description = "The platform's answer; its status is kept", body = Value), CallErrors, BodyErrors))]
async fn method(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path((resource, method)): Path<(String, String)>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, (caller, resource, &method), None, query, request).await
}

/// Runs a named action of the integration.
#[utoipa::path(post, path = "/proxy/_/{action}", operation_id = "proxy_action", tag = "proxy",
    security(("api_token" = []), ("integrated_account_token" = [])),
    params(("action" = String, Path, description = "The action"), WhichAccount),
    request_body = Option<Value>,
    responses((status = 200, description = "`{result}`: what the action gave", body = Object), CallErrors, BodyErrors))]
async fn action(
    State(app): State<App>,
    AnyCaller(caller): AnyCaller,
    Path(action): Path<String>,
    Query(query): Query,
    request: Request,
) -> Result<Response, ApiError> {
    call(&app, (caller, "_".to_owned(), &action), None, query, request).await
}
