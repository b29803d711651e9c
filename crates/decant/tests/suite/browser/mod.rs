//! The hosted pages and the SDK in a real browser, against the running program.
//!
//! `cargo xtask test` starts the browser's driver and says where it is; a bare `cargo test` leaves these out.
//! Screenshots of what was seen are in `target/screenshots`.

mod app_page;
mod connect;
mod failures;
mod looks;
mod playground;
mod post_connect;
mod product;
mod safety;
mod sign_in;
mod stage;
mod truto_sdk;

/// What `cargo xtask test` says by a variable.
fn given(variable: &str) -> String {
    std::env::var(variable)
        .unwrap_or_else(|_| panic!("tests in a browser need {variable}; `cargo xtask test` sets it"))
}
