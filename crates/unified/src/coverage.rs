//! The coverage list: which unified field comes from where, who does which filter, and what is left out and why.

use std::fmt::Write as _;

use serde_json::Value;

use crate::map::ResourceMap;
use crate::model::Field;
use crate::query::FilterMap;

/// Renders the coverage of one integration as Markdown: its maps by model and resource.
pub fn coverage<'m>(
    label: &str,
    maps: impl IntoIterator<Item = (&'m str, &'m str, &'m ResourceMap)>,
) -> String {
    let mut page = format!(
        "# What is read from {label}\n\nGenerated from the maps and checked by the tests. Money is an exact decimal in text, \
         dates are RFC 3339 in UTC.\nA field without a value is absent; lists are always there.\n"
    );
    for (model, resource, map) in maps {
        // Writing to a string cannot fail.
        let _ = write!(page, "\n## {model}/{resource}\n\n{}\n\n", map.model().description);
        page.push_str("| field | type | from | direction |\n|---|---|---|---|\n");
        for (name, field) in &map.model().fields {
            match map.definition()["fields"].get(name) {
                Some(spec) => rows(&mut page, name, field, spec),
                None => {
                    let _ = writeln!(page, "| `{name}` | {} | – | not available |", type_name(field));
                }
            }
        }
        page.push_str("| `remote_data` | json | the whole record | read |\n\n| filter | operators | done by |\n|---|---|---|\n");
        for (name, filter) in map.filters() {
            let operators =
                map.model().filters.get(name).map(|kind| kind.operators.join(", ")).unwrap_or_default();
            let _ = writeln!(page, "| `{name}` | {operators} | {} |", done_by(filter));
        }
        page.push_str("\n| left out | why |\n|---|---|\n");
        for (path, reason) in map.left_out() {
            let _ = writeln!(page, "| `{path}` | {reason} |");
        }
    }
    page
}

fn rows(page: &mut String, name: &str, field: &Field, spec: &Value) {
    let _ = writeln!(page, "| `{name}` | {} | {} | read |", type_name(field), source(spec));
    let inner = spec.get("fields").or_else(|| spec.get("object")).and_then(Value::as_object);
    let mark = if spec.get("each").is_some() { "[]" } else { "" };
    for (inner_name, inner_spec) in inner.into_iter().flatten() {
        if let Some((_, declared)) = field.fields.iter().find(|(name, _)| name == inner_name) {
            rows(page, &format!("{name}{mark}.{inner_name}"), declared, inner_spec);
        }
    }
}

fn type_name(field: &Field) -> String {
    if field.values.is_empty() {
        field.kind.name().to_owned()
    } else {
        format!("enum {}", field.values.join(", "))
    }
}

/// Where a value comes from, in the words of the map.
fn source(spec: &Value) -> String {
    let path = |value: &Value| format!("`{}`", value.as_str().unwrap_or_default());
    let list = |value: &Value, with: &str| {
        value.as_array().into_iter().flatten().map(source).collect::<Vec<_>>().join(with)
    };
    let Value::Object(table) = spec else { return path(spec) };
    let Some((operator, argument)) = table.iter().next() else { return String::new() };
    match operator.as_str() {
        "from" if table.contains_key("words") => {
            let words: Vec<String> = table["words"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(from, to)| format!("{from} → {}", to.as_str().unwrap_or_default()))
                .collect();
            format!("{}: {}", path(argument), words.join(", "))
        }
        "from" => path(argument),
        "value" => format!("always {argument}"),
        "context" => format!("the account's {}", argument.as_str().unwrap_or_default()),
        "each" => format!("each of {}", path(argument)),
        "list" => list(argument, ", "),
        "concat" => list(argument, " and "),
        "first" => list(argument, ", else "),
        "join" => format!("{} joined", list(argument, ", ")),
        "sum" => format!("sum over {} of {}", path(argument), list(&table["of"], " × ")),
        "case" => "by case".to_owned(),
        "is_first" => "true for the first".to_owned(),
        "jsonata" => "a JSONata expression".to_owned(),
        _ => String::new(),
    }
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
