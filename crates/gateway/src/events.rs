//! Events: what happened to accounts and settings, written with its cause (facts, Truto 9.3 and 9.4).
//!
//! What a change is called follows from the account before and after it, in one place: whoever changes an account need not think of
//! it.

use integration::Integration;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{AccountStatus, EventFilter, IntegratedAccount, NewEvent};
use utoipa::ToSchema;

use crate::accounts::Account;
use crate::list::{DEFAULT_LIMIT, MAX_LIMIT, Parameters};
use crate::{Caller, Error, Gateway, ListOf};

/// Something that happened.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Event {
    /// Id.
    pub id: String,
    /// What happened, such as `integrated_account:active`.
    pub event: String,
    /// The environment.
    pub environment_id: String,
    /// The account it is about, which may be gone.
    pub integrated_account_id: Option<String>,
    /// What it is about, as it was then, without secrets: the account, or the `id` of what was deleted.
    #[schema(value_type = Object)]
    pub payload: Value,
    /// When it happened.
    #[serde(serialize_with = "crate::time::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl Event {
    fn of(row: store::Event) -> Self {
        Self {
            id: row.id,
            event: row.event,
            environment_id: row.environment_id,
            integrated_account_id: row.integrated_account_id,
            payload: row.payload,
            created_at: row.created_at,
        }
    }
}

impl Gateway {
    /// The environment's events, newest first. Query: `event`, `integrated_account_id`, `created_at`, `limit`, `next_cursor`.
    pub async fn events(&self, caller: &Caller, query: &Map<String, Value>) -> Result<ListOf<Event>, Error> {
        let environment_id = caller.environment()?;
        let mut parameters = Parameters::new(query);
        let filter = EventFilter {
            event: parameters.owned("event")?,
            integrated_account_id: parameters.owned("integrated_account_id")?,
            created_at: parameters.time_range("created_at")?,
        };
        let page = parameters.page(DEFAULT_LIMIT, MAX_LIMIT)?;
        parameters.finish()?;
        let listed = self.0.parts.store.list_events(environment_id, &filter, &page).await?;
        Ok(ListOf::of(listed, page.limit, Event::of))
    }
}

/// An event about something that can be shown.
pub(crate) fn shown(event: &'static str, what: &impl Serialize) -> NewEvent {
    // What is shown is always writable as JSON.
    NewEvent { event, integrated_account_id: None, payload: serde_json::to_value(what).unwrap_or_default() }
}

/// An event about something that is gone.
pub(crate) fn gone(event: &'static str, id: &str) -> NewEvent {
    NewEvent { event, integrated_account_id: None, payload: json!({"id": id}) }
}

/// What to tell of an account that is gone.
pub(crate) fn of_deleted_account(id: &str) -> Vec<NewEvent> {
    vec![NewEvent { integrated_account_id: Some(id.to_owned()), ..gone("integrated_account:deleted", id) }]
}

/// What to tell of a new account.
pub(crate) fn of_new_account(integration: &Integration, account: &IntegratedAccount) -> Vec<NewEvent> {
    vec![about(integration, account, "integrated_account:created")]
}

/// What to tell of a changed account.
pub(crate) fn of_changed_account(
    integration: &Integration,
    before: &IntegratedAccount,
    after: &IntegratedAccount,
) -> Vec<NewEvent> {
    let mut events = Vec::new();
    if is_updated(before, after) {
        events.push("integrated_account:updated");
    }
    if after.status != before.status {
        match after.status {
            AccountStatus::Connecting => {}
            // Facts, Truto 8.3: a connection that was made again is told as `active`.
            AccountStatus::Active if before.status == AccountStatus::NeedsReauth => {
                events.push("integrated_account:reactivated");
            }
            AccountStatus::Active => events.push("integrated_account:active"),
            AccountStatus::PostInstallError => events.push("integrated_account:post_install_error"),
            AccountStatus::ValidationError => events.push("integrated_account:validation_error"),
            AccountStatus::NeedsReauth => events.push("integrated_account:authentication_error"),
        }
    }
    if after.last_forbidden_error.is_some() && after.last_forbidden_error != before.last_forbidden_error {
        events.push("integrated_account:forbidden_error");
    }
    events.into_iter().map(|event| about(integration, after, event)).collect()
}

/// What to tell of an account whose token was renewed: nothing, unless that mended it.
pub(crate) fn of_renewed_token(
    integration: &Integration,
    before: &IntegratedAccount,
    after: &IntegratedAccount,
) -> Vec<NewEvent> {
    let is_mended = after.status != before.status;
    is_mended.then(|| about(integration, after, "integrated_account:reactivated")).into_iter().collect()
}

/// An event about an account.
pub(crate) fn about(integration: &Integration, account: &IntegratedAccount, event: &'static str) -> NewEvent {
    NewEvent {
        integrated_account_id: Some(account.id.clone()),
        ..shown(event, &Account::of(account.clone(), integration))
    }
}

/// Whether an account was given something, or is connected again. What its own connecting learns belongs to that.
fn is_updated(before: &IntegratedAccount, after: &IntegratedAccount) -> bool {
    if after.attempt != before.attempt {
        return true;
    }
    let is_changed = after.tenant_id != before.tenant_id
        || after.authentication_method != before.authentication_method
        || after.is_sandbox != before.is_sandbox
        || after.context != before.context
        || after.secrets != before.secrets
        || after.unified_model_override != before.unified_model_override
        || after.integration_override != before.integration_override;
    is_changed && after.status != AccountStatus::Connecting
}
