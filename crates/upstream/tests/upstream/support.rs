//! Clients, requests and small listeners.

use std::future::Future;
use std::net::SocketAddr;

use axum::Router;
use http::{HeaderMap, Method};
use integration::Request;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use upstream::{Config, Upstream};

/// Limits that let tests reach this machine.
pub fn local() -> Config {
    Config { allow: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()], ..Config::default() }
}

pub fn client(config: Config) -> Upstream {
    Upstream::new(config).unwrap()
}

pub fn request(verb: Method, url: &str) -> Request {
    Request { verb, url: url.parse().unwrap(), headers: HeaderMap::new(), body: None, limited: true }
}

pub fn get(url: &str) -> Request {
    request(Method::GET, url)
}

/// Serves `router` on a port of its own.
pub async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

/// Hands the first connection to `talk`, once the request's head has been read.
pub async fn raw<F>(talk: impl FnOnce(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        talk(stream).await;
    });
    address
}

/// Writes `text`, then keeps the connection open until the other side closes it.
pub async fn say_and_hold(mut stream: TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
    let mut rest = Vec::new();
    // An error ends the connection as well as its end does.
    let _ = stream.read_to_end(&mut rest).await;
}
