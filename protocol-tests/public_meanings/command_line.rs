//! Tests what people type at a shell: a mistake is answered with the right command.

use std::process::{Command, Stdio};

use super::*;
use crate::plugin::program;

/// A command line with a mistake, and a part of the line on standard error.
type Mistake = (&'static [&'static str], &'static str);

const MISTAKES: [Mistake; 60] = [
    (&["deplay"], "did you mean `deploy`?"),
    (&["paln"], "did you mean `plan`?"),
    (&["chek"], "did you mean `check`?"),
    (&["rolback"], "did you mean `rollback`?"),
    (&["explian", "bad-json"], "did you mean `explain`?"),
    (&["help"], "run `dpl-lambda --help`"),
    (&["version"], "run `dpl-lambda --version`"),
    (&["apply"], "run `dpl-lambda deploy`"),
    (&["diff"], "run `dpl-lambda plan`"),
    (&["validate", "lambda.yml"], "run `dpl-lambda check`"),
    (&["undo"], "run `dpl-lambda rollback`"),
    (&["build"], "run `dpl-lambda package --output FILE`"),
    (&["lambda.yml"], "write `--stanza lambda.yml`"),
    (&[".travis.yml"], "write `--travis-yml .travis.yml`"),
    (&["deploy", "lambda.yml"], "write `--stanza lambda.yml`"),
    (&["plan", ".travis.yml"], "write `--travis-yml .travis.yml`"),
    (&["policy", "lambda.json"], "write `--stanza lambda.json`"),
    (&["deploy", "hello"], "use `--only NAME`"),
    (&["--dry-run"], "use the command `plan`"),
    (&["deploy", "--dry-run"], "use the command `plan`"),
    (&["deploy", "-n"], "use the command `plan`"),
    (&["deploy", "--stanzas", "lambda.yml"], "did you mean `--stanza`?"),
    (&["deploy", "--travis", ".travis.yml"], "did you mean `--travis-yml`?"),
    (&["deploy", "--file", "lambda.yml"], "use `--stanza FILE`"),
    (&["deploy", "-f", "lambda.yml"], "use `--stanza FILE`"),
    (&["deploy", "--region", "eu-west-1"], "write `region` in the stanza"),
    (&["deploy", "--function-name", "f"], "write `function_name` in the stanza"),
    (&["deploy", "--zip-file", "f.zip"], "write `zip` in the stanza"),
    (&["deploy", "--memory-size=512"], "write `memory_size` in the stanza"),
    (&["rollback", "--version", "7"], "write `version` in the stanza"),
    (&["plan", "--json"], "use `--format json`"),
    (&["deploy", "--verbose"], "set DPL_LAMBDA_LOG=debug"),
    (&["deploy", "--force"], "no command asks for a confirmation"),
    (&["deploy", "--branch", "main"], "set TRAVIS_BRANCH"),
    (&["deploy", "--only", "hello"], "add the file, such as --travis-yml .travis.yml"),
    (&["plan", "--out", "plan.json"], "add the file, such as --travis-yml .travis.yml"),
    (&["deploy", "--plan", "plan.json"], "add the file, such as --travis-yml .travis.yml"),
    (&["deploy", "--exit-code"], "use the command `plan` with `--exit-code`"),
    (&["package"], "--output <FILE>"),
    (&["deploy", "--format", "yaml"], "[possible values: json, text, markdown]"),
    (&["schema", "stanzas"], "[possible values: stanza, request, event, travis-yml, plan]"),
    (&["explain", "acces-denied"], "did you mean `access-denied`?"),
    (&["explain", "zebra"], "`dpl-lambda explain` lists all codes"),
    (&["explain", "bad-value", "bad-json"], "explain one code at a time"),
    (&["-stanza", "lambda.yml"], "did you mean `--stanza`?"),
    (&["-version"], "run `dpl-lambda --version`"),
    (&["check", "-"], "write `--stanza -`"),
    (&["-"], "write `--stanza -`"),
    (&["deploy", "plan"], "give one command only: `deploy` or `plan`"),
    (&["rollback", "3"], "write `version: 3` in the stanza"),
    (&["rollback", "--to", "3"], "write `version` in the stanza"),
    (&["package", "-o", "function.zip"], "use `--output FILE`"),
    (&["delete"], "no command deletes a function"),
    (&["lambda", "--function_name", "f"], "run `dpl-lambda deploy --stanza FILE`"),
    (&["deploy", "--wait"], "a deployment waits until the function is ready"),
    (&["plan", "--travis-yml", "--only", "f"], "such as `--travis-yml .travis.yml`"),
    (&["check", "--stanza"], "such as `--stanza lambda.yml`"),
    (&["policy", "--stanza", "a.yml", "--stanza", "b.yml"], "as a list into one file"),
    (&["schema"], "run `dpl-lambda schema --help`"),
    (&["check", "--stanza", "lambda.yml"], "lambda.yml: file not found"),
];

#[test]
fn a_mistake_at_a_shell_is_answered_with_the_right_command() {
    let directory = directory(&[]);
    for (arguments, right) in MISTAKES {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(directory.path()).env_clear().env("PATH", &*PATH);
        let output = command.stdin(Stdio::null()).output().expect("the program runs");
        let (stdout, stderr) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
        assert!(stderr.contains(right), "{arguments:?}: {stderr}");
        // Programs read the same in the last event. A command for a document writes none.
        if let Some(last) = stdout.lines().last() {
            let event: Value = serde_json::from_str(last).expect("JSON");
            let report = format!("{}; {}", event["error"]["message"], event["error"]["hint"]);
            assert!(report.replace('"', "").contains(right), "{arguments:?}: {report}");
        }
    }
}

#[test]
fn explain_alone_lists_the_codes_with_what_they_mean() {
    let output = Command::new(program()).arg("explain").stdin(Stdio::null()).output().expect("it runs");
    let listed = String::from_utf8_lossy(&output.stdout);
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{listed}");
    for (code, title) in [
        ("access-denied", "The caller lacks a permission"),
        ("bad-json", "Standard input is not JSON"),
        ("unset-variable", "A variable in a value is not set, so the value is left unchanged"),
    ] {
        let is_listed = |line: &str| line.trim().starts_with(code) && line.ends_with(title);
        assert!(listed.lines().any(is_listed), "{code}: {listed}");
    }
}
