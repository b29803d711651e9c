//! The query of a list: page or cursor, how many rows, which conditions (facts 3.1 to 3.3).

use super::errors::ApiError;
use super::filters::{Condition, Search, condition};
use crate::endpoints::{Endpoint, Paging, schema};

/// Rows of a page unless asked for fewer, and the most there can be.
const MOST_ROWS: i64 = 50;

/// Keys that every endpoint takes; what `populate` does is not known, so it does nothing.
const COMMON_KEYS: &[&str] = &["q", "page", "limit", "populate", "cursor"];

/// What a list is asked for.
#[derive(Debug, PartialEq)]
pub(crate) struct Query {
    pub window: Window,
    pub conditions: Vec<Condition>,
    pub search: Option<Search>,
}

/// Which rows.
#[derive(Debug, PartialEq)]
pub(crate) enum Window {
    Page {
        page: i64,
        limit: usize,
    },
    /// From this id on; from the first where absent.
    Cursor {
        from: Option<String>,
        limit: usize,
    },
    Whole {
        total: bool,
    },
}

impl Query {
    /// Reads the parameters of a list, or says which error they are answered with.
    pub fn read(endpoint: &Endpoint, parameters: &[(String, String)], now: i64) -> Result<Self, ApiError> {
        let schema = schema(endpoint.kind);
        let mut conditions = Vec::new();
        let mut search = None;
        for (at, (key, value)) in parameters.iter().enumerate() {
            // A key with brackets is an array or an object to Commerce7, as one given twice is.
            let name = key.split('[').next().unwrap_or(key);
            if name != key || parameters.iter().take(at).any(|(earlier, _)| earlier == key) {
                return Err(ApiError::invalid_query(name));
            }
            if key == "q" || (key == "searchText" && endpoint.takes_search_text) {
                search = (!endpoint.search.is_empty()).then(|| Search::new(value));
            } else if !COMMON_KEYS.contains(&key.as_str()) {
                let condition = condition(endpoint, schema, key, value, now);
                conditions.push(condition.unwrap_or_else(|| Err(ApiError::invalid_query(key)))?);
            }
        }
        Ok(Self { window: Window::read(endpoint.paging, parameters)?, conditions, search })
    }

    /// Whether every row is asked for.
    pub fn is_unfiltered(&self) -> bool {
        self.conditions.is_empty() && self.search.is_none()
    }
}

impl Window {
    fn read(paging: Paging, parameters: &[(String, String)]) -> Result<Self, ApiError> {
        let given = |name: &str| {
            parameters
                .iter()
                .find(|(key, value)| key == name && !value.is_empty())
                .map(|(_, value)| value.as_str())
        };
        if given("page").is_some() && given("cursor").is_some() {
            return Err(ApiError::page_and_cursor());
        }
        let limit = given("limit").and_then(rounded).filter(|limit| (1..=MOST_ROWS).contains(limit));
        let limit = usize::try_from(limit.unwrap_or(MOST_ROWS)).unwrap_or_default();
        match (paging, given("cursor")) {
            (Paging::Whole, _) => Ok(Self::Whole { total: true }),
            (Paging::Bare, _) => Ok(Self::Whole { total: false }),
            (Paging::PageOrCursor, Some("start")) => Ok(Self::Cursor { from: None, limit }),
            (Paging::PageOrCursor, Some(id)) => Ok(Self::Cursor { from: Some(id.to_owned()), limit }),
            // Where a cursor is not supported it does nothing: what Commerce7 does there is not known.
            (Paging::Page, _) | (Paging::PageOrCursor, None) => match given("page").and_then(rounded) {
                // A negative offset fails in the database.
                Some(page) if page < 0 => Err(ApiError::of_status(500)),
                page => Ok(Self::Page { page: page.unwrap_or(1), limit }),
            },
        }
    }
}

/// `Math.round(parseFloat(text))` of JavaScript; 0 and what is no number count as not given.
fn rounded(text: &str) -> Option<i64> {
    let text = text.trim_start();
    let mut end = 0;
    let (mut digits, mut dot) = (false, false);
    for (at, character) in text.char_indices() {
        match character {
            '+' | '-' if at == 0 => {}
            '.' if !dot => dot = true,
            '0'..='9' => digits = true,
            _ => break,
        }
        end = at + character.len_utf8();
    }
    if !digits {
        return None;
    }
    let number: f64 = text.get(..end + exponent(text.get(end..)?))?.parse().ok()?;
    // Half goes up, also below zero; a float too large saturates.
    #[expect(clippy::cast_possible_truncation, reason = "casting saturates, which is what is wanted")]
    let rounded = (number + 0.5).floor() as i64;
    Some(rounded).filter(|rounded| *rounded != 0)
}

/// The length of the exponent that a text begins with, as in `1e3`.
fn exponent(text: &str) -> usize {
    let Some(rest) = text.strip_prefix(['e', 'E']) else { return 0 };
    let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    if count == 0 { 0 } else { text.len() - digits.len() + count }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_javascript_does() {
        for (text, expected) in [
            ("10", Some(10)),
            ("10.4", Some(10)),
            ("10.5", Some(11)),
            ("-1.5", Some(-1)),
            (" 7 pages", Some(7)),
            ("0", None),
            ("0.4", None),
            ("0.5", Some(1)),
            ("", None),
            ("abc", None),
            (".", None),
            ("1e1", Some(10)),
            ("25E-1", Some(3)),
            ("1e", Some(1)),
            ("1e+", Some(1)),
            ("1e400", Some(i64::MAX)),
            ("99999999999999999999", Some(i64::MAX)),
        ] {
            assert_eq!(rounded(text), expected, "{text:?}");
        }
    }
}
