//! Resource policies.

use serde_json::{Value, json};

use crate::scenario::{ARN, TestAccount};

const POLICY: &str = "/2015-03-31/functions/f/policy";
const INVALID: (u16, &str) = (400, "InvalidParameterValueException");
const NOT_FOUND: (u16, &str) = (404, "ResourceNotFoundException");

fn permission(id: &str, members: Value) -> Value {
    let mut body = json!({"StatementId": id, "Action": "lambda:InvokeFunction", "Principal": "*"});
    body.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    body
}

fn statements(scenario: &mut TestAccount, target: &str) -> Value {
    let policy = scenario.done("GET", target, Value::Null)["Policy"].as_str().unwrap().to_owned();
    let policy: Value = serde_json::from_str(&policy).unwrap();
    assert_eq!((&policy["Version"], &policy["Id"]), (&json!("2012-10-17"), &json!("default")));
    policy["Statement"].clone()
}

#[test]
fn a_permission_becomes_a_statement() {
    let url = json!({"Action": "lambda:InvokeFunctionUrl", "FunctionUrlAuthType": "NONE"});
    let bucket = json!({"Principal": "s3.amazonaws.com", "SourceArn": "arn:aws:s3:::b", "SourceAccount": "123456789012"});
    let role = "arn:aws:iam::210987654321:role/r";
    for (members, principal, condition) in [
        (json!({}), json!("*"), Value::Null),
        (url, json!("*"), json!({"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}})),
        (
            json!({"InvokedViaFunctionUrl": true}),
            json!("*"),
            json!({"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}),
        ),
        (
            bucket,
            json!({"Service": "s3.amazonaws.com"}),
            json!({"ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"}, "StringEquals": {"AWS:SourceAccount": "123456789012"}}),
        ),
        (json!({"Principal": "210987654321"}), json!({"AWS": "arn:aws:iam::210987654321:root"}), Value::Null),
        (json!({"Principal": role}), json!({"AWS": role}), Value::Null),
    ] {
        let mut scenario = TestAccount::with_function();
        let (status, _, added) = scenario.ask("POST", POLICY, permission("s", members));
        let statement: Value = serde_json::from_str(added["Statement"].as_str().unwrap()).unwrap();
        assert_eq!((status, &statement["Principal"], &statement["Condition"]), (201, &principal, &condition));
        assert_eq!((&statement["Resource"], &statement["Effect"]), (&json!(ARN), &json!("Allow")));
        assert_eq!(statements(&mut scenario, POLICY), json!([statement]));
    }
}

#[test]
fn a_function_and_its_alias_have_policies_of_their_own() {
    let mut scenario = TestAccount::with_function();
    scenario.done(
        "POST",
        "/2015-03-31/functions/f/aliases",
        json!({"Name": "live", "FunctionVersion": "$LATEST"}),
    );
    let live = format!("{POLICY}?Qualifier=live");
    scenario.done("POST", POLICY, permission("s", json!({})));
    scenario.refused("GET", &live, Value::Null, NOT_FOUND, "The resource you requested does not exist.");
    scenario.done("POST", &live, permission("s", json!({})));
    assert_eq!(statements(&mut scenario, &live)[0]["Resource"], format!("{ARN}:live"));
}

#[test]
fn the_last_statement_takes_the_policy_with_it() {
    let mut scenario = TestAccount::with_function();
    for id in ["one", "two"] {
        scenario.done("POST", POLICY, permission(id, json!({})));
    }
    let none = "Statement three is not found in resource policy.";
    scenario.refused("DELETE", &format!("{POLICY}/three"), Value::Null, NOT_FOUND, none);
    for id in ["one", "two"] {
        assert_eq!(scenario.ask("DELETE", &format!("{POLICY}/{id}"), Value::Null).0, 204);
    }
    scenario.refused("GET", POLICY, Value::Null, NOT_FOUND, "The resource you requested does not exist.");
    let none = "No policy is associated with the given resource.";
    scenario.refused("DELETE", &format!("{POLICY}/one"), Value::Null, NOT_FOUND, none);
    let none = "No policy found for: arn:aws:lambda:us-east-1:123456789012:function:g";
    scenario.refused("DELETE", "/2015-03-31/functions/g/policy/one", Value::Null, NOT_FOUND, none);
}

#[test]
fn a_permission_changes_the_revision_id_and_a_stale_one_is_refused() {
    let mut scenario = TestAccount::with_function();
    let before = scenario.configuration()["RevisionId"].clone();
    scenario.done("POST", POLICY, permission("one", json!({"RevisionId": before})));
    let after = scenario.done("GET", POLICY, Value::Null)["RevisionId"].clone();
    assert_ne!(after, before);
    assert_eq!(scenario.configuration()["RevisionId"], after);
    let text = "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to retrieve the latest Revision Id";
    let stale = (412, "PreconditionFailedException");
    scenario.refused("POST", POLICY, permission("two", json!({"RevisionId": before})), stale, text);
    scenario.refused("DELETE", &format!("{POLICY}/one?RevisionId=old"), Value::Null, stale, text);
}

#[test]
fn permissions_that_make_no_sense_are_refused() {
    let mut scenario = TestAccount::with_function();
    scenario.done("POST", POLICY, permission("s", json!({})));
    let text = "The statement id (s) provided already exists. Please provide a new statement id, or remove the existing statement.";
    scenario.refused("POST", POLICY, permission("s", json!({})), (409, "ResourceConflictException"), text);
    let latest = format!("{POLICY}?Qualifier=$LATEST");
    let text = "We currently do not support adding policies for $LATEST.";
    scenario.refused("POST", &latest, permission("t", json!({})), INVALID, text);
    let text = "The provided principal was invalid. Please check the principal and try again.";
    scenario.refused("POST", POLICY, permission("t", json!({"Principal": "nobody"})), INVALID, text);
    let text = "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action";
    scenario.refused("POST", POLICY, permission("t", json!({"FunctionUrlAuthType": "NONE"})), INVALID, text);
    let text = "1 validation error detected: Value 'example.com' at 'statementId' failed to satisfy constraint: Member must satisfy regular expression pattern: ([a-zA-Z0-9-_]+)";
    scenario.refused(
        "POST",
        POLICY,
        permission("example.com", json!({})),
        (400, "ValidationException"),
        text,
    );
    for (qualifier, text) in [("no", "Cannot find alias arn: "), ("42", "Function not found: ")] {
        let target = format!("{POLICY}?Qualifier={qualifier}");
        scenario.refused(
            "POST",
            &target,
            permission("t", json!({})),
            NOT_FOUND,
            &format!("{text}{ARN}:{qualifier}"),
        );
    }
}
