//! Tests requests with a list of stanzas: they run one after the other until one fails, and the last event
//! has the result of each function. The harness checks in every run that each event names its stanza.

use std::thread;
use std::time::Duration;

use lambda_endpoint::{Fault, FaultKind, Invocation};
use serde_json::{Value, json};

use crate::fixture::{Fixture, Running, change, object, wait_until};
use crate::interruptions::signal;
use crate::plugin::{PluginCommand, PluginOutput};
use crate::shell::PATH;

/// The request with a list in place of its stanza: the same stanza for each of these, with their members.
/// Null removes a member.
pub(crate) fn listed(request: &Value, members: impl IntoIterator<Item = Value>) -> Value {
    let mut stanza = object(request.clone());
    let env = stanza.remove("env");
    let with = |members| {
        let mut stanza = Value::Object(stanza.clone());
        change(&mut stanza, members);
        stanza
    };
    let stanzas: Vec<Value> = members.into_iter().map(with).collect();
    json!({"env": env, "stanzas": stanzas})
}

/// A fixture without functions, whose request is a list of stanzas with these members.
fn list(members: impl IntoIterator<Item = Value>) -> Fixture {
    let mut fixture = Fixture::new(json!({}));
    fixture.request = listed(&fixture.request, members);
    fixture
}

/// A fixture whose request is a list of stanzas for the functions `a`, `b` and `c`.
fn three() -> Fixture {
    list(["a", "b", "c"].map(|name| json!({"function_name": name})))
}

/// The same after its first deployment.
fn three_live() -> Fixture {
    let fixture = three();
    fixture.deployed("// 1\n");
    fixture
}

/// The number of calls of this operation.
pub(crate) fn count(fixture: &Fixture, operation: &str) -> usize {
    fixture.endpoint.count(operation)
}

/// Whether there was a call for this function.
fn is_called(fixture: &Fixture, function: &str) -> bool {
    fixture.endpoint.calls().iter().any(|call| call.path.split('/').any(|part| part == function))
}

#[test]
fn the_stanzas_run_one_after_the_other_and_the_last_event_names_each_function() {
    let fixture = three();
    let ended = fixture.deployed("// 1\n");
    assert_eq!(ended.events[0]["features"], json!(["stanzas", "plan"]));
    let mut stanzas: Vec<u64> = ended.events.iter().filter_map(|event| event["stanza"].as_u64()).collect();
    stanzas.dedup();
    assert_eq!(stanzas, [0, 1, 2], "{}", ended.stdout);
    let names: Vec<_> =
        ended.functions().into_iter().filter_map(|function| function["function_name"].as_str()).collect();
    assert_eq!(names, ["a", "b", "c"]);
    assert_eq!(ended.outcomes(), ["deployed"; 3]);
}

#[test]
fn a_name_with_a_variable_is_in_the_events_once_it_is_known() {
    let mut fixture = list([json!({"function_name": "$NAME"})]);
    fixture.request["env"]["NAME"] = json!("orders");
    let ended = fixture.deployed("// 1\n");
    let condition = ended.event("condition-checked").expect("the event exists");
    assert_eq!((&condition["stanza"], &condition["function_name"]), (&json!(0), &Value::Null));
    assert_eq!(ended.event("identified").expect("the event exists")["function_name"], "orders");
    assert_eq!(ended.functions()[0]["function_name"], "orders");
}

#[test]
fn a_signal_fails_the_stanza_that_runs_and_stops_the_rest() {
    for (name, status, allow_failure) in [("TERM", 143, false), ("INT", 130, true)] {
        let mut fixture = three_live();
        fixture.request["stanzas"][1]["allow_failure"] = json!(allow_failure);
        let hang = Fault { after: 1, ..Fault::once("UpdateFunctionCode", FaultKind::hang()) };
        fixture.endpoint.fault(hang);
        let running = fixture.started("// 2\n", &["update-function-code"; 2]);
        thread::sleep(Duration::from_millis(300));
        signal(&running.child, name);
        let ended = running.ended();
        assert!(ended.elapsed < Duration::from_secs(5), "{:?}", ended.elapsed);
        assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(status)));
        assert_eq!(ended.outcomes(), ["deployed", "failed", "stopped"]);
        assert_eq!(ended.functions()[1]["error"]["code"], "cancelled");
        assert_eq!(ended.finished()["stanza"], 1);
        assert_eq!(ended.finished()["changed"], json!(["update-function-code"]));
        assert!(!is_called(&fixture, "c"), "the rest was begun");
    }
}

#[test]
fn when_the_runner_closes_our_output_no_further_stanza_is_begun() {
    let mut fixture = three_live();
    for stanza in fixture.request["stanzas"].as_array_mut().expect("a list") {
        stanza["timeout"] = json!(20);
    }
    fixture.endpoint.set_update_duration(Duration::from_millis(300));
    let Running { mut child, lines, .. } = fixture.started("// 2\n", &["update-function-configuration"; 2]);
    wait_until("the second function is updated", || count(&fixture, "UpdateFunctionConfiguration") == 2);
    drop(lines);
    assert_eq!(child.wait().expect("the child can be waited for").code(), Some(1));
    assert!(!is_called(&fixture, "c"), "the rest was begun");
}

#[test]
fn the_exit_status_says_whether_anything_was_begun() {
    let fixture = three_live();
    let mut single = fixture.request["stanzas"][0].clone();
    single["env"] = fixture.request["env"].clone();
    let stanza = json!({"function_name": "a"});
    let skipped = json!({"function_name": "b", "on": "dev"});
    let wrong = json!({"function_name": "c", "timeout": "ten"});
    let allowed = json!({"function_name": "d", "zip": "not-there", "allow_failure": true});
    for (members, status, outcomes) in [
        (vec![&stanza, &skipped], 0, vec!["unchanged", "skipped"]),
        (vec![&stanza, &allowed, &skipped], 0, vec!["unchanged", "failed", "skipped"]),
        (vec![&wrong, &stanza], 2, vec!["failed", "stopped"]),
        (vec![&skipped, &allowed, &wrong, &stanza], 2, vec!["skipped", "failed", "failed", "stopped"]),
        (vec![&stanza, &wrong, &skipped], 1, vec!["unchanged", "failed", "stopped"]),
        (vec![&allowed, &stanza, &wrong], 1, vec!["failed", "unchanged", "failed"]),
    ] {
        let ended = fixture.plugin(&[]).run(&listed(&single, members.into_iter().cloned()));
        assert_eq!((ended.status.code(), ended.outcomes()), (Some(status), outcomes), "{}", ended.stdout);
    }
}

#[test]
fn a_secret_of_one_stanza_is_masked_in_the_events_of_all() {
    let stanza = |name: &str| {
        json!({
            "function_name": name, "environment": {"KEY": format!("secret-of-{name}")}, "alias": "live",
            "verify": {"expect": {"json": {"statusCode": 200}}}, "allow_failure": true,
        })
    };
    let fixture = list([stanza("a"), stanza("b")]);
    let payload = json!({"statusCode": 500, "body": "secret-of-a and secret-of-b"});
    fixture.endpoint.answer_invocations(Invocation { payload, ..Invocation::default() });
    // The harness fails if one of the secrets is in the output.
    let ended = fixture.deploy("// 1\n");
    let codes: Vec<&Value> =
        ended.functions().into_iter().map(|function| &function["error"]["code"]).collect();
    assert_eq!(codes, ["verification-failed"; 2], "{}", ended.stdout);
}

#[test]
fn fifty_unchanged_functions_are_one_call_each() {
    let names: Vec<String> = (0..50).map(|number| format!("f{number}")).collect();
    let fixture = list(names.iter().map(|name| json!({"function_name": name})));
    fixture.deployed("// 1\n");
    let again = fixture.deploy_again();
    assert_eq!((again.outcome(), again.outcomes()), ("unchanged", vec!["unchanged"; 50]));
    let calls = fixture.endpoint.calls();
    let read: Vec<_> = calls.iter().map(|call| (call.method.as_str(), call.path.as_str())).collect();
    let paths: Vec<String> = names.iter().map(|name| format!("/2015-03-31/functions/{name}")).collect();
    assert_eq!(read, paths.iter().map(|path| ("GET", path.as_str())).collect::<Vec<_>>());
    assert!(again.elapsed < Duration::from_secs(20), "{:?}", again.elapsed);
}

/// What an event, or the result of a function, says of the stanza, without what differs from run to run.
fn facts(event: &Value) -> Value {
    let mut keys = object(event.clone());
    let of_run = ["duration_ms", "event", "function_name", "message", "request_id", "stanza", "time"];
    keys.retain(|key, _| !of_run.contains(&key.as_str()));
    Value::Object(keys)
}

/// The events of a run except the first and the last one, and the calls.
fn history(fixture: &Fixture, ended: &PluginOutput) -> (Vec<(Value, Value)>, Vec<String>) {
    let others = ["hello", "progress", "finished"].map(Some);
    let events = ended.events.iter().filter(|event| !others.contains(&event["event"].as_str()));
    (events.map(|event| (event["event"].clone(), facts(event))).collect(), fixture.operations())
}

#[test]
fn a_list_of_one_stanza_does_what_the_stanza_does() {
    let rows: [(&[&str], Value); 7] = [
        (&["check"], json!({"unknown": 1})),
        (&["plan"], json!({"timeout": 20})),
        (&[], json!({"alias": "live", "function_tags": {"team": "x"}})),
        (&[], json!({"run": ["echo done"]})),
        (&[], json!({"zip": "not-there"})),
        (&[], json!({"timeout": "ten", "memory_size": "much"})),
        (&[], json!({"on": "dev"})),
    ];
    for (arguments, members) in rows {
        let (single, mut listing) = (Fixture::new(members.clone()), Fixture::new(members.clone()));
        listing.request = listed(&listing.request, [json!({})]);
        let run = |fixture: &Fixture| fixture.plugin(arguments).run(&fixture.request);
        let (one, many) = (run(&single), run(&listing));
        assert_eq!(one.status.code(), many.status.code(), "{members}");
        assert_eq!(history(&single, &one), history(&listing, &many), "{members}");
        assert_eq!(facts(one.finished()), facts(many.functions()[0]), "{members}");
        let whole = |key: &str| (one.finished()[key].clone(), many.finished()[key].clone());
        for (of_one, of_many) in [whole("outcome"), whole("error"), whole("allowed")] {
            assert_eq!(of_one, of_many, "{members}");
        }
    }
}

#[test]
fn a_list_of_500_stanzas_and_8_mib_is_quick_and_bounded() {
    let filler = "x".repeat(16_500);
    let stanza = |number: u32| {
        let environment = json!({"DATA": format!("secret-{number}")});
        json!({"function_name": format!("f{number}"), "on": ["master", filler], "environment": environment})
    };
    let stanzas: Vec<Value> = (0..500).map(stanza).collect();
    let request = json!({"stanzas": stanzas, "env": {"PATH": &*PATH, "TRAVIS_BRANCH": "master"}});
    let size = request.to_string().len();
    assert!((8_000_000..8 << 20).contains(&size), "{size}");
    let ended = PluginCommand::limited("ulimit -d 300000", &["check"]).run(&request);
    assert_eq!((ended.outcome(), ended.outcomes()), ("checked", vec!["checked"; 500]));
    assert!(ended.elapsed < Duration::from_secs(30), "{:?}", ended.elapsed);
}
