//! Definition files: read from the binary or from a folder, parsed with the position of every mistake.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use include_dir::Dir;

use crate::error::DefinitionError;
use crate::near::Unknown;

/// The text of every YAML file, by its path from the folder of definitions.
pub type Files = BTreeMap<String, String>;

/// The files inside the binary.
pub fn embedded(folder: &Dir<'_>) -> Files {
    let mut files = Files::new();
    collect_embedded(folder, &mut files);
    files
}

/// The files of a folder on disk.
pub fn read(folder: &Path) -> Result<Files, DefinitionError> {
    let mut files = Files::new();
    collect_folder(folder, folder, &mut files)?;
    Ok(files)
}

fn collect_embedded(folder: &Dir<'_>, files: &mut Files) {
    for file in folder.files() {
        if let (Some(path), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
            files.insert(path.to_owned(), text.to_owned());
        }
    }
    for inner in folder.dirs() {
        collect_embedded(inner, files);
    }
}

fn collect_folder(root: &Path, folder: &Path, files: &mut Files) -> Result<(), DefinitionError> {
    let broken = |error: std::io::Error| {
        DefinitionError::new(folder.display().to_string(), format!("cannot be read: {error}"))
    };
    for entry in std::fs::read_dir(folder).map_err(broken)? {
        let path = entry.map_err(broken)?.path();
        if path.is_dir() {
            collect_folder(root, &path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = std::fs::read_to_string(&path).map_err(broken)?;
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            files.insert(name, text);
        }
    }
    Ok(())
}

/// Parses a file; a mistake carries its line and column.
pub fn parse<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T, DefinitionError> {
    read_value(yaml(file, text)?).map_err(|(path, reason)| locate(file, text, &path, &reason))
}

/// By way of JSON, as an override is read: the shapes of all definitions are compiled for one format only.
fn yaml(file: &str, text: &str) -> Result<serde_json::Value, DefinitionError> {
    serde_saphyr::from_str(text).map_err(|error| DefinitionError {
        file: file.to_owned(),
        position: error.location().map(|location| (location.line(), location.column())),
        reason: first_line(&error.without_snippet().to_string()),
    })
}

/// Reads what JSON says, a value or a reference to one; a mistake carries its path of keys and its reason.
pub fn read_value<'de, T: serde::de::DeserializeOwned>(
    value: impl serde::Deserializer<'de, Error = serde_json::Error>,
) -> Result<T, (Vec<String>, String)> {
    use serde_path_to_error::Segment;

    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().iter().filter_map(|step| match step {
            Segment::Map { key } => Some(key.clone()),
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Enum { .. } | Segment::Unknown => None,
        });
        (path.collect(), reword(&error.inner().to_string()))
    })
}

/// The parser repeats the position in its message; the error says it once.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line);
    reword(line.strip_prefix("error: ").unwrap_or(line))
}

/// Says what a parser complains of in words for a person: the nearest known name in place of all of them, and no
/// advice to programmers.
pub(crate) fn reword(message: &str) -> String {
    if let Some(rest) = message.strip_prefix("duplicate mapping key: ") {
        let key = rest.split(", set ").next().unwrap_or(rest);
        return format!("the key {key:?} stands here a second time");
    }
    if let Some(rest) = message.strip_prefix("missing field ") {
        return format!("the key {:?} is missing in this mapping", rest.trim_matches('`'));
    }
    let unknown = |what, rest: &str| {
        let (name, expected) = rest.split_once(", expected ")?;
        let expected = expected.strip_prefix("one of ").unwrap_or(expected);
        let known = expected.split([',', ' ']).map(|name| name.trim_matches('`'));
        let known = known.filter(|name| !name.is_empty() && *name != "or");
        Some(Unknown::new(what, name.trim_matches('`'), known).to_string())
    };
    message
        .strip_prefix("unknown field ")
        .and_then(|rest| unknown("key", rest))
        .or_else(|| message.strip_prefix("unknown variant ").and_then(|rest| unknown("value", rest)))
        .unwrap_or_else(|| message.to_owned())
}

/// A mistake in the meaning of a file, at the line and column of a path of keys, found by following them down the text.
/// A number means an item of a list, from 0. Where the path cannot be followed to its end, the last step found counts.
/// No path is the whole file.
pub fn locate(file: &str, text: &str, path: &[String], reason: &str) -> DefinitionError {
    let lines: Vec<&str> = text.lines().collect();
    let whole = lines.iter().position(|line| !is_blank(line)).map(|first| (first as u64 + 1, 1));
    let mut position = whole.filter(|_| path.is_empty());
    let (mut first, mut within) = (0, 0..lines.len());
    for key in path {
        match find_step(&lines, within.clone(), key) {
            Some(step) => {
                position = Some((step.line as u64 + 1, step.column as u64 + 1));
                (first, within) = (step.line, step.block);
            }
            // Inside a mapping of one line.
            None => {
                let column = lines.get(first).and_then(|line| inline_key(line, key));
                position = column.map(|column| (first as u64 + 1, column as u64 + 1)).or(position);
                within = 0..0;
            }
        }
    }
    DefinitionError { file: file.to_owned(), position, reason: reason.to_owned() }
}

/// Where a key or an item stands, and the lines below it that belong to it. Columns count characters.
struct Step {
    line: usize,
    column: usize,
    block: Range<usize>,
}

fn is_blank(line: &str) -> bool {
    line.trim().is_empty() || line.trim_start().starts_with('#')
}

fn find_step(lines: &[&str], within: Range<usize>, key: &str) -> Option<Step> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let end = within.end;
    let mut numbers =
        within.filter(|number| lines.get(*number).is_some_and(|line| !is_blank(line))).peekable();
    let level = indent(lines.get(*numbers.peek()?)?);
    let matches = |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.starts_with(':'));
    let at_level: Vec<usize> = numbers.filter(|number| indent(lines[*number]) == level).collect();
    let line = match key.parse::<usize>() {
        Ok(index) => {
            *at_level.iter().filter(|number| lines[**number].trim_start().starts_with("- ")).nth(index)?
        }
        Err(_) => *at_level.iter().find(|number| matches(lines[**number]))?,
    };
    // A list may stand at the level of its key.
    let is_item = |number: usize| lines[number].trim_start().starts_with("- ");
    let stop = at_level
        .iter()
        .find(|number| **number > line && (is_item(line) || !is_item(**number)))
        .copied()
        .unwrap_or(end);
    Some(Step { line, column: level, block: line + 1..stop })
}

fn inline_key(line: &str, key: &str) -> Option<usize> {
    let wanted = format!("{key}:");
    line.match_indices(&wanted)
        .map(|(at, _)| at)
        .find(|at| line[..*at].ends_with(['{', ' ', ',']))
        .map(|at| line[..at].chars().count())
}
