//! `decant map test`: a map is run over a file.

use std::path::Path;

use serde_json::{Value, json};

use crate::program::{complaint, decant, stdout};

/// A folder with files, and the command over them.
struct Files(tempfile::TempDir);

impl Files {
    fn with(files: &[(&str, Value)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            std::fs::write(folder.path().join(name), content.to_string()).unwrap();
        }
        Self(folder)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &str) -> std::process::Command {
        let fixed = ["map", "test", "--integration", "commerce7"];
        decant(self.path(), fixed.into_iter().chain(arguments.split_whitespace()))
    }

    fn printed(&self, arguments: &str) -> Value {
        serde_json::from_str(&stdout(&mut self.command(arguments))).unwrap()
    }

    #[track_caller]
    fn refused(&self, arguments: &str, words: &[&str]) {
        let said = complaint(&mut self.command(arguments));
        for word in words {
            assert!(said.contains(word), "{word:?} is not said by: {said}");
        }
    }
}

#[test]
fn a_map_is_run_over_records_and_bodies() {
    let files = Files::with(&[
        ("order.json", json!({"id": "o1", "orderNumber": 7, "total": 1250, "channel": "Web", "items": []})),
        ("orders.json", json!([{"id": "o1"}, {"id": "o2"}])),
        ("lines.json", json!({"fields": {"sold_by": {"from": "channel"}, "total_amount": null}})),
        ("whole.json", json!({"response_mapping": "response.{\"id\": id, \"in\": $$.context.currency}"})),
        ("yen.json", json!({"currency": "JPY"})),
        ("customer.json", json!({"id": "c1", "firstName": "Ada"})),
        ("addresses.json", json!({"customerAddresses": [{"id": "a1", "city": "Napa"}]})),
        ("body.json", json!({"first_name": "Ada", "emails": [{"email": "ada@example.com"}]})),
    ]);
    let orders = "--resource ecommerce/orders";
    let plain = files.printed(&format!("{orders} --input order.json"));
    assert_eq!((&plain["total_amount"], &plain["channel"]), (&json!("12.50"), &json!("web")));
    assert_eq!(plain.get("remote_data"), None);
    let yen = files.printed(&format!("{orders} --input order.json --context yen.json"));
    assert_eq!(yen["total_amount"], "1250");
    let changed = files.printed(&format!("{orders} --input order.json --override lines.json"));
    assert_eq!((&changed["sold_by"], changed.get("total_amount")), (&json!("Web"), None));
    let whole = files.printed(&format!("{orders} --input orders.json --override whole.json --method list"));
    assert_eq!(whole, json!([{"id": "o1", "in": "USD"}, {"id": "o2", "in": "USD"}]));
    let customers = "--resource ecommerce/customers";
    let customer =
        files.printed(&format!("{customers} --input customer.json --load addresses=addresses.json"));
    assert_eq!(customer["addresses"][0]["city"], "Napa");
    let sent = files.printed(&format!("{customers} --body body.json"));
    assert_eq!(sent["body"]["firstName"], "Ada");
    let sent = files.printed(&format!("{customers} --method update --body body.json --input customer.json"));
    assert_eq!(sent["body"]["firstName"], "Ada");
}

#[test]
fn what_does_not_fit_is_told_with_its_place() {
    let files = Files::with(&[
        ("order.json", json!({"id": "o1", "total": "much"})),
        ("bad.json", json!({"fields": {"sold_by": {"form": "channel"}}})),
        ("whole.json", json!({"response_mapping": "5"})),
        ("body.json", json!({"frst_name": "Ada"})),
        ("text.json", json!("text")),
    ]);
    let orders = "--resource ecommerce/orders --input order.json";
    files.refused(orders, &["order.json", "record o1: total_amount needs"]);
    files.refused(
        &format!("{orders} --override bad.json"),
        &["bad.json: fields.sold_by", "did you mean \"from\"?"],
    );
    files.refused(&format!("{orders} --override whole.json"), &["response_mapping: it gives 5"]);
    files.refused(&format!("{orders} --override missing.json"), &["can't read missing.json"]);
    files.refused(&format!("{orders} --load x=order.json"), &["get reads nothing beside its record"]);
    files.refused(&format!("{orders} --method lst"), &["did you mean \"list\"?"]);
    let customers = "--resource ecommerce/customers";
    files.refused(
        &format!("{customers} --body body.json"),
        &["body.json", "frst_name", "did you mean \"first_name\"?"],
    );
    files.refused(&format!("{customers} --body text.json"), &["text.json is not the JSON that is needed"]);
    files.refused(
        &format!("{customers} --input order.json --load adresses=order.json"),
        &["did you mean \"addresses\"?"],
    );
    files.refused("--resource ecommerce/ordrs --input order.json", &["did you mean \"orders\"?"]);
    files.refused("--resource orders --input order.json", &["ecommerce/orders"]);
}
