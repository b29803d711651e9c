//! The one error envelope: every answer that is no success has this shape, whoever refused (facts, Truto 5.1).

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use gateway::Outcome;
use gateway::link::LinkErrorType;
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, RETRY_AFTER,
    WWW_AUTHENTICATE,
};
use http::response::Parts;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// What a caller gets instead of an answer.
#[derive(Debug, Serialize, ToSchema)]
pub struct ErrorBody {
    /// The HTTP status, again.
    #[serde(rename = "statusCode")]
    #[schema(example = 400, minimum = 400, maximum = 599)]
    pub status_code: u16,
    /// The status in words.
    #[schema(example = "Bad Request")]
    pub error: &'static str,
    /// What is wrong and, where known, what would be right.
    pub message: String,
    /// More about it, for programs: the fields that fail, the filters there are, …
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<Value>,
    /// What of connecting an account from a browser failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_type: Option<LinkErrorType>,
    /// What became of a write that failed: `unknown` (look it up before writing again), `not_applied` or `applied`. Absent where
    /// nothing was sent to the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// Present and true when the connected platform refused the call, and not this gateway.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truto_is_remote_error: bool,
    /// The platform's own answer: JSON, or text. Only with `truto_is_remote_error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Value>)]
    pub raw_response: Option<Value>,
    /// What the platform's answer means, by kind. Only with `truto_is_remote_error`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub truto_error_insight: Option<Value>,
}

/// An error on its way to the caller: the envelope and the headers that go with it.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    headers: HeaderMap,
    body: Box<ErrorBody>,
}

impl ApiError {
    /// An error of this status with a message for a person.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let body = ErrorBody {
            status_code: status.as_u16(),
            error: status.canonical_reason().unwrap_or("Error"),
            message: message.into(),
            details: None,
            error_type: None,
            outcome: None,
            truto_is_remote_error: false,
            raw_response: None,
            truto_error_insight: None,
        };
        Self { status, headers: HeaderMap::new(), body: Box::new(body) }
    }

    /// 400: the request can't be meant this way.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// 401: no token, or one that is not valid.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, message)
            .with_header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }

    /// 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// 500. The cause belongs in the log, never in the answer.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "something went wrong in the gateway; its log tells more under this answer's x-request-id",
        )
    }

    /// The envelope, for an error that is told within an answer.
    pub(crate) fn into_body(self) -> ErrorBody {
        *self.body
    }

    /// The same with more for programs.
    pub fn with_details(mut self, details: Option<Value>) -> Self {
        self.body.details = details;
        self
    }

    /// The same with what of connecting failed.
    pub fn with_error_type(mut self, error_type: Option<LinkErrorType>) -> Self {
        self.body.error_type = error_type;
        self
    }

    /// The same with what became of a write.
    pub fn with_outcome(mut self, outcome: Option<Outcome>) -> Self {
        self.body.outcome = outcome;
        self
    }

    /// The same with a header.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }

    /// The same with the headers of a platform's answer. What describes its body does not describe ours.
    pub fn with_headers(mut self, headers: &HeaderMap) -> Self {
        self.headers.extend(headers.clone());
        for name in [CONTENT_LENGTH, CONTENT_ENCODING, CONTENT_TYPE, ETAG] {
            self.headers.remove(name);
        }
        self
    }

    /// The same with the seconds after which the call may work.
    pub fn with_retry_after(self, seconds: Option<u64>) -> Self {
        match seconds {
            Some(seconds) => self.with_header(RETRY_AFTER, seconds.into()),
            None => self,
        }
    }

    /// The same, refused by the platform.
    pub fn from_remote(mut self, raw_response: Value, insight: Value) -> Self {
        self.body.truto_is_remote_error = true;
        self.body.raw_response = Some(raw_response);
        self.body.truto_error_insight = Some(insight);
        self
    }
}

impl ApiError {
    /// The answer's head and its text.
    pub(crate) fn into_parts(self) -> (Parts, Bytes) {
        let text = serde_json::to_vec(&self.body).unwrap_or_default();
        let mut response = Response::new(());
        *response.status_mut() = self.status;
        if let Some(outcome) = self.body.outcome {
            // For what stands around the call, and needs not read the text.
            response.extensions_mut().insert(outcome);
        }
        if let Some(error_type) = self.body.error_type {
            response.extensions_mut().insert(error_type);
        }
        let headers = response.headers_mut();
        headers.extend(self.headers);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        (response.into_parts().0, text.into())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (parts, text) = self.into_parts();
        Response::from_parts(parts, Body::from(text))
    }
}
