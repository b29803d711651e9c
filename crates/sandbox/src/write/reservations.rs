//! Reservations and the experiences that can be booked (facts 6.14, 6.15).

use serde_json::{Value, json};

use super::catalog::{SECURITY, SEO, TAX_TYPES};
use super::schema::{
    APP_DATA, CREATED_AT, Default, Field, META_DATA, UPDATED_AT, boolean, check, command, count, given, html,
    id, integer, list, moment, object, of, references, text, word,
};
use super::{Change, Draft, Object, Resource, Written, into_object, number, rows, slug, text as text_of};
use crate::generate::{MINUTE, timestamp};
use crate::http::errors::ApiError;
use crate::http::filters;
use crate::kind::Kind;

const STATUSES: &[&str] = &[
    "Incomplete",
    "Hold",
    "Reserved",
    "Processing",
    "Paid",
    "Checked In",
    "Closed Out",
    "Cancelled",
    "No Show",
];

const FIELDS: &[Field] = &[
    given("id"),
    word("channel", &["Web", "Inbound"]).required(),
    text("externalReservationNumber"),
    text("externalReservationVendor"),
    given("reservationNumber"),
    given("reservationSource").or(Default::Text("Internal")),
    of("customerId", Kind::Customer),
    moment("reservationDate").required(),
    moment("reservationCloseOutDate"),
    of("reservationTypeId", Kind::ReservationType).required(),
    id("reservationTypeOptionId"),
    count("guestCount").required(),
    id("reservationLocationId"),
    id("reservationLocationTableId"),
    id("reservationStaffId"),
    given("experienceType"),
    given("isRequiresAHost").or(Default::False),
    word("status", STATUSES).or(Default::Text("Reserved")),
    word("paymentStatus", &["Paid", "Declined", "Pending"]).or(Default::Text("Pending")),
    given("paymentCharge"),
    given("lastProcessAttemptDate"),
    given("orderId"),
    given("orderNumber"),
    moment("reservationPaidDate"),
    given("reminderEmailSendStatus").or(Default::Text("Pending")),
    given("reminderEmailSendDate"),
    text("sku"),
    count("price"),
    boolean("isPriceOverride"),
    boolean("isReservationDateOverride"),
    boolean("isReservationLocationOverride"),
    boolean("isGuestCountOverride"),
    of("customerCreditCardId", Kind::CustomerCreditCard),
    text("tenderType"),
    id("reservationThirdPartyId"),
    given("inventoryLocationId"),
    text("notes").or(Default::Text("")),
    given("checkInTime"),
    given("closeOutTime"),
    given("systemNote"),
    META_DATA,
    APP_DATA,
    given("appSync"),
    list("flags", &[id("id"), text("content").required()]),
    CREATED_AT,
    UPDATED_AT,
    given("reservationStaff"),
    given("reservationType"),
    given("reservationTypeOption"),
    given("location"),
    given("table"),
    given("inventoryLocation"),
    given("customer"),
    given("customerCreditCard"),
    given("secondaryCustomers").or(Default::Empty),
    given("carts").or(Default::Empty),
    references("tags", Kind::Tag),
    given("connectionInformation"),
    command("isSendEmailConfirmation"),
    command("isSendTransactionEmail"),
    // Taken; what becomes of it is not known.
    Field { access: super::schema::Access::Command, ..of("billToAddressId", Kind::CustomerAddress) },
];

/// A deletion is answered with the reservation, as the docs say.
pub(super) static RESERVATION: Resource =
    Resource::new(Kind::Reservation, FIELDS).complete(complete_reservation).answers_deleted();

fn complete_reservation(change: &mut Change<'_>, draft: &mut Draft) -> Result<(), ApiError> {
    super::tags::check_tags(draft, "Reservation")?;
    let mut experience = change
        .collections
        .value(Kind::ReservationType, text_of(&draft.new, "reservationTypeId"))
        .unwrap_or_default();
    let options: Vec<Object> = rows(&experience, "options").cloned().collect();
    let wanted = draft.new.get("reservationTypeOptionId").filter(|id| !id.is_null()).cloned();
    let option = match &wanted {
        None => options.first(),
        Some(wanted) => options.iter().find(|option| option.get("id") == Some(wanted)),
    };
    if wanted.is_some() && option.is_none() {
        return Err(ApiError::invalid_element("reservationTypeOptionId", "does not exist"));
    }
    let most = number(&experience, "maxGuestCount");
    if most > 0
        && number(&draft.new, "guestCount") > most
        && !super::is_true(&draft.new, "isGuestCountOverride")
    {
        return Err(ApiError::rule("The guest count is more than the experience takes"));
    }
    if draft.is_new() {
        draft.set("reservationNumber", change.next_number(Kind::Reservation, "reservationNumber"));
        draft.set("connectionInformation", json!({"customerIpAddress": null, "userAgent": null}));
    }
    let has_moved = draft.changes("reservationDate") && !draft.body.contains_key("reservationCloseOutDate");
    if has_moved || draft.new.get("reservationCloseOutDate").is_none_or(Value::is_null) {
        let date = filters::moment(text_of(&draft.new, "reservationDate")).unwrap_or(change.now);
        let minutes = number(&experience, "minutesAllotted");
        draft.set("reservationCloseOutDate", timestamp(date + minutes * MINUTE));
    }
    if draft.changes("reservationTypeId") || draft.changes("reservationTypeOptionId") {
        for field in ["sku", "price"] {
            if !draft.body.contains_key(field) {
                draft.set(field, option.and_then(|option| option.get(field)).cloned());
            }
        }
    }
    let place =
        change.collections.value(Kind::InventoryLocation, text_of(&experience, "inventoryLocationId"));
    let card =
        change.collections.value(Kind::CustomerCreditCard, text_of(&draft.new, "customerCreditCardId"));
    draft.set_default("reservationTypeOptionId", option.and_then(|option| option.get("id")).cloned());
    draft.set_default("reservationLocationId", experience.get("defaultReservationLocationId").cloned());
    draft.set("experienceType", experience.get("type").cloned());
    draft.set("isRequiresAHost", experience.get("isRequiresAHost").cloned());
    draft.set("paymentCharge", experience.get("paymentCharge").cloned());
    draft.set("inventoryLocationId", experience.get("inventoryLocationId").cloned());
    draft.set("reservationTypeOption", option.cloned().map(Value::Object));
    experience.shift_remove("options");
    experience.shift_remove("timeSlots");
    draft.set("reservationType", experience);
    draft.set("inventoryLocation", place.map(Value::Object));
    draft.set("customerCreditCard", card.map(Value::Object));
    Ok(())
}

const CHECK_IN: &[Field] = &[moment("checkInTime").required()];
const CLOSE_OUT: &[Field] = &[moment("closeOutTime").required()];

/// `PUT /reservation/{id}/check-in`.
pub(super) fn check_in(change: &mut Change<'_>, id: &str, body: Value) -> Result<Written, ApiError> {
    check(CHECK_IN, &body, true)?;
    pass(change, id, &into_object(body), "checkInTime", "Checked In")
}

/// `PUT /reservation/{id}/close-out`.
pub(super) fn close_out(change: &mut Change<'_>, id: &str, body: Value) -> Result<Written, ApiError> {
    check(CLOSE_OUT, &body, true)?;
    pass(change, id, &into_object(body), "closeOutTime", "Closed Out")
}

fn pass(
    change: &mut Change<'_>,
    id: &str,
    body: &Object,
    field: &str,
    status: &str,
) -> Result<Written, ApiError> {
    let mut reservation = change.collections.value(Kind::Reservation, id).ok_or_else(ApiError::not_found)?;
    let time = filters::moment(text_of(body, field)).unwrap_or(change.now);
    reservation.insert(field.to_owned(), timestamp(time).into());
    reservation.insert("status".to_owned(), status.into());
    change.save(Kind::Reservation, reservation);
    Ok(change.answer(200, Kind::Reservation, id))
}

const OPTIONS: &[Field] = &[
    id("id"),
    given("reservationTypeId"),
    text("title").required(),
    text("sku").required(),
    count("price").required(),
    count("costOfGood").or(Default::Number(0)),
    word("taxType", TAX_TYPES).or(Default::Text("General Merchandise")),
    integer("sortOrder").or(Default::Number(0)),
    id("productVariantId"),
    CREATED_AT,
    UPDATED_AT,
];

const TIMES: &[Field] = &[
    id("id"),
    given("reservationTypeTimeSlotId"),
    text("time").required(),
    boolean("allowCustomersToReserveOnline"),
    CREATED_AT,
    UPDATED_AT,
];

const TIME_SLOTS: &[Field] = &[
    id("id"),
    given("reservationTypeId"),
    count("dayOfWeek").required(),
    CREATED_AT,
    UPDATED_AT,
    list("times", TIMES),
];

const EXPERIENCE_FIELDS: &[Field] = &[
    given("id"),
    of("inventoryLocationId", Kind::InventoryLocation).required(),
    text("title").required(),
    html("content"),
    html("emailInstructions"),
    text("image"),
    text("tourType"),
    word("type", &["Table", "Communal"]).required(),
    word("paymentCharge", &["On Reservation Booking", "On Check In"]).or(Default::Text("On Check In")),
    count("minGuestCount").or(Default::Number(1)),
    count("maxGuestCount").required(),
    count("maxGroupCount").or(Default::Number(0)),
    count("minutesAllotted").required(),
    count("minutesBeforeLocationInUse").or(Default::Number(0)),
    count("leadTimeInHours").or(Default::Number(0)),
    boolean("isRequiresAHost"),
    boolean("isAlwaysOccursInDefaultLocation"),
    id("defaultReservationLocationId"),
    moment("startDate").required(),
    moment("endDate"),
    of("departmentId", Kind::Department),
    text("slug"),
    given("seoTitle"),
    given("seoDescription"),
    META_DATA,
    boolean("allowOnlineCancel"),
    count("onlineCancelDeadlineInHours"),
    CREATED_AT,
    UPDATED_AT,
    object("seo", SEO),
    object("security", SECURITY),
    list("options", OPTIONS),
    list("timeSlots", TIME_SLOTS),
];

pub(super) static EXPERIENCE: Resource =
    Resource::new(Kind::ReservationType, EXPERIENCE_FIELDS).complete(|_, draft| {
        let slug = slug(text_of(&draft.new, "title"));
        draft.set_default("slug", slug);
        let id = draft.new.get("id").cloned().unwrap_or_default();
        for field in ["options", "timeSlots"] {
            for row in draft.new.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten() {
                row["reservationTypeId"] = id.clone();
                let slot = row.get("id").cloned().unwrap_or_default();
                for time in row.get_mut("times").and_then(Value::as_array_mut).into_iter().flatten() {
                    time["reservationTypeTimeSlotId"] = slot.clone();
                }
            }
        }
        Ok(())
    });
