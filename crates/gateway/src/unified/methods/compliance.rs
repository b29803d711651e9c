//! `orders/{id}/compliance_check`: whether an order may be shipped, from its own data, and if not every reason.

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{Timestamp, Unit};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::super::On;
use crate::{Answer, Error};

/// What a caller may say.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    /// The day of shipping, `YYYY-MM-DD`; today when not given.
    #[serde(default, deserialize_with = "date")]
    #[schema(value_type = Option<String>, format = Date)]
    ship_on: Option<Date>,
    /// The age that whoever receives it needs, in years; by country and state when not given.
    minimum_age: Option<i16>,
    /// What may be sent at once, in millilitres. Law differs by place, so there is no limit when none is given.
    maximum_volume_ml: Option<i64>,
}

fn date<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Date>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    let wrong = |_| serde::de::Error::custom(format!("ship_on: {text:?} is no date; write it as 2026-01-31"));
    text.parse().map(Some).map_err(wrong)
}

/// A reason not to ship.
#[derive(Debug, PartialEq)]
struct Reason {
    code: &'static str,
    field: &'static str,
    message: String,
}

impl On<'_> {
    pub(super) async fn check_compliance(self, id: &str, body: Map<String, Value>) -> Result<Answer, Error> {
        let asked: Asked = super::read_body(body)?;
        let order = self.get_value(id).await?;
        let today = Offset::UTC.to_datetime(Timestamp::now()).date();
        Ok(Answer::json(&json!({ "result": check(&order, &asked, today) })))
    }
}

/// Looks at a unified order.
fn check(order: &Value, asked: &Asked, today: Date) -> Value {
    let ship_on = asked.ship_on.unwrap_or(today);
    let mut reasons = Vec::new();
    state(order, &mut reasons);
    address(&order["shipping_address"], &mut reasons);
    let volumes = volumes(order, &mut reasons);
    let total: i64 = volumes.values().filter_map(Value::as_i64).sum();
    let (age, minimum_age) = age(order, asked, ship_on, total > 0, &mut reasons);
    if let Some(most) = asked.maximum_volume_ml
        && total > most
    {
        reasons.push(Reason {
            code: "too_much",
            field: "line_items",
            message: format!("the order holds {total} ml, and {most} ml may be sent at once"),
        });
    }
    let told: Vec<Value> = reasons
        .iter()
        .map(|Reason { code, field, message }| json!({"code": code, "field": field, "message": message}))
        .collect();
    let mut result = json!({
        "may_ship": reasons.is_empty(),
        "reasons": told,
        "ship_on": ship_on.to_string(),
        "compliance_status": order["compliance_status"],
        "volumes_ml": volumes,
        "total_volume_ml": total,
        "minimum_age": minimum_age,
    });
    if let Some(age) = age {
        result["age"] = age.into();
    }
    result
}

/// What the order itself says against shipping it.
fn state(order: &Value, reasons: &mut Vec<Reason>) {
    let mut refuse = |code, field, message: &str| {
        reasons.push(Reason { code, field, message: message.to_owned() });
    };
    match order["compliance_status"].as_str() {
        Some("compliant" | "forced" | "not_required") => {}
        Some("quarantined") => {
            refuse("quarantined", "compliance_status", "the compliance check failed: it is quarantined")
        }
        Some("void") => refuse("void", "compliance_status", "the compliance check was withdrawn"),
        Some("not_checked") | None => {
            refuse("not_checked", "compliance_status", "its compliance has not been checked yet");
        }
        Some(other) => {
            refuse(
                "unknown_status",
                "compliance_status",
                &format!("nothing is known of the status {other:?}"),
            );
        }
    }
    match order["delivery_method"].as_str() {
        Some("ship") => {}
        Some("pickup") => refuse("picked_up", "delivery_method", "the customer picks it up"),
        Some("carry_out") => refuse("picked_up", "delivery_method", "the customer carried it out"),
        _ => refuse("no_delivery", "delivery_method", "it does not say that it is shipped"),
    }
    if order["status"] == "cancelled" {
        refuse("cancelled", "status", "the order is cancelled");
    }
    if !matches!(order["payment_status"].as_str(), Some("paid" | "authorized") | None)
        && order["status"] != "cancelled"
    {
        refuse("not_paid", "payment_status", "the order is not paid");
    }
    if order["purchase_type"] == "refund" {
        refuse("refund", "purchase_type", "it is a refund");
    }
    match order["fulfillment_status"].as_str() {
        Some("delivered") => refuse("fulfilled", "fulfillment_status", "all of it has been sent"),
        Some("No Fulfillment Required") => {
            refuse("nothing_to_ship", "fulfillment_status", "nothing in it needs to be sent");
        }
        _ => {}
    }
}

/// What a carrier needs of an address.
fn address(address: &Value, reasons: &mut Vec<Reason>) {
    const NEEDED: [(&str, &str); 6] = [
        ("name", "shipping_address.name"),
        ("street_1", "shipping_address.street_1"),
        ("city", "shipping_address.city"),
        ("state", "shipping_address.state"),
        ("postal_code", "shipping_address.postal_code"),
        ("country", "shipping_address.country"),
    ];
    if address.is_null() {
        let message = "it has no shipping address".to_owned();
        reasons.push(Reason { code: "no_address", field: "shipping_address", message });
        return;
    }
    for (name, field) in NEEDED {
        if address[name].as_str().is_none_or(|text| text.trim().is_empty()) {
            reasons.push(Reason {
                code: "address",
                field,
                message: format!("the shipping address has no {name}"),
            });
        }
    }
    let letters = |text: &str| -> String {
        text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>().to_lowercase()
    };
    for (name, field) in
        [("street_1", "shipping_address.street_1"), ("street_2", "shipping_address.street_2")]
    {
        // Carriers hand alcohol to a person who can prove an age.
        if address[name].as_str().map(letters).is_some_and(|text| text.starts_with("pobox")) {
            let message = "a carrier can't hand it to a person at a post office box".to_owned();
            reasons.push(Reason { code: "po_box", field, message });
        }
    }
}

/// The millilitres by type of product.
fn volumes(order: &Value, reasons: &mut Vec<Reason>) -> Map<String, Value> {
    let mut volumes = Map::new();
    for item in super::list(order, "line_items") {
        let kind = item["type"].as_str().or_else(|| item["product"]["type"].as_str()).unwrap_or("other");
        let quantity = item["quantity"].as_i64().unwrap_or(0);
        match item["volume_ml"].as_i64() {
            Some(volume) if volume > 0 => {
                let sum = volumes.get(kind).and_then(Value::as_i64).unwrap_or(0) + volume * quantity;
                volumes.insert(kind.to_owned(), sum.into());
            }
            _ if item["tax_type"] == "Wine" && item["requires_shipping"] == true => {
                let name = item["name"].as_str().unwrap_or("an item");
                let message = format!("{name} is wine and has no volume");
                reasons.push(Reason { code: "no_volume", field: "line_items", message });
            }
            _ => {}
        }
    }
    volumes
}

/// The age of whoever receives it on the day of shipping, and the one that is needed there.
fn age(
    order: &Value,
    asked: &Asked,
    ship_on: Date,
    is_alcohol: bool,
    reasons: &mut Vec<Reason>,
) -> (Option<i16>, i16) {
    let address = &order["shipping_address"];
    let minimum = asked
        .minimum_age
        .unwrap_or_else(|| legal_age(address["country"].as_str(), address["state"].as_str()));
    let born = [&order["shipping_address"], &order["billing_address"]]
        .into_iter()
        .find_map(|address| address["birth_date"].as_str()?.parse::<Date>().ok());
    let Some(born) = born else {
        if is_alcohol {
            let message = "nobody's date of birth is given: the age can't be checked".to_owned();
            reasons.push(Reason { code: "no_birth_date", field: "shipping_address.birth_date", message });
        }
        return (None, minimum);
    };
    let age = born.until((Unit::Year, ship_on)).map_or(0, |span| span.get_years());
    if is_alcohol && age < minimum {
        let message = format!("whoever receives it is {age} on the day of shipping, and has to be {minimum}");
        reasons.push(Reason { code: "too_young", field: "shipping_address.birth_date", message });
    }
    (Some(age), minimum)
}

/// The age for buying wine: 21 in the United States, 18 or 19 by Canada's provinces, 20 in Japan, 18 elsewhere.
fn legal_age(country: Option<&str>, state: Option<&str>) -> i16 {
    match (country, state) {
        // Where no country is given the strictest is meant.
        (Some("US") | None, _) => 21,
        (Some("CA"), Some("AB" | "MB" | "QC")) => 18,
        (Some("CA"), _) => 19,
        (Some("JP"), _) => 20,
        _ => 18,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> Value {
        json!({
            "compliance_status": "compliant",
            "delivery_method": "ship",
            "status": "active",
            "payment_status": "paid",
            "fulfillment_status": "pending",
            "shipping_address": {
                "name": "Ada Example", "street_1": "1 Vine St", "city": "Napa", "state": "CA",
                "postal_code": "94558", "country": "US", "birth_date": "2000-02-29",
            },
            "line_items": [
                {"name": "Merlot", "type": "Wine", "tax_type": "Wine", "volume_ml": 750, "quantity": 12, "requires_shipping": true},
                {"name": "Cider", "type": "Cider", "volume_ml": 330, "quantity": 6},
                {"name": "Corkscrew", "type": "General Merchandise", "quantity": 1},
            ],
        })
    }

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn codes(order: &Value, asked: &Asked, today: &str) -> Vec<String> {
        let result = check(order, asked, day(today));
        let reasons = result["reasons"].as_array().unwrap();
        assert_eq!(result["may_ship"] == true, reasons.is_empty());
        reasons.iter().map(|reason| reason["code"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn an_order_that_may_ship_says_what_a_shipper_needs() {
        let result = check(&order(), &Asked::default(), day("2026-01-31"));
        assert_eq!(result["may_ship"], true, "{result}");
        assert_eq!(result["volumes_ml"], json!({"Wine": 9000, "Cider": 1980}));
        assert_eq!(result["total_volume_ml"], 10980);
        assert_eq!(result["age"], 25);
        assert_eq!(result["minimum_age"], 21);
    }

    #[test]
    fn every_reason_is_told() {
        let mut order = order();
        order["compliance_status"] = json!("quarantined");
        order["payment_status"] = json!("pending");
        order["shipping_address"]["street_1"] = json!("P.O. Box 12");
        order["shipping_address"]["postal_code"] = json!("");
        order["line_items"][0]["volume_ml"] = Value::Null;
        let asked = Asked { maximum_volume_ml: Some(1000), ..Asked::default() };
        assert_eq!(
            codes(&order, &asked, "2020-01-01"),
            ["quarantined", "not_paid", "address", "po_box", "no_volume", "too_young", "too_much"]
        );
        order["shipping_address"] = Value::Null;
        order["delivery_method"] = json!("pickup");
        assert_eq!(
            codes(&order, &Asked::default(), "2026-01-01"),
            ["quarantined", "picked_up", "not_paid", "no_address", "no_volume", "no_birth_date"]
        );
    }

    #[test]
    fn the_birthday_counts_on_the_day_of_shipping() {
        let on = |ship_on: &str| Asked { ship_on: Some(day(ship_on)), ..Asked::default() };
        assert_eq!(codes(&order(), &on("2021-02-27"), "2026-01-01"), ["too_young"]);
        assert!(codes(&order(), &on("2021-03-01"), "2020-01-01").is_empty());
        let mut canadian = order();
        canadian["shipping_address"]["country"] = json!("CA");
        canadian["shipping_address"]["state"] = json!("QC");
        assert!(codes(&canadian, &on("2018-03-01"), "2020-01-01").is_empty());
        canadian["shipping_address"]["state"] = json!("BC");
        assert_eq!(codes(&canadian, &on("2018-03-01"), "2020-01-01"), ["too_young"]);
    }
}
