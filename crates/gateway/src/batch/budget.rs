//! What a batch may take before it is told to ask for less.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use crate::Error;

/// Nodes of a batch.
pub(super) const MAX_NODES: usize = 50;
/// Calls of a batch; each page of a list is one.
pub(super) const MAX_CALLS: usize = 1_000;
/// Records that a batch gathers, those that are not given back included.
pub(super) const MAX_RECORDS: usize = 10_000;
/// Bytes of their text.
const MAX_BYTES: usize = 64 * 1024 * 1024;
/// How long a batch may take until its last call is sent.
const MAX_TIME: Duration = Duration::from_secs(300);
/// How often a node calls itself, one record below the other.
pub(super) const MAX_DEPTH: usize = 20;

/// What is left.
pub(super) struct Budget {
    calls: AtomicUsize,
    records: AtomicUsize,
    bytes: AtomicUsize,
    deadline: Instant,
}

impl Budget {
    pub(super) fn new() -> Self {
        Self {
            calls: AtomicUsize::new(MAX_CALLS),
            records: AtomicUsize::new(MAX_RECORDS),
            bytes: AtomicUsize::new(MAX_BYTES),
            deadline: Instant::now() + MAX_TIME,
        }
    }

    /// Takes a call.
    pub(super) fn call(&self) -> Result<(), Error> {
        take(&self.calls, 1).map_err(|()| spent("calls", MAX_CALLS, "the call was not made"))
    }

    /// Takes a record of this many bytes.
    pub(super) fn record(&self, bytes: usize) -> Result<(), Error> {
        let what = "what came until then is in the result";
        take(&self.records, 1).map_err(|()| spent("records", MAX_RECORDS, what))?;
        take(&self.bytes, bytes).map_err(|()| spent("bytes of records", MAX_BYTES, what))
    }

    /// Whether a wait ends before the batch has to.
    pub(super) fn has_time_for(&self, wait: Duration) -> bool {
        Instant::now() + wait < self.deadline
    }

    /// When the last call is sent.
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn out_of_time(&self) -> Error {
        spent("seconds", MAX_TIME.as_secs() as usize, "the call was not made")
    }
}

/// Says that a limit is reached.
pub(super) fn spent(what: &str, maximum: usize, then: &str) -> Error {
    Error::BadRequest {
        message: format!(
            "the batch reached its limit of {maximum} {what}: {then}; ask for less at a time, by filters or in several batches"
        ),
        details: Some(json!({"limit": what, "maximum": maximum})),
    }
}

fn take(left: &AtomicUsize, amount: usize) -> Result<(), ()> {
    let taken = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(amount));
    taken.map(drop).map_err(drop)
}
