//! Function URLs.

use serde_json::{Value, json};

use crate::scenario::{ARN, TestAccount};

const URL: &str = "/2021-10-31/functions/f/url";
const INVALID: (u16, &str) = (400, "InvalidParameterValueException");
const VALIDATION: (u16, &str) = (400, "ValidationException");
const NOT_FOUND: (u16, &str) = (404, "ResourceNotFoundException");

fn scenario() -> TestAccount {
    let mut scenario = TestAccount::with_function();
    scenario.done("POST", URL, json!({"AuthType": "NONE", "Cors": {"AllowOrigins": ["*"], "MaxAge": 5}}));
    scenario
}

#[test]
fn a_url_is_made_with_the_defaults_of_aws() {
    let mut scenario = TestAccount::with_function();
    let made = scenario.done("POST", URL, json!({"AuthType": "AWS_IAM"}));
    assert_eq!((&made["InvokeMode"], &made["FunctionArn"]), (&json!("BUFFERED"), &json!(ARN)));
    assert_eq!((made.get("Cors"), made.get("LastModifiedTime")), (None, None));
    let url = made["FunctionUrl"].as_str().unwrap();
    let id =
        url.strip_prefix("https://").and_then(|it| it.strip_suffix(".lambda-url.us-east-1.on.aws/")).unwrap();
    assert_eq!(id.len(), 32, "{url}");
    let found = scenario.done("GET", URL, Value::Null);
    assert_eq!(
        (&found["FunctionUrl"], &found["CreationTime"]),
        (&made["FunctionUrl"], &found["LastModifiedTime"])
    );
    assert_eq!(scenario.done("GET", URL, Value::Null), found);
}

#[test]
fn an_update_keeps_what_it_does_not_name_and_replaces_cors_as_a_whole() {
    let mut scenario = scenario();
    let kept = scenario.done("PUT", URL, json!({"InvokeMode": "RESPONSE_STREAM"}));
    assert_eq!(kept["Cors"], json!({"AllowOrigins": ["*"], "MaxAge": 5}));
    assert_eq!((&kept["AuthType"], &kept["InvokeMode"]), (&json!("NONE"), &json!("RESPONSE_STREAM")));
    let other = json!({"AllowOrigins": ["https://example.com"]});
    assert_eq!(scenario.done("PUT", URL, json!({"Cors": other}))["Cors"], other);
    let cleared = scenario.done("PUT", URL, json!({"Cors": {}}));
    assert_eq!((cleared.get("Cors"), &cleared["InvokeMode"]), (None, &json!("RESPONSE_STREAM")));
}

#[test]
fn names_of_headers_are_stored_in_lower_case() {
    let mut scenario = scenario();
    let cors =
        json!({"AllowOrigins": ["*"], "AllowMethods": ["GET"], "AllowHeaders": ["X-A", "Content-Type"]});
    let stored =
        json!({"AllowOrigins": ["*"], "AllowMethods": ["GET"], "AllowHeaders": ["x-a", "content-type"]});
    assert_eq!(scenario.done("PUT", URL, json!({"Cors": cors}))["Cors"], stored);
}

#[test]
fn an_alias_has_a_url_of_its_own() {
    let mut scenario = scenario();
    scenario.done(
        "POST",
        "/2015-03-31/functions/f/aliases",
        json!({"Name": "live", "FunctionVersion": "$LATEST"}),
    );
    let target = format!("{URL}?Qualifier=live");
    let made = scenario.done("POST", &target, json!({"AuthType": "NONE"}));
    assert_eq!(made["FunctionArn"], format!("{ARN}:live"));
    assert_ne!(made["FunctionUrl"], scenario.done("GET", URL, Value::Null)["FunctionUrl"]);
    assert_eq!(scenario.ask("DELETE", &target, Value::Null).0, 204);
    scenario.refused("GET", &target, Value::Null, NOT_FOUND, "The resource you requested does not exist.");
    scenario.done("GET", URL, Value::Null);
}

#[test]
fn a_second_url_and_one_that_is_not_there_are_refused() {
    let mut scenario = scenario();
    let text = format!(
        "Failed to create function url config for [functionArn = {ARN}]. Error message:  FunctionUrlConfig exists for this Lambda function"
    );
    scenario.refused("POST", URL, json!({"AuthType": "NONE"}), (409, "ResourceConflictException"), &text);
    assert_eq!(scenario.ask("DELETE", URL, Value::Null).0, 204);
    let text = "The resource you requested does not exist.";
    for (method, body) in [("GET", Value::Null), ("PUT", json!({})), ("DELETE", Value::Null)] {
        scenario.refused(method, URL, body, NOT_FOUND, text);
    }
    let (from_none, from_no_alias) = ("/2021-10-31/functions/g/url", format!("{URL}?Qualifier=no"));
    scenario.refused("POST", from_none, json!({"AuthType": "NONE"}), NOT_FOUND, "Function does not exist");
    scenario.refused(
        "POST",
        &from_no_alias,
        json!({"AuthType": "NONE"}),
        NOT_FOUND,
        "Function does not exist",
    );
    scenario.refused("GET", from_none, Value::Null, NOT_FOUND, text);
}

#[test]
fn a_url_that_makes_no_sense_is_refused() {
    let mut scenario = TestAccount::with_function();
    let one = |sentence: &str| format!("1 validation error detected: {sentence}");
    for (body, sentence) in [
        (json!({}), "Value null at 'authType' failed to satisfy constraint: Member must not be null"),
        (
            json!({"AuthType": "IAM"}),
            "Value 'IAM' at 'authType' failed to satisfy constraint: Member must satisfy enum value set: [NONE, AWS_IAM]",
        ),
        (
            json!({"AuthType": "NONE", "InvokeMode": "UNKNOWN"}),
            "Value 'UNKNOWN' at 'invokeMode' failed to satisfy constraint: Member must satisfy enum value set: [RESPONSE_STREAM, BUFFERED]",
        ),
        (
            json!({"AuthType": "NONE", "Cors": {"AllowOrigins": ["*"], "MaxAge": 86_401}}),
            "Value '86401' at 'cors.maxAge' failed to satisfy constraint: Member must have value less than or equal to 86400",
        ),
    ] {
        scenario.refused("POST", URL, body, VALIDATION, &one(sentence));
    }
    let text = r"Value '1' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: ((?!^\d+$)^[0-9a-zA-Z-_]+$)";
    scenario.refused(
        "POST",
        &format!("{URL}?Qualifier=1"),
        json!({"AuthType": "NONE"}),
        VALIDATION,
        &one(text),
    );
    let cors = json!({"AuthType": "NONE", "Cors": {"AllowMethods": ["GET"]}});
    scenario.refused(
        "POST",
        URL,
        cors,
        INVALID,
        "You can't leave AllowOrigins as empty when Cors is enabled.",
    );
}
