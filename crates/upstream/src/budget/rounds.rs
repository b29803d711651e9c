//! When a node speaks with the others: a round at a time, about all limits that someone waits for and those that have something to say by
//! the way. So a round trip is shared by as many limits as there are.

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::keeper::Keeper;
use super::round::{Round, Trip};
use super::{Budget, Inner};
use crate::{BoxError, metrics};

/// So many limits speak in one round, unless more have to.
const TOGETHER: usize = 64;
/// What is asked within this time of a round's begin goes along with it.
const GATHERING: Duration = Duration::from_millis(5);

/// Those who wait for the next round.
#[derive(Debug, Default)]
pub(super) struct Queue {
    asked: Vec<Asked>,
    is_running: bool,
}

#[derive(Debug)]
struct Asked {
    budget: Arc<Budget>,
    is_end: bool,
    done: oneshot::Sender<()>,
}

impl Inner {
    /// Says with the next round what was used of a limit, and takes or gives up slots; all of them at the `end` of what this node needs.
    /// Gives when that is done.
    pub(super) fn exchange(
        self: &Arc<Self>,
        budget: &Arc<Budget>,
        is_end: bool,
    ) -> impl Future<Output = ()> + use<> {
        let (done, ended) = oneshot::channel();
        let mut queue = self.queue();
        queue.asked.push(Asked { budget: Arc::clone(budget), is_end, done });
        if !std::mem::replace(&mut queue.is_running, true) {
            // A task of its own: who asked may leave, and what was said of the slots must not get lost with that.
            tokio::spawn(Arc::clone(self).hold_rounds());
        }
        async move {
            let _ = ended.await;
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn hold_rounds(self: Arc<Self>) {
        loop {
            tokio::time::sleep(GATHERING).await;
            let asked = {
                let mut queue = self.queue();
                if queue.asked.is_empty() {
                    queue.is_running = false;
                    return;
                }
                std::mem::take(&mut queue.asked)
            };
            self.hold_round(&asked).await;
            for Asked { done, .. } in asked {
                let _ = done.send(());
            }
        }
    }

    async fn hold_round(&self, asked: &[Asked]) {
        let now = super::now();
        let mut budgets: Vec<(Arc<Budget>, bool)> = Vec::with_capacity(asked.len());
        for Asked { budget, is_end, .. } in asked {
            match budgets.iter_mut().find(|(other, _)| Arc::ptr_eq(other, budget)) {
                Some((_, end)) => *end |= is_end,
                None => budgets.push((Arc::clone(budget), *is_end)),
            }
        }
        let mut others: Vec<Arc<Budget>> = self.all().values().map(Arc::clone).collect();
        let pace: f64 = others.iter().map(|budget| budget.meter().pace()).sum();
        others.retain(|budget| {
            budget.meter().may_speak(now) && !budgets.iter().any(|(other, _)| Arc::ptr_eq(other, budget))
        });
        others.sort_by_cached_key(|budget| budget.meter().spoke_at());
        others.truncate(TOGETHER.saturating_sub(budgets.len()));
        budgets.extend(others.into_iter().map(|budget| (budget, false)));
        let mut round = Round::new(self.speaker.clone());
        for (budget, is_end) in &budgets {
            let (said, is_shared) = {
                let mut meter = budget.meter();
                (meter.exchange(now, *is_end, pace), meter.is_shared())
            };
            round.about(budget.key.clone(), budget.spec, said, budget.last().take(), is_shared);
        }
        if let Err(error) = go_round(&*self.keeper, &mut round).await {
            tracing::warn!(
                error = &*error as &dyn std::error::Error,
                "limits' records can't be reached; going on with the slots at hand"
            );
        }
        let now = super::now();
        for ((budget, _), (said, came)) in budgets.iter().zip(round.end()) {
            let mut meter = budget.meter();
            match came {
                Some((last, given)) => {
                    *budget.last() = Some(last);
                    meter.take(now, &said, given);
                }
                None => meter.go_on(now, &said),
            }
            drop(meter);
            budget.changed.notify_one();
        }
    }
}

async fn go_round(keeper: &dyn Keeper, round: &mut Round) -> Result<(), BoxError> {
    while let Some(trip) = round.next() {
        metrics::round_trip();
        match trip {
            Trip::Read(keys) => round.read(keeper.read(keys).await?),
            Trip::Merge(merges) => round.merged(keeper.merge(merges).await?),
            Trip::Write(writes) => round.written(keeper.write(writes).await?),
        }
    }
    Ok(())
}
