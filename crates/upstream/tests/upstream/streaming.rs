//! Bodies stream both ways.

use std::convert::Infallible;

use axum::Router;
use axum::body::Body as AxumBody;
use axum::routing::post;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Method;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::sync::mpsc;
use upstream::{Body, SendError};

use crate::servers::{request, serve, upstream};

/// A body fed by a channel.
pub fn fed() -> (mpsc::UnboundedSender<&'static str>, Body) {
    let (feed, mut fed) = mpsc::unbounded_channel::<&'static str>();
    let frames = stream::poll_fn(move |context| fed.poll_recv(context))
        .map(|text| Ok::<_, Infallible>(Frame::data(Bytes::from_static(text.as_bytes()))));
    (feed, Body::wrap(StreamBody::new(frames)))
}

#[tokio::test]
async fn an_answer_flows_while_the_request_still_does() {
    let echo = Router::new().route("/", post(|body: AxumBody| async { body }));
    let url = serve(echo).await;
    let (feed, body) = fed();
    feed.send("one").unwrap();
    let mut answer = upstream(|_| {}).send(request(Method::POST, &url), Some(body)).await.unwrap();
    // Each part comes back before the next is sent, so nothing on the way waits for the whole.
    for part in ["one", "two", "three"] {
        if part != "one" {
            feed.send(part).unwrap();
        }
        let frame = answer.body.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), part);
    }
    drop(feed);
    assert!(answer.body.frame().await.is_none());
}

#[tokio::test]
async fn a_body_of_known_length_is_sent_with_it() {
    let app = Router::new().route(
        "/",
        post(|headers: axum::http::HeaderMap| async move {
            headers
                .get("content-length")
                .map(|length| length.to_str().unwrap().to_owned())
                .unwrap_or_default()
        }),
    );
    let url = serve(app).await;
    let upstream = upstream(|_| {});
    let answer =
        upstream.send(request(Method::POST, &url), Some(Body::from(Bytes::from_static(b"12345")))).await;
    assert_eq!(answer.unwrap().bytes().await.unwrap(), "5");
    let mut planned = request(Method::POST, &url);
    planned.body = Some(Bytes::from_static(b"123"));
    assert_eq!(upstream.send(planned, None).await.unwrap().bytes().await.unwrap(), "3");
}

#[tokio::test]
async fn a_request_body_that_breaks_off_is_told_apart() {
    let app = Router::new().route("/", post(|body: Bytes| async move { body.len().to_string() }));
    let url = serve(app).await;
    let parts =
        stream::iter([Ok(Frame::data(Bytes::from_static(b"half"))), Err(std::io::Error::other("gone"))]);
    let error = upstream(|_| {})
        .send(request(Method::POST, &url), Some(Body::wrap(StreamBody::new(parts))))
        .await
        .unwrap_err();
    assert_eq!(error, SendError::RequestBody);
}
