//! HTTP: API routes, envelopes, OpenAPI, metrics.
//!
//! [`router`] is the whole API as an [`axum::Router`]; [`serve`] runs it on a socket. Each group of routes is a file of
//! [`routes`](self) whose handlers read the request, call one function of the [`gateway`] and write what it gives. What
//! a handler takes and answers stands on it (`#[utoipa::path]`), and `/openapi.json` is made of that.
//!
//! # How to add an endpoint
//! 1. Write its handler with `#[utoipa::path]` in the file of its group and name it in that file's `routes()`.
//! 2. Take who calls from [`caller`], the query from [`query`], a JSON body from [`body`]; answer errors with [`error`].
//! 3. Call it in `tests/server/`; the suite's walk over `/openapi.json` finds it by itself.

mod body;
mod caller;
mod error;
mod observe;
pub mod openapi;
mod parameters;
mod path;
pub mod query;
mod reply;
mod routes;
mod serve;

use axum::Router;
use axum::middleware;
use gateway::Gateway;
use metrics_exporter_prometheus::PrometheusHandle;
use tower_http::catch_panic::CatchPanicLayer;

pub use self::error::{ApiError, ErrorBody};
pub use self::openapi::document;
pub use self::serve::{Limits, serve};

/// What an operator may set.
#[derive(Clone)]
pub struct Options {
    /// The most bytes of a body that is read into memory (all but those of `/custom`, which are streamed).
    pub body_limit: usize,
    /// Whether `/docs` shows the API.
    pub docs: bool,
    /// Where `/metrics` reads; without it that route answers 404.
    pub metrics: Option<PrometheusHandle>,
}

impl Default for Options {
    /// 10 MiB, with `/docs`, without `/metrics`.
    fn default() -> Self {
        Self { body_limit: 10 << 20, docs: true, metrics: None }
    }
}

/// What handlers share. Cheap to clone.
#[derive(Clone)]
struct App {
    gateway: Gateway,
    body_limit: usize,
    metrics: Option<PrometheusHandle>,
}

/// The whole API.
pub fn router(gateway: Gateway, options: Options) -> Router {
    let document = openapi::document(gateway.models());
    let app = App { gateway, body_limit: options.body_limit, metrics: options.metrics };
    let mut router: Router<App> = routes::all().into();
    router = router.merge(openapi::routes(&document));
    if options.docs {
        router = router.merge(routes::docs::routes());
    }
    router
        .fallback(routes::unknown)
        .method_not_allowed_fallback(routes::method_not_allowed)
        .layer(middleware::from_fn(body::drain_leftovers))
        .layer(CatchPanicLayer::custom(observe::panicked))
        .layer(middleware::from_fn(observe::observe))
        .with_state(app)
}
