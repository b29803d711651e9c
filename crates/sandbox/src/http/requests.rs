//! Counts of what was asked, for tests and benches.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use super::decisions::{Decisions, LimitRecord};
use super::limit::Verdict;

/// How a request counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestStyle {
    /// A list by page (also one without any paging parameter).
    Page,
    /// A list by cursor, which the rate limit does not count.
    Cursor,
    /// Any other read.
    Read,
    /// Anything that is no read.
    Write,
    /// No such path, or not authenticated.
    Refused,
    /// Struck by a fault before it had any effect.
    Faulted,
}

/// How often one kind of request was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RequestCount {
    /// The winery; absent where the request named none that there is.
    pub tenant: Option<String>,
    /// The app; absent where no app's credentials came with the request.
    pub app: Option<String>,
    /// The method.
    pub method: String,
    /// The endpoint's path with its placeholders, `/order/{id}`; `?` where there is none.
    pub path: String,
    /// How it counts.
    pub style: RequestStyle,
    /// How often it was asked, 429s included.
    pub count: u64,
    /// How often it was answered with 429 by the rate limit.
    pub throttled: u64,
}

/// What was asked so far; clones share the counts.
#[derive(Clone, Debug)]
pub struct Requests {
    tenants: Arc<[String]>,
    apps: Arc<[String]>,
    decisions: Decisions,
    counts: Arc<Mutex<BTreeMap<Key, Count>>>,
}

/// What one count is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub tenant: Option<usize>,
    pub app: Option<usize>,
    pub path: &'static str,
    pub method: http::Method,
    pub style: RequestStyle,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    asked: u64,
    throttled: u64,
}

impl Requests {
    pub(crate) fn new(tenants: Vec<String>, apps: Vec<String>, decisions: Decisions) -> Self {
        Self { tenants: tenants.into(), apps: apps.into(), decisions, counts: Arc::default() }
    }

    pub(crate) fn count(&self, key: Key, throttled: bool) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(key).or_default();
        count.asked += 1;
        count.throttled += u64::from(throttled);
    }

    /// Writes down what the rate limit said to an app.
    pub(crate) fn judged(&self, tenant: usize, app: Option<usize>, verdict: Verdict) {
        self.decisions.add(tenant, app, verdict);
    }

    /// One row for each tenant, app, endpoint, method and style asked for.
    pub fn list(&self) -> Vec<RequestCount> {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts
            .iter()
            .map(|(key, count)| RequestCount {
                tenant: key.tenant.and_then(|tenant| self.tenants.get(tenant).cloned()),
                app: key.app.and_then(|app| self.apps.get(app).cloned()),
                method: key.method.to_string(),
                path: key.path.to_owned(),
                style: key.style,
                count: count.asked,
                throttled: count.throttled,
            })
            .collect()
    }

    /// All requests so far.
    pub fn total(&self) -> u64 {
        self.list().iter().map(|row| row.count).sum()
    }

    /// All 429s of the rate limit so far.
    pub fn throttled(&self) -> u64 {
        self.list().iter().map(|row| row.throttled).sum()
    }

    /// What the rate limit took and refused so far, with the moments.
    pub fn limit(&self) -> LimitRecord {
        self.decisions.record(&self.tenants, &self.apps)
    }

    /// Counts from zero again, and forgets what the rate limit said.
    pub fn clear(&self) {
        self.decisions.clear();
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
