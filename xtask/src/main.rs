//! What a person runs: `cargo xtask test`, `cargo xtask audit`, `cargo xtask bench`. One module a command.
//!
//! This crate builds in seconds and uses none of the others: what is slow belongs into a program that it starts.

mod audit;
mod bench;
mod browser;
mod postgres;
mod run;
mod test;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about = "What a person runs.", version = None)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Test(test::Options),
    Audit(audit::Options),
    Bench(bench::Options),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().command {
        Command::Test(options) => test::run(&options),
        Command::Audit(options) => audit::run(&options),
        Command::Bench(options) => bench::run(&options),
    }
}
