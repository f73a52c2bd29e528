//! The exact text for given events.

use super::*;
use serde_json::json;

const SCREEN: TerminalCapabilities =
    TerminalCapabilities { colour: false, width: Some(80), live: false, unicode: true };
const NARROW: TerminalCapabilities = TerminalCapabilities { width: Some(40), ..SCREEN };
const LOG: TerminalCapabilities = TerminalCapabilities { width: None, ..SCREEN };
const COLOUR: TerminalCapabilities = TerminalCapabilities { colour: true, ..SCREEN };
const LIVE: TerminalCapabilities = TerminalCapabilities { live: true, ..SCREEN };
const ASCII: TerminalCapabilities = TerminalCapabilities { unicode: false, ..SCREEN };

fn shown(style: TerminalCapabilities, events: &[Value]) -> String {
    let mut out = Vec::new();
    let mut terminal = HumanReporter::new(&mut out, style);
    for event in events {
        terminal.show(event).unwrap();
    }
    terminal.end().unwrap();
    String::from_utf8(out).unwrap()
}

#[track_caller]
fn check(style: TerminalCapabilities, events: &[Value], expected: &str) {
    let shown = shown(style, events);
    assert_eq!(shown, expected, "\n{shown}");
}

fn a_plan() -> Value {
    json!({"event": "planned", "function": "exists", "steps": [
        {"step": "update-function-configuration", "changes": [
            {"field": "timeout", "from": 10, "to": 20},
            {"field": "description", "from": "", "to": "says good-bye"},
            {"field": "environment.TOKEN", "from": "[secure]", "to": null},
            {"field": "layers", "from": null, "to": ["arn:aws:lambda:us-east-1:123456789012:layer:a:1", "arn:aws:lambda:us-east-1:123456789012:layer:b:2"]},
            {"field": "role", "from": "arn:aws:iam::123456789012:role/service/run-a", "to": "arn:aws:iam::123456789012:role/service/run-b"}
        ]},
        {"step": "update-function-code", "changes": [
            {"field": "code_sha256", "from": "5TmRQrqIk0OAxCDyeOacC0BCftTbG8DVAKHwTPziMqI=", "to": "3i5tMyoTJJcrubuNxRmFS7sSY3+WfXPMVwpWzl7GoSQ="}
        ]},
        {"step": "publish-version", "changes": []},
        {"step": "add-permission", "changes": [
            {"field": "function_url.permission.lambda:InvokeFunctionUrl", "from": null, "to": "*"}
        ]}
    ], "message": "planned"})
}

#[test]
fn a_plan_is_a_table() {
    check(
        SCREEN,
        &[a_plan()],
        "\
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
",
    );
}

#[test]
fn a_narrow_plan_is_a_table_too() {
    check(
        NARROW,
        &[a_plan()],
        "\
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
",
    );
}

#[test]
fn a_log_keeps_every_value_whole() {
    let shown = shown(LOG, &[a_plan()]);
    for whole in [
        "    + layers                                            arn:aws:lambda:us-east-1:123456789012:layer:a:1, arn:aws:lambda:us-east-1:123456789012:layer:b:2\n",
        "  5TmRQrqIk0OAxCDyeOacC0BCftTbG8DVAKHwTPziMqI= → 3i5tMyoTJJcrubuNxRmFS7sSY3+WfXPMVwpWzl7GoSQ=\n",
    ] {
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
    let change = json!({"field": "subnet_ids", "from": [subnet(1), subnet(2)], "to": [subnet(1), subnet(3)]});
    let short = json!({"field": "security_group_ids", "from": ["sg-1"], "to": []});
    let plan = json!({"event": "planned", "steps": [{"step": "update-function-configuration", "changes": [change, short]}]});
    check(
        SCREEN,
        &[plan],
        "\
plan: 1 step, 2 changes
  update-function-configuration
    ~ subnet_ids          subnet-0123456789abcdef1
                          subnet-0123456789abcdef2
                        → subnet-0123456789abcdef1
                          subnet-0123456789abcdef3
    ~ security_group_ids  sg-1 → []
",
    );
}

#[test]
fn a_value_that_is_masked_is_another_one_and_a_share_is_in_percent() {
    let changes = json!([
        {"field": "environment.TOKEN", "from": "[secure]", "to": "[secure]"},
        {"field": "alias.live.traffic", "from": 0, "to": 50},
        {"field": "environment.alias.x.traffic", "from": null, "to": "[secure]"},
    ]);
    let plan = json!({"event": "planned", "steps": [{"step": "shift-traffic", "changes": changes}]});
    for style in [SCREEN, LOG] {
        check(
            style,
            std::slice::from_ref(&plan),
            "\
plan: 1 step, 3 changes
  shift-traffic
    ~ environment.TOKEN            [secure] → another [secure]
    ~ alias.live.traffic           0 % → 50 %
    + environment.alias.x.traffic  [secure]
",
        );
    }
}

#[test]
fn two_hashes_never_look_the_same() {
    let digest = |end: &str| format!("1.dkr.ecr.us-east-1.amazonaws.com/app@sha256:{}{end}", "0".repeat(63));
    let change = json!({"field": "image_uri", "from": digest("1"), "to": digest("2")});
    let plan = json!({"event": "planned", "steps": [{"step": "update-function-code", "changes": [change]}]});
    check(
        SCREEN,
        &[plan],
        "\
plan: 1 step, 1 change
  update-function-code
    ~ image_uri  1.dkr.ecr.us-east-1.amazonaws.c…0000000000000000000000000000001
               → 1.dkr.ecr.us-east-1.amazonaws.c…0000000000000000000000000000002
",
    );
}

#[test]
fn wide_characters_are_in_columns() {
    let plan = json!({"event": "planned", "function": "exists", "steps": [{"step": "tag-resource", "changes": [
        {"field": "function_tags.チーム", "from": "注文", "to": "支払い"},
        {"field": "function_tags.team", "from": "🚀", "to": "👩\u{200d}🚀"},
        {"field": "description", "from": null, "to": "日本語".repeat(20)},
    ]}]});
    check(
        SCREEN,
        &[plan],
        "\
plan: the function exists; 1 step, 3 changes
  tag-resource
    ~ function_tags.チーム  注文 → 支払い
    ~ function_tags.team    🚀 → 👩\u{200d}🚀
    + description           日本語日本語日本語日本語日…日本語日本語日本語日本語
",
    );
}

fn a_deployment() -> Vec<Value> {
    vec![
        json!({"event": "hello", "protocol": [1], "name": "dpl-lambda", "version": "0.1.0", "message": "dpl-lambda 0.1.0"}),
        json!({"event": "condition-checked", "condition": "pull-request", "met": true, "want": "false", "got": "false", "message": "no pull request"}),
        json!({"event": "condition-checked", "condition": "branch", "met": true, "want": "main, release/*", "got": "main", "message": "branch met"}),
        json!({"event": "warning", "code": "unknown-key", "at": "/environment/a~1b", "hint": "did you mean `memory_size`?",
            "message": "warning: `memory` is no option of a lambda stanza, it is ignored; did you mean `memory_size`?"}),
        json!({"event": "identified", "source": "environment", "access_key_id": "AK******************", "region": "eu-west-1", "message": "m"}),
        json!({"event": "packaged", "entries": 1, "uncompressed_bytes": 38, "zip_bytes": 152, "code_sha256": "3i5t", "source": "dist", "message": "m"}),
        json!({"event": "planned", "function": "exists", "steps": [
            {"step": "update-function-code", "changes": []}, {"step": "verify", "changes": []}, {"step": "shift-traffic", "changes": []},
            {"step": "wait", "changes": []}, {"step": "update-alias", "changes": [{"field": "alias.live", "from": "6", "to": "the new version"}]}]}),
        json!({"event": "step-started", "step": "update-function-code", "function_name": "hello", "message": "m"}),
        json!({"event": "step-finished", "step": "update-function-code", "duration_ms": 1234, "attempts": 2, "request_id": "r", "message": "m"}),
        json!({"event": "step-started", "step": "verify", "function_name": "hello", "version": "7", "message": "m"}),
        json!({"event": "output", "stream": "stderr", "line": "\u{1b}[32mok\u{1b}[0m\t1", "message": "m"}),
        json!({"event": "step-finished", "step": "verify", "duration_ms": 90, "attempts": 1, "request_id": "r", "message": "m"}),
        json!({"event": "step-started", "step": "shift-traffic", "function_name": "hello", "alias": "live", "version": "7", "percent": 10, "message": "m"}),
        json!({"event": "step-finished", "step": "shift-traffic", "duration_ms": 4, "attempts": 1, "request_id": "r", "message": "m"}),
        json!({"event": "step-started", "step": "wait", "function_name": "hello", "seconds": 120, "message": "m"}),
        json!({"event": "step-finished", "step": "wait", "duration_ms": 120_000, "attempts": 0, "request_id": null, "message": "m"}),
        json!({"event": "step-started", "step": "update-alias", "function_name": "hello", "alias": "live", "version": "7", "message": "m"}),
        json!({"event": "step-finished", "step": "update-alias", "duration_ms": 5, "attempts": 1, "request_id": "r", "message": "m"}),
        json!({"event": "finished", "outcome": "deployed", "function_arn": "arn", "function_name": "hello", "region": "eu-west-1",
            "version": "7", "alias": "live", "aliases": ["live", "next"], "previous_version": "6", "code_sha256": "3i5tMyoTJJcrubuNxRmFS7sSY3+WfXPMVwpWzl7GoSQ=",
            "code": "uploaded", "function_url": "https://abc.lambda-url.eu-west-1.on.aws/", "duration_ms": 121_500, "message": "m"}),
    ]
}

#[test]
fn a_deployment_is_reported_step_by_step() {
    check(
        SCREEN,
        &a_deployment(),
        "\
✓ no pull request
✓ branch: want main, release/*, got main
warning[unknown-key]: `memory` is no option of a lambda stanza, it is ignored
  at environment.a/b
  hint: did you mean `memory_size`?
· access key AK****************** (environment), region eu-west-1
· packaged dist: 1 entry, 38 bytes unpacked, 152 bytes zipped

plan: the function exists; 5 steps, 1 change
  update-function-code
  verify
  shift-traffic
  wait
  update-alias
    ~ alias.live  6 → the new version

✓ update-function-code    1.2 s (2 attempts)
… verify  version 7
│ ok\t1
✓ verify                  90 ms  version 7
✓ shift-traffic            4 ms  10 % of live to version 7
… wait  120 s
✓ wait                  120.0 s
✓ update-alias             5 ms  live at version 7

deployed hello
  version   7
  alias     live, next
  previous  version 6
  code      uploaded, 3i5tMyoTJJcrubuNxRmFS7sSY3+WfXPMVwpWzl7GoSQ=
  region    eu-west-1
  url       https://abc.lambda-url.eu-west-1.on.aws/
  took      121.5 s
",
    );
}

#[test]
fn a_terminal_without_utf_8_gets_ascii_marks() {
    let shown = shown(ASCII, &a_deployment());
    assert!(shown.is_ascii(), "{shown}");
    for line in [
        "ok no pull request\n",
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
    check(
        COLOUR,
        &[&events[1..4], &events[6..9], &events[18..]].concat(),
        "\
\u{1b}[32m✓\u{1b}[0m \u{1b}[2mno pull request\u{1b}[0m
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
",
    );
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
        &[&events[7..9], &events[9..11]].concat(),
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
    let alias = "a".repeat(60);
    let started = json!({"event": "step-started", "step": "update-alias", "alias": alias, "version": "7"});
    check(
        TerminalCapabilities { width: Some(30), ..LIVE },
        &[started],
        &format!("\r… update-alias…a at version 7\r{}\r", " ".repeat(29)),
    );
}

#[test]
fn prose_is_not_as_wide_as_a_wide_terminal() {
    let hint = "word ".repeat(60);
    let warning = json!({"event": "warning", "code": "deprecated", "message": "m", "hint": hint.trim_end()});
    let shown = shown(TerminalCapabilities { width: Some(250), ..SCREEN }, &[warning]);
    assert!(shown.lines().count() == 5 && shown.lines().all(|line| text::width(line) <= 100), "{shown}");
}

#[test]
fn a_step_is_about_what_its_own_start_said() {
    check(
        SCREEN,
        &[
            json!({"event": "step-started", "step": "update-alias", "alias": "live", "version": "7"}),
            json!({"event": "step-finished", "step": "delete-function", "duration_ms": 3, "attempts": 1}),
        ],
        "✓ delete-function 3 ms\n",
    );
}

fn progress(done: u64) -> Value {
    json!({"event": "progress", "task": "upload", "done_bytes": done * 1_048_576, "total_bytes": 40_u64 * 1_048_576, "message": "m"})
}

#[test]
fn progress_is_a_bar_on_a_terminal_and_quarters_in_a_log() {
    let events = [progress(1), progress(11), progress(12), progress(35), progress(39), progress(40)];
    check(
        LOG,
        &events,
        "\
… uploading: 27 %, 11.0 MiB of 40.0 MiB
… uploading: 87 %, 35.0 MiB of 40.0 MiB
… uploading: 100 %, 40.0 MiB of 40.0 MiB
",
    );
    let bar =
        |full: usize, end: &str| format!("\r… uploading {}{} {end}", "━".repeat(full), "─".repeat(30 - full));
    let (first, second) = (bar(8, " 27 %  11.0 MiB of 40.0 MiB"), bar(0, "  2 %  1.0 MiB of 40.0 MiB"));
    let wide = text::width(&second) - text::width("\r");
    check(LIVE, &[progress(11), progress(1)], &format!("{first}{second} \u{8}\r{}\r", " ".repeat(wide)));
    let few = TerminalCapabilities { width: Some(24), ..LIVE };
    assert!(
        shown(few, &[progress(20)]).contains("\r… uploading ━━───  50 %\r"),
        "{:?}",
        shown(few, &[progress(20)])
    );
    let nothing = json!({"event": "progress", "task": "upload", "done_bytes": u64::MAX, "total_bytes": 0});
    assert!(shown(LIVE, &[nothing]).contains("  0 %"));
}

fn wait(seconds: u64) -> Value {
    json!({"event": "progress", "task": "wait", "what": "the update", "elapsed_ms": seconds * 1000 + 7, "message": "m"})
}

#[test]
fn a_wait_is_reported_behind_the_step_on_a_terminal_and_ever_more_seldom_in_a_log() {
    let started = json!({"event": "step-started", "step": "update-function-code"});
    let waits: Vec<Value> = (1..=60).map(|round| wait(round * 5)).collect();
    let reported = shown(LOG, &waits);
    assert!(
        reported.starts_with("… waiting for the update (5 s)\n… waiting for the update (10 s)\n"),
        "{reported}"
    );
    assert_eq!(reported.lines().count(), 10, "{reported}");
    // A new wait starts over.
    assert_eq!(shown(LOG, &[wait(40), wait(5)]).lines().count(), 2);
    let reported = shown(LIVE, &[started, wait(5)]);
    assert!(reported.contains("\r… update-function-code: waiting for the update (5 s)"), "{reported:?}");
}

fn a_failure() -> Value {
    json!({"event": "finished", "outcome": "failed", "changed": ["update-function-configuration", "publish-version"], "allowed": true, "error": {
        "code": "access-denied", "class": "auth", "retryable": false, "at": "/role",
        "message": "AWS refused UpdateFunctionCode: User: arn:aws:iam::123456789012:user/ci is not authorized",
        "caused_by": ["service error", "AccessDeniedException"],
        "hint": "the caller needs an IAM policy that allows this action on this function; the statement below is the least that does",
        "aws": {"operation": "UpdateFunctionCode", "code": "AccessDeniedException", "http_status": 403, "request_id": "dc6c2ca7-354e-f802-1c43-555b979afe6e"},
        "log": ["START", "boom"],
        "policy_statement": {"Effect": "Allow", "Action": ["lambda:UpdateFunctionCode"]}
    }, "message": "failed"})
}

#[test]
fn a_failure_is_reported_last_and_its_hint_at_the_end() {
    let started = json!({"event": "step-started", "step": "update-function-code", "function_name": "hello", "message": "m"});
    check(
        SCREEN,
        &[started, a_failure()],
        "\
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
  hint: the caller needs an IAM policy that allows this action on this function;
    the statement below is the least that does
    {
      \"Effect\": \"Allow\",
      \"Action\": [\"lambda:UpdateFunctionCode\"]
    }
",
    );
    assert!(
        shown(COLOUR, &[a_failure()])
            .contains("\u{1b}[1;31merror[access-denied]:\u{1b}[0m \u{1b}[1mAWS refused")
    );
}

#[test]
fn a_statement_that_a_hint_quotes_is_shown_once_and_whole() {
    let statement = json!({"Effect": "Allow", "Action": ["lambda:TagResource"],
        "Resource": ["arn:aws:lambda:us-east-1:123456789012:function:a-function-with-a-long-name"]});
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
    let error =
        json!({"code": "access-denied", "message": "no", "hint": hint, "policy_statement": statement});
    let failed = json!({"event": "finished", "outcome": "failed", "error": error});
    check(SCREEN, &[failed], &format!("error[access-denied]: no\n{end}"));
    // A warning has no `policy_statement`, only the statement in its hint.
    let message = format!("warning: no; {hint}");
    let warning = json!({"event": "warning", "code": "would-be-refused", "message": message, "hint": hint});
    check(SCREEN, &[warning], &format!("warning[would-be-refused]: no\n{end}"));
}

#[test]
fn a_log_that_was_reported_is_not_reported_again() {
    let line = |line| json!({"event": "output", "stream": "log", "line": line});
    let all = shown(SCREEN, &[line("INIT"), line("START"), line("boom"), a_failure()]);
    assert_eq!(all.matches("│ boom").count(), 1, "{all}");
    let other = shown(SCREEN, &[line("START"), a_failure()]);
    assert_eq!(other.matches("│ START").count(), 2, "{other}");
    let hello = json!({"event": "hello"});
    let next = shown(SCREEN, &[line("START"), line("boom"), hello, a_failure()]);
    assert_eq!(next.matches("│ boom").count(), 2, "{next}");
}

#[test]
fn all_problems_are_reported_each_with_its_place_and_hint() {
    let problems = json!([
        {"code": "bad-value", "message": "`timeout` is `ten`; give whole seconds, such as 10", "at": "/timeout", "hint": null},
        {"code": "missing-key", "message": "`role` is missing", "at": "/role", "hint": "name a role"},
    ]);
    let error = json!({"code": "bad-value", "message": "`timeout` is `ten`; give whole seconds, such as 10 (and 1 more)", "caused_by": [],
        "at": "/timeout", "hint": null, "retryable": false, "aws": null, "problems": problems});
    check(
        SCREEN,
        &[json!({"event": "finished", "outcome": "failed", "changed": [], "error": error})],
        "\
error[bad-value]: `timeout` is `ten`; give whole seconds, such as 10
  at timeout
error[missing-key]: `role` is missing
  at role
  hint: name a role

failed: 2 problems
",
    );
}

#[test]
fn what_may_succeed_later_is_reported_where_no_hint_does() {
    let failed = |hint: Value| {
        let error = json!({"code": "network-failure", "message": "AWS cannot be reached", "retryable": true, "hint": hint});
        json!({"event": "finished", "outcome": "failed", "error": error})
    };
    check(
        SCREEN,
        &[failed(Value::Null)],
        "error[network-failure]: AWS cannot be reached\n  retrying later may succeed\n",
    );
    check(
        SCREEN,
        &[failed(json!("try again"))],
        "error[network-failure]: AWS cannot be reached\n  hint: try again\n",
    );
}

#[test]
fn other_outcomes_have_their_own_facts() {
    let finished = |outcome: &str, more: Value| {
        let mut event = json!({"event": "finished", "outcome": outcome, "message": "m"});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    check(
        SCREEN,
        &[finished("checked", json!({}))],
        "checked: the stanza is valid and its conditions are met\n",
    );
    check(
        SCREEN,
        &[finished(
            "skipped",
            json!({"unmet": [
            {"condition": "pull-request", "want": "false", "got": "5", "message": "the current build is a pull request."},
            {"condition": "condition", "want": "", "got": "false", "message": "a custom condition was not met"}]}),
        )],
        "\
skipped: the conditions are not met; nothing was done
  ✗ pull-request: the current build is a pull request.
  ✗ condition: a custom condition was not met
    want \"\", got false
",
    );
    check(
        SCREEN,
        &[finished(
            "packaged",
            json!({"output": "out.zip", "package": {"entries": 3, "uncompressed_bytes": 2048, "zip_bytes": 152, "code_sha256": "3i5t", "source": "dist"}}),
        )],
        "\
packaged out.zip
  from         dist: 3 entries, 2.0 KiB unpacked, 152 bytes zipped
  code_sha256  3i5t
",
    );
    check(
        SCREEN,
        &[finished(
            "unchanged",
            json!({"function_name": "hello", "version": "$LATEST", "alias": null, "code": "unchanged", "code_sha256": "3i5t", "region": "eu-west-1", "duration_ms": 12}),
        )],
        "\
unchanged: hello already matches the stanza
  version  $LATEST
  code     unchanged, 3i5t
  region   eu-west-1
  took     12 ms
",
    );
    check(SCREEN, &[finished("promoted", json!({}))], "finished: m\n");
}

#[test]
fn a_plan_is_reported_once() {
    let steps =
        json!([{"step": "update-alias", "changes": [{"field": "alias.live", "from": "2", "to": "1"}]}]);
    let planned = json!({"event": "planned", "function": "exists", "steps": steps});
    let finished = json!({"event": "finished", "outcome": "planned", "function": "exists", "steps": steps});
    let table = "plan: the function exists; 1 step, 1 change\n  update-alias\n    ~ alias.live  2 → 1\n";
    let end = "\nplanned: 1 step, 1 change; nothing was changed\n";
    check(SCREEN, &[planned, finished.clone()], &format!("{table}{end}"));
    check(SCREEN, &[finished], &format!("{table}{end}"));
    let nothing = json!({"event": "planned", "function": "exists", "steps": []});
    let finished = json!({"event": "finished", "outcome": "planned", "function": "exists", "steps": []});
    check(
        SCREEN,
        &[nothing, finished],
        "plan: the function exists: no changes\n\nplanned: no changes are needed\n",
    );
}

#[test]
fn a_step_of_a_plan_that_was_given_up_is_marked() {
    let started = |step| json!({"event": "step-started", "step": step, "function_name": "f"});
    let again = json!({"event": "planned", "function": "exists", "steps": []});
    check(
        SCREEN,
        &[started("create-function"), again, started("update-alias"), started("delete-function")],
        "✗ create-function\n\nplan: the function exists: no changes\n\n✗ update-alias\n",
    );
}

#[test]
fn several_stanzas_have_headings() {
    let mut out = Vec::new();
    let mut terminal = HumanReporter::new(&mut out, NARROW);
    let checked = json!({"event": "finished", "outcome": "checked"});
    terminal.heading("deploy 1 of 2: orders").unwrap();
    terminal.show(&checked).unwrap();
    terminal.heading("a name that is longer\n than the terminal is wide").unwrap();
    terminal.show(&checked).unwrap();
    terminal.end().unwrap();
    let expected = "\
── deploy 1 of 2: orders ───────────────
checked: the stanza is valid and its
  conditions are met

── a name that is lo…terminal is wide ──
checked: the stanza is valid and its
  conditions are met
";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn an_unknown_event_is_reported_by_its_message_or_passed_over() {
    check(
        SCREEN,
        &[json!({"event": "celebrated", "message": "hooray"}), json!({"event": "new"}), json!(7)],
        "· hooray\n",
    );
}

/// At least one event of each kind.
fn all_events() -> Vec<Value> {
    let mut events = a_deployment();
    events.extend([a_plan(), a_failure(), progress(20), json!({"event": "unknown", "message": "m"})]);
    events.push(json!({"event": "finished", "outcome": "skipped", "unmet": [{"condition": "tags", "want": "a", "got": "b", "message": "c"}]}));
    events.push(json!({"event": "finished", "outcome": "packaged", "output": "o", "package": {"source": "s", "code_sha256": "h"}}));
    events.push(json!({"event": "finished", "outcome": "failed", "error": {"problems": [{"code": "c", "message": "m", "at": "/a", "hint": "h"}]}}));
    events.push(json!({"event": "condition-checked", "condition": "tags", "met": false, "want": "a", "got": "b", "message": "c"}));
    events
}

/// Variants of an event, each with one value replaced. `event` and `outcome` are never replaced.
fn each_replaced(event: &Value, by: &Value) -> Vec<Value> {
    fn pointers(value: &Value, at: &str, found: &mut Vec<String>) {
        let mut child = |key: &str, value: &Value| {
            let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
            found.push(at.clone());
            pointers(value, &at, found);
        };
        match value {
            Value::Object(members) => members.iter().for_each(|(key, value)| child(key, value)),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(at, value)| child(&at.to_string(), value))
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    pointers(event, "", &mut found);
    let replaced = |pointer: &String| {
        let mut event = event.clone();
        *event.pointer_mut(pointer).unwrap() = by.clone();
        event
    };
    found.iter().filter(|at| *at != "/event" && *at != "/outcome").map(replaced).collect()
}

#[test]
fn hostile_text_never_reaches_the_terminal() {
    let hostile = json!("\u{1b}[2J\u{1b}]0;x\u{7}\r\n\u{9b}31m\u{8}\u{202e}\u{2028}\u{0}");
    let mut tried = 0;
    for event in all_events() {
        for event in each_replaced(&event, &hostile) {
            for style in [SCREEN, NARROW, LOG, ASCII] {
                let shown = shown(style, std::slice::from_ref(&event));
                let raw =
                    |c: char| (c.is_control() && c != '\n' && c != '\t') || "\u{202e}\u{2028}".contains(c);
                assert!(!shown.contains(raw), "{event}\n{shown:?}");
                tried += usize::from(shown.contains("\\u{1b}"));
            }
            let coloured = shown(COLOUR, &[event]);
            assert!(
                !coloured.contains("\u{1b}[2J") && !coloured.contains(['\r', '\u{7}', '\u{9b}']),
                "{coloured:?}"
            );
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
            terminal.show(&event).unwrap();
        }
    }
}

#[test]
fn an_output_that_is_closed_is_an_error() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut terminal = HumanReporter::new(Closed, LIVE);
    for event in a_deployment().iter().filter(|event| event["event"] != "hello") {
        assert_eq!(terminal.show(event).unwrap_err().kind(), io::ErrorKind::BrokenPipe, "{event}");
    }
}

#[test]
fn no_line_is_a_command_to_the_log_that_it_goes_to() {
    fn poisoned(value: &mut Value, with: &str) {
        match value {
            Value::String(text) => {
                *text = format!("{with} {text} and more {with} {text} ::set-output name=x::y")
            }
            Value::Array(items) => items.iter_mut().for_each(|item| poisoned(item, with)),
            Value::Object(map) => {
                let keep = ["event", "outcome", "stream"];
                map.iter_mut()
                    .filter(|(key, _)| !keep.contains(&key.as_str()))
                    .for_each(|(_, item)| poisoned(item, with));
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
    for with in
        ["::error::", "##vso[task.setvariable variable=x]y", "##[add-path]z", "###teamcity[x]", "####"]
    {
        let mut events = [a_deployment(), vec![a_plan(), a_failure()]].concat();
        events.iter_mut().for_each(|event| poisoned(event, with));
        for width in [None, Some(20), Some(31), Some(50), Some(80)] {
            let shown = shown(TerminalCapabilities { width, ..LOG }, &events);
            for line in shown.lines() {
                assert!(!line.contains("##") && !line.trim_start().starts_with("::"), "{width:?}: {line}");
            }
        }
    }
}
