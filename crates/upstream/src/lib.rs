//! The way out: sends a planned request under the outbound address policy and time limits.
//!
//! [`Upstream::send`] is the only place where a request leaves the program. It connects to public addresses alone,
//! unless [`Config::allow`] says otherwise, follows no redirects, decodes no content and reads no proxy from the
//! environment.

mod address;
mod body;
mod client;
mod config;
mod error;
pub mod headers;
mod resolver;
mod response;

pub use body::Body;
pub use client::{REQUEST_SECONDS, Upstream};
pub use config::Config;
pub use error::{BuildError, Phase, SendError};
pub use response::Response;
