//! Log rows: one for each call that passed the gateway.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    Listed, Page, Store, StoreError, TimeRange,
    database::{Query, Row},
    page::time_cursor,
};

/// A row to add. Field names are the API's; bodies are never part of it. Its texts are shared: on their way from the call that they tell of to the
/// database they pass three threads, none of which copies them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NewLogEntry {
    /// When the call was made; shown as `timestamp`.
    pub created_at: Timestamp,
    /// The kind of log (`unified_proxy_api`, …).
    pub log_type: Arc<str>,
    /// The environment.
    pub environment_id: Arc<str>,
    /// The account, if one was named.
    pub integrated_account_id: Option<Arc<str>>,
    /// The account's tenant.
    pub tenant_id: Option<Arc<str>>,
    /// The name of the integration's definition.
    pub integration: Option<Arc<str>>,
    /// The way it was asked: `unified`, `proxy`, `custom`, ….
    pub request_type: Option<Arc<str>>,
    /// The resource asked for.
    pub resource: Option<Arc<str>>,
    /// The method asked for (`list`, `get`, …).
    pub method: Option<Arc<str>>,
    /// The HTTP verb sent upstream.
    pub http_method: Option<Arc<str>>,
    /// The address sent to, without secrets.
    pub http_url: Option<Arc<str>>,
    /// The status answered.
    pub http_status_code: Option<u16>,
    /// `2xx`, `4xx`, ….
    pub http_status_category: Option<Arc<str>>,
    /// How long it took in all, in milliseconds.
    pub duration: Option<i64>,
    /// How long the platform took, in milliseconds.
    pub fetch_duration: Option<i64>,
    /// How long it waited for its turn, in milliseconds; `None` where it did not.
    pub wait_duration: Option<i64>,
    /// What it waited for.
    pub wait_reason: Option<Arc<str>>,
    /// How many records were answered.
    pub result_count: Option<i64>,
    /// Whether the platform refused the credentials.
    pub integrated_account_needs_reauth: bool,
    /// Details, one value each.
    pub logs: Vec<Value>,
    /// What happened, in a sentence.
    pub message: Option<Arc<str>>,
}

/// A row as kept.
#[derive(Debug, Clone, PartialEq)]
pub struct LogEntry {
    /// Id.
    pub id: String,
    /// What was logged.
    pub entry: NewLogEntry,
}

/// Which rows to list; those conditions that are given hold together.
#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// Of this kind.
    pub log_type: Option<String>,
    /// Of this account.
    pub integrated_account_id: Option<String>,
    /// Of this tenant.
    pub tenant_id: Option<String>,
    /// Of this integration.
    pub integration: Option<String>,
    /// Asked this way.
    pub request_type: Option<String>,
    /// For this resource.
    pub resource: Option<String>,
    /// For this method.
    pub method: Option<String>,
    /// By this HTTP verb.
    pub http_method: Option<String>,
    /// With this status.
    pub http_status_code: Option<u16>,
    /// With a status of this category (`4xx`).
    pub http_status_category: Option<String>,
    /// Whether the platform refused the credentials.
    pub integrated_account_needs_reauth: Option<bool>,
    /// Made within.
    pub created_at: TimeRange,
}

const COLUMNS: &str = "SELECT id, log_type, environment_id, integrated_account_id, tenant_id, integration, request_type, \
                       resource, method, http_method, http_url, http_status_code, http_status_category, duration, \
                       fetch_duration, wait_duration, wait_reason, result_count, integrated_account_needs_reauth, logs, message, \
                       created_at FROM log";

/// Rows of one INSERT: a few fixed sizes, so that a driver prepares few statements.
const BATCH_SIZES: [usize; 4] = [64, 16, 4, 1];

/// Rows deleted by one transaction.
const DELETED_AT_ONCE: u32 = 5_000;

impl LogEntry {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let text = |column| Ok::<_, StoreError>(row.get::<Option<String>>(column)?.map(Arc::from));
        Ok(Self {
            id: row.get("id")?,
            entry: NewLogEntry {
                created_at: row.time("created_at")?,
                log_type: row.get::<String>("log_type")?.into(),
                environment_id: row.get::<String>("environment_id")?.into(),
                integrated_account_id: text("integrated_account_id")?,
                tenant_id: text("tenant_id")?,
                integration: text("integration")?,
                request_type: text("request_type")?,
                resource: text("resource")?,
                method: text("method")?,
                http_method: text("http_method")?,
                http_url: text("http_url")?,
                http_status_code: row
                    .get::<Option<i64>>("http_status_code")?
                    .and_then(|status| u16::try_from(status).ok()),
                http_status_category: text("http_status_category")?,
                duration: row.get("duration")?,
                fetch_duration: row.get("fetch_duration")?,
                wait_duration: row.get("wait_duration")?,
                wait_reason: text("wait_reason")?,
                result_count: row.get("result_count")?,
                integrated_account_needs_reauth: row.get("integrated_account_needs_reauth")?,
                logs: row.json("logs")?,
                message: text("message")?,
            },
        })
    }
}

impl Store {
    /// Adds rows, all or none.
    pub async fn insert_logs(&self, entries: &[NewLogEntry]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let mut transaction = self.database().begin().await?;
        let mut rest = entries;
        for size in BATCH_SIZES {
            while rest.len() >= size {
                let (batch, after) = rest.split_at(size);
                transaction.execute(self.insert_batch(batch)).await?;
                rest = after;
            }
        }
        transaction.commit().await
    }

    fn insert_batch(&self, batch: &[NewLogEntry]) -> Query {
        let mut query = Query::with_many_arguments(
            "INSERT INTO log (id, log_type, environment_id, integrated_account_id, tenant_id, integration, request_type, \
             resource, method, http_method, http_url, http_status_code, http_status_category, duration, fetch_duration, \
             wait_duration, wait_reason, result_count, integrated_account_needs_reauth, logs, message, created_at) VALUES ",
            self.database(),
        );
        let now = self.now();
        for (index, entry) in batch.iter().enumerate() {
            query.push(if index == 0 { "(" } else { ", (" });
            query.push_bind(self.new_id(now));
            query.push(", ").push_bind(&entry.log_type);
            query.push(", ").push_bind(&entry.environment_id);
            query.push(", ").push_bind(&entry.integrated_account_id);
            query.push(", ").push_bind(&entry.tenant_id);
            query.push(", ").push_bind(&entry.integration);
            query.push(", ").push_bind(&entry.request_type);
            query.push(", ").push_bind(&entry.resource);
            query.push(", ").push_bind(&entry.method);
            query.push(", ").push_bind(&entry.http_method);
            query.push(", ").push_bind(&entry.http_url);
            query.push(", ").push_bind(entry.http_status_code.map(i64::from));
            query.push(", ").push_bind(&entry.http_status_category);
            query.push(", ").push_bind(entry.duration);
            query.push(", ").push_bind(entry.fetch_duration);
            query.push(", ").push_bind(entry.wait_duration);
            query.push(", ").push_bind(&entry.wait_reason);
            query.push(", ").push_bind(entry.result_count);
            query.push(", ").push_bind(entry.integrated_account_needs_reauth);
            query.push(", ").push_bind(Value::from(entry.logs.clone()).to_string());
            query.push(", ").push_bind(&entry.message);
            query.push(", ").push_bind(crate::store::whole_milliseconds(entry.created_at)).push(")");
        }
        query
    }

    /// An environment's rows, newest first.
    pub async fn list_logs(
        &self,
        environment_id: &str,
        filter: &LogFilter,
        page: &Page,
    ) -> Result<Listed<LogEntry>, StoreError> {
        let mut query = Query::new(COLUMNS);
        query.push(" WHERE environment_id = ").push_bind(environment_id);
        for (condition, value) in [
            (" AND log_type = ", &filter.log_type),
            (" AND integrated_account_id = ", &filter.integrated_account_id),
            (" AND tenant_id = ", &filter.tenant_id),
            (" AND integration = ", &filter.integration),
            (" AND request_type = ", &filter.request_type),
            (" AND resource = ", &filter.resource),
            (" AND method = ", &filter.method),
            (" AND http_method = ", &filter.http_method),
            (" AND http_status_category = ", &filter.http_status_category),
        ] {
            if let Some(value) = value {
                query.push(condition).push_bind(value);
            }
        }
        if let Some(status) = filter.http_status_code {
            query.push(" AND http_status_code = ").push_bind(i64::from(status));
        }
        if let Some(needs_reauth) = filter.integrated_account_needs_reauth {
            query.push(" AND integrated_account_needs_reauth = ").push_bind(needs_reauth);
        }
        filter.created_at.push_to(&mut query, "created_at");
        page.push_newest_first_to(&mut query)?;
        let rows = self.database().fetch_all(query).await?;
        let items = rows.iter().map(LogEntry::read).collect::<Result<Vec<_>, _>>()?;
        Ok(Listed::cut(items, page.limit, |log| time_cursor(log.entry.created_at, &log.id)))
    }

    /// Deletes rows older than `before`; how many. In portions, so that it never holds others up.
    pub async fn delete_logs(&self, before: Timestamp) -> Result<u64, StoreError> {
        let statement = "DELETE FROM log WHERE id IN (SELECT id FROM log WHERE created_at < $1 ORDER BY created_at LIMIT $2)";
        self.delete_in_portions(statement, before, DELETED_AT_ONCE).await
    }
}
