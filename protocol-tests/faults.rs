//! Fault injection: every call of eight deployments, combined with every fault. Either the deployment
//! succeeds anyway, or the run reports correctly what it has changed and a second run of the same request
//! completes the deployment.
//!
//! `FAULT=part-of-a-name` selects combinations: `FAULT="update / PublishVersion"`.

mod call_faults;
mod scenarios;
mod shift;
mod together;

use std::path::Path;
use std::time::Duration;

use lambda_endpoint::{Call, Endpoint, Fault, FaultKind};
use serde_json::{Value, json};

use self::call_faults::{CODES, CallFault, Expected, call_faults, changes, invokes};
use self::scenarios::{SCENARIOS, Scenario, endpoint, nothing};
use crate::aws_state::{
    ALIASES, EVENT_INVOKE, EVENT_SOURCES, PROVISIONED, VARYING, VERSIONS, differences, keyed, strip,
};
use crate::deployments::build_directory;
use crate::fixture::{problems, step_of};
use crate::plugin::{PluginCommand, PluginOutput};

/// The longest time that a run may take, with any fault.
const LIMIT: Duration = Duration::from_secs(25);

/// The runs mostly wait, so there can be more threads than processors.
const THREADS: usize = 24;

/// Calls with which a wait polls, and how many of them are tested. Their number varies but is never lower,
/// and all are alike.
const LOOKS: [(&str, usize); 4] = [
    ("GetDeployment", 1),
    ("GetEventSourceMapping", 1),
    ("GetFunction", 4),
    ("GetProvisionedConcurrencyConfig", 5),
];

/// A deployment without faults, as the reference.
struct Reference {
    scenario: &'static Scenario,
    calls: Vec<Call>,
    /// The final state.
    end: End,
    /// The final state of a deployment for which no function existed.
    anew: End,
}

/// The final state of a deployment.
struct End {
    /// All data of the function in the endpoint.
    state: Value,
    /// The members of the `finished` event that describe the function.
    reported: Value,
    /// The `previous_version` in the `finished` event.
    previous_version: Value,
}

/// The members of the `finished` event that must not depend on the fault. The URL differs in each run.
fn last_line(ended: &PluginOutput) -> Value {
    let finished = ended.finished();
    json!({
        "function_arn": finished["function_arn"],
        "version": finished["version"],
        "alias": finished["alias"],
        "aliases": finished["aliases"],
        "code_sha256": finished["code_sha256"],
        "has_url": finished["function_url"].is_string(),
    })
}

impl Reference {
    fn of(scenario: &'static Scenario, directory: &Path) -> Self {
        let run = |before: fn(&Endpoint)| {
            let endpoint = endpoint();
            before(&endpoint);
            let ended = PluginCommand::new(&[]).directory(directory).run(&scenario.request(&endpoint));
            assert_eq!(ended.outcome(), "deployed", "{}: {}", scenario.name, ended.stdout);
            assert_eq!(warnings(&ended), [""; 0], "{}", scenario.name);
            let previous_version = ended.finished()["previous_version"].clone();
            let end = End { state: state(&endpoint), reported: last_line(&ended), previous_version };
            (end, endpoint.calls())
        };
        let ((end, calls), (anew, _)) = (run(scenario.before), run(nothing));
        Reference { scenario, calls, end, anew }
    }

    /// True if the call comes after PublishVersion: a later change by another client is not in our version.
    fn is_after_publication(&self, operation: &str, nth: usize) -> bool {
        let published = self.calls.iter().position(|call| call.operation == "PublishVersion");
        let mut same = (0..self.calls.len()).filter(|place| self.calls[*place].operation == operation);
        published.is_some_and(|published| same.nth(nth).is_some_and(|place| place > published))
    }

    /// Every call that a fault can affect, with the number of earlier calls of its operation.
    fn affected(&self) -> Vec<(&Call, usize)> {
        let before = |place: usize| {
            let call = &self.calls[place];
            (call, self.calls[..place].iter().filter(|earlier| earlier.operation == call.operation).count())
        };
        let all = (0..self.calls.len()).map(before);
        let is_one_more =
            |call: &Call, nth| LOOKS.iter().any(|(look, most)| call.operation == *look && nth >= *most);
        all.filter(|(call, nth)| !is_one_more(call, *nth)).collect()
    }
}

/// All data of the function in the endpoint, without the members that differ between runs.
fn state(endpoint: &Endpoint) -> Value {
    let held =
        |target: &str| endpoint.perform("GET", target, Value::Null).unwrap_or_else(|words| json!(words));
    let mut state = json!({
        "function": endpoint.function("f"),
        "versions": keyed(&held(VERSIONS)["Versions"], "Version"),
        "aliases": keyed(&held(ALIASES)["Aliases"], "Name"),
        "provisioned": held(PROVISIONED),
        "runtime_management": held("/2021-07-20/functions/f/runtime-management-config"),
        "recursion": held("/2024-08-31/functions/f/recursion-config"),
        "event_invoke": held(EVENT_INVOKE),
        "event_invoke_of_alias": held(&format!("{EVENT_INVOKE}?Qualifier=live")),
        "url": held("/2021-10-31/functions/f/url"),
        "policy": held("/2015-03-31/functions/f/policy"),
        "event_sources": held(&format!("{EVENT_SOURCES}?FunctionName=f")),
        "code_signing": held("/2020-06-30/functions/f/code-signing-config"),
    });
    strip(&mut state, &VARYING);
    state
}

/// A fault at one call of a deployment.
struct Combination<'a> {
    reference: &'a Reference,
    fault: &'a CallFault,
    operation: &'a str,
    /// The number of earlier calls of the operation.
    nth: usize,
}

impl Combination<'_> {
    fn name(&self) -> String {
        format!("{} / {}#{} / {}", self.reference.scenario.name, self.operation, self.nth, self.fault.name)
    }

    /// Runs the deployment, and again without the fault if it failed. The error says what is wrong.
    fn play(&self, directory: &Path) -> Result<(), String> {
        let endpoint = endpoint();
        (self.reference.scenario.before)(&endpoint);
        let (after, times) = (u32::try_from(self.nth).expect("a few calls"), self.fault.times);
        let once = Fault::once(self.operation, self.fault.kind.clone());
        endpoint.fault(Fault { after, times, ..once });
        let mut request = self.reference.scenario.request(&endpoint);
        if matches!(self.fault.kind, FaultKind::Hang { .. }) {
            request["wait_timeout"] = json!(2);
            if request["verify"].is_object() {
                request["verify"]["timeout"] = json!(2);
            }
        }
        let run = || PluginCommand::new(&[]).directory(directory).run(&request);
        let ended = run();
        if ended.elapsed > LIMIT {
            return Err(format!("took {:?}", ended.elapsed));
        }
        let calls = endpoint.calls();
        if calls.iter().filter(|call| call.operation == self.operation).count() <= self.nth {
            return Err(format!("the fault never applied; ended {}", reported(&ended)));
        }
        check_proof(&self.effective(&calls))?;
        match (self.expected(), ended.outcome()) {
            (Expected::Deployed | Expected::DeployedOr(_), "deployed") => {
                let judged = [self.check_success(&ended, &endpoint), self.compare(&ended, &endpoint)];
                let problems: Vec<String> = judged.into_iter().filter_map(Result::err).collect();
                if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
            }
            (Expected::DeployedOr(code) | Expected::Failed(code), "failed") => {
                self.check_failure(&ended, &endpoint, code)?;
                let again = run();
                let made = endpoint.calls().split_off(calls.len());
                let effective: Vec<&Call> =
                    made.iter().filter(|call| (200..300).contains(&call.status)).collect();
                let judged = check_proof(&effective).and_then(|()| self.check_again(&again, &endpoint, code));
                judged.map_err(|problem| format!("again: {problem}"))
            }
            _ => Err(format!("ended {}", reported(&ended))),
        }
    }

    fn expected(&self) -> Expected {
        match self.fault.kind {
            // What goes around the alias is read for warnings only.
            _ if self.denies_optional_read() => Expected::Deployed,
            // If the function is deleted before the first read, the deployment simply creates a function.
            _ if self.creates_anew() => Expected::Deployed,
            // If the function is deleted before a version of it is deleted, AWS reports that the version does
            // not exist, which counts as success.
            FaultKind::DeleteFunction if self.prunes() => Expected::Deployed,
            // A version that does not answer has failed its check.
            FaultKind::Hang { .. } if self.operation == "Invoke" => Expected::Failed("verification-failed"),
            _ => self.fault.expected,
        }
    }

    /// True if the fault denies a read that only warnings need.
    fn denies_optional_read(&self) -> bool {
        let stanza = (self.reference.scenario.stanza)();
        // The first reads are about the versions that are to be deleted, one for each.
        let deletes = |call: &&Call| call.operation == "DeleteFunction";
        let is_of_caller = self.nth >= self.reference.calls.iter().filter(deletes).count();
        let is_optional = match self.operation {
            "GetFunctionUrlConfig" => stanza["function_url"].is_null(),
            "GetPolicy" => stanza["function_url"].is_null() && is_of_caller,
            "ListEventSourceMappings" => stanza["follow_alias"].is_null() && is_of_caller,
            _ => false,
        };
        self.fault.name == "access-denied" && is_optional
    }

    fn creates_anew(&self) -> bool {
        self.is_deletion() && (self.operation, self.nth) == ("GetFunction", 0)
    }

    fn prunes(&self) -> bool {
        self.operation == "DeleteFunction"
    }

    fn is_deletion(&self) -> bool {
        self.fault.kind == FaultKind::DeleteFunction
    }

    fn is_touch(&self) -> bool {
        self.fault.kind == FaultKind::TouchFunction
    }

    /// Checks that the reported steps are those that took effect, and that there is no wrong warning.
    fn check_success(&self, ended: &PluginOutput, endpoint: &Endpoint) -> Result<(), String> {
        if self.is_deletion() || self.is_touch() {
            return Ok(());
        }
        let mut problems = if self.denies_optional_read() {
            let is_warned = ended.events.iter().any(|event| event["code"] == "callers-unknown");
            if is_warned { Vec::new() } else { vec!["no warning about the denied read".to_owned()] }
        } else {
            warnings(ended)
        };
        let (came_from, reported) =
            (&self.reference.end.previous_version, &ended.finished()["previous_version"]);
        if reported != came_from {
            problems.push(format!("`previous_version` is {reported}, not {came_from}"));
        }
        let (steps, done) = (ended.steps(), self.done(&endpoint.calls()));
        let steps: Vec<&str> = steps.into_iter().filter(|step| !["wait", "verify"].contains(step)).collect();
        if steps != done {
            problems.push(format!("the reported steps are {steps:?}, the actual ones {done:?}"));
        }
        if problems.is_empty() { Ok(()) } else { Err(format!("deployed, but {}", problems.join("; "))) }
    }

    /// Checks that the final state is that of a deployment without the fault.
    fn compare(&self, ended: &PluginOutput, endpoint: &Endpoint) -> Result<(), String> {
        if self.is_deletion() && self.prunes() && endpoint.function("f").is_none() {
            return Ok(());
        }
        let end = if self.is_deletion() { &self.reference.anew } else { &self.reference.end };
        let (mut expected, mut actual) = (end.state.clone(), state(endpoint));
        let names_it = (self.reference.scenario.stanza)()["description"].is_string();
        for state in [&mut expected, &mut actual] {
            if self.is_deletion() {
                // A mapping outlives its function, and a creation moves none.
                strip(state, &["event_sources"]);
            }
            if self.is_touch() && !names_it {
                // The other client's description stays, unless the stanza sets one.
                strip(state, &["Description"]);
            } else if self.is_touch() && self.reference.is_after_publication(self.operation, self.nth) {
                strip(&mut state["function"], &["Description"]);
                strip(&mut state["versions"]["$LATEST"], &["Description"]);
            }
        }
        let mut problems = differences(&end.reported, &last_line(ended), "finished");
        problems.extend(differences(&expected, &actual, ""));
        if problems.is_empty() {
            Ok(())
        } else {
            Err(format!("{}, but {}", ended.outcome(), problems.join("; ")))
        }
    }

    /// Checks that the error is the expected one, and that `changed` lists what the endpoint has done.
    fn check_failure(
        &self,
        ended: &PluginOutput,
        endpoint: &Endpoint,
        code: &'static str,
    ) -> Result<(), String> {
        let (error, changed) = (&ended.finished()["error"], &ended.finished()["changed"]);
        let (_, class, retryable) = CODES.iter().find(|(its, ..)| *its == code).expect("a code of the table");
        let agrees = error["code"] == code && error["class"] == *class && error["retryable"] == *retryable;
        if !agrees || ended.status.code() != Some(1) {
            return Err(format!("exit status {:?}, {}, not {code}", ended.status.code(), reported(ended)));
        }
        let done = json!(self.done(&endpoint.calls()));
        if *changed == done {
            Ok(())
        } else {
            Err(format!("{}, `changed` is {changed}, but the actual steps are {done}", reported(ended)))
        }
    }

    /// Checks a second run without the fault. If AWS could not make the function ready, the run may fail
    /// again with the same code.
    fn check_again(
        &self,
        ended: &PluginOutput,
        endpoint: &Endpoint,
        code: &'static str,
    ) -> Result<(), String> {
        let may_fail = ["creation-failed", "update-failed", "version-failed"].contains(&code);
        match ended.outcome() {
            "deployed" | "unchanged" => self.compare(ended, endpoint),
            "failed" if may_fail && ended.code() == code => Ok(()),
            _ => Err(reported(ended)),
        }
    }

    /// Returns the steps whose calls took effect, in order.
    fn done(&self, calls: &[Call]) -> Vec<String> {
        let changes = self.effective(calls).into_iter().filter(|call| changes(call));
        // CodeDeploy moves the alias. Our own calls only write its description, as a part of that step.
        let by_codedeploy = (self.reference.scenario.stanza)()["codedeploy"].is_object();
        let steps = changes.filter(|call| !by_codedeploy || call.operation != "UpdateAlias");
        steps.map(|call| step_of(&call.operation)).collect()
    }

    /// Returns the changes and invocations that took effect, in order, each once.
    fn effective<'a>(&self, calls: &'a [Call]) -> Vec<&'a Call> {
        let affected = self.nth..self.nth + self.fault.times as usize;
        let mut seen = 0;
        let mut effective: Vec<(usize, &Call)> = Vec::new();
        for (place, call) in calls.iter().enumerate() {
            let mut is_affected = false;
            if call.operation == self.operation {
                is_affected = affected.contains(&seen);
                seen += 1;
            }
            let took_effect = match call.status {
                0 | 429 => is_affected && self.fault.takes_effect,
                200..300 => !is_affected || self.fault.takes_effect,
                _ => false,
            };
            // A call that was repeated because its answer was lost is still one step. The deletions of two
            // versions look alike, but only a repetition follows directly.
            let is_again = |(earlier_place, earlier): &(usize, &Call)| {
                let may_be_again = call.operation != "DeleteFunction" || earlier_place + 1 == place;
                !(200..300).contains(&earlier.status) && is_same(earlier, call) && may_be_again
            };
            if !call.is_read() && took_effect && !effective.iter().any(is_again) {
                effective.push((place, call));
            }
        }
        effective.into_iter().map(|(_, call)| call).collect()
    }
}

/// Checks that no alias was changed before a successful invocation.
fn check_proof(effective: &[&Call]) -> Result<(), String> {
    let first = |is_it: fn(&Call) -> bool| effective.iter().position(|call| is_it(call));
    match (first(points), first(invokes)) {
        (Some(points), proof) if proof.is_none_or(|proof| proof > points) => {
            Err(format!("{} came before any successful invocation", effective[points].operation))
        }
        _ => Ok(()),
    }
}

/// True if a call points an alias at a version. After a move by CodeDeploy, UpdateAlias writes the
/// description alone.
fn points(call: &Call) -> bool {
    ["CreateAlias", "UpdateAlias"].contains(&call.operation.as_str())
        && call.body.get("FunctionVersion").is_some()
}

/// True if two calls ask for the same, ignoring the RevisionId.
fn is_same(one: &Call, other: &Call) -> bool {
    let (mut body, mut other_body) = (one.body.clone(), other.body.clone());
    strip(&mut body, &["RevisionId"]);
    strip(&mut other_body, &["RevisionId"]);
    (&one.operation, &one.path, body) == (&other.operation, &other.path, other_body)
}

/// Returns the warnings of a run without concurrent changes, all of which are wrong.
fn warnings(ended: &PluginOutput) -> Vec<String> {
    let warnings = ended.events.iter().filter(|event| event["event"] == "warning");
    warnings.map(|warning| format!("a wrong warning, {}", warning["code"])).collect()
}

/// Describes the end of a run in one line.
fn reported(ended: &PluginOutput) -> String {
    let error = &ended.finished()["error"];
    format!("{} {} ({})", ended.outcome(), ended.code(), error["message"].as_str().unwrap_or_default())
}

/// Plays the combinations whose names contain `FAULT`, and fails with those in which something is wrong.
#[track_caller]
fn play_each<T: Sync>(
    mut combinations: Vec<T>,
    at_once: usize,
    name: impl Fn(&T) -> String,
    play: impl Fn(&T) -> Result<(), String> + Sync,
) {
    let wanted = std::env::var("FAULT").unwrap_or_default();
    combinations.retain(|combination| name(combination).contains(&wanted));
    assert!(!combinations.is_empty(), "no combination matches");
    let mut wrong = problems(&combinations, at_once, name, play);
    wrong.sort();
    wrong.iter().for_each(|line| println!("{line}"));
    println!("{} combinations, {} wrong", combinations.len(), wrong.len());
    assert!(wrong.is_empty(), "{} of {} combinations failed", wrong.len(), combinations.len());
}

#[test]
#[ignore = "second tier: long"]
fn a_deployment_survives_transient_faults_and_reports_the_others_truly() {
    let directory = build_directory();
    let references: Vec<Reference> =
        SCENARIOS.iter().map(|scenario| Reference::of(scenario, directory.path())).collect();
    let (faults, mut combinations) = (call_faults(), Vec::new());
    for reference in &references {
        for (call, nth) in reference.affected() {
            let concerned = faults.iter().filter(|fault| (fault.affects)(call));
            let operation = call.operation.as_str();
            combinations.extend(concerned.map(|fault| Combination { reference, fault, operation, nth }));
        }
    }
    let play = |combination: &Combination<'_>| combination.play(directory.path());
    play_each(combinations, THREADS, Combination::name, play);
}
