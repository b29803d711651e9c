//! `/docs`: Swagger UI from inside the program, so that it works without the internet.

use axum::Router;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use http::HeaderMap;
use swagger_ui_redist::SwaggerUi;

use crate::error::ApiError;
use crate::{App, pages};

/// The pages of `/docs`. They are no part of the API, nor of its description.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(async || index()))
        .route(
            "/docs/{*file}",
            get(async |Path(name): Path<String>, asked: HeaderMap| pages::docs_file(&name, &asked)),
        )
}

fn index() -> Response {
    let mut page = SwaggerUi::new();
    page.title("Decant API");
    page.config().urls(["/openapi.json"]).try_it_out_enabled(true).persist_authorization(false);
    match page.serve() {
        Ok(page) => Html(page).into_response(),
        Err(error) => {
            tracing::error!(%error, "the page of /docs could not be made");
            ApiError::internal().into_response()
        }
    }
}
