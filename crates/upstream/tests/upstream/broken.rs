//! HTTP/2 connections and streams that end early: what is sent again, and what is told of the rest.

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join;
use http::Method;
use integration::Request;
use tokio::task::JoinHandle;
use upstream::{Body, Phase, Response, SendError, Upstream};

use crate::frames::{CANCEL, Connection, INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM, Server};
use crate::servers::{LONG, get, request};
use crate::streaming::fed;

const WRITES: [Method; 4] = [Method::POST, Method::PUT, Method::PATCH, Method::DELETE];

fn start(
    upstream: &Upstream,
    request: Request,
    stream: Option<Body>,
) -> JoinHandle<Result<Response, SendError>> {
    let upstream = upstream.clone();
    tokio::spawn(async move { upstream.send(request, stream).await })
}

/// A request with a whole body where its verb has one.
fn whole(verb: &Method, url: &str) -> Request {
    let mut request = request(verb.clone(), url);
    if ![Method::GET, Method::DELETE].contains(verb) {
        request.body = Some(Bytes::from_static(b"{}"));
    }
    request
}

/// How the platform says that it has not looked at a request.
#[derive(Debug, Clone, Copy)]
enum Unprocessed {
    GoAway { reason: u32 },
    Refused,
}

const UNPROCESSED: [Unprocessed; 3] = [
    Unprocessed::GoAway { reason: NO_ERROR },
    Unprocessed::GoAway { reason: INTERNAL_ERROR },
    Unprocessed::Refused,
];

#[tokio::test]
async fn what_was_not_looked_at_is_sent_again_whatever_it_is() {
    for way in UNPROCESSED {
        for verb in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let server = Server::listen().await;
            let upstream = server.0.trusted(|_| {});
            // One that is answered before: the connection is a kept one.
            let first = start(&upstream, get(&server.0.url()), None);
            let mut connection = server.accept().await;
            let stream = connection.request().await.unwrap();
            connection.answer(stream).await;
            first.await.unwrap().unwrap();

            let call = start(&upstream, whole(&verb, &server.0.url()), None);
            let refused = connection.request().await.unwrap();
            let mut next = match way {
                Unprocessed::GoAway { reason } => {
                    connection.go_away(stream, reason).await;
                    server.accept().await
                }
                Unprocessed::Refused => {
                    connection.reset(refused, REFUSED_STREAM).await;
                    connection
                }
            };
            let stream = next.request().await.unwrap();
            next.answer(stream).await;
            let answer = call.await.unwrap().unwrap_or_else(|error| panic!("{verb}, {way:?}: {error:?}"));
            assert_eq!(answer.status, 200);
        }
    }
}

#[tokio::test]
async fn what_was_not_looked_at_and_can_not_be_sent_again_certainly_did_not_arrive() {
    for way in UNPROCESSED {
        let server = Server::listen().await;
        let upstream = server.0.trusted(|_| {});
        let (feed, body) = fed();
        feed.send("a part").unwrap();
        let call = start(&upstream, request(Method::POST, &server.0.url()), Some(body));
        let mut connection = server.accept().await;
        let stream = connection.request().await.unwrap();
        match way {
            Unprocessed::GoAway { reason } => connection.go_away(0, reason).await,
            Unprocessed::Refused => connection.reset(stream, REFUSED_STREAM).await,
        }
        let error = call.await.unwrap().unwrap_err();
        assert_eq!(error, SendError::Unprocessed, "{way:?}");
        assert!(!error.may_have_arrived());
        assert!(error.to_string().contains("send it again"), "{error}");
    }
}

#[tokio::test]
async fn what_is_refused_time_and_again_is_sent_twice_and_told() {
    let server = Server::listen().await;
    let upstream = server.0.trusted(|_| {});
    let call = start(&upstream, whole(&Method::POST, &server.0.url()), None);
    let mut connection = server.accept().await;
    for _ in 0..2 {
        let stream = connection.request().await.unwrap();
        connection.reset(stream, REFUSED_STREAM).await;
    }
    assert_eq!(call.await.unwrap().unwrap_err(), SendError::Unprocessed);
    drop((upstream, server));
    assert_eq!(connection.request().await, None, "a third time");
}

/// How a request ends that the platform may have begun with.
#[derive(Debug, Clone, Copy)]
enum End {
    GoAway,
    Reset { reason: u32 },
    Closed,
    Torn,
}

const ENDS: [End; 5] = [
    End::GoAway,
    End::Reset { reason: INTERNAL_ERROR },
    End::Reset { reason: CANCEL },
    End::Closed,
    End::Torn,
];

impl End {
    /// Ends a connection so, or a stream of it; gives the connection back where it goes on.
    async fn come(self, mut connection: Connection, stream: u32) -> Option<Connection> {
        match self {
            Self::GoAway => connection.go_away(stream, NO_ERROR).await,
            Self::Reset { reason } => {
                connection.reset(stream, reason).await;
                return Some(connection);
            }
            Self::Closed => {}
            Self::Torn => connection.break_off(),
        }
        None
    }
}

#[tokio::test]
async fn what_may_have_been_looked_at_is_sent_again_when_it_is_a_read_and_told_when_it_is_a_write() {
    for way in ENDS {
        for verb in [Method::GET, Method::HEAD].iter().chain(&WRITES) {
            let server = Server::listen().await;
            let upstream = server.0.trusted(|_| {});
            let call = start(&upstream, whole(verb, &server.0.url()), None);
            let mut connection = server.accept().await;
            let stream = connection.request().await.unwrap();
            let kept = way.come(connection, stream).await;
            if verb.is_safe() {
                let mut next = match kept {
                    Some(connection) => connection,
                    None => server.accept().await,
                };
                let stream = next.request().await.unwrap();
                next.answer(stream).await;
                let answer = call.await.unwrap();
                assert_eq!(answer.unwrap().status, 200, "{verb}, {way:?}");
                continue;
            }
            let error = call.await.unwrap().unwrap_err();
            assert_eq!(error, SendError::Reset, "{verb}, {way:?}");
            assert!(error.may_have_arrived());
            // Nobody knocks again.
            match kept {
                Some(mut connection) => {
                    drop(upstream);
                    assert_eq!(connection.request().await, None, "{verb}, {way:?}");
                }
                None => {
                    let knock = tokio::time::timeout(Duration::ZERO, server.0.listener.accept()).await;
                    assert!(knock.is_err(), "{verb}, {way:?}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_request_that_waits_for_its_turn_goes_elsewhere_when_the_connection_goes_away() {
    const MAX_CONCURRENT_STREAMS: u16 = 3;
    let server = Server::listen().await;
    let upstream = server.0.trusted(|_| {});
    let first = start(&upstream, get(&server.0.url()), None);
    let mut connection = server.accept_with(&[(MAX_CONCURRENT_STREAMS, 1)]).await;
    let stream = connection.request().await.unwrap();
    connection.is_heard().await;
    let waiting: Vec<_> = (0..3).map(|_| start(&upstream, get(&server.0.url()), None)).collect();
    for _ in 0..3 {
        connection.is_heard().await;
    }
    connection.go_away(stream, NO_ERROR).await;
    let mut next = server.accept().await;
    for _ in &waiting {
        let stream = next.request().await.unwrap();
        next.answer(stream).await;
    }
    for call in waiting {
        assert_eq!(call.await.unwrap().unwrap().status, 200);
    }
    // What it had taken up it brings to its end.
    connection.answer(stream).await;
    assert_eq!(first.await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn a_connection_that_died_without_a_word_is_left_before_the_answers_time_is_over() {
    let server = Server::listen().await;
    let upstream = server.0.trusted(|config| config.first_byte_timeout = Duration::from_secs(6));
    let call = start(&upstream, get(&server.0.url()), None);
    let mut dead = server.accept().await;
    dead.request().await.unwrap();
    // It reads no more, so it acknowledges nothing.
    let mut next = server.accept().await;
    let stream = next.request().await.unwrap();
    next.answer(stream).await;
    assert_eq!(call.await.unwrap().unwrap().status, 200);
    drop(dead);
}

#[tokio::test]
async fn who_waits_no_longer_takes_the_request_back() {
    // Connecting has to fit into it.
    const LIMIT: Duration = Duration::from_secs(2);
    let server = Server::listen().await;
    let upstream = server.0.trusted(|config| config.first_byte_timeout = LIMIT);
    let call = start(&upstream, get(&server.0.url()), None);
    let mut connection = server.accept().await;
    let stream = connection.request().await.unwrap();
    // While it waits it acknowledges pings: the connection is not taken for dead.
    let (reset, ended) = join(connection.was_reset(stream), call).await;
    assert_eq!(reset, CANCEL);
    let error = ended.unwrap().unwrap_err();
    assert_eq!(error, SendError::Timeout { phase: Phase::FirstByte, limit: LIMIT });
    assert!(error.may_have_arrived());
}

#[tokio::test]
async fn an_answer_that_stops_midway_has_its_own_time_limit() {
    const SHORT: Duration = Duration::from_millis(100);
    let server = Server::listen().await;
    let upstream = server.0.trusted(|config| {
        config.first_byte_timeout = LONG;
        config.idle_timeout = SHORT;
    });
    let call = start(&upstream, get(&server.0.url()), None);
    let mut connection = server.accept().await;
    let stream = connection.request().await.unwrap();
    connection.begin_answer(stream, b"half").await;
    let answer = call.await.unwrap().unwrap();
    assert_eq!(answer.bytes().await.unwrap_err(), SendError::Timeout { phase: Phase::Idle, limit: SHORT });
    // The connection serves others.
    assert_eq!(connection.was_reset(stream).await, CANCEL);
    let call = start(&upstream, get(&server.0.url()), None);
    let stream = connection.request().await.unwrap();
    connection.answer(stream).await;
    assert_eq!(call.await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_not_taken_for_a_whole_one() {
    for way in ENDS {
        let server = Server::listen().await;
        let upstream = server.0.trusted(|_| {});
        let call = start(&upstream, get(&server.0.url()), None);
        let mut connection = server.accept().await;
        let stream = connection.request().await.unwrap();
        connection.begin_answer(stream, b"half").await;
        let answer = call.await.unwrap().unwrap();
        let _kept = way.come(connection, stream).await;
        let error = answer.bytes().await.unwrap_err();
        assert_eq!(error, SendError::Reset, "{way:?}");
    }
}

#[tokio::test]
async fn a_request_body_that_breaks_off_is_told_apart_over_http2() {
    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;
    let server = Server::listen().await;
    let upstream = server.0.trusted(|_| {});
    let parts =
        stream::iter([Ok(Frame::data(Bytes::from_static(b"half"))), Err(std::io::Error::other("gone"))]);
    let body = Body::wrap(StreamBody::new(parts));
    let call = start(&upstream, request(Method::POST, &server.0.url()), Some(body));
    let mut connection = server.accept().await;
    let stream = connection.request().await.unwrap();
    assert_eq!(connection.was_reset(stream).await, INTERNAL_ERROR);
    assert_eq!(call.await.unwrap().unwrap_err(), SendError::RequestBody);
}
