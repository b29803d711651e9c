//! What the wineries hold: every object as the text it is answered with, beside the few keys it is looked for by.
//!
//! An object that is part of another one in answers (the customer of an order) is not stored there again: the outer
//! text has a [`Hole`], and the inner object is spliced in as it is at that moment. So a page is a concatenation of
//! stored texts, and a change of a customer shows in all its orders at once. A write reads an object back as a value,
//! changes it, and puts it in its place.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::endpoints::schema;
use crate::generate::Source;
use crate::http::filters::{Condition, Key, moment, search_words};
use crate::http::limit::Window;
use crate::http::paging::Query;
use crate::kind::{Embed, Kind, PageOrder};
use crate::{Counts, Tenant};

/// Whether a record's embedded objects are looked up when it is read, or kept as they were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Embedding {
    /// Looked up: generated and written objects.
    Spliced,
    /// Kept: recorded bodies.
    Literal,
}

/// One object.
#[derive(Debug)]
pub(crate) struct Record {
    id: Uuid,
    /// JSON text, without the objects that belong into the holes.
    text: Box<str>,
    holes: Box<[Hole]>,
    /// The text inside other objects, where it differs.
    embedded: Option<Box<str>>,
    /// By the columns of the kind's schema.
    keys: Box<[Key]>,
    words: Box<str>,
    /// What the newest-first order goes by; milliseconds since 1970.
    created: i64,
    embedding: Embedding,
}

/// A place in a record's text where another object belongs.
#[derive(Debug)]
struct Hole {
    at: usize,
    kind: Kind,
    id: Uuid,
}

impl Record {
    /// Makes a record of an object; `None` when it has no UUID for an `id`.
    pub fn new(kind: Kind, object: Value, embedding: Embedding) -> Option<Self> {
        let id = object.get("id").and_then(as_uuid)?;
        let schema = schema(kind);
        let keys =
            schema.columns.iter().map(|(field, column_type)| Key::of(&object, field, *column_type)).collect();
        let words = search_words(&object, &schema.search);
        let created = object.get("createdAt").and_then(Value::as_str).and_then(moment).unwrap_or_default();
        let Value::Object(mut fields) = object else { return None };
        if kind == Kind::WebSetting {
            fields.shift_remove("id");
        }
        let embeds = if embedding == Embedding::Spliced { kind.embeds() } else { &[] };
        let (text, holes) = write(&fields, embeds);
        let embedded = embedded_form(kind, fields);
        Some(Self { id, text, holes, embedded, keys, words, created, embedding })
    }

    /// The object, without what is spliced into it.
    fn value(&self) -> Option<Map<String, Value>> {
        let mut text = String::with_capacity(self.text.len() + 8);
        let mut written = 0;
        for hole in &self.holes {
            text.push_str(self.text.get(written..hole.at)?);
            text.push_str("null");
            written = hole.at;
        }
        text.push_str(self.text.get(written..)?);
        serde_json::from_str(&text).ok()
    }

    /// The order of page style.
    fn page_key(&self) -> (std::cmp::Reverse<i64>, Uuid) {
        (std::cmp::Reverse(self.created), self.id)
    }

    fn meets(&self, query: &Query) -> bool {
        query.conditions.iter().all(|condition| condition.holds(&self.keys))
            && query.search.as_ref().is_none_or(|search| search.finds(&self.words))
    }
}

fn as_uuid(value: &Value) -> Option<Uuid> {
    Uuid::parse_str(value.as_str()?).ok()
}

/// Writes an object, leaving out what is spliced in later.
fn write(fields: &Map<String, Value>, embeds: &[Embed]) -> (Box<str>, Box<[Hole]>) {
    let mut text = String::from("{");
    let mut holes = Vec::new();
    for (at, (name, value)) in fields.iter().enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&Value::from(name.as_str()).to_string());
        text.push(':');
        let hole = embeds
            .iter()
            .find(|embed| embed.field == name)
            .and_then(|embed| Some((embed.kind, fields.get(embed.id_field).and_then(as_uuid)?)));
        match hole {
            Some((kind, id)) => holes.push(Hole { at: text.len(), kind, id }),
            None => {
                // Writing to a string cannot fail.
                let _ = write!(text, "{value}");
            }
        }
    }
    text.push('}');
    (text.into(), holes.into())
}

/// Customers stand in other objects without their tags, and with their products under another name (facts 6.3).
fn embedded_form(kind: Kind, mut fields: Map<String, Value>) -> Option<Box<str>> {
    if kind != Kind::Customer {
        return None;
    }
    fields.shift_remove("tags");
    fields.shift_remove("groups");
    let fields: Map<String, Value> = fields
        .into_iter()
        .map(
            |(name, value)| {
                if name == "products" { ("productJSON".to_owned(), value) } else { (name, value) }
            },
        )
        .collect();
    Some(Value::Object(fields).to_string().into())
}

/// The objects of one kind.
#[derive(Debug, Default)]
struct Collection {
    records: Vec<Record>,
    by_id: BTreeMap<Uuid, usize>,
    /// Places in `records`, in the order of page style.
    pages: Vec<usize>,
}

impl Collection {
    /// Puts objects in; one with a known id takes the other's place.
    fn extend(&mut self, records: impl Iterator<Item = Record>, order: PageOrder) {
        for record in records {
            let at = *self.by_id.entry(record.id).or_insert(self.records.len());
            match self.records.get_mut(at) {
                Some(place) => *place = record,
                None => {
                    self.records.push(record);
                    self.pages.push(at);
                }
            }
        }
        let Self { records, pages, .. } = self;
        if order == PageOrder::NewestFirst {
            pages.sort_by_key(|at: &usize| records.get(*at).map(Record::page_key));
        }
    }

    /// Puts one object in, or in the place of the one with its id.
    fn put(&mut self, record: Record, order: PageOrder) {
        let Self { records, by_id, .. } = self;
        if let Some(place) = by_id.get(&record.id).and_then(|at| records.get_mut(*at))
            && (place.created == record.created || order == PageOrder::AsListed)
        {
            *place = record;
            return;
        }
        self.remove(record.id);
        let Self { records, by_id, pages } = self;
        let at = records.len();
        let page = match order {
            PageOrder::AsListed => pages.len(),
            PageOrder::NewestFirst => {
                let key = record.page_key();
                pages.partition_point(|at| records.get(*at).is_some_and(|record| record.page_key() < key))
            }
        };
        by_id.insert(record.id, at);
        pages.insert(page, at);
        records.push(record);
    }

    /// Takes one object out; the last one moves to its place.
    fn remove(&mut self, id: Uuid) -> Option<Record> {
        let at = self.by_id.remove(&id)?;
        let last = self.records.len().checked_sub(1)?;
        self.pages.retain(|page| *page != at);
        if let Some(page) = self.pages.iter_mut().find(|page| **page == last) {
            *page = at;
        }
        let record = self.records.swap_remove(at);
        if let Some(moved) = self.records.get(at) {
            self.by_id.insert(moved.id, at);
        }
        Some(record)
    }

    fn get(&self, id: Uuid) -> Option<&Record> {
        self.by_id.get(&id).and_then(|at| self.records.get(*at))
    }

    fn in_page_order(&self) -> impl Iterator<Item = &Record> {
        self.pages.iter().filter_map(|at| self.records.get(*at))
    }

    /// In the order of the ids, which is that of their texts.
    fn starting_at(&self, from: Option<&str>) -> impl Iterator<Item = &Record> {
        let start = match from.map(Uuid::parse_str) {
            None => Bound::Unbounded,
            Some(Ok(id)) => Bound::Included(id),
            // No UUID: what stands behind it in the order of texts.
            Some(Err(_)) => {
                let first = self.by_id.keys().find(|id| id.to_string().as_str() >= from.unwrap_or_default());
                first.map_or(Bound::Excluded(Uuid::max()), |id| Bound::Included(*id))
            }
        };
        self.by_id.range((start, Bound::Unbounded)).filter_map(|(_, at)| self.records.get(*at))
    }
}

/// The collections of one winery.
#[derive(Debug)]
pub(crate) struct Collections {
    kinds: Vec<Collection>,
    /// What writes draw from and leave behind.
    pub register: Register,
}

/// Where a winery's written objects get their ids and moments from.
#[derive(Debug)]
pub(crate) struct Register {
    pub seed: u64,
    /// The winery's number.
    pub tenant: u32,
    /// Ids drawn so far.
    pub ids: u64,
    /// The last moment anything happened; milliseconds since 1970.
    pub last: i64,
    /// What `PUT /order-number` set.
    pub next_order_number: Option<i64>,
}

impl Collections {
    fn of(&self, kind: Kind) -> Option<&Collection> {
        self.kinds.get(kind.index())
    }

    /// One object, without what is spliced into it when it is read.
    pub fn value(&self, kind: Kind, id: &str) -> Option<Map<String, Value>> {
        self.find(kind, id)?.value()
    }

    /// Every object of a kind, by id.
    pub fn values(&self, kind: Kind) -> impl Iterator<Item = Map<String, Value>> {
        let records = self.of(kind).into_iter().flat_map(|collection| collection.starting_at(None));
        records.filter_map(Record::value)
    }

    /// The ids of a kind, in their order.
    pub fn ids(&self, kind: Kind) -> Vec<Uuid> {
        self.of(kind).map(|collection| collection.by_id.keys().copied().collect()).unwrap_or_default()
    }

    /// The ids of the objects that have this text in a column, whatever its case.
    pub fn ids_with(&self, kind: Kind, field: &str, text: &str) -> Vec<Uuid> {
        let (Some(collection), Some(column)) = (self.of(kind), schema(kind).column(field)) else {
            return Vec::new();
        };
        let mut found: Vec<Uuid> = collection
            .records
            .iter()
            .filter(|record| record.keys.get(column).is_some_and(|key| key.has_text(text)))
            .map(|record| record.id)
            .collect();
        found.sort_unstable();
        found
    }

    /// The ids of the objects that have this number in a column.
    pub fn ids_with_number(&self, kind: Kind, field: &str, number: i64) -> Vec<Uuid> {
        let (Some(collection), Some(column)) = (self.of(kind), schema(kind).column(field)) else {
            return Vec::new();
        };
        let has = |record: &&Record| record.keys.get(column) == Some(&Key::Number(number));
        collection.records.iter().filter(has).map(|record| record.id).collect()
    }

    /// The greatest number in a column.
    pub fn greatest(&self, kind: Kind, field: &str) -> Option<i64> {
        let column = schema(kind).column(field)?;
        let numbers = self.of(kind)?.records.iter().filter_map(|record| match record.keys.get(column) {
            Some(Key::Number(number)) => Some(*number),
            _ => None,
        });
        numbers.max()
    }

    /// Puts an object in, or in the place of the one with its id; one that was recorded stays as literal as it was.
    pub fn put(&mut self, kind: Kind, mut fields: Map<String, Value>) {
        let id = fields.get("id").and_then(Value::as_str).unwrap_or_default();
        let embedding = self.find(kind, id).map_or(Embedding::Spliced, |record| record.embedding);
        if embedding == Embedding::Spliced {
            for embed in kind.embeds() {
                // Nothing is spliced in for an absent id.
                if fields.get(embed.id_field).is_none_or(Value::is_null)
                    && let Some(value) = fields.get_mut(embed.field)
                {
                    *value = Value::Null;
                }
            }
        }
        if let Some(record) = Record::new(kind, Value::Object(fields), embedding)
            && let Some(collection) = self.kinds.get_mut(kind.index())
        {
            collection.put(record, kind.page_order());
        }
    }

    /// Takes an object out.
    pub fn remove(&mut self, kind: Kind, id: Uuid) -> Option<Map<String, Value>> {
        self.kinds.get_mut(kind.index())?.remove(id)?.value()
    }

    /// How many objects there are of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.of(kind).map_or(0, |collection| collection.records.len())
    }

    /// Whether there is such an object.
    pub fn contains(&self, kind: Kind, id: &str) -> bool {
        self.find(kind, id).is_some()
    }

    fn find(&self, kind: Kind, id: &str) -> Option<&Record> {
        self.of(kind)?.get(Uuid::parse_str(id).ok()?)
    }

    /// One object as JSON text, if it exists and meets the condition.
    pub fn get(&self, kind: Kind, id: &str, condition: Option<&Condition>) -> Option<Vec<u8>> {
        let record = self.find(kind, id)?;
        if !condition.is_none_or(|condition| condition.holds(&record.keys)) {
            return None;
        }
        let mut out = Vec::new();
        self.write(record, &mut out);
        Some(out)
    }

    /// The first object of a kind that has just one.
    pub fn single(&self, kind: Kind) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.write(self.of(kind)?.in_page_order().next()?, &mut out);
        Some(out)
    }

    /// A list answer, as text.
    pub fn list(&self, kind: Kind, envelope: &str, query: &Query) -> Vec<u8> {
        use crate::http::paging::Window::{Cursor, Page, Whole};
        let mut out = format!("{{\"{envelope}\":[").into_bytes();
        let Some(collection) = self.of(kind) else { return out };
        match &query.window {
            Page { page, limit } => {
                let skip =
                    usize::try_from(page.saturating_sub(1)).unwrap_or(usize::MAX).saturating_mul(*limit);
                let total = if query.is_unfiltered() {
                    self.write_all(collection.in_page_order().skip(skip).take(*limit), &mut out);
                    collection.records.len()
                } else {
                    let found: Vec<_> =
                        collection.in_page_order().filter(|record| record.meets(query)).collect();
                    self.write_all(found.iter().copied().skip(skip).take(*limit), &mut out);
                    found.len()
                };
                out.extend_from_slice(format!("],\"total\":{total}}}").as_bytes());
            }
            Cursor { from, limit } => {
                let mut rows = collection.starting_at(from.as_deref()).filter(|record| record.meets(query));
                self.write_all(rows.by_ref().take(*limit), &mut out);
                // The cursor is the id of the next page's first row; the last page has none.
                match rows.next() {
                    Some(next) => out.extend_from_slice(format!("],\"cursor\":\"{}\"}}", next.id).as_bytes()),
                    None => out.extend_from_slice(b"]}"),
                }
            }
            Whole { total } => {
                let found: Vec<_> = collection.in_page_order().filter(|record| record.meets(query)).collect();
                self.write_all(found.iter().copied(), &mut out);
                out.push(b']');
                if *total {
                    out.extend_from_slice(format!(",\"total\":{}", found.len()).as_bytes());
                }
                out.push(b'}');
            }
        }
        out
    }

    fn write_all<'a>(&self, records: impl Iterator<Item = &'a Record>, out: &mut Vec<u8>) {
        for (at, record) in records.enumerate() {
            if at > 0 {
                out.push(b',');
            }
            self.write(record, out);
        }
    }

    fn write(&self, record: &Record, out: &mut Vec<u8>) {
        let mut rest = record.text.as_ref();
        let mut written = 0;
        for hole in &record.holes {
            let (before, after) = rest.split_at(hole.at - written);
            out.extend_from_slice(before.as_bytes());
            match self.of(hole.kind).and_then(|collection| collection.get(hole.id)) {
                Some(inner) => {
                    out.extend_from_slice(inner.embedded.as_ref().unwrap_or(&inner.text).as_bytes())
                }
                None => out.extend_from_slice(b"null"),
            }
            rest = after;
            written = hole.at;
        }
        out.extend_from_slice(rest.as_bytes());
    }

    /// Puts objects in; those without a UUID for an `id` are left out. Gives how many went in.
    pub fn extend(
        &mut self,
        kind: Kind,
        objects: impl IntoIterator<Item = Value>,
        embedding: Embedding,
    ) -> usize {
        let mut count = 0;
        let records = objects.into_iter().filter_map(|object| Record::new(kind, object, embedding));
        self.extend_with(kind, records.inspect(|_| count += 1));
        count
    }

    /// Puts records in.
    pub fn extend_with(&mut self, kind: Kind, records: impl Iterator<Item = Record>) {
        if let Some(collection) = self.kinds.get_mut(kind.index()) {
            collection.extend(records, kind.page_order());
        }
    }
}

/// One winery: its credentials and its objects.
#[derive(Debug)]
pub(crate) struct Winery {
    tenant: Tenant,
    collections: RwLock<Collections>,
    pub window: Window,
}

impl Winery {
    /// A winery without objects, whose number, seed and present `source` says.
    pub fn new(tenant: Tenant, source: Source) -> Self {
        let register = Register {
            seed: source.seed,
            tenant: source.tenant,
            ids: 0,
            last: source.now,
            next_order_number: None,
        };
        let kinds = Kind::ALL.iter().map(|_| Collection::default()).collect();
        let collections = Collections { kinds, register };
        Self { tenant, collections: RwLock::new(collections), window: Window::default() }
    }

    /// Its name and credentials; the counts are those of [`Winery::tenant`].
    pub fn credentials(&self) -> &Tenant {
        &self.tenant
    }

    /// The winery as its user sees it, counted now.
    pub fn tenant(&self) -> Tenant {
        let collections = self.read();
        let counts = Counts {
            customers: collections.count(Kind::Customer),
            orders: collections.count(Kind::Order),
            products: collections.count(Kind::Product),
            memberships: collections.count(Kind::ClubMembership),
            objects: Kind::ALL.iter().map(|kind| collections.count(*kind)).sum(),
        };
        Tenant { counts, ..self.tenant.clone() }
    }

    /// The objects, to be read.
    pub fn read(&self) -> RwLockReadGuard<'_, Collections> {
        self.collections.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The objects, to be changed.
    pub fn write(&self) -> RwLockWriteGuard<'_, Collections> {
        self.collections.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All wineries; there is at least one.
#[derive(Debug)]
pub(crate) struct Wineries {
    first: Winery,
    others: Vec<Winery>,
    by_name: HashMap<String, usize>,
}

impl Wineries {
    pub fn new(first: Winery, others: Vec<Winery>) -> Self {
        let names = std::iter::once(&first).chain(&others).map(|winery| winery.tenant.name.clone());
        let by_name = names.enumerate().map(|(at, name)| (name, at)).collect();
        Self { first, others, by_name }
    }

    /// The winery that recorded bodies are loaded into.
    pub fn first(&self) -> &Winery {
        &self.first
    }

    pub fn iter(&self) -> impl Iterator<Item = &Winery> {
        std::iter::once(&self.first).chain(&self.others)
    }

    /// A winery and its number by the value of the `tenant` header.
    pub fn find(&self, name: &str) -> Option<(usize, &Winery)> {
        let at = *self.by_name.get(name)?;
        Some((at, if at == 0 { &self.first } else { self.others.get(at - 1)? }))
    }

    pub fn names(&self) -> Vec<String> {
        self.iter().map(|winery| winery.tenant.name.clone()).collect()
    }

    pub fn tenants(&self) -> Vec<Tenant> {
        self.iter().map(Winery::tenant).collect()
    }
}
