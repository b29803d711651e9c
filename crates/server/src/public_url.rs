//! Where others reach this gateway: what the operator says, or the address that was called.

use axum::extract::FromRequestParts;
use http::header::HOST;
use http::request::Parts;

use crate::App;
use crate::error::ApiError;

/// Such as `https://decant.example.com`, without a slash at the end.
pub struct PublicUrl(pub String);

impl FromRequestParts<App> for PublicUrl {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        if let Some(url) = &app.public_url {
            return Ok(Self(url.to_string()));
        }
        let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| parts.uri.authority().map(|authority| authority.as_str()));
        let host =
            host.ok_or_else(|| ApiError::bad_request("the request does not say which host it is for"))?;
        Ok(Self(format!("http://{host}")))
    }
}
