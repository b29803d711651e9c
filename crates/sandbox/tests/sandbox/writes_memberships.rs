//! Club memberships: signing up, holding, cancelling, and what their customers show of it (facts 6.9).

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{rows, serve, small, text};

#[tokio::test]
async fn a_membership_begins_rests_and_ends() {
    let served = serve(small()).await;
    let customer = served.post("/customer-address", json!({
        "firstName": "Robin", "lastName": "Marlowe", "address": "123 Main St", "city": "Napa", "stateCode": "CA",
        "zipCode": "94558", "countryCode": "US", "emails": [{"email": "robin@example.com"}],
    })).await;
    let customer_path = format!("/customer/{}", text(&customer, "id"));
    let address = served.ok(&format!("{customer_path}/address")).await["customerAddresses"][0].clone();
    let clubs = served.ok("/club").await;
    let club = rows(&clubs, "clubs").iter().find(|club| club["type"] == "Traditional").unwrap();
    let body = json!({
        "customerId": customer["id"], "clubId": club["id"], "billToCustomerAddressId": address["id"],
        "orderDeliveryMethod": "Ship", "shipToCustomerAddressId": address["id"],
        "signupDate": "2026-11-01T00:00:00-08:00", "cancelDate": null, "isSendEmailConfirmation": false,
    });
    let membership = served.post("/club-membership", body.clone()).await;
    let path = format!("/club-membership/{}", text(&membership, "id"));
    assert_eq!(served.ok(&path).await, membership);
    let others = served.walk("/club-membership", "clubMemberships", &[]).await;
    let other = others.iter().find(|other| other["id"] != membership["id"]).unwrap();
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&membership), fields(other));
    assert_eq!(
        (&membership["status"], &membership["signupDate"]),
        (&json!("Active"), &json!("2026-11-01T08:00:00.000Z"))
    );
    assert_eq!((&membership["club"]["id"], &membership["customer"]["id"]), (&club["id"], &customer["id"]));
    assert!(membership.get("isSendEmailConfirmation").is_none());
    let shows = async || {
        let customer = served.ok(&customer_path).await;
        let figures = &customer["orderInformation"];
        (
            customer["clubs"].clone(),
            figures["currentClubTitle"].clone(),
            figures["isActiveClubMember"].clone(),
            text(&customer, "updatedAt").to_owned(),
        )
    };
    let (listed, title, is_active, signed_up) = shows().await;
    assert_eq!((&listed[0]["clubMembershipId"], &listed[0]["cancelDate"]), (&membership["id"], &Value::Null));
    assert_eq!((title, is_active), (club["title"].clone(), json!(true)));
    assert!(signed_up.as_str() > text(&customer, "updatedAt"));
    assert_eq!(
        served
            .query("/club-membership", &[("q", text(club, "title")), ("customerId", text(&customer, "id"))])
            .await
            .json()["total"],
        1
    );

    // A hold that runs is a status; one to come is not.
    let hold = |start: &str, end: Value| json!({"onHolds": [{"startDate": start, "endDate": end, "holdReason": "Away from home"}]});
    let held = served.put(&path, hold("2026-10-01T00:00:00Z", Value::Null)).await;
    assert_eq!(held["status"], "On Hold");
    assert_eq!(shows().await.2, false);
    assert_eq!(served.put(&path, hold("2200-01-01T00:00:00Z", Value::Null)).await["status"], "Active");
    assert_eq!(
        served.put(&path, hold("2026-10-01T00:00:00Z", json!("2026-10-02T00:00:00Z"))).await["status"],
        "Active"
    );

    // Delivery changes; addresses are the customer's own.
    let locations = served.ok("/inventory-location").await;
    let pickup =
        rows(&locations, "inventoryLocations").iter().find(|row| row["isAPickupLocation"] == true).unwrap();
    let moved = served.put(&path, json!({"orderDeliveryMethod": "Pickup", "pickupInventoryLocationId": pickup["id"], "shipToCustomerAddressId": null})).await;
    assert_eq!(
        (&moved["pickupInventoryLocationId"], &moved["shipToCustomerAddressId"]),
        (&pickup["id"], &Value::Null)
    );
    let foreign = served.walk("/customer-address", "customerAddresses", &[]).await;
    let foreign = foreign.iter().find(|row| row["customerId"] != customer["id"]).unwrap();
    assert_eq!(
        served.refused(Method::PUT, &path, json!({"shipToCustomerAddressId": foreign["id"]})).await,
        ["shipToCustomerAddressId: does not exist"]
    );

    // Cancelling is a date and a reason; the customer still lists it.
    let reason = json!({"cancelDate": "2026-11-05T00:00:00.000Z", "cancellationReason": "Bored"});
    assert_eq!(
        served.refused(Method::PUT, &path, reason).await,
        ["cancellationReason: must be equal to one of the allowed values"]
    );
    assert_eq!(
        served.refused(Method::PUT, &path, json!({"status": "Cancelled"})).await,
        ["status: invalid additional property"]
    );
    let ended = served
        .put(&path, json!({"cancelDate": "2026-11-05T00:00:00.000Z", "cancellationReason": "Moving"}))
        .await;
    assert_eq!((&ended["status"], &ended["cancellationReason"]), (&json!("Cancelled"), &json!("Moving")));
    let (listed, title, is_active, _) = shows().await;
    assert_eq!(
        (&listed[0]["cancelDate"], title, is_active),
        (&ended["cancelDate"], Value::Null, json!(false))
    );
    let again = served.put(&path, json!({"cancelDate": null})).await;
    assert_eq!((&again["status"], &again["cancellationReason"]), (&json!("Active"), &Value::Null));

    served.delete(&path).await;
    assert_eq!(served.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(shows().await.0, json!([]));
    assert_eq!(served.walk("/trash", "trash", &[]).await[0]["object"], "Club Membership");

    // A subscription has its own rhythm; the frequency is text (facts 6.9).
    let subscription = rows(&clubs, "clubs").iter().find(|club| club["type"] == "Subscription").unwrap();
    let mut body = body;
    body["clubId"] = subscription["id"].clone();
    body["subscription"] = json!({"frequency": "3", "nextProcessDate": "2027-02-01T00:00:00-08:00"});
    let subscribed = served.post("/club-membership", body).await;
    assert_eq!(
        subscribed["subscription"],
        json!({"frequency": "3", "nextProcessDate": "2027-02-01T08:00:00.000Z"})
    );
    assert_eq!(shows().await.0[0]["frequency"], 3);
    assert_eq!(
        served.refused(Method::POST, "/club-membership", json!({})).await,
        ["customerId: required", "clubId: required", "orderDeliveryMethod: required", "signupDate: required"]
    );
}
