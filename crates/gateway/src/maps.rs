//! The field maps of an account: the integration's own, with what the environment and the account override laid over it field by
//! field.

use std::collections::BTreeMap;
use std::sync::Arc;

use integration::Integration;
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::MapOverride;
use unified::{Layer, Models, Origin, ResourceMap};
use utoipa::ToSchema;

use crate::environment_maps::ROUTE;
use crate::proxy::not_found;
use crate::resolve::{Connected, Installed};
use crate::{Error, Gateway};

/// The maps that are overridden, by model and resource; or why they can't be used.
pub(crate) type Overridden = BTreeMap<(String, String), Result<Arc<ResourceMap>, OverrideError>>;

/// An override that does not fit: it was changed, or what it is laid over was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct OverrideError {
    /// Where the mistake is, such as `unified_model_override.ecommerce.orders.fields.vineyard`.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl OverrideError {
    pub(crate) fn new(place: &str, message: impl Into<String>) -> Self {
        Self { field: place.to_owned(), message: message.into() }
    }
}

impl From<OverrideError> for Error {
    fn from(error: OverrideError) -> Self {
        let message = format!("{}: {}", error.field, error.message);
        Self::BadRequest { message, details: Some(json!({"failures": [error]})) }
    }
}

/// What one party overrides of one resource, and where it says so.
pub(crate) struct Part<'a> {
    layer: Layer<'a>,
    /// The place of its lines, such as `unified_model_override.ecommerce.orders`.
    place: String,
}

/// The parts of many resources, in the order in which they are laid over the map.
type Parts<'a> = BTreeMap<(&'a str, &'a str), Vec<Part<'a>>>;

impl<'a> Part<'a> {
    /// What an environment's row says.
    pub(crate) fn of_row(row: &'a MapOverride, lines: &'a Value, place: String) -> Self {
        let layer = Layer::new(Origin::Environment, lines);
        let layer = match &row.target.method {
            Some(method) => layer.of(method),
            None => layer,
        };
        Self { layer, place }
    }
}

impl Gateway {
    /// The unified models, for describing the API.
    pub fn models(&self) -> &Models {
        &self.0.parts.models
    }

    /// The map of a unified resource for an account. [`Error::BadRequest`] when an override of it does not fit any more: the
    /// account's other resources work on.
    pub(crate) fn map<'a>(
        &'a self,
        connected: &'a Connected,
        model: &str,
        resource: &str,
    ) -> Result<&'a Arc<ResourceMap>, Error> {
        match connected.maps.get(&(model.to_owned(), resource.to_owned())) {
            Some(map) => map.as_ref().map_err(|error| error.clone().into()),
            None => {
                self.environment_map(Some(&connected.installed), &connected.integration.name, model, resource)
            }
        }
    }

    /// The map of a unified resource as the environment has it; the integration's own where nothing is installed.
    pub(crate) fn environment_map<'a>(
        &'a self,
        installed: Option<&'a Installed>,
        integration: &str,
        model: &str,
        resource: &str,
    ) -> Result<&'a Arc<ResourceMap>, Error> {
        let own =
            installed.and_then(|installed| installed.maps.get(&(model.to_owned(), resource.to_owned())));
        match own {
            Some(map) => map.as_ref().map_err(|error| error.clone().into()),
            None => self.base_map(integration, model, resource),
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

    /// Lays parts over the integration's map. A mistake is told with its place, in the part that is to blame.
    pub(crate) fn lay_over(
        &self,
        integration: &Integration,
        (model, resource): (&str, &str),
        parts: &[Part<'_>],
    ) -> Result<Arc<ResourceMap>, OverrideError> {
        let place = |number: usize| parts.get(number).map_or("", |part| part.place.as_str());
        let known = self.models().get(model).map_err(|unknown| unknown.to_string());
        known.map_err(|unknown| OverrideError::new(place(0), unknown))?;
        let base = self
            .base_map(&integration.name, model, resource)
            .map_err(|error| OverrideError::new(place(0), error.to_string()))?;
        let layers: Vec<Layer<'_>> = parts.iter().map(|part| part.layer).collect();
        let map = base.overridden(integration, &layers).map_err(|error| {
            let path: String = error.path.iter().map(|key| format!(".{key}")).collect();
            let message = match path.is_empty() {
                true => error.reason.clone(),
                false => error.reason.trim_start_matches(&format!("{}: ", error.path.join("."))).to_owned(),
            };
            OverrideError::new(&format!("{}{path}", place(error.layer)), message)
        })?;
        Ok(Arc::new(map))
    }

    /// The maps that an environment overrides.
    pub(crate) fn environment_maps(&self, integration: &Integration, rows: &[MapOverride]) -> Overridden {
        let lines = lines_of(rows);
        let parts = environment_parts(rows, &lines);
        let laid = parts.into_iter().map(|((model, resource), parts)| {
            let map = self.lay_over(integration, (model, resource), &parts);
            ((model.to_owned(), resource.to_owned()), map)
        });
        laid.collect()
    }

    /// The maps that an account's `unified_model_override` changes: `{<model>: {<resource>: {"fields": {…}}}}`, or with a method
    /// between as Truto has it: `{<model>: {<resource>: {<method>: {"response_mapping": "…"}}}}` (facts, Truto 12.1).
    pub(crate) fn account_maps(
        &self,
        integration: &Integration,
        installed: &Installed,
        overrides: &Map<String, Value>,
    ) -> (Overridden, Vec<OverrideError>) {
        let mut errors = Vec::new();
        let mut maps = Overridden::new();
        if overrides.is_empty() {
            return (maps, errors);
        }
        let lines = lines_of(&installed.map_overrides);
        let mut all = environment_parts(&installed.map_overrides, &lines);
        for (model, resources) in overrides {
            let place = format!("{ACCOUNT}.{model}");
            if let Err(unknown) = self.models().get(model) {
                errors.push(OverrideError::new(&place, unknown.to_string()));
                continue;
            }
            let Value::Object(resources) = resources else {
                errors.push(OverrideError::new(&place, "has to be an object with a key for each resource"));
                continue;
            };
            for (resource, layer) in resources {
                let own = self.account_parts(model, resource, layer);
                let mut parts = all.remove(&(model.as_str(), resource.as_str())).unwrap_or_default();
                let map = match &own {
                    Ok((common, methods)) => {
                        let place = format!("{ACCOUNT}.{model}.{resource}");
                        let layer = Layer::new(Origin::Account, common);
                        parts.push(Part { layer, place: place.clone() });
                        parts.extend(methods.iter().map(|(method, lines)| Part {
                            layer: Layer::new(Origin::Account, lines).of(method),
                            place: format!("{place}.{method}"),
                        }));
                        self.lay_over(integration, (model, resource), &parts)
                    }
                    Err(error) => Err(error.clone()),
                };
                errors.extend(map.as_ref().err().cloned());
                maps.insert((model.clone(), resource.clone()), map);
            }
        }
        (maps, errors)
    }

    /// Splits an account's lines into those for all methods and those for single ones.
    fn account_parts<'a>(
        &self,
        model: &str,
        resource: &str,
        layer: &'a Value,
    ) -> Result<(Value, MethodLayers<'a>), OverrideError> {
        let declared = self.models().get(model).and_then(|model| model.resource(resource));
        let declared = declared.map_err(|unknown| {
            OverrideError::new(&format!("{ACCOUNT}.{model}.{resource}"), unknown.to_string())
        })?;
        let mut methods = Vec::new();
        let mut common = layer.clone();
        if let (Value::Object(common), Value::Object(layer)) = (&mut common, layer) {
            for (name, lines) in layer.iter().filter(|(name, _)| declared.methods.contains(name)) {
                common.shift_remove(name);
                methods.push((name.as_str(), lines));
            }
        }
        Ok((common, methods))
    }

    /// Refuses an account's override that has a mistake.
    pub(crate) fn check_account_maps(
        &self,
        integration: &Integration,
        installed: &Installed,
        overrides: &Map<String, Value>,
    ) -> Result<(), Error> {
        let (_, errors) = self.account_maps(integration, installed, overrides);
        let Some(first) = errors.first() else { return Ok(()) };
        let message = format!("{}: {}", first.field, first.message);
        Err(Error::BadRequest { message, details: Some(json!({"failures": errors})) })
    }
}

/// The lines of single methods, by name.
type MethodLayers<'a> = Vec<(&'a str, &'a Value)>;

/// The account's field that holds its override.
const ACCOUNT: &str = "unified_model_override";

fn lines_of(rows: &[MapOverride]) -> Vec<Value> {
    rows.iter().map(|row| Value::Object(row.config.clone())).collect()
}

fn environment_parts<'a>(rows: &'a [MapOverride], lines: &'a [Value]) -> Parts<'a> {
    let mut parts = Parts::new();
    for (row, lines) in rows.iter().zip(lines) {
        let part = Part::of_row(row, lines, format!("{ROUTE}/{} config", row.id));
        parts.entry((row.target.model.as_str(), row.target.resource.as_str())).or_default().push(part);
    }
    parts
}
