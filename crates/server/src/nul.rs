//! NUL characters, refused where they come in: none of the texts kept here holds one, and PostgreSQL takes none.

use axum::extract::Request;

use crate::error::ApiError;

/// Refuses a request whose path or query holds one.
pub(crate) fn refuse(request: &Request) -> Result<(), ApiError> {
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    if target.contains("%00") {
        return Err(ApiError::bad_request("the address holds a NUL character (%00); leave it out"));
    }
    Ok(())
}

/// Whether JSON text holds one within its strings, where it is always written as an escape.
pub(crate) fn is_in_json(text: &[u8]) -> bool {
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        if rest[at + 1..].starts_with(b"u0000") {
            return true;
        }
        // An escaped backslash begins no escape.
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_escape_that_means_it_counts() {
        for (text, holds) in [
            (r#"{"a":"x\u0000"}"#, true),
            (r#"{"a":"x\\\u0000"}"#, true),
            (r#"{"a":"x\\u0000"}"#, false),
            (r#"{"a":"x\u0001u0000"}"#, false),
            (r#"{"a":"u0000"}"#, false),
            ("\\", false),
            ("", false),
        ] {
            assert_eq!(is_in_json(text.as_bytes()), holds, "{text}");
        }
    }
}
