//! Examples of each rule, and the laws: what `qs` writes is read back, and nothing makes the parser panic.

use percent_encoding::{NON_ALPHANUMERIC, percent_encode, utf8_percent_encode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn read(query: &str) -> Value {
    Value::Object(parse(query).unwrap())
}

#[test]
fn each_rule_has_an_example() {
    for (query, expected) in [
        ("", json!({})),
        ("&&", json!({})),
        ("a=1&b=", json!({"a": "1", "b": ""})),
        ("a", json!({"a": ""})),
        ("a=b=c", json!({"a": "b=c"})),
        ("created_at[gt]=2026-01-01T00:00:00Z", json!({"created_at": {"gt": "2026-01-01T00:00:00Z"}})),
        ("a[b]=1&a[c][d]=2", json!({"a": {"b": "1", "c": {"d": "2"}}})),
        ("a%5Bb%5D=1", json!({"a": {"b": "1"}})),
        ("a[]=1&a[]=2", json!({"a": ["1", "2"]})),
        ("a[1]=y&a[0]=x", json!({"a": ["x", "y"]})),
        ("a[7]=x", json!({"a": ["x"]})),
        ("a[2024]=x", json!({"a": {"2024": "x"}})),
        ("a[01]=x", json!({"a": {"01": "x"}})),
        ("a=1&a=2&a=3", json!({"a": ["1", "2", "3"]})),
        ("a=1&a[]=2", json!({"a": ["1", "2"]})),
        ("a[][x]=1&a[][y]=2&a[][x]=3", json!({"a": [{"x": "1", "y": "2"}, {"x": "3"}]})),
        ("a[][x]=1&a[][t][]=p&a[][t][]=q&a[][x]=2", json!({"a": [{"x": "1", "t": ["p", "q"]}, {"x": "2"}]})),
        ("a[0][x]=1&a[0][y]=2&a[1][x]=3", json!({"a": [{"x": "1", "y": "2"}, {"x": "3"}]})),
        ("a=x+y%20z%2B", json!({"a": "x y z+"})),
        ("a=100%&b=%zz", json!({"a": "100%", "b": "%zz"})),
        ("a[=1&b]=2&[c]=3&d[e]f=4", json!({"a[": "1", "b]": "2", "[c]": "3", "d[e]f": "4"})),
        ("0=a&1=b", json!({"0": "a", "1": "b"})),
    ] {
        assert_eq!(read(query), expected, "{query}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    assert_eq!(parse("a=1&a[b]=2"), Err(QueryError::Mixed("a".into())));
    assert_eq!(parse("a[b]=1&a=2"), Err(QueryError::Mixed("a".into())));
    assert_eq!(parse("a=%FF"), Err(QueryError::NotUtf8));
    let deep = format!("a{}=1", "[b]".repeat(MAX_DEPTH + 1));
    assert_eq!(parse(&deep), Err(QueryError::TooDeep(deep.trim_end_matches("=1").into())));
    assert!(parse(&format!("a{}=1", "[b]".repeat(MAX_DEPTH))).is_ok());
    assert_eq!(parse(&"a=1&".repeat(MAX_PAIRS + 1)), Err(QueryError::TooMany));
    assert!(parse(&"a=1&".repeat(MAX_PAIRS)).is_ok());
}

#[test]
fn a_parameter_is_taken_out_and_the_rest_left_as_sent() {
    assert_eq!(without("integrated_account_id=1&b=%20&b[]=+", "integrated_account_id"), "b=%20&b[]=+");
    assert_eq!(without("a=1&integrated%5Faccount_id=x", "integrated_account_id"), "a=1");
    assert_eq!(without("integrated_account_id=1", "integrated_account_id"), "");
}

/// How `qs.stringify` writes arrays.
#[derive(Clone, Copy, PartialEq)]
enum Arrays {
    Indices,
    Brackets,
}

/// What `qs.stringify` writes for an object.
fn stringify(object: &Value, arrays: Arrays) -> String {
    let mut pairs = Vec::new();
    if let Value::Object(fields) = object {
        for (name, value) in fields {
            write(name, value, arrays, &mut pairs);
        }
    }
    pairs.join("&")
}

fn write(name: &str, value: &Value, arrays: Arrays, pairs: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (field, value) in fields {
                write(&format!("{name}[{field}]"), value, arrays, pairs);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                let index = if arrays == Arrays::Indices { index.to_string() } else { String::new() };
                write(&format!("{name}[{index}]"), item, arrays, pairs);
            }
        }
        text => {
            let text = text.as_str().unwrap_or_default();
            let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
            pairs.push(format!("{}={}", encode(name), encode(text)));
        }
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-z_é.][a-z0-9_ &=+%]{0,6}"
}

fn text() -> impl Strategy<Value = Value> + Clone {
    any::<String>().prop_map(Value::String)
}

fn object(field: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::btree_map(name(), field, 1..4)
        .prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

/// Any tree of objects, arrays and texts without empty objects and arrays, which `qs` does not write.
fn tree() -> impl Strategy<Value = Value> {
    let inner = text().prop_recursive(4, 32, 4, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 1..5).prop_map(Value::Array), object(inner)]
    });
    object(inner)
}

/// Trees whose arrays are told apart without indices: of texts, or of objects that begin with the same text.
fn tree_without_indices() -> impl Strategy<Value = Value> {
    let texts = prop::collection::vec(text(), 1..5).prop_map(Value::Array).boxed();
    let record = (text(), object(prop_oneof![text(), texts.clone()])).prop_map(|(id, mut rest)| {
        let mut record = Map::from_iter([("0id".to_owned(), id)]);
        record.append(rest.as_object_mut().unwrap());
        Value::Object(record)
    });
    let records = prop::collection::vec(record, 1..5).prop_map(Value::Array).boxed();
    object(prop_oneof![text(), texts, records.clone(), object(prop_oneof![text(), records])])
}

proptest! {
    #[test]
    fn indexed_arrays_are_read_back(tree in tree()) {
        prop_assert_eq!(read(&stringify(&tree, Arrays::Indices)), tree);
    }

    #[test]
    fn arrays_without_indices_are_read_back(tree in tree_without_indices()) {
        prop_assert_eq!(read(&stringify(&tree, Arrays::Brackets)), tree);
    }

    #[test]
    fn nothing_panics(text in any::<String>(), bytes in any::<Vec<u8>>(), brackets in r"([ab]?[\[\]&=%0-2]{0,3}){0,30}") {
        let _ = parse(&text);
        let _ = parse(&percent_encode(&bytes, NON_ALPHANUMERIC).to_string());
        let _ = parse(&brackets);
        let _ = without(&text, "a");
    }
}

#[test]
fn the_last_value_of_a_parameter() {
    for (query, value) in [
        ("id=1", Some("1")),
        ("a=2&id=x%20y+z", Some("x y z")),
        ("integrated=0&i%64=1&id=2&b", Some("2")),
        ("id=1&id=", None),
        ("id", None),
        ("id[]=1&id[a]=2", None),
        ("id=%ff", None),
        ("", None),
    ] {
        assert_eq!(last_value(query, "id").as_deref(), value, "{query}");
    }
}
