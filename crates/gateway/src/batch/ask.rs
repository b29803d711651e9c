//! One call of a node: filled in, made, its records taken. Lists are read to their end.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::plan::{Request, Target, refuse_elsewhere};
use super::run::Run;
use super::scope::{Part, Seen};
use crate::options::MAX_LIMIT;
use crate::unified::not_json;
use crate::{Answer, Error, Payload, ProxyCall, Reply, UnifiedCall};

/// How long to wait when a platform says that it was asked too often, and not how long: at first, and at most.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(16));
/// Methods that answer a record; all others of a unified resource answer `{result}`.
const OF_RECORDS: [&str; 5] = ["list", "get", "create", "update", "delete"];

/// A call that can be made.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub id: Option<String>,
    pub query: Map<String, Value>,
    pub body: Option<Value>,
}

impl Ask {
    /// Fills a node's placeholders.
    pub(super) fn fill(request: &Request, seen: &Seen) -> Result<Self, Error> {
        let body = request.body.as_ref().map(|body| body.fill("body", seen)).transpose()?.flatten();
        Ok(Self {
            id: id("id", request.id.as_ref(), seen)?,
            query: query("query", request.query.as_ref(), seen)?,
            body,
        })
    }

    /// The same call, made for a record that it gave.
    pub(super) fn again(
        &self,
        new_id: Option<&Part>,
        over: Option<&Part>,
        seen: &Seen,
    ) -> Result<Self, Error> {
        let mut ask = self.clone();
        if new_id.is_some() {
            ask.id = id("recurse.config.id", new_id, seen)?;
        }
        ask.query.extend(query("recurse.config.query", over, seen)?);
        Ok(ask)
    }

    /// What tells the call from others of its node.
    pub(super) fn written(&self) -> String {
        json!([self.id, self.query, self.body]).to_string()
    }
}

fn id(what: &str, part: Option<&Part>, seen: &Seen) -> Result<Option<String>, Error> {
    let Some(part) = part else { return Ok(None) };
    match part.fill(what, seen)? {
        Some(Value::String(id)) if !id.is_empty() => Ok(Some(id)),
        Some(Value::Number(id)) => Ok(Some(id.to_string())),
        other => Err(Error::bad_request(format!("{what}: {} is no id", other.unwrap_or_default()))),
    }
}

fn query(what: &str, part: Option<&Part>, seen: &Seen) -> Result<Map<String, Value>, Error> {
    let Some(part) = part else { return Ok(Map::new()) };
    let filled = match part.fill(what, seen)? {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(query)) => query,
        Some(_) => return Err(Error::bad_request(format!("{what}: has to become an object"))),
    };
    refuse_elsewhere(&filled)
        .map_err(|(name, reason)| Error::bad_request(format!("{what}.{name}: {reason}")))?;
    Ok(match as_text(Value::Object(filled)) {
        Some(Value::Object(query)) => query,
        _ => Map::new(),
    })
}

/// A value as query strings have it: texts, in lists and objects. `null` is not there.
fn as_text(value: Value) -> Option<Value> {
    Some(match value {
        Value::Null => return None,
        Value::Object(fields) => {
            fields.into_iter().filter_map(|(name, value)| Some((name, as_text(value)?))).collect()
        }
        Value::Array(items) => items.into_iter().filter_map(as_text).collect(),
        Value::String(text) => Value::String(text),
        scalar => Value::String(scalar.to_string()),
    })
}

/// What a call gave. A list that breaks off has both records and an error.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub records: Vec<Arc<RawValue>>,
    pub error: Option<Error>,
}

impl Run<'_> {
    /// Makes a call; a list is read to its end.
    pub(super) async fn ask(&self, request: &Request, ask: &Ask) -> Given {
        let mut given = Given::default();
        given.error = self.gather(request, ask, &mut given.records).await.err();
        given
    }

    async fn gather(
        &self,
        request: &Request,
        ask: &Ask,
        records: &mut Vec<Arc<RawValue>>,
    ) -> Result<(), Error> {
        let mut query = ask.query.clone();
        query.insert("integrated_account_id".into(), self.account_id.into());
        if let Some(format) = &request.format {
            query.insert("truto_response_format".into(), format.as_str().into());
        }
        // A page of the platform's own resources is as large as the platform has it.
        if request.method == "list" && matches!(request.target, Target::Unified { .. }) {
            query.entry("limit").or_insert_with(|| MAX_LIMIT.to_string().into());
        }
        loop {
            let page = match self.patiently(request, ask, &query).await? {
                Reply::Records(page) => page,
                Reply::Answer(answer) => {
                    for record in records_of(request, answer).await? {
                        self.take(record, records)?;
                    }
                    return Ok(());
                }
            };
            let page_records: Vec<Box<RawValue>> = serde_json::from_slice(&page.result).map_err(not_json)?;
            for record in page_records {
                self.take(record, records)?;
            }
            match page.next_cursor {
                Some(cursor) => query.insert("next_cursor".into(), cursor.into()),
                None => return Ok(()),
            };
        }
    }

    fn take(&self, record: Box<RawValue>, records: &mut Vec<Arc<RawValue>>) -> Result<(), Error> {
        self.budget.record(record.get().len())?;
        records.push(record.into());
        Ok(())
    }

    /// Sends one call. What only asks is asked again when the platform had too much of it; what writes is sent once.
    async fn patiently(
        &self,
        request: &Request,
        ask: &Ask,
        query: &Map<String, Value>,
    ) -> Result<Reply, Error> {
        self.budget.call()?;
        let (mut patience, most) = PATIENCE;
        loop {
            let reply = self.send(request, ask, query.clone()).await;
            let Err(error) = &reply else { return reply };
            let wait = error.retry_after().map_or(patience, |seconds| Duration::from_secs(seconds.max(1)));
            patience = (2 * patience).min(most);
            if !request.is_read || error.status() != 429 || !self.budget.has_time_for(wait) {
                return reply;
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn send(&self, request: &Request, ask: &Ask, query: Map<String, Value>) -> Result<Reply, Error> {
        // Never closed.
        let _turn = self.calls.acquire().await.map_err(|error| Error::Internal(Box::new(error)))?;
        if !self.budget.has_time_for(Duration::ZERO) {
            return Err(self.budget.out_of_time());
        }
        let payload = ask.body.as_ref().map_or_else(Payload::default, |body| Payload {
            content_type: Some(HeaderValue::from_static("application/json")),
            body: body.to_string().into_bytes().into(),
        });
        let (caller, method, id) = (self.caller.clone(), request.method.clone(), ask.id.clone());
        match &request.target {
            Target::Unified { model, resource } => {
                let (model, resource) = (model.clone(), resource.clone());
                let call = UnifiedCall { caller, model, resource, method, id, query, payload };
                self.gateway.unified(call).await
            }
            Target::Proxy { resource } => {
                let call = ProxyCall { caller, resource: resource.clone(), method, id, query, payload };
                Box::pin(self.gateway.proxy(call)).await
            }
        }
    }
}

/// The records of an answer that is no list: itself, or what a method of a unified resource's own gave as `{result}`.
async fn records_of(request: &Request, answer: Answer) -> Result<Vec<Box<RawValue>>, Error> {
    let bytes = answer.body.bytes(crate::reply::MAX_JSON_BODY).await?;
    let text = if bytes.is_empty() { &b"{}"[..] } else { &bytes };
    let record: Box<RawValue> = serde_json::from_slice(text).map_err(not_json)?;
    if matches!(request.target, Target::Proxy { .. }) || OF_RECORDS.contains(&request.method.as_str()) {
        return Ok(vec![record]);
    }
    #[derive(serde::Deserialize)]
    struct Wrapped {
        result: Box<RawValue>,
    }
    let Wrapped { result } = serde_json::from_str(record.get()).map_err(not_json)?;
    if result.get().starts_with('[') {
        return serde_json::from_str(result.get()).map_err(not_json);
    }
    Ok(vec![result])
}
