//! Pending, InProgress and Failed, and the RevisionId that changes with them.

use serde_json::{Value, json};

use crate::scenario::{ARN, TestAccount, zip_file};

const CONFIGURATION: &str = "/2015-03-31/functions/f/configuration";
const CODE: &str = "/2015-03-31/functions/f/code";
const VERSIONS: &str = "/2015-03-31/functions/f/versions";
const ALIASES: &str = "/2015-03-31/functions/f/aliases";
const CONFLICT: (u16, &str) = (409, "ResourceConflictException");

#[test]
fn a_new_function_is_pending_and_becomes_active_by_itself() {
    let mut scenario = TestAccount::new(100, 0);
    let created = scenario.create();
    assert_eq!(created["State"], "Pending");
    assert_eq!(created["StateReasonCode"], "Creating");
    scenario.later(99);
    assert_eq!(scenario.configuration()["RevisionId"], created["RevisionId"]);
    scenario.later(1);
    let active = scenario.configuration();
    assert_eq!((&active["State"], &active["LastUpdateStatus"]), (&json!("Active"), &json!("Successful")));
    assert_ne!(active["RevisionId"], created["RevisionId"]);
}

#[test]
fn a_pending_function_cannot_be_changed() {
    let mut scenario = TestAccount::new(100, 0);
    scenario.create();
    let text = "The operation cannot be performed at this time. The function is currently in the following state: Pending";
    scenario.refused("PUT", CONFIGURATION, json!({"Timeout": 5}), CONFLICT, text);
    scenario.refused("PUT", CODE, json!({"ZipFile": zip_file("2")}), CONFLICT, text);
    scenario.refused("POST", VERSIONS, json!({}), CONFLICT, text);
}

#[test]
fn a_function_cannot_be_changed_while_an_update_is_in_progress() {
    let mut scenario = TestAccount::new(0, 100);
    scenario.create();
    let updating = scenario.done("PUT", CONFIGURATION, json!({"Timeout": 5}));
    assert_eq!(updating["LastUpdateStatus"], "InProgress");
    assert_eq!(updating["Timeout"], 5);
    let text = format!(
        "The operation cannot be performed at this time. An update is in progress for resource: {ARN}"
    );
    scenario.refused("PUT", CONFIGURATION, json!({"Timeout": 6}), CONFLICT, &text);
    scenario.refused("PUT", CODE, json!({"ZipFile": zip_file("2")}), CONFLICT, &text);
    scenario.refused("POST", VERSIONS, json!({}), CONFLICT, &text);
    assert_eq!(scenario.configuration()["Timeout"], 5);
    scenario.later(100);
    scenario.done("PUT", CODE, json!({"ZipFile": zip_file("2")}));
}

#[test]
fn the_revision_id_changes_with_an_update_and_once_more_when_the_update_ends() {
    let mut scenario = TestAccount::new(0, 100);
    let before = scenario.create()["RevisionId"].clone();
    let during = scenario.done("PUT", CONFIGURATION, json!({"Timeout": 5}))["RevisionId"].clone();
    scenario.later(100);
    let after = scenario.configuration();
    assert_eq!(after["LastUpdateStatus"], "Successful");
    assert!(before != during && during != after["RevisionId"]);
    assert_eq!(scenario.configuration()["RevisionId"], after["RevisionId"]);
}

#[test]
fn a_revision_id_of_before_the_update_is_refused() {
    let mut scenario = TestAccount::new(0, 100);
    let old = scenario.create()["RevisionId"].clone();
    scenario.done("PUT", CONFIGURATION, json!({"Timeout": 5, "RevisionId": old}));
    scenario.later(100);
    let text = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id";
    let failed = (412, "PreconditionFailedException");
    for (method, target, mut body) in [
        ("PUT", CONFIGURATION, json!({"Timeout": 6})),
        ("PUT", CODE, json!({"ZipFile": zip_file("2")})),
        ("POST", VERSIONS, json!({})),
    ] {
        body["RevisionId"] = old.clone();
        scenario.refused(method, target, body, failed, text);
    }
}

#[test]
fn without_a_duration_the_answer_says_successful() {
    let mut scenario = TestAccount::with_function();
    assert_eq!(scenario.configuration()["State"], "Active");
    let updated = scenario.done("PUT", CONFIGURATION, json!({"Timeout": 5}));
    assert_eq!(updated["LastUpdateStatus"], "Successful");
    assert_eq!(scenario.configuration()["RevisionId"], updated["RevisionId"]);
}

#[test]
fn an_update_may_be_accepted_and_fail_afterwards() {
    let mut scenario = TestAccount::with_function();
    scenario.fail("InvalidImage");
    let accepted = scenario.done("PUT", CONFIGURATION, json!({"Timeout": 5}));
    assert_eq!(accepted["LastUpdateStatus"], "InProgress");
    let failed = scenario.configuration();
    assert_eq!(failed["LastUpdateStatus"], "Failed");
    assert_eq!(failed["LastUpdateStatusReasonCode"], "InvalidImage");
    assert_eq!(failed["State"], "Active");
}

#[test]
fn a_creation_may_be_accepted_and_fail_afterwards() {
    let mut scenario = TestAccount::new(100, 0);
    scenario.fail("InvalidSubnet");
    assert_eq!(scenario.create()["State"], "Pending");
    scenario.later(100);
    let failed = scenario.configuration();
    assert_eq!((&failed["State"], &failed["StateReasonCode"]), (&json!("Failed"), &json!("InvalidSubnet")));
    assert_eq!(failed["LastUpdateStatus"], Value::Null);
}

#[test]
fn a_version_with_snap_start_is_pending_for_a_while() {
    let mut scenario = TestAccount::new(100, 0);
    scenario.create();
    scenario.later(100);
    let plain = scenario.done("POST", VERSIONS, json!({}));
    assert_eq!(plain["State"], "Active");
    scenario.done("PUT", CONFIGURATION, json!({"SnapStart": {"ApplyOn": "PublishedVersions"}}));
    let snapped = scenario.done("POST", VERSIONS, json!({}));
    assert_eq!(snapped["State"], "Pending");
    assert_eq!(snapped["SnapStart"], json!({"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}));
    scenario.later(100);
    let target = "/2015-03-31/functions/f/configuration?Qualifier=2";
    assert_eq!(scenario.done("GET", target, Value::Null)["State"], "Active");
}

#[test]
fn a_list_of_versions_contains_no_state() {
    let mut scenario = TestAccount::with_function();
    scenario.done("POST", VERSIONS, json!({}));
    let listed = scenario.done("GET", VERSIONS, Value::Null);
    for version in listed["Versions"].as_array().unwrap() {
        for key in ["State", "LastUpdateStatus", "RuntimeVersionConfig"] {
            assert_eq!(version.get(key), None, "{version}");
        }
        assert_eq!(version["Runtime"], "nodejs22.x");
    }
}

#[test]
fn a_version_may_fail_and_no_alias_is_led_to_it_before_it_is_ready() {
    let mut scenario = TestAccount::new(100, 0);
    scenario.create();
    scenario.later(100);
    scenario.done("POST", VERSIONS, json!({}));
    scenario.done("POST", ALIASES, json!({"Name": "live", "FunctionVersion": "1"}));
    scenario.done("PUT", CONFIGURATION, json!({"Timeout": 5}));
    scenario.fail("FunctionError");
    assert_eq!(scenario.done("POST", VERSIONS, json!({}))["State"], "Pending");
    let weights = json!({"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1}}});
    let state = |state: &str| {
        format!(
            "The operation cannot be performed at this time. The function is currently in the following state: {state}"
        )
    };
    let live = format!("{ALIASES}/live");
    for reported in ["Pending", "Failed"] {
        scenario.refused("PUT", &live, json!({"FunctionVersion": "2"}), CONFLICT, &state(reported));
        scenario.refused("PUT", &live, weights.clone(), CONFLICT, &state(reported));
        scenario.refused(
            "POST",
            ALIASES,
            json!({"Name": "new", "FunctionVersion": "2"}),
            CONFLICT,
            &state(reported),
        );
        scenario.later(100);
    }
    let failed = scenario.done("GET", "/2015-03-31/functions/f/configuration?Qualifier=2", Value::Null);
    assert_eq!((&failed["State"], &failed["StateReasonCode"]), (&json!("Failed"), &json!("FunctionError")));
}

#[test]
fn an_idle_function_refuses_its_first_calls_and_wakes() {
    let mut scenario = TestAccount::with_function();
    let wakes_in = std::time::Duration::from_millis(100);
    scenario.account().functions.get_mut("f").unwrap().latest.phase =
        crate::function::Phase::Idle { wakes_in };
    assert_eq!(scenario.configuration()["State"], "Inactive");
    let invoke = "/2015-03-31/functions/f/invocations";
    let text = "Lambda is initializing your function. It will be ready to invoke shortly.";
    let pending = (409, "CodeArtifactUserPendingException");
    scenario.refused("POST", invoke, Value::Null, pending, text);
    scenario.later(99);
    scenario.refused("POST", invoke, Value::Null, pending, text);
    scenario.later(1);
    scenario.done("POST", invoke, Value::Null);
}
