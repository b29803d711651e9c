//! `decant token`: API tokens of an environment. A token is shown once, when it is made.

use anyhow::{Context, bail};
use clap::Subcommand;
use gateway::api_tokens;
use gateway::environments::{self, Environment};
use jiff::{Span, Timestamp, ZonedDateTime};
use store::Store;

use crate::configuration::StoreOptions;
use crate::output::table;

/// Commands of `decant token`.
#[derive(Subcommand)]
pub enum Command {
    /// Create a token and print it. It is not shown again.
    Create {
        /// The environment that it opens, by name or id.
        #[arg(long, default_value = "production")]
        environment: String,
        /// What it is for.
        #[arg(long, default_value = "command line")]
        name: String,
        /// When it ends, such as `90d` or `1y`; never when left out.
        #[arg(long, value_name = "SPAN", allow_hyphen_values = true)]
        expires_in: Option<Span>,
        #[command(flatten)]
        store: StoreOptions,
    },
    /// List the tokens of an environment, without the tokens themselves.
    List {
        /// The environment, by name or id.
        #[arg(long, default_value = "production")]
        environment: String,
        #[command(flatten)]
        store: StoreOptions,
    },
    /// Delete a token; calls with it are refused from then on.
    Delete {
        /// The token's id, as the list shows it.
        id: String,
        /// The environment, by name or id.
        #[arg(long, default_value = "production")]
        environment: String,
        #[command(flatten)]
        store: StoreOptions,
    },
}

/// Carries the command out.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create { environment, name, expires_in, store } => {
            let store = store.open().await?;
            let environment = find(&store, &environment).await?;
            let expires_at = match expires_in {
                Some(span) => Some(end_of(span)?),
                None => None,
            };
            println!("{}", api_tokens::create(&store, &environment.id, &name, expires_at).await?.expose());
            eprintln!("A token for the environment {:?}. Keep it: it is not shown again.", environment.name);
        }
        Command::List { environment, store } => {
            let store = store.open().await?;
            let environment = find(&store, &environment).await?;
            let mut page = store::Page { limit: 500, after: None };
            let mut rows = Vec::new();
            loop {
                let listed = store.list_api_tokens(&environment.id, None, &page).await?;
                rows.extend(listed.items.into_iter().map(|token| {
                    let ends = token.expires_at.map_or_else(|| "never".to_owned(), |ends| ends.to_string());
                    vec![token.id, token.name, token.created_at.to_string(), ends]
                }));
                match listed.next {
                    Some(next) => page.after = Some(next),
                    None => break,
                }
            }
            println!("{}", table(&["id", "name", "created", "expires"], rows));
        }
        Command::Delete { id, environment, store } => {
            let store = store.open().await?;
            let environment = find(&store, &environment).await?;
            gateway::api_tokens::delete(&store, &environment.id, &id).await?;
        }
    }
    Ok(())
}

/// Spans such as `90d` count days of the calendar.
fn end_of(span: Span) -> anyhow::Result<Timestamp> {
    if !span.is_positive() {
        bail!("--expires-in has to lie in the future, such as 90d");
    }
    Ok(ZonedDateTime::now().checked_add(span).context("--expires-in is too far away")?.timestamp())
}

async fn find(store: &Store, name_or_id: &str) -> anyhow::Result<Environment> {
    environments::find(store, name_or_id)
        .await
        .with_context(|| format!("create it with `decant environment create {name_or_id}`"))
}
