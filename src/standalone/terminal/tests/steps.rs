//! Steps, progress and waits.

use super::*;

#[test]
fn a_deployment_is_reported_step_by_step() {
    let expected = format!(
        "\
{BEFORE_THE_PLAN}
{STEPS_OF_THE_PLAN}
✓ update-function-code    1.2 s (2 attempts)
… verify  version 7
│ ok\t1
{LAST_STEPS}
{DEPLOYED}  url       https://abc.lambda-url.eu-west-1.on.aws/
  took      121.5 s
"
    );
    check(SCREEN, &a_deployment(), &expected);
}

#[test]
fn a_terminal_without_utf_8_gets_ascii_marks() {
    let shown = shown(ASCII, &a_deployment());
    assert!(shown.is_ascii(), "{shown}");
    for line in [
        "ok not a pull request\n",
        "-  packaged dist: ",
        ".. wait  120 s\n",
        "    ~ alias.live  6 -> the new version\n",
        "| ok\t1\n",
    ] {
        assert!(shown.contains(line), "{line:?} in {shown}");
    }
}

#[test]
fn colours_mark_what_matters() {
    let events = a_deployment();
    let expected = "\
\u{1b}[32m✓\u{1b}[0m \u{1b}[2mnot a pull request\u{1b}[0m
\u{1b}[32m✓\u{1b}[0m \u{1b}[2mbranch: want main, release/*, got main\u{1b}[0m
\u{1b}[33mwarning[unknown-key]:\u{1b}[0m `memory` is no option of a lambda stanza, it is ignored
  \u{1b}[2mat\u{1b}[0m environment.a/b
  \u{1b}[1mhint:\u{1b}[0m did you mean `memory_size`?

\u{1b}[1mplan:\u{1b}[0m \u{1b}[2mthe function exists; 5 steps, 1 change\u{1b}[0m
  \u{1b}[1mupdate-function-code\u{1b}[0m
  \u{1b}[1mverify\u{1b}[0m
  \u{1b}[1mshift-traffic\u{1b}[0m
  \u{1b}[1mwait\u{1b}[0m
  \u{1b}[1mupdate-alias\u{1b}[0m
    \u{1b}[33m~ alias.live\u{1b}[0m  \u{1b}[2m6 → \u{1b}[0mthe new version

\u{1b}[32m✓\u{1b}[0m update-function-code    \u{1b}[2m1.2 s (2 attempts)\u{1b}[0m

\u{1b}[1;32mdeployed\u{1b}[0m \u{1b}[1mhello\u{1b}[0m
  \u{1b}[2mversion  \u{1b}[0m 7
  \u{1b}[2malias    \u{1b}[0m live, next
  \u{1b}[2mprevious \u{1b}[0m version 6
  \u{1b}[2mcode     \u{1b}[0m uploaded, 3i5tMyoTJJcrubuNxRmFS7sSY3+WfXPMVwpWzl7GoSQ=
  \u{1b}[2mregion   \u{1b}[0m eu-west-1
  \u{1b}[2murl      \u{1b}[0m https://abc.lambda-url.eu-west-1.on.aws/
  \u{1b}[2mtook     \u{1b}[0m 121.5 s
";
    check(COLOUR, &[&events[1..4], &events[6..9], &events[18..]].concat(), expected);
}

#[test]
fn without_colours_there_is_no_escape_byte() {
    for style in [SCREEN, NARROW, LOG, LIVE, ASCII] {
        for events in [a_deployment(), vec![a_plan()], vec![a_failure()]] {
            assert!(!shown(style, &events).contains('\u{1b}'), "{style:?}");
        }
    }
}

#[test]
fn a_running_step_is_drawn_and_gives_way() {
    let events = a_deployment();
    check(
        LIVE,
        &events[7..11],
        &format!(
            "\r… update-function-code\r{}\r✓ update-function-code 1.2 s (2 attempts)\n\
             \r… verify  version 7\r{}\r│ ok\t1\n\r… verify  version 7\r{}\r",
            " ".repeat(22),
            " ".repeat(19),
            " ".repeat(19)
        ),
    );
}

#[test]
fn a_live_line_leaves_the_last_column_free() {
    let target = StepTarget { alias: Some("a".repeat(60)), ..version_7() };
    check(
        TerminalCapabilities { width: Some(30), ..LIVE },
        &[started(StepName::UpdateAlias, target)],
        &format!("\r… update-alias…a at version 7\r{}\r", " ".repeat(29)),
    );
}

#[test]
fn prose_is_not_as_wide_as_a_wide_terminal() {
    let hint = "word ".repeat(60);
    let warning = Event::Warning(Warning::new(WarningCode::Deprecated, "m").hint(hint.trim_end()));
    let shown = shown(TerminalCapabilities { width: Some(250), ..SCREEN }, &[warning]);
    assert!(shown.lines().count() == 5 && shown.lines().all(|line| text::width(line) <= 100), "{shown}");
}

#[test]
fn a_check_of_several_is_named() {
    let check_of = |index, name: Option<&str>| StepTarget {
        check: Some(index),
        check_name: name.map(str::to_owned),
        ..version_7()
    };
    let unpublished = StepTarget { version: Some("$LATEST".to_owned()), ..check_of(2, None) };
    check(
        SCREEN,
        &[
            started(StepName::Verify, check_of(0, Some("orders"))),
            finished(StepName::Verify, 3, 1),
            started(StepName::Verify, check_of(1, None)),
            finished(StepName::Verify, 3, 1),
            started(StepName::Verify, unpublished),
            finished(StepName::Verify, 3, 1),
        ],
        "\
… verify  version 7, check orders
✓ verify 3 ms  version 7, check orders
… verify  version 7, check 1
✓ verify 3 ms  version 7, check 1
… verify  check 2
✓ verify 3 ms  check 2
",
    );
}

#[test]
fn a_step_is_about_what_its_own_start_said() {
    check(
        SCREEN,
        &[started(StepName::UpdateAlias, live_at_7()), finished(StepName::DeleteFunction, 3, 1)],
        "✓ delete-function 3 ms\n",
    );
}

#[test]
fn progress_is_a_bar_on_a_terminal_and_quarters_in_a_log() {
    let events = [progress(1), progress(11), progress(12), progress(35), progress(39), progress(40)];
    let expected = "\
… uploading: 27 %, 11.0 MiB of 40.0 MiB
… uploading: 87 %, 35.0 MiB of 40.0 MiB
… uploading: 100 %, 40.0 MiB of 40.0 MiB
";
    check(LOG, &events, expected);
    let bar =
        |full: usize, end: &str| format!("\r… uploading {}{} {end}", "━".repeat(full), "─".repeat(30 - full));
    let (first, second) = (bar(8, " 27 %  11.0 MiB of 40.0 MiB"), bar(0, "  2 %  1.0 MiB of 40.0 MiB"));
    let wide = text::width(&second) - text::width("\r");
    check(LIVE, &[progress(11), progress(1)], &format!("{first}{second} \u{8}\r{}\r", " ".repeat(wide)));
    let few = TerminalCapabilities { width: Some(24), ..LIVE };
    let half = shown(few, &[progress(20)]);
    assert!(half.contains("\r… uploading ━━───  50 %\r"), "{half:?}");
    assert!(shown(LIVE, &[Event::Progress(Progress::upload(u64::MAX, 0))]).contains("  0 %"));
    // Each task has its own quarters.
    let packaging = Event::Progress(Progress::package(3, 4));
    assert_eq!(shown(LOG, &[progress(39), packaging, progress(39)]).lines().count(), 3);
}

#[test]
fn a_wait_is_reported_behind_the_step_on_a_terminal_and_ever_more_seldom_in_a_log() {
    let waits: Vec<Event> = (1..=60).map(|round| wait(round * 5)).collect();
    let reported = shown(LOG, &waits);
    let first = "… waiting for the update (5 s)\n… waiting for the update (10 s)\n";
    assert!(reported.starts_with(first), "{reported}");
    assert_eq!(reported.lines().count(), 10, "{reported}");
    // A new wait starts over.
    assert_eq!(shown(LOG, &[wait(40), wait(5)]).lines().count(), 2);
    let reported = shown(LIVE, &[started(StepName::UpdateFunctionCode, StepTarget::default()), wait(5)]);
    assert!(reported.contains("\r… update-function-code: waiting for the update (5 s)"), "{reported:?}");
}
