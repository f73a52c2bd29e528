//! Tests `dpl-lambda policy`. The endpoint enforces policies as IAM does. Every kind of deployment must
//! succeed with the policy that is printed for it. Without any one of its statements or actions, it must fail
//! or warn about what it cannot read.

mod kinds;
mod least_privilege;

use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use lambda_endpoint::{DeploymentGroup, Metrics, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::Fixture;
use crate::plugin::{PluginOutput, program};

const FUNCTION: &str = "arn:aws:lambda:us-east-1:123456789012:function:f";

/// Warnings of a run that could not read something.
const BLIND: [&str; 3] = ["callers-unknown", "live-value-unknown", "would-be-refused"];

/// The policy that the program prints for a request, and the lines on standard error.
pub(crate) fn policy(request: &Value) -> (Value, Vec<String>) {
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
