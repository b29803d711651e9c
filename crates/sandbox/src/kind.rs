//! The kinds of objects a winery holds.

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident,)*) => {
        /// A kind of object; each has a collection of its own.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(crate) enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Every kind, in the order of [`Kind::index`].
            pub const ALL: &[Self] = &[$(Self::$kind,)*];
        }
    };
}

kinds! {
    Customer,
    CustomerAddress,
    CustomerCreditCard,
    Order,
    Cart,
    Product,
    Collection,
    Department,
    Vendor,
    WineAppellation,
    WineVarietal,
    Inventory,
    InventoryLocation,
    Club,
    ClubMembership,
    /// Of a club membership (facts 6.10).
    Shipment,
    ClubPackage,
    Coupon,
    Promotion,
    PromotionSet,
    GiftCard,
    LoyaltyTier,
    LoyaltyTransaction,
    Note,
    Tag,
    /// What tags were before 2019 (facts 6.23).
    Group,
    MetaDataConfig,
    Shipping,
    Tax,
    Reservation,
    ReservationType,
    Setting,
    /// What the storefront reads of the settings, without authentication.
    WebSetting,
    WebHook,
    WebHookLog,
    AppSync,
    /// Deleted objects; their shape is not known (facts 14), so there are none.
    Trash,
}

/// A field that holds another object whole, as it is when read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Embed {
    /// The field with the object.
    pub field: &'static str,
    /// The field with the object's id.
    pub id_field: &'static str,
    /// The object's kind.
    pub kind: Kind,
}

const CUSTOMER: Embed = Embed { field: "customer", id_field: "customerId", kind: Kind::Customer };
const CLUB: Embed = Embed { field: "club", id_field: "clubId", kind: Kind::Club };

/// The order of rows in page style. Commerce7 documents none; the printed lists suggest the newest first, and
/// the reference lists by name. Change it here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageOrder {
    /// `createdAt` descending, then `id`.
    NewestFirst,
    /// As they were put in.
    AsListed,
}

impl Kind {
    /// Where its collection stands.
    pub fn index(self) -> usize {
        self as usize
    }

    /// The objects that are spliced into it when it is read.
    pub fn embeds(self) -> &'static [Embed] {
        match self {
            Self::Order | Self::Cart | Self::Reservation | Self::GiftCard | Self::LoyaltyTransaction => {
                &[CUSTOMER]
            }
            Self::ClubMembership => &[CUSTOMER, CLUB],
            _ => &[],
        }
    }

    /// The order of its rows in page style.
    pub fn page_order(self) -> PageOrder {
        match self {
            Self::WineAppellation | Self::WineVarietal | Self::Inventory | Self::LoyaltyTier => {
                PageOrder::AsListed
            }
            _ => PageOrder::NewestFirst,
        }
    }
}
