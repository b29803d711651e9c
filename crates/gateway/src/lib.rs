//! The use cases: unified, proxy and custom calls; connecting an account; logs.
//!
//! [`Gateway`] is what the server calls. Each use case is a module whose functions are methods on it:
//!
//! | use case | module |
//! |---|---|
//! | who is calling | [`caller`] |
//! | reading and writing in the unified shape | [`unified`] |
//! | the platform's own resources | [`proxy`] |
//! | any path of the platform | [`custom`] |
//! | many calls in one | [`batch`] |
//! | doing a write once, and what became of it | [`idempotency`], [`Outcome`] |
//! | how long a call waits for a platform's limit, and how that stands | [`budget`] |
//! | connecting and keeping accounts | [`accounts`], [`account_tokens`] |
//! | connecting from a browser | [`link`] |
//! | what happened | [`events`] |
//! | environments and what is installed in them | [`environments`], [`api_tokens`], [`integrations`], [`environment_integrations`] |
//! | a customer who installs the product's app at the platform, and the app's page there | [`install`], [`app_page`] |
//! | what an environment changes in the maps | [`environment_maps`] |
//! | what can be called | [`capabilities`], [`tools`], [`meta`] |
//! | what was called | [`log`] |
//!
//! A call finds its account and maps at hand ([`resolve`](self)) and asks the database nothing. Credentials are opened only where a
//! request is built.

pub mod account_tokens;
pub mod accounts;
pub mod api_tokens;
pub mod app_page;
mod at_hand;
mod background;
pub mod batch;
pub mod budget;
pub mod caller;
pub mod capabilities;
mod cursor;
pub mod custom;
pub mod environment_integrations;
pub mod environment_maps;
pub mod environments;
mod error;
pub mod events;
mod fetch;
mod gateway;
mod gather;
pub mod idempotency;
pub mod install;
pub mod integrations;
mod items;
pub mod link;
pub mod list;
pub mod log;
pub mod maps;
pub mod meta;
pub mod metrics;
mod oauth;
mod options;
mod outcome;
pub mod proxy;
mod records;
pub mod reply;
mod resolve;
mod shared_reads;
mod state;
mod time;
pub mod tools;
pub mod unified;
mod writes;

pub use caller::{Caller, CallerKind};
pub use custom::CustomCall;
pub use error::Error;
pub use gateway::{Gateway, Parts, Settings};
pub use list::ListOf;
pub use outcome::Outcome;
pub use proxy::ProxyCall;
pub use reply::{Answer, Payload, Records, Reply};
pub use unified::UnifiedCall;
