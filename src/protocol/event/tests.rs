//! Each line that is written is read back as the same line.

use super::*;
use crate::protocol::error::{AwsDetail, Class, Code, ErrorReport, Problem, WarningCode};
use crate::protocol::policy_document::Statement;
use serde_json::{Value, json};

/// One example of each variant of an enum. Does not compile if a variant has no row.
macro_rules! each_variant {
    ($($variant:pat => $example:expr,)*) => {{
        let examples = [$($example),*];
        match &examples[0] { $($variant => {})* }
        let mut rest = examples.iter();
        $(assert!(matches!(rest.next(), Some($variant)), "the example is of another variant");)*
        examples
    }};
}

/// All variants of an enum that have no fields. Does not compile if one is missing.
macro_rules! each_name {
    ($enum:ident: $($variant:ident)*) => {
        each_variant! { $($enum::$variant => $enum::$variant,)* }
    };
}

/// Also as an event of a list, whose function is known or not.
#[track_caller]
fn is_read_back(event: Event) {
    let scope = |name: Option<&str>| Scope { stanza: Some(7), function_name: name.map(text) };
    for scope in [Scope::default(), scope(None), scope(Some("orders"))] {
        line_is_read_back(Line::of(event.clone(), scope));
    }
}

#[track_caller]
fn line_is_read_back(line: Line) {
    let line = Line { time: Some(text("2026-11-01T12:00:00.000Z")), ..line };
    let json = line.to_json();
    assert!(crate::protocol::json::parse(json.as_bytes()).is_ok(), "no key is there twice: {json}");
    let read =
        |json: &str| serde_json::from_str::<Line>(json).unwrap_or_else(|error| panic!("{error}: {json}"));
    assert_eq!(read(&json), line, "{json}");
    assert_eq!(read(&json).to_json(), json);
    let with_new_key = json.replacen('{', r#"{"a_new_key":[{}],"#, 1);
    assert_eq!(read(&with_new_key), line, "a reader ignores unknown keys");
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn package() -> Package {
    Package {
        entries: 3,
        uncompressed_bytes: u64::MAX,
        zip_bytes: 0,
        code_sha256: text("5TmRQrqIk0OAxCDyeOacC0BCftTbG8DVAKHwTPziMqI="),
        source: text("dist \"ü\"\n"),
        layer: Some(text("deps")),
    }
}

fn plan() -> Plan {
    let values = [
        json!(null),
        json!(""),
        json!("the new version"),
        json!(-1),
        json!(u64::MAX),
        json!(0.1),
        json!(true),
        json!(["a", null]),
        json!({"a": {"b": []}}),
    ];
    let from_null = values.iter().map(|to| Change { field: text("a.b"), from: Value::Null, to: to.clone() });
    let changes = from_null.chain([Change { field: text("c"), from: json!(10), to: Value::Null }]).collect();
    Plan {
        function: FunctionPresence::Exists,
        steps: vec![
            PlannedStep {
                step: StepName::UpdateFunctionConfiguration,
                changes,
                waits_for: None,
                phase: None,
            },
            PlannedStep {
                step: StepName::UpdateFunctionCode,
                changes: Vec::new(),
                waits_for: Some(WaitsFor::FunctionUpdated),
                phase: Some(Phase::Prepare),
            },
        ],
        basis: Some(Box::new(PlanBasis {
            function_name: text("hello"),
            account_id: Some(text("123456789012")),
            region: text("eu-west-1"),
            revision_id: None,
            code_sha256: Some(text("3i5t")),
            aliases: vec![AliasBasis {
                name: text("live"),
                version: text("6"),
                revision_id: Some(text("r")),
            }],
        })),
    }
}

fn deployment() -> Deployment {
    Deployment {
        function_arn: text("arn:aws:lambda:eu-west-1:123456789012:function:hello"),
        function_name: text("hello"),
        region: text("eu-west-1"),
        version: text("7"),
        alias: Some(text("live")),
        aliases: vec![text("live"), text("next")],
        previous_version: Some(text("6")),
        code_sha256: text("3i5t"),
        code: CodeState::Uploaded,
        function_url: Some(text("https://abc.lambda-url.eu-west-1.on.aws/")),
        guard: Some(Box::new(GuardSummary {
            state: GuardState::Undecided,
            alarms: vec![text("shop-5xx")],
            ignored: Vec::new(),
            errors: guard_check().errors,
            watched_seconds: 600,
        })),
        codedeploy: Some(CodeDeployDeployment {
            deployment_id: text("d-ABCDEF123"),
            status: text("InProgress"),
        }),
        reason: None,
        duration_ms: 121_500,
    }
}

fn guard_check() -> GuardCheck {
    let counts = |version, invocations, errors| VersionCounts { version: text(version), invocations, errors };
    GuardCheck {
        state: GuardState::Passed,
        percent: 10,
        alarms: vec![
            GuardAlarm { name: text("shop-5xx"), state: AlarmState::InsufficientData, ignored: false },
            GuardAlarm { name: text("ü, x"), state: AlarmState::Alarm, ignored: true },
        ],
        errors: Some(ErrorCounts { new: counts("8", 340, 12), previous: counts("7", u64::MAX, 0) }),
        remaining_seconds: 540,
    }
}

fn statement() -> Box<Statement> {
    Box::new(Statement::pass_role("arn:aws:iam::123456789012:role/run").named("PassRole"))
}

fn warning() -> Warning {
    let mut warning = Warning::new(WarningCode::WouldBeRefused, "warning: a; b; c").hint("b; c").at("/a~1b");
    warning.policy_statement = Some(statement());
    warning
}

fn error() -> ErrorReport {
    let problem =
        Problem { code: Code::MissingKey, message: text("no role"), at: None, hint: Some(text("h")) };
    ErrorReport {
        caused_by: vec![text("service error")],
        at: Some(text("/role")),
        hint: Some(text("a hint\nof two lines")),
        aws: Some(AwsDetail {
            operation: text("UpdateFunctionCode"),
            code: Some(text("AccessDeniedException")),
            http_status: Some(403),
            request_id: None,
        }),
        policy_statement: Some(statement()),
        log: vec![text("START"), String::new()],
        problems: vec![problem],
        ..ErrorReport::new(Code::AccessDenied, "no")
    }
}

#[test]
fn every_event_is_read_back_as_it_was_written() {
    let events = each_variant! {
        Event::Hello { .. } => {
            Event::Hello {
                protocol: PROTOCOLS.to_vec(),
                name: text("dpl-lambda"),
                version: text("0.1.0"),
                features: vec![text("stanzas"), text("plan")],
            }
        },
        Event::Identified { .. } => Event::Identified {
            source: CredentialsSource::Profile,
            profile: Some(text("dev")),
            access_key_id: text("AK**"),
            region: text("eu-west-1"),
        },
        Event::ConditionChecked(_) => Event::ConditionChecked(ConditionResult {
            condition: Condition::Branch,
            met: false,
            want: text("main"),
            got: String::new(),
        }),
        Event::Progress(_) => Event::Progress(Progress::upload(1, 2)),
        Event::Packaged(_) => Event::Packaged(package()),
        Event::Planned(_) => Event::Planned(plan()),
        Event::Phase { .. } => {
            Event::Phase { phase: Phase::GoLive, release: text("shop-1.0"), functions: 6 }
        },
        Event::StepStarted { .. } => Event::StepStarted {
            step: StepName::ShiftTraffic,
            function_name: text("hello"),
            target: StepTarget {
                alias: Some(text("live")),
                version: Some(text("$LATEST")),
                check: Some(u32::MAX),
                check_name: Some(text("orders")),
                percent: Some(100),
                seconds: Some(u64::MAX),
                event_source: Some(text("hello")),
                layer: Some(text("deps")),
            },
        },
        Event::StepFinished { .. } => {
            Event::StepFinished { step: StepName::Wait, duration_ms: 0, attempts: 0, request_id: None }
        },
        Event::GuardChecked(_) => Event::GuardChecked(guard_check()),
        Event::Output { .. } => {
            Event::Output { stream: Stream::Stderr, line: text("\u{1b}[31m\t##[x]\u{0}") }
        },
        Event::Warning(_) => Event::Warning(warning()),
        Event::Finished(_) => Event::Finished(Finished::Checked {}),
    };
    events.into_iter().for_each(is_read_back);
}

#[test]
fn every_task_is_read_back_as_it_was_written() {
    let tasks = each_variant! {
        Progress::Package { .. } => Progress::package(0, u64::MAX),
        Progress::Upload { .. } => Progress::upload(5, 7),
        Progress::Wait { .. } => Progress::Wait { what: text("the update"), elapsed_ms: 5007 },
    };
    tasks.into_iter().for_each(|task| is_read_back(Event::Progress(task)));
}

#[test]
fn every_outcome_is_read_back_as_it_was_written() {
    let unmet = |condition| UnmetCondition { condition, want: text("a"), got: text("b"), message: text("c") };
    let outcomes = each_variant! {
        Finished::Deployed(_) => Finished::Deployed(deployment()),
        Finished::Unchanged(_) => {
            let reason = Some("the last release did not move it".into());
            Finished::Unchanged(Deployment { code: CodeState::Unchanged, reason, ..deployment() })
        },
        Finished::Planned(_) => Finished::Planned(plan()),
        Finished::Checked {} => Finished::Checked {},
        Finished::Packaged { .. } => Finished::Packaged { package: package(), output: text("out.zip") },
        Finished::Skipped { .. } => Finished::Skipped { unmet: vec![unmet(Condition::Tags)] },
        Finished::Failed { .. } => Finished::Failed {
            error: Box::new(error()),
            changed: vec![StepName::CreateFunction],
            allowed: true,
        },
        Finished::Stopped { .. } => Finished::Stopped {
            changed: vec![StepName::UpdateAlias],
            restored: vec![text("live")],
            left: vec![text("next")],
        },
        Finished::List(_) => list(vec![Finished::Checked {}]),
    };
    // Each one is also read back within a list.
    let lists = outcomes.iter().take(outcomes.len() - 1).map(|outcome| list(vec![outcome.clone()]));
    let lists: Vec<Finished> = lists.collect();
    outcomes.into_iter().chain(lists).for_each(|outcome| is_read_back(Event::Finished(outcome)));
}

/// The result for stanzas that ended so.
fn list(outcomes: Vec<Finished>) -> Finished {
    let functions = (0..).zip(outcomes).map(|(stanza, finished)| {
        let name = (stanza > 0).then(|| format!("function-{stanza}"));
        let release = (stanza == 0).then(|| text("shop"));
        FunctionOutcome { release, ..FunctionOutcome::of(stanza, name, finished) }
    });
    let list = ListOutcome::of(functions.collect(), vec![StepName::UpdateFunctionCode], 9120);
    Finished::List(Box::new(list))
}

#[test]
fn the_result_of_a_list_is_that_of_the_stanza_that_decides() {
    let failed = |code, allowed| Finished::Failed {
        error: Box::new(ErrorReport::new(code, "m")),
        changed: Vec::new(),
        allowed,
    };
    let skipped = || Finished::Skipped { unmet: Vec::new() };
    let deployed = || Finished::Deployed(deployment());
    for (outcomes, outcome, failure) in [
        (vec![skipped(), Finished::Unchanged(deployment()), deployed()], Outcome::Deployed, None),
        (vec![skipped(), Finished::Unchanged(deployment())], Outcome::Unchanged, None),
        (vec![skipped(), Finished::Checked {}], Outcome::Checked, None),
        (vec![skipped(), skipped()], Outcome::Skipped, None),
        (vec![deployed(), Finished::Planned(plan())], Outcome::Deployed, None),
        (vec![failed(Code::Conflict, true), deployed()], Outcome::Failed, Some((0, true))),
        (
            vec![failed(Code::Conflict, true), failed(Code::Throttled, false), Finished::stopped(Vec::new())],
            Outcome::Failed,
            Some((1, false)),
        ),
    ] {
        let Finished::List(list) = list(outcomes) else { unreachable!("made as a list") };
        let found = list.failure().map(|failure| (failure.stanza, list.allowed));
        assert_eq!((list.outcome, found), (outcome, failure));
        assert_eq!(list.error.is_some(), failure.is_some());
        assert_eq!(list.changed.is_empty(), failure.is_none());
    }
}

#[test]
fn the_text_of_an_event_of_a_list_begins_with_its_function() {
    let line =
        |event, name: Option<&str>| Line::of(event, Scope { stanza: Some(3), function_name: name.map(text) });
    let wait = || Event::Progress(Progress::Wait { what: text("the update"), elapsed_ms: 5007 });
    let named = line(wait(), Some("orders"));
    assert_eq!(named.message, "orders: waiting for the update (5 s)");
    assert_eq!(named.text(), "waiting for the update (5 s)");
    assert_eq!(line(wait(), None).message, "stanza 3: waiting for the update (5 s)");
    let started = Event::StepStarted {
        step: StepName::UpdateFunctionCode,
        function_name: text("orders"),
        target: StepTarget::default(),
    };
    let started = line(started, Some("orders"));
    assert_eq!((started.message.as_str(), started.text()), ("orders: Updating code.", "Updating code."));
    let error = ErrorReport::new(Code::Conflict, "no").hint("h");
    let failed = Finished::failed(error, Vec::new());
    let ended = line(Event::Finished(list(vec![Finished::Checked {}, failed])), Some("function-1"));
    assert_eq!(
        ended.message,
        "failed: function-1: no; h (already done: update-function-code); after 9.1 s: stanza 0 checked, \
         function-1 failed"
    );
}

#[test]
fn the_text_of_a_failure_has_its_problems() {
    let problem = |number: usize| Problem {
        code: Code::BadValue,
        message: format!("p{number}"),
        at: None,
        hint: (number == 0).then(|| text("h")),
    };
    let failed = |number| {
        let error = ErrorReport::from_problems((0..number).map(problem).collect());
        Line::new(Event::Finished(Finished::failed(error, vec![StepName::TagResource]))).message
    };
    assert_eq!(failed(2), "failed: p0; h; p1 (already done: tag-resource)");
    let many =
        "failed: p0; h; p1; p2; p3; p4; p5; p6; p7; p8; p9; and 1 more problem (already done: tag-resource)";
    assert_eq!(failed(11), many);
}

#[test]
fn a_hint_says_that_nothing_was_changed_only_where_that_is_true() {
    let refused = |changed| {
        Finished::failed(
            ErrorReport::new(Code::TrafficShared, "no").hint("wait; nothing was changed"),
            changed,
        )
    };
    for (finished, expected) in [
        (refused(Vec::new()), "failed: no; wait; nothing was changed"),
        (refused(vec![StepName::PublishVersion]), "failed: no; wait (already done: publish-version)"),
        (
            list(vec![Finished::Checked {}, refused(Vec::new())]),
            "failed: function-1: no; wait (already done: update-function-code); after 9.1 s: stanza 0 checked, \
             function-1 failed",
        ),
    ] {
        assert_eq!(Line::new(Event::Finished(finished)).message, expected);
    }
}

#[test]
fn the_text_of_a_list_that_failed_has_every_error_and_where_aliases_are() {
    let failed = |message: &str| Finished::failed(ErrorReport::new(Code::Conflict, message), Vec::new());
    let stopped = Finished::Stopped {
        changed: Vec::new(),
        restored: vec![text("live")],
        left: vec![text("a"), text("b")],
    };
    let ended = list(vec![failed("no"), failed("nor this"), stopped, Finished::stopped(Vec::new())]);
    assert_eq!(
        Line::new(Event::Finished(ended)).message,
        "failed: stanza 0: no (already done: update-function-code); after 9.1 s: stanza 0 failed, function-1 \
         failed (nor this), function-2 stopped (sent back: live; not sent back: a, b), function-3 stopped"
    );
}

#[test]
fn the_texts_of_a_release_name_it_and_what_has_moved() {
    let phase = Event::Phase { phase: Phase::SendBack, release: text("shop"), functions: 1 };
    assert_eq!(Line::new(phase).message, "release shop: send-back (1 function)");
    let stopped = |restored: &[&str], left: &[&str], changed: &[StepName]| {
        let texts = |aliases: &[&str]| aliases.iter().map(|alias| text(alias)).collect();
        let stopped =
            Finished::Stopped { changed: changed.to_vec(), restored: texts(restored), left: texts(left) };
        Line::new(Event::Finished(stopped)).message
    };
    assert_eq!(stopped(&[], &[], &[]), "stopped before it was deployed");
    assert_eq!(
        stopped(&["live"], &["a", "b"], &[StepName::PublishVersion]),
        "stopped before it was deployed; sent back: live; not sent back: a, b (already done: publish-version)"
    );
}

#[test]
fn what_is_absent_is_read_back_as_absent() {
    let bare = Deployment {
        alias: None,
        aliases: Vec::new(),
        previous_version: None,
        function_url: None,
        guard: None,
        codedeploy: None,
        ..deployment()
    };
    for event in [
        Event::StepStarted {
            step: StepName::Wait,
            function_name: text("hello"),
            target: StepTarget::default(),
        },
        Event::GuardChecked(GuardCheck { alarms: Vec::new(), errors: None, ..guard_check() }),
        Event::Warning(Warning::new(WarningCode::Overtaken, "m")),
        Event::Warning(Warning::new(WarningCode::Overtaken, "").hint("")),
        Event::Finished(Finished::Deployed(bare)),
        Event::Finished(Finished::Planned(Plan {
            function: FunctionPresence::Absent,
            steps: Vec::new(),
            basis: None,
        })),
        Event::Finished(Finished::Skipped { unmet: Vec::new() }),
        Event::Finished(Finished::failed(ErrorReport::new(Code::Internal, "m"), Vec::new())),
    ] {
        is_read_back(event);
    }
}

#[test]
fn control_characters_of_a_warning_are_read_back_as_spaces() {
    let warning = Warning::new(WarningCode::Deprecated, "a\nb").hint("c\td");
    let json = Line::new(Event::Warning(warning.clone())).to_json();
    let read = serde_json::from_str::<Line>(&json).expect("a line").event;
    assert_eq!(read, Event::Warning(Warning { message: text("a b"), ..warning }));
}

#[test]
fn every_name_is_read_back_as_it_was_written() {
    fn check<T>(names: impl IntoIterator<Item = T>)
    where
        T: Copy + PartialEq + std::fmt::Debug + Serialize + for<'de> Deserialize<'de>,
    {
        for value in names {
            assert_eq!(serde_json::from_value::<T>(json!(value)).expect("a name"), value);
        }
    }
    check(Code::ALL.iter().copied());
    check(WarningCode::ALL.iter().copied());
    check(StepName::ALL.iter().copied());
    check(each_name!(Class: Config Package Auth Quota Transient Interrupted Command Internal));
    check(each_name!(Condition: PullRequest Repo Branch Runtime Condition Tags Job));
    check(each_name!(CodeState: Uploaded Unchanged));
    check(each_name!(Outcome: Failed Deployed Planned Unchanged Checked Packaged Skipped Stopped));
    check(each_name!(Phase: Judge Package Read Plan Prepare GoLive SendBack CleanUp));
    check(each_name!(GuardState: Passed Undecided Fired));
    check(each_name!(AlarmState: Ok Alarm InsufficientData));
    check(each_name!(CredentialsSource:
        Stanza Environment Profile WebIdentity AssumedRole Container Instance
    ));
    check(each_name!(WaitsFor:
        FunctionActive FunctionUpdated VersionActive ScalingApplied ProvisionedConcurrencyReady
        EventSourceMappingSettled DeploymentEnded
    ));
    check(each_name!(Stream: Stdout Stderr Log));
    check(each_name!(FunctionPresence: Absent Exists));
}

#[test]
fn a_name_is_shown_as_it_is_in_json() {
    assert_eq!(Phase::GoLive.to_string(), "go-live");
    assert_eq!(AlarmState::InsufficientData.to_string(), "INSUFFICIENT_DATA");
    for step in StepName::ALL {
        assert_eq!(json!(step), json!(step.as_str()));
    }
}
