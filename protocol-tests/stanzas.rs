//! Tests real stanzas (`real-stanzas.jsonl`) and the common mistakes in them: each must be read as its author
//! meant.

use std::collections::BTreeMap;

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};

use crate::deployments::build_directory;
use crate::plugin::{PluginCommand, PluginOutput, agrees, job_env};
use crate::shell::PATH;

pub(crate) fn real_stanzas() -> Vec<Value> {
    let text =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/protocol-tests/real-stanzas.jsonl"));
    text.expect("readable").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// Replaces encrypted values by decrypted ones, as Travis does before it runs dpl.
pub(crate) fn decrypted(value: &Value) -> Value {
    match value {
        Value::Object(map) if map.len() == 1 && map.contains_key("secure") => json!("decrypted-value"),
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), decrypted(value))).collect(),
        Value::Array(items) => items.iter().map(decrypted).collect(),
        other => other.clone(),
    }
}

/// The outcome, or the error code if the run failed.
fn ending(ended: &PluginOutput) -> String {
    if ended.outcome() == "failed" { ended.code().to_owned() } else { ended.outcome().to_owned() }
}

#[test]
fn every_real_stanza_is_checked_and_planned() {
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    let directory = build_directory();
    let mut endings: BTreeMap<String, u32> = BTreeMap::new();
    for stanza in real_stanzas() {
        let encrypted = stanza.to_string().contains("\"secure\"");
        let mut raw = stanza.clone();
        raw["env"] = json!({"TRAVIS_BRANCH": "x", "PATH": &*PATH});
        raw["on"] = json!({"all_branches": true});
        let refused =
            PluginCommand::new(&["check"]).directory(directory.path()).run_on(raw.to_string().as_bytes());
        // A stanza with an encrypted value is refused; every other stanza can be read.
        assert_eq!(refused.code() == "not-decrypted", encrypted, "{stanza}\n{}", refused.stdout);

        // Run on the branch of the stanza, with the region and keys of the endpoint, and our package.
        let mut request = decrypted(&stanza);
        request["region"] = json!("us-east-1");
        request["zip"] = json!("index.js");
        let from_a_map = stanza["function_name"].as_object().and_then(|map| map.keys().next());
        let branch = from_a_map.map(String::as_str).or(stanza["on"]["branch"].as_str()).unwrap_or("master");
        request["on"] = json!({"branch": branch});
        request["env"] = job_env(&endpoint);
        request["env"]["TRAVIS_BRANCH"] = json!(branch);
        for name in ["LAMBDA_FUNCTION", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_NAME_STAGING"] {
            request["env"][name] = json!("named-by-the-job");
        }
        for name in ["LAMBDA_ARN", "AWS_IAM_ROLE"] {
            request["env"][name] = json!("arn:aws:iam::123456789012:role/run");
        }
        for key in ["access_key_id", "secret_access_key"] {
            request.as_object_mut().expect("an object").remove(key);
        }
        for command in ["check", "plan"] {
            let ended = PluginCommand::new(&[command]).directory(directory.path()).run(&request);
            *endings.entry(format!("{command}: {}", ending(&ended))).or_default() += 1;
            // A plan may fail for a missing key: the authors' functions exist, but here the function would be
            // created.
            let as_expected = command == "plan" && ended.code() == "missing-key";
            assert!(ended.outcome() != "failed" || as_expected, "{request}\n{}", ended.stdout);
        }
    }
    println!("{endings:?}");
    assert_eq!(endings.get("check: checked"), Some(&47), "{endings:?}");
}

/// Checks a deployment of `stanza`: the live configuration or, if `expected` is a string, the error code; and
/// the codes of the warnings.
#[track_caller]
fn trap(stanza: Value, expected: Value, warnings: &[&str]) {
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    let mut request = json!({
        "function_name": "f", "role": "arn:aws:iam::123456789012:role/run", "runtime": "nodejs22.x",
        "handler_name": "handler", "env": job_env(&endpoint),
    });
    for (key, value) in stanza.as_object().expect("an object") {
        if key == "env" {
            request["env"]
                .as_object_mut()
                .expect("an object")
                .extend(value.as_object().expect("an object").clone());
        } else {
            request[key] = value.clone();
        }
    }
    let ended = PluginCommand::new(&[]).directory(build_directory().path()).run(&request);
    let codes: Vec<&str> = ended
        .events
        .iter()
        .filter(|event| event["event"] == "warning")
        .filter_map(|event| event["code"].as_str())
        .collect();
    assert_eq!(codes, warnings, "{stanza}\n{}", ended.stdout);
    match expected.as_str() {
        Some(code) => assert_eq!(ended.code(), code, "{stanza}\n{}", ended.stdout),
        None => {
            assert_eq!(ended.outcome(), "deployed", "{stanza}\n{}", ended.stdout);
            let live = endpoint.function("f").expect("the function exists")["Configuration"].clone();
            assert!(agrees(&expected, &live), "{stanza}: expected\n{expected}\ngot\n{live:#}");
        }
    }
}

#[test]
fn each_trap_is_read_as_its_author_meant() {
    let variables = |variables: Value| json!({"Environment": {"Variables": variables}});
    let long = "x".repeat(100_000);
    for (stanza, expected, warnings) in [
        // Numbers.
        (json!({"timeout": "10,"}), json!({"Timeout": 10}), &["lenient-value"][..]),
        (json!({"timeout": "30 "}), json!({"Timeout": 30}), &[]),
        (json!({"memory_size": 256.0}), json!({"MemorySize": 256}), &[]),
        (json!({"timeout": -1}), json!("bad-value"), &[]),
        (json!({"timeout": 1.5}), json!("bad-value"), &[]),
        (json!({"timeout": 99_999_999_999_u64}), json!("bad-value"), &[]),
        (json!({"timeout": "ten"}), json!("bad-value"), &[]),
        (json!({"timeout": "a\nb\u{1b}[2J"}), json!("bad-value"), &[]),
        (json!({"timeout": null}), json!({"Timeout": 3}), &[]),
        // Handlers.
        (json!({"handler_name": "index.handler"}), json!({"Handler": "index.handler"}), &[]),
        (
            json!({"runtime": "java21", "handler_name": "Pkg.Class::method"}),
            json!({"Handler": "Pkg.Class::method"}),
            &["handler-not-found"],
        ),
        (json!({"module_name": "app"}), json!({"Handler": "app.handler"}), &["handler-not-found"]),
        // Environments.
        (
            json!({"environment": ["AA=b=c", "EE=", "CC=x,y"]}),
            variables(json!({"AA": "b=c", "EE": "", "CC": "x,y"})),
            &[],
        ),
        (
            json!({"environment": {"NN": 1, "BB": true, "ZZ": null}}),
            variables(json!({"NN": "1", "BB": "true"})),
            &[],
        ),
        (
            json!({"environment": {"variables": {"AA": "1"}}}),
            variables(json!({"AA": "1"})),
            &["lenient-value"],
        ),
        (json!({"environment": "AA=1"}), variables(json!({"AA": "1"})), &[]),
        (json!({"environment_variables": [{"AA": "ü ✓"}]}), variables(json!({"AA": "ü ✓"})), &[]),
        (json!({"environment": ["A"]}), json!("bad-value"), &[]),
        (json!({"environment": [{"A": {"secure": "x"}}]}), json!("not-decrypted"), &[]),
        (json!({"environment": {"LONG": long}}), json!("environment-too-large"), &["out-of-range"]),
        // Words for booleans, and keys of other tools.
        (json!({"publish": "yes"}), json!({"Version": "$LATEST"}), &[]),
        (json!({"publish": "maybe"}), json!("bad-value"), &[]),
        (json!({"imeout": 5}), json!({"Timeout": 3}), &["unknown-key"]),
        (json!({"handler": "x"}), json!({"Handler": "index.handler"}), &["unknown-key"]),
        (json!({"zip-file": "x"}), json!({}), &["unknown-key"]),
        (json!({"even_source_arn": "x"}), json!({}), &["unknown-key"]),
        (json!({"edge": true, "dpl_version": 2, "strategy": "x"}), json!({}), &[]),
        (json!({"skip_cleanup": true}), json!({}), &[]),
        (json!({"runtime": "nodejs12.18"}), json!("unsupported-runtime"), &["unknown-runtime"]),
        // Variables.
        (
            json!({"description": "$NOTE", "env": {"NOTE": "from the job"}}),
            json!({"Description": "from the job"}),
            &[],
        ),
        (
            json!({"description": "$EMPTY", "env": {"EMPTY": ""}}),
            json!({"Description": ""}),
            &["became-empty"],
        ),
        (json!({"environment": {"PP": "pa$word"}}), variables(json!({"PP": "pa$word"})), &["unset-variable"]),
        (json!({"description": "$(id)"}), json!({"Description": "$(id)"}), &["not-expanded"]),
        (json!({"env": {"LAMBDA_TIMEOUT": "7"}}), json!({"Timeout": 7}), &[]),
        (
            json!({"env": {"TRAVIS_BUILD_NUMBER": "9"}}),
            json!({"Description": "Deploy build 9 to AWS Lambda via Travis CI"}),
            &[],
        ),
        (json!({"description": "%{function_name} %{runtime}"}), json!({"Description": "f nodejs22.x"}), &[]),
        (
            json!({"function_name": {"master": "f", "dev": "g"}, "on": "master"}),
            json!({"FunctionName": "f"}),
            &["deprecated"],
        ),
    ] {
        trap(stanza, expected, warnings);
    }
}

#[test]
fn a_part_of_a_password_is_not_shown_as_a_variable() {
    let request = json!({
        "function_name": "f", "environment": {"PASSWORD": "pa$sw0rdSecretTail"}, "secret_access_key": "abc$hunter2tail",
        "secret_acess_key": "abc$hunter3tail", "on": {"all_branches": true}, "env": {},
    });
    let secrets = ["sw0rdSecretTail", "hunter2tail", "hunter3tail"].map(str::to_owned);
    let ended = PluginCommand::new(&["check"]).secrets(secrets).run(&request);
    assert_eq!(ended.outcome(), "checked", "{}", ended.stdout);
    assert!(ended.events.iter().any(|event| event["code"] == "unset-variable"));
}

#[test]
fn a_secret_variable_in_an_open_option_is_not_shown() {
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    let mut request = json!({
        "function_name": "f", "role": "$ROLE_TOKEN", "runtime": "nodejs22.x", "handler_name": "h",
        "timeout": "$PIN_SECRET", "env": job_env(&endpoint),
    });
    request["env"]["ROLE_TOKEN"] = json!("hidden-role-value");
    request["env"]["PIN_SECRET"] = json!("hidden-pin-value");
    let secrets = || ["hidden-role-value".to_owned(), "hidden-pin-value".to_owned()];
    let directory = build_directory();
    let refused = PluginCommand::new(&["check"]).directory(directory.path()).secrets(secrets()).run(&request);
    assert_eq!(refused.code(), "bad-value");
    request["timeout"] = json!(3);
    request["env"]["PATH_TOKEN"] = json!("hidden-path-value");
    request["zip"] = json!("dist-$PATH_TOKEN");
    let hidden = || secrets().into_iter().chain(["hidden-path-value".to_owned()]);
    let missing = PluginCommand::new(&["plan"]).directory(directory.path()).secrets(hidden()).run(&request);
    assert_eq!(missing.code(), "package-not-found");
    request["zip"] = json!("index.js");
    let planned = PluginCommand::new(&["plan"]).directory(directory.path()).secrets(secrets()).run(&request);
    assert_eq!(planned.outcome(), "planned", "{}", planned.stdout);
}
