//! `cargo xtask bench`: what is measured, beside what a user would use in its place. Not part of the tests.

use std::process::Command;

use crate::run::{cargo, find, root, run as run_command};

/// Measure mapping and calls, beside what a user would use in their place; see docs/performance.md.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Passed on to the bench: `-- mapping --seconds 10`, `-- proxy --connections 64`.
    #[arg(last = true)]
    bench: Vec<String>,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    install_nginx();
    run_command(&mut cargo(&["build", "--release", "--package", "decant", "--package", "decant-bench"]))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    run_command(Command::new(target.join("release/decant-bench")).args(&options.bench).current_dir(root()))
}

/// Installs Debian's package where it is missing and may; the bench says what it leaves out otherwise.
fn install_nginx() {
    let is_root = std::fs::metadata("/proc/self")
        .is_ok_and(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0);
    if find("nginx").is_some() || find("apt-get").is_none() || !is_root {
        return;
    }
    let installed = run_command(
        Command::new("apt-get")
            .args(["install", "--yes", "--no-install-recommends", "nginx-light"])
            .env("DEBIAN_FRONTEND", "noninteractive"),
    );
    if let Err(error) = installed {
        eprintln!("{error:#}");
    }
}
