//! A file of requirements in, a Python that has them out: a virtual environment under `target/`, made once.
//! Never touches the machine's own Python packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python of the virtual environment `name`. It is made anew when the requirements have changed.
pub(crate) fn python(requirements: &Path, name: &str) -> PathBuf {
    let environment = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let python = environment.join("bin/python");
    let wanted = fs::read_to_string(requirements).expect("requirements are committed");
    let stamp = environment.join("installed.txt");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return python;
    }
    let _ = fs::remove_dir_all(&environment);
    run(Command::new("python3").args(["-m", "venv"]).arg(&environment), "Python 3 with its venv module is missing");
    run(
        Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
            .arg(requirements),
        &format!("the packages of {} cannot be had from PyPI", requirements.display()),
    );
    fs::write(&stamp, wanted).expect("writable");
    python
}

fn run(command: &mut Command, missing: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{missing}: {error}"));
    assert!(output.status.success(), "{missing}: {}", String::from_utf8_lossy(&output.stderr));
}
