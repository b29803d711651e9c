//! Sending: one client a thread, one function.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_LENGTH, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use http_body::Body as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use integration::Request;
use ipnet::IpNet;
use thread_local::ThreadLocal;

use crate::connect::Connector;
use crate::headers::strip_hop_by_hop;
use crate::{AddressPolicy, Body, Phase, SendError, SetupError};

/// A connection that was idle for longer is closed: most servers close theirs after 60 seconds, and who closes first avoids a broken request.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// Between two signs of life of a connection of HTTP/2, and how long the second may take: both within the first byte's time limit, and
/// neither so short that it is a burden.
const SHORTEST_PING: Duration = Duration::from_secs(1);
const LONGEST_PING: Duration = Duration::from_secs(20);

/// Said where neither definition nor caller say another.
const OURS: &str = concat!("decant/", env!("CARGO_PKG_VERSION"));

/// Time limits and what may be reached.
#[derive(Debug, Clone)]
pub struct Config {
    /// For the name, the connection and TLS together.
    pub connect_timeout: Duration,
    /// From sending to the head of the answer; it begins anew with each part of a streamed body that leaves.
    pub first_byte_timeout: Duration,
    /// Between two parts of the answer's body.
    pub idle_timeout: Duration,
    /// Networks that may be reached beside the public internet.
    pub allow: Vec<IpNet>,
    /// Certificates (PEM) of authorities that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// How large an answer [`Response::bytes`] reads, in bytes.
    pub max_buffered_body: usize,
}

impl Default for Config {
    /// 10 seconds to connect, 60 to the first byte and between parts, nothing private, 32 MiB.
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            first_byte_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
            allow: Vec::new(),
            ca_file: None,
            max_buffered_body: 32 * 1024 * 1024,
        }
    }
}

/// The way out. Cheap to clone; clones share connections, of which each thread has its own: an answer that is read on one thread and given on by
/// another costs more than a further connection.
#[derive(Clone)]
pub struct Upstream(Arc<Inner>);

struct Inner {
    clients: ThreadLocal<Client<Connector, Body>>,
    connector: Connector,
    config: Config,
}

/// An answer: its head, and its body as it comes.
#[derive(Debug)]
pub struct Response {
    /// The status, whatever it is: an error of the platform is an answer.
    pub status: StatusCode,
    /// The headers, without those of the connection.
    pub headers: HeaderMap,
    /// The body.
    pub body: Body,
    max_buffered_body: usize,
}

impl Response {
    /// One whose body was read already.
    pub fn whole(status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        let max_buffered_body = body.len();
        Self { status, headers, body: body.into(), max_buffered_body }
    }

    /// Reads the body into memory, within the configured size.
    pub async fn bytes(self) -> Result<Bytes, SendError> {
        self.body.bytes(self.max_buffered_body).await
    }
}

impl Upstream {
    /// Makes the way out. Fails when the certificates to trust can't be read.
    pub fn new(config: Config) -> Result<Self, SetupError> {
        let policy = AddressPolicy::new(config.allow.clone());
        let connector = Connector::new(policy, config.connect_timeout, config.ca_file.as_deref())?;
        Ok(Self(Arc::new(Inner { clients: ThreadLocal::new(), connector, config })))
    }

    /// Sends a planned request and gives the answer's head once it is there. `stream` takes the place of the request's
    /// own body.
    ///
    /// A request that the platform has certainly not looked at ([`SendError::Unprocessed`]) is sent once more, whatever it is; so is a read
    /// whose connection breaks before any answer: the platform may just have closed a connection that was kept open. Both need a body
    /// that is whole. Nothing else is ever sent twice.
    ///
    /// A box: the client below is compiled here, once, not again where it is waited for.
    pub fn send(&self, request: Request, stream: Option<Body>) -> BoxFuture<'_, Result<Response, SendError>> {
        Box::pin(async move {
            let uri = Uri::try_from(String::from(request.url)).map_err(|_| SendError::BadUrl)?;
            let mut headers = request.headers;
            strip_hop_by_hop(&mut headers);
            headers.entry(USER_AGENT).or_insert(HeaderValue::from_static(OURS));
            let body = stream.unwrap_or_else(|| request.body.map_or_else(Body::empty, Body::from));
            if body.is_end_stream() && matches!(request.verb, Method::POST | Method::PUT | Method::PATCH) {
                // Servers may refuse such a request without a length (RFC 9110, 8.6).
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
            let again = body.again();
            let is_read = matches!(request.verb, Method::GET | Method::HEAD);
            let message = |verb, uri, headers, body| {
                let mut message = http::Request::new(body);
                *message.method_mut() = verb;
                *message.uri_mut() = uri;
                *message.headers_mut() = headers;
                message
            };
            let Some(again) = again else {
                return self.send_once(message(request.verb, uri, headers, body)).await;
            };
            let first = message(request.verb.clone(), uri.clone(), headers.clone(), body);
            let answer = self.send_once(first).await;
            let once_more = match &answer {
                Err(SendError::Unprocessed) => true,
                Err(SendError::Reset) => is_read,
                _ => false,
            };
            if !once_more {
                return answer;
            }
            Box::pin(self.send_once(message(request.verb, uri, headers, again))).await
        })
    }

    /// This thread's client.
    fn client(&self) -> &Client<Connector, Body> {
        let Inner { clients, connector, config } = &*self.0;
        clients.get_or(|| {
            let ping = (config.first_byte_timeout / 4).clamp(SHORTEST_PING, LONGEST_PING);
            Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(POOL_IDLE)
                .timer(TokioTimer::new())
                .http2_adaptive_window(true)
                .http2_keep_alive_interval(ping)
                .http2_keep_alive_timeout(ping)
                .build(connector.clone())
        })
    }

    async fn send_once(&self, message: http::Request<Body>) -> Result<Response, SendError> {
        let config = &self.0.config;
        let host = message.uri().host().unwrap_or_default().to_owned();
        let (parts, body) = message.into_parts();
        let (body, progress) = body.watched();
        let answer = self.client().request(http::Request::from_parts(parts, body));
        let answer = tokio::select! {
            answer = answer => answer.map_err(|error| SendError::sending(&error, &host, config.connect_timeout))?,
            () = progress.stalled(config.first_byte_timeout) => {
                return Err(SendError::Timeout { phase: Phase::FirstByte, limit: config.first_byte_timeout });
            }
        };
        let (mut head, incoming) = answer.into_parts();
        strip_hop_by_hop(&mut head.headers);
        Ok(Response {
            status: head.status,
            headers: head.headers,
            body: Body::answer(incoming, config.idle_timeout),
            max_buffered_body: config.max_buffered_body,
        })
    }
}
