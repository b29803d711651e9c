//! "Did you mean": the nearest known name.

use std::fmt;

/// A name that is not known, with the nearest that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// What kind of name: `resource`, `method`, `field`, …
    pub what: &'static str,
    /// The name that was given.
    pub name: String,
    /// The nearest known name, when one is near enough.
    pub near: Option<String>,
    /// All known names.
    pub known: Vec<String>,
}

/// Below this Jaro-Winkler likeness a suggestion would confuse more than it helps.
const NEAR_ENOUGH: f64 = 0.75;

impl Unknown {
    /// Describes that `name` is none of `known`.
    pub fn new<'a>(what: &'static str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<String> = known.into_iter().map(str::to_owned).collect();
        let near = known
            .iter()
            .map(|candidate| {
                (strsim::jaro_winkler(&name.to_lowercase(), &candidate.to_lowercase()), candidate)
            })
            .filter(|(likeness, _)| *likeness >= NEAR_ENOUGH)
            .max_by(|left, right| left.0.total_cmp(&right.0))
            .map(|(_, candidate)| candidate.clone());
        Self { what, name: name.to_owned(), near, known }
    }

    /// The sentence with all known names, also where one is near; for short lists.
    pub fn with_known(&self) -> String {
        match self.near {
            Some(_) => format!("{self} Known are {}", self.known.join(", ")),
            None => self.to_string(),
        }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "unknown {} {:?}", self.what, self.name)?;
        match &self.near {
            Some(near) => write!(out, ", did you mean {near:?}?"),
            None => write!(out, "; known are {}", self.known.join(", ")),
        }
    }
}

impl std::error::Error for Unknown {}
