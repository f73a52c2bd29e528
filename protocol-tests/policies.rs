//! `dpl-lambda policy`: every kind of deployment runs under the policy that is printed for it, judged by an endpoint that
//! enforces it as IAM does, and fails, or says what it cannot see, without any one statement or action of it.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use std::{fs, thread};

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::deployments::{build_directory, request};
use crate::plugin::{Ended, Plugin, program};

const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1";
const LAYER: &str = "arn:aws:lambda:us-east-1:123456789012:layer:tools:1";
const SIGNING: &str = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0";
const ACCESS_POINT: &str = "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0";

/// Actions for what a deployment meets only when something goes wrong: an answer is lost, an upload is given up.
const FOR_BAD_DAYS: [&str; 2] = ["lambda:GetAlias", "s3:AbortMultipartUpload"];

/// A kind of deployment: what its stanza says, and what the stanza of a deployment before it said.
struct Kind {
    name: &'static str,
    stanza: Value,
    before: Value,
    /// Whether the stanza says enough to create the function.
    creates: bool,
    /// Whether the alias goes back at the end.
    rolls_back: bool,
}

fn kind(name: &'static str, stanza: Value, before: Value) -> Kind {
    let rolls_back = stanza.get("alias").is_some();
    let with_timeout = |mut stanza: Value, seconds: u32| {
        stanza["timeout"] = json!(seconds);
        stanza
    };
    let (stanza, before) = (with_timeout(stanza, 20), with_timeout(before, 10));
    Kind { name, stanza, before, creates: true, rolls_back }
}

fn kinds() -> Vec<Kind> {
    let role = "arn:aws:iam::123456789012:role/other";
    let image = |tag: &str| {
        let uri = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/app:{tag}");
        json!({"image_uri": uri, "runtime": null, "handler_name": null})
    };
    let network = json!({"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]});
    let url = |auth_type: &str| json!({"function_url": {"auth_type": auth_type}});
    let object = |key: &str| json!({"s3_bucket": "builds", "s3_key": key});
    vec![
        kind("settings and code", json!({}), json!({"role": role})),
        Kind {
            name: "code alone",
            stanza: json!({"function_name": "arn:aws:lambda:us-east-1:123456789012:function:f",
                "role": null, "runtime": null, "handler_name": null}),
            before: json!({}),
            creates: false,
            rolls_back: false,
        },
        kind(
            "variables under a key",
            json!({"environment": {"A": "variable"}, "kms_key_arn": KEY}),
            json!({"environment": {"A": "before"}, "kms_key_arn": KEY}),
        ),
        kind("a package under a key", json!({"source_kms_key_arn": KEY}), json!({})),
        kind("layers", json!({"layers": [LAYER]}), json!({})),
        kind("a network", network.clone(), json!({})),
        kind(
            "a file system",
            {
                let mut stanza = network;
                stanza["file_system_configs"] = json!([{"arn": ACCESS_POINT, "local_mount_path": "/mnt/data"}]);
                stanza
            },
            json!({}),
        ),
        kind("tags", json!({"function_tags": {"team": "blue"}}), json!({"function_tags": {"team": "red"}})),
        kind(
            "tags and no others",
            json!({"function_tags": {"team": "blue"}, "function_tags_mode": "replace"}),
            json!({"function_tags": {"old": "one"}}),
        ),
        kind("code signing", json!({"code_signing_config_arn": SIGNING}), json!({})),
        kind("no code signing", json!({"code_signing_config_arn": ""}), json!({"code_signing_config_arn": SIGNING})),
        kind("reserved concurrency", json!({"reserved_concurrency": 5}), json!({})),
        kind("no reserved concurrency", json!({"reserved_concurrency": "none"}), json!({"reserved_concurrency": 5})),
        kind("a public address", url("NONE"), url("AWS_IAM")),
        kind("an address for callers that IAM knows", url("AWS_IAM"), url("NONE")),
        kind("no address", json!({"function_url": "none"}), url("NONE")),
        kind("a version", json!({"publish": true, "snap_start": "PublishedVersions"}), json!({})),
        kind("a verified function", json!({"verify": {}}), json!({})),
        kind("a function that a command verifies", json!({"verify": {"command": "true"}}), json!({})),
        kind("an alias", json!({"alias": "live"}), json!({"alias": "live"})),
        kind(
            "an alias with a proof, traffic and executions that are ready",
            json!({"alias": "live", "verify": {}, "traffic": [50], "traffic_interval": 1, "provisioned_concurrency": 2}),
            json!({"alias": "live"}),
        ),
        kind(
            "an alias that keeps few versions, each a snapshot",
            json!({"alias": "live", "keep_versions": 1, "snap_start": "PublishedVersions"}),
            json!({"alias": "live"}),
        ),
        kind(
            "an alias that keeps nothing ready",
            json!({"alias": "live", "provisioned_concurrency": "none"}),
            json!({"alias": "live", "provisioned_concurrency": 2}),
        ),
        kind("an image", image("2"), image("1")),
        kind("an object in a bucket", object("2.zip"), object("1.zip")),
        kind(
            "a version of an object",
            json!({"s3_bucket": "builds", "s3_key": "1.zip", "s3_object_version": "v2"}),
            object("1.zip"),
        ),
    ]
}

/// The policy that the program prints for a request.
fn policy(request: &Value) -> Value {
    let mut child = Command::new(program())
        .arg("policy")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it can be started");
    serde_json::to_writer(child.stdin.take().expect("piped"), request).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let notes = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), notes.as_str()), (Some(0), ""), "{request}");
    serde_json::from_slice(&output.stdout).expect("JSON alone")
}

/// One deployment after the other under a policy: of a function that is absent, of one that differs in all that the stanza
/// names, and back. What was not right about them; `None`: nothing.
fn complaint(kind: &Kind, policy: &Value) -> Option<String> {
    let (absent, live) = (stand(), stand());
    if kind.creates {
        absent.endpoint.enforce(policy.clone());
        if let Some(complaint) = flaw(&absent.run(&[], &kind.stanza)) {
            return Some(format!("a creation: {complaint}"));
        }
    }
    for content in ["// 0\n", "// 1\n"] {
        live.write(content);
        assert_eq!(live.run(&[], &kind.before).outcome(), "deployed", "{}: what was before", kind.name);
    }
    live.write("// 2\n");
    live.endpoint.enforce(policy.clone());
    let rehearsed = flaw(&live.run(&["plan"], &kind.stanza));
    let deployed = flaw(&live.run(&[], &kind.stanza));
    if let Some(complaint) = deployed {
        return Some(format!("an update: {complaint}"));
    }
    if let Some(complaint) = rehearsed {
        return Some(format!("a plan: {complaint}"));
    }
    if let Some(complaint) = flaw(&live.run(&[], &kind.stanza)) {
        return Some(format!("the same again: {complaint}"));
    }
    if kind.rolls_back {
        return flaw(&live.run(&["rollback"], &kind.stanza)).map(|complaint| format!("a rollback: {complaint}"));
    }
    None
}

/// Why a run is not what was asked for: it failed, or it could not see what it had to compare.
fn flaw(ended: &Ended) -> Option<String> {
    let blind = ended
        .events
        .iter()
        .find(|event| ["live-value-unknown", "would-be-refused"].iter().any(|code| event["code"] == *code));
    match ended.outcome() {
        "failed" => Some(ended.finished()["error"]["message"].to_string()),
        _ => blind.map(|warning| warning["message"].to_string()),
    }
}

struct Stand {
    endpoint: Endpoint,
    directory: TempDir,
}

fn stand() -> Stand {
    let moment = Duration::from_millis(20);
    let settings = Settings { create_duration: moment, update_duration: moment, ..Settings::default() };
    let endpoint = Endpoint::start(settings).expect("a free port");
    Stand { endpoint, directory: build_directory() }
}

impl Stand {
    fn write(&self, content: &str) {
        fs::write(self.directory.path().join("index.js"), content).expect("writable");
    }

    fn request(&self, members: &Value) -> Value {
        let mut request = request(&self.endpoint);
        request["region"] = json!("us-east-1");
        for (key, value) in members.as_object().expect("an object") {
            request[key] = value.clone();
        }
        request
    }

    fn run(&self, arguments: &[&str], members: &Value) -> Ended {
        Plugin::new(arguments).directory(self.directory.path()).run(&self.request(members))
    }
}

/// The policy without one of its statements, or one of its actions, by what that is called.
fn lessened(policy: &Value) -> BTreeMap<String, Value> {
    let mut lessened = BTreeMap::new();
    let statements = policy["Statement"].as_array().expect("statements");
    for (at, statement) in statements.iter().enumerate() {
        let without = |change: &dyn Fn(&mut Vec<Value>)| {
            let mut policy = policy.clone();
            change(policy["Statement"].as_array_mut().expect("statements"));
            policy
        };
        let sid = statement["Sid"].as_str().expect("every statement has a name");
        lessened.insert(format!("the statement {sid}"), without(&|statements| drop(statements.remove(at))));
        let actions = statement["Action"].as_array().expect("actions");
        for action in actions.iter().filter(|_| actions.len() > 1) {
            let name = action.as_str().expect("a text");
            if !FOR_BAD_DAYS.contains(&name) {
                let change = |statements: &mut Vec<Value>| {
                    statements[at]["Action"].as_array_mut().expect("actions").retain(|other| other != action);
                };
                lessened.insert(format!("{name} of {sid}"), without(&change));
            }
        }
    }
    // IAM wants at least one statement.
    lessened.retain(|_, policy| policy["Statement"].as_array().is_some_and(|statements| !statements.is_empty()));
    lessened
}

#[test]
fn every_kind_of_deployment_runs_under_its_own_policy_and_not_under_less() {
    let kinds = kinds();
    let mut trials: Vec<(&Kind, Option<String>, Value)> = Vec::new();
    for kind in &kinds {
        let policy = policy(&stand().request(&kind.stanza));
        trials.push((kind, None, policy.clone()));
        trials.extend(lessened(&policy).into_iter().map(|(what, policy)| (kind, Some(what), policy)));
    }
    let next = AtomicUsize::new(0);
    let failed: Vec<String> = thread::scope(|scope| {
        let worker = || {
            let mut failed = Vec::new();
            while let Some((kind, without, policy)) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                match (without, complaint(kind, policy)) {
                    (None, Some(complaint)) => failed.push(format!("{}: {complaint}\n{policy:#}", kind.name)),
                    (Some(what), None) => failed.push(format!("{} succeeds without {what}", kind.name)),
                    (None, None) | (Some(_), Some(_)) => {}
                }
            }
            failed
        };
        let workers: Vec<_> = (0..6).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a worker does not panic")).collect()
    });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let statements =
        trials.iter().filter(|(_, what, _)| what.as_ref().is_some_and(|what| what.starts_with("the "))).count();
    let actions = trials.len() - kinds.len() - statements;
    println!(
        "{} deployments under their own policy; {statements} statements and {actions} actions removed, each missed",
        kinds.len()
    );
    assert!(statements >= kinds.len() && actions >= 100, "{statements} statements, {actions} actions");
}
