//! What a sandbox is to hold and how it behaves, as command line options.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

/// The moment a generated winery takes for "now" unless told otherwise: the same data on every day.
pub const DEFAULT_NOW: &str = "2026-11-02T20:00:00Z";

/// What a sandbox is to hold and how it behaves.
///
/// The same options give the same wineries, byte for byte, on every machine.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Seed of the generated wineries; the same seed gives the same data.
    #[arg(long, default_value_t = 7, value_name = "NUMBER")]
    pub seed: u64,
    /// How many wineries (tenants) there are; each holds what the options below say.
    #[arg(long, default_value_t = 1, value_name = "NUMBER")]
    pub tenants: u32,
    /// Customers of each winery; 0 means none.
    #[arg(long, default_value_t = 500, value_name = "NUMBER")]
    pub customers: u32,
    /// Orders of each winery, refunds and exchanges among them; 0 means none.
    #[arg(long, default_value_t = 2_000, value_name = "NUMBER")]
    pub orders: u32,
    /// Products of each winery; 0 means none.
    #[arg(long, default_value_t = 60, value_name = "NUMBER")]
    pub products: u32,
    /// The moment the data ends at; it reaches back three years from there.
    #[arg(long, default_value = DEFAULT_NOW, value_name = "TIMESTAMP")]
    pub now: Timestamp,
    /// A folder of recorded bodies (an object, an array or a list response a file) that the first winery holds as well.
    #[arg(long, value_name = "DIR")]
    pub load: Option<PathBuf>,
    /// How many apps may call each winery; they share its rate limit.
    #[arg(long, default_value_t = 1, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..))]
    pub apps: u32,
    /// Requests of a tenant within the window before 429, cursor requests not counted; 0 turns the limit off.
    #[arg(long, default_value_t = 100, value_name = "NUMBER")]
    pub rate_limit: u32,
    /// The window of the rate limit, which is also how far apart pages beyond the hundredth have to be: `--limit-window 6`
    /// is a minute ten times as fast.
    #[arg(long, default_value = "60", value_name = "SECONDS", value_parser = seconds)]
    pub limit_window: Duration,
    /// Body of a 429 answer; `{seconds}` stands for the seconds until the next request is taken.
    #[arg(long, default_value = crate::http::limit::DEFAULT_BODY, value_name = "JSON")]
    pub rate_limit_body: String,
    /// Header of a 429 answer as `NAME: VALUE`, with `{seconds}` as in the body; may be given several times.
    #[arg(long, value_name = "HEADER")]
    pub rate_limit_header: Vec<String>,
    /// What the app may do with one kind of object, as `NAME=none`, `NAME=read` or `NAME=full`, `Customer=read` for example;
    /// everything it is not told may be done. May be given several times.
    #[arg(long, value_name = "PERMISSION")]
    pub permission: Vec<String>,
    /// How many of the wineries, the last ones, have not installed the app: it is refused there until they do.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub uninstalled: u32,
    /// A winery day that goes on beside requests: this many orders a minute in each winery, with sign-ups, cancellations,
    /// refunds, exchanges and fulfilments among them; 0 means none.
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    pub live: u32,
}

impl Default for Options {
    /// The defaults of the command line.
    fn default() -> Self {
        Self {
            seed: 7,
            tenants: 1,
            customers: 500,
            orders: 2_000,
            products: 60,
            now: DEFAULT_NOW.parse().unwrap_or_default(),
            load: None,
            apps: 1,
            rate_limit: 100,
            limit_window: Duration::from_secs(60),
            rate_limit_body: crate::http::limit::DEFAULT_BODY.to_owned(),
            rate_limit_header: Vec::new(),
            permission: Vec::new(),
            uninstalled: 0,
            live: 0,
        }
    }
}

/// Reads a span of time that is no shorter than what the clock tells apart.
fn seconds(text: &str) -> Result<Duration, String> {
    let span = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    span.filter(|span| span.as_millis() > 0)
        .ok_or_else(|| "it has to be a number of seconds above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, Command, FromArgMatches as _};

    use super::*;

    #[test]
    fn the_defaults_of_code_and_command_line_are_the_same() {
        let command = Options::augment_args(Command::new("sandbox"));
        let parsed = Options::from_arg_matches(&command.get_matches_from(["sandbox"])).unwrap();
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Options::default()));
    }

    #[test]
    fn a_window_is_some_seconds_or_a_part_of_one() {
        assert_eq!(seconds("6"), Ok(Duration::from_secs(6)));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for wrong in ["0", "0.0001", "-1", "inf", "NaN", "6s", ""] {
            assert!(seconds(wrong).is_err(), "{wrong:?}");
        }
    }
}
