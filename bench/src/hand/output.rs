//! The unified order, as it is written.

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Written as JSON text, whatever it is made of.
pub struct Shown<T>(pub T);

impl<T: Display> Serialize for Shown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Cents, shown as dollars.
pub struct Cents(pub i64);

impl Display for Cents {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let cents = self.0.unsigned_abs();
        write!(out, "{sign}{}.{:02}", cents / 100, cents % 100)
    }
}

/// Cents and parts of them, shown as dollars.
pub struct PartsOfCents(pub f64);

impl Display for PartsOfCents {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = Cents(self.0.trunc() as i64);
        let text = self.0.abs().to_string();
        if self.0 < 0.0 && whole.0 == 0 {
            out.write_str("-")?;
        }
        whole.fmt(out)?;
        out.write_str(text.split_once('.').map_or("", |(_, parts)| parts))
    }
}

/// Two texts with something between them, or the one that is there.
pub struct Pair<'a> {
    pub first: &'a str,
    pub between: &'a str,
    pub second: &'a str,
}

impl Display for Pair<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.first)?;
        if !self.first.is_empty() && !self.second.is_empty() {
            out.write_str(self.between)?;
        }
        out.write_str(self.second)
    }
}

/// A month, as in 2027-02.
pub struct Month {
    pub year: u32,
    pub month: u32,
}

impl Display for Month {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}-{:02}", self.year, self.month)
    }
}

type Text<'a> = Option<&'a str>;
type Money = Option<Shown<Cents>>;
type Joined<'a> = Option<Shown<Pair<'a>>>;

/// Whether there is nothing to write; lists are written even when they are empty.
trait Absent {
    fn is_absent(&self) -> bool;
}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {
    fn is_absent(&self) -> bool {
        false
    }
}

/// Declares structs whose absent fields are not written.
macro_rules! written {
    ($($name:ident$(<$life:lifetime>)? { $($field:ident: $type:ty,)* })*) => {$(
        #[derive(Serialize)]
        pub struct $name$(<$life>)? {
            $(#[serde(skip_serializing_if = "Absent::is_absent")] pub $field: $type,)*
        }
    )*};
}

written! {
    Order<'a> {
        id: Text<'a>,
        order_number: Option<Shown<u64>>,
        currency: Text<'a>,
        discounts: Vec<Discount<'a>>,
        sub_total: Money,
        shipping_cost: Money,
        total_tax: Money,
        total_discount: Money,
        total_amount: Money,
        total_tip: Money,
        total_duty: Money,
        total_bottle_deposit: Money,
        total_amount_with_tip: Money,
        status: Text<'a>,
        payment_status: Text<'a>,
        payment_status_raw: Text<'a>,
        fulfillment_status: Text<'a>,
        fulfillment_status_raw: Text<'a>,
        payment_method: Option<String>,
        customer: Option<Customer<'a>>,
        billing_address: Option<Address<'a>>,
        shipping_address: Option<Address<'a>>,
        created_at: Text<'a>,
        updated_at: Text<'a>,
        submitted_at: Text<'a>,
        paid_at: Text<'a>,
        fulfilled_at: Text<'a>,
        channel: Text<'a>,
        channel_raw: Text<'a>,
        delivery_method: Text<'a>,
        delivery_method_raw: Text<'a>,
        purchase_type: Text<'a>,
        purchase_type_raw: Text<'a>,
        compliance_status: Text<'a>,
        compliance_status_raw: Text<'a>,
        shipping_status: Text<'a>,
        shipping_status_raw: Text<'a>,
        shipping_methods: Vec<ShippingMethod<'a>>,
        shipping_instructions: Text<'a>,
        requested_ship_at: Text<'a>,
        line_items: Vec<LineItem<'a>>,
        total_volume_ml: Option<i64>,
        volumes_ml: Option<BTreeMap<&'a str, i64>>,
        payments: Vec<Payment<'a>>,
        taxes: Vec<Tax<'a>>,
        fulfillments: Vec<Fulfillment<'a>>,
        refunds: Vec<LinkedOrder<'a>>,
        previous_order: Option<LinkedOrder<'a>>,
        pickup: Option<Pickup<'a>>,
        club: Option<Club<'a>>,
        tags: Vec<Named<'a>>,
        flags: Vec<Flag<'a>>,
        gift_message: Text<'a>,
        is_tax_exempt: Option<bool>,
        loyalty_points_earned: Option<i64>,
        customer_type: Text<'a>,
        sales_associate: Option<Named<'a>>,
        pos_profile: Option<Named<'a>>,
        source: Text<'a>,
        external_order_number: Text<'a>,
        custom_fields: Option<&'a RawValue>,
    }

    Discount<'a> {
        code: Text<'a>,
        name: Text<'a>,
        amount: Money,
    }

    Customer<'a> {
        id: Text<'a>,
        first_name: Text<'a>,
        last_name: Text<'a>,
        name: Joined<'a>,
        company_name: Text<'a>,
        emails: Vec<Email<'a>>,
        phones: Vec<Phone<'a>>,
    }

    Email<'a> {
        email: Text<'a>,
        is_primary: Option<bool>,
    }

    Phone<'a> {
        number: Text<'a>,
    }

    Address<'a> {
        id: Text<'a>,
        name: Joined<'a>,
        first_name: Text<'a>,
        last_name: Text<'a>,
        company_name: Text<'a>,
        street_1: Text<'a>,
        street_2: Text<'a>,
        city: Text<'a>,
        state: Text<'a>,
        postal_code: Text<'a>,
        country: Text<'a>,
        phone: Text<'a>,
        birth_date: Text<'a>,
    }

    ShippingMethod<'a> {
        id: Text<'a>,
        name: Text<'a>,
        code: Text<'a>,
        carrier: Text<'a>,
        service: Text<'a>,
        price: Money,
        original_price: Money,
        tax: Money,
    }

    LineItem<'a> {
        id: Text<'a>,
        product: Option<Product<'a>>,
        variant: Option<Named<'a>>,
        sku: Text<'a>,
        name: Joined<'a>,
        r#type: Text<'a>,
        purchase_type: Text<'a>,
        quantity: Option<i64>,
        quantity_fulfilled: Option<i64>,
        unit_price: Money,
        original_unit_price: Money,
        compare_price: Money,
        unit_cost: Money,
        bottle_deposit: Money,
        tax: Money,
        total: Money,
        tax_type: Text<'a>,
        is_price_overridden: Option<bool>,
        volume_ml: Option<i64>,
        weight: Option<f64>,
        requires_shipping: Option<bool>,
        location: Option<Named<'a>>,
        department: Option<Department<'a>>,
        vendor_name: Text<'a>,
        allocation: Option<Named<'a>>,
        notes: Text<'a>,
        bundle_items: Vec<BundleItem<'a>>,
    }

    Product<'a> {
        id: Text<'a>,
        name: Text<'a>,
        r#type: Text<'a>,
        slug: Text<'a>,
        image_url: Text<'a>,
    }

    Named<'a> {
        id: Text<'a>,
        name: Text<'a>,
    }

    Department<'a> {
        id: Text<'a>,
        code: Text<'a>,
    }

    BundleItem<'a> {
        id: Text<'a>,
        product: Option<Named<'a>>,
        variant: Option<Named<'a>>,
        sku: Text<'a>,
        quantity: Option<i64>,
        unit_price: Option<Shown<PartsOfCents>>,
        original_unit_price: Option<Shown<PartsOfCents>>,
        tax: Option<Shown<PartsOfCents>>,
    }

    Payment<'a> {
        id: Text<'a>,
        r#type: Text<'a>,
        charge_type: Text<'a>,
        status: Text<'a>,
        amount: Money,
        tip: Money,
        paid_at: Text<'a>,
        created_at: Text<'a>,
        updated_at: Text<'a>,
        error_code: Text<'a>,
        other_method: Text<'a>,
        card: Option<Card<'a>>,
        gift_card: Option<GiftCard<'a>>,
        loyalty_points: Option<i64>,
    }

    Card<'a> {
        brand: Text<'a>,
        last_four: Text<'a>,
        expiry: Option<Shown<Month>>,
        holder_name: Text<'a>,
    }

    GiftCard<'a> {
        id: Text<'a>,
        masked_code: Text<'a>,
    }

    Tax<'a> {
        id: Text<'a>,
        name: Text<'a>,
        vendor: Text<'a>,
        amount: Money,
        original_amount: Money,
        country: Text<'a>,
        state: Text<'a>,
        postal_code: Text<'a>,
        is_included_in_price: Option<bool>,
        is_flat_rate: Option<bool>,
        rates: Option<Rates>,
    }

    Rates {
        wine: Option<f64>,
        food: Option<f64>,
        general_merchandise: Option<f64>,
        freight: Option<f64>,
        cannabis: Option<f64>,
    }

    Fulfillment<'a> {
        id: Text<'a>,
        r#type: Text<'a>,
        fulfilled_at: Text<'a>,
        package_count: Option<i64>,
        location: Option<Named<'a>>,
        carrier: Text<'a>,
        tracking_numbers: Vec<&'a str>,
        picked_up_by: Text<'a>,
        line_items: Vec<FulfilledItem<'a>>,
    }

    FulfilledItem<'a> {
        id: Text<'a>,
        sku: Text<'a>,
        quantity: Option<i64>,
    }

    LinkedOrder<'a> {
        id: Text<'a>,
        order_number: Option<Shown<u64>>,
        r#type: Text<'a>,
    }

    Pickup<'a> {
        name: Joined<'a>,
        location: Option<Named<'a>>,
        address: Option<PickupAddress<'a>>,
    }

    PickupAddress<'a> {
        id: Text<'a>,
        company_name: Text<'a>,
        street_1: Text<'a>,
        street_2: Text<'a>,
        city: Text<'a>,
        state: Text<'a>,
        postal_code: Text<'a>,
        country: Text<'a>,
        phone: Text<'a>,
        birth_date: Text<'a>,
    }

    Club<'a> {
        id: Text<'a>,
        name: Text<'a>,
        package: Option<Named<'a>>,
    }

    Flag<'a> {
        id: Text<'a>,
        text: Text<'a>,
    }
}
