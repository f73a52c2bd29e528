//! Groups in the logs of CIs.

use super::*;
use crate::protocol::event::Phase;

/// A text as a log shows it. Some lines of `text` begin with a mark:
///
/// - `<` opens a group, and the rest is its title; `>` closes the group.
/// - `=` is an empty line, except in Buildkite, where a title must follow a closed group.
/// - `@` is that title in Buildkite, and nothing elsewhere.
/// - `#` is that title in Buildkite, and a title after an empty line elsewhere.
/// - `^` opens the last group in Buildkite, and is nothing elsewhere.
/// - `?` is a line that is shown again, except in Buildkite.
fn in_log(log: CiLog, text: &str) -> String {
    let is_buildkite = log == CiLog::Buildkite;
    let (mut number, mut out) = (0, String::new());
    for line in text.lines() {
        let rest = line.get(1..).unwrap_or_default();
        out += &match line.chars().next() {
            Some('<') => {
                number += 1;
                match log {
                    CiLog::Plain => panic!("this log has no groups"),
                    CiLog::GitHubActions => format!("::group::{rest}\n"),
                    CiLog::GitLab => {
                        let mark = format!("section_start:7:dpl_lambda_7_{number}[collapsed=true]");
                        format!("\u{1b}[0K{mark}\r\u{1b}[0K{rest}\n")
                    }
                    CiLog::Azure => format!("##[group]{rest}\n"),
                    CiLog::Buildkite => format!("--- {rest}\n"),
                    CiLog::Travis => format!("travis_fold:start:dpl_lambda_7_{number}\r\u{1b}[0K{rest}\n"),
                }
            }
            Some('>') => match log {
                CiLog::Plain | CiLog::Buildkite => String::new(),
                CiLog::GitHubActions => "::endgroup::\n".to_owned(),
                CiLog::GitLab => format!("\u{1b}[0Ksection_end:7:dpl_lambda_7_{number}\r\u{1b}[0K\n"),
                CiLog::Azure => "##[endgroup]\n".to_owned(),
                CiLog::Travis => format!("travis_fold:end:dpl_lambda_7_{number}\r\u{1b}[0K\n"),
            },
            Some('=' | '@' | '#') if is_buildkite => format!("+++ {rest}\n"),
            Some('=') => "\n".to_owned(),
            Some('#') => format!("\n── {rest} ──\n"),
            Some('^') if is_buildkite => "^^^ +++\n".to_owned(),
            Some('?') if !is_buildkite => format!("{rest}\n"),
            Some('@' | '^' | '?') => String::new(),
            Some(_) | None => format!("{line}\n"),
        };
    }
    out
}

/// Checks what each log shows of these runs.
#[track_caller]
fn check_logs(runs: &[(&str, Vec<ChildLine>)], expected: &str) {
    for log in LOGS {
        let shown = shown_in(LOG, LogGroups::new(log, || 7, false), runs);
        assert_eq!(shown, in_log(log, expected), "{log:?}\n{shown}");
    }
}

fn lines(events: &[Event]) -> Vec<ChildLine> {
    events.iter().map(line).collect()
}

/// The step of a plan of one change.
fn a_small_step() -> PlannedStep {
    step(StepName::UpdateFunctionConfiguration, vec![change("timeout", 10, 20)])
}

fn a_small_plan() -> Event {
    Event::Planned(plan(vec![a_small_step()]))
}

fn a_small_result() -> Event {
    Event::Finished(Finished::Planned(plan(vec![a_small_step()])))
}

#[test]
fn the_plan_and_the_output_of_a_deployment_are_groups() {
    let expected = format!(
        "\
{BEFORE_THE_PLAN}
<{STEPS_OF_THE_PLAN}>
=steps
✓ update-function-code    1.2 s (2 attempts)
… verify  version 7
<output of verify
│ ok\t1
>
@steps
{LAST_STEPS}
{DEPLOYED}  url       https://abc.lambda-url.eu-west-1.on.aws/
  took      121.5 s
"
    );
    check_logs(&[("", lines(&a_deployment()))], &expected);
    // A log without groups has the same text as before.
    let plain = shown_in(LOG, LogGroups::new(CiLog::Plain, || 7, false), &[("", lines(&a_deployment()))]);
    assert_eq!(plain, shown(LOG, &a_deployment()));
}

#[test]
fn a_plan_that_is_the_result_is_in_no_group() {
    let run = || lines(&[hello(), a_small_plan(), a_small_result()]);
    for log in LOGS {
        let shown = shown_in(LOG, LogGroups::new(log, || 7, true), &[("", run())]);
        assert_eq!(shown, shown_lines(LOG, &run()), "{log:?}");
    }
    // With `dry_run`, that it is the result is known only at the end.
    let table = "  update-function-configuration\n    ~ timeout  10 → 20\n";
    let expected = format!(
        "\
<plan: the function exists; 1 step, 1 change
{table}>
@result
plan: the function exists; 1 step, 1 change
{table}
planned: 1 step, 1 change; nothing was changed
"
    );
    check_logs(&[("", run())], &expected);
}

#[test]
fn plans_of_several_stanzas_are_below_their_groups() {
    let met = || checked(Condition::PullRequest, true, "false", "false");
    let run = || lines(&[hello(), met(), a_small_plan(), a_small_result()]);
    let expected = "\
<one
✓ not a pull request
>
=plan
plan: the function exists; 1 step, 1 change
  update-function-configuration
    ~ timeout  10 → 20

planned: 1 step, 1 change; nothing was changed
";
    let expected = expected.to_owned() + &expected.replace("<one", "<two");
    for log in LOGS {
        let runs = [("one", run()), ("two", run())];
        let shown = shown_in(LOG, LogGroups::new(log, || 7, true), &runs);
        assert_eq!(shown, in_log(log, &expected), "{log:?}\n{shown}");
    }
}

#[test]
fn the_end_of_the_output_of_a_command_that_fails_is_not_hidden() {
    let mut events = vec![hello(), checked(Condition::PullRequest, true, "false", "false")];
    let hostile = [
        "::error::x",
        "##vso[task.setvariable variable=x]y",
        "section_start:7:x\r\u{1b}[0Ky",
        "--- x",
        "10 %\r20 %",
        "\u{1b}[31mred\u{1b}[0m",
    ];
    let printed = ["1", "2", "3", "4", "5"].into_iter().chain(hostile);
    events.extend(printed.map(|line| output(Stream::Stdout, line)));
    events.push(failed(ErrorReport::new(Code::RunFailed, "no")));
    let end = [
        "2",
        "3",
        "4",
        "5",
        "::error::x",
        "# #vso[task.setvariable variable=x]y",
        "section_start:7:x\\u{d}\\u{1b}[0Ky",
        "--- x",
        "10 %\\u{d}20 %",
        "red",
    ];
    let (all, again): (String, String) =
        end.iter().map(|line| (format!("│ {line}\n"), format!("?│ {line}\n"))).unzip();
    let expected = format!(
        "\
✓ not a pull request
<output of run
│ 1
{all}>
^
?the end of the output:
{again}=result
error[run-failed]: no
  more: dpl-lambda explain run-failed
"
    );
    check_logs(&[("", lines(&events))], &expected);
}

#[test]
fn the_log_of_a_function_that_fails_is_not_hidden() {
    let error =
        ErrorReport { log: vec!["boom".to_owned()], ..ErrorReport::new(Code::VerificationFailed, "no") };
    let events =
        [hello(), started(StepName::Verify, version_7()), output(Stream::Log, "boom"), failed(error)];
    let expected = "\
… verify  version 7
<the function's log
│ boom
>
^
@result
✗ verify  version 7
?the function's log:
?│ boom

error[verification-failed]: no
  more: dpl-lambda explain verification-failed
";
    check_logs(&[("", lines(&events))], expected);
}

#[test]
fn each_of_several_stanzas_is_a_group_and_its_result_is_below_it() {
    let met = checked(Condition::PullRequest, true, "false", "false");
    let live = Deployment { function_url: None, ..a_live_function() };
    let first = [
        hello(),
        met.clone(),
        a_small_plan(),
        started(StepName::UpdateFunctionConfiguration, StepTarget::default()),
        output(Stream::Stderr, "x"),
        finished(StepName::UpdateFunctionConfiguration, 90, 1),
        Event::Finished(Finished::Deployed(live)),
    ];
    let second = [
        hello(),
        met,
        started(StepName::Verify, version_7()),
        output(Stream::Stdout, "y"),
        failed(ErrorReport::new(Code::VerificationFailed, "no")),
    ];
    let expected = format!(
        "\
<hello (line 1)
✓ not a pull request

plan: the function exists; 1 step, 1 change
  update-function-configuration
    ~ timeout  10 → 20

│ x
✓ update-function-configuration    90 ms
>
=result
{DEPLOYED}  took      121.5 s
<bills (line 9)
✓ not a pull request

… verify  version 7
│ y
^
>
@result
✗ verify  version 7
?the end of the output:
?│ y

error[verification-failed]: no
  more: dpl-lambda explain verification-failed
"
    );
    check_logs(&[("hello (line 1)", lines(&first)), ("bills (line 9)", lines(&second))], &expected);
}

#[test]
fn a_run_without_a_line_before_its_result_has_only_its_title() {
    let run = || lines(&[hello(), Event::Finished(Finished::Checked {})]);
    let expected = "\
── one ──
checked: the stanza is valid and its conditions are met
── two ──
checked: the stanza is valid and its conditions are met
";
    check_logs(&[("one", run()), ("two", run())], expected);
}

#[test]
fn the_stanzas_of_a_list_are_groups() {
    let error = ErrorReport::new(Code::Conflict, "no").hint("h");
    let functions = vec![
        FunctionOutcome::of(0, None, Finished::stopped(Vec::new())),
        FunctionOutcome::of(1, Some("orders".to_owned()), Finished::failed(error, Vec::new())),
    ];
    let list = ListOutcome::of(functions, Vec::new(), 9120);
    let run = vec![
        line_of(0, "hello", checked(Condition::Tags, true, "true", "true")),
        line_of(1, "orders", checked(Condition::PullRequest, true, "false", "false")),
        line_of(1, "orders", started(StepName::Verify, version_7())),
        line_of(1, "orders", Event::Finished(Finished::List(Box::new(list)))),
    ];
    let expected = "\
<hello
✓ tags: want true, got true
>
<orders
✓ not a pull request

… verify  version 7
^
>
@result
✗ verify  version 7

failed: 2 stanzas in 9.1 s
  stanza 0  stopped
  orders    failed  conflict

orders:
error[conflict]: no
  more: dpl-lambda explain conflict
  hint: h
";
    check_logs(&[("", run)], expected);
}

#[test]
fn the_block_of_each_function_of_a_release_is_a_group() {
    let phase = |phase| line(&Event::Phase { phase, release: "shop".to_owned(), functions: 2 });
    let error =
        ErrorReport { log: vec!["boom".to_owned()], ..ErrorReport::new(Code::VerificationFailed, "no") };
    let functions = vec![
        FunctionOutcome::of(0, Some("orders".to_owned()), Finished::failed(error, Vec::new())),
        FunctionOutcome::of(1, Some("bills".to_owned()), Finished::stopped(Vec::new())),
    ];
    let list = ListOutcome::of(functions, Vec::new(), 9120);
    let met = || checked(Condition::Tags, true, "true", "true");
    let run = vec![
        line(&hello()),
        phase(Phase::Judge),
        line_of(0, "orders", met()),
        line_of(1, "bills", met()),
        phase(Phase::Prepare),
        line_of(1, "bills", wait(5)),
        line_of(0, "orders", started(StepName::Verify, version_7())),
        line_of(0, "orders", output(Stream::Log, "boom")),
        line_of(1, "bills", output(Stream::Stdout, "x")),
        line_of(0, "orders", Event::Finished(Finished::List(Box::new(list)))),
    ];
    let expected = "\
── release shop (2 stanzas, from line 4) ──
── release shop: judge (2 functions) ──
<orders
✓ tags: want true, got true
>
<bills
✓ tags: want true, got true
>
#release shop: prepare (2 functions)
… bills: waiting for the update (5 s)
<orders
│ boom
✗ verify  version 7
^
>
<bills
│ x
>
=result
failed: 2 stanzas in 9.1 s
  orders  failed  verification-failed
  bills   stopped

orders:
?the function's log:
?│ boom
error[verification-failed]: no
  more: dpl-lambda explain verification-failed
";
    check_logs(&[("release shop (2 stanzas, from line 4)", run)], expected);
}

#[test]
fn a_group_is_closed_if_a_run_ends_without_a_result() {
    let cut_off = lines(&[hello(), output(Stream::Stdout, "x")]);
    check_logs(&[("", cut_off)], "<output of run\n│ x\n>\n");
    let unknown = json!({"event": "finished", "message": "m"});
    let unknown = vec![line(&output(Stream::Stdout, "x")), read(&unknown)];
    check_logs(&[("", unknown)], "<output of run\n│ x\n>\n=result\nfinished: m\n");
}

#[test]
fn a_hostile_title_is_a_title() {
    let run = || lines(&[hello(), checked(Condition::PullRequest, true, "false", "false")]);
    let title = "::error:: 100 %\n##vso[x] travis_fold:end:y";
    let mark = "travis_fold:start:dpl_lambda_7_1\r\u{1b}[0K";
    for (log, mark, shown) in [
        (CiLog::GitHubActions, "::group::", "::error:: 100 %25\\u{a}# #vso[x] travis_fold:end:y"),
        (CiLog::Azure, "##[group]", "::error:: 100 %\\u{a}# #vso[x] travis_fold:end:y"),
        (CiLog::Buildkite, "--- ", "::error:: 100 %\\u{a}# #vso[x] travis_fold:end:y"),
        (CiLog::Travis, mark, "::error:: 100 %\\u{a}# #vso[x] travis_fold: end:y"),
    ] {
        let text = shown_in(LOG, LogGroups::new(log, || 7, false), &[(title, run())]);
        assert_eq!(text.lines().next(), Some(format!("{mark}{shown}").as_str()), "{log:?}");
    }
}
