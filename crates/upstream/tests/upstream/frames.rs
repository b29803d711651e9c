//! HTTP/2 spoken frame by frame (RFC 9113): a server that says exactly what a test has it say.

use std::io;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::secure::Secure;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;

const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

/// `:status: 200`, as HPACK's static table has it.
const STATUS_200: &[u8] = &[0x88];

/// Why a stream or a connection ends.
pub const NO_ERROR: u32 = 0;
pub const INTERNAL_ERROR: u32 = 2;
pub const REFUSED_STREAM: u32 = 7;
pub const CANCEL: u32 = 8;

/// A server of HTTP/2.
pub struct Server(pub Secure);

impl Server {
    pub async fn listen() -> Self {
        Self(Secure::listen(&["h2"]).await)
    }

    /// Waits for a connection and begins it, with settings of its own as pairs of name and value.
    pub async fn accept_with(&self, settings: &[(u16, u32)]) -> Connection {
        let mut connection = Connection { stream: self.0.accept().await };
        let mut preface = [0; PREFACE.len()];
        connection.stream.read_exact(&mut preface).await.unwrap();
        assert_eq!(preface, PREFACE);
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(name, value)| [name.to_be_bytes().as_slice(), &value.to_be_bytes()].concat())
            .collect();
        connection.send(SETTINGS, 0, 0, &settings).await;
        connection
    }

    pub async fn accept(&self) -> Connection {
        self.accept_with(&[]).await
    }
}

/// One connection.
pub struct Connection {
    stream: TlsStream<TcpStream>,
}

struct Frame {
    kind: u8,
    flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

impl Connection {
    async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        let mut frame = u32::try_from(payload.len()).unwrap().to_be_bytes()[1..].to_vec();
        frame.extend([kind, flags]);
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        // The other side may have had enough.
        let _ = self.stream.write_all(&frame).await;
        let _ = self.stream.flush().await;
    }

    async fn read(&mut self) -> io::Result<Frame> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head).await?;
        let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
        self.stream.read_exact(&mut payload).await?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & 0x7fff_ffff;
        Ok(Frame { kind: head[3], flags: head[4], stream, payload })
    }

    /// The next frame that fits; settings and pings are acknowledged on the way. `None` at the connection's end.
    async fn next(&mut self, fits: impl Fn(&Frame) -> bool) -> Option<Frame> {
        loop {
            let frame = self.read().await.ok()?;
            match frame.kind {
                SETTINGS if frame.flags & ACK == 0 => self.send(SETTINGS, ACK, 0, &[]).await,
                PING if frame.flags & ACK == 0 => self.send(PING, ACK, 0, &frame.payload).await,
                _ if fits(&frame) => return Some(frame),
                _ => {}
            }
        }
    }

    /// Waits for a request's head; gives its stream. `None` when the connection ends without one.
    pub async fn request(&mut self) -> Option<u32> {
        self.next(|frame| frame.kind == HEADERS).await.map(|frame| frame.stream)
    }

    /// Waits until a stream is reset; gives the reason.
    pub async fn was_reset(&mut self, stream: u32) -> u32 {
        let reset = self.next(|frame| frame.kind == RST_STREAM && frame.stream == stream).await.unwrap();
        u32::from_be_bytes(reset.payload.try_into().unwrap())
    }

    /// Waits until the other side has read and done all that was said before.
    pub async fn is_heard(&mut self) {
        self.send(PING, 0, 0, b"is heard").await;
        self.next(|frame| frame.kind == PING && frame.payload == b"is heard").await.unwrap();
    }

    /// Answers a request with an empty body.
    pub async fn answer(&mut self, stream: u32) {
        self.send(HEADERS, END_HEADERS | END_STREAM, stream, STATUS_200).await;
    }

    /// Begins an answer.
    pub async fn begin_answer(&mut self, stream: u32, part: &[u8]) {
        self.send(HEADERS, END_HEADERS, stream, STATUS_200).await;
        self.send(DATA, 0, stream, part).await;
    }

    pub async fn reset(&mut self, stream: u32, reason: u32) {
        self.send(RST_STREAM, 0, stream, &reason.to_be_bytes()).await;
    }

    /// Says that no streams after `last` were or will be looked at.
    pub async fn go_away(&mut self, last: u32, reason: u32) {
        self.send(GOAWAY, 0, 0, &[last.to_be_bytes(), reason.to_be_bytes()].concat()).await;
    }

    /// Ends it with a reset instead of an end.
    pub fn break_off(&self) {
        self.stream.get_ref().0.set_zero_linger().unwrap();
    }
}
