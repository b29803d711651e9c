//! Definition files: read from the binary or from a folder, parsed with the position of every mistake.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::Dir;

use crate::error::DefinitionError;

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
    serde_saphyr::from_str(text).map_err(|error| DefinitionError {
        file: file.to_owned(),
        position: error.location().map(|location| (location.line(), location.column())),
        reason: first_line(&error.without_snippet().to_string()),
    })
}

/// The parser repeats the position in its message; the error says it once.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default();
    let line = line.split(" at line ").next().unwrap_or(line);
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// A mistake in the meaning of a file, at the line and column of a path of keys, found by following them down the text.
pub fn locate(file: &str, text: &str, path: &[String], reason: &str) -> DefinitionError {
    let mut position = None;
    let mut lines = text.lines().zip(1_u64..);
    for key in path {
        let found = lines.by_ref().find_map(|(line, number)| {
            let start = line.len() - line.trim_start().len();
            let rest = &line[start..];
            (rest.strip_prefix(key.as_str())?.starts_with(':')).then_some((number, start as u64 + 1))
        });
        // Keys inside a one-line mapping stay on the line of their parent.
        position = found.or(position);
        if found.is_none() {
            break;
        }
    }
    DefinitionError { file: file.to_owned(), position, reason: reason.to_owned() }
}
