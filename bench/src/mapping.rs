//! Orders mapped a second, on one thread, from text to text: the compiled map beside what would be used in its place.

use std::io::Write as _;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use bytes::Bytes;
use jsonata_core::Expression;
use jsonata_core::value::JValue;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use unified::{Maps, Models, ResourceMap, Sources, WriteOptions};

use crate::node::{self, Node};
use crate::report::{self, Target};
use crate::{decant, hand};

const EXPRESSION: &str = include_str!("../orders.jsonata");
const CURRENCY: &str = "USD";
/// How many orders are mapped again and again.
const ORDERS: usize = 1_000;
/// Each engine is measured so often, in turns.
const ROUNDS: u32 = 15;

/// One way of mapping.
struct Engine<'a> {
    name: &'static str,
    way: Way<'a>,
    /// Records a second of each round.
    rates: Vec<f64>,
}

/// Maps the text of one record.
type Map<'a> = Box<dyn FnMut(&str, &mut Vec<u8>) -> anyhow::Result<()> + 'a>;

enum Way<'a> {
    Here(Map<'a>),
    Node(Node),
}

const COMPILED: &str = "compiled map";
const COMPILED_REMOTE: &str = "compiled map, with remote_data";
const HAND: &str = "hand-written serde types";
const TRUTO: &str = "npm @truto/truto-jsonata";

/// Compares all engines' records, then measures; each round's window is a share of `seconds`.
pub async fn run(seconds: f64) -> anyhow::Result<Vec<Target>> {
    let sandbox = decant::Sandbox::start(&decant::program()?).await?;
    let orders = sandbox.orders(ORDERS).await?;
    drop(sandbox);
    let orders = orders.iter().map(text).collect::<anyhow::Result<Vec<_>>>()?;
    ensure!(!orders.is_empty(), "the sandbox has no orders");

    let models = Models::embedded()?;
    let maps = Maps::embedded(&models, &integration::Catalog::embedded()?)?;
    let map = maps.get("commerce7", "ecommerce", "orders").context("there is no map of orders")?;
    let context = json!({ "currency": CURRENCY });
    let expression = Expression::compile(EXPRESSION)
        .map_err(|error| anyhow::anyhow!("orders.jsonata: {}", error.display_message()))?;
    let engine = |name, way| Engine { name, way, rates: Vec::new() };
    let mut engines = vec![
        engine(COMPILED, compiled(map, &context, WriteOptions::default().without_remote_data())),
        engine(COMPILED_REMOTE, compiled(map, &context, WriteOptions::default())),
        engine(HAND, Way::Here(Box::new(|text, out| Ok(hand::map(text, CURRENCY, out)?)))),
        engine("jsonata-core", Way::Here(Box::new(|text, out| jsonata(&expression, text, out)))),
    ];
    let expected = engines[0].map_all(&orders)?;
    for engine in &mut engines[1..] {
        same(engine.name, &expected, engine.map_all(&orders)?)?;
    }
    engines.extend(on_node(&orders, &expected)?);

    let window = Duration::from_secs_f64(seconds / f64::from(ROUNDS));
    for engine in &mut engines {
        engine.rate(&orders, window)?; // warm up
    }
    for _ in 0..ROUNDS {
        for engine in &mut engines {
            let rate = engine.rate(&orders, window)?;
            engine.rates.push(rate);
        }
    }
    Ok(print(&mut engines, &orders))
}

fn print(engines: &mut [Engine<'_>], orders: &[&str]) -> Vec<Target> {
    let rates: Vec<(&str, f64)> =
        engines.iter_mut().map(|engine| (engine.name, report::median(&mut engine.rates))).collect();
    let compiled = rates[0].1;
    let rows = rates
        .iter()
        .map(|(name, rate)| vec![(*name).to_owned(), report::whole(*rate), format!("{:.2}", compiled / rate)])
        .collect();
    let size = orders.iter().map(|order| order.len()).sum::<usize>() as f64 / orders.len() as f64 / 1000.0;
    let title =
        format!("Mapping: {} orders of {size:.1} kB on average, one thread, from text to text", orders.len());
    report::section(&title, &["", "orders a second", "compiled map is × as fast"], rows);

    let of = |wanted: &str| rates.iter().find(|(name, _)| *name == wanted).map(|(_, rate)| compiled / rate);
    let targets =
        [("mapping, × of @truto/truto-jsonata", 20.0, TRUTO), ("mapping, × of hand-written", 0.33, HAND)];
    targets
        .into_iter()
        .filter_map(|(what, wanted, name)| Some(Target::at_least(what, wanted, of(name)?)))
        .collect()
}

impl Engine<'_> {
    fn map_all(&mut self, orders: &[&str]) -> anyhow::Result<Vec<Value>> {
        let Way::Here(map) = &mut self.way else { return Ok(Vec::new()) };
        let mut out = Vec::new();
        let mut all = Vec::with_capacity(orders.len());
        for order in orders {
            out.clear();
            map(order, &mut out).with_context(|| format!("{} on {}", self.name, id(order)))?;
            all.push(serde_json::from_slice(&out)?);
        }
        Ok(all)
    }

    /// Maps for so long; records a second.
    fn rate(&mut self, orders: &[&str], window: Duration) -> anyhow::Result<f64> {
        let map = match &mut self.way {
            Way::Here(map) => map,
            Way::Node(node) => return node.rate(window),
        };
        let mut out = Vec::new();
        let mut count = 0_u32;
        let started = Instant::now();
        for order in orders.iter().cycle() {
            if started.elapsed() >= window {
                break;
            }
            out.clear();
            map(order, &mut out)?;
            count += 1;
        }
        Ok(f64::from(count) / started.elapsed().as_secs_f64())
    }
}

fn compiled<'a>(map: &'a ResourceMap, context: &'a Value, options: WriteOptions) -> Way<'a> {
    Way::Here(Box::new(move |text, out| {
        let record: &RawValue = serde_json::from_str(text)?;
        map.write(&Sources { record, loads: &[] }, context, &options, None, out)?;
        Ok(())
    }))
}

fn jsonata(expression: &Expression, text: &str, out: &mut Vec<u8>) -> anyhow::Result<()> {
    let input = JValue::from_json_str(text)?;
    let mapped = expression.evaluate(&input).map_err(|error| anyhow::anyhow!("{}", error.message()))?;
    serde_json::to_writer(out, &mapped)?;
    Ok(())
}

fn on_node(orders: &[&str], expected: &[Value]) -> anyhow::Result<Vec<Engine<'static>>> {
    let Some(folder) = node::install()? else {
        println!("Node is not on this machine: the npm packages are left out.");
        return Ok(Vec::new());
    };
    let files = tempfile::tempdir()?;
    let (expression, records) = (files.path().join("orders.jsonata"), files.path().join("orders"));
    std::fs::write(&expression, EXPRESSION)?;
    let mut file = std::io::BufWriter::new(std::fs::File::create(&records)?);
    for order in orders {
        writeln!(file, "{order}")?;
    }
    file.flush()?;
    let mut engines = Vec::new();
    for (name, engine) in [("npm jsonata", "jsonata"), (TRUTO, "truto")] {
        let (node, mapped) = Node::start(&folder, engine, &expression, &records)?;
        let mapped = mapped.iter().map(|text| serde_json::from_str(text)).collect::<Result<Vec<_>, _>>()?;
        same(name, expected, mapped)?;
        engines.push(Engine { name, way: Way::Node(node), rates: Vec::new() });
    }
    Ok(engines)
}

/// Fails unless the records are the same as values, `remote_data` aside.
fn same(name: &str, expected: &[Value], mapped: Vec<Value>) -> anyhow::Result<()> {
    ensure!(expected.len() == mapped.len(), "{name} gave {} records, not {}", mapped.len(), expected.len());
    for (expected, mut mapped) in expected.iter().zip(mapped) {
        if let Some(fields) = mapped.as_object_mut() {
            fields.shift_remove("remote_data");
        }
        if let Some(path) = difference(expected, &mapped) {
            let at = |value: &Value| value.pointer(&path).map_or("nothing".to_owned(), Value::to_string);
            bail!(
                "{name} maps order {} differently: {path} is {}, by the compiled map {}",
                expected["id"],
                at(&mapped),
                at(expected)
            );
        }
    }
    Ok(())
}

/// Where two values differ, as a JSON pointer; 1 and 1.0 are the same.
fn difference(left: &Value, right: &Value) -> Option<String> {
    let below = |name: &str, left: Option<&Value>, right: Option<&Value>| match (left, right) {
        (Some(left), Some(right)) => difference(left, right).map(|path| format!("/{name}{path}")),
        _ => Some(format!("/{name}")),
    };
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.keys().chain(right.keys()).find_map(|name| below(name, left.get(name), right.get(name)))
        }
        (Value::Array(left), Value::Array(right)) => (0..left.len().max(right.len()))
            .find_map(|index| below(&index.to_string(), left.get(index), right.get(index))),
        (Value::Number(left), Value::Number(right)) => (left.as_f64() != right.as_f64()).then(String::new),
        _ => (left != right).then(String::new),
    }
}

fn text(order: &Bytes) -> anyhow::Result<&str> {
    Ok(std::str::from_utf8(order)?)
}

fn id(order: &str) -> String {
    let value: Value = serde_json::from_str(order).unwrap_or_default();
    format!("order {}", value["id"])
}
