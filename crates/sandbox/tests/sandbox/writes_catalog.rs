//! Products: variants replaced whole, and what hangs on them (facts 1, 6.6, 9).

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::{Served, ids, rows, serve, small, text};

fn wine(sku: &str) -> Value {
    json!({
        "type": "Wine", "title": "Spectra Red", "subTitle": "Blend of the best!", "webStatus": "Available",
        "adminStatus": "Available", "collections": [],
        "wine": {"type": "Red", "varietal": "Blend", "countryCode": "US", "region": "California", "appellation": "Alexander Valley", "vintage": 2019},
        "seo": {"title": "Spectra Red"},
        "variants": [{
            "title": "750ml", "sku": sku, "upcCode": "294837564810", "price": 1500, "comparePrice": 1700, "sortOrder": 1,
            "hasShipping": true, "weight": 3, "costOfGood": 300, "hasInventory": true, "inventoryPolicy": "Dont Sell",
            "taxType": "Wine", "volumeInML": 750, "bottleDeposit": 0,
        }],
        "security": {"availableTo": "Public"},
    })
}

async fn levels(served: &Served, sku: &str) -> Vec<Value> {
    let rows = served.query("/inventory", &[("q", sku)]).await.json();
    rows["inventories"].as_array().unwrap().iter().filter(|row| row["sku"] == sku).cloned().collect()
}

#[tokio::test]
async fn variants_are_replaced_whole() {
    let served = serve(small()).await;
    let product = served.post("/product", wine("SPECTRA19")).await;
    let path = format!("/product/{}", text(&product, "id"));
    assert_eq!(served.ok(&path).await, product);
    assert_eq!(product["slug"], "spectra-red");
    let others = served.walk("/product", "products", &[]).await;
    let other = others.iter().find(|other| other["type"] == "Wine" && other["id"] != product["id"]).unwrap();
    let fields = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(fields(&product), fields(other));
    assert_eq!(fields(&product["variants"][0]), fields(&other["variants"][0]));
    assert_eq!(product["seo"], json!({"title": "Spectra Red", "description": null}));
    let locations = served.ok("/inventory-location").await["inventoryLocations"].as_array().unwrap().len();
    let bottle = product["variants"][0].clone();
    assert_eq!(rows(&bottle, "inventory").len(), locations);
    assert_eq!(levels(&served, "SPECTRA19").await.len(), locations);

    // Sent whole with its id, a variant stays, with its stock; one without an id is new.
    let reset = json!({
        "action": "Reset", "sku": "SPECTRA19", "availableForSaleCount": 30, "reserveCount": 5,
        "inventoryLocationId": bottle["inventory"][0]["inventoryLocationId"],
    });
    served.post("/inventory-transaction", reset).await;
    let mut dearer = wine("SPECTRA19")["variants"][0].clone();
    dearer["id"] = bottle["id"].clone();
    dearer["price"] = json!(1600);
    let magnum = json!({"title": "1.5L", "sku": "SPECTRA19M", "price": 3200});
    let changed = served.put(&path, json!({"variants": [dearer, magnum]})).await;
    let of = |at: usize| changed["variants"][at].clone();
    assert_eq!(
        (&of(0)["id"], &of(0)["price"], &of(0)["comparePrice"]),
        (&bottle["id"], &json!(1600), &json!(1700))
    );
    assert_eq!(of(0)["inventory"][0]["availableForSaleCount"], 30);
    assert_ne!(of(1)["id"], bottle["id"]);
    assert_eq!((&of(1)["inventory"], &of(1)["hasInventory"]), (&Value::Null, &json!(false)));
    assert!(text(&changed, "updatedAt") > text(&product, "updatedAt"));
    assert_eq!(changed["wine"], product["wine"], "other root fields stay");

    // The trap: what is left out of a variant becomes null.
    let poor = json!({"variants": [{"id": bottle["id"], "price": 1700}]});
    let poorer = served.put(&path, poor).await;
    let left = &poorer["variants"][0];
    assert_eq!((&left["id"], &left["price"]), (&bottle["id"], &json!(1700)));
    for field in
        ["title", "sku", "comparePrice", "weight", "hasInventory", "taxType", "volumeInML", "inventory"]
    {
        assert_eq!(left[field], Value::Null, "{field}");
    }
    assert_eq!(rows(&poorer, "variants").len(), 1);
    assert!(levels(&served, "SPECTRA19").await.is_empty());

    // So do the members of any sub-object.
    let changed = served.put(&path, json!({"wine": {"vintage": 2020}, "seo": {"description": "D"}})).await;
    assert_eq!(
        changed["wine"],
        json!({"type": null, "varietal": null, "countryCode": null, "region": null, "appellation": null, "vintage": 2020})
    );
    assert_eq!(changed["seo"], json!({"title": null, "description": "D"}));

    let unknown = json!({"variants": [{"id": "00000000-0000-0000-0000-000000000000", "price": 1}]});
    assert_eq!(served.refused(Method::PUT, &path, unknown).await, ["variants[0].id: does not exist"]);
    assert_eq!(
        served.refused(Method::PUT, &path, json!({"variants": []})).await,
        ["variants: must NOT have fewer than 1 items"]
    );
}

#[tokio::test]
async fn skus_and_slugs_are_unique() {
    let served = serve(small()).await;
    let first = served.post("/product", wine("ONE")).await;
    let mut second = wine("ONE");
    second["slug"] = json!("another");
    assert_eq!(served.refused(Method::POST, "/product", second.clone()).await, ["SKU is not unique"]);
    second["variants"][0]["sku"] = json!("TWO");
    let more = second["variants"][0].clone();
    second["variants"].as_array_mut().unwrap().push(more);
    assert_eq!(served.refused(Method::POST, "/product", second.clone()).await, ["SKU is not unique"]);
    second["variants"].as_array_mut().unwrap().pop();
    second["slug"] = json!("spectra-red");
    assert_eq!(
        served.refused(Method::POST, "/product", second.clone()).await,
        ["Database unique constraint error"]
    );
    second["slug"] = json!("another");
    let second = served.post("/product", second).await;
    let path = format!("/product/{}", text(&second, "id"));
    assert_eq!(
        served.refused(Method::PUT, &path, json!({"slug": "spectra-red"})).await,
        ["Database unique constraint error"]
    );
    // Its own are its own.
    served.put(&path, json!({"slug": "another", "variants": second["variants"].as_array().unwrap().iter().map(|variant| {
        let mut variant = variant.clone();
        variant.as_object_mut().unwrap().remove("inventory");
        variant
    }).collect::<Vec<_>>()})).await;
    served.delete(&format!("/product/{}", text(&first, "id"))).await;
    assert!(levels(&served, "ONE").await.is_empty());
    served.post("/product", wine("ONE")).await;
}

#[tokio::test]
async fn products_hold_their_collections_as_these_are() {
    let served = serve(small()).await;
    let collection = served.post("/collection", json!({"title": "Library", "slug": "the-library"})).await;
    let department = served.post("/department", json!({"title": "Reds", "code": "Reds"})).await;
    let vendor = served.post("/vendor", json!({"title": "Spectra Winery"})).await;
    let mut body = wine("HELD");
    body["collections"] = json!([{"id": collection["id"]}]);
    body["departmentId"] = department["id"].clone();
    body["vendorId"] = vendor["id"].clone();
    let product = served.post("/product", body).await;
    let path = format!("/product/{}", text(&product, "id"));
    assert_eq!(product["collections"], json!([collection]));
    assert_eq!((&product["department"], &product["vendor"]), (&department, &vendor));
    let found = served.query("/product", &[("collectionId", text(&collection, "id"))]).await.json();
    assert_eq!(ids(rows(&found, "products")), [text(&product, "id")]);

    let collection_path = format!("/collection/{}", text(&collection, "id"));
    let renamed = served.put(&collection_path, json!({"title": "Old Wines"})).await;
    assert_eq!(served.ok(&path).await["collections"], json!([renamed]));
    assert_eq!(
        served.refused(Method::POST, "/collection", json!({"title": "x", "slug": "the-library"})).await,
        ["Database unique constraint error"]
    );

    // Deleting answers with the object here (facts 1), and products let go.
    for (path_of, object) in
        [(&collection_path, &renamed), (&format!("/vendor/{}", text(&vendor, "id")), &vendor)]
    {
        let deleted = served.send(Method::DELETE, path_of, &Value::Null).await;
        assert_eq!((deleted.status, &deleted.json()), (StatusCode::OK, object));
    }
    served.delete(&format!("/department/{}", text(&department, "id"))).await;
    let product = served.ok(&path).await;
    assert_eq!(product["collections"], json!([]));
    for field in ["vendor", "vendorId", "department", "departmentId"] {
        assert_eq!(product[field], Value::Null, "{field}");
    }

    // The security of today, not that of the docs (facts 16).
    let group = json!({"security": {"availableTo": "Group"}});
    assert_eq!(
        served.refused(Method::PUT, &path, group).await,
        ["security.availableTo: must be equal to one of the allowed values"]
    );
    let tagged = json!({"availableTo": "Tag", "displayOption": "Dont Display Product", "availableToObjectIds": ["00000000-0000-4000-8000-0000000000a1"]});
    assert_eq!(served.put(&path, json!({"security": tagged})).await["security"], tagged);

    // A bundle shows what it is made of.
    let part = &product["variants"][0]["id"];
    let mut bundle = wine("BUNDLE");
    bundle["type"] = json!("Bundle");
    bundle["slug"] = json!("bundle");
    bundle["bundleItems"] = json!([{"productId": product["id"], "productVariantId": part, "quantity": 2}]);
    let made = served.post("/product", bundle.clone()).await;
    assert_eq!(
        (&made["bundleItems"][0]["sku"], &made["bundleItems"][0]["price"]),
        (&json!("HELD"), &json!(1500))
    );
    bundle["bundleItems"][0]["productVariantId"] = product["id"].clone();
    bundle["slug"] = json!("bundle-2");
    bundle["variants"][0]["sku"] = json!("BUNDLE2");
    assert_eq!(
        served.refused(Method::POST, "/product", bundle).await,
        ["bundleItems[0].productVariantId: does not exist"]
    );
}
