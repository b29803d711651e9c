//! Nodes, callers, a second app and a platform that counts strictly, simulated: what holds for every seed.

use std::collections::VecDeque;

use serde_json::{Map, Value};

use super::Millis;
use super::ledger::{Exchange, Ledger, Spec};
use super::line::Lane;
use super::meter::{Meter, Step, Waits};

const SPEC: Spec = Spec { amount: 100, window: 60_000 };
const TICK: Millis = 10;

/// A repeatable source of chance (splitmix64): the same run for the same seed, whatever crates are updated.
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }

    fn between(&mut self, from: Millis, to: Millis) -> Millis {
        from + self.below((to - from) as u64) as Millis
    }
}

/// One that waits, since when.
#[derive(Debug)]
struct Call {
    lane: Lane,
    since: Millis,
}

impl Waits for Call {
    fn is_gone(&self) -> bool {
        false
    }

    fn deadline(&self) -> Millis {
        Millis::MAX
    }
}

/// The platform: no window sees more than the limit, and refused requests do not count.
#[derive(Default)]
struct Platform {
    accepted: VecDeque<Millis>,
}

impl Platform {
    fn accepts(&mut self, now: Millis) -> bool {
        while self.accepted.front().is_some_and(|first| first + SPEC.window <= now) {
            self.accepted.pop_front();
        }
        let is_free = self.accepted.len() < SPEC.amount as usize;
        if is_free {
            self.accepted.push_back(now);
        }
        is_free
    }
}

/// A request on its way.
struct Flight {
    node: usize,
    slot: u32,
    call: Call,
    arrives: Millis,
    answered: Millis,
    is_accepted: Option<bool>,
}

/// An exchange on its way.
struct Talk {
    node: usize,
    said: Exchange,
    last: Option<(u64, Ledger)>,
    is_reported: bool,
    arrives: Millis,
}

struct Node {
    name: String,
    meter: Meter<Call>,
    last: Option<(u64, Ledger)>,
    is_talking: bool,
    is_alive: bool,
    /// Until when it waits for someone before it gives back what it does not need, while nobody waits on it.
    rests_until: Option<Millis>,
    /// When it learns that another asked for slots.
    asked_at: Option<Millis>,
}

/// What happened.
#[derive(Debug, Default, Clone)]
struct Told {
    accepted: u64,
    accepted_other: u64,
    refused: u64,
    round_trips: u64,
    interactive: Vec<Millis>,
    /// The longest wait of a call on each node.
    longest: [Millis; 3],
}

/// Where those who call are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Callers {
    /// Four at each node.
    OfEachNode,
    /// Four in all, each at a node of its own choice.
    Spread,
    /// Four in all, who call the nodes by turns.
    Roaming,
}

struct World {
    chance: Chance,
    now: Millis,
    version: u64,
    ledger: Ledger,
    nodes: Vec<Node>,
    platform: Platform,
    flights: Vec<Flight>,
    talks: Vec<Talk>,
    /// The distance of the second app's requests.
    other: Option<Millis>,
    /// The next calls of streams.
    due: Vec<(Millis, usize, Lane)>,
    callers: Callers,
    turn: usize,
    told: Told,
}

impl World {
    fn new(seed: u64, nodes: usize) -> Self {
        let node = |index| Node {
            name: format!("node-{index}"),
            meter: Meter::new(SPEC),
            last: None,
            is_talking: false,
            is_alive: true,
            rests_until: None,
            asked_at: None,
        };
        Self {
            chance: Chance(seed),
            now: 1_000_000,
            version: 0,
            ledger: Ledger::read(SPEC, None, 0),
            nodes: (0..nodes).map(node).collect(),
            platform: Platform::default(),
            flights: Vec::new(),
            talks: Vec::new(),
            other: None,
            due: Vec::new(),
            callers: Callers::OfEachNode,
            turn: 0,
            told: Told::default(),
        }
    }

    /// The next of the nodes that are there.
    fn next_node(&mut self) -> usize {
        loop {
            self.turn = (self.turn + 1) % self.nodes.len();
            if self.nodes[self.turn].is_alive {
                return self.turn;
            }
        }
    }

    fn call(&mut self, node: usize, lane: Lane, caller: &str) {
        let call = Call { lane, since: self.now };
        match self.nodes[node].meter.at_once(self.now, lane) {
            Some(slot) => self.pass(node, call, slot),
            None => self.join(node, caller, call, false),
        }
    }

    fn join(&mut self, node: usize, caller: &str, call: Call, is_first: bool) {
        let node = &mut self.nodes[node];
        node.meter.join(self.now, call.lane, caller.into(), call, is_first);
        node.rests_until = None;
    }

    fn kill(&mut self, node: usize) {
        self.nodes[node].is_alive = false;
        if self.callers != Callers::OfEachNode {
            // Its callers see that it is gone, and call another.
            let flights = self.flights.iter().filter(|flight| flight.node == node);
            let mut lost: Vec<Lane> = flights.map(|flight| flight.call.lane).collect();
            let waiting = self.nodes[node].meter.standing(self.now).waiting;
            for lane in Lane::ALL {
                lost.extend(std::iter::repeat_n(lane, waiting[lane as usize]));
            }
            self.due.extend(lost.into_iter().map(|lane| (self.now, node, lane)));
        }
        self.talks.retain(|talk| talk.node != node);
    }

    /// Lets time pass; `each` is told of every call that was answered, with the node it was made on.
    fn run(&mut self, until: Millis, mut each: impl FnMut(&mut Self, usize, Lane)) {
        while self.now < until {
            self.now += TICK;
            if let Some(distance) = self.other
                && self.now % distance == 0
            {
                self.told.accepted_other += u64::from(self.platform.accepts(self.now));
            }
            for node in 0..self.nodes.len() {
                self.step(node);
            }
            self.deliver();
            for (node, lane) in self.land() {
                if self.nodes[node].is_alive {
                    each(self, node, lane);
                }
            }
        }
    }

    /// As `Budget::drive` and `Budgets::share`.
    fn step(&mut self, index: usize) {
        while self.nodes[index].is_alive && !self.nodes[index].is_talking {
            let node = &mut self.nodes[index];
            if node.asked_at.is_some_and(|at| at <= self.now) {
                node.asked_at = None;
                node.meter.look_again(self.now);
                if node.meter.is_resting() {
                    self.exchange(index, false);
                    return;
                }
            }
            match node.meter.step(self.now) {
                Step::Pass(call, slot) => self.pass(index, call, slot),
                Step::Exchange => self.exchange(index, false),
                Step::Rest if node.meter.is_shared() => match node.rests_until {
                    None => {
                        node.rests_until = Some(self.now + SPEC.window / 3);
                        return;
                    }
                    Some(until) if until <= self.now => {
                        let is_cold = node.meter.is_cold(self.now);
                        if node.meter.has_word(self.now, self.now + SPEC.window / 3) {
                            self.exchange(index, is_cold);
                        } else {
                            node.rests_until = None;
                        }
                    }
                    Some(_) => return,
                },
                Step::Wait(_) | Step::Rest => return,
            }
        }
    }

    fn pass(&mut self, index: usize, call: Call, slot: u32) {
        let wait = self.now - call.since;
        self.told.longest[index] = self.told.longest[index].max(wait);
        if call.lane == Lane::Interactive {
            self.told.interactive.push(wait);
        }
        let arrives = self.now + self.chance.between(5, 150);
        let answered = arrives + self.chance.between(5, 200);
        self.flights.push(Flight { node: index, slot, call, arrives, answered, is_accepted: None });
    }

    fn exchange(&mut self, index: usize, is_end: bool) {
        let node = &mut self.nodes[index];
        let said = node.meter.exchange(self.now, is_end);
        let arrives = self.now + self.chance.between(1, 20);
        let last = node.last.take();
        node.is_talking = true;
        node.rests_until = None;
        self.talks.push(Talk { node: index, said, last, is_reported: false, arrives });
    }

    /// As `Budget::try_exchange`.
    fn deliver(&mut self) {
        let now = self.now;
        let mut again = Vec::new();
        for mut talk in std::mem::take(&mut self.talks) {
            if talk.arrives > now {
                again.push(talk);
                continue;
            }
            self.told.round_trips += 1;
            talk.arrives = now + self.chance.between(1, 20);
            let asker = talk.node;
            let node = &mut self.nodes[asker];
            let Some((version, before)) = talk.last.take() else {
                talk.last = Some((self.version, self.ledger.clone()));
                again.push(talk);
                continue;
            };
            if !talk.is_reported && node.meter.is_shared() {
                talk.is_reported = true;
                let report = before.report(SPEC, &node.name, &talk.said);
                let merged = report.and_then(|(expected, fields)| {
                    let state = Value::Object(self.ledger.fields()).to_string();
                    merged(&state, &expected, &fields)
                });
                if let Some(state) = merged {
                    self.version += 1;
                    self.ledger = Ledger::read(SPEC, Some(&state), now);
                    talk.last = Some((self.version, self.ledger.clone()));
                }
                // What comes of it is known with the answer, at no cost.
                self.told.round_trips -= u64::from(talk.last.is_some());
                again.push(talk);
                continue;
            }
            let mut after = before.clone();
            let given = after.exchange(SPEC, &node.name, &talk.said);
            if talk.is_reported && !after.differs(&before, &node.name) {
                node.last = Some((version, before));
            } else if version == self.version {
                self.told.round_trips += u64::from(talk.is_reported);
                self.version += 1;
                self.ledger = after.clone();
                node.last = Some((self.version, after));
            } else {
                self.told.round_trips += u64::from(talk.is_reported);
                again.push(talk);
                continue;
            }
            node.meter.take(now, &talk.said, given);
            node.is_talking = false;
            if node.meter.is_to_ask(&talk.said) {
                // The others are asked, and look at it within a second.
                for index in (0..self.nodes.len()).filter(|index| *index != asker) {
                    let at = now + self.chance.between(0, 1_000);
                    self.nodes[index].asked_at.get_or_insert(at);
                }
            }
        }
        self.talks.extend(again);
    }

    fn land(&mut self) -> Vec<(usize, Lane)> {
        let mut ended = Vec::new();
        for mut flight in std::mem::take(&mut self.flights) {
            if flight.arrives <= self.now && flight.is_accepted.is_none() {
                flight.is_accepted = Some(self.platform.accepts(self.now));
            }
            if flight.answered > self.now {
                self.flights.push(flight);
                continue;
            }
            let node = &mut self.nodes[flight.node];
            if flight.is_accepted == Some(true) {
                self.told.accepted += 1;
                node.meter.used(self.now, flight.slot);
                ended.push((flight.node, flight.call.lane));
            } else {
                self.told.refused += 1;
                node.meter.refused(self.now, flight.slot, None);
                self.join(flight.node, "again", flight.call, true);
            }
        }
        ended
    }

    /// Two bulk pulls, a stream of gets and one of writes on each node.
    fn load(&mut self, minutes: Millis) -> Told {
        let nodes = self.nodes.len();
        let callers = if self.callers == Callers::OfEachNode { nodes } else { 1 };
        let new = if self.told.accepted == 0 { 0..callers } else { 0..0 };
        for node in new {
            for (number, (lane, caller)) in LOAD.into_iter().enumerate() {
                let node = if self.callers == Callers::Spread { number % nodes } else { node };
                self.call(node, lane, caller);
            }
        }
        let before = self.told.clone();
        let until = self.now + minutes * 60_000;
        while self.now < until {
            let next = (self.now + 100).min(until);
            let mut ended = Vec::new();
            self.run(next, |_, node, lane| ended.push((node, lane)));
            for (node, lane) in ended {
                let pause = match lane {
                    Lane::Background => 0,
                    Lane::Interactive => self.chance.between(1_000, 5_000) * callers as Millis,
                    Lane::Write => self.chance.between(2_000, 8_000) * callers as Millis,
                };
                self.due.push((self.now + pause, node, lane));
            }
            let due = std::mem::take(&mut self.due).into_iter();
            let (now, later): (Vec<_>, Vec<_>) = due.partition(|(at, ..)| *at <= self.now);
            self.due = later;
            for (_, node, lane) in now {
                let stays = self.callers != Callers::Roaming
                    && (self.nodes[node].is_alive || self.callers == Callers::OfEachNode);
                let node = if stays { node } else { self.next_node() };
                if self.nodes[node].is_alive {
                    self.call(node, lane, "app");
                }
            }
        }
        let mut told = self.told.clone();
        told.accepted -= before.accepted;
        told.accepted_other -= before.accepted_other;
        told.refused -= before.refused;
        told.round_trips -= before.round_trips;
        told.interactive.drain(..before.interactive.len());
        told.interactive.sort_unstable();
        told
    }
}

/// As [`super::Keeper::merge`] does it: the object `state` with `fields` put in, if those of `expected` are in it as they are there.
fn merged(state: &str, expected: &Value, fields: &Value) -> Option<String> {
    let mut record: Map<String, Value> = serde_json::from_str(state).ok()?;
    let mut expected = expected.as_object()?.iter();
    if !expected.all(|(name, value)| record.get(name) == Some(value)) {
        return None;
    }
    record.extend(fields.as_object()?.clone());
    Some(Value::Object(record).to_string())
}

const LOAD: [(Lane, &str); 4] =
    [(Lane::Background, "one"), (Lane::Background, "two"), (Lane::Interactive, "app"), (Lane::Write, "app")];

const SEEDS: u64 = 4;

/// What comes of a situation over all seeds.
struct Sum {
    told: Told,
    minutes: Millis,
}

impl Sum {
    /// `minutes` of load from what `situation` gives for a seed.
    fn of(minutes: Millis, situation: impl Fn(u64) -> World) -> Self {
        let mut told = Told::default();
        for seed in 0..SEEDS {
            let one = situation(seed).load(minutes);
            println!(
                "seed {seed}: {} accepted, {} refused, {} round trips",
                one.accepted, one.refused, one.round_trips
            );
            told.accepted += one.accepted;
            told.accepted_other += one.accepted_other;
            told.refused += one.refused;
            told.round_trips += one.round_trips;
            told.interactive.extend(one.interactive);
        }
        told.interactive.sort_unstable();
        let sum = Self { told, minutes: minutes * SEEDS as Millis };
        println!("used {:.3}, p99 {} ms", sum.used(), sum.p99());
        sum
    }

    /// Which part of what others left of the limit was used.
    fn used(&self) -> f64 {
        let limit = f64::from(SPEC.amount) * self.minutes as f64;
        self.told.accepted as f64 / (limit - self.told.accepted_other as f64)
    }

    fn p99(&self) -> Millis {
        let waits = &self.told.interactive;
        waits[waits.len() * 99 / 100]
    }
}

fn loaded(seed: u64, nodes: usize, minutes: Millis) -> World {
    let mut world = World::new(seed, nodes);
    world.load(minutes);
    world
}

#[test]
fn one_node_uses_all_of_a_limit_of_its_own_and_is_never_refused() {
    let sum = Sum::of(10, |seed| loaded(seed, 1, 1));
    assert_eq!(sum.told.refused, 0);
    assert!(sum.used() > 0.98);
    assert!(sum.p99() < 2_000);
    assert!(sum.told.round_trips * 10 <= sum.told.accepted);
}

#[test]
fn three_nodes_share_a_limit_without_a_refusal() {
    let sum = Sum::of(10, |seed| loaded(seed, 3, 2));
    assert_eq!(sum.told.refused, 0);
    assert!(sum.used() > 0.98);
    assert!(sum.p99() < 3_000);
    assert!(sum.told.round_trips * 10 <= sum.told.accepted);
}

/// Four callers at three nodes, with another app that takes a third of the limit, or none.
fn balanced(seed: u64, callers: Callers, other: Option<Millis>) -> World {
    let mut world = World::new(seed, 3);
    world.callers = callers;
    world.other = other;
    world.load(3);
    world
}

#[test]
fn callers_of_one_account_use_it_whichever_nodes_they_call() {
    for callers in [Callers::Spread, Callers::Roaming] {
        let sum = Sum::of(5, |seed| balanced(seed, callers, None));
        assert_eq!(sum.told.refused, 0);
        assert!(sum.used() > 0.94);
        assert!(sum.p99() < 3_000);
        assert!(sum.told.round_trips * 9 <= sum.told.accepted);
        let sum = Sum::of(5, |seed| {
            let mut world = balanced(seed, callers, None);
            world.kill(1);
            world
        });
        assert_eq!(sum.told.refused, 0);
        // Of what the killed one had, a use each is lost, once.
        assert!(sum.used() > 0.88);
        let sum = Sum::of(5, |seed| balanced(seed, callers, Some(1_800)));
        assert!(sum.told.refused as Millis <= 2 * sum.minutes);
        assert!(sum.used() > 0.93);
        assert!(sum.told.round_trips * 4 <= sum.told.accepted);
    }
}

#[test]
fn what_a_killed_node_had_comes_back_and_the_limit_is_kept() {
    let sum = Sum::of(10, |seed| {
        let mut world = loaded(seed, 3, 4);
        world.kill(1);
        world
    });
    assert_eq!(sum.told.refused, 0);
    // About a third of what its part gives in a minute is lost, once.
    assert!(sum.used() > 0.96);
}

#[test]
fn a_node_that_comes_back_under_a_new_name_keeps_the_limit() {
    let sum = Sum::of(4, |seed| {
        let mut world = loaded(seed, 1, 3);
        world.kill(0);
        let (ledger, platform) = (world.ledger, world.platform);
        let mut next =
            World { ledger, platform, now: world.now, version: world.version, ..World::new(seed, 1) };
        next.nodes[0].name = "node-again".into();
        next
    });
    assert_eq!(sum.told.refused, 0);
}

#[test]
fn a_second_app_is_made_room_for_and_its_part_taken_when_it_is_gone() {
    let shared = |seed: u64| {
        let mut world = World::new(seed, [1, 3][seed as usize % 2]);
        world.other = Some(1_800);
        world.load(3);
        world
    };
    let sum = Sum::of(10, shared);
    assert!(sum.used() > 0.97);
    assert!(sum.told.refused as Millis <= sum.minutes);
    let sum = Sum::of(5, |seed| {
        let mut world = shared(seed);
        world.other = None;
        world.load(10);
        world
    });
    assert!(sum.used() > 0.97);
}

#[test]
fn a_node_that_joins_late_is_let_in() {
    let mut world = World::new(7, 2);
    for (lane, caller) in LOAD {
        world.call(0, lane, caller);
    }
    let start = world.now;
    world.run(start + 300_000, |world, node, lane| world.call(node, lane, "app"));
    world.call(1, Lane::Interactive, "late");
    world.run(start + 330_000, |world, node, lane| {
        if node == 0 {
            world.call(node, lane, "app");
        }
    });
    let wait = world.told.longest[1];
    assert!((1..4_000).contains(&wait), "{wait}");
}
