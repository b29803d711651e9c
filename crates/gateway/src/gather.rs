//! Walking through a list of the platform: as many pages as it takes for as many records as were asked for.

use integration::{Method, PageRequest, Resource, Style};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::Error;
use crate::cursor::{Position, malformed};
use crate::fetch::{Ask, Call, Text};

/// So many pages of the platform are read by one call. A filter that few records pass, or `truto_ignore_limit`, ends here with fewer
/// records than asked for (or with none) and a `next_cursor`: the caller goes on with it as always.
pub(crate) const MAX_PAGES: u32 = 40;

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
    pub(crate) async fn run(
        &self,
        position: Option<Position>,
        mut take: impl FnMut(&RawValue) -> Result<bool, Error>,
    ) -> Result<Option<Position>, Error> {
        let mut position =
            position.unwrap_or_else(|| Position { size: self.first_size(), ..Position::default() });
        let mut taken = 0;
        let full = |taken: u32| self.limit.is_some_and(|limit| taken >= limit);
        for _ in 0..MAX_PAGES {
            if let Some(style) = self.style
                && style.sizes_vary()
                && !self.filtered
                && let Some(limit) = self.limit
            {
                position.size = (limit - taken).saturating_add(position.offset).min(style.max_limit());
            }
            let request = PageRequest { cursor: position.upstream.clone(), limit: Some(position.size) };
            let text = match self.read(position.part, &request).await {
                // What is there is worth more than a refusal: the caller goes on with the cursor.
                Err(Error::NoTurn(_)) if taken > 0 => return Ok(Some(position)),
                read => read?,
            };
            let page = self
                .method
                .read_page(text.as_str(), self.style, &request)
                .map_err(|error| Error::BadAnswer(format!("the platform's answer is no list: {error}")))?;
            for (index, record) in page.records.iter().enumerate().skip(position.offset as usize) {
                if full(taken) {
                    return Ok(Some(Position { offset: index as u32, ..position }));
                }
                taken += u32::from(take(record)?);
            }
            position = match page.next {
                Some(next) if position.upstream.as_deref() == Some(next.as_str()) => {
                    return Err(Error::BadAnswer("the platform's cursor leads back to the same page".into()));
                }
                Some(next) => Position { upstream: Some(next), offset: 0, ..position },
                None if position.part as usize + 1 >= self.queries.len() => return Ok(None),
                None => Position { part: position.part + 1, upstream: None, offset: 0, size: position.size },
            };
            if full(taken) {
                break;
            }
        }
        Ok(Some(position))
    }

    async fn read(&self, part: u32, request: &PageRequest) -> Result<Text, Error> {
        let query = self.queries.get(part as usize).ok_or_else(malformed)?;
        let page = self.style.map(|style| (style, request));
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
