//! What calls tell about an account: credentials that are refused, permissions that lack, and that all is well again.
//!
//! A call that goes through writes nothing unless the account's record says otherwise. Only `active` becomes `needs_reauth` and only
//! `needs_reauth` becomes `active` by calls; the other statuses belong to connecting (facts, Truto 8.3).

use integration::{RemoteError, RemoteErrorKind};
use serde_json::{Value, json};
use store::{AccountPatch, AccountStatus, IntegratedAccount, StoreError};

use crate::accounts::{Problem, advice, has_same_credentials};
use crate::events;
use crate::resolve::Connected;
use crate::{Gateway, time};

impl Gateway {
    /// Notes that a call went through.
    pub(crate) async fn went_through(&self, connected: &Connected, resource: &str, method: &str) {
        let account = &connected.account;
        let needs_reauth = account.status == AccountStatus::NeedsReauth;
        if !needs_reauth && !is_about(account.last_forbidden_error.as_ref(), resource, method) {
            return;
        }
        Box::pin(self.change_state(connected, |account| {
            let mut patch = AccountPatch::default();
            if account.status == AccountStatus::NeedsReauth {
                patch.status = Some(AccountStatus::Active);
                patch.last_error = Some(None);
            }
            if is_about(account.last_forbidden_error.as_ref(), resource, method) {
                patch.last_forbidden_error = Some(None);
            }
            patch
        }))
        .await;
    }

    /// Notes that the platform refused a call, when that says something about the account.
    pub(crate) async fn was_refused(
        &self,
        connected: &Connected,
        resource: &str,
        method: &str,
        error: &RemoteError,
    ) {
        let account = &connected.account;
        let now = time::text(self.0.parts.clock.now());
        match error.kind {
            RemoteErrorKind::Unauthorized if account.status == AccountStatus::Active => {
                let last_error = json!({
                    "message": error.message,
                    "status": error.status,
                    "resource": resource,
                    "method": method,
                    "problem": Problem::CredentialsRefused,
                    "what_to_do": advice::on_refused_credentials(&connected.integration, &account.authentication_method),
                    "occurred_at": now,
                });
                self.change_state(connected, |account| match account.status {
                    AccountStatus::Active => AccountPatch {
                        status: Some(AccountStatus::NeedsReauth),
                        last_error: Some(Some(last_error)),
                        ..AccountPatch::default()
                    },
                    _ => AccountPatch::default(),
                })
                .await;
            }
            // The same refusal again changes nothing worth a write.
            RemoteErrorKind::Forbidden
                if !is_about(account.last_forbidden_error.as_ref(), resource, method) =>
            {
                let missing = error.insight.pointer("/forbidden_error/value/missing_scopes");
                let last_forbidden_error = json!({
                    "resource": resource,
                    "method": method,
                    "missing_scopes": missing.cloned().unwrap_or_else(|| json!([])),
                    "message": error.message,
                    "what_to_do": advice::on_missing_permission(error),
                    "occurred_at": now,
                });
                self.change_state(connected, |_| AccountPatch {
                    last_forbidden_error: Some(Some(last_forbidden_error)),
                    ..AccountPatch::default()
                })
                .await;
            }
            _ => {}
        }
    }

    /// Changes the record by what it is now. A failure is logged and does not fail the call: the next one notes it again.
    async fn change_state(
        &self,
        connected: &Connected,
        decide: impl FnOnce(&IntegratedAccount) -> AccountPatch,
    ) {
        let account = &connected.account;
        let changed = self
            .0
            .parts
            .store
            .modify_integrated_account(
                &account.environment_id,
                &account.id,
                |now| {
                    // What was asked with former credentials says nothing of the new ones.
                    let same = has_same_credentials(now, account);
                    Ok::<_, StoreError>(if same { decide(now) } else { AccountPatch::default() })
                },
                |before, after| events::of_changed_account(connected.installed.shown(), before, after),
            )
            .await;
        match changed {
            Ok(changed) => {
                tracing::info!(
                    account = changed.id,
                    status = changed.status.as_str(),
                    "the account's state changed"
                );
            }
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => {
                tracing::warn!(
                    account = account.id,
                    error = &error as &dyn std::error::Error,
                    "the account's state could not be kept"
                );
            }
        }
        self.0.at_hand.forget_account(&account.id).await;
    }
}

fn is_about(forbidden: Option<&Value>, resource: &str, method: &str) -> bool {
    forbidden.is_some_and(|forbidden| forbidden["resource"] == resource && forbidden["method"] == method)
}
