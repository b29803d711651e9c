//! Background work: forgetting what was changed elsewhere, deleting what has ended.

use std::sync::Weak;
use std::time::Duration;

use store::{Change, ChangeKind};

use crate::events;
use crate::gateway::Inner;
use crate::{Error, Gateway};

/// How often what has ended is swept.
const SWEEP: Duration = Duration::from_secs(600);
/// Connecting makes a few calls, none of which waits for longer than ten minutes.
const CONNECTING: Duration = Duration::from_secs(60 * 60);
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

/// Deletes what has ended from time to time: tokens, keys of writes, old log rows and events, accounts that never came to be.
pub(crate) async fn sweep(gateway: Weak<Inner>) {
    while let Some(inner) = gateway.upgrade() {
        let gateway = Gateway(inner);
        if let Err(error) = sweep_once(&gateway).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "can't sweep what has ended");
        }
        drop(gateway);
        tokio::time::sleep(SWEEP).await;
    }
}

async fn sweep_once(gateway: &Gateway) -> Result<(), Error> {
    let inner = &gateway.0;
    let now = inner.parts.clock.now();
    let (store, settings) = (&inner.parts.store, &inner.parts.settings);
    let before = |span| now.saturating_sub(span).unwrap_or(now);
    let tokens = store.sweep_account_tokens(now).await? + store.sweep_link_tokens(now).await?;
    let keys = store.sweep_idempotency_keys(now).await?;
    let states = store.sweep_oauth_states(now).await?;
    inner.budgets.sweep();
    let budgets = store.sweep_budgets(before(LIMITS)).await?;
    let rows = store.delete_logs(before(settings.log_retention)).await?;
    let abandoned = gateway.give_up_abandoned(before(CONNECTING)).await?;
    let never_active = before(settings.never_active_retention);
    let accounts = store.sweep_integrated_accounts(never_active, events::of_deleted_account).await?;
    let events = store.delete_events(before(settings.event_retention)).await?;
    tracing::debug!(tokens, keys, states, budgets, rows, abandoned, accounts, events, "swept what has ended");
    Ok(())
}

impl Inner {
    async fn forget(&self, change: &Change) {
        match change.kind {
            ChangeKind::ApiToken => self.callers.forget(&change.key).await,
            ChangeKind::IntegratedAccount => self.at_hand.forget_account(&change.key).await,
            ChangeKind::EnvironmentIntegration => self.at_hand.forget_installed(&change.key).await,
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
