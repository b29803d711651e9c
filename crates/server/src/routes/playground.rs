//! `/playground`: a page on which a developer tries out how accounts are connected. Served by the demo only.
//!
//! The page stands for a product. What a product's backend would do with its API token happens here, so that the token never gets into
//! the browser. None of it answers anybody but a browser on this machine, on the page itself: not another site, and not one whose name was
//! made to lead here.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use gateway::account_tokens::MadeAccountToken;
use gateway::events::Event;
use gateway::link::{MadeLinkToken, NewLinkToken};
use gateway::{Caller, ListOf};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use http::uri::Authority;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::ById;
use crate::App;
use crate::error::ApiError;
use crate::pages;

/// What the playground plays with.
#[derive(Clone)]
pub struct Playground {
    /// An API token of the environment that is played in.
    pub api_token: String,
    /// Whom to connect.
    pub wineries: Vec<Winery>,
}

/// An account of a platform that may be known to all, being a sandbox's.
#[derive(Clone, Serialize)]
pub struct Winery {
    /// Whose it is.
    pub company: String,
    /// Its name on the platform.
    pub tenant: String,
    /// What it is connected with.
    pub app_id: String,
    /// As the id.
    pub app_secret: String,
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// What its handlers share.
#[derive(Clone)]
struct Player {
    app: App,
    playground: Arc<Playground>,
}

impl Player {
    /// As whom a product's backend would call.
    async fn caller(&self) -> Result<Caller, ApiError> {
        Ok(self.app.gateway.authenticate(&self.playground.api_token).await?)
    }
}

/// The page, its files and what it asks for.
pub(crate) fn routes(app: App, playground: Playground) -> Router<App> {
    Router::new()
        .route("/playground", get(index))
        .route("/playground/{name}", get(file))
        .route("/playground/wineries", get(wineries))
        .route("/playground/events", get(events))
        .route("/playground/link-token", post(link_token))
        .route("/playground/account-token", post(account_token))
        .layer(middleware::from_fn(guard))
        .with_state(Player { app, playground: Arc::new(playground) })
}

/// Lets only the page itself in, opened on this machine by its own address.
async fn guard(request: Request, next: Next) -> Response {
    if is_own(request.headers()) {
        return next.run(request).await;
    }
    let message = "the playground answers on this machine only, to its own page";
    ApiError::new(StatusCode::FORBIDDEN, message).into_response()
}

fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let authority = text("host").and_then(|host| host.parse::<Authority>().ok());
    let is_here = authority.is_some_and(|authority| {
        let host = authority.host();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    });
    // Browsers say where a request comes from; the page itself is opened from nowhere or from a link.
    let is_from_here = text("sec-fetch-site").is_none_or(|site| ["same-origin", "none"].contains(&site))
        || text("sec-fetch-mode") == Some("navigate");
    is_here && is_from_here
}

async fn index() -> Response {
    let headers =
        [(CONTENT_SECURITY_POLICY, POLICY), (REFERRER_POLICY, "no-referrer"), (CACHE_CONTROL, "no-store")];
    (headers, Html(include_str!("../../../../web/playground/index.html"))).into_response()
}

async fn file(Path(name): Path<String>, asked: HeaderMap) -> Response {
    pages::playground_file(&name, &asked)
}

async fn wineries(State(player): State<Player>) -> axum::Json<Value> {
    axum::Json(json!({"wineries": player.playground.wineries}))
}

async fn events(State(player): State<Player>) -> Result<axum::Json<ListOf<Event>>, ApiError> {
    let caller = player.caller().await?;
    Ok(axum::Json(player.app.gateway.events(&caller, &Map::new()).await?))
}

async fn link_token(
    State(player): State<Player>,
    axum::Json(new): axum::Json<NewLinkToken>,
) -> Result<axum::Json<MadeLinkToken>, ApiError> {
    let caller = player.caller().await?;
    Ok(axum::Json(player.app.gateway.create_link_token(&caller, new).await?))
}

async fn account_token(
    State(player): State<Player>,
    axum::Json(ById { id }): axum::Json<ById>,
) -> Result<axum::Json<MadeAccountToken>, ApiError> {
    let caller = player.caller().await?;
    Ok(axum::Json(player.app.gateway.create_account_token(&caller, &id).await?))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_this_machine_and_the_page_itself_are_let_in() {
        let is_own = |host: &'static str, site: Option<&'static str>, mode: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static(host));
            headers.insert("sec-fetch-mode", HeaderValue::from_static(mode));
            if let Some(site) = site {
                headers.insert("sec-fetch-site", HeaderValue::from_static(site));
            }
            super::is_own(&headers)
        };
        for host in ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", "127.0.0.1"] {
            assert!(is_own(host, Some("same-origin"), "cors"), "{host}");
        }
        assert!(is_own("127.0.0.1:8080", None, "cors"));
        assert!(is_own("127.0.0.1:8080", Some("cross-site"), "navigate"));
        assert!(!is_own("127.0.0.1:8080", Some("cross-site"), "cors"));
        for host in ["evil.example:8080", "localhost.evil.example", "192.168.0.4:8080", ""] {
            assert!(!is_own(host, Some("same-origin"), "cors"), "{host}");
        }
    }
}
