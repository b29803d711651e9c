//! A winery's admin with the app's page in it (facts 2.4), for a person with a browser.

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Html;
use axum::routing::get;
use serde::Deserialize;

use super::serve::App;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/_sandbox/admin", get(admin))
}

/// What is shown.
#[derive(Deserialize)]
struct Shown {
    /// The winery; the first one where absent.
    tenant: Option<String>,
    /// The app; the first one where absent.
    app: Option<String>,
    /// `dark` or `light`.
    theme: Option<String>,
}

async fn admin(State(app): State<App>, Query(shown): Query<Shown>) -> Html<String> {
    let tenants = app.wineries.tenants();
    let first = app.wineries.first().credentials();
    let name = shown.tenant.unwrap_or_else(|| first.name.clone());
    let id = shown.app.unwrap_or_else(|| first.app_id.clone());
    let theme = if shown.theme.as_deref() == Some("dark") { "dark" } else { "light" };
    let apps = app.apps.list();
    let entered = apps.iter().find(|app| app.app_id == id);
    let is_installed = entered.is_some_and(|app| app.installed.contains_key(&name));
    let token = tenants.iter().find(|tenant| tenant.name == name).map(|tenant| tenant.account_token.as_str());

    let links: String = tenants
        .iter()
        .map(|tenant| {
            let tenant = text(&tenant.name);
            format!("<a href=\"?tenant={tenant}&amp;theme={theme}\">{tenant}</a> ")
        })
        .collect();
    let (verb, label) = if is_installed { ("uninstall", "Uninstall") } else { ("install", "Install") };
    let frame = match (entered.and_then(|app| app.version.page_url.as_deref()), token) {
        (Some(url), Some(token)) => {
            let mark = if url.contains('?') { '&' } else { '?' };
            let url = format!("{url}{mark}tenantId={name}&account={token}&adminUITheme={theme}");
            format!("<iframe id=\"app\" title=\"{}\" src=\"{}\"></iframe>", text(&id), text(&url))
        }
        (None, _) => "<p>The app has no page: PUT /_sandbox/apps/{id} with a page_url.</p>".to_owned(),
        (_, None) => "<p>There is no such winery.</p>".to_owned(),
    };
    let (other, scheme) = if theme == "dark" { ("light", "dark") } else { ("dark", "light") };
    let (name, id) = (text(&name), text(&id));
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name}: admin</title>\
         <style>:root{{color-scheme:{scheme};font-family:sans-serif}}\
         iframe{{width:100%;height:75vh;border:1px solid gray}}</style></head><body>\
         <nav>{links} <a href=\"?tenant={name}&amp;theme={other}\">{other}</a></nav>\
         <h1>{name}</h1><p>{id} <button id=\"{verb}\">{label}</button></p>{frame}\
         <script>for (const button of document.querySelectorAll('button')) button.onclick = async () => {{\
         await fetch('/_sandbox/' + button.id, {{method: 'POST', headers: {{'content-type': 'application/json'}},\
         body: JSON.stringify({{tenant: document.querySelector('h1').textContent}})}}); location.reload(); }};</script>\
         </body></html>"
    ))
}

/// Text within HTML.
fn text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
