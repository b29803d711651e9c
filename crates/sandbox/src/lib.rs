//! A winery that behaves as Commerce7 does, for tests, demos and load.
//!
//! [`start`] generates wineries (seeded: the same options give the same bytes), serves them at `/v1/…` as Commerce7
//! serves its own, and hands back a [`Sandbox`] with the credentials, the faults to inject and what was asked of it.
//! Writes are carried out as Commerce7 does, with their consequences; the few paths that are not taken answer 501, never
//! a made-up success.
//!
//! Beside `/v1` there are, without authentication and for tests in another process:
//!
//! | call | what it does |
//! |---|---|
//! | `GET /_sandbox/tenants` | the wineries with their credentials and counts |
//! | `GET /_sandbox/requests` | what was asked so far; `DELETE` counts from zero again |
//! | `GET /_sandbox/limit` | what the rate limit took and refused, moment by moment; forgotten with the counts |
//! | `GET /_sandbox/writes` | every write that was carried out, whatever its client was told; `DELETE` forgets them |
//! | `POST /_sandbox/events` | lets one thing happen in a winery: `{"event": "refund", "id": "…"}`; the kinds are those of [`Event`] |
//! | `GET /_sandbox/faults` | the [`FaultRule`]s with how often each fired |
//! | `POST /_sandbox/faults` | adds one [`FaultRule`], answers it with its id |
//! | `DELETE /_sandbox/faults[/{id}]` | takes all of them or one away |
//! | `GET /_sandbox/apps` | the apps as they stand in the developer center, with who has installed them |
//! | `PUT /_sandbox/apps/{id}` | enters another version of an app: an [`AppVersion`] |
//! | `POST /_sandbox/install` | lets a winery install an app, which is called: `{"tenant": "…", "settings": {…}}` |
//! | `POST /_sandbox/uninstall` | lets a winery uninstall an app, which is called |
//! | `GET /_sandbox/admin` | a winery's admin with the app's page in it, for a browser |

#![recursion_limit = "256"] // json! of objects with seventy fields

mod apps;
mod clock;
mod endpoints;
mod generate;
mod http;
mod kind;
mod live;
mod load;
mod options;
mod store;
mod write;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use apps::{App, AppError, AppVersion, Apps, Called};
pub use clock::{Clock, ManualClock};
pub use http::decisions::{AppDecisions, LimitRecord};
pub use http::faults::{Fault, FaultRule, FaultStage, Faults, InstalledFault};
pub use http::permissions::Level;
pub use http::requests::{RequestCount, RequestStyle, Requests};
pub use http::writes::{AppliedWrite, Writes};
pub use live::{Event, Happened};
pub use load::{LoadError, Loaded, Skipped};
pub use options::{DEFAULT_NOW, Options};

use crate::http::decisions::Decisions;
use crate::store::Wineries;

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `--rate-limit-header` is no `NAME: VALUE`.
    #[error("--rate-limit-header {0:?} is no header; write it as `NAME: VALUE`")]
    Header(String),
    /// `--permission` is no `NAME=LEVEL`.
    #[error(
        "--permission {0:?} is none; write it as NAME=none, NAME=read or NAME=full, with a name such as Customer or \"Club Membership\""
    )]
    Permission(String),
    /// The folder given with `--load` could not be read.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The generating thread died.
    #[error("the sandbox's data could not be generated: {0}")]
    Generate(#[source] tokio::task::JoinError),
    /// The listener has no address.
    #[error("the sandbox's listener cannot be used: {0}")]
    Listener(#[source] io::Error),
}

/// How far generating is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The winery being made.
    pub tenant: String,
    /// Customers, orders and products made so far, over all wineries.
    pub done: u64,
    /// Customers, orders and products to make, over all wineries.
    pub total: u64,
}

/// One winery of the sandbox and how to reach it.
#[derive(Clone, Serialize)]
pub struct Tenant {
    /// Value of the `tenant` header.
    pub name: String,
    /// The winery's company name.
    pub company: String,
    /// User name of Basic authentication; one pair serves all wineries, as an app's does.
    pub app_id: String,
    /// Password of Basic authentication.
    pub app_secret: String,
    /// The further apps that may call the winery, where there are any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_apps: Vec<AppCredentials>,
    /// What `GET /account/user` takes in `Authorization`, sent raw.
    pub account_token: String,
    /// What the winery holds.
    pub counts: Counts,
}

impl std::fmt::Debug for Tenant {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Tenant")
            .field("name", &self.name)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

/// What authenticates an app.
#[derive(Clone, Serialize)]
pub struct AppCredentials {
    /// User name of Basic authentication.
    pub app_id: String,
    /// Password of Basic authentication.
    pub app_secret: String,
}

impl std::fmt::Debug for AppCredentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("AppCredentials").field("app_id", &self.app_id).finish_non_exhaustive()
    }
}

impl Tenant {
    /// Ids and secrets of all apps, the first one before the others.
    pub(crate) fn apps(&self) -> impl Iterator<Item = (&str, &str)> {
        let others = self.other_apps.iter().map(|app| (app.app_id.as_str(), app.app_secret.as_str()));
        std::iter::once((self.app_id.as_str(), self.app_secret.as_str())).chain(others)
    }
}

/// How many objects a winery holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Customers.
    pub customers: usize,
    /// Orders, refunds and exchanges among them.
    pub orders: usize,
    /// Products.
    pub products: usize,
    /// Club memberships.
    pub memberships: usize,
    /// Objects of every kind, the ones above among them.
    pub objects: usize,
}

/// A serving sandbox; dropping it stops it.
#[derive(Debug)]
pub struct Sandbox {
    addr: SocketAddr,
    tenants: Vec<Tenant>,
    loaded: Option<Loaded>,
    apps: Apps,
    faults: Faults,
    requests: Requests,
    writes: Writes,
    live: Option<live::Running>,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

/// Generates the wineries, loads what `--load` names, and serves both on `listener`.
///
/// `progress` is called now and then while generating, from another thread.
pub async fn start(
    options: Options,
    listener: TcpListener,
    progress: impl Fn(Progress) + Send + 'static,
) -> Result<Sandbox, Error> {
    start_with_clock(options, Clock::system(), listener, progress).await
}

/// As [`start`], with the clock that the rate limit goes by.
pub async fn start_with_clock(
    options: Options,
    clock: Clock,
    listener: TcpListener,
    progress: impl Fn(Progress) + Send + 'static,
) -> Result<Sandbox, Error> {
    let addr = listener.local_addr().map_err(Error::Listener)?;
    let refusal = http::limit::Refusal::new(&options.rate_limit_body, &options.rate_limit_header)?;
    let limit = http::limit::RateLimit::new(options.rate_limit, options.limit_window, refusal);
    let permissions = http::permissions::Permissions::new(&options.permission)?;
    let uninstalled = options.uninstalled;
    let seed = options.seed;
    let per_minute = options.live;
    let time = clock::WineryTime::new(clock, options.now.as_millisecond());
    let (wineries, loaded) = tokio::task::spawn_blocking(move || prepare(&options, &progress))
        .await
        .map_err(Error::Generate)??;

    let faults = Faults::new(seed);
    let app_ids = wineries.first().credentials().apps().map(|(id, _)| id.to_owned()).collect();
    let decisions = Decisions::new(&limit, time.clone());
    let requests = Requests::new(wineries.names(), app_ids, decisions);
    let tenants = wineries.tenants();
    let apps = Apps::new(tenants.clone(), &permissions, uninstalled);
    let (stop, stopped) = oneshot::channel();
    let writes = Writes::default();
    let wineries = Arc::new(wineries);
    let day = live::Day::new(seed);
    let live =
        (per_minute > 0).then(|| live::start(Arc::clone(&wineries), day.clone(), time.clone(), per_minute));
    let app = http::App::new(http::AppParts {
        wineries,
        faults: faults.clone(),
        requests: requests.clone(),
        writes: writes.clone(),
        limit,
        apps: apps.clone(),
        time,
        day,
    });
    let server = tokio::spawn(http::serve(app, listener, stopped));
    Ok(Sandbox { addr, tenants, loaded, apps, faults, requests, writes, live, stop, server })
}

/// Everything of a start that keeps a processor busy.
fn prepare(options: &Options, progress: &dyn Fn(Progress)) -> Result<(Wineries, Option<Loaded>), Error> {
    let wineries = generate::wineries(options, progress);
    let loaded = match &options.load {
        Some(folder) => Some(load::load(folder, wineries.first())?),
        None => None,
    };
    Ok((wineries, loaded))
}

impl Sandbox {
    /// The address served.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What stands in front of `/customer`, `/order` and so on: `http://ADDRESS/v1`, without a slash at the end.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// The wineries, with what authenticates for them and what they hold.
    pub fn tenants(&self) -> &[Tenant] {
        &self.tenants
    }

    /// What `--load` brought in, where it was given.
    pub fn loaded(&self) -> Option<&Loaded> {
        self.loaded.as_ref()
    }

    /// The apps: what they may do, and who has installed them.
    pub fn apps(&self) -> &Apps {
        &self.apps
    }

    /// The handle that injects faults.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// What was asked of the sandbox so far.
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// The writes that were carried out so far.
    pub fn writes(&self) -> &Writes {
        &self.writes
    }

    /// Stops serving: answers under way are finished for up to two seconds, then cut.
    pub async fn shutdown(self) {
        drop(self.live);
        let _ = self.stop.send(());
        let abort = self.server.abort_handle();
        if tokio::time::timeout(Duration::from_secs(2), self.server).await.is_err() {
            abort.abort();
        }
    }
}
