//! Filters of lists (facts 3.3): `field=value`, `field=operator:value`, and the free text of `q`.
//!
//! Fields that take operators read anything before a colon as one, so that `updatedAt=2026-07-12T18:00:00Z` is an
//! invalid operator there, as in the reference implementation.

use jiff::Timestamp;
use serde_json::Value;

use super::errors::ApiError;
use crate::endpoints::{Endpoint, Filter, Schema};

/// What a column of the index holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ColumnType {
    /// Text, ids among them; `null` and `not null` ask for absence and presence.
    Text,
    /// A whole number.
    Number,
    /// `true`, anything else is false.
    Boolean,
    /// A moment; a bare date is midnight UTC.
    Date,
    /// `Active` unless the end date has passed.
    Activity,
}

/// What may stand before the colon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Between,
    In,
    /// Known of the reference implementation only; no endpoint documents it.
    #[cfg_attr(not(test), expect(dead_code, reason = "no endpoint is documented to take it"))]
    NotIn,
    /// As [`Operator::NotIn`].
    #[cfg_attr(not(test), expect(dead_code, reason = "no endpoint is documented to take it"))]
    NotEqual,
    /// As [`Operator::NotIn`]: a prefix, whatever the case.
    #[cfg_attr(not(test), expect(dead_code, reason = "no endpoint is documented to take it"))]
    Like,
}

impl Operator {
    fn word(self) -> &'static str {
        match self {
            Self::Greater => "gt",
            Self::GreaterOrEqual => "gte",
            Self::Less => "lt",
            Self::LessOrEqual => "lte",
            Self::Between => "btw",
            Self::In => "in",
            Self::NotIn => "nin",
            Self::NotEqual => "ne",
            Self::Like => "like",
        }
    }
}

/// What an object has in one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Null,
    Number(i64),
    Text(Box<str>),
    Many(Box<[Box<str>]>),
}

impl Key {
    /// Reads a column of an object; `field` as in [`Filter::field`].
    pub fn of(object: &Value, field: &str, column_type: ColumnType) -> Self {
        if field.contains("[]") {
            let texts: Box<[_]> = texts(object, field).into_iter().map(String::into_boxed_str).collect();
            return if texts.is_empty() { Self::Null } else { Self::Many(texts) };
        }
        let value = field.split('.').try_fold(object, |value, name| value.get(name));
        match (column_type, value) {
            (ColumnType::Number, Some(Value::Number(number))) => {
                number.as_i64().map_or(Self::Null, Self::Number)
            }
            (ColumnType::Boolean, Some(value)) => Self::Number(i64::from(value == &Value::Bool(true))),
            (ColumnType::Date | ColumnType::Activity, Some(Value::String(text))) => {
                moment(text).map_or(Self::Null, Self::Number)
            }
            (ColumnType::Text, Some(Value::String(text))) => Self::Text(text.as_str().into()),
            (ColumnType::Text, Some(Value::Number(number))) => Self::Text(number.to_string().into()),
            _ => Self::Null,
        }
    }
}

impl Key {
    /// Whether this text is in the column, whatever its case.
    pub fn has_text(&self, text: &str) -> bool {
        match self {
            Self::Text(value) => value.eq_ignore_ascii_case(text),
            Self::Many(values) => values.iter().any(|value| value.eq_ignore_ascii_case(text)),
            Self::Null | Self::Number(_) => false,
        }
    }
}

/// The texts and numbers that `field` leads to, over arrays.
pub(crate) fn texts(object: &Value, field: &str) -> Vec<String> {
    let mut values = vec![object];
    for step in field.split('.') {
        let (name, over_array) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
        values = values.into_iter().filter_map(|value| value.get(name)).collect();
        if over_array {
            values = values.into_iter().filter_map(Value::as_array).flatten().collect();
        }
    }
    values
        .into_iter()
        .filter_map(|value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
        .collect()
}

/// Milliseconds since 1970 of `YYYY-MM-DD` (midnight UTC) or of an ISO timestamp with an offset.
pub(crate) fn moment(text: &str) -> Option<i64> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Some(timestamp.as_millisecond());
    }
    let date = text.parse::<jiff::civil::DateTime>().ok()?;
    Some(jiff::tz::TimeZone::UTC.to_timestamp(date).ok()?.as_millisecond())
}

/// One condition of a list.
#[derive(Debug, PartialEq)]
pub(crate) struct Condition {
    column: usize,
    test: Test,
}

#[derive(Debug, PartialEq)]
enum Test {
    Equal(Operand),
    NotEqual(Operand),
    In(Vec<Operand>),
    NotIn(Vec<Operand>),
    /// Both ends included; open where absent.
    Range(Option<i64>, Option<i64>),
    /// Lower case.
    Prefix(String),
    Present(bool),
    /// Active at this moment, or not.
    Active(bool, i64),
    /// More than is asked of it.
    Never,
}

#[derive(Debug, PartialEq)]
enum Operand {
    Number(i64),
    Text(String),
}

impl Condition {
    /// Equality with a text, as paths with a placeholder need it.
    pub fn equal(schema: &Schema, field: &str, value: &str) -> Option<Self> {
        Some(Self { column: schema.column(field)?, test: Test::Equal(Operand::Text(value.to_owned())) })
    }

    /// Whether an object with these keys meets it. As in SQL, an absent value meets no comparison.
    pub fn holds(&self, keys: &[Key]) -> bool {
        let key = keys.get(self.column).unwrap_or(&Key::Null);
        match &self.test {
            Test::Equal(operand) => operand.is_in(key),
            Test::NotEqual(operand) => *key != Key::Null && !operand.is_in(key),
            Test::In(operands) => operands.iter().any(|operand| operand.is_in(key)),
            Test::NotIn(operands) => *key != Key::Null && !operands.iter().any(|operand| operand.is_in(key)),
            Test::Range(from, to) => matches!(key, Key::Number(number)
                if from.is_none_or(|from| from <= *number) && to.is_none_or(|to| *number <= to)),
            Test::Prefix(prefix) => {
                matches!(key, Key::Text(text) if text.to_lowercase().starts_with(prefix.as_str()))
            }
            Test::Present(present) => (*key != Key::Null) == *present,
            Test::Active(active, now) => matches!(key, Key::Number(end) if end < now) != *active,
            Test::Never => false,
        }
    }
}

impl Operand {
    fn is_in(&self, key: &Key) -> bool {
        match (self, key) {
            (Self::Number(number), Key::Number(value)) => number == value,
            (Self::Text(text), Key::Text(value)) => **value == **text,
            (Self::Text(text), Key::Many(values)) => values.iter().any(|value| **value == **text),
            _ => false,
        }
    }
}

/// Reads one query parameter; `None` when the endpoint has no such filter.
pub(crate) fn condition(
    endpoint: &Endpoint,
    schema: &Schema,
    key: &str,
    value: &str,
    now: i64,
) -> Option<Result<Condition, ApiError>> {
    let filter = endpoint.filters.iter().find(|filter| filter.key == key)?;
    let column = schema.column(filter.field)?;
    Some(test(filter, value, now).map(|test| Condition { column, test }))
}

fn test(filter: &Filter, value: &str, now: i64) -> Result<Test, ApiError> {
    let operand = |text: &str| operand(filter, text);
    if filter.operators.is_empty() {
        return match (filter.column_type, value) {
            (ColumnType::Text, "null") => Ok(Test::Present(false)),
            (ColumnType::Text, "not null") => Ok(Test::Present(true)),
            (ColumnType::Activity, "Active") => Ok(Test::Active(true, now)),
            (ColumnType::Activity, "Not Active") => Ok(Test::Active(false, now)),
            (ColumnType::Activity, _) => Ok(Test::Never),
            _ => Ok(Test::Equal(operand(value)?)),
        };
    }
    let Some((word, rest)) = value.split_once(':') else { return Ok(Test::Equal(operand(value)?)) };
    let Some(operator) = filter.operators.iter().find(|operator| operator.word() == word) else {
        return Err(ApiError::invalid_operator(word));
    };
    let number = |text: &str| match operand(text)? {
        Operand::Number(number) => Ok(number),
        Operand::Text(_) => Err(ApiError::invalid_query(filter.key)),
    };
    let many = || rest.split(',').map(operand).collect::<Result<Vec<_>, _>>();
    Ok(match operator {
        Operator::Greater => Test::Range(Some(number(rest)?.saturating_add(1)), None),
        Operator::GreaterOrEqual => Test::Range(Some(number(rest)?), None),
        Operator::Less => Test::Range(None, Some(number(rest)?.saturating_sub(1))),
        Operator::LessOrEqual => Test::Range(None, Some(number(rest)?)),
        Operator::Between => {
            // Without a second value the reference compares with nothing, which nothing meets.
            let Some((from, to)) = rest.split_once('|') else { return Ok(Test::Never) };
            Test::Range(Some(number(from)?), Some(number(to.split('|').next().unwrap_or(to))?))
        }
        Operator::In => Test::In(many()?),
        Operator::NotIn => Test::NotIn(many()?),
        Operator::NotEqual => Test::NotEqual(operand(rest)?),
        Operator::Like => Test::Prefix(rest.to_lowercase()),
    })
}

/// Reads a value as the column's type. What Commerce7 answers to a value that cannot be read is not known; 422 here.
fn operand(filter: &Filter, text: &str) -> Result<Operand, ApiError> {
    let number = match filter.column_type {
        ColumnType::Text | ColumnType::Activity => return Ok(Operand::Text(text.to_owned())),
        ColumnType::Boolean => Some(i64::from(text == "true")),
        ColumnType::Number => text.parse().ok(),
        ColumnType::Date => moment(text),
    };
    number.map(Operand::Number).ok_or_else(|| ApiError::invalid_query(filter.key))
}

/// The words an object is found by: lower case, one blank between them and around all.
pub(crate) fn search_words(object: &Value, fields: &[&str]) -> Box<str> {
    let mut words = String::new();
    for field in fields {
        for text in texts(object, field) {
            for word in text.split_whitespace() {
                words.push(' ');
                words.push_str(&word.to_lowercase());
            }
        }
    }
    words.into()
}

/// The free text of `q`: the first term and up to three further ones of two characters or more, each the beginning
/// of some word.
#[derive(Debug, PartialEq)]
pub(crate) struct Search(Vec<String>);

impl Search {
    /// Reads the terms; an empty text finds everything.
    pub fn new(text: &str) -> Self {
        let lower = text.trim().to_lowercase();
        let mut terms = lower.split(' ');
        let first = terms.next().into_iter();
        let further = terms.filter(|term| term.chars().count() >= 2).take(3);
        Self(first.chain(further).filter(|term| !term.is_empty()).map(|term| format!(" {term}")).collect())
    }

    /// Whether an object with these [`search_words`] is found.
    pub fn finds(&self, words: &str) -> bool {
        self.0.iter().all(|term| words.contains(term.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(column_type: ColumnType, operators: &'static [Operator], object: &Value, value: &str) -> bool {
        let filter = Filter { key: "a", field: "a", column_type, operators };
        let condition = Condition { column: 0, test: test(&filter, value, 1_000).unwrap() };
        condition.holds(&[Key::of(object, "a", column_type)])
    }

    #[test]
    fn operators_of_the_reference_alone() {
        const ALL: &[Operator] = &[Operator::NotIn, Operator::NotEqual, Operator::Like];
        let (object, absent) = (json!({"a": "Pinot Noir"}), json!({"a": null}));
        for (value, expected) in [
            ("nin:x,y", true),
            ("nin:x,Pinot Noir", false),
            ("ne:x", true),
            ("ne:Pinot Noir", false),
            ("like:PINOT", true),
            ("like:noir", false),
        ] {
            assert_eq!(holds(ColumnType::Text, ALL, &object, value), expected, "{value}");
            assert!(!holds(ColumnType::Text, ALL, &absent, value), "{value} on an absent value");
        }
    }

    #[test]
    fn absence_and_presence() {
        let (present, absent) = (json!({"a": "x"}), json!({"a": null}));
        assert!(holds(ColumnType::Text, &[], &absent, "null"));
        assert!(!holds(ColumnType::Text, &[], &present, "null"));
        assert!(holds(ColumnType::Text, &[], &present, "not null"));
        assert!(!holds(ColumnType::Text, &[], &absent, "not null"));
    }

    #[test]
    fn booleans_compare_with_the_literal_true() {
        let (yes, no) = (json!({"a": true}), json!({"a": false}));
        assert!(holds(ColumnType::Boolean, &[], &yes, "true"));
        assert!(holds(ColumnType::Boolean, &[], &no, "1"));
        assert!(!holds(ColumnType::Boolean, &[], &yes, "yes"));
    }

    #[test]
    fn a_bare_date_is_midnight_and_offsets_count() {
        assert_eq!(moment("1970-01-02"), Some(86_400_000));
        assert_eq!(moment("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(moment("1970-01-01T00:00:00.005Z"), Some(5));
        assert_eq!(moment("soon"), None);
    }

    #[test]
    fn an_active_experience_has_not_ended() {
        assert!(holds(ColumnType::Activity, &[], &json!({"a": null}), "Active"));
        assert!(!holds(ColumnType::Activity, &[], &json!({"a": "1970-01-01T00:00:00.999Z"}), "Active"));
        assert!(!holds(ColumnType::Activity, &[], &json!({"a": null}), "Whatever"));
    }

    #[test]
    fn search_takes_four_terms_and_skips_short_ones() {
        let words =
            search_words(&json!({"t": "2021 Estate Pinot Noir", "l": [{"x": "A B"}]}), &["t", "l[].x"]);
        assert_eq!(&*words, " 2021 estate pinot noir a b");
        assert!(Search::new("PIN 20").finds(&words));
        assert!(Search::new("pin x").finds(&words), "a further term of one character is skipped");
        assert!(!Search::new("pin xx").finds(&words));
        assert!(!Search::new("stat").finds(&words), "only beginnings count");
        assert!(Search::new("e p n 20 noir pinot zzz").finds(&words));
        assert!(!Search::new("e 20 no pi es").finds(" es"), "the fourth term still counts");
        assert!(Search::new("  ").finds(&words));
    }
}
