//! The HTTP face: Commerce7's at `/v1`, the sandbox's own controls at `/_sandbox`.

mod admin;
mod auth;
mod connection;
mod control;
pub(crate) mod decisions;
pub(crate) mod errors;
pub(crate) mod faults;
pub(crate) mod filters;
pub(crate) mod limit;
pub(crate) mod paging;
pub(crate) mod permissions;
pub(crate) mod requests;
pub(crate) mod route;
mod serve;
pub(crate) mod writes;

pub(crate) use serve::{App, AppParts, serve};
