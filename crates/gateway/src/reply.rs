//! What the data plane takes and gives.

use http::{HeaderMap, HeaderValue, StatusCode};
use upstream::Body;

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
