//! Deployments that are killed, signalled or met by others: where the function ends, and what is left behind.
//! Never asks how the program gets there: it compares what the endpoint holds and has answered with what was told.

mod rivals;

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use lambda_endpoint::{Call, Endpoint, FaultKind, Settings};
use serde_json::{Value, json};

use crate::fixture::{ALIASES, Fixture, PATIENCE, PROVISIONED, VERSIONS, each, git, object};
use crate::interruptions::signal;
use crate::plugin::Ended;

/// How many runs go on side by side: most of their time is waiting, and two cores are enough for it.
const AT_ONCE: usize = 6;

/// How long AWS takes for what takes its time.
const DURATION: Duration = Duration::from_millis(50);

/// Tells how many there were and which of them went wrong; fails for any.
#[track_caller]
fn conclude(what: &str, count: usize, wrong: &[String]) {
    wrong.iter().for_each(|wrong| println!("WRONG {wrong}"));
    println!("{count} {what}, {} wrong", wrong.len());
    assert!(count > 0, "no {what}: nothing was tried");
    assert!(wrong.is_empty(), "{} of {count} {what} went wrong, see above", wrong.len());
}

/// What a deployment starts from, and what it is asked for.
struct Scenario {
    name: &'static str,
    /// What is there already.
    before: fn(&Endpoint),
    stanza: fn() -> Value,
    /// The first call whose run is killed: what comes before is as in another scenario.
    killed_from: &'static str,
}

const CREATION: Scenario = Scenario {
    name: "creation",
    killed_from: "GetFunction",
    before: |_| {},
    stanza: || {
        json!({
            "function_tags": {"team": "a", "cost": "7"}, "publish": true, "reserved_concurrency": 5,
            "function_url": {"auth_type": "NONE"},
        })
    },
};

const UPDATE: Scenario = Scenario {
    name: "update",
    killed_from: "GetFunction",
    before: a_published_function,
    stanza: || {
        json!({
            "timeout": 11, "memory_size": 256, "environment": {"STAGE": "new"}, "publish": true,
            "function_tags": {"team": "b", "cost": "7"}, "function_url": {"auth_type": "NONE"},
        })
    },
};

/// Every call that a release makes; its alias has gone back to the first of four versions.
const RELEASE: Scenario = Scenario {
    name: "release",
    killed_from: "GetFunction",
    before: a_provisioned_function,
    stanza: || json!({"alias": "live", "verify": {}, "provisioned_concurrency": 2, "keep_versions": 2}),
};

/// A release that leaves the alias at two versions for a while.
const SHIFT: Scenario = Scenario {
    name: "shift",
    killed_from: "PublishVersion",
    before: a_released_function,
    stanza: || json!({"alias": "live", "verify": {}, "traffic": [50], "traffic_interval": 1}),
};

/// A release whose version takes a while to be ready, and whose function has been idle.
const SNAPSHOT: Scenario = Scenario {
    name: "snapshot",
    killed_from: "UpdateFunctionCode",
    before: |endpoint| {
        a_released_function(endpoint);
        endpoint.idle("f", DURATION).expect("it exists");
    },
    stanza: || json!({"alias": "live", "verify": {}, "snap_start": "PublishedVersions", "runtime": "python3.13"}),
};

fn a_published_function(endpoint: &Endpoint) {
    seed(endpoint, "f");
    perform(endpoint, "POST", VERSIONS, json!({}));
}

fn a_provisioned_function(endpoint: &Endpoint) {
    a_released_function(endpoint);
    perform(endpoint, "PUT", PROVISIONED, json!({"ProvisionedConcurrentExecutions": 1}));
}

fn a_released_function(endpoint: &Endpoint) {
    seed(endpoint, "f");
    endpoint.set_update_duration(Duration::ZERO);
    for timeout in 4..8 {
        perform(endpoint, "PUT", "/2015-03-31/functions/f/configuration", json!({"Timeout": timeout}));
        perform(endpoint, "POST", VERSIONS, json!({}));
    }
    endpoint.set_update_duration(DURATION);
    perform(endpoint, "POST", ALIASES, json!({"Name": "live", "FunctionVersion": "1"}));
}

fn perform(endpoint: &Endpoint, method: &str, target: &str, body: Value) {
    endpoint.perform(method, target, body).unwrap_or_else(|words| panic!("{method} {target}: {words}"));
}

fn seed(endpoint: &Endpoint, name: &str) {
    let function = json!({
        "FunctionName": name, "Role": "arn:aws:iam::123456789012:role/run", "Runtime": "nodejs22.x",
        "Handler": "index.handler", "Timeout": 3, "Environment": {"Variables": {"STAGE": "old"}}, "Tags": {"team": "a"},
    });
    endpoint.seed(function).expect("AWS would create it");
}

/// An endpoint as a scenario begins, and its request.
fn fixture(scenario: &Scenario) -> Fixture {
    provisioning(scenario, DURATION)
}

/// The same where provisioned concurrency takes that long.
fn provisioning(scenario: &Scenario, provision_duration: Duration) -> Fixture {
    let settings = Settings {
        latency: Duration::from_millis(20),
        create_duration: DURATION,
        update_duration: DURATION,
        provision_duration,
        ..Settings::default()
    };
    let fixture = Fixture::of(settings, (scenario.stanza)());
    (scenario.before)(&fixture.endpoint);
    // What was there before is ready when the run begins.
    let is_busy = || {
        let live = fixture.endpoint.function("f");
        live.is_some_and(|live| live["Configuration"]["LastUpdateStatus"] != "Successful")
    };
    while is_busy() {
        thread::sleep(Duration::from_millis(5));
    }
    fixture.endpoint.forget_calls();
    fixture
}

/// The calls of a run that nothing disturbs.
fn undisturbed(fixture: &Fixture) -> Vec<Call> {
    let ended = fixture.again();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    fixture.endpoint.calls()
}

/// All that AWS holds of the function `f`, without what tells when, or at which try, it came to be.
fn held(endpoint: &Endpoint) -> Value {
    let asked = |target: &str| endpoint.perform("GET", target, Value::Null).unwrap_or_default();
    let policy = asked("/2015-03-31/functions/f/policy");
    let policy: Value = policy["Policy"].as_str().map_or(Value::Null, |text| text.parse().expect("a policy is JSON"));
    let mut held = json!({
        "function": endpoint.function("f"),
        "provisioned": asked(PROVISIONED),
        "url": asked("/2021-10-31/functions/f/url"),
        "policy": policy,
    });
    // Each by its name, so that differences name what differs.
    for (target, list, name) in [(VERSIONS, "Versions", "Version"), (ALIASES, "Aliases", "Name")] {
        for item in asked(target)[list].as_array().into_iter().flatten() {
            held[format!("{name} {}", item[name].as_str().unwrap_or_default())] = item.clone();
        }
    }
    forget_times(&mut held);
    held
}

fn forget_times(value: &mut Value) {
    match value {
        Value::Object(members) => {
            let told = ["RevisionId", "LastModified", "LastModifiedTime", "CreationTime", "FunctionUrl"];
            members.retain(|name, _| !told.contains(&name.as_str()));
            members.values_mut().for_each(forget_times);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_times),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The members that differ, each with both values.
fn differences(expected: &Value, actual: &Value) -> String {
    let (expected, actual) = (object(expected.clone()), object(actual.clone()));
    let names: BTreeSet<&String> = expected.keys().chain(actual.keys()).collect();
    let differing = names.into_iter().filter(|name| expected.get(*name) != actual.get(*name));
    let of = |side: &serde_json::Map<String, Value>, name: &str| side.get(name).cloned().unwrap_or_default();
    let told = differing.map(|name| format!("{name}: {} instead of {}", of(&actual, name), of(&expected, name)));
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn an_undisturbed_deployment_is_refused_nothing_and_warns_of_nobody() {
    for scenario in [CREATION, UPDATE, RELEASE, SHIFT, SNAPSHOT] {
        let fixture = fixture(&scenario);
        let ended = fixture.plugin(&[]).run(&fixture.request);
        let calls = fixture.endpoint.calls();
        let is_refused = |call: &&Call| call.method != "GET" && call.status >= 300;
        assert_eq!(calls.iter().filter(is_refused).count(), 0, "{}: {}", scenario.name, story(&calls));
        assert_eq!(ended.event("warning"), None, "{}: nobody else is there", scenario.name);
    }
}

/// How far the call had come when its run was killed.
#[derive(Clone, Copy, Debug)]
enum Killed {
    /// It had arrived, and was never handled.
    BeforeItWasHandled,
    /// It was handled, and its answer was on the way.
    BeforeItsAnswer,
    /// Its answer was there.
    BehindItsAnswer,
}

#[test]
#[ignore = "second tier: long"]
fn killed_at_any_call_and_run_again_it_ends_as_if_undisturbed() {
    let (mut kills, mut wrong) = (0, Vec::new());
    for scenario in [CREATION, UPDATE, RELEASE, SHIFT, SNAPSHOT] {
        let first = fixture(&scenario);
        let calls = undisturbed(&first);
        let expected = held(&first.endpoint);
        let first = calls.iter().position(|call| call.operation == scenario.killed_from).expect("it is made");
        let points: Vec<(usize, Killed)> = (first..calls.len())
            .flat_map(|call| {
                [Killed::BeforeItWasHandled, Killed::BeforeItsAnswer, Killed::BehindItsAnswer].map(|when| (call, when))
            })
            .collect();
        let results = each(&points, AT_ONCE, |(call, when)| kill_and_run_again(&scenario, *call, *when, &expected));
        for ((call, when), result) in points.into_iter().zip(results) {
            match result {
                Ok(was_killed) => kills += usize::from(was_killed),
                Err(words) => {
                    kills += 1;
                    wrong.push(format!("{}, call {call}, {}, {when:?}: {words}", scenario.name, calls[call].operation));
                }
            }
        }
        println!("{}: {}", scenario.name, story(&calls));
    }
    conclude("kills", kills, &wrong);
}

/// False: the run took fewer calls than the undisturbed one, so that there was nothing to kill.
fn kill_and_run_again(scenario: &Scenario, call: usize, when: Killed, expected: &Value) -> bool {
    let fixture = fixture(scenario);
    match when {
        Killed::BeforeItWasHandled => fixture.strike(call, FaultKind::Hang { for_: PATIENCE }),
        Killed::BeforeItsAnswer => fixture.strike(call, FaultKind::Slow { answer_over: PATIENCE }),
        Killed::BehindItsAnswer => {}
    }
    let mut child = fixture.start();
    if !fixture.heard_call(call, &mut child) {
        return false;
    }
    child.kill().expect("the child can be killed");
    child.wait().expect("the child can be waited for");
    fixture.check_nothing_is_left();
    let again = fixture.plugin(&[]).run(&fixture.request);
    assert!(["deployed", "unchanged"].contains(&again.outcome()), "run again:\n{}", again.stdout);
    let differences = differences(expected, &held(&fixture.endpoint));
    assert!(differences.is_empty(), "{differences}\n{}", story(&fixture.endpoint.calls()));
    fixture.check_nothing_is_left();
    // A third run finds nothing to do: what differs from the stanza was not merely hidden by the second.
    let third = fixture.plugin(&[]).run(&fixture.request);
    assert_eq!(third.outcome(), "unchanged", "a third run:\n{}", third.stdout);
    let differences = self::differences(expected, &held(&fixture.endpoint));
    assert!(differences.is_empty(), "a third run changed something:\n{differences}");
    true
}

#[test]
#[ignore = "second tier: long"]
fn executions_that_a_killed_run_has_left_on_their_way_are_waited_for() {
    let fixture = provisioning(&RELEASE, Duration::from_millis(1500));
    let (mut child, began) = (fixture.start(), Instant::now());
    while !fixture.endpoint.calls().iter().any(|call| call.operation == "UpdateAlias") {
        assert!(
            began.elapsed() < PATIENCE && child.try_wait().expect("the child can be waited for").is_none(),
            "the alias does not move"
        );
        thread::sleep(Duration::from_millis(1));
    }
    child.kill().expect("the child can be killed");
    child.wait().expect("the child can be waited for");
    let again = fixture.plugin(&[]).run(&fixture.request);
    assert_eq!(again.outcome(), "deployed", "{}\n{}", story(&fixture.endpoint.calls()), again.stdout);
    let provisioned = fixture.endpoint.perform("GET", PROVISIONED, Value::Null).expect("it exists");
    let requested = &provisioned["RequestedProvisionedConcurrentExecutions"];
    assert_eq!((requested, &provisioned["Status"]), (&json!(2), &json!("READY")));
}

/// The calls in order, each with what it carried and how it ended.
fn story(calls: &[Call]) -> String {
    let told = |call: &Call| {
        let timeout = call.body["Timeout"].as_u64().map(|timeout| format!(" timeout {timeout}")).unwrap_or_default();
        let bytes = if call.code_bytes > 0 { format!(" {} bytes", call.code_bytes) } else { String::new() };
        format!("{}{timeout}{bytes} {}", call.operation, call.status)
    };
    calls.iter().map(told).collect::<Vec<_>>().join(", ")
}

/// What a run is doing when it is told to end.
#[derive(Clone, Copy, Debug)]
enum Doing {
    /// Its call of this number gets no answer.
    Hanging(usize),
    /// The answer of its call of this number comes slowly, but comes within the time that a signal leaves.
    Hearing(usize),
    /// It waits until what its call of this number has begun is live.
    Waiting(usize),
}

#[test]
#[ignore = "second tier: long"]
fn a_signal_at_any_step_is_told_and_leaves_nothing_behind() {
    let calls = undisturbed(&repository());
    let points: Vec<Doing> = (0..calls.len())
        .flat_map(|call| {
            let is_waited_for = calls[call].operation.starts_with("Update");
            [Some(Doing::Hanging(call)), Some(Doing::Hearing(call)), is_waited_for.then_some(Doing::Waiting(call))]
        })
        .flatten()
        .collect();
    let mut wrong = Vec::new();
    for (point, result) in points.iter().zip(each(&points, AT_ONCE, |doing| interrupt(*doing, calls.len()))) {
        let (Doing::Hanging(call) | Doing::Hearing(call) | Doing::Waiting(call)) = point;
        wrong.extend(result.err().map(|words| format!("{point:?}, {}: {words}", calls[*call].operation)));
    }
    println!("update with cleanup: {}", story(&calls));
    conclude("signals", points.len(), &wrong);
}

/// A git checkout with an untracked file, that `cleanup` puts aside, and the update that is to be made from it.
fn repository() -> Fixture {
    let mut fixture = fixture(&UPDATE);
    let members = fixture.request.as_object_mut().expect("an object");
    members.remove("function_url");
    members.insert("cleanup".to_owned(), json!(true));
    git(fixture.directory.path(), &["init", "--quiet"]);
    git(fixture.directory.path(), &["add", "."]);
    git(fixture.directory.path(), &["commit", "--quiet", "--message", "first"]);
    fs::write(fixture.directory.path().join("untracked"), "u").expect("written");
    fixture
}

fn interrupt(doing: Doing, last: usize) {
    let fixture = repository();
    let call = match doing {
        Doing::Hanging(call) => {
            fixture.strike(call, FaultKind::Hang { for_: Duration::from_secs(20) });
            call
        }
        Doing::Hearing(call) => {
            fixture.strike(call, FaultKind::Slow { answer_over: Duration::from_millis(1500) });
            call
        }
        Doing::Waiting(call) => call,
    };
    let mut child = fixture.start();
    if let Doing::Waiting(_) = doing {
        assert!(fixture.heard_call(call - 1, &mut child), "ended before the call");
        fixture.endpoint.set_update_duration(Duration::from_secs(60));
    }
    assert!(fixture.heard_call(call, &mut child), "ended before the call");
    if let Doing::Waiting(_) = doing {
        thread::sleep(Duration::from_millis(150));
    }
    signal(&child, "TERM");
    let ended = Ended::of(child, Instant::now());
    ended.check(&[]);
    assert!(ended.elapsed < Duration::from_secs(5), "{:?}\n{}", ended.elapsed, ended.stdout);
    let calls = fixture.endpoint.calls();
    // Whose last call is heard out has nothing left that could be cancelled.
    if matches!(doing, Doing::Hearing(call) if call + 1 == last) && ended.outcome() == "deployed" {
        return;
    }
    assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(143)), "{}", ended.stdout);
    let took_effect = calls.iter().filter(|call| call.method != "GET" && (200..300).contains(&call.status));
    let took_effect: Vec<String> = took_effect.map(|call| step(&call.operation)).collect();
    assert_eq!(ended.finished()["changed"], json!(took_effect), "{}\n{}", story(&calls), ended.stdout);
    let untracked = fs::read_to_string(fixture.directory.path().join("untracked"));
    assert_eq!(untracked.ok().as_deref(), Some("u"), "the untracked file is back:\n{}", ended.stdout);
    assert_eq!(git(fixture.directory.path(), &["stash", "list"]), "");
    fixture.check_nothing_is_left();
}

/// A step is named after its operation: `TagResource` is made by `tag-resource`.
fn step(operation: &str) -> String {
    let spelt = |(place, letter): (usize, char)| {
        let hyphen = (letter.is_ascii_uppercase() && place > 0).then_some('-');
        hyphen.into_iter().chain([letter.to_ascii_lowercase()])
    };
    operation.char_indices().flat_map(spelt).collect()
}
