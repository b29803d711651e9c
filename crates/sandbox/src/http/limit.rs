//! The rate limit (facts 4.1): 100 requests a minute and tenant, cursor requests free, deep pages one a minute.
//!
//! Whether Commerce7's window is fixed or sliding is not known; this one slides, the strictest reading: no 60 seconds,
//! wherever they begin, see more than the limit. Refused requests do not count. Neither are the body and the headers
//! of its 429 known: both are configured ([`Refusal`]), so that nobody comes to depend on them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use http::{HeaderName, HeaderValue};

use crate::Error;

/// Body of a 429: a guess in the shape of the errors that are known.
pub(crate) const DEFAULT_BODY: &str =
    r#"{"statusCode":429,"type":"tooManyRequests","message":"Too many requests","errors":[]}"#;

/// The length of the window and the distance of deep pages.
const WINDOW_MS: i64 = 60_000;
/// The last page that is read at the common rate.
pub(crate) const LAST_QUICK_PAGE: i64 = 100;

/// How a refused request is answered.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    body: String,
    headers: Vec<(HeaderName, String)>,
}

impl Refusal {
    /// Reads the headers, each written `NAME: VALUE`.
    pub fn new(body: &str, headers: &[String]) -> Result<Self, Error> {
        let headers = headers.iter().map(|line| {
            let parsed = line.split_once(':').and_then(|(name, value)| {
                HeaderValue::from_str(value.trim()).ok()?;
                Some((name.trim().parse::<HeaderName>().ok()?, value.trim().to_owned()))
            });
            parsed.ok_or_else(|| Error::Header(line.clone()))
        });
        Ok(Self { body: body.to_owned(), headers: headers.collect::<Result<_, _>>()? })
    }

    /// The body, with the wait filled in.
    pub fn body(&self, wait_ms: i64) -> String {
        fill(&self.body, wait_ms)
    }

    /// The headers, with the wait filled in.
    pub fn headers(&self, wait_ms: i64) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
        self.headers.iter().filter_map(move |(name, value)| {
            Some((name.clone(), HeaderValue::from_str(&fill(value, wait_ms)).ok()?))
        })
    }
}

fn fill(text: &str, wait_ms: i64) -> String {
    text.replace("{seconds}", &((wait_ms + 999) / 1000).to_string())
}

/// The limit and its answer; one [`Window`] a tenant.
#[derive(Debug)]
pub(crate) struct RateLimit {
    per_minute: usize,
    pub refusal: Refusal,
}

/// What one tenant used up.
#[derive(Debug, Default)]
pub(crate) struct Window(Mutex<Used>);

#[derive(Debug, Default)]
struct Used {
    taken: VecDeque<i64>,
    deep_page: Option<i64>,
}

impl RateLimit {
    /// `per_minute` 0 turns it off.
    pub fn new(per_minute: u32, refusal: Refusal) -> Self {
        Self { per_minute: usize::try_from(per_minute).unwrap_or(usize::MAX), refusal }
    }

    /// Takes a request at `now`, or says how many milliseconds until one would be taken.
    pub fn take(&self, window: &Window, now: i64, deep_page: bool) -> Result<(), i64> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let mut used = window.0.lock().unwrap_or_else(PoisonError::into_inner);
        while used.taken.front().is_some_and(|first| first + WINDOW_MS <= now) {
            used.taken.pop_front();
        }
        if used.taken.len() >= self.per_minute {
            return Err(used.taken.front().map_or(WINDOW_MS, |first| first + WINDOW_MS - now));
        }
        if deep_page {
            if let Some(last) = used.deep_page.filter(|last| last + WINDOW_MS > now) {
                return Err(last + WINDOW_MS - now);
            }
            used.deep_page = Some(now);
        }
        used.taken.push_back(now);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(per_minute: u32) -> RateLimit {
        RateLimit::new(per_minute, Refusal::new(DEFAULT_BODY, &[]).unwrap())
    }

    #[test]
    fn the_window_slides() {
        let (limit, window) = (limit(2), Window::default());
        assert_eq!(limit.take(&window, 0, false), Ok(()));
        assert_eq!(limit.take(&window, 59_000, false), Ok(()));
        assert_eq!(limit.take(&window, 59_999, false), Err(1));
        assert_eq!(limit.take(&window, 60_000, false), Ok(()));
        assert_eq!(limit.take(&window, 60_001, false), Err(58_999));
    }

    #[test]
    fn deep_pages_are_a_minute_apart() {
        let (limit, window) = (limit(100), Window::default());
        assert_eq!(limit.take(&window, 0, true), Ok(()));
        assert_eq!(limit.take(&window, 1, false), Ok(()));
        assert_eq!(limit.take(&window, 20_000, true), Err(40_000));
        assert_eq!(limit.take(&window, 60_000, true), Ok(()));
    }

    #[test]
    fn zero_is_no_limit() {
        let (limit, window) = (limit(0), Window::default());
        assert!((0..1_000).all(|_| limit.take(&window, 0, true).is_ok()));
    }

    #[test]
    fn the_refusal_names_whole_seconds() {
        let refusal = Refusal::new("wait {seconds}", &["Retry-After: {seconds}".to_owned()]).unwrap();
        assert_eq!(refusal.body(1_001), "wait 2");
        assert_eq!(refusal.headers(1_001).next().unwrap().1, "2");
        assert!(Refusal::new("", &["no header".to_owned()]).is_err());
    }
}
