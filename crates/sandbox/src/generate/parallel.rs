//! Work for all processors at once, with results in the order of what they are made from.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

/// How many are worth a round: threads are begun anew for each.
pub(crate) const ROUND: usize = 2_048;

/// Makes something of every item.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], make: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let share = items.len().div_ceil(threads).max(1);
    thread::scope(|scope| {
        let make = &make;
        let begun = items.chunks(share).map(|share| scope.spawn(move || share.iter().map(make).collect()));
        let begun: Vec<thread::ScopedJoinHandle<'_, Vec<R>>> = begun.collect();
        begun
            .into_iter()
            .flat_map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_their_number() {
        for count in [0, 1, 2, 3, 1_000] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(map(&items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
