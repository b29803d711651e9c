//! What every winery has, whoever buys: locations, departments, clubs, tags, experiences, tiers, and their objects.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Dice;
use super::dice::{DAY, timestamp};
use super::people::{Place, phone, winery_place};
use super::source::Source;
use crate::{AppCredentials, Tenant};

/// A winery without people, products and sales.
#[derive(Debug)]
pub(crate) struct House {
    pub source: Source,
    pub name: String,
    pub company: String,
    /// `US` or `CA`: currency, time zone and taxes go by it.
    pub country: &'static str,
    pub place: Place,
    pub locations: Vec<Location>,
    pub clubs: Vec<Club>,
    pub packages: Vec<Package>,
}

/// Where stock lies.
#[derive(Debug)]
pub(crate) struct Location {
    pub id: Uuid,
    pub title: &'static str,
    pub address: &'static str,
    pub phone: String,
    pub ships: bool,
}

/// A wine club.
#[derive(Debug)]
pub(crate) struct Club {
    pub id: Uuid,
    pub title: &'static str,
    pub slug: &'static str,
    pub content: Option<&'static str>,
    pub is_subscription: bool,
}

/// One shipment of a traditional club to all its members.
#[derive(Debug)]
pub(crate) struct Package {
    pub id: Uuid,
    pub club: usize,
    pub title: String,
    pub process_date: i64,
}

/// The first app's id; the others' begin with it.
const APP_ID: &str = "decant-sandbox";

/// Places of the locations in [`House::locations`].
pub(crate) const WAREHOUSE: usize = 0;
pub(crate) const TASTING_ROOM: usize = 1;

/// A department: title and code.
pub(crate) const DEPARTMENTS: &[(&str, &str)] =
    &[("Wine", "Wine"), ("Merchandise", "Merchandise"), ("Food", "Food"), ("Hospitality", "Hospitality")];

/// The makers of what the winery does not make itself.
pub(crate) const VENDORS: &[&str] = &["Juniper Lane Glassworks", "Little Larder Foods"];

/// A collection: title, slug, and the condition of a dynamic one.
pub(crate) const COLLECTIONS: &[(&str, &str, Option<&str>)] = &[
    ("All Wines", "all-wines", Some("One or more conditions")),
    ("Reds", "reds", None),
    ("Whites, Rosé & Sparkling", "whites-rose-sparkling", None),
    ("Library Wines", "library-wines", None),
    ("Gifts & Merchandise", "gifts-merchandise", None),
    ("Visits", "visits", None),
];

/// A tag that objects can be given.
#[derive(Debug)]
pub(crate) struct Tag {
    pub object_type: &'static str,
    pub title: &'static str,
    /// What a dynamic one looks at, and the value that has it given.
    pub condition: Option<(&'static str, &'static str)>,
}

const fn manual(object_type: &'static str, title: &'static str) -> Tag {
    Tag { object_type, title, condition: None }
}

/// The tags.
pub(crate) static TAGS: [Tag; 10] = [
    manual("Customer", "VIP"),
    manual("Customer", "Trade"),
    manual("Customer", "Local"),
    manual("Customer", "Newsletter Competition"),
    Tag { object_type: "Customer", title: "California", condition: Some(("State", "CA")) },
    manual("Order", "Gift"),
    manual("Order", "Rush"),
    manual("ClubMembership", "Founding Member"),
    manual("Reservation", "Birthday"),
    manual("Reservation", "Trade Visit"),
];
/// How many of the tags customers can be given by hand.
pub(crate) const MANUAL_CUSTOMER_TAGS: usize = 4;
/// The dynamic tag of customers in California.
pub(crate) const CALIFORNIA_TAG: usize = 4;
pub(crate) const GIFT_TAG: usize = 5;
pub(crate) const RUSH_TAG: usize = 6;
pub(crate) const FOUNDING_TAG: usize = 7;
pub(crate) const BIRTHDAY_TAG: usize = 8;

/// A visit that can be booked.
#[derive(Debug)]
pub(crate) struct Experience {
    pub title: &'static str,
    pub slug: &'static str,
    pub tour_type: &'static str,
    /// `Table` or `Communal`.
    pub kind: &'static str,
    /// When it is paid for.
    pub charge: &'static str,
    /// Cents a guest.
    pub price: i64,
    pub minutes: i64,
    pub most_guests: i64,
}

/// The experiences.
pub(crate) static EXPERIENCES: [Experience; 3] = [
    Experience {
        title: "Estate Tasting",
        slug: "estate-tasting",
        tour_type: "Tasting",
        kind: "Communal",
        charge: "On Reservation Booking",
        price: 2_500,
        minutes: 45,
        most_guests: 20,
    },
    Experience {
        title: "Cellar Tour & Tasting",
        slug: "cellar-tour",
        tour_type: "Tour",
        kind: "Table",
        charge: "On Check In",
        price: 4_500,
        minutes: 105,
        most_guests: 8,
    },
    Experience {
        title: "Harvest Lunch",
        slug: "harvest-lunch",
        tour_type: "Tasting",
        kind: "Table",
        charge: "On Reservation Booking",
        price: 9_500,
        minutes: 150,
        most_guests: 6,
    },
];

/// A loyalty tier: title, whether it is the base, what qualifies, the amount where one does.
pub(crate) const TIERS: &[(&str, bool, &str, Option<i64>)] = &[
    ("Gold Tier", false, "Yearly Value", Some(100_000)),
    ("Silver Tier", false, "Club", None),
    ("Base Tier", true, "Lifetime Value", Some(0)),
];

/// Members of staff: first and last name, and role.
pub(crate) const STAFF: &[(&str, &str, &str)] = &[
    ("Avery", "Stonefield", "Admin Owner"),
    ("Robin", "Larkspur", "Standard"),
    ("Casey", "Thistle", "POS Standard"),
];

/// Names of wineries: none of them exists.
const WINERIES: &[(&str, &str)] = &[
    ("silver-oak-hill", "Silver Oak Hill Winery"),
    ("copper-heron", "Copper Heron Cellars"),
    ("quiet-lantern", "Quiet Lantern Vineyards"),
    ("north-orchard-bench", "North Orchard Bench Winery"),
    ("amber-fox-creek", "Amber Fox Creek Wines"),
    ("blue-thistle-farm", "Blue Thistle Farm & Winery"),
    ("winter-sparrow", "Winter Sparrow Cellars"),
    ("cedar-and-slate", "Cedar & Slate Estate"),
];

impl House {
    /// The house of tenant number `source.tenant`; each fourth stands in Canada.
    pub fn new(source: Source) -> Self {
        let number = source.tenant as usize;
        let (name, company) = WINERIES.get(number % WINERIES.len()).copied().unwrap_or_default();
        let round = number / WINERIES.len();
        let (name, company) = match round {
            0 => (name.to_owned(), company.to_owned()),
            _ => (format!("{name}-{}", round + 1), format!("{company} {}", round + 1)),
        };
        let country = if number % 4 == 3 { "CA" } else { "US" };
        let place = winery_place(country);
        let locations = locations(&source, place);
        let clubs = clubs(&source);
        let packages = packages(&source, &clubs);
        Self { source, name, company, country, place, locations, clubs, packages }
    }

    /// Name, credentials and user of this winery. An app's credentials serve all wineries.
    pub fn tenant(&self, apps: u32) -> Tenant {
        let secret = |app: u32| {
            let mut secret = Dice::new(self.source.seed, 0, "app secret", u64::from(app));
            format!("{}{}", secret.uuid().simple(), secret.uuid().simple())
        };
        let other_apps = (1..apps)
            .map(|app| AppCredentials { app_id: format!("{APP_ID}-{}", app + 1), app_secret: secret(app) });
        Tenant {
            name: self.name.clone(),
            company: self.company.clone(),
            app_id: APP_ID.to_owned(),
            app_secret: secret(0),
            other_apps: other_apps.collect(),
            account_token: self.account_token(),
            counts: crate::Counts::default(),
        }
    }

    /// The token of the first user's session, with the parts and keys that were seen of Commerce7's (facts 1.2). It is not signed:
    /// only Commerce7 itself could check that.
    fn account_token(&self) -> String {
        let user = account(self.source);
        let payload = json!({
            "sub": user["id"],
            "firstName": user["firstName"],
            "lastName": user["lastName"],
            "iat": self.source.now,
            "email": user["email"],
            "type": "Account",
        });
        let mut signature = self.source.dice("account token", 0);
        let parts = [
            json!({"alg": "HS256", "typ": "JWT"}).to_string().into_bytes(),
            payload.to_string().into_bytes(),
            [*signature.uuid().as_bytes(), *signature.uuid().as_bytes()].concat(),
        ];
        parts.map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
    }

    /// A location; there is always one.
    pub fn location(&self, at: usize) -> Option<&Location> {
        self.locations.get(at).or(self.locations.first())
    }

    /// The moment the winery came to Commerce7, as text.
    pub fn opened(&self) -> String {
        timestamp(self.source.opening())
    }

    /// A picture of the winery's.
    pub fn image(&self, file: &str) -> String {
        format!("https://images.example.com/{}/images/original/{file}.png", self.name)
    }

    /// A tag as it stands in tagged objects.
    pub fn tag(&self, at: usize) -> Value {
        let tag = &TAGS[at % TAGS.len()];
        json!({
            "id": self.source.id("tag", at),
            "title": tag.title,
            "objectType": tag.object_type,
            "type": if tag.condition.is_some() { "Dynamic" } else { "Manual" },
            "appliesToCondition": tag.condition.map(|_| "One or more conditions"),
            "createdAt": self.opened(),
            "updatedAt": self.opened(),
        })
    }

    /// A member of staff as orders and memberships name one.
    pub fn sales_associate(&self, at: usize) -> Value {
        let (first, last, _) = STAFF.get(at % STAFF.len()).copied().unwrap_or_default();
        json!({"accountId": self.source.id("staff", at % STAFF.len()), "name": format!("{first} {last}")})
    }
}

fn locations(source: &Source, place: Place) -> Vec<Location> {
    let phone = |at| phone(&mut source.dice("location phone", at), place);
    let location = |at, title, address, ships| Location {
        id: source.id("inventory location", at),
        title,
        address,
        phone: phone(at),
        ships,
    };
    vec![
        location(0, "Warehouse", "12 Crush Pad Road", true),
        location(1, "Tasting Room", "1 Estate Drive", false),
        location(2, "Downtown Tasting Room", "208 Example Street", false),
    ]
}

fn clubs(source: &Source) -> Vec<Club> {
    let club = |at, title, slug, content, is_subscription| Club {
        id: source.id("club", at),
        title,
        slug,
        content,
        is_subscription,
    };
    vec![
        club(0, "Estate Club", "estate-club", Some("<p>Six bottles, four times a year.</p>"), false),
        club(
            1,
            "Red Club",
            "red-club",
            Some("<ul>\n<li>Reds only</li>\n<li>Four times a year</li>\n</ul>"),
            false,
        ),
        club(2, "White Club", "white-club", None, false),
        club(3, "Cellar Subscription", "cellar-subscription", Some("<p>Your wines, your rhythm.</p>"), true),
    ]
}

/// Four a year for each traditional club, from before the first member to the one being planned.
fn packages(source: &Source, clubs: &[Club]) -> Vec<Package> {
    const SEASONS: [&str; 4] = ["Winter", "Spring", "Summer", "Fall"];
    let mut packages = Vec::new();
    for (club, of) in clubs.iter().enumerate().filter(|(_, club)| !club.is_subscription) {
        for quarter in 0..13 {
            let process_date = source.start() + 20 * DAY + quarter * 91 * DAY;
            let date = super::dice::date(process_date);
            let (year, month) = (date.get(..4).unwrap_or_default(), date.get(5..7).unwrap_or_default());
            let season = month.parse::<usize>().map_or(0, |month| (month % 12) / 3);
            packages.push(Package {
                id: source.id("club package", packages.len()),
                club,
                title: format!("{} {year} {}", SEASONS.get(season).copied().unwrap_or_default(), of.title),
                process_date,
            });
        }
    }
    packages
}

/// The user of a winery's session, as `GET /account/user` shows it (facts 1.2).
pub(crate) fn account_user(tenant: &Tenant) -> Value {
    let payload = tenant.account_token.split('.').nth(1).unwrap_or_default();
    let payload = URL_SAFE_NO_PAD.decode(payload).unwrap_or_default();
    let payload: Value = serde_json::from_slice(&payload).unwrap_or_default();
    json!({
        "id": payload["sub"],
        "firstName": payload["firstName"],
        "lastName": payload["lastName"],
        "email": payload["email"],
        "role": STAFF.first().map(|(_, _, role)| *role),
    })
}

/// The first of the staff.
fn account(source: Source) -> Value {
    let (first, last, _) = STAFF.first().copied().unwrap_or_default();
    json!({
        "id": source.id("staff", 0),
        "firstName": first,
        "lastName": last,
        "email": format!("{first}.{last}@example.com").to_lowercase(),
    })
}
