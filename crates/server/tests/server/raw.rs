//! Requests written byte by byte: paths and heads that a well-behaved client would not send.

use serde_json::Value;
use testkit::App;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// An answer as it came over the wire.
pub struct RawAnswer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl RawAnswer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The message of an error with this status.
    #[track_caller]
    pub fn refused(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{}", self.body);
        let body = self.json();
        assert_eq!(body["statusCode"], status, "{body}");
        body["message"].as_str().unwrap().to_owned()
    }
}

/// Connects to the gateway.
pub async fn connect(app: &App) -> TcpStream {
    TcpStream::connect(app.url.trim_start_matches("http://")).await.unwrap()
}

/// Sends a request with the API token and reads the answer.
pub async fn send(app: &App, verb: &str, target: &str, headers: &str) -> RawAnswer {
    let mut stream = connect(app).await;
    let request = format!(
        "{verb} {target} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {}\r\nconnection: close\r\n{headers}\r\n",
        app.token
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    read(stream).await
}

/// Reads an answer: to the length that it tells, or to the end of the connection.
pub async fn read(mut stream: TcpStream) -> RawAnswer {
    let mut text = String::new();
    loop {
        let mut part = [0; 4096];
        let length = stream.read(&mut part).await.unwrap();
        text.push_str(std::str::from_utf8(&part[..length]).unwrap());
        let whole = text.split_once("\r\n\r\n").filter(|(head, body)| {
            let told = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
            length == 0 || told.is_some_and(|told: usize| body.len() >= told)
        });
        if let Some((head, body)) = whole {
            let status = head.split(' ').nth(1).unwrap().parse().unwrap();
            return RawAnswer { status, head: head.to_owned(), body: body.to_owned() };
        }
        assert!(length > 0, "no answer: {text:?}");
    }
}
