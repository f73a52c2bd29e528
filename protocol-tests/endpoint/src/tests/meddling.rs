//! Request quotas, and concurrent changes by another client.

use serde_json::{Value, json};

use crate::fault::Meddling;
use crate::settings::Settings;
use crate::stand::{ARN, Stand};

const FUNCTION: &str = "/2015-03-31/functions/f";
const CONFIGURATION: &str = "/2015-03-31/functions/f/configuration";

fn limited(settings: Value) -> Stand {
    let mut stand = Stand::of(Settings::from_json(&settings).unwrap());
    stand.create();
    stand
}

#[track_caller]
fn statuses(stand: &mut Stand, method: &str, target: &str, expected: &[u16]) {
    let found: Vec<u16> = expected.iter().map(|_| stand.ask(method, target, json!({})).0).collect();
    assert_eq!(found, expected, "{method} {target}");
}

#[test]
fn all_calls_but_get_function_share_a_rate() {
    let mut stand = limited(json!({"calls_per_second": 3}));
    statuses(&mut stand, "GET", CONFIGURATION, &[200, 200, 429]);
    statuses(&mut stand, "PUT", CONFIGURATION, &[429]);
    statuses(&mut stand, "GET", FUNCTION, &[200; 20]);
    statuses(&mut stand, "POST", "/2015-03-31/functions/f/invocations", &[200; 20]);
    let exceeded = (429, "TooManyRequestsException");
    stand.refused("GET", CONFIGURATION, Value::Null, exceeded, "Rate Exceeded.");
    assert_eq!(stand.ask("GET", CONFIGURATION, Value::Null).2["Type"], "User");
    stand.later(334);
    statuses(&mut stand, "GET", CONFIGURATION, &[200, 429]);
    stand.later(10_000);
    statuses(&mut stand, "GET", CONFIGURATION, &[200, 200, 200, 429]);
}

#[test]
fn get_function_has_a_rate_of_its_own() {
    let mut stand = limited(json!({"get_function_per_second": 2}));
    statuses(&mut stand, "GET", FUNCTION, &[200, 200, 429]);
    statuses(&mut stand, "GET", CONFIGURATION, &[200; 20]);
    stand.later(500);
    statuses(&mut stand, "GET", FUNCTION, &[200, 429]);
}

#[test]
fn somebody_elses_update_is_in_progress() {
    let mut stand = Stand::with_function();
    stand.meddle(Some(Meddling::Update));
    let text = format!("The operation cannot be performed at this time. An update is in progress for resource: {ARN}");
    stand.refused("PUT", CONFIGURATION, json!({"Timeout": 5}), (409, "ResourceConflictException"), &text);
    stand.meddle(None);
    assert_eq!(stand.configuration()["Timeout"], 3);
}

#[test]
fn somebody_else_deletes_the_function() {
    let mut stand = Stand::with_function();
    stand.meddle(Some(Meddling::Delete));
    let text = format!("Function not found: {ARN}");
    stand.refused("PUT", CONFIGURATION, json!({"Timeout": 5}), (404, "ResourceNotFoundException"), &text);
}

#[test]
fn somebody_else_changes_the_function() {
    let mut stand = Stand::with_function();
    let before = stand.configuration()["RevisionId"].clone();
    stand.meddle(Some(Meddling::Touch));
    let stale = json!({"Timeout": 5, "RevisionId": before});
    let text = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id";
    stand.refused("PUT", CONFIGURATION, stale, (412, "PreconditionFailedException"), text);
    stand.meddle(None);
    assert_eq!(stand.configuration()["Description"], "changed by another client");
}
