//! Coupons, promotions, gift cards, reservations, notes, web-hooks and app syncs.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{rows, serve, small, text};

#[tokio::test]
async fn discounts_take_the_schema_of_today() {
    let served = serve(small()).await;
    // As recorded (facts 12), with what was sent and not recorded.
    let coupon = served.post("/coupon", json!({
        "code": "SQRD", "title": "Probe", "type": "Product", "usageLimitType": "Per Store", "usageLimit": 1,
        "appliesTo": "Product", "appliesToObjectIds": ["00000000-0000-4000-8000-0000000000a2"],
        "discountType": "Dollar Off", "dollarOffDiscountApplies": "Once Per Order", "discount": 1000,
        "status": "Enabled", "cartRequirementType": "None", "availableTo": "Everyone",
        "startDate": "2026-10-07T23:55:41.000Z", "endDate": "2026-11-06T23:55:00.000Z",
    })).await;
    for (field, expected) in [
        ("cartRequirement", Value::Null),
        ("availableToObjectIds", Value::Null),
        ("channels", json!(["All"])),
        ("clubFrequencies", json!([])),
        ("promotionSets", json!([])),
        ("usageCount", json!(0)),
        ("startDate", json!("2026-10-07T23:55:00.000Z")),
    ] {
        assert_eq!(coupon[field], expected, "{field}");
    }
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&coupon), fields(&served.ok("/coupon").await["coupons"][3]));
    let mut same = json!({"code": "sqrd", "title": "t", "type": "Shipping", "discountType": "Percentage Off", "discount": 10_000});
    assert_eq!(
        served.refused(Method::POST, "/coupon", same.clone()).await,
        ["Database unique constraint error"]
    );
    let path = format!("/coupon/{}", text(&coupon, "id"));
    assert_eq!(served.put(&path, json!({"status": "Disabled"})).await["discount"], 1_000);
    assert_eq!(
        served.refused(Method::PUT, &path, json!({"minimumCartAmount": 5000})).await,
        ["minimumCartAmount: invalid additional property"]
    );
    served.delete(&path).await;
    served.post("/coupon", same.clone()).await;

    same.as_object_mut().unwrap().remove("code");
    let promotion = served.post("/promotion", same).await;
    assert_eq!(fields(&promotion), fields(&served.ok("/promotion").await["promotions"][1]));
    let set = served.post("/promotion-set", json!({"title": "Holidays"})).await;
    let place = json!({"promotionId": promotion["id"], "promotionSetId": set["id"]});
    served.post("/promotion-set-x-promotion", place.clone()).await;
    let path = format!("/promotion/{}", text(&promotion, "id"));
    assert_eq!(served.ok(&path).await["promotionSets"], json!([{"id": set["id"]}]));
    let out = served.send(Method::DELETE, "/promotion-set-x-promotion", &place).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    let placed = served.put(&path, json!({"promotionSets": [{"id": set["id"]}]})).await;
    assert_eq!(placed["promotionSets"], json!([{"id": set["id"]}]));
    served.delete(&format!("/promotion-set/{}", text(&set, "id"))).await;
    assert_eq!(served.ok(&path).await["promotionSets"], json!([]));
}

#[tokio::test]
async fn gift_cards_are_spent_by_transactions() {
    let served = serve(small()).await;
    let card =
        served.post("/gift-card", json!({"title": "Gift", "type": "Virtual", "initialAmount": 25_000})).await;
    assert_eq!(text(&card, "code").len(), 16);
    assert_eq!((&card["currentBalance"], &card["status"]), (&json!(25_000), &json!("Active")));
    let path = format!("/gift-card/{}", text(&card, "id"));
    let spend = |amount: i64| json!({"giftCardId": card["id"], "amount": amount});
    served.post("/gift-card-transaction", spend(-20_000)).await;
    assert_eq!(served.ok(&path).await["currentBalance"], 5_000);
    assert_eq!(
        served.refused(Method::POST, "/gift-card-transaction", spend(-5_001)).await,
        ["Not enough balance on the gift card"]
    );
    let customer = served.customers().await[0].clone();
    let changed = served.put(&path, json!({"title": "Edit", "status": "Cancelled", "notes": "n", "expiryDate": "2031-02-07T04:59:00.000Z", "customerId": customer["id"]})).await;
    assert_eq!((&changed["customer"]["id"], &changed["currentBalance"]), (&customer["id"], &json!(5_000)));
    for field in ["initialAmount", "code", "currentBalance"] {
        assert_eq!(
            served.refused(Method::PUT, &path, json!({field: 1})).await,
            [format!("{field}: invalid additional property")]
        );
    }
    let other =
        served.post("/gift-card", json!({"title": "Gift", "type": "Physical", "initialAmount": 1})).await;
    assert_eq!(other["giftCardNumber"], card["giftCardNumber"].as_i64().unwrap() + 1);
    served.delete(&path).await;
}

#[tokio::test]
async fn reservations_are_booked_and_kept() {
    let served = serve(small()).await;
    let customer = served.customers().await[0].clone();
    let experiences = served.ok("/reservation-type?limit=1").await;
    let experience = &experiences["reservationTypes"][0];
    let body = json!({
        "channel": "Inbound", "customerId": customer["id"], "reservationDate": "2026-12-01T18:00:00.000Z",
        "reservationTypeId": experience["id"], "guestCount": 1, "notes": "Window",
    });
    let booked = served.post("/reservation?isSendTransactionEmail=false", body.clone()).await;
    let path = format!("/reservation/{}", text(&booked, "id"));
    assert_eq!(served.ok(&path).await, booked);
    assert_eq!((&booked["status"], &booked["paymentStatus"]), (&json!("Reserved"), &json!("Pending")));
    assert_eq!(booked["sku"], experience["options"][0]["sku"]);
    assert_eq!(booked["price"], experience["options"][0]["price"]);
    assert_eq!(booked["reservationType"]["title"], experience["title"]);
    assert!(booked["reservationType"].get("timeSlots").is_none());
    assert!(text(&booked, "reservationCloseOutDate") > text(&booked, "reservationDate"));
    let other = served.walk("/reservation", "reservations", &[]).await[0].clone();
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&booked), fields(&other));

    let moved = served
        .put(&path, json!({"reservationDate": "2026-12-02T18:00:00.000Z", "isSendEmailConfirmation": false}))
        .await;
    assert!(text(&moved, "reservationCloseOutDate") > text(&moved, "reservationDate"));
    assert_eq!(moved["notes"], "Window");
    assert_eq!(served.put(&path, json!({"status": "Cancelled"})).await["status"], "Cancelled");
    assert_eq!(
        served.put(&format!("{path}/check-in"), json!({"checkInTime": "2026-12-02T18:05:00.000Z"})).await["status"],
        "Checked In"
    );
    let closed =
        served.put(&format!("{path}/close-out"), json!({"closeOutTime": "2026-12-02T19:05:00.000Z"})).await;
    assert_eq!(
        (&closed["status"], &closed["closeOutTime"]),
        (&json!("Closed Out"), &json!("2026-12-02T19:05:00.000Z"))
    );
    let mut crowd = body;
    crowd["guestCount"] = json!(1_000);
    assert!(served.refused(Method::POST, "/reservation", crowd).await[0].contains("guest count"));
    let wrong = json!({"reservationTypeOptionId": customer["id"]});
    assert_eq!(served.refused(Method::PUT, &path, wrong).await, ["reservationTypeOptionId: does not exist"]);
    // Answered with the object, as the docs say (facts 1).
    let deleted = served.send(Method::DELETE, &path, &Value::Null).await;
    assert_eq!((deleted.status, &deleted.json()["id"]), (StatusCode::OK, &booked["id"]));
    assert_eq!(served.get(&path).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn notes_hooks_and_syncs_are_kept() {
    let served = serve(small()).await;
    let order = served.ok("/order?limit=1").await["orders"][0].clone();
    let note = served.post("/note", json!({"content": "Call first", "orderId": order["id"]})).await;
    assert!(note.get("customerId").is_none());
    assert_eq!((&note["type"], &note["noteDate"]), (&json!("Note"), &note["createdAt"]));
    let path = format!("/note/{}", text(&note, "id"));
    assert_eq!(served.put(&path, json!({"content": "Do not call"})).await["content"], "Do not call");
    let found = served.query("/note", &[("orderId", text(&order, "id"))]).await.json();
    assert!(rows(&found, "notes").iter().any(|row| row["id"] == note["id"]));
    served.delete(&path).await;

    // Nothing keeps the same hook from being there twice (facts 7.1).
    let hook =
        json!({"object": "Club Membership", "action": "Update", "url": "https://hooks.example.com/x?key=s"});
    let (one, other) = (served.post("/web-hook", hook.clone()).await, served.post("/web-hook", hook).await);
    assert_ne!(one["id"], other["id"]);
    let path = format!("/web-hook/{}", text(&one, "id"));
    assert_eq!(served.put(&path, json!({"action": "Delete"})).await["object"], "Club Membership");
    served.delete(&path).await;
    assert_eq!(served.ok("/web-hook").await["total"], 4);
    assert_eq!(
        served
            .refused(
                Method::POST,
                "/web-hook",
                json!({"object": "ClubMembership", "action": "Update", "url": "https://x"})
            )
            .await,
        ["object: must be equal to one of the allowed values"]
    );

    let sync = |status: &str, issues: Value| {
        json!({
            "objectType": "Order", "objectId": order["id"], "status": status, "issues": issues,
            "actions": [{"httpType": "Get", "url": "https://app.example.com", "label": "Resolve"}],
        })
    };
    served.post("/app-sync", sync("Error", json!(["Issue 1", "Issue 2"]))).await;
    served.post("/app-sync", sync("Success", json!([]))).await;
    let listed = served.ok(&format!("/app-syncs/{}", text(&order, "id"))).await;
    let own: Vec<_> = rows(&listed, "appSyncs")
        .iter()
        .filter(|row| row["appId"] == served.tenant().app_id.as_str())
        .collect();
    let [row] = own[..] else { panic!("one row for the app: {listed}") };
    assert_eq!((&row["status"], rows(row, "attempts").len()), (&json!("Success"), 2));
    assert_eq!(row["attempts"][0]["issues"][1]["issue"], "Issue 2");
    assert_eq!(served.send(Method::POST, "/app-sync", &json!({"objectType": "Order", "objectId": served.customers().await[0]["id"], "status": "Error"})).await.status, StatusCode::NOT_FOUND);

    let package = served.ok("/club-package?limit=1").await["clubPackages"][0].clone();
    let path = format!("/club-package/{}", text(&package, "id"));
    assert_eq!(served.put(&path, json!({"status": "Active"})).await["title"], package["title"]);
}
