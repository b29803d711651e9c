//! What a person can do about an account whose calls fail: the `what_to_do` of its last errors.

use integration::oauth::Grant;
use integration::{Integration, Refusal, RemoteError, RemoteErrorKind};
use upstream::SendError;

use crate::Error;

/// How a connection is tried again.
const AGAIN: &str = "POST /integrated-account/run-post-install-actions";

/// What to do about an action that failed.
pub(super) fn on_failed_action(
    integration: &Integration,
    method: &str,
    error: &Error,
    refusal: Option<Refusal>,
) -> String {
    match error {
        Error::Remote(remote) => match remote.error.kind {
            RemoteErrorKind::Unauthorized => match refusal {
                Some(Refusal::UnknownAccount) => format!(
                    "The platform has no such account: check which one is meant ({}), and send the right one with PATCH \
                     /integrated-account/{{id}}/credentials",
                    labels(integration, method, |name| !is_shared(integration, name))
                ),
                Some(Refusal::AppNotInstalled) => format!(
                    "The credentials are right, for they open other accounts: have the customer install the app on the platform, then {AGAIN}"
                ),
                Some(Refusal::CredentialsRefused) | None => on_refused_credentials(integration, method),
            },
            RemoteErrorKind::Forbidden => {
                format!("{}, then {AGAIN}", on_missing_permission(&remote.error))
            }
            RemoteErrorKind::RateLimited => {
                format!("The platform's rate limit is used up: wait a minute, then {AGAIN}")
            }
            RemoteErrorKind::Unavailable => {
                format!("The platform has a fault of its own: when it is well again, {AGAIN}")
            }
            _ => format!(
                "The platform does not take the call; raw_response holds its words. Check the account's context and \
                 overrides, then {AGAIN}"
            ),
        },
        Error::NoAnswer(SendError::AddressRefused { .. } | SendError::BadUrl) => {
            format!("Change the base_url of the environment integration or of the account, then {AGAIN}")
        }
        Error::NoAnswer(_) => {
            format!("When the platform is reachable, {AGAIN}; if it always is, check the base_url")
        }
        Error::BadAnswer(_) => {
            format!("Check that the base_url is the platform's and not a web page of it, then {AGAIN}")
        }
        Error::BadRequest { .. } | Error::NotFound(_) => format!(
            "The overrides of the account and those of its environment do not fit together: change either with PATCH \
             /integrated-account/{{id}} or PATCH /environment-integration/{{id}}, then {AGAIN}"
        ),
        Error::Conflict(_) => "Give what is missing with PATCH /integrated-account/{id}/credentials".into(),
        _ => format!("Try again: {AGAIN}"),
    }
}

/// What to do about a connection that nobody finished.
pub(super) fn on_abandoned() -> String {
    format!("Try again: {AGAIN}")
}

/// What to do about credentials that are refused: platforms do not say which of them is wrong.
pub(crate) fn on_refused_credentials(integration: &Integration, method: &str) -> String {
    if integration.oauth(method).is_some_and(|oauth| oauth.grant == Grant::AuthorizationCode) {
        return "The platform does not take the account's token, and renews it no more: have the customer connect again, with POST \
                /link-token and integrated_account_id"
            .into();
    }
    format!(
        "The platform does not take the credentials: check {}, and send the right ones with PATCH \
         /integrated-account/{{id}}/credentials",
        labels(integration, method, |_| true)
    )
}

/// The labels of those fields of a form that are wanted.
fn labels(integration: &Integration, method: &str, is_wanted: impl Fn(&str) -> bool) -> String {
    let fields = integration.credentials.get(method).map(|form| form.fields.as_slice()).unwrap_or_default();
    let labels: Vec<&str> =
        fields.iter().filter(|field| is_wanted(&field.name)).map(|field| field.label.as_str()).collect();
    if labels.is_empty() { "the credentials".to_owned() } else { labels.join(", ") }
}

fn is_shared(integration: &Integration, name: &str) -> bool {
    let diagnosis = integration.diagnosis.as_ref();
    diagnosis.is_some_and(|diagnosis| diagnosis.shared_credentials.iter().any(|shared| shared == name))
}

/// What to do about a permission that lacks.
pub(crate) fn on_missing_permission(error: &RemoteError) -> String {
    let missing = error.insight.pointer("/forbidden_error/value/missing_scopes/0");
    match missing.and_then(serde_json::Value::as_str) {
        Some(permission) => format!("Grant the connected app the permission {permission:?} on the platform"),
        None => "Grant the connected app the permission for this call on the platform".into(),
    }
}
