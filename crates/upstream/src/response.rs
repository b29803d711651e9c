//! The answer: its head, and its body at once or chunk by chunk.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::Stream;
use futures_util::stream::try_unfold;
use http::HeaderMap;
use tokio::time::timeout;

use crate::config::Config;
use crate::error::{Phase, SendError};

/// An answer whose head has arrived. Dropping it closes its connection, unless the body has been read to its end.
pub struct Response {
    /// The status, redirects included.
    pub status: u16,
    /// The headers as received, hop-by-hop ones included; see [`crate::headers::forwardable`].
    pub headers: HeaderMap,
    inner: reqwest::Response,
    host: String,
    idle_timeout: Duration,
    body_limit: usize,
}

impl Response {
    pub(crate) fn new(mut inner: reqwest::Response, host: String, config: &Config) -> Self {
        Self {
            status: inner.status().as_u16(),
            headers: std::mem::take(inner.headers_mut()),
            inner,
            host,
            idle_timeout: config.idle_timeout,
            body_limit: config.body_limit,
        }
    }

    /// The whole body. Fails when it stalls, breaks off, or is longer than [`Config::body_limit`].
    pub async fn bytes(mut self) -> Result<Bytes, SendError> {
        let limit = self.body_limit;
        let announced = self.inner.content_length().unwrap_or(0);
        if usize::try_from(announced).map_or(true, |announced| announced > limit) {
            return Err(SendError::TooLarge { host: self.host, limit });
        }
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        if first.len() > limit {
            return Err(SendError::TooLarge { host: self.host, limit });
        }
        // Most answers are one chunk, which needs no copy.
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let mut whole = BytesMut::from(first);
        let mut next = Some(second);
        while let Some(chunk) = next {
            if whole.len() + chunk.len() > limit {
                return Err(SendError::TooLarge { host: self.host, limit });
            }
            whole.extend_from_slice(&chunk);
            next = self.chunk().await?;
        }
        Ok(whole.freeze())
    }

    /// The body as it comes in, of any length, not held back. It ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, SendError>> + Send + 'static {
        try_unfold(
            self,
            |mut response| async move { Ok(response.chunk().await?.map(|chunk| (chunk, response))) },
        )
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>, SendError> {
        match timeout(self.idle_timeout, self.inner.chunk()).await {
            Ok(chunk) => chunk.map_err(|error| SendError::of(&error, &self.host)),
            Err(_) => Err(SendError::Timeout { host: self.host.clone(), phase: Phase::Idle }),
        }
    }
}
