//! The hosted pages on which a person connects an account, and the SDK that opens them.
//!
//! They are for browsers: no part of the API's description.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use gateway::link::LinkSettings;
use http::{HeaderMap, Uri};
use serde_json::Value;

use crate::App;
use crate::pages::{self, Language, Page};
use crate::query::last_value;

/// The pages, which a token opens.
pub(crate) fn pages() -> Router<App> {
    Router::new()
        .route("/connect-account", get(connect))
        .route("/connect-account/post-connect", get(post_connect))
        .route("/connect-account/callback", get(callback))
}

/// The pages' files and the SDK.
pub(crate) fn files() -> Router<App> {
    Router::new()
        .route("/link/v1.js", get(async |asked: HeaderMap| pages::sdk(&asked)))
        .route("/link/v1.d.ts", get(async |asked: HeaderMap| pages::sdk_types(&asked)))
        .route(
            "/link/pages/{name}",
            get(async |Path(name): Path<String>, asked: HeaderMap| pages::page_file(&name, &asked)),
        )
}

/// `GET /connect-account`: the page of a link token. A reload comes without: the page has it by then.
async fn connect(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let settings = match parameter(&uri, "link_token").as_str() {
        "" => Ok(LinkSettings::default()),
        token => app.gateway.link_settings(token).await,
    };
    page("connect", &uri, &headers, settings)
}

/// `GET /connect-account/post-connect`: the page of an account's token.
async fn post_connect(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let settings = match parameter(&uri, "integrated_account_session_token").as_str() {
        "" => Ok(LinkSettings::default()),
        token => app.gateway.account_link_settings(token).await,
    };
    page("post-connect", &uri, &headers, settings)
}

/// `GET /connect-account/callback`: where a platform sends a person back to who agreed, or did not. What they bring goes on together with
/// the link token of the page that sent them, which this page finds, or the one that opened its window has.
async fn callback(uri: Uri, headers: HeaderMap) -> Response {
    let language = Language::choose("", &headers, None);
    let brought =
        ["state", "code", "error", "error_description"].map(|name| (name.to_owned(), parameter(&uri, name)));
    let brought = brought.into_iter().filter(|(_, value)| !value.is_empty());
    let brought = Value::Object(brought.map(|(name, value)| (name, value.into())).collect());
    Page { name: "callback", language, allowed_origins: &[], brought: Some(brought) }.respond()
}

/// The shell says nothing of the token: its scripts ask with it and are told. One that is not known opens it to no other origin.
fn page(
    name: &'static str,
    uri: &Uri,
    headers: &HeaderMap,
    settings: Result<LinkSettings, gateway::Error>,
) -> Response {
    let refused = settings.as_ref().err().and_then(gateway::Error::link_error_type);
    let LinkSettings { allowed_origins, default_language, .. } = settings.unwrap_or_default();
    let language = Language::choose(&parameter(uri, "language"), headers, default_language.as_deref());
    let mut response = Page { name, language, allowed_origins: &allowed_origins, brought: None }.respond();
    if let Some(error_type) = refused {
        // For what slows guessing, which does not read the page.
        response.extensions_mut().insert(error_type);
    }
    response
}

fn parameter(uri: &Uri, name: &str) -> String {
    last_value(uri.query().unwrap_or_default(), name).unwrap_or_default()
}
