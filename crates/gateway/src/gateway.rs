//! The gateway: its parts, its start and its end.

use std::sync::Arc;
use std::time::Duration;

use integration::Catalog;
use store::{Clock, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use unified::{Maps, Models};
use upstream::Upstream;
use upstream::budget::Budgets;
use uuid::Uuid;

use crate::Error;
use crate::budget::StoreKeeper;
use crate::caller::{self, Callers};
use crate::log::Writer;
use crate::oauth::Renewals;
use crate::resolve::Resolved;

/// Nothing stays at hand for longer, whatever becomes of the notes of changes.
pub(crate) const AT_HAND: Duration = Duration::from_secs(300);

/// What the gateway is made of.
#[derive(Clone)]
pub struct Parts {
    /// Everything that is kept.
    pub store: Store,
    /// The integrations.
    pub catalog: Arc<Catalog>,
    /// The unified models.
    pub models: Arc<Models>,
    /// How each integration's records become unified ones.
    pub maps: Arc<Maps>,
    /// The way out.
    pub upstream: Upstream,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// What may be set.
    pub settings: Settings,
}

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How often this node asks what others changed.
    pub change_interval: Duration,
    /// How long log rows are kept.
    pub log_retention: Duration,
    /// How long events are kept.
    pub event_retention: Duration,
    /// How long an account that never became active is kept once it is left alone.
    pub never_active_retention: Duration,
    /// How long a write with an `Idempotency-Key` counts as running when its node says nothing more.
    pub write_lease: Duration,
    /// How long a repeat of such a write waits for the first.
    pub write_wait: Duration,
    /// How long the answers of such writes are kept.
    pub write_retention: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Settings {
    /// Once a second; 31 days for the log and for events, 30 days for accounts that never became active; 30 seconds, 25 seconds and 24 hours
    /// for writes with a key.
    fn default() -> Self {
        Self {
            change_interval: Duration::from_secs(1),
            log_retention: DAY * 31,
            event_retention: DAY * 31,
            never_active_retention: DAY * 30,
            write_lease: Duration::from_secs(30),
            write_wait: Duration::from_secs(25),
            write_retention: DAY,
        }
    }
}

/// So long a name tells the processes apart that share limits.
const NODE_NAME: usize = 12;

/// The gateway. Cheap to clone; clones are the same gateway.
#[derive(Clone)]
pub struct Gateway(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) parts: Parts,
    pub(crate) callers: Callers,
    pub(crate) at_hand: Resolved,
    pub(crate) log: Writer,
    pub(crate) budgets: Budgets,
    pub(crate) renewals: Renewals,
    /// Work that outlives the call it came from.
    pub(crate) tasks: TaskTracker,
    stop: CancellationToken,
}

impl Gateway {
    /// Starts the gateway with its background work: writing logs, forgetting what other nodes changed, sweeping what has
    /// ended.
    pub async fn start(parts: Parts) -> Result<Self, Error> {
        let head = parts.store.change_head().await?;
        let tasks = TaskTracker::new();
        let stop = CancellationToken::new();
        let log = Writer::start(parts.store.clone(), &tasks);
        // Short, because a limit's record has it once a slot.
        let node: String = Uuid::new_v4().simple().to_string().chars().take(NODE_NAME).collect();
        let inner = Inner {
            callers: caller::callers(),
            at_hand: Resolved::new(),
            log,
            budgets: Budgets::new(node, Arc::new(StoreKeeper(parts.store.clone()))),
            renewals: Renewals::default(),
            tasks,
            stop: stop.clone(),
            parts,
        };
        let gateway = Self(Arc::new(inner));
        // The background work holds the gateway weakly: it ends with it, and by `shutdown`.
        let weak = Arc::downgrade(&gateway.0);
        gateway
            .0
            .tasks
            .spawn(stop.clone().run_until_cancelled_owned(crate::background::watch(weak.clone(), head)));
        gateway.0.tasks.spawn(stop.run_until_cancelled_owned(crate::background::sweep(weak)));
        Ok(gateway)
    }

    /// Ends the background work; log rows that wait are written first, and what platforms' limits are used for is told to the other nodes.
    pub async fn shutdown(&self) {
        self.0.stop.cancel();
        self.0.budgets.give_back().await;
        self.0.log.close();
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Whether calls can be served: whether the database answers.
    pub async fn ready(&self) -> Result<(), Error> {
        Ok(self.0.parts.store.ping().await?)
    }
}
