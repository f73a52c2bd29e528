//! Provisioned concurrency, and its effect on an alias that moves to another version.

use std::time::Duration;

use serde_json::{Value, json};

use crate::scenario::{ARN, TestAccount};
use crate::settings::Settings;

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
fn scenario(provision_ms: u64) -> TestAccount {
    let settings =
        Settings { provision_duration: Duration::from_millis(provision_ms), ..Settings::default() };
    let mut scenario = TestAccount::with_versions(settings);
    scenario.done("POST", "/2015-03-31/functions/f/aliases", json!({"Name": "live", "FunctionVersion": "1"}));
    scenario
}

#[test]
fn provisioned_concurrency_is_in_progress_and_then_ready() {
    let mut scenario = scenario(100);
    let (status, _, accepted) = scenario.ask("PUT", &at("live"), provision(5));
    assert_eq!((status, &accepted["Status"]), (202, &json!("IN_PROGRESS")));
    assert_eq!(accepted["AvailableProvisionedConcurrentExecutions"], 0);
    scenario.later(99);
    assert_eq!(scenario.done("GET", &at("live"), Value::Null)["Status"], "IN_PROGRESS");
    scenario.later(1);
    let ready = scenario.done("GET", &at("live"), Value::Null);
    assert_eq!(
        (&ready["Status"], &ready["AvailableProvisionedConcurrentExecutions"]),
        (&json!("READY"), &json!(5))
    );
    for _ in 0..2 {
        assert_eq!(scenario.ask("DELETE", &at("live"), Value::Null).0, 204);
    }
    let text = "No Provisioned Concurrency Config found for this function";
    scenario.refused(
        "GET",
        &at("live"),
        Value::Null,
        (404, "ProvisionedConcurrencyConfigNotFoundException"),
        text,
    );
}

#[test]
fn without_a_duration_the_next_call_finds_it_ready() {
    let mut scenario = scenario(0);
    assert_eq!(scenario.done("PUT", &at("2"), provision(1))["Status"], "IN_PROGRESS");
    assert_eq!(scenario.done("GET", &at("2"), Value::Null)["Status"], "READY");
}

#[test]
fn provisioning_may_be_accepted_and_fail_afterwards() {
    let mut scenario = scenario(0);
    scenario.fail("");
    scenario.done("PUT", &at("live"), provision(1));
    let failed = scenario.done("GET", &at("live"), Value::Null);
    assert_eq!(
        (&failed["Status"], &failed["StatusReason"]),
        (&json!("FAILED"), &json!("because the test wants it"))
    );
}

#[test]
fn what_has_no_provisioned_concurrency_is_refused() {
    let mut scenario = scenario(0);
    let text = "Provisioned Concurrency Configs cannot be applied to unpublished function versions.";
    scenario.refused("PUT", &at("$LATEST"), provision(1), INVALID, text);
    scenario.done(
        "POST",
        "/2015-03-31/functions/f/aliases",
        json!({"Name": "latest", "FunctionVersion": "$LATEST"}),
    );
    scenario.refused("PUT", &at("latest"), provision(1), INVALID, text);
    let text = "The function resource provided must be an alias or a published version.";
    scenario.refused("GET", &at("$LATEST"), Value::Null, INVALID, text);
    scenario.refused("DELETE", &at("$LATEST"), Value::Null, INVALID, text);
    scenario.refused("PUT", &at("no"), provision(1), NOT_FOUND, &format!("Cannot find alias arn: {ARN}:no"));
    scenario.refused("PUT", &at("42"), provision(1), NOT_FOUND, &format!("Function not found: {ARN}:42"));
    let text = "1 validation error detected: Value '0' at 'provisionedConcurrentExecutions' failed to satisfy constraint: Member must have value greater than or equal to 1";
    scenario.refused("PUT", &at("live"), provision(0), (400, "ValidationException"), text);
}

#[test]
fn a_version_and_its_alias_cannot_both_have_it() {
    let mut scenario = scenario(0);
    scenario.done("PUT", &at("live"), provision(1));
    scenario.refused(
        "PUT",
        &at("1"),
        provision(1),
        CONFLICT,
        "Version is pointed by a Provisioned Concurrency alias",
    );
    scenario.done("DELETE", &at("live"), Value::Null);
    scenario.done("PUT", &at("1"), provision(1));
    let text =
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version";
    scenario.refused("PUT", &at("live"), provision(1), CONFLICT, text);
}

#[test]
fn concurrency_must_be_available() {
    let mut scenario = scenario(0);
    let text = "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [1000].";
    scenario.refused("PUT", &at("live"), provision(1001), INVALID, text);
    let text = "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [100].";
    scenario.refused("PUT", &at("live"), provision(901), INVALID, text);
    let reserve = |count: u64| json!({"ReservedConcurrentExecutions": count});
    scenario.done("PUT", "/2017-10-31/functions/f/concurrency", reserve(2));
    let text = "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function";
    scenario.refused("PUT", &at("live"), provision(3), INVALID, text);
    scenario.done("PUT", &at("live"), provision(2));
    let text = " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned concurrency [2].";
    scenario.refused("PUT", "/2017-10-31/functions/f/concurrency", reserve(1), INVALID, text);
}

#[test]
fn an_alias_that_moves_shows_weights_of_its_own_until_its_provisioned_concurrency_has_followed() {
    let mut scenario = scenario(100);
    let with_weights = "Alias with weights can not be used with Provisioned Concurrency";
    scenario.done("PUT", &at("live"), provision(1));
    scenario.later(100);
    scenario.done("PUT", LIVE, json!({"FunctionVersion": "2"}));
    let moving = scenario.done("GET", LIVE, Value::Null);
    assert_eq!(moving["RoutingConfig"], json!({"AdditionalVersionWeights": {"1": 1.0}}));
    assert_eq!(scenario.done("GET", &at("live"), Value::Null)["Status"], "IN_PROGRESS");
    scenario.refused("PUT", &at("live"), provision(2), INVALID, with_weights);
    scenario.later(100);
    assert_eq!(scenario.done("GET", LIVE, Value::Null).get("RoutingConfig"), None);
    assert_eq!(scenario.done("GET", &at("live"), Value::Null)["Status"], "READY");
    scenario.done("PUT", LIVE, json!({"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.1}}}));
    scenario.refused("PUT", &at("live"), provision(2), INVALID, with_weights);
    let moving = scenario.done("PUT", LIVE, json!({"FunctionVersion": "1", "RoutingConfig": {}}));
    assert_eq!(moving["RoutingConfig"], json!({"AdditionalVersionWeights": {"2": 1.0}}));
    scenario.done("DELETE", &at("live"), Value::Null);
    assert_eq!(scenario.done("GET", LIVE, Value::Null).get("RoutingConfig"), None);
}
