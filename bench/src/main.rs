//! What is measured, beside what a user would use in its place, in the same run. `cargo xtask bench` starts it.

mod budget;
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
    /// How long the platform's minute is while the budget is measured, in whole seconds.
    #[arg(long, default_value_t = 6, global = true, value_parser = clap::value_parser!(u32).range(1..))]
    window: u32,
    /// How many such minutes each part of the budget's measurement lasts; 0 leaves them out.
    #[arg(long, default_value_t = 20, global = true)]
    windows: u32,
    /// How many of the budget's parts are left out: the first is one node, then three nodes, then three with each call to the next.
    #[arg(long, default_value_t = 0, global = true)]
    skip: usize,
    /// How many orders are pulled by cursor; 0 leaves it out.
    #[arg(long, default_value_t = 100_000, global = true)]
    orders: usize,
}

#[derive(Clone, Copy, PartialEq, Eq, Subcommand)]
enum Section {
    /// Orders mapped a second, beside serde types, jsonata-core and the npm packages.
    Mapping,
    /// Proxied calls and unified lists, beside nginx, and memory.
    Proxy,
    /// The use of a shared limit, waits, and 100,000 orders by cursor.
    Budget,
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
    if asked(Section::Budget) {
        let Arguments { window, windows, skip, orders, .. } = arguments;
        targets.extend(budget::run(&budget::Options { window, windows, skip, orders }).await?);
    }
    report::targets(&targets);
    Ok(())
}
