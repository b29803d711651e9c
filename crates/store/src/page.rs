//! Pages of a list, and ranges of time to filter by.

use jiff::Timestamp;

use crate::{StoreError, database::Query};

/// Which part of a list to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most this many items.
    pub limit: u32,
    /// [`Listed::next`] of the page before; `None` for the first page.
    pub after: Option<String>,
}

impl Page {
    /// The first page of at most `limit` items.
    pub fn first(limit: u32) -> Self {
        Self { limit, after: None }
    }

    /// Appends the cursor's condition (`" AND id > "`), the order and the limit; one row more is read than asked for, see
    /// [`Listed::cut`].
    pub(crate) fn push_to(&self, query: &mut Query, after: &'static str, order: &'static str) {
        if let Some(cursor) = &self.after {
            query.push(after).push_bind(cursor);
        }
        query.push(order).push(" LIMIT ").push_bind(i64::from(self.limit) + 1);
    }

    /// The same for a list ordered by time and id, newest first, whose cursors are [`time_cursor`]'s.
    pub(crate) fn push_newest_first_to(&self, query: &mut Query) -> Result<(), StoreError> {
        if let Some(cursor) = &self.after {
            let (time, id) = read_time_cursor(cursor)?;
            query.push(" AND (created_at, id) < (").push_bind(time).push(", ").push_bind(id).push(")");
        }
        query.push(" ORDER BY created_at DESC, id DESC LIMIT ").push_bind(i64::from(self.limit) + 1);
        Ok(())
    }
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed<T> {
    /// The items, in the list's order.
    pub items: Vec<T>,
    /// What to give as [`Page::after`] for the next page; `None` when this is the last one.
    pub next: Option<String>,
}

impl<T> Listed<T> {
    /// Cuts the one item more than `limit` that was read to learn whether there is a next page.
    pub(crate) fn cut(mut items: Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Self {
        let limit = limit as usize;
        let more = items.len() > limit;
        items.truncate(limit);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next }
    }
}

/// Bounds on a time; those that are given hold together. Default: no bound.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TimeRange {
    /// Exactly this microsecond.
    pub eq: Option<Timestamp>,
    /// Later than.
    pub gt: Option<Timestamp>,
    /// At or later than.
    pub gte: Option<Timestamp>,
    /// Earlier than.
    pub lt: Option<Timestamp>,
    /// At or earlier than.
    pub lte: Option<Timestamp>,
}

impl TimeRange {
    /// Appends `AND column < $n …` for each bound. `column` comes with each operator because only fixed text may
    /// become part of a statement.
    pub(crate) fn push_to(self, query: &mut Query, column: &'static str) {
        for (operator, bound) in
            [(" = ", self.eq), (" > ", self.gt), (" >= ", self.gte), (" < ", self.lt), (" <= ", self.lte)]
        {
            if let Some(bound) = bound {
                query.push(" AND ").push(column).push(operator).push_bind(bound);
            }
        }
    }
}

/// Reads a cursor that stands for a time and an id, as [`time_cursor`] writes it.
fn read_time_cursor(cursor: &str) -> Result<(i64, &str), StoreError> {
    cursor.split_once('_').and_then(|(time, id)| Some((time.parse().ok()?, id))).ok_or(StoreError::BadCursor)
}

/// The cursor after a row of a list ordered by time and id.
pub(crate) fn time_cursor(time: Timestamp, id: &str) -> String {
    format!("{}_{id}", time.as_microsecond())
}
