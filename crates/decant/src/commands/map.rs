//! `decant map test`: runs a map over a file, so that an override can be written without an account.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use integration::source;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use unified::{Layer, Origin, ResourceMap, Sources, WriteOptions};

use crate::configuration::GatewayOptions;

/// What to do with maps.
#[derive(Subcommand)]
pub enum Command {
    /// Show what a platform's record becomes, or with --body what a unified body becomes.
    Test(Box<Test>),
}

/// Arguments of `decant map test`.
#[derive(Args)]
pub struct Test {
    /// The integration's slug.
    #[arg(long, value_name = "SLUG")]
    integration: String,
    /// The unified model and its resource, such as ecommerce/orders.
    #[arg(long, value_name = "MODEL/RESOURCE")]
    resource: String,
    /// A file with a platform's record (JSON), or a list of them. With --body: the record that is changed, as it is now.
    #[arg(long, value_name = "FILE", required_unless_present = "body")]
    input: Option<PathBuf>,
    /// A file with an override (JSON or YAML): what stands under `config` or `unified_model_override.<model>.<resource>`.
    #[arg(long = "override", value_name = "FILE")]
    overrides: Option<PathBuf>,
    /// The method; `get` when a record is read, `create` when a body is written.
    #[arg(long, value_name = "NAME")]
    method: Option<String>,
    /// A file with a unified body (JSON): shows the platform's.
    #[arg(long, value_name = "FILE")]
    body: Option<PathBuf>,
    /// A file with the account's context (JSON), such as its currency.
    #[arg(long, value_name = "FILE")]
    context: Option<PathBuf>,
    /// The answer of something that the map reads beside the record: its name in the map, and a file (JSON).
    #[arg(long, value_name = "NAME=FILE")]
    load: Vec<String>,
    #[command(flatten)]
    gateway: GatewayOptions,
}

/// Runs a command.
pub fn run(command: Command) -> anyhow::Result<()> {
    let Command::Test(test) = command;
    println!("{}", serde_json::to_string_pretty(&test.outcome()?)?);
    Ok(())
}

impl Test {
    fn outcome(&self) -> anyhow::Result<Value> {
        let map = self.map()?;
        let context = match &self.context {
            Some(file) => json(file)?,
            None => json!({"currency": "USD"}),
        };
        match &self.body {
            Some(file) => self.write(&map, file, &context),
            None => self.read(&map, &context),
        }
    }

    /// The integration's map with the override over it.
    fn map(&self) -> anyhow::Result<ResourceMap> {
        let definitions = self.gateway.definitions()?;
        let known = || definitions.catalog.iter().map(|integration| integration.name.as_str());
        let integration = definitions.catalog.get(&self.integration).with_context(|| {
            integration::Unknown::new("integration", &self.integration, known()).with_known()
        })?;
        let Some((model, resource)) = self.resource.split_once('/') else {
            bail!("--resource {}: write the model and its resource, such as ecommerce/orders", self.resource);
        };
        definitions.models.get(model)?.resource(resource)?;
        let base = definitions.maps.get(&integration.name, model, resource).with_context(|| {
            format!("the integration {:?} has no unified resource {model}/{resource}", integration.name)
        })?;
        let Some(file) = &self.overrides else { return Ok(ResourceMap::clone(base)) };
        let name = file.display().to_string();
        let text = text(file)?;
        let lines: Value = source::parse(&name, &text)?;
        base.overridden(integration, &[Layer::new(Origin::Account, &lines)])
            .map_err(|error| source::locate(&name, &text, &error.path, &error.to_string()).into())
    }

    fn read(&self, map: &ResourceMap, context: &Value) -> anyhow::Result<Value> {
        let method = self.method.as_deref().unwrap_or("get");
        let map = map.of(method);
        let called = map.method(method)?;
        let beside: Vec<(&str, Box<RawValue>)> = self
            .load
            .iter()
            .map(|load| {
                let (name, file) = load.split_once('=').with_context(|| {
                    format!("--load {load}: write the name in the map and a file, as name=file.json")
                })?;
                let known: Vec<&str> = called.names_beside().collect();
                if known.is_empty() {
                    bail!("--load {load}: {method} reads nothing beside its record");
                }
                if !known.contains(&name) {
                    bail!(integration::Unknown::new("load", name, known).with_known());
                }
                Ok((name, json(Path::new(file))?))
            })
            .collect::<anyhow::Result<_>>()?;
        let loads: Vec<(&str, &str)> = beside.iter().map(|(name, answer)| (*name, answer.get())).collect();
        let file = self.input.as_deref().context("--input is missing")?;
        let given: Box<RawValue> = json(file)?;
        let record = |record: &RawValue| -> anyhow::Result<Value> {
            let mut out = Vec::new();
            let sources = Sources { record, loads: &loads };
            let options = WriteOptions::default().without_remote_data();
            map.write(&sources, context, &options, None, &mut out)
                .with_context(|| file.display().to_string())?;
            Ok(serde_json::from_slice(&out)?)
        };
        match serde_json::from_str::<Vec<&RawValue>>(given.get()) {
            Ok(records) => records.into_iter().map(record).collect(),
            Err(_) => record(&given),
        }
    }

    fn write(&self, map: &ResourceMap, file: &Path, context: &Value) -> anyhow::Result<Value> {
        let method = self.method.as_deref().unwrap_or("create");
        map.method(method)?;
        let body: Map<String, Value> = json(file)?;
        let mistake = || file.display().to_string();
        if let Some(named) = map.references(method, &body).first() {
            let place = named.index.map_or(named.field.clone(), |index| format!("{}[{index}]", named.field));
            bail!("{}: {place}: is looked up by its name when it is sent; give its id here", mistake());
        }
        let mut planned = map.plan_write(method, &body, context).with_context(mistake)?;
        if let Some(record) = &self.input {
            planned.complete(&json(record)?).with_context(mistake)?;
        } else if planned.needs_record() {
            bail!(
                "{}: the platform replaces a part of it whole: give the record as it is now with --input",
                mistake()
            );
        }
        let mut outcome = Map::new();
        if !planned.query().is_empty() {
            outcome.insert("query".into(), planned.query().clone().into());
        }
        outcome.insert("body".into(), planned.body().clone().into());
        let records: Vec<Value> = planned
            .records()
            .iter()
            .map(|record| {
                let call = &record.call;
                json!({"field": record.field, "resource": call.resource, "method": call.method, "id": record.id, "body": record.body})
            })
            .collect();
        if !records.is_empty() {
            outcome.insert("records".into(), records.into());
        }
        Ok(outcome.into())
    }
}

fn text(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))
}

fn json<T: serde::de::DeserializeOwned>(file: &Path) -> anyhow::Result<T> {
    serde_json::from_str(&text(file)?)
        .with_context(|| format!("{} is not the JSON that is needed", file.display()))
}
