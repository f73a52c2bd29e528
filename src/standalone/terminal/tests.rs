//! The exact text for given events.

mod ci_logs;
mod hostile;
mod outcomes;
mod plans;
mod releases;
mod steps;

use serde_json::{Value, json};

use super::*;
use crate::protocol::error::{AwsDetail, Code, ErrorReport, Problem, WarningCode};
use crate::protocol::event::{
    Change, CodeDeployDeployment, CodeState, Deployment, Finished, FunctionOutcome, FunctionPresence,
    ListOutcome, PROTOCOLS, Progress, Scope, UnmetCondition,
};
use crate::standalone::ci_log::CiLog;

const SCREEN: TerminalCapabilities =
    TerminalCapabilities { colour: false, width: Some(80), height: 24, live: false, unicode: true };
const NARROW: TerminalCapabilities = TerminalCapabilities { width: Some(40), ..SCREEN };
const LOG: TerminalCapabilities = TerminalCapabilities { width: None, ..SCREEN };
const COLOUR: TerminalCapabilities = TerminalCapabilities { colour: true, ..SCREEN };
const LIVE: TerminalCapabilities = TerminalCapabilities { live: true, ..SCREEN };
const ASCII: TerminalCapabilities = TerminalCapabilities { unicode: false, ..SCREEN };

/// Parts of the text of [`a_deployment`]: what comes before its plan, the plan, the steps from the end of
/// `verify` on, and the result up to the address.
const BEFORE_THE_PLAN: &str = "\
✓ not a pull request
✓ branch: want main, release/*, got main
warning[unknown-key]: `memory` is no option of a lambda stanza, it is ignored
  at environment.a/b
  hint: did you mean `memory_size`?
· access key AK****************** (environment), region eu-west-1
· packaged dist: 1 entry, 38 bytes unpacked, 152 bytes zipped
";
const STEPS_OF_THE_PLAN: &str = "\
plan: the function exists; 5 steps, 1 change
  update-function-code
  verify
  shift-traffic
  wait
  update-alias
    ~ alias.live  6 → the new version
";
const LAST_STEPS: &str = "\
✓ verify                  90 ms  version 7
✓ shift-traffic            4 ms  10 % of live to version 7
… wait  120 s
✓ wait                  120.0 s
✓ update-alias             5 ms  live at version 7
";
const DEPLOYED: &str = "\
deployed hello
  version   7
  alias     live, next
  previous  version 6
  code      uploaded, 3i5tMyoTJJcrubuNxRmFS7sSY3+WfXPMVwpWzl7GoSQ=
  region    eu-west-1
";

/// The logs with groups.
const LOGS: [CiLog; 5] = [CiLog::GitHubActions, CiLog::GitLab, CiLog::Azure, CiLog::Buildkite, CiLog::Travis];

/// The line of an event.
fn line(event: &Event) -> ChildLine {
    ChildLine::Event(Box::new(Line::new(event.clone())))
}

/// A line, as it is read from a child run.
fn read(line: &Value) -> ChildLine {
    serde_json::from_value(line.clone()).unwrap()
}

/// The line of an event of a list.
fn line_of(stanza: u32, name: &str, event: Event) -> ChildLine {
    let scope = Scope { stanza: Some(stanza), function_name: Some(name.to_owned()) };
    ChildLine::Event(Box::new(Line::of(event, scope)))
}

fn shown_lines(style: TerminalCapabilities, lines: &[ChildLine]) -> String {
    shown_in(style, LogGroups::default(), &[("", lines)])
}

/// What is shown in the log of a CI of these runs, each with its title. An empty title: it is the only one.
fn shown_in(
    style: TerminalCapabilities,
    groups: LogGroups,
    runs: &[(&str, impl AsRef<[ChildLine]>)],
) -> String {
    let mut out = Vec::new();
    let mut reporter = HumanReporter::new(&mut out, style).with_groups(groups);
    for (title, lines) in runs {
        if !title.is_empty() {
            reporter.heading(title).unwrap();
        }
        for line in lines.as_ref() {
            reporter.show(line, &|_: Option<u32>, _: &str| None).unwrap();
        }
    }
    reporter.end().unwrap();
    String::from_utf8(out).unwrap()
}

fn shown(style: TerminalCapabilities, events: &[Event]) -> String {
    shown_lines(style, &events.iter().map(line).collect::<Vec<_>>())
}

#[track_caller]
fn check(style: TerminalCapabilities, events: &[Event], expected: &str) {
    let shown = shown(style, events);
    assert_eq!(shown, expected, "\n{shown}");
}

fn change(field: &str, from: impl Into<Value>, to: impl Into<Value>) -> Change {
    Change { field: field.to_owned(), from: from.into(), to: to.into() }
}

fn step(step: StepName, changes: Vec<Change>) -> PlannedStep {
    PlannedStep { step, changes, waits_for: None, phase: None }
}

fn plan(steps: Vec<PlannedStep>) -> Plan {
    Plan { function: FunctionPresence::Exists, steps, basis: None }
}

/// A plan of one step.
fn planned(name: StepName, changes: Vec<Change>) -> Event {
    Event::Planned(plan(vec![step(name, changes)]))
}

fn a_plan() -> Event {
    let layer = |name: &str| format!("arn:aws:lambda:us-east-1:123456789012:layer:{name}");
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/service/{name}");
    let hashes =
        ["5TmRQrqIk0OAxCDyeOacC0BCftTbG8DVAKHwTPziMqI=", "3i5tMyoTJJcrubuNxRmFS7sSY3+WfXPMVwpWzl7GoSQ="];
    let settings = vec![
        change("timeout", 10, 20),
        change("description", "", "says good-bye"),
        change("environment.TOKEN", "[secure]", Value::Null),
        change("layers", Value::Null, vec![layer("a:1"), layer("b:2")]),
        change("role", role("run-a"), role("run-b")),
    ];
    Event::Planned(plan(vec![
        step(StepName::UpdateFunctionConfiguration, settings),
        step(StepName::UpdateFunctionCode, vec![change("code_sha256", hashes[0], hashes[1])]),
        step(StepName::PublishVersion, Vec::new()),
        step(
            StepName::AddPermission,
            vec![change("function_url.permission.lambda:InvokeFunctionUrl", Value::Null, "*")],
        ),
    ]))
}

fn started(step: StepName, target: StepTarget) -> Event {
    Event::StepStarted { step, function_name: "hello".to_owned(), target }
}

fn finished(step: StepName, duration_ms: u64, attempts: u32) -> Event {
    Event::StepFinished { step, duration_ms, attempts, request_id: Some("r".to_owned()) }
}

fn version_7() -> StepTarget {
    StepTarget { version: Some("7".to_owned()), ..StepTarget::default() }
}

fn live_at_7() -> StepTarget {
    StepTarget { alias: Some("live".to_owned()), ..version_7() }
}

fn checked(condition: Condition, met: bool, want: &str, got: &str) -> Event {
    let (want, got) = (want.to_owned(), got.to_owned());
    Event::ConditionChecked(ConditionResult { condition, met, want, got })
}

fn output(stream: Stream, line: &str) -> Event {
    Event::Output { stream, line: line.to_owned() }
}

fn hello() -> Event {
    let (name, version) = ("dpl-lambda".to_owned(), "0.1.0".to_owned());
    Event::Hello { protocol: PROTOCOLS.to_vec(), name, version, features: Vec::new() }
}

fn a_package(entries: u64, uncompressed_bytes: u64) -> Package {
    let (code_sha256, source) = ("3i5t".to_owned(), "dist".to_owned());
    Package { entries, uncompressed_bytes, zip_bytes: 152, code_sha256, source, layer: None }
}

fn a_live_function() -> Deployment {
    Deployment {
        function_arn: "arn".to_owned(),
        function_name: "hello".to_owned(),
        region: "eu-west-1".to_owned(),
        version: "7".to_owned(),
        alias: Some("live".to_owned()),
        aliases: vec!["live".to_owned(), "next".to_owned()],
        previous_version: Some("6".to_owned()),
        code_sha256: "3i5tMyoTJJcrubuNxRmFS7sSY3+WfXPMVwpWzl7GoSQ=".to_owned(),
        code: CodeState::Uploaded,
        function_url: Some("https://abc.lambda-url.eu-west-1.on.aws/".to_owned()),
        guard: None,
        codedeploy: None,
        reason: None,
        duration_ms: 121_500,
    }
}

fn a_deployment() -> Vec<Event> {
    let unknown = "`memory` is no option of a lambda stanza, it is ignored";
    let unknown = Warning::new(WarningCode::UnknownKey, unknown).hint("did you mean `memory_size`?");
    let steps = vec![
        step(StepName::UpdateFunctionCode, Vec::new()),
        step(StepName::Verify, Vec::new()),
        step(StepName::ShiftTraffic, Vec::new()),
        step(StepName::Wait, Vec::new()),
        step(StepName::UpdateAlias, vec![change("alias.live", "6", "the new version")]),
    ];
    vec![
        hello(),
        checked(Condition::PullRequest, true, "false", "false"),
        checked(Condition::Branch, true, "main, release/*", "main"),
        Event::Warning(unknown.at("/environment/a~1b")),
        Event::Identified {
            source: CredentialsSource::Environment,
            profile: None,
            access_key_id: "AK******************".to_owned(),
            region: "eu-west-1".to_owned(),
        },
        Event::Packaged(a_package(1, 38)),
        Event::Planned(plan(steps)),
        started(StepName::UpdateFunctionCode, StepTarget::default()),
        finished(StepName::UpdateFunctionCode, 1234, 2),
        started(StepName::Verify, version_7()),
        output(Stream::Stderr, "\u{1b}[32mok\u{1b}[0m\t1"),
        finished(StepName::Verify, 90, 1),
        started(StepName::ShiftTraffic, StepTarget { percent: Some(10), ..live_at_7() }),
        finished(StepName::ShiftTraffic, 4, 1),
        started(StepName::Wait, StepTarget { seconds: Some(120), ..StepTarget::default() }),
        finished(StepName::Wait, 120_000, 0),
        started(StepName::UpdateAlias, live_at_7()),
        finished(StepName::UpdateAlias, 5, 1),
        Event::Finished(Finished::Deployed(a_live_function())),
    ]
}

fn progress(done: u64) -> Event {
    Event::Progress(Progress::upload(done * 1_048_576, 40 * 1_048_576))
}

fn wait(seconds: u64) -> Event {
    Event::Progress(Progress::Wait { what: "the update".to_owned(), elapsed_ms: seconds * 1000 + 7 })
}

fn problem(code: Code, message: &str, at: &str, hint: Option<&str>) -> Problem {
    let (message, at, hint) = (message.to_owned(), Some(at.to_owned()), hint.map(str::to_owned));
    Problem { code, message, at, hint }
}

fn unmet(condition: Condition, want: &str, got: &str, message: &str) -> UnmetCondition {
    let (want, got, message) = (want.to_owned(), got.to_owned(), message.to_owned());
    UnmetCondition { condition, want, got, message }
}

fn failed(error: ErrorReport) -> Event {
    Event::Finished(Finished::failed(error, Vec::new()))
}

fn a_failure() -> Event {
    let message = "AWS refused UpdateFunctionCode: User: arn:aws:iam::123456789012:user/ci is not authorized";
    let hint = "the caller needs an IAM policy that allows this action on this function; \
        the statement below is the least that does";
    let error = ErrorReport {
        caused_by: vec!["service error".to_owned(), "AccessDeniedException".to_owned()],
        aws: Some(AwsDetail {
            operation: "UpdateFunctionCode".to_owned(),
            code: Some("AccessDeniedException".to_owned()),
            http_status: Some(403),
            request_id: Some("dc6c2ca7-354e-f802-1c43-555b979afe6e".to_owned()),
        }),
        log: vec!["START".to_owned(), "boom".to_owned()],
        policy_statement: Some(Box::new(Statement::allow(["lambda:UpdateFunctionCode"], ["*".to_owned()]))),
        ..ErrorReport::new(Code::AccessDenied, message).at("/role").hint(hint)
    };
    let changed = vec![StepName::UpdateFunctionConfiguration, StepName::PublishVersion];
    Event::Finished(Finished::Failed { error: Box::new(error), changed, allowed: true })
}

#[test]
fn several_stanzas_have_headings() {
    let checked = || [line(&Event::Finished(Finished::Checked {}))];
    let runs = [
        ("deploy 1 of 2: orders", checked()),
        ("a name that is longer\n than the terminal is wide", checked()),
    ];
    let expected = "\
── deploy 1 of 2: orders ───────────────
checked: the stanza is valid and its
  conditions are met

── a name that is lo…terminal is wide ──
checked: the stanza is valid and its
  conditions are met
";
    assert_eq!(shown_in(NARROW, LogGroups::default(), &runs), expected);
}

#[test]
fn an_unknown_event_is_reported_by_its_message_or_passed_over() {
    let lines =
        [json!({"event": "celebrated", "message": "hooray"}), json!({"event": "new"}), json!(7), json!([])];
    assert_eq!(shown_lines(SCREEN, &lines.each_ref().map(read)), "· hooray\n");
    let finished = json!({"event": "finished", "outcome": "promoted", "message": "m"});
    assert_eq!(shown_lines(SCREEN, &[read(&finished)]), "finished: m\n");
}

#[test]
fn a_key_is_shown_with_its_place_in_the_file() {
    let warning = |at: &str| Event::Warning(Warning::new(WarningCode::Deprecated, "m").at(at));
    let problem = |at: &str| problem(Code::BadValue, "wrong", at, None);
    let several = ErrorReport::from_problems(vec![problem("/timeout"), problem("/role")]);
    let one = ErrorReport::from_problems(vec![problem("/timeout")]);
    let mut out = Vec::new();
    let mut terminal = HumanReporter::new(&mut out, SCREEN);
    for event in [warning("/on/branch"), warning(""), failed(several), failed(one)] {
        let place = |_: Option<u32>, at: &str| Some(format!("f.yml:{}", at.len()));
        terminal.show(&line(&event), &place).unwrap();
    }
    let expected = "\
warning[deprecated]: m
  --> f.yml:10 (on.branch)
warning[deprecated]: m
  --> f.yml:0

error[bad-value]: wrong
  --> f.yml:8 (timeout)
error[bad-value]: wrong
  --> f.yml:5 (role)

failed: 2 problems
  nothing was changed
  more: dpl-lambda explain bad-value
error[bad-value]: wrong
  --> f.yml:8 (timeout)
  nothing was changed
  more: dpl-lambda explain bad-value
";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}
