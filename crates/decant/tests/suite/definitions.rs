//! Definitions that are wrong are refused at start: file, line and reason.

use std::fs;
use std::path::{Path, PathBuf};

use crate::program::{complaint, decant, stdout};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A folder with definitions, one file of which has `old` replaced by `new`; gives the folder and the line.
fn with_mistake(file: &str, old: &str, new: &str) -> (tempfile::TempDir, usize) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["integrations", "models"] {
        copy(&root().join(name), &folder.path().join(name));
    }
    let path = folder.path().join(file);
    let text = fs::read_to_string(&path).unwrap();
    let at = text.find(old).unwrap_or_else(|| panic!("{old:?} is not in {file}"));
    let line = text[..at].lines().count() + usize::from(text[..at].ends_with('\n') || at == 0);
    fs::write(&path, text.replacen(old, new, 1)).unwrap();
    (folder, line)
}

#[test]
fn a_mistake_is_refused_with_its_file_and_line() {
    for (file, old, new, reason) in [
        (
            "integrations/commerce7/integration.yaml",
            "pagination:",
            "paginaton:",
            "did you mean \"pagination\"?",
        ),
        (
            "integrations/commerce7/resources/orders.yaml",
            "pagination: [cursor, page]",
            "pagination: [curser]",
            "curser",
        ),
        (
            "integrations/commerce7/unified/ecommerce/orders.yaml",
            "total_amount: total",
            "total_amont: total",
            "did you mean \"total_amount\"?",
        ),
        ("models/ecommerce/orders.yaml", "type: money", "type: monney", "monney"),
    ] {
        let (folder, line) = with_mistake(file, old, new);
        let mut serve =
            decant(folder.path(), ["serve", "--integrations", "integrations", "--models", "models"]);
        let refused = complaint(&mut serve);
        let (_, name) = file.split_once('/').unwrap();
        assert!(refused.contains(&format!("{name}:{line}:")), "line {line} of {file}: {refused}");
        assert!(refused.contains(reason), "{refused}");
        // The same words where an operator looks first.
        let doctor =
            decant(folder.path(), ["doctor", "--integrations", "integrations", "--models", "models"])
                .output()
                .unwrap();
        assert!(!doctor.status.success());
        assert!(String::from_utf8_lossy(&doctor.stdout).contains(&format!("{name}:{line}:")));
    }
}

#[test]
fn definitions_of_a_folder_take_the_place_of_those_inside() {
    let (folder, _) = with_mistake(
        "models/ecommerce/orders.yaml",
        "description: A sale of any channel",
        "description: A sale by any road",
    );
    let document = stdout(&mut decant(folder.path(), ["openapi", "--models", "models"]));
    assert!(document.contains("A sale by any road"));
}
