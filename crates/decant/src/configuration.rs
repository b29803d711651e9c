//! What an operator sets, and opening the house with it.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use gateway::{Gateway, Parts, Settings};
use integration::Catalog;
use jiff::{Span, SpanRelativeTo};
use secrecy::SecretString;
use server::Rate;
use store::{MasterKeySource, MasterKeys, Store, SystemClock};
use unified::{Maps, Models};
use upstream::Upstream;

/// Where everything is kept, and the key that seals what is secret.
#[derive(Args, Clone)]
pub struct StoreOptions {
    /// The database: `sqlite:PATH`, made when it is missing, or `postgres://…`.
    #[arg(
        long,
        env = "DATABASE_URL",
        default_value = "sqlite:decant.db",
        value_name = "URL",
        hide_env_values = true
    )]
    pub database_url: String,
    /// The file of the master key, made on first start, readable by its owner only. DECANT_MASTER_KEY (32 bytes in base64,
    /// or ID:BASE64, several separated by commas, the current one first) is used in its place when it is set.
    #[arg(long, env = "DECANT_MASTER_KEY_FILE", default_value = "decant.key", value_name = "PATH")]
    pub master_key_file: PathBuf,
}

impl StoreOptions {
    /// Opens the database; a wrong master key is refused here.
    pub async fn open(&self) -> anyhow::Result<Store> {
        let master_keys = match std::env::var("DECANT_MASTER_KEY") {
            // A key on the command line would be seen by everyone on the machine: it comes from the environment only.
            Ok(text) => MasterKeySource::Given(MasterKeys::parse(&SecretString::from(text))?),
            Err(_) => MasterKeySource::File(self.master_key_file.clone()),
        };
        let mut options = store::Options::new(master_keys);
        options.clock = Arc::new(SystemClock);
        Store::connect(&self.database_url, options).await.context("open the database")
    }
}

/// What the gateway knows and where it may go.
#[derive(Args, Clone)]
pub struct GatewayOptions {
    /// A folder of integrations in place of those inside the program.
    #[arg(long, env = "DECANT_INTEGRATIONS", value_name = "DIR")]
    pub integrations: Option<PathBuf>,
    /// A folder of unified models in place of those inside the program.
    #[arg(long, env = "DECANT_MODELS", value_name = "DIR")]
    pub models: Option<PathBuf>,
    /// How long a platform may take to begin its answer, and pause within it, such as `60s`.
    #[arg(long, env = "DECANT_PLATFORM_TIMEOUT", default_value = "60s", value_name = "SPAN", value_parser = span)]
    pub platform_timeout: Duration,
    /// A file of certificates (PEM) of authorities that platforms' certificates may be from, beside those that the system trusts.
    #[arg(long, env = "DECANT_PLATFORM_CA_FILE", value_name = "PATH")]
    pub platform_ca_file: Option<PathBuf>,
    /// How long the log of calls is kept, such as `31d` or `12h`.
    #[arg(long, env = "DECANT_LOG_RETENTION", default_value = "31d", value_name = "SPAN", value_parser = span)]
    pub log_retention: Duration,
    /// How long events are kept, such as `31d`.
    #[arg(long, env = "DECANT_EVENT_RETENTION", default_value = "31d", value_name = "SPAN", value_parser = span)]
    pub event_retention: Duration,
    /// How long an account that never became active is kept once it is left alone, such as `30d`. An account that was active once is
    /// never deleted by itself.
    #[arg(long, env = "DECANT_NEVER_ACTIVE_RETENTION", default_value = "30d", value_name = "SPAN", value_parser = span)]
    pub never_active_retention: Duration,
    /// Networks that calls may reach although they are private, such as 10.1.0.0/16; several separated by commas.
    #[arg(long, env = "DECANT_ALLOW_NETWORKS", value_name = "NETWORK", value_delimiter = ',')]
    pub allow_network: Vec<ipnet::IpNet>,
}

/// How often the API may be called.
#[derive(Args, Clone)]
pub struct LimitOptions {
    /// How often each token may call, such as `500/10s`; no limit unless given. Each node counts for itself.
    #[arg(long, env = "DECANT_TOKEN_LIMIT", value_name = "CALLS/SPAN", value_parser = rate)]
    pub token_limit: Option<Rate>,
    /// How often each integrated account may be called, over all tokens, such as `50/10s`; no limit unless given. Each node counts for
    /// itself.
    #[arg(long, env = "DECANT_ACCOUNT_LIMIT", value_name = "CALLS/SPAN", value_parser = rate)]
    pub account_limit: Option<Rate>,
}

/// Reads a number of calls within a span of time, such as `500/10s`.
fn rate(text: &str) -> Result<Rate, String> {
    let (calls, within) = text.split_once('/').ok_or("write it as 500/10s: calls, and the time for them")?;
    let calls: NonZeroU32 = calls.trim().parse().map_err(|_| {
        format!("{calls:?} is no number of calls from 1; write it as 500/10s, or leave it out for no limit")
    })?;
    Rate::new(calls, span(within.trim())?).map_err(|error| error.to_string())
}

/// Reads a span of time such as `60s`, `12h` or `31d`; a day has 24 hours.
fn span(text: &str) -> Result<Duration, String> {
    let span: Span = text.parse().map_err(|error| format!("{error}; write it as 60s, 12h or 31d"))?;
    let duration =
        span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|error| error.to_string())?;
    match Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("it has to be longer than nothing, such as 60s".to_owned()),
    }
}

/// The data that describes platforms and models.
pub struct Definitions {
    /// The integrations.
    pub catalog: Catalog,
    /// The unified models.
    pub models: Models,
    /// How each integration's records become unified ones.
    pub maps: Maps,
}

impl GatewayOptions {
    /// Reads and checks the definitions.
    pub fn definitions(&self) -> anyhow::Result<Definitions> {
        let models = match &self.models {
            Some(folder) => Models::read(folder)?,
            None => Models::embedded()?,
        };
        let (catalog, maps) = match &self.integrations {
            Some(folder) => {
                let catalog = Catalog::read(folder)?;
                let maps = Maps::read(folder, &models, &catalog)?;
                (catalog, maps)
            }
            None => {
                let catalog = Catalog::embedded()?;
                let maps = Maps::embedded(&models, &catalog)?;
                (catalog, maps)
            }
        };
        Ok(Definitions { catalog, models, maps })
    }

    /// Makes the way out to platforms.
    pub fn upstream(&self) -> anyhow::Result<Upstream> {
        let config = upstream::Config {
            allow: self.allow_network.clone(),
            ca_file: self.platform_ca_file.clone(),
            first_byte_timeout: self.platform_timeout,
            idle_timeout: self.platform_timeout,
            ..Default::default()
        };
        Ok(Upstream::new(config)?)
    }

    /// Starts a gateway over `store`.
    pub async fn start(&self, store: Store) -> anyhow::Result<Gateway> {
        let Definitions { catalog, models, maps } = self.definitions()?;
        let parts = Parts {
            store,
            catalog: Arc::new(catalog),
            models: Arc::new(models),
            maps: Arc::new(maps),
            upstream: self.upstream()?,
            clock: Arc::new(SystemClock),
            settings: Settings {
                log_retention: self.log_retention,
                event_retention: self.event_retention,
                never_active_retention: self.never_active_retention,
                ..Settings::default()
            },
        };
        Ok(Gateway::start(parts).await?)
    }
}
