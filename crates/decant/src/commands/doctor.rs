//! `decant doctor`: one line for each thing that has to be right, and what to do where it is not.

use clap::Args;

use crate::configuration::{GatewayOptions, StoreOptions};

/// Arguments of `decant doctor`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    store: StoreOptions,
    #[command(flatten)]
    gateway: GatewayOptions,
}

/// Checks everything; fails when something is wrong.
pub async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let mut wrong = 0;
    match arguments.gateway.definitions() {
        Ok(definitions) => {
            for integration in definitions.catalog.iter() {
                let maps = definitions.maps.of(&integration.name).count();
                let resources = integration.resources.len();
                println!("ok     integration {}: {resources} resources, {maps} unified", integration.name);
            }
        }
        Err(error) => {
            wrong += 1;
            println!("WRONG  definitions: {error:#}");
        }
    }
    match arguments.store.open().await {
        Ok(store) => {
            println!("ok     the database answers, its tables are up to date, and the master key fits");
            let environments = store.list_environments(&store::Page { limit: 100, after: None }).await?.items;
            if environments.is_empty() {
                println!("next   there is no environment yet: decant environment create production");
            }
            for environment in environments {
                println!("ok     environment {}", environment.name);
            }
            store.close().await;
        }
        Err(error) => {
            wrong += 1;
            println!("WRONG  {error:#}");
        }
    }
    if arguments.gateway.allow_network.iter().any(|network| network.prefix_len() == 0) {
        wrong += 1;
        println!("WRONG  --allow-network lets calls reach every address; name the networks that are needed");
    }
    if let Err(error) = arguments.gateway.upstream() {
        wrong += 1;
        println!("WRONG  {error:#}");
    }
    anyhow::ensure!(wrong == 0, "{wrong} of these have to be mended");
    Ok(())
}
