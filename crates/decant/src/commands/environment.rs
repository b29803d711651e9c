//! `decant environment`: made here, as the API only lists and changes them.

use clap::{Args, Subcommand};
use gateway::environments::EnvironmentChange;
use gateway::link::LinkSettings;

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
    /// Change where an environment's accounts may be connected from, and how that looks. What is left out stays.
    Update {
        /// Its name or id.
        name: String,
        #[command(flatten)]
        link: LinkOptions,
        #[command(flatten)]
        store: StoreOptions,
    },
    /// List the environments.
    List {
        #[command(flatten)]
        store: StoreOptions,
    },
}

/// Where accounts may be connected from, and how that looks.
#[derive(Args)]
pub struct LinkOptions {
    /// An origin whose pages may show the connecting page and hear what came of it, such as `https://app.example.com`; several separated by
    /// commas. They take the place of those there are.
    #[arg(long, value_name = "ORIGIN", value_delimiter = ',')]
    allow_origin: Option<Vec<String>>,
    /// The product's name.
    #[arg(long, value_name = "TEXT")]
    brand_name: Option<String>,
    /// The product's colour, such as #7b1e3a.
    #[arg(long, value_name = "COLOR")]
    brand_color: Option<String>,
    /// The product's logo, by an https address.
    #[arg(long, value_name = "URL")]
    brand_logo_url: Option<String>,
    /// The page's language where the browser asks for none that there is: en or fr.
    #[arg(long, value_name = "LANGUAGE")]
    default_language: Option<String>,
}

impl LinkOptions {
    fn laid_over(self, mut link: LinkSettings) -> LinkSettings {
        if let Some(origins) = self.allow_origin {
            link.allowed_origins = origins;
        }
        link.brand.name = self.brand_name.or(link.brand.name);
        link.brand.color = self.brand_color.or(link.brand.color);
        link.brand.logo_url = self.brand_logo_url.or(link.brand.logo_url);
        link.default_language = self.default_language.or(link.default_language);
        link
    }
}

/// Carries the command out.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Create { name, store } => {
            let environment = gateway::environments::create(&store.open().await?, &name).await?;
            println!("{}", environment.id);
        }
        Command::Update { name, link, store } => {
            let store = store.open().await?;
            let environment = gateway::environments::find(&store, &name).await?;
            let change = EnvironmentChange { link: Some(link.laid_over(environment.link)) };
            let environment = gateway::environments::update(&store, &environment.id, change).await?;
            println!("{}", serde_json::to_string_pretty(&environment.link)?);
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
