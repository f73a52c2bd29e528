//! Publishing, listing and deleting versions.

use serde_json::{Value, json};

use crate::scenario::{ARN, TestAccount, create_request, zip_file};

const VERSIONS: &str = "/2015-03-31/functions/f/versions";
const CODE: &str = "/2015-03-31/functions/f/code";

fn publish(scenario: &mut TestAccount, body: Value) -> Value {
    scenario.done("POST", VERSIONS, body)
}

#[test]
fn a_version_keeps_what_latest_was() {
    let mut scenario = TestAccount::with_function();
    let first = publish(&mut scenario, json!({"Description": "one"}));
    assert_eq!((&first["Version"], &first["Description"]), (&json!("1"), &json!("one")));
    assert_eq!(first["FunctionArn"], format!("{ARN}:1"));
    scenario.done("PUT", CODE, json!({"ZipFile": zip_file("2")}));
    assert_eq!(publish(&mut scenario, json!({}))["Version"], "2");
    let kept = scenario.done("GET", "/2015-03-31/functions/f/configuration?Qualifier=1", Value::Null);
    assert_eq!(kept["CodeSha256"], first["CodeSha256"]);
}

#[test]
fn what_did_not_change_is_not_published_again() {
    let mut scenario = TestAccount::with_function();
    let first = publish(&mut scenario, json!({"Description": "one"}));
    assert_eq!(publish(&mut scenario, json!({"Description": "two"})), first);
}

#[test]
fn publishing_changes_the_revision_id_of_latest() {
    let mut scenario = TestAccount::with_function();
    let before = scenario.configuration()["RevisionId"].clone();
    publish(&mut scenario, json!({}));
    assert_ne!(scenario.configuration()["RevisionId"], before);
}

#[test]
fn code_that_is_not_latest_is_not_published() {
    let mut scenario = TestAccount::with_function();
    let current = scenario.configuration()["CodeSha256"].clone();
    publish(&mut scenario, json!({"CodeSha256": current}));
    let current = current.as_str().unwrap();
    let text = format!(
        "CodeSHA256 (other) is different from current CodeSHA256 in $LATEST ({current}). Please try again with the CodeSHA256 in $LATEST."
    );
    let body = json!({"CodeSha256": "other"});
    scenario.refused("POST", VERSIONS, body, (400, "InvalidParameterValueException"), &text);
}

#[test]
fn creation_and_new_code_may_publish_at_once() {
    let mut scenario = TestAccount::new(0, 0);
    let mut request = create_request();
    request["Publish"] = json!(true);
    assert_eq!(scenario.done("POST", "/2015-03-31/functions", request)["Version"], "1");
    let body = json!({"ZipFile": zip_file("2"), "Publish": true});
    assert_eq!(scenario.done("PUT", CODE, body)["Version"], "2");
}

#[test]
fn versions_are_listed_page_by_page() {
    let mut scenario = TestAccount::with_function();
    for code in ["2", "3", "4"] {
        scenario.done("PUT", CODE, json!({"ZipFile": zip_file(code), "Publish": true}));
    }
    let mut listed = Vec::new();
    let mut marker = String::new();
    loop {
        let page = scenario.done("GET", &format!("{VERSIONS}?MaxItems=3{marker}"), Value::Null);
        listed.extend(page["Versions"].as_array().unwrap().iter().map(|it| it["Version"].clone()));
        match page["NextMarker"].as_str() {
            Some(next) => marker = format!("&Marker={next}"),
            None => break,
        }
    }
    assert_eq!(json!(listed), json!(["$LATEST", "1", "2", "3"]));
}

#[test]
fn a_number_is_never_given_twice() {
    let mut scenario = TestAccount::with_function();
    publish(&mut scenario, json!({}));
    assert_eq!(scenario.ask("DELETE", "/2015-03-31/functions/f?Qualifier=1", Value::Null).0, 204);
    assert_eq!(publish(&mut scenario, json!({}))["Version"], "2");
}

#[test]
fn latest_and_aliased_versions_cannot_be_deleted() {
    let mut scenario = TestAccount::with_function();
    publish(&mut scenario, json!({}));
    scenario.done("POST", "/2015-03-31/functions/f/aliases", json!({"Name": "live", "FunctionVersion": "1"}));
    scenario.refused(
        "DELETE",
        "/2015-03-31/functions/f?Qualifier=1",
        Value::Null,
        (409, "ResourceConflictException"),
        "Unable to delete version because the following aliases reference it: [live]",
    );
    scenario.refused(
        "DELETE",
        "/2015-03-31/functions/f?Qualifier=$LATEST",
        Value::Null,
        (400, "InvalidParameterValueException"),
        "$LATEST version cannot be deleted without deleting the function.",
    );
}

#[test]
fn the_durable_executions_of_a_version_are_listed_by_status() {
    let mut scenario = TestAccount::with_function();
    publish(&mut scenario, json!({}));
    let function = scenario.account().functions.get_mut("f").unwrap();
    function.executions.insert("1".to_owned(), vec!["RUNNING".to_owned(), "SUCCEEDED".to_owned()]);
    for (query, count) in [
        ("", 2),
        ("?Qualifier=1&Statuses=RUNNING&Statuses=PAUSED", 1),
        ("?Qualifier=$LATEST&Statuses=RUNNING", 0),
    ] {
        let target = format!("/2025-12-01/functions/f/durable-executions{query}");
        let page = scenario.done("GET", &target, Value::Null);
        assert_eq!(page["DurableExecutions"].as_array().map(Vec::len), Some(count), "{query}: {page}");
    }
}
