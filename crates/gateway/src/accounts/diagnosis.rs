//! Why a platform refuses the credentials of an account that is being connected, told apart as the definition says.

use std::time::Duration;

use integration::{Diagnosis, Refusal, RemoteErrorKind};
use serde_json::{Map, Value};
use store::{AccountFilter, AccountStatus, Page};

use crate::fetch::{Ask, Call, require_success};
use crate::resolve::Connected;
use crate::{Error, Gateway};

/// The platform has so long to say whether it has the account: a person waits.
const ANSWER: Duration = Duration::from_secs(10);
/// So many other accounts are looked at for the same credentials.
const OTHERS: u32 = 50;

impl Gateway {
    /// Why the credentials are refused; `None` when the error is another one, or nobody asks any more because the account is connected anew
    /// by now. What can't be found out counts as wrong credentials.
    pub(super) async fn refusal(&self, connected: &Connected, error: &Error) -> Option<Refusal> {
        if error.remote().is_none_or(|remote| remote.kind != RemoteErrorKind::Unauthorized) {
            return None;
        }
        let account = &connected.account;
        let now =
            self.0.parts.store.get_integrated_account(&account.environment_id, &account.id).await.ok()?;
        if now.attempt != account.attempt {
            return None;
        }
        let Some(diagnosis) = &connected.integration.diagnosis else {
            return Some(Refusal::CredentialsRefused);
        };
        let is_known = self.is_known(connected, diagnosis).await;
        let open_others = is_known == Some(true)
            && self.open_others(connected, diagnosis).await.unwrap_or_else(|error| {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "what other accounts tell of refused credentials was not found out");
                false
            });
        Some(diagnosis.refusal(is_known, open_others))
    }

    /// Whether the platform has the account; `None` when it does not say.
    async fn is_known(&self, connected: &Connected, diagnosis: &Diagnosis) -> Option<bool> {
        let (resource, method) = &diagnosis.known_account;
        let call = Call { gateway: self, connected, record: None, resource, method };
        let resource = call.integration().resource(resource).ok()?;
        let method = resource.method(method).ok()?;
        let ask = Ask { resource, method, id: None, query: &Map::new(), page: None };
        let asked = tokio::time::timeout(ANSWER, call.ask(&ask, None)).await.ok()?;
        match asked.and_then(require_success) {
            Ok(_) => Some(true),
            Err(error) => match error.remote()?.kind {
                RemoteErrorKind::RateLimited | RemoteErrorKind::Unavailable | RemoteErrorKind::Other => None,
                _ => Some(false),
            },
        }
    }

    /// Whether the product's own part of the credentials opens another account.
    async fn open_others(&self, connected: &Connected, diagnosis: &Diagnosis) -> Result<bool, Error> {
        if diagnosis.shared_credentials.is_empty() {
            return Ok(false);
        }
        let account = &connected.account;
        let filter = AccountFilter {
            environment_integration_id: Some(account.environment_integration_id.clone()),
            status: Some(AccountStatus::Active),
            ..AccountFilter::default()
        };
        let store = &self.0.parts.store;
        let own = store.open_account_secrets(account).await?;
        // What neither account has is the environment's, for both.
        let shared = |context: &Map<String, Value>, secrets: &Map<String, Value>| -> Vec<Option<Value>> {
            let value = |name: &String| context.get(name).or_else(|| secrets.get(name)).cloned();
            diagnosis.shared_credentials.iter().map(value).collect()
        };
        let wanted = shared(&account.context, own.expose());
        let others =
            store.list_integrated_accounts(&account.environment_id, &filter, &Page::first(OTHERS)).await?;
        for other in others.items.iter().filter(|other| other.id != account.id) {
            let secrets = store.open_account_secrets(other).await?;
            if shared(&other.context, secrets.expose()) == wanted {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
