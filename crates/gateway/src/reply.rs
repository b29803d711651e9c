//! What the data plane takes and gives.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http_body::Body as _;
use serde_json::Value;
use upstream::{Body, Response, SendError};

use crate::Error;
use crate::fetch::keep_answer_headers;

/// How large a JSON body may be, in bytes.
pub const MAX_JSON_BODY: usize = 10 * 1024 * 1024;

/// The answer to a unified, proxy or custom call.
#[derive(Debug)]
pub enum Reply {
    /// A list: the server writes the envelope around it.
    Records(Records),
    /// Anything else, as it is to be answered.
    Answer(Answer),
}

/// The records of a list.
#[derive(Debug, Default)]
pub struct Records {
    /// JSON text: an array, or with `truto_key_by` an object.
    pub result: Vec<u8>,
    /// How many there are.
    pub result_count: u64,
    /// Where to go on; `None` at the end.
    pub next_cursor: Option<String>,
    /// Where to go back; the platforms' cursors only go on, so this is `None`.
    pub prev_cursor: Option<String>,
    /// Whether something is missing from `result` that belongs to it (`is_partial_response`).
    pub is_partial: bool,
    /// Headers to answer with.
    pub headers: HeaderMap,
}

/// A whole answer.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers, `content-type` among them.
    pub headers: HeaderMap,
    /// The body, whole or streamed.
    pub body: Body,
}

/// The body of a call, as received.
#[derive(Debug, Default)]
pub struct Payload {
    /// Its `content-type`.
    pub content_type: Option<HeaderValue>,
    /// The body itself; read into memory only where it has to be understood.
    pub body: Body,
}

impl Reply {
    /// Status and number of records, for the log.
    pub(crate) fn outcome(&self) -> (u16, Option<u64>) {
        match self {
            Self::Records(records) => (200, Some(records.result_count)),
            Self::Answer(answer) => (answer.status.as_u16(), None),
        }
    }
}

impl Answer {
    /// The platform's answer as it comes, with the headers that belong to it.
    pub(crate) fn passed_on(answer: Response) -> Self {
        let mut headers = answer.headers;
        keep_answer_headers(&mut headers);
        Self { status: answer.status, headers, body: answer.body }
    }

    /// A value as JSON.
    pub(crate) fn json(value: &Value) -> Self {
        Self::json_text(value.to_string().into_bytes())
    }

    /// Text that is JSON.
    pub(crate) fn json_text(text: Vec<u8>) -> Self {
        let mut headers = HeaderMap::with_capacity(2);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_LENGTH, text.len().into());
        Self { status: StatusCode::OK, headers, body: text.into() }
    }
}

impl Answer {
    /// An answer of this gateway's own, read back as a value.
    pub(crate) async fn into_value(self) -> Result<Value, Error> {
        let text = self.body.bytes(usize::MAX).await?;
        serde_json::from_slice(&text).map_err(|error| Error::Internal(Box::new(error)))
    }
}

impl Payload {
    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_end_stream()
    }

    /// Reads the body, which has to be JSON.
    pub(crate) async fn json(self) -> Result<Bytes, Error> {
        let bytes = match self.body.bytes(MAX_JSON_BODY).await {
            Err(SendError::TooLarge { limit }) => return Err(Error::TooLarge { limit }),
            read => read?,
        };
        match serde_json::from_slice::<Value>(&bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(Error::bad_request(format!("the body is not JSON: {error}"))),
        }
    }
}
