//! Pages for people: their text in the reader's language, their styles and scripts, the headers that keep them safe.
//!
//! A page is a shell of `web/pages/link.html`; its scripts ask the gateway for what they show. Nothing of a customer's is ever
//! written into it, only texts of `web/texts` and the origins that the environment allows.

mod app;
mod assets;
mod texts;

use askama::Template;
use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use serde::Serialize;
use serde_json::Value;

use crate::error::ApiError;

pub(crate) use self::app::{AppPage, Theme};
pub(crate) use self::assets::{docs_file, page_file, playground_file, sdk, sdk_types};
pub(crate) use self::texts::Language;

/// Which of the hosted pages, and what it needs to know before it asks anything.
pub(crate) struct Page<'p> {
    /// `connect`, `post-connect`, or `callback` for where a platform's own page leads back to.
    pub name: &'static str,
    /// The reader's language.
    pub language: Language,
    /// The origins that may show the page in a frame and hear its result.
    pub allowed_origins: &'p [String],
    /// What a platform's own page led back with, for `callback`.
    pub brought: Option<Value>,
}

/// The shell that a browser loads first.
#[derive(Template)]
#[template(path = "link.html")]
struct Shell<'p> {
    page: &'p str,
    language: &'p str,
    title: &'p str,
    loading: &'p str,
    without_script: &'p str,
    modules: &'p [&'p str],
    data: String,
}

/// What the scripts read out of the shell.
#[derive(Serialize)]
struct Data<'p> {
    texts: &'p texts::Texts,
    allowed_origins: &'p [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    brought: &'p Option<Value>,
}

/// What `page.js` imports, asked for at once instead of one after the other.
const MODULES: [&str; 11] = [
    "session",
    "host",
    "dom",
    "brand",
    "view",
    "form",
    "progress",
    "sign-in",
    "success",
    "connect",
    "post-connect",
];

impl Page<'_> {
    /// The page with its headers.
    pub(crate) fn respond(&self) -> Response {
        let texts = self.language.texts();
        let data = Data { texts, allowed_origins: self.allowed_origins, brought: &self.brought };
        let shell = Shell {
            page: self.name,
            language: self.language.tag(),
            title: texts.get("title"),
            loading: texts.get("loading"),
            without_script: texts.get("without_script"),
            modules: &MODULES,
            data: script_data(&data),
        };
        match shell.render() {
            Ok(html) => (self.headers(), html).into_response(),
            Err(error) => {
                tracing::error!(%error, "a page could not be made");
                ApiError::internal().into_response()
            }
        }
    }

    fn headers(&self) -> HeaderMap {
        headers(&policy(self.allowed_origins), &policy(&[]))
    }
}

/// The headers of a page. Origins are checked when they are set; where one is no header after all, `closed` stands for `policy` and opens the
/// page to nobody.
fn headers(policy: &str, closed: &str) -> HeaderMap {
    let header = |name: HeaderName, value: &'static str| (name, HeaderValue::from_static(value));
    let mut headers = HeaderMap::from_iter([
        header(CONTENT_TYPE, "text/html; charset=utf-8"),
        header(CACHE_CONTROL, "no-store"),
        header(REFERRER_POLICY, "no-referrer"),
        header(X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]);
    if let Ok(policy) = HeaderValue::from_str(policy).or_else(|_| HeaderValue::from_str(closed)) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers
}

/// Nothing inline, nothing from elsewhere but the product's logo, framed by nobody but who is allowed. `'self'` is the playground.
fn policy(allowed_origins: &[String]) -> String {
    let ancestors: String = allowed_origins.iter().map(|origin| format!(" {origin}")).collect();
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; frame-ancestors 'self'{ancestors}"
    )
}

/// JSON that may stand within `<script>`: no `<` is left that could end it.
fn script_data(data: &impl Serialize) -> String {
    serde_json::to_string(data).unwrap_or_default().replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_cannot_end_its_script() {
        let data = serde_json::json!({"label": "</script><script>alert(1)</script>"});
        let text = script_data(&data);
        assert!(!text.contains('<'), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), data);
    }
}
