//! The way back: a caller's unified body becomes the provider's, checked whole before anything is sent.
//!
//! A line of a write map is `true` (the way back of the field's read line), a list of names (the same for these fields of an
//! object or a list), a path of the provider's, or a table (`to`, `object`, `each`, `records`, …; see docs/integrations.md).

mod body;
mod line;
mod plan;

use std::collections::BTreeSet;

use expression::{Scope, Template, TemplateError};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub use line::{RecordCall, Resolve};
pub use plan::{PlannedRecord, PlannedWrite, Reference};

use crate::compile::Mistake;
use crate::error::WriteError;
use crate::exact::minor_digits;
use crate::model::{Field, ModelResource};
use body::Writer;
use line::{Line, Lines};

/// A write map as a file has it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WriteDefinition {
    /// A line for each field that can be written.
    fields: Map<String, Value>,
    /// The fields that a new record needs.
    #[serde(default)]
    required: Vec<String>,
    /// The fields that only a new record takes.
    #[serde(default)]
    create_only: Vec<String>,
    /// The fields that only a record that is there takes.
    #[serde(default)]
    update_only: Vec<String>,
    /// Objects of the provider that it merges itself; all others it replaces whole.
    #[serde(default)]
    merged_by_provider: Vec<String>,
    /// What a new record has of the provider's where the caller says nothing; `{{now}}` is the time, the rest of the scope is the
    /// account's context.
    #[serde(default)]
    defaults: Map<String, Value>,
    /// The filter of the list that finds what a create may have made.
    #[serde(default)]
    found_by: Option<FoundBy>,
}

/// How a record that a lost answer left unknown is found again.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundBy {
    /// A filter of the resource's list.
    pub filter: String,
    /// Where its value stands in the caller's body, as a JSON Pointer (RFC 6901).
    pub pointer: String,
}

/// How a method's body is written.
#[derive(Debug, Clone)]
pub(crate) struct WriteMap {
    lines: Lines,
    required: Vec<String>,
    create_only: Vec<String>,
    update_only: Vec<String>,
    merged_by_provider: Vec<String>,
    defaults: Template,
    found_by: Option<FoundBy>,
}

/// Whether a body makes a record or changes one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// A new record: what it needs has to be there.
    Create,
    /// A record that is there: only what is sent changes.
    Change,
}

impl Intent {
    /// What a method's body is for. A method of the resource's own takes what it needs, as a create does.
    pub fn of(method: &str) -> Self {
        if method == "update" { Self::Change } else { Self::Create }
    }
}

impl WriteMap {
    /// Compiles a write map against the read lines of the same map. `path` is where it stands in the file. `own` are the
    /// lines of an override's own, when there is one: of the others, those that an overridden read line has no way back to are
    /// dropped, so that the field can only be read.
    pub fn compile(
        definition: WriteDefinition,
        model: &ModelResource,
        read: &Map<String, Value>,
        path: &[&str],
        own: Option<BTreeSet<String>>,
    ) -> Result<Self, Mistake> {
        let (is_free, is_overridden) = (path.first() == Some(&"methods"), own.is_some());
        let mut compiler = line::Compiler::new(path, own, is_free);
        let lines = compiler.root(&definition.fields, model, read)?;
        let named = [&definition.required, &definition.create_only, &definition.update_only];
        if let Some(name) =
            named.into_iter().flatten().find(|name| lines.get(name).is_none() && !is_overridden)
        {
            return Err(compiler.mistake(format!("{name:?} is named, and has no line in `fields`")));
        }
        let defaults = Template::parse(&Value::Object(definition.defaults))
            .map_err(|error| compiler.mistake(format!("defaults: {error}")))?;
        let mut required = definition.required;
        required.retain(|name| lines.get(name).is_some());
        Ok(Self {
            lines,
            required,
            create_only: definition.create_only,
            update_only: definition.update_only,
            merged_by_provider: definition.merged_by_provider,
            defaults,
            found_by: definition.found_by,
        })
    }

    /// What stands in `body` under another name than its id, to be looked up before [`WriteMap::plan`].
    pub fn references(&self, body: &Map<String, Value>) -> Vec<Reference<'_>> {
        plan::references(&self.lines, body)
    }

    /// The filter and its value that find what a create of this body may have made.
    pub fn found_by(&self, body: &Value) -> Option<(&str, String)> {
        let found_by = self.found_by.as_ref()?;
        let value = body.pointer(&found_by.pointer)?.as_str()?.to_owned();
        Some((&found_by.filter, value))
    }

    /// Turns a unified body into the provider's. All that is wrong with it is told at once.
    pub fn plan(
        &self,
        intent: Intent,
        body: &Map<String, Value>,
        context: &Value,
    ) -> Result<PlannedWrite, WriteError> {
        let currency = context.get("currency").and_then(Value::as_str).unwrap_or_default();
        let mut writer = Writer::new(intent, minor_digits(currency));
        let mut allowed = body.clone();
        let remote = match allowed.shift_remove("remote_data") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(remote)) => remote,
            Some(_) => {
                writer.fail("remote_data", "has to be an object of the provider's own fields");
                Map::new()
            }
        };
        let (misplaced, reason) = match intent {
            Intent::Create => (&self.update_only, "can't be given to a new record, only changed later"),
            Intent::Change => (&self.create_only, "can't be changed: it is set when the record is made"),
        };
        for name in misplaced {
            if allowed.shift_remove(name).is_some() {
                writer.fail(name, reason);
            }
        }
        if intent == Intent::Create {
            for name in &self.required {
                let is_empty = match allowed.get(name) {
                    None | Some(Value::Null) => true,
                    Some(Value::Array(items)) => items.is_empty(),
                    Some(_) => false,
                };
                if is_empty {
                    writer.fail(name, "is needed");
                }
            }
        }
        writer.object("", &self.lines, &allowed, &mut Map::new());
        let mut planned = writer.finish(&self.merged_by_provider, remote)?;
        if intent == Intent::Create {
            let failed = |error: TemplateError| WriteError::of("defaults", &error.to_string());
            planned.default_to(self.defaults_for(context).map_err(failed)?);
        }
        Ok(planned)
    }

    fn defaults_for(&self, context: &Value) -> Result<Map<String, Value>, TemplateError> {
        let now = format!("{:.3}", Timestamp::now());
        let scope = Scope::new().with("context", context).with_text("now", &now);
        let filled = self.defaults.render(&scope)?;
        Ok(filled.and_then(|defaults| defaults.as_object().cloned()).unwrap_or_default())
    }

    /// What of a record can be written.
    pub fn writable(&self, record: &Map<String, Value>) -> Map<String, Value> {
        self.lines.writable(record)
    }

    /// The JSON Schema (2020-12) of a body.
    pub fn json_schema(&self, model: &ModelResource, intent: Intent) -> Value {
        let skipped = if intent == Intent::Create { &self.update_only } else { &self.create_only };
        let mut schema = self.lines.json_schema(&model.fields, skipped);
        schema["properties"]["remote_data"] = json!({
            "type": "object",
            "description": "Fields of the provider's own, written as they are.",
        });
        if intent == Intent::Create && !self.required.is_empty() {
            schema["required"] = json!(self.required);
        }
        schema
    }

    /// The unified fields that are written, such as `emails[].email`.
    pub fn fields(&self, fields: &[(String, Field)]) -> BTreeSet<String> {
        let mut paths = BTreeSet::new();
        self.lines.collect("", fields, &mut paths);
        paths
    }

    /// The calls that are made for records of their own.
    pub fn calls(&self) -> impl Iterator<Item = &RecordCall> {
        self.lines.iter().flat_map(|(_, line)| match line {
            Line::Records(records) => vec![&records.create, &records.update],
            _ => Vec::new(),
        })
    }
}
