//! Proxy calls: the platform's own resources, with the account's credentials and one way of paging.

use futures_util::future::BoxFuture;
use http::{HeaderValue, Method as Verb};
use integration::{Method, Resource, Style, Unknown};
use serde_json::{Map, Value, json};
use upstream::Body;

use crate::cursor::Binding;
use crate::fetch::{Ask, Call, require_success};
use crate::gather::Walk;
use crate::log::Record;
use crate::options::{Format, Options};
use crate::outcome::{Found, after_sending};
use crate::records::RecordList;
use crate::{Answer, Caller, Error, Gateway, Payload, Records, Reply};

/// In place of a resource: the integration's actions.
const ACTIONS: &str = "_";

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
    ///
    /// A box, as the other ways to call a platform: what is hot is then compiled here, and to be fast, not where it is waited for.
    pub fn proxy(&self, call: ProxyCall) -> BoxFuture<'_, Result<Reply, Error>> {
        Box::pin(async move {
            let record = Record::start(self, "proxy", &call.caller, &call.resource, &call.method);
            let outcome = self.do_proxy(call, &record).await;
            record.finish(outcome.as_ref().map(Reply::outcome));
            outcome
        })
    }

    async fn do_proxy(&self, call: ProxyCall, record: &Record) -> Result<Reply, Error> {
        let mut query = call.query;
        let options = Options::take(&mut query)?;
        let connected = self.connected(&call.caller, options.account_id.as_deref()).await?;
        record.about(&connected.logged);
        if call.resource == ACTIONS {
            let result = Box::pin(self.act(&connected, &call.method, record)).await?;
            return Ok(Reply::Answer(Answer::json(&json!({ "result": result }))));
        }
        let resource = connected.integration.resource(&call.resource).map_err(not_found)?;
        let method = resource.method(&call.method).map_err(not_found)?;
        let calling = Call {
            gateway: self,
            connected: &connected,
            record: Some(record),
            resource: &resource.name,
            method: &method.name,
        };
        // A path that ends in a method has no room for the record that it is about.
        let id = match call.id {
            None if method.needs_id() => take_id(&mut query)?,
            id => id,
        };
        query.extend(options.remote_query.clone());
        if method.is_list() && method.verb == Verb::GET {
            if options.key_by.is_some() {
                return Err(Error::bad_request("truto_key_by works on unified lists only"));
            }
            let listing = Listing { call: &calling, resource, method, id: id.as_deref(), options: &options };
            return match options.format {
                Format::Stream => Box::pin(listing.stream(query)).await.map(Reply::Answer),
                _ => Box::pin(listing.walk(query)).await.map(Reply::Records),
            };
        }
        calling.refuse_sandbox_write(&method.verb)?;
        let id = id.as_deref();
        let body = body(call.payload, method, &options).await?;
        let ask = Ask { resource, method, id, query: &query, page: None };
        let written = match calling.ask(&ask, body).await {
            Ok(answer) => require_success(answer).map_err(|error| after_sending(&method.verb, error)),
            refused => refused,
        };
        let deleted = method.name == "delete" && options.format == Format::Unified;
        if deleted && let Some(id) = id {
            let written = written.map(drop);
            // An answer of the platform is passed on, whatever it is.
            match written {
                Err(error) if error.remote().is_none() => {
                    Box::pin(calling.settle(Err(error), look_up_deleted(&calling, resource, id))).await?;
                }
                known => known?,
            }
            return Ok(Reply::Answer(Answer::json(&json!({ "id": id }))));
        }
        Ok(Reply::Answer(Answer::passed_on(written?)))
    }
}

/// Whether a record is gone, by asking for it.
async fn look_up_deleted(call: &Call<'_>, resource: &Resource, id: &str) -> Result<Found<()>, Error> {
    let method = resource.method("get").map_err(not_found)?;
    let none = Map::new();
    let ask = Ask { resource, method, id: Some(id), query: &none, page: None };
    let reading = Call { method: &method.name, ..*call };
    match reading.ask(&ask, None).await {
        Ok(_) => Ok(Found::Missing),
        Err(error) if error.remote().is_some_and(|remote| [404, 410].contains(&remote.status)) => {
            Ok(Found::Applied(()))
        }
        Err(error) => Err(error),
    }
}

/// A list of the platform's records.
struct Listing<'a> {
    call: &'a Call<'a>,
    resource: &'a Resource,
    method: &'a Method,
    id: Option<&'a str>,
    options: &'a Options,
}

impl Listing<'_> {
    async fn walk(&self, mut query: Map<String, Value>) -> Result<Records, Error> {
        let Self { call, resource, method, id, options } = *self;
        let account_id = &call.connected.account.id;
        let listed = format!("proxy/{}/{}/{}", resource.name, method.name, id.unwrap_or_default());
        let binding = Binding::new(account_id, &listed, &query);
        let position = options.next_cursor.as_deref().map(|cursor| binding.open(cursor)).transpose()?;
        let style = self.style(&mut query);
        // One page of the platform where nothing else is said: what a caller of the platform itself would get.
        let page = style.map(Style::max_limit);
        let limit = if options.ignore_limit || style.is_none() { None } else { options.limit.or(page) };
        let queries = std::slice::from_ref(&query);
        let walk = Walk { call, resource, method, id, queries, style, limit, filtered: false };
        let mut records = RecordList::default();
        let next = walk
            .run(position, |record| {
                records.push(record.get().as_bytes());
                Ok(true)
            })
            .await?;
        Ok(records.finish(next.map(|position| binding.seal(&position))))
    }

    /// One page as the platform answers it.
    async fn stream(&self, mut query: Map<String, Value>) -> Result<Answer, Error> {
        let Self { call, resource, method, id, options } = *self;
        let request = options.streamed_page()?;
        let page = self.style(&mut query).map(|style| (style, &request));
        let ask = Ask { resource, method, id, query: &query, page };
        Ok(Answer::passed_on(require_success(call.ask(&ask, None).await?)?))
    }

    /// The way of paging, unless the caller pages or the platform does not: `limit` is the platform's then.
    fn style(&self, query: &mut Map<String, Value>) -> Option<&Style> {
        let style = self.method.style(query);
        if let (None, Some(limit)) = (style, self.options.limit) {
            query.insert("limit".into(), limit.into());
        }
        style
    }
}

/// The id of a record that a method of its own is about.
fn take_id(query: &mut Map<String, Value>) -> Result<Option<String>, Error> {
    match query.shift_remove("id") {
        None => Err(Error::bad_request(
            "this method is about one record: say which by the query parameter \"id\"",
        )),
        Some(Value::String(id)) => Ok(Some(id)),
        Some(_) => Err(Error::bad_request("id takes one value")),
    }
}

/// The body to send, which is the caller's own text: read again as values, long numbers would lose digits.
async fn body(
    payload: Payload,
    method: &Method,
    options: &Options,
) -> Result<Option<(Body, Option<HeaderValue>)>, Error> {
    if method.verb == Verb::GET || payload.is_empty() {
        return Ok(None);
    }
    if options.body_passthrough {
        return Ok(Some((payload.body, payload.content_type)));
    }
    Ok(Some((payload.json().await?.into(), Some(HeaderValue::from_static("application/json")))))
}

pub(crate) fn not_found(unknown: Unknown) -> Error {
    Error::NotFound(unknown.to_string())
}
