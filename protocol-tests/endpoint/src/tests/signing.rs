//! Code signing configurations of functions.

use serde_json::{Value, json};

use crate::scenario::{ROLE, TestAccount, create_request};

const FUNCTIONS: &str = "/2015-03-31/functions";
const SIGNING: &str = "/2020-06-30/functions/f/code-signing-config";
const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0";
const INVALID: (u16, &str) = (400, "InvalidParameterValueException");

#[test]
fn a_configuration_is_set_shown_and_taken_away() {
    let mut scenario = TestAccount::with_function();
    assert_eq!(scenario.done("GET", SIGNING, Value::Null), json!({}));
    let set = json!({"CodeSigningConfigArn": ARN, "FunctionName": "f"});
    assert_eq!(scenario.done("PUT", SIGNING, json!({"CodeSigningConfigArn": ARN})), set);
    assert_eq!(scenario.done("GET", SIGNING, Value::Null), set);
    for _ in 0..2 {
        assert_eq!(scenario.ask("DELETE", SIGNING, Value::Null).0, 204);
    }
    assert_eq!(scenario.done("GET", SIGNING, Value::Null), json!({}));
}

#[test]
fn a_function_may_be_created_with_one() {
    let mut scenario = TestAccount::new(0, 0);
    let mut request = create_request();
    request["CodeSigningConfigArn"] = json!(ARN);
    scenario.done("POST", FUNCTIONS, request);
    assert_eq!(scenario.done("GET", SIGNING, Value::Null)["CodeSigningConfigArn"], ARN);
}

#[test]
fn an_image_is_not_signed() {
    let mut scenario = TestAccount::new(0, 0);
    let text = "Code signing is not supported for functions created with container images.";
    let mut image = json!({"FunctionName": "f", "Role": ROLE, "PackageType": "Image", "Code": {"ImageUri": "i:1"}, "CodeSigningConfigArn": ARN});
    scenario.refused("POST", FUNCTIONS, image.clone(), INVALID, text);
    image["CodeSigningConfigArn"] = Value::Null;
    scenario.done("POST", FUNCTIONS, image);
    scenario.refused("GET", SIGNING, Value::Null, INVALID, text);
}

#[test]
fn what_is_no_configuration_is_refused() {
    let text = r"1 validation error detected: Value 'csc' at 'codeSigningConfigArn' failed to satisfy constraint: Member must satisfy regular expression pattern: arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:code-signing-config:csc-[a-z0-9]{17}";
    let body = json!({"CodeSigningConfigArn": "csc"});
    TestAccount::with_function().refused("PUT", SIGNING, body, (400, "ValidationException"), text);
}
