//! All integrations: read from the binary or from a folder, checked before anything is served.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use serde_json::{Map, Value};

use crate::source::{self, Files, locate, parse};

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
        Self::from_files(&source::embedded(&EMBEDDED))
    }

    /// The integrations of a folder: a folder each, with `integration.yaml`, `resources/*.yaml` and `texts/*.yaml`.
    pub fn read(folder: &Path) -> Result<Self, DefinitionError> {
        Self::from_files(&source::read(folder)?)
    }

    /// Finds an integration by name.
    pub fn get(&self, name: &str) -> Option<&Arc<Integration>> {
        self.integrations.get(name)
    }

    /// All integrations, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Integration>> {
        self.integrations.values()
    }

    fn from_files(files: &Files) -> Result<Self, DefinitionError> {
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

fn read_integration(
    folder: &str,
    file: &str,
    text: &str,
    files: &Files,
) -> Result<Integration, DefinitionError> {
    let mut definition = parse::<Map<String, Value>>(file, text)?;
    if definition.get("name").and_then(Value::as_str) != Some(folder) {
        return Err(locate(
            file,
            text,
            &["name".to_owned()],
            &format!("the name has to be the folder's, {folder:?}"),
        ));
    }
    for (key, place) in [("resources", "resources/*.yaml"), ("texts", "texts/<language>.yaml")] {
        if definition.contains_key(key) {
            let reason = format!("{key} stand in files of their own, {place}");
            return Err(locate(file, text, &[key.to_owned()], &reason));
        }
    }
    let mut resources = Map::new();
    let mut texts = Map::new();
    // The file of each part that has its own, and how much of the part's path is not in it.
    let mut origins = BTreeMap::new();
    for (file, text) in files {
        let Some(part) = file.strip_prefix(folder).and_then(|path| path.strip_prefix('/')) else { continue };
        if part.starts_with("resources/") {
            for (name, resource) in parse::<Map<String, Value>>(file, text)? {
                if resources.insert(name.clone(), resource).is_some() {
                    let reason = format!("the resource {name:?} is defined twice");
                    return Err(locate(file, text, &[name], &reason));
                }
                origins.insert(["resources".to_owned(), name], (file, text, 1));
            }
        } else if let Some(language) = part.strip_prefix("texts/").and_then(|name| name.strip_suffix(".yaml"))
        {
            texts.insert(language.to_owned(), parse(file, text)?);
            origins.insert(["texts".to_owned(), language.to_owned()], (file, text, 2));
        }
    }
    definition.insert("resources".into(), Value::Object(resources));
    if !texts.is_empty() {
        definition.insert("texts".into(), Value::Object(texts));
    }
    Integration::compile(Value::Object(definition)).map_err(|Mistake { path, reason }| {
        match path.get(..2).and_then(|part| origins.get(part)) {
            Some((file, text, above)) => {
                locate(file, text, &path[*above..], &format!("{}: {reason}", path[1..].join(".")))
            }
            None => locate(file, text, &path, &reason),
        }
    })
}
