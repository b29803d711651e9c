//! Background work: forgetting what was changed elsewhere, deleting what has ended.

use std::sync::Weak;
use std::time::Duration;

use store::{Change, ChangeKind, StoreError};

use crate::gateway::Inner;

/// How often what has ended is swept.
const SWEEP: Duration = Duration::from_secs(600);
/// No limit has a longer window.
const LIMITS: Duration = Duration::from_secs(2 * 24 * 60 * 60);

/// Asks again and again what changed after `head` and forgets it.
pub(crate) async fn watch(gateway: Weak<Inner>, mut head: i64) {
    let mut failing = false;
    while let Some(inner) = gateway.upgrade() {
        match inner.parts.store.changes_since(head).await {
            Ok(changes) => {
                failing = false;
                head = changes.head;
                match changes.changed {
                    Some(changed) => {
                        for change in &changed {
                            inner.forget(change).await;
                        }
                    }
                    None => inner.forget_all().await,
                }
            }
            // What is at hand stays in use: the platform can still be reached. One line, not one a second.
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "can't ask the database what changed"
                );
            }
            Err(_) => {}
        }
        let interval = inner.parts.settings.change_interval;
        drop(inner);
        tokio::time::sleep(interval).await;
    }
}

/// Deletes ended account tokens and keys of writes, and old log rows from time to time.
pub(crate) async fn sweep(gateway: Weak<Inner>) {
    while let Some(inner) = gateway.upgrade() {
        if let Err(error) = sweep_once(&inner).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "can't sweep what has ended");
        }
        drop(inner);
        tokio::time::sleep(SWEEP).await;
    }
}

async fn sweep_once(inner: &Inner) -> Result<(), StoreError> {
    let now = inner.parts.clock.now();
    let tokens = inner.parts.store.sweep_account_tokens(now).await?;
    let keys = inner.parts.store.sweep_idempotency_keys(now).await?;
    inner.budgets.sweep();
    let budgets = inner.parts.store.sweep_budgets(now.saturating_sub(LIMITS).unwrap_or(now)).await?;
    let oldest = now.saturating_sub(inner.parts.settings.log_retention);
    let rows = inner.parts.store.delete_logs(oldest.unwrap_or(now)).await?;
    tracing::debug!(tokens, keys, budgets, rows, "swept what has ended");
    Ok(())
}

impl Inner {
    async fn forget(&self, change: &Change) {
        match change.kind {
            ChangeKind::ApiToken => self.callers.forget(&change.key).await,
            ChangeKind::IntegratedAccount => self.at_hand.forget_account(&change.key).await,
            ChangeKind::EnvironmentIntegration => self.at_hand.forget_installed(&change.key).await,
            ChangeKind::Budget => self.budgets.share(&change.key).await,
            ChangeKind::MapOverride => self.at_hand.forget_environment(&change.key).await,
            // Accounts are kept sealed, whatever key sealed them.
            ChangeKind::DataKey => {}
            _ => self.forget_all().await,
        }
    }

    async fn forget_all(&self) {
        self.callers.forget_all().await;
        self.at_hand.forget_all().await;
    }
}
