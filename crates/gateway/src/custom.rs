//! Custom calls: any path of the platform, any verb, streamed both ways.

use http::{HeaderMap, Method};
use upstream::Body;

use crate::{Answer, Caller, Error, Gateway};

/// A call of `/custom/{path}`.
#[derive(Debug)]
pub struct CustomCall {
    /// Who calls.
    pub caller: Caller,
    /// The verb.
    pub verb: Method,
    /// The path below the platform's base URL, as received (still encoded).
    pub path: String,
    /// The query as received (still encoded); `integrated_account_id` and `truto_response_format` are taken out of it.
    pub query: Option<String>,
    /// The caller's headers; its token and what belongs to the connection are not passed on.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
}

impl Gateway {
    /// Does a custom call.
    pub async fn custom(&self, call: CustomCall) -> Result<Answer, Error> {
        let _ = call;
        todo!()
    }
}
