//! Pending, InProgress, Failed, and the RevisionId that changes with them.

use serde_json::{Value, json};

use crate::stand::{ARN, Stand, zip_file};

const CONFIGURATION: &str = "/2015-03-31/functions/f/configuration";
const CODE: &str = "/2015-03-31/functions/f/code";
const VERSIONS: &str = "/2015-03-31/functions/f/versions";
const CONFLICT: (u16, &str) = (409, "ResourceConflictException");

#[test]
fn a_new_function_is_pending_and_becomes_active_by_itself() {
    let mut stand = Stand::new(100, 0);
    let created = stand.create();
    assert_eq!(created["State"], "Pending");
    assert_eq!(created["StateReasonCode"], "Creating");
    stand.later(99);
    assert_eq!(stand.configuration()["RevisionId"], created["RevisionId"]);
    stand.later(1);
    let active = stand.configuration();
    assert_eq!((&active["State"], &active["LastUpdateStatus"]), (&json!("Active"), &json!("Successful")));
    assert_ne!(active["RevisionId"], created["RevisionId"]);
}

#[test]
fn a_pending_function_cannot_be_changed() {
    let mut stand = Stand::new(100, 0);
    stand.create();
    let text =
        "The operation cannot be performed at this time. The function is currently in the following state: Pending";
    stand.refused("PUT", CONFIGURATION, json!({"Timeout": 5}), CONFLICT, text);
    stand.refused("PUT", CODE, json!({"ZipFile": zip_file("2")}), CONFLICT, text);
    stand.refused("POST", VERSIONS, json!({}), CONFLICT, text);
}

#[test]
fn a_function_cannot_be_changed_while_an_update_is_in_progress() {
    let mut stand = Stand::new(0, 100);
    stand.create();
    let updating = stand.done("PUT", CONFIGURATION, json!({"Timeout": 5}));
    assert_eq!(updating["LastUpdateStatus"], "InProgress");
    assert_eq!(updating["Timeout"], 5);
    let text = format!("The operation cannot be performed at this time. An update is in progress for resource: {ARN}");
    stand.refused("PUT", CONFIGURATION, json!({"Timeout": 6}), CONFLICT, &text);
    stand.refused("PUT", CODE, json!({"ZipFile": zip_file("2")}), CONFLICT, &text);
    stand.refused("POST", VERSIONS, json!({}), CONFLICT, &text);
    assert_eq!(stand.configuration()["Timeout"], 5);
    stand.later(100);
    stand.done("PUT", CODE, json!({"ZipFile": zip_file("2")}));
}

#[test]
fn the_revision_id_changes_with_an_update_and_once_more_when_the_update_ends() {
    let mut stand = Stand::new(0, 100);
    let before = stand.create()["RevisionId"].clone();
    let during = stand.done("PUT", CONFIGURATION, json!({"Timeout": 5}))["RevisionId"].clone();
    stand.later(100);
    let after = stand.configuration();
    assert_eq!(after["LastUpdateStatus"], "Successful");
    assert!(before != during && during != after["RevisionId"]);
    assert_eq!(stand.configuration()["RevisionId"], after["RevisionId"]);
}

#[test]
fn a_revision_id_of_before_the_update_is_refused() {
    let mut stand = Stand::new(0, 100);
    let old = stand.create()["RevisionId"].clone();
    stand.done("PUT", CONFIGURATION, json!({"Timeout": 5, "RevisionId": old}));
    stand.later(100);
    let text = "The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id";
    let failed = (412, "PreconditionFailedException");
    for (method, target, mut body) in [
        ("PUT", CONFIGURATION, json!({"Timeout": 6})),
        ("PUT", CODE, json!({"ZipFile": zip_file("2")})),
        ("POST", VERSIONS, json!({})),
    ] {
        body["RevisionId"] = old.clone();
        stand.refused(method, target, body, failed, text);
    }
}

#[test]
fn without_a_duration_the_answer_says_successful() {
    let mut stand = Stand::with_function();
    assert_eq!(stand.configuration()["State"], "Active");
    let updated = stand.done("PUT", CONFIGURATION, json!({"Timeout": 5}));
    assert_eq!(updated["LastUpdateStatus"], "Successful");
    assert_eq!(stand.configuration()["RevisionId"], updated["RevisionId"]);
}

#[test]
fn an_update_may_be_accepted_and_fail_afterwards() {
    let mut stand = Stand::with_function();
    stand.fail("InvalidImage");
    let accepted = stand.done("PUT", CONFIGURATION, json!({"Timeout": 5}));
    assert_eq!(accepted["LastUpdateStatus"], "InProgress");
    let failed = stand.configuration();
    assert_eq!(failed["LastUpdateStatus"], "Failed");
    assert_eq!(failed["LastUpdateStatusReasonCode"], "InvalidImage");
    assert_eq!(failed["State"], "Active");
}

#[test]
fn a_creation_may_be_accepted_and_fail_afterwards() {
    let mut stand = Stand::new(100, 0);
    stand.fail("InvalidSubnet");
    assert_eq!(stand.create()["State"], "Pending");
    stand.later(100);
    let failed = stand.configuration();
    assert_eq!((&failed["State"], &failed["StateReasonCode"]), (&json!("Failed"), &json!("InvalidSubnet")));
    assert_eq!(failed["LastUpdateStatus"], Value::Null);
}

#[test]
fn a_version_with_snap_start_is_pending_for_a_while() {
    let mut stand = Stand::new(100, 0);
    stand.create();
    stand.later(100);
    let plain = stand.done("POST", VERSIONS, json!({}));
    assert_eq!(plain["State"], "Active");
    stand.done("PUT", CONFIGURATION, json!({"SnapStart": {"ApplyOn": "PublishedVersions"}}));
    let snapped = stand.done("POST", VERSIONS, json!({}));
    assert_eq!(snapped["State"], "Pending");
    assert_eq!(snapped["SnapStart"], json!({"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}));
    stand.later(100);
    let target = "/2015-03-31/functions/f/configuration?Qualifier=2";
    assert_eq!(stand.done("GET", target, Value::Null)["State"], "Active");
}
