//! The layers of a map: the integration's own, then what an environment and an account override of it.

use std::collections::BTreeMap;

use integration::Unknown;
use serde_json::{Map, Value, json};

use crate::compile::Mistake;

/// Who a line is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The integration's own map.
    Integration,
    /// The environment's override.
    Environment,
    /// The account's override.
    Account,
}

impl Origin {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Integration => "integration",
            Self::Environment => "environment",
            Self::Account => "account",
        }
    }
}

/// What one party says of a map: a table of the same keys as the map's own file, where `null` takes a line away.
#[derive(Debug, Clone, Copy)]
pub struct Layer<'a> {
    /// Who says it.
    pub origin: Origin,
    /// The only method that it is for; `None`: all of them.
    pub method: Option<&'a str>,
    /// The lines.
    pub lines: &'a Value,
}

impl<'a> Layer<'a> {
    /// A layer for all methods.
    pub fn new(origin: Origin, lines: &'a Value) -> Self {
        Self { origin, method: None, lines }
    }

    /// The same for one method alone.
    #[must_use]
    pub fn of(mut self, method: &'a str) -> Self {
        self.method = Some(method);
        self
    }
}

/// The tables whose lines are told apart by who they are from.
const TABLES: [&str; 3] = ["fields", "filters", "methods"];

/// The layers merged, with the number of the layer that each line is from: 0 is the integration's own.
#[derive(Debug, Clone)]
pub(crate) struct Merged {
    pub definition: Value,
    layers: Vec<Origin>,
    lines: BTreeMap<&'static str, BTreeMap<String, usize>>,
    /// Fields that a layer takes away.
    removed: BTreeMap<String, usize>,
    /// The layer whose expression makes the record.
    pub response_mapping: Option<usize>,
}

impl Merged {
    pub fn of(layers: &[Layer<'_>]) -> Result<Self, Mistake> {
        let mut merged = Self {
            definition: json!({}),
            layers: Vec::new(),
            lines: BTreeMap::new(),
            removed: BTreeMap::new(),
            response_mapping: None,
        };
        for layer in layers {
            merged.add(layer)?;
        }
        Ok(merged)
    }

    fn add(&mut self, layer: &Layer<'_>) -> Result<(), Mistake> {
        let number = self.layers.len();
        self.layers.push(layer.origin);
        self.check(layer.lines)?;
        merge_lines(&mut self.definition, layer.lines);
        let tables = TABLES.map(|name| (name, layer.lines.get(name)));
        let written = ("write", layer.lines.pointer("/write/fields"));
        for (table, lines) in tables.into_iter().chain([written]) {
            let known = self.lines.entry(table).or_default();
            for (name, line) in lines.and_then(Value::as_object).into_iter().flatten() {
                if line.is_null() {
                    known.remove(name);
                } else {
                    known.insert(name.clone(), number);
                }
                if table == "fields" && line.is_null() {
                    self.removed.insert(name.clone(), number);
                } else if table == "fields" {
                    self.removed.remove(name);
                }
            }
        }
        if let Some(given) = layer.lines.get("response_mapping") {
            self.response_mapping = (!given.is_null()).then_some(number);
        }
        Ok(())
    }

    /// Refuses a layer that could only be taken by leaving a part of it aside.
    fn check(&self, layer: &Value) -> Result<(), Mistake> {
        let no_object = |path: Vec<String>| Mistake { path, reason: "has to be an object".into() };
        let Value::Object(layer) = layer else { return Err(no_object(Vec::new())) };
        let lines = match layer.get("fields") {
            None => return Ok(()),
            Some(Value::Object(lines)) => lines,
            Some(_) => return Err(no_object(vec!["fields".into()])),
        };
        // What fields an expression gives is known only when it has been evaluated.
        let replaced = layer.get("response_mapping");
        if replaced.map_or(self.response_mapping.is_some(), |given| !given.is_null()) {
            return Ok(());
        }
        let known = self.definition["fields"].as_object();
        let is_known = |name: &str| known.is_some_and(|known| known.contains_key(name));
        match lines.iter().find(|(name, line)| line.is_null() && !is_known(name)) {
            None => Ok(()),
            Some((name, _)) => {
                let known = known.into_iter().flat_map(Map::keys).map(String::as_str);
                let reason = Unknown::new("field", name, known).to_string();
                Err(Mistake { path: vec!["fields".into(), name.clone()], reason })
            }
        }
    }

    /// The number of the layer that a line is from.
    pub fn number(&self, table: &str, name: &str) -> usize {
        self.lines.get(table).and_then(|lines| lines.get(name)).copied().unwrap_or_default()
    }

    /// The fields that layers from this number on take away.
    pub fn removed_since(&self, number: usize) -> impl Iterator<Item = &String> {
        self.removed.iter().filter(move |(_, layer)| **layer >= number).map(|(name, _)| name)
    }

    /// The lines of a table that are an override's.
    pub fn overridden(&self, table: &str) -> impl Iterator<Item = &str> {
        let lines = self.lines.get(table).into_iter().flatten();
        lines.filter(|(_, layer)| **layer > 0).map(|(name, _)| name.as_str())
    }

    /// Who each line is from, table by table.
    pub fn origins(&self) -> Value {
        let word = |number: usize| self.layers.get(number).map_or("integration", |origin| origin.as_str());
        let mut origins = Map::new();
        for (table, lines) in &self.lines {
            let lines: Map<String, Value> =
                lines.iter().map(|(name, number)| (name.clone(), word(*number).into())).collect();
            origins.insert((*table).to_owned(), lines.into());
        }
        if let Some(number) = self.response_mapping {
            origins.insert("response_mapping".into(), word(number).into());
        }
        origins.into()
    }
}

/// Merges what a layer says into `base`: tables key by key, but below `fields` (and `fields` of `write`) a line replaces the line of
/// its name. `null` removes.
pub fn merge_lines(base: &mut Value, layer: &Value) {
    let (Value::Object(base), Value::Object(layer)) = (&mut *base, layer) else {
        *base = layer.clone();
        return;
    };
    for (key, value) in layer {
        match key.as_str() {
            _ if value.is_null() => {
                base.shift_remove(key);
            }
            "fields" => replace_lines(base.entry(key.clone()).or_insert_with(|| json!({})), value),
            _ => merge_lines(base.entry(key.clone()).or_insert_with(|| json!({})), value),
        }
    }
}

fn replace_lines(lines: &mut Value, layer: &Value) {
    let Value::Object(lines) = lines else { return };
    for (name, line) in layer.as_object().into_iter().flatten() {
        if line.is_null() {
            lines.shift_remove(name);
        } else {
            lines.insert(name.clone(), line.clone());
        }
    }
}
