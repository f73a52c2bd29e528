//! Tests standalone use, by a person or a CI other than Travis: the program gets a file on the command line
//! instead of a request.

mod errors;
mod jobs;
mod on_terminal;
mod processes;
mod several_stanzas;
mod yaml;

use std::fs;
use std::io::Write;
use std::path::Path;

use lambda_endpoint::Endpoint;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deployments::build_directory;
use crate::fixture::endpoint;
use crate::plugin::{PluginCommand, PluginOutput, aws_env, job_env};
use crate::shell::PATH;

/// A stanza that creates a function, as YAML with an indentation of two.
pub(crate) fn stanza(name: &str) -> String {
    format!(
        "  provider: lambda\n  function_name: {name}\n  role: arn:aws:iam::123456789012:role/run\n  \
         runtime: nodejs22.x\n  handler_name: handler\n  zip: index.js\n  on:\n    all_branches: true\n"
    )
}

/// A `.travis.yml` of the functions `one` and `two`.
pub(crate) fn two_stanzas() -> String {
    let item = |name| stanza(name).replacen("  ", "- ", 1);
    format!("deploy:\n{}{}", item("one"), item("two"))
}

/// A build directory with this text as `.travis.yml`.
pub(crate) fn directory(travis_yml: &str) -> TempDir {
    let directory = build_directory();
    fs::write(directory.path().join(".travis.yml"), travis_yml).expect("written");
    directory
}

/// The program in standalone use, with AWS keys but without variables of a CI.
pub(crate) fn standalone(arguments: &[&str], directory: &Path, endpoint: Option<&Endpoint>) -> PluginCommand {
    with_keys(PluginCommand::new(arguments), directory, endpoint)
}

/// The same for a command that is prepared.
pub(crate) fn with_keys(
    plugin: PluginCommand,
    directory: &Path,
    endpoint: Option<&Endpoint>,
) -> PluginCommand {
    let plugin = plugin.directory(directory).env("GIT_CEILING_DIRECTORIES", "/");
    plugin.envs(endpoint.into_iter().flat_map(aws_env))
}

/// `arguments` plus the option for the file.
fn with_file<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [arguments, &["--travis-yml", ".travis.yml"]].concat()
}

/// Runs the program and returns stdout, stderr and exit status, for output that is not a single protocol
/// session.
pub(crate) fn collected(mut plugin: PluginCommand) -> (String, String, Option<i32>) {
    let mut child = plugin.spawn();
    drop(child.stdin.take());
    let output = child.wait_with_output().expect("the process ends");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// Removes the members that differ between runs.
fn lasting(event: &Value) -> Value {
    match event {
        Value::Object(map) => map
            .iter()
            .filter(|(key, _)| !["request_id", "duration_ms", "message", "time"].contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), lasting(value)))
            .collect(),
        Value::Array(items) => items.iter().map(lasting).collect(),
        other => other.clone(),
    }
}

pub(crate) fn tags(ended: &PluginOutput) -> Vec<Value> {
    ended.events.iter().map(lasting).collect()
}

#[test]
fn a_file_says_the_same_as_its_stanza_on_standard_input() {
    let text = "on_this_branch: &on {branch: [main, 'release/*'], condition: $STAGE = prod}\n\
                deploy:\n  provider: Lambda\n  function_name: f\n  role: arn:aws:iam::123456789012:role/run\n  \
                runtime: nodejs22.x\n  handler_name: handler\n  timeout: 20\n  zip: index.js\n  publish: yes\n  \
                environment: {VERSION: 1.10, ANSWER: yes, NUMBER: 017, EMPTY: ''}\n  on: *on\n  tmeout: 3\n";
    let mut request = json!({
        "provider": "Lambda", "function_name": "f", "role": "arn:aws:iam::123456789012:role/run",
        "runtime": "nodejs22.x", "handler_name": "handler", "timeout": 20, "zip": "index.js", "publish": true,
        "environment": {"VERSION": "1.10", "ANSWER": "yes", "NUMBER": "15", "EMPTY": ""},
        "on": {"branch": ["main", "release/*"], "condition": "$STAGE = prod"}, "tmeout": 3,
    });
    for (branch, stage) in [("main", "prod"), ("release/7", "prod"), ("main", "test"), ("other", "prod")] {
        let (ours, theirs) = (endpoint(), endpoint());
        let directory = directory(text);
        for command in ["check", "plan", "deploy", "deploy"] {
            let hand = standalone(&with_file(&[command]), directory.path(), Some(&ours));
            let hand = hand.env("TRAVIS_BRANCH", branch).env("STAGE", stage).run_on(b"");
            request["env"] = job_env(&theirs);
            request["env"]["TRAVIS_BRANCH"] = json!(branch);
            request["env"]["STAGE"] = json!(stage);
            let runner = PluginCommand::new(&[command]).directory(directory.path()).run(&request);
            assert_eq!(tags(&hand), tags(&runner), "{command} on {branch} with {stage}");
            assert_eq!(hand.status.code(), runner.status.code());
        }
        let variables =
            |endpoint: &Endpoint| endpoint.function("f").map(|f| f["Configuration"]["Environment"].clone());
        assert_eq!(variables(&ours), variables(&theirs));
        assert_eq!(variables(&ours).is_some(), stage == "prod" && branch != "other");
    }
}

#[test]
fn a_format_may_be_asked_for_with_a_request_on_standard_input() {
    let request = json!({"function_name": "f", "on": {"all_branches": true}, "timeout": "ten", "env": {"PATH": &*PATH}});
    let usual = PluginCommand::new(&["check"]).run(&request);
    let asked = PluginCommand::new(&["check", "--format", "json"]).run(&request);
    assert_eq!(asked.with_fixed_time(), usual.with_fixed_time());
    let mut plugin = PluginCommand::new(&["check", "--format", "text"]);
    let mut child = plugin.spawn();
    child.stdin.take().expect("piped").write_all(request.to_string().as_bytes()).expect("written");
    let output = child.wait_with_output().expect("the process ends");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2));
    assert!(text.contains("`timeout` is `ten`") && !text.contains("{\""), "{text}");
    // The CI in `--ci` provides the variables for a request without `env`.
    let request = json!({"function_name": "f", "on": {"branch": "x"}});
    let gitlab = PluginCommand::new(&["check", "--ci", "gitlab"]).env("CI_COMMIT_BRANCH", "x");
    assert_eq!(gitlab.run(&request).outcome(), "checked");
}

#[test]
fn the_files_of_a_result_are_no_part_of_the_package() {
    let stanza = stanza("f").replace("index.js", ".");
    let (endpoint, directory) = (endpoint(), directory(&format!("deploy:\n{stanza}")));
    let arguments = with_file(&["--format", "json", "--result", "result.txt", "--summary", "summary.md"]);
    let deploy = || standalone(&arguments, directory.path(), Some(&endpoint)).run_on(b"");
    assert_eq!([deploy().outcome(), deploy().outcome()], ["deployed", "unchanged"]);
}

#[test]
fn a_stanza_alone_is_read_from_a_file_of_its_own() {
    let directory = build_directory();
    fs::write(directory.path().join("f.yml"), "function_name: f\non: {all_branches: true}\n")
        .expect("written");
    fs::write(
        directory.path().join("f.json"),
        "{\"function_name\": \"f\", \"on\": {\"all_branches\": true}}",
    )
    .expect("written");
    for file in ["f.yml", "f.json"] {
        let ended = standalone(&["check", "--stanza", file], directory.path(), None).run_on(b"");
        assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
    }
}
