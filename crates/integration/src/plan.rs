//! From a call to the request that is to be sent: path, query, headers, authorization.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use expression::{Scope, TextTemplate};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};
use url::Url;

use crate::compiled::{BaseUrl, CompiledAuthorization, Integration, Method};
use crate::credentials::Credentials;
use crate::definition::ArrayFormat;
use crate::error::PlanError;
use crate::paging::{PageRequest, Style};
use crate::rate_limit::Count;

/// All but RFC 3986's unreserved characters.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a call brings with it.
#[derive(Clone, Copy)]
pub struct Inputs<'a> {
    /// The record's id, for methods that need one.
    pub id: Option<&'a str>,
    /// The query, in the platform's own names.
    pub query: &'a Map<String, Value>,
    /// The body, already in the platform's own shape.
    pub body: Option<&'a Value>,
    /// The account's context, without secrets.
    pub context: &'a Value,
    /// The account's secrets.
    pub credentials: &'a Credentials,
}

/// A request that is ready to be sent. Its `authorization` header is marked sensitive.
#[derive(Debug, Clone)]
pub struct Request {
    /// The HTTP method.
    pub verb: http::Method,
    /// Where to: below the integration's base URL.
    pub url: Url,
    /// Headers of the definition, and authorization.
    pub headers: HeaderMap,
    /// The body, for planned calls; custom calls stream theirs.
    pub body: Option<Bytes>,
    /// How it counts against the platform's limits.
    pub count: Count,
}

impl Integration {
    /// Plans a call of a declared method. `page` asks for a page in one of the method's styles.
    pub fn plan(
        &self,
        method: &Method,
        inputs: &Inputs<'_>,
        page: Option<(&Style, &PageRequest)>,
    ) -> Result<Request, PlanError> {
        let context = self.context(inputs.context);
        let mut scope = Scope::new().with_fields("query", inputs.query).with("context", &context);
        if let Some(id) = inputs.id {
            scope = scope.with_text("id", id);
        }
        let mut path = String::with_capacity(96);
        method.path_template.fill(&scope, &mut path, encode_segment, |name| {
            PlanError::Missing(name.strip_prefix("query.").unwrap_or(name).to_owned())
        })?;

        let mut url = self.base(inputs)?;
        append_path(&mut url, &path);
        let in_path: Vec<String> = method.path_parameters().collect();
        let mut query = String::new();
        if let Some((style, request)) = page {
            for (name, value) in style.parameters(request) {
                push_pair(&mut query, name, &value);
            }
        }
        for (name, value) in inputs.query.iter().filter(|(name, _)| !in_path.contains(name)) {
            self.push_value(&mut query, name, value);
        }
        url.set_query((!query.is_empty()).then_some(&query));

        let mut headers = self.headers(inputs, method.no_auth)?;
        let body = match inputs.body {
            Some(body) => {
                headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
                Some(Bytes::from(body.to_string()))
            }
            None => None,
        };
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let count = method.count(&url);
        Ok(Request { verb: method.verb.clone(), url, headers, body, count })
    }

    /// Plans a call of any path below the base URL. `path` and `query` are as received, still encoded.
    pub fn plan_custom(
        &self,
        verb: &http::Method,
        path: &str,
        query: Option<&str>,
        inputs: &Inputs<'_>,
    ) -> Result<Request, PlanError> {
        let path = path.trim_start_matches('/');
        for segment in path.split('/') {
            check_segment(segment)?;
        }
        let mut url = self.base(inputs)?;
        let path = format!("/{path}");
        append_path(&mut url, &path);
        url.set_query(query.filter(|query| !query.is_empty()));
        let headers = self.headers(inputs, false)?;
        let count = self.count_custom(verb, &path, &url);
        Ok(Request { verb: verb.clone(), url, headers, body: None, count })
    }

    /// The account's context with the operator's variables put in, which an account cannot set itself.
    fn context<'a>(&self, context: &'a Value) -> Cow<'a, Value> {
        if self.environment_variables.is_empty() {
            return Cow::Borrowed(context);
        }
        let mut fields = context.as_object().cloned().unwrap_or_default();
        fields.insert("environment_variables".into(), Value::Object(self.environment_variables.clone()));
        Cow::Owned(Value::Object(fields))
    }

    fn base(&self, inputs: &Inputs<'_>) -> Result<Url, PlanError> {
        let template = match &self.base_url {
            BaseUrl::Fixed(url) => return Ok(url.clone()),
            BaseUrl::Template(template) => template,
        };
        let context = self.context(inputs.context);
        let scope = Scope::new().with("context", &context);
        let mut text = String::with_capacity(64);
        template.fill(&scope, &mut text, encode_segment, account_lacks)?;
        Url::parse(&text)
            .map_err(|error| PlanError::BadPath(format!("the base URL {text:?} is no URL: {error}")))
    }

    fn headers(&self, inputs: &Inputs<'_>, no_auth: bool) -> Result<HeaderMap, PlanError> {
        let context = self.context(inputs.context);
        let scope = Scope::new().with("context", &context).with("credentials", inputs.credentials.expose());
        let mut headers = HeaderMap::with_capacity(self.headers.len() + 4);
        for (name, template) in &self.headers {
            headers.insert(name.clone(), header_value(name, fill(template, &scope)?)?);
        }
        if !no_auth {
            let (name, value) = self.authorization(&scope)?;
            headers.insert(name, value);
        }
        Ok(headers)
    }

    /// Plans a read of a declared method with a token of someone else's in place of the account's credentials: as it is, in this header.
    pub fn plan_with_token(
        &self,
        method: &Method,
        context: &Value,
        header: &HeaderName,
        token: &str,
    ) -> Result<Request, PlanError> {
        let credentials = Credentials::default();
        let query = Map::new();
        let inputs = Inputs { id: None, query: &query, body: None, context, credentials: &credentials };
        let mut request = self.plan(method, &inputs, None)?;
        let mut token = header_value(header, token.to_owned())?;
        token.set_sensitive(true);
        request.headers.insert(header.clone(), token);
        Ok(request)
    }

    /// Puts other credentials into a request that was planned with some.
    pub fn authorize(
        &self,
        request: &mut Request,
        context: &Value,
        credentials: &Credentials,
    ) -> Result<(), PlanError> {
        // A public endpoint has none to be replaced.
        if !request.headers.values().any(HeaderValue::is_sensitive) {
            return Ok(());
        }
        let context = self.context(context);
        let scope = Scope::new().with("context", &context).with("credentials", credentials.expose());
        let (name, value) = self.authorization(&scope)?;
        request.headers.insert(name, value);
        Ok(())
    }

    fn authorization(&self, scope: &Scope<'_>) -> Result<(HeaderName, HeaderValue), PlanError> {
        let (name, mut value) = match &self.authorization {
            CompiledAuthorization::Basic { username, password } => {
                let mut pair = fill(username, scope)?;
                pair.push(':');
                fill_into(password, scope, &mut pair)?;
                let mut text = "Basic ".to_owned();
                STANDARD.encode_string(pair, &mut text);
                (AUTHORIZATION, header_value(&AUTHORIZATION, text)?)
            }
            CompiledAuthorization::Header { name, value } => {
                (name.clone(), header_value(name, fill(value, scope)?)?)
            }
        };
        value.set_sensitive(true);
        Ok((name, value))
    }

    fn push_value(&self, query: &mut String, name: &str, value: &Value) {
        match value {
            Value::Null => {}
            Value::Array(items) => match self.query_array_format {
                ArrayFormat::Comma => {
                    push_pair(query, name, &items.iter().map(text).collect::<Vec<_>>().join(","));
                }
                ArrayFormat::Repeat => items.iter().for_each(|item| self.push_value(query, name, item)),
                ArrayFormat::Brackets => {
                    items.iter().for_each(|item| self.push_value(query, &format!("{name}[]"), item));
                }
                ArrayFormat::Indices => {
                    for (index, item) in items.iter().enumerate() {
                        self.push_value(query, &format!("{name}[{index}]"), item);
                    }
                }
            },
            Value::Object(fields) => {
                for (key, field) in fields {
                    self.push_value(query, &format!("{name}[{key}]"), field);
                }
            }
            scalar => push_pair(query, name, &text(scalar)),
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn push_pair(query: &mut String, name: &str, value: &str) {
    if !query.is_empty() {
        query.push('&');
    }
    query.extend(utf8_percent_encode(name, ENCODED));
    query.push('=');
    query.extend(utf8_percent_encode(value, ENCODED));
}

/// Writes a value as one path segment; what could change the path is refused, not repaired.
pub(crate) fn encode_segment(value: &str, out: &mut String) -> Result<(), PlanError> {
    if value.is_empty() {
        return Err(PlanError::BadPath("an empty text cannot stand in a path".to_owned()));
    }
    if let Some(fault) = fault(value) {
        return Err(PlanError::BadPath(format!("{value:?} cannot stand in a path: it holds {fault}")));
    }
    out.extend(utf8_percent_encode(value, ENCODED));
    Ok(())
}

/// Checks a segment of a custom path, as received.
fn check_segment(segment: &str) -> Result<(), PlanError> {
    match fault(segment) {
        Some(fault) => Err(PlanError::BadPath(format!("the path holds {fault}, which are not passed on"))),
        None => Ok(()),
    }
}

/// What could lead out of a segment. The text is looked at as it is and decoded once, for platforms that decode twice.
fn fault(text: &str) -> Option<&'static str> {
    let decoded = percent_decode_str(text).decode_utf8_lossy();
    if decoded == "." || decoded == ".." {
        Some("dots alone")
    } else if decoded.contains(['/', '\\']) {
        Some("slashes")
    } else if decoded.chars().any(char::is_control) {
        Some("control characters")
    } else {
        None
    }
}

/// `path` begins with a slash and is encoded already.
fn append_path(url: &mut Url, path: &str) {
    let base = url.path().trim_end_matches('/');
    let whole = [base, path].concat();
    url.set_path(&whole);
}

fn fill(template: &TextTemplate, scope: &Scope<'_>) -> Result<String, PlanError> {
    let mut out = String::new();
    fill_into(template, scope, &mut out)?;
    Ok(out)
}

fn fill_into(template: &TextTemplate, scope: &Scope<'_>, out: &mut String) -> Result<(), PlanError> {
    let put = |value: &str, out: &mut String| {
        out.push_str(value);
        Ok(())
    };
    template.fill(scope, out, put, account_lacks)
}

pub(crate) fn account_lacks(placeholder: &str) -> PlanError {
    PlanError::AccountLacks(placeholder.rsplit('.').next().unwrap_or(placeholder).to_owned())
}

pub(crate) fn header_value(name: &HeaderName, text: String) -> Result<HeaderValue, PlanError> {
    HeaderValue::try_from(text).map_err(|_| PlanError::BadHeader(name.to_string()))
}
