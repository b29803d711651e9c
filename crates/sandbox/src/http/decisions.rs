//! What the rate limit said of the requests that it counts, one by one: enough to judge who has to keep to it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::limit::{RateLimit, Verdict};
use crate::clock::WineryTime;

/// Moments kept of each winery; older ones are only counted.
const MOST: usize = 100_000;

/// What the rate limit took and refused so far. All moments are milliseconds since the sandbox started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LimitRecord {
    /// Requests that a winery takes within a window; 0: the limit is off, and nothing is recorded.
    pub amount: u32,
    /// The length of the window.
    pub window_ms: i64,
    /// When this was said.
    pub now_ms: i64,
    /// One row for each winery and app that asked.
    pub apps: Vec<AppDecisions>,
}

/// What was said to one app of one winery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppDecisions {
    /// The winery.
    pub tenant: String,
    /// The app; absent for what needs no credentials.
    pub app: Option<String>,
    /// How many requests were accepted.
    pub accepted: u64,
    /// How many requests were answered with 429.
    pub throttled: u64,
    /// When requests were accepted, oldest first; the latest 100,000 moments of each winery are kept, refusals among them.
    pub accepted_at: Vec<i64>,
    /// When requests were refused, oldest first.
    pub throttled_at: Vec<i64>,
}

/// The record; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Decisions {
    amount: u32,
    window_ms: i64,
    time: WineryTime,
    /// By the winery's number.
    journals: Arc<Mutex<BTreeMap<usize, Journal>>>,
}

/// What was said to one winery's apps.
#[derive(Debug, Default)]
struct Journal {
    moments: VecDeque<Moment>,
    /// By the app's number.
    counts: BTreeMap<Option<usize>, Count>,
}

#[derive(Debug)]
struct Moment {
    at: i64,
    app: Option<usize>,
    is_accepted: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    accepted: u64,
    throttled: u64,
}

impl Decisions {
    /// Nothing, of a limit whose requests are timed by `time`.
    pub fn new(limit: &RateLimit, time: WineryTime) -> Self {
        Self { amount: limit.amount, window_ms: limit.window_ms, time, journals: Arc::default() }
    }

    /// Writes down what was said to an app.
    pub fn add(&self, tenant: usize, app: Option<usize>, verdict: Verdict) {
        let (at, is_accepted) = match verdict {
            Verdict::Unlimited => return,
            Verdict::Accepted { at } => (at, true),
            Verdict::Throttled { at, .. } => (at, false),
        };
        let mut journals = self.journals.lock().unwrap_or_else(PoisonError::into_inner);
        let journal = journals.entry(tenant).or_default();
        let count = journal.counts.entry(app).or_default();
        count.accepted += u64::from(is_accepted);
        count.throttled += u64::from(!is_accepted);
        journal.moments.push_back(Moment { at: self.time.since_start(at), app, is_accepted });
        if journal.moments.len() > MOST {
            journal.moments.pop_front();
        }
    }

    /// The record, with the names that stand for the numbers of wineries and apps.
    pub fn record(&self, tenants: &[String], apps: &[String]) -> LimitRecord {
        let journals = self.journals.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = journals.iter().flat_map(|(tenant, journal)| {
            journal.counts.iter().map(|(app, count)| AppDecisions {
                tenant: tenants.get(*tenant).cloned().unwrap_or_default(),
                app: app.and_then(|app| apps.get(app).cloned()),
                accepted: count.accepted,
                throttled: count.throttled,
                accepted_at: journal.moments_of(*app, true),
                throttled_at: journal.moments_of(*app, false),
            })
        });
        LimitRecord {
            amount: self.amount,
            window_ms: self.window_ms,
            now_ms: self.time.since_start(self.time.clock()),
            apps: rows.collect(),
        }
    }

    /// Forgets all of it.
    pub fn clear(&self) {
        self.journals.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

impl Journal {
    fn moments_of(&self, app: Option<usize>, is_accepted: bool) -> Vec<i64> {
        let moments = self.moments.iter();
        let mut moments: Vec<i64> = moments
            .filter(|moment| moment.app == app && moment.is_accepted == is_accepted)
            .map(|moment| moment.at)
            .collect();
        // Written down after the limit has let go of the winery: neighbours may have changed places.
        moments.sort_unstable();
        moments
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::*;
    use crate::Clock;
    use crate::http::limit::{DEFAULT_BODY, Refusal};

    #[test]
    fn old_moments_are_only_counted() {
        let refusal = Refusal::new(DEFAULT_BODY, &[]).unwrap();
        let (clock, _hand) = Clock::manual(Timestamp::UNIX_EPOCH);
        let limit = RateLimit::new(100, Duration::from_secs(60), refusal);
        let decisions = Decisions::new(&limit, WineryTime::new(clock, 0));
        for at in 0..100_005 {
            decisions.add(0, Some(0), Verdict::Accepted { at });
        }
        let record = decisions.record(&["a".to_owned()], &["b".to_owned()]);
        let [row] = record.apps.as_slice() else { panic!("one row") };
        assert_eq!((row.accepted, row.accepted_at.len(), row.accepted_at[0]), (100_005, 100_000, 5));
    }
}
