//! The budget of a shared limit: how much of it callers get through the gateway, how long they wait, and what it costs.

mod callers;
mod chance;
mod figures;
mod nodes;
mod phase;
mod pull;

use std::time::Duration;

use self::callers::Balance;
use crate::decant::{self, Installation};
use crate::report::Target;

/// Where an empty PostgreSQL database is; `cargo xtask bench` starts a server and sets it.
const POSTGRES_URL: &str = "DECANT_BENCH_POSTGRES_URL";

/// What is measured, and for how long.
pub struct Options {
    /// How long the platform's minute is here, in seconds.
    pub window: u32,
    /// How many of them each part lasts; 0 leaves it out.
    pub windows: u32,
    /// How many orders are pulled; 0 leaves it out.
    pub orders: usize,
}

/// How fast time passes.
#[derive(Clone, Copy)]
struct Pace {
    window: Duration,
    windows: u32,
}

impl Pace {
    /// Seconds here as seconds of the platform's minute.
    fn scaled(self, seconds: f64) -> f64 {
        seconds * 60.0 / self.window.as_secs_f64()
    }
}

/// Measures twenty wineries on one node and on three, and then one winery's orders.
pub async fn run(options: &Options) -> anyhow::Result<Vec<Target>> {
    let program = decant::program()?;
    let mut targets = Vec::new();
    if options.windows > 0 {
        let window = Duration::from_secs(options.window.into());
        let pace = Pace { window, windows: options.windows };
        let plan = phase::Plan {
            name: "one node over SQLite",
            nodes: 1,
            balance: Balance::Connection,
            is_one_killed: false,
        };
        let over = Installation::over_sqlite(&program)?;
        targets.extend(phase::run(&program, &over, &plan, pace).await?);
        match std::env::var(POSTGRES_URL) {
            Ok(url) => {
                let over = Installation::over_postgres(&program, &url)?;
                for (name, balance) in [
                    ("three nodes over PostgreSQL, one killed midway", Balance::Connection),
                    ("the same, each call to the next node", Balance::Call),
                ] {
                    let plan = phase::Plan { name, nodes: 3, balance, is_one_killed: true };
                    targets.extend(phase::run(&program, &over, &plan, pace).await?);
                }
            }
            Err(_) => println!(
                "\nThree nodes over PostgreSQL are left out: {POSTGRES_URL} names no empty database; `cargo xtask bench` makes one."
            ),
        }
    }
    if options.orders > 0 {
        targets.extend(pull::run(&program, options.orders).await?);
    }
    Ok(targets)
}
