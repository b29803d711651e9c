//! A small winery to ask, and how to ask it.

use std::collections::BTreeMap;

use reqwest::{Method, RequestBuilder, StatusCode, header};
use sandbox::{Clock, Options, Sandbox, Tenant};
use serde_json::Value;
use tokio::net::TcpListener;

/// Every endpoint with a cursor, and the key of its list.
pub const CURSOR_LISTS: &[(&str, &str)] = &[
    ("/cart", "carts"),
    ("/club-membership", "clubMemberships"),
    ("/customer", "customers"),
    ("/customer-address", "customerAddresses"),
    ("/note", "notes"),
    ("/order", "orders"),
    ("/product", "products"),
    ("/reservation", "reservations"),
    ("/trash", "trash"),
];

/// Every list there is.
pub const LISTS: &[&str] = &[
    "/app-syncs/x",
    "/cart",
    "/club",
    "/club-membership",
    "/club-package",
    "/collection",
    "/coupon",
    "/customer",
    "/customer-address",
    "/department",
    "/gift-card",
    "/group",
    "/inventory",
    "/inventory-location",
    "/loyalty-tier",
    "/loyalty-transaction",
    "/meta-data-config/customer",
    "/note",
    "/order",
    "/product",
    "/promotion",
    "/promotion-set",
    "/reservation",
    "/reservation-type",
    "/setting",
    "/shipping",
    "/tag/customer",
    "/tag/order",
    "/tag/club-membership",
    "/tag/reservation",
    "/tax",
    "/trash",
    "/vendor",
    "/web-hook",
    "/web-hook-log",
    "/wine-appellation",
    "/wine-varietal",
];

/// A sandbox and a client of it.
pub struct Served {
    pub sandbox: Sandbox,
    client: reqwest::Client,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: header::HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// A winery that starts at once, without a limit.
pub fn small() -> Options {
    Options { customers: 40, orders: 120, products: 12, rate_limit: 0, ..Options::default() }
}

/// A winery in which also what is rare happens: refunds of refunded orders, returning members, cancelled orders.
pub fn middling() -> Options {
    Options { customers: 150, orders: 900, products: 40, ..small() }
}

pub async fn serve(options: Options) -> Served {
    serve_with_clock(options, Clock::system()).await
}

pub async fn serve_with_clock(options: Options, clock: Clock) -> Served {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let sandbox = sandbox::start_with_clock(options, clock, listener, |_| ()).await.unwrap();
    Served { sandbox, client: reqwest::Client::new() }
}

impl Served {
    pub fn tenant(&self) -> &Tenant {
        self.sandbox.tenants().first().unwrap()
    }

    /// A request without tenant and credentials; `path` begins at `/v1`.
    pub fn bare(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.sandbox.base_url()))
    }

    /// A request of the first winery's app.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.request_of(self.tenant(), method, path)
    }

    /// A request of a winery's app.
    pub fn request_of(&self, tenant: &Tenant, method: Method, path: &str) -> RequestBuilder {
        self.bare(method, path)
            .header("tenant", &tenant.name)
            .basic_auth(&tenant.app_id, Some(&tenant.app_secret))
    }

    pub async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    /// A write with a JSON body; null sends none.
    pub async fn send(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.request(method, path);
        answer(if body.is_null() { request } else { request.json(body) }).await
    }

    /// The body of a write that has to be answered with this status.
    async fn written(&self, method: Method, path: &str, body: &Value, status: u16) -> Value {
        let answer = self.send(method.clone(), path, body).await;
        assert_eq!(answer.status.as_u16(), status, "{method} {path} {body}: {}", answer.text);
        if answer.text.is_empty() { Value::Null } else { answer.json() }
    }

    /// What a `POST` that has to be answered with 201 answers.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.written(Method::POST, path, &body, 201).await
    }

    /// What a `PUT` that has to be answered with 200 answers.
    pub async fn put(&self, path: &str, body: Value) -> Value {
        self.written(Method::PUT, path, &body, 200).await
    }

    /// A `DELETE` that has to be answered with 204 and nothing.
    pub async fn delete(&self, path: &str) {
        assert_eq!(self.written(Method::DELETE, path, &Value::Null, 204).await, Value::Null);
    }

    /// The errors of a write that has to be answered with 422, as `field: message`.
    pub async fn refused(&self, method: Method, path: &str, body: Value) -> Vec<String> {
        let error = self.written(method, path, &body, 422).await;
        match error["errors"].as_array() {
            None => vec![text(&error, "message").to_owned()],
            Some(errors) => {
                assert_eq!(error["message"], "One or more elements is missing or invalid");
                errors.iter().map(|row| format!("{}: {}", text(row, "field"), text(row, "message"))).collect()
            }
        }
    }

    /// Calls the sandbox's own controls.
    pub async fn control(&self, method: Method, path: &str, body: &Value) -> Answer {
        let request = self.client.request(method, format!("http://{}/_sandbox/{path}", self.sandbox.addr()));
        answer(if body.is_null() { request } else { request.json(body) }).await
    }

    /// Lets something happen in the first winery; what came of it.
    pub async fn happen(&self, event: Value) -> Value {
        let answer = self.control(Method::POST, "events", &event).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{event}: {}", answer.text);
        answer.json()
    }

    /// The body of an answer that has to be 200.
    pub async fn ok(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
        answer.json()
    }

    /// A list with a query, whose values are escaped here.
    pub async fn query(&self, path: &str, query: &[(&str, &str)]) -> Answer {
        let mut url = reqwest::Url::parse("http://unused").unwrap();
        url.query_pairs_mut().extend_pairs(query);
        self.get(&format!("{path}?{}", url.query().unwrap())).await
    }

    /// All rows of an endpoint with a cursor; `filter` is what the query has beside it.
    pub async fn walk(&self, path: &str, envelope: &str, filter: &[(&str, &str)]) -> Vec<Value> {
        let mut rows = Vec::new();
        let mut cursor = "start".to_owned();
        loop {
            let query: Vec<_> = filter.iter().copied().chain([("cursor", cursor.as_str())]).collect();
            let page = self.query(path, &query).await;
            assert_eq!(page.status, StatusCode::OK, "{path} {query:?}: {}", page.text);
            let page = page.json();
            rows.extend(page[envelope].as_array().unwrap().iter().cloned());
            match page.get("cursor") {
                Some(next) => cursor = next.as_str().unwrap().to_owned(),
                None => return rows,
            }
        }
    }

    /// All rows of an endpoint by pages.
    pub async fn pages(&self, path: &str, envelope: &str) -> Vec<Value> {
        let mut rows = Vec::new();
        for page in 1.. {
            let body = self.query(path, &[("page", &page.to_string())]).await.json();
            let total = body.get("total").and_then(Value::as_u64);
            rows.extend(body[envelope].as_array().unwrap().iter().cloned());
            if total.is_none_or(|total| rows.len() as u64 >= total) {
                break;
            }
        }
        rows
    }

    pub async fn orders(&self) -> Vec<Value> {
        self.walk("/order", "orders", &[]).await
    }

    pub async fn customers(&self) -> Vec<Value> {
        self.walk("/customer", "customers", &[]).await
    }
}

/// Sends a request and takes its answer in.
pub async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    Answer { status, headers, text: response.text().await.unwrap() }
}

/// A recorded body below `fixtures`.
pub fn fixture(path: &str) -> Value {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} of {value}"))
}

pub fn number(value: &Value, field: &str) -> i64 {
    value[field].as_i64().unwrap_or_else(|| panic!("{field} of {value}"))
}

pub fn rows<'a>(value: &'a Value, field: &str) -> &'a [Value] {
    value[field].as_array().unwrap_or_else(|| panic!("{field} of {value}"))
}

/// The sum of a number of some rows.
pub fn sum(rows: &[Value], field: &str) -> i64 {
    rows.iter().map(|row| number(row, field)).sum()
}

/// Rows by their id.
pub fn by_id(rows: &[Value]) -> BTreeMap<&str, &Value> {
    rows.iter().map(|row| (text(row, "id"), row)).collect()
}

/// The ids of rows, as they come.
pub fn ids(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| text(row, "id")).collect()
}
