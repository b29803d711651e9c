//! The map of one resource of one integration, compiled from its layers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use expression::{Expression, Scope, Template, TemplateError};
use integration::{Integration, Unknown, source};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use crate::compile::{Compiler, Loads, Mistake};
use crate::error::{LayerError, QueryError, RecordError, WriteError};
use crate::exact::minor_digits;
use crate::items::Items;
use crate::layers::{Layer, Merged, Origin};
use crate::model::{FieldType, FilterType, ModelResource};
use crate::op::{Excluded, Fault, Here, Op, Run, write_field};
use crate::query::{self, Filter, FilterMap, Operators, PlannedQuery};
use crate::shape::{Node, Shape, unquoted};
use crate::whole::{Request, Whole, prune};
use crate::write::{Intent, PlannedWrite, Reference, WriteDefinition, WriteMap};

/// How one resource of a model is read from one integration, and written to it.
#[derive(Debug, Clone)]
pub struct ResourceMap {
    /// The methods that work, by name.
    pub methods: BTreeMap<String, MethodMap>,
    /// Calls that methods are put together from, by name: the model does not have them as methods.
    steps: BTreeMap<String, MethodMap>,
    model: ModelResource,
    fields: Vec<(String, Op)>,
    /// What callers can write, by method.
    writes: BTreeMap<String, WriteMap>,
    shape: Shape,
    loads: Loads,
    filters: BTreeMap<String, FilterMap>,
    operators: Option<Operators>,
    left_out: BTreeMap<String, String>,
    merged: Merged,
    /// The expression that makes the record whole, where an override has one.
    whole: Option<Whole>,
    /// Filters that an expression made inexact.
    inexact: BTreeSet<String>,
    /// The map as single methods have it, where a layer is for one method alone.
    variants: BTreeMap<String, ResourceMap>,
}

/// Which call of the integration a method becomes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MethodMap {
    /// A resource of the integration.
    pub resource: String,
    /// One of its methods.
    pub method: String,
    /// What else is read for each record.
    #[serde(default)]
    pub loads: Vec<Load>,
    /// Where the records stand, when they are parts of the record that the call answers.
    #[serde(default)]
    pub items: Option<Items>,
    /// What the call is made for one after the other, when the platform divides its records.
    #[serde(default)]
    pub across: Option<Across>,
    /// What goes into the query of every call.
    #[serde(default)]
    pub query: Map<String, Value>,
    /// What its body takes, when that is not what the resource's `write` says.
    #[serde(default)]
    write: Option<WriteDefinition>,
}

/// A parameter that the platform needs and that has one of a few values: a list is those of all values, one after the
/// other, and a record is looked for with each. A filter that is pushed down to the parameter leaves one value.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Across {
    /// The platform's parameter.
    pub param: String,
    /// Its values, in order.
    pub values: Vec<String>,
}

/// Something read beside a record; its answer is `@name` in the map.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// The name in the map.
    pub name: String,
    /// A resource of the integration.
    pub resource: String,
    /// One of its methods.
    pub method: String,
    /// The query, with `{{id}}` for the record's id.
    #[serde(default = "no_query", deserialize_with = "query_template")]
    query: Template,
}

impl Load {
    /// The query of the load for the record of an id.
    pub fn query(&self, id: &str) -> Result<Map<String, Value>, TemplateError> {
        let filled = self.query.render(&Scope::new().with_text("id", id))?;
        Ok(filled.and_then(|query| query.as_object().cloned()).unwrap_or_default())
    }
}

pub(crate) fn no_query() -> Template {
    Template::fixed(json!({}))
}

pub(crate) fn query_template<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Template, D::Error> {
    let query = Map::<String, Value>::deserialize(deserializer)?;
    Template::parse(&Value::Object(query)).map_err(serde::de::Error::custom)
}

/// The texts that a unified record is made of.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The provider's record.
    pub record: &'a RawValue,
    /// The answers of the method's loads, by name; for an item the record that holds it.
    pub loads: &'a [(&'a str, &'a str)],
}

/// What the caller wants of a record.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    raw: bool,
    ignore_remote_data: bool,
    key_by: Option<String>,
    excluded: Excluded,
    request: Option<Arc<Request>>,
}

impl WriteOptions {
    /// Writes the provider's own record in place of the unified one.
    #[must_use]
    pub fn raw(mut self) -> Self {
        self.raw = true;
        self
    }

    /// Leaves `remote_data` out.
    #[must_use]
    pub fn without_remote_data(mut self) -> Self {
        self.ignore_remote_data = true;
        self
    }

    /// Gives the text of this field as [`Written::key`].
    #[must_use]
    pub fn keyed_by(mut self, field: &str) -> Self {
        self.key_by = Some(field.to_owned());
        self
    }

    /// Shows the expression of a `response_mapping` the call that the record is read by.
    #[must_use]
    pub fn asked_by(mut self, request: Arc<Request>) -> Self {
        self.request = Some(request);
        self
    }

    /// Leaves these fields out; dots reach into objects and lists. They are not even looked at.
    #[must_use]
    pub fn excluding<'f>(mut self, fields: impl IntoIterator<Item = &'f str>) -> Self {
        for field in fields {
            self.excluded.insert(field);
        }
        self
    }
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Whether the filter let it through; nothing was written otherwise.
    pub kept: bool,
    /// The text of the field of [`WriteOptions::keyed_by`], when the record has one.
    pub key: Option<String>,
}

impl MethodMap {
    /// The names of what the map can read beside a record, as `@name.…`.
    pub fn names_beside(&self) -> impl Iterator<Item = &str> {
        let loads = self.loads.iter().map(|load| load.name.as_str());
        loads.chain(self.items.iter().map(|items| items.name.as_str()))
    }

    /// Whether the integration has all that the method calls.
    pub fn check(&self, integration: &Integration) -> Result<(), Unknown> {
        let calls = std::iter::once((&self.resource, &self.method))
            .chain(self.loads.iter().map(|load| (&load.resource, &load.method)));
        for (resource, name) in calls {
            integration.resource(resource)?.method(name)?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Definition {
    methods: BTreeMap<String, MethodMap>,
    fields: Map<String, Value>,
    #[serde(default)]
    response_mapping: Option<Value>,
    #[serde(default)]
    write: Option<WriteDefinition>,
    #[serde(default)]
    filters: BTreeMap<String, FilterMap>,
    #[serde(default)]
    operators: Option<Operators>,
    #[serde(default)]
    left_out: BTreeMap<String, String>,
}

impl ResourceMap {
    /// The map with layers over it, checked against the integration whose calls it makes. Fields are merged one by one: a line
    /// replaces the line of that name, `null` removes it, and a new name adds a field. The error names the layer that is to blame.
    pub fn overridden(&self, integration: &Integration, layers: &[Layer<'_>]) -> Result<Self, LayerError> {
        let compile = |layers: &[Layer<'_>]| {
            let own = Layer::new(Origin::Integration, self.definition());
            let all: Vec<Layer<'_>> = std::iter::once(own).chain(layers.iter().copied()).collect();
            let map = Self::compile_at(&self.model, &all)?;
            map.check_calls(integration)
                .map_err(|reason| Mistake { path: vec!["methods".to_owned()], reason })?;
            Ok(map)
        };
        compile(layers).map_err(|mistake: Mistake| {
            let is_to_blame = |layer: &usize| compile(&layers[..=*layer]).is_err();
            let layer = (0..layers.len()).find(is_to_blame).unwrap_or(layers.len().saturating_sub(1));
            LayerError { layer, path: mistake.path, reason: mistake.reason }
        })
    }

    pub(crate) fn compile_at(model: &ModelResource, layers: &[Layer<'_>]) -> Result<Self, Mistake> {
        let of = |method: Option<&str>| -> Vec<Layer<'_>> {
            layers.iter().filter(|layer| layer.method.is_none() || layer.method == method).copied().collect()
        };
        let mut map = Self::compile_layers(model, &of(None))?;
        let methods: BTreeSet<&str> = layers.iter().filter_map(|layer| layer.method).collect();
        for method in methods {
            let known = || model.methods.iter().map(String::as_str);
            if !known().any(|known| known == method) {
                let reason = Unknown::new("method", method, known()).to_string();
                return Err(Mistake { path: Vec::new(), reason });
            }
            let variant = Self::compile_layers(model, &of(Some(method)))?;
            match variant.methods.get(method) {
                Some(called) => map.methods.insert(method.to_owned(), called.clone()),
                None => map.methods.remove(method),
            };
            map.variants.insert(method.to_owned(), variant);
        }
        Ok(map)
    }

    fn compile_layers(model: &ModelResource, layers: &[Layer<'_>]) -> Result<Self, Mistake> {
        let merged = Merged::of(layers)?;
        let mut definition: Definition =
            source::read_value(&merged.definition).map_err(|(path, reason)| Mistake { path, reason })?;
        let mut loads = Loads::new();
        for name in definition.methods.values().flat_map(MethodMap::names_beside) {
            if !loads.iter().any(|(known, _)| known == name) {
                loads.push((name.to_owned(), Shape::default()));
            }
        }
        let mut shape = Shape::default();
        let mut fields = Vec::new();
        let mut compiler = Compiler::new(&mut loads, &["fields"]);
        for (name, spec) in &definition.fields {
            let declared = model.field(name);
            if declared.is_none() && merged.number("fields", name) == 0 {
                let unknown = Unknown::new("field", name, model.fields.iter().map(|(n, _)| n.as_str()));
                return Err(Mistake {
                    path: vec!["fields".into(), name.clone()],
                    reason: unknown.to_string(),
                });
            }
            fields.push((name.clone(), compiler.field(name, spec, declared, &mut shape)?));
        }
        // Records are written in the model's order; fields of an override come after it.
        let place =
            |name: &str| model.fields.iter().position(|(field, _)| field == name).unwrap_or(usize::MAX);
        fields.sort_by_key(|(name, _)| place(name));
        let whole = compile_whole(definition.response_mapping.as_ref(), &definition.fields, &merged)?;
        let inexact = take_inexact(&mut definition, &merged, whole.as_ref());
        for (name, filter) in &definition.filters {
            let at = || vec!["filters".to_owned(), name.clone()];
            if !model.filters.contains_key(name) {
                let unknown = Unknown::new("filter", name, model.filters.keys().map(String::as_str));
                return Err(Mistake { path: at(), reason: unknown.to_string() });
            }
            let field = filter.field.as_deref().map(|field| field.split('.').next().unwrap_or(field));
            let field = field.filter(|_| whole.is_none());
            if let Some(field) = field.filter(|field| !fields.iter().any(|(name, _)| name == field)) {
                return Err(Mistake {
                    path: at(),
                    reason: format!(
                        "{field:?} is no field of this map; without it, take the filter away too: \"{name}\": null"
                    ),
                });
            }
        }
        for (name, method) in &definition.methods {
            let Some(items) = &method.items else { continue };
            let declared = model.filters.get(&items.of).filter(|filter| filter.with_get);
            if declared.is_none() || !definition.filters.contains_key(&items.of) {
                let path = ["methods", name, "items", "of"].map(str::to_owned).to_vec();
                let reason =
                    format!("{:?} has to be a filter of this map that the model has `with_get`", items.of);
                return Err(Mistake { path, reason });
            }
        }
        let writes = compile_writes(&definition, model, layers.get(1..).unwrap_or_default())?;
        let (methods, steps) =
            definition.methods.into_iter().partition(|(name, _)| model.methods.contains(name));
        Ok(Self {
            methods,
            steps,
            model: model.clone(),
            fields,
            writes,
            shape,
            loads,
            filters: definition.filters,
            operators: definition.operators,
            left_out: definition.left_out,
            merged,
            whole,
            inexact,
            variants: BTreeMap::new(),
        })
    }

    /// The map as a method has it: the same one, unless a layer is for that method alone.
    pub fn of(&self, method: &str) -> &Self {
        self.variants.get(method).unwrap_or(self)
    }

    /// Whether records are what an expression makes of the platform's: it wants to see the call.
    pub fn has_expression(&self) -> bool {
        self.whole.is_some()
    }

    /// Finds a method by name.
    pub fn method(&self, name: &str) -> Result<&MethodMap, Unknown> {
        self.methods
            .get(name)
            .ok_or_else(|| Unknown::new("method", name, self.methods.keys().map(String::as_str)))
    }

    /// Finds a method, or a call that methods are put together from.
    pub fn step(&self, name: &str) -> Result<&MethodMap, Unknown> {
        self.steps.get(name).map_or_else(|| self.method(name), Ok)
    }

    /// Whether a method gives less of a record than another does: it reads nothing beside the record, and the other
    /// does.
    pub fn is_partial(&self, method: &MethodMap) -> bool {
        method.loads.is_empty() && self.methods.values().any(|other| !other.loads.is_empty())
    }

    /// Whether records have a field of this name.
    pub fn has_field(&self, name: &str) -> bool {
        self.whole.is_some() || self.fields.iter().any(|(field, _)| field == name)
    }

    /// Whether lists take a filter of this name.
    pub fn has_filter(&self, name: &str) -> bool {
        self.filters.contains_key(name)
    }

    /// Every call that the map makes has to be one that the integration declares.
    pub fn check_calls(&self, integration: &Integration) -> Result<(), String> {
        for (method_name, method) in self.methods.iter().chain(&self.steps) {
            if method_name == "list" && !method.loads.is_empty() {
                return Err("a list reads nothing beside its records: leave `loads` to `get`".to_owned());
            }
            if method.items.is_some() && (method.across.is_some() || !method.loads.is_empty()) {
                return Err("`items` stand in one record: leave `loads` and `across` out".to_owned());
            }
            method.check(integration).map_err(|unknown| unknown.to_string())?;
        }
        for variant in self.variants.values() {
            variant.check_calls(integration)?;
        }
        for call in self.writes.values().flat_map(WriteMap::calls) {
            let resource = integration.resource(&call.resource).map_err(|unknown| unknown.to_string())?;
            resource.method(&call.method).map_err(|unknown| unknown.to_string())?;
        }
        Ok(())
    }

    /// What callers of a method can filter by, by name: lists by every filter, `get` by those that help to find a record.
    pub fn query_filters(&self, method: &str) -> impl Iterator<Item = (&str, &FilterType)> {
        self.of(method)
            .filters
            .keys()
            .filter_map(|name| Some((name.as_str(), self.model.filters.get(name)?)))
            .filter(move |(_, filter)| filter.works_with(method))
    }

    /// The filter that a method's callers have to give, if there is one.
    pub fn required_filter(&self, method: &str) -> Option<&str> {
        Some(self.methods.get(method)?.items.as_ref()?.of.as_str())
    }

    /// What in a body of a method is named by another field than its id: the caller looks it up, puts the id in its place, and then
    /// plans the write.
    pub fn references(&self, method: &str, body: &Map<String, Value>) -> Vec<Reference<'_>> {
        self.of(method).writes.get(method).map(|write| write.references(body)).unwrap_or_default()
    }

    /// Turns the unified body of a method into the provider's. All that is wrong with it is told at once.
    pub fn plan_write(
        &self,
        method: &str,
        body: &Map<String, Value>,
        context: &Value,
    ) -> Result<PlannedWrite, WriteError> {
        match self.of(method).writes.get(method) {
            Some(write) => write.plan(Intent::of(method), body, context),
            None => Err(WriteError::of("the body", "is not taken by this method: leave it out")),
        }
    }

    /// What of a unified record a method takes: without what can only be read.
    pub fn writable(&self, method: &str, record: &Map<String, Value>) -> Map<String, Value> {
        self.of(method).writes.get(method).map(|write| write.writable(record)).unwrap_or_default()
    }

    /// Whether a method takes a body.
    pub fn takes_body(&self, method: &str) -> bool {
        self.of(method).writes.contains_key(method)
    }

    /// The filter of the list, and its value, that find what a create of this body may have made.
    pub fn found_by(&self, body: &Value) -> Option<(&str, String)> {
        self.of("create").writes.get("create")?.found_by(body)
    }

    /// The JSON Schema (2020-12) of a method's body; `None` when it takes none.
    pub fn body_schema(&self, method: &str) -> Option<Value> {
        let write = self.of(method).writes.get(method).filter(|_| method != "delete")?;
        Some(write.json_schema(&self.model, Intent::of(method)))
    }

    /// The unified fields that some method writes, such as `emails[].email`.
    pub fn written_fields(&self) -> BTreeSet<String> {
        self.writes.values().flat_map(|write| write.fields(&self.model.fields)).collect()
    }

    /// The resource of the unified model.
    pub fn model(&self) -> &ModelResource {
        &self.model
    }

    /// The map as it was written, its layers merged.
    pub fn definition(&self) -> &Value {
        &self.merged.definition
    }

    /// What makes the record: an expression, or the lines of its fields.
    pub fn response_mapping(&self) -> &Value {
        let definition = self.definition();
        definition.get("response_mapping").unwrap_or(&definition["fields"])
    }

    /// The lines of a method's body; `None` when it takes none.
    pub fn write_lines(&self, method: &str) -> Option<&Value> {
        let own = self.definition().pointer(&format!("/methods/{method}/write/fields"));
        let takes_shared = ["create", "update"].contains(&method) && self.methods.contains_key(method);
        let shared = || self.definition().pointer("/write/fields").filter(|_| takes_shared);
        own.or_else(shared)
    }

    /// Who each line is from (`integration`, `environment` or `account`), by table: `fields`, `filters`, `methods`, `write`, and
    /// `response_mapping` where there is one.
    pub fn origins(&self) -> Value {
        self.merged.origins()
    }

    /// The fields whose lines are an override's.
    pub fn overridden_fields(&self) -> impl Iterator<Item = &str> {
        self.merged.overridden("fields")
    }

    /// The provider's paths that are read.
    pub fn source_paths(&self) -> Vec<String> {
        self.shape.paths()
    }

    /// The provider's paths that are not read, with the reasons; a path covers what is below it.
    pub fn left_out(&self) -> &BTreeMap<String, String> {
        &self.left_out
    }

    pub(crate) fn filters(&self) -> &BTreeMap<String, FilterMap> {
        &self.filters
    }

    /// Turns the filters of a unified query into the provider's query and what is left to check.
    pub fn plan_query(&self, query: &Map<String, Value>) -> Result<PlannedQuery, QueryError> {
        if let Some(name) = query.keys().find(|name| self.inexact.contains(*name)) {
            return Err(QueryError {
                parameter: name.clone(),
                message: format!(
                    "{name} can't be answered exactly here: a response_mapping makes these records. Give the filter in the same \
                     override, as `filters: {{{name}: {{field: …, param: …}}}}`, or give its field a line of its own there"
                ),
                works: self.filters.keys().cloned().collect(),
            });
        }
        query::plan(&self.model, &self.filters, self.operators.as_ref(), query)
    }

    /// As [`ResourceMap::plan_query`], for the query of a single record.
    pub fn plan_get(&self, query: &Map<String, Value>) -> Result<PlannedQuery, QueryError> {
        let works = || self.query_filters("get").map(|(name, _)| name);
        match query.keys().find(|name| !works().any(|known| known == name.as_str())) {
            None => self.plan_query(query),
            Some(name) => Err(QueryError {
                parameter: name.clone(),
                message: format!(
                    "{name} does not work on a single record; what is meant for the platform goes into \
                     remote_query[{name}]"
                ),
                works: works().map(str::to_owned).collect(),
            }),
        }
    }

    /// Writes one unified record to `out`, unless `filter` drops it. `context` is the account's: its `currency` decides
    /// the minor digits of money.
    pub fn write(
        &self,
        sources: &Sources<'_>,
        context: &Value,
        options: &WriteOptions,
        filter: Option<&Filter>,
        out: &mut Vec<u8>,
    ) -> Result<Written, Box<RecordError>> {
        let record = sources.record.get();
        let broken = |error: serde_json::Error| {
            Box::new(RecordError {
                id: "?".to_owned(),
                field: "the record".to_owned(),
                excludable: String::new(),
                source_path: "the record".to_owned(),
                wanted: "JSON".to_owned(),
                found: error.to_string(),
            })
        };
        let node = self.shape.read(record).map_err(broken)?;
        let mut loads = Vec::with_capacity(self.loads.len());
        for (name, shape) in &self.loads {
            loads.push(match sources.loads.iter().find(|(load, _)| load == name) {
                Some((_, text)) => shape.read(text).map_err(broken)?,
                None => Node::Missing,
            });
        }
        let currency = context.get("currency").and_then(Value::as_str).unwrap_or_default();
        let run = Run { record, loads, context, minor: minor_digits(currency) };
        let here = Here { node: &node, index: 0, run: &run };
        let failed = |fault: Fault| Box::new(self.record_error(here, fault));

        let whole = match &self.whole {
            None => None,
            Some(whole) => match whole.evaluate(sources.record, context, options.request.as_deref()) {
                Ok(fields) => Some(fields),
                // The provider's own record is what an expression that fails is gone around with.
                Err(_) if options.raw && filter.is_none() => None,
                Err(reason) => {
                    let id = self.id_of(here);
                    return Err(Box::new(RecordError::of_expression(id, reason)));
                }
            },
        };
        let value_of = |name: &str| self.value_of(name, here, whole.as_ref());
        if let Some(filter) = filter {
            for clause in &filter.clauses {
                let name = clause.field.split('.').next().unwrap_or(&clause.field);
                let value = value_of(name).map_err(failed)?;
                if !value.is_some_and(|value| clause.holds(&value)) {
                    return Ok(Written { kept: false, key: None });
                }
            }
        }
        let key = match &options.key_by {
            None => None,
            Some(name) => value_of(name).map_err(failed)?.map(|value| match value {
                Value::String(text) => text,
                other => other.to_string(),
            }),
        };
        if options.raw {
            out.extend_from_slice(record.as_bytes());
            return Ok(Written { kept: true, key });
        }
        let start = out.len();
        out.push(b'{');
        if let (Some(whole), Some(fields)) = (&self.whole, whole) {
            self.write_whole(whole, fields, here, &options.excluded, out).map_err(|fault| {
                out.truncate(start);
                failed(fault)
            })?;
        }
        for (name, op) in self.fields.iter().filter(|_| self.whole.is_none()) {
            let before = out.len();
            let written = write_field(name, op, here, &options.excluded, out);
            if let Err(fault) = written {
                out.truncate(start);
                return Err(failed(fault));
            }
            let is_array = self.model.field(name).is_some_and(|field| field.kind == FieldType::Array);
            if out.len() == before && is_array && !options.excluded.0.contains_key(name) {
                // Arrays are always there, and may be empty.
                let comma = if out.last() == Some(&b'{') { "" } else { "," };
                out.extend_from_slice(format!("{comma}\"{name}\":[]").as_bytes());
            }
        }
        if !options.ignore_remote_data && !options.excluded.0.contains_key("remote_data") {
            if out.last() != Some(&b'{') {
                out.push(b',');
            }
            out.extend_from_slice(b"\"remote_data\":");
            out.extend_from_slice(record.as_bytes());
        }
        out.push(b'}');
        Ok(Written { kept: true, key })
    }

    /// Writes what the expression gave and the lines that are laid over it, without the braces.
    fn write_whole(
        &self,
        whole: &Whole,
        mut fields: Map<String, Value>,
        here: Here<'_, '_>,
        excluded: &Excluded,
        out: &mut Vec<u8>,
    ) -> Result<(), Fault> {
        for (name, op) in self.fields.iter().filter(|(name, _)| whole.over.contains(name)) {
            if excluded.0.get(name).is_some_and(|inner| inner.0.is_empty()) {
                continue;
            }
            let mut scratch = Vec::new();
            let written = op.write(here, &Excluded::default(), &mut scratch).map_err(|mut fault| {
                fault.field.push(name.clone());
                fault
            })?;
            match serde_json::from_slice(&scratch) {
                Ok(value) if written => {
                    fields.insert(name.clone(), value);
                }
                _ => {
                    fields.shift_remove(name);
                }
            }
        }
        prune(&mut fields, excluded);
        let text = Value::Object(fields).to_string();
        out.extend_from_slice(&text.as_bytes()[1..text.len() - 1]);
        Ok(())
    }

    /// The value of a field, as callers see it. Every record has an id: where an expression gives none, it is the integration's.
    fn value_of(
        &self,
        name: &str,
        here: Here<'_, '_>,
        whole: Option<&Map<String, Value>>,
    ) -> Result<Option<Value>, Fault> {
        let is_over = self.whole.as_ref().is_some_and(|whole| whole.over.contains(name));
        if let Some(fields) = whole.filter(|_| !is_over) {
            match fields.get(name) {
                None | Some(Value::Null) if name == "id" => {}
                value => return Ok(value.cloned()),
            }
        }
        let Some((_, op)) = self.fields.iter().find(|(field, _)| field == name) else { return Ok(None) };
        let mut scratch = Vec::new();
        if !op.write(here, &Excluded::default(), &mut scratch)? {
            return Ok(None);
        }
        Ok(serde_json::from_slice(&scratch).ok())
    }

    /// The record's id by the integration's own line, for messages.
    fn id_of(&self, here: Here<'_, '_>) -> String {
        let id = self.fields.iter().find(|(name, _)| name == "id").and_then(|(_, op)| {
            let mut scratch = Vec::new();
            op.write(here, &Excluded::default(), &mut scratch).ok()?;
            unquoted(std::str::from_utf8(&scratch).ok()?).map(std::borrow::Cow::into_owned)
        });
        id.unwrap_or_else(|| "?".to_owned())
    }

    fn record_error(&self, here: Here<'_, '_>, fault: Fault) -> RecordError {
        let mut field = fault.field;
        field.reverse();
        RecordError {
            id: self.id_of(here),
            excludable: field.first().cloned().unwrap_or_default(),
            field: field.join("."),
            source_path: fault.source,
            wanted: fault.wanted,
            found: fault.found,
        }
    }
}

/// The expression of the layers, and what stands above it.
fn compile_whole(
    given: Option<&Value>,
    fields: &Map<String, Value>,
    merged: &Merged,
) -> Result<Option<Whole>, Mistake> {
    let mistake = |reason: String| Mistake { path: vec!["response_mapping".to_owned()], reason };
    let (Some(given), Some(layer)) = (given, merged.response_mapping) else { return Ok(None) };
    let Some(text) = given.as_str() else {
        return Err(mistake("has to be the text of a JSONata expression; lines go into `fields`".to_owned()));
    };
    if layer == 0 {
        return Err(mistake("is for overrides; an integration's own map has `fields`".to_owned()));
    }
    let expression = Expression::compile(text).map_err(|error| mistake(error.to_string()))?;
    let is_over = |name: &&String| merged.number("fields", name) >= layer;
    Ok(Some(Whole {
        expression,
        over: fields.keys().filter(is_over).cloned().collect(),
        removed: merged.removed_since(layer).cloned().collect(),
    }))
}

/// Keeps filters exact under overrides: where a later layer says what a filter's field is, the platform can't be asked for it any
/// more, so that every record is checked here. The filters of fields that only an expression knows are taken out and given.
fn take_inexact(definition: &mut Definition, merged: &Merged, whole: Option<&Whole>) -> BTreeSet<String> {
    let mut inexact = BTreeSet::new();
    let holders: BTreeSet<String> =
        definition.methods.values().filter_map(|method| Some(method.items.as_ref()?.of.clone())).collect();
    for (name, filter) in &mut definition.filters {
        let Some(field) = &filter.field else { continue };
        let root = field.split('.').next().unwrap_or(field);
        let by_expression = whole.is_some_and(|whole| !whole.over.contains(root));
        let line = match merged.response_mapping {
            Some(layer) if by_expression => layer,
            _ => merged.number("fields", root),
        };
        if line <= merged.number("filters", name) {
            continue;
        }
        if by_expression && holders.contains(name) {
            // The call itself finds the record that holds the items.
            filter.field = None;
        } else if by_expression {
            inexact.insert(name.clone());
        } else {
            filter.param = None;
            filter.lower_bound = None;
        }
    }
    definition.filters.retain(|name, _| !inexact.contains(name));
    inexact
}

/// The bodies of the methods that take one: the resource's `write` for create and update, a method's own for the others.
/// `above` are the layers above the integration's own.
fn compile_writes(
    definition: &Definition,
    model: &ModelResource,
    above: &[Layer<'_>],
) -> Result<BTreeMap<String, WriteMap>, Mistake> {
    let mut writes = BTreeMap::new();
    for (name, method) in &definition.methods {
        let (write, path) = match (&method.write, &definition.write) {
            (Some(own), _) => (own, vec!["methods", name.as_str(), "write"]),
            (None, Some(shared)) if ["create", "update"].contains(&name.as_str()) => (shared, vec!["write"]),
            _ => continue,
        };
        let pointer = format!("/{}/fields", path.join("/"));
        let lines = |layer: &Layer<'_>| layer.lines.pointer(&pointer).and_then(Value::as_object).cloned();
        let own: BTreeSet<String> = above
            .iter()
            .filter_map(lines)
            .flat_map(|lines| lines.into_iter().map(|(name, _)| name))
            .collect();
        let own = (!above.is_empty()).then_some(own);
        writes.insert(name.clone(), WriteMap::compile(write.clone(), model, &definition.fields, &path, own)?);
    }
    Ok(writes)
}
