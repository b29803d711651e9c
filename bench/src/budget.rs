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
    /// How many parts are left out at the beginning.
    pub skip: usize,
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

const PLANS: [phase::Plan; 3] = [
    phase::Plan {
        name: "one node over SQLite",
        nodes: 1,
        balance: Balance::Connection,
        is_one_killed: false,
    },
    phase::Plan {
        name: "three nodes over PostgreSQL, one killed midway",
        nodes: 3,
        balance: Balance::Connection,
        is_one_killed: true,
    },
    phase::Plan {
        name: "the same, each call to the next node",
        nodes: 3,
        balance: Balance::Call,
        is_one_killed: true,
    },
];

/// Measures twenty wineries on one node and on three, and then one winery's orders.
pub async fn run(options: &Options) -> anyhow::Result<Vec<Target>> {
    let program = decant::program()?;
    let mut targets = Vec::new();
    if options.windows > 0 {
        let window = Duration::from_secs(options.window.into());
        let pace = Pace { window, windows: options.windows };
        let over_postgres = match std::env::var(POSTGRES_URL) {
            Ok(url) => Some(Installation::over_postgres(&program, &url)?),
            Err(_) => None,
        };
        for plan in PLANS.iter().skip(options.skip) {
            let over_sqlite;
            let over = if plan.nodes == 1 {
                over_sqlite = Installation::over_sqlite(&program)?;
                Some(&over_sqlite)
            } else {
                over_postgres.as_ref()
            };
            match over {
                Some(over) => targets.extend(phase::run(&program, over, plan, pace).await?),
                None => println!(
                    "\nLeft out: {}. {POSTGRES_URL} names no empty database; `cargo xtask bench` makes one.",
                    plan.name
                ),
            }
        }
    }
    if options.orders > 0 {
        targets.extend(pull::run(&program, options.orders).await?);
    }
    Ok(targets)
}
