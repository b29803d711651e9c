//! Pages: what to ask for, and taking the records and the next cursor out of an answer without building a value tree.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::definition::Pagination;

/// Which page is wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// The cursor that the page before gave; `None` is the first page.
    pub cursor: Option<String>,
    /// How many records, at most; the platform's maximum when `None` or beyond it.
    pub limit: Option<u32>,
}

/// One page of an answer.
#[derive(Debug)]
pub struct Page<'a> {
    /// The records, as slices of the answer's text.
    pub records: Vec<&'a RawValue>,
    /// The cursor of the next page; `None` on the last.
    pub next: Option<String>,
    /// The number of all records, where the platform tells.
    pub total: Option<u64>,
}

/// An answer that is no page of the shape the definition declares.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum BadAnswer {
    /// Not JSON at all, or cut off.
    #[error("the answer is not JSON: {0}")]
    NotJson(String),
    /// JSON of another shape.
    #[error("the answer has no list under {0:?}")]
    NoRecords(String),
}

/// A way of paging that a method can be read by.
#[derive(Debug, Clone)]
pub struct Style {
    pub(crate) pagination: Pagination,
}

impl Style {
    /// The query parameter that names the page.
    pub(crate) fn param(&self) -> &str {
        match &self.pagination {
            Pagination::Cursor { param, .. } | Pagination::Page { param, .. } => param,
        }
    }

    /// Whether a call in this style counts against the platform's limit.
    pub fn is_limited(&self) -> bool {
        match &self.pagination {
            Pagination::Cursor { limited, .. } | Pagination::Page { limited, .. } => *limited,
        }
    }

    /// Whether the pages of one walk may differ in size: a cursor goes on from any record, while a page's number means
    /// nothing with another size.
    pub fn sizes_vary(&self) -> bool {
        matches!(self.pagination, Pagination::Cursor { .. })
    }

    /// The largest page the platform gives.
    pub fn max_limit(&self) -> u32 {
        match &self.pagination {
            Pagination::Cursor { max_limit, .. } | Pagination::Page { max_limit, .. } => *max_limit,
        }
    }

    /// The query parameters that ask for a page.
    pub(crate) fn parameters(&self, request: &PageRequest) -> Vec<(&str, String)> {
        let limit = request.limit.map_or(self.max_limit(), |limit| limit.clamp(1, self.max_limit()));
        let (param, limit_param, first) = match &self.pagination {
            Pagination::Cursor { param, limit_param, first, .. } => (param, limit_param, first.clone()),
            Pagination::Page { param, limit_param, .. } => (param, limit_param, Some("1".to_owned())),
        };
        let mut parameters = Vec::with_capacity(2);
        if let Some(cursor) = request.cursor.clone().or(first) {
            parameters.push((param.as_str(), cursor));
        }
        parameters.push((limit_param.as_str(), limit.to_string()));
        parameters
    }

    fn next(&self, request: &PageRequest, read: &Envelope<'_>) -> Option<String> {
        match &self.pagination {
            Pagination::Cursor { .. } => read.cursor.clone().filter(|cursor| !cursor.is_empty()),
            Pagination::Page { max_limit, .. } => {
                let page: u64 = request.cursor.as_deref().map_or(Some(1), |page| page.parse().ok())?;
                let limit = u64::from(request.limit.map_or(*max_limit, |limit| limit.clamp(1, *max_limit)));
                let more = match read.total {
                    Some(total) => page.saturating_mul(limit) < total,
                    None => read.records.as_ref().is_some_and(|records| records.len() as u64 == limit),
                };
                more.then(|| (page + 1).to_string())
            }
        }
    }
}

/// Reads a page of the answer `body` whose records stand under `path`, or are the answer itself.
pub(crate) fn read<'a>(
    body: &'a str,
    path: Option<&str>,
    style: Option<&Style>,
    request: &PageRequest,
) -> Result<Page<'a>, BadAnswer> {
    let (cursor_path, total_path) = match style.map(|style| &style.pagination) {
        Some(Pagination::Cursor { path, .. }) => (Some(path.as_str()), None),
        Some(Pagination::Page { total_path, .. }) => (None, total_path.as_deref()),
        None => (None, None),
    };
    let mut deserializer = serde_json::Deserializer::from_str(body);
    let envelope = EnvelopeSeed { records: path, cursor: cursor_path, total: total_path }
        .deserialize(&mut deserializer)
        .and_then(|envelope| deserializer.end().map(|()| envelope))
        .map_err(|error| BadAnswer::NotJson(error.to_string()))?;
    let next = style.and_then(|style| style.next(request, &envelope));
    let records =
        envelope.records.ok_or_else(|| BadAnswer::NoRecords(path.unwrap_or("the root").to_owned()))?;
    Ok(Page { records, next, total: envelope.total })
}

/// A visitor's answer to anything that is neither a list nor an object.
macro_rules! scalars_are {
    ($value:expr) => {
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok($value)
        }

        fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
            Ok($value)
        }
    };
}

/// What one pass over the answer finds.
#[derive(Default)]
struct Envelope<'a> {
    records: Option<Vec<&'a RawValue>>,
    cursor: Option<String>,
    total: Option<u64>,
}

#[derive(Clone, Copy)]
struct EnvelopeSeed<'p> {
    records: Option<&'p str>,
    cursor: Option<&'p str>,
    total: Option<&'p str>,
}

impl<'de> DeserializeSeed<'de> for EnvelopeSeed<'_> {
    type Value = Envelope<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for EnvelopeSeed<'_> {
    type Value = Envelope<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a list answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope::default();
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if Some(&*key) == self.records {
                envelope.records = map.next_value::<Records<'de>>()?.0;
            } else if Some(&*key) == self.cursor {
                envelope.cursor = map.next_value::<Option<Scalar>>()?.map(|Scalar(text)| text);
            } else if Some(&*key) == self.total {
                envelope.total = map.next_value::<Option<u64>>()?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(envelope)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut records = Vec::new();
        while let Some(record) = items.next_element::<&'de RawValue>()? {
            records.push(record);
        }
        Ok(Envelope { records: self.records.is_none().then_some(records), ..Envelope::default() })
    }

    scalars_are!(Envelope::default());
}

/// A list of records; anything else is no list.
struct Records<'a>(Option<Vec<&'a RawValue>>);

impl<'de> serde::Deserialize<'de> for Records<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Records<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("a list of records")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut records = Vec::new();
                while let Some(record) = items.next_element::<&'de RawValue>()? {
                    records.push(record);
                }
                Ok(Records(Some(records)))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Records(None))
            }

            scalars_are!(Records(None));
        }

        deserializer.deserialize_any(List)
    }
}

/// A cursor: text, or a number that some platforms use.
struct Scalar(String);

impl<'de> serde::Deserialize<'de> for Scalar {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&'de RawValue>::deserialize(deserializer)?.get();
        Ok(Self(serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor() -> Style {
        Style {
            pagination: Pagination::Cursor {
                param: "cursor".into(),
                first: Some("start".into()),
                path: "cursor".into(),
                limit_param: "limit".into(),
                max_limit: 50,
                limited: false,
            },
        }
    }

    fn page() -> Style {
        Style {
            pagination: Pagination::Page {
                param: "page".into(),
                limit_param: "limit".into(),
                max_limit: 50,
                total_path: Some("total".into()),
                limited: true,
            },
        }
    }

    #[test]
    fn a_cursor_page_gives_slices_and_the_next_cursor() {
        let body = r#"{"orders": [{"id": 1}, {"id":2}], "cursor": "abc"}"#;
        let read = read(body, Some("orders"), Some(&cursor()), &PageRequest::default()).unwrap();
        assert_eq!(
            read.records.iter().map(|raw| raw.get()).collect::<Vec<_>>(),
            [r#"{"id": 1}"#, r#"{"id":2}"#]
        );
        assert_eq!(read.next.as_deref(), Some("abc"));
    }

    #[test]
    fn the_last_cursor_page_has_none() {
        let read =
            read(r#"{"orders": []}"#, Some("orders"), Some(&cursor()), &PageRequest::default()).unwrap();
        assert_eq!(read.next, None);
    }

    #[test]
    fn numbered_pages_end_at_the_total() {
        let request = |number: &str| PageRequest { cursor: Some(number.into()), limit: Some(10) };
        let body = r#"{"clubs": [], "total": 25}"#;
        assert_eq!(
            read(body, Some("clubs"), Some(&page()), &request("2")).unwrap().next.as_deref(),
            Some("3")
        );
        assert_eq!(read(body, Some("clubs"), Some(&page()), &request("3")).unwrap().next, None);
    }

    #[test]
    fn what_is_no_page_is_refused() {
        let bad = |body| read(body, Some("orders"), Some(&cursor()), &PageRequest::default()).unwrap_err();
        assert!(matches!(bad("<html>"), BadAnswer::NotJson(_)));
        assert!(matches!(bad(r#"{"orders": [{"id"#), BadAnswer::NotJson(_)));
        assert_eq!(bad(r#"{"orders": 3}"#), BadAnswer::NoRecords("orders".into()));
        assert_eq!(bad("[]"), BadAnswer::NoRecords("orders".into()));
        assert_eq!(bad("null"), BadAnswer::NoRecords("orders".into()));
    }

    #[test]
    fn the_limit_stays_within_the_platforms() {
        let ask = |limit| cursor().parameters(&PageRequest { cursor: None, limit }).last().unwrap().1.clone();
        assert_eq!(ask(Some(250)), "50");
        assert_eq!(ask(Some(7)), "7");
        assert_eq!(ask(None), "50");
    }
}
