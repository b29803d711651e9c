//! Tests of the way out against listeners on this machine.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod addresses;
mod bodies;
mod faults;
mod headers;
mod support;
