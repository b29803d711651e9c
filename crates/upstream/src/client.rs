//! Sending: the one place where requests leave the program.

use std::sync::Arc;
use std::time::Duration;

use http::header::HOST;
use metrics::histogram;
use reqwest::redirect;
use tokio::time::{Instant, sleep_until};
use url::Host;

use crate::address::Policy;
use crate::body::{Body, Progress};
use crate::config::Config;
use crate::error::{BuildError, Phase, SendError};
use crate::resolver::PolicyResolver;
use crate::response::Response;

/// The histogram of seconds from handing a request over to the head of its answer. Labels: `method`, and `outcome`,
/// which is the status or the kind of error.
pub const REQUEST_SECONDS: &str = "decant_upstream_request_seconds";

/// How long an unused connection is kept: below the minute after which common load balancers drop theirs.
const POOL_IDLE: Duration = Duration::from_secs(50);

/// The way out. Clones share one pool of connections.
#[derive(Clone)]
pub struct Upstream {
    shared: Arc<Shared>,
}

struct Shared {
    client: reqwest::Client,
    policy: Policy,
    config: Config,
}

impl Upstream {
    /// Builds the client. Fails when the TLS backend cannot be set up.
    pub fn new(config: Config) -> Result<Self, BuildError> {
        let policy = Policy::new(&config.allow);
        let client = reqwest::Client::builder()
            .redirect(redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .tcp_nodelay(true)
            .tcp_keepalive(Duration::from_secs(30))
            .pool_idle_timeout(POOL_IDLE)
            .connect_timeout(config.connect_timeout)
            .dns_resolver(Arc::new(PolicyResolver(policy.clone())))
            .build()
            .map_err(|error| BuildError::new(&error))?;
        Ok(Self { shared: Arc::new(Shared { client, policy, config }) })
    }

    /// Sends `request` and waits for the head of its answer, whatever its status. `body` is sent; `request.body` is
    /// sent where it is [`Body::Empty`]. A `Host` header is dropped: the URL says where to.
    ///
    /// Fails when the address is refused, no connection is made, or no head arrives in time. Dropping the future
    /// closes the connection.
    pub async fn send(&self, request: integration::Request, body: Body) -> Result<Response, SendError> {
        let started = Instant::now();
        let verb = request.verb.clone();
        let result = self.send_unmeasured(request, body).await;
        let outcome = match &result {
            Ok(response) => response.status.to_string(),
            Err(error) => error.label().to_owned(),
        };
        // An unusual method would make a series of its own, as long as the caller likes.
        let method = if is_usual(&verb) { verb.to_string() } else { "other".to_owned() };
        histogram!(REQUEST_SECONDS, "method" => method, "outcome" => outcome).record(started.elapsed());
        result
    }

    async fn send_unmeasured(
        &self,
        request: integration::Request,
        body: Body,
    ) -> Result<Response, SendError> {
        let Shared { client, policy, config } = &*self.shared;
        let host = request.url.host_str().unwrap_or_default().to_owned();
        if !matches!(request.url.scheme(), "http" | "https") {
            return Err(SendError::Other(format!("{host} is not reached by http or https")));
        }
        // Literal addresses are never resolved, so the resolver does not see them.
        let literal = match request.url.host() {
            Some(Host::Ipv4(address)) => Some(address.into()),
            Some(Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        };
        if literal.is_some_and(|address| !policy.permits(address)) {
            return Err(SendError::AddressRefused { host });
        }

        let progress = Progress::start();
        let mut outgoing = reqwest::Request::new(request.verb, request.url);
        *outgoing.headers_mut() = request.headers;
        outgoing.headers_mut().remove(HOST);
        *outgoing.body_mut() = progress.watch(body, request.body);

        let mut answer = std::pin::pin!(client.execute(outgoing));
        loop {
            // A slow upload is no slow answer: each chunk of the body starts the time anew. Connecting counts as well;
            // it has a limit of its own, which is meant to be the shorter one.
            let deadline = progress.latest() + config.first_byte_timeout;
            tokio::select! {
                biased;
                result = &mut answer => {
                    return match result {
                        Ok(response) => Ok(Response::new(response, host, config)),
                        Err(_) if progress.failed() => Err(SendError::RequestBody { host }),
                        Err(error) => Err(SendError::of(&error, &host)),
                    };
                }
                () = sleep_until(deadline) => {
                    if progress.latest() + config.first_byte_timeout <= Instant::now() {
                        return Err(SendError::Timeout { host, phase: Phase::FirstByte });
                    }
                }
            }
        }
    }
}

fn is_usual(verb: &http::Method) -> bool {
    use http::Method;
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS]
        .contains(verb)
}
