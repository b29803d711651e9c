//! Lists of the admin API: one shape, one way of paging.

use serde::Serialize;
use utoipa::ToSchema;

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
