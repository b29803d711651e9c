//! Unified calls: the platform's records in one shape.

pub(crate) mod methods;
mod write;

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::future::{join, try_join_all};
use integration::{Method, RemoteErrorKind, Resource};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use unified::{Filter, Load, MethodMap, RecordError, Request, ResourceMap, Sources, WriteOptions, Written};
use upstream::Response;

use crate::cursor::Binding;
use crate::fetch::{Ask, Call, Text, require_success};
use crate::gather::Walk;
use crate::log::Record;
use crate::options::{DEFAULT_LIMIT, Format, Options};
use crate::proxy::not_found;
use crate::records::RecordList;
use crate::resolve::Connected;
use crate::{Answer, Caller, Error, Gateway, Payload, Records, Reply};

/// The field that every record has.
pub(crate) const ID: &str = "id";

/// A call of `/unified/{model}/{resource}…`.
#[derive(Debug)]
pub struct UnifiedCall {
    /// Who calls.
    pub caller: Caller,
    /// The model, such as `ecommerce`.
    pub model: String,
    /// The resource, such as `orders`.
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
    /// Does a unified call.
    ///
    /// A list gathers as many of the platform's pages as its `limit` takes. Filters are exact: what the platform can do is asked of it, and
    /// every record is checked here.
    pub fn unified(&self, call: UnifiedCall) -> BoxFuture<'_, Result<Reply, Error>> {
        Box::pin(async move {
            let name = format!("{}/{}", call.model, call.resource);
            let record = Record::start(self, "unified", &call.caller, &name, &call.method);
            let outcome = Box::pin(self.do_unified(call, &name, &record)).await;
            record.finish(outcome.as_ref().map(Reply::outcome));
            outcome
        })
    }

    async fn do_unified(&self, call: UnifiedCall, name: &str, record: &Record) -> Result<Reply, Error> {
        let raw_query = call.query.clone();
        let mut query = call.query;
        let options = Options::take(&mut query)?;
        let connected = self.connected(&call.caller, options.account_id.as_deref()).await?;
        record.about(&connected.logged);
        let on = On {
            gateway: self,
            connected: &connected,
            record,
            model: &call.model,
            resource: &call.resource,
            name,
            map: self.map(&connected, &call.model, &call.resource)?,
            options: &options,
            request: None,
        };
        let request = on
            .map
            .of(&call.method)
            .has_expression()
            .then(|| Arc::new(Request { query: query.clone(), raw_query, body: Value::Null }));
        let on = On { request: request.as_ref(), ..on };
        on.map.method(&call.method).map_err(not_found)?;
        let reading = on.reading(&call.method)?;
        match (call.method.as_str(), &call.id, &reading.method.items) {
            ("get", Some(id), Some(items)) => reading.get_item(items, id, &query).await.map(Reply::Answer),
            ("get", Some(id), None) => reading.get(id, &query).await.map(Reply::Answer),
            ("list", _, Some(items)) => reading.list_items(items, &query).await.map(Reply::Records),
            ("list", ..) if options.format == Format::Stream => {
                reading.stream(&query).await.map(Reply::Answer)
            }
            ("list", ..) => reading.list(&query).await.map(Reply::Records),
            (method, id, _) => {
                let id = id.as_deref();
                on.write(method, id, query, call.payload).await.map(Reply::Answer)
            }
        }
    }
}

/// A unified resource of an account, and how a call wants it.
#[derive(Clone, Copy)]
pub(crate) struct On<'a> {
    gateway: &'a Gateway,
    connected: &'a Connected,
    record: &'a Record,
    model: &'a str,
    resource: &'a str,
    /// `model/resource`.
    name: &'a str,
    map: &'a ResourceMap,
    options: &'a Options,
    /// The call, for expressions that make records whole.
    request: Option<&'a Arc<Request>>,
}

impl<'a> On<'a> {
    fn call(&self, method: &'a str) -> Call<'a> {
        let Self { gateway, connected, record, name, .. } = *self;
        Call { gateway, connected, record: Some(record), resource: name, method }
    }

    /// What a method reads.
    fn reading(&self, method: &'a str) -> Result<Reading<'a>, Error> {
        let Self { connected, name, options, request, .. } = *self;
        let map = self.map.of(method);
        let called = map.step(method).map_err(not_found)?;
        let resource = connected.integration.resource(&called.resource).map_err(not_found)?;
        let platforms = resource.method(&called.method).map_err(not_found)?;
        Ok(Reading {
            call: self.call(method),
            name,
            map,
            method: called,
            resource,
            platforms,
            options,
            request,
        })
    }
}

/// A unified read and what it takes.
pub(crate) struct Reading<'a> {
    pub(crate) call: Call<'a>,
    /// `model/resource`.
    pub(crate) name: &'a str,
    pub(crate) map: &'a ResourceMap,
    pub(crate) method: &'a MethodMap,
    pub(crate) resource: &'a Resource,
    /// The platform's method behind it.
    pub(crate) platforms: &'a Method,
    pub(crate) options: &'a Options,
    pub(crate) request: Option<&'a Arc<Request>>,
}

/// A list of unified records while it is gathered.
pub(crate) struct Gathering<'r> {
    reading: &'r Reading<'r>,
    filter: Option<Filter>,
    write: WriteOptions,
    /// The record at hand.
    text: Vec<u8>,
    records: RecordList,
}

impl<'r> Gathering<'r> {
    pub(crate) fn new(reading: &'r Reading<'r>, filter: Option<Filter>) -> Result<Self, Error> {
        let key_by = &reading.options.key_by;
        if let Some(field) = key_by
            && !reading.map.has_field(field)
        {
            return Err(Error::bad_request(format!(
                "truto_key_by: {} have no field {field:?}",
                reading.name
            )));
        }
        let records = if key_by.is_some() { RecordList::by_key() } else { RecordList::default() };
        Ok(Self { reading, filter, write: reading.write_options(), text: Vec::new(), records })
    }

    /// Adds a record, unless the filter drops it; says whether it was added.
    pub(crate) fn take(&mut self, sources: &Sources<'_>) -> Result<bool, Error> {
        self.text.clear();
        let reading = self.reading;
        let context = &reading.call.connected.context;
        let written =
            reading.map.write(sources, context, &self.write, self.filter.as_ref(), &mut self.text)?;
        if !written.kept {
            return Ok(false);
        }
        match &reading.options.key_by {
            Some(field) => self.records.push_by_key(field, written.key, &self.text)?,
            None => {
                reading.require_id(&written)?;
                self.records.push(&self.text);
            }
        }
        Ok(true)
    }

    /// The whole list.
    pub(crate) fn finish(self, next_cursor: Option<String>) -> Records {
        let is_partial = self.reading.map.is_partial(self.reading.method);
        Records { is_partial, ..self.records.finish(next_cursor) }
    }
}

impl Reading<'_> {
    async fn list(&self, query: &Map<String, Value>) -> Result<Records, Error> {
        let planned = self.map.plan_query(query)?;
        let filtered = planned.filter.is_some();
        let queries = self.queries(planned.upstream);
        let binding = self.binding(query);
        let position = self.options.next_cursor.as_deref().map(|cursor| binding.open(cursor)).transpose()?;
        let walk = Walk {
            call: &self.call,
            resource: self.resource,
            method: self.platforms,
            id: None,
            style: queries.first().and_then(|query| self.platforms.style(query)),
            queries: &queries,
            limit: self.limit(),
            filtered,
        };
        let mut gathering = Gathering::new(self, planned.filter)?;
        let next = walk.run(position, |record| gathering.take(&Sources { record, loads: &[] })).await?;
        Ok(gathering.finish(next.map(|position| binding.seal(&position))))
    }

    /// What a list's cursors are bound to.
    pub(crate) fn binding(&self, query: &Map<String, Value>) -> Binding {
        let mut asked = query.clone();
        asked.insert("remote_query".into(), Value::Object(self.options.remote_query.clone()));
        Binding::new(&self.call.connected.account.id, &format!("unified/{}", self.name), &asked)
    }

    /// How many records a list is to hold.
    pub(crate) fn limit(&self) -> Option<u32> {
        (!self.options.ignore_limit).then(|| self.options.limit.unwrap_or(DEFAULT_LIMIT))
    }

    /// The platform's queries: one, or one for each value that the platform divides its records by.
    fn queries(&self, mut query: Map<String, Value>) -> Vec<Map<String, Value>> {
        query.extend(self.options.remote_query.clone());
        match &self.method.across {
            Some(across) if !query.contains_key(&across.param) => {
                let with = |value: &String| {
                    let mut query = query.clone();
                    query.insert(across.param.clone(), value.clone().into());
                    query
                };
                across.values.iter().map(with).collect()
            }
            _ => vec![query],
        }
    }

    async fn get(&self, id: &str, query: &Map<String, Value>) -> Result<Answer, Error> {
        let planned = self.map.plan_get(query)?;
        let queries = self.queries(planned.upstream);
        if self.options.format != Format::Unified {
            return Ok(Answer::passed_on(self.find(id, &queries).await?.0));
        }
        let loads = try_join_all(self.method.loads.iter().map(|load| self.load(load, id)));
        let answer = async { Text::of(self.find(id, &queries).await?.0.bytes().await?) };
        // The record's own error tells more than that of what is read beside it.
        let (answer, loads) = join(answer, loads).await;
        let (answer, loads) = (answer?, loads?);
        let record: &RawValue = serde_json::from_str(answer.as_str()).map_err(not_json)?;
        let loads: Vec<(&str, &str)> =
            loads.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let mut text = Vec::with_capacity(2 * record.get().len());
        let sources = Sources { record, loads: &loads };
        let context = &self.call.connected.context;
        let filter = planned.filter.as_ref();
        let written = self.map.write(&sources, context, &self.write_options(), filter, &mut text)?;
        if !written.kept {
            return Err(self.no_such(id));
        }
        self.require_id(&written)?;
        Ok(Answer::json_text(text))
    }

    /// The platform's record as it is, and what of the query finds it where the platform divides its records.
    async fn locate(
        &self,
        id: &str,
        query: &Map<String, Value>,
    ) -> Result<(Map<String, Value>, Map<String, Value>), Error> {
        let queries = self.queries(self.map.plan_get(query)?.upstream);
        let (answer, query) = self.find(id, &queries).await?;
        let answer = Text::of(answer.bytes().await?)?;
        Ok((serde_json::from_str(answer.as_str()).map_err(not_json)?, query.clone()))
    }

    /// The platform's answer to the first query that finds the record, and that query.
    async fn find<'q>(
        &self,
        id: &str,
        queries: &'q [Map<String, Value>],
    ) -> Result<(Response, &'q Map<String, Value>), Error> {
        let mut missing = None;
        for query in queries {
            match self.call.ask(&self.ask(Some(id), query), None).await {
                Err(Error::Remote(remote)) if remote.error.kind == RemoteErrorKind::NotFound => {
                    missing = Some(Error::Remote(remote));
                }
                answer => return Ok((require_success(answer?)?, query)),
            }
        }
        Err(missing.unwrap_or_else(|| self.no_such(id)))
    }

    pub(crate) fn no_such(&self, id: &str) -> Error {
        Error::NotFound(format!("{} have no {id:?} that fits the query", self.name))
    }

    /// Refuses what is JSON and no record: an object of another kind would be written with no fields.
    pub(crate) fn require_id(&self, written: &Written) -> Result<(), Error> {
        if written.key.is_some() || self.options.format == Format::Raw || !self.map.has_field(ID) {
            return Ok(());
        }
        Err(Error::BadAnswer(format!("the platform's answer is none of the {}: it has no {ID}", self.name)))
    }

    /// What the map reads beside a record: the name in the map, and the answer. A list is read to its end.
    async fn load(&self, load: &Load, id: &str) -> Result<(String, String), Error> {
        let integration = self.call.integration();
        let resource = integration.resource(&load.resource).map_err(not_found)?;
        let method = resource.method(&load.method).map_err(not_found)?;
        let query = load.query(id).map_err(|error| Error::bad_request(error.to_string()))?;
        let Some(path) = method.response_path() else {
            let ask = Ask { resource, method, id: Some(id), query: &query, page: None };
            return Ok((load.name.clone(), self.call.ask_text(&ask).await?.into()));
        };
        let style = method.style(&query);
        let walk = Walk {
            call: &self.call,
            resource,
            method,
            id: Some(id),
            queries: std::slice::from_ref(&query),
            style,
            limit: None,
            filtered: false,
        };
        let mut records = RecordList::default();
        let rest = walk
            .run(None, |record| {
                records.push(record.get().as_bytes());
                Ok(true)
            })
            .await?;
        if rest.is_some() {
            return Err(Error::BadAnswer(format!("{path} of {id} do not end")));
        }
        let list = Text::of(records.finish(None).result.into())?;
        Ok((load.name.clone(), format!("{{{}:{}}}", Value::from(path), list.as_str())))
    }

    /// The platform's own answer to the list, as it comes: one page, unfiltered.
    async fn stream(&self, query: &Map<String, Value>) -> Result<Answer, Error> {
        if let Some(name) = query.keys().next() {
            return Err(Error::bad_request(format!(
                "truto_response_format=stream passes the platform's answer on as it comes and can't filter by {name}; use raw, or \
                 the platform's own filter in remote_query"
            )));
        }
        if self.options.key_by.is_some() {
            return Err(Error::bad_request("truto_response_format=stream knows no truto_key_by; use raw"));
        }
        let query = &self.options.remote_query;
        let style = self.platforms.style(query);
        let request = self.options.streamed_page()?;
        let ask = Ask { page: style.map(|style| (style, &request)), ..self.ask(None, query) };
        Ok(Answer::passed_on(require_success(self.call.ask(&ask, None).await?)?))
    }

    pub(crate) fn ask<'b>(&'b self, id: Option<&'b str>, query: &'b Map<String, Value>) -> Ask<'b> {
        Ask { resource: self.resource, method: self.platforms, id, query, page: None }
    }

    pub(crate) fn write_options(&self) -> WriteOptions {
        let options = self.options;
        let mut write = WriteOptions::default().excluding(options.exclude_fields.iter().map(String::as_str));
        if options.format == Format::Raw {
            write = write.raw();
        }
        if options.ignore_remote_data {
            write = write.without_remote_data();
        }
        if let Some(request) = self.request {
            write = write.asked_by(Arc::clone(request));
        }
        write.keyed_by(options.key_by.as_deref().unwrap_or(ID))
    }
}

pub(crate) fn not_json(error: serde_json::Error) -> Error {
    Error::BadAnswer(format!("the platform's answer is not JSON: {error}"))
}

impl From<Box<RecordError>> for Error {
    fn from(error: Box<RecordError>) -> Self {
        Self::BadAnswer(error.to_string())
    }
}

impl From<unified::QueryError> for Error {
    fn from(error: unified::QueryError) -> Self {
        let details = serde_json::json!({
            "failures": [{"field": error.parameter, "message": error.message, "works": error.works}],
        });
        Self::BadRequest { message: error.message, details: Some(details) }
    }
}
