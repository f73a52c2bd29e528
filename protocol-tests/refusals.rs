//! Every text with which AWS refuses a call of a deployment, answered by the endpoint to the real program: what does a
//! person read then?
//!
//! `refusals.json` holds the texts, recorded from AWS unless `source` says otherwise, the operation that gets it, and what
//! we make of it. `never` says why a deployment cannot meet a text. `REFUSAL=part-of-a-text` picks some.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, thread};

use lambda_endpoint::{Endpoint, Fault, FaultKind, Settings};
use serde_json::{Value, json};

use crate::deployments::{build_directory, request};
use crate::plugin::Plugin;

/// What a stanza must say so that a deployment makes the call, and whether the function is there before.
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
        "TagResource" => (json!({"function_tags": {"team": "blue"}}), true),
        "PutFunctionCodeSigningConfig" => {
            let config = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0";
            (json!({"code_signing_config_arn": config}), true)
        }
        "CreateFunctionUrlConfig" => (json!({"function_url": {"auth_type": "AWS_IAM"}}), true),
        "AddPermission" => (json!({"function_url": {"auth_type": "NONE"}}), true),
        "Invoke" => (verified, true),
        other => panic!("no stanza makes {other} necessary here"),
    }
}

/// What a run says of a refusal.
fn told(row: &Value) -> Value {
    let operation = row["operation"].as_str().expect("a text that is met names its operation");
    let (members, exists) = occasion(operation);
    let endpoint = Endpoint::start(Settings::default()).expect("a free port");
    let directory = build_directory();
    let mut stanza = request(&endpoint);
    if exists {
        let before = if operation == "UpdateAlias" { json!({"alias": "moved"}) } else { json!({}) };
        stanza["wait_timeout"] = json!(60);
        deploy(&mut stanza, &before, directory.path());
        fs::write(directory.path().join("index.js"), "// 2\n").expect("writable");
    }
    endpoint.fault(Fault {
        operation: Some(operation.to_owned()),
        after: 0,
        times: u32::MAX,
        kind: FaultKind::Status {
            status: row["http"].as_u64().and_then(|status| u16::try_from(status).ok()).expect("a status"),
            code: row["code"].as_str().expect("a code").to_owned(),
            message: row["message"].as_str().expect("a text").to_owned(),
            retry_after: None,
        },
    });
    // These are waited on.
    let passing = ["in progress", "initializing your function", "is inactive"];
    let passes = row["message"].as_str().is_some_and(|text| passing.iter().any(|words| text.contains(words)));
    stanza["wait_timeout"] = json!(if passes { 1 } else { 60 });
    let finished = deploy(&mut stanza, &members, directory.path());
    assert_eq!(finished["outcome"], "failed", "{row}\n{finished}");
    finished["error"].clone()
}

fn deploy(stanza: &mut Value, members: &Value, directory: &Path) -> Value {
    for (key, value) in members.as_object().expect("an object") {
        stanza[key] = value.clone();
    }
    Plugin::new(&[]).directory(directory).run(stanza).finished().clone()
}

/// What is wrong with what is told of a text; empty: nothing.
fn complaints(row: &Value, error: &Value) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut check = |is_right: bool, what: String| {
        if !is_right {
            complaints.push(what);
        }
    };
    check(error["code"] == row["ours"], format!("code {}, not {}", error["code"], row["ours"]));
    check(error["at"] == row["at"], format!("at {}, not {}", error["at"], row["at"]));
    check(error["code"] != "internal", "a refusal is no bug of ours".to_owned());
    let hint = error["hint"].as_str().unwrap_or_default();
    check(!hint.is_empty(), "no hint".to_owned());
    if let Some(words) = row["hint"].as_str() {
        check(hint.contains(words), format!("the hint lacks `{words}`: {hint}"));
    }
    let message = error["message"].as_str().unwrap_or_default();
    check(!message.is_empty() && message.len() < 700, format!("a sentence: {message}"));
    let all = error.to_string();
    if let Some(words) = row["lacks"].as_str() {
        check(!all.contains(words), format!("shows `{words}`"));
    }
    if row.get("statement").is_some() {
        check(error["policy_statement"] == row["statement"], format!("the statement is {}", error["policy_statement"]));
    }
    complaints
}

#[test]
fn every_text_that_a_deployment_can_meet_is_mapped_and_has_a_hint() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("protocol-tests/refusals.json");
    let rows: Vec<Value> = serde_json::from_str(&fs::read_to_string(path).expect("committed")).expect("JSON");
    let wanted = std::env::var("REFUSAL").unwrap_or_default();
    let picked: Vec<&Value> =
        rows.iter().filter(|row| row["message"].as_str().is_some_and(|text| text.contains(&wanted))).collect();
    let met: Vec<&Value> = picked.iter().copied().filter(|row| row.get("never").is_none()).collect();
    let (next, mapped, hinted) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let failed: Vec<String> = thread::scope(|scope| {
        let worker = || {
            let mut failed = Vec::new();
            while let Some(row) = met.get(next.fetch_add(1, Ordering::Relaxed)) {
                let error = told(row);
                if std::env::var_os("REFUSALS_TOLD").is_some() {
                    println!("{}", json!({"row": row, "error": error}));
                }
                mapped.fetch_add(usize::from(error["code"] == row["ours"]), Ordering::Relaxed);
                hinted.fetch_add(usize::from(error["hint"].is_string()), Ordering::Relaxed);
                let complaints = complaints(row, &error);
                if !complaints.is_empty() {
                    failed.push(format!("{}\n  {}\n  {error}", row["message"], complaints.join("\n  ")));
                }
            }
            failed
        };
        let workers: Vec<_> = (0..6).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    let never = picked.len() - met.len();
    let (mapped, hinted) = (mapped.into_inner(), hinted.into_inner());
    println!("{} texts tried, {mapped} mapped, {hinted} with a hint; {never} more that no deployment meets", met.len());
    assert!(failed.is_empty(), "{} of {} texts:\n{}", failed.len(), met.len(), failed.join("\n"));
    assert!(!wanted.is_empty() || met.len() >= 150, "only {} texts", met.len());
}
