//! Checks the text output for the events of real runs: each event is read back as it was written, a log
//! contains every fact of every event, and a terminal receives only text and our own color sequences.

use std::ffi::OsString;
use std::io::Write;
use std::sync::{Arc, Mutex};

use dpl_lambda::protocol::messages::{duration, size};
use dpl_lambda::testing::{ChildLine, HumanReporter, TerminalCapabilities, size_of};
use serde_json::{Value, json};

use crate::pty::{Pty, screen};

/// Checks these properties for the events of a run.
pub(crate) fn check(events: &[Value]) {
    let log = TerminalCapabilities { colour: false, width: None, height: 24, live: false, unicode: true };
    let shown = show(events, log);
    let all = shown.concat();
    // The lines of a function of a release are printed at the end of a phase.
    let is_release = events.iter().any(|event| event["event"] == "phase");
    for (number, event) in events.iter().enumerate() {
        let place = match (event["event"].as_str(), event["outcome"].as_str()) {
            // The details of a step are printed when it ends, and a plan is printed only once.
            (Some("step-started"), _) => shown[number..].concat(),
            // A check that found the same as the last one is not shown again.
            (Some("guard-checked"), _) => all.clone(),
            _ if is_release => shown[number..].concat(),
            (_, Some("planned")) => all.clone(),
            _ => shown[number].clone(),
        };
        for fact in facts(event) {
            assert!(place.contains(&fact), "`{fact}` is missing:\n{event}\nis shown as\n{place}");
        }
        for statement in statements(event) {
            let is_last = statement_in(&place).as_ref() == Some(&statement);
            let is_there = is_last || (is_release && statements_in(&place).any(|shown| shown == statement));
            assert!(is_there, "{statement} is missing:\n{event}\nis shown as\n{place}");
        }
    }
    check_harmless(&all, false);
    let narrow =
        TerminalCapabilities { colour: true, width: Some(40), height: 24, live: true, unicode: false };
    check_harmless(&show(events, narrow).concat(), true);
}

/// The text output for each event.
fn show(events: &[Value], style: TerminalCapabilities) -> Vec<String> {
    let out = Shared::default();
    let mut terminal = HumanReporter::new(out.clone(), style);
    let mut show = |event| {
        let line = read(event);
        let ChildLine::Event(known) = &line else { panic!("{line:?} is no event: {event}") };
        assert_eq!(json!(known), *event);
        terminal.show(&line, &|_: Option<u32>, _: &str| None).expect("writable");
        let bytes = std::mem::take(&mut *out.0.lock().expect("no thread panicked"));
        String::from_utf8(bytes).expect("UTF-8")
    };
    events.iter().map(&mut show).collect()
}

fn read(event: &Value) -> ChildLine {
    serde_json::from_value(event.clone()).expect("any JSON is a line")
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().expect("no thread panicked").write(bytes)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn check_harmless(shown: &str, terminal: bool) {
    let mut rest = shown;
    while let Some(at) = rest.find(|c: char| c.is_control() && !matches!(c, '\n' | '\t')) {
        rest = &rest[at..];
        let ours = rest.starts_with(['\r', '\u{8}'])
            || (rest.starts_with("\u{1b}[") && rest[2..].find(['m', 'A', 'J']).is_some_and(|at| at < 5));
        assert!(terminal && ours, "{rest:?}");
        rest = &rest[1..];
    }
}

/// The texts that the output must contain for an event.
fn facts(event: &Value) -> Vec<String> {
    let mut facts = Vec::new();
    match event["event"].as_str().expect("a tag") {
        // In a list, the name of the function is before the message.
        "condition-checked" if event["condition"] == "pull-request" => {
            let message = event["message"].as_str().and_then(|message| message.rsplit(": ").next());
            facts.extend(message.map(str::to_owned));
        }
        "condition-checked" => texts(event, &["condition", "want", "got"], &mut facts),
        "identified" => texts(event, &["source", "access_key_id", "region"], &mut facts),
        "packaged" => package(event, &mut facts),
        "phase" => texts(event, &["phase", "release"], &mut facts),
        "planned" => plan(event, &mut facts),
        "step-started" => texts(event, &["step", "alias"], &mut facts),
        "step-finished" => {
            texts(event, &["step"], &mut facts);
            facts.push(duration(event["duration_ms"].as_u64().expect("a number")));
            facts.extend(
                event["attempts"]
                    .as_u64()
                    .filter(|attempts| *attempts > 1)
                    .map(|n| format!("({n} attempts)")),
            );
        }
        "warning" => trouble(event, &mut facts),
        "guard-checked" => {
            let state = event["state"].as_str().expect("a text");
            facts.push(format!("guard {state} at {} % of the traffic", event["percent"]));
        }
        "finished" => {
            if event["functions"].is_null() || event["outcome"] == "failed" {
                finished(event, &mut facts);
            }
            for function in event["functions"].as_array().into_iter().flatten() {
                texts(function, &["function_name", "outcome", "version", "previous_version"], &mut facts);
                texts(&function["error"], &["code"], &mut facts);
                let aliases = [&function["restored"], &function["left"]].into_iter();
                let aliases = aliases.filter_map(Value::as_array).flatten().filter_map(Value::as_str);
                facts.extend(aliases.map(str::to_owned));
            }
        }
        "hello" | "progress" | "output" => {}
        other => panic!("no facts are listed for the event {other}"),
    }
    // Control characters are shown as escapes.
    facts.retain(|fact| !fact.contains(char::is_control));
    facts
}

fn finished(event: &Value, facts: &mut Vec<String>) {
    match event["outcome"].as_str().expect("an outcome") {
        "deployed" | "unchanged" => {
            let keys = [
                "function_name",
                "region",
                "version",
                "alias",
                "previous_version",
                "code_sha256",
                "code",
                "function_url",
            ];
            texts(event, &keys, facts);
            facts.extend(
                event["aliases"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .map(str::to_owned),
            );
            facts.push(duration(event["duration_ms"].as_u64().expect("a number")));
        }
        "planned" => plan(event, facts),
        "checked" => texts(event, &["message"], facts),
        "packaged" => {
            texts(event, &["output"], facts);
            texts(&event["package"], &["code_sha256"], facts);
            package(&event["package"], facts);
        }
        "skipped" => {
            for unmet in event["unmet"].as_array().expect("a list") {
                texts(unmet, &["condition", "message"], facts);
                if unmet["condition"] != "pull-request" {
                    texts(unmet, &["want", "got"], facts);
                }
            }
        }
        "failed" => {
            let error = &event["error"];
            match error["problems"].as_array() {
                Some(problems) => problems.iter().for_each(|problem| trouble(problem, facts)),
                None => {
                    trouble(error, facts);
                    texts(error, &["message"], facts);
                }
            }
            texts(&error["aws"], &["operation", "code", "request_id"], facts);
            facts.extend(error["aws"]["http_status"].as_u64().map(|status| status.to_string()));
            for list in [&error["caused_by"], &event["changed"]] {
                facts.extend(
                    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned),
                );
            }
            facts.extend((event["allowed"] == true).then(|| "the build continues".to_owned()));
        }
        other => panic!("no facts are listed for the outcome {other}"),
    }
}

fn texts(of: &Value, keys: &[&str], facts: &mut Vec<String>) {
    facts.extend(keys.iter().filter_map(|key| of[*key].as_str()).map(str::to_owned));
}

fn trouble(trouble: &Value, facts: &mut Vec<String>) {
    texts(trouble, &["code"], facts);
    match trouble["hint"].as_str().map(|hint| (hint, quoted(hint))) {
        Some((_, Some((parts, _)))) => facts.extend(parts.map(str::to_owned)),
        Some((hint, None)) => facts.push(hint.to_owned()),
        None => {}
    }
    facts.extend(
        trouble["at"].as_str().map(|at| at.trim_start_matches('/').replace('/', ".").replace("~1", "/")),
    );
    // The message of a warning event begins with `warning: `, in a list behind the name of the function, and
    // ends with the hint.
    let message = trouble["message"].as_str().expect("a string");
    let message = message.split_once("warning: ").map_or(message, |(_, message)| message);
    let hint = trouble["hint"].as_str().map(|hint| format!("; {hint}")).unwrap_or_default();
    facts.push(message.strip_suffix(&hint).unwrap_or(message).to_owned());
}

/// The policy statement of a warning or an error, and the policy statements in hints.
fn statements(event: &Value) -> impl Iterator<Item = Value> {
    let quoted = |trouble: &Value| serde_json::from_str::<Value>(quoted(trouble["hint"].as_str()?)?.1).ok();
    let own = |trouble: &Value| Some(trouble["policy_statement"].clone());
    let error = &event["error"];
    let all = [own(event), own(error), quoted(event), quoted(error)].into_iter().flatten();
    all.filter(|statement| statement["Effect"].is_string())
}

/// The parts of a hint before and after the JSON in it, and the JSON.
fn quoted(hint: &str) -> Option<([&str; 2], &str)> {
    let (start, end) = (hint.find(": {\"")? + 2, hint.rfind('}')? + 1);
    Some(([&hint[..start - 2], &hint[end..]], &hint[start..end]))
}

/// Each JSON document in the output.
fn statements_in(shown: &str) -> impl Iterator<Item = Value> {
    let starts = shown.match_indices("\n    {\n");
    let document = |(start, _)| serde_json::Deserializer::from_str(&shown[start..]).into_iter().next();
    starts.filter_map(document).filter_map(Result::ok)
}

/// The JSON document at the end of the output.
fn statement_in(shown: &str) -> Option<Value> {
    let start = shown.find("\n    {\n")?;
    serde_json::from_str(&shown[start..]).ok()
}

fn package(package: &Value, facts: &mut Vec<String>) {
    texts(package, &["source"], facts);
    for key in ["uncompressed_bytes", "zip_bytes"] {
        facts.push(size(package[key].as_u64().expect("a number")));
    }
}

fn plan(plan: &Value, facts: &mut Vec<String>) {
    for step in plan["steps"].as_array().expect("a list") {
        texts(step, &["step"], facts);
        for change in step["changes"].as_array().expect("a list") {
            texts(change, &["field", "from", "to"], facts);
            facts.extend(
                [&change["from"], &change["to"]].into_iter().filter(|v| v.is_number()).map(Value::to_string),
            );
            let lists = [&change["from"], &change["to"]].into_iter().filter_map(Value::as_array).flatten();
            facts.extend(lists.filter_map(Value::as_str).map(str::to_owned));
        }
    }
}

#[test]
fn a_real_terminal_shows_a_step_where_it_began() {
    let events = [
        json!({"event": "hello", "protocol": [1], "name": "dpl-lambda", "version": "0", "features": [], "message": "dpl-lambda 0"}),
        json!({"event": "step-started", "step": "update-function-code", "function_name": "f", "message": "Updating code."}),
        json!({"event": "progress", "task": "upload", "done_bytes": 5_242_880, "total_bytes": 10_485_760, "message": "uploading"}),
        json!({"event": "output", "stream": "stdout", "line": "\u{1b}[2J\u{1b}[31mred\u{1b}[0m", "message": "red"}),
        json!({"event": "step-finished", "step": "update-function-code", "duration_ms": 1234, "attempts": 2, "request_id": null, "message": "done"}),
        json!({"event": "step-started", "step": "verify", "function_name": "f", "version": "7", "message": "Verifying version 7."}),
    ];
    for (columns, no_color) in [(80, ""), (80, "1"), (30, "")] {
        let pty = Pty::open(columns);
        let variable = |name: &str| match name {
            "TERM" => Some(OsString::from("xterm")),
            "LANG" => Some(OsString::from("C.UTF-8")),
            "NO_COLOR" => Some(OsString::from(no_color)),
            _ => None,
        };
        let style = TerminalCapabilities::of(true, size_of(&pty.terminal), variable);
        assert_eq!(
            style,
            TerminalCapabilities {
                colour: no_color.is_empty(),
                width: Some(columns),
                height: 24,
                live: true,
                unicode: true
            }
        );
        let mut terminal =
            HumanReporter::new(pty.terminal.try_clone().expect("a file descriptor is free"), style);
        let mut show = |event| terminal.show(&read(event), &|_: Option<u32>, _: &str| None);
        events.iter().for_each(|event| show(event).expect("writable"));
        terminal.end().expect("writable");
        drop(terminal);
        let written = pty.read();
        assert_eq!(written.contains('\u{1b}'), no_color.is_empty(), "{written:?}");
        assert!(written.contains("50 %"), "{written:?}");
        let lines = ["│ \\u{1b}[2Jred", "✓ update-function-code 1.2 s (2 attempts)", ""];
        let narrow = ["│ \\u{1b}[2Jred", "✓ update-function-code 1.2 s", "  (2 attempts)", ""];
        assert_eq!(screen(&written), if columns == 80 { lines.to_vec() } else { narrow.to_vec() });
    }
}
