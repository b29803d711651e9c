//! Events: what happened to an environment's accounts and settings, for those who are to be told.
//!
//! An event is written in the transaction of its cause (`note_events`): there is none without its cause, and no cause
//! without its event.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Listed, Page, Store, StoreError, TimeRange,
    database::{Query, Row, Transaction},
    page::time_cursor,
};

const COLUMNS: &str =
    "SELECT id, environment_id, integrated_account_id, event, payload, created_at FROM event";
/// Rows deleted by one transaction.
const DELETED_AT_ONCE: u32 = 5_000;

/// An event to write.
#[derive(Debug, Clone, PartialEq)]
pub struct NewEvent {
    /// What happened, such as `integrated_account:active` (facts, Truto 9.3).
    pub event: &'static str,
    /// The account it is about.
    pub integrated_account_id: Option<String>,
    /// What it is about, without secrets.
    pub payload: Value,
}

/// An event as kept. Field names are the API's.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Id.
    pub id: String,
    /// The environment.
    pub environment_id: String,
    /// The account it is about, which may be gone.
    pub integrated_account_id: Option<String>,
    /// What happened.
    pub event: String,
    /// What it is about, as it was then.
    pub payload: Value,
    /// When it happened.
    pub created_at: Timestamp,
}

impl Event {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get("id")?,
            environment_id: row.get("environment_id")?,
            integrated_account_id: row.get("integrated_account_id")?,
            event: row.get("event")?,
            payload: row.json("payload")?,
            created_at: row.time("created_at")?,
        })
    }
}

/// Which events to list; those conditions that are given hold together.
#[derive(Debug, Clone, Default)]
pub struct EventFilter {
    /// Of this name.
    pub event: Option<String>,
    /// About this account.
    pub integrated_account_id: Option<String>,
    /// That happened within.
    pub created_at: TimeRange,
}

impl Store {
    /// An environment's events, newest first.
    pub async fn list_events(
        &self,
        environment_id: &str,
        filter: &EventFilter,
        page: &Page,
    ) -> Result<Listed<Event>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE environment_id = ").push_bind(environment_id);
        for (condition, value) in [
            (" AND event = ", &filter.event),
            (" AND integrated_account_id = ", &filter.integrated_account_id),
        ] {
            if let Some(value) = value {
                query.push(condition).push_bind(value);
            }
        }
        filter.created_at.push_to(&mut query, "created_at");
        page.push_newest_first_to(&mut query)?;
        let rows = self.database().fetch_all(query).await?;
        let items = rows.iter().map(Event::read).collect::<Result<Vec<_>, _>>()?;
        Ok(Listed::cut(items, page.limit, |event| time_cursor(event.created_at, &event.id)))
    }

    /// Writes an event that has no other trace in the database.
    pub async fn create_event(&self, environment_id: &str, event: NewEvent) -> Result<(), StoreError> {
        let mut transaction = self.database().begin().await?;
        self.note_events(&mut transaction, environment_id, vec![event]).await?;
        transaction.commit().await
    }

    /// Deletes events from before `before`; how many. In portions, so that it never holds others up.
    pub async fn delete_events(&self, before: Timestamp) -> Result<u64, StoreError> {
        let statement = "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
        self.delete_in_portions(statement, before, DELETED_AT_ONCE).await
    }

    /// Writes events of an environment in the transaction of their cause.
    pub(crate) async fn note_events(
        &self,
        transaction: &mut Transaction,
        environment_id: &str,
        events: Vec<NewEvent>,
    ) -> Result<(), StoreError> {
        for event in events {
            let now = self.now();
            let query = Query::new(
                "INSERT INTO event (id, environment_id, integrated_account_id, event, payload, created_at) \
                 VALUES ($1, $2, $3, $4, $5, $6)",
            )
            .bind(self.new_id(now))
            .bind(environment_id)
            .bind(event.integrated_account_id)
            .bind(event.event)
            .bind(&event.payload)
            .bind(now);
            transaction.execute(query).await?;
        }
        Ok(())
    }
}
