//! Unified writes: the caller's body is planned whole, sent once, and the record read back.

use http::HeaderValue;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use unified::{PlannedRecord, PlannedWrite, Reference, Sources, WriteError};

use super::methods::Composed;
use super::{ID, On};
use crate::fetch::{Ask, Text, require_success};
use crate::options::Options;
use crate::outcome::{Found, after_sending};
use crate::proxy::not_found;
use crate::{Answer, Error, Outcome, Payload};

impl<'a> On<'a> {
    /// Creates, changes or deletes a record, or calls a method of the resource's own. An error after something was written says so: what
    /// fails then is only the reading back.
    pub(super) async fn write(
        self,
        method: &str,
        id: Option<&str>,
        query: Map<String, Value>,
        payload: Payload,
    ) -> Result<Answer, Error> {
        let written = self.try_write(method, id, query, payload).await;
        written.map_err(|error| match error.outcome() {
            None if self.call(method).writes().are_open() => error.with_outcome(Outcome::Applied),
            _ => error,
        })
    }

    async fn try_write(
        self,
        method: &str,
        id: Option<&str>,
        query: Map<String, Value>,
        payload: Payload,
    ) -> Result<Answer, Error> {
        let verb = &self.reading(method)?.platforms.verb;
        self.call(method).refuse_sandbox_write(verb)?;
        let composed = Composed::find(self.model, self.resource, method);
        let method_takes_query = id.is_some() && self.map.method("get").is_ok();
        if let Some(name) = query.keys().next()
            && !method_takes_query
        {
            return Err(Error::bad_request(format!(
                "{name} does not work on a new record; what is meant for the platform goes into remote_query[{name}]"
            )));
        }
        let body = if payload.is_empty() { Map::new() } else { object(payload).await? };
        if let Some(composed) = composed {
            return match id {
                None if composed.needs_id() => Err(self.needs_id(method)),
                id => Box::pin(self.compose(composed, id.unwrap_or_default(), &query, body)).await,
            };
        }
        match (method, id) {
            ("create", None) => self.create(body).await,
            ("update", Some(id)) => self.change(method, id, &query, body).await,
            ("delete", Some(id)) => self.delete(id, &query, &body).await,
            ("update" | "delete", None) => Err(Error::bad_request(format!(
                "say which of the {} it is: the id is the last part of the path",
                self.name
            ))),
            (_, Some(id)) => {
                let changed = self.change(method, id, &query, body).await?.into_value().await?;
                Ok(Answer::json(&json!({ "result": changed })))
            }
            (_, None) => Err(self.needs_id(method)),
        }
    }

    fn needs_id(self, method: &str) -> Error {
        Error::bad_request(format!("{method} is about one of the {0}: write {0}/{{id}}/{method}", self.name))
    }

    /// A record as it is now, in the unified shape.
    pub(super) async fn get_value(self, id: &str) -> Result<Value, Error> {
        let options = Options { ignore_remote_data: true, ..Options::default() };
        On { options: &options, ..self }.reading("get")?.get(id, &Map::new()).await?.into_value().await
    }

    pub(super) async fn create(self, body: Map<String, Value>) -> Result<Answer, Error> {
        let asked = Value::Object(body.clone());
        let planned = self.plan("create", body).await?;
        let sent = self.send("create", None, Map::new(), &planned).await.map(Made::Answered);
        let look_up = async {
            let found = self.find_created(&asked, &planned).await?;
            Ok(found.map_or(Found::Unclear, |id| Found::Applied(Made::Found(id))))
        };
        let (id, answer) = match Box::pin(self.call("create").settle(sent, look_up)).await? {
            Made::Answered(answer) => (self.id_of(&answer)?, Some(answer)),
            Made::Found(id) => (id, None),
        };
        self.send_records(&id, planned.records()).await?;
        self.read_back(&id, &Map::new(), answer).await
    }

    /// The record that a create may have made: the only one with its recognisable field that shows what was written. That there is none
    /// proves nothing, as lists may lag behind.
    async fn find_created(self, asked: &Value, planned: &PlannedWrite) -> Result<Option<String>, Error> {
        let Some((filter, value)) = self.map.found_by(asked) else { return Ok(None) };
        let query = [(filter.to_owned(), Value::from(value))].into_iter().collect();
        let mut made = Vec::new();
        for id in self.find(&query).await? {
            let (record, _) = self.reading("get")?.locate(&id, &Map::new()).await?;
            if planned.shows_in(&record) {
                made.push(id);
            }
        }
        Ok(made.pop().filter(|_| made.is_empty()))
    }

    /// Changes a record, or calls a method on it. `query` is the caller's, for finding it.
    pub(super) async fn change(
        self,
        method: &str,
        id: &str,
        query: &Map<String, Value>,
        body: Map<String, Value>,
    ) -> Result<Answer, Error> {
        let mut planned = self.plan(method, body).await?;
        let mut found = Map::new();
        if planned.needs_record() || self.is_divided() || !query.is_empty() {
            let (record, by) = self.reading("get")?.locate(id, query).await?;
            planned.complete(&record)?;
            found = by;
        }
        let mut answer = None;
        if !planned.is_empty() || method != "update" {
            let sent = self.send(method, Some(id), found, &planned).await.map(Some);
            let look_up = async {
                let (record, _) = self.reading("get")?.locate(id, query).await?;
                Ok(if planned.shows_in(&record) { Found::Applied(None) } else { Found::Unclear })
            };
            answer = self.call(method).settle(sent, look_up).await?;
        }
        self.send_records(id, planned.records()).await?;
        self.read_back(id, query, answer).await
    }

    async fn delete(
        self,
        id: &str,
        query: &Map<String, Value>,
        body: &Map<String, Value>,
    ) -> Result<Answer, Error> {
        if let Some(name) = body.keys().next() {
            return Err(Error::bad_request(format!("{name}: a delete takes no body")));
        }
        let mut found = Map::new();
        if self.is_divided() || !query.is_empty() {
            found = self.reading("get")?.locate(id, query).await?.1;
        }
        let sent = self.send("delete", Some(id), found, &PlannedWrite::default()).await.map(drop);
        let look_up = async {
            match self.reading("get")?.locate(id, query).await {
                Err(error) if error.status() == 404 => Ok(Found::Applied(())),
                read => read.map(|_| Found::Missing),
            }
        };
        self.call("delete").settle(sent, look_up).await?;
        Ok(Answer::json(&json!({ ID: id })))
    }

    /// Whether the platform divides the records, so that the query that finds one has to be found.
    fn is_divided(self) -> bool {
        self.map.method("get").is_ok_and(|get| get.across.is_some())
    }

    /// Another resource of the same model and account.
    pub(super) fn beside(self, resource: &'a str) -> Result<Self, Error> {
        let map = self.gateway.map(self.connected, self.model, resource)?;
        Ok(Self { resource, map, ..self })
    }

    /// Looks up what the body names by another field than its id, and plans the write.
    pub(super) async fn plan(
        self,
        method: &str,
        mut body: Map<String, Value>,
    ) -> Result<PlannedWrite, Error> {
        let references: Vec<Reference<'_>> = self.map.references(method, &body);
        for reference in references {
            let id = Box::pin(self.resolve(&reference)).await?;
            reference.put(&mut body, &id);
        }
        Ok(self.map.plan_write(method, &body, &self.connected.context)?)
    }

    /// Sends a planned write; gives the platform's answer. `found` is what of the query finds the record.
    pub(super) async fn send(
        self,
        method: &str,
        id: Option<&str>,
        found: Map<String, Value>,
        planned: &PlannedWrite,
    ) -> Result<Text, Error> {
        let reading = self.reading(method)?;
        let mut query = found;
        query.extend(reading.method.query.clone());
        query.extend(planned.query().clone());
        query.extend(self.options.remote_query.clone());
        let ask =
            Ask { resource: reading.resource, method: reading.platforms, id, query: &query, page: None };
        let body = (method != "delete").then(|| json_body(planned.body()));
        let answer = reading.call.ask(&ask, body).await?;
        let read = async { Text::of(require_success(answer)?.bytes().await?) };
        read.await.map_err(|error| after_sending(&reading.platforms.verb, error))
    }

    /// Writes the records that belong to the one of this id. What went through before one fails is said.
    async fn send_records(self, id: &str, records: &[PlannedRecord]) -> Result<(), Error> {
        for record in records {
            self.send_record(id, record).await.map_err(|source| Error::Partial {
                id: id.to_owned(),
                failed: record.field.clone(),
                source: Box::new(source),
            })?;
        }
        Ok(())
    }

    async fn send_record(self, id: &str, record: &PlannedRecord) -> Result<(), Error> {
        let integration = &self.connected.integration;
        let resource = integration.resource(&record.call.resource).map_err(not_found)?;
        let method = resource.method(&record.call.method).map_err(not_found)?;
        let query = record.call.query(id).map_err(|error| Error::bad_request(error.to_string()))?;
        let ask = Ask { resource, method, id: record.id.as_deref(), query: &query, page: None };
        let answer = self.call("update").ask(&ask, Some(json_body(&record.body))).await?;
        require_success(answer).map(drop).map_err(|error| after_sending(&method.verb, error))
    }

    /// The id that the platform gave a new record.
    fn id_of(self, answer: &Text) -> Result<String, Error> {
        let record = raw(answer)?;
        let sources = Sources { record, loads: &[] };
        let options = unified::WriteOptions::default().keyed_by(ID).without_remote_data();
        let written =
            self.map.of("get").write(&sources, &self.connected.context, &options, None, &mut Vec::new())?;
        written.key.ok_or_else(|| {
            Error::BadAnswer(format!(
                "the platform took the write, and its answer is none of the {}",
                self.name
            ))
        })
    }

    /// The record as it is now. Where it can't be read, the platform's answer to the write tells what became of it.
    async fn read_back(
        self,
        id: &str,
        query: &Map<String, Value>,
        answer: Option<Text>,
    ) -> Result<Answer, Error> {
        let read = self.reading("get")?.get(id, query).await;
        let (Err(error), Some(answer)) = (&read, answer) else { return read };
        tracing::debug!(%error, resource = self.name, "a written record could not be read back");
        let mut text = Vec::new();
        let sources = Sources { record: raw(&answer)?, loads: &[] };
        let reading = self.reading("get")?;
        let options = reading.write_options();
        reading.map.write(&sources, &self.connected.context, &options, None, &mut text)?;
        Ok(Answer::json_text(text))
    }

    /// Finds what is named, in the list of its resource; makes it where the map says so.
    async fn resolve(self, reference: &Reference<'_>) -> Result<String, Error> {
        let resolve = reference.resolve;
        let on = self.beside(&resolve.resource)?;
        let mut query = resolve.with.clone();
        query.insert(resolve.by.clone(), reference.value.as_str().into());
        match on.find_or_make(query, resolve.create).await? {
            Matching::One(id) => Ok(id),
            Matching::Not(count) => {
                let place = match reference.index {
                    Some(index) => format!("{}[{index}].{}", reference.field, resolve.by),
                    None => format!("{}.{}", reference.field, resolve.by),
                };
                let message = match count {
                    0 => format!(
                        "none of the {} has the {} {:?}",
                        resolve.resource, resolve.by, reference.value
                    ),
                    _ => format!(
                        "{count} of the {} have the {} {:?}: say which by its {ID}",
                        resolve.resource, resolve.by, reference.value
                    ),
                };
                Err(WriteError::of(&place, &message).into())
            }
        }
    }

    /// The one record that a query finds; where there is none and `makes` says so, it is made of the query.
    pub(super) async fn find_or_make(
        self,
        query: Map<String, Value>,
        makes: bool,
    ) -> Result<Matching, Error> {
        match self.find(&query).await?.as_slice() {
            [one] => Ok(Matching::One(one.clone())),
            [] if makes => {
                let made = self.create(query).await?.into_value().await?;
                made[ID].as_str().map(|id| Matching::One(id.to_owned())).ok_or_else(|| {
                    Error::BadAnswer(format!("the {} that was made has no {ID}", self.resource))
                })
            }
            others => Ok(Matching::Not(others.len())),
        }
    }

    /// The ids of the records that a query finds.
    pub(super) async fn find(self, query: &Map<String, Value>) -> Result<Vec<String>, Error> {
        let records = self.all(query).await?;
        Ok(records.iter().filter_map(|record| record[ID].as_str().map(str::to_owned)).collect())
    }

    /// All records that a query finds, to the end of the list.
    pub(super) async fn all(self, query: &Map<String, Value>) -> Result<Vec<Value>, Error> {
        let mut records = Vec::new();
        let mut options = Options { ignore_limit: true, ignore_remote_data: true, ..Options::default() };
        loop {
            let page = On { options: &options, ..self }.reading("list")?.list(query).await?;
            let page_records: Vec<Value> =
                serde_json::from_slice(&page.result).map_err(|error| Error::Internal(Box::new(error)))?;
            records.extend(page_records);
            match page.next_cursor {
                None => return Ok(records),
                next => options.next_cursor = next,
            }
        }
    }
}

/// How a record was made known: by the answer to its create, or by looking for it where there was none.
enum Made {
    Answered(Text),
    Found(String),
}

/// What a query for one record finds.
pub(super) enum Matching {
    /// The id of the one.
    One(String),
    /// So many, which is not one.
    Not(usize),
}

/// The body of a write.
async fn object(payload: Payload) -> Result<Map<String, Value>, Error> {
    let bytes = payload.json().await?;
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(Error::bad_request("the body has to be an object of fields")),
    }
}

fn json_body(body: &Map<String, Value>) -> (upstream::Body, Option<HeaderValue>) {
    let text = serde_json::to_vec(body).unwrap_or_default();
    (text.into(), Some(HeaderValue::from_static("application/json")))
}

fn raw(answer: &Text) -> Result<&RawValue, Error> {
    serde_json::from_str(answer.as_str()).map_err(|error| {
        Error::BadAnswer(format!("the platform took the write, and its answer is not JSON: {error}"))
    })
}

impl From<WriteError> for Error {
    fn from(error: WriteError) -> Self {
        let details = json!({ "failures": error.failures });
        Self::BadRequest { message: error.to_string(), details: Some(details) }
    }
}
