//! Records of platforms' limits: JSON objects that nodes write over the version that they read, or field by field.
//!
//! Each call is one statement and one round trip, for however many records: they stand between callers and their turns. Rows are locked in the order of
//! their names, so that two nodes which write the same ones wait for each other, and never in a circle.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    Store, StoreError,
    database::{Database, Query, Row},
};

/// A record as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BudgetRecord {
    /// Whose it is.
    pub name: String,
    /// Raised by each write.
    pub version: i64,
    /// An object, as text.
    pub state: String,
}

/// A record to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetWrite {
    /// Whose it is.
    pub name: String,
    /// The version that was read, 0 for the first.
    pub over: i64,
    /// An object.
    pub state: Value,
}

/// Fields to be put into a record.
#[derive(Debug, Clone, PartialEq)]
pub struct BudgetMerge {
    /// Whose it is.
    pub name: String,
    /// Fields that have to be in it as they are here.
    pub expected: Value,
    /// Fields to put in.
    pub fields: Value,
}

/// Rows deleted by one transaction.
const DELETED_AT_ONCE: u32 = 1_000;

impl BudgetRecord {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { name: row.get("name")?, version: row.get("version")?, state: row.get("state")? })
    }
}

impl Store {
    /// Limits' records; those that were never written are left out.
    pub async fn read_budgets(&self, names: &[String]) -> Result<Vec<BudgetRecord>, StoreError> {
        let text = match self.database() {
            Database::Sqlite { .. } => {
                "SELECT name, version, state FROM budget WHERE name IN (SELECT value FROM json_each($1))"
            }
            Database::Postgres(_) => {
                "SELECT name, version, CAST(state AS text) AS state FROM budget \
                 WHERE name IN (SELECT jsonb_array_elements_text(CAST($1 AS jsonb)))"
            }
        };
        let rows = self.database().fetch_all(Query::new(text).bind(&json!(names))).await?;
        rows.iter().map(BudgetRecord::read).collect()
    }

    /// Writes records over the versions that were read. Gives the names of those that were written: the others are another version by now.
    pub async fn write_budgets(&self, records: &[BudgetWrite]) -> Result<Vec<String>, StoreError> {
        let text = match self.database() {
            Database::Sqlite { .. } => {
                "INSERT INTO budget (name, version, state, updated_at) \
                 SELECT value ->> 'name', (value ->> 'over') + 1, value -> 'state', $2 FROM json_each($1) WHERE true \
                 ON CONFLICT (name) DO UPDATE \
                 SET version = excluded.version, state = excluded.state, updated_at = excluded.updated_at \
                 WHERE budget.version = excluded.version - 1 RETURNING name"
            }
            Database::Postgres(_) => {
                "INSERT INTO budget (name, version, state, updated_at) \
                 SELECT name, over + 1, state, $2 \
                 FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS said (name text, over bigint, state jsonb) \
                 ORDER BY name COLLATE \"C\" \
                 ON CONFLICT (name) DO UPDATE \
                 SET version = excluded.version, state = excluded.state, updated_at = excluded.updated_at \
                 WHERE budget.version = excluded.version - 1 RETURNING name"
            }
        };
        let said = |BudgetWrite { name, over, state }: &BudgetWrite| json!({"name": name, "over": over, "state": state});
        let rows = self.change_budgets(text, records.iter().map(said).collect()).await?;
        rows.iter().map(|row| row.get("name")).collect()
    }

    /// Puts fields into records, whatever else others wrote of them. Gives those that were as expected, as they are then.
    pub async fn merge_budgets(&self, merges: &[BudgetMerge]) -> Result<Vec<BudgetRecord>, StoreError> {
        let text = match self.database() {
            Database::Sqlite { .. } => {
                "UPDATE budget SET version = version + 1, state = json_patch(state, said.value -> 'fields'), updated_at = $2 \
                 FROM json_each($1) AS said \
                 WHERE name = said.value ->> 'name' AND json_patch(state, said.value -> 'expected') = json(state) \
                 RETURNING name, version, state"
            }
            Database::Postgres(_) => {
                "WITH said AS ( \
                     SELECT * FROM jsonb_to_recordset(CAST($1 AS jsonb)) AS said (name text, expected jsonb, fields jsonb) \
                 ), held AS MATERIALIZED ( \
                     SELECT name FROM budget WHERE name IN (SELECT name FROM said) ORDER BY name FOR UPDATE \
                 ) \
                 UPDATE budget SET version = version + 1, state = state || fields, updated_at = $2 \
                 FROM held JOIN said ON said.name = held.name \
                 WHERE budget.name = held.name AND state @> expected \
                 RETURNING budget.name, version, CAST(state AS text) AS state"
            }
        };
        let said = |BudgetMerge { name, expected, fields }: &BudgetMerge| json!({"name": name, "expected": expected, "fields": fields});
        let rows = self.change_budgets(text, merges.iter().map(said).collect()).await?;
        rows.iter().map(BudgetRecord::read).collect()
    }

    async fn change_budgets(&self, text: &'static str, said: Value) -> Result<Vec<Row>, StoreError> {
        self.database().change_all(Query::new(text).bind(&said).bind(self.now())).await
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
