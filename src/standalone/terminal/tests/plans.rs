//! Plans as tables.

use super::*;

#[test]
fn a_plan_is_a_table() {
    let expected = "\
plan: the function exists; 4 steps, 7 changes
  update-function-configuration
    ~ timeout            10 → 20
    ~ description        \"\" → says good-bye
    - environment.TOKEN  [secure]
    + layers             arn:aws:lambda:us-east-1:123456789012:layer:a:1
                         arn:aws:lambda:us-east-1:123456789012:layer:b:2
    ~ role               arn:aws:iam::123456789012:role/service/run-a
                       → arn:aws:iam::123456789012:role/service/run-b
  update-function-code
    ~ code_sha256        5TmRQrqIk0OA → 3i5tMyoTJJcr
  publish-version
  add-permission
    + function_url.permission.lambda:InvokeFunctionUrl  *
";
    check(SCREEN, &[a_plan()], expected);
}

#[test]
fn a_narrow_plan_is_a_table_too() {
    let expected = "\
plan: the function exists; 4 steps, 7
  changes
  update-function-configuration
    ~ timeout      10 → 20
    ~ description  \"\" → says good-bye
    - environment.TOKEN  [secure]
    + layers       arn:aws:la…:layer:a:1
                   arn:aws:la…:layer:b:2
    ~ role         arn:aws:ia…vice/run-a
                 → arn:aws:ia…vice/run-b
  update-function-code
    ~ code_sha256  5TmRQrqIk0OA
                 → 3i5tMyoTJJcr
  publish-version
  add-permission
    + function_url.permission.lambda:InvokeFunctionUrl
                   *
";
    check(NARROW, &[a_plan()], expected);
}

#[test]
fn a_log_keeps_every_value_whole() {
    let shown = shown(LOG, &[a_plan()]);
    let layers = concat!(
        "    + layers                                            ",
        "arn:aws:lambda:us-east-1:123456789012:layer:a:1, ",
        "arn:aws:lambda:us-east-1:123456789012:layer:b:2\n",
    );
    let hashes =
        "  5TmRQrqIk0OAxCDyeOacC0BCftTbG8DVAKHwTPziMqI= → 3i5tMyoTJJcrubuNxRmFS7sSY3+WfXPMVwpWzl7GoSQ=\n";
    for whole in [layers, hashes] {
        assert!(shown.contains(whole), "{shown}");
    }
}

#[test]
fn a_plan_fits_whatever_the_width() {
    for width in 20..=130 {
        for style in [
            TerminalCapabilities { width: Some(width), ..SCREEN },
            TerminalCapabilities { width: Some(width), ..ASCII },
        ] {
            // A field is never shortened, because users search for it in the stanza.
            for line in shown(style, &[a_plan()]).lines().filter(|line| !line.contains("function_url")) {
                assert!(text::width(line) <= usize::from(width).max(31), "{width}: {line}");
            }
        }
    }
}

#[test]
fn lists_that_do_not_fit_are_item_by_item() {
    let subnet = |number: u32| format!("subnet-0123456789abcdef{number}");
    let subnets = change("subnet_ids", vec![subnet(1), subnet(2)], vec![subnet(1), subnet(3)]);
    let short = change("security_group_ids", vec!["sg-1"], json!([]));
    let expected = "\
plan: the function exists; 1 step, 2 changes
  update-function-configuration
    ~ subnet_ids          subnet-0123456789abcdef1
                          subnet-0123456789abcdef2
                        → subnet-0123456789abcdef1
                          subnet-0123456789abcdef3
    ~ security_group_ids  sg-1 → []
";
    check(SCREEN, &[planned(StepName::UpdateFunctionConfiguration, vec![subnets, short])], expected);
}

#[test]
fn a_value_that_is_masked_is_another_one_and_a_share_is_in_percent() {
    let changes = vec![
        change("environment.TOKEN", "[secure]", "[secure]"),
        change("alias.live.traffic", 0, 50),
        change("environment.alias.x.traffic", Value::Null, "[secure]"),
    ];
    let expected = "\
plan: the function exists; 1 step, 3 changes
  shift-traffic
    ~ environment.TOKEN            [secure] → another [secure]
    ~ alias.live.traffic           0 % → 50 %
    + environment.alias.x.traffic  [secure]
";
    for style in [SCREEN, LOG] {
        check(style, &[planned(StepName::ShiftTraffic, changes.clone())], expected);
    }
}

#[test]
fn two_hashes_never_look_the_same() {
    let digest = |end: &str| format!("1.dkr.ecr.us-east-1.amazonaws.com/app@sha256:{}{end}", "0".repeat(63));
    let changes = vec![change("image_uri", digest("1"), digest("2"))];
    let expected = "\
plan: the function exists; 1 step, 1 change
  update-function-code
    ~ image_uri  1.dkr.ecr.us-east-1.amazonaws.c…0000000000000000000000000000001
               → 1.dkr.ecr.us-east-1.amazonaws.c…0000000000000000000000000000002
";
    check(SCREEN, &[planned(StepName::UpdateFunctionCode, changes)], expected);
}

#[test]
fn wide_characters_are_in_columns() {
    let changes = vec![
        change("function_tags.チーム", "注文", "支払い"),
        change("function_tags.team", "🚀", "👩\u{200d}🚀"),
        change("description", Value::Null, "日本語".repeat(20)),
    ];
    let expected = "\
plan: the function exists; 1 step, 3 changes
  tag-resource
    ~ function_tags.チーム  注文 → 支払い
    ~ function_tags.team    🚀 → 👩\u{200d}🚀
    + description           日本語日本語日本語日本語日…日本語日本語日本語日本語
";
    check(SCREEN, &[planned(StepName::TagResource, changes)], expected);
}

#[test]
fn a_plan_is_reported_once() {
    let steps = vec![step(StepName::UpdateAlias, vec![change("alias.live", "2", "1")])];
    let (planned, finished) = (Event::Planned(plan(steps.clone())), Finished::Planned(plan(steps)));
    let finished = Event::Finished(finished);
    let table = "plan: the function exists; 1 step, 1 change\n  update-alias\n    ~ alias.live  2 → 1\n";
    let end = "\nplanned: 1 step, 1 change; nothing was changed\n";
    check(SCREEN, &[planned, finished.clone()], &format!("{table}{end}"));
    check(SCREEN, &[finished], &format!("{table}{end}"));
    let nothing = plan(Vec::new());
    check(
        SCREEN,
        &[Event::Planned(nothing.clone()), Event::Finished(Finished::Planned(nothing))],
        "plan: the function exists: no changes\n\nplanned: no changes are needed\n",
    );
}

#[test]
fn a_step_of_a_plan_that_was_given_up_is_marked() {
    let started = |step| started(step, StepTarget::default());
    check(
        SCREEN,
        &[
            started(StepName::CreateFunction),
            Event::Planned(plan(Vec::new())),
            started(StepName::UpdateAlias),
            started(StepName::DeleteFunction),
        ],
        "✗ create-function\n\nplan: the function exists: no changes\n\n✗ update-alias\n",
    );
}
