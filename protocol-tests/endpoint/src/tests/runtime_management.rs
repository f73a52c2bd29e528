//! Runtime management.

use serde_json::{Value, json};

use crate::scenario::{ARN, TestAccount};

const RUNTIME: &str = "/2021-07-20/functions/f/runtime-management-config";
const VERSIONS: &str = "/2015-03-31/functions/f/versions";
const KEPT: &str = "arn:aws:lambda:us-east-1::runtime:07a48df201798d627f2b950f03bb227a";

#[test]
fn a_version_has_the_mode_with_which_it_was_published() {
    let mut scenario = TestAccount::with_function();
    let expected = json!({"FunctionArn": ARN, "UpdateRuntimeOn": "Auto", "RuntimeVersionArn": null});
    assert_eq!(scenario.done("GET", RUNTIME, Value::Null), expected);
    let revision = scenario.configuration()["RevisionId"].clone();
    let manual = json!({"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": KEPT});
    assert_eq!(scenario.done("PUT", RUNTIME, manual)["RuntimeVersionArn"], KEPT);
    assert_ne!(scenario.configuration()["RevisionId"], revision);
    scenario.done("POST", VERSIONS, json!({}));
    let on_update = json!({"UpdateRuntimeOn": "FunctionUpdate"});
    assert_eq!(scenario.done("PUT", RUNTIME, on_update)["RuntimeVersionArn"], Value::Null);
    assert_eq!(scenario.done("GET", RUNTIME, Value::Null)["UpdateRuntimeOn"], "FunctionUpdate");
    let of_version = scenario.done("GET", &format!("{RUNTIME}?Qualifier=1"), Value::Null);
    assert_eq!(of_version["UpdateRuntimeOn"], "Manual");
    assert_eq!(of_version["RuntimeVersionArn"], KEPT);
}

#[test]
fn another_mode_and_no_runtime_version_are_refused() {
    let mut scenario = TestAccount::with_function();
    let text = "1 validation error detected: Value 'Never' at 'updateRuntimeOn' failed to satisfy constraint: Member must satisfy enum value set: [Auto, Manual, FunctionUpdate]";
    scenario.refused("PUT", RUNTIME, json!({"UpdateRuntimeOn": "Never"}), (400, "ValidationException"), text);
    let text = "RuntimeVersionArn is required when UpdateRuntimeOn is Manual.";
    let invalid = (400, "InvalidParameterValueException");
    scenario.refused("PUT", RUNTIME, json!({"UpdateRuntimeOn": "Manual"}), invalid, text);
}
