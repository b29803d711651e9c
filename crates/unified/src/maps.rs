//! All maps: read from the binary or from a folder, checked against the models and the integrations.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use include_dir::{Dir, include_dir};
use integration::Catalog;
use integration::source::{self, Files};
use serde_json::Value;

use crate::error::MapError;
use crate::layers::{Layer, Origin};
use crate::map::ResourceMap;
use crate::model::Models;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../integrations");

/// The maps of all integrations.
#[derive(Debug, Clone, Default)]
pub struct Maps {
    maps: BTreeMap<(String, String, String), Arc<ResourceMap>>,
}

impl Maps {
    /// The maps inside the binary.
    pub fn embedded(models: &Models, catalog: &Catalog) -> Result<Self, MapError> {
        Self::from_files(&source::embedded(&EMBEDDED), models, catalog)
    }

    /// The maps of a folder of integrations: `<integration>/unified/<model>/<resource>.yaml`.
    pub fn read(folder: &Path, models: &Models, catalog: &Catalog) -> Result<Self, MapError> {
        Self::from_files(&source::read(folder)?, models, catalog)
    }

    /// Finds the map of a resource of a model for an integration.
    pub fn get(&self, integration: &str, model: &str, resource: &str) -> Option<&Arc<ResourceMap>> {
        self.maps.get(&(integration.to_owned(), model.to_owned(), resource.to_owned()))
    }

    /// The maps of an integration: model, resource, map.
    pub fn of<'m>(
        &'m self,
        integration: &'m str,
    ) -> impl Iterator<Item = (&'m str, &'m str, &'m Arc<ResourceMap>)> {
        self.maps
            .iter()
            .filter(move |((name, _, _), _)| name == integration)
            .map(|((_, model, resource), map)| (model.as_str(), resource.as_str(), map))
    }

    fn from_files(files: &Files, models: &Models, catalog: &Catalog) -> Result<Self, MapError> {
        let mut maps = BTreeMap::new();
        for (file, text) in files {
            let parts: Vec<&str> = file.split('/').collect();
            let [integration, "unified", model, resource] = parts.as_slice() else { continue };
            let resource = resource.trim_end_matches(".yaml");
            let refuse = |path: &[String], reason: &str| source::locate(file, text, path, reason);
            let declared = models
                .get(model)
                .and_then(|model| model.resource(resource))
                .map_err(|unknown| refuse(&[], &unknown.to_string()))?;
            let definition: Value = source::parse(file, text)?;
            let map = ResourceMap::compile_at(declared, &[Layer::new(Origin::Integration, &definition)])
                .map_err(|mistake| refuse(&mistake.path, &mistake.to_string()))?;
            let declared = catalog
                .get(integration)
                .ok_or_else(|| refuse(&[], &format!("there is no integration {integration:?}")))?;
            map.check_calls(declared).map_err(|reason| refuse(&["methods".to_owned()], &reason))?;
            maps.insert(((*integration).to_owned(), (*model).to_owned(), resource.to_owned()), Arc::new(map));
        }
        Ok(Self { maps })
    }
}
