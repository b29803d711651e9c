//! What an app may do (facts 2.2): for each kind of object nothing, reading, or everything.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::route::Route;
use crate::Error;
use crate::kind::Kind;

/// The names of Commerce7's permissions that stand for objects here.
const NAMES: &[&str] = &[
    "Cart",
    "Club",
    "Club Membership",
    "Club Package",
    "Collection",
    "Coupon",
    "Customer",
    "Customer Address",
    "Customer Credit Card",
    "Department",
    "Gift Card",
    "Inventory",
    "MetaData Config",
    "Note",
    "Order",
    "Product",
    "Promotion",
    "Promotion Set",
    "Reservation",
    "Setting",
    "Shipping",
    "Tag",
    "Vendor",
    "WebHook",
];

/// What an app may do with one kind of object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Nothing.
    None,
    /// Read it.
    Read,
    /// Read and write it.
    Full,
}

/// An app's permissions in one winery: `Full` but for those named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Permissions(Arc<HashMap<&'static str, Level>>);

impl Permissions {
    /// Reads `--permission` options: `Customer=Read`.
    pub fn new(options: &[String]) -> Result<Self, Error> {
        let permissions: Result<HashMap<_, _>, _> = options
            .iter()
            .map(|option| parse(option).ok_or_else(|| Error::Permission(option.clone())))
            .collect();
        Ok(Self(Arc::new(permissions?)))
    }

    /// Those of names and levels; the first name that is none of Commerce7's otherwise.
    pub fn of(named: &BTreeMap<String, Level>) -> Result<Self, &str> {
        let mut permissions = HashMap::new();
        for (name, level) in named {
            permissions.insert(known(name).ok_or(name.as_str())?, *level);
        }
        Ok(Self(Arc::new(permissions)))
    }

    /// Those that are not `Full` by themselves, by name.
    pub fn named(&self) -> BTreeMap<String, Level> {
        self.0.iter().map(|(name, level)| ((*name).to_owned(), *level)).collect()
    }

    /// Whether a request may go on.
    pub fn allow(&self, route: &Route<'_>, is_read: bool) -> bool {
        let Some(name) = name_of(route) else { return true };
        match self.0.get(name) {
            None | Some(Level::Full) => true,
            Some(Level::Read) => is_read,
            Some(Level::None) => false,
        }
    }
}

fn parse(option: &str) -> Option<(&'static str, Level)> {
    let (name, level) = option.split_once('=')?;
    Some((known(name)?, level.parse().ok()?))
}

fn known(name: &str) -> Option<&'static str> {
    NAMES.iter().copied().find(|known| known.eq_ignore_ascii_case(name))
}

impl FromStr for Level {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text.to_ascii_lowercase().as_str() {
            "none" => Ok(Self::None),
            "read" => Ok(Self::Read),
            "full" => Ok(Self::Full),
            _ => Err(()),
        }
    }
}

fn name_of(route: &Route<'_>) -> Option<&'static str> {
    let kind = match route {
        Route::List { endpoint, .. } | Route::Item { endpoint, .. } => endpoint.kind,
        Route::WriteOnly { path, .. } => {
            return Some(match path.split('/').nth(1)? {
                "order" | "order-number" => "Order",
                "customer" => "Customer",
                "inventory-transaction" => "Inventory",
                "promotion-set-x-promotion" => "Promotion Set",
                "gift-card-transaction" => "Gift Card",
                "tag-x-object" => "Tag",
                "reservation" => "Reservation",
                _ => return None,
            });
        }
        Route::Root | Route::AccountUser | Route::WebSetting | Route::Unknown => return None,
    };
    Some(match kind {
        Kind::Customer => "Customer",
        Kind::CustomerAddress => "Customer Address",
        Kind::CustomerCreditCard => "Customer Credit Card",
        Kind::Order => "Order",
        Kind::Cart => "Cart",
        Kind::Product => "Product",
        Kind::Collection => "Collection",
        Kind::Department => "Department",
        Kind::Vendor => "Vendor",
        Kind::Inventory | Kind::InventoryLocation => "Inventory",
        Kind::Club => "Club",
        Kind::ClubMembership | Kind::Shipment => "Club Membership",
        Kind::ClubPackage => "Club Package",
        Kind::Coupon => "Coupon",
        Kind::Promotion => "Promotion",
        Kind::PromotionSet => "Promotion Set",
        Kind::GiftCard => "Gift Card",
        Kind::Note => "Note",
        Kind::Tag | Kind::Group => "Tag",
        Kind::MetaDataConfig => "MetaData Config",
        Kind::Shipping | Kind::Tax => "Shipping",
        Kind::Reservation | Kind::ReservationType => "Reservation",
        Kind::Setting | Kind::WebSetting => "Setting",
        Kind::WebHook | Kind::WebHookLog => "WebHook",
        // Not in the published list.
        Kind::WineAppellation
        | Kind::WineVarietal
        | Kind::LoyaltyTier
        | Kind::LoyaltyTransaction
        | Kind::AppSync
        | Kind::Trash => return None,
    })
}
