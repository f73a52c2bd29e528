//! A release of six functions that is killed, gets a signal, or loses the reader of its output, at each of
//! its calls. The aliases end where they were or at the new versions, all of them, and the next run ends at
//! the new ones. The functions are prepared side by side, so the order of the calls differs from run to run.

use std::time::{Duration, Instant};

use lambda_endpoint::{Call, Endpoint, FaultKind, Settings};
use serde_json::{Map, Value};

use super::{DURATION, MOMENTS, at_each, held_of, kill_and_run_again, story, undisturbed};
use crate::fixture::{Fixture, object};
use crate::hostile::end_within;
use crate::interruptions::signal;
use crate::plugin::PluginOutput;
use crate::release_fixture::{SIX, SIX_NEW, SIX_OLD, aliases, check_functions, is_effective, six};

/// The number of parallel runs. They mostly wait for the rate of calls.
const AT_ONCE: usize = 12;

fn fixture() -> Fixture {
    six(Settings {
        latency: Duration::from_millis(20),
        create_duration: DURATION,
        update_duration: DURATION,
        ..Settings::default()
    })
}

/// The state of all functions.
fn held(endpoint: &Endpoint) -> Value {
    let mut all = Map::new();
    for name in SIX {
        let members = object(held_of(endpoint, name)).into_iter();
        all.extend(members.map(|(member, value)| (format!("{name} {member}"), value)));
    }
    all.into()
}

/// Applies `act` at each call of a release, in each of these ways.
#[track_caller]
fn at_each_call<W: Copy + Sync + std::fmt::Debug>(
    what: &str,
    ways: &[W],
    act: impl Fn(usize, W, &Value) -> bool + Sync,
) {
    let first = fixture();
    let calls = undisturbed(&first);
    let expected = held(&first.endpoint);
    let points: Vec<(usize, W)> =
        (0..calls.len()).flat_map(|call| ways.iter().map(move |way| (call, *way))).collect();
    println!("release of six: {}", story(&calls));
    let name = |(call, way): &(usize, W)| format!("call {call}, {way:?}");
    at_each(what, &points, AT_ONCE, name, |(call, way)| act(*call, *way, &expected));
}

#[test]
#[ignore = "second tier: long"]
fn a_release_that_is_killed_at_any_call_and_run_again_ends_as_if_undisturbed() {
    at_each_call("kills of a release", &MOMENTS, |call, when, expected| {
        kill_and_run_again(&fixture(), (call, when), expected, held)
    });
}

/// How a run is interrupted. A signal has its name and its number.
#[derive(Clone, Copy, Debug)]
enum Way {
    Signal(&'static str, i32),
    SignalWhileItHangs(&'static str, i32),
    ClosedOutput,
}

#[test]
#[ignore = "second tier: long"]
fn a_release_that_is_interrupted_at_any_call_ends_with_all_aliases_or_none() {
    let ways = [
        Way::Signal("TERM", 15),
        Way::Signal("INT", 2),
        Way::SignalWhileItHangs("TERM", 15),
        Way::ClosedOutput,
    ];
    at_each_call("interruptions of a release", &ways, |call, way, _| interrupt(call, way));
}

/// Returns false if the run ended before this call.
fn interrupt(call: usize, way: Way) -> bool {
    let fixture = fixture();
    if let Way::SignalWhileItHangs(..) = way {
        fixture.add_fault(call, FaultKind::Hang { for_: Duration::from_secs(20) });
    }
    let mut child = fixture.start();
    if !fixture.wait_for_call_number(call, &mut child) {
        return false;
    }
    match way {
        Way::Signal(name, number) | Way::SignalWhileItHangs(name, number) => {
            signal(&child, name);
            let ended = PluginOutput::ended(child);
            assert!(ended.elapsed < Duration::from_secs(5), "{:?}\n{}", ended.elapsed, ended.stdout);
            check_finished(&fixture, &ended, 128 + number);
        }
        Way::ClosedOutput => {
            drop(child.stdout.take());
            let ended = end_within(Duration::from_secs(20), child, Instant::now());
            let is_complete = ended.status.success() && aliases(&fixture) == SIX_NEW;
            assert!(is_complete || ended.status.code() == Some(1), "{}", ended.status);
        }
    }
    let at = aliases(&fixture);
    assert!(at == SIX_OLD || at == SIX_NEW, "{at:?}; {}", story(&fixture.endpoint.calls()));
    fixture.check_nothing_is_left();
    let again = fixture.deploy_again();
    assert!(["deployed", "unchanged"].contains(&again.outcome()), "run again:\n{}", again.stdout);
    assert_eq!(aliases(&fixture), SIX_NEW, "run again:\n{}", again.stdout);
    true
}

/// Checks that the event `finished` says where the aliases are, and what was changed.
fn check_finished(fixture: &Fixture, ended: &PluginOutput, status: i32) {
    let calls = fixture.endpoint.calls();
    if aliases(fixture) == SIX_NEW {
        let is_deployed = |outcome: &&str| ["deployed", "unchanged"].contains(outcome);
        assert!(ended.outcomes().iter().all(is_deployed), "{}\n{}", story(&calls), ended.stdout);
        return;
    }
    assert_eq!((ended.code(), ended.status.code()), ("cancelled", Some(status)), "{}", ended.stdout);
    let effective: Vec<&Call> = calls.iter().filter(|call| is_effective(call)).collect();
    assert_eq!(check_functions(ended, &effective), Ok(()), "{}\n{}", story(&calls), ended.stdout);
}
