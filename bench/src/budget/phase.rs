//! One run of twenty wineries: starts what takes part, lets everyone call, and prints what came of it.

use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::Pace;
use super::callers::{Balance, Caller, Sample, call_beside};
use super::figures::{Metrics, Used, print};
use super::nodes::{Nodes, client};
use crate::decant::{Installation, Node, Sandbox, Tenant};
use crate::report::Target;

/// The wineries; on every other one a second app calls the platform itself.
const TENANTS: usize = 20;
/// Requests that a winery takes within a window.
pub const LIMIT: u32 = 100;
/// Within a window: what single gets and writes come to, and what the second app takes.
const GETS: u32 = LIMIT / 5;
const WRITES: u32 = LIMIT * 15 / 100;
const BESIDE: u32 = LIMIT / 3;

/// What runs.
pub struct Plan {
    pub name: &'static str,
    pub nodes: usize,
    pub balance: Balance,
    pub is_one_killed: bool,
}

/// Whether a winery's limit is shared with an app that the gateway does not know.
pub fn is_shared(tenant: usize) -> bool {
    tenant % 2 == 1
}

/// Runs a plan over an installation, and prints what was seen.
pub async fn run(
    program: &Path,
    installation: &Installation,
    plan: &Plan,
    pace: Pace,
) -> anyhow::Result<Vec<Target>> {
    let sandbox = sandbox(program, pace).await?;
    let mut nodes = Vec::new();
    for _ in 0..plan.nodes {
        nodes.push(installation.node().await?);
    }
    let wineries = connect(&sandbox, &nodes, pace).await?;

    let began = sandbox.limit().await?.now_ms;
    let started = Instant::now();
    let until = started + pace.window * (pace.windows + 1);
    let mut callers = JoinSet::new();
    start_callers(&mut callers, plan, &sandbox, &nodes, &wineries, pace, until)?;
    let mut metrics = Metrics::default();
    if plan.is_one_killed {
        let midway = started + pace.window + pace.window * pace.windows / 2;
        tokio::time::sleep_until(midway.into()).await;
        let victim = nodes.pop().context("there is no node to kill")?;
        metrics.add(&victim.metrics().await?);
        drop(victim);
    }
    let mut samples: Vec<Sample> = Vec::new();
    while let Some(of_one) = callers.join_next().await {
        samples.extend(of_one?);
    }
    for node in &nodes {
        metrics.add(&node.metrics().await?);
    }

    // The first window warms up.
    samples.retain(|sample| sample.asked_at >= started + pace.window);
    let record = sandbox.limit().await?;
    let used: Vec<Used> = wineries
        .iter()
        .enumerate()
        .map(|(number, winery)| Used::read(&record, &winery.tenant, is_shared(number), began, pace))
        .collect();
    Ok(print(plan, pace, &used, &samples, &metrics))
}

/// A winery that takes part.
struct Winery {
    tenant: Tenant,
    account: String,
    orders: Vec<String>,
    customers: Vec<String>,
}

async fn sandbox(program: &Path, pace: Pace) -> anyhow::Result<Sandbox> {
    let (tenants, window) = (TENANTS.to_string(), pace.window.as_secs().to_string());
    let limit = LIMIT.to_string();
    let size = ["--customers", "60", "--orders", "500", "--products", "12"];
    let terms = ["--tenants", &tenants, "--apps", "2", "--rate-limit", &limit, "--limit-window", &window];
    Sandbox::start_with(program, &[size.as_slice(), terms.as_slice()].concat()).await
}

/// Connects all wineries, under a definition whose minute is as long as the sandbox's.
async fn connect(sandbox: &Sandbox, nodes: &[Node], pace: Pace) -> anyhow::Result<Vec<Winery>> {
    let node = nodes.first().context("there is no node")?;
    let installed = node.install(&over(sandbox, pace.window.as_secs())).await?;
    let mut wineries = Vec::new();
    for tenant in &sandbox.tenants {
        let account = node.connect(&installed, tenant).await?;
        let platform = tenant.service(sandbox.address);
        // By cursor, which uses up nothing.
        let orders = platform.get("/v1/order?cursor=start&limit=50").await?;
        let customers = platform.get("/v1/customer?cursor=start&limit=50").await?;
        wineries.push(Winery {
            tenant: tenant.clone(),
            account,
            orders: ids(&serde_json::from_slice(&orders)?, "orders"),
            customers: ids(&serde_json::from_slice(&customers)?, "customers"),
        });
    }
    Ok(wineries)
}

fn over(sandbox: &Sandbox, window: u64) -> Value {
    json!({
        "base_url": sandbox.base_url(),
        "rate_limit": {"limits": [
            {"name": "requests", "amount": LIMIT, "window_seconds": window},
            {"name": "deep_pages", "amount": 1, "window_seconds": window, "beyond_page": 100},
        ]},
    })
}

fn ids(page: &Value, list: &str) -> Vec<String> {
    let rows = page[list].as_array().into_iter().flatten();
    rows.filter_map(|row| row["id"].as_str().map(str::to_owned)).collect()
}

/// Lets all callers begin: four through the gateway for each winery, and the second app's beside them.
fn start_callers(
    callers: &mut JoinSet<Vec<Sample>>,
    plan: &Plan,
    sandbox: &Sandbox,
    nodes: &[Node],
    wineries: &[Winery],
    pace: Pace,
    until: Instant,
) -> anyhow::Result<()> {
    let client = client();
    let services: Vec<_> = nodes.iter().map(|node| &node.service).collect();
    let gateway = Nodes::new(client.clone(), &services);
    for (tenant, winery) in wineries.iter().enumerate() {
        let caller = |number: usize| Caller {
            nodes: gateway.clone(),
            account: winery.account.clone(),
            tenant,
            number: tenant * 4 + number,
            balance: plan.balance,
            window: pace.window,
            until,
            samples: Vec::new(),
        };
        callers.spawn(caller(0).pull(0.0));
        callers.spawn(caller(1).pull(0.5));
        callers.spawn(caller(2).get(winery.orders.clone(), GETS));
        callers.spawn(caller(3).write(winery.customers.clone(), WRITES));
        if is_shared(tenant) {
            let second = winery.tenant.second_service(sandbox.address)?;
            let platform = Nodes::new(client.clone(), &[&second]);
            let orders = winery.orders.clone();
            callers.spawn(async move {
                call_beside(platform, orders, BESIDE, pace.window, until).await;
                Vec::new()
            });
        }
    }
    Ok(())
}
