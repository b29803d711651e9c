//! What a winery sells: wines by varietal and vintage, merchandise, tastings, tickets, gift cards, bundles.

use serde_json::{Value, json};
use uuid::Uuid;

use super::Dice;
use super::dice::{DAY, timestamp};
use super::house::{COLLECTIONS, DEPARTMENTS, House, VENDORS};
use super::orders::Stock;
use super::source::Source;
use super::tax::TaxType;

/// How many products orders choose from at least: what was sold once may be deleted since.
pub(crate) const FEWEST: usize = 12;

/// Commerce7's product types that are generated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProductType {
    #[default]
    Wine,
    GeneralMerchandise,
    Tasting,
    EventTicket,
    GiftCard,
    Bundle,
}

impl ProductType {
    /// Commerce7's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Wine => "Wine",
            Self::GeneralMerchandise => "General Merchandise",
            Self::Tasting => "Tasting",
            Self::EventTicket => "Event Ticket",
            Self::GiftCard => "Gift Card",
            Self::Bundle => "Bundle",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Product {
    pub id: Uuid,
    pub index: usize,
    pub title: String,
    pub sub_title: Option<&'static str>,
    pub product_type: ProductType,
    pub wine: Option<Wine>,
    pub department: usize,
    pub vendor: Option<usize>,
    pub collections: Vec<usize>,
    pub slug: String,
    pub image: String,
    pub variants: Vec<Variant>,
    pub bundle: Vec<Component>,
    is_retired: bool,
    is_for_tag: bool,
    updated: i64,
}

#[derive(Clone, Debug)]
pub(crate) struct Wine {
    pub colour: &'static str,
    pub varietal: &'static str,
    pub region: &'static str,
    pub appellation: &'static str,
    pub vintage: i64,
}

#[derive(Debug)]
pub(crate) struct Variant {
    pub id: Uuid,
    pub title: &'static str,
    pub sku: String,
    /// Cents.
    pub price: i64,
    pub compare_price: Option<i64>,
    pub cost: i64,
    /// Millilitres.
    pub volume: Option<i64>,
    /// Tenths of the tenant's unit.
    pub weight: i64,
    /// Tenths of a percent.
    pub alcohol: Option<i64>,
    pub tax_type: TaxType,
    pub has_inventory: bool,
    pub has_shipping: bool,
}

/// A part of a bundle: the first variant of an earlier product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Component {
    pub product: usize,
    pub quantity: i64,
}

impl Wine {
    /// As a customer's history names it.
    pub fn object(&self) -> Value {
        json!({
            "type": self.colour,
            "varietal": self.varietal,
            "countryCode": if self.region == "British Columbia" || self.region == "Ontario" { "CA" } else { "US" },
            "region": self.region,
            "appellation": self.appellation,
            "vintage": self.vintage,
        })
    }
}

/// A weight or a percentage kept in tenths.
pub(crate) fn tenths(value: i64) -> Value {
    if value % 10 == 0 { Value::from(value / 10) } else { Value::from(value as f64 / 10.0) }
}

/// The products of a winery, and as many more as orders need to choose from.
pub(crate) fn products(house: &House, count: usize) -> Vec<Product> {
    let mut products: Vec<Product> = Vec::with_capacity(count.max(FEWEST));
    for index in 0..count.max(FEWEST) {
        let product = product(house, index, &products);
        products.push(product);
    }
    products
}

fn product(house: &House, index: usize, earlier: &[Product]) -> Product {
    let mut dice = house.source.dice("product", index);
    let mut product = match index % 12 {
        0..=7 => wine(house, index, &mut dice),
        8 => merchandise(house, index, &mut dice),
        9 if (index / 12).is_multiple_of(2) => visit(house, index, &mut dice, ProductType::Tasting),
        9 => visit(house, index, &mut dice, ProductType::EventTicket),
        10 => bundle(house, index, &mut dice, earlier),
        _ if (index / 12).is_multiple_of(2) => gift_card(house, index),
        _ => food(house, index, &mut dice),
    };
    // One of each by number, so that a small catalogue has them.
    let is_wine = product.product_type == ProductType::Wine && index >= FEWEST;
    product.is_retired = is_wine && (dice.percent(8) || index == FEWEST + 1);
    product.is_for_tag = is_wine && (dice.percent(5) || index == FEWEST + 2);
    product.updated = dice.between(house.source.opening(), house.source.now - DAY);
    product
}

/// A product with nothing but a name, to be filled in.
fn plain(
    house: &House,
    index: usize,
    title: String,
    product_type: ProductType,
    department: usize,
) -> Product {
    let slug: String = title
        .to_lowercase()
        .chars()
        .map(|letter| match letter {
            'é' | 'è' => 'e',
            letter if letter.is_ascii_alphanumeric() => letter,
            _ => '-',
        })
        .collect();
    // Repeats of a title differ by number, for slugs are unique.
    let slug =
        format!("{}-{index}", slug.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-"));
    Product {
        id: house.source.id("product", index),
        index,
        image: house.image(&slug),
        title,
        sub_title: None,
        product_type,
        wine: None,
        department,
        vendor: None,
        collections: Vec::new(),
        slug,
        variants: Vec::new(),
        bundle: Vec::new(),
        is_retired: false,
        is_for_tag: false,
        updated: 0,
    }
}

fn variant(
    source: &Source,
    index: usize,
    number: usize,
    title: &'static str,
    sku: String,
    price: i64,
) -> Variant {
    Variant {
        id: source.id("product variant", index * 4 + number),
        title,
        sku,
        price,
        compare_price: None,
        cost: price * 3 / 10,
        volume: None,
        weight: 10,
        alcohol: None,
        tax_type: TaxType::GeneralMerchandise,
        has_inventory: true,
        has_shipping: true,
    }
}

const GRAPES: &[(&str, &str, &str)] = &[
    ("Red", "Cabernet Sauvignon", "CS"),
    ("Red", "Pinot Noir", "PN"),
    ("White", "Chardonnay", "CH"),
    ("Red", "Zinfandel", "ZN"),
    ("Rose", "Rose", "RS"),
    ("White", "Sauvignon Blanc", "SB"),
    ("Red", "Merlot", "ME"),
    ("Sparkling", "Blanc de Blancs", "BB"),
    ("Red", "Syrah", "SY"),
    ("White", "Viognier", "VI"),
    ("Dessert", "Late Harvest Riesling", "LR"),
    ("Red", "Petite Sirah", "PS"),
];

const US_REGIONS: &[(&str, &str)] = &[
    ("California", "Napa Valley"),
    ("California", "Russian River Valley"),
    ("California", "Paso Robles"),
    ("California", "Oakville"),
    ("Oregon", "Willamette Valley"),
];
const CANADIAN_REGIONS: &[(&str, &str)] = &[
    ("British Columbia", "Okanagan Valley"),
    ("British Columbia", "Similkameen Valley"),
    ("Ontario", "Niagara Peninsula"),
];

fn wine(house: &House, index: usize, dice: &mut Dice) -> Product {
    // By number, so that a small catalogue already has every colour.
    let at = (index / 12) * 8 + index % 12;
    let (colour, varietal, code) = GRAPES.get(at % GRAPES.len()).copied().unwrap_or_default();
    let (region, appellation) = dice.pick(if house.country == "CA" { CANADIAN_REGIONS } else { US_REGIONS });
    let name = dice.pick(&["Estate", "Reserve", "Hillside", "Old Vine", "Single Block", "Lantern Field"]);
    let vintage = dice.between(2018, 2024);
    let title = match varietal {
        "Rose" => format!("{vintage} {name} Rosé"),
        varietal => format!("{vintage} {name} {varietal}"),
    };
    let mut product = plain(house, index, title, ProductType::Wine, 0);
    product.sub_title = dice.weighted(&[(3, None), (1, Some("Limited release"))]);
    product.collections = vec![0, if colour == "Red" { 1 } else { 2 }];
    if vintage < 2020 {
        product.collections.push(3);
    }
    product.wine = Some(Wine { colour, varietal, region, appellation, vintage });
    let price = dice.between(18, 120) * 100;
    let alcohol = Some(dice.between(115, 152));
    let bottle = Variant {
        volume: Some(if colour == "Dessert" { 375 } else { 750 }),
        weight: if colour == "Dessert" { 18 } else { 30 },
        alcohol,
        tax_type: TaxType::Wine,
        compare_price: dice.percent(20).then_some(price + 1_000),
        ..variant(
            &house.source,
            index,
            0,
            if colour == "Dessert" { "375ml" } else { "750ml" },
            format!("{vintage}{code}{index:03}"),
            price,
        )
    };
    product.variants.push(bottle);
    if colour != "Dessert" && dice.percent(25) {
        product.variants.push(Variant {
            volume: Some(1_500),
            weight: 62,
            alcohol,
            tax_type: TaxType::Wine,
            ..variant(
                &house.source,
                index,
                1,
                "1.5L",
                format!("{vintage}{code}{index:03}M"),
                price * 2 + 1_000,
            )
        });
    }
    product
}

fn merchandise(house: &House, index: usize, dice: &mut Dice) -> Product {
    let title =
        dice.pick(&["Stemless Glass", "Corkscrew", "Cotton Cap", "Canvas Tote", "Decanter", "Cheese Board"]);
    let mut product = plain(house, index, title.to_owned(), ProductType::GeneralMerchandise, 1);
    product.collections = vec![4];
    product.vendor = Some(0);
    let price = dice.between(8, 85) * 100;
    product.variants.push(variant(&house.source, index, 0, "Each", format!("MER{index:03}"), price));
    product
}

fn food(house: &House, index: usize, dice: &mut Dice) -> Product {
    let title = dice.pick(&["Olive Oil", "Salted Almonds", "Fig Preserve", "Dark Chocolate"]);
    let mut product = plain(house, index, title.to_owned(), ProductType::GeneralMerchandise, 2);
    product.collections = vec![4];
    product.vendor = Some(1);
    let price = dice.between(6, 32) * 100;
    product.variants.push(Variant {
        tax_type: TaxType::Food,
        ..variant(&house.source, index, 0, "Each", format!("FOO{index:03}"), price)
    });
    product
}

fn visit(house: &House, index: usize, dice: &mut Dice, product_type: ProductType) -> Product {
    let is_tasting = product_type == ProductType::Tasting;
    let title = if is_tasting {
        dice.pick(&["Estate Tasting", "Cellar Flight", "Library Tasting"])
    } else {
        dice.pick(&["Harvest Dinner", "Blending Day", "Barrel Night"])
    };
    let mut product = plain(house, index, title.to_owned(), product_type, 3);
    product.collections = vec![5];
    let price = dice.between(15, 140) * 100;
    product.variants.push(Variant {
        has_shipping: false,
        has_inventory: !is_tasting,
        weight: 0,
        cost: 0,
        tax_type: if is_tasting { TaxType::NotTaxable } else { TaxType::Food },
        ..variant(&house.source, index, 0, "Guest", format!("VIS{index:03}"), price)
    });
    product
}

fn gift_card(house: &House, index: usize) -> Product {
    let mut product = plain(house, index, "Virtual Gift Card".to_owned(), ProductType::GiftCard, 1);
    product.collections = vec![4];
    for (number, (title, price)) in [("$50", 5_000), ("$100", 10_000)].into_iter().enumerate() {
        product.variants.push(Variant {
            has_shipping: false,
            has_inventory: false,
            weight: 0,
            cost: 0,
            tax_type: TaxType::NotTaxable,
            ..variant(&house.source, index, number, title, format!("GIFT{index:03}-{}", price / 100), price)
        });
    }
    product
}

/// Two or three wines for less than their sum.
fn bundle(house: &House, index: usize, dice: &mut Dice, earlier: &[Product]) -> Product {
    let wines: Vec<&Product> =
        earlier.iter().filter(|product| product.product_type == ProductType::Wine).collect();
    let mut parts: Vec<&Product> = Vec::new();
    for _ in 0..dice.between(2, 3) {
        if let Some(wine) = wines.get(dice.index(wines.len()))
            && !parts.iter().any(|part| part.index == wine.index)
        {
            parts.push(wine);
        }
    }
    let name = dice.pick(&["Cellar Starter", "Summer Trio", "Fireside", "Long Table"]);
    let mut product = plain(house, index, format!("{name} Set"), ProductType::Bundle, 0);
    product.collections = vec![0];
    let (mut sum, mut volume, mut weight) = (0, 0, 0);
    for part in parts {
        let quantity = dice.between(1, 2);
        product.bundle.push(Component { product: part.index, quantity });
        if let Some(variant) = part.variants.first() {
            sum += variant.price * quantity;
            volume += variant.volume.unwrap_or_default() * quantity;
            weight += variant.weight * quantity;
        }
    }
    product.variants.push(Variant {
        volume: Some(volume),
        weight,
        compare_price: Some(sum),
        tax_type: TaxType::Wine,
        has_inventory: false,
        ..variant(&house.source, index, 0, "Set", format!("SET{index:03}"), sum * 85 / 10_000 * 100)
    });
    product
}

impl Product {
    /// As `GET /product/{id}` answers (facts 6.6).
    pub fn object(&self, house: &House, all: &[Product], stock: &Stock) -> Value {
        let source = &house.source;
        let teaser = self.wine.as_ref().map(|wine| format!("{} from {}.", wine.varietal, wine.appellation));
        let mut object = json!({
            "id": self.id,
            "title": self.title,
            "subTitle": self.sub_title,
            "image": self.image,
            "type": self.product_type.word(),
            "departmentId": source.id("department", self.department),
            "vendorId": self.vendor.map(|at| source.id("vendor", at)),
            "teaser": teaser,
            "content": teaser.as_ref().map(|teaser| format!("<p>{teaser} Ripe fruit, fine tannin, a long finish.</p>")),
            "webStatus": if self.is_retired { "Retired" } else { "Available" },
            "adminStatus": if self.is_retired { "Not Available" } else { "Available" },
            "slug": self.slug,
            "metaData": self.wine.as_ref().map(|_| json!({"vineyard-block": format!("Block {}", self.index % 9 + 1)})),
            "productTemplateId": null,
            "appData": null,
            "appSync": null,
            "createdAt": house.opened(),
            "updatedAt": timestamp(self.updated),
            "department": department(house, self.department),
            "vendor": self.vendor.map(|at| vendor(house, at)),
            "images": [self.picture(source)],
            "bundleItems": self.bundle.iter().enumerate().filter_map(|(number, part)| {
                let product = all.get(part.product)?;
                let variant = product.variants.first()?;
                Some(json!({
                    "id": source.id("bundle item", self.index * 4 + number),
                    "productId": product.id,
                    "productVariantId": variant.id,
                    "quantity": part.quantity,
                    "productTitle": product.title,
                    "productVariantTitle": variant.title,
                    "sku": variant.sku,
                    "image": product.image,
                    "price": variant.price,
                }))
            }).collect::<Vec<_>>(),
            "variants": self.variants.iter().enumerate()
                .map(|(number, variant)| variant.object(house, number, stock)).collect::<Vec<_>>(),
            "collections": self.collections.iter().map(|at| collection(house, *at)).collect::<Vec<_>>(),
            "seo": {"title": self.title, "description": teaser},
            "security": {"availableTo": "Public"},
            "overrideOperatingRegions":
                {"isOverride": false, "operatingStateCodes": null, "operatingCountryCodes": null},
        });
        if let (Some(wine), Some(fields)) = (&self.wine, object.as_object_mut()) {
            fields.insert("wine".to_owned(), wine.object());
        }
        if self.is_for_tag {
            object["security"] = json!({
                "availableTo": "Tag",
                "displayOption": "Display Product / Show Login",
                "availableToObjectIds": [source.id("tag", 0)],
            });
        }
        object
    }

    fn picture(&self, source: &Source) -> Value {
        let format = |size: &str, width: i64, height: i64| {
            let stem = self.image.replace("/original/", &format!("/{size}/"));
            let stem = stem.trim_end_matches(".png");
            json!({
                "src": format!("{stem}.png"),
                "avif": format!("{stem}.avif"),
                "webp": format!("{stem}.webp"),
                "width": width,
                "height": height,
            })
        };
        json!({
            "id": source.id("product image", self.index),
            "src": self.image,
            "sortOrder": 0,
            "original": {"src": self.image, "width": 1_200, "height": 2_400},
            "formats": {
                "small": format("small", 200, 400),
                "medium": format("medium", 400, 800),
                "large": format("large", 800, 1_600),
                "x-large": format("x-large", 1_200, 2_400),
                "admin-small": format("admin-small", 50, 100),
                "admin-medium": format("admin-medium", 150, 300),
            },
        })
    }

    /// The rows of `/inventory` (facts 6.7): one for each tracked variant and location.
    pub fn inventory(&self, house: &House, stock: &Stock) -> Vec<Value> {
        let tracked = self.variants.iter().filter(|variant| variant.has_inventory);
        let rows = tracked.flat_map(|variant| {
            house.locations.iter().enumerate().map(move |(at, location)| {
                let level = stock.level(house, variant.id, at);
                json!({
                    "id": Uuid::from_u128(variant.id.as_u128() ^ (location.id.as_u128() & ((1 << 62) - 1))),
                    "inventoryLocationTitle": location.title,
                    "inventoryLocationId": location.id,
                    "productVariantId": variant.id,
                    "productVariantTitle": variant.title,
                    "sku": variant.sku,
                    "upcCode": variant.upc(),
                    // A number in lists, as the recorded ones have it.
                    "hasInventory": 1,
                    "availableForSaleCount": level.available,
                    "reserveCount": level.reserved,
                    "allocatedCount": level.allocated,
                    "inventoryPolicy": variant.policy(),
                    "productId": self.id,
                    "productTitle": self.title,
                })
            })
        });
        rows.collect()
    }
}

impl Variant {
    fn upc(&self) -> Option<String> {
        let number = self.id.as_u128() % 100_000;
        (!number.is_multiple_of(3)).then(|| format!("0-12345-{number:05}-1"))
    }

    fn policy(&self) -> &'static str {
        if self.id.as_u128().is_multiple_of(7) { "Back Order" } else { "Dont Sell" }
    }

    fn object(&self, house: &House, number: usize, stock: &Stock) -> Value {
        let inventory = self.has_inventory.then(|| {
            let rows = house.locations.iter().enumerate().map(|(at, location)| {
                let level = stock.level(house, self.id, at);
                json!({
                    "inventoryLocationId": location.id,
                    "productVariantId": self.id,
                    "availableForSaleCount": level.available,
                    "reserveCount": level.reserved,
                    "allocatedCount": level.allocated,
                })
            });
            rows.collect::<Vec<_>>()
        });
        json!({
            "id": self.id,
            "title": self.title,
            "sku": self.sku,
            "upcCode": self.upc(),
            "volumeInML": self.volume,
            "alcoholPercentage": self.alcohol.map(tenths),
            "costOfGood": self.cost,
            "price": self.price,
            "comparePrice": self.compare_price,
            "bottleDeposit": 0,
            "sortOrder": number + 1,
            "hasInventory": self.has_inventory,
            "inventoryPolicy": self.policy(),
            "hasShipping": self.has_shipping,
            "maxQuantityPerCart": null,
            "taxType": self.tax_type.word(),
            "weight": tenths(self.weight),
            "inventory": inventory,
        })
    }
}

/// A department (facts 6.12).
pub(crate) fn department(house: &House, at: usize) -> Value {
    let (title, code) = DEPARTMENTS.get(at).copied().unwrap_or_default();
    json!({
        "id": house.source.id("department", at),
        "title": title,
        "code": code,
        "createdAt": house.opened(),
        "updatedAt": house.opened(),
    })
}

/// A vendor (facts 6.12).
pub(crate) fn vendor(house: &House, at: usize) -> Value {
    json!({
        "id": house.source.id("vendor", at),
        "title": VENDORS.get(at),
        "createdAt": house.opened(),
        "updatedAt": house.opened(),
    })
}

/// A collection (facts 6.11).
pub(crate) fn collection(house: &House, at: usize) -> Value {
    let (title, slug, condition) = COLLECTIONS.get(at).copied().unwrap_or_default();
    json!({
        "id": house.source.id("collection", at),
        "title": title,
        "type": if condition.is_some() { "Dynamic" } else { "Manual" },
        "content": format!("<p>{title} of {}.</p>", house.company),
        "webStatus": "Available",
        "adminStatus": "Available",
        "slug": slug,
        "productTemplateId": null,
        "productCount": null,
        "appliesToCondition": condition,
        "onlyShowProductsWithInventory": false,
        "metaData": null,
        "createdAt": house.opened(),
        "updatedAt": house.opened(),
        "seo": {"title": title, "description": null},
    })
}
