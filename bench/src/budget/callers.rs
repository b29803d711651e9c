//! Who calls: bulk pulls, single gets and writes through the gateway, and another app that calls the platform itself.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use serde_json::json;

use super::chance::Chance;
use super::nodes::{Ask, Nodes};

/// Pages that a bulk pull reads, again and again: those that the platform gives at the common rate.
const PAGES: u32 = 100;
/// Records of such a page. Few: time is sped up, and the machine's is not what is measured.
const PAGE_SIZE: u32 = 5;
/// After a failure a caller waits this share of a window before it goes on.
const BREATHERS: u32 = 50;

/// What a caller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    Bulk,
    Get,
    Write,
}

/// One call of a caller.
pub struct Sample {
    pub stream: Stream,
    /// The winery's number.
    pub tenant: usize,
    pub asked_at: Instant,
    pub took: Duration,
    /// What the gateway says it waited, in seconds; absent where it does not say.
    pub waited: Option<f64>,
    pub outcome: Outcome,
}

pub enum Outcome {
    Answered,
    /// 429 of the gateway.
    Refused,
    /// Why.
    Failed(String),
}

/// How a load balancer spreads the calls of one caller over the nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Balance {
    /// By connection: a caller, which keeps its own, stays at one node.
    Connection,
    /// By call: each goes to the next node.
    Call,
}

/// A caller of one winery.
pub struct Caller {
    pub nodes: Nodes,
    pub account: String,
    pub tenant: usize,
    /// Tells callers apart: the first node called, and what chance brings.
    pub number: usize,
    pub balance: Balance,
    pub window: Duration,
    pub until: Instant,
    pub samples: Vec<Sample>,
}

impl Caller {
    /// Reads the first hundred pages again and again, from `share` of them on: the gateway sends a page that two ask for at
    /// the same time once.
    pub async fn pull(mut self, share: f64) -> Vec<Sample> {
        let skipped = (f64::from(PAGES) * share) as usize;
        for page in (1..=PAGES).cycle().skip(skipped) {
            if Instant::now() >= self.until {
                break;
            }
            let ask = Ask {
                path: format!(
                    "/proxy/order?page={page}&limit={PAGE_SIZE}&integrated_account_id={}",
                    self.account
                ),
                header: Some(("decant-lane", "background")),
                ..Ask::default()
            };
            self.call(Stream::Bulk, ask).await;
        }
        self.samples
    }

    /// Gets one order after the other, about `a_window` within a window.
    pub async fn get(mut self, orders: Vec<String>, a_window: u32) -> Vec<Sample> {
        let mut chance = Chance::of(self.number as u64);
        while self.pause(&mut chance, a_window).await {
            let order = chance.pick(&orders);
            let path = format!("/unified/ecommerce/orders/{order}?integrated_account_id={}", self.account);
            self.call(Stream::Get, Ask { path, ..Ask::default() }).await;
        }
        self.samples
    }

    /// Changes one customer after the other, about `a_window` within a window.
    pub async fn write(mut self, customers: Vec<String>, a_window: u32) -> Vec<Sample> {
        let mut chance = Chance::of(self.number as u64);
        while self.pause(&mut chance, a_window).await {
            let customer = chance.pick(&customers);
            let ask = Ask {
                method: Method::PATCH,
                path: format!("/proxy/customer/{customer}?integrated_account_id={}", self.account),
                body: json!({"lastName": format!("Bench {}", self.samples.len())}).to_string().into(),
                header: None,
            };
            self.call(Stream::Write, ask).await;
        }
        self.samples
    }

    /// Waits for the next call; false when there is none any more.
    async fn pause(&self, chance: &mut Chance, a_window: u32) -> bool {
        tokio::time::sleep(chance.pause(self.window / a_window.max(1))).await;
        Instant::now() < self.until
    }

    /// Calls, and does what a good caller does when it is refused: comes back when it is told to.
    async fn call(&mut self, stream: Stream, ask: Ask) {
        let asked_at = Instant::now();
        let node = match self.balance {
            Balance::Connection => self.number,
            Balance::Call => self.number + self.samples.len(),
        };
        let answer = self.nodes.call(node, &ask).await;
        let breather = self.window / BREATHERS;
        let (waited, outcome, rest) = match &answer {
            Ok(answer) if answer.status.is_success() => {
                (seconds(&answer.headers, "decant-waited"), Outcome::Answered, None)
            }
            Ok(answer) if answer.status == StatusCode::TOO_MANY_REQUESTS => {
                let rest = seconds(&answer.headers, "retry-after").map(Duration::from_secs_f64);
                (None, Outcome::Refused, Some(rest.unwrap_or(breather)))
            }
            Ok(answer) => {
                let said = String::from_utf8_lossy(&answer.body[..answer.body.len().min(300)]).into_owned();
                (None, Outcome::Failed(format!("{} {said}", answer.status)), Some(breather))
            }
            Err(error) => (None, Outcome::Failed(format!("{error:#}")), Some(breather)),
        };
        let took = answer.map_or_else(|_| asked_at.elapsed(), |answer| answer.took);
        self.samples.push(Sample { stream, tenant: self.tenant, asked_at, took, waited, outcome });
        if let Some(rest) = rest {
            let left = self.until.saturating_duration_since(Instant::now());
            tokio::time::sleep(rest.min(left)).await;
        }
    }
}

/// A header that is a number of seconds.
fn seconds(headers: &HeaderMap, name: &str) -> Option<f64> {
    let seconds: f64 = headers.get(name)?.to_str().ok()?.trim().parse().ok()?;
    (seconds.is_finite() && seconds >= 0.0).then_some(seconds)
}

/// Another app that gets one order after the other from the platform itself, `a_window` within a window, come what may.
pub async fn call_beside(
    platform: Nodes,
    orders: Vec<String>,
    a_window: u32,
    window: Duration,
    until: Instant,
) {
    let mut ticks = tokio::time::interval(window / a_window.max(1));
    for order in orders.iter().cycle() {
        ticks.tick().await;
        if Instant::now() >= until {
            break;
        }
        let ask = Ask { path: format!("/v1/order/{order}"), body: Bytes::new(), ..Ask::default() };
        // What came of it is in the platform's record.
        let _ = platform.call(0, &ask).await;
    }
}
