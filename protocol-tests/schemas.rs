//! The schemas: committed as they are generated, valid, and of one mind with the program.

use std::path::PathBuf;
use std::sync::LazyLock;

use dpl_lambda::failure::catalogue;
use dpl_lambda::protocol::schema;
use serde_json::{Value, json};

use crate::plugin::Ended;

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schema").join(name)
}

/// A file of `schema/`.
pub(crate) fn committed(name: &str) -> Value {
    let text = std::fs::read_to_string(path(name)).unwrap_or_else(|error| panic!("schema/{name}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("schema/{name}: {error}"))
}

#[track_caller]
fn check_committed(name: &str, generated: &Value) {
    let text = format!("{generated:#}\n");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path(name), &text).expect("schema/ is writable");
    }
    let same = std::fs::read_to_string(path(name)).is_ok_and(|committed| committed == text);
    assert!(same, "schema/{name} is not what the types say; BLESS=1 rewrites it");
    assert!(jsonschema::draft7::meta::is_valid(generated), "schema/{name} is no draft-07 schema");
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    check_committed("stanza.json", &schema::stanza());
    check_committed("request.json", &schema::request());
    check_committed("event.json", &schema::event());
    check_committed("travis-yml.json", &schema::travis_yml());
}

#[test]
fn the_committed_catalogue_of_errors_is_that_of_the_types() {
    let generated = catalogue::document();
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path("errors.md"), &generated).expect("schema/ is writable");
    }
    let committed = std::fs::read_to_string(path("errors.md")).unwrap_or_default();
    assert!(committed == generated, "schema/errors.md is not what the types say; BLESS=1 rewrites it");
}

static STANZA: LazyLock<jsonschema::Validator> = LazyLock::new(|| validator("stanza.json"));
static REQUEST: LazyLock<jsonschema::Validator> = LazyLock::new(|| validator("request.json"));

fn validator(name: &str) -> jsonschema::Validator {
    jsonschema::draft7::new(&committed(name)).expect("a schema")
}

/// What the program accepts, `request.json` accepts; what it accepts without a warning, `stanza.json` accepts.
pub(crate) fn check_agreement(request: &Value, ended: &Ended) {
    let refused = ended.outcome() == "failed" && ended.finished()["error"]["class"] == "config";
    if refused || ended.outcome() == "skipped" {
        return;
    }
    let complaint = |validator: &jsonschema::Validator, value: &Value| {
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect::<Vec<_>>()
    };
    let problems = complaint(&REQUEST, request);
    assert!(problems.is_empty(), "accepted, but not by request.json: {request}\n{problems:?}");
    if ended.event("warning").is_none() {
        let mut stanza = request.clone();
        let keys = stanza.as_object_mut().expect("an object");
        keys.remove("env");
        keys.remove("protocol");
        let problems = complaint(&STANZA, &stanza);
        assert!(problems.is_empty(), "accepted without a warning, but not by stanza.json: {stanza}\n{problems:?}");
    }
}

#[test]
fn the_stanza_schema_is_closed_and_knows_encrypted_values() {
    for (stanza, valid) in [
        (json!({"provider": "lambda", "function_name": "f", "timeout": 10}), true),
        (json!({"function_name": "f", "timeout": "10", "publish": "yes", "region": null}), true),
        (json!({"function_name": "f", "secret_access_key": {"secure": "abc"}}), true),
        (json!({"function_name": "f", "environment": [{"A": {"secure": "abc"}}, "B=c"]}), true),
        (json!({"function_name": "f", "on": {"branch": ["main", "release/*"], "tags": true, "node": 22}}), true),
        (json!({"function_name": "f", "if": "main", "environment_variables": {"A": 1}}), true),
        (json!({"function_name": "f", "imeout": 10}), false),
        (json!({"function_name": "f", "timeout": "ten"}), false),
        (json!({"function_name": "f", "timeout": 1.5}), false),
        (json!({"function_name": "f", "publish": "perhaps"}), false),
        (json!({"function_name": "f", "on": {"branches": "main"}}), false),
        (json!({"function_name": "f", "environment": ["no pair"]}), false),
        (json!({"function_name": "f", "role": {"secure": "abc"}, "timeout": "$LIMIT", "publish": "${PUBLISH}"}), true),
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
        (json!({"protocol": 2}), false),
        (json!({"env": {"A": 1}}), false),
        (json!({"env": "A=b"}), false),
        (json!({"layers": 7.5, "environment": 7}), false),
    ] {
        assert_eq!(REQUEST.is_valid(&request), valid, "{request}");
    }
}

#[test]
fn every_property_of_a_schema_is_described() {
    for name in ["stanza.json", "request.json"] {
        let schema = committed(name);
        for (key, property) in schema["properties"].as_object().expect("an object's schema") {
            assert!(property["description"].is_string(), "{name}: `{key}` has no description: {property}");
        }
    }
}
