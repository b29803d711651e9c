//! Tests of definitions and of what is planned and recognised with them.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod capabilities;
mod catalog;
mod credentials;
mod diagnosis;
mod endpoints;
mod errors;
mod mistakes;
mod oauth;
mod overrides;
mod paths;
mod support;
