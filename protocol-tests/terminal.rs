//! Tests the standalone program on a terminal of 80 columns: the screen of a plan, a deployment and a
//! failure, line by line.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use lambda_endpoint::{Endpoint, Settings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::fixture::git;
use crate::plugin::{aws_env, program};
use crate::pty::{Pty, screen};
use crate::shell::PATH;

const COLUMNS: u16 = 80;

/// An endpoint in eu-west-1, and a git repository on the branch main.
pub(crate) struct Desk {
    pub(crate) endpoint: Endpoint,
    directory: TempDir,
}

/// The output and the exit status of a run.
pub(crate) struct Shown {
    pub(crate) written: String,
    pub(crate) status: Option<i32>,
}

impl Desk {
    pub(crate) fn new() -> Self {
        let settings = Settings { region: "eu-west-1".to_owned(), ..Settings::default() };
        let endpoint = Endpoint::start(settings).expect("a free port");
        let directory = TempDir::new().expect("a temporary directory");
        fs::create_dir(directory.path().join("dist")).expect("can be created");
        git(directory.path(), &["init", "--quiet", "--initial-branch=main"]);
        Desk { endpoint, directory }
    }

    /// Writes the code, and a `.travis.yml` with the common stanza members followed by these lines.
    pub(crate) fn write(&self, code: &str, more: &str) {
        let stanza = stanza("orders");
        self.file("dist/index.js", &format!("exports.handler = async () => '{code}'\n"));
        self.file(".travis.yml", &format!("deploy:\n{stanza}{more}"));
    }

    fn file(&self, name: &str, text: &str) {
        fs::write(self.directory.path().join(name), text).expect("writable");
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .args(["--travis-yml", ".travis.yml"])
            .current_dir(self.directory.path())
            .env_clear();
        command.env("PATH", &*PATH).envs(aws_env(&self.endpoint));
        command
            .env("DPL_LAMBDA_TODAY", "2026-11-01")
            .env("GIT_CEILING_DIRECTORIES", parent(self.directory.path()));
        command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
        command
    }

    /// Runs a command on a terminal with this many columns.
    pub(crate) fn on_terminal(&self, columns: u16, command: &mut Command) -> Shown {
        let (written, status) = Pty::open(columns).run(command, None);
        assert!(
            !written.contains(&self.endpoint.url()),
            "the output contains the port of the endpoint: {written}"
        );
        Shown { written, status: status.code() }
    }

    fn see(&self, arguments: &[&str]) -> Shown {
        let shown = self.on_terminal(COLUMNS, &mut self.command(arguments));
        shown.check_width();
        shown
    }

    /// Deploys version 1 with code, settings, variables and tags that differ from those of
    /// [`Self::differing`].
    pub(crate) fn deploy_version_1(&self) {
        self.write("hello", "  timeout: 10\n  environment: {STAGE: test}\n  function_tags: {team: blue}\n");
        let shown = self.on_terminal(COLUMNS, &mut self.command(&["deploy"]));
        assert_eq!(shown.status, Some(0), "{}", shown.written);
    }

    /// A deployed function at version 1, and a stanza that differs from it.
    fn differing() -> Self {
        let desk = Desk::new();
        desk.deploy_version_1();
        let more = "  timeout: 20\n  environment: {STAGE: prod, LEVEL: info}\n  function_tags: {team: red}\n";
        desk.write("good-bye", &format!("{more}  verify: {{}}\n  traffic: 50\n  traffic_interval: 1\n"));
        desk
    }
}

impl Shown {
    pub(crate) fn lines(&self) -> Vec<String> {
        screen(&self.written)
    }

    /// Compares the screen with `expected`. Every time and request id counts as `#`, with one space before
    /// it.
    #[track_caller]
    fn check(&self, expected: &str) {
        let shown = self.lines().iter().map(|line| lasting(line)).collect::<Vec<_>>().join("\n");
        assert_eq!(shown, expected, "\n{}", self.lines().join("\n"));
    }

    #[track_caller]
    fn check_width(&self) {
        for line in self.lines() {
            assert!(line.chars().count() <= usize::from(COLUMNS), "{} columns: {line}", line.chars().count());
        }
    }
}

fn parent(directory: &Path) -> &Path {
    directory.parent().expect("a parent directory")
}

fn stanza(name: &str) -> String {
    format!(
        "  provider: lambda\n  function_name: {name}\n  region: eu-west-1\n  \
         role: arn:aws:iam::123456789012:role/orders-run\n  runtime: nodejs22.x\n  handler_name: handler\n  \
         zip: dist\n  alias: live\n  on:\n    branch: main\n"
    )
}

/// A line without the parts that differ between runs: each time, with the spaces before it, and each request
/// id becomes `#`.
pub(crate) fn lasting(line: &str) -> String {
    let mut words: Vec<&str> = Vec::new();
    for word in line.split(' ') {
        let number = words
            .last()
            .is_some_and(|last| !last.is_empty() && last.chars().all(|c| c.is_ascii_digit() || c == '.'));
        if matches!(word, "ms" | "s") && number {
            words.pop();
            while words.last().is_some_and(|last| last.is_empty()) {
                words.pop();
            }
            words.push("#");
        } else if word.len() == 36 && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-') {
            words.push("#");
        } else {
            words.push(word);
        }
    }
    words.join(" ")
}

/// The screen for [`Desk::differing`] up to the plan.
const PLAN: &str = "\
✓ not a pull request
✓ branch: want main, got main
· access key AK****************** (environment), region eu-west-1
· packaged dist: 1 entry, 41 bytes unpacked, 155 bytes zipped

plan: the function exists; 9 steps, 7 changes
  update-function-configuration
    ~ timeout             10 → 20
    + environment.LEVEL   [secure]
    ~ environment.STAGE   [secure] → another [secure]
  update-function-code
    ~ code_sha256         3i5tMyoTJJcr → tmcBTdwIHt8G
  publish-version
  verify
  shift-traffic
    ~ alias.live.traffic  0 % → 50 %
  wait
  verify
  update-alias
    ~ alias.live          1 → the new version
  tag-resource
    ~ function_tags.team  [secure] → another [secure]
";

#[test]
fn a_plan_is_seen_at_a_poll() {
    let desk = Desk::differing();
    desk.endpoint.forget_calls();
    let plan = desk.see(&["plan"]);
    plan.check(&format!("{PLAN}\nplanned: 9 steps, 7 changes; nothing was changed\n"));
    assert_eq!(plan.status, Some(0));
    for painted in
        ["\u{1b}[1mplan:\u{1b}[0m", "\u{1b}[33m~ timeout\u{1b}[0m", "\u{1b}[32m+ environment.LEVEL\u{1b}[0m"]
    {
        assert!(plan.written.contains(painted), "{painted:?}\n{}", plan.written);
    }
    let changing = |call: &lambda_endpoint::Call| {
        !call.operation.starts_with("Get") && !call.operation.starts_with("List")
    };
    let changing: Vec<_> =
        desk.endpoint.calls().into_iter().filter(changing).map(|call| call.operation).collect();
    assert_eq!(changing, ["UpdateFunctionCode"], "only a dry run");
    assert_eq!(
        desk.endpoint.function("orders").expect("the function exists")["Configuration"]["Timeout"],
        10
    );
}

#[test]
fn a_deployment_ends_with_what_is_live() {
    let deployed = Desk::differing().see(&["deploy"]);
    let end = "
✓ update-function-configuration #
✓ update-function-code #
✓ publish-version #
✓ verify #  version 2
✓ shift-traffic #  50 % of live to version 2
✓ wait #
✓ verify #  version 2
✓ update-alias #  live at version 2
✓ tag-resource #

deployed orders
  version   2
  alias     live
  previous  version 1
  code      uploaded, tmcBTdwIHt8GBPPHqw4485yCI5n+sv5DQ+IA0Cy7N5U=
  region    eu-west-1
  took #
";
    deployed.check(&format!("{PLAN}{end}"));
    assert_eq!(deployed.status, Some(0));
    // A wait is shown while it lasts, and erased afterwards.
    assert!(deployed.written.contains("… wait  1 s\u{1b}[0m"), "{:?}", deployed.written);
    // The times are aligned in a column.
    let end = |step: &str| {
        let lines = deployed.lines();
        let line = lines.iter().find(|line| line.starts_with(step)).expect("a line of that step");
        line.find("s  ").unwrap_or(line.len() - 1)
    };
    assert_eq!(end("✓ wait"), end("✓ update-function-configuration"));
}

/// Makes the endpoint allow only these actions.
fn allow(desk: &Desk, actions: &[&str]) {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    desk.endpoint.enforce(json!({"Version": "2012-10-17", "Statement": [statement]}));
}

/// The hint for a denied action on the function.
fn hint_to_allow(action: &str) -> String {
    format!(
        "  hint: add this statement to the policy of arn:aws:iam::123456789012:user/ci
    (`dpl-lambda policy` prints all permissions that the stanza needs):
    {{
      \"Effect\": \"Allow\",
      \"Action\": [\"{action}\"],
      \"Resource\": [\"arn:aws:lambda:eu-west-1:123456789012:function:orders\"]
    }}
"
    )
}

#[test]
fn a_refusal_of_aws_ends_with_the_statement_to_add() {
    let desk = Desk::differing();
    allow(&desk, &["lambda:Get*", "lambda:List*", "lambda:UpdateFunctionConfiguration", "iam:PassRole"]);
    let failed = desk.see(&["deploy"]);
    let hint = hint_to_allow("lambda:UpdateFunctionCode");
    let shown = failed.lines().join("\n");
    let (before, end) = shown.split_once("\n✗ ").expect("the line of a failed step");
    assert_eq!(
        before.lines().last().map(lasting).as_deref(),
        Some("✓ update-function-configuration #"),
        "{shown}"
    );
    let found = "\
update-function-code

error[access-denied]: arn:aws:iam::123456789012:user/ci is not allowed to
  perform lambda:UpdateFunctionCode on
  arn:aws:lambda:eu-west-1:123456789012:function:orders
  caused by: ";
    assert!(end.starts_with(found), "{end}");
    let place = "
  already done: update-function-configuration
  AWS: UpdateFunctionCode returned 403 AccessDeniedException, request
    #
  more: dpl-lambda explain access-denied
";
    let lasting = end.lines().map(lasting).collect::<Vec<_>>().join("\n") + "\n";
    assert!(lasting.ends_with(&format!("{place}{hint}")), "{end}");
    assert_eq!(shown.matches("\"Action\"").count(), 1, "the statement is shown once: {shown}");
    assert_eq!(failed.status, Some(1));
    // The text on the screen can be copied into an IAM policy.
    let statement: Value =
        serde_json::from_str(&end[end.find('{').expect("a statement at the end")..]).expect("JSON");
    assert_eq!(statement["Action"], json!(["lambda:UpdateFunctionCode"]));
    // A plan warns about this before anything is changed.
    let plan = desk.see(&["plan"]);
    let shown = plan.lines().join("\n");
    assert!(
        shown.contains("warning[would-be-refused]: AWS would refuse UpdateFunctionCode:")
            && shown.contains(&hint),
        "{shown}"
    );
    assert_eq!((plan.status, shown.matches("\"Action\"").count()), (Some(0), 1), "{shown}");
}

#[test]
fn what_is_wrong_with_the_file_is_reported_with_its_line() {
    let desk = Desk::new();
    desk.write("hello", "  timeout: ten\n  memroy_size: 512\n");
    let failed = desk.see(&["deploy"]);
    failed.check(
        "\
✓ not a pull request
✓ branch: want main, got main
warning[unknown-key]: `memroy_size` is not an option of a lambda stanza; it is
  ignored
  --> .travis.yml:13 (memroy_size)
  hint: did you mean `memory_size`?

error[bad-value]: `timeout` is `ten`; expected whole seconds, such as 10
  --> .travis.yml:12 (timeout)
  nothing was changed
  more: dpl-lambda explain bad-value
",
    );
    assert_eq!((failed.status, desk.endpoint.calls().len()), (Some(2), 0));
}

/// A `.travis.yml` with two stanzas, of which the first is invalid.
fn several() -> Desk {
    let desk = Desk::new();
    let one = stanza("orders").trim_start().replace("runtime: nodejs22.x", "timeout: ten");
    let two = stanza("bills");
    desk.write("hello", "");
    desk.file(".travis.yml", &format!("deploy:\n- {one}- {}", two.trim_start()));
    desk
}

#[test]
fn several_stanzas_are_under_their_names() {
    let desk = several();
    let failed = desk.see(&["check"]);
    failed.check(
        "\
── orders (line 2) ─────────────────────────────────────────────────────────────
✓ not a pull request
✓ branch: want main, got main

error[bad-value]: `timeout` is `ten`; expected whole seconds, such as 10
  --> .travis.yml:6 (timeout)
  nothing was changed
  more: dpl-lambda explain bad-value
dpl-lambda: .travis.yml: bills (line 12): not run
",
    );
    assert_eq!(failed.status, Some(2));
}

#[test]
fn a_release_is_seen_function_by_function() {
    let desk = Desk::new();
    desk.write("hello", "");
    let item = |name| format!("- {}  release: shop\n", stanza(name).trim_start());
    desk.file(".travis.yml", &format!("deploy:\n{}{}", item("orders"), item("bills")));
    let deployed = desk.see(&["deploy"]);
    let lines: Vec<String> = deployed.lines().iter().map(|line| lasting(line)).collect();
    let screen = lines.join("\n");
    assert_eq!(deployed.status, Some(0), "{screen}");
    let mut rest = screen.as_str();
    for phase in ["judge", "package", "plan", "prepare", "go-live"] {
        let heading = format!("── release shop: {phase} (2 functions) ──");
        let (_, behind) = rest.split_once(&heading).unwrap_or_else(|| panic!("{heading} in {screen}"));
        rest = behind;
    }
    // No function is shown between the lines of another one.
    assert_eq!(rest.matches("✓ create-alias #  live at version 1").count(), 2, "{screen}");
    let (orders, bills) = (rest.find("\norders\n"), rest.find("\nbills\n"));
    assert!(orders.is_some() && orders < bills, "{screen}");
    let table = [
        "  function  outcome   version  previous  code      time",
        "  orders    deployed  1        -         uploaded #",
        "  bills     deployed  1        -         uploaded #",
        "",
    ];
    assert!(screen.ends_with(&table.join("\n")), "{screen}");
    // Without colours, no escape sequence moves the cursor.
    let plain = desk.on_terminal(COLUMNS, desk.command(&["plan"]).env("NO_COLOR", "1"));
    assert!(plain.status == Some(0) && !plain.written.contains('\u{1b}'), "{:?}", plain.written);
}

#[test]
fn one_of_several_stanzas_is_shown_without_a_heading() {
    let desk = several();
    let checked = "✓ not a pull request\n✓ branch: want main, got main\n\n\
                   checked: the stanza is valid and its conditions are met\n";
    for only in ["2", "bills"] {
        let shown = desk.see(&["check", "--only", only]);
        shown.check(checked);
        assert_eq!(shown.status, Some(0));
    }
}

#[test]
fn without_colours_the_screen_says_the_same() {
    let desk = Desk::differing();
    let see = |variables: &[(&str, &str)]| {
        let shown = desk.on_terminal(COLUMNS, desk.command(&["plan"]).envs(variables.iter().copied()));
        shown.check_width();
        assert_eq!(shown.status, Some(0));
        shown
    };
    let coloured = see(&[]);
    assert!(coloured.written.contains('\u{1b}'), "{:?}", coloured.written);
    for variables in [[("NO_COLOR", "1")], [("TERM", "dumb")], [("TERM", "")]] {
        let plain = see(&variables);
        assert!(!plain.written.contains('\u{1b}'), "{variables:?}: {:?}", plain.written);
        assert_eq!(plain.lines(), coloured.lines(), "{variables:?}");
    }
    let ascii = see(&[("LANG", "C"), ("NO_COLOR", "1")]);
    assert!(ascii.written.is_ascii() && ascii.written.contains("10 -> 20"), "{}", ascii.written);
}

#[test]
fn a_dumb_terminal_sees_nothing_move() {
    let desk = Desk::differing();
    let drawn = |term| {
        let deployed =
            desk.on_terminal(COLUMNS, desk.command(&["deploy"]).env("TERM", term).env("NO_COLOR", "1"));
        assert_eq!(deployed.status, Some(0), "{}", deployed.written);
        let written = deployed.written.replace("\r\n", "\n");
        assert!(written.contains("… wait  1 s"), "{written:?}");
        written.contains(['\r', '\u{8}'])
    };
    assert!(!drawn("dumb"));
    desk.deploy_version_1();
    desk.write("good-bye", "  traffic: 50\n  traffic_interval: 1\n");
    assert!(drawn("xterm"));
}

#[test]
fn a_format_that_is_asked_for_wins_over_what_the_output_is() {
    let desk = Desk::differing();
    // A slow machine adds events of progress, and each run has its own times.
    let events = |text: &str| -> Vec<Value> {
        let event = |line: &str| -> Value {
            serde_json::from_str(line).unwrap_or_else(|_| panic!("invalid JSON: {line}"))
        };
        let mut events: Vec<Value> = text.lines().map(event).collect();
        events.retain(|event| event["event"] != "progress");
        events.iter_mut().for_each(|event| drop(event.as_object_mut().expect("a map").remove("time")));
        events
    };
    let json = desk.on_terminal(COLUMNS, &mut desk.command(&["plan", "--format", "json"]));
    let piped = |arguments: &[&str]| {
        let output =
            desk.command(arguments).arg("--ci=none").stdin(Stdio::null()).output().expect("can be started");
        assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert_eq!((events(&json.written), json.status), (events(&piped(&["plan"])), Some(0)));
    // A log has no colors, no wrapped lines, and no shortened values.
    let log = piped(&["plan", "--format", "text"]);
    assert!(!log.contains(['\u{1b}', '\r', '\u{8}']), "{log:?}");
    let seen = desk.see(&["plan"]);
    let live =
        desk.endpoint.function("orders").expect("the function exists")["Configuration"]["CodeSha256"].clone();
    let live = live.as_str().expect("a hash");
    assert!(log.contains(live) && !seen.written.contains(live), "{log}");
    let shorter: Vec<String> =
        log.lines().filter(|line| !line.contains("code_sha256")).map(str::to_owned).collect();
    let mut screen = seen.lines();
    screen.retain(|line| !line.contains("code_sha256"));
    assert_eq!(shorter.join("\n") + "\n", screen.join("\n"), "the other lines are equal");
}
