//! What every call through the gateway takes and answers besides, the same for all and said once: how long it waits for the platform's limit, and
//! for writes the `Idempotency-Key`.

use gateway::budget::{LONGEST_WAIT, MAX_WAIT};
use gateway::idempotency::MAX_KEY;
use serde_json::{Map, Value, json};

/// Where calls of the data plane begin.
const DATA: [&str; 4] = ["/unified/", "/proxy/", "/custom/", "/batch-request"];
const WRITES: [&str; 4] = ["post", "put", "patch", "delete"];
/// What an item of a path holds beside operations.
const NO_OPERATIONS: [&str; 4] = ["parameters", "summary", "description", "servers"];

/// Adds the headers to every call, and to its answers.
pub(super) fn describe(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    let of_data = paths.iter_mut().filter(|(path, _)| DATA.iter().any(|begin| path.starts_with(begin)));
    for (path, item) in of_data {
        let Some(item) = item.as_object_mut() else { continue };
        let operations = item.iter_mut().filter(|(name, _)| !NO_OPERATIONS.contains(&name.as_str()));
        for (verb, operation) in operations {
            if path.contains("/meta/") {
                continue;
            }
            let is_write = WRITES.contains(&verb.as_str());
            let mut taken = vec![max_wait(), lane()];
            let mut answered = limits();
            if is_write {
                taken.push(idempotency_key());
                answered.insert("Idempotency-Replayed".into(), replayed());
            }
            match operation["parameters"].as_array_mut() {
                Some(parameters) => parameters.extend(taken),
                None => operation["parameters"] = taken.into(),
            }
            if let Some(success) = operation["responses"]["200"].as_object_mut() {
                success.insert("headers".to_owned(), answered.into());
            }
        }
    }
}

fn max_wait() -> Value {
    json!({
        "name": "Decant-Max-Wait",
        "in": "header",
        "required": false,
        "description": "How many seconds the call waits at most for its turns by the platform's limit, in all; 0 is not at all. Without a turn in \
                        that time it is 429 with a `Retry-After`, and nothing was sent.",
        "schema": {"type": "number", "minimum": 0, "maximum": LONGEST_WAIT.as_secs(), "default": MAX_WAIT.as_secs()},
    })
}

fn lane() -> Value {
    json!({
        "name": "Decant-Lane",
        "in": "header",
        "required": false,
        "description": "`background` for bulk work, which takes what other calls leave of the platform's limit. Without it a page of a \
                        list that the limit counts goes behind once half of the limit is used.",
        "schema": {"type": "string", "enum": ["interactive", "background"]},
    })
}

/// Headers that say how the platform's limit stands.
fn limits() -> Map<String, Value> {
    let header = |description: &str, schema: Value| json!({"description": description, "schema": schema});
    [
        (
            "ratelimit-limit",
            header("The platform's limit and its window in seconds, `100;w=60`. Absent, as all of these, where it has none.", json!({"type": "string"})),
        ),
        ("ratelimit-remaining", header("How many requests are left in the window that ends now.", json!({"type": "integer"}))),
        ("ratelimit-reset", header("Seconds until the next of the used ones is free again.", json!({"type": "integer"}))),
        ("decant-waited", header("Seconds that the call waited for its turns.", json!({"type": "number"}))),
    ]
    .map(|(name, header)| (name.to_owned(), header))
    .into_iter()
    .collect()
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key",
        "in": "header",
        "required": false,
        "description": "Names this write, so that it happens once: for 24 hours the same request with the same key gets the same \
                        answer, and nothing is sent again. The same key with another request is 422.",
        "schema": {"type": "string", "minLength": 1, "maxLength": MAX_KEY, "pattern": "^[!-~]+$"},
    })
}

fn replayed() -> Value {
    json!({
        "description": "`true` when the write was done before, and this is the answer that it got then.",
        "schema": {"type": "string"},
    })
}
