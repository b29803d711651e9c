//! A platform that is down: callers wait a little at first, and are told at once when it stays so.
//!
//! Each failure in a row doubles a pause in which nothing is sent. Up to the fifth, requests wait for its end. From then on the
//! circuit is open: requests are refused at once, but for one after each pause that finds out whether the platform is back. An answer of any other kind
//! closes it. What counts as a failure is no answer at all, and the statuses that say so (502, 503, 504).

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// So many failures in a row open the circuit.
const OPENS_AT: u32 = 5;

/// The circuit of one account.
#[derive(Debug, Default)]
pub struct Circuit(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// In a row.
    failures: u32,
    /// Until when nothing is sent.
    paused_until: Option<Instant>,
    /// When the last failure was noted: requests that began before it tell nothing new.
    noted: Option<Instant>,
    /// Whether one request finds out now.
    is_trying: bool,
}

/// The platform is down: nothing was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Open {
    /// When one more is tried.
    pub retry_after: Duration,
}

/// A request that may be sent. Dropped without a word, as when its caller leaves, it tells nothing.
#[derive(Debug)]
pub struct Trial<'a> {
    circuit: &'a Circuit,
    began: Instant,
    is_the_one: bool,
}

/// Whether an answer's status says that the platform is down.
pub fn is_down(status: u16) -> bool {
    matches!(status, 502..=504)
}

enum Next<'a> {
    Go(Trial<'a>),
    WaitUntil(Instant),
    Refuse(Open),
}

impl Circuit {
    /// Lets a request be sent, after a pause where there is one that ends before `deadline`. [`Open`] where the platform is down.
    pub async fn pass(&self, deadline: Instant) -> (Result<Trial<'_>, Open>, Duration) {
        let began = Instant::now();
        loop {
            match self.next(Instant::now(), deadline) {
                Next::Go(trial) => return (Ok(trial), began.elapsed()),
                Next::WaitUntil(until) => tokio::time::sleep_until(until).await,
                Next::Refuse(open) => return (Err(open), began.elapsed()),
            }
        }
    }

    /// Whether it is open, and until when nothing is tried.
    pub fn open(&self) -> Option<Open> {
        self.open_at(Instant::now())
    }

    fn open_at(&self, now: Instant) -> Option<Open> {
        let state = self.state();
        let left = state.paused_until?.saturating_duration_since(now);
        (state.failures >= OPENS_AT).then_some(Open { retry_after: left })
    }

    fn next(&self, now: Instant, deadline: Instant) -> Next<'_> {
        let mut state = self.state();
        let trial = |is_the_one| Trial { circuit: self, began: now, is_the_one };
        let Some(until) = state.paused_until else { return Next::Go(trial(false)) };
        let is_open = state.failures >= OPENS_AT;
        if until <= now {
            if is_open && std::mem::replace(&mut state.is_trying, true) {
                return Next::Refuse(Open { retry_after: FIRST_PAUSE });
            }
            return Next::Go(trial(is_open));
        }
        if is_open || until > deadline {
            return Next::Refuse(Open { retry_after: until - now });
        }
        Next::WaitUntil(until)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Trial<'_> {
    /// The platform answered, whatever it said.
    pub fn answered(self) {
        let mut state = self.circuit.state();
        // Hot: nothing to change where all is well.
        if state.failures > 0 {
            *state = State::default();
        }
    }

    /// It did not, or said that it is down; `told` is how long it said to wait.
    pub fn failed(self, told: Option<Duration>) {
        self.failed_at(Instant::now(), told);
    }

    fn failed_at(self, now: Instant, told: Option<Duration>) {
        let mut state = self.circuit.state();
        if state.noted.is_some_and(|noted| self.began < noted) {
            return;
        }
        let doubled = FIRST_PAUSE * 2_u32.pow(state.failures.min(12));
        let pause = told.unwrap_or_default().max(doubled).min(LONGEST_PAUSE);
        state.failures += 1;
        state.noted = Some(now);
        state.paused_until = Some(now + pause);
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        if self.is_the_one {
            self.circuit.state().is_trying = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAR: Duration = Duration::from_secs(60);

    fn pass(circuit: &Circuit, now: Instant) -> Option<Trial<'_>> {
        match circuit.next(now, now + FAR) {
            Next::Go(trial) => Some(trial),
            Next::WaitUntil(until) => pass(circuit, until),
            Next::Refuse(_) => None,
        }
    }

    /// Fails so often in a row, each after the other's pause; gives when the last failed.
    fn fail(circuit: &Circuit, times: u32, mut now: Instant) -> Instant {
        for _ in 0..times {
            now += LONGEST_PAUSE;
            pass(circuit, now).unwrap().failed_at(now, None);
        }
        now
    }

    #[test]
    fn a_failure_holds_up_those_behind_it() {
        let (circuit, start) = (Circuit::default(), Instant::now());
        pass(&circuit, start).unwrap().failed_at(start, None);
        assert!(
            matches!(circuit.next(start, start + FAR), Next::WaitUntil(until) if until == start + FIRST_PAUSE)
        );
        let told = Duration::from_secs(5);
        pass(&circuit, start).unwrap().failed_at(start + FIRST_PAUSE, Some(told));
        let soon = start + FIRST_PAUSE + Duration::from_secs(1);
        assert!(matches!(circuit.next(soon, soon + told), Next::WaitUntil(_)));
        assert!(
            matches!(circuit.next(soon, soon), Next::Refuse(open) if open.retry_after == Duration::from_secs(4))
        );
    }

    #[test]
    fn the_fifth_in_a_row_opens_it_and_one_request_finds_out() {
        let circuit = Circuit::default();
        let now = fail(&circuit, OPENS_AT, Instant::now());
        let retry_after = circuit.open_at(now).unwrap().retry_after;
        assert_eq!(retry_after, FIRST_PAUSE * 16);
        assert!(pass(&circuit, now).is_none());
        let later = now + retry_after;
        let trial = pass(&circuit, later).unwrap();
        assert!(pass(&circuit, later).is_none(), "only one finds out");
        trial.answered();
        assert_eq!(circuit.open_at(later), None);
        assert!(pass(&circuit, later).is_some());
    }

    #[test]
    fn a_trial_that_is_given_up_leaves_it_to_the_next() {
        let circuit = Circuit::default();
        let now = fail(&circuit, OPENS_AT, Instant::now()) + LONGEST_PAUSE;
        drop(pass(&circuit, now).unwrap());
        pass(&circuit, now).unwrap().failed_at(now, None);
        assert_eq!(circuit.open_at(now).unwrap().retry_after, FIRST_PAUSE * 32);
    }

    #[test]
    fn requests_that_fail_together_are_one_failure() {
        let (circuit, start) = (Circuit::default(), Instant::now());
        let together: Vec<Trial<'_>> = (0..20).map(|_| pass(&circuit, start).unwrap()).collect();
        let later = start + Duration::from_millis(1);
        together.into_iter().for_each(|trial| trial.failed_at(later, None));
        assert_eq!(circuit.open_at(later), None);
    }
}
