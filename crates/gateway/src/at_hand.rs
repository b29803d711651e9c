//! What is kept at hand so that calls need not ask the database. What is forgotten while it is being read is not kept: the reader may
//! have seen it as it was before.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::gateway::AT_HAND;

/// So many values are read at a time: of many that ask for the same one at once, most then find it at hand.
const READS: usize = 4;
/// How long one waits for its turn to read: others may be held up by a database that does not answer.
const TURN: Duration = Duration::from_secs(1);

/// Values by their key.
pub(crate) struct AtHand<V> {
    values: RwLock<Values<V>>,
    capacity: usize,
    reads: Semaphore,
}

/// Two generations: once the new one is half of all that there is room for, it becomes the old one, and what was not asked for since the
/// last time goes.
struct Values<V> {
    new: HashMap<String, Kept<V>>,
    old: HashMap<String, Kept<V>>,
    /// How often something was forgotten.
    forgotten: u64,
}

#[derive(Clone)]
struct Kept<V> {
    value: V,
    since: Instant,
}

impl<V: Clone> AtHand<V> {
    /// Room for so many values.
    pub(crate) fn new(capacity: usize) -> Self {
        let values = Values { new: HashMap::new(), old: HashMap::new(), forgotten: 0 };
        Self { values: RwLock::new(values), capacity, reads: Semaphore::new(READS) }
    }

    /// The value of a key; read when it is not at hand, and kept unless something was forgotten meanwhile.
    pub(crate) async fn get_or_read<E, R>(&self, key: &str, read: impl FnOnce() -> R) -> Result<V, E>
    where
        R: Future<Output = Result<V, E>>,
    {
        if let Some(found) = self.get(key) {
            return Ok(found);
        }
        // Boxed, as all that is rare on the way of a call: its future is moved about as a whole, and each call has one.
        Box::pin(self.read(key, read)).await
    }

    async fn read<E, R>(&self, key: &str, read: impl FnOnce() -> R) -> Result<V, E>
    where
        R: Future<Output = Result<V, E>>,
    {
        let _turn = timeout(TURN, self.reads.acquire()).await;
        if let Some(found) = self.get(key) {
            return Ok(found);
        }
        let before = self.values().forgotten;
        let value = read().await?;
        let mut values = self.values_mut();
        if values.forgotten == before {
            values.keep(key.to_owned(), Kept { value: value.clone(), since: Instant::now() }, self.capacity);
        }
        Ok(value)
    }

    fn get(&self, key: &str) -> Option<V> {
        let values = self.values();
        if let Some(found) = values.new.get(key) {
            return found.fresh();
        }
        if !values.old.contains_key(key) {
            return None;
        }
        drop(values);
        let mut values = self.values_mut();
        let (key, kept) = values.old.remove_entry(key)?;
        let found = kept.fresh()?;
        values.keep(key, kept, self.capacity);
        Some(found)
    }

    /// Forgets the value of a key.
    pub(crate) fn forget(&self, key: &str) {
        let mut values = self.values_mut();
        values.forgotten += 1;
        values.new.remove(key);
        values.old.remove(key);
    }

    /// Forgets the values that `fits` says.
    pub(crate) fn forget_where(&self, fits: impl Fn(&V) -> bool) {
        let mut values = self.values_mut();
        values.forgotten += 1;
        values.new.retain(|_, kept| !fits(&kept.value));
        values.old.retain(|_, kept| !fits(&kept.value));
    }

    /// Forgets everything.
    pub(crate) fn forget_all(&self) {
        self.forget_where(|_| true);
    }

    fn values(&self) -> RwLockReadGuard<'_, Values<V>> {
        self.values.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn values_mut(&self) -> RwLockWriteGuard<'_, Values<V>> {
        self.values.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Values<V> {
    fn keep(&mut self, key: String, kept: Kept<V>, capacity: usize) {
        if self.new.len() >= capacity / 2 {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(key, kept);
    }
}

impl<V: Clone> Kept<V> {
    fn fresh(&self) -> Option<V> {
        (self.since.elapsed() < AT_HAND).then(|| self.value.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    async fn read(at_hand: &AtHand<u8>, value: u8) -> u8 {
        let Ok(value) = at_hand.get_or_read("key", || async { Ok::<_, Infallible>(value) }).await;
        value
    }

    #[tokio::test]
    async fn what_is_at_hand_is_not_read_again_until_it_is_forgotten() {
        let at_hand = AtHand::new(10);
        assert_eq!(read(&at_hand, 1).await, 1);
        assert_eq!(read(&at_hand, 2).await, 1);
        at_hand.forget("key");
        assert_eq!(read(&at_hand, 3).await, 3);
        at_hand.forget_where(|value| *value == 3);
        assert_eq!(read(&at_hand, 4).await, 4);
        at_hand.forget_all();
        assert_eq!(read(&at_hand, 5).await, 5);
    }

    #[tokio::test]
    async fn what_is_forgotten_while_it_is_read_is_not_kept() {
        let at_hand = AtHand::new(10);
        for way in 0..3 {
            let forgotten_meanwhile = || async {
                match way {
                    0 => at_hand.forget("key"),
                    1 => at_hand.forget_where(|_| true),
                    _ => at_hand.forget_all(),
                }
                Ok::<_, Infallible>(1)
            };
            assert_eq!(at_hand.get_or_read("key", forgotten_meanwhile).await, Ok(1));
            assert_eq!(read(&at_hand, 2).await, 2, "way {way}");
            at_hand.forget("key");
        }
    }

    #[tokio::test]
    async fn what_is_asked_for_stays_when_there_is_no_room() {
        let at_hand = AtHand::new(4);
        let read = async |key: &str, value: u8| {
            let Ok(value) = at_hand.get_or_read(key, || async { Ok::<_, Infallible>(value) }).await;
            value
        };
        assert_eq!(read("asked for", 1).await, 1);
        for key in ["a", "b", "c", "d", "e", "f"] {
            assert_eq!(read(key, 2).await, 2);
            assert_eq!(read("asked for", 3).await, 1);
        }
        assert_eq!(read("a", 4).await, 4);
    }
}
