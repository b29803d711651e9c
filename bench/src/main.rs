//! What is measured, beside what a user would use in its place, in the same run. `cargo xtask bench` starts it.

mod call;
mod decant;
mod hand;
mod load;
mod mapping;
mod nginx;
mod node;
mod proxy;
mod report;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask bench", bin_name = "cargo xtask bench", version = None)]
struct Arguments {
    #[command(subcommand)]
    section: Option<Section>,
    /// How long each way of mapping is measured, in seconds.
    #[arg(long, default_value_t = 5.0, global = true)]
    seconds: f64,
    /// Calls in a round.
    #[arg(long, default_value_t = 20_000, global = true)]
    requests: usize,
    /// Connections that call at the same time.
    #[arg(long, default_value_t = 32, global = true)]
    connections: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Subcommand)]
enum Section {
    /// Orders mapped a second, beside serde types, jsonata-core and the npm packages.
    Mapping,
    /// Proxied calls and unified lists, beside nginx, and memory.
    Proxy,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let asked = |section| arguments.section.is_none_or(|asked| asked == section);
    let mut targets = Vec::new();
    if asked(Section::Mapping) {
        targets.extend(mapping::run(arguments.seconds).await?);
    }
    if asked(Section::Proxy) {
        targets.extend(proxy::run(arguments.connections, arguments.requests).await?);
    }
    report::targets(&targets);
    Ok(())
}
