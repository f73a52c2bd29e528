//! Creates virtual environments under `target/` with the Python packages that tests need, once for each
//! requirements file. Never changes the machine's own Python packages.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python interpreter of the virtual environment `name`. Creates it again if the requirements have
/// changed.
pub(crate) fn python(requirements: &Path, name: &str) -> PathBuf {
    let wanted = fs::read_to_string(requirements).expect("readable");
    let environment = made_once(name, &wanted, |environment| {
        run(
            Command::new("python3").args(["-m", "venv"]).arg(environment),
            "cannot create a virtual environment with Python 3 and its venv module",
        );
        run(
            Command::new(environment.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
                .arg(requirements),
            &format!("cannot install the packages of {} from PyPI", requirements.display()),
        );
    });
    environment.join("bin/python")
}

/// The directory `name` under `target/`. Creates it with `make` if it does not exist or was created from a
/// different `wanted`. Other callers, in this process or another one, wait until it is complete.
pub(crate) fn made_once(name: &str, wanted: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let lock = File::create(directory.with_added_extension("lock")).expect("target is writable");
    lock.lock().expect("can be locked");
    // Written last, so that an interrupted creation starts again.
    let stamp = directory.join("installed.txt");
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).expect("target is writable");
        make(&directory);
        fs::write(&stamp, wanted).expect("writable");
    }
    directory
}

/// Runs a command to its end. Panics with the message `missing` if it fails.
pub(crate) fn run(command: &mut Command, missing: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{missing}: {error}"));
    assert!(output.status.success(), "{missing}: {}", String::from_utf8_lossy(&output.stderr));
}
