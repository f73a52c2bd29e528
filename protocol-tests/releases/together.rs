//! Tests a release of several functions: no alias moves before all of them are prepared, and if one of them
//! fails, those that moved go back.

use lambda_endpoint::{Alarm, Call, Fires};

use super::*;
use crate::identity::sources::sts;
use crate::lists::{count, listed};
use crate::release_fixture::{
    aliases, check_functions, is_effective, kill_half_live, moves, phases, three, three_live, writes,
};

/// AWS refuses the call of this operation after `after` others.
fn refuse(fixture: &Fixture, operation: &str, after: u32) {
    fixture.endpoint.fault(Fault { after, ..Fault::once(operation, FaultKind::denied()) });
}

/// Checks that the release failed with this code for the stanza `failed`, that the others were stopped, and
/// that each alias points at this version.
#[track_caller]
fn check_all_at(fixture: &Fixture, ended: &PluginOutput, (code, failed): (&str, usize), version: &str) {
    let finished = ended.finished();
    assert_eq!((ended.outcome(), ended.code()), ("failed", code), "{}", ended.stdout);
    assert_eq!(finished["stanza"], failed, "{}", ended.stdout);
    let outcome = |stanza| if stanza == failed { "failed" } else { "stopped" };
    assert_eq!(ended.outcomes(), (0..3).map(outcome).collect::<Vec<_>>(), "{}", ended.stdout);
    assert_eq!(aliases(fixture), [version; 3], "{}", ended.stdout);
    let calls = fixture.endpoint.calls();
    let effective: Vec<&Call> = calls.iter().filter(|call| is_effective(call)).collect();
    assert_eq!(check_functions(ended, &effective), Ok(()), "{}", ended.stdout);
}

/// The moves of all aliases but that of this function, which AWS refused.
fn moves_without(fixture: &Fixture, function: &str) -> Vec<String> {
    let mut moves = moves(fixture);
    moves.retain(|made| !made.starts_with(&format!("{function} ")));
    moves
}

#[test]
fn no_alias_moves_before_all_functions_are_prepared() {
    let fixture = three_live(&json!({}));
    let ended = fixture.deployed("// 2\n");
    let calls = fixture.endpoint.calls();
    let first_move = calls.iter().position(|call| call.operation == "UpdateAlias").expect("aliases move");
    let proved = calls[..first_move].iter().filter(|call| call.operation == "Invoke").count();
    assert_eq!(proved, 3, "{:?}", fixture.operations());
    assert_eq!(moves(&fixture), ["a 2", "b 2", "c 2"]);
    let all = ["judge", "package", "read", "plan", "prepare", "go-live", "clean-up"];
    assert_eq!(phases(&ended), all, "{}", ended.stdout);
    let phase = ended.event("phase").expect("the event exists");
    assert_eq!((&phase["release"], &phase["functions"]), (&json!("shop"), &json!(3)));
    assert_eq!(ended.outcomes(), ["deployed"; 3]);
    for function in ended.functions() {
        assert_eq!((&function["release"], &function["previous_version"]), (&json!("shop"), &json!("1")));
    }
    let again = fixture.deploy_again();
    assert_eq!((again.outcome(), again.outcomes()), ("unchanged", vec!["unchanged"; 3]), "{}", again.stdout);
    assert_eq!(writes(&fixture), [""; 0]);
}

#[test]
fn if_one_version_fails_its_check_no_alias_moves() {
    let mut fixture = three_live(&json!({}));
    fixture.set_in(1, json!({"verify": {"expect": {"contains": "never"}}}));
    let ended = fixture.deploy("// 2\n");
    check_all_at(&fixture, &ended, ("verification-failed", 1), "1");
    assert_eq!((moves(&fixture), &ended.finished()["function_name"]), (vec![], &json!("b")));
    let phases = phases(&ended);
    assert!(!phases.contains(&"go-live") && !phases.contains(&"send-back"), "{phases:?}");

    fixture.set_in(1, json!({"verify": {}}));
    let mended = fixture.deploy_again();
    assert_eq!(mended.outcome(), "deployed", "{}", mended.stdout);
    assert_eq!(moves(&fixture), ["a 2", "b 2", "c 2"]);
}

#[test]
fn if_one_alias_is_refused_those_that_moved_go_back_newest_first() {
    let fixture = three_live(&json!({}));
    refuse(&fixture, "UpdateAlias", 2);
    let ended = fixture.deploy("// 2\n");
    check_all_at(&fixture, &ended, ("access-denied", 2), "1");
    assert_eq!(moves_without(&fixture, "c"), ["a 2", "b 2", "b 1", "a 1"]);
    assert_eq!(phases(&ended).last(), Some(&"send-back"), "{}", ended.stdout);
    assert_eq!(fixture.deploy_again().outcomes(), ["deployed"; 3]);
    assert_eq!(aliases(&fixture), ["2"; 3]);
}

#[test]
fn an_alias_that_was_created_stays_and_is_named() {
    let fixture = three();
    refuse(&fixture, "CreateAlias", 2);
    let ended = fixture.deploy("// 1\n");
    assert_eq!((ended.code(), ended.outcomes()), ("access-denied", vec!["stopped", "stopped", "failed"]));
    assert_eq!(aliases(&fixture), ["1", "1", ""]);
    let left: Vec<&Value> = ended.functions().into_iter().map(|function| &function["left"]).collect();
    assert_eq!(left, [&json!(["live"]), &json!(["live"]), &Value::Null], "{}", ended.stdout);
    assert_eq!(fixture.deploy_again().outcome(), "deployed");
    assert_eq!(aliases(&fixture), ["1"; 3]);
}

#[test]
fn traffic_goes_over_for_all_functions_together() {
    let fixture = three_live(&json!({"traffic": [10, 50], "traffic_interval": 1}));
    fixture.deployed("// 2\n");
    let expected = [
        ["a 1, 10 % to 2", "b 1, 10 % to 2", "c 1, 10 % to 2"],
        ["a 1, 50 % to 2", "b 1, 50 % to 2", "c 1, 50 % to 2"],
        ["a 2", "b 2", "c 2"],
    ];
    assert_eq!(moves(&fixture), expected.concat());
}

#[test]
fn a_guard_that_fires_for_one_function_sends_all_back() {
    let mut fixture = three_live(&json!({"traffic": [50], "traffic_interval": 1}));
    fixture.endpoint.set_alarm(Alarm::firing("shop-5xx", Fires::AtPercent(50)));
    fixture.set_in(1, json!({"guard": {"alarms": ["shop-5xx"]}}));
    let ended = fixture.deploy("// 2\n");
    check_all_at(&fixture, &ended, ("alarm-fired", 1), "1");
    // The alarm may fire before `c` has shifted.
    assert_eq!(moves_without(&fixture, "c"), ["a 1, 50 % to 2", "b 1, 50 % to 2", "b 1", "a 1"]);
    let message = error(&ended, "message");
    assert!(message.contains("all traffic of `live` is back at version 1"), "{message}");
}

#[test]
fn a_function_whose_conditions_are_not_met_is_left_out() {
    let mut fixture = three_live(&json!({}));
    fixture.set_in(1, json!({"on": "dev"}));
    let ended = fixture.deployed("// 2\n");
    assert_eq!(ended.outcomes(), ["deployed", "skipped", "deployed"]);
    let counted = ended.events.iter().filter(|event| event["event"] == "phase");
    let counted: Vec<&Value> = counted.map(|phase| &phase["functions"]).collect();
    assert_eq!(counted, [3, 2, 2, 2, 2, 2, 2], "{}", ended.stdout);
    assert_eq!(moves(&fixture), ["a 2", "c 2"]);
    assert!(!fixture.endpoint.calls().iter().any(|call| call.path.contains("/functions/b")));
}

#[test]
fn what_cannot_be_planned_for_one_function_stops_all_before_any_change() {
    for (members, code) in [
        (json!({"timeout": "ten"}), "bad-value"),
        (json!({"zip": "not-there"}), "package-not-found"),
        (json!({"revision_id": "00000000-0000-0000-0000-000000000000"}), "revision-mismatch"),
    ] {
        let mut fixture = three_live(&json!({}));
        fixture.set_in(1, members);
        let ended = fixture.deploy("// 2\n");
        check_all_at(&fixture, &ended, (code, 1), "1");
        assert_eq!(writes(&fixture), [""; 0], "{}", ended.stdout);
    }
}

#[test]
fn every_function_that_cannot_be_planned_is_reported() {
    let mut fixture = three_live(&json!({}));
    fixture.deployed("// 2\n");
    let check = |fixture: &Fixture, code: &str| {
        let ended = fixture.deploy("// 3\n");
        assert_eq!(ended.outcomes(), ["failed", "stopped", "failed"], "{}", ended.stdout);
        for stanza in [0, 2] {
            assert_eq!(ended.functions()[stanza]["error"]["code"], code, "{}", ended.stdout);
        }
        assert_eq!(writes(fixture), [""; 0]);
    };
    [0, 2].iter().for_each(|stanza| fixture.set_in(*stanza, json!({"zip": "not-there"})));
    check(&fixture, "package-not-found");
    [0, 2].iter().for_each(|stanza| fixture.set_in(*stanza, json!({"zip": "index.js"})));
    for function in ["a", "c"] {
        let weights = json!({"RoutingConfig": {"AdditionalVersionWeights": {"1": 0.1}}});
        fixture.another_client("PUT", &format!("/2015-03-31/functions/{function}/aliases/live"), weights);
    }
    check(&fixture, "traffic-shared");
}

#[test]
fn a_login_that_fails_is_tried_once_for_all_functions() {
    let (sts, mut fixture) = (sts(), three());
    fixture.request["env"]["AWS_ENDPOINT_URL_STS"] = json!(sts.url());
    for stanza in 0..3 {
        fixture.set_in(stanza, json!({"role_to_assume": "arn:aws:iam::123456789012:role/nowhere"}));
    }
    let ended = fixture.deploy("// 1\n");
    assert_eq!(ended.outcomes(), ["failed"; 3], "{}", ended.stdout);
    assert_eq!(sts.asked().len(), 1, "{}", ended.stdout);
}

#[test]
fn a_release_cannot_have_one_function_twice() {
    let mut fixture = three_live(&json!({}));
    fixture.set_in(1, json!({"function_name": "a"}));
    let ended = fixture.deploy("// 2\n");
    assert_eq!((ended.code(), error(&ended, "at")), ("bad-value", "/release"), "{}", ended.stdout);
    assert_eq!(ended.outcomes(), ["stopped", "failed", "stopped"]);
    assert_eq!(fixture.operations(), [""; 0]);
}

/// A fixture whose function `b` has no alias.
fn with_one_without_an_alias() -> Fixture {
    let mut fixture = three_live(&json!({}));
    fixture.set_in(1, json!({"alias": null}));
    fixture
}

#[test]
fn a_function_without_an_alias_is_deployed_after_all_aliases_have_moved() {
    let fixture = with_one_without_an_alias();
    let ended = fixture.deployed("// 2\n");
    assert_eq!(writes(&fixture)[4..], ["a UpdateAlias 2", "c UpdateAlias 2", "b UpdateFunctionCode"]);
    assert_eq!(warnings(&ended), ["not-held-back"]);
    assert_eq!(ended.event("warning").expect("the event exists")["stanza"], 1);
    let again = fixture.deploy_again();
    assert_eq!((again.outcome(), warnings(&again)), ("unchanged", vec![]), "{}", again.stdout);
}

#[test]
fn if_a_function_without_an_alias_fails_the_aliases_go_back() {
    let fixture = with_one_without_an_alias();
    refuse(&fixture, "UpdateFunctionCode", 2);
    let ended = fixture.deploy("// 2\n");
    check_all_at(&fixture, &ended, ("access-denied", 1), "1");
    assert_eq!(moves(&fixture), ["a 2", "c 2", "c 1", "a 1"]);
}

#[test]
fn a_lost_response_while_the_release_goes_live_is_no_change_by_others() {
    let lose = |fixture: &Fixture, operation: &str, after: u32| {
        fixture.endpoint.fault(Fault { after, ..Fault::once(operation, FaultKind::ResetAfter) });
    };
    let fixture = with_one_without_an_alias();
    lose(&fixture, "UpdateFunctionCode", 2);
    let ended = fixture.deployed("// 2\n");
    assert_eq!((ended.outcomes(), warnings(&ended)), (vec!["deployed"; 3], vec!["not-held-back"]));
    assert_eq!(moves(&fixture), ["a 2", "c 2"]);
    assert_eq!(count(&fixture, "UpdateFunctionCode"), 4);
    let created = three();
    lose(&created, "CreateAlias", 1);
    let ended = created.deployed("// 1\n");
    assert_eq!((ended.outcomes(), warnings(&ended)), (vec!["deployed"; 3], vec![]), "{}", ended.stdout);
    assert_eq!(aliases(&created), ["1"; 3]);
}

/// Starts a release that waits until the updates of all functions are complete, or with a tenth of the
/// traffic.
fn waiting(is_live: bool) -> (Fixture, Running) {
    let members = json!({"traffic": [10], "traffic_interval": 600});
    let fixture = three_live(&if is_live { members } else { json!({}) });
    if is_live {
        let running = fixture.started("// 2\n", &["wait"; 3]);
        assert_eq!(aliases(&fixture), ["1, 10 % to 2"; 3]);
        return (fixture, running);
    }
    fixture.endpoint.set_update_duration(Duration::from_secs(60));
    let running = fixture.started("// 2\n", &[]);
    wait_until("the updates", || count(&fixture, "UpdateFunctionCode") == 3);
    (fixture, running)
}

#[test]
fn a_signal_and_a_closed_output_leave_each_alias_where_it_was() {
    let ways = [None, Some(("TERM", 143)), Some(("INT", 130))];
    let runs: Vec<_> = [false, true].into_iter().flat_map(|live| ways.map(|way| (live, way))).collect();
    let name = |run: &(bool, Option<(&str, i32)>)| format!("{run:?}");
    check_each(&runs, 3, name, |(is_live, way)| {
        let (fixture, mut running) = waiting(*is_live);
        match way {
            Some((name, status)) => {
                signal(&running.child, name);
                let ended = running.ended();
                assert!(ended.elapsed < Duration::from_secs(5), "{:?}", ended.elapsed);
                assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(*status)));
                let is_stopped = |outcome: &&str| ["failed", "stopped"].contains(outcome);
                assert!(ended.outcomes().iter().all(is_stopped), "{}", ended.stdout);
                assert_eq!(phases(&ended).contains(&"send-back"), *is_live, "{}", ended.stdout);
            }
            None => {
                drop(running.lines);
                assert_eq!(running.child.wait().expect("can be waited for").code(), Some(1));
            }
        }
        assert_eq!(aliases(&fixture), ["1"; 3]);
        assert_eq!(moves(&fixture).len(), if *is_live { 6 } else { 0 });
    });
}

#[test]
fn a_plan_of_a_release_is_one_plan_and_changes_nothing() {
    let mut fixture = three_live(&json!({}));
    fixture.write("// 2\n");
    fixture.endpoint.forget_calls();
    let planned = fixture.plugin(&["plan"]).run(&fixture.request);
    assert_eq!(planned.outcome(), "planned", "{}", planned.stdout);
    assert_eq!(planned.outcomes(), ["planned"; 3]);
    assert_eq!(phases(&planned), ["judge", "package", "read", "plan"]);
    // The three plans come together.
    let events = planned.events.iter().filter(|event| event["event"] != "progress");
    let events = events.skip_while(|event| event["event"] != "planned");
    let plans: Vec<&Value> = events.take_while(|event| event["event"] == "planned").collect();
    let stanzas: Vec<&Value> = plans.iter().map(|plan| &plan["stanza"]).collect();
    assert_eq!(stanzas, [0, 1, 2], "{}", planned.stdout);
    let steps = plans[0]["steps"].as_array().expect("a list").iter();
    let steps: Vec<_> = steps.map(|step| (step["step"].as_str(), step["phase"].as_str())).collect();
    let expected = [
        ("update-function-code", "prepare"),
        ("publish-version", "prepare"),
        ("verify", "prepare"),
        ("update-alias", "go-live"),
    ];
    assert_eq!(steps, expected.map(|(step, phase)| (Some(step), Some(phase))));
    assert_eq!(writes(&fixture), [""; 0]);

    fixture.set_in(1, json!({"dry_run": true}));
    let planned = fixture.deploy_again();
    assert_eq!((planned.outcomes(), writes(&fixture)), (vec!["planned"; 3], vec![]), "{}", planned.stdout);
}

#[test]
fn a_rollback_takes_a_release_back_newest_first() {
    let mut fixture = three_live(&json!({}));
    fixture.deployed("// 2\n");
    fixture.set_in(2, json!({"version": "9"}));
    let ended = fixture.rollback();
    check_all_at(&fixture, &ended, ("not-found", 2), "2");
    assert_eq!(writes(&fixture), [""; 0]);

    fixture.set_in(2, json!({"version": null}));
    let ended = fixture.rollback();
    assert_eq!((ended.outcome(), ended.outcomes()), ("deployed", vec!["deployed"; 3]), "{}", ended.stdout);
    assert_eq!(moves(&fixture), ["c 1", "b 1", "a 1"]);
}

#[test]
fn a_rollback_that_fails_for_one_function_moves_the_others_forward_again() {
    let fixture = three_live(&json!({}));
    fixture.deployed("// 2\n");
    refuse(&fixture, "UpdateAlias", 2);
    let ended = fixture.rollback();
    check_all_at(&fixture, &ended, ("access-denied", 0), "2");
    assert_eq!(moves_without(&fixture, "a"), ["c 1", "b 1", "b 2", "c 2"]);
    assert_eq!(fixture.rollback().outcome(), "deployed");
    assert_eq!(aliases(&fixture), ["1"; 3]);
}

#[test]
fn after_a_kill_between_two_aliases_the_next_run_moves_the_others() {
    let fixture = three_live(&json!({}));
    kill_half_live(&fixture, "// 2\n");
    assert_eq!(aliases(&fixture), ["2", "1", "1"]);
    let again = fixture.deploy_again();
    assert_eq!(again.outcomes(), ["unchanged", "deployed", "deployed"], "{}", again.stdout);
    assert_eq!(aliases(&fixture), ["2"; 3]);
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");
}

#[test]
fn a_release_that_another_deployment_overtakes_in_go_live_goes_back() {
    let mut fixture = three_live(&json!({}));
    fixture.set_in(0, json!({"traffic": [10], "traffic_interval": 2}));
    let running = fixture.started("// 2\n", &["wait"]);
    fixture.another_client("PUT", "/2015-03-31/functions/c/aliases/live", json!({"Description": "touched"}));
    let ended = running.ended();
    check_all_at(&fixture, &ended, ("conflict", 2), "1");
    assert_eq!(moves_without(&fixture, "c"), ["a 1, 10 % to 2", "a 2", "b 2", "b 1", "a 1"]);
    assert_eq!(warnings(&ended), ["overtaken"], "{}", ended.stdout);
    assert_eq!(ended.event("warning").expect("the event exists")["stanza"], 2);
}

#[test]
fn a_release_is_one_unit_at_the_place_of_its_first_stanza() {
    let mut fixture = three_live(&json!({}));
    fixture.set_in(1, json!({"release": null}));
    let ended = fixture.deployed("// 2\n");
    assert_eq!(ended.outcomes(), ["deployed"; 3]);
    assert_eq!(ended.event("phase").expect("the event exists")["functions"], 2);
    let writes = writes(&fixture);
    assert!(writes[..6].iter().all(|write| !write.starts_with("b ")), "{writes:?}");
    assert_eq!(moves(&fixture), ["a 2", "c 2", "b 2"]);

    refuse(&fixture, "UpdateAlias", 1);
    let ended = fixture.deploy("// 3\n");
    assert_eq!(ended.outcomes(), ["stopped", "stopped", "failed"], "{}", ended.stdout);
    assert_eq!(moves_without(&fixture, "c"), ["a 3", "a 2"]);
    assert_eq!(aliases(&fixture)[1], "2");
}

#[test]
fn a_release_of_one_function_is_an_ordinary_deployment() {
    let fixture = Fixture::new(json!({"release": "shop", "alias": "live"}));
    let mut alone = Fixture::new(json!({"release": "shop", "alias": "live"}));
    alone.request = listed(&alone.request, [json!({})]);
    for fixture in [&fixture, &alone] {
        let ended = fixture.deployed("// 1\n");
        assert_eq!((ended.event("phase"), warnings(&ended)), (None, vec![]), "{}", ended.stdout);
        assert_eq!(ended.steps(), ["create-function", "publish-version", "create-alias"]);
    }
    assert_eq!(fixture.alias("live"), "1");
}
