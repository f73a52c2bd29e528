//! The last events of runs.

use super::*;

#[test]
fn a_failure_is_reported_last_and_its_hint_at_the_end() {
    let expected = "\
✗ update-function-code
the function's log:
│ START
│ boom

error[access-denied]: AWS refused UpdateFunctionCode: User:
  arn:aws:iam::123456789012:user/ci is not authorized
  caused by: service error
  caused by: AccessDeniedException
  at role
  already done: update-function-configuration, publish-version
  AWS: UpdateFunctionCode returned 403 AccessDeniedException, request
    dc6c2ca7-354e-f802-1c43-555b979afe6e
  allowed: the build continues, because `allow_failure` is set
  more: dpl-lambda explain access-denied
  hint: the caller needs an IAM policy that allows this action on this function;
    the statement below is the least that does
    {
      \"Effect\": \"Allow\",
      \"Action\": [\"lambda:UpdateFunctionCode\"],
      \"Resource\": [\"*\"]
    }
";
    check(SCREEN, &[started(StepName::UpdateFunctionCode, StepTarget::default()), a_failure()], expected);
    let coloured = "\u{1b}[1;31merror[access-denied]:\u{1b}[0m \u{1b}[1mAWS refused";
    assert!(shown(COLOUR, &[a_failure()]).contains(coloured));
}

#[test]
fn a_statement_that_a_hint_quotes_is_shown_once_and_whole() {
    let function = "arn:aws:lambda:us-east-1:123456789012:function:a-function-with-a-long-name";
    let statement = Statement::allow(["lambda:TagResource"], [function.to_owned()]);
    let hint = format!(
        "add this statement to the policy of the caller: {statement} (`dpl-lambda policy` prints all)"
    );
    let end = "  hint: add this statement to the policy of the caller (`dpl-lambda policy`
    prints all):
    {
      \"Effect\": \"Allow\",
      \"Action\": [\"lambda:TagResource\"],
      \"Resource\": [
        \"arn:aws:lambda:us-east-1:123456789012:function:a-function-with-a-long-name\"
      ]
    }
";
    let policy_statement = Some(Box::new(statement));
    let error = ErrorReport {
        policy_statement: policy_statement.clone(),
        ..ErrorReport::new(Code::AccessDenied, "no").hint(hint.clone())
    };
    let facts = "  nothing was changed\n  more: dpl-lambda explain access-denied\n";
    check(SCREEN, &[failed(error)], &format!("error[access-denied]: no\n{facts}{end}"));
    let warning = Warning { policy_statement, ..Warning::new(WarningCode::WouldBeRefused, "no").hint(hint) };
    check(SCREEN, &[Event::Warning(warning)], &format!("warning[would-be-refused]: no\n{end}"));
}

#[test]
fn a_log_that_was_reported_is_not_reported_again() {
    let line = |line| output(Stream::Log, line);
    let all = shown(SCREEN, &[line("INIT"), line("START"), line("boom"), a_failure()]);
    assert_eq!(all.matches("│ boom").count(), 1, "{all}");
    let other = shown(SCREEN, &[line("START"), a_failure()]);
    assert_eq!(other.matches("│ START").count(), 2, "{other}");
    let next = shown(SCREEN, &[line("START"), line("boom"), hello(), a_failure()]);
    assert_eq!(next.matches("│ boom").count(), 2, "{next}");
}

#[test]
fn all_problems_are_reported_each_with_its_place_and_hint() {
    let wrong = "`timeout` is `ten`; give whole seconds, such as 10";
    let problems = vec![
        problem(Code::BadValue, wrong, "/timeout", None),
        problem(Code::MissingKey, "`role` is missing", "/role", Some("name a role")),
    ];
    let expected = "\
error[bad-value]: `timeout` is `ten`; give whole seconds, such as 10
  at timeout
error[missing-key]: `role` is missing
  at role
  hint: name a role

failed: 2 problems
  nothing was changed
  more: dpl-lambda explain bad-value
";
    check(SCREEN, &[failed(ErrorReport::from_problems(problems))], expected);
}

#[test]
fn what_may_succeed_later_is_reported_where_no_hint_does() {
    let error = ErrorReport::new(Code::NetworkFailure, "AWS cannot be reached");
    let start = "error[network-failure]: AWS cannot be reached\n  nothing was changed\n";
    let more = "  more: dpl-lambda explain network-failure\n";
    check(SCREEN, &[failed(error.clone())], &format!("{start}  retrying later may succeed\n{more}"));
    check(SCREEN, &[failed(error.hint("try again"))], &format!("{start}{more}  hint: try again\n"));
}

#[test]
fn a_run_that_has_certainly_changed_nothing_says_so() {
    let denied = |http_status| ErrorReport {
        aws: Some(AwsDetail {
            operation: "UpdateFunctionCode".to_owned(),
            code: None,
            http_status,
            request_id: None,
        }),
        ..ErrorReport::new(Code::AccessDenied, "no")
    };
    let update = || started(StepName::UpdateFunctionCode, StepTarget::default());
    let wait = || started(StepName::Wait, StepTarget::default());
    let done = || finished(StepName::UpdateFunctionCode, 1, 1);
    let stashed = || Event::Warning(Warning::new(WarningCode::Stashed, "s"));
    let of = |code| failed(ErrorReport::new(code, "no"));
    let changed = vec![StepName::UpdateFunctionCode];
    let partly = Finished::Failed { error: Box::new(denied(Some(403))), changed, allowed: false };
    let in_hint = ErrorReport::new(Code::BadValue, "no").hint("nothing was changed");
    for (events, is_said) in [
        (vec![failed(denied(Some(403)))], true),
        (vec![update(), failed(denied(Some(403)))], true),
        (vec![wait(), of(Code::UpdateInProgress)], true),
        (vec![wait(), finished(StepName::Wait, 1, 1), update(), failed(denied(Some(400)))], true),
        (vec![update(), done(), hello(), of(Code::BadValue)], true),
        (vec![update(), failed(denied(Some(409)))], false),
        (vec![update(), failed(denied(Some(500)))], false),
        (vec![update(), failed(denied(None))], false),
        (vec![update(), of(Code::Cancelled)], false),
        (vec![update(), done(), of(Code::RunFailed)], false),
        (vec![output(Stream::Stdout, "x"), of(Code::BadValue)], false),
        (vec![stashed(), of(Code::BadValue)], false),
        (vec![Event::Finished(partly)], false),
        (vec![of(Code::RunFailed)], false),
        (vec![of(Code::Internal)], false),
        (vec![of(Code::PackageUnwritable)], false),
        (vec![failed(in_hint)], false),
        (vec![Event::Finished(Finished::Checked {})], false),
    ] {
        let text = shown(SCREEN, &events);
        assert_eq!(text.contains("\n  nothing was changed\n"), is_said, "{text}");
    }
}

#[test]
fn other_outcomes_have_their_own_facts() {
    let check = |finished: Finished, expected: &str| check(SCREEN, &[Event::Finished(finished)], expected);
    check(Finished::Checked {}, "checked: the stanza is valid and its conditions are met\n");
    let unmet = vec![
        unmet(Condition::PullRequest, "false", "5", "the current build is a pull request."),
        unmet(Condition::Condition, "", "false", "a custom condition was not met"),
    ];
    let expected = "\
skipped: the conditions are not met; nothing was done
  ✗ pull-request: the current build is a pull request.
  ✗ condition: a custom condition was not met
    want \"\", got false
";
    check(Finished::Skipped { unmet }, expected);
    let expected = "\
packaged out.zip
  from         dist: 3 entries, 2.0 KiB unpacked, 152 bytes zipped
  code_sha256  3i5t
";
    check(Finished::Packaged { package: a_package(3, 2048), output: "out.zip".to_owned() }, expected);
    let unchanged = Deployment {
        version: "$LATEST".to_owned(),
        alias: None,
        aliases: Vec::new(),
        previous_version: None,
        code_sha256: "3i5t".to_owned(),
        code: CodeState::Unchanged,
        function_url: None,
        duration_ms: 12,
        ..a_live_function()
    };
    let expected = "\
unchanged: hello already matches the stanza
  version  $LATEST
  code     unchanged, 3i5t
  region   eu-west-1
  took     12 ms
";
    let left = Deployment { reason: Some("the last release did not move it".into()), ..unchanged.clone() };
    check(Finished::Unchanged(unchanged), expected);
    check(
        Finished::Unchanged(left),
        &expected.replace("hello already matches the stanza", "hello: the last release did not move it"),
    );
    let codedeploy =
        CodeDeployDeployment { deployment_id: "d-1".to_owned(), status: "InProgress".to_owned() };
    check(
        Finished::Deployed(Deployment {
            aliases: Vec::new(),
            function_url: None,
            codedeploy: Some(codedeploy),
            ..a_live_function()
        }),
        "\
deployed hello
  version     7
  alias       live
  previous    version 6
  code        uploaded, 3i5tMyoTJJcrubuNxRmFS7sSY3+WfXPMVwpWzl7GoSQ=
  region      eu-west-1
  codedeploy  d-1, InProgress; the traffic is still moving
  took        121.5 s
",
    );
}

#[test]
fn a_list_has_a_heading_for_each_function_and_a_table_at_the_end() {
    let error = ErrorReport::new(Code::Conflict, "no").hint("h");
    let functions = vec![
        FunctionOutcome::of(0, None, Finished::Deployed(a_live_function())),
        FunctionOutcome::of(1, Some("orders".to_owned()), Finished::failed(error, Vec::new())),
        FunctionOutcome::of(2, None, Finished::stopped(Vec::new())),
    ];
    let list = ListOutcome::of(functions, vec![StepName::UpdateFunctionCode], 9120);
    let lines = [
        line_of(0, "hello", checked(Condition::Tags, true, "true", "true")),
        line_of(1, "orders", checked(Condition::PullRequest, true, "false", "false")),
        line_of(1, "orders", started(StepName::UpdateFunctionCode, StepTarget::default())),
        line_of(1, "orders", Event::Finished(Finished::List(Box::new(list)))),
    ];
    let heading = |name: &str| format!("── {name} {}", "─".repeat(76 - name.len()));
    let (hello, orders) = (heading("hello"), heading("orders"));
    let expected = format!(
        "\
{hello}
✓ tags: want true, got true

{orders}
✓ not a pull request

✗ update-function-code

failed: 3 stanzas in 9.1 s
  function  outcome   version  previous  code      time
  hello     deployed  7        6         uploaded  121.5 s
  orders    failed    conflict
  stanza 2  stopped

orders:
error[conflict]: no
  already done: update-function-code
  more: dpl-lambda explain conflict
  hint: h
"
    );
    let shown = shown_lines(SCREEN, &lines);
    assert_eq!(shown, expected, "\n{shown}");
}
