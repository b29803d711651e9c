//! The threads that serve connections, each with an event loop of its own, as nginx's and Envoy's workers are.
//!
//! A call stays on one thread from its first byte to its last, and so do the platform's connections that it uses: handed from thread to thread, it
//! costs a quarter more. What has no caller goes on elsewhere, on the runtime that started them.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::thread;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio_util::sync::{CancellationToken, DropGuard};

/// Threads for connections; none unless started: then connections are served on the runtime that accepts them. The threads end when this is
/// dropped, and with them whatever calls have begun there: let the gateway shut down before.
#[derive(Debug, Default)]
pub struct Workers {
    workers: Vec<Worker>,
    _stop: Option<DropGuard>,
}

#[derive(Debug)]
struct Worker {
    runtime: Handle,
    /// Shared with each of its connections, which are counted by that.
    connections: Arc<()>,
}

impl Workers {
    /// Starts so many threads. Fails where the system gives none.
    pub fn start(count: NonZeroUsize) -> io::Result<Self> {
        let stop = CancellationToken::new();
        let start = |number| {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            let stopped = stop.clone().cancelled_owned();
            thread::Builder::new().name(format!("worker-{number}")).spawn(move || {
                runtime.block_on(stopped);
                runtime.shutdown_background();
            })?;
            Ok(Worker { runtime: handle, connections: Arc::default() })
        };
        let workers = (1..=count.get()).map(start).collect::<io::Result<_>>()?;
        Ok(Self { workers, _stop: Some(stop.drop_guard()) })
    }

    /// Has the thread with the fewest connections `serve` this one.
    pub(crate) fn spawn<F>(&self, stream: TcpStream, serve: impl FnOnce(TcpStream) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let Some(worker) = self.workers.iter().min_by_key(|worker| Arc::strong_count(&worker.connections))
        else {
            tokio::spawn(serve(stream));
            return;
        };
        let counted = Arc::clone(&worker.connections);
        worker.runtime.spawn(async move {
            // A stream belongs to the event loop that it was made on.
            match stream.into_std().and_then(TcpStream::from_std) {
                Ok(stream) => serve(stream).await,
                Err(error) => tracing::warn!(%error, "a connection could not be served"),
            }
            drop(counted);
        });
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use axum::Router;
    use axum::routing::get;
    use reqwest::Client;
    use tokio::net::TcpListener;

    use super::*;
    use crate::{Limits, serve};

    #[tokio::test]
    async fn connections_are_spread_over_the_threads_and_stay_there() {
        let name = || async { thread::current().name().unwrap_or("none").to_owned() };
        let router = Router::new().route("/", get(name));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let workers = Workers::start(NonZeroUsize::new(2).unwrap()).unwrap();
        tokio::spawn(async move { serve(listener, router, Limits::default(), &workers, pending()).await });

        let ask = async |client: &Client| client.get(&url).send().await.unwrap().text().await.unwrap();
        // One connection each, kept alive.
        let clients: Vec<Client> = (0..4).map(|_| Client::new()).collect();
        for _ in 0..2 {
            let mut names = Vec::new();
            for client in &clients {
                names.push(ask(client).await);
            }
            assert_eq!(names, ["worker-1", "worker-2", "worker-1", "worker-2"]);
        }
    }
}
