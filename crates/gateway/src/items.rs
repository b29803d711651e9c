//! Unified records that stand inside another record of the platform: that one is read, and its items are taken out.

use serde_json::value::RawValue;
use serde_json::{Map, Value};
use unified::{Items, Sources, WriteOptions};

use crate::cursor::Position;
use crate::fetch::Text;
use crate::options::Format;
use crate::unified::{Gathering, ID, Reading, not_json};
use crate::{Answer, Error, Records};

impl Reading<'_> {
    /// The items of one record; their number is the record's, so that a page is a part of it.
    pub(crate) async fn list_items(
        &self,
        items: &Items,
        query: &Map<String, Value>,
    ) -> Result<Records, Error> {
        self.refuse_stream(items)?;
        let planned = self.map.plan_query(query)?;
        let holder = self.holder(items, query).await?;
        let binding = self.binding(query);
        let cursor = self.options.next_cursor.as_deref();
        let start = cursor.map(|cursor| binding.open(cursor)).transpose()?.unwrap_or_default().offset;
        let limit = self.limit();
        let mut gathering = Gathering::new(self, planned.filter)?;
        let mut taken = 0;
        for (offset, record) in (0..).zip(self.items(items, &holder)?).skip(start as usize) {
            if limit.is_some_and(|limit| taken >= limit) {
                return Ok(gathering.finish(Some(binding.seal(&Position {
                    offset,
                    size: 1,
                    ..Position::default()
                }))));
            }
            let loads = [(items.name.as_str(), holder.as_str())];
            taken += u32::from(gathering.take(&Sources { record, loads: &loads })?);
        }
        Ok(gathering.finish(None))
    }

    /// One item, found by its unified id.
    pub(crate) async fn get_item(
        &self,
        items: &Items,
        id: &str,
        query: &Map<String, Value>,
    ) -> Result<Answer, Error> {
        self.refuse_stream(items)?;
        let planned = self.map.plan_get(query)?;
        let holder = self.holder(items, query).await?;
        let loads = [(items.name.as_str(), holder.as_str())];
        let context = &self.call.connected.context;
        // Only the id is read of those that are not meant.
        let (looking, writing) = (WriteOptions::default().raw().keyed_by(ID), self.write_options());
        let mut text = Vec::new();
        for record in self.items(items, &holder)? {
            let sources = Sources { record, loads: &loads };
            text.clear();
            if self.map.write(&sources, context, &looking, None, &mut text)?.key.as_deref() != Some(id) {
                continue;
            }
            text.clear();
            if self.map.write(&sources, context, &writing, planned.filter.as_ref(), &mut text)?.kept {
                return Ok(Answer::json_text(text));
            }
        }
        Err(self.no_such(id))
    }

    /// The record that holds the items.
    async fn holder(&self, items: &Items, query: &Map<String, Value>) -> Result<Text, Error> {
        let id = items.holder(query)?;
        self.call.ask_text(&self.ask(Some(id), &self.options.remote_query)).await
    }

    fn items<'t>(&self, items: &Items, holder: &'t Text) -> Result<Vec<&'t RawValue>, Error> {
        items.read(holder.as_str()).map_err(not_json)?.ok_or_else(|| {
            Error::BadAnswer(format!("the platform's answer is no {}: it has no {}", items.name, items.list))
        })
    }

    /// The platform has no answer of its own that could be passed on.
    fn refuse_stream(&self, items: &Items) -> Result<(), Error> {
        if self.options.format != Format::Stream {
            return Ok(());
        }
        Err(Error::bad_request(format!(
            "truto_response_format=stream: {} are parts of the platform's {}, which can be streamed itself; use raw here",
            self.name, items.name
        )))
    }
}
