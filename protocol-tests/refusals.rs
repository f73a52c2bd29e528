//! Tests the error report for every text with which AWS refuses a call of a deployment. The endpoint answers
//! the real program with it.
//!
//! Each row of `refusals.json` has the text (recorded from AWS, unless `source` says otherwise), the
//! operation that returns it, and the expected report. `state` is the reason code of an update that fails
//! after it was accepted, `headers` are response headers, and `stanza` has additional members of the stanza.
//! `never` says why no deployment can get this text. `REFUSAL=part-of-a-text` selects rows.

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use lambda_endpoint::{Endpoint, Fault, FaultKind, Settings};
use serde_json::{Value, json};

use crate::deployments::{build_directory, noise, request};
use crate::fixture::problems;
use crate::identity::recorder::{Answer, Asked, Recorder};
use crate::plugin::PluginCommand;

/// The stanza members that make a deployment call this operation, and whether the function must exist before.
fn occasion(operation: &str) -> (Value, bool) {
    let verified = json!({"publish": true, "verify": {}});
    match operation {
        "GetFunction" | "UpdateFunctionCode" => (json!({}), true),
        "CreateFunction" => (json!({}), false),
        "UpdateFunctionConfiguration" => (json!({"timeout": 20}), true),
        "PublishVersion" => (json!({"publish": true}), true),
        "CreateAlias" => (json!({"alias": "live"}), true),
        "UpdateAlias" => (json!({"alias": "moved"}), true),
        "PutProvisionedConcurrencyConfig" => (json!({"alias": "live", "provisioned_concurrency": 1}), true),
        "PutFunctionConcurrency" => (json!({"reserved_concurrency": 5}), true),
        "PutFunctionRecursionConfig" => (json!({"recursive_loop": "Allow"}), true),
        "PutFunctionEventInvokeConfig" => {
            (json!({"event_invoke_config": {"maximum_retry_attempts": 0}}), true)
        }
        "TagResource" => (json!({"function_tags": {"team": "blue"}}), true),
        "PutFunctionCodeSigningConfig" => {
            let config = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0";
            (json!({"code_signing_config_arn": config}), true)
        }
        "CreateFunctionUrlConfig" => (json!({"function_url": {"auth_type": "AWS_IAM"}}), true),
        "AddPermission" => (json!({"function_url": {"auth_type": "NONE"}}), true),
        "PutFunctionScalingConfig" => {
            let provider = "arn:aws:lambda:us-east-1:123456789012:capacity-provider:pool";
            let config = json!({"capacity_provider_arn": provider});
            let scaling = json!({"min_execution_environments": 1});
            (json!({"capacity_provider_config": config, "scaling": scaling}), false)
        }
        "Invoke" => (verified, true),
        "PutObject" | "CreateMultipartUpload" | "UploadPart" | "CompleteMultipartUpload" => {
            (json!({"s3_bucket": "builds", "s3_prefix": "ci"}), true)
        }
        other => panic!("no stanza for the operation {other}"),
    }
}

/// Runs a deployment in which AWS answers with this row, and returns the `error`.
fn reported(row: &Value) -> Value {
    let operation = row["operation"].as_str().expect("a row without `never` has an operation");
    let (mut members, exists) = occasion(operation);
    extend(&mut members, &row["stanza"]);
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    let directory = build_directory();
    let mut stanza = request(&endpoint);
    let refused = row.clone();
    let s3 = Recorder::start(move |request| from_s3(request, &refused));
    stanza["env"]["AWS_ENDPOINT_URL_S3"] = json!(s3.url());
    if exists {
        let before = if operation == "UpdateAlias" { json!({"alias": "moved"}) } else { json!({}) };
        stanza["wait_timeout"] = json!(60);
        deploy(&mut stanza, &before, directory.path());
        fs::write(directory.path().join("index.js"), "// 2\n").expect("writable");
    }
    let text = row["message"].as_str().expect("a string").to_owned();
    if is_of_s3(operation) {
        // Except for PutObject, large enough for a multipart upload.
        let size = if operation == "PutObject" { 1 } else { 17 << 20 };
        fs::write(directory.path().join("noise.bin"), noise(size)).expect("writable");
    } else {
        let kind = match row["state"].as_str() {
            Some(code) => FaultKind::UpdateFails { reason_code: code.to_owned(), reason: text.clone() },
            None => FaultKind::status(status(row), row["code"].as_str().expect("a code"), &text),
        };
        endpoint.fault(Fault { times: u32::MAX, ..Fault::once(operation, kind) });
    }
    // The program waits and retries after these texts.
    let passing = [
        "in progress",
        "concurrent update",
        "'Pending'",
        "Alias with weights",
        "internal error",
        "socket",
        "initializing your function",
        "is inactive",
    ];
    stanza["wait_timeout"] = json!(if passing.iter().any(|words| text.contains(words)) { 2 } else { 60 });
    let finished = deploy(&mut stanza, &members, directory.path());
    assert_eq!(finished["outcome"], "failed", "{row}\n{finished}");
    finished["error"].clone()
}

fn status(row: &Value) -> u16 {
    row["http"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status")
}

fn is_of_s3(operation: &str) -> bool {
    ["PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"].contains(&operation)
}

/// A double of S3 that accepts every call except the one of the row. The object exists only if the stanza
/// sets `s3_key`.
fn from_s3(asked: &Asked, row: &Value) -> Answer {
    let operation = match asked.method.as_str() {
        "HEAD" => return Answer::status(if row["stanza"]["s3_key"].is_string() { 200 } else { 404 }, ""),
        "POST" if asked.target.contains("uploads") => "CreateMultipartUpload",
        "POST" => "CompleteMultipartUpload",
        "PUT" if asked.target.contains("uploadId") => "UploadPart",
        "PUT" => "PutObject",
        _ => return Answer::status(204, ""),
    };
    if row["operation"] != operation {
        let begun = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
        return Answer::Text(200, vec![("etag", "\"e\"".to_owned())], begun.to_owned());
    }
    let text = |name: &str| row[name].as_str().expect("a string");
    let region = row["headers"]["x-amz-bucket-region"]
        .as_str()
        .map(|region| ("x-amz-bucket-region", region.to_owned()));
    let headers = region.into_iter().chain([("x-amz-request-id", "4442587FB7D0A2F9".to_owned())]).collect();
    let body = format!("<Error><Code>{}</Code><Message>{}</Message></Error>", text("code"), text("message"));
    Answer::Text(status(row), headers, body)
}

fn extend(members: &mut Value, more: &Value) {
    let members = members.as_object_mut().expect("an object");
    members.extend(more.as_object().into_iter().flatten().map(|(key, value)| (key.clone(), value.clone())));
}

fn deploy(stanza: &mut Value, members: &Value, directory: &Path) -> Value {
    for (key, value) in members.as_object().expect("an object") {
        stanza[key] = value.clone();
    }
    PluginCommand::new(&[]).directory(directory).run(stanza).finished().clone()
}

/// Everything that is wrong with the error report for a row.
fn complaints(row: &Value, error: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut check = |is_right: bool, what: String| {
        if !is_right {
            complaints.push(what);
        }
    };
    check(error["code"] == row["ours"], format!("`code` is {}, expected {}", error["code"], row["ours"]));
    check(error["at"] == row["at"], format!("`at` is {}, expected {}", error["at"], row["at"]));
    check(error["code"] != "internal", "a refusal of AWS must not be reported as `internal`".to_owned());
    let hint = error["hint"].as_str().unwrap_or_default();
    check(!hint.is_empty(), "no hint".to_owned());
    if let Some(words) = row["hint"].as_str() {
        check(hint.contains(words), format!("the hint lacks `{words}`: {hint}"));
    }
    let message = error["message"].as_str().unwrap_or_default();
    check(!message.is_empty() && message.len() < 700, format!("the message is empty or too long: {message}"));
    if let Some(words) = row["says"].as_str() {
        check(message.contains(words), format!("the message lacks `{words}`: {message}"));
    }
    let all = error.to_string();
    if let Some(words) = row["lacks"].as_str() {
        check(!all.contains(words), format!("shows `{words}`"));
    }
    if row.get("statement").is_some() {
        check(
            error["policy_statement"] == row["statement"],
            format!("`policy_statement` is {}", error["policy_statement"]),
        );
    }
    complaints
}

#[test]
#[ignore = "second tier: long"]
fn every_text_that_a_deployment_can_meet_is_mapped_and_has_a_hint() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/refusals.json");
    let rows: Vec<Value> = serde_json::from_str(&fs::read_to_string(path).expect("readable")).expect("JSON");
    let wanted = std::env::var("REFUSAL").unwrap_or_default();
    let picked: Vec<&Value> = rows
        .iter()
        .filter(|row| row["message"].as_str().is_some_and(|text| text.contains(&wanted)))
        .collect();
    let met: Vec<&Value> = picked.iter().copied().filter(|row| row.get("never").is_none()).collect();
    let (mapped, hinted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let failed = problems(
        &met,
        6,
        |row| row["message"].to_string(),
        |row| {
            let error = reported(row);
            if std::env::var_os("REFUSALS_PRINT").is_some() {
                println!("{}", json!({"row": row, "error": error}));
            }
            mapped.fetch_add(usize::from(error["code"] == row["ours"]), Ordering::Relaxed);
            hinted.fetch_add(usize::from(error["hint"].is_string()), Ordering::Relaxed);
            let complaints = complaints(row, &error);
            if complaints.is_empty() {
                Ok(())
            } else {
                Err(format!("{}\n  {error}", complaints.join("\n  ")))
            }
        },
    );
    let never = picked.len() - met.len();
    let (mapped, hinted) = (mapped.into_inner(), hinted.into_inner());
    println!(
        "{} texts tested, {mapped} with the expected code, {hinted} with a hint; {never} more that no deployment can get",
        met.len()
    );
    assert!(failed.is_empty(), "{} of {} texts:\n{}", failed.len(), met.len(), failed.join("\n"));
    assert!(!wanted.is_empty() || met.len() >= 150, "only {} texts", met.len());
}
