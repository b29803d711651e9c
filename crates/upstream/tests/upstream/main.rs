//! The way out, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod addresses;
mod answers;
mod connections;
mod secure;
mod servers;
mod streaming;
mod timeouts;
