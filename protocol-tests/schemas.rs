//! Tests the schemas: the committed files are those that the types generate, they are valid, and they agree
//! with the program.

mod keywords;
mod rules;
mod values;

use std::path::PathBuf;
use std::sync::LazyLock;

use dpl_lambda::protocol::error::WarningCode;
use dpl_lambda::protocol::{branches, json, schema, stanza};
use dpl_lambda::testing::{errors_document, options_document};
use serde_json::{Value, json};

use crate::plugin::{PluginOutput, stanzas_of};
use crate::repository::committed_schema;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schema").join(name)
}

#[track_caller]
fn check_committed(name: &str, generated: &Value) {
    let text = format!("{generated:#}\n");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path(name), &text).expect("schema/ is writable");
    }
    let same = std::fs::read_to_string(path(name)).is_ok_and(|committed| committed == text);
    assert!(same, "schema/{name} differs from the types; BLESS=1 rewrites it");
    assert!(jsonschema::draft7::meta::is_valid(generated), "schema/{name} is not a valid draft-07 schema");
}

/// A page of `docs/` is what its generator makes. `BLESS=1` rewrites it.
#[track_caller]
fn check_document(name: &str, generated: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, generated).expect("docs/ is writable");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == generated, "docs/{name} differs from what its types generate; BLESS=1 rewrites it");
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    check_committed("stanza.json", &schema::stanza());
    check_committed("request.json", &schema::request());
    check_committed("event.json", &schema::event());
    check_committed("plan.json", &schema::plan());
    check_committed("travis-yml.json", &schema::travis_yml());
    check_committed("editor/stanza.json", &schema::editor_stanza());
    check_committed("editor/travis-yml.json", &schema::editor_travis_yml());
}

#[test]
fn the_committed_catalogue_of_errors_is_that_of_the_types() {
    check_document("errors.md", &errors_document());
}

#[test]
fn the_committed_reference_of_options_is_that_of_the_types() {
    check_document("options.md", &options_document());
}

static STANZA: LazyLock<jsonschema::Validator> = LazyLock::new(|| validator("stanza.json"));

static REQUEST: LazyLock<jsonschema::Validator> = LazyLock::new(|| validator("request.json"));

fn validator(name: &str) -> jsonschema::Validator {
    jsonschema::draft7::new(&committed_schema(name)).expect("a valid schema")
}

/// Checks that `request.json` accepts the request if the program accepts it, and `stanza.json` each stanza if
/// the program also gives no warning.
pub(crate) fn check_agreement(request: &Value, ended: &PluginOutput) {
    let is_unread = |result: &Value| match result["outcome"].as_str() {
        Some("failed") => result["error"]["class"] == "config",
        outcome => outcome == Some("skipped") || outcome == Some("stopped"),
    };
    if is_unread(ended.finished()) || ended.functions().into_iter().any(is_unread) {
        return;
    }
    // AWS would accept the alias `-1`. For people it is better if the schema rejects numbers such as 7.
    let is_number_of_alias = |error: &jsonschema::ValidationError<'_>| {
        error.instance_path().as_str().starts_with("/alias") && error.instance().is_number()
    };
    let complaint = |validator: &jsonschema::Validator, value: &Value| {
        validator
            .iter_errors(value)
            .filter(|error| !is_number_of_alias(error))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect::<Vec<_>>()
    };
    let problems = complaint(&REQUEST, request);
    assert!(problems.is_empty(), "the program accepts it, request.json does not: {request}\n{problems:?}");
    if ended.event("warning").is_some() {
        return;
    }
    for stanza in stanzas_of(request) {
        let mut stanza = stanza.clone();
        let keys = stanza.as_object_mut().expect("an object");
        keys.retain(|key, _| !["env", "plan", "protocol", "stanzas"].contains(&key.as_str()));
        let problems = complaint(&STANZA, &stanza);
        assert!(
            problems.is_empty(),
            "the program accepts it without a warning, stanza.json does not: {stanza}\n{problems:?}"
        );
    }
}

#[test]
fn the_stanza_schema_is_closed_and_knows_encrypted_values() {
    for (stanza, valid) in [
        (json!({"provider": "lambda", "function_name": "f", "timeout": 10}), true),
        (json!({"function_name": "f", "timeout": "10", "publish": "yes", "region": null}), true),
        (json!({"function_name": "f", "secret_access_key": {"secure": "abc"}}), true),
        (json!({"function_name": "f", "environment": [{"AA": {"secure": "abc"}}, "BB=c"]}), true),
        (json!({"function_name": "f", "environment": ["A=b"]}), false),
        (json!({"function_name": "f", "environment": {"AWS_REGION": "eu-west-1"}}), false),
        (
            json!({"function_name": "f", "on": {"branch": ["main", "release/*"], "tags": true, "node": 22}}),
            true,
        ),
        (json!({"function_name": "f", "if": "main", "environment_variables": {"AA": 1}}), true),
        (json!({"function_name": "f", "imeout": 10}), false),
        (json!({"function_name": "f", "timeout": "ten"}), false),
        (json!({"function_name": "f", "timeout": 1.5}), false),
        (json!({"function_name": "f", "publish": "perhaps"}), false),
        (json!({"function_name": "f", "on": {"branches": "main"}}), false),
        (json!({"function_name": "f", "on": {"condition": [["$A = b", "-n $C"], "$D = e"]}}), true),
        (json!({"function_name": "f", "on": {"condition": [{"a": "b"}]}}), false),
        (json!({"function_name": "f", "on": [{"branch": "main"}]}), true),
        (json!({"function_name": "f", "on": [{"branches": "main"}]}), false),
        (json!({"function_name": "f", "environment": ["no pair"]}), false),
        (
            json!({"function_name": "f", "role": {"secure": "abc"}, "timeout": "$LIMIT", "publish": "${PUBLISH}"}),
            true,
        ),
        (json!({"function_name": "f", "env": {}}), false),
        (json!([]), false),
    ] {
        assert_eq!(STANZA.is_valid(&stanza), valid, "{stanza}");
    }
}

#[test]
fn the_request_schema_is_open_and_knows_the_runners_keys() {
    for (request, valid) in [
        (json!({"function_name": "f", "env": {"A": "b"}, "protocol": 1}), true),
        (json!({"function_name": {"master": "f"}, "a_new_key": 1, "timeout": "10,"}), true),
        (json!({"protocol": "1"}), true),
        (json!({"protocol": 1.0}), true),
        (json!({"protocol": null}), true),
        (json!({"protocol": 2}), false),
        (json!({"protocol": true}), false),
        (json!({"env": {"A": 1}}), false),
        (json!({"env": "A=b"}), false),
        (json!({"layers": 7.5, "environment": 7}), false),
    ] {
        assert_eq!(REQUEST.is_valid(&request), valid, "{request}");
    }
}

#[test]
fn an_event_needs_its_tag_its_time_and_its_message() {
    let schema = validator("event.json");
    let hello = json!({
        "event": "hello", "protocol": [1], "name": "dpl-lambda", "version": "0.1.0", "features": [],
        "time": "2026-11-01T12:00:00.000Z", "message": "dpl-lambda 0.1.0",
    });
    assert!(schema.is_valid(&hello));
    for key in ["event", "time", "message"] {
        let mut other = hello.clone();
        other.as_object_mut().expect("an object").remove(key);
        assert!(!schema.is_valid(&other), "{key}");
    }
}

/// The result of validating a stanza without variables and encrypted values.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Said {
    Nothing,
    Deprecated,
    Warned,
    Refused,
}

fn said(stanza: &Value) -> Said {
    let node = json::parse(stanza.to_string().as_bytes()).expect("JSON");
    let (selected, mut warnings) = branches::select_branch(node.as_map().expect("an object"), "master");
    let read = stanza::read(&selected);
    warnings.extend(read.warnings);
    match warnings.iter().all(|warning| warning.code == WarningCode::Deprecated) {
        _ if read.stanza.is_err() => Said::Refused,
        false => Said::Warned,
        true if warnings.is_empty() => Said::Nothing,
        true => Said::Deprecated,
    }
}

const ROLE: &str = "arn:aws:iam::123456789012:role/run";
const IMAGE: &str = "123456789012.dkr.ecr.us-east-1.amazonaws.com/hello:7";
const RUNTIME_VERSION: &str = "arn:aws:lambda:us-east-1::runtime:07a48df2";

/// The keys of a stanza except those of conditions, which other code reads.
fn keys() -> Vec<String> {
    let schema = committed_schema("stanza.json");
    let keys = schema["properties"].as_object().expect("an object").keys();
    keys.filter(|key| !["on", "if", "true"].contains(&key.as_str())).cloned().collect()
}
