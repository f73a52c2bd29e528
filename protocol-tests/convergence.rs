//! Deployments that are killed, get a signal, or run at the same time as others. The tests check the final
//! state of the function and what is left behind. They never look at the steps inside the program: they
//! compare the state and the answers of the endpoint with the events.

mod competitors;
mod releases_at_once;
mod together;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use lambda_endpoint::{Alarm, Call, DeploymentGroup, Endpoint, FaultKind, Settings};
use serde_json::{Value, json};

use crate::aws_state::{
    ALIASES, EVENT_SOURCES, PROVISIONED, VARYING, VERSIONS, create_request, differences, keyed, perform,
    publish, strip,
};
use crate::fixture::{CALL_TIMEOUT, Fixture, each, git, step_of};
use crate::interruptions::signal;
use crate::plugin::{PluginOutput, kill};

/// The number of parallel runs. They mostly wait, so two cores are enough.
const AT_ONCE: usize = 6;

/// The duration of everything that takes time at AWS.
const DURATION: Duration = Duration::from_millis(50);

/// Prints the number of cases and the failed ones. Panics if any failed or if there was none.
#[track_caller]
fn conclude(what: &str, count: usize, wrong: &[String]) {
    wrong.iter().for_each(|wrong| println!("WRONG {wrong}"));
    println!("{count} {what}, {} wrong", wrong.len());
    assert!(count > 0, "no {what}: the test checked nothing");
    assert!(wrong.is_empty(), "{} of {count} {what} failed, see above", wrong.len());
}

/// Acts at each of these points, `at_once` in parallel, and fails with what was wrong at which. `act` returns
/// false if the run ended before its point.
#[track_caller]
fn at_each<T: Sync>(
    what: &str,
    points: &[T],
    at_once: usize,
    name: impl Fn(&T) -> String,
    act: impl Fn(&T) -> bool + Sync,
) {
    let (mut count, mut wrong) = (0, Vec::new());
    for (point, result) in points.iter().zip(each(points, at_once, act)) {
        count += usize::from(!matches!(result, Ok(false)));
        wrong.extend(result.err().map(|words| format!("{}: {words}", name(point))));
    }
    conclude(what, count, &wrong);
}

/// The initial state and the stanza of a deployment.
struct Scenario {
    name: &'static str,
    /// Creates the initial state.
    before: fn(&Endpoint),
    stanza: fn() -> Value,
    /// The first call at which a run is killed. The calls before it are the same as in another scenario.
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

/// A scenario with every call of a release. Its alias was moved back to the first of four versions.
const RELEASE: Scenario = Scenario {
    name: "release",
    killed_from: "GetFunction",
    before: a_provisioned_function,
    stanza: || json!({"alias": "live", "verify": {}, "provisioned_concurrency": 2, "keep_versions": 2}),
};

/// A release that splits the traffic between two versions for a time.
const SHIFT: Scenario = Scenario {
    name: "shift",
    killed_from: "PublishVersion",
    before: a_released_function,
    stanza: || json!({"alias": "live", "verify": {}, "traffic": [50], "traffic_interval": 1}),
};

/// A release whose version takes some time to become ready, and whose function was idle.
const SNAPSHOT: Scenario = Scenario {
    name: "snapshot",
    killed_from: "UpdateFunctionCode",
    before: |endpoint| {
        a_released_function(endpoint);
        endpoint.idle("f", DURATION).expect("it exists");
    },
    stanza: || json!({"alias": "live", "verify": {}, "snap_start": "PublishedVersions", "runtime": "python3.13"}),
};

/// A release after which two queues that called the function itself call the alias.
const FOLLOW: Scenario = Scenario {
    name: "follow",
    killed_from: "ListEventSourceMappings",
    before: |endpoint| {
        a_released_function(endpoint);
        for queue in ["orders", "returns"] {
            let arn = format!("arn:aws:sqs:us-east-1:123456789012:{queue}");
            let mapping = json!({"EventSourceArn": arn, "FunctionName": "f"});
            perform(endpoint, "POST", EVENT_SOURCES, mapping);
        }
    },
    stanza: || json!({"alias": "live", "verify": {}, "follow_alias": true}),
};

/// A release that watches an alarm while all traffic already goes to the new version.
const GUARD: Scenario = Scenario {
    name: "guard",
    killed_from: "UpdateAlias",
    before: |endpoint| {
        a_released_function(endpoint);
        endpoint.set_alarm(Alarm::named("shop-5xx"));
    },
    stanza: || json!({"alias": "live", "guard": {"alarms": ["shop-5xx"], "bake": 1}}),
};

/// A release whose alias CodeDeploy moves.
const CODEDEPLOY: Scenario = Scenario {
    name: "codedeploy",
    killed_from: "ListDeployments",
    before: |endpoint| {
        a_released_function(endpoint);
        endpoint.set_deployment_group(DeploymentGroup::default());
        endpoint.set_shift_duration(8 * DURATION);
    },
    stanza: || {
        let codedeploy = json!({"application": "shop", "deployment_group": "live"});
        json!({"alias": "live", "verify": {}, "codedeploy": codedeploy})
    },
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
    publish(endpoint, 4..8);
    endpoint.set_update_duration(DURATION);
    perform(endpoint, "POST", ALIASES, json!({"Name": "live", "FunctionVersion": "1"}));
}

fn seed(endpoint: &Endpoint, name: &str) {
    let mut function = create_request();
    (function["FunctionName"], function["Timeout"]) = (json!(name), json!(3));
    function["Environment"] = json!({"Variables": {"STAGE": "old"}});
    function["Tags"] = json!({"team": "a"});
    endpoint.seed(function).expect("AWS would create it");
}

/// An endpoint in the initial state of a scenario, and its request.
fn fixture(scenario: &Scenario) -> Fixture {
    provisioning(scenario, DURATION)
}

/// Like [`fixture`], with this duration for provisioned concurrency.
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
    // Waits until the function is ready, so that the run does not have to.
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

/// The calls of a run without interruption.
fn undisturbed(fixture: &Fixture) -> Vec<Call> {
    let ended = fixture.deploy_again();
    assert_eq!(ended.outcome(), "deployed", "{}", ended.stdout);
    fixture.endpoint.calls()
}

/// The state of the function `f` at AWS, without members that depend on times or on the number of attempts.
fn held(endpoint: &Endpoint) -> Value {
    held_of(endpoint, "f")
}

/// The same of the function with this name.
fn held_of(endpoint: &Endpoint, name: &str) -> Value {
    let asked = |target: &str| {
        let target = target.replace("/functions/f/", &format!("/functions/{name}/"));
        endpoint.perform("GET", &target, Value::Null).unwrap_or_default()
    };
    let policy = asked("/2015-03-31/functions/f/policy");
    let policy: Value =
        policy["Policy"].as_str().map_or(Value::Null, |text| text.parse().expect("a policy is JSON"));
    let mut held = json!({
        "function": endpoint.function(name),
        "versions": keyed(&asked(VERSIONS)["Versions"], "Version"),
        "aliases": keyed(&asked(ALIASES)["Aliases"], "Name"),
        "provisioned": asked(PROVISIONED),
        "url": asked("/2021-10-31/functions/f/url"),
        "policy": policy,
    });
    for source in asked(EVENT_SOURCES)["EventSourceMappings"].as_array().into_iter().flatten() {
        let name = source["EventSourceArn"].as_str().unwrap_or_default();
        held[format!("event source {name}")] = source["FunctionArn"].clone();
    }
    strip(&mut held, &VARYING);
    held
}

/// Checks that the function has this state.
fn check_held(what: &str, expected: &Value, actual: &Value) {
    assert!(expected == actual, "{what}:\n{}", differences(expected, actual, "").join("\n"));
}

#[test]
fn an_undisturbed_deployment_is_refused_nothing_and_warns_of_nobody() {
    for scenario in [CREATION, UPDATE, RELEASE, SHIFT, SNAPSHOT, FOLLOW, GUARD, CODEDEPLOY] {
        let fixture = fixture(&scenario);
        let ended = fixture.plugin(&[]).run(&fixture.request);
        let calls = fixture.endpoint.calls();
        let is_refused = |call: &&Call| !call.is_read() && call.status >= 300;
        assert_eq!(calls.iter().filter(is_refused).count(), 0, "{}: {}", scenario.name, story(&calls));
        assert_eq!(ended.event("warning"), None, "{}: a warning about a concurrent change", scenario.name);
    }
}

/// The progress of the call at the moment when its run was killed.
#[derive(Clone, Copy, Debug)]
enum Killed {
    /// The call arrived but was never handled.
    BeforeItWasHandled,
    /// The call was handled, but its answer was still being sent.
    BeforeItsAnswer,
    /// The answer was complete.
    BehindItsAnswer,
}

const MOMENTS: [Killed; 3] = [Killed::BeforeItWasHandled, Killed::BeforeItsAnswer, Killed::BehindItsAnswer];

#[test]
#[ignore = "second tier: long"]
fn killed_at_any_call_and_run_again_it_ends_as_if_undisturbed() {
    let first_run = |scenario: Scenario| {
        let first = fixture(&scenario);
        let calls = undisturbed(&first);
        println!("{}: {}", scenario.name, story(&calls));
        Undisturbed { scenario, calls, state: held(&first.endpoint) }
    };
    let runs = [CREATION, UPDATE, RELEASE, SHIFT, SNAPSHOT, FOLLOW, GUARD, CODEDEPLOY].map(first_run);
    let mut points: Vec<(&Undisturbed, usize, Killed)> = Vec::new();
    for run in &runs {
        let is_first = |call: &Call| call.operation == run.scenario.killed_from;
        let first = run.calls.iter().position(is_first).expect("the call is made");
        points.extend((first..run.calls.len()).flat_map(|call| MOMENTS.map(|when| (run, call, when))));
    }
    let name = |(run, call, when): &(&Undisturbed, usize, Killed)| {
        format!("{}, call {call}, {}, {when:?}", run.scenario.name, run.calls[*call].operation)
    };
    at_each("kills", &points, AT_ONCE, name, |(run, call, when)| {
        kill_and_run_again(&fixture(&run.scenario), (*call, *when), &run.state, held)
    });
}

/// A run that nothing disturbed, and the state at AWS after it.
struct Undisturbed {
    scenario: Scenario,
    calls: Vec<Call>,
    state: Value,
}

/// Kills the run at this call. Checks that the next run ends in the state `expected`, as `held` returns it.
/// Returns false if the run made fewer calls than the uninterrupted one, so that it could not be killed.
fn kill_and_run_again(
    fixture: &Fixture,
    (call, when): (usize, Killed),
    expected: &Value,
    held: fn(&Endpoint) -> Value,
) -> bool {
    match when {
        Killed::BeforeItWasHandled => fixture.add_fault(call, FaultKind::Hang { for_: CALL_TIMEOUT }),
        Killed::BeforeItsAnswer => fixture.add_fault(call, FaultKind::Slow { answer_over: CALL_TIMEOUT }),
        Killed::BehindItsAnswer => {}
    }
    let mut child = fixture.start();
    if !fixture.wait_for_call_number(call, &mut child) {
        return false;
    }
    kill(child);
    fixture.check_nothing_is_left();
    let again = fixture.plugin(&[]).run(&fixture.request);
    assert!(["deployed", "unchanged"].contains(&again.outcome()), "run again:\n{}", again.stdout);
    check_held(&story(&fixture.endpoint.calls()), expected, &held(&fixture.endpoint));
    fixture.check_nothing_is_left();
    // A third run must find nothing to do. Otherwise the second has only hidden a difference from the stanza.
    let third = fixture.plugin(&[]).run(&fixture.request);
    assert_eq!(third.outcome(), "unchanged", "a third run:\n{}", third.stdout);
    check_held("a third run changed something", expected, &held(&fixture.endpoint));
    true
}

#[test]
#[ignore = "second tier: long"]
fn executions_that_a_killed_run_has_left_on_their_way_are_waited_for() {
    let fixture = provisioning(&RELEASE, Duration::from_millis(1500));
    let (mut child, began) = (fixture.start(), Instant::now());
    while !fixture.endpoint.calls().iter().any(|call| call.operation == "UpdateAlias") {
        assert!(
            began.elapsed() < CALL_TIMEOUT
                && child.try_wait().expect("the child can be waited for").is_none(),
            "UpdateAlias was not called"
        );
        thread::sleep(Duration::from_millis(1));
    }
    kill(child);
    let again = fixture.plugin(&[]).run(&fixture.request);
    assert_eq!(again.outcome(), "deployed", "{}\n{}", story(&fixture.endpoint.calls()), again.stdout);
    let provisioned = fixture.endpoint.perform("GET", PROVISIONED, Value::Null).expect("it exists");
    let requested = &provisioned["RequestedProvisionedConcurrentExecutions"];
    assert_eq!((requested, &provisioned["Status"]), (&json!(2), &json!("READY")));
}

/// The calls in order, each with its timeout, the size of its code, and its status.
fn story(calls: &[Call]) -> String {
    let reported = |call: &Call| {
        let timeout =
            call.body["Timeout"].as_u64().map(|timeout| format!(" timeout {timeout}")).unwrap_or_default();
        let bytes = if call.code_bytes > 0 { format!(" {} bytes", call.code_bytes) } else { String::new() };
        format!("{}{timeout}{bytes} {}", call.operation, call.status)
    };
    calls.iter().map(reported).collect::<Vec<_>>().join(", ")
}

/// The state of a run when it gets the signal. The number is that of a call.
#[derive(Clone, Copy, Debug)]
enum Doing {
    /// The call gets no answer.
    Hanging(usize),
    /// The answer is slow, but arrives within the time that a call has after a signal.
    Receiving(usize),
    /// The run waits until the update that the call started is complete.
    Waiting(usize),
}

#[test]
#[ignore = "second tier: long"]
fn a_signal_at_any_step_is_reported_and_leaves_nothing_behind() {
    let calls = undisturbed(&repository());
    let points: Vec<Doing> = (0..calls.len())
        .flat_map(|call| {
            let is_waited_for = calls[call].operation.starts_with("Update");
            [
                Some(Doing::Hanging(call)),
                Some(Doing::Receiving(call)),
                is_waited_for.then_some(Doing::Waiting(call)),
            ]
        })
        .flatten()
        .collect();
    println!("update with cleanup: {}", story(&calls));
    let name = |point: &Doing| {
        let (Doing::Hanging(call) | Doing::Receiving(call) | Doing::Waiting(call)) = point;
        format!("{point:?}, {}", calls[*call].operation)
    };
    at_each("signals", &points, AT_ONCE, name, |doing| {
        interrupt(*doing, calls.len());
        true
    });
}

/// A git repository with an untracked file, which `cleanup` stashes, and a stanza that updates the function.
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
            fixture.add_fault(call, FaultKind::Hang { for_: Duration::from_secs(20) });
            call
        }
        Doing::Receiving(call) => {
            fixture.add_fault(call, FaultKind::Slow { answer_over: Duration::from_millis(1500) });
            call
        }
        Doing::Waiting(call) => call,
    };
    let mut child = fixture.start();
    if let Doing::Waiting(_) = doing {
        assert!(fixture.wait_for_call_number(call - 1, &mut child), "the run ended before the call");
        fixture.endpoint.set_update_duration(Duration::from_secs(60));
    }
    assert!(fixture.wait_for_call_number(call, &mut child), "the run ended before the call");
    if let Doing::Waiting(_) = doing {
        thread::sleep(Duration::from_millis(150));
    }
    signal(&child, "TERM");
    let ended = PluginOutput::ended(child);
    assert!(ended.elapsed < Duration::from_secs(5), "{:?}\n{}", ended.elapsed, ended.stdout);
    let calls = fixture.endpoint.calls();
    // If the last call gets its answer, nothing is left to cancel.
    if matches!(doing, Doing::Receiving(call) if call + 1 == last) && ended.outcome() == "deployed" {
        return;
    }
    assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(143)), "{}", ended.stdout);
    let took_effect = calls.iter().filter(|call| !call.is_read() && (200..300).contains(&call.status));
    let took_effect: Vec<String> = took_effect.map(|call| step_of(&call.operation)).collect();
    assert_eq!(ended.finished()["changed"], json!(took_effect), "{}\n{}", story(&calls), ended.stdout);
    let untracked = fs::read_to_string(fixture.directory.path().join("untracked"));
    assert_eq!(untracked.ok().as_deref(), Some("u"), "the untracked file is missing:\n{}", ended.stdout);
    assert_eq!(git(fixture.directory.path(), &["stash", "list"]), "");
    fixture.check_nothing_is_left();
}
