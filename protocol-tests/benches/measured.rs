//! Runs a program and measures its time and memory. A Python process starts it, so that no peak is below that
//! of Python, which is about 14 MiB.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// The measurements of one run. The peak is that of the largest process.
#[derive(Clone, Copy)]
pub(crate) struct Run {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
    pub(crate) peak: f64,
}

/// Runs a program in `directory`, with its file `request.json` as standard input. Panics if it fails.
pub(crate) fn run(directory: &Path, command: &[&str], env: &[(&str, String)]) -> Run {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/benches");
    let mut measured = Command::new("python3");
    measured.arg(here.join("measure.py")).arg(directory.join("request.json")).args(command);
    measured.envs(env.iter().cloned());
    measured.env_remove("AWS_SESSION_TOKEN").env_remove("AWS_PROFILE");
    let output = measured.current_dir(directory).output().expect("python3 runs");
    assert!(output.status.success(), "{measured:?}: {}", String::from_utf8_lossy(&output.stderr));
    let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let number = |key: &str| value[key].as_f64().expect("a number");
    Run { wall: number("wall"), cpu: number("cpu"), peak: number("peak") }
}

/// Returns the median of each measurement separately.
pub(crate) fn median(runs: &[Run]) -> Run {
    let of = |value: fn(&Run) -> f64| {
        let mut values: Vec<f64> = runs.iter().map(value).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    Run { wall: of(|run| run.wall), cpu: of(|run| run.cpu), peak: of(|run| run.peak) }
}
