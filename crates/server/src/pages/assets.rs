//! Files that browsers load: the pages' styles and scripts, and the SDK for products' own pages.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, StatusCode};
use include_dir::{Dir, include_dir};
use swagger_ui_redist::SwaggerUi;

use crate::error::ApiError;

pub(super) static PAGES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../web/pages");
static PLAYGROUND: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../web/playground");

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// A style or script of the hosted pages.
pub(crate) fn page_file(name: &str, asked: &HeaderMap) -> Response {
    file(&PAGES, name, asked)
}

/// A style or script of the playground.
pub(crate) fn playground_file(name: &str, asked: &HeaderMap) -> Response {
    file(&PLAYGROUND, name, asked)
}

/// A style, script or picture of `/docs`.
pub(crate) fn docs_file(name: &str, asked: &HeaderMap) -> Response {
    let file = SwaggerUi::static_files().iter().find(|(file, _)| file.file_name() == name);
    file.map_or_else(missing, |(_, bytes)| typed(bytes, name, asked))
}

fn file(folder: &'static Dir<'static>, name: &str, asked: &HeaderMap) -> Response {
    folder.get_file(name).map_or_else(missing, |file| typed(file.contents(), name, asked))
}

/// The end of a file's name tells its type.
fn typed(bytes: &'static [u8], name: &str, asked: &HeaderMap) -> Response {
    let kind = match name.rsplit_once('.') {
        Some((_, "js")) => SCRIPT,
        Some((_, "css")) => STYLE,
        Some((_, "svg")) => "image/svg+xml",
        Some((_, "png")) => "image/png",
        _ => return missing(),
    };
    answer(bytes, kind, asked)
}

/// The SDK.
pub(crate) fn sdk(asked: &HeaderMap) -> Response {
    shared(answer(include_bytes!("../../../../web/link/decant-link.js"), SCRIPT, asked))
}

/// Its types.
pub(crate) fn sdk_types(asked: &HeaderMap) -> Response {
    shared(answer(
        include_bytes!("../../../../web/link/decant-link.d.ts"),
        "text/plain; charset=utf-8",
        asked,
    ))
}

fn missing() -> Response {
    ApiError::not_found("the pages have no such file").into_response()
}

/// Asked about anew each time, and sent only when it changed: a page never runs with the scripts of another version.
fn answer(bytes: &'static [u8], kind: &'static str, asked: &HeaderMap) -> Response {
    let tag = format!("\"{:016x}\"", hash(bytes));
    let is_known = asked.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let header = |name: HeaderName, value: &'static str| (name, HeaderValue::from_static(value));
    let mut headers = HeaderMap::from_iter([
        header(CONTENT_TYPE, kind),
        header(CACHE_CONTROL, "public, no-cache"),
        header(X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ]);
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    if is_known {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, bytes).into_response()
}

/// Readable from everywhere: it is the same for all, and holds nothing of anyone.
fn shared(mut response: Response) -> Response {
    response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

fn hash(bytes: &[u8]) -> u64 {
    // Its keys are fixed: all nodes of a version give the same.
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
