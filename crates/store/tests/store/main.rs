//! The store through its public face, over both databases.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that meets what it does not expect has to fail"
)]

mod accounts;
mod budgets;
mod changes;
mod connecting;
mod environments;
mod events;
mod idempotency_keys;
mod leases;
mod link_tokens;
mod logs;
mod map_overrides;
mod opening;
mod samples;
mod schema;
mod tokens;
mod vault;
