//! The envelope around a custom call's JSON, written while the platform's text passes through.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use http_body::{Body as HttpBody, Frame, SizeHint};
use upstream::{Body, SendError};

use crate::Answer;

const BEFORE: &[u8] = br#"{"result":"#;
const AFTER: &[u8] = br#","next_cursor":null,"prev_cursor":null}"#;

/// Wraps a successful answer that is JSON; leaves any other as it is.
pub(super) fn wrap(mut answer: Answer) -> Answer {
    let is_json = answer
        .headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| is_json(value.split(';').next().unwrap_or_default().trim()));
    let encoded = answer.headers.contains_key(CONTENT_ENCODING);
    // A part of a document is no document.
    let whole = answer.status.is_success() && answer.status != StatusCode::PARTIAL_CONTENT;
    if !whole || !is_json || encoded || answer.body.is_end_stream() {
        return answer;
    }
    answer.headers.remove(CONTENT_LENGTH);
    // It would name the platform's bytes, not these.
    answer.headers.remove(ETAG);
    answer.body = Body::passing(Enveloped { inner: answer.body, state: State::Before, any: false });
    answer
}

fn is_json(media_type: &str) -> bool {
    media_type.eq_ignore_ascii_case("application/json")
        || media_type.len() > 5 && media_type[media_type.len() - 5..].eq_ignore_ascii_case("+json")
}

struct Enveloped {
    inner: Body,
    state: State,
    /// Whether the platform sent anything.
    any: bool,
}

enum State {
    Before,
    Within,
    Done,
}

impl HttpBody for Enveloped {
    type Data = Bytes;
    type Error = SendError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, SendError>>> {
        let this = &mut *self;
        match this.state {
            State::Before => {
                this.state = State::Within;
                Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(BEFORE)))))
            }
            State::Within => loop {
                let frame = std::task::ready!(Pin::new(&mut this.inner).poll_frame(context));
                match frame {
                    Some(Ok(frame)) => match frame.into_data() {
                        Ok(data) if data.is_empty() => {}
                        Ok(data) => {
                            this.any = true;
                            return Poll::Ready(Some(Ok(Frame::data(data))));
                        }
                        // Trailers speak of the platform's bytes.
                        Err(_) => {}
                    },
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => {
                        this.state = State::Done;
                        let after = if this.any {
                            Bytes::from_static(AFTER)
                        } else {
                            [b"null", AFTER].concat().into()
                        };
                        return Poll::Ready(Some(Ok(Frame::data(after))));
                    }
                }
            },
            State::Done => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Done)
    }

    fn size_hint(&self) -> SizeHint {
        match self.state {
            State::Before => match self.inner.size_hint().exact() {
                Some(exact) if exact > 0 => SizeHint::with_exact(exact + (BEFORE.len() + AFTER.len()) as u64),
                _ => SizeHint::default(),
            },
            State::Within | State::Done => SizeHint::default(),
        }
    }
}
