//! Fault injection: every call of eight deployments, combined with every fault. Either the deployment
//! succeeds anyway, or the run reports correctly what it has changed and a second run of the same request
//! completes the deployment.
//!
//! `FAULT=part-of-a-name` selects combinations: `FAULT="update / PublishVersion"`.

mod scenarios;
mod shift;
mod together;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use lambda_endpoint::{Call, Endpoint, Fault, FaultKind};
use serde_json::{Map, Value, json};

use self::scenarios::{
    ALIASES, EVENT_INVOKE, EVENT_SOURCES, PROVISIONED, SCENARIOS, Scenario, VERSIONS, endpoint, nothing,
};
use crate::deployments::build_directory;
use crate::fixture::{problems, step_of, with_version_before};
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

/// Other AWS messages than "An update is in progress" (helix-deploy issue 83, serverless-application-model
/// issue 2356).
const CONCURRENT: &str = "The function could not be updated due to a concurrent update operation.";
const PENDING: &str = "The operation cannot be performed at this time. The function is currently in the following state: 'Pending'. StateReasonCode: 'Creating'";

/// A fault of a call, and the expected result.
struct StateReason {
    name: &'static str,
    /// The number of consecutive calls of the operation that it affects.
    times: u32,
    kind: FaultKind,
    /// True for the calls that it can affect.
    strikes: fn(&Call) -> bool,
    /// True if an affected call may still take effect.
    takes_effect: bool,
    /// The accepted results.
    expected: Expected,
}

/// The accepted results of a run with a fault.
#[derive(Clone, Copy)]
enum Expected {
    /// The deployment succeeds, as without the fault.
    Deployed,
    /// The deployment succeeds, or fails with this code.
    DeployedOr(&'static str),
    /// The deployment fails with this code.
    Failed(&'static str),
}

/// The accepted error codes, with their class and whether they are retryable.
const CODES: [(&str, &str, bool); 11] = [
    ("access-denied", "auth", false),
    ("conflict", "transient", true),
    ("creation-failed", "config", false),
    ("credentials-expired", "auth", false),
    ("function-gone", "transient", true),
    ("provisioning-failed", "quota", false),
    ("timed-out", "transient", true),
    ("unexpected-answer", "transient", true),
    ("update-failed", "config", false),
    ("verification-failed", "package", false),
    ("version-failed", "config", false),
];

fn troubles() -> Vec<StateReason> {
    use Expected::{Deployed, DeployedOr, Failed};
    let status = |status, code: &str, message: &str| FaultKind::Status {
        status,
        code: code.to_owned(),
        message: message.to_owned(),
        retry_after: None,
    };
    let unanswered = |name, times, kind, expected| {
        let (strikes, takes_effect): (fn(&Call) -> bool, _) = (|_| true, false);
        StateReason { name, times, kind, strikes, takes_effect, expected }
    };
    let handled = |name, kind, strikes, expected| StateReason {
        name,
        times: 1,
        kind,
        strikes,
        takes_effect: true,
        expected,
    };
    let (reason_code, reason) = ("InternalError".to_owned(), "Something broke.".to_owned());
    let update_fails = FaultKind::UpdateFails { reason_code: reason_code.clone(), reason: reason.clone() };
    let provision_fails = FaultKind::ProvisionFails { reason: reason.clone() };
    let publish_fails = FaultKind::PublishFails { reason_code: reason_code.clone(), reason: reason.clone() };
    let create_fails = FaultKind::CreateFails { reason_code, reason };
    let throttled_after = FaultKind::StatusAfter {
        status: 429,
        code: "TooManyRequestsException".to_owned(),
        message: "Rate Exceeded.".to_owned(),
    };
    let (busy, hang) = (Duration::from_millis(300), Duration::from_secs(30));
    let conflict = "ResourceConflictException";
    let throttled = status(429, "TooManyRequestsException", "Rate Exceeded.");
    let denied = status(403, "AccessDeniedException", "User is not authorized to perform this action");
    let expired =
        status(403, "ExpiredTokenException", "The security token included in the request is expired");
    vec![
        unanswered("throttled-twice", 2, throttled, Deployed),
        unanswered("500-twice", 2, status(500, "ServiceException", "An error occurred."), Deployed),
        unanswered("503-twice", 2, status(503, "ServiceUnavailableException", ""), Deployed),
        unanswered("html-503", 1, FaultKind::Html { status: 503 }, Deployed),
        unanswered("reset-before", 1, FaultKind::ResetBefore, Deployed),
        StateReason {
            strikes: |call| call.body_bytes > 0,
            ..unanswered("reset-during", 1, FaultKind::ResetDuring { after_bytes: 20 }, Deployed)
        },
        StateReason {
            strikes: may_conflict,
            ..unanswered("busy", 1, FaultKind::Busy { for_: busy }, Deployed)
        },
        StateReason {
            strikes: may_conflict,
            ..unanswered("concurrent", 2, status(409, conflict, CONCURRENT), Deployed)
        },
        StateReason {
            strikes: may_conflict,
            ..unanswered("pending", 2, status(409, conflict, PENDING), Deployed)
        },
        unanswered("hang", 1, FaultKind::Hang { for_: hang }, DeployedOr("timed-out")),
        unanswered("html-200", 1, FaultKind::Html { status: 200 }, DeployedOr("unexpected-answer")),
        unanswered("empty-200", 1, FaultKind::Empty { status: 200 }, DeployedOr("unexpected-answer")),
        unanswered("access-denied", 1, denied, Failed("access-denied")),
        unanswered("expired", 1, expired, Failed("credentials-expired")),
        handled("reset-after", FaultKind::ResetAfter, |_| true, Deployed),
        handled(
            "deleted",
            FaultKind::DeleteFunction,
            // A mapping outlives its function, so the wait for it ends as usual. CodeDeploy's calls name no
            // function.
            |call| !creates(call) && call.operation != "GetEventSourceMapping" && !is_for_codedeploy(call),
            Failed("function-gone"),
        ),
        handled("touched", FaultKind::TouchFunction, |call| !creates(call), DeployedOr("conflict")),
        handled("create-fails", create_fails, creates, Failed("creation-failed")),
        // The version exists anyway (terraform-provider-aws issue 29907).
        handled("throttled-after", throttled_after, publishes, Deployed),
        handled("publish-fails", publish_fails, publishes, Failed("version-failed")),
        // AWS accepts these calls and answers with success, but they never take effect.
        StateReason {
            takes_effect: false,
            ..handled("update-fails", update_fails, updates, Failed("update-failed"))
        },
        StateReason {
            takes_effect: false,
            ..handled("provision-fails", provision_fails, provisions, Failed("provisioning-failed"))
        },
    ]
}

fn changes(call: &Call) -> bool {
    !call.is_read() && !invokes(call)
}

/// True if Lambda may refuse the call because of another client's change.
fn may_conflict(call: &Call) -> bool {
    changes(call) && !creates(call) && !is_for_codedeploy(call)
}

fn is_for_codedeploy(call: &Call) -> bool {
    call.path == "/"
}

fn invokes(call: &Call) -> bool {
    call.operation == "Invoke"
}

fn provisions(call: &Call) -> bool {
    call.operation == "PutProvisionedConcurrencyConfig"
}

fn creates(call: &Call) -> bool {
    call.operation == "CreateFunction"
}

fn publishes(call: &Call) -> bool {
    call.operation == "PublishVersion"
}

fn updates(call: &Call) -> bool {
    ["UpdateFunctionCode", "UpdateFunctionConfiguration"].contains(&call.operation.as_str())
}

/// A deployment without faults, as the reference.
struct KnownSecrets {
    scenario: &'static Scenario,
    calls: Vec<Call>,
    /// The final state.
    end: End,
    /// The final state of a deployment for which no function existed.
    anew: End,
    /// Warnings that are wrong.
    problems: Vec<String>,
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

impl KnownSecrets {
    fn of(scenario: &'static Scenario, directory: &Path) -> Self {
        let run = |before: fn(&Endpoint)| {
            let endpoint = endpoint();
            before(&endpoint);
            let ended = PluginCommand::new(&[]).directory(directory).run(&scenario.request(&endpoint));
            assert_eq!(ended.outcome(), "deployed", "{}: {}", scenario.name, ended.stdout);
            let previous_version = ended.finished()["previous_version"].clone();
            let end = End { state: state(&endpoint), reported: last_line(&ended), previous_version };
            (end, endpoint.calls(), warnings(&ended))
        };
        let ((end, calls, mut problems), (anew, _, others)) = (run(scenario.before), run(nothing));
        problems.extend(others);
        KnownSecrets { scenario, calls, end, anew, problems }
    }

    /// True if the call comes after PublishVersion: a later change by another client is not in our version.
    fn is_after_publication(&self, operation: &str, nth: usize) -> bool {
        let published = self.calls.iter().position(|call| call.operation == "PublishVersion");
        let mut same = (0..self.calls.len()).filter(|place| self.calls[*place].operation == operation);
        published.is_some_and(|published| same.nth(nth).is_some_and(|place| place > published))
    }

    /// Every call that a fault can affect, with the number of earlier calls of its operation.
    fn struck(&self) -> Vec<(&Call, usize)> {
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
    for name in ["RevisionId", "LastModified", "LastModifiedTime", "CreationTime", "FunctionUrl"] {
        strip(&mut state, name);
    }
    state
}

/// Returns a list as a map, so that the list of differences shows the names.
fn keyed(list: &Value, key: &str) -> Value {
    let items = list.as_array().into_iter().flatten();
    items
        .map(|item| (item[key].as_str().unwrap_or_default().to_owned(), with_version_before(item)))
        .collect::<Map<_, _>>()
        .into()
}

fn strip(value: &mut Value, name: &str) {
    match value {
        Value::Object(members) => {
            members.remove(name);
            members.values_mut().for_each(|member| strip(member, name));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strip(item, name)),
        _ => {}
    }
}

/// Lists every difference between two values, with its pointer.
fn differences(expected: &Value, actual: &Value, at: &str) -> Vec<String> {
    match (expected, actual) {
        (Value::Object(left), Value::Object(right)) => {
            let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            let within = |name: &String| differences(&expected[name], &actual[name], &format!("{at}/{name}"));
            names.into_iter().flat_map(within).collect()
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            let within = |place: usize| differences(&left[place], &right[place], &format!("{at}/{place}"));
            (0..left.len()).flat_map(within).collect()
        }
        _ if expected == actual => Vec::new(),
        _ => vec![format!("{at} is {actual}, not {expected}")],
    }
}

/// A fault at one call of a deployment.
struct Combination<'a> {
    learnt: &'a KnownSecrets,
    trouble: &'a StateReason,
    operation: &'a str,
    /// The number of earlier calls of the operation.
    nth: usize,
}

impl Combination<'_> {
    fn name(&self) -> String {
        format!("{} / {}#{} / {}", self.learnt.scenario.name, self.operation, self.nth, self.trouble.name)
    }

    /// Runs the deployment, and again without the fault if it failed. The error says what is wrong.
    fn play(&self, directory: &Path) -> Result<(), String> {
        let endpoint = endpoint();
        (self.learnt.scenario.before)(&endpoint);
        endpoint.fault(Fault {
            operation: Some(self.operation.to_owned()),
            after: u32::try_from(self.nth).expect("a few calls"),
            times: self.trouble.times,
            kind: self.trouble.kind.clone(),
        });
        let mut request = self.learnt.scenario.request(&endpoint);
        if matches!(self.trouble.kind, FaultKind::Hang { .. }) {
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
        match self.trouble.kind {
            // What goes around the alias is read for warnings only.
            _ if self.denies_optional_read() => Expected::Deployed,
            // If the function is deleted before the first read, the deployment simply creates a function.
            _ if self.creates_anew() => Expected::Deployed,
            // If the function is deleted before a version of it is deleted, AWS reports that the version does
            // not exist, which counts as success.
            FaultKind::DeleteFunction if self.prunes() => Expected::Deployed,
            // A version that does not answer has failed its check.
            FaultKind::Hang { .. } if self.operation == "Invoke" => Expected::Failed("verification-failed"),
            _ => self.trouble.expected,
        }
    }

    /// True if the fault denies a read that only warnings need.
    fn denies_optional_read(&self) -> bool {
        let stanza = (self.learnt.scenario.stanza)();
        // The first reads are about the versions that are to be deleted, one for each.
        let deletes = |call: &&Call| call.operation == "DeleteFunction";
        let is_of_caller = self.nth >= self.learnt.calls.iter().filter(deletes).count();
        let is_optional = match self.operation {
            "GetFunctionUrlConfig" => stanza["function_url"].is_null(),
            "GetPolicy" => stanza["function_url"].is_null() && is_of_caller,
            "ListEventSourceMappings" => stanza["follow_alias"].is_null() && is_of_caller,
            _ => false,
        };
        self.trouble.name == "access-denied" && is_optional
    }

    fn creates_anew(&self) -> bool {
        self.is_deletion() && (self.operation, self.nth) == ("GetFunction", 0)
    }

    fn prunes(&self) -> bool {
        self.operation == "DeleteFunction"
    }

    fn is_deletion(&self) -> bool {
        self.trouble.kind == FaultKind::DeleteFunction
    }

    fn is_touch(&self) -> bool {
        self.trouble.kind == FaultKind::TouchFunction
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
            (&self.learnt.end.previous_version, &ended.finished()["previous_version"]);
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
        let end = if self.is_deletion() { &self.learnt.anew } else { &self.learnt.end };
        let (mut expected, mut actual) = (end.state.clone(), state(endpoint));
        let names_it = (self.learnt.scenario.stanza)()["description"].is_string();
        for state in [&mut expected, &mut actual] {
            if self.is_deletion() {
                // A mapping outlives its function, and a creation moves none.
                strip(state, "event_sources");
            }
            if self.is_touch() && !names_it {
                // The other client's description stays, unless the stanza sets one.
                strip(state, "Description");
            } else if self.is_touch() && self.learnt.is_after_publication(self.operation, self.nth) {
                strip(&mut state["function"], "Description");
                strip(&mut state["versions"]["$LATEST"], "Description");
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
        let by_codedeploy = (self.learnt.scenario.stanza)()["codedeploy"].is_object();
        let steps = changes.filter(|call| !by_codedeploy || call.operation != "UpdateAlias");
        steps.map(|call| step_of(&call.operation)).collect()
    }

    /// Returns the changes and invocations that took effect, in order, each once.
    fn effective<'a>(&self, calls: &'a [Call]) -> Vec<&'a Call> {
        let struck = self.nth..self.nth + self.trouble.times as usize;
        let mut seen = 0;
        let mut effective: Vec<(usize, &Call)> = Vec::new();
        for (place, call) in calls.iter().enumerate() {
            let mut is_struck = false;
            if call.operation == self.operation {
                is_struck = struck.contains(&seen);
                seen += 1;
            }
            let took_effect = match call.status {
                0 | 429 => is_struck && self.trouble.takes_effect,
                200..300 => !is_struck || self.trouble.takes_effect,
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
    strip(&mut body, "RevisionId");
    strip(&mut other_body, "RevisionId");
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

#[test]
#[ignore = "second tier: long"]
fn a_deployment_survives_transient_faults_and_reports_the_others_truly() {
    let directory = build_directory();
    let learnt: Vec<KnownSecrets> =
        SCENARIOS.iter().map(|scenario| KnownSecrets::of(scenario, directory.path())).collect();
    let (troubles, wanted) = (troubles(), std::env::var("FAULT").unwrap_or_default());
    let mut combinations = Vec::new();
    for learnt in &learnt {
        for (call, nth) in learnt.struck() {
            let concerned = troubles.iter().filter(|trouble| (trouble.strikes)(call));
            let operation = call.operation.as_str();
            combinations.extend(concerned.map(|trouble| Combination { learnt, trouble, operation, nth }));
        }
    }
    combinations.retain(|combination| combination.name().contains(&wanted));
    assert!(!combinations.is_empty(), "no combination matches");
    let mut wrong =
        problems(&combinations, THREADS, Combination::name, |combination| combination.play(directory.path()));
    for learnt in &learnt {
        wrong.extend(
            learnt.problems.iter().map(|problem| format!("{} / nothing: {problem}", learnt.scenario.name)),
        );
    }
    wrong.sort();
    wrong.iter().for_each(|line| println!("{line}"));
    println!("{} combinations, {} wrong", combinations.len(), wrong.len());
    assert!(wrong.is_empty(), "{} of {} combinations failed", wrong.len(), combinations.len());
}
