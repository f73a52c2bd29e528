//! Tests the guard: the alarms and errors that are watched while traffic shifts to the new version.

use lambda_endpoint::{Alarm, Fires, Metrics};

use super::*;
use crate::emulators;

const ALARM: &str = "shop-5xx";
const REASON: &str = "Threshold Crossed: 1 datapoint [12.0] was greater than the threshold (5.0)";
const BACK: &str = "all traffic of `live` is back at version 1";

/// A fixture with `live` at version 1, whose next deployments are guarded by this alarm and bake for 1 s.
/// `members` are added to the stanza.
fn guarded_by(alarm: Alarm, members: Value) -> Fixture {
    let mut fixture = Fixture::live(json!({"guard": {"alarms": [alarm.name], "bake": 1}}));
    fixture.endpoint.set_alarm(alarm);
    fixture.set(members);
    fixture
}

/// The same with an alarm that never fires.
fn guarded(members: Value) -> Fixture {
    guarded_by(Alarm::named(ALARM), members)
}

/// The same with an alarm that fires at a share of the traffic, in percent.
fn guarded_at(percent: u32, members: Value) -> Fixture {
    guarded_by(Alarm::firing(ALARM, Fires::AtPercent(percent)), members)
}

/// The events of checks at this share of the traffic, in percent.
fn checks(ended: &PluginOutput, percent: u32) -> Vec<&Value> {
    let checks = ended.events.iter().filter(|event| event["event"] == "guard-checked");
    checks.filter(|check| check["percent"] == percent).collect()
}

/// Checks that version 2 was sent back after these shares, in percent. Returns the message.
#[track_caller]
fn check_back<'a>(fixture: &Fixture, ended: &'a PluginOutput, code: &str, shares: &[u32]) -> &'a str {
    assert_eq!((ended.outcome(), ended.code()), ("failed", code), "{}", ended.stdout);
    let steps = ["UpdateFunctionCode", "PublishVersion"].map(str::to_owned);
    let shares = shares.iter().map(|share| format!("UpdateAlias 1, {share} % to 2"));
    let expected: Vec<String> = steps.into_iter().chain(shares).chain(["UpdateAlias 1".to_owned()]).collect();
    assert_eq!(fixture.changes(), expected);
    assert_eq!(fixture.alias("live"), "1");
    assert_eq!(ended.finished()["changed"], json!(["update-function-code", "publish-version"]));
    let message = error(ended, "message");
    assert!(message.contains(BACK), "{message}");
    message
}

#[track_caller]
fn check_fired(fixture: &Fixture, shares: &[u32]) {
    let ended = fixture.deploy("// 2\n");
    let message = check_back(fixture, &ended, "alarm-fired", shares);
    let last = shares.last().expect("a share");
    let fired = format!("CloudWatch alarm `{ALARM}` fired while version 2 got {last} % of the traffic");
    assert!(message.starts_with(&format!("{fired}: {REASON}")), "{message}");
    let check = checks(&ended, *last).pop().expect("the check is an event");
    assert_eq!((&check["state"], &check["alarms"][0]["state"]), (&json!("fired"), &json!("ALARM")));
}

/// Checks that nothing was changed.
#[track_caller]
fn check_refused(fixture: &Fixture, code: &str, words: &str) {
    for arguments in [&["plan"][..], &[]] {
        fixture.endpoint.forget_calls();
        let ended = fixture.plugin(arguments).run(&fixture.request);
        assert_eq!((ended.outcome(), ended.code()), ("failed", code), "{}", ended.stdout);
        assert!(error(&ended, "message").contains(words), "{}", error(&ended, "message"));
        assert_eq!((fixture.changes(), fixture.alias("live").as_str()), (vec![], "1"));
    }
}

#[test]
fn a_version_gets_all_traffic_after_each_share_and_the_bake_have_passed() {
    let fixture = guarded(json!({"traffic": [10, 50], "traffic_interval": 1}));
    let ended = fixture.deployed("// 2\n");
    let moves = [
        "UpdateAlias 1, 10 % to 2",
        "UpdateAlias 1, 50 % to 2",
        "UpdateAlias 1, 100 % to 2",
        "UpdateAlias 2",
    ];
    assert_eq!(fixture.changes()[2..], moves);
    assert_eq!(fixture.alias("live"), "2");
    let (steps, at_each) = (["update-function-code", "publish-version"], ["shift-traffic", "wait"]);
    assert_eq!(ended.steps(), [&steps[..], &at_each, &at_each, &at_each, &["update-alias"]].concat());
    for percent in [10, 50, 100] {
        let checks = checks(&ended, percent);
        assert!(checks.iter().all(|check| check["state"] == "passed"), "{checks:?}");
        let last = checks.last().unwrap_or_else(|| panic!("no check at {percent} %\n{}", ended.stdout));
        assert_eq!(last["remaining_seconds"], 0, "{last}");
        assert_eq!(last["alarms"], json!([{"name": ALARM, "state": "OK"}]));
    }
    let guard = &ended.finished()["guard"];
    assert_eq!((&guard["state"], &guard["alarms"]), (&json!("passed"), &json!([ALARM])));
    assert!(guard["watched_seconds"].as_u64() >= Some(3), "{guard}");
    assert_eq!((&guard["ignored"], warnings(&ended)), (&json!([]), vec![]));
}

#[test]
fn without_traffic_a_version_gets_all_traffic_at_once_and_bakes() {
    let fixture = guarded(json!({}));
    let ended = fixture.deployed("// 2\n");
    assert_eq!(fixture.changes()[2..], ["UpdateAlias 1, 100 % to 2", "UpdateAlias 2"]);
    assert!(ended.elapsed >= Duration::from_secs(1), "{:?}", ended.elapsed);
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");
    assert_eq!(fixture.endpoint.count("DescribeAlarms"), 0);
}

#[test]
fn an_alarm_that_fires_sends_all_traffic_back() {
    let shares = json!({"traffic": [10, 50], "traffic_interval": 1});
    check_fired(&guarded_at(10, shares.clone()), &[10]);
    check_fired(&guarded_at(100, shares), &[10, 50, 100]);
    check_fired(&guarded_at(100, json!({})), &[100]);
}

#[test]
fn an_alarm_that_fires_at_the_end_of_the_bake_sends_all_traffic_back() {
    // It is read before anything is changed, and at the beginning and the end of the bake.
    check_fired(&guarded_by(Alarm::firing(ALARM, Fires::AfterReads(2)), json!({})), &[100]);
}

#[test]
fn a_composite_alarm_and_an_arn_are_watched() {
    let alarm = Alarm { is_composite: true, ..Alarm::firing(ALARM, Fires::AtPercent(100)) };
    let arn = format!("arn:aws:cloudwatch:us-east-1:123456789012:alarm:{ALARM}");
    check_fired(&guarded_by(alarm, json!({"guard": {"alarms": arn, "bake": 1}})), &[100]);
}

#[test]
fn an_alarm_without_data_does_not_fire() {
    let blind = Alarm { state: "INSUFFICIENT_DATA".to_owned(), ..Alarm::named(ALARM) };
    let ended = guarded_by(blind, json!({})).deployed("// 2\n");
    assert_eq!(ended.finished()["guard"]["state"], "passed");
    assert_eq!(warnings(&ended), [""; 0]);
}

#[test]
fn an_alarm_that_notifies_nobody_fires_too() {
    let silent = Alarm { actions_enabled: false, ..Alarm::firing(ALARM, Fires::AtPercent(1)) };
    check_fired(&guarded_by(silent, json!({})), &[100]);
}

#[test]
fn an_alarm_that_fires_before_the_deployment_is_ignored() {
    let firing = Alarm { state: "ALARM".to_owned(), ..Alarm::named(ALARM) };
    let fixture = guarded_by(firing, json!({"guard": {"alarms": [ALARM, "shop-latency"], "bake": 1}}));
    fixture.endpoint.set_alarm(Alarm::named("shop-latency"));
    let ended = fixture.deployed("// 2\n");
    assert_eq!(warnings(&ended), ["alarm-already-firing"]);
    let warning = ended.event("warning").expect("the event exists")["message"].to_string();
    assert!(warning.contains(ALARM), "{warning}");
    assert_eq!(ended.finished()["guard"]["ignored"], json!([ALARM]));
    let alarms = &checks(&ended, 100).pop().expect("a check")["alarms"];
    let ignored: Vec<&Value> =
        alarms.as_array().into_iter().flatten().filter(|alarm| alarm["ignored"] == true).collect();
    assert_eq!(ignored, [&json!({"name": ALARM, "state": "ALARM", "ignored": true})]);

    // The other one is still watched.
    fixture.endpoint.set_alarm(Alarm::firing("shop-latency", Fires::AtPercent(100)));
    let ended = fixture.deploy("// 3\n");
    assert_eq!((ended.code(), fixture.alias("live").as_str()), ("alarm-fired", "2"), "{}", ended.stdout);
    assert!(error(&ended, "message").contains("`shop-latency`"), "{}", error(&ended, "message"));
}

#[test]
fn an_alarm_that_is_named_twice_is_watched_once() {
    let arn = format!("arn:aws:cloudwatch:us-east-1:123456789012:alarm:{ALARM}");
    let firing = Alarm { state: "ALARM".to_owned(), ..Alarm::named(ALARM) };
    let ended = guarded_by(firing, json!({"guard": {"alarms": [ALARM, arn], "bake": 1}})).deployed("// 2\n");
    assert_eq!(warnings(&ended), ["alarm-already-firing"]);
    assert_eq!(ended.finished()["guard"]["ignored"], json!([ALARM]));
}

#[test]
fn an_alarm_that_does_not_exist_is_refused_before_anything_is_changed() {
    let fixture = guarded(json!({"guard": {"alarms": [ALARM, "shop-4xx"], "bake": 1}}));
    fixture.write("// 2\n");
    check_refused(&fixture, "not-found", "CloudWatch alarm `shop-4xx` does not exist in us-east-1");
    let ended = fixture.deploy_again();
    assert_eq!(error(&ended, "at"), "/guard/alarms", "{}", ended.stdout);
}

#[test]
fn a_shift_that_the_alias_cannot_record_is_refused() {
    let fixture = guarded(json!({}));
    let description = json!({"Description": "x".repeat(256)});
    fixture.another_client("PUT", &format!("{ALIASES}/live"), description);
    fixture.write("// 2\n");
    check_refused(&fixture, "traffic-not-shareable", "the description of `live` is too long");
}

#[test]
fn an_alarm_of_another_region_is_refused() {
    let arn = format!("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{ALARM}");
    let fixture = guarded(json!({"guard": {"alarms": [arn], "bake": 1}}));
    let ended = fixture.deploy("// 2\n");
    assert_eq!((ended.outcome(), error(&ended, "at")), ("failed", "/guard/alarms"), "{}", ended.stdout);
    assert!(error(&ended, "message").contains("eu-west-1"), "{}", error(&ended, "message"));
    assert_eq!(fixture.changes(), [""; 0]);
}

#[test]
fn a_hundred_alarms_are_watched_and_not_more() {
    let names = |count: u32| (1..=count).map(|number| format!("alarm-{number}")).collect::<Vec<_>>();
    let mut fixture = guarded(json!({"guard": {"alarms": names(100), "bake": 1}}));
    names(100).iter().for_each(|name| fixture.endpoint.set_alarm(Alarm::named(name)));
    let ended = fixture.deployed("// 2\n");
    assert_eq!(ended.finished()["guard"]["alarms"].as_array().map(Vec::len), Some(100));
    fixture.set(json!({"guard": {"alarms": names(101), "bake": 1}}));
    let refused = fixture.plugin(&["check"]).run(&fixture.request);
    assert_eq!((refused.code(), error(&refused, "at")), ("bad-value", "/guard/alarms"), "{}", refused.stdout);
}

#[test]
fn a_first_deployment_has_nothing_to_go_back_to() {
    let fixture = Fixture::new(json!({"alias": "live", "guard": {"alarms": [ALARM], "bake": 1}}));
    let ended = fixture.deployed("// 1\n");
    assert_eq!(ended.steps(), ["create-function", "publish-version", "create-alias"]);
    assert_eq!(ended.finished()["guard"], Value::Null);
    assert!(!fixture.operations().contains(&"DescribeAlarms".to_owned()), "{:?}", fixture.operations());
}

/// A fixture that gives version 2 a tenth of the traffic and counts its errors. With all traffic, version 1
/// fails `old` of 10000 invocations, and version 2 `new` of `invocations`. An alarm ends the run at the bake.
fn judged(old: u32, (new, invocations): (u32, u32)) -> Fixture {
    let fixture = guarded_at(
        100,
        json!({
            "traffic": [10], "traffic_interval": 1, "guard": {"alarms": [ALARM], "errors": "1%", "bake": 120},
        }),
    );
    fixture.endpoint.set_metrics(Metrics::of("1", old, 10_000));
    fixture.endpoint.set_metrics(Metrics::of("2", new, invocations));
    fixture
}

/// Checks the last judgement of version 2 while it gets a tenth of the traffic.
#[track_caller]
fn check_judged(fixture: &Fixture, state: &str, errors: &Value) {
    let ended = fixture.deploy("// 2\n");
    check_back(fixture, &ended, "alarm-fired", &[10, 100]);
    let check = checks(&ended, 10).pop().expect("a check");
    assert_eq!((&check["state"], &check["errors"]), (&json!(state), errors));
}

#[test]
fn a_version_that_fails_more_than_allowed_beside_a_healthy_one_is_sent_back() {
    let fixture = judged(0, (50, 1000));
    let ended = fixture.deploy("// 2\n");
    let message = check_back(&fixture, &ended, "errors-exceeded", &[10]);
    assert!(message.starts_with("version 2 failed 5 of 100 invocations (5 %"), "{message}");
    assert!(message.contains("`errors` allows 1 %"), "{message}");
    assert_eq!(checks(&ended, 10).pop().expect("a check")["state"], "fired");
}

#[test]
fn a_version_that_fails_no_more_than_the_old_one_passes() {
    let previous = json!({"version": "1", "invocations": 9000, "errors": 450});
    let errors = json!({"version": "2", "invocations": 100, "errors": 5, "previous": previous});
    check_judged(&judged(500, (50, 1000)), "passed", &errors);
}

#[test]
fn a_version_with_few_invocations_is_undecided() {
    let previous = json!({"version": "1", "invocations": 9000, "errors": 0});
    let errors = json!({"version": "2", "invocations": 50, "errors": 1, "previous": previous});
    check_judged(&judged(0, (5, 500)), "undecided", &errors);
}

#[test]
fn errors_are_added_up_over_the_aliases() {
    let mut fixture = judged(0, (15, 1000));
    fixture.make_alias("next", "1");
    fixture.set(json!({"alias": ["live", "next"]}));
    let ended = fixture.deploy("// 2\n");
    assert_eq!(ended.code(), "errors-exceeded", "{}", ended.stdout);
    let message = error(&ended, "message");
    assert!(message.starts_with("version 2 failed 4 of 200 invocations (2 %"), "{message}");
    assert_eq!((fixture.alias("live").as_str(), fixture.alias("next").as_str()), ("1", "1"));
    let asked = fixture.endpoint.count("GetMetricData");
    assert!(asked >= 2, "both pages are read: {asked}");
}

#[test]
#[ignore = "second tier: a bake with `errors` takes two minutes"]
fn a_bake_that_ends_undecided_is_a_warning() {
    let mut fixture = judged(0, (0, 500));
    fixture.endpoint.set_alarm(Alarm::named(ALARM));
    fixture.set(json!({"traffic": null, "traffic_interval": null, "guard": {"errors": "0.1%", "bake": 120}}));
    let ended = fixture.started("// 2\n", &["wait"]).ended();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(warnings(&ended), ["guard-undecided"]);
    let warning = ended.event("warning").expect("the event exists")["message"].to_string();
    let counted = "only 500 invocations of version 2 were counted";
    assert!(warning.contains(counted) && warning.contains("needs 1000"), "{warning}");
    let guard = &ended.finished()["guard"];
    assert_eq!((&guard["state"], &guard["errors"]["invocations"]), (&json!("undecided"), &json!(500)));
    assert_eq!(fixture.alias("live"), "2");
    let mut waits = ended.events.iter().filter(|event| event["event"] == "progress");
    let last = waits.next_back().expect("waits are events");
    assert_eq!(last["what"], "the end of `guard.bake`");
    assert!(last["elapsed_ms"].as_u64() > Some(60_000), "checks do not begin a new wait: {last}");
    let checks = checks(&ended, 100).len();
    assert!((4..=8).contains(&checks), "one check every 30 s is an event: {checks}");
}

#[test]
fn alarms_that_cannot_be_read_are_refused_before_anything_is_changed() {
    let fixture = guarded(json!({}));
    fixture.deny(&["cloudwatch:DescribeAlarms"]);
    fixture.write("// 2\n");
    check_refused(&fixture, "access-denied", "cloudwatch:DescribeAlarms");
}

#[test]
fn a_guard_that_cannot_see_any_more_sends_all_traffic_back() {
    let fixture = guarded(json!({"guard": {"alarms": [ALARM], "bake": 3}}));
    let running = fixture.started("// 2\n", &["wait"]);
    fixture.deny(&["cloudwatch:DescribeAlarms"]);
    let ended = running.ended();
    let message = check_back(&fixture, &ended, "access-denied", &[100]);
    assert!(message.contains("cloudwatch:DescribeAlarms"), "{message}");

    let fixture = judged(0, (0, 1000));
    fixture.deny(&["cloudwatch:GetMetricData"]);
    let ended = fixture.deploy("// 2\n");
    assert_eq!((ended.code(), fixture.alias("live").as_str()), ("access-denied", "1"), "{}", ended.stdout);
}

/// A fixture whose next deployment has moved all traffic to version 2 and bakes for 10 minutes.
fn baking() -> (Fixture, Running) {
    let fixture = guarded(json!({"guard": {"alarms": [ALARM], "bake": 600}}));
    let running = fixture.started("// 2\n", &["wait"]);
    assert_eq!(fixture.alias("live"), "1, 100 % to 2");
    (fixture, running)
}

#[test]
fn a_signal_during_the_bake_sends_all_traffic_back() {
    let (fixture, running) = baking();
    signal(&running.child, "TERM");
    let ended = running.ended();
    assert!(ended.elapsed < Duration::from_secs(5), "{:?}", ended.elapsed);
    check_back(&fixture, &ended, "cancelled", &[100]);
    assert_eq!(ended.status.code(), Some(143));
}

#[test]
fn a_signal_while_an_alarm_is_read_sends_all_traffic_back() {
    let fixture = guarded(json!({}));
    fixture.endpoint.fault(Fault { after: 1, ..Fault::once("DescribeAlarms", FaultKind::hang()) });
    let running = fixture.started("// 2\n", &["wait"]);
    wait_until("the second read", || fixture.endpoint.count("DescribeAlarms") == 2);
    signal(&running.child, "TERM");
    let ended = running.ended();
    assert!(ended.elapsed < Duration::from_secs(5), "{:?}", ended.elapsed);
    check_back(&fixture, &ended, "cancelled", &[100]);
}

#[test]
fn when_the_runner_closes_our_output_during_the_bake_all_traffic_goes_back() {
    let (fixture, Running { mut child, lines, .. }) = baking();
    drop(lines);
    assert_eq!(child.wait().expect("can be waited for").code(), Some(1));
    assert_eq!(fixture.alias("live"), "1");
}

#[test]
fn after_a_kill_during_the_bake_the_next_run_begins_with_all_traffic_where_it_was() {
    let (mut fixture, running) = baking();
    running.kill();
    assert_eq!(fixture.alias("live"), "1, 100 % to 2", "the killed run cannot send the traffic back");
    fixture.set(json!({"guard": {"alarms": [ALARM], "bake": 1}}));
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    assert_eq!(warnings(&ended), ["weights-cleared"]);
    assert_eq!((fixture.alias("live").as_str(), fixture.versions()), ("2", vec![1, 2]));
    assert_eq!(ended.finished()["previous_version"], "1");
}

#[test]
fn after_a_kill_during_the_bake_a_rollback_sends_all_traffic_to_where_the_alias_points() {
    let (fixture, running) = baking();
    running.kill();
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), fixture.changes()), ("deployed", vec!["UpdateAlias 1".to_owned()]));
    assert_eq!(fixture.alias("live"), "1");
}

/// The numbers that the endpoint gives the program, as another client reads them.
#[test]
#[ignore = "second tier: needs PyPI"]
fn boto3_reads_the_same_alarms_and_metrics() {
    let key = || "testing".to_owned();
    let settings = Settings { access_key_id: key(), secret_access_key: key(), ..Settings::default() };
    let mut fixture = Fixture::of(settings, json!({"alias": "live"}));
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        fixture.request["env"][name] = json!(key());
    }
    fixture.deployed("// 1\n");
    fixture.endpoint.set_alarm(Alarm { is_composite: true, ..Alarm::named(ALARM) });
    fixture.endpoint.set_metrics(Metrics::of("1", 12, 340));
    let dimensions = [("FunctionName", "f"), ("Resource", "f:live"), ("ExecutedVersion", "1")]
        .map(|(name, value)| json!({"Name": name, "Value": value}));
    let metric = json!({"Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": dimensions});
    let query = json!({"Id": "errors", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}});
    let alarms = json!({"AlarmNames": [ALARM], "AlarmTypes": ["CompositeAlarm"]});
    let metrics = json!({"MetricDataQueries": [query], "StartTime": 1_800_000_000, "EndTime": 1_800_000_090});
    let questions = [("cloudwatch", "describe_alarms", alarms), ("cloudwatch", "get_metric_data", metrics)];
    let answers = emulators::ask_all(&fixture.endpoint.url(), &questions);
    let alarm = &answers[0]["CompositeAlarms"][0];
    assert_eq!((&alarm["AlarmName"], &alarm["StateValue"]), (&json!(ALARM), &json!("OK")), "{alarm}");
    assert_eq!(answers[1]["MetricDataResults"][0]["Values"], json!([6.0, 6.0]), "{}", answers[1]);
}
