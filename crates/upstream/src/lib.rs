//! The way out: a request's turn in the platform's budget, and sending it under the outbound address policy and time limits.
//!
//! Everything that leaves for a platform goes through [`Upstream::send`]. No redirect is followed and no content decoded: what the
//! platform answers is what the caller gets, streamed as it comes.
//!
//! The client is hyper's own with a connector of ours rather than reqwest: on the proxied path it carries about half as many requests again, and
//! the connector is the one place that sees every address before it is connected to.

mod address;
mod body;
pub mod budget;
pub mod circuit;
mod client;
mod connect;
mod error;
pub mod headers;
pub mod metrics;

pub use address::AddressPolicy;
pub use body::{Body, BoxError};
pub use client::{Config, Response, Upstream};
pub use error::{Phase, SendError, SetupError};
