//! Logs: one row for each call of the data plane.

mod record;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use store::{LogEntry, LogFilter, TimeRange};
use utoipa::ToSchema;

pub(crate) use self::record::{Logged, Record};
pub(crate) use self::writer::Writer;
use crate::list::Parameters;
use crate::{Caller, Error, Gateway, ListOf};

/// The kind of the rows that calls of the data plane leave.
pub(crate) const UNIFIED_PROXY_API: &str = "unified_proxy_api";
/// The kinds that a caller may ask for.
const LOG_TYPES: [&str; 5] = [UNIFIED_PROXY_API, "rapid_bridge", "webhook", "sync_job_cron_trigger", "mcp"];
/// Rows of a page, when the caller does not say and at most.
const PAGE: u32 = 100;
/// How wide a range of time may be.
const MONTH: Duration = Duration::from_secs(31 * 24 * 60 * 60);

/// A call that was made (facts, Truto 16). Bodies are never kept.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct LogRow {
    /// Id.
    pub id: String,
    /// When it was made.
    #[serde(serialize_with = "crate::time::serialize")]
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Timestamp,
    /// The environment.
    pub environment_id: String,
    /// The account, if one was named.
    pub integrated_account_id: Option<String>,
    /// The account's tenant.
    pub tenant_id: Option<String>,
    /// The integration's slug.
    pub integration: Option<String>,
    /// `unified`, `proxy`, or `batch` for a batch as a whole.
    pub request_type: Option<String>,
    /// The resource asked for.
    pub resource: Option<String>,
    /// The method asked for.
    pub method: Option<String>,
    /// The HTTP verb sent to the platform.
    pub http_method: Option<String>,
    /// Where it was sent to; what may be secret in its query is left out.
    pub http_url: Option<String>,
    /// The status answered.
    pub http_status_code: Option<u16>,
    /// `2xx`, `4xx`, …
    pub http_status_category: Option<String>,
    /// Milliseconds in all.
    pub duration: Option<i64>,
    /// Milliseconds that the platform took.
    pub fetch_duration: Option<i64>,
    /// Milliseconds that it waited for its turn; absent where it did not.
    pub wait_duration: Option<i64>,
    /// What it waited for: `rate_limit`, or `platform_down` after failures in a row.
    pub wait_reason: Option<String>,
    /// How many records were answered.
    pub result_count: Option<i64>,
    /// Whether the platform refused the credentials.
    pub integrated_account_needs_reauth: bool,
    /// Details.
    #[schema(value_type = Vec<Object>)]
    pub logs: Vec<Value>,
    /// What happened.
    pub message: Option<String>,
}

impl Gateway {
    /// The environment's log, newest first. Query: `log_type`, `created_at` (a range of a month at most), the fields
    /// `integrated_account_id`, `tenant_id`, `integration`, `request_type`, `resource`, `method`, `http_method`,
    /// `http_status_code`, `http_status_category` and `integrated_account_needs_reauth`, at the root or within
    /// `log_type_filter[…]`, `limit` (100 at most) and `next_cursor`.
    pub async fn logs(&self, caller: &Caller, query: &Map<String, Value>) -> Result<ListOf<LogRow>, Error> {
        let environment_id = caller.environment()?;
        let mut query = query.clone();
        match query.shift_remove("log_type_filter") {
            None => {}
            Some(Value::Object(inner)) => {
                if let Some(name) = inner.keys().find(|name| query.contains_key(*name)) {
                    return Err(Error::bad_request(format!(
                        "{name} is given twice, at the root and within log_type_filter: leave one of them out"
                    )));
                }
                query.extend(inner);
            }
            Some(_) => {
                return Err(Error::bad_request(
                    "log_type_filter takes names and values: log_type_filter[resource]=order",
                ));
            }
        }
        let mut parameters = Parameters::new(&query);
        let filter = LogFilter {
            log_type: parameters.owned("log_type")?,
            integrated_account_id: parameters.owned("integrated_account_id")?,
            tenant_id: parameters.owned("tenant_id")?,
            integration: parameters.owned("integration")?,
            request_type: parameters.owned("request_type")?,
            resource: parameters.owned("resource")?,
            method: parameters.owned("method")?,
            http_method: parameters.owned("http_method")?,
            http_status_code: status(parameters.text("http_status_code")?)?,
            http_status_category: parameters.owned("http_status_category")?,
            integrated_account_needs_reauth: parameters.flag("integrated_account_needs_reauth")?,
            created_at: parameters.time_range("created_at")?,
        };
        let page = parameters.page(PAGE, PAGE)?;
        parameters.finish()?;
        if let Some(asked) = filter.log_type.as_deref()
            && !LOG_TYPES.contains(&asked)
        {
            return Err(Error::bad_request(
                integration::Unknown::new("log_type", asked, LOG_TYPES).to_string(),
            ));
        }
        within_a_month(filter.created_at)?;
        let listed = self.0.parts.store.list_logs(environment_id, &filter, &page).await?;
        Ok(ListOf::of(listed, page.limit, LogRow::of))
    }
}

fn status(text: Option<&str>) -> Result<Option<u16>, Error> {
    text.map(str::parse)
        .transpose()
        .map_err(|_| Error::bad_request("http_status_code has to be a whole number"))
}

fn within_a_month(range: TimeRange) -> Result<(), Error> {
    match (range.gte.or(range.gt), range.lte.or(range.lt)) {
        (Some(from), Some(to)) if to.duration_since(from).unsigned_abs() > MONTH => {
            Err(Error::bad_request("created_at may span a month at most"))
        }
        _ => Ok(()),
    }
}

impl LogRow {
    fn of(LogEntry { id, entry }: LogEntry) -> Self {
        let text = |text: Option<Arc<str>>| text.as_deref().map(str::to_owned);
        Self {
            id,
            timestamp: entry.created_at,
            environment_id: entry.environment_id.as_ref().into(),
            integrated_account_id: text(entry.integrated_account_id),
            tenant_id: text(entry.tenant_id),
            integration: text(entry.integration),
            request_type: text(entry.request_type),
            resource: text(entry.resource),
            method: text(entry.method),
            http_method: text(entry.http_method),
            http_url: text(entry.http_url),
            http_status_code: entry.http_status_code,
            http_status_category: text(entry.http_status_category),
            duration: entry.duration,
            fetch_duration: entry.fetch_duration,
            wait_duration: entry.wait_duration,
            wait_reason: text(entry.wait_reason),
            result_count: entry.result_count,
            integrated_account_needs_reauth: entry.integrated_account_needs_reauth,
            logs: entry.logs,
            message: text(entry.message),
        }
    }
}
