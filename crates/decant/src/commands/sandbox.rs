//! `decant sandbox`: a winery that behaves as Commerce7 does.

use std::net::SocketAddr;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use sandbox::Sandbox;
use tokio::net::TcpListener;

use crate::commands::serve::stop_signal;
use crate::output::table;

/// Arguments of `decant sandbox`.
#[derive(Args)]
pub struct Arguments {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8700", value_name = "ADDRESS")]
    listen: SocketAddr,
    #[command(flatten)]
    options: sandbox::Options,
}

/// Serves wineries until it is told to stop.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let per_minute = arguments.options.live;
    let sandbox = start(arguments.options, arguments.listen).await?;
    let stop = stop_signal()?;
    println!("A sandbox of Commerce7 at {}\n", sandbox.base_url());
    let rows = sandbox.tenants().iter().map(|tenant| {
        vec![
            tenant.name.clone(),
            tenant.app_id.clone(),
            tenant.app_secret.clone(),
            tenant.counts.customers.to_string(),
            tenant.counts.orders.to_string(),
            tenant.counts.products.to_string(),
        ]
    });
    println!("{}", table(&["tenant", "app id", "app secret", "customers", "orders", "products"], rows));
    if let Some(tenant) = sandbox.tenants().first() {
        if !tenant.other_apps.is_empty() {
            let apps = tenant.other_apps.iter().map(|app| vec![app.app_id.clone(), app.app_secret.clone()]);
            println!("\nFurther apps, of every tenant:\n\n{}", table(&["app id", "app secret"], apps));
        }
        println!(
            "\ncurl -u {}:{} -H 'tenant: {}' '{}/order?cursor=start&limit=2'",
            tenant.app_id,
            tenant.app_secret,
            tenant.name,
            sandbox.base_url()
        );
    }
    if per_minute > 0 {
        println!("\nA day goes on in each winery: {per_minute} orders a minute, and what comes with them.");
    }
    stop.await;
    sandbox.shutdown().await;
    Ok(())
}

/// Starts a sandbox with a progress bar while it makes its wineries.
pub async fn start(options: sandbox::Options, listen: SocketAddr) -> anyhow::Result<Sandbox> {
    let listener = TcpListener::bind(listen)
        .await
        .with_context(|| format!("listen on {listen} for the sandbox; choose another address"))?;
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{msg} {bar:40} {human_pos}/{human_len} {elapsed}")?
            .progress_chars("━╸ "),
    );
    bar.set_message("Making a winery");
    let drawn = bar.clone();
    let sandbox = sandbox::start(options, listener, move |progress| {
        drawn.set_length(progress.total);
        drawn.set_position(progress.done);
    })
    .await?;
    bar.finish_and_clear();
    if let Some(loaded) = sandbox.loaded() {
        for (kind, count) in &loaded.objects {
            eprintln!("loaded {count} {kind}");
        }
        for skipped in &loaded.skipped {
            eprintln!("skipped {}: {}", skipped.path.display(), skipped.reason);
        }
    }
    Ok(sandbox)
}
