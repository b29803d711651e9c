//! Rows that tests start from.

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sqlx::{Connection as _, PgConnection, SqliteConnection};
use store::{
    AccountStatus, Environment, EnvironmentIntegration, IntegratedAccount, NewEnvironmentIntegration,
    NewEvent, NewIntegratedAccount, Secrets, Store, testing::TestDatabase,
};

pub fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The map of an object.
pub fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("not an object: {other}"),
    }
}

pub fn secrets(value: Value) -> Secrets {
    Secrets::from(map(value))
}

pub async fn environment(store: &Store) -> Environment {
    store.create_environment("production").await.unwrap()
}

pub async fn installed(
    store: &Store,
    environment: &Environment,
    integration: &str,
) -> EnvironmentIntegration {
    let new = NewEnvironmentIntegration {
        environment_id: environment.id.clone(),
        integration: integration.to_owned(),
        is_enabled: true,
        show_in_catalog: true,
        overrides: map(json!({})),
        secrets: None,
    };
    store.install_integration(&new, no_events).await.unwrap()
}

pub fn new_account(installed: &EnvironmentIntegration, tenant_id: &str) -> NewIntegratedAccount {
    NewIntegratedAccount {
        environment_id: installed.environment_id.clone(),
        environment_integration_id: installed.id.clone(),
        tenant_id: tenant_id.to_owned(),
        authentication_method: "api_key".to_owned(),
        region: None,
        status: AccountStatus::Connecting,
        is_sandbox: false,
        context: map(json!({"tenant": "vineyard"})),
        secrets: secrets(json!({"app_secret": "s3cr3t", "oauth": {"token": {"access_token": "t0k3n"}}})),
        unified_model_override: map(json!({})),
        integration_override: map(json!({})),
        link_token_id: None,
    }
}

/// Tells nothing of what is made.
pub fn no_events<T: ?Sized>(_: &T) -> Vec<NewEvent> {
    Vec::new()
}

/// Tells nothing of what is changed.
pub fn no_events_of_a_change<T>(_: &T, _: &T) -> Vec<NewEvent> {
    Vec::new()
}

/// An account with everything it stands on.
pub async fn account(store: &Store) -> IntegratedAccount {
    let environment = environment(store).await;
    let installed = installed(store, &environment, "winery").await;
    store.create_integrated_account(&new_account(&installed, "acme"), no_events).await.unwrap()
}

/// Runs a statement past the store.
pub async fn execute(database: &TestDatabase, statement: &'static str) {
    if database.url().starts_with("sqlite") {
        let mut connection = SqliteConnection::connect(database.url()).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    } else {
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        sqlx::raw_sql(statement).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

/// The texts in the one column of a query, read past the store.
pub async fn texts(database: &TestDatabase, query: &'static str) -> Vec<String> {
    if database.url().starts_with("sqlite") {
        let mut connection = SqliteConnection::connect(database.url()).await.unwrap();
        let rows = sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows
    } else {
        let mut connection = PgConnection::connect(database.url()).await.unwrap();
        let rows = sqlx::query_scalar(query).fetch_all(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        rows
    }
}
