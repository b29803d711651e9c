//! Records that stand inside another record of the platform, such as the fulfillments of an order.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::error::QueryError;

/// Where the records of a method stand.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Items {
    /// The key of the list in the record that the call answers.
    pub list: String,
    /// The filter by which callers name that record; its value is the id of the call.
    pub of: String,
    /// What the map calls that record: `@name.…`.
    #[serde(rename = "as")]
    pub name: String,
}

impl Items {
    /// The id of the record that holds the items.
    pub fn holder<'q>(&self, query: &'q Map<String, Value>) -> Result<&'q str, QueryError> {
        let given = query.get(&self.of).map(|given| given.get("eq").unwrap_or(given));
        given.and_then(Value::as_str).filter(|id| !id.is_empty()).ok_or_else(|| {
            let Self { list, of, name } = self;
            let message = format!("{of} is needed: it names the {name} whose {list} are meant");
            QueryError { parameter: of.clone(), message, works: vec![of.clone()] }
        })
    }

    /// The items of a record, as slices of its text; none where the list is `null`. `None`: there is no such list.
    pub fn read<'r>(&self, record: &'r str) -> Result<Option<Vec<&'r RawValue>>, serde_json::Error> {
        let fields: BTreeMap<Cow<'r, str>, &'r RawValue> = serde_json::from_str(record)?;
        let Some(list) = fields.get(self.list.as_str()) else { return Ok(None) };
        let items: Option<Vec<&'r RawValue>> = serde_json::from_str(list.get())?;
        Ok(Some(items.unwrap_or_default()))
    }
}
