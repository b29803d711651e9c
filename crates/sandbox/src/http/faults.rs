//! Faults on demand: which requests are to go wrong, and how.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use crate::generate::Dice;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The answer comes late: before the request has any effect, so that a client that gave up meanwhile has written
    /// nothing, or after it (`after`), so that it has.
    Latency {
        /// How late.
        milliseconds: u64,
    },
    /// A status with an error body in Commerce7's shape (429: the one of the rate limit).
    Status {
        /// For example 500, 429 or 503.
        status: u16,
        /// Headers of the answer.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// The right head, then half of the body, then the end of the connection; a write is carried out. An answer without a
    /// body ends in a reset.
    Cut,
    /// The connection is reset without an answer.
    Reset,
    /// A page of HTML, as proxies in front of an API answer.
    Html {
        /// Its status; 200 is possible.
        status: u16,
    },
}

/// When a fault happens: matters to writes, which an `after` fault lets through before it hides the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultStage {
    /// Before the request has any effect.
    #[default]
    Before,
    /// After the request was carried out.
    After,
}

/// A fault and the requests it is meant for. As JSON: `{"fault": "reset", "path": "/v1/order", "rate": 0.1}`,
/// `{"fault": {"status": {"status": 503}}, "count": 3}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultRule {
    /// What goes wrong.
    pub fault: Fault,
    /// Start of the paths meant, `/v1/order` for example; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The tenant meant; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// The method meant, in capitals; absent: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Share of the requests meant that it strikes, 0 to 1, drawn from the sandbox's seed.
    #[serde(default = "always", deserialize_with = "share")]
    pub rate: f64,
    /// After how many strikes it is over; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// When it strikes.
    #[serde(default)]
    pub stage: FaultStage,
}

fn always() -> f64 {
    1.0
}

/// Reads a rate: a misspelt percentage would strike every request.
fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let rate = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&rate) {
        Ok(rate)
    } else {
        Err(D::Error::custom(format!("a rate is a share from 0 to 1, not {rate}")))
    }
}

impl FaultRule {
    /// `fault` on every request.
    pub fn new(fault: Fault) -> Self {
        Self {
            fault,
            path: None,
            tenant: None,
            method: None,
            rate: always(),
            count: None,
            stage: FaultStage::Before,
        }
    }

    /// Only for paths that start with `prefix`.
    #[must_use]
    pub fn path(mut self, prefix: &str) -> Self {
        self.path = Some(prefix.to_owned());
        self
    }

    /// Only `count` times.
    #[must_use]
    pub fn times(mut self, count: u64) -> Self {
        self.count = Some(count);
        self
    }

    /// Only for requests with this method.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        self.method = Some(method.to_owned());
        self
    }

    /// Strikes once the request was carried out.
    #[must_use]
    pub fn after(mut self) -> Self {
        self.stage = FaultStage::After;
        self
    }

    /// Only for this share of the requests.
    #[must_use]
    pub fn rate(mut self, rate: f64) -> Self {
        self.rate = rate;
        self
    }

    fn is_meant(&self, request: &Asked<'_>) -> bool {
        self.path.as_deref().is_none_or(|prefix| request.path.starts_with(prefix))
            && self.tenant.as_deref().is_none_or(|tenant| request.tenant == Some(tenant))
            && self.method.as_deref().is_none_or(|method| request.method.eq_ignore_ascii_case(method))
    }
}

/// A rule that is in force.
#[derive(Clone, Debug, Serialize)]
pub struct InstalledFault {
    /// Names it when it is to be removed.
    pub id: u64,
    /// The rule.
    #[serde(flatten)]
    pub rule: FaultRule,
    /// How often it struck.
    pub fired: u64,
}

/// What a rule looks at.
pub(crate) struct Asked<'a> {
    pub path: &'a str,
    pub method: &'a str,
    pub tenant: Option<&'a str>,
}

/// What is to go wrong with one request.
#[derive(Debug, Default)]
pub(crate) struct Struck {
    /// Milliseconds to wait before the request has any effect.
    pub latency: u64,
    /// Milliseconds to wait once it was carried out.
    pub late: u64,
    pub fault: Option<(Fault, FaultStage)>,
}

/// The faults in force; clones share them.
#[derive(Clone, Debug)]
pub struct Faults {
    seed: u64,
    rules: Arc<Mutex<Rules>>,
}

#[derive(Debug, Default)]
struct Rules {
    last_id: u64,
    installed: Vec<(InstalledFault, Dice)>,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self { seed, rules: Arc::default() }
    }

    /// Puts a rule in force; gives its id.
    pub fn add(&self, rule: FaultRule) -> u64 {
        let mut rules = self.lock();
        rules.last_id += 1;
        let id = rules.last_id;
        let dice = Dice::new(self.seed, 0, "fault", id);
        rules.installed.push((InstalledFault { id, rule, fired: 0 }, dice));
        id
    }

    /// Takes one rule away; says whether it was there.
    pub fn remove(&self, id: u64) -> bool {
        let mut rules = self.lock();
        let before = rules.installed.len();
        rules.installed.retain(|(installed, _)| installed.id != id);
        rules.installed.len() < before
    }

    /// Takes all rules away.
    pub fn clear(&self) {
        self.lock().installed.clear();
    }

    /// The rules in force, oldest first, spent ones among them.
    pub fn list(&self) -> Vec<InstalledFault> {
        self.lock().installed.iter().map(|(installed, _)| installed.clone()).collect()
    }

    /// Draws what goes wrong with a request: all latencies that strike, and the first other fault that does.
    pub(crate) fn strike(&self, request: &Asked<'_>) -> Struck {
        let mut struck = Struck::default();
        for (installed, dice) in &mut self.lock().installed {
            let rule = &installed.rule;
            let spent = rule.count.is_some_and(|count| installed.fired >= count);
            let taken = struck.fault.is_some() && !matches!(rule.fault, Fault::Latency { .. });
            if spent || taken || !rule.is_meant(request) || !dice.chance(rule.rate) {
                continue;
            }
            installed.fired += 1;
            match &rule.fault {
                Fault::Latency { milliseconds } => {
                    let wait = match rule.stage {
                        FaultStage::Before => &mut struck.latency,
                        FaultStage::After => &mut struck.late,
                    };
                    *wait = wait.saturating_add(*milliseconds);
                }
                fault => struck.fault = Some((fault.clone(), rule.stage)),
            }
        }
        struck
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
