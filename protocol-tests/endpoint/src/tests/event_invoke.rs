//! Configurations of asynchronous invocations.

use serde_json::{Value, json};

use crate::scenario::{ARN, TestAccount};

const CONFIG: &str = "/2019-09-25/functions/f/event-invoke-config";
const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:failed";
const INVALID: (u16, &str) = (400, "InvalidParameterValueException");
const NOT_FOUND: (u16, &str) = (404, "ResourceNotFoundException");

fn absent(qualifier: &str) -> String {
    format!("The function {ARN}:{qualifier} doesn't have an EventInvokeConfig")
}

#[test]
fn a_configuration_is_replaced_as_a_whole() {
    let mut scenario = TestAccount::with_function();
    scenario.refused("GET", CONFIG, Value::Null, NOT_FOUND, &absent("$LATEST"));
    let body = json!({"MaximumRetryAttempts": 0, "DestinationConfig": {"OnFailure": {"Destination": QUEUE}}});
    let made = scenario.done("PUT", CONFIG, body);
    assert_eq!(made["FunctionArn"], format!("{ARN}:$LATEST"));
    assert_eq!(made["MaximumRetryAttempts"], 0);
    let destinations = json!({"OnFailure": {"Destination": QUEUE}, "OnSuccess": {}});
    assert_eq!((&made["DestinationConfig"], made.get("MaximumEventAgeInSeconds")), (&destinations, None));
    assert_eq!(scenario.done("GET", CONFIG, Value::Null), made);
    let other = scenario.done("PUT", CONFIG, json!({"MaximumEventAgeInSeconds": 60}));
    assert_eq!((other.get("MaximumRetryAttempts"), &other["MaximumEventAgeInSeconds"]), (None, &json!(60)));
    assert_eq!(other["DestinationConfig"], json!({"OnFailure": {}, "OnSuccess": {}}));
    assert_eq!(scenario.ask("DELETE", CONFIG, Value::Null).0, 204);
    for method in ["GET", "DELETE"] {
        scenario.refused(method, CONFIG, Value::Null, NOT_FOUND, &absent("$LATEST"));
    }
}

#[test]
fn an_alias_has_a_configuration_of_its_own() {
    let mut scenario = TestAccount::with_function();
    let live = &format!("{CONFIG}?Qualifier=live");
    let body = json!({"MaximumRetryAttempts": 1});
    scenario.refused("PUT", live, body.clone(), NOT_FOUND, "The function doesn't exist.");
    let alias = json!({"Name": "live", "FunctionVersion": "$LATEST"});
    scenario.done("POST", "/2015-03-31/functions/f/aliases", alias);
    assert_eq!(scenario.done("PUT", live, body)["FunctionArn"], format!("{ARN}:live"));
    scenario.refused("GET", CONFIG, Value::Null, NOT_FOUND, &absent("$LATEST"));
    scenario.done("DELETE", "/2015-03-31/functions/f/aliases/live", Value::Null);
    scenario.refused("GET", live, Value::Null, NOT_FOUND, &absent("live"));
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused() {
    let mut scenario = TestAccount::with_function();
    let validation = (400, "ValidationException");
    for (body, sentence) in [
        (
            json!({"MaximumRetryAttempts": 3}),
            "Value '3' at 'maximumRetryAttempts' failed to satisfy constraint: Member must have value less than or equal to 2",
        ),
        (
            json!({"MaximumEventAgeInSeconds": 59}),
            "Value '59' at 'maximumEventAgeInSeconds' failed to satisfy constraint: Member must have value greater than or equal to 60",
        ),
        (
            json!({"DestinationConfig": {"OnFailure": {"Destination": "a-queue"}}}),
            r"Value 'a-queue' at 'destinationConfig.onFailure.destination' failed to satisfy constraint: Member must satisfy regular expression pattern: $|kafka://([^.]([a-zA-Z0-9\-_.]{0,248}))|arn:(aws[a-zA-Z0-9-]*):([a-zA-Z0-9\-])+:((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1})?:(\d{12})?:(.*)",
        ),
    ] {
        scenario.refused(
            "PUT",
            CONFIG,
            body,
            validation,
            &format!("1 validation error detected: {sentence}"),
        );
    }
    let text = "You must specify at least one of error handling or destination setting.";
    scenario.refused("PUT", CONFIG, json!({}), INVALID, text);
    let own = json!({"DestinationConfig": {"OnSuccess": {"Destination": ARN}}});
    let text = "You can't specify the function as a destination for itself.";
    scenario.refused("PUT", CONFIG, own, INVALID, text);
}
