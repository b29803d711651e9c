//! Who is calling: the bearer token of a request (facts, Truto 6).

use axum::extract::FromRequestParts;
use gateway::{Caller, CallerKind};
use http::StatusCode;
use http::header::AUTHORIZATION;
use http::request::Parts;

use crate::App;
use crate::error::ApiError;

/// A caller with an API token: the whole environment is theirs. An integrated account token is answered 403.
pub(crate) struct ApiCaller(pub Caller);

/// A caller with an API token or an integrated account token.
pub(crate) struct AnyCaller(pub Caller);

impl FromRequestParts<App> for AnyCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        // Where a layer has looked already.
        if let Some(caller) = parts.extensions.get::<Caller>() {
            return Ok(Self(caller.clone()));
        }
        let token = bearer(parts)?;
        Ok(Self(app.gateway.authenticate(token).await?))
    }
}

impl FromRequestParts<App> for ApiCaller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let AnyCaller(caller) = AnyCaller::from_request_parts(parts, app).await?;
        match caller.kind {
            CallerKind::ApiToken { .. } => Ok(Self(caller)),
            CallerKind::AccountToken { .. } => Err(ApiError::new(
                StatusCode::FORBIDDEN,
                "an integrated account token opens /unified, /proxy, /custom and /integrated-account/me only; \
                 this call needs an API token",
            )),
        }
    }
}

fn bearer(parts: &Parts) -> Result<&str, ApiError> {
    let header = parts.headers.get(AUTHORIZATION).ok_or_else(|| {
        ApiError::unauthorized("this call needs a token: send the header `Authorization: Bearer <token>`")
    })?;
    header
        .to_str()
        .ok()
        .and_then(|text| text.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim())
        .filter(|token| !token.is_empty())
        .ok_or_else(|| ApiError::unauthorized("the Authorization header is not of the form `Bearer <token>`"))
}
