//! The traps of facts 16: where documentation and platform differ, the sandbox does as the platform does. Those with a test of their own
//! beside what they are about: a fulfilment's deletion and its items (`writes_orders`), the schema of coupons (`writes_others`),
//! refunds as linked orders (`writes_orders`). Old words in recorded bodies (`Capture`, `No Compliance`) are the maps' to read.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{number, rows, serve, small, sum, text};

#[tokio::test]
async fn the_sandbox_does_as_the_platform_where_its_documentation_says_otherwise() {
    let served = serve(small()).await;

    // Products are secured by tag, not by group.
    let product = &served.pages("/product", "products").await[0];
    let path = format!("/product/{}", text(product, "id"));
    let tag = served.post("/tag/customer", json!({"title": "Trade", "type": "Manual"})).await;
    let security = json!({"availableTo": "Tag", "availableToObjectIds": [tag["id"]]});
    let secured = served.put(&path, json!({"security": security})).await;
    assert_eq!(secured["security"]["availableTo"], "Tag");

    // The words of a tag's type are capitals.
    let lower = json!({"title": "Lower", "type": "manual"});
    let told = served.refused(Method::POST, "/tag/customer", lower).await;
    assert!(told[0].starts_with("type: "), "{told:?}");

    // An order names what takes it back as linked orders, and in no field of its own.
    let orders = served.orders().await;
    assert!(orders.iter().any(|order| !rows(order, "linkedOrders").is_empty()));
    assert!(orders.iter().all(|order| order.get("refundOrderId").is_none_or(Value::is_null)));

    // Departments, vendors and the addresses of all customers are listed by GET, each at a path of its own.
    for (path, list) in
        [("/department", "departments"), ("/vendor", "vendors"), ("/customer-address", "customerAddresses")]
    {
        assert!(!rows(&served.ok(path).await, list).is_empty(), "{path}");
    }

    // Who is no customer yet has the e-mail address in the cart's guest.
    let carts = served.walk("/cart", "carts", &[]).await;
    assert!(carts.iter().all(|cart| cart.get("email").is_none()));
    assert!(carts.iter().any(|cart| cart["guest"]["email"].is_string()), "{carts:?}");

    // The log of web-hooks writes objects without blanks.
    let logged = served.pages("/web-hook-log", "webHookLogs").await;
    assert!(!logged.is_empty() && logged.iter().all(|row| !text(row, "object").contains(' ')));

    // The taxes add up.
    for order in &orders {
        assert_eq!(sum(rows(order, "taxes"), "price"), number(order, "taxTotal"), "{}", order["orderNumber"]);
    }

    // Memberships are searched by `q`, whatever the documentation prints.
    let club = served.ok("/club").await["clubs"][0].clone();
    let word = text(&club, "title").split(' ').next().unwrap();
    assert_eq!(served.query("/club-membership", &[("q", word)]).await.status, 200);
    assert_eq!(served.query("/club-membership", &[("p", word)]).await.status, 422);
}
