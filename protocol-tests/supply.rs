//! Checks that SECURITY.md lists every direct dependency and names only tests that exist.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn each_direct_dependency_is_told_with_who_keeps_it() {
    let read = |name: &str| fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("readable");
    let manifest = read("Cargo.toml");
    let mut section = "";
    let mut built_from = BTreeSet::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        } else if ["[dependencies]", "[dev-dependencies]"].contains(&section)
            && let Some((name, _)) = line.split_once(" = ")
            && !name.starts_with('#')
        {
            built_from.insert(name.to_owned());
        }
    }
    assert!(built_from.contains("aws-sdk-lambda") && built_from.contains("jsonschema"), "{built_from:?}");
    let security = read("SECURITY.md");
    let (_, table) = security.split_once("| crates | kept by | licence |").expect("a table of crates");
    let rows = table.lines().filter(|line| line.starts_with('|') && !line.starts_with("|-"));
    let told: BTreeSet<String> = rows
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|crates| crates.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect();
    assert_eq!(told, built_from);
}

#[test]
fn each_test_that_a_promise_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let security = fs::read_to_string(root.join("SECURITY.md")).expect("readable");
    let (_, promises) = security.split_once("| promise |").expect("a table of promises");
    let (promises, _) = promises.split_once("\n\n").expect("the table ends with a blank line");
    let modules: Vec<&str> =
        promises.split('`').skip(1).step_by(2).filter_map(|name| name.strip_suffix("::*")).collect();
    assert!(modules.len() > 10, "{modules:?}");
    for module in modules {
        assert!(root.join("protocol-tests").join(module.replace("::", "/")).with_extension("rs").exists(), "{module}");
    }
}
