//! Aliases and their weights.

use serde_json::{Value, json};

use crate::function::Phase;
use crate::scenario::{ARN, TestAccount};
use crate::settings::Settings;

const ALIASES: &str = "/2015-03-31/functions/f/aliases";
const LIVE: &str = "/2015-03-31/functions/f/aliases/live";
const INVALID: (u16, &str) = (400, "InvalidParameterValueException");
const NOT_FOUND: (u16, &str) = (404, "ResourceNotFoundException");

/// `f` with the versions 1 and 2, and `live` at version 1.
fn scenario() -> TestAccount {
    let mut scenario = TestAccount::with_versions(Settings::default());
    scenario.done("POST", ALIASES, json!({"Name": "live", "FunctionVersion": "1"}));
    scenario
}

#[test]
fn an_alias_leads_to_its_version() {
    let mut scenario = scenario();
    let found = scenario.done("GET", "/2015-03-31/functions/f/configuration?Qualifier=live", Value::Null);
    assert_eq!(found["Version"], "1");
    assert_eq!(found["FunctionArn"], format!("{ARN}:live"));
    let alias = scenario.done("GET", LIVE, Value::Null);
    assert_eq!(alias["AliasArn"], format!("{ARN}:live"));
    assert_eq!(alias.get("RoutingConfig"), None);
}

#[test]
fn an_update_without_routing_keeps_the_old_weights_and_an_empty_one_clears_them() {
    let mut scenario = scenario();
    let weights = json!({"AdditionalVersionWeights": {"2": 0.1}});
    scenario.done("PUT", LIVE, json!({"RoutingConfig": weights}));
    let kept = scenario.done("PUT", LIVE, json!({"Description": "d"}));
    assert_eq!((&kept["RoutingConfig"], &kept["FunctionVersion"]), (&weights, &json!("1")));
    let cleared = scenario.done(
        "PUT",
        LIVE,
        json!({"FunctionVersion": "2", "RoutingConfig": {"AdditionalVersionWeights": {}}}),
    );
    assert_eq!((cleared.get("RoutingConfig"), &cleared["FunctionVersion"]), (None, &json!("2")));
}

#[test]
fn an_alias_that_is_there_or_is_not_there_is_refused() {
    let mut scenario = scenario();
    let body = json!({"Name": "live", "FunctionVersion": "1"});
    scenario.refused(
        "POST",
        ALIASES,
        body,
        (409, "ResourceConflictException"),
        &format!("Alias already exists: {ARN}:live"),
    );
    scenario.refused(
        "GET",
        &format!("{ALIASES}/other"),
        Value::Null,
        NOT_FOUND,
        &format!("Cannot find alias arn: {ARN}:other"),
    );
    scenario.refused(
        "PUT",
        &format!("{ALIASES}/other"),
        json!({}),
        NOT_FOUND,
        &format!("Alias not found: {ARN}:other"),
    );
    let numeric = "1 validation error detected: Value '2024' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)";
    scenario.refused(
        "POST",
        ALIASES,
        json!({"Name": "2024", "FunctionVersion": "1"}),
        (400, "ValidationException"),
        numeric,
    );
}

#[test]
fn weights_that_make_no_sense_are_refused() {
    let mut scenario = scenario();
    let weights = |weights: Value| json!({"RoutingConfig": {"AdditionalVersionWeights": weights}});
    scenario.refused(
        "PUT",
        LIVE,
        weights(json!({"1": 0.1})),
        INVALID,
        "Invalid function version 1. Function version 1 is already included in routing configuration.",
    );
    scenario.refused(
        "PUT",
        LIVE,
        weights(json!({"2": 0.1, "3": 0.1})),
        INVALID,
        "Number of items in AdditionalVersionWeights cannot be greater than 1",
    );
    scenario.refused(
        "PUT",
        LIVE,
        weights(json!({"42": 0.1})),
        NOT_FOUND,
        &format!("Function not found: {ARN}:42"),
    );
    let mut latest = weights(json!({"2": 0.1}));
    latest["FunctionVersion"] = json!("$LATEST");
    scenario.refused(
        "PUT",
        LIVE,
        latest,
        INVALID,
        "$LATEST is not supported for an alias pointing to more than 1 version",
    );
}

#[test]
fn no_alias_is_led_to_a_version_that_is_not_ready() {
    let mut scenario = scenario();
    for state in ["Pending", "Failed"] {
        let function = scenario.account().functions.get_mut("f").unwrap();
        function.published.get_mut(&2).unwrap().phase = Phase::Fixed { state: state.to_owned() };
        let text = format!(
            "The operation cannot be performed at this time. The function is currently in the following state: {state}"
        );
        let version = json!({"FunctionVersion": "2"});
        scenario.refused("PUT", LIVE, version, (409, "ResourceConflictException"), &text);
    }
}

#[test]
fn an_alias_has_a_revision_id_of_its_own() {
    let mut scenario = scenario();
    let function = scenario.configuration()["RevisionId"].clone();
    let old = scenario.done("GET", LIVE, Value::Null)["RevisionId"].clone();
    scenario.done("PUT", LIVE, json!({"FunctionVersion": "2", "RevisionId": old}));
    scenario.refused("PUT", LIVE, json!({"FunctionVersion": "1", "RevisionId": old}), (412, "PreconditionFailedException"),
        "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id");
    assert_eq!(scenario.configuration()["RevisionId"], function);
}

#[test]
fn aliases_are_listed_by_version_and_deleted_twice_without_complaint() {
    let mut scenario = scenario();
    scenario.done("POST", ALIASES, json!({"Name": "next", "FunctionVersion": "2"}));
    let listed = scenario.done("GET", &format!("{ALIASES}?FunctionVersion=2"), Value::Null);
    assert_eq!(listed["Aliases"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["Aliases"][0]["Name"], "next");
    for _ in 0..2 {
        assert_eq!(scenario.ask("DELETE", LIVE, Value::Null).0, 204);
    }
}
