//! `decant key`: the keys that seal credentials.

use clap::Subcommand;

use crate::configuration::StoreOptions;

/// Commands of `decant key`.
#[derive(Subcommand)]
pub enum Command {
    /// Wrap all data keys with a new master key, and seal with a new data key from now on. Serving nodes go on.
    Rotate {
        #[command(flatten)]
        store: StoreOptions,
    },
}

/// Carries the command out.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Rotate { store } => {
            let done = store.open().await?.rotate_keys().await?;
            println!("master key {} wraps {} data keys", done.master_key_id, done.rewrapped);
            println!("data key {} seals from now on", done.data_key_id);
        }
    }
    Ok(())
}
