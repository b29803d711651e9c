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
    let mut resources = Map::new();
    let mut origin = BTreeMap::new();
    let prefix = format!("{folder}/resources/");
    for (file, text) in files.iter().filter(|(file, _)| file.starts_with(&prefix)) {
        // A typed look at each file alone: the parser then knows line and column of a misspelt key.
        parse::<BTreeMap<String, crate::definition::ResourceDefinition>>(file, text)?;
        for (name, resource) in parse::<Map<String, Value>>(file, text)? {
            if resources.insert(name.clone(), resource).is_some() {
                let reason = format!("the resource {name:?} is defined twice");
                return Err(locate(file, text, &[name], &reason));
            }
            origin.insert(name, (file, text));
        }
    }
    definition.insert("resources".into(), Value::Object(resources));
    let mut texts = Map::new();
    let prefix = format!("{folder}/texts/");
    for (file, text) in files {
        let language = file.strip_prefix(&prefix).and_then(|name| name.strip_suffix(".yaml"));
        if let Some(language) = language {
            parse::<BTreeMap<String, String>>(file, text)?;
            texts.insert(language.to_owned(), Value::Object(parse(file, text)?));
        }
    }
    if !texts.is_empty() {
        definition.insert("texts".into(), Value::Object(texts));
    }
    // The same for the main file: without resources it has to be a definition by itself.
    parse::<crate::definition::Definition>(file, text)?;
    Integration::compile(Value::Object(definition)).map_err(|Mistake { path, reason }| {
        match path.as_slice() {
            [first, name, ..] if first == "resources" => match origin.get(name) {
                Some((file, text)) => {
                    locate(file, text, &path[1..], &format!("{}: {reason}", path[1..].join(".")))
                }
                None => DefinitionError::new(file, reason),
            },
            _ => locate(file, text, &path, &reason),
        }
    })
}
