//! Endpoints of the connecting page: what it offers, and connecting step by step, by a link token in the body; and of the form after it, by
//! an integrated account token in the body.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use gateway::link::{
    FormOptions, FormOptionsRequest, FormStart, FormStartRequest, FormSubmitRequest, FormSubmitted,
    LinkCallbackRequest, LinkConnectRequest, LinkLine, LinkResult, LinkStart, LinkStartRequest,
};
use http::header::{CONTENT_TYPE, HeaderValue};
use tokio::sync::mpsc::UnboundedReceiver;
use utoipa::IntoResponses;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::BodyErrors;
use crate::App;
use crate::body::Json;
use crate::error::{ApiError, ErrorBody};
use crate::public_url::PublicUrl;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(start))
        .routes(routes!(connect))
        .routes(routes!(form_start))
        .routes(routes!(form_options))
        .routes(routes!(form_submit))
        .routes(routes!(callback))
}

/// Errors of the connecting page's calls; `error_type` tells them apart.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "read by utoipa's macros only")]
enum LinkErrors {
    /// The call is wrong, the integration is not offered (`invalid_integration`), or there is no form or no way to its options
    /// (`rapid_form_error`).
    #[response(status = 400)]
    BadRequest(ErrorBody),
    /// The token is unknown, used or has ended (`invalid_token`).
    #[response(status = 401)]
    Unauthorized(ErrorBody),
    /// A page of another site makes the call.
    #[response(status = 403)]
    Forbidden(ErrorBody),
    /// Too many tokens that are not valid from this address; `retry-after` says for how long.
    #[response(status = 429)]
    TooManyRequests(ErrorBody),
    /// A fault of the gateway.
    #[response(status = 500)]
    Internal(ErrorBody),
    /// The database can't be reached; try again.
    #[response(status = 503)]
    Unavailable(ErrorBody),
}

/// What the token's holder may connect, and what each integration asks for. Needs no other token.
#[utoipa::path(post, path = "/connect-account/start", operation_id = "start_link", tag = "link", security(()),
    request_body = LinkStartRequest,
    responses((status = 200, description = "What there is to connect", body = LinkStart), LinkErrors, BodyErrors))]
async fn start(
    State(app): State<App>,
    Json(request): Json<LinkStartRequest>,
) -> Result<axum::Json<LinkStart>, ApiError> {
    Ok(axum::Json(app.gateway.link_start(&request).await?))
}

/// Connects an account with what was filled in. The answer is one JSON object a line: steps as they begin, and a result at last, which
/// tells of errors as well.
#[utoipa::path(post, path = "/connect-account/connect", operation_id = "connect_link", tag = "link", security(()),
    request_body = LinkConnectRequest,
    responses(
        (status = 200, description = "The lines", content_type = "application/x-ndjson", body = LinkLine),
        LinkErrors,
        BodyErrors,
    ))]
async fn connect(
    State(app): State<App>,
    PublicUrl(public_url): PublicUrl,
    Json(request): Json<LinkConnectRequest>,
) -> Response {
    let integration = request.integration.clone();
    told(&integration, app.gateway.link_connect(request, public_url).await)
}

/// Goes on connecting an account whose platform asked the person itself, with what they came back with. The lines are those of
/// `/connect-account/connect`.
#[utoipa::path(post, path = "/connect-account/callback", operation_id = "link_callback", tag = "link", security(()),
    request_body = LinkCallbackRequest,
    responses(
        (status = 200, description = "The lines", content_type = "application/x-ndjson", body = LinkLine),
        LinkErrors,
        BodyErrors,
    ))]
async fn callback(State(app): State<App>, Json(request): Json<LinkCallbackRequest>) -> Response {
    told("", app.gateway.link_callback(request).await)
}

fn told(integration: &str, begun: Result<UnboundedReceiver<LinkLine>, gateway::Error>) -> Response {
    let (body, error_type) = match begun {
        Ok(receiver) => (lines(receiver), None),
        Err(error) => {
            let line = LinkLine::Result(LinkResult::failed(integration, &error));
            (Body::from(written(&line)), error.link_error_type())
        }
    };
    let mut response =
        ([(CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"))], body).into_response();
    if let Some(error_type) = error_type {
        // For what stands around the call and does not read the lines.
        response.extensions_mut().insert(error_type);
    }
    response
}

/// The form of an account, with the options that are read of its own records.
#[utoipa::path(post, path = "/connect-account/post-connect/start", operation_id = "start_form", tag = "link", security(()),
    request_body = FormStartRequest,
    responses((status = 200, description = "The form", body = FormStart), LinkErrors, BodyErrors))]
async fn form_start(
    State(app): State<App>,
    Json(request): Json<FormStartRequest>,
) -> Result<axum::Json<FormStart>, ApiError> {
    Ok(axum::Json(app.gateway.form_start(request).await?))
}

/// The options of a field, by what is filled in before it.
#[utoipa::path(post, path = "/connect-account/post-connect/options", operation_id = "list_form_options", tag = "link",
    security(()),
    request_body = FormOptionsRequest,
    responses((status = 200, description = "The options", body = FormOptions), LinkErrors, BodyErrors))]
async fn form_options(
    State(app): State<App>,
    Json(request): Json<FormOptionsRequest>,
) -> Result<axum::Json<FormOptions>, ApiError> {
    Ok(axum::Json(app.gateway.form_options(request).await?))
}

/// Keeps what was filled in with the account. What does not fit is told field by field (`details.failures`).
#[utoipa::path(post, path = "/connect-account/post-connect/submit", operation_id = "submit_form", tag = "link",
    security(()),
    request_body = FormSubmitRequest,
    responses((status = 200, description = "It is kept", body = FormSubmitted), LinkErrors, BodyErrors))]
async fn form_submit(
    State(app): State<App>,
    Json(request): Json<FormSubmitRequest>,
) -> Result<axum::Json<FormSubmitted>, ApiError> {
    Ok(axum::Json(app.gateway.form_submit(request).await?))
}

fn lines(receiver: UnboundedReceiver<LinkLine>) -> Body {
    Body::from_stream(stream::unfold(receiver, |mut receiver| async {
        let line = receiver.recv().await?;
        Some((Ok::<_, Infallible>(written(&line)), receiver))
    }))
}

fn written(line: &LinkLine) -> Bytes {
    // What is told is always writable as JSON.
    let mut text = serde_json::to_vec(line).unwrap_or_default();
    text.push(b'\n');
    text.into()
}
