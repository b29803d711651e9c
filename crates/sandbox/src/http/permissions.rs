//! What the app may do (facts 2.2): for each kind of object nothing, reading, or everything.

use std::collections::HashMap;
use std::str::FromStr;

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    None,
    Read,
    Full,
}

/// The app's permissions: `Full` but for those named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Permissions(HashMap<&'static str, Level>);

impl Permissions {
    /// Reads `--permission` options: `Customer=Read`.
    pub fn new(options: &[String]) -> Result<Self, Error> {
        options
            .iter()
            .map(|option| parse(option).ok_or_else(|| Error::Permission(option.clone())))
            .collect::<Result<_, _>>()
            .map(Self)
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
    let name = NAMES.iter().find(|known| known.eq_ignore_ascii_case(name))?;
    Some((name, level.parse().ok()?))
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
