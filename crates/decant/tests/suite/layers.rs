//! The plan of the house: a crate uses only what stands below it (ARCHITECTURE.md).

use cargo_metadata::{DependencyKind, MetadataCommand};

/// Ground floor first. A crate may depend on any crate before it, never on one after it.
const FLOORS: &[&str] = &[
    "decant-expression",
    "decant-integration",
    "decant-unified",
    "decant-store",
    "decant-upstream",
    "decant-gateway",
    "decant-server",
    "decant",
];

/// Beside the house: the sandbox knows nothing of the gateway, and nothing shipped uses what tests and measures.
const SANDBOX: &str = "decant-sandbox";
const BESIDE: [&str; 2] = ["decant-testkit", "decant-bench"];

#[test]
fn every_arrow_points_down() {
    let metadata = MetadataCommand::new().no_deps().exec().unwrap();
    let ours = |name: &str| name == "decant" || name.starts_with("decant-");
    let floor = |name: &str| FLOORS.iter().position(|floor| *floor == name);

    let mut wrong = Vec::new();
    for package in metadata.packages.iter().filter(|package| ours(&package.name)) {
        let name = package.name.as_str();
        assert!(
            floor(name).is_some() || name == SANDBOX || BESIDE.contains(&name),
            "{name} has no place in the house: add it to FLOORS and to ARCHITECTURE.md"
        );
        for dependency in &package.dependencies {
            let target = dependency.name.as_str();
            if dependency.kind != DependencyKind::Normal || !ours(target) {
                continue;
            }
            let allowed = match (floor(name), floor(target)) {
                (Some(from), Some(to)) => to < from,
                // The program starts the sandbox for `decant sandbox` and `decant demo`.
                (Some(_), None) => name == "decant" && target == SANDBOX,
                (None, _) => BESIDE.contains(&name),
            };
            if !allowed {
                wrong.push(format!("{name} -> {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "these dependencies point up: {wrong:?}");
}

#[test]
fn no_platform_is_named_outside_its_folder() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for name in FLOORS.iter().map(|floor| floor.trim_start_matches("decant-")) {
        // The program itself prints what the demo does, which is a Commerce7 winery.
        if name != "decant" {
            search(&root.join("crates").join(name).join("src"), &mut found);
        }
    }
    assert!(found.is_empty(), "a platform is data, not code; its name stands in {found:#?}");
}

/// Collects `path:line` of every mention of a platform outside of test modules.
fn search(folder: &std::path::Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, found);
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let shipped = text.split("#[cfg(test)]").next().unwrap_or_default();
        for (number, line) in shipped.lines().enumerate() {
            if line.to_lowercase().contains("commerce7") {
                found.push(format!("{}:{}", path.display(), number + 1));
            }
        }
    }
}
