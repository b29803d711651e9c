//! `decant sandbox`: the platform that is called, and what it says of its callers.

use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::free_address;
use super::process::Process;
use crate::call::Service;

/// A running sandbox.
pub struct Sandbox {
    pub address: SocketAddr,
    pub tenants: Vec<Tenant>,
    _process: Process,
}

/// A winery, with what opens it.
#[derive(Clone, Deserialize)]
pub struct Tenant {
    pub name: String,
    pub app_id: String,
    pub app_secret: String,
    #[serde(default)]
    pub other_apps: Vec<AppCredentials>,
}

#[derive(Clone, Deserialize)]
pub struct AppCredentials {
    pub app_id: String,
    pub app_secret: String,
}

/// What the rate limit took and refused; moments are milliseconds since the sandbox started.
#[derive(Deserialize)]
pub struct LimitRecord {
    pub now_ms: i64,
    pub apps: Vec<AppDecisions>,
}

#[derive(Deserialize)]
pub struct AppDecisions {
    pub tenant: String,
    pub app: Option<String>,
    pub accepted_at: Vec<i64>,
    pub throttled_at: Vec<i64>,
}

impl Sandbox {
    /// One winery of the usual size, without a rate limit.
    pub async fn start(program: &Path) -> anyhow::Result<Self> {
        Self::start_with(program, &["--rate-limit", "0"]).await
    }

    /// What the arguments say.
    pub async fn start_with(program: &Path, arguments: &[&str]) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(program);
        command.args(["sandbox", "--listen", &address.to_string()]).args(arguments);
        let process =
            Process::listening(command.stdout(Stdio::null()).stderr(Stdio::null()), address).await?;
        let open = Service { address, headers: Vec::new() };
        let tenants = serde_json::from_slice(&open.get("/_sandbox/tenants").await?)?;
        Ok(Self { address, tenants, _process: process })
    }

    /// The first winery.
    pub fn tenant(&self) -> anyhow::Result<&Tenant> {
        self.tenants.first().context("the sandbox has no winery")
    }

    /// The sandbox as an app calls Commerce7 for the first winery.
    pub fn service(&self) -> anyhow::Result<Service> {
        Ok(self.tenant()?.service(self.address))
    }

    /// What stands in front of the platform's paths.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The first `count` orders, in the order of the cursor.
    pub async fn orders(&self, count: usize) -> anyhow::Result<Vec<Bytes>> {
        let service = self.service()?;
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

    /// What the rate limit took and refused so far.
    pub async fn limit(&self) -> anyhow::Result<LimitRecord> {
        Ok(serde_json::from_slice(&self.control().get("/_sandbox/limit").await?)?)
    }

    /// Makes requests go wrong.
    pub async fn fault(&self, rule: &Value) -> anyhow::Result<()> {
        let body = Bytes::from(rule.to_string());
        self.control().call(Method::POST, "/_sandbox/faults", body).await.map(drop)
    }

    /// Lets all go well again.
    pub async fn clear_faults(&self) -> anyhow::Result<()> {
        self.control().call(Method::DELETE, "/_sandbox/faults", Bytes::new()).await.map(drop)
    }

    fn control(&self) -> Service {
        Service { address: self.address, headers: Vec::new() }
    }
}

impl Tenant {
    /// The platform as this winery's first app calls it.
    pub fn service(&self, address: SocketAddr) -> Service {
        self.service_of(address, &self.app_id, &self.app_secret)
    }

    /// The platform as this winery's second app calls it.
    pub fn second_service(&self, address: SocketAddr) -> anyhow::Result<Service> {
        let app = self.other_apps.first().context("the sandbox has one app only")?;
        Ok(self.service_of(address, &app.app_id, &app.app_secret))
    }

    fn service_of(&self, address: SocketAddr, id: &str, secret: &str) -> Service {
        let basic = STANDARD.encode(format!("{id}:{secret}"));
        let headers = vec![("authorization", format!("Basic {basic}")), ("tenant", self.name.clone())];
        Service { address, headers }
    }
}

#[derive(Deserialize)]
struct Page {
    orders: Vec<Box<RawValue>>,
    cursor: Option<String>,
}
