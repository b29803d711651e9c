//! The hosted pages on which a person connects an account, and the SDK that opens them.
//!
//! They are for browsers: no part of the API's description.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::get;
use gateway::link::LinkSettings;
use http::{HeaderMap, Uri};

use crate::App;
use crate::pages::{self, Language, Page};
use crate::query::last_value;

/// The pages and their files.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/connect-account", get(connect))
        .route("/connect-account/post-connect", get(post_connect))
        .route("/link/v1.js", get(async |asked: HeaderMap| pages::sdk(&asked)))
        .route("/link/v1.d.ts", get(async |asked: HeaderMap| pages::sdk_types(&asked)))
        .route(
            "/link/pages/{name}",
            get(async |Path(name): Path<String>, asked: HeaderMap| pages::page_file(&name, &asked)),
        )
}

/// `GET /connect-account`: the page of a link token.
async fn connect(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let settings = app.gateway.link_settings(&parameter(&uri, "link_token")).await;
    page("connect", &uri, &headers, settings)
}

/// `GET /connect-account/post-connect`: the page of an account's token.
async fn post_connect(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Response {
    let token = parameter(&uri, "integrated_account_session_token");
    page("post-connect", &uri, &headers, app.gateway.account_link_settings(&token).await)
}

/// The shell says nothing of the token: its scripts ask with it and are told. One that is not known opens it to no other origin.
fn page(
    name: &'static str,
    uri: &Uri,
    headers: &HeaderMap,
    settings: Result<LinkSettings, gateway::Error>,
) -> Response {
    let LinkSettings { allowed_origins, default_language, .. } = settings.unwrap_or_default();
    let language = Language::choose(&parameter(uri, "language"), headers, default_language.as_deref());
    Page { name, language, allowed_origins: &allowed_origins, outcome: None }.respond()
}

fn parameter(uri: &Uri, name: &str) -> String {
    last_value(uri.query().unwrap_or_default(), name).unwrap_or_default()
}
