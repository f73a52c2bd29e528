//! Releases on emulators. The tests check with boto3 where an alias points after a deployment, a failed
//! deployment and a rollback.
//!
//! ministack runs the functions: a broken one really fails, a slow one really sleeps. It differs from AWS in
//! these points (1.5.33): every exception of a handler has the type `Runtime.HandlerError`; an invocation of
//! an alias goes to its main version, whatever its weights; provisioned concurrency is ready at once. moto
//! (5.2.3) runs no function without Docker and has no provisioned concurrency. It returns no `RevisionId` of
//! a function and never changes that of an alias. It uses the count of versions as the next version number,
//! so that a number can repeat after a deletion.

use std::process::Command;

use serde_json::{Value, json};

use crate::emulated_scenario::{Scenario, has_failed, shares};
use crate::fixture;
use crate::plugin::PluginOutput;

/// Returns the lines that a command wrote to its standard output, each parsed as JSON.
fn lines(ended: &PluginOutput) -> Vec<Value> {
    let outputs =
        ended.events.iter().filter(|event| event["event"] == "output" && event["stream"] == "stdout");
    let line =
        |event: &Value| serde_json::from_str(event["line"].as_str().unwrap_or_default()).expect("JSON");
    outputs.map(line).collect()
}

/// Deploys a good version, and then a broken one twice. `error` is the message of its exception.
#[track_caller]
fn check_good_and_broken(scenario: &Scenario, file: &str, good: &str, broken: &str, error: &str) {
    scenario.write_file(file, good);
    scenario.went_live(&scenario.deploy(json!({"verify": {}})), "1");
    assert_eq!(scenario.deploy(json!({"verify": {}})).outcome(), "unchanged");

    scenario.write_file(file, broken);
    let ended = scenario.deploy(json!({"verify": {}}));
    scenario.did_not_pass(&ended, error, "1");
    assert_eq!(
        ended.finished()["changed"],
        json!(["update-function-code", "publish-version"]),
        "{}",
        ended.stdout
    );
    let log = ended.finished()["error"]["log"].as_array().cloned().unwrap_or_default();
    assert!(log.iter().any(|line| line.as_str().is_some_and(|line| line.contains(error))), "{log:#?}");

    scenario.did_not_pass(&scenario.deploy(json!({"verify": {}})), error, "1");
    assert_eq!(scenario.versions(), ["1", "2"], "the same code was published again");
    assert_eq!(scenario.answer(), json!({"code": "good"}));
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn nobody_gets_a_python_version_that_is_broken_or_slow_and_rollback_passes_them_over() {
    let scenario = Scenario::ministack("python3.13");
    let good = "def handler(event, context):\n    return {'code': 'good'}\n";
    let broken = "def handler(event, context):\n    raise ValueError('the table is gone')\n";
    check_good_and_broken(&scenario, "index.py", good, broken, "the table is gone");

    scenario.write_file("index.py", "import no_such_module\n\ndef handler(event, context):\n    pass\n");
    scenario.did_not_pass(&scenario.deploy(json!({"verify": {}})), "no_such_module", "1");

    // The function would succeed after 10 s, which is longer than the check waits and shorter than Lambda's
    // timeout.
    scenario.write_file("index.py", "import time\n\ndef handler(event, context):\n    time.sleep(10)\n");
    let slow = scenario.deploy(json!({"timeout": 30, "verify": {"timeout": 1}}));
    scenario.did_not_pass(&slow, "it did not respond within 1 s", "1");

    scenario.write("return {'code': 'mended'}");
    let mended = scenario.deploy(json!({"verify": {"expect": {"contains": "mended"}}}));
    scenario.went_live(&mended, "5");
    assert_eq!(mended.finished()["previous_version"], "1", "{}", mended.stdout);
    assert_eq!(scenario.answer(), json!({"code": "mended"}));

    let back = scenario.roll_back(json!({}));
    scenario.went_live(&back, "1");
    assert_eq!(back.steps(), ["update-alias"]);
    assert_eq!(back.finished()["previous_version"], "5", "{}", back.stdout);
    assert_eq!(scenario.answer(), json!({"code": "good"}));
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn nobody_gets_a_node_version_that_is_broken() {
    // ministack runs the function with the machine's own Node.
    if !Command::new("node").arg("--version").output().is_ok_and(|output| output.status.success()) {
        return fixture::not_run("node (is not installed)");
    }
    let scenario = Scenario::ministack("nodejs22.x");
    let good = "exports.handler = async () => ({code: 'good'})\n";
    let broken = "exports.handler = async () => { throw new TypeError('orders is not a function') }\n";
    check_good_and_broken(&scenario, "index.js", good, broken, "orders is not a function");
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_function_that_runs_longer_than_its_own_timeout_does_not_pass() {
    let scenario = Scenario::ministack("python3.13");
    scenario.write("return 'good'");
    scenario.went_live(&scenario.deploy(json!({})), "1");
    scenario.write_file("index.py", "import time\n\ndef handler(event, context):\n    time.sleep(10)\n");
    let ended = scenario.deploy(json!({"timeout": 1, "verify": {}}));
    scenario.did_not_pass(&ended, "Task timed out after 1.00 seconds", "1");
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn an_answer_is_held_against_what_was_expected_of_it() {
    let scenario = Scenario::ministack("python3.13");
    scenario.write("return {'code': 'first'}");
    scenario.went_live(&scenario.deploy(json!({})), "1");

    scenario.write("return {'code': 'echo', 'event': event}");
    let payload = json!({"orders": [1, {"name": "Größe"}], "none": null});
    for (expect, words) in [
        (json!({"contains": "nowhere"}), "expected `nowhere` in its response, got {\"code\": \"echo\""),
        (json!({"json": {"code": "ping"}}), "`/code` of its response is \"echo\", not \"ping\""),
        (
            json!({"json": {"event": {"orders": [2]}}}),
            "`/event/orders` of its response is [1,{\"name\":\"Größe\"}], not [2]",
        ),
        (
            json!({"json": {"event": {"orders": [1, {"name": "x"}]}}}),
            "`/event/orders/1/name` of its response is \"Größe\"",
        ),
        (json!({"json": {"event": {"x": 1}}}), "its response has no `/event/x`, which should be 1"),
        (json!({"json": {"code": "echo"}, "contains": "nowhere"}), "expected `nowhere` in its response"),
    ] {
        let ended = scenario.deploy(json!({"verify": {"payload": payload, "expect": expect}}));
        has_failed(&ended, words);
    }
    scenario.is_at("1");

    let expect = json!({"contains": "Größe", "json": {"event": payload, "code": "echo"}});
    scenario.went_live(&scenario.deploy(json!({"verify": {"payload": payload, "expect": expect}})), "2");

    // Without `payload` the function gets an empty object. A payload that is already JSON text is passed on
    // unchanged.
    scenario.write("return event");
    let as_it_is = json!({"verify": {"expect": {"json": {}, "contains": "{}"}}});
    scenario.went_live(&scenario.deploy(as_it_is), "3");
    scenario.write("return [event]");
    scenario.went_live(
        &scenario.deploy(json!({"verify": {"payload": "{\"a\": 1}", "expect": {"json": [{"a": 1}]}}})),
        "4",
    );
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_command_judges_the_version_that_it_is_reported() {
    let scenario = Scenario::ministack("python3.13");
    scenario.write("return 'first'");
    scenario.went_live(&scenario.deploy(json!({})), "1");

    scenario.write("return {'code': 'second'}");
    let verify = |verify: Value| scenario.deploy(json!({"verify": verify}));
    let ended = verify(json!({"command": "echo ${VERSION}0; exit 3"}));
    scenario.did_not_pass(&ended, "`verify.command` failed with exit status: 3", "1");
    assert_eq!(lines(&ended), [json!(20)]);
    let ended = verify(json!({"command": "sleep 30", "timeout": 1}));
    has_failed(&ended, "`verify.command` did not exit within 1 s");
    // With `expect`, the command runs after the invocation, and does not run if the invocation failed.
    let ended = verify(json!({"expect": {"contains": "nowhere"}, "command": "echo 1"}));
    has_failed(&ended, "expected `nowhere` in its response");
    assert!(lines(&ended).is_empty(), "{}", ended.stdout);
    scenario.is_at("1");

    let invoke = scenario.asking("invoke", r#"{"FunctionName": "$FUNCTION_ARN", "Qualifier": "$VERSION"}"#);
    let ended = verify(json!({"expect": {"json": {"code": "second"}}, "command": invoke}));
    scenario.went_live(&ended, "2");
    let reported = lines(&ended).remove(0);
    assert_eq!(
        (&reported["ExecutedVersion"], &reported["Payload"]),
        (&json!("2"), &json!({"code": "second"})),
        "{reported:#}"
    );
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn variables_that_a_function_prints_are_masked() {
    let scenario = Scenario::ministack("python3.13");
    let secret = "secret-\"Größe\"\\1";
    scenario.write("return 'good'");
    scenario.went_live(&scenario.deploy(json!({"environment": {"TOKEN": secret}})), "1");
    // The stanza does not contain the value any more: it is known as secret only from the current function.
    let has_reported = |ended: &PluginOutput, words: &str| {
        has_failed(ended, words);
        for text in ["Größe", "Gr\\u00f6\\u00dfe"] {
            assert!(!ended.stdout.contains(text), "{}", ended.stdout);
        }
    };
    let file = |line: &str| {
        scenario.write_file("index.py", &format!("import os\n\ndef handler(event, context):\n    {line}\n"));
    };
    file("print('with', os.environ['TOKEN']); raise ValueError('not ' + os.environ['TOKEN'])");
    let ended = scenario.deploy(json!({"verify": {}}));
    has_reported(&ended, "not [secure]");
    let log = &ended.finished()["error"]["log"];
    assert!(log.as_array().is_some_and(|log| log.contains(&json!("with [secure]"))), "{log:#}");
    file("return {'token': os.environ['TOKEN']}");
    has_reported(
        &scenario.deploy(json!({"verify": {"expect": {"contains": "nowhere"}}})),
        "{\"token\": \"[secure]\"}",
    );
    has_reported(
        &scenario.deploy(json!({"verify": {"expect": {"json": {"token": 1}}}})),
        "is \"[secure]\", not 1",
    );
}

/// Deploys with three traffic shares, and then a version that fails at the second share. The check reads the
/// alias.
fn check_traffic(scenario: &Scenario) {
    let look = scenario.asking("get_alias", r#"{"FunctionName": "f", "Name": "live"}"#);
    let keys = |command: String| json!({"traffic": [10, 50, 100], "traffic_interval": 1, "verify": {"command": command}});
    scenario.write("return 'first'");
    scenario.went_live(&scenario.deploy(keys(look.clone())), "1");

    scenario.write("return 'second'");
    let ended = scenario.deploy(keys(look.clone()));
    scenario.went_live(&ended, "2");
    let seen = lines(&ended);
    let points_at: Vec<&Value> = seen.iter().map(|alias| &alias["FunctionVersion"]).collect();
    assert_eq!(points_at, ["1", "1", "1"], "{}", ended.stdout);
    let seen: Vec<Value> = seen.iter().map(shares).collect();
    assert_eq!(seen, [json!({}), json!({"2": 0.1}), json!({"2": 0.5})], "{}", ended.stdout);

    scenario.write("return 'third'");
    let ended = scenario.deploy(keys(format!("seen=$({look}); echo \"$seen\"; [[ $seen != *0.5* ]]")));
    has_failed(&ended, "all traffic of `live` is back at version 2");
    assert_eq!(
        shares(lines(&ended).last().expect("a line for each check")),
        json!({"3": 0.5}),
        "{}",
        ended.stdout
    );
    assert_eq!(
        ended.finished()["changed"],
        json!(["update-function-code", "publish-version"]),
        "{}",
        ended.stdout
    );
    scenario.is_at("2");
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn ministack_gives_a_version_its_traffic_step_by_step() {
    check_traffic(&Scenario::ministack("python3.13"));
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn moto_gives_a_version_its_traffic_step_by_step() {
    check_traffic(&Scenario::moto());
}

/// Creates an alias, moves it, clears its weights and moves it back.
fn check_alias(scenario: &Scenario) {
    scenario.write("return 'first'");
    let plan = scenario.run(&["plan"], json!({}));
    assert_eq!(plan.outcome(), "planned", "{}", plan.stdout);
    let first = scenario.deploy(json!({}));
    scenario.went_live(&first, "1");
    assert_eq!(first.steps(), ["create-function", "publish-version", "create-alias"]);
    scenario.write("return 'second'");
    scenario.went_live(&scenario.deploy(json!({})), "2");

    let is_warned =
        |ended: &PluginOutput| ended.events.iter().any(|event| event["code"] == "weights-cleared");
    scenario.share("1", 0.25);
    let refused = scenario.deploy(json!({}));
    assert_eq!(refused.code(), "traffic-shared", "{}", refused.stdout);
    let freed = scenario.deploy(json!({"clear_weights": true}));
    scenario.went_live(&freed, "2");
    assert!(is_warned(&freed) && freed.steps() == ["update-alias"], "{}", freed.stdout);
    scenario.share("1", 0.25);
    scenario.write("return 'third'");
    let moved = scenario.deploy(json!({"clear_weights": true}));
    scenario.went_live(&moved, "3");
    assert!(is_warned(&moved), "{}", moved.stdout);

    // While traffic is shared, a rollback only restores all traffic to the main version. The next rollback
    // moves the alias.
    scenario.share("1", 0.25);
    let freed = scenario.roll_back(json!({"clear_weights": true}));
    scenario.went_live(&freed, "3");
    assert!(is_warned(&freed), "{}", freed.stdout);
    let back = scenario.roll_back(json!({}));
    scenario.went_live(&back, "2");
    assert_eq!(back.finished()["previous_version"], "3", "{}", back.stdout);
    let planned = scenario.roll_back(json!({"dry_run": true}));
    assert_eq!((planned.outcome(), planned.steps().len()), ("planned", 0), "{}", planned.stdout);
    scenario.is_at("2");
    let first = first.finished()["code_sha256"].clone();
    let back = scenario.roll_back(json!({}));
    scenario.went_live(&back, "1");
    assert_eq!(back.finished()["code_sha256"], first, "{}", back.stdout);
    let none = scenario.roll_back(json!({}));
    assert_eq!((none.outcome(), none.steps().len()), ("failed", 0), "{}", none.stdout);
    scenario.went_live(&scenario.roll_back(json!({"version": "3"})), "3");
    assert_eq!(scenario.roll_back(json!({"version": 3})).outcome(), "unchanged");
    scenario.went_live(&scenario.roll_back(json!({"version": 1})), "1");

    // The same stanza again deploys what it describes, also after a rollback.
    scenario.went_live(&scenario.deploy(json!({})), "3");
    assert_eq!(scenario.versions(), ["1", "2", "3"]);
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn ministack_moves_an_alias_there_and_back() {
    check_alias(&Scenario::ministack("python3.13"));
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn moto_moves_an_alias_there_and_back() {
    check_alias(&Scenario::moto());
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn an_alias_keeps_as_many_executions_ready_as_the_stanza_says() {
    let scenario = Scenario::ministack("python3.13");
    let from_it = json!({"FunctionName": "f", "Qualifier": "live"});
    let held = || scenario.boto.reported("get_provisioned_concurrency_config", &from_it);
    let put = "put-provisioned-concurrency-config";
    let deploy = |wanted: Value| scenario.deploy(json!({"provisioned_concurrency": wanted}));
    scenario.write("return 'first'");
    let ended = deploy(json!(2));
    assert_eq!(ended.steps(), ["create-function", "publish-version", "create-alias", put]);
    assert_eq!(held()["RequestedProvisionedConcurrentExecutions"], 2);
    assert_eq!(deploy(json!(2)).outcome(), "unchanged");
    assert_eq!(deploy(json!(3)).steps(), [put]);
    assert_eq!(held()["RequestedProvisionedConcurrentExecutions"], 3);

    scenario.write("return 'second'");
    let ended = deploy(json!(3));
    scenario.went_live(&ended, "2");
    assert!(
        !ended.steps().contains(&put),
        "provisioned concurrency must move with the alias: {}",
        ended.stdout
    );
    scenario.went_live(&scenario.roll_back(json!({"provisioned_concurrency": 3})), "1");
    // Without the option, the setting is kept.
    scenario.went_live(&scenario.deploy(json!({})), "2");
    assert_eq!(held()["RequestedProvisionedConcurrentExecutions"], 3);
    assert_eq!(deploy(json!("none")).steps(), ["delete-provisioned-concurrency-config"]);
    assert_eq!(held()["Code"], "ProvisionedConcurrencyConfigNotFoundException");
    assert_eq!(deploy(json!("none")).outcome(), "unchanged");
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn old_versions_go_and_the_way_back_stays() {
    let scenario = Scenario::ministack("python3.13");
    let publish = |number: u32, keys: Value| {
        scenario.write(&format!("return {number}"));
        scenario.deploy(keys)
    };
    scenario.went_live(&publish(1, json!({})), "1");
    scenario.went_live(&publish(2, json!({})), "2");
    scenario.went_live(&publish(3, json!({"keep_versions": 2})), "3");
    assert_eq!(scenario.versions(), ["2", "3"]);

    // Versions that failed their check are still versions, but a rollback never uses them.
    let fails = json!({"keep_versions": 2, "verify": {"command": "false"}});
    has_failed(&publish(4, fails.clone()), "exit status: 1");
    has_failed(&publish(5, fails), "exit status: 1");
    assert_eq!(
        scenario.versions(),
        ["2", "3", "4", "5"],
        "a version was deleted before the new one passed its check"
    );
    let ended = publish(6, json!({"keep_versions": 1, "verify": {"command": "true"}}));
    scenario.went_live(&ended, "6");
    assert_eq!(scenario.versions(), ["3", "6"]);
    assert_eq!(scenario.deploy(json!({"keep_versions": 1})).outcome(), "unchanged");
    assert_eq!(scenario.versions(), ["3", "6"]);

    scenario.went_live(&scenario.roll_back(json!({})), "3");
    assert_eq!(scenario.answer(), json!(3));
}

/// Deploys new code whose check passes or fails.
fn publish(scenario: &Scenario, name: &str, alias: Value, passes: bool) -> PluginOutput {
    scenario.write(&format!("return '{name}'"));
    let ended = scenario.deploy(json!({"alias": alias, "verify": {"command": passes.to_string()}}));
    assert_eq!(ended.outcome(), if passes { "deployed" } else { "failed" }, "{}", ended.stdout);
    ended
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn a_version_that_failed_before_there_was_an_alias_is_no_way_back() {
    let scenario = Scenario::moto();
    publish(&scenario, "broken", json!("live"), false);
    assert_eq!(scenario.alias()["Code"], "ResourceNotFoundException");
    scenario.went_live(&publish(&scenario, "mended", json!("live"), true), "2");
    let back = scenario.roll_back(json!({}));
    assert_eq!(
        back.outcome(),
        "failed",
        "version 1 failed its check, so there is no version to roll back to: {}",
        back.stdout
    );
    scenario.is_at("2");
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn an_alias_that_follows_another_goes_back_to_where_it_came_from() {
    let scenario = Scenario::moto();
    publish(&scenario, "first", json!(["beta", "live"]), true);
    publish(&scenario, "broken", json!("beta"), false);
    publish(&scenario, "mended", json!("beta"), true);
    scenario.is_at("1");
    scenario.went_live(&publish(&scenario, "mended", json!("live"), true), "3");
    scenario.went_live(&scenario.roll_back(json!({})), "1");
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn the_way_back_of_an_alias_that_follows_another_is_not_deleted() {
    let scenario = Scenario::ministack("python3.13");
    publish(&scenario, "first", json!(["beta", "live"]), true);
    publish(&scenario, "broken", json!("beta"), false);
    publish(&scenario, "mended", json!("beta"), true);
    scenario.went_live(&publish(&scenario, "mended", json!("live"), true), "3");
    let ended = scenario.deploy(json!({"keep_versions": 1}));
    assert_eq!(scenario.versions(), ["1", "3"], "{}", ended.stdout);
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn the_way_back_of_an_alias_that_the_stanza_does_not_name_is_not_deleted() {
    let scenario = Scenario::moto();
    publish(&scenario, "first", json!(["beta", "live"]), true);
    publish(&scenario, "second", json!(["beta", "live"]), true);
    scenario.write("return 'third'");
    let ended = scenario.deploy(json!({"alias": "beta", "keep_versions": 1}));
    assert_eq!(scenario.versions(), ["1", "2", "3"], "{}", ended.stdout);
    scenario.went_live(&scenario.roll_back(json!({})), "1");
}

#[test]
#[ignore = "second tier: needs PyPI"]
fn the_way_back_is_where_the_alias_was_when_it_moved_and_not_when_the_version_was_published() {
    let scenario = Scenario::moto();
    publish(&scenario, "first", json!("live"), true);
    publish(&scenario, "second", json!("live"), true);
    publish(&scenario, "third", json!("live"), false);
    // The user rolls back because the second version was at fault.
    scenario.went_live(&scenario.roll_back(json!({})), "1");
    let third = publish(&scenario, "third", json!("live"), true);
    scenario.went_live(&third, "3");
    assert_eq!(third.finished()["previous_version"], "1", "{}", third.stdout);
    scenario.went_live(&scenario.roll_back(json!({})), "1");
}
