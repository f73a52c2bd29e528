//! Runs the differential test in `travis/`: evaluates conditions with the program and with a reference that
//! uses real bash.

use std::path::Path;
use std::process::Command;

use crate::plugin::program;

/// The number of cases. They take about half a minute on two cores.
const COUNT: &str = "3000";

fn differ(way: Option<&str>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/travis/differential.py");
    let mut command = Command::new("python3");
    command.arg(script).args(["--count", COUNT]).env("DPL_LAMBDA", program());
    if let Some(way) = way {
        command.env("DPL_LAMBDA_CONDITIONS", way);
    }
    let output = command.output().unwrap_or_else(|error| panic!("cannot start python3: {error}"));
    let reported = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{reported}\n{}", String::from_utf8_lossy(&output.stderr));
    let last = reported.lines().last().unwrap_or_default();
    assert!(last.starts_with(&format!("{COUNT} cases")) && last.ends_with("; 0 mismatches"), "{last}");
    println!("{last}");
}

#[test]
#[ignore = "second tier: needs Python; long"]
fn every_verdict_is_traviss() {
    differ(None);
}

#[test]
#[ignore = "second tier: needs Python; long"]
fn every_verdict_is_traviss_when_bash_judges_plain_words_too() {
    differ(Some("bash"));
}
