//! What the platform's record, the callers' samples and the nodes' metrics come to.

use super::Pace;
use super::callers::{Outcome, Sample, Stream};
use super::phase::{LIMIT, Plan, is_shared};
use crate::decant::{LimitRecord, Tenant};
use crate::report::{self, Target, quantile};

/// What of the limit is to be used while there is work.
const USE: f64 = 0.97;
/// 429s a minute that are put up with where a limit is shared with someone unknown.
const THROTTLED: f64 = 1.0;
/// How long an interactive get may wait, in seconds of the platform's minute.
const WAIT: f64 = 3.0;
/// Calls of the database for each permit.
const ROUND_TRIPS: f64 = 0.1;

/// What was used of one winery's limit, after the first window.
pub struct Used {
    is_shared: bool,
    /// By window: requests of the gateway's app and of the other one that were accepted.
    accepted: Vec<(u32, u32)>,
    /// 429s to the gateway's app in that time.
    throttled: usize,
    /// 429s to the gateway's app from the start on.
    throttled_ever: usize,
}

impl Used {
    /// Reads what the platform recorded since `began`.
    pub fn read(record: &LimitRecord, tenant: &Tenant, is_shared: bool, began: i64, pace: Pace) -> Self {
        let window = i64::try_from(pace.window.as_millis()).unwrap_or(i64::MAX);
        let from = began + window;
        let to = from + window * i64::from(pace.windows);
        let mut used = Self {
            is_shared,
            accepted: vec![(0, 0); pace.windows as usize],
            throttled: 0,
            throttled_ever: 0,
        };
        for row in record.apps.iter().filter(|row| row.tenant == tenant.name) {
            let is_ours = row.app.as_deref() == Some(tenant.app_id.as_str());
            for at in row.accepted_at.iter().filter(|at| (from..to).contains(*at)) {
                let number = usize::try_from((at - from) / window).unwrap_or_default();
                if let Some((ours, others)) = used.accepted.get_mut(number) {
                    *(if is_ours { ours } else { others }) += 1;
                }
            }
            if is_ours {
                used.throttled += row.throttled_at.iter().filter(|at| (from..to).contains(*at)).count();
                used.throttled_ever += row.throttled_at.iter().filter(|at| (began..to).contains(*at)).count();
            }
        }
        used
    }

    /// Requests of the gateway's app that were accepted.
    fn ours(&self) -> u32 {
        self.accepted.iter().map(|(ours, _)| ours).sum()
    }

    /// What the other app left of the limit.
    fn left(&self) -> u32 {
        self.accepted.iter().map(|(_, others)| LIMIT.saturating_sub(*others)).sum()
    }

    /// Requests of the other app that were accepted.
    fn others(&self) -> u32 {
        self.accepted.iter().map(|(_, others)| others).sum()
    }

    /// The share that was used of what was left.
    fn share(&self) -> f64 {
        f64::from(self.ours()) / f64::from(self.left().max(1))
    }

    fn throttled_a_minute(&self) -> f64 {
        self.throttled as f64 / self.accepted.len().max(1) as f64
    }
}

/// What all nodes' metrics add up to; absent where none shows it.
#[derive(Default)]
pub struct Metrics {
    round_trips: Option<f64>,
    permits: Option<f64>,
}

impl Metrics {
    /// Adds what a node's `/metrics` shows.
    pub fn add(&mut self, shown: &str) {
        let add = |sum: &mut Option<f64>, name| {
            if let Some(value) = counter(shown, name) {
                *sum = Some(sum.unwrap_or_default() + value);
            }
        };
        add(&mut self.round_trips, "decant_budget_round_trips_total");
        add(&mut self.permits, "decant_budget_permits_total");
    }

    fn for_each_permit(&self) -> Option<f64> {
        Some(self.round_trips? / self.permits.filter(|permits| *permits > 0.0)?)
    }
}

/// The sum of a counter over its labels.
fn counter(shown: &str, name: &str) -> Option<f64> {
    let values = shown.lines().filter_map(|line| {
        let rest = line.strip_prefix(name).filter(|rest| rest.starts_with([' ', '{']))?;
        rest.rsplit(' ').next()?.parse::<f64>().ok()
    });
    values.reduce(|sum, value| sum + value)
}

/// Prints the tables; gives what was to be reached.
pub fn print(plan: &Plan, pace: Pace, used: &[Used], samples: &[Sample], metrics: &Metrics) -> Vec<Target> {
    print_use(plan, pace, used);
    print_waits(plan, pace, samples);
    print_failures(samples);
    let count = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), report::whole);
    let for_each = metrics.for_each_permit().map_or_else(|| "-".to_owned(), |ratio| format!("{ratio:.3}"));
    report::section(
        &format!("The database's part: {}", plan.name),
        &["round trips", "permits", "round trips a permit"],
        vec![vec![count(metrics.round_trips), count(metrics.permits), for_each]],
    );
    targets(plan, pace, used, samples, metrics)
}

const KINDS: [(bool, &str); 2] = [(false, "alone"), (true, "shared")];

fn print_use(plan: &Plan, pace: Pace, used: &[Used]) {
    let rows = KINDS.iter().map(|(shared, name)| {
        let of: Vec<&Used> = used.iter().filter(|used| used.is_shared == *shared).collect();
        let sum = |part: fn(&Used) -> u32| of.iter().map(|used| part(used)).sum::<u32>();
        let (ours, left, others) = (sum(Used::ours), sum(Used::left), sum(Used::others));
        let wineries = of.len().max(1) as f64;
        let minutes = wineries * f64::from(pace.windows);
        vec![
            (*name).to_owned(),
            of.len().to_string(),
            format!("{:.3}", f64::from(ours) / f64::from(left.max(1))),
            format!("{:.3}", lowest(&of)),
            format!("{:.3}", by_window(&of).fold(f64::INFINITY, f64::min)),
            format!("{:.2}", of.iter().map(|used| used.throttled_a_minute()).sum::<f64>() / wineries),
            format!("{:.2}", most_throttled(&of)),
            of.iter().map(|used| used.throttled_ever).sum::<usize>().to_string(),
            format!("{:.1}", f64::from(others) / minutes),
        ]
    });
    let header = [
        "wineries",
        "",
        "used of what was left",
        "lowest winery",
        "lowest window",
        "429s a minute",
        "highest winery",
        "429s, first minute too",
        "other app a minute",
    ];
    let title = format!(
        "The limit: {}; {} windows of {} s, each a minute",
        plan.name,
        pace.windows,
        pace.window.as_secs()
    );
    report::section(&title, &header, rows.collect());
    println!();
    for (shared, name) in KINDS {
        let of: Vec<&Used> = used.iter().filter(|used| used.is_shared == shared).collect();
        let shares: Vec<String> = by_window(&of).map(|share| format!("{share:.2}")).collect();
        println!("Used window by window, {name}: {}", shares.join(" "));
    }
}

fn lowest(used: &[&Used]) -> f64 {
    used.iter().map(|used| used.share()).fold(f64::INFINITY, f64::min)
}

fn most_throttled(used: &[&Used]) -> f64 {
    used.iter().map(|used| used.throttled_a_minute()).fold(0.0, f64::max)
}

/// What all of them together used of what was left in each window.
fn by_window(used: &[&Used]) -> impl Iterator<Item = f64> {
    let windows = used.first().map_or(0, |used| used.accepted.len());
    (0..windows).map(move |window| {
        let of = || used.iter().filter_map(|used| used.accepted.get(window));
        let (ours, others): (u32, u32) = (of().map(|row| row.0).sum(), of().map(|row| row.1).sum());
        f64::from(ours) / f64::from((LIMIT * used.len() as u32).saturating_sub(others).max(1))
    })
}

fn print_waits(plan: &Plan, pace: Pace, samples: &[Sample]) {
    let streams = [(Stream::Get, "gets"), (Stream::Write, "writes"), (Stream::Bulk, "bulk pulls")];
    let mut rows = Vec::new();
    for (stream, what) in streams {
        for (shared, kind) in KINDS {
            let of: Vec<&Sample> = samples
                .iter()
                .filter(|sample| sample.stream == stream && is_shared(sample.tenant) == shared)
                .collect();
            let refused = of.iter().filter(|sample| matches!(sample.outcome, Outcome::Refused)).count();
            let failed = of.iter().filter(|sample| matches!(sample.outcome, Outcome::Failed(_))).count();
            let mut row = vec![format!("{what}, {kind}"), report::whole(of.len() as f64)];
            let waits = waits(&of);
            let times: Vec<f64> = answered(&of).map(|sample| sample.took.as_secs_f64()).collect();
            for mut figures in [waits, times] {
                for share in [0.50, 0.99] {
                    row.push(quantile(&mut figures, share).map_or_else(
                        || "-".to_owned(),
                        |seconds| format!("{seconds:.3} ({:.2})", pace.scaled(seconds)),
                    ));
                }
            }
            row.extend([refused.to_string(), failed.to_string()]);
            rows.push(row);
        }
    }
    report::section(
        &format!("Waits in seconds, and in seconds of a minute: {}", plan.name),
        &["", "calls", "waited, p50", "p99", "whole call, p50", "p99", "refused", "failed"],
        rows,
    );
}

fn answered<'a>(samples: &'a [&'a Sample]) -> impl Iterator<Item = &'a &'a Sample> {
    samples.iter().filter(|sample| matches!(sample.outcome, Outcome::Answered))
}

/// What the gateway says that calls waited.
fn waits(samples: &[&Sample]) -> Vec<f64> {
    answered(samples).filter_map(|sample| sample.waited).collect()
}

/// Says what failed, each kind once.
fn print_failures(samples: &[Sample]) {
    let mut seen: Vec<(&str, usize)> = Vec::new();
    for sample in samples {
        let Outcome::Failed(why) = &sample.outcome else { continue };
        match seen.iter_mut().find(|(known, _)| known == why) {
            Some((_, count)) => *count += 1,
            None => seen.push((why, 1)),
        }
    }
    seen.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    for (why, count) in seen.iter().take(5) {
        println!("\nfailed {count} times: {why}");
    }
}

fn targets(plan: &Plan, pace: Pace, used: &[Used], samples: &[Sample], metrics: &Metrics) -> Vec<Target> {
    let of = |shared: bool| used.iter().filter(|used| used.is_shared == shared).collect::<Vec<_>>();
    let (alone, shared) = (of(false), of(true));
    let named = |what: &str| format!("{}: {what}", plan.name);
    let gets: Vec<&Sample> = samples.iter().filter(|sample| sample.stream == Stream::Get).collect();
    let waited = quantile(&mut waits(&gets), 0.99).map(|seconds| pace.scaled(seconds));
    // A wait is only known of a get that was answered.
    let unanswered = gets.len() - answered(&gets).count();
    let throttled_alone: usize = alone.iter().map(|used| used.throttled_ever).sum();
    let what_waited = named("wait of a get, p99, seconds of a minute");
    let what_asked = named("database round trips a permit");
    vec![
        Target::at_least(&named("used of what was left, lowest winery alone"), USE, lowest(&alone)),
        Target::at_least(&named("used of what was left, lowest shared winery"), USE, lowest(&shared)),
        Target::at_most(&named("429s, wineries alone"), 0.0, throttled_alone as f64),
        Target::at_most(&named("429s a minute, highest shared winery"), THROTTLED, most_throttled(&shared)),
        waited.map_or_else(
            || Target::unseen(&what_waited),
            |waited| Target::below(&what_waited, WAIT, waited, "s"),
        ),
        Target::at_most(&named("gets refused or failed"), 0.0, unanswered as f64),
        metrics.for_each_permit().map_or_else(
            || Target::unseen(&what_asked),
            |ratio| Target::at_most(&what_asked, ROUND_TRIPS, ratio),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn counters_are_summed_over_their_labels_and_absent_where_they_are_not_shown() {
        let shown = "# TYPE permits_total counter\npermits_total{lane=\"write\"} 3\npermits_total 4\npermits_total_x 5\n";
        assert_eq!(counter(shown, "permits_total"), Some(7.0));
        assert_eq!(counter(shown, "permits"), None);
    }

    #[test]
    fn what_is_left_is_what_the_other_app_did_not_take() {
        let tenant = json!({"name": "a", "app_id": "ours", "app_secret": ""});
        let tenant: Tenant = serde_json::from_value(tenant).unwrap();
        let row = |tenant: &str, app: &str, accepted_at: Vec<i64>, throttled_at: Vec<i64>| -> Value {
            json!({"tenant": tenant, "app": app, "accepted_at": accepted_at, "throttled_at": throttled_at})
        };
        // Began at 500; windows of a second begin at 1,500 and 2,500 and end at 3,500.
        let ours = (0..60).map(|_| 1_500).chain((0..75).map(|_| 2_499)).chain([499, 1_499, 2_500, 3_500]);
        let others = vec![1_600, 2_500, 2_501, 3_500];
        let record = json!({"now_ms": 9_000, "apps": [
            row("a", "ours", ours.collect(), vec![499, 500, 1_499, 1_500, 3_499, 3_500]),
            row("a", "theirs", others, vec![1_700]),
            row("b", "ours", vec![1_700], vec![1_700]),
        ]});
        let record: LimitRecord = serde_json::from_value(record).unwrap();
        let pace = Pace { window: Duration::from_secs(1), windows: 2 };
        let used = Used::read(&record, &tenant, true, 500, pace);
        assert_eq!(used.accepted, [(135, 1), (1, 2)]);
        assert_eq!((used.ours(), used.others(), used.left()), (136, 3, 197));
        assert_eq!((used.throttled, used.throttled_ever), (2, 4));
        assert!((used.throttled_a_minute() - 1.0).abs() < f64::EPSILON);
    }
}
