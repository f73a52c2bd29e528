//! Plays every file of `cases/`.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::case::Case;

fn files() -> Vec<PathBuf> {
    let wanted = std::env::var("CASE").unwrap_or_default();
    let directory = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests/cases")).expect("is there");
    let mut files: Vec<PathBuf> = directory
        .map(|entry| entry.expect("readable").path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .filter(|path| path.file_stem().is_some_and(|name| name.to_string_lossy().contains(&wanted)))
        .collect();
    files.sort();
    files
}

#[test]
fn every_case_holds() {
    let files = files();
    assert!(!files.is_empty(), "no case matches");
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    // The runs mostly wait for their endpoint, so a few more than there are cores.
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                    let played = std::panic::catch_unwind(|| match Case::read(path) {
                        Ok(case) => case.play(),
                        Err(problem) => panic!("{problem}"),
                    });
                    if played.is_err() {
                        failures.lock().expect("not poisoned").push(name);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("not poisoned");
    assert!(failures.is_empty(), "{} of {} cases failed: {failures:?}", failures.len(), files.len());
    println!("{} cases hold", files.len());
}
