//! What an integration can do, as the capabilities route tells it (facts, Truto 15.1).

use serde_json::{Map, Value, json};

use crate::compiled::{Integration, Method, Resource};
use crate::definition::Parameter;

/// Which capabilities are wanted.
#[derive(Debug, Clone, Default)]
pub struct CapabilityFilter {
    /// Only these methods; all when empty.
    pub methods: Vec<String>,
    /// Only this resource.
    pub resource: Option<String>,
    /// Only methods that say what they do.
    pub described: bool,
}

impl CapabilityFilter {
    /// Whether a method of a resource is wanted.
    pub fn wants(&self, resource: &str, method: &str) -> bool {
        self.resource.as_deref().is_none_or(|wanted| wanted == resource)
            && (self.methods.is_empty() || self.methods.iter().any(|wanted| wanted == method))
    }
}

impl Integration {
    /// The `proxy` part: each resource with its methods.
    pub fn proxy_capabilities(&self, filter: &CapabilityFilter) -> Vec<Value> {
        let mut resources = Vec::new();
        for resource in self.resources.values() {
            let methods: Vec<Value> = resource
                .methods
                .values()
                .filter(|method| filter.wants(&resource.name, &method.name))
                .filter(|method| !filter.described || !method.description.is_empty())
                .map(|method| self.method_capability(resource, method))
                .collect();
            if !methods.is_empty() {
                resources.push(json!({
                    "resource": resource.name,
                    "description": resource.description,
                    "methods": methods,
                }));
            }
        }
        resources
    }

    fn method_capability(&self, resource: &Resource, method: &Method) -> Value {
        let mut capability = Map::new();
        capability.insert("method".into(), json!(method.name));
        capability.insert("name".into(), json!(self.tool_name(&resource.name, &resource.name, &method.name)));
        capability.insert("description".into(), json!(method.description));
        if let Some(certainty) = &method.certainty {
            capability.insert("certainty".into(), json!(certainty));
        }
        capability.insert("verb".into(), json!(method.verb.as_str()));
        capability.insert("path".into(), json!(method.path));
        capability.insert("has_description".into(), json!(!method.description.is_empty()));
        capability.insert("has_query_schema".into(), json!(!method.query.is_empty()));
        capability.insert("has_body_schema".into(), json!(false));
        capability.insert("has_response_schema".into(), json!(false));
        capability.insert("query".into(), json!(method.query));
        capability.insert("api_documentation_url".into(), json!(resource.documentation_link));
        Value::Object(capability)
    }

    /// The name of the tool that calls a method (facts, Truto 15.2) on `all` the records, or on `one` of them.
    pub fn tool_name(&self, all: &str, one: &str, method: &str) -> String {
        let [all, one, integration] = [all, one, &self.name].map(|name| name.replace('-', "_"));
        match method {
            "list" => format!("list_all_{integration}_{all}"),
            "get" => format!("get_single_{integration}_{one}_by_id"),
            "create" => format!("create_a_{integration}_{one}"),
            "update" => format!("update_a_{integration}_{one}_by_id"),
            "delete" => format!("delete_a_{integration}_{one}_by_id"),
            custom => format!("{integration}_{one}_{custom}"),
        }
    }

    /// The `auth` part: formats and the fields of the first.
    pub fn auth_capabilities(&self) -> Value {
        let first = self.credentials.values().next();
        json!({
            "formats": self.credentials.keys().collect::<Vec<_>>(),
            "fields": first.map(|format| &format.fields),
            "documentation_link": first
                .and_then(|format| format.documentation_link.as_ref())
                .or(self.documentation_link.as_ref()),
        })
    }

    /// The `ai_readiness` part: how many methods say what they do.
    pub fn ai_readiness(&self) -> Value {
        let methods = || self.resources.values().flat_map(|resource| resource.methods.values());
        let (all, described) = (methods().count(), methods().filter(|m| !m.description.is_empty()).count());
        let score = if all == 0 { 0.0 } else { described as f64 / all as f64 };
        json!({"proxy_methods": all, "proxy_methods_with_descriptions": described, "ai_ready_score": score})
    }
}

impl Method {
    /// The JSON Schema (2020-12) of the query parameters that the method is known to take.
    pub fn query_schema(&self) -> Value {
        let mut properties = Map::new();
        let mut required: Vec<String> = self.path_parameters().collect();
        for (name, parameter) in &self.query {
            if parameter.required && !required.contains(name) {
                required.push(name.clone());
            }
            properties.insert(name.clone(), parameter.json_schema());
        }
        for name in &required {
            properties.entry(name.clone()).or_insert_with(|| json!({"type": "string"}));
        }
        let mut schema = json!({"type": "object", "properties": properties});
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }
}

impl Parameter {
    /// The JSON Schema of the parameter's value.
    fn json_schema(&self) -> Value {
        let mut schema = match self.kind.as_str() {
            // With an operator before it, the value is text of the platform's own.
            _ if !self.operators.is_empty() => json!({"type": "string"}),
            "integer" => json!({"type": "integer"}),
            "boolean" => json!({"type": "boolean"}),
            "datetime" => json!({"type": "string", "format": "date-time"}),
            "uuid" => json!({"type": "string", "format": "uuid"}),
            _ => json!({"type": "string"}),
        };
        let mut description = self.description.clone();
        if !self.operators.is_empty() {
            let operators = self.operators.join(", ");
            description =
                format!("{description} Takes the platform's operators: {operators}.").trim().to_owned();
        }
        if !description.is_empty() {
            schema["description"] = json!(description);
        }
        if !self.values.is_empty() {
            schema["enum"] = json!(self.values);
        }
        schema
    }
}
