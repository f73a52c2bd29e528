//! Runs every file of `cases/`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::case::Case;
use crate::fixture::check_each;

fn files() -> Vec<PathBuf> {
    let wanted = std::env::var("CASE").unwrap_or_default();
    let directory = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests/cases"))
        .expect("the directory exists");
    let mut files: Vec<PathBuf> = directory
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .filter(|path| path.file_stem().is_some_and(|name| name.to_string_lossy().contains(&wanted)))
        .collect();
    files.sort();
    files
}

/// All cases with their names.
fn cases() -> impl Iterator<Item = (String, Case)> {
    files().into_iter().map(|path| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let case = Case::read(&path).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        (name, case)
    })
}

/// Checks each case. The runs mostly wait for their endpoint, so there can be more of them than processors.
#[track_caller]
fn check(cases: &[(String, Case)], play: impl Fn(&Case) + Sync) {
    check_each(cases, 12, |(name, _)| name.clone(), |(_, case)| play(case));
    println!("{} cases passed", cases.len());
}

fn play(long: bool) {
    let cases: Vec<(String, Case)> = cases().filter(|(_, case)| case.long == long).collect();
    check(&cases, Case::play);
}

#[test]
fn every_case_holds() {
    play(false);
}

#[test]
#[ignore = "second tier: long"]
fn every_long_case_holds() {
    play(true);
}

#[test]
#[ignore = "second tier: long"]
fn every_case_of_an_option_holds_for_a_plugin() {
    let is_of_option = |(name, case): &(String, Case)| name.starts_with("option-") && !case.long;
    let cases: Vec<(String, Case)> = cases().filter(is_of_option).collect();
    let played = AtomicUsize::new(0);
    check(&cases, |case| {
        played.fetch_add(case.play_as_plugin(), Ordering::Relaxed);
    });
    let played = played.into_inner();
    assert!(played > 60, "{played} runs");
}
