//! Filters: what a walk with a filter gives is exactly what the filter leaves of a walk without.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use testkit::{App, Setup};

use crate::support::{ours, proxy, says, texts, unified, walk};

/// Looks at filters of one resource.
pub struct Check<'a> {
    app: &'a App,
    list: String,
    pub all: Vec<Value>,
}

impl<'a> Check<'a> {
    pub async fn of(app: &'a App, resource: &str, account: &str) -> Self {
        let list = format!("{}&limit=250&truto_ignore_remote_data=true", unified(resource, account));
        let all = walk(app, &list).await;
        Self { app, list, all }
    }

    /// Walks with a query; gives how many there were.
    pub async fn exact(&self, query: &str, fits: impl Fn(&Value) -> bool) -> usize {
        let found = walk(self.app, &format!("{}&{query}", self.list)).await;
        let expected: Vec<Value> = self.all.iter().filter(|record| fits(record)).cloned().collect();
        assert_eq!(texts(&found, "id"), texts(&expected, "id"), "{query}");
        assert_eq!(found, expected, "{query}");
        found.len()
    }

    /// As [`Check::exact`], where something has to be found.
    pub async fn some(&self, query: &str, fits: impl Fn(&Value) -> bool) {
        assert!(self.exact(query, fits).await > 0, "{query} finds nothing, which shows nothing");
    }

    /// Each operator of a time, at a moment that one record has, and between two.
    pub async fn times(&self, field: &str) {
        let mut times: Vec<Timestamp> = self.all.iter().filter_map(|record| time(record, field)).collect();
        times.sort_unstable();
        let (from, to) = (times[times.len() / 4], times[times.len() * 3 / 4]);
        self.some(&format!("{field}={from}"), |record| time(record, field) == Some(from)).await;
        self.some(&format!("{field}[eq]={from}"), |record| time(record, field) == Some(from)).await;
        self.exact(&format!("{field}[gt]={from}"), |record| time(record, field) > Some(from)).await;
        self.some(&format!("{field}[gte]={from}"), |record| time(record, field) >= Some(from)).await;
        let before = |record: &Value| time(record, field).is_some_and(|time| time < to);
        self.exact(&format!("{field}[lt]={to}"), before).await;
        let until = |record: &Value| time(record, field).is_some_and(|time| time <= to);
        self.some(&format!("{field}[lte]={to}"), until).await;
        let between = |record: &Value| before(record) && time(record, field) >= Some(from);
        self.exact(&format!("{field}[gte]={from}&{field}[lt]={to}"), between).await;
        // Between two milliseconds, where providers round.
        let near = from + SignedDuration::from_micros(500);
        self.exact(&format!("{field}[gt]={near}"), |record| time(record, field) > Some(near)).await;
        let near_end = |record: &Value| time(record, field).is_some_and(|time| time < near);
        self.some(&format!("{field}[lt]={near}"), near_end).await;
        // Another time zone, with its plus sign escaped; and an empty range.
        let zoned = from.to_string().replace('Z', "%2B00:00");
        self.some(&format!("{field}[gte]={zoned}"), |record| time(record, field) >= Some(from)).await;
        assert_eq!(self.exact(&format!("{field}[gt]={to}&{field}[lt]={from}"), |_| false).await, 0);
    }

    /// Each value of a word, and the first two in a list.
    pub async fn words(&self, field: &str, values: &[&str]) {
        for value in values {
            self.exact(&format!("{field}={value}"), |record| record[field] == *value).await;
        }
        let [one, two, ..] = values else { panic!("{field} needs two values") };
        self.some(&format!("{field}[in]={one},{two}"), |record| {
            record[field] == *one || record[field] == *two
        })
        .await;
    }
}

fn time(record: &Value, field: &str) -> Option<Timestamp> {
    record[field].as_str().map(|text| text.parse().unwrap())
}

fn has(list: &Value, field: &str, wanted: &str) -> bool {
    list.as_array().is_some_and(|items| {
        items.iter().any(|item| item[field].as_str().is_some_and(|text| text.eq_ignore_ascii_case(wanted)))
    })
}

#[tokio::test]
async fn times_of_orders() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let orders = Check::of(&app, "orders", &account).await;
    for field in ["created_at", "updated_at", "submitted_at", "paid_at", "fulfilled_at"] {
        orders.times(field).await;
    }
    app.shutdown().await;
}

#[tokio::test]
async fn times_of_customers_and_products() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    for resource in ["customers", "products"] {
        let check = Check::of(&app, resource, &account).await;
        for field in ["created_at", "updated_at"] {
            check.times(field).await;
        }
    }
    app.shutdown().await;
}

#[tokio::test]
async fn words_of_orders() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let orders = Check::of(&app, "orders", &account).await;
    orders.words("status", &["active", "completed", "cancelled"]).await;
    orders.words("fulfillment_status", &["pending", "partial", "delivered"]).await;
    orders.words("channel", &["web", "pos", "club", "inbound"]).await;
    orders.words("delivery_method", &["ship", "pickup", "carry_out"]).await;
    orders
        .words(
            "compliance_status",
            &["compliant", "not_required", "forced", "not_checked", "quarantined", "void"],
        )
        .await;
    let order = orders.all.iter().find(|order| order["customer"]["id"].is_string()).unwrap();
    let customer = order["customer"]["id"].as_str().unwrap();
    orders.some(&format!("customer_id={customer}"), |order| order["customer"]["id"] == customer).await;
    let number = order["order_number"].as_str().unwrap();
    orders.some(&format!("order_number={number}"), |order| order["order_number"] == number).await;
    // Several at once, on both sides of the fence.
    let since: Timestamp = "2025-01-01T00:00:00Z".parse().unwrap();
    let query =
        format!("channel=web&delivery_method=ship&status[in]=active,completed&created_at[gte]={since}");
    orders
        .some(&query, |order| {
            order["channel"] == "web"
                && order["delivery_method"] == "ship"
                && order["status"] != "cancelled"
                && time(order, "created_at") >= Some(since)
        })
        .await;
    app.shutdown().await;
}

#[tokio::test]
async fn words_of_customers_and_products() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    let customers = Check::of(&app, "customers", &account).await;
    let one = &customers.all[7];
    let text = |field: &str| one[field].as_str().unwrap();
    for field in ["name", "first_name", "last_name"] {
        let wanted = text(field);
        let query = format!("{field}={}", wanted.to_uppercase().replace(' ', "+"));
        customers
            .some(&query, |customer| {
                customer[field].as_str().is_some_and(|name| name.to_lowercase() == wanted.to_lowercase())
            })
            .await;
    }
    for customer in &customers.all[..10] {
        let email = customer["emails"][0]["email"].as_str().unwrap();
        let query = email.to_uppercase().replace('+', "%2B");
        for field in ["email", "emails"] {
            customers
                .some(&format!("{field}={query}"), |customer| has(&customer["emails"], "email", email))
                .await;
        }
    }
    let emails: Vec<&str> =
        customers.all[..3].iter().map(|customer| customer["emails"][0]["email"].as_str().unwrap()).collect();
    customers
        .some(&format!("email[in]={}", emails.join(",")), |customer| {
            emails.iter().any(|email| has(&customer["emails"], "email", email))
        })
        .await;
    let phoned = customers.all.iter().find(|customer| customer["phones"][0]["number"].is_string()).unwrap();
    let phone = phoned["phones"][0]["number"].as_str().unwrap();
    customers
        .some(&format!("phones={}", phone.replace('+', "%2B").replace(' ', "%20")), |customer| {
            has(&customer["phones"], "number", phone)
        })
        .await;
    // What `q` finds is the platform's to say, also beside a filter of ours.
    let theirs =
        walk(&app, &format!("{}&limit=250&q={}", proxy("customer", &account), text("last_name"))).await;
    let theirs = texts(&theirs, "id");
    let found = |customer: &Value| theirs.contains(&customer["id"].as_str().unwrap());
    customers.some(&format!("q={}", text("last_name")), found).await;
    let both = |customer: &Value| found(customer) && customer["first_name"] == one["first_name"];
    customers.some(&format!("q={}&first_name={}", text("last_name"), text("first_name")), both).await;

    let products = Check::of(&app, "products", &account).await;
    let one = &products.all[3];
    let sku = one["variants"][0]["sku"].as_str().unwrap();
    products
        .some(&format!("sku={}", sku.to_lowercase()), |product| has(&product["variants"], "sku", sku))
        .await;
    let name = one["name"].as_str().unwrap();
    let query = format!("name={}", name.replace(' ', "%20").replace('&', "%26"));
    products.some(&query, |product| product["name"] == name).await;
    for (field, values) in [
        ("status", &["active", "inactive"][..]),
        ("web_status", &["available", "not_available", "retired"]),
        ("admin_status", &["available", "not_available", "hidden"]),
    ] {
        for value in values {
            products.exact(&format!("{field}={value}"), |product| product[field] == *value).await;
        }
    }
    let category = products.all.iter().find_map(|product| product["categories"][0]["id"].as_str()).unwrap();
    products
        .some(&format!("category_id={category}"), |product| has(&product["categories"], "id", category))
        .await;
    app.shutdown().await;
}

#[tokio::test]
async fn a_filter_that_few_records_pass_is_walked_like_any_other() {
    let winery = sandbox_with(2_300);
    let app = App::sqlite_with(Setup { winery, ..Setup::default() }).await;
    let account = app.connect().await;
    let list = format!("{}&limit=250&truto_ignore_remote_data=true", unified("orders", &account));
    // More pages than one call reads: an answer may be empty and go on.
    let query = format!("{list}&status=cancelled");
    let found = walk(&app, &query).await;
    let all = walk(&app, &list).await;
    assert_eq!(all.len(), app.tenant().counts.orders);
    let expected: Vec<&Value> = all.iter().filter(|order| order["status"] == "cancelled").collect();
    assert_eq!(found.iter().collect::<Vec<_>>(), expected);
    app.sandbox.requests().clear();
    let page = app.get(&format!("{list}&channel=web&channel_unknown=1")).await;
    ours(&app, &page, 400);
    assert_eq!(app.sandbox.requests().total(), 0, "a refused filter reaches nobody");
    app.shutdown().await;
}

fn sandbox_with(orders: u32) -> testkit::Winery {
    testkit::Winery { orders, ..testkit::small_winery() }
}

#[tokio::test]
async fn what_can_not_be_filtered_is_refused_with_what_can() {
    let app = App::sqlite().await;
    let account = app.connect().await;
    for (resource, query, words) in [
        ("orders", "chanel=web", &["chanel", "did you mean \"channel\"", "created_at", "customer_id"][..]),
        ("orders", "sort_by[created_at]=desc", &["can", "sort", "created_at"]),
        ("orders", "created_at[before]=2026-01-01", &["created_at", "before", "gte"]),
        ("orders", "created_at[gt]=yesterday", &["created_at", "yesterday", "2026-01-31T12:00:00Z"]),
        (
            "orders",
            "created_at[gt][]=2026-01-01T00:00:00Z&created_at[gt][]=2026-01-02T00:00:00Z",
            &["created_at"],
        ),
        ("orders", "status=compleet", &["status", "did you mean \"completed\"", "cancelled"]),
        ("orders", "status=", &["status", "a value is needed"]),
        ("orders", "channel[gt]=web", &["channel", "gt", "eq", "in"]),
        ("orders", "customer_id[a][b]=1", &["customer_id"]),
        ("customers", "company_name=Lo", &["company_name", "email"]),
        ("products", "q[in]=a", &["q", "in"]),
    ] {
        app.sandbox.requests().clear();
        let refused = app.get(&format!("{}&{query}", unified(resource, &account))).await;
        says(&ours(&app, &refused, 400), words);
        let details = &refused.json()["details"]["failures"][0];
        assert!(details["field"].is_string() && details["works"].is_array(), "{query}: {details}");
        assert_eq!(app.sandbox.requests().total(), 0, "{query}");
    }
    let unknown = app.get(&format!("{}&chanel=web", unified("orders", &account))).await.json();
    let works = unknown["details"]["failures"][0]["works"].as_array().unwrap().clone();
    assert!(works.contains(&"channel".into()) && works.contains(&"updated_at".into()), "{unknown}");
    // A single record takes none.
    let id = app.get(&format!("{}&limit=1", unified("orders", &account))).await.ok();
    let id = id["result"][0]["id"].as_str().unwrap();
    let single = app.get(&format!("{}&status=active", unified(&format!("orders/{id}"), &account))).await;
    says(&ours(&app, &single, 400), &["status", "remote_query[status]"]);
    app.shutdown().await;
}
