//! Tests traffic shifting in steps, and sending the traffic back.

use lambda_endpoint::{Alarm, DeploymentGroup};

use super::*;

/// The calls of a release with `verify` whose traffic goes over at 10 and 50 percent, until the last one.
fn shifted(last: &str) -> [&str; 6] {
    ["Invoke", "UpdateAlias 1, 10 % to 2", "Invoke", "UpdateAlias 1, 50 % to 2", "Invoke", last]
}

#[test]
fn traffic_goes_over_step_by_step_and_is_proved_at_each() {
    let fixture = Fixture::new(json!({
        "alias": "live", "verify": {}, "traffic": [10, 50, 100], "traffic_interval": 1,
    }));
    let created = fixture.deployed("// 1\n");
    assert_eq!(
        created.steps(),
        ["create-function", "publish-version", "verify", "create-alias"],
        "the first version gets all traffic at once"
    );
    let ended = fixture.deployed("// 2\n");
    assert_eq!(fixture.changes()[2..], shifted("UpdateAlias 2"));
    assert_eq!(fixture.alias("live"), "2");
    let at_each = ["shift-traffic", "wait", "verify"];
    let steps = [["update-function-code", "publish-version", "verify"], at_each, at_each].concat();
    assert_eq!(ended.steps(), [steps, vec!["update-alias"]].concat());
    assert!(
        ended.elapsed >= Duration::from_secs(2),
        "waits one interval after each of two shares: {:?}",
        ended.elapsed
    );
    let finished = ended.finished();
    assert_eq!([&finished["version"], &finished["previous_version"]], ["2", "1"]);
    assert_eq!(warnings(&ended), [""; 0]);
}

#[test]
fn a_check_that_fails_at_half_of_the_traffic_sends_all_of_it_back() {
    let fixture = Fixture::live(json!({"verify": {}, "traffic": [10, 50, 100], "traffic_interval": 1}));
    fixture.endpoint.answer_invocations(thrown());
    fixture.endpoint.answer_invocations(Invocation { times: Some(2), ..Invocation::default() });
    let ended = fixture.deploy("// 2\n");
    check_failed(&ended, "verification-failed", "/verify");
    assert_eq!(fixture.changes()[2..], shifted("UpdateAlias 1"));
    assert_eq!(fixture.alias("live"), "1");
    let message = error(&ended, "message");
    assert!(message.contains("all traffic of `live` is back at version 1"), "{message}");
    assert_eq!(ended.finished()["changed"], json!(["update-function-code", "publish-version"]));
}

#[test]
fn an_image_that_is_the_same_under_its_tag_shifts_no_traffic() {
    let image = "123456789012.dkr.ecr.us-east-1.amazonaws.com/app:main";
    let no_files = json!({"zip": null, "runtime": null, "handler_name": null});
    for shift in [
        json!({"traffic": [50], "traffic_interval": 60, "verify": {}}),
        json!({"guard": {"alarms": ["shop-5xx"], "bake": 60}}),
        json!({"codedeploy": {"application": "shop", "deployment_group": "live"}}),
    ] {
        let mut fixture = Fixture::new(json!({"alias": "live", "image_uri": image}));
        fixture.set(no_files.clone());
        fixture.endpoint.set_alarm(Alarm::named("shop-5xx"));
        fixture.endpoint.set_deployment_group(DeploymentGroup::default());
        fixture.deployed("// 1\n");
        fixture.set(shift.clone());
        fixture.set(json!({"alias_description": "The shop"}));
        let again = fixture.deploy_again();
        assert_eq!((again.outcome(), fixture.alias("live").as_str()), ("deployed", "1"), "{}", again.stdout);
        let shifts = ["shift-traffic", "wait", "create-deployment"];
        assert!(!again.steps().iter().any(|step| shifts.contains(step)), "{shift}: {}", again.stdout);
        assert_eq!(description(&fixture), "The shop (at 1, before: none)", "{shift}: {}", again.stdout);
    }
}

/// A fixture whose next deployment gives version 2 a tenth of the traffic for 30 s.
fn with_a_tenth() -> Fixture {
    Fixture::live(json!({"verify": {}, "traffic": [10, 50, 100], "traffic_interval": 30}))
}

#[track_caller]
fn check_cancelled(fixture: &Fixture, running: Running) {
    check_cancelled_by(fixture, running, ("TERM", 15));
}

#[track_caller]
fn check_cancelled_by(fixture: &Fixture, running: Running, (name, number): (&str, i32)) {
    assert_eq!(fixture.alias("live"), "1, 10 % to 2");
    signal(&running.child, name);
    let ended = running.ended();
    assert!(ended.elapsed < Duration::from_secs(5), "{:?}\n{}", ended.elapsed, ended.stdout);
    assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(128 + number)), "{}", ended.stdout);
    assert_eq!(fixture.alias("live"), "1");
    let message = error(&ended, "message");
    assert!(message.contains("all traffic of `live` is back at version 1"), "{message}");
    assert_eq!(ended.finished()["changed"], json!(["update-function-code", "publish-version"]));
}

#[test]
fn a_signal_while_traffic_is_shared_sends_it_back() {
    let fixture = with_a_tenth();
    let running = fixture.started("// 2\n", &["wait"]);
    check_cancelled(&fixture, running);
}

#[test]
fn every_signal_that_would_end_us_sends_shared_traffic_back() {
    // SIGPWR and a real-time signal, by number, because not every shell has names for them.
    let others = if cfg!(target_os = "linux") { &[("30", 30), ("40", 40)][..] } else { &[] };
    let signals: Vec<_> = SIGNALS.iter().chain(others).copied().collect();
    let name = |(name, _): &(&str, i32)| (*name).to_owned();
    check_each(&signals, 4, name, |signal| {
        let fixture = with_a_tenth();
        let running = fixture.started("// 2\n", &["wait"]);
        check_cancelled_by(&fixture, running, *signal);
    });
}

#[test]
fn a_signal_while_a_version_is_invoked_sends_shared_traffic_back() {
    let mut fixture = with_a_tenth();
    fixture.set(json!({"traffic_interval": 1}));
    fixture
        .endpoint
        .answer_invocations(Invocation { delay: Duration::from_secs(3), ..Invocation::default() });
    fixture.endpoint.answer_invocations(Invocation { times: Some(1), ..Invocation::default() });
    let running = fixture.started("// 2\n", &["wait", "verify"]);
    thread::sleep(Duration::from_millis(300));
    check_cancelled(&fixture, running);
}

#[test]
fn when_the_runner_closes_our_output_shared_traffic_goes_back() {
    let mut fixture = with_a_tenth();
    // The program writes nothing for a long time, but must notice the closed output anyway.
    fixture.set(json!({"traffic_interval": 600}));
    let Running { mut child, lines, .. } = fixture.started("// 2\n", &["wait"]);
    assert_eq!(fixture.alias("live"), "1, 10 % to 2");
    drop(lines);
    assert_eq!(child.wait().expect("can be waited for").code(), Some(1));
    assert_eq!(fixture.alias("live"), "1");
}

/// Makes AWS leave the call without an answer that sends the traffic of `live` back.
fn let_the_way_back_hang(fixture: &Fixture) {
    let kind = FaultKind::Hang { for_: Duration::from_secs(30) };
    fixture.endpoint.fault(Fault { operation: Some("UpdateAlias".to_owned()), after: 1, times: 1, kind });
}

/// Waits until that call has arrived.
fn wait_for_the_way_back(fixture: &Fixture) {
    let moves = || fixture.operations().iter().filter(|operation| *operation == "UpdateAlias").count();
    wait_until("the way back", || moves() == 2);
}

#[test]
fn a_signal_while_traffic_is_sent_back_hides_neither_the_failure_nor_where_the_traffic_is() {
    let mut fixture = with_a_tenth();
    fixture.set(json!({"traffic_interval": 1}));
    fixture.endpoint.answer_invocations(thrown());
    fixture.endpoint.answer_invocations(Invocation { times: Some(1), ..Invocation::default() });
    let_the_way_back_hang(&fixture);
    let running = fixture.started("// 2\n", &["update-alias"]);
    wait_for_the_way_back(&fixture);
    signal(&running.child, "TERM");
    let ended = running.ended();
    assert!(ended.elapsed < Duration::from_secs(5), "{:?}\n{}", ended.elapsed, ended.stdout);
    check_failed(&ended, "verification-failed", "/verify");
    let message = error(&ended, "message");
    assert!(message.contains("`live` may still send traffic to version 2"), "{message}");
    assert!(error(&ended, "hint").contains("`version: 1`"), "{}", ended.stdout);
    assert_eq!((fixture.rollback().outcome(), fixture.alias("live").as_str()), ("deployed", "1"));
}

#[test]
fn traffic_that_may_not_be_sent_back_needs_the_permission_first() {
    let fixture = Fixture::live(json!({"traffic": [10], "traffic_interval": 1}));
    let denied = Fault::once("UpdateAlias", FaultKind::denied());
    fixture.endpoint.fault(Fault { after: 1, times: u32::MAX, ..denied });
    let ended = fixture.deploy("// 2\n");
    check_failed(&ended, "access-denied", "");
    assert_eq!(fixture.alias("live"), "1, 10 % to 2");
    let hint = error(&ended, "hint");
    assert!(hint.starts_with("add this statement"), "{hint}");
    assert!(hint.contains("; then run `dpl-lambda rollback` with `version: 1`"), "{hint}");
}

#[test]
fn a_second_signal_while_traffic_is_shared_says_that_it_is() {
    let fixture = with_a_tenth();
    let_the_way_back_hang(&fixture);
    let running = fixture.started("// 2\n", &["wait"]);
    signal(&running.child, "TERM");
    wait_for_the_way_back(&fixture);
    signal(&running.child, "TERM");
    let ended = running.ended();
    assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(143)), "{}", ended.stdout);
    let message = error(&ended, "message");
    assert!(message.ends_with("; an alias may still send traffic to the new version"), "{message}");
    assert!(error(&ended, "hint").contains("`dpl-lambda rollback`"), "{}", ended.stdout);
    assert_eq!((fixture.rollback().outcome(), fixture.alias("live").as_str()), ("deployed", "1"));
}

/// Changes the description of `live` from outside while a tenth of its traffic is shifted, so that AWS
/// refuses the next share. Checks that the run ends with this code.
#[track_caller]
fn check_touched(fixture: &Fixture, code: &str) {
    let running = fixture.started("// 2\n", &["wait"]);
    fixture.another_client("PUT", &format!("{ALIASES}/live"), json!({"Description": "touched"}));
    let ended = running.ended();
    assert_eq!((ended.code(), ended.status.code()), (code, Some(1)), "{}", ended.stdout);
    assert_eq!(fixture.alias("live"), "1", "{}", ended.stdout);
}

#[test]
fn a_deployment_whose_alias_another_client_touches_in_the_middle_sends_shared_traffic_back() {
    let mut fixture = with_a_tenth();
    fixture.set(json!({"traffic_interval": 3}));
    check_touched(&fixture, "conflict");
}

#[test]
fn a_rollback_in_the_middle_of_a_shift_is_not_overridden() {
    let mut fixture = with_a_tenth();
    fixture.set(json!({"traffic_interval": 3}));
    let running = fixture.started("// 2\n", &["wait"]);
    assert_eq!(fixture.rollback().outcome(), "deployed");
    let ended = running.ended();
    assert_eq!((ended.code(), ended.status.code()), ("conflict", Some(1)), "{}", ended.stdout);
    assert_eq!(fixture.alias("live"), "1", "{}", ended.stdout);
}

#[test]
fn a_deployment_of_one_revision_that_meets_another_client_sends_shared_traffic_back() {
    let mut fixture = with_a_tenth();
    let live = fixture.endpoint.function("f").expect("the function exists");
    fixture.set(json!({"traffic_interval": 3, "revision_id": live["Configuration"]["RevisionId"]}));
    check_touched(&fixture, "conflict");
}

/// A fixture whose last run was killed while a tenth of the traffic went to version 2.
fn killed_with_a_tenth() -> Fixture {
    let mut fixture = with_a_tenth();
    fixture.started("// 2\n", &["wait"]).kill();
    assert_eq!(fixture.alias("live"), "1, 10 % to 2", "the killed run cannot send the traffic back");
    fixture.set(json!({"traffic_interval": 1}));
    fixture
}

#[track_caller]
fn check_cleared(ended: &PluginOutput) {
    assert_eq!(warnings(ended), ["weights-cleared"], "{}", ended.stdout);
    let message = ended.event("warning").expect("the event exists")["message"].as_str().unwrap_or_default();
    assert!(message.contains("`live` sends 10 % of its traffic to version 2"), "{message}");
}

#[test]
fn after_a_kill_the_next_deployment_begins_with_all_traffic_where_it_was() {
    let fixture = killed_with_a_tenth();
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    check_cleared(&ended);
    assert_eq!(fixture.changes()[..3], ["UpdateAlias 1", "PublishVersion", "Invoke"]);
    assert_eq!((fixture.alias("live").as_str(), fixture.versions()), ("2", vec![1, 2]));
    let finished = ended.finished();
    assert_eq!([&finished["version"], &finished["previous_version"]], ["2", "1"]);
}

#[test]
fn after_a_kill_a_check_that_fails_leaves_nobody_at_the_new_version() {
    let fixture = killed_with_a_tenth();
    fixture.endpoint.answer_invocations(thrown());
    let ended = fixture.deploy_again();
    check_failed(&ended, "verification-failed", "/verify");
    check_cleared(&ended);
    assert_eq!(fixture.alias("live"), "1");
}

#[test]
fn after_a_kill_a_check_that_fails_without_traffic_leaves_nobody_at_the_new_version() {
    let mut fixture = killed_with_a_tenth();
    fixture.set(json!({"traffic": null, "traffic_interval": null}));
    fixture.endpoint.answer_invocations(thrown());
    let ended = fixture.deploy_again();
    check_failed(&ended, "verification-failed", "/verify");
    check_cleared(&ended);
    assert_eq!(fixture.alias("live"), "1", "{}", ended.stdout);
}

#[test]
fn after_a_kill_a_rollback_sends_all_traffic_to_where_the_alias_points() {
    let fixture = killed_with_a_tenth();
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), ended.status.code()), ("deployed", Some(0)), "{}", ended.stdout);
    check_cleared(&ended);
    assert_eq!(fixture.changes(), ["UpdateAlias 1"]);
    assert_eq!((fixture.alias("live").as_str(), &ended.finished()["version"]), ("1", &json!("1")));
}

/// A fixture with `live` at version 2 and a canary from outside: a tenth of the traffic goes to version 1.
fn with_a_canary_of_another_client() -> Fixture {
    let fixture = Fixture::live(json!({"verify": {}}));
    fixture.deployed("// 2\n");
    let routing = json!({"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.1}}});
    fixture.another_client("PUT", &format!("{ALIASES}/live"), routing);
    fixture
}

#[test]
fn weights_that_another_client_has_given_are_not_touched() {
    let mut fixture = with_a_canary_of_another_client();
    for code in ["// 2\n", "// 3\n"] {
        for members in [json!({"traffic": null}), json!({"traffic": [50], "traffic_interval": 1})] {
            fixture.set(members);
            let planned = fixture.plugin(&["plan"]).run(&fixture.request);
            for ended in [fixture.deploy(code), planned, fixture.rollback()] {
                check_failed(&ended, "traffic-shared", "/alias");
                let message = error(&ended, "message");
                assert!(message.starts_with("`live` splits its traffic (10 % to version 1)"), "{message}");
                assert_eq!((fixture.changes(), fixture.alias("live").as_str()), (vec![], "2, 10 % to 1"));
            }
            fixture.set(json!({"traffic_interval": null}));
        }
    }
    fixture.set(json!({"clear_weights": true, "traffic": null}));
    let ended = fixture.deployed("// 3\n");
    assert_eq!((warnings(&ended), fixture.alias("live").as_str()), (vec!["weights-cleared"], "3"));
}

#[test]
fn all_traffic_that_another_client_sends_elsewhere_is_not_touched() {
    // AWS shows such a weight, too, while provisioned concurrency moves.
    let fixture = Fixture::live(json!({}));
    fixture.deployed("// 2\n");
    let routing = json!({"RoutingConfig": {"AdditionalVersionWeights": {"1": 1.0}}});
    fixture.another_client("PUT", &format!("{ALIASES}/live"), routing);
    for ended in [fixture.deploy_again(), fixture.deploy("// 3\n"), fixture.rollback()] {
        check_failed(&ended, "traffic-shared", "/alias");
        assert_eq!((fixture.changes(), fixture.alias("live").as_str()), (vec![], "2, 100 % to 1"));
    }
}

#[test]
fn a_rollback_may_end_a_canary_of_others_with_clear_weights() {
    let mut fixture = with_a_canary_of_another_client();
    fixture.set(json!({"clear_weights": true}));
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), fixture.alias("live").as_str()), ("deployed", "2"), "{}", ended.stdout);
}

#[test]
fn a_shift_of_ours_is_reported_by_the_alias_as_long_as_it_lasts() {
    let fixture = killed_with_a_tenth();
    assert_eq!(description(&fixture), "(at 1, to 2, before: none)");
    // The mark of the shift is removed, however the shift ends.
    assert_eq!(
        (fixture.rollback().outcome(), description(&fixture).as_str()),
        ("deployed", "(at 1, before: none)")
    );
    fixture.endpoint.answer_invocations(thrown());
    fixture.endpoint.answer_invocations(Invocation { times: Some(1), ..Invocation::default() });
    check_failed(&fixture.deploy_again(), "verification-failed", "/verify");
    assert_eq!(
        (fixture.alias("live").as_str(), description(&fixture).as_str()),
        ("1", "(at 1, before: none)")
    );
    // So the same weights, set from outside afterwards, are not ours.
    let routing = json!({"RoutingConfig": {"AdditionalVersionWeights": {"2": 0.1}}});
    fixture.another_client("PUT", &format!("{ALIASES}/live"), routing);
    check_failed(&fixture.deploy_again(), "traffic-shared", "/alias");
}
