//! Creating, reading, changing and deleting functions.

use serde_json::{Value, json};

use crate::scenario::{ARN, ROLE, TestAccount, create_request, zip_file};

const FUNCTIONS: &str = "/2015-03-31/functions";
const FUNCTION: &str = "/2015-03-31/functions/f";
const CONFIGURATION: &str = "/2015-03-31/functions/f/configuration";
const CODE: &str = "/2015-03-31/functions/f/code";
const INVALID: (u16, &str) = (400, "InvalidParameterValueException");
const NOT_FOUND: (u16, &str) = (404, "ResourceNotFoundException");

#[test]
fn a_new_function_has_the_defaults_of_aws() {
    let mut scenario = TestAccount::with_function();
    let function = scenario.configuration();
    let expected = json!({
        "Architectures": ["x86_64"],
        "Description": "",
        "EphemeralStorage": {"Size": 512},
        "FunctionArn": ARN,
        "FunctionName": "f",
        "Handler": "index.handler",
        "LastUpdateStatus": "Successful",
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"},
        "MemorySize": 128,
        "PackageType": "Zip",
        "Role": ROLE,
        "Runtime": "nodejs22.x",
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "State": "Active",
        "Timeout": 3,
        "TracingConfig": {"Mode": "PassThrough"},
        "Version": "$LATEST",
    });
    for (key, value) in expected.as_object().unwrap() {
        assert_eq!(&function[key], value, "{key}");
    }
    assert_eq!(function.get("Environment"), None);
}

#[test]
fn the_same_name_again_is_refused() {
    let conflict = (409, "ResourceConflictException");
    TestAccount::with_function().refused(
        "POST",
        FUNCTIONS,
        create_request(),
        conflict,
        "Function already exist: f",
    );
}

/// Creates `f` with some members set, or removed if they are null, and expects an error.
#[track_caller]
fn creation_refused(change: Value, status_and_code: (u16, &str), message: &str) {
    let mut request = create_request();
    for (key, value) in change.as_object().unwrap() {
        request[key] = value.clone();
    }
    TestAccount::new(0, 0).refused("POST", FUNCTIONS, request, status_and_code, message);
}

#[test]
fn what_a_creation_needs_is_demanded() {
    let both = "Runtime and Handler are mandatory parameters for functions created with deployment packages.";
    creation_refused(json!({"Runtime": null}), INVALID, both);
    creation_refused(json!({"Handler": null}), INVALID, both);
    creation_refused(json!({"Code": {}}), INVALID, "Please provide a source for function code.");
    let validation = (400, "ValidationException");
    let text = "1 validation error detected: Value null at 'role' failed to satisfy constraint: Member must not be null";
    creation_refused(json!({"Role": null}), validation, text);
}

#[test]
fn code_that_is_no_zip_is_refused() {
    let text = "Could not unzip uploaded file. Please check your file, then try to upload again.";
    creation_refused(json!({"Code": {"ZipFile": "bm8gemlw"}}), INVALID, text);
    creation_refused(json!({"Code": {"ZipFile": "no base64"}}), INVALID, text);
}

#[test]
fn a_function_is_found_by_name_and_by_arn() {
    let mut scenario = TestAccount::with_function();
    for name in
        ["f", "123456789012%3Afunction%3Af", "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af"]
    {
        let found = scenario.done("GET", &format!("{FUNCTIONS}/{name}"), Value::Null);
        assert_eq!(found["Configuration"]["FunctionArn"], ARN, "{name}");
    }
    let target = format!("{FUNCTIONS}/g");
    scenario.refused(
        "GET",
        &target,
        Value::Null,
        NOT_FOUND,
        "Function not found: arn:aws:lambda:us-east-1:123456789012:function:g",
    );
    let target = format!("{FUNCTION}?Qualifier=42");
    scenario.refused("GET", &target, Value::Null, NOT_FOUND, &format!("Function not found: {ARN}:42"));
    let target = format!("{FUNCTIONS}/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Af");
    scenario.refused(
        "GET",
        &target,
        Value::Null,
        NOT_FOUND,
        "Functions from 'eu-west-1' are not reachable in this region ('us-east-1')",
    );
}

#[test]
fn new_code_changes_its_hash_and_its_architecture() {
    let mut scenario = TestAccount::with_function();
    let before = scenario.configuration();
    let body = json!({"ZipFile": zip_file("2"), "Architectures": ["arm64"]});
    let after = scenario.done("PUT", CODE, body);
    assert_ne!(after["CodeSha256"], before["CodeSha256"]);
    assert_eq!(after["Architectures"], json!(["arm64"]));
    let again = scenario.done("PUT", CODE, json!({"ZipFile": zip_file("1")}));
    assert_eq!(again["CodeSha256"], before["CodeSha256"]);
    assert_eq!(again["Architectures"], json!(["arm64"]));
}

#[test]
fn a_dry_run_is_judged_and_changes_nothing() {
    let mut scenario = TestAccount::with_function();
    let before = scenario.configuration();
    let body = json!({"ZipFile": zip_file("2"), "DryRun": true});
    assert_ne!(scenario.done("PUT", CODE, body)["CodeSha256"], before["CodeSha256"]);
    assert_eq!(scenario.configuration(), before);
    let text = "Could not unzip uploaded file. Please check your file, then try to upload again.";
    scenario.refused("PUT", CODE, json!({"ZipFile": "bm8gemlw", "DryRun": true}), INVALID, text);
}

#[test]
fn code_in_s3_is_known_by_its_address() {
    let mut scenario = TestAccount::with_function();
    let one = scenario.done("PUT", CODE, json!({"S3Bucket": "bucket", "S3Key": "one.zip"}));
    let two = scenario.done("PUT", CODE, json!({"S3Bucket": "bucket", "S3Key": "two.zip"}));
    assert_ne!(one["CodeSha256"], two["CodeSha256"]);
}

#[test]
fn a_referenced_package_stays_in_s3_until_the_next_code() {
    let mut scenario = TestAccount::with_function();
    let object = json!({"S3Bucket": "bucket", "S3Key": "one.zip", "S3ObjectVersion": "v"});
    let mut reference = object.clone();
    reference["S3ObjectStorageMode"] = json!("REFERENCE");
    scenario.done("PUT", CODE, reference);
    let code = scenario.done("GET", FUNCTION, Value::Null)["Code"].clone();
    assert_eq!(code, json!({"RepositoryType": "S3", "ResolvedS3Object": object}));
    scenario.done("PUT", CODE, object);
    assert_eq!(scenario.done("GET", FUNCTION, Value::Null)["Code"].get("ResolvedS3Object"), None);
    let zip = json!({"ZipFile": zip_file("2"), "S3ObjectStorageMode": "REFERENCE"});
    let text = "S3ObjectStorageMode REFERENCE is supported for code in Amazon S3 only.";
    scenario.refused("PUT", CODE, zip, INVALID, text);
}

#[test]
fn an_image_has_neither_runtime_nor_zip() {
    let mut scenario = TestAccount::new(0, 0);
    let image =
        json!({"FunctionName": "f", "Role": ROLE, "PackageType": "Image", "Code": {"ImageUri": "i:1"}});
    scenario.done("POST", FUNCTIONS, image);
    assert_eq!(scenario.done("GET", FUNCTION, Value::Null)["Code"]["ImageUri"], "i:1");
    let text = "Please provide ImageUri when updating a function with packageType Image.";
    scenario.refused("PUT", CODE, json!({"ZipFile": zip_file("1")}), INVALID, text);
    scenario.done("PUT", CODE, json!({"ImageUri": "i:2"}));
    let text = "Please don't provide ImageUri when updating a function with packageType Zip.";
    TestAccount::with_function().refused("PUT", CODE, json!({"ImageUri": "i:2"}), INVALID, text);
}

#[test]
fn a_version_cannot_be_changed() {
    let text = "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN.";
    let mut scenario = TestAccount::with_function();
    let target = "/2015-03-31/functions/f%3A1/configuration";
    scenario.refused("PUT", target, json!({"Timeout": 5}), INVALID, text);
}

#[test]
fn an_update_is_checked_like_a_creation_and_a_refused_one_changes_nothing() {
    let mut scenario = TestAccount::with_function();
    let before = scenario.configuration();
    let text = "1 validation error detected: Value '901' at 'timeout' failed to satisfy constraint: Member must have value less than or equal to 900";
    scenario.refused("PUT", CONFIGURATION, json!({"Timeout": 901}), (400, "ValidationException"), text);
    assert_eq!(scenario.configuration(), before);
}

#[test]
fn a_deleted_function_is_gone() {
    let mut scenario = TestAccount::with_function();
    assert_eq!(scenario.ask("DELETE", FUNCTION, Value::Null), (204, String::new(), Value::Null));
    scenario.refused("GET", FUNCTION, Value::Null, NOT_FOUND, &format!("Function not found: {ARN}"));
    scenario.refused("DELETE", FUNCTION, Value::Null, NOT_FOUND, &format!("Function not found: {ARN}"));
}

#[test]
fn an_unknown_address_is_an_unknown_operation() {
    let (status, code, _) = TestAccount::new(0, 0).ask("GET", "/2099-01-01/functions", Value::Null);
    assert_eq!((status, code.as_str()), (404, "UnknownOperationException"));
}

#[test]
fn a_body_that_is_no_object_is_refused() {
    let (status, code, _) = TestAccount::new(0, 0).ask("POST", FUNCTIONS, json!([1]));
    assert_eq!((status, code.as_str()), (400, "InvalidRequestContentException"));
}
