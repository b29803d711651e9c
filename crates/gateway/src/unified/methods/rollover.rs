//! `products/{id}/rollover`: the next vintage from a product. All that sells it is kept; what names the year is moved on.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::super::{ID, On};
use crate::{Answer, Error};

/// What a caller says.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The new year.
    vintage: i64,
    #[schema(inline)]
    sku: Option<Skus>,
    /// The new name.
    title: Option<String>,
    /// The new address in the web shop.
    slug: Option<String>,
    /// Whether the old product is taken out of the web shop.
    #[serde(default)]
    retire: bool,
    /// Shows what would be made, and makes nothing.
    #[serde(default)]
    dry_run: bool,
}

/// The new SKU of a product with one variant, or the new SKUs by the old ones.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged)]
enum Skus {
    /// The one.
    One(String),
    /// By the old one.
    ByOld(BTreeMap<String, String>),
}

impl On<'_> {
    pub(super) async fn roll_over(self, id: &str, body: Map<String, Value>) -> Result<Answer, Error> {
        let asked: Asked = super::read_body(body)?;
        let old = self.get_value(id).await?;
        if let Some(next) = old["next_vintage"][ID].as_str() {
            return Err(Error::Conflict(format!("the product was rolled over already, to {next}")));
        }
        let mut rolled = Rolled::of(&old, &asked)?;
        rolled.product = self.map.writable("create", &rolled.product);
        if asked.dry_run {
            // What would be refused on the way is refused here, too.
            self.plan("create", rolled.product.clone()).await?;
            return Ok(Answer::json(&json!({
                "result": {"dry_run": true, "changes": rolled.changes, "product": rolled.product},
            })));
        }
        let made = self.create(rolled.product).await?.into_value().await?;
        let mut change = Map::new();
        change.insert("next_vintage".into(), json!({ID: made[ID]}));
        if let Some(previous) = old.get("previous_vintage") {
            change.insert("previous_vintage".into(), previous.clone());
        }
        if asked.retire {
            change.insert("web_status".into(), "retired".into());
        }
        let marked = self.change("update", id, &Map::new(), change).await;
        let marked = marked.map_err(|source| Error::Partial {
            id: made[ID].as_str().unwrap_or_default().to_owned(),
            failed: format!("the mark on the old product {id}"),
            source: Box::new(source),
        })?;
        let marked = marked.into_value().await?;
        Ok(Answer::json(&json!({
            "result": {"dry_run": false, "changes": rolled.changes, "product": made, "previous": marked},
        })))
    }
}

/// The next vintage, as a caller would create it.
#[derive(Debug)]
struct Rolled {
    product: Map<String, Value>,
    /// What was moved on: field, from, to.
    changes: Vec<Value>,
}

/// What a new vintage does not take over: it has its own.
const OWN: [&str; 4] = ["id", "sku", "created_at", "updated_at"];

impl Rolled {
    fn of(old: &Value, asked: &Asked) -> Result<Self, Error> {
        let name = old["name"].as_str().unwrap_or_default();
        let from = old["wine"]["vintage"].as_i64().or_else(|| year_in(name));
        let Some(from) = from else {
            return Err(Error::bad_request(
                "the product has no vintage, neither of its own nor in its name: there is nothing to move on from",
            ));
        };
        if from == asked.vintage {
            return Err(Error::bad_request(format!("the product is the vintage {from} already")));
        }
        let mut rolled = Self { product: Map::new(), changes: Vec::new() };
        let years = Years { from, to: asked.vintage };
        for (field, value) in old.as_object().into_iter().flatten() {
            if !OWN.contains(&field.as_str()) {
                rolled.product.insert(field.clone(), value.clone());
            }
        }
        rolled.product.insert("previous_vintage".into(), json!({ID: old[ID]}));
        rolled.text("name", years, asked.title.as_deref());
        rolled.text("slug", years, asked.slug.as_deref());
        if let Some(Value::Object(wine)) = rolled.product.get_mut("wine") {
            wine.insert("vintage".into(), asked.vintage.into());
            rolled.changes.push(change("wine.vintage", &json!(from), &json!(asked.vintage)));
        }
        if let Some(Value::String(title)) = rolled.product.get_mut("seo").and_then(|seo| seo.get_mut("title"))
        {
            *title = years.moved(title, false);
        }
        rolled.variants(years, asked)?;
        Ok(rolled)
    }

    fn text(&mut self, field: &str, years: Years, given: Option<&str>) {
        let Some(Value::String(text)) = self.product.get_mut(field) else { return };
        let moved = given.map_or_else(|| years.moved(text, true), str::to_owned);
        self.changes.push(change(field, &json!(text), &json!(moved)));
        *text = moved;
    }

    fn variants(&mut self, years: Years, asked: &Asked) -> Result<(), Error> {
        let Some(Value::Array(variants)) = self.product.get_mut("variants") else { return Ok(()) };
        if let Some(Skus::One(_)) = asked.sku
            && variants.len() != 1
        {
            return Err(Error::bad_request(format!(
                "the product has {} variants: give their SKUs by the old ones, as in \"sku\": {{\"OLD\": \"NEW\"}}",
                variants.len()
            )));
        }
        for (index, variant) in variants.iter_mut().enumerate() {
            let Value::Object(variant) = variant else { continue };
            variant.shift_remove(ID);
            variant.shift_remove("upc");
            if let Some(Value::String(name)) = variant.get_mut("name") {
                *name = years.moved(name, false);
            }
            let Some(Value::String(sku)) = variant.get_mut("sku") else { continue };
            let given = match &asked.sku {
                Some(Skus::One(sku)) => Some(sku.as_str()),
                Some(Skus::ByOld(skus)) => skus.get(sku.as_str()).map(String::as_str),
                None => None,
            };
            let moved = given.map_or_else(|| years.moved(sku, true), str::to_owned);
            self.changes.push(change(&format!("variants[{index}].sku"), &json!(sku), &json!(moved)));
            *sku = moved;
        }
        Ok(())
    }
}

fn change(field: &str, from: &Value, to: &Value) -> Value {
    json!({"field": field, "from": from, "to": to})
}

#[derive(Debug, Clone, Copy)]
struct Years {
    from: i64,
    to: i64,
}

impl Years {
    /// Text of the old year as text of the new one: `2021` becomes `2022`, else `21` that stands alone becomes `22`; text without
    /// either gets the new year at its end where it has to differ.
    fn moved(self, text: &str, has_to_differ: bool) -> String {
        let (long_from, long_to) = (self.from.to_string(), self.to.to_string());
        if let Some(moved) = replace_number(text, &long_from, &long_to) {
            return moved;
        }
        let short = |year: i64| format!("{:02}", year.rem_euclid(100));
        if let Some(moved) = replace_number(text, &short(self.from), &short(self.to)) {
            return moved;
        }
        if !has_to_differ {
            return text.to_owned();
        }
        let between = if text.contains(' ') { " " } else { "-" };
        format!("{text}{between}{long_to}")
    }
}

/// Replaces a number that stands between other signs than digits; `None` when it does not occur.
fn replace_number(text: &str, from: &str, to: &str) -> Option<String> {
    let is_digit = |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_digit());
    let mut moved = String::new();
    let mut rest = text;
    let mut found = false;
    while let Some(position) = rest.find(from) {
        let (before, after) = (&rest[..position], &rest[position + from.len()..]);
        let stands_alone = !is_digit(before.chars().next_back().or_else(|| moved.chars().next_back()))
            && !is_digit(after.chars().next());
        moved.push_str(before);
        moved.push_str(if stands_alone { to } else { from });
        found |= stands_alone;
        rest = after;
    }
    moved.push_str(rest);
    found.then_some(moved)
}

/// The year in a name, such as `2021 Merlot`.
fn year_in(name: &str) -> Option<i64> {
    let numbers = name.split(|letter: char| !letter.is_ascii_digit());
    numbers.filter_map(|number| number.parse().ok()).find(|year| (1900..2100).contains(year))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_year_is_moved_on_where_it_stands_alone() {
        let years = Years { from: 2021, to: 2022 };
        for (old, new) in [
            ("2021 Estate Merlot", "2022 Estate Merlot"),
            ("2021-estate-merlot", "2022-estate-merlot"),
            ("21MER750", "22MER750"),
            ("MER21", "MER22"),
            ("12021", "12021-2022"),
            ("MERLOT", "MERLOT-2022"),
            ("Estate Merlot", "Estate Merlot 2022"),
            ("2021-210", "2022-210"),
        ] {
            assert_eq!(years.moved(old, true), new);
        }
        assert_eq!(years.moved("750ml", false), "750ml");
        assert_eq!(Years { from: 1999, to: 2000 }.moved("MER99", true), "MER00");
    }

    fn old() -> Value {
        json!({
            "id": "p1",
            "name": "2021 Merlot",
            "slug": "2021-merlot",
            "sku": "MER21",
            "created_at": "2022-01-01T00:00:00.000Z",
            "wine": {"varietal": "Merlot", "vintage": 2021},
            "seo": {"title": "2021 Merlot from the estate"},
            "variants": [{"id": "v1", "name": "750ml", "sku": "MER21", "upc": "1", "price": "45.00"}],
        })
    }

    fn asked(body: Value) -> Asked {
        serde_json::from_value(body).unwrap()
    }

    #[test]
    fn a_product_keeps_what_sells_it() {
        let rolled = Rolled::of(&old(), &asked(json!({"vintage": 2022}))).unwrap();
        assert_eq!(
            Value::Object(rolled.product),
            json!({
                "name": "2022 Merlot",
                "slug": "2022-merlot",
                "wine": {"varietal": "Merlot", "vintage": 2022},
                "seo": {"title": "2022 Merlot from the estate"},
                "variants": [{"name": "750ml", "sku": "MER22", "price": "45.00"}],
                "previous_vintage": {"id": "p1"},
            })
        );
        let fields: Vec<&str> =
            rolled.changes.iter().map(|change| change["field"].as_str().unwrap()).collect();
        assert_eq!(fields, ["name", "slug", "wine.vintage", "variants[0].sku"]);
    }

    #[test]
    fn the_callers_names_win_and_what_can_not_be_meant_is_refused() {
        let rolled =
            Rolled::of(&old(), &asked(json!({"vintage": 2022, "sku": {"MER21": "M-2022"}, "title": "Next"})));
        let rolled = rolled.unwrap();
        assert_eq!(rolled.product["variants"][0]["sku"], "M-2022");
        assert_eq!(rolled.product["name"], "Next");
        let mut two = old();
        two["variants"].as_array_mut().unwrap().push(json!({"sku": "MER21M"}));
        assert!(Rolled::of(&two, &asked(json!({"vintage": 2022, "sku": "X"}))).is_err());
        assert!(Rolled::of(&old(), &asked(json!({"vintage": 2021}))).is_err());
        assert!(Rolled::of(&json!({"name": "Merlot"}), &asked(json!({"vintage": 2022}))).is_err());
    }
}
