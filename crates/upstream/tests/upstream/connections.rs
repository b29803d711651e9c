//! Connections to platforms that behave: which protocol is spoken, who is trusted, and that one connection is enough.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::future::join_all;
use http::{HeaderValue, Method, Response, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::runtime::Builder;
use tokio::task::spawn_blocking;
use upstream::{Config, SendError, SetupError, Upstream};

use crate::secure::Secure;
use crate::servers::{get, request, upstream};
use crate::streaming::fed;

/// Serves an echo that tells the version that it was asked in; gives the number of connections.
fn serve(server: Secure) -> Arc<AtomicU32> {
    let connections = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let stream = server.accept().await;
            counted.fetch_add(1, Ordering::SeqCst);
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            let stream = TokioIo::new(stream);
            let service = service_fn(async |request: hyper::Request<Incoming>| {
                let version = match request.version() {
                    Version::HTTP_2 => "HTTP/2",
                    Version::HTTP_11 => "HTTP/1.1",
                    _ => "another",
                };
                let mut answer = Response::new(request.into_body());
                answer.headers_mut().insert("x-version", HeaderValue::from_static(version));
                Ok::<_, Infallible>(answer)
            });
            if is_http2 {
                tokio::spawn(http2::Builder::new(TokioExecutor::new()).serve_connection(stream, service));
            } else {
                tokio::spawn(http1::Builder::new().serve_connection(stream, service));
            }
        }
    });
    connections
}

#[tokio::test]
async fn http2_is_spoken_where_it_is_offered_and_one_connection_serves_many_requests() {
    for (offered, spoken) in [
        (&["h2", "http/1.1"][..], "HTTP/2"),
        (&["h2"], "HTTP/2"),
        (&["http/1.1"], "HTTP/1.1"),
        (&[], "HTTP/1.1"),
    ] {
        let server = Secure::listen(offered).await;
        let (upstream, url) = (server.trusted(|_| {}), server.url());
        let connections = serve(server);
        for verb in [Method::GET, Method::POST].iter().cycle().take(20) {
            let mut request = request(verb.clone(), &url);
            if verb == Method::POST {
                request.body = Some("said".into());
            }
            let sent = request.body.clone().unwrap_or_default();
            let answer = upstream.send(request, None).await.unwrap();
            assert_eq!(answer.headers["x-version"], spoken, "{offered:?}");
            assert_eq!(answer.bytes().await.unwrap(), sent);
        }
        if spoken == "HTTP/2" {
            let answers = join_all((0..50).map(|_| upstream.send(get(&url), None))).await;
            assert!(answers.iter().all(Result::is_ok));
        }
        assert_eq!(connections.load(Ordering::SeqCst), 1, "{offered:?}");
    }
}

#[tokio::test]
async fn each_thread_keeps_to_a_connection_of_its_own() {
    let server = Secure::listen(&["http/1.1"]).await;
    let (upstream, url) = (server.trusted(|_| {}), server.url());
    let connections = serve(server);
    let three = async |upstream: &Upstream, url: &str| {
        for _ in 0..3 {
            upstream.send(get(url), None).await.unwrap().bytes().await.unwrap();
        }
    };
    three(&upstream, &url).await;
    let elsewhere = move || {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(three(&upstream, &url));
    };
    // The server answers on this thread meanwhile.
    spawn_blocking(elsewhere).await.unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn bodies_stream_both_ways_over_http2() {
    let server = Secure::listen(&["h2"]).await;
    let (upstream, url) = (server.trusted(|_| {}), server.url());
    serve(server);
    let (feed, body) = fed();
    feed.send("one").unwrap();
    let mut answer = upstream.send(request(Method::POST, &url), Some(body)).await.unwrap();
    for part in ["one", "two"] {
        if part != "one" {
            feed.send(part).unwrap();
        }
        assert_eq!(answer.body.frame().await.unwrap().unwrap().into_data().unwrap(), part);
    }
    drop(feed);
    assert_eq!(answer.bytes().await.unwrap(), "");
}

#[tokio::test]
async fn a_certificate_is_trusted_for_its_own_name_by_who_is_told_to() {
    let server = Secure::listen(&["h2"]).await;
    let (trusting, url) = (server.trusted(|_| {}), server.url());
    serve(server);
    trusting.send(get(&url), None).await.unwrap();
    let by_another_name = url.replace("127.0.0.1", "localhost");
    for (upstream, url) in [(upstream(|_| {}), &url), (trusting, &by_another_name)] {
        let error = upstream.send(get(url), None).await.unwrap_err();
        let SendError::Connect { reason, .. } = &error else { panic!("{error:?}") };
        assert!(reason.contains("invalid peer certificate"), "{reason}");
        assert!(!error.may_have_arrived());
    }
}

#[test]
fn a_file_that_holds_no_certificates_is_refused_with_what_would_be_right() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let refused = || {
        let error = Upstream::new(Config { ca_file: Some(file.clone()), ..Config::default() }).err().unwrap();
        assert!(matches!(error, SetupError::CaFile { .. }), "{error:?}");
        error.to_string()
    };
    assert!(refused().contains("No such file"));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n!", broken] {
        std::fs::write(&file, text).unwrap();
        let error = refused();
        assert!(error.contains("ca.pem") && error.contains("-----BEGIN CERTIFICATE-----"), "{error}");
    }
}
