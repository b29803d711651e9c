//! A served sandbox, asked over a real socket.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod aggregates;
mod auth;
mod determinism;
mod errors;
mod faults;
mod fields;
mod filters;
mod limit;
mod load;
mod money;
mod paging;
mod support;
mod time;
