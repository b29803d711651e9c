//! A line of a write map, compiled: where a field goes, and the way back of a read line.

use std::collections::BTreeSet;

use expression::{Scope, Template, TemplateError};
use integration::Unknown;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::compile::Mistake;
use crate::model::{Field, FieldType, ModelResource};

/// The lines of an object, and the names that are only read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lines {
    lines: Vec<(String, Line)>,
    read_only: Vec<String>,
}

/// Where a field goes.
#[derive(Debug, Clone)]
pub(crate) enum Line {
    /// A value with its conversion.
    Value(ValueLine),
    /// The fields of an object, each where it belongs.
    Object { lines: Lines, resolve: Option<Resolve> },
    /// A list, item by item.
    Each(EachLine),
    /// A list whose items are records of their own, written after the record that they belong to.
    Records(RecordsLine),
}

#[derive(Debug, Clone)]
pub(crate) struct ValueLine {
    pub target: Target,
    pub kind: FieldType,
    /// The type of each item of a list.
    pub of: FieldType,
    /// The caller's word and the provider's.
    pub words: Vec<(String, String)>,
}

#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// Keys into the provider's body.
    Body(Vec<String>),
    /// A parameter of the provider's query.
    Query(String),
}

#[derive(Debug, Clone)]
pub(crate) struct EachLine {
    pub to: Vec<String>,
    pub lines: Lines,
    /// The provider's keys that tell its items apart, best first: an item of the caller's changes the one that it names.
    pub key: Vec<String>,
    /// Whether items that the caller does not name stay.
    pub keeps_absent: bool,
    /// What the provider gives in its items and does not take back.
    pub drop: Vec<String>,
    /// A truth value of the caller's items: those that have it come first.
    pub first: Option<String>,
    pub resolve: Option<Resolve>,
}

#[derive(Debug, Clone)]
pub(crate) struct RecordsLine {
    pub lines: Lines,
    pub create: RecordCall,
    pub update: RecordCall,
}

/// How something that the caller names is found: by the list of another resource of the model.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resolve {
    /// The field that may stand in place of `id`; it is a filter of the list, too.
    pub by: String,
    /// The unified resource.
    pub resource: String,
    /// More filters of its list, and fields of what is made.
    #[serde(default, rename = "where")]
    pub with: Map<String, Value>,
    /// Whether one that is not there is made.
    #[serde(default)]
    pub create: bool,
}

/// A call for a record that belongs to the one at hand.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordCall {
    /// A resource of the integration.
    pub resource: String,
    /// One of its methods.
    pub method: String,
    /// The query, with `{{id}}` for the id of the record that it belongs to.
    #[serde(default = "crate::map::no_query", deserialize_with = "crate::map::query_template")]
    query: Template,
}

impl RecordCall {
    /// The query for a record that belongs to the one of this id.
    pub fn query(&self, id: &str) -> Result<Map<String, Value>, TemplateError> {
        let filled = self.query.render(&Scope::new().with_text("id", id))?;
        Ok(filled.and_then(|query| query.as_object().cloned()).unwrap_or_default())
    }
}

impl Line {
    pub fn resolve(&self) -> Option<&Resolve> {
        match self {
            Self::Object { resolve, .. } | Self::Each(EachLine { resolve, .. }) => resolve.as_ref(),
            Self::Value(_) | Self::Records(_) => None,
        }
    }

    /// The lines of the object, or of each item of the list.
    pub fn inner(&self) -> Option<&Lines> {
        match self {
            Self::Value(_) => None,
            Self::Object { lines, .. } => Some(lines),
            Self::Each(each) => Some(&each.lines),
            Self::Records(records) => Some(&records.lines),
        }
    }
}

impl Lines {
    pub fn get(&self, name: &str) -> Option<&Line> {
        self.lines.iter().find(|(known, _)| known == name).map(|(_, line)| line)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &Line)> {
        self.lines.iter().map(|(name, line)| (name.as_str(), line))
    }

    /// Why a field is not taken.
    pub fn refusal(&self, name: &str) -> (String, Vec<String>) {
        let works = || self.lines.iter().map(|(name, _)| name.as_str());
        let reason = if self.read_only.iter().any(|known| known == name) {
            "can only be read: leave it out".to_owned()
        } else {
            Unknown::new("field", name, works()).to_string()
        };
        (reason, works().map(str::to_owned).collect())
    }

    /// What of a record these lines take.
    pub fn writable(&self, record: &Map<String, Value>) -> Map<String, Value> {
        let mut kept = Map::new();
        for (name, value) in record {
            let value = match (self.get(name), value) {
                (None, _) => continue,
                (Some(line), Value::Object(object)) if let Some(lines) = line.inner() => {
                    lines.writable(object).into()
                }
                (Some(line), Value::Array(items)) if let Some(lines) = line.inner() => {
                    let items = items.iter().filter_map(Value::as_object);
                    items.map(|item| Value::Object(lines.writable(item))).collect()
                }
                (Some(_), value) => value.clone(),
            };
            kept.insert(name.clone(), value);
        }
        kept
    }

    pub fn json_schema(&self, fields: &[(String, Field)], skipped: &[String]) -> Value {
        let mut properties = Map::new();
        for (name, line) in self.iter().filter(|(name, _)| !skipped.iter().any(|skip| skip == name)) {
            let field = fields.iter().find(|(known, _)| known == name).map(|(_, field)| field);
            let mut schema = match (line, field) {
                (Line::Value(_), Some(field)) => field.json_schema(),
                (Line::Value(value), None) => value.kind.json_schema(),
                (line, field) => {
                    let declared = field.map(|field| field.fields.as_slice()).unwrap_or_default();
                    let mut inner =
                        line.inner().map(|lines| lines.json_schema(declared, &[])).unwrap_or_default();
                    if let Some(resolve) = line.resolve() {
                        inner["properties"][&resolve.by] =
                            json!({"type": "string", "description": "In place of `id`."});
                    }
                    if matches!(line, Line::Records(_)) {
                        inner["properties"]["id"] = json!({"type": "string", "description": "Changes the one of this id; without it one is added."});
                    }
                    match line {
                        Line::Object { .. } => inner,
                        _ => json!({"type": "array", "items": inner}),
                    }
                }
            };
            if let Line::Value(value) = line
                && !value.words.is_empty()
            {
                let words: Vec<&str> = value.words.iter().map(|(ours, _)| ours.as_str()).collect();
                schema = json!({"type": "string", "enum": words});
            }
            if let Some(field) = field.filter(|field| !field.description.is_empty()) {
                schema["description"] = json!(field.description);
            }
            properties.insert(name.to_owned(), schema);
        }
        json!({"type": "object", "properties": properties, "additionalProperties": false})
    }

    pub fn collect(&self, prefix: &str, fields: &[(String, Field)], paths: &mut BTreeSet<String>) {
        for (name, line) in self.iter() {
            let path = format!("{prefix}{name}");
            let field = fields.iter().find(|(known, _)| known == name).map(|(_, field)| field);
            if let (Some(lines), Some(field)) = (line.inner(), field) {
                let mark = if field.kind == FieldType::Array { "[]" } else { "" };
                lines.collect(&format!("{path}{mark}."), &field.fields, paths);
            }
            paths.insert(path);
        }
    }
}

/// Compiles lines; mistakes name the field.
pub(crate) struct Compiler {
    path: Vec<String>,
    /// The lines of an override's own, when there is one. The read lines that the others are the way back of may be gone.
    own: Option<BTreeSet<String>>,
    /// Fields may have names that records do not have: the body is a method's own.
    is_free: bool,
}

/// The options of a line's table.
const OPTIONS: [&str; 13] = [
    "to", "to_query", "as", "words", "object", "each", "fields", "records", "key", "absent", "drop", "first",
    "resolve",
];

impl Compiler {
    pub fn new(path: &[&str], own: Option<BTreeSet<String>>, is_free: bool) -> Self {
        Self { path: path.iter().map(|step| (*step).to_owned()).collect(), own, is_free }
    }

    pub fn mistake(&self, reason: impl Into<String>) -> Mistake {
        Mistake { path: self.path.clone(), reason: reason.into() }
    }

    /// The lines of a whole record.
    pub fn root(
        &mut self,
        table: &Map<String, Value>,
        model: &ModelResource,
        read: &Map<String, Value>,
    ) -> Result<Lines, Mistake> {
        self.path.push("fields".to_owned());
        let lines = self.table(table, Some(&model.fields), Some(read))?;
        self.path.pop();
        Ok(lines)
    }

    fn table(
        &mut self,
        table: &Map<String, Value>,
        fields: Option<&[(String, Field)]>,
        read: Option<&Map<String, Value>>,
    ) -> Result<Lines, Mistake> {
        let fields = fields.unwrap_or_default();
        let mut lines = Vec::new();
        for (name, spec) in table {
            let field = fields.iter().find(|(known, _)| known == name).map(|(_, field)| field);
            self.path.push(name.clone());
            if field.is_none() && self.own.is_none() && !self.is_free {
                let unknown = Unknown::new("field", name, fields.iter().map(|(name, _)| name.as_str()));
                return Err(self.mistake(unknown.to_string()));
            }
            let depth = self.path.len();
            match self.line(spec, field, read.and_then(|read| read.get(name))) {
                Ok(line) => lines.push((name.clone(), line)),
                Err(_) if self.may_be_dropped(spec, name) => self.path.truncate(depth),
                Err(mistake) => return Err(mistake),
            }
            self.path.pop();
        }
        let is_written = |name: &String| lines.iter().any(|(written, _)| written == name);
        let read_only = fields.iter().map(|(name, _)| name).filter(|name| !is_written(name));
        let read_only = read_only.cloned().collect();
        Ok(Lines { read_only, lines })
    }

    /// Whether a line is the way back of a read line that an override took away or changed.
    fn may_be_dropped(&self, spec: &Value, name: &str) -> bool {
        self.own.as_ref().is_some_and(|own| !own.contains(name)) && needs_read_line(spec)
    }

    fn line(&mut self, spec: &Value, field: Option<&Field>, read: Option<&Value>) -> Result<Line, Mistake> {
        match spec {
            Value::Bool(true) => self.inverse(self.read(read)?, field, None),
            Value::Array(names) => {
                let names = self.names(names)?;
                self.inverse(self.read(read)?, field, Some(&names))
            }
            Value::String(path) => {
                Ok(Line::Value(self.value(Target::Body(self.keys(path)?), field, Vec::new())))
            }
            Value::Object(table) => self.options(table, field, read),
            _ => {
                Err(self
                    .mistake("a line is `true`, a list of fields, a path such as `billTo.city`, or a table"))
            }
        }
    }

    fn options(
        &mut self,
        table: &Map<String, Value>,
        field: Option<&Field>,
        read: Option<&Value>,
    ) -> Result<Line, Mistake> {
        if let Some(unknown) = table.keys().find(|key| !OPTIONS.contains(&key.as_str())) {
            return Err(self.mistake(Unknown::new("option", unknown, OPTIONS).to_string()));
        }
        let target = match (table.get("to"), table.get("to_query")) {
            (Some(path), _) => Some(Target::Body(self.keys(self.text(path)?)?)),
            (None, Some(name)) => Some(Target::Query(self.text(name)?.to_owned())),
            (None, None) => None,
        };
        if let Some(target) = target {
            let mut words = Vec::new();
            for (ours, theirs) in table.get("words").and_then(Value::as_object).into_iter().flatten() {
                words.push((ours.clone(), self.text(theirs)?.to_owned()));
            }
            let mut line = self.value(target, field, words);
            if let Some(kind) = table.get("as") {
                line.kind = serde_json::from_value(kind.clone())
                    .map_err(|_| self.mistake(format!("{kind} is no type; write integer, money, …")))?;
            }
            return Ok(Line::Value(line));
        }
        let resolve: Option<Resolve> = self.parsed(table, "resolve")?;
        if table.contains_key("records") {
            let calls: RecordCalls = self.parsed(table, "records")?.ok_or_else(|| self.mistake("records"))?;
            let lines = self.inner(table, field, read, "each")?;
            return Ok(Line::Records(RecordsLine { lines, create: calls.create, update: calls.update }));
        }
        if let Some(object) = table.get("object") {
            let inner = read.and_then(|read| read.get("object")).and_then(Value::as_object);
            let object = object.as_object().ok_or_else(|| self.mistake("`object` is a table of fields"))?;
            let lines = self.table(object, field.map(|field| field.fields.as_slice()), inner)?;
            return Ok(Line::Object { lines, resolve });
        }
        if table.contains_key("fields") && read.is_some_and(|read| read.get("object").is_some()) {
            let lines = self.inner(table, field, read, "object")?;
            return Ok(Line::Object { lines, resolve });
        }
        let list = table.get("each").or_else(|| read.and_then(|read| read.get("each")));
        let list = list.ok_or_else(|| self.mistake("a table needs `to`, `object`, `each` or `records`"))?;
        let absent = table.get("absent").map_or(Ok("remove"), |word| self.text(word))?;
        if !["keep", "remove"].contains(&absent) {
            return Err(
                self.mistake(Unknown::new("word for `absent`", absent, ["keep", "remove"]).to_string())
            );
        }
        Ok(Line::Each(EachLine {
            to: self.keys(self.text(list)?)?,
            lines: self.inner(table, field, read, "each")?,
            key: self.parsed(table, "key")?.unwrap_or_default(),
            keeps_absent: absent == "keep",
            drop: self.parsed(table, "drop")?.unwrap_or_default(),
            first: self.parsed(table, "first")?,
            resolve,
        }))
    }

    /// The lines of `fields`: names, which are the way back of their read lines, or a table.
    fn inner(
        &mut self,
        table: &Map<String, Value>,
        field: Option<&Field>,
        read: Option<&Value>,
        operator: &str,
    ) -> Result<Lines, Mistake> {
        let read = read.and_then(|read| match operator {
            "object" => read.get("object"),
            _ => find_fields(read),
        });
        let read = read.and_then(Value::as_object);
        let declared = field.map(|field| field.fields.as_slice());
        match table.get("fields") {
            Some(Value::Object(fields)) => self.table(fields, declared, read),
            Some(Value::Array(names)) => {
                let names = self.names(names)?;
                let lines = names.into_iter().map(|name| (name, Value::Bool(true))).collect();
                self.table(&lines, declared, read)
            }
            _ => Err(self.mistake("`fields` is needed: names, or a table of lines")),
        }
    }

    /// The way back of a read line; of an object or a list only these fields, when they are named.
    fn inverse(
        &mut self,
        read: &Value,
        field: Option<&Field>,
        names: Option<&[String]>,
    ) -> Result<Line, Mistake> {
        let no_way_back = "is computed from several values: there is no way back, write where it goes";
        let declared = field.map(|field| field.fields.as_slice());
        match read {
            Value::String(path) => {
                Ok(Line::Value(self.value(Target::Body(self.keys(path)?), field, Vec::new())))
            }
            Value::Object(table) => {
                if let Some(path) = table.get("from")
                    && !table.contains_key("last")
                    && !table.contains_key("pad")
                {
                    let mut words: Vec<(String, String)> = Vec::new();
                    for (theirs, ours) in table.get("words").and_then(Value::as_object).into_iter().flatten()
                    {
                        let ours = self.text(ours)?;
                        // Of two words of the provider's for one thing the first is written.
                        if !words.iter().any(|(known, _)| known == ours) {
                            words.push((ours.to_owned(), theirs.clone()));
                        }
                    }
                    let target = Target::Body(self.keys(self.text(path)?)?);
                    return Ok(Line::Value(self.value(target, field, words)));
                }
                if let Some(first) = table.get("first").and_then(|first| first.get(0)) {
                    return self.inverse(first, field, names);
                }
                let (inner, list) = match (table.get("object"), table.get("each")) {
                    (Some(object), _) => (object.as_object(), None),
                    (None, Some(list)) => (table.get("fields").and_then(Value::as_object), Some(list)),
                    (None, None) => (None, None),
                };
                let inner = inner.ok_or_else(|| self.mistake(no_way_back))?;
                let wanted = match names {
                    Some(names) => names.iter().map(|name| (name.clone(), Value::Bool(true))).collect(),
                    None => inner.keys().map(|name| (name.clone(), Value::Bool(true))).collect(),
                };
                let lines = self.table(&wanted, declared, Some(inner))?;
                match list {
                    None => Ok(Line::Object { lines, resolve: None }),
                    Some(list) => Ok(Line::Each(EachLine {
                        to: self.keys(self.text(list)?)?,
                        lines,
                        key: Vec::new(),
                        keeps_absent: false,
                        drop: Vec::new(),
                        first: None,
                        resolve: None,
                    })),
                }
            }
            _ => Err(self.mistake(no_way_back)),
        }
    }

    fn value(&self, target: Target, field: Option<&Field>, words: Vec<(String, String)>) -> ValueLine {
        let kind = field.map_or(FieldType::Json, |field| field.kind);
        ValueLine { target, kind, of: field.map_or(FieldType::Json, |field| field.of), words }
    }

    /// Splits a path of the provider's into keys.
    fn keys(&self, path: &str) -> Result<Vec<String>, Mistake> {
        let bare = path.trim_end_matches("[]");
        if bare.is_empty() || bare.contains(['[', '@', '{']) || bare.split('.').any(str::is_empty) {
            return Err(self.mistake(format!(
                "{path:?} is no path that can be written: keys with dots between them, such as `billTo.city`"
            )));
        }
        Ok(bare.split('.').map(str::to_owned).collect())
    }

    fn read<'v>(&self, read: Option<&'v Value>) -> Result<&'v Value, Mistake> {
        read.ok_or_else(|| self.mistake("the field has no read line that this could be the way back of"))
    }

    fn names(&self, names: &[Value]) -> Result<Vec<String>, Mistake> {
        names.iter().map(|name| self.text(name).map(str::to_owned)).collect()
    }

    fn text<'v>(&self, value: &'v Value) -> Result<&'v str, Mistake> {
        value.as_str().ok_or_else(|| self.mistake(format!("text is needed here, not {value}")))
    }

    fn parsed<T: for<'de> Deserialize<'de>>(
        &self,
        table: &Map<String, Value>,
        option: &str,
    ) -> Result<Option<T>, Mistake> {
        let Some(value) = table.get(option) else { return Ok(None) };
        serde_json::from_value(value.clone())
            .map(Some)
            .map_err(|error| self.mistake(format!("{option}: {error}")))
    }
}

/// The two calls of a list of records.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecordCalls {
    create: RecordCall,
    update: RecordCall,
}

/// Whether a line can't be understood without the field's read line.
fn needs_read_line(spec: &Value) -> bool {
    match spec {
        Value::Bool(_) | Value::Array(_) => true,
        Value::Object(table) => {
            !["to", "to_query", "object", "each"].iter().any(|key| table.contains_key(*key))
        }
        _ => false,
    }
}

/// The table of an item's fields in a read line, also where it is one of several alternatives.
fn find_fields(read: &Value) -> Option<&Value> {
    read.get("fields").or_else(|| {
        let alternatives = read.get("first").or_else(|| read.get("concat"))?.as_array()?;
        alternatives.iter().find_map(find_fields)
    })
}
