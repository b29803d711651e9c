//! Which endpoint a path means.

use crate::endpoints::{ENDPOINTS, Endpoint, Parent, WRITE_ONLY};

/// What a path below `/v1` means.
#[derive(Debug)]
pub(crate) enum Route<'a> {
    /// `/`: clients ask it to see whether their credentials work.
    Root,
    /// `/account/user`.
    AccountUser,
    /// `/setting/for-web`.
    WebSetting,
    List {
        endpoint: &'static Endpoint,
        parent: Option<&'a str>,
    },
    Item {
        endpoint: &'static Endpoint,
        path: &'static str,
        parent: Option<&'a str>,
        id: &'a str,
    },
    /// A path that is there for writing only, with what its placeholders stand for.
    WriteOnly {
        path: &'static str,
        values: Vec<&'a str>,
    },
    Unknown,
}

impl<'a> Route<'a> {
    /// Finds the endpoint; placeholders take any one segment.
    pub fn find(path: &'a str) -> Self {
        match path {
            "" | "/" => return Self::Root,
            "/account/user" => return Self::AccountUser,
            "/setting/for-web" => return Self::WebSetting,
            _ => {}
        }
        // Fixed segments win over placeholders: `/customer/subscribe` is no customer.
        if let Some(found) = WRITE_ONLY.iter().find(|pattern| !pattern.contains('{') && **pattern == path) {
            return Self::WriteOnly { path: found, values: Vec::new() };
        }
        for endpoint in &*ENDPOINTS {
            if let Some(values) = segments(endpoint.path, path) {
                return Self::List { endpoint, parent: values.first().copied() };
            }
            let Some(item) = &endpoint.item else { continue };
            if let Some(values) = segments(item, path) {
                let parent = endpoint.parent.and(values.first().copied());
                let id = values.last().copied().unwrap_or_default();
                return Self::Item { endpoint, path: item, parent, id };
            }
        }
        let mut write_only =
            WRITE_ONLY.iter().filter_map(|pattern| Some((*pattern, segments(pattern, path)?)));
        write_only.next().map_or(Self::Unknown, |(path, values)| Self::WriteOnly { path, values })
    }

    /// The path with its placeholders.
    pub fn pattern(&self) -> &'static str {
        match self {
            Self::Root => "/",
            Self::AccountUser => "/account/user",
            Self::WebSetting => "/setting/for-web",
            Self::List { endpoint, .. } => endpoint.path,
            Self::Item { path, .. } => path,
            Self::WriteOnly { path, .. } => path,
            Self::Unknown => "?",
        }
    }
}

/// What the placeholders of `pattern` stand for in `path`, if it fits.
fn segments<'a>(pattern: &str, path: &'a str) -> Option<Vec<&'a str>> {
    let mut values = Vec::new();
    let mut given = path.split('/');
    for expected in pattern.split('/') {
        let segment = given.next()?;
        if expected.starts_with('{') {
            values.push(segment);
        } else if expected != segment {
            return None;
        }
    }
    given.next().is_none().then_some(values)
}

impl Parent {
    /// The value its field must have for a segment of the path; `None` when the segment is no word of the path.
    pub fn value(self, segment: &str) -> Option<&str> {
        match self {
            Self::Object { .. } | Self::Reference { .. } => Some(segment),
            Self::Word { words, .. } => {
                words.iter().find(|(word, _)| *word == segment).map(|(_, value)| *value)
            }
        }
    }

    /// The field that has it.
    pub fn field(self) -> &'static str {
        match self {
            Self::Object { field, .. } | Self::Reference { field } | Self::Word { field, .. } => field,
        }
    }
}
