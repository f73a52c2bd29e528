//! Tests `dpl-lambda policy`. The endpoint enforces policies as IAM does. Every kind of deployment must
//! succeed with the policy that is printed for it. Without any one of its statements or actions, it must fail
//! or warn about what it cannot read.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use lambda_endpoint::{Alarm, DeploymentGroup, Fault, FaultKind, Metrics, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::{Fixture, problems};
use crate::plugin::{PluginOutput, program};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/1";
const LAYER: &str = "arn:aws:lambda:us-east-1:123456789012:layer:tools:1";
const SIGNING: &str = "arn:aws:lambda:us-east-1:123456789012:code-signing-config:csc-0123456789abcdef0";
const ACCESS_POINT: &str =
    "arn:aws:elasticfilesystem:us-east-1:123456789012:access-point/fsap-0123456789abcdef0";

/// Actions that a deployment needs only after a problem: after a lost response, and after an upload that was
/// aborted.
const FOR_BAD_DAYS: [&str; 2] = ["lambda:GetAlias", "s3:AbortMultipartUpload"];

/// Warnings of a run that could not read something.
const BLIND: [&str; 3] = ["callers-unknown", "live-value-unknown", "would-be-refused"];

/// Parts of the notes that many stanzas have.
const USUAL_NOTES: [&str; 2] = ["has a KMS key; if it has, set", "statements that begin with `Optional`"];

/// A kind of deployment: its stanza, and the stanza of an earlier deployment of the same function.
struct Kind {
    name: &'static str,
    stanza: Value,
    before: Value,
    /// True if the stanza has everything that a creation needs.
    creates: bool,
    /// True if the test ends with a rollback.
    rolls_back: bool,
    /// Changes the function between the two deployments.
    meanwhile: fn(&Fixture, &Kind),
    /// Part of the note that the program prints beside the policy, in addition to notes about KMS keys.
    note: Option<&'static str>,
    /// Actions in the policy that this kind does not need, although similar kinds do.
    spare: &'static [&'static str],
}

fn kind(name: &'static str, stanza: Value, before: Value) -> Kind {
    let rolls_back = stanza.get("alias").is_some();
    let with_timeout = |mut stanza: Value, seconds: u32| {
        stanza["timeout"] = json!(seconds);
        stanza
    };
    let (stanza, before) = (with_timeout(stanza, 20), with_timeout(before, 10));
    Kind { name, stanza, before, creates: true, rolls_back, meanwhile: |_, _| {}, note: None, spare: &[] }
}

/// A kind whose stanza has not everything that a creation needs.
fn update(name: &'static str, stanza: Value, before: Value) -> Kind {
    Kind { creates: false, ..kind(name, bare(stanza), before) }
}

/// The stanza with the function's ARN as name, and without role, runtime and handler.
fn bare(mut stanza: Value) -> Value {
    stanza["function_name"] = json!(FUNCTION);
    for key in ["role", "runtime", "handler_name"] {
        stanza[key] = Value::Null;
    }
    stanza
}

/// Adds a statement to the function's policy that has the name of our statement and a different content.
fn bend_statement(live: &Fixture, _: &Kind) {
    let bent = json!({"StatementId": "dpl-lambda-function-url", "Action": "lambda:InvokeFunctionUrl",
        "Principal": "210987654321", "FunctionUrlAuthType": "AWS_IAM"});
    live.endpoint.perform("POST", "/2015-03-31/functions/f/policy", bent).expect("AWS would add it");
}

/// The same as [`bend_statement`], for the policy of the alias.
fn bend_aliases_statement(live: &Fixture, _: &Kind) {
    let bent = json!({"StatementId": "dpl-lambda-function-url", "Action": "lambda:InvokeFunctionUrl",
        "Principal": "210987654321", "FunctionUrlAuthType": "AWS_IAM"});
    live.endpoint
        .perform("POST", "/2015-03-31/functions/f/policy?Qualifier=live", bent)
        .expect("AWS would add it");
}

/// Adds a function URL without alias, as from a deployment before the alias existed, and a statement with our
/// name.
fn open_latest(live: &Fixture, kind: &Kind) {
    let url = json!({"AuthType": "NONE"});
    live.endpoint.perform("POST", "/2021-10-31/functions/f/url", url).expect("AWS would create it");
    bend_statement(live, kind);
}

/// Makes the last update of the function fail.
fn fail_update(live: &Fixture, kind: &Kind) {
    let (reason_code, reason) = ("InvalidImage".to_owned(), "The image cannot be read.".to_owned());
    let kind_of_fault = FaultKind::UpdateFails { reason_code, reason };
    let operation = Some("UpdateFunctionConfiguration".to_owned());
    live.endpoint.fault(Fault { operation, after: 0, times: 1, kind: kind_of_fault });
    let mut stanza = kind.before.clone();
    stanza["timeout"] = json!(11);
    assert_eq!(live.run(&[], &stanza).outcome(), "failed", "{}: the earlier deployment", kind.name);
}

fn kinds() -> Vec<Kind> {
    let role = "arn:aws:iam::123456789012:role/other";
    let image = |tag: &str| {
        let uri = format!("123456789012.dkr.ecr.us-east-1.amazonaws.com/app:{tag}");
        json!({"image_uri": uri, "runtime": null, "handler_name": null})
    };
    let network = json!({"subnet_ids": ["subnet-1"], "security_group_ids": ["sg-1"]});
    let url = |auth_type: &str| json!({"function_url": {"auth_type": auth_type}});
    let with_alias = |mut stanza: Value| {
        stanza["alias"] = json!("live");
        stanza
    };
    let provisioned = |stanza: Value| {
        let mut stanza = with_alias(stanza);
        stanza["provisioned_concurrency"] = json!(2);
        stanza
    };
    let object = |key: &str| json!({"s3_bucket": "builds", "s3_key": key});
    let managed = |invocations: u32| {
        let provider = "arn:aws:lambda:us-east-1:123456789012:capacity-provider:ours";
        json!({
            "capacity_provider_arn": provider, "per_execution_environment_max_concurrency": invocations,
        })
    };
    vec![
        kind("settings and code", json!({}), json!({"role": role})),
        Kind { stanza: bare(json!({})), ..update("only code", json!({}), json!({})) },
        kind(
            "variables under a key",
            json!({"environment": {"A": "variable"}, "kms_key_arn": KEY}),
            json!({"environment": {"A": "before"}, "kms_key_arn": KEY}),
        ),
        kind("a package under a key", json!({"source_kms_key_arn": KEY}), json!({})),
        kind("layers", json!({"layers": [LAYER]}), json!({})),
        kind("layers by name", json!({"layers": ["tools", "more:1"]}), json!({})),
        kind(
            "a layer that the stanza builds",
            json!({"layers": [{"name": "deps", "zip": "index.js", "keep_versions": 1}]}),
            json!({"layers": [{"name": "deps", "zip": "index.js"}]}),
        ),
        kind("a network", network.clone(), json!({})),
        update(
            "one member of a network, with the others live",
            json!({"ipv6_allowed_for_dual_stack": true}),
            network.clone(),
        ),
        kind(
            "a file system",
            {
                let mut stanza = network;
                stanza["file_system_configs"] =
                    json!([{"arn": ACCESS_POINT, "local_mount_path": "/mnt/data"}]);
                stanza
            },
            json!({}),
        ),
        kind("tags", json!({"function_tags": {"team": "blue"}}), json!({"function_tags": {"team": "red"}})),
        kind(
            "tags, removing all others",
            json!({"function_tags": {"team": "blue"}, "function_tags_mode": "replace"}),
            json!({"function_tags": {"old": "one"}}),
        ),
        kind("code signing", json!({"code_signing_config_arn": SIGNING}), json!({})),
        kind(
            "no code signing",
            json!({"code_signing_config_arn": ""}),
            json!({"code_signing_config_arn": SIGNING}),
        ),
        kind("reserved concurrency", json!({"reserved_concurrency": 5}), json!({})),
        kind(
            "no reserved concurrency",
            json!({"reserved_concurrency": "none"}),
            json!({"reserved_concurrency": 5}),
        ),
        kind(
            "runtime management",
            json!({"runtime_management": {"update_runtime_on": "FunctionUpdate"}}),
            json!({}),
        ),
        kind("recursive loops", json!({"recursive_loop": "Allow"}), json!({})),
        kind(
            "asynchronous invocations",
            json!({"event_invoke_config": {"maximum_retry_attempts": 0}}),
            json!({}),
        ),
        kind(
            "asynchronous invocations as AWS treats them by default",
            json!({"event_invoke_config": {}}),
            json!({"event_invoke_config": {"maximum_retry_attempts": 0}}),
        ),
        Kind { meanwhile: bend_statement, ..kind("a public function URL", url("NONE"), url("AWS_IAM")) },
        kind("a function URL with IAM authentication", url("AWS_IAM"), url("NONE")),
        kind("no function URL", json!({"function_url": "none"}), url("NONE")),
        Kind {
            meanwhile: bend_aliases_statement,
            ..kind("a public function URL of an alias", with_alias(url("NONE")), provisioned(url("AWS_IAM")))
        },
        Kind {
            meanwhile: open_latest,
            ..kind(
                "no function URL of an alias",
                with_alias(json!({"function_url": "none"})),
                provisioned(url("NONE")),
            )
        },
        kind("a version", json!({"publish": true, "snap_start": "PublishedVersions"}), json!({})),
        kind(
            "a durable function under a key that keeps few versions",
            json!({
                "publish": true, "keep_versions": 1, "snap_start": "PublishedVersions",
                "durable_config": {"execution_timeout": 3600, "kms_key_arn": KEY},
            }),
            json!({"publish": true, "durable_config": {"execution_timeout": 60}}),
        ),
        kind(
            "Managed Instances",
            json!({
                "capacity_provider_config": managed(16), "verify": {},
                "scaling": {"max_execution_environments": 9},
            }),
            json!({"capacity_provider_config": managed(8)}),
        ),
        kind("a verified function", json!({"verify": {}}), json!({})),
        kind(
            "a verified version",
            json!({"publish": true, "verify": {}, "snap_start": "PublishedVersions"}),
            json!({}),
        ),
        kind("a function verified by a command", json!({"verify": {"command": "true"}}), json!({})),
        kind(
            "a function verified by a command and an invocation",
            json!({"verify": [{"command": "true"}, {"client_context": {}, "log": true}]}),
            json!({}),
        ),
        kind(
            "an alias whose provisioned concurrency the stanza does not name",
            json!({"alias": "live"}),
            json!({"alias": "live", "provisioned_concurrency": 2}),
        ),
        kind(
            "an alias with verification, traffic and provisioned concurrency",
            json!({"alias": "live", "verify": {}, "traffic": [50], "traffic_interval": 1, "provisioned_concurrency": 2}),
            json!({"alias": "live"}),
        ),
        kind(
            "asynchronous invocations of an alias with a description",
            with_alias(json!({
                "event_invoke_config": {"maximum_retry_attempts": 0}, "alias_description": "The live shop",
            })),
            provisioned(json!({})),
        ),
        Kind {
            // AWS offers no provisioned concurrency for SnapStart.
            spare: &["lambda:GetProvisionedConcurrencyConfig"],
            ..kind(
                "an alias that keeps few versions, with SnapStart",
                json!({"alias": "live", "keep_versions": 1, "snap_start": "PublishedVersions"}),
                json!({"alias": "live"}),
            )
        },
        Kind {
            meanwhile: |live, _| {
                let queue = "arn:aws:sqs:us-east-1:123456789012:orders";
                let mapping = json!({"EventSourceArn": queue, "FunctionName": "f"});
                live.endpoint
                    .perform("POST", "/2015-03-31/event-source-mappings", mapping)
                    .expect("AWS would create it");
            },
            ..kind(
                "an alias that an event source follows",
                json!({"alias": "live", "follow_alias": true}),
                json!({"alias": "live", "provisioned_concurrency": 2}),
            )
        },
        Kind {
            meanwhile: |live, _| live.endpoint.set_alarm(Alarm::named("shop-5xx")),
            ..kind(
                "an alias with a guard",
                json!({
                    "alias": "live", "provisioned_concurrency": 2, "guard": {"alarms": ["shop-5xx"], "bake": 1},
                }),
                json!({"alias": "live"}),
            )
        },
        Kind {
            // The rollback finds no deployment that it would have to stop.
            spare: &["codedeploy:StopDeployment"],
            ..kind(
                "an alias that CodeDeploy moves",
                json!({"alias": "live", "codedeploy": {
                    "application": "shop",
                    "deployment_group": "live",
                    "config": "CodeDeployDefault.LambdaAllAtOnce",
                }}),
                json!({"alias": "live", "provisioned_concurrency": 2}),
            )
        },
        kind(
            "an alias without provisioned concurrency",
            json!({"alias": "live", "provisioned_concurrency": "none"}),
            json!({"alias": "live", "provisioned_concurrency": 2}),
        ),
        kind("an image", image("2"), image("1")),
        Kind {
            meanwhile: fail_update,
            note: Some("the live image's repository is not known"),
            ..update(
                "the live image after an update that failed",
                json!({"package_type": "Image"}),
                image("1"),
            )
        },
        kind("an object in a bucket", object("2.zip"), object("1.zip")),
        kind(
            "a version of an object",
            json!({"s3_bucket": "builds", "s3_key": "1.zip", "s3_object_version": "v2"}),
            object("1.zip"),
        ),
    ]
}

/// The policy that the program prints for a request, and the lines on standard error.
fn policy(request: &Value) -> (Value, Vec<String>) {
    let output = printed(request);
    let notes = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{notes}");
    let policy = serde_json::from_slice(&output.stdout).expect("JSON");
    (policy, notes.lines().map(str::to_owned).collect())
}

fn printed(request: &Value) -> Output {
    let mut child = Command::new(program())
        .arg("policy")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("can be started");
    serde_json::to_writer(child.stdin.take().expect("piped"), request).expect("writable");
    child.wait_with_output().expect("can be waited for")
}

/// Runs deployments under a policy: creates a function, updates one that differs in everything that the
/// stanza names, repeats that, and rolls back. Returns the first problem, or `None` if there is none.
fn complaint(kind: &Kind, policy: &Value) -> Option<String> {
    let (absent, live) = (fixture(), fixture());
    if kind.creates {
        absent.endpoint.enforce(policy.clone());
        if let Some(complaint) = flaw(&absent.run(&[], &kind.stanza)) {
            return Some(format!("a creation: {complaint}"));
        }
    }
    for content in ["// 0\n", "// 1\n"] {
        live.write(content);
        assert_eq!(
            live.run(&[], &kind.before).outcome(),
            "deployed",
            "{}: the earlier deployment",
            kind.name
        );
    }
    (kind.meanwhile)(&live, kind);
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
        return Some(format!("a repeated deployment: {complaint}"));
    }
    if kind.rolls_back {
        return flaw(&live.run(&["rollback"], &kind.stanza))
            .map(|complaint| format!("a rollback: {complaint}"));
    }
    None
}

/// The problem of a run, if any: it failed, or it could not read what it had to compare.
fn flaw(ended: &PluginOutput) -> Option<String> {
    let blind = ended.events.iter().find(|event| BLIND.iter().any(|code| event["code"] == *code));
    match ended.outcome() {
        "failed" => Some(ended.finished()["error"]["message"].to_string()),
        _ => blind.map(|warning| warning["message"].to_string()),
    }
}

/// A fixture whose endpoint takes 20 ms for each change, and has two layers.
fn fixture() -> Fixture {
    let moment = Duration::from_millis(20);
    let settings = Settings {
        create_duration: moment,
        update_duration: moment,
        provision_duration: moment,
        shift_duration: moment,
        deployment_groups: vec![DeploymentGroup::default()],
        ..Settings::default()
    };
    let fixture = Fixture::of(settings, json!({"region": "us-east-1", "zip": null}));
    for layer in ["tools", "more"] {
        let content = json!({"Content": {"S3Bucket": "builds", "S3Key": "layer.zip"}});
        fixture.another_client("POST", &format!("/2018-10-31/layers/{layer}/versions"), content);
    }
    fixture
}

/// All policies that lack one statement or one action of `policy`, by the name of what they lack. Keeps the
/// actions in `spare`.
fn lessened(policy: &Value, spare: &[&str]) -> BTreeMap<String, Value> {
    let mut lessened = BTreeMap::new();
    let statements = policy["Statement"].as_array().expect("a list");
    for (at, statement) in statements.iter().enumerate() {
        let without = |change: &dyn Fn(&mut Vec<Value>)| {
            let mut policy = policy.clone();
            change(policy["Statement"].as_array_mut().expect("a list"));
            policy
        };
        let sid = statement["Sid"].as_str().expect("a string");
        let actions = statement["Action"].as_array().expect("a list");
        let is_spare = |action: &Value| {
            [&FOR_BAD_DAYS, spare].iter().any(|names| names.iter().any(|name| action == name))
        };
        if !actions.iter().all(is_spare) {
            lessened
                .insert(format!("the statement {sid}"), without(&|statements| drop(statements.remove(at))));
        }
        for action in actions.iter().filter(|_| actions.len() > 1) {
            let name = action.as_str().expect("a string");
            if !is_spare(action) {
                let change = |statements: &mut Vec<Value>| {
                    statements[at]["Action"].as_array_mut().expect("a list").retain(|other| other != action);
                };
                lessened.insert(format!("{name} of {sid}"), without(&change));
            }
        }
    }
    // IAM requires at least one statement.
    lessened
        .retain(|_, policy| policy["Statement"].as_array().is_some_and(|statements| !statements.is_empty()));
    lessened
}

#[test]
#[ignore = "second tier: long"]
fn every_kind_of_deployment_runs_under_its_own_policy_and_not_under_less() {
    let kinds = kinds();
    let mut trials: Vec<(&Kind, Option<String>, Value)> = Vec::new();
    for kind in &kinds {
        let (policy, notes) = policy(&fixture().with(&kind.stanza));
        let is_usual = |note: &&String| USUAL_NOTES.iter().any(|usual| note.contains(usual));
        let open: Vec<&String> = notes.iter().filter(|note| !is_usual(note)).collect();
        let is_it = |note: &&String| kind.note.is_some_and(|expected| note.contains(expected));
        assert!(open.iter().all(is_it) && open.len() == kind.note.iter().count(), "{}: {open:?}", kind.name);
        trials.push((kind, None, policy.clone()));
        trials.extend(
            lessened(&policy, kind.spare).into_iter().map(|(what, policy)| (kind, Some(what), policy)),
        );
    }
    let name = |(kind, without, _): &(&Kind, Option<String>, Value)| match without {
        Some(what) => format!("{} without {what}", kind.name),
        None => kind.name.to_owned(),
    };
    let failed =
        problems(&trials, 6, name, |(kind, without, policy)| match (without, complaint(kind, policy)) {
            (None, Some(complaint)) => Err(format!("{complaint}\n{policy:#}")),
            (Some(_), None) => Err("succeeds, so this is not needed".to_owned()),
            (None, None) | (Some(_), Some(_)) => Ok(()),
        });
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    let statements = trials
        .iter()
        .filter(|(_, what, _)| what.as_ref().is_some_and(|what| what.starts_with("the ")))
        .count();
    let actions = trials.len() - kinds.len() - statements;
    println!(
        "{} deployments under their own policy; removed {statements} statements and {actions} actions, and each was needed",
        kinds.len()
    );
    assert!(statements >= kinds.len() && actions >= 100, "{statements} statements, {actions} actions");
}

/// A bake with `errors` takes minutes, so the version fails too often, which ends the deployment early.
#[test]
fn a_guard_of_errors_needs_to_read_metrics() {
    let (stanza, before) = (json!({"alias": "live", "guard": {"errors": "1%"}}), json!({"alias": "live"}));
    let fixture = fixture();
    assert_eq!(fixture.run(&[], &before).outcome(), "deployed");
    fixture.endpoint.set_metrics(Metrics::of("2", 900, 1000));
    let (policy, _) = policy(&fixture.with(&stanza));
    let allowing = |is_kept: fn(&Value) -> bool| {
        let mut policy = policy.clone();
        for statement in policy["Statement"].as_array_mut().expect("a list") {
            statement["Action"].as_array_mut().expect("a list").retain(is_kept);
        }
        let statements = policy["Statement"].as_array_mut().expect("a list");
        statements.retain(|statement| statement["Action"] != json!([]));
        policy
    };
    fixture.write("// 2\n");
    fixture.endpoint.enforce(allowing(|action| action != "cloudwatch:GetMetricData"));
    assert_eq!(fixture.run(&[], &stanza).code(), "access-denied");
    fixture.endpoint.enforce(allowing(|_| true));
    assert_eq!(fixture.run(&[], &stanza).code(), "errors-exceeded");
    assert!(!policy.to_string().contains("cloudwatch:DescribeAlarms"), "{policy}");
}

/// The `Resource` of the first statement, which is about the function, and the notes.
fn function_and_notes(env: &Value) -> (String, Vec<String>) {
    let request = json!({"function_name": "f", "role": "arn:aws:iam::123456789012:role/run", "env": env});
    let (policy, notes) = policy(&request);
    (policy["Statement"][0]["Resource"][0].as_str().expect("a string").to_owned(), notes)
}

#[test]
fn no_file_of_the_runner_or_the_build_sets_the_region() {
    let (runner, build) = (TempDir::new().expect("can be created"), TempDir::new().expect("can be created"));
    for (aws, region) in
        [(runner.path().join(".aws"), "eu-north-1"), (build.path().join("~/.aws"), "ap-south-1")]
    {
        fs::create_dir_all(&aws).expect("can be created");
        fs::write(aws.join("config"), format!("[default]\nregion = {region}\n")).expect("writable");
    }
    let region = |env: Value, home: Option<&std::path::Path>| {
        let mut command = Command::new(program());
        command
            .arg("policy")
            .env_clear()
            .current_dir(build.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        home.map(|home| command.env("HOME", home));
        let mut child = command.stderr(Stdio::null()).spawn().expect("can be started");
        let request = json!({"function_name": "f", "env": env});
        serde_json::to_writer(child.stdin.take().expect("piped"), &request).expect("writable");
        let output = child.wait_with_output().expect("can be waited for");
        let policy: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        policy["Statement"][0]["Resource"][0]
            .as_str()
            .and_then(|arn| arn.split(':').nth(3))
            .map(str::to_owned)
    };
    let home = Some(runner.path());
    assert_eq!(region(json!({}), home).as_deref(), Some("us-east-1"), "the runner's files are not read");
    assert_eq!(
        region(Value::Null, None).as_deref(),
        Some("us-east-1"),
        "a directory named ~ is not the home directory"
    );
    assert_eq!(
        region(json!({"HOME": runner.path()}), None).as_deref(),
        Some("eu-north-1"),
        "the file of the job is read"
    );
}

#[test]
fn the_policy_is_for_the_region_in_which_a_deployment_acts() {
    for (env, region) in [
        (json!({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"}), "eu-west-1"),
        (json!({"AWS_REGION": "", "AWS_DEFAULT_REGION": "eu-west-1"}), "eu-west-1"),
        (json!({"LAMBDA_REGION": "eu-west-1"}), "eu-west-1"),
        (json!({}), "us-east-1"),
    ] {
        let (function, notes) = function_and_notes(&env);
        assert_eq!(function, format!("arn:aws:lambda:{region}:123456789012:function:f"), "{env}");
        let is_said = notes.iter().any(|note| note.contains("no region is set, so this is us-east-1"));
        assert_eq!(is_said, env == json!({}), "{env}: {notes:?}");
    }
    let output = printed(&json!({"function_name": "f", "env": {"AWS_REGION": "nonsense!"}}));
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.success(), output.stdout.len()), (false, 0), "{words}");
    assert!(words.contains("`AWS_REGION` is `nonsense!`"), "{words}");
}

#[test]
fn a_variable_that_is_not_set_is_said_beside_the_policy() {
    let request =
        json!({"function_name": FUNCTION, "role": "arn:aws:iam::123456789012:role/$ROLE", "env": {}});
    let (policy, notes) = policy(&request);
    assert!(notes.iter().any(|note| note.contains("$ROLE")), "{notes:?}");
    assert_eq!(policy["Statement"][1]["Resource"], json!(["arn:aws:iam::123456789012:role/${$}ROLE"]));
}

#[test]
fn the_function_is_opened_under_the_condition_that_it_is_to_everybody() {
    let stanza = json!({"function_url": {"auth_type": "NONE"}});
    let fixture = fixture();
    let (mut policy, _) = policy(&fixture.with(&stanza));
    let statements = policy["Statement"].as_array_mut().expect("a list");
    let condition = statements.iter_mut().find_map(|statement| {
        statement.get_mut("Condition").filter(|it| it["StringEquals"]["lambda:Principal"] == "*")
    });
    *condition.expect("one statement has the principal *") =
        json!({"StringEquals": {"lambda:Principal": "210987654321"}});
    fixture.endpoint.enforce(policy);
    let complaint = flaw(&fixture.run(&[], &stanza)).expect("the principal * does not match that account");
    assert!(complaint.contains("lambda:AddPermission"), "{complaint}");
}
