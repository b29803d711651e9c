//! Invented people: names from lists, addresses of example streets, numbers reserved for fiction.

use super::Dice;

const FIRST_NAMES: &[&str] = &[
    "Ada",
    "Adrian",
    "Alma",
    "Amos",
    "Anika",
    "Arlo",
    "Astrid",
    "Beatriz",
    "Bennett",
    "Blanca",
    "Bram",
    "Calla",
    "Caspian",
    "Celeste",
    "Cyrus",
    "Dahlia",
    "Darius",
    "Delia",
    "Dimitri",
    "Edith",
    "Elio",
    "Elodie",
    "Emeka",
    "Esme",
    "Ezra",
    "Fatima",
    "Felix",
    "Fiona",
    "Gideon",
    "Greta",
    "Hana",
    "Hector",
    "Hugo",
    "Ida",
    "Ilse",
    "Imani",
    "Ines",
    "Ivo",
    "Jasper",
    "Joaquin",
    "Josephine",
    "Kaia",
    "Kenji",
    "Lars",
    "Leila",
    "Linnea",
    "Lorenzo",
    "Lucia",
    "Magnus",
    "Maren",
    "Mateo",
    "Mei",
    "Milo",
    "Nadia",
    "Nils",
    "Noor",
    "Octavia",
    "Odin",
    "Opal",
    "Otis",
    "Paloma",
    "Priya",
    "Quentin",
    "Rafael",
    "Renata",
    "Rhea",
    "Roman",
    "Rosalind",
    "Sana",
    "Silas",
    "Soren",
    "Tamsin",
    "Theo",
    "Ulric",
    "Uma",
    "Vera",
    "Viggo",
    "Wanda",
    "Xenia",
    "Zora",
];

const LAST_NAMES: &[&str] = &[
    "Abernathy",
    "Achterberg",
    "Albright",
    "Amundsen",
    "Ashgrove",
    "Bellweather",
    "Birkland",
    "Blackthorn",
    "Brightwater",
    "Calloway",
    "Castellan",
    "Chandrasekar",
    "Cloverdale",
    "Corrigan",
    "Dalgaard",
    "Delacroix",
    "Driftwood",
    "Eastlake",
    "Eberhardt",
    "Fairbourne",
    "Fenwick",
    "Fontaine",
    "Galbraith",
    "Garrido",
    "Greywood",
    "Halvorsen",
    "Hawksley",
    "Holloway",
    "Ibarra",
    "Inglewood",
    "Jankowski",
    "Kessler",
    "Kingsbury",
    "Kowalczyk",
    "Lachance",
    "Lindqvist",
    "Lockhart",
    "Maplethorpe",
    "Marchetti",
    "Merriweather",
    "Montague",
    "Moravec",
    "Nakashima",
    "Northcott",
    "Oakhurst",
    "Okonkwo",
    "Olmstead",
    "Pemberton",
    "Pettersson",
    "Quillfeather",
    "Ravenhill",
    "Redfern",
    "Rosenthal",
    "Rutherglen",
    "Saltmarsh",
    "Santangelo",
    "Silverton",
    "Sommerfeld",
    "Stonebridge",
    "Thackeray",
    "Thornbury",
    "Tolliver",
    "Underhill",
    "Valcourt",
    "Vandermeer",
    "Villanueva",
    "Wainwright",
    "Westergaard",
    "Whitlock",
    "Winterbourne",
    "Wolfsbane",
    "Yarborough",
    "Yamaguchi",
    "Zeller",
    "Zimmerlin",
];

const STREETS: &[&str] = &[
    "Example Street",
    "Sample Avenue",
    "Vintner Lane",
    "Harvest Road",
    "Barrel Court",
    "Orchard Drive",
    "Cork Way",
    "Trellis Place",
    "Crush Pad Road",
    "Old Press Lane",
    "Terrace Avenue",
    "Bottle Rock Road",
];

/// A place people live at: city, state, postal code, country, and its area code.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Place {
    pub city: &'static str,
    pub state: &'static str,
    pub postal_code: &'static str,
    pub country: &'static str,
    area: &'static str,
}

const fn us(city: &'static str, state: &'static str, postal_code: &'static str, area: &'static str) -> Place {
    Place { city, state, postal_code, country: "US", area }
}

const fn canada(
    city: &'static str,
    state: &'static str,
    postal_code: &'static str,
    area: &'static str,
) -> Place {
    Place { city, state, postal_code, country: "CA", area }
}

const US_PLACES: &[Place] = &[
    us("Napa", "CA", "94558", "707"),
    us("Sonoma", "CA", "95476", "707"),
    us("San Francisco", "CA", "94110", "415"),
    us("Oakland", "CA", "94607", "510"),
    us("Sacramento", "CA", "95814", "916"),
    us("San Diego", "CA", "92101", "619"),
    us("Los Angeles", "CA", "90012", "213"),
    us("Santa Barbara", "CA", "93101", "805"),
    us("Paso Robles", "CA", "93446", "805"),
    us("San Jose", "CA", "95113", "408"),
    us("Portland", "OR", "97205", "503"),
    us("Bend", "OR", "97701", "541"),
    us("Seattle", "WA", "98101", "206"),
    us("Walla Walla", "WA", "99362", "509"),
    us("Austin", "TX", "78701", "512"),
    us("Houston", "TX", "77002", "713"),
    us("Denver", "CO", "80202", "303"),
    us("Phoenix", "AZ", "85004", "602"),
    us("New York", "NY", "10011", "212"),
    us("Rochester", "NY", "14604", "585"),
    us("Miami", "FL", "33130", "305"),
    us("Tampa", "FL", "33602", "813"),
    us("Richmond", "VA", "23219", "804"),
    us("Minneapolis", "MN", "55401", "612"),
    us("Nashville", "TN", "37203", "615"),
];

const CANADIAN_PLACES: &[Place] = &[
    canada("Vancouver", "BC", "V6B 2S2", "604"),
    canada("Kelowna", "BC", "V1Y 6N2", "250"),
    canada("Penticton", "BC", "V2A 5B1", "250"),
    canada("Victoria", "BC", "V8W 1P6", "250"),
    canada("Calgary", "AB", "T2P 1J9", "403"),
    canada("Edmonton", "AB", "T5J 2R7", "780"),
    canada("Toronto", "ON", "M5V 2T6", "416"),
    canada("Niagara-on-the-Lake", "ON", "L0S 1J0", "905"),
    canada("Winnipeg", "MB", "R3C 0A5", "204"),
    canada("Moncton", "NB", "E1C 1G4", "506"),
];

/// A first and a last name.
pub(crate) fn name(dice: &mut Dice) -> (&'static str, &'static str) {
    (dice.pick(FIRST_NAMES), dice.pick(LAST_NAMES))
}

/// A place: mostly in the winery's country.
pub(crate) fn place(dice: &mut Dice, country: &str) -> Place {
    let at_home = dice.percent(96);
    if (country == "CA") == at_home { dice.pick(CANADIAN_PLACES) } else { dice.pick(US_PLACES) }
}

/// The place a winery stands at.
pub(crate) fn winery_place(country: &str) -> Place {
    let places = if country == "CA" { CANADIAN_PLACES.get(1) } else { US_PLACES.first() };
    places.copied().unwrap_or_default()
}

/// A house number and street.
pub(crate) fn street(dice: &mut Dice) -> String {
    format!("{} {}", dice.between(1, 4_800), dice.pick(STREETS))
}

/// A telephone number of the place in the range set aside for fiction, 555-0100 to 555-0199.
pub(crate) fn phone(dice: &mut Dice, place: Place) -> String {
    format!("+1{}55501{:02}", place.area, dice.below(100))
}

/// An address of the internet that is set aside for documentation.
pub(crate) fn ip_address(dice: &mut Dice) -> String {
    format!("203.0.113.{}", dice.between(1, 254))
}

/// A browser.
pub(crate) fn user_agent(dice: &mut Dice) -> &'static str {
    dice.pick(&[
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:128.0) Gecko/20100101 Firefox/128.0",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
    ])
}
