//! Servers that behave, and servers that do not.

use std::net::SocketAddr;
use std::time::Duration;

use integration::Request;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use upstream::{Config, Upstream};

/// A way out that may reach this machine.
pub fn upstream(change: impl FnOnce(&mut Config)) -> Upstream {
    let mut config = Config { allow: vec!["127.0.0.0/8".parse().unwrap()], ..Config::default() };
    change(&mut config);
    Upstream::new(config).unwrap()
}

/// A request without a body.
pub fn request(verb: http::Method, url: &str) -> Request {
    Request {
        verb,
        url: url.parse().unwrap(),
        headers: http::HeaderMap::new(),
        body: None,
        count: integration::Count::Free,
    }
}

pub fn get(url: &str) -> Request {
    request(http::Method::GET, url)
}

pub async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

/// Serves an application; gives its base URL.
pub async fn serve(app: axum::Router) -> String {
    let (listener, address) = listen().await;
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

/// Answers every connection's first request with fixed bytes and then closes it.
pub async fn answering(answer: &'static [u8]) -> String {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            read_head(&mut stream).await;
            stream.write_all(answer).await.unwrap();
        }
    });
    format!("http://{address}")
}

/// Sends fixed bytes and then nothing more, with the connection open.
pub async fn answering_and_waiting(answer: &'static [u8]) -> String {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            read_head(&mut stream).await;
            stream.write_all(answer).await.unwrap();
            open.push(stream);
        }
    });
    format!("http://{address}")
}

/// Resets every connection once its request has come.
pub async fn resetting() -> String {
    let (listener, address) = listen().await;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            read_head(&mut stream).await;
            // Closing with a linger of zero sends a reset instead of an end.
            stream.set_zero_linger().unwrap();
        }
    });
    format!("http://{address}")
}

/// Reads to the end of the request's head; gives it.
pub async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// Far longer than any test takes: what ends sooner ended for its own reason.
pub const LONG: Duration = Duration::from_secs(60);
