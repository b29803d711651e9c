//! What can be called on an account, described for programs that choose by themselves (facts, Truto 15.2).

use integration::{Integration, Method, Resource};
use serde::Serialize;
use serde_json::{Map, Value, json};
use unified::ResourceMap;
use utoipa::ToSchema;

use crate::list::Parameters;
use crate::meta::method_query_schema;
use crate::options::MAX_LIMIT;
use crate::unified::methods::{body_schema, is_about_one};
use crate::{Caller, Error, Gateway};

/// A method that can be called.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Tool {
    /// `ecommerce/orders` for `/unified/…`, `order` for `/proxy/…`.
    pub resource: String,
    /// `list`, `get`, `create`, `update`, `delete` or a method of the resource's own.
    pub method: String,
    /// A name that no other tool has.
    pub name: String,
    /// What it does.
    pub description: String,
    /// JSON Schema of the query; with `id`, where the method is about one record.
    #[schema(value_type = Object)]
    pub query_schema: Value,
    /// JSON Schema of the body; `null` when it takes none.
    #[schema(value_type = Option<Object>)]
    pub body_schema: Option<Value>,
    /// What of both is needed.
    pub required: Vec<String>,
    /// What it can be asked for by: `unified` or `proxy`, the unified model, the resource.
    pub tags: Vec<String>,
}

/// Which tools are wanted; all when nothing is said.
struct Wanted {
    methods: Vec<String>,
    tags: Vec<String>,
}

impl Wanted {
    fn takes(&self, method: &str, tags: &[String]) -> bool {
        let is_of = |asked: &String| match asked.as_str() {
            "read" => matches!(method, "list" | "get"),
            "write" => matches!(method, "create" | "update" | "delete"),
            name => name == method,
        };
        (self.methods.is_empty() || self.methods.iter().any(is_of))
            && (self.tags.is_empty() || self.tags.iter().any(|tag| tags.contains(tag)))
    }
}

impl Gateway {
    /// The tools of an account, its overrides included. Query: `methods` (`read`, `write`, names), `tags`.
    pub async fn tools(
        &self,
        caller: &Caller,
        id: &str,
        query: &Map<String, Value>,
    ) -> Result<Vec<Tool>, Error> {
        let environment_id = caller.environment()?;
        let mut parameters = Parameters::new(query);
        let wanted = Wanted { methods: parameters.texts("methods"), tags: parameters.texts("tags") };
        parameters.finish()?;
        let connected = self.load_connected(environment_id, id).await?;
        let integration = &connected.integration;
        let mut tools = Vec::new();
        for (model, resource, _) in self.0.parts.maps.of(&integration.name) {
            // Nothing of it works while an override does not fit.
            let Ok(map) = self.map(&connected, model, resource) else { continue };
            let tags = ["unified", model, resource].map(str::to_owned).to_vec();
            // Overrides of the definition may take away what a method calls.
            let callable = map.methods.iter().filter(|(_, called)| called.check(integration).is_ok());
            let methods = callable.map(|(method, _)| method).filter(|method| wanted.takes(method, &tags));
            tools.extend(methods.map(|method| unified_tool(integration, model, map, method, tags.clone())));
        }
        for resource in integration.resources.values() {
            let tags = vec!["proxy".to_owned(), resource.name.clone()];
            let described = resource.methods.values().filter(|method| !method.description.is_empty());
            let methods = described.filter(|method| wanted.takes(&method.name, &tags));
            tools.extend(methods.map(|method| proxy_tool(integration, resource, method, tags.clone())));
        }
        Ok(tools)
    }
}

fn unified_tool(
    integration: &Integration,
    model: &str,
    map: &ResourceMap,
    method: &str,
    tags: Vec<String>,
) -> Tool {
    let resource = &map.model().name;
    let all = format!("{model}_{resource}");
    let does = match method {
        "list" => format!("Lists {resource}."),
        "get" => format!("Gets one of the {resource}."),
        "create" => format!("Creates one of the {resource}."),
        "update" => format!("Changes one of the {resource}; only what is given changes."),
        "delete" => format!("Deletes one of the {resource}."),
        own => format!("The method {own} of {resource}."),
    };
    let mut query_schema = method_query_schema(model, map, method);
    if is_about_one(model, resource, method) {
        require_id(&mut query_schema);
    }
    let body_schema = body_schema(model, map, method);
    Tool {
        resource: format!("{model}/{resource}"),
        method: method.to_owned(),
        name: integration.tool_name(&all, singular(&all), method),
        description: format!("{does} {}", map.model().description),
        required: required(&query_schema, body_schema.as_ref()),
        query_schema,
        body_schema,
        tags,
    }
}

fn proxy_tool(integration: &Integration, resource: &Resource, method: &Method, tags: Vec<String>) -> Tool {
    let mut query_schema = method.query_schema();
    let only_asks = method.verb.is_safe();
    if method.is_list() && only_asks {
        query_schema["properties"]["limit"] = json!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT});
        query_schema["properties"]["next_cursor"] = json!({"type": "string"});
    }
    if method.needs_id() {
        require_id(&mut query_schema);
    }
    let body_schema = (!only_asks && method.verb != http::Method::DELETE).then(
        || json!({"type": "object", "description": "The platform's own body.", "additionalProperties": true}),
    );
    Tool {
        resource: resource.name.clone(),
        method: method.name.clone(),
        name: integration.tool_name(&resource.name, &resource.name, &method.name),
        description: method.description.clone(),
        required: required(&query_schema, body_schema.as_ref()),
        query_schema,
        body_schema,
        tags,
    }
}

/// Adds the record that a method is about.
fn require_id(query_schema: &mut Value) {
    query_schema["properties"]["id"] = json!({"type": "string", "description": "The record's id."});
    match query_schema["required"].as_array_mut() {
        Some(required) => required.insert(0, "id".into()),
        None => query_schema["required"] = json!(["id"]),
    }
}

/// What is required of a query and of a body.
fn required(query_schema: &Value, body_schema: Option<&Value>) -> Vec<String> {
    let names = |schema: &Value| -> Vec<String> {
        let names = schema["required"].as_array().into_iter().flatten();
        names.filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let mut required = names(query_schema);
    for name in body_schema.map(names).unwrap_or_default() {
        if !required.contains(&name) {
            required.push(name);
        }
    }
    required
}

/// What one of many is called. Models name their resources in the plural of `-s`.
fn singular(plural: &str) -> &str {
    plural.strip_suffix('s').unwrap_or(plural)
}
