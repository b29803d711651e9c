//! The running gateway over real sockets, beside a sandbox to connect to.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gateway::{Gateway, Parts, Settings};
use integration::Catalog;
use jiff::Timestamp;
use reqwest::{Client, Method};
use sandbox::{Clock, Sandbox, Tenant};
use serde_json::{Value, json};
use store::testing::TestDatabase;
use store::{Store, SystemClock, Token};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use unified::{Maps, Models};
use upstream::Upstream;

use crate::Answer;

/// The winery that a test gets unless it asks for another: small, so that it is there at once, with more than one page of everything.
pub fn small_winery() -> sandbox::Options {
    sandbox::Options { customers: 60, orders: 130, products: 12, ..sandbox::Options::default() }
}

/// What a test may set before the start.
pub struct Setup {
    /// The definitions, in place of those inside the binary.
    pub integrations: Option<PathBuf>,
    /// The winery.
    pub winery: sandbox::Options,
    /// The way out.
    pub upstream: upstream::Config,
    /// The HTTP side.
    pub server: server::Options,
    /// The rate limit's clock in the sandbox.
    pub clock: Clock,
    /// The database's clock.
    pub database_clock: Arc<dyn store::Clock>,
    /// What an operator may set.
    pub settings: Settings,
    /// Whether the gateway knows of the platform's limit: a test of many calls would wait for its turns.
    pub is_limited: bool,
    /// Whether the sandbox's address may be reached, which is none of the public internet.
    pub allow_sandbox: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            integrations: None,
            winery: small_winery(),
            upstream: upstream::Config::default(),
            server: server::Options::default(),
            clock: Clock::system(),
            database_clock: Arc::new(SystemClock),
            settings: Settings { change_interval: Duration::from_millis(20), ..Settings::default() },
            is_limited: true,
            allow_sandbox: true,
        }
    }
}

/// A gateway, served; one of any number over the same database. Stopped when dropped.
pub struct Node {
    /// Where it is.
    pub url: String,
    /// The gateway itself.
    pub gateway: Gateway,
    stop: CancellationToken,
    served: JoinHandle<()>,
}

impl Node {
    async fn start(store: Store, shared: &Shared) -> Self {
        let models = Models::embedded().expect("read the models");
        let (catalog, maps) = match &shared.integrations {
            Some(folder) => {
                let catalog = Catalog::read(folder).expect("read the integrations");
                let maps = Maps::read(folder, &models, &catalog).expect("read the maps");
                (catalog, maps)
            }
            None => {
                let catalog = Catalog::embedded().expect("read the integrations");
                let maps = Maps::embedded(&models, &catalog).expect("read the maps");
                (catalog, maps)
            }
        };
        let parts = Parts {
            store,
            catalog: Arc::new(catalog),
            models: Arc::new(models),
            maps: Arc::new(maps),
            upstream: Upstream::new(shared.upstream.clone()).expect("make the way out"),
            clock: Arc::new(SystemClock),
            settings: shared.settings.clone(),
        };
        let gateway = Gateway::start(parts).await.expect("start the gateway");
        let listener = listen().await;
        let address = listener.local_addr().expect("know the address");
        let router = server::router(gateway.clone(), shared.server.clone());
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let served = tokio::spawn(async move {
            let limits = server::Limits::default();
            server::serve(listener, router, limits, &server::Workers::default(), stopped).await;
        });
        Self { url: format!("http://{address}"), gateway, stop, served }
    }

    /// Stops it in order: what waits to be written is written.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.served.await.expect("end in order");
        self.gateway.shutdown().await;
    }
}

/// What all nodes of an app have in common.
#[derive(Clone)]
struct Shared {
    integrations: Option<PathBuf>,
    upstream: upstream::Config,
    server: server::Options,
    database_clock: Arc<dyn store::Clock>,
    settings: Settings,
}

/// A gateway and a sandbox, both served; stopped when dropped.
pub struct App {
    /// Where the gateway is.
    pub url: String,
    /// An API token of the environment.
    pub token: String,
    /// The environment's id.
    pub environment_id: String,
    /// The winery's server.
    pub sandbox: Sandbox,
    /// The gateway's database, as one more node sees it.
    pub store: Store,
    node: Node,
    shared: Shared,
    is_limited: bool,
    client: Client,
    /// Kept where nobody else does.
    _database: Option<TestDatabase>,
}

impl App {
    /// Starts both over a database.
    pub async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, Setup::default()).await
    }

    /// As [`App::start`], with something set.
    pub async fn start_with(database: &TestDatabase, setup: Setup) -> Self {
        show_log();
        let listener = listen().await;
        let sandbox = sandbox::start_with_clock(setup.winery, setup.clock, listener, |_| {})
            .await
            .expect("start the sandbox");
        let store = database.open_with_clock(Arc::clone(&setup.database_clock)).await;
        let environment = gateway::environments::create(&store, "test").await.expect("make an environment");
        let token = gateway::api_tokens::create(&store, &environment.id, "test", None)
            .await
            .expect("make an API token");

        let mut upstream = setup.upstream;
        if setup.allow_sandbox {
            upstream.allow.push(sandbox.addr().ip().into());
        }
        let Setup { integrations, server, database_clock, settings, is_limited, .. } = setup;
        let shared = Shared { integrations, upstream, server, database_clock, settings };
        let node = Node::start(store.clone(), &shared).await;
        Self {
            url: node.url.clone(),
            token: token.expose().to_owned(),
            environment_id: environment.id,
            sandbox,
            store,
            node,
            shared,
            is_limited,
            client: Client::new(),
            _database: None,
        }
    }

    /// As [`App::start`], over a SQLite database of its own: for tests that the database does not matter to.
    pub async fn sqlite() -> Self {
        Self::sqlite_with(Setup::default()).await
    }

    /// As [`App::sqlite`], with something set.
    pub async fn sqlite_with(setup: Setup) -> Self {
        let database = TestDatabase::sqlite();
        let app = Self::start_with(&database, setup).await;
        Self { _database: Some(database), ..app }
    }

    /// Starts one more node over the same database, with the same settings.
    pub async fn another_node(&self, database: &TestDatabase) -> Node {
        self.another_node_with(database, self.shared.settings.clone()).await
    }

    /// As [`App::another_node`], with settings of its own.
    pub async fn another_node_with(&self, database: &TestDatabase, settings: Settings) -> Node {
        let store = database.open_with_clock(Arc::clone(&self.shared.database_clock)).await;
        Node::start(store, &Shared { settings, ..self.shared.clone() }).await
    }

    /// Makes one more environment; gives its id and an API token of it.
    pub async fn another_environment(&self, name: &str) -> (String, String) {
        let environment =
            gateway::environments::create(&self.store, name).await.expect("make an environment");
        (environment.id.clone(), self.another_token(&environment.id, None).await)
    }

    /// Makes an API token, with the moment it ends.
    pub async fn another_token(&self, environment_id: &str, ends: Option<Timestamp>) -> String {
        let token = gateway::api_tokens::create(&self.store, environment_id, "another", ends)
            .await
            .expect("make an API token");
        token.expose().to_owned()
    }

    /// Makes an integrated account token, with the moment it ends: as one that was made earlier.
    pub async fn another_account_token(&self, account: &str, ends: Timestamp) -> String {
        let token = Token::generate("decant_account").expect("make a token");
        let made = self.store.create_account_token(&self.environment_id, account, ends, &token.hash()).await;
        made.expect("keep the token");
        token.expose().to_owned()
    }

    /// The sandbox's first winery.
    pub fn tenant(&self) -> &Tenant {
        self.sandbox.tenants().first().expect("have a winery")
    }

    /// Installs the integration, pointed at the sandbox, and connects its first winery. Gives the account's id.
    pub async fn connect(&self) -> String {
        let account = self.post("/integrated-account", &self.new_account().await).await.ok();
        assert_eq!(account["status"], "active", "{account}");
        account["id"].as_str().expect("have an id").to_owned()
    }

    /// The body that connects the first winery, with the integration installed.
    pub async fn new_account(&self) -> Value {
        let mut overrides = json!({"base_url": self.sandbox.base_url()});
        if !self.is_limited {
            overrides["rate_limit"] = Value::Null;
        }
        let install = json!({"integration_id": "commerce7", "override": overrides});
        let installed = self.post("/environment-integration", &install).await.ok();
        let Tenant { name, app_id, app_secret, .. } = self.tenant();
        json!({
            "tenant_id": "acme",
            "environment_integration_id": installed["id"],
            "context": {"tenant": name, "app_id": app_id, "app_secret": app_secret},
        })
    }

    /// A request with the API token, for what the calls below do not do.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.request_as(&self.token, method, path)
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    /// A request with another token.
    pub fn request_as(&self, token: &str, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).bearer_auth(token)
    }

    /// Reads with another token.
    pub async fn get_as(&self, token: &str, path: &str) -> Answer {
        Answer::of(self.request_as(token, Method::GET, path)).await
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::POST, path).json(body)).await
    }

    /// Patches with JSON.
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        Answer::of(self.request(Method::PATCH, path).json(body)).await
    }

    /// Deletes.
    pub async fn delete(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::DELETE, path)).await
    }

    /// Stops the gateway in order: what waits to be written is written.
    pub async fn shutdown(self) {
        self.node.shutdown().await;
        self.sandbox.shutdown().await;
    }
}

async fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("listen on a free port")
}

/// Has a failing test show what the program said. A test that installs a subscriber of its own before keeps it.
fn show_log() {
    let log = tracing_subscriber::fmt().with_test_writer().with_env_filter("warn");
    // Refused where one is installed already.
    let _ = log.try_init();
}
