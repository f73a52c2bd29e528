//! Runs scripts of `standalone/` with the packages from PyPI that they need.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::tools::python;

/// Runs a Python script of `standalone/` with these lines as input, and returns the lines that it prints.
pub(crate) fn run_script(script: &str, input: String) -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/standalone");
    let mut command = Command::new(python(&directory.join("requirements.txt"), "standalone"));
    command.arg(directory.join(script)).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("Python runs");
    let mut stdin = child.stdin.take().expect("piped");
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()).expect("Python reads"));
    let output = child.wait_with_output().expect("Python ends");
    writer.join().expect("no panic");
    String::from_utf8(output.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}
