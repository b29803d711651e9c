//! `decant openapi`: the API description, for generators of clients.

use clap::Args;

use crate::configuration::GatewayOptions;

/// Arguments of `decant openapi`.
#[derive(Args)]
pub struct Arguments {
    #[command(flatten)]
    gateway: GatewayOptions,
}

/// Prints the description.
pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    let definitions = arguments.gateway.definitions()?;
    println!("{}", serde_json::to_string_pretty(&server::document(&definitions.models))?);
    Ok(())
}
