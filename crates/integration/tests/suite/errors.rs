//! Error answers: those that were recorded, and odd ones.

use http::HeaderMap;
use integration::RemoteErrorKind::{self, *};
use integration::{RemoteError, Resource};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::commerce7;

fn recognise(resource: Option<&Resource>, status: u16, body: &[u8]) -> RemoteError {
    {
        let integration = commerce7();
        let told = integration.told(0.0, status, &HeaderMap::new(), Some(body));
        integration.recognise(resource, status, &told, body)
    }
}

fn remote(message: &str) -> Value {
    json!({"remote_error": {"description": message}})
}

#[test]
fn every_recorded_error_is_recognised() {
    let refused = "One or more elements is missing or invalid";
    let missing = |fields: &[&str]| {
        json!({
            "remote_error": {"description": refused},
            "missing_required_body_fields": {"description": "The platform needs these fields.", "value": fields},
        })
    };
    let cases: [(&str, RemoteErrorKind, &str, Value); 10] = [
        ("401.account-user-unauthorized", Unauthorized, "Unauthorized user", remote("Unauthorized user")),
        ("401.unauthenticated-user", Unauthorized, "Unauthenticated User", remote("Unauthenticated User")),
        (
            "404.not-found.reference-implementation",
            NotFound,
            "404 - doc not found or method not found",
            remote("404 - doc not found or method not found"),
        ),
        (
            "422.coupon-old-schema-rejected.2026-10",
            Validation,
            refused,
            missing(&["type", "discountType", "discount"]),
        ),
        (
            "422.fulfill-already-fulfilled",
            Validation,
            "Can not fulfill an order that is marked Fulfilled",
            remote("Can not fulfill an order that is marked Fulfilled"),
        ),
        (
            "422.fulfillment-missing-fields",
            Validation,
            refused,
            missing(&["type", "fulfillmentDate", "packageCount"]),
        ),
        ("422.fulfillment-not-found", Validation, "Fulfillment not found", remote("Fulfillment not found")),
        (
            "422.page-and-cursor.reference-implementation",
            Validation,
            "Can not use both page and cursor for paging.  Must use one or the other.",
            remote("Can not use both page and cursor for paging.  Must use one or the other."),
        ),
        ("422.unknown-properties", Validation, refused, remote(refused)),
        (
            "500.unknown.reference-implementation",
            Unavailable,
            "something went wrong",
            remote("something went wrong"),
        ),
    ];
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/fixtures/errors");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), cases.len(), "a recorded error has no case");
    for (name, kind, message, insight) in cases {
        let body = std::fs::read(format!("{folder}/{name}.json")).unwrap();
        let status = name[..3].parse().unwrap();
        let error = recognise(None, status, &body);
        assert_eq!((error.status, error.kind, error.message.as_str()), (status, kind, message), "{name}");
        assert_eq!(error.insight, insight, "{name}");
        assert_eq!(error.raw_response, serde_json::from_slice::<Value>(&body).unwrap(), "{name}");
    }
}

#[test]
fn a_missing_permission_is_named_although_the_status_is_401() {
    let integration = commerce7();
    let order = integration.resource("order").unwrap();
    let body =
        br#"{"statusCode":401,"type":"unauthorized","message":"Unauthorized User For Route","errors":[]}"#;
    let error = recognise(Some(order), 401, body);
    assert_eq!(error.kind, Forbidden);
    assert_eq!(error.message, "Unauthorized User For Route");
    assert_eq!(
        error.insight,
        json!({"forbidden_error": {
            "description": "The connected app lacks a permission.",
            "value": {"missing_scopes": ["Order"]},
        }})
    );
    // A custom call belongs to no resource.
    let error = recognise(None, 401, body);
    assert_eq!(error.kind, Forbidden);
    assert_eq!(error.insight["forbidden_error"]["value"]["missing_scopes"], json!([]));
}

#[test]
fn an_exceeded_limit_says_when_to_come_back() {
    let mut headers = HeaderMap::new();
    headers.insert("retry-after", "17".parse().unwrap());
    let told = commerce7().told(0.0, 429, &headers, Some(b""));
    let error = commerce7().recognise(None, 429, &told, b"");
    assert_eq!((error.kind, error.retry_after), (RateLimited, Some(17)));
    assert_eq!(
        error.insight,
        json!({"rate_limit_error": {"description": "The platform's rate limit is used up."}})
    );
}

#[test]
fn odd_bodies_are_recognised_as_well_as_they_can_be() {
    let none = "the platform answered 502 without a message";
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for (body, message) in [
        ("", none),
        ("null", none),
        ("[]", none),
        ("<html><body>Bad gateway</body></html>", none),
        (r#"{"message": ""}"#, none),
        (r#"{"message": 7}"#, none),
        (r#"{"message": {"message": {"detail": "three deep"}}}"#, "three deep"),
        (r#"{"error": {"message": "below error"}}"#, "below error"),
        (r#"{"errors": [{"field": "a"}, {"message": "in a list"}]}"#, "in a list"),
        (r#"{"errors": ["plain text"]}"#, "plain text"),
        (r#"{"errors": {"field": 1, "message": "required"}}"#, "required"),
        (r#"{"errors": [{"message": "required"}, {"field": 7, "message": "required"}, 3]}"#, "required"),
        (&deep, none),
    ] {
        let error = recognise(None, 502, body.as_bytes());
        assert_eq!((error.kind, error.message.as_str()), (Unavailable, message), "{body:.60}");
    }
}

#[test]
fn huge_and_broken_bodies_are_cut() {
    let long = format!(r#"{{"message": "{}"}}"#, "é".repeat(2000));
    assert_eq!(recognise(None, 422, long.as_bytes()).message, "é".repeat(500));
    let huge = "é".repeat(1 << 20);
    let error = recognise(None, 500, huge.as_bytes());
    assert!(error.raw_response.as_str().unwrap().len() <= 64 * 1024 + 2);
    assert_eq!(recognise(None, 500, b"\xff\xfe").raw_response, json!("\u{fffd}\u{fffd}"));
}

proptest! {
    #[test]
    fn no_body_breaks_recognition(status in 100_u16..1000, body in proptest::collection::vec(any::<u8>(), 0..300)) {
        recognise(None, status, &body);
    }

    #[test]
    fn no_json_breaks_recognition(key in "message|errors|error|detail", inner in r#"(\[|\{"message":|\{"errors":|"x"|1|\]|\}){0,12}"#) {
        recognise(None, 422, format!(r#"{{"{key}":{inner}}}"#).as_bytes());
    }
}
