//! The rate limit (facts 4.1): 100 requests a minute and tenant, of all its apps together, cursor requests free, deep
//! pages one a minute. The minute can be made shorter, so that tests need not wait for it.
//!
//! Whether Commerce7's window is fixed or sliding is not known; this one slides, the strictest reading: no window,
//! wherever it begins, sees more than the limit. Refused requests do not count. Neither are the body and the headers
//! of its 429 known: both are configured ([`Refusal`]), so that nobody comes to depend on them.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderName, HeaderValue};

use crate::Error;

/// Body of a 429: a guess in the shape of the errors that are known.
pub(crate) const DEFAULT_BODY: &str =
    r#"{"statusCode":429,"type":"tooManyRequests","message":"Too many requests","errors":[]}"#;

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
    /// Requests in a window; 0: any number.
    pub amount: u32,
    /// The length of the window and the distance of deep pages.
    pub window_ms: i64,
    pub refusal: Refusal,
}

/// What the limit says of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There is no limit.
    Unlimited,
    Accepted {
        at: i64,
    },
    Throttled {
        at: i64,
        /// Milliseconds until a request would be accepted.
        wait_ms: i64,
    },
}

/// What one tenant used up.
#[derive(Debug, Default)]
pub(crate) struct Window(Mutex<Used>);

#[derive(Debug, Default)]
struct Used {
    taken: VecDeque<i64>,
    deep_page: Option<i64>,
    /// When the limit was asked last.
    latest: Option<i64>,
}

impl RateLimit {
    /// `amount` 0 turns it off.
    pub fn new(amount: u32, window: Duration, refusal: Refusal) -> Self {
        let window_ms = i64::try_from(window.as_millis()).unwrap_or(i64::MAX).max(1);
        Self { amount, window_ms, refusal }
    }

    /// Takes a request at `now`, or says how long until one would be taken.
    pub fn take(&self, window: &Window, now: i64, deep_page: bool) -> Verdict {
        if self.amount == 0 {
            return Verdict::Unlimited;
        }
        let mut used = window.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Of two requests at once, the one that read the clock first may come second.
        let at = used.latest.map_or(now, |latest| latest.max(now));
        used.latest = Some(at);
        let is_over = |moment: i64| moment.saturating_add(self.window_ms) <= at;
        let throttled = |moment: i64| Verdict::Throttled {
            at,
            wait_ms: moment.saturating_add(self.window_ms).saturating_sub(at),
        };
        while used.taken.front().is_some_and(|first| is_over(*first)) {
            used.taken.pop_front();
        }
        if let Some(first) = used.taken.front()
            && used.taken.len() >= usize::try_from(self.amount).unwrap_or(usize::MAX)
        {
            return throttled(*first);
        }
        if deep_page {
            if let Some(last) = used.deep_page.filter(|last| !is_over(*last)) {
                return throttled(last);
            }
            used.deep_page = Some(at);
        }
        used.taken.push_back(at);
        Verdict::Accepted { at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(amount: u32, seconds: u64) -> RateLimit {
        RateLimit::new(amount, Duration::from_secs(seconds), Refusal::new(DEFAULT_BODY, &[]).unwrap())
    }

    fn accepted(at: i64) -> Verdict {
        Verdict::Accepted { at }
    }

    fn throttled(at: i64, wait_ms: i64) -> Verdict {
        Verdict::Throttled { at, wait_ms }
    }

    #[test]
    fn the_window_slides() {
        let (limit, window) = (limit(2, 60), Window::default());
        assert_eq!(limit.take(&window, 0, false), accepted(0));
        assert_eq!(limit.take(&window, 59_000, false), accepted(59_000));
        assert_eq!(limit.take(&window, 59_999, false), throttled(59_999, 1));
        assert_eq!(limit.take(&window, 60_000, false), accepted(60_000));
        assert_eq!(limit.take(&window, 60_001, false), throttled(60_001, 58_999));
    }

    #[test]
    fn deep_pages_are_a_window_apart() {
        let (limit, window) = (limit(100, 6), Window::default());
        assert_eq!(limit.take(&window, 0, true), accepted(0));
        assert_eq!(limit.take(&window, 1, false), accepted(1));
        assert_eq!(limit.take(&window, 2_000, true), throttled(2_000, 4_000));
        assert_eq!(limit.take(&window, 6_000, true), accepted(6_000));
    }

    #[test]
    fn a_clock_that_was_read_too_early_lets_no_more_through() {
        let (limit, window) = (limit(1, 60), Window::default());
        assert_eq!(limit.take(&window, 0, false), accepted(0));
        assert_eq!(limit.take(&window, 60_000, false), accepted(60_000));
        assert_eq!(limit.take(&window, 59_999, false), throttled(60_000, 60_000));
    }

    #[test]
    fn zero_is_no_limit() {
        let (limit, window) = (limit(0, 60), Window::default());
        assert!((0..1_000).all(|_| limit.take(&window, 0, true) == Verdict::Unlimited));
    }

    #[test]
    fn the_refusal_names_whole_seconds() {
        let refusal = Refusal::new("wait {seconds}", &["Retry-After: {seconds}".to_owned()]).unwrap();
        assert_eq!(refusal.body(1_001), "wait 2");
        assert_eq!(refusal.headers(1_001).next().unwrap().1, "2");
        assert!(Refusal::new("", &["no header".to_owned()]).is_err());
    }
}
