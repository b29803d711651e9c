//! The shared side of a limit: which of its slots are used, and which node each belongs to.
//!
//! A limit of 100 requests in a minute is 100 slots: each lets one request pass, and is free again a window after that request was
//! answered. So no span of a window's length sees more requests than there are slots, wherever it begins, and however long a request is
//! on its way. Slots belong to the nodes that use them; a node says from time to time when it used each of its own, and takes more or gives some
//! up as it needs them and others do. A node that says nothing for long has lost them, and what it may have used until then counts as used.
//!
//! All of it is arithmetic over a record that nodes read and write as one ([`super::Keeper`]); the time is a parameter.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Millis;

/// So many slots of all its limits a node uses between two rounds, which cost round trips to the database.
const BATCH: f64 = 12.0;

/// How long a request of a node that is gone may have been on its way to the platform.
const TRAVEL: Millis = 250;

/// How many requests may pass in a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spec {
    pub(crate) amount: u32,
    pub(crate) window: Millis,
}

impl Spec {
    /// How long a node that has `owned` slots keeps them without a word: long enough to use a batch of them, and of what its other limits let pass
    /// (`elsewhere`, requests a millisecond).
    pub(crate) fn lease(&self, owned: usize, elsewhere: f64) -> Millis {
        let pace = owned.max(1) as f64 / self.window as f64 + elsewhere;
        ((BATCH / pace * 1.25) as Millis).clamp(self.window / 14, self.window * 9 / 10)
    }

    /// Until when a node may begin to use a slot that is free from `free_at` on, by its word at `at` that holds until `until`. One that becomes free in
    /// between is used soon or left: so little is lost with a node that dies.
    pub(crate) fn usable_until(&self, free_at: Millis, at: Millis, until: Millis) -> Millis {
        if free_at <= at { until } else { until.min(free_at + self.window / 12) }
    }

    /// How long a slot stays used after its request was answered: the window, and a little for a clock that is being set.
    pub(crate) fn rest(&self) -> Millis {
        self.window + (self.window / 1_000).max(2)
    }

    /// How much longer a slot stays used when another node has it next: clocks differ.
    fn skew(&self) -> Millis {
        (self.window / 200).max(20)
    }
}

/// What all nodes know of a limit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Ledger {
    slots: Vec<Slot>,
    nodes: BTreeMap<String, Node>,
    /// How many slots a node wants and did not get, those since granted by others not counted.
    lacks: BTreeMap<String, u32>,
    /// Set while others use a part of the limit.
    lowered: Option<Lowered>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Slot {
    /// From when on it may be used.
    #[serde(rename = "t")]
    free_at: Millis,
    /// Whose it is.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    node: Option<String>,
}

/// A node that has slots, or wants some.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Node {
    /// When it spoke.
    at: Millis,
    /// It uses its slots until then, unless it says more.
    until: Millis,
    /// Whether it has more to send than an even pace lets pass.
    is_busy: bool,
}

/// When a node that spoke at `at`, and for a lease until `until`, speaks again at the latest: some time before its end.
pub(crate) fn speaks_by(at: Millis, until: Millis) -> Millis {
    until - (until - at) / 5
}

/// What is left of the limit, learned from a refusal that came before our own slots were used up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Lowered {
    at: Millis,
    to: u32,
    /// Whether more than this was tried since, and refused: then it is about what is left, and worth keeping for longer.
    #[serde(default)]
    is_proven: bool,
}

impl Lowered {
    /// Whether a refusal at `limit`, of which `to` is learned, says that this is about what is left: more was tried in vain, or it was known
    /// before and is still about the same.
    fn proves(&self, limit: u32, to: u32) -> bool {
        limit > self.to && to >= self.to || self.is_proven && to + 2 >= self.to
    }
}

/// How other nodes press a node for slots.
struct Pressure {
    /// An even part of what those leave that have what they want.
    part: usize,
    /// How many slots others lack of such a part.
    lacked: usize,
    /// How many they are.
    lacking: usize,
}

/// What a node says and wants.
#[derive(Debug, Clone, Default)]
pub(crate) struct Exchange {
    pub(crate) now: Millis,
    /// How many requests a millisecond its other limits let pass.
    pub(crate) elsewhere: f64,
    /// Its slots that it used, and from when on each is free again.
    pub(crate) spent: Vec<(u32, Millis)>,
    /// Its slots that are in use, which it can't give up.
    pub(crate) under_way: Vec<u32>,
    /// How many more slots than those that rest it wants.
    pub(crate) want: u32,
    /// Whether it has more to send than an even pace lets pass.
    pub(crate) is_busy: bool,
    /// Whether the platform refused a request since the last exchange.
    pub(crate) was_refused: bool,
    /// How many requests are left by the platform's own count.
    pub(crate) told_remaining: Option<u32>,
}

/// A slot of a node's own, and from when on it may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Own {
    pub(crate) slot: u32,
    pub(crate) free_at: Millis,
}

/// How things stand for a node after an exchange.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Given {
    /// Its slots, those under way among them.
    pub(crate) own: Vec<Own>,
    /// When this was so.
    pub(crate) at: Millis,
    /// No request begins on them after this.
    pub(crate) until: Millis,
    /// How many slots are used at all; fewer than declared while others use a part of the limit.
    pub(crate) limit: u32,
    /// How many nodes are busy, this one included.
    pub(crate) busy: u32,
    /// An even part for each busy node, of what the others leave.
    pub(crate) even: u32,
    /// An even part for each node that wants more than it has, of what the others leave.
    pub(crate) part: u32,
    /// Whether other nodes have slots as well, or want some.
    pub(crate) is_shared: bool,
    /// Whether it wants more than it got.
    pub(crate) lacks: bool,
    /// How many slots of the limit are nobody's, or where negative how many more nodes have, which the others have to give up.
    pub(crate) left: i64,
    /// When one of the other nodes will have spoken since.
    pub(crate) next_word: Millis,
    /// When the used slots that are not its own become free, as far as other nodes have said that they used theirs.
    pub(crate) used_until: Vec<Millis>,
}

impl Ledger {
    /// Of a limit of which nothing is used before `free_at`.
    fn new(spec: Spec, free_at: Millis) -> Self {
        let slots = vec![Slot { free_at, node: None }; spec.amount as usize];
        Self { slots, nodes: BTreeMap::new(), lacks: BTreeMap::new(), lowered: None }
    }

    /// Reads what was kept; where it can't be read, all of it counts as used now.
    pub(crate) fn read(spec: Spec, text: Option<&str>, now: Millis) -> Self {
        let Some(text) = text else { return Self::new(spec, 0) };
        serde_json::from_str(text).and_then(|fields| Self::of_fields(spec, fields)).unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "a limit's record can't be read");
            Self::new(spec, now + spec.rest())
        })
    }

    fn of_fields(spec: Spec, fields: Map<String, Value>) -> Result<Self, serde_json::Error> {
        let mut ledger = Self::new(spec, 0);
        for (name, value) in fields {
            if name == "lowered" {
                ledger.lowered = serde_json::from_value(value)?;
            } else if let Some(node) = name.strip_prefix('@') {
                ledger
                    .nodes
                    .extend(serde_json::from_value::<Option<Node>>(value)?.map(|of| (node.to_owned(), of)));
            } else if let Some(node) = name.strip_prefix('~') {
                ledger.lacks.insert(node.to_owned(), serde_json::from_value(value)?);
            } else if let Some(slot) = name.parse().ok().and_then(|slot: usize| ledger.slots.get_mut(slot)) {
                *slot = serde_json::from_value(value)?;
            }
        }
        Ok(ledger)
    }

    /// The record: one field a slot and a node, so that a node can write what is its own beside others.
    pub(crate) fn fields(&self) -> Map<String, Value> {
        let slots = self.slots.iter().enumerate().map(|(index, slot)| (index.to_string(), json!(slot)));
        let nodes = self.nodes.iter().map(|(name, node)| (format!("@{name}"), json!(node)));
        let lacks = self.lacks.iter().map(|(name, lacks)| (format!("~{name}"), json!(lacks)));
        let mut fields: Map<String, Value> = slots.chain(nodes).chain(lacks).collect();
        fields.insert("lowered".into(), json!(self.lowered));
        fields
    }

    /// How many slots may be used now.
    fn limit(&self, spec: Spec, now: Millis) -> u32 {
        let Some(lowered) = &self.lowered else { return spec.amount };
        // One more after 1.75 windows, three after 2.75, seven after 3.75: careful while others are there, as each step is held for a window
        // before the next, and quick once they are gone. A window later where that was in vain before.
        // Quicker where little is left, which rather was a burst of theirs than is their habit.
        let windows = (now - lowered.at) as f64 / spec.window as f64 - 0.75;
        let steps = (windows - f64::from(u8::from(lowered.is_proven))).max(0.0).floor();
        let step = (f64::from(spec.amount.saturating_sub(lowered.to)) / f64::from(spec.amount) * 4.0)
            .max(1.0)
            .floor();
        let more = ((steps.exp2() - 1.0) * step) as u32;
        lowered.to.saturating_add(more).min(spec.amount)
    }

    /// Takes what a node says, and says what is its own from now on.
    pub(crate) fn exchange(&mut self, spec: Spec, name: &str, said: &Exchange) -> Given {
        let now = said.now;
        self.end_leases(spec, name, now);
        for (slot, free_at) in &said.spent {
            if let Some(slot) = self.slots.get_mut(*slot as usize)
                && slot.node.as_deref() == Some(name)
            {
                slot.free_at = *free_at;
            }
        }
        self.learn(spec, name, said);
        let limit = self.limit(spec, now) as usize;
        let owned = self.owned(name);
        // Of what all nodes have beyond the limit each gives up what is beyond its part; what is nobody's any more is not used again.
        let beyond = self.beyond(limit);
        let sharers = self.nodes.keys().filter(|other| *other != name && self.owned(other) > 0).count() + 1;
        // One that was refused gives up more, for the others have yet to hear of it; what it lacks then they grant.
        let least = limit / sharers / if said.was_refused { 2 } else { 1 };
        let excess = beyond.min(owned.saturating_sub(least));
        let idle = self.idle(name, said);
        // Those that are used stay, to be used again; and as many more as are wanted. A few that are left over are not worth a word, unless others
        // wait for them.
        let used = owned - idle.iter().filter(|index| self.slots[**index].free_at <= now).count();
        let want = if said.want == 0 { 0 } else { used + said.want as usize };
        let Pressure { part, lacked, lacking } = self.pressure(name, limit);
        let asked = owned.saturating_sub(part).min(lacked);
        let surplus = owned.saturating_sub(want);
        let others_lack = self.lacks.iter().any(|(other, lacks)| other != name && *lacks > 0);
        let surplus = if others_lack || surplus > said.want as usize { surplus } else { 0 };
        let less = surplus.max(asked).max(excess);
        let reach = if asked > excess { idle.len() } else { less + less * 3 / 4 };
        let mut given_up = self.give_up(spec, &idle, less, reach);
        given_up.drain(..beyond.min(given_up.len()));
        self.grant(name, given_up);
        let more = if less > 0 { 0 } else { want.saturating_sub(owned) };
        self.take(spec, name, now, more, lacked, lacking + 1);
        let owned = self.owned(name);
        let lacks = if said.is_busy { want.saturating_sub(owned) as u32 } else { 0 };
        self.lacks.insert(name.to_owned(), lacks);
        if owned > 0 || lacks > 0 {
            let node =
                Node { at: now, until: now + spec.lease(owned, said.elsewhere), is_busy: said.is_busy };
            self.nodes.insert(name.to_owned(), node);
        } else {
            self.nodes.remove(name);
            self.lacks.remove(name);
        }
        self.given(spec, name, now)
    }

    /// How other nodes press for slots.
    fn pressure(&self, name: &str, limit: usize) -> Pressure {
        let others = self.nodes.keys().filter(|other| *other != name);
        let others: Vec<(usize, usize)> =
            others.map(|other| (self.owned(other), self.lacks_of(other) as usize)).collect();
        let lacking = others.iter().filter(|(_, lacks)| *lacks > 0);
        let content: usize = others.iter().filter(|(_, lacks)| *lacks == 0).map(|(owned, _)| owned).sum();
        let part = limit.saturating_sub(content) / (lacking.clone().count() + 1);
        let below: Vec<usize> = lacking
            .map(|(owned, lacks)| part.saturating_sub(*owned).min(*lacks))
            .filter(|lacks| *lacks > 0)
            .collect();
        Pressure { part, lacked: below.iter().sum(), lacking: below.len() }
    }

    /// What is a node's own, without anything changed.
    pub(crate) fn given(&self, spec: Spec, name: &str, now: Millis) -> Given {
        let of = |(index, slot): (u32, &Slot)| {
            (slot.node.as_deref() == Some(name)).then_some(Own { slot: index, free_at: slot.free_at })
        };
        let used_until =
            |slot: &Slot| (slot.node.as_deref() != Some(name) && slot.free_at > now).then_some(slot.free_at);
        let others = || self.nodes.iter().filter(|(other, _)| *other != name);
        let has_more = |(other, node): &(&String, &Node)| node.is_busy || self.lacks_of(other) > 0;
        let others_busy = others().filter(has_more).count();
        let limit = self.limit(spec, now);
        let calm: usize = others().filter(|of| !has_more(of)).map(|(other, _)| self.owned(other)).sum();
        let node = self.nodes.get(name);
        Given {
            own: (0u32..).zip(&self.slots).filter_map(of).collect(),
            at: node.map_or(now, |node| node.at),
            until: node.map_or(now, |node| node.until),
            limit,
            busy: others_busy as u32 + 1,
            even: limit.saturating_sub(calm as u32) / (others_busy as u32 + 1),
            part: self.pressure(name, limit as usize).part as u32,
            is_shared: others().next().is_some(),
            lacks: self.lacks_of(name) > 0,
            left: i64::from(limit) - self.owned_by_all() as i64,
            next_word: others().map(|(_, node)| speaks_by(node.at, node.until)).min().unwrap_or(now),
            used_until: self.slots.iter().filter_map(used_until).collect(),
        }
    }

    /// What a node may write beside others without having read what they wrote: its slots that it used, and that it is still there. With it comes
    /// what has to be as it was for that to hold, its last word. `None` for a node that has not spoken yet.
    pub(crate) fn report(&self, spec: Spec, name: &str, said: &Exchange) -> Option<(Value, Value)> {
        let word = self.nodes.get(name)?;
        let mut fields = Map::new();
        for (slot, free_at) in &said.spent {
            let known = self.slots.get(*slot as usize)?;
            if known.node.as_deref() == Some(name) {
                fields.insert(slot.to_string(), json!(Slot { free_at: *free_at, node: known.node.clone() }));
            }
        }
        let until = said.now + spec.lease(self.owned(name), said.elsewhere);
        let next = Node { at: said.now, until, is_busy: said.is_busy };
        let field = format!("@{name}");
        let expected = json!({ field.as_str(): word });
        fields.insert(field, json!(next));
        Some((expected, Value::Object(fields)))
    }

    /// Whether another record says anything that matters to other nodes and is not said by this one.
    pub(crate) fn differs(&self, other: &Self, name: &str) -> bool {
        let others = |ledger: &Self| {
            let nodes = ledger.nodes.iter().filter(|(node, _)| *node != name);
            nodes.map(|(node, said)| (node.clone(), said.clone())).collect::<Vec<_>>()
        };
        let lacks = |ledger: &Self| ledger.lacks_of(name) > 0;
        self.slots != other.slots
            || self.lowered != other.lowered
            || lacks(self) != lacks(other)
            || others(self) != others(other)
    }

    /// Takes it that no other node was there after `moment`: this is the only process, and that is when it began.
    pub(crate) fn end_others(&mut self, name: &str, moment: Millis) {
        for (_, node) in self.nodes.iter_mut().filter(|(other, _)| *other != name) {
            node.until = node.until.min(moment);
        }
    }

    /// A node that said nothing for long has no slots any more. It may have used those that were free before its end, until then.
    fn end_leases(&mut self, spec: Spec, name: &str, now: Millis) {
        let is_ended = |(other, node): &(&String, &Node)| *other != name && node.until <= now;
        let ended: Vec<String> = self.nodes.iter().filter(is_ended).map(|(other, _)| other.clone()).collect();
        for other in ended {
            let Some(node) = self.nodes.remove(&other) else { continue };
            self.lacks.remove(&other);
            for slot in self.slots.iter_mut().filter(|slot| slot.node.as_ref() == Some(&other)) {
                slot.node = None;
                if slot.free_at <= node.until {
                    slot.free_at = spec.usable_until(slot.free_at, node.at, node.until)
                        + TRAVEL
                        + spec.rest()
                        + spec.skew();
                }
            }
        }
    }

    /// Lowers the limit where the platform counts more than we do.
    fn learn(&mut self, spec: Spec, name: &str, said: &Exchange) {
        let now = said.now;
        let is_used = |(index, slot): &(u32, &Slot)| match slot.node.as_deref() {
            Some(node) if node == name => slot.free_at > now || said.under_way.contains(index),
            // A busy node uses all it has; another's slots are used where it said so.
            Some(node) => self.nodes.get(node).is_some_and(|node| node.is_busy || slot.free_at > node.at),
            None => slot.free_at > now,
        };
        let used = (0u32..).zip(&self.slots).filter(is_used).count() as u32;
        let limit = self.limit(spec, now);
        let left = said.told_remaining.map(|left| used.saturating_add(left)).filter(|to| *to < limit);
        // Refused again so soon: the others are about to use more, unless it is known well what they use.
        let is_again = self
            .lowered
            .as_ref()
            .is_some_and(|lowered| now - lowered.at < spec.window / 4 && !lowered.is_proven);
        // While others have yet to give up what is beyond it, a refusal alone says nothing new.
        let less = if self.beyond(limit as usize) > 0 { 0 } else { 1 + u32::from(is_again) };
        let most = limit.saturating_sub(less);
        let refused = said.was_refused.then(|| used.min(most)).filter(|to| *to < limit);
        if let Some(to) = left.into_iter().chain(refused).min() {
            let is_proven = self.lowered.as_ref().is_some_and(|lowered| lowered.proves(limit, to));
            self.lowered = Some(Lowered { at: now, to: to.max(1), is_proven });
        } else if limit >= spec.amount {
            self.lowered = None;
        }
    }

    fn lacks_of(&self, name: &str) -> u32 {
        self.lacks.get(name).copied().unwrap_or_default()
    }

    fn owned(&self, name: &str) -> usize {
        self.slots.iter().filter(|slot| slot.node.as_deref() == Some(name)).count()
    }

    /// How many slots nodes have beyond the limit.
    fn beyond(&self, limit: usize) -> usize {
        self.owned_by_all().saturating_sub(limit)
    }

    fn owned_by_all(&self) -> usize {
        self.slots.iter().filter(|slot| slot.node.is_some()).count()
    }

    /// How many slots are used, or may be by those to whom they belong.
    fn in_use(&self, now: Millis) -> usize {
        self.slots.iter().filter(|slot| slot.node.is_some() || slot.free_at > now).count()
    }

    /// The slots of a node that no request is under way on, the first to become free first.
    fn idle(&self, name: &str, said: &Exchange) -> Vec<usize> {
        let is_idle = |index: &usize| {
            self.slots[*index].node.as_deref() == Some(name) && !said.under_way.contains(&(*index as u32))
        };
        let mut idle: Vec<usize> = (0..self.slots.len()).filter(is_idle).collect();
        idle.sort_by_key(|index| self.slots[*index].free_at);
        idle
    }

    /// Gives `surplus` of a node's idle slots up, spread over the `reach` that become free first: so whoever has them next has one soon, and so
    /// has this node.
    fn give_up(&mut self, spec: Spec, idle: &[usize], surplus: usize, reach: usize) -> Vec<usize> {
        let (surplus, reach) = (surplus.min(idle.len()), reach.min(idle.len()));
        let given_up: Vec<usize> = (0..surplus).map(|place| idle[place * reach / surplus]).collect();
        for index in &given_up {
            let slot = &mut self.slots[*index];
            slot.node = None;
            slot.free_at += spec.skew();
        }
        given_up
    }

    /// Grants slots to other nodes that lack some, to the one that has the fewest first: it finds them with its next word.
    fn grant(&mut self, name: &str, slots: Vec<usize>) {
        for index in slots {
            let lacking = self.lacks.iter().filter(|(other, lacks)| *other != name && **lacks > 0);
            let Some(other) = lacking.map(|(other, _)| other.clone()).min_by_key(|other| self.owned(other))
            else {
                return;
            };
            if let Some(lacks) = self.lacks.get_mut(&other) {
                *lacks -= 1;
            }
            self.slots[index].node = Some(other);
        }
    }

    /// Takes up to `more` slots for a node, the first to become free first, or every second or third where others lack some as well.
    fn take(&mut self, spec: Spec, name: &str, now: Millis, more: usize, lacked: usize, sharers: usize) {
        let limit = self.limit(spec, now) as usize;
        let in_use = self.in_use(now);
        let mut order: Vec<usize> =
            (0..self.slots.len()).filter(|index| self.slots[*index].node.is_none()).collect();
        order.sort_by_key(|index| self.slots[*index].free_at);
        // What others lack of their part is left to them.
        let more = more.min(order.len().saturating_sub(lacked));
        let (free, resting): (Vec<usize>, Vec<usize>) =
            order.into_iter().partition(|index| self.slots[*index].free_at <= now);
        // What is beyond the limit stays unused: free slots, and those that become free first.
        let room = free.len().min(limit.saturating_sub(in_use)).div_ceil(sharers);
        let resting = resting.into_iter().skip(in_use.saturating_sub(limit)).step_by(sharers);
        let taken: Vec<usize> = free.into_iter().take(room).chain(resting).take(more).collect();
        for index in &taken {
            self.slots[*index].node = Some(name.to_owned());
        }
    }
}
