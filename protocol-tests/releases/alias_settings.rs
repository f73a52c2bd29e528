//! Tests the settings of an alias that do not move it: its description, and its asynchronous invocations.

use super::*;

const EVENT_INVOKE: &str = "/2019-09-25/functions/f/event-invoke-config?Qualifier=live";

fn lose_response(fixture: &Fixture, operation: &str) {
    fixture.endpoint.fault(Fault::once(operation, FaultKind::ResetAfter));
}

#[test]
fn the_text_of_a_description_survives_moves_and_rollbacks() {
    let mut fixture = Fixture::live(json!({"alias_description": "The shop"}));
    fixture.deployed("// 2\n");
    assert_eq!(description(&fixture), "The shop (at 2, before: 1)");
    fixture.set(json!({"alias_description": null}));
    fixture.deployed("// 3\n");
    assert_eq!(description(&fixture), "The shop (at 3, before: 2, 1)");
    fixture.set(json!({"alias_description": "Another text"}));
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), fixture.alias("live").as_str()), ("deployed", "2"), "{}", ended.stdout);
    assert_eq!(description(&fixture), "The shop (at 2, before: 1)");
}

#[test]
fn a_description_alone_is_changed_without_moving_the_alias() {
    let mut fixture = Fixture::live(json!({"alias_description": "The shop", "verify": {}}));
    lose_response(&fixture, "UpdateAlias");
    let ended = fixture.deploy_again();
    assert_eq!((ended.outcome(), warnings(&ended)), ("deployed", vec![]), "{}", ended.stdout);
    assert_eq!(ended.steps(), ["update-alias"]);
    assert_eq!(description(&fixture), "The shop (at 1, before: none)");
    for call in fixture.endpoint.calls().iter().filter(|call| call.operation == "UpdateAlias") {
        assert_eq!((call.body.get("FunctionVersion"), call.body.get("RoutingConfig")), (None, None));
    }
    fixture.set(json!({"alias_description": ""}));
    fixture.deployed("// 1\n");
    assert_eq!(description(&fixture), "(at 1, before: none)");
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");
}

#[test]
fn a_lost_response_to_a_removal_is_no_failure() {
    let mut fixture = Fixture::live(json!({"event_invoke_config": {"maximum_retry_attempts": 0}}));
    fixture.deployed("// 2\n");
    assert_eq!(fixture.another_client("GET", EVENT_INVOKE, Value::Null)["MaximumRetryAttempts"], 0);
    fixture.set(json!({"event_invoke_config": {}}));
    lose_response(&fixture, "DeleteFunctionEventInvokeConfig");
    let ended = fixture.deploy_again();
    assert_eq!((ended.outcome(), warnings(&ended)), ("deployed", vec![]), "{}", ended.stdout);
    assert_eq!(ended.steps(), ["delete-function-event-invoke-config"]);
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");
}
