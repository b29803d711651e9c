//! A node's own side of a limit: the slots that are its own, and whose turn it is to use one.
//!
//! Slots become free as evenly as they were used, so bulk work is spread evenly over the window: an interactive call then finds a free
//! slot soon, and not after a burst that left none for a minute. All of it is arithmetic; the time is a parameter.

use std::sync::Arc;

use super::ledger::{Exchange, Given, Own, Spec, speaks_by};
use super::line::{Lane, Line};
use super::{Millis, Standing, span};

/// Free slots that a node has in hand, at most, while nobody waits for more: an exchange costs round trips to the database, so one slot
/// costs a fraction of one.
const IN_HAND: u32 = 12;

/// The same where other nodes use the limit too.
const LEAST_IN_HAND: u32 = 4;

/// So many requests may make up for a time in which nobody asked.
const CREDIT: f64 = 4.0;

/// The same for a time in which there was no slot: slots do not come back to the moment, and what is late once would stay late. Few, since requests that are
/// bunched leave a gap behind them, in which an interactive call waits.
const CREDIT_WHEN_SHORT: f64 = 1.5;

/// One that waits for its turn.
pub(crate) trait Waits {
    /// Whether nobody waits for the answer any more.
    fn is_gone(&self) -> bool;
    /// When it stops waiting.
    fn deadline(&self) -> Millis;
}

/// What there is to do next.
#[derive(Debug, PartialEq)]
pub(crate) enum Step<T> {
    /// Nobody waits.
    Rest,
    /// One may use a slot.
    Pass(T, u32),
    /// To speak with the other nodes.
    Exchange,
    /// Nothing before this moment, unless something changes.
    Wait(Millis),
}

#[derive(Debug)]
pub(crate) struct Meter<T> {
    spec: Spec,
    line: Line<T>,
    slots: Vec<Mine>,
    /// As the last exchange left it.
    given: Given,
    /// While an exchange runs nothing is used: it may give some of it away.
    is_exchanging: bool,
    /// When asking for more may help.
    next_exchange: Millis,
    /// After one that failed.
    retry_at: Millis,
    /// When the next request is due by an even pace.
    due: f64,
    /// Whether someone waits for a slot to become free: then the time has passed, and is no credit.
    is_short: bool,
    /// When someone last had to wait.
    waited_at: Millis,
    /// The platform said to wait until then.
    paused_until: Millis,
    was_refused: bool,
    told_remaining: Option<u32>,
}

/// A slot of this node's own.
#[derive(Debug, Clone, Copy)]
struct Mine {
    slot: u32,
    free_at: Millis,
    is_under_way: bool,
    /// Whether it was used since the last exchange.
    is_spent: bool,
}

impl<T: Waits> Meter<T> {
    pub(crate) fn new(spec: Spec) -> Self {
        Self {
            spec,
            line: Line::default(),
            slots: Vec::new(),
            given: Given {
                limit: spec.amount,
                busy: 1,
                even: spec.amount,
                part: spec.amount,
                ..Given::default()
            },
            is_exchanging: false,
            next_exchange: 0,
            retry_at: 0,
            due: 0.0,
            is_short: false,
            waited_at: Millis::MIN / 2,
            paused_until: 0,
            was_refused: false,
            told_remaining: None,
        }
    }

    /// A slot at once, if one is free and nobody waits.
    pub(crate) fn at_once(&mut self, now: Millis, lane: Lane) -> Option<u32> {
        let may_pass = self.line.total() == 0 && self.paused_until <= now && self.may_go(now, lane);
        may_pass.then(|| self.begin(now)).flatten()
    }

    /// Lines one up; `is_first` before all others of its lane.
    pub(crate) fn join(&mut self, now: Millis, lane: Lane, caller: Arc<str>, one: T, is_first: bool) {
        self.waited_at = now;
        if is_first {
            self.line.push_front(lane, caller, one);
        } else {
            self.line.push(lane, caller, one);
        }
    }

    /// What there is to do next.
    pub(crate) fn step(&mut self, now: Millis) -> Step<T> {
        loop {
            if self.line.total() == 0 {
                self.is_short = false;
                return Step::Rest;
            }
            if self.is_exchanging {
                // Its end changes something, and wakes who waits for that.
                return self.wait(now + self.spec.window, now);
            }
            if self.is_exchange_due(now) {
                return Step::Exchange;
            }
            if now < self.paused_until {
                return self.wait(self.paused_until, self.paused_until);
            }
            let next_free = self.next_free(now).unwrap_or(Millis::MAX);
            if next_free > now {
                self.is_short = true;
                return self.wait(next_free.min(self.next_exchange.max(now + 1)), self.nothing_before(now));
            }
            let Some(lane) = self.line.turn(|lane| self.may_go(now, lane)) else {
                return self.wait(self.next_pace(now), now);
            };
            let Some(one) = self.line.take(lane) else { continue };
            if one.is_gone() {
                continue;
            }
            if let Some(slot) = self.begin(now) {
                return Step::Pass(one, slot);
            }
        }
    }

    /// Waits, and sends those away whose time ends before anything can come of it.
    fn wait(&mut self, until: Millis, nothing_before: Millis) -> Step<T> {
        self.line.retain(|one| !one.is_gone() && one.deadline() > nothing_before);
        if self.line.total() == 0 { Step::Rest } else { Step::Wait(until) }
    }

    /// A moment before which nothing can pass, for certain: a node that has all slots knows when the first is free.
    fn nothing_before(&self, now: Millis) -> Millis {
        let has_all = !self.given.is_shared && self.slots.len() >= self.given.limit as usize;
        if !has_all || self.slots.iter().any(|mine| mine.is_under_way) {
            return now;
        }
        self.slots.iter().map(|mine| mine.free_at).min().unwrap_or(now).max(now)
    }

    fn is_exchange_due(&self, now: Millis) -> bool {
        let may_help = now >= self.next_exchange && !self.has_one_soon(now);
        now >= self.retry_at && (self.was_refused || self.is_ending(now) || may_help)
    }

    /// Whether its lease is about to end.
    pub(crate) fn is_ending(&self, now: Millis) -> bool {
        now >= self.ends_soon()
    }

    /// How long one on which nobody waits waits for someone, before it has something to say.
    pub(crate) fn rest(&self, now: Millis) -> Millis {
        (self.ends_soon() - now).clamp(0, self.spec.window / 3)
    }

    fn ends_soon(&self) -> Millis {
        speaks_by(self.given.at, self.given.until)
    }

    /// Whether it has something to say or to learn, in a round that is held anyway.
    pub(crate) fn may_speak(&self, now: Millis) -> bool {
        let is_in_use = self.line.total() > 0 || self.has_slots() && self.given.is_shared;
        let is_early =
            self.is_exchanging || now < self.retry_at || now - self.given.at < self.spec.window / 60;
        !is_early && (is_in_use || self.slots.iter().any(|mine| mine.is_spent))
    }

    /// When it spoke last.
    pub(crate) fn spoke_at(&self) -> Millis {
        self.given.at
    }

    /// How many requests a millisecond its slots let pass.
    pub(crate) fn pace(&self) -> f64 {
        self.slots.len() as f64 / self.spec.window as f64
    }

    /// When the next slot may be used, if the lease lasts until then.
    fn next_free(&self, now: Millis) -> Option<Millis> {
        let usable = self.slots.iter().filter(|mine| self.is_usable(mine, now.max(mine.free_at)));
        usable.map(|mine| mine.free_at).min()
    }

    fn has_one_soon(&self, now: Millis) -> bool {
        self.next_free(now).is_some_and(|free_at| free_at <= now + self.spec.window / 20)
    }

    /// Begins a request on a free slot.
    fn begin(&mut self, now: Millis) -> Option<u32> {
        if self.is_exchanging {
            return None;
        }
        let is_free = |at: &usize| self.slots[*at].free_at <= now && self.is_usable(&self.slots[*at], now);
        let first = (0..self.slots.len()).filter(is_free).min_by_key(|at| self.slots[*at].free_at)?;
        let mine = &mut self.slots[first];
        mine.is_under_way = true;
        let slot = mine.slot;
        let interval = self.interval();
        let credit = interval * if self.is_short { CREDIT_WHEN_SHORT } else { CREDIT };
        self.due = self.due.max(now as f64 - credit) + interval;
        Some(slot)
    }

    /// Whether a slot may be used at a moment at which it is free.
    fn is_usable(&self, mine: &Mine, at: Millis) -> bool {
        !mine.is_under_way && at < self.spec.usable_until(mine.free_at, self.given.at, self.given.until)
    }

    /// The distance of requests at an even pace: by the slots that it has, or by its part of all while it still gathers them. A faster pace than
    /// its slots come back would bunch them, and leave a gap in which an interactive call waits.
    fn interval(&self) -> f64 {
        let has = if self.is_gathering() { f64::from(self.given.even) } else { self.slots.len() as f64 };
        self.spec.window as f64 / has.max(1.0)
    }

    /// The distance of requests of all nodes together.
    fn distance(&self) -> Millis {
        self.spec.window / Millis::from(self.given.limit.max(1))
    }

    /// How far a lane may run ahead of an even pace.
    fn ahead(&self, lane: Lane) -> f64 {
        match lane {
            Lane::Interactive => f64::INFINITY,
            Lane::Write => self.spec.window as f64 / 2.0,
            Lane::Background => 0.0,
        }
    }

    fn may_go(&self, now: Millis, lane: Lane) -> bool {
        self.due <= now as f64 + self.ahead(lane)
    }

    /// When the first of the lanes in which someone waits may go.
    fn next_pace(&self, now: Millis) -> Millis {
        let waiting = Lane::ALL.into_iter().filter(|lane| self.line.len(*lane) > 0);
        let earliest = waiting.map(|lane| self.due - self.ahead(lane)).fold(f64::INFINITY, f64::min);
        (earliest.ceil() as Millis).max(now + 1)
    }

    /// A request was answered, or may have arrived: its slot rests.
    pub(crate) fn used(&mut self, now: Millis, slot: u32) {
        let rest = self.spec.rest();
        if let Some(mine) = self.mine(slot) {
            *mine = Mine { slot, free_at: now + rest, is_under_way: false, is_spent: true };
        }
    }

    /// Nothing was sent: the slot is as free as it was.
    pub(crate) fn unused(&mut self, slot: u32) {
        if let Some(mine) = self.mine(slot) {
            mine.is_under_way = false;
        }
        self.due -= self.interval();
    }

    /// The platform refused the request; `wait` as it told. Refused requests are taken not to count, which no platform's documentation says: if they
    /// do, the next refusal comes early as well, and is learned from.
    pub(crate) fn refused(&mut self, now: Millis, slot: u32, wait: Option<Millis>) {
        self.unused(slot);
        self.was_refused = true;
        // The limit that is learned from it holds the others back; this is the time to learn it.
        let wait = wait.unwrap_or(self.distance() / 4);
        self.paused_until = self.paused_until.max(now + wait);
    }

    /// The platform said how many requests are left.
    pub(crate) fn told_remaining(&mut self, left: u32) {
        self.told_remaining = Some(left);
    }

    fn mine(&mut self, slot: u32) -> Option<&mut Mine> {
        self.slots.iter_mut().find(|mine| mine.slot == slot)
    }

    /// What to say at the next exchange; `is_end` when this node needs nothing more for now. `pace` is that of all limits of this node.
    pub(crate) fn exchange(&mut self, now: Millis, is_end: bool, pace: f64) -> Exchange {
        self.is_exchanging = true;
        self.line.retain(|one| !one.is_gone());
        let waiting = self.line.total() as u32;
        let of = |filter: fn(&&Mine) -> bool| self.slots.iter().filter(filter);
        let in_hand = self.in_hand(now);
        Exchange {
            now,
            elsewhere: (pace - self.pace()).max(0.0),
            spent: of(|mine| mine.is_spent).map(|mine| (mine.slot, mine.free_at)).collect(),
            under_way: of(|mine| mine.is_under_way).map(|mine| mine.slot).collect(),
            want: if is_end && waiting == 0 { 0 } else { in_hand.max(waiting) },
            is_busy: waiting > 0 || now - self.waited_at < self.spec.window / 4,
            was_refused: std::mem::take(&mut self.was_refused),
            told_remaining: self.told_remaining.take(),
        }
    }

    /// How many free slots to have in hand. Where others use the limit too, no more than what will be used before long.
    fn in_hand(&self, now: Millis) -> u32 {
        let resting = self.slots.iter().filter(|mine| mine.free_at > now).count() as u32;
        let in_hand = match self.given.is_shared {
            true if self.given.busy > 1 && self.given.left <= 0 && resting >= IN_HAND => resting / 12 + 1,
            true => (resting / 4 + 1).max(LEAST_IN_HAND),
            false => IN_HAND,
        };
        in_hand.min(IN_HAND).min(self.spec.amount.div_ceil(4))
    }

    /// Takes what the exchange gave.
    pub(crate) fn take(&mut self, now: Millis, said: &Exchange, given: Given) {
        self.is_exchanging = false;
        let of = |own: &Own| {
            let before = self.slots.iter().find(|mine| mine.slot == own.slot).copied();
            match before {
                // Answered while the exchange ran: the next one tells of it.
                Some(mine) if mine.is_spent && !said.spent.contains(&(mine.slot, mine.free_at)) => mine,
                Some(mine) => Mine { free_at: own.free_at, is_spent: false, ..mine },
                None => Mine { slot: own.slot, free_at: own.free_at, is_under_way: false, is_spent: false },
            }
        };
        self.slots = given.own.iter().map(of).collect();
        self.given = given;
        if said.was_refused && self.given.left < 0 {
            // Others still use what they have to give up.
            self.paused_until = self.paused_until.max(now + self.distance());
        }
        // Asking again before others have spoken would only cost, and one that has its part has to wait for nothing but the time.
        self.next_exchange = match self.given.lacks {
            false if !self.given.is_shared => now,
            false => now + self.spec.window / 200,
            true if self.has_part() => self.given.until,
            true => self.given.next_word.max(now + self.spec.window / 60),
        };
    }

    /// Takes note of how things stand, without slots of its own.
    pub(crate) fn see(&mut self, given: Given) {
        if self.slots.is_empty() && !self.is_exchanging {
            self.given = given;
        }
    }

    /// The exchange failed: what was to be said is said the next time, and the node goes on with the slots that are its own. Others respect
    /// them until they see its lease end.
    pub(crate) fn go_on(&mut self, now: Millis, said: &Exchange) {
        self.is_exchanging = false;
        self.was_refused |= said.was_refused;
        self.told_remaining = self.told_remaining.or(said.told_remaining);
        self.given.until = self.given.until.max(now + self.spec.window / 8);
        self.retry_at = now + self.spec.window / 60;
    }

    /// Whether it has less than its part because it has not asked for more yet.
    fn is_gathering(&self) -> bool {
        !self.given.lacks && !self.has_part()
    }

    /// Whether it has about its part of the slots: parts are whole numbers, and not all can be rounded up.
    fn has_part(&self) -> bool {
        self.slots.len() as f64 >= 0.9 * f64::from(self.given.part)
    }

    /// Whether other nodes use the limit as well.
    pub(crate) fn is_shared(&self) -> bool {
        self.given.is_shared
    }

    /// Whether nobody waits.
    pub(crate) fn is_resting(&self) -> bool {
        self.line.total() == 0
    }

    /// Whether all of its slots are free, so that nothing is lost with it.
    pub(crate) fn is_cold(&self, now: Millis) -> bool {
        self.slots.iter().all(|mine| !mine.is_under_way && mine.free_at <= now)
    }

    /// Whether it has slots, whose use others would have to guess.
    pub(crate) fn has_slots(&self) -> bool {
        !self.slots.is_empty()
    }

    /// When one who joins a lane now could pass, as far as can be told.
    pub(crate) fn estimate(&self, now: Millis, lane: Lane) -> Millis {
        let mut free: Vec<Millis> =
            self.slots.iter().filter(|mine| !mine.is_under_way).map(|mine| mine.free_at).collect();
        free.sort_unstable();
        let before = self.line.before(lane);
        let by_slots = match free.get(before) {
            Some(free_at) => *free_at,
            None => {
                let last = free.last().copied().or_else(|| self.given.used_until.iter().copied().min());
                let beyond = (before + 1 - free.len()) as f64;
                last.unwrap_or(now).max(now) + (beyond * self.interval()) as Millis
            }
        };
        let by_pace = (self.due - self.ahead(lane)).max(0.0) as Millis;
        by_slots.max(by_pace).max(self.paused_until).max(now)
    }

    /// How it stands, as far as this node knows.
    pub(crate) fn standing(&self, now: Millis) -> Standing {
        let elsewhere = self.given.used_until.iter().copied();
        let here = self
            .slots
            .iter()
            .map(|mine| if mine.is_under_way { now + self.spec.rest() } else { mine.free_at });
        let used = elsewhere.chain(here).filter(|free_at| *free_at > now);
        Standing {
            amount: self.spec.amount,
            window: span(self.spec.window),
            allowance: self.given.limit,
            used: (used.clone().count() as u32).min(self.given.limit),
            next: used.min().map(|free_at| span(free_at - now)),
            waiting: Lane::ALL.map(|lane| self.line.len(lane)),
            nodes: self.given.busy,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::ledger::Ledger;
    use super::*;

    const SPEC: Spec = Spec { amount: 10, window: 60_000 };

    impl Waits for u32 {
        fn is_gone(&self) -> bool {
            false
        }

        fn deadline(&self) -> Millis {
            Millis::MAX
        }
    }

    #[test]
    fn who_joins_while_an_exchange_runs_is_let_pass_after_it() {
        let (mut meter, mut ledger) = (Meter::new(SPEC), Ledger::read(SPEC, None, 0));
        let said = meter.exchange(0, false, 0.0);
        let given = ledger.exchange(SPEC, "node", &said);
        meter.take(0, &said, given);
        // Another asks how things stand, and nobody waits yet.
        let said = meter.exchange(1, false, 0.0);
        meter.join(1, Lane::Interactive, "caller".into(), 7, false);
        assert!(matches!(meter.step(1), Step::Wait(_)));
        let given = ledger.exchange(SPEC, "node", &said);
        meter.take(2, &said, given);
        assert!(matches!(meter.step(2), Step::Pass(7, _)));
    }
}
