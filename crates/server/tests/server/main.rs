//! The API as a client meets it: real sockets, real databases, a real winery.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod unified;
