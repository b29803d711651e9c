//! Logs: one row for each call of the data plane.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{Caller, Error, Gateway, ListOf};

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
    /// `unified` or `proxy`.
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
    /// The environment's log, newest first. Query: `log_type`, `created_at` (a range of a month at most), `log_type_filter[…]` or the same
    /// names at the root (`integrated_account_id`, `tenant_id`, `integration`, `request_type`, `resource`, `method`,
    /// `http_method`, `http_status_code`, `http_status_category`, `integrated_account_needs_reauth`), `limit` (100 at
    /// most), `next_cursor`.
    pub async fn logs(&self, caller: &Caller, query: &Map<String, Value>) -> Result<ListOf<LogRow>, Error> {
        let _ = (caller, query);
        todo!()
    }
}
