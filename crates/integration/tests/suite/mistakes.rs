//! Definitions with mistakes are refused, with file, line, column and what would be right.

use std::fs;

use integration::Catalog;

const MAIN: &str = r#"# A platform.
name: acme
label: Acme
category: ecommerce
base_url: https://acme.test/v1
headers:
  tenant: "{{context.tenant}}"
credentials:
  api_key:
    fields:
      - name: token
        label: Token
        type: password
authorization:
  format: bearer
  config:
    token: "{{credentials.token}}"
pagination:
  cursor: { format: cursor, param: cursor, path: cursor, limit_param: limit, max_limit: 50 }
actions:
  validation:
    steps:
      - type: request
        config: { resource: order, method: list }
      - type: transform
        config:
          expression: $previous
"#;

const ORDERS: &str = r#"# Orders.
order:
  description: A sale.
  methods:
    list: { path: /order, description: Lists orders., pagination: [cursor] }
    get:
      path: "/order/{{id}}"
      description: Gets one order.
    ship:
      verb: post
      path: "/order/{{id}}/ship"
      description: Ships an order.
"#;

/// Reads the definition above after `from` was replaced by `to` in the named file.
fn refusal(file: &str, from: &str, to: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("acme/resources")).unwrap();
    for (name, text) in [("integration.yaml", MAIN), ("resources/orders.yaml", ORDERS)] {
        assert!(name != file || text.contains(from), "{from:?} is not in {name}");
        let text = if name == file { text.replacen(from, to, 1) } else { text.to_owned() };
        fs::write(folder.path().join("acme").join(name), text).unwrap();
    }
    Catalog::read(folder.path()).map(|_| "accepted".to_owned()).unwrap_or_else(|error| error.to_string())
}

fn main_file(from: &str, to: &str) -> String {
    refusal("integration.yaml", from, to)
}

fn orders(from: &str, to: &str) -> String {
    refusal("resources/orders.yaml", from, to)
}

#[test]
fn without_a_mistake_it_is_accepted() {
    assert_eq!(main_file("# A platform.", "# Another."), "accepted");
}

#[test]
fn misspelt_keys() {
    assert_eq!(main_file("label: Acme", "lable: Acme"), "");
    assert_eq!(main_file("        label: Token", "        lable: Token"), "");
    assert_eq!(orders("      verb: post", "      verbs: post"), "");
    assert_eq!(orders("pagination: [cursor]", "paging: [cursor]"), "");
    assert_eq!(orders("verb: post", "verb: pots"), "");
}

#[test]
fn missing_keys() {
    assert_eq!(main_file("base_url: https://acme.test/v1\n", ""), "");
    assert_eq!(orders("  description: A sale.\n", ""), "");
}

#[test]
fn unknown_paging_styles() {
    assert_eq!(orders("[cursor]", "[cursr]"), "");
    assert_eq!(
        orders(
            "      path: \"/order/{{id}}\"\n",
            "      path: \"/order/{{id}}\"\n      pagination: [offset]\n"
        ),
        ""
    );
    assert_eq!(main_file("format: cursor", "format: offset"), "");
}

#[test]
fn templates() {
    assert_eq!(orders("/order/{{id}}\"", "/order/{{record.id}}\""), "");
    assert_eq!(orders("path: /order,", "path: \"/order/{{credentials.token}}\","), "");
    assert_eq!(orders("/order/{{id}}/ship", "/order/{{id/ship"), "");
    assert_eq!(main_file("{{context.tenant}}", "{{tenant}}"), "");
    assert_eq!(main_file("{{credentials.token}}", "{{secrets.token}}"), "");
    assert_eq!(main_file("https://acme.test", "https://{{credentials.token}}.test"), "");
}

#[test]
fn methods() {
    assert_eq!(orders("      verb: post\n", ""), "");
    assert_eq!(orders("path: /order,", "path: order,"), "");
}

#[test]
fn actions() {
    assert_eq!(main_file("resource: order,", "resource: oder,"), "");
    assert_eq!(main_file("method: list }", "method: lst }"), "");
    assert_eq!(main_file("expression: $previous", "expression: $previous.("), "");
}

#[test]
fn names() {
    assert_eq!(main_file("name: acme", "name: acne"), "");
    assert_eq!(main_file("name: acme\n", ""), "");
    assert_eq!(main_file("tenant:", "te nant:"), "");
}

#[test]
fn duplicates() {
    assert_eq!(orders("# Orders.\n", "order: { description: A sale., methods: {} }\n"), "");
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("acme/resources")).unwrap();
    fs::write(folder.path().join("acme/integration.yaml"), MAIN).unwrap();
    fs::write(folder.path().join("acme/resources/orders.yaml"), ORDERS).unwrap();
    fs::write(folder.path().join("acme/resources/sales.yaml"), ORDERS).unwrap();
    assert_eq!(Catalog::read(folder.path()).unwrap_err().to_string(), "");
}

#[test]
fn yaml_itself() {
    assert_eq!(main_file("label: Acme", "label: \"Acme"), "");
    assert_eq!(main_file("label: Acme", "label: [Acme"), "");
    assert_eq!(orders("  description: A sale.", "  description: A sale: of wine"), "");
    assert_eq!(orders("    get:", "\tget:"), "");
}

#[test]
fn folders() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        Catalog::read(folder.path()).unwrap_err().to_string(),
        "integrations: there is no <name>/integration.yaml in this folder"
    );
    let absent = folder.path().join("absent");
    assert_eq!(
        Catalog::read(&absent).unwrap_err().to_string(),
        format!("{}: cannot be read: No such file or directory (os error 2)", absent.display())
    );
}
