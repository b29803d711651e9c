//! The writes that were carried out, one by one: what a client was told of them does not matter here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

/// Writes kept; older ones are forgotten.
const MOST: usize = 100_000;

/// A write that was carried out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AppliedWrite {
    /// Counts from 1, over all wineries.
    pub number: u64,
    /// The winery.
    pub tenant: String,
    /// The method.
    pub method: String,
    /// The path below `/v1`, as it was asked for: `/tag-x-object/customer`.
    pub path: String,
    /// The path with its placeholders: `/tag-x-object/{objectType}`.
    pub pattern: String,
    /// The id of what was written or deleted, where it has one.
    pub id: Option<String>,
    /// The body that came with it; null where none did.
    pub body: Value,
    /// The status it was or would have been answered with.
    pub status: u16,
    /// Whether a fault hid the answer.
    pub is_hidden: bool,
}

/// The writes that were carried out; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Writes(Arc<Mutex<Journal>>);

#[derive(Debug, Default)]
struct Journal {
    last: u64,
    rows: VecDeque<AppliedWrite>,
}

impl Writes {
    /// Writes a line; its number is given here.
    pub(crate) fn add(&self, write: AppliedWrite) {
        let mut journal = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        journal.last += 1;
        let number = journal.last;
        journal.rows.push_back(AppliedWrite { number, ..write });
        if journal.rows.len() > MOST {
            journal.rows.pop_front();
        }
    }

    /// The latest 100,000 writes, oldest first.
    pub fn list(&self) -> Vec<AppliedWrite> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).rows.iter().cloned().collect()
    }

    /// How often a method was carried out on paths that start with `path`.
    pub fn count(&self, method: &str, path: &str) -> usize {
        let journal = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        journal.rows.iter().filter(|row| row.method == method && row.path.starts_with(path)).count()
    }

    /// Forgets all of them; the numbers go on.
    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).rows.clear();
    }
}
