//! A file of requirements in, a Python that has them out: a virtual environment under `target/`, made once.
//! Never touches the machine's own Python packages.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The Python of the virtual environment `name`. It is made anew when the requirements have changed.
pub(crate) fn python(requirements: &Path, name: &str) -> PathBuf {
    let wanted = fs::read_to_string(requirements).expect("requirements are committed");
    let environment = made_once(name, &wanted, |environment| {
        run(Command::new("python3").args(["-m", "venv"]).arg(environment), "Python 3 with its venv module is missing");
        run(
            Command::new(environment.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"])
                .arg(requirements),
            &format!("the packages of {} cannot be had from PyPI", requirements.display()),
        );
    });
    environment.join("bin/python")
}

/// The directory `name` under `target/`, which is made when it is not there, or was made from something else than what
/// is `wanted`. Whoever else asks for it meanwhile, in this process or another one, waits until it is whole.
pub(crate) fn made_once(name: &str, wanted: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let lock = File::create(directory.with_added_extension("lock")).expect("target is writable");
    lock.lock().expect("files can be locked");
    // Written last, so that what was cut short is made anew.
    let stamp = directory.join("installed.txt");
    if !fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).expect("target is writable");
        make(&directory);
        fs::write(&stamp, wanted).expect("writable");
    }
    directory
}

/// Runs a command to its end. A panic says what is `missing` when it fails.
pub(crate) fn run(command: &mut Command, missing: &str) {
    let output = command.output().unwrap_or_else(|error| panic!("{missing}: {error}"));
    assert!(output.status.success(), "{missing}: {}", String::from_utf8_lossy(&output.stderr));
}
