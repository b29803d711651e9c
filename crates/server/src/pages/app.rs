//! The app's page within a platform's own pages: a heading and what to do, without scripts.

use askama::Template;
use axum::response::{IntoResponse, Response};
use gateway::accounts::Problem;
use gateway::app_page::AppState;
use http::header::HeaderMap;

use super::{Language, headers};
use crate::error::ApiError;

/// How the platform's own pages look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    Light,
    Dark,
    /// As the person's system says.
    System,
}

impl Theme {
    /// By the platform's word.
    pub(crate) fn of(text: &str) -> Self {
        match text {
            "dark" => Self::Dark,
            "light" => Self::Light,
            _ => Self::System,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Light => "light",
            Self::Dark => "dark",
            Self::System => "system",
        }
    }
}

/// What the page shows.
pub(crate) struct AppPage<'p> {
    pub language: Language,
    pub theme: Theme,
    pub platform: &'p str,
    /// The product's name, where it has given one.
    pub product: Option<&'p str>,
    pub frame_ancestors: &'p [String],
    pub state: &'p AppState,
}

#[derive(Template)]
#[template(path = "app.html")]
struct Shell<'p> {
    language: &'p str,
    theme: &'p str,
    tone: &'p str,
    heading: String,
    advice: String,
}

impl AppPage<'_> {
    /// The page with its headers.
    pub(crate) fn respond(&self) -> Response {
        let (tone, heading, advice) = match self.state {
            AppState::Active => ("good", "app_active_title", "app_active_advice".to_owned()),
            AppState::Connecting => ("soft", "app_connecting_title", "app_connecting_advice".to_owned()),
            AppState::Missing => ("soft", "app_missing_title", "app_missing_advice".to_owned()),
            AppState::Broken(problem) => ("bad", "app_broken_title", advice_on(problem.as_ref())),
            AppState::Stranger => ("bad", "app_stranger_title", "app_stranger_advice".to_owned()),
            AppState::Unavailable => (
                "bad",
                "problem_platform_unavailable_title",
                "problem_platform_unavailable_advice".to_owned(),
            ),
        };
        let shell = Shell {
            language: self.language.tag(),
            theme: self.theme.name(),
            tone,
            heading: self.filled(heading),
            advice: self.filled(&advice),
        };
        match shell.render() {
            Ok(html) => (self.headers(), html).into_response(),
            Err(error) => {
                tracing::error!(%error, "a page could not be made");
                ApiError::internal().into_response()
            }
        }
    }

    /// A text with its names filled in. The template escapes what they stand for.
    fn filled(&self, key: &str) -> String {
        let texts = self.language.texts();
        let permission = match self.state {
            AppState::Broken(Some(Problem::MissingPermission { permission: Some(permission) })) => permission,
            _ => texts.get("a_permission"),
        };
        let product = self.product.unwrap_or_else(|| texts.get("product"));
        let mut filled = String::new();
        // Piece by piece: a name that looks like a placeholder is none.
        for (number, piece) in texts.get(key).split('{').enumerate() {
            let Some((name, rest)) = piece.split_once('}').filter(|_| number > 0) else {
                filled.push_str(piece);
                continue;
            };
            filled.push_str(match name {
                "platform" => self.platform,
                "product" => product,
                "permission" => permission,
                _ => "",
            });
            filled.push_str(rest);
        }
        filled
    }

    fn headers(&self) -> HeaderMap {
        let ancestors = self.frame_ancestors.join(" ");
        let ancestors = if ancestors.is_empty() { "'none'" } else { &ancestors };
        let policy = format!(
            "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
        );
        headers(&policy, "default-src 'none'; frame-ancestors 'none'")
    }
}

/// The advice of a problem, by its code.
fn advice_on(problem: Option<&Problem>) -> String {
    let code = match problem.map(serde_json::to_value) {
        Some(Ok(problem)) => problem["code"].as_str().map(str::to_owned),
        _ => None,
    };
    // Some are about a form that is not here.
    match code.as_deref() {
        Some(
            code @ ("app_not_installed" | "missing_permission" | "platform_unavailable" | "rate_limited"),
        ) => {
            format!("problem_{code}_advice")
        }
        _ => "app_broken_advice".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_themselves() {
        let state = AppState::Active;
        let page = AppPage {
            language: Language::English,
            theme: Theme::System,
            platform: "<b>{product}",
            product: Some("{platform}"),
            frame_ancestors: &[],
            state: &state,
        };
        assert_eq!(page.filled("app_active_title"), "<b>{product} is connected to {platform}");
    }
}
