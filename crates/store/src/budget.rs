//! Records of platforms' limits: JSON objects that nodes write over the version that they read, or field by field.
//!
//! Each call is one statement and one round trip: they stand between a caller and its turn.

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    ChangeKind, Store, StoreError,
    database::{Database, Query, Row},
};

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetRecord {
    /// Raised by each write.
    pub version: i64,
    /// An object, as text.
    pub state: String,
}

/// Rows deleted by one transaction.
const DELETED_AT_ONCE: u32 = 1_000;

impl BudgetRecord {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { version: row.get("version")?, state: row.get("state")? })
    }
}

impl Store {
    /// A limit's record; `None` before the first was written.
    pub async fn read_budget(&self, name: &str) -> Result<Option<BudgetRecord>, StoreError> {
        let query = Query::new("SELECT version, CAST(state AS text) AS state FROM budget WHERE name = $1");
        let row = self.database().fetch_optional(query.bind(name)).await?;
        row.as_ref().map(BudgetRecord::read).transpose()
    }

    /// Writes a record over the version that was read, 0 for the first. False when it is another by now.
    pub async fn write_budget(&self, name: &str, over: i64, state: &str) -> Result<bool, StoreError> {
        let text = match (over, self.database()) {
            (0, Database::Sqlite { .. }) => {
                "INSERT INTO budget (state, updated_at, name, version) VALUES ($1, $2, $3, $4 + 1) ON CONFLICT (name) DO NOTHING"
            }
            (0, Database::Postgres(_)) => {
                "INSERT INTO budget (state, updated_at, name, version) VALUES (CAST($1 AS jsonb), $2, $3, $4 + 1) \
                 ON CONFLICT (name) DO NOTHING"
            }
            (_, Database::Sqlite { .. }) => {
                "UPDATE budget SET state = $1, updated_at = $2, version = version + 1 WHERE name = $3 AND version = $4"
            }
            (_, Database::Postgres(_)) => {
                "UPDATE budget SET state = CAST($1 AS jsonb), updated_at = $2, version = version + 1 \
                 WHERE name = $3 AND version = $4"
            }
        };
        let query = Query::new(text).bind(state).bind(self.now()).bind(name).bind(over);
        Ok(self.database().execute(query).await? > 0)
    }

    /// Puts `fields` into a record, whatever else others wrote of it, if those of `expected` are as they are there. Gives the record as it is then.
    pub async fn merge_budget(
        &self,
        name: &str,
        expected: &Value,
        fields: &Value,
    ) -> Result<Option<BudgetRecord>, StoreError> {
        let text = match self.database() {
            Database::Sqlite { .. } => {
                "UPDATE budget SET state = json_patch(state, $1), updated_at = $2, version = version + 1 \
                 WHERE name = $3 AND json_patch(state, $4) = json(state) RETURNING version, state"
            }
            Database::Postgres(_) => {
                "UPDATE budget SET state = state || CAST($1 AS jsonb), updated_at = $2, version = version + 1 \
                 WHERE name = $3 AND state @> CAST($4 AS jsonb) RETURNING version, CAST(state AS text) AS state"
            }
        };
        let query = Query::new(text).bind(fields).bind(self.now()).bind(name).bind(expected);
        let row = self.database().change_optional(query).await?;
        row.as_ref().map(BudgetRecord::read).transpose()
    }

    /// Tells all nodes that one of them wants a part of a limit.
    pub async fn ask_for_budget(&self, name: &str) -> Result<(), StoreError> {
        let mut transaction = self.database().begin().await?;
        transaction.note_change(ChangeKind::Budget, name).await?;
        transaction.commit().await
    }

    /// Whether no other process uses this database.
    pub fn is_exclusive(&self) -> bool {
        matches!(self.database(), Database::Sqlite { .. })
    }

    /// Deletes records that nobody wrote since `before`; how many. In portions, so that it never holds others up.
    pub async fn sweep_budgets(&self, before: Timestamp) -> Result<u64, StoreError> {
        let statement = "DELETE FROM budget WHERE name IN \
                 (SELECT name FROM budget WHERE updated_at < $1 ORDER BY updated_at LIMIT $2)";
        self.delete_in_portions(statement, before, DELETED_AT_ONCE).await
    }
}
