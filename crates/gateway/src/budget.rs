//! A platform's limit, as callers meet it: how long a call waits, in which lane, and how the limit stands.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use integration::{Count, Integration};
use serde::Serialize;
use serde_json::Value;
use store::{BudgetMerge, BudgetRecord, BudgetWrite, Store};
use tokio::time::Instant;
use upstream::BoxError;
use upstream::budget::{Asker, Budget, Budgets, Keeper, Kept, Lane, Merge, Permit, Standing, Write};
use upstream::circuit::Circuit;
use utoipa::ToSchema;

use crate::shared_reads::SharedReads;
use crate::{Caller, Error, Gateway};

/// How long a call waits for its turns in all, unless it says otherwise.
pub const MAX_WAIT: Duration = Duration::from_secs(30);
/// The longest that a caller may ask for.
pub const LONGEST_WAIT: Duration = Duration::from_secs(600);

tokio::task_local! {
    /// Set by who runs a whole call, read where its record begins: use cases need not hand it on.
    static CURRENT: Terms;
}

/// How a call wants to wait, and how it did.
#[derive(Debug, Clone)]
pub struct Terms {
    lane: Option<Lane>,
    deadline: Instant,
    /// Whether the caller said how long.
    is_said: bool,
    seen: Arc<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// Microseconds.
    waited: AtomicU64,
    /// The limit of the account that the call was about.
    limit: Mutex<Option<Arc<Budget>>>,
}

/// How long a call waited, and how its account's limit stands after it.
#[derive(Debug, Clone)]
pub struct Waited {
    /// For its turns.
    pub waited: Duration,
    /// `None` where the platform has no limit, or the call was about no account.
    pub limit: Option<Standing>,
}

impl Default for Terms {
    fn default() -> Self {
        Self::new(None, None)
    }
}

impl Terms {
    /// A call in a lane of its own choice, that waits so long at most: [`MAX_WAIT`] where it does not say.
    pub fn new(lane: Option<Lane>, max_wait: Option<Duration>) -> Self {
        let deadline = Instant::now() + max_wait.unwrap_or(MAX_WAIT);
        Self { lane, deadline, is_said: max_wait.is_some(), seen: Arc::default() }
    }

    /// The same for work that takes until `deadline` by its nature, unless the caller said how long to wait.
    pub(crate) fn until(&self, deadline: Instant) -> Self {
        let deadline = if self.is_said { self.deadline } else { deadline };
        Self { deadline, ..self.clone() }
    }

    /// Those of the call that runs now; the usual ones where nobody said others.
    pub(crate) fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// Runs a call on these terms.
    pub async fn during<F: Future>(&self, call: F) -> F::Output {
        CURRENT.scope(self.clone(), call).await
    }

    /// What came of them.
    pub fn outcome(&self) -> Waited {
        let limit = self.seen.limit.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let waited = Duration::from_micros(self.seen.waited.load(Ordering::Relaxed));
        Waited { waited, limit: limit.map(|limit| limit.standing()) }
    }

    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(crate) fn waited(&self, wait: Duration) {
        let micros = u64::try_from(wait.as_micros()).unwrap_or(u64::MAX);
        self.seen.waited.fetch_add(micros, Ordering::Relaxed);
    }

    /// Notes whose limit the call is about.
    pub(crate) fn about(&self, limits: &Limits) {
        if let Some(first) = limits.budgets.first() {
            *self.seen.limit.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(first));
        }
    }

    /// Who asks for a turn. A page of a list that counts gives way to single records and writes once half of the limit is used, unless the caller chose a
    /// lane.
    pub(crate) fn asker(&self, caller: &Arc<str>, is_read: bool, count: Count, limits: &Limits) -> Asker {
        let is_list = matches!(count, Count::Counted { is_list: true, .. });
        let lane = match self.lane {
            Some(Lane::Interactive) if !is_read => Lane::Write,
            Some(lane) => lane,
            None if !is_read => Lane::Write,
            None if is_list && limits.are_half_used() => Lane::Background,
            None => Lane::Interactive,
        };
        Asker { lane, caller: Arc::clone(caller), deadline: self.deadline, is_first: false }
    }
}

/// What stands between an account's calls and its platform.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    budgets: Vec<Arc<Budget>>,
    pub(crate) circuit: Circuit,
    pub(crate) reads: Arc<SharedReads>,
}

impl Limits {
    pub(crate) fn of(
        budgets: &Budgets,
        integration: &Integration,
        account_id: &str,
        context: &Value,
    ) -> Self {
        let Some(limit) = &integration.rate_limit else { return Self::default() };
        let base = integration.config()["base_url"].as_str().unwrap_or_default();
        let whose = limit.shared_by(context).unwrap_or_else(|| account_id.to_owned());
        let whose = format!("{}|{base}|{whose}", integration.name);
        let budgets = limit.limits.iter().map(|limit| budgets.of(&whose, limit)).collect();
        Self { budgets, ..Self::default() }
    }

    /// Whether requests are counted at all.
    pub(crate) fn are_declared(&self) -> bool {
        !self.budgets.is_empty()
    }

    /// Waits for a turn by every limit that counts the request; those that are narrower first, so that the others are not held up.
    pub(crate) async fn turn(&self, count: Count, asker: &Asker) -> (Result<Vec<Permit>, Error>, Duration) {
        let mut permits = Vec::new();
        let mut waited = Duration::ZERO;
        for budget in self.budgets.iter().rev().filter(|budget| budget.limit().counts(count)) {
            let (turn, wait) = budget.turn(asker).await;
            waited += wait;
            match turn {
                Ok(permit) => permits.push(permit),
                Err(refused) => {
                    permits.into_iter().for_each(Permit::give_back);
                    return (Err(Error::NoTurn(refused)), waited);
                }
            }
        }
        (Ok(permits), waited)
    }

    /// The platform said how many requests are left, of its first limit.
    pub(crate) fn told_remaining(&self, left: u32) {
        if let Some(budget) = self.budgets.first() {
            budget.told_remaining(left);
        }
    }

    fn are_half_used(&self) -> bool {
        self.budgets.first().is_some_and(|budget| {
            let standing = budget.standing();
            2 * standing.used >= standing.allowance
        })
    }
}

/// How an account's limits stand.
#[derive(Debug, Serialize, ToSchema)]
pub struct BudgetView {
    /// The account.
    pub integrated_account_id: String,
    /// The platform's limits, each counted by itself; empty where none is declared.
    pub limits: Vec<LimitView>,
    /// Whether requests are sent.
    pub circuit: CircuitView,
}

/// How a limit stands.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitView {
    /// Its name in the integration.
    pub name: String,
    /// Requests in a window, as the integration declares.
    pub limit: u32,
    /// The window, in seconds.
    pub window_seconds: u64,
    /// How many of them are used by this gateway; fewer than `limit` while another app of the same account uses the rest.
    pub allowance: u32,
    /// How many were used in the window that ends now.
    pub used: u32,
    /// How many are left.
    pub remaining: u32,
    /// Seconds until the next of the used ones is free again; 0 when none is used.
    pub reset_seconds: u64,
    /// Requests that wait on the node that answers, by lane.
    pub waiting: WaitingView,
    /// How many nodes have requests waiting.
    pub nodes: u32,
}

/// Requests that wait, by lane.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitingView {
    /// Calls that someone waits for.
    pub interactive: usize,
    /// Writes.
    pub write: usize,
    /// Bulk work.
    pub background: usize,
}

/// Whether requests are sent.
#[derive(Debug, Serialize, ToSchema)]
pub struct CircuitView {
    /// `closed`, or `open` while the platform is down and calls are refused at once.
    #[schema(example = "closed")]
    pub state: &'static str,
    /// Seconds until one request finds out whether the platform is back.
    pub retry_after_seconds: Option<u64>,
}

impl Gateway {
    /// How an account's limits stand, by the record that all nodes share.
    pub async fn budget(&self, caller: &Caller, id: &str) -> Result<BudgetView, Error> {
        let connected = self.load_connected(&caller.environment_id, caller.account(Some(id))?).await?;
        let mut limits = Vec::new();
        for budget in &connected.limits.budgets {
            limits.push(LimitView::of(&budget.limit().name, &budget.read_standing().await));
        }
        let open = connected.limits.circuit.open();
        let circuit = CircuitView {
            state: if open.is_some() { "open" } else { "closed" },
            retry_after_seconds: open.map(|open| whole_seconds(open.retry_after)),
        };
        Ok(BudgetView { integrated_account_id: connected.account.id.clone(), limits, circuit })
    }
}

impl LimitView {
    fn of(name: &str, standing: &Standing) -> Self {
        let [interactive, write, background] = standing.waiting;
        Self {
            remaining: standing.remaining(),
            reset_seconds: standing.next.map_or(0, whole_seconds),
            name: name.to_owned(),
            limit: standing.amount,
            window_seconds: standing.window.as_secs(),
            allowance: standing.allowance,
            used: standing.used,
            waiting: WaitingView { interactive, write, background },
            nodes: standing.nodes,
        }
    }
}

/// Seconds that are surely enough.
pub fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

/// Seconds for `Retry-After`: rounded up, and never none.
pub fn retry_after_seconds(wait: Duration) -> u64 {
    whole_seconds(wait).max(1)
}

/// Keeps limits' records in the database.
#[derive(Debug)]
pub(crate) struct StoreKeeper(pub(crate) Store);

impl Keeper for StoreKeeper {
    fn read(&self, keys: Vec<String>) -> BoxFuture<'_, Result<Vec<Kept>, BoxError>> {
        async move { Ok(self.0.read_budgets(&keys).await?.into_iter().map(kept).collect()) }.boxed()
    }

    fn write(&self, records: Vec<Write>) -> BoxFuture<'_, Result<Vec<String>, BoxError>> {
        let record = |Write { key, over, state }| BudgetWrite { name: key, over, state };
        let records: Vec<BudgetWrite> = records.into_iter().map(record).collect();
        async move { Ok(self.0.write_budgets(&records).await?) }.boxed()
    }

    fn merge(&self, records: Vec<Merge>) -> BoxFuture<'_, Result<Vec<Kept>, BoxError>> {
        let merge = |Merge { key, expected, fields }| BudgetMerge { name: key, expected, fields };
        let merges: Vec<BudgetMerge> = records.into_iter().map(merge).collect();
        async move { Ok(self.0.merge_budgets(&merges).await?.into_iter().map(kept).collect()) }.boxed()
    }

    fn is_exclusive(&self) -> bool {
        self.0.is_exclusive()
    }
}

fn kept(BudgetRecord { name, version, state }: BudgetRecord) -> Kept {
    Kept { key: name, version, state }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_rounded_up() {
        for (wait, seconds) in [(0, 1), (1, 1), (1_000, 1), (1_001, 2), (9_999, 10)] {
            assert_eq!(retry_after_seconds(Duration::from_millis(wait)), seconds, "{wait}");
        }
    }
}
