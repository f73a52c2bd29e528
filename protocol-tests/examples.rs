//! Runs the files of `examples/` as a reader of the documentation would.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};

use crate::plugin::{job_env, program, variables};
use crate::runners;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// Starts an example runner with the stanza of a function, in the function's directory, on a branch.
fn run(runner: &str, function: &str, endpoint: &Endpoint, branch: &str, arguments: &[&str]) -> Output {
    run_file(runner, "stanza.json", function, endpoint, branch, arguments)
}

/// Starts an example runner with this file, in a function's directory, on a branch.
fn run_file(
    runner: &str,
    file: &str,
    function: &str,
    endpoint: &Endpoint,
    branch: &str,
    arguments: &[&str],
) -> Output {
    let mut command = runners::runner(runner);
    command.arg(file).args(arguments).current_dir(example(function)).env_clear();
    command.envs(variables(&job_env(endpoint)));
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.env("TRAVIS_BRANCH", branch).env("DPL_LAMBDA", program());
    command.output().unwrap_or_else(|error| panic!("{runner} cannot be started: {error}"))
}

fn check(runner: &str) {
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    for (function, name) in [("node-function", "hello-node"), ("python-function", "hello-python")] {
        let first = run(runner, function, &endpoint, "main", &[]);
        let log = String::from_utf8_lossy(&first.stdout).into_owned();
        assert!(first.status.success(), "{log}{}", String::from_utf8_lossy(&first.stderr));
        assert!(log.contains(&format!("Creating function {name}.\n")), "{log}");
        assert!(log.contains(&format!("deployed {name} in ")), "{log}");
        assert!(endpoint.function(name).is_some());

        let second = run(runner, function, &endpoint, "main", &[]);
        assert!(String::from_utf8_lossy(&second.stdout).contains(&format!("unchanged: {name}")));

        let skipped = run(runner, function, &endpoint, "dev", &["check"]);
        assert!(String::from_utf8_lossy(&skipped.stdout).contains("this branch is not permitted: dev"));
        assert_eq!(skipped.status.code(), Some(0));
    }
    let failed = run(runner, "node-function", &endpoint, "main", &["bogus"]);
    assert_eq!(failed.status.code(), Some(2), "a runner must exit with the plugin's status");
    check_list(runner, &endpoint);
}

/// Deploys a list of two stanzas, then one whose first stanza fails.
fn check_list(runner: &str, endpoint: &Endpoint) {
    let text = fs::read_to_string(example("node-function/stanza.json")).expect("the file can be read");
    let mut stanzas: Vec<Value> = vec![serde_json::from_str(&text).expect("JSON"); 2];
    stanzas[0]["function_name"] = json!("first");
    stanzas[1]["function_name"] = json!("second");
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let mut deploy = |zip: &str| {
        stanzas[0]["zip"] = json!(zip);
        fs::write(file.path(), json!(stanzas).to_string()).expect("written");
        let path = file.path().to_str().expect("UTF-8");
        let ended = run_file(runner, path, "node-function", endpoint, "main", &[]);
        (ended.status.code(), String::from_utf8_lossy(&ended.stdout).into_owned())
    };
    let (status, log) = deploy("index.js");
    assert_eq!(status, Some(0), "{log}");
    assert!(log.contains("\nfirst: deployed\nsecond: deployed\n"), "{log}");
    let (status, log) = deploy("no-such-file");
    assert_eq!(status, Some(2), "{log}");
    assert!(log.contains("\nfirst: failed\nsecond: stopped\n"), "{log}");
}

#[test]
fn the_runner_in_rust_prints_the_log_and_ends_as_the_plugin_did() {
    check("runner.rs");
}

#[test]
#[ignore = "second tier: needs Python"]
fn the_runner_in_python_prints_the_log_and_ends_as_the_plugin_did() {
    check("runner.py");
}

#[test]
#[ignore = "second tier: needs jq"]
fn the_runner_in_bash_and_jq_prints_the_log_and_ends_as_the_plugin_did() {
    check("runner.sh");
}

#[test]
#[ignore = "second tier: needs Node.js"]
fn the_runner_in_javascript_prints_the_log_and_ends_as_the_plugin_did() {
    check("runner.mjs");
}
