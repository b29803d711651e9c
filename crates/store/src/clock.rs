//! Where the time comes from: a parameter, so that tests own it.

use jiff::Timestamp;

/// Tells the time. The program uses [`SystemClock`]; tests bring one they can move.
pub trait Clock: std::fmt::Debug + Send + Sync {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The operating system's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
