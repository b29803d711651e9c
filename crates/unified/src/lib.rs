//! Unified models and field maps, compiled into plans that read a record straight from its text.
//!
//! [`Models`] say what callers see; [`Maps`] say, for each integration, where it comes from. A [`ResourceMap`] turns a
//! unified query into the provider's ([`ResourceMap::plan_query`]) and a provider's record into a unified one, text to
//! text ([`ResourceMap::write`]): one pass over the record keeps what is wanted and skips the rest. The other way,
//! [`ResourceMap::plan_write`] turns a caller's body into the provider's.

mod compile;
mod convert;
mod coverage;
mod error;
mod exact;
mod items;
mod layers;
mod map;
mod maps;
mod model;
mod op;
mod query;
mod shape;
mod whole;
mod write;

pub use coverage::coverage;
pub use error::{Failure, LayerError, MapError, QueryError, RecordError, WriteError};
pub use exact::{Decimal, NotDecimal, minor_digits};
pub use items::Items;
pub use layers::{Layer, Origin, merge_lines};
pub use map::{Across, Load, MethodMap, ResourceMap, Sources, WriteOptions, Written};
pub use maps::Maps;
pub use model::{Field, FieldType, FilterType, Model, ModelResource, Models};
pub use query::{Filter, PlannedQuery};
pub use whole::Request;
pub use write::{PlannedRecord, PlannedWrite, RecordCall, Reference, Resolve};
