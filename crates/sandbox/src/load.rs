//! Recorded bodies (`--load`): which kind of object a file holds, by its folder or by its shape.
//!
//! A file holds one object, an array of them, or a list answer (`{"orders": […], "total": 1}`). Requests, errors,
//! fragments and what is not recognised are left out, each with a note. Web-hook deliveries give their payload.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::endpoints::ENDPOINTS;
use crate::kind::Kind;
use crate::store::{Embedding, Winery};

/// Why a folder could not be loaded.
#[derive(Debug, thiserror::Error)]
#[error("{path} of --load cannot be read: {source}")]
pub struct LoadError {
    /// The folder or file.
    path: PathBuf,
    source: io::Error,
}

/// What was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// How many objects of each kind, under the key of its list answer (`orders`).
    pub objects: Vec<(String, usize)>,
    /// The files that gave nothing.
    pub skipped: Vec<Skipped>,
}

impl Loaded {
    /// How many objects of all kinds.
    pub fn total(&self) -> usize {
        self.objects.iter().map(|(_, count)| count).sum()
    }
}

/// A file that gave nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

/// Loads all `.json` files below a folder, in the order of their paths.
pub(crate) fn load(folder: &Path, winery: &Winery) -> Result<Loaded, LoadError> {
    let mut files = Vec::new();
    collect(folder, &mut files)?;
    files.sort();
    let mut loaded = Loaded::default();
    for path in files {
        let text = fs::read(&path).map_err(|source| LoadError { path: path.clone(), source })?;
        // A folder above the one that is loaded is called what it is for other reasons.
        let below = folder.parent().and_then(|above| path.strip_prefix(above).ok()).unwrap_or(&path);
        let held = read(below, &text).and_then(|(kind, objects)| {
            if kind == Kind::Setting {
                return Err("a winery has its own settings".to_owned());
            }
            if objects.is_empty() {
                return Err("its list is empty".to_owned());
            }
            match winery.write().extend(kind, objects, Embedding::Literal) {
                0 => Err("its objects have no UUID for an id".to_owned()),
                count => Ok((envelope(kind), count)),
            }
        });
        match held {
            Ok((envelope, count)) => match loaded.objects.iter_mut().find(|(name, _)| name == envelope) {
                Some((_, sum)) => *sum += count,
                None => loaded.objects.push((envelope.to_owned(), count)),
            },
            Err(reason) => loaded.skipped.push(Skipped { path, reason }),
        }
    }
    Ok(loaded)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), LoadError> {
    let error = |source| LoadError { path: folder.to_owned(), source };
    for entry in fs::read_dir(folder).map_err(error)? {
        let path = entry.map_err(error)?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    Ok(())
}

/// The kind and the objects of a file, or why there are none.
fn read(path: &Path, text: &[u8]) -> Result<(Kind, Vec<Value>), String> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if name.split('.').any(|part| part == "request") {
        return Err("it is a request".to_owned());
    }
    let body: Value = serde_json::from_slice(text).map_err(|error| format!("it is no JSON: {error}"))?;
    if body.get("statusCode").is_some() {
        return Err("it is an error".to_owned());
    }
    if let Some((envelope, Value::Array(objects))) = listed(&body) {
        let kind = of_envelope(envelope).ok_or_else(|| format!("no list is called {envelope:?}"))?;
        return Ok((kind, objects.clone()));
    }
    // A web-hook delivery: its object under `payload`; a row of the log has an id of its own.
    if let (Some(payload), Some(object), None) =
        (body.get("payload"), body.get("object").and_then(Value::as_str), body.get("id"))
    {
        let kind = of_word(object).ok_or_else(|| format!("no object is called {object:?}"))?;
        return if payload.get("id").is_some() {
            Ok((kind, vec![payload.clone()]))
        } else {
            Err("it has no payload".to_owned())
        };
    }
    let objects = match body {
        Value::Array(objects) => objects,
        object => vec![object],
    };
    let Some(first) = objects.first().filter(|object| object.get("id").is_some()) else {
        return Err("it has no object with an id".to_owned());
    };
    let kind = of_path(path)
        .or_else(|| of_shape(first))
        .ok_or("neither its folder nor its shape says what it is")?;
    Ok((kind, objects))
}

/// The list of a list answer and its key.
fn listed(body: &Value) -> Option<(&str, &Value)> {
    let fields = body.as_object()?;
    let is_list_answer = fields.get("id").is_none()
        && fields
            .keys()
            .all(|key| key == "total" || key == "cursor" || fields.get(key).is_some_and(Value::is_array));
    let (key, value) = fields.iter().find(|(_, value)| value.is_array()).filter(|_| is_list_answer)?;
    Some((key, value))
}

fn envelope(kind: Kind) -> &'static str {
    ENDPOINTS.iter().find(|endpoint| endpoint.kind == kind).map_or("settings", |endpoint| endpoint.envelope)
}

fn of_envelope(envelope: &str) -> Option<Kind> {
    ENDPOINTS.iter().find(|endpoint| endpoint.envelope == envelope).map(|endpoint| endpoint.kind)
}

/// `Club Membership`, `club-membership`, `clubMembership` and `clubMemberships` are one word.
fn of_word(word: &str) -> Option<Kind> {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let wanted = plain(word);
    let by_name = Kind::ALL.iter().copied().find(|kind| plain(&format!("{kind:?}")) == wanted);
    by_name.or_else(|| {
        ENDPOINTS.iter().find(|endpoint| plain(endpoint.envelope) == wanted).map(|endpoint| endpoint.kind)
    })
}

/// By the nearest folder that is called as a kind is, else by the beginning of the file's name (`order.list.json`).
fn of_path(path: &Path) -> Option<Kind> {
    let folders =
        path.parent().into_iter().flat_map(Path::ancestors).filter_map(|folder| folder.file_name()?.to_str());
    let by_folder = folders.into_iter().find_map(of_word);
    by_folder.or_else(|| of_word(path.file_name()?.to_str()?.split('.').next()?))
}

/// Fields that only one kind has.
const SHAPES: &[(Kind, &[&str])] = &[
    (Kind::Order, &["orderNumber", "orderSubmittedDate"]),
    (Kind::Cart, &["shippingTaxEstimate", "taxSaleType"]),
    (Kind::ClubMembership, &["clubId", "signupDate"]),
    (Kind::Reservation, &["reservationNumber"]),
    (Kind::ReservationType, &["tourType", "maxGuestCount"]),
    (Kind::Customer, &["emails", "orderInformation"]),
    (Kind::CustomerCreditCard, &["maskedCardNumber", "customerId"]),
    (Kind::CustomerAddress, &["customerId", "zipCode"]),
    (Kind::Product, &["variants", "webStatus"]),
    (Kind::Inventory, &["availableForSaleCount", "productVariantId"]),
    (Kind::InventoryLocation, &["isWebShipLocation"]),
    (Kind::GiftCard, &["giftCardNumber"]),
    (Kind::Coupon, &["code", "usageLimitType"]),
    (Kind::Promotion, &["usageLimitType"]),
    (Kind::MetaDataConfig, &["dataType", "objectType"]),
    (Kind::Tag, &["objectType", "title", "type"]),
    (Kind::Tax, &["generalMerchandise", "taxCalculation"]),
    (Kind::Shipping, &["regions", "services"]),
    (Kind::WebHookLog, &["payload", "isSuccess"]),
    (Kind::WebHook, &["object", "action", "url"]),
    (Kind::Note, &["noteDate"]),
    (Kind::ClubPackage, &["autoProcessStatus", "processDate"]),
    (Kind::LoyaltyTier, &["isBaseTier", "qualificationType"]),
    (Kind::LoyaltyTransaction, &["transactionType", "amount"]),
    (Kind::AppSync, &["appId", "attempts"]),
    (Kind::WineAppellation, &["appellation", "region"]),
    (Kind::WineVarietal, &["varietal", "type"]),
];

fn of_shape(object: &Value) -> Option<Kind> {
    let has = |fields: &[&str]| fields.iter().all(|field| object.get(field).is_some());
    let by_fields = SHAPES.iter().find(|(_, fields)| has(fields)).map(|(kind, _)| *kind);
    // Clubs and collections differ in nothing that all of them have but their types.
    by_fields.or_else(|| match object.get("type")?.as_str()? {
        "Traditional" | "Subscription" if has(&["slug"]) => Some(Kind::Club),
        "Manual" | "Dynamic" if has(&["slug"]) => Some(Kind::Collection),
        _ => None,
    })
}
