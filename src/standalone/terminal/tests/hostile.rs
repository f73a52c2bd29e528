//! Events with hostile text, and lines that are no events of this version.

use super::*;

/// At least one event of each kind, as JSON.
fn all_events() -> Vec<Value> {
    let mut events = a_deployment();
    let package = a_package(3, 2048);
    let unmet = unmet(Condition::Tags, "a", "b", "c");
    let problem = problem(Code::BadValue, "m", "/a", Some("h"));
    let error = ErrorReport::from_problems(vec![problem.clone(), problem]);
    events.extend([a_plan(), a_failure(), progress(20), wait(5), failed(error)]);
    events.extend([
        Event::Finished(Finished::Skipped { unmet: vec![unmet] }),
        Event::Finished(Finished::Packaged { package, output: "o".to_owned() }),
        checked(Condition::Tags, false, "a", "b"),
        started(StepName::Wait, live_at_7()),
    ]);
    let mut events: Vec<Value> = events.into_iter().map(|event| json!(Line::new(event))).collect();
    events.push(json!({"event": "unknown", "message": "m"}));
    events
}

/// The JSON pointers of all values in a value.
fn pointers(value: &Value) -> Vec<String> {
    let below = |key: &str, value: &Value| {
        let at = format!("/{}", key.replace('~', "~0").replace('/', "~1"));
        let inner = pointers(value).into_iter().map(|inner| format!("{at}{inner}"));
        std::iter::once(at.clone()).chain(inner).collect::<Vec<_>>()
    };
    match value {
        Value::Object(members) => members.iter().flat_map(|(key, value)| below(key, value)).collect(),
        Value::Array(items) => {
            items.iter().enumerate().flat_map(|(at, value)| below(&at.to_string(), value)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

/// Variants of an event, each with one value replaced. `event` and `outcome` are never replaced.
fn each_replaced(event: &Value, by: &Value) -> Vec<Value> {
    let replaced = |pointer: String| {
        let mut event = event.clone();
        *event.pointer_mut(&pointer).unwrap() = by.clone();
        event
    };
    let pointers = pointers(event).into_iter().filter(|at| at != "/event" && at != "/outcome");
    pointers.map(replaced).collect()
}

/// The line of an event, with a command to a log in each of its texts that can be any text.
fn poisoned(event: &Event, with: &str) -> ChildLine {
    let mut json = json!(Line::new(event.clone()));
    let mut line = read(&json);
    for pointer in pointers(&json) {
        let mut changed = json.clone();
        if let Some(Value::String(text)) = changed.pointer_mut(&pointer) {
            *text = format!("{with} {text} and more {with} {text} ::set-output name=x::y");
        }
        let changed_line = read(&changed);
        if matches!(changed_line, ChildLine::Event(_)) {
            (json, line) = (changed, changed_line);
        }
    }
    line
}

#[test]
fn hostile_text_never_reaches_the_terminal() {
    let hostile = json!("\u{1b}[2J\u{1b}]0;x\u{7}\r\n\u{9b}31m\u{8}\u{202e}\u{2028}\u{0}");
    let mut tried = 0;
    for event in all_events() {
        for event in each_replaced(&event, &hostile) {
            let lines = [read(&event)];
            for style in [SCREEN, NARROW, LOG, ASCII] {
                let shown = shown_lines(style, &lines);
                let raw =
                    |c: char| (c.is_control() && c != '\n' && c != '\t') || "\u{202e}\u{2028}".contains(c);
                assert!(!shown.contains(raw), "{event}\n{shown:?}");
                tried += usize::from(shown.contains("\\u{1b}"));
            }
            let coloured = shown_lines(COLOUR, &lines);
            assert!(!coloured.contains("\u{1b}[2J"), "{coloured:?}");
            assert!(!coloured.contains(['\r', '\u{7}', '\u{9b}']), "{coloured:?}");
        }
    }
    assert!(tried > 200, "{tried} texts were shown");
}

#[test]
fn no_value_is_unexpected() {
    let mut terminal = HumanReporter::new(Vec::new(), LIVE);
    for by in
        [json!(null), json!(-1), json!(u64::MAX), json!("x"), json!([]), json!([[null]]), json!({"a": {}})]
    {
        for event in all_events().iter().flat_map(|event| each_replaced(event, &by)) {
            terminal.show(&read(&event), &|_, at: &str| Some(at.to_owned())).unwrap();
        }
    }
}

#[test]
fn an_output_that_is_closed_is_an_error() {
    let (_, closed) = io::pipe().unwrap();
    let mut terminal = HumanReporter::new(closed, LIVE);
    for event in a_deployment().iter().filter(|event| !matches!(event, Event::Hello { .. })) {
        let error = terminal.show(&line(event), &|_, _: &str| None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe, "{event:?}");
    }
}

/// The lines that a log would take for a command.
fn commands(log: CiLog, shown: &str) -> Vec<&str> {
    let is_command = |line: &&str| match log {
        CiLog::Plain | CiLog::GitHubActions | CiLog::Azure => {
            line.trim_start().starts_with("::") || line.contains("##")
        }
        CiLog::GitLab => line.contains(['\r', '\u{1b}']),
        CiLog::Buildkite => ["---", "+++", "~~~", "^^^"].iter().any(|mark| line.starts_with(mark)),
        CiLog::Travis => {
            ["fold:start:", "fold:end:", "time:start:", "time:end:"].iter().any(|mark| line.contains(mark))
        }
    };
    shown.lines().filter(is_command).collect()
}

#[test]
fn no_text_is_a_command_to_the_log_that_it_goes_to() {
    let events = [a_deployment(), vec![a_plan(), a_failure()]].concat();
    let harmless: Vec<ChildLine> = events.iter().map(line).collect();
    let show = |log, width, title: &str, lines: &[ChildLine]| {
        let style = TerminalCapabilities { width, ..LOG };
        shown_in(style, LogGroups::new(log, || 7, false), &[(title, lines)])
    };
    for with in [
        "::error::",
        "##vso[task.setvariable variable=x]y",
        "##[endgroup]",
        "###teamcity[x]",
        "####",
        "\u{1b}[0Ksection_end:7:dpl_lambda_7_1\r\u{1b}[0K",
        "--- x",
        "^^^ +++",
        "travis_fold:end:dpl_lambda_7_1\r",
        "\r::stop-commands::x",
        "\n::add-mask::x",
    ] {
        let lines: Vec<ChildLine> = events.iter().map(|event| poisoned(event, with)).collect();
        for log in [CiLog::Plain].into_iter().chain(LOGS) {
            for width in [None, Some(20), Some(31), Some(50), Some(80)] {
                let plain = show(log, width, "x", &harmless);
                let shown = show(log, width, &format!("{with} x {with}"), &lines);
                let found = commands(log, &shown);
                assert_eq!(found.len(), commands(log, &plain).len(), "{log:?}: {shown}");
                for command in found {
                    let inner = match log {
                        CiLog::Plain => None,
                        CiLog::GitHubActions => command.strip_prefix("::"),
                        CiLog::GitLab => command.strip_prefix("\u{1b}[0Ksection_"),
                        CiLog::Azure => command.strip_prefix("##["),
                        CiLog::Buildkite => Some(command),
                        CiLog::Travis => command.strip_prefix("travis_fold:"),
                    };
                    let inner = inner.unwrap_or_else(|| panic!("{log:?}: {command:?}"));
                    assert!(!inner.contains("##") && inner.matches('\r').count() <= 1, "{inner:?}");
                }
            }
        }
    }
}
