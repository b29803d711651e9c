//! Every endpoint that is known of the platform is declared.

use std::collections::BTreeSet;

use crate::support::commerce7;

/// `/customer/{{id}}` as `/customer/{}`.
fn shape(path: &str) -> String {
    let segments = path.split('/').map(|segment| if segment.starts_with("{{") { "{}" } else { segment });
    segments.collect::<Vec<_>>().join("/")
}

#[test]
fn every_known_endpoint_is_declared() {
    let integration = commerce7();
    let declared: BTreeSet<String> = integration
        .resources
        .values()
        .flat_map(|resource| resource.methods.values())
        .map(|method| format!("{} {}", method.verb, shape(&method.path)))
        .collect();
    let known: BTreeSet<String> = include_str!("fixtures/endpoints.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(str::to_owned)
        .collect();
    let missing: Vec<&String> = known.difference(&declared).collect();
    assert!(missing.is_empty(), "not declared: {missing:#?}");
    let unknown: Vec<&String> = declared.difference(&known).collect();
    assert!(unknown.is_empty(), "declared, and in no list: {unknown:#?}");
}
