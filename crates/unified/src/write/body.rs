//! Reads a caller's body line by line and puts each value where it belongs. Nothing is skipped: what can't be written is told.

use integration::Unknown;
use serde_json::{Map, Value};

use super::Intent;
use super::line::{EachLine, Line, Lines, RecordsLine, Resolve, Target, ValueLine};
use super::plan::{Keyed, PlannedRecord, PlannedWrite};
use crate::convert;
use crate::error::{Failure, WriteError};
use crate::exact::Decimal;
use crate::model::FieldType;

pub(super) struct Writer {
    intent: Intent,
    /// Minor digits of the account's currency.
    minor: u32,
    body: Map<String, Value>,
    query: Map<String, Value>,
    keyed: Vec<Keyed>,
    records: Vec<PlannedRecord>,
    failures: Vec<Failure>,
}

impl Writer {
    pub fn new(intent: Intent, minor: u32) -> Self {
        Self {
            intent,
            minor,
            body: Map::new(),
            query: Map::new(),
            keyed: Vec::new(),
            records: Vec::new(),
            failures: Vec::new(),
        }
    }

    pub fn fail(&mut self, field: &str, message: impl Into<String>) {
        self.failures.push(Failure::new(field, message));
    }

    /// What was written, or all that is wrong.
    pub fn finish(
        self,
        merged_by_provider: &[String],
        remote: Map<String, Value>,
    ) -> Result<PlannedWrite, WriteError> {
        if !self.failures.is_empty() {
            return Err(WriteError { failures: self.failures });
        }
        let completes = self.intent == Intent::Change;
        Ok(PlannedWrite::new(self.body, self.query, self.keyed, self.records, completes)
            .with_remote(remote, merged_by_provider))
    }

    /// Writes the fields of `given`. The record's own go to the body, those of a list's item to `item`.
    pub fn object(
        &mut self,
        prefix: &str,
        lines: &Lines,
        given: &Map<String, Value>,
        item: &mut Map<String, Value>,
    ) {
        for (name, value) in given {
            let field = format!("{prefix}{name}");
            match lines.get(name) {
                Some(line) => self.line(&field, line, value, item),
                None => {
                    let (message, works) = lines.refusal(name);
                    self.failures.push(Failure { field, message, works });
                }
            }
        }
    }

    fn line(&mut self, field: &str, line: &Line, value: &Value, item: &mut Map<String, Value>) {
        match (line, value) {
            (Line::Value(line), value) => self.value(field, line, value, item),
            (Line::Object { lines, resolve }, Value::Object(given)) => {
                let given = without_name(given, resolve.as_ref());
                self.object(&format!("{field}."), lines, &given, item);
            }
            (Line::Object { lines, .. }, Value::Null) if self.intent == Intent::Change => {
                let nothing = lines.iter().map(|(name, _)| (name.to_owned(), Value::Null)).collect();
                self.object(&format!("{field}."), lines, &nothing, item);
            }
            (Line::Object { .. }, Value::Null) => {}
            (Line::Object { .. }, _) => self.fail(field, "has to be an object"),
            (Line::Each(each), Value::Array(items)) => self.each(field, each, items, item),
            (Line::Records(records), Value::Array(items)) => self.records(field, records, items),
            (Line::Each(_) | Line::Records(_), Value::Null) if self.intent == Intent::Create => {}
            (Line::Each(_) | Line::Records(_), _) => self.fail(field, "has to be a list; [] is an empty one"),
        }
    }

    fn value(&mut self, field: &str, line: &ValueLine, value: &Value, item: &mut Map<String, Value>) {
        if value.is_null() && self.intent == Intent::Create {
            return;
        }
        let written = match value {
            Value::Null => Value::Null,
            value => match self.converted(line, value) {
                Ok(written) => written,
                Err((message, works)) => {
                    self.failures.push(Failure { field: field.to_owned(), message, works });
                    return;
                }
            },
        };
        match &line.target {
            Target::Query(name) => {
                let text = match written {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                self.query.insert(name.clone(), text.into());
            }
            // A list's item is a body of its own; the record's fields go straight to the record.
            Target::Body(keys) if is_nested(field) => put(item, keys, written),
            Target::Body(keys) => put(&mut self.body, keys, written),
        }
    }

    fn each(&mut self, field: &str, each: &EachLine, items: &[Value], outer: &mut Map<String, Value>) {
        let mut ordered: Vec<(usize, &Value)> = items.iter().enumerate().collect();
        if let Some(first) = &each.first {
            ordered.sort_by_key(|(_, item)| item.get(first) != Some(&Value::Bool(true)));
        }
        let mut written = Vec::with_capacity(items.len());
        for (index, value) in ordered {
            let place = format!("{field}[{index}]");
            let Value::Object(given) = value else {
                self.fail(&place, "has to be an object");
                continue;
            };
            let mut given = without_name(given, each.resolve.as_ref());
            if let Some(first) = &each.first {
                given.shift_remove(first);
            }
            let mut item = Map::new();
            self.object(&format!("{place}."), &each.lines, &given, &mut item);
            written.push(Value::Object(item));
        }
        if !each.key.is_empty() && self.intent == Intent::Change && !is_nested(field) {
            self.keyed.push(Keyed {
                field: field.to_owned(),
                path: each.to.clone(),
                key: each.key.clone(),
                keeps_absent: each.keeps_absent,
                drop: each.drop.clone(),
            });
        }
        let target = if is_nested(field) { outer } else { &mut self.body };
        put(target, &each.to, Value::Array(written));
    }

    fn records(&mut self, field: &str, records: &RecordsLine, items: &[Value]) {
        for (index, value) in items.iter().enumerate() {
            let place = format!("{field}[{index}]");
            let Value::Object(given) = value else {
                self.fail(&place, "has to be an object");
                continue;
            };
            let mut given = given.clone();
            let id = match given.shift_remove("id") {
                None | Some(Value::Null) => None,
                Some(Value::String(id)) if self.intent == Intent::Change => Some(id),
                Some(Value::String(_)) => {
                    self.fail(&format!("{place}.id"), "is given by the platform: leave it out");
                    None
                }
                Some(_) => {
                    self.fail(&format!("{place}.id"), "has to be text");
                    None
                }
            };
            let mut item = Map::new();
            self.object(&format!("{place}."), &records.lines, &given, &mut item);
            let call = if id.is_some() { &records.update } else { &records.create };
            self.records.push(PlannedRecord { field: place, call: call.clone(), id, body: item });
        }
    }

    fn converted(&self, line: &ValueLine, value: &Value) -> Result<Value, (String, Vec<String>)> {
        if !line.words.is_empty() {
            return word(&line.words, value);
        }
        if line.kind == FieldType::Array && line.of != FieldType::Json {
            let Value::Array(items) = value else { return Err(("has to be a list".into(), Vec::new())) };
            let items = items.iter().map(|item| self.scalar(line.of, item)).collect::<Result<_, _>>();
            return items
                .map(Value::Array)
                .map_err(|wanted| (format!("has to be a list of {wanted}"), Vec::new()));
        }
        self.scalar(line.kind, value).map_err(|wanted| (format!("has to be {wanted}"), Vec::new()))
    }

    /// The provider's value, or what is wanted.
    fn scalar(&self, kind: FieldType, value: &Value) -> Result<Value, &'static str> {
        let text = value.as_str();
        match kind {
            FieldType::String => text.map(Value::from).ok_or("text"),
            FieldType::Boolean => value.as_bool().map(Value::from).ok_or("true or false"),
            FieldType::Integer => {
                let digits = text.map_or_else(|| value.to_string(), str::to_owned);
                digits.parse::<i64>().map(Value::from).map_err(|_| "a whole number")
            }
            FieldType::Number => match value {
                Value::Number(number) => Ok(Value::Number(number.clone())),
                // Some unified numbers are text, so that no digit is lost on the way to the caller.
                Value::String(text) => text.parse().map(Value::Number).map_err(|_| "a number"),
                _ => Err("a number"),
            },
            FieldType::Money => {
                const WANTED: &str =
                    "an amount as text with no more than the currency's minor digits, such as \"85.10\"";
                let amount: Decimal = text.ok_or(WANTED)?.parse().map_err(|_| WANTED)?;
                amount.minor_units(self.minor).map(Value::from).ok_or(WANTED)
            }
            FieldType::Datetime => {
                const WANTED: &str = "a date and time of RFC 3339, such as \"2026-01-31T12:00:00.000Z\"";
                let instant = convert::instant(text.ok_or(WANTED)?).ok_or(WANTED)?;
                Ok(format!("{instant:.3}").into())
            }
            FieldType::Date => {
                const WANTED: &str = "a date, such as \"1980-05-17\"";
                let text = text.ok_or(WANTED)?;
                let is_date = text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok();
                if is_date { Ok(text.into()) } else { Err(WANTED) }
            }
            FieldType::Object => {
                if value.is_object() {
                    Ok(value.clone())
                } else {
                    Err("an object")
                }
            }
            FieldType::Array => {
                if value.is_array() {
                    Ok(value.clone())
                } else {
                    Err("a list")
                }
            }
            FieldType::Json => Ok(value.clone()),
        }
    }
}

/// What has an id needs no name beside it: as it was read, it can be written.
fn without_name(given: &Map<String, Value>, resolve: Option<&Resolve>) -> Map<String, Value> {
    let mut given = given.clone();
    if let Some(resolve) = resolve
        && given.contains_key("id")
    {
        given.shift_remove(&resolve.by);
    }
    given
}

/// Whether a field stands in an item of a list.
fn is_nested(field: &str) -> bool {
    field.contains('[')
}

/// The provider's word for the caller's.
fn word(words: &[(String, String)], value: &Value) -> Result<Value, (String, Vec<String>)> {
    let known = || words.iter().map(|(ours, _)| ours.as_str());
    let given = value.as_str().unwrap_or_default();
    if let Some((_, theirs)) = words.iter().find(|(ours, theirs)| ours == given || theirs == given) {
        return Ok(theirs.as_str().into());
    }
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Err((Unknown::new("value", &shown, known()).to_string(), known().map(str::to_owned).collect()))
}

/// Puts a value under keys, with the objects on the way.
pub(super) fn put(body: &mut Map<String, Value>, keys: &[String], value: Value) {
    match keys {
        [] => {}
        [key] => {
            body.insert(key.clone(), value);
        }
        [key, rest @ ..] => {
            let inner = body.entry(key.clone()).or_insert_with(|| Value::Object(Map::new()));
            if !inner.is_object() {
                *inner = Value::Object(Map::new());
            }
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}
