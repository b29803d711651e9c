//! Lists of the admin API: one shape, one way of paging and filtering.

use integration::Unknown;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value};
use store::{Listed, Page, StoreError, TimeRange};
use utoipa::ToSchema;

use crate::Error;

/// How many items a page holds when the caller does not say.
pub const DEFAULT_LIMIT: u32 = 100;
/// How many items a page holds at most.
pub const MAX_LIMIT: u32 = 5_000;

/// A page of a list. Pass `next_cursor` back as the query parameter of that name; `null` ends.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ListOf<T> {
    /// The items.
    pub result: Vec<T>,
    /// The next page, if there is one.
    pub next_cursor: Option<String>,
    /// How many items a page holds at most.
    pub limit: u32,
}

impl<T> ListOf<T> {
    pub(crate) fn of<R>(listed: Listed<R>, limit: u32, view: impl FnMut(R) -> T) -> Self {
        Self { result: listed.items.into_iter().map(view).collect(), next_cursor: listed.next, limit }
    }
}

/// A query of the admin API while it is read: what was asked for by name is known, the rest is refused.
pub(crate) struct Parameters<'a> {
    given: &'a Map<String, Value>,
    known: Vec<&'static str>,
}

impl<'a> Parameters<'a> {
    pub(crate) fn new(given: &'a Map<String, Value>) -> Self {
        Self { given, known: Vec::new() }
    }

    /// A parameter's value, as it is. A name with a dot is found as `a.b` and as `a[b]`.
    pub(crate) fn value(&mut self, name: &'static str) -> Option<&'a Value> {
        self.known.push(name);
        let nested = || {
            let (outer, inner) = name.split_once('.')?;
            self.given.get(outer)?.get(inner)
        };
        self.given.get(name).or_else(nested)
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<&'a str>, Error> {
        match self.value(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Error::bad_request(format!("{name} takes one value"))),
        }
    }

    pub(crate) fn owned(&mut self, name: &'static str) -> Result<Option<String>, Error> {
        Ok(self.text(name)?.map(str::to_owned))
    }

    /// A list: `a,b` or `name[]=a&name[]=b`.
    pub(crate) fn texts(&mut self, name: &'static str) -> Vec<String> {
        self.value(name).map(texts).unwrap_or_default()
    }

    pub(crate) fn flag(&mut self, name: &'static str) -> Result<Option<bool>, Error> {
        self.value(name).map(|value| flag(name, value)).transpose()
    }

    pub(crate) fn time_range(&mut self, name: &'static str) -> Result<TimeRange, Error> {
        let Some(value) = self.value(name) else { return Ok(TimeRange::default()) };
        let mut range = TimeRange::default();
        let Value::Object(bounds) = value else {
            range.eq = Some(time(name, value)?);
            return Ok(range);
        };
        for (operator, bound) in bounds {
            let bound = Some(time(name, bound)?);
            match operator.as_str() {
                "eq" => range.eq = bound,
                "gt" => range.gt = bound,
                "gte" => range.gte = bound,
                "lt" => range.lt = bound,
                "lte" => range.lte = bound,
                other => {
                    let unknown = Unknown::new("operator", other, ["eq", "gt", "gte", "lt", "lte"]);
                    return Err(Error::bad_request(format!("{name}: {unknown}")));
                }
            }
        }
        Ok(range)
    }

    pub(crate) fn page(&mut self, default: u32, max: u32) -> Result<Page, Error> {
        let limit = match self.text("limit")? {
            None => default,
            Some(text) => match text.parse() {
                Ok(limit) if (1..=max).contains(&limit) => limit,
                _ => {
                    return Err(Error::bad_request(format!(
                        "limit has to be a whole number from 1 to {max}"
                    )));
                }
            },
        };
        Ok(Page {
            limit,
            after: self.text("next_cursor")?.filter(|cursor| !cursor.is_empty()).map(str::to_owned),
        })
    }

    /// As [`Parameters::page`], for lists whose cursors are the ids of their items.
    pub(crate) fn page_by_id(&mut self) -> Result<Page, Error> {
        let page = self.page(DEFAULT_LIMIT, MAX_LIMIT)?;
        if page.after.as_ref().is_some_and(|cursor| uuid::Uuid::try_parse(cursor).is_err()) {
            return Err(StoreError::BadCursor.into());
        }
        Ok(page)
    }

    /// Refuses what nobody asked for.
    pub(crate) fn finish(self) -> Result<(), Error> {
        let is_known = |name: &str| self.known.contains(&name);
        let is_outer = |name: &str| {
            self.known.iter().any(|known| known.split_once('.').is_some_and(|(outer, _)| outer == name))
        };
        for (name, value) in self.given {
            let unknown = match value {
                _ if is_known(name) => None,
                Value::Object(inner) if is_outer(name) => {
                    inner.keys().map(|inner| format!("{name}.{inner}")).find(|name| !is_known(name))
                }
                _ => Some(name.clone()),
            };
            if let Some(name) = unknown {
                return Err(Error::bad_request(
                    Unknown::new("query parameter", &name, self.known.iter().copied()).to_string(),
                ));
            }
        }
        Ok(())
    }
}

/// Reads a flag as query strings and JSON have it.
pub(crate) fn flag(name: &str, value: &Value) -> Result<bool, Error> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) if matches!(text.as_str(), "true" | "1") => Ok(true),
        Value::String(text) if matches!(text.as_str(), "false" | "0") => Ok(false),
        _ => Err(Error::bad_request(format!("{name} has to be true or false"))),
    }
}

/// Reads a list given as an array or as a comma list.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        Value::String(text) => {
            text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
        }
        _ => Vec::new(),
    }
}

/// Reads a moment, or a day as its midnight in UTC.
fn time(name: &str, value: &Value) -> Result<Timestamp, Error> {
    let text = value.as_str().unwrap_or_default();
    let midnight = || TimeZone::UTC.to_timestamp(text.parse::<Date>().ok()?.at(0, 0, 0, 0)).ok();
    text.parse().ok().or_else(midnight).ok_or_else(|| {
        Error::bad_request(format!(
            "{name} takes a moment such as 2026-01-31T08:00:00Z, or a day such as 2026-01-31"
        ))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn an_unknown_parameter_is_refused_with_those_that_work() {
        let given = map(json!({"tenant": "acme"}));
        let mut parameters = Parameters::new(&given);
        assert_eq!(parameters.text("tenant_id").unwrap(), None);
        let error = parameters.finish().unwrap_err();
        assert_eq!(error.to_string(), r#"unknown query parameter "tenant", did you mean "tenant_id"?"#);
    }

    #[test]
    fn a_dotted_name_is_found_both_ways() {
        for given in [json!({"integration.name": "shop"}), json!({"integration": {"name": "shop"}})] {
            let given = map(given);
            let mut parameters = Parameters::new(&given);
            assert_eq!(parameters.text("integration.name").unwrap(), Some("shop"));
            parameters.finish().unwrap();
        }
    }

    #[test]
    fn times_are_ranges_moments_and_days() {
        let given = map(json!({"created_at": {"gte": "2026-01-31", "lt": "2026-02-01T00:00:00+01:00"}}));
        let range = Parameters::new(&given).time_range("created_at").unwrap();
        assert_eq!(range.gte, Some("2026-01-31T00:00:00Z".parse().unwrap()));
        assert_eq!(range.lt, Some("2026-01-31T23:00:00Z".parse().unwrap()));
        let bad = map(json!({"created_at": {"before": "2026-01-31"}}));
        assert!(Parameters::new(&bad).time_range("created_at").is_err());
    }

    #[test]
    fn a_limit_of_nothing_is_refused() {
        for limit in ["0", "-1", "5001", "many"] {
            let given = map(json!({"limit": limit}));
            assert!(Parameters::new(&given).page(DEFAULT_LIMIT, MAX_LIMIT).is_err(), "{limit}");
        }
    }
}
