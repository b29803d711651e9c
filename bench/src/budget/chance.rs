//! Chance that is the same in every run.

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};

/// A stream of chance of one caller.
pub struct Chance(ChaCha8Rng);

impl Chance {
    pub fn of(caller: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(caller))
    }

    /// A pause of this length on average, between half of it and half as much again.
    pub fn pause(&mut self, average: Duration) -> Duration {
        average.mul_f64(0.5 + f64::from(self.0.next_u32()) / f64::from(u32::MAX))
    }

    /// One of them.
    pub fn pick<'a>(&mut self, choices: &'a [String]) -> &'a str {
        let index = self.0.next_u32() as usize % choices.len().max(1);
        choices.get(index).map(String::as_str).unwrap_or_default()
    }
}
