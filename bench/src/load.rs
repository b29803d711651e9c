//! A load generator: keep-alive connections that ask as fast as they are answered.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use crate::call::Service;

/// One GET, asked again and again.
#[derive(Clone)]
pub struct Target {
    /// Where to connect.
    pub address: SocketAddr,
    /// Path and query.
    pub path: String,
    /// Headers of each request.
    pub headers: Vec<(String, String)>,
}

impl Target {
    /// A GET of a service's path.
    pub fn of(service: &Service, path: String) -> Self {
        let headers =
            service.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Self { address: service.address, path, headers }
    }
}

/// What a run of requests came to.
pub struct Outcome {
    /// Requests a second, all connections together.
    pub per_second: f64,
    /// Half of the requests were answered within this time.
    pub p50: Duration,
    /// All but one in a hundred were.
    pub p99: Duration,
}

/// Sends `requests` GETs over `connections` connections; any answer but 200 fails the run.
pub async fn run(target: &Target, connections: usize, requests: usize) -> anyhow::Result<Outcome> {
    let left = Arc::new(AtomicUsize::new(requests));
    let started = Instant::now();
    let tasks: Vec<_> =
        (0..connections).map(|_| tokio::spawn(one_connection(target.clone(), Arc::clone(&left)))).collect();
    let mut times = Vec::with_capacity(requests);
    for task in tasks {
        times.extend(task.await??);
    }
    let elapsed = started.elapsed();
    times.sort_unstable();
    ensure!(!times.is_empty(), "no request was answered");
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    Ok(Outcome { per_second: times.len() as f64 / elapsed.as_secs_f64(), p50: at(0.50), p99: at(0.99) })
}

async fn one_connection(target: Target, left: Arc<AtomicUsize>) -> anyhow::Result<Vec<Duration>> {
    let stream = TcpStream::connect(target.address).await.context("connect")?;
    stream.set_nodelay(true)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let mut times = Vec::new();
    while take(&left) {
        let mut request = Request::get(&target.path).header("host", target.address.to_string());
        for (name, value) in &target.headers {
            request = request.header(name, value);
        }
        let asked = Instant::now();
        sender.ready().await?;
        let answer = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        times.push(asked.elapsed());
        ensure!(
            status == StatusCode::OK,
            "{} answered {status}: {}",
            target.path,
            String::from_utf8_lossy(&body[..body.len().min(400)])
        );
    }
    drop(sender);
    driver.await??;
    Ok(times)
}

/// Takes one of the requests that are left.
fn take(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| count.checked_sub(1)).is_ok()
}
