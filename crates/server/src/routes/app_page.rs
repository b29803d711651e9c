//! The app's page within a platform's own pages, for browsers: no part of the API's description.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use gateway::app_page::AppState;
use gateway::link::LinkErrorType;
use http::{HeaderMap, Uri};

use crate::App;
use crate::error::ApiError;
use crate::pages::{AppPage, Language, Theme};
use crate::query::last_value;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/integrations/{integration}/page/{id}", get(page))
}

/// `GET /integrations/{integration}/page/{id}`: how the connection stands, by the platform's own query.
async fn page(
    State(app): State<App>,
    Path((integration, id)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let parameter = |name: &str| last_value(uri.query().unwrap_or_default(), name).unwrap_or_default();
    let page = match app.gateway.app_page(&integration, &id).await {
        Ok(page) => page,
        Err(error) => return ApiError::from(error).into_response(),
    };
    let state = app.gateway.app_state(&page, parameter).await.unwrap_or_else(|error| {
        tracing::warn!(%error, "how an app's connection stands could not be found out");
        AppState::Unavailable
    });
    let theme = page.theme.as_deref().map(parameter).unwrap_or_default();
    let mut response = AppPage {
        language: Language::choose("", &headers, page.settings.default_language.as_deref()),
        theme: Theme::of(&theme),
        platform: &page.platform,
        product: page.settings.brand.name.as_deref(),
        frame_ancestors: &page.frame_ancestors,
        state: &state,
    }
    .respond();
    if state == AppState::Stranger {
        // Who tries tokens is slowed.
        response.extensions_mut().insert(LinkErrorType::InvalidToken);
    }
    response
}
