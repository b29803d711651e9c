//! What an integration or an account can do (facts, Truto 15.1).

use integration::{CapabilityFilter, Integration, Unknown};
use serde_json::{Map, Value, json};

use crate::environment_integrations::IntegrationSummary;
use crate::list::Parameters;
use crate::resolve::{Connected, Installed};
use crate::{Caller, Error, Gateway};

/// Which part of the capabilities is wanted.
const TYPES: [&str; 3] = ["all", "proxy", "unified"];

/// What a query asks for.
struct Wanted {
    proxy: bool,
    unified: bool,
    filter: CapabilityFilter,
}

impl Wanted {
    fn read(query: &Map<String, Value>) -> Result<Self, Error> {
        let mut parameters = Parameters::new(query);
        let kind = parameters.text("type")?.unwrap_or("all");
        let wanted = Self {
            proxy: kind != "unified",
            unified: kind != "proxy",
            filter: CapabilityFilter {
                methods: parameters.texts("methods"),
                resource: parameters.owned("resource")?,
                described: parameters.flag("has_description")?.unwrap_or(true),
            },
        };
        parameters.finish()?;
        if !TYPES.contains(&kind) {
            return Err(Error::bad_request(Unknown::new("type", kind, TYPES).to_string()));
        }
        Ok(wanted)
    }
}

impl Gateway {
    /// What an integration, by id or slug, can do. Query: `type` (proxy, unified, all), `methods`, `resource`, `has_description`.
    pub async fn integration_capabilities(
        &self,
        caller: &Caller,
        id_or_name: &str,
        query: &Map<String, Value>,
    ) -> Result<Value, Error> {
        let environment_id = caller.environment()?;
        let wanted = Wanted::read(query)?;
        let integration = self.find_definition(id_or_name)?;
        let installed = self.installed_of(environment_id, &integration.name).await?;
        Ok(self.describe(environment_id, integration, installed.as_deref(), None, &wanted))
    }

    /// What an account can do, with its overrides; the query as above.
    pub async fn account_capabilities(
        &self,
        caller: &Caller,
        id: &str,
        query: &Map<String, Value>,
    ) -> Result<Value, Error> {
        let environment_id = caller.environment()?;
        let wanted = Wanted::read(query)?;
        let connected = self.load_connected(environment_id, id).await?;
        let mut described = self.describe(
            environment_id,
            &connected.integration,
            Some(&connected.installed),
            Some(&connected),
            &wanted,
        );
        let account = &connected.account;
        described["account"] = json!({
            "id": account.id,
            "status": account.status.as_str(),
            "authentication_method": account.authentication_method,
            "is_blocked": false,
            "is_read_only": account.is_sandbox,
        });
        Ok(described)
    }

    fn describe(
        &self,
        environment_id: &str,
        integration: &Integration,
        installed: Option<&Installed>,
        connected: Option<&Connected>,
        wanted: &Wanted,
    ) -> Value {
        let mut described = json!({
            "integration": IntegrationSummary::of(integration),
            "environment_id": environment_id,
        });
        if wanted.proxy {
            described["proxy"] = integration.proxy_capabilities(&wanted.filter).into();
        }
        if wanted.unified {
            described["unified"] =
                self.unified_capabilities(integration, installed, connected, &wanted.filter).into();
        }
        described["idempotency"] = json!({
            "header": "Idempotency-Key",
            "kept_for_seconds": self.0.parts.settings.write_retention.as_secs(),
        });
        described["auth"] = integration.auth_capabilities();
        described["ai_readiness"] = integration.ai_readiness();
        described
    }

    fn unified_capabilities(
        &self,
        integration: &Integration,
        installed: Option<&Installed>,
        connected: Option<&Connected>,
        filter: &CapabilityFilter,
    ) -> Vec<Value> {
        let mut resources = Vec::new();
        for (model, resource, map) in self.0.parts.maps.of(&integration.name) {
            let key = (model.to_owned(), resource.to_owned());
            let environments = installed.and_then(|installed| installed.maps.get(&key));
            let accounts = connected.and_then(|connected| connected.maps.get(&key));
            // Nothing of it works while an override does not fit.
            let Ok(merged) = accounts.or(environments).map_or(Ok(map), Result::as_ref) else { continue };
            // Overrides of the definition may take away what a method calls.
            let methods: Vec<&String> = merged
                .methods
                .iter()
                .filter(|(method, called)| {
                    filter.wants(resource, method) && called.check(integration).is_ok()
                })
                .map(|(method, _)| method)
                .collect();
            if methods.is_empty() {
                continue;
            }
            resources.push(json!({
                "model": model,
                "model_label": self.models().get(model).map(|model| model.label.as_str()).unwrap_or(model),
                "resource": resource,
                "description": map.model().description,
                "docs_url": format!("/unified/meta/{model}/{}?format=html", integration.name),
                "methods": methods,
                "env_overridden": environments.is_some(),
                "account_overridden": accounts.is_some(),
            }));
        }
        resources
    }
}
