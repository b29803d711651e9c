//! A product with a page of its own, at an origin that is not the gateway's: one button that calls an SDK with what the address says.

use std::collections::HashMap;
use std::path::PathBuf;

use axum::Router;
use axum::extract::Query;
use axum::response::Html;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use tokio::net::TcpListener;

use super::given;

/// Where `cargo xtask test` keeps the packages of npm.
const NPM_PACKAGES: &str = "DECANT_TEST_NPM_PACKAGES";

/// The product's server; it ends with the test.
pub struct Product {
    pub url: String,
}

impl Product {
    /// Serves pages that take the SDK from `gateway`.
    pub async fn start(gateway: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://localhost:{}", listener.local_addr().unwrap().port());
        let gateway = gateway.to_owned();
        let page = async move |Query(query): Query<HashMap<String, String>>| Html(page(&gateway, &query));
        let truto =
            async || ([(CONTENT_TYPE, "text/javascript")], npm("@truto/truto-link-sdk", "dist/main.js"));
        let router = Router::new().route("/", get(page)).route("/truto.js", get(truto));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url }
    }

    /// The address of a page whose button calls `function` of an SDK with a token and options. The page says what came of it.
    pub fn calling(&self, sdk: &str, function: &str, token: &str, options: &Value) -> String {
        let mut url = url::Url::parse(&self.url).unwrap();
        url.query_pairs_mut()
            .append_pair("sdk", sdk)
            .append_pair("function", function)
            .append_pair("token", token)
            .append_pair("options", &options.to_string());
        url.into()
    }
}

/// A file of a package of npm.
pub fn npm(package: &str, file: &str) -> String {
    let folder = PathBuf::from(given(NPM_PACKAGES));
    std::fs::read_to_string(folder.join(package).join(file)).unwrap()
}

fn page(gateway: &str, query: &HashMap<String, String>) -> String {
    let sdk = match query.get("sdk").map(String::as_str) {
        Some("truto") => "/truto.js".to_owned(),
        _ => format!("{gateway}/link/v1.js"),
    };
    format!(
        r#"<!doctype html><html lang="en"><title>Cellar Pass</title><link rel="icon" href="data:,">
<body style="font: 16px system-ui; margin: 48px">
<h1>Cellar Pass</h1><p>Your tasting room, your clubs and your shop in one place.</p>
<button id="go">Connect your shop</button><pre id="outcome"></pre>
<script type="module">
import * as sdk from "{sdk}";
const query = new URLSearchParams(location.search);
const outcome = document.getElementById("outcome");
const say = (kind, value) => {{
  const fields = value instanceof Error ? {{ ...value, message: value.message, name: value.name }} : value;
  outcome.textContent = JSON.stringify({{ [kind]: fields }});
}};
if (query.has("result")) say("redirected", sdk.redirectResult?.() ?? Object.fromEntries(query));
document.getElementById("go").addEventListener("click", () => {{
  const call = sdk[query.get("function")] ?? sdk.default;
  Promise.resolve(call(query.get("token"), JSON.parse(query.get("options"))))
    .then((value) => say("fulfilled", value), (reason) => say("rejected", reason));
}});
document.body.dataset.ready = "";
</script></html>"#
    )
}
