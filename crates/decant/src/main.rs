//! The program: command line, configuration, wiring. What it does lives in the crates below.

mod commands;
mod configuration;
mod logging;
mod output;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use mimalloc::MiMalloc;
use tokio::runtime::Builder;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// The open, self-hosted gateway between software products and their customers' commerce platforms.
#[derive(Parser)]
#[command(name = "decant", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the API.
    Serve(commands::serve::Arguments),
    /// Start a sandbox winery and a gateway connected to it, show its orders, and keep serving.
    Demo(commands::demo::Arguments),
    /// Serve a winery that behaves as Commerce7 does, for tests and load.
    Sandbox(commands::sandbox::Arguments),
    /// Create and list environments.
    #[command(subcommand)]
    Environment(commands::environment::Command),
    /// Create, list and delete API tokens.
    #[command(subcommand)]
    Token(commands::token::Command),
    /// List and rotate the keys that seal credentials.
    #[command(subcommand)]
    Key(commands::key::Command),
    /// Try out field maps and overrides.
    #[command(subcommand)]
    Map(commands::map::Command),
    /// Check the configuration, the definitions, the database and the master key.
    Doctor(commands::doctor::Arguments),
    /// Print the API description (OpenAPI 3.1) as JSON.
    Openapi(commands::openapi::Arguments),
}

fn main() -> ExitCode {
    match start(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("decant: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(command: Command) -> anyhow::Result<()> {
    let mut runtime = Builder::new_multi_thread();
    // Calls have threads of their own; what goes on beside them is little, and each thread keeps memory at hand.
    if matches!(command, Command::Serve(_)) {
        runtime.worker_threads(1);
    }
    let runtime = runtime.enable_all().build()?;
    // On a thread that works afterwards: what starting took of memory is then its to use again.
    runtime.block_on(async { tokio::spawn(run(command)).await? })
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(arguments) => Box::pin(commands::serve::run(arguments)).await,
        Command::Demo(arguments) => Box::pin(commands::demo::run(arguments)).await,
        Command::Sandbox(arguments) => Box::pin(commands::sandbox::run(arguments)).await,
        Command::Environment(command) => Box::pin(commands::environment::run(command)).await,
        Command::Token(command) => Box::pin(commands::token::run(command)).await,
        Command::Key(command) => Box::pin(commands::key::run(command)).await,
        Command::Map(command) => commands::map::run(command),
        Command::Doctor(arguments) => Box::pin(commands::doctor::run(arguments)).await,
        Command::Openapi(arguments) => commands::openapi::run(arguments),
    }
}
