//! Customers, addresses and tags: what a write leaves behind, field by field (facts 1, 6.3, 6.4, 6.17).

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{answer, ids, rows, serve, small, text};

#[tokio::test]
async fn a_customer_is_made_changed_and_deleted() {
    let served = serve(small()).await;
    let customer = served
        .post(
            "/customer?isSendTransactionEmail=false",
            json!({
                "firstName": "Ada", "lastName": "Fenwick", "countryCode": "US", "metaData": {"vip-code": 7, "visited": true},
                "emails": [{"email": "ada@example.com"}, {"email": "fenwick@example.com"}],
                "phones": [{"phone": "+17075550101"}], "appData": {"segment": "new"},
            }),
        )
        .await;
    let path = format!("/customer/{}", text(&customer, "id"));
    assert_eq!(served.ok(&path).await, customer);
    let app = served.tenant().app_id.as_str();
    assert_eq!(customer["appData"], json!({app: {"segment": "new"}}), "under the app's id (facts 2.5)");
    assert_eq!(customer["orderInformation"]["orderCount"], 0);
    assert_eq!(customer["emails"][0]["status"], "Ok");
    assert_eq!(customer["loyalty"]["points"], 0);
    // The same fields as a customer that was there before.
    let other = served.ok("/customer?page=2&limit=20").await["customers"][0].clone();
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&customer), fields(&other));
    assert_eq!(fields(&customer["orderInformation"]), fields(&other["orderInformation"]));

    // Root fields are replaced, custom fields merged, the rest left (facts 1).
    let changed = served
        .put(&path, json!({"city": "Napa", "metaData": {"visited": null, "cellar": "B"}, "appData": {"segment": "old"}}))
        .await;
    assert_eq!(changed["metaData"], json!({"vip-code": 7, "visited": null, "cellar": "B"}));
    assert_eq!(changed["appData"], json!({app: {"segment": "old"}}));
    assert_eq!((&changed["firstName"], &changed["city"]), (&json!("Ada"), &json!("Napa")));
    assert_eq!(changed["createdAt"], customer["createdAt"]);
    assert!(text(&changed, "updatedAt") > text(&customer, "updatedAt"));

    // An array is replaced whole; an entry with its id is kept, one without is new.
    let first = &customer["emails"][0];
    let kept = json!({"id": first["id"], "email": first["email"]});
    let changed = served.put(&path, json!({"emails": [{"email": "new@example.com"}, kept]})).await;
    assert_eq!(changed["emails"][1], *first);
    assert!(!ids(rows(&customer, "emails")).contains(&text(&changed["emails"][0], "id")));
    let unknown =
        json!({"emails": [{"id": "00000000-0000-0000-0000-000000000000", "email": "x@example.com"}]});
    assert_eq!(served.refused(Method::PUT, &path, unknown).await, ["emails[0].id: does not exist"]);
    let as_read = json!({"emails": [first]});
    assert_eq!(
        served.refused(Method::PUT, &path, as_read).await,
        ["emails[0].status: invalid additional property"]
    );
    assert_eq!(rows(&served.put(&path, json!({"phones": []})).await, "phones").len(), 0);
    let phone = json!({"phones": [{"phone": "+1"}], "countryCode": null});
    assert_eq!(served.refused(Method::PUT, &path, phone).await, ["countryCode: required"]);

    // E-mails belong to one customer.
    let taken = json!({"emails": [{"email": "NEW@example.com"}]});
    assert_eq!(served.refused(Method::POST, "/customer", taken).await, ["Database unique constraint error"]);
    assert_eq!(
        ids(rows(&served.query("/customer", &[("q", "ada fenwick")]).await.json(), "customers")).len(),
        1
    );

    served.delete(&path).await;
    assert_eq!(served.get(&path).await.status, StatusCode::NOT_FOUND);
    assert_eq!(served.send(Method::DELETE, &path, &Value::Null).await.status, StatusCode::NOT_FOUND);
    assert_eq!(served.send(Method::PUT, &path, &json!({})).await.status, StatusCode::NOT_FOUND);
    let trash = served.walk("/trash", "trash", &[]).await;
    assert_eq!(trash.len(), 1);
    assert_eq!((&trash[0]["id"], &trash[0]["object"]), (&customer["id"], &json!("Customer")));
    served.post("/customer", json!({"emails": [{"email": "ada@example.com"}]})).await;
}

#[tokio::test]
async fn a_write_is_seen_by_whoever_reads_what_changed() {
    let served = serve(small()).await;
    let newest = served.customers().await.iter().map(|row| text(row, "updatedAt").to_owned()).max().unwrap();
    let since = format!("gt:{newest}");
    let changed = [("updatedAt", since.as_str())];
    assert!(served.walk("/customer", "customers", &changed).await.is_empty());
    let one = served.customers().await[3].clone();
    served.put(&format!("/customer/{}", text(&one, "id")), json!({"city": "Sonoma"})).await;
    let made = served.post("/customer", json!({"emails": [{"email": "late@example.com"}]})).await;
    let mut expected = vec![text(&one, "id"), text(&made, "id")];
    expected.sort_unstable();
    assert_eq!(ids(&served.walk("/customer", "customers", &changed).await), expected);
    // Page style has the newest first, and the total counts it.
    let page = served.ok("/customer?limit=1").await;
    assert_eq!((&page["customers"][0]["id"], &page["total"]), (&made["id"], &json!(41)));
    // A customer inside its orders is the customer as it is.
    let orders = served.query("/order", &[("customerId", text(&one, "id"))]).await.json();
    for order in rows(&orders, "orders") {
        assert_eq!(order["customer"]["city"], "Sonoma");
    }
}

#[tokio::test]
async fn a_customer_comes_with_an_address_in_one_call() {
    let served = serve(small()).await;
    let customer = served
        .post(
            "/customer-address",
            json!({
                "honorific": "Mr", "firstName": "Robin", "lastName": "Marlowe", "address": "123 Main St",
                "address2": "Apt 201", "city": "Napa", "stateCode": "CA", "zipCode": "90210", "countryCode": "US",
                "emailMarketingStatus": null, "birthDate": "1960-05-01", "metaData": {"test": null},
                "emails": [{"email": "robin@example.com"}], "phones": [{"phone": "+15555555"}],
                "orderInformation": {"acquisitionChannel": "Inbound"},
            }),
        )
        .await;
    assert_eq!(customer["orderInformation"]["acquisitionChannel"], "Inbound");
    let path = format!("/customer/{}/address", text(&customer, "id"));
    let first = served.ok(&path).await["customerAddresses"][0].clone();
    assert_eq!((&first["isDefault"], &first["phone"]), (&json!(true), &json!("+15555555")));
    assert_eq!((&first["address2"], &first["birthDate"]), (&json!("Apt 201"), &json!("1960-05-01")));
    assert!(served.walk("/customer-address", "customerAddresses", &[]).await.contains(&first));

    // There is one default, always.
    let second = json!({"firstName": "C", "lastName": "R", "address": "1", "city": "Napa", "zipCode": "9", "countryCode": "US", "isDefault": true});
    let second = served.post(&path, second).await;
    let defaults = async || {
        let listed = served.ok(&path).await;
        let defaults = rows(&listed, "customerAddresses").iter().filter(|row| row["isDefault"] == true);
        defaults.map(|row| text(row, "id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(defaults().await, [text(&second, "id")]);
    let second_path = format!("{path}/{}", text(&second, "id"));
    served.put(&second_path, json!({"isDefault": false})).await;
    assert_eq!(defaults().await, [text(&second, "id")]);
    served.delete(&second_path).await;
    assert_eq!(defaults().await, [text(&first, "id")]);

    // An address is the customer's of the path only.
    let other = served
        .customers()
        .await
        .iter()
        .map(|row| text(row, "id").to_owned())
        .find(|id| id != text(&customer, "id"));
    let wrong = format!("/customer/{}/address/{}", other.unwrap(), text(&first, "id"));
    assert_eq!(served.send(Method::PUT, &wrong, &json!({})).await.status, StatusCode::NOT_FOUND);
    let nobody = "/customer/00000000-0000-0000-0000-000000000000/address";
    assert_eq!(served.send(Method::POST, nobody, &json!({})).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        served.refused(Method::POST, "/customer-address", json!({"firstName": "A", "emails": []})).await[..2],
        ["lastName: required", "address: required"]
    );
}

#[tokio::test]
async fn a_tag_attached_twice_is_listed_twice() {
    let served = serve(small()).await;
    let customer = served.post("/customer", json!({"emails": [{"email": "tagged@example.com"}]})).await;
    let tag = served.post("/tag/customer", json!({"title": "Rare Wine", "type": "Manual"})).await;
    let path = format!("/customer/{}", text(&customer, "id"));
    let relation = json!({"objectId": customer["id"], "tagId": tag["id"]});
    let one = served.post("/tag-x-object/customer", relation.clone()).await;
    let other = served.post("/tag-x-object/customer", relation.clone()).await;
    assert_ne!(one["id"], other["id"]);
    assert_eq!(one["tagType"], "Manual");
    assert_eq!(
        one.as_object().unwrap().keys().collect::<Vec<_>>(),
        ["objectId", "tagId", "id", "tagType", "updatedAt", "createdAt"]
    );
    let tagged = served.ok(&path).await;
    assert_eq!(ids(rows(&tagged, "tags")), [text(&tag, "id"); 2]);
    assert_eq!(tagged["groups"], tagged["tags"]);
    assert!(text(&tagged, "updatedAt") > text(&customer, "updatedAt"));
    let with_tag = served.query("/customer", &[("tagId", text(&tag, "id"))]).await.json();
    assert_eq!(ids(rows(&with_tag, "customers")), [text(&customer, "id")]);

    // The docs print the types in lower case (facts 16).
    assert_eq!(
        served.refused(Method::POST, "/tag/customer", json!({"title": "t", "type": "manual"})).await,
        ["type: must be equal to one of the allowed values"]
    );

    // A new title shows wherever the tag is.
    let tag_path = format!("/tag/customer/{}", text(&tag, "id"));
    served.put(&tag_path, json!({"title": "Rarest", "type": "Manual"})).await;
    let renamed = served.ok(&path).await;
    assert_eq!(
        (&renamed["tags"][1]["title"], &renamed["groups"][0]["title"]),
        (&json!("Rarest"), &json!("Rarest"))
    );

    // Every copy goes at once.
    let relation_path = format!("/tag-x-object/customer/{}/{}", text(&tag, "id"), text(&customer, "id"));
    served.delete(&relation_path).await;
    assert!(rows(&served.ok(&path).await, "tags").is_empty());
    assert_eq!(served.send(Method::DELETE, &relation_path, &Value::Null).await.status, StatusCode::NOT_FOUND);

    // The wanted set replaces what is there.
    let second = served.post("/tag/customer", json!({"title": "Second", "type": "Manual"})).await;
    served.post("/tag-x-object/customer", relation.clone()).await;
    let replaced = served.put(&path, json!({"tags": [{"id": second["id"]}]})).await;
    assert_eq!(ids(rows(&replaced, "tags")), [text(&second, "id")]);
    assert_eq!(replaced["tags"][0]["title"], "Second");
    let unknown = json!({"tags": [{"id": "00000000-0000-0000-0000-000000000000"}]});
    assert_eq!(served.refused(Method::PUT, &path, unknown).await, ["tags[0].id: does not exist"]);

    // Tags are for one kind of object; a deleted one is nowhere.
    let wrong = served.send(Method::POST, "/tag-x-object/order", &relation).await;
    assert_eq!(wrong.status, StatusCode::NOT_FOUND);
    assert_eq!(
        served.get(&format!("/tag/order/{}", text(&second, "id"))).await.status,
        StatusCode::NOT_FOUND
    );
    served.delete(&format!("/tag/customer/{}", text(&second, "id"))).await;
    let bare = served.ok(&path).await;
    assert_eq!((&bare["tags"], &bare["groups"]), (&json!([]), &json!([])));

    // Orders, memberships and reservations take tags of their own.
    for (word, list, envelope) in [
        ("order", "/order", "orders"),
        ("club-membership", "/club-membership", "clubMemberships"),
        ("reservation", "/reservation", "reservations"),
    ] {
        let object = served.ok(&format!("{list}?limit=1")).await[envelope][0].clone();
        let tag = served.post(&format!("/tag/{word}"), json!({"title": "T", "type": "Manual"})).await;
        let relation = json!({"objectId": object["id"], "tagId": tag["id"]});
        served.post(&format!("/tag-x-object/{word}"), relation).await;
        let tagged = served.ok(&format!("{list}/{}", text(&object, "id"))).await;
        assert_eq!(rows(&tagged, "tags").last().unwrap()["id"], tag["id"], "{word}");
        assert_eq!(tagged["customer"]["id"], object["customer"]["id"]);
    }
}

#[tokio::test]
async fn permissions_are_asked() {
    let options = sandbox::Options {
        permission: vec![
            "Customer=read".to_owned(),
            "order=NONE".to_owned(),
            "Club Membership=Full".to_owned(),
        ],
        ..small()
    };
    let served = serve(options).await;
    let status = async |method: Method, path: &str| {
        let answer = answer(served.request(method, path).json(&json!({}))).await;
        if answer.status == StatusCode::UNAUTHORIZED {
            assert_eq!(answer.json()["message"], "Unauthorized User For Route");
        }
        answer.status.as_u16()
    };
    assert_eq!(status(Method::GET, "/customer").await, 200);
    assert_eq!(status(Method::POST, "/customer").await, 401);
    assert_eq!(status(Method::GET, "/order").await, 401);
    assert_eq!(status(Method::PUT, "/order/upsert").await, 401);
    assert_eq!(status(Method::POST, "/club-membership").await, 422);
    assert_eq!(status(Method::POST, "/tag/customer").await, 422);
    for wrong in ["Customers=read", "Customer", "Customer=write"] {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let options = sandbox::Options { permission: vec![wrong.to_owned()], ..small() };
        let error = sandbox::start(options, listener, |_| ()).await.unwrap_err();
        assert!(error.to_string().contains(wrong), "{error}");
    }
}
