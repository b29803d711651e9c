//! A round of a node's talk with the others: about many limits at once, in one round trip for each step of it.
//!
//! Of a limit that others use too a node first says what is its own, and sees what they said by the answer; what follows from both it
//! writes over that. Where nobody else uses it, what it wrote last still holds, and the first of the two steps falls away.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::Millis;
use super::keeper::{Kept, Merge, Write};
use super::ledger::{Exchange, Given, Ledger, Spec};

/// So often a record that others change meanwhile is tried again.
const TRIES: u32 = 8;

/// A record and its version, as this node wrote or read it last.
pub(crate) type Last = (i64, Ledger);

/// The node that speaks.
#[derive(Debug, Clone)]
pub(crate) struct Speaker {
    pub(crate) name: String,
    /// When this process began, where no other uses the records: what others left is over since.
    pub(crate) alone_since: Option<Millis>,
}

/// What to ask the database next.
#[derive(Debug, PartialEq)]
pub(crate) enum Trip {
    Read(Vec<String>),
    Merge(Vec<Merge>),
    Write(Vec<Write>),
}

/// What is said about each limit, and how far it got.
#[derive(Debug)]
pub(crate) struct Round {
    speaker: Speaker,
    talks: Vec<Talk>,
}

/// What is said about one limit.
#[derive(Debug)]
struct Talk {
    key: String,
    spec: Spec,
    said: Exchange,
    tries: u32,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    Read,
    Merge(Merge),
    /// To be written over the version that was read.
    Write(Last, Given),
    Done(Last, Given),
    /// Others change it all the time.
    Failed,
}

impl Round {
    pub(crate) fn new(speaker: Speaker) -> Self {
        Self { speaker, talks: Vec::new() }
    }

    /// Adds a limit: with what this node knows of it, where it knows something, and whether others use it as far as it knows.
    pub(crate) fn about(
        &mut self,
        key: String,
        spec: Spec,
        said: Exchange,
        last: Option<Last>,
        is_shared: bool,
    ) {
        let mut talk = Talk { key, spec, said, tries: 0, stage: Stage::Read };
        match last {
            None => {}
            Some(last) if !is_shared => talk.exchange(&self.speaker, last, false),
            Some((_, ledger)) => {
                if let Some((expected, fields)) = ledger.report(spec, &self.speaker.name, &talk.said) {
                    talk.stage = Stage::Merge(Merge { key: talk.key.clone(), expected, fields });
                }
            }
        }
        self.talks.push(talk);
    }

    /// What to ask the database next; nothing once the round is over.
    pub(crate) fn next(&self) -> Option<Trip> {
        let (mut reads, mut merges, mut writes) = (Vec::new(), Vec::new(), Vec::new());
        for talk in &self.talks {
            match &talk.stage {
                Stage::Read => reads.push(talk.key.clone()),
                Stage::Merge(merge) => merges.push(merge.clone()),
                Stage::Write((over, ledger), _) => {
                    let state = Value::Object(ledger.fields());
                    writes.push(Write { key: talk.key.clone(), over: *over, state });
                }
                Stage::Done(..) | Stage::Failed => {}
            }
        }
        if !reads.is_empty() {
            return Some(Trip::Read(reads));
        }
        if !merges.is_empty() {
            return Some(Trip::Merge(merges));
        }
        (!writes.is_empty()).then_some(Trip::Write(writes))
    }

    /// What [`Trip::Read`] gave.
    pub(crate) fn read(&mut self, kept: Vec<Kept>) {
        let mut kept = by_key(kept);
        for talk in self.talks.iter_mut().filter(|talk| matches!(talk.stage, Stage::Read)) {
            let kept = kept.remove(&talk.key);
            let version = kept.as_ref().map_or(0, |kept| kept.version);
            let ledger = Ledger::read(talk.spec, kept.as_ref().map(|kept| &*kept.state), talk.said.now);
            talk.exchange(&self.speaker, (version, ledger), false);
        }
    }

    /// What [`Trip::Merge`] gave.
    pub(crate) fn merged(&mut self, kept: Vec<Kept>) {
        let mut kept = by_key(kept);
        for talk in self.talks.iter_mut().filter(|talk| matches!(talk.stage, Stage::Merge(_))) {
            if let Some(kept) = kept.remove(&talk.key) {
                let ledger = Ledger::read(talk.spec, Some(&kept.state), talk.said.now);
                talk.exchange(&self.speaker, (kept.version, ledger), true);
            } else {
                // The others took this node for gone.
                talk.stage = Stage::Read;
            }
        }
    }

    /// The keys that [`Trip::Write`] gave.
    pub(crate) fn written(&mut self, keys: Vec<String>) {
        let keys: HashSet<String> = keys.into_iter().collect();
        for talk in &mut self.talks {
            talk.stage = match std::mem::replace(&mut talk.stage, Stage::Failed) {
                Stage::Write((over, ledger), given) if keys.contains(&talk.key) => {
                    Stage::Done((over + 1, ledger), given)
                }
                Stage::Write(..) if talk.tries < TRIES => Stage::Read,
                Stage::Write(..) => Stage::Failed,
                other => other,
            };
        }
    }

    /// What was said about each limit, and what came of it: `None` where it came to nothing.
    pub(crate) fn end(self) -> impl Iterator<Item = (Exchange, Option<(Last, Given)>)> {
        self.talks.into_iter().map(|talk| match talk.stage {
            Stage::Done(last, given) => (talk.said, Some((last, given))),
            _ => (talk.said, None),
        })
    }
}

impl Talk {
    /// Says and takes over a record as it is; `is_reported` when what was said is in it already.
    fn exchange(&mut self, speaker: &Speaker, (version, mut ledger): Last, is_reported: bool) {
        self.tries += 1;
        let before = is_reported.then(|| ledger.clone());
        if let Some(since) = speaker.alone_since {
            ledger.end_others(&speaker.name, since);
        }
        let given = ledger.exchange(self.spec, &speaker.name, &self.said);
        self.stage = match before {
            Some(before) if !ledger.differs(&before, &speaker.name) => Stage::Done((version, before), given),
            _ => Stage::Write((version, ledger), given),
        };
    }
}

fn by_key(kept: Vec<Kept>) -> HashMap<String, Kept> {
    kept.into_iter().map(|kept| (kept.key.clone(), kept)).collect()
}
