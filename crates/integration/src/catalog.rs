//! All integrations: read from the binary or from a folder, checked before anything is served.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use serde_json::{Map, Value};

use crate::compiled::{Integration, Mistake};
use crate::error::DefinitionError;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../integrations");

/// The integrations that accounts can be connected to, by name.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    integrations: BTreeMap<String, Arc<Integration>>,
}

impl Catalog {
    /// The integrations inside the binary.
    pub fn embedded() -> Result<Self, DefinitionError> {
        let mut files = BTreeMap::new();
        collect_embedded(&EMBEDDED, &mut files);
        Self::from_files(&files)
    }

    /// The integrations of a folder: a folder each, with `integration.yaml` and `resources/*.yaml`.
    pub fn read(folder: &Path) -> Result<Self, DefinitionError> {
        let mut files = BTreeMap::new();
        collect_folder(folder, folder, &mut files)?;
        Self::from_files(&files)
    }

    /// Finds an integration by name.
    pub fn get(&self, name: &str) -> Option<&Arc<Integration>> {
        self.integrations.get(name)
    }

    /// All integrations, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Integration>> {
        self.integrations.values()
    }

    /// `files` holds the text of every YAML file by its path from the folder of integrations.
    fn from_files(files: &BTreeMap<String, String>) -> Result<Self, DefinitionError> {
        let mut integrations = BTreeMap::new();
        for (file, text) in files {
            let Some(folder) = file.strip_suffix("/integration.yaml").filter(|folder| !folder.contains('/'))
            else {
                continue;
            };
            let integration = read_integration(folder, file, text, files)?;
            integrations.insert(integration.name.clone(), Arc::new(integration));
        }
        if integrations.is_empty() {
            return Err(DefinitionError::new(
                "integrations",
                "there is no <name>/integration.yaml in this folder",
            ));
        }
        Ok(Self { integrations })
    }
}

fn collect_embedded(folder: &Dir<'_>, files: &mut BTreeMap<String, String>) {
    for file in folder.files() {
        if let (Some(path), Some(text)) = (file.path().to_str(), file.contents_utf8()) {
            files.insert(path.to_owned(), text.to_owned());
        }
    }
    for inner in folder.dirs() {
        collect_embedded(inner, files);
    }
}

fn collect_folder(
    root: &Path,
    folder: &Path,
    files: &mut BTreeMap<String, String>,
) -> Result<(), DefinitionError> {
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

fn read_integration(
    folder: &str,
    file: &str,
    text: &str,
    files: &BTreeMap<String, String>,
) -> Result<Integration, DefinitionError> {
    let mut definition = parse::<Map<String, Value>>(file, text)?;
    if definition.get("name").and_then(Value::as_str) != Some(folder) {
        return Err(located(
            file,
            text,
            &["name".to_owned()],
            &format!("the name has to be the folder's, {folder:?}"),
        ));
    }
    let mut resources = Map::new();
    let mut origin = BTreeMap::new();
    let prefix = format!("{folder}/resources/");
    for (file, text) in files.iter().filter(|(file, _)| file.starts_with(&prefix)) {
        for (name, resource) in parse::<Map<String, Value>>(file, text)? {
            // A typed look at each file alone: the parser then knows line and column of a misspelt key.
            parse::<BTreeMap<String, crate::definition::ResourceDefinition>>(file, text)?;
            if resources.insert(name.clone(), resource).is_some() {
                let reason = format!("the resource {name:?} is defined twice");
                return Err(located(file, text, &[name], &reason));
            }
            origin.insert(name, (file, text));
        }
    }
    definition.insert("resources".into(), Value::Object(resources));
    // The same for the main file: without resources it has to be a definition by itself.
    parse::<crate::definition::Definition>(file, text)?;
    Integration::compile(Value::Object(definition)).map_err(|Mistake { path, reason }| {
        match path.as_slice() {
            [first, name, ..] if first == "resources" => match origin.get(name) {
                Some((file, text)) => {
                    located(file, text, &path[1..], &format!("{}: {reason}", path[1..].join(".")))
                }
                None => DefinitionError::new(file, reason),
            },
            _ => located(file, text, &path, &reason),
        }
    })
}

fn parse<T: serde::de::DeserializeOwned>(file: &str, text: &str) -> Result<T, DefinitionError> {
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

/// Finds the line and column of a path of keys by following them down the text.
fn located(file: &str, text: &str, path: &[String], reason: &str) -> DefinitionError {
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
