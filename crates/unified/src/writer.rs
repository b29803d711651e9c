//! Writing unified records as text.

use std::marker::PhantomData;

use serde_json::value::RawValue;

use crate::RecordError;

/// How the records of a call are written.
#[derive(Debug, Clone, Default)]
pub struct WriteOptions {
    /// Whether `remote_data` is left out.
    pub ignore_remote_data: bool,
    /// Fields that are left out and not even read: names, or dotted paths into objects and lists.
    pub exclude_fields: Vec<String>,
    /// A field whose text is given as [`Written::key`].
    pub key_by: Option<String>,
}

/// What a record is made from.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    /// The platform's record.
    pub record: &'a RawValue,
    /// What was fetched beside it, by the name of the [`crate::Load`]: the records of a list as a JSON array, another method's answer
    /// as it is.
    pub loads: &'a [(&'a str, &'a str)],
}

/// What became of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Whether it passed the filter and was written.
    pub kept: bool,
    /// The text of the field of [`WriteOptions::key_by`]; `None` when nothing was asked for or the record has no such value.
    pub key: Option<String>,
}

/// Writes the records of one call.
#[derive(Debug)]
pub struct Writer<'m> {
    map: PhantomData<&'m ()>,
}

impl Writer<'_> {
    /// Writes a record's JSON text to `out`; on an error, or when the filter drops it, `out` is as before.
    pub fn write(&self, _sources: Sources<'_>, _out: &mut Vec<u8>) -> Result<Written, RecordError> {
        todo!()
    }
}
