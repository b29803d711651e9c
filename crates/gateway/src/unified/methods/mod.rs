//! Methods that take more than one call: what the unified model promises beyond reading and writing a record. They work on
//! unified records alone; which calls of the platform they make stands in the maps.

mod compliance;
mod fulfillments;
mod levels;
mod rollover;
mod tags;

use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};
use unified::{ResourceMap, WriteError};
use utoipa::ToSchema;

use super::{ID, On};
use crate::{Answer, Error, Outcome};

/// So many lines or records one call takes.
const MAX_ITEMS: usize = 1000;
/// So many of them are written at the same time.
const AT_ONCE: usize = 4;

/// A method that this gateway puts together itself.
#[derive(Debug, Clone, Copy)]
pub(super) enum Composed {
    AdjustLevels,
    AttachTag,
    CheckCompliance,
    CreateFulfillment,
    DeleteFulfillment,
    DetachTag,
    RollOver,
    SetLevels,
}

impl Composed {
    pub(super) fn find(model: &str, resource: &str, method: &str) -> Option<Self> {
        match (model, resource, method) {
            ("ecommerce", "fulfillments", "create") => Some(Self::CreateFulfillment),
            ("ecommerce", "fulfillments", "delete") => Some(Self::DeleteFulfillment),
            ("ecommerce", "inventory_levels", "adjust") => Some(Self::AdjustLevels),
            ("ecommerce", "inventory_levels", "set") => Some(Self::SetLevels),
            ("ecommerce", "orders", "compliance_check") => Some(Self::CheckCompliance),
            ("ecommerce", "products", "rollover") => Some(Self::RollOver),
            ("ecommerce", "tags", "attach") => Some(Self::AttachTag),
            ("ecommerce", "tags", "detach") => Some(Self::DetachTag),
            _ => None,
        }
    }

    /// Whether it is about one record, which the path names.
    pub(super) fn needs_id(self) -> bool {
        matches!(self, Self::CheckCompliance | Self::DeleteFulfillment | Self::RollOver)
    }
}

/// The JSON Schema (2020-12) of a method's body: the method's own where it is put together here, else the map's. `None` when the method
/// takes no body.
pub(crate) fn body_schema(model: &str, map: &ResourceMap, method: &str) -> Option<Value> {
    match Composed::find(model, &map.model().name, method) {
        None => map.body_schema(method),
        Some(Composed::AdjustLevels) => Some(levels::body_schema(levels::Mode::Adjust)),
        Some(Composed::AttachTag | Composed::DetachTag) => Some(schema_of::<tags::Asked>()),
        Some(Composed::CheckCompliance) => Some(schema_of::<compliance::Asked>()),
        Some(Composed::CreateFulfillment) => fulfillments::body_schema(map),
        Some(Composed::DeleteFulfillment) => None,
        Some(Composed::RollOver) => Some(schema_of::<rollover::Asked>()),
        Some(Composed::SetLevels) => Some(levels::body_schema(levels::Mode::Set)),
    }
}

/// Whether a method is about one record, which its caller names.
pub(crate) fn is_about_one(model: &str, resource: &str, method: &str) -> bool {
    match (method, Composed::find(model, resource, method)) {
        ("list" | "create", _) => false,
        ("get" | "update" | "delete", _) => true,
        (_, composed) => composed.is_none_or(Composed::needs_id),
    }
}

fn schema_of<T: ToSchema>() -> Value {
    // A schema is made of names and texts: it can always be written.
    serde_json::to_value(T::schema()).unwrap_or_default()
}

impl On<'_> {
    pub(super) async fn compose(
        self,
        composed: Composed,
        id: &str,
        query: &Map<String, Value>,
        body: Map<String, Value>,
    ) -> Result<Answer, Error> {
        match composed {
            Composed::AdjustLevels => self.write_levels(levels::Mode::Adjust, body).await,
            Composed::AttachTag => self.tag_many("attach", body).await,
            Composed::CheckCompliance => self.check_compliance(id, body).await,
            Composed::CreateFulfillment => self.fulfill(body).await,
            Composed::DeleteFulfillment => self.delete_fulfillment(id, query).await,
            Composed::DetachTag => self.tag_many("detach", body).await,
            Composed::RollOver => self.roll_over(id, body).await,
            Composed::SetLevels => self.write_levels(levels::Mode::Set, body).await,
        }
    }
}

/// Reads the body of a method; a mistake is told with its place.
fn read_body<T: DeserializeOwned>(body: Map<String, Value>) -> Result<T, Error> {
    integration::source::read_value(Value::Object(body)).map_err(|(path, reason)| {
        let mut place = String::new();
        for step in path {
            let is_index = step.bytes().all(|letter| letter.is_ascii_digit());
            let dot = if place.is_empty() { "" } else { "." };
            place += &if is_index { format!("[{step}]") } else { format!("{dot}{step}") };
        }
        let place = if place.is_empty() { "the body" } else { &place };
        WriteError::of(place, &reason.replace("expected i64", "expected a whole number")).into()
    })
}

/// Refuses a call for nothing, and one for more than a call takes.
fn check_count(field: &str, count: usize) -> Result<(), Error> {
    if (1..=MAX_ITEMS).contains(&count) {
        return Ok(());
    }
    Err(Error::bad_request(format!("{field}: from 1 to {MAX_ITEMS} are needed")))
}

/// Does many writes, some at the same time; the lines are in the order of the writes.
async fn some_at_once(writes: Vec<BoxFuture<'_, Value>>) -> Vec<Value> {
    stream::iter(writes).buffered(AT_ONCE).collect().await
}

/// The items of a list of a unified record; none where there is no such list.
fn list<'v>(record: &'v Value, name: &str) -> &'v [Value] {
    record[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// What became of one of many: the answer's own line.
#[derive(Debug, Default)]
struct Line(Map<String, Value>);

impl Line {
    /// The line of a record.
    fn about(id: &str) -> Self {
        let mut line = Self::default();
        line.set(ID, id);
        line
    }

    fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    fn value(&self, name: &str) -> &Value {
        self.0.get(name).unwrap_or(&Value::Null)
    }

    /// The finished line.
    fn with(&mut self, name: &str, value: impl Into<Value>) -> Value {
        self.set(name, value);
        Value::Object(std::mem::take(&mut self.0))
    }

    /// Refused before anything was sent.
    fn refused(&mut self, code: &str, message: &str) -> Value {
        self.set("status", "failed");
        self.with("error", json!({"code": code, "message": message}))
    }

    /// Failed on the way; whether it was written may not be known.
    fn failed(&mut self, error: &Error) -> Value {
        let outcome = error.outcome();
        self.set("status", if outcome == Some(Outcome::Unknown) { "unknown" } else { "failed" });
        let mut told = json!({"statusCode": error.status(), "message": error.to_string()});
        if let Some(outcome) = outcome {
            told["outcome"] = json!(outcome);
        }
        self.with("error", told)
    }
}

/// The lines, and how many came to what.
fn summed_up(name: &str, lines: Vec<Value>) -> Value {
    let count = |status: &str| lines.iter().filter(|line| line["status"] == status).count();
    json!({
        "written": count("written"),
        "unchanged": count("unchanged"),
        "failed": count("failed"),
        "unknown": count("unknown"),
        name: lines,
    })
}
