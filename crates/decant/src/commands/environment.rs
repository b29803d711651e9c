//! `decant environment`: made here, as the API only lists them.

use clap::Subcommand;

use crate::configuration::StoreOptions;
use crate::output::table;

/// Commands of `decant environment`.
#[derive(Subcommand)]
pub enum Command {
    /// Create an environment, such as `production` or `staging`.
    Create {
        /// Its name.
        name: String,
        #[command(flatten)]
        store: StoreOptions,
    },
    /// List the environments.
    List {
        #[command(flatten)]
        store: StoreOptions,
    },
}

/// Carries the command out.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create { name, store } => {
            let environment = gateway::environments::create(&store.open().await?, &name).await?;
            println!("{}", environment.id);
        }
        Command::List { store } => {
            let store = store.open().await?;
            let mut page = store::Page { limit: 500, after: None };
            let mut rows = Vec::new();
            loop {
                let listed = store.list_environments(&page).await?;
                rows.extend(listed.items.into_iter().map(|environment| {
                    vec![environment.id, environment.name, environment.created_at.to_string()]
                }));
                match listed.next {
                    Some(next) => page.after = Some(next),
                    None => break,
                }
            }
            println!("{}", table(&["id", "name", "created"], rows));
        }
    }
    Ok(())
}
