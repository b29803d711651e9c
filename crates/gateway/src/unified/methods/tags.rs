//! `tags/attach` and `/detach`: one tag on or off many records. A record that carries it already is left alone: some platforms list
//! a tag twice when it is put on twice.

use std::collections::HashSet;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::super::write::Matching;
use super::super::{ID, On};
use super::Line;
use crate::outcome::Found;
use crate::{Answer, Error};

const ATTACH: &str = "attach";
/// So many records are read one by one; for more, those that carry the tag are listed.
const LOOKED_UP: usize = 10;

/// What a caller says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[schema(inline)]
    tag: Named,
    /// What the records are: `customer` or `order`.
    #[serde(default = "customers")]
    #[schema(default = "customer", pattern = "^(customer|order)$")]
    object_type: String,
    /// The records' ids.
    #[schema(min_items = 1, max_items = 1000)]
    ids: Vec<String>,
}

/// A tag by its id, or by its name, which makes it when it is attached and not there.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Named {
    /// Its id.
    id: Option<String>,
    /// Its name, where the id is not given.
    name: Option<String>,
}

fn customers() -> String {
    "customer".to_owned()
}

/// What is done to each record.
struct Tagging<'a> {
    /// Where the records are read.
    records: On<'a>,
    method: &'static str,
    tag: &'a str,
    object_type: &'a str,
    /// The records that carry the tag, where they were listed.
    carriers: Option<HashSet<String>>,
}

impl On<'_> {
    pub(super) async fn tag_many(
        self,
        method: &'static str,
        body: Map<String, Value>,
    ) -> Result<Answer, Error> {
        let asked: Asked = super::read_body(body)?;
        super::check_count("ids", asked.ids.len())?;
        let records = self.beside(match asked.object_type.as_str() {
            "customer" => "customers",
            "order" => "orders",
            other => {
                return Err(Error::bad_request(format!(
                    "object_type: {other:?} can't be tagged this way; write customer or order"
                )));
            }
        })?;
        let Some(tag) = self.tag_id(&asked, method == ATTACH).await? else {
            // A tag that is not there is on nothing.
            let lines = asked.ids.iter().map(|id| Line::about(id).with("status", "unchanged")).collect();
            return Ok(Answer::json(&json!({ "result": super::summed_up("records", lines) })));
        };
        let carriers = if asked.ids.len() > LOOKED_UP {
            let query = [("tag_id".to_owned(), Value::from(tag.as_str()))].into_iter().collect();
            Some(records.find(&query).await?.into_iter().collect())
        } else {
            None
        };
        let mut seen = HashSet::new();
        let tagging = Tagging { records, method, tag: &tag, object_type: &asked.object_type, carriers };
        let written: Vec<BoxFuture<'_, Value>> = asked
            .ids
            .iter()
            .filter(|id| seen.insert(id.as_str()))
            .map(|id| self.tag_one(&tagging, id).boxed())
            .collect();
        let mut result = super::summed_up("records", super::some_at_once(written).await);
        result["tag"] = json!({ID: tag});
        Ok(Answer::json(&json!({ "result": result })))
    }

    /// Puts the tag on one record or takes it off.
    async fn tag_one(self, tagging: &Tagging<'_>, id: &str) -> Value {
        let mut line = Line::about(id);
        match self.try_tag(tagging, id).await {
            Ok(true) => line.with("status", "written"),
            Ok(false) => line.with("status", "unchanged"),
            Err(error) => line.failed(&error),
        }
    }

    /// Whether something had to be done.
    async fn try_tag(self, tagging: &Tagging<'_>, id: &str) -> Result<bool, Error> {
        let Tagging { records, method, tag, object_type, carriers } = tagging;
        let is_on = match carriers {
            Some(carriers) => carriers.contains(id),
            None => carries(&records.get_value(id).await?, tag),
        };
        let attaches = *method == ATTACH;
        if is_on == attaches {
            return Ok(false);
        }
        let mut body = Map::new();
        body.insert("object_type".into(), (*object_type).into());
        body.insert("object".into(), json!({ID: id}));
        if attaches {
            body.insert("tag".into(), json!({ID: tag}));
        }
        let planned = self.plan(method, body).await?;
        let sent = self.send(method, Some(tag), Map::new(), &planned).await.map(drop);
        let look_up = async {
            let is_on = carries(&records.get_value(id).await?, tag);
            Ok(if is_on == attaches { Found::Applied(()) } else { Found::Unclear })
        };
        self.call(method).settle(sent, look_up).await?;
        Ok(true)
    }

    /// The tag's id; `None` when it is to be taken off and is not there.
    async fn tag_id(self, asked: &Asked, attaches: bool) -> Result<Option<String>, Error> {
        if let Some(id) = &asked.tag.id {
            return Ok(Some(id.clone()));
        }
        let Some(name) = &asked.tag.name else {
            return Err(Error::bad_request("tag: give its id or its name, as in {\"name\": \"Newsletter\"}"));
        };
        let query: Map<String, Value> = [
            ("name".to_owned(), Value::from(name.as_str())),
            ("object_type".to_owned(), Value::from(asked.object_type.as_str())),
        ]
        .into_iter()
        .collect();
        match self.find_or_make(query, attaches).await? {
            Matching::One(id) => Ok(Some(id)),
            Matching::Not(0) => Ok(None),
            Matching::Not(count) => Err(Error::bad_request(format!(
                "tag.name: {count} tags have the name {name:?}: say which by its id"
            ))),
        }
    }
}

/// Whether a record carries the tag.
fn carries(record: &Value, tag: &str) -> bool {
    super::list(record, "tags").iter().any(|carried| carried[ID] == tag)
}
