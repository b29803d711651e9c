//! The real program: a sandbox and the nodes of a gateway, each in a process of its own.

mod gateway;
mod process;
mod sandbox;

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;

use anyhow::{Context, ensure};

pub use gateway::{Gateway, Installation, Node};
pub use sandbox::{LimitRecord, Sandbox, Tenant};

/// The program that was built beside this one.
pub fn program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("decant");
    ensure!(program.is_file(), "{} is missing; run `cargo xtask bench`, which builds it", program.display());
    Ok(program)
}

/// An address of this machine that nothing listens on.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr().context("find a free address")
}
