//! `cargo xtask bench`: what is measured, beside what a user would use in its place. Not part of the tests.

use std::{env, process::Command};

use crate::{
    postgres::{self, Cluster, Durability},
    run::{cargo, find, is_root, root, run as run_command},
};

/// The bench looks for an empty PostgreSQL database here.
const POSTGRES_URL: &str = "DECANT_BENCH_POSTGRES_URL";
/// The parts of the bench.
const PARTS: [&str; 3] = ["mapping", "proxy", "budget"];

/// Measure mapping, calls and the budget, beside what a user would use in their place; see docs/performance.md.
///
/// With DECANT_BENCH_POSTGRES_URL set, that database is used and no server is started.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Passed on to the bench: `mapping --seconds 10`, `proxy --connections 64`, `budget --window 60`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    bench: Vec<String>,
}

pub fn run(options: &Options) -> anyhow::Result<()> {
    if options.ask_for("proxy") {
        install_nginx();
    }
    // As it is put to work.
    run_command(&mut cargo(&["build", "--profile", "dist", "-p", "decant", "-p", "decant-bench"]))?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let mut bench = Command::new(target.join("dist/decant-bench"));
    bench.args(&options.bench).current_dir(root());
    // The server is stopped and removed when this goes, however that comes about.
    let needs_postgres = options.ask_for("budget") && env::var_os(POSTGRES_URL).is_none();
    let cluster = if needs_postgres { postgres() } else { None };
    if let Some(cluster) = &cluster {
        bench.env(POSTGRES_URL, cluster.url());
    }
    run_command(&mut bench)
}

impl Options {
    /// Whether a part is to run: the one that is named, or all of them.
    fn ask_for(&self, part: &str) -> bool {
        let named = self.bench.iter().find(|word| PARTS.contains(&word.as_str()));
        named.is_none_or(|named| named == part)
    }
}

/// A server; the bench says what it leaves out where there is none.
fn postgres() -> Option<Cluster> {
    let started = postgres::programs().and_then(|programs| Cluster::start(&programs, Durability::Full));
    started.inspect_err(|error| eprintln!("{error:#}")).ok()
}

/// Installs Debian's package where it is missing and may; the bench says what it leaves out otherwise.
fn install_nginx() {
    if find("nginx").is_some() || find("apt-get").is_none() || !is_root() {
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
