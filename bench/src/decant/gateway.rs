//! `decant serve`: nodes over one database, and wineries connected as a customer would connect them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use http::Method;
use serde_json::{Value, json};

use super::free_address;
use super::process::Process;
use super::sandbox::{Sandbox, Tenant};
use crate::call::Service;

/// What all nodes of a gateway share: the database, the key and a token.
pub struct Installation {
    program: PathBuf,
    database: String,
    folder: tempfile::TempDir,
    token: String,
}

impl Installation {
    /// Over SQLite, in a folder that goes with it.
    pub fn over_sqlite(program: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let database = format!("sqlite:{}", folder.path().join("decant.db").display());
        Self::create(program, database, folder)
    }

    /// Over an empty PostgreSQL database.
    pub fn over_postgres(program: &Path, url: &str) -> anyhow::Result<Self> {
        Self::create(program, url.to_owned(), tempfile::tempdir()?)
    }

    fn create(program: &Path, database: String, folder: tempfile::TempDir) -> anyhow::Result<Self> {
        let mut installation = Self { program: program.to_owned(), database, folder, token: String::new() };
        said(installation.command(&["environment", "create", "bench"]))?;
        installation.token = said(installation.command(&["token", "create", "--environment", "bench"]))?;
        Ok(installation)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .env_remove("DECANT_MASTER_KEY")
            // nginx writes no line for each call either; the gateway's rows in its database are written.
            .env("DECANT_LOG", "warn")
            .env("DATABASE_URL", &self.database)
            .env("DECANT_MASTER_KEY_FILE", self.folder.path().join("decant.key"));
        command
    }

    /// Starts a node.
    pub async fn node(&self) -> anyhow::Result<Node> {
        let address = free_address()?;
        let listen = address.to_string();
        let mut command = self.command(&["serve", "--listen", &listen, "--allow-network", "127.0.0.1/32"]);
        let process = Process::listening(command.stdout(Stdio::null()), address).await?;
        let headers = vec![("authorization", format!("Bearer {}", self.token))];
        Ok(Node { service: Service { address, headers }, process })
    }
}

/// A running node; killed when dropped.
pub struct Node {
    pub service: Service,
    process: Process,
}

impl Node {
    /// Installs Commerce7 in the environment, changed by `over`; gives the id that accounts are connected to.
    pub async fn install(&self, over: &Value) -> anyhow::Result<String> {
        let install = json!({"integration_id": "commerce7", "is_enabled": true});
        let installed = self.service.send(Method::POST, "/environment-integration", &install).await?;
        let path = format!("/environment-integration/{installed}");
        self.service.send(Method::PATCH, &path, &json!({ "override": over })).await
    }

    /// Connects a winery; gives the account's id.
    pub async fn connect(&self, installed: &str, tenant: &Tenant) -> anyhow::Result<String> {
        let account = json!({
            "tenant_id": tenant.name,
            "environment_integration_id": installed,
            "authentication_method": "api_key",
            "context": {
                "tenant": tenant.name,
                "app_id": tenant.app_id,
                "app_secret": tenant.app_secret,
            },
        });
        self.service.send(Method::POST, "/integrated-account", &account).await
    }

    /// What `/metrics` shows.
    pub async fn metrics(&self) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&self.service.get("/metrics").await?).into_owned())
    }

    /// Its resident memory now and at its highest, in MiB.
    pub fn memory(&self) -> anyhow::Result<Memory> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
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

/// One node over SQLite, with the sandbox's first winery connected.
pub struct Gateway {
    // Before the installation: the process goes before its folder does.
    pub node: Node,
    pub account: String,
    _installation: Installation,
}

impl Gateway {
    pub async fn start(program: &Path, sandbox: &Sandbox) -> anyhow::Result<Self> {
        let installation = Installation::over_sqlite(program)?;
        let node = installation.node().await?;
        // Without the platform's limit, which would be all that is measured.
        let over = json!({ "base_url": sandbox.base_url(), "rate_limit": null });
        let installed = node.install(&over).await?;
        let account = node.connect(&installed, sandbox.tenant()?).await?;
        Ok(Self { node, account, _installation: installation })
    }
}

/// Runs a command to its end and gives what it printed.
fn said(mut command: Command) -> anyhow::Result<String> {
    let output = command.output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
