//! A platform that says exactly what a test has it say, byte by byte: for what a well-behaved server never does.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A listening platform.
pub struct Platform {
    listener: TcpListener,
}

/// A request that came in, and the connection that it came by.
pub struct Asked {
    /// Its first line and headers.
    pub head: String,
    stream: TcpStream,
    /// What was read beyond the head.
    rest: Vec<u8>,
}

impl Platform {
    /// Listens on a free port.
    pub async fn listen() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").await.expect("listen on a free port") }
    }

    /// Its base URL, for an override.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.listener.local_addr().expect("know the address"))
    }

    /// Waits for a request's head.
    pub async fn asked(&self) -> Asked {
        let (stream, _) = self.listener.accept().await.expect("accept a connection");
        Asked::read(stream).await.expect("get a request")
    }

    /// Gives every request the same answer and closes its connection. The requests' heads are collected.
    pub fn always(self, answer: impl Into<Vec<u8>>) -> Arc<Mutex<Vec<String>>> {
        let answer = answer.into();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = self.listener.accept().await {
                let Some(mut asked) = Asked::read(stream).await else { continue };
                kept.lock().unwrap_or_else(PoisonError::into_inner).push(asked.head.clone());
                asked.say(&answer).await;
            }
        });
        heads
    }
}

impl Asked {
    async fn read(mut stream: TcpStream) -> Option<Self> {
        let mut bytes = Vec::new();
        loop {
            if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                let rest = bytes.split_off(end + 4);
                return Some(Self { head: String::from_utf8_lossy(&bytes).into_owned(), stream, rest });
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        }
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (given, value) = line.split_once(':')?;
            given.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// Waits until the body, as it is on the wire, holds `text`.
    pub async fn body_holds(&mut self, text: &str) {
        while !self.rest.windows(text.len()).any(|window| window == text.as_bytes()) {
            let read = self.stream.read_buf(&mut self.rest).await.expect("read the body");
            assert!(read > 0, "the body ended without {text:?}");
        }
    }

    /// Reads `length` bytes of body.
    pub async fn body_of(&mut self, length: usize) -> &[u8] {
        while self.rest.len() < length {
            let read = self.stream.read_buf(&mut self.rest).await.expect("read the body");
            assert!(read > 0, "the body ended after {} bytes", self.rest.len());
        }
        &self.rest
    }

    /// Sends a part of the answer. A caller that went away does not mind.
    pub async fn say(&mut self, part: impl AsRef<[u8]>) {
        // The other side may have what it wanted.
        let _ = self.stream.write_all(part.as_ref()).await;
    }
}
