//! What a map reads of a record, and reading just that: one pass over the text, the rest is skipped.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// The parts of a record that a map reads, as a tree of keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    /// The value itself is wanted, as text.
    keep: bool,
    /// Wanted keys of an object; a path holds their index.
    keys: Vec<(String, Shape)>,
    /// Wanted of each item of a list.
    item: Option<Box<Shape>>,
}

/// The wanted parts of one record; text is borrowed from it.
#[derive(Debug)]
pub(crate) enum Node<'a> {
    /// Not there, `null`, or not wanted.
    Missing,
    /// A value as it stands in the record.
    Raw(&'a str),
    /// An object's wanted keys, by index.
    Object(Vec<Node<'a>>),
    /// A list's items.
    List(Vec<Node<'a>>),
    /// A value that is wanted whole and in parts.
    Whole(&'a str, Box<Node<'a>>),
}

/// A key that stands for any: for objects that are keyed by what a map can't know, such as the app that wrote a part.
const WILDCARD: &str = "*";

/// One step of a path into a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// The wanted key of that index.
    Key(usize),
    /// The item of that number.
    Item(usize),
}

impl Shape {
    /// Wants a key and gives its index and its shape.
    pub fn key(&mut self, name: &str) -> (usize, &mut Shape) {
        let index = self.keys.iter().position(|(key, _)| key == name).unwrap_or_else(|| {
            self.keys.push((name.to_owned(), Self::default()));
            self.keys.len() - 1
        });
        (index, &mut self.keys[index].1)
    }

    /// Wants the items of a list and gives their shape.
    pub fn item(&mut self) -> &mut Shape {
        self.item.get_or_insert_default()
    }

    /// Wants the value itself.
    pub fn keep(&mut self) {
        self.keep = true;
    }

    /// Reads the wanted parts of `text`.
    pub fn read<'a>(&self, text: &'a str) -> Result<Node<'a>, serde_json::Error> {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let node = self.deserialize(&mut deserializer)?;
        deserializer.end()?;
        Ok(node)
    }

    /// The paths that are read, such as `items[].price`.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.collect("", &mut paths);
        paths
    }

    fn collect(&self, prefix: &str, paths: &mut Vec<String>) {
        if self.keep && !prefix.is_empty() {
            paths.push(prefix.to_owned());
        }
        for (name, shape) in &self.keys {
            let dot = if prefix.is_empty() { "" } else { "." };
            shape.collect(&format!("{prefix}{dot}{name}"), paths);
        }
        if let Some(item) = &self.item {
            item.collect(&format!("{prefix}[]"), paths);
        }
    }

    fn has_parts(&self) -> bool {
        !self.keys.is_empty() || self.item.is_some()
    }
}

impl<'a> Node<'a> {
    /// Follows a path; `Missing` where it ends early.
    pub fn at(&self, steps: &[Step]) -> &Node<'a> {
        const MISSING: &Node<'static> = &Node::Missing;
        let mut node = self;
        for step in steps {
            let inner = match node {
                Node::Whole(_, parts) => parts,
                other => other,
            };
            node = match (inner, step) {
                (Node::Object(keys), Step::Key(index)) => keys.get(*index).unwrap_or(MISSING),
                (Node::List(items), Step::Item(number)) => items.get(*number).unwrap_or(MISSING),
                _ => return MISSING,
            };
        }
        node
    }

    /// Whether nothing that was wanted is there.
    fn is_empty(&self) -> bool {
        match self {
            Self::Missing => true,
            Self::Object(keys) => keys.iter().all(Self::is_empty),
            Self::Raw(_) | Self::List(_) | Self::Whole(..) => false,
        }
    }

    /// The value's own text; `None` when it is missing.
    pub fn raw(&self) -> Option<&'a str> {
        match self {
            Node::Raw(text) | Node::Whole(text, _) => Some(text),
            _ => None,
        }
    }

    /// The items of a list; `None` when it is missing or no list.
    pub fn items(&self) -> Option<&[Node<'a>]> {
        match self {
            Node::List(items) => Some(items),
            Node::Whole(_, parts) => parts.items(),
            _ => None,
        }
    }
}

impl<'de> DeserializeSeed<'de> for &Shape {
    type Value = Node<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        if !self.keep {
            return deserializer.deserialize_any(self);
        }
        let raw: &'de RawValue = serde::Deserialize::deserialize(deserializer)?;
        let text = raw.get();
        if text == "null" {
            return Ok(Node::Missing);
        }
        if !self.has_parts() {
            return Ok(Node::Raw(text));
        }
        // Wanted whole and in parts: the text has been scanned, so reading it again cannot fail.
        let mut again = serde_json::Deserializer::from_str(text);
        let parts = again.deserialize_any_shape(self).map_err(serde::de::Error::custom)?;
        Ok(Node::Whole(text, Box::new(parts)))
    }
}

/// Gives serde_json's deserializer the shape's visitor, whatever the shape wants of the value itself.
trait DeserializeShape<'de> {
    fn deserialize_any_shape(self, shape: &Shape) -> Result<Node<'de>, serde_json::Error>;
}

impl<'de> DeserializeShape<'de> for &mut serde_json::Deserializer<serde_json::de::StrRead<'de>> {
    fn deserialize_any_shape(self, shape: &Shape) -> Result<Node<'de>, serde_json::Error> {
        serde::Deserializer::deserialize_any(self, shape)
    }
}

impl<'de> Visitor<'de> for &Shape {
    type Value = Node<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        if self.keys.is_empty() {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Node::Missing);
        }
        let mut nodes: Vec<Node<'de>> = Vec::with_capacity(self.keys.len());
        nodes.resize_with(self.keys.len(), || Node::Missing);
        while let Some(Key(index)) = map.next_key_seed(KeySeed(&self.keys))? {
            match index {
                // Of several keys that a wildcard stands for, the first that has something.
                Some(index) if nodes[index].is_empty() => {
                    nodes[index] = map.next_value_seed(&self.keys[index].1)?;
                }
                Some(_) => {
                    map.next_value::<IgnoredAny>()?;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Node::Object(nodes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let Some(item) = &self.item else {
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Node::Missing);
        };
        let mut items = Vec::with_capacity(4);
        while let Some(node) = list.next_element_seed(&**item)? {
            items.push(node);
        }
        Ok(Node::List(items))
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Missing)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(Node::Missing)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(Node::Missing)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(Node::Missing)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(Node::Missing)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Node::Missing)
    }
}

/// Finds a key among the wanted ones without copying it.
struct KeySeed<'s>(&'s [(String, Shape)]);

struct Key(Option<usize>);

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Key;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Key;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a key")
    }

    fn visit_str<E>(self, name: &str) -> Result<Key, E> {
        let position = |name| self.0.iter().position(|(key, _)| key == name);
        Ok(Key(position(name).or_else(|| position(WILDCARD))))
    }
}

/// The text of a JSON string without its quotes, unescaped only where it has escapes.
pub(crate) fn unquoted(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str::<String>(raw).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_wanted_is_read() {
        let mut shape = Shape::default();
        let (total, inner) = shape.key("total");
        inner.keep();
        let (items, list) = shape.key("items");
        let (sku, inner) = list.item().key("sku");
        inner.keep();
        let text = r#"{"other": {"deep": [1, "x"]}, "total": 12.50, "items": [{"sku": "a\"b", "n": 1}, {"sku": null}]}"#;
        let node = shape.read(text).unwrap();
        assert_eq!(node.at(&[Step::Key(total)]).raw(), Some("12.50"));
        let first = node.at(&[Step::Key(items), Step::Item(0), Step::Key(sku)]);
        assert_eq!(first.raw(), Some(r#""a\"b""#));
        assert_eq!(unquoted(first.raw().unwrap()).unwrap(), "a\"b");
        assert!(node.at(&[Step::Key(items), Step::Item(1), Step::Key(sku)]).raw().is_none());
        assert_eq!(shape.paths(), ["total", "items[].sku"]);
    }

    #[test]
    fn a_star_stands_for_any_key_and_the_first_that_has_something_counts() {
        let mut shape = Shape::default();
        let (data, inner) = shape.key("appData");
        let (any, inner) = inner.key("*");
        let (next, inner) = inner.key("next");
        inner.keep();
        let read = |text| {
            let node = shape.read(text).unwrap();
            node.at(&[Step::Key(data), Step::Key(any), Step::Key(next)]).raw()
        };
        assert_eq!(
            read(r#"{"appData": {"one": {"other": 1}, "two": {"next": 5}, "three": null}}"#),
            Some("5")
        );
        assert_eq!(read(r#"{"appData": {"one": {"other": 1}}}"#), None);
        assert_eq!(read(r#"{"appData": null}"#), None);
    }

    #[test]
    fn a_value_can_be_wanted_whole_and_in_parts() {
        let mut shape = Shape::default();
        let (club, inner) = shape.key("club");
        inner.keep();
        let (id, inner) = inner.key("id");
        inner.keep();
        let node = shape.read(r#"{"club": {"id": 5}}"#).unwrap();
        assert_eq!(node.at(&[Step::Key(club)]).raw(), Some(r#"{"id": 5}"#));
        assert_eq!(node.at(&[Step::Key(club), Step::Key(id)]).raw(), Some("5"));
    }
}
