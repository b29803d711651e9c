//! The languages of the pages and what they say: `web/texts`, one file a language.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;
use serde::Serialize;

/// A language that the pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    French,
}

/// What the pages say, by key.
#[derive(Serialize)]
#[serde(transparent)]
pub(crate) struct Texts(BTreeMap<String, String>);

static ENGLISH: LazyLock<Texts> =
    LazyLock::new(|| read("en.yaml", include_str!("../../../../web/texts/en.yaml")));
static FRENCH: LazyLock<Texts> =
    LazyLock::new(|| read("fr.yaml", include_str!("../../../../web/texts/fr.yaml")));

/// A test reads them too: what is built into the program is well-formed.
fn read(file: &str, text: &str) -> Texts {
    Texts(integration::source::parse(file, text).unwrap_or_default())
}

impl Texts {
    /// A text, or its key where there is none.
    pub(crate) fn get<'t>(&'t self, key: &'t str) -> &'t str {
        self.0.get(key).map_or(key, String::as_str)
    }
}

impl Language {
    /// Its tag (RFC 5646).
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// What the pages say in it.
    pub(crate) fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::French => &FRENCH,
        }
    }

    /// The language of a tag, whatever its region: `fr-CA` is French.
    fn of(tag: &str) -> Option<Self> {
        let primary = tag.trim().split('-').next().unwrap_or_default();
        [Self::English, Self::French].into_iter().find(|known| known.tag().eq_ignore_ascii_case(primary))
    }

    /// The reader's: the one that is asked for, else the first that the browser takes and the pages speak, else the environment's, else
    /// English.
    pub(crate) fn choose(asked: &str, headers: &HeaderMap, fallback: Option<&str>) -> Self {
        let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Self::of(asked)
            .or_else(|| accepted.and_then(Self::accepted))
            .or_else(|| fallback.and_then(Self::of))
            .unwrap_or(Self::English)
    }

    /// The first by weight of `Accept-Language` (RFC 9110 12.5.4); of equal weight, the first that is named.
    fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(f32, Self)> = None;
        for part in header.split(',') {
            let (tag, parameter) = part.split_once(';').unwrap_or((part, ""));
            let weight = parameter.trim().strip_prefix("q=").map_or(Some(1.0), |weight| weight.parse().ok());
            let (Some(language), Some(weight)) = (Self::of(tag), weight) else { continue };
            if weight > best.map_or(0.0, |(best, _)| best) {
                best = Some((weight, language));
            }
        }
        best.map(|(_, language)| language)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn every_language_says_everything_with_the_same_names() {
        let names = |text: &str| {
            let mut names: Vec<String> =
                text.split('{').skip(1).map(|rest| rest.split('}').next().unwrap().to_owned()).collect();
            names.sort();
            names
        };
        let (english, french) = (&Language::English.texts().0, &Language::French.texts().0);
        assert!(english.len() > 50, "{english:?}");
        assert_eq!(english.keys().collect::<Vec<_>>(), french.keys().collect::<Vec<_>>());
        for (key, text) in english {
            assert_eq!(names(text), names(&french[key]), "{key}");
        }
    }

    #[test]
    fn what_the_scripts_say_is_there() {
        let mut said = 0;
        for file in crate::pages::assets::PAGES.files() {
            let script = file.contents_utf8().unwrap();
            for call in script.split("text(\"").skip(1) {
                let key = call.split('"').next().unwrap();
                assert!(ENGLISH.0.contains_key(key), "{}: {key}", file.path().display());
                said += 1;
            }
        }
        assert!(said > 30, "{said}");
    }

    #[test]
    fn the_reader_s_language_is_chosen() {
        let choose = |asked, accepted: &'static str, fallback| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_static(accepted));
            Language::choose(asked, &headers, fallback).tag()
        };
        assert_eq!(choose("", "", None), "en");
        assert_eq!(choose("", "fr-CA,fr;q=0.9,en;q=0.8", None), "fr");
        assert_eq!(choose("", "de, en;q=0.5, fr;q=0.7", None), "fr");
        assert_eq!(choose("", "en, fr", Some("fr")), "en");
        assert_eq!(choose("", "fr;q=0, de", None), "en");
        assert_eq!(choose("", "de", Some("fr")), "fr");
        assert_eq!(choose("fr", "en", None), "fr");
        assert_eq!(choose("tlh", "en", Some("fr")), "en");
    }
}
