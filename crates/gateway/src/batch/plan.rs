//! Checking a batch before anything is sent: what its nodes call, what they depend on, and what their placeholders name.

use std::collections::BTreeSet;

use expression::{Expression, Template};
use integration::Unknown;
use serde_json::{Map, Value, json};

use super::budget::MAX_NODES;
use super::request::{BatchRequest, Node, RecurseConfig};
use super::scope::{Key, Part, Seen};
use crate::resolve::Connected;
use crate::{Error, Gateway};

/// The fields of a node, for "did you mean".
const FIELDS: [&str; 12] = [
    "type",
    "name",
    "resource",
    "method",
    "id",
    "query",
    "body",
    "depends_on",
    "loop_on",
    "persist",
    "recurse",
    "response_format",
];
/// Parameters of a query that a node says in another way, and how.
const ELSEWHERE: [(&str, &str); 4] = [
    ("integrated_account_id", "a batch is about one account: leave it out"),
    ("truto_response_format", "write it as the node's response_format"),
    ("truto_key_by", "the records of a batch are lists: leave it out"),
    ("truto_body_passthrough", "the bodies of a batch are JSON: leave it out"),
];

/// A checked batch.
#[derive(Debug)]
pub(super) struct Plan {
    pub nodes: Vec<Planned>,
    pub args: Value,
}

/// A checked node.
#[derive(Debug)]
pub(super) struct Planned {
    pub key: Key,
    /// The nodes whose records it is made of.
    pub depends_on: Vec<usize>,
    /// The nodes that its placeholders can name: those that each of its calls has one record of; all nodes before a transform.
    pub sees: BTreeSet<usize>,
    /// Whether its records are given back.
    pub is_wanted: bool,
    pub work: Work,
}

#[derive(Debug)]
pub(super) enum Work {
    Request(Box<Request>),
    Transform(Expression),
    /// Hands on the records of what it depends on.
    Spool,
}

/// A node that calls.
#[derive(Debug)]
pub(super) struct Request {
    /// `model` and resource, or one of the platform's own resources.
    pub target: Target,
    pub method: String,
    /// Whether the platform is only asked.
    pub is_read: bool,
    pub id: Option<Part>,
    pub query: Option<Part>,
    pub body: Option<Part>,
    pub format: Option<String>,
    pub loop_on: Option<Loop>,
    pub recurse: Option<Repeat>,
    /// The nodes whose records are looked into.
    pub needs: BTreeSet<usize>,
}

#[derive(Debug)]
pub(super) enum Target {
    Unified { model: String, resource: String },
    Proxy { resource: String },
}

/// The list that is looped over.
#[derive(Debug)]
pub(super) enum Loop {
    Args(Vec<String>),
    Record(usize, Vec<String>),
}

/// How a call is repeated for a record that it gave.
#[derive(Debug)]
pub(super) struct Repeat {
    pub condition: Option<Part>,
    pub id: Option<Part>,
    pub query: Option<Part>,
}

impl Plan {
    pub(super) fn check(
        gateway: &Gateway,
        connected: &Connected,
        request: BatchRequest,
    ) -> Result<Self, Error> {
        let BatchRequest { args, resources: given, .. } = request;
        if given.is_empty() || given.len() > MAX_NODES {
            return Err(Error::bad_request(format!("resources: from 1 to {MAX_NODES} nodes are needed")));
        }
        let mut mistakes = Mistakes::default();
        let keys: Vec<Key> =
            given.iter().enumerate().map(|(at, node)| key(at, node, &mut mistakes)).collect();
        check_names(&keys, &mut mistakes);
        let depends_on: Vec<Vec<usize>> =
            given.iter().enumerate().map(|(at, node)| dependencies(at, node, &keys, &mut mistakes)).collect();
        check_circles(&keys, &depends_on, &mut mistakes);
        // What follows looks along the dependencies.
        mistakes.refuse()?;
        let calculates: Vec<bool> = given.iter().map(|node| !is_request(node)).collect();
        let any_is_wanted = given.iter().any(|node| node.persist == Some(true));
        let args = Value::Object(args);
        let mut nodes = Vec::new();
        for (at, node) in given.into_iter().enumerate() {
            let sees = sees(at, &depends_on, &calculates);
            let checker = Checker { gateway, connected, at, keys: &keys, sees: &sees, args: &args };
            let is_wanted =
                if any_is_wanted { node.persist == Some(true) } else { node.persist != Some(false) };
            let Some(work) = checker.work(node, &mut mistakes) else { continue };
            let (key, depends_on) = (keys[at].clone(), depends_on[at].clone());
            nodes.push(Planned { key, depends_on, sees, is_wanted, work });
        }
        mistakes.refuse()?;
        Ok(Self { nodes, args })
    }
}

/// What is wrong, each with its place.
#[derive(Default)]
struct Mistakes(Vec<Value>);

impl Mistakes {
    fn add(&mut self, at: usize, field: &str, message: impl std::fmt::Display) {
        let place =
            if field.is_empty() { format!("resources[{at}]") } else { format!("resources[{at}].{field}") };
        self.0.push(json!({"field": place, "message": message.to_string()}));
    }

    fn refuse(&mut self) -> Result<(), Error> {
        if self.0.is_empty() {
            return Ok(());
        }
        let told = |failure: &Value| {
            let text = |name: &str| failure[name].as_str().unwrap_or_default().to_owned();
            format!("{}: {}", text("field"), text("message"))
        };
        let message = self.0.iter().map(told).collect::<Vec<_>>().join("; ");
        Err(Error::BadRequest { message, details: Some(json!({"failures": std::mem::take(&mut self.0)})) })
    }
}

fn is_request(node: &Node) -> bool {
    node.kind.as_deref().is_none_or(|kind| kind == "request")
}

fn key(at: usize, node: &Node, mistakes: &mut Mistakes) -> Key {
    let name = node.name.as_ref().or(node.resource.as_ref().filter(|_| is_request(node)));
    let name = name.cloned().unwrap_or_default();
    if name.is_empty() {
        let missing = if is_request(node) { "resource" } else { "name" };
        mistakes.add(at, missing, "is needed");
    } else if let Some(sign) = name.chars().find(|sign| !sign.is_alphanumeric() && !"_-/".contains(*sign)) {
        mistakes.add(at, "name", format!("takes letters, digits, _, - and /, and no {sign:?}"));
    }
    let resource = node.resource.as_deref().filter(|_| is_request(node)).unwrap_or_default();
    let resource = resource.splitn(2, '/').filter(|part| !part.is_empty()).map(str::to_owned).collect();
    Key { name, resource }
}

fn check_names(keys: &[Key], mistakes: &mut Mistakes) {
    for (at, key) in keys.iter().enumerate() {
        if !key.name.is_empty() && keys[..at].iter().any(|other| other.name == key.name) {
            let name = &key.name;
            mistakes.add(at, "name", format!("another node is named {name:?}: give each a name of its own"));
        }
        if keys.iter().any(|other| other.resource.len() == 2 && other.resource[0] == key.name) {
            mistakes.add(
                at,
                "name",
                format!("{:?} is the name of a unified model: choose another", key.name),
            );
        }
    }
}

fn dependencies(at: usize, node: &Node, keys: &[Key], mistakes: &mut Mistakes) -> Vec<usize> {
    let mut found = Vec::new();
    for name in node.depends_on.iter().flat_map(|names| names.iter()) {
        match keys.iter().position(|key| key.name == name) {
            Some(other) if found.contains(&other) => {
                mistakes.add(at, "depends_on", format!("{name:?} is named twice"));
            }
            Some(other) => found.push(other),
            None => {
                let known = keys.iter().map(|key| key.name.as_str());
                mistakes.add(at, "depends_on", Unknown::new("node", name, known));
            }
        }
    }
    found
}

/// Finds nodes that would wait for each other.
fn check_circles(keys: &[Key], depends_on: &[Vec<usize>], mistakes: &mut Mistakes) {
    let mut open: BTreeSet<usize> = (0..keys.len()).collect();
    while let Some(&free) = open.iter().find(|at| depends_on[**at].iter().all(|other| !open.contains(other)))
    {
        open.remove(&free);
    }
    // Whoever follows the dependencies that are left comes round.
    let Some(&start) = open.first() else { return };
    let mut way = vec![start];
    while let Some(&next) =
        way.last().and_then(|at| depends_on[*at].iter().find(|other| open.contains(other)))
    {
        if let Some(begin) = way.iter().position(|at| *at == next) {
            way.drain(..begin);
            way.push(next);
            break;
        }
        way.push(next);
    }
    let names: Vec<&str> = way.iter().map(|at| keys[*at].name.as_str()).collect();
    let circle = names.join(" depends on ");
    mistakes.add(way[0], "depends_on", format!("{circle}: none of them can be the first"));
}

/// The nodes that a node's placeholders can name. What a calculation gives has no record that it comes of.
fn sees(at: usize, depends_on: &[Vec<usize>], calculates: &[bool]) -> BTreeSet<usize> {
    let mut seen = BTreeSet::new();
    let mut next = depends_on[at].clone();
    while let Some(node) = next.pop() {
        if seen.insert(node) && (calculates[at] || !calculates[node]) {
            next.extend(&depends_on[node]);
        }
    }
    seen
}

/// Checks one node.
struct Checker<'c> {
    gateway: &'c Gateway,
    connected: &'c Connected,
    at: usize,
    keys: &'c [Key],
    sees: &'c BTreeSet<usize>,
    args: &'c Value,
}

/// What a part's placeholders may name besides.
#[derive(Clone, Copy)]
struct Look<'l> {
    /// The node itself, where its own record is there already.
    itself: Option<usize>,
    /// The list of the arguments that is looped over: below it is what each item has.
    looped: &'l [String],
}

impl Checker<'_> {
    fn work(&self, node: Node, mistakes: &mut Mistakes) -> Option<Work> {
        for name in node.unknown.keys() {
            match name.as_str() {
                "delete_tracking" | "delete_tracking_query" => mistakes.add(
                    self.at,
                    name,
                    "this gateway keeps no copy of the records to track deletions in: leave it out",
                ),
                _ => {
                    let known = FIELDS.into_iter().chain(["config"]);
                    mistakes.add(self.at, name, Unknown::new("field", name, known).with_known());
                }
            }
        }
        match node.kind.as_deref().unwrap_or("request") {
            "request" => self.request(node, mistakes).map(|request| Work::Request(Box::new(request))),
            "transform" => {
                self.refuse_fields(&node, &["config"], mistakes);
                let Some(config) = node.config else {
                    mistakes.add(self.at, "config.expression", "is needed: the JSONata expression");
                    return None;
                };
                match Expression::compile(&config.expression) {
                    Ok(expression) => Some(Work::Transform(expression)),
                    Err(error) => {
                        mistakes.add(self.at, "config.expression", error);
                        None
                    }
                }
            }
            "spool" => {
                self.refuse_fields(&node, &[], mistakes);
                if node.depends_on.is_none() {
                    mistakes.add(self.at, "depends_on", "is needed: a spool hands on the records of others");
                }
                Some(Work::Spool)
            }
            other => {
                let known = ["request", "transform", "spool"];
                mistakes.add(self.at, "type", Unknown::new("type", other, known).with_known());
                None
            }
        }
    }

    /// Refuses what only calls take.
    fn refuse_fields(&self, node: &Node, takes: &[&str], mistakes: &mut Mistakes) {
        let given = [
            ("resource", node.resource.is_some()),
            ("method", node.method.is_some()),
            ("id", node.id.is_some()),
            ("query", node.query.is_some()),
            ("body", node.body.is_some()),
            ("loop_on", node.loop_on.is_some()),
            ("recurse", node.recurse.is_some()),
            ("response_format", node.response_format.is_some()),
            ("config", node.config.is_some()),
        ];
        for (name, _) in given.into_iter().filter(|(name, is_given)| *is_given && !takes.contains(name)) {
            mistakes.add(
                self.at,
                name,
                format!("a {} takes none", node.kind.as_deref().unwrap_or("request")),
            );
        }
    }

    fn request(&self, node: Node, mistakes: &mut Mistakes) -> Option<Request> {
        if node.config.is_some() {
            mistakes.add(self.at, "config", "is for a node with \"type\": \"transform\"");
        }
        if let Some(format) = node.response_format.as_deref()
            && !["unified", "normalized", "raw"].contains(&format)
        {
            let unknown = Unknown::new("response_format", format, ["unified", "normalized", "raw"]);
            mistakes.add(self.at, "response_format", unknown.with_known());
        }
        let Some(method) = node.method else {
            mistakes.add(self.at, "method", "is needed, such as list");
            return None;
        };
        let called = self.called(&node.resource.unwrap_or_default(), &method, mistakes);
        let mut needs = BTreeSet::new();
        let loop_on = node.loop_on.as_deref().and_then(|path| self.loop_on(path, mistakes));
        let looped = match &loop_on {
            Some(Loop::Args(steps)) => steps.as_slice(),
            Some(Loop::Record(other, _)) => {
                needs.insert(*other);
                &[]
            }
            None => &[],
        };
        let look = Look { itself: None, looped };
        let mut part = |field: &str, value: Option<&Value>, mistakes: &mut Mistakes| {
            self.part(field, value?, look, &mut needs, mistakes)
        };
        let id = part("id", node.id.as_ref(), mistakes);
        let query = part("query", node.query.as_ref(), mistakes);
        let body = part("body", node.body.as_ref(), mistakes);
        let recurse = node.recurse.map(|recurse| {
            let RecurseConfig { id, query } = recurse.config;
            if id.is_none() && query.is_none() {
                mistakes.add(
                    self.at,
                    "recurse.config",
                    "says nothing: without id or query it would ask the same again",
                );
            }
            let look = Look { itself: Some(self.at), looped };
            let mut part =
                |field: &str, value: Option<Value>| self.part(field, &value?, look, &mut needs, mistakes);
            Repeat {
                condition: part("recurse.if", recurse.condition.map(Value::String)),
                id: part("recurse.config.id", id),
                query: part("recurse.config.query", query),
            }
        });
        needs.remove(&self.at);
        if let Some(Value::Object(query)) = &node.query
            && let Err((name, reason)) = refuse_elsewhere(query)
        {
            mistakes.add(self.at, &format!("query.{name}"), reason);
        }
        let (target, is_read) = called?;
        let has_id = id.is_some();
        self.check_id(&target, &method, has_id, node.query.as_ref(), mistakes);
        if body.is_some() && is_read && matches!(method.as_str(), "list" | "get") {
            mistakes.add(self.at, "body", format!("{method} takes none"));
        }
        let format = node.response_format;
        Some(Request { target, method, is_read, id, query, body, format, loop_on, recurse, needs })
    }

    /// What is called, and whether that only asks.
    fn called(&self, resource: &str, method: &str, mistakes: &mut Mistakes) -> Option<(Target, bool)> {
        let integration = &self.connected.integration;
        let verb_of = |resource: &str, method: &str| {
            let verb = integration.resource(resource).and_then(|resource| resource.method(method));
            verb.is_ok_and(|method| method.verb.is_safe())
        };
        let Some((model, name)) = resource.split_once('/') else {
            let found = match integration.resource(resource) {
                Ok(found) => found,
                Err(unknown) => {
                    mistakes.add(self.at, "resource", unknown);
                    return None;
                }
            };
            if let Err(unknown) = found.method(method) {
                mistakes.add(self.at, "method", unknown);
                return None;
            }
            return Some((Target::Proxy { resource: resource.to_owned() }, verb_of(resource, method)));
        };
        let map = match self.gateway.map(self.connected, model, name) {
            Ok(map) => map,
            Err(error) => {
                mistakes.add(self.at, "resource", error);
                return None;
            }
        };
        match map.method(method) {
            Ok(called) => {
                let target = Target::Unified { model: model.to_owned(), resource: name.to_owned() };
                Some((target, verb_of(&called.resource, &called.method)))
            }
            Err(unknown) => {
                mistakes.add(self.at, "method", unknown);
                None
            }
        }
    }

    fn check_id(
        &self,
        target: &Target,
        method: &str,
        has_id: bool,
        query: Option<&Value>,
        mistakes: &mut Mistakes,
    ) {
        let needs_id = match target {
            Target::Unified { .. } => match method {
                "get" | "update" | "delete" => Some(true),
                "list" | "create" => Some(false),
                _ => None,
            },
            Target::Proxy { resource } => {
                let resource = self.connected.integration.resource(resource);
                let needs =
                    resource.and_then(|resource| resource.method(method)).map(integration::Method::needs_id);
                // An expression, and a parameter of that name, may say it.
                let in_query = query.is_some_and(|query| query.is_string() || query.get("id").is_some());
                needs.ok().filter(|needs| !(*needs && in_query))
            }
        };
        match needs_id {
            Some(true) if !has_id => {
                mistakes.add(self.at, "id", format!("{method} needs it: which record is meant"));
            }
            Some(false) if has_id => mistakes.add(self.at, "id", format!("{method} takes none")),
            _ => {}
        }
    }

    /// A value with placeholders, or an expression.
    fn part(
        &self,
        field: &str,
        value: &Value,
        look: Look<'_>,
        needs: &mut BTreeSet<usize>,
        mistakes: &mut Mistakes,
    ) -> Option<Part> {
        let is_object_or_expression =
            field.ends_with("query") || field.ends_with("body") || field.ends_with("if");
        match value {
            Value::String(text) if is_object_or_expression && !text.trim_start().starts_with("{{") => {
                match Expression::compile(text) {
                    Ok(expression) => {
                        // What it looks into is not known before.
                        needs.extend(self.sees);
                        Some(Part::Expression(expression))
                    }
                    Err(error) => {
                        mistakes.add(self.at, field, error);
                        None
                    }
                }
            }
            Value::String(_) => self.template(field, value, look, needs, mistakes),
            Value::Number(_) if !is_object_or_expression => {
                self.template(field, &Value::String(value.to_string()), look, needs, mistakes)
            }
            Value::Object(_) if is_object_or_expression => self.template(field, value, look, needs, mistakes),
            Value::Array(_) if field == "body" => self.template(field, value, look, needs, mistakes),
            _ => {
                let wanted =
                    if is_object_or_expression { "an object, or a JSONata expression" } else { "text" };
                mistakes.add(self.at, field, format!("has to be {wanted}"));
                None
            }
        }
    }

    fn template(
        &self,
        field: &str,
        value: &Value,
        look: Look<'_>,
        needs: &mut BTreeSet<usize>,
        mistakes: &mut Mistakes,
    ) -> Option<Part> {
        let template = match Template::parse(value) {
            Ok(template) => template,
            Err(error) => {
                mistakes.add(self.at, field, error);
                return None;
            }
        };
        for placeholder in template.placeholders() {
            for (root, steps) in placeholder.paths() {
                match root {
                    "args" => {}
                    "resources" => match self.find(steps, look.itself) {
                        Ok((node, _)) => {
                            needs.insert(node);
                        }
                        Err(reason) => {
                            mistakes.add(
                                self.at,
                                field,
                                format!("{{{{{}}}}}: {reason}", placeholder.written()),
                            );
                        }
                    },
                    other => mistakes.add(
                        self.at,
                        field,
                        format!(
                            "{{{{{}}}}}: {}",
                            placeholder.written(),
                            Unknown::new("root", other, ["args", "resources"])
                        ),
                    ),
                }
            }
        }
        // What only the arguments could say, and do not, no record will.
        let seen = Seen { args: self.args.clone(), resources: Value::Object(Map::new()) };
        for missing in template.missing(&seen.scope()) {
            let is_item = |steps: &[String]| !look.looped.is_empty() && steps.starts_with(look.looped);
            if missing.paths().all(|(root, steps)| root == "args" && !is_item(steps)) {
                mistakes.add(self.at, field, format!("{{{{{}}}}}: args do not have it", missing.written()));
            }
        }
        Some(Part::Template(template))
    }

    /// The node that a path below `resources` leads to, and the rest of the path.
    fn find<'p>(&self, steps: &'p [String], itself: Option<usize>) -> Result<(usize, &'p [String]), String> {
        let all = self.keys.iter().enumerate();
        let found: Vec<(usize, &[String])> =
            all.filter_map(|(node, key)| Some((node, key.rest(steps)?))).collect();
        let is_named = |node: &usize| steps.first() == Some(&self.keys[*node].name);
        let visible = |node: &usize| self.sees.contains(node) || itself == Some(*node);
        let mut seen: Vec<_> = found.iter().filter(|(node, _)| visible(node)).copied().collect();
        if seen.len() > 1 && seen.iter().any(|(node, _)| is_named(node)) {
            seen.retain(|(node, _)| is_named(node));
        }
        let names = |nodes: &[(usize, &[String])]| {
            nodes.iter().map(|(node, _)| self.keys[*node].name.as_str()).collect::<Vec<_>>().join(" or ")
        };
        match (seen.as_slice(), found.as_slice()) {
            ([one], _) => Ok(*one),
            ([], [(node, _), ..]) if *node == self.at => {
                Err("a node can't be made of its own records".to_owned())
            }
            ([], []) => {
                let known = self.keys.iter().map(|key| key.name.as_str());
                Err(Unknown::new("node", &steps.join("."), known).to_string())
            }
            ([], others) => Err(format!("write depends_on: {}", names(others))),
            (several, _) => Err(format!("several nodes have this resource; name one: {}", names(several))),
        }
    }

    fn loop_on(&self, path: &str, mistakes: &mut Mistakes) -> Option<Loop> {
        let bare = path.strip_prefix("{{").and_then(|path| path.strip_suffix("}}")).unwrap_or(path).trim();
        let steps: Vec<String> = bare.split('.').map(str::to_owned).collect();
        let found = match steps.split_first() {
            Some((root, rest)) if root == "resources" => {
                self.find(rest, None).map(|(node, rest)| Loop::Record(node, rest.to_vec()))
            }
            Some((root, rest)) if root == "args" => Ok(Loop::Args(rest.to_vec())),
            // An argument by its name alone.
            _ => Ok(Loop::Args(steps)),
        };
        let found = found.and_then(|found| match &found {
            Loop::Args(steps) if super::scope::at(self.args, steps).is_none_or(|list| !list.is_array()) => {
                Err(format!("args have no list {:?}", steps.join(".")))
            }
            _ => Ok(found),
        });
        found.map_err(|reason| mistakes.add(self.at, "loop_on", format!("{path}: {reason}"))).ok()
    }
}

/// Refuses parameters that a node says in another way; gives the name and what to do.
pub(super) fn refuse_elsewhere(query: &Map<String, Value>) -> Result<(), (&'static str, &'static str)> {
    match ELSEWHERE.into_iter().find(|(name, _)| query.contains_key(*name)) {
        Some(mistake) => Err(mistake),
        None => Ok(()),
    }
}
