//! The gateway's own parameters of a data plane call (facts, Truto 3.4), taken out of its query.

use integration::{PageRequest, Unknown};
use serde_json::{Map, Value};

use crate::Error;
use crate::list::{flag, texts};

/// Records of a list when the caller does not say.
pub(crate) const DEFAULT_LIMIT: u32 = 50;
/// Records of a list at most.
pub(crate) const MAX_LIMIT: u32 = 250;

/// Parameters that are never passed on.
const OWN: [&str; 10] = [
    "truto_response_format",
    "truto_ignore_remote_data",
    "truto_exclude_fields",
    "truto_key_by",
    "truto_ignore_limit",
    "truto_body_passthrough",
    "remote_query",
    "limit",
    "next_cursor",
    "integrated_account_id",
];

/// How an answer is to be given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// Mapped. `normalized` is the same here: Truto gives it no meaning of its own.
    #[default]
    Unified,
    /// The platform's records as they are.
    Raw,
    /// The platform's answer as it comes, passed through.
    Stream,
}

/// What a caller asks of the gateway itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) account_id: Option<String>,
    pub(crate) format: Format,
    pub(crate) ignore_remote_data: bool,
    pub(crate) exclude_fields: Vec<String>,
    pub(crate) key_by: Option<String>,
    pub(crate) body_passthrough: bool,
    /// Merged into the platform's query as it is.
    pub(crate) remote_query: Map<String, Value>,
    /// As the caller said.
    pub(crate) limit: Option<u32>,
    pub(crate) ignore_limit: bool,
    pub(crate) next_cursor: Option<String>,
}

impl Options {
    /// Takes the gateway's own parameters out of `query`.
    pub(crate) fn take(query: &mut Map<String, Value>) -> Result<Self, Error> {
        if query.contains_key("truto_super_query") {
            return Err(Error::bad_request(
                "truto_super_query is not there: this gateway keeps no copy of the platform's records; leave it out to read \
                 them live",
            ));
        }
        let mut options = Self {
            account_id: take_text(query, "integrated_account_id")?,
            format: take_text(query, "truto_response_format")?
                .as_deref()
                .map_or(Ok(Format::Unified), Format::parse)?,
            ignore_remote_data: take_flag(query, "truto_ignore_remote_data")?,
            key_by: take_text(query, "truto_key_by")?,
            body_passthrough: take_flag(query, "truto_body_passthrough")?,
            ignore_limit: take_flag(query, "truto_ignore_limit")?,
            next_cursor: take_text(query, "next_cursor")?,
            limit: take_limit(query)?,
            ..Self::default()
        };
        if let Some(fields) = query.shift_remove("truto_exclude_fields") {
            options.exclude_fields = texts(&fields);
        }
        match query.shift_remove("remote_query") {
            None => {}
            Some(Value::Object(remote)) => options.remote_query = remote,
            Some(_) => {
                return Err(Error::bad_request(
                    "remote_query takes names and values: remote_query[name]=value",
                ));
            }
        }
        match query.keys().find(|name| name.starts_with("truto_")) {
            Some(name) => Err(Error::bad_request(Unknown::new("parameter", name, OWN).to_string())),
            None => Ok(options),
        }
    }
}

impl Options {
    /// The one page that `truto_response_format=stream` passes on.
    pub(crate) fn streamed_page(&self) -> Result<PageRequest, Error> {
        if self.next_cursor.is_some() {
            return Err(Error::bad_request(
                "truto_response_format=stream passes one page of the platform on and can't go on from next_cursor; use the \
                 platform's own paging, or leave stream out",
            ));
        }
        Ok(PageRequest { cursor: None, limit: self.limit })
    }
}

impl Format {
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        match text {
            "unified" | "normalized" => Ok(Self::Unified),
            "raw" => Ok(Self::Raw),
            "stream" => Ok(Self::Stream),
            other => {
                let unknown =
                    Unknown::new("truto_response_format", other, ["unified", "raw", "normalized", "stream"]);
                Err(Error::bad_request(unknown.to_string()))
            }
        }
    }
}

/// An empty value counts as none.
fn take_text(query: &mut Map<String, Value>, name: &str) -> Result<Option<String>, Error> {
    match query.shift_remove(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(Error::bad_request(format!("{name} takes one value"))),
    }
}

fn take_flag(query: &mut Map<String, Value>, name: &str) -> Result<bool, Error> {
    query.shift_remove(name).map_or(Ok(false), |value| flag(name, &value))
}

fn take_limit(query: &mut Map<String, Value>) -> Result<Option<u32>, Error> {
    let Some(text) = take_text(query, "limit")? else { return Ok(None) };
    match text.parse() {
        Ok(limit) if (1..=MAX_LIMIT).contains(&limit) => Ok(Some(limit)),
        _ => Err(Error::bad_request(format!("limit has to be a whole number from 1 to {MAX_LIMIT}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn take(query: Value) -> Result<(Options, Map<String, Value>), Error> {
        let mut query = query.as_object().unwrap().clone();
        Options::take(&mut query).map(|options| (options, query))
    }

    #[test]
    fn own_parameters_are_taken_out_and_others_left() {
        let (options, rest) = take(json!({
            "integrated_account_id": "a",
            "truto_response_format": "raw",
            "truto_ignore_remote_data": "true",
            "truto_exclude_fields": ["id", "name,tags"],
            "truto_key_by": "id",
            "remote_query": {"foo": "bar"},
            "limit": "250",
            "next_cursor": "",
            "status": "active",
        }))
        .unwrap();
        assert_eq!(options.account_id.as_deref(), Some("a"));
        assert_eq!(options.format, Format::Raw);
        assert!(options.ignore_remote_data);
        assert_eq!(options.exclude_fields, ["id", "name", "tags"]);
        assert_eq!(options.limit, Some(250));
        assert_eq!(options.next_cursor, None);
        assert_eq!(Value::Object(rest), json!({"status": "active"}));
    }

    #[test]
    fn what_can_not_be_done_is_refused() {
        for (query, words) in [
            (json!({"limit": "0"}), "from 1 to 250"),
            (json!({"limit": "251"}), "from 1 to 250"),
            (json!({"limit": "ten"}), "from 1 to 250"),
            (json!({"truto_super_query": "apac"}), "keeps no copy"),
            (json!({"truto_respons_format": "raw"}), r#"did you mean "truto_response_format"?"#),
            (json!({"truto_response_format": "xml"}), "truto_response_format"),
            (json!({"truto_ignore_remote_data": "perhaps"}), "true or false"),
            (json!({"remote_query": "x"}), "remote_query[name]=value"),
        ] {
            let error = take(query.clone()).unwrap_err();
            assert_eq!(error.status(), 400, "{query}");
            assert!(error.to_string().contains(words), "{query}: {error}");
        }
    }
}
