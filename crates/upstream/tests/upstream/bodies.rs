//! Bodies in both directions.

use axum::Router;
use axum::body::Body as AxumBody;
use axum::extract::Request as AxumRequest;
use axum::routing::post;
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;
use upstream::{Body, Config, SendError};

use crate::support::{client, local, raw, request, say_and_hold, serve};

#[tokio::test]
async fn planned_and_given_bodies_are_sent_with_their_length() {
    let echo = post(|request: AxumRequest| async move {
        let length = request.headers()["content-length"].to_str().unwrap().to_owned();
        let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
        format!("{length}:{}", String::from_utf8_lossy(&body))
    });
    let url = format!("http://{}/", serve(Router::new().route("/", echo)).await);
    let upstream = client(local());
    let mut planned = request(Method::POST, &url);
    planned.body = Some(Bytes::from_static(b"planned"));
    let answer = upstream.send(planned.clone(), Body::Empty).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap(), "7:planned");
    let answer = upstream.send(planned, Body::Bytes(Bytes::from_static(b"given"))).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap(), "5:given");
}

#[tokio::test]
async fn the_first_chunk_of_the_answer_is_read_before_the_request_has_ended() {
    let echo = post(|request: AxumRequest| async move {
        AxumBody::from_stream(request.into_body().into_data_stream())
    });
    let url = format!("http://{}/", serve(Router::new().route("/", echo)).await);
    let (chunks, receiver) = mpsc::channel::<std::io::Result<Bytes>>(1);
    let body = Body::stream(stream::unfold(receiver, |mut receiver| async move {
        receiver.recv().await.map(|chunk| (chunk, receiver))
    }));
    let response = client(local()).send(request(Method::POST, &url), body).await.unwrap();
    let mut answer = Box::pin(response.into_stream());
    for chunk in ["first", "second"] {
        chunks.send(Ok(Bytes::from(chunk))).await.unwrap();
        assert_eq!(answer.next().await.unwrap().unwrap(), chunk);
    }
    drop(chunks);
    assert!(answer.next().await.is_none());
}

#[tokio::test]
async fn a_body_that_breaks_off_gives_the_request_up() {
    let url = format!("http://{}/", raw(|stream| async move { say_and_hold(stream, "").await }).await);
    let body = Body::stream(stream::iter([
        Ok(Bytes::from_static(b"begun")),
        Err(std::io::Error::other("the caller has gone")),
    ]));
    let error = client(local()).send(request(Method::POST, &url), body).await.err().unwrap();
    assert_eq!(error, SendError::RequestBody { host: "127.0.0.1".to_owned() });
    assert!(error.was_sent());
}

#[tokio::test]
async fn answers_beyond_the_limit_are_refused_whole_but_pass_as_streams() {
    let config = Config { body_limit: 4, ..local() };
    let too_large = SendError::TooLarge { host: "127.0.0.1".to_owned(), limit: 4 };
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabcde",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    ] {
        let url = format!("http://{}/", raw(move |stream| say_and_hold(stream, answer)).await);
        let response = client(config.clone()).send(request(Method::GET, &url), Body::Empty).await.unwrap();
        assert_eq!(response.bytes().await.unwrap_err(), too_large);

        let url = format!("http://{}/", raw(move |stream| say_and_hold(stream, answer)).await);
        let response = client(config.clone()).send(request(Method::GET, &url), Body::Empty).await.unwrap();
        let chunks: Vec<_> = response.into_stream().map(Result::unwrap).collect().await;
        assert_eq!(chunks.concat(), b"abcde");
    }
}

#[tokio::test]
async fn the_head_of_a_large_record_has_no_body_to_wait_for() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 5000\r\n\r\n";
    let url = format!("http://{}/", raw(move |stream| say_and_hold(stream, answer)).await);
    let config = Config { body_limit: 4, ..local() };
    let response = client(config).send(request(Method::HEAD, &url), Body::Empty).await.unwrap();
    assert_eq!(response.headers["content-length"], "5000");
    assert!(response.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn content_is_not_decoded() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 3\r\n\r\nabc";
    let url = format!("http://{}/", raw(move |stream| say_and_hold(stream, answer)).await);
    let response = client(local()).send(request(Method::GET, &url), Body::Empty).await.unwrap();
    assert_eq!(response.headers["content-encoding"], "gzip");
    assert_eq!(response.bytes().await.unwrap(), "abc");
}

#[tokio::test]
async fn dropping_the_answer_closes_the_connection() {
    let (closed, mut seen) = mpsc::channel::<()>(1);
    let address = raw(move |mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc").await.unwrap();
        let _ = stream.read(&mut [0; 1]).await;
        closed.send(()).await.unwrap();
    })
    .await;
    let response =
        client(local()).send(request(Method::GET, &format!("http://{address}/")), Body::Empty).await;
    drop(response.unwrap());
    seen.recv().await.unwrap();
}
