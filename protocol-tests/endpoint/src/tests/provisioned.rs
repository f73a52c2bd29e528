//! Provisioned concurrency, and its effect on an alias that moves to another version.

use std::time::Duration;

use serde_json::{Value, json};

use crate::settings::Settings;
use crate::stand::{ARN, Stand, zip_file};

const INVALID: (u16, &str) = (400, "InvalidParameterValueException");
const CONFLICT: (u16, &str) = (409, "ResourceConflictException");
const NOT_FOUND: (u16, &str) = (404, "ResourceNotFoundException");
const LIVE: &str = "/2015-03-31/functions/f/aliases/live";

fn at(qualifier: &str) -> String {
    format!("/2019-09-30/functions/f/provisioned-concurrency?Qualifier={qualifier}")
}

fn provision(count: u64) -> Value {
    json!({"ProvisionedConcurrentExecutions": count})
}

/// `f` with the versions 1 and 2, and `live` at version 1. Provisioning takes `provision_ms`.
fn stand(provision_ms: u64) -> Stand {
    let settings = Settings { provision_duration: Duration::from_millis(provision_ms), ..Settings::default() };
    let mut stand = Stand::of(settings);
    stand.create();
    for code in ["2", "3"] {
        stand.done("PUT", "/2015-03-31/functions/f/code", json!({"ZipFile": zip_file(code), "Publish": true}));
    }
    stand.done("POST", "/2015-03-31/functions/f/aliases", json!({"Name": "live", "FunctionVersion": "1"}));
    stand
}

#[test]
fn provisioned_concurrency_is_in_progress_and_then_ready() {
    let mut stand = stand(100);
    let (status, _, accepted) = stand.ask("PUT", &at("live"), provision(5));
    assert_eq!((status, &accepted["Status"]), (202, &json!("IN_PROGRESS")));
    assert_eq!(accepted["AvailableProvisionedConcurrentExecutions"], 0);
    stand.later(99);
    assert_eq!(stand.done("GET", &at("live"), Value::Null)["Status"], "IN_PROGRESS");
    stand.later(1);
    let ready = stand.done("GET", &at("live"), Value::Null);
    assert_eq!((&ready["Status"], &ready["AvailableProvisionedConcurrentExecutions"]), (&json!("READY"), &json!(5)));
    for _ in 0..2 {
        assert_eq!(stand.ask("DELETE", &at("live"), Value::Null).0, 204);
    }
    let text = "No Provisioned Concurrency Config found for this function";
    stand.refused("GET", &at("live"), Value::Null, (404, "ProvisionedConcurrencyConfigNotFoundException"), text);
}

#[test]
fn without_a_duration_the_next_call_finds_it_ready() {
    let mut stand = stand(0);
    assert_eq!(stand.done("PUT", &at("2"), provision(1))["Status"], "IN_PROGRESS");
    assert_eq!(stand.done("GET", &at("2"), Value::Null)["Status"], "READY");
}

#[test]
fn provisioning_may_be_accepted_and_fail_afterwards() {
    let mut stand = stand(0);
    stand.fail("");
    stand.done("PUT", &at("live"), provision(1));
    let failed = stand.done("GET", &at("live"), Value::Null);
    assert_eq!((&failed["Status"], &failed["StatusReason"]), (&json!("FAILED"), &json!("because the test wants it")));
}

#[test]
fn what_has_no_provisioned_concurrency_is_refused() {
    let mut stand = stand(0);
    let text = "Provisioned Concurrency Configs cannot be applied to unpublished function versions.";
    stand.refused("PUT", &at("$LATEST"), provision(1), INVALID, text);
    stand.done("POST", "/2015-03-31/functions/f/aliases", json!({"Name": "latest", "FunctionVersion": "$LATEST"}));
    stand.refused("PUT", &at("latest"), provision(1), INVALID, text);
    let text = "The function resource provided must be an alias or a published version.";
    stand.refused("GET", &at("$LATEST"), Value::Null, INVALID, text);
    stand.refused("DELETE", &at("$LATEST"), Value::Null, INVALID, text);
    stand.refused("PUT", &at("no"), provision(1), NOT_FOUND, &format!("Cannot find alias arn: {ARN}:no"));
    stand.refused("PUT", &at("42"), provision(1), NOT_FOUND, &format!("Function not found: {ARN}:42"));
    let text = "1 validation error detected: Value '0' at 'provisionedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 1";
    stand.refused("PUT", &at("live"), provision(0), (400, "ValidationException"), text);
}

#[test]
fn a_version_and_its_alias_cannot_both_have_it() {
    let mut stand = stand(0);
    stand.done("PUT", &at("live"), provision(1));
    stand.refused("PUT", &at("1"), provision(1), CONFLICT, "Version is pointed by a Provisioned Concurrency alias");
    stand.done("DELETE", &at("live"), Value::Null);
    stand.done("PUT", &at("1"), provision(1));
    let text = "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version";
    stand.refused("PUT", &at("live"), provision(1), CONFLICT, text);
}

#[test]
fn there_must_be_room() {
    let mut stand = stand(0);
    let text = "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000].";
    stand.refused("PUT", &at("live"), provision(1001), INVALID, text);
    let text = "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].";
    stand.refused("PUT", &at("live"), provision(901), INVALID, text);
    let reserve = |count: u64| json!({"ReservedConcurrentExecutions": count});
    stand.done("PUT", "/2017-10-31/functions/f/concurrency", reserve(2));
    let text =
        "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function";
    stand.refused("PUT", &at("live"), provision(3), INVALID, text);
    stand.done("PUT", &at("live"), provision(2));
    let text =
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2].";
    stand.refused("PUT", "/2017-10-31/functions/f/concurrency", reserve(1), INVALID, text);
}

#[test]
fn an_alias_that_moves_shows_weights_of_its_own_until_its_provisioned_concurrency_has_followed() {
    let mut stand = stand(100);
    let with_weights = "Alias with weights can not be used with Provisioned Concurrency";
    stand.done("PUT", &at("live"), provision(1));
    stand.later(100);
    stand.done("PUT", LIVE, json!({"FunctionVersion": "2"}));
    let moving = stand.done("GET", LIVE, Value::Null);
    assert_eq!(moving["RoutingConfig"], json!({"AdditionalVersionWeights": {"1": 1.0}}));
    assert_eq!(stand.done("GET", &at("live"), Value::Null)["Status"], "IN_PROGRESS");
    stand.refused("PUT", &at("live"), provision(2), INVALID, with_weights);
    stand.later(100);
    assert_eq!(stand.done("GET", LIVE, Value::Null).get("RoutingConfig"), None);
    assert_eq!(stand.done("GET", &at("live"), Value::Null)["Status"], "READY");
    stand.done("PUT", LIVE, json!({"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.1}}}));
    stand.refused("PUT", &at("live"), provision(2), INVALID, with_weights);
}
