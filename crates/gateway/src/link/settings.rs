//! Where an environment's accounts may be connected from, and how that looks.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use url::{Host, Url};
use utoipa::ToSchema;

use crate::Error;

/// How an environment's customers connect their accounts from a browser.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkSettings {
    /// The origins of the pages that may show the connecting page in a frame, hear what came of it, and be gone back to:
    /// `https://app.example.com`; `http` on the own machine only.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
    /// How the page looks.
    #[serde(default)]
    pub brand: Brand,
    /// The language of the page where the browser asks for none that there is: `en`, `fr`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_language: Option<String>,
}

/// How the connecting page looks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    /// The product's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its colour, as `#7b1e3a`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<String>,
    /// Its logo, by an `https` address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logo_url: Option<String>,
}

/// The longest name of a product, in characters.
const NAME_LENGTH: usize = 100;

impl LinkSettings {
    /// Those of an environment. They were checked when they were set.
    pub(crate) fn of(environment: &store::Environment) -> Self {
        serde_json::from_value(Value::Object(environment.link.clone())).unwrap_or_default()
    }

    pub(crate) fn to_map(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(map)) => map,
            _ => Map::new(),
        }
    }

    /// The same with origins in the form that browsers write them, or what is wrong with it.
    pub(crate) fn checked(mut self) -> Result<Self, Error> {
        for given in &mut self.allowed_origins {
            *given = origin(given).ok_or_else(|| {
                Error::bad_request(format!(
                    "link.allowed_origins: {given:?} is no origin of a page; write it as https://app.example.com, without a path (http \
                     only for localhost)"
                ))
            })?;
        }
        let Brand { name, color, logo_url } = &self.brand;
        let is_color = |text: &String| {
            text.strip_prefix('#').is_some_and(|digits| {
                digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
            })
        };
        if name.as_ref().is_some_and(|name| name.chars().count() > NAME_LENGTH) {
            return Err(Error::bad_request(format!("link.brand.name: {NAME_LENGTH} characters at most")));
        }
        if color.as_ref().is_some_and(|color| !is_color(color)) {
            return Err(Error::bad_request("link.brand.color: write it as #7b1e3a"));
        }
        if let Some(logo) = logo_url {
            let is_https = Url::parse(logo).is_ok_and(|url| url.scheme() == "https" && url.has_host());
            if !is_https {
                return Err(Error::bad_request("link.brand.logo_url: an address that begins with https://"));
            }
        }
        if let Some(language) = &self.default_language
            && !(language.len() == 2 && language.bytes().all(|letter| letter.is_ascii_lowercase()))
        {
            return Err(Error::bad_request("link.default_language: two letters, such as en or fr"));
        }
        Ok(self)
    }

    /// Whether a page may be gone to, or spoken with: whether it is of an allowed origin.
    pub fn allows(&self, url: &str) -> bool {
        let of_page =
            Url::parse(url).ok().filter(Url::has_host).map(|url| url.origin().ascii_serialization());
        of_page.is_some_and(|origin| self.allowed_origins.contains(&origin))
    }
}

/// An origin as browsers write it, where `text` is one that a page may have.
fn origin(text: &str) -> Option<String> {
    let url = Url::parse(text).ok()?;
    let is_bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    let is_safe = match url.scheme() {
        // A star would be a pattern where browsers are told of it.
        "https" => url.host_str().is_some_and(|host| !host.contains('*')),
        "http" => url.host().is_some_and(|host| is_own_machine(&host)),
        _ => false,
    };
    (is_bare && is_safe).then(|| url.origin().ascii_serialization())
}

fn is_own_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => *name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => IpAddr::V4(*address).is_loopback(),
        Host::Ipv6(address) => IpAddr::V6(*address).is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_host_and_a_port() {
        for (given, origin) in [
            ("https://app.example.com", "https://app.example.com"),
            ("https://APP.example.com:443/", "https://app.example.com"),
            ("https://app.example.com:8443", "https://app.example.com:8443"),
            ("http://localhost:5173", "http://localhost:5173"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(super::origin(given).as_deref(), Some(origin), "{given}");
        }
        for given in [
            "",
            "*",
            "null",
            "app.example.com",
            "https://*.example.com",
            "https://app.example.com/path",
            "https://app.example.com?x",
            "https://app.example.com#x",
            "https://user@app.example.com",
            "http://app.example.com",
            "http://localhost.example.com",
            "javascript:alert(1)",
            "data:text/html,x",
            "https://app.example.com; script-src *",
            "https://a b",
        ] {
            assert_eq!(super::origin(given), None, "{given}");
        }
    }

    #[test]
    fn a_page_is_allowed_by_its_origin() {
        let settings =
            LinkSettings { allowed_origins: vec!["https://app.example.com".into()], ..Default::default() };
        for allowed in ["https://app.example.com", "https://app.example.com/back?x=1"] {
            assert!(settings.allows(allowed), "{allowed}");
        }
        for other in [
            "https://app.example.com.evil.example",
            "https://app.example.com@evil.example/",
            "http://app.example.com",
            "https://app.example.com:8443",
            "//app.example.com",
            "/back",
            "javascript:alert(1)//https://app.example.com",
        ] {
            assert!(!settings.allows(other), "{other}");
        }
    }
}
