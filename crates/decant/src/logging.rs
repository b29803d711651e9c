//! Structured logs on standard error: lines for a person, JSON for a machine.

use std::io::IsTerminal as _;

use clap::{Args, ValueEnum};
use tracing_subscriber::EnvFilter;

/// How the program logs.
#[derive(Args, Clone)]
pub struct LogOptions {
    /// What to log, as `level` or `target=level,…` (for example `info,upstream=debug`); `info` unless given, `warn` for the demo.
    #[arg(long, env = "DECANT_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// The form of a log line.
    #[arg(long, env = "DECANT_LOG_FORMAT", value_enum, default_value_t = Format::Text, value_name = "FORMAT")]
    log_format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// One line for a person.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging, by `default` unless the options say otherwise; fails on a filter that does not parse.
pub fn start(options: &LogOptions, default: &str) -> anyhow::Result<()> {
    let wanted = options.log.as_deref().unwrap_or(default);
    let filter = EnvFilter::try_new(wanted).map_err(|error| {
        anyhow::anyhow!("--log {wanted:?} is no filter ({error}); try `info` or `info,gateway=debug`")
    })?;
    // Colours are for who looks at it, not for a file or a collector.
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    match options.log_format {
        Format::Text => lines.init(),
        Format::Json => lines.json().flatten_event(true).init(),
    }
    Ok(())
}
