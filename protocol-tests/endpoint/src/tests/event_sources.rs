//! Event source mappings.

use serde_json::{Value, json};

use crate::scenario::TestAccount;

const MAPPINGS: &str = "/2015-03-31/event-source-mappings";

#[test]
fn a_mapping_moves_to_an_alias_and_is_updating_meanwhile() {
    let mut scenario = TestAccount::with_function();
    scenario.done("POST", "/2015-03-31/functions/f/versions", json!({}));
    let live = json!({"Name": "live", "FunctionVersion": "1"});
    scenario.done("POST", "/2015-03-31/functions/f/aliases", live);
    let queue = "arn:aws:sqs:us-east-1:123456789012:orders";
    let mapping = json!({"FunctionName": "f", "EventSourceArn": queue});
    let created = scenario.done("POST", MAPPINGS, mapping);
    assert_eq!(
        (&created["State"], &created["FunctionArn"]),
        (&json!("Enabled"), &json!(crate::scenario::ARN))
    );
    let of = |scenario: &mut TestAccount, name: &str| {
        let listed = scenario.done("GET", &format!("{MAPPINGS}?FunctionName={name}"), Value::Null);
        listed["EventSourceMappings"].as_array().map_or(0, Vec::len)
    };
    assert_eq!((of(&mut scenario, "f"), of(&mut scenario, "f%3Alive")), (1, 0));
    let one = format!("{MAPPINGS}/{}", created["UUID"].as_str().expect("an id"));
    let (status, _, moved) = scenario.ask("PUT", &one, json!({"FunctionName": "f:live"}));
    assert_eq!((status, &moved["State"]), (202, &json!("Updating")));
    scenario.later(1);
    let settled = scenario.done("GET", &one, Value::Null);
    assert_eq!(settled["FunctionArn"], format!("{}:live", crate::scenario::ARN));
    assert_eq!(settled["State"], "Enabled");
    assert_eq!((of(&mut scenario, "f"), of(&mut scenario, "f%3Alive")), (0, 1));
}

#[test]
fn a_mapping_that_does_not_exist_is_refused() {
    TestAccount::with_function().refused(
        "GET",
        &format!("{MAPPINGS}/0"),
        Value::Null,
        (404, "ResourceNotFoundException"),
        "The resource you requested does not exist.",
    );
}
