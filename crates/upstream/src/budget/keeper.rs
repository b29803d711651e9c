//! Where a limit's record is kept: in a database that all nodes share.

use std::collections::HashMap;
use std::fmt::Debug;
use std::sync::{Mutex, PoisonError};

use futures_util::future::{BoxFuture, FutureExt as _, ready};
use serde_json::{Map, Value};

use crate::BoxError;

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Which version it is.
    pub version: i64,
    /// The record itself.
    pub state: String,
}

/// Keeps records that are read and written as one. A record is written only over the version that was read, so of two nodes that write at
/// the same time one has to read again.
pub trait Keeper: Debug + Send + Sync {
    /// Reads a record; `None` before the first was written.
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Kept>, BoxError>>;

    /// Writes a record over version `over` of it (0 for the first), as `over + 1`. False when it is another version by now.
    fn write<'a>(&'a self, key: &'a str, over: i64, state: &'a str) -> BoxFuture<'a, Result<bool, BoxError>>;

    /// Writes single fields of a record (an object's), whatever others wrote of the others, if all fields of `expected` are still as they are there. Gives the
    /// record as it is now; `None` when it was not written.
    fn merge<'a>(
        &'a self,
        key: &'a str,
        expected: &'a Value,
        fields: &'a Value,
    ) -> BoxFuture<'a, Result<Option<Kept>, BoxError>>;

    /// Asks the other nodes to give up what they have beyond their part.
    fn ask<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<(), BoxError>>;

    /// Whether no other process uses these records.
    fn is_exclusive(&self) -> bool;
}

/// Keeps records in memory: for a process that shares limits with no other and forgets them.
#[derive(Debug, Default)]
pub struct MemoryKeeper(Mutex<HashMap<String, Kept>>);

impl Keeper for MemoryKeeper {
    fn read<'a>(&'a self, key: &'a str) -> BoxFuture<'a, Result<Option<Kept>, BoxError>> {
        let records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ready(Ok(records.get(key).cloned())).boxed()
    }

    fn write<'a>(&'a self, key: &'a str, over: i64, state: &'a str) -> BoxFuture<'a, Result<bool, BoxError>> {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = records.get(key).map_or(0, |kept| kept.version) == over;
        if is_current {
            records.insert(key.to_owned(), Kept { version: over + 1, state: state.to_owned() });
        }
        ready(Ok(is_current)).boxed()
    }

    fn merge<'a>(
        &'a self,
        key: &'a str,
        expected: &'a Value,
        fields: &'a Value,
    ) -> BoxFuture<'a, Result<Option<Kept>, BoxError>> {
        let mut records = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let merged = records.get_mut(key).and_then(|kept| {
            kept.state = merged(&kept.state, expected, fields)?;
            kept.version += 1;
            Some(kept.clone())
        });
        ready(Ok(merged)).boxed()
    }

    fn ask<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<(), BoxError>> {
        ready(Ok(())).boxed()
    }

    fn is_exclusive(&self) -> bool {
        false
    }
}

/// The object `state` with `fields` put in, if those of `expected` are in it as they are there.
pub fn merged(state: &str, expected: &Value, fields: &Value) -> Option<String> {
    let mut record: Map<String, Value> = serde_json::from_str(state).ok()?;
    let mut expected = expected.as_object()?.iter();
    if !expected.all(|(name, value)| record.get(name) == Some(value)) {
        return None;
    }
    record.extend(fields.as_object()?.clone());
    Some(Value::Object(record).to_string())
}
