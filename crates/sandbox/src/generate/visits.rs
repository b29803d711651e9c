//! Reservations and the experiences they are for.

use serde_json::{Value, json};

use super::customers::Customer;
use super::dice::{DAY, MINUTE, timestamp};
use super::house::{BIRTHDAY_TAG, EXPERIENCES, Experience, House, TASTING_ROOM};
use super::orders::{Order, Payment};
use super::people::{ip_address, user_agent};

/// The reservations: those whose visit is an order already, and one of every sixth customer, past or to come.
pub(crate) fn reservations<'a>(
    house: &'a House,
    customers: &'a [Customer],
    orders: &'a [Order],
) -> impl Iterator<Item = Value> {
    let kept = orders.iter().filter(|order| order.is_reservation && order.payment == Payment::Paid);
    let visited = kept.filter_map(|order| {
        let customer = customers.get(order.customer?)?;
        Some((customer, Some(order)))
    });
    let booked = customers.iter().filter(|customer| customer.index % 6 == 0).map(|customer| (customer, None));
    visited
        .chain(booked)
        .enumerate()
        .map(|(number, (customer, order))| reservation(house, number, customer, order))
}

fn reservation(house: &House, number: usize, customer: &Customer, order: Option<&Order>) -> Value {
    let source = &house.source;
    let now = source.now;
    // By what it belongs to, so that more orders do not change it.
    let mut dice = match order {
        Some(order) => source.dice("visit of order", order.slot),
        None => source.dice("visit of customer", customer.index),
    };
    let id = match order {
        Some(order) => source.id("visit of order", order.slot),
        None => source.id("visit of customer", customer.index),
    };
    let at = dice.index(EXPERIENCES.len());
    let booked_for = &EXPERIENCES[at];
    let hour = |at: i64| at - at % (60 * MINUTE);
    let (date, booked) = match order {
        Some(order) => {
            let booked = order.submitted - dice.between(1, 20 * 24) * 60 * MINUTE;
            (hour(order.submitted), booked.max(customer.created))
        }
        None => {
            let booked = dice.between(customer.created, now);
            (hour(booked + dice.between(1, 60) * DAY), booked)
        }
    };
    let status = match order {
        Some(_) => "Closed Out",
        None if date < now => dice.weighted(&[(5, "Checked In"), (3, "Cancelled"), (2, "No Show")]),
        None => dice.weighted(&[(6, "Reserved"), (2, "Hold"), (1, "Cancelled")]),
    };
    let guests = dice.between(1, booked_for.most_guests.min(8));
    let ends = date + booked_for.minutes * MINUTE;
    let visited = matches!(status, "Closed Out" | "Checked In");
    json!({
        "id": id,
        "channel": dice.weighted(&[(3, "Web"), (1, "Inbound")]),
        "externalReservationNumber": null,
        "externalReservationVendor": null,
        "reservationNumber": 1_001 + number,
        "reservationSource": "Internal",
        "customerId": customer.id,
        "reservationDate": timestamp(date),
        "reservationCloseOutDate": timestamp(ends),
        "reservationTypeId": source.id("reservation type", at),
        "reservationTypeOptionId": source.id("reservation type option", at),
        "guestCount": guests,
        "reservationLocationId": source.id("reservation location", 0),
        "reservationLocationTableId": source.id("reservation table", 0),
        "reservationStaffId": null,
        "experienceType": booked_for.kind,
        "isRequiresAHost": true,
        "status": status,
        "paymentStatus": if order.is_some() { "Paid" } else { "Pending" },
        "paymentCharge": booked_for.charge,
        "lastProcessAttemptDate": null,
        "orderId": order.map(|order| order.id),
        "orderNumber": order.map(|order| order.number),
        "reservationPaidDate": order.map(|order| timestamp(order.submitted)),
        "reminderEmailSendStatus": "Pending",
        "reminderEmailSendDate": null,
        "sku": format!("RES{at}"),
        "price": booked_for.price,
        "isPriceOverride": false,
        "isReservationDateOverride": false,
        "isReservationLocationOverride": false,
        "isGuestCountOverride": false,
        "customerCreditCardId": customer.cards.first().map(|card| card.id),
        "tenderType": "Credit Card",
        "reservationThirdPartyId": null,
        "inventoryLocationId": house.location(TASTING_ROOM).map(|location| location.id),
        "notes": if dice.percent(10) { "A quiet table, please" } else { "" },
        "checkInTime": visited.then(|| timestamp(date)),
        "closeOutTime": (status == "Closed Out").then(|| timestamp(ends.min(now))),
        "systemNote": null,
        "metaData": null,
        "appData": null,
        "appSync": null,
        "flags": [],
        "createdAt": timestamp(booked),
        "updatedAt": timestamp(if date < now { date.max(booked) } else { booked }),
        "reservationStaff": null,
        "reservationType": experience(house, at),
        "reservationTypeOption": option(house, at),
        "location": location(house),
        "table": table(house),
        "inventoryLocation": house.location(TASTING_ROOM).map(|location| location_object(house, location)),
        "customer": null,
        "customerCreditCard": customer.card_objects().next(),
        "secondaryCustomers": [],
        "carts": [],
        "tags": if dice.percent(10) { vec![house.tag(BIRTHDAY_TAG)] } else { Vec::new() },
        "connectionInformation": {
            "customerIpAddress": ip_address(&mut dice),
            "userAgent": user_agent(&mut dice),
        },
    })
}

/// A room for guests.
fn location(house: &House) -> Value {
    json!({
        "id": house.source.id("reservation location", 0),
        "title": "Tasting Bar",
        "type": "Communal",
        "startDate": house.opened(),
        "endDate": null,
        "createdAt": house.opened(),
        "updatedAt": house.opened(),
    })
}

fn table(house: &House) -> Value {
    json!({
        "id": house.source.id("reservation table", 0),
        "reservationLocationId": house.source.id("reservation location", 0),
        "code": "tasting-bar",
        "tableNumber": null,
        "title": "Tasting Bar",
        "minGuests": 1,
        "maxGuests": 30,
        "createdAt": house.opened(),
        "updatedAt": house.opened(),
    })
}

fn option(house: &House, at: usize) -> Value {
    let Experience { title, price, .. } = EXPERIENCES[at];
    json!({
        "id": house.source.id("reservation type option", at),
        "reservationTypeId": house.source.id("reservation type", at),
        "title": title,
        "sku": format!("RES{at}"),
        "price": price,
        "costOfGood": 0,
        "taxType": "General Merchandise",
        "sortOrder": 1,
        "productVariantId": null,
        "createdAt": house.opened(),
        "updatedAt": house.opened(),
    })
}

/// An experience as it stands in reservations: without options and time slots.
fn experience(house: &House, at: usize) -> Value {
    let Experience { title, slug, tour_type, kind, charge, minutes, most_guests, .. } = EXPERIENCES[at];
    json!({
        "id": house.source.id("reservation type", at),
        "inventoryLocationId": house.location(TASTING_ROOM).map(|location| location.id),
        "title": title,
        "content": format!("<p>{title} at {}.</p>", house.company),
        "emailInstructions": null,
        "image": house.image(slug),
        "tourType": tour_type,
        "type": kind,
        "paymentCharge": charge,
        "minGuestCount": 1,
        "maxGuestCount": most_guests,
        "maxGroupCount": if kind == "Table" { 1 } else { 0 },
        "minutesAllotted": minutes,
        "minutesBeforeLocationInUse": 15,
        "leadTimeInHours": 48,
        "isRequiresAHost": true,
        "isAlwaysOccursInDefaultLocation": true,
        "defaultReservationLocationId": house.source.id("reservation location", 0),
        "startDate": house.opened(),
        // The last one was for one summer.
        "endDate": (at + 1 == EXPERIENCES.len()).then(|| timestamp(house.source.now - 60 * DAY)),
        "departmentId": house.source.id("department", 3),
        "slug": slug,
        "seoTitle": title,
        "seoDescription": format!("{title} at {}.", house.company),
        "metaData": null,
        "allowOnlineCancel": true,
        "onlineCancelDeadlineInHours": 24,
        "createdAt": house.opened(),
        "updatedAt": house.opened(),
        "seo": {"title": title, "description": format!("{title} at {}.", house.company)},
        "security": {"availableTo": "Public"},
    })
}

/// The experiences (facts 6.15).
pub(crate) fn experiences(house: &House) -> impl Iterator<Item = Value> {
    (0..EXPERIENCES.len()).map(move |at| {
        let mut object = experience(house, at);
        object["options"] = json!([option(house, at)]);
        object["timeSlots"] = [0, 5, 6].map(|day| time_slot(house, at, day)).into_iter().collect();
        object
    })
}

fn time_slot(house: &House, at: usize, day: usize) -> Value {
    let id = house.source.id("time slot", at * 8 + day);
    let times = [11, 13, 15].iter().enumerate().map(|(number, hour)| {
        json!({
            "id": house.source.id("time", (at * 8 + day) * 4 + number),
            "reservationTypeTimeSlotId": id,
            "time": format!("{hour}:00:00"),
            "allowCustomersToReserveOnline": true,
            "createdAt": house.opened(),
            "updatedAt": house.opened(),
        })
    });
    json!({
        "id": id,
        "reservationTypeId": house.source.id("reservation type", at),
        "dayOfWeek": day,
        "createdAt": house.opened(),
        "updatedAt": house.opened(),
        "times": times.collect::<Vec<_>>(),
    })
}

/// An inventory location (facts 6.7).
pub(crate) fn location_object(house: &House, location: &super::house::Location) -> Value {
    json!({
        "id": location.id,
        "title": location.title,
        "address": location.address,
        "address2": if location.ships { Value::Null } else { json!("") },
        "city": house.place.city,
        "stateCode": house.place.state,
        "zipCode": house.place.postal_code,
        "countryCode": house.place.country,
        "phone": location.phone,
        "isWebShipLocation": location.ships,
        "isInboundShipLocation": location.ships,
        "isClubShipLocation": location.ships,
        "isAPickupLocation": !location.ships,
        "createdAt": house.opened(),
        "updatedAt": house.opened(),
    })
}
