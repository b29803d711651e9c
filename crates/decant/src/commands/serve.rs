//! `decant serve`: the API on a socket, until Ctrl-C or SIGTERM.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use gateway::Gateway;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use server::Workers;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::configuration::{GatewayOptions, LimitOptions, StoreOptions};
use crate::logging::{self, LogOptions};

/// Arguments of `decant serve`.
#[derive(Args)]
pub struct Arguments {
    /// Where to listen.
    #[arg(long, env = "DECANT_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// Where others reach this gateway, such as `https://decant.example.com`: platforms that call it, and people who come back from one. The
    /// address of each call unless given.
    #[arg(long, env = "DECANT_PUBLIC_URL", value_name = "URL", value_parser = public_url)]
    public_url: Option<String>,
    /// Threads that serve calls; as many as there are processors unless given.
    #[arg(long, env = "DECANT_WORKERS", value_name = "NUMBER")]
    workers: Option<NonZeroUsize>,
    /// Leave the page at /docs out.
    #[arg(long, env = "DECANT_NO_DOCS")]
    no_docs: bool,
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    gateway: GatewayOptions,
    #[command(flatten)]
    limits: LimitOptions,
    #[command(flatten)]
    log: LogOptions,
}

/// Checks an address that is put before paths.
fn public_url(text: &str) -> Result<String, String> {
    let url = reqwest::Url::parse(text).ok().filter(|url| matches!(url.scheme(), "https" | "http"));
    match url {
        Some(url) if url.query().is_none() && url.fragment().is_none() && url.username().is_empty() => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("write it as https://decant.example.com".to_owned()),
    }
}

/// How often what was measured is summed up.
const UPKEEP: Duration = Duration::from_millis(250);

/// What times are counted below, in seconds: from a record at hand to the longest wait for a turn. Counts of several nodes can be added up,
/// the quantiles of each could not; and they take no memory to speak of.
const TIMES: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Serves until it is told to stop.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    logging::start(&arguments.log, "info")?;
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("listen on {}; choose another address with --listen", arguments.listen))?;
    let gateway = arguments.gateway.start(arguments.store.open().await?).await?;
    let stop = stop_signal()?;
    tracing::info!(address = %listener.local_addr()?, "serving");
    let LimitOptions { token_limit, account_limit } = arguments.limits;
    let options = server::Options {
        public_url: arguments.public_url,
        docs: !arguments.no_docs,
        token_limit,
        account_limit,
        ..server::Options::default()
    };
    serve(listener, gateway, options, arguments.workers, stop).await
}

/// Serves `gateway` on `listener`, with so many `workers` or one for each processor, until `stop` is ready; running requests end, and logs that
/// wait are written.
pub async fn serve(
    listener: TcpListener,
    gateway: Gateway,
    options: server::Options,
    workers: Option<NonZeroUsize>,
    stop: impl Future<Output = ()>,
) -> anyhow::Result<()> {
    let metrics = PrometheusBuilder::new()
        .set_buckets(&TIMES)
        .and_then(PrometheusBuilder::install_recorder)
        .context("start the metrics")?;
    gateway::metrics::describe();
    let upkeep = tokio::spawn(upkeep(metrics.clone()));
    let options = server::Options { metrics: Some(metrics), ..options };
    let router = server::router(gateway.clone(), options);
    // One where the system does not tell.
    let count = workers.or_else(|| available_parallelism().ok()).unwrap_or(NonZeroUsize::MIN);
    let workers = Workers::start(count).context("start the threads that serve calls")?;
    server::serve(listener, router, server::Limits::default(), &workers, stop).await;
    upkeep.abort();
    gateway.shutdown().await;
    Ok(())
}

/// Sums up what was measured. Each measured time waits in memory for this or for someone to read the metrics.
async fn upkeep(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        metrics.run_upkeep();
    }
}

/// Ready on Ctrl-C and on SIGTERM; both are caught from the call on.
pub fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupted.recv() => {}
            _ = terminated.recv() => {}
        }
    })
}
