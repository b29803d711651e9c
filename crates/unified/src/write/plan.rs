//! A planned write: the provider's body, and what it needs of the record as it is before it can be sent.

use serde_json::{Map, Value};

use super::line::{Line, Lines, RecordCall, Resolve};
use crate::error::{Failure, WriteError};

/// What is to be sent.
#[derive(Debug, Clone, Default)]
pub struct PlannedWrite {
    body: Map<String, Value>,
    /// The body without what the caller did not say.
    given: Map<String, Value>,
    query: Map<String, Value>,
    keyed: Vec<Keyed>,
    records: Vec<PlannedRecord>,
    /// Whether objects are completed from the record as it is.
    completes: bool,
    merged_by_provider: Vec<String>,
}

/// A record of its own that belongs to the one that is written, to be sent after it.
#[derive(Debug, Clone)]
pub struct PlannedRecord {
    /// The caller's item, such as `addresses[1]`.
    pub field: String,
    /// The call.
    pub call: RecordCall,
    /// Its id, when it is there and is changed.
    pub id: Option<String>,
    /// The provider's body.
    pub body: Map<String, Value>,
}

/// A list whose items the provider replaces whole: each is completed from the one that is there.
#[derive(Debug, Clone)]
pub(super) struct Keyed {
    pub field: String,
    pub path: Vec<String>,
    pub key: Vec<String>,
    pub keeps_absent: bool,
    pub drop: Vec<String>,
}

/// Something that the caller names by another field than its id.
#[derive(Debug, Clone)]
pub struct Reference<'m> {
    /// The field of the body.
    pub field: String,
    /// The item, where the field is a list.
    pub index: Option<usize>,
    /// The name that was given.
    pub value: String,
    /// How to find it.
    pub resolve: &'m Resolve,
}

impl Reference<'_> {
    /// Puts the id in place of the name.
    pub fn put(&self, body: &mut Map<String, Value>, id: &str) {
        let mut place = body.get_mut(&self.field);
        if let Some(index) = self.index {
            place = place.and_then(|list| list.get_mut(index));
        }
        if let Some(Value::Object(item)) = place {
            item.shift_remove(&self.resolve.by);
            item.insert("id".into(), id.into());
        }
    }
}

/// What is to be looked up: an item that has no id, and the field that may stand in its place.
pub(super) fn references<'m>(lines: &'m Lines, body: &Map<String, Value>) -> Vec<Reference<'m>> {
    let mut found = Vec::new();
    for (field, line) in lines.iter() {
        let (Some(resolve), Some(value)) = (line.resolve(), body.get(field)) else { continue };
        let named = |item: &Value| {
            let has_id = item.get("id").is_some_and(|id| !id.is_null());
            item.get(&resolve.by).and_then(Value::as_str).filter(|_| !has_id).map(str::to_owned)
        };
        let mut push = |index: Option<usize>, item: &Value| {
            if let Some(value) = named(item) {
                found.push(Reference { field: field.to_owned(), index, value, resolve });
            }
        };
        match (line, value) {
            (Line::Each(_), Value::Array(items)) => {
                items.iter().enumerate().for_each(|(index, item)| push(Some(index), item));
            }
            (Line::Object { .. }, item) => push(None, item),
            _ => {}
        }
    }
    found
}

impl PlannedWrite {
    pub(super) fn new(
        body: Map<String, Value>,
        query: Map<String, Value>,
        keyed: Vec<Keyed>,
        records: Vec<PlannedRecord>,
        completes: bool,
    ) -> Self {
        let given = body.clone();
        Self { body, given, query, keyed, records, completes, merged_by_provider: Vec::new() }
    }

    /// The caller's own fields of the provider come last: they win.
    pub(super) fn with_remote(mut self, remote: Map<String, Value>, merged_by_provider: &[String]) -> Self {
        overlay(&mut self.body, remote);
        self.given.clone_from(&self.body);
        self.merged_by_provider = merged_by_provider.to_vec();
        self
    }

    /// What a new record has where the caller said nothing.
    pub(super) fn default_to(&mut self, defaults: Map<String, Value>) {
        let given = std::mem::replace(&mut self.body, defaults);
        overlay(&mut self.body, given);
    }

    /// Whether [`PlannedWrite::complete`] needs the record as it is: the provider replaces objects and lists whole.
    pub fn needs_record(&self) -> bool {
        self.completes && (!self.keyed.is_empty() || self.objects().next().is_some())
    }

    fn objects(&self) -> impl Iterator<Item = &str> {
        let objects = self.body.iter().filter(|(_, value)| value.is_object()).map(|(key, _)| key.as_str());
        objects.filter(|key| !self.merged_by_provider.iter().any(|merged| merged == key))
    }

    /// Completes what the provider replaces whole from its record: an object keeps what was not written, a list's item keeps the rest of
    /// the item that it names. An item that names none that is there is an error, not a new one.
    pub fn complete(&mut self, record: &Map<String, Value>) -> Result<(), WriteError> {
        if !self.completes {
            return Ok(());
        }
        let roots: Vec<String> = self.objects().map(str::to_owned).collect();
        for root in roots {
            if let Some(Value::Object(base)) = record.get(&root)
                && let Some(Value::Object(written)) = self.body.remove(&root)
            {
                let mut whole = base.clone();
                overlay(&mut whole, written);
                self.body.insert(root, Value::Object(whole));
            }
        }
        let mut failures = Vec::new();
        for keyed in &self.keyed {
            keyed.complete(record, &mut self.body, &mut failures);
        }
        if failures.is_empty() { Ok(()) } else { Err(WriteError { failures }) }
    }

    /// Whether a provider's record shows that this was written to it: it has all that the caller gave, as far as it shows such fields.
    pub fn shows_in(&self, record: &Map<String, Value>) -> bool {
        let shown = self.given.iter().filter_map(|(key, given)| Some((record.get(key)?, given)));
        let mut any = false;
        let all = shown.fold(true, |all, (read, given)| {
            any = true;
            all && holds(read, given)
        });
        any && all
    }

    /// The provider's body.
    pub fn body(&self) -> &Map<String, Value> {
        &self.body
    }

    /// What goes into the provider's query.
    pub fn query(&self) -> &Map<String, Value> {
        &self.query
    }

    /// What is written after it, item by item.
    pub fn records(&self) -> &[PlannedRecord] {
        &self.records
    }

    /// Whether the record itself is not written: only records that belong to it are.
    pub fn is_empty(&self) -> bool {
        self.body.is_empty() && self.query.is_empty()
    }
}

impl Keyed {
    fn complete(
        &self,
        record: &Map<String, Value>,
        body: &mut Map<String, Value>,
        failures: &mut Vec<Failure>,
    ) {
        let there: Vec<Map<String, Value>> = at(record, &self.path)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_object)
            .map(|item| {
                let mut item = item.clone();
                item.retain(|key, _| !self.drop.contains(key));
                item
            })
            .collect();
        let Some(Value::Array(written)) = at_mut(body, &self.path) else { return };
        let mut changed: Vec<Option<Map<String, Value>>> = vec![None; there.len()];
        let mut added = Vec::new();
        for (index, item) in std::mem::take(written).into_iter().enumerate() {
            let Value::Object(item) = item else { continue };
            let key = self.key.iter().find(|key| item.get(*key).is_some_and(|value| !value.is_null()));
            let found = key.and_then(|key| there.iter().position(|known| known.get(key) == item.get(key)));
            match (found, key) {
                (Some(position), _) => {
                    let mut whole = changed[position].take().unwrap_or_else(|| there[position].clone());
                    overlay(&mut whole, item);
                    changed[position] = Some(whole);
                }
                // Only the best key names an item for sure: another one may belong to a new item.
                (None, Some(key)) if Some(key) == self.key.first() => failures.push(Failure::new(
                    format!("{}[{index}].{key}", self.field),
                    "the record has no such item; leave it out to add one",
                )),
                (None, _) => added.push(item),
            }
        }
        let kept = there
            .into_iter()
            .zip(changed)
            .filter_map(|(there, changed)| changed.or_else(|| self.keeps_absent.then_some(there)));
        *written = kept.chain(added).map(Value::Object).collect();
    }
}

/// Whether what was read has all that was written.
fn holds(read: &Value, written: &Value) -> bool {
    match (read, written) {
        (Value::Object(read), Value::Object(written)) => {
            written.iter().all(|(key, written)| holds(read.get(key).unwrap_or(&Value::Null), written))
        }
        (Value::Array(read), Value::Array(written)) => {
            read.len() == written.len()
                && written.iter().all(|written| read.iter().any(|read| holds(read, written)))
        }
        (read, written) => read == written,
    }
}

fn at<'v>(body: &'v Map<String, Value>, path: &[String]) -> Option<&'v Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(body.get(first)?, |value, key| value.get(key))
}

fn at_mut<'v>(body: &'v mut Map<String, Value>, path: &[String]) -> Option<&'v mut Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(body.get_mut(first)?, |value, key| value.get_mut(key))
}

/// Lays `over` on `base`: objects key by key, all else replaced.
fn overlay(base: &mut Map<String, Value>, over: Map<String, Value>) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(Value::Object(base)), Value::Object(over)) => overlay(base, over),
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}
