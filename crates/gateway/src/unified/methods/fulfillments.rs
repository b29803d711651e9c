//! `fulfillments`, created and deleted: tracking that goes back to the shop. Asking again for what is there changes nothing, and other
//! tracking for the same goods replaces what is there.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use unified::{Failure, ResourceMap, WriteError};
use utoipa::ToSchema;

use super::super::{ID, On};
use crate::outcome::Found;
use crate::{Answer, Error};

/// What of the body decides what is done; the map checks the rest.
#[derive(Debug, Deserialize, ToSchema)]
struct Asked {
    #[schema(inline)]
    order: Reference,
    /// Which of its lines; all of them when not given.
    #[schema(inline)]
    line_items: Option<Vec<Item>>,
    #[serde(default)]
    tracking_numbers: Vec<String>,
    carrier: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// The order.
#[derive(Debug, Deserialize, ToSchema)]
struct Reference {
    /// Its id.
    id: String,
}

/// A line of the order, by its id or SKU.
#[derive(Debug, Deserialize, ToSchema)]
struct Item {
    /// The line's id.
    id: Option<String>,
    /// Its SKU, where the id is not given.
    sku: Option<String>,
    /// How many of it; all when not given.
    quantity: Option<i64>,
}

/// The JSON Schema of a body: what is read here, beside what the map takes.
pub(super) fn body_schema(map: &ResourceMap) -> Option<Value> {
    let mut schema = map.body_schema("create")?;
    let asked = super::schema_of::<Asked>();
    for name in ["order", "line_items"] {
        schema["properties"][name] = asked["properties"][name].clone();
    }
    if let Value::Array(required) = &mut schema["required"] {
        required.insert(0, "order".into());
    }
    Some(schema)
}

impl On<'_> {
    pub(super) async fn fulfill(self, mut body: Map<String, Value>) -> Result<Answer, Error> {
        let asked: Asked = super::read_body(body.clone())?;
        let order = self.beside("orders")?.get_value(&asked.order.id).await?;
        let wanted = wanted_lines(&order, asked.line_items.as_deref())?;
        let there = super::list(&order, "fulfillments");
        body.entry("package_count").or_insert_with(|| asked.tracking_numbers.len().max(1).into());
        body.shift_remove("order");
        let method = match &wanted {
            None => {
                body.shift_remove("line_items");
                "create_all"
            }
            Some(lines) => {
                let skus = lines
                    .iter()
                    .map(|(id, quantity)| json!({"sku": sku_of(&order, id), "quantity": quantity}));
                body.insert("line_items".into(), skus.collect());
                "create"
            }
        };
        // Checked whole before anything that is there is taken away.
        let planned = self.plan(method, body).await?;
        let same = find_same(&order, there, wanted.as_ref(), &asked)?;
        if let Some(same) = same {
            let id = same[ID].as_str().unwrap_or_default();
            if has_tracking(same, &asked) {
                return self.read_fulfillment(&asked.order.id, id).await;
            }
            self.remove(&asked.order.id, id).await?;
        }
        let sent = self.send(method, Some(&asked.order.id), Map::new(), &planned).await.map(drop);
        let look_up = async {
            let now = self.beside("orders")?.get_value(&asked.order.id).await?;
            let made = find_same(&now, super::list(&now, "fulfillments"), wanted.as_ref(), &asked)?;
            Ok(if made.is_some_and(|made| has_tracking(made, &asked)) {
                Found::Applied(())
            } else {
                Found::Unclear
            })
        };
        self.call(method).settle(sent, look_up).await.map_err(|source| match same {
            Some(_) => Error::Partial {
                id: asked.order.id.clone(),
                failed: "the new tracking (the old one is taken away: repeat the call)".to_owned(),
                source: Box::new(source),
            },
            None => source,
        })?;
        let known: Vec<&Value> = there.iter().map(|fulfillment| &fulfillment[ID]).collect();
        let order_id = asked.order.id.as_str();
        let now = self.beside("orders")?.get_value(order_id).await?;
        let mut made = super::list(&now, "fulfillments").iter().rev();
        let made = made.find(|fulfillment| !known.contains(&&fulfillment[ID]));
        match made.and_then(|made| made[ID].as_str()) {
            Some(id) => self.read_fulfillment(order_id, id).await,
            None => Err(Error::BadAnswer(
                "the platform took the fulfillment, and the order does not show it".into(),
            )),
        }
    }

    pub(super) async fn delete_fulfillment(
        self,
        id: &str,
        query: &Map<String, Value>,
    ) -> Result<Answer, Error> {
        let Some(order_id) = query.get("order_id").and_then(Value::as_str) else {
            return Err(Error::bad_request(
                "order_id is needed: a fulfillment is kept in its order; write ?order_id=…",
            ));
        };
        self.remove(order_id, id).await?;
        Ok(Answer::json(&json!({ ID: id })))
    }

    async fn remove(self, order_id: &str, id: &str) -> Result<(), Error> {
        let body = json!({"id": id}).as_object().cloned().unwrap_or_default();
        let planned = self.plan("delete", body).await?;
        let sent = self.send("delete", Some(order_id), Map::new(), &planned).await.map(drop);
        let look_up = async {
            let order = self.beside("orders")?.get_value(order_id).await?;
            let is_there = super::list(&order, "fulfillments").iter().any(|there| there[ID] == id);
            Ok(if is_there { Found::Missing } else { Found::Applied(()) })
        };
        self.call("delete").settle(sent, look_up).await
    }

    async fn read_fulfillment(self, order_id: &str, id: &str) -> Result<Answer, Error> {
        let query = [("order_id".to_owned(), Value::from(order_id))].into_iter().collect();
        let reading = self.reading("get")?;
        match &reading.method.items {
            Some(items) => reading.get_item(items, id, &query).await,
            None => reading.get(id, &query).await,
        }
    }
}

/// The order's lines by id and how many of each; `None` for all of them.
fn wanted_lines(order: &Value, asked: Option<&[Item]>) -> Result<Option<BTreeMap<String, i64>>, Error> {
    let Some(asked) = asked else { return Ok(None) };
    let lines = super::list(order, "line_items");
    let mut wanted = BTreeMap::new();
    let mut failures = Vec::new();
    for (index, item) in asked.iter().enumerate() {
        let (key, named) = match (&item.id, &item.sku) {
            (Some(id), _) => (ID, id),
            (None, Some(sku)) => ("sku", sku),
            (None, None) => {
                let place = format!("line_items[{index}]");
                failures.push(Failure::new(place, "say which line by its id or sku"));
                continue;
            }
        };
        match lines.iter().find(|line| line[key] == named.as_str()) {
            Some(line) => {
                let quantity = item.quantity.or_else(|| line["quantity"].as_i64()).unwrap_or(1);
                let id = line[ID].as_str().unwrap_or_default().to_owned();
                *wanted.entry(id).or_insert(0) += quantity;
            }
            None => failures.push(Failure::new(
                format!("line_items[{index}].{key}"),
                format!("the order has no line with the {key} {named:?}"),
            )),
        }
    }
    if failures.is_empty() { Ok(Some(wanted)) } else { Err(WriteError { failures }.into()) }
}

fn sku_of<'o>(order: &'o Value, line_id: &str) -> &'o Value {
    let mut lines = super::list(order, "line_items").iter();
    lines.find(|line| line[ID] == line_id).map_or(&Value::Null, |line| &line["sku"])
}

/// The fulfillment that is about the same goods, going the same way.
fn find_same<'o>(
    order: &Value,
    there: &'o [Value],
    wanted: Option<&BTreeMap<String, i64>>,
    asked: &Asked,
) -> Result<Option<&'o Value>, Error> {
    let goods = |fulfillment: &Value| -> BTreeMap<String, i64> {
        let line = |line: &Value| {
            let id = line[ID].as_str().or_else(|| {
                let mut lines = super::list(order, "line_items").iter();
                lines.find(|known| known["sku"] == line["sku"] && !line["sku"].is_null())?[ID].as_str()
            });
            Some((id?.to_owned(), line["quantity"].as_i64()?))
        };
        super::list(fulfillment, "line_items").iter().filter_map(line).collect()
    };
    let goes_the_same_way =
        |fulfillment: &&Value| asked.kind.as_deref().is_none_or(|kind| fulfillment["type"] == kind);
    match wanted {
        Some(wanted) => {
            Ok(there.iter().filter(goes_the_same_way).find(|fulfillment| goods(fulfillment) == *wanted))
        }
        None if order["fulfillment_status"] != "delivered" => Ok(None),
        None => match there {
            [one] if goes_the_same_way(&one) => Ok(Some(one)),
            [_] => Err(Error::Conflict(
                "the order was fulfilled in another way already: delete that first".into(),
            )),
            _ => Err(Error::Conflict(
                "the order was fulfilled in several parts: say by line_items which part is meant".into(),
            )),
        },
    }
}

/// Whether a fulfillment has the tracking that is asked for.
fn has_tracking(fulfillment: &Value, asked: &Asked) -> bool {
    let mut there: Vec<&str> =
        super::list(fulfillment, "tracking_numbers").iter().filter_map(Value::as_str).collect();
    let mut wanted: Vec<&str> = asked.tracking_numbers.iter().map(String::as_str).collect();
    there.sort_unstable();
    wanted.sort_unstable();
    there == wanted && asked.carrier.as_deref().is_none_or(|carrier| fulfillment["carrier"] == carrier)
}
