//! `/openapi.json` tells the truth: about every route, every parameter, every answer.

use std::collections::BTreeSet;

use reqwest::{Client, Method};
use serde_json::{Map, Value, json};
use testkit::{Answer, App, Setup, TestDatabase, over_both_databases};

use crate::support::{proxy, unified};

over_both_databases!(what_is_answered_is_what_is_described);

const VERBS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];

/// All operations: path, verb, description.
fn operations(document: &Value) -> Vec<(&str, &str, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            let verbs = VERBS.iter().filter_map(|verb| Some((path.as_str(), *verb, item.get(verb)?)));
            verbs.collect::<Vec<_>>()
        })
        .collect()
}

#[tokio::test]
async fn the_document_is_whole() {
    let app = App::sqlite().await;
    let answer = Answer::of(Client::new().get(format!("{}/openapi.json", app.url))).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
    let document = answer.ok();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert_eq!(document["info"]["title"], "Decant");

    let mut ids = BTreeSet::new();
    let tags: Vec<&Value> = document["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    for (path, verb, operation) in operations(&document) {
        let at = format!("{verb} {path}");
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{at} has no operationId"));
        assert!(ids.insert(id), "{id} is there twice");
        assert!(operation["summary"].is_string(), "{at} has no summary");
        for tag in operation["tags"].as_array().unwrap() {
            assert!(tags.contains(&tag), "{at}: the tag {tag} is not told");
        }
        let named: BTreeSet<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let mut seen = BTreeSet::new();
        let mut told = BTreeSet::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let (name, place) = (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
            assert!(seen.insert((name, place)), "{at}: {name} is told twice");
            assert!(parameter["schema"].is_object(), "{at}: {name} has no schema");
            assert!(parameter["description"].is_string(), "{at}: {name} is not described");
            if place == "path" {
                assert_eq!(parameter["required"], true, "{at}: {name}");
                told.insert(name);
            }
        }
        assert_eq!(told, named, "{at}: the path's parameters");
        let responses = operation["responses"].as_object().unwrap();
        assert!(responses.contains_key("200"), "{at} has no answer");
        for (status, response) in responses {
            assert!(response["description"].is_string(), "{at}: {status}");
        }
    }
    let mut references = Vec::new();
    collect(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference} leads nowhere");
    }
    for resource in ["customers", "orders", "products"] {
        let list = &document["paths"][format!("/unified/ecommerce/{resource}")]["get"];
        assert_eq!(list["operationId"], format!("list_ecommerce_{resource}"));
        let names: Vec<&Value> =
            list["parameters"].as_array().unwrap().iter().map(|parameter| &parameter["name"]).collect();
        for name in [
            "integrated_account_id",
            "limit",
            "next_cursor",
            "truto_response_format",
            "remote_query",
            "created_at",
            "updated_at",
        ] {
            assert!(names.contains(&&json!(name)), "{resource}: {name}");
        }
        assert!(document["paths"][format!("/unified/ecommerce/{resource}/{{id}}")]["get"].is_object());
        let fields = &document["components"]["schemas"][format!("ecommerce.{resource}")]["properties"];
        assert!(fields["id"].is_object() && fields["remote_data"].is_object(), "{resource}");
    }
    app.shutdown().await;
}

/// Every verb that a path takes is described, and none is described that it does not take.
#[tokio::test]
async fn the_verbs_of_a_path_are_the_ones_described() {
    let app = App::sqlite().await;
    let document = app.get("/openapi.json").await.ok();
    for (path, item) in document["paths"].as_object().unwrap() {
        if path.starts_with("/custom/") {
            continue;
        }
        let answer = Answer::of(app.request("MADEUP".parse().unwrap(), path)).await;
        assert_eq!(answer.status, 405, "{path}: {}", answer.text);
        let taken: BTreeSet<String> =
            answer.header("allow").unwrap().split(',').map(str::to_lowercase).collect();
        let mut described: BTreeSet<String> =
            item.as_object().unwrap().keys().filter(|key| VERBS.contains(&key.as_str())).cloned().collect();
        // A page of the same path is for browsers, and no part of the API.
        if described.contains("get") || path == "/connect-account/callback" {
            described.extend(["get".to_owned(), "head".to_owned()]);
        }
        // A model's own path is the general one with names filled in, and tells what that resource can do.
        let of_a_model = path.starts_with("/unified/ecommerce/");
        assert!(
            described == taken || (of_a_model && described.is_subset(&taken)),
            "{path}: {described:?} and {taken:?}"
        );
    }
    app.shutdown().await;
}

/// A parameter with a value that its schema allows.
fn sample(parameter: &Value) -> String {
    let (name, schema) = (parameter["name"].as_str().unwrap(), &parameter["schema"]);
    let pattern = schema["pattern"].as_str().unwrap_or_default().trim_start_matches("^(");
    let one = schema["enum"][0].as_str().or_else(|| pattern.split('|').next()).unwrap_or_default();
    if parameter["style"] == "deepObject" {
        return if name.ends_with("_at") {
            format!("{name}[gte]=2026-01-01T00:00:00Z")
        } else {
            String::new()
        };
    }
    let is = |kind: &str| {
        schema["type"] == kind || schema["type"].as_array().is_some_and(|kinds| kinds.contains(&json!(kind)))
    };
    let value = match name {
        "integrated_account_id" | "environment_id" | "next_cursor" => "",
        "truto_key_by" => "id",
        "format" => "md",
        "log_type" => "unified_proxy_api",
        _ if is("boolean") => "true",
        _ if is("integer") => "1",
        _ if !one.is_empty() => one,
        _ => "x",
    };
    format!("{name}={value}")
}

fn collect<'a>(value: &'a Value, references: &mut Vec<&'a str>) {
    match value {
        Value::Object(fields) => {
            references.extend(fields.get("$ref").and_then(Value::as_str));
            fields.values().for_each(|field| collect(field, references));
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}

#[tokio::test]
async fn every_described_route_answers_with_a_described_status() {
    let app = App::sqlite_with(Setup { is_limited: false, ..Setup::default() }).await;
    let account = app.connect().await;
    let document = app.get("/openapi.json").await.ok();
    let token = app.post("/integrated-account/token", &json!({"integrated_account_id": account})).await.ok();
    let account_token = token["token"].as_str().unwrap();
    for (path, verb, operation) in operations(&document) {
        let filled = path
            .replace("{model}", "ecommerce")
            .replace("/{resource}", if path.starts_with("/proxy") { "/order" } else { "/orders" })
            .replace("{integration}", "commerce7")
            .replace("{method}", "list")
            .replace("{path}", "order")
            .replace("{action}", "validation")
            .replace("{id}", "none");
        let method: Method = verb.to_uppercase().parse().unwrap();
        let parameters = || operation["parameters"].as_array().into_iter().flatten();
        let named = parameters().any(|parameter| parameter["name"] == "integrated_account_id");
        let target = if named { format!("{filled}?integrated_account_id={account}") } else { filled };
        let at = format!("{verb} {target}");
        // A body that fits nothing: what is asked is whether the route is there.
        let mut request = app.request(method.clone(), &target);
        if !matches!(verb, "get" | "head" | "options") {
            request = request.json(&json!({"nothing": 1}));
        }
        let answer = Answer::of(request).await;
        assert!(
            !answer.text.contains("unknown path") && !answer.text.contains("there is nothing at"),
            "{at}: {}",
            answer.text
        );
        assert!(answer.status != 405, "{at}: {}", answer.text);
        assert!(
            answer.status.as_u16() < 500 || answer.status == 501,
            "{at}: {} {}",
            answer.status,
            answer.text
        );
        let responses = operation["responses"].as_object().unwrap();
        let told = responses.contains_key(answer.status.as_str()) || responses.contains_key("default");
        assert!(told, "{at}: {} is not told: {}", answer.status, answer.text);

        // What is told as a parameter is taken as one.
        let query = parameters().filter(|parameter| parameter["in"] == "query");
        for parameter in query.filter(|_| verb == "get") {
            let joint = if target.contains('?') { '&' } else { '?' };
            let given = format!("{target}{joint}{}", sample(parameter));
            let answer = app.get(&given).await;
            let unknown = ["unknown query parameter", "unknown parameter", "Invalid query param"];
            assert!(!unknown.iter().any(|words| answer.text.contains(words)), "{given}: {}", answer.text);
        }

        // Who may call is what is told.
        let open =
            operation["security"].as_array().is_some_and(|ways| ways.iter().any(|way| way == &json!({})));
        let nobody = Answer::of(Client::new().request(method.clone(), format!("{}{target}", app.url))).await;
        assert_eq!(nobody.status == 401, !open, "{at} without a token: {}", nobody.status);
        let is_by = |name: &str| {
            let ways = operation["security"].as_array();
            ways.is_some_and(|ways| ways.iter().any(|way| way.get(name).is_some()))
        };
        let by_account = is_by("integrated_account_token");
        // What a platform calls knows nothing of our tokens.
        if !open && !is_by("basic") {
            let answer =
                Answer::of(app.request_as(account_token, method, &target).json(&json!({"nothing": 1}))).await;
            assert_eq!(answer.status == 403, !by_account, "{at} with an account token: {}", answer.text);
        }
    }
    app.shutdown().await;
}

async fn what_is_answered_is_what_is_described(database: &TestDatabase) {
    let app = App::start(database).await;
    let id = app.connect().await;
    let document = app.get("/openapi.json").await.ok();
    app.get("/unified/ecommerce/orders?integrated_account_id=nobody").await.refused(404);
    let installed =
        app.get("/environment-integration").await.ok()["result"][0]["id"].as_str().unwrap().to_owned();
    let mut checked = 0;
    for (described, path) in [
        ("/unified/ecommerce/{resource}", unified("{resource}", &id)),
        (
            "/unified/ecommerce/{resource}",
            format!("{}&limit=250&truto_key_by=id", unified("{resource}", &id)),
        ),
        ("/unified/ecommerce/{resource}/{id}", unified("{resource}/{id}", &id)),
    ] {
        for resource in ["customers", "orders", "products"] {
            let fill = |text: &str| text.replace("{resource}", resource);
            let mut path = fill(&path);
            if path.contains("{id}") {
                let first = app.get(&format!("{}&limit=1", unified(resource, &id))).await.ok();
                path = path.replace("{id}", first["result"][0]["id"].as_str().unwrap());
            }
            check(&app, &document, &fill(described), &path).await;
            checked += 1;
        }
    }
    for (described, path) in [
        ("/proxy/{resource}", proxy("order", &id)),
        ("/integrated-account", "/integrated-account".to_owned()),
        ("/integrated-account/{id}", format!("/integrated-account/{id}")),
        ("/integrated-account/{id}/capabilities", format!("/integrated-account/{id}/capabilities")),
        ("/environment-integration", "/environment-integration".to_owned()),
        ("/environment-integration/{id}", format!("/environment-integration/{installed}")),
        ("/integration", "/integration".to_owned()),
        ("/integration/{id}", "/integration/commerce7".to_owned()),
        ("/environment", "/environment".to_owned()),
        ("/environment/{id}", format!("/environment/{}", app.environment_id)),
        ("/api-token", "/api-token".to_owned()),
        ("/log", "/log".to_owned()),
        ("/healthz", "/healthz".to_owned()),
        ("/readyz", "/readyz".to_owned()),
    ] {
        if described == "/log" {
            crate::support::logged(&app, "", |_| true).await;
        }
        check(&app, &document, described, &path).await;
        checked += 1;
    }
    assert_eq!(checked, 23);
    // Errors as well: of ours and of the platform.
    let error = json!({"$ref": "#/components/schemas/ErrorBody"});
    for path in
        ["/nowhere".to_owned(), unified("orders/none", &id), format!("{}&limit=0", unified("orders", &id))]
    {
        let answer = app.get(&path).await;
        fits(&document, &error, &answer.json(), &path).unwrap();
    }
    app.shutdown().await;
}

async fn check(app: &App, document: &Value, described: &str, path: &str) {
    let schema =
        &document["paths"][described]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
    assert!(!schema.is_null(), "the answer of {described} is not told");
    let answer = app.get(path).await.ok();
    if let Err(misfit) = fits(document, schema, &answer, described) {
        panic!("{misfit}");
    }
}

/// Checks a value against a schema, by the words that our schemas use; another word is a mistake of this function's.
fn fits(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let Value::Object(schema) = schema else {
        return if *schema == Value::Bool(true) { Ok(()) } else { Err(format!("{at} is not allowed")) };
    };
    for (word, meant) in schema {
        match word.as_str() {
            "$ref" => {
                let target = document.pointer(meant.as_str().unwrap().trim_start_matches('#')).unwrap();
                fits(document, target, value, at)?;
            }
            "type" => {
                let types = meant.as_array().cloned().unwrap_or_else(|| vec![meant.clone()]);
                if !types.iter().any(|name| is_of(value, name.as_str().unwrap())) {
                    return Err(format!("{at} is {value}, no {meant}"));
                }
            }
            "enum" => {
                if !meant.as_array().unwrap().contains(value) {
                    return Err(format!("{at} is {value}, none of {meant}"));
                }
            }
            "oneOf" | "anyOf" => {
                let fitting =
                    meant.as_array().unwrap().iter().filter(|one| fits(document, one, value, at).is_ok());
                let count = fitting.count();
                if count == 0 || (word == "oneOf" && count > 1) {
                    return Err(format!("{at} fits {count} of {word}: {value}"));
                }
            }
            "allOf" => meant.as_array().unwrap().iter().try_for_each(|one| fits(document, one, value, at))?,
            "required" => {
                for name in meant.as_array().unwrap() {
                    if value.is_object() && value.get(name.as_str().unwrap()).is_none() {
                        return Err(format!("{at} has no {name}: {value}"));
                    }
                }
            }
            "properties" => {
                for (name, field) in value.as_object().into_iter().flatten() {
                    match meant.get(name) {
                        Some(told) => fits(document, told, field, &format!("{at}.{name}"))?,
                        None if schema.contains_key("additionalProperties") => {}
                        None => return Err(format!("{at}.{name} is not told")),
                    }
                }
            }
            "additionalProperties" => {
                let none = Map::new();
                let told = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
                for (name, field) in
                    value.as_object().into_iter().flatten().filter(|(name, _)| !told.contains_key(*name))
                {
                    fits(document, meant, field, &format!("{at}.{name}"))?;
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    fits(document, meant, item, &format!("{at}[{index}]"))?;
                }
            }
            "format" => {
                let text = value.as_str().unwrap_or_default();
                let fitting = match meant.as_str().unwrap() {
                    "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
                    "date" => text.parse::<jiff::civil::Date>().is_ok(),
                    _ => true,
                };
                if value.is_string() && !fitting {
                    return Err(format!("{at} is {value}, no {meant}"));
                }
            }
            "minimum" if value.as_f64() < meant.as_f64() => {
                return Err(format!("{at} is {value}, below {meant}"));
            }
            "maximum" if value.as_f64() > meant.as_f64() => {
                return Err(format!("{at} is {value}, above {meant}"));
            }
            "minimum" | "maximum" | "description" | "example" | "examples" | "title" | "pattern"
            | "default" | "propertyNames" | "readOnly" => {}
            other => panic!("{at}: the schema says {other:?}, which is not checked here"),
        }
    }
    Ok(())
}

fn is_of(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("no type {other:?}"),
    }
}
