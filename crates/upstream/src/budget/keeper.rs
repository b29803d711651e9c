//! Where a limit's record is kept: in a database that all nodes share.

use std::fmt::Debug;

use futures_util::future::BoxFuture;
use serde_json::Value;

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
