//! Where limits' records are kept: in a database that all nodes share.

use std::fmt::Debug;

use futures_util::future::BoxFuture;
use serde_json::Value;

use crate::BoxError;

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Which limit's it is.
    pub key: String,
    /// Which version it is.
    pub version: i64,
    /// The record itself, an object.
    pub state: String,
}

/// Single fields of a record, to be written whatever others wrote of the others.
#[derive(Debug, Clone, PartialEq)]
pub struct Merge {
    /// Which limit's.
    pub key: String,
    /// Fields that have to be in it as they are here.
    pub expected: Value,
    /// Fields to put in.
    pub fields: Value,
}

/// A record, to be written over the version that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Write {
    /// Which limit's.
    pub key: String,
    /// That version, 0 for the first; what is written is the next.
    pub over: i64,
    /// The record itself.
    pub state: Value,
}

/// Keeps records that are read and written as one. A record is written only over the version that was read, so of two nodes that write at
/// the same time one has to read again. Each call is one round trip, for however many records.
pub trait Keeper: Debug + Send + Sync {
    /// Reads records; those that were never written are left out.
    fn read(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Kept>, BoxError>>;

    /// Writes records, and gives the keys of those that were written: the others are another version by now.
    fn write(&self, records: Vec<Write>) -> BoxFuture<'_, Result<Vec<String>, BoxError>>;

    /// Writes fields of records, and gives those that were written as they are now: the others are not as expected.
    fn merge(&self, records: Vec<Merge>) -> BoxFuture<'_, Result<Vec<Kept>, BoxError>>;

    /// Whether no other process uses these records.
    fn is_exclusive(&self) -> bool;
}
