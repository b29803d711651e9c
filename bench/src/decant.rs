//! The real program: a sandbox and a gateway, each in a process of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use tokio::net::TcpStream;

use crate::call::Service;

/// How long a process may take until it listens.
const START: Duration = Duration::from_secs(60);

/// A process, killed when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Nothing to do when it is gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `decant sandbox`, without a rate limit.
pub struct Sandbox {
    pub address: SocketAddr,
    pub tenant: Value,
    _process: Process,
}

impl Sandbox {
    pub async fn start(program: &Path) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut process = Process(
            Command::new(program)
                .args(["sandbox", "--rate-limit", "0", "--listen", &address.to_string()])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .with_context(|| format!("start {}", program.display()))?,
        );
        wait(address, &mut process).await?;
        let open = Service { address, headers: Vec::new() };
        let tenants: Value = serde_json::from_slice(&open.get("/_sandbox/tenants").await?)?;
        let tenant = tenants.get(0).cloned().context("the sandbox has no winery")?;
        Ok(Self { address, tenant, _process: process })
    }

    /// The sandbox as an app calls Commerce7.
    pub fn service(&self) -> Service {
        let word = |name: &str| self.tenant[name].as_str().unwrap_or_default();
        let basic = STANDARD.encode(format!("{}:{}", word("app_id"), word("app_secret")));
        let headers = vec![("authorization", format!("Basic {basic}")), ("tenant", word("name").to_owned())];
        Service { address: self.address, headers }
    }

    /// The first `count` orders, in the order of the cursor.
    pub async fn orders(&self, count: usize) -> anyhow::Result<Vec<Bytes>> {
        let service = self.service();
        let mut orders = Vec::new();
        let mut cursor = "start".to_owned();
        while orders.len() < count {
            let page = service.get(&format!("/v1/order?limit=50&cursor={cursor}")).await?;
            let page: Page = serde_json::from_slice(&page)?;
            orders.extend(page.orders.iter().map(|order| Bytes::copy_from_slice(order.get().as_bytes())));
            match page.cursor {
                Some(next) => cursor = next,
                None => break,
            }
        }
        orders.truncate(count);
        Ok(orders)
    }
}

#[derive(serde::Deserialize)]
struct Page {
    orders: Vec<Box<serde_json::value::RawValue>>,
    cursor: Option<String>,
}

/// `decant serve` over SQLite, with the sandbox's winery connected as a customer would connect it.
pub struct Gateway {
    pub service: Service,
    pub account: String,
    process: Process,
    _folder: tempfile::TempDir,
}

impl Gateway {
    pub async fn start(program: &Path, sandbox: &Sandbox) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let command = |arguments: &[&str]| {
            let mut command = Command::new(program);
            command
                .args(arguments)
                .env_remove("DECANT_MASTER_KEY")
                // nginx writes no line for each call either; the gateway's rows in its database are written.
                .env("DECANT_LOG", "warn")
                .env("DATABASE_URL", format!("sqlite:{}", folder.path().join("decant.db").display()))
                .env("DECANT_MASTER_KEY_FILE", folder.path().join("decant.key"));
            command
        };
        said(command(&["environment", "create", "bench"]))?;
        let token = said(command(&["token", "create", "--environment", "bench"]))?;
        let address = free_address()?;
        let mut process = Process(
            command(&["serve", "--listen", &address.to_string(), "--allow-network", "127.0.0.1/32"])
                .stdout(Stdio::null())
                .spawn()?,
        );
        wait(address, &mut process).await?;

        let service = Service { address, headers: vec![("authorization", format!("Bearer {token}"))] };
        let install = json!({"integration_id": "commerce7", "is_enabled": true});
        let installed = service.send(Method::POST, "/environment-integration", &install).await?;
        let change = json!({"override": {"base_url": format!("http://{}/v1", sandbox.address)}});
        service.send(Method::PATCH, &format!("/environment-integration/{installed}"), &change).await?;
        let account = json!({
            "tenant_id": "bench",
            "environment_integration_id": installed,
            "authentication_method": "api_key",
            "context": {
                "tenant": sandbox.tenant["name"],
                "app_id": sandbox.tenant["app_id"],
                "app_secret": sandbox.tenant["app_secret"],
            },
        });
        let account = service.send(Method::POST, "/integrated-account", &account).await?;
        Ok(Self { service, account, process, _folder: folder })
    }

    /// Its resident memory now and at its highest, in MiB.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.0.id()))?;
        let mebibytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
            kibibytes.map(|count| count / 1024.0).with_context(|| format!("/proc has no {name}"))
        };
        Ok(Memory { now: mebibytes("VmRSS:")?, highest: mebibytes("VmHWM:")? })
    }
}

pub struct Memory {
    pub now: f64,
    pub highest: f64,
}

/// The program that `cargo build --release` made beside this one.
pub fn program() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("decant");
    ensure!(program.is_file(), "{} is missing; run `cargo xtask bench`, which builds it", program.display());
    Ok(program)
}

/// Runs a command to its end and gives what it printed.
fn said(mut command: Command) -> anyhow::Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// An address of this machine that nothing listens on.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

async fn wait(address: SocketAddr, process: &mut Process) -> anyhow::Result<()> {
    let started = Instant::now();
    while TcpStream::connect(address).await.is_err() {
        if let Some(status) = process.0.try_wait()? {
            bail!("the process that should listen on {address} ended ({status})");
        }
        ensure!(started.elapsed() < START, "nothing listens on {address}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}
