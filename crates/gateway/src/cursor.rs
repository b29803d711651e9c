//! Cursors of the data plane: opaque to the caller, bound to what they were given out for.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Error;

/// Raised when what is inside changes its meaning.
const VERSION: u8 = 2;

/// Where a walk through a list goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Position {
    /// Which of the walk's queries it is in.
    pub(crate) part: u32,
    /// The platform's cursor of the page; `None` is the first.
    pub(crate) upstream: Option<String>,
    /// Records of that page that were given out already.
    pub(crate) offset: u32,
    /// The size of the walk's pages: numbered pages mean nothing without it.
    pub(crate) size: u32,
}

/// What a cursor is bound to. Whoever changes one of these starts anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Binding {
    account: String,
    query: String,
}

impl Binding {
    /// `resource` is what is listed, as one text; `query` what the list was asked by, without the paging parameters.
    pub(crate) fn new(account_id: &str, resource: &str, query: &Map<String, Value>) -> Self {
        let mut names: Vec<&String> = query.keys().collect();
        names.sort();
        let mut text = String::new();
        for name in names {
            write_canonical(&Value::String(name.clone()), &mut text);
            write_canonical(&query[name], &mut text);
        }
        Self {
            account: fingerprint(&[account_id.as_bytes()]),
            query: fingerprint(&[resource.as_bytes(), text.as_bytes()]),
        }
    }

    /// Writes a cursor.
    pub(crate) fn seal(&self, position: &Position) -> String {
        let inside = Inside(
            VERSION,
            self.account.clone(),
            self.query.clone(),
            position.part,
            position.upstream.clone(),
            position.offset,
            position.size,
        );
        // A tuple of texts and numbers is always writable.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&inside).unwrap_or_default())
    }

    /// Reads a cursor that was given out for the same.
    pub(crate) fn open(&self, cursor: &str) -> Result<Position, Error> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| malformed())?;
        let Inside(version, account, query, part, upstream, offset, size) =
            serde_json::from_slice(&bytes).map_err(|_| malformed())?;
        if version != VERSION {
            return Err(malformed());
        }
        if account != self.account {
            return Err(Error::bad_request("next_cursor was given out for another account"));
        }
        if query != self.query {
            return Err(Error::bad_request(
                "next_cursor was given out for another resource or other filters: leave them as they were, or start anew \
                 without it",
            ));
        }
        if size == 0 {
            return Err(malformed());
        }
        Ok(Position { part, upstream, offset, size })
    }
}

/// What is said of a cursor that was never given out.
pub(crate) fn malformed() -> Error {
    Error::bad_request("next_cursor is malformed: pass it back as it was given")
}

/// Version, account, query, part, upstream cursor, offset, size.
#[derive(Serialize, Deserialize)]
struct Inside(u8, String, String, u32, Option<String>, u32, u32);

/// The first 64 bits of a digest. It guards against mistakes: the account of a call is checked apart from its cursor.
fn fingerprint(parts: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    URL_SAFE_NO_PAD.encode(&context.finish().as_ref()[..8])
}

/// JSON with the keys of objects in order, so that the order of parameters does not matter.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort();
            text.push('{');
            for name in names {
                text.push_str(&Value::String(name.clone()).to_string());
                write_canonical(&fields[name], text);
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            items.iter().for_each(|item| {
                write_canonical(item, text);
                text.push(',');
            });
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn binding(account: &str, resource: &str, query: Value) -> Binding {
        Binding::new(account, resource, query.as_object().unwrap())
    }

    proptest! {
        #[test]
        fn a_cursor_comes_back_as_it_was(
            part in any::<u32>(),
            upstream in proptest::option::of("\\PC{0,80}"),
            offset in any::<u32>(),
            size in 1..u32::MAX,
        ) {
            let binding = binding("a", "unified/ecommerce/orders", json!({"status": "active"}));
            let position = Position { part, upstream, offset, size };
            let cursor = binding.seal(&position);
            prop_assert!(cursor.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter)));
            prop_assert_eq!(binding.open(&cursor).unwrap(), position);
        }

        #[test]
        fn any_text_that_is_no_cursor_is_a_bad_request(text in "\\PC{0,120}") {
            let error = binding("a", "r", json!({})).open(&text).unwrap_err();
            prop_assert_eq!(error.status(), 400);
        }

        #[test]
        fn a_changed_cursor_never_opens_as_another(index in 0_usize..60, letter in "[A-Za-z0-9_-]") {
            let binding = binding("a", "r", json!({"q": "x"}));
            let cursor = binding.seal(&Position { part: 0, upstream: Some("next-page".into()), offset: 3, size: 50 });
            let mut letters: Vec<char> = cursor.chars().collect();
            let index = index % letters.len();
            letters[index] = letter.chars().next().unwrap();
            let changed: String = letters.into_iter().collect();
            // Either refused, or the same walk at another place: never another account's or another query's.
            match binding.open(&changed) {
                Ok(_) => {}
                Err(error) => prop_assert_eq!(error.status(), 400),
            }
        }

        #[test]
        fn another_account_resource_or_filter_is_refused(value in "[a-z]{1,8}") {
            let position = Position { size: 50, ..Position::default() };
            let cursor = binding("a", "orders", json!({"q": "0"})).seal(&position);
            for other in [
                binding(&format!("a{value}"), "orders", json!({"q": "0"})),
                binding("a", &format!("orders{value}"), json!({"q": "0"})),
                binding("a", "orders", json!({"q": value})),
                binding("a", "orders", json!({"q": "0", "status": value})),
            ] {
                prop_assert_eq!(other.open(&cursor).unwrap_err().status(), 400);
            }
        }
    }

    #[test]
    fn the_order_of_parameters_does_not_matter() {
        let one = binding("a", "orders", json!({"q": "x", "created_at": {"gte": "1", "lt": "2"}}));
        let two = binding("a", "orders", json!({"created_at": {"lt": "2", "gte": "1"}, "q": "x"}));
        assert_eq!(one, two);
    }
}
