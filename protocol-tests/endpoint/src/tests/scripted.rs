//! State and faults that a test sets through the public interface, over real connections where the socket
//! matters.

use std::time::Duration;

use serde_json::{Value, json};

use super::sockets::{exchange, start};
use crate::moment::Moment;
use crate::{Endpoint, Fault, Invocation, Settings};

const FUNCTION: &str = "/2015-03-31/functions/f";
const CODE: &str = "/2015-03-31/functions/f/code";
const NEW_CODE: &[u8] = br#"{"S3Bucket":"b","S3Key":"k"}"#;

fn fault(endpoint: &Endpoint, fault: Value) {
    endpoint.fault(Fault::from_json(&fault).unwrap());
}

fn statuses(endpoint: &Endpoint) -> Vec<u16> {
    endpoint.calls().iter().map(|call| call.status).collect()
}

#[test]
fn what_is_there_before_is_arranged_without_a_trace() {
    let endpoint = start();
    let version = endpoint.perform("POST", "/2015-03-31/functions/f/versions", json!({})).unwrap();
    assert_eq!(version["Version"], "1");
    let target = "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=1";
    let body = json!({"ProvisionedConcurrentExecutions": 1});
    assert_eq!(endpoint.perform("PUT", target, body).unwrap()["Status"], "IN_PROGRESS");
    let refusal = endpoint.perform("GET", "/2021-10-31/functions/f/url", json!({})).unwrap_err();
    assert_eq!(refusal, "The resource you requested does not exist.");
    assert!(endpoint.calls().is_empty());
}

#[test]
fn variables_are_hidden_from_callers_and_not_from_the_test() {
    let endpoint = start();
    let variables = json!({"Variables": {"A": "1"}});
    let target = "/2015-03-31/functions/f/configuration";
    endpoint.perform("PUT", target, json!({"Environment": variables})).unwrap();
    endpoint.hide_environment("f", true).unwrap();
    let (_, body) = exchange(&endpoint, "GET", FUNCTION, b"").unwrap();
    assert!(body.contains("AccessDeniedException") && !body.contains("Variables"), "{body}");
    assert_eq!(endpoint.function("f").unwrap()["Configuration"]["Environment"], variables);
    endpoint.hide_environment("f", false).unwrap();
    let (_, body) = exchange(&endpoint, "GET", FUNCTION, b"").unwrap();
    assert!(body.contains("Variables"), "{body}");
    assert!(endpoint.hide_environment("g", true).is_err());
}

#[test]
fn an_invocation_takes_its_time_and_is_on_record_with_its_payload() {
    let endpoint = Endpoint::start(Settings::default()).unwrap();
    endpoint.seed(crate::scenario::create_request()).unwrap();
    let delay = Duration::from_millis(100);
    endpoint.answer_invocations(Invocation {
        delay,
        function_error: Some("Unhandled".to_owned()),
        ..Default::default()
    });
    let before = Moment::now().instant;
    let (head, body) = exchange(&endpoint, "POST", "/2015-03-31/functions/f/invocations", b"[1]").unwrap();
    assert!(before.elapsed() >= delay);
    assert!(
        head.contains("x-amz-executed-version: $LATEST\r\nx-amz-function-error: Unhandled\r\n"),
        "{head}"
    );
    assert_eq!(body, r#"{"statusCode":200}"#);
    let call = &endpoint.calls()[0];
    assert_eq!((call.operation.as_str(), &call.body), ("Invoke", &json!([1])));
}

#[test]
fn a_busy_function_can_be_read_and_is_free_again_after_a_while() {
    let endpoint = start();
    fault(&endpoint, json!({"kind": "busy", "for_ms": 150}));
    let (_, body) = exchange(&endpoint, "PUT", CODE, NEW_CODE).unwrap();
    assert!(
        body.contains(
            "An update is in progress for resource: arn:aws:lambda:us-east-1:123456789012:function:f"
        )
    );
    exchange(&endpoint, "GET", FUNCTION, b"").unwrap();
    let start = Moment::now().instant;
    while exchange(&endpoint, "PUT", CODE, NEW_CODE).unwrap().0.starts_with("HTTP/1.1 409 ") {
        assert!(start.elapsed() < Duration::from_secs(10));
    }
    let statuses = statuses(&endpoint);
    assert_eq!((&statuses[..2], statuses.last()), (&[409, 200][..], Some(&200)));
}

#[test]
fn faults_mutate_before_the_call_that_they_name() {
    let endpoint = start();
    fault(&endpoint, json!({"kind": "touch-function", "operation": "UpdateFunctionCode"}));
    fault(&endpoint, json!({"kind": "delete-function", "operation": "UpdateFunctionCode"}));
    for _ in 0..2 {
        exchange(&endpoint, "GET", FUNCTION, b"").unwrap();
        exchange(&endpoint, "PUT", CODE, NEW_CODE).unwrap();
    }
    assert_eq!(statuses(&endpoint), [200, 200, 200, 404]);
}

#[test]
fn provisioning_fails_for_the_reason_that_is_given() {
    let endpoint = start();
    endpoint.perform("POST", "/2015-03-31/functions/f/versions", json!({})).unwrap();
    fault(&endpoint, json!({"kind": "provision-fails", "reason": "FUNCTION_ERROR_INIT_FAILURE"}));
    let target = "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=1";
    let (head, _) = exchange(&endpoint, "PUT", target, br#"{"ProvisionedConcurrentExecutions":1}"#).unwrap();
    assert!(head.starts_with("HTTP/1.1 202 Accepted\r\n"), "{head}");
    let failed = endpoint.perform("GET", target, json!({})).unwrap();
    let expected = (&json!("FAILED"), &json!("FUNCTION_ERROR_INIT_FAILURE"));
    assert_eq!((&failed["Status"], &failed["StatusReason"]), expected);
}

#[test]
fn an_expired_token_is_a_plain_status() {
    let endpoint = start();
    let message = "The security token included in the request is expired";
    fault(&endpoint, json!({"status": 403, "code": "ExpiredTokenException", "message": message}));
    let (head, body) = exchange(&endpoint, "GET", FUNCTION, b"").unwrap();
    assert!(head.contains("x-amzn-errortype: ExpiredTokenException:"), "{head}");
    assert!(body.contains(message), "{body}");
}
