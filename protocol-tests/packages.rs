//! Makes the packages of a release with `.ci/package`, installs each one in an empty place, and deploys with
//! the program that it contains.

mod image;
mod npm;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::LazyLock;
use std::time::SystemTime;

use serde_json::json;
use tempfile::TempDir;

use crate::fixture::{self, Fixture};
use crate::node;
use crate::plugin::{PluginOutput, program};
use crate::repository::root;
use crate::shell::PATH;
use crate::tools;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The time of the files in the packages: 2023-11-14T22:13:20Z.
const EPOCH: &str = "1700000000";

/// The names of a processor in the packages, and its number in ELF.
struct Processor {
    name: &'static str,
    debian: &'static str,
    node: &'static str,
    elf: u8,
}

static PROCESSORS: [Processor; 2] = [
    Processor { name: "x86_64", debian: "amd64", node: "x64", elf: 62 },
    Processor { name: "aarch64", debian: "arm64", node: "arm64", elf: 183 },
];

/// The processor of the program under test.
fn processor() -> &'static Processor {
    let name = std::env::consts::ARCH;
    PROCESSORS
        .iter()
        .find(|processor| processor.name == name)
        .unwrap_or_else(|| panic!("no packages for {name}"))
}

/// The packages of the program under test, for this processor only. They are made once for each run of the
/// tests. The program is stripped, because a release has no debug information.
static PACKAGES: LazyLock<PathBuf> = LazyLock::new(|| {
    let made = tools::made_once("packages", &this_run(), |made| {
        let stripped = made.join("dpl-lambda");
        tools::run(Command::new("strip").arg("-o").arg(&stripped).arg(program()), "binutils are missing");
        tools::run(&mut package(&made.join("packages"), &[&stripped]), "the packages cannot be made");
    });
    made.join("packages")
});

/// A text that no earlier run of the tests has had.
fn this_run() -> String {
    format!("{} {:?}", std::process::id(), SystemTime::now())
}

/// False if a tool is missing that `.ci/package` needs and that is not on every machine.
fn can_be_made() -> bool {
    let missing = ["dpkg-deb", "jq", "strip"].into_iter().find(|tool| !is_installed(tool));
    if let Some(tool) = missing {
        fixture::not_run(&format!("packages ({tool} is not installed)"));
    }
    missing.is_none()
}

/// An empty directory, if the packages can be made.
fn scratch() -> Option<TempDir> {
    can_be_made().then(|| TempDir::new().expect("a temporary directory"))
}

fn is_installed(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok()
}

/// The `PATH` of the tests, with Node.js and npm.
fn path() -> String {
    format!("{}:{}", node::directory().display(), *PATH)
}

/// The command that makes packages of these programs.
fn package(directory: &Path, programs: &[&Path]) -> Command {
    let mut command = Command::new(root().join(".ci/package"));
    command.arg(directory).arg(program()).args(programs);
    command.env("PATH", path()).env("SOURCE_DATE_EPOCH", EPOCH);
    command
}

/// The only file of a directory whose name has this end.
fn file(directory: &Path, end: &str) -> PathBuf {
    let mut files = names(directory);
    files.retain(|name| name.ends_with(end));
    assert_eq!(files.len(), 1, "files `*{end}` in {}: {files:?}", directory.display());
    directory.join(&files[0])
}

/// The sorted names of the files of a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries =
        fs::read_dir(directory).expect("readable").map(|entry| entry.expect("readable").file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// The output of a command that succeeds.
#[track_caller]
fn output(command: &mut Command) -> Vec<u8> {
    let Output { status, stdout, stderr } =
        command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(status.success(), "{command:?}: {}", String::from_utf8_lossy(&stderr));
    stdout
}

#[track_caller]
fn text(command: &mut Command) -> String {
    String::from_utf8(output(command)).expect("UTF-8")
}

/// What a command writes to standard error if it ends with this status, and nothing to standard output.
#[track_caller]
fn refusal(command: &mut Command, status: i32) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert_eq!((output.status.code(), output.stdout.len()), (Some(status), 0), "{command:?}");
    String::from_utf8(output.stderr).expect("UTF-8")
}

/// Starts an installed program with the request of a fixture.
fn start(command: &mut Command, fixture: &Fixture) -> Child {
    command.current_dir(fixture.directory.path()).env_clear().env("PATH", path());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let request = fixture.request.to_string();
    child.stdin.take().expect("piped").write_all(request.as_bytes()).expect("the request is read");
    child
}

/// Deploys a function that does not exist yet with an installed program.
#[track_caller]
fn deploys(command: &mut Command) {
    let fixture = Fixture::new(json!({}));
    let ended = PluginOutput::ended(start(command, &fixture));
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert!(fixture.endpoint.function("f").is_some());
}

/// A file that begins as a program for a processor does. `.ci/package` reads no more of it.
fn head_of_program(directory: &Path, processor: &Processor) -> PathBuf {
    let mut head = [0_u8; 64];
    head[..4].copy_from_slice(b"\x7fELF");
    head[18] = processor.elf;
    let path = directory.join(processor.name);
    fs::write(&path, head).expect("writable");
    path
}

/// The packages for both processors, of programs that do not run.
fn packages_for_both(directory: &Path) -> PathBuf {
    let programs = PROCESSORS.each_ref().map(|processor| head_of_program(directory, processor));
    let packages = directory.join("packages");
    tools::run(
        &mut package(&packages, &programs.each_ref().map(PathBuf::as_path)),
        "the packages cannot be made",
    );
    packages
}

#[test]
#[ignore = "second tier: needs dpkg-deb, jq, npm and PyPI"]
fn the_same_programs_give_the_same_packages() {
    let Some(directory) = scratch() else { return };
    let one = packages_for_both(directory.path());
    let mut expected =
        vec!["SHA256SUMS".to_owned(), format!("dpl-lambda-{VERSION}.tgz"), "dpl-lambda-image.tar".to_owned()];
    for Processor { name, debian, node, .. } in &PROCESSORS {
        expected.extend([
            format!("dpl-lambda-{name}-linux.tar.gz"),
            format!("dpl-lambda-linux-{node}-{VERSION}.tgz"),
            format!("dpl-lambda_{VERSION}_{debian}.deb"),
            format!("dpl_lambda-{VERSION}-py3-none-manylinux2014_{name}.musllinux_1_1_{name}.whl"),
        ]);
    }
    expected.sort();
    assert_eq!(names(&one), expected);
    output(Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]).current_dir(&one));

    // Another user would have another umask and locale, and the copies have other times and modes.
    let copies = TempDir::new().expect("a temporary directory");
    let programs = PROCESSORS.each_ref().map(|processor| head_of_program(copies.path(), processor));
    let again = |directory: &Path, epoch: &str| {
        let command = package(directory, &programs.each_ref().map(PathBuf::as_path));
        let mut other = Command::new("bash");
        other
            .args(["-c", "umask 077; exec \"$@\"", "bash"])
            .arg(command.get_program())
            .args(command.get_args());
        other.env("PATH", path()).env("TZ", "Asia/Tokyo").env("LC_ALL", "C.UTF-8");
        output(other.env("SOURCE_DATE_EPOCH", epoch));
    };
    let [two, three] = ["two", "three"].map(|name| copies.path().join(name));
    again(&two, EPOCH);
    again(&three, "1700000002");
    assert_eq!(names(&two), expected);
    for name in &expected {
        let bytes = |directory: &Path| fs::read(directory.join(name)).expect("readable");
        assert!(bytes(&one) == bytes(&two), "{name} has other bytes the second time");
        // npm gives all files the same time.
        let has_no_time = name.ends_with(".tgz");
        assert_eq!(bytes(&one) == bytes(&three), has_no_time, "{name} at another time");
    }
}

#[test]
#[ignore = "second tier: needs dpkg-deb, jq, npm and PyPI"]
fn what_cannot_be_packed_is_refused() {
    let Some(directory) = scratch() else { return };
    let path = |name: &str| directory.path().join(name);
    let [new, script] = ["new", "script"].map(path);
    let one = head_of_program(directory.path(), &PROCESSORS[0]);
    fs::write(&script, "#!/bin/sh\n").expect("writable");
    let refusal = |command: &mut Command| {
        let reported = refusal(command, 1);
        assert!(!new.exists());
        reported
    };
    let usage = "package: usage: .ci/package DIRECTORY RUNNABLE PROGRAM...\n";
    assert_eq!(refusal(&mut package(&new, &[])), usage);
    let reported = refusal(package(&new, &[&one]).env_remove("SOURCE_DATE_EPOCH"));
    assert!(reported.starts_with("package: set SOURCE_DATE_EPOCH "), "{reported}");
    let there = directory.path();
    let expected = format!("package: {} exists; name a new directory\n", there.display());
    assert_eq!(refusal(&mut package(there, &[&one])), expected);
    let missing = path("missing");
    let expected = format!("package: {}: file not found\n", missing.display());
    assert_eq!(refusal(&mut package(&new, &[&missing])), expected);
    let expected = "is not a program for x86_64 or aarch64\n";
    let reported = refusal(&mut package(&new, &[&script]));
    assert!(reported.ends_with(expected), "{reported}");
    let reported = refusal(&mut package(&new, &[&one, &one]));
    assert_eq!(reported, "package: there are two programs for x86_64\n");
    let mut other = Command::new(root().join(".ci/package"));
    other.arg(&new).args([&one, &one]).env("PATH", self::path()).env("SOURCE_DATE_EPOCH", EPOCH);
    let reported = refusal(&mut other);
    assert!(reported.contains("does not run here, or its version is not"), "{reported}");
}

#[test]
#[ignore = "second tier: needs dpkg-deb, jq, npm and PyPI"]
fn the_wheel_installs_into_an_empty_environment_and_deploys() {
    let Some(directory) = scratch() else { return };
    let environment = directory.path().join("environment");
    let python = environment.join("bin/python");
    output(Command::new("python3").args(["-m", "venv"]).arg(&environment));
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]);
    output(pip.arg(file(&PACKAGES, ".whl")));
    let ask = "from importlib.metadata import version; print(version('dpl-lambda'))";
    assert_eq!(text(Command::new(&python).args(["-c", ask])).trim_end(), VERSION);
    deploys(&mut Command::new(environment.join("bin/dpl-lambda")));
}

#[test]
#[ignore = "second tier: needs dpkg-deb, jq, npm and PyPI"]
fn the_debian_package_has_its_files_where_debian_wants_them() {
    let Some(directory) = scratch() else { return };
    let deb = file(&PACKAGES, ".deb");
    let listed = text(Command::new("dpkg-deb").arg("--contents").arg(&deb));
    let files: BTreeMap<&str, (&str, &str)> = listed
        .lines()
        .map(|line| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            (columns[5].trim_start_matches("./"), (columns[0], columns[1]))
        })
        .collect();
    let documents = "usr/share/doc/dpl-lambda";
    let expected = [
        "usr/share/bash-completion/completions/dpl-lambda",
        "usr/share/fish/vendor_completions.d/dpl-lambda.fish",
        "usr/share/man/man1/dpl-lambda.1.gz",
        "usr/share/zsh/vendor-completions/_dpl-lambda",
    ];
    let expected = expected.map(str::to_owned).into_iter().chain(
        [
            "changelog.gz",
            "copyright",
            "README.md",
            "THIRD-PARTY-LICENSES",
            "docs/errors.md",
            "schema/stanza.json",
        ]
        .map(|name| format!("{documents}/{name}")),
    );
    for name in expected {
        assert_eq!(files.get(name.as_str()), Some(&("-rw-r--r--", "root/root")), "{name}\n{listed}");
    }
    for (name, (mode, owner)) in &files {
        let right = match *name {
            "usr/bin/dpl-lambda" => "-rwxr-xr-x",
            name if name.is_empty() || name.ends_with('/') => "drwxr-xr-x",
            _ => "-rw-r--r--",
        };
        assert_eq!((*mode, *owner), (right, "root/root"), "{name}");
        let is_ours =
            name.rsplit('/').find(|part| !part.is_empty()).is_some_and(|last| last.contains("dpl-lambda"));
        let is_below = name.starts_with(documents);
        assert!(is_ours || is_below || mode.starts_with('d'), "{name} belongs to another package");
    }
    let field =
        |name: &str| text(Command::new("dpkg-deb").arg("--field").arg(&deb).arg(name)).trim().to_owned();
    assert_eq!(field("Package"), "dpl-lambda");
    assert_eq!(field("Version"), VERSION);
    assert_eq!(field("Architecture"), processor().debian);
    assert_eq!(field("Depends"), "", "a static program needs no package");

    let unpacked = directory.path().join("unpacked");
    output(Command::new("dpkg-deb").arg("--raw-extract").arg(&deb).arg(&unpacked));
    output(Command::new("md5sum").args(["--check", "--strict", "DEBIAN/md5sums"]).current_dir(&unpacked));
    let unzipped =
        |name: &str| text(Command::new("gzip").args(["--decompress", "--stdout"]).arg(unpacked.join(name)));
    assert_eq!(unzipped("usr/share/man/man1/dpl-lambda.1.gz"), text(Command::new(program()).arg("manual")));
    let changelog = unzipped(&format!("{documents}/changelog.gz"));
    assert!(
        changelog.starts_with(&format!("dpl-lambda ({VERSION}) unstable; urgency=medium\n")),
        "{changelog}"
    );
    assert!(changelog.ends_with(">  Tue, 14 Nov 2023 22:13:20 +0000\n"), "{changelog}");
    for (shell, name) in [
        ("bash", "usr/share/bash-completion/completions/dpl-lambda"),
        ("zsh", "usr/share/zsh/vendor-completions/_dpl-lambda"),
        ("fish", "usr/share/fish/vendor_completions.d/dpl-lambda.fish"),
    ] {
        let printed = text(Command::new(program()).args(["completions", shell]));
        assert_eq!(fs::read_to_string(unpacked.join(name)).expect("readable"), printed, "{shell}");
    }
    let copyright = fs::read_to_string(unpacked.join(documents).join("copyright")).expect("readable");
    assert!(
        copyright.contains("\nFiles: *\nCopyright: ") && copyright.contains("\n Permission is hereby "),
        "{copyright}"
    );
    deploys(&mut Command::new(unpacked.join("usr/bin/dpl-lambda")));
}
