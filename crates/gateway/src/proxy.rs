//! Proxy calls: the platform's own resources, with the account's credentials and one way of paging.

use serde_json::{Map, Value};

use crate::{Caller, Error, Gateway, Payload, Reply};

/// A call of `/proxy/{resource}…`.
#[derive(Debug)]
pub struct ProxyCall {
    /// Who calls.
    pub caller: Caller,
    /// The resource, by the platform's own name.
    pub resource: String,
    /// `list`, `get`, `create`, `update`, `delete` or a method of the resource's own.
    pub method: String,
    /// The record's id, where the path has one.
    pub id: Option<String>,
    /// The whole query, `integrated_account_id` included.
    pub query: Map<String, Value>,
    /// The body.
    pub payload: Payload,
}

impl Gateway {
    /// Does a proxy call.
    pub async fn proxy(&self, call: ProxyCall) -> Result<Reply, Error> {
        let _ = call;
        todo!()
    }
}
