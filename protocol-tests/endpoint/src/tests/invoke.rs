//! Invocations: no code runs, and the test defines the answers.

use serde_json::{Value, json};

use crate::http::Answer;
use crate::invocation::Invocation;
use crate::scenario::{ARN, TestAccount, create_request};
use crate::settings::Settings;

const INVOKE: &str = "/2015-03-31/functions/f/invocations";

fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.headers.iter().find(|(its, _)| *its == name).map(|(_, value)| value.as_str())
}

fn payload(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).unwrap_or(Value::Null)
}

/// `f` with the versions 1 and 2, and these answers for invocations.
fn scenario(invocations: Value) -> TestAccount {
    TestAccount::with_versions(Settings::from_json(&json!({"invocations": invocations})).unwrap())
}

#[test]
fn an_invocation_answers_that_all_is_well() {
    let mut scenario = scenario(json!([]));
    let answer = scenario.answer("POST", INVOKE, &[], json!([1, "any JSON is a payload"]));
    assert_eq!((answer.status, payload(&answer)), (200, json!({"statusCode": 200})));
    assert_eq!(header(&answer, "x-amz-executed-version"), Some("$LATEST"));
    assert_eq!((header(&answer, "x-amz-function-error"), header(&answer, "x-amz-log-result")), (None, None));
}

#[test]
fn a_test_says_what_a_version_answers() {
    let mut scenario =
        scenario(json!([{"version": "2", "function_error": "Unhandled", "log": "oh no", "delay_ms": 30}]));
    let target = format!("{INVOKE}?Qualifier=2");
    let failed = scenario.answer("POST", &target, &[("x-amz-log-type", "Tail")], json!({}));
    assert_eq!((failed.status, header(&failed, "x-amz-function-error")), (200, Some("Unhandled")));
    assert_eq!(payload(&failed)["errorType"], "Error");
    assert_eq!(header(&failed, "x-amz-log-result"), Some("b2ggbm8="));
    assert_eq!((header(&failed, "x-amz-executed-version"), failed.delay.as_millis()), (Some("2"), 30));
    let fine = scenario.answer("POST", &format!("{INVOKE}?Qualifier=1"), &[], json!({}));
    assert_eq!(header(&fine, "x-amz-function-error"), None);
    let invocation = Invocation { payload: json!("new"), ..Invocation::default() };
    scenario.account().invocations.add(invocation);
    assert_eq!(payload(&scenario.answer("POST", &target, &[], json!({}))), "new");
}

#[test]
fn a_weight_is_kept_exactly() {
    let mut scenario = scenario(json!([{"version": "2", "payload": 2}, {"version": "1", "payload": 1}]));
    let alias = json!({"Name": "live", "FunctionVersion": "1", "RoutingConfig": {"AdditionalVersionWeights": {"2": 0.2}}});
    scenario.done("POST", "/2015-03-31/functions/f/aliases", alias);
    let target = format!("{INVOKE}?Qualifier=live");
    let new = (0..50).filter(|_| payload(&scenario.answer("POST", &target, &[], json!({}))) == 2).count();
    assert_eq!(new, 10);
}

#[test]
fn an_event_is_accepted_and_a_dry_run_answers_nothing() {
    let mut scenario = scenario(json!([]));
    for (kind, status) in [("RequestResponse", 200), ("Event", 202), ("DryRun", 204)] {
        let answer = scenario.answer("POST", INVOKE, &[("x-amz-invocation-type", kind)], json!({}));
        assert_eq!((answer.status, answer.body.is_empty()), (status, status != 200), "{kind}");
    }
}

#[test]
fn a_client_context_is_a_json_object_in_base64() {
    let mut scenario = scenario(json!([]));
    for (context, status) in [("eyJjdXN0b20iOnsiYSI6IjEifX0=", 200), ("{}", 400), ("WzFd", 400)] {
        let answer = scenario.answer("POST", INVOKE, &[("x-amz-client-context", context)], json!({}));
        assert_eq!(answer.status, status, "{context}");
    }
}

#[test]
fn what_cannot_be_executed_is_refused() {
    let mut pending = TestAccount::new(100, 0);
    pending.create();
    let conflict = (409, "ResourceConflictException");
    let text = "The operation cannot be performed at this time. The function is currently in the following state: Pending";
    pending.refused("POST", INVOKE, json!({}), conflict, text);
    pending.later(100);
    assert_eq!(pending.ask("POST", INVOKE, json!({})).0, 200);
    let target = format!("{INVOKE}?Qualifier=42");
    let text = format!("Function not found: {ARN}:42");
    pending.refused("POST", &target, json!({}), (404, "ResourceNotFoundException"), &text);
    pending.done("PUT", "/2017-10-31/functions/f/concurrency", json!({"ReservedConcurrentExecutions": 0}));
    let (status, code, body) = pending.ask("POST", INVOKE, json!({}));
    assert_eq!((status, code.as_str()), (429, "TooManyRequestsException"));
    assert_eq!(body["Reason"], "ReservedFunctionConcurrentInvocationLimitExceeded");
}

#[test]
fn a_function_that_isolates_tenants_is_invoked_for_one() {
    let mut scenario = TestAccount::new(0, 0);
    let mut request = create_request();
    request["TenancyConfig"] = json!({"TenantIsolationMode": "PER_TENANT"});
    scenario.done("POST", "/2015-03-31/functions", request);
    let invalid = (400, "InvalidParameterValueException");
    let text = "The invoked function is enabled with tenancy configuration. Add a valid tenant ID in your request and try again.";
    scenario.refused("POST", INVOKE, json!({}), invalid, text);
    let tenant = [("x-amz-tenant-id", "blue")];
    assert_eq!(scenario.answer("POST", INVOKE, &tenant, json!({})).status, 200);
    assert_eq!(TestAccount::with_function().answer("POST", INVOKE, &tenant, json!({})).status, 400);
}
