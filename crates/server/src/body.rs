//! Bodies of requests: JSON with a limit on size and time, and what becomes of a body that nobody read.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use gateway::Payload;
use http::header::{CONTENT_TYPE, EXPECT};
use http::{HeaderMap, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Limited};
use serde::de::DeserializeOwned;

use crate::App;
use crate::error::ApiError;
use crate::nul;

/// How long a caller may take to send a JSON body.
const READ_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of a refused body is still read, so that its sender gets to see the answer on a connection that stays usable.
const DRAIN_LIMIT: usize = 64 << 20;
/// How long that may take.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON body of a request. Without a body the value is read from `null`, so `Json<Option<T>>` makes it optional.
pub struct Json<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        let is_json = is_json(request.headers());
        let bytes = read(request.into_body(), app.body_limit).await?;
        if bytes.is_empty() {
            return serde_json::from_str("null")
                .map(Self)
                .map_err(|_| ApiError::bad_request("this call needs a JSON body and came without one"));
        }
        if !is_json {
            return Err(ApiError::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body has to be JSON, sent with `content-type: application/json`",
            ));
        }
        if nul::is_in_json(&bytes) {
            return Err(ApiError::bad_request("the body holds a NUL character (\\u0000); leave it out"));
        }
        serde_json::from_slice(&bytes).map(Self).map_err(|error| {
            let what = if error.is_data() { "the body does not fit" } else { "the body is not JSON" };
            ApiError::bad_request(format!("{what}: {error}"))
        })
    }
}

/// The body of a call, for the gateway to make sense of.
pub(crate) async fn payload(request: Request, limit: usize) -> Result<Payload, ApiError> {
    let content_type = request.headers().get(CONTENT_TYPE).cloned();
    let body = request.into_body();
    let body = if body.is_end_stream() { Bytes::new() } else { read(body, limit).await? };
    Ok(Payload { content_type, body: body.into() })
}

/// `application/json`, or a media type that ends in `+json`.
pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(CONTENT_TYPE).map(|value| value.to_str()) else { return false };
    let media = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"))
}

/// Reads a body of at most `limit` bytes. One that announces more is refused before it is read.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let too_large = || {
        ApiError::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than the {limit} bytes that this gateway takes"),
        )
    };
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let collected = tokio::time::timeout(READ_TIMEOUT, Limited::new(body, limit).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(too_large()),
        Ok(Err(_)) => Err(ApiError::bad_request("the body broke off")),
        Err(_) => Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "the body took too long to arrive")),
    }
}

/// Lets a refused body run out. Without it the server would close the connection on a caller who is still sending, who then
/// sees a reset instead of the answer.
pub(crate) fn drain_leftovers(request: Request) -> Request {
    // Who waits for `100 Continue` has not begun to send.
    let sending = !request.body().is_end_stream() && !request.headers().contains_key(EXPECT);
    if sending { request.map(|body| Body::new(Drained(Some(body)))) } else { request }
}

/// A body that is read to its end in the background when it is dropped before.
struct Drained(Option<Body>);

impl HttpBody for Drained {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let Some(body) = &mut self.0 else { return Poll::Ready(None) };
        let frame = std::task::ready!(Pin::new(body).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.0 = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for Drained {
    fn drop(&mut self) {
        let Some(body) = self.0.take().filter(|body| !body.is_end_stream()) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if body.size_hint().lower() > DRAIN_LIMIT as u64 {
            return;
        }
        runtime.spawn(async move {
            let mut body = Limited::new(body, DRAIN_LIMIT);
            let run_out = async { while let Some(Ok(_)) = body.frame().await {} };
            // Too slow or too much: the connection is closed after all.
            let _ = tokio::time::timeout(DRAIN_TIMEOUT, run_out).await;
        });
    }
}
