//! The API described: OpenAPI 3.1, made of what stands on the handlers and of the unified models.

mod data;
mod models;

use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use serde_json::Value;
use unified::Models;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::{Modify, OpenApi};

use crate::{App, routes};

/// What the document says before any route.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Decant",
        description = "One API for the commerce platforms of your customers: customers, orders and products in one shape \
                       (`/unified`), everything else of a platform by its own names (`/proxy`) or paths (`/custom`), and what \
                       manages the connected accounts.\n\n\
                       Query strings are in bracket notation: `created_at[gt]=2026-01-01T00:00:00Z`, `ids[]=1` or `ids[0]=1`. \
                       Every answer has the header `x-request-id`.",
    ),
    modifiers(&Security),
    security(("api_token" = [])),
    tags(
        (name = "unified", description = "Records in one shape, whichever platform is connected"),
        (name = "proxy", description = "The platform's own resources, with one way of paging"),
        (name = "custom", description = "Any path of the platform"),
        (name = "batch", description = "Many calls in one, some of them made of the records of others"),
        (name = "integrated accounts", description = "Connected accounts"),
        (name = "integrations", description = "What accounts can be connected to"),
        (name = "environments", description = "Separate sets of accounts and tokens"),
        (name = "tokens", description = "Rights to call"),
        (name = "link", description = "What the connecting page calls, by a link token"),
        (name = "events", description = "What happened"),
        (name = "logs", description = "What was called"),
        (name = "operation", description = "For who runs the gateway"),
    ),
)]
pub(crate) struct Base;

struct Security;

impl Modify for Security {
    fn modify(&self, openapi: &mut utoipa::openapi::OpenApi) {
        let components = openapi.components.get_or_insert_default();
        for (name, description) in [
            ("api_token", "A token for a whole environment, made by `decant token create`."),
            (
                "integrated_account_token",
                "A token for one account, made by `POST /integrated-account/token`.",
            ),
        ] {
            let mut scheme = Http::new(HttpAuthScheme::Bearer);
            scheme.description = Some(description.to_owned());
            components.add_security_scheme(name, SecurityScheme::Http(scheme));
        }
        let mut basic = Http::new(HttpAuthScheme::Basic);
        let made = "A platform's name and password, made by `POST /environment-integration/{id}/install-credentials`.";
        basic.description = Some(made.to_owned());
        components.add_security_scheme("basic", SecurityScheme::Http(basic));
    }
}

/// The document: every route, and the paths of each unified model's resources.
pub fn document(models: &Models) -> Value {
    let openapi = routes::all().into_openapi();
    let mut document = serde_json::to_value(openapi).unwrap_or_default();
    if let Some(paths) = document["paths"].as_object_mut() {
        paths.values_mut().for_each(tell_operations_apart);
    }
    models::describe(&mut document, models);
    data::describe(&mut document);
    document
}

/// A handler of several verbs is described once; each of them needs an id of its own.
fn tell_operations_apart(item: &mut Value) {
    let Some(operations) = item.as_object_mut() else { return };
    let ids: Vec<Value> =
        operations.values().filter_map(|operation| operation.get("operationId").cloned()).collect();
    for (verb, operation) in operations {
        let Some(Value::String(id)) = operation.get_mut("operationId") else { continue };
        if ids.iter().filter(|other| *other == id.as_str()).count() > 1 {
            *id = format!("{id}_{verb}");
        }
    }
}

/// `GET /openapi.json`, written when it is first asked for: until then it would take memory for nothing.
pub(crate) fn routes() -> Router<App> {
    let text: Arc<OnceLock<Bytes>> = Arc::default();
    let answer = async move |State(app): State<App>| {
        let text = text.get_or_init(|| document(app.gateway.models()).to_string().into());
        ([(CONTENT_TYPE, "application/json")], text.clone())
    };
    Router::new().route("/openapi.json", get(answer))
}
