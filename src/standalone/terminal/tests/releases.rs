//! Releases: the lines of each function as a block, and what a terminal shows meanwhile.

use super::*;
use crate::protocol::event::Phase;

fn phase(phase: Phase) -> ChildLine {
    line(&Event::Phase { phase, release: "shop".to_owned(), functions: 2 })
}

fn starts(stanza: u32, name: &str, step: StepName, target: StepTarget) -> ChildLine {
    line_of(stanza, name, Event::StepStarted { step, function_name: name.to_owned(), target })
}

fn starts_update(stanza: u32, name: &str) -> ChildLine {
    starts(stanza, name, StepName::UpdateFunctionCode, StepTarget::default())
}

fn ends_update(stanza: u32, name: &str) -> ChildLine {
    line_of(stanza, name, finished(StepName::UpdateFunctionCode, 90, 1))
}

/// The events of a release of two functions, up to the first failure.
fn a_release() -> Vec<ChildLine> {
    vec![
        line(&hello()),
        phase(Phase::Judge),
        line_of(0, "orders", checked(Condition::Tags, true, "true", "true")),
        line_of(1, "bills", checked(Condition::Tags, true, "true", "true")),
        phase(Phase::Prepare),
        starts_update(0, "orders"),
        starts_update(1, "bills"),
        line_of(1, "bills", wait(5)),
        ends_update(1, "bills"),
        ends_update(0, "orders"),
        starts(0, "orders", StepName::Verify, version_7()),
        line_of(0, "orders", output(Stream::Log, "boom")),
    ]
}

/// The last event: `orders` has failed, with what its function wrote to its log.
fn a_result() -> ChildLine {
    let error = ErrorReport {
        log: vec!["boom".to_owned()],
        ..ErrorReport::new(Code::VerificationFailed, "no").at("/verify")
    };
    let stopped = Finished::Stopped {
        changed: vec![StepName::UpdateFunctionCode],
        restored: vec!["live".to_owned()],
        left: vec!["next".to_owned()],
    };
    let functions = vec![
        FunctionOutcome::of(0, Some("orders".to_owned()), Finished::failed(error, Vec::new())),
        FunctionOutcome::of(1, Some("bills".to_owned()), stopped),
    ];
    let list = ListOutcome::of(functions, vec![StepName::UpdateFunctionCode], 9120);
    line_of(0, "orders", Event::Finished(Finished::List(Box::new(list))))
}

#[test]
fn the_lines_of_a_function_are_a_block_at_the_end_of_a_phase() {
    let lines: Vec<ChildLine> = a_release().into_iter().chain([a_result()]).collect();
    let expected = "\
── release shop: judge (2 functions) ──
orders
✓ tags: want true, got true

bills
✓ tags: want true, got true

── release shop: prepare (2 functions) ──
… bills: waiting for the update (5 s)

orders
✓ update-function-code 90 ms
│ boom
✗ verify  version 7

bills
✓ update-function-code 90 ms

failed: 2 stanzas in 9.1 s
  orders  failed   verification-failed
  bills   stopped  sent back: live, not sent back: next

orders:
error[verification-failed]: no
  --> f.yml:0 (verify)
  already done: update-function-code
  more: dpl-lambda explain verification-failed
";
    let mut out = Vec::new();
    let mut reporter = HumanReporter::new(&mut out, LOG);
    let locate = |stanza: Option<u32>, _: &str| stanza.map(|stanza| format!("f.yml:{stanza}"));
    for line in &lines {
        reporter.show(line, &locate).unwrap();
    }
    reporter.end().unwrap();
    let shown = String::from_utf8(out).unwrap();
    assert_eq!(shown, expected, "\n{shown}");
}

#[test]
fn a_release_that_no_event_ends_is_shown() {
    for style in [LOG, LIVE] {
        let shown = shown_lines(style, &a_release());
        assert!(shown.contains("│ boom\n✗ verify  version 7\n"), "{shown}");
    }
}

#[test]
fn another_stanza_and_another_release_end_a_release() {
    let mut lines = a_release();
    lines.extend([starts_update(2, "mails"), ends_update(2, "mails")]);
    lines.push(line(&Event::Phase { phase: Phase::Judge, release: "other".to_owned(), functions: 2 }));
    lines.push(line_of(3, "users", checked(Condition::Tags, true, "true", "true")));
    let expected = "\
✗ verify  version 7

bills
✓ update-function-code 90 ms

── mails ──
✓ update-function-code 90 ms

── release other: judge (2 functions) ──
users
✓ tags: want true, got true
";
    let shown = shown_lines(LOG, &lines);
    assert!(shown.ends_with(expected), "{shown}");
}

#[test]
fn a_stanza_behind_a_release_that_ends_in_its_first_phase_is_not_part_of_it() {
    let mut lines = a_release();
    lines.truncate(4);
    lines.push(line_of(2, "mails", checked(Condition::Tags, true, "true", "true")));
    let shown = shown_lines(LOG, &lines);
    assert!(shown.ends_with("\n\n── mails ──\n✓ tags: want true, got true\n"), "{shown}");
}

#[test]
fn functions_without_an_event_in_the_first_phase_are_part_of_the_release() {
    let mut lines = a_release();
    // A rollback judges no conditions.
    lines.drain(2..4);
    let shown = shown_lines(LOG, &lines);
    let prepare = "── release shop: judge (2 functions) ──\n── release shop: prepare (2 functions) ──\n";
    assert!(shown.starts_with(prepare), "{shown}");
    assert!(shown.contains("\nbills\n✓ update-function-code 90 ms\n"), "{shown}");
}

/// What is written for these lines, without the end.
fn drawn(style: TerminalCapabilities, lines: &[ChildLine]) -> String {
    let mut out = Vec::new();
    let mut reporter = HumanReporter::new(&mut out, style);
    for line in lines {
        reporter.show(line, &|_: Option<u32>, _: &str| None).unwrap();
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn a_terminal_has_a_live_line_for_each_active_function() {
    let coloured = TerminalCapabilities { colour: true, ..LIVE };
    let lines = &a_release()[..8];
    let shown = drawn(coloured, lines);
    let orders = "… orders  update-function-code\u{1b}";
    let bills = "… bills   update-function-code: waiting for the update (5 s)\u{1b}";
    for live in [orders, bills, "\r\u{1b}[1A\u{1b}[J"] {
        assert!(shown.contains(live), "{live:?} in {shown:?}");
    }
    let shown = drawn(LIVE, lines);
    assert!(shown.contains("… release shop: prepare (2 functions): 2 are active"), "{shown:?}");
    assert!(!shown.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn a_low_terminal_has_fewer_live_lines_than_functions() {
    let names = ["a", "b", "c", "d"];
    let starts = (0..).zip(names).map(|(stanza, name)| starts_update(stanza, name));
    let begins = Event::Phase { phase: Phase::Judge, release: "shop".to_owned(), functions: 4 };
    let lines: Vec<ChildLine> = [line(&begins)].into_iter().chain(starts).collect();
    for (height, last) in [(24, "… d  update"), (7, "… and 2 more"), (1, "… and 3 more")] {
        let shown = drawn(TerminalCapabilities { colour: true, height, ..LIVE }, &lines);
        let end = shown.rsplit_once('\r').map(|(_, end)| end.to_owned());
        assert!(end.is_some_and(|end| end.contains(last)), "{height}: {shown:?}");
    }
}
