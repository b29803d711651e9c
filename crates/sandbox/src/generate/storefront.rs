//! What the storefront reads of the settings, without authentication (facts 6.21, 13).

use serde_json::{Map, Value, json};

use super::house::House;
use super::settings::{PROVINCES, STATES};

impl House {
    /// The answer of `/setting/for-web`.
    pub fn web_setting(&self) -> Value {
        json!({
            // The store's key; it is no part of the answer.
            "id": self.source.id("web setting", 0),
            "url": format!("https://{}.example.com", self.name),
            "timeZone": self.time_zone(),
            "timeFormat": "12 Hour",
            "defaultCountryCode": self.country,
            "defaultAddressFormat": self.address_format(),
            "currency": self.currency(),
            "defaultWeightUnit": if self.country == "CA" { "Kgs" } else { "Lbs" },
            "logo": self.image("logo"),
            "location": {
                "company": null,
                "address": self.locations.first().map(|location| location.address),
                "address2": null,
                "city": self.place.city,
                "stateCode": self.place.state,
                "zipCode": self.place.postal_code,
                "countryCode": self.place.country,
                "phone": self.locations.first().map(|location| location.phone.as_str()),
            },
            "logoLinkUrl": "/",
            "companyName": self.company,
            "facebookLogin": {"usesFacebookLogin": false, "appId": null},
            "googleLogin": {"usesGoogleLogin": false, "clientId": null},
            "primaryPhone": self.locations.first().map(|location| location.phone.as_str()),
            "primaryEmail": format!("hello@{}.example.com", self.name),
            "continueShopping": "/collection/all-wines",
            "routerType": "Browser",
            "baseRoute": Self::base_route(),
            "clubList": "/club",
            "reservationList": "/reservation",
            "operatingCountryCodes": ["US", "CA"],
            "operatingStateCodes": STATES.iter().chain(PROVINCES).collect::<Vec<_>>(),
            "websiteMessages": {},
            "minimumAge": if self.country == "CA" { 19 } else { 21 },
            "compliance": {
                "askForBillingAddress": "Only When Required",
                "askForBillingBirthdate": "Only When Required",
                "askForShippingBirthdate": "Only When Required",
            },
            "payment": {"gateway": "Stripe"},
            "reservations": {
                "leadTimeInHours": 0,
                "availabilityStartTime": "10:00:00",
                "availabilityEndTime": "16:00:00",
                "availabilityStartGuestCount": 1,
                "availabilityEndGuestCount": 20,
            },
            "shipCompliant": {
                "usesShipCompliant": self.country == "US",
                "usesCarrierPickupLocations": false,
                "carrierForPickupLocations": "FedEx",
            },
            "wineShipping": {"usesWineShipping": false, "customerNumber": null, "mode": "Staging"},
            "loyalty": {
                "hasLoyalty": true,
                "status": "Active",
                "pointsOnCustomerCreate": 0,
                "arePointsEarnedOnShipping": false,
                "arePointsEarnedOnTaxes": false,
                "redemptionRate": 0.01,
                "redemptionLimitPercentage": 100,
                "tiers": self.tiers().collect::<Vec<_>>(),
            },
            "hasClubs": true,
            "hasReservations": true,
            "hasAllocations": false,
            "hasShipping": true,
            "createdAt": self.opened(),
            "apps": [],
            "stripe": {"accountId": null},
            "cached": true,
        })
    }

    /// How addresses of the winery's own country are asked for and shown.
    fn address_format(&self) -> Value {
        let is_canadian = self.country == "CA";
        let states = if is_canadian { PROVINCES } else { STATES };
        let by_state = |value: &dyn Fn(&str) -> Value| -> Map<String, Value> {
            states.iter().map(|state| ((*state).to_owned(), value(state))).collect()
        };
        json!({
            "label": if is_canadian { "Canada" } else { "United States" },
            "code": self.country,
            "address": {"label": "Address", "autoComplete": "address-line1"},
            "address2": {
                "label": "Address 2",
                "isRequired": false,
                "description": "Unit or floor",
                "autoComplete": "address-line2",
            },
            "zipCode": postal_code(is_canadian),
            "city": {"label": "City", "autoComplete": "address-level2"},
            "stateCode": {
                "label": if is_canadian { "Province" } else { "State" },
                "autoComplete": "address-level1",
                "options": states.iter().map(|state| json!({"value": state, "option": name(state)})).collect::<Vec<_>>(),
                "states": by_state(&|state| json!(name(state))),
            },
            "formFormat": [["address"], ["address2"], ["zipCode", "city", "stateCode"]],
            "viewFormat": [["address"], ["address2"], ["city", "stateCode", "zipCode"]],
            "compliance": by_state(&|_| json!({
                "requiresBillToAddress": false,
                "requiresBillToBirthDate": false,
                "requiresShipToBirthDate": false,
            })),
        })
    }
}

/// How postal codes are tidied and checked.
fn postal_code(is_canadian: bool) -> Value {
    let (label, junk, length, parts, shown, valid) = if is_canadian {
        let valid = "^[A-Za-z][0-9][A-Za-z] ?[0-9][A-Za-z][0-9]$";
        ("Postal Code", "[^0-9A-Za-z]", 4, "^(.{3})(.{1,3})$", "$1 $2", valid)
    } else {
        ("Zip Code", "[^0-9/-]", 6, "^([0-9]{5})-?([0-9]{1,4})$", "$1-$2", "^[0-9]{5}(?:-[0-9]{4})?$")
    };
    json!({
        "label": label,
        "autoComplete": "postal-code",
        "isZipLookup": true,
        "helpLabel": format!("{label} fills in the rest"),
        "normalize": {"regex": junk, "regexFlags": "g", "value": ""},
        "format": {"minLength": length, "regex": parts, "regexFlags": "gi", "value": shown},
        "validate": {"regex": valid, "errorMessage": format!("Not a valid {label}")},
    })
}

/// The name of a state or province.
fn name(code: &str) -> &str {
    match code {
        "AB" => "Alberta",
        "AZ" => "Arizona",
        "BC" => "British Columbia",
        "CA" => "California",
        "CO" => "Colorado",
        "FL" => "Florida",
        "MB" => "Manitoba",
        "MN" => "Minnesota",
        "NB" => "New Brunswick",
        "NY" => "New York",
        "ON" => "Ontario",
        "OR" => "Oregon",
        "TN" => "Tennessee",
        "TX" => "Texas",
        "VA" => "Virginia",
        "WA" => "Washington",
        other => other,
    }
}
