//! Where a winery's ids and chances come from.

use uuid::Uuid;

use super::Dice;
use super::dice::DAY;

/// The seed of one winery and the moment its data ends at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    pub seed: u64,
    pub tenant: u32,
    /// Milliseconds since 1970.
    pub now: i64,
}

impl Source {
    /// The chances of object number `index` of `name`.
    pub fn dice(&self, name: &str, index: usize) -> Dice {
        Dice::new(self.seed, self.tenant, name, index as u64)
    }

    /// The id of object number `index` of `name`, without drawing anything else of it.
    pub fn id(&self, name: &str, index: usize) -> Uuid {
        Dice::new(self.seed, self.tenant, name, index as u64 | 1 << 63).uuid()
    }

    /// Three years before now: nothing that customers did is older.
    pub fn start(&self) -> i64 {
        self.now - 3 * 365 * DAY
    }

    /// When the winery came to Commerce7: before its first customer.
    pub fn opening(&self) -> i64 {
        self.start() - 30 * DAY
    }
}
