//! The files of `examples/ci/` as texts: valid by each CI's own published schema, and of one mind with the program.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use dpl_lambda::runner::ci::{Ci, DECIDED};

use super::{PYTHON, example, repository, text};

/// What `check-jsonschema` says of a file: `Ok`, or its complaint.
fn validate(schema: &[&str], file: &Path) -> Result<(), String> {
    let mut command = Command::new(&*PYTHON);
    // A schema that is not in the package would have to be downloaded.
    command.args(["-m", "check_jsonschema", "--no-cache"]).args(schema).arg(file);
    let output = command.env("HTTPS_PROXY", "http://127.0.0.1:9").output().expect("Python starts");
    if output.status.success() { Ok(()) } else { Err(text(&output.stdout) + &text(&output.stderr)) }
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn every_file_is_valid_by_the_schema_of_its_ci_which_refuses_a_broken_one() {
    let stanza = repository("schema/stanza.json").display().to_string();
    let vendor = |name| vec!["--builtin-schema", name];
    let table = [
        ("travis.yml", vendor("vendor.travis"), "all_branches: true", "all_branches: 7"),
        ("github-actions.yml", vendor("vendor.github-workflows"), "runs-on:", "runs-in:"),
        ("gitlab-ci.yml", vendor("vendor.gitlab-ci"), "id_tokens:", "id_token:"),
        ("buildkite.yml", vendor("vendor.buildkite"), "concurrency: 1", "concurrency: one"),
        ("circleci.yml", vendor("vendor.circle-ci"), "steps:", "stepps:"),
        ("woodpecker.yml", vendor("vendor.woodpecker-ci"), "commands:", "command:"),
        ("drone.yml", vendor("vendor.drone-ci"), "type: docker", "type: dockr"),
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
        ("stages {", "stages [", "no Groovy"),
        ("agent {", "agents {", "sections"),
        ("  agent { label 'linux' }\n", "", "no agent"),
        ("steps {", "step {", "0 of steps"),
        ("sh 'bash", "sh \"bash", "no Groovy"),
    ] {
        assert!(whole.contains(right), "{right}");
        let (accepted, said) = read(&whole.replace(right, wrong));
        assert!(!accepted && said.contains(complaint), "{wrong}: {said}");
    }
}

/// The variables that `ci` reads, whatever it finds: with every one the same, and with any one of them absent.
fn read_by(ci: Ci) -> BTreeSet<String> {
    let read = std::cell::RefCell::new(BTreeSet::new());
    // Each value takes another way: a branch, a tag, a pull request by its ref, by its number, by a webhook.
    let values = ["x", "false", "push", "refs/heads/x", "refs/pull/1/x", "tag/x", "pr/1"];
    let ask = |absent: Option<&str>| {
        for value in values {
            ci.travis(&|name| {
                read.borrow_mut().insert(name.to_owned());
                (absent != Some(name)).then(|| value.to_owned())
            });
        }
    };
    ci.travis(&|name| {
        read.borrow_mut().insert(name.to_owned());
        None
    });
    ask(None);
    let known = read.borrow().clone();
    known.iter().for_each(|name| ask(Some(name)));
    read.into_inner()
}

/// The words in backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_table_in_the_readme_names_just_the_variables_that_are_read() {
    let page = fs::read_to_string(repository("docs/ci.md")).expect("readable");
    let mut table =
        page.lines().skip_while(|line| !line.starts_with("| `--ci` |")).take_while(|line| line.starts_with('|'));
    let header = table.next().expect("a header");
    let rows: Vec<Vec<&str>> = table
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    assert_eq!(quoted(header), [&["--ci"], &DECIDED[..]].concat());
    let names: Vec<&str> = rows.iter().map(|row| quoted(row[0])[0]).collect();
    let known: Vec<&str> = Ci::ALL.iter().filter(|ci| **ci != Ci::Travis).map(|ci| ci.name()).collect();
    assert_eq!(names, known);
    for row in rows {
        let ci = Ci::named(quoted(row[0])[0]).expect("compared above");
        let told: BTreeSet<String> = row[1..].iter().flat_map(|cell| quoted(cell)).map(str::to_owned).collect();
        assert_eq!(told, read_by(ci), "{ci:?}");
        // What stands in one of the last columns decides nothing but that.
        for (decided, cell) in DECIDED.iter().zip(&row[1..]).skip(4) {
            let here = quoted(cell);
            let travis = ci.travis(&|name| here.contains(&name).then(|| "https://host/abc/1234567".to_owned()));
            assert!(
                travis.iter().all(|(name, _)| [decided, &"TRAVIS_PULL_REQUEST"].contains(&name)),
                "{cell}: {travis:?}"
            );
        }
        let commit = quoted(row[6])[0];
        let travis = ci.travis(&|name| (name == commit).then(|| "0123abc".to_owned()));
        assert!(travis.contains(&("TRAVIS_COMMIT", "0123abc".to_owned())), "{ci:?}: {commit}: {travis:?}");
        let number = quoted(row[7])[0];
        let travis = ci.travis(&|name| (name == number).then(|| "7".to_owned()));
        assert!(travis.contains(&("TRAVIS_BUILD_NUMBER", "7".to_owned())), "{ci:?}: {number}: {travis:?}");
    }
}
