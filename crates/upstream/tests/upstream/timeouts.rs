//! Time limits, each on its own.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Method;
use http_body::Frame;
use http_body_util::StreamBody;
use upstream::{Body, Phase, SendError};

use crate::servers::{LONG, answering_and_waiting, get, request, serve, upstream};

const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_platform_that_never_answers() {
    let url = answering_and_waiting(b"").await;
    let upstream = upstream(|config| {
        config.first_byte_timeout = SHORT;
        config.idle_timeout = LONG;
    });
    let error = upstream.send(get(&url), None).await.unwrap_err();
    assert_eq!(error, SendError::Timeout { phase: Phase::FirstByte, limit: SHORT });
    assert!(error.may_have_arrived());
    assert_eq!(error.to_string(), "the platform did not answer within 0.1 seconds");
}

#[tokio::test]
async fn a_platform_that_stops_midway() {
    let url = answering_and_waiting(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await;
    let upstream = upstream(|config| {
        config.first_byte_timeout = LONG;
        config.idle_timeout = SHORT;
    });
    let answer = upstream.send(get(&url), None).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap_err(), SendError::Timeout { phase: Phase::Idle, limit: SHORT });
}

#[tokio::test]
async fn a_connection_that_is_never_made() {
    // TLS to a server that never says a word: connecting is not over until TLS is.
    let url = answering_and_waiting(b"").await.replace("http:", "https:");
    let upstream = upstream(|config| {
        config.connect_timeout = SHORT;
        config.first_byte_timeout = LONG;
    });
    let error = upstream.send(get(&url), None).await.unwrap_err();
    assert_eq!(error, SendError::Timeout { phase: Phase::Connect, limit: SHORT });
    assert!(!error.may_have_arrived());
}

#[tokio::test]
async fn an_upload_may_take_longer_than_an_answer() {
    let app = Router::new().route("/", post(|body: Bytes| async move { body.len().to_string() }));
    let url = serve(app).await;
    let limit = Duration::from_secs(1);
    // Each part comes well within the limit, all of them take longer than it.
    let parts = stream::iter(0..12).then(|_| async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        Ok::<_, Infallible>(Frame::data(Bytes::from_static(b"part")))
    });
    let upstream = upstream(|config| config.first_byte_timeout = limit);
    let answer =
        upstream.send(request(Method::POST, &url), Some(Body::wrap(StreamBody::new(parts)))).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap(), "48");
}
