//! What a platform allows, and what its answers tell of it.

use std::time::Duration;

use expression::{Expression, Scope, TextTemplate};
use http::HeaderMap;
use http::header::RETRY_AFTER;
use serde_json::{Map, Value, json};
use url::Url;

use crate::compiled::{Mistake, template};
use crate::definition::{LimitDefinition, RateLimitDefinition};

/// A larger window would be a list of that length for every account; the same rate can be said with a shorter one.
const MAX_AMOUNT: u32 = 1_000;
/// A longer window than a day is a quota, which waiting does not help.
const MAX_WINDOW_SECONDS: u32 = 24 * 60 * 60;

/// How many calls a platform takes.
#[derive(Debug, Clone)]
pub struct RateLimit {
    /// The limits; each counts by itself.
    pub limits: Vec<Limit>,
    shared_by: TextTemplate,
    statuses: Vec<u16>,
    is_rate_limited: Option<Expression>,
    retry_after: Option<Expression>,
    reset: Option<Expression>,
    remaining: Option<Expression>,
}

/// So many calls in any span of a window's length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// What it is called in answers.
    pub name: String,
    /// Calls in a window.
    pub amount: u32,
    /// The window.
    pub window: Duration,
    /// Only pages beyond this number count.
    pub beyond_page: Option<u64>,
}

/// How a request counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Count {
    /// By no limit.
    Free,
    /// By the limits.
    Counted {
        /// The page it asks for, where it does by number.
        page: Option<u64>,
        /// Whether it is a page of a list, and not a single record or a write.
        is_list: bool,
    },
}

/// What an answer tells of the limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Told {
    /// The request was refused because there were too many.
    pub is_refusal: bool,
    /// Seconds to wait.
    pub retry_after: Option<f64>,
    /// How many calls are left, for all who share the limit.
    pub remaining: Option<u32>,
}

impl Limit {
    /// Whether a request counts by this limit.
    pub fn counts(&self, count: Count) -> bool {
        match (count, self.beyond_page) {
            (Count::Free, _) => false,
            (Count::Counted { .. }, None) => true,
            (Count::Counted { page, .. }, Some(last)) => page.is_some_and(|page| page > last),
        }
    }

    fn compile(at: &[&str], limit: &LimitDefinition) -> Result<Self, Mistake> {
        let below = |key: &'static str| [at, &[key]].concat();
        if !(1..=MAX_AMOUNT).contains(&limit.amount) {
            let reason = format!(
                "from 1 to {MAX_AMOUNT}: say a higher rate with a shorter window, 6000 in 60 seconds as 100 in 1"
            );
            return Err(Mistake::at(&below("amount"), reason));
        }
        if !(1..=MAX_WINDOW_SECONDS).contains(&limit.window_seconds) {
            let reason = format!("from 1 to {MAX_WINDOW_SECONDS} seconds, a day");
            return Err(Mistake::at(&below("window_seconds"), reason));
        }
        Ok(Self {
            name: limit.name.clone(),
            amount: limit.amount,
            window: Duration::from_secs(limit.window_seconds.into()),
            beyond_page: limit.beyond_page,
        })
    }
}

impl RateLimit {
    pub(crate) fn compile(definition: &RateLimitDefinition) -> Result<Self, Mistake> {
        let at = |key: &'static str| ["rate_limit", key];
        if definition.limits.is_empty() {
            return Err(Mistake::at(
                &at("limits"),
                "at least one limit; leave rate_limit out where there is none",
            ));
        }
        let mut limits: Vec<Limit> = Vec::with_capacity(definition.limits.len());
        for (index, limit) in definition.limits.iter().enumerate() {
            let index = index.to_string();
            let at = ["rate_limit", "limits", index.as_str()];
            if limits.iter().any(|other| other.name == limit.name) {
                return Err(Mistake::at(&at, format!("there are two limits named {:?}", limit.name)));
            }
            limits.push(Limit::compile(&at, limit)?);
        }
        let expression = |key: &'static str, source: &Option<String>| {
            let compiled = source.as_deref().map(Expression::compile).transpose();
            compiled.map_err(|error| Mistake::at(&at(key), error.to_string()))
        };
        Ok(Self {
            limits,
            shared_by: template(&at("shared_by"), &definition.shared_by, &["context"])?,
            statuses: definition.statuses.clone(),
            is_rate_limited: expression("is_rate_limited", &definition.is_rate_limited)?,
            retry_after: expression(
                "retry_after_header_expression",
                &definition.retry_after_header_expression,
            )?,
            reset: expression("rate_limit_header_expression", &definition.rate_limit_header_expression)?,
            remaining: expression("remaining_header_expression", &definition.remaining_header_expression)?,
        })
    }

    /// Whose limit it is: accounts of the same platform that give the same text share one. `None` where each has its own.
    pub fn shared_by(&self, context: &Value) -> Option<String> {
        let mut whose = String::new();
        let put = |value: &str, out: &mut String| {
            out.push_str(value);
            Ok(())
        };
        self.shared_by.fill(&Scope::new().with("context", context), &mut whose, put, |_| ()).ok()?;
        (!whose.is_empty()).then_some(whose)
    }

    /// Reads an answer; `now` in seconds since 1970, `body` of an error answer. An expression that fails on it tells nothing.
    pub fn told(&self, now: f64, status: u16, headers: &HeaderMap, body: Option<&[u8]>) -> Told {
        let is_error = status >= 400;
        if !is_error && self.remaining.is_none() {
            return Told::default();
        }
        let mut told = Told { is_refusal: self.statuses.contains(&status), ..Told::default() };
        let expressions = [&self.is_rate_limited, &self.retry_after, &self.reset, &self.remaining];
        if expressions.iter().any(|expression| expression.is_some()) {
            let scope = scope(status, headers, body);
            let number =
                |expression: &Option<Expression>| as_number(&evaluate(expression.as_ref()?, &scope)?);
            if let (true, Some(expression)) = (is_error, &self.is_rate_limited)
                && let Some(answer) = evaluate(expression, &scope)
            {
                told.is_refusal = answer == Value::Bool(true);
            }
            let until_reset = number(&self.reset).map(|reset| reset - now);
            // The larger of the two (facts, Truto 5.4).
            let waits = [number(&self.retry_after), until_reset];
            told.retry_after = waits.into_iter().flatten().reduce(f64::max).filter(|wait| *wait > 0.0);
            told.remaining = number(&self.remaining).map(|left| left.max(0.0) as u32);
        }
        if told.retry_after.is_none() {
            told.retry_after = retry_after(headers);
        }
        told
    }
}

/// The standard header, in seconds (RFC 9110, 10.2.3). Its other form, a date, is not trusted: clocks differ.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<f64> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(seconds as f64)
}

/// The page that a request asks for by `param`.
pub(crate) fn page_number(url: &Url, param: &str) -> Option<u64> {
    let (_, value) = url.query_pairs().find(|(name, _)| name == param)?;
    // Platforms round what is no whole number.
    value.parse::<f64>().ok().filter(|page| *page >= 0.0).map(|page| page.round() as u64)
}

fn scope(status: u16, headers: &HeaderMap, body: Option<&[u8]>) -> Value {
    let texts = headers.iter().filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), Value::String(value.to_str().ok()?.to_owned())))
    });
    let texts: Map<String, Value> = texts.collect();
    let body = body.map_or(Value::Null, |body| {
        serde_json::from_slice(body).unwrap_or_else(|_| String::from_utf8_lossy(body).into())
    });
    json!({ "headers": texts, "status": status, "body": body })
}

fn evaluate(expression: &Expression, scope: &Value) -> Option<Value> {
    expression.evaluate(scope, &[]).ok().flatten()
}

fn as_number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rate_limit(definition: Value) -> RateLimit {
        let definition: RateLimitDefinition = serde_json::from_value(definition).unwrap();
        RateLimit::compile(&definition).unwrap_or_else(|mistake| panic!("{mistake:?}"))
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        pairs.collect()
    }

    #[test]
    fn a_bare_429_is_a_refusal_with_the_standard_header() {
        let limit =
            rate_limit(json!({"limits": [{"name": "requests", "amount": 100, "window_seconds": 60}]}));
        let told = limit.told(0.0, 429, &headers(&[("retry-after", "7")]), Some(b"any"));
        assert_eq!(told, Told { is_refusal: true, retry_after: Some(7.0), remaining: None });
        assert_eq!(limit.told(0.0, 500, &headers(&[]), Some(b"")), Told::default());
        assert_eq!(limit.told(0.0, 200, &headers(&[("retry-after", "7")]), None), Told::default());
    }

    #[test]
    fn a_definition_says_where_else_it_stands() {
        let limit = rate_limit(json!({
            "limits": [{"name": "requests", "amount": 100, "window_seconds": 60}],
            "is_rate_limited": "status = 400 and body.code = 'slow_down'",
            "retry_after_header_expression": "headers.`x-wait`",
            "rate_limit_header_expression": "$number(headers.`x-reset`)",
            "remaining_header_expression": "headers.`x-left`",
        }));
        let given = headers(&[("x-wait", "2"), ("x-reset", "1005"), ("x-left", "41")]);
        let told = limit.told(1000.0, 400, &given, Some(br#"{"code":"slow_down"}"#));
        assert_eq!(told, Told { is_refusal: true, retry_after: Some(5.0), remaining: Some(41) });
        let told = limit.told(1000.0, 429, &headers(&[]), Some(b"{"));
        assert_eq!(told, Told::default());
        assert_eq!(limit.told(0.0, 200, &headers(&[("x-left", "3")]), None).remaining, Some(3));
    }

    #[test]
    fn accounts_share_by_what_the_template_gives() {
        let limit = rate_limit(json!({
            "limits": [{"name": "requests", "amount": 1, "window_seconds": 1}],
            "shared_by": "{{context.tenant}}",
        }));
        assert_eq!(limit.shared_by(&json!({"tenant": "spectrawinery"})).as_deref(), Some("spectrawinery"));
        assert_eq!(limit.shared_by(&json!({})), None);
    }

    #[test]
    fn deep_pages_count_twice() {
        let limit = rate_limit(json!({"limits": [
            {"name": "requests", "amount": 100, "window_seconds": 60},
            {"name": "deep_pages", "amount": 1, "window_seconds": 60, "beyond_page": 100},
        ]}));
        let counting = |count| {
            let counting = limit.limits.iter().filter(|limit| limit.counts(count));
            counting.map(|limit| limit.name.as_str()).collect::<Vec<_>>()
        };
        let page = |page| Count::Counted { page, is_list: true };
        assert_eq!(counting(Count::Free), Vec::<&str>::new());
        assert_eq!(counting(page(None)), ["requests"]);
        assert_eq!(counting(page(Some(100))), ["requests"]);
        assert_eq!(counting(page(Some(101))), ["requests", "deep_pages"]);
    }
}
