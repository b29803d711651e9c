//! Bodies on their way through: in one piece or streamed, never collected unless asked for.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use crate::{Phase, SendError};

/// Any error, as tower and hyper take it.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A body of a request or an answer. It is an [`http_body::Body`], so it goes into axum and hyper as it is.
#[derive(Default)]
pub struct Body(Kind);

#[derive(Default)]
enum Kind {
    #[default]
    Empty,
    Whole(Bytes),
    Stream(UnsyncBoxBody<Bytes, SendError>),
    Answer(Answer),
}

/// What a platform sends, with a limit on how long it may pause.
struct Answer {
    incoming: Incoming,
    idle: Duration,
    pause: Option<Pin<Box<Sleep>>>,
}

impl Body {
    /// No body.
    pub fn empty() -> Self {
        Self::default()
    }

    /// Streams another body, frame by frame. Its errors become [`SendError::RequestBody`].
    pub fn wrap<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
    {
        if body.is_end_stream() {
            return Self::empty();
        }
        Self(Kind::Stream(UnsyncBoxBody::new(body.map_err(|_| SendError::RequestBody))))
    }

    /// As [`Body::wrap`], for a body that passes on an answer: its errors stay what they are.
    pub fn passing<B>(body: B) -> Self
    where
        B: HttpBody<Data = Bytes, Error = SendError> + Send + 'static,
    {
        Self(Kind::Stream(UnsyncBoxBody::new(body)))
    }

    pub(crate) fn answer(incoming: Incoming, idle: Duration) -> Self {
        if incoming.is_end_stream() {
            return Self::empty();
        }
        Self(Kind::Answer(Answer { incoming, idle, pause: None }))
    }

    /// The same body once more, if it is all there, so that a request with it can be sent again.
    pub fn again(&self) -> Option<Self> {
        match &self.0 {
            Kind::Empty => Some(Self::empty()),
            Kind::Whole(bytes) => Some(Self(Kind::Whole(bytes.clone()))),
            Kind::Stream(_) | Kind::Answer(_) => None,
        }
    }

    /// Reads all of it into memory, [`SendError::TooLarge`] beyond `limit` bytes.
    pub async fn bytes(mut self, limit: usize) -> Result<Bytes, SendError> {
        let announced = self.size_hint();
        if announced.lower() > limit as u64 {
            return Err(SendError::TooLarge { limit });
        }
        let Some(first) = self.next_data().await? else { return Ok(Bytes::new()) };
        // Most answers come in one piece: that piece is given as it is.
        let Some(second) = self.next_data().await? else { return within(first, limit) };
        let mut all = BytesMut::with_capacity((announced.lower() as usize).max(first.len() + second.len()));
        all.extend_from_slice(&first);
        let mut next = Some(second);
        while let Some(data) = next {
            if all.len() + data.len() > limit {
                return Err(SendError::TooLarge { limit });
            }
            all.extend_from_slice(&data);
            next = self.next_data().await?;
        }
        Ok(all.freeze())
    }

    /// The same body, and the means to see that it still moves.
    pub(crate) fn watched(self) -> (Self, Progress) {
        let progress = Progress { start: Instant::now(), moved: Arc::default() };
        match self.0 {
            Kind::Empty | Kind::Whole(_) => (self, progress),
            Kind::Stream(_) | Kind::Answer(_) => {
                let noted = progress.clone();
                let body = self.map_frame(move |frame| {
                    noted.moved.store(noted.start.elapsed().as_millis() as u64, Ordering::Relaxed);
                    frame
                });
                (Self(Kind::Stream(UnsyncBoxBody::new(body))), progress)
            }
        }
    }

    async fn next_data(&mut self) -> Result<Option<Bytes>, SendError> {
        while let Some(frame) = self.frame().await {
            if let Ok(data) = frame?.into_data() {
                return Ok(Some(data));
            }
        }
        Ok(None)
    }
}

fn within(data: Bytes, limit: usize) -> Result<Bytes, SendError> {
    if data.len() > limit { Err(SendError::TooLarge { limit }) } else { Ok(data) }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        if bytes.is_empty() { Self::empty() } else { Self(Kind::Whole(bytes)) }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self.0 {
            Kind::Empty => "Body(empty)",
            Kind::Whole(_) => "Body(whole)",
            Kind::Stream(_) | Kind::Answer(_) => "Body(streamed)",
        })
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = SendError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, SendError>>> {
        let this = self.get_mut();
        match &mut this.0 {
            Kind::Empty => Poll::Ready(None),
            Kind::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                this.0 = Kind::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Kind::Stream(body) => Pin::new(body).poll_frame(context),
            Kind::Answer(answer) => answer.poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Empty => true,
            Kind::Whole(_) => false,
            Kind::Stream(body) => body.is_end_stream(),
            Kind::Answer(answer) => answer.incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Empty => SizeHint::with_exact(0),
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Stream(body) => body.size_hint(),
            Kind::Answer(answer) => answer.incoming.size_hint(),
        }
    }
}

/// When a part of a streamed body last left: an upload may take longer than a platform may take to answer.
#[derive(Clone)]
pub(crate) struct Progress {
    start: Instant,
    /// Milliseconds since the start.
    moved: Arc<AtomicU64>,
}

impl Progress {
    /// Ends when nothing has moved for as long as `limit`.
    pub(crate) async fn stalled(&self, limit: Duration) {
        loop {
            let moved = self.moved.load(Ordering::Relaxed);
            tokio::time::sleep_until(self.start + Duration::from_millis(moved) + limit).await;
            if self.moved.load(Ordering::Relaxed) == moved {
                return;
            }
        }
    }
}

impl Answer {
    fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, SendError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.incoming).poll_frame(context) {
            self.pause = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(|error| SendError::talking(&error))));
        }
        let idle = self.idle;
        let pause =
            self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + idle)));
        ready!(pause.as_mut().poll(context));
        Poll::Ready(Some(Err(SendError::Timeout { phase: Phase::Idle, limit: idle })))
    }
}
