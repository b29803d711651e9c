//! Around every route that goes to a platform: a write with an `Idempotency-Key` happens once (see [`gateway::idempotency`]).

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use futures_util::stream::iter;
use gateway::idempotency::{CallAnswer, KeyedWrite, MAX_KEPT_BODY, Once, check_key, fingerprint};
use gateway::{Error, Outcome};
use http::{HeaderMap, HeaderName};
use upstream::SendError;

use crate::App;
use crate::body;
use crate::caller::AnyCaller;
use crate::error::ApiError;
use crate::{reply, turns};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Passes reads and writes without a key on as they are. The body of one with a key is read first: it is part of what the key names.
pub(crate) async fn once(State(app): State<App>, request: Request, next: Next) -> Response {
    if request.method().is_safe() || !request.headers().contains_key(KEY) {
        return turns::run(request, next).await;
    }
    Box::pin(keyed(app, request, next)).await.unwrap_or_else(ApiError::into_response)
}

async fn keyed(app: App, request: Request, next: Next) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let AnyCaller(caller) = AnyCaller::from_request_parts(&mut parts, &app).await?;
    let key = key(&parts.headers)?;
    let body = body::read(body, app.body_limit).await?;
    let fingerprint = fingerprint(&parts.method, parts.uri.path(), parts.uri.query(), &body);
    let write = KeyedWrite { caller, key, fingerprint };
    let run = move || async move {
        collect(turns::run(Request::from_parts(parts, Body::from(body)), next).await).await
    };
    Ok(match app.gateway.once(&write, run).await? {
        Once::Done(response) => response,
        Once::Replayed(replay) => reply::replay(replay),
    })
}

fn key(headers: &HeaderMap) -> Result<String, ApiError> {
    let mut keys = headers.get_all(KEY).iter();
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(check_key(key.as_bytes())?.to_owned()),
        _ => Err(ApiError::bad_request("send one Idempotency-Key: a write has one name")),
    }
}

/// An answer that ends too early: the platform began it, so the write may have been applied.
fn broken(error: axum::Error) -> (Response, CallAnswer) {
    let cause = error.into_inner().downcast::<SendError>().map_or(SendError::Truncated, |cause| *cause);
    let error = Error::from(cause).with_outcome(Outcome::Unknown);
    let (parts, body) = ApiError::from(error).into_parts();
    let headers = parts.headers.clone();
    let answer = CallAnswer {
        status: parts.status,
        headers,
        body: Some(body.clone()),
        outcome: Some(Outcome::Unknown),
    };
    (Response::from_parts(parts, Body::from(body)), answer)
}

/// Reads an answer as far as it is kept: the whole of it, or the beginning of one that is too large, which is given on as it comes.
async fn collect(response: Response) -> (Response, CallAnswer) {
    let (parts, body) = response.into_parts();
    let outcome = parts.extensions.get::<Outcome>().copied();
    let (status, headers) = (parts.status, parts.headers.clone());
    let mut rest = body.into_data_stream();
    let (mut read, mut size) = (Vec::new(), 0);
    while size <= MAX_KEPT_BODY {
        match rest.next().await {
            Some(Ok(data)) => {
                size += data.len();
                read.push(data);
            }
            Some(Err(error)) => return broken(error),
            None => {
                let body = Bytes::from(read.concat());
                let answer = CallAnswer { status, headers, body: Some(body.clone()), outcome };
                return (Response::from_parts(parts, Body::from(body)), answer);
            }
        }
    }
    let answer = CallAnswer { status, headers, body: None, outcome };
    let all = iter(read.into_iter().map(Ok)).chain(rest);
    (Response::from_parts(parts, Body::from_stream(all)), answer)
}
