//! Settings of the admin, taxes, shipping, tags, custom fields, loyalty tiers and the reference lists.

use serde_json::{Value, json};

use super::house::{House, TAGS, TIERS, Tag};
use super::memberships::club_object;
use super::tax::TAXES;

/// The states and provinces that are shipped to.
pub(super) const STATES: &[&str] = &["AZ", "CA", "CO", "FL", "MN", "NY", "OR", "TN", "TX", "VA", "WA"];
pub(super) const PROVINCES: &[&str] = &["AB", "BC", "MB", "NB", "ON"];

impl House {
    pub(super) fn currency(&self) -> &'static str {
        if self.country == "CA" { "CAD" } else { "USD" }
    }

    pub(super) fn time_zone(&self) -> &'static str {
        if self.country == "CA" { "America/Vancouver" } else { "America/Los_Angeles" }
    }

    pub(super) fn base_route() -> Value {
        json!({
            "profile": "/profile",
            "product": "/product",
            "reservation": "/reservation",
            "checkout": "/checkout",
            "collection": "/collection",
            "cart": "/cart",
            "club": "/club",
        })
    }

    /// The one row of `/setting` (facts 6.21).
    pub fn setting(&self) -> Value {
        json!({
            "id": self.source.id("setting", 0),
            "companyName": self.company,
            "businessNumber": null,
            "logo": self.image("logo"),
            "primaryEmail": format!("hello@{}.example.com", self.name),
            "primaryPhone": self.locations.first().map(|location| location.phone.as_str()),
            "continueShopping": "/collection/all-wines",
            "clubList": "/club",
            "reservationList": "/reservation",
            "routerType": "Browser",
            "url": format!("https://{}.example.com", self.name),
            "timeZone": self.time_zone(),
            "timeFormat": "12 Hour",
            "currency": self.currency(),
            "defaultWeightUnit": if self.country == "CA" { "Kgs" } else { "Lbs" },
            "defaultCountryCode": self.country,
            "operatingCountryCodes": ["US", "CA"],
            "operatingStateCodes": STATES.iter().chain(PROVINCES).collect::<Vec<_>>(),
            "usesOpusOneFedEx": false,
            "emailLogo": self.image("email-logo"),
            "minimumAge": if self.country == "CA" { 19 } else { 21 },
            "setupGuideStatus": "Completed",
            "baseRoute": Self::base_route(),
            "createdAt": self.opened(),
            "updatedAt": self.opened(),
        })
    }

    /// The loyalty tiers (facts 6.22).
    pub fn tiers(&self) -> impl Iterator<Item = Value> {
        TIERS.iter().enumerate().map(|(at, (title, is_base, qualification, amount))| {
            let mut tier = json!({
                "id": self.source.id("loyalty tier", at),
                "title": title,
                "isBaseTier": is_base,
                "qualificationType": qualification,
                "earnRate": 1,
                "sortOrder": at,
                "createdAt": self.opened(),
                "updatedAt": self.opened(),
            });
            match *qualification {
                "Yearly Value" => tier["yearlyValueToQualify"] = json!(amount),
                "Club" => {
                    let clubs = self.clubs.iter().map(|club| club_object(self, club));
                    tier["clubsToQualify"] = clubs.collect();
                }
                _ => tier["lifetimeValueToQualify"] = json!(amount),
            }
            tier
        })
    }

    /// The tags of all object types (facts 6.17).
    pub fn tags(&self) -> impl Iterator<Item = Value> {
        TAGS.iter().enumerate().map(|(at, Tag { condition, .. })| {
            let mut tag = self.tag(at);
            tag["conditions"] = condition
                .iter()
                .map(|(applies_to, value)| {
                    json!({
                        "id": self.source.id("tag condition", at),
                        "appliesTo": applies_to,
                        "condition": "is equal to",
                        "value": value,
                    })
                })
                .collect();
            if condition.is_some() {
                tag["backPopulate"] = json!({
                    "currentPage": 5,
                    "totalPages": 5,
                    "cursor": self.source.id("tag cursor", at),
                    "status": "Completed",
                    "processDate": self.opened(),
                });
            }
            tag
        })
    }

    /// The groups: what customer tags were once called (facts 6.23).
    pub fn groups(&self) -> impl Iterator<Item = Value> {
        let customer_tags = TAGS
            .iter()
            .enumerate()
            .filter(|(_, tag)| tag.object_type == "Customer" && tag.condition.is_none());
        customer_tags.map(|(at, Tag { title, .. })| {
            json!({
                "id": self.source.id("tag", at),
                "title": title,
                "type": "Manual",
                "createdAt": self.opened(),
                "updatedAt": self.opened(),
            })
        })
    }

    /// The custom fields (facts 6.18).
    pub fn meta_data_configs(&self) -> impl Iterator<Item = Value> {
        const FIELDS: &[(&str, &str, &str, &str, &[&str])] = &[
            (
                "Customer",
                "Favourite varietal",
                "favourite-varietal",
                "Select",
                &["Pinot Noir", "Chardonnay", "Syrah"],
            ),
            ("Customer", "Has visited the winery", "has-visited-the-winery", "True / False", &[]),
            ("Customer", "VIP code", "vip-code", "Integer", &[]),
            ("Order", "Gift wrap", "gift-wrap", "True / False", &[]),
            ("Product", "Vineyard block", "vineyard-block", "String", &[]),
            ("Club Membership", "Allergies", "allergies", "TextArea", &[]),
            ("Reservation", "Occasion", "occasion", "Radio", &["Birthday", "Anniversary", "None"]),
        ];
        FIELDS.iter().enumerate().map(|(at, (object_type, title, code, data_type, options))| {
            json!({
                "id": self.source.id("meta data config", at),
                "title": title,
                "objectType": object_type,
                "code": code,
                "dataType": data_type,
                "isRequired": false,
                "options": options,
                "sortOrder": at + 1,
                "createdAt": self.opened(),
                "updatedAt": self.opened(),
            })
        })
    }

    /// The taxes (facts 6.20): those of the winery's country. Bottle fees come from elsewhere and are not listed.
    pub fn taxes(&self) -> impl Iterator<Item = Value> {
        let own = TAXES.iter().enumerate().filter(|(_, tax)| tax.country == self.country && !tax.is_flat());
        own.map(|(at, tax)| {
            let rate = |rate: i64| match rate {
                rate if rate % 1_000 == 0 => json!(rate / 1_000),
                rate => json!(rate as f64 / 1_000.0),
            };
            json!({
                "id": self.source.id("tax", at),
                "title": tax.title,
                "countryCode": tax.country,
                "stateCode": tax.state,
                "freight": rate(tax.freight),
                "food": rate(tax.food),
                "generalMerchandise": rate(tax.general),
                "wine": rate(tax.wine),
                "taxCalculation": if tax.is_instead_of { "Instead Of" } else { "Added" },
                "createdAt": self.opened(),
                "updatedAt": self.opened(),
            })
        })
    }

    /// The shipping zones (facts 6.19).
    pub fn shippings(&self) -> impl Iterator<Item = Value> {
        let zones = [("USA", "US", STATES), ("Canada", "CA", PROVINCES)];
        zones.into_iter().enumerate().map(|(zone, (title, country, states))| {
            let regions = states.iter().enumerate().map(|(at, state)| {
                json!({
                    "id": self.source.id("shipping region", zone * 64 + at),
                    "countryCode": country,
                    "stateCode": state,
                })
            });
            let rates = (1..=4).map(|at| {
                json!({
                    "id": self.source.id("shipping rate", zone * 8 + at),
                    "toWeight": at * 36,
                    // Whole units of the currency, as the printed samples seem to have it.
                    "price": at * 15,
                    "weightUnits": "Lbs",
                })
            });
            json!({
                "id": self.source.id("shipping", zone),
                "title": title,
                "createdAt": self.opened(),
                "updatedAt": self.opened(),
                "regions": regions.collect::<Vec<_>>(),
                "services": [{
                    "id": self.source.id("shipping service", zone),
                    "title": "Ground",
                    "code": "FEX",
                    "carrier": "FedEx",
                    "isActive": true,
                    "isDefault": true,
                    "sortOrder": 1,
                    "rates": rates.collect::<Vec<_>>(),
                    "topRate": {
                        "id": self.source.id("shipping top rate", zone),
                        "isWrapShipping": true,
                        "forEveryXWeight": null,
                        "weightUnits": null,
                        "price": null,
                    },
                }],
            })
        })
    }
}

/// The appellations that Commerce7 knows: the same for all wineries (facts 6.25).
pub(crate) fn appellations() -> impl Iterator<Item = Value> {
    include_str!("../../data/wine-appellations.tsv").lines().map(|line| {
        let mut fields = line.split('\t');
        let (id, country, region) = (fields.next(), fields.next(), fields.next());
        let (appellation, created) = (fields.next(), fields.next());
        json!({
            "id": id,
            "countryCode": country,
            "region": region,
            "appellation": appellation,
            "createdAt": created,
            "updatedAt": created,
        })
    })
}

/// The varietals that Commerce7 knows: the same for all wineries (facts 6.25).
pub(crate) fn varietals() -> impl Iterator<Item = Value> {
    include_str!("../../data/wine-varietals.tsv").lines().map(|line| {
        let mut fields = line.split('\t');
        let (id, colour, varietal, created) = (fields.next(), fields.next(), fields.next(), fields.next());
        json!({"id": id, "type": colour, "varietal": varietal, "createdAt": created, "updatedAt": created})
    })
}
