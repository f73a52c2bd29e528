//! Checks the files of `examples/ci/`, `plugin.yml` and `pipe.yml` as text: against the published schema of
//! each CI, or its documentation, and against the program's list of variables.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use dpl_lambda::testing::{Ci, MAPPED_VARS};
use serde_json::Value;

use super::job::{PYTHON, example, repository, text};
use crate::action::yaml;
use crate::repository::{documented, read};

/// Validates a file with `check-jsonschema`. The error is its output.
fn validate(schema: &[&str], file: &Path) -> Result<(), String> {
    let mut command = Command::new(&*PYTHON);
    // Offline, because the schemas are part of the package: another one would have to be downloaded.
    command.args(["-m", "check_jsonschema", "--no-cache"]).args(schema).arg(file);
    let output = command.env("HTTPS_PROXY", "http://127.0.0.1:9").output().expect("Python starts");
    if output.status.success() { Ok(()) } else { Err(text(&output.stdout) + &text(&output.stderr)) }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn every_file_is_valid_by_the_schema_of_its_ci_which_refuses_a_broken_one() {
    let stanza = repository("schema/stanza.json").display().to_string();
    let vendor = |name| vec!["--builtin-schema", name];
    // Its regular expressions are not valid for matching Unicode.
    let azure = [vendor("vendor.azure-pipelines"), vec!["--regex-variant", "nonunicode"]].concat();
    let table = [
        ("travis.yml", vendor("vendor.travis"), "all_branches: true", "all_branches: 7"),
        ("github-actions.yml", vendor("vendor.github-workflows"), "runs-on:", "runs-in:"),
        ("gitlab-ci.yml", vendor("vendor.gitlab-ci"), "id_tokens:", "id_token:"),
        ("gitlab-component.yml", vendor("vendor.gitlab-ci"), "component:", "componentt:"),
        ("buildkite.yml", vendor("vendor.buildkite"), "concurrency: 1", "concurrency: one"),
        ("circleci.yml", vendor("vendor.circle-ci"), "steps:", "stepps:"),
        ("circleci-orb.yml", vendor("vendor.circle-ci"), "https:", "http:"),
        ("woodpecker.yml", vendor("vendor.woodpecker-ci"), "commands:", "command:"),
        ("drone.yml", vendor("vendor.drone-ci"), "type: docker", "type: dockr"),
        ("bitbucket-pipelines.yml", vendor("vendor.bitbucket-pipelines"), "oidc: true", "oidc: 7"),
        ("azure-pipelines.yml", azure, "trigger:", "triger:"),
        ("woodpecker-plugin.yml", vendor("vendor.woodpecker-ci"), "settings:", "setings:"),
        ("drone-plugin.yml", vendor("vendor.drone-ci"), "settings:", "setings:"),
        ("lambda.yml", vec!["--schemafile", &stanza], "runtime:", "run_time:"),
        ("lambda-keys.yml", vec!["--schemafile", &stanza], "branch: main", "brunch: main"),
    ];
    let directory = tempfile::tempdir().expect("a directory");
    for (name, schema, right, wrong) in table {
        assert_eq!(validate(&schema, &example(name)), Ok(()), "{name}");
        let whole = fs::read_to_string(example(name)).expect("readable");
        let broken = directory.path().join(name);
        fs::write(&broken, whole.replace(right, wrong)).expect("writable");
        let complaint = validate(&schema, &broken).expect_err(name);
        assert!(complaint.contains("Schema validation errors"), "{name}: {complaint}");
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn the_gitlab_component_and_the_circleci_orb_are_valid_by_the_schemas_which_refuse_broken_ones() {
    let read = |file| fs::read_to_string(repository(file)).expect("readable");
    let (component, orb) = (read("templates/deploy.yml"), read("orb.yml"));
    // The schema is for one document, and describes both.
    let (header, template) = component.split_once("\n---\n").expect("a header");
    let directory = tempfile::tempdir().expect("a directory");
    for (schema, text, right, wrong) in [
        ("vendor.gitlab-ci", header, "  inputs:", "  input:"),
        ("vendor.gitlab-ci", header, "default: deploy\n", "default: 7\n"),
        ("vendor.gitlab-ci", template, "id_tokens:", "id_token:"),
        ("vendor.circle-ci", orb.as_str(), "parameters:", "parametres:"),
        ("vendor.circle-ci", orb.as_str(), "type: enum", "type: list"),
    ] {
        let check = |text: &str| {
            let file = directory.path().join("file.yml");
            fs::write(&file, text).expect("writable");
            validate(&["--builtin-schema", schema], &file)
        };
        assert_eq!(check(text), Ok(()), "{text}");
        let complaint = check(&text.replace(right, wrong)).expect_err(wrong);
        assert!(complaint.contains("Schema validation errors"), "{wrong}: {complaint}");
    }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn the_documented_pipelines_are_valid_by_the_schema_of_their_ci() {
    let directory = tempfile::tempdir().expect("a directory");
    for (schema, comment, right, wrong) in [
        ("vendor.buildkite", "# .buildkite/pipeline.yml", "concurrency: 1", "concurrency: one"),
        ("vendor.bitbucket-pipelines", "# bitbucket-pipelines.yml", "oidc: true", "oidc: 7"),
    ] {
        let file = directory.path().join(format!("{schema}.yml"));
        let whole = documented(comment);
        fs::write(&file, &whole).expect("writable");
        assert_eq!(validate(&["--builtin-schema", schema], &file), Ok(()), "{comment}");
        assert!(whole.contains(right), "{comment}: {right}");
        fs::write(&file, whole.replace(right, wrong)).expect("writable");
        assert!(validate(&["--builtin-schema", schema], &file).is_err(), "{comment}: {wrong}");
    }
}

/// The package with the schemas has none for these files, and their CIs publish none in a registry. So the
/// schemas in `ci/` have the fields that the CIs document.
#[test]
fn the_other_files_have_the_fields_that_their_ci_documents() {
    for (schema, file, right, wrong) in [
        ("buildkite-plugin.json", "plugin.yml", "requirements:", "requires:"),
        ("bitbucket-pipe.json", "pipe.yml", "default:", "defaults:"),
        ("buildspec.json", "examples/ci/buildspec.yml", "commands:", "command:"),
    ] {
        let schema = read(&Path::new("protocol-tests/ci").join(schema));
        let schema: Value = serde_json::from_str(&schema).expect("JSON");
        let whole = read(Path::new(file));
        assert!(jsonschema::draft7::is_valid(&schema, &yaml(&whole)), "{file}");
        assert!(whole.contains(right), "{file}: {right}");
        let broken = yaml(&whole.replace(right, wrong));
        assert!(!jsonschema::draft7::is_valid(&schema, &broken), "{file}: {wrong}");
    }
    let image = format!("image: OWNER/dpl-lambda:{}\n", env!("CARGO_PKG_VERSION"));
    assert!(read(Path::new("pipe.yml")).contains(&image), "pipe.yml has no {image}");
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn the_jenkinsfile_is_groovy_with_the_sections_of_a_declarative_pipeline() {
    let directory = tempfile::tempdir().expect("a directory");
    let whole = fs::read_to_string(example("Jenkinsfile")).expect("readable");
    let read = |whole: &str| {
        let file = directory.path().join("Jenkinsfile");
        fs::write(&file, whole).expect("writable");
        let script = repository("protocol-tests/ci/scripts.py");
        let output = Command::new(&*PYTHON).arg(script).arg(file).output().expect("Python starts");
        (output.status.success(), text(&output.stderr))
    };
    assert_eq!(read(&whole), (true, String::new()));
    for (right, wrong, complaint) in [
        ("stages {", "stages [", "not valid Groovy"),
        ("agent {", "agents {", "sections"),
        ("  agent { label 'linux' }\n", "", "no agent"),
        ("steps {", "step {", "0 of steps"),
        ("sh 'bash", "sh \"bash", "not valid Groovy"),
    ] {
        assert!(whole.contains(right), "{right}");
        let (accepted, said) = read(&whole.replace(right, wrong));
        assert!(!accepted && said.contains(complaint), "{wrong}: {said}");
    }
}

/// Returns the variables that `ci` can read. Each variable is set to each value, and then left out while the
/// others are set.
fn read_by(ci: Ci) -> BTreeSet<String> {
    let read = std::cell::RefCell::new(BTreeSet::new());
    // Each value takes another path: a branch, a tag, a pull request by ref, by number, by webhook.
    let values = ["x", "false", "push", "refs/heads/x", "refs/pull/1/x", "tag/x", "pr/1"];
    let ask = |absent: Option<&str>| {
        for value in values {
            ci.to_travis_vars(&|name| {
                read.borrow_mut().insert(name.to_owned());
                (absent != Some(name)).then(|| value.to_owned())
            });
        }
    };
    ci.to_travis_vars(&|name| {
        read.borrow_mut().insert(name.to_owned());
        None
    });
    ask(None);
    let known = read.borrow().clone();
    known.iter().for_each(|name| ask(Some(name)));
    read.into_inner()
}

/// Returns the words in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_table_in_the_readme_names_just_the_variables_that_are_read() {
    let page = fs::read_to_string(repository("docs/ci.md")).expect("readable");
    let mut table = page
        .lines()
        .skip_while(|line| !line.starts_with("| `--ci` |"))
        .take_while(|line| line.starts_with('|'));
    let header = table.next().expect("a header");
    let rows: Vec<Vec<&str>> = table
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(quoted(header), [&["--ci"], &MAPPED_VARS[..]].concat());
    let names: Vec<&str> = rows.iter().map(|row| quoted(row[0])[0]).collect();
    let known: Vec<&str> = Ci::ALL.iter().filter(|ci| **ci != Ci::Travis).map(|ci| ci.name()).collect();
    assert_eq!(names, known);
    for row in rows {
        let ci = Ci::named(quoted(row[0])[0]).expect("compared above");
        let reported: BTreeSet<String> =
            row[1..].iter().flat_map(|cell| quoted(cell)).map(str::to_owned).collect();
        assert_eq!(reported, read_by(ci), "{ci:?}");
        // A variable in one of the last columns affects only the result in that column.
        for (decided, cell) in MAPPED_VARS.iter().zip(&row[1..]).skip(4) {
            let here = quoted(cell);
            let travis = ci
                .to_travis_vars(&|name| here.contains(&name).then(|| "https://host/abc/1234567".to_owned()));
            assert!(
                travis.iter().all(|(name, _)| [decided, &"TRAVIS_PULL_REQUEST"].contains(&name)),
                "{cell}: {travis:?}"
            );
        }
        let commit = quoted(row[6])[0];
        let travis = ci.to_travis_vars(&|name| (name == commit).then(|| "0123abc".to_owned()));
        assert!(travis.contains(&("TRAVIS_COMMIT", "0123abc".to_owned())), "{ci:?}: {commit}: {travis:?}");
        let number = quoted(row[7])[0];
        let travis = ci.to_travis_vars(&|name| (name == number).then(|| "7".to_owned()));
        assert!(travis.contains(&("TRAVIS_BUILD_NUMBER", "7".to_owned())), "{ci:?}: {number}: {travis:?}");
    }
}
