//! Commerce7's order, as far as the mapping reads it: text is borrowed from the answer.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use serde_json::value::RawValue;

/// Text, borrowed unless it has escapes. (Inside an `Option`, serde would copy a `Cow`.)
pub struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowing;

        impl<'de> Visitor<'de> for Borrowing {
            type Value = Text<'de>;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("text")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_str(Borrowing)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Order<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    pub order_number: Option<u64>,
    pub order_submitted_date: Option<Text<'a>>,
    pub order_paid_date: Option<Text<'a>>,
    pub order_fulfilled_date: Option<Text<'a>>,
    pub order_source: Option<Text<'a>>,
    pub external_order_number: Option<Text<'a>>,
    pub external_order_vendor: Option<Text<'a>>,
    pub customer_type: Option<Text<'a>>,
    pub purchase_type: Option<Text<'a>>,
    pub previous_order_id: Option<Text<'a>>,
    pub previous_order_number: Option<u64>,
    pub refund_order_id: Option<Text<'a>>,
    pub refund_order_number: Option<u64>,
    pub linked_orders: Option<Vec<LinkedOrder<'a>>>,
    pub payment_status: Option<Text<'a>>,
    pub compliance_status: Option<Text<'a>>,
    pub fulfillment_status: Option<Text<'a>>,
    pub shipping_status: Option<Text<'a>>,
    pub channel: Option<Text<'a>>,
    pub pos_profile_id: Option<Text<'a>>,
    pub pos_profile: Option<PosProfile<'a>>,
    pub customer_id: Option<Text<'a>>,
    pub order_delivery_method: Option<Text<'a>>,
    pub shipping_instructions: Option<Text<'a>>,
    pub sub_total: Option<i64>,
    pub ship_total: Option<i64>,
    pub tax_total: Option<i64>,
    pub duty_total: Option<i64>,
    pub bottle_deposit_total: Option<i64>,
    pub tip_total: Option<i64>,
    pub discount_total: Option<i64>,
    pub total: Option<i64>,
    pub total_after_tip: Option<i64>,
    pub gift_message: Option<Text<'a>>,
    pub meta_data: Option<&'a RawValue>,
    pub flags: Option<Vec<Flag<'a>>>,
    pub is_non_taxable: Option<bool>,
    pub loyalty_points_earned: Option<i64>,
    pub created_at: Option<Text<'a>>,
    pub updated_at: Option<Text<'a>>,
    pub customer: Option<Customer<'a>>,
    pub club: Option<Club<'a>>,
    pub shipping: Option<Vec<Shipping<'a>>>,
    pub coupons: Option<Vec<Reduction<'a>>>,
    pub promotions: Option<Vec<Reduction<'a>>>,
    pub bill_to: Option<Address<'a>>,
    pub ship_to: Option<Address<'a>>,
    pub pickup_by: Option<Address<'a>>,
    pub carry_out: Option<Address<'a>>,
    pub tenders: Option<Vec<Tender<'a>>>,
    pub fulfillments: Option<Vec<Fulfillment<'a>>>,
    pub taxes: Option<Vec<Tax<'a>>>,
    pub items: Option<Vec<Item<'a>>>,
    pub selected_shipping_options: Option<ShippingOptions<'a>>,
    pub sales_associate: Option<SalesAssociate<'a>>,
    pub tags: Option<Vec<Tag<'a>>>,
    pub order_tags: Option<Vec<Tag<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkedOrder<'a> {
    #[serde(borrow)]
    pub order_id: Option<Text<'a>>,
    pub order_number: Option<u64>,
    pub purchase_type: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub struct PosProfile<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    pub title: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub struct Flag<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    pub content: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Customer<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    pub first_name: Option<Text<'a>>,
    pub last_name: Option<Text<'a>>,
    pub emails: Option<Vec<Email<'a>>>,
    pub phones: Option<Vec<Phone<'a>>>,
}

#[derive(Deserialize)]
pub struct Email<'a> {
    #[serde(borrow)]
    pub email: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub struct Phone<'a> {
    #[serde(borrow)]
    pub phone: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Club<'a> {
    #[serde(borrow)]
    pub club_id: Option<Text<'a>>,
    pub club_title: Option<Text<'a>>,
    pub club_package_id: Option<Text<'a>>,
    pub club_package_title: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shipping<'a> {
    #[serde(borrow)]
    pub shipping_service_id: Option<Text<'a>>,
    pub title: Option<Text<'a>>,
    pub code: Option<Text<'a>>,
    pub carrier: Option<Text<'a>>,
    pub service: Option<Text<'a>>,
    pub price: Option<i64>,
    pub original_price: Option<i64>,
    pub tax: Option<i64>,
}

/// A coupon or a promotion.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reduction<'a> {
    #[serde(borrow)]
    pub code: Option<Text<'a>>,
    pub title: Option<Text<'a>>,
    pub in_use: Option<bool>,
    pub total_value: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Address<'a> {
    #[serde(borrow)]
    pub customer_address_id: Option<Text<'a>>,
    pub inventory_location_id: Option<Text<'a>>,
    pub birth_date: Option<Text<'a>>,
    pub first_name: Option<Text<'a>>,
    pub last_name: Option<Text<'a>>,
    pub company: Option<Text<'a>>,
    pub phone: Option<Text<'a>>,
    pub address: Option<Text<'a>>,
    pub address2: Option<Text<'a>>,
    pub city: Option<Text<'a>>,
    pub state_code: Option<Text<'a>>,
    pub zip_code: Option<Text<'a>>,
    pub country_code: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tender<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    pub tender_type: Option<Text<'a>>,
    pub charge_type: Option<Text<'a>>,
    pub charge_status: Option<Text<'a>>,
    pub amount_tendered: Option<i64>,
    pub tip: Option<i64>,
    pub error_code: Option<Text<'a>>,
    pub payment_date: Option<Text<'a>>,
    pub other_payment_method: Option<Text<'a>>,
    pub created_at: Option<Text<'a>>,
    pub updated_at: Option<Text<'a>>,
    pub credit_card: Option<CreditCard<'a>>,
    pub gift_card: Option<GiftCard<'a>>,
    pub loyalty: Option<Loyalty>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CreditCard<'a> {
    #[serde(borrow)]
    pub card_brand: Option<Text<'a>>,
    pub masked_card_number: Option<Text<'a>>,
    pub expiry_mo: Option<u32>,
    pub expiry_yr: Option<u32>,
    pub card_holder_name: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GiftCard<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    pub masked_code: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub struct Loyalty {
    pub points: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fulfillment<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    pub inventory_location_id: Option<Text<'a>>,
    #[serde(rename = "type")]
    pub kind: Option<Text<'a>>,
    pub fulfillment_date: Option<Text<'a>>,
    pub package_count: Option<i64>,
    pub shipped: Option<Shipped<'a>>,
    pub picked_up: Option<PickedUp<'a>>,
    pub items: Option<Vec<FulfilledItem<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shipped<'a> {
    #[serde(borrow)]
    pub carrier: Option<Text<'a>>,
    pub tracking_numbers: Option<Vec<Text<'a>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PickedUp<'a> {
    #[serde(borrow)]
    pub picked_up_by: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FulfilledItem<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    pub sku: Option<Text<'a>>,
    pub quantity_fulfilled: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tax<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    pub vendor: Option<Text<'a>>,
    pub title: Option<Text<'a>>,
    pub country_code: Option<Text<'a>>,
    pub state_code: Option<Text<'a>>,
    pub zip_code: Option<Text<'a>>,
    pub freight: Option<f64>,
    pub food: Option<f64>,
    pub general_merchandise: Option<f64>,
    pub cannabis: Option<f64>,
    pub wine: Option<f64>,
    pub price: Option<i64>,
    pub original_price: Option<i64>,
    pub is_included_in_price: Option<bool>,
    pub is_flat_rate: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Item<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    pub purchase_type: Option<Text<'a>>,
    pub product_title: Option<Text<'a>>,
    pub product_slug: Option<Text<'a>>,
    #[serde(rename = "type")]
    pub kind: Option<Text<'a>>,
    pub inventory_location_id: Option<Text<'a>>,
    pub product_id: Option<Text<'a>>,
    pub product_variant_title: Option<Text<'a>>,
    pub product_variant_id: Option<Text<'a>>,
    pub image: Option<Text<'a>>,
    pub sku: Option<Text<'a>>,
    pub cost_of_good: Option<i64>,
    pub price: Option<i64>,
    pub original_price: Option<i64>,
    pub compare_price: Option<i64>,
    pub bottle_deposit: Option<i64>,
    pub quantity: Option<i64>,
    pub quantity_fulfilled: Option<i64>,
    pub is_price_override: Option<bool>,
    pub tax: Option<i64>,
    pub tax_type: Option<Text<'a>>,
    pub weight: Option<f64>,
    pub has_shipping: Option<bool>,
    pub vendor: Option<Text<'a>>,
    #[serde(rename = "volumeInML")]
    pub volume_in_ml: Option<i64>,
    pub department_code: Option<Text<'a>>,
    pub department_id: Option<Text<'a>>,
    pub allocation_id: Option<Text<'a>>,
    pub notes: Option<Text<'a>>,
    pub bundle_items: Option<Vec<BundleItem<'a>>>,
}

/// Prices of a bundle's items can be parts of a cent.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleItem<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    pub product_id: Option<Text<'a>>,
    pub product_title: Option<Text<'a>>,
    pub product_variant_id: Option<Text<'a>>,
    pub product_variant_title: Option<Text<'a>>,
    pub sku: Option<Text<'a>>,
    pub quantity: Option<i64>,
    pub price: Option<f64>,
    pub original_price: Option<f64>,
    pub tax: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ShippingOptions<'a> {
    #[serde(borrow)]
    pub requested_ship_date: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SalesAssociate<'a> {
    #[serde(borrow)]
    pub account_id: Option<Text<'a>>,
    pub name: Option<Text<'a>>,
}

#[derive(Deserialize)]
pub struct Tag<'a> {
    #[serde(borrow)]
    pub id: Option<Text<'a>>,
    pub title: Option<Text<'a>>,
}
