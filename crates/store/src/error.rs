//! What can go wrong when reading or writing, by what a caller can do about it.

use std::borrow::Cow;

use sqlx::error::ErrorKind;

use crate::vault::VaultError;

/// Why the store could not do what it was asked. Messages never hold data of rows; the driver's own error is kept as the
/// source, for logs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no such row, or it belongs to another environment.
    #[error("no such {what}")]
    NotFound {
        /// The kind of row, as a table's name with spaces.
        what: &'static str,
    },
    /// A row with the same unique values exists.
    #[error("another row has the same values ({constraint})")]
    Conflict {
        /// The unique index, named `table_column_column` on both databases.
        constraint: String,
    },
    /// The row was changed by someone else since it was read: read it again and decide anew.
    #[error(
        "the {what} was changed by someone else since it was read (wanted version {expected}, found {found})"
    )]
    Stale {
        /// The kind of row.
        what: &'static str,
        /// The version the caller had read.
        expected: i64,
        /// The version there is.
        found: i64,
    },
    /// The cursor of a page is not one that the list gave out.
    #[error("the cursor is not one that this list gave out")]
    BadCursor,
    /// The database can't be reached or is too busy now; the same call may work later.
    #[error("the database is unavailable, try again")]
    Unavailable(#[source] sqlx::Error),
    /// Sealing or opening failed, or the master key does not fit the database.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The address of the database can't be used.
    #[error("the database address can't be used: {0}")]
    BadUrl(Cow<'static, str>),
    /// The database does not answer, or does not let this program in.
    #[error(
        "the database at {place} can't be opened: {reason}; correct DATABASE_URL, or make the database ready"
    )]
    NotOpened {
        /// The file, the socket, or host and port.
        place: String,
        /// What the system or the database says.
        reason: String,
    },
    /// The database's tables can't be brought up to date.
    #[error("the database's tables can't be brought up to date: {reason}")]
    Migration {
        /// What a person can do about it.
        reason: &'static str,
        /// The driver's error.
        #[source]
        source: sqlx::migrate::MigrateError,
    },
    /// A stored value is not what the program writes.
    #[error("the column {column} holds a value that is not one of ours")]
    Corrupt {
        /// The column.
        column: &'static str,
        /// Why it could not be read.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database refused a statement: a fault of the program.
    #[error("the database refused a statement")]
    Refused(#[source] sqlx::Error),
}

impl StoreError {
    pub(crate) fn not_opened(place: impl Into<String>, error: &sqlx::Error) -> Self {
        let reason = match error {
            sqlx::Error::Database(refusal) => refusal.message().to_owned(),
            sqlx::Error::Io(error) => error.to_string(),
            sqlx::Error::PoolTimedOut => "it does not answer".to_owned(),
            other => other.to_string(),
        };
        Self::NotOpened { place: place.into(), reason }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(refusal) => {
                if refusal.kind() == ErrorKind::UniqueViolation {
                    return Self::Conflict { constraint: constraint_name(refusal.as_ref()) };
                }
                match refusal.code() {
                    Some(code) if is_passing(&code) => Self::Unavailable(error),
                    _ => Self::Refused(error),
                }
            }
            sqlx::Error::Io(_)
            | sqlx::Error::Tls(_)
            | sqlx::Error::Protocol(_)
            | sqlx::Error::PoolTimedOut
            | sqlx::Error::PoolClosed
            | sqlx::Error::WorkerCrashed
            | sqlx::Error::BeginFailed => Self::Unavailable(error),
            _ => Self::Refused(error),
        }
    }
}

/// Whether a refusal's code tells of a passing state: PostgreSQL's classes 08 (connection), 40 (rollback by deadlock or
/// serialisation), 53 (resources), 57 (operator intervention), 25006 (read-only, as after a failover); SQLite's BUSY, LOCKED, READONLY,
/// IOERR, FULL and CANTOPEN in the low byte of the extended code. SQLSTATEs have five characters, SQLite's codes at
/// most four.
fn is_passing(code: &str) -> bool {
    if code.len() == 5 {
        return ["08", "40", "53", "57"].iter().any(|class| code.starts_with(class)) || code == "25006";
    }
    matches!(code.parse::<u32>().map(|code| code & 0xff), Ok(5 | 6 | 8 | 10 | 13 | 14))
}

/// The unique index that was violated. PostgreSQL names it; SQLite names the columns (`UNIQUE constraint failed: t.a, t.b`),
/// from which the same name is made because indexes are named after table and columns.
fn constraint_name(refusal: &dyn sqlx::error::DatabaseError) -> String {
    if let Some(name) = refusal.constraint() {
        return name.to_owned();
    }
    let columns = refusal.message().rsplit(": ").next().unwrap_or_default();
    let mut name = String::new();
    for column in columns.split(", ") {
        let (table, column) = column.split_once('.').unwrap_or(("", column));
        if name.is_empty() {
            name.push_str(table);
        }
        name.push('_');
        name.push_str(column);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passing_states_are_told_from_faults_of_the_program() {
        // Connection failure, deadlock, too many connections, shutdown, read-only after a failover; SQLite's BUSY, BUSY_SNAPSHOT, FULL.
        for code in ["08006", "40P01", "53300", "57P01", "25006", "5", "517", "13"] {
            assert!(is_passing(code), "{code}");
        }
        // Syntax error, unknown column, wrong type; SQLite's ERROR, CONSTRAINT, MISMATCH.
        for code in ["42601", "42703", "22P02", "1", "19", "20", ""] {
            assert!(!is_passing(code), "{code}");
        }
    }
}
