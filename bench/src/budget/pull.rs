//! One winery's orders by cursor: a bare loop of the fastest client, and the same orders through the gateway.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use super::nodes::{Ask, Nodes, client};
use crate::decant::{Gateway, Sandbox};
use crate::report::{self, Target};

/// Each way is measured so often, in turns.
const ROUNDS: usize = 3;
/// How late a platform on the internet begins its answer.
const LATENCY: Duration = Duration::from_millis(50);
/// At that latency fewer orders are pulled: it is the same with each page, and two thousand pages last minutes.
const LATE_ORDERS: usize = 10_000;
/// Orders of a page of the platform, and of the gateway.
const PAGE: usize = 50;
const GATEWAY_PAGE: usize = 250;
/// The gateway is to give this share of what the bare loop reaches.
const SHARE: f64 = 0.9;
/// A cursor stands at the end of an answer, within so many bytes.
const TAIL: usize = 4096;

/// One way to all orders.
struct Way {
    name: &'static str,
    nodes: Nodes,
    path: String,
    /// The first cursor, and the parameter and field that the others are in.
    first: Option<&'static str>,
    parameter: &'static str,
    field: &'static str,
    page: usize,
}

/// Pulls `orders` orders each way, as fast as the sandbox gives them and as a platform far away would.
pub async fn run(program: &Path, orders: usize) -> anyhow::Result<Vec<Target>> {
    let (count, customers) = (orders.to_string(), (orders / 4).max(1).to_string());
    let sandbox = Sandbox::start_with(program, &["--orders", &count, "--customers", &customers]).await?;
    let gateway = Gateway::start(program, &sandbox).await?;
    let ways = ways(&sandbox, &gateway)?;

    let mut targets = Vec::new();
    measure(&ways, orders, "as fast as the sandbox gives them").await?;
    let latency = json!({"latency": {"milliseconds": LATENCY.as_millis() as u64}});
    sandbox.fault(&json!({"fault": latency, "path": "/v1/order"})).await?;
    let late = orders.min(LATE_ORDERS);
    let rates = measure(&ways, late, &format!("each page {} ms late", LATENCY.as_millis())).await?;
    sandbox.clear_faults().await?;
    let bare = rates.first().copied().unwrap_or_default();
    for (way, rate) in ways.iter().zip(&rates).skip(1) {
        let what = format!("orders by {}, × of a bare loop, pages {} ms late", way.name, LATENCY.as_millis());
        targets.push(Target::at_least(&what, SHARE, rate / bare));
    }
    Ok(targets)
}

fn ways(sandbox: &Sandbox, gateway: &Gateway) -> anyhow::Result<[Way; 3]> {
    let platform = Nodes::new(client(), &[&sandbox.service()?]);
    let node = Nodes::new(client(), &[&gateway.node.service]);
    let account = &gateway.account;
    let through = |name, path: &str| Way {
        name,
        nodes: node.clone(),
        path: format!("{path}?limit={GATEWAY_PAGE}&integrated_account_id={account}"),
        first: None,
        parameter: "next_cursor",
        field: "next_cursor",
        page: GATEWAY_PAGE,
    };
    Ok([
        Way {
            name: "bare loop: GET /v1/order?limit=50",
            nodes: platform,
            path: format!("/v1/order?limit={PAGE}"),
            first: Some("start"),
            parameter: "cursor",
            field: "cursor",
            page: PAGE,
        },
        through("GET /proxy/order?limit=250", "/proxy/order"),
        through("GET /unified/ecommerce/orders?limit=250", "/unified/ecommerce/orders"),
    ])
}

/// Orders a second of each way, the middle one of the rounds.
async fn measure(ways: &[Way], orders: usize, how: &str) -> anyhow::Result<Vec<f64>> {
    let mut rounds = vec![Vec::new(); ways.len()];
    for _ in 0..ROUNDS {
        for (way, rates) in ways.iter().zip(&mut rounds) {
            rates.push(way.pull(orders).await.with_context(|| way.name)?);
        }
    }
    let rates: Vec<f64> = rounds.iter_mut().map(|rates| report::median(rates)).collect();
    let bare = rates.first().copied().unwrap_or_default();
    let rows = ways
        .iter()
        .zip(&rates)
        .map(|(way, rate)| vec![way.name.to_owned(), report::whole(*rate), format!("{:.2}", rate / bare)]);
    let title = format!("{} orders by cursor, {how}", report::whole(orders as f64));
    report::section(&title, &["", "orders a second", "of the bare loop"], rows.collect());
    Ok(rates)
}

impl Way {
    /// Pulls `orders` orders, one page after the other; gives how many a second.
    async fn pull(&self, orders: usize) -> anyhow::Result<f64> {
        let mut cursor = self.first.map(str::to_owned);
        let mut pulled = 0;
        let started = Instant::now();
        while pulled < orders {
            let path = match &cursor {
                Some(cursor) => format!("{}&{}={cursor}", self.path, self.parameter),
                None => self.path.clone(),
            };
            let answer = self.nodes.call(0, &Ask { path, ..Ask::default() }).await?;
            ensure!(
                answer.status.is_success(),
                "{}: {}",
                answer.status,
                String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)])
            );
            pulled += self.page;
            cursor = last_text(&answer.body, self.field);
            ensure!(pulled >= orders || cursor.is_some(), "it ended after {pulled} orders");
        }
        Ok(orders as f64 / started.elapsed().as_secs_f64())
    }
}

/// The text of the field that stands at the end of an answer, without reading what is before it.
fn last_text(body: &[u8], field: &str) -> Option<String> {
    let tail = &body[body.len().saturating_sub(TAIL)..];
    let name = format!("\"{field}\":\"");
    let start = tail.windows(name.len()).rposition(|bytes| bytes == name.as_bytes())? + name.len();
    let text = &tail[start..];
    let end = text.iter().position(|byte| *byte == b'"')?;
    String::from_utf8(text[..end].to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cursor_is_the_last_of_its_name() {
        let page = br#"{"result":[{"next_cursor":"no"}],"next_cursor":"yes","prev_cursor":null}"#;
        assert_eq!(last_text(page, "next_cursor").as_deref(), Some("yes"));
        assert_eq!(last_text(br#"{"orders":[]}"#, "cursor"), None);
        assert_eq!(last_text(b"", "cursor"), None);
    }
}
