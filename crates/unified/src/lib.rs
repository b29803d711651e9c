//! Unified models and field maps, compiled into plans that read a record straight from its text.
//!
//! A [`Model`] says what a caller sees, whichever platform is connected: fields, types, filters. A [`ResourceMap`] says,
//! field by field, how a platform's record becomes that. It is compiled once; [`Writer::write`] then reads a record in
//! one pass, keeping the text of the values it needs, and writes the unified record as text. No value tree is built,
//! money never passes through a float, and `remote_data` is the platform's own bytes.

mod error;
mod map;
mod maps;
mod model;
mod query;
mod writer;

pub use error::{MapError, QueryError, RecordError};
pub use map::{Load, MethodMap, ResourceMap};
pub use maps::Maps;
pub use model::{Field, FieldType, Fields, Model, ModelFilter, ModelResource, Models, Operator};
pub use query::{Filter, PlannedQuery};
pub use writer::{Sources, WriteOptions, Writer, Written};
