//! Hosts that are slow, broken or absent.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;
use upstream::{Body, Config, Phase, SendError};

use crate::support::{client, get, local, raw, say_and_hold};

/// Short enough for a test, for limits that are meant to run out.
const SHORT: Duration = Duration::from_millis(50);

fn host() -> String {
    "127.0.0.1".to_owned()
}

#[tokio::test]
async fn a_host_that_never_answers_runs_out_of_time() {
    let url = format!("http://{}/v1?token=secret", raw(|stream| say_and_hold(stream, "")).await);
    let config = Config { first_byte_timeout: SHORT, ..local() };
    let error = client(config).send(get(&url), Body::Empty).await.err().unwrap();
    assert_eq!(error, SendError::Timeout { host: host(), phase: Phase::FirstByte });
    assert!(error.was_sent());
    assert_eq!(error.to_string(), "127.0.0.1 did not begin to answer in time.");
}

#[tokio::test]
async fn a_host_that_stalls_midway_runs_out_of_time() {
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc";
    let url = format!("http://{}/", raw(move |stream| say_and_hold(stream, answer)).await);
    let config = Config { idle_timeout: SHORT, ..local() };
    let response = client(config).send(get(&url), Body::Empty).await.unwrap();
    let error = response.bytes().await.unwrap_err();
    assert_eq!(error, SendError::Timeout { host: host(), phase: Phase::Idle });
    assert_eq!(error.to_string(), "127.0.0.1 stopped sending its answer midway.");
}

#[tokio::test]
async fn an_answer_that_ends_early_is_no_answer() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let address = raw(move |mut stream| async move {
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        });
        let url = format!("http://{}/", address.await);
        let response = client(local()).send(get(&url), Body::Empty).await.unwrap();
        assert_eq!(response.bytes().await.unwrap_err(), SendError::Truncated { host: host() }, "{answer}");
    }
}

#[tokio::test]
async fn a_connection_that_closes_without_an_answer_is_a_reset() {
    for linger in [true, false] {
        let address = raw(move |stream| async move {
            // With no time to linger the system sends a reset in place of an end.
            if !linger {
                stream.set_zero_linger().unwrap();
            }
            drop(stream);
        });
        let url = format!("http://{}/", address.await);
        let error = client(local()).send(get(&url), Body::Empty).await.err().unwrap();
        assert_eq!(error, SendError::Reset { host: host() });
        assert!(error.was_sent());
    }
}

#[tokio::test]
async fn a_closed_port_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error =
        client(local()).send(get(&format!("http://{address}/v1?token=x")), Body::Empty).await.err().unwrap();
    assert!(matches!(error, SendError::Connect { .. }), "{error:?}");
    assert!(!error.was_sent());
    assert_eq!(
        error.to_string(),
        "No connection to 127.0.0.1 could be made: Connection refused (os error 111)."
    );
}

#[tokio::test]
async fn a_tls_session_that_never_begins_runs_out_of_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    let config = Config { connect_timeout: SHORT, ..local() };
    let error = client(config).send(get(&url), Body::Empty).await.err().unwrap();
    assert_eq!(error, SendError::Timeout { host: host(), phase: Phase::Connect });
    assert!(!error.was_sent());
}

#[tokio::test]
async fn a_host_that_speaks_no_http_is_named() {
    let url = format!("http://{}/", raw(|stream| say_and_hold(stream, "220 mail ready\r\n\r\n")).await);
    let error = client(local()).send(get(&url), Body::Empty).await.err().unwrap();
    assert!(matches!(error, SendError::Other(_)), "{error:?}");
    assert_eq!(error.to_string(), "The request to 127.0.0.1 failed: invalid HTTP version parsed.");
}
