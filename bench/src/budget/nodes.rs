//! The nodes of a gateway as a caller sees them behind a load balancer, which takes a node out that is gone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

use crate::call::Service;

/// No call takes so long.
const PATIENCE: Duration = Duration::from_secs(120);

/// A client that keeps its connections.
pub type HttpClient = Client<HttpConnector, Full<Bytes>>;

/// Makes a client that sends small requests at once.
pub fn client() -> HttpClient {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new()).build(connector)
}

/// Nodes, or a platform, that answer alike. Clones share the connections.
#[derive(Clone)]
pub struct Nodes {
    client: HttpClient,
    nodes: Arc<[(SocketAddr, AtomicBool)]>,
    headers: Arc<[(&'static str, String)]>,
}

/// What is asked.
#[derive(Clone, Default)]
pub struct Ask {
    pub method: Method,
    pub path: String,
    /// A header beside those of every call.
    pub header: Option<(&'static str, &'static str)>,
    /// JSON; none where it is empty.
    pub body: Bytes,
}

/// What was answered.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// How long it took, tries at nodes that are gone included.
    pub took: Duration,
}

impl Nodes {
    /// All of them, called with the headers of the first.
    pub fn new(client: HttpClient, services: &[&Service]) -> Self {
        let headers = services.first().map(|service| service.headers.clone()).unwrap_or_default();
        let nodes = services.iter().map(|service| (service.address, AtomicBool::new(true))).collect();
        Self { client, nodes, headers: headers.into() }
    }

    /// Calls the node of a number among those that are there, and another when that is gone.
    pub async fn call(&self, number: usize, ask: &Ask) -> anyhow::Result<Answer> {
        let started = Instant::now();
        let mut failure = anyhow::anyhow!("there is no node");
        loop {
            let there: Vec<_> =
                self.nodes.iter().filter(|(_, is_there)| is_there.load(Ordering::Relaxed)).collect();
            let Some((address, is_there)) = number.checked_rem(there.len()).map(|place| there[place]) else {
                return Err(failure);
            };
            match tokio::time::timeout(PATIENCE, self.try_at(*address, ask)).await {
                Ok(Ok((status, headers, body))) => {
                    return Ok(Answer { status, headers, body, took: started.elapsed() });
                }
                Ok(Err(error)) => {
                    is_there.store(false, Ordering::Relaxed);
                    failure = error;
                }
                Err(_) => anyhow::bail!("no answer within {PATIENCE:?}"),
            }
        }
    }

    async fn try_at(&self, address: SocketAddr, ask: &Ask) -> anyhow::Result<(StatusCode, HeaderMap, Bytes)> {
        let mut request =
            Request::builder().method(ask.method.clone()).uri(format!("http://{address}{}", ask.path));
        for (name, value) in self.headers.iter() {
            request = request.header(*name, value);
        }
        if let Some((name, value)) = ask.header {
            request = request.header(name, value);
        }
        if !ask.body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let answer = self.client.request(request.body(Full::new(ask.body.clone()))?).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await.context("read the answer")?.to_bytes();
        Ok((head.status, head.headers, body))
    }
}
