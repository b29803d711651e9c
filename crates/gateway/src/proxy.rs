//! Proxy calls: the platform's own resources, with the account's credentials and one way of paging.

use http::{HeaderValue, Method as Verb};
use integration::{Method, Resource, Unknown};
use serde_json::{Map, Value, json};
use upstream::Body;

use crate::cursor::Binding;
use crate::fetch::{Ask, Call, require_success};
use crate::gather::Walk;
use crate::log::Record;
use crate::options::{Format, Options};
use crate::records::RecordList;
use crate::{Answer, Caller, Error, Gateway, Payload, Records, Reply};

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
    /// Does a proxy call. A list is walked through as a unified one is, and gives the platform's records as they are; anything else
    /// gives the platform's answer as it comes. A caller who pages by a parameter of the platform's own gets that page.
    pub async fn proxy(&self, call: ProxyCall) -> Result<Reply, Error> {
        let record = Record::start(self, "proxy", &call.caller.environment_id, &call.resource, &call.method);
        let outcome = self.do_proxy(call, &record).await;
        record.finish(outcome.as_ref().map(Reply::outcome));
        outcome
    }

    async fn do_proxy(&self, call: ProxyCall, record: &Record) -> Result<Reply, Error> {
        let mut query = call.query;
        let options = Options::take(&mut query)?;
        let connected = self.connected(&call.caller, options.account_id.as_deref()).await?;
        record.about(&connected.account);
        let resource = connected.integration.resource(&call.resource).map_err(not_found)?;
        let method = resource.method(&call.method).map_err(not_found)?;
        let calling = Call {
            gateway: self,
            connected: &connected,
            record: Some(record),
            resource: &resource.name,
            method: &method.name,
        };
        query.extend(options.remote_query.clone());
        if method.is_list() && method.verb == Verb::GET && options.format != Format::Stream {
            return list(&calling, resource, method, query, &options).await.map(Reply::Records);
        }
        calling.refuse_sandbox_write(&method.verb)?;
        let id = call.id.as_deref();
        let (body, stream) = payload(call.payload, method, &options).await?;
        let ask = Ask { resource, method, id, query: &query, body: body.as_ref(), page: None };
        let answer = require_success(calling.ask(&ask, stream).await?)?;
        let deleted = method.name == "delete" && options.format == Format::Unified;
        if deleted && let Some(id) = id {
            return Ok(Reply::Answer(Answer::json(&json!({ "id": id }))));
        }
        Ok(Reply::Answer(Answer::passed_on(answer)))
    }
}

async fn list(
    call: &Call<'_>,
    resource: &Resource,
    method: &Method,
    mut query: Map<String, Value>,
    options: &Options,
) -> Result<Records, Error> {
    if options.key_by.is_some() {
        return Err(Error::bad_request("truto_key_by works on unified lists only"));
    }
    let account_id = &call.connected.account.id;
    let binding = Binding::new(account_id, &format!("proxy/{}/{}", resource.name, method.name), &query);
    let position = options.next_cursor.as_deref().map(|cursor| binding.open(cursor)).transpose()?;
    let style = method.style(&query);
    if let (None, Some(limit)) = (style, options.limit) {
        // The caller pages, or the platform does not: `limit` is the platform's then.
        query.insert("limit".into(), limit.into());
    }
    // One page of the platform where nothing else is said: what a caller of the platform itself would get.
    let page = style.map(integration::Style::max_limit);
    let limit = if options.ignore_limit || style.is_none() { None } else { options.limit.or(page) };
    let walk = Walk { call, resource, method, query: &query, style, limit, filtered: false };
    let mut records = RecordList::default();
    let next = walk
        .run(position, |record| {
            records.push(record.get().as_bytes());
            Ok(true)
        })
        .await?;
    Ok(records.finish(next.map(|position| binding.seal(&position))))
}

type Streamed = Option<(Body, Option<HeaderValue>)>;

/// The body to send: read as JSON, or passed through as it comes.
async fn payload(
    payload: Payload,
    method: &Method,
    options: &Options,
) -> Result<(Option<Value>, Streamed), Error> {
    if method.verb == Verb::GET || payload.is_empty() {
        return Ok((None, None));
    }
    if options.body_passthrough {
        return Ok((None, Some((payload.body, payload.content_type))));
    }
    Ok((Some(payload.json().await?), None))
}

pub(crate) fn not_found(unknown: Unknown) -> Error {
    Error::NotFound(unknown.to_string())
}
