//! The field maps of an account: the integration's own, with the account's override merged in field by field.

use std::collections::BTreeMap;
use std::sync::Arc;

use integration::Integration;
use serde_json::{Map, Value};
use unified::{Models, ResourceMap};

use crate::proxy::not_found;
use crate::resolve::Connected;
use crate::{Error, Gateway};

/// The maps that an account changes, by model and resource.
pub(crate) type Overridden = BTreeMap<(String, String), Arc<ResourceMap>>;

impl Gateway {
    /// The unified models, for describing the API.
    pub fn models(&self) -> &Models {
        &self.0.parts.models
    }

    /// The map of a unified resource for an account.
    pub(crate) fn map<'a>(
        &'a self,
        connected: &'a Connected,
        model: &str,
        resource: &str,
    ) -> Result<&'a Arc<ResourceMap>, Error> {
        match connected.maps.get(&(model.to_owned(), resource.to_owned())) {
            Some(map) => Ok(map),
            None => self.base_map(&connected.integration.name, model, resource),
        }
    }

    /// The map of a unified resource as the integration has it.
    pub(crate) fn base_map(
        &self,
        integration: &str,
        model: &str,
        resource: &str,
    ) -> Result<&Arc<ResourceMap>, Error> {
        self.0.parts.models.get(model).and_then(|model| model.resource(resource)).map_err(not_found)?;
        self.0.parts.maps.get(integration, model, resource).ok_or_else(|| {
            Error::NotFound(format!(
                "the integration {integration:?} has no unified resource {model}/{resource}"
            ))
        })
    }

    /// Compiles an account's `unified_model_override`: `{<model>: {<resource>: {"fields": {…}}}}`. A mistake is refused with its place.
    pub(crate) fn compile_overrides(
        &self,
        integration: &Integration,
        overrides: &Map<String, Value>,
    ) -> Result<Overridden, Error> {
        let mut compiled = Overridden::new();
        for (model, resources) in overrides {
            let Value::Object(resources) = resources else {
                return Err(refused(model, "has to be an object with a key for each resource"));
            };
            self.models().get(model).map_err(|unknown| refused(model, &unknown.to_string()))?;
            for (resource, layer) in resources {
                let place = format!("{model}.{resource}");
                let base = self
                    .base_map(&integration.name, model, resource)
                    .map_err(|error| refused(&place, &error.to_string()))?;
                let map = ResourceMap::compile(base.model(), &[base.definition(), layer])
                    .map_err(|error| refused(&place, &error.reason))?;
                map.check_calls(integration).map_err(|reason| refused(&place, &reason))?;
                compiled.insert((model.clone(), resource.clone()), Arc::new(map));
            }
        }
        Ok(compiled)
    }
}

fn refused(place: &str, reason: &str) -> Error {
    Error::bad_request(format!("unified_model_override.{place}: {reason}"))
}
