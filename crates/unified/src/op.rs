//! The operators of a field map, compiled: each writes its value as JSON text, straight from the record's text.

use expression::Expression;
use serde_json::Value;

use crate::convert::{self, Misfit};
use crate::exact::Decimal;
use crate::model::FieldType;
use crate::shape::{Node, Step, unquoted};

/// Where a value stands: in the record (or the item of a list) at hand, or in something that was loaded beside it.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub root: Root,
    pub steps: Vec<Step>,
    /// The path as written.
    pub written: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    Here,
    Load(usize),
}

/// A compiled operator.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// A value and its conversion; `words` translates the provider's words.
    Value { place: Place, kind: FieldType, words: Vec<(String, String)> },
    /// The last characters of a text, with zeros in front up to a length.
    Part { place: Place, last: usize, pad: usize },
    /// The same for every record: JSON text.
    Constant(String),
    /// A value of the account's context.
    Context { key: String, kind: FieldType },
    /// An object; fields without a value are left out, and so is an object without fields. Its `lists` are there when
    /// it is.
    Object { fields: Vec<(String, Op)>, lists: Vec<String> },
    /// One value for each item of a list.
    Each { list: Place, only: Vec<Condition>, distinct: Option<Place>, item: Box<Op> },
    /// A list of the values that are there.
    List(Vec<Op>),
    /// The lists one after the other.
    Concat(Vec<Op>),
    /// The first that is there.
    First(Vec<Op>),
    /// Texts put together; lists of texts count as their items.
    Join { parts: Vec<Op>, with: String, distinct: bool },
    /// The sum over lists of the product of values.
    Sum { parts: Vec<Addends>, kind: FieldType },
    /// The product of values.
    Times { of: Vec<Place>, kind: FieldType },
    /// The first whose conditions hold.
    Case(Vec<(Vec<Condition>, Op)>),
    /// Whether the item at hand is the first of its list.
    IsFirst,
    /// A JSONata expression over the whole record.
    Jsonata { expression: Expression, kind: FieldType },
}

/// A list and the values whose product is added for each of its items.
#[derive(Debug, Clone)]
pub(crate) struct Addends {
    pub list: Place,
    pub only: Vec<Condition>,
    pub of: Vec<Place>,
    /// What the items are grouped by: one sum for each value.
    pub by: Option<Place>,
}

/// Holds when the value at a place is one of these words; the word `null` stands for no value.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub place: Place,
    pub words: Vec<String>,
}

/// What all operators of one record share.
pub(crate) struct Run<'a> {
    pub record: &'a str,
    pub loads: Vec<Node<'a>>,
    pub context: &'a Value,
    /// Minor digits of the account's currency.
    pub minor: u32,
}

/// The item at hand.
#[derive(Clone, Copy)]
pub(crate) struct Here<'n, 'a> {
    pub node: &'n Node<'a>,
    pub index: usize,
    pub run: &'n Run<'a>,
}

/// A value that does not fit.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The unified field, innermost name first.
    pub field: Vec<String>,
    pub source: String,
    pub wanted: String,
    pub found: String,
}

/// Fields that a caller does not want, as a tree of names.
#[derive(Debug, Default, Clone)]
pub(crate) struct Excluded(pub std::collections::BTreeMap<String, Excluded>);

impl Excluded {
    pub fn insert(&mut self, dotted: &str) {
        let mut node = self;
        for name in dotted.split('.') {
            node = node.0.entry(name.to_owned()).or_default();
        }
    }

    /// What is left out below `name`: `None` when `name` itself is.
    fn below(&self, name: &str) -> Option<&Excluded> {
        static NOTHING: Excluded = Excluded(std::collections::BTreeMap::new());
        match self.0.get(name) {
            Some(inner) if inner.0.is_empty() => None,
            Some(inner) => Some(inner),
            None => Some(&NOTHING),
        }
    }
}

impl<'n, 'a> Here<'n, 'a> {
    fn at(&self, place: &Place) -> &'n Node<'a> {
        match place.root {
            Root::Here => self.node.at(&place.steps),
            Root::Load(index) => {
                self.run.loads.get(index).map_or(&Node::Missing, |load| load.at(&place.steps))
            }
        }
    }
}

impl Condition {
    fn holds(&self, here: Here<'_, '_>) -> bool {
        match here.at(&self.place).raw() {
            None => self.words.iter().any(|word| word == "null"),
            Some(raw) => {
                let text = unquoted(raw).unwrap_or(std::borrow::Cow::Borrowed(raw));
                self.words.iter().any(|word| *word == text)
            }
        }
    }
}

/// Whether all conditions hold.
fn hold(conditions: &[Condition], here: Here<'_, '_>) -> bool {
    conditions.iter().all(|condition| condition.holds(here))
}

impl Op {
    /// Writes the value; `false` when there is none, with `out` as it was.
    pub fn write(&self, here: Here<'_, '_>, excluded: &Excluded, out: &mut Vec<u8>) -> Result<bool, Fault> {
        let start = out.len();
        let written = self.write_inner(here, excluded, out);
        if !matches!(written, Ok(true)) {
            out.truncate(start);
        }
        written
    }

    fn write_inner(&self, here: Here<'_, '_>, excluded: &Excluded, out: &mut Vec<u8>) -> Result<bool, Fault> {
        match self {
            Self::Value { place, kind, words } => match here.at(place).raw() {
                Some(raw) => write_value(raw, place, *kind, words, here.run, out),
                None => Ok(false),
            },
            Self::Part { place, last, pad } => match here.at(place).raw() {
                Some(raw) => Ok(write_part(raw, *last, *pad, out)),
                None => Ok(false),
            },
            Self::Constant(text) => {
                out.extend_from_slice(text.as_bytes());
                Ok(true)
            }
            Self::Context { key, kind } => match here.run.context.get(key) {
                None | Some(Value::Null) => Ok(false),
                Some(value) => convert::write(*kind, &value.to_string(), here.run.minor, out)
                    .map_err(|misfit| fault(&format!("context.{key}"), misfit, &value.to_string())),
            },
            Self::Object { fields, lists } => write_object(fields, lists, here, excluded, out),
            Self::Each { list, only, distinct, item } => {
                let Some(items) = here.at(list).items() else { return Ok(false) };
                write_each(items, here, only, distinct.as_ref(), item, excluded, out)?;
                Ok(true)
            }
            Self::List(items) => {
                out.push(b'[');
                for item in items {
                    separated(out, |out| item.write(here, excluded, out))?;
                }
                out.push(b']');
                Ok(true)
            }
            Self::Concat(lists) => {
                out.push(b'[');
                for list in lists {
                    let mut inner = Vec::new();
                    if list.write(here, excluded, &mut inner)? && inner.len() > 2 {
                        separated(out, |out| {
                            out.extend_from_slice(&inner[1..inner.len() - 1]);
                            Ok(true)
                        })?;
                    }
                }
                out.push(b']');
                Ok(true)
            }
            Self::First(alternatives) => {
                for alternative in alternatives {
                    if alternative.write(here, excluded, out)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Join { parts, with, distinct } => write_join(parts, with, *distinct, here, excluded, out),
            Self::Sum { parts, kind } if parts.iter().any(|part| part.by.is_some()) => {
                write_groups(parts, *kind, here, out)
            }
            Self::Sum { parts, kind } => write_sum(parts, *kind, here, out),
            Self::Times { of, kind } => match product(of, here)? {
                Some(product) => write_decimal(product, *kind, here, &of[0].written, out),
                None => Ok(false),
            },
            Self::Case(arms) => {
                for (conditions, then) in arms {
                    if hold(conditions, here) {
                        return then.write(here, excluded, out);
                    }
                }
                Ok(false)
            }
            Self::IsFirst => {
                out.extend_from_slice(if here.index == 0 { b"true" } else { b"false" });
                Ok(true)
            }
            Self::Jsonata { expression, kind } => write_jsonata(expression, *kind, here.run, out),
        }
    }
}

fn write_value(
    raw: &str,
    place: &Place,
    kind: FieldType,
    words: &[(String, String)],
    run: &Run<'_>,
    out: &mut Vec<u8>,
) -> Result<bool, Fault> {
    if !words.is_empty()
        && let Some(word) = unquoted(raw)
        && let Some((_, translated)) = words.iter().find(|(from, _)| *from == word)
    {
        out.push(b'"');
        out.extend_from_slice(translated.as_bytes());
        out.push(b'"');
        return Ok(true);
    }
    convert::write(kind, raw, run.minor, out).map_err(|misfit| fault(&place.written, misfit, raw))
}

fn write_part(raw: &str, last: usize, pad: usize, out: &mut Vec<u8>) -> bool {
    let text = unquoted(raw).unwrap_or(std::borrow::Cow::Borrowed(raw));
    let length = text.chars().count();
    if length == 0 {
        return false;
    }
    let part: String = text.chars().skip(length.saturating_sub(last)).collect();
    out.extend_from_slice(Value::from(format!("{part:0>pad$}")).to_string().as_bytes());
    true
}

fn write_object(
    fields: &[(String, Op)],
    lists: &[String],
    here: Here<'_, '_>,
    excluded: &Excluded,
    out: &mut Vec<u8>,
) -> Result<bool, Fault> {
    let start = out.len();
    let mut absent = Vec::new();
    out.push(b'{');
    for (name, op) in fields {
        let before = out.len();
        write_field(name, op, here, excluded, out)?;
        if out.len() == before && lists.contains(name) && excluded.below(name).is_some() {
            absent.push(name);
        }
    }
    let is_there = out.len() > start + 1;
    for name in absent.into_iter().filter(|_| is_there) {
        out.extend_from_slice(format!(",\"{name}\":[]").as_bytes());
    }
    out.push(b'}');
    Ok(is_there)
}

/// Writes `"name":value` and the comma before it, or nothing when there is no value or it is not wanted.
pub(crate) fn write_field(
    name: &str,
    op: &Op,
    here: Here<'_, '_>,
    excluded: &Excluded,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let Some(below) = excluded.below(name) else { return Ok(()) };
    separated(out, |out| {
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":");
        op.write(here, below, out).map_err(|mut fault| {
            fault.field.push(name.to_owned());
            fault
        })
    })
}

/// Runs `write` after a comma where one is needed; takes the comma back when nothing was written.
fn separated(
    out: &mut Vec<u8>,
    write: impl FnOnce(&mut Vec<u8>) -> Result<bool, Fault>,
) -> Result<(), Fault> {
    let start = out.len();
    if !matches!(out.last(), Some(b'{' | b'[') | None) {
        out.push(b',');
    }
    if !write(out)? {
        out.truncate(start);
    }
    Ok(())
}

fn write_each(
    items: &[Node<'_>],
    here: Here<'_, '_>,
    only: &[Condition],
    distinct: Option<&Place>,
    item: &Op,
    excluded: &Excluded,
    out: &mut Vec<u8>,
) -> Result<(), Fault> {
    let mut seen: Vec<&str> = Vec::new();
    let mut index = 0;
    out.push(b'[');
    for node in items {
        let inner = Here { node, index, run: here.run };
        if !hold(only, inner) {
            continue;
        }
        if let Some(raw) = distinct.and_then(|place| inner.at(place).raw()) {
            if seen.contains(&raw) {
                continue;
            }
            seen.push(raw);
        }
        separated(out, |out| item.write(inner, excluded, out)).map_err(|mut fault| {
            fault.field.push(index.to_string());
            fault
        })?;
        index += 1;
    }
    out.push(b']');
    Ok(())
}

fn write_join(
    parts: &[Op],
    with: &str,
    distinct: bool,
    here: Here<'_, '_>,
    excluded: &Excluded,
    out: &mut Vec<u8>,
) -> Result<bool, Fault> {
    let mut texts: Vec<String> = Vec::new();
    let mut scratch = Vec::new();
    for part in parts {
        scratch.clear();
        if part.write(here, excluded, &mut scratch)? {
            match serde_json::from_slice(&scratch) {
                Ok(Value::String(text)) => texts.push(text),
                Ok(Value::Array(items)) => {
                    texts.extend(items.into_iter().filter_map(|item| item.as_str().map(str::to_owned)));
                }
                _ => {}
            }
        }
    }
    let mut kept: Vec<&str> = Vec::new();
    for text in &texts {
        let text = text.trim();
        let again = distinct && kept.contains(&text);
        if !text.is_empty() && !again {
            kept.push(text);
        }
    }
    if kept.is_empty() {
        return Ok(false);
    }
    out.extend_from_slice(Value::from(kept.join(with)).to_string().as_bytes());
    Ok(true)
}

fn write_sum(
    parts: &[Addends],
    kind: FieldType,
    here: Here<'_, '_>,
    out: &mut Vec<u8>,
) -> Result<bool, Fault> {
    let mut sum = None;
    for Addends { list, only, of, .. } in parts {
        let Some(items) = here.at(list).items() else { continue };
        let mut total = sum.unwrap_or(Decimal::ZERO);
        for (index, node) in items.iter().enumerate() {
            let inner = Here { node, index, run: here.run };
            if !hold(only, inner) {
                continue;
            }
            let product = product(of, inner).map_err(|mut fault| {
                fault.source = format!("{}.{}", list.written, fault.source);
                fault
            })?;
            if let Some(product) = product {
                let misfit = || fault(&list.written, Misfit("a smaller sum"), "a longer one");
                total = total.plus(product).ok_or_else(misfit)?;
            }
        }
        sum = Some(total);
    }
    match sum {
        Some(sum) => write_decimal(sum, kind, here, &parts[0].list.written, out),
        None => Ok(false),
    }
}

/// Writes an object with the sum of each group, in the order in which they occur; groups that come to nothing are left out.
fn write_groups(
    parts: &[Addends],
    kind: FieldType,
    here: Here<'_, '_>,
    out: &mut Vec<u8>,
) -> Result<bool, Fault> {
    let mut groups: Vec<(String, Decimal)> = Vec::new();
    for Addends { list, only, of, by } in parts {
        for (index, node) in here.at(list).items().unwrap_or_default().iter().enumerate() {
            let inner = Here { node, index, run: here.run };
            let name = by.as_ref().and_then(|by| unquoted(inner.at(by).raw()?));
            let (true, Some(name), Some(product)) = (hold(only, inner), name, product(of, inner)?) else {
                continue;
            };
            let position = groups.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
                groups.push((name.into_owned(), Decimal::ZERO));
                groups.len() - 1
            });
            let misfit = || fault(&list.written, Misfit("a smaller sum"), "a longer one");
            groups[position].1 = groups[position].1.plus(product).ok_or_else(misfit)?;
        }
    }
    groups.retain(|(_, sum)| *sum != Decimal::ZERO);
    out.push(b'{');
    for (name, sum) in &groups {
        separated(out, |out| {
            out.extend_from_slice(Value::from(name.as_str()).to_string().as_bytes());
            out.push(b':');
            write_decimal(*sum, kind, here, &parts[0].list.written, out)
        })?;
    }
    out.push(b'}');
    Ok(!groups.is_empty())
}

/// The product of the values at some places; `None` when one of them is missing.
fn product(of: &[Place], here: Here<'_, '_>) -> Result<Option<Decimal>, Fault> {
    let mut product: Option<Decimal> = None;
    for place in of {
        let Some(raw) = here.at(place).raw() else { return Ok(None) };
        let misfit = || fault(&place.written, Misfit("a number"), raw);
        let factor: Decimal = raw.parse().map_err(|_| misfit())?;
        product = Some(match product {
            None => factor,
            Some(so_far) => so_far.times(factor).ok_or_else(misfit)?,
        });
    }
    Ok(product)
}

fn write_decimal(
    number: Decimal,
    kind: FieldType,
    here: Here<'_, '_>,
    source: &str,
    out: &mut Vec<u8>,
) -> Result<bool, Fault> {
    let text = number.to_text(0);
    convert::write(kind, &text, here.run.minor, out).map_err(|misfit| fault(source, misfit, &text))
}

fn write_jsonata(
    expression: &Expression,
    kind: FieldType,
    run: &Run<'_>,
    out: &mut Vec<u8>,
) -> Result<bool, Fault> {
    let failed = |reason: String| Fault {
        field: Vec::new(),
        source: "jsonata".to_owned(),
        wanted: reason,
        found: "this record".to_owned(),
    };
    let input: Value = serde_json::from_str(run.record).map_err(|error| failed(error.to_string()))?;
    let result = expression
        .evaluate(&input, &[("context", run.context)])
        .map_err(|error| failed(error.to_string()))?;
    match result {
        None | Some(Value::Null) => Ok(false),
        Some(value) => {
            let text = value.to_string();
            // An expression gives the unified value itself: money it has already made text stays as it is.
            let kind = if kind == FieldType::Money { FieldType::String } else { kind };
            convert::write(kind, &text, run.minor, out).map_err(|misfit| fault("jsonata", misfit, &text))
        }
    }
}

/// The longest part of a value that an error repeats.
const SHOWN: usize = 60;

fn fault(source: &str, misfit: Misfit, found: &str) -> Fault {
    let shown: String = found.chars().take(SHOWN).collect();
    Fault { field: Vec::new(), source: source.to_owned(), wanted: misfit.0.to_owned(), found: shown }
}
