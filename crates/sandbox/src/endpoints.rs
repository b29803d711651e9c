//! Every endpoint the sandbox answers, as one table (facts 3.4 and 5). Adding one is a line in [`definitions`].

use std::sync::LazyLock;

use crate::http::filters::{ColumnType, Operator};
use crate::kind::Kind;

/// A list endpoint, and `path/{id}` beside it where [`Endpoint::item`] says so.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Path below `/v1`, with placeholders.
    pub path: &'static str,
    /// Path of one object; absent where there is none.
    pub item: Option<String>,
    /// What it lists.
    pub kind: Kind,
    /// The key of the list in the answer.
    pub envelope: &'static str,
    /// How it is read page by page.
    pub paging: Paging,
    /// What narrows it down to the placeholder of its path.
    pub parent: Option<Parent>,
    /// The query keys it filters by.
    pub filters: Vec<Filter>,
    /// The fields that `q` searches; `q` is taken and does nothing where there are none.
    pub search: &'static [&'static str],
    /// Whether `searchText` searches as `q` does.
    pub takes_search_text: bool,
}

/// How a list is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paging {
    /// By page.
    Page,
    /// By page or by cursor (facts 3.2 lists these).
    PageOrCursor,
    /// All rows in one answer, with `total`.
    Whole,
    /// All rows in one answer, without `total`.
    Bare,
}

/// What the placeholder of a nested path stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Parent {
    /// The id of an object that must exist, found in this field of the rows.
    Object { kind: Kind, field: &'static str },
    /// An id that need not exist.
    Reference { field: &'static str },
    /// A word of the path for a value of this field.
    Word { field: &'static str, words: &'static [(&'static str, &'static str)] },
}

/// A query key that filters.
#[derive(Clone, Debug)]
pub(crate) struct Filter {
    /// The key.
    pub key: &'static str,
    /// The field it looks at; `a.b` goes into objects, `a[].b` over arrays.
    pub field: &'static str,
    /// What is compared.
    pub column_type: ColumnType,
    /// The operators it takes; with none, the value is compared as it stands.
    pub operators: &'static [Operator],
}

const COMPARE: &[Operator] =
    &[Operator::GreaterOrEqual, Operator::Greater, Operator::LessOrEqual, Operator::Less];
const RANGE: &[Operator] =
    &[Operator::GreaterOrEqual, Operator::Greater, Operator::LessOrEqual, Operator::Less, Operator::Between];
const IN: &[Operator] = &[Operator::In];

const fn text(key: &'static str) -> Filter {
    Filter { key, field: key, column_type: ColumnType::Text, operators: &[] }
}

const fn boolean(key: &'static str) -> Filter {
    Filter { key, field: key, column_type: ColumnType::Boolean, operators: &[] }
}

const fn number(key: &'static str, field: &'static str) -> Filter {
    Filter { key, field, column_type: ColumnType::Number, operators: COMPARE }
}

const fn date(key: &'static str) -> Filter {
    Filter { key, field: key, column_type: ColumnType::Date, operators: COMPARE }
}

impl Filter {
    const fn of(mut self, field: &'static str) -> Self {
        self.field = field;
        self
    }

    const fn with(mut self, operators: &'static [Operator]) -> Self {
        self.operators = operators;
        self
    }
}

const TAG_OBJECTS: &[(&str, &str)] = &[
    ("customer", "Customer"),
    ("order", "Order"),
    ("club-membership", "ClubMembership"),
    ("reservation", "Reservation"),
];

const META_DATA_OBJECTS: &[(&str, &str)] = &[
    ("allocation", "Allocation"),
    ("club-membership", "Club Membership"),
    ("collection", "Collection"),
    ("customer", "Customer"),
    ("customer-address", "Customer Address"),
    ("experience", "Experience"),
    ("order", "Order"),
    ("product", "Product"),
    ("reservation", "Reservation"),
];

const OF_CUSTOMER: Parent = Parent::Object { kind: Kind::Customer, field: "customerId" };

/// The table.
fn definitions() -> Vec<Endpoint> {
    vec![
        list("/customer", Kind::Customer, "customers")
            .cursor()
            .search(&["firstName", "lastName", "emails[].email"])
            .filter(number("lifetimeValue", "orderInformation.lifetimeValue"))
            .filter(number("orderCount", "orderInformation.orderCount"))
            .filter(date("createdAt"))
            .filter(date("updatedAt"))
            .filter(text("tagId").of("tags[].id").with(IN)),
        list("/customer-address", Kind::CustomerAddress, "customerAddresses").cursor().without_item(),
        list("/customer/{customerId}/address", Kind::CustomerAddress, "customerAddresses")
            .below(OF_CUSTOMER)
            .search(&["firstName", "lastName", "company", "address", "city", "zipCode"])
            .search_text(),
        list("/customer/{customerId}/credit-card", Kind::CustomerCreditCard, "customerCreditCards")
            .below(OF_CUSTOMER)
            .search(&["cardHolderName", "cardBrand"])
            .search_text(),
        list("/order", Kind::Order, "orders")
            .cursor()
            .search(&["orderNumber"])
            .filter(text("id").with(IN))
            .filter(text("customerId"))
            .filter(text("orderTagId").of("tags[].id").with(IN))
            .filter(text("tagId").of("tags[].id").with(IN))
            .filter(text("posProfileId"))
            .filter(text("allocationId").of("items[].allocationId"))
            // A saved segment; which orders it holds is not known, so none do.
            .filter(text("queryId"))
            .filter(date("updatedAt").with(RANGE))
            .filter(date("orderPaidDate").with(RANGE))
            .filter(date("orderFulfilledDate").with(RANGE))
            .filter(date("orderSubmittedDate").with(RANGE))
            .filter(text("fulfillmentStatus"))
            .filter(text("complianceStatus"))
            .filter(text("channel"))
            .filter(text("orderDeliveryMethod")),
        list("/cart", Kind::Cart, "carts").cursor(),
        list("/product", Kind::Product, "products")
            .cursor()
            .search(&["title"])
            .filter(date("updatedAt"))
            .filter(text("webStatus"))
            .filter(text("adminStatus"))
            .filter(text("collectionId").of("collections[].id")),
        list("/collection", Kind::Collection, "collections")
            .search(&["title"])
            .filter(text("webStatus"))
            .filter(text("type")),
        list("/department", Kind::Department, "departments").search(&["title"]),
        list("/vendor", Kind::Vendor, "vendors").search(&["title"]),
        list("/wine-appellation", Kind::WineAppellation, "wineAppellations").whole().without_item(),
        list("/wine-varietal", Kind::WineVarietal, "wineVarietals").whole().without_item(),
        list("/inventory", Kind::Inventory, "inventories").search(&["sku", "productTitle"]),
        list("/inventory-location", Kind::InventoryLocation, "inventoryLocations"),
        list("/club", Kind::Club, "clubs").search(&["title"]),
        list("/club-membership", Kind::ClubMembership, "clubMemberships")
            .cursor()
            .search(&["club.title"])
            .filter(text("clubId"))
            .filter(text("customerId"))
            .filter(date("signupDate").with(RANGE))
            .filter(date("updatedAt").with(RANGE)),
        list("/club-membership/{id}/shipment", Kind::Shipment, "shipments")
            .below(Parent::Object { kind: Kind::ClubMembership, field: "clubMembershipId" })
            .without_item(),
        list("/club-package", Kind::ClubPackage, "clubPackages"),
        list("/coupon", Kind::Coupon, "coupons").search(&["code", "title"]),
        list("/promotion", Kind::Promotion, "promotions").search(&["title"]),
        list("/promotion-set", Kind::PromotionSet, "promotionSets"),
        list("/gift-card", Kind::GiftCard, "giftCards").search(&["code", "title"]),
        list("/loyalty-tier", Kind::LoyaltyTier, "loyaltyTiers"),
        // Only its POST is documented; the list is a guess that tests of writes need.
        list("/loyalty-transaction", Kind::LoyaltyTransaction, "loyaltyTransactions")
            .without_item()
            .filter(text("customerId")),
        list("/note", Kind::Note, "notes")
            .cursor()
            .search(&["content"])
            .filter(text("customerId"))
            .filter(text("orderId")),
        list("/tag/{objectType}", Kind::Tag, "tags")
            .below(Parent::Word { field: "objectType", words: TAG_OBJECTS })
            .search(&["title"])
            .filter(text("type")),
        list("/group", Kind::Group, "groups").search(&["title"]),
        list("/meta-data-config/{objectType}", Kind::MetaDataConfig, "metaDataConfigs")
            .below(Parent::Word { field: "objectType", words: META_DATA_OBJECTS }),
        list("/shipping", Kind::Shipping, "shippings"),
        list("/tax", Kind::Tax, "taxes"),
        list("/reservation", Kind::Reservation, "reservations")
            .cursor()
            .search(&["reservationNumber"])
            .filter(text("customerId"))
            .filter(text("reservationTypeId").with(IN))
            .filter(text("tagId").of("tags[].id").with(IN))
            .filter(date("createdAt").with(RANGE))
            .filter(date("updatedAt").with(RANGE))
            .filter(date("reservationDate").with(RANGE))
            .filter(text("status"))
            .filter(text("paymentStatus"))
            .filter(text("channel")),
        list("/reservation-type", Kind::ReservationType, "reservationTypes")
            .search(&["title"])
            .filter(text("id").with(IN))
            .filter(Filter {
                key: "status",
                field: "endDate",
                column_type: ColumnType::Activity,
                operators: &[],
            }),
        list("/setting", Kind::Setting, "settings").bare().without_item(),
        list("/web-hook", Kind::WebHook, "webHooks"),
        list("/web-hook-log", Kind::WebHookLog, "webHookLogs")
            .without_item()
            .filter(text("object"))
            .filter(text("action"))
            .filter(boolean("isSuccess"))
            .filter(date("updatedAt").with(RANGE)),
        list("/app-syncs/{objectId}", Kind::AppSync, "appSyncs")
            .below(Parent::Reference { field: "objectId" })
            .whole()
            .without_item(),
        list("/trash", Kind::Trash, "trash").cursor().without_item(),
    ]
}

/// Paths that exist for writing only (facts 5), so that a write there is told from a wrong path.
pub(crate) const WRITE_ONLY: &[&str] = &[
    "/customer/subscribe",
    "/order/upsert",
    "/order-number",
    "/order/{id}/fulfillment",
    "/order/{id}/fulfillment/all",
    "/order/{id}/fulfillment/{fulfillmentId}",
    "/inventory-transaction",
    "/promotion-set-x-promotion",
    "/gift-card-transaction",
    "/tag-x-object/{objectType}",
    "/tag-x-object/{objectType}/{tagId}/{objectId}",
    "/reservation/{id}/check-in",
    "/reservation/{id}/close-out",
    "/app-sync",
];

fn list(path: &'static str, kind: Kind, envelope: &'static str) -> Endpoint {
    Endpoint {
        path,
        item: Some(format!("{path}/{{id}}")),
        kind,
        envelope,
        paging: Paging::Page,
        parent: None,
        filters: Vec::new(),
        search: &[],
        takes_search_text: false,
    }
}

impl Endpoint {
    fn cursor(mut self) -> Self {
        self.paging = Paging::PageOrCursor;
        self
    }

    fn whole(mut self) -> Self {
        self.paging = Paging::Whole;
        self
    }

    fn bare(mut self) -> Self {
        self.paging = Paging::Bare;
        self
    }

    fn without_item(mut self) -> Self {
        self.item = None;
        self
    }

    fn below(mut self, parent: Parent) -> Self {
        self.parent = Some(parent);
        self
    }

    fn search(mut self, fields: &'static [&'static str]) -> Self {
        self.search = fields;
        self
    }

    fn search_text(mut self) -> Self {
        self.takes_search_text = true;
        self
    }

    fn filter(mut self, filter: Filter) -> Self {
        self.filters.push(filter);
        self
    }
}

/// What a collection keeps of its objects beside their text.
#[derive(Debug, Default)]
pub(crate) struct Schema {
    /// The fields that some endpoint filters by, in the order of an object's keys.
    pub columns: Vec<(&'static str, ColumnType)>,
    /// The fields that some endpoint searches.
    pub search: Vec<&'static str>,
}

impl Schema {
    /// Where the key of `field` stands.
    pub fn column(&self, field: &str) -> Option<usize> {
        self.columns.iter().position(|(name, _)| *name == field)
    }
}

/// Fields that writes look objects up by; no endpoint filters by them.
const LOOKED_UP: &[(Kind, &str, ColumnType)] = &[
    (Kind::Customer, "emails[].email", ColumnType::Text),
    (Kind::Order, "orderNumber", ColumnType::Number),
    (Kind::Product, "slug", ColumnType::Text),
    (Kind::Product, "variants[].sku", ColumnType::Text),
    (Kind::Product, "departmentId", ColumnType::Text),
    (Kind::Product, "vendorId", ColumnType::Text),
    (Kind::Collection, "slug", ColumnType::Text),
    (Kind::Inventory, "sku", ColumnType::Text),
    (Kind::Inventory, "productId", ColumnType::Text),
    (Kind::ClubMembership, "tags[].id", ColumnType::Text),
    (Kind::Coupon, "code", ColumnType::Text),
    (Kind::Promotion, "promotionSets[].id", ColumnType::Text),
    (Kind::GiftCard, "code", ColumnType::Text),
    (Kind::GiftCard, "giftCardNumber", ColumnType::Number),
    (Kind::Reservation, "reservationNumber", ColumnType::Number),
    (Kind::ReservationType, "options[].id", ColumnType::Text),
    (Kind::MetaDataConfig, "code", ColumnType::Text),
];

/// The endpoints, longest-lived of all: requests borrow from them.
pub(crate) static ENDPOINTS: LazyLock<Vec<Endpoint>> = LazyLock::new(definitions);

static SCHEMAS: LazyLock<Vec<Schema>> = LazyLock::new(|| {
    let mut schemas: Vec<Schema> = Kind::ALL.iter().map(|_| Schema::default()).collect();
    for endpoint in &*ENDPOINTS {
        let Some(schema) = schemas.get_mut(endpoint.kind.index()) else { continue };
        let parent = endpoint.parent.map(|parent| match parent {
            Parent::Object { field, .. } | Parent::Reference { field } | Parent::Word { field, .. } => field,
        });
        let parent = parent.map(|field| (field, ColumnType::Text));
        let filters = endpoint.filters.iter().map(|filter| (filter.field, filter.column_type));
        for (field, column_type) in parent.into_iter().chain(filters) {
            if schema.column(field).is_none() {
                schema.columns.push((field, column_type));
            }
        }
        for field in endpoint.search {
            if !schema.search.contains(field) {
                schema.search.push(field);
            }
        }
    }
    for (kind, field, column_type) in LOOKED_UP {
        if let Some(schema) = schemas.get_mut(kind.index())
            && schema.column(field).is_none()
        {
            schema.columns.push((field, *column_type));
        }
    }
    schemas
});

/// What a collection of this kind keeps beside the texts.
pub(crate) fn schema(kind: Kind) -> &'static Schema {
    static EMPTY: Schema = Schema { columns: Vec::new(), search: Vec::new() };
    SCHEMAS.get(kind.index()).unwrap_or(&EMPTY)
}
