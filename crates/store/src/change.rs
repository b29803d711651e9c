//! What changed: how a node learns that something it has at hand was changed elsewhere.
//!
//! The hot path asks the database nothing, so every node keeps accounts and tokens at hand. A write of theirs raises the one
//! row of `change_head` and adds a row to `change`, in its own transaction. Each node asks [`Store::changes_since`] about
//! once a second (one indexed read that mostly finds nothing) and forgets what is named there.
//!
//! The row's lock is held until the commit, so changes become visible in the order of their sequence and a reader can't
//! miss one; a bare database sequence would not give that. Such writes are rare (connecting, configuring, a status that
//! changes) and short, so the lock is no bottleneck.

use std::str::FromStr;

use crate::{
    Store, StoreError,
    database::{Query, Transaction},
};

/// So many of the latest changes are kept. Whoever is further behind forgets everything.
const KEPT: i64 = 10_000;

/// What kind of row changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// An API token was deleted; the key is its digest ([`crate::TokenHash::as_str`]).
    ApiToken,
    /// An installed integration was changed or deleted; the key is its id.
    EnvironmentIntegration,
    /// An integrated account was changed or deleted; the key is its id.
    IntegratedAccount,
    /// A map override of an environment was made, changed or deleted; the key is the environment's id.
    MapOverride,
    /// Keys were rotated; [`Store::changes_since`] has already read them. The key is the new data key's id.
    DataKey,
}

impl ChangeKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::ApiToken => "api_token",
            Self::EnvironmentIntegration => "environment_integration",
            Self::IntegratedAccount => "integrated_account",
            Self::MapOverride => "map_override",
            Self::DataKey => "data_key",
        }
    }
}

/// A kind of change that this program does not know.
#[derive(Debug, thiserror::Error)]
#[error("unknown kind of change")]
pub struct UnknownChangeKind;

impl FromStr for ChangeKind {
    type Err = UnknownChangeKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [
            Self::ApiToken,
            Self::EnvironmentIntegration,
            Self::IntegratedAccount,
            Self::MapOverride,
            Self::DataKey,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == text)
        .ok_or(UnknownChangeKind)
    }
}

/// One row that changed or went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What kind of row.
    pub kind: ChangeKind,
    /// Which one; see [`ChangeKind`].
    pub key: String,
}

/// The answer to [`Store::changes_since`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// What to ask with next time.
    pub head: i64,
    /// What changed, in order; `None` when more changed than is kept: forget everything.
    pub changed: Option<Vec<Change>>,
}

impl Store {
    /// Where the sequence of changes stands; the start for [`Store::changes_since`]. Ask before reading anything that is
    /// to be kept at hand.
    pub async fn change_head(&self) -> Result<i64, StoreError> {
        let query = Query::new("SELECT sequence FROM change_head");
        let row = self.database().fetch_optional(query).await?;
        row.map_or(Ok(0), |row| row.get("sequence"))
    }

    /// What changed after `head`, here or on other nodes. Own changes are among them.
    pub async fn changes_since(&self, head: i64) -> Result<Changes, StoreError> {
        let query =
            Query::new("SELECT sequence, kind, record_key FROM change WHERE sequence > $1 ORDER BY sequence")
                .bind(head);
        let rows = self.database().fetch_all(query).await?;
        let Some(first) = rows.first() else { return Ok(Changes { head, changed: Some(Vec::new()) }) };
        let first: i64 = first.get("sequence")?;
        let mut last = head;
        let mut changed = Vec::with_capacity(rows.len());
        let mut understood = true;
        for row in &rows {
            last = row.get("sequence")?;
            // A newer program may note kinds that this one does not know: it then can't tell what to forget.
            match row.get::<String>("kind")?.parse() {
                Ok(kind) => changed.push(Change { kind, key: row.get("record_key")? }),
                Err(UnknownChangeKind) => understood = false,
            }
        }
        let complete = first == head + 1 && understood;
        if !complete || changed.iter().any(|change| change.kind == ChangeKind::DataKey) {
            self.vault().refresh().await;
        }
        Ok(Changes { head: last, changed: complete.then_some(changed) })
    }
}

impl Transaction {
    /// Notes a change, as the last statement of the transaction: the lock it takes is everybody's.
    pub(crate) async fn note_change(&mut self, kind: ChangeKind, key: &str) -> Result<(), StoreError> {
        let query = Query::new("UPDATE change_head SET sequence = sequence + 1 RETURNING sequence");
        let row = self.fetch_optional(query).await?.ok_or(StoreError::NotFound { what: "change head" })?;
        let sequence: i64 = row.get("sequence")?;
        let query = Query::new("INSERT INTO change (sequence, kind, record_key) VALUES ($1, $2, $3)");
        self.execute(query.bind(sequence).bind(kind.as_str()).bind(key)).await?;
        let query = Query::new("DELETE FROM change WHERE sequence <= $1");
        self.execute(query.bind(sequence - KEPT)).await?;
        Ok(())
    }
}
