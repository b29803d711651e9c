//! What one call has sent of writes. It tells whether a key may be used again, and bars writes where a call may only look.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Error;

tokio::task_local! {
    /// Set by who runs a whole call, read where its record begins: use cases need not hand it on.
    static CURRENT: Writes;
}

/// The writes of one call. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Writes(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Those that were or may have been applied.
    open: AtomicUsize,
    /// Whether an earlier call may have written already, so that this one may only find out.
    finding_out: bool,
}

impl Writes {
    /// Of a call that may write, or may only find out what an earlier one wrote.
    pub(crate) fn new(finding_out: bool) -> Self {
        Self(Arc::new(State { open: AtomicUsize::new(0), finding_out }))
    }

    /// Those of the call that runs now; its own where nobody asked.
    pub(crate) fn current() -> Self {
        CURRENT.try_with(Clone::clone).unwrap_or_default()
    }

    /// Runs a call with these as its own.
    pub(crate) async fn during<F: Future>(&self, call: F) -> F::Output {
        CURRENT.scope(self.clone(), call).await
    }

    /// Before each write that is sent. [`Error::NotSentAgain`] where this call may only look.
    pub(crate) fn begin(&self) -> Result<(), Error> {
        if self.0.finding_out {
            return Err(Error::NotSentAgain);
        }
        self.0.open.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// One that was begun is proven not to be applied.
    pub(crate) fn was_not_applied(&self) {
        // Never below nothing: where a call may only look, none was begun.
        let _ = self.0.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| open.checked_sub(1));
    }

    /// Whether any was, or may have been, applied.
    pub(crate) fn are_open(&self) -> bool {
        self.0.open.load(Ordering::Relaxed) > 0
    }
}
