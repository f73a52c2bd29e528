//! Tests the diagnostics: they are where the program warns or refuses, and nowhere else.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::BEGUN;
use super::server::{Diagnostic, Server};
use crate::plugin::{PluginCommand, PluginOutput};
use crate::shell::PATH;
use crate::stanzas::{decrypted, real_stanzas};

#[test]
#[ignore = "second tier: needs npm"]
fn what_is_wrong_is_reported_at_its_place() {
    let mut server = Server::start();
    for (lines, line, column, message) in [
        ("  fuction_name: x\n", 5, 3, "Property fuction_name is not allowed."),
        ("  on:\n    branches: x\n", 6, 5, "Property branches is not allowed."),
        ("  timeout: ten\n", 5, 12, "Expected a whole number."),
        ("  timeout: [1]\n", 5, 12, "Expected a whole number."),
        ("  memory_size: 64\n", 5, 16, "Value is below the minimum of 128."),
        ("  publish: perhaps\n", 5, 12, "Expected `true` or `false`."),
        (
            "  description: {a: b, c: d}\n",
            5,
            3,
            "A map of branches is deprecated; write one stanza per branch, with `on.branch`.",
        ),
        ("  tracing_mode: active\n", 5, 17, "Expected `Active` or `PassThrough`."),
        (
            "  role: run\n",
            5,
            9,
            "Expected a value such as `arn:aws:iam::123456789012:role/run`, as documented by AWS.",
        ),
        (
            "  environment:\n    - STAGE\n",
            6,
            7,
            "Expected `NAME=value`; a name has at least two letters, digits and `_`, begins with a letter, \
             and is not reserved.",
        ),
        ("  traffic: [10, 100]\n", 5, 12, "`traffic` requires `alias`."),
        (
            "  image_uri: 123456789012.dkr.ecr.us-east-1.amazonaws.com/x:1\n  runtime: nodejs22.x\n",
            6,
            12,
            "A container image has its own files, runtime and handler; leave `runtime` out.",
        ),
        ("  verify:\n    expcet: {}\n", 6, 5, "Property expcet is not allowed."),
    ] {
        let reported = server.diagnosed(&format!("{BEGUN}{lines}"));
        println!("{lines}{reported:?}");
        assert_eq!(reported, [(line, column, message.to_owned())], "{lines}");
    }
    for right in [
        "  timeout: $LIMIT\n",
        "  runtime: nodejs99.x\n  region: mars-north-1\n",
        "  secret_access_key: {secure: abc}\n",
    ] {
        assert_eq!(server.diagnosed(&format!("{BEGUN}{right}")), [], "{right}");
    }
}

/// Values for the variables of the job that fit every use in the real stanzas.
fn job() -> Value {
    let stanzas =
        fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests/real-stanzas.jsonl"));
    let stanzas = stanzas.expect("the file can be read");
    let is_of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '{';
    let mut env = json!({"TRAVIS_BRANCH": "master", "PATH": &*PATH});
    for part in stanzas.split('$').skip(1) {
        let name: String = part.chars().take_while(|c| is_of_a_name(*c)).filter(|c| *c != '{').collect();
        let value = if name.contains("ROLE") || name.contains("ARN") {
            "arn:aws:iam::123456789012:role/run"
        } else {
            "us-east-1"
        };
        env[name] = json!(value);
    }
    env
}

/// Returns the keys that the program rejects or warns about. Problems that a schema cannot know are left out:
/// those that depend on the job's variables, on files or on AWS.
fn blamed(ended: &PluginOutput) -> BTreeSet<String> {
    let finished = ended.finished();
    let warnings = ended.events.iter().filter(|event| event["event"] == "warning");
    let mut reported: Vec<&Value> = warnings.collect();
    reported.extend(finished["error"]["problems"].as_array().into_iter().flatten());
    reported.extend((finished["outcome"] == "failed").then_some(&finished["error"]));
    let known = ["unknown-key", "deprecated", "out-of-range", "lenient-value", "bad-value", "missing-key"];
    // A schema does not say when a runtime is retired.
    reported
        .retain(|one| known.contains(&one["code"].as_str().unwrap_or_default()) && one["at"] != "/runtime");
    let key = |one: &&Value| one["at"].as_str().and_then(|at| at.split('/').nth(1)).map(str::to_owned);
    reported.iter().filter_map(key).collect()
}

/// Returns a stanza as YAML: each key is on its own line, so that the line of a diagnostic identifies its
/// key, and each value is JSON, which is also YAML.
fn as_yaml(stanza: &Value, indent: &str) -> Vec<String> {
    let keys = stanza.as_object().expect("an object").iter();
    keys.map(|(key, value)| {
        format!("{indent}{}: {value}\n", if key == "on" { key.clone() } else { json!(key).to_string() })
    })
    .collect()
}

#[test]
#[ignore = "second tier: needs npm"]
fn a_real_file_has_diagnostics_where_the_program_warns_or_refuses_and_nowhere_else() {
    let mut server = Server::start();
    let env = job();
    let (mut files, mut right, mut blamed_keys) = (0, 0, 0);
    for stanza in real_stanzas() {
        let mut request = decrypted(&stanza);
        if stanza["role"].get("secure").is_some() {
            request["role"] = json!("arn:aws:iam::123456789012:role/decrypted");
        }
        request["env"] = env.clone();
        // Conditions are not tested here; this one is always met.
        request["on"] = json!({"all_branches": true});
        let expected = blamed(&PluginCommand::new(&["check"]).run_on(request.to_string().as_bytes()));
        blamed_keys += expected.len();

        let other = "provider: script\n    script: ./deploy.sh\n    anything: [1]\n";
        let top = "language: node_js\nnode_js:\n  - 22\nbranches: {only: [main]}\n";
        let around = |stanza: &str, indent: &str| format!("\n{indent}- {}", &stanza[indent.len() + 2..]);
        let single = as_yaml(&stanza, "  ").concat();
        let listed = as_yaml(&stanza, "    ").concat();
        let in_job = as_yaml(&stanza, "        ").concat();
        for file in [
            format!("{top}deploy:\n{single}after_deploy: echo done\n"),
            format!("{top}deploy:\n  - {other}{}", &around(&listed, "  ")[1..]),
            format!(
                "{top}jobs:\n  include:\n    - stage: test\n    - stage: deploy\n      deploy:\n{in_job}"
            ),
            format!("{top}matrix:\n  include:\n    - deploy:\n{in_job}"),
        ] {
            let lines: Vec<&str> = file.lines().collect();
            let reported = server.diagnosed(&file);
            let at = |reported: &Diagnostic| {
                let line = lines[reported.0 as usize - 1].trim_start().trim_start_matches("- ");
                line.split(':').next().unwrap_or_default().trim_matches('"').to_owned()
            };
            let found: BTreeSet<String> = reported.iter().map(at).collect();
            assert_eq!(found, expected, "{file}\n{reported:?}");
            files += 1;
            right += reported.len();
        }
    }
    println!(
        "{files} real files, {right} diagnostics on {blamed_keys} keys that the program reports, 0 false alarms"
    );
    assert!(files >= 150 && blamed_keys >= 5, "{files} {blamed_keys}");
}
