//! Who waits: three lanes, and within a lane the callers by turns.
//!
//! Interactive calls go before writes, and writes before background work. But nobody starves: a write lets three others pass at most, and
//! background work nine, before it is its turn.

use std::collections::VecDeque;
use std::sync::Arc;

/// What a request is for, which says who goes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Someone waits for the answer.
    Interactive,
    /// It changes something.
    Write,
    /// Bulk work that takes what others leave.
    Background,
}

impl Lane {
    /// All lanes, the first to go first.
    pub const ALL: [Self; 3] = [Self::Interactive, Self::Write, Self::Background];

    /// The name in headers, answers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interactive => "interactive",
            Self::Write => "write",
            Self::Background => "background",
        }
    }

    /// How many others go before it while it waits.
    fn patience(self) -> u32 {
        match self {
            Self::Interactive => u32::MAX,
            Self::Write => 3,
            Self::Background => 9,
        }
    }
}

/// Who waits. `T` is one that waits.
#[derive(Debug)]
pub(crate) struct Line<T>([Queue<T>; 3]);

#[derive(Debug)]
struct Queue<T> {
    /// The callers by turns, each with what it waits for.
    callers: VecDeque<(Arc<str>, VecDeque<T>)>,
    len: usize,
    /// How many of other lanes went since one of this lane did.
    passed: u32,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Queue { callers: VecDeque::new(), len: 0, passed: 0 }))
    }
}

impl<T> Line<T> {
    /// Lines one up behind the others of its caller.
    pub(crate) fn push(&mut self, lane: Lane, caller: Arc<str>, one: T) {
        self.0[lane as usize].push(caller, one, VecDeque::push_back);
    }

    /// Lines one up before all others of its lane: it has had its turn, and it came to nothing.
    pub(crate) fn push_front(&mut self, lane: Lane, caller: Arc<str>, one: T) {
        let queue = &mut self.0[lane as usize];
        queue.push(Arc::clone(&caller), one, VecDeque::push_front);
        if let Some(place) = queue.callers.iter().position(|(other, _)| *other == caller)
            && let Some(first) = queue.callers.remove(place)
        {
            queue.callers.push_front(first);
        }
    }

    /// How many wait in a lane.
    pub(crate) fn len(&self, lane: Lane) -> usize {
        self.0[lane as usize].len
    }

    /// How many wait in all.
    pub(crate) fn total(&self) -> usize {
        self.0.iter().map(|queue| queue.len).sum()
    }

    /// Those that go before one who joins a lane now.
    pub(crate) fn before(&self, lane: Lane) -> usize {
        self.0[..=lane as usize].iter().map(|queue| queue.len).sum()
    }

    /// Removes those who wait no longer.
    pub(crate) fn retain(&mut self, mut waits: impl FnMut(&T) -> bool) {
        for queue in &mut self.0 {
            queue.callers.retain_mut(|(_, ones)| {
                ones.retain(&mut waits);
                !ones.is_empty()
            });
            queue.len = queue.callers.iter().map(|(_, ones)| ones.len()).sum();
            if queue.len == 0 {
                queue.passed = 0;
            }
        }
    }

    /// The lane whose turn it is, of those that may go by their pace. A lane that let enough others pass goes at any pace.
    pub(crate) fn turn(&self, may_go: impl Fn(Lane) -> bool) -> Option<Lane> {
        let waits = |lane: &Lane| self.len(*lane) > 0;
        let is_due = |lane: &Lane| waits(lane) && self.0[*lane as usize].passed >= lane.patience();
        let due = Lane::ALL.into_iter().rev().find(is_due);
        due.or_else(|| Lane::ALL.into_iter().filter(waits).find(|lane| may_go(*lane)))
    }

    /// Takes the next of a lane.
    pub(crate) fn take(&mut self, lane: Lane) -> Option<T> {
        for other in Lane::ALL {
            let queue = &mut self.0[other as usize];
            queue.passed = if other == lane || queue.len == 0 { 0 } else { queue.passed.saturating_add(1) };
        }
        let queue = &mut self.0[lane as usize];
        let (caller, mut ones) = queue.callers.pop_front()?;
        let one = ones.pop_front();
        if !ones.is_empty() {
            queue.callers.push_back((caller, ones));
        }
        queue.len -= usize::from(one.is_some());
        one
    }
}

impl<T> Queue<T> {
    fn push(&mut self, caller: Arc<str>, one: T, put: impl Fn(&mut VecDeque<T>, T)) {
        self.len += 1;
        match self.callers.iter_mut().find(|(other, _)| *other == caller) {
            Some((_, ones)) => put(ones, one),
            None => self.callers.push_back((caller, VecDeque::from([one]))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(line: &mut Line<u32>, lane: Lane, caller: &str, ones: impl IntoIterator<Item = u32>) {
        for one in ones {
            line.push(lane, caller.into(), one);
        }
    }

    fn drain(line: &mut Line<u32>) -> Vec<u32> {
        std::iter::from_fn(|| line.turn(|_| true).and_then(|lane| line.take(lane))).collect()
    }

    #[test]
    fn interactive_goes_first_and_nobody_starves() {
        let mut line = Line::default();
        push(&mut line, Lane::Background, "sync", 200..203);
        push(&mut line, Lane::Write, "app", 100..104);
        push(&mut line, Lane::Interactive, "app", 0..12);
        let order = drain(&mut line);
        assert_eq!(order, [0, 1, 2, 100, 3, 4, 5, 101, 6, 200, 7, 102, 8, 9, 10, 103, 11, 201, 202]);
    }

    #[test]
    fn callers_of_a_lane_take_turns() {
        let mut line = Line::default();
        push(&mut line, Lane::Interactive, "busy", 0..4);
        push(&mut line, Lane::Interactive, "quiet", 10..11);
        push(&mut line, Lane::Interactive, "other", 20..22);
        assert_eq!(drain(&mut line), [0, 10, 20, 1, 21, 2, 3]);
    }

    #[test]
    fn one_whose_turn_came_to_nothing_is_the_next() {
        let mut line = Line::default();
        push(&mut line, Lane::Write, "a", [1]);
        push(&mut line, Lane::Write, "b", [2, 3]);
        line.push_front(Lane::Write, "b".into(), 9);
        assert_eq!(drain(&mut line), [9, 1, 2, 3]);
    }

    #[test]
    fn who_left_is_not_waited_for() {
        let mut line = Line::default();
        push(&mut line, Lane::Interactive, "a", 0..3);
        push(&mut line, Lane::Background, "a", 3..5);
        line.retain(|one| *one == 1);
        assert_eq!((line.total(), line.len(Lane::Background), line.before(Lane::Write)), (1, 0, 1));
        assert_eq!(drain(&mut line), [1]);
    }

    #[test]
    fn a_lane_that_runs_ahead_waits_until_it_has_let_enough_pass() {
        let mut line = Line::default();
        push(&mut line, Lane::Background, "sync", [7]);
        assert_eq!(line.turn(|lane| lane != Lane::Background), None);
        for one in 0..9 {
            push(&mut line, Lane::Interactive, "app", [one]);
            assert_eq!(line.turn(|lane| lane != Lane::Background), Some(Lane::Interactive));
            line.take(Lane::Interactive);
        }
        assert_eq!(line.turn(|lane| lane != Lane::Background), Some(Lane::Background));
    }
}
