//! Answers that end well, and answers that do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::{get as route, post};
use bytes::Bytes;
use http::Method;
use http_body_util::Empty;
use tokio::io::AsyncWriteExt as _;
use upstream::{Body, SendError};

use crate::servers::{answering, get, listen, read_head, request, resetting, serve, upstream};

#[tokio::test]
async fn an_answer_that_ends_before_its_length_is_truncated() {
    let url = answering(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"orders\": [").await;
    let answer = upstream(|_| {}).send(get(&url), None).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap_err(), SendError::Truncated);
}

#[tokio::test]
async fn a_chunked_answer_without_its_last_chunk_is_truncated() {
    let url = answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    let answer = upstream(|_| {}).send(get(&url), None).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap_err(), SendError::Truncated);
}

#[tokio::test]
async fn a_connection_that_is_reset_is_told() {
    let url = resetting().await;
    let error = upstream(|_| {}).send(get(&url), None).await.unwrap_err();
    assert_eq!(error, SendError::Reset);
    assert!(error.may_have_arrived());
    assert_eq!(error.to_string(), "the platform broke the connection off");
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_is_told() {
    let url = answering(b"").await;
    assert_eq!(upstream(|_| {}).send(get(&url), None).await.unwrap_err(), SendError::Reset);
}

#[tokio::test]
async fn what_is_not_http_is_told() {
    let url = answering(b"SSH-2.0-OpenSSH_9.6\r\n").await;
    let error = upstream(|_| {}).send(get(&url), None).await.unwrap_err();
    assert!(matches!(error, SendError::Protocol(_)), "{error:?}");
}

#[tokio::test]
async fn a_read_is_sent_again_when_a_kept_connection_turns_out_closed_and_a_write_never() {
    let no_body = || Some(Body::wrap(Empty::<Bytes>::new()));
    for (verb, stream, expected) in [
        (Method::GET, None, 2),
        (Method::GET, no_body(), 2),
        (Method::POST, None, 1),
        (Method::POST, no_body(), 1),
    ] {
        let (listener, address) = listen().await;
        let requests = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                read_head(&mut stream).await;
                if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                    stream.set_zero_linger().unwrap();
                } else {
                    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
                }
            }
        });
        let answer =
            upstream(|_| {}).send(request(verb.clone(), &format!("http://{address}/")), stream).await;
        assert_eq!(answer.is_ok(), verb == Method::GET, "{verb}: {answer:?}");
        assert_eq!(requests.load(Ordering::SeqCst), expected, "{verb}");
    }
}

#[tokio::test]
async fn an_answer_beyond_the_limit_is_not_read() {
    let app = Router::new()
        .route("/known", route(|| async { "x".repeat(2_000) }))
        .route("/fits", route(|| async { "x".repeat(1_000) }))
        .route(
            "/unknown",
            route(|| async {
                let parts = (0..20).map(|_| Ok::<_, std::io::Error>("x".repeat(100)));
                axum::body::Body::from_stream(futures_util::stream::iter(parts))
            }),
        );
    let url = serve(app).await;
    let upstream = upstream(|config| config.max_buffered_body = 1_000);
    for path in ["known", "unknown"] {
        let answer = upstream.send(get(&format!("{url}/{path}")), None).await.unwrap();
        assert_eq!(answer.bytes().await.unwrap_err(), SendError::TooLarge { limit: 1_000 }, "{path}");
    }
    let answer = upstream.send(get(&format!("{url}/fits")), None).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap().len(), 1_000);
}

#[tokio::test]
async fn headers_of_the_connection_are_not_passed_on_either_way() {
    let app = Router::new().route(
        "/",
        post(|headers: HeaderMap| async move {
            let seen: Vec<String> = headers.keys().map(ToString::to_string).collect();
            (
                [("connection", "x-hop"), ("x-hop", "1"), ("keep-alive", "timeout=9"), ("x-kept", "2")],
                seen.join(","),
            )
        }),
    );
    let url = serve(app).await;
    let mut request = request(Method::POST, &url);
    for (name, value) in [
        ("connection", "x-secret-hop, close"),
        ("x-secret-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("te", "trailers"),
        ("upgrade", "websocket"),
        ("proxy-authorization", "Basic eA=="),
        ("x-kept", "yes"),
    ] {
        request.headers.insert(name, value.parse().unwrap());
    }
    let answer = upstream(|_| {}).send(request, None).await.unwrap();
    for gone in ["x-hop", "keep-alive", "connection"] {
        assert!(!answer.headers.contains_key(gone), "{gone}");
    }
    assert_eq!(answer.headers["x-kept"], "2");
    let seen = String::from_utf8(answer.bytes().await.unwrap().to_vec()).unwrap();
    let mut seen: Vec<&str> = seen.split(',').collect();
    seen.sort_unstable();
    assert_eq!(seen, ["content-length", "host", "user-agent", "x-kept"]);
}

#[tokio::test]
async fn an_encoded_answer_is_not_decoded() {
    let url =
        answering(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\x1f\x8b\x08\x00")
            .await;
    let answer = upstream(|_| {}).send(get(&url), None).await.unwrap();
    assert_eq!(answer.headers["content-encoding"], "gzip");
    assert_eq!(&answer.bytes().await.unwrap()[..], b"\x1f\x8b\x08\x00");
}
