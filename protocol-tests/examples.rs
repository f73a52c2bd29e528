//! Runs the files of `examples/` as a reader of the documentation would.

use std::path::{Path, PathBuf};
use std::process::Output;

use lambda_endpoint::{Endpoint, Settings};

use crate::plugin::{job_env, program};
use crate::runners;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// Starts an example runner with the stanza of a function, in the function's directory, on a branch.
fn run(runner: &str, function: &str, endpoint: &Endpoint, branch: &str, arguments: &[&str]) -> Output {
    let mut command = runners::runner(runner);
    command.arg("stanza.json").args(arguments).current_dir(example(function)).env_clear();
    let env = job_env(endpoint);
    for (name, value) in env.as_object().expect("an object") {
        command.env(name, value.as_str().expect("a string"));
    }
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
