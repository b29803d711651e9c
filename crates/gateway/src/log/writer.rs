//! Writing log rows: calls hand them over and go on; one task writes them in batches.

use std::sync::Mutex;
use std::time::Duration;

use store::{NewLogEntry, Store};
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};
use tokio_util::task::TaskTracker;

use crate::metrics;

/// Rows that may wait; beyond, rows are dropped and counted. A few megabytes.
const WAITING: usize = 4_096;
/// Rows written by one transaction.
const BATCH: usize = 512;
/// How long a row may wait for others.
const GATHER: Duration = Duration::from_millis(25);
/// How often a batch is tried before it is dropped, and how long after.
const TRIES: u32 = 5;
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Where rows are handed over.
pub(crate) struct Writer(Mutex<Option<Sender<NewLogEntry>>>);

impl Writer {
    pub(crate) fn start(store: Store, tasks: &TaskTracker) -> Self {
        let (sender, receiver) = channel(WAITING);
        tasks.spawn(write(store, receiver));
        Self(Mutex::new(Some(sender)))
    }

    /// Hands a row over; never waits.
    pub(crate) fn hand_over(&self, row: NewLogEntry) {
        let Ok(sender) = self.0.lock() else { return };
        let dropped = match sender.as_ref() {
            None => "closed",
            Some(sender) => match sender.try_send(row) {
                Ok(()) => return,
                Err(TrySendError::Full(_)) => "full",
                Err(TrySendError::Closed(_)) => "closed",
            },
        };
        metrics::log_rows_dropped(1, dropped);
    }

    /// Takes no more rows; the task ends when those that wait are written.
    pub(crate) fn close(&self) {
        if let Ok(mut sender) = self.0.lock() {
            *sender = None;
        }
    }
}

async fn write(store: Store, mut rows: Receiver<NewLogEntry>) {
    let mut batch = Vec::with_capacity(BATCH);
    while rows.recv_many(&mut batch, BATCH).await > 0 {
        if batch.len() < BATCH && !rows.is_closed() {
            tokio::time::sleep(GATHER).await;
            while batch.len() < BATCH
                && let Ok(row) = rows.try_recv()
            {
                batch.push(row);
            }
        }
        insert(&store, &batch).await;
        batch.clear();
    }
}

async fn insert(store: &Store, batch: &[NewLogEntry]) {
    for attempt in 1..=TRIES {
        match store.insert_logs(batch).await {
            Ok(()) => return metrics::log_rows_written(batch.len()),
            Err(error) if attempt == TRIES => {
                metrics::log_rows_dropped(batch.len(), "failed");
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    rows = batch.len(),
                    "log rows could not be written"
                );
            }
            Err(_) => tokio::time::sleep(RETRY_AFTER * attempt).await,
        }
    }
}
