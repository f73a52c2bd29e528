//! Faults during a release that first sends half of the alias's traffic to the new version. Each fault
//! affects a call that decides where traffic goes, or a call of the guard that watches it. In the end one
//! version has all traffic, or the error says that this is uncertain and `rollback` restores it.
//!
//! `FAULT=part-of-a-name` selects cases: `FAULT="shift / move"`.

use std::io::Write;
use std::time::Duration;

use lambda_endpoint::{Alarm, Endpoint, Fault, FaultKind, Fires, Invocation};
use serde_json::{Value, json};

use super::scenarios::{endpoint, versions};
use super::{play_each, reported, warnings};
use crate::aws_state::{ALIASES, perform};
use crate::deployments::{build_directory, request};
use crate::interruptions::signal;
use crate::plugin::{PluginCommand, PluginOutput};

/// The number of times that the program sends a call before it gives up.
const ATTEMPTS: u32 = 10;

/// The alias points at the second of two versions, so that a rollback by two versions would be noticed.
const OLD: &str = "2";
const NEW: &str = "3";

/// A fault during the release, and the expected result.
struct FaultCase {
    /// The operation and the number of its call: the shift, the second check, the last move, or one that
    /// reads alarms or metrics.
    call: (&'static str, u32),
    name: &'static str,
    /// The number of consecutive calls that it affects.
    times: u32,
    what: What,
    end: End,
}

/// The kind of fault.
enum What {
    Fault(FaultKind),
    /// The version fails when it is invoked.
    Failure,
    /// The alarm fires.
    Alarm,
    /// SIGTERM after the call was sent. With a fault, the call also gets no answer.
    Signal(Option<FaultKind>),
}

/// The expected result.
#[derive(Clone, Copy)]
enum End {
    /// The deployment succeeds, as without the fault.
    Deployed,
    /// A failure with this code; all traffic is back at the old version.
    Back(&'static str),
    /// A failure with this code whose message says that some traffic may not be back.
    InDoubt(&'static str),
}

/// The call that shifts half of the traffic.
const SHIFT: (&str, u32) = ("UpdateAlias", 0);
/// The check of the version while it has half of the traffic.
const PROOF: (&str, u32) = ("Invoke", 1);
/// The call that moves all traffic.
const MOVE: (&str, u32) = ("UpdateAlias", 1);
/// The call that reads the alarms before anything is changed.
const ALARMS: (&str, u32) = ("DescribeAlarms", 0);
/// The call that reads them after the wait with half of the traffic: the one before is at its beginning.
const WATCH: (&str, u32) = ("DescribeAlarms", 2);
/// The call that reads them after the wait with all of the traffic.
const BAKE: (&str, u32) = ("DescribeAlarms", 4);
/// The call that first reads the numbers of invocations and errors.
const METRICS: (&str, u32) = ("GetMetricData", 0);

const ALARM: &str = "shop-5xx";

fn cases() -> Vec<FaultCase> {
    use End::{Back, Deployed, InDoubt};
    let broken = || FaultKind::status(500, "ServiceException", "An error occurred.");
    let (denied, hang) = (FaultKind::denied, FaultKind::hang);
    let (before, after) = (|| FaultKind::ResetBefore, || FaultKind::ResetAfter);
    // AWS carries out the call, but its answer does not end in time.
    let slow = || FaultKind::Slow { answer_over: Duration::from_secs(30) };
    let html = || FaultKind::Html { status: 200 };
    let with_fault =
        |call, name, times, kind, end| FaultCase { call, name, times, what: What::Fault(kind), end };
    let signal = |call, name, times, meanwhile, end| FaultCase {
        call,
        name,
        times,
        what: What::Signal(meanwhile),
        end,
    };
    // Enough for the restoration too, which calls the same operation.
    let for_ever = 2 * ATTEMPTS;
    vec![
        with_fault(SHIFT, "reset-before", 1, before(), Deployed),
        with_fault(SHIFT, "reset-after", 1, after(), Deployed),
        with_fault(SHIFT, "500-twice", 2, broken(), Deployed),
        with_fault(SHIFT, "access-denied", 1, denied(), Back("access-denied")),
        with_fault(SHIFT, "hang", 1, hang(), Back("timed-out")),
        with_fault(SHIFT, "slow", 1, slow(), Back("timed-out")),
        with_fault(SHIFT, "html-200", 1, html(), Back("unexpected-answer")),
        with_fault(SHIFT, "500 for all attempts", ATTEMPTS, broken(), Back("service-unavailable")),
        with_fault(SHIFT, "500 forever", for_ever, broken(), InDoubt("service-unavailable")),
        with_fault(SHIFT, "reset-before forever", for_ever, before(), InDoubt("network-failure")),
        with_fault(SHIFT, "reset-after for all attempts", ATTEMPTS, after(), Back("network-failure")),
        with_fault(SHIFT, "reset-after forever", for_ever, after(), InDoubt("network-failure")),
        signal(SHIFT, "signal after it", 1, None, Back("cancelled")),
        signal(SHIFT, "signal while it hangs", 1, Some(hang()), Back("cancelled")),
        signal(SHIFT, "signal while it hangs forever", 2, Some(hang()), InDoubt("cancelled")),
        signal(SHIFT, "signal while it is slow", 1, Some(slow()), Back("cancelled")),
        with_fault(PROOF, "reset-before", 1, before(), Deployed),
        with_fault(PROOF, "reset-after", 1, after(), Deployed),
        with_fault(PROOF, "access-denied", 1, denied(), Back("access-denied")),
        with_fault(PROOF, "hang", 1, hang(), Back("verification-failed")),
        with_fault(PROOF, "html-200", 1, html(), Back("unexpected-answer")),
        with_fault(PROOF, "500 forever", ATTEMPTS, broken(), Back("service-unavailable")),
        with_fault(PROOF, "reset-before forever", ATTEMPTS, before(), Back("network-failure")),
        FaultCase {
            call: PROOF,
            name: "failure",
            times: 1,
            what: What::Failure,
            end: Back("verification-failed"),
        },
        signal(PROOF, "signal while it hangs", 1, Some(hang()), Back("cancelled")),
        with_fault(MOVE, "reset-before", 1, before(), Deployed),
        with_fault(MOVE, "reset-after", 1, after(), Deployed),
        with_fault(MOVE, "500-twice", 2, broken(), Deployed),
        with_fault(MOVE, "access-denied", 1, denied(), Back("access-denied")),
        with_fault(MOVE, "access-denied forever", 2, denied(), InDoubt("access-denied")),
        with_fault(MOVE, "hang", 1, hang(), Back("timed-out")),
        with_fault(MOVE, "hang forever", 2, hang(), InDoubt("timed-out")),
        with_fault(MOVE, "slow", 1, slow(), Back("timed-out")),
        with_fault(MOVE, "html-200", 1, html(), Back("unexpected-answer")),
        with_fault(MOVE, "500 for all attempts", ATTEMPTS, broken(), Back("service-unavailable")),
        with_fault(MOVE, "500 forever", for_ever, broken(), InDoubt("service-unavailable")),
        with_fault(MOVE, "reset-before forever", for_ever, before(), InDoubt("network-failure")),
        with_fault(MOVE, "reset-after for all attempts", ATTEMPTS, after(), Back("network-failure")),
        with_fault(MOVE, "reset-after forever", for_ever, after(), InDoubt("network-failure")),
        signal(MOVE, "signal while it hangs", 1, Some(hang()), Back("cancelled")),
        signal(MOVE, "signal while it hangs forever", 2, Some(hang()), InDoubt("cancelled")),
    ]
    .into_iter()
    .chain(faults_of_the_guard())
    .collect()
}

/// The faults of calls of the guard. One that cannot see does not let a version pass.
fn faults_of_the_guard() -> Vec<FaultCase> {
    use End::{Back, Deployed};
    let status = |status, code: &str| FaultKind::status(status, code, "An error occurred.");
    let with_fault =
        |call, name, times, kind, end| FaultCase { call, name, times, what: What::Fault(kind), end };
    let mut cases = Vec::new();
    for call in [ALARMS, WATCH, BAKE] {
        let throttled = status(400, "TooManyRequestsException");
        let broken = || status(500, "ServiceException");
        cases.extend([
            with_fault(call, "throttled-twice", 2, throttled, Deployed),
            with_fault(call, "500-twice", 2, broken(), Deployed),
            with_fault(call, "html-503", 1, FaultKind::Html { status: 503 }, Deployed),
            with_fault(call, "reset-before", 1, FaultKind::ResetBefore, Deployed),
            with_fault(call, "reset-after", 1, FaultKind::ResetAfter, Deployed),
            with_fault(call, "500 forever", ATTEMPTS, broken(), Back("service-unavailable")),
            with_fault(
                call,
                "reset-before forever",
                ATTEMPTS,
                FaultKind::ResetBefore,
                Back("network-failure"),
            ),
        ]);
    }
    for call in [ALARMS, WATCH, BAKE, METRICS] {
        let expired = status(403, "ExpiredTokenException");
        cases.extend([
            with_fault(call, "access-denied", 1, FaultKind::denied(), Back("access-denied")),
            with_fault(call, "expired", 1, expired, Back("credentials-expired")),
            with_fault(call, "html-200", 1, FaultKind::Html { status: 200 }, Back("unexpected-answer")),
            with_fault(call, "empty-200", 1, FaultKind::Empty { status: 200 }, Back("unexpected-answer")),
            with_fault(call, "hang", 1, FaultKind::hang(), Back("timed-out")),
            FaultCase {
                call,
                name: "signal while it hangs",
                times: 1,
                what: What::Signal(Some(FaultKind::hang())),
                end: Back("cancelled"),
            },
        ]);
    }
    for call in [WATCH, BAKE] {
        cases.push(FaultCase { call, name: "alarm", times: 1, what: What::Alarm, end: Back("alarm-fired") });
    }
    cases
}

/// Returns the version and the weights of the alias.
fn alias(endpoint: &Endpoint) -> (Value, Value) {
    let alias = endpoint.perform("GET", &format!("{ALIASES}/live"), Value::Null).expect("it exists");
    (alias["FunctionVersion"].clone(), alias["RoutingConfig"]["AdditionalVersionWeights"].clone())
}

/// The alias with all traffic at one version.
fn all_at(version: &str) -> (Value, Value) {
    (json!(version), Value::Null)
}

impl FaultCase {
    fn name(&self) -> String {
        let place = match self.call {
            SHIFT => "shift",
            PROOF => "proof",
            ALARMS => "alarms",
            WATCH => "watch",
            BAKE => "bake",
            METRICS => "metrics",
            _ => "move",
        };
        format!("shift / {place} / {}", self.name)
    }

    fn is_of_the_guard(&self) -> bool {
        ["DescribeAlarms", "GetMetricData"].contains(&self.call.0)
    }

    fn lasts(&self) -> bool {
        matches!(&self.what, What::Fault(FaultKind::Hang { .. } | FaultKind::Slow { .. }))
    }

    /// True if the deployment may succeed: after a move without an answer, the program reads the alias and
    /// sees that it has moved.
    fn may_be_deployed(&self) -> bool {
        let is_carried_out =
            matches!(&self.what, What::Fault(FaultKind::ResetAfter | FaultKind::Slow { .. }));
        matches!(self.end, End::Deployed) || (self.call == MOVE && is_carried_out)
    }

    /// Runs the case. The error says what is wrong.
    fn run(&self) -> Result<(), String> {
        let (endpoint, directory) = (endpoint(), build_directory());
        versions(&endpoint, 2);
        perform(&endpoint, "POST", ALIASES, json!({"Name": "live", "FunctionVersion": OLD}));
        endpoint.set_alarm(Alarm::named(ALARM));
        let (operation, nth) = self.call;
        match &self.what {
            What::Fault(kind) | What::Signal(Some(kind)) => {
                let once = Fault::once(operation, kind.clone());
                endpoint.fault(Fault { after: nth, times: self.times, ..once });
            }
            What::Signal(None) => {}
            What::Alarm => endpoint.set_alarm(Alarm::firing(ALARM, Fires::AfterReads(nth))),
            What::Failure => {
                let failure = Some("Unhandled".to_owned());
                endpoint.answer_invocations(Invocation { function_error: failure, ..Invocation::default() });
                endpoint.answer_invocations(Invocation { times: Some(nth), ..Invocation::default() });
            }
        }
        let mut request = request(&endpoint);
        (request["alias"], request["verify"]) = (json!("live"), json!({}));
        (request["traffic"], request["traffic_interval"]) = (json!([50]), json!(1));
        if self.is_of_the_guard() {
            request["guard"] = json!({"alarms": ALARM, "bake": 1});
        }
        let undisturbed = request.clone();
        if self.call == METRICS {
            request["guard"] = json!({"errors": "1%"});
        }
        if self.lasts() {
            (request["wait_timeout"], request["verify"]["timeout"]) = (json!(2), json!(2));
        }
        let run = |arguments: &[&str], request: &Value| {
            PluginCommand::new(arguments).directory(directory.path()).run(request)
        };
        let ended = match self.what {
            What::Signal(_) => {
                self.signalled(PluginCommand::new(&[]).directory(directory.path()), &request, &endpoint)?
            }
            _ => run(&[], &request),
        };
        if !self.is_made(&endpoint) {
            return Err(format!("the fault never applied; ended {}", reported(&ended)));
        }
        match (self.end, ended.outcome()) {
            (_, "deployed") if self.may_be_deployed() => {
                let untrue = warnings(&ended);
                same(&untrue, &Vec::new(), "deployed, but what was warned of")?;
                return same(&alias(&endpoint), &all_at(NEW), "deployed, but the alias");
            }
            (End::Back(code) | End::InDoubt(code), "failed") if ended.code() == code => {}
            _ => return Err(format!("ended {}", reported(&ended))),
        }
        self.check_failure(&ended, &endpoint)?;
        if let End::InDoubt(_) = self.end {
            let (hint, mut back) = (hint(&ended), undisturbed.clone());
            if hint.contains("`version: ") {
                back["version"] = json!(OLD);
            }
            let back = run(&["rollback"], &back);
            let what = format!(
                "after a rollback, which ended {}, as the hint `{hint}` says, the alias",
                reported(&back)
            );
            same(&alias(&endpoint), &all_at(OLD), &what)?;
        }
        endpoint.answer_invocations(Invocation::default());
        endpoint.set_alarm(Alarm::named(ALARM));
        let again = run(&[], &undisturbed);
        same(&json!(again.outcome()), &json!("deployed"), "again, the outcome")?;
        same(&alias(&endpoint), &all_at(NEW), "again, the alias")?;
        let third = run(&[], &undisturbed);
        same(&json!(third.outcome()), &json!("unchanged"), "a third time, the outcome")
    }

    /// Runs the program, sends it a signal after the call was made, and returns the result.
    fn signalled(
        &self,
        mut plugin: PluginCommand,
        request: &Value,
        endpoint: &Endpoint,
    ) -> Result<PluginOutput, String> {
        let mut child = plugin.spawn();
        child.stdin.take().expect("piped").write_all(request.to_string().as_bytes()).expect("written");
        while !self.is_made(endpoint) {
            if child.try_wait().expect("the child can be waited for").is_some() {
                return Err("the run ended before the call".to_owned());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        // Gives the answer time to arrive.
        std::thread::sleep(Duration::from_millis(100));
        signal(&child, "TERM");
        let ended = PluginOutput::ended(child);
        let is_in_time = ended.elapsed < Duration::from_secs(5);
        if is_in_time {
            Ok(ended)
        } else {
            Err(format!("{:?} after the signal: {}", ended.elapsed, reported(&ended)))
        }
    }

    fn is_made(&self, endpoint: &Endpoint) -> bool {
        let (operation, nth) = self.call;
        endpoint.calls().iter().filter(|call| call.operation == operation).count() > nth as usize
    }

    /// Checks that the error is right about the alias, and that `changed` is right about the steps.
    fn check_failure(&self, ended: &PluginOutput, endpoint: &Endpoint) -> Result<(), String> {
        let (place, doubts) =
            (alias(endpoint), reported(ended).contains("may still send traffic to version"));
        let ends_in_doubt = matches!(self.end, End::InDoubt(_));
        if !ends_in_doubt {
            same(&place, &all_at(OLD), &format!("ended {}; the alias", reported(ended)))?;
        }
        if doubts != ends_in_doubt {
            return Err(format!(
                "the message doubts the alias: {doubts}, it is at {place:?}; ended {}",
                reported(ended)
            ));
        }
        // `changed` lists only steps that are known to have taken effect and were not undone.
        let shift = (ends_in_doubt && self.call != SHIFT).then_some("shift-traffic");
        let mut done: Vec<&str> =
            ["update-function-code", "publish-version"].into_iter().chain(shift).collect();
        if self.call == ALARMS {
            done.clear();
        }
        same(&ended.finished()["changed"], &json!(done), &format!("ended {}; `changed`", reported(ended)))
    }
}

fn hint(ended: &PluginOutput) -> String {
    ended.finished()["error"]["hint"].as_str().unwrap_or_default().to_owned()
}

fn same<T: PartialEq + std::fmt::Debug>(actual: &T, expected: &T, what: &str) -> Result<(), String> {
    if actual == expected { Ok(()) } else { Err(format!("{what} is {actual:?}, not {expected:?}")) }
}

#[test]
#[ignore = "second tier: long"]
fn shared_traffic_ends_at_one_version_or_the_run_says_that_it_may_not() {
    let cases = cases();
    // The runs mostly wait, so all of them can run in parallel.
    let at_once = cases.len();
    play_each(cases, at_once, FaultCase::name, FaultCase::run);
}
