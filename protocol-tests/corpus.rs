//! Runs the fuzz targets on their corpus. `fuzz/` describes how to search for more inputs.

use std::path::Path;

#[path = "fuzz/bodies.rs"]
mod bodies;

fn play(target: &str, body: fn(&[u8])) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&corpus).unwrap_or_else(|error| panic!("{}: {error}", corpus.display()));
    let files: Vec<_> = entries.map(|entry| entry.expect("listed").path()).collect();
    assert!(files.len() >= 5, "{target} has a corpus of {} files", files.len());
    for file in &files {
        println!("{}", file.display());
        let data = std::fs::read(file).expect("read");
        body(&data);
        // Also truncated at several places, for inputs that no fuzzer has found yet.
        let step = data.len() / 16 + 1;
        (0..data.len()).step_by(step).for_each(|end| body(&data[..end]));
    }
}

#[test]
fn requests() {
    play("request", bodies::request);
}

#[test]
fn plans() {
    play("plan", bodies::plan);
}

#[test]
fn archives() {
    play("archive", bodies::archive);
}

#[test]
fn answers_of_aws() {
    play("aws_error", bodies::aws_error);
}
