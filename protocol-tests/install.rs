//! Checks how dpl-lambda is installed: which archive `examples/ci/install.sh` and the GitHub Action download,
//! and which sums they accept; that `cargo binstall` finds the archives of a release; and the smoke test of a
//! release. Never downloads anything: bash functions of the test replace `curl`, `tar` and `uname`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::plugin::program;
use crate::repository;
use crate::shell::PATH;

/// The SHA-256 of the text `archive`.
const SUM: &str = "0eb3e36bfb24dcd9bb1d1bece1531216b59539a8fde17ee80224af0653c92aa3";
/// The SHA-256 of another text.
const OTHER: &str = "2c69436dc18e5782410cdfa0e5e728985a4e51939a2ba73998e933e9921fed02";

/// `curl` records the URL and downloads the text `archive`, `tar` unpacks it to a program, and `uname` says
/// what machine this is.
const FUNCTIONS: &str = r#"
    uname() { if [ "$1" = -s ]; then echo "${MACHINE% *}"; else echo "$MACHINE"; fi; }
    curl() {
      echo "${@: -1}" >"$DOWNLOADED"
      while [ "$1" != --output ]; do shift; done
      printf archive >"$2"
    }
    tar() {
      printf '#!/usr/bin/env bash\n%s\n' "$PROGRAM" >.dpl-lambda/dpl-lambda
      chmod +x .dpl-lambda/dpl-lambda
    }
"#;

/// A script that has ended.
#[derive(Debug)]
struct Ended {
    status: Option<i32>,
    /// Both outputs.
    shown: String,
    /// The URL from which `curl` has downloaded. `None`: it was not started.
    downloaded: Option<String>,
    /// Whether the archive was unpacked.
    unpacked: bool,
}

/// Runs a script of the repository on such a machine, such as `Linux x86_64`. The archive contains this
/// program, a script of bash.
fn run(script: &str, machine: &str, program: &str, variables: &[(&str, &str)]) -> Ended {
    let directory = TempDir::new().expect("a temporary directory");
    let path = |name: &str| directory.path().join(name);
    fs::create_dir(path("checkout")).expect("can be created");
    fs::write(path("functions"), FUNCTIONS).expect("writable");
    let mut bash = Command::new("bash");
    bash.arg(repository::root().join(script)).current_dir(path("checkout")).stdin(Stdio::null());
    bash.env_clear().env("PATH", &*PATH).env("BASH_ENV", path("functions"));
    bash.env("MACHINE", machine).env("PROGRAM", program).env("DOWNLOADED", path("downloaded"));
    bash.env("RUNNER_TEMP", directory.path()).envs(variables.iter().copied());
    let output = bash.output().expect("bash starts");
    let shown = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let downloaded = fs::read_to_string(path("downloaded")).ok().map(|url| url.trim_end().to_owned());
    let unpacked = path("checkout/.dpl-lambda").exists();
    Ended { status: output.status.code(), shown: shown.concat(), downloaded, unpacked }
}

/// Runs `install.sh`.
fn install(machine: &str, url: &str, sums: &str) -> Ended {
    let variables = [("DPL_LAMBDA_URL", url), ("DPL_LAMBDA_SHA256", sums)];
    run("examples/ci/install.sh", machine, "exit 0", &variables)
}

#[test]
fn the_processor_decides_which_archive_of_a_release_is_installed() {
    let release = "https://host/0.1.0/";
    for (machine, archive) in [
        ("Linux x86_64", "dpl-lambda-x86_64-linux.tar.gz"),
        ("Linux aarch64", "dpl-lambda-aarch64-linux.tar.gz"),
        ("Linux arm64", "dpl-lambda-aarch64-linux.tar.gz"),
    ] {
        let ended = install(machine, release, SUM);
        assert!(ended.status == Some(0) && ended.unpacked && ended.shown.is_empty(), "{ended:#?}");
        assert_eq!(ended.downloaded, Some(format!("{release}{archive}")), "{machine}");
    }
    for machine in ["Linux riscv64", "Darwin arm64"] {
        let ended = install(machine, release, SUM);
        assert!(ended.status == Some(1) && ended.downloaded.is_none() && !ended.unpacked, "{ended:#?}");
        assert!(ended.shown.contains(&format!("this machine is {machine}")), "{ended:#?}");
    }
    for url in ["https://host/any.tar.gz", "https://host/any.tar.gz?signature=a/b", "https://host/download"] {
        let ended = install("Darwin arm64", url, SUM);
        assert_eq!((ended.status, ended.downloaded.as_deref()), (Some(0), Some(url)), "{}", ended.shown);
    }
}

#[test]
fn any_of_several_sums_is_accepted_and_no_part_of_one() {
    let files = format!("{OTHER}  dpl-lambda-aarch64-linux.tar.gz\n{SUM}  dpl-lambda-x86_64-linux.tar.gz\n");
    let upper = SUM.to_uppercase();
    let lists = [" ", ",", "\n", ", "].map(|separator| [OTHER, SUM, OTHER].join(separator));
    for sums in lists.iter().map(String::as_str).chain([SUM, &upper, &files]) {
        let ended = install("Linux x86_64", "https://host/", sums);
        assert!(ended.status == Some(0) && ended.unpacked, "{sums}\n{ended:#?}");
    }
    let [longer, before, joined] = [format!("{SUM}0"), format!("a{SUM}"), format!("{OTHER}{SUM}")];
    for sums in [OTHER, &SUM[..63], &SUM[1..], &longer, &before, &joined, ".*", " ", "archive"] {
        let ended = install("Linux x86_64", "https://host/", sums);
        assert!(ended.status == Some(1) && !ended.unpacked, "{sums}\n{ended:#?}");
        let complaint = format!("has another SHA-256 than DPL_LAMBDA_SHA256 says: {SUM}");
        assert!(ended.shown.contains(&complaint), "{sums}\n{ended:#?}");
    }
}

#[test]
fn a_program_that_does_not_run_here_is_reported_when_it_is_installed() {
    let variables = [("DPL_LAMBDA_URL", "https://host/x.tar.gz"), ("DPL_LAMBDA_SHA256", SUM)];
    let ended = run("examples/ci/install.sh", "Linux aarch64", "exit 126", &variables);
    assert_eq!(ended.status, Some(1), "{ended:#?}");
    assert!(ended.shown.contains("does not run here (Linux aarch64)"), "{ended:#?}");
}

/// Runs the step of the GitHub Action. The program prints with which command it was started.
fn act(machine: &str, version: &str, sums: &str) -> Ended {
    let variables = [
        ("INPUT_STANZA", "lambda.yml"),
        ("INPUT_VERSION", version),
        ("INPUT_SHA256", sums),
        ("ACTION_REPOSITORY", "OWNER/dpl-lambda"),
        ("GITHUB_ACTIONS", "true"),
    ];
    run("action.sh", machine, "echo \"runs $1\"", &variables)
}

#[test]
fn the_action_installs_a_version_for_the_processor_or_says_which_input_is_missing() {
    let release = "https://github.com/OWNER/dpl-lambda/releases/download/v0.1.0";
    let sums = format!("{OTHER} {SUM}");
    for (machine, processor) in [("Linux x86_64", "x86_64"), ("Linux aarch64", "aarch64")] {
        let ended = act(machine, "0.1.0", &sums);
        assert_eq!((ended.status, ended.shown.as_str()), (Some(0), "runs deploy\n"), "{ended:#?}");
        let archive = format!("{release}/dpl-lambda-{processor}-linux.tar.gz");
        assert_eq!(ended.downloaded, Some(archive), "{machine}");
    }
    for (machine, version, sums, reason) in [
        ("Darwin arm64", "0.1.0", SUM, "releases are for Linux; install dpl-lambda here, and set the input"),
        ("Linux riscv64", "0.1.0", SUM, "dpl-lambda is not installed: this machine is Linux riscv64"),
        ("Linux x86_64", "0.1.0", OTHER, "dpl-lambda is not installed: https://github.com/OWNER/"),
        ("Linux x86_64", "", SUM, "set one of the inputs `version`, `archive` and `program`"),
        ("Linux x86_64", "0.1.0", "", "set the input `sha256`"),
    ] {
        let ended = act(machine, version, sums);
        let expected = format!("::error title=dpl-lambda::{reason}");
        assert!(ended.status == Some(2) && ended.shown.starts_with(&expected), "{ended:#?}");
        assert_eq!(ended.shown.lines().count(), 1, "{ended:#?}");
    }
}

/// The texts in a table of `Cargo.toml`.
fn manifest(table: &str) -> BTreeMap<String, String> {
    let text = format!("\n{}", repository::read(Path::new("Cargo.toml")));
    let (_, rest) = text.split_once(&format!("\n[{table}]\n")).expect("Cargo.toml has this table");
    let lines = rest.lines().take_while(|line| !line.starts_with('['));
    let texts = lines.filter_map(|line| line.split_once(" = \""));
    let texts = texts.filter_map(|(key, value)| Some((key.to_owned(), value.split('"').next()?.to_owned())));
    texts.collect()
}

#[test]
fn cargo_binstall_finds_the_archives_that_install_sh_finds_and_a_release_has() {
    let (package, binstall) = (manifest("package"), manifest("package.metadata.binstall"));
    assert_eq!(binstall["pkg-fmt"], "tgz");
    // A script names the archives either by the processor or by a variable.
    let scripts: String = repository::files(".ci").iter().map(|file| repository::read(file)).collect();
    let named = |processor: &str| scripts.contains(&format!("dpl-lambda-{processor}-linux"));
    assert!(["x86_64", "$1", "$processor"].into_iter().any(named), "a release has archives of another name");
    let release = format!("{}/releases/download/v{}/", package["repository"], package["version"]);
    for target in [
        "x86_64-unknown-linux-gnu",
        "x86_64-unknown-linux-musl",
        "aarch64-unknown-linux-gnu",
        "aarch64-unknown-linux-musl",
    ] {
        let parts: Vec<&str> = target.split('-').collect();
        let (processor, system) = (parts[0], parts[2]);
        let values = [
            ("repo", package["repository"].as_str()),
            ("version", package["version"].as_str()),
            ("bin", package["name"].as_str()),
            ("target-arch", processor),
            ("target-family", system),
        ];
        let filled_in = |key: &str| {
            let template = binstall[key].clone();
            values.iter().fold(template, |text, (name, value)| text.replace(&format!("{{ {name} }}"), value))
        };
        let url = filled_in("pkg-url");
        let installed = install(&format!("Linux {processor}"), &release, SUM);
        assert_eq!(Some(&url), installed.downloaded.as_ref(), "{target}");
        // The only directory of an archive has the name of the archive.
        let directory = url.strip_prefix(&release).and_then(|name| name.strip_suffix(".tar.gz"));
        let directory = directory.expect("an archive of the release");
        assert_eq!(filled_in("bin-dir"), format!("{directory}/dpl-lambda"), "{target}");
    }
}

#[test]
fn the_smoke_test_accepts_this_program_and_no_other_one() {
    let smoke = |program: &str| {
        let mut bash = Command::new(repository::root().join(".ci/smoke"));
        let output = bash.arg(program).env_clear().env("PATH", &*PATH).output().expect("bash is installed");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(smoke(&program()), (Some(0), String::new()));
    for (other, reason) in [("/nowhere/dpl-lambda", "does not run here"), ("echo", "smoke: expected version")]
    {
        let (status, shown) = smoke(other);
        assert!(status == Some(1) && shown.contains(reason), "{other}: {shown}");
    }
}
