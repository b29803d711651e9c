//! Batch requests: many calls of one account in one, where a node's calls are made of the records of others (facts, Truto 4.3).
//!
//! The request is checked whole (`plan`) before anything is sent. Then each node runs as soon as the nodes that it depends on are done
//! (`run`): once for each of their records (`turns`), with placeholders filled from them (`scope`). Each call is one of `/unified`
//! or `/proxy` (`ask`) and leaves its own row in the log.

mod ask;
mod budget;
mod plan;
mod request;
mod run;
mod scope;
mod turns;

use std::sync::Arc;

use serde_json::value::RawValue;

pub use request::{BatchRequest, Names, Node, Recurse, RecurseConfig, TransformConfig};

use crate::log::Record;
use crate::{Caller, Error, Gateway};

/// What became of a batch.
#[derive(Debug)]
pub struct Batch {
    /// Its nodes, in the order of the request.
    pub nodes: Vec<BatchNode>,
}

/// What became of a node.
#[derive(Debug)]
pub struct BatchNode {
    /// Its name.
    pub name: String,
    /// Its records; `None` when they are not wanted back.
    pub records: Option<Vec<Arc<RawValue>>>,
    /// What failed.
    pub errors: Vec<BatchError>,
}

/// A call of a node that failed.
#[derive(Debug)]
pub struct BatchError {
    /// Which of the node's calls it was, from 0: the number of the record that it was made for.
    pub index: usize,
    /// The id that it named.
    pub id: Option<String>,
    /// Why.
    pub error: Arc<Error>,
}

impl Gateway {
    /// Does a batch. What is wrong with the request itself is refused before anything is sent; what fails later is told beside the
    /// records that came.
    pub async fn batch(&self, caller: &Caller, request: BatchRequest) -> Result<Batch, Error> {
        let record = Record::start(self, "batch", caller, "batch-request", "create");
        let outcome = Box::pin(self.do_batch(caller, request, &record)).await;
        record.finish(outcome.as_ref().map(|batch| (200, Some(batch.count()))));
        outcome
    }

    async fn do_batch(
        &self,
        caller: &Caller,
        request: BatchRequest,
        record: &Record,
    ) -> Result<Batch, Error> {
        caller.environment()?;
        let connected = self.connected(caller, Some(&request.integrated_account_id)).await?;
        record.about(&connected.logged);
        let plan = plan::Plan::check(self, &connected, request)?;
        let run = run::Run::new(self, caller, &connected.account.id, &plan);
        let terms = record.terms().until(run.budget.deadline());
        Ok(terms.during(run.finish()).await)
    }
}

impl Batch {
    /// How many records are given back.
    fn count(&self) -> u64 {
        self.nodes.iter().filter_map(|node| node.records.as_ref()).map(|records| records.len() as u64).sum()
    }
}
