//! Tests verification of versions, moving aliases forward and back, traffic shifting, and deletion of
//! versions. Assertions about an alias read it from the endpoint, never from the program's events.

mod address;
mod alias_settings;
mod bypass;
mod codedeploy;
mod guard;
mod managed;
mod marks;
mod provisioned;
mod readiness;
mod rollback;
mod together;
mod traffic;

use std::fs;
use std::thread;
use std::time::Duration;

use lambda_endpoint::{Fault, FaultKind, Invocation, Settings};
use serde_json::{Value, json};

use crate::aws_state::{ALIASES, CONFIGURATION, PROVISIONED, VERSIONS};
use crate::fixture::{Fixture, Running, check_each, wait_until};
use crate::interruptions::signal;
use crate::plugin::{PluginOutput, SIGNALS};
use crate::shell;

/// The response of a function that throws an error.
fn thrown() -> Invocation {
    let payload = json!({"errorType": "TypeError", "errorMessage": "x is not a function"});
    Invocation { payload, function_error: Some("Unhandled".to_owned()), ..Invocation::default() }
}

fn from_version(version: &str, invocation: Invocation) -> Invocation {
    Invocation { version: Some(version.to_owned()), ..invocation }
}

/// The codes of all warnings.
fn warnings(ended: &PluginOutput) -> Vec<&str> {
    let warnings = ended.events.iter().filter(|event| event["event"] == "warning");
    warnings.filter_map(|event| event["code"].as_str()).collect()
}

fn error<'a>(ended: &'a PluginOutput, key: &str) -> &'a str {
    ended.finished()["error"][key].as_str().unwrap_or_default()
}

/// The description of `live`, which contains its history.
fn description(fixture: &Fixture) -> String {
    let alias = fixture.another_client("GET", &format!("{ALIASES}/live"), Value::Null);
    alias["Description"].as_str().unwrap_or_default().to_owned()
}

#[track_caller]
fn check_failed(ended: &PluginOutput, code: &str, at: &str) {
    assert_eq!((ended.outcome(), ended.code()), ("failed", code), "{}", ended.stdout);
    assert_eq!((error(ended, "at"), ended.status.code()), (at, Some(1)), "{}", ended.stdout);
}

#[test]
fn a_version_goes_live_only_after_it_has_passed() {
    let mut fixture = Fixture::new(json!({"alias": "live"}));
    let mut expect = |version: u32| {
        // Each version answers with its own number, so the check passes only for the right one.
        let answer = Invocation { payload: json!({"executed": version}), ..Invocation::default() };
        fixture.endpoint.answer_invocations(from_version(&version.to_string(), answer));
        fixture.set(json!({"verify": {"expect": {"json": {"executed": version}}}}));
        fixture.deployed(&format!("// {version}\n"))
    };
    let created = expect(1);
    assert_eq!(created.steps(), ["create-function", "publish-version", "verify", "create-alias"]);
    assert_eq!(created.finished()["previous_version"], Value::Null);
    let moved = expect(2);
    assert_eq!(moved.steps(), ["update-function-code", "publish-version", "verify", "update-alias"]);
    assert_eq!(fixture.changes(), ["UpdateFunctionCode", "PublishVersion", "Invoke", "UpdateAlias 2"]);
    assert_eq!(fixture.alias("live"), "2");
    let finished = moved.finished();
    assert_eq!([&finished["version"], &finished["previous_version"], &finished["alias"]], ["2", "1", "live"]);
    assert_eq!((moved.status.code(), warnings(&moved)), (Some(0), vec![]));
}

#[test]
fn what_is_live_behind_its_alias_is_unchanged_and_not_invoked() {
    let fixture = Fixture::new(json!({"alias": "live", "verify": {}}));
    fixture.deployed("// 1\n");
    let again = fixture.deploy_again();
    assert_eq!(again.outcome(), "unchanged", "{}", again.stdout);
    assert_eq!((&again.finished()["version"], &again.finished()["alias"]), (&json!("1"), &json!("live")));
    let operations = fixture.operations();
    assert!(operations.len() <= 3 && !operations.contains(&"Invoke".to_owned()), "{operations:?}");
    assert_eq!(fixture.changes(), [""; 0]);
}

/// Checks that version 2 does not pass with this answer, and that the message ends with `words`.
#[track_caller]
fn check_unproven(verify: Value, answer: Invocation, words: &str) {
    let fixture = Fixture::live(json!({"verify": verify}));
    fixture.endpoint.answer_invocations(answer);
    let ended = fixture.deploy("// 2\n");
    check_failed(&ended, "verification-failed", "/verify");
    assert_eq!(error(&ended, "message"), format!("version 2 failed verification: {words}"));
    let hint = error(&ended, "hint");
    assert!(hint.contains("`live` still points at version 1"), "{hint}");
    assert_eq!(ended.finished()["changed"], json!(["update-function-code", "publish-version"]));
    assert_eq!(fixture.alias("live"), "1");
    let changes = fixture.changes();
    assert!(!changes.iter().any(|change| change.contains("Alias")), "{changes:?}");
}

#[test]
fn a_version_that_throws_does_not_go_live() {
    check_unproven(json!({}), thrown(), "the invocation failed with TypeError: x is not a function");
}

#[test]
fn a_version_that_answers_something_else_does_not_go_live() {
    let answer = || Invocation { payload: json!({"ok": false}), ..Invocation::default() };
    let expect = |expect: Value| json!({"expect": expect});
    check_unproven(
        expect(json!({"json": {"ok": true}})),
        answer(),
        "`/ok` of its response is false, not true",
    );
    let lacks = r#"expected `pong` in its response, got {"ok":false}"#;
    check_unproven(expect(json!({"contains": "pong"})), answer(), lacks);
}

#[test]
fn a_version_that_is_too_slow_does_not_go_live() {
    let answer = Invocation { delay: Duration::from_secs(3), ..Invocation::default() };
    check_unproven(json!({"timeout": 1}), answer, "it did not respond within 1 s");
}

#[test]
fn a_version_whose_command_fails_or_takes_too_long_does_not_go_live() {
    let ended = "`verify.command` failed with exit status: 3";
    check_unproven(json!({"command": "exit 3"}), Invocation::default(), ended);
    let too_long = "`verify.command` did not exit within 1 s";
    check_unproven(json!({"command": "sleep 30", "timeout": 1}), Invocation::default(), too_long);
}

#[test]
fn the_log_of_a_version_that_failed_is_reported_without_secrets() {
    let mut fixture = Fixture::new(json!({"alias": "live", "environment": {"OLD": "secret-of-before"}}));
    fixture.deployed("// 1\n");
    let log = "START RequestId: 1\nold is secret-of-before\nEND RequestId: 1\n";
    fixture.endpoint.answer_invocations(Invocation { log: Some(log.to_owned()), ..thrown() });
    // The stanza does not name the environment: the live variable stays, and it is not in the request.
    fixture.set(json!({"environment": null, "verify": {}}));
    fixture.write("// 2\n");
    let kept = fixture.plugin(&[]).secrets(["secret-of-before".to_owned()]).run(&fixture.request);
    check_failed(&kept, "verification-failed", "/verify");
    let lines = ["START RequestId: 1", "old is [secure]", "END RequestId: 1"];
    assert_eq!(kept.finished()["error"]["log"], json!(lines));
    let output = |event: &&Value| event["event"] == "output" && event["stream"] == "log";
    let reported: Vec<&Value> = kept.events.iter().filter(output).map(|event| &event["line"]).collect();
    assert_eq!(reported, lines);

    let log = "new is secret-of-now";
    fixture.endpoint.answer_invocations(Invocation { log: Some(log.to_owned()), ..thrown() });
    fixture.set(json!({"environment": {"NEW": "secret-of-now"}}));
    let ended = fixture.deploy("// 3\n");
    check_failed(&ended, "verification-failed", "/verify");
    assert_eq!(ended.finished()["error"]["log"], json!(["new is [secure]"]));
    assert_eq!(fixture.alias("live"), "1");
}

/// Deploys a version that answers with `answer`, of a function with the variable
/// `KEY=secret-of-the-function`.
fn with_a_secret(answer: Invocation) -> PluginOutput {
    let mut fixture =
        Fixture::new(json!({"alias": "live", "environment": {"KEY": "secret-of-the-function"}}));
    fixture.deployed("// 1\n");
    fixture.set(json!({"verify": {}}));
    fixture.endpoint.answer_invocations(answer);
    fixture.deploy("// 2\n")
}

#[test]
fn a_secret_is_masked_before_a_long_error_is_cut() {
    // The program shows at most 200 characters of the text; the 200th is inside the secret.
    let payload = json!({"errorMessage": format!("{} secret-of-the-function", "x".repeat(188))});
    let ended = with_a_secret(Invocation { payload, ..thrown() });
    check_failed(&ended, "verification-failed", "/verify");
    assert!(!ended.stdout.contains("secret-of"), "{}", error(&ended, "message"));
}

#[test]
fn a_secret_that_aws_quotes_in_part_is_not_shown() {
    // AWS returns the last 4 KB of a log; they begin inside the secret.
    let log = format!("{} secret-of-the-function\n{}\n", "x".repeat(100), "y".repeat(4096 - 16));
    let ended = with_a_secret(Invocation { log: Some(log), ..thrown() });
    check_failed(&ended, "verification-failed", "/verify");
    assert!(!ended.stdout.contains("the-function\""), "{}", ended.finished()["error"]["log"][0]);
}

#[test]
fn a_version_that_failed_goes_live_once_it_passes() {
    let fixture = Fixture::live(json!({"verify": {}}));
    fixture.endpoint.answer_invocations(Invocation { times: Some(2), ..thrown() });
    for ended in [fixture.deploy("// 2\n"), fixture.deploy_again()] {
        check_failed(&ended, "verification-failed", "/verify");
        assert_eq!(fixture.alias("live"), "1");
    }
    let passed = fixture.deploy_again();
    assert_eq!((passed.outcome(), fixture.alias("live").as_str()), ("deployed", "2"), "{}", passed.stdout);
    assert_eq!(fixture.versions(), [1, 2], "no further version is published");
}

/// A command that starts a process in a process group of its own (bash's `set -m`), which starts another one
/// in the same way. The file `left` gets their process ids.
const LEAVES: &str = "set -m; bash -c 'set -m; sleep 600 & echo $! $$ >left; wait' & while ! [ -s left ]; do sleep 0.01; done; sleep 600";

/// Waits until a command has written at least this many bytes to a file.
fn wait_for(fixture: &Fixture, name: &str, bytes: u64) {
    let file = fixture.directory.path().join(name);
    wait_until(name, || fs::metadata(&file).is_ok_and(|file| file.len() >= bytes));
}

#[track_caller]
fn check_nothing_left(fixture: &Fixture) {
    let left = fs::read_to_string(fixture.directory.path().join("left")).expect("readable");
    for id in left.split_whitespace() {
        // A killed process still needs CPU time to end.
        wait_until(&format!("the end of process {id}"), || {
            let state = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
            state.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('Z'))
        });
    }
}

#[test]
#[cfg_attr(
    not(target_os = "linux"),
    ignore = "other systems have no /proc to find the descendants of a process"
)]
fn what_leaves_the_process_group_of_a_command_does_not_outlive_it() {
    let fixture = Fixture::live(json!({"verify": {"command": LEAVES, "timeout": 3}}));
    let ended = fixture.deploy("// 2\n");
    check_failed(&ended, "verification-failed", "/verify");
    check_nothing_left(&fixture);
}

#[test]
#[cfg_attr(
    not(target_os = "linux"),
    ignore = "other systems have no /proc to find the descendants of a process"
)]
fn what_leaves_the_process_group_of_a_command_does_not_outlive_signals() {
    for twice in [false, true] {
        let fixture = Fixture::live(json!({"verify": {"command": format!("trap '' TERM; {LEAVES}")}}));
        let running = fixture.started("// 2\n", &["verify"]);
        wait_for(&fixture, "left", 1);
        signal(&running.child, "TERM");
        if twice {
            signal(&running.child, "HUP");
        }
        assert_eq!(running.ended().code(), "cancelled");
        check_nothing_left(&fixture);
    }
}

#[test]
fn what_a_command_leaves_behind_on_purpose_stays() {
    let mut fixture = Fixture::live(
        json!({"verify": {"command": "set -m; sleep 600 </dev/null &>/dev/null & echo $! >stays"}}),
    );
    fixture.set(json!({"run": "touch begun; sleep 600"}));
    let running = fixture.started("// 2\n", &["update-alias"]);
    wait_for(&fixture, "begun", 0);
    signal(&running.child, "TERM");
    assert_eq!(running.ended().code(), "cancelled");
    let id = fs::read_to_string(fixture.directory.path().join("stays")).expect("readable");
    let stays = shell::kill().args(["-KILL", id.trim()]).status().expect("kill runs");
    assert!(stays.success());
}

#[test]
fn a_command_is_reported_which_version_it_has_to_check() {
    let command = "echo \"$FUNCTION_ARN $VERSION\" | tee checked";
    let mut fixture = Fixture::live(json!({"verify": {"command": command}}));
    let ended = fixture.deployed("// 2\n");
    let reported = "arn:aws:lambda:us-east-1:123456789012:function:f 2";
    let checked = || fs::read_to_string(fixture.directory.path().join("checked")).expect("readable");
    assert_eq!(checked().trim_end(), reported);
    let output = ended.event("output").expect("the event exists");
    assert_eq!((&output["stream"], &output["line"]), (&json!("stdout"), &json!(reported)));
    assert!(!fixture.operations().contains(&"Invoke".to_owned()), "the command replaces the invocation");

    fixture.set(json!({"verify": {"command": command, "payload": {"ping": 1}}}));
    fixture.deployed("// 3\n");
    let calls = fixture.endpoint.calls();
    let invoked = calls
        .iter()
        .find(|call| call.operation == "Invoke")
        .expect("with a payload, the function is invoked before the command");
    assert_eq!(invoked.body, json!({"ping": 1}));
    assert_eq!(fixture.alias("live"), "3");
}

#[test]
fn without_an_alias_what_fails_its_check_is_live_and_fails_again() {
    for (members, named) in
        [(json!({"verify": {}}), "the function"), (json!({"verify": {}, "publish": true}), "version 1")]
    {
        let fixture = Fixture::new(members);
        fixture.endpoint.answer_invocations(Invocation { times: Some(2), ..thrown() });
        let (first, second) = (fixture.deploy("// 1\n"), fixture.deploy_again());
        for ended in [&first, &second] {
            check_failed(ended, "verification-failed", "/verify");
            let message = error(ended, "message");
            assert!(
                message.starts_with(&format!("{named}, which is live, failed verification")),
                "{message}"
            );
            assert!(error(ended, "hint").starts_with("deploy the previous code again"), "{}", ended.stdout);
        }
        assert_eq!(second.finished()["changed"], json!([]));
        assert_eq!(fixture.deploy_again().outcome(), "unchanged", "the check passes, and nothing differs");
    }
}

#[test]
fn versions_that_an_alias_needs_outlive_keep_versions() {
    let fixture = Fixture::published(30, json!({"alias": "live", "keep_versions": 5}));
    fixture.make_alias("live", "30");
    fixture.make_alias("old", "12");
    let routing = json!({"AdditionalVersionWeights": {"25": 0.1}});
    let canary = json!({"Name": "canary", "FunctionVersion": "20", "RoutingConfig": routing});
    fixture.another_client("POST", ALIASES, canary);
    let ended = fixture.deployed("// new\n");
    // The five newest versions, and three that aliases use. Version 30 is also the rollback target of `live`.
    assert_eq!(fixture.versions(), [12, 20, 25, 27, 28, 29, 30, 31]);
    assert_eq!(ended.steps().iter().filter(|step| **step == "delete-function").count(), 23);
    let aliases = ["live", "old", "canary"].map(|name| fixture.alias(name));
    assert_eq!(aliases, ["31", "12", "20, 10 % to 25"]);
    assert!(fixture.endpoint.function("f").is_some(), "only versions are deleted, not the function");
    assert_eq!(warnings(&ended), [""; 0]);

    let again = fixture.deploy_again();
    assert_eq!((again.outcome(), fixture.changes()), ("unchanged", vec![]), "{}", again.stdout);
}

#[test]
fn a_version_with_a_running_durable_execution_outlives_keep_versions() {
    let durable = json!({"execution_timeout": 60});
    let fixture = Fixture::new(json!({"alias": "live", "keep_versions": 1, "durable_config": durable}));
    fixture.deployed("// 1\n");
    fixture.deployed("// 2\n");
    fixture.endpoint.set_executions("f:1", &["SUCCEEDED", "RUNNING"]).expect("the version exists");
    for ended in [fixture.deployed("// 3\n"), fixture.deploy_again()] {
        let warning = ended.event("warning").expect("the version is kept");
        let message = warning["message"].as_str().expect("a text");
        assert!(message.contains("version 1 still has durable executions and is not deleted"), "{message}");
        assert_eq!((warnings(&ended), fixture.versions()), (vec!["version-kept"], vec![1, 2, 3]));
    }
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");
    fixture.endpoint.set_executions("f:1", &["SUCCEEDED", "STOPPED"]).expect("the version exists");
    let ended = fixture.deploy_again();
    assert_eq!((warnings(&ended), fixture.versions()), (vec![], vec![2, 3]), "{}", ended.stdout);
}

#[test]
fn a_version_that_something_uses_by_its_number_outlives_keep_versions() {
    let fixture = Fixture::published(5, json!({"alias": "live", "keep_versions": 1}));
    fixture.make_alias("live", "5");
    fixture.map_queue("orders", "f:1");
    let provisioned = "/2019-09-30/functions/f/provisioned-concurrency?Qualifier=2";
    fixture.another_client("PUT", provisioned, json!({"ProvisionedConcurrentExecutions": 1}));
    let permission = json!({"StatementId": "api", "Action": "lambda:InvokeFunction", "Principal": "apigateway.amazonaws.com"});
    fixture.another_client("POST", "/2015-03-31/functions/f/policy?Qualifier=3", permission);
    let ended = fixture.deployed("// new\n");
    assert_eq!((warnings(&ended), fixture.versions()), (vec!["version-kept"; 3], vec![1, 2, 3, 5, 6]));
    let uses =
        ["is called by an event source mapping", "has provisioned concurrency", "has a resource policy"];
    for what in uses {
        assert!(ended.stdout.contains(what), "{what}: {}", ended.stdout);
    }
    fixture.deny(&["lambda:ListEventSourceMappings"]);
    let blind = fixture.deploy("// newer\n");
    assert_eq!((blind.code(), fixture.changes()), ("access-denied", vec![]), "{}", blind.stdout);
}

#[test]
fn a_version_of_which_cloudfront_has_replicas_outlives_keep_versions() {
    let fixture = Fixture::published(3, json!({"alias": "live", "keep_versions": 1}));
    fixture.make_alias("live", "3");
    // From terraform-provider-aws, issue 1721.
    let message = "Lambda was unable to delete arn:aws:lambda:us-east-1:123456789012:function:f:1 because it is a replicated function. Please see our documentation for Deleting Lambda@Edge Functions and Replicas.";
    let (code, message) = ("InvalidParameterValueException".to_owned(), message.to_owned());
    let kind = FaultKind::Status { status: 400, code, message, retry_after: None };
    fixture.endpoint.fault(Fault { operation: Some("DeleteFunction".to_owned()), after: 0, times: 1, kind });
    let ended = fixture.deployed("// new\n");
    assert_eq!((warnings(&ended), fixture.versions()), (vec!["version-kept"], vec![1, 3, 4]));
    let hint = ended.event("warning").expect("it is warned of")["hint"].as_str().unwrap_or_default();
    assert!(hint.contains("CloudFront"), "{hint}");
}

#[test]
fn without_an_alias_the_newest_version_and_the_one_before_it_outlive_keep_versions() {
    // More versions than AWS returns on one page.
    let fixture = Fixture::published(55, json!({"publish": true, "keep_versions": 1}));
    fixture.deployed("// new\n");
    assert_eq!(fixture.versions(), [55, 56]);
    let again = fixture.deploy_again();
    assert_eq!((again.outcome(), fixture.changes()), ("unchanged", vec![]), "{}", again.stdout);
    assert_eq!(fixture.versions(), [55, 56]);
}

#[test]
fn a_deployment_that_makes_no_new_version_deletes_no_way_back() {
    for members in [json!({}), json!({"traffic": [50], "traffic_interval": 60})] {
        let mut fixture = Fixture::live(json!({"keep_versions": 1, "timeout": 5}));
        fixture.deployed("// 2\n");
        fixture.set(members);
        // The deployment changes this back, so that AWS returns version 2 again.
        fixture.another_client("PUT", CONFIGURATION, json!({"Timeout": 9}));
        let ended = fixture.deploy_again();
        let steps = ["update-function-configuration", "publish-version"];
        assert_eq!(ended.steps(), steps, "{}", ended.stdout);
        assert_eq!((fixture.versions(), fixture.alias("live").as_str()), (vec![1, 2], "2"));
        assert_eq!(fixture.deploy_again().outcome(), "unchanged");
        assert_eq!((fixture.rollback().outcome(), fixture.alias("live").as_str()), ("deployed", "1"));
    }
}

#[test]
fn a_version_that_an_alias_is_given_meanwhile_is_kept() {
    let fixture = Fixture::published(3, json!({"alias": "live", "verify": {}, "keep_versions": 1}));
    fixture
        .endpoint
        .answer_invocations(Invocation { delay: Duration::from_secs(2), ..Invocation::default() });
    let running = fixture.started("// new\n", &["verify"]);
    fixture.make_alias("other", "2");
    let ended = running.ended();
    assert_eq!((ended.outcome(), warnings(&ended)), ("deployed", vec!["version-kept"]), "{}", ended.stdout);
    assert_eq!((fixture.versions(), fixture.alias("live").as_str()), (vec![2, 4], "4"));
    let again = fixture.deploy_again();
    assert_eq!(again.outcome(), "unchanged", "{}", again.stdout);
}

#[test]
fn several_aliases_go_live_together() {
    let fixture = Fixture::new(json!({"alias": ["live", "blue", "green"]}));
    fixture.deployed("// 1\n");
    fixture.make_alias("other", "1");
    let ended = fixture.deployed("// 2\n");
    assert_eq!(["live", "blue", "green", "other"].map(|name| fixture.alias(name)), ["2", "2", "2", "1"]);
    let finished = ended.finished();
    assert_eq!(
        (&finished["alias"], &finished["aliases"]),
        (&json!("live"), &json!(["live", "blue", "green"]))
    );
    assert_eq!([&finished["version"], &finished["previous_version"]], ["2", "1"]);
    let message = finished["message"].as_str().unwrap_or_default();
    assert!(message.contains("version 2 (alias live, blue, green; previously version 1)"), "{message}");
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");
}
