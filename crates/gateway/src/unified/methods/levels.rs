//! `inventory_levels/set` and `/adjust`: stock by SKU and location, many lines in a call.
//!
//! A level that is right already costs no write. A set is written as the difference to what was read, so that a sale in between is
//! not undone; `overwrite: true` writes the number itself.

use std::collections::{HashMap, HashSet};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::super::{ID, On};
use super::Line;
use crate::{Answer, Error};

/// So many SKUs are looked up one by one; for more the whole stock is read.
const LOOKED_UP: usize = 3;

/// Whether lines say what there is, or what comes and goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Set,
    Adjust,
}

/// What a caller says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The levels.
    #[schema(inline, min_items = 1, max_items = 1000)]
    lines: Vec<Wanted>,
    /// What stands beside each change in the platform.
    notes: Option<String>,
    /// Writes the numbers themselves, whatever was sold since they were read.
    #[serde(default)]
    overwrite: bool,
}

/// A level.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Which variant, whatever the case.
    sku: String,
    #[schema(inline)]
    location: Place,
    /// What can be sold: the number for `set`, the difference for `adjust`.
    available: i64,
    /// What the caller's number was counted against: what was sold since is taken off it. The level as read when not given.
    expected: Option<i64>,
}

/// A location by its id or name, or as a reference.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(untagged, expecting = "expected a location's id or name, or {\"id\": …}")]
enum Place {
    /// Its id or name.
    Named(String),
    /// A reference to it.
    Reference {
        /// Its id.
        id: String,
    },
}

/// A level of the stock as read.
#[derive(Debug, Clone, Copy)]
struct Level {
    available: i64,
    reserved: i64,
}

/// The stock as read: by SKU (lower case) whether it is counted, and by location the level.
#[derive(Debug, Default)]
struct Stock {
    skus: HashMap<String, Variant>,
}

#[derive(Debug, Default)]
struct Variant {
    /// As the platform writes it.
    sku: String,
    is_tracked: bool,
    levels: HashMap<String, Level>,
}

impl On<'_> {
    pub(super) async fn write_levels(self, mode: Mode, body: Map<String, Value>) -> Result<Answer, Error> {
        let asked: Asked = super::read_body(body)?;
        super::check_count("lines", asked.lines.len())?;
        let is_expected = asked.lines.iter().any(|line| line.expected.is_some());
        match mode {
            Mode::Adjust if asked.overwrite || is_expected => {
                return Err(Error::bad_request(
                    "`overwrite` and `expected` are for set: an adjust adds to what is there, whatever that is",
                ));
            }
            Mode::Set if asked.overwrite && is_expected => {
                return Err(Error::bad_request(
                    "overwrite: it writes the numbers of a set as they are; leave out `expected`",
                ));
            }
            _ => {}
        }
        let locations = self.beside("locations")?.all(&Map::new()).await?;
        let stock = self.stock(&asked.lines).await?;
        let mut seen = HashSet::new();
        let planned: Vec<Result<Change, Value>> =
            asked.lines.iter().map(|line| plan(mode, &asked, line, &locations, &stock, &mut seen)).collect();
        let notes = asked.notes.as_deref();
        let written: Vec<BoxFuture<'_, Value>> = planned
            .into_iter()
            .map(|planned| match planned {
                Ok(change) => self.write_level(change, notes).boxed(),
                Err(refused) => ready(refused).boxed(),
            })
            .collect();
        let lines = super::some_at_once(written).await;
        Ok(Answer::json(&json!({ "result": super::summed_up("lines", lines) })))
    }

    /// The stock of the SKUs that the lines name. A product tells the levels of all its variants, and products are listed by cursor,
    /// which platforms limit less than they do pages of levels.
    async fn stock(self, lines: &[Wanted]) -> Result<Stock, Error> {
        let wanted: HashSet<String> = lines.iter().map(|line| line.sku.to_lowercase()).collect();
        let products = self.beside("products")?;
        let mut stock = Stock::default();
        if wanted.len() <= LOOKED_UP && products.map.has_filter("q") {
            for sku in &wanted {
                let query = [("q".to_owned(), Value::from(sku.as_str()))].into_iter().collect();
                stock.add(&products.all(&query).await?, &wanted);
            }
        }
        if stock.skus.len() < wanted.len() {
            stock.add(&products.all(&Map::new()).await?, &wanted);
        }
        Ok(stock)
    }

    async fn write_level(self, change: Change, notes: Option<&str>) -> Value {
        let Change { mut answer, method, available, reserved, is_needed } = change;
        if !is_needed {
            return answer.with("status", "unchanged");
        }
        let mut body = json!({
            "sku": answer.value("sku"),
            "location": {ID: answer.value("location")[ID]},
            "available": available,
            "reserved": reserved,
        });
        if let Some(notes) = notes {
            body["notes"] = notes.into();
        }
        let body = body.as_object().cloned().unwrap_or_default();
        let written = async { self.send(method, None, Map::new(), &self.plan(method, body).await?).await };
        match written.await {
            Ok(_) => answer.with("status", "written"),
            Err(error) => {
                let before = answer.value("before").clone();
                answer.set("available", before);
                answer.failed(&error)
            }
        }
    }
}

/// The JSON Schema of a body. What counts and differs has nothing to be overwritten or expected.
pub(super) fn body_schema(mode: Mode) -> Value {
    let mut schema = super::schema_of::<Asked>();
    if mode == Mode::Adjust {
        for (pointer, name) in
            [("/properties", "overwrite"), ("/properties/lines/items/properties", "expected")]
        {
            if let Some(Value::Object(properties)) = schema.pointer_mut(pointer) {
                properties.shift_remove(name);
            }
        }
    }
    schema
}

impl Stock {
    fn add(&mut self, products: &[Value], wanted: &HashSet<String>) {
        for variant in products.iter().flat_map(|product| super::list(product, "variants")) {
            let Some(sku) = variant["sku"].as_str() else { continue };
            if !wanted.contains(&sku.to_lowercase()) {
                continue;
            }
            let number = |level: &Value, name: &str| level[name].as_i64().unwrap_or(0);
            let levels = super::list(variant, "inventory_levels").iter().filter_map(|level| {
                let location = level["location"][ID].as_str()?.to_owned();
                let level =
                    Level { available: number(level, "available"), reserved: number(level, "reserved") };
                Some((location, level))
            });
            let variant = Variant {
                sku: sku.to_owned(),
                is_tracked: variant["has_inventory"] != false,
                levels: levels.collect(),
            };
            self.skus.insert(sku.to_lowercase(), variant);
        }
    }
}

/// A level to write, as far as it differs.
struct Change {
    answer: Line,
    method: &'static str,
    available: i64,
    reserved: i64,
    is_needed: bool,
}

/// What a line comes to, or the answer that refuses it.
fn plan(
    mode: Mode,
    asked: &Asked,
    line: &Wanted,
    locations: &[Value],
    stock: &Stock,
    seen: &mut HashSet<(String, String)>,
) -> Result<Change, Value> {
    let mut answer = Line::default();
    answer.set("sku", line.sku.as_str());
    answer.set("location", line.location.given());
    let Some(variant) = stock.skus.get(&line.sku.to_lowercase()) else {
        return Err(answer.refused("unknown_sku", "no product has this SKU"));
    };
    answer.set("sku", variant.sku.as_str());
    let Some(location) = line.location.find(locations) else {
        return Err(answer.refused(
            "unknown_location",
            "there is no such location; name it as the list of locations does",
        ));
    };
    answer.set("location", json!({ID: location[ID], "name": location["name"]}));
    if !variant.is_tracked {
        return Err(answer.refused("not_tracked", "the stock of this SKU is not counted"));
    }
    let location = location[ID].as_str().unwrap_or_default().to_owned();
    if !seen.insert((variant.sku.clone(), location.clone())) {
        return Err(answer.refused("named_twice", "an earlier line names the same SKU and location"));
    }
    let level = variant.levels.get(&location).copied().unwrap_or(Level { available: 0, reserved: 0 });
    let difference = match mode {
        Mode::Adjust => line.available,
        Mode::Set => line.available - line.expected.unwrap_or(level.available),
    };
    answer.set("before", level.available);
    answer.set("available", level.available + difference);
    let (method, available, reserved) = match (asked.overwrite, mode) {
        (true, _) => ("set", line.available, level.reserved),
        (false, _) => ("adjust", difference, 0),
    };
    Ok(Change { answer, method, available, reserved, is_needed: difference != 0 })
}

impl Place {
    fn given(&self) -> &str {
        match self {
            Self::Named(name) => name,
            Self::Reference { id } => id,
        }
    }

    fn find<'l>(&self, locations: &'l [Value]) -> Option<&'l Value> {
        let is = |location: &&Value, key: &str, text: &str| {
            location[key].as_str().is_some_and(|value| value.eq_ignore_ascii_case(text))
        };
        match self {
            Self::Reference { id } => locations.iter().find(|location| is(location, ID, id)),
            Self::Named(name) => locations
                .iter()
                .find(|location| is(location, ID, name))
                .or_else(|| locations.iter().find(|location| is(location, "name", name))),
        }
    }
}
