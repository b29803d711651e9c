//! The names of what is measured, and the places where it is counted.

use std::sync::Arc;
use std::time::Duration;

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

pub(crate) fn called(request_type: &'static str, category: &'static str, took: Duration) {
    ::metrics::counter!(CALLS, "request_type" => request_type, "status" => category).increment(1);
    ::metrics::histogram!(CALL_SECONDS, "request_type" => request_type).record(took.as_secs_f64());
}

pub(crate) fn sent(integration: &str, outcome: &'static str, took: Duration) {
    let integration: Arc<str> = integration.into();
    ::metrics::counter!(UPSTREAM_REQUESTS, "integration" => Arc::clone(&integration), "outcome" => outcome)
        .increment(1);
    ::metrics::histogram!(UPSTREAM_SECONDS, "integration" => integration).record(took.as_secs_f64());
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
