//! Throw-away databases for tests, one for each test.
//!
//! A test is an `async fn(&TestDatabase)` that [`over_both_databases!`](crate::over_both_databases) turns into two. Those over PostgreSQL are
//! ignored by a bare `cargo test`; `cargo xtask test` starts a server, sets [`POSTGRES_URL`] and runs them all. Where they are asked for and
//! the variable is missing, they fail.
//!
//! This module is part of `store`, behind a feature, because both this crate's own tests and `testkit` need it, and
//! `testkit` stands on top of everything.
#![expect(clippy::expect_used, reason = "a test without its database has to fail")]

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use aws_lc_rs::digest;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    Clock, MasterKeySource, MasterKeys, Options, Store, StoreError, database::Database, migrations,
    token::hex,
};

/// The variable with the address of a PostgreSQL server on which tests may make databases; it names one that exists:
/// `postgres://user@host:port/postgres`.
pub const POSTGRES_URL: &str = "DECANT_TEST_POSTGRES_URL";

/// An empty database with a master key of its own. It is removed when this is dropped.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    key: String,
    /// SQLite: removed with its folder.
    _folder: Option<TempDir>,
    /// PostgreSQL: the server's address and the database's name.
    server: Option<(String, String)>,
}

impl TestDatabase {
    /// A SQLite file in a temporary folder.
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("make a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("decant.db").display());
        Self { url, key: random_key(), _folder: Some(folder), server: None }
    }

    /// A database on the server of [`POSTGRES_URL`], copied from one that has the tables.
    pub async fn postgres() -> Self {
        let server = std::env::var(POSTGRES_URL)
            .expect("tests over PostgreSQL need DECANT_TEST_POSTGRES_URL; `cargo xtask test` sets it");
        let mut connection = PgConnection::connect(&server).await.expect("reach the PostgreSQL server");
        let template = template(&server, &mut connection).await.expect("make the template database");
        let name = format!("decant_test_{}", Uuid::new_v4().simple());
        execute(&mut connection, format!("CREATE DATABASE {name} TEMPLATE {template}"))
            .await
            .expect("make a database");
        connection.close().await.expect("leave the server");
        Self {
            url: with_database(&server, &name),
            key: random_key(),
            _folder: None,
            server: Some((server, name)),
        }
    }

    /// Its address, for [`Store::connect`] or `DATABASE_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its master key, as `DECANT_MASTER_KEY` takes it.
    pub fn master_key(&self) -> &str {
        &self.key
    }

    /// Options that open it.
    pub fn options(&self) -> Options {
        let keys = MasterKeys::parse(&SecretString::from(self.key.as_str())).expect("read the master key");
        Options { connections: 4, ..Options::new(MasterKeySource::Given(keys)) }
    }

    /// Opens it. Each call stands for another node.
    pub async fn open(&self) -> Store {
        Store::connect(&self.url, self.options()).await.expect("open the database")
    }

    /// Opens it with a clock of the test's.
    pub async fn open_with_clock(&self, clock: Arc<dyn Clock>) -> Store {
        Store::connect(&self.url, Options { clock, ..self.options() }).await.expect("open the database")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let Some((url, name)) = self.server.take() else { return };
        let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        // Dropping can't wait inside the test's runtime; a failure leaves a database on a server that is thrown away.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&url).await?;
                execute(&mut connection, statement).await?;
                connection.close().await
            })
        });
        if !matches!(dropped.join(), Ok(Ok(()))) {
            eprintln!("the test database {name} could not be dropped");
        }
    }
}

/// A clock that stands until it is moved.
#[derive(Debug, Clone)]
pub struct TestClock(Arc<AtomicI64>);

impl TestClock {
    /// Stands at a time such as `2026-01-01T00:00:00Z`.
    pub fn at(time: &str) -> Self {
        Self(Arc::new(AtomicI64::new(microseconds(time))))
    }

    /// Moves it to a time.
    pub fn set(&self, time: &str) {
        self.0.store(microseconds(time), Ordering::Relaxed);
    }

    /// Moves it on.
    pub fn advance(&self, by: SignedDuration) {
        let by = i64::try_from(by.as_micros()).expect("move by less than an age");
        self.0.fetch_add(by, Ordering::Relaxed);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::Relaxed)).expect("stand within time")
    }
}

fn microseconds(time: &str) -> i64 {
    time.parse::<Timestamp>().expect("read a time").as_microsecond()
}

/// The database that others are copied from; made by the first test that needs it, anew when migrations change.
async fn template(server: &str, connection: &mut PgConnection) -> Result<String, StoreError> {
    let name = format!("decant_template_{}", migrations_fingerprint());
    sqlx::query("SELECT pg_advisory_lock(hashtext('decant_template'))").execute(&mut *connection).await?;
    let found = sqlx::query("SELECT 1 FROM pg_database WHERE datname = $1")
        .bind(&name)
        .fetch_optional(&mut *connection)
        .await?;
    if found.is_none() {
        // Renamed when it is whole, so that a test that dies midway leaves nothing that others would take.
        let draft = format!("decant_template_{}", Uuid::new_v4().simple());
        execute(connection, format!("CREATE DATABASE {draft}")).await?;
        let pool = PgPool::connect(&with_database(server, &draft)).await?;
        migrations::run(&Database::Postgres(pool.clone())).await?;
        pool.close().await;
        execute(connection, format!("ALTER DATABASE {draft} RENAME TO {name}")).await?;
    }
    sqlx::query("SELECT pg_advisory_unlock(hashtext('decant_template'))").execute(&mut *connection).await?;
    Ok(name)
}

fn migrations_fingerprint() -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for text in migrations::postgres_texts() {
        context.update(text.as_bytes());
    }
    let mut name = hex(context.finish().as_ref());
    name.truncate(16);
    name
}

async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    // Safe: names made here.
    sqlx::query(AssertSqlSafe(statement)).execute(connection).await.map(drop)
}

fn with_database(server: &str, name: &str) -> String {
    let (address, parameters) = server.split_once('?').unwrap_or((server, ""));
    let (address, _) = address.rsplit_once('/').expect("DECANT_TEST_POSTGRES_URL names a database");
    format!("{address}/{name}?{parameters}")
}

fn random_key() -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.encode([*Uuid::new_v4().as_bytes(), *Uuid::new_v4().as_bytes()].concat())
}

/// Turns `async fn name(database: &TestDatabase)` into a test `sqlite::name` and a test `postgres::name`.
#[macro_export]
macro_rules! over_both_databases {
    ($($test:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $test() {
                super::$test(&$crate::testing::TestDatabase::sqlite()).await;
            })+
        }

        mod postgres {
            $(#[tokio::test]
            #[ignore = "needs PostgreSQL: `cargo xtask test`"]
            async fn $test() {
                super::$test(&$crate::testing::TestDatabase::postgres().await).await;
            })+
        }
    };
}
