//! Opening and closing.

use std::net::TcpListener;
use std::time::Duration;

use sqlx::{Connection as _, SqliteConnection, postgres::PgConnectOptions};
use store::{Options, Page, Store, StoreError, over_both_databases, testing::TestDatabase};

use crate::samples::{environment, execute, texts};

over_both_databases!(
    a_database_is_opened_again_with_what_it_had,
    nodes_that_start_together_agree,
    a_newer_programs_database_is_refused,
    a_closed_store_is_unavailable,
);

async fn a_database_is_opened_again_with_what_it_had(database: &TestDatabase) {
    let store = database.open().await;
    store.ping().await.unwrap();
    let made = environment(&store).await;
    store.close().await;
    let again = database.open().await;
    assert_eq!(again.list_environments(&Page::first(10)).await.unwrap().items, [made]);
}

async fn nodes_that_start_together_agree(database: &TestDatabase) {
    let mut starting = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (url, options) = (database.url().to_owned(), database.options());
        starting.spawn(async move { Store::connect(&url, options).await.unwrap() });
    }
    let stores = starting.join_all().await;
    environment(&stores[0]).await;
    for store in &stores {
        assert!(store.find_environment("production").await.unwrap().is_some());
    }
    assert_eq!(texts(database, "SELECT id FROM data_key").await.len(), 1);
}

async fn a_newer_programs_database_is_refused(database: &TestDatabase) {
    database.open().await.close().await;
    execute(database, "UPDATE _sqlx_migrations SET version = 999999 WHERE version = 1").await;
    let error = Store::connect(database.url(), database.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::Migration { .. }), "{error:?}");
    assert!(error.to_string().contains("newer version"), "{error}");
}

async fn a_closed_store_is_unavailable(database: &TestDatabase) {
    let store = database.open().await;
    store.close().await;
    for error in [store.ping().await.unwrap_err(), store.create_environment("x").await.unwrap_err()] {
        assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    }
}

#[tokio::test]
async fn sqlite_is_set_up_for_many_readers_beside_one_writer() {
    let database = TestDatabase::sqlite();
    let _store = database.open().await;
    assert_eq!(texts(&database, "PRAGMA journal_mode").await, ["wal"]);
}

#[tokio::test]
async fn a_write_lock_held_by_another_process_is_a_passing_state() {
    let database = TestDatabase::sqlite();
    let options = Options { wait: Duration::from_millis(250), ..database.options() };
    let store = Store::connect(database.url(), options).await.unwrap();
    let mut other = SqliteConnection::connect(database.url()).await.unwrap();
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let error = store.create_environment("production").await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
    store.find_environment("production").await.expect("reading goes on");
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    environment(&store).await;
}

#[tokio::test]
async fn an_address_that_cannot_be_used_is_refused_with_a_reason() {
    let options = || -> Options { TestDatabase::sqlite().options() };
    for (url, reason) in [
        ("mysql://localhost/decant", "must begin with sqlite: or postgres://"),
        ("sqlite::memory:", "needs a file"),
        ("sqlite:", "needs a file"),
        ("postgres://user:hush@localhost:notaport/x", "not a valid PostgreSQL address"),
    ] {
        let error = Store::connect(url, options()).await.unwrap_err();
        assert!(matches!(error, StoreError::BadUrl(_)), "{error:?}");
        let message = format!("{error} {error:?}");
        assert!(message.contains(reason) && !message.contains("hush"), "{message}");
    }
}

#[tokio::test]
async fn a_database_that_does_not_open_says_why() {
    let options = Options { wait: Duration::from_millis(250), ..TestDatabase::sqlite().options() };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    for (url, reason) in [
        (
            format!("postgres://user:hush@127.0.0.1:{port}/x"),
            format!("127.0.0.1:{port} can't be opened: Connection refused"),
        ),
        (format!("sqlite:{}", folder.path().display()), "unable to open database file".to_owned()),
    ] {
        let error = Store::connect(&url, options.clone()).await.unwrap_err();
        assert!(matches!(error, StoreError::NotOpened { .. }), "{error:?}");
        let message = format!("{error} {error:?}");
        assert!(message.contains(&reason) && !message.contains("hush"), "{message}");
    }
}

#[tokio::test]
#[ignore = "needs PostgreSQL: `cargo xtask test`"]
async fn a_database_that_is_not_there_is_named() {
    let database = TestDatabase::postgres().await;
    let known: PgConnectOptions = database.url().parse().unwrap();
    let url = database.url().replace(known.get_database().unwrap(), "of_nobody");
    let error = Store::connect(&url, database.options()).await.unwrap_err();
    assert!(matches!(error, StoreError::NotOpened { .. }), "{error:?}");
    assert!(error.to_string().contains(r#"database "of_nobody" does not exist"#), "{error}");
}

#[tokio::test]
#[ignore = "needs PostgreSQL: `cargo xtask test`"]
async fn lost_connections_are_replaced() {
    let database = TestDatabase::postgres().await;
    let store = database.open().await;
    environment(&store).await;
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    execute(&database, kill).await;
    assert!(store.find_environment("production").await.unwrap().is_some());
}
