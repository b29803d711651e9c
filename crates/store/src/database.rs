//! The two databases behind one face: pools, transactions, queries and rows.

use std::pin::Pin;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use sqlx::{
    AssertSqlSafe, Decode, PgPool, PgTransaction, Postgres, Row as _, Sqlite, SqlitePool, SqliteTransaction,
    Type, postgres::PgRow, sqlite::SqliteRow,
};

use crate::StoreError;

/// What a database is asked for, while it answers. A box where an `async fn` would do: that one is compiled, with the drivers below it,
/// again in every crate that waits for it.
pub(crate) type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// An open database.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    /// SQLite lets one write at a time: one connection writes, the others read beside it (write-ahead log).
    Sqlite { write: SqlitePool, read: SqlitePool },
    /// PostgreSQL: one pool for all.
    Postgres(PgPool),
}

/// A value given to a statement. A text is shared, which SQLite's driver takes as it is.
#[derive(Debug, Clone)]
pub(crate) enum Argument {
    Text(Option<Arc<str>>),
    Integer(Option<i64>),
    Boolean(Option<bool>),
}

macro_rules! argument_from {
    ($($type:ty => |$value:ident| $argument:expr;)*) => {
        $(impl From<$type> for Argument {
            fn from($value: $type) -> Self {
                $argument
            }
        })*
    };
}

argument_from! {
    String => |value| Self::Text(Some(value.into()));
    Option<String> => |value| Self::Text(value.map(Arc::from));
    &str => |value| Self::Text(Some(value.into()));
    &String => |value| Self::Text(Some(value.as_str().into()));
    &Option<String> => |value| Self::Text(value.as_deref().map(Arc::from));
    &Arc<str> => |value| Self::Text(Some(Arc::clone(value)));
    &Option<Arc<str>> => |value| Self::Text(value.clone());
    i64 => |value| Self::Integer(Some(value));
    u32 => |value| Self::Integer(Some(i64::from(value)));
    Option<i64> => |value| Self::Integer(value);
    bool => |value| Self::Boolean(Some(value));
    Option<bool> => |value| Self::Boolean(value);
    Timestamp => |value| Self::Integer(Some(value.as_microsecond()));
    Option<Timestamp> => |value| Self::Integer(value.map(Timestamp::as_microsecond));
    &serde_json::Value => |value| Self::Text(Some(value.to_string().into()));
    Option<&serde_json::Value> => |value| Self::Text(value.map(|value| value.to_string().into()));
}

/// A statement with its arguments. Only fixed text becomes part of the statement, values are always bound: there is no way
/// to inject.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    text: String,
    arguments: Vec<Argument>,
    by_place: bool,
}

impl Query {
    /// A statement; arguments are bound in the order of `$1`, `$2`, ….
    pub fn new(text: &'static str) -> Self {
        Self { text: text.to_owned(), arguments: Vec::new(), by_place: false }
    }

    /// A statement for one database, to be appended to with many arguments. SQLite searches all that have a number for
    /// each of them, so they are `?` there.
    pub fn with_many_arguments(text: &'static str, database: &Database) -> Self {
        Self { by_place: matches!(database, Database::Sqlite { .. }), ..Self::new(text) }
    }

    /// Binds the next argument.
    pub fn bind(mut self, argument: impl Into<Argument>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Appends fixed text.
    pub fn push(&mut self, text: &'static str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Appends the next `$n` and binds its argument.
    pub fn push_bind(&mut self, argument: impl Into<Argument>) -> &mut Self {
        self.arguments.push(argument.into());
        if self.by_place {
            self.text.push('?');
        } else {
            self.text.push('$');
            self.text.push_str(&self.arguments.len().to_string());
        }
        self
    }
}

/// Makes a driver's query of ours; which driver follows from where it is used.
macro_rules! driver_query {
    ($query:expr) => {{
        let Query { text, arguments, .. } = $query;
        // Safe: `Query` takes fixed text only.
        let mut query = sqlx::query(AssertSqlSafe(text));
        for argument in arguments {
            query = match argument {
                Argument::Text(value) => query.bind(value),
                Argument::Integer(value) => query.bind(value),
                Argument::Boolean(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Database {
    /// All rows of a reading statement, outside of any transaction.
    pub fn fetch_all(&self, query: Query) -> Asked<'_, Vec<Row>> {
        Box::pin(async move {
            Ok(match self {
                Self::Sqlite { read, .. } => {
                    driver_query!(query).fetch_all(read).await?.into_iter().map(Row::Sqlite).collect()
                }
                Self::Postgres(pool) => {
                    driver_query!(query).fetch_all(pool).await?.into_iter().map(Row::Postgres).collect()
                }
            })
        })
    }

    /// The row of a reading statement that has at most one.
    pub fn fetch_optional(&self, query: Query) -> Asked<'_, Option<Row>> {
        Box::pin(async move {
            Ok(match self {
                Self::Sqlite { read, .. } => {
                    driver_query!(query).fetch_optional(read).await?.map(Row::Sqlite)
                }
                Self::Postgres(pool) => driver_query!(query).fetch_optional(pool).await?.map(Row::Postgres),
            })
        })
    }

    /// Runs a single statement that writes, in one round trip; the number of rows it touched.
    pub fn execute(&self, query: Query) -> Asked<'_, u64> {
        Box::pin(async move {
            Ok(match self {
                Self::Sqlite { write, .. } => driver_query!(query).execute(write).await?.rows_affected(),
                Self::Postgres(pool) => driver_query!(query).execute(pool).await?.rows_affected(),
            })
        })
    }

    /// Runs a single statement that writes, in one round trip; the row that it returns.
    pub async fn change_optional(&self, query: Query) -> Result<Option<Row>, StoreError> {
        Ok(self.change_all(query).await?.into_iter().next())
    }

    /// The same for one that returns many.
    pub fn change_all(&self, query: Query) -> Asked<'_, Vec<Row>> {
        Box::pin(async move {
            Ok(match self {
                Self::Sqlite { write, .. } => {
                    driver_query!(query).fetch_all(write).await?.into_iter().map(Row::Sqlite).collect()
                }
                Self::Postgres(pool) => {
                    driver_query!(query).fetch_all(pool).await?.into_iter().map(Row::Postgres).collect()
                }
            })
        })
    }

    /// Begins a transaction that may write. On SQLite it takes the write lock at once: one that begins by reading and writes
    /// later would be refused when another wrote in between.
    pub fn begin(&self) -> Asked<'_, Transaction> {
        Box::pin(async move {
            Ok(match self {
                Self::Sqlite { write, .. } => Transaction::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
                Self::Postgres(pool) => Transaction::Postgres(pool.begin().await?),
            })
        })
    }

    /// Closes all connections once they are idle.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// A transaction that may write; rolled back when dropped without [`Transaction::commit`].
#[derive(Debug)]
pub(crate) enum Transaction {
    Sqlite(SqliteTransaction<'static>),
    Postgres(PgTransaction<'static>),
}

impl Transaction {
    /// All rows of a statement.
    pub fn fetch_all(&mut self, query: Query) -> Asked<'_, Vec<Row>> {
        Box::pin(async move {
            Ok(match self {
                Self::Sqlite(transaction) => {
                    let rows = driver_query!(query).fetch_all(&mut **transaction).await?;
                    rows.into_iter().map(Row::Sqlite).collect()
                }
                Self::Postgres(transaction) => {
                    let rows = driver_query!(query).fetch_all(&mut **transaction).await?;
                    rows.into_iter().map(Row::Postgres).collect()
                }
            })
        })
    }

    /// The row of a statement that has at most one.
    pub async fn fetch_optional(&mut self, query: Query) -> Result<Option<Row>, StoreError> {
        Ok(self.fetch_all(query).await?.pop())
    }

    /// Runs a statement; the number of rows it touched.
    pub fn execute(&mut self, query: Query) -> Asked<'_, u64> {
        Box::pin(async move {
            Ok(match self {
                Self::Sqlite(transaction) => {
                    driver_query!(query).execute(&mut **transaction).await?.rows_affected()
                }
                Self::Postgres(transaction) => {
                    driver_query!(query).execute(&mut **transaction).await?.rows_affected()
                }
            })
        })
    }

    /// Makes it all last.
    pub fn commit(self) -> Asked<'static, ()> {
        Box::pin(async move {
            match self {
                Self::Sqlite(transaction) => transaction.commit().await?,
                Self::Postgres(transaction) => transaction.commit().await?,
            }
            Ok(())
        })
    }
}

/// A row of either database.
#[derive(Debug)]
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// A type that both databases can give.
pub(crate) trait Portable:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl<T> Portable for T where
    T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl Row {
    /// The value of a column.
    pub fn get<T: Portable>(&self, column: &'static str) -> Result<T, StoreError> {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(|source| corrupt(column, source))
    }

    /// The time in a column of microseconds.
    pub fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        read_time(column, self.get(column)?)
    }

    /// The time in a column that may be null.
    pub fn time_or_null(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        self.get::<Option<i64>>(column)?.map(|microseconds| read_time(column, microseconds)).transpose()
    }

    /// The JSON in a column of text.
    pub fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        read_json(column, &self.get::<String>(column)?)
    }

    /// The JSON in a column that may be null.
    pub fn json_or_null<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        self.get::<Option<String>>(column)?.map(|text| read_json(column, &text)).transpose()
    }

    /// The value that a column's text names.
    pub fn parse<T>(&self, column: &'static str) -> Result<T, StoreError>
    where
        T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
    {
        self.get::<String>(column)?.parse().map_err(|source| corrupt(column, source))
    }
}

/// Text of JSON for an argument.
pub(crate) fn json_text(map: &serde_json::Map<String, serde_json::Value>) -> String {
    // A map of JSON values is always writable: its keys are strings.
    serde_json::to_string(map).unwrap_or_default()
}

fn read_time(column: &'static str, microseconds: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(microseconds).map_err(|source| corrupt(column, source))
}

fn read_json<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|source| corrupt(column, source))
}

fn corrupt(column: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Corrupt { column, source: Box::new(source) }
}
