//! The gateway: its parts, its start and its end.

use std::sync::Arc;
use std::time::Duration;

use integration::Catalog;
use store::{Clock, Store};
use upstream::Upstream;

use crate::Error;

/// What the gateway is made of.
#[derive(Clone)]
pub struct Parts {
    /// Everything that is kept.
    pub store: Store,
    /// The integrations.
    pub catalog: Arc<Catalog>,
    /// The way out.
    pub upstream: Upstream,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
    /// What may be set.
    pub settings: Settings,
}

/// What an operator may set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// How often this node asks what others changed.
    pub change_interval: Duration,
    /// How long log rows are kept.
    pub log_retention: Duration,
}

impl Default for Settings {
    /// Once a second; 31 days.
    fn default() -> Self {
        Self {
            change_interval: Duration::from_secs(1),
            log_retention: Duration::from_secs(31 * 24 * 60 * 60),
        }
    }
}

/// The gateway. Cheap to clone; clones are the same gateway.
#[derive(Clone)]
pub struct Gateway(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) parts: Parts,
}

impl Gateway {
    /// Starts the gateway with its background work: writing logs, forgetting what other nodes changed, sweeping what has
    /// ended.
    pub async fn start(parts: Parts) -> Result<Self, Error> {
        let _ = parts.store.change_head().await?;
        Ok(Self(Arc::new(Inner { parts })))
    }

    /// Ends the background work; log rows that wait are written first.
    pub async fn shutdown(&self) {
        todo!()
    }

    /// Whether calls can be served: whether the database answers.
    pub async fn ready(&self) -> Result<(), Error> {
        Ok(self.0.parts.store.ping().await?)
    }
}
