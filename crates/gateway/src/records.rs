//! The records of a list while they are gathered, as the text that is answered: an array, or an object by key.

use std::collections::HashSet;

use crate::{Error, Records};

/// Records written one after the other.
#[derive(Default)]
pub(crate) struct RecordList {
    text: Vec<u8>,
    count: u64,
    keys: Option<HashSet<String>>,
}

impl RecordList {
    /// A list that becomes an object by the records' keys.
    pub(crate) fn by_key() -> Self {
        Self { keys: Some(HashSet::new()), ..Self::default() }
    }

    /// Adds a record's JSON text.
    pub(crate) fn push(&mut self, record: &[u8]) {
        self.separate(b'[');
        self.text.extend_from_slice(record);
    }

    /// Adds a record under its key. A record without one, or with another's, has no place in an object and is refused.
    pub(crate) fn push_by_key(
        &mut self,
        name: &str,
        key: Option<String>,
        record: &[u8],
    ) -> Result<(), Error> {
        let Some(key) = key else {
            return Err(Error::bad_request(format!(
                "truto_key_by={name}: a record has no {name}; choose a field that every record has, such as id"
            )));
        };
        self.separate(b'{');
        self.text.extend_from_slice(serde_json::Value::from(key.as_str()).to_string().as_bytes());
        self.text.push(b':');
        self.text.extend_from_slice(record);
        if self.keys.get_or_insert_default().insert(key.clone()) {
            return Ok(());
        }
        Err(Error::bad_request(format!(
            "truto_key_by={name}: two records have {key:?}; choose a field that tells records apart, such as id"
        )))
    }

    fn separate(&mut self, open: u8) {
        self.text.push(if self.count == 0 { open } else { b',' });
        self.count += 1;
    }

    /// The whole list.
    pub(crate) fn finish(mut self, next_cursor: Option<String>) -> Records {
        let (open, close) = if self.keys.is_some() { (b'{', b'}') } else { (b'[', b']') };
        if self.count == 0 {
            self.text.push(open);
        }
        self.text.push(close);
        Records { result: self.text, result_count: self.count, next_cursor, ..Records::default() }
    }
}
