//! The names of what is measured, and the places where it is counted.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use ::metrics::{Counter, Histogram};

/// Calls of the data plane, by `request_type` and `status`.
pub const CALLS: &str = "decant_calls_total";
/// How long a call of the data plane took, in seconds, by `request_type`. A streamed answer counts up to its head.
pub const CALL_SECONDS: &str = "decant_call_seconds";
/// Requests sent to platforms, by `integration` and `outcome` (a status category, or `none` without an answer).
pub const UPSTREAM_REQUESTS: &str = "decant_upstream_requests_total";
/// How long a platform took to the head of its answer, in seconds, by `integration`.
pub const UPSTREAM_SECONDS: &str = "decant_upstream_seconds";
/// Log rows written.
pub const LOG_ROWS_WRITTEN: &str = "decant_log_rows_written_total";
/// Log rows that were not written, by `reason`: `full` (more calls than the database takes) or `failed`.
pub const LOG_ROWS_DROPPED: &str = "decant_log_rows_dropped_total";

/// Tells an exporter what the names mean, those of the way out among them.
pub fn describe() {
    upstream::metrics::describe();
    use ::metrics::{Unit, describe_counter, describe_histogram};
    describe_counter!(CALLS, "Calls of the data plane");
    describe_histogram!(CALL_SECONDS, Unit::Seconds, "How long a call of the data plane took");
    describe_counter!(UPSTREAM_REQUESTS, "Requests sent to platforms");
    describe_histogram!(UPSTREAM_SECONDS, Unit::Seconds, "How long a platform took to answer");
    describe_counter!(LOG_ROWS_WRITTEN, "Log rows written");
    describe_counter!(LOG_ROWS_DROPPED, "Log rows that were not written");
}

/// Counts with times, by a name and a label. Kept because they are wanted for every call, and a recorder copies and hashes all that it is
/// asked by to find them.
pub struct Series<L>(RwLock<HashMap<String, Vec<One<L>>>>);

struct One<L> {
    label: L,
    count: Counter,
    times: Histogram,
}

impl<L> Default for Series<L> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<L: PartialEq> Series<L> {
    /// Counts one; `register` asks the recorder where it was not asked yet.
    pub fn note(
        &self,
        name: &str,
        label: L,
        took: Duration,
        register: impl FnOnce() -> (Counter, Histogram),
    ) {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = known.get(name).and_then(|all| all.iter().find(|one| one.label == label)) {
            return one.note(took);
        }
        drop(known);
        let (count, times) = register();
        let one = One { label, count, times };
        one.note(took);
        self.0.write().unwrap_or_else(PoisonError::into_inner).entry(name.to_owned()).or_default().push(one);
    }
}

impl<L> One<L> {
    fn note(&self, took: Duration) {
        self.count.increment(1);
        self.times.record(took);
    }
}

/// What a gateway counts for each of its calls.
#[derive(Default)]
pub(crate) struct Counts {
    calls: Series<&'static str>,
    requests: Series<&'static str>,
}

impl Counts {
    pub(crate) fn called(&self, request_type: &'static str, category: &'static str, took: Duration) {
        self.calls.note(request_type, category, took, || {
            (
                ::metrics::counter!(CALLS, "request_type" => request_type, "status" => category),
                ::metrics::histogram!(CALL_SECONDS, "request_type" => request_type),
            )
        });
    }

    pub(crate) fn sent(&self, integration: &str, outcome: &'static str, took: Duration) {
        self.requests.note(integration, outcome, took, || {
            let name = integration.to_owned();
            (
                ::metrics::counter!(UPSTREAM_REQUESTS, "integration" => name.clone(), "outcome" => outcome),
                ::metrics::histogram!(UPSTREAM_SECONDS, "integration" => name),
            )
        });
    }
}

pub(crate) fn log_rows_written(count: usize) {
    ::metrics::counter!(LOG_ROWS_WRITTEN).increment(count as u64);
}

pub(crate) fn log_rows_dropped(count: usize, reason: &'static str) {
    ::metrics::counter!(LOG_ROWS_DROPPED, "reason" => reason).increment(count as u64);
}

/// `2xx`, `4xx`, …
pub(crate) fn category(status: u16) -> &'static str {
    match status / 100 {
        1 => "1xx",
        2 => "2xx",
        3 => "3xx",
        4 => "4xx",
        _ => "5xx",
    }
}
