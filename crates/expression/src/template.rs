//! `{{placeholder}}` templates, in a JSON value or in text (facts, Truto 14.1).
//!
//! `{{a.b.0.c}}` takes a value by path, `{{a|b}}` the first that is there, `{{a?:x}}` falls back to the text `x`. A
//! placeholder that is a whole string keeps its JSON type and may end in a cast: `:str`, `:int`, `:num`, `:bool`,
//! `:json`, `:null`, `:any`, `:undefined` (leave the key out when it is missing) and `:ignore-empty-str`. What cannot be
//! resolved stays as it was written.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The values that placeholders name by their first word (`query`, `body`, `context`, …).
#[derive(Default, Clone)]
pub struct Scope<'a> {
    roots: Vec<(&'a str, Found<'a>)>,
}

impl<'a> Scope<'a> {
    /// An empty scope.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a root that holds a JSON value.
    #[must_use]
    pub fn with(mut self, name: &'a str, value: &'a Value) -> Self {
        self.roots.push((name, Found::Value(value)));
        self
    }

    /// The same for a root that is an object's fields.
    #[must_use]
    pub fn with_fields(mut self, name: &'a str, fields: &'a Map<String, Value>) -> Self {
        self.roots.push((name, Found::Fields(fields)));
        self
    }

    /// Adds a root that is a piece of text, such as an `id`.
    #[must_use]
    pub fn with_text(mut self, name: &'a str, text: &'a str) -> Self {
        self.roots.push((name, Found::Text(text)));
        self
    }

    fn find(&self, path: &Path) -> Option<Found<'a>> {
        let (_, root) = self.roots.iter().find(|(name, _)| *name == path.root)?;
        path.steps.iter().try_fold(*root, |found, step| match found {
            Found::Fields(fields) | Found::Value(Value::Object(fields)) => fields.get(step).map(Found::Value),
            Found::Value(Value::Array(items)) => items.get(step.parse::<usize>().ok()?).map(Found::Value),
            Found::Value(_) | Found::Text(_) => None,
        })
    }
}

/// What stands under a name.
#[derive(Clone, Copy)]
enum Found<'a> {
    Text(&'a str),
    Value(&'a Value),
    Fields(&'a Map<String, Value>),
}

impl<'a> Found<'a> {
    fn is_null(self) -> bool {
        matches!(self, Self::Value(Value::Null))
    }

    fn to_value(self) -> Value {
        match self {
            Self::Text(text) => Value::String(text.to_owned()),
            Self::Value(value) => value.clone(),
            Self::Fields(fields) => Value::Object(fields.clone()),
        }
    }

    /// As text: a string as it is, anything else as JSON.
    fn text(self) -> Cow<'a, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            Self::Value(Value::String(text)) => Cow::Borrowed(text),
            _ => Cow::Owned(self.to_value().to_string()),
        }
    }
}

/// The template is not well formed, or a cast failed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum TemplateError {
    /// `{{` without its `}}`.
    #[error("{0:?} opens a placeholder with {{{{ and never closes it")]
    Unclosed(String),
    /// `{{}}`, or an alternative without a name.
    #[error("{0:?} holds a placeholder without a name")]
    Empty(String),
    /// The value does not fit the cast.
    #[error("{{{{{placeholder}}}}} is no {cast}")]
    Cast {
        /// The placeholder as written.
        placeholder: String,
        /// What was asked for.
        cast: &'static str,
    },
}

/// A JSON value whose strings may hold placeholders.
#[derive(Debug, Clone, PartialEq)]
pub struct Template(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Fixed(Value),
    Text(TextTemplate),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl Template {
    /// A value without placeholders.
    pub fn fixed(value: Value) -> Self {
        Self(Node::Fixed(value))
    }

    /// Parses the placeholders of every string in `value`.
    pub fn parse(value: &Value) -> Result<Self, TemplateError> {
        parse_node(value).map(Self)
    }

    /// Fills the placeholders; `None` where the whole template is one placeholder that asks to be left out.
    pub fn render(&self, scope: &Scope<'_>) -> Result<Option<Value>, TemplateError> {
        render_node(&self.0, scope)
    }

    /// All placeholders, in the order in which they stand.
    pub fn placeholders(&self) -> Vec<&Placeholder> {
        let mut placeholders = Vec::new();
        visit_texts(&self.0, &mut |text| placeholders.extend(text.placeholders()));
        placeholders
    }

    /// The placeholders that would stay as they were written: nothing is there, and they do not say what stands in for it.
    pub fn missing(&self, scope: &Scope<'_>) -> Vec<&Placeholder> {
        let mut missing = Vec::new();
        visit_texts(&self.0, &mut |text| missing.extend(text.missing(scope)));
        missing
    }
}

fn parse_node(value: &Value) -> Result<Node, TemplateError> {
    Ok(match value {
        Value::String(text) if text.contains("{{") => Node::Text(TextTemplate::parse(text)?),
        Value::Array(items) => Node::Array(items.iter().map(parse_node).collect::<Result<_, _>>()?),
        Value::Object(fields) => Node::Object(
            fields
                .iter()
                .map(|(key, value)| Ok((key.clone(), parse_node(value)?)))
                .collect::<Result<_, _>>()?,
        ),
        fixed => Node::Fixed(fixed.clone()),
    })
}

fn render_node(node: &Node, scope: &Scope<'_>) -> Result<Option<Value>, TemplateError> {
    Ok(match node {
        Node::Fixed(value) => Some(value.clone()),
        Node::Text(template) => template.value(scope)?,
        Node::Array(items) => {
            let mut rendered = Vec::with_capacity(items.len());
            for item in items {
                rendered.extend(render_node(item, scope)?);
            }
            Some(Value::Array(rendered))
        }
        Node::Object(fields) => {
            let mut rendered = Map::new();
            for (key, field) in fields {
                if let Some(value) = render_node(field, scope)? {
                    rendered.insert(key.clone(), value);
                }
            }
            Some(Value::Object(rendered))
        }
    })
}

fn visit_texts<'a>(node: &'a Node, visit: &mut impl FnMut(&'a TextTemplate)) {
    match node {
        Node::Fixed(_) => {}
        Node::Text(template) => visit(template),
        Node::Array(items) => items.iter().for_each(|item| visit_texts(item, visit)),
        Node::Object(fields) => fields.iter().for_each(|(_, field)| visit_texts(field, visit)),
    }
}

/// Text with placeholders.
#[derive(Debug, Clone, PartialEq)]
pub struct TextTemplate {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Literal(String),
    Placeholder(Placeholder),
}

/// One `{{…}}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Placeholder {
    written: String,
    alternatives: Vec<Path>,
    default: Option<String>,
    cast: Option<Cast>,
}

#[derive(Debug, Clone, PartialEq)]
struct Path {
    root: String,
    steps: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cast {
    Text,
    Integer,
    Number,
    Boolean,
    Json,
    Null,
    Any,
    Undefined,
    IgnoreEmpty,
}

impl TextTemplate {
    /// Parses `text`; text without `{{` is a template that gives itself.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find("{{") {
            let (literal, after) = rest.split_at(open);
            let inner = &after[2..];
            let close = inner.find("}}").ok_or_else(|| TemplateError::Unclosed(text.to_owned()))?;
            if !literal.is_empty() {
                parts.push(Part::Literal(literal.to_owned()));
            }
            parts.push(Part::Placeholder(Placeholder::parse(&inner[..close], text)?));
            rest = &inner[close + 2..];
        }
        if !rest.is_empty() {
            parts.push(Part::Literal(rest.to_owned()));
        }
        Ok(Self { parts })
    }

    /// The first words of all placeholders.
    pub fn roots(&self) -> impl Iterator<Item = &str> {
        self.placeholders()
            .flat_map(|placeholder| placeholder.alternatives.iter().map(|path| path.root.as_str()))
    }

    /// The dotted paths of all placeholders, as written.
    pub fn paths(&self) -> impl Iterator<Item = String> {
        self.placeholders().flat_map(|placeholder| {
            placeholder.alternatives.iter().map(|path| {
                let mut dotted = path.root.clone();
                for step in &path.steps {
                    dotted.push('.');
                    dotted.push_str(step);
                }
                dotted
            })
        })
    }

    fn missing(&self, scope: &Scope<'_>) -> impl Iterator<Item = &Placeholder> {
        let is_whole = self.parts.len() == 1;
        self.placeholders().filter(move |placeholder| {
            !placeholder.has_fallback(is_whole) && placeholder.find(scope).is_none()
        })
    }

    fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.parts.iter().filter_map(|part| match part {
            Part::Placeholder(placeholder) => Some(placeholder),
            Part::Literal(_) => None,
        })
    }

    /// Fills the placeholders into text. Each filled value goes through `write`, which may encode or refuse it; a
    /// placeholder that resolves to nothing is given to `missing` by the path as written.
    pub fn fill<E>(
        &self,
        scope: &Scope<'_>,
        out: &mut String,
        mut write: impl FnMut(&str, &mut String) -> Result<(), E>,
        mut missing: impl FnMut(&str) -> E,
    ) -> Result<(), E> {
        for part in &self.parts {
            match part {
                Part::Literal(literal) => out.push_str(literal),
                Part::Placeholder(placeholder) => match placeholder.find(scope) {
                    Some(found) => write(&found.text(), out)?,
                    None => match &placeholder.default {
                        Some(default) => write(default, out)?,
                        None => return Err(missing(&placeholder.written)),
                    },
                },
            }
        }
        Ok(())
    }

    /// Fills the placeholders into text; what cannot be resolved stays as it was written.
    pub fn text(&self, scope: &Scope<'_>) -> String {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => out.push_str(literal),
                Part::Placeholder(placeholder) => placeholder.write(scope, &mut out),
            }
        }
        out
    }

    fn value(&self, scope: &Scope<'_>) -> Result<Option<Value>, TemplateError> {
        match self.parts.as_slice() {
            [Part::Placeholder(placeholder)] => placeholder.value(scope),
            _ => Ok(Some(Value::String(self.text(scope)))),
        }
    }
}

impl Placeholder {
    /// What stands between the braces.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// The paths of its alternatives: the root, then the steps.
    pub fn paths(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.alternatives.iter().map(|path| (path.root.as_str(), path.steps.as_slice()))
    }

    /// Whether it says what stands in for a value that is missing. Casts count only where it is the whole string.
    fn has_fallback(&self, is_whole: bool) -> bool {
        let casts_away = matches!(self.cast, Some(Cast::Undefined | Cast::IgnoreEmpty | Cast::Null));
        self.default.is_some() || (is_whole && casts_away)
    }

    fn parse(inner: &str, text: &str) -> Result<Self, TemplateError> {
        let (body, cast) = match inner.rsplit_once(':').map(|(body, name)| (body, Cast::named(name.trim()))) {
            // In `a?:1` the colon belongs to the default.
            Some((body, Some(cast))) if !body.ends_with('?') => (body, Some(cast)),
            _ => (inner, None),
        };
        let (names, default) = match body.split_once("?:") {
            Some((names, default)) => (names, Some(default.to_owned())),
            None => (body, None),
        };
        let alternatives = names
            .split('|')
            .map(|name| Path::parse(name.trim()).ok_or_else(|| TemplateError::Empty(text.to_owned())))
            .collect::<Result<_, _>>()?;
        Ok(Self { written: inner.to_owned(), alternatives, default, cast })
    }

    /// The first alternative that is there; a `null` counts as not there, unless it is the last.
    fn find<'a>(&self, scope: &Scope<'a>) -> Option<Found<'a>> {
        self.alternatives.iter().filter_map(|path| scope.find(path)).find(|found| !found.is_null())
    }

    fn write(&self, scope: &Scope<'_>, out: &mut String) {
        match self.find(scope) {
            Some(found) => out.push_str(&found.text()),
            None => match &self.default {
                Some(default) => out.push_str(default),
                None => {
                    out.push_str("{{");
                    out.push_str(&self.written);
                    out.push_str("}}");
                }
            },
        }
    }

    fn value(&self, scope: &Scope<'_>) -> Result<Option<Value>, TemplateError> {
        let found = match self.find(scope) {
            Some(found) => Some(found.to_value()),
            None => self.default.clone().map(Value::String),
        };
        match (found, self.cast) {
            (None, Some(Cast::Undefined | Cast::IgnoreEmpty)) => Ok(None),
            (None, Some(Cast::Null)) => Ok(Some(Value::Null)),
            (None, _) => Ok(Some(Value::String(format!("{{{{{}}}}}", self.written)))),
            (Some(Value::String(text)), Some(Cast::IgnoreEmpty)) if text.is_empty() => Ok(None),
            (Some(value), cast) => self.cast(value, cast).map(Some),
        }
    }

    fn cast(&self, value: Value, cast: Option<Cast>) -> Result<Value, TemplateError> {
        let fail = |cast| TemplateError::Cast { placeholder: self.written.clone(), cast };
        let text = match &value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Ok(match cast {
            None | Some(Cast::Any | Cast::Undefined | Cast::IgnoreEmpty | Cast::Null) => value,
            Some(Cast::Text) => Value::String(text),
            Some(Cast::Integer) => Value::from(text.trim().parse::<i64>().map_err(|_| fail("integer"))?),
            Some(Cast::Number) => {
                let number: Value = serde_json::from_str(text.trim()).map_err(|_| fail("number"))?;
                if number.is_number() { number } else { return Err(fail("number")) }
            }
            Some(Cast::Boolean) => match text.trim() {
                "true" | "1" => Value::Bool(true),
                "false" | "0" => Value::Bool(false),
                _ => return Err(fail("boolean")),
            },
            Some(Cast::Json) => match value {
                Value::String(text) => serde_json::from_str(&text).map_err(|_| fail("JSON"))?,
                already => already,
            },
        })
    }
}

impl Path {
    fn parse(name: &str) -> Option<Self> {
        let mut steps = name.split('.').map(str::to_owned);
        let root = steps.next().filter(|root| !root.is_empty())?;
        Some(Self { root, steps: steps.collect() })
    }
}

impl Cast {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "str" => Self::Text,
            "int" => Self::Integer,
            "num" => Self::Number,
            "bool" => Self::Boolean,
            "json" => Self::Json,
            "null" => Self::Null,
            "any" => Self::Any,
            "undefined" => Self::Undefined,
            "ignore-empty-str" => Self::IgnoreEmpty,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn render(template: Value) -> Option<Value> {
        let query = json!({"limit": "25", "tags": ["a", "b"], "flag": "true", "empty": "", "raw": "[1]"});
        let scope = Scope::new().with("query", &query).with_text("id", "42");
        Template::parse(&template).unwrap().render(&scope).unwrap()
    }

    #[test]
    fn a_whole_placeholder_keeps_its_type_and_takes_a_cast() {
        assert_eq!(render(json!("{{query.tags}}")), Some(json!(["a", "b"])));
        assert_eq!(render(json!("{{query.limit:int}}")), Some(json!(25)));
        assert_eq!(render(json!("{{query.flag:bool}}")), Some(json!(true)));
        assert_eq!(render(json!("{{query.raw:json}}")), Some(json!([1])));
        assert_eq!(render(json!("{{id:num}}")), Some(json!(42)));
    }

    #[test]
    fn alternatives_and_defaults_fill_what_is_missing() {
        assert_eq!(render(json!("{{query.none|query.limit}}")), Some(json!("25")));
        assert_eq!(render(json!("{{query.none?:x}}")), Some(json!("x")));
        assert_eq!(render(json!("{{query.none?:1:int}}")), Some(json!(1)));
        assert_eq!(render(json!("{{query.tags.1}}/{{id}}")), Some(json!("b/42")));
    }

    #[test]
    fn what_is_missing_stays_or_goes_as_asked() {
        assert_eq!(render(json!("{{query.none}}")), Some(json!("{{query.none}}")));
        assert_eq!(render(json!({"a": "{{query.none:undefined}}", "b": 1})), Some(json!({"b": 1})));
        assert_eq!(render(json!({"a": "{{query.empty:ignore-empty-str}}"})), Some(json!({})));
        assert_eq!(render(json!("{{query.none:null}}")), Some(json!(null)));
    }

    #[test]
    fn what_would_stay_as_written_is_known_before() {
        let query = json!({"limit": 1, "none": null});
        let scope = Scope::new().with("query", &query);
        let template = Template::parse(&json!({
            "a": ["{{query.limit}} {{query.gone}}", "{{query.gone|query.limit}}", "{{query.gone?:x}}"],
            "b": {"c": "{{query.none}}", "d": "{{query.gone:undefined}}", "e": "no {{query.gone:null}}"},
        }))
        .unwrap();
        let missing: Vec<&str> =
            template.missing(&scope).iter().map(|placeholder| placeholder.written()).collect();
        assert_eq!(missing, ["query.gone", "query.none", "query.gone:null"]);
        assert_eq!(template.placeholders().len(), 7);
    }

    #[test]
    fn mistakes_are_told() {
        assert_eq!(Template::parse(&json!("a {{b")), Err(TemplateError::Unclosed("a {{b".to_owned())));
        assert_eq!(Template::parse(&json!("{{}}")), Err(TemplateError::Empty("{{}}".to_owned())));
        let query = json!({"limit": "many"});
        let error = Template::parse(&json!("{{query.limit:int}}"))
            .unwrap()
            .render(&Scope::new().with("query", &query))
            .unwrap_err();
        assert_eq!(error.to_string(), "{{query.limit:int}} is no integer");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[{}:|?.a-z]{0,24}") {
            if let Ok(template) = TextTemplate::parse(&text) {
                template.text(&Scope::new().with_text("a", "b"));
            }
        }

        #[test]
        fn text_without_placeholders_is_itself(text in "[^{]{0,40}") {
            prop_assert_eq!(TextTemplate::parse(&text).unwrap().text(&Scope::new()), text);
        }
    }
}
