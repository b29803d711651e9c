//! `decant demo`: a sandbox winery and a gateway in one process, connected through the public API as a customer would.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use clap::Args;
use gateway::environments::{Environment, EnvironmentChange};
use gateway::link::{Brand, LinkSettings};
use gateway::{api_tokens, environments};
use indicatif::ProgressBar;
use reqwest::Client;
use sandbox::{Sandbox, Tenant};
use serde_json::{Value, json};
use server::{Playground, Winery};
use store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::commands::{sandbox as sandbox_command, serve};
use crate::configuration::{GatewayOptions, StoreOptions};
use crate::logging::{self, LogOptions};
use crate::output::table;

/// Arguments of `decant demo`.
#[derive(Args)]
pub struct Arguments {
    /// Where the gateway listens; a free port unless given.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where the sandbox listens; a free port unless given.
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    sandbox_listen: SocketAddr,
    /// Keep the database and the key in this folder; a temporary one is used and removed unless given.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// End after printing.
    #[arg(long)]
    exit: bool,
    /// Write DECANT_URL, DECANT_API_TOKEN, DECANT_ACCOUNT_ID and DECANT_SANDBOX_URL to this file once all of it answers.
    #[arg(long, value_name = "PATH")]
    env_file: Option<PathBuf>,
    #[command(flatten)]
    sandbox: sandbox::Options,
    #[command(flatten)]
    gateway: GatewayOptions,
    #[command(flatten)]
    log: LogOptions,
}

/// How many records a page of the walk asks for: the most that the unified API gives.
const PAGE: usize = 250;
/// How many orders are shown.
const SHOWN: usize = 5;

/// Runs the demo.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    logging::start(&arguments.log, "warn")?;
    let sandbox = sandbox_command::start(arguments.sandbox, arguments.sandbox_listen).await?;

    let temporary = tempfile::tempdir()?;
    let folder = arguments.dir.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let store = StoreOptions {
        database_url: format!("sqlite:{}", folder.join("decant.db").display()),
        master_key_file: folder.join("decant.key"),
    };
    let store = store.open().await?;
    let environment = match environments::find(&store, "demo").await {
        Err(gateway::Error::NotFound(_)) => environments::create(&store, "demo").await?,
        found => found?,
    };
    let api_token = api_tokens::create(&store, &environment.id, "demo", None).await?;

    // The sandbox runs on this machine, which a gateway does not reach unless it is told to.
    let mut options = arguments.gateway.clone();
    options.allow_network.push(sandbox.addr().ip().into());
    let listener = TcpListener::bind(arguments.listen).await.context("listen for the gateway")?;
    make_at_home(&store, &environment, &listener).await?;
    let gateway = options.start(store).await?;
    let api = Api {
        client: Client::builder().timeout(Duration::from_secs(60)).build()?,
        url: format!("http://{}", listener.local_addr()?),
        token: api_token.expose().to_owned(),
    };
    let interrupted = serve::stop_signal()?;
    let stop = CancellationToken::new();
    let options =
        server::Options { playground: Some(playground(&api, &sandbox)), ..server::Options::default() };
    let stopped = stop.clone().cancelled_owned();
    let server = tokio::spawn(serve::serve(listener, gateway, options, None, stopped));

    let shown = Box::pin(show(&api, &sandbox, arguments.env_file.as_deref())).await;
    if shown.is_ok() && !arguments.exit {
        println!("\nServing until Ctrl-C.");
        interrupted.await;
    }
    stop.cancel();
    server.await??;
    sandbox.shutdown().await;
    shown
}

/// Has the playground at home on the gateway's own address, under the name of a product that there is not.
async fn make_at_home(
    store: &Store,
    environment: &Environment,
    listener: &TcpListener,
) -> anyhow::Result<()> {
    let address = listener.local_addr()?;
    let link = LinkSettings {
        allowed_origins: vec![format!("http://{address}"), format!("http://localhost:{}", address.port())],
        brand: Brand { name: Some("Cellar Pass".to_owned()), ..Brand::default() },
        default_language: None,
    };
    environments::update(store, &environment.id, EnvironmentChange { link: Some(link) }).await?;
    Ok(())
}

fn playground(api: &Api, sandbox: &Sandbox) -> Playground {
    let winery = |tenant: &Tenant| Winery {
        company: tenant.company.clone(),
        tenant: tenant.name.clone(),
        app_id: tenant.app_id.clone(),
        app_secret: tenant.app_secret.clone(),
    };
    Playground { api_token: api.token.clone(), wineries: sandbox.tenants().iter().map(winery).collect() }
}

/// Connects the winery and prints what came through.
async fn show(api: &Api, sandbox: &Sandbox, env_file: Option<&std::path::Path>) -> anyhow::Result<()> {
    let tenant =
        sandbox.tenants().first().context("the sandbox has no winery; --tenants has to be 1 or more")?;
    let account = api.connect(tenant, &sandbox.base_url()).await?;

    let bar = ProgressBar::new_spinner();
    let mut latest: Vec<Value> = Vec::new();
    let mut counts = Vec::new();
    for resource in ["customers", "orders", "products"] {
        let mut count = 0;
        let mut cursor: Option<String> = None;
        loop {
            bar.set_message(format!("Reading {resource} through the unified API: {count}"));
            bar.tick();
            let page = api.unified_page(resource, &account, cursor.as_deref()).await?;
            let records = page["result"].as_array().cloned().unwrap_or_default();
            count += records.len();
            if resource == "orders" {
                latest.extend(records);
                latest.sort_by(|left, right| placed(right).cmp(placed(left)));
                latest.truncate(SHOWN);
            }
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        counts.push(format!("{count} {resource}"));
    }
    bar.finish_and_clear();

    println!("The latest orders of {}:\n", tenant.company);
    println!("{}", table(&ORDER_COLUMNS, latest.iter().map(order_row)));
    println!("\n{} came through the unified API.\n", counts.join(", "));
    println!("Try it:\n");
    println!("{}", examples(api, &account));
    if let Some(path) = env_file {
        let text = format!(
            "DECANT_URL={}\nDECANT_API_TOKEN={}\nDECANT_ACCOUNT_ID={account}\nDECANT_SANDBOX_URL={}\n",
            api.url,
            api.token,
            sandbox.base_url()
        );
        std::fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    Ok(())
}

const ORDER_COLUMNS: [&str; 7] = ["number", "date", "customer", "channel", "delivery", "compliance", "total"];

fn order_row(order: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    vec![
        text(&order["order_number"]),
        placed(order).chars().take(10).collect(),
        text(&order["customer"]["name"]),
        text(&order["channel"]),
        text(&order["delivery_method"]),
        text(&order["compliance_status"]),
        format!("{} {}", text(&order["total_amount"]), text(&order["currency"])),
    ]
}

/// When an order was placed; the format sorts as text.
fn placed(order: &Value) -> &str {
    order["submitted_at"].as_str().or_else(|| order["created_at"].as_str()).unwrap_or("-")
}

fn examples(api: &Api, account: &str) -> String {
    let Api { url, token, .. } = api;
    format!(
        "export DECANT_URL={url} DECANT_API_TOKEN={token} DECANT_ACCOUNT_ID={account}\n\n\
         # Orders, in one shape\n\
         curl -s -H \"Authorization: Bearer $DECANT_API_TOKEN\" \\\n  \
         \"$DECANT_URL/unified/ecommerce/orders?integrated_account_id=$DECANT_ACCOUNT_ID&limit=2&truto_ignore_remote_data=true\"\n\n\
         # Web orders that changed this year\n\
         curl -s -g -H \"Authorization: Bearer $DECANT_API_TOKEN\" \\\n  \
         \"$DECANT_URL/unified/ecommerce/orders?integrated_account_id=$DECANT_ACCOUNT_ID&channel=web&updated_at[gte]=2026-01-01\"\n\n\
         # Everything else of the platform, in its own shape\n\
         curl -s -H \"Authorization: Bearer $DECANT_API_TOKEN\" \\\n  \
         \"$DECANT_URL/proxy/club-membership?integrated_account_id=$DECANT_ACCOUNT_ID&limit=2\"\n\n\
         # Connect a winery from a browser, as its manager would\n\
         # {url}/playground\n\n\
         # The API's own pages\n\
         # {url}/docs"
    )
}

/// The gateway's public API, as a customer calls it.
struct Api {
    client: Client,
    url: String,
    token: String,
}

impl Api {
    async fn call(&self, request: reqwest::RequestBuilder) -> anyhow::Result<Value> {
        let answer = request.bearer_auth(&self.token).send().await?;
        let status = answer.status();
        let body: Value = answer.json().await?;
        ensure!(
            status.is_success(),
            "the gateway answered {status}: {}",
            body["message"].as_str().unwrap_or("without a message")
        );
        Ok(body)
    }

    /// Installs Commerce7 in the environment, pointed at the sandbox and with its form switched on, and connects a winery.
    async fn connect(&self, tenant: &Tenant, base_url: &str) -> anyhow::Result<String> {
        let install = json!({"integration_id": "commerce7", "is_enabled": true, "show_in_catalog": true});
        let installed = self
            .call(self.client.post(format!("{}/environment-integration", self.url)).json(&install))
            .await?;
        let id = installed["id"].as_str().context("the installed integration has no id")?;
        let form = json!({"post_connect_user_form": {"is_enabled": true}});
        let change = json!({"override": {"base_url": base_url, "actions": form}});
        self.call(self.client.patch(format!("{}/environment-integration/{id}", self.url)).json(&change))
            .await?;
        let accounts = format!("{}/integrated-account", self.url);
        let context =
            json!({"tenant": tenant.name, "app_id": tenant.app_id, "app_secret": tenant.app_secret});
        let known =
            self.call(self.client.get(format!("{accounts}?tenant_id={}&limit=1", tenant.name))).await?;
        let account = match known["result"][0]["id"].as_str() {
            // A folder that was kept has the winery already.
            Some(id) => {
                let credentials = json!({"context": context});
                self.call(self.client.patch(format!("{accounts}/{id}/credentials")).json(&credentials))
                    .await?
            }
            None => {
                let account = json!({
                    "tenant_id": tenant.name,
                    "environment_integration_id": id,
                    "authentication_method": "api_key",
                    "context": context,
                });
                self.call(self.client.post(&accounts).json(&account)).await?
            }
        };
        let id = account["id"].as_str().context("the account has no id")?.to_owned();
        let status = account["status"].as_str().unwrap_or_default();
        ensure!(status == "active", "the account is {status}: {}", account["last_error"]);
        Ok(id)
    }

    async fn unified_page(
        &self,
        resource: &str,
        account: &str,
        cursor: Option<&str>,
    ) -> anyhow::Result<Value> {
        let mut url = format!(
            "{}/unified/ecommerce/{resource}?integrated_account_id={account}&limit={PAGE}&truto_ignore_remote_data=true",
            self.url
        );
        if let Some(cursor) = cursor {
            url.push_str(&format!("&next_cursor={cursor}"));
        }
        self.call(self.client.get(url)).await
    }
}
