//! The store: an open database with its vault, clock and ids.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use jiff::Timestamp;
use sqlx::{
    Connection as _, PgConnection, SqlitePool,
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::time::timeout;
use uuid::{ContextV7, Uuid};

use crate::{
    Clock, MasterKeySource, StoreError, SystemClock,
    database::{Asked, Database, Query},
    migrations,
    vault::Vault,
};

/// SQLite's code for a file that someone else holds.
const SQLITE_BUSY: &str = "5";
/// How long until such a file is tried again.
const BUSY_PAUSE: Duration = Duration::from_millis(5);

/// How long a database that did not answer is tried for the last time, to learn why.
const LAST_TRY: Duration = Duration::from_secs(2);

/// Reading connections to SQLite at most: each has a thread and memory of its own, and a read is short.
const SQLITE_READERS: u32 = 2;
/// The pages that a connection to SQLite keeps, in KiB (negative, as SQLite wants it said). The operating system has the file at hand as well.
const SQLITE_CACHE: &str = "-512";

/// How to open a store.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where the master key is.
    pub master_keys: MasterKeySource,
    /// Connections to PostgreSQL, or reading connections to SQLite (of which two are enough), at most.
    pub connections: u32,
    /// How long to wait for a free connection, and on SQLite for the write lock of another process.
    pub wait: Duration,
    /// Where the time comes from.
    pub clock: Arc<dyn Clock>,
}

impl Options {
    /// The usual: 10 connections, waits of 10 seconds, the operating system's clock.
    pub fn new(master_keys: MasterKeySource) -> Self {
        Self { master_keys, connections: 10, wait: Duration::from_secs(10), clock: Arc::new(SystemClock) }
    }
}

/// Everything Decant keeps. Cheap to clone; clones share connections.
#[derive(Debug, Clone)]
pub struct Store(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    database: Database,
    vault: Vault,
    clock: Arc<dyn Clock>,
    ids: Mutex<ContextV7>,
}

impl Store {
    /// Opens a database, brings its tables up to date and checks that the master key fits it.
    ///
    /// `url` is `sqlite:PATH` (made when it is missing) or `postgres://…`. With a wrong master key this is
    /// [`StoreError::Vault`], and nothing is changed.
    pub fn connect(url: &str, options: Options) -> Asked<'_, Self> {
        Box::pin(async move {
            let database = open(url, &options).await?;
            migrations::run(&database).await?;
            let ids = Mutex::new(ContextV7::new());
            let vault =
                Vault::unlock(database.clone(), options.master_keys, Arc::clone(&options.clock)).await?;
            Ok(Self(Arc::new(Inner { database, vault, clock: options.clock, ids })))
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.database().fetch_optional(Query::new("SELECT 1 AS one")).await.map(drop)
    }

    /// Closes all connections once they are idle. Calls after it are [`StoreError::Unavailable`].
    pub async fn close(&self) {
        self.0.database.close().await;
    }

    pub(crate) fn database(&self) -> &Database {
        &self.0.database
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// The present, as precise as it can be kept.
    pub(crate) fn now(&self) -> Timestamp {
        whole_milliseconds(self.0.clock.now())
    }

    /// Deletes what a statement finds from before a time (`$1`), so many rows at once (`$2`); how many in all. Each portion is a
    /// transaction of its own, so that others can write in between.
    pub(crate) async fn delete_in_portions(
        &self,
        statement: &'static str,
        before: Timestamp,
        at_once: u32,
    ) -> Result<u64, StoreError> {
        let mut deleted = 0;
        loop {
            let mut transaction = self.database().begin().await?;
            let portion = transaction.execute(Query::new(statement).bind(before).bind(at_once)).await?;
            transaction.commit().await?;
            deleted += portion;
            if portion < u64::from(at_once) {
                return Ok(deleted);
            }
        }
    }

    /// An id that sorts after those made before it in this process.
    pub(crate) fn new_id(&self, now: Timestamp) -> String {
        // The clock is never before 1970 and its fraction never negative.
        let seconds = u64::try_from(now.as_second()).unwrap_or_default();
        let nanoseconds = u32::try_from(now.subsec_nanosecond()).unwrap_or_default();
        Uuid::new_v7(uuid::Timestamp::from_unix(&self.0.ids, seconds, nanoseconds)).to_string()
    }
}

/// Cuts what the API does not show: a row has to be found by the time that was shown of it.
pub(crate) fn whole_milliseconds(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

async fn open(url: &str, options: &Options) -> Result<Database, StoreError> {
    if let Some(path) = url.strip_prefix("sqlite:") {
        let path = path.strip_prefix("//").unwrap_or(path);
        if path.is_empty() || path.starts_with(":memory:") {
            return Err(StoreError::BadUrl("SQLite needs a file: sqlite:PATH".into()));
        }
        return open_sqlite(path, options).await.map_err(|error| StoreError::not_opened(path, &error));
    }
    if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        let connect: PgConnectOptions =
            url.parse().map_err(|_| StoreError::BadUrl("it is not a valid PostgreSQL address".into()))?;
        let place = match connect.get_socket() {
            Some(socket) => socket.display().to_string(),
            None => format!("{}:{}", connect.get_host(), connect.get_port()),
        };
        return open_postgres(connect, options).await.map_err(|error| StoreError::not_opened(place, &error));
    }
    Err(StoreError::BadUrl("it must begin with sqlite: or postgres://".into()))
}

/// Opens the connection that writes. SQLite's own waiting does not hold while others switch a new file to the write-ahead log.
async fn open_writer(
    pool: SqlitePoolOptions,
    connect: &SqliteConnectOptions,
    wait: Duration,
) -> Result<SqlitePool, sqlx::Error> {
    let started = Instant::now();
    loop {
        match pool.clone().connect_with(connect.clone()).await {
            Err(sqlx::Error::Database(error))
                if started.elapsed() < wait && error.code().as_deref() == Some(SQLITE_BUSY) =>
            {
                tokio::time::sleep(BUSY_PAUSE).await;
            }
            opened => return opened,
        }
    }
}

/// Opens a database that may be starting itself: until it takes connections it is tried again.
async fn open_postgres(connect: PgConnectOptions, options: &Options) -> Result<Database, sqlx::Error> {
    let pool = PgPoolOptions::new().max_connections(options.connections).acquire_timeout(options.wait);
    match pool.connect_with(connect.clone()).await {
        // Which says nothing of what it waited for.
        Err(sqlx::Error::PoolTimedOut) => {
            let once_more = timeout(LAST_TRY, PgConnection::connect_with(&connect)).await;
            Err(once_more.ok().and_then(Result::err).unwrap_or(sqlx::Error::PoolTimedOut))
        }
        opened => opened.map(Database::Postgres),
    }
}

async fn open_sqlite(path: &str, options: &Options) -> Result<Database, sqlx::Error> {
    if let Some(folder) = Path::new(path).parent() {
        std::fs::create_dir_all(folder).map_err(sqlx::Error::Io)?;
    }
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .pragma("cache_size", SQLITE_CACHE)
        // What a statement of many rows would take back lies in memory: in a file, each of them makes one and deletes it.
        .pragma("temp_store", "memory")
        .busy_timeout(options.wait);
    // The writer opens first: it makes the file and switches it to the write-ahead log. Connections stay open: there is
    // no server that could lose them, and the last one to close would end the log under the readers.
    let pool = SqlitePoolOptions::new().acquire_timeout(options.wait).idle_timeout(None).max_lifetime(None);
    let write = open_writer(pool.clone().max_connections(1), &connect, options.wait).await?;
    let read = pool
        .max_connections(options.connections.min(SQLITE_READERS))
        .connect_with(connect.read_only(true))
        .await?;
    Ok(Database::Sqlite { write, read })
}
