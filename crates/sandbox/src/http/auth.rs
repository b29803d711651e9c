//! Who asks (facts 1): Basic credentials of an app and the `tenant` header.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};

use super::errors::ApiError;
use crate::store::{Wineries, Winery};

/// The winery that a request names, and the app that sends it.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// The winery's number.
    pub tenant: usize,
    pub winery: &'a Winery,
    /// The app's number; absent where no app's credentials come with the request.
    pub app: Option<usize>,
}

impl<'a> Caller<'a> {
    /// Whoever names a winery that there is.
    pub fn of(wineries: &'a Wineries, headers: &HeaderMap) -> Option<Self> {
        let (tenant, winery) = wineries.find(headers.get("tenant")?.to_str().ok()?)?;
        let app = credentials(headers).and_then(|(id, secret)| {
            winery.credentials().apps().position(|app| app == (id.as_str(), secret.as_str()))
        });
        Some(Self { tenant, winery, app })
    }

    /// The app's id.
    pub fn app_id(&self) -> Option<&'a str> {
        self.winery.credentials().apps().nth(self.app?).map(|(id, _)| id)
    }
}

fn credentials(headers: &HeaderMap) -> Option<(String, String)> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// `GET /account/user`: the user of a token that an admin extension would be given, sent raw.
pub(crate) fn account_user(winery: Option<&Winery>, headers: &HeaderMap) -> Result<Vec<u8>, ApiError> {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let winery = winery.filter(|winery| token == Some(winery.credentials().account_token.as_str()));
    let winery = winery.ok_or_else(ApiError::unauthorized_user)?;
    let user = crate::generate::account_user(winery.credentials());
    Ok(user.to_string().into_bytes())
}
