//! Request quotas, and concurrent changes by another client.

use serde_json::{Value, json};

use crate::fault::ConcurrentChange;
use crate::scenario::{ARN, TestAccount};
use crate::settings::Settings;

const FUNCTION: &str = "/2015-03-31/functions/f";
const CONFIGURATION: &str = "/2015-03-31/functions/f/configuration";

fn limited(settings: Value) -> TestAccount {
    let mut scenario = TestAccount::of(Settings::from_json(&settings).unwrap());
    scenario.create();
    scenario
}

#[track_caller]
fn statuses(scenario: &mut TestAccount, method: &str, target: &str, expected: &[u16]) {
    let found: Vec<u16> = expected.iter().map(|_| scenario.ask(method, target, json!({})).0).collect();
    assert_eq!(found, expected, "{method} {target}");
}

#[test]
fn all_calls_but_get_function_share_a_rate() {
    let mut scenario = limited(json!({"calls_per_second": 3}));
    statuses(&mut scenario, "GET", CONFIGURATION, &[200, 200, 429]);
    statuses(&mut scenario, "PUT", CONFIGURATION, &[429]);
    statuses(&mut scenario, "GET", FUNCTION, &[200; 20]);
    statuses(&mut scenario, "POST", "/2015-03-31/functions/f/invocations", &[200; 20]);
    let exceeded = (429, "TooManyRequestsException");
    scenario.refused("GET", CONFIGURATION, Value::Null, exceeded, "Rate Exceeded.");
    assert_eq!(scenario.ask("GET", CONFIGURATION, Value::Null).2["Type"], "User");
    scenario.later(334);
    statuses(&mut scenario, "GET", CONFIGURATION, &[200, 429]);
    scenario.later(10_000);
    statuses(&mut scenario, "GET", CONFIGURATION, &[200, 200, 200, 429]);
}

#[test]
fn get_function_has_a_rate_of_its_own() {
    let mut scenario = limited(json!({"get_function_per_second": 2}));
    statuses(&mut scenario, "GET", FUNCTION, &[200, 200, 429]);
    statuses(&mut scenario, "GET", CONFIGURATION, &[200; 20]);
    scenario.later(500);
    statuses(&mut scenario, "GET", FUNCTION, &[200, 429]);
}

#[test]
fn an_update_of_another_client_is_in_progress() {
    let mut scenario = TestAccount::with_function();
    scenario.mutate(Some(ConcurrentChange::Update));
    let text = format!(
        "The operation cannot be performed at this time. An update is in progress for resource: {ARN}"
    );
    scenario.refused("PUT", CONFIGURATION, json!({"Timeout": 5}), (409, "ResourceConflictException"), &text);
    scenario.mutate(None);
    assert_eq!(scenario.configuration()["Timeout"], 3);
}

#[test]
fn another_client_deletes_the_function() {
    let mut scenario = TestAccount::with_function();
    scenario.mutate(Some(ConcurrentChange::Delete));
    let text = format!("Function not found: {ARN}");
    scenario.refused("PUT", CONFIGURATION, json!({"Timeout": 5}), (404, "ResourceNotFoundException"), &text);
}

#[test]
fn another_client_changes_the_function() {
    let mut scenario = TestAccount::with_function();
    let before = scenario.configuration()["RevisionId"].clone();
    scenario.mutate(Some(ConcurrentChange::Touch));
    let stale = json!({"Timeout": 5, "RevisionId": before});
    let text = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id";
    scenario.refused("PUT", CONFIGURATION, stale, (412, "PreconditionFailedException"), text);
    scenario.mutate(None);
    assert_eq!(scenario.configuration()["Description"], "changed by another client");
}
