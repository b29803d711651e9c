//! Documentation of the unified models, as machines and people read it (facts, Truto 3.2).

use std::sync::Arc;

use integration::{Integration, Unknown};
use pulldown_cmark::{Event, Options, Parser};
use serde_json::{Map, Value, json};
use unified::{ModelResource, ResourceMap};

use crate::list::Parameters;
use crate::options::{DEFAULT_LIMIT, MAX_LIMIT};
use crate::proxy::not_found;
use crate::unified::methods::{body_schema, is_about_one};
use crate::{Caller, Error, Gateway};

/// A document in the form that was asked for.
#[derive(Debug, Clone)]
pub struct Document {
    /// Its content type.
    pub content_type: &'static str,
    /// Its text.
    pub text: String,
}

/// The forms a document can have.
const FORMATS: [&str; 3] = ["json", "md", "html"];

impl Gateway {
    /// All resources of a model for an integration. Query: `format` (json, md, html).
    pub async fn unified_meta(
        &self,
        caller: &Caller,
        model: &str,
        integration: &str,
        query: &Map<String, Value>,
    ) -> Result<Document, Error> {
        let environment_id = caller.environment()?;
        let mut parameters = Parameters::new(query);
        let format = parameters.text("format")?.unwrap_or("json");
        parameters.finish()?;
        let model = self.models().get(model).map_err(not_found)?;
        let integration = self.find_definition(integration)?;
        let installed = self.installed_of(environment_id, &integration.name).await?;
        let mut maps = Vec::new();
        for (_, resource, _) in
            self.0.parts.maps.of(&integration.name).filter(|(name, ..)| *name == model.name)
        {
            let map = self
                .environment_map(installed.as_deref(), &integration.name, &model.name, resource)
                // An override that does not fit any more hides nothing of the rest.
                .or_else(|_| self.base_map(&integration.name, &model.name, resource))?;
            maps.push((model.name.as_str(), resource, map));
        }
        let markdown = || {
            let maps = maps.iter().map(|(model, resource, map)| (*model, *resource, &***map));
            unified::coverage(&integration.label, maps)
        };
        match format {
            "json" => {
                let resources: Map<String, Value> = maps
                    .iter()
                    .map(|(_, resource, map)| {
                        let methods: Map<String, Value> = map
                            .methods
                            .keys()
                            .map(|method| (method.clone(), describe(&model.name, map, integration, method)))
                            .collect();
                        (
                            (*resource).to_owned(),
                            json!({"description": map.model().description, "methods": methods}),
                        )
                    })
                    .collect();
                let document = json!({
                    "model": model.name,
                    "model_label": model.label,
                    "description": model.description,
                    "integration": integration.name,
                    "resources": resources,
                });
                Ok(Document { content_type: "application/json", text: document.to_string() })
            }
            "md" => Ok(Document { content_type: "text/markdown; charset=utf-8", text: markdown() }),
            "html" => Ok(Document {
                content_type: "text/html; charset=utf-8",
                text: page(&format!("{} for {}", model.label, integration.label), &markdown()),
            }),
            other => Err(Error::bad_request(Unknown::new("format", other, FORMATS).to_string())),
        }
    }

    /// One method of a unified resource, as the account in the query's `integrated_account_id` (or of the account token) has it with its
    /// overrides; without an account as `integration` has it; without either, what the model says for any platform.
    pub async fn unified_method_meta(
        &self,
        caller: &Caller,
        model: &str,
        resource: &str,
        integration: Option<&str>,
        method: &str,
        query: &Map<String, Value>,
    ) -> Result<Value, Error> {
        let mut parameters = Parameters::new(query);
        let account = parameters.text("integrated_account_id")?;
        parameters.finish()?;
        let declared =
            self.models().get(model).and_then(|model| model.resource(resource)).map_err(not_found)?;
        let (map, integration): (Arc<ResourceMap>, Arc<Integration>) = match (integration, account) {
            (Some(name), asked) => {
                let environment_id = caller.environment()?;
                let integration = self.find_definition(name)?;
                match asked {
                    None => {
                        let installed = self.installed_of(environment_id, &integration.name).await?;
                        let installed = installed.as_deref();
                        let map = self.environment_map(installed, &integration.name, model, resource)?;
                        (Arc::clone(map), Arc::clone(integration))
                    }
                    Some(_) => {
                        let connected = self.connected(caller, asked).await?;
                        if connected.integration.name != integration.name {
                            return Err(Error::bad_request(format!(
                                "the account is one of {:?}, not of {:?}: leave the integration or the account out",
                                connected.integration.name, integration.name
                            )));
                        }
                        let map = self.map(&connected, model, resource)?;
                        (Arc::clone(map), Arc::clone(&connected.integration))
                    }
                }
            }
            (None, None) if caller.environment().is_ok() => {
                let known = || declared.methods.iter().map(String::as_str);
                if !known().any(|known| known == method) {
                    return Err(not_found(Unknown::new("method", method, known())));
                }
                return Ok(describe_model(declared, method));
            }
            (None, asked) => {
                let connected = self.connected(caller, asked).await?;
                let map = self.map(&connected, model, resource)?;
                (Arc::clone(map), Arc::clone(&connected.integration))
            }
        };
        map.method(method).map_err(not_found)?;
        Ok(describe(model, &map, &integration, method))
    }
}

/// What the model says of a method, whichever platform is connected.
fn describe_model(resource: &ModelResource, method: &str) -> Value {
    let filters = resource.filters.iter().map(|(name, filter)| (name.as_str(), filter));
    let filters = filters.filter(|(_, filter)| filter.works_with(method));
    let schema = resource.json_schema();
    json!({
        "resource": resource.name,
        "method": method,
        "description": resource.description,
        "schema": schema,
        "query_schema": query_schema(method, filters, None),
        "default_query": default_query(method),
    })
}

/// What a map says of a method: its fields, where each comes from, its filters.
fn describe(model: &str, map: &ResourceMap, integration: &Integration, method: &str) -> Value {
    let documentation_link = map
        .method(method)
        .ok()
        .and_then(|called| integration.resource(&called.resource).ok())
        .and_then(|resource| resource.documentation_link.clone());
    let mut described = describe_model(map.model(), method);
    described["integration"] = integration.name.clone().into();
    described["documentation_link"] = documentation_link.into();
    described["query_schema"] = method_query_schema(model, map, method);
    described["response_schema"] = response_schema(method, &described["schema"]);
    let own = map.of(method);
    described["response_mapping"] = own.response_mapping().clone();
    described["origins"] = own.origins();
    if let Some(schema) = body_schema(model, map, method) {
        described["request_body_schema"] = schema;
        described["request_body_mapping"] = own.write_lines(method).cloned().unwrap_or_default();
        described["default_body"] = json!({});
    }
    described["overridden_fields"] = own.overridden_fields().collect();
    described
}

fn default_query(method: &str) -> Value {
    if method == "list" { json!({"limit": DEFAULT_LIMIT}) } else { json!({}) }
}

/// The JSON Schema of a method's query, as a map has it: what is about one record takes what helps to find it.
pub(crate) fn method_query_schema(model: &str, map: &ResourceMap, method: &str) -> Value {
    let found_as = match method {
        "list" => "list",
        _ if is_about_one(model, &map.model().name, method) => "get",
        other => other,
    };
    query_schema(method, map.query_filters(found_as), map.required_filter(found_as))
}

/// The JSON Schema of a method's query, beside the parameters that every call takes.
fn query_schema<'a>(
    method: &str,
    filters: impl Iterator<Item = (&'a str, &'a unified::FilterType)>,
    required: Option<&str>,
) -> Value {
    let mut properties = Map::new();
    for (name, filter) in filters {
        let mut schema = filter.json_schema();
        schema["description"] = filter.description.clone().into();
        properties.insert(name.to_owned(), schema);
    }
    if method == "list" {
        properties.insert("limit".into(), json!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT}));
        properties.insert("next_cursor".into(), json!({"type": "string"}));
    }
    let mut schema = json!({"type": "object", "properties": properties});
    if let Some(required) = required {
        schema["required"] = json!([required]);
    }
    schema
}

fn response_schema(method: &str, record: &Value) -> Value {
    if method != "list" {
        return record.clone();
    }
    json!({
        "type": "object",
        "properties": {
            "result": {"type": "array", "items": record},
            "next_cursor": {"type": ["string", "null"]},
            "prev_cursor": {"type": "null"},
            "result_count": {"type": "integer"},
            "is_partial_response": {"type": "boolean"},
        },
    })
}

/// Markdown as a page of its own.
fn page(title: &str, markdown: &str) -> String {
    let (mut head, mut body) = (String::new(), String::new());
    pulldown_cmark::html::push_html(&mut head, [Event::Text(title.into())].into_iter());
    pulldown_cmark::html::push_html(&mut body, Parser::new_ext(markdown, Options::ENABLE_TABLES));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{head}</title>\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<style>{STYLE}</style></head>\n\
         <body><main>\n{body}</main></body></html>\n"
    )
}

/// Readable by day and by night, wide tables scroll.
const STYLE: &str = "\
:root{color-scheme:light dark}\
body{font:16px/1.5 system-ui,sans-serif;margin:0}\
main{max-width:72rem;margin:0 auto;padding:1.5rem;overflow-x:auto}\
table{border-collapse:collapse;font-size:.875rem;margin:1rem 0}\
th,td{border-bottom:1px solid color-mix(in srgb,currentColor 20%,transparent);padding:.35rem .75rem;text-align:left;vertical-align:top}\
code{font-size:.9em}";
