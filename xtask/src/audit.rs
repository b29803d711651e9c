//! `cargo xtask audit`: licences, duplicates and sources of the dependencies, by `deny.toml`.

use anyhow::bail;

use crate::run::{cargo, run as run_command, works};

/// Check the dependencies' licences, duplicates and sources (cargo-deny, offline).
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Also look for known vulnerabilities; reads the RustSec database over the network.
    #[arg(long)]
    advisories: bool,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    if !works(&mut cargo(&["deny", "--version"])) {
        bail!("cargo-deny is missing: cargo install cargo-deny --locked");
    }
    run_command(&mut cargo(&["deny", "--offline", "check", "bans", "licenses", "sources"]))?;
    if options.advisories {
        run_command(&mut cargo(&["deny", "check", "advisories"]))?;
    }
    Ok(())
}
