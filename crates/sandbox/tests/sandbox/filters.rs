//! Filters and free text, held against a model of their own over all rows.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::StatusCode;
use sandbox::Options;
use serde_json::Value;

use crate::support::{CURSOR_LISTS, Served, ids, middling, number, rows, serve, small, text};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Text,
    Number,
    Date,
    Boolean,
}

/// A query key, the field it looks at, and its operators; the empty one is equality.
#[derive(Clone, Copy, Debug)]
struct Field {
    key: &'static str,
    path: &'static str,
    kind: Kind,
    operators: &'static [&'static str],
}

const EQUAL: &[&str] = &[""];
const LIST: &[&str] = &["", "in"];
const COMPARE: &[&str] = &["", "gt", "gte", "lt", "lte"];
const RANGE: &[&str] = &["", "gt", "gte", "lt", "lte", "btw"];

const fn field(
    key: &'static str,
    path: &'static str,
    kind: Kind,
    operators: &'static [&'static str],
) -> Field {
    Field { key, path, kind, operators }
}

/// Every filter of every endpoint with a cursor.
const FILTERS: &[(&str, &[Field])] = &[
    (
        "/customer",
        &[
            field("lifetimeValue", "orderInformation.lifetimeValue", Kind::Number, COMPARE),
            field("orderCount", "orderInformation.orderCount", Kind::Number, COMPARE),
            field("createdAt", "createdAt", Kind::Date, COMPARE),
            field("updatedAt", "updatedAt", Kind::Date, COMPARE),
            field("tagId", "tags[].id", Kind::Text, LIST),
        ],
    ),
    (
        "/order",
        &[
            field("id", "id", Kind::Text, LIST),
            field("customerId", "customerId", Kind::Text, EQUAL),
            field("orderTagId", "tags[].id", Kind::Text, LIST),
            field("tagId", "tags[].id", Kind::Text, LIST),
            field("posProfileId", "posProfileId", Kind::Text, EQUAL),
            field("updatedAt", "updatedAt", Kind::Date, RANGE),
            field("orderPaidDate", "orderPaidDate", Kind::Date, RANGE),
            field("orderFulfilledDate", "orderFulfilledDate", Kind::Date, RANGE),
            field("orderSubmittedDate", "orderSubmittedDate", Kind::Date, RANGE),
            field("fulfillmentStatus", "fulfillmentStatus", Kind::Text, EQUAL),
            field("complianceStatus", "complianceStatus", Kind::Text, EQUAL),
            field("channel", "channel", Kind::Text, EQUAL),
            field("orderDeliveryMethod", "orderDeliveryMethod", Kind::Text, EQUAL),
        ],
    ),
    (
        "/product",
        &[
            field("updatedAt", "updatedAt", Kind::Date, COMPARE),
            field("webStatus", "webStatus", Kind::Text, EQUAL),
            field("adminStatus", "adminStatus", Kind::Text, EQUAL),
            field("collectionId", "collections[].id", Kind::Text, EQUAL),
        ],
    ),
    (
        "/club-membership",
        &[
            field("clubId", "clubId", Kind::Text, EQUAL),
            field("customerId", "customerId", Kind::Text, EQUAL),
            field("signupDate", "signupDate", Kind::Date, RANGE),
            field("updatedAt", "updatedAt", Kind::Date, RANGE),
        ],
    ),
    (
        "/note",
        &[
            field("customerId", "customerId", Kind::Text, EQUAL),
            field("orderId", "orderId", Kind::Text, EQUAL),
        ],
    ),
    (
        "/reservation",
        &[
            field("customerId", "customerId", Kind::Text, EQUAL),
            field("reservationTypeId", "reservationTypeId", Kind::Text, LIST),
            field("tagId", "tags[].id", Kind::Text, LIST),
            field("createdAt", "createdAt", Kind::Date, RANGE),
            field("updatedAt", "updatedAt", Kind::Date, RANGE),
            field("reservationDate", "reservationDate", Kind::Date, RANGE),
            field("status", "status", Kind::Text, EQUAL),
            field("paymentStatus", "paymentStatus", Kind::Text, EQUAL),
            field("channel", "channel", Kind::Text, EQUAL),
        ],
    ),
];

/// Filters of endpoints by page.
const PAGE_FILTERS: &[(&str, &str, &[Field])] = &[
    (
        "/collection",
        "collections",
        &[field("webStatus", "webStatus", Kind::Text, EQUAL), field("type", "type", Kind::Text, EQUAL)],
    ),
    ("/tag/customer", "tags", &[field("type", "type", Kind::Text, EQUAL)]),
    ("/reservation-type", "reservationTypes", &[field("id", "id", Kind::Text, LIST)]),
    (
        "/web-hook-log",
        "webHookLogs",
        &[
            field("object", "object", Kind::Text, EQUAL),
            field("action", "action", Kind::Text, EQUAL),
            field("isSuccess", "isSuccess", Kind::Boolean, EQUAL),
            field("updatedAt", "updatedAt", Kind::Date, RANGE),
        ],
    ),
];

/// The values of a row that a path leads to.
fn values<'a>(row: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut values = vec![row];
    for step in path.split('.') {
        let name = step.trim_end_matches("[]");
        values = values.into_iter().filter_map(|value| value.get(name)).collect();
        if step.ends_with("[]") {
            values = values.into_iter().filter_map(Value::as_array).flatten().collect();
        }
    }
    values.retain(|value| !value.is_null());
    values
}

fn milliseconds(text: &str) -> i64 {
    match text.len() {
        10 => format!("{text}T00:00:00Z").parse::<jiff::Timestamp>(),
        _ => text.parse(),
    }
    .unwrap()
    .as_millisecond()
}

fn measure(kind: Kind, value: &str) -> i64 {
    if kind == Kind::Date { milliseconds(value) } else { value.parse().unwrap() }
}

/// Whether the model finds a row by a filter.
fn finds(row: &Value, field: &Field, operator: &str, operand: &str) -> bool {
    let values = values(row, field.path);
    if matches!(field.kind, Kind::Text | Kind::Boolean) {
        let texts: Vec<String> =
            values.iter().map(|value| value.as_str().map_or(value.to_string(), str::to_owned)).collect();
        let wanted: Vec<&str> = if operator == "in" { operand.split(',').collect() } else { vec![operand] };
        return texts.iter().any(|text| wanted.contains(&text.as_str()));
    }
    let Some(value) = values.first() else { return false };
    let value = value.as_i64().unwrap_or_else(|| milliseconds(value.as_str().unwrap()));
    let of = |text: &str| measure(field.kind, text);
    match operator {
        "" => value == of(operand),
        "gt" => value > of(operand),
        "gte" => value >= of(operand),
        "lt" => value < of(operand),
        "lte" => value <= of(operand),
        "btw" => {
            let (from, to) = operand.split_once('|').unwrap();
            of(from) <= value && value <= of(to)
        }
        _ => panic!("no operator {operator}"),
    }
}

/// One drawn filter: which field and operator, which two rows lend their values, and how the values are bent.
type Drawn = (usize, usize, usize, usize, i64);

/// The value of some row, bent a little: exact, off by one, or a bare date.
fn operand(rows: &[Value], field: &Field, row: usize, bend: i64) -> String {
    let lent = (0..rows.len()).find_map(|step| {
        values(&rows[(row + step) % rows.len()], field.path).first().map(|value| (*value).clone())
    });
    match (field.kind, lent) {
        (Kind::Number, Some(value)) => (value.as_i64().unwrap() + bend % 2).to_string(),
        (Kind::Date, Some(value)) => {
            let text = value.as_str().unwrap();
            match bend {
                0 | 1 => text.to_owned(),
                2 => text[..10].to_owned(),
                _ => jiff::Timestamp::from_millisecond(milliseconds(text) + 1).unwrap().to_string(),
            }
        }
        (_, Some(value)) => value.as_str().map_or(value.to_string(), str::to_owned),
        (_, None) => "nothing has this".to_owned(),
    }
}

/// The query of drawn filters, one a key, and the rows that the model finds.
fn question<'a>(
    rows: &'a [Value],
    fields: &[Field],
    drawn: &[Drawn],
) -> (Vec<(&'static str, String)>, Vec<&'a Value>) {
    let mut query: BTreeMap<&'static str, String> = BTreeMap::new();
    let mut found: Vec<&Value> = rows.iter().collect();
    for (at, operator, one, other, bend) in drawn {
        let field = &fields[at % fields.len()];
        // Equality with a date would only ever meet the very row, and a colon in it reads as an operator.
        let operators: Vec<&str> = field
            .operators
            .iter()
            .copied()
            .filter(|name| field.kind != Kind::Date || !name.is_empty())
            .collect();
        let operator = operators[operator % operators.len()];
        if query.contains_key(field.key) {
            continue;
        }
        let first = operand(rows, field, *one, *bend);
        let value = match operator {
            "in" => format!("{first},{}", operand(rows, field, *other, 0)),
            "btw" => {
                let second = operand(rows, field, *other, *bend);
                let is_turned = measure(field.kind, &first) > measure(field.kind, &second);
                if is_turned { format!("{second}|{first}") } else { format!("{first}|{second}") }
            }
            _ => first,
        };
        found.retain(|row| finds(row, field, operator, &value));
        query.insert(field.key, if operator.is_empty() { value } else { format!("{operator}:{value}") });
    }
    (query.into_iter().collect(), found)
}

fn drawn() -> impl Strategy<Value = Vec<Drawn>> {
    proptest::collection::vec((0..100usize, 0..100usize, 0..1_000usize, 0..1_000usize, 0..4i64), 1..4)
}

#[test]
fn a_walk_with_any_filters_finds_what_the_model_finds_in_all_rows() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let served = runtime.block_on(serve(small()));
    for (path, fields) in FILTERS {
        let envelope = CURSOR_LISTS.iter().find(|(of, _)| of == path).unwrap().1;
        let all = runtime.block_on(served.walk(path, envelope, &[]));
        let mut runner =
            TestRunner::new(Config { cases: 60, failure_persistence: None, ..Config::default() });
        let law = runner.run(&(drawn(), 1..=50u32), |(drawn, limit)| {
            let (query, expected) = question(&all, fields, &drawn);
            let limit = limit.to_string();
            let filter: Vec<_> = query
                .iter()
                .map(|(key, value)| (*key, value.as_str()))
                .chain([("limit", limit.as_str())])
                .collect();
            let found = runtime.block_on(served.walk(path, envelope, &filter));
            prop_assert_eq!(
                ids(&found),
                expected.iter().map(|row| text(row, "id")).collect::<Vec<_>>(),
                "{:?}",
                query
            );

            let by_page = runtime.block_on(served.query(path, &filter)).json();
            prop_assert_eq!(&by_page["total"], expected.len(), "{:?}", query);
            Ok(())
        });
        law.unwrap_or_else(|failure| panic!("{path}: {failure}"));
    }
}

#[tokio::test]
async fn every_filter_and_operator_finds_some_rows_and_leaves_some_out() {
    let served = serve(middling()).await;
    for (path, fields) in FILTERS {
        let envelope = CURSOR_LISTS.iter().find(|(of, _)| of == path).unwrap().1;
        let all = served.walk(path, envelope, &[]).await;
        for field in *fields {
            for operator in field.operators {
                assert_divides(&served, path, envelope, &all, field, operator).await;
            }
        }
    }
    for (path, envelope, fields) in PAGE_FILTERS {
        let all = served.pages(path, envelope).await;
        for field in *fields {
            for operator in field.operators {
                assert_divides(&served, path, envelope, &all, field, operator).await;
            }
        }
    }
}

/// Values that all rows have alike, so that their filter leaves nothing out.
const ALIKE: &[(&str, &str)] = &[("/collection", "webStatus"), ("/web-hook-log", "object")];

async fn assert_divides(
    served: &Served,
    path: &str,
    envelope: &str,
    all: &[Value],
    field: &Field,
    operator: &&str,
) {
    let mut lent: Vec<String> =
        all.iter().flat_map(|row| values(row, field.path)).map(ToString::to_string).collect();
    lent.sort();
    let plain = |at: usize| lent[at].trim_matches('"').to_owned();
    let value = match *operator {
        "btw" => format!("{}|{}", plain(lent.len() / 4), plain(lent.len() / 2)),
        "in" => format!("{},{}", plain(0), plain(lent.len() / 2)),
        _ => plain(lent.len() / 2),
    };
    // A moment compares as equal only where its text has no colon: as a bare date.
    if field.kind == Kind::Date && operator.is_empty() {
        return;
    }
    if field.kind == Kind::Number {
        let mut numbers: Vec<i64> = lent.iter().map(|text| text.parse().unwrap()).collect();
        numbers.sort_unstable();
        assert!(numbers[0] < numbers[numbers.len() - 1], "{path} {}", field.key);
    }
    let asked = if operator.is_empty() { value.clone() } else { format!("{operator}:{value}") };
    let answer = served.query(path, &[(field.key, &asked)]).await;
    assert_eq!(answer.status, StatusCode::OK, "{path} {} {asked}: {}", field.key, answer.text);
    let expected = all.iter().filter(|row| finds(row, field, operator, &value)).count();
    let answer = answer.json();
    assert_eq!(answer["total"], expected, "{path} {} {asked}", field.key);
    assert!(expected > 0, "{path} {} {asked} finds something", field.key);
    let is_alike = ALIKE.contains(&(path, field.key));
    assert!(expected < all.len() || is_alike, "{path} {} {asked} leaves something out", field.key);
    let page = rows(&answer, envelope);
    assert!(page.iter().all(|row| finds(row, field, operator, &value)), "{path} {} {asked}", field.key);
}

#[tokio::test]
async fn filters_that_nothing_meets() {
    let served = serve(small()).await;
    for query in ["allocationId=x", "queryId=x", "channel=web", "orderPaidDate=btw:2024-01-01"] {
        assert_eq!(served.ok(&format!("/order?{query}")).await["total"], 0, "{query}");
    }
}

#[tokio::test]
async fn absence_and_presence_can_be_asked_for() {
    let served = serve(middling()).await;
    let total = async |query: &str| number(&served.ok(&format!("/order?{query}")).await, "total");
    let (absent, present) = (total("posProfileId=null").await, total("posProfileId=not%20null").await);
    assert!(absent > 0 && present > 0);
    assert_eq!(absent + present, total("").await);
    assert_eq!(present, total("channel=POS").await);
    // An array is absent when it is empty.
    let tagged = served.ok("/product?collectionId=not%20null").await;
    assert_eq!(tagged["total"], served.ok("/product").await["total"]);
    assert_eq!(served.ok("/product?collectionId=null").await["total"], 0);
}

#[tokio::test]
async fn a_bare_date_is_midnight_of_utc_and_offsets_count() {
    let served = serve(small()).await;
    let total = async |value: &str| {
        let answer = served.query("/order", &[("orderSubmittedDate", value)]).await.json();
        number(&answer, "total")
    };
    for date in ["2025-06-01", "2026-01-15"] {
        let bare = total(&format!("gte:{date}")).await;
        assert_eq!(bare, total(&format!("gte:{date}T00:00:00.000Z")).await);
        assert_eq!(bare, total(&format!("gte:{date}T05:30:00+05:30")).await);
        assert_eq!(bare + total(&format!("lt:{date}")).await, 120);
    }
}

#[tokio::test]
async fn an_experience_is_active_until_it_ends() {
    let served = serve(small()).await;
    let all = served.ok("/reservation-type").await;
    let active = served.ok("/reservation-type?status=Active").await;
    assert_eq!((all["total"].as_i64(), active["total"].as_i64()), (Some(3), Some(2)));
    assert!(rows(&active, "reservationTypes").iter().all(|row| row["endDate"].is_null()));
}

/// The words of a row that a search looks at, in lower case.
fn words(row: &Value, paths: &[&str]) -> Vec<String> {
    let texts = paths.iter().flat_map(|path| values(row, path));
    let texts = texts.map(|value| value.as_str().map_or(value.to_string(), str::to_owned).to_lowercase());
    texts.flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Whether the model finds a row by free text: the first term and up to three further ones of two letters or more.
fn is_found(row: &Value, paths: &[&str], query: &str) -> bool {
    let words = words(row, paths);
    let lower = query.to_lowercase();
    let mut terms = lower.split_whitespace();
    let first = terms.next().into_iter();
    let terms: Vec<&str> = first.chain(terms.filter(|term| term.chars().count() >= 2).take(3)).collect();
    terms.iter().all(|term| words.iter().any(|word| word.starts_with(term)))
}

const SEARCHES: &[(&str, &str, &[&str])] = &[
    ("/customer", "customers", &["firstName", "lastName", "emails[].email"]),
    ("/order", "orders", &["orderNumber"]),
    ("/product", "products", &["title"]),
    ("/club-membership", "clubMemberships", &["club.title"]),
    ("/note", "notes", &["content"]),
    ("/reservation", "reservations", &["reservationNumber"]),
    ("/club", "clubs", &["title"]),
    ("/collection", "collections", &["title"]),
    ("/department", "departments", &["title"]),
    ("/vendor", "vendors", &["title"]),
    ("/coupon", "coupons", &["code", "title"]),
    ("/promotion", "promotions", &["title"]),
    ("/gift-card", "giftCards", &["code", "title"]),
    ("/inventory", "inventories", &["sku", "productTitle"]),
    ("/tag/customer", "tags", &["title"]),
];

#[test]
fn free_text_finds_what_the_model_finds() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let served = runtime.block_on(serve(small()));
    for (path, envelope, fields) in SEARCHES {
        let all = runtime.block_on(served.pages(path, envelope));
        let pool: Vec<String> = all.iter().flat_map(|row| words(row, fields)).collect();
        assert!(!pool.is_empty(), "{path}");
        let mut runner =
            TestRunner::new(Config { cases: 40, failure_persistence: None, ..Config::default() });
        let terms = proptest::collection::vec((0..10_000usize, 0..12usize, any::<bool>()), 1..6);
        let law = runner.run(&terms, |terms| {
            let terms = terms.iter().map(|(at, length, is_upper)| {
                let word = &pool[at % pool.len()];
                let cut: String = word.chars().take((*length).max(1)).collect();
                if *is_upper { cut.to_uppercase() } else { cut }
            });
            let query = terms.collect::<Vec<_>>().join(" ");
            let answer = runtime.block_on(served.query(path, &[("q", &query)])).json();
            let expected = all.iter().filter(|row| is_found(row, fields, &query)).count();
            prop_assert_eq!(&answer["total"], expected, "{:?}", query);
            Ok(())
        });
        law.unwrap_or_else(|failure| panic!("{path}: {failure}"));
    }
}

#[tokio::test]
async fn free_text_of_addresses_and_cards_has_two_names() {
    let served = serve(small()).await;
    let all = served.walk("/customer-address", "customerAddresses", &[]).await;
    let address = &all[0];
    let path = format!("/customer/{}/address", text(address, "customerId"));
    let word = text(address, "city").split(' ').next().unwrap();
    for key in ["searchText", "q"] {
        let found = served.query(&path, &[(key, word)]).await.json();
        assert!(rows(&found, "customerAddresses").contains(address), "{key}");
        let nothing = served.query(&path, &[(key, "zzzz")]).await.json();
        assert_eq!(nothing["total"], 0, "{key}");
    }
}

#[tokio::test]
async fn an_order_is_found_by_its_number_and_a_customer_by_name_or_mail() {
    let served = serve(Options { customers: 12, ..small() }).await;
    let found = served.ok("/order?q=1042").await;
    assert_eq!(number(&rows(&found, "orders")[0], "orderNumber"), 1_042);
    assert_eq!(found["total"], 1);
    let customer = &served.customers().await[0];
    let mail = text(&customer["emails"][0], "email");
    let by_mail = served.query("/customer", &[("q", mail)]).await.json();
    assert_eq!(ids(rows(&by_mail, "customers")), [text(customer, "id")]);
    let name = format!("{} {}", text(customer, "lastName"), text(customer, "firstName"));
    let by_name = served.query("/customer", &[("q", &name), ("cursor", "start")]).await.json();
    assert!(ids(rows(&by_name, "customers")).contains(&text(customer, "id")));
}
