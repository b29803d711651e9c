//! Filters: what the provider can do is pushed down to it, and the gateway checks every record itself, so that an answer
//! is exact whatever the provider's own semantics are.

use std::collections::BTreeMap;

use integration::Unknown;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::convert::instant;
use crate::error::QueryError;
use crate::model::{FieldType, FilterType, ModelResource};

/// How a filter is done, as the map says.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FilterMap {
    /// The unified field that each record is checked by, dotted; absent where the provider's own meaning counts.
    #[serde(default)]
    pub field: Option<String>,
    /// The provider's parameter that does it.
    #[serde(default)]
    pub param: Option<String>,
    /// The provider's words for the unified values.
    #[serde(default)]
    pub words: BTreeMap<String, String>,
    /// A provider's parameter that every matching record satisfies at least as a lower bound.
    #[serde(default)]
    pub lower_bound: Option<String>,
    /// Why the gateway may do it so, for the coverage list.
    #[serde(default)]
    pub note: Option<String>,
}

/// How a provider writes comparisons, with `{}` for the value.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Operators {
    pub gt: String,
    pub gte: String,
    pub lt: String,
    pub lte: String,
    /// Both ends belong to it: `{from}` and `{to}`.
    pub between: String,
}

/// What a unified query becomes.
#[derive(Debug, Clone, Default)]
pub struct PlannedQuery {
    /// The provider's query: every record that matches is in its answer.
    pub upstream: Map<String, Value>,
    /// What the gateway checks on each record; `None` when nothing is left to check.
    pub filter: Option<Filter>,
}

/// Conditions on unified fields, checked on each record.
#[derive(Debug, Clone)]
pub struct Filter {
    pub(crate) clauses: Vec<Clause>,
}

/// One condition.
#[derive(Debug, Clone)]
pub(crate) struct Clause {
    /// The unified field, dotted; in lists any item counts.
    pub field: String,
    pub operator: Comparison,
    pub wanted: Wanted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

#[derive(Debug, Clone)]
pub(crate) enum Wanted {
    Time(Timestamp),
    /// Any of these texts, compared without regard to case.
    Texts(Vec<String>),
}

impl Clause {
    /// Whether a unified record (as JSON, at least with the clause's field) satisfies it.
    pub fn holds(&self, value: &Value) -> bool {
        let (_, inner) = self.field.split_once('.').unwrap_or((&self.field, ""));
        any(value, inner, &|found| self.matches(found))
    }

    fn matches(&self, found: &Value) -> bool {
        match &self.wanted {
            Wanted::Time(wanted) => {
                let Some(found) = found.as_str().and_then(instant) else { return false };
                match self.operator {
                    Comparison::Equal => found == *wanted,
                    Comparison::Greater => found > *wanted,
                    Comparison::GreaterOrEqual => found >= *wanted,
                    Comparison::Less => found < *wanted,
                    Comparison::LessOrEqual => found <= *wanted,
                }
            }
            Wanted::Texts(wanted) => {
                let found = match found {
                    Value::String(text) => text.to_lowercase(),
                    other => other.to_string(),
                };
                wanted.iter().any(|wanted| wanted.to_lowercase() == found)
            }
        }
    }
}

/// Whether any scalar below a dotted path satisfies `check`; lists count by their items.
fn any(value: &Value, path: &str, check: &dyn Fn(&Value) -> bool) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| any(item, path, check)),
        Value::Object(fields) => {
            let (name, rest) = path.split_once('.').unwrap_or((path, ""));
            fields.get(name).is_some_and(|inner| any(inner, rest, check))
        }
        scalar => path.is_empty() && check(scalar),
    }
}

/// Bounds on one of the provider's parameters, gathered from all filters that push to it.
#[derive(Default)]
struct Bounds {
    lower: Option<(Timestamp, bool)>,
    upper: Option<(Timestamp, bool)>,
}

impl Bounds {
    fn add(&mut self, operator: Comparison, value: Timestamp) {
        let inclusive = !matches!(operator, Comparison::Greater | Comparison::Less);
        if !matches!(operator, Comparison::Less | Comparison::LessOrEqual)
            && self.lower.is_none_or(|(lower, _)| value > lower)
        {
            self.lower = Some((value, inclusive));
        }
        if !matches!(operator, Comparison::Greater | Comparison::GreaterOrEqual)
            && self.upper.is_none_or(|(upper, _)| value < upper)
        {
            self.upper = Some((value, inclusive));
        }
    }

    /// The narrowest the provider can say; where it cannot say it exactly it says more.
    fn render(&self, operators: &Operators) -> Option<String> {
        let text = |time: Timestamp| format!("{time:.3}");
        Some(match (self.lower, self.upper) {
            (Some((from, _)), Some((to, _))) => {
                operators.between.replace("{from}", &text(from)).replace("{to}", &text(up(to)))
            }
            (Some((from, true)), None) => operators.gte.replace("{}", &text(from)),
            (Some((from, false)), None) => operators.gt.replace("{}", &text(from)),
            (None, Some((to, true))) => operators.lte.replace("{}", &text(up(to))),
            (None, Some((to, false))) => operators.lt.replace("{}", &text(up(to))),
            (None, None) => return None,
        })
    }
}

/// Providers compare milliseconds: an upper bound between two of them is rounded up, so that nothing is missed.
fn up(time: Timestamp) -> Timestamp {
    let rest = time.subsec_nanosecond().rem_euclid(1_000_000);
    if rest == 0 {
        return time;
    }
    time.checked_add(jiff::SignedDuration::from_nanos(i64::from(1_000_000 - rest))).unwrap_or(time)
}

/// Plans a unified query.
pub(crate) fn plan(
    model: &ModelResource,
    filters: &BTreeMap<String, FilterMap>,
    operators: Option<&Operators>,
    query: &Map<String, Value>,
) -> Result<PlannedQuery, QueryError> {
    let mut planned = PlannedQuery::default();
    let mut bounds: BTreeMap<String, Bounds> = BTreeMap::new();
    let mut clauses = Vec::new();
    let mut narrowing = Vec::new();
    for (name, given) in query {
        let (Some(map), Some(filter)) = (filters.get(name), model.filters.get(name)) else {
            return Err(unknown_filter(name, filters));
        };
        for (operator, value) in comparisons(name, given, filter)? {
            let wanted = wanted(name, &value, filter, map)?;
            match (&wanted, map.param.as_ref(), operators) {
                (Wanted::Time(time), Some(param), Some(_)) => {
                    bounds.entry(param.clone()).or_default().add(operator, *time);
                }
                (Wanted::Texts(texts), Some(param), _) => {
                    if let [text] = texts.as_slice() {
                        let word = map.words.get(text).unwrap_or(text).clone();
                        let pushed = (param.clone(), Value::String(word));
                        match map.field {
                            Some(_) => narrowing.push(pushed),
                            None => planned.upstream.extend([pushed]),
                        }
                    }
                }
                _ => {}
            }
            if let (Wanted::Time(time), Some(param)) = (&wanted, &map.lower_bound)
                && !matches!(operator, Comparison::Less | Comparison::LessOrEqual)
            {
                bounds.entry(param.clone()).or_default().add(Comparison::GreaterOrEqual, *time);
            }
            if let Some(field) = &map.field {
                clauses.push(Clause { field: field.clone(), operator, wanted });
            }
        }
    }
    // A filter that the gateway checks itself leaves a parameter to one that only the provider can do.
    for (param, word) in narrowing {
        planned.upstream.entry(param).or_insert(word);
    }
    if let Some(operators) = operators {
        for (param, bounds) in bounds {
            planned.upstream.extend(bounds.render(operators).map(|text| (param, Value::String(text))));
        }
    }
    planned.filter = (!clauses.is_empty()).then_some(Filter { clauses });
    Ok(planned)
}

fn unknown_filter(name: &str, filters: &BTreeMap<String, FilterMap>) -> QueryError {
    let works: Vec<String> = filters.keys().cloned().collect();
    let unknown = Unknown::new("filter", name, works.iter().map(String::as_str));
    let hint = if name == "sort_by" { "this platform cannot sort; " } else { "" };
    let message = format!("{hint}{}", unknown.with_known());
    QueryError { parameter: name.to_owned(), message, works }
}

/// Splits `{gte: a, lt: b}` and bare values into comparisons.
fn comparisons(
    name: &str,
    given: &Value,
    filter: &FilterType,
) -> Result<Vec<(Comparison, Value)>, QueryError> {
    let refuse = |operator: &str| {
        let unknown = Unknown::new("operator", operator, filter.operators.iter().map(String::as_str));
        QueryError {
            parameter: format!("{name}[{operator}]"),
            message: format!("{name}: {}", unknown.with_known()),
            works: filter.operators.clone(),
        }
    };
    let named: Vec<(&str, &Value)> = match given {
        Value::Object(table) => table.iter().map(|(operator, value)| (operator.as_str(), value)).collect(),
        bare => vec![("eq", bare)],
    };
    let mut comparisons = Vec::new();
    for (operator, value) in named {
        if !filter.operators.iter().any(|known| known == operator) {
            return Err(refuse(operator));
        }
        comparisons.push(match operator {
            "gt" => (Comparison::Greater, value.clone()),
            "gte" => (Comparison::GreaterOrEqual, value.clone()),
            "lt" => (Comparison::Less, value.clone()),
            "lte" => (Comparison::LessOrEqual, value.clone()),
            "in" => (Comparison::Equal, split_list(value)),
            _ => (Comparison::Equal, value.clone()),
        });
    }
    Ok(comparisons)
}

/// `in` takes a list, or a text with commas.
fn split_list(value: &Value) -> Value {
    match value {
        Value::String(text) => text.split(',').map(|part| Value::from(part.trim())).collect(),
        other => other.clone(),
    }
}

fn wanted(name: &str, value: &Value, filter: &FilterType, map: &FilterMap) -> Result<Wanted, QueryError> {
    let refuse =
        |message: String, works: Vec<String>| QueryError { parameter: name.to_owned(), message, works };
    let texts: Vec<String> = match value {
        Value::Array(items) => items.iter().map(text).collect(),
        one => vec![text(one)],
    };
    if matches!(filter.kind, FieldType::Datetime) {
        let time = texts.first().and_then(|text| instant(text)).filter(|_| texts.len() == 1);
        return time.map(Wanted::Time).ok_or_else(|| {
            let message = format!("{name}: {value} is no date and time; write it as 2026-01-31T12:00:00Z");
            refuse(message, Vec::new())
        });
    }
    if texts.iter().any(|text| text.is_empty()) || texts.is_empty() {
        return Err(refuse(format!("{name}: a value is needed"), filter.values.clone()));
    }
    if !filter.values.is_empty() {
        for text in &texts {
            if !filter.values.contains(text) && !map.words.contains_key(text) {
                let unknown = Unknown::new("value", text, filter.values.iter().map(String::as_str));
                return Err(refuse(format!("{name}: {}", unknown.with_known()), filter.values.clone()));
            }
        }
    }
    Ok(Wanted::Texts(texts))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
