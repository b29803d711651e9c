//! What every write through the gateway takes besides: the `Idempotency-Key`, the same for all and said once.

use gateway::idempotency::MAX_KEY;
use serde_json::{Value, json};

/// Where writes of the data plane begin.
const DATA: [&str; 4] = ["/unified/", "/proxy/", "/custom/", "/batch-request"];
const WRITES: [&str; 4] = ["post", "put", "patch", "delete"];

/// Adds the header to every write, and to its answers what says that it was done before.
pub(super) fn describe(document: &mut Value) {
    let Some(paths) = document["paths"].as_object_mut() else { return };
    let of_data = paths.iter_mut().filter(|(path, _)| DATA.iter().any(|begin| path.starts_with(begin)));
    for (_, item) in of_data {
        let Some(item) = item.as_object_mut() else { continue };
        for (_, operation) in item.iter_mut().filter(|(verb, _)| WRITES.contains(&verb.as_str())) {
            match operation["parameters"].as_array_mut() {
                Some(parameters) => parameters.push(parameter()),
                None => operation["parameters"] = json!([parameter()]),
            }
            if let Some(success) = operation["responses"]["200"].as_object_mut() {
                success.insert("headers".to_owned(), json!({ "Idempotency-Replayed": replayed() }));
            }
        }
    }
}

fn parameter() -> Value {
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
