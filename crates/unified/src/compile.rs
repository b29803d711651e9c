//! From a field's line in a map to its operator. Mistakes name the field, and the nearest word that is known.

use std::fmt;

use expression::Expression;
use integration::Unknown;
use serde_json::{Map, Value};

use crate::model::{Field, FieldType};
use crate::op::{Addends, Condition, Op, Place, Root};
use crate::shape::{Shape, Step};

/// What can be loaded beside a record, by name, and what is read of it.
pub(crate) type Loads = Vec<(String, Shape)>;

/// A mistake in a map: the path of keys and the reason.
#[derive(Debug)]
pub(crate) struct Mistake {
    pub path: Vec<String>,
    pub reason: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(out, "{}: ", self.path.join("."))?;
        }
        out.write_str(&self.reason)
    }
}

/// Compiles the fields of one record, or of one item of a list.
pub(crate) struct Compiler<'l> {
    pub loads: &'l mut Loads,
    path: Vec<String>,
    depth: usize,
}

pub(crate) const OPERATORS: [&str; 14] = [
    "from", "value", "context", "object", "each", "list", "concat", "first", "join", "sum", "times", "case",
    "is_first", "jsonata",
];

impl<'l> Compiler<'l> {
    /// `at` is where the fields stand in the map's file.
    pub fn new(loads: &'l mut Loads, at: &[&str]) -> Self {
        Self { loads, path: at.iter().map(|step| (*step).to_owned()).collect(), depth: 0 }
    }

    /// Compiles the line of the field `name`; `field` is what the model says of it.
    pub fn field(
        &mut self,
        name: &str,
        spec: &Value,
        field: Option<&Field>,
        shape: &mut Shape,
    ) -> Result<Op, Mistake> {
        self.path.push(name.to_owned());
        let op = self.spec(spec, field, shape)?;
        self.path.pop();
        Ok(op)
    }

    fn mistake(&self, reason: impl Into<String>) -> Mistake {
        Mistake { path: self.path.clone(), reason: reason.into() }
    }

    fn spec(&mut self, spec: &Value, field: Option<&Field>, shape: &mut Shape) -> Result<Op, Mistake> {
        let kind = field.map_or(FieldType::Json, |field| field.kind);
        match spec {
            Value::String(path) => Ok(Op::Value {
                place: self.value(path, shape)?,
                kind: scalar(field, kind),
                words: Vec::new(),
            }),
            Value::Object(spec) => self.operator(spec, field, kind, shape),
            _ => Err(self
                .mistake("a field is a path such as `customer.id`, or an operator such as `{from: total}`")),
        }
    }

    fn operator(
        &mut self,
        spec: &Map<String, Value>,
        field: Option<&Field>,
        kind: FieldType,
        shape: &mut Shape,
    ) -> Result<Op, Mistake> {
        let Some(name) = spec.keys().map(String::as_str).find(|key| OPERATORS.contains(key)) else {
            let given = spec.keys().next().map_or("", String::as_str);
            return Err(self.mistake(Unknown::new("operator", given, OPERATORS).to_string()));
        };
        let allowed: &[&str] = match name {
            "from" => &["as", "words", "last", "pad"],
            "each" => &["where", "distinct", "fields", "item"],
            "join" => &["with", "distinct"],
            "sum" => &["of", "where", "by"],
            _ => &[],
        };
        if let Some(extra) =
            spec.keys().map(String::as_str).find(|key| *key != name && !allowed.contains(key))
        {
            return Err(self.mistake(Unknown::new("option", extra, allowed.iter().copied()).to_string()));
        }
        let argument = &spec[name];
        match name {
            "from" => self.from(argument, spec, field, kind, shape),
            "value" => Ok(Op::Constant(argument.to_string())),
            "context" => Ok(Op::Context { key: self.text(argument)?.to_owned(), kind }),
            "object" => {
                let fields = self.fields(argument, field, shape)?;
                let lists = fields
                    .iter()
                    .map(|(name, _)| name)
                    .filter(|name| is_list(field, name))
                    .cloned()
                    .collect();
                Ok(Op::Object { fields, lists })
            }
            "each" => self.each(argument, spec, field, shape),
            "list" => Ok(Op::List(self.specs(argument, item_field(field).as_ref(), shape)?)),
            "concat" => Ok(Op::Concat(self.specs(argument, field, shape)?)),
            "first" => Ok(Op::First(self.specs(argument, field, shape)?)),
            "join" => {
                let text = text_field();
                let parts = self.specs(argument, Some(&text), shape)?;
                let with = match spec.get("with") {
                    Some(with) => self.text(with)?.to_owned(),
                    None => " ".to_owned(),
                };
                Ok(Op::Join { parts, with, distinct: spec.get("distinct") == Some(&Value::Bool(true)) })
            }
            // The groups of an object are whole numbers unless the model has another type for them.
            "sum" if kind == FieldType::Json => self.sum(argument, spec, FieldType::Integer, shape),
            "sum" => self.sum(argument, spec, kind, shape),
            "times" => Ok(Op::Times { of: self.values(argument, shape)?, kind }),
            "case" => self.case(argument, field, shape),
            "is_first" => Ok(Op::IsFirst),
            _ => {
                if self.depth > 0 {
                    return Err(
                        self.mistake("an expression sees the whole record: write it for the whole field")
                    );
                }
                let expression = Expression::compile(self.text(argument)?)
                    .map_err(|error| self.mistake(error.to_string()))?;
                Ok(Op::Jsonata { expression, kind })
            }
        }
    }

    fn from(
        &mut self,
        argument: &Value,
        spec: &Map<String, Value>,
        field: Option<&Field>,
        kind: FieldType,
        shape: &mut Shape,
    ) -> Result<Op, Mistake> {
        let place = self.value(self.text(argument)?.to_owned().as_str(), shape)?;
        if spec.contains_key("last") || spec.contains_key("pad") {
            let last = self.length(spec.get("last"))?.unwrap_or(usize::MAX);
            return Ok(Op::Part { place, last, pad: self.length(spec.get("pad"))?.unwrap_or(0) });
        }
        let kind = match spec.get("as") {
            Some(name) => serde_json::from_value(name.clone())
                .map_err(|_| self.mistake(format!("{name} is no type; write money, datetime, integer, …")))?,
            None => scalar(field, kind),
        };
        let mut words = Vec::new();
        if let Some(table) = spec.get("words") {
            let table = table.as_object().ok_or_else(|| self.mistake("`words` is a table of words"))?;
            for (from, to) in table {
                words.push((from.clone(), self.text(to)?.to_owned()));
            }
        }
        Ok(Op::Value { place, kind, words })
    }

    fn each(
        &mut self,
        argument: &Value,
        spec: &Map<String, Value>,
        field: Option<&Field>,
        shape: &mut Shape,
    ) -> Result<Op, Mistake> {
        let written = self.text(argument)?.to_owned();
        let (root, steps) = self.walk(&written)?;
        let mut loads = std::mem::take(self.loads);
        let result = (|| {
            let mut steps_to = Vec::new();
            let inner = descend(root_shape(root, shape, &mut loads), &steps, &mut steps_to).item();
            // Places inside an item are relative to it.
            let mut nested = Loads::new();
            let mut compiler =
                Compiler { loads: &mut nested, path: self.path.clone(), depth: self.depth + 1 };
            let only = compiler.conditions(spec.get("where"), inner)?;
            let distinct = match spec.get("distinct") {
                Some(path) => Some(compiler.value(compiler.text(path)?, inner)?),
                None => None,
            };
            let item = match (spec.get("fields"), spec.get("item")) {
                (Some(fields), None) => {
                    let fields = with_lists(compiler.fields(fields, field, inner)?, field);
                    Op::Object { fields, lists: Vec::new() }
                }
                (None, Some(item)) => compiler.spec(item, item_field(field).as_ref(), inner)?,
                _ => return Err(compiler.mistake("`each` needs either `fields` or `item`")),
            };
            let list = Place { root, steps: steps_to, written };
            Ok(Op::Each { list, only, distinct, item: Box::new(item) })
        })();
        *self.loads = loads;
        result
    }

    fn sum(
        &mut self,
        argument: &Value,
        spec: &Map<String, Value>,
        kind: FieldType,
        shape: &mut Shape,
    ) -> Result<Op, Mistake> {
        let lists = match argument {
            Value::Array(lists) => lists.iter().collect(),
            one => vec![one],
        };
        let mut parts = Vec::new();
        for list in lists {
            let written = self.text(list)?.to_owned();
            let (root, steps) = self.walk(&written)?;
            let mut steps_to = Vec::new();
            let mut loads = std::mem::take(self.loads);
            let inner = descend(root_shape(root, shape, &mut loads), &steps, &mut steps_to).item();
            let only = self.conditions(spec.get("where"), inner);
            let of = spec.get("of").map(|of| self.values(of, inner)).unwrap_or_else(|| Ok(Vec::new()));
            let by = spec.get("by").map(|by| self.text(by).and_then(|by| self.value(by, inner))).transpose();
            *self.loads = loads;
            let (only, of, by) = (only?, of?, by?);
            if of.is_empty() {
                return Err(self.mistake("`sum` needs `of`: the paths whose product is summed"));
            }
            parts.push(Addends { list: Place { root, steps: steps_to, written }, only, of, by });
        }
        Ok(Op::Sum { parts, kind })
    }

    fn case(&mut self, argument: &Value, field: Option<&Field>, shape: &mut Shape) -> Result<Op, Mistake> {
        let arms = argument.as_array().ok_or_else(|| self.mistake("`case` is a list of {when, then}"))?;
        let mut compiled = Vec::new();
        for arm in arms {
            let then = arm.get("then").ok_or_else(|| self.mistake("each case needs `then`"))?;
            let conditions = self.conditions(arm.get("when"), shape)?;
            compiled.push((conditions, self.spec(then, field, shape)?));
        }
        Ok(Op::Case(compiled))
    }

    fn conditions(&mut self, table: Option<&Value>, shape: &mut Shape) -> Result<Vec<Condition>, Mistake> {
        let Some(table) = table else { return Ok(Vec::new()) };
        let table =
            table.as_object().ok_or_else(|| self.mistake("conditions are a table of path and words"))?;
        let mut conditions = Vec::new();
        for (path, words) in table {
            let words = match words {
                Value::Array(words) => words.iter().map(word).collect(),
                one => vec![word(one)],
            };
            conditions.push(Condition { place: self.value(path, shape)?, words });
        }
        Ok(conditions)
    }

    fn fields(
        &mut self,
        argument: &Value,
        field: Option<&Field>,
        shape: &mut Shape,
    ) -> Result<Vec<(String, Op)>, Mistake> {
        let table = argument.as_object().ok_or_else(|| self.mistake("`fields` is a table of fields"))?;
        let known = field.map(|field| field.fields.as_slice()).unwrap_or_default();
        let mut fields = Vec::new();
        for (name, spec) in table {
            let declared = known.iter().find(|(known, _)| known == name).map(|(_, field)| field);
            if declared.is_none() && !known.is_empty() {
                let names = known.iter().map(|(name, _)| name.as_str());
                return Err(self.mistake(Unknown::new("field", name, names).to_string()));
            }
            fields.push((name.clone(), self.field(name, spec, declared, shape)?));
        }
        Ok(fields)
    }

    fn specs(
        &mut self,
        argument: &Value,
        field: Option<&Field>,
        shape: &mut Shape,
    ) -> Result<Vec<Op>, Mistake> {
        let specs = argument.as_array().ok_or_else(|| self.mistake("a list of fields is needed here"))?;
        specs.iter().map(|spec| self.spec(spec, field, shape)).collect()
    }

    fn text<'v>(&self, value: &'v Value) -> Result<&'v str, Mistake> {
        value.as_str().ok_or_else(|| self.mistake(format!("text is needed here, not {value}")))
    }

    fn values(&mut self, argument: &Value, shape: &mut Shape) -> Result<Vec<Place>, Mistake> {
        let paths = argument.as_array().ok_or_else(|| self.mistake("a list of paths is needed here"))?;
        paths.iter().map(|path| self.value(self.text(path)?, shape)).collect()
    }

    fn length(&self, value: Option<&Value>) -> Result<Option<usize>, Mistake> {
        let Some(value) = value else { return Ok(None) };
        let length = value.as_u64().and_then(|length| usize::try_from(length).ok());
        length
            .map(Some)
            .ok_or_else(|| self.mistake(format!("a number of characters is needed here, not {value}")))
    }

    /// A path to a value: marks it as wanted.
    fn value(&mut self, written: &str, shape: &mut Shape) -> Result<Place, Mistake> {
        let (root, steps) = self.walk(written)?;
        let mut steps_to = Vec::new();
        let mut loads = std::mem::take(self.loads);
        descend(root_shape(root, shape, &mut loads), &steps, &mut steps_to).keep();
        *self.loads = loads;
        Ok(Place { root, steps: steps_to, written: written.to_owned() })
    }

    /// Splits a path: `customer.emails[0].email`, `@addresses.customerAddresses[]`.
    fn walk(&self, written: &str) -> Result<(Root, Vec<Part>), Mistake> {
        let bad = |reason: &str| self.mistake(format!("{written:?} is no path: {reason}"));
        let (root, path) = match written.strip_prefix('@') {
            None => (Root::Here, written),
            Some(rest) => {
                let (name, path) = rest.split_once('.').ok_or_else(|| bad("write @name.path"))?;
                let index = self.loads.iter().position(|(load, _)| load == name);
                let names = self.loads.iter().map(|(load, _)| load.as_str());
                let index = index.ok_or_else(|| bad(&Unknown::new("load", name, names).to_string()))?;
                (Root::Load(index), path)
            }
        };
        let mut parts = Vec::new();
        for segment in path.trim_end_matches("[]").split('.') {
            let (name, rest) =
                segment.split_once('[').map_or((segment, None), |(name, rest)| (name, Some(rest)));
            if name.is_empty() {
                return Err(bad("a name is missing"));
            }
            parts.push(Part::Key(name.to_owned()));
            if let Some(rest) = rest {
                let number = rest.strip_suffix(']').and_then(|number| number.parse().ok());
                parts.push(Part::Item(number.ok_or_else(|| bad("[…] holds the number of an item, from 0"))?));
            }
        }
        Ok((root, parts))
    }
}

enum Part {
    Key(String),
    Item(usize),
}

fn root_shape<'s>(root: Root, here: &'s mut Shape, loads: &'s mut Loads) -> &'s mut Shape {
    match root {
        Root::Here => here,
        Root::Load(index) => &mut loads[index].1,
    }
}

fn descend<'s>(mut shape: &'s mut Shape, parts: &[Part], steps: &mut Vec<Step>) -> &'s mut Shape {
    for part in parts {
        match part {
            Part::Key(name) => {
                let (index, inner) = shape.key(name);
                steps.push(Step::Key(index));
                shape = inner;
            }
            Part::Item(number) => {
                steps.push(Step::Item(*number));
                shape = shape.item();
            }
        }
    }
    shape
}

/// Lists of an item are always there, and may be empty.
fn with_lists(fields: Vec<(String, Op)>, field: Option<&Field>) -> Vec<(String, Op)> {
    fields
        .into_iter()
        .map(|(name, op)| {
            let op = if is_list(field, &name) { Op::First(vec![op, Op::List(Vec::new())]) } else { op };
            (name, op)
        })
        .collect()
}

/// Whether the model says that the field `name` of `field` is a list.
fn is_list(field: Option<&Field>, name: &str) -> bool {
    let declared = field.map(|field| field.fields.as_slice()).unwrap_or_default();
    declared.iter().any(|(known, field)| known == name && field.kind == FieldType::Array)
}

/// A whole object or list taken as it is has to be declared as JSON; a bare path to one of the others is a scalar.
fn scalar(field: Option<&Field>, kind: FieldType) -> FieldType {
    match (kind, field) {
        (FieldType::Object | FieldType::Array, Some(field)) if !field.fields.is_empty() => FieldType::Json,
        _ => kind,
    }
}

/// What the model says of one item of a list.
fn item_field(field: Option<&Field>) -> Option<Field> {
    let list = field?;
    let kind = if list.fields.is_empty() { list.of } else { FieldType::Object };
    Some(Field { kind, fields: list.fields.clone(), ..text_field() })
}

fn text_field() -> Field {
    Field {
        kind: FieldType::String,
        description: String::new(),
        required: false,
        values: Vec::new(),
        fields: Vec::new(),
        of: FieldType::String,
    }
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
