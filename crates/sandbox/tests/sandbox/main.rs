//! A served sandbox, asked over a real socket.
#![recursion_limit = "256"] // json! of a whole order
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod aggregates;
mod apps;
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
mod traps;
mod writes_catalog;
mod writes_customers;
mod writes_faults;
mod writes_inventory;
mod writes_live;
mod writes_memberships;
mod writes_orders;
mod writes_others;
mod writes_schema;
