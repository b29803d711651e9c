//! Times as the API writes them: RFC 3339, UTC, milliseconds.

use jiff::Timestamp;
use serde::Serializer;

/// `2026-01-03T08:00:00.000Z`
pub(crate) fn text(time: Timestamp) -> String {
    format!("{time:.3}")
}

pub(crate) fn serialize<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{time:.3}"))
}

pub(crate) fn serialize_option<S: Serializer>(
    time: &Option<Timestamp>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => serialize(time, serializer),
        None => serializer.serialize_none(),
    }
}
