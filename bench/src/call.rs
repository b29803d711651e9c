//! One HTTP call at a time, for setting things up.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Who is called, and with which headers.
#[derive(Clone)]
pub struct Service {
    pub address: SocketAddr,
    pub headers: Vec<(&'static str, String)>,
}

impl Service {
    pub async fn get(&self, path: &str) -> anyhow::Result<Bytes> {
        self.call(Method::GET, path, Bytes::new()).await
    }

    /// Sends JSON and gives the answer's field `id`.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<String> {
        let answer = self.call(method, path, body.to_string().into()).await?;
        let answer: Value = serde_json::from_slice(&answer)?;
        Ok(answer["id"].as_str().with_context(|| format!("{path} answered without an id"))?.to_owned())
    }

    /// Sends a body, none where it is empty; any answer that is no success fails.
    pub async fn call(&self, method: Method, path: &str, body: Bytes) -> anyhow::Result<Bytes> {
        let stream = TcpStream::connect(self.address).await.context("connect")?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let driver = tokio::spawn(connection);
        let mut request =
            Request::builder().method(method).uri(path).header("host", self.address.to_string());
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let answer = sender.send_request(request.body(Full::new(body))?).await?;
        let status = answer.status();
        let body = answer.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "{path} answered {status}: {}", String::from_utf8_lossy(&body));
        drop(sender);
        driver.await??;
        Ok(body)
    }
}
