//! HTTP: API routes, envelopes, OpenAPI, metrics.
//!
//! [`router`] is the whole API as an [`axum::Router`]; [`serve()`] runs it on a socket. Each group of routes is a file of
//! [`routes`](self) whose handlers read the request, call one function of the [`gateway`] and write what it gives. What
//! a handler takes and answers stands on it (`#[utoipa::path]`), and `/openapi.json` is made of that.
//!
//! # How to add an endpoint
//! 1. Write its handler with `#[utoipa::path]` in the file of its group and name it in that file's `routes()`.
//! 2. Take who calls from `caller`, the query from `query`, a JSON body from `body`; answer errors with `error`.
//! 3. Call it in `tests/server/`; the suite's walk over `/openapi.json` finds it by itself.

mod body;
mod caller;
mod error;
mod guesses;
mod idempotency;
mod limits;
mod nul;
mod observe;
pub mod openapi;
mod pages;
mod parameters;
mod path;
mod public_url;
pub mod query;
mod reply;
mod routes;
mod serve;
mod turns;
mod workers;

use std::ops::Deref;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;
use gateway::Gateway;
use metrics_exporter_prometheus::PrometheusHandle;

use self::guesses::Guesses;
use self::limits::Limiter;

pub use self::error::{ApiError, ErrorBody};
pub use self::limits::{Rate, RateError};
pub use self::openapi::document;
pub use self::routes::playground::{Playground, Winery};
pub use self::serve::{Limits, serve};
pub use self::workers::Workers;

/// The most bytes of a body that a connecting page sends: forms are small, unless thousands of records are chosen in one.
const PAGE_BODY_LIMIT: usize = 1 << 20;

/// What an operator may set.
#[derive(Clone)]
pub struct Options {
    /// The most bytes of a body that is read into memory: all but those of `/custom`, which are streamed unless they come with an
    /// `Idempotency-Key`.
    pub body_limit: usize,
    /// Where others reach this gateway, such as `https://decant.example.com`, without a slash at the end; by the address that they called
    /// unless set.
    pub public_url: Option<String>,
    /// Whether `/docs` shows the API.
    pub docs: bool,
    /// Where `/metrics` reads; without it that route answers 404.
    pub metrics: Option<PrometheusHandle>,
    /// What `/playground` plays with; without it there is none.
    pub playground: Option<Playground>,
    /// How often each token may call; as often as it likes unless set.
    pub token_limit: Option<Rate>,
    /// How often each account may be called, over all tokens; as often as they like unless set.
    pub account_limit: Option<Rate>,
}

impl Default for Options {
    /// 10 MiB, with `/docs`, without `/metrics`, playground and limits.
    fn default() -> Self {
        Self {
            body_limit: 10 << 20,
            public_url: None,
            docs: true,
            metrics: None,
            playground: None,
            token_limit: None,
            account_limit: None,
        }
    }
}

/// What handlers share. One reference: each layer of the router has a clone of its own for each request.
#[derive(Clone)]
struct App(Arc<Shared>);

#[derive(Clone)]
struct Shared {
    gateway: Gateway,
    body_limit: usize,
    public_url: Option<Arc<str>>,
    metrics: Option<PrometheusHandle>,
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

/// The whole API.
pub fn router(gateway: Gateway, options: Options) -> Router {
    let public_url = options.public_url.map(|url| url.trim_end_matches('/').into());
    let shared = Shared { gateway, body_limit: options.body_limit, public_url, metrics: options.metrics };
    let app = App(Arc::new(shared.clone()));
    let once = middleware::from_fn_with_state(app.clone(), idempotency::once);
    let mut router = Router::from(routes::data()).layer(once);
    if let Some(rate) = options.account_limit {
        let state = (app.clone(), Limiter::by_account(rate));
        router = router.layer(middleware::from_fn_with_state(state, limits::of_accounts));
    }
    // Connecting an account waits for the platform's limit as calls do.
    router = router.merge(Router::from(routes::admin()).layer(middleware::from_fn(turns::run)));
    if let Some(rate) = options.token_limit {
        let state = (app.clone(), Limiter::by_token(rate));
        router = router.layer(middleware::from_fn_with_state(state, limits::of_tokens));
    }
    let guard = middleware::from_fn_with_state(Arc::<Guesses>::default(), guesses::guard);
    // Nobody is known here before the body is read.
    let of_page = App(Arc::new(Shared { body_limit: PAGE_BODY_LIMIT.min(shared.body_limit), ..shared }));
    let link =
        Router::from(routes::link()).merge(routes::link_page::pages()).merge(routes::app_page::routes());
    router = router.merge(link.layer(guard).with_state(of_page));
    router = router.merge(Router::from(routes::operation())).merge(openapi::routes());
    router = router.merge(routes::link_page::files());
    if options.docs {
        router = router.merge(routes::docs::routes());
    }
    if let Some(playground) = options.playground {
        router = router.merge(routes::playground::routes(app.clone(), playground));
    }
    router = router.fallback(routes::unknown).method_not_allowed_fallback(routes::method_not_allowed);
    around(router).with_state(app)
}

/// What every request goes through, whichever handler it is for.
fn around<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router.layer(middleware::from_fn(pass))
}

/// One layer for all of it: each would copy the ones below it for every request.
async fn pass(request: Request, next: Next) -> Response {
    observe::observe(request, async |request| match nul::refuse(&request) {
        Ok(()) => {
            // What the request was about is gone with it: nothing half done is seen again.
            let answer = AssertUnwindSafe(next.run(body::drain_leftovers(request)));
            answer.catch_unwind().await.unwrap_or_else(observe::panicked)
        }
        Err(refusal) => refusal.into_response(),
    })
    .await
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use reqwest::Client;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_handler_that_panics_answers_the_envelope_and_others_go_on() {
        async fn broken() -> &'static str {
            panic!("a secret of the gateway")
        }
        let router = Router::new().route("/broken", get(broken)).route("/whole", get(|| async { "fine" }));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            serve(listener, around(router), Limits::default(), &Workers::default(), std::future::pending())
                .await;
        });

        let client = Client::new();
        let answer = client.get(format!("{url}/broken")).header("x-request-id", "mine").send().await.unwrap();
        assert_eq!(
            (answer.status().as_u16(), &answer.headers()["x-request-id"]),
            (500, &"mine".parse().unwrap())
        );
        let body: serde_json::Value = answer.json().await.unwrap();
        assert_eq!((&body["statusCode"], &body["error"]), (&500.into(), &"Internal Server Error".into()));
        assert!(body["message"].as_str().unwrap().contains("x-request-id"), "{body}");
        assert!(!body.to_string().contains("secret"), "{body}");
        assert_eq!(client.get(format!("{url}/whole")).send().await.unwrap().text().await.unwrap(), "fine");
    }
}
