//! Running a checked batch: each node as soon as those that it depends on are done, a few calls at a time.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_lc_rs::digest;
use expression::Expression;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered, StreamExt as _};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::ask::Ask;
use super::budget::{Budget, MAX_CALLS, MAX_DEPTH, spent};
use super::plan::{Loop, Plan, Request, Work};
use super::scope::{self, Seen};
use super::turns::{Lineage, Row, combinations};
use super::{Batch, BatchError, BatchNode};
use crate::{Caller, Error, Gateway};

/// So many calls of a batch are made at the same time.
const AT_ONCE: usize = 4;

/// A batch while it runs.
pub(super) struct Run<'a> {
    pub gateway: &'a Gateway,
    pub caller: &'a Caller,
    pub account_id: &'a str,
    plan: &'a Plan,
    pub budget: Budget,
    pub calls: Semaphore,
    /// What became of each node.
    done: Vec<OnceLock<Done>>,
}

/// What became of a node.
#[derive(Debug, Default)]
struct Done {
    rows: Vec<Row>,
    errors: Vec<BatchError>,
}

/// One call that a node is to make.
struct Turn {
    from: Lineage,
    /// The item of the list that is looped over.
    item: Option<Value>,
}

/// What became of a turn.
#[derive(Default)]
struct Turned {
    records: Vec<Arc<RawValue>>,
    /// An earlier turn asked the very same: what became of that is what became of this one.
    same_as: Option<usize>,
    errors: Vec<(Option<String>, Arc<Error>)>,
}

impl Turned {
    fn fail(&mut self, id: Option<&String>, error: Error) {
        self.errors.push((id.cloned(), Arc::new(error)));
    }
}

/// What the turns of a node asked, by digest, and which was the first to do so.
type Asked = Mutex<HashMap<Vec<u8>, usize>>;

impl<'a> Run<'a> {
    pub(super) fn new(gateway: &'a Gateway, caller: &'a Caller, account_id: &'a str, plan: &'a Plan) -> Self {
        let done = plan.nodes.iter().map(|_| OnceLock::new()).collect();
        let calls = Semaphore::new(AT_ONCE);
        Self { gateway, caller, account_id, plan, budget: Budget::new(), calls, done }
    }

    /// Runs all nodes.
    pub(super) async fn finish(self) -> Batch {
        self.run().await;
        let Self { plan, done, .. } = self;
        let nodes = plan.nodes.iter().zip(done).map(|(node, done)| {
            let Done { rows, errors } = done.into_inner().unwrap_or_default();
            let records = node.is_wanted.then(|| rows.into_iter().map(|row| row.text).collect());
            BatchNode { name: node.key.name.clone(), records, errors }
        });
        Batch { nodes: nodes.collect() }
    }

    async fn run(&self) {
        let mut waiting: Vec<usize> = (0..self.plan.nodes.len()).collect();
        let mut running: FuturesUnordered<BoxFuture<'_, ()>> = FuturesUnordered::new();
        loop {
            let is_ready = |node: &usize| {
                self.plan.nodes[*node].depends_on.iter().all(|other| self.done[*other].get().is_some())
            };
            let (ready, rest) = waiting.into_iter().partition::<Vec<usize>, _>(is_ready);
            waiting = rest;
            running.extend(ready.into_iter().map(|node| self.node(node).boxed()));
            if running.next().await.is_none() {
                return;
            }
        }
    }

    async fn node(&self, at: usize) {
        let done = match &self.plan.nodes[at].work {
            Work::Request(request) => self.request(at, request).await,
            Work::Transform(expression) => self.transform(at, expression).await,
            Work::Spool => self.spool(at),
        };
        // Each node runs once.
        let _ = self.done[at].set(done);
    }

    fn rows(&self, node: usize) -> &[Row] {
        self.done[node].get().map_or(&[], |done| &done.rows)
    }

    async fn request(&self, at: usize, request: &Request) -> Done {
        let node = &self.plan.nodes[at];
        let (lineages, mut is_cut) = combinations(&node.depends_on, |other| self.rows(other), MAX_CALLS);
        let mut turns = Vec::new();
        for from in lineages {
            match self.items(request, &from) {
                Ok(None) => turns.push(Ok(Turn { from, item: None })),
                Ok(Some(items)) => {
                    let of = |item| Ok(Turn { from: from.clone(), item: Some(item) });
                    turns.extend(items.into_iter().map(of));
                }
                Err(error) => turns.push(Err(error)),
            }
            if turns.len() > MAX_CALLS {
                turns.truncate(MAX_CALLS);
                is_cut = true;
                break;
            }
        }
        let asked = Asked::default();
        let lineages: Vec<Lineage> = turns
            .iter()
            .map(|turn| turn.as_ref().map_or_else(|_| Lineage::new(), |turn| turn.from.clone()))
            .collect();
        let running: Vec<BoxFuture<'_, Turned>> = turns
            .into_iter()
            .enumerate()
            .map(|(index, turn)| self.turn(at, request, index, turn, &asked).boxed())
            .collect();
        let turned: Vec<Turned> = stream::iter(running).buffered(AT_ONCE).collect().await;
        self.put_together(turned, lineages, is_cut)
    }

    /// The rows and errors of a node's turns, in their order.
    fn put_together(&self, turned: Vec<Turned>, lineages: Vec<Lineage>, is_cut: bool) -> Done {
        let mut done = Done::default();
        for (index, from) in lineages.into_iter().enumerate() {
            let Turned { records, errors, same_as } = &turned[index];
            let (records, errors) = match same_as {
                None => (records, errors),
                Some(first) => (&turned[*first].records, &turned[*first].errors),
            };
            let of = |(id, error): &(Option<String>, Arc<Error>)| BatchError {
                index,
                id: id.clone(),
                error: Arc::clone(error),
            };
            done.errors.extend(errors.iter().map(of));
            for text in records {
                if same_as.is_some()
                    && let Err(error) = self.budget.record(text.get().len())
                {
                    done.errors.push(BatchError { index, id: None, error: Arc::new(error) });
                    break;
                }
                done.rows.push(Row { text: Arc::clone(text), from: from.clone() });
            }
        }
        if is_cut {
            let error = spent("calls", MAX_CALLS, "this call of the node and those after it were not made");
            done.errors.push(BatchError { index: MAX_CALLS, id: None, error: Arc::new(error) });
        }
        done
    }

    /// The items that are looped over; `None` where there is no loop.
    fn items(&self, request: &Request, from: &Lineage) -> Result<Option<Vec<Value>>, Error> {
        let (value, steps) = match &request.loop_on {
            None => return Ok(None),
            Some(Loop::Args(steps)) => (self.plan.args.clone(), steps),
            Some(Loop::Record(node, steps)) => (self.record(*node, from)?, steps),
        };
        match scope::at(&value, steps) {
            None | Some(Value::Null) => Ok(Some(Vec::new())),
            Some(Value::Array(items)) => Ok(Some(items.clone())),
            Some(_) => {
                Err(Error::bad_request(format!("loop_on: {} is no list in this record", steps.join("."))))
            }
        }
    }

    /// The record of a node that a call is made for.
    fn record(&self, node: usize, from: &Lineage) -> Result<Value, Error> {
        let row = from.get(&node).and_then(|row| self.rows(node).get(*row));
        row.map_or(Ok(Value::Null), |row| read(&row.text))
    }

    /// What a turn's placeholders see.
    fn seen(&self, request: &Request, turn: &Turn) -> Result<Seen, Error> {
        let mut args = self.plan.args.clone();
        let mut values = Vec::new();
        for &node in &request.needs {
            let mut value = self.record(node, &turn.from)?;
            if let (Some(Loop::Record(looped, steps)), Some(item)) = (&request.loop_on, &turn.item)
                && *looped == node
            {
                match steps.is_empty() {
                    true => value = item.clone(),
                    false => scope::replace(&mut value, steps, item.clone()),
                }
            }
            values.push((&self.plan.nodes[node].key, value));
        }
        if let (Some(Loop::Args(steps)), Some(item)) = (&request.loop_on, &turn.item) {
            scope::replace(&mut args, steps, item.clone());
        }
        Ok(Seen { args, resources: scope::resources(values) })
    }

    async fn turn(
        &self,
        at: usize,
        request: &Request,
        index: usize,
        turn: Result<Turn, Error>,
        asked: &Asked,
    ) -> Turned {
        let mut turned = Turned::default();
        let filled = turn.and_then(|turn| {
            let seen = self.seen(request, &turn)?;
            Ok((Ask::fill(request, &seen)?, seen))
        });
        let (ask, seen) = match filled {
            Ok(filled) => filled,
            Err(error) => {
                turned.fail(None, error);
                return turned;
            }
        };
        if request.is_read {
            let digest = digest::digest(&digest::SHA256, ask.written().as_bytes()).as_ref().to_vec();
            let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
            match asked.entry(digest) {
                Entry::Occupied(first) => {
                    turned.same_as = Some(*first.get());
                    return turned;
                }
                Entry::Vacant(free) => {
                    free.insert(index);
                }
            }
        }
        let given = self.ask(request, &ask).await;
        turned.records = given.records;
        if let Some(error) = given.error {
            turned.fail(ask.id.as_ref(), error);
        }
        if request.recurse.is_some() {
            self.recurse(at, request, &ask, &seen, &mut turned).await;
        }
        turned
    }

    /// Makes the call again for the records that ask for it, and for those that come of that, level by level.
    async fn recurse(&self, at: usize, request: &Request, ask: &Ask, seen: &Seen, turned: &mut Turned) {
        let Some(repeat) = &request.recurse else { return };
        let mut level: Vec<(Ask, Arc<RawValue>)> =
            turned.records.iter().map(|record| (ask.clone(), Arc::clone(record))).collect();
        for depth in 1.. {
            let mut next = Vec::new();
            for (ask, record) in level {
                let again = || -> Result<Option<Ask>, Error> {
                    let seen = seen.with(&self.plan.nodes[at].key, read(&record)?);
                    let holds =
                        repeat.condition.as_ref().map_or(Ok(true), |part| part.holds("recurse.if", &seen))?;
                    match holds {
                        false => Ok(None),
                        true if depth > MAX_DEPTH => {
                            Err(spent("levels of recurse", MAX_DEPTH, "the call below was not made"))
                        }
                        true => ask.again(repeat.id.as_ref(), repeat.query.as_ref(), &seen).map(Some),
                    }
                };
                let again = match again() {
                    Ok(Some(again)) => again,
                    Ok(None) => continue,
                    Err(error) => {
                        turned.fail(None, error);
                        continue;
                    }
                };
                let given = self.ask(request, &again).await;
                if let Some(error) = given.error {
                    turned.fail(again.id.as_ref(), error);
                }
                for record in given.records {
                    turned.records.push(Arc::clone(&record));
                    next.push((again.clone(), record));
                }
            }
            if next.is_empty() {
                return;
            }
            level = next;
        }
    }

    async fn transform(&self, at: usize, expression: &Expression) -> Done {
        match self.transformed(at, expression).await {
            Ok(rows) => Done { rows, errors: Vec::new() },
            Err(error) => Done {
                rows: Vec::new(),
                errors: vec![BatchError { index: 0, id: None, error: Arc::new(error) }],
            },
        }
    }

    async fn transformed(&self, at: usize, expression: &Expression) -> Result<Vec<Row>, Error> {
        let mut values = Vec::new();
        for &node in &self.plan.nodes[at].sees {
            let records = self.rows(node).iter().map(|row| read(&row.text)).collect::<Result<Value, _>>()?;
            values.push((&self.plan.nodes[node].key, records));
        }
        let input = json!({"args": self.plan.args, "resources": scope::resources(values)});
        let expression = expression.clone();
        // It may compute for as long as a second.
        let computed = tokio::task::spawn_blocking(move || expression.evaluate(&input, &[]));
        let computed = computed.await.map_err(|error| Error::Internal(Box::new(error)))?;
        let computed = computed.map_err(|error| Error::bad_request(format!("config.expression: {error}")))?;
        let records = match computed {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(items)) => items,
            Some(one) => vec![one],
        };
        let rows = records.into_iter().map(|record| {
            let text = RawValue::from_string(record.to_string())
                .map_err(|error| Error::Internal(Box::new(error)))?;
            self.budget.record(text.get().len())?;
            Ok(Row { text: text.into(), from: Lineage::new() })
        });
        rows.collect()
    }

    /// The records of all that it depends on.
    fn spool(&self, at: usize) -> Done {
        let nodes = self.plan.nodes[at].depends_on.iter();
        let rows = nodes.flat_map(|node| self.rows(*node));
        let mut done = Done::default();
        for row in rows {
            if let Err(error) = self.budget.record(row.text.get().len()) {
                done.errors.push(BatchError { index: 0, id: None, error: Arc::new(error) });
                break;
            }
            done.rows.push(Row { text: Arc::clone(&row.text), from: Lineage::new() });
        }
        done
    }
}

fn read(record: &RawValue) -> Result<Value, Error> {
    serde_json::from_str(record.get()).map_err(|error| Error::Internal(Box::new(error)))
}
