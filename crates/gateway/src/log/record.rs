//! The log row of a call while it runs.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use store::{IntegratedAccount, NewLogEntry};
use url::Url;

use crate::budget::Terms;
use crate::gateway::Inner;
use crate::writes::Writes;
use crate::{Caller, Error, Gateway, metrics};

/// Query values under names that hold one of these are left out of the log.
const SECRET_NAMES: [&str; 8] =
    ["token", "secret", "password", "key", "auth", "signature", "credential", "session"];

static LOG_TYPE: LazyLock<Arc<str>> = LazyLock::new(|| super::UNIFIED_PROXY_API.into());

/// What rows tell of the account that a call is about; shared by all of its rows.
pub(crate) struct Logged {
    pub(crate) id: Arc<str>,
    tenant_id: Arc<str>,
    integration: Arc<str>,
}

impl Logged {
    pub(crate) fn of(account: &IntegratedAccount) -> Self {
        let IntegratedAccount { id, tenant_id, integration, .. } = account;
        Self {
            id: id.as_str().into(),
            tenant_id: tenant_id.as_str().into(),
            integration: integration.as_str().into(),
        }
    }
}

/// A call that is being made. Its row is handed over when it is finished, also when the caller goes away before.
pub(crate) struct Record {
    gateway: Arc<Inner>,
    request_type: &'static str,
    started: Instant,
    row: Mutex<Option<NewLogEntry>>,
    writes: Writes,
    terms: Terms,
    caller: Arc<str>,
}

impl Record {
    pub(crate) fn start(
        gateway: &Gateway,
        request_type: &'static str,
        caller: &Caller,
        resource: &str,
        method: &str,
    ) -> Self {
        let row = NewLogEntry {
            created_at: gateway.0.parts.clock.now(),
            log_type: Arc::clone(&LOG_TYPE),
            environment_id: Arc::clone(&caller.environment_id),
            request_type: Some(request_type.into()),
            resource: Some(resource.into()),
            method: Some(method.into()),
            ..NewLogEntry::default()
        };
        Self {
            gateway: Arc::clone(&gateway.0),
            request_type,
            started: Instant::now(),
            row: Mutex::new(Some(row)),
            writes: Writes::current(),
            terms: Terms::current(),
            caller: Arc::clone(caller.token_id()),
        }
    }

    /// What the call has sent of writes.
    pub(crate) fn writes(&self) -> &Writes {
        &self.writes
    }

    /// How the call wants to wait.
    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// Whose call it is, among those who wait.
    pub(crate) fn caller(&self) -> &Arc<str> {
        &self.caller
    }

    /// Notes a wait before a request was sent, and what for.
    pub(crate) fn waited(&self, wait: Duration, reason: &str) {
        self.terms.waited(wait);
        if wait >= Duration::from_millis(1) {
            self.note(|row| {
                let before = row.wait_duration.unwrap_or_default();
                row.wait_duration = Some(before.saturating_add(milliseconds(wait)));
                row.wait_reason.get_or_insert_with(|| reason.into());
            });
        }
    }

    /// Notes which account the call is about.
    pub(crate) fn about(&self, account: &Logged) {
        self.note(|row| {
            row.integrated_account_id = Some(Arc::clone(&account.id));
            row.tenant_id = Some(Arc::clone(&account.tenant_id));
            row.integration = Some(Arc::clone(&account.integration));
        });
    }

    /// Notes a request to the platform. The row shows the first; a call that takes several shows their time in sum.
    pub(crate) fn sent(&self, verb: &http::Method, url: &Url, took: Duration) {
        self.note(|row| {
            if row.http_url.is_none() {
                row.http_method = Some(verb.as_str().into());
                row.http_url = Some(shown(url).into());
            }
            let before = row.fetch_duration.unwrap_or_default();
            row.fetch_duration = Some(before.saturating_add(milliseconds(took)));
        });
    }

    /// Notes that the platform refused the credentials.
    pub(crate) fn needs_reauth(&self) {
        self.note(|row| row.integrated_account_needs_reauth = true);
    }

    /// Hands the row over.
    pub(crate) fn finish(&self, outcome: Result<(u16, Option<u64>), &Error>) {
        match outcome {
            Ok((status, count)) => self.end(status, count, None),
            Err(error) => self.end(error.status(), None, Some(error.to_string())),
        }
    }

    fn end(&self, status: u16, count: Option<u64>, message: Option<String>) {
        let row = self.row.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut row) = row else { return };
        let took = self.started.elapsed();
        metrics::called(self.request_type, metrics::category(status), took);
        row.http_status_code = Some(status);
        row.http_status_category = Some(metrics::category(status).into());
        row.duration = Some(milliseconds(took));
        row.result_count = count.and_then(|count| i64::try_from(count).ok());
        // A platform's words may hold what PostgreSQL's texts can't.
        row.message = message.map(|message| message.replace('\0', "").into());
        self.gateway.log.hand_over(row);
    }

    fn note(&self, change: impl FnOnce(&mut NewLogEntry)) {
        if let Some(row) = self.row.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            change(row);
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        // 499, as proxies write it. Does nothing when the call was finished.
        self.end(499, None, Some("the caller went away before the answer".into()));
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// An address as it may be kept: without user information, and without query values that may be secret.
fn shown(url: &Url) -> Cow<'_, str> {
    let may_be_secret = |name: &str| {
        let name = name.to_ascii_lowercase();
        SECRET_NAMES.iter().any(|secret| name.contains(secret))
    };
    let bare = url.username().is_empty() && url.password().is_none();
    if bare && !url.query_pairs().any(|(name, _)| may_be_secret(&name)) {
        return url.as_str().into();
    }
    let mut url = url.clone();
    // Refused only for URLs without a host, which have no user information.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if url.query().is_some() {
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        let mut query = url.query_pairs_mut();
        query.clear();
        for (name, value) in &pairs {
            query.append_pair(name, if may_be_secret(name) { "***" } else { value });
        }
        drop(query);
    }
    String::from(url).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_is_not_shown() {
        let shown = |url: &str| shown(&url.parse().unwrap()).into_owned();
        assert_eq!(
            shown("https://shop.test/v1/order?page=2&q=a%20b"),
            "https://shop.test/v1/order?page=2&q=a%20b"
        );
        assert_eq!(
            shown("https://me:word@shop.test/v1?API_Key=abc&page=2&access_token=x"),
            "https://shop.test/v1?API_Key=***&page=2&access_token=***"
        );
    }
}
