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
    assert_eq!(
        main_file("label: Acme", "lable: Acme"),
        r#"acme/integration.yaml:3:1: unknown key "lable", did you mean "label"?"#
    );
    assert_eq!(
        main_file("        label: Token", "        lable: Token"),
        r#"acme/integration.yaml:12:9: unknown key "lable", did you mean "label"?"#
    );
    assert_eq!(
        orders("      verb: post", "      verbs: post"),
        r#"acme/resources/orders.yaml:10:7: order.methods.ship.verbs: unknown key "verbs", did you mean "verb"?"#
    );
    assert_eq!(
        orders("pagination: [cursor]", "paging: [cursor]"),
        r#"acme/resources/orders.yaml:5:55: order.methods.list.paging: unknown key "paging", did you mean "pagination"?"#
    );
    assert_eq!(
        orders("verb: post", "verb: pots"),
        r#"acme/resources/orders.yaml:10:7: order.methods.ship.verb: unknown value "pots", did you mean "post"?"#
    );
}

#[test]
fn texts() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("acme/texts")).unwrap();
    fs::write(folder.path().join("acme/integration.yaml"), MAIN).unwrap();
    fs::write(folder.path().join("acme/texts/fr.yaml"), "# In French.\nAcme: Acmé\nToken: [Jeton]\n")
        .unwrap();
    assert_eq!(
        Catalog::read(folder.path()).unwrap_err().to_string(),
        r#"acme/texts/fr.yaml:3:1: fr.Token: invalid type: sequence, expected a string"#
    );
}

#[test]
fn what_has_files_of_its_own_is_refused_elsewhere() {
    assert_eq!(
        main_file("label: Acme", "label: Acme\nresources: {}"),
        "acme/integration.yaml:4:1: resources stand in files of their own, resources/*.yaml"
    );
    assert_eq!(
        main_file("label: Acme", "label: Acme\ntexts: {}"),
        "acme/integration.yaml:4:1: texts stand in files of their own, texts/<language>.yaml"
    );
}

#[test]
fn missing_keys() {
    assert_eq!(
        main_file("base_url: https://acme.test/v1\n", ""),
        r#"acme/integration.yaml:2:1: the key "base_url" is missing in this mapping"#
    );
    assert_eq!(
        orders("  description: A sale.\n", ""),
        r#"acme/resources/orders.yaml:2:1: order: the key "description" is missing in this mapping"#
    );
}

#[test]
fn unknown_paging_styles() {
    assert_eq!(
        orders("[cursor]", "[cursr]"),
        r#"acme/resources/orders.yaml:5:55: order.methods.list.pagination: unknown paging style "cursr", did you mean "cursor"?"#
    );
    assert_eq!(
        orders(
            "      path: \"/order/{{id}}\"\n",
            "      path: \"/order/{{id}}\"\n      pagination: [offset]\n"
        ),
        r#"acme/resources/orders.yaml:8:7: order.methods.get.pagination: unknown paging style "offset"; known are cursor"#
    );
    assert_eq!(
        main_file("format: cursor", "format: offset"),
        r#"acme/integration.yaml:19:13: unknown value "offset"; known are cursor, page"#
    );
}

#[test]
fn templates() {
    assert_eq!(
        orders("/order/{{id}}\"", "/order/{{record.id}}\""),
        r#"acme/resources/orders.yaml:7:7: order.methods.get.path: {{record.id}} is not known here; use id, query.<name>, context.<name>"#
    );
    assert_eq!(
        orders("path: /order,", "path: \"/order/{{credentials.token}}\","),
        r#"acme/resources/orders.yaml:5:13: order.methods.list.path: {{credentials.token}} is not known here; use id, query.<name>, context.<name>"#
    );
    assert_eq!(
        orders("/order/{{id}}/ship", "/order/{{id/ship"),
        r#"acme/resources/orders.yaml:11:7: order.methods.ship.path: "/order/{{id/ship" opens a placeholder with {{ and never closes it"#
    );
    assert_eq!(
        main_file("{{context.tenant}}", "{{tenant}}"),
        r#"acme/integration.yaml:7:3: {{tenant}} is not known here; use context.<name>, credentials.<name>"#
    );
    assert_eq!(
        main_file("{{credentials.token}}", "{{secrets.token}}"),
        r#"acme/integration.yaml:17:5: {{secrets.token}} is not known here; use context.<name>, credentials.<name>"#
    );
    assert_eq!(
        main_file("https://acme.test", "https://{{credentials.token}}.test"),
        r#"acme/integration.yaml:5:1: {{credentials.token}} is not known here; use context.<name>"#
    );
}

#[test]
fn methods() {
    assert_eq!(
        orders("      verb: post\n", ""),
        r#"acme/resources/orders.yaml:9:5: order.methods.ship: a custom method needs a `verb`: get, post, put, patch or delete"#
    );
    assert_eq!(
        orders("path: /order,", "path: order,"),
        r#"acme/resources/orders.yaml:5:13: order.methods.list.path: a path begins with `/`"#
    );
}

#[test]
fn actions() {
    assert_eq!(
        main_file("resource: order,", "resource: oder,"),
        r#"acme/integration.yaml:23:7: unknown resource "oder", did you mean "order"?"#
    );
    assert_eq!(
        main_file("method: list }", "method: lst }"),
        r#"acme/integration.yaml:23:7: unknown method "lst", did you mean "list"?"#
    );
    assert_eq!(
        main_file("expression: $previous", "expression: $previous.("),
        r#"acme/integration.yaml:25:7: not a JSONata expression: Parse error: S0207: Unexpected end of expression"#
    );
}

#[test]
fn names() {
    assert_eq!(
        main_file("name: acme", "name: acne"),
        r#"acme/integration.yaml:2:1: the name has to be the folder's, "acme""#
    );
    assert_eq!(
        main_file("name: acme\n", ""),
        r#"acme/integration.yaml: the name has to be the folder's, "acme""#
    );
    assert_eq!(main_file("tenant:", "te nant:"), r#"acme/integration.yaml:7:3: "te nant" is no header name"#);
}

#[test]
fn duplicates() {
    assert_eq!(
        orders("# Orders.\n", "order: { description: A sale., methods: {} }\n"),
        r#"acme/resources/orders.yaml:2:1: the key "order" stands here a second time"#
    );
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join("acme/resources")).unwrap();
    fs::write(folder.path().join("acme/integration.yaml"), MAIN).unwrap();
    fs::write(folder.path().join("acme/resources/orders.yaml"), ORDERS).unwrap();
    fs::write(folder.path().join("acme/resources/sales.yaml"), ORDERS).unwrap();
    assert_eq!(
        Catalog::read(folder.path()).unwrap_err().to_string(),
        r#"acme/resources/sales.yaml:2:1: the resource "order" is defined twice"#
    );
}

#[test]
fn yaml_itself() {
    assert_eq!(
        main_file("label: Acme", "label: \"Acme"),
        r#"acme/integration.yaml:7:12: invalid trailing content after double-quoted scalar"#
    );
    assert_eq!(
        main_file("label: Acme", "label: [Acme"),
        r#"acme/integration.yaml:4:9: illegal placement of ':' indicator"#
    );
    assert_eq!(
        orders("  description: A sale.", "  description: A sale: of wine"),
        r#"acme/resources/orders.yaml:3:22: mapping values are not allowed in this context"#
    );
    assert_eq!(
        orders("    get:", "\tget:"),
        r#"acme/resources/orders.yaml:6:2: tabs disallowed within this context (block indentation)"#
    );
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
