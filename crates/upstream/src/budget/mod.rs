//! The budget: every request that a platform's limit counts waits here for its turn.
//!
//! A [`Budget`] is one limit of one platform account. It lets requests pass in lanes ([`Lane`]), each for a slot of the window
//! (`ledger`), and holds them back instead of having them refused. Nodes share a limit through a record that a [`Keeper`] keeps: each slot
//! is a node's own on record before it is used, so one that is killed at any moment leaves nothing uncounted.

mod keeper;
mod ledger;
mod line;
mod meter;
mod round;
mod rounds;
#[cfg(test)]
mod simulation;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, SystemTime};

use futures_util::future::join_all;
use integration::{Limit, Told};
use tokio::sync::{Notify, oneshot};

pub use self::keeper::{Keeper, Kept, Merge, Write};
use self::ledger::{Ledger, Spec};
pub use self::line::Lane;
use self::meter::{Meter, Step, Waits};
use self::round::{Last, Speaker};
use self::rounds::Queue;
use crate::metrics;

/// Milliseconds since 1970. Nodes that share a limit need clocks that agree to a fraction of a second.
pub(crate) type Millis = i64;

/// How long one who does not want to wait waits for the database.
const ASKING: Duration = Duration::from_millis(250);

/// All budgets of a node. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Budgets(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    speaker: Speaker,
    keeper: Arc<dyn Keeper>,
    budgets: Mutex<HashMap<String, Arc<Budget>>>,
    queue: Mutex<Queue>,
}

/// One limit of one platform account.
#[derive(Debug)]
pub struct Budget {
    key: String,
    limit: Limit,
    spec: Spec,
    node: Weak<Inner>,
    meter: Mutex<Meter<Waiter>>,
    /// Set while a task sees to those who wait.
    is_driven: Mutex<bool>,
    changed: Notify,
    /// The record as it was last written or read here; away while a round is about it.
    last: Mutex<Option<Last>>,
}

#[derive(Debug)]
struct Waiter {
    deadline: Millis,
    pass: oneshot::Sender<Permit>,
}

/// Who asks for a turn.
#[derive(Debug, Clone)]
pub struct Asker {
    /// What for.
    pub lane: Lane,
    /// Whose call it is: callers of a lane take turns.
    pub caller: Arc<str>,
    /// Until when it waits.
    pub deadline: tokio::time::Instant,
    /// Whether it had its turn already and was refused by the platform.
    pub is_first: bool,
}

/// The right to send one request. Dropped, it counts as used.
#[derive(Debug)]
pub struct Permit {
    budget: Arc<Budget>,
    slot: u32,
    is_settled: bool,
}

/// A turn that did not come in time: nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The limit's name.
    pub limit: String,
    /// When a turn would come, as far as can be told.
    pub retry_after: Duration,
}

/// How a budget stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Requests in a window, as declared.
    pub amount: u32,
    /// The window.
    pub window: Duration,
    /// How many of them are ours to use; fewer than `amount` while another app of the account uses the rest.
    pub allowance: u32,
    /// How many were used in the window that ends now, by all nodes as far as this one knows.
    pub used: u32,
    /// Until the next of the used ones is free again; `None` when none is used.
    pub next: Option<Duration>,
    /// How many requests wait on this node, in the order of [`Lane::ALL`].
    pub waiting: [usize; 3],
    /// How many nodes have requests waiting.
    pub nodes: u32,
}

impl Standing {
    /// How many requests are left in the window that ends now.
    pub fn remaining(&self) -> u32 {
        self.allowance.saturating_sub(self.used)
    }
}

impl Budgets {
    /// The budgets of one node, kept in `keeper`. `node` names this process and no other, not even the same program's next run.
    pub fn new(node: impl Into<String>, keeper: Arc<dyn Keeper>) -> Self {
        let alone_since = keeper.is_exclusive().then(now);
        let speaker = Speaker { name: node.into(), alone_since };
        Self(Arc::new(Inner { speaker, keeper, budgets: Mutex::default(), queue: Mutex::default() }))
    }

    /// The budget for a limit; `whose` says which account of which platform.
    pub fn of(&self, whose: &str, limit: &Limit) -> Arc<Budget> {
        let Limit { name, amount, window, .. } = limit;
        // A definition that was changed is another limit: what is known of the old one says nothing of it.
        let key = format!("{whose}|{name}|{amount}/{}", window.as_millis());
        let mut budgets = self.0.all();
        if let Some(budget) = budgets.get(&key) {
            return Arc::clone(budget);
        }
        let spec = Spec { amount: *amount, window: window.as_millis() as Millis };
        let budget = Arc::new(Budget {
            key: key.clone(),
            limit: limit.clone(),
            spec,
            node: Arc::downgrade(&self.0),
            meter: Mutex::new(Meter::new(spec)),
            is_driven: Mutex::new(false),
            changed: Notify::new(),
            last: Mutex::new(None),
        });
        budgets.insert(key, Arc::clone(&budget));
        budget
    }

    /// Forgets the budgets that nobody uses and whose slots are all free again.
    pub fn sweep(&self) {
        let mut budgets = self.0.all();
        budgets.retain(|_, budget| Arc::strong_count(budget) > 1 || !budget.meter().is_cold(now()));
    }

    /// Gives all slots back that are held, with the times of those that were used: for the end of the process.
    pub async fn give_back(&self) {
        let mut budgets: Vec<Arc<Budget>> = self.0.all().values().map(Arc::clone).collect();
        budgets.retain(|budget| budget.meter().has_slots());
        join_all(budgets.iter().map(|budget| self.0.exchange(budget, true))).await;
    }
}

impl Inner {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Budget>>> {
        self.budgets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Budget {
    /// The limit.
    pub fn limit(&self) -> &Limit {
        &self.limit
    }

    /// Waits for a turn, and gives how long it took beside it. [`Refused`] when it does not come before the deadline: at once where that is
    /// certain.
    pub async fn turn(self: &Arc<Self>, asker: &Asker) -> (Result<Permit, Refused>, Duration) {
        if !asker.is_first
            && let Some(slot) = self.meter().at_once(now(), asker.lane)
        {
            metrics::passed(asker.lane, Duration::ZERO);
            return (Ok(Permit::new(self, slot)), Duration::ZERO);
        }
        let started = tokio::time::Instant::now();
        let (pass, passed) = oneshot::channel();
        let left = asker.deadline.saturating_duration_since(started);
        let deadline = now() + left.as_millis() as Millis;
        self.meter().join(
            now(),
            asker.lane,
            Arc::clone(&asker.caller),
            Waiter { deadline, pass },
            asker.is_first,
        );
        self.see_to_it();
        let passed = tokio::time::timeout_at(started + left.max(ASKING), passed).await;
        let waited = started.elapsed();
        if let Ok(Ok(permit)) = passed {
            metrics::passed(asker.lane, waited);
            return (Ok(permit), waited);
        }
        metrics::refused(asker.lane, waited);
        let now = now();
        let turn = self.meter().estimate(now, asker.lane);
        (Err(Refused { limit: self.limit.name.clone(), retry_after: span(turn - now) }), waited)
    }

    /// How it stands, as far as this node knows.
    pub fn standing(&self) -> Standing {
        self.meter().standing(now())
    }

    /// How it stands, by the record that all nodes share.
    pub async fn read_standing(self: &Arc<Self>) -> Standing {
        if self.meter().has_slots() {
            self.exchange(false).await;
        } else if let Some(node) = self.node.upgrade() {
            // To look takes nothing.
            metrics::round_trip();
            if let Ok(kept) = node.keeper.read(vec![self.key.clone()]).await {
                let now = now();
                let ledger = Ledger::read(self.spec, kept.first().map(|kept| &*kept.state), now);
                self.meter().see(ledger.given(self.spec, &node.speaker.name, now));
            }
        }
        self.standing()
    }

    /// The platform said how many requests are left for all who share the limit.
    pub fn told_remaining(&self, left: u32) {
        self.meter().told_remaining(left);
    }

    fn meter(&self) -> MutexGuard<'_, Meter<Waiter>> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn last(&self) -> MutexGuard<'_, Option<Last>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to it that a task lets those pass who wait.
    fn see_to_it(self: &Arc<Self>) {
        let mut is_driven = self.is_driven.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_driven {
            self.changed.notify_one();
        } else {
            *is_driven = true;
            tokio::spawn(Arc::clone(self).drive());
        }
    }

    /// Lets those pass who wait, until nobody does.
    async fn drive(self: Arc<Self>) {
        loop {
            let step = self.meter().step(now());
            match step {
                Step::Pass(waiter, slot) => {
                    // Who left meanwhile gives the permit back.
                    if let Err(permit) = waiter.pass.send(Permit::new(&self, slot)) {
                        permit.give_back();
                    }
                }
                Step::Exchange => self.exchange(false).await,
                Step::Wait(until) => {
                    // Whether something changed or the time has come, the next step tells.
                    let _ = tokio::time::timeout(span(until - now()), self.changed.notified()).await;
                }
                Step::Rest => {
                    // Its slots stay its own while it may need them again; once all of them are free they are for the others.
                    if self.meter().is_shared() {
                        let rest = span(self.meter().rest(now()));
                        if tokio::time::timeout(rest, self.changed.notified()).await.is_ok() {
                            continue;
                        }
                        let now = now();
                        let (is_cold, is_ending) = {
                            let meter = self.meter();
                            (meter.is_cold(now), meter.is_ending(now))
                        };
                        if is_cold || is_ending {
                            self.exchange(is_cold).await;
                        }
                        if !is_cold {
                            continue;
                        }
                    }
                    let mut is_driven = self.is_driven.lock().unwrap_or_else(PoisonError::into_inner);
                    // One may have joined since.
                    if self.meter().is_resting() {
                        *is_driven = false;
                        return;
                    }
                }
            }
        }
    }

    /// See [`Inner::exchange`].
    async fn exchange(self: &Arc<Self>, is_end: bool) {
        if let Some(node) = self.node.upgrade() {
            node.exchange(self, is_end).await;
        }
    }
}

impl Permit {
    fn new(budget: &Arc<Budget>, slot: u32) -> Self {
        Self { budget: Arc::clone(budget), slot, is_settled: false }
    }

    /// Nothing was sent.
    pub fn give_back(mut self) {
        self.is_settled = true;
        self.budget.meter().unused(self.slot);
        self.budget.changed.notify_one();
    }

    /// The platform refused the request for its limit: nobody goes for as long as it told, or for the distance of one request.
    pub fn was_refused(mut self, told: &Told) {
        self.is_settled = true;
        let wait = told.retry_after.map(|seconds| (seconds * 1_000.0) as Millis);
        self.budget.meter().refused(now(), self.slot, wait);
        // What is learned of it holds now, whoever waits.
        let budget = Arc::clone(&self.budget);
        tokio::spawn(async move { budget.exchange(false).await });
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.is_settled {
            self.budget.meter().used(now(), self.slot);
        }
    }
}

impl Waits for Waiter {
    fn is_gone(&self) -> bool {
        self.pass.is_closed()
    }

    fn deadline(&self) -> Millis {
        self.deadline
    }
}

/// A span of time, none where it is over.
fn span(time: Millis) -> Duration {
    Duration::from_millis(u64::try_from(time).unwrap_or_default())
}

/// The system's time: nodes share it, unlike a process's own clock.
fn now() -> Millis {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}
