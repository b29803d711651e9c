//! What is kept at hand so that calls need not ask the database. What is forgotten while it is being read is not kept: the reader may
//! have seen it as it was before.

use std::time::Duration;

use moka::future::Cache;
use tokio::sync::{RwLock, Semaphore};
use tokio::time::timeout;

use crate::gateway::AT_HAND;

/// So many values are read at a time: of many that ask for the same one at once, most then find it at hand.
const READS: usize = 4;
/// How long one waits for its turn to read: others may be held up by a database that does not answer.
const TURN: Duration = Duration::from_secs(1);

/// Values by their key.
pub(crate) struct AtHand<V> {
    values: Cache<String, V>,
    reads: Semaphore,
    /// How often something was forgotten. Held while that is done, so that nothing is put down in between.
    forgotten: RwLock<u64>,
}

impl<V: Clone + Send + Sync + 'static> AtHand<V> {
    /// Room for so many values.
    pub(crate) fn new(capacity: u64) -> Self {
        let values = Cache::builder()
            .max_capacity(capacity)
            .time_to_live(AT_HAND)
            .support_invalidation_closures()
            .build();
        Self { values, reads: Semaphore::new(READS), forgotten: RwLock::new(0) }
    }

    /// The value of a key; read when it is not at hand, and kept unless something was forgotten meanwhile.
    pub(crate) async fn get_or_read<E, R>(&self, key: &str, read: impl FnOnce() -> R) -> Result<V, E>
    where
        R: Future<Output = Result<V, E>>,
    {
        if let Some(found) = self.values.get(key).await {
            return Ok(found);
        }
        let _turn = timeout(TURN, self.reads.acquire()).await;
        if let Some(found) = self.values.get(key).await {
            return Ok(found);
        }
        let before = *self.forgotten.read().await;
        // Boxed, as all that is rare on the way of a call: its future is moved about as a whole, and each call has one.
        let value = Box::pin(read()).await?;
        let forgotten = self.forgotten.read().await;
        if *forgotten == before {
            self.values.insert(key.to_owned(), value.clone()).await;
        }
        Ok(value)
    }

    /// Forgets the value of a key.
    pub(crate) async fn forget(&self, key: &str) {
        let mut forgotten = self.forgotten.write().await;
        *forgotten += 1;
        self.values.invalidate(key).await;
    }

    /// Forgets the values that `fits` says.
    pub(crate) async fn forget_where(&self, fits: impl Fn(&V) -> bool + Send + Sync + 'static) {
        let mut forgotten = self.forgotten.write().await;
        *forgotten += 1;
        // Refused only by a cache that was built without support for it.
        let _ = self.values.invalidate_entries_if(move |_, value| fits(value));
    }

    /// Forgets everything.
    pub(crate) async fn forget_all(&self) {
        let mut forgotten = self.forgotten.write().await;
        *forgotten += 1;
        self.values.invalidate_all();
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
        at_hand.forget("key").await;
        assert_eq!(read(&at_hand, 3).await, 3);
        at_hand.forget_where(|value| *value == 3).await;
        assert_eq!(read(&at_hand, 4).await, 4);
        at_hand.forget_all().await;
        assert_eq!(read(&at_hand, 5).await, 5);
    }

    #[tokio::test]
    async fn what_is_forgotten_while_it_is_read_is_not_kept() {
        let at_hand = AtHand::new(10);
        for way in 0..3 {
            let forgotten_meanwhile = || async {
                match way {
                    0 => at_hand.forget("key").await,
                    1 => at_hand.forget_where(|_| true).await,
                    _ => at_hand.forget_all().await,
                }
                Ok::<_, Infallible>(1)
            };
            assert_eq!(at_hand.get_or_read("key", forgotten_meanwhile).await, Ok(1));
            assert_eq!(read(&at_hand, 2).await, 2, "way {way}");
            at_hand.forget("key").await;
        }
    }
}
