//! `/docs`: Swagger UI from inside the program, so that it works without the internet.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use utoipa_swagger_ui::Config;

use crate::App;
use crate::error::ApiError;

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    Arc::new(Config::from("/openapi.json").try_it_out_enabled(true).persist_authorization(false))
});

/// The pages of `/docs`. They are no part of the API, nor of its description.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/docs", get(|| async { Redirect::permanent("/docs/") }))
        .route("/docs/", get(|| async { file("") }))
        .route("/docs/{*file}", get(|Path(name): Path<String>| async move { file(&name) }))
}

fn file(name: &str) -> Response {
    match utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG)) {
        Ok(Some(file)) => ([(CONTENT_TYPE, file.content_type)], file.bytes).into_response(),
        Ok(None) => ApiError::not_found("/docs has no such file").into_response(),
        Err(error) => {
            tracing::error!(%error, "a page of /docs could not be made");
            ApiError::internal().into_response()
        }
    }
}
