//! The way out, over real sockets.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod addresses;
mod answers;
mod broken;
mod connections;
mod frames;
mod secure;
mod servers;
mod streaming;
mod timeouts;
