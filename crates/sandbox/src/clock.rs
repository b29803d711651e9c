//! Time as a parameter: the system's, or one that a test sets.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// Where the sandbox reads the time from: the rate limit and writes ask.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System,
    Manual(Arc<AtomicI64>),
}

/// Moves a clock made by [`Clock::manual`].
#[derive(Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still at `start` until its handle moves it.
    pub fn manual(start: Timestamp) -> (Self, ManualClock) {
        let milliseconds = Arc::new(AtomicI64::new(start.as_millisecond()));
        (Self(Source::Manual(Arc::clone(&milliseconds))), ManualClock(milliseconds))
    }

    /// Milliseconds since 1970.
    pub(crate) fn milliseconds(&self) -> i64 {
        match &self.0 {
            Source::System => Timestamp::now().as_millisecond(),
            Source::Manual(milliseconds) => milliseconds.load(Ordering::SeqCst),
        }
    }
}

/// The time that a winery's writes happen at: the clock's, but never before the moment that the generated data ends
/// at. So whatever is written is newer than everything that was there, whichever of the two a reader goes by.
#[derive(Clone, Debug)]
pub(crate) struct WineryTime {
    clock: Clock,
    started: i64,
    data_end: i64,
}

impl WineryTime {
    /// Begins now, where the data ends.
    pub fn new(clock: Clock, data_end: i64) -> Self {
        let started = clock.milliseconds();
        Self { clock, started, data_end }
    }

    /// The clock's own time; milliseconds since 1970.
    pub fn clock(&self) -> i64 {
        self.clock.milliseconds()
    }

    /// Milliseconds since the start by the clock.
    pub fn since_start(&self, clock: i64) -> i64 {
        clock - self.started
    }

    /// The winery's time; milliseconds since 1970.
    pub fn now(&self) -> i64 {
        let clock = self.clock.milliseconds();
        clock.max(self.data_end + (clock - self.started))
    }
}

impl ManualClock {
    /// Moves the clock forward (or back).
    pub fn advance(&self, by: SignedDuration) {
        let milliseconds = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.0.fetch_add(milliseconds, Ordering::SeqCst);
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self.0 {
            Source::System => "Clock(system)",
            Source::Manual(_) => "Clock(manual)",
        })
    }
}
