//! The API as a client meets it: real sockets, real databases, a real winery.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod accounts;
mod addresses;
mod bad_input;
mod batch;
mod budget;
mod capabilities;
mod connecting;
mod custom;
mod environment_integrations;
mod environment_maps;
mod events;
mod health;
mod idempotency;
mod integrations;
mod limits;
mod link;
mod link_form;
mod link_pages;
mod log;
mod meta;
mod nodes;
mod openapi;
mod overrides;
mod proxy;
mod raw;
mod remote_errors;
mod secrets;
mod support;
mod tokens;
mod tools;
mod unified;
mod unified_filters;
mod unified_parameters;
mod unified_resources;
mod unified_writes;
