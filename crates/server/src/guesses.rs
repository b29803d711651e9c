//! What stands before the pages and calls that a token opens which is no bearer token: requests of other sites are refused, who guesses
//! tokens is slowed, nothing is kept by a cache.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use gateway::link::LinkErrorType;
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::error::ApiError;

/// So many tokens that open nothing may one peer come with in a minute: far more than people do, far fewer than a search takes.
const FAILURES: u32 = 30;
const WINDOW: Duration = Duration::from_secs(60);

/// Who is at the other end of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub SocketAddr);

/// Counts, by peer, the tokens that opened nothing. Each node counts for itself.
#[derive(Default)]
pub(crate) struct Guesses(Mutex<HashMap<IpAddr, Failures>>);

struct Failures {
    since: Instant,
    count: u32,
}

impl Guesses {
    /// Seconds until a peer may try again; `None`: it may.
    fn wait(&self, peer: IpAddr) -> Option<u64> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = all.get(&peer).filter(|failures| failures.count >= FAILURES)?;
        WINDOW.checked_sub(failures.since.elapsed()).map(|wait| wait.as_secs() + 1)
    }

    fn count(&self, peer: IpAddr) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |failures: &Failures| failures.since.elapsed() >= WINDOW;
        // Who has not failed for a while takes no memory.
        if !all.contains_key(&peer) {
            all.retain(|_, failures| !is_over(failures));
        }
        let failures = all.entry(peer).or_insert_with(|| Failures { since: Instant::now(), count: 0 });
        if is_over(failures) {
            *failures = Failures { since: Instant::now(), count: 0 };
        }
        failures.count += 1;
    }
}

/// Around every route that a link token or a page's account token opens.
pub(crate) async fn guard(State(guesses): State<Arc<Guesses>>, request: Request, next: Next) -> Response {
    if is_of_another_site(&request) {
        return ApiError::new(StatusCode::FORBIDDEN, "this call is for the gateway's own pages only")
            .into_response();
    }
    let peer = peer(&request);
    if let Some(wait) = guesses.wait(peer) {
        return ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too many links that are not valid; try again later",
        )
        .with_retry_after(Some(wait))
        .into_response();
    }
    let mut response = next.run(request).await;
    if response.extensions().get() == Some(&LinkErrorType::InvalidToken) {
        guesses.count(peer);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether a browser says that another site's page makes the call (Fetch Metadata). Pages may be gone to from anywhere.
fn is_of_another_site(request: &Request) -> bool {
    !request.method().is_safe()
        && request.headers().get("sec-fetch-site").is_some_and(|site| site != "same-origin" && site != "none")
}

/// Whose failures are counted together: an address, or the part of an IPv6 address that one network has.
fn peer(request: &Request) -> IpAddr {
    let address =
        request.extensions().get::<Peer>().map_or(IpAddr::V6(Ipv6Addr::LOCALHOST), |peer| peer.0.ip());
    match told_by_proxy(address, request.headers()).unwrap_or(address) {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

/// A proxy of one's own stands on the same machine or network, and its word is the last one. Nobody else's is taken.
fn told_by_proxy(address: IpAddr, headers: &HeaderMap) -> Option<IpAddr> {
    let is_near = match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    };
    let told = headers.get_all("x-forwarded-for").iter().next_back().filter(|_| is_near)?;
    told.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    fn asked_by(address: &str, forwarded: &str) -> IpAddr {
        let mut request = Request::new(Body::empty());
        request.extensions_mut().insert(Peer(address.parse().unwrap()));
        request.headers_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
        peer(&request)
    }

    #[test]
    fn a_near_proxy_tells_who_asks_and_nobody_else_does() {
        let told = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(asked_by("127.0.0.1:1", "203.0.113.7, 198.51.100.2"), told("198.51.100.2"));
        assert_eq!(asked_by("10.0.0.1:1", "nonsense"), told("10.0.0.1"));
        assert_eq!(asked_by("192.0.2.1:1", "198.51.100.2"), told("192.0.2.1"));
        assert_eq!(asked_by("[2001:db8:1:2:3:4:5:6]:1", "198.51.100.2"), told("2001:db8:1:2::"));
    }

    #[test]
    fn who_guesses_waits_and_others_do_not() {
        let guesses = Guesses::default();
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        for _ in 0..FAILURES {
            assert_eq!(guesses.wait(one), None);
            guesses.count(one);
        }
        assert!(guesses.wait(one).is_some_and(|wait| (1..=60).contains(&wait)));
        assert_eq!(guesses.wait(other), None);
    }
}
