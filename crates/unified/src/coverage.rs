//! The coverage list: which unified field comes from where, who does which filter, and what is left out and why.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Map, Value};

use crate::compile::OPERATORS;
use crate::map::ResourceMap;
use crate::model::{Field, FieldType};
use crate::query::FilterMap;

/// Renders the coverage of one integration as Markdown: its maps by model and resource.
pub fn coverage<'m>(
    label: &str,
    maps: impl IntoIterator<Item = (&'m str, &'m str, &'m ResourceMap)>,
) -> String {
    let mut page = format!(
        "# What is read from {label} and written to it\n\nGenerated from the maps and checked by the tests. Money is an exact decimal in text, \
         dates are RFC 3339 in UTC.\nA field without a value is absent; lists are always there. A word that is not in a \
         list of words stays as it is.\nA filter that is refused, or is not named here, is answered with status 400; so is \
         `sort_by`.\nFor several values (`in`) the gateway reads every record.\n"
    );
    for (model, resource, map) in maps {
        // Writing to a string cannot fail.
        let _ = write!(page, "\n## {model}/{resource}\n\n{}\n\n", map.model().description);
        calls(&mut page, map);
        page.push_str("\n| field | type | from | direction |\n|---|---|---|---|\n");
        let written = map.written_fields();
        for (name, field) in &map.model().fields {
            match map.definition()["fields"].get(name) {
                Some(spec) => {
                    rows(&mut page, &written, name, field, &[Found { spec, prefix: String::new() }]);
                }
                None => not_read(&mut page, &written, name, field),
            }
        }
        page.push_str("| `remote_data` | json | the whole record | read |\n\n| filter | operators | done by |\n|---|---|---|\n");
        for (name, filter) in &map.model().filters {
            let operators = filter.operators.join(", ");
            let by = match map.filters().get(name) {
                None => "refused".to_owned(),
                Some(_) if map.required_filter("list") == Some(name.as_str()) => {
                    "needed: it names the record that is read".to_owned()
                }
                Some(_) if map.required_filter("list").is_some() => "gateway".to_owned(),
                Some(filter) => done_by(filter),
            };
            let _ = writeln!(page, "| `{name}` | {operators} | {by} |");
        }
        if map.left_out().is_empty() {
            page.push_str("\nNothing is left out.\n");
            continue;
        }
        page.push_str("\n| left out | why |\n|---|---|\n");
        for (path, reason) in map.left_out() {
            let _ = writeln!(page, "| `{path}` | {reason} |");
        }
    }
    page
}

/// Which calls a method makes.
fn calls(page: &mut String, map: &ResourceMap) {
    for (name, method) in &map.methods {
        let does = if ["list", "get"].contains(&name.as_str()) { "reads" } else { "calls" };
        let _ = write!(page, "- `{name}` {does} ");
        if let Some(items) = &method.items {
            let _ = write!(page, "the `{}` of ", items.list);
        }
        let _ = write!(page, "`{}` ({})", method.resource, method.method);
        if let Some(items) = &method.items {
            let _ = write!(page, ", which is named by `{}` and is `@{}`", items.of, items.name);
        }
        if let Some(across) = &method.across {
            let _ = write!(page, ", with each `{}` in turn: {}", across.param, across.values.join(", "));
        }
        for load in &method.loads {
            let _ = write!(page, ", and `{}` ({}) as `@{}`", load.resource, load.method, load.name);
        }
        page.push_str(".\n");
    }
}

/// The line of a field, and the path of the item that it is relative to.
struct Found<'s> {
    spec: &'s Value,
    prefix: String,
}

fn rows(page: &mut String, written: &BTreeSet<String>, name: &str, field: &Field, found: &[Found<'_>]) {
    let mut sources: Vec<String> = Vec::new();
    for Found { spec, prefix } in found {
        let source = source(spec, prefix);
        if !source.is_empty() && !sources.contains(&source) {
            sources.push(source);
        }
    }
    let direction = if written.contains(name) { "both" } else { "read" };
    let _ = writeln!(page, "| `{name}` | {} | {} | {direction} |", type_name(field), sources.join(", or "));
    let inner: Vec<(&Map<String, Value>, String)> =
        found.iter().flat_map(|Found { spec, prefix }| tables(spec, prefix)).collect();
    if inner.is_empty() {
        return;
    }
    let mark = if field.kind == FieldType::Array { "[]" } else { "" };
    for (inner_name, declared) in &field.fields {
        let path = format!("{name}{mark}.{inner_name}");
        let found: Vec<Found<'_>> = inner
            .iter()
            .filter_map(|(table, prefix)| {
                Some(Found { spec: table.get(inner_name)?, prefix: prefix.clone() })
            })
            .collect();
        if found.is_empty() {
            not_read(page, written, &path, declared);
        } else {
            rows(page, written, &path, declared, &found);
        }
    }
}

fn not_read(page: &mut String, written: &BTreeSet<String>, name: &str, field: &Field) {
    let direction = if written.contains(name) { "write" } else { "not available" };
    let _ = writeln!(page, "| `{name}` | {} | – | {direction} |", type_name(field));
}

fn type_name(field: &Field) -> String {
    if field.values.is_empty() {
        field.kind.name().to_owned()
    } else {
        format!("enum {}", field.values.join(", "))
    }
}

/// The operator of a field's line, and what stands after it.
fn operator(spec: &Value) -> Option<(&str, &Value)> {
    spec.as_object()?
        .iter()
        .map(|(name, argument)| (name.as_str(), argument))
        .find(|(name, _)| OPERATORS.contains(name))
}

/// The tables of fields that an object or the items of a list are made of.
fn tables<'s>(spec: &'s Value, prefix: &str) -> Vec<(&'s Map<String, Value>, String)> {
    match operator(spec) {
        Some(("object", Value::Object(fields))) => vec![(fields, prefix.to_owned())],
        Some(("each", list)) => {
            let fields = spec.get("fields").and_then(Value::as_object);
            fields.map(|fields| (fields, item_of(list, prefix))).into_iter().collect()
        }
        Some(("list" | "concat" | "first", Value::Array(parts))) => {
            parts.iter().flat_map(|part| tables(part, prefix)).collect()
        }
        _ => Vec::new(),
    }
}

fn item_of(list: &Value, prefix: &str) -> String {
    let list = list.as_str().unwrap_or_default().trim_end_matches("[]");
    let prefix = if list.starts_with('@') { "" } else { prefix };
    format!("{prefix}{list}[].")
}

/// Where a value comes from, in the words of the map. Nothing for an object: its fields say it.
fn source(spec: &Value, prefix: &str) -> String {
    let path = |value: &Value| {
        let path = value.as_str().unwrap_or_default();
        format!("`{}{path}`", if path.starts_with('@') { "" } else { prefix })
    };
    let list = |value: &Value, with: &str| {
        let sources = value.as_array().into_iter().flatten().map(|spec| source(spec, prefix));
        sources.filter(|source| !source.is_empty()).collect::<Vec<_>>().join(with)
    };
    if spec.is_string() {
        return path(spec);
    }
    let Some((operator, argument)) = operator(spec) else { return String::new() };
    match operator {
        "from" => {
            let mut source = path(argument);
            if let Some(last) = spec.get("last") {
                source = format!("the last {last} characters of {source}");
            }
            let words = spec.get("words").and_then(Value::as_object).into_iter().flatten();
            let words: Vec<String> =
                words.map(|(from, to)| format!("{from} → {}", to.as_str().unwrap_or_default())).collect();
            if words.is_empty() { source } else { format!("{source}: {}", words.join(", ")) }
        }
        "value" => format!("always {}", argument.as_str().unwrap_or_default()),
        "context" => format!("the account's {}", argument.as_str().unwrap_or_default().replace('_', " ")),
        "each" => {
            let of = match spec.get("item") {
                Some(item) => source(item, &item_of(argument, prefix)),
                None => format!("each of `{}`", item_of(argument, prefix).trim_end_matches('.')),
            };
            let once = spec.get("distinct").map_or("", |_| ", each once");
            format!("{of}{once}{}", when(spec))
        }
        "list" if argument.as_array().is_some_and(Vec::is_empty) => "always empty".to_owned(),
        "list" => list(argument, ", "),
        "concat" => list(argument, ", and "),
        "first" => list(argument, ", else "),
        "join" => {
            let parts = list(argument, ", ");
            if argument.as_array().is_some_and(|parts| parts.len() > 1) {
                format!("{parts} joined")
            } else if spec.get("distinct").is_some() {
                format!("{parts}, each once")
            } else {
                parts
            }
        }
        "sum" => {
            let lists: Vec<&Value> =
                argument.as_array().map_or_else(|| vec![argument], |lists| lists.iter().collect());
            let sums: Vec<String> =
                lists.iter().map(|list| factors(&spec["of"], &item_of(list, prefix))).collect();
            let by = spec.get("by").map(|by| format!(" by {}", path(by))).unwrap_or_default();
            format!("the sum of {}{by}{}", sums.join(" and "), when(spec))
        }
        "times" => factors(argument, prefix),
        "case" => cases(argument, prefix),
        "is_first" => "true for the first".to_owned(),
        "jsonata" => "a JSONata expression".to_owned(),
        _ => String::new(),
    }
}

/// Which items of a list count.
fn when(spec: &Value) -> String {
    let conditions = conditions(spec.get("where"), "");
    if conditions.is_empty() { conditions } else { format!(", when {conditions}") }
}

fn factors(paths: &Value, prefix: &str) -> String {
    paths.as_array().into_iter().flatten().map(|path| source(path, prefix)).collect::<Vec<_>>().join(" × ")
}

fn cases(arms: &Value, prefix: &str) -> String {
    let arms = arms.as_array().into_iter().flatten().map(|arm| {
        let then = source(&arm["then"], prefix);
        let then = then.strip_prefix("always ").unwrap_or(&then);
        let when = conditions(arm.get("when"), prefix);
        if when.is_empty() { format!("else {then}") } else { format!("{then} when {when}") }
    });
    arms.collect::<Vec<_>>().join(", ")
}

fn conditions(table: Option<&Value>, prefix: &str) -> String {
    let text = |word: &Value| match word {
        Value::Null => "absent".to_owned(),
        Value::String(word) => word.clone(),
        other => other.to_string(),
    };
    let conditions = table.and_then(Value::as_object).into_iter().flatten().map(|(path, words)| {
        let words = match words {
            Value::Array(words) => words.iter().map(text).collect::<Vec<_>>().join(" or "),
            word => text(word),
        };
        format!("`{prefix}{path}` is {words}")
    });
    conditions.collect::<Vec<_>>().join(" and ")
}

fn done_by(filter: &FilterMap) -> String {
    let note = filter.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
    match (&filter.param, &filter.lower_bound, &filter.field) {
        (Some(param), _, None) => format!("provider, `{param}`{note}"),
        (Some(param), _, Some(_)) => format!("provider, `{param}`, checked by the gateway{note}"),
        (None, Some(bound), _) => format!("gateway, narrowed by `{bound}`{note}"),
        (None, None, _) => format!("gateway, reading every record{note}"),
    }
}
