//! The paths of each unified model's resources. They are the general ones (`/unified/{model}/{resource}`) with names filled
//! in, the filters and the fields that the model tells.

use serde_json::{Value, json};
use unified::{FilterType, Model, ModelResource, Models};

/// The general path of a list, and of a record.
const LIST: &str = "/unified/{model}/{resource}";
const RECORD: &str = "/unified/{model}/{resource}/{id}";

/// The methods there are paths for: the model's word, where its general operation stands, and what it does.
const METHODS: [(&str, &str, &str, &str); 5] = [
    ("list", LIST, "get", "Lists"),
    ("get", RECORD, "get", "Gets one of"),
    ("create", LIST, "post", "Creates one of"),
    ("update", RECORD, "patch", "Changes one of"),
    ("delete", RECORD, "delete", "Deletes one of"),
];

/// Adds the paths and schemas of all models.
pub(super) fn describe(document: &mut Value, models: &Models) {
    for (position, model) in models.iter().enumerate() {
        if let Value::Array(tags) = &mut document["tags"] {
            // Before all else: they are what most callers come for.
            tags.insert(position, json!({"name": model.label, "description": model.description}));
        }
        for resource in model.resources.values() {
            let schema = format!("{}.{}", model.name, resource.name);
            document["components"]["schemas"][&schema] = resource.json_schema();
            for (method, general, verb, does) in METHODS {
                if !resource.methods.iter().any(|known| known == method) {
                    continue;
                }
                let mut operation = document["paths"][general][verb].clone();
                fill_in(&mut operation, model, resource, (method, does));
                let record = json!({"$ref": format!("#/components/schemas/{schema}")});
                answer(&mut operation, document, method, record);
                let path = general.replace("{model}", &model.name).replace("{resource}", &resource.name);
                document["paths"][path][verb] = operation;
            }
        }
    }
}

/// Puts the names in and takes the parameters for them out.
fn fill_in(operation: &mut Value, model: &Model, resource: &ModelResource, (method, does): (&str, &str)) {
    operation["operationId"] = json!(format!("{method}_{}_{}", model.name, resource.name));
    operation["tags"] = json!([model.label]);
    operation["summary"] = json!(format!("{does} the {}.", resource.name));
    operation["description"] = json!(resource.description);
    if method == "list" {
        let meta = format!("/unified/{}/{}/{{integration}}/meta/list", model.name, resource.name);
        operation["description"] = json!(format!(
            "{}\n\nWhich filters work depends on the platform: `{meta}` lists them, and a call with another one is refused.",
            resource.description
        ));
    }
    if let Some(parameters) = operation["parameters"].as_array_mut() {
        parameters.retain(|parameter| parameter["name"] != "model" && parameter["name"] != "resource");
        let filters = resource.filters.iter().filter(|(_, filter)| filter.works_with(method));
        parameters.extend(filters.map(|(name, filter)| parameter(name, filter)));
    }
}

/// A filter as a parameter.
fn parameter(name: &str, filter: &FilterType) -> Value {
    let mut parameter = json!({
        "name": name,
        "in": "query",
        "required": false,
        "description": filter.description,
        "schema": filter.json_schema(),
    });
    if filter.has_operators() {
        parameter["style"] = json!("deepObject");
        parameter["explode"] = json!(true);
    }
    parameter
}

/// Says what a call answers: a record, a page of records or nothing new.
fn answer(operation: &mut Value, document: &Value, method: &str, record: Value) {
    let content = &mut operation["responses"]["200"]["content"]["application/json"];
    match method {
        "list" => {
            let mut page = document["components"]["schemas"]["Records"].clone();
            page["properties"]["result"] = json!({
                "description": "The records; with `truto_key_by` an object of them.",
                "oneOf": [
                    {"type": "array", "items": record},
                    {"type": "object", "additionalProperties": record},
                ],
            });
            content["schema"] = page;
        }
        "delete" => {}
        _ => content["schema"] = record,
    }
}
