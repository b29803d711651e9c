//! The body of a request, and a watch over its way out.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::time::Instant;

/// What is sent with a request.
#[derive(Default)]
pub enum Body {
    /// Nothing beyond what the planned request holds.
    #[default]
    Empty,
    /// A body at hand; its length is announced.
    Bytes(Bytes),
    /// A body that is passed on as it comes in. An error in it gives the request up.
    Stream(BoxStream<'static, io::Result<Bytes>>),
}

impl Body {
    /// A body from any stream of chunks.
    pub fn stream(chunks: impl futures_util::Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        Self::Stream(chunks.boxed())
    }
}

/// What is known of a body's way out.
#[derive(Clone)]
pub(crate) struct Progress(Arc<Mutex<State>>);

struct State {
    latest: Instant,
    failed: bool,
}

impl Progress {
    pub(crate) fn start() -> Self {
        Self(Arc::new(Mutex::new(State { latest: Instant::now(), failed: false })))
    }

    /// When the latest chunk was handed over; the start, if there was none.
    pub(crate) fn latest(&self) -> Instant {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).latest
    }

    /// Whether the body itself broke off.
    pub(crate) fn failed(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).failed
    }

    fn note(&self, failed: bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.latest = Instant::now();
        state.failed |= failed;
    }

    /// `body` for the client, watched.
    pub(crate) fn watch(&self, body: Body, planned: Option<Bytes>) -> Option<reqwest::Body> {
        match body {
            Body::Empty => planned.map(reqwest::Body::from),
            Body::Bytes(bytes) => Some(bytes.into()),
            Body::Stream(chunks) => {
                let progress = self.clone();
                Some(reqwest::Body::wrap_stream(chunks.inspect(move |chunk| progress.note(chunk.is_err()))))
            }
        }
    }
}
