//! All field maps: read from the binary or from a folder, checked before anything is served.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use integration::Catalog;

use crate::{MapError, Models, ResourceMap};

/// Field maps by integration, model and resource.
#[derive(Debug, Clone, Default)]
pub struct Maps {
    maps: BTreeMap<(String, String, String), Arc<ResourceMap>>,
}

impl Maps {
    /// The maps inside the binary.
    pub fn embedded(_models: &Models, _catalog: &Catalog) -> Result<Self, MapError> {
        todo!()
    }

    /// The maps of a folder of integrations: `<integration>/unified/<model>/<resource>.yaml`.
    pub fn read(_folder: &Path, _models: &Models, _catalog: &Catalog) -> Result<Self, MapError> {
        todo!()
    }

    /// Finds a map.
    pub fn get(&self, integration: &str, model: &str, resource: &str) -> Option<&Arc<ResourceMap>> {
        self.maps.get(&(integration.to_owned(), model.to_owned(), resource.to_owned()))
    }

    /// All maps of an integration, each with its model's and its resource's name.
    pub fn of<'a>(
        &'a self,
        integration: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str, &'a Arc<ResourceMap>)> {
        self.maps
            .iter()
            .filter(move |((name, _, _), _)| name == integration)
            .map(|((_, model, resource), map)| (model.as_str(), resource.as_str(), map))
    }
}
