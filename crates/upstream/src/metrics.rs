//! The names of what is measured on the way out, and the places where it is counted.

use std::time::Duration;

use crate::budget::Lane;

/// Requests that a limit let pass, by `lane`.
pub const PERMITS: &str = "decant_budget_permits_total";
/// Requests that were not sent because their turn did not come in time, by `lane`.
pub const REFUSED: &str = "decant_budget_refused_total";
/// How long a request waited for its turn, in seconds, by `lane`.
pub const WAIT_SECONDS: &str = "decant_budget_wait_seconds";
/// Requests that a platform refused for its limit, by `integration`.
pub const TOO_MANY: &str = "decant_upstream_rate_limited_total";
/// Round trips to the database for limits.
pub const ROUND_TRIPS: &str = "decant_budget_round_trips_total";
/// Requests that were not sent because the platform is down, by `integration`.
pub const CIRCUIT_REFUSED: &str = "decant_circuit_refused_total";
/// Reads that were answered with what another asked at the same time.
pub const SHARED_READS: &str = "decant_shared_reads_total";

/// Tells an exporter what the names mean.
pub fn describe() {
    use ::metrics::{Unit, describe_counter, describe_histogram};
    describe_counter!(PERMITS, "Requests that a platform's limit let pass");
    describe_counter!(REFUSED, "Requests that were not sent because their turn did not come in time");
    describe_histogram!(WAIT_SECONDS, Unit::Seconds, "How long a request waited for its turn");
    describe_counter!(TOO_MANY, "Requests that a platform refused for its limit");
    describe_counter!(ROUND_TRIPS, "Round trips to the database for platforms' limits");
    describe_counter!(CIRCUIT_REFUSED, "Requests that were not sent because the platform is down");
    describe_counter!(SHARED_READS, "Reads that were answered with what another asked at the same time");
}

pub(crate) fn passed(lane: Lane, waited: Duration) {
    ::metrics::counter!(PERMITS, "lane" => lane.as_str()).increment(1);
    ::metrics::histogram!(WAIT_SECONDS, "lane" => lane.as_str()).record(waited.as_secs_f64());
}

pub(crate) fn refused(lane: Lane, waited: Duration) {
    ::metrics::counter!(REFUSED, "lane" => lane.as_str()).increment(1);
    ::metrics::histogram!(WAIT_SECONDS, "lane" => lane.as_str()).record(waited.as_secs_f64());
}

pub(crate) fn round_trip() {
    ::metrics::counter!(ROUND_TRIPS).increment(1);
}

/// A platform refused a request for its limit.
pub fn too_many(integration: &str) {
    ::metrics::counter!(TOO_MANY, "integration" => integration.to_owned()).increment(1);
}

/// A request was not sent because the platform is down.
pub fn circuit_refused(integration: &str) {
    ::metrics::counter!(CIRCUIT_REFUSED, "integration" => integration.to_owned()).increment(1);
}

/// A read was answered with what another asked.
pub fn shared_read() {
    ::metrics::counter!(SHARED_READS).increment(1);
}
