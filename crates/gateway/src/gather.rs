//! Walking through a list of the platform: as many pages as it takes for as many records as were asked for.

use std::future::ready;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use integration::{Method, PageRequest, Resource, Style};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use tokio::task::yield_now;

use crate::Error;
use crate::cursor::{Position, malformed};
use crate::fetch::{Ask, Call, Text};

/// So many pages of the platform are read by one call. A filter that few records pass, or `truto_ignore_limit`, ends here with fewer
/// records than asked for (or with none) and a `next_cursor`: the caller goes on with it as always.
pub(crate) const MAX_PAGES: u32 = 40;
/// So many records are taken in a row, within a millisecond: then the thread's other calls go on.
const IN_A_ROW: usize = 8;

thread_local! {
    /// A thread takes the records of one page at a time: of many that were begun, all would be in its memory, and none in its caches.
    static TAKING: Arc<Semaphore> = Arc::new(Semaphore::new(1));
}

/// A list to walk through.
pub(crate) struct Walk<'a> {
    pub(crate) call: &'a Call<'a>,
    pub(crate) resource: &'a Resource,
    pub(crate) method: &'a Method,
    /// The record that the list belongs to, where its path names one.
    pub(crate) id: Option<&'a str>,
    /// The platform's queries, whose lists are walked through one after the other.
    pub(crate) queries: &'a [Map<String, Value>],
    pub(crate) style: Option<&'a Style>,
    /// How many records are wanted; `None` is as many as [`MAX_PAGES`] hold.
    pub(crate) limit: Option<u32>,
    /// Whether records may be dropped on the way, so that whole pages are worth reading.
    pub(crate) filtered: bool,
}

impl Walk<'_> {
    /// Reads from `position` on and gives each record to `take`, which says whether it counts. Gives where to go on, `None` at the end.
    ///
    /// A page that is certain to be needed is asked for before the records of the one before it are taken.
    pub(crate) async fn run(
        &self,
        position: Option<Position>,
        mut take: impl FnMut(&RawValue) -> Result<bool, Error>,
    ) -> Result<Option<Position>, Error> {
        let mut position =
            position.unwrap_or_else(|| Position { size: self.first_size(), ..Position::default() });
        let mut taken = 0;
        let mut ahead: Option<(Position, BoxFuture<'_, Result<Text, Error>>)> = None;
        for left in (0..MAX_PAGES).rev() {
            self.fit(&mut position, taken);
            let asked = ahead.take().filter(|(asked, _)| *asked == position);
            let reading = asked.map_or_else(|| self.read(position.clone()).boxed(), |(_, reading)| reading);
            let text = match reading.await {
                // What is there is worth more than a refusal: the caller goes on with the cursor.
                Err(Error::NoTurn(_)) if taken > 0 => return Ok(Some(position)),
                read => read?,
            };
            let page = self
                .method
                .read_page(text.as_str(), self.style, &request(&position))
                .map_err(|error| Error::BadAnswer(format!("the platform's answer is no list: {error}")))?;
            let next = self.after(&position, page.next)?;
            let will_be_taken = taken + (page.records.len() as u32).saturating_sub(position.offset);
            if let Some(next) = &next
                && left > 0
                && !self.filtered
                && !self.is_full(will_be_taken)
            {
                let mut next = next.clone();
                self.fit(&mut next, will_be_taken);
                let mut reading = self.read(next.clone()).boxed();
                // Polled once, it is with the connection's task. That one is woken on this thread, and sends when this one makes way.
                let answered = (&mut reading).now_or_never();
                ahead = Some((next, answered.map_or(reading, |text| ready(text).boxed())));
                yield_now().await;
            }
            // Never closed.
            let _turn = TAKING.with(Arc::clone).acquire_owned().await.ok();
            for (index, record) in page.records.iter().enumerate().skip(position.offset as usize) {
                if self.is_full(taken) {
                    return Ok(Some(Position { offset: index as u32, ..position }));
                }
                taken += u32::from(take(record)?);
                if index % IN_A_ROW == IN_A_ROW - 1 {
                    yield_now().await;
                }
            }
            match next {
                Some(next) => position = next,
                None => return Ok(None),
            }
            if self.is_full(taken) {
                break;
            }
        }
        Ok(Some(position))
    }

    fn is_full(&self, taken: u32) -> bool {
        self.limit.is_some_and(|limit| taken >= limit)
    }

    /// Makes a page as large as what is left to take, where pages need not be of one size.
    fn fit(&self, position: &mut Position, taken: u32) {
        if let Some(style) = self.style
            && style.sizes_vary()
            && !self.filtered
            && let Some(limit) = self.limit
        {
            position.size = (limit - taken).saturating_add(position.offset).min(style.max_limit());
        }
    }

    /// Where the page after `position` is, by the platform's cursor for it; `None` at the end.
    fn after(&self, position: &Position, next: Option<String>) -> Result<Option<Position>, Error> {
        match next {
            Some(next) if position.upstream.as_deref() == Some(next.as_str()) => {
                Err(Error::BadAnswer("the platform's cursor leads back to the same page".into()))
            }
            Some(next) => Ok(Some(Position { upstream: Some(next), offset: 0, ..*position })),
            None if position.part as usize + 1 >= self.queries.len() => Ok(None),
            None => {
                Ok(Some(Position { part: position.part + 1, upstream: None, offset: 0, size: position.size }))
            }
        }
    }

    async fn read(&self, position: Position) -> Result<Text, Error> {
        let query = self.queries.get(position.part as usize).ok_or_else(malformed)?;
        let request = request(&position);
        let page = self.style.map(|style| (style, &request));
        let ask = Ask { resource: self.resource, method: self.method, id: self.id, query, page };
        self.call.ask_text(&ask).await
    }

    /// The size of a walk's pages: even ones that make up the limit, so that no page is read twice.
    fn first_size(&self) -> u32 {
        let max = self.style.map_or(1, Style::max_limit).max(1);
        match self.limit {
            Some(limit) if !self.filtered => limit.div_ceil(limit.div_ceil(max)),
            _ => max,
        }
    }
}

/// The page of a position, as the platform is asked for it.
fn request(position: &Position) -> PageRequest {
    PageRequest { cursor: position.upstream.clone(), limit: Some(position.size) }
}
