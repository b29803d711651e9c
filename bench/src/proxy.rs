//! Calls through the gateway beside the same calls through nginx, to the same sandbox, and the gateway's memory.

use anyhow::Context;

use crate::decant::{self, Gateway, Sandbox};
use crate::load::{self, Outcome};
use crate::nginx::Nginx;
use crate::report::{self, Target};

/// Each way is measured so often, in turns.
const ROUNDS: usize = 5;
/// The calls after which memory is read.
const CALLS_FOR_MEMORY: usize = 100_000;
/// The gateway's memory is to be below this then.
const MEMORY: f64 = 40.0;

/// What is measured: where it goes, how many calls a round, and what came of it.
struct Way {
    name: &'static str,
    target: load::Target,
    requests: usize,
    rounds: Vec<Outcome>,
}

const PROXIED: &str = "decant: GET /proxy/order/{id}";
const NGINX: &str = "nginx: GET /v1/order/{id}";

/// Measures with `connections` kept-alive connections and `requests` calls a round.
pub async fn run(connections: usize, requests: usize) -> anyhow::Result<Vec<Target>> {
    let program = decant::program()?;
    let sandbox = Sandbox::start(&program).await?;
    let gateway = Gateway::start(&program, &sandbox).await?;
    let nginx = nginx(&sandbox)?;
    let order = sandbox.orders(1).await?.into_iter().next().context("the sandbox has no orders")?;
    let order: serde_json::Value = serde_json::from_slice(&order)?;
    let id = order["id"].as_str().context("an order without an id")?;
    let account = &gateway.account;

    let proxied =
        load::Target::of(&gateway.node.service, format!("/proxy/order/{id}?integrated_account_id={account}"));
    let unified = format!("/unified/ecommerce/orders?limit=50&integrated_account_id={account}");
    let way = |name, target, requests| Way { name, target, requests, rounds: Vec::new() };
    let mut ways = vec![way(PROXIED, proxied.clone(), requests)];
    if let Some(nginx) = &nginx {
        let service = crate::call::Service { address: nginx.address, ..sandbox.service()? };
        ways.push(way(NGINX, load::Target::of(&service, format!("/v1/order/{id}")), requests));
    }
    // A list of fifty is as much work as many single calls.
    ways.push(way(
        "decant: GET /unified/ecommerce/orders?limit=50",
        load::Target::of(&gateway.node.service, unified),
        requests / 20,
    ));
    ways.push(way(
        "sandbox itself: GET /v1/order/{id}",
        load::Target::of(&sandbox.service()?, format!("/v1/order/{id}")),
        requests,
    ));

    for way in &ways {
        load::run(&way.target, connections, way.requests / 5).await?; // warm up
    }
    for round in 0..ROUNDS {
        // Every other round the other way round, so that none always comes after the same one.
        let order: Vec<usize> =
            if round % 2 == 0 { (0..ways.len()).collect() } else { (0..ways.len()).rev().collect() };
        for index in order {
            let way = &mut ways[index];
            way.rounds.push(load::run(&way.target, connections, way.requests).await?);
        }
    }
    let mut targets = print(&mut ways, connections);

    // A gateway of its own: the figure is that of proxied calls alone.
    drop(gateway);
    let gateway = Gateway::start(&program, &sandbox).await?;
    let target = load::Target::of(
        &gateway.node.service,
        format!("/proxy/order/{id}?integrated_account_id={}", gateway.account),
    );
    let before = gateway.node.memory()?;
    load::run(&target, connections, CALLS_FOR_MEMORY).await?;
    let after = gateway.node.memory()?;
    report::section(
        "Memory of the gateway's process (RSS)",
        &["", "MiB", "highest, MiB"],
        vec![
            vec!["before".to_owned(), format!("{:.1}", before.now), format!("{:.1}", before.highest)],
            vec![
                format!("after {} proxied calls", report::whole(CALLS_FOR_MEMORY as f64)),
                format!("{:.1}", after.now),
                format!("{:.1}", after.highest),
            ],
        ],
    );
    targets.push(Target::below("memory at its highest, 100,000 proxied calls", MEMORY, after.highest, "MiB"));
    Ok(targets)
}

fn nginx(sandbox: &Sandbox) -> anyhow::Result<Option<Nginx>> {
    if !Nginx::is_installed() {
        println!("nginx is not on this machine and left out (Debian: sudo apt-get install nginx-light).");
        return Ok(None);
    }
    Nginx::start(decant::free_address()?, sandbox.address).map(Some)
}

fn print(ways: &mut [Way], connections: usize) -> Vec<Target> {
    let rates: Vec<(&str, f64)> = ways
        .iter()
        .map(|way| {
            (
                way.name,
                report::median(&mut way.rounds.iter().map(|round| round.per_second).collect::<Vec<_>>()),
            )
        })
        .collect();
    let rate = |wanted: &str| rates.iter().find(|(name, _)| *name == wanted).map(|(_, rate)| *rate);
    let nginx = rate(NGINX);
    let rows = ways
        .iter()
        .zip(&rates)
        .map(|(way, (name, rate))| {
            let middle = |of: fn(&Outcome) -> std::time::Duration| {
                let mut times: Vec<f64> =
                    way.rounds.iter().map(|round| of(round).as_secs_f64() * 1e3).collect();
                format!("{:.2}", report::median(&mut times))
            };
            vec![
                (*name).to_owned(),
                report::whole(*rate),
                middle(|round| round.p50),
                middle(|round| round.p99),
                nginx.map_or_else(|| "-".to_owned(), |nginx| format!("{:.2}", rate / nginx)),
            ]
        })
        .collect();
    report::section(
        &format!("Calls: {connections} connections, sandbox, gateway, nginx and load on the same cores"),
        &["", "requests a second", "p50, ms", "p99, ms", "of nginx"],
        rows,
    );
    let target = nginx
        .zip(rate(PROXIED))
        .map(|(nginx, proxied)| Target::at_least("proxied calls, × of nginx", 0.5, proxied / nginx));
    target.into_iter().collect()
}
