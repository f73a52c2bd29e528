//! Two releases of the same three functions at the same time: one is held at each of its calls until the
//! other has ended. All aliases end at the code of one of them, and a release that lost says `overtaken`.
//! Also a rollback that is killed at each of its calls.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use lambda_endpoint::{FaultKind, Settings};
use serde_json::{Value, json};

use super::{DURATION, at_each, story, undisturbed};
use crate::deployments::build_directory;
use crate::fixture::{CALL_TIMEOUT, Fixture};
use crate::plugin::{PluginCommand, PluginOutput, kill};
use crate::release_fixture::{aliases, descriptions, release};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// The number of parallel runs. They mostly wait.
const AT_ONCE: usize = 8;

/// The code of the release that is held.
const HELD: &str = "// held\n";

/// The three functions after their first release.
fn fixture() -> Fixture {
    let settings = Settings { create_duration: DURATION, update_duration: DURATION, ..Settings::default() };
    let fixture = release(settings, NAMES.map(|name| json!({"function_name": name})));
    fixture.deployed("// 1\n");
    fixture.write(HELD);
    fixture.endpoint.forget_calls();
    fixture
}

/// The hash of the code at which each alias points.
fn live_code(fixture: &Fixture) -> Vec<Value> {
    let code = |(name, version): (&str, String)| {
        let live = fixture.endpoint.function(&format!("{name}:{version}")).expect("the version exists");
        live["Configuration"]["CodeSha256"].clone()
    };
    NAMES.into_iter().zip(aliases(fixture)).map(code).collect()
}

fn packaged(run: &PluginOutput) -> Value {
    run.event("packaged").expect("the event exists")["code_sha256"].clone()
}

/// Checks that the release is live, or says that another one has overtaken it and for which function. Returns
/// true if it is live.
fn has_deployed(run: &PluginOutput) -> bool {
    if ["deployed", "unchanged"].contains(&run.outcome()) {
        return true;
    }
    assert_eq!(run.code(), "conflict", "{}", run.stdout);
    let names = run.events.iter().filter(|event| event["code"] == "overtaken");
    let names: Vec<&str> = names.filter_map(|event| event["function_name"].as_str()).collect();
    assert!(!names.is_empty() && names.iter().all(|name| NAMES.contains(name)), "{}", run.stdout);
    false
}

/// Holds a release at this call while another one with the code `other` runs. Returns false if it ended
/// before this call.
fn play(call: usize, other: &str) -> bool {
    let fixture = fixture();
    fixture.add_fault(call, FaultKind::Hold);
    let (mut child, began) = (fixture.start(), Instant::now());
    while fixture.endpoint.held_calls() == 0 {
        if child.try_wait().expect("the child can be waited for").is_some() {
            return false;
        }
        assert!(began.elapsed() < CALL_TIMEOUT, "call {call} did not arrive");
        thread::sleep(Duration::from_millis(1));
    }
    let directory = build_directory();
    fs::write(directory.path().join("index.js"), other).expect("written");
    let second = PluginCommand::new(&[]).directory(directory.path()).run(&fixture.request);
    fixture.endpoint.let_go();
    let first = PluginOutput::of(child, began);
    first.check(&[]);

    let story = story(&fixture.endpoint.calls());
    let (is_first, is_second) = (has_deployed(&first), has_deployed(&second));
    assert!(is_first || is_second, "neither is live: {story}\n{}\n{}", first.stdout, second.stdout);
    // The release that was held ends last.
    let live = packaged(if is_first { &first } else { &second });
    assert_eq!(live_code(&fixture), [live.clone(), live.clone(), live], "{story}\n{}", first.stdout);
    let descriptions = descriptions(&fixture);
    let numbers: Vec<_> = descriptions.iter().map(|text| text.split([' ', ',']).nth(2)).collect();
    assert!(numbers.iter().all(|number| *number == numbers[0]), "{descriptions:?}");

    let held = packaged(&first);
    let third = fixture.deploy_again();
    assert!(has_deployed(&third), "{}", third.stdout);
    assert_eq!(live_code(&fixture), [held.clone(), held.clone(), held], "{}", third.stdout);
    assert_eq!(fixture.deploy_again().outcome(), "unchanged");
    true
}

/// Holds a release at each of its calls.
#[track_caller]
fn at_each_call(what: &str, other: &str) {
    let calls = undisturbed(&fixture());
    println!("release of three: {}", story(&calls));
    let points: Vec<usize> = (0..calls.len()).collect();
    at_each(what, &points, AT_ONCE, |call| format!("call {call}"), |call| play(*call, other));
}

#[test]
#[ignore = "second tier: long"]
fn two_releases_at_once_end_as_one_of_them() {
    at_each_call("pairs of releases", "// the other one\n");
}

#[test]
#[ignore = "second tier: long"]
fn two_releases_of_the_same_code_at_once_end_as_one() {
    at_each_call("pairs of releases of the same code", HELD);
}

#[test]
#[ignore = "second tier: long"]
fn a_rollback_that_is_killed_at_any_call_and_run_again_takes_the_release_back_once() {
    let released = || {
        let fixture = fixture();
        fixture.deployed(HELD);
        fixture.endpoint.forget_calls();
        fixture
    };
    let kill_at = |call: &usize| {
        let fixture = released();
        fixture.add_fault(*call, FaultKind::Hang { for_: CALL_TIMEOUT });
        let mut child = fixture.start_with(&["rollback"]);
        if !fixture.wait_for_call_number(*call, &mut child) {
            return false;
        }
        kill(child);
        let again = fixture.rollback();
        assert_eq!(again.outcome(), "deployed", "{}", again.stdout);
        assert_eq!(aliases(&fixture), ["1"; 3], "{}", again.stdout);
        true
    };
    let undisturbed = released();
    assert_eq!(undisturbed.rollback().outcome(), "deployed");
    let points: Vec<usize> = (0..undisturbed.endpoint.calls().len()).collect();
    at_each("kills of a rollback", &points, AT_ONCE, |call| format!("call {call}"), kill_at);
}
